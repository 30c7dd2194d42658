"""Keep the index of a served page. How it is, building it again, following the folder while questions go on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from rag.errors import Cancelled, FootnoteError
from rag.types import Progress
from rag.web.language import told
from rag.web.opening import Opening, progress_text, sentence, what_went_wrong
from rag.web.watching import Events, Watcher

Kind = Literal["loading", "fresh", "outdated", "building", "failed", "cancelled"]

OUTDATED = "The folder of articles has changed; build the index again to read the changes."
CANCELLED = "The build was cancelled; the index is as it was before."


@dataclass(frozen=True, slots=True)
class IndexState:
    """How the index is, in words for the reader; ``done`` of ``total`` are 0 where nothing is counted.

    While it is being built: ``stage`` as ``Progress`` names it, and ``remaining`` seconds of this stage at its measured
    pace, ``None`` where nothing is measured yet.
    """

    kind: Kind
    text: str = ""
    stage: str = ""
    done: int = 0
    total: int = 0
    remaining: float | None = None


class Keeper:
    """Keeps the index of the chatbot that ``opening`` opens. Safe to use from any thread.

    At most one build runs at a time, in a thread of its own, and the old index answers meanwhile. ``events`` says when the
    folder changes, see ``rag.web.watching``; ``clock`` gives seconds.
    """

    def __init__(self, opening: Opening, events: Events, clock: Callable[[], float] = time.monotonic) -> None:
        self._opening = opening
        self._clock = clock
        self._lock = threading.Lock()
        self._build: _Build | None = None
        self._thread: threading.Thread | None = None
        self._settled: tuple[Kind, str] | None = None
        self._follow = False  # whether another build is to follow the one that runs
        self._watcher = Watcher(self._catch_up, events)

    @property
    def state(self) -> IndexState:
        """Return how the index is. Reads nothing from disk, so ask as often as you like."""
        opening, chatbot, build = self._opening.state, self._opening.chatbot, self._build
        if chatbot is None:
            kind: Kind = "failed" if opening.kind == "failed" else "loading"
            return IndexState(kind, opening.text, opening.stage, opening.done, opening.total)
        if build is not None:
            return build.state(self._clock())
        # A chatbot that has something to say of its index could not bring it up to date.
        kind, text = self._settled or (("failed", chatbot.notice) if chatbot.notice else ("fresh", ""))
        return IndexState(kind, text)

    @property
    def first_build(self) -> IndexState | None:
        """Return the build of the first articles, while it runs. Nothing can be answered before it has ended."""
        chatbot, state = self._opening.chatbot, self.state
        if chatbot is None or state.kind != "building" or chatbot.contents().articles:
            return None
        return state

    @property
    def watching(self) -> bool:
        """Tell whether changes of the folder are followed."""
        return self._watcher.is_on

    def watch(self, on: bool) -> None:
        """Follow the folder from now on, or no longer. A build that runs goes on."""
        if on:
            self._watcher.start()
        else:
            self._watcher.stop()

    def check(self) -> bool:
        """Tell whether the folder has changed since the last build. Reads all of it, so it takes its time.

        Raises ArticlesError where the folder cannot be read; the state then says so.
        """
        chatbot = self._opening.chatbot
        if chatbot is None:
            return False
        try:
            changed = chatbot.outdated()
        except FootnoteError as error:
            self._settle("failed", sentence(error))
            raise
        self.noticed(changed)
        return changed

    def noticed(self, changed: bool) -> None:
        """Take note of whether the folder has changed since the index was built, from whoever has looked."""
        chatbot = self._opening.chatbot
        if chatbot is None:
            return
        if not changed and not chatbot.notice:
            self._settle("fresh", "")
        elif changed and self.state.kind == "fresh":  # what went wrong is worth more than that something changed
            self._settle("outdated", OUTDATED)

    def rebuild(self, fresh: bool = False) -> bool:
        """Begin to bring the index up to date, from nothing where ``fresh``. Whether it began.

        It does not where a build is running or the chatbot is still being opened; where opening failed, it is tried again.
        """
        with self._lock:
            if self._opening.chatbot is None:
                failed = self._opening.state.kind == "failed"
                self._opening.start()
                return failed
            if self._build is not None:
                return False
            self._build = build = _Build(self._clock)
            self._thread = threading.Thread(target=self._run, args=(build, fresh), name="building", daemon=True)
            self._thread.start()
            return True

    def catch_up(self) -> None:
        """Begin a build, or have another follow the one that runs. That one may have passed what has changed now."""
        with self._lock:
            self._follow = self._build is not None
        if not self.rebuild():
            self._opening.then(self.rebuild)

    def cancel(self) -> None:
        """End the build at its next step. The old index is then as it was. Does nothing where none is running."""
        if (build := self._build) is not None:
            build.cancelled.set()
        elif self._opening.chatbot is None:
            self._opening.cancel()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the build that is running has ended. Raises TimeoutError after ``seconds``."""
        thread = self._thread
        if thread is not None:
            thread.join(seconds)
            if thread.is_alive():
                raise TimeoutError("the build is still running")

    def close(self) -> None:
        """Follow the folder no longer and ends the build."""
        self.watch(False)
        self.cancel()

    def _run(self, build: _Build, fresh: bool) -> None:
        chatbot = self._opening.chatbot
        settled: tuple[Kind, str] = ("fresh", "")
        try:
            if chatbot is not None:
                chatbot.refresh(build.progress, fresh=fresh)
                if chatbot.notice:  # the disk or another build was in the way, so the old index answers
                    settled = ("failed", chatbot.notice)
        except Cancelled:
            settled = ("cancelled", CANCELLED)
        except BaseException as error:  # the page must say so, whatever it was
            settled = ("failed", what_went_wrong(error, "building"))
        finally:
            with self._lock:
                self._settled, self._build = settled, None
                follow, self._follow = self._follow and settled[0] != "cancelled", False
            if follow:
                self.rebuild()

    def _settle(self, kind: Kind, text: str) -> None:
        with self._lock:
            if self._build is None:
                self._settled = (kind, text)

    def _catch_up(self) -> bool:
        """Act on a complete change. Return whether it was dealt with, else it comes again.

        A build that fails was dealt with: it is tried again on the next change, not over and over.
        """
        if self._build is not None:
            return False
        if self._opening.chatbot is None:
            return self.rebuild()
        try:
            if self.state.kind != "failed" and not self.check():
                return True
        except FootnoteError:
            return True
        return self.rebuild()


class _Build:
    """A build that runs: what it has reported, and the wish to end it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        began = clock()
        self._report = _Report(Progress("looking for changes", 0, 0), began, began)
        self.cancelled = threading.Event()

    def progress(self, progress: Progress) -> None:
        """Take a step's report; raises Cancelled where the build is to end."""
        if self.cancelled.is_set():
            raise Cancelled("the build was cancelled; run: rag build")
        before = self._report
        # A stage first reports when its first step is done: it began with the last report of the stage before.
        began = before.stage_began if progress.stage == before.progress.stage else before.heard
        self._report = _Report(progress, began, self._clock())

    def state(self, now: float) -> IndexState:
        report = self._report
        progress = report.progress
        return IndexState(
            "building",
            "Ending the build…" if self.cancelled.is_set() else progress_text(progress),
            progress.stage,
            progress.done,
            progress.total,
            report.remaining(now),
        )


@dataclass(frozen=True, slots=True)
class _Report:
    progress: Progress
    stage_began: float
    heard: float

    def remaining(self, now: float) -> float | None:
        done, total = self.progress.done, self.progress.total
        if not done:
            return None
        pace = (self.heard - self.stage_began) / done
        return max(0.0, pace * (total - done) - (now - self.heard))


def index_data(keeper: Keeper) -> dict[str, Any]:
    """Return what the page shows of the index, as plain data in the language that is spoken."""
    state = keeper.state
    return {
        "kind": state.kind,
        "text": told(state.text),
        "stage": state.stage,
        "done": state.done,
        "total": state.total,
        "left": None if state.remaining is None else round(state.remaining, 1),
        "watching": keeper.watching,
    }
