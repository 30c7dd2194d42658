"""Plain text is read: paragraphs, what their first and last lines tell, and the article alone."""

from __future__ import annotations

import re

from rag.read.assemble import article
from rag.read.encoding import decode
from rag.read.furniture import clean_paragraphs
from rag.read.header import find_header
from rag.read.lines import paragraphs
from rag.types import Document, Header

_PAGE = re.compile(r"\s*(?:<\?xml[^>]*\?>\s*)?<(?:!doctype\s+html|html)\b", re.IGNORECASE)


def read_plain(id: str, data: bytes) -> Document:
    """Read the article in a text file, or in a page that was saved under the name of one."""
    text = decode(data)
    if _PAGE.match(text[:1000]):
        from rag.read.html import read_html

        return read_html(id, data)
    lines = paragraphs(text)
    found = find_header(lines)
    kept, left_out = clean_paragraphs(lines, found.used)
    known = Header(id, found.title, found.outlet, found.authors, found.published, source=found.source)
    return article(kept, (), known, left_out)
