"""Learns the weights of rag/sentence_scorer.json from SQuAD 1.1's training questions, in a folder given by the caller.

    python benchmarks/train_sentence_scorer.py SQUAD_FOLDER [--articles 28] [--questions 40] [--threshold 0.1]

SQUAD_FOLDER holds train_v1.1_paragraphs.jsonl.gz ({"pid", "title", "context"}) and train_v1.1_questions.jsonl.gz ({"id",
"pid", "question", "answers", "answer_starts"}). Several Wikipedia articles at a time become one index, a paragraph a
document. Each question is read twice: as it is, and with the answering paragraph taken out of the hits, where the right
answer is a refusal. Only features that the program computes itself are used, so what is learned is how to weigh them.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy
import torch
from sklearn.linear_model import LogisticRegression

from embeddings import Embedder, open_embedder
from rag.extractive import Scorer, SentenceReader, candidates, support_features
from rag.generations import new_generation
from rag.index import FileState, Index, IndexWriter, Recipe, describe
from rag.question import understand
from rag.retrieve import retrieve
from rag.similarity import Similarity
from rag.types import Document, Passage

_OUTPUT = Path(__file__).parent.parent / "rag" / "sentence_scorer.json"
_ARTICLES_PER_INDEX = 4
_K = 8


def main() -> None:
    """Learns, prints how well, and writes the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--articles", type=int, default=28)
    parser.add_argument("--questions", type=int, default=40, help="of each article, at most")
    parser.add_argument("--threshold", type=float, default=0.1, help="probability below which an answer is refused")
    chosen = parser.parse_args()
    embedder = open_embedder()
    groups = list(_groups(chosen.folder, chosen.articles, chosen.questions))
    tenth = max(1, len(groups) // 5)
    held_out, learned_from = _examples(groups[:tenth], embedder), _examples(groups[tenth:], embedder)
    scorer = _learn(learned_from, chosen.threshold)
    _report(scorer, held_out)
    weights = {"rank": scorer.rank, "support": scorer.support, "bias": scorer.bias, "threshold": scorer.threshold}
    _OUTPUT.write_text(json.dumps(weights, indent=1) + "\n", "utf-8")


def _groups(folder: Path, articles: int, questions: int) -> Iterator[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
    paragraphs, asked = defaultdict(list), defaultdict(list)
    with gzip.open(folder / "train_v1.1_paragraphs.jsonl.gz", "rt", encoding="utf-8") as lines:
        for each in map(json.loads, lines):
            paragraphs[each["title"]].append(each)
    titles = {each["pid"]: each["title"] for group in paragraphs.values() for each in group}
    with gzip.open(folder / "train_v1.1_questions.jsonl.gz", "rt", encoding="utf-8") as lines:
        for each in map(json.loads, lines):
            asked[titles[each["pid"]]].append(each)
    choice = random.Random(0)
    names = choice.sample(sorted(paragraphs), articles)
    for first in range(0, len(names), _ARTICLES_PER_INDEX):
        group = names[first : first + _ARTICLES_PER_INDEX]
        few = [each for name in group for each in choice.sample(asked[name], min(questions, len(asked[name])))]
        yield [each for name in group for each in paragraphs[name]], few


def _examples(groups: list[tuple[list[dict[str, Any]], list[dict[str, Any]]]], embedder: Embedder) -> list[Any]:
    """(features of each candidate, which of them answer) for each question, as asked and with its paragraph taken out."""
    found = []
    for number, (all_paragraphs, all_questions) in enumerate(groups):
        counts = embedder.count_tokens([_embedded(each) for each in all_paragraphs])
        # A paragraph longer than the model reads would be two passages; leaving it out keeps one paragraph one document.
        paragraphs = [each for each, count in zip(all_paragraphs, counts, strict=True) if count <= embedder.max_tokens]
        known = {each["pid"] for each in paragraphs}
        questions = [each for each in all_questions if each["pid"] in known]
        with tempfile.TemporaryDirectory() as folder, closing(_index(Path(folder), paragraphs, embedder)) as index:
            reader = SentenceReader(Similarity(embedder), Scorer({}, {}, 0.0, 0.0))
            for asked in questions:
                hits = retrieve(index, embedder, asked["question"], _K + 1)
                without = [hit for hit in hits if hit.document.id != asked["pid"]][:_K]
                for kept in (hits[:_K], without):
                    sentences = candidates(kept)
                    features = reader.features(understand(asked["question"], index), sentences)
                    right = [float(_answers(asked, each.hit.document.id, each.start, each.end)) for each in sentences]
                    found.append((features, right))
        print(f"group {number + 1} of {len(groups)}: {len(found)} examples", flush=True)
    return found


def _index(folder: Path, paragraphs: list[dict[str, Any]], embedder: Embedder) -> Index:
    recipe = Recipe(embedder.name, embedder.fingerprint, 200, "")
    with new_generation(folder) as (path, publish), closing(IndexWriter(path)) as writer:
        for each in paragraphs:
            text, title = each["context"], each["title"].replace("_", " ")
            document = Document(id=each["pid"], title=title, text=text)
            passage = Passage(id=each["pid"], document_id=each["pid"], start=0, end=len(text), text=text)
            writer.add(document, "", [(passage, _embedded(each))])
        writer.finish(embedder, lambda _: None)
        writer.close()
        publish(describe(recipe, {each["pid"]: FileState(each["pid"], "") for each in paragraphs}))
    return Index.open(folder)


def _embedded(paragraph: dict[str, Any]) -> str:
    return f"{paragraph['title'].replace('_', ' ')}\n{paragraph['context']}"


def _answers(asked: dict[str, Any], pid: str, start: int, end: int) -> bool:
    return pid == asked["pid"] and any(start <= at < end for at in asked["answer_starts"])


def _learn(examples: list[Any], threshold: float) -> Scorer:
    rank = _learn_rank([(features, right) for features, right in examples if any(right)])
    unranked = Scorer(rank, {}, 0.0, threshold)
    rows, right = _best_rows(unranked, examples)
    names = list(rows[0])
    table = numpy.array([[row[name] for name in names] for row in rows])
    scale = table.std(axis=0) + 1e-6
    model = LogisticRegression(C=0.3, max_iter=5000).fit(table / scale, right)
    support = {name: round(float(weight), 4) for name, weight in zip(names, model.coef_[0] / scale, strict=True)}
    return Scorer(rank, support, round(float(model.intercept_[0]), 4), threshold)


def _learn_rank(examples: list[Any]) -> dict[str, float]:
    """Maximises the softmax probability of the answering sentences, with a small penalty on the weights."""
    names = list(examples[0][0][0])
    tables = [torch.tensor([[row[name] for name in names] for row in rows]) for rows, _ in examples]
    rights = [torch.tensor(right) > 0 for _, right in examples]
    scale = torch.cat(tables).std(dim=0) + 1e-6
    weights = torch.zeros(len(names), requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Any:
        optimizer.zero_grad()
        total = 1e-3 * (weights**2).sum()
        for table, right in zip(tables, rights, strict=True):
            scores = table / scale @ weights
            total = total - (torch.logsumexp(scores[right], 0) - torch.logsumexp(scores, 0)) / len(tables)
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    return {name: round(float(weight), 4) for name, weight in zip(names, (weights / scale).tolist(), strict=True)}


def _best_rows(scorer: Scorer, examples: list[Any]) -> tuple[list[dict[str, float]], list[float]]:
    rows, answered = [], []
    for features, right in examples:
        if features:
            best = max(range(len(features)), key=lambda i: scorer.order(features[i]))
            rows.append(support_features(features, best))
            answered.append(float(any(right)))
    return rows, answered


def _report(scorer: Scorer, examples: list[Any]) -> None:
    answerable = [(features, right) for features, right in examples if any(right)]
    first = [right[max(range(len(right)), key=lambda i: scorer.order(features[i]))] for features, right in answerable]
    print(f"held out: the first sentence answers {sum(first) / len(first):.3f} of {len(first)}")
    rows, answered = _best_rows(scorer, examples)
    sure = [(scorer.probability(row), right) for row, right in zip(rows, answered, strict=True)]
    for threshold in (0.2, 0.3, 0.4, 0.5, 0.6, 0.7):
        right = [each < threshold for each, answers in sure if not answers]
        wrong = [each < threshold for each, answers in sure if answers]
        print(
            f"threshold {threshold}: refuses {sum(right) / len(right):.3f} rightly, {sum(wrong) / len(wrong):.3f} wrongly"
        )


if __name__ == "__main__":
    main()
