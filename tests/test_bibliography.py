"""Lists of cited articles for reference managers, and the Word file: complete, well-formed, whatever stands in a header."""

from __future__ import annotations

import io
import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import mammoth
import pytest
from click.testing import CliRunner
from docx import Document
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from rag.__main__ import cli
from rag.doors import exports
from rag.export.bibliography import bibtex, csl_items, csl_json, ris
from rag.export.conversation import Turn
from rag.export.formats import FORMATS, export
from rag.types import Answer, Header, Sentence
from talks import ANSWER, BRICK, BURNED, MILL, REFUSAL, TALK, answered, cited, conversations, headers, hit

RAIN = Header("x/Дождь.md", "Rain & 100 % {wind}", "", ("Po Li", "Wire"), "2030-11")


class TestLists:
    def test_csl(self) -> None:
        assert json.loads(csl_json([MILL, RAIN])) == [
            {
                "id": "mill",
                "type": "article-newspaper",
                "title": "The mill of Tarn",
                "author": [{"family": "Rusk", "given": "Ada"}],
                "container-title": "Courier",
                "issued": {"date-parts": [[2031, 3, 4]]},
                "language": "en",
                "URL": "https://courier.example/mill",
            },
            {
                "id": "article",
                "type": "document",
                "title": "Rain & 100 % {wind}",
                "author": [{"family": "Li", "given": "Po"}, {"literal": "Wire"}],
                "issued": {"date-parts": [[2030, 11]]},
            },
        ]

    def test_bibtex(self) -> None:
        assert bibtex([RAIN]).splitlines() == [
            "@misc{article,",
            "  author = {Li, Po and {Wire}},",
            r"  title = {{Rain \& 100 \% \textbraceleft{}wind\textbraceright{}}},",
            "  year = {2030},",
            "  month = {11},",
            "  date = {2030-11},",
            "}",
        ]

    def test_ris(self) -> None:
        assert ris([MILL]).split("\r\n") == [
            "TY  - NEWS",
            "ID  - mill",
            "TI  - The mill of Tarn",
            "AU  - Rusk, Ada",
            "T2  - Courier",
            "PY  - 2031",
            "DA  - 2031/03/04/",
            "LA  - en",
            "UR  - https://courier.example/mill",
            "ER  - ",
            "",
        ]

    @pytest.mark.parametrize(
        ("author", "name"),
        [
            ("Anna de Vries", {"family": "de Vries", "given": "Anna"}),
            ("Rusk, Ada", {"family": "Rusk", "given": "Ada"}),
            ("Courier", {"literal": "Courier"}),
            ("The Courier", {"literal": "The Courier"}),
            ("Courier staff", {"literal": "Courier staff"}),
        ],
    )
    def test_names_are_parted_as_bibtex_does(self, author: str, name: dict[str, str]) -> None:
        (item,) = csl_items([replace(MILL, authors=(author,), outlet="The Courier")])
        assert item["author"] == [name]

    @given(st.lists(headers, max_size=4))
    @settings(max_examples=60, deadline=None)
    def test_no_header_breaks_a_list(self, articles: list[Header]) -> None:
        items = json.loads(csl_json(articles))
        assert len({each["id"] for each in items}) == len(articles)
        assert all(re.fullmatch(r"[a-z0-9-]+", each["id"]) and each["title"] for each in items)
        entries = bibtex(articles)
        assert entries.count("{") == entries.count("}")
        assert len(re.findall(r"^@(?:article|misc)\{[a-z0-9-]+,$", entries, re.MULTILINE)) == len(articles)
        lines = [line for line in ris(articles).split("\r\n") if line]
        assert all(re.match(r"[A-Z][A-Z2]  - ", line) for line in lines)
        assert sum(line.startswith("ER") for line in lines) == len(articles)

    def test_each_cited_article_stands_in_it_once(self) -> None:
        assert [each["id"] for each in json.loads(export(TALK, "csl").content)] == ["mill"]
        assert export((Turn(1, "Who?", "done", REFUSAL),), "bibtex").content == b""


class TestWord:
    def test_quotes_are_footnotes(self) -> None:
        other = cited(2, "It rained.", hit(Header("rain.md", "Rain"), "It rained."))
        said = answered(
            Sentence("It burned.", (BURNED,), answer=(3, 9), label="Courier"),
            Sentence("It rained.", (other,), lead="\n3. "),
            Sentence("It was rebuilt.", (BRICK,), lead="\n4. "),
            Sentence("It flew.", supported=False, lead="\n"),
        )
        content = export((Turn(1, "What <i> came?", "done", said), replace(TALK[1], number=2)), "docx", "Mill").content
        drawn = re.sub(r"</?a\b[^>]*>|</?sup>", "", mammoth.convert_to_html(io.BytesIO(content)).value).replace(
            " </p>", "</p>"
        )
        assert "<p><strong>Courier</strong></p>" in drawn
        assert "It <strong>burned</strong>.[1]</p><p>3. It rained.[2]</p><p>4. It was rebuilt." in drawn
        assert "It flew. <em>(no source)</em>" in drawn
        assert "<h1>What &lt;i&gt; came?</h1>" in drawn
        assert "<h2>Nearest passages</h2><p>The mill of Tarn. Courier" in drawn
        notes = drawn.split("<ol>")[1].split("<li ")[1:]
        courier = "The mill of Tarn. Courier · as of 4 March 2031 · Ada Rusk. https://courier.example/mill."
        quotes = "“The mill burned down in 1911.” “It was rebuilt in brick.”"
        assert len(notes) == 2
        assert f"{courier} {quotes}" in notes[0]
        assert "Rain. undated. “It rained.”" in notes[1]

    def test_an_article_cited_again_repeats_its_number(self) -> None:
        with zipfile.ZipFile(io.BytesIO(export(TALK, "docx").content)) as archive:
            text, notes = archive.read("word/document.xml").decode(), archive.read("word/footnotes.xml").decode()
        assert text.count("w:footnoteReference ") == 1
        (bookmark,) = re.findall(r'w:bookmarkStart w:id="1" w:name="(\w+)"', text)
        assert f'w:instr=" NOTEREF {bookmark} \\h "' in text
        assert re.findall(r'w:footnote w:id="(-?\d+)"', notes) == ["-1", "0", "1"]

    @given(conversations)
    @settings(max_examples=15, deadline=None)
    def test_any_conversation_gives_a_file_that_opens(self, talk: tuple[Turn, ...]) -> None:
        content = export(talk, "docx").content
        assert Document(io.BytesIO(content)).paragraphs[0].style.name == "Title"
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            known = etree.fromstring(archive.read("word/footnotes.xml"))
            referred = etree.fromstring(archive.read("word/document.xml"))
        ids = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}id"
        used = [each.get(ids) for each in referred.iter("{*}footnoteReference")]
        assert used == [each.get(ids) for each in known][2:]


class TestTerminal:
    def test_formats_are_those_of_the_page(self) -> None:
        assert tuple(FORMATS) == exports.KINDS

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (["--format", "docx"], "name the Word file with --out FILE"),
            (["--out", "a.xyz"], "choose how a.xyz is written with --format"),
            (["--format", "pdf"], "is not one of"),
        ],
    )
    def test_what_cannot_be_written_is_refused_before_anything_is_read(self, options: list[str], said: str) -> None:
        done = CliRunner().invoke(cli, ["ask", "Who?", *options])
        assert done.exit_code == 64
        assert said in done.output

    def test_a_file_is_written_in_the_format_of_its_ending(self, tmp_path: Path) -> None:
        for name in ("a.md", "a.html", "a.docx", "a.bib", "a.RIS", "a.txt"):
            out = tmp_path / name
            kind = exports.chosen(None, out)
            assert kind is not None
            exports.write(ANSWER, kind, out)
            turns = (Turn(1, ANSWER.question, "done", ANSWER),)
            if kind != "docx":  # which says when it was written
                assert out.read_bytes() == export(turns, kind).content


class TestPython:
    def test_an_answer_is_printed_with_its_numbered_sources(self) -> None:
        shown = str(ANSWER)
        assert shown.startswith("The mill burned down in 1911. [1] It was rebuilt")
        assert shown.endswith("“The mill burned down in 1911.”\n    “It was rebuilt in brick.”")
        assert "\n" not in repr(replace(ANSWER, question="Who\ncame?"))

    def test_a_notebook_shows_it_escaped_with_links_of_its_own(self) -> None:
        lying = answered(Sentence("<script>x</script>", (BURNED,)), question="<b>Who?</b>")
        shown = lying._repr_html_()
        assert "<script>" not in shown
        assert "&lt;script&gt;x&lt;/script&gt;" in shown
        other = replace(lying, text="Another.")._repr_html_()
        targets = [set(re.findall(r'id="(s-[\d-]+)"', each)) for each in (shown, other)]
        assert not targets[0] & targets[1]
        assert set(re.findall(r'href="#([^"]+)"', shown)) == targets[0]

    def test_markdown_has_footnotes(self) -> None:
        assert "burned down in 1911. [^1] It" in ANSWER.to_markdown()
        assert "\n\n[^1]: The mill of Tarn. Courier" in ANSWER.to_markdown()
        assert str(Answer("Who?")) == "The answer is cut."
