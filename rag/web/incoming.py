"""Files on their way from a browser: they come piece by piece, and are in no folder until they are whole."""

from __future__ import annotations

import base64
import binascii
import secrets
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

from rag.errors import QuestionError, RefusedFile
from rag.read import MEGABYTE

MOST_AT_ONCE = 16
"""How many files may be on their way at once, of all pages together."""
IDLE_SECONDS = 60.0
"""After how long a file that does not go on makes room for another."""
LONGEST_PIECE = 700_000
"""How many characters a piece of a file may have on its way, in base64: the guard lets no larger request through."""


@dataclass(slots=True)
class _File:
    name: str
    file: IO[bytes]
    heard: float
    size: int = 0


class Incoming:
    """Collects files of at most ``max_bytes``: ``begin``, ``add`` as often as needed, ``take``; for any thread."""

    def __init__(self, max_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.max_bytes = max_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._files: dict[str, _File] = {}

    def begin(self, name: str, size: int) -> str:
        """Announce a file of ``size`` bytes and return what it is called until its end; raises RefusedFile."""
        self._check_size(size)
        with self._lock:
            self._make_room()
            token = secrets.token_urlsafe(16)
            file = tempfile.SpooledTemporaryFile(max_size=MEGABYTE)  # noqa: SIM115 - lives until its end
            self._files[token] = _File(name, file, self._clock())
        return token

    def add(self, token: str, data: bytes) -> None:
        """Take the next piece of a file; raises RefusedFile, and forgets it, where it becomes too large."""
        with self._lock:
            incoming = self._known(token)
            incoming.size += len(data)
            incoming.heard = self._clock()
            try:
                self._check_size(incoming.size)
                incoming.file.write(data)
            except (RefusedFile, OSError):
                self._forget(token)
                raise

    def take(self, token: str) -> tuple[str, bytes]:
        """Return the name and the bytes of a whole file, and forget it; raises RefusedFile."""
        with self._lock:
            incoming = self._known(token)
            incoming.file.seek(0)
            data = incoming.file.read()
            self._forget(token)
        return incoming.name, data

    def close(self) -> None:
        """Forget the files that are on their way."""
        with self._lock:
            for token in list(self._files):
                self._forget(token)

    def _known(self, token: str) -> _File:
        if token not in self._files:
            raise RefusedFile("its transfer was broken off; add it again")
        return self._files[token]

    def _forget(self, token: str) -> None:
        self._files.pop(token).file.close()

    def _make_room(self) -> None:
        now = self._clock()
        for token in [token for token, each in self._files.items() if now - each.heard > IDLE_SECONDS]:
            self._forget(token)
        if len(self._files) >= MOST_AT_ONCE:
            raise RefusedFile("others are adding files right now; add it again in a moment")

    def _check_size(self, size: int) -> None:
        if size > self.max_bytes:
            limit = f"{self.max_bytes / MEGABYTE:g}"
            raise RefusedFile("larger than {size} MB; split it or raise RAG_MAX_FILE_MEGABYTES", size=limit)


def transfer(step: Any, to: Incoming) -> dict[str, Any]:
    """Take one step of a file's way in as a browser sends it, which may be anything. Raises FootnoteError.

    ``["begin", name, size]`` gives a ``token``, ``["add", token, base64]`` nothing.
    """
    match step:
        case ["begin", str(name), size] if len(name) <= 4096 and type(size) is int:
            return {"token": to.begin(name, size)}
        case ["add", str(token), str(piece)] if len(piece) <= LONGEST_PIECE:
            try:
                to.add(token, base64.b64decode(piece, validate=True))
            except binascii.Error:
                raise RefusedFile("it was damaged on its way; add it again") from None
            return {}
    raise QuestionError("this is no step of adding a file; reload the page")
