"""BM25 as inner products: the numbers of the keywords that a folder keeps."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from rag.errors import IndexCorrupt
from rag.index.bm25 import Counts, passage_weights, product, question_weights
from rag.index.keywords import KeywordIndex, create_keyword_index

WORDS = [
    "tram",
    "lake",
    "council",
    "harbour",
    "bridge",
    "minister",
    "fare",
    "river",
    "mayor",
    "festival",
    "school",
    "budget",
    "Verrin",
]


def passages(count: int, seed: int) -> list[tuple[str, str]]:
    """Headers and texts of many lengths, also longer than those that are kept exactly, and a few without words."""
    chosen = random.Random(seed)
    lengths = [0, 3, 20, 39, 40, 41, 47, 60, 97, 150, 233, 900]
    return [
        (
            " ".join(chosen.choices(WORDS, k=chosen.randint(0, 9))),
            " ".join(chosen.choices(WORDS, k=chosen.choice(lengths))),
        )
        for _ in range(count)
    ]


@pytest.mark.parametrize("question", ["tram", "Who is the mayor of the harbour?", "lake Verrin budget", "Verryn"])
def test_products_are_the_scores_of_tantivy(tmp_path: Path, question: str) -> None:
    pairs = passages(120, seed=3)
    create_keyword_index(tmp_path, pairs)
    index = KeywordIndex(tmp_path)
    counts = Counts.of(pairs)
    terms = index.terms(question)
    asked = question_weights(index._weights(terms), counts)
    own = {row: product(asked, passage_weights(*pair, counts)) for row, pair in enumerate(pairs)}
    expected = {hit.row: hit.score for hit in index.find(terms, len(pairs))}
    assert expected
    assert {row: score for row, score in own.items() if score} == pytest.approx(expected, abs=6e-5)


def test_frequencies_are_those_of_the_folder_and_come_back_from_bytes(tmp_path: Path) -> None:
    pairs = passages(50, seed=4)
    counts = Counts.of(pairs)
    again = Counts.from_bytes(counts.to_bytes(), counts.passages, counts.averages)
    for word in WORDS:
        asked = question_weights([(word, 1.0)], counts)
        assert question_weights([(word, 1.0)], again) == asked
    assert question_weights([("unheard", 1.0)], counts) == {}
    with pytest.raises(IndexCorrupt):
        Counts.from_bytes(b"123", 1, (1.0, 1.0))


def test_a_passage_without_words_has_a_vector_that_nothing_finds() -> None:
    counts = Counts.of([("", ""), ("", "A tram.")])
    empty = passage_weights("", "", counts)
    assert empty
    assert not product(empty, question_weights([("tram", 1.0)], counts))
