"""Opening a chatbot in the background: the page is there at once, the model when it is loaded."""

from __future__ import annotations

import ctypes
import logging
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rag.errors import Cancelled, FootnoteError, Translatable
from rag.types import Progress

if TYPE_CHECKING:
    from rag.chatbot import Chatbot

log = logging.getLogger(__name__)

_MALLOC = {-8: 2, -3: 1 << 20, -1: 1 << 20}
"""M_ARENA_MAX, and M_MMAP_THRESHOLD and M_TRIM_THRESHOLD in bytes (malloc.h)."""
CANCELLED = "The build was cancelled before there was an index; open it again to build it."


@dataclass(frozen=True, slots=True)
class State:
    """Where the opening stands, in words for the reader; ``done`` of ``total`` are 0 where nothing is counted.

    ``stage`` is that of the step it is at, as ``Progress`` names it, ``error`` the kind of error that it failed with.
    """

    kind: Literal["loading", "ready", "failed"] = "loading"
    text: str = "Loading the model…"
    done: int = 0
    total: int = 0
    stage: str = ""
    error: str = ""


def return_memory() -> None:
    """Have glibc give freed memory back to the system: two arenas for all threads, and nothing large on the heap.

    After eight askers at once a server held 354 MB instead of 486, and was as fast.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            for option, value in _MALLOC.items():
                ctypes.CDLL(None).mallopt(option, value)


class Opening:
    """Open a chatbot in a thread of its own. Ask ``state`` as often as you like.

    ``open_chatbot`` gets a function to call with each step of its progress. What it raises becomes the state's text.
    """

    def __init__(self, open_chatbot: Callable[[Callable[[Progress], None]], Chatbot]) -> None:
        return_memory()
        self._open = open_chatbot
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._cancelled = threading.Event()
        self._next: dict[Callable[[], object], None] = {}
        self.state = State()
        self.chatbot: Chatbot | None = None

    def start(self) -> None:
        """Begin, or begins anew after a failure. Does nothing while it runs or when the chatbot is there."""
        with self._lock:
            running = self._thread is not None and self._thread.is_alive()
            if running or self.chatbot is not None:
                return
            self._cancelled.clear()
            self.state = State()
            self._thread = threading.Thread(target=self._run, name="opening", daemon=True)
            self._thread.start()

    def cancel(self) -> None:
        """End a build at its next step. An older index is opened instead, without one the opening has failed."""
        self._cancelled.set()

    def then(self, follow: Callable[[], object]) -> None:
        """Call a function once the opening has ended, well or badly. At once where it is not running."""
        with self._lock:
            if self.state.kind == "loading":
                self._next[follow] = None
                return
        follow()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the opening has ended; raises TimeoutError after ``seconds``."""
        thread = self._thread
        if thread is not None:
            thread.join(seconds)
            if thread.is_alive():
                raise TimeoutError("the chatbot is still being opened")

    def _run(self) -> None:
        state = self._opened()
        with self._lock:
            self.state = state
            follow, self._next = self._next, {}
        for each in follow:
            each()

    def _opened(self) -> State:
        try:
            self.chatbot = self._open(self._progress)
            return State("ready", "")
        except Cancelled as error:
            return State("failed", CANCELLED, error=type(error).__name__)
        except BaseException as error:  # the page must say so, whatever it was
            return State("failed", what_went_wrong(error, "opening"), error=type(error).__name__)

    def _progress(self, progress: Progress) -> None:
        if self._cancelled.is_set():
            raise Cancelled("the build was cancelled; run: rag build")
        self.state = State("loading", progress_text(progress), progress.done, progress.total, progress.stage)


def progress_text(progress: Progress) -> str:
    """Return a step of a build in words.

    >>> progress_text(Progress("reading", 3, 5))
    'Reading 3 of 5 articles…'
    >>> progress_text(Progress("loading the model", 0, 1))
    'Loading the model…'
    """
    stage = progress.stage.capitalize()
    noun = {"reading": " articles", "embedding": " passages", "keywords": " passages"}.get(progress.stage, "")
    if progress.total <= 1:
        return f"{stage}…"
    template = f"{stage} {{done:,}} of {{count:,}}{noun}…"
    return Translatable(template, done=progress.done, count=progress.total)


def sentence(error: FootnoteError) -> str:
    """Return an error's message as a sentence of the page. In the terminal it follows a colon.

    >>> sentence(FootnoteError("the disk is full"))
    'The disk is full'
    """
    return Translatable("{message:capital}", message=error)


def what_went_wrong(error: BaseException, doing: str) -> str:
    """Return what a reader is told of an error.

    Of one that is not ours only its kind is told and logged: paths, texts or keys may stand in its words.
    """
    if isinstance(error, FootnoteError):
        return sentence(error)
    log.error("%s failed: %s", doing, type(error).__name__)
    log.debug("%s failed", doing, exc_info=error)
    return Translatable(
        "Something unexpected went wrong ({kind}); set RAG_LOG=DEBUG and start again to see more.",
        kind=type(error).__name__,
    )
