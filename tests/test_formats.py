"""Formats besides text and pages: what is read of them, where it stands, and what is refused."""

from __future__ import annotations

import datetime
import io
import re
import subprocess
import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from email.message import EmailMessage
from pathlib import Path
from shutil import which

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from documents import LINE, docx, epub, lines, odt, pdf, pptx, with_parts, word, xlsx, zipped
from rag.errors import RefusedFile
from rag.read import READERS, Worker, parse, parse_all, parse_here, reader_version, scan
from rag.types import Document, written_place

PROSE = (
    "The harbour of Port Ennis was closed on Monday after\n"
    "a storm of rare strength had broken both of its piers\n"
    "and the lighthouse keeper had left his tower for good."
)


ROWS = (("Town", "Fare"), ("Kelm", "3"))


def read(name: str, data: bytes) -> Document:
    (document,) = parse_here(name, data)
    return document


def place(document: Document, quote: str) -> str:
    start = document.text.index(quote)
    return written_place(document.places, start, start + len(quote))


class TestPdf:
    def test_lines_become_paragraphs(self) -> None:
        found = read(
            "a.pdf", pdf([lines(f"{PROSE}\nIt opens again.\n\nThe mayor thanked the crews for their long night.")])
        )
        assert found.text == (
            f"{' '.join(PROSE.split())} It opens again.\n\nThe mayor thanked the crews for their long night."
        )

    def test_a_divided_word_is_whole_and_a_compound_keeps_its_hyphen(self) -> None:
        text = (
            "The well-known keeper of the light-\nhouse and his well-\nknown dog had left it for the win-\nter of 1919."
        )
        assert read("a.pdf", pdf([lines(text)])).text == (
            "The well-known keeper of the lighthouse and his well-known dog had left it for the winter of 1919."
        )

    def test_a_sentence_over_two_pages_names_both(self) -> None:
        first = [*lines(PROSE + "\nNobody had seen the storm that came over the"), (290, 40, 9, "1")]
        second = [*lines("western hills so early in the year before it came.\n" + PROSE), (290, 40, 9, "2")]
        found = read("a.pdf", pdf([first, second]))
        assert "came over the western hills so early" in found.text
        assert place(found, "came over the western hills") == "pp. 1–2"
        assert place(found, "The harbour") == "p. 1"
        assert place(found, "western") == "p. 2"

    def test_running_heads_and_page_numbers_are_left_out_and_counted(self) -> None:
        words = ("one", "two", "three", "four")
        pages = [
            [
                (72, 800, 9, "THE ENNIS COURIER"),
                *lines("\n".join(f"{word} {line}" for line in PROSE.split("\n")) + "."),
                (290, 40, 9, f"- {number} -"),
            ]
            for number, word in enumerate(words, start=7)
        ]
        found = read("a.pdf", pdf(pages))
        text = found.text
        assert text.count("THE ENNIS COURIER") == 1
        assert "- 8 -" not in text
        assert [f"{word} The harbour" in text for word in words] == [True] * 4
        assert found.left_out == (("running heads and page numbers", 3 * 3 + 4 * 3),)
        assert parse("a.pdf", pdf(pages)).left_out == found.left_out

    def test_a_line_that_is_on_two_pages_only_stays(self) -> None:
        pages = [[*lines("Draft for the council\n\n" + PROSE)], [*lines("Draft for the council\n\n" + PROSE)]]
        assert read("a.pdf", pdf(pages)).text.count("Draft for the council") == 2

    def test_two_columns_drawn_line_by_line_are_read_one_after_the_other(self) -> None:
        left = [
            "The left column of this page",
            "tells of the storm and of the",
            "closed harbour of Port Ennis",
            "where nobody had seen such a",
            "night since the old pier was",
            "built a hundred years before.",
        ]
        right = [
            "The right column is about the",
            "ferry to Kelm which had been",
            "late all week because of fog",
            "that lay over the bay and the",
            "two islands near the opening",
            "of the wide and shallow sound.",
        ]
        drawn = []
        for number, (one, other) in enumerate(zip(left, right, strict=True)):
            drawn += [(72, 700 - number * LINE, 11, one), (320, 700 - number * LINE, 11, other)]
        title = [(72, 740, 18, "Two reports from the coast")]
        found = read("a.pdf", pdf([[*title, *drawn]]))
        assert found.text == f"Two reports from the coast\n\n{' '.join(left)}\n\n{' '.join(right)}"
        assert found.title == "Two reports from the coast"

    def test_a_footnote_stands_behind_the_paragraph_that_goes_on(self) -> None:
        first = [
            *lines(PROSE + "\nNobody had seen the storm that came over the"),
            (72, 60, 8, "1 See the report of the weather office."),
        ]
        found = read("a.pdf", pdf([first, lines("western hills so early in the year before it came.")]))
        assert "came over the western hills" in found.text
        assert place(found, "See the report") == "p. 1"

    def test_a_raised_number_is_no_part_of_the_one_before_it(self) -> None:
        drawn = [
            (72, 700, 12, "The pier was built in 1919"),
            (209, 705, 7, "2"),
            (216, 700, 12, "and it fell in that storm."),
        ]
        assert "1919²" in read("a.pdf", pdf([drawn])).text

    def test_cells_stand_apart(self) -> None:
        rows = [("Town", "Fare", "Ferry"), ("Kelm", "3", "Gull"), ("Osk", "14", "Tern")]
        drawn = [(72 + 150 * c, 700 - LINE * r, 11, cell) for r, row in enumerate(rows) for c, cell in enumerate(row)]
        assert read("a.pdf", pdf([drawn])).text.split("\n\n") == [
            "Town | Fare | Ferry",
            "Kelm | 3 | Gull",
            "Osk | 14 | Tern",
        ]

    def test_metadata_count_only_where_the_page_says_the_same(self) -> None:
        page = lines("The Storm of Ennis\n\nAda Brook\n\n" + PROSE)
        assert read("a.pdf", pdf([page], {"Title": "The Storm of Ennis", "Author": "Ada Brook"})).authors == (
            "Ada Brook",
        )
        found = read("a.pdf", pdf([page], {"Title": "Microsoft Word - x.doc", "Author": "Li Moss"}))
        assert found.authors != ("Li Moss",)
        assert "Microsoft" not in found.title

    def test_pages_that_are_images_are_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("rag.read.pdf.is_installed", lambda: False)
        text, scan = pdf([lines(PROSE)]), pdf([[]], image=True)
        with pytest.raises(RefusedFile, match="1 of 1 pages are images.*install tesseract"):
            parse_here("a.pdf", scan)
        assert read("a.pdf", text).notices == ()
        mixed = pdf([lines(PROSE), []], image=True)
        assert read("a.pdf", mixed).notices == ("1 of 2 pages are images; install tesseract to read them",)

    @pytest.mark.skipif(which("tesseract") is None, reason="tesseract is not installed")
    def test_a_page_that_is_an_image_is_read_by_ocr(self) -> None:
        import pypdfium2

        source = pypdfium2.PdfDocument(
            pdf([[(60, 700, 20, "The harbour of Ennis was closed"), (60, 670, 20, "after the storm of 1919.")]])
        )
        picture = source[0].render(scale=3, grayscale=True)
        rows = bytes(picture.buffer)
        pixels = b"".join(
            rows[n : n + picture.width] for n in range(0, picture.stride * picture.height, picture.stride)
        )
        scanned = pdf([[]]).replace(b"stream\nendstream", b"stream\nendstream")
        found = read("a.pdf", _with_image(pixels, picture.width, picture.height))
        assert "The harbour of Ennis was closed after the storm of 1919." in found.text
        assert "read by OCR" in found.notices[0]
        assert scanned

    def test_what_cannot_be_opened_is_refused(self) -> None:
        for data, reason in (
            (b"", "damaged or no PDF"),
            (b"%PDF-1.7 and nothing", "damaged or no PDF"),
            (pdf([[]]), "no page has text"),
            (pdf([lines(PROSE)])[:400], "damaged or no PDF"),
        ):
            with pytest.raises(RefusedFile, match=reason):
                parse_here("a.pdf", data)

    @given(st.binary(max_size=40), st.integers(0, 900))
    @settings(max_examples=60, deadline=None)
    def test_a_damaged_file_is_read_or_refused(self, junk: bytes, at: int) -> None:
        whole = pdf([lines(PROSE)])
        with suppress(RefusedFile):
            assert parse_here("a.pdf", whole[:at] + junk + whole[at + len(junk) :])


def _with_image(pixels: bytes, width: int, height: int) -> bytes:
    """A PDF whose one page is a grey picture."""
    import zlib

    packed = zlib.compress(pixels)
    head = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj "
    head += b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</XObject<</I 4 0 R>>>>/Contents 5 0 R>>endobj "
    head += (
        b"4 0 obj<</Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray/BitsPerComponent 8"
        b"/Filter/FlateDecode/Length %d>>stream\n" % (width, height, len(packed))
    )
    drawn = b"595 0 0 842 0 0 cm /I Do"
    return (
        head
        + packed
        + b"\nendstream endobj 5 0 obj<</Length %d>>stream\n%s\nendstream endobj trailer<</Root 1 0 R>>"
        % (len(drawn), drawn)
    )


class TestOffice:
    def test_word_has_sections_lists_tables_and_formulas(self) -> None:
        rows = "".join(f"<w:tr><w:tc>{word(a)}</w:tc><w:tc>{word(b)}</w:tc></w:tr>" for a, b in ROWS)
        table = f"<w:tbl>{rows}</w:tbl>"
        power = "<m:sSup><m:e><m:r><m:t>x</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup>"
        formula = f"<w:p><w:r><w:t>It costs </w:t></w:r><m:oMath>{power}</m:oMath><w:r><w:t> crowns.</w:t></w:r></w:p>"
        body = (
            word("The Ferry", "Title")
            + word("By boat", "Heading1")
            + word("It is slow.")
            + formula
            + word("Fares", "Heading2")
            + table
        )
        found = read("a.docx", docx(body))
        assert found.text.split("\n\n") == [
            "The Ferry",
            "By boat",
            "It is slow.",
            "It costs x^2 crowns.",
            "Fares",
            "Town | Fare",
            "Kelm | 3",
        ]
        assert found.title == "The Ferry"
        assert place(found, "It is slow.") == "section “By boat”"
        assert place(found, "Kelm | 3") == "section “Fares”"

    def test_word_footnotes_are_read_and_their_marks_are_no_digits(self) -> None:
        space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
        notes = (
            f'<w:footnotes xmlns:w="{space}"><w:footnote w:id="2">{word("See the rolls.")}</w:footnote></w:footnotes>'
        )
        body = (
            '<w:p><w:r><w:t>It opened in 1919</w:t></w:r><w:r><w:footnoteReference w:id="2"/></w:r>'
            "<w:r><w:t>.</w:t></w:r></w:p>"
        )
        text = read("a.docx", docx(body, footnotes=notes)).text
        assert "1919¹." in text
        assert "See the rolls." in text

    def test_open_document_has_sections_notes_and_tables(self) -> None:
        cell = "<table:table-cell><text:p>{}</text:p></table:table-cell>"
        rows = "".join(f"<table:table-row>{cell.format(a)}{cell.format(b)}</table:table-row>" for a, b in ROWS)
        table = f"<table:table>{rows}</table:table>"
        note = (
            "<text:note><text:note-citation>1</text:note-citation>"
            "<text:note-body><text:p>See the rolls.</text:p></text:note-body></text:note>"
        )
        body = (
            "<text:tracked-changes><text:p>gone</text:p></text:tracked-changes><text:h>By boat</text:h>"
            f"<text:p>It<text:s text:c='3'/>is <text:span>slow</text:span> since 1919{note}.</text:p>"
            f"<text:list><text:list-item><text:p>Kelm</text:p></text:list-item></text:list>{table}"
        )
        found = read("a.odt", odt(body))
        assert found.text.split("\n\n") == [
            "By boat",
            "It is slow since 1919¹.",
            "- Kelm",
            "Town | Fare",
            "Kelm | 3",
            "¹ See the rolls.",
        ]
        assert place(found, "It is slow") == "section “By boat”"

    def test_slides_begin_with_their_titles_and_end_with_their_notes(self) -> None:
        data = pptx(
            [("body", "It is slow."), ("title", "The Ferry"), ("sldNum", "1")],
            [("body", "It sank.")],
            notes={1: "Wait here."},
        )
        found = read("a.pptx", data)
        assert found.text.split("\n\n") == ["The Ferry", "It is slow.", "It sank.", "Notes: Wait here."]
        assert (place(found, "It is slow."), place(found, "Wait here."), place(found, "slow.\n\nIt sank")) == (
            "slide 1",
            "slide 2",
            "slides 1–2",
        )

    def test_chapters_are_places(self) -> None:
        found = read(
            "a.epub",
            epub(
                "<h1>1</h1><h2>The Gull</h2><p>It is slow.<br/>Very.</p>",
                "<p>It sank.</p>",
                "<h2>Afterword</h2><p>End.</p>",
            ),
        )
        assert found.text.split("\n\n") == ["1", "The Gull", "It is slow.", "Very.", "It sank.", "Afterword", "End."]
        assert [place(found, quote) for quote in ("It is slow.", "It sank.", "End.")] == [
            "1: The Gull",
            "Chapter 2",
            "Afterword",
        ]
        assert (found.title, found.authors, found.published, found.language) == (
            "The Quay",
            ("Ada Brook",),
            "2019-06-12",
            "en",
        )

    def test_rich_text(self) -> None:
        found = read(
            "a.rtf", rb"{\rtf1\ansi\ansicpg1251 {\b The Ferry}\par It is \'ec\'e5\'e4\'eb\'e5\'ed\'ed\'ee.\par}"
        )
        assert found.text == "The Ferry\n\nIt is медленно."
        with pytest.raises(RefusedFile, match="no rich text"):
            parse_here("a.rtf", b"The Ferry")

    @pytest.mark.parametrize("suffix", [".docx", ".odt", ".pptx", ".epub", ".xlsx"])
    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (b"", "damaged"),
            (b"PK\x03\x04 and nothing", "damaged"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "password"),
            (
                zipped(
                    {
                        "[Content_Types].xml": "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
                        "content.xml": "<a/>",
                        "ppt/presentation.xml": "<a/>",
                    }
                ),
                "entities|lacks|no text",
            ),
            (zipped({"content.xml": b"\0" * 90_000_000}), "far more than a document holds"),
            (zipped({f"{number}.xml": "" for number in range(10_001)}), "far more than a document holds"),
        ],
    )
    def test_what_is_no_such_file_is_refused(self, suffix: str, data: bytes, reason: str) -> None:
        with pytest.raises(RefusedFile, match=reason):
            parse_here(f"a{suffix}", data)

    def test_entities_are_refused(self) -> None:
        bomb = "<!DOCTYPE a [<!ENTITY b 'cccc'><!ENTITY d '&b;&b;&b;'>]>"
        for name, data in (("a.docx", docx(word("x"))), ("a.odt", odt("<text:p>x</text:p>"))):
            part = "word/document.xml" if name == "a.docx" else "content.xml"
            changed = zipped({**_entries(data), part: bomb + "<a>&d;</a>"})
            with pytest.raises(RefusedFile, match="entities"):
                parse_here(name, changed)

    def test_what_is_protected_is_refused(self) -> None:
        with pytest.raises(RefusedFile, match="password"):
            parse_here("a.odt", odt("<text:p>x</text:p>", manifest="<m><encryption-data/></m>"))
        rights = '<e><EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"/></e>'
        with pytest.raises(RefusedFile, match="encrypted for one reader"):
            parse_here("a.epub", epub("<p>x</p>", rights=rights))


def _entries(data: bytes) -> dict[str, str | bytes]:
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


class TestTables:
    def test_a_row_names_its_columns_and_its_number(self) -> None:
        found = read("a.csv", b'Town;Fare\r\nKelm;3\r\n\r\nOsk;"14; return 20"\r\n')
        assert found.text.split("\n\n") == ["Town | Fare", "Town: Kelm; Fare: 3", "Town: Osk; Fare: 14; return 20"]
        assert (place(found, "Kelm"), place(found, "Kelm; Fare: 3\n\nTown: Osk")) == ("row 2", "rows 2–4")

    def test_a_table_without_heads_keeps_its_cells(self) -> None:
        assert read("a.csv", b"Kelm,3\nOsk,4\n").text == "Kelm | 3\n\nOsk | 4"

    def test_sheets_rows_dates_and_shares(self) -> None:
        day = datetime.datetime(2019, 6, 12)
        data = xlsx(
            Fares=[["Prices of the ferry"], ["Town", "Fare", "Since"], ["Kelm", 3.0, day]], Ships=[["Gull", 1919]]
        )
        found = read("a.xlsx", data)
        assert found.text.split("\n\n") == [
            "Fares",
            "Prices of the ferry",
            "Town | Fare | Since",
            "Town: Kelm; Fare: 3; Since: 2019-06-12",
            "Ships",
            "Gull | 1919",
        ]
        assert (place(found, "Kelm"), place(found, "Gull")) == ("sheet Fares, row 3", "sheet Ships, row 1")

    @given(st.lists(st.lists(st.text("abc \"',;|\n1", max_size=6), min_size=2, max_size=4), min_size=1, max_size=8))
    @settings(max_examples=100, deadline=None)
    def test_no_cell_is_lost(self, rows: list[list[str]]) -> None:
        import csv
        import io

        written = io.StringIO()
        csv.writer(written).writerows(rows)
        try:
            text = read("a.csv", written.getvalue().encode()).text
        except RefusedFile:
            return
        for row in csv.reader(io.StringIO(written.getvalue())):
            assert all(word in text for cell in row for word in re.findall(r"\w+", cell))


class TestRestructured:
    def test_sections_and_roles_are_read_and_unknown_directives_stay(self) -> None:
        text = (
            "The Ferry\n=========\n\nIt is :ref:`slow <x>`.\n\n.. versionadded:: 3\n   It sank.\n\n"
            ".. include:: /etc/hostname\n\nFares\n-----\n\n- Kelm\n\n.. code-block:: text\n   :linenos:\n\n   x = 1\n"
        )
        found = read("a.rst", text.encode())
        assert found.text.startswith("The Ferry\n\nIt is slow.\n\n.. versionadded:: 3\n\n   It sank.")
        assert "x = 1" in found.text
        assert Path("/etc/hostname").read_text().strip() not in found.text
        assert place(found, "- Kelm") == "section “Fares”"


def letter(**attached: bytes) -> bytes:
    message = EmailMessage()
    message["From"], message["Subject"] = "Ada Brook <ada@courier.example>", "The ferry – a reply"
    message["Date"] = "Wed, 12 Jun 2019 23:30:00 +0200"
    message.set_content("It sank on Monday.\n\nNobody was hurt.")
    message.add_alternative("<p>It sank on <b>Monday</b>.</p>", subtype="html")
    for name, data in attached.items():
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name.replace("_", "."))
    return message.as_bytes()


class TestMail:
    def test_a_message(self) -> None:
        found = read("a.eml", letter())
        assert (found.id, found.title, found.authors, found.published) == (
            "a.eml",
            "The ferry – a reply",
            ("Ada Brook",),
            "2019-06-12",
        )
        assert found.text == "It sank on Monday.\n\nNobody was hurt."

    def test_attachments_are_articles_and_what_is_not_read_is_told(self) -> None:
        data = letter(
            fares_csv=b"Town,Fare\nKelm,3\n", report_pdf=pdf([lines(PROSE)]), ship_png=b"\x89PNG", old_doc=b"x"
        )
        one, table, report = parse_here("a.eml", data)
        assert [each.id for each in (one, table, report)] == ["a.eml#1", "a.eml#2", "a.eml#3"]
        assert (table.title, table.published, place(table, "Kelm")) == ("fares.csv", "2019-06-12", "row 2")
        assert place(report, "harbour") == "p. 1"
        assert [note.split(":")[0] for note in one.notices] == ["attachment ship.png", "attachment old.doc"]
        assert "save it as .docx" in one.notices[1]

    def test_a_mailbox(self) -> None:
        mbox = b"".join(
            b"From ada@x Wed Jun 12 10:00:00 2019\n" + each + b"\n\n"
            for each in (letter(), b"Subject: Two\n\nHello.\n>From here on.\nFrom all of us\n")
        )
        one, two = parse_here("a.mbox", mbox)
        assert (one.id, one.title, two.id, two.title) == ("a.mbox#1", "The ferry – a reply", "a.mbox#2", "Two")
        assert two.text == "Hello.\n\nFrom here on.\n\nFrom all of us"

    def test_a_message_in_a_message(self) -> None:
        inner, outer = EmailMessage(), EmailMessage()
        inner["Subject"] = "Inside"
        inner.set_content("The inner text.")
        outer["Subject"] = "Outside"
        outer.set_content("The outer text.")
        outer.add_attachment(inner)
        assert [(each.title, each.text) for each in parse_here("a.eml", outer.as_bytes())] == [
            ("Outside", "The outer text."),
            ("Inside", "The inner text."),
        ]

    @given(st.binary(max_size=300))
    @settings(max_examples=100, deadline=None)
    def test_whatever_comes_is_read_or_refused(self, data: bytes) -> None:
        for name in ("a.eml", "a.mbox", "a.rtf", "a.csv"):
            with suppress(RefusedFile):
                assert all(each.text for each in parse_here(name, b"Subject: x\n\n" + data))


class TestWorker:
    def test_reads_the_same_as_this_process(self) -> None:
        data = letter(report_pdf=pdf([lines(PROSE)]))
        with Worker() as worker:
            assert worker.read("a.eml", data) == parse_here("a.eml", data)
            with pytest.raises(RefusedFile, match="damaged or no PDF"):
                worker.read("a.pdf", b"x")
            assert worker.read("a.pdf", pdf([lines(PROSE)])) == parse_here("a.pdf", pdf([lines(PROSE)]))

    def test_a_file_that_takes_too_long_is_refused_and_the_next_is_read(self) -> None:
        begun = time.monotonic()
        refused = pytest.raises(RefusedFile, match="longer than 2 seconds")
        with Worker(seconds=2) as worker, hanging(), refused:
            worker.read("a.pdf", b"x")
        assert time.monotonic() - begun < 20
        with Worker() as worker:
            assert worker.read("a.pdf", pdf([lines(PROSE)]))

    def test_a_crash_is_one_refused_file(self) -> None:
        with Worker() as worker:
            with crashing(), pytest.raises(RefusedFile, match="crashed"):
                worker.read("a.pdf", b"x")
            assert worker.read("a.pdf", pdf([lines(PROSE)]))

    def test_a_file_that_fills_the_memory_is_refused(self) -> None:
        with Worker(memory=1 << 29) as worker, filling(), pytest.raises(RefusedFile, match="memory|crashed"):
            worker.read("a.pdf", b"x")

    def test_may_be_used_by_several_threads(self) -> None:
        found: list[list[Document]] = []
        data = pdf([lines(PROSE)])
        with Worker() as worker:
            threads = [threading.Thread(target=lambda: found.append(worker.read("a.pdf", data))) for _ in range(4)]
            for each in threads:
                each.start()
            for each in threads:
                each.join()
        assert found == [parse_here("a.pdf", data)] * 4

    def test_does_not_import_from_the_current_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "lxml.py").write_text("raise SystemExit")
        monkeypatch.chdir(tmp_path)
        assert parse("a.odt", odt("<text:p>It sank.</text:p>")).text == "It sank."

    @pytest.mark.parametrize("suffix", READERS)
    def test_no_format_is_read_in_this_process(self, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("rag.read.parse_here", None)
        with Worker() as worker, suppress(RefusedFile):
            parse_all(f"a{suffix}", b"The ferry sank.", worker)

    def test_a_busy_one_keeps_no_other_file_waiting(self) -> None:
        with ThreadPoolExecutor(1) as elsewhere, Worker(seconds=30) as worker:
            with hanging():
                worker._running()
            waiting = elsewhere.submit(worker.read, "a.txt", b"x")
            while not worker._lock.locked():
                time.sleep(0)
            assert worker.read("b.txt", b"It rained.")[0].text == "It rained."
            assert not waiting.done()

    def test_what_was_read_before_decides_about_no_file(self) -> None:
        with Worker() as worker:
            with reading("[] if id == 'a.txt' else __import__('os').abort()"):
                assert worker.read("a.txt", b"x") == []
            assert worker.read("b.txt", b"It rained.")[0].text == "It rained."

    def test_one_that_ended_while_idle_is_started_again(self) -> None:
        with Worker() as worker:
            with running("import rag.read.worker as w; w.IDLE_SECONDS = 0.1"):
                first = worker._running()
            assert worker.read("a.txt", b"It rained.")
            assert first.wait(timeout=20) == 0
            assert worker.read("a.txt", b"It rained.")


@contextmanager
def running(code: str) -> Iterator[None]:
    """Let the processes that are started run ``code`` before they read."""
    real = subprocess.Popen

    def popen(command: list[str], **rest: object) -> subprocess.Popen[bytes]:
        *before, program = command
        return real([*before, program.replace("serve(", f"{code}; serve(")], **rest)  # type: ignore[call-overload, no-any-return]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rag.read.worker.subprocess.Popen", popen)
        yield


def reading(code: str) -> AbstractContextManager[None]:
    """Let the processes that are started do ``code`` in place of reading a file."""
    return running(f"import rag.read; rag.read.parse_here = lambda id, data: ({code})")


def hanging() -> AbstractContextManager[None]:
    return reading("[None for _ in iter(int, 1)]")


def crashing() -> AbstractContextManager[None]:
    return reading("__import__('os').abort()")


def filling() -> AbstractContextManager[None]:
    return reading("[bytes(1 << 20) for _ in range(1 << 20)]")


def test_every_format_has_a_version() -> None:
    versions = {suffix: reader_version(f"a{suffix}") for suffix in READERS}
    assert "pypdfium2=" in versions[".pdf"]
    assert [suffix for suffix, version in versions.items() if "pypdfium2" in version] == [".pdf", ".eml", ".mbox"]
    assert reader_version("b/A.PDF") == versions[".pdf"]


def test_what_is_not_read_is_told_with_what_helps(tmp_path: Path) -> None:
    for name in ("a.doc", "b.pages", "c.jpg", "d.zip", "e"):
        (tmp_path / name).write_bytes(b"x")
    _, skipped, _ = scan(tmp_path)
    assert [each.reason.partition("; ")[2][:20] for each in skipped] == [
        "save it as .docx wit",
        "export it as .docx o",
        "put it into a .pdf, ",
        "unpack it and put it",
        "save it as .txt or .",
    ]


def test_several_articles_of_a_file_are_numbered() -> None:
    assert [each.id for each in parse_all("m/a.eml", letter(b_csv=b"Town,Fare\nKelm,3\n"))] == [
        "m/a.eml#1",
        "m/a.eml#2",
    ]


W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
DELETION = "<text:changed-region><text:deletion><text:p>a lie</text:p></text:deletion></text:changed-region>"
NOTE = "<office:annotation><text:p>Is it so?</text:p></office:annotation>"
CHART = '<c:chart xmlns:c="c" xmlns:a="a"><a:t>Fares by town</a:t><c:v>Kelm</c:v><c:v>3</c:v></c:chart>'
LEFT_OUT = {
    "deletions.docx": (
        docx(
            word("It sank.")
            + "<w:p><w:del><w:r><w:delText>a lie</w:delText></w:r></w:del><w:r><w:t>By day.</w:t></w:r></w:p>"
        ),
        {"deleted text": 2},
    ),
    "comments.docx": (
        docx(
            word("It sank."),
            comments=f"<w:comments {W}><w:comment w:id='1'>{word('Is it so?')}</w:comment></w:comments>",
        ),
        {"comments": 3},
    ),
    "heads.docx": (
        docx(word("It sank."), header1=f"<w:hdr {W}><w:p><w:r><w:t>The Courier</w:t></w:r></w:p></w:hdr>"),
        {"running heads and page numbers": 2},
    ),
    "hidden.docx": (
        docx(
            word("It sank.")
            + "<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>Say no.</w:t></w:r><w:r><w:t>By day.</w:t></w:r></w:p>"
        ),
        {"hidden text": 2},
    ),
    "shown.docx": (
        docx('<w:p><w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t>It sank.</w:t></w:r></w:p>'),
        {},
    ),
    "chart.docx": (with_parts(docx(word("It sank.")), {"word/charts/chart1.xml": CHART}), {"charts and diagrams": 5}),
    "chart.pptx": (
        with_parts(pptx([("title", "It sank.")]), {"ppt/charts/chart1.xml": CHART, "ppt/charts/style1.xml": CHART}),
        {"charts and diagrams": 5},
    ),
    "broken.pptx": (with_parts(pptx([("title", "It sank.")]), {"ppt/charts/chart1.xml": "<c"}), {}),
    "chart.xlsx": (with_parts(xlsx(Fares=[["It sank."]]), {"xl/charts/chart1.xml": CHART}), {"charts and diagrams": 5}),
    "changes.odt": (
        odt(f"<text:tracked-changes>{DELETION}</text:tracked-changes><text:p>It sank.{NOTE}</text:p>"),
        {"comments": 3, "deleted text": 2},
    ),
    "hidden.epub": (epub("<p>It sank.</p><p style='font-size:0'>Say no.</p>"), {"hidden text": 2}),
    "form.pdf": (
        pdf(
            [lines("It sank.")],
            notes=[
                "/Subtype /Widget /FT /Tx /T (name) /V (Ada Brook)",
                "/Subtype /Widget /FT /Btn /T (yes) /V /Yes",
                "/Subtype /Text /Contents (Is it so?)",
            ],
        ),
        {"comments": 3, "values in forms": 2},
    ),
}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_is_not_read_is_counted_by_kind(name: str) -> None:
    data, left_out = LEFT_OUT[name]
    found = read(name, data)
    assert dict(found.left_out) == left_out
    assert set(found.text.split()) <= {"It", "sank.", "By", "day."}
    assert "It sank." in found.text


def test_hidden_text_of_a_mail_is_counted() -> None:
    hidden = "<div style='display:none'>Read <b style='display:none'>this <i aria-hidden=true>first</i></b></div>"
    found = read("a.eml", f"Subject: x\nContent-Type: text/html\n\n{hidden}<p>It sank.</p>".encode())
    assert (found.text, found.left_out) == ("It sank.", (("hidden text", 3),))


@pytest.mark.parametrize("tag", ['td"width=5"', 'x"y', "b'old", "a&b", "user's", "o:p"])
def test_a_tag_that_nobody_may_give_costs_no_mail(tag: str) -> None:
    body = f"<p>It <{tag}>sank.</p><p>By tram &#1;line&#0; 9.</p>"
    found = read("a.eml", f"Subject: x\nContent-Type: text/html\n\n{body}".encode())
    assert " ".join(found.text.split()).startswith("It sank. By tram line")
    assert "|" not in found.text


def test_the_title_is_no_section() -> None:
    found = read(
        "a.docx",
        docx(word("The ferry", "Heading1") + word("It sank.") + word("Fares", "Heading2") + word("It pays.")),
    )
    assert (found.title, place(found, "It sank."), place(found, "It pays.")) == ("The ferry", "", "section “Fares”")


@pytest.mark.parametrize(
    ("written", "authors"), [("Unknown", ()), ("Unknown Author", ()), ("Ada Brook", ("Ada Brook",))]
)
def test_a_book_whose_author_is_unknown_has_none(written: str, authors: tuple[str, ...]) -> None:
    book = epub("<p>It sank.</p>")
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        package = next(name for name in archive.namelist() if name.endswith(".opf"))
        text = archive.read(package).decode()
    changed = re.sub("<dc:creator>[^<]*", f"<dc:creator>{written}", text)
    assert changed.count(written) == 1
    assert read("a.epub", with_parts(book, {package: changed})).authors == authors


def test_a_title_of_one_word_in_a_pdfs_properties_is_not_believed() -> None:
    pages = [[(72, 780, 20, "The ferry of Kelm"), *lines(f"It sank near kelm.\n{PROSE}")]]
    assert read("a.pdf", pdf(pages, {"Title": "kelm"})).title == "The ferry of Kelm"
    assert read("a.pdf", pdf(pages, {"Title": "Ferry of Kelm"})).title == "Ferry of Kelm"


def test_a_question_is_no_title() -> None:
    talk = "Talk with a keeper\n\nBy Tom Reed\n25 March 2031\n\nQ: Who built it?\n\nA: Orla Finn built it in 1825."
    assert read("a.txt", talk.encode()).title == "Talk with a keeper"
