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

from embeddings import EmbeddingError, Neighbor
from embeddings.in_memory import TIE, nearest, unit_question, write_vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from embeddings import Vectors

INDEX_FILE = "index.faiss"

# One bit for each dimension and a few numbers for each vector, 56 bytes for 384 dimensions (https://arxiv.org/abs/2405.12497).
# It needs no k-means, whose clusters fit real passages badly; benchmarks/vectors.py compares it with the others.
_FACTORY = "RaBitQfs"


class FaissIndex:
    """Compares the question with every vector: exact."""

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors
        self._index = faiss.IndexFlatIP(vectors.shape[1])
        self._index.add(vectors)

    @property
    def vectors(self) -> Vectors:
        """All vectors as they were given, or mapped from disk."""
        return self._vectors

    def __len__(self) -> int:
        return len(self._vectors)

    def search(self, vector: Vectors, k: int) -> list[Neighbor]:
        """The ``k`` nearest rows, best first, equal scores by row."""
        question = unit_question(vector, self._vectors.shape[1])
        k = min(k, len(self))
        if k <= 0:
            return []
        with _one_thread():
            rows = self._candidates(question, k)
        return nearest(self._vectors, rows, question, k)

    def save(self, folder: Path) -> None:
        """Writes ``vectors.npy``; the rest is made from it on opening, 0.1 s for 100,000 vectors."""
        write_vectors(folder, self._vectors)

    def _candidates(self, question: Vectors, k: int) -> NDArray[numpy.int64]:
        """The best ``k`` rows, with some more in which all that tie with the last of them are found."""
        width = min(len(self), k + 16)
        while True:
            scores, rows = self._index.search(question[None], width)
            if width == len(self) or scores[0, k - 1] - scores[0, -1] > TIE:
                found: NDArray[numpy.int64] = rows[0]
                return found
            width = min(len(self), 4 * width)


class ApproximateFaissIndex(FaissIndex):
    """Compares the question with a sketch of every vector and scores the best few hundred exactly.

    Of the ten nearest it finds all but one in a thousand (benchmarks/vectors.py). ``index`` is the sketch, where it was saved.
    """

    def __init__(self, vectors: Vectors, index: Any = None) -> None:
        self._vectors = vectors
        self._index = _sketch(vectors) if index is None else index

    @classmethod
    def open(cls, vectors: Vectors, folder: Path) -> ApproximateFaissIndex:
        """The index saved in ``folder``; EmbeddingError where its file is damaged or belongs to other vectors."""
        path = folder / INDEX_FILE
        faiss.set_deserialization_vector_byte_limit(path.stat().st_size)  # no part of a file is larger than the file
        try:
            index = faiss.read_index(str(path))
        except RuntimeError as error:
            raise EmbeddingError(f"{INDEX_FILE} is damaged; build the index again with 'rag build'") from error
        same_kind = isinstance(index, faiss.IndexRaBitQFastScan) and index.metric_type == faiss.METRIC_INNER_PRODUCT
        if not same_kind or (index.ntotal, index.d) != vectors.shape:
            raise EmbeddingError(f"{INDEX_FILE} belongs to other vectors; build the index again with 'rag build'")
        return cls(vectors, index)

    def save(self, folder: Path) -> None:
        """Writes ``vectors.npy`` and ``index.faiss``."""
        super().save(folder)
        faiss.write_index(self._index, str(folder / INDEX_FILE))

    def _candidates(self, question: Vectors, k: int) -> NDArray[numpy.int64]:
        _, rows = self._index.search(question[None], min(len(self), 200 + 10 * k))
        found: NDArray[numpy.int64] = rows[0][rows[0] >= 0]
        return found


@contextmanager
def _one_thread() -> Iterator[None]:
    """One question is too little work to share: on a busy machine two threads, waiting for each other, took ten times as long.

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
