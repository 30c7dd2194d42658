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
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rag.errors import (
    IndexCorrupt,
    IndexingError,
    IndexLocked,
    IndexMissing,
    IndexTooNew,
    IndexUnreadable,
    IndexUnwritable,
    Translatable,
    joined,
)

FORMAT = 2
"""2: documents have places and the file that they come from."""
LARGE = 64 * 1024 * 1024
"""Bytes that take no longer to check than a reader notices."""
_MANIFEST = "manifest.json"
_PREVIOUS = "The newest index is damaged ({message}) The one before it answers."
_GENERATION = re.compile(r"gen-\d{6,}-[0-9a-f]{8}")
_TEMPORARY = re.compile(r"tmp-[0-9a-f]{8}")
_LARGEST_MANIFEST = 192 * 1024 * 1024
_SHORTEST_VALUE = 16
"""Bytes of a manifest for each of its values, on average: the entry of a file has three times as many."""


FileState = tuple[int, int, int] | None
"""Size in bytes, time of the last change and number of a file; ``None`` where there is none."""


@dataclass(frozen=True, slots=True)
class Generation:
    """One complete generation; ``notice`` says why it is not the current one, or is empty.

    ``check`` looks at what was not checked yet and raises IndexCorrupt. ``seen`` are the states of the files before any
    was checked, see ``check_unchanged``.
    """

    path: Path
    content: dict[str, Any]
    notice: str = ""
    check: Callable[[], None] = lambda: None
    seen: dict[str, FileState] = field(default_factory=dict)

    def check_unchanged(self) -> None:
        """Check the files that changed since this was last called; raises IndexCorrupt. Takes some microseconds a file.

        A generation that was removed as a whole has not changed: what is open of it can still be read.
        """
        for name, before in self.seen.items():
            now = _state(self.path / name)
            if now == before or (now is None and not self.path.is_dir()):
                continue
            try:
                _check_file(self.path, name, self.content["files"][name])
            except PermissionError:
                raise _unreadable() from None
            self.seen[name] = now


def open_generation(folder: Path, whole: bool = True) -> Generation:
    """Open the current generation with its checksums verified. Where it is damaged, the previous one with a notice.

    Unless ``whole``, the smallest files are checked, LARGE bytes in all, and the others left to ``Generation.check``: to
    hash a million passages takes seconds. Raises IndexMissing, IndexCorrupt, IndexUnreadable or IndexTooNew.
    """
    try:
        if not (folder / "CURRENT").exists():
            raise IndexMissing("there is no index yet; run: rag build")
        return _open(folder, "CURRENT", whole)
    except IndexCorrupt as damage:
        return previous_generation(folder, damage)
    except PermissionError:
        raise _unreadable() from None


def current_name(folder: Path, pointer: str = "CURRENT") -> str:
    """Return the name of the current generation, or nothing where it cannot be read."""
    try:
        name = _read(folder / pointer, 1000).decode("ascii").partition(" ")[0]
    except (OSError, ValueError):
        return ""
    return name if _GENERATION.fullmatch(name) else ""


def previous_generation(folder: Path, damage: IndexCorrupt) -> Generation:
    """Open the generation before the current one, which is damaged. Raises ``damage`` where there is none."""
    try:
        previous = _open(folder, "PREVIOUS")
    except (IndexingError, OSError):
        raise damage from None
    return replace(previous, notice=Translatable(_PREVIOUS, message=damage))


@contextmanager
def new_generation(folder: Path) -> Iterator[tuple[Path, Callable[[dict[str, Any]], None]]]:
    """Yield a folder to write a generation into and the function that makes it current. Call it once, at the end.

    Holds the builders' lock meanwhile. A crash at any point leaves the old generation current. Raises IndexLocked where
    another build holds the lock, IndexUnwritable where the disk refuses.
    """
    with _lock(folder), _translated(folder):
        for each in folder.iterdir():
            if _TEMPORARY.fullmatch(each.name):  # of a build that was ended
                shutil.rmtree(each, ignore_errors=True)
        temporary = folder / f"tmp-{secrets.token_hex(4)}"
        temporary.mkdir()
        try:
            yield temporary, lambda content: _publish(folder, temporary, content)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def checked_files(path: Path) -> dict[str, dict[str, Any]]:
    """List a generation's files, but for its manifest, with their sizes and SHA-256."""
    names = sorted(each.relative_to(path).as_posix() for each in path.rglob("*") if each.is_file())
    return {name: _checksum(path / name) for name in names if name != _MANIFEST}


def write_anew(file: Path, text: str) -> None:
    """Write a file in place of whatever lies there: a link is not followed, and a pipe holds nobody up."""
    file.unlink(missing_ok=True)
    with file.open("x", encoding="utf-8") as stream:
        stream.write(text)


def _open(folder: Path, pointer: str, whole: bool = True) -> Generation:
    try:
        name, digest = _read(folder / pointer, 1000).decode("ascii").split()
    except PermissionError:
        raise
    except (OSError, ValueError):
        raise _damaged(pointer) from None
    if not _GENERATION.fullmatch(name):
        raise _damaged(pointer)
    path = folder / name
    content = _read_manifest(path, digest)
    if type(content.get("format")) is not int or content["format"] < 1:
        raise _damaged(_MANIFEST)
    if content["format"] > FORMAT:
        raise IndexTooNew("the index was written by a newer Footnote; update the program, or run: rag build --fresh")
    seen = {file: _state(path / file) for file in content["files"]}
    later, room = {}, LARGE
    for file, expected in sorted(content["files"].items(), key=lambda each: each[1]["size"]):
        room -= expected["size"]
        if whole or room >= 0:
            _check_file(path, file, expected)
        else:
            _check_size(path, file, expected)
            later[file] = expected

    def check() -> None:
        for file, expected in later.items():
            _check_file(path, file, expected)

    return Generation(path, content, check=check, seen=seen)


def _read_manifest(path: Path, digest: str) -> dict[str, Any]:
    try:
        data = _read(path / _MANIFEST, _LARGEST_MANIFEST)
        values = sum(map(data.count, (b",", b"[", b"{")))
        if hashlib.sha256(data).hexdigest() != digest or values > 1000 + len(data) / _SHORTEST_VALUE:
            raise _damaged(_MANIFEST)
        content: dict[str, Any] = json.loads(data)
    except PermissionError:
        raise
    except (OSError, ValueError, RecursionError):
        raise _damaged(_MANIFEST) from None
    files = content.get("files") if isinstance(content, dict) else None
    if not isinstance(files, dict) or not all(map(_is_checksum, files.values())):
        raise _damaged(_MANIFEST)
    return content


def _is_checksum(written: object) -> bool:
    return isinstance(written, dict) and type(written.get("size")) is int and isinstance(written.get("sha256"), str)


def _read(path: Path, most: int) -> bytes:
    """Return the bytes of a regular file. Raises ValueError where it is another thing or larger."""
    if not path.is_file() or path.stat().st_size > most:
        raise ValueError("this is no such file")
    with path.open("rb") as stream:
        return stream.read(most)


def _state(file: Path) -> FileState:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


def _check_file(path: Path, name: str, expected: dict[str, Any]) -> None:
    _check_size(path, name, expected)  # first: it is free, and a file of another size needs no reading
    try:
        if _checksum(path / name) == expected:
            return
    except PermissionError:
        raise
    except OSError:
        pass
    raise _damaged(name)


def _check_size(path: Path, name: str, expected: dict[str, Any]) -> None:
    file = path / name
    try:
        if file.is_file() and not file.is_symlink() and file.stat().st_size == expected["size"]:
            return
    except PermissionError:
        raise
    except OSError:
        pass
    raise _damaged(name)


def _publish(folder: Path, temporary: Path, content: dict[str, Any]) -> None:
    content = {"format": FORMAT, **content, "files": checked_files(temporary)}
    data = json.dumps(content, ensure_ascii=False, sort_keys=True, indent=1).encode()
    (temporary / _MANIFEST).write_bytes(data)
    rights = (temporary / _MANIFEST).stat().st_mode & 0o777  # as the umask says; libraries give others
    for each in sorted(temporary.rglob("*"), reverse=True):
        if each.is_file():
            each.chmod(rights)
        _flush(each)
    _flush(temporary)
    number = 1 + max((int(each.name.split("-")[1]) for each in _generations(folder)), default=0)
    final = folder / f"gen-{number:06d}-{secrets.token_hex(4)}"
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
    write_anew(temporary, line)
    _flush(temporary)
    temporary.replace(folder / pointer)
    try:
        _flush(folder)
    except OSError as error:
        raise IndexUnwritable(
            "the disk does not confirm the new index ({message}), the new one is in use; check the disk "
            "and run: rag build",
            message=_reason(error),
        ) from error


def _generations(folder: Path) -> list[Path]:
    return [each for each in folder.iterdir() if _GENERATION.fullmatch(each.name)]


def _remove_old(folder: Path) -> None:
    kept = {current_name(folder, pointer) for pointer in ("CURRENT", "PREVIOUS") if (folder / pointer).exists()}
    for each in _generations(folder):
        if each.name not in kept and "" not in kept:  # where a pointer is damaged nobody knows what it led to
            shutil.rmtree(each, ignore_errors=True)


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    # The kernel releases this lock when its holder dies, however it dies.
    from filelock import FileLock, Timeout

    try:
        if not folder.exists():
            folder.mkdir(parents=True, exist_ok=True)
            _flush(folder.parent)
        lock = FileLock(folder / "LOCK", timeout=0)
        lock.acquire()
    except Timeout:
        raise IndexLocked("another build of this index is running; wait until it ends and ask again") from None
    except OSError as error:
        raise _unwritable(error, folder) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise _unwritable(error, folder) from error


def _unwritable(error: OSError | sqlite3.Error, folder: Path) -> IndexUnwritable:
    reasons = [_reason(error), Translatable("folder {name}", name=folder.name)]
    with suppress(OSError):
        reasons.append(Translatable("{count:,} bytes free", count=shutil.disk_usage(folder).free))
    if size := _size_of_current(folder):
        reasons.append(Translatable("the index in use has {count:,} bytes", count=size))
    return IndexUnwritable(
        "the index cannot be written ({message}); the old one is as it was. Free the disk or choose a "
        "folder with --index or RAG_INDEX",
        message=joined(*reasons, between=", "),
    )


def _size_of_current(folder: Path) -> int:
    """Return the bytes of the index in use: what a new one takes, more or less."""
    try:
        files = (folder / name).rglob("*") if (name := current_name(folder)) else ()
        return sum(each.stat().st_size for each in files if each.is_file())
    except OSError:
        return 0


def _reason(error: OSError | sqlite3.Error) -> str:
    return (getattr(error, "strerror", None) or "write error").lower()


def _unreadable() -> IndexUnreadable:
    return IndexUnreadable(
        "the index cannot be read (permission denied); let this user read it with chmod -R a+rX, "
        "or build another with --index or RAG_INDEX"
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


def _damaged(name: str) -> IndexCorrupt:
    return IndexCorrupt("{file} of the index is damaged; run: rag build", file=name)
