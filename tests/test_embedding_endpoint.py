"""Vectors from a server: compared with those of the model behind it, and every way in which a server fails."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy
import pytest

from embeddings import Embedder, EmbeddingError, embedder_name
from embeddings.cache import cached_arrays  # before the tests' own stands in its place
from embeddings.endpoint import BATCH, EndpointEmbedder, read_options
from embeddings.in_memory import HashingEmbedder
from fault_server import Connection, FaultServer, Reply, answer, close, hang
from rag import Settings, build
from rag.chat import vectors as transport
from rag.chat.vectors import names_endpoint, open_vectors
from rag.chatbot import Chatbot
from rag.errors import EmbedderError, FootnoteError, KeyMissing, SettingsError
from rag.index.build import load_embedder, outdated
from rag.index.store import Index

MODEL = HashingEmbedder()
Change = Callable[[list[dict[str, Any]]], object]


def replied(texts: list[str], change: Change = lambda rows: {"data": rows}) -> object:
    rows = MODEL.embed_documents(texts)
    return change([{"object": "embedding", "index": n, "embedding": row.tolist()} for n, row in enumerate(rows)])


def serving(change: Change = lambda rows: {"data": rows[::-1]}) -> Reply:
    """A server of HashingEmbedder that sends the vectors of a batch in another order."""

    def reply(connection: Connection) -> None:
        texts = connection._request.body["input"]
        answer(200, json.dumps(replied(texts, change)), {"Content-Type": "application/json"})(connection)

    return reply


@contextmanager
def served(*replies: Reply, options: str = "", **environment: str) -> Iterator[tuple[FaultServer, Settings]]:
    with FaultServer(*replies) as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr(transport.time, "sleep", lambda _: None)  # type: ignore[attr-defined]
        for name, value in environment.items():
            patch.setenv(name, value)
        yield server, Settings(embedder=f"{server.url}?tenant=secret-query#small{options}")


def test_its_vectors_are_those_of_the_model_behind_it() -> None:
    texts = [f"Article {number} is about the ferry." for number in range(2 * BATCH + 3)]
    with served(serving(), options="?query=ask:%20&document=read:%20&dimensions=256") as (server, settings):
        embedder = load_embedder(settings)
        finished: list[int] = []
        found = embedder.embed_documents(texts, finished.append)
        assert numpy.allclose(found, MODEL.embed_documents([f"read: {text}" for text in texts]), atol=1e-6)
        assert numpy.allclose(embedder.embed_query("Who?"), MODEL.embed_query("ask: Who?"), atol=1e-6)
        assert found.dtype == numpy.float32
        assert embedder.embed_documents([]).shape == (0, embedder.dimension)
    assert (embedder.dimension, finished, len(server.requests)) == (256, [BATCH, BATCH, 3], 5)
    request = server.requests[-1]
    assert request.path == "/v1/embeddings?tenant=secret-query"
    assert request.body == {"model": "small", "input": ["ask: Who?"], "encoding_format": "float", "dimensions": 256}
    assert "secret" not in embedder.name + embedder.fingerprint
    assert embedder.name == embedder_name(settings.embedder)


def test_too_long_a_text_is_refused_and_the_estimate_is_no_longer_than_the_text() -> None:
    with served(serving()) as (server, settings):
        embedder = load_embedder(settings)
        long = "The council voted on the budget of the harbour. " * 99
        with pytest.raises(EmbeddingError, match="RAG_PASSAGE_TOKENS"):
            embedder.embed_documents([long])
        with pytest.raises(EmbeddingError, match="RAG_PASSAGE_TOKENS"):
            embedder.embed_query(long)
        for text in (long, "水" * 700, "𓀀" * 50, ""):
            assert embedder.count_tokens([text])[0] <= len(text)
        assert len(server.requests) == 1


def test_an_index_is_built_and_asked_through_it_and_keeps_no_key(
    articles: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with served(serving(), RAG_EMBEDDER_KEY="test-key-canary") as (server, settings):
        settings = settings.replace(articles=articles, index=tmp_path / "index")
        assert build(settings).passages == 3
        assert server.requests[-1].headers["authorization"] == "Bearer test-key-canary"
        chatbot = Chatbot.open(settings)
        assert chatbot.changes is None
        assert chatbot.retrieve("How long will the tram line be?", 1)[0].document.id == "harbour.md"
        assert not outdated(settings, Index.open(settings.index))
        written = b"".join(path.read_bytes() for path in settings.index.rglob("*") if path.is_file())
    for secret in (b"canary", b"secret-query"):
        assert secret not in written
        assert secret.decode() not in "".join(
            record.getMessage() for record in caplog.records if record.name != "httpcore2"
        )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: {"data": rows[:-1]}, "sent 2 vectors for 3 texts"),
        (lambda rows: {"data": [*rows, rows[0]]}, "sent 4 vectors for 3 texts"),
        (lambda rows: {"data": [{**row, "index": 0} for row in rows]}, "or not one for each"),
        (lambda rows: {"data": [{**row, "index": row["index"] + 1} for row in rows]}, "or not one for each"),
        (lambda rows: {"data": [{**rows[0], "embedding": [1.0]}, *rows[1:]]}, "of 256 numbers in place of 1"),
        (lambda rows: {"data": [{**row, "embedding": []} for row in rows]}, "of 0 numbers"),
        (lambda rows: {"data": [{**row, "embedding": [[1.0]]} for row in rows]}, "of 1 numbers"),
        (lambda rows: {"data": [{**row, "embedding": [float("nan"), 1.0]} for row in rows]}, "zero or not a number"),
        (lambda rows: {"data": [{**row, "embedding": [1e300, 1e300]} for row in rows]}, "zero or not a number"),
        (lambda rows: {"data": [{**row, "embedding": [0.0, 0.0]} for row in rows]}, "zero or not a number"),
        (
            lambda rows: {"data": [{**row, "embedding": "AAAA"} for row in rows]},
            "does not answer as an embedding model",
        ),
        (lambda rows: {"data": [{"embedding": [1.0]}]}, "does not answer as an embedding model"),
        (lambda rows: {"data": [{"index": [0], "embedding": [1.0]}]}, "does not answer as an embedding model"),
        (lambda rows: {"data": None}, "does not answer as an embedding model"),
        (lambda rows: ["data"], "does not answer as an embedding model"),
    ],
)
def test_a_wrong_reply_is_an_error_of_ours(change: Change, said: str) -> None:
    with served(serving(change)) as (_, settings), pytest.raises(EmbedderError, match=said) as wrong:
        load_embedder(settings)
    assert "RAG_EMBEDDER" in str(wrong.value)


def test_another_dimension_later_is_an_error() -> None:
    later = serving(lambda rows: {"data": [{**row, "embedding": [1.0, 2.0]} for row in rows]})
    with served(serving(), later) as (_, settings), pytest.raises(EmbeddingError, match="2 numbers in place of 256"):
        load_embedder(settings).embed_query("Who?")


@pytest.mark.parametrize(
    ("replies", "said", "requests"),
    [
        ((answer(401, {"error": {"message": "wrong test-key-canary"}}),), "does not accept the key", 1),
        ((answer(404),), "has no embedding model small", 1),
        ((answer(400, "the input is too long"),), "RAG_PASSAGE_TOKENS", 1),
        ((answer(307, "", {"Location": "http://127.0.0.1:9/v1"}),), "is not followed", 1),
        ((answer(429),), "takes no more requests", 3),
        ((answer(429, "", {"Retry-After": "3600"}),), "takes no more requests", 1),
        ((answer(503),), "is in trouble", 3),
        ((close,), "cannot be reached", 3),
        ((answer(200, "<html>"),), "does not answer as an embedding model", 1),
        ((answer(200, b"[" * 100_000),), "does not answer as an embedding model", 1),
        ((answer(200, "{}", {"Content-Encoding": "gzip"}),), "cannot be reached", 3),
    ],
)
def test_a_refusal_is_told_without_the_key(replies: tuple[Reply, ...], said: str, requests: int) -> None:
    with served(*replies, RAG_EMBEDDER_KEY="test-key-canary") as (server, settings):
        with pytest.raises(EmbedderError, match=said) as refused:
            load_embedder(settings)
        assert len(server.requests) == requests
    assert "canary" not in repr((refused.value, refused.value.__cause__, refused.value.__context__))


def test_what_passes_is_tried_again() -> None:
    with served(answer(429, "", {"Retry-After": "1"}), close, serving()) as (server, settings):
        assert load_embedder(settings).dimension == 256
        assert len(server.requests) == 3


def test_a_silent_server_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "SECONDS", 0.1)
    monkeypatch.setattr(transport, "RETRIES", 0)
    with served(hang) as (_, settings), pytest.raises(EmbedderError, match="cannot be reached"):
        load_embedder(settings)


class Drifting:
    """A model whose vectors differ a little each time, or wholly from a day on."""

    def __init__(self) -> None:
        self.noise, self.turned, self.random = 1e-4, False, numpy.random.default_rng(7)

    def __call__(self, body: object) -> object:
        def changed(rows: list[dict[str, Any]]) -> object:
            for row in rows:
                vector = numpy.array(row["embedding"][::-1] if self.turned else row["embedding"])
                row["embedding"] = (vector + self.random.normal(0, self.noise, vector.size)).tolist()
            return {"data": rows}

        return replied(body["input"], changed)  # type: ignore[index]


def test_a_model_that_was_changed_behind_its_name_has_another_fingerprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embeddings.endpoint.cached_arrays", cached_arrays)
    monkeypatch.setenv("RAG_CACHE", str(tmp_path))
    model = Drifting()

    def fingerprint(target: str = "small") -> str:
        return EndpointEmbedder("velm", target, model, len).fingerprint

    first = fingerprint()
    assert {fingerprint() for _ in range(3)} == {first}
    assert fingerprint("small?query=ask:%20") != first
    model.turned = True
    turned = fingerprint()
    assert turned != first
    assert {fingerprint() for _ in range(3)} == {turned}
    for path in tmp_path.iterdir():
        path.write_bytes(b"damaged")
    assert fingerprint() == fingerprint()


def test_names_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("bundled", "minilm", "hashing", "BAAI/bge-m3", "C:\\models\\e5", "./a:b"):
        assert not names_endpoint(name)
    model, post = open_vectors("ollama:nomic-embed-text:v1.5", {})
    assert (model, post.address.base_url, post.key) == ("nomic-embed-text:v1.5", "http://127.0.0.1:11434/v1", None)
    _, options = read_options(model)
    assert (options.query, options.document) == ("search_query: ", "search_document: ")
    model, post = open_vectors("openai:text-embedding-3-small?dimensions=512", {"OPENAI_API_KEY": "test-key"})
    assert (post.model, post.address.host, post.key and post.key.reveal()) == (
        "text-embedding-3-small",
        "api.openai.com",
        "test-key",
    )
    # The chat model's key goes to the chat model's address alone.
    assert (
        open_vectors("https://velm.example/v1#small", {"RAG_API_KEY": "test-key", "OPENAI_API_KEY": "x"})[1].key is None
    )
    assert "test-key" not in repr(post)


@pytest.mark.parametrize(
    ("name", "environment", "error"),
    [
        ("openai:text-embedding-3-small", {"RAG_API_KEY": "test-key"}, KeyMissing),
        ("anthropic:small", {"ANTHROPIC_API_KEY": "test-key"}, SettingsError),
        ("https://velm.example/v1", {}, SettingsError),
        ("https://ann:test-key@velm.example/v1#small", {}, SettingsError),
        ("https:///v1#small", {}, SettingsError),
        ("ollama:", {}, SettingsError),
        ("http://velm.example/v1#small", {"RAG_EMBEDDER_KEY": "test-key"}, SettingsError),
        ("https://velm.example/v1#small", {"RAG_EMBEDDER_KEY": "test key\n2"}, SettingsError),
    ],
)
def test_what_names_no_server_is_refused(name: str, environment: dict[str, str], error: type[FootnoteError]) -> None:
    with pytest.raises(error) as refused:
        open_vectors(name, environment)
    assert "RAG_EMBEDDER" in str(refused.value)
    assert "test-key" not in str(refused.value)


@pytest.mark.parametrize("options", ["tokens=many", "tokens=5", "dimensions=-1", "colour=red", "dimensions", "=&="])
def test_options_that_are_none_are_refused(options: str) -> None:
    with pytest.raises(EmbeddingError, match="options are dimensions, tokens, query and document"):
        read_options(f"small?{options}")


def test_it_keeps_the_contract_of_embedders() -> None:
    embedder: Embedder = EndpointEmbedder("velm", "small", Drifting(), len)
    rows = embedder.embed_documents(["The ferry leaves.", "Bees sleep."])
    assert numpy.allclose(numpy.linalg.norm(rows, axis=1), 1, atol=1e-6)
