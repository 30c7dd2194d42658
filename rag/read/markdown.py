"""Markdown is read: its front matter, then the text as it is seen, without its marks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

from rag.read.assemble import article
from rag.read.blocks import HEADINGS
from rag.read.encoding import decode
from rag.read.front_matter import header_of, split_front_matter
from rag.read.furniture import clean_paragraphs
from rag.read.lines import begins_turn, paragraphs
from rag.types import Document

if TYPE_CHECKING:
    from markdown_it.token import Token

# Deeper or more than any article; the parser's time grows with the square of them.
_TOO_MANY_MARKS = re.compile(r"(?:!?\[){50}|(?:[>*_\[][ \t]?){200}")
_LONGEST_LINE = 100_000
_LONGEST_TEXT = 2_000_000
_DEEPEST = 60
# "[REED]: Yes" is an answer, "[1]: https://courier.test" the address of a link, which nobody sees.
_NO_ADDRESS = re.compile(r"^( {0,3})\[(?=[^\]\n]+\]:[ \t]*[^\s/.:#<]+[.!?]?[ \t]*$|\^)", re.MULTILINE)
_TAG = re.compile(r"</?([A-Za-z][\w-]*)")


def read_markdown(id: str, data: bytes) -> Document:
    """Read the header and the text of a Markdown file. Raise RefusedFile where its front matter is too long."""
    fields, text = split_front_matter(decode(data))
    hidden: Counter[str] = Counter()
    first, lines, sure, headings = _rendered(text, hidden)
    known, used = header_of(id, fields, lines, first)
    kept, left_out = clean_paragraphs(lines, used, sure)
    return article(kept, headings, known, left_out + hidden)


def _rendered(text: str, left_out: Counter[str]) -> tuple[str, list[str], frozenset[int], frozenset[int]]:
    """Return the first heading of the first level and the paragraphs without marks; which are parts of a list, which heads.

    Parts of a table, a quotation and code count as those of a list. What would keep the parser busy for long, or is
    nested deeper than it looks, is taken as it stands.
    """
    too_long = len(text) > _LONGEST_TEXT or any(len(line) > _LONGEST_LINE for line in text.split("\n"))
    if too_long or _TOO_MANY_MARKS.search(text):
        return "", paragraphs(text), frozenset(), frozenset()
    from markdown_it import MarkdownIt

    tokens = MarkdownIt("commonmark", {"maxNesting": _DEEPEST}).enable("table").parse(_NO_ADDRESS.sub(r"\1\\[", text))
    if any(token.level >= _DEEPEST - 1 for token in tokens):  # what is deeper was left out
        return "", paragraphs(text), frozenset(), frozenset()
    lines: list[str] = []
    sure: set[int] = set()
    headings: set[int] = set()
    for block, kind in _blocks(tokens, left_out):
        if kind == "heading":
            headings.update(range(len(lines), len(lines) + min(1, len(block))))
        if kind == "part":
            sure.update(range(len(lines), len(lines) + len(block)))
        lines.extend(block)
    first = next(
        (
            _inline(tokens[place + 1], Counter())
            for place, token in enumerate(tokens)
            if token.type == "heading_open" and token.tag == "h1"
        ),
        "",
    )
    return " ".join(first.split()), lines, frozenset(sure), frozenset(headings)


def _blocks(tokens: Sequence[Token], left_out: Counter[str]) -> Iterator[tuple[list[str], str]]:
    """Yield the lines of each block, and what it is: a "heading", a "part" of a list, a table, a quotation or code."""
    row: list[str] | None = None
    number = ""
    titles = sum(token.type == "heading_open" and token.tag == "h1" for token in tokens)
    heads = HEADINGS if titles > 1 else HEADINGS - {"h1"}  # a single one is the title
    for place, token in enumerate(tokens):
        if token.type == "tr_open":
            row = []
        elif token.type == "tr_close" and row is not None:
            yield [" | ".join(row)], "part"
            row = None
        elif token.type == "list_item_open" and token.markup in (".", ")") and not _counts(tokens, place):
            number = f"{token.info}{token.markup} "
        elif token.type == "inline" and row is not None:
            row.append(" ".join(_inline(token, left_out).split()))
        elif token.type == "inline":
            lines = [" ".join(line.split()) for line in (number + _inline(token, left_out)).split("\n") if line.strip()]
            yield lines, "part" if token.level > 1 else "heading" if tokens[place - 1].tag in heads else ""
            number = ""
        elif token.type in ("fence", "code_block"):
            code = "\n".join(line.rstrip() for line in token.content.split("\n") if line.strip())
            yield [code] if code else [], "part"
        elif token.type == "html_block":
            yield paragraphs(_markup_text(token.content, left_out) if _is_html(token.content) else token.content), ""


def _counts(tokens: Sequence[Token], place: int) -> bool:
    """Say whether an item's number only counts: the list begins with 1 and has a second item.

    "1986. The bridge fell." and "14. Juli" at the beginning of a line are items of a list for Markdown.
    """
    level = tokens[place].level
    before = next(each for each in range(place, -1, -1) if tokens[each].level == level - 1)
    after = next(each for each in range(place, len(tokens)) if tokens[each].level == level - 1)
    items = [each for each in tokens[before:after] if each.type == "list_item_open" and each.level == level]
    return items[0].info == "1" and len(items) > 1


def _inline(token: Token, left_out: Counter[str]) -> str:
    """Return what is seen of a run of text: no marks, links by their text, no pictures. A soft line break is a space."""
    children = token.children or []
    with_html = any(child.type == "html_inline" and _is_html(child.content) for child in children)
    is_talk = begins_turn("".join(child.content for child in children[:3]))
    parts: list[str] = []
    for place, child in enumerate(children):
        if child.type == "softbreak":
            after = "".join(each.content for each in children[place + 1 : place + 4])
            parts.append("\n" if is_talk and begins_turn(after) else " ")
        elif child.type == "hardbreak":
            parts.append("\n")
        elif child.type in ("text", "code_inline", "text_special"):
            parts.append(escape(child.content) if with_html else child.content)
        elif child.type == "html_inline":
            seen = with_html and not _is_html(child.content)
            parts.append(escape(child.content) if seen else child.content)
    text = "".join(parts)
    return _markup_text(text.replace("\n", "<br>"), left_out) if with_html else text


def _is_html(markup: str) -> bool:
    """Say whether a piece of text begins with an element of HTML: <b> does, the speaker in "<REED> Yes" does not."""
    from lxml.html.defs import tags

    match = _TAG.match(markup.lstrip())
    return match is None or match[1].lower() in tags


def _markup_text(markup: str, left_out: Counter[str]) -> str:
    from rag.read.html import visible_text

    return visible_text(markup, left_out)
