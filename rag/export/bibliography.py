"""Write a list of articles for reference managers: CSL-JSON, BibTeX and RIS, all from one shape."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from itertools import chain, count
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from rag.text.one_line import one_line
from rag.types import Header

_LONGEST_ADDRESS = 2_000
_IN_ADDRESS = "-._~:/?#[]@!$&'()*+,;=%"
_DATE = re.compile(r"\d{4}(-\d\d){0,2}")
_TEX = str.maketrans(
    {
        **{mark: f"\\{mark}" for mark in "$&#_%"},
        # BibTeX counts braces, also those behind a backslash.
        "{": r"\textbraceleft{}",
        "}": r"\textbraceright{}",
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
    }
)


def web_address(source: str) -> str:
    """Return where an article came from if that is an address of the web, else nothing.

    >>> web_address("https://courier.example/mill"), web_address("javascript:alert(1)"), web_address("https://a.b@c.d/")
    ('https://courier.example/mill', '', '')
    """
    if len(source) > _LONGEST_ADDRESS or not all(each.isalnum() or each in _IN_ADDRESS for each in source):
        return ""
    try:
        parts = urlsplit(source)
    except ValueError:
        return ""
    return source if parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc else ""


def csl_items(articles: Iterable[Header]) -> list[dict[str, Any]]:
    """Describe each article as an item of CSL-JSON, without the fields that are not known.

    >>> csl_items([Header("news/mill.md", "The mill", "Courier", ("Ada de Rusk",), "2031-03")])[0]["author"]
    [{'family': 'de Rusk', 'given': 'Ada'}]
    """
    items: dict[str, dict[str, Any]] = {}
    for each in articles:
        stem = re.sub(r"[^a-z0-9]+", "-", PurePosixPath(each.id).stem.lower()).strip("-") or "article"
        key = next(key for key in chain([stem], (f"{stem}-{number}" for number in count(2))) if key not in items)
        item = {
            "type": "article-newspaper" if each.outlet else "document",
            "title": one_line(each.title or each.id) or key,
            "author": [_name(one_line(author), each.outlet) for author in each.authors if one_line(author)],
            "container-title": one_line(each.outlet),
            "issued": _DATE.fullmatch(each.published) and {"date-parts": [list(map(int, each.published.split("-")))]},
            "language": one_line(each.language),
            "URL": web_address(each.source),
        }
        items[key] = {"id": key, **{name: value for name, value in item.items() if value}}
    return list(items.values())


def _name(author: str, outlet: str) -> dict[str, str]:
    """Part a name as BibTeX does: the family is the last word, with the words in lower case before it.

    A single word, the outlet itself, what ends in lower case ("Courier staff") and what may be several names stay whole.
    """
    if "and" in author.split() or author.count(",") > 1:  # BibTeX would part it there
        return {"literal": author}
    family, comma, given = author.partition(", ")
    if not comma:
        words = author.split()
        if len(words) < 2 or author == outlet or words[-1].islower():
            return {"literal": author}
        first = next((place for place, word in enumerate(words) if place and word.islower()), len(words) - 1)
        family, given = " ".join(words[first:]), " ".join(words[:first])
    return {"family": family, "given": given}


def csl_json(articles: Iterable[Header]) -> str:
    """Write the articles as CSL-JSON, which Zotero, Mendeley and pandoc read."""
    return json.dumps(csl_items(articles), ensure_ascii=False, indent=1) + "\n"


def bibtex(articles: Iterable[Header]) -> str:
    """Write the articles as BibTeX in UTF-8; titles keep their capitals."""
    return "\n".join(map(_bibtex_entry, csl_items(articles)))


def _bibtex_entry(item: dict[str, Any]) -> str:
    outlet, date = item.get("container-title", ""), _date(item)
    fields = {
        "author": " and ".join(
            ("{{{literal}}}" if "literal" in each else "{family}, {given}").format(
                **{part: text.translate(_TEX) for part, text in each.items()}
            )
            for each in item.get("author", ())
        ),
        "title": f"{{{item['title'].translate(_TEX)}}}",
        "journal": outlet.translate(_TEX),
        "year": date[:4],
        "month": date[5:7].lstrip("0"),
        "date": date,
        "language": item.get("language", "").translate(_TEX),
        "url": item.get("URL", ""),
    }
    lines = [f"  {name} = {{{value}}},\n" for name, value in fields.items() if value]
    return f"@{'article' if outlet else 'misc'}{{{item['id']},\n{''.join(lines)}}}\n"


def ris(articles: Iterable[Header]) -> str:
    """Write the articles as RIS, which EndNote and most reference managers read."""
    return "\r\n".join(map(_ris_entry, csl_items(articles)))


def _ris_entry(item: dict[str, Any]) -> str:
    outlet, date = item.get("container-title", ""), _date(item)
    fields = [
        ("TY", "NEWS" if outlet else "GEN"),
        ("ID", item["id"]),
        ("TI", item["title"]),
        *(("AU", each.get("literal") or f"{each['family']}, {each['given']}") for each in item.get("author", ())),
        ("T2", outlet),
        ("PY", date[:4]),
        ("DA", date and "/".join([*date.split("-"), "", ""][:3]) + "/"),
        ("LA", item.get("language", "")),
        ("UR", item.get("URL", "")),
    ]
    return "".join(f"{tag}  - {value}\r\n" for tag, value in fields if value) + "ER  - \r\n"


def _date(item: dict[str, Any]) -> str:
    """Return the date of publication as YYYY-MM-DD, YYYY-MM or YYYY, empty where it is not known."""
    parts = item.get("issued", {}).get("date-parts", [[]])[0]
    return "-".join(f"{part:02}" for part in parts)
