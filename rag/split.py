"""A document becomes passages of about equal length, on paragraph and sentence borders, without gaps or overlaps.

The borders are chosen together, like a paragraph's line breaks in TeX (Knuth and Plass 1981,
https://doi.org/10.1002/spe.4380111102): every passage costs the square of how far its length is from the one wished for,
and every border what it cuts. So there are no orphans at the end.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from itertools import pairwise
from math import inf
from typing import NamedTuple
from zlib import crc32

from rag.errors import EmbedderError
from rag.text.sentences import sentence_spans
from rag.text.tokens import SHA256, count_tokens
from rag.types import Document, Header, Passage

SPLITTING_VERSION = f"1-{SHA256[:8]}"
"""Changes whenever the same document would become other passages: with these rules, or with the vocabulary."""

HEADER_BYTES = 200
"""How much of a header is embedded, in bytes of UTF-8: at most about 85 word pieces of all-MiniLM-L6-v2, a third of what it
reads, in Cyrillic (a piece for every 1.2 letters) as well as in English."""

Fits = Callable[[Sequence[str]], Sequence[bool]]
"""Says of each text, as it will be embedded, whether the embedder reads it whole."""

_Span = tuple[int, int]

_LONGEST = 1.25
"""A passage of several sentences is at most so many times as long as wished."""
_INSIDE_PARAGRAPH = 0.1
"""The cost of cutting a paragraph in two: as much as being a third too long or too short."""
_ANCHOR_REACH = 1.5
"""How many passages lie between two anchors at least; on average twice as many."""
_FULL_STOPS = frozenset('.!?…。！？”»"')
_LINE_BREAK = re.compile(r"[\n\r\u2028\u2029]")
_CLAUSE_END = re.compile(r"(?:[,;:)–—]|\s[–—-])\s|[、，；：]")
_SPACE = re.compile(r"\s")


def split(document: Document, tokens: int = 200, fits: Fits | None = None) -> list[tuple[Passage, str]]:
    """Return a document's passages in reading order, each with the text to embed for it.

    A passage has about ``tokens`` tokens (at most a quarter more, where its sentences allow), begins and ends at a sentence
    or paragraph, and has no white space at its ends. Together the passages hold every character of the document that is
    not white space, once. What the embedder cannot read whole, its header included, is split further.

    Raises EmbedderError where the embedder has no room for any text after the header.

    >>> document = Document(id="a.md", title="A vote", text="The vote was held.\\n\\nNobody came.")
    >>> [(passage.text, embedded) for passage, embedded in split(document)]
    [('The vote was held.\\n\\nNobody came.', 'A vote\\nThe vote was held.\\n\\nNobody came.')]
    """
    text, line = document.text, _header_line(document)
    spans = _pack(text, _blocks(text, tokens), tokens)
    if fits is not None:
        spans = _fitting(text, spans, lambda texts: fits([_below(line, each) for each in texts]))
    texts = [text[start:end] for start, end in spans]
    return [
        (Passage(id, document.id, start, end, passage), _below(line, passage))
        for id, (start, end), passage in zip(_passage_ids(document, texts), spans, texts, strict=True)
    ]


def _below(line: str, text: str) -> str:
    return f"{line}\n{text}" if line else text


def _header_line(header: Header) -> str:
    line = header.line()
    surplus = _bytes(line) - HEADER_BYTES
    if surplus <= 0:
        return line
    title = _shortened(header.title, _bytes(header.title) - surplus)
    return _shortened(Header(id="", title=title, outlet=header.outlet, published=header.published).line(), HEADER_BYTES)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _shortened(text: str, size: int) -> str:
    """Cut a text to at most ``size`` bytes, with an ellipsis where something is left out."""
    if _bytes(text) <= size:
        return text
    kept = text.encode("utf-8", "surrogatepass")[: max(0, size - _bytes("…"))].decode("utf-8", "ignore")
    return f"{kept.rstrip()}…" if kept else ""


def _passage_ids(document: Header, texts: Sequence[str]) -> Iterator[str]:
    """Hashes of what each passage says and where it is from. A text that comes again gets the number of its occurrence."""
    seen: Counter[str] = Counter()
    for text in texts:
        content = "\0".join((document.id, document.line(), str(seen[text]), text))
        seen[text] += 1
        yield blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


class _Block(NamedTuple):
    """A span that packing never divides."""

    start: int
    end: int
    tokens: int
    new_paragraph: bool


def _blocks(text: str, tokens: int) -> list[_Block]:
    """Return sentences, those joined that should not stand apart: headings and short lines go with what follows them."""
    blocks: list[_Block] = []
    carried: list[_Block] = []
    for paragraph in _paragraphs(text, tokens):
        together = _joined(carried + paragraph)
        if _goes_with_next(text, paragraph, tokens) and together.tokens < tokens // 4:
            carried = [together]
        else:
            blocks += _without_short(_joined(carried + paragraph[:1]), paragraph[1:], tokens // 16)
            carried = []
    if carried:
        last = [blocks.pop()] if blocks else []
        blocks.append(_joined(last + carried))
    return blocks


def _goes_with_next(text: str, paragraph: list[_Block], tokens: int) -> bool:
    """Tell whether a paragraph is a heading, or too short to be cut off."""
    size = sum(each.tokens for each in paragraph)
    return size < tokens // 16 or (size <= tokens // 8 and text[paragraph[-1].end - 1] not in _FULL_STOPS)


def _without_short(first: _Block, others: list[_Block], least: int) -> list[_Block]:
    """Join a paragraph's blocks of fewer than ``least`` tokens to the next one, the last to the one before."""
    blocks = [first]
    for block in others:
        if blocks[-1].tokens < least:
            blocks[-1] = _joined([blocks[-1], block])
        else:
            blocks.append(block)
    if len(blocks) > 1 and blocks[-1].tokens < least:
        blocks[-2:] = [_joined(blocks[-2:])]
    return blocks


def _joined(blocks: list[_Block]) -> _Block:
    return _Block(blocks[0].start, blocks[-1].end, sum(each.tokens for each in blocks), blocks[0].new_paragraph)


def _paragraphs(text: str, tokens: int) -> Iterator[list[_Block]]:
    """Yield the sentences of each paragraph. A sentence of more than ``tokens`` tokens comes in parts."""
    paragraph: list[_Block] = []
    end = 0
    for sentence in sentence_spans(text):
        if paragraph and _LINE_BREAK.search(text, end, sentence[0]):
            yield paragraph
            paragraph = []
        end = sentence[1]
        for start, stop, size in _measured(text, *sentence, tokens):
            paragraph.append(_Block(start, stop, size, not paragraph))
    if paragraph:
        yield paragraph


def _measured(text: str, start: int, end: int, tokens: int) -> Iterator[tuple[int, int, int]]:
    """Yield the span with its tokens, or those of its parts of at most ``tokens``."""
    size = count_tokens(text[start:end])
    if size <= tokens or end - start == 1:
        yield start, end, size
    else:
        for part in _parts(text, start, end, min(-(-size // tokens), end - start)):
            yield from _measured(text, *part, tokens)


def _pack(text: str, blocks: list[_Block], tokens: int) -> list[_Span]:
    """Join blocks to passages, every stretch between two anchors by itself: an edit moves the borders of its own only."""
    anchors = [0, *_anchors(text, blocks, int(tokens * _ANCHOR_REACH)), len(blocks)]
    return [span for first, last in pairwise(anchors) for span in _cheapest(blocks[first:last], tokens)]


def _anchors(text: str, blocks: list[_Block], reach: int) -> list[int]:
    """Choose blocks that begin a passage by their own words: the lowest hash for ``reach`` tokens both ways.

    Paragraphs come before sentences inside one. (Content-defined chunking by local minima, as in Bjørner, Blass and
    Gurevich 2010, https://doi.org/10.1016/j.jcss.2009.06.004.)
    """
    keys = [
        (not each.new_paragraph, crc32(text[each.start : each.start + 40].encode("utf-8", "surrogatepass")))
        for each in blocks
    ]

    def is_lowest(block: int, others: range) -> bool:
        size = 0
        for other in others:
            size += blocks[other].tokens
            if keys[other] <= keys[block]:
                return False
            if size >= reach:
                return True
        return False

    numbers = range(1, len(blocks))
    return [
        each
        for each in numbers
        if is_lowest(each, range(each - 1, -1, -1)) and is_lowest(each, range(each + 1, len(blocks)))
    ]


def _cheapest(blocks: list[_Block], tokens: int) -> list[_Span]:
    """Return the passages with the lowest sum of costs. A block that is too long by itself is a passage of its own."""
    best, begins = [0.0], [0]
    for end in range(1, len(blocks) + 1):
        size, cheapest, begin = 0, inf, end - 1
        for first in range(end - 1, -1, -1):
            size += blocks[first].tokens
            if size > tokens * _LONGEST and first < end - 1:
                break
            border = 0 if blocks[first].new_paragraph else _INSIDE_PARAGRAPH
            cost = best[first] + border + (size / tokens - 1) ** 2
            if cost < cheapest:
                cheapest, begin = cost, first
        best.append(cheapest)
        begins.append(begin)
    spans: list[_Span] = []
    end = len(blocks)
    while end:
        spans.append((blocks[begins[end]].start, blocks[end - 1].end))
        end = begins[end]
    return spans[::-1]


def _fitting(text: str, spans: list[_Span], fits: Fits) -> list[_Span]:
    """Return the spans, halved until each fits. A round asks once for all that are new."""
    found: list[_Span] = []
    while spans:
        answers = fits([text[start:end] for start, end in spans])
        found += [span for span, fit in zip(spans, answers, strict=True) if fit]
        spans = [span for span, fit in zip(spans, answers, strict=True) if not fit]
        if spans and (any(end - start == 1 for start, end in spans) or not all(fits(["a"]))):
            raise EmbedderError(
                "the embedding model reads too few tokens for a passage and its header; set RAG_EMBEDDER to another one"
            )
        spans = [half for span in spans for half in _halves(text, *span)]
    return sorted(found)


def _halves(text: str, start: int, end: int) -> list[_Span]:
    """Return two parts: at the sentence that begins nearest to the middle, or where a single sentence can be cut best."""
    borders = [start + first for first, _ in sentence_spans(text[start:end])][1:]
    if not borders:
        return _parts(text, start, end, 2)
    middle = min(borders, key=lambda border: abs(2 * border - start - end))
    return [_trimmed(text, start, middle), _trimmed(text, middle, end)]


def _parts(text: str, start: int, end: int, number: int) -> list[_Span]:
    """Cut a sentence into about equal parts: after a clause, at a space, or anywhere."""
    cuts = [start]
    width = (end - start) / number
    for part in range(1, number):
        middle = max(start + round(part * width), cuts[-1] + 1)
        reach = int(width / 4)
        cuts.append(_cut(text, max(middle - reach, cuts[-1] + 1), middle, min(middle + reach, end - 1)))
    parts = (_trimmed(text, first, last) for first, last in pairwise([*cuts, end]))
    return [(first, last) for first, last in parts if first < last]


def _cut(text: str, low: int, middle: int, high: int) -> int:
    """Return the best place to cut from ``low`` to ``high``, near the middle."""
    for place in (_CLAUSE_END, _SPACE):
        ends = [match.end() for match in place.finditer(text, low, high)]
        if ends:
            return min(ends, key=lambda end: abs(end - middle))
    near = (cut for distance in range(32) for cut in (middle - distance, middle + distance))
    return next((cut for cut in near if low <= cut <= high and not _continues_character(text, cut)), middle)


def _continues_character(text: str, position: int) -> bool:
    """Tell whether what a reader sees as one character would be cut here: an accent, a joined or coloured emoji."""
    after = text[position]
    return (
        unicodedata.category(after) in ("Mn", "Mc", "Me")
        or "\u200d" in (after, text[position - 1])
        or "\U0001f3fb" <= after <= "\U0001f3ff"
    )


def _trimmed(text: str, start: int, end: int) -> _Span:
    part = text[start:end]
    return start + len(part) - len(part.lstrip()), end - len(part) + len(part.rstrip())
