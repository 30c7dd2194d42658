"""The page on the shipped articles with the real model: what a reader gets after the README's first command."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from test_hostile import assert_harmless

from double import ARTICLES
from embeddings import Embedder
from hostile import model_answers
from rag.chatbot import Chatbot
from rag.settings import Settings
from rag.types import Message
from rag.web.examples import read_questions
from reader import ask

SEEDS = Path(__file__).parent.parent.parent / "seeds"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(articles=SEEDS, index=tmp_path_factory.mktemp("index"))


@pytest.fixture(scope="module")
def url(serve_module: Callable[..., str], settings: Settings, bundled: Embedder) -> str:
    return serve_module(
        lambda on_progress: Chatbot.open(settings, embedder=bundled, on_progress=on_progress),
        settings,
        tuple(read_questions(settings.articles)),
    )


def visit_built(visit: Callable[..., Any], url: str) -> Any:
    """The page once its index is there: the first visit to a server may wait for the model and for the build."""
    page = visit(url)
    page.wait_for_function("footnote.index.serving", timeout=300_000)
    return page


def test_an_example_is_answered_and_its_quote_stands_in_the_article(
    url: str, visit: Callable[..., Any], settings: Settings, bundled: Embedder, expect: Any
) -> None:
    page = visit_built(visit, url)
    question = page.locator("#chat .example").first.inner_text().strip()
    page.locator("#chat .example").first.click()
    expect(page.locator("#chat .sources-link")).to_have_count(1)
    page.get_by_role("link", name="Source 1").first.click()
    card = page.locator("#s-1-1")
    quote = card.locator("mark").inner_text()
    card.get_by_role("button", name="Read in article").click()
    mark = page.locator("#sources .pane-article mark.now")
    expect(mark).to_have_text(quote)
    expect(mark).to_be_in_viewport()

    answer = Chatbot.open(settings, embedder=bundled).ask(question)
    assert answer.citations[0].quote == quote
    assert any(quote in path.read_text("utf-8") for path in SEEDS.glob("*.md"))


def test_where_no_answer_is_found_the_page_says_so(url: str, visit: Callable[..., Any], expect: Any) -> None:
    page = visit_built(visit, url)
    answer = ask(page, "How deep is Lake Baikal?")
    expect(answer).to_contain_text("No answer found.")


@pytest.fixture(scope="module")
def articles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("articles")
    for article in ARTICLES:
        lines = f"# {article.title}\n\n{article.outlet}, {article.published}\n\n{article.text}\n"
        (folder / Path(article.id).name).write_text(lines, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def written() -> list[str]:
    """What the model writes; the test puts it there."""
    return []


@pytest.fixture(scope="module")
def served_model(
    serve_module: Callable[..., str],
    articles: Path,
    written: list[str],
    bundled: Embedder,
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    settings = Settings(articles=articles, index=tmp_path_factory.mktemp("index"))

    def model(messages: Sequence[Message]) -> Iterator[str]:
        yield from written

    return serve_module(
        lambda on_progress: Chatbot.open(settings, embedder=bundled, model=model, on_progress=on_progress), settings
    )


class TestWrittenByAModel:
    """The real conductor between a scripted model and the page: what it writes is checked, and shown as text."""

    def test_what_a_quote_carries_is_cited_and_the_rest_is_marked(
        self, served_model: str, visit: Callable[..., Any], written: list[str], expect: Any
    ) -> None:
        written[:] = [
            "The new ferries:\n\n- The four **ferries** will cost 61 mil",
            "lion crowns [1].\n- The region pays 45 million crowns.\n\n",
            "Penguins were seen dancing on the moon at midnight.",
        ]
        answer = ask(visit_built(visit, served_model), "How much will the four electric ferries cost?")
        expect(answer.locator("ul > li")).to_have_count(2)
        expect(answer.locator("ul > li").first.locator("a.cite").first).to_be_visible()
        expect(answer.locator("strong")).to_have_text("ferries")
        expect(answer.locator(".unsupported, .unverified").filter(has_text="45 million").first).to_be_visible()
        expect(answer.locator(".unsupported").filter(has_text="Penguins")).to_have_count(1)
        expect(answer.locator(".written")).to_contain_text("Written by function")

    def test_hostile_answers_are_text_and_call_nobody(
        self, served_model: str, visit: Callable[..., Any], written: list[str], listener: tuple[str, list[bytes]]
    ) -> None:
        home, heard = listener
        page = visit_built(visit, served_model)
        texts = (
            text[:500] for text in model_answers(home).values()
        )  # how long an answer is costs the check, not the page
        written[:] = [
            "The four ferries will cost 61 million crowns [1]. ",
            "\n\n".join(texts),
            "\n\nThey cross in eleven minutes.",
        ]
        ask(page, "How much will the four electric ferries cost?")
        assert_harmless(page, heard, home, named=False)

    def test_a_model_that_fails_gives_way_and_says_so(
        self, served_model: str, visit: Callable[..., Any], written: list[str], expect: Any
    ) -> None:
        written[:] = [b"no text"]  # type: ignore[list-item]
        answer = ask(visit_built(visit, served_model), "How much will the four electric ferries cost?")
        expect(answer.locator(".notice")).to_contain_text("sentences of the articles instead")
        expect(answer.locator("a.cite").first).to_be_visible()
        expect(answer.locator(".written")).to_have_count(0)
