"""Vectors from a server with OpenAI's embeddings interface; how a request travels is injected.

https://platform.openai.com/docs/api-reference/embeddings/create
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import numpy

from embeddings import EmbeddingError
from embeddings.cache import cache_folder, cached_arrays
from embeddings.in_memory import check_lengths, unit_rows

if TYPE_CHECKING:
    from embeddings import Vectors

Post = Callable[[Mapping[str, object]], object]
"""Sends a request's body and returns what the reply's JSON says."""

BATCH = 64
"""Texts of one request."""
SAME_MODEL = 0.999
"""Cosine of a probe with its former vector; services repeat vectors to about 0.9999, another quantization gives 0.99."""
SPECIAL_TOKENS = 8
"""Tokens that a model adds to each text, at most."""
PROBES = (
    "The ferry leaves the harbour at noon.",
    "Суд отклонил жалобу в понедельник.",
    "A vaccine was tested on mice.",
)


@dataclass(frozen=True, slots=True)
class Options:
    """Hold the prefixes of questions and passages, the tokens that are read, and a vector's numbers."""

    query: str = ""
    document: str = ""
    tokens: int = 512
    dimensions: int = 0


# As the models' own pages have them; servers add no prefix. Others read 512 tokens at least.
_KNOWN = {
    "nomic-embed-text": Options("search_query: ", "search_document: ", 2048),
    "embeddinggemma": Options("task: search result | query: ", "title: none | text: ", 2048),
    "mxbai-embed-large": Options("Represent this sentence for searching relevant passages: "),
    "multilingual-e5-large-instruct": Options("Instruct: Find passages that answer the question\nQuery: "),
    "multilingual-e5": Options("query: ", "passage: "),
    "bge-m3": Options(tokens=8192),
    "text-embedding-": Options(tokens=8191),
}


def read_options(target: str) -> tuple[str, Options]:
    """Split a model's name from its options; raises EmbeddingError for options that are none.

    >>> read_options("text-embedding-3-small?dimensions=256")
    ('text-embedding-3-small', Options(query='', document='', tokens=8191, dimensions=256))
    >>> read_options("mine?query=ask:%20&tokens=1024")[1].query
    'ask: '
    """
    model, _, text = target.partition("?")
    options = next((found for part, found in _KNOWN.items() if part in model.casefold()), Options())
    try:
        given = dict(parse_qsl(text, keep_blank_values=True, strict_parsing=True)) if text else {}
        numbers = {name: int(given.pop(name)) for name in ("tokens", "dimensions") if name in given}
        options = replace(options, **numbers, **given)  # type: ignore[arg-type]
        if options.tokens < 64 or options.dimensions < 0:
            raise ValueError
    except (ValueError, TypeError):
        raise EmbeddingError(
            "An embedding model's options are dimensions, tokens, query and document; "
            "set RAG_EMBEDDER to a name such as openai:text-embedding-3-small?dimensions=512"
        ) from None
    return model.strip(), options


class EndpointEmbedder:
    """An embedding model behind an address; an Embedder.

    ``count`` estimates the tokens of a text, since the model's own tokenizer is elsewhere. The fingerprint belongs to the
    vectors of a few probe texts: a model that was changed behind its name has another one.
    """

    def __init__(self, name: str, target: str, post: Post, count: Callable[[str], int]) -> None:
        self.name = name
        self._model, self._options = read_options(target)
        self._post = post
        self._count = count
        prefix = max(count(each) for each in (self._options.query, self._options.document))
        self.max_tokens = self._options.tokens - prefix - SPECIAL_TOKENS
        self.dimension = 0
        probes = self._vectors(PROBES)
        self.dimension = probes.shape[1]
        self.fingerprint = _fingerprint([name, self._model, *map(str, astuple(self._options))], probes)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Estimate the tokens of each text; no model reads more tokens than characters."""
        return [min(self._count(text), len(text)) for text in texts]

    def embed_query(self, text: str) -> Vectors:
        """Return one question as a vector of shape (dimension,), float32, length 1."""
        check_lengths(self.count_tokens([text]), self.max_tokens)
        vector: Vectors = self._vectors([self._options.query + text])[0]
        return vector

    def embed_documents(self, texts: Sequence[str], on_progress: Callable[[int], None] | None = None) -> Vectors:
        """Texts as vectors of shape (len(texts), dimension), float32, length 1; row i belongs to text i."""
        check_lengths(self.count_tokens(texts), self.max_tokens)
        vectors = numpy.empty((len(texts), self.dimension), dtype=numpy.float32)
        for start in range(0, len(texts), BATCH):
            batch = [self._options.document + text for text in texts[start : start + BATCH]]
            vectors[start : start + len(batch)] = self._vectors(batch)
            if on_progress is not None:
                on_progress(len(batch))
        return vectors

    def _vectors(self, texts: Sequence[str]) -> Vectors:
        """Ask for the vectors of a batch and put them in the texts' order."""
        body: dict[str, object] = {"model": self._model, "input": list(texts), "encoding_format": "float"}
        if self._options.dimensions:
            body["dimensions"] = self._options.dimensions
        reply = self._post(body)
        try:
            rows = {each["index"]: each["embedding"] for each in reply["data"]}  # type: ignore[index]
            given = len(reply["data"])  # type: ignore[index]
            vectors = [numpy.asarray(rows[place], dtype=numpy.float64) for place in sorted(rows)]
        except (TypeError, KeyError, ValueError, OverflowError):
            raise EmbeddingError(
                "{where} does not answer as an embedding model does; "
                "set RAG_EMBEDDER to one, with an address that mostly ends in /v1",
                where=self.name,
            ) from None
        if given != len(texts) or rows.keys() != set(range(len(texts))):
            raise EmbeddingError(
                "{name} sent {sent} vectors for {asked} texts, or not one for each; set RAG_EMBEDDER to another model",
                name=self.name,
                sent=given,
                asked=len(texts),
            )
        dimension = self.dimension or self._options.dimensions or vectors[0].size
        for each in vectors:
            if each.shape != (dimension,) or not dimension:
                raise EmbeddingError(
                    "{name} sent a vector of {size} numbers in place of {dimension}; "
                    "start again if its model was changed, or set RAG_EMBEDDER to another one",
                    name=self.name,
                    size=each.size,
                    dimension=dimension,
                )
        with numpy.errstate(all="ignore"):
            unit: Vectors = unit_rows(numpy.stack(vectors)).astype(numpy.float32)
        return unit


def _fingerprint(names: Sequence[str], probes: Vectors) -> str:
    """Hash the probes' vectors as they were first seen on this machine; servers repeat them only nearly.

    Where the cache folder cannot be written, a server that does not repeat them to the bit is another model each time.
    """
    key = f"endpoint-{hashlib.sha256(json.dumps(names).encode()).hexdigest()[:24]}"
    first = cached_arrays(key, lambda: {"probes": probes}).get("probes")
    if first is None or first.shape != probes.shape or ((first * probes).sum(axis=1) < SAME_MODEL).any():
        with suppress(OSError):
            (cache_folder() / f"{key}.npz").unlink()
        first = cached_arrays(key, lambda: {"probes": probes})["probes"]
    return hashlib.sha256(json.dumps(names).encode() + first.astype("<f4").tobytes()).hexdigest()
