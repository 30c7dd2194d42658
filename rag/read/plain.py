"""Plain text is read: its front matter, or what its first and last lines tell, and the article alone."""

from __future__ import annotations

from rag.read.assemble import article
from rag.read.front_matter import header_of, split_front_matter
from rag.read.furniture import clean_paragraphs
from rag.read.lines import paragraphs
from rag.types import Document


def read_plain(id: str, text: str) -> Document:
    """Return an article as plain text, already decoded and cleaned."""
    fields, text = split_front_matter(text)
    lines = paragraphs(text)
    known, used = header_of(id, fields, lines)
    kept, left_out = clean_paragraphs(lines, used)
    return article(kept, (), known, left_out)
