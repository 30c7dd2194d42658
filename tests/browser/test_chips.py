"""What was understood of a question: shown as chips, each removed and brought back by mouse, finger or keyboard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from test_hostile import assert_harmless

from double import ARTICLES, Double, Opener
from hostile import attacks
from reader import ask, fits, press, wait_until

GAZETTE = "The Orsund Gazette"
FERRIES = f"How much will the four electric ferries cost, says {GAZETTE} in 2031?"
COURIER = "What did the Valley Courier say about the pears?"


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

    def test_the_keyboard_does_it_and_stays_where_it_was(self, page: Any, expect: Any, double: Any) -> None:
        ask(page, FERRIES)
        page.get_by_role("textbox", name="Your question").focus()
        for _ in range(40):
            page.keyboard.press("Shift+Tab")
            if page.evaluate("document.activeElement.id") == "chip-1-1":
                break
        chip = page.get_by_role("button", name="Remove 2031", exact=True)
        expect(chip).to_be_focused()
        assert chip.evaluate("each => getComputedStyle(each).outlineWidth") == "3px"
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Bring back 2031 (ignored)", exact=True)).to_be_focused()
        finished(page, double, 2)
        page.keyboard.press("Space")
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

        def all_fit() -> None:
            right = "all => Math.max(...all.map(each => each.getBoundingClientRect().right))"
            wait_until(page, lambda: page.locator("#chat .chip").evaluate_all(right) <= 390)
            fits(page)

        all_fit()
        page.get_by_role("button", name="Remove 2031", exact=True).tap()
        expect(page.get_by_role("button", name="Bring back 2031 (ignored)", exact=True)).to_be_visible()
        all_fit()

    def test_axe_finds_nothing(self, page: Any, double: Any, check_accessibility: Callable[[Any], None]) -> None:
        ask(page, COURIER)
        ask(page, FERRIES)
        page.get_by_role("button", name="Remove 2031", exact=True).click()
        finished(page, double, 3)
        page.locator("#sources details.more > summary").click()
        check_accessibility(page)
