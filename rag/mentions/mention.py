"""A mention: something in a question that can narrow a search, and how a chip shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

Kind = Literal["outlet", "author", "document", "date"]

_DAY = timedelta(days=1)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Mention:
    """An outlet, author, article or date that a question names at ``question[start:end]``.

    ``name`` is the outlet, the author or the title as the articles write it, empty for a date. ``values`` are the outlets,
    authors or article ids it may mean, more than one where the question leaves it open ("the Herald" with three desks).
    ``published`` is the first and the last day meant (``YYYY-MM-DD``, inclusive, empty where open), empty for all but dates.
    ``sure`` says that the form asks for a filter ("What did the Courier report?"); otherwise it may
    merely raise what meets it.

    >>> Mention("date", 0, 10, published=("2020-01-01", "")).label
    'since 2020'
    """

    kind: Kind
    start: int
    end: int
    name: str = ""
    values: tuple[str, ...] = ()
    published: tuple[str, str] = ("", "")
    sure: bool = False

    @property
    def label(self) -> str:
        """How a chip shows it: a name, or a date such as ``Nov 2023`` or ``before 3 Mar 2011``."""
        return self.name or _period(*self.published)


def _period(first: str, last: str) -> str:
    if not first and not last:
        return ""
    if not last:
        return f"since {_beginning(date.fromisoformat(first))}"
    after = date.fromisoformat(last) + _DAY
    if not first:
        return f"before {_beginning(after)}"
    return _between(date.fromisoformat(first), date.fromisoformat(last))


def _beginning(day: date) -> str:
    """The coarsest period that begins on a day."""
    if day.day > 1:
        return _day(day)
    return str(day.year) if day.month == 1 else _month(day)


def _between(first: date, last: date) -> str:
    write = _day
    if first.day == 1 and (last + _DAY).day == 1:
        write = _year if first.month == 1 and last.month == 12 else _month
    one, other = write(first), write(last)
    if one == other:
        return one
    if write is _year and first.year % 10 == 0 and last.year == first.year + 9:
        return f"{first.year}s"
    if write is not _year and first.year == last.year:
        one = one.removesuffix(f" {first.year}")
        if write is _day and first.month == last.month:
            one = str(first.day)
    return f"{one} – {other}"


def _day(day: date) -> str:
    return f"{day.day} {_month(day)}"


def _month(day: date) -> str:
    return f"{_MONTHS[day.month - 1]} {day.year}"


def _year(day: date) -> str:
    return str(day.year)
