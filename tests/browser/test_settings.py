"""The page's settings as a reader uses them: numbers for the next answers, look and language, a key that is missing."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_model import CANARY, keep_key
from test_page import FERRIES, FROST

from double import ARTICLES, Opener, ServicesDouble
from rag.settings import Settings
from reader import ask, chosen_model, fits, pick, to_settings, wait_until


def open_settings(page: Any) -> Any:
    """Opens the tab, in whichever language, and waits for its values."""
    page.locator("#settings-tab-button").click()
    page.locator("#settings-fixed dl").wait_for()
    return page.locator("#settings-said .said")


def to_ask(page: Any) -> None:
    page.get_by_role("tab").first.click()


def colours(page: Any) -> tuple[bool, str]:
    """Whether the page is marked as dark, and what its body is painted with."""
    return tuple(
        page.evaluate("[document.body.classList.contains('dark'), getComputedStyle(document.body).backgroundColor]")
    )


class TestAnswers:
    def test_the_number_of_passages_holds_from_the_next_question_on(self, page: Any, double: Any, expect: Any) -> None:
        ask(page, FERRIES)
        expect(page.locator("#sources .quote")).to_have_count(5)
        said = open_settings(page)
        field = page.get_by_label("Passages per question")
        expect(field).to_have_value("8")
        field.fill("3")
        field.press("Tab")
        expect(said).to_have_text("Used from your next question on.")
        to_ask(page)
        ask(page, FROST)
        expect(page.locator("#sources .quote")).to_have_count(3)
        open_settings(page)
        page.get_by_role("button", name="Reset to defaults").click()
        expect(field).to_have_value("8")
        expect(page.get_by_role("button", name="Reset to defaults")).to_be_focused()
        to_ask(page)
        ask(page, FERRIES)
        expect(page.locator("#sources .quote")).to_have_count(5)
        assert double.settings.k == 5

    def test_a_choice_is_kept_and_each_reader_has_their_own(
        self, visit: Callable[..., Any], shared: tuple[str, Opener], page: Any, expect: Any
    ) -> None:
        said = open_settings(page)
        pick(page, "Split questions", "off")
        expect(said).to_have_text("Used from your next question on.")
        expect(page.get_by_label("Split questions")).to_have_value("off")
        other = visit(shared[0])
        open_settings(other)
        expect(other.get_by_label("Split questions")).to_have_value("by rules")

    def test_what_is_half_written_is_not_overwritten_by_the_answer_to_something_else(
        self, page: Any, expect: Any
    ) -> None:
        said = open_settings(page)
        held: list[Any] = []
        page.route(
            "**/queue/join*",
            lambda route: held.append(route) if '"data":[3]' in (route.request.post_data or "") else route.continue_(),
        )
        page.get_by_label("Passages per question").fill("3")
        field = page.get_by_label("Context window, in tokens")
        field.focus()
        wait_until(page, lambda: bool(held))
        page.keyboard.press("Control+A")
        page.keyboard.type("819")
        held[0].continue_()
        page.unroute("**/queue/join*")
        expect(said).to_have_text("Used from your next question on.")
        expect(field).to_have_value("819")
        page.keyboard.type("2")
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Reset to defaults").click()
        expect(field).to_have_value("4096")

    def test_a_wrong_number_changes_nothing_and_what_a_new_start_changes_has_its_variable(
        self, page: Any, expect: Any
    ) -> None:
        said = open_settings(page)
        field = page.get_by_label("Passages per question")
        for text in ("21", "21", "2.5", ""):
            field.fill(text)
            field.press("Tab")
            expect(field).to_have_value("8")
            expect(said).to_have_class(re.compile("failure"))
            expect(said).to_have_text("This is no whole number from 1 to 20; set it to one such as 8")
        shown = page.locator("#settings-fixed")
        expect(shown).to_contain_text(re.compile("Embedding model.*bundled.*RAG_EMBEDDER", re.S))
        expect(shown).to_contain_text(re.compile("Articles folder.*RAG_ARTICLES", re.S))
        assert "/" not in shown.inner_text()


class TestLook:
    @pytest.mark.parametrize(("system", "chosen"), [("light", "Dark"), ("dark", "Light")])
    def test_the_theme_survives_a_reload_without_a_flash(
        self, visit: Callable[..., Any], shared: tuple[str, Opener], double: Any, expect: Any, system: str, chosen: str
    ) -> None:
        page = visit(shared[0], color_scheme=system)
        before = colours(page)
        assert before[0] == (system == "dark")
        open_settings(page)
        page.get_by_label(chosen).check()
        wait_until(page, lambda: colours(page)[0] != before[0])
        after = colours(page)
        assert after[1] != before[1]
        page.add_init_script(
            "window.painted = []; const look = () => { if (document.body)"
            " painted.push(getComputedStyle(document.body).backgroundColor); requestAnimationFrame(look); }; look();"
        )
        page.reload()
        page.get_by_role("tab", name="Settings").wait_for()
        assert set(page.evaluate("painted")) == {after[1]}
        assert colours(page) == after
        open_settings(page)
        expect(page.get_by_label(chosen)).to_be_checked()
        page.get_by_label("System").check()
        wait_until(page, lambda: colours(page) == before)
        page.emulate_media(color_scheme={"light": "dark", "dark": "light"}[system])
        wait_until(page, lambda: colours(page) == after)


class TestLanguage:
    def test_the_whole_page_turns_russian_and_stays_so(
        self, visit: Callable[..., Any], shared: tuple[str, Opener], double: Any, expect: Any
    ) -> None:
        page = visit(shared[0])
        expect(page.locator("html")).to_have_attribute("lang", "en")
        open_settings(page)
        page.get_by_label("Русский").click()
        expect(page.get_by_role("tab", name="Настройки")).to_have_attribute("aria-selected", "true")
        for _ in range(2):
            expect(page.locator("html")).to_have_attribute("lang", "ru")
            page.get_by_role("tab", name="Спросить").click()
            expect(page.get_by_role("tab")).to_have_text(["Спросить", "Черновик", "Статьи", "Охват", "Настройки"])
            expect(page.get_by_text("За каждым предложением ответа стоит цитата.")).to_be_visible()
            expect(page.get_by_role("textbox", name="Ваш вопрос")).to_have_attribute(
                "placeholder", "Спросите у статей…"
            )
            expect(page.locator(".tagline")).to_have_text("Ответы из ваших статей: к каждому предложению цитата")
            page.reload()
        page.get_by_role("textbox", name="Ваш вопрос").fill(FERRIES)
        page.get_by_role("button", name="Спросить").click()
        expect(page.locator("#chat .sources-link")).to_have_text("2 цитаты из 1 статьи")
        expect(page.locator("#sources .cited > .byline")).to_have_text(
            "The Orsund Gazette · на 4 марта 2031\u00a0г. · Maren Tolk"
        )
        expect(page.locator("#s-1-1").get_by_role("button", name="Читать в статье")).to_be_visible()
        page.locator("#chat summary[title=Ещё]").click()
        for name in ("Копировать в Markdown", "Повторить", "Изменить", "Удалить"):
            expect(page.locator("#chat").get_by_role("button", name=name)).to_be_visible()
        page.keyboard.press("Escape")
        page.locator("#s-1-1").get_by_role("button", name="Читать в статье").click()
        expect(page.locator("#sources .pane-article .byline").first).to_contain_text("4 марта 2031\u00a0г.")

    def test_nothing_english_is_left_where_a_reader_looks(
        self, visit: Callable[..., Any], shared: tuple[str, Opener], double: Any, expect: Any
    ) -> None:
        page = visit(shared[0], wait_for="Ваш вопрос", locale="ru-RU")
        texts = "\n".join(
            page.locator(place).inner_text() for place in (".masthead", ".tab-wrapper", ".welcome", "#sources .pane")
        )
        open_settings(page)
        texts += page.locator("#settings-desk").inner_text()
        names = {
            "Footnote",
            "English",
            "bundled",
            "off",
            "on",
            "seeds",
            "index",
            "data",
            "near",
            "small",
            "stuck",
            "paid",
            "dear",
            "double",
            "API",
        }
        names |= {word for each in ARTICLES for word in each.outlet.split()}
        states = "running on this machine|[A-Z]+_API_KEY|RAG_\\w+"
        left = set(re.findall(r"[A-Za-z]{2,}", re.sub(states, "", texts))) - names
        assert {each for each in left if each not in shared_names()} == set()

    def test_the_browsers_language_is_taken_until_another_is_chosen(
        self, visit: Callable[..., Any], shared: tuple[str, Opener], double: Any, expect: Any
    ) -> None:
        page = visit(shared[0], wait_for="Ваш вопрос", locale="ru-RU")
        open_settings(page)
        expect(page.get_by_label("Русский")).to_be_checked()
        page.get_by_label("English").click()
        expect(page.get_by_role("tab", name="Settings")).to_have_attribute("aria-selected", "true")
        expect(page.locator("html")).to_have_attribute("lang", "en")


def shared_names() -> set[str]:
    """The folder that a test's conversations are kept in has a name of its own."""
    return set(re.findall(r"[A-Za-z]{2,}", Settings().data.name))


class TestMissingKey:
    @pytest.fixture
    def served(self, serve_page: Callable[..., str], tmp_path: Path) -> str:
        opener = Opener()
        opener.ready.set()
        return serve_page(opener, Settings(model="paid:grand", data=tmp_path), services=ServicesDouble())

    def test_the_page_opens_without_it_and_leads_to_where_it_is_entered(
        self, visit: Callable[..., Any], served: str, expect: Any
    ) -> None:
        page = visit(served)
        notice = page.locator("#asking .mode")
        expect(notice).to_have_text("paid:grand needs a key · quotes only until then")
        expect(ask(page, FERRIES).locator(".written")).to_have_count(0)
        said = to_settings(page, notice)
        expect(chosen_model(page)).to_have_value("The articles’ own sentences")
        chosen_model(page).click()
        expect(page.get_by_role("option", name="paid:grand (needs its key)")).to_be_visible()
        keep_key(page, CANARY)
        expect(said).to_have_text(
            "The key for paid is set for this session. From your next question on, paid:grand writes the answers."
        )
        expect(notice).to_have_text("Model: paid:grand")
        expect(chosen_model(page)).to_have_value("paid:grand")
        to_ask(page)
        expect(ask(page, FROST).locator(".written")).to_contain_text("Written by paid:grand")
        open_settings(page)
        page.get_by_role("button", name="Remove the key").click()
        expect(notice).to_contain_text("needs a key")
        assert CANARY not in page.content()


class TestEveryScreen:
    @pytest.mark.parametrize("locale", ["en-US", "ru-RU"])
    def test_axe_finds_nothing(
        self,
        visit: Callable[..., Any],
        shared: tuple[str, Opener],
        double: Any,
        check_accessibility: Callable[[Any], None],
        locale: str,
        expect: Any,
    ) -> None:
        name = {"en-US": "Your question", "ru-RU": "Ваш вопрос"}[locale]
        page = visit(shared[0], wait_for=name, locale=locale)
        said = open_settings(page)
        page.locator("#settings-k input").fill("4")
        page.locator("#settings-k input").press("Tab")
        expect(said).not_to_be_empty()
        check_accessibility(page)

    @pytest.mark.parametrize("locale", ["en-US", "ru-RU"])
    def test_a_phone_shows_all_of_it_in_one_column(
        self, visit: Callable[..., Any], shared: tuple[str, Opener], double: Any, expect: Any, locale: str
    ) -> None:
        name = {"en-US": "Your question", "ru-RU": "Ваш вопрос"}[locale]
        page = visit(shared[0], 390, 844, wait_for=name, locale=locale)
        for tab in page.get_by_role("tab").all():
            expect(tab).to_be_in_viewport(ratio=1)
        page.wait_for_function(
            "!(() => { const name = document.querySelector('.masthead h1').getBoundingClientRect();"
            " return [...document.querySelectorAll('[role=tab]')].some(each => {"
            " const tab = each.getBoundingClientRect(); return tab.top < name.bottom && tab.left < name.right; }); })()"
        )
        open_settings(page)
        fits(page)
        last = page.locator("#settings-fixed dd").last
        last.scroll_into_view_if_needed()
        expect(last).to_be_in_viewport()
        cut = (
            "[...document.querySelectorAll('#settings-desk :is(h2, p, label, dt, dd, button, span)')]"
            ".filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth)"
            ".map(e => e.outerHTML.slice(0, 100))"
        )
        assert page.evaluate(cut) == []


def test_the_keyboard_reaches_every_setting(page: Any, expect: Any) -> None:
    said = open_settings(page)
    page.get_by_label("Passages per question").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    expect(said).to_have_text("Used from your next question on.")
    expect(page.get_by_label("Split questions")).to_be_focused()
    reached = []
    for _ in range(10):
        reached.append(
            page.evaluate("(each => each.ariaLabel || each.value || each.textContent.trim())(document.activeElement)")
        )
        page.keyboard.press("Tab")
    assert reached == [
        "Split questions",
        "Rewrite follow-ups",
        "Context window, in tokens",
        "Timeout for the first word, in seconds",
        "Timeout for the answer, in seconds",
        "Reset to defaults",
        "system",
        "light",
        "dark",
        "en",
    ]
