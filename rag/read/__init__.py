"""A folder becomes articles: which files there are, what stands in them, and why some are left out.

``scan`` looks at a folder, ``read_all`` turns one of its files into Documents, ``parse_all`` does the same for bytes. A
format is one entry of ``READERS``. Files are read in a ``Worker``, a process of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path, PurePosixPath
from shutil import which

from rag.errors import RefusedFile
from rag.read.folder import MEGABYTE, QUESTIONS, SourceFile, check_folder, load, read_bytes, walk
from rag.read.unsupported import unsupported
from rag.read.worker import Worker
from rag.types import Document, FileReason

__all__ = [
    "MEGABYTE",
    "QUESTIONS",
    "READERS",
    "SourceFile",
    "Worker",
    "check_folder",
    "parse",
    "parse_all",
    "parse_here",
    "read",
    "read_all",
    "read_bytes",
    "reader_version",
    "scan",
    "unsupported",
]

Reader = Callable[[str, bytes], "Document | Sequence[Document]"]


def _plain(id: str, data: bytes) -> Document | Sequence[Document]:
    from rag.read.encoding import decode
    from rag.read.plain import read_plain

    text = decode(data)
    if re.match(r"\s*(?:<\?xml[^>]*\?>\s*)?<(?:!doctype\s+html|html)\b", text[:1000], re.IGNORECASE):
        return _html(id, data)  # a page saved under the wrong name
    return read_plain(id, text)


def _in(module: str, name: str) -> Reader:
    """Import a reader when the first of its files is read: some of them take their libraries half a second."""

    def reader(id: str, data: bytes) -> Document | Sequence[Document]:
        found: Reader = getattr(import_module(f"rag.read.{module}"), name)
        return found(id, data)

    return reader


_html, _markdown = _in("html", "read_html"), _in("markdown", "read_markdown")
READERS: dict[str, Reader] = {
    ".txt": _plain,
    ".text": _plain,
    ".md": _markdown,
    ".markdown": _markdown,
    ".html": _html,
    ".htm": _html,
    ".xhtml": _html,
    ".pdf": _in("pdf", "read_pdf"),
    ".docx": _in("word", "read_docx"),
    ".odt": _in("odt", "read_odt"),
    ".rtf": _in("rtf", "read_rtf"),
    ".epub": _in("epub", "read_epub"),
    ".pptx": _in("slides", "read_pptx"),
    ".xlsx": _in("tables", "read_xlsx"),
    ".csv": _in("tables", "read_csv"),
    ".tsv": _in("tables", "read_csv"),
    ".rst": _in("restructured", "read_rst"),
    ".eml": _in("mail", "read_eml"),
    ".mbox": _in("mail", "read_mbox"),
}
"""Suffix, in small letters, to reader: it takes an id and bytes and raises RefusedFile where it finds no article."""

_TEXT = ("chardet", "dateparser")
_HTML = (*_TEXT, "trafilatura")
_LIBRARIES: dict[str, tuple[str, ...]] = {
    ".md": (*_HTML, "markdown-it-py"),
    ".markdown": (*_HTML, "markdown-it-py"),
    ".pdf": (*_TEXT, "pypdfium2"),
    ".docx": (*_TEXT, "lxml", "mammoth"),
    ".odt": (*_TEXT, "lxml"),
    ".rtf": (*_TEXT, "striprtf"),
    ".epub": (*_TEXT, "lxml"),
    ".pptx": (*_TEXT, "lxml"),
    ".xlsx": ("openpyxl",),
    ".csv": _TEXT,
    ".tsv": _TEXT,
    ".rst": (*_TEXT, "docutils", "lxml"),
    ".eml": (*_HTML, "lxml", "mammoth", "openpyxl", "pypdfium2", "striprtf"),
    ".mbox": (*_HTML, "lxml", "mammoth", "openpyxl", "pypdfium2", "striprtf"),
}
"""What a format's text depends on besides our own rules; ``_HTML`` where it is not listed."""


def scan(folder: Path, max_bytes: int = 50 * MEGABYTE) -> tuple[list[SourceFile], list[FileReason], list[FileReason]]:
    """Return what a folder holds: the files to read, those skipped and those that failed, each sorted by id.

    Every file is in exactly one of the three. Hidden files and folders (one entry each), links, unsupported formats and
    whatever is no regular file are skipped; files that are unreadable, larger than ``max_bytes`` or have a name that is
    no text failed. Raises ArticlesError where there is no such folder.
    """
    return walk(Path(folder), frozenset(READERS), max_bytes)


def read(file: SourceFile) -> Document:
    """Read the first article in a scanned file, in this process. Raise RefusedFile, with a reason that can be shown."""
    return parse(file.id, load(file))


def read_all(file: SourceFile, worker: Worker | None = None) -> list[Document]:
    """Read the articles in a scanned file, at least one. Raise RefusedFile, with a reason that can be shown."""
    return parse_all(file.id, load(file), worker)


def parse(id: str, data: bytes) -> Document:
    """Read the first article in a file's bytes, in this process: for files that one trusts. Raises RefusedFile.

    ``id`` decides the format by its suffix.

    >>> document = parse("a.txt", b"Storm closes harbour\\n\\nBy Ada Brook\\n12 June 2019\\n\\nThe port of Ennis is shut.")
    >>> document.title, document.authors, document.published
    ('Storm closes harbour', ('Ada Brook',), '2019-06-12')
    """
    return parse_here(id, data)[0]


def parse_all(id: str, data: bytes, worker: Worker | None = None) -> list[Document]:
    """Read the articles in a file's bytes, at least one; those of a file with several are ``id#1``, ``id#2``, …

    They are read by the ``worker``, or by one that lives only now. Raises RefusedFile.
    """
    if worker is not None:
        return worker.read(id, data)
    with Worker() as once:
        return once.read(id, data)


def parse_here(id: str, data: bytes) -> list[Document]:
    """As ``parse_all``, in this process, without its limits."""
    suffix = PurePosixPath(id).suffix.lower()
    if suffix not in READERS:
        raise RefusedFile(unsupported(suffix))
    try:
        found = READERS[suffix](id, data)
    except (RefusedFile, MemoryError):
        raise
    except Exception as problem:  # whatever a parser meets in a strange file: the file is refused, the others go on
        raise RefusedFile(
            "the {suffix} reader failed ({kind}); save it as .txt", suffix=suffix, kind=type(problem).__name__
        ) from problem
    documents = [found] if isinstance(found, Document) else list(found)
    documents = [each for each in documents if any(letter.isalpha() for letter in each.text)]
    if not documents:
        raise RefusedFile("there is no text in it; remove the file or fill it")
    if len(documents) == 1:
        return documents
    return [replace(each, id=f"{id}#{number}") for number, each in enumerate(documents, start=1)]


def reader_version(id: str) -> str:
    """Change whenever the same bytes would be read otherwise, by our rules or by a library's."""
    return _version(PurePosixPath(id).suffix.lower())


@cache
def _version(suffix: str) -> str:
    from importlib.metadata import version

    libraries = [f"{library}={version(library)}" for library in _LIBRARIES.get(suffix, _HTML)]
    recognizes = ["ocr"] if suffix in (".pdf", ".eml", ".mbox") and which("tesseract") else []
    return " ".join(("4", *libraries, *recognizes))
