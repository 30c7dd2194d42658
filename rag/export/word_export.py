"""Write the page of an export as a Word file: headings, lists, and each article's quotes as a footnote.

python-docx writes no footnotes, so their part of the file is made here. It has three kinds of elements: ``w:footnotes`` in a
part of its own, ``w:footnoteReference`` in the text, and, where an article is cited again, a ``NOTEREF`` field that
repeats the note's number (ECMA-376 part 1, 17.11 and 17.16.5.41).
"""

from __future__ import annotations

from datetime import datetime, timezone
from io import BytesIO
from typing import Any

_NOTES = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"
_IN_NOTE = {"from": "{}.", "address": "{}.", "place": "({})"}
"""How the parts of a source stand in its note; its quotes as they are."""
_HANGING = 18
"""Points by which an item's lines stand in from its number."""


def docx(title: str, page: Any) -> bytes:
    """Write a page as ``rag.export.formats`` draws it. Raises what python-docx raises for text that XML cannot hold."""
    from docx import Document
    from docx.shared import Pt

    document = Document()
    about = document.core_properties
    about.title, about.author, about.comments = title[:255], "", ""
    about.created = about.modified = datetime.now(timezone.utc)
    notes = _Notes(page)
    for each in page.find("body").iter("h1", "h2", "h3", "p", "li"):
        if each.tag.startswith("h"):
            document.add_heading(_text(each), int(each.tag[1]) - 1)
            continue
        if each.tag == "li" and each.find("p") is not None:
            continue  # its paragraphs come by themselves
        paragraph = document.add_paragraph()
        if each.tag == "li":
            listed = each.getparent()
            number = int(listed.get("start", "1")) + listed.index(each)
            paragraph.add_run(f"{number}. " if listed.tag == "ol" else "• ")
            paragraph.paragraph_format.left_indent = Pt(_HANGING)
            paragraph.paragraph_format.first_line_indent = Pt(-_HANGING)
        kind = each.get("class")
        _write(paragraph, each, notes, bold=kind == "label", italic=kind in ("remark", "address"))
    notes.store(document)
    file = BytesIO()
    document.save(file)
    return file.getvalue()


def _write(paragraph: Any, element: Any, notes: _Notes, bold: bool = False, italic: bool = False) -> None:
    """Append an element's text to a paragraph, run by run."""

    def run(text: str | None) -> None:
        if text:
            added = paragraph.add_run(text)
            added.bold, added.italic = bold or None, italic or None

    run(element.text)
    for each in element:
        if each.tag == "sup":
            notes.refer(paragraph, each[0].get("href")[1:])
        else:
            marked = each.get("class") in ("mark", "context")
            _write(paragraph, each, notes, bold or each.tag == "strong", italic or marked)
        run(each.tail)


def _text(element: Any) -> str:
    return "".join(element.itertext())


class _Notes:
    """The footnotes of a file: the sources of a page, taken out of it, by the ids that its links lead to."""

    def __init__(self, page: Any) -> None:
        self._texts: dict[str, str] = {}
        self._numbers: dict[str, int] = {}
        for sources in page.findall(".//ol[@class='sources']"):
            for source in sources:
                parts = [_IN_NOTE.get(each.get("class"), "{}").format(_text(each)) for each in source]
                self._texts[source.get("id")] = " ".join(parts)
            sources.getparent().remove(sources.getprevious())
            sources.getparent().remove(sources)

    def refer(self, paragraph: Any, id: str) -> None:
        """Append the mark of a footnote. The first one of an article makes its note, later ones repeat the number."""
        from docx.oxml import OxmlElement
        from docx.oxml.ns import qn

        number, known = len(self._numbers) + 1, id in self._numbers
        number = self._numbers.setdefault(id, number)
        name = f"_RefNote{number}"

        def element(tag: str, **attributes: str) -> Any:
            return OxmlElement(f"w:{tag}", attrs={qn(f"w:{key}"): value for key, value in attributes.items()})

        mark = paragraph.add_run(str(number) if known else "")
        mark.font.superscript = True
        if known:
            field = element("fldSimple", instr=f" NOTEREF {name} \\h ")
            field.append(mark._r)
            paragraph._p.append(field)
            return
        mark._r.append(element("footnoteReference", id=str(number)))
        mark._r.addprevious(element("bookmarkStart", id=str(number), name=name))
        mark._r.addnext(element("bookmarkEnd", id=str(number)))

    def store(self, document: Any) -> None:
        """Put the footnotes that were referred to into the file."""
        from docx.opc.constants import RELATIONSHIP_TYPE
        from docx.opc.packuri import PackURI
        from docx.opc.part import Part
        from docx.oxml.ns import nsmap
        from lxml import etree
        from lxml.builder import ElementMaker

        word = ElementMaker(namespace=nsmap["w"], nsmap={"w": nsmap["w"]})
        name = f"{{{nsmap['w']}}}".__add__

        def note(number: int, *runs: Any, **attributes: str) -> Any:
            attributes = {name(key): value for key, value in attributes.items()}
            return word.footnote({name("id"): str(number), **attributes}, word.p(*runs))

        notes = [
            note(-1, word.r(word.separator()), type="separator"),
            note(0, word.r(word.continuationSeparator()), type="continuationSeparator"),
        ]
        for id, number in self._numbers.items():
            mark = word.r(word.rPr(word.vertAlign({name("val"): "superscript"})), word.footnoteRef())
            notes.append(note(number, mark, word.r(word.t(f" {self._texts[id]}"))))
            notes[-1].find(f".//{name('t')}").set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
        blob = etree.tostring(word.footnotes(*notes), xml_declaration=True, encoding="UTF-8", standalone=True)
        part = Part(PackURI("/word/footnotes.xml"), _NOTES, blob, document.part.package)
        document.part.relate_to(part, RELATIONSHIP_TYPE.FOOTNOTES)
