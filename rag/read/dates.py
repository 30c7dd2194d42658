"""The date that a line states, as exact as it states it: a day, a month or a year; in many languages, by dateparser.

Nothing is guessed: a line must be a date from end to end (a label such as "Published:", a weekday and a time of day may
stand around it), and what it leaves open stays open.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

_LANGUAGES = (
    "en ru uk kk ky uz tr az de fr es it pt nl pl cs sk ro hu bg sr hr sl sv da nb fi et lv lt el be ka hy ar fa he "
    "zh ja ko id vi"
)

_YEAR = r"(?P<year>(?:19|20)\d\d)"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th|er|[.ºª°])?"
_MONTH = r"(?P<month>[^\W\d_]{3,})\.?"
_WEEKDAY = r"(?:(?P<weekday>[^\W\d_]{2,}(?:-[^\W\d_]+)?)\.?[,.]?\s+)?"
_YEAR_END = r"(?:\s*(?:г|р|год|года|рік|року|ж|жылы|жыл)\b\.?)?"
_ZONE = r"(?:\s*(?:Z|[+-]\d\d:?\d\d)|\s*\(?[A-Z]{2,5}(?:[+-]\d{1,2})?\)?)?"
_CLOCK = rf"\d{{1,2}}[:.h]\d\d(?::\d\d)?(?:\.\d+)?(?:\s*[ap]\.?m\.?)?(?:\s*uhr)?{_ZONE}"
_TIME = rf"(?:[\s,|·•@/–—-]*(?:at|um|в|о|às|à|a las|kl\.?|ora)?\s*{_CLOCK})?"
_FORMS = [
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"{_YEAR}-(?P<number>\d\d?)(?:-(?P<day>\d\d?))?(?:T\s*{_CLOCK})?",
        rf"{_YEAR}[./](?P<number>\d\d?)[./](?P<day>\d\d?)\.?",
        rf"(?P<first>\d\d?)(?P<mark>[./-])\s?(?P<second>\d\d?)(?P=mark)\s?{_YEAR}{_YEAR_END}",
        rf"{_YEAR}\s*[年년]\s*(?P<number>\d\d?)\s*[月월](?:\s*(?P<day>\d\d?)\s*[日일])?",
        rf"{_WEEKDAY}{_DAY}[\s-]+(?:de\s+|of\s+)?{_MONTH},?[\s-]+(?:de\s+|del\s+)?{_YEAR}{_YEAR_END}",
        rf"{_WEEKDAY}{_MONTH}\s+{_DAY},?\s+{_YEAR}",
        rf"{_YEAR}[.,]?\s+(?:жылғы\s+|жылдын\s+|г\.\s*|m\.\s*)?{_DAY}\s+{_MONTH}",
        rf"{_YEAR}[.,]?\s+(?:жылғы\s+|жылдын\s+|m\.\s*)?{_MONTH}\s+{_DAY}",
        rf"{_MONTH},?\s+(?:de\s+|of\s+)?{_YEAR}{_YEAR_END}",
    )
]
_PUBLISHED = re.compile(
    r"(?:(?:first |originally )?(?:published|posted|released|issued)(?: online)?(?: (?:on|at))?|on|date(?: published)?|"
    r"publication date|date of publication|created(?: on)?|опубликовано|дата публикации|дата|размещено|создано|"
    r"опубліковано|дата публікації|жарияланған(?: күні)?|күні|veröffentlicht(?: am)?|erschienen(?: am)?|datum|stand|"
    r"publié le|publicado(?: el| em)?|pubblicato(?: il)?|fecha|yayınlanma tarihi|opublikowano)\s*[:：]?\s+",
    re.IGNORECASE,
)
_UPDATED = re.compile(
    r"[\s,|·•(/–—-]*(?:last )?"
    r"(?:updated|modified|edited|обновлено|изменено|оновлено|жаңартылған|aktualisiert|mis à jour)\b.*",
    re.IGNORECASE,
)
_YEAR_ALONE = re.compile(_YEAR + _YEAR_END, re.IGNORECASE)
_AROUND = " ,|·•/–—-"
_REST = re.compile(_TIME, re.IGNORECASE)
_TIME_FIRST = re.compile(rf"^(?:[^\W\d_]{{2,}}\.?\s+)?{_CLOCK}[\s,|·•/–—-]+", re.IGNORECASE)


def read_date(text: str) -> str:
    """Return the date that a text is: ``YYYY-MM-DD``, ``YYYY-MM`` or ``YYYY``, or empty where it is none.

    Where day and month cannot be told apart only the year is taken.

    >>> [read_date(text) for text in ("27 ноября 2023 г.", "March 2011", "03/04/2019", "Election 2019")]
    ['2023-11-27', '2011-03', '2019', '']
    """
    text = text.strip().strip("()[]").strip()
    for form in _FORMS if len(text) < 60 else ():
        match = form.fullmatch(text)
        if match and (date := _date(match.groupdict())):
            return date
    return ""


def date_line(line: str) -> str:
    """Return the date of a line that holds only a date, a label ("Published:"), a time, or an update.

    >>> date_line("Published: 12 June 2019, 10:30 GMT | Updated 14 June 2019")
    '2019-06-12'
    >>> date_line("Published: 2019")
    '2019'
    >>> date_line("Updated: 14 June 2019"), date_line("He resigned on 12 June 2019.")
    ('', '')
    """
    if len(line) > 150 or not any(sign.isdecimal() for sign in line):
        return ""
    line = " ".join(line.split()).strip(_AROUND)
    label = _PUBLISHED.match(line)
    stated = _TIME_FIRST.sub("", line[label.end() :] if label else line)
    if label and _YEAR_ALONE.fullmatch(stated):
        return stated[:4]
    return read_date(stated) or read_date(_without_tail(stated))


def is_updated(line: str) -> bool:
    """Say whether a line gives the date of a later change only.

    >>> is_updated("Updated: 14 June 2019"), is_updated("12 June 2019, updated 14 June 2019")
    (True, False)
    """
    return _UPDATED.match(line) is not None


def is_labelled(line: str) -> bool:
    """Tell whether a line says of its date that the article was published then."""
    return _PUBLISHED.match(line.strip()) is not None


def _without_tail(text: str) -> str:
    """Return the text up to a time of day or a note on a later update."""
    text = _UPDATED.sub("", text).strip(_AROUND)
    for match in _REST.finditer(text):
        if match.group().strip() and match.end() == len(text) and match.start():
            return text[: match.start()].strip(_AROUND)
    return text


def _date(found: dict[str, str | None]) -> str:
    year, day, number = found["year"] or "", found.get("day"), found.get("number")
    if found.get("mark"):
        return _numbers(year, int(found["first"] or 0), int(found["second"] or 0), found["mark"] == ".")
    if number:
        return _checked(year, int(number), int(day) if day else None)
    return _words(year, found["month"] or "", day or "", found.get("weekday") or "")


def _numbers(year: str, first: int, second: int, dots: bool) -> str:
    """12/31 and 31/12 are clear, and with dots the day is first. 3/4 is a day in April here, in March there."""
    if second > 12:
        return _checked(year, first, second)
    if dots or first > 12 or first == second:
        return _checked(year, second, first)
    return year


def _checked(year: str, month: int, day: int | None) -> str:
    import datetime

    try:
        datetime.date(int(year), month, 1 if day is None else day)
    except ValueError:
        return ""
    return f"{year}-{month:02}" if day is None else f"{year}-{month:02}-{day:02}"


@lru_cache(maxsize=4096)
def _words(year: str, month: str, day: str, weekday: str) -> str:
    found = _parser().get_date_data(f"{weekday} {day or 1} {month} {year}".strip()).date_obj
    if found is None or found.year != int(year) or found.day != int(day or 1):
        return ""
    return _checked(year, found.month, int(day) if day else None)


@lru_cache(maxsize=1)
def _parser() -> Any:
    from dateparser.date import DateDataParser

    # What was parsed before must not decide what is parsed now: the same file always reads the same.
    return DateDataParser(
        languages=_LANGUAGES.split(),
        try_previous_locales=False,
        use_given_order=True,
        settings={"REQUIRE_PARTS": ["day", "month", "year"], "PARSERS": ["absolute-time"], "DATE_ORDER": "DMY"},
    )
