"""Dates and ranges that a question names: points in time joined to ranges ("from … to …", "since …")."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from rag.mentions.forms import published_then
from rag.mentions.mention import Mention
from rag.mentions.points import Days, Point, period, points, resolve

_DAY = timedelta(days=1)
# A direction or the first word of a range is no longer than this.
_REACH = 40
_DIRECTION = re.compile(
    r"\b(?:(?P<since>since|starting\s+(?:in|from|on|with)|as\s+from|начиная\s+с|с|со)|"
    r"(?P<after>after|later\s+than|после|позже)|(?P<before>before|prior\s+to|earlier\s+than|до|раньше|ранее)|"
    r"(?P<until>until|till|up\s+to|by|no\s+later\s+than|not\s+later\s+than|к|ко))(?:\s+the)?\s+$",
    re.I,
)
_ONWARDS = re.compile(
    r"\s+(?:onwards?|on(?=[\s?.!,]*$)|and\s+(?:later|after)|or\s+later|и\s+позже|и\s+позднее)\b", re.I
)
_RANGE = re.compile(r"\s*(?:[-–—]|\b(?:to|until|till|through|по|до)\b)\s*(?:the\s+)?", re.I)
_JOINED = re.compile(r"\s*(?:,|[-–—]|(?:,\s*)?\b(?:and|or|to|until|till|through|и|или|по|до)\b)\s*(?:the\s+)?", re.I)
_PAIR = re.compile(r"\s+(?:and|и)\s+(?:the\s+)?", re.I)
_RANGE_BEFORE = re.compile(r"\b(?:from|с|со|(?P<between>between|между))\s+(?:the\s+)?$", re.I)
_NOUN = re.compile(
    r"\s+(?!(?:in|on|at|by|and|or|with|for|to|of|did|do|does|was|were|is|are|has|had|have|what|who|which|how|why|when|where|as|"
    r"that|the|a|an|about|onwards?|from|и|или|в|на|о|об|по|кто|что|как|где)\b)[a-zа-я]{3,}"
)


def date_mentions(text: str, today: date, newest: str = "", outlets: Sequence[tuple[int, int]] = ()) -> list[Mention]:
    """The dates of a question, in its order, none overlapping.

    ``newest`` is the date of the newest article, by which a day or month without a year is placed; ``outlets`` are where
    outlets stand. A date is sure where the form speaks of publishing.

    >>> date_mentions("Who resigned between March and May 2031?", date(2032, 1, 1))[0].published
    ('2031-03-01', '2031-05-31')
    """
    latest = _latest(today, newest)
    known = _with_years(list(points(text, today)), text)
    found: list[Mention] = []
    place = 0
    while place < len(known):
        joined = _range(text, known[place], known[place + 1], latest) if place + 1 < len(known) else None
        mention = joined or _single(text, known[place], latest)
        place += 2 if joined else 1
        if mention is not None:
            sure = published_then(text, mention.start, mention.end, outlets)
            if sure or not _TODAY.fullmatch(text[mention.start : mention.end]):
                found.append(replace(mention, sure=sure))
    return found


# "Today" mostly means "these days".
_TODAY = re.compile(r"today|сегодня", re.I)


def _latest(today: date, newest: str) -> date:
    """The last day that a day without a year may mean: today, or the last that the newest article may be of."""
    try:
        numbers = [int(part) for part in newest.split("-")]
        last = period(*numbers[:3]).last if newest else today
    except (ValueError, TypeError):
        return today
    return min(today, last)


def _with_years(found: Sequence[Point], text: str) -> list[Point]:
    """A month or day without a year takes that of its neighbour in a list or range: "in June and July 2031"."""
    known = list(found)
    for place in range(len(known) - 1, 0, -1):
        one, other = known[place - 1], known[place]
        if one.open_year and other.year and other.month and _JOINED.fullmatch(text[one.end : other.start]):
            known[place - 1] = replace(one, year=other.year - (one.month > other.month), certain=True)
    for place in range(1, len(known)):
        one, other = known[place - 1], known[place]
        if other.open_year and one.year and one.month and _JOINED.fullmatch(text[one.end : other.start]):
            known[place] = replace(other, year=one.year + (other.month < one.month), certain=True)
    return [point for point in known if point.certain]


def _days(point: Point, latest: date) -> Days:
    """The days of a point; without a year those of the last year in which they had begun."""
    if not point.open_year:
        return resolve(point, point.year)
    for year in range(latest.year, latest.year - 9, -1):
        try:
            days = resolve(point, year)
        except ValueError:
            continue
        if days.first <= latest:
            return days
    raise ValueError("no such day in eight years")


def _range(text: str, one: Point, other: Point, latest: date) -> Mention | None:
    """Two points as one range: "from … to …", "between … and …", "…–…"."""
    gap, before = text[one.end : other.start], text[max(0, one.start - _REACH) : one.start]
    lead = _RANGE_BEFORE.search(before)
    if not _RANGE.fullmatch(gap) and not (lead and lead.group("between") and _PAIR.fullmatch(gap)):
        return None
    try:
        first, last = _days(one, latest).first, _days(other, latest).last
    except (ValueError, OverflowError):
        return None
    start = one.start - len(lead.group()) if lead else one.start
    return Mention("date", start, other.end, published=(str(first), str(last))) if first <= last else None


def _single(text: str, point: Point, latest: date) -> Mention | None:
    """One point, or all that is before or after it."""
    before, after = text[max(0, point.start - _REACH) : point.start], text[point.end :]
    direction, onwards = _DIRECTION.search(before), _ONWARDS.match(after)
    if direction and _of_an_event(text[point.start - len(direction.group()) : point.end], after):
        direction = None
    try:
        days = _days(point, latest)
        if direction:
            start = point.start - len(direction.group())
            return Mention("date", start, point.end, published=_directed(direction.lastgroup or "", days))
    except (ValueError, OverflowError):
        return None
    if onwards:
        return Mention("date", point.start, point.end + onwards.end(), published=(str(days.first), ""))
    return Mention("date", point.start, point.end, published=(str(days.first), str(days.last)))


def _of_an_event(phrase: str, after: str) -> bool:
    """Whether the date is an event's ("before the 2031 election"), so that it is not said when before or after is."""
    return re.search(r"\bthe\b", phrase, re.I) is not None and _NOUN.match(after) is not None


def _directed(direction: str, days: Days) -> tuple[str, str]:
    if direction == "since":
        return str(days.first), ""
    if direction == "after":
        return str(days.last + _DAY), ""
    return "", str(days.first - _DAY if direction == "before" else days.last)
