"""Questions with known answers against a folder of articles: what is found, what is answered, what is refused.

    python benchmarks/quality.py ARTICLES QUESTIONS [--wrong] [--weights]

QUESTIONS is JSON lines: {"kind", "question", "answers": [regular expressions, any one is right], "evidence": [{"document" (a
file name) or "doc" (how one begins), "quote"}]}; kind "none" means that the articles do not say. ``--wrong`` lists what went
wrong, ``--weights`` shows other weights of the two halves of retrieval.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rag.retrieve
from rag.build import load_embedder
from rag.chatbot import Chatbot
from rag.extractive import SentenceReader
from rag.settings import Settings
from rag.types import Answer, Hit


@dataclass(frozen=True)
class Outcome:
    """What became of one question; ranks count from 1, 0 where a quote was not found."""

    asked: dict[str, Any]
    ranks: tuple[int, ...]
    answer: Answer
    support: float

    def first_matches(self) -> bool:
        """Whether the first sentence of the answer is right."""
        return any(_matches(self.asked, sentence.text) for sentence in self.answer.sentences[:1])

    def any_matches(self) -> bool:
        """Whether any sentence of the answer is right."""
        return any(_matches(self.asked, sentence.text) for sentence in self.answer.sentences)


def main() -> None:
    """Asks everything and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("articles", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--wrong", action="store_true")
    parser.add_argument("--weights", action="store_true")
    chosen = parser.parse_args()
    questions = [json.loads(line) for line in chosen.questions.read_text("utf-8").splitlines() if line.strip()]
    with tempfile.TemporaryDirectory() as index:
        settings = Settings(articles=chosen.articles, index=Path(index))
        chatbot = Chatbot.open(settings, embedder=load_embedder(settings))
        outcomes = [_ask(chatbot, asked) for asked in questions]
        _print_kinds(outcomes)
        _print_curve(outcomes)
        if chosen.weights:
            _print_weights(chatbot, questions)
        if chosen.wrong:
            _print_wrong(outcomes)


def _ask(chatbot: Chatbot, asked: dict[str, Any]) -> Outcome:
    hits = chatbot.retrieve(asked["question"])
    reading = SentenceReader(chatbot._embedder).read(asked["question"], hits, chatbot._index)
    return Outcome(asked, _ranks(chatbot, asked, hits), chatbot.ask(asked["question"]), reading.support)


def _ranks(chatbot: Chatbot, asked: dict[str, Any], hits: Sequence[Hit]) -> tuple[int, ...]:
    return tuple(
        next((rank for rank, hit in enumerate(hits, start=1) if _holds(chatbot, hit, evidence)), 0)
        for evidence in asked["evidence"]
    )


def _holds(chatbot: Chatbot, hit: Hit, evidence: dict[str, str]) -> bool:
    """Whether a passage holds at least half of a quote, white space aside."""
    name = evidence.get("document") or evidence["doc"]
    if not hit.document.id.startswith(name):
        return False
    words = [re.escape(word) for word in evidence["quote"].split()]
    found = re.search(r"\s+".join(words), chatbot.document(hit.document.id).text)
    if found is None:
        return False
    start, end = max(found.start(), hit.passage.start), min(found.end(), hit.passage.end)
    return end - start >= (found.end() - found.start()) / 2


def _matches(asked: dict[str, Any], text: str) -> bool:
    return any(re.search(pattern, text, re.IGNORECASE) for pattern in asked["answers"])


def _print_kinds(outcomes: Sequence[Outcome]) -> None:
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[outcome.asked["kind"]].append(outcome)
    print(f"{'kind':10}{'n':>4}{'top 1':>8}{'top 5':>8}{'all in 8':>10}{'first':>8}{'any':>8}{'refused':>9}")
    for kind, group in groups.items():
        print(
            f"{kind:10}{len(group):4}"
            f"{_share(group, lambda each: any(rank == 1 for rank in each.ranks)):8.2f}"
            f"{_share(group, lambda each: any(0 < rank <= 5 for rank in each.ranks)):8.2f}"
            f"{_share(group, lambda each: bool(each.ranks) and all(0 < rank <= 8 for rank in each.ranks)):10.2f}"
            f"{_share(group, Outcome.first_matches):8.2f}{_share(group, Outcome.any_matches):8.2f}"
            f"{_share(group, lambda each: each.answer.refused):9.2f}"
        )


def _print_curve(outcomes: Sequence[Outcome]) -> None:
    none = [outcome for outcome in outcomes if outcome.asked["kind"] == "none"]
    rest = [outcome for outcome in outcomes if outcome.asked["kind"] != "none"]
    print(f"\nthreshold  refused of the {len(none)} unanswerable  refused of the other {len(rest)}")
    for step in range(1, 20):
        threshold = step / 20
        print(
            f"{threshold:9.2f}{_share(none, lambda each, t=threshold: each.support < t):16.2f}"
            f"{_share(rest, lambda each, t=threshold: each.support < t):28.2f}"
        )


def _print_weights(chatbot: Chatbot, questions: Iterable[dict[str, Any]]) -> None:
    print("\nweight of meaning  top 1  top 5 (answerable questions)")
    usual, asked_for = rag.retrieve.fuse, [asked for asked in questions if asked["evidence"]]
    for step in range(11):
        rag.retrieve.fuse = lambda cosines, keywords, weight=step / 10: usual(cosines, keywords, weight)  # type: ignore[assignment]
        ranks = [_ranks(chatbot, asked, chatbot.retrieve(asked["question"])) for asked in asked_for]
        first = sum(1 in each for each in ranks) / len(ranks)
        five = sum(any(0 < rank <= 5 for rank in each) for each in ranks) / len(ranks)
        print(f"{step / 10:17.1f}{first:7.3f}{five:7.3f}")
    rag.retrieve.fuse = usual


def _print_wrong(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        asked, none = outcome.asked, outcome.asked["kind"] == "none"
        if outcome.answer.refused == none and (none or outcome.first_matches()) and (none or 1 in outcome.ranks):
            continue
        first = outcome.answer.sentences[0].text if outcome.answer.sentences else "(refused)"
        print(
            f"\n{asked['kind']} {asked['question']}\n  ranks {outcome.ranks} support {outcome.support:.2f}\n  {first}"
        )


def _share(group: Sequence[Outcome], holds: Callable[[Outcome], bool]) -> float:
    return sum(map(holds, group)) / len(group) if group else 0.0


if __name__ == "__main__":
    main()
