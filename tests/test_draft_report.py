"""The terminal's commands for drafts: formats, exit codes, JSON, and a page that stands alone."""

from __future__ import annotations

import json
import re
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from documents import docx
from news import write_articles
from rag.__main__ import cli, main
from rag.draft.file import draft_text
from rag.errors import DraftError

ARTICLES = {
    "dam.md": """---
title: "Dam <b>of</b> Ilvern gives way"
outlet: "Harbour Courier"
published: "2031-05-06"
---
The dam above Ilvern gave way on 3 May after eleven days of rain. Fourteen people were killed and 230 houses were flooded.

“We asked for a new gate in 2027,” said the mayor of Ilvern, Dana Holub.
""",
}
TRUE = "Fourteen people were killed and 230 houses were flooded."
FALSE = "Sixteen people were killed and 230 houses were flooded."
MISQUOTED = "“We asked for a new gate in 2021,” said the mayor of Ilvern, Dana Holub."


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_articles(tmp_path / "news", ARTICLES)
    monkeypatch.chdir(tmp_path)
    for name, value in (("ARTICLES", "news"), ("INDEX", "index"), ("EMBEDDER", "hashing")):
        monkeypatch.setenv(f"RAG_{name}", value)
    return tmp_path


def rag(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(cli, arguments, input=typed)


def test_a_true_draft_exits_0_and_names_its_source(folder: Path) -> None:
    (folder / "draft.txt").write_text(TRUE, "utf-8")
    done = rag("check", "draft.txt")
    assert done.exit_code == 0
    assert done.stdout == (
        "1 sentence: 1 found\n\n"
        f"found: {TRUE} [1]\n\n"
        "[1] Dam <b>of</b> Ilvern gives way · Harbour Courier · as of 6 May 2031 · dam.md\n"
    )


def test_a_false_draft_exits_1_with_the_articles_own_words_beside_it() -> None:
    done = rag("check", "-", typed=f"{TRUE} {FALSE} {MISQUOTED}\n")
    assert done.exit_code == 1
    assert done.stdout.startswith("3 sentences: 1 found, 2 differ; 1 quotation: 1 altered\n")
    assert "  altered: “We asked for a new gate in 202[-1-]{+7+}" in done.stdout
    assert "  number: Sixteen; the article has Fourteen\n" in done.stdout
    assert f"  [1] “{TRUE}”\n" in done.stdout
    assert "dam.md, characters 66 to 122" in done.stdout


def test_json_says_the_same() -> None:
    done = rag("check", "-", "--json", typed=f"{TRUE} {FALSE} {MISQUOTED} Why?")
    assert done.exit_code == 1
    checked = json.loads(done.stdout)
    assert [each["status"] for each in checked["sentences"]] == ["found", "differs", "differs", "no claim"]
    assert checked["counts"]["altered"] == 1
    assert not checked["clean"]
    assert checked["sentences"][1]["differences"][0] == {
        "kind": "number",
        "text": "Sixteen",
        "start": len(TRUE) + 1,
        "end": len(TRUE) + 8,
        "instead": "Fourteen",
    }
    (citation,) = checked["sentences"][0]["citations"]
    assert (citation["quote"], citation["id"], citation["as_of"]) == (TRUE, "dam.md", "as of 6 May 2031")


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


def test_the_page_stands_alone_and_holds_no_markup_of_the_draft(folder: Path) -> None:
    hostile = f'{FALSE} <script>alert(1)</script> <img src="https://x.example/a"> & {MISQUOTED}'
    done = rag("check", "-", "--html", "report.html", typed=hostile)
    assert done.exit_code == 1
    page = (folder / "report.html").read_text("utf-8")
    tags = Tags()
    tags.feed(page)
    assert not {"script", "img", "link", "iframe", "b/"} & set(tags.tags)
    assert not {"src", "href", "style", "onclick"} & {name for name, _ in tags.attributes}
    assert "&lt;script&gt;" in page
    assert "Dam &lt;b&gt;of&lt;/b&gt; Ilvern" in page
    assert "<mark>Sixteen</mark>" in page
    assert "<del>1</del><ins>7</ins>" in page
    assert not re.search(r"url\(|@import", page)
    assert "default-src &#x27;none&#x27;" in page


def test_quote_tells_where_words_stand() -> None:
    done = rag("quote", "230 houses were flooded")
    assert done.exit_code == 0
    assert done.stdout == (
        "verbatim: “230 houses were flooded”\n"
        "  [1] “230 houses were flooded”\n"
        "      Dam <b>of</b> Ilvern gives way · Harbour Courier · as of 6 May 2031\n"
        "      dam.md, characters 98 to 121\n"
    )
    assert rag("quote", "260 houses were flooded").exit_code == 1
    nothing = rag("quote", "bees and honey for everyone")
    assert (nothing.exit_code, nothing.stdout) == (1, "not found: “bees and honey for everyone”\n")
    assert json.loads(rag("quote", "230 houses were flooded", "--json").stdout)["citations"][0]["start"] == 98


def test_no_colour_and_no_escape_reaches_a_pipe() -> None:
    done = rag("check", "-", typed=f"{FALSE} \x1b[31mred\x1b[0m people were seen.")
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("arguments", [("check",), ("quote",), ("check", "-", "--nonsense")])
def test_a_wrong_use_exits_64(arguments: tuple[str, ...]) -> None:
    assert rag(*arguments).exit_code == 64


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("missing.txt", None, "missing.txt cannot be read (no such file or directory); name another file"),
        ("draft.xyz", b"It rained.", "draft.xyz has a format that is not read; save it as .txt, .md or .docx"),
        ("draft.txt", b"  \n", "draft.txt cannot be read: there are no words in it; remove the file or fill it"),
        ("draft.md", b"---\ntitle: A dam\n---\n", "there is no text to check; write a sentence"),
        ("draft.docx", b"PK\x03\x04nothing", "draft.docx cannot be read: "),
    ],
)
def test_what_is_no_draft_is_one_line_and_builds_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, data: bytes | None, message: str
) -> None:
    if data is not None:
        (folder / name).write_bytes(data)
    with pytest.raises(SystemExit) as ended:
        main(["check", name])
    assert ended.value.code == 64
    error = capsys.readouterr().err
    assert error.startswith(f"rag: {message}")
    assert error.count("\n") == 1
    assert not (folder / "index").exists()


def test_a_report_that_cannot_be_written_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "draft.txt").write_text(TRUE, "utf-8")
    with pytest.raises(SystemExit):
        main(["check", "draft.txt", "--html", "no/such/folder.html"])
    assert capsys.readouterr().err.endswith("; name another file\n")


def test_word_and_markdown_are_read_as_drafts(folder: Path) -> None:
    (folder / "draft.docx").write_bytes(docx(f"<w:p><w:r><w:t>{FALSE}</w:t></w:r></w:p>"))
    assert zipfile.is_zipfile(folder / "draft.docx")
    assert "number: Sixteen" in rag("check", "draft.docx").stdout
    (folder / "draft.md").write_text(f"---\ntitle: Sixteen dead\n---\n# Sixteen dead\n\n{TRUE}\n", "utf-8")
    done = rag("check", "draft.md")
    assert (done.exit_code, "left alone: Sixteen dead" in done.stdout) == (0, True)


def test_text_in_any_encoding_is_a_draft() -> None:
    assert draft_text("draft.txt", "Плотина прорвалась.".encode("utf-16")) == "Плотина прорвалась."
    with pytest.raises(DraftError):
        draft_text("draft.txt", b"\x00\x01" * 900)
