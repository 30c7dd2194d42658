"""Where what can be made again is kept on this machine."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder for what can be made again: RAG_CACHE, or the user's cache folder."""
    from platformdirs import user_cache_path

    chosen = os.environ.get("RAG_CACHE", "").strip()
    return Path(chosen).expanduser() if chosen else user_cache_path("footnote", appauthor=False)
