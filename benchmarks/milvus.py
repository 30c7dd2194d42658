"""An index in Milvus against the same in a folder: agreement of what is found, times, sizes.

    python benchmarks/milvus.py [SET] --cache FOLDER [--sizes 10000 100000] [--questions 100] [--kind HNSW]

With SET (as ``public_sets.py`` reads it) its documents and questions by the default embedder. Else passages are made of
made-up words, vectors by hashing. Milvus Lite stands in for Milvus: it is Python, and its times say nothing about a cluster's.
--kind names its vector index, by default exact up to 100,000 passages.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy
from latency import LONGEST, asked, made_up, open_index, retrieve
from public_sets import open_set, read_set, sampled

from embeddings.in_memory import HashingEmbedder
from rag.index.milvus import Address, publish
from rag.index.store import Index, LocalIndex
from rag.types import Scope

if TYPE_CHECKING:
    from embeddings import Embedder

SCOPE = Scope(published=("2014-01-01", "2015-12-31"))


def main() -> None:
    """Build what is not in the cache, ask both and print a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", type=Path, nargs="?", metavar="SET", help="a folder or file of documents and questions")
    parser.add_argument("--cache", type=Path, required=True, help="a folder for the indexes")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000], help="passages [10000 100000]")
    parser.add_argument("--questions", type=int, default=100, help="how many are asked [100]")
    parser.add_argument("--kind", default="", help="the kind of the vector index [by size]")
    options = parser.parse_args()
    if options.set:
        public = sampled(read_set(options.set), options.questions)
        with closing(open_set(public, options.cache)) as chatbot:
            index, questions = chatbot._index, [each.text for each in public.queries]
            third = Scope(documents=tuple(header.id for header in index.headers()[::3]))
            place = options.cache / f"milvus-{public.name}{options.kind}.db"
            in_both(index, place, options.kind, chatbot._embedder, questions, {"a third of the articles": third})
        return
    embedder = HashingEmbedder(384, max_tokens=LONGEST)
    embedder.fingerprint = "hashing"
    for size in options.sizes:
        texts = made_up(50_000, size)
        questions = asked([], texts, options.questions)
        place = options.cache / f"milvus-{size}{options.kind}.db"
        with closing(open_index(texts, size, options.cache, embedder.dimension)) as local:
            in_both(local, place, options.kind, embedder, questions, {"two years": SCOPE})


def in_both(
    local: Index, place: Path, kind: str, embedder: Embedder, questions: list[str], scopes: dict[str, Scope]
) -> None:
    """Write an index into Milvus Lite where it is not there, and print what differs."""
    assert isinstance(local, LocalIndex)
    address = Address(str(place), "footnote", kind)
    # Milvus Lite compares a question with every row; on busy cores that may take it more than the 20 seconds of a call.
    with patch.object(Address, "of", lambda _: address), patch("embeddings.milvus_index._SECONDS", 600.0):
        started, spent = time.perf_counter(), time.process_time()
        if publish(local, place):
            seconds, cpu = time.perf_counter() - started, time.process_time() - spent
            print(f"{len(local):,} passages written in {seconds:.0f} s, {cpu:.0f} of CPU", flush=True)
        started = time.perf_counter()
        with closing(Index.open(place)) as milvus:
            print(f"opened in {time.perf_counter() - started:.1f} s")
            compare(local, milvus, embedder, questions, scopes)
    written = sum(each.stat().st_size for each in place.rglob("*") if each.is_file())
    print(f"{local.contents.size / 1e6:.0f} MB in the folder, {written / 1e6:.0f} MB in Milvus Lite")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"{memory:.0f} MB of memory at most, both together\n", flush=True)


def compare(local: Index, milvus: Index, embedder: Embedder, questions: list[str], scopes: dict[str, Scope]) -> None:
    """Print how much of the ten nearest is the same, and how long a whole search takes."""
    for name, within in (("all articles", ()), *((name, (scope,)) for name, scope in scopes.items())):
        near = words = same = 0
        for question in questions:
            vector, terms = embedder.embed_query(question), local.terms(question)
            one, other = ({hit.row for hit in index.nearest(vector, 10, within)} for index in (local, milvus))
            near += len(one & other)
            best = local.keywords(terms, 10, within)
            found = milvus.keywords(terms, 10, within)
            # a passage that ties with the tenth is as good
            words += sum(hit.score >= best[-1].score - 1e-3 for hit in found) if best else 0
            same += len(best)
        found_near, found_words = near / len(questions) / 10, words / max(1, same)
        print(f"  {name}: {found_near:.4f} of the ten nearest, {found_words:.4f} of the ten best by words")
    times: dict[str, list[float]] = {"folder": [], "Milvus": []}
    equal = 0
    for question in questions:
        hits = []
        for name, index in (("folder", local), ("Milvus", milvus)):
            started = time.perf_counter()
            hits.append([hit.passage.id for hit in retrieve.find(index, embedder, question, 8).hits])
            times[name].append((time.perf_counter() - started) * 1000)
        equal += hits[0] == hits[1]
    print(f"  {equal} of {len(questions)} questions find the same passages in the same order")
    for name, each in times.items():
        middle, slow = numpy.percentile(each, (50, 95))
        print(f"  {name}: {middle:.0f} ms at the median, {slow:.0f} ms at the 95th percentile")


if __name__ == "__main__":
    main()
