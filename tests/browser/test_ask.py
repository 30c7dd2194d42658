"""Asking: the start screen, the scope, files dropped on the question box, the tools under an answer, and its sources."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from double import ARTICLES, Double, Opener, as_file
from rag.cite.checker import citations_of
from rag.settings import Settings
from rag.types import Answer, Citation, Scope, Sentence
from rag.web.place import check_of
from reader import ask, fits, press, to_settings, wait_until

FERRIES = "How much will the four electric ferries cost?"
FROST = "What did the frost do to the pears in the Vell valley?"
UNKNOWN = "How deep is the trench?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("articles") / "harbour-news"
    for each in ARTICLES:
        path = folder / each.id
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(as_file(each), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def opener(folder: Path) -> Opener:
    opener = Opener(Double(settings=Settings(articles=folder, k=5)))
    opener.ready.set()
    return opener


@pytest.fixture(scope="module")
def url(serve_module: Callable[..., str], opener: Opener, folder: Path) -> str:
    return serve_module(opener, Settings(articles=folder))


@pytest.fixture
def chatbot(opener: Opener) -> Iterator[Any]:
    opener.chatbot.scopes.clear()
    yield opener.chatbot
    opener.chatbot.writing = None


def sentences(answer: Answer, *pairs: tuple[str, str], state: Any = "answered", **changes: Any) -> Answer:
    """An answer of sentences, each with a quote from the article that it names."""
    made = []
    for id, quote in pairs:
        hit = next(each for each in answer.hits if each.document.id == id and quote in each.passage.text)
        start = hit.passage.start + hit.passage.text.index(quote)
        number = list(dict.fromkeys(each for each, _ in pairs)).index(id) + 1
        made.append(Sentence(quote, (Citation(number, hit, quote, start, start + len(quote)),), "\n\n", **changes))
    return replace(answer, text="…", sentences=tuple(made), citations=citations_of(made), state=state, complete=True)


THREE = tuple(
    ("ferry.md", quote)
    for quote in (
        "The council of Orsund voted 23 to 8 on Monday to replace its diesel ferries with electric ones.",
        "They are to cross the strait in eleven minutes, two fewer than today.",
        "She did not name a price.",
    )
)


class TestStart:
    def test_it_names_the_folder_what_it_holds_and_the_model_which_is_chosen_in_the_settings(
        self, visit: Callable[..., Any], url: str, expect: Any
    ) -> None:
        page = visit(url)
        expect(page.locator(".welcome h2")).to_have_text("harbour-news")
        held = "4 articles · The Orsund Gazette, Valley Courier, Вести Луги · 2030–2031"
        expect(page.locator(".welcome .held")).to_have_text(held)
        to_settings(page, page.get_by_role("button", name="Quotes only · connect a model"))
        expect(page.get_by_role("tab", name="Settings")).to_have_attribute("aria-selected", "true")
        page.locator("#model-model input").fill("near:small")
        page.locator("#model-model input").press("Enter")
        expect(page.locator("#asking .mode")).to_have_text("Model: near:small")


class TestScope:
    def test_it_is_chosen_before_asking_and_kept_with_the_conversation(
        self, visit: Callable[..., Any], url: str, chatbot: Any, expect: Any
    ) -> None:
        page = visit(url)
        box = page.get_by_role("combobox", name="Narrow to…")
        box.click()
        page.wait_for_function("""() => {  // once it has flown in
            const [list, question] = ["#scope .options", "#question"].map((each) => document.querySelector(each));
            return list.getBoundingClientRect().bottom <= question.getBoundingClientRect().top + 1;
        }""")
        page.get_by_role("option", name="The Orsund Gazette").click()
        for typed in ("2031 –", "Brandt"):
            page.keyboard.type(typed)
            page.keyboard.press("Enter")
        chips = page.locator("#scope .token")
        expect(chips).to_have_text(["The Orsund Gazette", "2031 –", "Ilse Brandt"])
        answer = ask(page, FERRIES)
        gazette = Scope(outlets=("The Orsund Gazette",), published=("2031-01-01", ""), names=("Ilse Brandt",))
        assert chatbot.scopes == [gazette]
        expect(answer.locator(".narrowed .chip")).to_have_text(["The Orsund Gazette", "2031 –", "Ilse Brandt"])

        page.locator("#history .history-open").wait_for()
        page.get_by_role("button", name="New conversation").click()
        expect(chips).to_have_count(0)
        page.wait_for_function("!location.search.includes('conversation')")  # now Back leads to it
        page.go_back()
        expect(chips).to_have_text(["The Orsund Gazette", "2031 –", "Ilse Brandt"])
        for each in ("The Orsund Gazette", "Ilse Brandt"):
            page.get_by_role("button", name=f"Remove {each}").click()
            expect(chips.filter(has_text=each)).to_have_count(0)
        expect(chips).to_have_text(["2031 –"])
        press(page, "retry")
        wait_until(page, lambda: chatbot.scopes == [gazette, Scope(published=("2031-01-01", ""))])

    def test_what_no_article_has_is_told_and_nothing_is_asked(
        self, visit: Callable[..., Any], url: str, chatbot: Any, expect: Any
    ) -> None:
        page = visit(url)
        page.locator(".welcome .held").wait_for()  # new choices make gradio forget what was typed
        page.get_by_role("combobox", name="Narrow to…").click()
        page.get_by_role("option", name="Valley Courier").wait_for()
        page.keyboard.type("The <b>Moon</b>")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("toast-body")).to_contain_text("No article has The <b>Moon</b> as its outlet")
        expect(page.locator("#scope .token")).to_have_text(["The <b>Moon</b>"])
        page.get_by_role("textbox", name="Your question").fill(FERRIES)
        with page.expect_response("**/queue/join*"):  # what is asked while that is on its way is lost
            page.keyboard.press("Enter")
        page.get_by_role("button", name="Remove The <b>Moon</b>").click()
        ask(page, FERRIES)
        assert chatbot.scopes == [None]  # it was not asked of all articles before


class TestFiles:
    def test_a_file_that_is_dropped_on_the_chat_lands_in_the_folder(
        self, visit: Callable[..., Any], url: str, folder: Path, expect: Any
    ) -> None:
        page = visit(url)
        page.locator("#asking .clip").wait_for()
        page.locator("#question textarea").evaluate(
            """box => {
                const dataTransfer = new DataTransfer();
                dataTransfer.items.add(new File(["The lighthouse of Skerry was lit again."], "skerry.txt"));
                const sent = { dataTransfer, bubbles: true, cancelable: true };
                for (const kind of ["dragover", "drop"]) box.dispatchEvent(new DragEvent(kind, sent));
            }"""
        )
        expect(page.locator("#asking .adder-file")).to_contain_text("Added")
        assert (folder / "skerry.txt").read_text() == "The lighthouse of Skerry was lit again."
        expect(page.locator("#chat-column.over")).to_have_count(0)

    def test_the_paper_clip_does_the_same(
        self, visit: Callable[..., Any], url: str, folder: Path, tmp_path: Path, expect: Any
    ) -> None:
        (tmp_path / "pier.md").write_text("The pier of Skerry is closed.", encoding="utf-8")
        page = visit(url)
        with page.expect_file_chooser() as choosing:
            page.get_by_role("button", name="Add articles").click()
        choosing.value.set_files(tmp_path / "pier.md")
        expect(page.locator("#asking .adder-file")).to_contain_text("Added")
        assert (folder / "pier.md").read_text() == "The pier of Skerry is closed."


class TestTools:
    def test_they_are_named_in_words_and_quiet(self, visit: Callable[..., Any], url: str, expect: Any) -> None:
        page = visit(url)
        first = ask(page, FERRIES)
        ask(page, FROST)
        tools = page.locator("#chat .acts").first
        expect(tools.get_by_role("button")).to_have_count(2)
        expect(tools).to_have_css("opacity", "0")
        first.hover()
        expect(tools).to_have_css("opacity", "1")
        page.locator("#act-1-right").focus()
        expect(tools).to_have_css("opacity", "1")
        expect(page.locator("#act-1-right")).to_have_accessible_name("Right")
        expect(page.locator("#act-1-copy")).to_have_accessible_name("Copy")
        expect(page.locator("#act-1-retry")).to_have_count(0)
        for menu in page.locator("#chat details.menu").all():
            expect(menu).not_to_have_attribute("open", "")

    def test_an_answer_is_exported_from_a_menu_which_closes_by_escape_and_by_a_press_elsewhere(
        self, visit: Callable[..., Any], url: str, expect: Any
    ) -> None:
        page = visit(url)
        ask(page, FERRIES)
        menu = page.locator("#chat details.menu", has=page.locator("#act-1-save-html"))
        menu.locator("summary").click()
        page.keyboard.press("Tab")
        page.keyboard.press("Escape")
        expect(menu).not_to_have_attribute("open", "")
        expect(menu.locator("summary")).to_be_focused()
        menu.locator("summary").click()
        page.locator("#chat .question").click()
        expect(menu).not_to_have_attribute("open", "")
        for kind, suffix, held in (("html", ".html", b"61 million crowns"), ("docx", ".docx", b"PK")):
            with page.expect_download() as downloading:
                press(page, f"save-{kind}")
            assert downloading.value.suggested_filename.endswith(suffix)
            assert held in Path(downloading.value.path()).read_bytes()

    @pytest.mark.parametrize(("width", "height"), [(390, 844), (1440, 900)])
    def test_a_menu_lies_wholly_in_view_wherever_its_answer_ends(
        self, visit: Callable[..., Any], url: str, expect: Any, width: int, height: int
    ) -> None:
        page = visit(url, width, height)
        ask(page, FERRIES)
        menu = page.locator("#chat details.menu", has=page.locator("#act-1-delete"))
        choices = menu.locator(".choices")
        for top in (100, height // 2, height - 60):
            page.locator("#chat .answer").evaluate(
                """(answer, top) => {
                    const acts = answer.parentElement.querySelector(".acts");
                    answer.style.paddingBottom = "0";
                    answer.style.paddingBottom = `${top - acts.getBoundingClientRect().top}px`;
                }""",
                top,
            )
            menu.locator("summary").click()
            expect(choices).to_be_in_viewport(ratio=1)
            end = choices.evaluate("({ clientWidth: x, clientHeight: y }) => ({ x: x - 8, y: y - 8 })")
            for corner in ({"x": 8, "y": 8}, end):
                choices.click(position=corner, trial=True)  # nothing lies over it
            page.keyboard.press("Escape")

    def test_a_refusal_can_only_be_asked_again(self, visit: Callable[..., Any], url: str, expect: Any) -> None:
        page = visit(url)
        ask(page, UNKNOWN)
        expect(page.locator("#chat .act")).to_have_text(["Retry", "Edit"])
        ask(page, FERRIES)
        expect(page.locator("#act-1-retry")).to_have_count(0)


class TestStates:
    def test_each_looks_different_without_colour(
        self, visit: Callable[..., Any], url: str, chatbot: Any, expect: Any
    ) -> None:
        page = visit(url)

        def look(answer: Any) -> tuple[str, ...]:
            return answer.evaluate(
                """answer => [".closest .label", ".refusal"].map((each) => answer.querySelector(each))
                .map((each) => each && getComputedStyle(each, "::before").content[1])"""
            )

        answered = look(ask(page, FERRIES))
        none = look(ask(page, UNKNOWN))
        chatbot.writing = lambda answer: iter([sentences(answer, THREE[0], state="closest")])
        closest = look(ask(page, FERRIES))
        assert (answered, none, closest) == ([None, None], [None, "–"], ["≈", None])

    def test_the_words_beside_a_mark_stand_outside_its_underline(
        self, visit: Callable[..., Any], url: str, chatbot: Any, expect: Any
    ) -> None:
        doubted = {"unverified": ((0, 11),), "doubts": ("meaning",)}
        chatbot.writing = lambda answer: iter([sentences(answer, THREE[0], **doubted)])
        answer = ask(visit(url), FERRIES)
        expect(answer.locator(".unverified").first).to_have_text(re.compile("^The council"))
        expect(answer.locator(".no-source")).to_be_visible()
        expect(answer.locator(".unverified .no-source")).to_have_count(0)


class TestSources:
    def test_a_number_shows_its_quote_outlet_and_date_and_is_large_enough(
        self, visit: Callable[..., Any], url: str, expect: Any
    ) -> None:
        page = visit(url)
        cite = ask(page, FERRIES).locator("a.cite").first
        card = page.get_by_role("tooltip")
        expect(card).to_be_hidden()
        cite.hover()
        expect(card.locator("mark")).to_contain_text("61 million crowns")
        expect(card.locator(".byline")).to_contain_text("The Orsund Gazette")
        expect(card.locator(".byline")).to_contain_text("4 March 2031")
        card.hover()  # it stays while the pointer is on it
        expect(card).to_be_visible()
        page.mouse.move(5, 5)
        expect(card).to_be_hidden()
        cite.focus()
        expect(card).to_be_visible()
        page.keyboard.press("Escape")
        expect(card).to_be_hidden()
        page.get_by_role("textbox", name="Your question").focus()
        cite.focus()
        expect(cite).to_have_accessible_description(re.compile("61 million crowns"))
        box = cite.bounding_box()
        assert min(box["width"], box["height"]) >= 24

    def test_three_quotes_of_an_article_are_one_card_with_a_line_around_each(
        self, visit: Callable[..., Any], url: str, chatbot: Any, expect: Any
    ) -> None:
        chatbot.writing = lambda answer: iter([sentences(answer, *THREE)])
        page = visit(url)
        ask(page, FERRIES)
        expect(page.locator("#sources .cited")).to_have_count(1)
        quotes = page.locator("#sources .cited .quote")
        expect(quotes.locator("mark")).to_have_text([quote for _, quote in THREE])
        passage = quotes.nth(2).locator(".passage")
        short = passage.inner_text()
        assert short.startswith("…")
        assert short.endswith(THREE[2][1])
        assert len(short) < len(THREE[2][1]) + 85
        quotes.nth(2).get_by_role("button", name="More").click()
        expect(passage).to_have_text(ARTICLES[0].text.split("\n\n")[2])
        quotes.nth(2).get_by_role("button", name="Less").click()
        expect(passage).to_have_text(short)

    def test_the_reader_keeps_its_title_and_leads_from_quote_to_quote(
        self, visit: Callable[..., Any], url: str, chatbot: Any, expect: Any
    ) -> None:
        chatbot.writing = lambda answer: iter([sentences(answer, *THREE)])
        page = visit(url, height=420, permissions=["clipboard-read", "clipboard-write"])
        ask(page, FERRIES)
        page.locator("#sources .quote").nth(1).get_by_role("button", name="Read in article").click()
        head, mark = page.locator("#sources .article-head"), page.locator("#sources mark.now")
        expect(head.get_by_role("status").last).to_have_text("Quote 2 of 3")
        expect(page.locator("#sources .article-text mark")).to_have_count(3)
        for name, place in (("Next quote", 2), ("Next quote", 0), ("Previous quote", 2)):
            page.get_by_role("button", name=name).click()
            expect(mark).to_have_text(THREE[place][1])
            expect(mark).to_be_in_viewport()
            expect(head.get_by_role("heading")).to_be_in_viewport()
            expect(page.get_by_role("button", name=name)).to_be_focused()
            expect(page).to_have_url(re.compile(check_of(THREE[place][1])))  # the address and the link follow
        page.get_by_role("button", name="Copy link to this passage").click()
        expect(head).to_contain_text("Copied")
        copied = urlsplit(page.evaluate("navigator.clipboard.readText()")).query
        wait_until(page, lambda: parse_qs(copied).items() <= parse_qs(urlsplit(page.url).query).items())
        expect(head).to_contain_text("The Orsund Gazette · 4 March 2031")
        expect(head.get_by_role("link", name="Open the file")).to_be_visible()


@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing(
    visit: Callable[..., Any], url: str, chatbot: Any, check_accessibility: Callable[[Any], None], width: int
) -> None:
    page = visit(url, width=width)
    page.locator(".welcome .held").wait_for()
    check_accessibility(page)
    page.get_by_role("combobox", name="Narrow to…").click()
    page.get_by_role("option", name="Valley Courier").click()
    page.locator("#scope .token").wait_for()
    check_accessibility(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Remove Valley Courier").click()
    chatbot.writing = lambda answer: iter([sentences(answer, *THREE, unverified=((0, 3),), doubts=("speaker",))])
    ask(page, FERRIES)
    page.locator("#chat summary[title=More]").click()
    page.locator("a.cite").first.focus()
    check_accessibility(page)
    page.locator("a.cite").first.click()
    page.locator("#sources .quote").first.get_by_role("button", name="Read in article").click()
    page.locator("#sources mark.now").wait_for()
    check_accessibility(page)
    fits(page)
