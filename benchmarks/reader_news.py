"""Read the invented news that the extractive reader learns from, and make groups of training pairs of it.

    python benchmarks/reader_news.py benchmarks/reader_news                     (checks the files and counts)
    python benchmarks/reader_news.py benchmarks/reader_news --export FOLDER     (the held ones, for quality.py)

A file holds clusters: two or three articles about one story, then questions. "?" is followed by every wording that answers,
letter for letter; "??" is a near miss: no article of the cluster answers it, though each comes close.

    == a short name
    -- en | Outlet | 2031-04-17 | Title
    Text of the article.
    ? How much will the pier cost? | 41 million crowns | 41m
    ?? Who designed the old pier?
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from reader_texts import Pair

_SPACE = 150  # characters that an answer's neighbourhood takes: a window that competes begins further away
_OTHERS = 2  # windows that compete with the one that answers

Cut = Callable[[str], list[tuple[int, int]]]
"""Cut a text into sentences."""
Shown = Callable[[random.Random, str, str, str, int, int], Pair]
"""Make a pair of a question, a title and a window around a span of a text."""


class Article(NamedTuple):
    """An invented article."""

    language: str
    outlet: str
    date: str
    title: str
    text: str


class Question(NamedTuple):
    """A question and every wording that answers it; none for a near miss."""

    text: str
    spans: list[str]


class Cluster(NamedTuple):
    """Articles about one story, and questions."""

    name: str
    articles: list[Article]
    questions: list[Question]


def clusters(text: str) -> list[Cluster]:
    """Parse a file."""
    found: list[Cluster] = []
    for line in text.split("\n"):
        if line.startswith("== "):
            found.append(Cluster(line[3:].strip(), [], []))
        elif line.startswith("-- ") and line.count("|") >= 3:
            language, outlet, date, title = (part.strip() for part in line[3:].split("|", 3))
            found[-1].articles.append(Article(language, outlet, date, title, ""))
        elif line.startswith(("? ", "?? ")):
            question, *spans = (part.strip() for part in line.lstrip("?").split(" | "))
            found[-1].questions.append(Question(question, spans))
        elif found and found[-1].articles and not found[-1].questions:
            article = found[-1].articles.pop()
            found[-1].articles.append(article._replace(text=f"{article.text}{line}\n".lstrip("\n")))
    return [
        Cluster(each.name, [a._replace(text=a.text.rstrip()) for a in each.articles], each.questions) for each in found
    ]


def groups(cluster: Cluster, rng: random.Random, cut: Cut, shown: Shown) -> Iterator[list[Pair]]:
    """Make a group of pairs of each question; only the first of a group may have an answer.

    ``cut`` and ``shown`` are the trainer's own, so that windows here are cut as there.
    """
    answered = [(question, places) for question in cluster.questions if (places := _places(cluster, question))]
    for question, places in answered:
        article, start, end = rng.choice(places)
        first = shown(rng, question.text, article.title, article.text, start, end)
        taken = [(a.text, low, high) for a, low, high in places]
        yield [first, *_competing(cluster, first.question, rng, cut, shown, taken)]
    for question in cluster.questions:
        if question.spans:
            continue
        missed = _competing(cluster, question.text, rng, cut, shown, [])
        for place, pair in enumerate(missed):
            twins = [
                right
                for other, places in answered
                for a, start, end in places
                if a.title == pair.title or not pair.title
                for low in [pair.text.find(a.text[start:end])]
                if low >= 0 and a.text.find(pair.text) >= 0
                for right in [pair._replace(question=other.text, start=low, end=low + end - start)]
            ]
            yield [rng.choice(twins), pair] if twins and place == 0 else [pair]


def _places(cluster: Cluster, question: Question) -> list[tuple[Article, int, int]]:
    """Find where the wordings stand that answer."""
    return [
        (article, at, at + len(span))
        for article in cluster.articles
        for span in question.spans
        if (at := article.text.find(span)) >= 0
    ]


def _competing(
    cluster: Cluster, question: str, rng: random.Random, cut: Cut, shown: Shown, taken: list[tuple[str, int, int]]
) -> list[Pair]:
    """Make windows that come close: around the sentences most like the question that do not answer it."""
    wanted = {word[:5] for word in re.findall(r"\w{3,}", question.lower())}
    near = []
    for article in cluster.articles:
        for low, high in cut(article.text):
            if not any(
                text == article.text and low < end + _SPACE and high > start - _SPACE for text, start, end in taken
            ):
                shared = wanted & {word[:5] for word in re.findall(r"\w{3,}", article.text[low:high].lower())}
                near.append((len(shared) + rng.random() * 2, article, low))
    pairs = []
    for _, article, low in sorted(near, key=lambda each: -each[0])[:_OTHERS]:
        pair = shown(rng, question, article.title, article.text, low, low)
        inside = [article.text[start:end] for text, start, end in taken if text == article.text]
        if not any(span in pair.text for span in inside):
            pairs.append(pair._replace(question=question) if taken else pair)
    return pairs


def problems(cluster: Cluster) -> Iterator[str]:
    """Say what is wrong with a cluster."""
    if len(cluster.articles) < 2:
        yield f"{cluster.name}: fewer than two articles"
    for question in cluster.questions:
        for span in question.spans:
            counts = [article.text.count(span) for article in cluster.articles]
            if max(counts) != 1:
                yield f"{cluster.name}: {span!r} stands {max(counts)} times in an article"


def export(read: Sequence[Cluster], folder: Path) -> None:
    """Write articles as Markdown files, and their questions as ``quality.py`` reads them."""
    (folder / "articles").mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for number, cluster in enumerate(read, 1):
        names = [f"{number:03}-{place}.md" for place, _ in enumerate(cluster.articles, 1)]
        for name, article in zip(names, cluster.articles, strict=True):
            head = {"title": article.title, "outlet": article.outlet, "date": article.date}
            lines = "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in head.items())
            (folder / "articles" / name).write_text(f"---\n{lines}---\n\n{article.text}\n", "utf-8")
        for question in cluster.questions:
            places = [
                (n, s) for n, a in zip(names, cluster.articles, strict=True) for s in question.spans if s in a.text
            ]
            kind = "none" if not question.spans else "fact" if question.text.isascii() else "other"
            row = {"question": question.text, "kind": kind, "answers": [rf"/{re.escape(s)}/" for s in question.spans]}
            rows.append({**row, "evidence": [{"document": n, "quote": s} for n, s in places[:1]]})
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "questions.jsonl").write_text(text, "utf-8")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--export", type=Path)
    given = parser.parse_args()
    paths = sorted(given.folder.glob("*.txt"))
    if given.export is not None:
        held = [each for path in paths if path.name.startswith("held") for each in clusters(path.read_text("utf-8"))]
        export(held, given.export)
        return
    read = [each for path in paths for each in clusters(path.read_text("utf-8"))]
    for cluster in read:
        for problem in problems(cluster):
            print(problem)
    questions = [each for cluster in read for each in cluster.questions]
    articles = sum(len(each.articles) for each in read)
    right = sum(bool(each.spans) for each in questions)
    print(
        f"{len(read)} clusters, {articles} articles, {right} questions answered, {len(questions) - right} near misses"
    )


if __name__ == "__main__":
    main()
