"""How well the reader finds spans: F1 on sets in SQuAD's form, also with questions in another language than the texts.

    python benchmarks/read_sets.py PARAGRAPHS.jsonl QUESTIONS.jsonl [--answers QUESTIONS.jsonl] [--count 0] [--windows]

A line of PARAGRAPHS has "pid" and "context", one of QUESTIONS "id", "pid", "question", "answers" and perhaps "is_impossible";
``--answers`` takes the answers from another file, by id. F1 is SQuAD's own (https://arxiv.org/abs/1806.03822), with the
threshold that is best on the set, as its authors do; ``--windows`` reads 600 characters at a time, as the product does.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from statistics import fmean
from typing import Any

from embeddings import Span, open_span_reader

WINDOW = 600


def main() -> None:
    """Read the questions and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paragraphs", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--answers", type=Path)
    parser.add_argument("--count", type=int, default=0, help="questions, drawn with a fixed seed; 0 for all")
    parser.add_argument("--windows", action="store_true")
    given = parser.parse_args()
    contexts = {row["pid"]: row for row in _rows(given.paragraphs)}
    questions = _rows(given.questions)
    if given.count:
        questions = random.Random(1).sample(questions, min(given.count, len(questions)))
    answers = {row["id"]: row["answers"] for row in _rows(given.answers or given.questions)}
    reader = open_span_reader()
    found = []
    for row in questions:
        text = contexts[row["pid"]]["context"]
        title = contexts[row["pid"]].get("title") or str(row["pid"]).split("#")[0].replace("_", " ")
        best = _best(reader, row["question"], title if re.search("[a-z]", title) else "", text, given.windows)
        right = max((f1(text[best.start : best.end], each) for each in answers[row["id"]]), default=0.0)
        found.append((best.score, right, bool(row.get("is_impossible"))))
    print(figures(found))


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def _best(reader: Any, question: str, title: str, text: str, windows: bool) -> Span:
    cuts = [0]
    if windows:
        for match in re.finditer(r"[.!?]\s+", text):
            if match.end() - cuts[-1] > WINDOW:
                cuts.append(match.end())
    parts = [(start, text[start:end]) for start, end in zip(cuts, [*cuts[1:], len(text)], strict=True)]
    read = reader.read(question, [(title, part) for _, part in parts])
    spans = [
        span._replace(start=span.start + a, end=span.end + a)
        for (a, _), s in zip(parts, read, strict=True)
        for span in s
    ]
    return max(spans, key=lambda span: span.score, default=Span(0, 0, -99.0))


def figures(found: Sequence[tuple[float, float, bool]]) -> str:
    """Sum up (score, F1 of the span, unanswerable) of each question; the threshold is the best one of the set."""
    answerable = [right for _, right, none in found if not none]
    text = f"{len(found)} questions; span F1 of the answerable {fmean(answerable):.3f}"
    if len(answerable) == len(found):
        return text
    rising = sorted(found)
    gained, best, threshold = 0.0, 0.0, rising[0][0] - 1
    for score, group in groupby(rising, key=lambda each: each[0]):  # refuse one more, from the least likely on
        gained += sum(1.0 if none else -right for _, right, none in group)
        if gained > best:
            best, threshold = gained, score
    total = (sum(answerable) + best) / len(found)
    answered = fmean(right if score > threshold else 0.0 for score, right, none in found if not none)
    refused = fmean(score <= threshold for score, _, none in found if none)
    wrongly = fmean(score <= threshold for score, _, none in found if not none)
    return (
        f"{text}; F1 {total:.3f} at threshold {threshold:.2f}: answerable {answered:.3f} ({wrongly:.3f} refused), "
        f"unanswerable {refused:.3f}"
    )


def f1(one: str, other: str) -> float:
    """Compare two answers by their words, as SQuAD does.

    >>> f1("the old bridge", "old Bridge, 1912")
    0.8
    """
    first, second = (Counter(re.sub(r"[^\w\s]|\b(a|an|the)\b", " ", each.lower()).split()) for each in (one, other))
    shared = sum((first & second).values())
    return 2 * shared / (sum(first.values()) + sum(second.values())) if shared else 0.0


if __name__ == "__main__":
    main()
