"""The language of the page: English as it stands in the code, other languages by a plain table beside it.

Every text that the page shows is its own key, as in gettext. A text with forms for several numbers has them in a row with
"|" between, the one for ``count`` is taken: two in English ("{count} source|{count} sources"), three in Russian.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache

from rag.web import asset

LANGUAGES = {"en": "English", "ru": "Русский"}
"""The languages of the page, by their codes, as they call themselves."""
COOKIE = "footnote_language"
"""Where a browser keeps the language that its reader chose."""


def phrase(text: str, language: str = "en", **values: object) -> str:
    """A text of the page in a language, its ``{names}`` filled in; what the table lacks stays English.

    >>> phrase("{count} source|{count} sources", count=2)
    '2 sources'
    >>> phrase("{count} source|{count} sources", "ru", count=2)
    '2 источника'
    """
    known = table(language).get(text)
    forms = (known or text).split("|")
    count = values.get("count")
    form = _form(count, language if known else "en") if isinstance(count, int) else 0
    shown = forms[min(form, len(forms) - 1)]
    for name, value in values.items():
        shown = shown.replace(f"{{{name}}}", f"{value:,}" if isinstance(value, int) else str(value))
    return shown


def _form(count: int, language: str) -> int:
    """Which of a language's forms goes with a number: Unicode's plural rules (CLDR) for whole numbers."""
    if language != "ru":
        return int(count != 1)
    if count % 10 == 1 and count % 100 != 11:
        return 0
    return 1 if count % 10 in (2, 3, 4) and count % 100 not in (12, 13, 14) else 2


@lru_cache
def table(language: str) -> Mapping[str, str]:
    """The texts of the page in a language by their English; empty for English."""
    return {} if language not in LANGUAGES or language == "en" else json.loads(asset(f"{language}.json"))


def chosen_language(cookies: Mapping[str, str], accepted: str = "") -> str:
    """The language that a browser asks for: by its reader's choice, else by its ``Accept-Language`` header.

    >>> chosen_language({}, "de-DE,ru;q=0.7,en;q=0.3"), chosen_language({"footnote_language": "en"}, "ru")
    ('ru', 'en')
    """
    if cookies.get(COOKIE) in LANGUAGES:
        return cookies[COOKIE]
    wanted = (part.split(";")[0].strip().lower().split("-")[0] for part in accepted.split(","))
    return next((each for each in wanted if each in LANGUAGES), "en")


def script() -> str:
    """What the page runs first: ``say(text, values)`` for its other scripts, ``phrase`` in the browser."""
    tables = {language: table(language) for language in LANGUAGES}
    # "<" could end the script element that this stands in.
    data = json.dumps({"tables": tables, "cookie": COOKIE}, ensure_ascii=False).replace("<", "\\u003c")
    return f"<script>window.footnote = {data};\n{asset('language.js')}</script>"
