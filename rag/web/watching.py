"""Following a folder of articles: when something in it has changed and has come to rest.

The library watchfiles hears of changes from the operating system; where a file system tells it nothing (a share of another
machine, a folder that was replaced), names, sizes and times are compared every few seconds instead.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)

Events = Callable[[threading.Event], Iterator[bool]]
"""Called when watching begins, with the event that ends it; yields True for a change, and False whenever nothing has
changed for a while."""

QUIET_SECONDS = 1.0
"""How long nothing may change before a change counts as complete: a file that is being copied grows more often."""
LOOK_SECONDS = 3.0
"""How often names, sizes and times are compared, unless that takes long."""
LONGEST_SECONDS = 30.0
"""A folder that never rests is read all the same once it has been changing for so long."""


class Watcher:
    """Call ``catch_up`` in a thread once a change is complete. And once when it starts.

    ``catch_up`` returns whether it has dealt with the change, else it is called again when the folder is next quiet. Changes
    that come while it works are kept. Can be started and stopped as often as one likes, from any thread.
    """

    def __init__(
        self, catch_up: Callable[[], bool], events: Events, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._catch_up = catch_up
        self._events = events
        self._clock = clock
        self._lock = threading.Lock()
        self._stop: threading.Event | None = None

    @property
    def is_on(self) -> bool:
        """Tell whether it watches."""
        return self._stop is not None

    def start(self) -> None:
        """Begin to watch, unless it does."""
        with self._lock:
            if self._stop is None:
                self._stop = threading.Event()
                threading.Thread(target=self._follow, args=(self._stop,), name="watching", daemon=True).start()

    def stop(self) -> None:
        """End watching; does not wait for a ``catch_up`` that is at work."""
        with self._lock:
            if self._stop is not None:
                self._stop.set()
                self._stop = None

    def _follow(self, stop: threading.Event) -> None:
        changing_since: float | None = self._clock()  # what changed while nobody watched counts too
        for changed in self._events(stop):
            if stop.is_set():
                return
            if changed and changing_since is None:
                changing_since = self._clock()
            if changing_since is None or (changed and self._clock() - changing_since < LONGEST_SECONDS):
                continue
            changing_since = None
            if not self._caught_up():
                changing_since = self._clock()

    def _caught_up(self) -> bool:
        try:
            return self._catch_up()
        except Exception as error:  # watching goes on, whatever it was
            log.error("following the folder failed: %s", type(error).__name__)
            log.debug("following the folder failed", exc_info=True)  # paths stand in it, so not above DEBUG
            return True


def folder_events(folder: Path, index: Path) -> Events:
    """Yield the real events of a folder of articles. Those of the index's folder, should it lie inside, do not count."""

    def events(stop: threading.Event) -> Iterator[bool]:
        ours, theirs = folder.resolve(), index.resolve()
        look = _Look(ours, theirs)
        for told in _told(ours, theirs, stop):
            seen = look()
            yield told or seen

    return events


def _told(folder: Path, index: Path, stop: threading.Event) -> Iterator[bool]:
    """Yield what the operating system tells; False every while where it tells nothing."""
    while not stop.is_set():
        with suppress(ImportError, OSError, RuntimeError):  # not installed, no such folder, no watches left
            from watchfiles import watch

            for changes in watch(
                folder,
                watch_filter=lambda _, path: not _passed_over(Path(path), folder, index),
                stop_event=stop,
                step=100,
                rust_timeout=int(1000 * QUIET_SECONDS),
                yield_on_timeout=True,
                raise_interrupt=False,
                ignore_permission_denied=True,
            ):
                yield bool(changes)
                if not folder.is_dir():
                    break
        if not stop.wait(QUIET_SECONDS):
            yield False


class _Look:
    """Tell whether names, sizes or times differ from the last look. Looks seldom where looking takes long."""

    def __init__(self, folder: Path, index: Path) -> None:
        self._folder, self._index = folder, index
        self._seen = self._snapshot()
        self._next = 0.0

    def __call__(self) -> bool:
        began = time.monotonic()
        if began < self._next:
            return False
        seen, before = self._snapshot(), self._seen
        ended = time.monotonic()
        self._seen, self._next = seen, ended + max(LOOK_SECONDS, 50 * (ended - began))
        return seen != before

    def _snapshot(self) -> dict[str, tuple[int, int]]:
        seen = {}
        for above, folders, names in os.walk(self._folder):
            folders[:] = [each for each in folders if not _passed_over(Path(above, each), self._folder, self._index)]
            for name in names:
                if name.startswith("."):
                    continue
                with suppress(OSError):
                    path = f"{above}/{name}"  # a Path for each costs more than the look itself
                    state = os.lstat(path)
                    seen[path] = (state.st_size, state.st_mtime_ns)
        return seen


def _passed_over(path: Path, folder: Path, index: Path) -> bool:
    """Tell whether what lies there is no article. The index, or hidden, as what editors put beside a file is."""
    if path.is_relative_to(index):
        return True
    return path.is_relative_to(folder) and any(part.startswith(".") for part in path.relative_to(folder).parts)
