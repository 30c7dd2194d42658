"""Where the time of finding passages goes: each step of ``rag.retrieval.find.find``, at several sizes of an index.

    python benchmarks/latency.py TEXTS... --cache FOLDER [--sizes 5000 100000] [--questions 200] [--k 8]

TEXTS are files or folders: the paragraphs of ``.txt`` and ``.md``, of ``.jsonl`` the fields "text" and "context"; its field
"question" holds questions to ask. Without any, words are made up. Where more passages are wanted than there are paragraphs,
these are repeated with their words shuffled. Five passages make an article with an outlet, an author and a date, and every
second question names an outlet or a month, so that there is something to understand.

The question is embedded by the bundled model, the passages by hashing: their vectors mean nothing, and cost a search as much.
Times are a step's own, without the steps inside it, so that they add up. The indexes are kept in --cache.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is loaded

import numpy

from embeddings import open_embedder
from embeddings.in_memory import HashingEmbedder
from rag.errors import IndexingError
from rag.index.generations import new_generation
from rag.index.store import FileState, Index, IndexWriter, LocalIndex, Recipe, describe
from rag.retrieval.mentions import Catalogue
from rag.types import Document, Passage, Progress

if TYPE_CHECKING:
    from embeddings import Embedder

retrieve: Any = import_module("rag.retrieval.find")  # ``rag.retrieve`` is the function of that name
SEED = 11
ARTICLE = 5
"""Passages."""
LONGEST = 1000
"""Characters of a passage, about 200 tokens."""

# The functions of each step, by the place where ``find`` looks them up; what is in none of them is the rest.
STEPS: dict[str, tuple[tuple[Any, str], ...]] = {
    "understanding: outlets, authors, dates": ((Catalogue, "mentions"), (retrieve, "catalogue")),
    "understanding: words and spellings": ((retrieve, "understand"),),
    "embedding the question": ((retrieve, "embed_question"),),
    "dense search": ((LocalIndex, "nearest"),),
    "keyword search": ((LocalIndex, "keywords"),),
    "cosines of candidates": ((Index, "cosines"),),
    "headers, passages of articles": ((Index, "headers"), (LocalIndex, "rows_of")),
    "reading passages": ((LocalIndex, "passages"), (LocalIndex, "document")),
    "rerank": ((retrieve, "rerank"),),
    "hits": ((retrieve, "_hits"),),
    "copies out, articles mixed": ((retrieve, "without_copies"), (retrieve, "chosen"), (retrieve, "joined")),
}
REST, WHOLE = "the rest", "whole"


class Clock:
    """Adds up the own time of each step of one question after the other, in milliseconds of ``seconds``."""

    def __init__(self, seconds: Callable[[], float] = time.perf_counter) -> None:
        self._seconds = seconds
        self.questions: list[Counter[str]] = []
        self._inside: list[float] = []

    def timed(self, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, its own time noted under ``step``."""

        def run(*arguments: Any, **named: Any) -> Any:
            self._inside.append(0.0)
            started = self._seconds()
            try:
                return function(*arguments, **named)
            finally:
                spent = (self._seconds() - started) * 1000
                self.questions[-1][step] += spent - self._inside.pop()  # type: ignore[assignment]
                if self._inside:
                    self._inside[-1] += spent

        return run


def main() -> None:
    """Builds what is not in the cache, asks and prints a table for each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", type=Path, nargs="*", metavar="TEXTS")
    parser.add_argument("--cache", type=Path, required=True, help="a folder for the indexes")
    parser.add_argument("--sizes", type=int, nargs="+", default=[5_000, 100_000], help="passages [5000 100000]")
    parser.add_argument("--questions", type=int, default=200, help="how many are asked [200]")
    parser.add_argument("--k", type=int, default=8, help="passages wanted [8]")
    options = parser.parse_args()
    rows = list(_rows(options.texts))
    texts = list(dict.fromkeys(each[:LONGEST] for _, text in rows for each in text if len(each) > 100)) or made_up()
    questions = asked([question for question, _ in rows if question], texts, options.questions)
    embedder = open_embedder()
    for size in options.sizes:
        with closing(open_index(texts, size, options.cache, embedder.dimension)) as index:
            started = time.perf_counter()
            retrieve.find(index, embedder, questions[0], options.k)  # loads what is loaded on first use
            first = time.perf_counter() - started
            found = measure(index, embedder, questions, options.k)
        print(f"\n{size:,} passages (vectors by hashing), {len(questions)} questions; the first one took {first:.1f} s")
        _print(found)


def measure(
    index: Index,
    embedder: Embedder,
    questions: Sequence[str],
    k: int,
    seconds: Callable[[], float] = time.perf_counter,
) -> list[Counter[str]]:
    """For each question the milliseconds of each step."""
    clock = Clock(seconds)
    with ExitStack() as stack:
        for step, functions in STEPS.items():
            for owner, name in functions:
                function = getattr(owner, name, None)
                if function is None:
                    print(f"{name} is no longer there; its time is counted under the rest")
                    continue
                stack.enter_context(patch.object(owner, name, clock.timed(step, function)))
        find = clock.timed(REST, retrieve.find)
        for question in questions:
            clock.questions.append(Counter())
            find(index, embedder, question, k)
    return [each + Counter({WHOLE: sum(each.values())}) for each in clock.questions]


def _print(found: Sequence[Counter[str]]) -> None:
    whole = fmean(each[WHOLE] for each in found)
    print(f"{'':42}{'p50 ms':>10}{'p95 ms':>10}{'mean ms':>10}{'share':>8}")
    for step in (*STEPS, REST, WHOLE):
        times = [float(each[step]) for each in found]
        mean = fmean(times)
        middle, slow = numpy.percentile(times, 50), numpy.percentile(times, 95)
        print(f"{step:42}{middle:10.2f}{slow:10.2f}{mean:10.2f}{mean / whole:8.3f}", flush=True)


def _rows(paths: Sequence[Path]) -> Iterator[tuple[str, list[str]]]:
    """The question and the paragraphs of each line or file."""
    files = [file for path in paths for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    for file in files:
        if file.suffix == ".jsonl":
            for line in file.open(encoding="utf-8"):
                row = json.loads(line)
                text = row.get("text") or row.get("context") or ""
                yield str(row.get("question") or ""), str(text).split("\n")
        elif file.suffix in (".txt", ".md"):
            yield "", file.read_text("utf-8", "replace").split("\n")


def made_up(words: int = 20_000, texts: int = 2_000) -> list[str]:
    """Texts of made-up words, some frequent and most rare, as in a language."""
    draw = random.Random(SEED)
    known = ["".join(draw.choices("aeioubdfgklmnprstvz", k=draw.randint(2, 9))) for _ in range(words)]
    weights = [1 / rank for rank in range(1, words + 1)]
    return [" ".join(draw.choices(known, weights, k=120)) for _ in range(texts)]


def asked(questions: Sequence[str], texts: Sequence[str], count: int) -> list[str]:
    """So many questions, of texts where there are too few; every second names an outlet or a month."""
    draw = random.Random(SEED)
    own = draw.sample(questions, min(count, len(questions)))
    own += [f"What is said of {' '.join(draw.sample(draw.choice(texts).split(), 5))}?" for _ in range(count - len(own))]
    forms = ("{}", "What did the Courier of Town {n} report: {}", "{}", "In March 20{n}, {}")
    return [forms[n % 4].format(question, n=10 + n % 13) for n, question in enumerate(own)]


def open_index(texts: Sequence[str], size: int, cache: Path, dimension: int) -> Index:
    """The index of so many passages, from the cache or built now."""
    digest = blake2b("\n".join(texts).encode("utf-8", "replace"), digest_size=6).hexdigest()
    folder = cache / f"latency-{size}-{digest}"
    try:
        return Index.open(folder)
    except IndexingError:
        print(f"building an index of {size:,} passages", flush=True)
    write_index(folder, articles(texts, size), HashingEmbedder(dimension, max_tokens=LONGEST), "hashing")
    return Index.open(folder)


def write_index(
    folder: Path,
    written: Iterable[tuple[Document, list[Passage]]],
    embedder: Embedder,
    fingerprint: str,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> None:
    """Write articles with their passages as a generation, as a build writes those it has read."""
    with new_generation(folder) as (generation, publish), closing(IndexWriter(generation)) as writer:
        states = {}
        for number, (document, passages) in enumerate(written):
            writer.add(document, f"{number}", [(each, each.text) for each in passages])
            states[document.id] = FileState(document.id, f"{number:064}")
            on_progress(Progress("reading", number + 1, 0))
        writer.finish(embedder, on_progress)
        writer.close()
        on_progress(Progress("publishing", 0, 1))
        publish(describe(Recipe(embedder.name, fingerprint, 200), states, ""))


def articles(
    texts: Sequence[str], size: int, part: Callable[[Sequence[str], int, random.Random], str] | None = None
) -> Iterator[tuple[Document, list[Passage]]]:
    """Yield articles of so many passages together; ``part`` makes the text of a passage of its number."""
    part, draw = part or _part, random.Random(SEED)
    for first in range(0, size, ARTICLE):
        parts = [part(texts, number, draw) for number in range(first, min(first + ARTICLE, size))]
        id_ = f"{first // ARTICLE:06}.md"
        passages, start = [], 0
        for number, text in enumerate(parts):
            passages.append(Passage(f"{first + number:06}", id_, start, start + len(text), text))
            start += len(text) + 2
        title = " ".join(parts[0].split()[:7])
        outlet, author = f"Courier of Town {draw.randint(1, 60)}", f"Ada Writer{draw.randint(1, 400)}"
        published = f"20{draw.randint(10, 22)}-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}"
        yield Document(id_, title, outlet, (author,), published, "en", "", "\n\n".join(parts)), passages


def _part(texts: Sequence[str], number: int, draw: random.Random) -> str:
    text = texts[number % len(texts)].strip()
    if number < len(texts):
        return text
    words = text.split()
    return " ".join(draw.sample(words, len(words)))


if __name__ == "__main__":
    main()
