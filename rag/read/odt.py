"""An OpenDocument text is read from its content.xml: headings, paragraphs, lists, tables and notes in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from rag.errors import RefusedFile
from rag.read.assemble import COMMENTS, DELETED, Paragraph, assemble, heading, one_line
from rag.read.blocks import raised
from rag.read.zipped import Archive, attribute, local
from rag.types import Document, Header

_UNREAD = frozenset({"annotation", "tracked-changes", "sequence-decls", "forms", "variable-decls", "user-field-decls"})
_COUNTED = {"annotation": COMMENTS, "deletion": DELETED}
MOST_SPACES = 100
"""In a row; more are of no use."""


def read_odt(id: str, data: bytes) -> Document:
    """Text, headings as sections, tables and notes of an .odt. Raises RefusedFile where it cannot be opened."""
    archive = Archive(data)
    manifest = "META-INF/manifest.xml"
    if manifest in archive.names and any(local(node) == "encryption-data" for node in archive.tree(manifest).iter()):
        raise RefusedFile("it asks for a password; save it without one")
    body = next((node for node in archive.tree("content.xml").iter() if local(node) == "text" and len(node)), None)
    if body is None:
        raise RefusedFile("there is no text in it; remove the file or fill it")
    notes: list[Paragraph] = []
    paragraphs = list(_blocks(body, "", notes))
    left_out: Counter[str] = Counter()
    for node in body.iter():
        if kind := _COUNTED.get(local(node)):
            left_out[kind] += len(" ".join(node.itertext()).split())
    return assemble([*paragraphs, *notes], _known(id, archive), left_out=left_out)


def _blocks(node: Any, mark: str, notes: list[Paragraph]) -> Iterator[Paragraph]:
    for child in node:
        name = local(child)
        if name == "h":
            yield heading(_text(child, notes))
        elif name == "p":
            for line in _text(child, notes).split("\n"):
                yield Paragraph(mark + line if line else "")
                mark = "" if line else mark
        elif name == "table":
            for row in (each for each in child.iter() if local(each) == "table-row"):
                inside = (_blocks(each, "", notes) for each in row if local(each) == "table-cell")
                cells = ["; ".join(each.text for each in blocks if each.text) for blocks in inside]
                yield Paragraph(" | ".join(cells) if any(cells) else "")
        elif name == "list-item":
            yield from _blocks(child, "- ", notes)
        elif name not in _UNREAD:
            yield from _blocks(child, mark, notes)


def _text(node: Any, notes: list[Paragraph]) -> str:
    """Return a paragraph's text. Its notes go to ``notes`` and leave their number."""
    parts = [node.text or ""]
    for child in node:
        name = local(child)
        if name == "s":
            parts.append(" " * min(MOST_SPACES, int(attribute(child, "c") or 1)))
        elif name == "tab":
            parts.append(" ")
        elif name == "line-break":
            parts.append("\x00")
        elif name == "note":
            parts.append(_note(child, notes))
        elif name not in _UNREAD and isinstance(child.tag, str):
            parts.append(_text(child, notes))
        parts.append(child.tail or "")
    return "\n".join(one_line(line) for line in "".join(parts).split("\x00"))


def _note(node: Any, notes: list[Paragraph]) -> str:
    number = raised("".join(next((each for each in node if local(each) == "note-citation"), node).itertext()))
    body = next((each for each in node if local(each) == "note-body"), None)
    if body is not None:
        notes.append(Paragraph(f"{number} " + " ".join(each.text for each in _blocks(body, "", notes))))
    return number


def _known(id: str, archive: Archive) -> Header:
    """Read title and language from the document's properties."""
    said: dict[str, str] = {}
    if "meta.xml" in archive.names:
        for node in archive.tree("meta.xml").iter():
            said.setdefault(local(node), one_line(node.text))
    return Header(id, title=said.get("title", "")[:200], language=said.get("language", "")[:20])
