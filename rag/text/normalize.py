"""Normalize text that others wrote, in time that grows with its length."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

MOST_MARKS = 30
"""Combining marks in a row that are kept; the limit of Stream-Safe Text, https://www.unicode.org/reports/tr15/."""

_HALFWIDTH = "\uff9e\uff9f"
"""Letters that NFKC and NFKD turn into marks."""

# No mark is a letter, a digit, white space or ASCII.
_LONG_RUN = re.compile(rf"(?:[^\w\s\x00-\x7f]|[{_HALFWIDTH}]){{{MOST_MARKS + 1},}}")


def normalize(text: str, form: Literal["NFC", "NFD", "NFKC", "NFKD"] = "NFC") -> str:
    r"""Return a text in a normal form, with 30 combining marks in a row at most.

    unicodedata puts a run of marks in order by insertion: a run of 64,000 took it 3 seconds, twice as many 12.

    >>> normalize("Cafe\u0301"), len(normalize("x" + "\u0323" * 1000))
    ('Café', 31)
    """
    return unicodedata.normalize(form, _LONG_RUN.sub(_cut, text))


def _cut(match: re.Match[str]) -> str:
    kept, marks = [], 0
    for character in match.group():
        marks = marks + 1 if unicodedata.category(character)[0] == "M" or character in _HALFWIDTH else 0
        if marks <= MOST_MARKS:
            kept.append(character)
    return "".join(kept)
