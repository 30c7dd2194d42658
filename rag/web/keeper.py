"""Keep the index of a served page: how it stands to the folder, building it again, following the folder.

Reading a whole folder takes its time, so all pages share what was seen last. A page asks with ``beat``: it gets the state of
the index, and how long to wait before it asks again, so that no number of open pages can keep the server busy.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from html import escape
from types import MappingProxyType
from typing import Any

from rag.errors import Cancelled, FootnoteError
from rag.read.folder import QUESTIONS
from rag.types import FileStatus, Progress
from rag.web.language import decimal, phrase, spoken, told
from rag.web.opening import LOADING, Job, Opening, State, sentence, what_went_wrong
from rag.web.render import facts
from rag.web.rooms import Field, Form, Visitor
from rag.web.shelf import REMOVED
from rag.web.watching import follow

log = logging.getLogger(__name__)

OUTDATED = "The folder of articles has changed; build the index again to read the changes."
CANCELLED = "The build was cancelled; the index is as it was before."
LOOK_SECONDS = 120.0
"""How long what was seen of the folder counts, unless looking took long."""
CALM_SECONDS = 60.0
"""After how long an open page asks again where nothing goes on."""
WATCHING_SECONDS = 10.0
"""The same where the folder is followed."""
BUSY_SECONDS = 0.7
"""After how long it asks again while something goes on and few pages are open."""
BEATS_PER_SECOND = 12.0
"""How often all pages together ask then, however many are open."""

_KINDS = {
    "loading": "Being opened",
    "fresh": "Up to date",
    "outdated": "The folder has changed",
    "building": "Being built",
    "failed": "The last build failed",
    "cancelled": "The build was cancelled",
}


class Keeper(Form):
    """Keep the index of the chatbot that ``opening`` opens; a form (see ``rag.web.rooms``). Safe from any thread.

    At most one build runs at a time, in a thread of its own, and the old index answers meanwhile. ``snapshot`` returns what
    differs once the folder has changed, see ``rag.web.watching``; ``clock`` gives seconds.
    """

    name = "index"
    fields = MappingProxyType(
        {
            "title": Field("title", "Index"),
            "state": Field("HTML"),
            "rebuild": Field("Button", "Rebuild"),
            "check": Field("Button", "Check for changes"),
            "start_over": Field("Button", "Rebuild from scratch"),
            "said": Field("said"),
            "watch": Field(
                "Checkbox", "Watch the folder", "Changes are indexed within seconds; questions go on meanwhile"
            ),
            "contents": Field("HTML"),
        }
    )

    def __init__(
        self, opening: Opening, snapshot: Callable[[], object], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._opening = opening
        self._snapshot = snapshot
        self._clock = clock
        self._lock = threading.Lock()
        self._looking = threading.Lock()
        self._job: Job | None = None  # the last build
        self._found: State | None = None  # what was found since
        self._again = False  # whether another build is to follow the one that runs
        self._stop: threading.Event | None = None  # ends following the folder
        self._files: tuple[FileStatus, ...] = ()
        self._problem = ""
        self._index = ""  # the generation that the files were compared with
        self._number = 0
        self._next_look = 0.0
        self._next_beat = 0.0

    @property
    def state(self) -> State:
        """Return how the index is. Reads nothing from disk, so ask as often as you like."""
        opening, chatbot, job, found = self._opening.state, self._opening.chatbot, self._job, self._found
        if chatbot is None:
            return opening
        if found is not None:
            return found
        if job is not None:
            return job.state
        # A chatbot that has something to say of its index could not bring it up to date.
        return State("failed", chatbot.notice) if chatbot.notice else State("fresh", "")

    @property
    def first_build(self) -> State | None:
        """Return the build of the first articles, while it runs. Nothing can be answered before it has ended."""
        chatbot, state = self._opening.chatbot, self.state
        building = chatbot is not None and state.kind == "building" and not chatbot.contents().articles
        return state if building else None

    def unread(self) -> list[str]:
        """Return the files that a build is reading, which no answer knows of before it has ended."""
        building = self.state.kind == "building"
        return [each.id for each in self.files() if each.status in ("new", "changed")] if building else []

    @property
    def watching(self) -> bool:
        """Tell whether changes of the folder are followed."""
        return self._stop is not None

    def watch(self, on: bool) -> None:
        """Follow the folder from now on, or no longer. A build that runs goes on."""
        with self._lock:
            if on and self._stop is None:
                self._stop = threading.Event()
                act = (self._snapshot, self._catch_up, self._stop)
                threading.Thread(target=follow, args=act, name="watching", daemon=True).start()
            elif not on and self._stop is not None:
                self._stop.set()
                self._stop = None

    def rebuild(self, fresh: bool = False) -> bool:
        """Begin to bring the index up to date, from nothing where ``fresh``. Whether it began.

        It does not where a build is running or the chatbot is still being opened; where opening failed, it is tried again.
        """
        with self._lock:
            if self._opening.chatbot is None:
                return self._opening.start()
            if self._running:
                return False
            work = partial(self._build, fresh)
            self._job, self._found = Job("building", "looking for changes", work, self._built, self._clock), None
            self._job.start()
            return True

    def catch_up(self) -> None:
        """Begin a build where the folder has changed, or have another follow the one that runs. Raises FootnoteError.

        The one that runs may have passed what has changed now.
        """
        if self._opening.chatbot is not None and not self.look():
            return
        with self._lock:
            self._again = self._running
        if not self.rebuild():
            self._opening.then(self.rebuild)

    def cancel(self) -> None:
        """End the build at its next step. The old index is then as it was. Does nothing where none is running."""
        if self._job is not None and self._running:
            self._job.cancel()
        elif self._opening.chatbot is None:
            self._opening.cancel()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the build that is running has ended. Raises TimeoutError after ``seconds``."""
        if self._job is not None:
            self._job.wait(seconds)

    @property
    def _running(self) -> bool:
        return self._job is not None and self._job.ended is None

    def _build(self, fresh: bool, progress: Callable[[Progress], None]) -> State:
        chatbot = self._opening.ready()
        try:
            chatbot.refresh(progress, fresh=fresh)
        except Cancelled:
            return State("cancelled", CANCELLED)
        # The disk or another build was in the way where it says something, so the old index answers.
        return State("failed", chatbot.notice) if chatbot.notice else State("fresh", "")

    def _built(self) -> None:
        with self._lock:
            again, self._again = self._again and self.state.kind != "cancelled", False
        if again:
            self.rebuild()

    def _catch_up(self) -> bool:
        """Act on a complete change. Return whether it was dealt with, else it comes again.

        A build that fails was dealt with: it is tried again on the next change, not over and over.
        """
        if self._opening.chatbot is not None:
            if self._running:
                return False
            try:
                if self.state.kind != "failed" and not self.look():
                    return True
            except FootnoteError:
                return True
        return self.rebuild()

    # The folder, as it was seen last.

    def files(self) -> tuple[FileStatus, ...]:
        """Return how each file stands to the index that answers now. Looks where another index was seen last."""
        if self._index != self._name():
            with self._looking:  # whoever waited here finds it done
                if self._index != self._name():
                    self._try_to_look()
        return self._files

    @property
    def problem(self) -> str:
        """Return why the folder could not be looked at, or empty."""
        return self._problem

    @property
    def stamp(self) -> str:
        """Return another text whenever something else is to be seen."""
        return f"{self._name()}-{self._number}"

    def look(self) -> bool:
        """Look at the whole folder now. Whether it has changed since the index was built. Raises FootnoteError."""
        with self._looking:
            return self._look(("fresh", "outdated", "failed", "cancelled"))

    def _name(self) -> str:
        chatbot = self._opening.chatbot
        return chatbot.contents().name if chatbot is not None else ""

    def _look_sometimes(self) -> None:
        """Look in the background where the last look is long ago or was at another index."""
        due = self._clock() >= self._next_look or self._index != self._name()
        if self._opening.chatbot is None or not due or not self._looking.acquire(blocking=False):
            return

        def look() -> None:
            try:
                self._try_to_look()
            finally:
                self._looking.release()

        threading.Thread(target=look, name="surveying", daemon=True).start()

    def _try_to_look(self) -> None:
        try:
            self._look(("fresh", "outdated"))  # how a build ended stays to be read until somebody asks
        except FootnoteError as error:
            log.debug("the folder could not be looked at: %s", type(error).__name__)
        except Exception as error:  # the page goes on with what was seen before
            log.error("looking at the folder failed: %s", type(error).__name__)
            log.debug("looking at the folder failed", exc_info=True)  # paths stand in it, so not above DEBUG

    def _look(self, kinds: tuple[str, ...]) -> bool:
        """Compare the folder with the index; a state that is one of ``kinds`` gives way to what was found."""
        chatbot, began, name = self._opening.chatbot, self._clock(), self._name()
        if chatbot is None:
            return False
        files, problem = self._files, ""
        try:
            files = tuple(each for each in chatbot.inventory() if each.id.split("/")[0] not in (REMOVED, QUESTIONS))
        except FootnoteError as error:
            problem = sentence(error)
            raise
        finally:
            ended = self._clock()
            self._next_look = ended + max(LOOK_SECONDS, 50 * (ended - began))
            self._number += (files, problem) != (self._files, self._problem)
            self._files, self._problem, self._index = files, problem, name
        changed = any(each.status in ("new", "changed", "removed") for each in files)
        with self._lock:
            kind = self.state.kind
            if name == self._name() and kind in kinds:
                if not changed and not chatbot.notice:
                    self._found = State("fresh", "")
                elif changed and kind == "fresh":  # what went wrong is worth more than that something changed
                    self._found = State("outdated", OUTDATED)
        return changed

    # The page's room.

    def data(self, visitor: Visitor) -> dict[str, Any]:  # noqa: ARG002 - it is the same for everybody
        """Return what the section of Settings shows: the state of the index and what is in it."""
        state, chatbot = self.state, self._opening.chatbot
        title, about, known = _KINDS.get(state.kind, ""), told(state.text), [(phrase("Articles"), phrase("none yet"))]
        if chatbot is None:
            title = "Could not be opened" if state.kind == "failed" else title
        elif state.kind == "building":
            about = phrase("Questions go on meanwhile, answered from the index as it was.")
        elif state.kind == "failed":
            about = f"{phrase('The index as it was before goes on answering.')} {about}"
        if chatbot is not None:
            contents = chatbot.contents()
            built = datetime.fromtimestamp(contents.built)
            known = [
                (phrase("Articles"), str(contents.articles)),
                (phrase("Passages"), str(contents.passages)),
                (phrase("Embedding model"), contents.embedder),
                (phrase("Built"), f"{spoken(f'{built:%Y-%m-%d}')}, {built:%H:%M}"),
                (phrase("Size on disk"), phrase("{size} MB", size=decimal(contents.size / 1e6))),
                (phrase("Generation"), str(contents.generation)),
            ]
        return {
            "state": {
                "value": f'<p class="index-state" data-kind="{state.kind}">{phrase(title)}</p>'
                f'<p class="hint index-about">{escape(about)}</p>'
            },
            "watch": {"value": self.watching},
            "contents": {"value": facts(known)},
        }

    def act(self, action: str, sent: Mapping[str, Any], visitor: Visitor) -> str:  # noqa: ARG002 - one index for all
        """Build with "rebuild" or "start_over", "check" the folder or follow it, with "watch". Raises FootnoteError."""
        if action == "check":
            return "" if self.look() else phrase("The index is up to date with the folder.")
        if action == "watch":
            self.watch(sent.get("watch") is True)
            return ""
        return "" if self.rebuild(fresh=action == "start_over") else phrase("A build is running already.")

    def beat(self, wish: object = "") -> dict[str, Any]:
        """Return the state of the index for a page, as plain data; ``wait`` says after how many seconds to ask again.

        The ``wish`` "rebuild" begins a build first, "added" where the folder has changed, "cancel" ends one.
        """
        if wish == "rebuild":
            self.rebuild()
        elif wish == "added":
            try:
                self.catch_up()
            except Exception as error:  # the page must hear on; what stands in the way is told as the folder's
                what_went_wrong(error, "looking at the folder")
        elif wish == "cancel":
            self.cancel()
        self._look_sometimes()
        state = self.state
        contents = self._opening.chatbot.contents() if self._opening.chatbot is not None else None
        counts = Counter(each.status for each in self._files)
        busy = state.kind in ("loading", "building")
        return {
            "kind": state.kind,
            "text": told(state.text),
            "done": state.done,
            "total": state.total,
            "watching": self.watching,
            "serving": contents is not None,
            "files": dict(counts),
            "folder": told(self._problem),
            "first": self._first(state, contents.articles if contents is not None else None),
            "stamp": self.stamp,
            "wait": self._turn() if busy else WATCHING_SECONDS if self.watching else CALM_SECONDS,
        }

    def _first(self, state: State, articles: int | None) -> str:
        """Return what stands in the way of a first answer, or empty."""
        building = state.kind == "building" or (state.kind == "loading" and state.stage != LOADING)
        if articles or articles is None or building:
            return "building" if building and not articles else ""
        unread = (each.id for each in self.files() if each.status in ("failed", "skipped"))
        return "empty" if all(id.startswith(".") for id in unread) else "unusable"

    def _turn(self) -> float:
        """Return how long a page waits for its turn: the more pages ask, the longer, up to ``CALM_SECONDS``."""
        with self._lock:
            now = self._clock()
            turn = max(now + BUSY_SECONDS, self._next_beat + 1 / BEATS_PER_SECOND)
            self._next_beat = min(turn, now + CALM_SECONDS)
            return round(self._next_beat - now, 2)
