"""The map with a real index behind it: what is drawn, what a mouse, a finger and a keyboard reach, and the same as a table."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from double import ARTICLES, Opener, as_file
from embeddings import Embedder
from news import write_articles
from rag.chatbot import Chatbot
from rag.settings import Settings
from reader import ask

FERRIES = "How much will the four electric ferries cost?"
FROST = "What did the frost do to the pears in the Vell valley?"
UNKNOWN = "How deep is the trench?"
EDGE = 34
"""Pixels that the map leaves free around its points, as map.js has it."""


@pytest.fixture(scope="module")
def chatbot(tmp_path_factory: pytest.TempPathFactory, hashing: Embedder) -> Chatbot:
    folder = tmp_path_factory.mktemp("map")
    write_articles(folder / "articles", {each.id: as_file(each) for each in ARTICLES})
    settings = Settings(folder / "articles", folder / "index", embedder="hashing", passage_tokens=50, k=3)
    return Chatbot.open(settings, embedder=hashing)


@pytest.fixture(scope="module")
def url(serve_page: Callable[..., str], chatbot: Chatbot) -> str:
    return serve_page(lambda on_progress: chatbot, chatbot.settings)


def open_map(page: Any, question: str = "") -> None:
    if question:
        ask(page, question)
    page.get_by_role("tab", name="Map").click()
    page.locator(".map[data-ready]").wait_for(timeout=60_000)  # the first to look waits for the libraries
    if question:
        page.locator(".map-question").wait_for()


def place(page: Any, chatbot: Chatbot, row: int) -> tuple[float, float]:
    """Where a passage is drawn, in pixels of the canvas."""
    width, height = page.locator(".map-canvas").evaluate("each => [each.clientWidth, each.clientHeight]")
    x, y = chatbot.map().points[row]
    return EDGE + float(x) * (width - 2 * EDGE), EDGE + float(y) * (height - 2 * EDGE)


def colour(page: Any, x: float, y: float) -> tuple[int, ...]:
    """A pixel of the canvas once what is due is drawn."""
    script = """([x, y]) => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
        const canvas = document.querySelector(".map-canvas");
        done([...canvas.getContext("2d").getImageData(x * devicePixelRatio, y * devicePixelRatio, 1, 1).data]);
    })))"""
    return tuple(page.evaluate(script, [x, y]))


def variable(page: Any, name: str) -> tuple[int, ...]:
    """A colour of the style sheet."""
    written = page.evaluate(f"getComputedStyle(document.body).getPropertyValue('--{name}').trim()")
    digits = written.lstrip("#")
    return (*(int(digits[at : at + 2], 16) for at in (0, 2, 4)), 255)


def row_of(chatbot: Chatbot, beginning: str) -> int:
    return next(row for row, (passage, _) in enumerate(chatbot.map().passages) if passage.text.startswith(beginning))


class TestDrawing:
    def test_every_passage_is_drawn_in_its_articles_colour(
        self, url: str, visit: Callable[..., Any], chatbot: Chatbot
    ) -> None:
        page = visit(url)
        open_map(page)
        ids = list(dict.fromkeys(header.id for _, header in chatbot.map().passages))
        for row, (_, header) in enumerate(chatbot.map().passages):
            wanted = variable(page, f"map-{ids.index(header.id) + 1}")
            assert colour(page, *place(page, chatbot, row)) == wanted
        assert colour(page, 4, 4)[3] == 0, "nothing is drawn where no passage is"

    def test_the_answer_has_its_star_its_rings_and_its_cited_passage(
        self, url: str, visit: Callable[..., Any], chatbot: Chatbot, expect: Any
    ) -> None:
        page = visit(url)
        open_map(page, FERRIES)
        expect(page.locator(".map-question")).to_contain_text(FERRIES)
        answer = chatbot.ask(FERRIES)
        cited = {citation.hit.passage.id for citation in answer.citations}
        assert 0 < len(cited) < len(answer.hits), "there are both kinds of hits"
        row = {passage.id: row for row, (passage, _) in enumerate(chatbot.map().passages)}
        hits = {part: hit.passage.id in cited for hit in answer.hits for part in hit.passage.id.split("+")}
        star = chatbot.place(FERRIES, chatbot.map())
        size = 8  # of a point, where there are few
        for id, row_ in row.items():
            x, y = place(page, chatbot, row_)
            beside = [colour(page, x + dx * (size + 4), y + dy * (size + 4)) for dx, dy in ((-1, 0), (0, -1), (0, 1))]
            assert (variable(page, "yellow") in beside) == hits.get(id, False), id
            ring = [
                colour(page, x + dx * (size + 6), y + dy * (size + 6)) for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1))
            ]
            assert (variable(page, "ink") in ring) == (id in hits), id
        width, height = page.locator(".map-canvas").evaluate("each => [each.clientWidth, each.clientHeight]")
        at = EDGE + star[0] * (width - 2 * EDGE), EDGE + star[1] * (height - 2 * EDGE)
        assert variable(page, "map-star") in [
            colour(page, at[0] + dx, at[1] + dy) for dx in (-3, 0, 3) for dy in (-3, 0, 3)
        ]

    def test_the_star_belongs_to_the_answer_whose_sources_are_read(
        self, url: str, visit: Callable[..., Any], expect: Any
    ) -> None:
        page = visit(url)
        open_map(page, FERRIES)
        expect(page.locator(".map-key .byline").first).to_contain_text("hit")
        page.get_by_role("tab", name="Ask").click()
        ask(page, FROST)
        page.get_by_role("tab", name="Map").click()
        expect(page.locator(".map-question")).to_contain_text(FROST)
        page.get_by_role("tab", name="Ask").click()
        page.locator('#chat a[href="#s-1"]').click()
        page.get_by_role("tab", name="Map").click()
        expect(page.locator(".map-question")).to_contain_text(FERRIES)

    def test_a_refusal_rings_what_came_nearest_and_cites_nothing(
        self, url: str, visit: Callable[..., Any], chatbot: Chatbot, expect: Any
    ) -> None:
        page = visit(url)
        open_map(page, UNKNOWN)
        ringed = sum(len(hit.passage.id.split("+")) for hit in chatbot.retrieve(UNKNOWN))
        page.get_by_role("button", name="Table", exact=True).click()
        expect(page.locator(".map-table td", has_text=re.compile(r"^hit \d$"))).to_have_count(ringed)
        expect(page.locator(".map-table")).not_to_contain_text("cited")


class TestReaching:
    def test_a_mouse_peeks_and_opens_a_passage_and_its_article(
        self, url: str, visit: Callable[..., Any], chatbot: Chatbot, expect: Any
    ) -> None:
        page = visit(url)
        open_map(page)
        row = row_of(chatbot, "Harbour master")
        x, y = place(page, chatbot, row)
        canvas = page.locator(".map-canvas")
        canvas.hover(position={"x": x, "y": y})
        expect(page.locator(".map-peek")).to_contain_text(ARTICLES[0].title)
        expect(page.locator(".map-peek")).to_contain_text("Harbour master Ilse Brandt")
        canvas.click(position={"x": x, "y": y})
        passage = chatbot.map().passages[row][0]
        expect(page.locator(".map-passage .passage")).to_have_text(passage.text)
        expect(page.locator(".map-passage .card-name")).to_be_focused()
        canvas.hover(position={"x": 3, "y": 3})
        expect(page.locator(".map-peek")).to_be_hidden()
        page.get_by_role("button", name="Read in article").click()
        mark = page.locator(".map-article mark")
        expect(mark).to_have_text(passage.text)
        expect(mark).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name="Read in article")).to_be_focused()
        page.get_by_role("button", name="Close", exact=True).click()
        expect(page.locator(".map-passage")).to_be_empty()
        expect(canvas).to_be_focused()

    def test_the_keyboard_goes_from_passage_to_passage(
        self, url: str, visit: Callable[..., Any], chatbot: Chatbot, expect: Any
    ) -> None:
        page = visit(url)
        open_map(page)
        canvas = page.get_by_role("application", name="Map of the passages")
        canvas.focus()
        said = page.locator(".map-said")
        reached = set()
        for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp") * 4:
            page.keyboard.press(key)
            expect(page.locator(".map-peek")).to_be_visible()
            reached.add(said.inner_text())
        assert len(reached) >= 4
        assert all(any(each.title in text for each in ARTICLES) for text in reached)
        page.keyboard.press("Enter")
        expect(page.locator(".map-passage .passage")).to_have_count(1)
        assert page.locator(".map-passage .card-name").inner_text() in said.inner_text() or said.inner_text()
        canvas.focus()
        page.keyboard.press("Escape")
        expect(page.locator(".map-passage")).to_be_empty()

    def test_who_closes_a_passage_goes_on_from_its_point(
        self, url: str, visit: Callable[..., Any], expect: Any
    ) -> None:
        page = visit(url)
        open_map(page)
        page.locator(".map-canvas").focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
        there = page.locator(".map-peek").inner_text()
        page.keyboard.press("Enter")
        expect(page.locator(".map-passage .card-name")).to_be_focused()
        page.get_by_role("button", name="Close", exact=True).press("Enter")
        expect(page.locator(".map-canvas")).to_be_focused()
        expect(page.locator(".map-peek")).to_be_visible()
        assert page.locator(".map-peek").inner_text() == there

    def test_a_passage_that_is_read_stays_when_an_answer_comes(
        self, url: str, visit: Callable[..., Any], chatbot: Chatbot, expect: Any
    ) -> None:
        page = visit(url)
        open_map(page)
        x, y = place(page, chatbot, row_of(chatbot, "The four ferries"))
        page.locator(".map-canvas").click(position={"x": x, "y": y})
        expect(page.locator(".map-passage .card-name")).to_be_focused()
        expect(page.locator(".map-standing")).to_be_hidden()
        page.evaluate("document.querySelector('#question textarea').closest('.tabitem').style.display = 'block'")
        ask(page, FERRIES)
        page.locator(".map-question").wait_for()
        expect(page.locator(".map-passage .card-name")).to_have_text(ARTICLES[0].title)
        expect(page.locator(".map-standing")).to_have_text(re.compile("^hit 1"))

    def test_zooming_and_dragging_move_the_passages(
        self, url: str, visit: Callable[..., Any], chatbot: Chatbot, expect: Any
    ) -> None:
        page = visit(url)
        open_map(page)
        row = row_of(chatbot, "Harbour master")
        x, y = place(page, chatbot, row)
        point = colour(page, x, y)
        canvas = page.locator(".map-canvas")
        box = canvas.bounding_box()
        page.mouse.move(box["x"] + x, box["y"] + y)
        page.mouse.wheel(0, -400)
        assert colour(page, x, y) == point, "what is under the mouse stays there"
        page.mouse.down()
        page.mouse.move(box["x"] + x + 40, box["y"] + y + 30, steps=6)
        page.mouse.up()
        expect(page.locator(".map-passage")).to_be_empty()
        assert colour(page, x, y) != point
        page.get_by_role("button", name="Whole map").click()
        assert colour(page, x, y) == point

    def test_an_article_can_be_looked_at_alone(
        self, url: str, visit: Callable[..., Any], chatbot: Chatbot, expect: Any
    ) -> None:
        page = visit(url)
        open_map(page)
        other = row_of(chatbot, "Growers in the Vell")
        before = colour(page, *place(page, chatbot, other))
        chosen = page.get_by_role("button", name=re.compile(ARTICLES[0].title))
        chosen.click()
        expect(chosen).to_have_attribute("aria-pressed", "true")
        expect(chosen).to_be_focused()
        assert colour(page, *place(page, chatbot, other))[3] < before[3], "the others are faint"
        page.get_by_role("button", name="Table", exact=True).click()
        expect(page.locator(".map-table tbody tr")).to_have_count(3)

    def test_the_table_says_the_same_in_words(
        self, url: str, visit: Callable[..., Any], chatbot: Chatbot, expect: Any
    ) -> None:
        page = visit(url)
        open_map(page, FERRIES)
        table = page.get_by_role("button", name="Table", exact=True)
        table.click()
        expect(table).to_have_attribute("aria-pressed", "true")
        expect(page.locator(".map-stage")).to_be_hidden()
        rows = page.get_by_role("table").locator("tbody tr")
        expect(rows).to_have_count(len(chatbot.map().rows))
        first = rows.first.locator("td")
        assert [text.strip() for text in first.all_inner_texts()][::2] == [ARTICLES[0].title, "hit 1, cited"]
        best = chatbot.retrieve(FERRIES)[0].passage.text
        expect(first.nth(1)).to_contain_text(best[:60])
        expect(rows.last.locator("td").last).to_have_text("–")
        first.get_by_role("button").click()
        expect(page.locator(".map-passage .map-standing")).to_have_text("hit 1, cited")
        page.get_by_role("button", name="Close", exact=True).click()
        expect(first.get_by_role("button")).to_be_focused()


class TestTrouble:
    def test_without_a_chatbot_it_says_what_is_waited_for_and_then_draws(
        self, serve_page: Callable[..., str], visit: Callable[..., Any], chatbot: Chatbot, expect: Any
    ) -> None:
        opener = Opener(chatbot=chatbot)  # type: ignore[arg-type]
        page = visit(serve_page(opener, chatbot.settings))
        page.get_by_role("tab", name="Map").click()
        expect(page.locator(".map-about")).to_have_text("The articles are still being read…")
        opener.ready.set()
        expect(page.locator(".map-about")).to_contain_text("passages; those that say similar things lie together")

    def test_what_stands_in_the_way_is_told(
        self,
        serve_page: Callable[..., str],
        visit: Callable[..., Any],
        chatbot: Chatbot,
        expect: Any,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(chatbot, "map", lambda: 1 / 0)
        page = visit(serve_page(lambda on_progress: chatbot, chatbot.settings))
        page.get_by_role("tab", name="Map").click()
        expect(page.locator(".map-about")).to_contain_text("ZeroDivisionError")

    def test_another_index_is_drawn_when_the_map_is_looked_at_again(
        self,
        serve_page: Callable[..., str],
        visit: Callable[..., Any],
        chatbot: Chatbot,
        hashing: Embedder,
        expect: Any,
        tmp_path: Path,
    ) -> None:
        settings = chatbot.settings.replace(index=tmp_path / "index", articles=tmp_path / "articles")
        settings.articles.mkdir()
        (settings.articles / "one.md").write_text("The mill of Tarn stands.\n", "utf-8")
        own = Chatbot.open(settings, embedder=hashing)
        page = visit(serve_page(lambda on_progress: own, settings))
        open_map(page)
        expect(page.locator(".map-key")).to_have_count(1)
        (settings.articles / "two.md").write_text("Owls were seen at night.\n", "utf-8")
        own.refresh()
        page.get_by_role("tab", name="Ask").click()
        page.get_by_role("tab", name="Map").click()
        expect(page.locator(".map-key")).to_have_count(2)


class TestEveryScreen:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_axe_finds_nothing(
        self, url: str, visit: Callable[..., Any], check_accessibility: Callable[[Any], None], scheme: str
    ) -> None:
        page = visit(url, color_scheme=scheme)

        open_map(page, FERRIES)
        page.locator(".map-canvas").focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        page.locator(".map-passage .passage").wait_for()
        check_accessibility(page)
        page.get_by_role("button", name="Table", exact=True).click()
        check_accessibility(page)

    def test_a_phone_has_the_map_the_table_and_no_sideways_scroll(
        self, url: str, visit: Callable[..., Any], chatbot: Chatbot, expect: Any
    ) -> None:
        page = visit(url, 390, 844, has_touch=True)
        open_map(page, FERRIES)
        wide = "document.documentElement.scrollWidth > window.innerWidth"
        assert not page.evaluate(wide)
        x, y = place(page, chatbot, row_of(chatbot, "Growers in the Vell"))
        page.locator(".map-canvas").tap(position={"x": x, "y": y})
        expect(page.locator(".map-passage .passage")).to_contain_text("Growers in the Vell")
        expect(page.locator(".map-passage .card-name")).to_be_in_viewport()
        page.get_by_role("button", name="Table", exact=True).tap()
        expect(page.locator(".map-table td").first).to_have_attribute("role", "cell")  # drawn as a block
        assert not page.evaluate(wide)
