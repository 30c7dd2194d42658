"""Show the page's settings. What a visitor may change for their own next answers, and what only a new start changes."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import SettingsError
from rag.settings import Settings
from rag.web.language import phrase
from rag.web.rooms import Room, Visitor

if TYPE_CHECKING:
    from rag.web.models import Models

FIXED = ("articles", "index", "data", "embedder", "reranker", "passage_tokens", "max_file_megabytes", "conversations")
"""What the page shows and cannot change, for something would have to be built or opened anew."""


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


def controls(settings: Settings) -> dict[str, Control]:
    """Return each control by its name, its bounds widened to what the server was started with."""
    own = {each.name: getattr(settings, each.name) for each in CONTROLS}
    return {
        each.name: each
        if each.choices
        else replace(each, low=min(each.low, own[each.name]), high=max(each.high, own[each.name]))
        for each in CONTROLS
    }


def check(settings: Settings, name: Any, value: Any) -> None:
    """Raise SettingsError where a setting as a browser sent it cannot be used."""
    control = controls(settings).get(name) if isinstance(name, str) else None
    if control is None:
        raise SettingsError("this setting is not changed here; set its variable before Footnote is started")
    if control.choices and value not in control.choices:
        raise SettingsError("this is none of the choices; take one of {choices}", choices=", ".join(control.choices))
    if not control.choices and not (type(value) is int and control.low <= value <= control.high):
        raise SettingsError(
            "this is no whole number from {low:,} to {high:,}; set it to one such as {own:,}",
            low=control.low,
            high=control.high,
            own=getattr(settings, control.name),
        )


def usable(settings: Settings, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Keep of stored changes those that can still be used, for the server may have been started otherwise."""
    kept = {}
    for name, value in changes.items():
        with suppress(SettingsError):
            check(settings, name, value)
            kept[name] = value
    return kept


class Preferences(Room):
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
                {**asdict(each), "value": changes.get(name, own := getattr(self._settings, name)), "default": own}
                for name, each in controls(self._settings).items()
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
            check(self._settings, sent.get("name"), sent.get("value"))
            changes[sent["name"]] = sent["value"]
        kept = {name: value for name, value in changes.items() if value != getattr(self._settings, name)}
        self._models.change(visitor.session, kept)
        self._models.keep(visitor)
        if kept:
            return phrase("Used from your next question on.")
        return phrase("From your next question on, all is as Footnote was started.")


def _shown(value: Any) -> str:
    """Return a setting as any visitor may see it: of a path only the last name.

    >>> _shown(Path("/home/ann/reporting")), _shown("/models/small"), _shown("intfloat/multilingual-e5-small")
    ('reporting', 'small', 'intfloat/multilingual-e5-small')
    """
    text = str(value).replace("\\", "/")
    is_path = isinstance(value, Path) or Path(text).expanduser().is_absolute() or text.startswith((".", "~"))
    return (text.rstrip("/").rpartition("/")[2] or text) if is_path else text
