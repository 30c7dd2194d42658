"""How near texts and words are in meaning, seen by the embedding model; what was embedded once is remembered."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rag.errors import EmbedderError
from rag.words import FUNCTION_WORDS, words

if TYPE_CHECKING:
    from embeddings import Embedder, Vectors

# Two words mean nearly the same from the second cosine on, and nothing to each other below the first: of random pairs of words
# all-MiniLM-L6-v2 gives 95 % a cosine below 0.42 and 99 % one below 0.58; synonyms ("largest", "biggest") get 0.55 to 0.95.
_UNRELATED, _SYNONYMS = 0.45, 0.75
_REMEMBERED = 16384
LONGEST_WORD = 40
"""Scripts without spaces make one run of a whole sentence, which is no word and may be longer than the embedder reads."""


class Similarity:
    """Compares texts by their vectors; safe to use from any thread.

    Sentences and words recur from question to question, and embedding them is most of an answer's time.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: OrderedDict[str, Vectors] = OrderedDict()
        self._lock = threading.Lock()

    def to_question(self, question: str, texts: Sequence[str]) -> list[float]:
        """The cosine, -1 to 1, of a question with each of the texts; raises EmbedderError."""
        with _translated():
            vector = self._embedder.embed_query(question)
        return [float(cosine) for cosine in self.vectors(texts) @ vector]

    def between(self, texts: Sequence[str], others: Sequence[str]) -> Vectors:
        """The cosines of texts with others, shape (len(texts), len(others)); raises EmbedderError."""
        cosines: Vectors = self.vectors(texts) @ self.vectors(others).T
        return cosines

    def near(self, asked: Sequence[str], texts: Sequence[Collection[str]]) -> list[dict[str, float]]:
        """For each collection of words how near, from 0 to 1, each asked word comes to one of them in meaning."""
        asked = [word for word in asked if len(word) <= LONGEST_WORD]
        known = sorted(frozenset[str]().union(*texts))
        if not asked or not known:
            return [{} for _ in texts]
        columns = {word: column for column, word in enumerate(known)}
        table = (self.between([word.lower() for word in asked], known) - _UNRELATED) / (_SYNONYMS - _UNRELATED)
        best = [table[:, [columns[word] for word in text]].max(axis=1, initial=0.0).clip(0.0, 1.0) for text in texts]
        return [dict(zip(asked, map(float, each), strict=True)) for each in best]

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """The vectors of texts, shape (len(texts), dimension); raises EmbedderError."""
        import numpy

        with self._lock:
            found = {text: self._known[text] for text in texts if text in self._known}
        missing = [text for text in dict.fromkeys(texts) if text not in found]
        with _translated():
            readable = [self._readable(text) for text in missing]
            found.update(zip(missing, self._embedder.embed_documents(readable), strict=True))
        self._remember({text: found[text] for text in missing})
        return numpy.stack([found[text] for text in texts])

    def _readable(self, text: str) -> str:
        """As much of a text as the embedding model reads: what a chat model writes has no greatest length."""
        while (
            len(text) > self._embedder.max_tokens and self._embedder.count_tokens([text])[0] > self._embedder.max_tokens
        ):
            text = text[: len(text) * 3 // 4]
        return text

    def _remember(self, fresh: Mapping[str, Vectors]) -> None:
        with self._lock:
            self._known.update(fresh)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)


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
