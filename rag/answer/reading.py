"""Read found passages with the span reader: what in them answers, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.answer.units import Unit, units
from rag.errors import EmbedderError
from rag.types import Hit

if TYPE_CHECKING:
    from embeddings import Span, SpanReader

WINDOW = 600
"""Characters that are read at once, of whole units; as long as the windows that the reader was trained on."""
_BEFORE, _AFTER = 250, 120  # characters around a unit that tell what it is about


@dataclass(frozen=True, slots=True)
class Candidate:
    """A unit of a hit that may answer: its place in the document, the span that answers, and the reader's score.

    ``answer`` counts characters of the document too. ``score`` is a logit: above 0 an answer is likelier than none.
    """

    hit: Hit
    unit: Unit
    start: int
    end: int
    answer: tuple[int, int]
    score: float

    @property
    def quote(self) -> str:
        """Return the unit's text."""
        return self._cut(self.start, self.end)

    @property
    def span(self) -> str:
        """Return the text of the span that answers."""
        return self._cut(*self.answer)

    @property
    def around(self) -> str:
        """Return the unit's text with its context, or with what stands around it in its passage."""
        if self.unit.context:
            return f"{self.unit.context} {self.quote}"
        return self._cut(self.start - _BEFORE, self.end + _AFTER)

    def _cut(self, start: int, end: int) -> str:
        offset = self.hit.passage.start
        return self.hit.passage.text[max(0, start - offset) : end - offset]


def read(reader: SpanReader, question: str, hits: Sequence[Hit]) -> list[Candidate]:
    """Score the units of the hits that can answer, best first, each with its best span.

    Raises EmbedderError where the model fails.
    """
    cut = [units(hit.passage.text, hit.document.title) for hit in hits]
    windows = [(hit, place, *window) for place, hit in enumerate(hits) for window in _windows(cut[place])]
    texts = [(hit.document.title, hit.passage.text[start:end]) for hit, _, start, end in windows]
    with EmbedderError.translated():
        read_spans = reader.read(question, texts)
    found: dict[tuple[int, int], Candidate] = {}
    for (hit, place, start, _), spans in zip(windows, read_spans, strict=True):
        for span in spans:
            unit = _unit_of(cut[place], start + span.start, start + span.end)
            if unit is None or unit.kind != "plain":
                continue
            candidate = _candidate(hit, unit, start, span)
            known = found.get((place, unit.start))
            if known is None or candidate.score > known.score:
                found[place, unit.start] = candidate
    return sorted(found.values(), key=lambda each: -each.score)


def _candidate(hit: Hit, unit: Unit, start: int, span: Span) -> Candidate:
    offset = hit.passage.start
    low, high = max(start + span.start, unit.start), min(start + span.end, unit.end)
    return Candidate(hit, unit, offset + unit.start, offset + unit.end, (offset + low, offset + high), span.score)


def _windows(cut: Sequence[Unit]) -> Iterator[tuple[int, int]]:
    """Group units into windows of about WINDOW characters; each begins with the last unit of the one before."""
    first = 0
    while first < len(cut):
        last = first
        while last + 1 < len(cut) and cut[last + 1].end - cut[first].start <= WINDOW:
            last += 1
        yield cut[first].start, cut[last].end
        if last + 1 == len(cut):
            return
        first = last if last > first else last + 1


def _unit_of(cut: Sequence[Unit], start: int, end: int) -> Unit | None:
    """Find the unit that holds most of a span."""
    shares = [(min(end, unit.end) - max(start, unit.start), unit) for unit in cut]
    most, unit = max(shares, key=lambda each: each[0], default=(0, None))
    return unit if most > 0 else None
