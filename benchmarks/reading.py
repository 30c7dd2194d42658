"""Text and dates of saved web pages, as our reader gives them, against what people marked.

    python benchmarks/reading.py FOLDER [--json FILE]

FOLDER holds pages.zip (ID.html each) and gold.jsonl ({"id", "articleBody"}, optionally "published"): the form of the article
extraction benchmark (https://github.com/scrapinghub/article-extraction-benchmark). Its measure is used: runs of four words,
each page counting alike. Besides: gold sentences of which a quarter or more is missing, so that a lost sentence shows itself.
A date counts where the page states one for machines (JSON-LD or article:published_time), or the set holds one.
"""

from __future__ import annotations

import argparse
import json
import re
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean, median
from typing import Any

from rag.errors import RefusedFile
from rag.read import parse

WORDS_OF_A_RUN = 4
_STATED = re.compile(
    rb"""["']article:published_time["'][^>]*content=["']((?:19|20)\d\d-\d\d-\d\d)|"datePublished"\s*:\s*"((?:19|20)\d\d-\d\d-\d\d)"""
)


def runs(text: str) -> Counter[tuple[str, ...]]:
    """Count the runs of four words of a text."""
    words = re.findall(r"\w+", text)
    count = max(1, len(words) - WORDS_OF_A_RUN + 1)
    return Counter(tuple(words[place : place + WORDS_OF_A_RUN]) for place in range(count) if words)


def shares(gold: str, kept: str) -> tuple[float, float, float]:
    """Return what is right, too much and missing, as shares of all runs of either text."""
    ours, theirs = runs(kept), runs(gold)
    right, extra, missing = ((each).total() for each in (ours & theirs, ours - theirs, theirs - ours))
    whole = max(1, right + extra + missing)
    return right / whole, extra / whole, missing / whole


def lost_sentences(gold: str, kept: str) -> list[str]:
    """List the sentences of four words and more of which a quarter of the words' runs is missing."""
    ours = runs(kept)
    found = []
    for sentence in re.split(r"(?<=[.!?…])\s+|\n+", gold):
        theirs = runs(sentence)
        if len(re.findall(r"\w+", sentence)) >= WORDS_OF_A_RUN and 4 * (theirs - ours).total() > theirs.total():
            found.append(sentence)
    return found


def stated_date(page: bytes) -> str:
    """Return the date that a page states for machines, where it states one only."""
    days = {(first or second).decode() for first, second in _STATED.findall(page)}
    return days.pop() if len(days) == 1 else ""


def read_all(folder: Path) -> Iterator[dict[str, Any]]:
    """Read every page and compare it with what was marked."""
    gold = [json.loads(line) for line in (folder / "gold.jsonl").read_text("utf-8").splitlines()]
    with zipfile.ZipFile(folder / "pages.zip") as pages:
        for each in gold:
            page = pages.read(f"{each['id']}.html")
            start, reason, text, published, left_out = time.perf_counter(), "", "", "", {}
            try:
                document = parse("page.html", page)
                text, published = document.text, document.published
                left_out = dict(getattr(document, "left_out", ()))
            except RefusedFile as refusal:
                reason = str(refusal)
            yield {
                "id": each["id"],
                "shares": shares(each["articleBody"], text),
                "lost": lost_sentences(each["articleBody"], text),
                "text": text,
                "refused": reason,
                "published": published,
                "stated": each.get("published") or stated_date(page),
                "left_out": left_out,
                "seconds": time.perf_counter() - start,
                "megabytes": len(page) / 1e6,
            }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", type=Path, help="write what was read of each page")
    chosen = parser.parse_args()
    pages = list(read_all(chosen.folder))
    if chosen.json:
        chosen.json.write_text(json.dumps(pages, ensure_ascii=False), "utf-8")
    right, extra, missing = (fmean(page["shares"][place] for page in pages) for place in range(3))
    print(f"{len(pages)} pages, {sum(bool(page['refused']) for page in pages)} refused")
    print(f"recall {right / (right + missing):.4f}  precision {right / (right + extra):.4f}", end="  ")
    print(f"F1 {2 * right / (2 * right + missing + extra):.4f}")
    lost = [page for page in pages if page["lost"]]
    print(f"lost sentences {sum(len(page['lost']) for page in pages)} on {len(lost)} pages")
    dated = [page for page in pages if page["stated"]]
    print(
        f"dates {sum(page['published'] == page['stated'] for page in dated)} right of {len(dated)} stated for machines, "
        f"{sum(not page['published'] for page in dated)} without; {sum(bool(page['published']) for page in pages)} pages dated"
    )
    seconds = [page["seconds"] / page["megabytes"] for page in pages]
    print(f"seconds per MB: median {median(seconds):.2f}; in all {sum(page['seconds'] for page in pages):.0f} s")


if __name__ == "__main__":
    main()
