"""What can be made again: in a folder of this machine, or in memory."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import lru_cache, wraps
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar("Result")


def cache_folder() -> Path:
    """Return the folder for what can be made again: RAG_CACHE, or the user's cache folder."""
    from platformdirs import user_cache_path

    chosen = os.environ.get("RAG_CACHE", "").strip()
    return Path(chosen).expanduser() if chosen else user_cache_path("footnote", appauthor=False)


def once(function: Callable[..., Result]) -> Callable[..., Result]:
    """Remember a function's results; of several threads that ask at once, one computes and the others wait."""
    remembered, lock = lru_cache(maxsize=4)(function), threading.RLock()

    @wraps(function)
    def locked(*arguments: Any) -> Result:
        with lock:
            return remembered(*arguments)

    locked.cache_clear = remembered.cache_clear  # type: ignore[attr-defined]
    return locked
