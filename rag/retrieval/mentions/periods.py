"""Find the periods that a question names: days, months, years, ranges, "last week"; in English, Russian and Kazakh.

Each token becomes one symbol (``M`` a month, ``Y`` a year, ``s`` "since"), and the grammar is a few patterns over symbols.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date, timedelta
from typing import NamedTuple

from rag.text.spelling import is_cyrillic
from rag.types import spoken_date

_DAY = timedelta(days=1)
# English names, then the stems that take Russian and Kazakh endings.
_MONTHS = (
    "january jan январ қаңтар|february feb феврал ақпан|march mar март наурыз|april apr апрел сәуір|may may май мамыр|"
    "june jun июн маусым|july jul июл шілде|august aug август тамыз|september sep сентябр қыркүйек|"
    "october oct октябр қазан|november nov ноябр қараша|december dec декабр желтоқсан"
)
_ENDINGS = "ь й а я е у ю ем ём ом ы ның нің дың дің тың тің ға ге қа ке дан ден тан тен ында інде да де та те"
_COUNTS = (
    "_ one|two два две двух екі|three три трех үш|four четыре бес|five пять|six шесть|seven|eight|nine|ten десять он"
)
# By the days of a unit; "yesterday" and "былтыр" (last year) say "last" in one word.
_UNITS = {
    1: "day days день дня дней күн yesterday вчера кеше",
    7: "week weeks неделя недели неделе неделю недель апта аптада",
    30: "month months месяц месяца месяце месяцев ай айда айы",
    365: "year years год года году годом лет жыл жылы жылда жылғы жылдың жылдан жылға былтыр биыл",
}
_SYMBOLS = {
    # Before a date: in, since, after, before, until, from (between); behind it: onwards, after, before.
    "i": "in during within these ( в во за на",
    "s": "since с со",
    "f": "after после",
    "b": "before prior до",
    "u": "until till by к",
    "j": "from between между",
    "Z": "onwards бері бастап",
    "F": "кейін",
    "B": "дейін",
    "d": "to through по - – —",
    "k": "and or / и или мен пен бен және",
    "w": "for on over with",
    "h": "the a an",
    "o": "of",
    "q": "early late mid beginning start middle end spring summer autumn winter quarter half q1 q2 q3 q4 "
    "начале конце середине весной летом осенью зимой",
    "E": "год года году годом г жыл жылы жылда жылғы жылдың жылдан жылға",  # a year's own word
    "S": "days weeks months years",
    "Q": "people men women children dollars euros votes percent человек долларов рублей адам теңге",  # no year before it
    "l": "last past прошлый прошлой прошлом прошлую прошлого өткен",
    "p": "последние последних соңғы",
    "t": "this current этот этом этой эту этого осы",
    "r": "yesterday вчера кеше былтыр",
    "e": "биыл",
    "v": "will would can could should must might may shall",  # makes "last" a verb
}
_COUNT = {word: count for count, group in enumerate(_COUNTS.split("|"), 1) for word in group.split()}
_UNIT = {word: days for days, group in _UNITS.items() for word in group.split()}
_SYMBOL = dict.fromkeys(_COUNT, "W") | dict.fromkeys(_UNIT, "U")
_SYMBOL |= {word: symbol for symbol, group in _SYMBOLS.items() for word in group.split()}
_MONTH = {
    stem + ending: month
    for month, stems in enumerate(_MONTHS.split("|"), 1)
    for stem in stems.split()
    for ending in ("", *_ENDINGS.split())
}
_FIRST_NAMES = frozenset(("jan", "april", "may", "june", "august"))
_MONTH |= {"sept": 9, "мая": 5, "мае": 5, "маю": 5, "маем": 5}

# A number that is part of another ("2019.5", "1990s", "$2019") is no date.
_TOKEN = re.compile(
    r"(?<![\w$€£₽#№])(?<![0-9][.,:/])(?:(?P<date>[0-9]{4}-(?:0[1-9]|1[0-2])(?:-[0-9]{2})?|[0-9]{1,2}([./])[0-9]{1,2}\2[0-9]{4})|"
    r"(?P<number>[0-9]{1,4})(?:st|nd|rd|th|-?го)?)(?![\w%]|[.,:][0-9]|-[^\W\d]|['’]s)|\w+|[^\w\s]"
)
_DAYS, _ANY_MONTH, _WITH_YEAR = "(?P<day>D)(?:[dk]h?(?P<to>D))?", "(?P<month>[MmI])", "[o,.]?(?P<year>Y)E?"
_FORMS = tuple(
    re.compile(form)
    for form in (
        "(?P<date>T)",
        rf"{_DAYS}o?{_ANY_MONTH}{_WITH_YEAR}",
        rf"{_DAYS}o?(?P<month>[MI])(?![o,]?n)",
        rf"{_ANY_MONTH}\.?h?{_DAYS}{_WITH_YEAR}",
        rf"(?P<month>[MI])\.?h?{_DAYS}(?![o,]?n)",
        rf"{_ANY_MONTH}{_WITH_YEAR}",
        rf"(?P<year>Y)E(?:{_DAYS})?(?P<month>[MI])",
        # A month or a year alone needs a word that leads to it, or a neighbour in a range.
        "(?P<month>I|(?<=[isfblt])M|(?<=qo)M|(?<=j)M(?=[dkub])|(?<=jM[dkub])M|M(?=[dkub][MmI][o,]?Y))(?![o,]?n)",
        "(?P<year>Y)E",
        "(?P<year>(?:^|(?<=[ijsfbuhoqdkwU]))Y(?![SUQ])|Y(?=dY))",
        "(?:(?<=[hi])l|p)(?P<count>[DW])(?P<unit>[USE])",
        # "Will it last week after week?"
        "(?<!v)(?P<which>[lt])(?P<unit>[UE])(?![od]|[fbuk][USE])",
        "(?P<unit>[re])",
    )
)


class _Point(NamedTuple):
    """A date at ``tokens[begin:end]``; ``open`` if the year is not written."""

    begin: int
    end: int
    first: date
    last: date
    open: bool


def find_periods(question: str, today: date, newest: str = "") -> Iterator[tuple[int, int, str, str]]:
    """Yield where a question names a period, and its first and last day (ISO, empty where open).

    ``newest`` is the date of the newest article: a day or month without a year is the last one that it can know.

    >>> [each[2:] for each in find_periods("Who left between March and May 2031, and last year?", date(2032, 1, 1))]
    [('2031-03-01', '2031-05-31'), ('2031-01-01', '2031-12-31')]
    """
    tokens = list(_TOKEN.finditer(question))
    words = [token["number"] or token.group().lower() for token in tokens]
    symbols = "".join(_symbol(token, word) for token, word in zip(tokens, words, strict=True))
    for place in range(len(tokens) - 1):
        if _is_first_name(tokens, words, symbols, place):
            symbols = f"{symbols[:place]}x{symbols[place + 1 :]}"
    latest = today
    with suppress(ValueError, TypeError):  # a header's date may be anything
        latest = min(today, _days(*map(int, newest.split("-")))[1])
    points = list(_points(words, symbols, today, latest))
    while points:
        one, *points = points
        bounds = _range(one, points[0], symbols) if points else None
        end = points.pop(0).end if bounds else one.end
        first, last = (str(each or "") for each in bounds or _bounds(one, symbols))
        yield tokens[one.begin].start(), tokens[end - 1].end(), first, last


def describe(first: str, last: str) -> str:
    """Write a period in words.

    >>> describe("2020-05-01", ""), describe("", "2010-12-31"), describe("2031-03-01", "2031-05-31")
    ('since May 2020', 'before 2011', 'Mar 2031 – May 2031')
    """
    after = str(date.fromisoformat(last) + _DAY) if last else ""
    starts = [day for day in (first, after) if day]
    parts = next(n for n, end in ((1, "-01-01"), (2, "-01"), (3, "")) if all(day.endswith(end) for day in starts))
    dates = [spoken_date("-".join(day.split("-")[:parts])) for day in (first, last if first else after) if day]
    short = [re.sub("([A-Z]..)[a-z]+", r"\1", each) for each in dict.fromkeys(dates)]
    return ("" if first and last else "since " if first else "before ") + " – ".join(short)


def _symbol(token: re.Match[str], word: str) -> str:
    if token["date"]:
        return "T"
    if token["number"]:
        value = int(word)
        return "Y" if 1900 <= value < 2100 else "D" if 1 <= value <= 31 else "W" if value < 1000 else "n"
    if word not in _MONTH:
        return word if word in (",", ".") else _SYMBOL.get(word, "x")
    # "may" and "march" are verbs, "Марта" is a woman, "Қазан" a town: months only with a year.
    if not is_cyrillic(word):
        return "m" if token.group().islower() and (len(word) < 4 or word in ("march", "august")) else "M"
    if token.group()[0].isupper() and token.start():
        return "m"
    return "I" if word.endswith(("да", "де", "та", "те")) else "M"  # Kazakh "in"


def _is_first_name(tokens: list[re.Match[str]], words: list[str], symbols: str, place: int) -> bool:
    """Tell a person from a month: "after April Smith left", "in April Osk voted"."""
    written, surname = tokens[place].group(), tokens[place + 1].group()
    leads = symbols[place - 1 : place] in ("i", "D", "o", "q")
    named = words[place] in _FIRST_NAMES and written[0].isupper() and surname[0].isupper() and len(surname) > 1
    return named and not leads and symbols[place + 1] == "x" and symbols[place + 2 : place + 3] not in ("Y", "D")


def _points(words: list[str], symbols: str, today: date, latest: date) -> Iterator[_Point]:
    place = 0
    while place < len(words):
        matches = (form.match(symbols, place) for form in _FORMS)
        point = next(filter(None, (_point(match, words, today, latest) for match in matches if match)), None)
        if point is not None:
            yield point
        place = point.end if point else place + 1


def _point(match: re.Match[str], words: list[str], today: date, latest: date) -> _Point | None:
    """Read what a form matched; None where there is no such day."""
    found = {name: words[match.start(name)] for name, group in match.groupdict().items() if group}
    try:
        if "unit" in found:
            return _Point(*match.span(), *_relative(found, today), open=False)
        if "date" in found:
            return _Point(*match.span(), *_numeric(found["date"]), open=False)
        month, day = _MONTH.get(found.get("month", ""), 0), int(found.get("day", 0))
        first, last = _days(int(found.get("year", latest.year)), month, day)
        if first > latest and "year" not in found:
            first, last = _days(latest.year - 1, month, day)
        last = last.replace(day=max(last.day, int(found.get("to", 0))))
        return _Point(*match.span(), first, last, open="year" not in found)
    except ValueError:
        return None


def _numeric(written: str) -> tuple[date, date]:
    """Read 2019-05-31 and 31.05.2019. Of 3/4/2019, a day in April or in March, take the year."""
    one, two, *rest = (int(each) for each in re.split("[-./]", written))
    if one > 31:
        return _days(one, two, *rest)
    if "." in written or one > 12 or one == two:
        return _days(rest[0], two, one)
    return _days(rest[0], one, two) if two > 12 else _days(rest[0])


def _relative(found: Mapping[str, str], today: date) -> tuple[date, date]:
    unit = _UNIT[found["unit"]]
    if "count" in found:  # "the last three weeks": up to today
        count = found["count"]
        return today - (unit * (int(count) if count.isdecimal() else _COUNT[count]) - 1) * _DAY, today
    first, last = _around(today, unit)
    return _around(first - _DAY, unit) if _SYMBOL[found.get("which", found["unit"])] in "lr" else (first, last)


def _around(day: date, unit: int) -> tuple[date, date]:
    """Return the day, week (from Monday), month or year around a day."""
    if unit == 7:
        monday = day - day.weekday() * _DAY
        return monday, monday + 6 * _DAY
    return _days(day.year, day.month if unit < 365 else 0, day.day if unit == 1 else 0)


def _days(year: int, month: int = 0, day: int = 0) -> tuple[date, date]:
    """Return the first and the last day of a year, month or day. Raises ValueError where there is none such."""
    last_month = month or 12
    return date(year, month or 1, day or 1), date(year, last_month, day or monthrange(year, last_month)[1])


def _range(one: _Point, other: _Point, symbols: str) -> tuple[date, date] | None:
    """Join two points: "from … to …", "between … and …", "…–…"; None where each stands by itself."""
    gap, lead = symbols[one.end : other.begin].removesuffix("h"), symbols[: one.begin].removesuffix("h")[-1:]
    joined = gap == "d" or (lead in ("j", "s") and gap in ("k", "b", "u"))
    if not joined and (gap or not symbols.startswith("B", other.end)):  # the last is Kazakh
        return None
    first, last = one.first, other.last
    if one.open:  # "November to May 2031"
        year = last.year - ((first.month, first.day) > (last.month, last.day))
        first = _days(year, first.month, first.day)[0]
    return (first, last) if first <= last else None


def _bounds(point: _Point, symbols: str) -> tuple[date | None, date | None]:
    """Return the first and last day of a point, None where "since" or "before" opens it."""
    way = re.search("([sfbu])d?(?:h?qo?)?(h?)$", symbols[: point.begin])
    # "Before the 2031 election" is asked of 2031; "before the 3rd of May" is not.
    sign = way[1] if way and (not way[2] or point.first == point.last) else ""
    sign = sign or {"Z": "s", "F": "f", "B": "b"}.get(symbols[point.end : point.end + 1], "")
    if sign in ("s", "f"):
        return point.first if sign == "s" else point.last + _DAY, None
    if sign in ("b", "u"):
        return None, point.last if sign == "u" else point.first - _DAY
    return point.first, point.last
