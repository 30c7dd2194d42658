"""Rank the people, organisations and places that a folder of articles names.

A name is a run of capitalised words, as ``facts`` finds them; two names are one where ``names.same_name`` says so of each
word. No model tells people from places, so the list has no kinds.
"""

from __future__ import annotations

import calendar
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rag.errors import QuestionError
from rag.text.facts import name_runs
from rag.text.names import bucket, plain, same_name
from rag.text.sentences import sentence_spans
from rag.text.words import words
from rag.types import Scope

if TYPE_CHECKING:
    from rag.index.store import Index

MOST_NAMES = 500
"""Names that are listed; a longer list is read by nobody."""
_NOWHERE = ""  # the id of no article: an empty list would not narrow at all
_LONGEST = 5  # words; a longer run is a headline
_PLACED = frozenset(("in", "at", "near", "в", "во"))  # words before a place
_FEWEST_PLACED = 0.1
"""The share of mentions after such a word from which a name is a place, and no family name of a longer one."""
_WEEKDAYS = frozenset(map(str.lower, calendar.day_name))

Words = tuple[str, ...]
"""A name in small letters without accents, word by word."""
Common = frozenset[str]
"""The words that the articles mostly write in small letters."""


@dataclass(frozen=True, slots=True)
class Name:
    """Hold a name with its other spellings, its mentions, and the ids of their articles.

    >>> Name("Ilse Brandt", ("Brandt",), 4, ("ferry.md",)).articles
    ('ferry.md',)
    """

    name: str
    also: tuple[str, ...]
    mentions: int
    articles: tuple[str, ...]


@dataclass
class _Group:
    """Spellings of one name: how often each is written, and how often the name stands in each article."""

    forms: Counter[str] = field(default_factory=Counter)
    articles: Counter[str] = field(default_factory=Counter)
    placed: int = 0

    def add(self, other: _Group) -> None:
        self.forms.update(other.forms)
        self.articles.update(other.articles)
        self.placed += other.placed


def names_of(index: Index) -> tuple[Name, ...]:
    """Return the names of all articles of an index, those in most articles first."""
    common = frozenset(plain(form) for form in index.forms if form[0].islower())
    groups: dict[Words, _Group] = defaultdict(_Group)
    for id, text in index.texts():
        for name, group in _of_article(id, text, common).items():
            groups[name].add(group)
    _fold(groups, common, across=True)
    ranked = sorted(groups.items(), key=lambda each: (-len(each[1].articles), -each[1].articles.total(), each[0]))
    merged: dict[Words, _Group] = {}
    alike: dict[str, list[Words]] = defaultdict(list)
    for name, group in ranked:
        near = alike[bucket(name[-1])]
        known = next((each for each in near if _same(name, each)), None)
        if known is not None:
            merged[known].add(group)
        elif len(merged) < MOST_NAMES:
            merged[name] = group
            near.append(name)
    found = (_name(name, group) for name, group in merged.items())
    return tuple(sorted(found, key=lambda each: (-len(each.articles), -each.mentions, each.name)))


def _same(one: Words, other: Words) -> bool:
    """Tell whether two names are one, also where one of them has a middle name."""
    if len(one) != len(other) and {len(one), len(other)} == {2, 3}:
        one, other = (one[0], one[-1]), (other[0], other[-1])
    return len(one) == len(other) and all(map(same_name, one, other))


def put_articles(scope: Scope, names: Sequence[Name], index: Index) -> Scope:
    """Replace a scope's names by the articles that mention any of them. Raises QuestionError for one of none."""
    if not scope.names:
        return scope
    mentioned = dict.fromkeys(id for name in scope.names for id in _mentioning(name, names, index))
    within = [id for id in mentioned if not scope.documents or id in scope.documents]
    return replace(scope, names=(), documents=tuple(within) or (_NOWHERE,))


def _mentioning(name: str, names: Sequence[Name], index: Index) -> Sequence[str]:
    """Return the articles of a listed name, by any of its spellings. Of another one those in which its words stand."""
    wanted = tuple(map(plain, words(name)))
    for each in names:
        if any(tuple(map(plain, words(form))) == wanted for form in (each.name, *each.also)):
            return each.articles
    phrase = f" {' '.join(wanted)} "
    found = [id for id, text in index.texts() if wanted and phrase in f" {' '.join(map(plain, words(text)))} "]
    if not found:
        raise QuestionError("no article mentions {name}; take a name from the list under Articles", name=repr(name))
    return found


def _of_article(id: str, text: str, common: Common) -> dict[Words, _Group]:
    """Return the names of an article. A family name counts for the full name that the article gives."""
    groups: dict[Words, _Group] = defaultdict(_Group)
    for name, written, placed in _written(text, common):
        if len(name) > 2 and name[0] in common and not common.intersection(name[1:]):
            name = name[1:]  # "Minister Ilse Brandt"
        alone = len(name) == 1 and (name[0] in _WEEKDAYS or name[0] in common)
        if 0 < len(name) <= _LONGEST and not alone:
            groups[name].forms[written] += 1
            groups[name].articles[id] += 1
            groups[name].placed += placed
    _fold(groups, common)
    return groups


def _written(text: str, common: Common) -> Iterator[tuple[Words, str, bool]]:
    """Yield each name, how it is written, and whether it follows a word such as "in".

    A common word that only begins its sentence is left out.
    """
    for start, end in sentence_spans(text):
        sentence = text[start:end]
        for run in name_runs(sentence):
            forms = [min(fact.forms) for fact in run]
            begins = not any(map(str.isalnum, sentence[: run[0].start]))
            first = int(begins and len(run) > 1 and forms[0] in common)
            placed = sentence[: run[0].start].lower().split()[-1:]
            written = " ".join(sentence[run[first].start : run[-1].end].split())
            yield tuple(forms[first:]), written, bool(_PLACED.intersection(placed))


def _fold(groups: dict[Words, _Group], common: Common, across: bool = False) -> None:
    """Move "Brandt" to "Ilse Brandt".

    In an article the full name must come first, as reporters have it; ``across`` articles all that end so must share
    another word, and the family name must be no place.
    """
    full: dict[str, list[Words]] = defaultdict(list)
    for name, group in groups.items():
        apart = any(f" {words(form)[-1]}" in form for form in group.forms)  # not CWI-Kazakhstan
        if len(name) > 1 and apart and not common.intersection(name):
            full[name[-1]].append(name)
    order = {name: place for place, name in enumerate(groups)}
    for name in order:
        longer = full.get(name[-1], []) if len(name) == 1 else []
        if across:
            group, shared = groups[name], set.intersection(*(set(each[:-1]) for each in longer)) if longer else set()
            is_place = group.placed >= _FEWEST_PLACED * group.articles.total()
            longer = longer if shared and not is_place else []
        else:
            longer = [each for each in longer if order[each] < order[name]]
        if longer:
            best = max(longer, key=lambda each: groups[each].articles.total())
            groups[best].add(groups.pop(name))


def _name(name: Words, group: _Group) -> Name:
    """Call a name by its most frequent spelling of full length."""
    spellings = [form for form, _ in group.forms.most_common()]
    long = [form for form in spellings if len(words(form)) >= len(name)] or spellings
    whole = next((form for form in long if len(words(form)) == len(name)), long[0])
    also = tuple(form for form in spellings if form != whole)
    return Name(whole, also, group.articles.total(), tuple(id for id, _ in group.articles.most_common()))
