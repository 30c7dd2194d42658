"""Measure follow-up questions: is the evidence found with the conversation carried over, are complete questions left alone?

    python benchmarks/follow_ups.py [--turns TURNS] [--conversations ARTICLES CONVERSATIONS] [--rewrites REWRITES]
                                    [--complete QUESTIONS ...] [--index FOLDER] [--show]

TURNS is MTRAG-UN's turns.jsonl (conversations whose last turn has its ``contexts``; all contexts together are the articles).
CONVERSATIONS is JSON lines: {"turns": [{"kind", "question", "evidence": [{"document", "quote"}]}]}; the answers in between are
our own. REWRITES is CANARD's dev.jsonl.gz: which share of the words that its rewrites add is carried over, and which share of
what is carried over do they add? QUESTIONS are JSON lines with a ``question`` each that is complete: every one is asked after
a conversation about something else, drawn from its own file.
``--index`` keeps the indexes for the next run; ``--show`` prints what became of each.

Three ways of asking are compared: the question ``alone``, ``completed``, and ``two``: the last two questions in one.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import random
import re
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embeddings import Embedder
from rag.chatbot import Chatbot
from rag.index.build import build, load_embedder
from rag.index.store import Index
from rag.retrieval.find import retrieve
from rag.retrieval.follow_up import complete
from rag.settings import Settings
from rag.text.stems import stem
from rag.text.words import FUNCTION_WORDS, words
from rag.types import Hit, Message

K = 5
WAYS = ("alone", "completed", "two")


@dataclass(frozen=True)
class Asked:
    """One turn, and by each way of asking the rank of the first passage with evidence, 0 where none was found."""

    group: str
    kind: str
    question: str
    completed: str
    ranks: tuple[int, ...]
    seconds: float


def main() -> None:
    """Measure what the arguments name and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=Path)
    parser.add_argument("--conversations", type=Path, nargs=2, metavar=("ARTICLES", "CONVERSATIONS"))
    parser.add_argument("--rewrites", type=Path)
    parser.add_argument("--complete", type=Path, nargs="+", default=[], metavar="QUESTIONS")
    parser.add_argument("--index", type=Path)
    parser.add_argument("--show", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = chosen.index or Path(scratch)
        embedder = load_embedder(Settings()) if chosen.turns or chosen.conversations else None
        if chosen.turns and embedder:
            _report(f"{chosen.turns.name}", _ask_turns(chosen.turns, folder / "turns", embedder), chosen.show)
        if chosen.conversations and embedder:
            articles, conversations = chosen.conversations
            chatbot = Chatbot.open(Settings(articles=articles, index=folder / "conversations"), embedder=embedder)
            _report(conversations.name, _ask_conversations(chatbot, _lines(conversations)), chosen.show)
        if chosen.rewrites:
            _report_carried(chosen.rewrites)
        for path in chosen.complete:
            _report_touched(path, chosen.show)


def _ask_turns(path: Path, folder: Path, embedder: Embedder) -> list[Asked]:
    turns = [turn for turn in _lines(path) if turn["contexts"]]
    names = _write_articles(turns, folder / "articles")
    settings = Settings(articles=folder / "articles", index=folder / "index")
    build(settings, embedder)
    index = Index.open(settings.index)
    asked = []
    for turn in turns:
        *before, last = turn["input"]
        history = [Message("user" if each["speaker"] == "user" else "assistant", each["text"]) for each in before]
        evidence = {names[context["document_id"]] for context in turn["contexts"]}
        ways, seconds = _ways(last["text"], history)
        hits = [retrieve(index, embedder, way, K) for way in ways]
        ranks = tuple(_rank(hit.document.id in evidence for hit in each) for each in hits)
        kind = turn["Multi-Turn"][0] if history else "first turn"
        asked.append(Asked(_half(turn["conversation_id"]), kind, last["text"], ways[1], ranks, seconds))
    return asked


def _write_articles(turns: Iterable[dict[str, Any]], folder: Path) -> dict[str, str]:
    """Write every context to a file of its own; return the files' names by the contexts' ids."""
    texts = {context["document_id"]: context["text"] for turn in turns for context in turn["contexts"]}
    names = {id_: f"{number:04}.txt" for number, id_ in enumerate(sorted(texts))}
    folder.mkdir(parents=True, exist_ok=True)
    for id_, name in names.items():
        (folder / name).write_text(texts[id_], "utf-8")
    return names


def _half(id_: str) -> str:
    """Tell the half on which rules may be developed, A, from the one that says whether they hold, B."""
    return "AB"[hashlib.sha256(f"half {id_}".encode()).digest()[0] % 2]


def _ask_conversations(chatbot: Chatbot, conversations: Iterable[dict[str, Any]]) -> list[Asked]:
    asked = []
    for conversation in conversations:
        history: list[Message] = []
        for turn in conversation["turns"]:
            ways, seconds = _ways(turn["question"], history)
            ranks = tuple(_rank(_holds(chatbot, hit, turn) for hit in chatbot.retrieve(way, K)) for way in ways)
            kind = turn["kind"] if history else "first turn"
            asked.append(Asked("all", kind, turn["question"], ways[1], ranks, seconds))
            history += [Message("user", turn["question"]), Message("assistant", chatbot.ask(ways[1]).text)]
    return asked


def _rank(holds: Iterable[bool]) -> int:
    return next((rank for rank, each in enumerate(holds, start=1) if each), 0)


def _ways(question: str, history: Sequence[Message]) -> tuple[tuple[str, str, str], float]:
    started = time.thread_time()
    completed = complete(question, history)
    seconds = time.thread_time() - started
    former = [message.text for message in history if message.role == "user"][-1:]
    return (question, completed, " ".join([*former, question])), seconds


def _holds(chatbot: Chatbot, hit: Hit, turn: dict[str, Any]) -> bool:
    """Tell whether a passage holds at least half of a quote of the evidence, white space aside."""
    for evidence in turn["evidence"]:
        if hit.document.id != evidence["document"]:
            continue
        quote = [re.escape(word) for word in evidence["quote"].split()]
        found = re.search(r"\s+".join(quote), chatbot.document(hit.document.id).text)
        if found is None:
            raise SystemExit(f"the quote does not stand in {evidence['document']}: {evidence['quote']}")
        start, end = max(found.start(), hit.passage.start), min(found.end(), hit.passage.end)
        if end - start >= (found.end() - found.start()) / 2:
            return True
    return False


def _report(title: str, asked: Sequence[Asked], show: bool) -> None:
    rows: dict[tuple[str, str], list[Asked]] = defaultdict(list)
    for each in asked:
        rows[each.group, each.kind].append(each)
        if each.kind != "first turn":
            rows[each.group, "after the first"].append(each)
    print(f"\n{title}: evidence in the top 1 and in the top {K}\n{'half':6}{'kind':18}{'n':>5}{'touched':>9}", end="")
    print("".join(f"{way:>16}" for way in WAYS))
    for (group, kind), row in sorted(rows.items()):
        touched = sum(each.completed != each.question for each in row) / len(row)
        ranks = [[each.ranks[way] for each in row] for way in range(len(WAYS))]
        shares = [(of_way.count(1) / len(row), 1 - of_way.count(0) / len(row)) for of_way in ranks]
        print(
            f"{group:6}{kind:18}{len(row):5}{touched:9.2f}" + "".join(f"{one:10.2f}{five:6.2f}" for one, five in shares)
        )
    milliseconds = sorted(1000 * each.seconds for each in asked)
    slow = milliseconds[int(0.95 * len(milliseconds))]
    print(f"milliseconds: median {statistics.median(milliseconds):.2f}, 95 of 100 under {slow:.2f}")
    if show:
        for each in asked:
            marks = "".join(str(rank or "-") for rank in each.ranks)
            changed = f"  ->  {each.completed}" if each.completed != each.question else ""
            print(f"{each.group} {marks} {each.kind:14} {each.question}{changed}")


def _report_carried(path: Path) -> None:
    """Compare the words carried over with those that people added to make the same question stand alone."""
    rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    ways: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for row in rows:
        texts = row["history"]
        history = [Message("assistant" if place % 2 else "user", text) for place, text in enumerate(texts)]
        added = _stems(row["rewrite"]) - _stems(row["question"])
        if not added or not history:
            continue
        for way, asked in zip(WAYS, _ways(row["question"], history)[0], strict=True):
            carried = _stems(asked) - _stems(row["question"])
            ways[way].append((len(carried & added), len(added), len(carried)))
    print(
        f"\n{path.name}: {len(ways['alone'])} questions; of the words added by hand carried over, and the other way round"
    )
    for way, counts in ways.items():
        right, wanted, carried_over = map(sum, zip(*counts, strict=True))
        print(f"{way:12}{right / wanted:8.2f}{right / max(carried_over, 1):8.2f}")


def _stems(text: str) -> set[str]:
    return {stem(word) for word in words(text) if word.lower() not in FUNCTION_WORDS}


def _report_touched(path: Path, show: bool, most: int = 4000) -> None:
    """Ask complete questions after two random others of the same file, with a sentence of each as its answer."""
    questions = [each["question"] for each in _lines(path)][:most]
    draw = random.Random(0)
    touched = []
    for question in questions:
        history = []
        for former in draw.sample(questions, 2):
            history += [Message("user", former), Message("assistant", f"{former.rstrip('?')}. [1]")]
        completed = complete(question, history)
        if completed != question:
            touched.append(f"{question}  ->  {completed}")
    print(
        f"\n{path.name}: {len(touched)} of {len(questions)} complete questions touched, {len(touched) / len(questions):.4f}"
    )
    if show:
        print("\n".join(touched))


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


if __name__ == "__main__":
    main()
