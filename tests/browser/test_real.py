"""The page on the shipped articles with the real model: what a reader gets after the README's first command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from embeddings import Embedder
from rag.chatbot import Chatbot
from rag.settings import Settings
from rag.web.examples import read_examples
from reader import ask

SEEDS = Path(__file__).parent.parent.parent / "seeds"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(articles=SEEDS, index=tmp_path_factory.mktemp("index"))


@pytest.fixture(scope="module")
def url(serve_page: Callable[..., str], settings: Settings, bundled: Embedder) -> str:
    return serve_page(
        lambda on_progress: Chatbot.open(settings, embedder=bundled, on_progress=on_progress),
        settings,
        read_examples(settings.articles),
    )


def test_an_example_is_answered_and_its_quote_stands_in_the_article(
    url: str, visit: Callable[..., Any], settings: Settings, bundled: Embedder
) -> None:
    from playwright.sync_api import expect

    page = visit(url)
    question = page.locator("#chat .example").first.inner_text().strip()
    page.locator("#chat .example").first.click()
    expect(page.locator("#chat .sources-link")).to_have_count(1, timeout=60_000)
    page.get_by_role("link", name="Source 1").click()
    card = page.locator("#s-1-1")
    quote = card.locator("mark").inner_text()
    card.get_by_role("button", name="Read in article").click()
    mark = page.locator("#sources .pane-article mark")
    expect(mark).to_have_text(quote)
    expect(mark).to_be_in_viewport()

    answer = Chatbot.open(settings, embedder=bundled).ask(question)
    assert answer.citations[0].quote == quote
    assert any(quote in path.read_text("utf-8") for path in SEEDS.glob("*.md"))


def test_what_the_articles_do_not_say_is_refused(url: str, visit: Callable[..., Any]) -> None:
    page = visit(url)
    answer = ask(page, "How deep is Lake Baikal?")
    assert "The articles do not say" in answer.inner_text()
    assert answer.locator("a.cite").count() == 0
