"""Show the page's settings. What a visitor may change for their own next answers, and what only a new start changes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rag.settings import Settings
from rag.web.controls import checked, controls
from rag.web.language import phrase
from rag.web.models import Models
from rag.web.rooms import Visitor

FIXED = ("articles", "index", "data", "embedder", "reranker", "passage_tokens", "max_file_megabytes", "conversations")
"""What the page shows and cannot change, for something would have to be built or opened anew."""


class Preferences:
    """The room "settings": plain data of every setting, and changes of those in ``CONTROLS`` for one session.

    ``models`` is the memory that they are kept in.
    """

    name = "settings"
    actions = ("adjust", "defaults")

    def __init__(self, settings: Settings, models: Models) -> None:
        self._settings = settings
        self._models = models

    def data(self, visitor: Visitor) -> dict[str, Any]:
        self._models.remember(visitor)
        changes = self._models.changes(visitor.session)
        return {
            "controls": [
                {
                    "name": each.name,
                    "value": changes.get(each.name, getattr(self._settings, each.name)),
                    "default": getattr(self._settings, each.name),
                    "low": each.low,
                    "high": each.high,
                    "choices": list(each.choices),
                }
                for each in controls(self._settings)
            ],
            "fixed": [
                {"name": name, "value": _shown(getattr(self._settings, name)), "variable": f"RAG_{name.upper()}"}
                for name in FIXED
            ],
            "user": visitor.owner,
            "kept": self._models.kept(visitor),
        }

    def act(self, action: str, sent: Mapping[str, Any], visitor: Visitor) -> str:
        self._models.remember(visitor)
        changes = self._models.changes(visitor.session)
        if action == "defaults":
            changes = {}
        elif action == "adjust":
            changes |= [checked(self._settings, sent.get("name"), sent.get("value"))]
        kept = {name: value for name, value in changes.items() if value != getattr(self._settings, name)}
        self._models.change(visitor.session, kept)
        self._models.keep(visitor)
        if kept:
            return phrase("Used from your next question on.", visitor.language)
        return phrase("From your next question on, all is as Footnote was started.", visitor.language)


def _shown(value: Any) -> str:
    """Return a setting as any visitor may see it: of a path only the last name.

    >>> _shown(Path("/home/ann/reporting")), _shown("/models/small"), _shown("intfloat/multilingual-e5-small")
    ('reporting', 'small', 'intfloat/multilingual-e5-small')
    """
    text = str(value).replace("\\", "/")
    is_path = isinstance(value, Path) or Path(text).expanduser().is_absolute() or text.startswith((".", "~"))
    return (text.rstrip("/").rpartition("/")[2] or text) if is_path else text
