"""A saved web page is read: trafilatura says where the article is, the page's own blocks give its words."""

from __future__ import annotations

import copy
import json
import logging
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from rag.errors import RefusedFile
from rag.read.assemble import COMMENTS, HIDDEN, article
from rag.read.blocks import HEADINGS, Block, Marks, page_blocks
from rag.read.dates import date_line, is_updated
from rag.read.encoding import clean, decode
from rag.read.furniture import clean_paragraphs
from rag.read.header import find_header
from rag.read.hidden import is_unseen
from rag.read.lines import ends_sentence, word_count
from rag.types import Document, Header

LONGEST_PAGE = 5_000_000
"""Characters; the longest news pages have a third of it, and the time grows faster than the length."""

LONGEST_NOTE = 3000
"""Characters at the beginning of a page in which the address stands that it was saved from."""

_ENOUGH = 500
"""Characters; where the strict extraction finds fewer, the ordinary one may find more."""

_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
# What browsers, and rag/web/collect.py, write into a page that they save.
_SAVED_FROM = re.compile(r"<!--\s*saved from url=\(\d{4}\)(https?://\S+)\s*-->")
_UNREAD = ("script", "style", "noscript", "template", "iframe", "object", "svg", "datalist")
_NAMED_BY = ("name", "property", "itemprop")
_CONSENT = ("cookie", "consent", "gdpr", "onetrust", "didomi")
_WRAPPERS = ("aside", "header", "footer", "nav", "form", "figure", "dialog")
"""Elements that trafilatura leaves out; one that holds most of the page's text is the article's container."""

CONSENT, CARDS = "consent dialogs", "cards over names"
REPEATED, REST = "repeated lines", "rest of the page"
_KINDS = {
    "menus": ("nav", "menu", "breadcrumb", "footer", "sidebar"),
    "forms and buttons": ("form", "button"),
    COMMENTS: ("comment", "disqus"),
    "other articles": ("related", "recommend", "trending", "popular", "most-read", "outbrain", "taboola", "promo"),
    "sharing and subscribing": ("share", "social", "newsletter", "subscri", "signup", "follow"),
    "advertisements": ("advert", "sponsor", "disclaimer"),
    "boxes beside the text": ("aside", "widget", "overlay", "carousel", "popup", "modal"),
}
"""What a block is by the words in the tag, role, class or id of an element around it."""


def read_html(id: str, data: bytes) -> Document:
    """Read title, authors, site, date and text of a page. Raise RefusedFile where there is no article on it."""
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # it reports as errors what we tell in our own words
    page = decode(data)
    if len(page) > LONGEST_PAGE:
        raise RefusedFile("a page of more than {size} MB; save its text as .txt", size=LONGEST_PAGE // 1_000_000)
    tree = _parsed(_DECLARATION.sub("", page))
    saved = match[1] if (match := _SAVED_FROM.search(page[:LONGEST_NOTE])) else ""
    known = _metadata(tree, saved)
    stated = _stated_date(tree)
    left_out = _sweep(tree)
    blocks = page_blocks(tree)
    kept, around = _article(tree, blocks)
    written = [(blocks[number], line) for number in sorted(kept) if (line := clean(blocks[number].text).strip())]
    lines = [line for _, line in written]
    if not lines:
        raise RefusedFile("no article was found on the page; save its text as .txt")
    found = find_header(lines, _line(known.title))
    above = _above(blocks, kept, around)
    shown = find_header([line for block in above if (line := clean(block.text).strip())])
    paragraphs, dropped = clean_paragraphs(lines, found.used)
    texts = {blocks[number].text for number in kept}
    for number, block in enumerate(blocks):
        if number not in kept:
            left_out[REPEATED if block.text in texts else _kind(block.node, around) or REST] += word_count(block.text)
    header = Header(
        id,
        title=found.title,
        outlet=_site(known.sitename) or found.outlet,
        authors=tuple(filter(None, map(_line, (known.author or "").split(";"))))[:10] or found.authors or shown.authors,
        published=stated or _shown_date(above) or found.published or shown.published or _date_in(_line(known.url)),
        language=_line(tree.get("lang")),
        source=saved or _line(known.url) or found.source,
    )
    titles = sum(block.node.tag == "h1" for block, _ in written)
    tags = HEADINGS if titles > 1 else HEADINGS - {"h1"}  # a single one is the title
    headings = {
        number for number, (block, _) in enumerate(written) if block.node.tag in tags and not _kind(block.node, around)
    }
    return article(paragraphs, headings, header, left_out + dropped)


def visible_text(markup: str, left_out: Counter[str]) -> str:
    """Return all visible text of a piece of HTML, a line for each block. Count the words of the other.

    >>> left_out = Counter()
    >>> visible_text("<p>Open</p><p hidden>order</p><p>again</p><!-- x -->", left_out), left_out
    ('Open\\nagain', Counter({'hidden text': 1}))
    """
    if not markup.strip("<> \t\n"):
        return ""
    try:
        tree = _parsed(f"<div>{markup}</div>")
    except RefusedFile:
        return ""
    left_out.update(_sweep(tree))
    return "\n".join(clean(block.text) for block in page_blocks(tree))


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


def _metadata(tree: Any, address: str) -> Any:
    from trafilatura.metadata import extract_metadata

    dates = {"extensive_search": False, "max_date": "2099-12-31"}
    return extract_metadata(copy.deepcopy(tree), default_url=address or None, date_config=dates)


# What is no part of the article


def _sweep(tree: Any) -> Counter[str]:
    """Take out what nobody sees and dialogs of consent. Return how many words of each there were."""
    from lxml import etree

    etree.strip_elements(tree, etree.Comment, etree.ProcessingInstruction, *_UNREAD, with_tail=False)
    most = len(" ".join(tree.itertext())) / 2
    left_out: Counter[str] = Counter()
    for node in list(tree.iter(etree.Element)):
        hidden = node.get("aria-hidden") == "true" or is_unseen(node)
        kind = HIDDEN if hidden else CONSENT if _is_dialog(node) else CARDS if _is_card(node) else ""
        wrapper = node.tag in _WRAPPERS
        if not kind and not wrapper:
            continue
        words = " ".join(node.itertext())
        if len(words) > most and (wrapper or not is_unseen(node)):
            node.tag = "div"  # what holds most of the page is its article, whatever a script wrote on it
            for name in ("aria-hidden", "role"):
                node.attrib.pop(name, None)
        elif kind:
            left_out[kind] += len(words.split())
            node.tag = "left-out"
    etree.strip_elements(tree, "left-out", with_tail=False)
    return left_out


def _is_dialog(node: Any) -> bool:
    if node.tag == "dialog" or node.get("role") in ("dialog", "alertdialog") or node.get("aria-modal") == "true":
        return True
    return node.tag not in ("html", "body") and any(word in _label(node) for word in _CONSENT)


def _is_card(node: Any) -> bool:
    """Say whether an element opens over a name in a sentence: a picture with several links, inside a paragraph."""
    if node.tag != "span" or node.find("img") is None or len(node.findall(".//a")) < 2:
        return False
    return next(node.iterancestors("p"), None) is not None


def _kind(node: Any, around: Collection[Any]) -> str:
    """Name what an element is by itself or by those around it, below the article's holder."""
    while node is not None and node not in around:
        label = _label(node)
        for kind, words in _KINDS.items():
            if any(word in label for word in words):
                return kind
        node = node.getparent()
    return ""


def _label(node: Any) -> str:
    return " ".join((node.tag, *(node.get(name, "") for name in ("role", "class", "id")))).lower()


# Where the article is


def _article(tree: Any, blocks: Sequence[Block]) -> tuple[set[int], list[Any]]:
    """Return the article's block numbers, and the elements with nine tenths of its words, innermost first.

    The blocks are those that trafilatura finds, and what belongs to them.
    """
    marks = Marks(blocks)
    kept, ordinary = (_found(tree, marks, strict) for strict in (True, False))
    length, other_length = (sum(len(blocks[number].text) for number in each) for each in (kept, ordinary))
    if length < _ENOUGH and other_length >= 2 * length:
        kept = ordinary
    if not kept:
        return kept, []
    around = _holders(blocks, kept)
    return kept | set(_missed(blocks, kept, ordinary, around)), around


def _found(tree: Any, marks: Marks, strict: bool) -> set[int]:
    from trafilatura import bare_extraction

    found = bare_extraction(copy.deepcopy(tree), favor_precision=strict, include_comments=False, with_metadata=False)
    return marks.found(found.text or "") if found else set()


def _missed(
    blocks: Sequence[Block], kept: Collection[int], ordinary: Collection[int], around: Sequence[Any]
) -> Iterator[int]:
    """Yield the blocks that belong to the article though the strict extraction left them out.

    Those are sentences in elements like its paragraphs, wherever they stand; and, inside the element that holds the article,
    all sentences, captions and times, unless the names of an element around them say that they are something else.
    """
    holder = next((node for node in around if node.tag in ("article", "main")), around[0])
    shapes = {_shape(blocks[number].node) for number in kept if word_count(blocks[number].text) > 15}
    texts = {blocks[number].text for number in kept}
    first, last = min(kept), max(kept)
    for number, block in enumerate(blocks):
        if number in kept or block.text in texts:
            continue
        sentence = ends_sentence(block.text) and word_count(block.text) >= 5
        above = (block.node, *block.node.iterancestors())
        caption = any(node.tag == "figcaption" for node in above)
        inside = number < last and (holder if caption else around[0]) in above
        if (
            (sentence and block.linked < 0.5 and _shape(block.node) in shapes)
            or (inside and number > first and number in ordinary)
            or (inside and (sentence or _is_time(block)) and not _kind(block.node, around))
        ):
            texts.add(block.text)
            yield number


def _is_time(block: Block) -> bool:
    return all(node.tag == "time" and where == "text" for node, where in block.places)


def _holders(blocks: Sequence[Block], kept: Collection[int]) -> list[Any]:
    """Return the elements that hold nine tenths of the article's words, innermost first."""
    weights: Counter[Any] = Counter()
    for number in kept:
        words = word_count(blocks[number].text)
        weights.update(dict.fromkeys((blocks[number].node, *blocks[number].node.iterancestors()), words))
    longest = blocks[max(kept, key=lambda number: len(blocks[number].text))].node
    enough = 0.9 * max(weights.values())
    return [node for node in (longest, *longest.iterancestors()) if weights[node] >= enough]


def _shape(node: Any) -> tuple[str, ...]:
    above = node.getparent()
    return (_label_without_id(node), _label_without_id(above) if above is not None else "")


def _label_without_id(node: Any) -> str:
    return f"{node.tag} {node.get('class', '')}"


# Dates


def _stated_date(tree: Any) -> str:
    """Return the date that a page states for machines: the article's own in JSON-LD, then in the page's head."""
    things = [thing for script in tree.iter("script") for thing in _json_things(script)]
    things.sort(key=lambda thing: not str(thing.get("@type")).rstrip("]'").endswith(("Article", "Posting")))
    values = [str(thing["datePublished"]) for thing in things if thing.get("datePublished")]
    names = [(" ".join(node.get(each, "") for each in _NAMED_BY).lower(), node) for node in tree.iter("meta")]
    for word in ("publish", "date"):  # the date of creation is that of a draft
        values += [
            node.get("content", "")
            for name, node in names
            if word in name and not any(other in name for other in ("modif", "updat", "image", "expir"))
        ]
    return next(filter(None, map(date_line, values)), "")


def _json_things(script: Any) -> Iterator[dict[str, Any]]:
    """Yield the objects in a script of JSON-LD, outer ones first."""
    if script.get("type") != "application/ld+json":
        return
    try:
        waiting = [json.loads(script.text or "", strict=False)]
    except (ValueError, RecursionError):
        return
    while waiting:
        thing = waiting.pop(0)
        if isinstance(thing, dict):
            yield thing
        inner = thing.values() if isinstance(thing, dict) else thing if isinstance(thing, list) else ()
        waiting.extend(inner)


def _above(blocks: Sequence[Block], kept: Collection[int], around: Sequence[Any]) -> list[Block]:
    """Return the blocks between the title and the text, then the three above the title."""
    first = next((n for n in sorted(kept) if word_count(blocks[n].text) >= 12), max(kept))
    title = next((n for n in range(first, -1, -1) if blocks[n].node.tag == "h1"), first)
    above = [*blocks[title : first + 1], *blocks[max(0, title - 3) : title]]
    return [block for block in above if not _kind(block.node, around)]


def _shown_date(above: Sequence[Block]) -> str:
    """Return the first date that stands alone above the text."""
    for block in above:
        if is_updated(block.text):
            continue
        times = [node.get("datetime", "") for node, _ in block.places] if _is_time(block) else []
        if date := next(filter(None, map(date_line, [*times, *block.text.split(" | "), block.text])), ""):
            return date
    return ""


def _date_in(address: str) -> str:
    match = re.search(r"/((?:19|20)\d\d)[/-](\d\d)[/-](\d\d)\b", address)
    return date_line("-".join(match.groups())) if match else ""


def _site(name: str | None) -> str:
    """Return the site's name; an address is shortened to its host."""
    name = re.sub(r"^https?://(?:www\.)?([^/]+).*$", r"\1", _line(name))
    return "" if re.match(r"copyright|©", name, re.IGNORECASE) else name


def _line(text: str | None) -> str:
    return " ".join(clean(text or "").split())[:200].strip()
