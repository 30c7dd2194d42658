"""Conversations beside the chat, their addresses, and what a reader does with an answer, in a real browser."""

from __future__ import annotations

import io
import json
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import mammoth
import pytest
from test_hostile import assert_harmless

from double import ARTICLES, EXAMPLES, Double, Opener
from hostile import attacks
from rag.errors import ConversationMissing
from rag.export.conversation import Turn
from rag.settings import Settings
from rag.web.accounts import Accounts, PasswordHash, write_accounts
from rag.web.acts import Acts
from rag.web.conversations import Conversations
from rag.web.database import FILE
from rag.web.place import check_of
from reader import ask, fits, press, wait_until

FERRIES = "How much will the four electric ferries cost?"
FROST = "What did the frost do to the pears in the Vell valley?"
UNKNOWN = "How deep is the trench?"
COST = "The four ferries will cost 61 million crowns, of which the region pays a third."
PASSWORD = "test-key four words"


@pytest.fixture
def opener() -> Iterator[Opener]:
    opener = Opener()
    opener.ready.set()
    yield opener
    opener.chatbot.gate.set()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def url(serve_page: Callable[..., str], opener: Opener, data: Path) -> str:
    return serve_page(opener, Settings(data=data))


def kept(page: Any, *titles: str) -> None:
    """Waits until the list holds exactly these."""
    from playwright.sync_api import expect

    expect(page.locator("#history .history-open .card-name")).to_have_text(list(titles))


def new(page: Any) -> None:
    page.get_by_role("button", name="New conversation").click()
    page.locator("#chat .welcome").wait_for()


def tools(page: Any, title: str) -> None:
    page.get_by_role("button", name=f"Rename, save or delete: {title}").click()


def open_kept(page: Any, title: str) -> None:
    page.locator("#history .history-open", has_text=title).click()
    page.locator("#history .history-open[aria-current]", has_text=title).wait_for()


class TestKept:
    def test_a_turn_is_kept_when_it_ends_and_opens_with_its_sources_after_a_restart(
        self, visit: Callable[..., Any], serve_page: Callable[..., str], url: str, data: Path, expect: Any
    ) -> None:
        page = visit(url)
        ask(page, FERRIES)
        kept(page, FERRIES)
        ask(page, FROST)
        expect(page.locator("#history .history-open .byline")).to_contain_text("2 questions")
        new(page)
        ask(page, UNKNOWN)
        kept(page, UNKNOWN, FERRIES)

        opener = Opener()
        opener.ready.set()
        page = visit(serve_page(opener, Settings(data=data)))
        kept(page, UNKNOWN, FERRIES)
        open_kept(page, FERRIES)
        expect(page.locator("#chat .question")).to_have_text([f"You asked: {FERRIES}", f"You asked: {FROST}"])
        expect(page.locator("#sources .pane-about")).to_have_text(FROST)
        page.locator('#chat a[href="#s-1-1"]').click()
        expect(page.locator("#s-1-1 mark")).to_have_text(COST)
        page.locator("#s-1-1").get_by_role("button", name="Read in article").click()
        expect(page.locator("#sources .pane-article mark.now")).to_have_text(COST)
        assert opener.chatbot.asked == []
        ask(page, "And the strait, how long is the crossing?")
        assert [message.text for message in opener.chatbot.asked[0][1] if message.role == "user"] == [FERRIES, FROST]
        expect(page.locator("#history .history-open").first.locator(".byline")).to_contain_text("3 questions")
        kept(page, FERRIES, UNKNOWN)

    def test_retry_undo_and_edit_keep_the_kept_one_in_step(
        self, visit: Callable[..., Any], url: str, opener: Opener, data: Path, expect: Any
    ) -> None:
        page, store = visit(url), Conversations(data)

        def questions() -> list[tuple[str, ...]]:
            summaries = store.listed("").summaries
            try:
                return [tuple(turn.question for turn in store.open("", each.id).turns) for each in summaries]
            except ConversationMissing:  # deleted between the two
                return [("gone",)]

        ask(page, FERRIES)
        ask(page, FROST)
        wait_until(page, lambda: questions() == [(FERRIES, FROST)])
        press(page, "retry")
        wait_until(page, lambda: len(opener.chatbot.closed) == 3)
        press(page, "edit")
        box = page.get_by_role("textbox", name="Edit the question")
        expect(box).to_have_value(FROST)
        expect(box).to_be_focused()
        box.fill("When does the night library in Tarn close?")
        box.press("Enter")
        expect(page.locator("#chat .question").last).to_contain_text("night library")
        expect(box).to_be_hidden()
        wait_until(page, lambda: questions() == [(FERRIES, "When does the night library in Tarn close?")])
        page.get_by_role("button", name="Ask", exact=True).wait_for()
        press(page, "delete")
        wait_until(page, lambda: questions() == [(FERRIES,)])
        # The page has heard of it: what is pressed before is lost, for twice is never meant.
        expect(page.locator("#history .history-open .byline")).to_contain_text("1 question")
        press(page, "delete")
        wait_until(page, lambda: questions() == [])
        expect(page.locator("#history .history-open")).to_have_count(0)
        expect(page).not_to_have_url(re.compile("conversation="))

    def test_opening_another_stops_an_answer_which_ends_in_its_own(
        self, visit: Callable[..., Any], url: str, opener: Opener, expect: Any
    ) -> None:
        page = visit(url)
        ask(page, FROST)
        kept(page, FROST)
        new(page)
        ask(page, UNKNOWN)
        kept(page, UNKNOWN, FROST)
        opener.chatbot.gate.clear()
        ask(page, FERRIES, wait=False)
        expect(page.locator("#sources .pane-about")).to_have_text(FERRIES)
        page.locator("#history .history-open", has_text=FROST).click()
        expect(page.locator("#chat .question")).to_have_text([f"You asked: {FROST}"])
        expect(page.get_by_role("button", name="Ask", exact=True)).to_be_visible()
        opener.chatbot.gate.set()
        wait_until(page, lambda: len(opener.chatbot.closed) == 3)
        kept(page, UNKNOWN, FROST)
        expect(page.locator("#chat .question")).to_have_text([f"You asked: {FROST}"])
        expect(page.locator("#sources .pane-about")).to_have_text(FROST)
        open_kept(page, UNKNOWN)
        expect(page.locator("#chat .question")).to_have_text([f"You asked: {UNKNOWN}", f"You asked: {FERRIES}"])
        expect(page.locator("#chat .answer").last).to_contain_text("Stopped.")
        press(page, "edit")
        expect(page.get_by_role("textbox", name="Edit the question")).to_be_visible()
        page.go_back()  # to another conversation, whose question it is not
        expect(page.locator("#chat .question")).to_have_text([f"You asked: {FROST}"])
        expect(page.get_by_role("textbox", name="Edit the question")).to_be_hidden()

    def test_a_closed_page_leaves_what_had_come(
        self, visit: Callable[..., Any], url: str, opener: Opener, data: Path
    ) -> None:
        page = visit(url)
        opener.chatbot.gate.clear()
        ask(page, FERRIES, wait=False)
        other = visit(url)
        page.close()
        store = Conversations(data)
        wait_until(other, lambda: store.listed("").total == 1)
        (turn,) = store.open("", store.listed("").summaries[0].id).turns
        assert (turn.question, turn.status) == (FERRIES, "stopped")

    def test_a_failing_store_stops_no_question_and_is_said_once(
        self, visit: Callable[..., Any], serve_page: Callable[..., str], opener: Opener, data: Path, expect: Any
    ) -> None:
        data.write_text("a file where the folder should be")
        page = visit(serve_page(opener, Settings(data=data)))
        expect(ask(page, FERRIES).locator("a.cite")).to_have_count(2)
        expect(page.locator("#acts .acts-said")).to_contain_text("RAG_DATA")
        expect(ask(page, FROST).locator("a.cite")).to_have_count(1)
        expect(page.locator("#acts .acts-said")).to_have_text("")
        expect(page.locator("#history .failure")).to_contain_text("RAG_DATA")
        expect(page).not_to_have_url(re.compile("conversation="))

    def test_switched_off_there_is_no_list_and_nothing_on_disk(
        self, visit: Callable[..., Any], serve_page: Callable[..., str], opener: Opener, data: Path, expect: Any
    ) -> None:
        page = visit(serve_page(opener, Settings(data=data, conversations="off")))
        ask(page, FERRIES)
        expect(page.locator("#history")).to_have_count(0)
        press(page, "delete")
        expect(page.locator("#chat .answer")).to_have_count(0)
        ask(page, FROST)
        page.get_by_role("button", name="Clear").click()
        expect(page.locator("#chat .example")).to_have_count(len(EXAMPLES))
        assert "?" not in page.url
        assert not data.exists()


class TestList:
    def test_searched_renamed_and_deleted(self, visit: Callable[..., Any], url: str, data: Path, expect: Any) -> None:
        page = visit(url)
        for titles in ([FERRIES], [FROST, FERRIES], [UNKNOWN, FROST, FERRIES]):
            ask(page, titles[0])
            kept(page, *titles)
            new(page)
        search = page.get_by_role("searchbox", name="Search conversations")
        search.fill("TONNES PEARS")
        kept(page, FROST)
        search.fill("submarine")
        expect(page.locator("#history .hint")).to_have_text("No conversation holds these words.")
        search.fill("")
        kept(page, UNKNOWN, FROST, FERRIES)

        tools(page, FROST)
        page.get_by_role("button", name="Rename", exact=True).click()
        title = page.get_by_role("textbox", name="Title of the conversation")
        expect(title).to_be_focused()
        title.press("Escape")
        kept(page, UNKNOWN, FROST, FERRIES)
        page.get_by_role("button", name="Rename", exact=True).click()
        title.fill("The harvest")
        title.press("Enter")
        kept(page, UNKNOWN, "The harvest", FERRIES)
        expect(page.get_by_role("button", name="Rename", exact=True)).to_be_focused()

        page.get_by_role("button", name="Delete…", exact=True).click()
        expect(page.get_by_role("button", name="Keep", exact=True)).to_be_focused()
        page.get_by_role("button", name="Keep", exact=True).click()
        kept(page, UNKNOWN, "The harvest", FERRIES)
        page.get_by_role("button", name="Delete…", exact=True).click()
        page.get_by_role("button", name="Delete", exact=True).click()
        kept(page, UNKNOWN, FERRIES)
        page.get_by_role("button", name="Delete all…").click()
        page.get_by_role("button", name="Delete", exact=True).click()
        expect(page.locator("#history .history-open")).to_have_count(0)
        with closing(sqlite3.connect(data / FILE)) as database:
            assert database.execute("SELECT count(*) FROM turns").fetchall() == [(0,)]

    def test_deleting_the_open_one_begins_a_new_one(
        self, visit: Callable[..., Any], url: str, opener: Opener, expect: Any
    ) -> None:
        page = visit(url)
        ask(page, FERRIES)
        kept(page, FERRIES)
        opener.chatbot.gate.clear()
        ask(page, FROST, wait=False)
        tools(page, FERRIES)
        page.get_by_role("button", name="Delete…", exact=True).click()
        page.get_by_role("button", name="Delete", exact=True).click()
        expect(page.locator("#chat .welcome")).to_be_visible()
        opener.chatbot.gate.set()
        wait_until(page, lambda: len(opener.chatbot.closed) == 2)
        ask(page, UNKNOWN)
        kept(page, UNKNOWN)

    def test_steps_that_the_browser_takes_in_another_order_leave_nothing_behind(
        self, visit: Callable[..., Any], url: str, opener: Opener, expect: Any
    ) -> None:
        # gradio works off an event's steps one after another, but those of two events side by side: in a busy browser the
        # last step of a stopped answer comes after what took its place.
        page = visit(url)
        ask(page, UNKNOWN)
        new(page)
        ask(page, FERRIES)
        kept(page, FERRIES, UNKNOWN)
        page.evaluate(
            """() => {
                const later = window.setTimeout, slow = new Set();
                window.setTimeout = (run, wait, ...sent) => {
                    const { msg, event_id: event } = sent[0] || {};
                    if (msg === "process_generating") slow.add(event);
                    return later(run, event && slow.has(event) ? 700 : wait, ...sent);
                };
            }"""
        )
        new_one = page.get_by_role("button", name="New conversation")
        another = page.locator("#history .history-open", has_text=UNKNOWN)
        for left_for, shown in ((new_one, []), (another, [f"You asked: {UNKNOWN}"])):
            opener.chatbot.gate.clear()
            ask(page, FROST, wait=False)
            left_for.click()
            with page.expect_event("console", lambda message: message.text == "all came"):
                page.evaluate("window.setTimeout(() => console.log('all came'), 1500)")
            expect(page.locator("#chat .question")).to_have_text(shown)
            expect(page.locator("#sources .pane-about")).not_to_have_text(FROST)
            opener.chatbot.gate.set()
        ask(page, FROST)

    def test_exported_in_four_formats(self, visit: Callable[..., Any], url: str) -> None:
        page = visit(url)
        ask(page, FERRIES)
        kept(page, FERRIES)
        tools(page, FERRIES)
        texts = {}
        for name, suffix in (("Markdown", "md"), ("HTML", "html"), ("JSON", "json"), ("Word", "docx")):
            with page.expect_download() as downloading:
                page.get_by_role("button", name=name, exact=True).click()
            download = downloading.value
            assert download.suggested_filename == f"footnote-how-much-will-the-four-electric-ferries-cost.{suffix}"
            texts[suffix] = Path(download.path()).read_bytes()
        assert texts["md"].startswith(b"# How much will the four electric ferries cost?")
        assert COST.encode() in texts["html"]
        assert COST in mammoth.convert_to_html(io.BytesIO(texts["docx"])).value
        saved = json.loads(texts["json"])
        assert (saved["title"], saved["turns"][0]["turn"]["question"]) == (FERRIES, FERRIES)

    def test_folded_away_stays_folded(self, visit: Callable[..., Any], url: str, expect: Any) -> None:
        page = visit(url)
        button = page.get_by_role("button", name="Conversations", exact=True)
        expect(button).to_have_attribute("aria-expanded", "true")
        width = page.locator("#history").bounding_box()["width"]
        button.click()
        expect(page.get_by_role("searchbox", name="Search conversations")).to_be_hidden()
        wait_until(page, lambda: page.locator("#history").bounding_box()["width"] < width / 3)
        page.reload()
        expect(button).to_have_attribute("aria-expanded", "false")
        button.click()
        expect(page.get_by_role("searchbox", name="Search conversations")).to_be_visible()

    def test_a_title_is_written_on_while_the_list_changes(
        self, visit: Callable[..., Any], url: str, opener: Opener, expect: Any
    ) -> None:
        page = visit(url)
        ask(page, FERRIES)
        kept(page, FERRIES)
        opener.chatbot.gate.clear()
        ask(page, FROST, wait=False)
        tools(page, FERRIES)
        page.get_by_role("button", name="Rename", exact=True).click()
        title = page.get_by_role("textbox", name="Title of the conversation")
        title.fill("The ferries")
        for _ in range(7):
            page.keyboard.press("ArrowLeft")
        page.evaluate(  # returns nothing: a promise would be waited for
            "() => { window.drawn = new Promise((done) =>"
            " new MutationObserver(done).observe(document.querySelector('.history-list'), { childList: true })); }"
        )
        opener.chatbot.gate.set()
        page.evaluate("drawn.then(() => true)")
        expect(title).to_be_focused()
        page.keyboard.type("new ")
        expect(title).to_have_value("The new ferries")

    def test_the_keyboard_alone(self, visit: Callable[..., Any], url: str, data: Path, expect: Any) -> None:
        store = Conversations(data)
        for number in range(5):
            store.save("", (Turn(1, f"Question {number}?", "stopped"),))
        page = visit(url)
        kept(page, *(f"Question {number}?" for number in range(4, -1, -1)))
        page.get_by_role("searchbox", name="Search conversations").focus()
        page.keyboard.press("Tab")
        expect(page.locator(".history-open").first).to_be_focused()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        expect(page.locator(".history-open").nth(2)).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#chat .question")).to_have_text("You asked: Question 2?")
        page.locator("#history .history-open[aria-current]", has_text="Question 2?").wait_for()
        expect(page.locator(".history-open").nth(2)).to_be_focused()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Rename", exact=True)).to_be_focused()
        page.keyboard.press("End")
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("End")
        expect(page.locator(".history-more").last).to_be_focused()
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Export feedback")).to_be_focused()


class TestTwoVisitors:
    @pytest.fixture
    def url(self, tmp_path: Path, opener: Opener, data: Path, serve_page: Callable[..., str]) -> str:
        path = tmp_path / "accounts.txt"
        write_accounts(path, {name: PasswordHash.of(PASSWORD, 16, 8, 1) for name in ("maren", "jon")})
        return serve_page(opener, Settings(accounts=str(path), data=data), accounts=Accounts(path))

    def enter(self, visit: Callable[..., Any], url: str, name: str) -> Any:
        page = visit(url, wait_for="Username")
        page.get_by_role("textbox", name="Username").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Login").click()
        page.get_by_role("textbox", name="Your question").wait_for()
        return page

    def test_each_sees_their_own_and_a_link_opens_after_the_login(
        self, visit: Callable[..., Any], url: str, expect: Any
    ) -> None:
        maren = self.enter(visit, url, "maren")
        ask(maren, FERRIES)
        kept(maren, FERRIES)
        link = maren.url
        assert re.search(r"\?conversation=[\w-]{22}$", link)
        again = self.enter(visit, link, "maren")
        expect(again.locator("#chat .question")).to_have_text(f"You asked: {FERRIES}")
        kept(again, FERRIES)
        jon = self.enter(visit, link, "jon")
        expect(jon.get_by_test_id("toast-body")).to_contain_text("There is no such conversation")
        expect(jon.locator("#history .hint")).to_contain_text("only you see it")
        expect(jon.locator("#chat .question")).to_have_count(0)
        expect(jon).not_to_have_url(re.compile("conversation="))
        ask(jon, FROST)
        kept(jon, FROST)
        kept(maren, FERRIES)


class TestAddresses:
    def test_the_address_follows_what_is_shown(self, visit: Callable[..., Any], url: str, expect: Any) -> None:
        page = visit(f"{url}?__theme=light")
        ask(page, FERRIES)
        kept(page, FERRIES)
        expect(page).to_have_url(re.compile(r"/\?__theme=light&conversation=[\w-]{22}$"))
        address = page.url
        page.reload()
        expect(page.locator("#chat .question")).to_have_text(f"You asked: {FERRIES}")
        expect(page).to_have_url(address)
        new(page)
        expect(page).to_have_url(f"{url}?__theme=light")

    def test_a_tab_pressed_before_the_one_in_the_address_opens_stays(
        self, visit: Callable[..., Any], url: str, expect: Any
    ) -> None:
        page, held = visit(url), list[Any]()
        page.route("**/component_server/**", lambda route: held.append(route))
        page.goto(f"{url}?tab=settings")
        page.get_by_role("tab", name="Articles").click()
        wait_until(page, lambda: bool(held))
        with page.expect_response("**/component_server/**"):
            while held:
                held.pop().continue_()
        page.unroute("**/component_server/**")
        expect(page).to_have_url(f"{url}?tab=articles")
        expect(page.get_by_role("tab", name="Articles")).to_have_attribute("aria-selected", "true")

    def test_back_leads_through_the_conversations(
        self, visit: Callable[..., Any], url: str, expect: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        page = visit(url)
        ask(page, FERRIES)
        kept(page, FERRIES)
        first = page.url
        new(page)
        ask(page, FROST)
        kept(page, FROST, FERRIES)
        second = page.url
        shown = page.locator("#chat .question")
        page.go_back()
        expect(shown).to_have_text(f"You asked: {FERRIES}")
        expect(page).to_have_url(first)
        expect(page.locator("#history .history-open[aria-current]")).to_contain_text(FERRIES)
        page.go_forward()
        expect(shown).to_have_text(f"You asked: {FROST}")
        expect(page).to_have_url(second)
        expect(page.locator("#history .history-open[aria-current]")).to_contain_text(FROST)
        slow, delete = threading.Event(), Conversations.delete
        monkeypatch.setattr(Conversations, "delete", lambda *sent: slow.wait(300) and delete(*sent))
        tools(page, FROST)
        page.get_by_role("button", name="Delete…").click()
        page.get_by_role("button", name="Delete", exact=True).click()
        page.locator("#chat .welcome").wait_for()
        expect(page).not_to_have_url(re.compile("conversation="))
        slow.set()
        kept(page, FERRIES)
        page.go_back()  # not to what was deleted
        expect(shown).to_have_text(f"You asked: {FERRIES}")
        expect(page).to_have_url(first)

    def test_what_is_unknown_is_missed_politely(self, visit: Callable[..., Any], url: str, expect: Any) -> None:
        page = visit(f"{url}?article=%3Cimg%20src%3Dx%3E&start=x&end=-1")
        expect(page.locator("#sources .pane-article .failure")).to_contain_text("There is no such article")
        expect(page.locator("#sources .pane-article img")).to_have_count(0)
        page = visit(f"{url}?conversation=%3Cimg%20src=x%20onerror=alert(1)%3E")
        expect(page.get_by_test_id("toast-body")).to_contain_text("There is no such conversation, or it was deleted")
        expect(page).to_have_url(url)
        ask(page, FERRIES)
        kept(page, FERRIES)

    def test_a_passage_has_a_link_that_opens_it(self, visit: Callable[..., Any], url: str, expect: Any) -> None:
        page = visit(url, permissions=["clipboard-read", "clipboard-write"])
        ask(page, FERRIES)
        kept(page, FERRIES)
        conversation = page.url
        page.locator("#s-1-1").get_by_role("button", name="Read in article").click()
        page.get_by_role("button", name="Copy link to this passage").click()
        expect(page.locator("#sources .article-link")).to_contain_text("Copied")
        link = page.evaluate("navigator.clipboard.readText()")
        start = ARTICLES[0].text.index(COST)
        assert link == f"{url}?article=ferry.md&start={start}&end={start + len(COST)}&check={check_of(COST)}"
        for address in (link, f"{conversation}&{link.partition('?')[2]}"):
            other = visit(address)
            expect(other.locator("#sources .pane-article mark.now")).to_have_text(COST)
            expect(other.locator("#sources .pane-article mark.now")).to_be_in_viewport()
        expect(other.locator("#chat .question")).to_have_text(f"You asked: {FERRIES}")
        expect(other.locator("#sources .pane-article mark.now")).to_be_visible()
        other.get_by_role("button", name="Back to sources").click()
        expect(other.locator("#s-1-1")).to_be_visible()
        expect(other).to_have_url(conversation)

    def test_a_link_waits_until_the_articles_are_read(
        self, visit: Callable[..., Any], serve_page: Callable[..., str], expect: Any
    ) -> None:
        opener = Opener()
        page = visit(f"{serve_page(opener)}?article=ferry.md&start=0&end=11")
        expect(page.locator("#sources .pane-article")).to_contain_text("still being read")
        opener.ready.set()
        expect(page.locator("#sources .pane-article mark.now")).to_have_text("The council")


class TestActs:
    def test_what_is_pressed_while_the_last_is_still_being_noted_counts_too(
        self, visit: Callable[..., Any], url: str, monkeypatch: pytest.MonkeyPatch, expect: Any
    ) -> None:
        noted, act = threading.Event(), Acts.act

        def act_late(*arguments: Any) -> Any:
            noted.wait(300)
            return act(*arguments)

        page = visit(url)
        ask(page, FERRIES)
        ask(page, FROST)
        monkeypatch.setattr(Acts, "act", act_late)
        press(page, "wrong", 1)
        press(page, "right", 2)
        noted.set()
        expect(page.locator("#act-1-wrong")).to_have_attribute("aria-pressed", "true")
        expect(page.locator("#act-2-right")).to_have_attribute("aria-pressed", "true")

    def test_what_was_done_is_told_also_when_the_answers_are_marked_late(
        self, visit: Callable[..., Any], url: str, monkeypatch: pytest.MonkeyPatch, expect: Any
    ) -> None:
        marked, data = threading.Event(), Acts.data

        def data_late(acts: Acts, conversation: Any, visitor: Any, *problem: str) -> dict[str, Any]:
            found = data(acts, conversation, visitor, *problem)
            if not problem or not conversation:  # after something was done, or on a page just opened
                return found
            marked.wait(300)
            return {**found, "given": {"1": {"name": "wrong", "note": ""}}, "stamp": -1}

        monkeypatch.setattr(Acts, "data", data_late)
        page = visit(url)
        ask(page, FERRIES)
        press(page, "right", 1)
        expect(page.locator("#act-1-right")).to_have_attribute("aria-pressed", "true")
        press(page, "right", 1)
        expect(page.locator("#acts .acts-said")).to_have_text("Taken back")
        marked.set()
        expect(page.locator("#act-1-wrong")).to_have_attribute("aria-pressed", "true")
        expect(page.locator("#acts .acts-said")).to_have_text("Taken back")

    def test_feedback_is_pressed_noted_changed_taken_back_and_exported(
        self, visit: Callable[..., Any], url: str, expect: Any
    ) -> None:
        page = visit(url)
        ask(page, FERRIES)
        ask(page, FROST)
        first = page.locator("#act-1-wrong-citation")
        press(page, "wrong-citation", 1)
        expect(first).to_have_attribute("aria-pressed", "true")
        note = page.get_by_role("textbox", name="Noted: Wrong citation. Add a comment")
        expect(note).to_be_focused()
        note.fill("に")  # what is being composed is not sent
        for key in ("Enter", "Escape"):
            note.dispatch_event("keydown", {"key": key, "isComposing": True, "bubbles": True, "cancelable": True})
        expect(note).to_be_focused()
        note.fill("It says so elsewhere.")
        note.press("Enter")
        expect(page.locator("#acts .acts-said")).to_have_text("Your note is kept")
        expect(page.locator("#chat summary[title='What is wrong?']").first).to_be_focused()
        press(page, "right", 2)
        expect(page.locator("#act-2-right")).to_have_attribute("aria-pressed", "true")
        press(page, "missing-source", 1)
        expect(first).to_have_attribute("aria-pressed", "false")
        expect(page.locator("#act-1-missing-source")).to_have_attribute("aria-pressed", "true")
        page.keyboard.press("Escape")
        with page.expect_download() as downloading:
            page.get_by_role("button", name="Export feedback").click()
        lines = [json.loads(line) for line in Path(downloading.value.path()).read_text("utf-8").splitlines()]
        found = {each["question"]: (each["verdict"], each["remark"]) for each in lines}
        assert found == {FERRIES: ("missing source", "It says so elsewhere."), FROST: ("right", "")}
        press(page, "right", 2)
        expect(page.locator("#acts .acts-said")).to_have_text("Taken back")

        page = visit(page.url)  # opened again by its address
        expect(page.locator("#act-1-missing-source")).to_have_attribute("aria-pressed", "true")
        expect(page.locator("#chat .act[aria-pressed=true]")).to_have_count(1)
        tools(page, FERRIES)
        page.get_by_role("button", name="Delete…", exact=True).click()
        page.get_by_role("button", name="Delete with feedback").click()
        page.locator("#chat .welcome").wait_for()
        expect(page.locator("#history .history-said")).to_have_text("Deleted")
        page.get_by_role("button", name="Export feedback").click()
        expect(page.locator("#history .history-said")).to_contain_text("There is no feedback yet")

    def test_an_answer_is_copied_with_its_sources(self, visit: Callable[..., Any], url: str, expect: Any) -> None:
        page = visit(url, permissions=["clipboard-read", "clipboard-write"])
        ask(page, FERRIES)
        page.get_by_role("button", name="Copy", exact=True).click()
        expect(page.locator("#acts .acts-said")).to_have_text("Copied with its sources")
        plain = page.evaluate("navigator.clipboard.readText()")
        assert plain.startswith(f"{COST} [1]")
        assert "The Orsund Gazette · as of 4 March 2031" in plain
        press(page, "copy-markdown")
        page.wait_for_function("async () => (await navigator.clipboard.readText()).includes('**Sources**')")


class TestHostile:
    def test_titles_and_answers_are_only_text_in_the_list_and_in_files(
        self, visit: Callable[..., Any], serve_page: Callable[..., str], data: Path, listener: Any, expect: Any
    ) -> None:
        home, heard = listener
        texts = [" ".join(each.split()) for each in attacks(home)]
        store = Conversations(data)
        for text in texts:
            store.rename("", store.save("", (Turn(1, text[:2000], "stopped"),)), text)
        opener = Opener(Double(articles=(replace(ARTICLES[0], title=texts[0], outlet=texts[1]),)))
        opener.ready.set()
        page = visit(serve_page(opener, Settings(data=data)))
        ask(page, f"How much will the four electric ferries cost? {texts[0]}")
        expect(page.locator("#history .history-open")).to_have_count(len(texts) + 1)
        alive = "#history :is(script, img, iframe, object, embed, video, form, link, svg, a)"
        expect(page.locator(alive)).to_have_count(0)
        page.locator("#history .history-more").first.click()
        with page.expect_download() as downloading:
            page.get_by_role("button", name="HTML", exact=True).click()
        shown = page.context.new_page()
        shown.set_content(Path(downloading.value.path()).read_text("utf-8"))
        assert shown.locator(":is(script, img, iframe, object, embed, video, form, link)").count() == 0
        shown.close()
        page.locator("#history .history-open").nth(2).click()
        expect(page.locator("#chat .question")).to_have_count(1)
        page.locator("#history .history-more").nth(2).click()
        page.get_by_role("button", name="Rename", exact=True).click()
        page.get_by_role("textbox", name="Title of the conversation").press("Enter")
        expect(page.locator("#history .history-said")).to_contain_text("Renamed to")
        assert_harmless(page, heard, home)


class TestEveryScreen:
    def test_a_phone_opens_it_as_a_sheet(self, visit: Callable[..., Any], url: str, data: Path, expect: Any) -> None:
        store = Conversations(data)
        store.save("", (Turn(1, "Unbroken" * 30, "stopped"),))
        page = visit(url, 390, 844, has_touch=True)

        ask(page, FERRIES)
        fits(page)
        expect(page.get_by_role("searchbox", name="Search conversations")).to_be_hidden()
        button = page.get_by_role("button", name="Conversations", exact=True)
        button.tap()
        expect(page.get_by_role("searchbox", name="Search conversations")).to_be_focused()
        expect(page.locator("#chat-column")).to_have_js_property("inert", True)
        page.locator(".history-more").first.tap()
        fits(page)
        page.keyboard.press("Escape")
        expect(button).to_be_focused()
        expect(page.locator("#chat-column")).to_have_js_property("inert", False)
        button.tap()
        page.locator(".history-open", has_text="Unbroken").tap()
        expect(page.locator("#chat .question")).to_contain_text("Unbroken")
        expect(page.get_by_role("searchbox", name="Search conversations")).to_be_hidden()
        fits(page)

    def test_axe_finds_nothing(
        self, visit: Callable[..., Any], url: str, check_accessibility: Callable[[Any], None], expect: Any
    ) -> None:
        page = visit(url)
        ask(page, FERRIES)
        kept(page, FERRIES)
        press(page, "wrong", 1)
        expect(page.locator("#acts textarea")).to_be_focused()
        check_accessibility(page)
        page.keyboard.press("Escape")
        tools(page, FERRIES)
        check_accessibility(page)
        page.get_by_role("button", name="Delete…", exact=True).click()
        check_accessibility(page)
        page.get_by_role("button", name="Keep", exact=True).click()
        press(page, "edit")
        expect(page.get_by_role("textbox", name="Edit the question")).to_be_focused()
        check_accessibility(page)
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Rename", exact=True).click()
        check_accessibility(page)
        page.keyboard.press("Escape")
        page.set_viewport_size({"width": 390, "height": 844})
        page.get_by_role("button", name="Conversations", exact=True).click()
        check_accessibility(page)
