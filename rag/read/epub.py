"""An EPUB is read chapter by chapter along its spine."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from typing import Any
from urllib.parse import unquote

from rag.errors import RefusedFile, Translatable
from rag.read.assemble import Paragraph, assemble, one_line, place_name
from rag.read.markup import paragraphs_of
from rag.read.zipped import Archive, attribute, local, xml
from rag.types import Document, Header

_NOBODY = ("unknown", "unknown author")
"""What Calibre and LibreOffice write where they know no author."""
_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
"""Fonts may be scrambled in a book that everyone may read."""


def read_epub(id: str, data: bytes) -> Document:
    """Read the text of a book and where its chapters begin. Raises RefusedFile where it is encrypted or damaged."""
    archive = Archive(data)
    rights = "META-INF/encryption.xml"
    if rights in archive.names:
        methods = [
            attribute(node, "Algorithm") for node in archive.tree(rights).iter() if local(node) == "EncryptionMethod"
        ]
        if any(method not in _FONTS for method in methods):
            raise RefusedFile("it is encrypted for one reader; ask for a copy without protection")
    container = archive.tree("META-INF/container.xml")
    package = next((attribute(node, "full-path") for node in container.iter() if local(node) == "rootfile"), "")
    opened = xml(archive.read(package), declares=True)
    items = {attribute(node, "id"): node for node in opened.iter() if local(node) == "item"}
    spine = [items.get(attribute(node, "idref")) for node in opened.iter() if local(node) == "itemref"]
    paragraphs: list[Paragraph] = []
    missing = 0
    left_out: Counter[str] = Counter()
    for number, item in enumerate((each for each in spine if each is not None), start=1):
        if "nav" in attribute(item, "properties").split():
            continue
        name = posixpath.normpath(posixpath.join(posixpath.dirname(package), unquote(attribute(item, "href"))))
        try:
            paragraphs += _chapter(archive.read(name), number, left_out)
        except RefusedFile:
            missing += 1
    lost = Translatable(
        "{missing} of {chapters} chapters are damaged; save it again with Calibre", missing=missing, chapters=len(spine)
    )
    return assemble(paragraphs, _known(id, opened), [lost] if missing else [], left_out=left_out)


def _chapter(data: bytes, number: int, left_out: Counter[str]) -> list[Paragraph]:
    tree = xml(data, declares=True)
    body = next((node for node in tree.iter() if local(node) == "body"), tree)
    found = [each for each in paragraphs_of(body, left_out) if each.text]
    headings = [each for each in found[:5] if each.places]
    name = headings[0].text if headings else str(number)
    # The first two headings are often "Chapter 2" and what it is called.
    if len(headings) > 1 and found.index(headings[1]) == found.index(headings[0]) + 1:
        name = f"{headings[0].text}: {headings[1].text}"
    if name.isdecimal():
        name = f"Chapter {name}"
    for each in found:
        each.places = []
    if found:
        found[0].places = [(0, "chapter", place_name(name))]
    return found


def _known(id: str, package: Any) -> Header:
    said: dict[str, list[str]] = {}
    for node in package.iter():
        if text := one_line(node.text if isinstance(node.tag, str) else ""):
            said.setdefault(local(node), []).append(text)
    date = re.match(r"\d{4}(-\d\d(-\d\d)?)?", said.get("date", [""])[0])
    return Header(
        id,
        title=said.get("title", [""])[0][:200],
        outlet=said.get("publisher", [""])[0][:100],
        authors=tuple(each for each in said.get("creator", ())[:10] if each.casefold() not in _NOBODY),
        published=date[0] if date and "1000" <= date[0] < "2100" else "",
        language=said.get("language", [""])[0][:20],
    )
