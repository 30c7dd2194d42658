"""Texts compared in meaning: nothing is embedded twice, and every model has the same scale."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy
import pytest

from embeddings import Embedder
from embeddings.in_memory import HashingEmbedder
from rag.cite.similarity import Similarity

TEXTS = ["The ferry leaves at noon.", "Bees sleep.", "The ferry leaves at noon.", "Snow closed the road."]


class Counting:
    """An embedder that notes what it is given."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.given: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._embedder, name)

    def embed_documents(self, texts: Sequence[str], on_progress: Callable[[int], None] | None = None) -> Any:
        self.given += texts
        return self._embedder.embed_documents(texts, on_progress)


@pytest.fixture
def counting(hashing: Embedder) -> Counting:
    return Counting(hashing)


def test_vectors_are_the_embedders_and_made_once(counting: Counting, hashing: Embedder) -> None:
    similarity = Similarity(counting)
    for texts in (TEXTS[:2], TEXTS, TEXTS[::-1]):
        numpy.testing.assert_array_equal(similarity.vectors(texts), hashing.embed_documents(texts))
    assert sorted(counting.given) == sorted(set(TEXTS))


def test_the_oldest_is_forgotten_first(counting: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.cite.similarity._REMEMBERED", 2)
    similarity = Similarity(counting)
    similarity.vectors(["a", "b", "c"])
    counting.given.clear()
    similarity.vectors(["b", "c"])
    assert counting.given == []
    similarity.vectors(["a"])
    assert counting.given == ["a"]


class Crowded(Counting):
    """Vectors drawn towards one direction: any two have a cosine of 0.5 or more, as with E5."""

    def _drawn(self, vectors: Any) -> Any:
        common = numpy.full((*vectors.shape[:-1], 1), 3**0.5, dtype=numpy.float32)
        return numpy.concatenate((vectors, common), axis=-1) / 2

    def embed_query(self, text: str) -> Any:
        return self._drawn(self._embedder.embed_query(text))

    def embed_documents(self, texts: Sequence[str], on_progress: Callable[[int], None] | None = None) -> Any:
        return self._drawn(super().embed_documents(texts, on_progress))


def test_models_that_put_all_texts_near_each_other_have_the_same_scale(hashing: Embedder) -> None:
    usual, crowded = Similarity(hashing), Similarity(Crowded(hashing))
    assert float((crowded.vectors(TEXTS) @ crowded.vectors(TEXTS).T).min()) > 0.5
    numpy.testing.assert_allclose(crowded.between(TEXTS, TEXTS), usual.between(TEXTS, TEXTS), atol=1e-5)
    question = "Who sleeps in the snow?"
    assert crowded.to_question(question, TEXTS) == pytest.approx(usual.to_question(question, TEXTS), abs=1e-5)


def test_texts_longer_than_the_model_reads_are_cut() -> None:
    short, long = "one two", "one two three four five six seven eight"
    found = Similarity(HashingEmbedder(max_tokens=8)).vectors([short, long])
    numpy.testing.assert_array_equal(found, HashingEmbedder().embed_documents([short, "one two three four fi"]))


def test_unrelated_texts_have_nothing_and_translations_much_in_common(bundled: Embedder) -> None:
    similarity = Similarity(bundled)
    texts = [
        "The court will hear the complaint in winter.",
        "Суд рассмотрит жалобу зимой.",
        "Сот шағымды қыста қарайды.",
    ]
    others = ["Bees sleep in hollow trees.", "Оркестр играл Брамса.", "Мектепке жаңа мұғалім келді."]
    assert similarity.between(texts, texts).min() > 0.4
    assert similarity.between(texts, others).max() < 0.3
    assert similarity.between(texts, texts).diagonal().tolist() == pytest.approx([1.0] * 3, abs=1e-4)
