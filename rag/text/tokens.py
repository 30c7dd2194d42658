"""How text is measured: in tokens, with tiktoken, and never over a network.

tiktoken downloads its vocabularies when they are first used. We ship a small one of our own, called "footnote", and use
tiktoken's only where they already lie in its cache on this machine.
"""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import VocabularyError

if TYPE_CHECKING:
    import tiktoken

FOOTNOTE = "footnote"
"""The encoding we ship."""

VOCABULARY = Path(__file__).with_name("footnote.tiktoken")
"""Its file: a line for each token, made by ``benchmarks/train_vocabulary.py``."""

SHA256 = "8a46245c9d50ae886e9d26665d1ea48d6d5d2caa36774f60065c324c6f1337b3"
"""What the file's SHA-256 must be."""

PATTERN = r"['’](?:[sdmt]|ll|ve|re)\b| ?[\p{L}\p{M}]+| ?\p{N}{1,3}| ?[^\s\p{L}\p{M}\p{N}]+|\s+(?!\S)|\s+"
"""What is a word to "footnote", and no token crosses words: GPT-2's way, with ’ as well as ' and digits by threes."""

_PIECE = 25_000
"""Longer texts are encoded in pieces of so many characters, 100 kB at most: tiktoken has panicked on long ones
(https://github.com/openai/tiktoken/issues/15)."""

_CACHED = {
    "cl100k_base": ("cl100k_base", "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"),
    "o200k_base": ("o200k_base", "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"),
    "o200k_harmony": ("o200k_base", "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"),
}
"""The well-known encodings: each one's file and its SHA-256, as in tiktoken's ``tiktoken_ext/openai_public.py``."""

_ADDRESS = "https://openaipublic.blob.core.windows.net/encodings/{}.tiktoken"


def count_tokens(text: str, encoding: str = FOOTNOTE) -> int:
    """Return how many tokens a text has.

    >>> count_tokens("The council voted on Tuesday."), count_tokens("<|endoftext|>") > 1
    (6, True)
    """
    return sum(len(each) for each in _encoded(text, encoding))


def encode(text: str, encoding: str = FOOTNOTE) -> list[int]:
    """Return the tokens of a text. What looks like a special token is text, and a lone surrogate counts as U+FFFD.

    Raises VocabularyError where ``encoding`` is not on this machine or its file is damaged.

    >>> len(encode("Nobody was hurt."))
    5
    """
    return [token for each in _encoded(text, encoding) for token in each]


def encoding_for(model: str) -> str:
    """Return a chat model's encoding where it is cached here, else "footnote".

    >>> encoding_for("extractive")
    'footnote'
    """
    from tiktoken.model import encoding_name_for_model

    try:
        name = encoding_name_for_model(model.rpartition("/")[2])
    except KeyError:
        return FOOTNOTE
    return name if _is_cached(name) else FOOTNOTE


def _encoded(text: str, encoding: str) -> Iterator[list[int]]:
    encode_ordinary = _encoding(encoding).encode_ordinary
    return (encode_ordinary(piece) for piece in _pieces(text))


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
def _encoding(name: str) -> tiktoken.Encoding:
    import tiktoken

    if name == FOOTNOTE:
        return tiktoken.Encoding(name, pat_str=PATTERN, mergeable_ranks=_ranks(), special_tokens={})
    if not _is_cached(name):  # tiktoken would download it
        raise VocabularyError(
            "the encoding {name} is not on this machine; use the encoding {other}", name=name, other=FOOTNOTE
        )
    return tiktoken.get_encoding(name)


def _ranks() -> dict[bytes, int]:
    try:
        data = VOCABULARY.read_bytes()
    except OSError:
        data = b""
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise VocabularyError("the vocabulary {name} is missing or damaged; reinstall Footnote", name=VOCABULARY.name)
    lines = (line.split() for line in data.splitlines())
    return {base64.b64decode(token): int(rank) for token, rank in lines}


def _is_cached(name: str) -> bool:
    """Tell whether tiktoken's cache has this encoding whole, so that nothing is downloaded."""
    if name not in _CACHED:
        return False
    file, digest = _CACHED[name]
    default = str(Path(tempfile.gettempdir(), "data-gym-cache"))
    folder = os.environ.get("TIKTOKEN_CACHE_DIR", os.environ.get("DATA_GYM_CACHE_DIR", default))
    cached_as = hashlib.sha1(_ADDRESS.format(file).encode(), usedforsecurity=False).hexdigest()
    try:
        return folder != "" and hashlib.sha256(Path(folder, cached_as).read_bytes()).hexdigest() == digest
    except OSError:
        return False
