"""Follow a folder of articles: tell when something in it has changed and has come to rest.

Names, sizes and times are compared every few seconds, which works on every file system.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)

QUIET_SECONDS = 1.0
"""How long nothing may change before a change counts as complete: a file that is being copied grows more often."""
LOOK_SECONDS = 3.0
"""How often the folder is compared, unless that takes long."""
LONGEST_SECONDS = 30.0
"""A folder that never rests is read all the same once it has been changing for so long."""


def follow(
    look: Callable[[], object],
    catch_up: Callable[[], bool],
    stop: threading.Event,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Call ``catch_up`` once at first, then after each change of what ``look`` returns, until ``stop`` is set.

    ``catch_up`` returns whether it has dealt with the change, else it is called again when the folder is next quiet.
    """
    seen = look()
    changing_since: float | None = clock()  # what changed while nobody watched counts too
    cost = 0.0
    while not stop.wait(max(QUIET_SECONDS if changing_since is not None else LOOK_SECONDS, 50 * cost)):
        began = clock()
        before, seen = seen, look()
        cost = clock() - began
        if seen != before and changing_since is None:
            changing_since = began
        if changing_since is None or (seen != before and began - changing_since < LONGEST_SECONDS):
            continue
        try:
            changing_since = None if catch_up() else clock()
        except Exception as error:  # following goes on, whatever it was
            changing_since = None
            log.error("following the folder failed: %s", type(error).__name__)
            log.debug("following the folder failed", exc_info=True)  # paths stand in it, so not above DEBUG


def snapshot(folder: Path, index: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of each file in a folder of articles. Hidden ones and the index do not count.

    Which generation of the index is current does: another process may have built what this one was kept from building.
    """
    index, seen = index.resolve(), {}
    with suppress(OSError):
        current = (index / "CURRENT").stat()
        seen["CURRENT"] = (current.st_ino, current.st_mtime_ns)
    for above, folders, names in os.walk(folder.resolve()):
        folders[:] = [each for each in folders if not each.startswith(".") and Path(above, each) != index]
        for name in names:
            if not name.startswith("."):
                with suppress(OSError):
                    path = f"{above}/{name}"  # a Path for each costs more than the look itself
                    state = os.lstat(path)
                    seen[path] = (state.st_size, state.st_mtime_ns)
    return seen
