"""The header of a Markdown or text file: YAML between ---, TOML between +++, or one JSON object.

Each entry is read by itself: one that is not valid costs its own quotes and brackets at most, never the article.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from rag.errors import RefusedFile
from rag.read.dates import date_line
from rag.read.encoding import clean
from rag.read.header import TITLE_CHARACTERS, FoundHeader, find_header
from rag.types import Header

LONGEST = 20_000
"""Characters; the YAML parser is slow and front matter is short."""

MOST_BRACKETS = 50
"""An entry with more is taken as plain text: the YAML parser's time grows with the square of their depth."""

MOST_AUTHORS = 20
LONGEST_FIELD = 200

_FENCED = re.compile(
    r"\s*(?P<fence>---|\+\+\+)[ \t]*\n(?P<header>.*?\n)?(?:(?P=fence)|\.\.\.)[ \t]*(?:\n|$)", re.DOTALL
)
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")

Fields = dict[str, Any]
"""Names in small letters, without _ and -, to texts, lists and mappings."""


def split_front_matter(text: str) -> tuple[Fields, str]:
    r"""Return the fields of a file's header, and the text behind it. No fields where there is none.

    >>> split_front_matter("---\ntitle: Osk: mayor resigns\ndate: 2023-08-27\n---\nThe mayor resigned.")
    ({'title': 'Osk: mayor resigns', 'date': '2023-08-27'}, 'The mayor resigned.')
    """
    if text.lstrip().startswith("{"):
        return _json(text)
    match = _FENCED.match(text)
    if not match:
        return {}, text
    header = match["header"] or ""
    fields = _entries(header[:LONGEST], ":" if match["fence"] == "---" else "=")
    if not fields:
        return {}, text
    if len(header) > LONGEST:
        raise RefusedFile("front matter is too long; shorten it")
    return {name: _value(written) for name, written in fields.items()}, text[match.end() :]


def header_of(id: str, fields: Fields, lines: Sequence[str], heading: str = "") -> tuple[Header, frozenset[int]]:
    """Return an article's header, and the places of the lines that only tell of it. Front matter goes before lines."""
    title = text_field(fields, "title", "headline") or heading
    found = find_header(lines, title)
    if fields:
        found = FoundHeader(title or found.title)  # what the front matter does not say is not looked for in the text
    dates = ("published", "publishedat", "datepublished", "publishdate", "publicationdate", "pubdate", "date")
    header = Header(
        id,
        title=found.title[:TITLE_CHARACTERS].strip(),
        outlet=text_field(fields, "outlet", "publication", "publisher", "site", "sitename") or found.outlet,
        authors=people_field(fields, "authors", "author", "by", "byline") or found.authors,
        published=date_field(fields, *dates) or found.published,
        language=text_field(fields, "language", "lang"),
        source=text_field(fields, "source", "url", "link") or found.source,
    )
    return header, found.used


def text_field(fields: Fields, *names: str) -> str:
    """Return the first of these fields that holds one value."""
    values = (fields.get(name) for name in names)
    return next(
        (_shown(each) for each in values if isinstance(each, str) and each.strip() not in ("", "~", "null")), ""
    )


def date_field(fields: Fields, *names: str) -> str:
    """Return the first of these fields that holds a date or a year."""
    values = (text_field(fields, name) for name in names)
    return next(filter(None, (value if _YEAR.fullmatch(value) else date_line(value) for value in values)), "")


def people_field(fields: Fields, *names: str) -> tuple[str, ...]:
    """Return the people that the first of these fields with a value names: a text, a list, or mappings with a name."""
    value = next((fields[name] for name in names if fields.get(name)), "")
    if isinstance(value, str):
        parts = re.split(r" ?[,;] ?| (?:and|und|и) ", " ".join(value[:LONGEST].split()))
        alone = len(parts) == 2 and not any(" " in part for part in parts)
        value = [" ".join(reversed(parts))] if alone and "," in value else parts  # "Brook, Ada" is one person
    people = [
        each.get("name") if isinstance(each, dict) else each for each in (value if isinstance(value, list) else [value])
    ]
    return tuple(_shown(each) for each in people if isinstance(each, str) and each.strip())[:MOST_AUTHORS]


def _json(text: str) -> tuple[Fields, str]:
    try:
        found, end = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode(text.lstrip())
    except (ValueError, RecursionError):
        return {}, text
    fields = {_name(str(key)): value for key, value in found.items()}
    return (fields, text.lstrip()[end:]) if "title" in fields else ({}, text)


def _entries(header: str, sign: str) -> dict[str, str]:
    """Return each name with what follows the sign, indented lines and list items included."""
    entries: dict[str, str] = {}
    name = ""
    for line in header.split("\n"):
        before, found, after = line.partition(sign)
        new = _name(before)
        if found and not line[:1].isspace() and new.isalnum() and (sign == "=" or not after or after[0].isspace()):
            name = new
            entries.setdefault(name, after)
        elif name and (line[:1].isspace() or line[:1] in ("-", "]", "}", ",")):
            entries[name] += "\n" + line
        elif line.strip() and not line.startswith("#") and not name:
            return {}
    return entries


def _name(written: str) -> str:
    return re.sub("[\"' _-]", "", written[:LONGEST_FIELD]).lower()


def _value(written: str) -> Any:
    """Return an entry's value by YAML, every plain value as the text it is written as. All of it where it is no YAML."""
    import yaml

    if sum(written.count(sign) for sign in "[{") > MOST_BRACKETS:
        return written.strip()
    entry = f"value: {written.strip()}" if written[:1] not in ("", "\n") else f"value:{written}"
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(entry, Loader=yaml.SafeLoader)):
            return ""  # a few aliases of aliases are billions of words
        return _plain(yaml.compose(entry, Loader=yaml.SafeLoader))["value"]
    except (yaml.YAMLError, RecursionError, ValueError):
        pass
    return written.strip().strip("\"'")


def _plain(node: Any) -> Any:
    if node.id == "mapping":
        return {str(_plain(key)): _plain(value) for key, value in node.value}
    return [_plain(each) for each in node.value] if node.id == "sequence" else node.value


def _shown(value: str) -> str:
    return " ".join(clean(value).split())[:LONGEST_FIELD].strip()
