"""What was understood of a question: shown as chips, each removed and brought back by mouse, finger or keyboard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from test_hostile import assert_harmless, attacks

from asynchronous import run
from double import ARTICLES, Double, Opener, ServicesDouble
from rag.export.conversation import Conversation, Turn
from rag.settings import Settings
from rag.types import Answer
from rag.web.models import Models
from rag.web.rooms import Visitor
from rag.web.talk import Handlers
from reader import ask, press, wait_until

GAZETTE = "The Orsund Gazette"
FERRIES = f"How much will the four electric ferries cost, says {GAZETTE} in 2031?"
COURIER = "What did the Valley Courier say about the pears?"
SKIPPED = ({"__type__": "update"},) * 3
SESSION = Visitor("one")


def finished(page: Any, double: Any, questions: int) -> None:
    """Waits until that many questions were asked and nothing is being written."""
    wait_until(page, lambda: len(double.asked) == len(double.closed) == questions)
    page.get_by_role("button", name="Ask", exact=True).wait_for()


class TestChips:
    def test_what_was_understood_is_removed_and_brought_back(self, page: Any, expect: Any, double: Any) -> None:
        ask(page, COURIER)
        answer = ask(page, FERRIES)
        expect(answer.locator(".understood .chip")).to_have_text([f"Remove {GAZETTE}", "Remove 2031"])
        page.get_by_role("button", name=f"Remove {GAZETTE}", exact=True).click()
        back = page.get_by_role("button", name=f"Bring back {GAZETTE} (ignored)", exact=True)
        expect(back).to_be_visible()
        assert back.locator("s").evaluate("each => getComputedStyle(each).textDecorationLine") == "line-through"
        finished(page, double, 3)
        page.get_by_role("button", name="Remove 2031", exact=True).click()
        expect(page.get_by_role("button", name="Bring back 2031 (ignored)", exact=True)).to_be_visible()
        finished(page, double, 4)
        back.click()
        expect(answer.locator(".understood .chip")).to_have_text([f"Remove {GAZETTE}", "Bring back 2031 (ignored)"])
        finished(page, double, 5)
        assert double.ignored == [(), (), (GAZETTE,), (GAZETTE, "2031"), ("2031",)]
        assert {question for question, _ in double.asked[1:]} == {FERRIES}
        assert [len(history) for _, history in double.asked] == [0, 2, 2, 2, 2]
        expect(page.locator("#chat .answer")).to_have_count(2)
        page.locator('#chat a[href="#s-2-1"]').click()
        expect(page.locator("#s-2-1")).to_be_focused()

    @pytest.mark.parametrize("key", ["Enter", "Space"])
    def test_the_keyboard_does_it_and_stays_where_it_was(self, page: Any, expect: Any, double: Any, key: str) -> None:
        ask(page, FERRIES)
        page.get_by_role("textbox", name="Your question").focus()
        for _ in range(40):
            page.keyboard.press("Shift+Tab")
            if page.evaluate("document.activeElement.id") == "chip-1-1":
                break
        chip = page.get_by_role("button", name="Remove 2031", exact=True)
        expect(chip).to_be_focused()
        assert chip.evaluate("each => getComputedStyle(each).outlineWidth") == "3px"
        page.keyboard.press(key)
        expect(page.get_by_role("button", name="Bring back 2031 (ignored)", exact=True)).to_be_focused()
        finished(page, double, 2)
        page.keyboard.press(key)
        expect(chip).to_be_focused()
        finished(page, double, 3)
        assert double.ignored == [(), ("2031",), ()]

    def test_retry_leaves_out_the_same_and_a_draft_stays(self, page: Any, expect: Any, double: Any) -> None:
        ask(page, FERRIES)
        page.get_by_role("button", name="Remove 2031", exact=True).click()
        finished(page, double, 2)
        box = page.get_by_role("textbox", name="Your question")
        box.fill("A draft")
        press(page, "retry")
        finished(page, double, 3)
        page.get_by_role("button", name="Bring back 2031 (ignored)", exact=True).click()
        finished(page, double, 4)
        expect(box).to_have_value("A draft")
        assert double.ignored == [(), ("2031",), ("2031",), ()]

    def test_an_older_answer_and_one_that_is_being_written_only_show_them(
        self, page: Any, expect: Any, double: Any
    ) -> None:
        first = ask(page, FERRIES)
        expect(first.locator("button.chip")).to_have_count(2)
        double.gate.clear()
        second = ask(page, COURIER, wait=False)
        expect(second.locator(".chip")).to_have_text(["Valley Courier"])
        expect(page.locator("#chat button.chip")).to_have_count(0)
        expect(first.locator(".chip")).to_have_text([GAZETTE, "2031"])
        double.gate.set()
        expect(second.locator("button.chip")).to_have_count(1)
        expect(first.locator("button.chip")).to_have_count(0)

    def test_a_question_that_names_nothing_has_none(self, page: Any, expect: Any) -> None:
        answer = ask(page, "How much will the four electric ferries cost?")
        expect(answer.locator(".understood")).to_have_count(0)
        expect(page.locator("#sources .met, #sources .also")).to_have_count(0)


class TestHandler:
    """What the browser sends is two numbers at most; whatever else it is, nothing is asked."""

    TURN = Turn(7, FERRIES, "done", Answer(FERRIES, understood=(GAZETTE, "2031"), complete=True))

    def send(self, conversation: Conversation, sent: Any, busy: bool = False) -> Any:
        opening: Any = None  # nothing is answered here
        handlers = Handlers(opening, Models(Settings(), ServicesDouble()))
        if busy:
            handlers._stops["one"] = asyncio.Event()
        return run(handlers.reconsider(SESSION, conversation, [], sent if isinstance(sent, dict) else {}))

    def test_the_last_turn_is_asked_again(self, shared: Any) -> None:
        older = Turn(6, COURIER, "done", Answer(COURIER, understood=("Valley Courier",)))
        _, conversation, _ = self.send((older, self.TURN), {"turn": 7, "place": 1})
        assert conversation == (older, Turn(7, FERRIES, ignored=("2031",)))
        _, conversation, _ = self.send((replace(self.TURN, ignored=("2031",)),), {"turn": 7, "place": 1})
        assert conversation[-1].ignored == ()

    @pytest.mark.parametrize(
        "sent",
        [
            *(None, 7, [7, 0], "7-0", {}, {"turn": 7}, {"place": 0}, {"turn": "7", "place": "0"}),
            *({"turn": 7, "place": place} for place in (-1, 2, 10**30, 0.0, True, False, None, "0", [0], {})),
            *({"turn": turn, "place": 0} for turn in (6, 8, -7, 7.0, True, None, [7])),
            {"turn": 7, "place": GAZETTE, "label": "anything"},
        ],
    )
    def test_what_is_no_chip_of_the_last_turn_does_nothing(self, shared: Any, sent: Any) -> None:
        older = Turn(6, COURIER, "done", Answer(COURIER, understood=("Valley Courier",)))
        assert self.send((older, self.TURN), sent) == SKIPPED

    @pytest.mark.parametrize("status", ["waiting", "answering"])
    def test_nothing_happens_while_an_answer_is_written(self, shared: Any, status: Any) -> None:
        assert self.send((replace(self.TURN, status=status),), {"turn": 7, "place": 0}) == SKIPPED
        assert self.send((self.TURN,), {"turn": 7, "place": 0}, busy=True) == SKIPPED
        assert self.send((), {"turn": 7, "place": 0}) == SKIPPED


class TestSources:
    def test_a_card_says_where_else_it_stands_and_what_it_meets(
        self, visit: Callable[..., Any], serve_page: Callable[..., str], expect: Any
    ) -> None:
        copy = replace(ARTICLES[0], id="copy.md", outlet="Harbour Post", published="2031-03-05")
        opener = Opener(Double(articles=(*ARTICLES, copy)))
        opener.ready.set()
        page = visit(serve_page(opener))
        ask(page, FERRIES)
        page.locator("#chat a.cite").first.click()
        expect(page.locator("#s-1-1 .also")).to_have_text("Also in Harbour Post, 5 March 2031")
        expect(page.locator("#s-1-1 .met")).to_have_count(0)
        page.locator("#sources details.more > summary").click()
        expect(page.locator("#sources .more .met .chip").first).to_have_text(GAZETTE)
        expect(page.locator("#sources .more .met").first).to_have_text(f"Meets: {GAZETTE} 2031")


class TestHostileNames:
    def test_an_outlets_name_is_only_text(
        self, visit: Callable[..., Any], serve_page: Callable[..., str], listener: Any, expect: Any
    ) -> None:
        home, heard = listener
        names = [" ".join(each.split())[:60] for each in attacks(home)[:9]]
        articles = tuple(
            replace(ARTICLES[0], id=f"{number}.md", outlet=name, published="") for number, name in enumerate(names)
        )
        opener = Opener(Double(articles=articles))
        opener.ready.set()
        page = visit(serve_page(opener))
        question = f"How much will the four ferries cost? {' '.join(names)}"
        ask(page, question)
        expect(page.locator("#chat .understood button.chip")).to_have_text([f"Remove {each}" for each in names])
        expect(page.locator("#chat .understood .chip *:not(.spoken, .chip-name)")).to_have_count(0)
        page.locator("#sources details.more > summary").click()
        expect(page.locator("#sources .also").first).to_contain_text(names[1])
        expect(page.locator("#sources .met .chip").first).to_have_text(names[2])
        assert_harmless(page, heard, home)
        page.locator("#chip-1-0").click()
        expect(page.locator("#chat .chip.ignored .chip-name")).to_have_text(names[0])
        finished(page, opener.chatbot, 2)
        assert opener.chatbot.ignored == [(), (names[0],)]
        assert_harmless(page, heard, home)


class TestEveryScreen:
    def test_a_phone_has_room_for_them(
        self, visit: Callable[..., Any], serve_page: Callable[..., str], expect: Any
    ) -> None:
        long = replace(ARTICLES[0], id="long.md", outlet="Unbroken" * 12, published="")
        opener = Opener(Double(articles=(*ARTICLES, long)))
        opener.ready.set()
        page = visit(serve_page(opener), 390, 844, has_touch=True)
        ask(page, f"{FERRIES} Or {long.outlet} or Valley Courier?")
        expect(page.locator("#chat button.chip")).to_have_count(4)

        def fits() -> bool:
            right = page.locator("#chat .chip").evaluate_all(
                "all => Math.max(...all.map(each => each.getBoundingClientRect().right))"
            )
            return bool(right <= 390 and page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))

        assert fits()
        page.get_by_role("button", name="Remove 2031", exact=True).tap()
        expect(page.get_by_role("button", name="Bring back 2031 (ignored)", exact=True)).to_be_visible()
        assert fits()

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_axe_finds_nothing(
        self,
        visit: Callable[..., Any],
        shared: tuple[str, Opener],
        double: Any,
        check_accessibility: Callable[[Any], None],
        scheme: str,
    ) -> None:
        page = visit(shared[0], color_scheme=scheme)
        ask(page, COURIER)
        ask(page, FERRIES)
        page.get_by_role("button", name="Remove 2031", exact=True).click()
        finished(page, double, 3)
        page.locator("#sources details.more > summary").click()
        check_accessibility(page)
