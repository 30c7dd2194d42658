"""The articles' room: files come in under names of our own, go away without a loss, and stand in the table."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from embeddings import Embedder
from news import write_articles
from rag.chatbot import Chatbot
from rag.errors import ArticlesError, QuestionError, RefusedFile
from rag.settings import Settings
from rag.web import shelf as room
from rag.web.keeper import Keeper
from rag.web.library import Library, Start
from rag.web.opening import Opening
from rag.web.rooms import Visitor
from rag.web.shelf import LONGEST_NAME, REMOVED, SAME_NAMES, Shelf, safe_name

SECONDS = 60
VISITOR = Visitor("one")
TEXT = b"The lighthouse keeper of Osk retired after forty years."


@pytest.fixture
def shelf(articles: Path) -> Iterator[Shelf]:
    shelf = Shelf(articles, 1000)
    yield shelf
    shelf.close()


def files(folder: Path) -> dict[str, bytes]:
    return {each.relative_to(folder).as_posix(): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


class TestSafeName:
    @pytest.mark.parametrize(
        ("sent", "kept"),
        [
            ("storm.md", "storm.md"),
            ("../../etc/cron.d/storm.md", "storm.md"),
            ("C:\\Users\\me\\storm.MD", "storm.md"),
            ("/absolute.txt", "absolute.txt"),
            ("..", None),
            (".hidden.md", "hidden.md"),
            ("...md", "article.md"),
            ("a\x00b.txt", "a-b.txt"),
            ("two\nlines.txt", "two-lines.txt"),
            ("\u202egnp.txt", "-gnp.txt"),
            ("NUL.txt", "_NUL.txt"),
            ("com1.report.md", "_com1.report.md"),
            ("com¹.md", "_com¹.md"),
            ("console.md", "console.md"),
            ("report. .html", "report.html"),
            ("<img src=x onerror=alert(1)>.html", "-img src=x onerror=alert(1)-.html"),
            ("Отчёт о мосте.txt", "Отчёт о мосте.txt"),
            ("e\u0301te\u0301.md", "été.md"),
            ("half\ud800.md", "half-.md"),
            ("photo.png", None),
            ("noending", None),
            ("", None),
            (".removed", None),
        ],
    )
    def test_it_is_a_name_and_never_a_path(self, sent: str, kept: str | None) -> None:
        if kept is None:
            with pytest.raises(RefusedFile, match="unsupported format.*; "):
                safe_name(sent)
        else:
            assert safe_name(sent) == kept

    @given(st.text(max_size=400), st.sampled_from([".md", ".TXT", ".html"]))
    @examples(max_examples=100, deadline=None)
    def test_whatever_comes_it_is_one_name_that_every_system_takes(self, stem: str, suffix: str) -> None:
        name = safe_name(stem + suffix)
        assert len(name.encode()) <= LONGEST_NAME + 1
        assert not set(name) & set('/\\:*?"<>|\0')
        assert not name.startswith(".")
        assert Path(name).name == name
        assert Path(name).suffix == suffix.lower()
        assert unicodedata.normalize("NFC", name) == name
        assert all(unicodedata.category(each) not in ("Cc", "Cs") for each in name)


class TestShelf:
    def test_a_file_comes_in(self, shelf: Shelf, articles: Path) -> None:
        before = files(articles)
        taken = shelf.add("storm.txt", TEXT)
        assert (taken.name, taken.renamed, taken.known) == ("storm.txt", False, False)
        assert files(articles) == {**before, "storm.txt": TEXT}

    def test_nothing_is_overwritten(self, shelf: Shelf, articles: Path) -> None:
        before = files(articles)
        names = [shelf.add("plant.txt", TEXT + bytes([each])).name for each in b"123"]
        assert names == ["plant-2.txt", "plant-3.txt", "plant-4.txt"]
        assert files(articles).items() >= before.items()

    def test_the_same_file_is_not_kept_twice(self, shelf: Shelf, articles: Path) -> None:
        shelf.add("storm.txt", TEXT)
        before = files(articles)
        assert shelf.add("storm.txt", TEXT).known
        assert files(articles) == before

    def test_a_name_that_differs_by_case_or_form_alone_is_another_files(self, shelf: Shelf, articles: Path) -> None:
        (articles / unicodedata.normalize("NFD", "Été.md")).write_text("It rained in June.", "utf-8")
        assert shelf.add("ÉTÉ.md", TEXT).name == "ÉTÉ-2.md"
        assert shelf.add("été.md", TEXT + b"!").name == "été-3.md"

    def test_no_link_is_followed(self, shelf: Shelf, articles: Path, tmp_path: Path) -> None:
        outside = tmp_path / "outside.txt"
        outside.write_text("secret", "utf-8")
        (articles / "storm.txt").symlink_to(outside)
        (articles / "dangling.txt").symlink_to(tmp_path / "made.txt")
        assert shelf.add("storm.txt", TEXT).name == "storm-2.txt"
        assert shelf.add("dangling.txt", TEXT).name == "dangling-2.txt"
        assert outside.read_text("utf-8") == "secret"
        assert not (tmp_path / "made.txt").exists()

    @pytest.mark.parametrize(
        ("name", "data", "reason"),
        [
            ("picture.png", TEXT, "unsupported format"),
            ("empty.txt", b"", "file is empty"),
            ("numbers.txt", b"12 34", "no words in it"),
            ("binary.txt", bytes(range(256)), "not text"),
        ],
    )
    def test_what_is_no_article_is_refused_with_the_reason(
        self, shelf: Shelf, articles: Path, name: str, data: bytes, reason: str
    ) -> None:
        before = files(articles)
        with pytest.raises(RefusedFile, match=reason):
            shelf.add(name, data)
        assert files(articles) == before

    def test_a_disk_that_refuses_leaves_nothing(
        self, shelf: Shelf, articles: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(_: int) -> None:
            raise OSError(28, "No space left on device", "/a/path")

        before = files(articles)
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(ArticlesError, match=r"cannot be written \(no space left on device\)") as refused:
            shelf.add("storm.txt", TEXT)
        assert "/a/path" not in str(refused.value)
        assert files(articles) == before

    def test_a_rename_that_fails_leaves_nothing(
        self, shelf: Shelf, articles: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: Any) -> Path:
            raise PermissionError(13, "Permission denied")

        before = files(articles)
        monkeypatch.setattr(Path, "replace", refuse)
        with pytest.raises(ArticlesError, match="permission denied"):
            shelf.add("storm.txt", TEXT)
        assert files(articles) == before

    def test_names_come_to_an_end(self, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
        assert SAME_NAMES >= 100
        monkeypatch.setattr(room, "SAME_NAMES", 3)
        shelf.add("plant.txt", TEXT)
        with pytest.raises(RefusedFile, match="too many"):
            shelf.add("plant.txt", TEXT + b"!")

    def test_a_folder_that_cannot_be_written_says_so(
        self, shelf: Shelf, articles: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert shelf.obstacle() == ""
        monkeypatch.setattr(os, "access", lambda *_: False)
        assert "cannot be written" in shelf.obstacle()
        with pytest.raises(ArticlesError, match="cannot be written"):
            shelf.add("storm.txt", TEXT)
        with pytest.raises(ArticlesError, match="cannot be written"):
            shelf.put_away("plant.txt")
        assert (articles / "plant.txt").exists()
        assert "is not there" in Shelf(articles / "none", 1).obstacle()


class TestPuttingAway:
    def test_the_file_is_kept_in_a_hidden_folder(self, shelf: Shelf, articles: Path) -> None:
        before = files(articles)
        assert shelf.put_away("ru/ozero.txt") == "ozero.txt"
        assert files(articles / REMOVED) == {"ozero.txt": before["ru/ozero.txt"]}
        assert not (articles / "ru" / "ozero.txt").exists()

    def test_a_second_of_that_name_is_kept_too(self, shelf: Shelf, articles: Path) -> None:
        shelf.put_away("plant.txt")
        shelf.add("plant.txt", TEXT)
        assert shelf.put_away("plant.txt") == "plant-2.txt"
        assert len(files(articles / REMOVED)) == 2

    def test_a_name_on_disk_may_be_in_another_form_of_unicode(self, shelf: Shelf, articles: Path) -> None:
        (articles / unicodedata.normalize("NFD", "été.md")).write_text("It rained in June.", "utf-8")
        shelf.put_away("été.md")
        assert len(files(articles / REMOVED)) == 1

    @pytest.mark.parametrize(
        "id", ["", "none.txt", "../outside.txt", "/etc/hostname", "ru", "linked.txt", "away/inside.txt"]
    )
    def test_only_a_regular_file_of_the_folder_goes(
        self, shelf: Shelf, articles: Path, tmp_path: Path, id: str
    ) -> None:
        (tmp_path / "outside.txt").write_text("secret", "utf-8")
        (tmp_path / "beside").mkdir()
        (tmp_path / "beside" / "inside.txt").write_text("secret", "utf-8")
        (articles / "linked.txt").symlink_to(tmp_path / "outside.txt")
        (articles / "away").symlink_to(tmp_path / "beside")
        before = files(tmp_path)
        with pytest.raises(ArticlesError, match="not there any more"):
            shelf.put_away(id)
        assert files(tmp_path) == before

    def test_a_linked_folder_of_removed_files_is_refused(self, shelf: Shelf, articles: Path, tmp_path: Path) -> None:
        (tmp_path / "beside").mkdir()
        (articles / REMOVED).symlink_to(tmp_path / "beside")
        with pytest.raises(ArticlesError, match="is a link"):
            shelf.put_away("plant.txt")
        assert (articles / "plant.txt").exists()


class Page:
    """The rooms of a page around a real chatbot."""

    def __init__(self, settings: Settings, hashing: Embedder) -> None:
        self.opening = Opening(lambda _: Chatbot.open(settings, embedder=hashing))
        self.keeper = Keeper(self.opening, dict)
        self.library = Library(self.opening, self.keeper, settings)

    def open(self) -> Page:
        self.opening.start()
        self.opening.wait(SECONDS)
        return self

    def rows(self) -> dict[str, list[Any]]:
        return {row[0]: row for row in self.library.rows()["rows"]}


@pytest.fixture
def page(settings: Settings, hashing: Embedder) -> Iterator[Page]:
    page = Page(settings, hashing).open()
    yield page
    page.library.close()
    page.keeper.close()
    page.keeper.wait(SECONDS)
    if page.opening.chatbot is not None:
        page.opening.chatbot.close()


class TestTable:
    def test_every_file_stands_in_it_with_what_is_known(self, page: Page) -> None:
        row = page.rows()["harbour.md"]
        assert row[1:6] == [
            "Harbour town votes for a tram",
            "Harbour Courier",
            "Mirela Anders",
            "2031-03-04",
            "en",
        ]
        assert row[6] >= 1
        assert row[7:] == ["indexed", "", True, False]
        assert sum(each[6] for each in page.rows().values()) == page.opening.chatbot.contents().passages  # type: ignore[union-attr]

    def test_what_is_not_in_the_index_has_its_status_and_reason(self, page: Page, settings: Settings) -> None:
        write_articles(settings.articles, {"new.txt": "A storm came.", "plant.txt": "Another text.", "photo.png": "x"})
        (settings.articles / "harbour.md").unlink()
        (settings.articles / "empty.txt").touch()
        page.keeper.look()
        told = {id: (row[7], row[8]) for id, row in page.rows().items()}
        assert told == {
            "new.txt": ("new", ""),
            "plant.txt": ("changed", ""),
            "harbour.md": ("removed", ""),
            "ru/ozero.txt": ("indexed", "Words left out: title, authors and date 3"),
            "photo.png": ("skipped", "Unsupported format .png; put it into a .pdf, whose pages tesseract can read"),
            "empty.txt": ("new", ""),
        }
        page.keeper.rebuild()
        page.keeper.wait(SECONDS)
        told = {id: (row[7], row[8]) for id, row in page.rows().items()}
        assert told["new.txt"] == told["plant.txt"] == ("indexed", "")
        assert told["empty.txt"][0] == "failed"
        assert "The file is empty" in told["empty.txt"][1]
        assert "harbour.md" not in told

    def test_a_hostile_name_is_one_short_line(self, page: Page, settings: Settings) -> None:
        name = "<img src=x onerror=alert(1)>" + "n" * 150 + ".txt"
        write_articles(settings.articles, {name: f"{'Title ' * 100}\n\nA storm came to Osk."})
        page.keeper.look()
        page.keeper.rebuild()
        page.keeper.wait(SECONDS)
        row = page.rows()[name]
        assert len(row[1]) <= 200
        assert "\n" not in row[1]

    def test_there_is_none_before_the_chatbot(self, settings: Settings, hashing: Embedder) -> None:
        assert Page(settings, hashing).library.rows() == {"rows": [], "stamp": ""}


class TestAdding:
    def test_files_are_taken_and_can_then_be_asked(self, page: Page, settings: Settings) -> None:
        assert page.library.add("../keeper.txt", TEXT) == {"name": "keeper.txt", "renamed": False, "known": False}
        assert page.library.add("plant.txt", TEXT + b" Sol.")["renamed"]
        page.keeper.beat("added")
        page.keeper.wait(SECONDS)
        assert {"keeper.txt", "plant-2.txt"} <= page.rows().keys()
        assert page.rows()["keeper.txt"][7] == "indexed"
        assert page.keeper.state.kind == "fresh"
        assert page.opening.chatbot is not None
        hits = page.opening.chatbot.retrieve("Which lighthouse keeper retired?")
        assert hits[0].document.id in ("keeper.txt", "plant-2.txt")

    def test_the_first_article_of_an_empty_folder_is_read(self, tmp_path: Path, hashing: Embedder) -> None:
        (tmp_path / "empty").mkdir()
        page = Page(Settings(tmp_path / "empty", tmp_path / "index", embedder="hashing"), hashing).open()
        assert page.keeper.beat()["first"] == "empty"
        page.library.add("keeper.txt", TEXT)
        page.keeper.beat("added")
        page.keeper.wait(SECONDS)
        assert page.keeper.beat()["first"] == ""
        assert page.rows().keys() == {"keeper.txt"}

    def test_a_folder_that_is_gone_is_told_when_the_index_is_asked_for(self, page: Page, settings: Settings) -> None:
        settings.articles.rename(settings.articles.parent / "moved")
        assert "articles" in page.keeper.beat("added")["folder"]


class TestRemoving:
    def test_it_is_gone_from_answers_and_kept_on_disk(self, page: Page, settings: Settings) -> None:
        said = page.library.act("remove", {"id": "ru/ozero.txt"}, VISITOR)
        assert f"{REMOVED}/ozero.txt" in said
        page.keeper.wait(SECONDS)
        assert "ru/ozero.txt" not in page.rows()
        assert not any(id.startswith(REMOVED) for id in page.rows())
        assert (settings.articles / REMOVED / "ozero.txt").exists()

    @pytest.mark.parametrize("id", [None, 7, "", "none.txt", "../outside.txt", "photo.png", ".removed/plant.txt"])
    def test_only_what_is_listed_goes(self, page: Page, settings: Settings, tmp_path: Path, id: Any) -> None:
        write_articles(tmp_path, {"outside.txt": "secret"})
        write_articles(settings.articles, {"photo.png": "x"})
        page.keeper.look()
        before = files(tmp_path)
        with pytest.raises(QuestionError, match="no such file"):
            page.library.act("remove", {"id": id}, VISITOR)
        assert files(tmp_path) == before

    def test_other_actions_are_refused(self, page: Page) -> None:
        with pytest.raises(QuestionError):
            page.library.act("empty", {"id": "plant.txt"}, VISITOR)
        with pytest.raises(QuestionError):
            Start(page.library).act("remove", {}, VISITOR)


def test_what_the_browser_needs_to_know_is_told_in_its_language(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Start(page.library).data(VISITOR)
    assert told["obstacle"] == ""
    assert told["megabytes"] == 50
    assert ".md" in told["suffixes"]
    assert told["name"] == "articles"
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "cannot be written" in page.library.data(VISITOR)["obstacle"]
