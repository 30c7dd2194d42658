"""What the reader narrows questions to before asking: outlets, dates, people and articles as choices, and their Scope."""

from __future__ import annotations

import re
from calendar import monthrange
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from rag.errors import QuestionError
from rag.index.entities import Name
from rag.text.one_line import one_line, shortened
from rag.types import Header, Scope

MOST_CHOSEN = 50
MOST_TITLES = 2_000
"""How many articles are offered; an older one is found by its title or file all the same."""
MAX_LABEL = 90
_DAY = re.compile(r"(\d{4})(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01]))?)?")
_YEARS = re.compile(r"(\d{4})\s*(?:-|\.\.|to)\s*(\d{4})")


def choices(headers: Iterable[Header], names: Iterable[Name] = ()) -> list[str]:
    """List what can be chosen: outlets, years, authors, names that articles mention, then titles, the newest first."""
    known = sorted(headers, key=lambda each: each.published, reverse=True)
    outlets = Counter(each.outlet for each in known if each.outlet)
    years = sorted({each.published[:4] for each in known if _DAY.fullmatch(each.published)}, reverse=True)
    authors = Counter(author for each in known for author in each.authors if author)
    named = [name for counted in (outlets, authors) for name, _ in counted.most_common()]
    found = [*named[: len(outlets)], *years, *named[len(outlets) :], *(each.name for each in names)]
    found += map(_title, known[:MOST_TITLES])
    return list(dict.fromkeys(filter(None, (shortened(each, MAX_LABEL) for each in found))))


def scope_of(chosen: object, headers: Iterable[Header], names: Sequence[Name] = ()) -> Scope:
    """Make a Scope of chosen or typed names and dates. Raise QuestionError for what no article has.

    ``names`` are those that the articles mention.

    A part of a name stands for the outlet that holds it, best as a whole word, or for the only choice that does.

    >>> headers = [Header("a.md", "A vote", "Courier", ("Ada Brook",), "2031-03-04")]
    >>> scope_of(["courier", "Ada Brook", "2030 – 2031"], headers)
    Scope(outlets=('Courier',), authors=('Ada Brook',), documents=(), published=('2030-01-01', '2031-12-31'), names=())
    >>> scope_of(["A vote"], headers).documents, scope_of([], headers) == Scope()
    (('a.md',), True)
    >>> scope_of(["cour"], headers).outlets
    ('Courier',)
    """
    typed = [each for each in chosen if isinstance(each, str)] if isinstance(chosen, Sequence) else []
    known = list(headers)
    kinds = {
        "outlets": _by_label((each.outlet, each.outlet) for each in known),
        "authors": _by_label((author, author) for each in known for author in each.authors),
        "documents": _by_label(pair for each in known for pair in ((each.id, each.id), (_title(each), each.id))),
        "names": _by_label((form, each.name) for each in names for form in (each.name, *each.also)),
    }
    offered: list[str] | None = None
    found: dict[str, list[str]] = {kind: [] for kind in kinds}
    periods: list[tuple[str, str]] = []
    for each in filter(None, (shortened(each, MAX_LABEL) for each in typed[:MOST_CHOSEN])):
        label = each.casefold()
        if not _period(label) and not any(label in labelled for labelled in kinds.values()):
            offered = [other.casefold() for other in choices(known, names)] if offered is None else offered
            meant = [other for other in offered if label in other]
            word = re.compile(rf"(?<!\w){re.escape(label)}(?!\w)")
            outlets = [other for other in meant if other in kinds["outlets"]]
            words = [other for other in outlets if word.search(other)]
            best = words or outlets or meant
            label = best[0] if len(best) == 1 or (outlets and best[0] == meant[0]) else label
        kind = next((kind for kind, labelled in kinds.items() if label in labelled), "")
        if (period := _period(label)) and kind != "outlets":
            periods.append(period)
        elif kind:
            found[kind] += kinds[kind][label]
        else:
            raise QuestionError(
                "no article has {name} as its outlet, author, title or date, nor mentions it; choose one from the list",
                name=each,
            )
    kept = {kind: tuple(dict.fromkeys(each)) for kind, each in found.items()}
    # From the first to the last day of all; an open end stays open.
    firsts, lasts = [first for first, _ in periods], [last for _, last in periods]
    first, last = (min(firsts) if firsts and all(firsts) else "", max(lasts) if lasts and all(lasts) else "")
    return Scope(**kept, published=(first, last))


def labels(scope: Scope, headers: Iterable[Header] = ()) -> list[str]:
    """Name what a Scope holds, as ``scope_of`` reads it again. Articles by their titles where ``headers`` know them.

    >>> labels(Scope(outlets=("Courier",), published=("2030-01-01", "2031-12-31")))
    ['Courier', '2030 – 2031']
    """
    titles = {each.id: _title(each) for each in headers} if scope.documents else {}
    first, last = (day.removesuffix(end) for day, end in zip(scope.published, ("-01-01", "-12-31"), strict=True))
    period = first if first == last else f"{first} – {last}".strip()
    people = (*scope.authors, *scope.names)
    return [*scope.outlets, *filter(None, [period]), *people, *(titles.get(id, id) for id in scope.documents)]


def _title(header: Header) -> str:
    return shortened(header.title or header.id, MAX_LABEL)


def _by_label(pairs: Iterable[tuple[str, str]]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for label, name in pairs:
        if label := shortened(label, MAX_LABEL).casefold():
            found.setdefault(label, []).append(name)
    return found


def _period(text: str) -> tuple[str, str] | None:
    """Read "2031", "2031-03", "2030 – 2031", "2031-03-04 –" as first and last day; None for anything else."""
    text = one_line(text)
    if years := _YEARS.fullmatch(text):
        text = f"{years[1]}–{years[2]}"
    begin, dash, end = (part.strip() for part in text.partition("–"))
    first, last = _days(begin), _days(end if dash else begin)
    if (begin and not first) or (end and not last) or not (first or last):
        return None
    period = (first[0] if first else "", last[1] if last else "")
    return period if not all(period) or period[0] <= period[1] else None


def _days(text: str) -> tuple[str, str] | None:
    found = _DAY.fullmatch(text)
    if found is None or found[1] == "0000":
        return None
    year, month, day = found.groups()
    length = monthrange(int(year), int(month or 12))[1]
    if day and int(day) > length:
        return None
    return f"{year}-{month or '01'}-{day or '01'}", f"{year}-{month or '12'}-{day or length}"
