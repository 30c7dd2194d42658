"""Read a draft from a file: text and Markdown as they stand, everything else as articles are read."""

from __future__ import annotations

from pathlib import Path, PurePath

from rag.errors import DraftError, RefusedFile
from rag.read import MEGABYTE, READERS, Worker, parse_all
from rag.read.encoding import decode
from rag.read.front_matter import split_front_matter

LARGEST = 50 * MEGABYTE
_TEXT = ("", ".txt", ".text", ".md", ".markdown")


def read_draft(path: Path) -> str:
    """Return the text of a draft's file; raise DraftError where there is none."""
    try:
        if path.stat().st_size > LARGEST:
            raise DraftError("{name} is larger than 50 MB; save its text as .txt", name=path)
        data = path.read_bytes()
    except OSError as error:
        raise DraftError(
            "{name} cannot be read ({message}); name another file", name=path, message=(error.strerror or "").lower()
        ) from error
    return draft_text(path.name, data)


def draft_text(name: str, data: bytes, worker: Worker | None = None) -> str:
    """Return the text of a draft's bytes, whose name tells the format; what has none is text.

    Formats are read by the ``worker``, or by one that lives only now. Raises DraftError.

    >>> draft_text("draft.md", b"---\\ntitle: A dam\\n---\\nThe dam broke.")
    'The dam broke.'
    """
    suffix = PurePath(name).suffix.lower()
    try:
        if suffix in _TEXT:
            return split_front_matter(decode(data))[1]
        if suffix not in READERS:
            raise DraftError("{name} has a format that is not read; save it as .txt, .md or .docx", name=name)
        documents = parse_all(name, data, worker)
    except RefusedFile as refusal:
        raise DraftError("{name} cannot be read: {message}", name=name, message=refusal) from refusal
    return "\n\n".join(part for each in documents for part in (each.title, each.text) if part)
