"""What can be made again: in a folder of this machine, or in memory."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache, wraps
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any, TypeVar
from zipfile import BadZipFile

if TYPE_CHECKING:
    from numpy.typing import NDArray

Result = TypeVar("Result")


def cache_folder() -> Path:
    """Return the folder for what can be made again: RAG_CACHE, or the user's cache folder."""
    from platformdirs import user_cache_path

    chosen = os.environ.get("RAG_CACHE", "").strip()
    return Path(chosen).expanduser() if chosen else user_cache_path("footnote", appauthor=False)


def cached_arrays(name: str, compute: Callable[[], dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Read arrays from the cache folder; compute them where it has none, and keep them where it can be written."""
    import numpy

    path = cache_folder() / f"{name}.npz"
    with suppress(OSError, ValueError, EOFError, BadZipFile), path.open("rb") as stored:
        return dict(numpy.load(stored, allow_pickle=False))
    arrays = compute()
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
            numpy.savez(file, **arrays)  # type: ignore[arg-type]
        Path(file.name).replace(path)  # whole or not at all
    return arrays


def once(function: Callable[..., Result]) -> Callable[..., Result]:
    """Remember a function's results; of several threads that ask at once, one computes and the others wait."""
    remembered, lock = lru_cache(maxsize=4)(function), threading.RLock()

    @wraps(function)
    def locked(*arguments: Any) -> Result:
        with lock:
            return remembered(*arguments)

    locked.cache_clear = remembered.cache_clear  # type: ignore[attr-defined]
    return locked
