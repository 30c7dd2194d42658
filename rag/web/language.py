"""The language of the page: English as it stands in the code, other languages by gettext catalogues, see ``catalogue``.

Every text that the page shows is its own key. A text with forms for several numbers has them in a row with "|" between, the
one for ``count`` is taken: two in English ("{count} quote|{count} quotes"), as many as its catalogue says in another language.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import date
from functools import lru_cache

from babel.dates import format_date, format_skeleton
from babel.numbers import format_decimal

from rag.errors import Translatable
from rag.errors import filled as filled_in
from rag.types import Sentence, spoken_date
from rag.web import asset
from rag.web.catalogue import form, forms, languages, texts
from rag.web.templates import Templates, filled

LANGUAGES = languages()
"""The languages of the page, by their codes, as they call themselves."""
COOKIE = "footnote_language"
"""Where a browser keeps the language that its reader chose."""
MOST_NOTICES = 20
"""How many notices of an answer are told one by one."""
DEEPEST = 3
"""How many messages are told that stand in each other."""

_speaking: ContextVar[str] = ContextVar("language", default="en")


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
    """Return a text of the page in a language, its ``{names}`` filled in; what the table lacks stays English.

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
    """Return an error's message, a file's reason or an answer's notices in a language; what is not known stays as it
    is.

    What was made of a template is translated by it. Texts that were put together elsewhere, or stored, are known again by the
    templates in the catalogue. Values stay letter for letter, but for messages among them.

    >>> told("larger than 5 MB; split it or raise RAG_MAX_FILE_MEGABYTES", "ru")
    'больше 5 МБ; разделите его или увеличьте RAG_MAX_FILE_MEGABYTES'
    """
    language = language or _speaking.get()
    if isinstance(text, Translatable):
        return _translated(text, language)
    return _told(text, language) if text and messages(language) else text


def _translated(text: Translatable, language: str) -> str:
    """Return a text by its template's translation, or its English, with the messages among its values translated."""
    known, small = messages(language), text.template[:1].lower() + text.template[1:]
    found = known.get(text.template) or known.get(small)
    written = (found or text.template).split("|")
    count = text.values.get("count")
    chosen = form(language, count) if isinstance(count, int) else 0
    values = {name: _inner_value(name, each, language) for name, each in text.values.items()}
    shown = filled_in(written[min(chosen, len(written) - 1)], values, str, _thousands(language) if found else ",")
    return shown[:1].upper() + shown[1:] if text.template[:1].isupper() else shown


def _inner_value(name: str, value: str | int, language: str) -> str | int:
    # Under this name a message may still be one that was put together elsewhere; other values stay letter for letter.
    inner = isinstance(value, Translatable) or name == "message"
    return told(value, language) if isinstance(value, str) and inner else value


@lru_cache
def _thousands(language: str) -> str:
    return _number(1000, language)[1:-3]


@lru_cache(maxsize=512)
def _told(text: str, language: str) -> str:
    starts = [found.start() for found in _notice_starts(language).finditer(text)][:MOST_NOTICES]
    return _notices(text, language, starts) if starts[:1] == [0] else _message(text, language) or text


def _notices(text: str, language: str, starts: list[int]) -> str:
    """Notice that follow each other, parted where another can begin, each as short as it can be."""
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
    """Return a text in a language, empty where it is not known."""
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
    """Return a message in another text, where it may be a sentence with its full stop."""
    if message := _message(text, language, depth):
        return message
    message = _message(text[:-1], language, depth) if text.endswith(".") else ""
    return f"{message}." if message else text


def _said(text: str, language: str, values: Mapping[str, object]) -> str:
    """Return a text filled in; of its forms the one for ``count``, where that is a whole number."""
    count = values.get("count")
    written = text.split("|") if isinstance(count, int) else [text]
    chosen = form(language, count) if isinstance(count, int) else 0
    shown = {name: _number(each, language) if isinstance(each, int) else str(each) for name, each in values.items()}
    return filled(written[min(chosen, len(written) - 1)], shown)


def spoken(published: str, language: str = "") -> str:
    """Return a date in words, as exact as it is known.

    >>> [spoken(each, "ru") for each in ("2031-03-04", "2031-03", "2031", "someday")]
    ['4 марта 2031\\xa0г.', 'март 2031\\xa0г.', '2031\\xa0г.', 'someday']
    >>> spoken("2031-03-04")
    '4 March 2031'
    """
    language = language or _speaking.get()
    found = re.fullmatch(r"(\d{4})(?:-(0[1-9]|1[0-2]))?(?:-(\d\d))?", published)
    if language == "en" or found is None:
        return spoken_date(published)
    year, month, day = (int(each or 0) for each in found.groups())
    if not month:
        return phrase("{year}", language, year=str(year))
    try:
        first = date(year, month, day or 1)
    except ValueError:
        return published
    shown = format_date(first, "long", language) if day else format_skeleton("yMMMM", first, locale=language)
    return shown.replace("\u202f", "\u00a0")


def with_dates(sentence: Sentence) -> Sentence:
    """Return a sentence of a timeline, or one under its source, with its date in the language that is spoken."""
    published = sentence.citations[0].hit.document.published if sentence.citations else ""
    was, now = spoken_date(published), spoken(published)
    if sentence.label and was and sentence.label.endswith(was):
        sentence = replace(sentence, label=sentence.label[: -len(was)] + now)
    was, now = (was, now) if was else ("undated", phrase("undated"))
    if sentence.citations and sentence.bold == ((0, len(was)),) and sentence.text.startswith(f"{was}, "):
        sentence = replace(sentence, text=now + sentence.text[len(was) :], bold=((0, len(now)),))
    return sentence


def _number(value: int, language: str) -> str:
    return format_decimal(value, locale=language).replace("\u202f", "\u00a0")


def decimal(value: float, language: str = "") -> str:
    """Return a number with one digit behind the point.

    >>> decimal(1.25), decimal(1.25, "ru")
    ('1.2', '1,2')
    """
    return format_decimal(value, "0.0", locale=language or _speaking.get())


def table(language: str) -> Mapping[str, str]:
    """Return the texts of the page in a language by their English; empty for English."""
    return texts(language)


@lru_cache
def messages(language: str) -> Mapping[str, str]:
    """Return what the server puts together, in a language, by the English templates; empty for English. No browser
    needs it.

    Notices of an answer follow each other in one text, messages are errors, reasons and the parts of them.
    """
    return {**texts(language, "message"), **texts(language, "notice")}


@lru_cache
def _templates(language: str) -> Templates:
    return Templates(messages(language))


@lru_cache
def _notice_starts(language: str) -> re.Pattern[str]:
    begun = {re.escape(each.partition("{")[0]) for each in texts(language, "notice")}
    return re.compile(f"(?<!\\S)(?:{'|'.join(begun)})")


def current() -> str:
    """Return the language that is being spoken, see ``speaking``."""
    return _speaking.get()


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
    scripts = asset("language.js", "theme.js", "presses.js", "leaving.js", "login.js")
    return f"<script>window.footnote = {data};\n{scripts}</script>"
