"""An index in Milvus against the same in a folder: agreement of what is found, times, sizes.

    python benchmarks/milvus.py --cache FOLDER [--sizes 10000 100000] [--questions 100] [--kind HNSW]

Passages are made of made-up words, vectors by hashing. Milvus Lite stands in for Milvus: it is Python, and its times say
nothing about a cluster's. --kind names its vector index, by default exact up to 100,000 passages.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

os.environ.setdefault("OMP_NUM_THREADS", "1")

from latency import LONGEST, asked, made_up, open_index, retrieve

from embeddings.in_memory import HashingEmbedder
from rag.evaluate import percentile
from rag.index.milvus import Address, publish
from rag.index.store import Index, LocalIndex
from rag.types import Scope

SCOPE = Scope(published=("2014-01-01", "2015-12-31"))


def main() -> None:
    """Build what is not in the cache, ask both and print a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, help="a folder for the indexes")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000], help="passages [10000 100000]")
    parser.add_argument("--questions", type=int, default=100, help="how many are asked [100]")
    parser.add_argument("--kind", default="", help="the kind of the vector index [by size]")
    options = parser.parse_args()
    embedder = HashingEmbedder(384, max_tokens=LONGEST)
    embedder.fingerprint = "hashing"
    for size in options.sizes:
        texts = made_up(50_000, size)
        questions = asked([], texts, options.questions)
        local = open_index(texts, size, options.cache, embedder.dimension)
        assert isinstance(local, LocalIndex)
        place = options.cache / f"milvus-{size}{options.kind}.db"
        address = Address(str(place), "footnote", options.kind)
        with closing(local), patch.object(Address, "of", lambda _, found=address: found):
            started = time.perf_counter()
            if publish(local, place):
                print(f"{size:,} passages written in {time.perf_counter() - started:.0f} s", flush=True)
            started = time.perf_counter()
            with closing(Index.open(place)) as milvus:
                print(f"opened in {time.perf_counter() - started:.1f} s")
                compare(local, milvus, embedder, questions)
        written = sum(each.stat().st_size for each in place.rglob("*") if each.is_file())
        print(f"{local.contents.size / 1e6:.0f} MB in the folder, {written / 1e6:.0f} MB in Milvus Lite")
        print(
            f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB of memory at most, both together\n",
            flush=True,
        )


def compare(local: Index, milvus: Index, embedder: HashingEmbedder, questions: list[str]) -> None:
    """Print how much of the ten nearest is the same, and how long a whole search takes."""
    for name, within in (("all articles", ()), ("two years", (SCOPE,))):
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
        print(
            f"  {name}: {percentile(each, 50):.0f} ms at the median, {percentile(each, 95):.0f} ms at the 95th percentile"
        )


if __name__ == "__main__":
    main()
