"""Paragraphs of a file become its Document: header, text, and where its pages and sections begin."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rag.read.encoding import clean
from rag.read.header import find_header
from rag.types import Document, Header, Locator

_BETWEEN = "\n\n"
LONGEST_PLACE = 80
"""Characters of a heading that names a place."""


@dataclass(slots=True)
class Paragraph:
    """A line of text and what begins in it: (character, kind, name), as in ``Locator``."""

    text: str
    places: list[tuple[int, str, str]] = field(default_factory=list)


def heading(text: str, kind: str = "section") -> Paragraph:
    """Return a paragraph that heads a section."""
    return Paragraph(text, [(0, kind, place_name(text))])


def place_name(text: str) -> str:
    """Shorten a heading to what names a place.

    >>> place_name("1. The harbour\\nof Ennis")
    '1. The harbour of Ennis'
    """
    text = one_line(text)
    return text if len(text) <= LONGEST_PLACE else text[: LONGEST_PLACE - 1].rstrip() + "…"


def one_line(text: str | None) -> str:
    """Clean a text and put it on one line."""
    return " ".join(clean(text or "").split())


def assemble(
    paragraphs: Iterable[Paragraph],
    known: Header,
    notices: Sequence[str] = (),
    find: bool = True,
    left_out: Mapping[str, int] | None = None,
) -> Document:
    """Join paragraphs to a Document, all of them; what ``known`` lacks their lines may tell where ``find`` is true.

    >>> lines = [Paragraph("Storm closes harbour"), heading("Monday"), Paragraph("The port is shut.")]
    >>> document = assemble(lines, Header("a.docx"))
    >>> document.text[document.places[0].start:]
    'Monday\\n\\nThe port is shut.'
    """
    kept = [each for each in paragraphs if each.text.strip()]
    found = find_header([each.text for each in kept], known.title) if find else None
    places: list[Locator] = []
    length = 0
    for each in kept:
        places += [Locator(length + start, kind, name) for start, kind, name in each.places]
        length += len(each.text) + len(_BETWEEN)
    return Document(
        id=known.id,
        title=(found.title if found else known.title) or known.title,
        outlet=known.outlet or (found.outlet if found else ""),
        authors=known.authors or (found.authors if found else ()),
        published=known.published or (found.published if found else ""),
        language=known.language,
        source=known.source or (found.source if found else ""),
        text=_BETWEEN.join(each.text for each in kept),
        places=tuple(places),
        notices=tuple(notices),
        left_out=tuple((left_out or {}).items()),
    )


_SIGNIFICANT = re.compile(r"[^\W_]+")


def stands_in(line: str, text: str) -> bool:
    """Tell whether a text says what a file's metadata say, which are often another document's.

    >>> stands_in("Harbour report", "THE HARBOUR REPORT\\n2019"), stands_in("Microsoft Word - x.doc", "Harbour report")
    (True, False)
    """
    words = " ".join(_SIGNIFICANT.findall(line.casefold()))
    return bool(words) and f" {words} " in f" {' '.join(_SIGNIFICANT.findall(text.casefold()))} "
