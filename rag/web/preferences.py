"""Show the page's settings. What a visitor may change for their own next answers, and what only a new start changes."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from html import escape
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rag.errors import SettingsError
from rag.settings import Settings
from rag.web.language import LANGUAGES, phrase
from rag.web.render import facts
from rag.web.rooms import Field, Form, Visitor

if TYPE_CHECKING:
    from rag.web.models import Models

FIXED = {
    "articles": "Articles folder",
    "index": "Index folder",
    "data": "Data folder",
    "embedder": "Embedding model",
    "reranker": "Reranker",
    "passage_tokens": "Passage length, in tokens",
    "max_file_megabytes": "Largest file, in MB",
    "conversations": "Save conversations",
}
"""What the page shows and cannot change, for something would have to be built or opened anew."""
WHERE = "Set with these variables where Footnote is started"


# More passages than twenty make no answer better and every model slower; fewer tokens than a thousand hold hardly one.
LIMITS = {"k": (1, 20), "context_tokens": (1024, 131_072), "first_word_seconds": (0, 600), "answer_seconds": (10, 900)}
CHOICES = {
    "decompose": {"rules": "by rules", "model": "by the model", "off": "off"},
    "rewrite": {"model": "model, else rules", "rules": "by rules", "off": "off"},
}


def check(settings: Settings, name: Any, value: Any) -> None:
    """Raise SettingsError where a setting as a browser sent it cannot be used. The server's own value always can."""
    if name not in (*LIMITS, *CHOICES):
        raise SettingsError("this setting is not changed here; set its variable before Footnote is started")
    choices, own = [*CHOICES.get(name, ())], getattr(settings, name)
    if choices and value not in choices:
        raise SettingsError("this is none of the choices; take one of {choices}", choices=", ".join(choices))
    low, high = LIMITS.get(name, (0, 0))
    if not choices and not (type(value) is int and (low <= value <= high or value == own)):
        raise SettingsError(
            "this is no whole number from {low:,} to {high:,}; set it to one such as {own:,}",
            low=low,
            high=high,
            own=own,
        )


def usable(settings: Settings, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Keep of stored changes those that can still be used, for the server may have been started otherwise."""
    kept = {}
    for name, value in changes.items():
        with suppress(SettingsError):
            check(settings, name, value)
            kept[name] = value
    return kept


class Preferences(Form):
    """Every setting, and changes of those in ``LIMITS`` and ``CHOICES`` for one session.

    ``models`` is the memory that they are kept in.
    """

    name = "settings"
    fields = MappingProxyType(
        {
            "title": Field("title", "Answers"),
            "k": Field("Number", "Passages per question", "How many of the best passages the answer is made from."),
            "decompose": Field(
                "Dropdown",
                "Split questions",
                "Each part of a question that asks for several things gets its own passages.",
                {"choices": [*CHOICES["decompose"]], "filterable": False},
            ),
            "rewrite": Field(
                "Dropdown",
                "Rewrite follow-ups",
                "Completes a question such as “and in 2019?” before the search.",
                {"choices": [*CHOICES["rewrite"]], "filterable": False},
            ),
            "context_tokens": Field(
                "Number", "Context window, in tokens", "Passages that do not fit are left out. Larger is slower."
            ),
            "first_word_seconds": Field(
                "Number",
                "Timeout for the first word, in seconds",
                "Then the articles’ own sentences come instead. 0 means 60 on this machine and 30 elsewhere.",
            ),
            "answer_seconds": Field(
                "Number", "Timeout for the answer, in seconds", "What the model has written by then is the answer."
            ),
            "said": Field("said"),
            "defaults": Field("Button", "Reset to defaults"),
            "look": Field("title", "Appearance"),
            "theme": Field("Radio", "Theme"),
            "language": Field(
                "Radio",
                "Language",
                "Changing the language reloads the page; keys entered here are then forgotten.",
                {"choices": [(title, code) for code, title in LANGUAGES.items()]},
            ),
            "login": Field("HTML"),
            "server": Field("title", "Server"),
            "fixed": Field("HTML"),
        }
    )

    def __init__(self, settings: Settings, models: Models) -> None:
        self._settings = settings
        self._models = models

    def data(self, visitor: Visitor) -> dict[str, Any]:
        self._models.remember(visitor)
        changes = self._models.changes(visitor.session)
        shown: dict[str, Any] = {
            name: {"value": changes.get(name, getattr(self._settings, name))} for name in (*LIMITS, *CHOICES)
        }
        for setting, words in CHOICES.items():
            shown[setting]["choices"] = [(phrase(said), name) for name, said in words.items()]
        fixed = [
            (phrase(title), f"{_shown(getattr(self._settings, name))} (RAG_{name.upper()})")
            for name, title in FIXED.items()
        ]
        user = phrase("You are logged in as {user}", user=visitor.owner)
        leave = f'<a class="action" href="logout">{phrase("Log out in every browser")}</a>'
        return {
            **shown,
            "language": {"value": visitor.language},
            "theme": {"choices": [(phrase("System"), "system"), (phrase("Light"), "light"), (phrase("Dark"), "dark")]},
            "login": {"visible": bool(visitor.owner), "value": f'<p class="pane-about">{escape(user)}</p>{leave}'},
            "fixed": {"value": f'<p class="pane-about">{phrase(WHERE)}</p>{facts(fixed)}'},
        }

    def kept(self, visitor: Visitor) -> str | None:
        return self._models.kept(visitor)

    async def acted(self, action: str, visitor: Visitor, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Return what changes. Of the other fields nothing: something may be half written in them."""
        done = await super().acted(action, visitor, sent)
        return done if action == "defaults" else {name: done[name] for name in (*sent, "said", "problem")}

    def act(self, action: str, sent: Mapping[str, Any], visitor: Visitor) -> str | None:
        self._models.remember(visitor)
        before = self._models.changes(visitor.session)
        changes = {} if action == "defaults" else {**before, **{name: _whole(value) for name, value in sent.items()}}
        for name in sent:
            check(self._settings, name, changes[name])
        kept = {name: value for name, value in changes.items() if value != getattr(self._settings, name)}
        if kept == before and action != "defaults":
            return None
        self._models.change(visitor.session, kept)
        self._models.keep(visitor)
        if kept:
            return phrase("Used from your next question on.")
        return phrase("From your next question on, all is as Footnote was started.")


def _whole(value: Any) -> Any:
    """Return a number as gradio hands it on, which makes 3.0 of 3, as it was written."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _shown(value: Any) -> str:
    """Return a setting as any visitor may see it: of a path only the last name.

    >>> _shown(Path("/home/ann/reporting")), _shown("/models/small"), _shown("intfloat/multilingual-e5-small")
    ('reporting', 'small', 'intfloat/multilingual-e5-small')
    """
    text = str(value).replace("\\", "/")
    is_path = isinstance(value, Path) or Path(text).expanduser().is_absolute() or text.startswith((".", "~"))
    return (text.rstrip("/").rpartition("/")[2] or text) if is_path else text
