"""Who writes the answers, as a reader chooses it: models, keys that nobody sees again, a stuck model, a closed page."""

from __future__ import annotations

import http.client
import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from test_page import FERRIES, FROST

from double import Double, Opener, ServicesDouble
from reader import ask, chosen_model, fits, pick, to_settings, wait_until

CANARY = "test-key-canary"
RECORD = """
window.heard = [];
const fetchIt = window.fetch;
window.fetch = async (...asked) => {
  const response = await fetchIt(...asked);
  const reader = response.clone().body?.pipeThrough(new TextDecoderStream()).getReader();
  (async () => { for (let part; reader && !(part = await reader.read()).done; ) heard.push(part.value); })().catch(() => {});
  return response;
};
null  // the driver would call what it gets
"""


@pytest.fixture(scope="module")
def served(serve_module: Callable[..., str]) -> tuple[str, Double, ServicesDouble]:
    opener, services = Opener(), ServicesDouble()
    opener.ready.set()
    return serve_module(opener, services=services), opener.chatbot, services


@pytest.fixture
def chatbot(served: tuple[str, Double, ServicesDouble]) -> Iterator[Double]:
    """The page's chatbot, as new."""
    chatbot = served[1]
    for kept in (chatbot.asked, chatbot.closed, chatbot.models):
        kept.clear()
    chatbot.loose.clear()
    yield chatbot
    chatbot.loose.set()
    chatbot.patience = 0.25


@pytest.fixture
def page(visit: Callable[..., Any], served: tuple[str, Double, ServicesDouble], chatbot: Double) -> Any:
    return visit(served[0])


def open_panel(page: Any) -> Any:
    return to_settings(page, page.get_by_role("tab", name="Settings"))


def use(page: Any, name: str) -> None:
    chosen_model(page).fill(name)
    chosen_model(page).press("Enter")


def keep_key(page: Any, key: str, service: str = "paid") -> None:
    pick(page, "Service", service)
    page.locator("#model-secret input").fill(key)
    page.get_by_role("button", name="Use for this session").click()


class TestChoosing:
    def test_what_is_reachable_is_offered_and_the_next_question_goes_there(
        self, page: Any, expect: Any, chatbot: Double
    ) -> None:
        ask(page, FERRIES)
        said = open_panel(page)
        missing = page.get_by_text("no key; set PAID_API_KEY")
        expect(missing).to_be_hidden()
        page.get_by_text("2 services are not ready").click()
        expect(missing).to_be_visible()
        expect(page.locator("#model-unready dt")).to_have_text(["paid", "dear"])
        expect(chosen_model(page)).to_have_value("The articles’ own sentences")
        chosen_model(page).click()
        expect(page.get_by_role("option")).to_contain_text(["The articles’ own sentences", "near:small", "near:stuck"])
        page.get_by_role("option", name="near:small").click()
        expect(said).to_have_text("From your next question on, near:small writes the answers.")
        expect(chosen_model(page)).to_have_value("near:small")
        page.get_by_role("tab", name="Ask").click()
        expect(ask(page, FROST).locator(".written")).to_contain_text("Written by near:small")
        page.get_by_role("tab", name="Settings").click()
        pick(page, "Who writes", "The articles’ own sentences")
        expect(said).to_have_text("From your next question on, answers are the articles' own sentences.")
        page.get_by_role("tab", name="Ask").click()
        expect(ask(page, FROST).locator(".written")).to_have_count(0)
        assert chatbot.models == ["extractive", "near:small", "extractive"]

    def test_each_reader_chooses_alone(
        self, visit: Callable[..., Any], served: tuple[str, Any, Any], page: Any, expect: Any, chatbot: Double
    ) -> None:
        said = open_panel(page)
        expect(said).to_have_text("")
        use(page, "near:other")
        expect(said).to_contain_text("near:other writes the answers")
        other = visit(served[0])
        ask(other, FERRIES)
        page.get_by_role("tab", name="Ask").click()
        ask(page, FERRIES)
        assert chatbot.models == ["extractive", "near:other"]

    def test_what_is_no_name_and_what_is_no_key_change_nothing(self, page: Any, expect: Any) -> None:
        said = open_panel(page)
        use(page, "https://evil.test/v1#<b>")
        expect(said).to_have_class(re.compile("failure"))
        expect(said).to_contain_text("SERVICE:NAME")
        expect(chosen_model(page)).to_have_value("The articles’ own sentences")
        keep_key(page, "two words")
        expect(said).to_have_text("This is no key; copy it again, in one piece")
        expect(page.get_by_role("button", name="Remove the key")).to_be_hidden()
        expect(page.locator("#model-secret input")).to_have_value("")

    def test_looking_again_finds_what_came_since(
        self, page: Any, expect: Any, served: tuple[str, Any, ServicesDouble]
    ) -> None:
        services = served[2]
        open_panel(page)
        before, found = services.looks, services.found
        services.found = (*found[1:], SimpleNamespace(service="near", models=("new",), state="running"))
        try:
            page.get_by_role("button", name="Refresh").click()
            wait_until(page, lambda: services.looks > before)
            chosen_model(page).click()
            expect(page.get_by_role("option", name="near:new")).to_be_visible()
            expect(page.get_by_role("option", name="near:small")).to_have_count(0)
        finally:
            services.found = found

    def test_looking_again_ends_where_nothing_has_changed(
        self, page: Any, expect: Any, served: tuple[str, Any, ServicesDouble]
    ) -> None:
        said = open_panel(page)
        look = page.get_by_role("button", name="Refresh")
        for _ in range(2):
            expect(said).to_have_text("")
            before = served[2].looks
            look.focus()

            def looked(before: int = before) -> bool:
                page.keyboard.press("Enter")  # is not heard while the last one is still going on
                return served[2].looks > before

            wait_until(page, looked)
            expect(look).to_be_focused()
        expect(said).to_have_text("")


class TestAReload:
    def test_the_choice_is_still_there_and_the_next_question_goes_there(
        self, visit: Callable[..., Any], served: tuple[str, Any, Any], page: Any, expect: Any, chatbot: Double
    ) -> None:
        said = open_panel(page)
        pick(page, "Who writes", "near:small")
        expect(said).to_contain_text("near:small writes the answers")
        page.get_by_label("Passages per question").fill("3")
        page.get_by_label("Passages per question").press("Tab")
        expect(page.locator("#settings-said .said")).to_have_text("Used from your next question on.")
        page.reload()
        expect(page.get_by_role("tab", name="Settings")).to_have_attribute("aria-selected", "true")
        page.get_by_role("tab", name="Ask").click()
        expect(ask(page, FERRIES).locator(".written")).to_contain_text("Written by near:small")
        expect(page.locator("#sources .quote")).to_have_count(3)
        page.get_by_role("tab", name="Settings").click()
        expect(chosen_model(page)).to_have_value("near:small")
        expect(page.get_by_label("Passages per question")).to_have_value("3")
        assert "near" not in json.dumps(page.evaluate("[{...localStorage}, {...sessionStorage}]"))
        other = visit(served[0])
        open_panel(other)
        expect(chosen_model(other)).to_have_value("The articles’ own sentences")


class TestTheTest:
    def test_a_model_is_asked_one_question(self, page: Any, expect: Any) -> None:
        said = open_panel(page)
        test = page.get_by_role("button", name="Test", exact=True)
        expect(test).to_be_hidden()
        pick(page, "Who writes", "near:small")
        expect(said).to_contain_text("near:small writes the answers")
        test.click()
        expect(said).to_have_text(re.compile("near:small works: first word after .* s, .*“Readers can check them.”"))
        use(page, "near:down")
        expect(said).to_contain_text("near:down writes the answers")
        test.click()
        expect(said).to_have_text("Nobody listens there; start the server")
        expect(said).to_have_class(re.compile("failure"))


class TestKeys:
    def test_a_key_is_used_and_never_seen_again(
        self,
        visit: Callable[..., Any],
        served: tuple[str, Any, ServicesDouble],
        chatbot: Double,
        expect: Any,
        caplog: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
        tmp_path: Any,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        caplog.set_level(logging.DEBUG)
        page = visit(served[0])
        page.evaluate(RECORD)  # the driver itself does not hand out the body of an event stream
        responses: list[Any] = []
        page.on("response", lambda response: responses.append(response))
        console: list[str] = []
        page.on("console", lambda message: console.append(message.text))

        said = open_panel(page)
        use(page, "paid:grand")
        expect(said).to_contain_text("Paid asks for a key")
        expect(said).to_contain_text("enter one under API keys")
        secret = page.locator("#model-secret input")
        expect(secret).to_have_attribute("type", "password")
        expect(secret).to_have_attribute("autocomplete", "off")
        keep_key(page, CANARY)
        expect(secret).to_have_value("")
        expect(said).to_have_text("The key for paid is set for this session.")
        expect(page.get_by_role("combobox", name="Service")).to_have_value("paid · key is set for this session")
        use(page, "paid:grand")
        expect(said).to_have_text("From your next question on, paid:grand writes the answers.")
        page.get_by_role("tab", name="Ask").click()
        expect(ask(page, FERRIES).locator(".written")).to_contain_text("paid:grand")
        assert served[2].opened[-1] == ("paid:grand", CANARY)
        chatbot.fail = RuntimeError(CANARY)
        expect(ask(page, FROST, wait=False).locator(".failure")).to_contain_text("RuntimeError")
        chatbot.fail = None

        open_panel(page)
        seen = page.evaluate(
            "JSON.stringify([document.documentElement.outerHTML,"
            " [...document.querySelectorAll('input, textarea, select')].map(each => each.value),"
            " {...localStorage}, {...sessionStorage}, document.cookie, location.href, JSON.stringify(history.state)])"
        )
        bodies = [
            response.body()
            for response in responses
            if "text/event-stream" not in response.headers.get("content-type", "") and response.status == 200
        ]
        assert len(bodies) > 5
        heard = page.evaluate("heard")
        assert any("paid:grand" in each for each in heard)
        texts = [seen, *heard, *console, *(body.decode("utf-8", "replace") for body in bodies)]
        texts += [json.dumps(response.headers) + response.url for response in responses]
        texts += [page.context.storage_state(indexed_db=True).__repr__(), *(repr(each) for each in caplog.records)]
        texts += [caplog.text.replace(f"RuntimeError: {CANARY}", ""), *capfd.readouterr()]
        assert [text[:200] for text in texts if CANARY in text] == []

        page.get_by_role("button", name="Remove the key").click()
        expect(said).to_contain_text("The key for paid is forgotten. From your next question on, answers are")
        expect(page.get_by_role("button", name="Remove the key")).to_be_hidden()
        expect(chosen_model(page)).to_have_value("The articles’ own sentences")

    def test_who_forgets_a_key_is_where_that_is_said(self, page: Any, expect: Any) -> None:
        open_panel(page)
        keep_key(page, CANARY)
        page.get_by_role("button", name="Remove the key").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Remove the key")).to_be_hidden()
        expect(page.locator("#model-said .said")).to_be_focused()

    def test_a_closed_page_is_forgotten_and_its_answer_ends(
        self, visit: Callable[..., Any], served: tuple[str, Any, ServicesDouble], chatbot: Double, expect: Any
    ) -> None:
        page, other = visit(served[0]), visit(served[0])
        said = open_panel(page)
        keep_key(page, CANARY)
        expect(page.get_by_role("button", name="Remove the key")).to_be_visible()
        use(page, "paid:stuck")
        expect(said).to_contain_text("paid:stuck writes the answers")
        page.get_by_role("tab", name="Ask").click()
        ask(page, FERRIES, wait=False)
        wait_until(other, lambda: chatbot.models == ["paid:stuck"])
        page.close()
        wait_until(other, lambda: chatbot.closed == [FERRIES])
        wait_until(other, lambda: not [each for each in gc_keys() if each.reveal() == CANARY])


def gc_keys() -> list[Any]:
    """Every key that is still in this process's memory."""
    import gc

    from rag.chat.keys import Key

    gc.collect()
    return [each for each in gc.get_objects() if type(each) is Key]


class TestStuckModels:
    def test_stop_frees_the_model(self, page: Any, expect: Any, chatbot: Double) -> None:
        said = open_panel(page)
        pick(page, "Who writes", "near:stuck")
        expect(said).to_contain_text("near:stuck writes the answers")
        page.get_by_role("tab", name="Ask").click()
        answer = ask(page, FERRIES, wait=False)
        expect(answer.locator(".working")).to_have_text("near:stuck is reading the passages…")
        expect(page.locator("#sources .quote")).to_have_count(5)  # what was found is there before the first word
        expect(page.locator("#sources .hint")).to_have_text("Passages found; the answer is being written from them.")
        page.get_by_role("button", name="Stop").click()
        wait_until(page, lambda: chatbot.closed == [FERRIES])
        expect(answer).to_contain_text("Stopped.")

    def test_fifty_stuck_questions_hold_nobody_up(
        self, page: Any, served: tuple[str, Double, Any], chatbot: Double, expect: Any
    ) -> None:
        chatbot.patience = 3  # what they say meanwhile would cost the machine more than all else
        call = caller(served[0])
        functions = {each["api_name"]: each["id"] for each in json.loads(call("GET", "/config"))["dependencies"]}
        sessions = [f"stuck{number}" for number in range(50)]
        for session in sessions:
            send = lambda name, data, event=None, session=session: call(  # noqa: E731
                "POST",
                "/gradio_api/run/predict" if name != "answer" else "/gradio_api/queue/join",
                {"fn_index": functions[name], "data": data, "event_data": event, "session_hash": session},
            )
            send("model", ["near:stuck"])
            send("ask", [FERRIES, None, None])
            send("answer", [None])
        wait_until(page, lambda: chatbot.models.count("near:stuck") == 50, 120)
        expect(ask(page, FROST).locator("a.cite")).to_have_count(1)
        assert chatbot.closed == [FROST]
        chatbot.loose.set()
        wait_until(page, lambda: len(chatbot.closed) == 51, 120)


def caller(url: str) -> Callable[..., bytes]:
    home = urlsplit(url)

    def call(method: str, path: str, body: Any = None) -> bytes:
        connection = http.client.HTTPConnection(home.hostname or "", home.port or 0, timeout=60)
        with closing(connection):
            sent = None if body is None else json.dumps(body)
            connection.request(method, path, sent, {"Content-Type": "application/json"})
            response = connection.getresponse()
            text = response.read()
            assert response.status == 200, text[:500]
            return text

    return call


class TestEveryScreen:
    def test_a_phone_shows_it_in_one_column(
        self, visit: Callable[..., Any], served: tuple[str, Any, Any], chatbot: Double, expect: Any
    ) -> None:
        page = visit(served[0], 390, 844)
        open_panel(page)
        use(page, "near:" + "long" * 40)
        expect(chosen_model(page)).to_have_value(re.compile("longlong"))
        fits(page)
        page.locator("#model-secret input").scroll_into_view_if_needed()
        expect(page.get_by_role("button", name="Use for this session")).to_be_visible()
        fits(page)

    def test_axe_finds_nothing(self, page: Any, check_accessibility: Callable[[Any], None], expect: Any) -> None:
        said = open_panel(page)
        check_accessibility(page)
        keep_key(page, "test-key")
        expect(page.get_by_role("button", name="Remove the key")).to_be_visible()
        use(page, "<b>")
        expect(said).to_have_class(re.compile("failure"))
        check_accessibility(page)


def test_the_keyboard_chooses(page: Any, expect: Any) -> None:
    said = open_panel(page)
    chosen_model(page).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(said).to_have_text("From your next question on, near:small writes the answers.")
    expect(chosen_model(page)).to_have_value("near:small")
    reached = set()
    for _ in range(8):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("(each => each.ariaLabel || each.type + each.textContent.trim())(document.activeElement)")
        )
    assert {"submitTest", "submitRefresh", "Service", "password", "submitUse for this session"} <= reached, reached
