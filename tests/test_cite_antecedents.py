"""Pronouns and who they stand for: in a draft, and in the article that carries it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from news import write_articles
from rag import Chatbot, Settings
from rag.cite.antecedents import antecedents, somebody_else

ARTICLE = """The port of Velm is run by Ana Brik. She closed the eastern quay on 4 May because of cracks in its wall.

Tom Vale is the mayor of Velm. He asked the ministry for nine million crowns. Two days later he also wrote to the owners of
the ferries.

Капитан порта Олег Рудин не согласен. Он считает, что причал надёжен.
"""


@pytest.fixture(scope="module")
def chatbot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chatbot]:
    folder: Path = tmp_path_factory.mktemp("antecedents")
    write_articles(folder / "news", {"port.txt": ARTICLE})
    opened = Chatbot.open(Settings(articles=folder / "news", index=folder / "index", embedder="hashing"))
    yield opened
    opened.close()


def last(chatbot: Chatbot, draft: str) -> tuple[str, list[tuple[str, str]]]:
    found = chatbot.check(draft).sentences[-1]
    return found.status, [(each.kind, each.text) for each in found.differences]


@pytest.mark.parametrize(
    "draft",
    [
        "Ana Brik closed the eastern quay on 4 May because of cracks in its wall.",
        "Tom Vale asked the ministry for nine million crowns.",
        "Tom Vale also wrote to the owners of the ferries two days later.",
        "Ana Brik runs the port. She closed the eastern quay on 4 May because of cracks.",
        "The mayor of Velm is Tom Vale. He asked the ministry for nine million crowns.",
        "The mayor is asking for money. He asked the ministry for nine million crowns.",
        "Олег Рудин не согласен. Он считает, что причал надёжен.",
    ],
)
def test_who_a_pronoun_stands_for_is_found(chatbot: Chatbot, draft: str) -> None:
    assert last(chatbot, draft) == ("found", [])


@pytest.mark.parametrize(
    ("draft", "marked"),
    [
        ("Tom Vale closed the eastern quay on 4 May because of cracks in its wall.", "Tom Vale"),
        ("Tom Vale is the mayor. She closed the eastern quay on 4 May because of cracks.", "She"),
        ("Pia Lund owns a ferry. He asked the ministry for nine million crowns.", "He"),
        ("Анна Белова согласна. Она считает, что причал надёжен.", "Она"),
    ],
)
def test_somebody_else_in_its_place_is_marked(chatbot: Chatbot, draft: str, marked: str) -> None:
    status, differences = last(chatbot, draft)
    assert status == "differs"
    assert marked in " ".join(text for _, text in differences if _ in ("name", "speaker"))


def test_a_name_in_front_of_a_pronoun_is_what_it_stands_for() -> None:
    assert antecedents("Pia Lund said that she left.", ["Ana Brik came."]) == ()
    assert antecedents("Later, she left.", ["Ana Brik came.", "It rained."]) == ("Ana Brik came.",)
    assert antecedents("She left.", []) == ()


def test_what_is_not_sure_is_not_marked() -> None:
    names = str.istitle
    assert somebody_else("She left.", ["A woman came."], "Ana Brik left.", [], names) is None
    assert somebody_else("Pia Lund left.", [], "She left.", ["A woman came."], names) is None
    assert somebody_else("They left.", ["Pia Lund came."], "Ana Brik left.", [], names) is None
