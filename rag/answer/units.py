"""Cut a passage into what can be quoted as an answer: sentences, table rows, lists, replies."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

from rag.text.sentences import sentence_spans

LONGEST_LIST = 800
"""Characters; a longer list is quoted item by item, with its lead-in as context."""
LONGEST_HEADING = 7
"""Words; a longer line without a full stop may be a caption or a standfirst, which can answer."""

_LINE = re.compile(r"[^\n]*\S[^\n]*")
_ITEM = re.compile(r"\s*(?:[-–•*·]|\d{1,3}[.)])\s+\S")
_CELL = re.compile(r"\s\|\s|\t")
_QUESTION_MARK = re.compile(r"[?？؟;;][”\"'’»)\]*_\s]*$")
_CLOSED = re.compile(r"[.!?…。！？:;][”\"'’»)\]*_\s]*$")


class Unit(NamedTuple):
    """A span of a text: ``text[start:end]``.

    A "plain" unit can answer; a "heading", a "question" or a "lead" that ends in a colon cannot. ``context`` is what it
    hangs on: a table's header, a list's lead-in, the question that it replies to.
    """

    start: int
    end: int
    kind: Literal["plain", "heading", "question", "lead"] = "plain"
    context: str = ""


def units(text: str, title: str = "") -> list[Unit]:
    """Cut a text into units in reading order. Lines that hold only white space belong to none.

    >>> text = "Town | Fare\\nKelm | 3\\n\\nHow old is it?\\n\\nNine years.\\n\\nWe met:\\n- Ana\\n- Bo"
    >>> [(text[unit.start:unit.end], unit.context) for unit in units(text) if unit.kind == "plain"]
    [('Kelm | 3', 'Town | Fare'), ('Nine years.', 'How old is it?'), ('We met:\\n- Ana\\n- Bo', '')]
    """
    lines = [match.span() for match in _LINE.finditer(text)]
    found: list[Unit] = []
    asked = ""
    place = 0
    while place < len(lines):
        start, end = _stripped(text, *lines[place])
        line = text[start:end]
        if _CELL.search(line):
            last = _run(text, lines, place, lambda other: bool(_CELL.search(other)))
            found += _rows(text, lines[place:last])
        elif _is_item(line):
            last = _run(text, lines, place, _is_item)
            found += _list(text, found, lines[place:last])
        else:
            last = place + 1
            if _QUESTION_MARK.search(line) and len(sentence_spans(line)) <= 2:
                asked = line
                found.append(Unit(start, end, "question"))
            elif line == title or (
                not _CLOSED.search(line) and len(line.split()) < LONGEST_HEADING and ":" not in line
            ):
                asked = ""
                found.append(Unit(start, end, "heading"))
            else:
                found += _sentences(text, start, end, asked)
                asked = ""
        place = last
    return found


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    line = text[start:end]
    return start + len(line) - len(line.lstrip()), end - len(line) + len(line.rstrip())


def _run(text: str, lines: Sequence[tuple[int, int]], first: int, belongs: Callable[[str], bool]) -> int:
    """Count to the end of lines of one kind."""
    last = first + 1
    while last < len(lines) and belongs(text[slice(*lines[last])]):
        last += 1
    return last


def _is_item(line: str) -> bool:
    return bool(_ITEM.match(line))


def _rows(text: str, lines: Sequence[tuple[int, int]]) -> Iterator[Unit]:
    """Yield the first of several rows is the header of the others."""
    header = " ".join(text[slice(*lines[0])].split()) if len(lines) > 1 else ""
    for place, line in enumerate(lines):
        start, end = _stripped(text, *line)
        yield Unit(start, end, "lead") if place == 0 and header else Unit(start, end, context=header)


def _list(text: str, before: list[Unit], lines: Sequence[tuple[int, int]]) -> list[Unit]:
    """Return a list is one unit with its lead-in, unless it is long."""
    items = [_stripped(text, *line) for line in lines]
    lead = before[-1] if before and before[-1].kind in ("lead", "heading") else None
    if lead is not None and lead.kind == "lead" and items[-1][1] - lead.start <= LONGEST_LIST:
        before.pop()
        return [Unit(lead.start, items[-1][1])]
    context = text[lead.start : lead.end] if lead is not None else ""
    return [Unit(start, end, context=context) for start, end in items]


def _sentences(text: str, start: int, end: int, asked: str) -> Iterator[Unit]:
    for low, high in sentence_spans(text[start:end]):
        sentence = text[start + low : start + high]
        if _QUESTION_MARK.search(sentence):
            kind: Literal["plain", "question", "lead"] = "question"
        else:
            kind = "lead" if sentence.endswith(":") else "plain"
        yield Unit(start + low, start + high, kind, asked)
