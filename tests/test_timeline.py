"""A timeline: which articles stand in it, in which order, with which sentence, and who asks for one."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embeddings import Embedder
from news import write_articles
from rag.answer.timeline import asks_for_timeline, timeline
from rag.cite.checker import dated, marked_text
from rag.cite.similarity import Similarity
from rag.errors import QuestionError
from rag.index.build import build
from rag.index.store import Index
from rag.settings import Settings
from rag.types import Citation


def article(title: str, outlet: str, published: str, text: str) -> str:
    date = f'published: "{published}"\n' if published else ""
    return f'---\ntitle: "{title}"\noutlet: "{outlet}"\n{date}language: en\n---\n{text}\n'


ARTICLES = {
    "a.md": article(
        "Tram vote", "Courier", "2031-03-04", "It rained in the morning. The council met Jelena Kossarova at the docks."
    ),
    "b.md": article(
        "Budget",
        "Gazette",
        "2030-12-31",
        "Bread is dear. The banker Kosarova paid the council two million crowns in cash.",
    ),
    "c.md": article(
        "Arrest", "Courier", "", "Police said little. Kossarova was arrested near the old docks on Monday."
    ),
    "d.md": article("Autumn", "Gazette", "2031", "Leaves fall. Kossarova left the council of Port Velm for good."),
    "e.md": article(
        "Harvest", "Gazette", "2031-05-01", "Farmers near Lake Verrin brought in the barley. It was a good year."
    ),
    "f.md": article(
        "Answers", "Post", "2031-03-04", "Kossarova told the court that she had never paid anybody at all."
    ),
    "g.md": article(
        "Assembly", "Kossarova Post", "2031-06-01", "The Tram Union of Port Velm elected nobody. The Tram Union waits."
    ),
    "h.md": article("Brussels", "Post", "2031-07-01", "The European Union gave money for the barley. It was thanked."),
}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory, hashing: Embedder) -> Iterator[tuple[Index, Embedder]]:
    folder = tmp_path_factory.mktemp("timeline")
    chosen = Settings(
        articles=write_articles(folder / "articles", ARTICLES), index=folder / "index", embedder="hashing"
    )
    build(chosen, embedder=hashing)
    index = Index.open(chosen.index)
    yield index, hashing
    index.close()


def ask(opened: tuple[Index, Embedder], topic: str, outlet: str = "") -> tuple[Citation, ...]:
    index, embedder = opened
    return timeline(
        topic, index, embedder, Similarity(embedder), scope=lambda header: not outlet or header.outlet == outlet
    )


def test_every_article_that_names_the_topic_stands_there_once_by_date_then_title(
    opened: tuple[Index, Embedder],
) -> None:
    entries = ask(opened, "Kossarova")
    assert [each.hit.document.id for each in entries] == ["b.md", "d.md", "f.md", "a.md", "c.md"]
    assert [each.hit.document.published for each in entries] == ["2030-12-31", "2031", "2031-03-04", "2031-03-04", ""]
    assert [each.number for each in entries] == [1, 2, 3, 4, 5]


def test_each_line_is_the_sentence_about_the_topic_letter_for_letter(opened: tuple[Index, Embedder]) -> None:
    quotes = {each.hit.document.id: each.quote for each in ask(opened, "Kossarova")}
    assert quotes["b.md"] == "The banker Kosarova paid the council two million crowns in cash."
    assert quotes["c.md"] == "Kossarova was arrested near the old docks on Monday."
    for id_, quote in quotes.items():
        assert quote in ARTICLES[id_]


@pytest.mark.parametrize("topic", ["kossarova", "Косарова", "Kosarova", "Kossarovaa", "Jelena Kossarova"])
def test_a_name_is_found_however_it_is_spelt(opened: tuple[Index, Embedder], topic: str) -> None:
    assert {each.hit.document.id for each in ask(opened, topic)} == {"a.md", "b.md", "c.md", "d.md", "f.md"}


def test_a_union_is_not_another_union(opened: tuple[Index, Embedder]) -> None:
    assert [each.hit.document.id for each in ask(opened, "Tram Union")] == ["g.md"]
    assert [each.hit.document.id for each in ask(opened, "European Union")] == ["h.md"]


def test_what_nobody_mentions_is_an_empty_timeline(opened: tuple[Index, Embedder]) -> None:
    assert ask(opened, "Zebrafish") == ()
    with pytest.raises(QuestionError):
        ask(opened, "  ")


def test_scope_leaves_articles_out_and_numbers_count_on(opened: tuple[Index, Embedder]) -> None:
    entries = ask(opened, "Kossarova", outlet="Courier")
    assert [(each.hit.document.id, each.number) for each in entries] == [("a.md", 1), ("c.md", 2)]


def test_told_says_when_and_who_in_a_list(opened: tuple[Index, Embedder]) -> None:
    sentences = tuple(map(dated, ask(opened, "Kossarova")))
    lines = marked_text(sentences).splitlines()
    assert (
        lines[0] == "- 31 December 2030, Gazette: The banker Kosarova paid the council two million crowns in cash. [1]"
    )
    assert lines[1].startswith("- 2031, Gazette: ")
    assert lines[-1] == "- undated, Courier: Kossarova was arrested near the old docks on Monday. [5]"
    assert [each.text[slice(*each.bold[0])] for each in sentences][::4] == ["31 December 2030", "undated"]


WORDS = ("council", "rain", "bread", "docks", "barley", "crowns", "court", "spring")


@given(st.data())
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_any_folder_gives_all_that_name_it_in_order(
    tmp_path_factory: pytest.TempPathFactory, hashing: Embedder, data: st.DataObject
) -> None:
    """The reference is the folder itself: who has the name, sorted by what is in the header."""
    dates = st.sampled_from(["", "2029", "2030-01", "2030-01-05", "2031-12-31"])
    drawn = data.draw(st.lists(st.tuples(st.booleans(), dates, st.integers(1, 3)), min_size=1, max_size=8))
    pick = random.Random(len(drawn))
    made = {}
    for number, (named, date, length) in enumerate(drawn):
        lines = [
            f"The {pick.choice(WORDS)} and the {pick.choice(WORDS)} were seen near the town again."
            for _ in range(length)
        ]
        if named:
            lines.insert(pick.randint(0, length), f"In the end Brasko praised the {pick.choice(WORDS)} of the town.")
        made[f"{number}.md"] = article(f"Report {number}", "Courier", date, " ".join(lines))
    folder = tmp_path_factory.mktemp("drawn")
    chosen = Settings(articles=write_articles(folder / "articles", made), index=folder / "index", embedder="hashing")
    build(chosen, embedder=hashing)
    index = Index.open(chosen.index)
    try:
        entries = timeline("Brasko", index, hashing, Similarity(hashing))
    finally:
        index.close()
    expected = [(not date, date, f"{number}.md") for number, (named, date, _) in enumerate(drawn) if named]
    assert [each.hit.document.id for each in entries] == [id_ for _, _, id_ in sorted(expected)]
    assert all("Brasko" in each.quote and each.quote in made[each.hit.document.id] for each in entries)


@pytest.mark.parametrize(
    ("question", "topic"),
    [
        ("Give me a timeline of the tram in Port Velm, please.", "the tram in Port Velm"),
        ("Kossarova timeline", "Kossarova"),
        ("Хронология протестов в Оске", "протестов в Оске"),
        ("хронология событий вокруг завода, пожалуйста", "завода"),
    ],
)
def test_a_question_for_a_timeline_names_its_topic(question: str, topic: str) -> None:
    assert asks_for_timeline(question) == topic


@pytest.mark.parametrize(
    "question",
    [
        "How did the price of bread change?",
        "What is the timeline?",
        "When did the tram open?",
        "How many reports of theft changed over time?",
        "What is the history of Port Velm?",
        "Как изменился бюджет?",
        "",
    ],
)
def test_other_questions_ask_for_none(question: str) -> None:
    assert asks_for_timeline(question) is None


def test_words_that_name_nothing_stand_in_no_article(opened: tuple[Index, Embedder]) -> None:
    assert ask(opened, "of the") == ()
    assert ask(opened, "the barley")


def test_many_articles_are_told_without_comparing_all_their_sentences(
    opened: tuple[Index, Embedder], monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[int] = []
    to_question = Similarity.to_question

    def counted(similarity: Similarity, question: str, texts: Sequence[str]) -> list[float]:
        compared.append(len(texts))
        return to_question(similarity, question, texts)

    monkeypatch.setattr(Similarity, "to_question", counted)
    every = ask(opened, "Kossarova")
    assert max(compared) > len(every)
    compared.clear()
    monkeypatch.setattr("rag.answer.timeline._COMPARED", len(every))
    assert [each.hit.document.id for each in ask(opened, "Kossarova")] == [each.hit.document.id for each in every]
    assert compared == []
