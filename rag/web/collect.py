"""Collect articles by address. Each becomes a file in the folder, with a note of where and when it was saved."""

from __future__ import annotations

import codecs
import json
import mimetypes
from datetime import date
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from rag.read import READERS
from rag.read.fetch import Fetched, fetch
from rag.web.shelf import Shelf, Taken, safe_name

LONGEST_TITLE = 100
"""Characters of a title in a file's name."""

_PAGES = ("text/html", "application/xhtml+xml")
_OF_NAMES = ("punycode", "idna")  # encodings of names, not of pages; twice the text takes three times as long
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def collect(shelf: Shelf, address: str, *, private: bool = False) -> Taken:
    """Save what an address gives in the folder of articles. Raises FootnoteError with the reason where that cannot be."""
    shelf.check_writable()
    found = fetch(address, shelf.max_bytes, private=private)
    suffix = suffix_of(found)
    data = noted(found, suffix, date.today().isoformat())
    name = safe_name(f"article{suffix}")  # a format that is not read is refused here
    article = shelf.read(name, data)[0]
    return shelf.keep(safe_name(file_name(found.address, article.title, suffix)), data, article.text)


def suffix_of(found: Fetched) -> str:
    """Return the suffix of the format that was fetched: by the content, the media type, then the address.

    >>> suffix_of(Fetched("https://a.test/get?id=7", "application/octet-stream", "", b"%PDF-1.7"))
    '.pdf'
    """
    if found.data.startswith(b"%PDF-"):
        return ".pdf"
    if found.kind in _PAGES:
        return ".html"
    in_address = PurePosixPath(unquote(urlsplit(found.address).path)).suffix.lower()
    if in_address in READERS:
        return in_address
    if not found.kind and b"<html" in found.data[:1000].lower():
        return ".html"
    return mimetypes.guess_extension(found.kind) or in_address


def file_name(address: str, title: str, suffix: str) -> str:
    """Name a file by site and title. By the last part of the address where there is no title.

    >>> file_name("https://www.courier.test/2031/tram.html", "Harbour town votes / for a tram", ".html")
    'courier.test - Harbour town votes - for a tram.html'
    """
    parts = urlsplit(address)
    last = PurePosixPath(unquote(parts.path)).stem
    title = " ".join((title or last or "page").replace("/", "-").replace("\\", "-").split())[:LONGEST_TITLE]
    return f"{(parts.hostname or '').removeprefix('www.').replace(':', '-')} - {title}{suffix}"


def noted(found: Fetched, suffix: str, day: str) -> bytes:
    """Add a note of address and day to a file. Where its format has no place for it, it stays as it came.

    Pages get the comment that browsers write into those they save. Where the server names the encoding, the text becomes
    UTF-8, for a file has nobody to name it.
    """
    text = _text(found)
    if suffix == ".html":
        note = f"<!-- saved from url=({len(found.address):04d}){found.address} -->\n<!-- saved on {day} -->\n"
        return f"\ufeff{note}{text}".encode() if text is not None else note.encode() + found.data
    if text is None:
        return found.data
    if suffix in (".md", ".markdown") and not text.lstrip().startswith(("---", "+++", "{")):
        text = f"---\nsource: {json.dumps(found.address)}\nsaved: {day}\n---\n{text}"
    elif suffix in (".txt", ".text"):
        text = f"Source: {found.address}\n\n{text}"
    return f"\ufeff{text}".encode() if suffix in (".md", ".markdown", ".txt", ".text") else found.data


def _text(found: Fetched) -> str | None:
    """Decode by the byte order mark or by what the server says; None where neither is there or fits."""
    marked = next((name for mark, name in _MARKS.items() if found.data.startswith(mark)), "")
    charset = marked or {"iso-8859-1": "cp1252", "latin-1": "cp1252"}.get(
        found.charset, found.charset
    )  # as browsers do
    try:
        return found.data.decode(charset) if charset and codecs.lookup(charset).name not in _OF_NAMES else None
    except (LookupError, UnicodeError):
        return None
