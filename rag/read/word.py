"""A Word document is made HTML by mammoth, which knows its styles, lists, notes and changes; that is read like a page."""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from typing import Any

from rag.read.assemble import DELETED, HIDDEN, RUNNING_HEADS, assemble, one_line
from rag.read.markup import paragraphs_of
from rag.read.zipped import Archive, local, xml
from rag.types import Document, Header

_STYLES = """
p[style-name='Title'] => h1:fresh
p[style-name='Subtitle'] => p:fresh
p[style-name='Quote'] => p:fresh
p[style-name='Intense Quote'] => p:fresh
"""
_CORE = "docProps/core.xml"
_TEXT = "word/document.xml"
_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"


def read_docx(id: str, data: bytes) -> Document:
    """Text, headings as sections, tables and notes of a .docx. Raises RefusedFile where it cannot be opened."""
    import mammoth
    from lxml import html

    archive = Archive(data)
    archive.check()
    archive.read("[Content_Types].xml")
    left_out = archive.beside()
    left_out[DELETED] = archive.words(re.escape(_TEXT), ("delText",))
    left_out[RUNNING_HEADS] = archive.words(r"word/(header|footer)\d*\.xml", ("t",))
    converted = mammoth.convert_to_html(
        io.BytesIO(_prepared(archive, data, left_out)),
        style_map=_STYLES,
        convert_image=mammoth.images.img_element(lambda _: {"src": ""}),
    )
    tree = html.fragment_fromstring(converted.value, create_parent="div")
    for back in tree.xpath("//a[starts-with(@href, '#') and normalize-space()='↑']"):
        back.drop_tree()
    for note in tree.xpath("//sup/a"):
        note.text = (note.text or "").strip("[]")
    paragraphs = paragraphs_of(tree)
    titles = tree.xpath("//h1")
    title = one_line(titles[0].text_content()) if len(titles) and tree[0] is titles[0] else ""
    return assemble(paragraphs, Header(id, title=title[:200], language=_language(archive)), left_out=left_out)


def _prepared(archive: Archive, data: bytes, left_out: Counter[str]) -> bytes:
    """Return the file with its formulas as text and without hidden text.

    Mammoth leaves formulas out, and their sentences would lack a part; hidden text it writes.
    """
    from lxml import etree

    if _TEXT not in archive.names or not re.search(b"oMath|:vanish", written := archive.read(_TEXT)):
        return data
    tree = xml(written)
    for mark in list(tree.iter(f"{_WORD}vanish")):
        run = mark.getparent().getparent()
        if run is not None and local(run) == "r" and mark.get(f"{_WORD}val") not in ("0", "false", "off"):
            left_out[HIDDEN] += len("".join(run.itertext()).split())
            run.getparent().remove(run)
    for formula in list(tree.iter(f"{_MATH}oMath")):
        run = etree.Element(f"{_WORD}r")
        etree.SubElement(run, f"{_WORD}t").text = f" {_linear(formula).strip()} "
        run.tail = formula.tail
        formula.getparent().replace(formula, run)
    for group in list(tree.iter(f"{_MATH}oMathPara")):  # a run is not looked for inside one
        for run in group:
            group.addprevious(run)
        group.getparent().remove(group)
    changed = io.BytesIO()
    with zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as rewritten:
        for name in archive.names:
            rewritten.writestr(name, etree.tostring(tree) if name == _TEXT else archive.read(name))
    return changed.getvalue()


def _linear(node: Any) -> str:
    """Return a formula on one line: "a^2", "(a+b)/(c)"."""
    between = {"sup": "^", "sub": "_", "den": ")/("}
    parts = []
    for child in node:
        inner = (child.text or "") if local(child) == "t" else _linear(child)
        parts.append(between.get(local(child), "") + inner)
    text = "".join(parts)
    return f"({text})" if local(node) == "f" else text


def _language(archive: Archive) -> str:
    """Return the language that the file's properties name, which few do."""
    if _CORE not in archive.names:
        return ""
    return next((one_line(node.text)[:20] for node in archive.tree(_CORE).iter() if local(node) == "language"), "")
