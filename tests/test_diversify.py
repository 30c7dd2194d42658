"""What is shown of the ranked passages: copies once, places kept, one article not everywhere."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.retrieval.diversify import (
    COPY,
    LIMIT,
    LONGEST_SPAN,
    MOST_DROPPED,
    PLACE,
    REPETITION,
    SHARE,
    chosen,
    dropped,
    joined,
    without_copies,
)
from rag.types import Header, Hit, Passage

LONG = "The council of Port Velm voted on Tuesday to build a tram line from the old docks to the university."


def hit(article: str, score: float, text: str = "", outlet: str = "", start: int | None = None) -> Hit:
    text = text or f"{article} {score}"
    start = round(score * 100_000) if start is None else start  # far from one another, unless a test says where
    passage = Passage(id=f"{article}{score}", document_id=article, start=start, end=start + len(text), text=text)
    return Hit(passage=passage, document=Header(id=article, outlet=outlet), score=score)


def test_a_near_copy_in_another_article_is_shown_once_and_named() -> None:
    first, copy = hit("a", 0.9, LONG), hit("b", 0.8, f"{LONG} It rained.")
    other = hit("c", 0.7, "Farmers protested in Osk today.")
    kept = without_copies([first, copy, other])
    assert [each.document.id for each in kept] == ["a", "c"]
    assert kept[0].also == (copy.document,)


def test_what_differs_in_a_number_is_no_copy() -> None:
    hits = [hit("a", 0.9, f"{LONG} It costs 250 crowns."), hit("b", 0.8, f"{LONG} It costs 400 crowns.")]
    assert len(without_copies(hits)) == 2
    assert len(without_copies([hits[0], hit("b", 0.8, hits[0].passage.text)])) == 1


def test_a_number_in_words_or_one_more_number_is_no_copy() -> None:
    for one, other in (
        (f"{LONG} Six hundred came.", f"{LONG} Nine hundred came."),
        (LONG, f"{LONG} Police counted 4,200."),
    ):
        assert len(without_copies([hit("a", 0.9, one), hit("b", 0.8, other)])) == 2


def test_what_differs_in_a_name_is_no_copy() -> None:
    hits = [hit("a", 0.9, f"{LONG} Mayor Petra Holm spoke."), hit("b", 0.8, f"{LONG} Mayor Anna Berg spoke.")]
    assert len(without_copies(hits)) == 2


def test_what_an_article_says_twice_is_no_copy() -> None:
    assert len(without_copies([hit("a", 0.9, LONG), hit("a", 0.8, LONG)])) == 2


HITS = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 100)), max_size=20, unique=True).map(
    lambda pairs: sorted((hit(name, score / 100) for name, score in pairs), key=lambda each: -each.score)
)


@settings(max_examples=100, deadline=None)
@given(hits=HITS, k=st.integers(1, 8))
def test_chosen_is_what_choosing_one_by_one_by_hand_gives(hits: list[Hit], k: int) -> None:
    expected: list[Hit] = []
    while len(expected) < min(k, len(hits)):
        left = [each for each in hits if each not in expected]
        worth = [each.score - REPETITION * sum(one.document == each.document for one in expected) for each in left]
        expected.append(left[worth.index(max(worth))])
    found = [each for group in chosen(hits, k) for each in group]
    assert sorted(found, key=hits.index) == sorted(expected, key=hits.index)
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)


def test_what_is_left_out_has_its_reason() -> None:
    shown, copy = hit("a", 0.9, LONG), hit("b", 0.85, LONG)
    again, placed = hit("a", 0.7, "The mayor of Osk spoke."), hit("d", 0.4, "Owls hunt at night.")
    elsewhere, last = hit("e", 0.65, "It will rain in Velm."), hit("c", 0.3, "Bees sleep in winter.")
    hits = [shown, copy, again, elsewhere, placed, last]
    left = dropped(hits, without_copies(hits), [(shown,), (placed,)])
    reasons = [(copy, COPY), (again, SHARE), (elsewhere, PLACE), (last, LIMIT)]
    assert [(each.hit, each.reason) for each in left] == reasons


def test_only_the_best_of_what_is_left_out_is_reported_and_nothing_that_is_shown() -> None:
    hits = [hit(f"{n}", 1 - n / 100) for n in range(40)]
    groups = chosen(hits, 3)
    assert [each.hit for each in dropped(hits, hits, groups)] == hits[3 : 3 + MOST_DROPPED]
    assert dropped(hits[:3], hits[:3], groups) == ()
    assert dropped([], [], []) == ()


def articles(groups: list[tuple[Hit, ...]]) -> list[str]:
    return [each.document.id for group in groups for each in group]


def test_a_named_article_may_repeat() -> None:
    hits = [hit("a", 0.9), hit("a", 0.88), hit("b", 0.86)]
    assert articles(chosen(hits, 2)) == ["a", "b"]
    assert articles(chosen(hits, 2, named={"a"})) == ["a", "a"]


def test_each_place_is_taken_by_the_first_of_its_order() -> None:
    hits = [hit("a", 0.9), hit("b", 0.8), hit("c", 0.1), hit("d", 0.05)]
    assert articles(chosen(hits, 2, [["a0.9", "b0.8"], ["gone", "d0.05", "c0.1"]])) == ["a", "d"]
    assert articles(chosen(hits, 2, [["a0.9"], ["a0.9", "c0.1"]])) == ["a", "c"], "one passage fills one place"
    assert articles(chosen(hits, 1, [["c0.1"], ["d0.05"]])) == ["c"], "there are no more places than passages wanted"


def test_neighbours_stand_together_and_take_one_place() -> None:
    text = "One. Two.\n\nThree. Four. Five."
    starts = {"One.": 0.2, "Two.": 0.9, "Three.": 0.8, "Four.": 0.7, "Five.": 0.1}
    hits = [hit("a", score, word, start=text.index(word)) for word, score in starts.items()]
    hits = sorted([*hits, hit("b", 0.3)], key=lambda each: -each.score)
    groups = chosen(hits, 2)
    assert [[each.passage.text for each in group] for group in groups] == [["Two.", "Three.", "Four."], ["b 0.3"]]
    whole = joined(groups[0], text)
    assert (whole.passage.text, whole.score) == ("Two.\n\nThree. Four.", 0.9)
    assert text[whole.passage.start : whole.passage.end] == whole.passage.text
    assert len(groups[0]) == LONGEST_SPAN


SPANS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9)), min_size=1, max_size=14, unique=True)


@settings(max_examples=100, deadline=None)
@given(spans=SPANS, k=st.integers(1, 6))
def test_no_passage_is_lost_shown_twice_or_joined_across_a_hole(spans: list[tuple[str, int]], k: int) -> None:
    hits = [hit(article, 1 - i / 20, "1234567", start=number * 8) for i, (article, number) in enumerate(spans)]
    groups = chosen(hits, k)
    shown = [each for group in groups for each in group]
    assert len(shown) == len(set(shown))
    assert len(groups) <= k
    assert len(shown) == len(hits) or len(groups) == k
    for group in groups:
        assert len(group) <= LONGEST_SPAN
        assert len({each.document.id for each in group}) == 1
        starts = [each.passage.start for each in group]
        assert starts == list(range(starts[0], starts[0] + 8 * len(group), 8))


def test_facts_are_read_of_near_copies_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def facts(text: str) -> frozenset[str]:
        read.append(text)
        return frozenset()

    monkeypatch.setattr(sys.modules[without_copies.__module__], "_facts", facts)
    different = [
        hit(str(n), 1 - n / 100, f"Report {n}: " + " ".join(f"word{n}{i}" for i in range(9))) for n in range(9)
    ]
    assert len(without_copies(different)) == 9
    assert read == []
    without_copies([hit("a", 0.9, LONG), hit("b", 0.8, LONG)])
    assert read == [LONG, LONG]
