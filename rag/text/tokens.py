"""How text is measured: in tokens, by tiktoken with a small vocabulary of our own, so that nothing is downloaded."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import VocabularyError

if TYPE_CHECKING:
    import tiktoken

VOCABULARY = Path(__file__).with_name("footnote.tiktoken")
"""A line for each token, made by ``benchmarks/train_vocabulary.py``."""

SHA256 = "8a46245c9d50ae886e9d26665d1ea48d6d5d2caa36774f60065c324c6f1337b3"
"""What the file's SHA-256 must be."""

PATTERN = r"['’](?:[sdmt]|ll|ve|re)\b| ?[\p{L}\p{M}]+| ?\p{N}{1,3}| ?[^\s\p{L}\p{M}\p{N}]+|\s+(?!\S)|\s+"
"""What is a word, and no token crosses words: GPT-2's way, with ’ as well as ' and digits by threes."""

_PIECE = 25_000
"""Longer texts are encoded in pieces of so many characters, 100 kB at most: tiktoken has panicked on long ones
(https://github.com/openai/tiktoken/issues/15)."""


def count_tokens(text: str) -> int:
    """Return how many tokens a text has; what looks like a special token is text.

    Raises VocabularyError where the vocabulary is missing or damaged.

    >>> count_tokens("The council voted on Tuesday."), count_tokens("<|endoftext|>") > 1
    (6, True)
    """
    return sum(len(_encoding().encode_ordinary(piece)) for piece in _pieces(text))


def _pieces(text: str) -> Iterator[str]:
    """Yield the text in pieces of at most ``_PIECE`` characters, cut before a space where there is one."""
    start = 0
    while len(text) - start > _PIECE:
        end = start + _PIECE
        cut = max(text.rfind(" ", start, end), text.rfind("\n", start, end))
        cut = cut if cut > start else end
        yield text[start:cut]
        start = cut
    yield text[start:]


@cache
def _encoding() -> tiktoken.Encoding:
    import tiktoken

    return tiktoken.Encoding("footnote", pat_str=PATTERN, mergeable_ranks=_ranks(), special_tokens={})


def _ranks() -> dict[bytes, int]:
    try:
        data = VOCABULARY.read_bytes()
    except OSError:
        data = b""
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise VocabularyError("the vocabulary {name} is missing or damaged; reinstall Footnote", name=VOCABULARY.name)
    lines = (line.split() for line in data.splitlines())
    return {base64.b64decode(token): int(rank) for token, rank in lines}
