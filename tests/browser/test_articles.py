"""The articles' tab: the table, the article beside it with its citations, adding files and putting them away."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from double import ARTICLES, Double, Opener
from embeddings import Embedder
from rag.chatbot import Chatbot
from rag.settings import Settings
from rag.types import Document
from reader import ask, fits

FERRIES = "How much will the four electric ferries cost?"
HOSTILE = "<img src=x onerror=alert(1)>.txt"
MANY = 5000


def write(folder: Path, article: Document) -> None:
    path = folder / article.id
    path.parent.mkdir(parents=True, exist_ok=True)
    known = {
        "title": article.title,
        "outlet": article.outlet,
        "published": article.published,
        "language": article.language,
    }
    lines = [f'{name}: "{value}"' for name, value in known.items() if value]
    authors = ", ".join(f'"{each}"' for each in article.authors)
    path.write_text("\n".join(["---", *lines, f"authors: [{authors}]", "---", article.text]), encoding="utf-8")


def read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.setattr(os, "access", lambda *_: False)


def fill(folder: Path) -> Path:
    """Four articles, one file that is empty, one of another format, and one with a hostile name and title."""
    for article in ARTICLES:
        write(folder, article)
    (folder / "empty.txt").touch()
    (folder / "photo.png").write_bytes(b"x")
    hostile = HOSTILE.replace(".txt", ".md")
    write(folder, Document(hostile, title="<b>${alert(1)}</b> {{bold}}", text="A storm <i>came</i> to Osk."))
    return folder


def serve(serve_page: Callable[..., str], folder: Path, beside: Path, embedder: Embedder) -> str:
    settings = Settings(folder, beside / "index", data=beside / "data", embedder="hashing")
    return serve_page(lambda said: Chatbot.open(settings, embedder=embedder, on_progress=said), settings)


@pytest.fixture(scope="module")
def url(serve_module: Callable[..., str], tmp_path_factory: pytest.TempPathFactory, hashing: Embedder) -> str:
    """A page whose folder the tests leave as it is."""
    beside = tmp_path_factory.mktemp("library")
    return serve(serve_module, fill(beside / "articles"), beside, hashing)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return fill(tmp_path / "articles")


@pytest.fixture
def own(serve_page: Callable[..., str], folder: Path, hashing: Embedder, tmp_path: Path) -> str:
    """A page with a folder of its own."""
    return serve(serve_page, folder, tmp_path, hashing)


@pytest.fixture
def open_tab(visit: Callable[..., Any], expect: Any) -> Callable[..., Any]:
    def open_tab(url: str, rows: int = 7, **options: Any) -> Any:
        page = visit(url, **options)
        page.get_by_role("tab", name="Articles").click()
        expect(page.locator("#library tbody tr")).to_have_count(rows)
        return page

    return open_tab


def titles(page: Any) -> list[str]:
    return page.locator("#library tbody .card-name").all_inner_texts()


class TestTable:
    def test_it_shows_every_file_with_what_is_known(self, url: str, open_tab: Callable[..., Any], expect: Any) -> None:
        page = open_tab(url)
        heads = page.get_by_role("columnheader")
        expect(heads).to_have_text(["Title", "Outlet", "Authors", "Date", "Language", "Passages", "Status"])
        row = page.get_by_role("row", name=re.compile("Late frost"))
        title = f"{ARTICLES[1].title}Valley Courier · 2031-04"
        expect(row.get_by_role("cell")).to_have_text(
            [title, "Valley Courier", "Jon Peder, Ada Rusk", "2031-04", "", "1", "Indexed"]
        )
        expect(page.get_by_role("row", name=re.compile("Мост"))).to_contain_text("Russian")
        expect(page.get_by_role("row", name=re.compile("empty.txt"))).to_contain_text("The file is empty")
        expect(page.get_by_role("row", name=re.compile("photo.png"))).to_contain_text("Unsupported format .png")
        expect(page.locator("#library").get_by_text("<b>${alert(1)}</b> {{bold}}")).to_be_visible()
        page.get_by_role("button", name="Could not be read 1").click()
        expect(page.locator("#library tbody tr")).to_have_count(1)
        expect(page.get_by_role("button", name="Could not be read 1")).to_have_attribute("aria-pressed", "true")

    def test_searching_folds_case_and_accents_and_wants_all_words(
        self, url: str, open_tab: Callable[..., Any], expect: Any
    ) -> None:
        page = open_tab(url)
        search = page.get_by_role("searchbox", name="Search the articles")
        for text, count in (
            ("ÓRSUND", 2),
            ("orsund mill", 1),
            ("МОСТ луги", 1),
            ("png", 1),
            ("orsund pears", 0),
            ("", 7),
        ):
            search.fill(text)
            expect(page.locator("#library tbody tr")).to_have_count(count)
        search.fill("nothing of that")
        expect(page.get_by_text("No article fits all of this.")).to_be_visible()

    def test_outlet_year_language_and_name_narrow_it_together(
        self, url: str, open_tab: Callable[..., Any], expect: Any
    ) -> None:
        page = open_tab(url)
        rows = page.locator("#library tbody tr")
        page.get_by_role("combobox", name="Outlet").select_option(ARTICLES[0].outlet)
        expect(rows).to_have_count(2)
        page.get_by_role("combobox", name="Year").select_option("2031")
        expect(rows).to_have_count(1)
        page.get_by_role("combobox", name="Outlet").select_option("")
        expect(rows).to_have_count(2)
        page.get_by_role("combobox", name="Year").select_option("")
        page.get_by_role("combobox", name="Language").select_option("Russian")
        expect(rows).to_have_count(1)
        page.get_by_role("combobox", name="Language").select_option("")
        page.get_by_role("searchbox", name="Find a name").fill("brandt")
        name = page.get_by_role("button", name="Ilse Brandt 1")
        name.click()
        expect(name).to_have_attribute("aria-pressed", "true")
        expect(rows).to_have_count(1)
        expect(rows).to_contain_text(ARTICLES[0].title)
        page.get_by_role("searchbox", name="Find a name").fill("nobody")
        expect(page.get_by_text("No name has these letters.")).to_be_visible()
        page.get_by_role("button", name="No longer only articles that name Ilse Brandt").click()
        expect(rows).to_have_count(7)

    def test_every_column_sorts_by_keyboard(self, url: str, open_tab: Callable[..., Any], expect: Any) -> None:
        page = open_tab(url)
        date = page.get_by_role("columnheader", name="Date")
        expect(date).to_have_attribute("aria-sort", "descending")
        newest = titles(page)
        assert newest[:2] == [ARTICLES[1].title, ARTICLES[0].title]
        date.get_by_role("button").focus()
        page.keyboard.press("Enter")
        expect(date).to_have_attribute("aria-sort", "ascending")
        expect(date.get_by_role("button")).to_be_focused()
        assert titles(page)[0] == ARTICLES[2].title
        assert titles(page)[-3:] == newest[-3:]  # undated files come last either way
        for name in ("Title", "Outlet", "Authors", "Language", "Passages", "Status"):
            head = page.get_by_role("columnheader", name=name)
            head.get_by_role("button").click()
            expect(head).to_have_attribute("aria-sort", re.compile("ending"))
            expect(page.locator("#library th[aria-sort]")).to_have_count(1)
        page.get_by_role("columnheader", name="Title").get_by_role("button").click()
        assert titles(page)[-1].startswith("Мост")

    def test_five_thousand_articles_are_no_burden_and_counted_as_in_the_pages_language(
        self, visit: Callable[..., Any], serve_page: Callable[..., str], expect: Any
    ) -> None:
        opener = Opener(
            Double(articles=[replace(ARTICLES[0], id=f"{n}.md", title=f"Ferry {n:04}") for n in range(MANY)])
        )
        opener.ready.set()
        url = serve_page(opener)
        page = visit(url)
        page.get_by_role("tab", name="Articles").click()
        expect(page.locator("#library tbody tr")).to_have_count(100)
        search = page.get_by_role("searchbox", name="Search the articles")
        search.fill("4999")
        expect(page.locator("#library tbody tr")).to_have_count(1)
        search.fill("")
        page.get_by_role("button", name="Show more (4,900 left)").click()
        expect(page.locator("#library tbody tr")).to_have_count(200)
        expect(page.get_by_role("button", name="Ferry 0100")).to_be_focused()
        page = visit(url, wait_for="Ваш вопрос", locale="ru-RU")
        page.get_by_role("tab", name="Статьи").click()
        expect(page.get_by_role("button", name="Показать ещё (осталось 4\u00a0900)")).to_be_visible()
        page.get_by_role("tab", name="Настройки").click()
        expect(page.locator("#index-contents")).to_contain_text("1,2 МБ")

    def test_the_focus_stays_where_it_was_when_files_come_and_go(
        self, own: str, open_tab: Callable[..., Any], folder: Path, expect: Any
    ) -> None:
        page = open_tab(own)
        row = page.get_by_role("button", name=ARTICLES[1].title)
        shown = page.get_by_role("button", name=re.compile("^All [78]$"))
        for focused, outcome in ((row, "Added"), (shown, "Was there already")):
            focused.focus()
            page.locator("#library input[type=file]").set_input_files(files(("storm.txt", "A storm came to Osk.")))
            expect(page.locator("#library .adder-file")).to_contain_text(outcome)
            expect(page.locator("#library tbody tr")).to_have_count(8)
            expect(focused).to_be_focused()


class TestReading:
    def test_citations_of_the_conversation_are_walked_through(
        self, visit: Callable[..., Any], shared: tuple[str, Opener], double: Any, expect: Any
    ) -> None:
        page = visit(shared[0])
        ask(page, FERRIES)
        page.get_by_role("tab", name="Articles").click()
        page.get_by_role("button", name=ARTICLES[0].title).click()
        marks = page.locator("#library article mark")
        expect(marks).to_have_count(2)
        steps = page.locator("#library .reader-cited")
        expect(steps).to_contain_text("2 quotes")
        expect(page.locator("#library .article-title")).to_be_focused()
        now = page.locator("#library article mark.now")
        for name, place in (("Previous quote", 1), ("Next quote", 0), ("Next quote", 1)):
            steps.get_by_role("button", name=name).click()
            expect(steps).to_contain_text(f"Quote {place + 1} of 2")
            expect(now).to_have_text(marks.nth(place).inner_text())
            expect(now).to_be_in_viewport()
        *_, answer = Double().stream(FERRIES)
        assert sorted(marks.all_inner_texts()) == sorted(citation.quote for citation in answer.citations)
        page.get_by_role("button", name=ARTICLES[1].title).click()
        expect(page.locator("#library .article-title")).to_have_text(ARTICLES[1].title)
        expect(steps).to_be_empty()

    def test_the_article_closes_and_the_table_has_the_focus_again(
        self, url: str, open_tab: Callable[..., Any], expect: Any
    ) -> None:
        page = open_tab(url)
        opened = page.get_by_role("button", name=ARTICLES[3].title)
        opened.click()
        expect(opened).to_have_attribute("aria-current", "true")
        expect(page.locator("#library .article-text")).to_have_text(ARTICLES[3].text)
        expect(page.locator("#library .article-text")).to_have_attribute("lang", "ru")
        expect(page.locator("#library .article-title")).to_be_focused()
        page.keyboard.press("Escape")
        expect(opened).to_be_focused()
        expect(page.locator("#library .article-title")).to_be_hidden()


def files(*sent: tuple[str, str]) -> list[dict[str, Any]]:
    return [{"name": name, "mimeType": "text/plain", "buffer": text.encode()} for name, text in sent]


class TestAdding:
    def test_each_file_says_what_became_of_it_and_can_then_be_asked(
        self, own: str, open_tab: Callable[..., Any], folder: Path, expect: Any
    ) -> None:
        page = open_tab(own)
        before = (folder / "ferry.md").read_bytes()
        sent = files(
            ("keeper.txt", "The lighthouse keeper of Osk retired on Friday. He kept it for forty years, alone."),
            ("ferry.md", "A ferry ran aground near Osk."),
            ("photo.png", "x"),
            (HOSTILE, "A hostile name for a storm in Osk."),
            ("empty2.txt", " "),
            ("large.txt", "Long words of a long story. " * 30_000),
        )
        page.locator("#library input[type=file]").set_input_files(sent)
        lines = page.locator("#library .adder-file")
        expect(lines).to_have_text(
            [
                "keeper.txtAdded",
                "ferry.mdAdded as ferry-2.md, because another file has its name",
                re.compile("photo.pngRefused: Unsupported format .png; put it into a .pdf"),
                f"{HOSTILE}Added",
                re.compile("empty2.txtRefused: There are no words in it"),
                "large.txtAdded",
            ]
        )
        expect(page.get_by_text("4 files added, 2 not")).to_have_count(1)
        expect(page.get_by_role("button", name="Add articles…")).to_be_enabled()
        expect(page.locator("#library tbody tr")).to_have_count(11)
        row = page.get_by_role("row", name=re.compile("lighthouse"))
        expect(row).to_contain_text("Indexed")
        expect(row.locator(".card-name")).to_have_text(
            "The lighthouse keeper of Osk retired on Friday."
        )  # without a title
        expect(row.locator(".reason")).to_have_text("keeper.txt")
        assert (folder / "ferry.md").read_bytes() == before
        assert (folder / "-img src=x onerror=alert(1)-.txt").is_file()
        assert (folder / "large.txt").stat().st_size == len(sent[5]["buffer"])
        assert not [each for each in folder.iterdir() if each.name.startswith(".incoming")]
        page.get_by_role("tab", name="Ask").click()
        ask(page, "When did the lighthouse keeper of Osk retire?")
        expect(page.locator("#sources .card").filter(has_text="lighthouse keeper").first).to_be_attached()

    def test_files_can_be_dropped(self, own: str, open_tab: Callable[..., Any], folder: Path, expect: Any) -> None:
        page = open_tab(own)
        data = page.evaluate_handle(
            "() => { const data = new DataTransfer();"
            " data.items.add(new File(['A storm came to Osk at night.'], '../storm.txt')); return data; }"
        )
        page.locator("#library tbody").dispatch_event("drop", {"dataTransfer": data})
        expect(page.locator("#library .adder-file")).to_be_visible()
        expect(page.locator("#library .adder-file")).to_contain_text("Added")
        expect(page.locator("#library tbody tr")).to_have_count(8)
        assert (folder / "storm.txt").is_file()
        page.locator("#library .adder").dispatch_event("drop", {"dataTransfer": data})
        expect(page.locator("#library .adder-file")).to_contain_text("Was there already")

    def test_a_folder_is_added_with_what_can_be_an_article(
        self, own: str, open_tab: Callable[..., Any], folder: Path, tmp_path: Path, expect: Any
    ) -> None:
        (tmp_path / "sent" / "deep").mkdir(parents=True)
        (tmp_path / "sent" / "storm.txt").write_text("A storm came to Osk at night.", "utf-8")
        (tmp_path / "sent" / "deep" / "calm.txt").write_text("The sea at Osk was calm at noon.", "utf-8")
        (tmp_path / "sent" / ".DS_Store").write_bytes(b"x")
        for folder_ in (".removed", "deep/gale_files"):  # put away before, and what belongs to a saved page
            (tmp_path / "sent" / folder_).mkdir()
            (tmp_path / "sent" / folder_ / "frame.txt").write_text("Sign up for the letter of Osk now.", "utf-8")
        gale = "<p>A gale came to Osk on Monday night and took the roof of the mill by the river with it.</p>"
        (tmp_path / "sent" / "deep" / "gale.html").write_text(f"<title>A gale</title>{gale}", "utf-8")
        page = open_tab(own)
        page.get_by_role("button", name="Add", exact=True).click()
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Add a folder…").click()
        chooser.value.set_files(tmp_path / "sent")
        expect(page.locator("#library .adder-file .adder-state")).to_have_text(["Added"] * 3)
        assert (folder / "storm.txt").is_file()
        assert (folder / "calm.txt").is_file()
        assert not (folder / "frame.txt").exists()

    def test_a_folder_that_cannot_be_written_has_no_buttons(
        self, url: str, open_tab: Callable[..., Any], expect: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read_only(monkeypatch)
        page = open_tab(url)
        expect(page.locator("#library")).to_contain_text("The folder articles cannot be written")
        page.locator(".library-item").first.click()
        page.locator("#library .article-title").wait_for()
        expect(page.locator("#library").get_by_role("button", name=re.compile("Add |Remove"))).to_have_count(0)


class TestRemoving:
    def test_it_is_asked_first_and_nothing_is_lost(
        self, own: str, open_tab: Callable[..., Any], folder: Path, expect: Any
    ) -> None:
        page = open_tab(own)
        page.get_by_role("button", name=ARTICLES[1].title).click()
        remove = page.locator("#library .reader-remove")
        remove.click()
        dialog = page.get_by_role("dialog", name=re.compile(f"Remove “{ARTICLES[1].title}”"))
        expect(dialog).to_contain_text("orchards.md is moved into the hidden folder .removed")
        dialog.get_by_role("button", name="Keep it").click()
        expect(dialog).to_be_hidden()
        expect(remove).to_be_focused()
        assert (folder / "orchards.md").exists()
        remove.click()
        dialog.get_by_role("button", name="Remove").click()
        expect(
            page.locator("#library [role=status]").filter(has_text="was moved to .removed/orchards.md")
        ).to_be_visible()
        expect(page.locator("#library tbody tr")).to_have_count(6)
        expect(page.get_by_role("button", name=ARTICLES[1].title)).to_have_count(0)
        assert (folder / ".removed" / "orchards.md").exists()
        expect(page.get_by_role("heading", name="Articles", exact=True)).to_be_focused()

    def test_a_file_that_could_not_be_read_can_go_too_and_its_name_is_said_as_it_is(
        self,
        serve_page: Callable[..., str],
        open_tab: Callable[..., Any],
        folder: Path,
        tmp_path: Path,
        hashing: Embedder,
        expect: Any,
    ) -> None:
        name = "Ca$$h $& {count}.txt"
        (folder / name).touch()
        page = open_tab(serve(serve_page, folder, tmp_path, hashing), rows=8)
        page.get_by_role("button", name=f"Remove {name}").click()
        dialog = page.get_by_role("dialog", name=f"Remove “{name}”?")
        expect(dialog).to_contain_text(f"The file {name} is moved into")
        dialog.get_by_role("button", name="Remove").click()
        expect(page.locator("#library tbody tr")).to_have_count(7)
        assert not (folder / name).exists()


class TestEveryScreen:
    def test_a_phone_shows_the_table_or_the_article(self, url: str, open_tab: Callable[..., Any], expect: Any) -> None:
        page = open_tab(url, width=390, height=844, has_touch=True)
        fits(page)
        shown = "each => each.scrollWidth > each.clientWidth"
        assert not page.locator("#library .library-list").evaluate(shown)
        expect(page.get_by_role("row", name=re.compile("Late frost"))).to_contain_text("Valley Courier · 2031-04")
        expect(page.locator("#library").get_by_role("cell").first).to_be_visible()
        page.get_by_role("searchbox", name="Search the articles").fill("frost")
        found = page.locator("#library [role=status]").filter(has_text=re.compile(r"^1 of \d+ files$"))
        expect(found).to_be_attached()
        page.get_by_role("searchbox", name="Search the articles").fill("")
        page.get_by_role("button", name=ARTICLES[0].title).tap()
        expect(page.locator("#library .article-title")).to_be_in_viewport()
        expect(page.locator("#library table")).to_be_hidden()
        fits(page)
        page.get_by_role("button", name="All articles").tap()
        expect(page.get_by_role("button", name=ARTICLES[0].title)).to_be_focused()

    def test_axe_finds_nothing(
        self, url: str, open_tab: Callable[..., Any], expect: Any, check_accessibility: Callable[[Any], None]
    ) -> None:
        page = open_tab(url)
        check_accessibility(page)
        page.locator("#library input[type=file]").set_input_files(files(("photo.png", "x")))
        expect(page.locator("#library .adder-file")).to_contain_text("Refused")
        page.get_by_role("button", name=ARTICLES[0].title).click()
        page.locator("#library .article-title").wait_for()
        check_accessibility(page)
        page.locator("#library .reader-remove").click()
        page.get_by_role("dialog").wait_for()
        check_accessibility(page)
