"""Why a passage was found and what was searched, opened by a reader beside an answer of a real index."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from double import ARTICLES, as_file
from embeddings import Embedder
from news import write_articles
from rag.chatbot import Chatbot
from rag.retrieval.diversify import COPY, LIMIT
from rag.settings import Settings
from reader import ask, fits, wait_until

FERRIES = "How much will the four electric ferries of The Orsund Gazette cost?"


@pytest.fixture(scope="module")
def chatbot(tmp_path_factory: pytest.TempPathFactory, hashing: Embedder) -> Chatbot:
    folder = tmp_path_factory.mktemp("inspector")
    copy = ARTICLES[0].text.replace("The council", "The town council")
    files = {each.id: as_file(each) for each in ARTICLES} | {"copy.md": as_file(ARTICLES[1], copy)}
    write_articles(folder / "articles", files)
    settings = Settings(folder / "articles", folder / "index", embedder="hashing", passage_tokens=50, k=2)
    return Chatbot.open(settings, embedder=hashing)


@pytest.fixture(scope="module")
def url(serve_module: Callable[..., str], chatbot: Chatbot) -> str:
    return serve_module(lambda on_progress: chatbot, chatbot.settings)


def said(place: Any) -> dict[str, str]:
    """A list of terms as a dictionary."""
    terms, texts = place.locator("dt").all_text_contents(), place.locator("dd").all_text_contents()
    return dict(zip(terms, texts, strict=True))


def test_why_this_passage_has_the_figures_of_the_hit_and_marks_the_words_shared(
    url: str, visit: Callable[..., Any], chatbot: Chatbot, expect: Any
) -> None:
    page = visit(url)
    ask(page, FERRIES)
    card = page.locator("#s-1-1")
    word = card.locator(".shared-word", has_text="ferries").first
    expect(word).to_have_css("text-decoration-line", "none")
    why = card.locator(".why")
    expect(why.locator("dl")).to_be_hidden()
    why.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(why.locator("dl")).to_be_visible()
    hit = chatbot.ask(FERRIES).citations[0].hit
    assert hit.why.met, "the question names the article's outlet"
    assert said(why) == {
        "Meaning": f"number {hit.why.dense_rank}, cosine {hit.why.dense_score:.2f}",
        "Words": f"number {hit.why.keyword_rank}, BM25 {hit.why.keyword_score:.2f}",
        "Words shared": ", ".join(hit.why.matched),
        "The article meets": ", ".join(hit.why.met),
        "Both together": f"{hit.why.fused:.2f}",
        "Score in the end": f"{hit.score:.2f}",
    }
    expect(word).to_have_css("text-decoration-line", "underline")
    marked = {text.lower() for text in card.locator(".shared-word").all_inner_texts()}
    assert {"four", "ferries", "cost"} <= marked
    assert "crowns" not in marked
    quote = card.locator("mark").inner_text()
    assert "61 million crowns" in quote, "the quote is whole, with words marked in it"


def test_what_was_searched_and_what_was_left_out(
    url: str, visit: Callable[..., Any], chatbot: Chatbot, expect: Any
) -> None:
    page = visit(url)
    ask(page, FERRIES)
    searched = page.locator(".searched-for")
    searched.locator("summary").click()
    answer = chatbot.ask(FERRIES)
    expect(searched.locator("dl")).to_be_visible()
    told = said(searched)
    assert told["Searched for"] == FERRIES
    assert told["Passages"] == f"{answer.candidates} weighed, {len(answer.hits)} shown"
    assert told["Narrowed to"] == (", ".join(answer.scope.outlets) or "nothing: all articles")
    reasons = dict.fromkeys(each.reason for each in answer.dropped)
    assert reasons.keys() <= {COPY, LIMIT}
    assert searched.locator("h3").all_inner_texts() == [f"Left out: {reason}" for reason in reasons]
    expect(searched.locator(".dropped li")).to_have_count(len(answer.dropped))
    first = searched.locator(".dropped li").first
    first.get_by_role("button", name="Read in article").click()
    expect(page.locator("#sources .pane-article mark").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(first.get_by_role("button", name="Read in article")).to_be_focused()


def test_a_copy_is_left_out_as_such_and_a_follow_up_shows_the_question_that_was_searched(
    url: str, visit: Callable[..., Any], chatbot: Chatbot, expect: Any
) -> None:
    question = "How much will the four electric ferries cost?"
    assert COPY in {each.reason for each in chatbot.ask(question).dropped}
    page = visit(url)
    ask(page, question)
    searched = page.locator(".searched-for")
    searched.locator("summary").click()
    expect(searched.get_by_role("heading", name=f"Left out: {COPY}")).to_be_visible()
    ask(page, "And when are they expected?")
    completed = page.locator("#chat .completed").last.inner_text()
    assert "ferries" in completed
    wait_until(page, lambda: said(searched)["Searched for"] == completed)


def test_in_russian_it_is_russian(url: str, visit: Callable[..., Any], expect: Any) -> None:
    page = visit(url, wait_for="Ваш вопрос", locale="ru-RU")
    page.get_by_role("textbox", name="Ваш вопрос").fill(FERRIES)
    page.keyboard.press("Enter")
    summary = page.locator("#s-1-1 .why summary")
    expect(summary).to_have_text("Почему этот отрывок")


def test_axe_finds_nothing(url: str, visit: Callable[..., Any], check_accessibility: Callable[[Any], None]) -> None:
    page = visit(url)
    ask(page, FERRIES)
    page.locator("#s-1-1 .why summary").click()
    page.locator(".searched-for summary").click()
    check_accessibility(page)


def test_a_phone_shows_it_without_sideways_scroll(url: str, visit: Callable[..., Any], expect: Any) -> None:
    page = visit(url, 390, 844, has_touch=True)
    ask(page, FERRIES)
    page.locator('#chat a[href="#s-1-1"]').first.tap()
    page.locator("#s-1-1 .why summary").tap()
    expect(page.locator("#s-1-1 .why dl")).to_be_visible()
    page.locator(".searched-for summary").tap()
    fits(page)
