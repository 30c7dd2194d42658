"""Whole-process times of the commands, as medians, and their ratio to a plain script in the same run.

    python benchmarks/speed.py [ARTICLES] [--rounds 5]

The plain script is what one would write in ten lines: sentence-transformers and FAISS over paragraphs, no header, no keywords,
no checks, nothing kept on disk. Every round runs all of them once, so that a busy machine slows all alike.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

_QUESTION = "How many people came to the rally?"
_PLAIN = """
import sys
from pathlib import Path
import faiss
from sentence_transformers import SentenceTransformer
from embeddings.weights import multilingual_folder
model = SentenceTransformer(str(multilingual_folder()))
texts = [part for path in sorted(Path(sys.argv[1]).iterdir()) for part in path.read_text("utf-8").split("\\n\\n")]
vectors = model.encode(texts, normalize_embeddings=True, show_progress_bar=False)
index = faiss.IndexFlatIP(vectors.shape[1])
index.add(vectors)
if len(sys.argv) > 2:
    print(index.search(model.encode([sys.argv[2]], normalize_embeddings=True, show_progress_bar=False), 8)[1])
"""
_WARM = """
import sys, time
import rag
chatbot = rag.Chatbot.open(articles=sys.argv[1], index=sys.argv[2])
questions = ["How many people came to the rally?", "Who founded the movement?", "Why was the vote called unfair?"] * 5
def median(call):
    times = []
    for question in questions:
        started = time.perf_counter()
        call(question)
        times.append(time.perf_counter() - started)
    return sorted(times)[len(times) // 2]
plain = median(lambda question: chatbot._index.nearest(chatbot._embedder.embed_query(question), 8))
print(plain, median(chatbot.retrieve), median(chatbot.ask))
"""


def main() -> None:
    """Runs every round and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("articles", type=Path, nargs="?", default=Path("seeds"))
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    times: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        articles, index = Path(folder) / "articles", Path(folder) / "index"
        shutil.copytree(chosen.articles, articles)
        for number in range(chosen.rounds):
            _round(times, articles, index, number)
    _print(times)


def _round(times: dict[str, list[float]], articles: Path, index: Path, number: int) -> None:
    folders = ["--articles", str(articles), "--index", str(index)]
    command = [sys.executable, "-m", "rag"]
    times["plain script: build"].append(_timed([sys.executable, "-c", _PLAIN, str(articles)]))
    times["rag build --fresh"].append(_timed([*command, "build", "--fresh", *folders]))
    first = min(articles.glob("*.md"))
    first.write_text(first.read_text("utf-8") + f"\nA sentence added in round {number}.\n", "utf-8")
    times["rag build, one changed article"].append(_timed([*command, "build", *folders]))
    times["plain script: build and ask"].append(_timed([sys.executable, "-c", _PLAIN, str(articles), _QUESTION]))
    times["rag ask, cold"].append(_timed([*command, "ask", _QUESTION, *folders]))
    times["rag --help"].append(_timed([*command, "--help"]))
    done = subprocess.run(
        [sys.executable, "-c", _WARM, str(articles), str(index)], capture_output=True, text=True, check=True
    )
    names = ("plain, warm: embed and search", "rag.retrieve, warm", "rag.ask, warm")
    for name, value in zip(names, done.stdout.split(), strict=True):
        times[name].append(float(value))


def _timed(command: Sequence[str]) -> float:
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=False, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    if done.returncode not in (0, 3):
        raise SystemExit(done.stderr.decode())
    return time.perf_counter() - started


def _print(times: dict[str, list[float]]) -> None:
    compared = {
        "rag build --fresh": "plain script: build",
        "rag build, one changed article": "plain script: build",
        "rag ask, cold": "plain script: build and ask",
        "rag.retrieve, warm": "plain, warm: embed and search",
        "rag.ask, warm": "plain, warm: embed and search",
    }
    for name, values in times.items():
        median = statistics.median(values)
        other = compared.get(name)
        ratio = f"{median / statistics.median(times[other]):6.2f} x {other}" if other else ""
        print(f"{name:32}{median:9.3f} s  {ratio}")


if __name__ == "__main__":
    main()
