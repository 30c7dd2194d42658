"""Keys of paid services: they travel as values that never print themselves."""

from __future__ import annotations


class Key:
    """A secret that only ``reveal`` shows.

    >>> Key("test-key"), f"{Key('test-key')}"
    (Key(***), '***')
    >>> Key("test-key").reveal()
    'test-key'
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: str) -> None:
        self._secret = secret.strip()

    def reveal(self) -> str:
        """Return the secret itself, for the request's header alone."""
        return self._secret

    def __bool__(self) -> bool:
        return bool(self._secret)

    def __repr__(self) -> str:
        return "Key(***)"

    def __str__(self) -> str:
        return "***"

    def __reduce__(self) -> str:
        raise TypeError("a key is never written down")
