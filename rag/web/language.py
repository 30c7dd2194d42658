"""The language of the page: English as it stands in the code, other languages by a plain table beside it.

Every text that the page shows is its own key, as in gettext. A text with forms for several numbers has them in a row with
"|" between, the one for ``count`` is taken: two in English ("{count} source|{count} sources"), three in Russian.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache

from rag.types import spoken_date
from rag.web import asset

LANGUAGES = {"en": "English", "ru": "Русский"}
"""The languages of the page, by their codes, as they call themselves."""
COOKIE = "footnote_language"
"""Where a browser keeps the language that its reader chose."""


NOTICES = (
    "The model wrote an answer, but no passage carries any sentence of it, so it is not shown.",
    "The model did not answer.",
    "These are sentences of the articles instead.",
    "RAG_CONTEXT_TOKENS sets how much fits.",
    "No article meets all that was asked for; more were searched.",
    "The answer is cut.",
    "The articles do not say:",
    "The answers come from an older index:",
    "The build was cancelled before there was an index; open it again to build it.",
    "Loading the model…",
    "Your question comes next.",
)
"""Sentences of notices, as the chatbot and the page write them; errors in between stay English."""

_speaking: ContextVar[str] = ContextVar("language", default="en")
_RUSSIAN_MONTHS = (
    ("январь", "января"),
    ("февраль", "февраля"),
    ("март", "марта"),
    ("апрель", "апреля"),
    ("май", "мая"),
    ("июнь", "июня"),
    ("июль", "июля"),
    ("август", "августа"),
    ("сентябрь", "сентября"),
    ("октябрь", "октября"),
    ("ноябрь", "ноября"),
    ("декабрь", "декабря"),
)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Inside it, a language is the one of ``phrase`` and ``spoken``: for what draws many texts for one reader.

    >>> with speaking("ru"):
    ...     phrase("{count} source|{count} sources", count=1)
    '1 источник'
    """
    before = _speaking.set(language)
    try:
        yield
    finally:
        _speaking.reset(before)


def phrase(text: str, language: str = "", **values: object) -> str:
    """A text of the page in a language, its ``{names}`` filled in; what the table lacks stays English.

    Where no language is given it is the one being spoken, see ``speaking``.

    >>> phrase("{count} source|{count} sources", count=2)
    '2 sources'
    >>> phrase("{count} source|{count} sources", "ru", count=2)
    '2 источника'
    """
    language = language or _speaking.get()
    known = table(language).get(text)
    count = values.get("count")
    forms = (known or text).split("|") if isinstance(count, int) else [known or text]
    form = _form(count, language if known else "en") if isinstance(count, int) else 0
    shown = forms[min(form, len(forms) - 1)]
    for name, value in values.items():
        text = _number(value, language if known else "en") if isinstance(value, int) else str(value)
        shown = shown.replace(f"{{{name}}}", text)
    return shown


def told(text: str, language: str = "") -> str:
    """A notice that was put together elsewhere, with those of its sentences that are in ``NOTICES`` in a language."""
    for each in NOTICES:
        text = text.replace(each, phrase(each, language))
    return text


def spoken(published: str, language: str = "") -> str:
    """A date in words, as exact as it is known.

    >>> [spoken(each, "ru") for each in ("2031-03-04", "2031-03", "2031", "someday")]
    ['4 марта 2031\\xa0г.', 'март 2031\\xa0г.', '2031\\xa0г.', 'someday']
    >>> spoken("2031-03-04")
    '4 March 2031'
    """
    found = re.fullmatch(r"(\d{4})(?:-(0[1-9]|1[0-2]))?(?:-(\d\d))?", published)
    if (language or _speaking.get()) != "ru" or found is None:
        return spoken_date(published)
    year, month, day = found.groups()
    nominative, genitive = _RUSSIAN_MONTHS[int(month) - 1] if month else ("", "")
    return " ".join(filter(None, (day and str(int(day)), genitive if day else nominative, f"{year}\u00a0г.")))


def _number(value: int, language: str) -> str:
    return f"{value:,}" if language == "en" else f"{value:,}".replace(",", "\u00a0")


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
    data = json.dumps({"tables": tables, "languages": LANGUAGES, "cookie": COOKIE}, ensure_ascii=False)
    data = data.replace("<", "\\u003c")
    return f"<script>window.footnote = {data};\n{asset('language.js', 'theme.js')}</script>"
