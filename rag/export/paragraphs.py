"""Draw an answer without markup: its paragraphs and lists, their marked stretches, and the lines about its sources."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Literal, NamedTuple

from rag.language.phrases import phrase, spoken, told, with_dates
from rag.text.one_line import one_line, shortened
from rag.types import DOUBTED, PLACES, Answer, Header, Hit, Locator, Sentence, locate

MAX_TITLE = 200
MAX_LABEL = 60
MAX_PLACE = 160
MAX_ALSO = 5
"""How many other articles with the same text are named."""
_LIST_MARK = re.compile(r"(?:[-*+•–]|(\d{1,6})[.)])[^\S\n]*$")


class Block(NamedTuple):
    """Sentences that stand together under a label: a paragraph, or the items of a list that counts from ``start``."""

    kind: Literal["p", "ul", "ol"]
    items: list[list[Sentence]]
    start: int = 1
    label: str = ""


def blocks(answer: Answer) -> list[Block]:
    """Gather an answer's sentences into paragraphs and lists, by their leads and labels.

    >>> listed = [Sentence(name, lead="\\n- ") for name in ("Ada.", "Li.")]
    >>> answer = Answer("Who?", sentences=(Sentence("Two came:", label="Courier"), *listed))
    >>> [(block.kind, len(block.items), block.label) for block in blocks(answer)]
    [('p', 1, 'Courier'), ('ul', 2, '')]
    """
    found: list[Block] = []
    for sentence in map(with_dates, answer.sentences):
        label = one_line(sentence.label)
        if answer.state == "closest" and not found:
            label = phrase("No answer found. The closest sentences are:")
        if label and not sentence.citations:  # our own words: nothing was found for this part
            sentence = replace(sentence, text=told(sentence.text))
        mark = _LIST_MARK.search(sentence.lead)
        kind: Literal["p", "ul", "ol"] = "p" if mark is None else "ol" if mark[1] else "ul"
        if mark is not None and found and found[-1].kind == kind and not label:
            found[-1].items.append([sentence])
        elif mark is not None or not found or label or "\n" in sentence.lead:
            found.append(Block(kind, [[sentence]], int((mark and mark[1]) or 1), label))
        else:
            found[-1].items[-1].append(sentence)
    return found


class Piece(NamedTuple):
    """A stretch of a sentence and its marks; ``strong`` is set in bold, ``asked`` answers the question.

    ``doubt`` is the kind of doubt about it, or empty; ``ends`` is true where that stretch comes to its end.
    """

    text: str
    strong: bool
    asked: bool
    doubt: str
    ends: bool


def pieces(sentence: Sentence, start: int = 0, end: int | None = None) -> list[Piece]:
    """Cut a sentence, or what lies from ``start`` to ``end``, where marks begin and end.

    >>> [each.text for each in pieces(Sentence("It has 700 members.", answer=(7, 10))) if each.strong]
    ['700']
    """
    end = len(sentence.text) if end is None else end
    asked = (sentence.answer,) if sentence.answer else ()
    strong = (*sentence.bold, *asked)
    unverified = sentence.unverified if sentence.supported else ()
    kinds = (*sentence.doubts, *[DOUBTED] * len(unverified))
    # The shorter of two marks says more.
    doubts = sorted(zip(unverified, kinds, strict=False), key=lambda doubt: doubt[0][1] - doubt[0][0])
    cuts = {start, end} | {min(max(each, start), end) for span in (*strong, *unverified) for each in span}
    return [
        Piece(
            sentence.text[first:last],
            _inside(first, last, strong),
            _inside(first, last, asked),
            next((kind for span, kind in doubts if _inside(first, last, [span])), ""),
            _inside(first, last, unverified) and any(last == stop for _, stop in unverified),
        )
        for first, last in pairwise(sorted(cuts))
    ]


def _inside(first: int, last: int, spans: Iterable[tuple[int, int]]) -> bool:
    return any(begin <= first and last <= stop for begin, stop in spans)


def also(hit: Hit) -> str:
    """Where else nearly the same text stands, empty where nowhere: outlets and dates, titles where there is no outlet.

    >>> from rag.types import Passage
    >>> copies = [Header("b.md", outlet="Gazette", published="2031-03-05"), Header("c.md", title="A vote")]
    >>> also(Hit(Passage("p", "a.md", 0, 4, "Text"), Header("a.md"), 1.0, also=tuple(copies)))
    'Also in Gazette, 5 March 2031; A vote'
    """
    outlets = (shortened(each.outlet, MAX_LABEL) or shortened(each.title or each.id, MAX_TITLE) for each in hit.also)
    dates = (one_line(spoken(each.published)) for each in hit.also)
    named = dict.fromkeys(", ".join(filter(None, pair)) for pair in zip(outlets, dates, strict=True))
    more = len(named) - MAX_ALSO
    places = [*list(named)[:MAX_ALSO], *([phrase("{count} more", count=more)] if more > 0 else [])]
    return phrase("Also in {places}", places="; ".join(places)) if places else ""


def place_text(places: Sequence[Locator], start: int, end: int) -> str:
    """Where characters ``start`` to ``end`` stand in their file, in the language that is spoken.

    >>> place_text([Locator(0, "page", "4"), Locator(50, "page", "5")], 10, 60)
    'pp. 4–5'
    """
    found = locate(places, start, end)
    written = (phrase(PLACES[kind][first != last], first=first, last=last) for kind, first, last in found)
    return shortened(", ".join(written), MAX_PLACE)


def byline(document: Header) -> str:
    """Outlet, date and authors in one line, as far as they are known.

    >>> byline(Header(id="a.md", outlet="Courier", published="2019-06", authors=("Ada Brook", "Li Moss")))
    'Courier · June 2019 · Ada Brook, Li Moss'
    """
    return _joined(document, spoken(document.published))


def cited_byline(document: Header) -> str:
    """Return the byline beside a quote: it says as of when the article speaks, or that it is undated.

    >>> cited_byline(Header(id="a.md", outlet="Courier", published="2019-06")), cited_byline(Header(id="b.md"))
    ('Courier · as of June 2019', 'undated')
    """
    date = phrase("as of {date}", date=spoken(document.published)) if document.published else phrase("undated")
    return _joined(document, date)


def _joined(document: Header, date: str) -> str:
    parts = (document.outlet, date, ", ".join(document.authors))
    return " · ".join(one_line(part) for part in parts if part.strip())
