"""HTML that is a document and not a page of a site becomes paragraphs, all of its visible text in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from rag.read.assemble import HIDDEN, Paragraph, heading, one_line
from rag.read.hidden import is_unseen

HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_BLOCKS = HEADINGS.union(
    ("address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "div", "dl", "dt"),
    ("fieldset", "figcaption", "figure", "footer", "form", "header", "hr", "html", "legend", "li", "main", "nav", "ol"),
    ("p", "pre", "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul"),
)
_UNSEEN = frozenset(("head", "script", "style", "template", "noscript", "iframe", "object", "svg", "math")).union(
    ("audio", "video"),
    ("select", "textarea", "button", "input", "title"),
)
_RAISED = str.maketrans("0123456789+-=()abcdefghiklmnoprstuvwxyz", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ")
DEEPEST = 200
"""Elements in each other; what lies deeper is read as one text."""


def paragraphs_of(tree: Any, left_out: Counter[str] | None = None) -> list[Paragraph]:
    """Return the paragraphs of an element tree: headings begin sections, table rows are lines with " | " between cells.

    The words of hidden text are counted in ``left_out``.

    >>> from lxml import html
    >>> tree = html.fromstring("<div><h1>Fares</h1><ul><li>By <b>boat</b></ul><table><tr><td>1<td>2</table></div>")
    >>> [each.text for each in paragraphs_of(tree)]
    ['Fares', '- By boat', '1 | 2']
    """
    return list(_Walk(Counter() if left_out is None else left_out).blocks(tree))


def raised(text: str) -> str:
    """Write a raised number with raised digits, apart from the number before it.

    >>> raised("[12]"), raised("note")
    ('¹²', 'ⁿᵒᵗᵉ')
    """
    inner = text.strip().strip("[]")
    return inner.translate(_RAISED) if inner.isascii() and len(inner) <= 4 else text


class _Walk:
    def __init__(self, left_out: Counter[str]) -> None:
        self._left_out = left_out
        self._text: list[str] = []
        self._mark = ""  # of the list item that begins
        self._section = False

    def blocks(self, node: Any) -> Iterator[Paragraph]:
        yield from self._inside(node, 0)
        yield from self._flush()

    def _flush(self) -> Iterator[Paragraph]:
        # A line break of the text is a space, one of <br> a new line.
        lines = [one_line(line) for line in "".join(self._text).split("\x00")]
        self._text = []
        for line in filter(None, lines):
            mark, self._mark = self._mark, ""
            yield heading(line) if self._section else Paragraph(mark + line)

    def _inside(self, node: Any, depth: int) -> Iterator[Paragraph]:
        tag = _tag(node)
        if tag == "table" and _is_data(node):
            yield from self._flush()
            for row in node.iter():
                if _tag(row) == "tr" and (cells := [self._cell(each) for each in row if _tag(each) in ("td", "th")]):
                    yield Paragraph(" | ".join(cells)) if any(cells) else Paragraph("")
            return
        if tag in ("sup", "sub"):
            text = "".join(node.itertext())
            self._text.append(raised(text) if tag == "sup" else text)
            return
        if tag == "pre":
            yield from self._flush()
            yield from (Paragraph(line.rstrip()) for line in "".join(node.itertext()).split("\n") if line.strip())
            return
        is_block = tag in _BLOCKS
        if is_block:
            yield from self._flush()
            if tag == "li":
                self._mark = "- "
            self._section = tag in HEADINGS
        self._text.append(node.text or "")
        for child in node:
            if isinstance(child.tag, str) and _tag(child) not in _UNSEEN:
                if is_unseen(child) or child.get("aria-hidden") == "true":
                    self._left_out[HIDDEN] += len("".join(child.itertext()).split())
                elif _tag(child) == "br":
                    self._text.append("\x00")
                elif depth >= DEEPEST:
                    self._text.append(" ".join(child.itertext()))
                else:
                    yield from self._inside(child, depth + 1)
            self._text.append(child.tail or "")
        if is_block:
            yield from self._flush()
            self._section, self._mark = False, "" if tag == "li" else self._mark

    def _cell(self, node: Any) -> str:
        """Return a cell's text on one line. Its paragraphs and lines stay apart."""
        return "; ".join(each.text for each in _Walk(self._left_out).blocks(node) if each.text)


def _tag(node: Any) -> str:
    return node.tag.rpartition("}")[2].lower() if isinstance(node.tag, str) else ""


def _is_data(table: Any) -> bool:
    """Tell whether a table is one: newsletters and old pages lay out their text with tables."""
    cells = [each for each in table.iter() if _tag(each) in ("td", "th")]
    if any(_tag(each) == "table" for each in table.iterdescendants()):
        return False
    rows = sum(_tag(each) == "tr" for each in table.iter())
    return len(cells) > rows and all(len("".join(each.itertext())) <= 1000 for each in cells)
