"""A folder becomes articles: which files there are, what stands in them, and why some are left out.

``scan`` looks at a folder, ``read`` turns one of its files into a Document, ``parse`` does the same for bytes. A format
is one entry of ``READERS``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from rag.errors import RefusedFile
from rag.read.folder import MEGABYTE, QUESTIONS, SourceFile, check_folder, load, walk
from rag.types import Document, FileReason

__all__ = ["MEGABYTE", "QUESTIONS", "READERS", "READER_VERSION", "SourceFile", "check_folder", "parse", "read", "scan"]


def _plain(id: str, data: bytes) -> Document:
    from rag.read.encoding import decode
    from rag.read.plain import read_plain

    text = decode(data)
    if re.match(r"\s*(?:<\?xml[^>]*\?>\s*)?<(?:!doctype\s+html|html)\b", text[:1000], re.IGNORECASE):
        return _html(id, data)  # a page saved under the wrong name
    return read_plain(id, text)


def _markdown(id: str, data: bytes) -> Document:
    from rag.read.markdown import read_markdown

    return read_markdown(id, data)


def _html(id: str, data: bytes) -> Document:
    from rag.read.html import read_html

    return read_html(id, data)


READERS: dict[str, Callable[[str, bytes], Document]] = {
    ".txt": _plain,
    ".text": _plain,
    ".md": _markdown,
    ".markdown": _markdown,
    ".html": _html,
    ".htm": _html,
    ".xhtml": _html,
}
"""Suffix, in small letters, to reader: it takes an id and bytes and raises RefusedFile where it finds no article."""


def scan(folder: Path, max_bytes: int = 50 * MEGABYTE) -> tuple[list[SourceFile], list[FileReason], list[FileReason]]:
    """What a folder holds: the files to read, those skipped and those that failed, each sorted by id.

    Every file is in exactly one of the three. Hidden files and folders (one entry each), links, unsupported formats and
    whatever is no regular file are skipped; files that are unreadable, larger than ``max_bytes`` or have a name that is
    no text failed. Raises ArticlesError where there is no such folder.
    """
    return walk(Path(folder), frozenset(READERS), max_bytes)


def read(file: SourceFile) -> Document:
    """The article in a scanned file; raises RefusedFile, with a reason that can be shown, where there is none."""
    return parse(file.id, load(file))


def parse(id: str, data: bytes) -> Document:
    """The article in a file's bytes; ``id`` decides the format by its suffix. Raises RefusedFile where there is none.

    >>> document = parse("a.txt", b"Storm closes harbour\\n\\nBy Ada Brook\\n12 June 2019\\n\\nThe port of Ennis is shut.")
    >>> document.title, document.authors, document.published
    ('Storm closes harbour', ('Ada Brook',), '2019-06-12')
    """
    suffix = PurePosixPath(id).suffix.lower()
    if suffix not in READERS:
        raise RefusedFile(f"unsupported format {suffix}; save it as .txt, .md or .html")
    try:
        document = READERS[suffix](id, data)
    except RefusedFile:
        raise
    except Exception as problem:  # whatever a parser meets in a strange file: the file is refused, the others go on
        raise RefusedFile(f"the {suffix} reader failed ({type(problem).__name__}); save it as .txt") from problem
    if not any(letter.isalpha() for letter in document.text):
        raise RefusedFile("there is no text in it; remove the file or fill it")
    return document


def __getattr__(name: str) -> str:
    if name == "READER_VERSION":
        return _reader_version()
    raise AttributeError(name)


READER_VERSION: str
"""Changes whenever the same bytes would read differently, by our rules or a library's; worked out when first asked for."""


def _reader_version() -> str:
    from importlib.metadata import version

    libraries = ("chardet", "dateparser", "markdown-it-py", "trafilatura")
    return " ".join(("2", *(f"{library}={version(library)}" for library in libraries)))
