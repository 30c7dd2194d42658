"""The page's settings: what a visitor may change for their own next answers, and what only a new start changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.errors import SettingsError
from rag.settings import Settings
from rag.web.language import phrase
from rag.web.models import Models
from rag.web.rooms import Visitor


@dataclass(frozen=True, slots=True)
class Control:
    """A setting that can be changed: a number from ``low`` to ``high``, or one of ``choices``."""

    name: str
    low: int = 0
    high: int = 0
    choices: tuple[str, ...] = ()


# More passages than twenty make no answer better and every model slower; fewer tokens than a thousand hold hardly one.
CONTROLS = (
    Control("k", 1, 20),
    Control("decompose", choices=("rules", "model", "off")),
    Control("rewrite", choices=("model", "rules", "off")),
    Control("context_tokens", 1024, 131_072),
    Control("first_word_seconds", 0, 600),
    Control("answer_seconds", 10, 900),
)
FIXED = ("articles", "index", "data", "embedder", "reranker", "passage_tokens", "max_file_megabytes", "conversations")
"""What the page shows and cannot change, for something would have to be built or opened anew."""


class Preferences:
    """The room "settings": plain data of every setting, and changes of those in ``CONTROLS`` for one session.

    ``models`` is the memory that they are kept in; nothing is written down.
    """

    name = "settings"
    actions = ("adjust", "defaults")

    def __init__(self, settings: Settings, models: Models) -> None:
        self._settings = settings
        self._models = models
        self._controls = {each.name: self._widened(each) for each in CONTROLS}

    def data(self, visitor: Visitor) -> dict[str, Any]:
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
                for each in self._controls.values()
            ],
            "fixed": [
                {"name": name, "value": _shown(getattr(self._settings, name)), "variable": f"RAG_{name.upper()}"}
                for name in FIXED
            ],
            "user": visitor.owner,
        }

    def act(self, action: str, sent: Mapping[str, Any], visitor: Visitor) -> str:
        changes = self._models.changes(visitor.session)
        if action == "defaults":
            changes = {}
        elif action == "adjust":
            control = self._control(sent.get("name"))
            changes[control.name] = self._checked(control, sent.get("value"))
        kept = {name: value for name, value in changes.items() if value != getattr(self._settings, name)}
        self._models.change(visitor.session, kept)
        if kept:
            return phrase("Used from your next question on.", visitor.language)
        return phrase("From your next question on, all is as Footnote was started.", visitor.language)

    def _widened(self, control: Control) -> Control:
        """The control with room for what the server was started with."""
        if control.choices:
            return control
        own = getattr(self._settings, control.name)
        return Control(control.name, min(control.low, own), max(control.high, own))

    def _control(self, name: Any) -> Control:
        control = self._controls.get(name) if isinstance(name, str) else None
        if control is None:
            raise SettingsError("this setting is not changed here; set its variable before Footnote is started")
        return control

    def _checked(self, control: Control, value: Any) -> Any:
        if control.choices:
            if not isinstance(value, str) or value not in control.choices:
                raise SettingsError(f"this is none of the choices; take one of {', '.join(control.choices)}")
        elif type(value) is not int or not control.low <= value <= control.high:
            raise SettingsError(
                f"this is no whole number from {control.low:,} to {control.high:,}; set it to one such as "
                f"{getattr(self._settings, control.name):,}"
            )
        return value


def _shown(value: Any) -> str:
    """A setting as any visitor may see it: of a path only the last name.

    >>> _shown(Path("/home/ann/reporting")), _shown("/models/small"), _shown("intfloat/multilingual-e5-small")
    ('reporting', 'small', 'intfloat/multilingual-e5-small')
    """
    text = str(value).replace("\\", "/")
    is_path = isinstance(value, Path) or Path(text).expanduser().is_absolute() or text.startswith((".", "~"))
    return (text.rstrip("/").rpartition("/")[2] or text) if is_path else text
