"""The language of a page: which one a browser asks for, and what its scripts need of it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from rag.language.catalogue import forms, languages
from rag.language.phrases import current, decimal, messages, phrase, speaking, spoken, table, told, with_dates
from rag.web import asset

__all__ = ["COOKIE", "LANGUAGES", "chosen_language", "current", "decimal", "messages", "phrase", "script", "speaking"]
__all__ += ["spoken", "table", "told", "with_dates"]

LANGUAGES = languages()
"""The languages of the page, by their codes, as they call themselves."""
COOKIE = "footnote_language"
"""Where a browser keeps the language that its reader chose."""


def chosen_language(cookies: Mapping[str, str], accepted: str = "") -> str:
    """Return the language that a browser asks for: by its reader's choice, else by its ``Accept-Language`` header.

    >>> chosen_language({}, "de-DE,ru;q=0.7,en;q=0.3"), chosen_language({"footnote_language": "en"}, "ru")
    ('ru', 'en')
    """
    if cookies.get(COOKIE) in LANGUAGES:
        return cookies[COOKIE]
    wanted = (part.split(";")[0].strip().lower().split("-")[0] for part in accepted.split(","))
    return next((each for each in wanted if each in LANGUAGES), "en")


def script() -> str:
    """Return what the page runs first: ``say(text, values)`` for its other scripts, ``phrase`` in the browser."""
    tables = {language: table(language) for language in LANGUAGES}
    # "<" could end the script element that this stands in.
    plurals = {language: dict(forms(language)) for language in LANGUAGES}
    sent = {"tables": tables, "plurals": plurals, "languages": dict(LANGUAGES), "cookie": COOKIE}
    data = json.dumps(sent, ensure_ascii=False)
    data = data.replace("<", "\\u003c")
    scripts = asset("language.js", "theme.js", "leaving.js", "login.js")
    return f"<script>window.footnote = {data};\n{scripts}</script>"
