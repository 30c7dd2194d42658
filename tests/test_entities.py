"""Names of a folder: variants are one, common words are none, and each article counts once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from embeddings import Embedder
from news import write_articles
from rag.chatbot import Chatbot
from rag.errors import QuestionError
from rag.index.entities import Name
from rag.settings import Settings
from rag.types import Scope

FERRY = """The council of Orsund voted on Monday. Harbour master Ilse Brandt said that the boats were old.

She and Tove Lind met the council. After the vote Brandt thanked the United States and the U.S. navy."""
TRAM = """A tram is to run through Orsund, said Minister Ilse Brandt. The minister named no price.

In Port Velm the council waits. The council of Orsund paid, wrote Ilse  Brandt. In March the Orsunders voted."""
RUSSIAN = "В среду в Алматы выступил Косымов. Днём Косымов уехал, говорит Мария Белова: днём было жарко."
LATIN = "On Friday the poet Kossymov read in Port Velm; the council heard Kossymov twice."


@pytest.fixture
def names(tmp_path: Path, hashing: Embedder) -> Callable[..., dict[str, Name]]:
    def names(**texts: str) -> dict[str, Name]:
        (tmp_path / "articles").mkdir()
        write_articles(tmp_path / "articles", {f"{name}.txt": text for name, text in texts.items()})
        settings = Settings(tmp_path / "articles", tmp_path / "index", embedder="hashing")
        return {each.name: each for each in Chatbot.open(settings, embedder=hashing).names()}

    return names


def test_a_family_name_and_a_title_count_for_the_full_name(names: Callable[..., dict[str, Name]]) -> None:
    found = names(ferry=FERRY, tram=TRAM)
    brandt = found["Ilse Brandt"]
    assert (brandt.mentions, sorted(brandt.articles)) == (4, ["ferry.txt", "tram.txt"])
    assert set(brandt.also) == {"Brandt", "Minister Ilse Brandt"}
    assert not {"Brandt", "Minister", "Harbour"} & found.keys()


@pytest.mark.parametrize(
    ("texts", "name"),
    [
        (("Brandt left. The council thanked Ilse Brandt.", "Brandt is back, said Brandt."), "Ilse Brandt"),
        (
            ("The vote: Ilse Maria Brandt won. Brandt left.", "Ilse Brandt is back.", "Then Brandt sang."),
            "Ilse Maria Brandt",
        ),
        (
            ("The President Ilse Brandt spoke.", "The president slept.", "The old president spoke of Brandt."),
            "President Ilse Brandt",
        ),
    ],
)
def test_a_lone_family_name_is_no_name_of_its_own(
    names: Callable[..., dict[str, Name]], texts: tuple[str, ...], name: str
) -> None:
    found = names(**{f"text{place}": text for place, text in enumerate(texts)})
    assert {each for each in found if "Brandt" in each} == {name}
    assert len(found[name].articles) == sum("Brandt" in each for each in texts)


def test_a_family_name_of_two_people_stays(names: Callable[..., dict[str, Name]]) -> None:
    found = names(one="Ilse Brandt won.", two="Jon Brandt lost.", three="Then Brandt sang.")
    assert {"Ilse Brandt", "Jon Brandt", "Brandt"} <= found.keys()


def test_shortened_names_and_peoples_are_those_of_the_place(names: Callable[..., dict[str, Name]]) -> None:
    found = names(ferry=FERRY, tram=TRAM)
    assert found["United States"].mentions == 2
    assert found["Orsund"].articles == ("tram.txt", "ferry.txt")
    assert "Orsunders" in found["Orsund"].also


def test_a_place_is_not_taken_for_the_end_of_a_longer_name(names: Callable[..., dict[str, Name]]) -> None:
    text = "The mayor of Tarn spoke. In Inner Tarn the CWI-Tarn party lost, and people left Tarn. Nobody stays in Tarn."
    found = names(text=text)
    assert found["Tarn"].mentions == 3
    assert {"Inner Tarn", "CWI-Tarn"} <= found.keys()


def test_weekdays_dates_and_common_words_are_no_names(names: Callable[..., dict[str, Name]]) -> None:
    found = names(ferry=FERRY, tram=TRAM)
    assert not {"Monday", "March", "Council", "The", "She", "In"} & found.keys()


def test_one_name_in_two_alphabets_is_one(names: Callable[..., dict[str, Name]]) -> None:
    found = names(russian=RUSSIAN, latin=LATIN)
    (poet,) = (each for each in found.values() if "Косымов" in (each.name, *each.also))
    assert {"Косымов", "Kossymov"} == {poet.name, *poet.also}
    assert sorted(poet.articles) == ["latin.txt", "russian.txt"]


def test_names_in_most_articles_come_first(names: Callable[..., dict[str, Name]]) -> None:
    found = list(names(ferry=FERRY, tram=TRAM, latin=LATIN).values())
    counts = [(len(each.articles), each.mentions) for each in found]
    assert counts == sorted(counts, reverse=True)
    assert all(each.mentions >= len(each.articles) == len(set(each.articles)) for each in found)


def test_a_folder_without_articles_has_none(names: Callable[..., dict[str, Name]]) -> None:
    assert names() == {}


def test_a_scopes_names_are_the_articles_that_mention_them(tmp_path: Path, hashing: Embedder) -> None:
    write_articles(tmp_path / "articles", {"ferry.txt": FERRY, "tram.txt": TRAM, "latin.txt": LATIN, "ru.txt": RUSSIAN})
    settings = Settings(tmp_path / "articles", tmp_path / "index", embedder="hashing")
    with closing(Chatbot.open(settings, embedder=hashing)) as chatbot:

        def within(*names: str, **others: Any) -> set[str]:
            return {hit.document.id for hit in chatbot.retrieve("Who said what?", 20, names=names, **others)}

        assert within("Ilse Brandt") == within("minister ilse brandt") == {"ferry.txt", "tram.txt"}
        assert within("Косымов") == {"latin.txt", "ru.txt"}  # also where it is written in Latin letters
        assert within("Косымов", "Tove Lind") == {"latin.txt", "ru.txt", "ferry.txt"}
        assert within("harbour master") == {"ferry.txt"}  # not in the list, but its words stand there
        assert within("Ilse Brandt", documents=["tram.txt", "ru.txt"]) == {"tram.txt"}
        assert within("Tove Lind", documents=["ru.txt"]) == set()
        assert chatbot.find("Who spoke?", scope=Scope(names=("Tove Lind",))).scope == Scope(names=("Tove Lind",))
        assert chatbot.ask("Who spoke?", scope=Scope(names=("Tove Lind",))).scope == Scope(names=("Tove Lind",))
        assert {each.hit.document.id for each in chatbot.timeline("council", Scope(names=("Tove Lind",)))} == {
            "ferry.txt"
        }
        for nobody in ("Nobody Here", "", "?"):
            with pytest.raises(QuestionError, match="no article mentions"):
                within(nobody)
