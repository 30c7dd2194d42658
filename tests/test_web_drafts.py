"""The room of drafts without a browser: files, turns, stopping, scopes, and markup that holds nothing of what is shown."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from asynchronous import run
from documents import docx
from embeddings import Embedder
from news import write_articles
from rag.chatbot import Chatbot
from rag.draft import report
from rag.draft.checking import LONGEST_DRAFT
from rag.draft.report import QUOTATIONS, SENTENCES
from rag.errors import FootnoteError
from rag.read import Worker
from rag.settings import Settings
from rag.types import Document
from rag.web.draft_desk import Drafts, Shown
from rag.web.language import speaking, table
from rag.web.opening import Opening
from rag.web.rooms import Visitor

HOSTILE = "<img src=x onerror=alert(1)> ${alert(1)} {{bold}}"
ARTICLES = {
    "dam.md": f"""---
title: "Dam {HOSTILE}"
outlet: "Harbour Courier"
published: "2031-05-06"
---
The dam above Ilvern gave way on 3 May 2031 after eleven days of rain. Fourteen people were killed.

“We asked for a new gate in 2027,” said the mayor of Ilvern, Dana Holub.
""",
    "ferry.md": """---
title: "Ferry to Skarn runs again"
outlet: "Valley Gazette"
published: "2030-06-12"
---
A ticket for the ferry to Skarn costs 40 crowns, as before.
""",
}
DRAFT = (
    "Sixteen people were killed. A ticket for the ferry to Skarn costs 40 crowns. “We asked for a new gate in 2021,” said "
    f"the mayor of Ilvern, Dana Holub. The sign {HOSTILE} was seen. Who was warned?"
)
VISITOR = Visitor("one", client="address")


@pytest.fixture(scope="module")
def chatbot(tmp_path_factory: pytest.TempPathFactory, hashing: Embedder) -> Iterator[Chatbot]:
    folder = tmp_path_factory.mktemp("drafts")
    write_articles(folder / "articles", ARTICLES)
    settings = Settings(folder / "articles", folder / "index", embedder="hashing")
    opened = Chatbot.open(settings, embedder=hashing)
    yield opened
    opened.close()


class Desk:
    """A room of drafts whose turns are counted; ``between`` is called after each."""

    def __init__(self, chatbot: Chatbot) -> None:
        opening = Opening(lambda _: chatbot)
        opening.start()
        opening.wait(20)
        self.held = self.taken = 0
        self.between: Callable[[], Awaitable[None] | None] = lambda: None
        self.drafts = Drafts(opening, chatbot.settings, self.turn)

    @asynccontextmanager
    async def turn(self, visitor: str) -> AsyncIterator[None]:
        assert (visitor, self.held) == ("address", 0)
        self.held, self.taken = 1, self.taken + 1
        yield
        self.held = 0
        if (coming := self.between()) is not None:
            await coming

    def check(self, text: Any, chosen: Any = (), visitor: Visitor = VISITOR) -> list[Shown]:
        async def steps() -> list[Shown]:
            return [each async for each in self.drafts.check(text, chosen, visitor)]

        return list(run(steps()))


@pytest.fixture
def desk(chatbot: Chatbot) -> Iterator[Desk]:
    desk = Desk(chatbot)
    yield desk
    desk.drafts.close()


class Tags(HTMLParser):
    def __init__(self, markup: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.text = ""
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {tag, *(name for name, _ in attrs)}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_draft_is_checked_as_the_terminal_does_it(desk: Desk, chatbot: Chatbot) -> None:
    *steps, last = desk.check(DRAFT)
    assert all(each.running and each.checked is None for each in steps)
    assert (last.running, last.checked) == (False, chatbot.check(DRAFT))
    assert "5 sentences: 1 found, 2 differ, 1 not in the articles, 1 left alone" in last.markup
    assert "Compared with 2 articles in articles" in last.markup


def test_nothing_of_a_draft_or_an_article_becomes_markup(desk: Desk) -> None:
    tags = Tags(desk.check(DRAFT)[-1].markup)
    assert not {"img", "src", "onerror", "script", "style", "a"} & tags.found
    assert tags.text.count(HOSTILE) == tags.text.count("<img") >= 2


def test_each_sentence_and_quotation_takes_a_turn_of_its_own(desk: Desk) -> None:
    desk.check(DRAFT)
    assert (desk.taken, desk.held) == (5 + 1 + 2, 0)  # a quotation's too, the draft as it is read, and the end


def test_a_stopped_check_shows_what_was_checked(desk: Desk) -> None:
    def stop() -> Awaitable[None] | None:
        return desk.drafts.stop(VISITOR) if desk.taken == 3 else None

    desk.between = stop
    last = desk.check(DRAFT)[-1]
    assert last.checked is not None
    assert (len(last.checked.sentences), last.checked.left) == (2, 3)
    assert "3 not checked" in last.markup
    desk.between = lambda: None
    assert desk.check(DRAFT)[-1].checked.left == 0  # type: ignore[union-attr]


def test_only_what_the_scope_holds_counts(desk: Desk, chatbot: Chatbot) -> None:
    last = desk.check(DRAFT, ["Valley Gazette"])[-1]
    assert last.checked is not None
    assert [each.status for each in last.checked.sentences][:2] == ["not in the articles", "found"]
    assert {each.status for each in last.checked.quotations} == {"not found"}
    assert "Compared with 1 article in articles · Only in: Valley Gazette" in last.markup


@pytest.mark.parametrize(
    ("text", "chosen", "problem"),
    [
        ("x" * (LONGEST_DRAFT + 1), (), "At most 200,000 characters are checked at once, not 200,001; check a part"),
        ("x" * 1_000_000, (), "At most 200,000 characters are checked at once, not 1,000,000; check a part"),
        ("  ", (), "There is no text to check; write a sentence"),
        (None, (), "What is checked is text, not NoneType; pass a string"),
        (DRAFT, ["The Nowhere Post"], "No article has The Nowhere Post as its outlet"),
    ],
)
def test_what_cannot_be_checked_is_told(desk: Desk, text: Any, chosen: Any, problem: str) -> None:
    last = desk.check(text, chosen)[-1]
    assert (last.running, last.checked) == (False, None)
    assert problem in last.markup
    assert 'role="alert"' in last.markup


def test_files_are_read_and_formats_in_another_process(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    read = Worker.read

    def noted(worker: Worker, id: str, data: bytes) -> list[Document]:
        asked.append(id)
        return read(worker, id, data)

    monkeypatch.setattr(Worker, "read", noted)
    assert desk.drafts.read("../story.TXT", "Плотина прорвалась.".encode("utf-16")) == {"text": "Плотина прорвалась."}
    assert desk.drafts.read("story.md", b"---\ntitle: A dam\n---\nThe dam broke.") == {"text": "The dam broke."}
    assert asked == []
    assert desk.drafts.read("story.docx", docx("<w:p><w:r><w:t>The dam broke.</w:t></w:r></w:p>")) == {
        "text": "The dam broke."
    }
    assert asked == ["draft.docx"]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("photo.png", b"x", "a draft is a .txt, .md or .docx file"),
        ("story.docx", b"PK\x03\x04nothing", "draft.docx cannot be read: "),
        ("story.txt", b"It rained. " * (LONGEST_DRAFT // 2), "longer than 200,000 characters; check a part"),
        ("story.txt", b"It rained. " * (LONGEST_DRAFT // 10), "at most 200,000 characters are checked at once"),
        ("story.txt", b"...", "draft.txt cannot be read: there are no words in it"),
    ],
)
def test_what_is_no_draft_is_refused_with_the_reason(desk: Desk, name: str, data: bytes, reason: str) -> None:
    with pytest.raises(FootnoteError, match=reason):
        desk.drafts.read(name, data)


def test_the_report_is_saved_in_the_language_of_the_page(desk: Desk) -> None:
    checked = desk.check(DRAFT)[-1].checked
    file = run(desk.drafts.report(Visitor("one", language="ru"), checked))["file"]
    page = base64.b64decode(file["base64"]).decode()
    assert (file["name"], file["type"]) == ("draft-report.html", "text/html")
    assert page.startswith('<!DOCTYPE html>\n<html lang="ru">')
    assert "5 предложений: найдено 1, расходятся 2, нет в статьях 1, не проверяется 1" in page
    assert "число: <b>Sixteen</b>; в статье — <b>Fourteen</b>" in page
    assert not {"img", "script", "onerror"} & Tags(page).found
    assert run(desk.drafts.report(VISITOR, None)) == {}


def test_every_text_of_a_report_has_its_russian() -> None:
    source = Path(report.__file__).read_text("utf-8")
    said = set(re.findall(r"say\(\s*\"([^\"]+)\"", source)) | set(re.findall(r"\"(\{kind\}[^\"]*)\"", source))
    shown = {words for _, words, _ in report._SHOWN.values()}
    kinds = {"number", "name", "date", "negation", "speaker", "wording", "speaker left out"}
    assert {*said, *shown, *kinds, *SENTENCES.values(), *QUOTATIONS.values()} - set(table("ru")) == set()


def test_one_page_checks_one_draft_at_a_time(desk: Desk) -> None:
    again: list[list[Shown]] = []

    async def steps() -> list[Shown]:
        found = []
        async for each in desk.drafts.check(DRAFT, (), VISITOR):
            found.append(each)
            again.append([other async for other in desk.drafts.check(DRAFT, (), VISITOR)])
        return found

    assert run(steps())[-1].checked is not None
    assert again == [[]] * len(again) != []


def test_dates_and_numbers_are_in_the_language_of_the_page(desk: Desk) -> None:
    with speaking("ru"):
        last = desk.check(DRAFT, (), Visitor("one", language="ru", client="address"))[-1]
    assert "на 6 мая 2031" in last.markup
    assert "Сравнено с папкой articles, 2 статьи" in last.markup
