"""Change the folder of articles for the page. Files come in under names of our own, and go away without a loss.

What a browser calls a file is never a path: of it only letters are taken for a name in the folder itself, never in one below.
Nothing is overwritten, nothing is deleted, and no symbolic link is followed.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import unicodedata
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rag.errors import ArticlesError, FootnoteError, RefusedFile, Translatable
from rag.read import READERS, Worker, parse_all, read_bytes, unsupported
from rag.settings import EXAMPLES
from rag.text.normalize import normalize
from rag.types import Document

REMOVED = ".removed"
"""The hidden folder inside the folder of articles that removed files are moved to; hidden folders are never read."""
LONGEST_NAME = 200
"""Bytes of a name in UTF-8, leaving room for a number and for what other programs add; file systems take 255."""
SAME_NAMES = 1000

# What no name of a file may have somewhere: separators, wildcards, controls, bidirectional marks, what is no character.
_FORBIDDEN = re.compile(
    '[/\\\\:*?"<>|\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff0-\uffff\ud800-\udfff]+'
)
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(\..*)?", re.IGNORECASE)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def safe_name(name: str) -> str:
    """Name a file that a browser calls ``name``. Raises RefusedFile where its format is not read.

    >>> safe_name("../../etc/Storm: a report?.MD")
    'Storm- a report-.md'
    >>> safe_name("con.txt"), safe_name("...txt"), safe_name(".html")
    ('_con.txt', 'article.txt', 'article.html')
    >>> safe_name("photo.png")
    Traceback (most recent call last):
    rag.errors.RefusedFile: unsupported format .png; put it into a .pdf, whose pages tesseract can read
    """
    last = re.split(r"[/\\]", normalize(name))[-1]
    stem, dot, ending = _FORBIDDEN.sub("-", last).rpartition(".")
    suffix = f"{dot}{ending.strip().lower()}"
    if suffix not in READERS:
        raise RefusedFile(unsupported(suffix[:20] if dot else ""))
    stem = " ".join(stem.split()).strip(". ")
    stem = stem.encode()[: LONGEST_NAME - len(suffix)].decode(errors="ignore").strip(". ") or "article"
    return f"_{stem}{suffix}" if _DEVICE.fullmatch(stem) else f"{stem}{suffix}"


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that came in: ``renamed`` where its name was another file's, ``known`` where the same was there already."""

    name: str
    renamed: bool = False
    known: bool = False


class Shelf:
    """Take files of at most ``max_bytes`` into a folder of articles and put them away. Safe to use from any thread."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._folder = folder
        self._worker = Worker()

    def obstacle(self) -> str:
        """Return why the folder cannot be changed, or empty."""
        name = self._folder.name
        if not self._folder.is_dir():
            return Translatable("the folder {name} is not there; files can be added once it is", name=name)
        if self._folder == EXAMPLES:
            return "the examples take no articles of yours; start again with --articles and the path of your folder"
        if not os.access(self._folder, os.W_OK | os.X_OK):
            return Translatable(
                "the folder {name} cannot be written, so no file can be added or removed here; change its permissions",
                name=name,
            )
        return ""

    def add(self, name: str, data: bytes) -> Taken:
        """Put a file into the folder, if it is an article. Raises FootnoteError with the reason where it is none."""
        name = self.check_name(name)
        self.read(name, data)
        return self.keep(name, data)

    def check_name(self, name: str) -> str:
        """Return what a file of that name is called here. Raises FootnoteError where none can come in."""
        self.check_writable()
        return safe_name(name)

    def read(self, name: str, data: bytes) -> list[Document]:
        """Read the articles in a file's bytes, in a process of its own. Raise RefusedFile."""
        return parse_all(name, data, self._worker)

    def keep(self, name: str, data: bytes, text: str = "") -> Taken:
        """Put an article's file into the folder. A file of that name with the same ``text`` stays instead.

        Write beside and rename: whoever reads the folder meanwhile finds the whole file or none.
        """
        if self._holds(name, data, text):
            return Taken(name, known=True)
        temporary = self._folder / f".incoming-{secrets.token_hex(8)}"
        try:
            with os.fdopen(os.open(temporary, _CREATE, 0o666), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            taken = {unicodedata.normalize("NFC", each).casefold() for each in os.listdir(self._folder)}  # noqa: PTH208 - names
            kept = _moved(temporary, self._folder, name, taken)
        except OSError as problem:
            raise unwritable(self._folder, problem) from None
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
        return Taken(kept.name, renamed=kept.name != name)

    def load(self, id: str) -> bytes:
        """Return the bytes of an article's file; raise ArticlesError."""
        path = self._located(id)
        try:
            if path is None:
                raise FileNotFoundError
            return read_bytes(self._folder, path.relative_to(self._folder).parts, self.max_bytes)
        except (OSError, RefusedFile):
            raise ArticlesError("this file is not there any more; look at the list again") from None

    def put_away(self, id: str) -> str:
        """Move an article's file into ``REMOVED`` and return its name there. Raises ArticlesError where that cannot be."""
        self.check_writable()
        path = self._located(id)
        if path is None:
            raise ArticlesError("this file is not there any more; look at the list again")
        try:
            removed = self._folder / REMOVED
            removed.mkdir(exist_ok=True)
            if removed.is_symlink():
                raise ArticlesError(
                    "{folder} in the folder of articles is a link; remove it or move the file by hand", folder=REMOVED
                )
            kept = _moved(path, removed, path.name)
        except OSError as problem:
            raise unwritable(self._folder, problem) from None
        return kept.name

    def close(self) -> None:
        """End the process that reads."""
        self._worker.close()

    def _holds(self, name: str, data: bytes, text: str) -> bool:
        if self._located(name) is None:
            return False
        try:
            known = self.load(name)
            return known == data or bool(text and self.read(name, known)[0].text == text)
        except ArticlesError:
            return False

    def _located(self, id: str) -> Path | None:
        """Return the regular file of that id. Ids are in NFC, names on disk need not be. Goes down name by name,
        through no link.
        """
        place = self._folder
        *folders, last = id.split("/")
        for part in folders:
            found = _entry(place, part)
            if found is None or not found.is_dir(follow_symlinks=False):
                return None
            place = place / found.name
        found = _entry(place, last)
        return place / found.name if found is not None and found.is_file(follow_symlinks=False) else None

    def check_writable(self) -> None:
        """Raise ArticlesError where the folder cannot be changed."""
        if obstacle := self.obstacle():
            raise ArticlesError(obstacle)


def unwritable(folder: Path, problem: OSError) -> FootnoteError:
    """Return the error that tells why a folder cannot be written."""
    reason = os.strerror(problem.errno or errno.EIO).lower()
    return ArticlesError(
        "the folder {name} cannot be written ({message}); free the disk or set its permissions",
        name=folder.name,
        message=reason,
    )


def _entry(folder: Path, name: str) -> os.DirEntry[str] | None:
    with suppress(OSError), os.scandir(folder) as entries:
        same = [each for each in entries if unicodedata.normalize("NFC", each.name) == name]
        return min(same, key=lambda each: each.name != name, default=None)
    return None


def _moved(path: Path, folder: Path, name: str, taken: Collection[str] = ()) -> Path:
    """Move a file into a folder under a free name. Its own, or that with a number."""
    for number in range(1, SAME_NAMES):
        candidate = name if number == 1 else f"{Path(name).stem}-{number}{Path(name).suffix}"
        place = folder / candidate
        if candidate.casefold() in taken:
            continue
        try:  # an empty file holds the place: a rename would overwrite another's
            os.close(os.open(place, _CREATE, 0o666))
        except FileExistsError:
            continue
        try:
            return path.replace(place)
        except OSError:
            place.unlink(missing_ok=True)
            raise
    raise RefusedFile("too many files have this name; rename it")
