"""The map: kept with the index, worked out again where it is damaged, and a panel that trusts nothing it is sent."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import pytest

from embeddings import Embedder
from embeddings.projection import project
from news import ARTICLES, write_articles
from rag.build import build
from rag.chatbot import Chatbot
from rag.index import Index, verify
from rag.map import FILE, PassageMap, passage_map
from rag.settings import Settings
from rag.types import Header, Passage
from rag.web import map as room_module
from rag.web.map import Map

QUESTION = "Who protested because of Lake Verrin?"


def built(settings: Settings, hashing: Embedder) -> Settings:
    report = "The bridge of Osk{n} was closed on Monday.\n\nIts {n} piers stand in the river Tell.\n"
    write_articles(settings.articles, ARTICLES | {f"{n:02}.txt": report.format(n=n) for n in range(9)})
    build(settings, hashing)
    return settings


@pytest.fixture
def many(settings: Settings, hashing: Embedder) -> Settings:
    return built(settings, hashing)


@pytest.fixture
def chatbot(many: Settings, hashing: Embedder) -> Chatbot:
    return Chatbot.open(many, embedder=hashing)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, hashing: Embedder) -> Chatbot:
    """One chatbot for the tests that leave it as it is."""
    folder = tmp_path_factory.mktemp("kept")
    settings = Settings(articles=folder / "articles", index=folder / "index", embedder="hashing")
    return Chatbot.open(built(settings, hashing), embedder=hashing)


@pytest.fixture(scope="module")
def drawn(kept: Chatbot) -> tuple[Map, dict[str, Any]]:
    room = Map(lambda: kept)
    return room, ready(room)


def ready(room: Map) -> dict[str, Any]:
    while (data := room.read_map(""))["state"] == "drawing":
        pass  # read_map itself waits
    return data


class TestKeptWithTheIndex:
    def test_every_passage_is_a_point_where_its_vector_is_projected(self, many: Settings) -> None:
        index = Index.open(many.index)
        made = passage_map(index)
        assert made.rows == tuple(range(len(index)))
        assert numpy.array_equal(made.points, project(index.vectors.fetch(range(len(index)))))
        assert [passage.id for passage, _ in made.passages] == [index.passages([row])[0][0].id for row in made.rows]

    def test_it_is_worked_out_once_and_then_read(self, many: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        first = passage_map(Index.open(many.index))
        monkeypatch.setattr("embeddings.projection.project", lambda vectors: pytest.fail("worked out again"))
        again = passage_map(Index.open(many.index))
        assert numpy.array_equal(first.points, again.points)

    def test_a_build_does_not_work_it_out_and_the_index_stays_whole(self, many: Settings) -> None:
        index = Index.open(many.index)
        assert not (index.path / FILE).exists()
        passage_map(index)
        assert (index.path / FILE).exists()
        assert verify(many.index) == (len(index), [])
        assert [each.name for each in index.path.glob("*.tmp")] == []

    @pytest.mark.parametrize("damage", ["shorter", "longer", "changed", "empty", "older"])
    def test_what_is_damaged_or_older_is_worked_out_again(
        self, many: Settings, damage: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        index = Index.open(many.index)
        right = passage_map(index).points
        file = index.path / FILE
        kept = file.read_bytes()
        damaged = {
            "shorter": kept[:-8],
            "longer": kept + bytes(8),
            "changed": kept[:-1] + bytes([kept[-1] ^ 1]),
            "empty": b"",
            "older": kept,
        }
        file.write_bytes(damaged[damage])
        if damage == "older":
            monkeypatch.setattr("embeddings.projection.PROJECTION_VERSION", "0")
            right = right + 1
            monkeypatch.setattr("embeddings.projection.project", lambda vectors: right)
        assert numpy.array_equal(passage_map(index).points, right)

    def test_a_disk_that_takes_nothing_costs_only_time(self, many: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        index = Index.open(many.index)

        def refuse(*_: Any) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "replace", refuse)
        assert len(passage_map(index).points) == len(index)
        assert not (index.path / FILE).exists()
        assert [each.name for each in index.path.glob("*.tmp")] == []

    def test_incremental_and_full_builds_have_one_map(self, many: Settings, hashing: Embedder, tmp_path: Path) -> None:
        passage_map(Index.open(many.index))
        (many.articles / "05.txt").write_text("Owls were seen in the mill of Tarn.\n", "utf-8")
        (many.articles / "07.txt").unlink()
        build(many, hashing)
        fresh = replace(many, index=tmp_path / "fresh")
        build(fresh, hashing)
        points = [passage_map(Index.open(each.index)).points for each in (many, fresh)]
        assert numpy.array_equal(*points)

    def test_an_empty_index_has_an_empty_map(self, settings: Settings, hashing: Embedder) -> None:
        for file in list(settings.articles.rglob("*.*")):
            file.unlink()
        build(settings, hashing)
        made = passage_map(Index.open(settings.index))
        assert made.rows == ()
        assert made.place(hashing.embed_query("Who?")) == (0.5, 0.5)

    def test_of_a_large_index_a_sample_is_shown_and_the_rest_still_has_its_place(
        self, many: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("embeddings.projection.sample", lambda groups: numpy.arange(0, len(groups), 2))
        index = Index.open(many.index)
        made = passage_map(index)
        assert made.rows == tuple(range(0, len(index), 2))
        (inside, outside) = made.places([2, 3])
        assert inside == tuple(map(float, made.points[1]))
        assert outside == made.place(index.vectors.fetch([3])[0])


class TestChatbot:
    def test_the_map_follows_the_index(self, chatbot: Chatbot) -> None:
        made = chatbot.map()
        assert chatbot.map() is made
        (chatbot.settings.articles / "new.txt").write_text("Owls were seen in the mill of Tarn.\n", "utf-8")
        chatbot.refresh()
        assert len(chatbot.map().rows) == len(made.rows) + 1

    def test_a_question_lies_beside_the_passage_that_answers_it(self, chatbot: Chatbot) -> None:
        made = chatbot.map()
        x, y = chatbot.place("Farmers protested because the plant takes its water from Lake Verrin.", made)
        nearest = int(numpy.argmin(numpy.linalg.norm(made.points - [x, y], axis=1)))
        assert made.passages[nearest][1].id == "plant.txt"


class TestPanel:
    def test_it_shows_every_passage_with_its_article(self, drawn: tuple[Map, dict[str, Any]], kept: Chatbot) -> None:
        room, data = drawn
        assert [point["row"] for point in data["points"]] == list(range(data["total"]))
        assert {point["article"] for point in data["points"]} == {each.id for each in kept.documents()}
        assert {each["article"]: each["title"] for each in data["articles"]}[
            "harbour.md"
        ] == "Harbour town votes for a tram"
        assert all(0 <= point[axis] <= 1 for point in data["points"] for axis in "xy")
        assert room.read_map(data["key"]) == {"state": "ready", "key": data["key"], "same": True}

    def test_while_the_chatbot_is_opened_there_is_none(self) -> None:
        assert Map(lambda: None).read_map("") == {"state": "loading"}
        assert "problem" in Map(lambda: None).place_question({"question": "Who?", "passages": []})

    def test_nobody_waits_long_for_it(self, chatbot: Chatbot, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(room_module, "PATIENCE", 0.01)
        finish = threading.Event()
        work_out = chatbot.map

        def slow() -> PassageMap:
            finish.wait(20)
            return work_out()

        monkeypatch.setattr(chatbot, "map", slow)
        room = Map(lambda: chatbot)
        assert room.read_map("") == {"state": "drawing"}
        assert room.read_map("") == {"state": "drawing"}
        finish.set()
        assert ready(room)["state"] == "ready"

    def test_what_goes_wrong_is_told_without_its_words_and_tried_again(
        self, chatbot: Chatbot, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as broken:
            broken.setattr(chatbot, "map", lambda: 1 / 0)
            room = Map(lambda: chatbot)
            data = room.read_map("")
        assert data["state"] == "failed"
        assert "ZeroDivisionError" in data["problem"]
        assert "division" not in data["problem"]
        assert ready(room)["state"] == "ready"

    def test_a_question_has_its_star_and_its_hits(self, drawn: tuple[Map, dict[str, Any]], kept: Chatbot) -> None:
        room, data = drawn
        hits = kept.retrieve(QUESTION)
        placed = room.place_question({"question": QUESTION, "passages": [hit.passage.id for hit in hits]})
        assert placed["star"] == pytest.approx(kept.place(QUESTION, kept.map()), abs=1e-4)
        assert placed["others"] == []
        point = {point["row"]: point for point in data["points"]}
        for each in placed["hits"]:
            assert point[each["row"]]["article"] == hits[each["hit"]].document.id
        assert {each["hit"] for each in placed["hits"]} == set(range(len(hits)))

    def test_a_joined_hit_rings_each_of_its_passages(self, drawn: tuple[Map, dict[str, Any]], kept: Chatbot) -> None:
        room, _ = drawn
        ids = [passage.id for passage, _ in kept.map().passages]
        placed = room.place_question({"question": QUESTION, "passages": [f"{ids[4]}+{ids[5]}", ids[0], "gone"]})
        assert {each["row"]: each["hit"] for each in placed["hits"]} == {4: 0, 5: 0, 0: 1}

    def test_a_hit_that_is_not_among_the_points_comes_with_its_own(
        self, chatbot: Chatbot, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("embeddings.projection.sample", lambda groups: numpy.arange(3))
        room = Map(lambda: chatbot)
        assert [point["row"] for point in ready(room)["points"]] == [0, 1, 2]
        index = chatbot.map().index
        ((passage, header),) = index.passages([5])
        placed = room.place_question({"question": QUESTION, "passages": [passage.id]})
        assert placed["hits"] == [{"row": 5, "hit": 0}]
        (other,) = placed["others"]
        assert (other["row"], other["article"]) == (5, header.id)
        assert (other["x"], other["y"]) == pytest.approx(chatbot.map().places([5])[0], abs=1e-4)

    @pytest.mark.parametrize(
        "sent",
        [
            None,
            7,
            [],
            {},
            {"question": 3, "passages": []},
            {"question": "Who?", "passages": "abc"},
            {"question": "Who?", "passages": [3]},
            {"question": "Who?", "passages": ["a"] * 101},
            {"question": "Who?", "passages": ["a" * 2001]},
            {"question": "?" * 2001, "passages": []},
        ],
    )
    def test_what_is_no_question_has_no_place(self, drawn: tuple[Map, dict[str, Any]], sent: Any) -> None:
        assert list(drawn[0].place_question(sent)) == ["problem"]

    def test_a_passage_is_read_whole(self, drawn: tuple[Map, dict[str, Any]], kept: Chatbot) -> None:
        room, data = drawn
        for row, (passage, header) in zip(kept.map().rows, kept.map().passages, strict=True):
            shown = room.read_passage({"key": data["key"], "row": row})
            assert shown["text"] == passage.text
            assert (shown["article"], shown["start"], shown["end"]) == (header.id, passage.start, passage.end)

    @pytest.mark.parametrize("row", [-1, 10**9, "1", 1.0, True, None, [1]])
    def test_what_is_no_row_is_no_passage(self, drawn: tuple[Map, dict[str, Any]], row: Any) -> None:
        room, data = drawn
        assert list(room.read_passage({"key": data["key"], "row": row})) == ["problem"]
        assert list(room.read_passage({"key": "gen-000009-00000000", "row": 0})) == ["problem"]

    def test_another_index_has_another_map(self, chatbot: Chatbot) -> None:
        room = Map(lambda: chatbot)
        before = ready(room)
        (chatbot.settings.articles / "new.txt").write_text("Owls were seen in the mill of Tarn.\n", "utf-8")
        chatbot.refresh()
        while (after := room.read_map(before["key"]))["state"] == "drawing":
            pass
        assert after["key"] != before["key"]
        assert len(after["points"]) == len(before["points"]) + 1
        assert "problem" in room.read_passage({"key": before["key"], "row": 0})


def test_titles_and_beginnings_hold_nothing_hidden_and_are_short() -> None:
    passage = Passage("p", "a.md", 0, 400, "long\u202e words " * 33 + "end.")
    point = room_module._point(0, (0.123456, 0.5), passage, Header("a.md"))
    assert point["x"] == 0.1235
    assert len(point["text"]) <= room_module.MAX_BEGINNING + 1
    assert "\u202e" not in point["text"]
