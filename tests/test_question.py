"""What a question asks for."""

from __future__ import annotations

import math

import pytest

from rag.retrieval.question import asks_for_now, understand
from vocabulary import Vocabulary


def test_rare_words_weigh_more_and_names_are_known() -> None:
    asked = understand(
        "Who is the mayor Kramer in 2031?", Vocabulary(["The mayor Kramer", *["A mayor"] * 3, *[""] * 6])
    )
    assert asked.weights == {
        "mayor": pytest.approx(math.log(1 + 10 / 4.5)),
        "Kramer": pytest.approx(math.log(1 + 10 / 1.5)),
        "2031": pytest.approx(math.log(1 + 10 / 1.5)),
    }
    assert asked.names == {"Kramer", "2031"}


@pytest.mark.parametrize(
    "question",
    [
        "Who leads the party now?",
        "What is the latest figure?",
        "Кто сейчас мэр?",
        "Қазір мэр кім?",
        "What costs a ride today?",
    ],
)
def test_what_asks_for_now(question: str) -> None:
    assert asks_for_now(question)


@pytest.mark.parametrize("question", ["Who led the party in 2016?", "Did the strike last?", "Кто был мэром?", ""])
def test_what_does_not_ask_for_now(question: str) -> None:
    assert not asks_for_now(question)
