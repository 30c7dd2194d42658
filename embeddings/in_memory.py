"""The two contracts with nothing behind them but numpy: exact, instant, and what every other implementation is compared with.

They are part of the product: tests, demonstrations and small collections use them, and macOS searches with NumpyIndex.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import numpy

from embeddings import EmbeddingError, Neighbor, Span

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from embeddings import Vectors

    Direction = NDArray[numpy.float64]

VECTORS_FILE = "vectors.npy"

_DAMAGED = "{file} is damaged: {message}; build the index again with 'rag build'"
_NO_DIRECTION = (
    "The embedding model gave a vector that is zero or not a number; "
    "install the model again, or choose another with RAG_EMBEDDER"
)
_BATCH = 8192  # rows
_DIGITS = 6  # of a score; what comes after them in float32 is noise
TIE = 2e-6  # rows whose float32 scores differ by more cannot be equal after rounding


class HashingEmbedder:
    """Words and pairs of words, hashed into a vector: no model, no file, the same on every machine.

    Texts that share words point the same way; it knows no synonyms. ``dimension`` numbers per vector (256), texts of up to
    ``max_tokens`` tokens (256), where a token is a word and every text has two more, as with BERT.

    >>> embedder = HashingEmbedder()
    >>> embedder.count_tokens(["The ferry leaves at noon."])
    [7]
    >>> near, far = embedder.embed_documents(["The ferry leaves at one.", "Bees sleep in winter."])
    >>> question = embedder.embed_query("When does the ferry leave?")
    >>> bool(question @ near > question @ far)
    True
    """

    def __init__(self, dimension: int = 256, max_tokens: int = 256) -> None:
        self.name = "hashing"
        self.fingerprint = f"hashing-{dimension}-{max_tokens}"
        self.dimension = dimension
        self.max_tokens = max_tokens

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the number of words of each text, and two."""
        return [len(_words(text)) + 2 for text in texts]

    def embed_query(self, text: str) -> Vectors:
        """Return one question, of any length, as a vector of shape (dimension,)."""
        words = _words(text)
        vector = numpy.zeros(self.dimension, dtype=numpy.float32)
        for feature in [*words, *map(" ".join, zip(words, words[1:], strict=False))]:
            number = int.from_bytes(blake2b(feature.encode("utf-8", "replace"), digest_size=8).digest(), "big")
            vector[(number >> 1) % self.dimension] += 1 if number & 1 else -1
        if not vector.any():  # no words, or all of them cancelled out
            vector[0] = 1
        return unit_row(vector)

    def embed_documents(self, texts: Sequence[str], on_progress: Callable[[int], None] | None = None) -> Vectors:
        """Texts as vectors of shape (len(texts), dimension); EmbeddingError where one is longer than ``max_tokens``."""
        check_lengths(self.count_tokens(texts), self.max_tokens)
        vectors = numpy.zeros((len(texts), self.dimension), dtype=numpy.float32)
        for row, text in enumerate(texts):
            vectors[row] = self.embed_query(text)
            if on_progress is not None:
                on_progress(1)
        return vectors


class OverlapReader:
    """Score sentences by the words they share with the question: no model, the same on every machine.

    A sentence that holds 40 % of the question's words of four letters or more scores 0, one with all of them 6.
    """

    name = "overlap"

    def read(self, question: str, texts: Sequence[tuple[str, str]]) -> list[list[Span]]:
        """Find the sentences that share a word with the question, best first."""
        asked = {word[:5] for word in _words(question) if len(word) > 3}
        found = []
        for _, text in texts:
            spans = []
            for match in re.finditer(r"\S(?:.*?[.!?](?=\s|$)|.*\S)", text):
                shared = asked.intersection(word[:5] for word in _words(match.group()))
                if shared:
                    spans.append(Span(match.start(), match.end(), round(10 * len(shared) / len(asked) - 4, 6)))
            found.append(sorted(spans, key=lambda each: (-each.score, each.start)))
        return found


class NumpyIndex:
    """Every vector is compared with the question: exact, with no library but numpy.

    >>> index = NumpyIndex(numpy.eye(3, dtype=numpy.float32))
    >>> index.search(numpy.array([0.6, 0.8, 0.0], dtype=numpy.float32), k=2)
    [Neighbor(row=1, score=0.8), Neighbor(row=0, score=0.6)]
    """

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors

    @property
    def dimension(self) -> int:
        """Return how many numbers a vector has."""
        return int(self._vectors.shape[1])

    def __len__(self) -> int:
        return len(self._vectors)

    def search(self, vector: Vectors, k: int, allowed: Sequence[int] | None = None) -> list[Neighbor]:
        """Find the ``k`` nearest rows, best first, equal scores by row; only among ``allowed`` where they are given."""
        question = direction(vector, self.dimension)
        k = min(k, len(self) if allowed is None else len(allowed))
        if k <= 0:
            return []
        rows = self._candidates(question, k) if allowed is None else self._among(_rows(allowed), question, k)
        return nearest(self._vectors[rows], rows, question, k)

    def scores(self, vector: Vectors, rows: Sequence[int]) -> list[float]:
        """Compute the exact cosine of a vector with each of the rows, as ``search`` gives it."""
        question = direction(vector, self.dimension)
        return [score for some in _in_batches(rows) for score in cosines(self._vectors[some], question).tolist()]

    def fetch(self, rows: Sequence[int]) -> Vectors:
        """Read the vectors of some rows as they were given."""
        return numpy.array(self._vectors[_rows(rows)])

    def save(self, folder: Path) -> None:
        """Write ``vectors.npy``."""
        write_vectors(folder, self._vectors)

    def _candidates(self, question: Direction, k: int) -> NDArray[numpy.int64]:
        """List rows among which the best ``k`` and all ties with the last of them are."""
        return _likely(self._vectors @ question.astype(numpy.float32), k)

    def _among(self, rows: NDArray[numpy.int64], question: Direction, k: int) -> NDArray[numpy.int64]:
        """List those of some rows among which the best ``k`` are."""
        single = question.astype(numpy.float32)
        return rows[_likely(numpy.concatenate([self._vectors[some] @ single for some in _in_batches(rows)]), k)]


def nearest(vectors: Vectors, rows: NDArray[numpy.int64], question: Direction, k: int) -> list[Neighbor]:
    """Choose the best ``k`` of the candidate ``rows``; ``vectors`` are those of the rows, in their order."""
    scores = cosines(vectors, question)
    best = numpy.lexsort((rows, -scores))[:k]
    return [Neighbor(int(rows[at]), float(scores[at])) for at in best]


def cosines(vectors: Vectors, question: Direction) -> NDArray[numpy.float64]:
    """Compute the cosine of each vector with a question, rounded to six decimals.

    Every index ends here, so that all give a row the same score: the sum is taken in double precision and row by row, where
    a matrix product would depend on a row's place in memory.
    """
    scores: NDArray[numpy.float64] = (vectors * question).sum(axis=1).round(_DIGITS) + 0.0  # never -0.0
    return scores


def _likely(scores: Vectors, k: int) -> NDArray[numpy.int64]:
    """List the places of the ``k`` highest scores in single precision, and of likely ties with the last."""
    border = numpy.partition(scores, len(scores) - k)[len(scores) - k]
    return numpy.flatnonzero(scores >= border - TIE)


def _rows(rows: Sequence[int] | NDArray[numpy.int64]) -> NDArray[numpy.int64]:
    return numpy.asarray(rows, dtype=numpy.int64)


def _in_batches(rows: Sequence[int] | NDArray[numpy.int64]) -> Iterator[NDArray[numpy.int64]]:
    """Cut rows into batches whose vectors fit into a few megabytes."""
    return (_rows(rows[first : first + _BATCH]) for first in range(0, len(rows), _BATCH))


def direction(vector: Vectors, dimension: int) -> Direction:
    """Return a question's vector at length 1 in double precision; EmbeddingError where it does not fit."""
    question = numpy.asarray(vector, dtype=numpy.float64)
    if question.shape != (dimension,):
        raise EmbeddingError(
            "The question's vector has the shape {shape} and those of the index have {dimension} numbers; "
            "build the index again with this embedding model (RAG_EMBEDDER)",
            shape=question.shape,
            dimension=dimension,
        )
    length = numpy.linalg.norm(question)
    if not 0 < length < numpy.inf:
        raise EmbeddingError(_NO_DIRECTION)
    return numpy.asarray(question / length, dtype=numpy.float64)


def unit_rows(vectors: Vectors) -> Vectors:
    """Return vectors at length 1, or EmbeddingError where one is zero or not a number."""
    norms = numpy.linalg.norm(vectors, axis=1, keepdims=True)
    if not (numpy.isfinite(norms) & (norms > 0)).all():
        raise EmbeddingError(_NO_DIRECTION)
    unit: Vectors = vectors / norms
    return unit


def unit_row(vector: Vectors) -> Vectors:
    """Return one vector at length 1, as ``unit_rows``."""
    unit: Vectors = unit_rows(vector[None])[0]
    return unit


def check_vectors(vectors: Vectors) -> Vectors:
    """Return vectors that an index may hold: shape (n, dimension), float32, each of length 1."""
    vectors = numpy.ascontiguousarray(vectors, dtype=numpy.float32)
    if vectors.ndim != 2 or vectors.shape[1] == 0:
        raise EmbeddingError(
            "An index takes vectors of shape (n, dimension), not {shape}; build the index again with 'rag build'",
            shape=vectors.shape,
        )
    # einsum squares without a copy of the vectors; NaN compares as not close
    if not (numpy.abs(numpy.einsum("ij,ij->i", vectors, vectors) - 1) < 1e-3).all():
        raise EmbeddingError("An index takes vectors of length 1; embed the passages again with 'rag build'")
    return vectors


def check_lengths(counts: Sequence[int], max_tokens: int) -> None:
    """EmbeddingError where a text has more tokens than the model reads: nothing is ever cut silently."""
    for position, count in enumerate(counts):
        if count > max_tokens:
            raise EmbeddingError(
                "Text {position} has {tokens} tokens and the embedding model reads {most}; "
                "split into shorter passages with RAG_PASSAGE_TOKENS",
                position=position,
                tokens=count,
                most=max_tokens,
            )


def write_vectors(folder: Path, vectors: Vectors) -> None:
    """Write ``vectors.npy`` (numpy's own format, version 1) into ``folder``."""
    numpy.save(folder / VECTORS_FILE, vectors, allow_pickle=False)


def read_vectors(folder: Path) -> Vectors:
    """Map ``vectors.npy`` into memory, read-only; EmbeddingError where it is missing or damaged.

    The header is believed only where it agrees with the size of the file, so that a hostile one allocates nothing.
    """
    path = folder / VECTORS_FILE
    if not path.is_file():
        raise EmbeddingError(_DAMAGED, file=VECTORS_FILE, message="there is no such file")
    try:
        with path.open("rb") as file:
            if numpy.lib.format.read_magic(file) != (1, 0):
                raise ValueError("unknown version")
            shape, by_column, kind = numpy.lib.format.read_array_header_1_0(file)
            offset, size = file.tell(), path.stat().st_size
    except Exception as error:  # numpy's reader answers nonsense with errors of many kinds
        raise EmbeddingError(_DAMAGED, file=VECTORS_FILE, message="its header cannot be read") from error
    if kind != numpy.dtype("<f4") or by_column or len(shape) != 2 or shape[1] < 1:
        raise EmbeddingError(_DAMAGED, file=VECTORS_FILE, message="it does not hold rows of float32 numbers")
    if size != offset + 4 * shape[0] * shape[1]:
        raise EmbeddingError(_DAMAGED, file=VECTORS_FILE, message="its rows do not fit its size")
    if shape[0] == 0:  # nothing to map
        return numpy.zeros(shape, dtype=numpy.float32)
    return numpy.asarray(numpy.memmap(path, dtype=numpy.float32, mode="r", offset=offset, shape=shape))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())
