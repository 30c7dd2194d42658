"""The blocks of a web page, in the words that a reader sees: paragraphs, headings, list items, rows of tables."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

LONGEST_CELL = 200
"""Characters; a table with longer cells is a layout, whose cells are blocks of their own."""

_BLOCK_TAGS = """
address article aside blockquote body button caption center dd details dialog dir div dl dt fieldset figcaption figure
footer form h1 h2 h3 h4 h5 h6 header hgroup hr legend li main menu nav ol optgroup option p pre search section select
summary table tbody td tfoot th thead tr ul
"""
BLOCK_TAGS = frozenset(_BLOCK_TAGS.split())
HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_CELL, _PIECE = "\x01", "\x00"  # what stands between cells, and between the paragraphs of a cell
_NO_MARKS = str.maketrans("", "", _CELL + _PIECE)
_RAISED = str.maketrans("0123456789+-=()abcdefghiklmnoprstuvwxyz", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ")


def raised(text: str) -> str:
    """Write a raised number or letter with raised signs: 2019¹ is the year, 20191 another number.

    >>> raised("[12]"), raised("a"), raised("st")
    ('[¹²]', 'ᵃ', 'st')
    """
    return text if sum(map(str.isalpha, text)) > 1 else text.translate(_RAISED)


@dataclass(slots=True)
class Block:
    """A run of text between two block boundaries; ``places`` are its text nodes: (element, "text" or "tail").

    ``linked`` is the share of its characters that stand in links, ``begins_item`` is true for the first one of a list item.
    """

    node: Any
    text: str
    places: list[tuple[Any, str]]
    linked: float
    begins_item: bool


def page_blocks(tree: Any, longest_cell: int = LONGEST_CELL, between: str = " ") -> list[Block]:
    """Return the blocks of a page in order. The cells of a table's row make one block, joined by " | ".

    ``between`` stands between the paragraphs of a cell.

    >>> from lxml.html import fragment_fromstring
    >>> page = fragment_fromstring("<div>In <b>2019</b><sup>1</sup><p>It rained.<br>Twice.</p></div>")
    >>> [block.text for block in page_blocks(page)]
    ['In 2019¹', 'It rained.', 'Twice.']
    """
    from lxml.etree import iterwalk

    body = tree.find("body") if tree.tag == "html" else tree
    writer = _Writer(longest_cell, between)
    for event, node in iterwalk(body, events=("start", "end")) if body is not None else ():
        if event == "start":
            writer.open(node)
        else:
            writer.close(node)
    return writer.blocks


class _Writer:
    def __init__(self, longest_cell: int, between: str) -> None:
        self.blocks: list[Block] = []
        self._longest_cell, self._between = longest_cell, between
        self._parts: list[str] = []
        self._places: list[tuple[Any, str]] = []
        self._above: list[Any] = []
        self._row: Any = None
        self._item = False
        self._pre = self._raised = self._links = self._linked = 0

    def open(self, node: Any) -> None:
        tag = node.tag
        if tag == "br":
            if self._pre:
                self._parts.append("\n")
            else:
                self._boundary()
        elif tag in BLOCK_TAGS:
            self._boundary()
            self._above.append(node)
            if tag == "tr" and self._row is None and _is_row_of_data(node, self._longest_cell):
                self._row = node
            elif tag in ("td", "th") and node.getparent() is self._row and node.getprevious() is not None:
                self._parts.append(_CELL)
            self._item = self._item or tag == "li"
            self._pre += tag == "pre"
        self._links += tag == "a"
        self._raised += tag == "sup"
        self._write(node, "text", node.text)

    def close(self, node: Any) -> None:
        if node.tag in BLOCK_TAGS:
            if node is self._row:
                self._row = None
            self._boundary()
            self._above.pop()
            self._item = self._item and node.tag != "li"
            self._pre -= node.tag == "pre"
        self._links -= node.tag == "a"
        self._raised -= node.tag == "sup"
        if self._above:
            self._write(node, "tail", node.tail)

    def flush(self) -> None:
        text = "".join(self._parts)
        if self._pre:
            text = "\n".join(line.rstrip() for line in text.split("\n") if line.strip())
        else:
            text = " | ".join(map(self._cell, text.split(_CELL)))
        if text.strip(" |"):
            linked = self._linked / len(text)
            self.blocks.append(Block(self._above[-1], text, self._places, linked, self._item))
            self._item = False
        self._parts, self._places, self._linked = [], [], 0

    def _cell(self, text: str) -> str:
        return self._between.join(filter(None, (" ".join(piece.split()) for piece in text.split(_PIECE))))

    def _boundary(self) -> None:
        if self._row is not None:
            self._parts.append(_PIECE)
        else:
            self.flush()

    def _write(self, node: Any, where: str, text: str | None) -> None:
        if not text:
            return
        text = text.translate(_NO_MARKS)
        if self._raised:
            text = raised(text)
        self._parts.append(text)
        self._linked += len(text) if self._links else 0
        if not text.isspace():
            self._places.append((node, where))


def _is_row_of_data(row: Any, longest_cell: int) -> bool:
    cells = [cell for cell in row if cell.tag in ("td", "th")]
    return (
        len(cells) > 1
        and row.find(".//table") is None
        and all(len(" ".join(cell.itertext())) <= longest_cell for cell in cells)
    )


class Marks:
    """Signs, one for each block, written into a page's text, to find in another program's output again.

    Symbols are used that are neither letters nor spaces, so that they change little in how a text looks to that program.
    """

    def __init__(self, blocks: Sequence[Block]) -> None:
        used = {sign for block in blocks for sign in block.text}
        self._signs = [sign for sign in _symbols() if sign not in used]
        self._width = 1 if len(blocks) <= len(self._signs) else 2
        self._blocks = blocks
        for number, block in enumerate(blocks):
            mark = self._mark(number)
            for node, where in block.places:
                setattr(node, where, _after_spaces(getattr(node, where), mark))

    def found(self, text: str) -> set[int]:
        """Return the numbers of the blocks whose marks stand in a text."""
        places = {sign: place for place, sign in enumerate(self._signs)}
        signs = [places[sign] for sign in text if sign in places]
        if self._width == 1:
            return {number for number in signs if number < len(self._blocks)}
        pairs = zip(signs[::2], signs[1::2], strict=False)
        return {number for first, second in pairs if (number := first * len(places) + second) < len(self._blocks)}

    def _mark(self, number: int) -> str:
        if self._width == 1:
            return self._signs[number]
        first, second = divmod(number, len(self._signs))
        return self._signs[first] + self._signs[second]


def _after_spaces(text: str, mark: str) -> str:
    bare = text.lstrip()
    return text[: len(text) - len(bare)] + mark + bare


@lru_cache(maxsize=1)
def _symbols() -> tuple[str, ...]:
    return tuple(sign for sign in map(chr, range(0x2190, 0x1FC00)) if unicodedata.category(sign) == "So")
