"""Generations on disk: immutable folders, one of them current, swapped whole.

    index/CURRENT     one line: a generation's name and the SHA-256 of its manifest; replaced by rename, last
    index/PREVIOUS    the same for the generation before, which answers where the current one is damaged
    index/LOCK        held by a builder
    index/gen-…/      manifest.json and the files it lists with their sizes and checksums

This file knows nothing of what a generation holds. Nothing is ever pickled, and a failed check deletes nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.errors import IndexCorrupt, IndexingError, IndexLocked, IndexMissing, IndexTooNew, IndexUnwritable

FORMAT = 2
"""2: documents have places and the file that they come from."""
LARGE = 64 * 1024 * 1024
"""Bytes of a file that takes longer to check than a reader notices."""
_MANIFEST = "manifest.json"
_GENERATION = re.compile(r"gen-\d{6,}-[0-9a-f]{8}")
_TEMPORARY = re.compile(r"tmp-[0-9a-f]{8}")
_LARGEST_MANIFEST = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Generation:
    """One complete generation; ``notice`` says why it is not the current one, or is empty.

    ``check`` looks at what was not checked yet and raises IndexCorrupt.
    """

    path: Path
    content: dict[str, Any]
    notice: str = ""
    check: Callable[[], None] = lambda: None


def open_generation(folder: Path, whole: bool = True) -> Generation:
    """Open the current generation with its checksums verified; where it is damaged, the previous one with a notice.

    Unless ``whole``, files of more than LARGE bytes are left to ``Generation.check``: to hash a million passages takes
    seconds. Raises IndexMissing, IndexCorrupt or IndexTooNew.
    """
    if not (folder / "CURRENT").is_file():
        raise IndexMissing("there is no index yet; run: rag build")
    try:
        return _open(folder, "CURRENT", whole)
    except IndexCorrupt as damage:
        try:
            previous = _open(folder, "PREVIOUS")
        except (IndexingError, OSError):
            raise damage from None
        notice = f"The newest index is damaged ({damage}) The one before it answers."
        return Generation(previous.path, previous.content, notice)


@contextmanager
def new_generation(folder: Path) -> Iterator[tuple[Path, Callable[[dict[str, Any]], None]]]:
    """A folder to write a generation into and the function that makes it current; call it once, at the end.

    Holds the builders' lock meanwhile. A crash at any point leaves the old generation current. Raises IndexLocked where
    another build holds the lock, IndexUnwritable where the disk refuses.
    """
    with _lock(folder), _translated():
        _remove_leftovers(folder)
        temporary = folder / f"tmp-{secrets.token_hex(4)}"
        temporary.mkdir()
        try:
            yield temporary, lambda content: _publish(folder, temporary, content)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def checked_files(path: Path) -> dict[str, dict[str, Any]]:
    """Every file below a generation's folder, except its manifest, with its size in bytes and its SHA-256."""
    names = sorted(each.relative_to(path).as_posix() for each in path.rglob("*") if each.is_file())
    return {name: _checksum(path / name) for name in names if name != _MANIFEST}


def _open(folder: Path, pointer: str, whole: bool = True) -> Generation:
    try:
        line = (folder / pointer).read_text("ascii").split()
        name, digest = line
    except (OSError, ValueError):
        raise IndexCorrupt(_damaged(pointer)) from None
    if not _GENERATION.fullmatch(name):
        raise IndexCorrupt(_damaged(pointer))
    path = folder / name
    content = _read_manifest(path, digest)
    if type(content.get("format")) is not int or content["format"] < 1:
        raise IndexCorrupt(_damaged(_MANIFEST))
    if content["format"] > FORMAT:
        raise IndexTooNew("the index was written by a newer Footnote; update the program, or run: rag build --fresh")
    later = {}
    for file, expected in content["files"].items():
        if whole or expected.get("size", 0) <= LARGE:
            _check_file(path, file, expected)
        else:
            _check_size(path, file, expected)
            later[file] = expected

    def check() -> None:
        for file, expected in later.items():
            _check_file(path, file, expected)

    return Generation(path, content, check=check)


def _read_manifest(path: Path, digest: str) -> dict[str, Any]:
    try:
        with (path / _MANIFEST).open("rb") as stream:
            data = stream.read(_LARGEST_MANIFEST)
        if hashlib.sha256(data).hexdigest() != digest:
            raise IndexCorrupt(_damaged(_MANIFEST))
        content = json.loads(data)
    except (OSError, ValueError):
        raise IndexCorrupt(_damaged(_MANIFEST)) from None
    if not isinstance(content, dict) or not isinstance(content.get("files"), dict):
        raise IndexCorrupt(_damaged(_MANIFEST))
    return content


def _check_file(path: Path, name: str, expected: dict[str, Any]) -> None:
    _check_size(path, name, expected)  # first: it is free, and a file of another size needs no reading
    try:
        if _checksum(path / name) == expected:
            return
    except OSError:
        pass
    raise IndexCorrupt(_damaged(name))


def _check_size(path: Path, name: str, expected: dict[str, Any]) -> None:
    file = path / name
    try:
        if file.is_file() and not file.is_symlink() and file.stat().st_size == expected["size"]:
            return
    except OSError:
        pass
    raise IndexCorrupt(_damaged(name))


def _publish(folder: Path, temporary: Path, content: dict[str, Any]) -> None:
    content = {"format": FORMAT, **content, "files": checked_files(temporary)}
    data = json.dumps(content, ensure_ascii=False, sort_keys=True, indent=1).encode()
    (temporary / _MANIFEST).write_bytes(data)
    for each in sorted(temporary.rglob("*"), reverse=True):
        _flush(each)
    _flush(temporary)
    final = folder / f"gen-{_next_number(folder):06d}-{secrets.token_hex(4)}"
    temporary.rename(final)
    _flush(folder)
    _keep_previous(folder)
    _point(folder, "CURRENT", f"{final.name} {hashlib.sha256(data).hexdigest()}\n")
    _remove_old(folder)


def _keep_previous(folder: Path) -> None:
    # Only a generation that passes its checks is worth falling back to.
    try:
        _open(folder, "CURRENT")
    except IndexingError:
        return
    _point(folder, "PREVIOUS", (folder / "CURRENT").read_text("ascii"))


def _point(folder: Path, pointer: str, line: str) -> None:
    temporary = folder / f"{pointer}.tmp"
    temporary.write_text(line, "ascii")
    _flush(temporary)
    temporary.replace(folder / pointer)
    _flush(folder)


def _next_number(folder: Path) -> int:
    return 1 + max((int(each.name.split("-")[1]) for each in _generations(folder)), default=0)


def _generations(folder: Path) -> list[Path]:
    return [each for each in folder.iterdir() if _GENERATION.fullmatch(each.name)]


def _remove_old(folder: Path) -> None:
    pointers = [folder / pointer for pointer in ("CURRENT", "PREVIOUS")]
    kept = {each.read_text("ascii").split()[0] for each in pointers if each.is_file()}
    for each in _generations(folder):
        if each.name not in kept:
            shutil.rmtree(each, ignore_errors=True)


def _remove_leftovers(folder: Path) -> None:
    for each in folder.iterdir():
        if _TEMPORARY.fullmatch(each.name):
            shutil.rmtree(each, ignore_errors=True)


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    # The kernel releases this lock when its holder dies, however it dies.
    from filelock import FileLock, Timeout

    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "LOCK", timeout=0)
        lock.acquire()
    except Timeout:
        raise IndexLocked("another build of this index is running; wait until it ends and ask again") from None
    except OSError as error:
        raise _unwritable(error) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise _unwritable(error) from error


def _unwritable(error: OSError | sqlite3.Error) -> IndexUnwritable:
    reason = (getattr(error, "strerror", None) or "write error").lower()
    return IndexUnwritable(
        f"the index cannot be written ({reason}); the old one is as it was. Free the disk or choose a folder with --index"
    )


def _flush(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return  # Windows cannot flush a folder, and does not need to.
    descriptor = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _checksum(file: Path) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    with file.open("rb") as stream:
        while block := stream.read(1024 * 1024):
            digest.update(block)
            size += len(block)
    return {"sha256": digest.hexdigest(), "size": size}


def _damaged(name: str) -> str:
    return f"{name} of the index is damaged; run: rag build"
