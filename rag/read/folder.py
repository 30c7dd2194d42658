"""A folder is walked: which files are articles, which are not, and why.

Nothing but regular files is ever read, and no symbolic link is followed, neither for a file nor for a folder above it:
a path is opened part by part from the folder down, so a file that is swapped for a link cannot lead out.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rag.errors import ArticlesError, RefusedFile, Translatable, UnreadableFile
from rag.read.unsupported import unsupported
from rag.types import FileReason

MEGABYTE = 1_000_000
QUESTIONS = "questions.jsonl"
"""A file beside the articles: what the page suggests to ask, and what ``rag eval`` asks."""

_BLOCK = 1 << 20
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_DIRECTORY = getattr(os, "O_DIRECTORY", 0)
_FILE = os.O_RDONLY | _NO_FOLLOW | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
# Controls, bytes that are no text, line separators and bidirectional marks: none belongs in a name.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to read; ``id`` is its path relative to the folder, with forward slashes, in NFC; ``size`` counts bytes."""

    id: str
    path: Path
    sha256: str
    size: int


class _Skipped(Exception):
    """A file that is not meant to be an article."""


class _TooLarge(Exception):
    """A file with more bytes than expected."""


def walk(
    folder: Path, suffixes: frozenset[str], max_bytes: int
) -> tuple[list[SourceFile], list[FileReason], list[FileReason]]:
    """List the files to read, those skipped and those that failed, by id; each stands in one of the three.

    Raises ArticlesError where there is no such folder or it cannot be listed.
    """
    check_folder(folder)
    try:
        # Names in NFC first: an id is one of these, and the other form's own name is then no id.
        found = sorted(_entries(folder), key=lambda parts: (_id(parts) != "/".join(parts), parts))
    except OSError as problem:
        raise ArticlesError(
            "the folder {name} {message}; change its permissions or name another with --articles or RAG_ARTICLES",
            name=folder.name,
            message=_reason(problem),
        ) from None
    files: dict[str, SourceFile] = {}
    skipped: list[FileReason] = []
    failed: list[FileReason] = []
    for parts in found:
        shown = _UNPRINTABLE.sub(_escaped, _id(parts))
        try:
            file = _source(folder, parts, suffixes, max_bytes)
            if file.id not in files:
                files[file.id] = file
                continue
            shown = "/".join(parts)  # its own form of the name: two entries of one id would never be up to date
            failed.append(
                FileReason(shown, "another file has the same name in another Unicode form; rename one of them")
            )
        except _Skipped as reason:
            skipped.append(FileReason(shown, reason.args[0]))
        except RefusedFile as reason:
            failed.append(FileReason(shown, reason.message))
        except _TooLarge:
            failed.append(FileReason(shown, _too_large(max_bytes)))
        except OSError as problem:
            failed.append(FileReason(shown, _reason(problem)))
    return sorted(files.values(), key=lambda file: file.id), _by_id(skipped), _by_id(failed)


def check_folder(folder: Path) -> None:
    """Raise ArticlesError where there is no such folder."""
    if not folder.is_dir():
        problem = "is not a folder" if folder.exists() else "does not exist"
        raise ArticlesError(
            "the folder {name} {message}; name your folder of articles with --articles or RAG_ARTICLES",
            name=folder.name,
            message=problem,
        )


def load(file: SourceFile) -> bytes:
    """Return the bytes of a file. Raises RefusedFile where they are not the bytes that were scanned."""
    parts = file.path.parts[-len(file.id.split("/")) :]
    root = file.path.parents[len(parts) - 1]
    try:
        data = b"".join(_blocks(root, parts, file.size))
    except _TooLarge:
        data = b""
    except OSError as problem:
        raise UnreadableFile(_reason(problem)) from None
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise UnreadableFile("changed while it was read; build again")
    return data


def read_bytes(root: Path, parts: tuple[str, ...], max_bytes: int) -> bytes:
    """Return the bytes of a file below a folder, through no link. Raise OSError, or RefusedFile where it is too large."""
    try:
        return b"".join(_blocks(root, parts, max_bytes))
    except _TooLarge:
        raise RefusedFile(_too_large(max_bytes)) from None


def _entries(root: Path) -> Iterator[tuple[str, ...]]:
    """Yield every file below a folder, and folders that are not entered (hidden, unreadable, saved pages')."""
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        above = waiting.pop()
        try:
            with os.scandir(root.joinpath(*above)) as entries:
                children = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        except OSError:
            if not above:
                raise
            yield above
            continue
        for name, is_folder in children:
            if is_folder and not name.startswith(".") and not _saved_page(root.joinpath(*above, name)):
                waiting.append((*above, name))
            else:
                yield (*above, name)


def _saved_page(folder: Path) -> str:
    """Return the name of the page whose "complete" form a browser saved with this folder. Empty for other folders."""
    name = folder.name.removesuffix("_files").removesuffix(".files")
    pages = (folder.with_name(name + suffix) for suffix in (".html", ".htm")) if name != folder.name else ()
    return next((page.name for page in pages if page.is_file()), "")


def _source(root: Path, parts: tuple[str, ...], suffixes: frozenset[str], max_bytes: int) -> SourceFile:
    path = root.joinpath(*parts)
    if parts[-1].startswith("."):
        raise _Skipped("hidden")
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        raise _Skipped("a symbolic link; links are not followed")
    if stat.S_ISDIR(mode) and (page := _saved_page(path)):
        raise _Skipped(Translatable("pictures and scripts of the saved page {page}", page=page))
    if stat.S_ISDIR(mode):
        raise RefusedFile("the folder cannot be listed; change its permissions")
    if not stat.S_ISREG(mode):
        raise _Skipped("not a regular file")
    if parts == (QUESTIONS,):
        raise _Skipped("no article: examples for the page and questions for rag eval")
    if path.suffix.lower() not in suffixes:
        raise _Skipped(unsupported(_UNPRINTABLE.sub(_escaped, path.suffix)[:20].rstrip()))
    if any(map(_UNPRINTABLE.search, parts)):
        raise RefusedFile("its name has control characters or is not text; rename it")
    digest, size = hashlib.sha256(), 0
    for block in _blocks(root, parts, max_bytes):
        digest.update(block)
        size += len(block)
    return SourceFile(id=_id(parts), path=path, sha256=digest.hexdigest(), size=size)


def _blocks(root: Path, parts: tuple[str, ...], limit: int) -> Iterator[bytes]:
    """Yield a file's bytes, block by block. Raises _TooLarge where there are more than ``limit``."""
    left = limit
    with _opened(root, parts) as file:
        if os.fstat(file).st_size > limit:
            raise _TooLarge
        while block := os.read(file, _BLOCK):
            left -= len(block)
            if left < 0:
                raise _TooLarge
            yield block


@contextmanager
def _opened(root: Path, parts: tuple[str, ...]) -> Iterator[int]:
    file = _open(root, parts)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise RefusedFile("not a regular file")
        yield file
    finally:
        os.close(file)


def _open(root: Path, parts: tuple[str, ...]) -> int:
    if os.open not in os.supports_dir_fd:  # Windows
        return os.open(root.joinpath(*parts), _FILE)
    folder = os.open(root, os.O_RDONLY | _DIRECTORY)  # may itself be a link: its owner named it
    try:
        for part in parts[:-1]:
            inner = os.open(part, os.O_RDONLY | _DIRECTORY | _NO_FOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.open(parts[-1], _FILE, dir_fd=folder)
    finally:
        os.close(folder)


def _id(parts: tuple[str, ...]) -> str:
    return unicodedata.normalize("NFC", "/".join(parts))


def _by_id(reasons: list[FileReason]) -> list[FileReason]:
    return sorted(reasons, key=lambda each: each.id)


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match.group()):04x}"


def _reason(problem: OSError) -> str:
    """Return what went wrong, without the path that the system's own message holds."""
    if problem.errno == errno.ELOOP:
        return "became a symbolic link; links are not followed"
    return Translatable("cannot be read ({message})", message=os.strerror(problem.errno or 0).lower())


def _too_large(max_bytes: int) -> str:
    size = f"{max_bytes / MEGABYTE:g}"
    return Translatable("larger than {size} MB; split it or raise RAG_MAX_FILE_MEGABYTES", size=size)
