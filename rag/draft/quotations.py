"""Find where quoted words stand in a folder of articles, exactly or nearly, and spell out the difference."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import groupby

from rag.cite.quotation import NEAR, SIGNS, WORD, Folded, exact, near
from rag.draft.checked import Piece, Quotation
from rag.index.store import Index
from rag.retrieval.diversify import joined
from rag.types import Citation, Document, Hit, Scope

LONGEST_QUOTATION = 5_000
"""Characters; longer words in quotation marks are looked for as they stand only: comparing them takes seconds."""
MOST_OTHERS = 9
_ROWS = 100
_ARTICLES = 12
"""Articles that are compared word by word, the best by their keywords."""
_ALIKE = 0.6
"""Words with more letters in common than this are compared letter by letter, others as wholes."""
_LONGEST_ALIKE = 300
"""Characters of words that are compared letter by letter: the time grows with the cube of them."""

_OMISSION = re.compile(r"\.\.\.+|…|\[[^\[\]]*\]")
_CAPITAL = re.compile(r"\[(\w)\](?=\w)")  # "[W]e were": the letter alone is the reporter's
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
    return [span for span in found if WORD.search(text, *span)]


class Locator:
    """Finds where quoted words stand in the articles of an index within a scope; remembers the articles that it has read."""

    def __init__(self, index: Index, scope: Scope | None = None) -> None:
        self._index = index
        self._scope = scope or Scope()
        self._read: dict[str, tuple[Document, Folded]] = {}

    def locate(self, text: str, start: int, end: int, likely: Iterable[str] = ()) -> Quotation:
        """Find a span of a text in the articles; ``likely`` are ids of articles to look in first."""
        quoted = text[start:end]
        parts = [part for part in map(_part, _OMISSION.split(_CAPITAL.sub(r"\1", quoted))) if part]
        if not parts:
            return Quotation(quoted, start, end, "not found")
        ids = list(dict.fromkeys((*likely, *self._candidates(quoted))))
        verbatim = [(id, spans) for id in ids if (spans := exact(parts, self._article(id)[1]))]
        if verbatim:
            (id, spans), *others = verbatim
            further = tuple(
                self._cite(other, found[:1], number)[0]
                for number, (other, found) in enumerate(others[:MOST_OTHERS], start=2)
            )
            return Quotation(quoted, start, end, "verbatim", self._cite(id, spans), others=further)
        compared = ids[:_ARTICLES] if len(quoted) <= LONGEST_QUOTATION else []
        near = [(*_nearest(parts, self._article(id)[1]), id) for id in compared]
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
        return list(dict.fromkeys(header.id for _, header in self._index.passages(rows) if self._scope.holds(header)))

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
        if max(len(one), len(other)) > _LONGEST_ALIKE or letters.ratio() <= _ALIKE:
            pieces.append(Piece(one, other))
            continue
        for _, start, end, other_start, other_end in letters.get_opcodes():
            pieces.append(Piece(one[start:end], other[other_start:other_end]))
    return _merged(pieces)


def _merged(pieces: Iterable[Piece]) -> Iterator[Piece]:
    for _, run in groupby(pieces, key=lambda each: each.same):
        written, printed = zip(*((each.written, each.printed) for each in run), strict=True)
        yield Piece("".join(written), "".join(printed))


def _tokens(text: str) -> list[str]:
    return re.findall(r"[^\W_]+|\s+|[\W_]", text)


def _key(token: str) -> str:
    return " " if token.isspace() else token.translate(SIGNS).lower()


def _part(text: str) -> str:
    """Strip a part of a quotation of the marks at its ends, which are the sentence's."""
    start, end = 0, len(text)
    while start < end and not text[start].isalnum():
        start += 1
    while start < end and not text[end - 1].isalnum() and text[end - 1] not in _SYMBOLS:
        end -= 1
    return text[start:end]


def _nearest(parts: Sequence[str], article: Folded) -> tuple[float, tuple[tuple[int, int], ...]]:
    """Find the place nearest to each part: how near all are, 0 to 1, and the spans; none where a part is near to nothing."""
    found = [near(Folded.of(part), article) for part in parts]
    if not all(score >= NEAR for score, _, _ in found):
        return 0.0, ()
    return min(score for score, _, _ in found), tuple((start, end) for _, start, end in found)
