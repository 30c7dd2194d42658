"""Makes the vocabulary that text is measured with: ``python benchmarks/train_vocabulary.py rag/text/footnote.tiktoken``.

Byte-pair encoding over bytes (Sennrich, Haddow and Birch 2016, https://aclanthology.org/P16-1162), written as tiktoken reads
it: a line for each token, its bytes in base64 and its rank. The training text is the documentation in Python's standard
library (PSF licence) and the news prose and word lists in ``vocabulary_texts``, which we wrote. Python's documentation changes
with its version: ``MADE_WITH`` made the vocabulary we ship; another makes another, equally usable one.
"""

from __future__ import annotations

import argparse
import ast
import base64
import hashlib
import sysconfig
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from heapq import heapify, heappop, heappush
from itertools import pairwise
from pathlib import Path

from rag.text.tokens import PATTERN

SIZE = 12_000
"""Tokens in the vocabulary, the 256 bytes included."""

MADE_WITH = "Python 3.11.7"

PROSE_WEIGHT = 20
"""How often our own prose counts: Python's documentation is far longer, but articles are news."""

Word = tuple[bytes, ...]
Pair = tuple[bytes, bytes]


def train(counts: Mapping[str, int], size: int) -> list[bytes]:
    """Return the tokens of a vocabulary, by rank: 256 bytes, then the most frequent pair of neighbours again and again.

    ``counts`` says how often each word occurs; pairs never cross a word. Equally frequent pairs go in the order of their
    bytes, so the same counts always give the same tokens. Ends early where no pair occurs twice.

    >>> train({"aaab": 2, "aab": 1}, 258)[256:]
    [b'aa', b'ab']
    """
    words: list[Word] = [tuple(bytes([byte]) for byte in word.encode()) for word in counts]
    weights = list(counts.values())
    frequency: Counter[Pair] = Counter()
    holders: defaultdict[Pair, set[int]] = defaultdict(set)
    for number, word in enumerate(words):
        for pair in pairwise(word):
            frequency[pair] += weights[number]
            holders[pair].add(number)
    tokens = dict.fromkeys(bytes([byte]) for byte in range(256))
    queue = [(-count, pair) for pair, count in frequency.items()]
    heapify(queue)
    while len(tokens) < size and queue:
        count, pair = heappop(queue)
        if -count != frequency[pair]:  # an outdated entry: the present count has one of its own
            continue
        if -count < 2:
            break
        tokens[b"".join(pair)] = None
        touched: set[Pair] = set()
        for number in holders.pop(pair):
            for sign, word in ((-1, words[number]), (1, merge(words[number], pair))):
                for neighbours in pairwise(word):
                    frequency[neighbours] += sign * weights[number]
                    touched.add(neighbours)
                    if sign > 0:
                        holders[neighbours].add(number)
                words[number] = word
        frequency[pair] = 0
        for changed in touched - {pair}:
            heappush(queue, (-frequency[changed], changed))
    return list(tokens)


def merge(word: Word, pair: Pair) -> Word:
    """Return the word with every occurrence of the pair joined, from the left.

    >>> merge((b"a", b"a", b"a", b"b"), (b"a", b"a"))
    (b'aa', b'a', b'b')
    """
    merged: list[bytes] = []
    for token in word:
        if merged and (merged[-1], token) == pair:
            merged[-1] += token
        else:
            merged.append(token)
    return tuple(merged)


def word_counts(text: str) -> Counter[str]:
    """Return how often each word of a text occurs, words being what ``rag.text.tokens.PATTERN`` finds.

    >>> word_counts("a vote, a vote")
    Counter({' vote': 2, 'a': 1, ',': 1, ' a': 1})
    """
    import regex  # type: ignore[import-untyped]  # tiktoken brings it along; Python's own knows no \\p{L}

    return Counter(regex.findall(PATTERN, text))


def training_counts() -> Counter[str]:
    """Return the words of the training text with their weights."""
    counts: Counter[str] = Counter()
    for text in _documentation():
        counts.update(word_counts(text))
    for path in sorted(Path(__file__).with_name("vocabulary_texts").glob("*.txt")):
        for word, count in word_counts(path.read_text("utf-8")).items():
            counts[word] += count * PROSE_WEIGHT
    return counts


def _documentation() -> Iterator[str]:
    """Yield the help topics and docstrings of Python's standard library."""
    from pydoc_data.topics import topics

    yield from topics.values()
    library = Path(sysconfig.get_path("stdlib"))
    for path in sorted(library.rglob("*.py")):
        if _NOT_LIBRARY.isdisjoint(path.relative_to(library).parts):
            for node in ast.walk(ast.parse(path.read_bytes())):
                if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                    yield ast.get_docstring(node) or ""


_NOT_LIBRARY = {"test", "tests", "idlelib", "lib2to3", "site-packages", "dist-packages"}


def in_tiktoken_form(tokens: list[bytes]) -> bytes:
    """Return the vocabulary's file.

    >>> in_tiktoken_form([b"a", b" vote"])
    b'YQ== 0\\nIHZvdGU= 1\\n'
    """
    return b"".join(b"%s %d\n" % (base64.b64encode(token), rank) for rank, token in enumerate(tokens))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path, help="where to write the vocabulary")
    parser.add_argument("--size", type=int, default=SIZE, help=f"tokens in it (default {SIZE})")
    arguments = parser.parse_args()
    data = in_tiktoken_form(train(training_counts(), arguments.size))
    arguments.file.write_bytes(data)
    print(f"{arguments.file.name}: {len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
