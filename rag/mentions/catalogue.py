"""What an index can be asked by: its outlets, authors, titles and dates, made once from the articles' headers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from rag.mentions.dates import date_mentions
from rag.mentions.mention import Mention
from rag.mentions.names import Names
from rag.mentions.titles import Titles
from rag.types import Header

_ORDER = ("document", "outlet", "author", "date")


class Catalogue:
    """The outlets, authors and articles of an index, and how questions name them.

    >>> courier = Header(id="a.md", title="A tram for Port Velm", outlet="Harbour Courier", published="2031-03-04")
    >>> asked = Catalogue([courier]).mentions("What did the Harbour Courier report in March 2031?", date(2032, 1, 1))
    >>> [(each.label, each.sure) for each in asked]
    [('Harbour Courier', True), ('Mar 2031', True)]
    """

    def __init__(self, headers: Iterable[Header]) -> None:
        known = list(headers)
        self._titles = Titles(known)
        self._names = Names(known, self._titles.is_known)
        self._newest = max((header.published for header in known if header.published), default="")

    def mentions(self, question: str, today: date) -> tuple[Mention, ...]:
        """What a question names, in its order; no two overlap. ``today`` is what "last week" counts from.

        A day or month without a year is taken to be the last one that the index can know.
        """
        names = [self._not_subject(each) for each in self._names.mentions(question)]
        outlets = [(each.start, each.end) for each in names if each.kind == "outlet"]
        dates = date_mentions(question, today, self._newest, outlets)
        # "The Courier's report of May and what Dawn says": a date said of one report must not shut out the other.
        if len(outlets) > max(1, sum(each.sure for each in dates)):
            dates = [replace(each, sure=False) for each in dates]
        return _apart([*self._titles.mentions(question), *names, *dates])

    def _not_subject(self, mention: Mention) -> Mention:
        """Of a person who writes and is written about it is not sure which is meant."""
        written_about = mention.kind == "author" and mention.sure and self._titles.is_run(mention.name)
        return replace(mention, sure=False) if written_about else mention


def _apart(mentions: Iterable[Mention]) -> tuple[Mention, ...]:
    """The longest mentions that do not overlap; of equal ones articles before outlets before authors before dates."""
    kept: list[Mention] = []
    for each in sorted(mentions, key=lambda each: (each.start - each.end, _ORDER.index(each.kind), each.start)):
        if all(each.end <= other.start or other.end <= each.start for other in kept):
            kept.append(each)
    return tuple(sorted(kept, key=lambda each: each.start))
