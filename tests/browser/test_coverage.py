"""Coverage with a real index behind it: what the charts show, what a click and a keyboard reach, and the same as tables."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

import pytest

from double import ARTICLES, Opener, as_file
from embeddings import Embedder
from news import write_articles
from rag.chatbot import Chatbot
from rag.settings import Settings
from reader import ask, fits, wait_until

FERRIES = "How much will the four electric ferries cost?"
HOSTILE = '<img src=x onerror="alert(1)"> ${alert(1)} {{bold}}'
POINTS = "#coverage-map .mark-symbol path"


@pytest.fixture(scope="module")
def chatbot(tmp_path_factory: pytest.TempPathFactory, hashing: Embedder) -> Chatbot:
    folder = tmp_path_factory.mktemp("coverage")
    files = {each.id: as_file(each) for each in ARTICLES}
    files["hostile.md"] = (
        f"---\ntitle: '{HOSTILE}'\noutlet: '{HOSTILE}'\npublished: 2031-01-02\n---\nA storm came to Osk.\n"
    )
    write_articles(folder / "articles", files)
    settings = Settings(folder / "articles", folder / "index", embedder="hashing", passage_tokens=50, k=3)
    return Chatbot.open(settings, embedder=hashing)


@pytest.fixture(scope="module")
def url(serve_module: Callable[..., str], chatbot: Chatbot) -> str:
    return serve_module(lambda on_progress: chatbot, chatbot.settings)


def open_tab(page: Any, question: str = "") -> None:
    if question:
        ask(page, question)
    page.get_by_role("tab", name="Coverage").click()
    page.locator(POINTS).first.wait_for(timeout=60_000)  # the first to look waits for the libraries


class TestCharts:
    def test_every_passage_and_every_month_is_drawn_in_the_colours_of_outlets_or_topics(
        self, url: str, visit: Callable[..., Any], chatbot: Chatbot, expect: Any
    ) -> None:
        page = visit(f"{url}?tab=coverage", heading="Coverage")
        expect(page.locator(POINTS)).to_have_count(len(chatbot.map().points))
        outlets = {(header.published[:4], header.outlet) for header in chatbot.documents()}
        expect(page.locator("#coverage-times .mark-rect path")).to_have_count(len(outlets))
        expect(page.locator("#coverage-about")).to_contain_text("5 articles · 2030 to April 2031")
        expect(page.locator(".coverage-key li")).to_have_count(4)
        labels = page.locator("#coverage-map .mark-text text").all_text_contents()
        assert {" · ".join(each.words) for each in chatbot.map().topics} == set(labels)

        dates = page.get_by_role("table", name="How many articles each outlet published")
        expect(dates.get_by_role("columnheader")).to_have_text(["Date", ARTICLES[0].outlet, *[re.compile(".")] * 3])
        expect(dates.get_by_role("row").nth(1).get_by_role("cell").first).to_have_text("2030")
        fills = "each => each.map(path => path.getAttribute('fill'))"
        colours = {f"var(--map-{n})" for n in (1, 2, 3, 4)}
        wait_until(page, lambda: set(page.locator(POINTS).evaluate_all(fills)) == colours)
        outlets = page.locator(POINTS).evaluate_all(fills)
        page.get_by_role("combobox", name="Colour by").select_option("topic")
        wait_until(page, lambda: page.locator(POINTS).evaluate_all(fills) not in ([], outlets))

    def test_a_click_opens_the_passage_in_its_article(
        self, url: str, visit: Callable[..., Any], chatbot: Chatbot, expect: Any
    ) -> None:
        page = visit(url)
        open_tab(page)
        passages = {(point.header.title, point.passage.text) for point in chatbot.map().points}
        for place in (0, 5):
            point = page.locator(POINTS).nth(place)
            point.hover()
            expect(page.locator("#vg-tooltip-element")).to_be_visible()
            point.click()
            expect(page.locator("#coverage-passage mark").first).to_be_focused()
            shown = (
                page.locator("#coverage-passage .article-title").inner_text(),
                page.locator("#coverage-passage mark").first.inner_text(),
            )
            assert any(title == shown[0] and text.startswith(shown[1]) for title, text in passages)
        page.keyboard.press("Escape")
        expect(page.get_by_role("heading", name="Passages")).to_be_visible()

    def test_the_answers_evidence_is_marked_and_first_in_the_table(
        self, url: str, visit: Callable[..., Any], chatbot: Chatbot, expect: Any
    ) -> None:
        page = visit(url)
        open_tab(page, FERRIES)
        expect(page.locator(".coverage-question")).to_contain_text(FERRIES)
        answer = chatbot.ask(FERRIES)
        found = sum(len(hit.passage.id.split("+")) for hit in answer.hits)
        expect(page.locator("#coverage-map .layer_2_marks path")).to_have_count(found)
        cited = page.locator('#coverage-map .layer_2_marks path[fill="var(--yellow)"]')
        expect(cited).to_have_count(len({part for each in answer.citations for part in each.hit.passage.id.split("+")}))
        first = page.locator(".coverage-passages tbody tr").first
        expect(first.get_by_role("cell").last).to_have_text("cited 1")
        expect(first).to_contain_text(answer.citations[0].hit.passage.text[:40])
        numbers = page.locator("#coverage-map .layer_3_marks text")
        assert set(numbers.all_text_contents()) == {str(each.number) for each in answer.citations}
        cited.first.hover()
        expect(page.locator("#vg-tooltip-element")).to_contain_text("cited 1")

    def test_what_was_drawn_behind_another_tab_is_there_on_return(
        self, url: str, visit: Callable[..., Any], chatbot: Chatbot, expect: Any
    ) -> None:
        page = visit(url)
        drawn, gate = chatbot.map, threading.Event()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(chatbot, "map", lambda: gate.wait(60) and drawn())
            page.get_by_role("tab", name="Coverage").click()
            expect(page.locator("#coverage-about")).to_contain_text("The map is being drawn…")
            page.get_by_role("tab", name="Settings").click()
            expect(page.locator("#coverage-about")).to_be_hidden()
            gate.set()
            page.locator(POINTS).first.wait_for(state="attached", timeout=60_000)
        page.get_by_role("tab", name="Coverage").click()
        for chart in ("times", "map"):
            wide = f"document.querySelector('#coverage-{chart} svg.marks').getBoundingClientRect().width > 500"
            page.wait_for_function(wide)


class TestTables:
    def test_the_keyboard_opens_a_passage_and_comes_back(
        self, url: str, visit: Callable[..., Any], chatbot: Chatbot, expect: Any
    ) -> None:
        page = visit(url)
        open_tab(page)
        rows = page.locator(".coverage-passages tbody tr")
        expect(rows).to_have_count(len(chatbot.map().points))
        open_ = rows.nth(1).get_by_role("button")
        open_.focus()
        page.keyboard.press("Enter")
        expect(page.locator("#coverage-passage mark").first).to_be_focused()
        page.get_by_role("button", name="Back").press("Enter")
        expect(open_).to_be_focused()


class TestEveryScreen:
    @pytest.mark.parametrize("width", [1440, 390])
    def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
        self, url: str, visit: Callable[..., Any], check_accessibility: Callable[[Any], None], width: int
    ) -> None:
        page = visit(url, width=width)
        open_tab(page, FERRIES)
        check_accessibility(page)
        fits(page)

    def test_what_is_waited_for_and_what_stands_in_the_way_is_told(
        self, serve_page: Callable[..., str], visit: Callable[..., Any], chatbot: Chatbot, expect: Any
    ) -> None:
        opener = Opener(chatbot=chatbot)  # type: ignore[arg-type]
        page = visit(serve_page(opener, chatbot.settings))
        page.get_by_role("tab", name="Coverage").click()
        expect(page.locator("#coverage-about")).to_contain_text("The articles are still being read…")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(chatbot, "map", lambda: 1 / 0)
            opener.ready.set()
            expect(page.locator("#coverage-about")).to_contain_text("ZeroDivisionError")
        page.get_by_role("tab", name="Ask").click()
        open_tab(page)

    def test_in_russian(self, url: str, visit: Callable[..., Any], expect: Any) -> None:
        page = visit(url, wait_for="Ваш вопрос", locale="ru-RU")
        page.get_by_role("tab", name="Охват").click()
        expect(page.get_by_role("heading", name="Отрывки")).to_be_visible()
        expect(page.locator("#coverage-about")).to_contain_text("5 статей")
        expect(page.get_by_role("combobox", name="Цвет по")).to_be_visible()
