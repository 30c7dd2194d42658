"""Small files of many formats, written here byte by byte so that a test says what is in them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence

LINE = 14
"""Points from line to line."""


def pdf(
    pages: Sequence[Iterable[tuple[float, float, float, str]]],
    metadata: Mapping[str, str] | None = None,
    image: bool = False,
    notes: Sequence[str] = (),
) -> bytes:
    """A PDF whose pages hold texts: (x, y, size, text) in points from below, in Helvetica.

    With ``image`` each page also holds a grey picture. ``notes`` are the entries of annotations and fields, on each page.
    """
    refs = " ".join(f"{number} 0 R" for number in range(4, 4 + len(notes)))
    objects = [
        f"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [{refs}] >> >>"
        if notes
        else "<< /Type /Catalog /Pages 2 0 R >>",
        "",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        *(f"<< /Type /Annot /Rect [9 9 99 29] {note} >>" for note in notes),
    ]
    noted = f" /Annots [{refs}]" if notes else ""
    kids = []
    for page in pages:
        drawn = "".join(f"BT /F1 {size} Tf {x} {y} Td ({_escaped(text)}) Tj ET\n" for x, y, size, text in page)
        if image:
            drawn += "q 400 0 0 400 90 90 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \x80 EI Q\n"
        number = len(objects) + 1
        kids.append(f"{number} 0 R")
        objects += [
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] "
            f"/Resources << /Font << /F1 3 0 R >> >> /Contents {number + 1} 0 R{noted} >>",
            f"<< /Length {len(drawn)} >>\nstream\n{drawn}endstream",
        ]
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    if metadata:
        objects.append("<< " + " ".join(f"/{name} ({_escaped(value)})" for name, value in metadata.items()) + " >>")
    written, offsets = "%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(written))
        written += f"{number} 0 obj\n{body}\nendobj\n"
    info = f" /Info {len(objects)} 0 R" if metadata else ""
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    start = len(written)
    written += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
    written += f"trailer << /Size {len(objects) + 1} /Root 1 0 R{info} >>\nstartxref\n{start}\n%%EOF"
    return written.encode("latin-1")


def lines(text: str, x: float = 72, y: float = 740, size: float = 11) -> list[tuple[float, float, float, str]]:
    """The lines of a text below each other; an empty one leaves a gap."""
    return [(x, y - number * LINE, size, line) for number, line in enumerate(text.split("\n")) if line]


def _escaped(text: str) -> str:
    return text.encode("cp1252").decode("latin-1").replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def zipped(entries: Mapping[str, str | bytes]) -> bytes:
    """A ZIP archive."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return written.getvalue()


_OFFICE = "application/vnd.openxmlformats-officedocument"
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_MATH = "http://schemas.openxmlformats.org/officeDocument/2006/math"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def with_parts(data: bytes, parts: Mapping[str, str]) -> bytes:
    """The same archive with further parts."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return zipped({**{name: archive.read(name) for name in archive.namelist()}, **parts})


def docx(body: str, **others: str) -> bytes:
    """A Word document with that inside its ``w:body``; ``others`` are further parts below word/, without their .xml."""
    kinds = "".join(
        f'<Override PartName="/word/{name}.xml" ContentType="{_OFFICE}.wordprocessingml.{name}+xml"/>'
        for name in ("document.main", *others)
    ).replace("document.main.xml", "document.xml")
    relations = "".join(
        f'<Relationship Id="r{name}" Type="{_RELATIONS}/{name}" Target="{name}.xml"/>' for name in others
    )
    return zipped(
        {
            "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f"{kinds}</Types>",
            "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="r1" Type="{_RELATIONS}/officeDocument" '
            'Target="word/document.xml"/></Relationships>',
            "word/_rels/document.xml.rels": f'<Relationships xmlns="{_PACKAGE}">{relations}</Relationships>',
            "word/document.xml": f'<w:document xmlns:w="{_WORD}" xmlns:m="{_MATH}"><w:body>{body}</w:body></w:document>',
            "word/styles.xml": f'<w:styles xmlns:w="{_WORD}">'
            + "".join(
                f'<w:style w:type="paragraph" w:styleId="{id}"><w:name w:val="{name}"/></w:style>'
                for id, name in (("Title", "Title"), ("Heading1", "heading 1"), ("Heading2", "heading 2"))
            )
            + "</w:styles>",
            **{f"word/{name}.xml": content for name, content in others.items()},
        }
    )


def word(text: str, style: str = "") -> str:
    """A paragraph of Word."""
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f'<w:p>{properties}<w:r><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'


def odt(body: str, manifest: str = "") -> bytes:
    """An OpenDocument text with that inside its ``office:text``."""
    spaces = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "text", "table")
    )
    parts = {
        "mimetype": "application/vnd.oasis.opendocument.text",
        "content.xml": f"<office:document-content{spaces}><office:body><office:text>{body}</office:text>"
        "</office:body></office:document-content>",
    }
    return zipped({**parts, **({"META-INF/manifest.xml": manifest} if manifest else {})})


def epub(*chapters: str, rights: str = "") -> bytes:
    """A book titled "The Quay" by Ada Brook with those bodies as chapters."""
    items = "".join(
        f'<item id="c{n}" href="c{n}.xhtml" media-type="application/xhtml+xml"/>' for n, _ in enumerate(chapters)
    )
    spine = "".join(f'<itemref idref="c{n}"/>' for n, _ in enumerate(chapters))
    parts = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>',
        "OEBPS/book.opf": '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        "<metadata><dc:title>The Quay</dc:title><dc:creator>Ada Brook</dc:creator><dc:date>2019-06-12T00:00:00Z</dc:date>"
        f"<dc:language>en</dc:language></metadata><manifest>{items}</manifest><spine>{spine}</spine></package>",
    }
    for number, body in enumerate(chapters):
        parts[f"OEBPS/c{number}.xhtml"] = (
            f'<!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml"><head><title>x</title></head><body>{body}</body></html>'
        )
    return zipped({**parts, **({"META-INF/encryption.xml": rights} if rights else {})})


def pptx(*slides: Sequence[tuple[str, str]], notes: Mapping[int, str] | None = None) -> bytes:
    """A show of slides, each of (kind of placeholder, text); ``notes`` are the speaker's, by slide from 0."""
    p, a = (
        "http://schemas.openxmlformats.org/presentationml/2006/main",
        "http://schemas.openxmlformats.org/drawingml/2006/main",
    )
    spaces = f'xmlns:p="{p}" xmlns:a="{a}" xmlns:r="{_RELATIONS}"'

    def shapes(found: Iterable[tuple[str, str]]) -> str:
        return "".join(
            f'<p:sp><p:nvSpPr><p:nvPr><p:ph type="{kind}"/></p:nvPr></p:nvSpPr>'
            f"<p:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"
            for kind, text in found
        )

    def related(pairs: Iterable[tuple[str, str, str]]) -> str:
        inside = "".join(
            f'<Relationship Id="{id}" Type="{_RELATIONS}/{kind}" Target="{target}"/>' for id, kind, target in pairs
        )
        return f'<Relationships xmlns="{_PACKAGE}">{inside}</Relationships>'

    ids = "".join(f'<p:sldId id="{256 + n}" r:id="r{n}"/>' for n, _ in enumerate(slides))
    parts = {
        "ppt/presentation.xml": f"<p:presentation {spaces}><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": related(
            (f"r{n}", "slide", f"slides/slide{n}.xml") for n, _ in enumerate(slides)
        ),
    }
    for number, found in enumerate(slides):
        parts[f"ppt/slides/slide{number}.xml"] = f"<p:sld {spaces}>{shapes(found)}</p:sld>"
        if notes and number in notes:
            parts[f"ppt/slides/_rels/slide{number}.xml.rels"] = related(
                [("n", "notesSlide", f"../notesSlides/n{number}.xml")]
            )
            parts[f"ppt/notesSlides/n{number}.xml"] = (
                f"<p:notes {spaces}>{shapes([('body', notes[number]), ('sldNum', '7')])}</p:notes>"
            )
    return zipped(parts)


def xlsx(**sheets: Sequence[Sequence[object]]) -> bytes:
    """A workbook with those rows in its sheets."""
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()
