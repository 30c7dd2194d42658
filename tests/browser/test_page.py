"""The page as a reader uses it: ask, read, follow a citation to its sentence, stop, try again."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from double import ARTICLES, EXAMPLES, REFUSAL, Opener, ServicesDouble
from rag.errors import EmbedderError, QuestionError
from rag.settings import Settings
from rag.types import Answer, Progress
from rag.web.history import History
from reader import ask, fits, press, wait_until

FERRIES = "How much will the four electric ferries cost?"
FROST = "What did the frost do to the pears in the Vell valley?"
UNKNOWN = "How deep is the trench?"


BEGUN_LATE = """
const [fetched, told] = [window.fetch, { text: "", more: () => {} }];
async function hear(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  for (let part; !(part = await reader.read()).done; told.more()) told.text += part.value;
}
window.fetch = async (...asked) => {
  const answer = await fetched(...asked);
  const address = String(asked[0]?.url || asked[0]);
  if (address.includes("/queue/data")) hear(answer.clone().body).catch(() => {});
  if (address.includes("/queue/join") && window.footnote.late) {
    const { event_id } = await answer.clone().json();
    const ended = () => told.text.includes(`"process_completed","event_id":"${event_id}"`);
    while (!ended()) await new Promise((go) => (told.more = go));
  }
  return answer;
};
"""
"""A page that learns that what it asked for has begun only when all of it has come, as in a very busy browser."""


class TestAsking:
    def test_the_page_opens_in_its_own_look(self, page: Any, expect: Any) -> None:
        expect(page).to_have_title("Footnote")
        expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Footnote"))
        expect(page.locator("#chat .example")).to_have_count(len(EXAMPLES))
        expect(page.locator(".status")).to_be_hidden()
        assert page.evaluate("document.fonts.ready.then(() => document.fonts.check('16px \"Source Serif 4\"'))")
        assert "Source Serif 4" in page.locator(".welcome h2").evaluate("each => getComputedStyle(each).fontFamily")

    def test_a_citation_leads_to_its_card_and_on_to_its_sentence(self, page: Any, expect: Any) -> None:
        answer = ask(page, FERRIES)
        expect(answer.locator("a.cite")).to_have_count(2)
        expect(page.get_by_role("link", name="Source 1")).to_have_count(2)
        expect(answer.locator(".sources-link")).to_have_text("2 quotes from 1 article")
        citation = page.locator('#chat a[href="#s-1-1"]')
        citation.focus()
        expect(page.get_by_role("tooltip")).to_contain_text("61 million crowns")
        citation.click()
        card = page.locator("#s-1-1")
        expect(card).to_be_focused()
        expect(card).to_have_attribute("aria-current", "true")
        quote = "The four ferries will cost 61 million crowns, of which the region pays a third."
        expect(card.locator("mark")).to_have_text(quote)
        expect(page.locator("#sources .cited")).to_have_count(1)
        expect(page.locator("#sources .cited .quote")).to_have_count(2)
        about = page.locator("#sources .cited > .byline")
        expect(about).to_have_text("The Orsund Gazette · as of 4 March 2031 · Maren Tolk")

        card.get_by_role("button", name="Read in article").click()
        mark = page.locator("#sources .pane-article mark.now")
        expect(mark).to_have_text(quote)
        expect(mark).to_be_focused()
        expect(mark).to_be_in_viewport()
        paragraphs = page.locator("#sources .article-text").all_text_contents()
        assert "\n\n".join(paragraphs) == ARTICLES[0].text

        page.keyboard.press("Escape")
        expect(card.get_by_role("button", name="Read in article")).to_be_focused()
        card.get_by_role("button", name="Back to answer").click()
        expect(citation).to_be_focused()
        expect(page).to_have_url(re.compile("^[^#]*$"))

    def test_a_question_is_answered_that_comes_while_the_last_answer_is_still_being_kept(
        self, page: Any, monkeypatch: pytest.MonkeyPatch, expect: Any
    ) -> None:
        kept, keep = threading.Event(), History.keep

        def keep_late(*arguments: Any) -> None:
            kept.wait(300)
            keep(*arguments)

        monkeypatch.setattr(History, "keep", keep_late)
        try:
            ask(page, FERRIES)
            ask(page, FROST)
        finally:
            kept.set()

    def test_gradio_keeps_no_more_of_a_page_with_every_answer(
        self, chromium: Any, tmp_path: Path, visit: Callable[..., Any]
    ) -> None:
        import ui

        opener = Opener()
        opener.ready.set()
        blocks = ui.build_page(opener, Settings(data=tmp_path), lambda _: EXAMPLES, ServicesDouble())
        page = visit(ui.serve(blocks, "127.0.0.1", ui.free_port("127.0.0.1", 17900)))

        def kept() -> int:
            (session,) = blocks.state_holder.session_data.values()
            return len(session.config_values) + len(session.blocks_config.blocks)

        ask(page, FERRIES)
        wait_until(page, lambda: kept() == 2 * len(blocks.blocks))
        for question in (FROST, UNKNOWN, FERRIES):
            ask(page, question)
        wait_until(page, lambda: kept() == 2 * len(blocks.blocks))
        blocks.close(verbose=False)

    def test_an_article_that_has_changed_since_is_marked_where_the_quote_is_now_or_nowhere(
        self, page: Any, double: Any, monkeypatch: pytest.MonkeyPatch, expect: Any
    ) -> None:
        def rewrite(text: str) -> None:
            monkeypatch.setattr(double, "document", lambda _: replace(ARTICLES[0], text=text))

        quote = "The four ferries will cost 61 million crowns, of which the region pays a third."
        ask(page, FERRIES)
        card = page.locator("#s-1-1")
        rewrite(f"A correction: the first version named another date. {ARTICLES[0].text}")
        card.get_by_role("button", name="Read in article").click()
        expect(page.locator("#sources .pane-article mark.now")).to_have_text(quote)
        page.keyboard.press("Escape")
        rewrite(ARTICLES[0].text.replace("61 million", "64 million"))
        card.get_by_role("button", name="Read in article").click()
        gone = "The article has changed since: 1 sentence that was quoted stands in it no more."
        expect(page.locator("#sources .pane-article .failure")).to_have_text(gone)
        expect(page.locator("#sources .pane-article mark")).to_contain_text("The council of Orsund voted")

    def test_a_page_that_has_lost_the_sources_of_older_answers_gets_them_again(self, page: Any, expect: Any) -> None:
        ask(page, FERRIES)
        ask(page, FROST)
        page.locator('#chat a.cite[href="#s-1-1"]').first.click()
        expect(page.locator("#s-1-1")).to_be_focused()
        page.evaluate("window.footnoteTurns.turns = {}")
        ask(page, UNKNOWN)
        page.locator('#chat a.cite[href="#s-2-1"]').first.click()
        wait_until(page, lambda: page.evaluate("Object.keys(window.footnoteTurns.turns).join()") == "1,2,3")
        page.locator('#chat a.cite[href="#s-2-1"]').first.click()
        expect(page.locator("#s-2-1")).to_be_focused()
        page.locator('#chat a.cite[href="#s-1-1"]').first.click()
        expect(page.locator("#s-1-1 mark")).to_have_text(re.compile("61 million"))

    def test_a_mark_behind_an_emoji_stands_where_it_should(self, page: Any, expect: Any) -> None:
        ask(page, "Is the first ferry expected in the spring of 2033?")
        page.locator("#chat a.cite").first.click()
        page.locator("#s-1-1").get_by_role("button", name="Read in article").click()
        expect(page.locator("#sources .pane-article mark")).to_have_text(
            re.compile("The first is expected in the spring")
        )

    def test_an_older_answer_keeps_its_sources_and_is_handed_on(self, page: Any, double: Any, expect: Any) -> None:
        ask(page, FERRIES)
        ask(page, FROST)
        first, second = (history for _, history in double.asked)
        assert first == ()
        said = [(message.role, message.text[:8]) for message in second]
        assert said == [("user", FERRIES[:8]), ("assistant", "The four")]
        expect(page.locator("#sources .pane-about")).to_have_text(FROST)
        page.locator('#chat a[href="#s-1-2"]').click()
        expect(page.locator("#s-1-2")).to_be_focused()
        expect(page.locator("#sources .pane-about")).to_have_text(FERRIES)
        page.locator('#chat a[href="#s-2"]').click()
        expect(page.locator("#sources .pane-about")).to_have_text(FROST)
        expect(page.locator("#sources .pane-title")).to_be_focused()

    def test_an_example_is_asked(self, page: Any, expect: Any, double: Any) -> None:
        page.locator("#chat .example").nth(1).click()
        expect(page.locator("#chat .sources-link")).to_have_count(1)
        assert [question for question, _ in double.asked] == [EXAMPLES[1]]

    def test_passages_that_were_not_cited_wait_behind_a_disclosure_or_are_shown_as_the_nearest(
        self, page: Any, expect: Any
    ) -> None:
        ask(page, FERRIES)
        more = page.locator("#sources details.more")
        expect(more.locator(".quote").first).to_be_hidden()
        more.locator("> summary").click()
        expect(more.locator(".quote")).to_have_count(3)
        expect(more.locator(".number")).to_have_count(0)
        answer = ask(page, UNKNOWN)
        expect(answer.locator(".refusal")).to_have_text(REFUSAL)
        expect(answer.locator("a.cite")).to_have_count(0)
        expect(page.locator("#sources .pane-title")).to_have_text("Nearest passages")
        expect(page.locator("#sources .quote")).to_have_count(5)
        articles = page.locator("#sources .card-name").all_inner_texts()
        assert len(articles) == len(set(articles)), "an article has one card"
        expect(page.locator("#sources .number")).to_have_count(0)
        expect(page.locator("#sources mark")).to_have_count(0)

    def test_the_closest_sentences_look_like_no_answer_and_lead_to_their_quotes(
        self, page: Any, double: Any, expect: Any
    ) -> None:
        def closest_ones(answer: Answer) -> Iterator[Answer]:
            found = double._answer(answer, answer.hits[:2], {"cost"})
            first, second = (replace(each, lead="\n- ") for each in found.sentences)
            first = replace(first, answer=(4, 8), context="The council of Orsund voted.")
            yield replace(found, sentences=(first, second), state="closest", complete=True)

        double.writing = closest_ones
        closest = ask(page, FERRIES)
        expect(closest.locator(".closest > .label")).to_have_text("No answer found. The closest sentences are:")
        expect(closest.locator(".closest li")).to_have_count(2)
        expect(closest.locator("strong.asked")).to_have_text("four")
        expect(closest.locator(".context")).to_have_text("Context: The council of Orsund voted.")
        assert closest.locator(".closest").evaluate("each => getComputedStyle(each).borderLeftStyle") == "dashed"
        expect(page.locator("#sources .pane-title")).to_have_text("Nearest passages")
        closest.locator("a.cite").nth(1).click()
        expect(page.locator("#s-1-2")).to_be_focused()
        expect(page.locator("#s-1-2")).to_have_attribute("aria-current", "true")

    def test_where_nothing_is_answered_well_nothing_invites_to_pick(
        self, visit: Callable[..., Any], serve_page: Callable[..., str], shared: tuple[str, Opener], expect: Any
    ) -> None:
        opener = Opener()
        opener.ready.set()
        page = visit(serve_page(opener, examples=()))
        expect(page.locator(".welcome")).to_contain_text("Every sentence of an answer carries its quote.")
        expect(page.locator(".invitation")).to_be_hidden()
        page = visit(shared[0])
        expect(page.locator("#chat .example")).to_have_count(len(EXAMPLES))
        expect(page.locator(".invitation")).to_have_text("Pick a question, or write your own.")

    def test_readers_do_not_see_each_other(
        self, visit: Callable[..., Any], shared: tuple[str, Opener], double: Any, expect: Any
    ) -> None:
        one, other = visit(shared[0]), visit(shared[0])
        ask(one, FERRIES)
        expect(other.locator("#chat .answer")).to_have_count(0)
        ask(other, FROST)
        assert [history for _, history in double.asked] == [(), ()]

    def test_too_much_is_not_asked(self, page: Any, expect: Any, double: Any) -> None:
        box = page.get_by_role("textbox", name="Your question")
        expect(box).to_have_attribute("maxlength", "2000")
        box.evaluate("each => each.removeAttribute('maxlength')")
        box.fill("?" * 2001)
        page.get_by_role("button", name="Ask", exact=True).click()
        expect(page.get_by_test_id("toast-body")).to_contain_text("2,000 characters")
        expect(page.locator("#chat .example")).to_have_count(len(EXAMPLES))
        assert double.asked == []


class TestReadingWhileItIsWritten:
    @pytest.mark.parametrize("place", [0, 4])
    def test_an_opened_article_stays_open(self, page: Any, expect: Any, double: Any, place: int) -> None:
        written = threading.Event()

        def write(answer: Answer) -> Iterator[Answer]:
            first = double._answer(answer, answer.hits[:1], {"cost"})
            while not written.wait(0.05):
                yield first
            yield replace(double._answer(answer, answer.hits[:2], {"cost"}), complete=True)

        double.writing = write
        try:
            ask(page, FERRIES, wait=False)
            card = page.locator("#sources .quote").nth(place)
            expect(page.locator("#sources .cited")).to_have_count(1)
            expect(page.locator("#sources .quote")).to_have_count(5)
            card.get_by_role("button", name="Read in article").click()
            expect(page.locator("#sources .pane-article mark.now")).to_be_focused()
        finally:
            written.set()
        expect(page.locator("#chat .sources-link")).to_have_count(1)
        expect(page.locator("#sources .pane-article mark.now")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#sources .cited .quote")).to_have_count(2)
        expect(card.get_by_role("button", name="Read in article")).to_be_focused()

    def test_opened_reasons_stay_open_and_keep_the_focus(self, page: Any, expect: Any, double: Any) -> None:
        second, end = threading.Event(), threading.Event()

        def write(answer: Answer) -> Iterator[Answer]:
            for count, more in ((1, second), (2, end)):
                written = double._answer(answer, answer.hits[:count], {"cost"})
                while not more.wait(0.05):
                    yield written
            yield replace(written, complete=True)

        double.writing = write
        try:
            ask(page, FERRIES, wait=False)
            reasons = page.locator("#s-1-1 .why summary")
            reasons.focus()
            page.keyboard.press("Enter")
            second.set()
            expect(page.locator("#s-1-2")).to_have_count(1)
            expect(reasons).to_be_focused()
            expect(page.locator("#s-1-1 .why")).to_have_attribute("open", "")
            last = page.locator("#sources .card").last.get_by_role("button", name="Read in article")
            last.focus()
        finally:
            second.set()
            end.set()
        expect(page.locator("#chat .sources-link")).to_have_count(1)
        expect(page.locator("#sources .more")).to_have_attribute("open", "")  # it holds the focus by now
        expect(last).to_be_focused()
        expect(page.locator("#s-1-1 .why")).to_have_attribute("open", "")

    def test_a_press_is_heard_though_what_is_pressed_is_drawn_anew_meanwhile(
        self, page: Any, expect: Any, double: Any
    ) -> None:
        further = threading.Event()

        def write(answer: Answer) -> Iterator[Answer]:
            while not further.wait(0.05):
                yield double._answer(answer, answer.hits[:1], {"cost"})
            yield replace(double._answer(answer, answer.hits[:2], {"cost"}), complete=True)

        double.writing = write
        try:
            ask(page, FERRIES, wait=False)
            citation = page.locator('#chat a[href="#s-1-1"]')
            citation.hover()
            before = citation.element_handle()
            page.mouse.down()
        finally:
            further.set()
        page.wait_for_function("each => !each.isConnected", arg=before)
        page.mouse.up()
        expect(page.locator("#s-1-1")).to_be_focused()
        page.evaluate("footnote.clicks = 0; document.addEventListener('click', () => footnote.clicks++)")
        citation.click()
        page.evaluate("() => new Promise((go) => setTimeout(go))")  # until then the page waits for a click's own
        assert page.evaluate("footnote.clicks") == 1

    def test_an_answer_goes_on_though_the_page_was_about_to_be_left(self, page: Any, expect: Any, double: Any) -> None:
        double.gate.clear()
        answer = ask(page, FERRIES, wait=False)
        expect(page.locator("#sources .quote")).to_have_count(5)
        # A link may come to nothing but a file that is saved.
        page.evaluate("dispatchEvent(new Event('beforeunload', { cancelable: true }))")
        double.gate.set()
        expect(answer.locator(".sources-link")).to_have_count(1)

    def test_it_can_be_left_while_an_answer_is_written(self, page: Any, expect: Any, double: Any) -> None:
        double.gate.clear()
        ask(page, FERRIES, wait=False)
        expect(page.locator("#sources .quote")).to_have_count(5)
        page.reload()
        page.get_by_role("textbox", name="Your question").wait_for()
        double.gate.set()
        expect(ask(page, FROST).locator("a.cite")).to_have_count(1)

    def test_an_answer_that_ended_before_the_browser_heard_that_it_began_is_shown_whole(
        self, serve_page: Callable[..., str], visit: Callable[..., Any], expect: Any
    ) -> None:
        looking, looked = threading.Event(), threading.Event()

        class Slow(ServicesDouble):
            def look(self) -> Any:  # all that the server tells a page comes in one stream, which stays open for this
                looking.set()
                looked.wait(300)
                return super().look()

        opener = Opener()
        opener.ready.set()
        page = visit(serve_page(opener, services=Slow()), script=BEGUN_LATE)
        try:
            page.get_by_role("tab", name="Settings").click()
            wait_until(page, looking.is_set)
            page.evaluate("footnote.late = true")
            page.get_by_role("tab", name="Ask").click()
            ask(page, FERRIES)
            expect(page.locator("#s-1-2")).to_be_visible()
            expect(page.get_by_role("button", name="Ask", exact=True)).to_be_visible()
        finally:
            looked.set()

    def test_an_older_answers_sources_stay_in_view(self, page: Any, expect: Any, double: Any) -> None:
        ask(page, FERRIES)
        double.gate.clear()
        ask(page, FROST, wait=False)
        expect(page.locator("#sources .pane-about")).to_have_text(FROST)
        page.locator('#chat a[href="#s-1-1"]').click()
        double.gate.set()
        expect(page.locator("#chat .sources-link")).to_have_count(2)
        expect(page.locator("#sources .pane-about")).to_have_text(FERRIES)


class TestWhereTheChatStands:
    LOW = (1280, 400)
    """A window that no answer fits into."""

    BEYOND = "() => new Promise((go) => setTimeout(go, 350))"
    """Until after what the chat's own component does 300 ms after a step: timers end in the order of their times."""

    @staticmethod
    def above(page: Any) -> float:
        """How far below the chat's upper edge the last question begins, in pixels."""
        top = "each => each.getBoundingClientRect().top"
        return page.locator("#chat .question").last.evaluate(top) - page.locator("#chat .bubble-wrap").evaluate(top)

    def test_a_reader_who_has_scrolled_stays_there_while_the_answer_is_written(
        self, visit: Callable[..., Any], shared: tuple[str, Opener], double: Any, expect: Any
    ) -> None:
        page = visit(shared[0], *self.LOW)
        ask(page, FERRIES)
        double.gate.clear()
        answer = ask(page, FROST, wait=False)
        chat = page.locator("#chat .bubble-wrap")
        chat.hover()
        page.mouse.wheel(0, -5000)
        page.wait_for_function("document.querySelector('#chat .bubble-wrap').scrollTop === 0")
        double.gate.set()
        answer.locator(".sources-link").wait_for()
        page.evaluate(self.BEYOND)
        assert chat.evaluate("each => each.scrollTop") == 0
        ask(page, FERRIES)  # what is asked anew is in view again
        expect(page.locator("#chat .question").last).to_be_in_viewport(ratio=1)

    def test_what_is_longer_than_the_window_is_read_from_its_question_on(
        self, visit: Callable[..., Any], shared: tuple[str, Opener], double: Any, expect: Any
    ) -> None:
        page = visit(shared[0], *self.LOW)
        for question in (FERRIES, FROST):
            ask(page, question)
        page.evaluate(self.BEYOND)
        wait_until(page, lambda: 0 <= self.above(page) < 60)
        double.gate.clear()
        press(page, "retry")
        page.locator("#chat .answer .working").wait_for()
        double.gate.set()
        page.locator("#chat .answer").last.locator(".sources-link").wait_for()
        page.evaluate(self.BEYOND)
        wait_until(page, lambda: 0 <= self.above(page) < 60)
        page.get_by_role("button", name="New conversation").click()
        expect(page.locator("#chat .question")).to_have_count(0)
        page.locator(".history-open").first.click()
        expect(page.locator("#chat .question")).to_have_count(2)
        wait_until(page, lambda: 0 <= self.above(page) < 60)

    def test_what_fits_is_shown_to_its_end(
        self, visit: Callable[..., Any], shared: tuple[str, Opener], double: Any, expect: Any
    ) -> None:
        page = visit(shared[0], 1280, 1000)
        for question in (FERRIES, FROST, FERRIES, FROST):
            last = ask(page, question)
        expect(last.locator(".sources-link")).to_be_in_viewport(ratio=1)
        expect(page.locator("#chat details.menu").last).to_be_in_viewport(ratio=1)


class TestChangingOnesMind:
    def test_stop_ends_the_answer_at_once(self, page: Any, expect: Any, double: Any) -> None:
        double.gate.clear()
        answer = ask(page, FERRIES, wait=False)
        expect(page.locator("#sources .pane-about")).to_have_text(FERRIES)
        box = page.get_by_role("textbox", name="Your question")
        expect(box).to_have_value("")
        box.fill("A draft")
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_role("button", name="Stop")).to_have_count(0)
        expect(answer).to_contain_text("Stopped.")
        expect(answer.locator(".working")).to_have_count(0)
        wait_until(page, lambda: double.closed == [FERRIES])
        expect(box).to_have_value("A draft")
        double.gate.set()
        expect(ask(page, FERRIES).locator("a.cite")).to_have_count(2)

    def test_retry_replaces_the_answer(self, page: Any, expect: Any, double: Any) -> None:
        ask(page, FERRIES)
        ask(page, FROST)
        press(page, "retry")
        wait_until(page, lambda: [question for question, _ in double.asked] == [FERRIES, FROST, FROST])
        expect(page.locator("#chat .sources-link")).to_have_count(2)
        expect(page.get_by_role("button", name="Stop")).to_have_count(0)
        page.locator('#chat a[href="#s-2-1"]').click()
        expect(page.locator("#s-2-1")).to_be_focused()

    def test_undo_gives_the_question_back(self, page: Any, expect: Any) -> None:
        ask(page, FERRIES)
        ask(page, FROST)
        press(page, "delete")
        expect(page.locator("#chat .answer")).to_have_count(1)
        expect(page.get_by_role("textbox", name="Your question")).to_have_value(FROST)
        expect(page.locator("#sources .pane-about")).to_have_text(FERRIES)

    def test_a_new_conversation_begins_anew(self, page: Any, expect: Any, double: Any) -> None:
        ask(page, FERRIES)
        page.get_by_role("button", name="New conversation").click()
        expect(page.locator("#chat .example")).to_have_count(len(EXAMPLES))
        expect(page.locator("#sources .card")).to_have_count(0)
        ask(page, FROST)
        assert double.asked[-1] == (FROST, ())


class TestTrouble:
    def test_while_the_articles_are_read_a_question_waits_and_is_then_answered(
        self, visit: Callable[..., Any], serve_page: Callable[..., str], expect: Any
    ) -> None:
        opener = Opener(steps=[Progress("loading the model", 0, 1), Progress("reading", 3, 5)])
        page = visit(serve_page(opener))
        expect(page.locator(".status .status-text")).to_have_text("Reading 3 of 5 articles…")
        expect(page.locator(".status progress")).to_have_attribute("value", "3")
        answer = ask(page, FERRIES, wait=False)
        expect(answer.locator(".working")).to_contain_text("Your question comes next.")
        expect(page.get_by_role("textbox", name="Your question")).to_have_value("")
        expect(page.get_by_role("button", name="Stop")).to_be_visible()
        opener.ready.set()
        expect(answer.locator("a.cite")).to_have_count(2)
        expect(page.locator(".status")).to_be_hidden()
        page.get_by_role("tab", name="Articles").click()
        expect(page.locator(".library-item")).to_have_count(len(ARTICLES))

    def test_a_failure_says_what_mends_it_and_can_be_tried_again_and_a_notice_stays_in_view(
        self, visit: Callable[..., Any], serve_page: Callable[..., str], expect: Any
    ) -> None:
        opener = Opener(fail=EmbedderError("the model <b>is damaged</b>; install it again"))
        opener.ready.set()
        page = visit(serve_page(opener))
        expect(page.locator(".status-text")).to_have_text("The model <b>is damaged</b>; install it again")
        answer = ask(page, FERRIES, wait=False)
        expect(answer.locator(".failure")).to_have_text("The model <b>is damaged</b>; install it again")
        opener.fail = None
        opener.chatbot.notice = "The answers come from an older index."
        page.get_by_role("button", name="Try again").click()
        expect(page.locator(".status")).to_contain_text("The answers come from an older index.")
        press(page, "retry")
        expect(page.locator("#chat .answer a.cite")).to_have_count(2)

    def test_an_error_while_answering_is_told(self, page: Any, expect: Any, double: Any) -> None:
        double.fail = QuestionError("this cannot be asked; ask otherwise")
        expect(ask(page, FERRIES, wait=False).locator(".failure")).to_have_text("This cannot be asked; ask otherwise")
        double.fail = RuntimeError("/secret/path key=123")
        answer = ask(page, FERRIES, wait=False)
        expect(answer.locator(".failure")).to_contain_text("RuntimeError")
        expect(answer).not_to_contain_text("secret")

    def test_an_article_that_is_gone_is_missed_politely(self, page: Any, expect: Any, double: Any) -> None:
        ask(page, FERRIES)
        double.articles = ()
        try:
            page.locator("#s-1-1").get_by_role("button", name="Read in article").click()
            expect(page.locator("#sources .pane-article .failure")).to_contain_text("There is no such article")
        finally:
            double.articles = ARTICLES


class TestEveryScreen:
    def test_a_phone_shows_one_thing_at_a_time(
        self, visit: Callable[..., Any], shared: tuple[str, Opener], double: Any, expect: Any
    ) -> None:
        page = visit(shared[0], 390, 600, has_touch=True)
        expect(page.locator("#chat .examples")).to_be_visible()
        expect(page.locator("#chat .welcome h2")).to_be_in_viewport(
            ratio=1
        )  # though all of it is higher than the screen
        page.set_viewport_size({"width": 390, "height": 844})
        fits(page)
        ask(page, FERRIES)
        expect(page).to_have_url(re.compile("conversation="))  # kept: Back leads to it
        expect(page.locator("#sources .pane")).to_be_hidden()
        citation = page.locator('#chat a[href="#s-1-2"]')
        citation.tap()
        card = page.locator("#s-1-2")
        expect(card).to_be_focused()
        expect(card).to_be_in_viewport()
        expect(page.locator("#chat-column")).to_have_js_property("inert", True)
        fits(page)
        card.get_by_role("button", name="Read in article").tap()
        expect(page.locator("#sources .pane-article mark.now")).to_be_in_viewport()
        fits(page)
        page.go_back()
        expect(card).to_be_in_viewport()
        page.go_back()  # one step each, and not out of the conversation
        expect(page.locator("#sources .pane")).to_be_hidden()
        expect(page.locator("#chat .question")).to_have_count(1)
        citation.tap()
        card.get_by_role("button", name="Read in article").tap()
        page.get_by_role("button", name="Back to sources").tap()
        for _ in range(20):  # nothing that the sources cover is reached
            page.keyboard.press("Tab")
            assert page.evaluate(
                "['sources', ''].includes(document.activeElement.closest('[id]')?.closest('.block')?.id || '')"
            )
        page.get_by_role("button", name="Back to answer").tap()
        expect(page.locator("#sources .pane")).to_be_hidden()
        expect(citation).to_be_focused()
        page.locator('#chat a[href="#s-1"]').tap()
        expect(page.locator("#sources .pane-title")).to_be_in_viewport()
        page.keyboard.press("Escape")
        page.get_by_role("tab", name="Articles").tap()
        page.locator(".library-item").first.tap()
        expect(page.locator("#library .article-title")).to_be_in_viewport()
        fits(page)
        page.get_by_role("button", name="All articles").tap()
        expect(page.locator(".library-item").first).to_be_focused()

    def test_held_sideways_the_rooms_cover_nothing_and_magnified_to_four_times_it_can_be_asked_and_read(
        self, visit: Callable[..., Any], shared: tuple[str, Opener], double: Any, expect: Any
    ) -> None:
        page = visit(shared[0], 932, 430, has_touch=True)
        ask(page, FERRIES)
        fits(page)
        rooms = page.get_by_role("tablist").bounding_box()
        for below in ("#sources .pane-title", "#chat .question"):
            first = page.locator(below).first
            wait_until(page, lambda first=first: first.bounding_box()["y"] >= rooms["y"] + rooms["height"])
        page.set_viewport_size({"width": 320, "height": 256})
        fits(page)
        page.wait_for_function("document.querySelector('#chat .bubble-wrap').clientHeight > 200")
        box = page.get_by_role("textbox", name="Your question")
        box.scroll_into_view_if_needed()
        expect(box).to_be_in_viewport(ratio=0.9)
        citation = page.locator("#chat a.cite").first
        citation.scroll_into_view_if_needed()
        expect(citation).to_be_in_viewport()

    def test_dark_is_dark_and_paper_holds_the_whole_conversation_in_dark_ink(
        self, visit: Callable[..., Any], shared: tuple[str, Opener], double: Any
    ) -> None:
        page = visit(shared[0], 1280, 400, color_scheme="dark")
        for question in (FERRIES, FROST, FERRIES):
            ask(page, question)
        for selector, dark in ((".gradio-container", True), ("#chat .question", False), (".passage mark", False)):
            channel = "backgroundColor" if dark else "color"
            color = page.locator(selector).first.evaluate(f"each => getComputedStyle(each).{channel}")
            brightness = sum(map(int, re.findall(r"\d+", color)[:3])) / 3
            assert (brightness < 60) if dark else (brightness > 190)
        assert len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A6"))) > 1
        page.emulate_media(media="print")
        color = page.locator("#chat .question").first.evaluate("each => getComputedStyle(each).color")
        assert sum(map(int, re.findall(r"\d+", color)[:3])) / 3 < 60
        heights = "each => [each.scrollHeight, each.clientHeight]"
        whole, shown = page.locator("#chat .bubble-wrap").evaluate(heights)
        assert whole <= shown

    def test_where_colours_are_the_systems_what_is_chosen_has_a_frame(
        self, visit: Callable[..., Any], shared: tuple[str, Opener], double: Any, expect: Any
    ) -> None:
        page = visit(shared[0], forced_colors="active")
        expect(page.get_by_role("tab", name="Ask")).to_have_css("outline-style", "solid")
        expect(page.get_by_role("tab", name="Coverage")).to_have_css("outline-style", "none")

    def test_the_keyboard_reaches_everything_and_shows_where_it_is(self, page: Any, expect: Any) -> None:
        ask(page, FERRIES)
        expect(page.locator("#chat summary[title=More]")).to_be_visible()
        page.get_by_role("textbox", name="Your question").focus()
        reached = {}
        for _ in range(40):
            page.keyboard.press("Tab")
            name, width = page.evaluate(
                "(each => [each.className + ' ' + (each.ariaLabel || each.textContent.trim().slice(0, 20)),"
                " getComputedStyle(each).outlineWidth])(document.activeElement)"
            )
            reached[name] = width
        for part in ("cite", "Read in article", "More passages", "More", "Ask", "Articles"):
            assert any(part in name for name in reached), f"{part} cannot be reached: {sorted(reached)}"
        assert {width for name, width in reached.items() if "gradio" not in name and name.strip()} <= {"3px"}

    def test_axe_finds_nothing(self, page: Any, check_accessibility: Callable[[Any], None]) -> None:
        check_accessibility(page)
        ask(page, FERRIES)
        page.locator("#chat a.cite").first.click()
        check_accessibility(page)
        page.locator("#s-1-1").get_by_role("button", name="Read in article").click()
        page.locator("#sources .pane-article mark.now").wait_for()
        check_accessibility(page)
        ask(page, UNKNOWN)
        page.get_by_role("tab", name="Articles").click()
        page.locator(".library-item").first.click()
        page.locator("#library .article-title").wait_for()
        check_accessibility(page)
