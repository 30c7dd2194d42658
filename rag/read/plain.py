"""Plain text is read: paragraphs, what their first and last lines tell, and the article alone."""

from __future__ import annotations

from rag.read.assemble import article
from rag.read.furniture import clean_paragraphs
from rag.read.header import find_header
from rag.read.lines import paragraphs
from rag.types import Document, Header


def read_plain(id: str, text: str) -> Document:
    """Return an article as plain text, already decoded and cleaned."""
    lines = paragraphs(text)
    found = find_header(lines)
    kept, left_out = clean_paragraphs(lines, found.used)
    known = Header(id, found.title, found.outlet, found.authors, found.published, source=found.source)
    return article(kept, (), known, left_out)
