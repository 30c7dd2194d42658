"""Find where quoted words stand in a folder of articles, exactly or nearly, and spell out the difference."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from itertools import accumulate

from rag.diversify import joined
from rag.draft.checked import Piece, Quotation
from rag.index import Index
from rag.types import Citation, Document, Hit
from rag.words import FUNCTION_WORDS

SHORTEST = 3
"""Words; of fewer no place is near, they stand in an article or they do not."""
NEAR = 0.6
"""A place is an altered quotation's where at least this share of the words of both is the same."""
NEAR_CONTENT = 0.5
"""And at least this share of the quotation's content words stands there."""
LONGEST_GAP = 2000
"""Characters of the article that an omission may skip."""
MOST_OTHERS = 9
_ROWS = 100
_ARTICLES = 12
"""Articles that are compared word by word, the best by their keywords."""
_WINDOWS = 4
_ALIKE = 0.6
"""Words with more letters in common than this are compared letter by letter, others as wholes."""

# Marks that house styles write in several ways: quotation marks, apostrophes, dashes; and ё, which many print as е.
_SIGNS = str.maketrans(dict.fromkeys('“”„‟"«»″‘’‚‛‹›′`´', "'") | dict.fromkeys("—–‒‑―−‐", "-") | {"ё": "е", "Ё": "е"})
_OMISSION = re.compile(r"\.\.\.+|…|\[[^\[\]]*\]")
_CAPITAL = re.compile(r"\[(\w)\](?=\w)")  # "[W]e were": the letter alone is the reporter's
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_SPACED = re.compile(r"\s+-\s*|-\s+|\s{2,}|[^\S ]|…")
_PLAIN_GAP = re.compile(r"[ ,-]*")
_SYMBOLS = "%°€$£"
_QUOTED = re.compile(
    r"“([^“”\n]+)(?:”|$)|«([^«»\n]+)(?:»|$)|„([^„“”\n]+)[“”]|(?<!\w)\"([^\"\n]+)\"(?!\w)"
    r"|‘((?:[^‘’\n]|(?<=\w)’(?=\w))+)’(?!\w)|(?<!\w)'((?:[^'\n]|(?<=\w)'(?=\w))+)'(?!\w)",
    re.MULTILINE,
)


def quotation_spans(text: str) -> list[tuple[int, int]]:
    """List the spans of the words in quotation marks, without the marks; an open one ends with its paragraph.

    >>> text = "He said “no” and 'we were never asked'."
    >>> [text[start:end] for start, end in quotation_spans(text)]
    ['no', 'we were never asked']
    """
    found = (match.span(match.lastindex or 0) for match in _QUOTED.finditer(text))
    return [span for span in found if _WORD.search(text, *span)]


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
        small = small.translate(_SIGNS)
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
        """The words with where they begin and end."""
        return [(match.group(), *match.span()) for match in _WORD.finditer(self.text)]

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return a span of this text as one of the original."""
        return self.places[start], self.places[end - 1] + 1


class Locator:
    """Finds where quoted words stand in the articles of an index; remembers the articles that it has read."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._read: dict[str, tuple[Document, Folded]] = {}

    def locate(self, text: str, start: int, end: int, likely: Iterable[str] = ()) -> Quotation:
        """Find a span of a text in the articles; ``likely`` are ids of articles to look in first."""
        quoted = text[start:end]
        parts = [part for part in map(_part, _OMISSION.split(_CAPITAL.sub(r"\1", quoted))) if part]
        if not parts:
            return Quotation(quoted, start, end, "not found")
        ids = list(dict.fromkeys((*likely, *self._candidates(quoted))))
        exact = [(id, spans) for id in ids if (spans := _exact(parts, self._article(id)[1]))]
        if exact:
            (id, spans), *others = exact
            further = tuple(
                self._cite(other, found[:1], number)[0]
                for number, (other, found) in enumerate(others[:MOST_OTHERS], start=2)
            )
            return Quotation(quoted, start, end, "verbatim", self._cite(id, spans), others=further)
        near = [(*_nearest(parts, self._article(id)[1]), id) for id in ids[:_ARTICLES]]
        _, nearest, id = max(near, key=lambda each: each[0], default=(0.0, (), ""))
        if not nearest:
            return Quotation(quoted, start, end, "not found")
        citations = self._cite(id, nearest)
        pieces = tuple(
            piece for part, each in zip(parts, citations, strict=True) for piece in compare(part, each.quote)
        )
        return Quotation(quoted, start, end, "altered", citations, pieces)

    def _candidates(self, quoted: str) -> list[str]:
        rows = [hit.row for hit in self._index.keywords(self._index.terms(quoted), _ROWS)]
        return list(dict.fromkeys(header.id for _, header in self._index.passages(rows)))

    def _article(self, id: str) -> tuple[Document, Folded]:
        if id not in self._read:
            document = self._index.document(id)
            self._read[id] = document, Folded.of(document.text)
        return self._read[id]

    def _cite(self, id: str, spans: Sequence[tuple[int, int]], number: int = 1) -> tuple[Citation, ...]:
        document, folded = self._article(id)
        passages = self._index.passages(self._index.rows_of([id]))
        citations = []
        for start, end in (folded.original(*span) for span in spans):
            hits = [Hit(each, header, 1.0) for each, header in passages if each.start < end and start < each.end]
            citations.append(Citation(number, joined(hits, document.text), document.text[start:end], start, end))
        return tuple(citations)


def compare(written: str, printed: str) -> Iterator[Piece]:
    """Spell out how a quotation differs from the article's words, letter by letter where words are alike.

    >>> [(each.written, each.printed) for each in compare("they were never told", "They were never asked")]
    [('They were never ', 'They were never '), ('told', 'asked')]
    >>> [(each.written, each.printed) for each in compare("it costs", "it cost")]
    [('it cost', 'it cost'), ('s', '')]
    """
    ours, theirs = _tokens(written), _tokens(printed)
    matcher = SequenceMatcher(None, [_key(each) for each in ours], [_key(each) for each in theirs], autojunk=False)
    pieces: list[Piece] = []
    for kind, first, last, other_first, other_last in matcher.get_opcodes():
        one, other = "".join(ours[first:last]), "".join(theirs[other_first:other_last])
        if kind == "equal":
            pieces.append(Piece(other, other))
            continue
        letters = SequenceMatcher(None, one, other, autojunk=False)
        if letters.ratio() <= _ALIKE:
            pieces.append(Piece(one, other))
            continue
        for _, start, end, other_start, other_end in letters.get_opcodes():
            pieces.append(Piece(one[start:end], other[other_start:other_end]))
    return _merged(pieces)


def _merged(pieces: Iterable[Piece]) -> Iterator[Piece]:
    last: Piece | None = None
    for piece in pieces:
        if last is not None and last.same == piece.same:
            last = Piece(last.written + piece.written, last.printed + piece.printed)
            continue
        if last is not None:
            yield last
        last = piece
    if last is not None:
        yield last


def _tokens(text: str) -> list[str]:
    return re.findall(r"[^\W_]+|\s+|[\W_]", text)


def _key(token: str) -> str:
    return " " if token.isspace() else token.translate(_SIGNS).lower()


def _part(text: str) -> str:
    """Strip a part of a quotation of the marks at its ends, which follow the sentence around it."""
    start, end = 0, len(text)
    while start < end and not text[start].isalnum():
        start += 1
    while start < end and not text[end - 1].isalnum() and text[end - 1] not in _SYMBOLS:
        end -= 1
    return text[start:end]


def _exact(parts: Sequence[str], article: Folded) -> list[tuple[int, int]]:
    """Find all parts one after another, as whole words; empty where they do not stand so."""
    folded = [Folded.of(part).text for part in parts]
    for start in _occurrences(folded[0], article.text, 0):
        spans = [(start, start + len(folded[0]))]
        for part in folded[1:]:
            before = spans[-1][1]
            following = next(_occurrences(part, article.text[: before + LONGEST_GAP], before), None)
            if following is None:
                break
            spans.append((following, following + len(part)))
        if len(spans) == len(folded):
            return spans
    return []


def _occurrences(part: str, text: str, start: int) -> Iterator[int]:
    while (start := text.find(part, start)) >= 0:
        if not (_cuts_word(text, start) or _cuts_word(text, start + len(part))):
            yield start
        start += 1


def _cuts_word(text: str, place: int) -> bool:
    """Tell whether a place lies inside a word; scripts without spaces have words that we do not know."""
    around = text[max(0, place - 1) : place + 1]
    return 0 < place < len(text) and around.isalnum() and max(around) < "\u0e00"


def _nearest(parts: Sequence[str], article: Folded) -> tuple[float, tuple[tuple[int, int], ...]]:
    """Find the place nearest to each part: how near all are, 0 to 1, and the spans; none where a part is near to nothing."""
    found = [_near(Folded.of(part), article) for part in parts]
    if not all(score >= NEAR for score, _, _ in found):
        return 0.0, ()
    return min(score for score, _, _ in found), tuple((start, end) for _, start, end in found)


def _near(part: Folded, article: Folded) -> tuple[float, int, int]:
    asked = [word for word, _, _ in part.words]
    best = (0.0, 0, 0)
    if len(asked) < SHORTEST:
        exact = _exact([part.text], article)
        return (1.0, *exact[0]) if exact else best
    for first in _windows(set(asked), len(asked), article):
        last = min(len(article.words), first + len(asked) + len(asked) // 2 + 2)
        first = max(0, first - len(asked) // 4 - 1)
        best = max(best, _aligned(asked, first, last, article))
    return best


def _windows(asked: set[str], size: int, article: Folded) -> list[int]:
    """The first words of the stretches of an article in which most of the words stand."""
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


def _aligned(asked: Sequence[str], first: int, last: int, article: Folded) -> tuple[float, int, int]:
    """Align words with a stretch of an article: how near they are, and the characters that stand for all of them."""
    words = article.words[first:last]
    matcher = SequenceMatcher(None, asked, [word for word, _, _ in words], autojunk=False)
    blocks = [block for block in matcher.get_matching_blocks() if block.size]
    if not blocks:
        return 0.0, 0, 0
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
    return share if held >= NEAR_CONTENT else 0.0, words[begin][1], words[end - 1][2]
