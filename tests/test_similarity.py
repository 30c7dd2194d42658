"""How near texts are in meaning: the same as without remembering, and nothing worked out twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy
import pytest

from embeddings import Embedder
from rag.similarity import Similarity

TEXTS = ["The ferry leaves at noon.", "Bees sleep.", "The ferry leaves at noon.", "Snow closed the road."]


class Counting:
    """An embedder that notes what it is given."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.given: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._embedder, name)

    def _noting(self, work: Callable[[Sequence[str]], Any], texts: Sequence[str]) -> Any:
        self.given += texts
        return work(texts)

    def reads(self, texts: Sequence[str]) -> Any:
        return self._noting(self._embedder.reads, texts)

    def embed_documents(self, texts: Sequence[str]) -> Any:
        return self._noting(self._embedder.embed_documents, texts)


@pytest.fixture
def counting(hashing: Embedder) -> Counting:
    return Counting(hashing)


def test_vectors_are_the_embedders_and_made_once(counting: Counting, hashing: Embedder) -> None:
    similarity = Similarity(counting)
    for texts in (TEXTS[:2], TEXTS, TEXTS[::-1]):
        numpy.testing.assert_array_equal(similarity.vectors(texts), hashing.embed_documents(texts))
    assert sorted(counting.given) == sorted(set(TEXTS))


def test_what_can_be_read_is_asked_once(counting: Counting, hashing: Embedder) -> None:
    similarity = Similarity(counting)
    for texts in (TEXTS[:1], TEXTS, [], TEXTS[1:]):
        assert similarity.reads(texts) == hashing.reads(texts)
    assert sorted(counting.given) == sorted(set(TEXTS))


def test_the_oldest_is_forgotten_first(counting: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.similarity._REMEMBERED", 2)
    similarity = Similarity(counting)
    similarity.vectors(["a", "b", "c"])
    counting.given.clear()
    similarity.vectors(["b", "c"])
    assert counting.given == []
    similarity.vectors(["a"])
    assert counting.given == ["a"]
