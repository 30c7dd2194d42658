"""A saved web page is read with trafilatura, a library made for news pages; nothing is ever fetched."""

from __future__ import annotations

import copy
import logging
import re
from typing import Any

from rag.errors import RefusedFile
from rag.read.dates import date_line
from rag.read.encoding import clean, decode
from rag.read.furniture import clean_paragraphs
from rag.read.header import find_header
from rag.types import Document

_ENOUGH = 500
"""Where the strict extraction finds fewer characters, the ordinary one may find more."""

LONGEST_PAGE = 5_000_000
"""Characters; the longest news pages have a third of it, and the time grows faster than the length."""

_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_HIDDEN = (
    "//comment() | //processing-instruction() | //script | //style | //noscript | //template | //iframe | //object"
    " | //svg | //*[@hidden] | //*[@aria-hidden='true']"
    " | //*[contains(translate(@style, 'DISPLAYNOE ', 'displaynoe'), 'display:none')]"
    " | //*[contains(translate(@style, 'VISBLTYHDEN ', 'visbltyhden'), 'visibility:hidden')]"
)
# Where a page states its date: in its head, in its data for machines, and in short elements made for it.
_DATED = (
    "//head/meta[not(contains(@property, 'image') or contains(@property, 'modif') or contains(@property, 'updat')"
    " or contains(@name, 'image') or contains(@name, 'modif') or contains(@name, 'updat')"
    " or contains(@itemprop, 'modif'))]"
    " | //head/link[@rel='canonical'] | //script[@type='application/ld+json'] | //time | //abbr[@title]"
    " | //*[contains(@class, 'date') or contains(@class, 'publish') or contains(@class, 'byline')"
    " or contains(@itemprop, 'datePub')]"
    "[string-length(normalize-space(.)) < 100]"
)
_BULLET = re.compile(r"^[-–•*]\s+")


def read_html(id: str, data: bytes) -> Document:
    """Title, authors, site, date and text of a page; raises RefusedFile where there is no article on it."""
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # it reports as errors what we tell in our own words
    page = decode(data)
    if len(page) > LONGEST_PAGE:
        raise RefusedFile(f"a page of more than {LONGEST_PAGE // 1_000_000} MB; save its text as .txt")
    tree = _parsed(_DECLARATION.sub("", page))
    known = _metadata(tree)
    published = _published(tree)
    for node in tree.xpath(_HIDDEN):
        _remove(node)
    lines = _article(tree)
    if not lines:
        raise RefusedFile("no article was found on the page; save its text as .txt")
    found = find_header(lines, _line(known.title))
    return Document(
        id=id,
        title=found.title,
        outlet=_site(known.sitename) or found.outlet,
        authors=_people(known.author) or found.authors,
        published=published or found.published,
        language=_line(tree.get("lang")),
        source=_line(known.url) or found.source,
        text="\n\n".join(clean_paragraphs(lines, found.used)),
    )


def visible_text(markup: str) -> str:
    """All visible text of a piece of HTML, a line for each block.

    >>> visible_text("<p>Open</p><p hidden>order</p><p>again</p><!-- x -->")
    'Open\\nagain'
    """
    if not re.search(r"[^\s<>]", re.sub(r"<!--.*?-->|<[^>]*>", "", markup, flags=re.DOTALL)):
        return ""
    tree = _parsed(f"<div>{markup}</div>")
    for node in tree.xpath(_HIDDEN):
        _remove(node)
    for node in tree.iter(
        "br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "figcaption", "summary"
    ):
        node.tail = "\n" + (node.tail or "")
    lines = (" ".join(line.split()) for line in clean(tree.text_content()).split("\n"))
    return "\n".join(filter(None, lines))


def _parsed(text: str) -> Any:
    from lxml import etree, html

    parser = html.HTMLParser()
    try:
        tree = html.document_fromstring(text, parser=parser)
    except (etree.ParserError, ValueError):
        raise RefusedFile("there is no page in it; save it as a web page or as text") from None
    # libxml2 stops at 256 nested elements or 10 MB of text in one and keeps what it has: half an article, silently.
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        raise RefusedFile("its elements are nested too deeply or too long; save its text as .txt")
    return tree


def _metadata(tree: Any) -> Any:
    from trafilatura.metadata import extract_metadata

    return extract_metadata(copy.deepcopy(tree), date_config=_date_search())


def _published(tree: Any) -> str:
    """The date, only as exact as the page tells it: htmldate calls March 2011 the first of March."""
    from htmldate import find_date
    from lxml import etree, html

    page = html.document_fromstring("<html><head></head><body></body></html>")
    for node in tree.xpath(_DATED):
        page.body.append(copy.deepcopy(node)) if node.tag not in ("meta", "link") else page.head.append(
            copy.deepcopy(node)
        )
    date = find_date(page, **_date_search()) or ""
    if date[8:] != "01":
        return date
    year, month = date[:4], date[5:7]
    told = etree.tostring(page, encoding="unicode")
    if re.search(rf"{year}([-/.]?){month}\1?01|\b0?1[./]{month}[./]{year}|\b{month}/0?1/{year}", told):
        return date
    if any(date_line(" ".join(text.split())) == date for text in page.itertext()):
        return date
    return date[:7] if month != "01" or re.search(rf"{year}[-/.]?01|[^\W\d_]+ {year}", told) else year


def _date_search() -> dict[str, Any]:
    # Fixed bounds: what a page tells must not depend on the day it is read.
    return {
        "extensive_search": False,
        "original_date": True,
        "deferred_url_extractor": True,
        "min_date": "1900-01-01",
        "max_date": "2099-12-31",
    }


def _article(tree: Any) -> list[str]:
    """The paragraphs, by the strict extraction or, where that finds little, by the ordinary one."""
    from trafilatura import bare_extraction

    best = ""
    for strict in (True, False):
        found = bare_extraction(
            copy.deepcopy(tree), favor_precision=strict, include_comments=False, with_metadata=False
        )
        text = clean(found.text or "") if found else ""
        if len(text) >= 2 * len(best):
            best = text
        if len(best) >= _ENOUGH:
            break
    return [line for line in (_BULLET.sub("", each.strip()) for each in best.split("\n")) if line]


def _site(name: str | None) -> str:
    """The site's name; an address is shortened to its host."""
    name = re.sub(r"^https?://(?:www\.)?([^/]+).*$", r"\1", _line(name))
    return "" if re.match(r"copyright|©", name, re.IGNORECASE) else name


def _people(names: str | None) -> tuple[str, ...]:
    return tuple(filter(None, map(_line, (names or "").split(";"))))[:10]


def _line(text: str | None) -> str:
    return " ".join(clean(text or "").split())[:200].strip()


def _remove(node: Any) -> None:
    """Takes a node out of its tree but leaves the text behind it."""
    parent, before = node.getparent(), node.getprevious()
    if parent is None:
        return
    if node.tail:
        if before is not None:
            before.tail = (before.tail or "") + node.tail
        else:
            parent.text = (parent.text or "") + node.tail
    parent.remove(node)
