"""Articles that a question names by their titles: in quotation marks, or by a run of words that stands in one title only."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

from rag.lexical import stem
from rag.mentions.forms import titled
from rag.mentions.mention import Mention
from rag.types import Header
from rag.words import FUNCTION_WORDS

_WORD = re.compile(r"[^\W_]+")
_QUOTED = re.compile(
    r"[\"“„]([^\"“”„]{2,300})[\"”“]|«([^«»]{2,300})»|(?<!\w)['‘]([^'‘’]{2,300}(?:['’]\w[^'‘’]*)*)['’](?!\w)"
)
# Fewer words than these stand together in a question by chance.
_RUN = 4
_WHOLE = 3
_SHARE = 0.5


_Title: TypeAlias = "tuple[str, ...]"


class _Stem(NamedTuple):
    start: int
    end: int
    stem: str


class Titles:
    """The titles of an index, found by their runs of content words."""

    def __init__(self, headers: Iterable[Header]) -> None:
        named: defaultdict[_Title, list[Header]] = defaultdict(list)
        for header in headers:
            named[tuple(each.stem for each in _stems(header.title))].append(header)
        self._titles = {title: tuple(articles) for title, articles in named.items() if title}
        self._pairs: defaultdict[_Title, list[tuple[_Title, int]]] = defaultdict(list)
        for title in self._titles:
            for place, pair in enumerate(zip(title, title[1:], strict=False)):
                self._pairs[pair].append((title, place))
        self._words = frozenset(word for title in self._titles for word in title)

    def is_known(self, word: str) -> bool:
        """Whether a word stands in some title."""
        return stem(word) in self._words

    def is_run(self, text: str) -> bool:
        """Whether the content words of a text, two or more, stand together in some title."""
        return bool(self._holding(tuple(each.stem for each in _stems(text))))

    def mentions(self, text: str) -> Iterator[Mention]:
        """The articles that a question names, those in quotation marks first; they may overlap."""
        stems = list(_stems(text))
        for match in _QUOTED.finditer(text):
            start, end = match.span(match.lastindex or 0)
            quoted = [each for each in stems if start <= each.start and each.end <= end]
            yield from self._quoted(text, start, end, tuple(each.stem for each in quoted))
        place = 0
        while place < len(stems) - 1:
            found, length = self._run(stems, place)
            if len(found) == 1 and _tells(found[0], length):
                start, end = stems[place].start, stems[place + length - 1].end
                yield self._mention(found[0], start, end, titled(text, start))
                place += length
            else:
                place += 1

    def _quoted(self, text: str, start: int, end: int, words: tuple[str, ...]) -> Iterator[Mention]:
        whole = words in self._titles
        found = {words} if whole else self._holding(words)
        if len(found) != 1:
            return
        title = found.pop()
        announced = titled(text, start)
        if (whole and (len(words) > 1 or announced)) or (
            len(words) > 1 and (len(words) >= _SHARE * len(title) or len(words) >= _RUN)
        ):
            yield self._mention(title, start, end, announced or (whole and len(words) >= _WHOLE))

    def _holding(self, run: tuple[str, ...]) -> set[_Title]:
        if len(run) < 2:
            return set()
        return {title for title, place in self._pairs.get(run[:2], ()) if title[place : place + len(run)] == run}

    def _run(self, stems: list[_Stem], place: int) -> tuple[list[_Title], int]:
        """The titles that share the longest run of words from a place on, and its length."""
        found = self._pairs.get((stems[place].stem, stems[place + 1].stem), [])
        length = 2
        while found and place + length < len(stems):
            longer = [
                (title, at)
                for title, at in found
                if title[at + length : at + length + 1] == (stems[place + length].stem,)
            ]
            if not longer:
                break
            found, length = longer, length + 1
        return list({title: None for title, _ in found}), length

    def _mention(self, title: _Title, start: int, end: int, sure: bool) -> Mention:
        articles = self._titles[title]
        return Mention("document", start, end, articles[0].title, tuple(each.id for each in articles), sure=sure)


def _tells(title: _Title, length: int) -> bool:
    return (length >= _RUN and length >= _SHARE * len(title)) or (length >= _WHOLE and length == len(title))


def _stems(text: str) -> Iterator[_Stem]:
    for match in _WORD.finditer(text):
        word = match.group()
        if word.lower() not in FUNCTION_WORDS and len(word) > 1 and (known := stem(word)):
            yield _Stem(match.start(), match.end(), known)
