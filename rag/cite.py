"""From spans to quotes: every citation is checked against the article and numbered by us, in order of appearance."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from rag.types import Citation, Hit, Sentence


class Evidence(NamedTuple):
    """A span of a found passage that bears on the question; a higher ``score`` is better.

    ``start`` and ``end`` count characters of the document's text.
    """

    hit: Hit
    start: int
    end: int
    score: float

    @property
    def quote(self) -> str:
        """The span's text."""
        passage = self.hit.passage
        return passage.text[self.start - passage.start : self.end - passage.start]


def cite(evidence: Iterable[Evidence]) -> tuple[Sentence, ...]:
    """A sentence for each piece of evidence, word for word, with its citation; numbers count from 1 in order of appearance.

    Raises CitationError where a span does not lie inside its passage.
    """
    return tuple(
        Sentence(" ".join(each.quote.split()), (Citation(number, each.hit, each.quote, each.start, each.end),))
        for number, each in enumerate(evidence, start=1)
    )


def citations_of(sentences: Iterable[Sentence]) -> tuple[Citation, ...]:
    """All citations of an answer, each once, by number."""
    return tuple(sorted({each for sentence in sentences for each in sentence.citations}, key=lambda each: each.number))


def marked_text(sentences: Iterable[Sentence]) -> str:
    """The sentences as one text, each followed by the numbers of its citations in brackets.

    >>> marked_text([Sentence("It rained."), Sentence("It was cold.")])
    'It rained. It was cold.'
    """
    return " ".join(
        sentence.text + "".join(f" [{citation.number}]" for citation in sentence.citations) for sentence in sentences
    )
