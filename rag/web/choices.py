"""Keep what a reader chose in Settings, without any key. For a login on the server's disk, else in the browser's
cookie.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from rag.web.database import Store, checked_owner
from rag.web.rooms import Visitor

COOKIE = "footnote_choice"
"""Where a browser without a login keeps it; ``theme.js`` writes it."""
LONGEST = 2000
"""Characters of a cookie that are read."""

_TABLE = "CREATE TABLE IF NOT EXISTS choices (owner TEXT NOT NULL UNIQUE, choice TEXT NOT NULL)"


class Choices:
    """The choices of those who log in, beside their conversations; ``folder`` is ``None`` where nothing is kept.

    The table is made when the first choice is written: a file of an older Footnote has none, and older ones ignore it.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._store = Store(folder) if folder is not None else None

    def read(self, visitor: Visitor) -> dict[str, Any]:
        """Return what the visitor chose before. It may be anything, so check it. Raises StoreError."""
        text = self._stored(visitor.owner) if visitor.owner else unquote(visitor.choice[:LONGEST])
        try:
            found = json.loads(text or "{}")
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def write(self, visitor: Visitor, choice: Mapping[str, Any]) -> None:
        """Keep a visitor's choice where they are logged in; raises StoreError."""
        if not visitor.owner or self._store is None:
            return
        with self._store.writing() as database:
            database.execute(_TABLE)
            row = checked_owner(visitor.owner), json.dumps(choice)
            database.execute("INSERT OR REPLACE INTO choices (owner, choice) VALUES (?, ?)", row)

    def _stored(self, owner: str) -> str:
        if self._store is None or not self._store.begun:
            return ""
        with self._store.reading() as database:
            if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'choices'").fetchall():
                return ""
            rows = database.execute("SELECT choice FROM choices WHERE owner = ?", (checked_owner(owner),)).fetchall()
        return str(rows[0][0]) if rows else ""
