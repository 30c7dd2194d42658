"""Rich text is read by striprtf."""

from __future__ import annotations

from rag.errors import RefusedFile
from rag.read.assemble import Paragraph, assemble
from rag.read.encoding import clean
from rag.read.lines import paragraphs
from rag.types import Document, Header


def read_rtf(id: str, data: bytes) -> Document:
    """Read the text of an .rtf; raises RefusedFile where it is none."""
    from striprtf.striprtf import rtf_to_text

    if not data.lstrip().startswith(b"{\\rtf"):
        raise RefusedFile("it is no rich text; save it again as .rtf, or as .txt if it is text")
    text = clean(rtf_to_text(data.decode("latin-1"), errors="ignore"))
    # A cell ends with a bar of striprtf's own.
    lines = (line.strip().strip("|").replace("|", " | ") if line.endswith("|") else line for line in paragraphs(text))
    return assemble([Paragraph(" ".join(line.split())) for line in lines], Header(id))
