"""What is shown of the ranked passages: copies once, places kept, one article not everywhere."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from rag.diversify import REPETITION, chosen, without_copies
from rag.types import Header, Hit, Passage

LONG = "The council of Port Velm voted on Tuesday to build a tram line from the old docks to the university."


def hit(article: str, score: float, text: str = "", outlet: str = "") -> Hit:
    text = text or f"{article} {score}"
    passage = Passage(id=f"{article}{score}", document_id=article, start=0, end=len(text), text=text)
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
    found = chosen(hits, k)
    assert sorted(found, key=hits.index) == sorted(expected, key=hits.index)
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)


def test_a_named_article_may_repeat() -> None:
    hits = [hit("a", 0.9), hit("a", 0.88), hit("b", 0.86)]
    assert [each.document.id for each in chosen(hits, 2)] == ["a", "b"]
    assert [each.document.id for each in chosen(hits, 2, named={"a"})] == ["a", "a"]


def test_each_place_is_taken_by_the_best_that_belongs_there() -> None:
    hits = [hit("a", 0.9, outlet="Courier"), hit("b", 0.8, outlet="Courier"), hit("c", 0.1, outlet="Gazette")]
    places = [lambda header: header.outlet == "Courier", lambda header: header.outlet == "Gazette"]
    assert [each.document.id for each in chosen(hits, 2, places)] == ["a", "c"]
