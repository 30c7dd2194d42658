"""Times of Footnote beside a plain script, txtai and LangChain, as medians and as ratios within one run.

    python benchmarks/speed.py ARTICLES [--rounds 5] [--count 200] [--peers FOLDER]

ARTICLES holds .md and .txt files, of which the first ``--count`` are taken. The peers get a virtual environment in
``--peers`` (made on first use, about 2 GB) and all-MiniLM-L6-v2 as their model, which does half the work of our default; ours
is measured with both. The plain script is what one would write in ten lines: sentence-transformers and FAISS over paragraphs,
no keywords, no checks, nothing kept but vectors and texts. Every round runs all of them once, so that a busy machine slows all
alike. CPU seconds and the largest memory are those of the whole process; a warm question is a different one each time.
"""

from __future__ import annotations

import argparse
import json
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
from typing import NamedTuple

from embeddings.weights import minilm_folder

QUESTIONS = 40
PEERS = (
    "txtai==9.14.0",
    "langchain-community==0.4.2",
    "langchain-huggingface==1.2.3",
    "langchain-text-splitters==1.1.3",
)

# Each program: build ARTICLES STORE, or ask STORE QUESTIONS, which prints the milliseconds of each question but the first.
_FRAME = """
import json, sys, time
from pathlib import Path
verb, place, other, model = sys.argv[1:]
def texts():
    for path in sorted(Path(place).iterdir()):
        yield path.read_text("utf-8")
def answer(search):
    times = []
    for question in json.loads(Path(other).read_text("utf-8")):
        started = time.perf_counter()
        assert search(question)
        times.append(1000 * (time.perf_counter() - started))
    print(json.dumps(times[1:] or times))
"""
_PROGRAMS = {
    "plain script": """
import faiss
from sentence_transformers import SentenceTransformer
encoder = SentenceTransformer(model)
def encode(texts):
    return encoder.encode(texts, normalize_embeddings=True, show_progress_bar=False)
if verb == "build":
    parts = [part for text in texts() for part in text.split("\\n\\n")]
    vectors = encode(parts)
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    Path(other).mkdir()
    faiss.write_index(index, f"{other}/index")
    Path(other, "texts").write_text(json.dumps(parts))
else:
    index, parts = faiss.read_index(f"{place}/index"), json.loads(Path(place, "texts").read_text())
    answer(lambda question: [parts[row] for row in index.search(encode([question]), 8)[1][0]])
""",
    "txtai": """
from txtai import Embeddings
if verb == "build":
    parts = [part for text in texts() for part in text.split("\\n\\n")]
    embeddings = Embeddings(path=model, content=True, hybrid=True)
    embeddings.index(parts)
    embeddings.save(other)
else:
    embeddings = Embeddings()
    embeddings.load(place)
    answer(lambda question: embeddings.search(question, 8))
""",
    "LangChain": """
from langchain_community.vectorstores import FAISS
from langchain_huggingface import HuggingFaceEmbeddings
from langchain_text_splitters import RecursiveCharacterTextSplitter
encoder = HuggingFaceEmbeddings(model_name=model)
if verb == "build":
    splitter = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=100)
    FAISS.from_documents(splitter.create_documents(list(texts())), encoder).save_local(other)
else:
    store = FAISS.load_local(place, encoder, allow_dangerous_deserialization=True)
    answer(lambda question: store.similarity_search(question, 8))
""",
    "rag": """
import os, rag
from rag import Chatbot, Settings
if verb == "build":
    rag.build(Settings(articles=place, index=other, embedder=os.environ["RAG_EMBEDDER"]))
else:
    chatbot = Chatbot.open(articles=Path(place).parent / "articles", index=place)
    answer(chatbot.retrieve if model == "retrieve" else chatbot.ask)
""",
}


class Cost(NamedTuple):
    """What a process cost: seconds, CPU seconds, MB at most."""

    wall: float
    cpu: float
    memory: float


def main() -> None:
    """Run every round and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("articles", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=200, help="articles")
    parser.add_argument("--peers", type=Path, help="the folder of the peers' environment; without it they are left out")
    chosen = parser.parse_args()
    python = _peers(chosen.peers) if chosen.peers else None
    costs: dict[str, list[Cost]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "articles").mkdir()
        files = [path for path in sorted(chosen.articles.iterdir()) if path.suffix in (".md", ".txt")]
        for path in files[: chosen.count]:
            shutil.copy(path, folder / "articles")
        _questions(folder)
        for number in range(chosen.rounds):
            _round(costs, folder, python, number)
            print(f"round {number + 1} of {chosen.rounds}", file=sys.stderr, flush=True)
    _print(costs)


def _questions(folder: Path) -> None:
    words = [path.read_text("utf-8").split() for path in sorted((folder / "articles").iterdir())]
    asked = [f"What is said about {' '.join(each[40 + n : 45 + n])}?" for n in range(9) for each in words]
    (folder / "one.json").write_text(json.dumps(asked[:1]))
    (folder / "many.json").write_text(json.dumps(asked[:: max(1, len(asked) // QUESTIONS)]))


def _round(costs: dict[str, list[Cost]], folder: Path, python: Path | None, number: int) -> None:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    systems = [("rag", "bundled"), ("rag", "minilm"), ("plain script", ""), ("txtai", ""), ("LangChain", "")]
    for system, embedder in systems:
        if system not in ("rag", "plain script") and python is None:
            continue
        name = f"{system} ({embedder})" if embedder else system
        interpreter = python if python and system in ("txtai", "LangChain") else Path(sys.executable)
        store = folder / name
        shutil.rmtree(store, ignore_errors=True)

        def run(
            *arguments: object, program: str = system, by: Path = interpreter, model: str = embedder
        ) -> tuple[Cost, str]:
            command = [str(by), "-c", _FRAME + _PROGRAMS[program], *map(str, arguments)]
            return _run(command, {**environment, "RAG_EMBEDDER": model or "bundled"})

        ours = system == "rag"
        costs[f"build|{name}"].append(run("build", folder / "articles", store, minilm_folder())[0])
        costs[f"cold question|{name}"].append(
            run("ask", store, folder / "one.json", "retrieve" if ours else minilm_folder())[0]
        )
        _, printed = run("ask", store, folder / "many.json", "retrieve" if ours else minilm_folder())
        costs[f"warm question|{name}"].append(Cost(statistics.median(json.loads(printed)) / 1000, 0, 0))
        if ours:
            costs[f"cold answer|{name}"].append(run("ask", store, folder / "one.json", "ask")[0])
            _, printed = run("ask", store, folder / "many.json", "ask")
            costs[f"warm answer|{name}"].append(Cost(statistics.median(json.loads(printed)) / 1000, 0, 0))
            changed = min((folder / "articles").iterdir())
            changed.write_text(changed.read_text("utf-8") + f"\n\nA sentence of round {number}.\n", "utf-8")
            costs[f"one changed article|{name}"].append(run("build", folder / "articles", store, "")[0])


def _run(command: Sequence[str], environment: dict[str, str]) -> tuple[Cost, str]:
    with tempfile.TemporaryFile("w+") as out:
        started = time.perf_counter()
        child = subprocess.Popen(command, stdout=out, env=environment)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit(f"a program failed with {child.returncode}")
        out.seek(0)
        return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024), out.read()


def _peers(folder: Path) -> Path:
    """Make the peers' environment, once."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        needed = [*PEERS, "torch==2.13.0", "faiss-cpu", "sentence-transformers"]
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *needed], check=True)
    return python


def _print(costs: dict[str, list[Cost]]) -> None:
    print(f"{'':44}{'s':>9}{'CPU s':>9}{'MB':>7}   ratio of the plain script's seconds to its own")
    for name, found in sorted(costs.items()):
        what, _, system = name.partition("|")
        wall, cpu, memory = (statistics.median(each[place] for each in found) for place in range(3))
        others = [each.wall for each in costs.get(f"{what}|plain script", ())]
        ratio = f"{statistics.median(others) / wall:6.2f}" if others else ""
        print(f"{what:20}{system:24}{wall:9.3f}{cpu:9.2f}{memory:7.0f}   {ratio}")


if __name__ == "__main__":
    main()
