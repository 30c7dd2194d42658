"""A folder built by one process, by several plain ones and by Ray: times, and whether the indexes are equal.

    python benchmarks/sharded_build.py --work FOLDER [--articles FOLDER] [--count 2000] [--shards 2] [--embedder X] [--ray]

The processes are those of `rag build --shard I/N`, as xargs, Slurm, Ray or Dask start them; --ray starts the same commands as
tasks of a local Ray cluster (pip install ray) with as many workers as shards. Without --articles some are made up.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from latency import made_up

from rag.index.store import Index

Run = Callable[[Sequence[list[str]]], None]


def main() -> None:
    """Build three times, compare and print the times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="a folder for articles and indexes; emptied first")
    parser.add_argument("--articles", type=Path, help="a folder of articles [made up]")
    parser.add_argument("--count", type=int, default=2_000, help="articles that are made up [2000]")
    parser.add_argument("--shards", type=int, default=2, help="processes [2]")
    parser.add_argument("--embedder", default="hashing", help="as RAG_EMBEDDER [hashing]")
    parser.add_argument("--ray", action="store_true", help="also as tasks of a local Ray cluster")
    options = parser.parse_args()
    os.environ["RAG_EMBEDDER"] = options.embedder
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    shutil.rmtree(options.work, ignore_errors=True)
    options.work.mkdir(parents=True)
    articles = options.articles or options.work / "articles"
    if options.articles is None:
        articles.mkdir()
        for number, text in enumerate(made_up(50_000, options.count)):
            (articles / f"{number:05}.txt").write_text(f"Report {number}\n\n{text}.\n", "utf-8")
    single = timed("one process", partial(plain, [rag(articles, options.work / "single")]))
    runs: list[tuple[str, Run]] = [(f"{options.shards} processes", plain)]
    if options.ray:
        runs.append(("Ray", in_ray))
    for name, run in runs:
        parts = [options.work / f"{name.split()[-1]}-part{number}" for number in range(1, options.shards + 1)]
        commands = [
            rag(articles, part, "--shard", f"{number}/{options.shards}") for number, part in enumerate(parts, start=1)
        ]
        spent = timed(f"{name}: shards", partial(run, commands))
        merged = options.work / f"{name.split()[-1]}-merged"
        spent += timed(f"{name}: merging", partial(plain, [rag(articles, merged, "--merge", *map(str, parts))]))
        print(
            f"{name}: {single / spent:.2f} times as fast, equal: {equal(options.work / 'single', merged)}", flush=True
        )


def rag(articles: Path, index: Path, *more: str) -> list[str]:
    """The command that builds."""
    return [sys.executable, "-m", "rag", "build", "--articles", str(articles), "--index", str(index), *more]


def plain(commands: Sequence[list[str]]) -> None:
    """Run commands at the same time."""
    started = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for command in commands]
    for command, each in zip(commands, started, strict=True):
        if each.wait() not in (0, 2):  # 2: some files failed
            raise SystemExit(f"{' '.join(command)} ended with {each.returncode}")


def in_ray(commands: Sequence[list[str]]) -> None:
    """Run commands as tasks of a local Ray cluster."""
    os.environ.setdefault("RAY_worker_niceness", "0")  # Ray's own 15 lets every other program of the machine go first
    import ray  # type: ignore[import-not-found]  # installed by hand for this

    ray.init(num_cpus=len(commands), include_dashboard=False)
    task = ray.remote(lambda command: subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode)
    if not set(ray.get([task.remote(command) for command in commands])) <= {0, 2}:
        raise SystemExit("a task of Ray failed")
    ray.shutdown()


def timed(name: str, do: Callable[[], None]) -> float:
    """Do something and print how long it took."""
    started = time.perf_counter()
    do()
    spent = time.perf_counter() - started
    print(f"{name}: {spent:.1f} s", flush=True)
    return spent


def equal(one: Path, other: Path) -> bool:
    """Whether two indexes hold the same rows, texts and vectors, and rank alike."""
    with closing(Index.open(one)) as first, closing(Index.open(other)) as second:
        rows = range(len(first))
        if len(first) != len(second) or first.passages(rows) != second.passages(rows):
            return False
        vectors = all(
            (first.vectors.fetch([row]) == second.vectors.fetch([row])).all()
            for row in rows[:: max(1, len(rows) // 500)]
        )
        questions = [
            " ".join(passage.text.split()[:6]) for passage, _ in first.passages(rows[:: max(1, len(rows) // 50)])
        ]
        ranks = all(
            first.keywords(first.terms(each), 20) == second.keywords(second.terms(each), 20) for each in questions
        )
        return vectors and ranks


if __name__ == "__main__":
    main()
