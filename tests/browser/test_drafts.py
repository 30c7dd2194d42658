"""A draft in the page: marks, the article beside them, a file, stopping, saving, each screen and language."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from documents import docx
from double import ARTICLES, as_file
from embeddings import Embedder
from news import write_articles
from rag.chatbot import Chatbot
from rag.settings import Settings
from reader import fits

DRAFT = (
    "The four ferries will cost 71 million crowns. Harbour master Ilse Brandt said that the old boats would be sold to a "
    "museum. Tove Lind told us: “my bees have left the valley for good”. Who pays?"
)


@pytest.fixture(scope="module")
def chatbot(tmp_path_factory: pytest.TempPathFactory, hashing: Embedder) -> Chatbot:
    folder = tmp_path_factory.mktemp("drafts")
    write_articles(folder / "articles", {each.id: as_file(each) for each in ARTICLES})
    return Chatbot.open(Settings(folder / "articles", folder / "index", embedder="hashing"), embedder=hashing)


@pytest.fixture(scope="module")
def url(serve_module: Callable[..., str], chatbot: Chatbot) -> str:
    return f"{serve_module(lambda on_progress: chatbot, chatbot.settings)}?tab=draft"


@pytest.fixture
def desk(url: str, visit: Callable[..., Any]) -> Callable[..., Any]:
    return lambda **options: visit(url, **{"wait_for": "Your draft", **options})


def check(page: Any, text: str = DRAFT) -> None:
    page.locator("#draft-text textarea").fill(text)
    page.locator("#draft-check").click()
    page.locator(".draft-counts").wait_for()


def test_sentences_are_marked_and_a_number_opens_the_articles_own_words(desk: Callable[..., Any], expect: Any) -> None:
    page = desk()
    check(page)
    counts = "4 sentences: 1 found, 1 differs, 1 not in the articles, 1 left alone; 1 quotation: 1 not found"
    expect(page.locator(".draft-counts")).to_have_text(counts)
    sections = page.locator("#draft-report section")
    expect(sections.nth(0)).to_contain_text("number: 71 million; the article has 61 million")
    expect(sections.nth(0).locator("mark")).to_have_text("71 million")
    number = sections.nth(1).get_by_role("button", name="Read in article")
    number.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#passage mark.now").first).to_be_focused()
    expect(page.locator("#passage mark.now").first).to_contain_text("the old boats would be sold")
    page.keyboard.press("Escape")
    expect(number).to_be_focused()
    expect(page.locator("#passage article")).to_be_hidden()


def test_a_file_comes_into_the_box_and_the_report_is_saved(desk: Callable[..., Any], expect: Any) -> None:
    page = desk()
    quoted = "The town pays “340,000 pounds a year” for heat and light."
    word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    sent = {"name": "a.docx", "mimeType": word, "buffer": docx(f"<w:p><w:r><w:t>{quoted}</w:t></w:r></w:p>")}
    page.locator("#draft input[type=file]").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": b"x"})
    expect(page.locator(".draft-file")).to_contain_text("A draft is a .txt, .md or .docx file")
    page.locator("#draft input[type=file]").set_input_files(sent)
    expect(page.locator("#draft-text textarea")).to_have_value(quoted)
    expect(page.locator("#draft-text textarea")).to_be_focused()
    page.locator("#draft-check").click()
    expect(page.locator("#draft-report .outcome.other").last).to_contain_text("Altered")
    expect(page.locator("#draft-report del")).not_to_have_count(0)
    expect(page.locator("#draft-report ins")).not_to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the report").click()
    assert download.value.suggested_filename == "draft-report.html"
    report = Path(download.value.path()).read_text("utf-8")
    assert "<h1" in report
    assert "340,000" in report


@pytest.fixture
def held(chatbot: Chatbot, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, threading.Event]]:
    """Hold the check back when its first sentence is checked: tells that it is reached, and waits to go on."""
    reached, gate, whole = threading.Event(), threading.Event(), chatbot.check_stepwise

    def stepwise(*values: Any) -> Iterator[Any]:
        for step in whole(*values):
            if len(step.sentences) == 1:
                reached.set()
                gate.wait(60)
            yield step

    monkeypatch.setattr(chatbot, "check_stepwise", stepwise)
    yield reached, gate
    gate.set()


def test_a_check_is_stopped_and_shows_what_was_checked(
    desk: Callable[..., Any], expect: Any, held: tuple[threading.Event, threading.Event]
) -> None:
    page, (reached, gate) = desk(), held
    page.locator("#draft-text textarea").fill(DRAFT)
    page.locator("#draft-check").click()
    assert reached.wait(45)
    stop = page.get_by_role("button", name="Stop", exact=True)
    stop.click()
    expect(page.locator("#draft-check")).to_be_focused()
    gate.set()
    expect(page.locator(".draft-counts")).to_have_text("1 sentence: 1 differs; 3 not checked")
    expect(stop).to_be_hidden()


@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    desk: Callable[..., Any], check_accessibility: Callable[[Any], None], width: int
) -> None:
    page = desk(width=width)
    check(page)
    check_accessibility(page)
    fits(page)
    page.get_by_role("button", name="Read in article").first.click()
    page.locator("#passage mark.now").first.wait_for()
    check_accessibility(page)


def test_in_russian_and_within_a_scope(desk: Callable[..., Any], expect: Any) -> None:
    page = desk(wait_for="Ваш черновик", locale="ru-RU")
    scope = page.get_by_role("combobox", name="Ограничить поиск…")
    scope.last.click()
    page.get_by_role("option", name="Valley Courier").click()
    page.keyboard.press("Escape")
    check(page, "Новый мост через Лугу откроют осенью. The four ferries will cost 61 million crowns.")
    expect(page.locator(".draft-counts")).to_have_text("2 предложения: нет в статьях 2")
    expect(page.locator("#draft-report")).to_contain_text("1 статья · Только в: Valley Courier")
