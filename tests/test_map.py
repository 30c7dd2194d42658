"""The map: points and topics of the passages, the same for the same passages; what Coverage shows of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import pytest
from lxml.html import fragment_fromstring

from embeddings import Embedder
from embeddings.projection import project
from news import ARTICLES, write_articles
from rag.chatbot import Chatbot
from rag.export.conversation import Conversation, Turn
from rag.index.build import build
from rag.index.map import passage_map, topic_words
from rag.index.store import Index, verify
from rag.settings import Settings
from rag.types import Citation, Header, Sentence
from rag.web.coverage import COLOURS, Coverage, coverage

QUESTION = "Who protested because of Lake Verrin?"


@pytest.fixture
def many(settings: Settings, hashing: Embedder) -> Settings:
    report = "The bridge of Osk{n} was closed on Monday.\n\nIts {n} piers stand in the river Tell.\n"
    write_articles(settings.articles, ARTICLES | {f"{n:02}.txt": report.format(n=n) for n in range(9)})
    build(settings, hashing)
    return settings


@pytest.fixture
def chatbot(many: Settings, hashing: Embedder) -> Chatbot:
    return Chatbot.open(many, embedder=hashing)


class TestMap:
    def test_every_passage_is_a_point_where_its_vector_is_projected(self, many: Settings) -> None:
        index = Index.open(many.index)
        made = passage_map(index)
        expected = project(index.vectors.fetch(range(len(index))))
        assert numpy.allclose([(point.x, point.y) for point in made.points], expected)
        assert [point.passage for point in made.points] == [each for each, _ in index.passages(range(len(index)))]
        assert verify(many.index) == (len(index), [])

    def test_every_topic_has_passages_and_words_that_stand_in_them(self, many: Settings) -> None:
        made = passage_map(Index.open(many.index))
        for number, topic in enumerate(made.topics):
            texts = [point.passage.text for point in made.points if point.topic == number]
            assert texts
            assert topic.words
            assert all(any(word in text for text in texts) for word in topic.words)
        assert {point.topic for point in made.points} == set(range(len(made.topics)))

    def test_a_word_of_all_topics_counts_less_than_one_of_its_own(self) -> None:
        texts = ["The harbour strike, the harbour vote.", "A harbour frost took pears. Frost again."]
        assert [words[0] for words in topic_words(texts, [0, 1])] == ["harbour", "frost"]
        assert topic_words([*texts, "Harbour trams. Harbour lamps. Trams late."], [0, 1, 2])[2][0] == "trams"
        assert topic_words([], []) == []

    def test_incremental_and_full_builds_have_one_map(self, many: Settings, hashing: Embedder, tmp_path: Path) -> None:
        (many.articles / "05.txt").write_text("Owls were seen in the mill of Tarn.\n", "utf-8")
        (many.articles / "07.txt").unlink()
        build(many, hashing)
        fresh = replace(many, index=tmp_path / "fresh")
        build(fresh, hashing)
        one, other = (passage_map(Index.open(each.index)) for each in (many, fresh))
        assert (one.points, one.topics) == (other.points, other.topics)

    def test_what_is_not_in_the_sample_is_placed_beside_its_nearest(
        self, many: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("rag.index.map.MOST_POINTS", 8)
        index = Index.open(many.index)
        made = passage_map(index)
        assert len(made.points) == 8
        shown = {point.passage.id for point in made.points}
        other = next(each for each, _ in index.passages(range(len(index))) if each.id not in shown)
        *points, last = made.points_with([other.id, made.points[0].passage.id, "gone"])
        assert (tuple(points), last.passage) == (made.points, other)
        assert 0 <= last.x <= 1
        assert 0 <= last.y <= 1

    def test_it_follows_the_index_and_is_worked_out_once(self, chatbot: Chatbot) -> None:
        made = chatbot.map()
        assert chatbot.map() is made
        (chatbot.settings.articles / "new.txt").write_text("Owls were seen in the mill of Tarn.\n", "utf-8")
        chatbot.refresh()
        assert len(chatbot.map().points) == len(made.points) + 1


def table(drawn: Coverage, kind: str) -> list[list[Any]]:
    """The cells of one of Coverage's tables, row by row, the heads first."""
    found = fragment_fromstring(drawn.tables, create_parent="div").xpath(f"//table[contains(@class, '{kind}')]//tr")
    return [list(row) for row in found]


def words(row: Sequence[Any]) -> list[str]:
    return [cell.text_content() for cell in row]


class TestCoverage:
    def test_the_last_answers_footnotes_come_first_then_what_else_was_found(self, chatbot: Chatbot) -> None:
        answer = chatbot.ask(QUESTION)
        first = answer.hits[0]  # the best passage need not be the first footnote
        others = [hit for hit in answer.hits if hit.document.id != first.document.id][:2]
        cited = [(number, hit) for number, hit in ((2, first), (1, others[0]), (3, others[1]))]
        citations = [
            Citation(number, hit, hit.passage.text, hit.passage.start, hit.passage.end) for number, hit in cited
        ]
        answer = replace(answer, sentences=(Sentence("It was said.", tuple(citations)),), citations=tuple(citations))
        talk: Conversation = (Turn(1, QUESTION, "done", answer), Turn(2, "Who?", "answering"))
        drawn = coverage(chatbot, talk)
        heads, *rows = table(drawn, "coverage-passages")
        assert words(heads) == ["Passage", "In the answer"]
        assert len(rows) == len(chatbot.map().points)
        parts = {part: hit.document.id for hit in answer.hits for part in hit.passage.id.split("+")}
        footnotes = {part: number for number, hit in cited for part in hit.passage.id.split("+")}
        standing = [words(row)[1] for row in rows]
        found = ["found"] * (len(parts) - len(footnotes))
        rest = ["–"] * (len(rows) - len(parts))
        assert standing == [*(f"cited {number}" for number in sorted(footnotes.values())), *found, *rest]
        articles = [row[0].find(".//button").get("data-article") for row in rows]
        assert {(text, id) for text, id in zip(standing, articles, strict=True) if text.startswith("cited")} == {
            (f"cited {each.number}", each.hit.document.id) for each in citations
        }
        points = json.loads(drawn.passages)["data"]["values"]
        assert [(each["number"], each["article"]) for each in points] == [
            (int(text.split()[1]) if text.startswith("cited") else 0, id)
            for text, id in zip(standing, articles, strict=True)
        ]
        assert QUESTION in drawn.about
        assert words(table(coverage(chatbot, ()), "coverage-passages")[0]) == ["Passage"]

    def test_every_row_opens_its_passage(self, chatbot: Chatbot) -> None:
        _, *rows = table(coverage(chatbot, ()), "coverage-passages")
        for row in rows:
            button = row[0].find(".//button")
            text = chatbot.document(button.get("data-article")).text
            passage = text[int(button.get("data-start")) : int(button.get("data-end"))]
            assert " ".join(passage.split()).startswith(button.text.rstrip("…"))

    def test_outlets_beyond_the_colours_share_one(self, chatbot: Chatbot, monkeypatch: pytest.MonkeyPatch) -> None:
        headers = [Header(f"{n}.md", outlet=f"Outlet {n % 9}", published="2031-01-01") for n in range(90)]
        monkeypatch.setattr(chatbot, "documents", lambda: headers)
        drawn = coverage(chatbot, ())
        assert [words(row) for row in table(drawn, "coverage-dates")] == [
            ["Date", *(f"Outlet {n}" for n in range(COLOURS)), "Other or no outlet"],
            ["2031-01-01", *["10"] * COLOURS, "30"],
        ]
        assert sum(each["count"] for each in json.loads(drawn.times)["data"]["values"]) == 90

    def test_texts_are_escaped_in_the_markup_and_hold_nothing_hidden(
        self, chatbot: Chatbot, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hostile = Header("a.md", outlet="<img src=x onerror=alert(1)>\u202e", published="2031-01-01")
        monkeypatch.setattr(chatbot, "documents", lambda: [hostile])
        drawn = coverage(chatbot, ())
        assert "<img" not in drawn.about + drawn.tables
        assert "\u202e" not in drawn.about + drawn.times + drawn.tables

    def test_a_folder_without_articles_has_an_empty_map(self, settings: Settings, hashing: Embedder) -> None:
        for file in list(settings.articles.rglob("*.*")):
            file.unlink()
        drawn = coverage(Chatbot.open(settings, embedder=hashing), ())
        assert drawn.tables == ""
