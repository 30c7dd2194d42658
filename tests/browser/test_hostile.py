"""Texts that attack the page: whatever an article, a question or a website does, nothing runs and nobody is called."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Callable
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest

from double import Double, Opener
from hostile import attacks, model_answers, scripted, shortened
from rag.types import Document
from reader import ask, fits


def hostile_articles(home: str) -> tuple[Document, ...]:
    lines = attacks(home)
    text = "\n".join(f"The marvellous attack number {number} says {line.strip()}" for number, line in enumerate(lines))
    return tuple(
        Document(
            id=f"<img src=x onerror=fetch('http://{home}/id{number}')>.md",
            title=f"Attack {line}",
            outlet=line,
            authors=(line, "Eve"),
            published=line[:20],
            language="en\" onload='x",
            source=f"javascript:fetch('http://{home}/source')",
            text=text if number == 0 else f"The marvellous attack number {number} says {line}",
        )
        for number, line in enumerate(lines)
    )


def assert_harmless(page: Any, heard: list[bytes], home: str, named: bool = True) -> None:
    """No element came out of a text, no link leads anywhere but to our cards, and nobody was called."""
    page.wait_for_timeout(100)
    assert heard == []
    # The articles' table and its search are our own; what stands in a cell or in an article is not.
    inside = "#chat :is({0}), #sources :is({0}), #library td :is({0}), #library article :is({0})".format(
        "script, img, iframe, object, embed, video, audio, input, form, meta, link, base, table, svg image, plaintext, code"
    )
    assert page.locator(inside).count() == 0
    links = page.locator("#chat a, #sources a, #library a").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    # A source's card, or an article's file by its id, which is one escaped value.
    own = re.escape(page.evaluate("location.origin"))
    strange = [
        link
        for link in links
        if not re.fullmatch(rf"({own}/)?footnote/file\?id=[\w.%+~-]+(#page=\d+)?|#s-[\d-]+", link)
    ]
    assert strange == []
    assert not named or home in page.content()


class TestTexts:
    def test_a_hostile_article_is_only_text(
        self,
        visit: Callable[..., Any],
        serve_page: Callable[..., str],
        listener: tuple[str, list[bytes]],
    ) -> None:
        home, heard = listener
        articles = hostile_articles(home)
        opener = Opener(Double(articles=articles))
        opener.ready.set()
        page = visit(serve_page(opener, examples=attacks(home)))
        page.locator("#chat .example").first.wait_for()
        assert_harmless(page, heard, home)
        answer = ask(page, "What does the marvellous attack number 3 say?")
        assert "The marvellous attack number" in answer.text_content()
        page.locator("#sources details.more > summary").click()
        assert_harmless(page, heard, home)

        page.locator("#chat a.cite").first.click()
        card = page.locator("#sources .cited").first
        opened = next(each for each in articles if card.locator(".card-name").text_content() in shortened(each.title))
        card.get_by_role("button", name="Read in article").first.click()
        page.locator("#sources .pane-article mark.now").wait_for()
        shown = "".join(page.locator("#sources .article-text").all_text_contents())
        assert "".join(shown.split()) == "".join(opened.text.split())
        assert_harmless(page, heard, home)

        page.get_by_role("tab", name="Articles").click()
        page.locator(".library-item").first.click()
        page.locator("#library .article-title").wait_for()
        assert_harmless(page, heard, home)

    def test_hostile_questions_call_nobody(self, page: Any, double: Any, listener: tuple[str, list[bytes]]) -> None:
        home, heard = listener
        question = " ".join(attacks(home)).replace("\n", " ")
        starts = range(0, len(question), 1900)
        for start in starts:
            ask(page, question[start : start + 1900])
        assert_harmless(page, heard, home)
        assert page.locator("#chat .question").count() == page.locator("#chat .answer").count() == len(starts)


class TestModelAnswers:
    def test_nothing_runs_and_nobody_is_called(
        self, page: Any, double: Any, listener: tuple[str, list[bytes]], expect: Any
    ) -> None:
        home, heard = listener
        for count, (name, text) in enumerate(sorted(model_answers(home).items(), key=lambda each: len(each[1])), 1):
            double.writing = scripted(text)
            answer = ask(page, "How much will the four electric ferries cost?")
            expect(answer.locator("a.cite"), name).to_have_count(2)
            expect(page.locator("#chat .answer"), name).to_have_count(count)
            expect(page.locator("#chat .sources-link"), name).to_have_count(count)
            expect(page.locator("#sources .cited"), name).to_have_count(1)
            expect(answer.locator("ul > li, ol > li"), name).to_have_count(2)
            shown = "".join((answer.locator("ol > li").text_content() or "").split())
            written = "".join(shortened(text).replace("\udce2", "").replace("\x07", "").split())
            assert shown.removesuffix("Source1") == written, name
            fits(page)
        assert_harmless(page, heard, home)

    def test_a_phone_is_not_stretched(self, visit: Callable[..., Any], shared: tuple[str, Opener], double: Any) -> None:
        page = visit(shared[0], 390, 844)
        for name in ("very long", "citations", "elements"):
            double.writing = scripted(model_answers("evil.test:1")[name])
            ask(page, "How much will the four electric ferries cost?")
            fits(page)
            wide = "all => all.filter(each => each.getBoundingClientRect().right > window.innerWidth).length"
            assert page.locator("#chat .answer :is(p, li, a, span:not(.spoken))").evaluate_all(wide) == 0


class TestTheDoor:
    @pytest.fixture
    def request_page(self, shared: tuple[str, Opener]) -> Callable[..., tuple[int, Any, bytes]]:
        home = urlsplit(shared[0])

        def send(method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, bytes]:
            connection = http.client.HTTPConnection(home.hostname or "", home.port or 0, timeout=60)
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            with closing(connection):
                connection.request(method, path, None if body is None else json.dumps(body), sent)
                response = connection.getresponse()
                return response.status, response.headers, response.read()

        return send

    def test_every_answer_forbids_calls_outside(self, request_page: Callable[..., Any]) -> None:
        for path in ("/", "/config", "/footnote/fonts/source-serif-4-latin.woff2", "/nowhere"):
            _, headers, _ = request_page("GET", path)
            policy = headers["Content-Security-Policy"]
            assert "default-src 'self'" in policy
            assert "connect-src 'self'" in policy
            assert headers["X-Content-Type-Options"] == "nosniff"

    def test_a_foreign_host_is_refused(self, request_page: Callable[..., Any]) -> None:
        assert request_page("GET", "/", Host="evil.test")[0] == 400
        assert request_page("GET", "/", Host="127.0.0.1.evil.test:7860")[0] == 400
        assert request_page("GET", "/")[0] == 200

    def test_a_foreign_page_is_refused(self, request_page: Callable[..., Any], shared: tuple[str, Opener]) -> None:
        call = "/gradio_api/cancel"
        body = {"session_hash": "nobody", "fn_index": 0, "event_id": "nothing"}
        json_type = {"Content_Type": "application/json"}
        assert request_page("POST", call, body, Origin="https://evil.test", **json_type)[0] == 403
        assert request_page("POST", call, body, Origin="null", **json_type)[0] == 403
        assert request_page("POST", call, body, Origin="http://127.0.0.1:1", **json_type)[0] == 403
        assert request_page("POST", call, body, Sec_Fetch_Site="cross-site", **json_type)[0] == 403
        assert request_page("POST", call, body, Origin=shared[0].rstrip("/"), **json_type)[0] == 200

    def test_nobody_leaves_files_or_floods(self, request_page: Callable[..., Any]) -> None:
        assert request_page("POST", "/gradio_api/upload", {})[0] == 403
        assert request_page("POST", "/gradio_api/queue/join", "x" * 1_000_001)[0] == 413

    def test_files_of_the_machine_stay_where_they_are(self, request_page: Callable[..., Any]) -> None:
        for path in (
            "/gradio_api/file=/etc/passwd",
            "/footnote/fonts/..%2f..%2f..%2fui.py",
            "/footnote/fonts/../security.py",
            "/gradio_api/file=pyproject.toml",
        ):
            status, _, body = request_page("GET", path)
            assert status in (400, 403, 404)
            assert b"import" not in body
            assert b"root:" not in body
