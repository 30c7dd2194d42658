"""How well the citation check sees who said it: speakers kept, left out, exchanged, and opinions told as facts.

    python benchmarks/attribution.py [--wrong] [--check]

Reads ``attributions.jsonl``: a sentence that reports a statement, in an article of ``seeds`` or in a paragraph of its own, and
five sentences about it. ``--check`` uses the learned support check as well; ``--wrong`` lists what came out wrong.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path
from typing import Any

from citations import Article, read_articles, read_lines, vocabulary_of

from rag.cite.checker import THRESHOLD, Checker
from rag.cite.similarity import Similarity
from rag.index.build import load_embedder, load_support_check
from rag.settings import Settings
from rag.types import Document

HERE = Path(__file__).parent
WANTED: dict[str, set[str]] = {
    "kept": set(),
    "plain": set(),
    "removed": {"attribution"},
    "swapped": {"speaker"},
    "opinion": {"attribution", "meaning"},
}


def main() -> None:
    """Print a table of kinds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wrong", action="store_true")
    parser.add_argument("--check", action="store_true")
    chosen = parser.parse_args()
    rows = read_lines(HERE / "attributions.jsonl")
    seeds = read_articles(HERE.parent / "seeds")
    articles = [
        seeds[row["article"]] if row["article"] else Article.of(Document(id=f"own-{number}", text=row["text"]))
        for number, row in enumerate(rows)
    ]
    embedder = load_embedder(Settings())
    similarity = Similarity(embedder)
    learned = load_support_check(embedder) if chosen.check else None
    counted: dict[str, list[tuple[bool, bool, bool]]] = defaultdict(list)
    with vocabulary_of(hit for article in articles for hit in article.hits) as vocabulary:
        for row, article in zip(rows, articles, strict=True):
            checker = Checker(article.hits, similarity, vocabulary, learned)
            for kind, wanted in WANTED.items():
                support = checker.check(row[kind])
                found = {fact.kind for fact in support.missing}
                doubted = bool(found & {"attribution", "speaker"})
                marked = bool(found) or support.score < THRESHOLD
                counted[kind].append((bool(found & wanted), doubted, marked))
                if chosen.wrong and (doubted if not wanted else not found & wanted):
                    unsupported = " unsupported" * (support.score < THRESHOLD)
                    print(f"{kind}: {sorted(found)}{unsupported} {row[kind]}\n    {_quotes(support)}")
    for kind, results in counted.items():
        shares = [sum(each[place] for each in results) / len(results) for place in range(3)]
        print(
            f"{kind:8} {len(results)}  as wanted {shares[0]:.2f}  speaker doubted {shares[1]:.2f}  marked {shares[2]:.2f}"
        )


def _quotes(support: Any) -> str:
    return " / ".join(each.quote for each in support.evidence)


if __name__ == "__main__":
    main()
