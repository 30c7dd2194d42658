"""The index of a served page: its state, builds that run, fail and end, and the folder that is followed."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from embeddings import Embedder
from news import ARTICLES, write_articles
from rag.chatbot import Chatbot
from rag.errors import ArticlesError, Cancelled
from rag.index.generations import new_generation
from rag.index.store import Index, verify
from rag.settings import Settings
from rag.types import Progress
from rag.web import watching
from rag.web.keeper import Keeper
from rag.web.opening import CANCELLED, Opening
from rag.web.watching import follow, snapshot

NEW = {"new.txt": "The lighthouse keeper retired after forty years."}
SECONDS = 60


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Folder:
    """A folder as a test wants it: what is looked at is its number."""

    number = 0

    def __call__(self) -> int:
        return self.number


class Gate:
    """Stands in a chatbot's way at one stage of its build."""

    def __init__(self, chatbot: Chatbot, stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.open = threading.Event(), threading.Event()
        refresh = chatbot.refresh

        def held_back(on_progress: Callable[[Progress], None], *, fresh: bool = False) -> Any:
            def progress(step: Progress) -> None:
                if step.stage == stage and not self.reached.is_set():
                    self.reached.set()
                    assert self.open.wait(SECONDS)
                on_progress(step)

            return refresh(progress, fresh=fresh)

        monkeypatch.setattr(chatbot, "refresh", held_back)


@pytest.fixture
def chatbot(settings: Settings, hashing: Embedder) -> Iterator[Chatbot]:
    chatbot = Chatbot.open(settings, embedder=hashing)
    yield chatbot
    chatbot.close()


def opened(chatbot: Chatbot) -> Opening:
    opening = Opening(lambda _: chatbot)
    opening.start()
    opening.wait(SECONDS)
    return opening


@pytest.fixture
def folder() -> Folder:
    return Folder()


@pytest.fixture
def keeper(chatbot: Chatbot, folder: Folder) -> Iterator[Keeper]:
    keeper = Keeper(opened(chatbot), folder)
    yield keeper
    keeper.watch(False)
    keeper.cancel()
    keeper.wait(SECONDS)


def ids(chatbot: Chatbot) -> list[str]:
    return [header.id for header in chatbot.documents()]


def temporary(settings: Settings) -> list[str]:
    return [each.name for each in settings.index.iterdir() if each.name.startswith("tmp-")]


class TestState:
    def test_a_change_is_seen_and_a_rebuild_takes_it_in(
        self, keeper: Keeper, chatbot: Chatbot, settings: Settings
    ) -> None:
        assert keeper.state.kind == "fresh"
        assert not keeper.look()
        write_articles(settings.articles, NEW)
        assert keeper.state.kind == "fresh"
        assert keeper.look()
        assert keeper.state.kind == "outdated"
        unread, refresh = [], chatbot.refresh

        def refresh_heard(*values: Any, **named: Any) -> Any:
            unread.append(keeper.unread())
            return refresh(*values, **named)

        chatbot.refresh = refresh_heard  # type: ignore[method-assign]
        assert keeper.rebuild()
        keeper.wait(SECONDS)
        assert keeper.state.kind == "fresh"
        assert "new.txt" in ids(chatbot)
        assert [*unread, keeper.unread()] == [["new.txt"], []]

    def test_from_nothing_builds_also_where_nothing_changed(self, keeper: Keeper, chatbot: Chatbot) -> None:
        keeper.rebuild()
        keeper.wait(SECONDS)
        before = chatbot.changes
        assert before is not None
        keeper.rebuild(fresh=True)
        keeper.wait(SECONDS)
        assert chatbot.changes is not before
        assert chatbot.changes is not None
        assert len(chatbot.changes.added) == len(ARTICLES)
        assert chatbot.changes.embedded > 0

    def test_one_build_at_a_time(self, keeper: Keeper, chatbot: Chatbot, monkeypatch: pytest.MonkeyPatch) -> None:
        gate = Gate(chatbot, "keywords", monkeypatch)
        assert keeper.rebuild(fresh=True)
        assert gate.reached.wait(SECONDS)
        assert not keeper.rebuild()
        assert keeper.state.kind == "building"
        with pytest.raises(TimeoutError):
            keeper.wait(0)
        gate.open.set()
        keeper.wait(SECONDS)
        assert keeper.rebuild()

    def test_the_pace_of_each_stage_says_how_long_it_takes(self, chatbot: Chatbot) -> None:
        clock = Clock()
        keeper = Keeper(opened(chatbot), Folder(), clock)
        states = []

        def refresh(on_progress: Callable[[Progress], None], *, fresh: bool = False) -> None:
            states.append(keeper.state)
            for stage, second, done, total in (
                ("reading", 2, 1, 10),  # too soon to tell
                ("reading", 19, 1, 50),  # too little
                ("reading", 40, 2, 10),
                ("embedding", 240, 50, 200),
                ("embedding", 440, 100, 200),
            ):
                clock.now = second
                on_progress(Progress(stage, done, total))
                states.append(keeper.state)
            clock.now = 540
            states.append(keeper.state)

        chatbot.refresh = refresh  # type: ignore[method-assign,assignment]
        keeper.rebuild()
        keeper.wait(SECONDS)
        assert [each.text for each in states] == [
            "Looking for changes…",
            "Reading 1 of 10 articles…",
            "Reading 1 of 50 articles…",
            "Reading 2 of 10 articles… About 3 min left.",
            "Embedding 50 of 200 passages… About 10 min left.",
            "Embedding 100 of 200 passages… About 7 min left.",
            "Embedding 100 of 200 passages… About 5 min left.",
        ]

    def test_before_the_chatbot_is_there_it_is_loading_or_failed_and_failure_is_tried_again(
        self, chatbot: Chatbot
    ) -> None:
        tries: list[int] = []

        def open_chatbot(_: Any) -> Chatbot:
            tries.append(1)
            if len(tries) == 1:
                raise ArticlesError("there is no folder")
            return chatbot

        opening = Opening(open_chatbot)
        keeper = Keeper(opening, Folder())
        assert keeper.state.kind == "loading"
        assert not keeper.look()
        opening.start()
        opening.wait(SECONDS)
        assert (keeper.state.kind, keeper.state.text) == ("failed", "There is no folder")
        assert keeper.rebuild()
        opening.wait(SECONDS)
        assert keeper.state.kind == "fresh"


class TestFailure:
    def test_the_old_index_answers_and_the_reason_is_said(
        self, keeper: Keeper, chatbot: Chatbot, settings: Settings
    ) -> None:
        write_articles(settings.articles, NEW)
        with new_generation(settings.index):
            keeper.rebuild()
            keeper.wait(SECONDS)
        assert keeper.state.kind == "failed"
        assert "another build" in keeper.state.text
        assert len(ids(chatbot)) == len(ARTICLES)
        assert chatbot.ask("Where will the tram line go?").citations
        keeper.rebuild()
        keeper.wait(SECONDS)
        assert keeper.state.kind == "fresh"
        assert chatbot.notice == ""

    def test_a_folder_that_is_gone_is_a_failure(self, keeper: Keeper, chatbot: Chatbot, settings: Settings) -> None:
        settings.articles.rename(settings.articles.with_name("elsewhere"))
        with pytest.raises(ArticlesError):
            keeper.look()
        assert keeper.problem.startswith("The folder articles does not exist")
        keeper.rebuild()
        keeper.wait(SECONDS)
        assert keeper.state.text.startswith("The folder articles does not exist")
        assert len(ids(chatbot)) == len(ARTICLES)
        settings.articles.with_name("elsewhere").rename(settings.articles)
        assert not keeper.look()
        assert keeper.state.kind == "fresh"

    def test_what_nobody_expected_is_named_without_its_words(self, keeper: Keeper, chatbot: Chatbot) -> None:
        def broken(*_: Any, **__: Any) -> None:
            raise ZeroDivisionError("/secret/path")

        chatbot.refresh = broken  # type: ignore[method-assign]
        keeper.rebuild()
        keeper.wait(SECONDS)
        assert "ZeroDivisionError" in keeper.state.text
        assert "secret" not in keeper.state.text


class TestOpening:
    def test_what_was_added_while_the_chatbot_was_opened_is_taken_in(
        self, settings: Settings, hashing: Embedder
    ) -> None:
        reached, go_on = threading.Event(), threading.Event()

        def open_chatbot(_: Callable[[Progress], None]) -> Chatbot:
            chatbot = Chatbot.open(settings, embedder=hashing)
            reached.set()
            assert go_on.wait(SECONDS)
            return chatbot

        write_articles(settings.articles, ARTICLES)
        opening = Opening(open_chatbot)
        keeper = Keeper(opening, Folder())
        opening.start()
        assert reached.wait(SECONDS)
        write_articles(settings.articles, NEW)
        keeper.catch_up()
        keeper.catch_up()
        go_on.set()
        opening.wait(SECONDS)
        keeper.wait(SECONDS)
        assert opening.chatbot is not None
        assert "new.txt" in ids(opening.chatbot)
        assert opening.chatbot.contents().generation == 2


class TestCancel:
    @pytest.mark.parametrize("stage", ["reading", "embedding", "keywords"])
    def test_the_old_index_is_as_it_was(
        self, keeper: Keeper, chatbot: Chatbot, settings: Settings, stage: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_articles(settings.articles, NEW)
        before = (settings.index / "CURRENT").read_text()
        gate = Gate(chatbot, stage, monkeypatch)
        keeper.rebuild(fresh=True)
        assert gate.reached.wait(SECONDS)
        assert temporary(settings)
        keeper.cancel()
        assert keeper.state.text == "Ending the build…"
        gate.open.set()
        keeper.wait(SECONDS)
        assert keeper.state.kind == "cancelled"
        assert (settings.index / "CURRENT").read_text() == before
        assert temporary(settings) == []
        assert verify(settings.index)[1] == []
        assert ids(chatbot) == sorted(ARTICLES)
        assert keeper.rebuild()
        keeper.wait(SECONDS)
        assert "new.txt" in ids(chatbot)

    def test_it_goes_through_build_as_it_was_raised(self, chatbot: Chatbot, settings: Settings) -> None:
        def never(_: Progress) -> None:
            raise Cancelled("enough; run: rag build")

        with pytest.raises(Cancelled, match="enough"):
            chatbot.refresh(never, fresh=True)
        assert temporary(settings) == []

    @pytest.mark.parametrize("older", [False, True])
    def test_a_first_build_is_ended_and_begun_again_and_an_older_index_opened_instead(
        self, settings: Settings, hashing: Embedder, older: bool
    ) -> None:
        reached, go_on = threading.Event(), threading.Event()

        def open_chatbot(on_progress: Callable[[Progress], None]) -> Chatbot:
            def progress(step: Progress) -> None:
                if step.stage == "embedding" and not reached.is_set():
                    reached.set()
                    assert go_on.wait(SECONDS)
                on_progress(step)

            return Chatbot.open(settings, embedder=hashing, on_progress=progress)

        write_articles(settings.articles, ARTICLES)
        if older:
            Chatbot.open(settings, embedder=hashing)
            write_articles(settings.articles, NEW)
        opening = Opening(open_chatbot)
        keeper = Keeper(opening, Folder())
        opening.start()
        assert reached.wait(SECONDS)
        keeper.cancel()
        go_on.set()
        opening.wait(SECONDS)
        assert temporary(settings) == []
        if older:
            assert opening.chatbot is not None
            assert ids(opening.chatbot) == sorted(ARTICLES)
            assert keeper.state.kind == "failed"
            assert "older index: the build was cancelled" in keeper.state.text
        else:
            assert (opening.state.kind, opening.state.text) == ("failed", CANCELLED)
        assert keeper.rebuild()
        opening.wait(SECONDS)
        keeper.wait(SECONDS)
        assert opening.chatbot is not None
        assert keeper.state.kind == "fresh"
        assert ids(opening.chatbot) == sorted([*ARTICLES, *NEW] if older else ARTICLES)

    def test_where_nothing_runs_nothing_is_ended(self, keeper: Keeper) -> None:
        keeper.cancel()
        keeper.rebuild()
        keeper.wait(SECONDS)
        assert keeper.state.kind == "fresh"


class TestOldIndex:
    def test_an_answer_that_began_on_it_ends_on_it(self, chatbot: Chatbot, settings: Settings) -> None:
        """Also where its files have been removed since: of the generations on disk only two are kept."""
        begun = chatbot.stream("How long will the tram line be?")
        next(begun)
        old = chatbot._index
        for number in range(3):
            write_articles(settings.articles, {"harbour.md": f"Nothing is left of the tram, part {number}."})
            assert chatbot.refresh() is not None
        assert not old.path.exists()
        *_, answer = begun
        assert answer.complete
        assert "14 kilometres" in answer.text
        assert all(each.quote in ARTICLES[each.hit.document.id].replace("\n", " ") for each in answer.citations)
        assert isinstance(old, Index)
        assert "14 kilometres" in old.document("harbour.md").text


class Pauses:
    """Stands for the event that ends following: passes the seconds that are waited for, then ends."""

    def __init__(self, clock: Clock, most: int) -> None:
        self.clock, self.most = clock, most
        self.seconds: list[float] = []

    def wait(self, seconds: float) -> bool:
        self.seconds.append(seconds)
        self.clock.now += seconds
        return len(self.seconds) > self.most


class TestFollow:
    """``catch_up`` is called when what changed has come to rest."""

    def calls(self, looks: list[int], catch_up: Callable[[], bool] = lambda: True) -> list[int]:
        """At which looks it is called."""
        clock, calls, seen = Clock(), [], []

        def look() -> int:
            seen.append(looks[len(seen)])
            return seen[-1]

        def caught_up() -> bool:
            calls.append(len(seen) - 1)
            return catch_up()

        follow(look, caught_up, cast("Any", Pauses(clock, len(looks) - 1)), clock)
        return calls

    def test_it_looks_once_at_first_and_then_after_each_change(self) -> None:
        assert self.calls([0, 0, 0, 0, 0]) == [1]
        assert self.calls([0, 0, 1, 1, 1, 2, 2]) == [1, 3, 6]

    def test_it_waits_while_something_is_written(self) -> None:
        assert self.calls([0, 0, 1, 2, 3, 4]) == [1]
        assert self.calls([0, 0, 1, 2, 3, 4, 4]) == [1, 6]

    def test_but_not_for_ever(self) -> None:
        assert self.calls([0, 0, *range(1, 40)]) == [1, 32]

    def test_what_was_not_dealt_with_comes_again(self) -> None:
        results = iter([False, False, True])
        assert self.calls([0] * 6, lambda: next(results)) == [1, 2, 3]

    def test_an_error_does_not_end_it(self) -> None:
        assert self.calls([0, 0, 1, 1], lambda: bool(1 // 0)) == [1, 3]

    def test_it_looks_often_while_something_changes_and_seldom_where_looking_takes_long(self) -> None:
        clock = Clock()
        pauses = Pauses(clock, 3)

        def look() -> int:
            clock.now += 2.0 if len(pauses.seconds) == 3 else 0.0
            return len(pauses.seconds) == 2

        follow(look, lambda: True, cast("Any", pauses), clock)
        assert pauses.seconds == [watching.QUIET_SECONDS, watching.LOOK_SECONDS, watching.QUIET_SECONDS, 100.0]


class TestFollowing:
    @pytest.fixture(autouse=True)
    def _quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(watching, "QUIET_SECONDS", 0.02)
        monkeypatch.setattr(watching, "LOOK_SECONDS", 0.02)

    def test_changes_are_taken_in_while_questions_go_on(
        self, keeper: Keeper, folder: Folder, chatbot: Chatbot, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gate = Gate(chatbot, "keywords", monkeypatch)
        write_articles(settings.articles, NEW)
        keeper.watch(True)
        assert keeper.watching
        assert gate.reached.wait(SECONDS)
        assert chatbot.ask("Where will the tram line go?").citations
        folder.number += 1
        gate.open.set()
        keeper.wait(SECONDS)
        assert "new.txt" in ids(chatbot)

    def test_it_can_be_switched_off_and_on(self, keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
        begun: list[threading.Event] = []
        monkeypatch.setattr("rag.web.keeper.follow", lambda *given: begun.append(given[2]))
        for number in range(1, 4):
            keeper.watch(True)
            keeper.watch(True)
            keeper.watch(False)
            keeper.watch(False)
            assert not keeper.watching
            assert len(begun) == number
        assert all(each.is_set() for each in begun)

    def test_a_build_that_fails_is_tried_again_on_the_next_change_only(
        self, keeper: Keeper, chatbot: Chatbot, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tries: list[int] = []

        def broken(*_: Any, **__: Any) -> None:
            tries.append(1)
            raise ArticlesError("the folder cannot be read")

        monkeypatch.setattr(chatbot, "refresh", broken)
        write_articles(settings.articles, NEW)
        self.follow(keeper, [0, 0, 0, 0, 1, 1, 1])
        assert len(tries) == 2
        assert keeper.state.kind == "failed"

    def test_what_changes_nothing_builds_nothing(
        self, keeper: Keeper, chatbot: Chatbot, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(chatbot, "refresh", lambda *_, **__: pytest.fail("nothing was to be built"))
        (settings.articles / "draft.tmp").write_text("half an arti")
        self.follow(keeper, [0, 0, 1, 1])
        assert keeper.state.kind == "fresh"

    def follow(self, keeper: Keeper, looks: list[int]) -> None:
        """Follow a folder that looks like this, one look after the other; each when the build before has ended."""
        shown, clock = iter(looks), Clock()

        def look() -> int:
            keeper.wait(SECONDS)
            return next(shown)

        follow(look, keeper._catch_up, cast("Any", Pauses(clock, len(looks) - 1)), clock)
        keeper.wait(SECONDS)

    def test_it_opens_what_could_not_be_opened(self, chatbot: Chatbot) -> None:
        tries: list[int] = []
        there = threading.Event()

        def open_chatbot(_: Any) -> Chatbot:
            tries.append(1)
            if len(tries) == 1:
                raise ArticlesError("there is no folder")
            there.set()
            return chatbot

        opening = Opening(open_chatbot)
        opening.start()
        opening.wait(SECONDS)
        keeper = Keeper(opening, Folder())
        keeper.watch(True)
        assert there.wait(SECONDS)
        keeper.watch(False)
        keeper.cancel()

    def test_who_was_kept_from_building_takes_what_the_other_built(
        self, keeper: Keeper, chatbot: Chatbot, settings: Settings, hashing: Embedder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(watching, "QUIET_SECONDS", 0.01)
        monkeypatch.setattr(watching, "LOOK_SECONDS", 0.01)
        ended: queue.Queue[str] = queue.Queue()
        refresh = chatbot.refresh

        def counted(*given: Any, **named: Any) -> Any:
            try:
                return refresh(*given, **named)
            finally:
                ended.put(str(chatbot.notice))

        monkeypatch.setattr(chatbot, "refresh", counted)
        keeper._snapshot = partial(snapshot, settings.articles, settings.index)
        write_articles(settings.articles, NEW)

        def meanwhile(step: Progress) -> None:
            if step.stage == "keywords" and not keeper.watching:
                keeper.watch(True)
                assert "another build" in ended.get(timeout=SECONDS)

        other = Chatbot.open(settings, embedder=hashing, on_progress=meanwhile)
        assert "new.txt" in ids(other)
        assert ended.get(timeout=SECONDS) == ""
        keeper.wait(SECONDS)
        assert keeper.state.kind == "fresh"
        assert "new.txt" in ids(chatbot)
        other.close()


class TestSnapshot:
    """What differs once the folder has changed."""

    def test_what_happens_to_articles_is_seen(self, settings: Settings) -> None:
        article, other = settings.articles / "new.txt", settings.articles / "other.txt"
        away = settings.articles.with_name("away")
        before = snapshot(settings.articles, settings.index)
        assert before
        for change in (
            lambda: article.write_text("One."),
            lambda: article.write_text("One, and more."),
            lambda: article.rename(other),
            lambda: other.unlink(),
            lambda: settings.articles.rename(away),
            lambda: away.rename(settings.articles),
        ):
            change()
            after = snapshot(settings.articles, settings.index)
            assert after != before
            assert after == snapshot(settings.articles, settings.index)
            before = after

    def test_the_index_hidden_files_and_reading_are_not(self, settings: Settings) -> None:
        index = settings.articles / "index"
        before = snapshot(settings.articles, index)
        for folder in (index / "gen-1", settings.articles / ".git"):
            folder.mkdir(parents=True)
            (folder / "new.txt").write_text("no article")
        (settings.articles / ".new.txt.swp").write_text("no article")
        (settings.articles / "plant.txt").read_text("utf-8")
        assert snapshot(settings.articles, index) == before


def test_an_index_inside_the_articles_causes_no_loop(articles: Path, hashing: Embedder) -> None:
    settings = Settings(articles=articles, index=articles / "index", embedder="hashing")
    chatbot = Chatbot.open(settings, embedder=hashing)
    write_articles(articles, NEW)
    keeper = Keeper(opened(chatbot), Folder())
    keeper.rebuild()
    keeper.wait(SECONDS)
    assert "new.txt" in ids(chatbot)
    assert not keeper.look()
    chatbot.close()
