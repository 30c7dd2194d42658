"""Phrases in the language of their reader: English as it stands in the code, others by gettext, see ``catalogue``.

Every text that the page shows is its own key. A text with forms for several numbers has them in a row with "|" between, the
one for ``count`` is taken: two in English ("{count} quote|{count} quotes"), as many as its catalogue says in another language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import date
from functools import lru_cache

from babel.dates import format_date, format_skeleton
from babel.numbers import format_decimal

from rag.errors import Translatable, filled
from rag.language.catalogue import form, texts
from rag.types import Sentence, spoken_date

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
    """Return a text of the page in a language, its ``{names}`` filled in. What the table lacks stays English.

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
    """Translate an error's message, a file's reason or an answer's notice. What is not known stays.

    Its template is translated, and messages among its values are; other values stay letter for letter.

    >>> told(Translatable("larger than {size} MB; split it or raise RAG_MAX_FILE_MEGABYTES", size=5), "ru")
    'больше 5 МБ; разделите его или увеличьте RAG_MAX_FILE_MEGABYTES'
    """
    language = language or _speaking.get()
    text = text if isinstance(text, Translatable) else Translatable(text)
    known, template = messages(language), text.template
    found = known.get(template) or known.get(template[:1].lower() + template[1:]) or table(language).get(template)
    written, count = found or template, text.values.get("count")
    if found and isinstance(count, int):
        forms_of = found.split("|")
        written = forms_of[min(form(language, count), len(forms_of) - 1)]
    values = {name: _inner(name, each, language) for name, each in text.values.items()}
    shown = filled(written, values, str, _thousands(language) if found else ",")
    return shown[:1].upper() + shown[1:] if template[:1].isupper() else shown


def _inner(name: str, value: str | int, language: str) -> str | int:
    # A message without values is its own template; a text under another name may only look like one.
    if isinstance(value, Translatable) or (isinstance(value, str) and name.startswith("message")):
        return told(value, language)
    return value


@lru_cache
def _thousands(language: str) -> str:
    return _number(1000, language)[1:-3]


def _said(text: str, language: str, values: Mapping[str, object]) -> str:
    """Return a text filled in. Of its forms the one for ``count``, where that is a whole number."""
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
    """Return a sentence of a timeline, or under its source, with its date in the language spoken."""
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


def decimal(value: float, language: str = "", pattern: str = "0.0") -> str:
    """Return a number with as many digits behind the point as ``pattern`` has.

    >>> decimal(1.25), decimal(1.25, "ru")
    ('1.2', '1,2')
    """
    return format_decimal(value, pattern, locale=language or _speaking.get())


def table(language: str) -> Mapping[str, str]:
    """Return the texts of the page in a language by their English. Empty for English."""
    return texts(language)


@lru_cache
def messages(language: str) -> Mapping[str, str]:
    """Return the server's messages in a language, by their English templates; empty for English.

    Notices of an answer follow each other in one text, messages are errors, reasons and the parts of them.
    """
    return {**texts(language, "message"), **texts(language, "notice")}


def current() -> str:
    """Return the language that is being spoken, see ``speaking``."""
    return _speaking.get()
