"""Survey the folder and the index. Looked at seldom and told to every open page.

Reading a whole folder takes its time, so all pages share what was seen last. A page asks with ``beat``: it gets the state of
the index, and how long to wait before it asks again, so that no number of open pages can keep the server busy.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from rag.errors import FootnoteError
from rag.read.folder import QUESTIONS
from rag.types import FileStatus
from rag.web.keeper import Keeper, index_data
from rag.web.language import told
from rag.web.opening import Opening, sentence
from rag.web.shelf import REMOVED

log = logging.getLogger(__name__)

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
MOST_REASONS = 100
"""How many files that are not in the index are named, each with its reason, where none is in it."""

_OBSTACLES = {
    "ArticlesError": "folder",
    "IndexLocked": "locked",
    "IndexUnwritable": "unwritable",
    "IndexTooNew": "newer",
}


class Survey:
    """Compare the folder with the index of ``opening``. Safe to use from any thread.

    ``keeper`` is told when the folder has changed; ``clock`` gives seconds.
    """

    def __init__(self, opening: Opening, keeper: Keeper, clock: Callable[[], float] = time.monotonic) -> None:
        self._opening = opening
        self._keeper = keeper
        self._clock = clock
        self._looking = threading.Lock()
        self._lock = threading.Lock()
        self._files: tuple[FileStatus, ...] = ()
        self._problem = ""
        self._index = ""  # the generation that the files were compared with
        self._number = 0
        self._next_look = 0.0
        self._next_beat = 0.0

    def files(self) -> tuple[FileStatus, ...]:
        """Return how each file stands to the index that answers now. Looks where another index was seen last."""
        self._refresh()
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
            changed = self._look()
        self._keeper.noticed(changed)
        return changed

    def beat(self, wish: object = "") -> dict[str, Any]:
        """Return the state of the index for a page, as plain data; ``wait`` says after how many seconds to ask again.

        The ``wish`` "rebuild" begins a build first.
        """
        if wish == "rebuild":
            self._keeper.rebuild()
        self._look_sometimes()
        data = index_data(self._keeper)
        contents = self._opening.chatbot.contents() if self._opening.chatbot is not None else None
        counts = Counter(each.status for each in self._files)
        first, files = self._first(data["kind"], contents.articles if contents is not None else None)
        busy = data["kind"] in ("loading", "building")
        return {
            **data,
            "serving": contents is not None,
            "contents": asdict(contents) if contents is not None else {},
            "files": dict(counts),
            "folder": told(self._problem),
            "first": first,
            "reasons": files,
            "stamp": self.stamp,
            "wait": self._turn() if busy else WATCHING_SECONDS if data["watching"] else CALM_SECONDS,
        }

    def _first(self, kind: str, articles: int | None) -> tuple[str, list[list[str]]]:
        """Return what stands in the way of a first answer, or empty. And the files that are no articles."""
        if articles is None:
            if kind == "failed":
                return _OBSTACLES.get(self._opening.state.error, ""), []
            return ("model" if self._opening.state.stage in ("", "loading the model") else "building"), []
        if articles:
            return "", []
        if kind == "building":
            return "building", []
        self._refresh()
        unread = [each for each in self._files if each.status in ("failed", "skipped") and not each.id.startswith(".")]
        reasons = [[each.id, told(each.reason)] for each in unread[:MOST_REASONS]]
        return ("unusable" if reasons else "empty"), reasons

    def _turn(self) -> float:
        """Return how long a page waits for its turn: the more pages ask, the longer, up to ``CALM_SECONDS``."""
        with self._lock:
            now = self._clock()
            turn = max(now + BUSY_SECONDS, self._next_beat + 1 / BEATS_PER_SECOND)
            self._next_beat = min(turn, now + CALM_SECONDS)
            return round(self._next_beat - now, 2)

    def _name(self) -> str:
        chatbot = self._opening.chatbot
        return chatbot.contents().name if chatbot is not None else ""

    def _refresh(self) -> None:
        if self._index == self._name():
            return
        with self._looking:  # whoever waited here finds it done
            if self._index != self._name():
                self._try_to_look()

    def _look_sometimes(self) -> None:
        """Look in the background where the last look is long ago or was at another index."""
        due = self._clock() >= self._next_look or self._index != self._name()
        if self._opening.chatbot is None or not due or not self._looking.acquire(blocking=False):
            return
        threading.Thread(target=self._look_and_release, name="surveying", daemon=True).start()

    def _look_and_release(self) -> None:
        try:
            self._try_to_look()
        finally:
            self._looking.release()

    def _try_to_look(self) -> None:
        try:
            self._look()
        except FootnoteError as error:
            log.debug("the folder could not be looked at: %s", type(error).__name__)
        except Exception as error:  # the page goes on with what was seen before
            log.error("looking at the folder failed: %s", type(error).__name__)
            log.debug("looking at the folder failed", exc_info=True)  # paths stand in it, so not above DEBUG

    def _look(self) -> bool:
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
        # How a build ended stays to be read until somebody asks.
        if name == self._name() and self._keeper.state.kind in ("fresh", "outdated"):
            self._keeper.noticed(changed)
        return changed
