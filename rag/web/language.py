"""The language of the page: English as it stands in the code, other languages by a plain table beside it.

Every text that the page shows is its own key, as in gettext. A text with forms for several numbers has them in a row with
"|" between, the one for ``count`` is taken: two in English ("{count} quote|{count} quotes"), three in Russian.
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
from rag.web.templates import Templates, filled

LANGUAGES = {"en": "English", "ru": "Русский"}
"""The languages of the page, by their codes, as they call themselves."""
COOKIE = "footnote_language"
"""Where a browser keeps the language that its reader chose."""
MOST_NOTICES = 20
"""How many notices of an answer are told one by one."""
DEEPEST = 3
"""How many messages are told that stand in each other."""

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
    ...     phrase("{count} quote|{count} quotes", count=1)
    '1 цитата'
    """
    before = _speaking.set(language)
    try:
        yield
    finally:
        _speaking.reset(before)


def phrase(text: str, language: str = "", **values: object) -> str:
    """A text of the page in a language, its ``{names}`` filled in; what the table lacks stays English.

    Where no language is given it is the one being spoken, see ``speaking``.

    >>> phrase("{count} quote|{count} quotes", count=2)
    '2 quotes'
    >>> phrase("{count} quote|{count} quotes", "ru", count=2)
    '2 цитаты'
    """
    language = language or _speaking.get()
    known = table(language).get(text)
    return _said(known or text, language if known else "en", values)


def told(text: str, language: str = "") -> str:
    """An error's message, a file's reason or an answer's notices in a language; what is not known stays as it is.

    They were put together elsewhere, so they are known again by the templates in the table of messages. What these were
    filled in with stays letter for letter, but for ``{message}``, which is such a text itself.

    >>> told("larger than 5 MB; split it or raise RAG_MAX_FILE_MEGABYTES", "ru")
    'больше 5 МБ; разделите его или увеличьте RAG_MAX_FILE_MEGABYTES'
    """
    language = language or _speaking.get()
    return _told(text, language) if text and messages(language) else text


@lru_cache(maxsize=512)
def _told(text: str, language: str) -> str:
    starts = [found.start() for found in _notice_starts(language).finditer(text)][:MOST_NOTICES]
    return _notices(text, language, starts) if starts[:1] == [0] else _message(text, language) or text


def _notices(text: str, language: str, starts: list[int]) -> str:
    """Notices that follow each other, parted where another can begin, each as short as it can be."""
    ends = [*starts[1:], len(text)]
    shown, place = [], 0
    while place < len(starts):
        parts = ((end, text[starts[place] : ends[end]].rstrip()) for end in range(place, len(ends)))
        known = ((end, _message(part, language)) for end, part in parts)
        unknown = place, text[starts[place] : ends[place]].rstrip()
        place, part = next((each for each in known if each[1]), unknown)
        shown.append(part)
        place += 1
    return " ".join(shown)


def _message(text: str, language: str, depth: int = 0) -> str:
    """A text in a language, empty where it is not known."""
    if known := table(language).get(text):
        return known
    found = _templates(language).found(text)
    if found is None:
        return ""
    key, values = found
    inner = values.get("message")
    if isinstance(inner, str) and depth < DEEPEST:
        values = {**values, "message": _inner(inner, language, depth + 1)}
    message = _said(messages(language)[key], language, values)
    begins_anew = text[0].isupper() and not key.startswith("{")
    return message[:1].upper() + message[1:] if begins_anew else message


def _inner(text: str, language: str, depth: int) -> str:
    """A message in another text, where it may be a sentence with its full stop."""
    if message := _message(text, language, depth):
        return message
    message = _message(text[:-1], language, depth) if text.endswith(".") else ""
    return f"{message}." if message else text


def _said(text: str, language: str, values: Mapping[str, object]) -> str:
    """A text filled in; of its forms the one for ``count``, where that is a whole number."""
    count = values.get("count")
    forms = text.split("|") if isinstance(count, int) else [text]
    form = _form(count, language) if isinstance(count, int) else 0
    shown = {name: _number(each, language) if isinstance(each, int) else str(each) for name, each in values.items()}
    return filled(forms[min(form, len(forms) - 1)], shown)


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


def decimal(value: float, language: str = "") -> str:
    """A number with one digit behind the point.

    >>> decimal(1.25), decimal(1.25, "ru")
    ('1.2', '1,2')
    """
    text = f"{value:.1f}"
    return text.replace(".", ",") if (language or _speaking.get()) == "ru" else text


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


@lru_cache
def messages(language: str) -> Mapping[str, str]:
    """What the server puts together, in a language, by the English templates; empty for English. No browser needs it.

    ``notices`` of an answer follow each other in one text, ``messages`` are errors, reasons and the parts of them.
    """
    tables = _messages(language)
    return {**tables["messages"], **tables["notices"]}


@lru_cache
def _messages(language: str) -> Mapping[str, Mapping[str, str]]:
    known = language in LANGUAGES and language != "en"
    return json.loads(asset(f"{language}.messages.json")) if known else {"messages": {}, "notices": {}}


@lru_cache
def _templates(language: str) -> Templates:
    return Templates(messages(language))


@lru_cache
def _notice_starts(language: str) -> re.Pattern[str]:
    begun = {re.escape(each.partition("{")[0]) for each in _messages(language)["notices"]}
    return re.compile(f"(?<!\\S)(?:{'|'.join(begun)})")


def current() -> str:
    """The language that is being spoken, see ``speaking``."""
    return _speaking.get()


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
    scripts = asset("language.js", "theme.js", "presses.js", "leaving.js", "login.js")
    return f"<script>window.footnote = {data};\n{scripts}</script>"
