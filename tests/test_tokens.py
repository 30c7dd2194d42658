"""Measuring text with the shipped vocabulary."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rag.errors import VocabularyError
from rag.text import tokens
from rag.text.tokens import SHA256, VOCABULARY, count_tokens

ENGLISH = "The harbour master of Port Lindhope resigned on Thursday after the storm destroyed eleven fishing boats."
RUSSIAN = "Начальник порта подал в отставку в четверг, после того как шторм разбил одиннадцать рыбацких лодок."


RANKS = tokens._ranks()
SPELLING = {rank: token for token, rank in RANKS.items()}


@pytest.fixture(autouse=True)
def _opened_anew() -> Iterator[None]:
    yield
    tokens._encoding.cache_clear()


# --- The vocabulary ---


def test_the_shipped_file_is_the_one_the_code_expects() -> None:
    assert hashlib.sha256(VOCABULARY.read_bytes()).hexdigest() == SHA256


def test_every_byte_is_a_token_and_ranks_have_no_gaps() -> None:
    assert sorted(RANKS.values()) == list(range(12_000))
    assert {bytes([byte]) for byte in range(256)} <= set(RANKS)


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone"])
def test_a_damaged_vocabulary_is_an_error_with_advice(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, copy = VOCABULARY.read_bytes(), tmp_path / VOCABULARY.name
    if damage != "gone":
        copy.write_bytes(data[:-1] if damage == "cut" else bytes([data[0] ^ 1]) + data[1:])
    monkeypatch.setattr(tokens, "VOCABULARY", copy)
    tokens._encoding.cache_clear()
    with pytest.raises(VocabularyError, match="missing or damaged; reinstall") as caught:
        count_tokens("text")
    assert str(tmp_path) not in str(caught.value)


def test_news_takes_few_tokens() -> None:
    assert len(ENGLISH) / count_tokens(ENGLISH) > 3.5
    assert len(RUSSIAN) / count_tokens(RUSSIAN) > 1.8


# --- Encoding ---


def encode(text: str) -> list[int]:
    return [token for piece in tokens._pieces(text) for token in tokens._encoding().encode_ordinary(piece)]


def slow_encode(text: str) -> list[int]:
    """The lowest rank is merged first, words apart, until nothing can be merged."""
    import regex

    found = []
    for word in regex.findall(tokens.PATTERN, text):
        parts = [bytes([byte]) for byte in word.encode()]
        while True:
            known = [RANKS[pair] for pair in map(b"".join, zip(parts, parts[1:], strict=False)) if pair in RANKS]
            if not known:
                break
            at = next(at for at in range(len(parts)) if RANKS.get(b"".join(parts[at : at + 2])) == min(known))
            parts[at : at + 2] = [b"".join(parts[at : at + 2])]
        found += [RANKS[part] for part in parts]
    return found


@pytest.mark.parametrize(
    "text", [ENGLISH, RUSSIAN, "Don’t 😀 pay 12345.67 — 他来了\n\n\ttoday's", "<|endoftext|>", " ", "", "\x00e\u0301"]
)
def test_tokens_are_what_the_textbook_finds(text: str) -> None:
    assert encode(text) == slow_encode(text)


@given(st.text(max_size=300))
@example("<|endoftext|><|fim_prefix|>")
@example("\ud83d")
@settings(max_examples=100, deadline=None)
def test_tokens_spell_the_text(text: str) -> None:
    readable = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    found = encode(text)
    assert b"".join(SPELLING[each] for each in found).decode() == readable
    assert len(found) == count_tokens(text)


@pytest.mark.parametrize("unit", ["a", "😀", "ab ", "\n", "!", "7", "\u0301", "\ud800", "他"])
def test_a_million_characters_are_counted(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    pieces = list(tokens._pieces(text))
    assert "".join(pieces) == text
    assert max(len(piece.encode("utf-8", "surrogatepass")) for piece in pieces) <= 100_000
    assert count_tokens(text) >= len(text) / 40


@pytest.mark.parametrize("border", [" ", "\n"])
def test_pieces_are_cut_where_it_changes_nothing(border: str) -> None:
    text = border.join([ENGLISH, RUSSIAN]).replace(" ", border) + border
    long = text * (3 * tokens._PIECE // len(text))
    assert len(list(tokens._pieces(long))) > 2
    assert encode(long) == tokens._encoding().encode_ordinary(long)


def test_threads_share_one_encoding() -> None:
    tokens._encoding.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(count_tokens, [ENGLISH] * 64)) == {count_tokens(ENGLISH)}


def test_the_module_is_cheap_to_import() -> None:
    code = "import sys, rag.text.tokens; print(sorted({'regex', 'tiktoken', 'requests'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"\[\]\s*", done.stdout)
