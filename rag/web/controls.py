"""Check settings that a visitor may change. Their bounds, and what of a sent value can be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rag.errors import SettingsError
from rag.settings import Settings


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


def controls(settings: Settings) -> tuple[Control, ...]:
    """Widen each control's bounds to what the server was started with."""
    return tuple(each if each.choices else _widened(each, getattr(settings, each.name)) for each in CONTROLS)


def checked(settings: Settings, name: Any, value: Any) -> tuple[str, Any]:
    """Return a setting's name and value as a browser sent them. Raise SettingsError where they cannot be used."""
    control = next((each for each in controls(settings) if each.name == name), None)
    if control is None:
        raise SettingsError("this setting is not changed here; set its variable before Footnote is started")
    if control.choices:
        if not isinstance(value, str) or value not in control.choices:
            raise SettingsError(
                "this is none of the choices; take one of {choices}", choices=", ".join(control.choices)
            )
    elif type(value) is not int or not control.low <= value <= control.high:
        raise SettingsError(
            "this is no whole number from {low:,} to {high:,}; set it to one such as {own:,}",
            low=control.low,
            high=control.high,
            own=getattr(settings, control.name),
        )
    return control.name, value


def usable(settings: Settings, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Keep of stored changes those that can still be used, for the server may have been started otherwise."""
    kept: dict[str, Any] = {}
    for control in controls(settings):
        try:
            kept |= [checked(settings, control.name, changes[control.name])]
        except (KeyError, SettingsError):
            continue
    return kept


def _widened(control: Control, own: int) -> Control:
    return Control(control.name, min(control.low, own), max(control.high, own))
