"""Find a place in an article again by what stood there. The article may have changed since."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from rag.errors import QuestionError

REACH = 20_000
"""How many characters from where it was a text that has moved is looked for."""
_WORD_BEGINS = re.compile(r"(?<!\w)\S")


@dataclass(frozen=True, slots=True)
class Place:
    """Characters ``start`` to ``end`` of an article's text; ``check`` tells what stood there, see ``check_of``.

    Without a ``check`` it is taken as it is.
    """

    start: int = 0
    end: int = 0
    check: str = ""

    @classmethod
    def read(cls, sent: Any) -> Place:
        """Return the place that a browser sent as ``[start, end, check]``, which may be anything. Raises QuestionError."""
        if isinstance(sent, list) and len(sent) == 3:
            start, end, check = sent
            if type(start) is type(end) is int and isinstance(check, str) and len(check) <= len(check_of("")):
                return cls(start, end, check)
        raise QuestionError("this article cannot be opened; open it from the page")

    def within(self, text: str) -> tuple[int, int] | None:
        """Where it is in a text as that is now: where it was, or nearest to that; ``None`` where it is not to be found.

        >>> noted = Place(0, 10, check_of("It rained."))
        >>> noted.within("It rained. Then sun."), noted.within("Correction. It rained."), noted.within("It snowed.")
        ((0, 10), (12, 22), None)
        """
        start = max(0, min(self.start, len(text)))
        end = max(start, min(self.end, len(text)))
        if not self.check or check_of(text[start:end]) == self.check:
            return start, end
        length = self.end - self.start
        if length < 1:
            return None
        begins = (each.start() for each in _WORD_BEGINS.finditer(text, max(0, start - REACH), start + REACH))
        for begin in sorted(begins, key=lambda begin: abs(begin - start)):
            if check_of(text[begin : begin + length]) == self.check:
                return begin, begin + length
        return None


NOWHERE = Place()


def check_of(text: str) -> str:
    """Sixteen hexadecimal digits (BLAKE2b) that tell one text from another.

    >>> check_of("It rained.")
    'ec673ed862c95a2b'
    """
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
