"""Vectors in FAISS: exact while they are few, approximate when they are many. Never loaded on macOS, see ``embeddings``.

Either way FAISS only proposes rows; order and scores come from the exact vectors, so that they are NumpyIndex's to the last
digit. Searching from several threads is safe: nothing changes after the constructor, and no parameter is set on the index.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import faiss
import numpy

from embeddings import EmbeddingError
from embeddings.in_memory import TIE, NumpyIndex

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from embeddings import Vectors
    from embeddings.in_memory import Direction

INDEX_FILE = "index.faiss"

_DAMAGED = "{file} is damaged or belongs to other vectors; build the index again with 'rag build'"

# One bit for each dimension and a few numbers for each vector, 56 bytes for 384 dimensions (https://arxiv.org/abs/2405.12497).
# It needs no k-means, whose clusters fit real passages badly; benchmarks/vectors.py compares it with the others.
_FACTORY = "RaBitQfs"
_SHARE = 0.003
"""Of all rows, how many are scored exactly: recall@10 of 300,000 is .983; .943 with 300 rows (benchmarks/million.py)."""


class FaissIndex(NumpyIndex):
    """Compares the question with every vector: exact."""

    def __init__(self, vectors: Vectors) -> None:
        super().__init__(vectors)
        self._index = faiss.IndexFlatIP(vectors.shape[1])
        self._index.add(vectors)

    def _candidates(self, question: Direction, k: int) -> NDArray[numpy.int64]:
        """List the best ``k`` rows, with some more in which all that tie with the last of them are found."""
        width = min(len(self), k + 16)
        while True:
            with _one_thread():
                scores, rows = self._index.search(_row(question), width)
            if width == len(self) or scores[0, k - 1] - scores[0, -1] > TIE:
                found: NDArray[numpy.int64] = rows[0]
                return found
            width = min(len(self), 4 * width)


class ApproximateFaissIndex(FaissIndex):
    """Compare the question with a sketch of every vector; score the best ones exactly.

    Of the ten nearest of 100,000 it finds all but one in a thousand (benchmarks/vectors.py). ``index`` is the sketch,
    where it was saved.
    """

    def __init__(self, vectors: Vectors, index: Any = None) -> None:
        self._vectors = vectors
        self._index = _sketch(vectors) if index is None else index

    @classmethod
    def open(cls, vectors: Vectors, folder: Path) -> ApproximateFaissIndex:
        """Return the index saved in ``folder``; EmbeddingError where its file is damaged or belongs to other vectors."""
        path = folder / INDEX_FILE
        if not path.is_file():
            raise EmbeddingError(_DAMAGED, file=INDEX_FILE)
        faiss.set_deserialization_vector_byte_limit(path.stat().st_size)  # no part of a file is larger than the file
        try:
            index = faiss.read_index(str(path))
        except RuntimeError as error:
            raise EmbeddingError(_DAMAGED, file=INDEX_FILE) from error
        if not isinstance(index, faiss.IndexRaBitQFastScan) or _layout(index) != _expected_layout(*vectors.shape):
            raise EmbeddingError(_DAMAGED, file=INDEX_FILE)
        return cls(vectors, index)

    def save(self, folder: Path) -> None:
        """Write ``vectors.npy`` and ``index.faiss``."""
        super().save(folder)
        try:
            faiss.write_index(self._index, str(folder / INDEX_FILE))
        except RuntimeError as error:
            raise OSError("the vectors' index could not be written") from error

    def _candidates(self, question: Direction, k: int) -> NDArray[numpy.int64]:
        # The sketch's error grows as dimensions get fewer, and the more rows there are, the more lie within it.
        width = int((max(200, _SHARE * len(self)) + 10 * k) * max(1, 256 / len(question)))
        try:
            with _one_thread():
                _, rows = self._index.search(_row(question), min(len(self), width))
        except RuntimeError as error:
            raise EmbeddingError(_DAMAGED, file=INDEX_FILE) from error
        found: NDArray[numpy.int64] = rows[0][rows[0] >= 0]
        return found


def _row(question: Direction) -> Vectors:
    return question.astype(numpy.float32)[None]


@contextmanager
def _one_thread() -> Iterator[None]:
    """Search with one thread: on a busy machine two, waiting for each other, took ten times as long.

    OpenMP keeps this number for each thread, so that searches in other threads do not see it change.
    """
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def _sketch(vectors: Vectors) -> Any:
    index = faiss.index_factory(vectors.shape[1], _FACTORY, faiss.METRIC_INNER_PRODUCT)
    index.train(vectors)
    index.add(vectors)
    return index


def _layout(index: Any) -> dict[str, object]:
    """Return every number in an index but the vectors' own; FAISS believes them, and a wrong one ends the process."""
    parts = {"": index, "rabitq.": index.rabitq}
    numbers: dict[str, object] = {
        prefix + name: value
        for prefix, part in parts.items()
        for name in dir(part)
        if isinstance(value := getattr(part, name), (bool, int, float)) and name != "thisown"
    }
    return numbers | {"codes": index.codes.size(), "center": index.center.size()}


def _expected_layout(count: int, dimension: int) -> dict[str, object]:
    one_block = _sketch(numpy.zeros((1, dimension), dtype=numpy.float32))
    blocks = -(-count // one_block.bbs)
    sizes = {"ntotal": count, "ntotal2": blocks * one_block.bbs, "codes": blocks * one_block.codes.size()}
    return _layout(one_block) | sizes
