"""Opening a chatbot in the background: the page is there at once, the model when it is loaded."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Literal

from rag.errors import Cancelled, FootnoteError, QuestionError, Translatable
from rag.types import Progress

if TYPE_CHECKING:
    from rag.chatbot import Chatbot

log = logging.getLogger(__name__)

_MALLOC = {-8: 2, -3: 1 << 20, -1: 1 << 20}
"""M_ARENA_MAX, and M_MMAP_THRESHOLD and M_TRIM_THRESHOLD in bytes (malloc.h)."""
LOADING = "loading the model"
SURE_SECONDS = 10.0
"""How long a stage must have taken, besides a twentieth of its work, before its pace says how long it will take."""
CANCELLED = "The build was cancelled before there was an index; open it again to build it."


@dataclass(frozen=True, slots=True)
class State:
    """Where the opening or the index stands, in words for the reader.

    ``done`` of ``total`` are 0 where nothing is counted; ``stage`` is that of the step it is at, as ``Progress`` names it.
    """

    kind: Literal["loading", "ready", "failed", "fresh", "outdated", "building", "cancelled"] = "loading"
    text: str = "Loading the model…"
    done: int = 0
    total: int = 0
    stage: str = ""


class Job:
    """Do ``work`` in a thread of its own, well or badly, and call ``then``.

    ``work`` gets a function for its progress, which raises Cancelled after ``cancel``, and returns the state in the end.
    """

    def __init__(
        self,
        kind: Literal["loading", "building"],
        stage: str,
        work: Callable[[Callable[[Progress], None]], State],
        then: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kind, self._clock, self._work, self._then = kind, clock, work, then
        self.ended: State | None = None
        began = clock()
        self._heard = Progress(stage, 0, 0), began, began  # the last step, when its stage began and when it came
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, name=kind, daemon=True)
        self.start, self.cancel = self._thread.start, self._cancelled.set

    @property
    def state(self) -> State:
        """Return how far it is, or how it ended."""
        if self.ended is not None:
            return self.ended
        step, began, heard = self._heard
        text = "Ending the build…" if self._cancelled.is_set() else progress_text(step)
        sure = step.done and step.done >= step.total / 20 and heard - began >= SURE_SECONDS
        if sure and not self._cancelled.is_set():
            left = max(0.0, (heard - began) / step.done * (step.total - step.done) - (self._clock() - heard))
            text = Translatable("{message} About {minutes:,} min left.", message=text, minutes=ceil(left / 60))
        return State(self._kind, text, step.done, step.total, step.stage)

    def wait(self, seconds: float | None = None) -> None:
        """Wait until it has ended; raises TimeoutError after ``seconds``."""
        self._thread.join(seconds)
        if self._thread.is_alive():
            raise TimeoutError(f"still {self._kind}")

    def _run(self) -> None:
        try:
            self.ended = self._work(self._progress)
        except BaseException as error:  # the page must say so, whatever it was
            self.ended = State("failed", what_went_wrong(error, self._kind))
        self._then()

    def _progress(self, step: Progress) -> None:
        if self._cancelled.is_set():
            raise Cancelled("the build was cancelled; run: rag build")
        before, began, heard = self._heard
        # A stage first reports when its first step is done: it began with the last report of the stage before.
        self._heard = step, began if step.stage == before.stage else heard, self._clock()


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
        self._job: Job | None = None
        self._next: dict[Callable[[], object], None] = {}
        self.chatbot: Chatbot | None = None

    @property
    def state(self) -> State:
        """Return where the opening stands."""
        return self._job.state if self._job is not None else State(stage=LOADING)

    def ready(self) -> Chatbot:
        """Return the chatbot; raises QuestionError while there is none."""
        if self.chatbot is None:
            raise QuestionError("the articles are still being read; open it again in a moment")
        return self.chatbot

    async def opened(self) -> Chatbot | None:
        """Wait until the opening has ended, well or badly, and return the chatbot."""
        while self.state.kind == "loading":
            await asyncio.sleep(0.3)
        return self.chatbot

    def start(self) -> bool:
        """Begin, or begin anew after a failure. Whether it did: not while it runs or when the chatbot is there."""
        with self._lock:
            if self.chatbot is not None or (self._job is not None and self._job.ended is None):
                return False
            self._job = Job("loading", LOADING, self._load, self._call)
            self._job.start()
            return True

    def cancel(self) -> None:
        """End a build at its next step. An older index is opened instead, without one the opening has failed."""
        if self._job is not None:
            self._job.cancel()

    def then(self, call: Callable[[], object]) -> None:
        """Call a function once the opening has ended, well or badly. At once where it is not running."""
        with self._lock:
            if self.state.kind == "loading":
                self._next[call] = None
                return
        call()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the opening has ended; raises TimeoutError after ``seconds``."""
        if self._job is not None:
            self._job.wait(seconds)

    def _load(self, progress: Callable[[Progress], None]) -> State:
        try:
            self.chatbot = self._open(progress)
        except Cancelled:
            return State("failed", CANCELLED)
        return State("ready", "")

    def _call(self) -> None:
        with self._lock:
            calls, self._next = self._next, {}
        for call in calls:
            call()


def progress_text(progress: Progress) -> str:
    """Return a step of a build in words.

    >>> progress_text(Progress("reading", 3, 5))
    'Reading 3 of 5 articles…'
    >>> progress_text(Progress("loading the model", 0, 1))
    'Loading the model…'
    """
    if progress.total <= 1:
        return f"{progress.stage.capitalize()}…"
    stage = {"keywords": "indexing the words of"}.get(progress.stage, progress.stage).capitalize()
    noun = {"reading": " articles", "embedding": " passages", "keywords": " passages"}.get(progress.stage, "")
    template = f"{stage} {{done:,}} of {{count:,}}{noun}…"
    return Translatable(template, done=progress.done, count=progress.total)


def sentence(error: FootnoteError) -> str:
    """Return an error's message as a sentence of the page. In the terminal it follows a colon.

    >>> sentence(FootnoteError("the disk is full"))
    'The disk is full'
    """
    return Translatable("{message:capital}", message=error)


def what_went_wrong(error: BaseException | None, doing: str) -> str:
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
