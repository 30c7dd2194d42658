"""How near texts and words are in meaning, seen by the embedding model; what was embedded once is remembered."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from rag.errors import EmbedderError
from rag.words import FUNCTION_WORDS, words

if TYPE_CHECKING:
    from embeddings import Embedder, Vectors

T = TypeVar("T")

# Two words mean nearly the same from the second cosine on, and nothing to each other below the first: of random pairs of words
# all-MiniLM-L6-v2 gives 95 % a cosine below 0.42 and 99 % one below 0.58; synonyms ("largest", "biggest") get 0.55 to 0.95.
_UNRELATED, _SYNONYMS = 0.45, 0.75
# Sentences and words that have nothing to do with one another, and the mean cosine that all-MiniLM-L6-v2 gives two of them.
_SENTENCES: tuple[str, ...] = (
    "The ferry leaves the harbour at noon.", "Bees sleep through the winter.", "The court rejected the appeal on Monday.",
    "My sister plays the violin.", "Steel prices fell by a tenth.", "The recipe needs two eggs and some flour.",
    "Snow closed the mountain road.", "The striker scored twice before the break.", "A new vaccine was tested on mice.",
    "The minister resigned after the vote.", "This painting hangs in a small museum.", "The update fixes three errors.",
    "Farmers harvested the wheat early.", "The telescope found a distant galaxy.", "She bought a pair of red shoes.",
)  # fmt: skip
_WORDS: tuple[str, ...] = (
    "ferry", "bees", "court", "violin", "steel", "recipe", "snow", "striker", "vaccine", "minister", "painting", "software",
    "wheat", "telescope", "shoes",
)  # fmt: skip
_USUAL = {_SENTENCES: 0.05, _WORDS: 0.24}
_MUCH_MORE = 0.1
_REMEMBERED = 16384
_UNRELATED_TEXTS, _PER_COVERAGE = 0.28, 0.48  # of 5,811 pairs of question and sentence on SQuAD 1.1 (dev), see below
LONGEST_WORD = 40
"""Scripts without spaces make one run of a whole sentence, which is no word and may be longer than the embedder reads."""


class Similarity:
    """Compares texts by their vectors; safe to use from any thread.

    Sentences and words recur from question to question, and embedding them is most of an answer's time. Cosines come on the
    scale of all-MiniLM-L6-v2, which all thresholds were measured with: some models, multilingual-e5 among them, give
    any two texts 0.7 or more, and would otherwise find everything alike.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._vectors: OrderedDict[str, Vectors] = OrderedDict()
        self._read: OrderedDict[str, bool] = OrderedDict()
        self._unrelated: dict[tuple[str, ...], float] = {}
        self._lock = threading.Lock()

    def reads(self, texts: Sequence[str]) -> list[bool]:
        """For each text whether the model knows its words; the cosines of one that it does not know mean nothing."""
        return self._recalled(self._read, texts, self._embedder.reads)

    def to_question(self, question: str, texts: Sequence[str]) -> list[float]:
        """The cosine, -1 to 1, of a question with each of the texts; raises EmbedderError."""
        with _translated():
            vector = self._embedder.embed_query(question)
        return [float(cosine) for cosine in self._scaled(self.vectors(texts) @ vector, _SENTENCES)]

    def between(self, texts: Sequence[str], others: Sequence[str]) -> Vectors:
        """The cosines of texts with others, shape (len(texts), len(others)); raises EmbedderError."""
        return self._scaled(self.vectors(texts) @ self.vectors(others).T, _SENTENCES)

    def near(self, asked: Sequence[str], texts: Sequence[Collection[str]]) -> list[dict[str, float]]:
        """For each collection of words how near, from 0 to 1, each asked word comes to one of them in meaning."""
        asked = [word for word in asked if len(word) <= LONGEST_WORD]
        known = sorted(frozenset[str]().union(*texts))
        if not asked or not known:
            return [{} for _ in texts]
        columns = {word: column for column, word in enumerate(known)}
        cosines = self.vectors([word.lower() for word in asked]) @ self.vectors(known).T
        table = (self._scaled(cosines, _WORDS) - _UNRELATED) / (_SYNONYMS - _UNRELATED)
        best = [table[:, [columns[word] for word in text]].max(axis=1, initial=0.0).clip(0.0, 1.0) for text in texts]
        return [dict(zip(asked, map(float, each), strict=True)) for each in best]

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """The vectors of texts, shape (len(texts), dimension); raises EmbedderError."""
        import numpy

        rows: list[Vectors] = self._recalled(self._vectors, texts, self._embedded)
        return numpy.stack(rows)

    def _embedded(self, texts: Sequence[str]) -> Iterable[Vectors]:
        return self._embedder.embed_documents([self._readable(text) for text in texts])

    def _recalled(
        self, memory: OrderedDict[str, T], texts: Sequence[str], work: Callable[[Sequence[str]], Iterable[T]]
    ) -> list[T]:
        """What was worked out for texts, one each; what is not remembered is worked out now."""
        with self._lock:
            found = {text: memory[text] for text in texts if text in memory}
        if missing := [text for text in dict.fromkeys(texts) if text not in found]:
            with _translated():
                found.update(zip(missing, work(missing), strict=True))
            with self._lock:
                memory.update({text: found[text] for text in missing})
                while len(memory) > _REMEMBERED:
                    memory.popitem(last=False)
        return [found[text] for text in texts]

    def _scaled(self, cosines: Vectors, unrelated: tuple[str, ...]) -> Vectors:
        """The cosines, stretched where the model gives unrelated texts much more than usual; equal texts keep 1."""
        usual = _USUAL[unrelated]
        if unrelated not in self._unrelated:
            self._unrelated[unrelated] = self._mean_cosine(unrelated)
        low = self._unrelated[unrelated]
        return cosines if low < usual + _MUCH_MORE else 1 - (1 - cosines) * (1 - usual) / (1 - low)

    def _mean_cosine(self, unrelated: tuple[str, ...]) -> float:
        """The mean cosine of two of these texts; 0 for a model that does not read them."""
        if not all(self.reads(unrelated)):
            return 0.0
        vectors = self.vectors(unrelated)
        pairs = len(unrelated) * (len(unrelated) - 1)
        return min(0.99, float(((vectors @ vectors.T).sum() - len(unrelated)) / pairs))

    def _readable(self, text: str) -> str:
        """As much of a text as the embedding model reads: what a chat model writes has no greatest length."""
        while (
            len(text) > self._embedder.max_tokens and self._embedder.count_tokens([text])[0] > self._embedder.max_tokens
        ):
            text = text[: len(text) * 3 // 4]
        return text


def expected_cosine(coverage: float) -> float:
    """The cosine, 0.28 to 0.76, that a text has on average where this share of the other's weight (0 to 1) is spelt in it.

    It stands in for a cosine that means nothing. all-MiniLM-L6-v2 gives any two Russian sentences 0.6, because it takes
    their words apart into letters; taken for meaning, that would answer any question with any sentence.

    >>> expected_cosine(0.0), expected_cosine(1.0)
    (0.28, 0.76)
    """
    return round(_UNRELATED_TEXTS + _PER_COVERAGE * coverage, 6)


def meaningful_words(text: str) -> frozenset[str]:
    """The words of a text in small letters, without function words, numbers and what is too long for a word.

    >>> sorted(meaningful_words("The plant and its 620 workers"))
    ['plant', 'workers']
    """
    found = (word.lower() for word in words(text) if word.isalpha() and len(word) <= LONGEST_WORD)
    return frozenset(found) - FUNCTION_WORDS


@contextmanager
def _translated() -> Iterator[None]:
    from embeddings import EmbeddingError

    try:
        yield
    except EmbeddingError as error:
        raise EmbedderError(str(error)) from error
