"""Plain text is read: paragraphs, what their first and last lines tell, and the article alone."""

from __future__ import annotations

from rag.read.furniture import clean_paragraphs
from rag.read.lines import paragraphs
from rag.read.opening import read_opening
from rag.types import Document


def read_plain(id: str, text: str) -> Document:
    """An article as plain text, already decoded and cleaned."""
    lines = paragraphs(text)
    opening = read_opening(lines)
    return Document(
        id=id,
        title=opening.title,
        outlet=opening.outlet,
        authors=opening.authors,
        published=opening.published,
        source=opening.source,
        text="\n\n".join(clean_paragraphs(lines, opening.used)),
    )
