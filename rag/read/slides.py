"""A PowerPoint file is read slide by slide: titles, texts, tables and the speaker's notes."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any

from rag.errors import RefusedFile, Translatable
from rag.read.assemble import Paragraph, assemble, one_line
from rag.read.zipped import Archive, attribute, local
from rag.types import Document, Header

_SHOW = "ppt/presentation.xml"
_NOT_NOTES = frozenset({"sldNum", "dt", "hdr", "ftr", "sldImg"})


def read_pptx(id: str, data: bytes) -> Document:
    """Read the text of all slides and where each begins. Raises RefusedFile where it cannot be opened."""
    archive = Archive(data)
    targets = _related(archive, _SHOW)
    listed = (_reference(node) for node in archive.tree(_SHOW).iter() if local(node) == "sldId")
    slides = [targets[each][0] for each in listed if each in targets]
    paragraphs: list[Paragraph] = []
    missing = 0
    for number, name in enumerate(slides, start=1):
        try:
            found = [each for each in _slide(archive, name) if each.text]
        except RefusedFile:
            missing += 1
            continue
        if found:
            found[0].places = [(0, "slide", str(number))]
        paragraphs += found
    lost = Translatable("{missing} of {slides} slides are damaged; save it again", missing=missing, slides=len(slides))
    header = Header(id, title=paragraphs[0].text[:200] if paragraphs else "")
    return assemble(paragraphs, header, [lost] if missing else [], left_out=archive.beside())


def _reference(node: Any) -> str:
    """Return the relationship that an element names. It has another id besides, without a namespace."""
    return next((value for key, value in node.attrib.items() if key.endswith("}id")), "")


def _slide(archive: Archive, name: str) -> Iterator[Paragraph]:
    yield from _shapes(archive.tree(name))
    for target, kind in _related(archive, name).values():
        if kind.endswith("/notesSlide") and target in archive.names:
            for number, each in enumerate(_shapes(archive.tree(target), _NOT_NOTES)):
                yield Paragraph(each.text if number else f"Notes: {each.text}")


def _shapes(tree: Any, without: frozenset[str] = frozenset({"sldNum", "dt", "ftr"})) -> Iterator[Paragraph]:
    """Return the paragraphs of a slide's shapes, the title first."""
    shapes = [node for node in tree.iter() if local(node) in ("sp", "tbl")]
    kinds = {id(shape): next((attribute(n, "type") for n in shape.iter() if local(n) == "ph"), "") for shape in shapes}
    for shape in sorted(shapes, key=lambda each: kinds[id(each)] not in ("title", "ctrTitle")):
        if kinds[id(shape)] in without:
            continue
        if local(shape) == "tbl":
            for row in (node for node in shape.iter() if local(node) == "tr"):
                cells = ["; ".join(filter(None, map(_text, _lines(cell)))) for cell in row if local(cell) == "tc"]
                yield Paragraph(" | ".join(cells) if any(cells) else "")
        else:
            yield from (Paragraph(_text(line)) for line in _lines(shape))


def _lines(node: Any) -> list[Any]:
    return [each for each in node.iter() if local(each) == "p"]


def _text(node: Any) -> str:
    parts = [(each.text or "") if local(each) == "t" else " " * (local(each) in ("br", "tab")) for each in node.iter()]
    return one_line("".join(parts))


def _related(archive: Archive, name: str) -> dict[str, tuple[str, str]]:
    """Return what a part refers to: the other part's name and the kind, by the reference's id."""
    folder, file = posixpath.split(name)
    relations = f"{folder}/_rels/{file}.rels"
    if relations not in archive.names:
        return {}
    return {
        attribute(node, "Id"): (_target(folder, attribute(node, "Target")), attribute(node, "Type"))
        for node in archive.tree(relations)
        if attribute(node, "TargetMode") != "External"
    }


def _target(folder: str, target: str) -> str:
    return target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
