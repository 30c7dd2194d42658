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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.chatbot import Chatbot
from rag.index.build import load_embedder
from rag.retrieval.find import embed_question, fuse, rerank
from rag.retrieval.question import understand
from rag.settings import Settings
from rag.types import Answer, Hit


@dataclass(frozen=True)
class Outcome:
    """What became of one question; ranks count from 1, 0 where a quote was not found."""

    asked: dict[str, Any]
    ranks: tuple[int, ...]
    answer: Answer

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
            _print_weights(chatbot, [asked for asked in questions if asked["evidence"]])
        if chosen.wrong:
            _print_wrong(outcomes)


def _ask(chatbot: Chatbot, asked: dict[str, Any]) -> Outcome:
    hits = chatbot.retrieve(asked["question"])
    return Outcome(asked, _ranks(chatbot, asked, hits), chatbot.ask(asked["question"]))


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
    return any(re.search(pattern.strip("/"), text, re.IGNORECASE) for pattern in asked["answers"])


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
    for threshold in (step / 20 for step in range(1, 20)):
        shares = [sum(each.answer.score < threshold for each in group) / max(1, len(group)) for group in (none, rest)]
        print(f"{threshold:9.2f}{shares[0]:16.2f}{shares[1]:28.2f}")


def _print_weights(chatbot: Chatbot, questions: Sequence[dict[str, Any]]) -> None:
    print("\nweight of meaning  top 1  top 5 (answerable questions)")
    found = [(asked, *_scores(chatbot, asked["question"])) for asked in questions]
    for step in range(11):
        ranks = []
        for asked, cosines, keywords in found:
            ranks.append(
                _ranks(chatbot, asked, _ranked(chatbot, asked["question"], fuse(cosines, keywords, step / 10)))
            )
        first = sum(1 in each for each in ranks) / len(ranks)
        five = sum(any(0 < rank <= 5 for rank in each) for each in ranks) / len(ranks)
        print(f"{step / 10:17.1f}{first:7.3f}{five:7.3f}")


def _scores(chatbot: Chatbot, question: str) -> tuple[dict[int, float], dict[int, float]]:
    index = chatbot._index
    vector = embed_question(chatbot._embedder, question)
    keywords = {hit.row: hit.score for hit in index.keywords(index.terms(question), 50)}
    rows = sorted({hit.row for hit in index.nearest(vector, 50)} | keywords.keys())
    return dict(zip(rows, index.cosines(vector, rows), strict=True)), keywords


def _ranked(chatbot: Chatbot, question: str, scores: dict[int, float]) -> list[Hit]:
    index = chatbot._index
    rows = sorted(scores, key=lambda row: (-scores[row], row))[:24]
    passages = dict(zip(rows, index.passages(rows), strict=True))
    scores = rerank(understand(question, index), {row: scores[row] for row in rows}, passages)
    best = sorted(rows, key=lambda row: (-scores[row], row))[: chatbot.settings.k]
    return [Hit(*passages[row], scores[row]) for row in best]


def _print_wrong(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        asked, none = outcome.asked, outcome.asked["kind"] == "none"
        if outcome.answer.refused == none and (none or outcome.first_matches()) and (none or 1 in outcome.ranks):
            continue
        first = outcome.answer.sentences[0].text if outcome.answer.sentences else "(refused)"
        print(
            f"\n{asked['kind']} {asked['question']}\n  ranks {outcome.ranks} score {outcome.answer.score:.2f}\n  {first}"
        )


def _share(group: Sequence[Outcome], holds: Callable[[Outcome], bool]) -> float:
    return sum(map(holds, group)) / len(group) if group else 0.0


if __name__ == "__main__":
    main()
