"""Measure how well outlets and dates are recognised in questions, and what that does for finding the right articles.

    python benchmarks/mentions.py PATH [--list] [--elsewhere QUESTIONS]

PATH holds ``queries.jsonl`` ({"query", "evidence_list": [{"url"}]}) and ``evidence_articles.jsonl`` ({"url", "title",
"author", "source", "published_at"}): a set in the form of MultiHop-RAG. QUESTIONS are JSON lines of {"question"} that were
not asked of these articles: outlets, authors and titles found there are mostly wrong.

The right outlets and dates are not marked in the set; they are read by a slow rule that shares no code with the package:
- an outlet is named where its name, its name before a mark such as "|", or either without "The", stands in the question as a
  whole, all its words capitalised, and not behind another capitalised word (longest names first);
- a date is named where one of all days and months from 1990 to 2030, written in one of eight ways, stands in the question.

Finding: the articles' title, outlet and date as one line each, found by BM25, narrowed and raised as ``rag.retrieve`` does.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from rag.index.keywords import KeywordIndex, create_keyword_index
from rag.retrieval.find import MENTION_WEIGHT, sure_scope
from rag.retrieval.mentions import Catalogue, Mention
from rag.types import Header, Scope

TODAY = date(2024, 1, 15)
POOL = 10


@dataclass(frozen=True)
class Asked:
    """A question with the articles that answer it and, by the slow reading, where it names outlets and dates."""

    text: str
    evidence: frozenset[str]
    outlets: tuple[tuple[int, int, frozenset[str]], ...]
    dates: tuple[tuple[int, int, str, str], ...]


def load(folder: Path) -> tuple[list[Header], list[Asked]]:
    """Return the articles' headers and the questions of a set."""
    headers = [
        Header(
            id=row["url"],
            title=row["title"],
            outlet=row["source"],
            authors=(row["author"],) if row["author"] else (),
            published=row["published_at"][:10],
            source=row["url"],
        )
        for row in rows(folder / "evidence_articles.jsonl")
    ]
    names, days = named_outlets(headers), written_days()
    last_year = days_without_year(max(header.published for header in headers))
    asked = []
    for row in rows(folder / "queries.jsonl"):
        text, evidence = row["query"], frozenset(each["url"] for each in row["evidence_list"])
        dates = tuple(read_dates(text, days | last_year))
        asked.append(Asked(text, evidence, tuple(read_outlets(text, names)), dates))
    return headers, asked


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file of JSON lines."""
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


# The slow reading


def named_outlets(headers: Iterable[Header]) -> dict[str, set[str]]:
    """Return the ways to write each outlet, and which outlets each means."""
    names: defaultdict[str, set[str]] = defaultdict(set)
    for outlet in {header.outlet for header in headers}:
        for name in (outlet, re.split(r" \| | - |: ", outlet)[0]):
            for form in (name, name.removeprefix("The "), re.sub(r"\.\w+$", "", name)):
                names[form].add(outlet)
    return names


def read_outlets(text: str, names: dict[str, set[str]]) -> Iterator[tuple[int, int, frozenset[str]]]:
    """Yield where outlets stand, longest names first, none inside another."""
    taken: list[tuple[int, int]] = []
    for name in sorted(names, key=len, reverse=True):
        for match in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE):
            start, end = match.span()
            written = match.group().split()
            capitals = all(word[0].isupper() or not word[0].isalpha() or word in "and of the" for word in written)
            behind = re.search(r"([A-Z]\w+) $", text[:start])
            inside = behind and text[: behind.start()].strip() and behind.group(1) != "The"
            if capitals and not inside and all(end <= one or other <= start for one, other in taken):
                taken.append((start, end))
                yield start, end, frozenset(names[name])


def written_days() -> dict[str, tuple[str, str]]:
    """Return every day, month and year as they are written, and their first and last day."""
    written = {f"{year}": (f"{year}-01-01", f"{year}-12-31") for year in range(1900, 2031)}
    day = date(1990, 1, 1)
    while day.year <= 2030:
        iso, month = day.isoformat(), f"{day:%B}"
        for form in (
            f"{month} {day.day}, {day.year}", f"{day.day} {month} {day.year}", f"{month} {day.day} {day.year}", iso,
            f"{day:%b} {day.day}, {day.year}", f"{day.day} {day:%b} {day.year}", f"{month} {day.day}th, {day.year}",
        ):  # fmt: skip
            written[form] = (iso, iso)
        following = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
        written[f"{month} {day.year}"] = (day.replace(day=1).isoformat(), (following - timedelta(days=1)).isoformat())
        day += timedelta(days=1)
    return written


def days_without_year(newest: str) -> dict[str, tuple[str, str]]:
    """Return every day without a year, meant in the year that ends with the newest article."""
    days = [date.fromisoformat(newest) - timedelta(days=back) for back in range(365)]
    return {form: (str(day), str(day)) for day in days for form in (f"{day:%B} {day.day}", f"{day:%B} {day.day}th")}


def read_dates(text: str, days: dict[str, tuple[str, str]]) -> Iterator[tuple[int, int, str, str]]:
    """Yield where days, months and years stand, longest first, none inside another."""
    taken: list[tuple[int, int]] = []
    for form in sorted((form for form in days if form in text), key=len, reverse=True):
        for match in re.finditer(rf"(?<![\w$]){re.escape(form)}(?![\w%]|,\d)", text):
            start, end = match.span()
            if all(end <= one or other <= start for one, other in taken):
                taken.append((start, end))
                yield start, end, *days[form]


# Recognising


def recognised(asked: Sequence[Asked], catalogue: Catalogue, show: bool) -> dict[str, tuple[int, int, int, int]]:
    """Count the outlets and dates to be found, met, found, and rightly found."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for each in asked:
        mentions = catalogue.mentions(each.text, TODAY)
        for kind, wanted in (("outlet", each.outlets), ("date", each.dates)):
            found = [mention for mention in mentions if mention.kind == kind]
            pairs = [(mention, span) for mention in found for span in wanted if agree(mention, *span)]
            for span in wanted:
                met = any(span == other for _, other in pairs)
                counts[kind].update(wanted=1, met=met)
                say(show and not met, f"missed {kind}", each.text, span[0], span[1])
            for mention in found:
                right = any(mention is other for other, _ in pairs)
                counts[kind].update(found=1, right=right)
                counts[f"{kind}, sure"].update(found=mention.sure, right=right and mention.sure)
                say(show and not right, f"wrong {kind} {mention.label}", each.text, mention.start, mention.end)
    return {kind: (each["wanted"], each["met"], each["found"], each["right"]) for kind, each in counts.items()}


def agree(mention: Mention, start: int, end: int, first: str | frozenset[str], last: str = "") -> bool:
    """Tell whether a mention means this outlet, or this period: is it, or begins, ends, or lies beside it ("after")."""
    if not (mention.start < end and start < mention.end):
        return False
    if isinstance(first, frozenset):
        return first == set(mention.values)
    before = str(date.fromisoformat(first) - timedelta(days=1))
    after = str(date.fromisoformat(last) + timedelta(days=1))
    return mention.published[0] in (first, after) or mention.published[1] in (last, before)


def say(shown: bool, what: str, text: str, start: int, end: int) -> None:
    """Print a mention in its question."""
    if shown:
        print(f"  {what}: …{text[max(0, start - 50) : start]}[{text[start:end]}]{text[end : end + 40]}…")


# Finding


def found_share(asked: Sequence[Asked], catalogue: Catalogue, headers: Sequence[Header]) -> dict[str, list[float]]:
    """Return the share of each question's evidence in the first ten, by the kinds of mention that count."""
    shares: defaultdict[str, list[float]] = defaultdict(list)
    kinds = {"none": (), "outlets": ("outlet",), "dates": ("date",), "all": ("outlet", "date", "author", "document")}
    with tempfile.TemporaryDirectory() as folder:
        create_keyword_index(Path(folder), [("", header.line()) for header in headers])
        index = KeywordIndex(Path(folder))
        for each in (each for each in asked if each.evidence):
            scores = {headers[hit.row].id: hit.score for hit in index.search(each.text, len(headers))}
            mentions = catalogue.mentions(each.text, TODAY)
            for name, some in kinds.items():
                best = ranked(headers, scores, [mention for mention in mentions if mention.kind in some])
                shares[name].append(len(each.evidence.intersection(best[:POOL])) / len(each.evidence))
        del index
    return shares


def ranked(headers: Sequence[Header], scores: dict[str, float], mentions: Sequence[Mention]) -> list[str]:
    """Return the articles within the sure scope, best first; what meets a mention gets a share of the best score."""
    scope, most = sure_scope(mentions), max(scores.values(), default=0.0)
    inside = [header for header in headers if scope.holds(header)] or headers

    def score(header: Header) -> tuple[float, str]:
        met = {mention.label for mention in mentions if meets(header, mention)}
        return -scores.get(header.id, 0.0) - MENTION_WEIGHT * most * len(met), header.id

    return [header.id for header in sorted(inside, key=score)]


def meets(header: Header, mention: Mention) -> bool:
    """Tell whether an article is one that a mention means."""
    if mention.kind == "date":
        return Scope(published=mention.published).holds(header)
    return bool({header.outlet, header.id, *header.authors} & set(mention.values))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--list", action="store_true", help="every mention that differs from the slow reading")
    parser.add_argument("--elsewhere", type=Path, help="questions of another set")
    arguments = parser.parse_args()
    headers, asked = load(arguments.path)
    catalogue = Catalogue(headers)
    for name, (wanted, met, found, right) in recognised(asked, catalogue, arguments.list).items():
        recall = f"recall {met / wanted:.3f} of {wanted}, " if wanted else ""
        print(f"{name:14} {recall}precision {right / max(found, 1):.3f} of {found}")
    for name, shares in found_share(asked, catalogue, headers).items():
        whole = statistics.mean(share == 1 for share in shares)
        print(f"mentions used: {name:8} evidence in the first ten {statistics.mean(shares):.3f}, all of it {whole:.3f}")
    spent = []
    for each in asked:
        begin = time.process_time()
        catalogue.mentions(each.text, TODAY)
        spent.append(1000 * (time.process_time() - begin))
    print(f"milliseconds a question: p50 {statistics.median(spent):.2f}, most {max(spent):.2f}")
    if arguments.elsewhere:
        questions = [row["question"] for row in rows(arguments.elsewhere)]
        mentions = [mention for question in questions for mention in catalogue.mentions(question, TODAY)]
        print(f"{len(questions)} questions elsewhere: {dict(Counter(mention.kind for mention in mentions))}")


if __name__ == "__main__":
    main()
