"""Find where words stand in a text, letter for letter or nearly so."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from rag.text.words import FUNCTION_WORDS

SHORTEST = 3
"""Words; of fewer no place is near, they stand in an article or they do not."""
NEAR = 0.6
"""A place is an altered quotation's where at least this share of the words of both is the same."""
NEAR_CONTENT = 0.5
"""And at least this share of the quotation's content words stands there."""
LONGEST_GAP = 2000
"""Characters of the article that an omission may skip."""
MOST_PAIRS = 50_000
"""Pairs of equal words that are compared: 5,000 characters of prose make 10,000, "a a a" millions, and an hour's work."""
_WINDOWS = 4

# Marks that house styles write in several ways: quotation marks, apostrophes, dashes; and ё, which many print as е.
SIGNS = str.maketrans(dict.fromkeys('“”„‟"«»″‘’‚‛‹›′`´', "'") | dict.fromkeys("—–‒‑―−‐", "-") | {"ё": "е", "Ё": "е"})
WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_SPACED = re.compile(r"\s+-\s*|-\s+|\s{2,}|[^\S ]|…")
_PLAIN_GAP = re.compile(r"[ ,-]*")


class Place(NamedTuple):
    """Hold how much of some words stands at a place of a text (0 to 1)."""

    alike: float
    start: int
    end: int


@dataclass(frozen=True)
class Folded:
    """A text without what house styles differ in; ``places[i]`` is where its character ``i`` stands in the original."""

    text: str
    places: tuple[int, ...]

    @staticmethod
    def of(original: str) -> Folded:
        """Write marks that look alike as one, in small letters, with single spaces.

        >>> Folded.of("“We were  –  never”").text
        "'we were-never'"
        """
        small = original.lower()
        if len(small) != len(original):  # a few letters have two small ones
            small = "".join(low if len(low := each.lower()) == 1 else each for each in original)
        small = small.translate(SIGNS)
        letters: list[str] = []
        places: list[int] = []
        last = 0
        for gap in _SPACED.finditer(small):
            letters.append(small[last : gap.start()])
            places.extend(range(last, gap.start()))
            last = gap.end()
            written = gap.group().strip() or " "
            place = gap.start() if written == " " else small.find(written, gap.start())
            letters.append(written.replace("…", "..."))
            places += [place] * len(letters[-1])
        letters.append(small[last:])
        places.extend(range(last, len(small)))
        return Folded("".join(letters), tuple(places))

    @cached_property
    def words(self) -> list[tuple[str, int, int]]:
        """Return the words with where they begin and end."""
        return [(match.group(), *match.span()) for match in WORD.finditer(self.text)]

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return a span of this text as one of the original."""
        return self.places[start], self.places[end - 1] + 1


def nearest(quotation: str, text: str) -> Place | None:
    """Find the words of a text that are most like a quotation; None where none are.

    >>> text = "The mayor said that the quay was not safe at all."
    >>> place = nearest("the quay was never safe", text)
    >>> text[place.start : place.end]
    'the quay was not safe'
    >>> nearest("prices rose by a fifth", text)
    """
    folded = Folded.of(text)
    place = near(Folded.of(quotation), folded)
    return Place(place.alike, *folded.original(place.start, place.end)) if place.alike >= NEAR else None


def exact(parts: Sequence[str], article: Folded) -> list[tuple[int, int]]:
    """Find all parts one after another, as whole words. Empty where they do not stand so."""
    folded = [Folded.of(part).text for part in parts]
    for start in _occurrences(folded[0], article.text, 0):
        spans = [(start, start + len(folded[0]))]
        for part in folded[1:]:
            before = spans[-1][1]
            following = next(_occurrences(part, article.text, before, before + LONGEST_GAP), None)
            if following is None:
                break
            spans.append((following, following + len(part)))
        if len(spans) == len(folded):
            return spans
    return []


def _occurrences(part: str, text: str, start: int, end: int | None = None) -> Iterator[int]:
    while (start := text.find(part, start, end)) >= 0:
        if not (_cuts_word(text, start) or _cuts_word(text, start + len(part))):
            yield start
        start += 1


def _cuts_word(text: str, place: int) -> bool:
    """Tell whether a place lies inside a word. Scripts without spaces have words that we do not know."""
    around = text[max(0, place - 1) : place + 1]
    return 0 < place < len(text) and around.isalnum() and max(around) < "\u0e00"


def near(part: Folded, article: Folded) -> Place:
    """Find the place of an article that is nearest to some words. Places are the folded texts'."""
    asked = [word for word, _, _ in part.words]
    best = Place(0.0, 0, 0)
    if len(asked) < SHORTEST:
        spans = exact([part.text], article)
        return Place(1.0, *spans[0]) if spans else best
    for first in _windows(set(asked), len(asked), article):
        last = min(len(article.words), first + len(asked) + len(asked) // 2 + 2)
        first = max(0, first - len(asked) // 4 - 1)
        best = max(best, _aligned(asked, first, last, article))
    return best


def _windows(asked: set[str], size: int, article: Folded) -> list[int]:
    """Return the first words of the stretches of an article in which most of the words stand."""
    sums = [0, *accumulate(word in asked for word, _, _ in article.words)]
    starts = range(max(1, len(article.words) - size + 1))
    counts = {start: sums[min(len(sums) - 1, start + size)] - sums[start] for start in starts}
    chosen: list[int] = []
    for start in sorted(starts, key=lambda each: -counts[each]):
        if len(chosen) == _WINDOWS or counts[start] * 3 < size:
            break
        if all(abs(start - other) > size // 2 for other in chosen):
            chosen.append(start)
    return chosen


def _aligned(asked: Sequence[str], first: int, last: int, article: Folded) -> Place:
    """Align words with a stretch of an article; return how near they are, and the characters for all of them."""
    words = article.words[first:last]
    counts = Counter(word for word, _, _ in words)
    if sum(counts[word] for word in asked) > MOST_PAIRS:
        return Place(0.0, 0, 0)
    matcher = SequenceMatcher(None, asked, [word for word, _, _ in words], autojunk=False)
    blocks = [block for block in matcher.get_matching_blocks() if block.size]
    if not blocks:
        return Place(0.0, 0, 0)
    begin, end = blocks[0].b, blocks[-1].b + blocks[-1].size
    for _ in range(blocks[0].a):  # a word that was changed stands for one, as far as the sentence goes
        if begin and _PLAIN_GAP.fullmatch(article.text, words[begin - 1][2], words[begin][1]):
            begin -= 1
    for _ in range(len(asked) - blocks[-1].a - blocks[-1].size):
        if end < len(words) and _PLAIN_GAP.fullmatch(article.text, words[end - 1][2], words[end][1]):
            end += 1
    matched = [word for block in blocks for word in asked[block.a : block.a + block.size]]
    content = [word for word in asked if word not in FUNCTION_WORDS]
    held = sum(word not in FUNCTION_WORDS for word in matched) / len(content) if content else 1.0
    share = 2 * len(matched) / (len(asked) + end - begin)
    return Place(share if held >= NEAR_CONTENT else 0.0, words[begin][1], words[end - 1][2])
