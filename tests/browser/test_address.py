"""Tabs and articles stand in the address: Back leads through them and a link opens them again."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from double import ARTICLES, EXAMPLES, Double, Opener
from rag.types import Document, FileStatus
from reader import ask, wait_until

MANY = tuple(
    Document(
        f"n{number}.md", title=f"Minutes of week {number}", outlet="Board", published="2030", text="It met.\n\n" * 90
    )
    for number in range(48)
)
CODE = Document("code.md", title="A script", text="It reads:\n\nfor each in row:\n    if each:\n        send(each)")
QUESTIONS = FileStatus("questions.jsonl", "skipped", "no article: examples for the page and questions for rag eval")


@pytest.fixture(scope="module")
def folder(serve_module: Callable[..., str]) -> str:
    opener = Opener(Double(articles=(*ARTICLES, *MANY, CODE), files=(QUESTIONS,)))
    opener.ready.set()
    return serve_module(opener)


def query(page: Any) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_back_leads_through_tabs_and_articles(visit: Callable[..., Any], folder: str, expect: Any) -> None:
    page = visit(folder)
    page.get_by_role("tab", name="Articles").click()
    page.get_by_role("button", name=ARTICLES[0].title).click()
    title = page.locator("#library").get_by_role("heading", name=ARTICLES[0].title)
    expect(title).to_be_visible()
    wait_until(page, lambda: query(page) == {"tab": ["articles"], "read": ["ferry.md"]})
    page.get_by_role("tab", name="Settings").click()
    expect(page).to_have_url(re.compile("tab=settings"))
    page.go_back()
    expect(page.get_by_role("tab", name="Articles")).to_have_attribute("aria-selected", "true")
    expect(title).to_be_visible()
    page.go_back()
    expect(title).to_be_hidden()
    page.go_back()
    expect(page.get_by_role("tab", name="Ask")).to_have_attribute("aria-selected", "true")
    page.go_forward()
    expect(page.get_by_role("tab", name="Articles")).to_have_attribute("aria-selected", "true")


def test_the_address_opens_what_it_names(visit: Callable[..., Any], folder: str, expect: Any) -> None:
    page = visit(f"{folder}?tab=articles&read=ferry.md", heading=ARTICLES[0].title)
    expect(page.get_by_role("tab", name="Articles")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#library").get_by_text("61 million crowns")).to_be_visible()


def test_back_closes_an_article_beside_the_chat(visit: Callable[..., Any], folder: str, expect: Any) -> None:
    page = visit(folder)
    ask(page, EXAMPLES[0])
    expect(page).to_have_url(re.compile("conversation="))  # kept: Back leads to it
    page.get_by_role("button", name="Read in article").first.click()
    article = page.locator("#sources .pane-article")
    expect(article.locator("mark").first).to_be_visible()
    page.go_back()
    expect(article).to_be_hidden()
    expect(page.locator("#chat .answer")).to_have_count(1)
    page.go_forward()
    expect(article.locator("mark").first).to_be_visible()


def test_opening_the_last_article_leaves_the_tabs_in_view(visit: Callable[..., Any], folder: str, expect: Any) -> None:
    page = visit(folder)
    page.get_by_role("tab", name="Articles").click()
    rows = page.locator("#library .library-item")
    expect(rows).to_have_count(len(ARTICLES) + len(MANY) + 1)
    for width, height in ((1280, 720), (1440, 900), (1920, 1080)):
        page.set_viewport_size({"width": width, "height": height})
        rows.last.click()
        expect(page.locator("#library .article-title")).to_be_focused()
        expect(page.locator(".masthead h1")).to_be_in_viewport(ratio=1)
        expect(page.get_by_role("tab", name="Ask")).to_be_in_viewport(ratio=1)
        page.keyboard.press("Escape")
        expect(rows.last).to_be_focused()


def test_code_keeps_its_indentation(visit: Callable[..., Any], folder: str) -> None:
    page = visit(f"{folder}?tab=articles&read=code.md", heading="A script")
    assert "\n        send(each)" in page.locator("#library .article-text").last.inner_text()


def test_the_file_of_questions_is_not_listed_as_an_article(visit: Callable[..., Any], folder: str, expect: Any) -> None:
    page = visit(f"{folder}?tab=articles", heading="Articles")
    expect(page.locator("#library .pane-about")).to_have_text(f"{len(ARTICLES) + len(MANY) + 1} files")
    expect(page.get_by_text("questions.jsonl")).to_have_count(0)


def test_the_columns_stay_where_they_are_when_the_model_is_loaded(
    visit: Callable[..., Any], serve_page: Callable[..., str], expect: Any
) -> None:
    opener = Opener()
    page = visit(serve_page(opener))
    expect(page.get_by_text("Loading the model…")).to_have_count(1)

    def places() -> list[Any]:
        return [page.locator(each).bounding_box() for each in ("#history", "#chat-column", "#sources-column")]

    before = places()
    opener.ready.set()
    expect(page.get_by_text("Loading the model…")).to_be_hidden()
    expect(page.locator("#chat .examples")).to_be_visible()
    wait_until(page, lambda: places() == before)


def test_what_replaces_an_answer_is_named_in_words(visit: Callable[..., Any], folder: str, expect: Any) -> None:
    page = visit(folder)
    ask(page, EXAMPLES[0])
    tools = page.locator("#chat details.menu", has=page.locator("#act-1-delete"))
    tools.locator("summary").click()
    forms = ["Markdown", "HTML", "Word", "JSON", "BibTeX", "RIS", "CSL"]
    expect(tools.get_by_role("button")).to_have_text(["Retry", "Edit", "Delete", "Copy as Markdown", *forms])
    expect(page.locator("#chat .message-buttons button")).to_have_count(0)
