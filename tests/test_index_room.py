"""The index's room and what every open page hears of the index and the folder."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from embeddings import Embedder
from news import write_articles
from rag.chatbot import Chatbot
from rag.errors import ArticlesError, EmbedderError
from rag.index.generations import new_generation
from rag.settings import Settings
from rag.types import Progress
from rag.web import keeper as room
from rag.web.keeper import CALM_SECONDS, LOOK_SECONDS, Keeper
from rag.web.opening import Opening
from rag.web.rooms import Visitor

SECONDS = 60
VISITOR = Visitor("one")
NEW = {"new.txt": "The lighthouse keeper retired after forty years."}


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Page:
    def __init__(self, open_chatbot: Callable[..., Any]) -> None:
        self.clock = Clock()
        self.opening = Opening(open_chatbot)
        self.keeper = Keeper(self.opening, dict, self.clock)

    def open(self) -> Page:
        self.opening.start()
        self.opening.wait(SECONDS)
        return self

    def surveyed(self) -> dict[str, Any]:
        """What is told once nobody is looking any more."""
        self.keeper.beat()
        with self.keeper._looking:
            pass
        return self.keeper.beat()

    def act(self, action: str, **sent: Any) -> str:
        return self.keeper.act(action, sent, VISITOR)

    def close(self) -> None:
        self.keeper.watch(False)
        self.keeper.cancel()
        self.keeper.wait(SECONDS)
        with self.keeper._looking:
            pass
        if self.opening.chatbot is not None:
            self.opening.chatbot.close()


@pytest.fixture
def page(settings: Settings, hashing: Embedder) -> Iterator[Page]:
    page = Page(lambda on_progress: Chatbot.open(settings, embedder=hashing, on_progress=on_progress)).open()
    yield page
    page.close()


def facts(page: Page) -> dict[str, str]:
    """What the section of Settings says is in the index."""
    return dict(re.findall("<dt>(.*?)</dt><dd>(.*?)</dd>", unescape(page.keeper.data(VISITOR)["contents"]["value"])))


class Held:
    """Holds a chatbot's build back at a stage."""

    def __init__(self, page: Page, stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()
        chatbot = page.opening.chatbot
        assert chatbot is not None
        refresh = chatbot.refresh

        def held(on_progress: Callable[[Progress], None], *, fresh: bool = False) -> Any:
            def progress(step: Progress) -> None:
                if step.stage == stage and not self.reached.is_set():
                    on_progress(step)
                    self.reached.set()
                    assert self.go_on.wait(SECONDS)
                on_progress(step)

            return refresh(progress, fresh=fresh)

        monkeypatch.setattr(chatbot, "refresh", held)


class TestBeat:
    def test_it_tells_what_is_in_the_index(self, page: Page, settings: Settings) -> None:
        told = page.surveyed()
        assert told["kind"] == "fresh"
        (generation,) = settings.index.glob("gen-*")
        assert facts(page)["Articles"] == "3"
        assert facts(page)["Passages"] == str(len(page.opening.chatbot._index))  # type: ignore[union-attr]
        assert (facts(page)["Embedding model"], facts(page)["Generation"]) == ("hashing", "1")
        size = sum(each.stat().st_size for each in generation.rglob("*") if each.is_file())
        assert facts(page)["Size on disk"] == f"{size / 1e6:.1f} MB"
        built = max(each.stat().st_mtime for each in generation.rglob("*"))
        assert facts(page)["Built"].endswith(f"{datetime.fromtimestamp(built):%Y, %H:%M}")
        assert told["files"] == {"indexed": 3}
        assert told["wait"] == CALM_SECONDS

    def test_a_change_of_the_folder_is_noticed_after_a_while_and_not_before(
        self, page: Page, settings: Settings
    ) -> None:
        before = page.surveyed()
        write_articles(settings.articles, NEW)
        page.clock.now += LOOK_SECONDS - 1
        assert page.surveyed()["kind"] == "fresh"
        page.clock.now += 2
        told = page.surveyed()
        assert told["kind"] == "outdated"
        assert told["files"] == {"indexed": 3, "new": 1}
        assert told["stamp"] != before["stamp"]

    def test_many_pages_share_one_look(self, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
        looks = []
        inventory = page.opening.chatbot.inventory  # type: ignore[union-attr]
        monkeypatch.setattr(page.opening.chatbot, "inventory", lambda: looks.append(1) or inventory())  # type: ignore[func-returns-value]
        for _ in range(50):
            page.surveyed()
        assert len(looks) == 1

    def test_the_more_pages_ask_while_it_builds_the_longer_each_waits(
        self, page: Page, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        held = Held(page, "reading", monkeypatch)
        page.act("start_over")
        assert held.reached.wait(SECONDS)
        assert page.keeper.beat()["wait"] == room.BUSY_SECONDS
        waits = [page.keeper.beat()["wait"] for _ in range(49)]
        assert waits == sorted(waits)
        assert waits[-1] == pytest.approx(room.BUSY_SECONDS + 49 / room.BEATS_PER_SECOND, abs=0.02)
        for _ in range(1000):  # somebody who asks without end
            page.keeper.beat()
        assert page.keeper.beat()["wait"] == room.CALM_SECONDS
        page.clock.now += 60
        assert page.keeper.beat()["wait"] == room.BUSY_SECONDS
        held.go_on.set()

    def test_a_folder_that_went_away_is_told_and_the_index_goes_on(self, page: Page, settings: Settings) -> None:
        page.surveyed()
        settings.articles.rename(settings.articles.with_name("elsewhere"))
        page.clock.now += LOOK_SECONDS + 1
        told = page.surveyed()
        assert "does not exist" in told["folder"]
        assert told["serving"]
        assert str(settings.articles) not in told["folder"]

    def test_what_fails_unexpectedly_is_no_end(self, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail() -> None:
            raise RuntimeError("/a/path")

        monkeypatch.setattr(page.opening.chatbot, "inventory", fail)
        told = page.surveyed()
        assert told["kind"] == "fresh"
        assert "/a/path" not in str(told)


class TestFirst:
    @pytest.mark.parametrize(
        ("error", "text"),
        [
            (
                ArticlesError("the folder none does not exist; name another"),
                "The folder none does not exist; name another",
            ),
            (RuntimeError("/a/path"), "Something unexpected went wrong (RuntimeError); set RAG_LOG=DEBUG"),
        ],
    )
    def test_a_failure_is_told_in_its_own_words(self, error: Exception, text: str) -> None:
        def fail(_: Any) -> Any:
            raise error

        told = Page(fail).open().keeper.beat()
        assert (told["kind"], told["first"], told["serving"]) == ("failed", "", False)
        assert told["text"].startswith(text)
        assert "/a/path" not in str(told)

    def test_the_model_and_the_build_are_told_apart(self) -> None:
        steps: list[dict[str, Any]] = []
        page: Page

        def open_chatbot(on_progress: Callable[[Progress], None]) -> Any:
            for step in (Progress("loading the model", 0, 1), Progress("reading", 3, 5), Progress("embedding", 1, 9)):
                on_progress(step)
                steps.append(page.keeper.beat())
            raise EmbedderError("that was all")

        page = Page(open_chatbot)
        assert page.keeper.beat()["first"] == ""
        page.open()
        assert [(each["first"], each["text"].partition(" ")[0]) for each in steps] == [
            ("", "Loading"),
            ("building", "Reading"),
            ("building", "Embedding"),
        ]
        assert (steps[1]["done"], steps[1]["total"]) == (3, 5)

    def test_an_empty_folder_and_one_with_bad_files(self, tmp_path: Path, hashing: Embedder) -> None:
        settings = Settings(tmp_path / "articles", tmp_path / "index", embedder="hashing")
        settings.articles.mkdir()
        page = Page(lambda _: Chatbot.open(settings, embedder=hashing)).open()
        assert page.surveyed()["first"] == "empty"
        write_articles(settings.articles, {"photo.png": "x", "empty.txt": "", ".hidden": "x"})
        page.act("rebuild")
        page.keeper.wait(SECONDS)
        told = page.surveyed()
        assert told["first"] == "unusable"
        write_articles(settings.articles, NEW)
        page.act("rebuild")
        page.keeper.wait(SECONDS)
        told = page.surveyed()
        assert told["first"] == ""
        page.close()

    def test_a_running_build_of_another_is_told(self, settings: Settings, hashing: Embedder) -> None:
        page = Page(lambda _: Chatbot.open(settings, embedder=hashing))
        with new_generation(settings.index):
            assert page.open().keeper.beat()["kind"] == "failed"
        page.act("rebuild")
        page.opening.wait(SECONDS)
        assert page.keeper.beat()["kind"] == "fresh"
        page.close()


class TestActions:
    def test_rebuilding_takes_changes_in(self, page: Page, settings: Settings) -> None:
        write_articles(settings.articles, NEW)
        assert page.act("check") == ""
        assert page.keeper.state.kind == "outdated"
        assert page.act("rebuild") == ""
        page.keeper.wait(SECONDS)
        told = page.surveyed()
        assert (told["kind"], facts(page)["Articles"], facts(page)["Generation"]) == ("fresh", "4", "2")
        assert page.act("check") == "The index is up to date with the folder."

    def test_starting_over_embeds_all_anew(self, page: Page) -> None:
        page.act("start_over")
        page.keeper.wait(SECONDS)
        changes = page.opening.chatbot.changes  # type: ignore[union-attr]
        assert changes is not None
        assert changes.embedded == changes.passages > 0

    def test_a_build_can_be_cancelled_and_there_is_one_at_a_time(
        self, page: Page, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        held = Held(page, "embedding", monkeypatch)
        page.act("start_over")
        assert held.reached.wait(SECONDS)
        assert page.keeper.beat()["kind"] == "building"
        assert "Questions go on meanwhile" in page.keeper.data(VISITOR)["state"]["value"]
        assert page.act("rebuild") == "A build is running already."
        page.keeper.beat("cancel")
        held.go_on.set()
        page.keeper.wait(SECONDS)
        assert (page.surveyed()["kind"], facts(page)["Generation"]) == ("cancelled", "1")

    def test_what_changes_while_it_builds_is_taken_in_by_another_build(
        self, page: Page, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        held = Held(page, "embedding", monkeypatch)
        page.act("start_over")
        assert held.reached.wait(SECONDS)
        first = page.keeper._job
        write_articles(settings.articles, NEW)
        page.keeper.catch_up()
        held.go_on.set()
        assert first is not None
        first.wait(SECONDS)
        page.keeper.wait(SECONDS)
        page.surveyed()
        assert facts(page)["Articles"] == "4"

    def test_following_is_switched_on_and_off(self, page: Page) -> None:
        page.act("watch", watch=True)
        assert page.keeper.beat()["watching"]
        page.act("watch", watch="yes")
        assert not page.keeper.beat()["watching"]
