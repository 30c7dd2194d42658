"""Markdown is read: YAML front matter, then the text as it is seen, without its marks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rag.errors import RefusedFile
from rag.read.dates import date_line
from rag.read.encoding import clean, decode
from rag.read.furniture import clean_paragraphs
from rag.read.header import TITLE_CHARACTERS, find_header
from rag.read.lines import paragraphs
from rag.types import Document

if TYPE_CHECKING:
    from markdown_it.token import Token

LONGEST_FRONT_MATTER = 20_000
"""Characters; the YAML parser is slow and front matter is short."""

MOST_AUTHORS = 20

_FRONT_MATTER = re.compile(r"\s*---[ \t]*\n(?P<header>.*?\n)?(?:---|\.\.\.)[ \t]*(?:\n|$)", re.DOTALL)
_KEY = re.compile(r"\s*(?:#.*\n\s*)*[\"']?[A-Za-z_][\w -]*[\"']?\s*:(?:\s|$)")
# Deeper or more than any article; the parser's time grows with the square of them.
_TOO_MANY_MARKS = re.compile(r"(?:!?\[){50}|(?:[>*_\[][ \t]?){200}")
_LONGEST_LINE = 100_000
_LONGEST_TEXT = 2_000_000
_DEEPEST = 60


def read_markdown(id: str, data: bytes) -> Document:
    """Header and text of a Markdown file; raises RefusedFile where its front matter is not plain YAML."""
    text = decode(data)
    match = _FRONT_MATTER.match(text)
    if not match or not _KEY.match(match["header"] or ""):
        return _without_front_matter(id, text)
    fields = _fields(match["header"])
    heading, lines = _rendered(text[match.end() :])
    title = _text(fields, "title", "headline") or heading or find_header(lines).title
    body = clean_paragraphs(lines)
    return Document(
        id=id,
        title=title[:TITLE_CHARACTERS].strip(),
        outlet=_text(fields, "outlet", "publication", "publisher", "site", "sitename"),
        authors=_people(fields),
        published=_date(_text(fields, "published", "date", "pubdate")),
        language=_text(fields, "language", "lang"),
        source=_text(fields, "source", "url", "link"),
        text="\n\n".join(body),
    )


def _without_front_matter(id: str, text: str) -> Document:
    heading, lines = _rendered(text)
    found = find_header(lines, heading)
    return Document(
        id=id,
        title=found.title,
        outlet=found.outlet,
        authors=found.authors,
        published=found.published,
        source=found.source,
        text="\n\n".join(clean_paragraphs(lines, found.used)),
    )


def _fields(header: str) -> dict[str, Any]:
    """The front matter, every plain value as the text it is written as: 2011-03 stays 2011-03, and No stays No."""
    import yaml

    class Strings(yaml.SafeLoader):
        """Knows no types but text, lists and mappings."""

    Strings.yaml_implicit_resolvers = {}
    if len(header) > LONGEST_FRONT_MATTER:
        raise RefusedFile("front matter is too long; shorten it")
    try:
        fields = yaml.load(header, Loader=Strings)  # noqa: S506 - a SafeLoader that reads even less
    except (yaml.YAMLError, RecursionError, ValueError) as problem:
        reason = getattr(problem, "problem", None) or type(problem).__name__
        raise RefusedFile(f"front matter is not valid YAML: {_shown(str(reason))}; mend or remove it") from None
    return {str(key).strip().lower(): value for key, value in fields.items()} if isinstance(fields, dict) else {}


def _text(fields: dict[str, Any], *keys: str) -> str:
    """The first of these fields that holds one value."""
    values = (fields.get(key) for key in keys)
    return next(
        (_shown(value) for value in values if isinstance(value, str) and value.strip() not in ("", "~", "null")), ""
    )


def _people(fields: dict[str, Any]) -> tuple[str, ...]:
    value = next((fields[key] for key in ("authors", "author", "by", "byline") if fields.get(key)), "")
    people = (
        value
        if isinstance(value, list)
        else re.split(r"\s*[,;]\s*|\s+(?:and|und|и)\s+", value)
        if isinstance(value, str)
        else []
    )
    return tuple(_shown(each) for each in people if isinstance(each, str) and each.strip())[:MOST_AUTHORS]


def _date(written: str) -> str:
    return written if re.fullmatch(r"(?:1[5-9]|20)\d\d", written) else date_line(written)


def _shown(value: str) -> str:
    return " ".join(clean(value).split())[:TITLE_CHARACTERS].strip()


def _rendered(text: str) -> tuple[str, list[str]]:
    """The first heading of the first level, and the paragraphs without their marks.

    What would keep the parser busy for long, or is nested deeper than it looks, is taken as it stands.
    """
    too_long = len(text) > _LONGEST_TEXT or any(len(line) > _LONGEST_LINE for line in text.split("\n"))
    if too_long or _TOO_MANY_MARKS.search(text):
        return "", paragraphs(text)
    from markdown_it import MarkdownIt

    tokens = MarkdownIt("commonmark", {"maxNesting": _DEEPEST}).enable("table").parse(text)
    if any(token.level >= _DEEPEST - 1 for token in tokens):  # what is deeper was left out
        return "", paragraphs(text)
    lines = [line for block in _blocks(tokens) for line in block]
    heading = next(
        (
            _inline(tokens[place + 1])
            for place, token in enumerate(tokens)
            if token.type == "heading_open" and token.tag == "h1"
        ),
        "",
    )
    return " ".join(heading.split()), lines


def _blocks(tokens: Sequence[Token]) -> Iterator[list[str]]:
    row: list[str] | None = None
    for token in tokens:
        if token.type == "tr_open":
            row = []
        elif token.type == "tr_close" and row is not None:
            yield [" | ".join(row)]
            row = None
        elif token.type == "inline" and row is not None:
            row.append(" ".join(_inline(token).split()))
        elif token.type == "inline":
            yield [" ".join(line.split()) for line in _inline(token).split("\n") if line.strip()]
        elif token.type in ("fence", "code_block"):
            yield [line.strip() for line in token.content.split("\n") if line.strip()]
        elif token.type == "html_block":
            yield paragraphs(_markup_text(token.content))


def _inline(token: Token) -> str:
    """What is seen of a run of text: no marks, links by their text, no pictures; a soft line break is a space."""
    kept = {"text": "{}", "code_inline": "{}", "softbreak": " ", "hardbreak": "\n", "text_special": "{}"}
    return "".join(
        kept[child.type].replace("{}", child.content) for child in token.children or () if child.type in kept
    )


def _markup_text(markup: str) -> str:
    """The visible text of HTML that stands in Markdown."""
    from rag.read.html import visible_text

    return visible_text(markup)
