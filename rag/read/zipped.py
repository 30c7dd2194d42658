"""Files that are ZIP archives of XML (OOXML, OpenDocument, EPUB) are opened with limits, and without entities."""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from typing import Any

from rag.errors import RefusedFile
from rag.read.assemble import CHARTS, COMMENTS

MOST_ENTRIES = 10_000
MOST_BYTES = 300_000_000
"""All entries together, unpacked."""
LARGEST_ENTRY = 100_000_000
MOST_RATIO = 200
"""How much larger an entry may be than what is stored of it; text has 3 to 20, drawings of one colour more."""

_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_DECLARES = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)|<\0!\0(?:D\0O\0C\0T|E\0N\0T)|\0<\0!\0(?:D\0O|E\0N)", re.IGNORECASE)


class Archive:
    """An archive whose directory has been checked. Raises RefusedFile for one that is none or too large."""

    def __init__(self, data: bytes) -> None:
        if data.startswith(_OLD_OFFICE):
            raise RefusedFile("it asks for a password or is of an old kind; save it anew, without a password")
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
            entries = self._zip.infolist()
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
            raise RefusedFile("it is damaged; open it in another program and save it again") from None
        self.names = {each.filename: each for each in entries}
        if len(entries) > MOST_ENTRIES or sum(each.file_size for each in entries) > MOST_BYTES:
            raise RefusedFile("it unpacks to far more than a document holds; save its text as .txt")
        for each in entries:
            if each.flag_bits & 1:
                raise RefusedFile("it asks for a password; save it without one")
            if each.file_size > LARGEST_ENTRY or each.file_size > 1_000_000 + MOST_RATIO * each.compress_size:
                raise RefusedFile("it unpacks to far more than a document holds; save its text as .txt")

    def read(self, name: str) -> bytes:
        """Read an entry, never more than its directory says. Raises RefusedFile where it is missing or damaged."""
        entry = self.names.get(name)
        if entry is None:
            raise RefusedFile("it lacks {name}, so it is damaged or of another kind; save it again", name=name[:60])
        try:
            with self._zip.open(entry) as stream:
                data = stream.read(entry.file_size + 1)
        except Exception:  # BadZipFile, EOFError, zlib.error, lzma.LZMAError and more
            raise RefusedFile("it is damaged; open it in another program and save it again") from None
        if len(data) > entry.file_size:
            raise RefusedFile("it unpacks to more than it says; save its text as .txt")
        return data

    def words(self, parts: str, elements: Collection[str]) -> int:
        """Count the words in elements of parts whose names match a pattern, if they are XML."""
        count = 0
        for name in self.names:
            if re.fullmatch(parts, name):
                with suppress(RefusedFile):
                    tree = self.tree(name)
                    count += sum(len((node.text or "").split()) for node in tree.iter() if local(node) in elements)
        return count

    def beside(self) -> Counter[str]:
        """Count the words of an Office file that stand beside its text: in charts, diagrams and comments."""
        charts = self.words(r"\w+/charts/chart[^/]*\.xml", ("t", "v")) + self.words(r"\w+/diagrams/data.*", ("t",))
        comments = self.words(r"\w+/(comments|threadedComments).*\.xml", ("t", "text"))
        return Counter({CHARTS: charts, COMMENTS: comments})

    def tree(self, name: str) -> Any:
        """Return an entry as an element tree. Raises RefusedFile where it is no XML or declares entities."""
        return xml(self.read(name))

    def check(self) -> None:
        """Read every part that is XML, for libraries that read them without limits. Raises RefusedFile."""
        for name in self.names:
            if name.endswith((".xml", ".rels", ".vml")) and _DECLARES.search(self.read(name)):
                raise RefusedFile("it declares entities, which no document needs; save it again")


def xml(data: bytes, declares: bool = False) -> Any:
    """Return bytes as an element tree without entities and network. A document type is refused unless it ``declares``."""
    from lxml import etree

    if not declares and _DECLARES.search(data):
        raise RefusedFile("it declares entities, which no document needs; save it again")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True, recover=declares)
    try:
        tree = etree.fromstring(data, parser)
    except etree.XMLSyntaxError:
        raise RefusedFile("it is damaged; open it in another program and save it again") from None
    if tree is None:
        raise RefusedFile("it is damaged; open it in another program and save it again")
    return tree


def local(node: Any) -> str:
    """Return an element's name without its namespace, empty for a comment."""
    return node.tag.rpartition("}")[2] if isinstance(node.tag, str) else ""


def attribute(node: Any, name: str) -> str:
    """Return an attribute by its name without its namespace, empty where there is none."""
    return next((value for key, value in node.attrib.items() if key.rpartition("}")[2] == name), "")
