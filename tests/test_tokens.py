"""Measuring text: the shipped vocabulary and its training."""

from __future__ import annotations

import doctest
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import train_vocabulary
from hypothesis import example, given, settings
from hypothesis import strategies as st
from train_vocabulary import SIZE, in_tiktoken_form, train, word_counts

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
    assert sorted(RANKS.values()) == list(range(SIZE))
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


# --- Training ---


def slow_train(counts: dict[str, int], size: int) -> list[bytes]:
    """Byte-pair encoding as a textbook tells it: everything is counted anew for each token."""
    words = {word: [bytes([byte]) for byte in word.encode()] for word in counts}
    found = [bytes([byte]) for byte in range(256)]
    while len(found) < size:
        pairs: dict[tuple[bytes, bytes], int] = {}
        for word, parts in words.items():
            for at in range(len(parts) - 1):
                pair = (parts[at], parts[at + 1])
                pairs[pair] = pairs.get(pair, 0) + counts[word]
        if not pairs or max(pairs.values()) < 2:
            break
        left, right = min(pairs, key=lambda pair: (-pairs[pair], pair))
        if left + right not in found:
            found.append(left + right)
        for word in words:
            words[word] = slow_merge(words[word], left, right)
    return found


def slow_merge(parts: list[bytes], left: bytes, right: bytes) -> list[bytes]:
    at = 0
    while at < len(parts) - 1:
        if parts[at] == left and parts[at + 1] == right:
            parts = [*parts[:at], left + right, *parts[at + 2 :]]
        at += 1
    return parts


WORD_COUNTS = st.dictionaries(st.text("abcя", min_size=1, max_size=8), st.integers(1, 5), max_size=12)


@given(WORD_COUNTS, st.integers(256, 300))
@example({"aaaa": 1, "aaab": 2}, 260)
@settings(max_examples=100, deadline=None)
def test_training_finds_what_the_textbook_finds(counts: dict[str, int], size: int) -> None:
    assert train(counts, size) == slow_train(counts, size)


def test_the_examples_of_training_hold() -> None:
    assert not doctest.testmod(train_vocabulary).failed


def test_training_does_not_depend_on_the_run() -> None:
    code = (
        "from train_vocabulary import *; import hashlib;"
        f"print(hashlib.sha256(in_tiktoken_form(train(word_counts({ENGLISH * 3!r}), 400))).hexdigest())"
    )
    root, results = Path(__file__).parent.parent, set()
    for seed in ("0", "1", "2"):
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join([str(root), str(root / "benchmarks")])}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        results.add(done.stdout.strip())
    assert results == {hashlib.sha256(in_tiktoken_form(train(word_counts(ENGLISH * 3), 400))).hexdigest()}


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
