"""Find the outlets, authors, articles and dates that a question names."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, NamedTuple

from rag.retrieval.mentions.periods import describe, find_periods
from rag.text.names import plain
from rag.text.spelling import is_cyrillic, key
from rag.text.stems import stem
from rag.text.words import FUNCTION_WORDS, words
from rag.types import Header

Kind = Literal["document", "outlet", "author", "date"]
# Beginnings of words that speak of publishing, and of saying: English, Russian, Kazakh.
_PUBLISHING = tuple(
    words(
        "article report story stories piece cover publish publicat wrote write writt writing news column editorial interview "
        "review journalis headline magazine dated posted titled entitled стать материал публик опублик заметк репортаж новост "
        "колонк интервью сообщ писа напис пиш газет журнал издани мақала хабар жазды жазған жарияла"
    )
)
_SAYING = _PUBLISHING + tuple(
    words(
        "according say said claim suggest stated describ mention discuss argu noted notes imply implie indicat reveal "
        "highlight quote told explain detail guide analys featur comment данны информац верси "
        "ссылк рассказ утвержда айт"
    )
)
# Words that may stand between such a word and a name, or a date.
_LINKS = words(
    "the a an both and or by in from at to with like source sources outlet outlets agency site website newspaper "
    "в во на из от по и с со издание издании издания газета газете газеты"
)
_DATE_LINKS = [*_LINKS, *words("on of during since after before until between за до после к")]
_EXCEPT = words("not than except besides unlike кроме помимо не емес басқа")
# Words that end the reach of a name towards its verb ("Zvezda was reported …").
_STOPS = FUNCTION_WORDS.difference(words("s has have had also then first not ever once already"))
_JOINS = frozenset(words("and the и және"))
_WORD = re.compile(r"[^\W_]+")
_SEPARATOR = re.compile(r"\s+[–—·•-]\s+|\s*\|\s*|:\s+")
_HOST = re.compile(r"(?:https?://)?(?:www\.)?([\w.-]+)\.[a-z]{2,12}(?:[/?#].*)?", re.I)
_LONGEST = 20  # words in a name or title
_SHORTEST_MISSPELT = 6  # letters


@dataclass(frozen=True, slots=True)
class Mention:
    """An outlet, author, article or date that a question names at ``question[start:end]``.

    ``name`` is the outlet, the author or the title as the articles write it, empty for a date. ``values`` are the outlets,
    authors or article ids it may mean. ``published`` is the first and the last day meant (``YYYY-MM-DD``, inclusive, empty
    where open), empty for all but dates. ``sure`` mentions narrow a search ("What did the Courier report?"); the others
    raise what meets them.

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
        """Return how a chip shows it: a name, or a date such as ``Nov 2023`` or ``before 3 Mar 2011``."""
        return self.name or describe(*self.published)


class _Alias(NamedTuple):
    """One way to write a name; ``partial`` (initials, a family name) counts only beside a word of publishing."""

    kind: Kind
    words: tuple[str, ...]
    name: str
    values: tuple[str, ...]
    partial: bool = False


class Catalogue:
    """The outlets, authors and articles of an index, and how questions name them.

    >>> courier = Header(id="a.md", title="A tram for Port Velm", outlet="Harbour Courier", published="2031-03-04")
    >>> asked = Catalogue([courier]).mentions("What did the Harbour Courier report in March 2031?", date(2032, 1, 1))
    >>> [(each.label, each.sure) for each in asked]
    [('Harbour Courier', True), ('Mar 2031', True)]
    >>> others = [courier, Header(id="b.md", outlet="Northbay Gazette")]
    >>> asked = Catalogue(others).mentions("Compare what the Courier and the Gazette say.", date(2032, 1, 1))
    >>> [(each.label, each.sure) for each in asked]
    [('Harbour Courier', True), ('Northbay Gazette', True)]
    """

    def __init__(self, headers: Iterable[Header]) -> None:
        headers = list(headers)
        self._newest = max((header.published for header in headers), default="")
        self._spelt: dict[str, _Alias] = {}
        self._heard: dict[str, _Alias] = {}  # for names that the question writes in another alphabet
        for alias in sorted(_aliases(headers), key=lambda each: each.partial):
            _add(self._spelt, "".join(map(_spelling, alias.words)), alias)
            if alias.kind != "document":
                _add(self._heard, "".join(map(_sound, alias.words)), alias)
        names = ((spelling, alias) for spelling, alias in self._spelt.items() if len(spelling) >= _SHORTEST_MISSPELT)
        self._long = [spelling for spelling, alias in names if not alias.partial and alias.kind != "document"]

    def mentions(self, question: str, today: date) -> tuple[Mention, ...]:
        """Return what a question names, in its order; no two overlap. ``today`` is what "last week" counts from.

        A day or month without a year is taken to be the last one that the index can know.
        """
        text, place = _Text(question), 0
        while place < len(text.words):
            ends = range(min(place + _LONGEST, len(text.words)), place, -1)
            mention = next(filter(None, (self._name(text, place, end) for end in ends)), None)
            if mention is not None:
                text.names.append(mention)
            place = text.place(mention.end) if mention else place + 1
        for after in [each for each in text.names if each.kind == "outlet" and each.sure]:
            text.names.extend(self._joined(text, after))
        text.names.sort(key=lambda each: each.start)
        for place in range(len(text.names) - 1, 0, -1):  # "What do the Courier and the Gazette say?"
            before, after = text.names[place - 1 : place + 1]
            between = question[before.end : after.start].lower()
            joined = _JOINS.issuperset(words(between)) and not re.search("[.?!]", between)
            if joined and after.sure and before.kind == after.kind == "outlet":
                text.names[place - 1] = replace(before, sure=True)
        dates = []
        for start, stop, first, last in find_periods(question, today, self._newest):
            if all(stop <= name.start or name.end <= start for name in text.names):
                around = text.lead(text.place(start), _DATE_LINKS), *text.words[text.place(stop) :][:1]
                sure = any(word.startswith(_PUBLISHING) for word in around)
                dates.append(Mention("date", start, stop, published=(first, last), sure=sure))
        return tuple(sorted([*text.names, *dates], key=lambda each: each.start))

    def _joined(self, text: _Text, after: Mention) -> Iterator[Mention]:
        """Yield the outlet, by a part of its name, of "the Courier and" before another one that says something."""
        end = text.place(after.start)
        while end and (text.words[end - 1] in _JOINS or text.words[end - 1] == "the"):
            end -= 1
        begin = end - 1
        alias = self._spelt.get(text.spellings[begin]) if begin >= 0 and text.words[end] in _JOINS else None
        free = begin >= 0 and all(
            each.end <= text.tokens[begin].start() for each in text.names if each.start < after.start
        )
        if alias and free and alias.kind == "outlet" and alias.partial and len(alias.values) == 1:
            start, stop = text.tokens[begin].span()
            if text.is_name(begin) and not text.is_name(begin - 1):
                yield Mention("outlet", start, stop, alias.name, alias.values)

    def _name(self, text: _Text, begin: int, end: int) -> Mention | None:
        """Return the name that some words write: as in the index, in another alphabet, or a letter or two away."""
        spelling = "".join(text.spellings[begin:end])
        if alias := self._spelt.get(spelling):
            return _mention(alias, text, begin, end)
        alias = self._heard.get("".join(text.sounds[begin:end]))
        if alias and len(alias.words) == end - begin and is_cyrillic(alias.words[0]) != is_cyrillic(text.words[begin]):
            return _mention(alias, text, begin, end)
        capital = text.tokens[begin].group()[0].isupper()
        if not capital or end - begin > 4 or len(spelling) < _SHORTEST_MISSPELT - 1 or not text.reports(begin, end):
            return None
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        errors = 1 if len(spelling) < 9 else 2
        best = process.extractOne(spelling, self._long, scorer=OSA.distance, score_cutoff=errors)
        return _mention(self._spelt[best[0]], text, begin, end) if best else None


class _Text:
    """A question as words, and the names found in it so far."""

    def __init__(self, question: str) -> None:
        self.question = question
        self.names: list[Mention] = []
        self.tokens = list(_WORD.finditer(question))
        self.words = [token.group().lower() for token in self.tokens]
        self.spellings, self.sounds = [_spelling(word) for word in self.words], [_sound(word) for word in self.words]

    def place(self, start: int) -> int:
        """Return how many words begin before a character."""
        return sum(token.start() < start for token in self.tokens)

    def gap(self, place: int) -> str:
        """Return the characters before a word."""
        start = self.tokens[place - 1].end() if place else 0
        return self.question[start : self.tokens[place].start()] if place < len(self.tokens) else self.question[start:]

    def is_name(self, place: int) -> bool:
        """Tell whether a word has a capital that its place does not give it."""
        inside = 0 < place < len(self.words) and not re.search("[.?!]", self.gap(place))
        return inside and self.words[place] not in FUNCTION_WORDS and not self.tokens[place].group()[0].islower()

    def lead(self, place: int, links: Container[str] = _LINKS) -> str:
        """Return the last word before a place that is no link, initial or part of a name."""
        for token, word in zip(self.tokens[:place][::-1], self.words[:place][::-1], strict=True):
            inside = any(name.start <= token.start() < name.end for name in self.names)
            if not inside and len(word) > 1 and word not in links:
                return word
        return ""

    def reports(self, begin: int, end: int, verbs: tuple[str, ...] = _SAYING) -> bool:
        """Tell whether words are said to publish or to say something."""
        if self.lead(begin).startswith(verbs):
            return True
        for place, word in enumerate(self.words[end : end + 3], end):
            if re.search("[.,;:?!(]", self.gap(place)) or self.lead(begin) in _EXCEPT or word == "according":
                return False
            if word.startswith(verbs) or word in _STOPS:
                return word.startswith(verbs)
        return False


def _mention(alias: _Alias, text: _Text, begin: int, end: int) -> Mention | None:
    """Return the mention of a name, or None where its words mean something else."""
    content = [place for place in range(begin, end) if text.words[place] not in FUNCTION_WORDS]
    if not content:
        return None
    while alias.kind == "outlet" and end < len(text.words) and text.gap(end) == "." and text.words[end].isalpha():
        end += 1  # dawn.com
    host = any(text.gap(place) == "." for place in range(begin + 1, end))
    capital = not any(text.tokens[place].group()[0].islower() for place in content)
    neighbours = (place for gap, place in ((begin, begin - 1), (end, end)) if text.gap(gap) in (" ", "-"))
    longer = any(map(text.is_name, neighbours))
    reports = text.reports(begin, end)
    sure = reports if alias.kind == "outlet" else text.reports(begin, end, _PUBLISHING)
    if alias.partial:
        longer = longer or text.words[end : end + 1] == ["of"]  # "The Times of India" is not the New York Times
        shown = reports and capital and not longer and len(alias.values) == 1
    elif alias.kind == "document":
        shown = len(content) > 2 or text.gap(begin).endswith(tuple("\"'“‘«„"))
        sure = text.lead(begin).startswith(_PUBLISHING)
    elif alias.kind == "author" or host or len(content) > 1 or re.search(r".[A-Z]|\d", alias.words[0]):
        shown = reports or host or (not longer and (capital or text.question.islower()))
    else:
        # Everyday words ("Time", "The Age") need their capital and article, or a word of saying beside them.
        before, after = "".join(text.words[begin - 1 : begin]), text.words[end] if text.gap(end) == " " else ""
        the = "the" in (text.words[begin], before)
        noun = len(after) > 2 and after not in FUNCTION_WORDS and not after.startswith(_SAYING)
        own = text.is_name(content[0]) and the == alias.name.lower().startswith("the ") and not (noun and the)
        shown = not longer and (reports or own) if capital else reports and not noun and before in FUNCTION_WORDS
        sure = sure and (capital or not the)
    start, stop = text.tokens[begin].start(), text.tokens[end - 1].end()
    return Mention(alias.kind, start, stop, alias.name, alias.values, sure=sure) if shown else None


def _aliases(headers: Sequence[Header]) -> Iterator[_Alias]:
    """Yield the ways to write each outlet, author and title."""
    for outlet, source in dict.fromkeys((header.outlet, header.source) for header in headers):
        for way in (*_ways(outlet), _host(source)):
            yield _Alias("outlet", way, outlet, (outlet,))
        content = [word for word in words(_SEPARATOR.split(outlet)[0]) if word.lower() not in FUNCTION_WORDS]
        if len(content) > 1:
            yield _Alias("outlet", (content[-1],), outlet, (outlet,), partial=True)  # "the Courier"
        if len(content) > 2:
            yield _Alias("outlet", ("".join(word[0] for word in content),), outlet, (outlet,), partial=True)
    for author in dict.fromkeys(author for header in headers for author in header.authors):
        names = words(" ".join(reversed(author.split(", "))))  # "Family, Given"
        yield _Alias("author", tuple(names), author, (author,), partial=len(names) == 1)
        if len(names) > 1 and names[0].lower() not in FUNCTION_WORDS:
            yield _Alias("author", (names[0], names[-1]), author, (author,))
            yield _Alias("author", (names[-1],), author, (author,), partial=True)
    for header in headers:
        yield from (_Alias("document", way, header.title, (header.id,)) for way in _ways(header.title) if len(way) > 1)


def _ways(name: str) -> list[tuple[str, ...]]:
    """Return the words of a name, of what stands before a mark ("BBC | News"), both without "The", and its host."""
    heads = dict.fromkeys((name, _SEPARATOR.split(name)[0]))
    texts = dict.fromkeys(text for head in heads for text in (head, re.sub("^[Tt]he ", "", head)))
    return list(dict.fromkeys([*(tuple(words(text)) for text in texts), *map(_host, heads)]))


def _host(address: str) -> tuple[str, ...]:
    """Return the longest label of a host but the last: "courier" of www.courier.co.uk."""
    host = _HOST.fullmatch(address.strip())
    return (max(host[1].split("."), key=len),) if host else ()


def _add(table: dict[str, _Alias], spelling: str, alias: _Alias) -> None:
    """Add an alias. Names of one kind that are written alike share it."""
    if not alias.name or not spelling:
        return
    other = table.setdefault(spelling, alias)
    if other.kind == alias.kind and other.partial == alias.partial and alias.values[0] not in other.values:
        name = other.name if other.name == alias.name else _SEPARATOR.split(other.name)[0]
        table[spelling] = other._replace(name=name, values=(*other.values, *alias.values))


def _spelling(word: str) -> str:
    return stem(word) if is_cyrillic(word) else plain(word)


def _sound(word: str) -> str:
    return key(word).rstrip("aeiou") or key(word)
