"""Files are read in a process of its own, with limits: what goes wrong there is one refused file."""

from __future__ import annotations

import json
import os
import select
import struct
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from types import TracebackType
from typing import IO, Any

from rag.errors import RefusedFile, Translatable, as_plain, from_plain
from rag.types import Document, Locator

SECONDS = 60.0
"""How long a file may take; a hundred pages, or one that is read by OCR, begin it anew."""
MOST_SECONDS = 1200.0
"""How long a file of many pages may take."""
MEMORY = 1 << 30
"""Bytes of address space, where the system can limit it."""
MOST_CHARACTERS = 20_000_000
"""How much text may come out of a file."""
FILES = 1000
"""After how many files a process is replaced, so that what a library leaks is bounded."""

IDLE_SECONDS = 60.0
"""After how long without a file the process ends by itself; the next file starts another."""

_LENGTH = struct.Struct("!I")
_LARGEST_REPLY = 8 * MOST_CHARACTERS
_LARGEST_FILE = (1 << 32) - 1


class Worker:
    """Read files in a process that starts with the first one, and again after it ended.

    Safe to use from any thread: while it reads, other files are read by further processes that live only for them.
    ``close`` it, or use it in a ``with`` statement.
    """

    def __init__(self, seconds: float = SECONDS, most_seconds: float = MOST_SECONDS, memory: int = MEMORY) -> None:
        self._seconds, self._most_seconds, self._memory = seconds, most_seconds, memory
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._end: Callable[[], object] = lambda: None
        self._files = 0

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read(self, id: str, data: bytes) -> list[Document]:
        """Return the articles in a file's bytes. Raises RefusedFile, also after a crash or at a limit."""
        if not self._lock.acquire(blocking=False):
            with Worker(self._seconds, self._most_seconds, self._memory) as other:
                return other.read(id, data)
        try:
            reply = self._ask(id, data)
        finally:
            self._lock.release()
        if "refused" in reply:
            raise RefusedFile(from_plain(reply["refused"]))
        return [_document(each) for each in reply["documents"]]

    def close(self) -> None:
        """End the process."""
        self._process = None
        self._end()

    def _ask(self, id: str, data: bytes) -> dict[str, Any]:
        process = self._running()
        is_new = self._files == 0
        clock = _Clock(process, self._seconds, self._most_seconds)
        reply: dict[str, Any] | None = None
        try:
            assert process.stdin is not None  # noqa: S101 - both are pipes
            assert process.stdout is not None  # noqa: S101
            for block in (id.encode("utf-8", "surrogatepass"), data):
                process.stdin.write(_LENGTH.pack(len(block)) + block)
            process.stdin.flush()
            while (frame := _received(process.stdout)) == b"":  # a page was read
                clock.begin_anew()
            if frame is not None:
                reply = json.loads(frame)
        except (OSError, ValueError):
            reply = None
        finally:
            clock.stop()
        self._files += 1
        ended = reply is None or "exhausted" in reply
        if ended or self._files >= FILES:
            self.close()
        if ended and clock.expired:
            slow = Translatable(
                "reading it took longer than {seconds} seconds; split it or save it as .txt",
                seconds=f"{self._seconds:g}",
            )
            return {"refused": as_plain(slow)}
        if ended and not is_new:  # what it read before may be the cause: a file's neighbours must not decide
            return self._ask(id, data)
        if reply is not None:
            return {"refused": "reading it takes too much memory; split it or save it as .txt"} if ended else reply
        return {"refused": "the program that reads it crashed; save it in another format, such as .txt"}

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._files = 0
            # Where rag was found, instead of the current folder, in which anything may lie.
            root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120
            program = f"import sys; sys.path[0] = {root!r}; from rag.read.worker import serve; serve({self._memory})"
            self._process = subprocess.Popen(
                [sys.executable, "-c", program],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            self._end = weakref.finalize(self, _end, self._process)  # also where nobody closes it
        return self._process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        with suppress(OSError):  # it may hold what was not sent
            stream and stream.close()


class _Clock:
    """Kill a process that takes too long."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float, most_seconds: float) -> None:
        self.expired = False
        self._process, self._seconds = process, seconds
        self._last = self._timer(most_seconds)
        self._next = self._timer(seconds)

    def begin_anew(self) -> None:
        self._next.cancel()
        self._next = self._timer(self._seconds)

    def stop(self) -> None:
        self._next.cancel()
        self._last.cancel()

    def _timer(self, seconds: float) -> threading.Timer:
        timer = threading.Timer(seconds, self._expire)
        timer.daemon = True
        timer.start()
        return timer

    def _expire(self) -> None:
        self.expired = True
        self._process.kill()


def _received(stream: IO[bytes], most: int = _LARGEST_REPLY) -> bytes | None:
    """Return the next block of a pipe, ``None`` where it ended or the block is too large."""
    length = stream.read(_LENGTH.size)
    if len(length) < _LENGTH.size:
        return None
    (size,) = _LENGTH.unpack(length)
    if size > most:
        return None
    block = stream.read(size)
    return block if len(block) == size else None


def _document(plain: dict[str, Any]) -> Document:
    places = tuple(Locator(**each) for each in plain.pop("places"))
    left_out = tuple((kind, count) for kind, count in plain.pop("left_out"))
    notices = tuple(map(from_plain, plain.pop("notices")))
    lists = {name: tuple(value) for name, value in plain.items() if isinstance(value, list)}
    return Document(**{**plain, **lists, "places": places, "notices": notices, "left_out": left_out})


# --- what runs in the process ---------------------------------------------------------------------------------------------


def serve(memory: int) -> None:
    """Read files from standard input until it ends, and write what came of each to standard output."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not stand between the replies
    _limit(memory)
    global _progress
    _progress = lambda: _send(replies, b"")  # noqa: E731
    files = sys.stdin.buffer
    while (
        _is_asked(files)
        and (id := _received(files)) is not None
        and (data := _received(files, _LARGEST_FILE)) is not None
    ):
        _send(replies, _reply(id.decode("utf-8", "surrogatepass"), data))


def _is_asked(files: IO[bytes]) -> bool:
    """Wait for the next file. Say whether it, or the end, came before the process has been idle for too long."""
    return sys.platform == "win32" or bool(select.select([files], [], [], IDLE_SECONDS)[0])


def made_progress() -> None:
    """Tell whoever waits that the file takes its time and goes on."""
    if _progress is not None:
        _progress()


_progress: Any = None


def _send(stream: IO[bytes], block: bytes) -> None:
    stream.write(_LENGTH.pack(len(block)) + block)
    stream.flush()


def _reply(id: str, data: bytes) -> bytes:
    from rag.read import parse_here

    try:
        documents = parse_here(id, data)
        if sum(len(each.text) for each in documents) > MOST_CHARACTERS:
            raise RefusedFile(
                "longer than {millions} million characters; split it", millions=MOST_CHARACTERS // 1_000_000
            )
        shapes = [{**asdict(each), "notices": list(map(as_plain, each.notices))} for each in documents]
        reply: dict[str, Any] = {"documents": shapes}
    except RefusedFile as refusal:
        reply = {"refused": as_plain(refusal.message)}
    except (MemoryError, RecursionError):
        reply = {"exhausted": True}
    return json.dumps(reply).encode()


def _limit(memory: int) -> None:
    if sys.platform != "win32":
        import resource

        with suppress(ValueError, OSError):  # some systems cannot
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
