"""A place in an article that has changed since is where its words are, or nowhere."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import QuestionError
from rag.web.place import REACH, Place, check_of

texts = st.text("ab é.\n🚢\ud800", max_size=60)


@given(texts, st.integers(-5, 70), st.integers(-5, 70))
@settings(max_examples=100, deadline=None)
def test_without_a_check_it_is_taken_as_it_is(text: str, start: int, end: int) -> None:
    found = Place(start, end).within(text)
    assert found is not None
    assert set(range(*found)) == set(range(start, end)) & set(range(len(text)))


@given(texts, texts, st.data())
@settings(max_examples=100, deadline=None)
def test_what_is_marked_is_what_was_noted(before: str, now: str, data: Any) -> None:
    start = data.draw(st.integers(0, len(before)))
    end = data.draw(st.integers(start, len(before)))
    quote = before[start:end]
    noted = Place(start, end, check_of(quote))
    assert noted.within(before) == (start, end)
    found = noted.within(now)
    assert found is None or now[slice(*found)] == quote
    words = f"{now} {quote}"
    if quote and not quote[0].isspace():
        assert noted.within(words) is not None


def test_the_nearest_counts_and_only_what_is_in_reach() -> None:
    text = "It rained. " * 5
    assert Place(23, 33, check_of("It rained.")).within(text) == (22, 32)
    assert Place(0, 10, check_of("It rained.")).within(" " * REACH + "It rained.") is None
    assert Place(0, 10, check_of("It rained.")).within(" " * (REACH - 1) + "It rained.") is not None


@pytest.mark.parametrize(
    "sent", [None, [], "abc", [0, 1], [0, 1, 2], [0.0, 1, ""], [True, 1, ""], [0, 1, "x" * 17], {"start": 0}]
)
def test_what_a_browser_sends_is_checked(sent: object) -> None:
    with pytest.raises(QuestionError, match="open it from the page"):
        Place.read(sent)
    assert Place.read([3, 9, "ab"]) == Place(3, 9, "ab")
