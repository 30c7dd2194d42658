"""A million passages end to end in a folder's index: built, opened, asked; times, memory, recall against an exact search.

    python benchmarks/million.py SET --cache FOLDER [--passages 1000000] [--questions 200] [--fresh]

The passages are those of SET (as ``public_sets.py`` reads it) over and over, half of their words replaced by others of the set
and by invented names, so that there are as many different words as in so much English. Their vectors are those of the set's
passages by the default embedder, each copy moved by noise (half as long as the vector); recall is that of the set's questions
over these. Reading and splitting files and embedding passages are not part of it. One thread; Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before FAISS is loaded

import numpy
from latency import STEPS, WHOLE, articles, measure, retrieve, write_index
from public_sets import open_set, read_set

from rag.index.generations import open_generation
from rag.index.store import Index, LocalIndex
from rag.retrieval.find import check_question
from rag.types import Progress, Scope

if TYPE_CHECKING:
    from embeddings import Vectors

SEED = 13
K = 10
POOL = 50
"""How many are asked for when a question finds passages."""
REPLACED = 0.5
"""The share of a copy's words that are replaced."""
NOISE = 0.5
"""The length of the noise beside a vector of length 1."""
INVENTED = 300_000
"""Names, drawn by Zipf's law: with the set's own words as many as Heaps' law gives for a million English passages."""
INVENTED_EVERY = 40
"""One in so many replaced words is an invented name."""
STREAM = 4_000_000
SCOPE = Scope(published=("2014-01-01", "2015-12-31"))


class Noisy:
    """The vectors of a set's passages over and over, moved by noise; texts are numbered by their order."""

    name, max_tokens = "noisy", 10**6

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors
        self.dimension = vectors.shape[1]
        self.fingerprint = "noisy"
        self._random = numpy.random.default_rng(SEED)
        self._at = 0

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [1] * len(texts)

    def embed_documents(self, texts: Sequence[str], on_progress: Callable[[int], None] | None = None) -> Vectors:
        rows = numpy.arange(self._at, self._at + len(texts)) % len(self._vectors)
        noise = self._random.standard_normal((len(texts), self.dimension), dtype=numpy.float32)
        vectors = self._vectors[rows] + noise * numpy.float32(NOISE / self.dimension**0.5)
        self._at += len(texts)
        if on_progress is not None:
            on_progress(len(texts))
        moved: Vectors = vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)
        return moved


class Prepared:
    """Answers with the vectors of questions that were embedded before."""

    name, max_tokens = "noisy", 10**6

    def __init__(self, questions: Sequence[str], vectors: Vectors) -> None:
        self._known = dict(zip(map(check_question, questions), vectors, strict=True))
        self.dimension, self.fingerprint = vectors.shape[1], "noisy"

    def embed_query(self, text: str) -> Vectors:
        known: Vectors = self._known[text]
        return known


def main() -> None:
    """Build what is not in the cache, then ask in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", type=Path, metavar="SET")
    parser.add_argument("--cache", type=Path, required=True, help="a folder for the indexes")
    parser.add_argument("--passages", type=int, default=1_000_000, help="how many [1000000]")
    parser.add_argument("--questions", type=int, default=200, help="how many are asked [200]")
    parser.add_argument("--fresh", action="store_true", help="build again")
    parser.add_argument("--ask", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    folder, prepared = options.cache / f"million-{options.passages}", options.cache / "questions.json"
    if options.ask:
        ask(folder, json.loads(prepared.read_text("utf-8"))[: options.questions], prepared.with_suffix(".npy"))
        return
    public = read_set(options.set)
    if options.fresh:
        shutil.rmtree(folder, ignore_errors=True)
    with closing(open_set(public, options.cache)) as chatbot:
        index, embedder = chatbot._index, chatbot._embedder
        questions = list(dict.fromkeys(each.text for each in public.queries))
        prepared.write_text(json.dumps(questions), "utf-8")
        numpy.save(prepared.with_suffix(".npy"), numpy.stack([embedder.embed_query(each) for each in questions]))
        texts = [passage.text for passage, _ in index.passages(range(len(index)))]
        vectors = index.vectors.fetch(range(len(index)))
    del index, embedder, chatbot
    if not (folder / "CURRENT").exists():
        build(folder, texts, vectors, options.passages)
    sizes = Counter[str]()
    path = open_generation(folder, whole=False).path
    for file in path.rglob("*"):
        sizes[file.relative_to(path).parts[0]] += file.stat().st_size if file.is_file() else 0
    print("disk, MB: " + ", ".join(f"{name} {size / 1e6:.0f}" for name, size in sizes.items()))
    command = [sys.executable, __file__, str(options.set), "--cache", str(options.cache), "--ask"]
    command += ["--passages", str(options.passages), "--questions", str(options.questions)]
    subprocess.run(command, check=True)
    print_status(folder, options.cache)


def build(folder: Path, texts: Sequence[str], vectors: Vectors, size: int) -> None:
    """Write the index, and print what each stage took and the memory."""
    stages: Counter[str] = Counter()
    began, cpu = time.perf_counter(), 0.0

    def note(progress: Progress) -> None:
        nonlocal cpu
        stages[progress.stage] += time.process_time() - cpu  # type: ignore[assignment]
        cpu = time.process_time()

    cpu = time.process_time()
    embedder: Any = Noisy(vectors)  # asks nothing
    write_index(folder, articles(texts, size, replaced(texts)), embedder, "noisy", note)
    note(Progress("published", 1, 1))
    print(f"{size:,} passages written in {time.perf_counter() - began:.0f} s, of CPU until the end of each stage:")
    print(", ".join(f"{stage} {seconds:.0f}" for stage, seconds in stages.items()))
    print(f"memory at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB", flush=True)


def replaced(texts: Sequence[str]) -> Callable[[Sequence[str], int, random.Random], str]:
    """Return what makes a passage of its number: the set's own first, then copies with words replaced."""
    numbers = numpy.random.default_rng(SEED)
    split = [numpy.array(text.split(), dtype=object) for text in texts]
    own = numpy.concatenate(split)
    stream = own[numbers.integers(0, len(own), STREAM)]
    syllables = numpy.array([a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er")])
    parts = syllables[numbers.integers(0, len(syllables), (4, INVENTED))]
    invented = numpy.array(["".join(each).capitalize() for each in parts.T], dtype=object)
    places = numpy.arange(0, STREAM, INVENTED_EVERY)
    stream[places] = invented[(INVENTED ** numbers.random(len(places))).astype(int) % INVENTED]
    at = 0

    def part(_: Sequence[str], number: int, draw: random.Random) -> str:
        nonlocal at
        words = split[number % len(split)]
        if number < len(split):
            return " ".join(words)
        words = words.copy()
        chosen = numbers.random(len(words)) < REPLACED
        count = int(chosen.sum())
        at = draw.randrange(STREAM - count)
        words[chosen] = stream[at : at + count]
        return " ".join(words)

    return part


def ask(folder: Path, questions: list[str], vectors: Path) -> None:
    """Open the index and ask, as a process does that has no model; print times, memory and recall."""
    asked = numpy.load(vectors)[: len(questions)]
    embedder: Any = Prepared(questions, asked)
    print(f"memory before opening: {memory()}")
    began, cpu = time.perf_counter(), time.process_time()
    index = Index.open(folder, whole=False)
    print(
        f"opened in {time.perf_counter() - began:.2f} s, {time.process_time() - cpu:.2f} of CPU; {memory()}", flush=True
    )
    with closing(index):
        assert isinstance(index, LocalIndex)
        began, cpu = time.perf_counter(), time.thread_time()
        retrieve.find(index, embedder, questions[0], 8)
        first, cpu = time.perf_counter() - began, time.thread_time() - cpu
        checking = [each for each in threading.enumerate() if each.name == "checking"]
        print(
            f"first question {first:.2f} s, {cpu:.2f} of CPU; files are {'still' if checking else 'no longer'} checked"
        )
        for thread in checking:
            thread.join()
        print(f"files checked {time.perf_counter() - began:.1f} s after opening: {index.notice or 'nothing wrong'}")
        took = []
        for question in questions[1:]:
            began, cpu = time.perf_counter(), time.process_time()
            retrieve.find(index, embedder, question, 8)
            took.append(((time.perf_counter() - began) * 1000, (time.process_time() - cpu) * 1000))
        for name, times in zip(("ms", "ms of CPU"), map(list, zip(*took, strict=True)), strict=True):
            middle, slow = numpy.percentile(times, (50, 95))
            print(f"retrieve, {name}: {middle:.1f} at the median, {slow:.1f} at the 95th")
        print(f"after {len(questions)} questions: {memory()}", flush=True)
        steps = measure(index, embedder, questions[1:], 8, time.thread_time)
        for step in (*STEPS, "the rest", WHOLE):
            values = [float(each[step]) for each in steps]
            print(f"  {step:42}{numpy.percentile(values, 50):8.2f}{numpy.percentile(values, 95):8.2f} ms of CPU")
        scopes: dict[str, tuple[Scope, ...]] = {"all": (), "two years": (SCOPE,)}
        for name, within in scopes.items():
            rows = numpy.array(index._rows_within(within)) if within else None
            best = list(exact(index, asked, rows))
            for k in (K, POOL):
                cpu = time.process_time()
                found = [[hit.row for hit in index.nearest(vector, k, within)][:K] for vector in asked]
                spent = (time.process_time() - cpu) * 1000 / len(asked)
                good = sum(len(set(one) & set(other)) for one, other in zip(found, best, strict=True))
                recall = good / len(asked) / K
                print(
                    f"recall@{K} of {k} asked for, over {name}: {recall:.4f}, {spent:.1f} ms of CPU a search",
                    flush=True,
                )


def exact(index: LocalIndex, asked: Vectors, rows: Any = None) -> Iterator[list[int]]:
    """Yield the ten nearest rows of each vector by a comparison with all."""
    best = numpy.full((len(asked), K), -2.0)
    where = numpy.zeros((len(asked), K), dtype=numpy.int64)
    known = numpy.arange(len(index)) if rows is None else rows
    for first in range(0, len(known), 20_000):
        some = known[first : first + 20_000]
        scores = numpy.concatenate([best, asked @ index.vectors.fetch(some.tolist()).T], axis=1)
        names = numpy.concatenate([where, numpy.broadcast_to(some, (len(asked), len(some)))], axis=1)
        chosen = numpy.argpartition(-scores, K, axis=1)[:, :K]
        best, where = numpy.take_along_axis(scores, chosen, 1), numpy.take_along_axis(names, chosen, 1)
    return iter(where.tolist())


def print_status(folder: Path, cache: Path) -> None:
    """Time ``rag status``; there are no files of the articles, so that nothing is compared."""
    nothing = cache / "nothing"
    nothing.mkdir(exist_ok=True)
    (nothing / "empty.txt").write_text("A title\n\nNothing.\n", "utf-8")
    command = [sys.executable, "-m", "rag", "status", "--articles", str(nothing), "--index", str(folder)]
    began, cpu = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    spent, cpu = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - cpu
    lines = (done.stdout or done.stderr).splitlines()
    print(f"rag status: {spent:.1f} s, {cpu:.1f} of CPU, {len(lines):,} lines: {lines[0]}")


def memory() -> str:
    """Tell the resident memory of this process, and what of it is no file."""
    lines = Path("/proc/self/smaps_rollup").read_text("ascii").splitlines()
    sizes = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines if line.endswith("kB")}
    return f"{sizes['Rss']:.0f} MB resident, {sizes['Anonymous']:.0f} of them no file's"


if __name__ == "__main__":
    main()
