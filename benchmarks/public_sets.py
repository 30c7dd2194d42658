"""Public retrieval sets against our own retrieval, and against each half of its index alone.

    python benchmarks/public_sets.py SET... --cache FOLDER [--split test] [--sample 0] [--k 20] [--json FILE]

Each SET is read as one of
- a folder in BEIR's form: corpus.jsonl, queries.jsonl, and qrels/SPLIT.tsv or qrels_SPLIT.jsonl;
- a file in SQuAD's form: the official JSON, or NAME_paragraphs.jsonl with NAME_questions.jsonl beside it; every
  paragraph is a document, and the one relevant to its questions;
- a folder in SummHay's form: documents.jsonl and subtopics.jsonl; what counts is the share of an insight's articles
  among those of the first K passages.

Articles and index are kept in --cache, so that the next run only asks. ``--sample`` asks so many questions, drawn with a fixed
seed. Passages are found; a document's rank is that of its best passage (Dai and Callan 2019, https://arxiv.org/abs/1905.09217).
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from pathlib import Path
from statistics import fmean
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is loaded

import numpy

from rag.chatbot import Chatbot
from rag.evaluation import ndcg
from rag.retrieval.find import embed_question
from rag.settings import Settings
from rag.types import Progress

SEED = 20
SHALLOW = 24
"""Passages for what is read at the top: as many as retrieval itself looks at closely, so the same as a user gets."""
DEEP = 300
"""Passages for recall among a hundred documents."""

Ranking = Callable[[str, int], list[str]]
"""From a question, and how many passages are looked at, to the ids of their documents, best first."""


@dataclass(frozen=True)
class Text:
    """A document of a public set."""

    title: str
    text: str


@dataclass(frozen=True)
class Query:
    """A question, how much each relevant document is worth, and (SummHay) the documents of each insight."""

    text: str
    relevant: dict[str, float]
    insights: tuple[frozenset[str], ...] = ()


@dataclass(frozen=True)
class PublicSet:
    """Documents by id, and the questions about them."""

    name: str
    documents: dict[str, Text]
    queries: tuple[Query, ...]


@dataclass(frozen=True)
class Row:
    """What one way of ranking reached on one set; shares from 0 to 1, times in milliseconds."""

    method: str
    figures: dict[str, float] = field(default_factory=dict)


def main() -> None:
    """Reads each set, brings its index up to date and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path, nargs="+", metavar="SET")
    parser.add_argument("--cache", type=Path, required=True, help="a folder for articles and indexes")
    parser.add_argument("--split", default="test", help="which qrels of a set in BEIR's form [test]")
    parser.add_argument("--sample", type=int, default=0, help="ask so many questions [all]")
    parser.add_argument("--k", type=int, default=20, help="passages cited, for sets in SummHay's form [20]")
    parser.add_argument("--reranker", default="off", help="as RAG_RERANKER [off]")
    parser.add_argument("--json", type=Path, help="keep every figure in this file")
    options = parser.parse_args()
    found = {}
    for path in options.sets:
        public = sampled(read_set(path, options.split), options.sample)
        with closing(open_set(public, options.cache, reranker=options.reranker)) as chatbot:
            rows = measure(public, chatbot, options.k)
        _print(public, rows)
        found[public.name] = [asdict(row) for row in rows]
    if options.json:
        options.json.write_text(json.dumps(found, indent=1), "utf-8")


def read_set(path: Path, split: str = "test") -> PublicSet:
    """The set in a folder or file, by its form; raises SystemExit where it has none of the three."""
    if (path / "corpus.jsonl").is_file():
        return read_beir(path, split)
    if (path / "subtopics.jsonl").is_file():
        return read_summhay(path)
    if path.is_file():
        return read_squad(path)
    raise SystemExit(f"{path.name} holds neither corpus.jsonl nor subtopics.jsonl and is no file; name one that does")


def read_beir(folder: Path, split: str = "test") -> PublicSet:
    """A set in BEIR's form (Thakur et al. 2021, https://arxiv.org/abs/2104.08663); only questions that the split judges."""
    documents = {str(row["_id"]): Text(row.get("title", ""), row["text"]) for row in _rows(folder / "corpus.jsonl")}
    relevant: dict[str, dict[str, float]] = {}
    for query, document, worth in _judgements(folder, split):
        if worth > 0:
            relevant.setdefault(query, {})[document] = worth
    texts = {str(row["_id"]): row["text"] for row in _rows(folder / "queries.jsonl")}
    queries = tuple(Query(texts[id], documents) for id, documents in relevant.items())
    return PublicSet(folder.name, documents, queries)


def _judgements(folder: Path, split: str) -> Iterator[tuple[str, str, float]]:
    table, lines = folder / "qrels" / f"{split}.tsv", folder / f"qrels_{split}.jsonl"
    if table.is_file():
        with table.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                yield row["query-id"], row["corpus-id"], float(row["score"])
    else:
        for each in _rows(lines):
            yield str(each["qid"]), str(each["did"]), float(each["rel"])


def read_squad(path: Path) -> PublicSet:
    """A set in SQuAD's form (Rajpurkar et al. 2016, https://arxiv.org/abs/1606.05250), without unanswerable questions."""
    if path.suffix == ".jsonl":
        paragraphs = {row["pid"]: Text(row["title"], row["context"]) for row in _rows(path)}
        asked = _rows(path.with_name(path.name.replace("paragraphs", "questions")))
        queries = tuple(Query(row["question"], {row["pid"]: 1.0}) for row in asked if not row.get("is_impossible"))
        return PublicSet(path.name.removesuffix("_paragraphs.jsonl"), paragraphs, queries)
    documents, queries_ = {}, []
    for article in json.loads(path.read_text("utf-8"))["data"]:
        title = article.get("title", "").replace("_", " ")
        for number, paragraph in enumerate(article["paragraphs"]):
            id = f"{article.get('title', '')}#{number}"
            documents[id] = Text(title, paragraph["context"])
            answerable = [each for each in paragraph["qas"] if not each.get("is_impossible")]
            queries_ += [Query(each["question"], {id: 1.0}) for each in answerable]
    return PublicSet(path.stem, documents, tuple(queries_))


def read_summhay(folder: Path) -> PublicSet:
    """A set in SummHay's form (Laban et al. 2024, https://arxiv.org/abs/2407.01370), all topics as one folder of articles."""
    documents = {row["id"]: Text("", row["text"]) for row in _rows(folder / "documents.jsonl")}
    queries = []
    for row in _rows(folder / "subtopics.jsonl"):
        insights = tuple(frozenset(each["documents"]) for each in row["insights"] if each["documents"])
        queries.append(Query(row["query"], dict.fromkeys(sorted(frozenset().union(*insights)), 1.0), insights))
    return PublicSet(folder.name, documents, tuple(queries))


def sampled(public: PublicSet, size: int) -> PublicSet:
    """The same documents with ``size`` of the questions, drawn with a fixed seed; all of them for 0."""
    if not 0 < size < len(public.queries):
        return public
    chosen = sorted(random.Random(SEED).sample(range(len(public.queries)), size))
    return PublicSet(public.name, public.documents, tuple(public.queries[each] for each in chosen))


def open_set(public: PublicSet, cache: Path, embedder: str = "bundled", reranker: str = "off") -> Chatbot:
    """A chatbot over the documents of a set, written as articles into ``cache`` where they are not there yet."""
    content = json.dumps([[id, asdict(each)] for id, each in public.documents.items()])
    folder = cache / f"{public.name}-{blake2b(content.encode(), digest_size=6).hexdigest()}"
    articles = folder / "articles"
    if not (folder / "written").exists():
        articles.mkdir(parents=True, exist_ok=True)
        for number, document in enumerate(public.documents.values()):
            # JSON strings are YAML strings; front matter keeps the reader from guessing at titles and dates.
            title = json.dumps(document.title, ensure_ascii=False)
            header = f"---\ntitle: {title}\nlanguage: en\n---\n"
            (articles / _name(number)).write_text(f"{header}{document.text}\n", "utf-8")
        (folder / "written").touch()
    settings = Settings(articles=articles, index=folder / "index", embedder=embedder, reranker=reranker)
    chatbot = Chatbot.open(settings, on_progress=_show)
    missing = len(public.documents) - len(chatbot.documents())
    if missing:
        print(f"{public.name}: {missing} of {len(public.documents)} documents could not be indexed")
    return chatbot


def _name(number: int) -> str:
    return f"{number:06}.md"


def _show(progress: Progress) -> None:
    if progress.done == progress.total or progress.done % 5000 == 0:
        print(f"  {progress.stage}: {progress.done} of {progress.total}", flush=True)


def rankings(public: PublicSet, chatbot: Chatbot) -> dict[str, Ranking]:
    """Our retrieval, and each half of its index by itself."""
    ids = {_name(number): id for number, id in enumerate(public.documents)}
    index, embedder = chatbot._index, chatbot._embedder

    def of_rows(rows: Sequence[int]) -> list[str]:
        return [ids[passage.document_id] for passage, _ in index.passages(rows)]

    def footnote(question: str, k: int) -> list[str]:
        return [ids[hit.document.id] for hit in chatbot.retrieve(question, k)]

    def dense(question: str, k: int) -> list[str]:
        return of_rows([hit.row for hit in index.nearest(embed_question(embedder, question), k)])

    def keywords(question: str, k: int) -> list[str]:
        return of_rows([hit.row for hit in index.keywords(index.terms(question), k)])

    return {"footnote": footnote, "meaning alone": dense, "keywords alone": keywords}


def measure(public: PublicSet, chatbot: Chatbot, k: int = 20) -> list[Row]:
    """One row for each way of ranking; SummHay's insights are measured at ``k`` passages."""
    cited = any(query.insights for query in public.queries)
    rows = []
    for method, ranking in rankings(public, chatbot).items():
        ranking(public.queries[0].text, SHALLOW)  # loads what is loaded on first use
        rows.append(_cited(method, ranking, public.queries, k) if cited else _found(method, ranking, public.queries))
    if cited:
        rows.append(
            Row("best possible", {f"coverage at {k}": fmean(best_coverage(each, k) for each in public.queries)})
        )
    return rows


def _found(method: str, ranking: Ranking, queries: Sequence[Query]) -> Row:
    shallow, times = _timed(ranking, queries, SHALLOW)
    deep, _ = _timed(ranking, queries, DEEP)
    pairs = list(zip(queries, shallow, strict=True))
    deep_pairs = list(zip(queries, deep, strict=True))
    return Row(
        method,
        {
            "nDCG@10": fmean(graded(query, found) for query, found in pairs),
            "top 1": fmean(any(id in query.relevant for id in found[:1]) for query, found in pairs),
            "top 5": fmean(any(id in query.relevant for id in found[:5]) for query, found in pairs),
            "recall@100": fmean(recall(query.relevant, found[:100]) for query, found in deep_pairs),
            f"nDCG@10 of {DEEP}": fmean(graded(query, found) for query, found in deep_pairs),
            **times,
        },
    )


def _cited(method: str, ranking: Ranking, queries: Sequence[Query], k: int) -> Row:
    found, times = _timed(ranking, queries, k)
    pairs = list(zip(queries, found, strict=True))
    return Row(
        method,
        {
            f"coverage at {k}": fmean(coverage(query, cited) for query, cited in pairs),
            "precision": fmean(sum(id in query.relevant for id in cited) / len(cited) for query, cited in pairs),
            "articles": fmean(len(cited) for cited in found),
            **times,
        },
    )


def _timed(ranking: Ranking, queries: Sequence[Query], k: int) -> tuple[list[list[str]], dict[str, float]]:
    """The documents found for each question, each once, and how long a question took."""
    found, milliseconds = [], []
    for query in queries:
        started = time.perf_counter()
        passages = ranking(query.text, k)
        milliseconds.append((time.perf_counter() - started) * 1000)
        found.append(list(dict.fromkeys(passages)))
    return found, {"p50 ms": numpy.percentile(milliseconds, 50), "p95 ms": numpy.percentile(milliseconds, 95)}


def graded(query: Query, found: Sequence[str]) -> float:
    """nDCG@10 of the documents found."""
    return ndcg([query.relevant.get(id, 0.0) for id in found], list(query.relevant.values()), 10)


def recall(relevant: Iterable[str], found: Iterable[str]) -> float:
    """The share of the relevant documents that were found.

    >>> recall(["a", "b"], ["b", "c"])
    0.5
    """
    wanted = frozenset(relevant)
    return len(wanted.intersection(found)) / len(wanted)


def coverage(query: Query, cited: Sequence[str]) -> float:
    """The share of an insight's articles among the cited ones, averaged over the insights of the question."""
    return fmean(recall(insight, cited) for insight in query.insights)


def best_coverage(query: Query, k: int) -> float:
    """The most that ``k`` articles can cover: an article adds the same wherever it stands, so the weightiest are the best."""
    worth: dict[str, float] = {}
    for insight in query.insights:
        for id in insight:
            worth[id] = worth.get(id, 0.0) + 1 / len(insight) / len(query.insights)
    return sum(sorted(worth.values(), reverse=True)[:k])


def _print(public: PublicSet, rows: Sequence[Row]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row.figures))
    print(f"\n{public.name}: {len(public.documents)} documents, {len(public.queries)} questions")
    print(" " * 16 + "".join(f"{name:>16}" for name in names))
    for row in rows:
        shown = (_shown(name, row.figures.get(name)) for name in names)
        print(f"{row.method:16}" + "".join(f"{each:>16}" for each in shown), flush=True)


def _shown(name: str, figure: float | None) -> str:
    if figure is None:
        return ""
    return f"{figure:.1f}" if name.endswith("ms") or name == "articles" else f"{figure:.4f}"


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)


if __name__ == "__main__":
    main()
