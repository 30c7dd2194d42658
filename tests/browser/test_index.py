"""The index as a section of Settings, what the whole page hears of the index, and the page before the first answer."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from double import Opener
from embeddings import Embedder
from news import ARTICLES, write_articles
from rag.chatbot import Chatbot
from rag.errors import EmbedderError, IndexTooNew
from rag.index.generations import new_generation
from rag.settings import Settings
from rag.types import Progress
from rag.web.keeper import Keeper
from reader import ask, beat, fits, to_settings, wait_until

NEW = {"keeper.txt": "The lighthouse keeper of Osk retired after forty years."}
QUESTION = "When did the lighthouse keeper of Osk retire?"
SECONDS = 60


class Desk:
    """A served page around a real chatbot whose builds can be held back at a stage."""

    def __init__(self, serve_page: Callable[..., str], settings: Settings, embedder: Embedder) -> None:
        self.settings = settings
        self.embedder = embedder
        self.hold = ""
        self.reached, self.go_on = threading.Event(), threading.Event()
        self.url = serve_page(self.open, settings)

    def open(self, on_progress: Callable[[Progress], None]) -> Chatbot:
        chatbot = Chatbot.open(self.settings, embedder=self.embedder, on_progress=self.held(on_progress))
        refresh = chatbot.refresh
        chatbot.refresh = lambda said, *, fresh=False: refresh(self.held(said), fresh=fresh)  # type: ignore[method-assign]
        return chatbot

    def held(self, on_progress: Callable[[Progress], None]) -> Callable[[Progress], None]:
        def progress(step: Progress) -> None:
            on_progress(step)
            if step.stage == self.hold:
                self.hold = ""
                self.reached.set()
                assert self.go_on.wait(300)
                on_progress(step)  # hears whether it is to end

        return progress


@pytest.fixture
def desk(serve_page: Callable[..., str], settings: Settings, hashing: Embedder, tmp_path: Path) -> Any:
    desk = Desk(serve_page, settings.replace(data=tmp_path / "data"), hashing)
    yield desk
    desk.go_on.set()


@pytest.fixture
def page(visit: Callable[..., Any], desk: Desk, expect: Any) -> Any:
    page = visit(desk.url)
    to_settings(page, page.get_by_role("tab", name="Settings"))
    expect(page.locator("#index-state .index-state")).to_have_text("Up to date")
    return page


@pytest.fixture
def cancelled(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Is set when the server has heard that a build is to end: the page draws a press before that."""
    heard, cancel = threading.Event(), Keeper.cancel

    def hear(keeper: Keeper) -> None:
        cancel(keeper)
        heard.set()

    monkeypatch.setattr(Keeper, "cancel", hear)
    return heard


def fact(page: Any, name: str) -> str:
    return str(page.locator(f"#index-contents dt:text-is('{name}') + dd").inner_text())


class TestIndex:
    def test_it_says_what_is_in_the_index_and_looking_twice_is_answered_twice(
        self, page: Any, desk: Desk, expect: Any
    ) -> None:
        (generation,) = desk.settings.index.glob("gen-*")
        size = sum(each.stat().st_size for each in generation.rglob("*") if each.is_file())
        assert fact(page, "Articles") == str(len(ARTICLES))
        assert fact(page, "Embedding model") == "hashing"
        assert fact(page, "Generation") == "1"
        assert fact(page, "Size on disk") == f"{size / 1e6:.1f} MB"
        assert re.search(r"\d{1,2} \w+ 20\d\d", fact(page, "Built"))
        said = page.locator("#index-said .said")
        for _ in range(2):
            page.get_by_role("button", name="Check for changes").click()
            expect(said).to_have_text("The index is up to date with the folder.")
            page.evaluate("document.querySelector('#index-said .said').textContent = ''")

    def test_a_rebuild_shows_its_progress_and_the_whole_page_knows_its_outcome(
        self, page: Any, desk: Desk, expect: Any
    ) -> None:
        write_articles(desk.settings.articles, NEW)
        desk.hold = "embedding"
        page.get_by_role("button", name="Rebuild", exact=True).click()
        expect(page.locator("#index-state .index-state")).to_have_text("Being built")
        assert desk.reached.wait(SECONDS)
        expect(page.locator(".status")).to_contain_text("Embedding")
        expect(page.locator(".status").get_by_role("progressbar")).to_have_attribute("value", "1")
        page.get_by_role("tab", name="Ask").click()
        ask(page, "How long will the tram line of Port Velm be?")
        desk.go_on.set()
        page.get_by_role("tab", name="Settings").click()
        expect(page.locator("#index-state .index-state")).to_have_text("Up to date")
        expect(page.locator("#index-contents dt:text-is('Generation') + dd")).to_have_text("2")
        expect(page.locator(".status")).to_be_hidden()
        page.get_by_role("tab", name="Articles").click()
        expect(page.locator("#library tbody tr")).to_have_count(len(ARTICLES) + 1)
        page.get_by_role("tab", name="Ask").click()
        ask(page, QUESTION)
        expect(page.locator("#sources .card").filter(has_text="lighthouse keeper").first).to_be_attached()

    def test_a_build_is_cancelled_and_started_over(
        self, page: Any, desk: Desk, expect: Any, cancelled: threading.Event
    ) -> None:
        desk.hold = "reading"
        page.get_by_role("button", name="Rebuild from scratch").click()
        assert desk.reached.wait(SECONDS)
        page.get_by_role("button", name="Cancel the build").click()
        expect(page.locator(".status")).to_contain_text("Ending the build…")
        assert cancelled.wait(SECONDS)
        desk.go_on.set()
        expect(page.locator("#index-state .index-state")).to_have_text("The build was cancelled")
        expect(page.locator("#index-contents dt:text-is('Generation') + dd")).to_have_text("1")
        page.get_by_role("button", name="Rebuild from scratch").click()
        expect(page.locator("#index-contents dt:text-is('Generation') + dd")).to_have_text("2")
        expect(page.locator("#index-state .index-state")).to_have_text("Up to date")

    def test_a_press_is_heard_while_the_progress_is_drawn_and_nothing_moves_under_the_pointer(
        self, page: Any, desk: Desk, expect: Any, cancelled: threading.Event
    ) -> None:
        tops = "[...document.querySelectorAll('#model-column :is(button, input)')].map((e) => e.getBoundingClientRect().top)"
        before = page.evaluate(tops)
        desk.hold = "reading"
        page.get_by_role("button", name="Rebuild from scratch").click()
        assert desk.reached.wait(SECONDS)
        cancel = page.get_by_role("button", name="Cancel the build")
        expect(cancel).to_be_visible()
        assert page.evaluate(tops)[:4] == before[:4]
        cancel.hover()
        page.mouse.down()
        beat(page)
        beat(page)
        page.mouse.up()
        expect(page.locator(".status")).to_contain_text("Ending the build…")
        expect(cancel).to_be_focused()
        assert cancelled.wait(SECONDS)
        desk.go_on.set()
        expect(page.locator("#index-state .index-state")).to_have_text("The build was cancelled")
        expect(page.get_by_role("button", name="Show the index")).to_be_focused()

    def test_a_change_is_found_and_taken_in_from_the_masthead_where_nothing_is_drawn_twice(
        self, page: Any, desk: Desk, expect: Any
    ) -> None:
        write_articles(desk.settings.articles, NEW)
        page.get_by_role("button", name="Check for changes").click()
        update = page.locator(".status").get_by_role("button", name="Update the index")
        update.focus()
        expect(page.locator("#index-state .index-state")).to_have_text("The folder has changed")
        expect(page.locator(".index-about")).to_contain_text("build the index again to read the changes")
        beat(page)
        page.evaluate(
            "window.drawn = 0; const watcher = new MutationObserver((all) => (drawn += all.length));"
            " for (const each of ['.status', '#index-state'])"
            " watcher.observe(document.querySelector(each), { childList: true, subtree: true })"
        )
        beat(page)
        beat(page)
        assert page.evaluate("drawn") == 0
        expect(update).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#index-contents dt:text-is('Articles') + dd")).to_have_text(str(len(ARTICLES) + 1))
        expect(page.locator(".status")).to_be_hidden()
        expect(page.get_by_role("tab", name="Settings")).to_be_focused()

    def test_a_build_that_fails_leaves_the_old_index_and_says_why(
        self, page: Any, desk: Desk, expect: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: Any) -> Any:
            raise EmbedderError("the model <b>is damaged</b>; install it again")

        write_articles(desk.settings.articles, NEW)
        monkeypatch.setattr("rag.chatbot.build", fail)
        page.get_by_role("button", name="Rebuild", exact=True).click()
        expect(page.locator("#index-state .index-state")).to_have_text("The last build failed")
        expect(page.locator(".index-about")).to_have_text(
            "The index as it was before goes on answering. The model <b>is damaged</b>; install it again"
        )
        page.get_by_role("tab", name="Ask").click()
        ask(page, "How long will the tram line of Port Velm be?")

    def test_the_folder_is_followed(self, page: Any, desk: Desk, expect: Any) -> None:
        follow = page.get_by_role("checkbox", name="Watch the folder")
        follow.click()
        expect(follow).to_be_checked()
        write_articles(desk.settings.articles, NEW)

        def built() -> bool:
            page.evaluate("footnote.hurry()")  # else the page asks every ten seconds
            return fact(page, "Generation") == "2"

        wait_until(page, built)
        assert fact(page, "Articles") == str(len(ARTICLES) + 1)
        follow.click()
        expect(follow).not_to_be_checked()

    def test_axe_finds_nothing_and_a_phone_does_not_scroll_sideways(
        self, visit: Callable[..., Any], desk: Desk, expect: Any, check_accessibility: Callable[[Any], None]
    ) -> None:
        page = visit(desk.url, 390, 844)
        page.get_by_role("tab", name="Settings").click()
        expect(page.locator("#index-contents dt:text-is('Generation') + dd")).to_have_text("1")

        def check() -> None:
            fits(page)
            check_accessibility(page)

        check()
        desk.hold = "reading"
        page.get_by_role("button", name="Rebuild from scratch").click()
        expect(page.locator(".status").get_by_role("progressbar")).to_be_visible()
        check()


class TestFirst:
    """Each thing that can stand before the first answer has its own page."""

    def test_a_model_that_is_being_loaded_and_an_index_that_is_being_built(
        self, visit: Callable[..., Any], serve_page: Callable[..., str], expect: Any
    ) -> None:
        opener = Opener(steps=[Progress("loading the model", 0, 1)])
        page = visit(serve_page(opener))
        loading = page.locator("#masthead").get_by_text("Loading the model…")
        expect(loading).to_be_visible()
        opener.ready.set()
        expect(loading).to_be_hidden()
        opener = Opener(steps=[Progress("loading the model", 1, 1), Progress("embedding", 3, 12)])
        page = visit(serve_page(opener))
        expect(page.get_by_role("heading", name="The index is being built")).to_be_visible()
        bar = page.locator("#masthead").get_by_role("progressbar")
        expect(bar).to_have_attribute("value", "3")
        expect(bar).to_have_attribute("max", "12")
        opener.ready.set()
        expect(page.get_by_text("Every sentence of an answer carries its quote.")).to_be_visible()

    @pytest.fixture
    def settings(self, tmp_path: Path) -> Settings:
        return Settings(tmp_path / "articles", tmp_path / "index", data=tmp_path / "data", embedder="hashing")

    @pytest.fixture
    def served(self, settings: Settings, serve_page: Callable[..., str], hashing: Embedder) -> Callable[[], str]:
        return lambda: serve_page(
            lambda said: Chatbot.open(settings, embedder=hashing, on_progress=said),
            settings,
        )

    def test_the_first_build_is_cancelled_and_begun_again(
        self,
        visit: Callable[..., Any],
        serve_page: Callable[..., str],
        settings: Settings,
        hashing: Embedder,
        expect: Any,
        cancelled: threading.Event,
    ) -> None:
        go_on = threading.Event()

        def open_chatbot(said: Callable[[Progress], None]) -> Chatbot:
            def progress(step: Progress) -> None:
                said(step)
                if step.stage == "embedding":
                    assert go_on.wait(SECONDS)

            return Chatbot.open(settings, embedder=hashing, on_progress=progress)

        write_articles(settings.articles, ARTICLES)
        page = visit(serve_page(open_chatbot, settings), heading="The index is being built")
        page.get_by_role("tab", name="Settings").click()
        page.get_by_role("button", name="Cancel the build").click()
        assert cancelled.wait(SECONDS)
        go_on.set()
        expect(page.locator("#index-state .index-state")).to_have_text("Could not be opened")
        expect(page.locator(".index-about")).to_contain_text("The build was cancelled before there was an index")
        page.get_by_role("button", name="Rebuild", exact=True).click()
        expect(page.locator("#index-state .index-state")).to_have_text("Up to date")

    def test_an_empty_folder_takes_its_first_article_right_there(
        self, visit: Callable[..., Any], served: Callable[[], str], settings: Settings, expect: Any
    ) -> None:
        settings.articles.mkdir()
        page = visit(served(), heading="There are no articles yet")
        expect(page.locator("#start")).to_contain_text("into the folder articles")
        expect(page.get_by_role("textbox", name="Your question")).to_have_count(0)
        sent = {"name": "keeper.txt", "mimeType": "text/plain", "buffer": NEW["keeper.txt"].encode()}
        page.locator("#start input[type=file]").set_input_files([sent])
        expect(page.get_by_role("textbox", name="Your question")).to_be_visible()
        ask(page, QUESTION)
        expect(page.locator("#sources .card").filter(has_text="lighthouse keeper").first).to_be_attached()

    def test_a_question_waits_for_the_build_that_brings_the_first_article(
        self,
        visit: Callable[..., Any],
        served: Callable[[], str],
        settings: Settings,
        expect: Any,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        ready, refresh = threading.Event(), Chatbot.refresh

        def late(chatbot: Chatbot, *arguments: Any, **options: Any) -> Any:
            ready.wait(300)
            return refresh(chatbot, *arguments, **options)

        monkeypatch.setattr(Chatbot, "refresh", late)
        settings.articles.mkdir()
        page = visit(served(), heading="There are no articles yet")
        sent = {"name": "keeper.txt", "mimeType": "text/plain", "buffer": NEW["keeper.txt"].encode()}
        try:
            page.locator("#start input[type=file]").set_input_files([sent])
            answer = ask(page, QUESTION, wait=False)
            expect(answer).to_contain_text("Your question comes next.")
        finally:
            ready.set()
        expect(answer.locator("a.cite")).to_have_count(1)

    def test_a_folder_with_only_bad_files_leads_to_their_reasons(
        self,
        visit: Callable[..., Any],
        served: Callable[[], str],
        settings: Settings,
        check_accessibility: Callable[[Any], None],
        expect: Any,
    ) -> None:
        write_articles(
            settings.articles, {"<img src=x onerror=alert(1)>.png": "x", "empty.txt": "", "numbers.md": "1 2"}
        )
        page = visit(served(), 390, 844, heading="None of these files is an article")
        expect(page.locator("#start")).to_contain_text("none that can be read; Articles says why")
        check_accessibility(page)
        page.get_by_role("tab", name="Articles").click()
        for reason in ("Unsupported format .png; put it into a .pdf", "no words"):
            expect(page.locator("#library .reason", has_text=re.compile(reason, re.IGNORECASE))).to_have_count(1)
        fits(page)

    def test_a_folder_that_is_missing_can_be_made_and_tried_again(
        self, visit: Callable[..., Any], served: Callable[[], str], settings: Settings, expect: Any
    ) -> None:
        page = visit(served())
        expect(page.locator(".status")).to_contain_text("The folder articles does not exist")
        assert str(settings.articles.parent) not in page.content()
        write_articles(settings.articles, NEW)
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_text("Every sentence of an answer carries its quote.")).to_be_visible()
        ask(page, QUESTION)

    def test_a_build_of_another_is_waited_for(
        self, visit: Callable[..., Any], served: Callable[[], str], settings: Settings, expect: Any
    ) -> None:
        write_articles(settings.articles, NEW)
        with new_generation(settings.index):
            page = visit(served())
            expect(page.locator(".status")).to_contain_text(
                "Another build of this index is running; wait until it ends"
            )
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_text("Every sentence of an answer carries its quote.")).to_be_visible()

    def test_an_index_that_cannot_be_written(
        self, visit: Callable[..., Any], served: Callable[[], str], settings: Settings, expect: Any
    ) -> None:
        write_articles(settings.articles, NEW)
        settings.index.write_text("a file where the folder should be", "utf-8")
        page = visit(served())
        expect(page.locator(".status")).to_contain_text("Free the disk or choose a folder with --index")
        settings.index.unlink()
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_text("Every sentence of an answer carries its quote.")).to_be_visible()

    def test_an_index_that_is_too_new(
        self, visit: Callable[..., Any], serve_page: Callable[..., str], expect: Any
    ) -> None:
        opener = Opener(fail=IndexTooNew("the index was written by a newer Footnote; update the program"))
        opener.ready.set()
        page = visit(serve_page(opener))
        expect(page.locator(".status")).to_contain_text("The index was written by a newer Footnote; update the program")
        page.get_by_role("tab", name="Settings").click()
        expect(page.locator("#index-state .index-state")).to_have_text("Could not be opened")
