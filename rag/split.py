"""A document becomes passages of about equal length, on paragraph and sentence borders, without gaps or overlaps.

The borders are chosen together, like a paragraph's line breaks in TeX (Knuth and Plass 1981,
https://doi.org/10.1002/spe.4380111102): every passage costs the square of how far its length is from the one wished for,
and every border what it cuts. So there are no orphans at the end, and an edit moves only the borders near it.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate
from math import inf
from typing import NamedTuple

from rag.errors import EmbedderError
from rag.sentences import sentence_spans
from rag.tokens import count_tokens
from rag.types import Document, Header, Passage

SPLITTING_VERSION = "1"
"""Changes whenever the same document would become other passages."""

HEADER_BYTES = 200
"""How much of a header is embedded, in bytes of UTF-8: at most about 85 word pieces of all-MiniLM-L6-v2, a third of what it
reads, in Cyrillic (a piece for every 1.2 letters) as well as in English."""

Fits = Callable[[Sequence[str]], Sequence[bool]]
"""Says of each text, as it will be embedded, whether the embedder reads it whole."""


@dataclass(frozen=True, slots=True)
class Splitting:
    """How documents are split: about how many tokens a passage has, and the version of the rules."""

    tokens: int = 200
    version: str = SPLITTING_VERSION


def split(document: Document, tokens: int = 200, fits: Fits | None = None) -> list[tuple[Passage, str]]:
    """The passages of a document in reading order, each with the text that the embedder is to read for it.

    A passage has about ``tokens`` tokens (at most a quarter more, where its sentences allow), begins and ends at a sentence
    or paragraph, and has no white space at its ends. Together the passages hold every character of the document that is
    not white space, once. What the embedder cannot read whole, its header included, is split further.

    Raises EmbedderError where the embedder has no room for any text after the header.

    >>> document = Document(id="a.md", title="A vote", text="The vote was held.\\n\\nNobody came.")
    >>> [(passage.text, embedded) for passage, embedded in split(document)]
    [('The vote was held.\\n\\nNobody came.', 'A vote\\nThe vote was held.\\n\\nNobody came.')]
    """
    text = document.text
    spans = _pack(text, _blocks(text, tokens), tokens)
    if fits is not None:
        spans = _fitting(document, spans, fits)
    texts = [text[start:end] for start, end in spans]
    ids = _passage_ids(document, texts)
    return [
        (Passage(id, document.id, start, end, passage), embedded_text(document, passage))
        for id, (start, end), passage in zip(ids, spans, texts)
    ]


def embedded_text(header: Header, text: str) -> str:
    """What the embedder reads for a passage: a line of title, outlet and date, and the text below it.

    A long line is shortened to ``HEADER_BYTES``, its title first.

    >>> embedded_text(Header(id="a.md", title="A vote", published="2019"), "The vote was held.")
    'A vote · 2019\\nThe vote was held.'
    """
    line = header.line()
    surplus = _bytes(line) - HEADER_BYTES
    if surplus > 0:
        title = _shortened(header.title, _bytes(header.title) - surplus)
        line = _shortened(Header(id="", title=title, outlet=header.outlet, published=header.published).line(), HEADER_BYTES)
    return f"{line}\n{text}" if line else text


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _shortened(text: str, size: int) -> str:
    """The beginning of a text that takes at most ``size`` bytes, marked with an ellipsis where something is left out."""
    if _bytes(text) <= size:
        return text
    kept = text.encode("utf-8", "surrogatepass")[: max(0, size - _bytes("…"))].decode("utf-8", "ignore")
    return f"{kept.rstrip()}…" if kept else ""


def _passage_ids(document: Header, texts: Sequence[str]) -> Iterator[str]:
    """Hashes of what each passage says and where it is from; a text that comes again gets the number of its occurrence."""
    seen: Counter[str] = Counter()
    for text in texts:
        content = "\0".join((document.id, document.line(), str(seen[text]), text))
        seen[text] += 1
        yield blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


# --- Blocks: what is never divided while packing ---


class _Block(NamedTuple):
    start: int
    end: int
    tokens: int
    new_paragraph: bool


def _blocks(text: str, tokens: int) -> list[_Block]:
    """Sentences, with those joined that should not stand apart: headings and short lines go with what follows them."""
    blocks: list[_Block] = []
    carried: _Block | None = None
    for paragraph in _paragraphs(text, tokens):
        size = sum(each.tokens for each in paragraph)
        first = _joined(carried, paragraph[0]) if carried else paragraph[0]
        if _goes_with_next(text, paragraph, size, tokens) and first.tokens < tokens // 4:
            carried = _joined(first, paragraph[-1])
            continue
        blocks += _without_short_ones([first, *paragraph[1:]], tokens // 16)
        carried = None
    if carried and blocks:
        blocks[-1] = _joined(blocks[-1], carried)
    elif carried:
        blocks.append(carried)
    return blocks
