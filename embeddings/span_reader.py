"""Read a question and texts, and find the spans that answer: the bundled reader, on the default embedder's own weights.

What is shipped beside those weights are adapters of rank 32 for the upper layers (LoRA, https://arxiv.org/abs/2106.09685) and
a linear head; a span competes with the first token, which stands for "no answer" (https://arxiv.org/abs/1806.03822).
benchmarks/train_reader.py trains them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy

from embeddings import Span, SpanReader
from embeddings.runtime import END, START, Encoder, batches, halves, learned
from embeddings.unigram import Tokens

if TYPE_CHECKING:
    from embeddings.unigram import UnigramTokenizer

ADAPTERS = Path(__file__).parent / "reader.safetensors"
LONGEST_SPAN = 60  # tokens
_SPANS = 8  # of each text, none overlapping another
_MOST_TOKENS = 448  # of a question and its text; the body reads 512
_MOST_QUESTION_TOKENS = 128
_NO_ANSWER = 0.5, 1.5  # weight of its logit, and half of what that is where texts answer; see benchmarks/README.md
_TEMPERATURE = 4.0  # logits; keeps scores of good passages apart


class _Part(NamedTuple):
    """A text or a part of it: which text, from which character on, and its tokens without the special ones."""

    row: int
    offset: int
    tokens: Tokens


class BundledReader:
    """The bundled reader. Safe to call from any thread. Raises EmbeddingError for adapters that do not fit."""

    name = "footnote-reader"

    def __init__(self, encoder: Encoder, tokenizer: UnigramTokenizer, adapters: Path = ADAPTERS) -> None:
        self._encoder, self._tokenizer = encoder, tokenizer
        _, head = learned(adapters)
        self._head, self._bias = head["span.weight"], head["span.bias"]

    def read(self, question: str, texts: Sequence[tuple[str, str]]) -> list[list[Span]]:
        """Find the best spans of each (title, text), best first; scores compare within and between texts.

        A score is the logit of the span less that of "no answer", of which half is taken as it usually is: it tells texts
        apart less well than the span does. A text that is too long for the model is read in halves.
        """
        before = [START, *self._tokenizer.ids(asked(question))[:_MOST_QUESTION_TOKENS], END, END]
        room = _MOST_TOKENS - len(before) - 1
        titles = [header(title) for title, _ in texts]
        parts = [part for row, (_, text) in enumerate(texts) for part in self._parts(row, titles[row], text, 0, room)]
        spans: list[list[Span]] = [[] for _ in texts]
        ids = [[*before, *part.tokens.ids, END] for part in parts]
        rows = list(batches([len(each) for each in ids]))
        read = self._encoder.each(([ids[i] for i in batch] for batch in rows), adapted=True)
        for batch, (hidden, _) in zip(rows, read, strict=True):
            for i, scores in zip(batch, hidden @ self._head.T + self._bias, strict=True):
                row, offset, tokens = parts[i]
                title = len(titles[row])  # stands before every part; a span in it is none of the text
                spans[row] += [
                    Span(start + offset - title, end + offset - title, score)
                    for start, end, score in best_spans(scores, tokens, len(before))
                    if start >= title
                ]
        return [sorted(found, key=lambda each: (-each.score, each.start))[:_SPANS] for found in spans]

    def _parts(self, row: int, title: str, text: str, offset: int, room: int) -> Iterator[_Part]:
        """Tokenize a text, in halves until each has room."""
        tokens = self._tokenizer.tokens(title + text)
        if len(tokens.ids) <= room or len(text) < 2:
            yield _Part(row, offset, Tokens(*(each[:room] for each in tokens)))
            return
        first, second = halves(text)
        yield from self._parts(row, title, first, offset, room)
        yield from self._parts(row, title, second, offset + len(first), room)


class ReadingReranker:
    """Order texts by how well the best span of each answers."""

    def __init__(self, reader: SpanReader) -> None:
        self.name = reader.name
        self._reader = reader

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """Score each text from 0 to 1; raises EmbeddingError where the model fails."""
        found = self._reader.read(question, [("", text) for text in texts])
        return [1 / (1 + math.exp(-spans[0].score / _TEMPERATURE)) if spans else 0.0 for spans in found]


def asked(question: str) -> str:
    """Write a question as the model reads it."""
    return f"query: {question}"


def best_spans(scores: Any, tokens: Tokens, low: int) -> list[Span]:
    """Find the best spans of a text, none overlapping another, by scores of shape (tokens, 2).

    ``tokens`` are the text's, of which the first has the scores of row ``low``; row 0 means no answer.
    """
    if not tokens.ids:
        return []
    count = len(tokens.ids)
    inside = scores[low : low + count]
    total = inside[:, 0][:, None] + inside[:, 1][None]
    total = numpy.where(numpy.tri(count, k=LONGEST_SPAN - 1) * numpy.tri(count, k=0).T > 0, total, -numpy.inf)
    weight, usual = _NO_ANSWER
    none = weight * float(scores[0].sum()) + usual
    spans: list[Span] = []
    while len(spans) < _SPANS and total.max() > -numpy.inf:
        start, end = divmod(int(total.argmax()), count)
        first, last = tokens.starts[start], tokens.ends[end]
        if last > first:
            spans.append(Span(first, last, float(total[start, end]) - none))
        total[: end + 1, start:] = -numpy.inf  # whatever overlaps
    return spans


def header(title: str) -> str:
    """Write what stands before a text."""
    return f"{title}. " if title else ""
