"""Find where words stand in a text, letter for letter or nearly so."""

from __future__ import annotations

import re
from typing import NamedTuple

_NEAR = 75.0  # rapidfuzz's ratio, 0 to 100, from which words are taken for altered ones of the text


class Place(NamedTuple):
    """Where words stand in a text (characters), and how alike they are, up to 1."""

    start: int
    end: int
    alike: float


def nearest(quotation: str, text: str) -> Place | None:
    """Find the whole words of a text that are most like a quotation; None where none are.

    >>> text = "The mayor said that the quay was not safe at all."
    >>> place = nearest("the quay was never safe", text)
    >>> text[place.start : place.end]
    'the quay was not safe'
    >>> nearest("prices rose by a fifth", text)
    """
    from rapidfuzz import fuzz

    found = fuzz.partial_ratio_alignment(quotation.lower(), text.lower(), score_cutoff=_NEAR)
    if found is None or len(text.lower()) != len(text):
        return None
    words = [word.span() for word in re.finditer(r"\w+(?:['’.,-]\w+)*", text)]
    inside = [(a, b) for a, b in words if min(b, found.dest_end) - max(a, found.dest_start) > (b - a) / 2]
    return Place(inside[0][0], inside[-1][1], found.score / 100) if inside else None
