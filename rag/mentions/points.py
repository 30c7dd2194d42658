"""Points in time that a text names: days, months, years and their parts, decades, and what counts from today.

English and Russian. No date library is needed for what the patterns found: dateparser takes longer for its first phrase than a
search, knows no Russian case but the genitive ("в марте", "между мартом и маем"), and says nothing of decades, seasons or how
exact a date is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import NamedTuple

_DAY = timedelta(days=1)


class Days(NamedTuple):
    first: date
    last: date


class _Found(NamedTuple):
    """What a form matched, in which question, on which day."""

    match: re.Match[str]
    text: str
    today: date


@dataclass(frozen=True, slots=True)
class Point:
    """A point in time at ``text[start:end]``: ``days`` where it is known, else what is written of it."""

    start: int
    end: int
    days: Days | None = None
    year: int = 0
    month: int = 0
    day: int = 0
    to_day: int = 0
    part: str = ""
    certain: bool = True

    @property
    def open_year(self) -> bool:
        return self.days is None and not self.year


MONTH = (
    r"(?:jan(?:uary|\.)?|feb(?:ruary|\.)?|mar(?:ch|\.)?|apr(?:il|\.)?|may|june?|july?|aug(?:ust|\.)?|sept?(?:ember|\.)?|"
    r"oct(?:ober|\.)?|nov(?:ember|\.)?|dec(?:ember|\.)?|январ[а-я]{1,3}|феврал[а-я]{1,3}|март[а-я]{0,3}|апрел[а-я]{1,3}|"
    r"ма(?:й|я|е|ю|ем)|ию[нл][а-я]{1,3}|август[а-я]{0,3}|сентябр[а-я]{1,3}|октябр[а-я]{1,3}|ноябр[а-я]{1,3}|декабр[а-я]{1,3})(?!\w)"
)
_MONTHS = (
    ("jan", "янв"), ("feb", "фев"), ("mar", "мар"), ("apr", "апр"), ("may", "май мая мае маю"), ("jun", "июн"),
    ("jul", "июл"), ("aug", "авг"), ("sep", "сен"), ("oct", "окт"), ("nov", "ноя"), ("dec", "дек"),
)  # fmt: skip
_NUMBERS = {name: number for number, names in enumerate(_MONTHS, start=1) for each in names for name in each.split()}
_ERA = r"(?:\s*(?:годах|годами|годов|годом|годы|года|году|год|гг\.?|г\.|г(?!\w)))?"
_YEAR = rf"(?P<year>(?:1\d|20)\d\d)(?![\d%]|[.,]\d){_ERA}"
_NTH = r"(?:st|nd|rd|th|-?(?:го|е|му))?"
_PARTS = {
    "early": r"early|(?:the\s+)?(?:beginning|start)\s+of|в\s+начале|начал[ое]",
    "middle": r"mid(?:dle\s+of)?|(?:the\s+)?middle\s+of|в\s+середине|середин[аы]",
    "late": r"late|(?:the\s+)?end\s+of|в\s+конце|кон(?:ец|ца)",
    "half1": r"(?:the\s+)?first\s+half\s+of|(?:в\s+)?перв\w+\s+половин\w+",
    "half2": r"(?:the\s+)?second\s+half\s+of|(?:в\s+)?втор\w+\s+половин\w+",
    **{
        f"quarter{number}": rf"q{number}(?:\s+of)?|(?:the\s+)?{english}\s+quarter\s+of|(?:в\s+)?{russian}\w+\s+квартал\w*"
        for number, (english, russian) in enumerate(
            (("first", "перв"), ("second", "втор"), ("third", "трет"), ("fourth", "четв[её]рт")), start=1
        )
    },
    "spring": r"(?:the\s+)?spring(?:\s+of)?|весн(?:ой|а|ы|у)",
    "summer": r"(?:the\s+)?summer(?:\s+of)?|лет(?:ом|о|а)",
    "autumn": r"(?:the\s+)?(?:autumn|fall)(?:\s+of)?|осен(?:ью|ь|и)",
    "winter": r"(?:the\s+)?winter(?:\s+of)?|зим(?:ой|а|ы|у)",
}
# The first and the last month, counted from January; a winter is named after the year in which most of it lies.
_PART_MONTHS = {
    "early": (1, 4), "middle": (5, 8), "late": (9, 12), "half1": (1, 6), "half2": (7, 12), "quarter1": (1, 3),
    "quarter2": (4, 6), "quarter3": (7, 9), "quarter4": (10, 12), "spring": (3, 5), "summer": (6, 8), "autumn": (9, 11),
    "winter": (0, 2),
}  # fmt: skip
_PART = rf"(?P<part>{'|'.join(_PARTS.values())})[\s-]+(?:the\s+)?"
_PART_OF = {name: re.compile(form, re.I) for name, form in _PARTS.items()}
_COUNT = (
    r"\d{1,3}|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|a couple of|"
    r"од(?:ин|ну|на)|дв[аеу]х?|тр(?:и|[её]х)|четыр(?:е|[её]х)|пят[ьи]|шест[ьи]|сем[ьи]|вос[ье]м[ьи]|девят[ьи]|десят[ьи]"
)
_UNIT = r"(?:days?|weeks?|months?|years?|decades?|дн(?:я|ей)|день|недел[яиюь]|недель|месяц(?:а|ев)?|лет|года?)"
_WEEKDAYS = (
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
    "понедельник", "вторник", "сред", "четверг", "пятниц", "суббот", "воскресень",
)  # fmt: skip
_SEASONS = "|".join(_PARTS[season] for season in ("spring", "summer", "autumn", "winter"))
_LEFT = r"(?<![\w$€£₽#№])(?<!\d[.,:/])"
_FORMS = tuple(
    (name, re.compile(_LEFT + form, re.I))
    for name, form in (
        ("iso", r"(?P<year>(?:1\d|20)\d\d)-(?P<month>0[1-9]|1[0-2])(?:-(?P<day>[0-3]\d))?(?![\w-])"),
        ("numbers", r"(?P<one>\d{1,2})(?P<mark>[./])(?P<two>\d{1,2})(?P=mark)(?P<year>(?:1\d|20)\d\d)(?!\w)"),
        (
            "day",
            rf"(?:the\s+)?(?P<day>\d{{1,2}}){_NTH}(?:\s*(?:-|–|—|to|and|по|до|и)\s*(?:the\s+)?(?P<to>\d{{1,2}}){_NTH})?(?:\s+of)?[\s-]+"
            rf"(?P<month>{MONTH})(?:[\s-]*,?[\s-]*(?:of\s+)?{_YEAR})?",
        ),
        (
            "day",
            rf"(?P<month>{MONTH})\s+(?:the\s+)?(?P<day>\d{{1,2}})(?![\d:%]|[.,]\d){_NTH}(?!\w)"
            rf"(?:\s*(?:-|–|—|to|and)\s*(?P<to>\d{{1,2}})(?!\d){_NTH}(?!\w))?(?:\s*,?\s+(?:of\s+)?{_YEAR})?",
        ),
        ("decade", rf"(?:{_PART})?(?:the\s+)?(?:(?P<decade>(?:1\d|20)\d0)|['’]?(?P<short>[3-9]0))"
            rf"(?:['’]?s(?!\w)|-?(?:е|х|ые|ых)(?!\w)){_ERA}"),
        ("part", rf"{_PART}(?:(?P<month>{MONTH})(?:,|\s+of)?\s+)?{_YEAR}"),
        ("month", rf"(?P<month>{MONTH})[\s-]*(?:,|of\s|in\s)?\s*{_YEAR}"),
        ("season", r"(?P<year>(?:1\d|20)\d\d)\s?[-–/]\s?(?P<to>\d\d)(?![\w-]|[.,]\d)"),
        ("rolling", rf"(?:the\s+)?(?:last|past|previous)\s+(?P<count>{_COUNT})\s+(?P<unit>{_UNIT})(?!\w)"),
        ("rolling", r"the\s+(?:last|past)\s+(?P<unit>week|month|year|decade)(?!\w)"),
        ("rolling", rf"последн(?:ие|их|юю|ий|ей|его)\s+(?:(?P<count>{_COUNT})\s+)?(?P<unit>{_UNIT})(?!\w)"),
        ("ago", rf"(?:(?P<count>{_COUNT})\s+)?(?P<unit>{_UNIT})\s+(?:ago|earlier today|тому\s+назад|назад)(?!\w)"),
        ("current", r"(?P<which>last|this past|this|current)\s+(?P<unit>week|month|year)(?!\w)"),
        (
            "current",
            r"(?:на\s+|в\s+)?(?P<which>прошл|эт|текущ|нынешн)(?:ой|ом|ем|ей|ую|ый|ого|его)\s+(?P<unit>недел|месяц|год)\w*",
        ),
        ("weekday", rf"(?:last|this past|прошл\w+)\s+(?P<name>{'|'.join(_WEEKDAYS)})\w*"),
        ("last", rf"(?:last|this past|прошл\w+)\s+(?:(?P<part>{_SEASONS})|(?P<month>{MONTH}))(?!\w)"),
        ("near", r"(?:the\s+)?day\s+before\s+yesterday|yesterday|today|позавчера|вчера|сегодня"),
        ("year", rf"(?<![^\W\d_]-){_YEAR}(?!-?[^\W\d_])"),
        ("bare", rf"(?P<month>{MONTH})"),
    )
)  # fmt: skip

# No word that leads to a date is longer.
_REACH = 20
_BARE_BEFORE = re.compile(
    r"\b(?:in|since|during|until|till|before|after|between|from|through|of|to|and|"
    r"в|во|с|со|до|после|к|по|за|между|и|начиная с)\s+$",
    re.I,
)
_NAMELIKE = re.compile(r"mar\.?|march|may|apr\.?|jan\.?|jun|jul|aug\.?|august|sep|dec|oct|nov|feb", re.I)
_YEAR_BEFORE = re.compile(
    r"\b(?:in|since|after|before|until|till|by|from|to|of|during|for|through|between|and|around|circa|years?|the|this|"
    r"в|во|с|со|до|после|к|по|за|на|между|и|или)\s+\(?$",
    re.I,
)
_QUANTITY = re.compile(
    r"\s+(?:years|months|weeks|days|hours|miles|km|people|men|women|лет|человек|(?:dollars|euros|votes|soldiers|\w{4,}s)(?!['’]))\b"
)
_CERTAINLY_YEAR = re.compile(r"\b(?:the|in|since|during|until|year|в|за|с)\s+$", re.I)
_UNITS_ALWAYS = re.compile(
    r"\s+(?:years|months|weeks|days|hours|miles|km|people|men|women|dollars|лет|человек)\b", re.I
)


def points(text: str, today: date) -> Iterator[Point]:
    """The points in time of a text, in its order, none overlapping; ``today`` is what "two years ago" counts from."""
    found = [
        (match.start(), order, point)
        for order, (name, form) in enumerate(_FORMS)
        for match in form.finditer(text)
        if (point := _read(name, _Found(match, text, today))) is not None
    ]
    end = 0
    # What begins first is read first, by the form that comes first: a day before its month, a month before its year.
    for start, _, point in sorted(found, key=lambda each: each[:2]):
        if start >= end:
            yield point
            end = point.end


def _read(form: str, found: _Found) -> Point | None:
    """What one form found, or None where it is no date after all."""
    try:
        return _READERS[form](found)
    except (ValueError, OverflowError):
        return None


def _read_written(found: _Found) -> Point | None:
    """A day, a month, or a part of a month or year, as far as it is written."""
    known = found.match.groupdict()
    month = _month(known.get("month") or "")
    point = Point(
        *found.match.span(), None, int(known.get("year") or 0), month, int(known.get("day") or 0), int(known.get("to") or 0),
        _part(known.get("part") or ""),
    )  # fmt: skip
    if known.get("day") and _is_no_month(known):
        return None
    resolve(point, point.year or 2000)
    return point


def _read_bare(found: _Found) -> Point | None:
    written = found.match.group("month")
    point = Point(*found.match.span(), month=_month(written))
    shown = _BARE_BEFORE.search(found.text[max(0, found.match.start() - _REACH) : found.match.start()])
    # Many months' names are also people's and verbs': in small letters only the unmistakable are months.
    if (
        not shown
        or (_NAMELIKE.fullmatch(written) and not written[0].isupper())
        or re.match(r"['’]s\b", found.text[found.match.end() :])
    ):
        return replace(point, certain=False) if written[0].isupper() or ord(written[0]) > 127 else None
    return point


def _read_year(found: _Found) -> Point | None:
    year, after = int(found.match.group("year")), found.text[found.match.end() :]
    before = found.text[max(0, found.match.start() - _REACH) : found.match.start()]
    if found.match.end() == found.match.end("year"):
        if _UNITS_ALWAYS.match(after) or (
            _QUANTITY.match(after) and (year < 1900 or not _CERTAINLY_YEAR.search(before))
        ):
            return None
        if not _YEAR_BEFORE.search(before) and not 1900 <= year <= found.today.year + 1:
            return None
    return Point(*found.match.span(), year=year)


def _read_numbers(found: _Found) -> Point | None:
    """12/31 and 31/12 are clear, and with dots the day is first; 3/4 is a day in April here, in March there."""
    year, one, two = int(found.match.group("year")), int(found.match.group("one")), int(found.match.group("two"))
    if one == two or one > 12 or (found.match.group("mark") == "." and two <= 12):
        days = period(year, two, one)
    elif two > 12:
        days = period(year, one, two)
    else:
        days = period(year)
    return Point(*found.match.span(), days)


def _read_decade(found: _Found) -> Point | None:
    first = int(found.match.group("decade") or 0) or 1900 + int(found.match.group("short"))
    part = _part(found.match.group("part") or "")
    begin, end = {"early": (0, 3), "middle": (3, 6), "late": (6, 9)}.get(part, (0, 9))
    return Point(*found.match.span(), Days(period(first + begin).first, period(first + end).last))


def _read_season(found: _Found) -> Point | None:
    first = int(found.match.group("year"))
    last = first - first % 100 + int(found.match.group("to"))
    if not first < last:
        return None
    return Point(*found.match.span(), Days(period(first).first, period(last).last))


def _read_rolling(found: _Found) -> Point | None:
    """The last so many days, weeks, ..., up to today."""
    begin = _before(found.today, _number(found.match.groupdict().get("count")), _unit(found.match.group("unit")))
    return Point(*found.match.span(), Days(begin + _DAY, found.today)) if begin < found.today else None


def _read_ago(found: _Found) -> Point | None:
    unit = _unit(found.match.group("unit"))
    # "Неделю назад" needs no number; "days ago" tells nothing.
    if found.match.group("count") is None and not found.match.group("unit").lower().startswith(
        ("неделю", "год", "месяц", "день")
    ):
        return None
    return Point(*found.match.span(), _around(_before(found.today, _number(found.match.group("count")), unit), unit))


def _read_current(found: _Found) -> Point | None:
    unit = _unit(found.match.group("unit"))
    last = found.match.group("which").lower() in ("last", "this past", "прошл")
    return Point(*found.match.span(), _around(_before(found.today, int(last), unit), unit))


def _read_weekday(found: _Found) -> Point | None:
    number = _WEEKDAYS.index(found.match.group("name").lower()) % 7
    day = found.today - _DAY * ((found.today.weekday() - number - 1) % 7 + 1)
    return Point(*found.match.span(), Days(day, day))


def _read_last(found: _Found) -> Point | None:
    """The last spring, or the last May, that is over."""
    point = Point(
        *found.match.span(), month=_month(found.match.group("month") or ""), part=_part(found.match.group("part") or "")
    )
    years = (found.today.year + shift for shift in (1, 0, -1))
    return replace(point, days=next(days for year in years if (days := resolve(point, year)).last < found.today))


def _read_near(found: _Found) -> Point | None:
    near = found.match.group().lower()
    days = 2 if near.startswith(("day", "the", "позавчера")) else 1 if near in ("yesterday", "вчера") else 0
    day = found.today - days * _DAY
    return Point(*found.match.span(), Days(day, day))


_READERS: dict[str, Callable[[_Found], Point | None]] = {
    "iso": _read_written,
    "numbers": _read_numbers,
    "day": _read_written,
    "decade": _read_decade,
    "part": _read_written,
    "month": _read_written,
    "season": _read_season,
    "rolling": _read_rolling,
    "ago": _read_ago,
    "current": _read_current,
    "weekday": _read_weekday,
    "last": _read_last,
    "near": _read_near,
    "year": _read_year,
    "bare": _read_bare,
}


def _is_no_month(known: dict[str, str | None]) -> bool:
    """Whether it is rather a verb: "the 3 may leave", "they march 10 miles"."""
    month = known.get("month") or ""
    return month in ("may", "march", "mar") and not known.get("year")


def _month(written: str) -> int:
    return int(written) if written.isdigit() else _NUMBERS.get(written.lower()[:3], 0)


def _part(written: str) -> str:
    return next((name for name, form in _PART_OF.items() if form.fullmatch(written)), "") if written else ""


def _unit(written: str) -> str:
    return "decade" if written.lower().startswith("dec") else _UNITS[written[0].lower()]


_UNITS = {
    "d": "day",
    "w": "week",
    "m": "month",
    "y": "year",
    "д": "day",
    "н": "week",
    "м": "month",
    "л": "year",
    "г": "year",
}


def _before(today: date, count: int, unit: str) -> date:
    """The day so many units before today, the last of its month where that is shorter; raises ValueError before the year 1."""
    if unit in ("day", "week"):
        return today - count * (7 if unit == "week" else 1) * _DAY
    months = today.year * 12 + today.month - 1 - count * {"month": 1, "year": 12, "decade": 120}[unit]
    last = period(months // 12, months % 12 + 1).last
    return last.replace(day=min(today.day, last.day))


def _number(written: str | None) -> int:
    """A count in digits or words, 1 where none is written."""
    if not written:
        return 1
    return (
        int(written)
        if written.isdigit()
        else next(number for beginning, number in _COUNTS if written.lower().startswith(beginning))
    )


_COUNTS = tuple(
    (beginning, number)
    for number, beginnings in (
        (2, ("a couple", "two", "дв")), (3, ("three", "тр")), (4, ("four", "четыр")), (5, ("five", "пят")),
        (6, ("six", "шест")), (7, ("seven", "сем")), (8, ("eight", "вос")), (9, ("nine", "девят")),
        (10, ("ten", "десят")), (11, ("eleven",)),
        (12, ("twelve",)), (20, ("twenty",)), (30, ("thirty",)), (1, ("a", "one", "од")),
    )
    for beginning in beginnings
)  # fmt: skip


def _around(day: date, unit: str) -> Days:
    """The day, week (from Monday), month or year that a day lies in."""
    if unit == "week":
        monday = day - _DAY * day.weekday()
        return Days(monday, monday + 6 * _DAY)
    return {"day": Days(day, day), "month": period(day.year, day.month)}.get(unit) or period(day.year)


def period(year: int, month: int = 0, day: int = 0) -> Days:
    """A year, a month or a day; raises ValueError where there is none such."""
    if day:
        return Days(date(year, month, day), date(year, month, day))
    first = date(year, month or 1, 1)
    after = date(year + (month in (0, 12)), month % 12 + 1 if month else 1, 1)
    return Days(first, after - _DAY)


def resolve(point: Point, year: int) -> Days:
    """The days a point means in a year; raises ValueError for a 30 February."""
    if point.days:
        return point.days
    if point.part and not point.month:
        begin, end = _PART_MONTHS[point.part]
        first = period(year, begin) if begin else period(year - 1, 12)
        return Days(first.first, period(year, end).last)
    days = period(year, point.month, point.day)
    if point.to_day:
        return Days(days.first, max(days.last, period(year, point.month, point.to_day).last))
    if point.part in ("early", "middle", "late"):
        begin = {"early": 0, "middle": 10, "late": 20}[point.part]
        return Days(days.first + begin * _DAY, days.last if point.part == "late" else days.first + (begin + 9) * _DAY)
    return days
