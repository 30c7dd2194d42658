"""How well outlets and dates are recognised in questions, and what that does for finding the right articles.

    python benchmarks/mentions.py PATH [--squad QUESTIONS] [--half 0|1] [--list] [--json FILE]

PATH holds ``queries.jsonl`` ({"id", "query", "question_type", "evidence_list": [{"url"}]}) and ``evidence_articles.jsonl``
({"url", "title", "author", "source", "published_at"}): a set in the form of MultiHop-RAG. QUESTIONS is a SQuAD-style file of
{"question"}: what is found in those is listed by count, since they were not asked of these outlets.

The right outlets and dates are not marked in the set; they are read by a slow rule that shares no code with the package:
- an outlet is named where its name, its name before a mark such as "|", or either without "The", stands in the question as a
  whole, all its words capitalised, and not behind another capitalised word (longest names first);
- a date is named where one of all days and months from 1990 to 2030, written in one of eight ways, stands in the question.
The questions are halved by the checksum of their ids: half 0 is for writing forms, half 1 for judging them.

Finding: the articles' title, outlet and date as one line each, found by BM25; "boost" adds a share of the best score for each
kind of mention that an article meets, "filter" keeps what meets the sure ones where that leaves anything.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import re
import statistics
import tempfile
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from rag.lexical import KeywordIndex, create_keyword_index
from rag.mentions import Catalogue, Mention
from rag.types import Header

TODAY = date(2024, 1, 15)
BOOSTS = (0.1, 0.2, 0.3, 0.5, 0.8)
CHOSEN = 0.3
POOL = 10


@dataclass(frozen=True)
class Asked:
    """A question with the articles that answer it and, by the slow reading, where it names outlets and dates."""

    text: str
    kind: str
    half: int
    evidence: frozenset[str]
    outlets: tuple[tuple[int, int, frozenset[str]], ...]
    dates: tuple[tuple[int, int, str, str], ...]


def load(folder: Path) -> tuple[list[Header], list[Asked]]:
    """The articles' headers and the questions of a set."""
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
        text = row["query"]
        evidence = frozenset(each["url"] for each in row["evidence_list"])
        half = zlib.crc32(row["id"].encode()) % 2
        asked.append(
            Asked(
                text,
                row["question_type"],
                half,
                evidence,
                tuple(read_outlets(text, names)),
                tuple(read_dates(text, days, last_year)),
            )
        )
    return headers, asked


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file of JSON lines."""
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def named_outlets(headers: Iterable[Header]) -> dict[str, set[str]]:
    """The ways to write each outlet, and which outlets each means."""
    names: defaultdict[str, set[str]] = defaultdict(set)
    for outlet in {header.outlet for header in headers}:
        for name in (outlet, re.split(r" \| | - |: ", outlet)[0]):
            for form in (name, name.removeprefix("The "), re.sub(r"\.\w+$", "", name)):
                names[form].add(outlet)
    return names


def read_outlets(text: str, names: dict[str, set[str]]) -> Iterator[tuple[int, int, frozenset[str]]]:
    """Where outlets stand, longest names first, none inside another."""
    taken: list[tuple[int, int]] = []
    for name in sorted(names, key=len, reverse=True):
        for match in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE):
            start, end = match.span()
            capitals = all(
                word[0].isupper() or not word[0].isalpha() or word in "and of the" for word in match.group().split()
            )
            behind = re.search(r"([A-Z]\w+) $", text[:start])
            inside = behind and text[: behind.start()].strip() and behind.group(1) != "The"
            if capitals and not inside and all(end <= one or other <= start for one, other in taken):
                taken.append((start, end))
                yield start, end, frozenset(names[name])


def written_days() -> dict[str, tuple[str, str]]:
    """Every day and month from 1990 to 2030 as they are written, and their first and last day."""
    written: dict[str, tuple[str, str]] = {}
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
    """Every day without a year, meant in the year that ends with the newest article."""
    day, written = date.fromisoformat(newest), {}
    for _ in range(365):
        for form in (f"{day:%B} {day.day}", f"{day:%B} {day.day}th"):
            written[form] = (day.isoformat(), day.isoformat())
        day -= timedelta(days=1)
    return written


def read_dates(
    text: str, days: dict[str, tuple[str, str]], without_year: dict[str, tuple[str, str]]
) -> Iterator[tuple[int, int, str, str]]:
    """Where days, months and years stand, longest first, none inside another."""
    taken: list[tuple[int, int]] = []
    days = {**days, **without_year}
    forms = [form for form in days if form in text]
    years = [(f"{year}", (f"{year}-01-01", f"{year}-12-31")) for year in range(1900, 2031) if str(year) in text]
    for form, (first, last) in [*((form, days[form]) for form in sorted(forms, key=len, reverse=True)), *years]:
        for match in re.finditer(rf"(?<![\w$]){re.escape(form)}(?![\w%]|,\d)", text):
            start, end = match.span()
            if all(end <= one or other <= start for one, other in taken):
                taken.append((start, end))
                yield start, end, first, last


# Recognising


@dataclass
class Score:
    """Counts of what was to be found, found and rightly found."""

    wanted: int = 0
    met: int = 0
    found: int = 0
    right: int = 0

    def line(self, name: str) -> str:
        """One row of a table."""
        recall = self.met / self.wanted if self.wanted else float("nan")
        precision = self.right / self.found if self.found else float("nan")
        return f"{name:28} {self.wanted:6} {self.found:6} {recall:8.3f} {precision:10.3f}"


def recognised(asked: Sequence[Asked], catalogue: Catalogue, headers: Sequence[Header], show: bool) -> dict[str, Score]:
    """Recall and precision of outlets (all, and those of the evidence) and dates."""
    outlet_of = {header.id: header.outlet for header in headers}
    scores: defaultdict[str, Score] = defaultdict(Score)
    for each in asked:
        mentions = catalogue.mentions(each.text, TODAY)
        outlets = [mention for mention in mentions if mention.kind == "outlet"]
        dates = [mention for mention in mentions if mention.kind == "date"]
        cited = {outlet_of[url] for url in each.evidence}
        for start, end, meant in each.outlets:
            met = any(_meet(mention, start, end) and meant == set(mention.values) for mention in outlets)
            for name in ("outlets", *(["outlets of the evidence"] if meant & cited else [])):
                scores[name].wanted += 1
                scores[name].met += met
            _say(show and not met, "missed outlet", each.text, start, end)
        for mention in outlets:
            right = any(
                _meet(mention, start, end) and meant == set(mention.values) for start, end, meant in each.outlets
            )
            for name in ("outlets", *(["outlets, sure"] if mention.sure else [])):
                scores[name].found += 1
                scores[name].right += right
            _say(show and not right, f"wrong outlet {mention.values}", each.text, mention.start, mention.end)
        for start, end, first, last in each.dates:
            met = any(_meet(mention, start, end) and _bounds(mention, first, last) for mention in dates)
            scores["dates"].wanted += 1
            scores["dates"].met += met
            _say(show and not met, "missed date", each.text, start, end)
        for mention in dates:
            right = any(
                _meet(mention, start, end) and _bounds(mention, first, last) for start, end, first, last in each.dates
            )
            for name in ("dates", *(["dates, sure"] if mention.sure else [])):
                scores[name].found += 1
                scores[name].right += right
            _say(show and not right, f"wrong date {mention.label}", each.text, mention.start, mention.end)
        for mention in mentions:
            if mention.kind in ("author", "document"):
                scores[f"{mention.kind}s"].found += 1
                _say(show, f"{mention.kind} {mention.label}", each.text, mention.start, mention.end)
    return dict(scores)


def _meet(mention: Mention, start: int, end: int) -> bool:
    return mention.start < end and start < mention.end


def _bounds(mention: Mention, first: str, last: str) -> bool:
    """Whether a mention is this period, begins or ends with it, or lies beside it ("after", "before")."""
    begin, end = mention.published
    before = (date.fromisoformat(first) - timedelta(days=1)).isoformat()
    after = (date.fromisoformat(last) + timedelta(days=1)).isoformat()
    return begin in (first, after) or end in (last, before)


def _say(shown: bool, what: str, text: str, start: int, end: int) -> None:
    if shown:
        print(f"  {what}: …{text[max(0, start - 50) : start]}[{text[start:end]}]{text[end : end + 40]}…")


# Finding


Rank = Callable[[dict[str, float], Sequence[Mention]], list[str]]


def found_share(
    asked: Sequence[Asked], catalogue: Catalogue, headers: Sequence[Header]
) -> dict[str, tuple[float, float]]:
    """For each way to rank the articles: the share of the evidence in the first ten, and of questions with all of it there."""
    by_id = {header.id: header for header in headers}
    ways: dict[str, Rank] = {"BM25": lambda scores, _: best(scores)}
    for weight in BOOSTS:
        ways[f"boost {weight}"] = lambda scores, mentions, w=weight: best(boosted(scores, mentions, by_id, w))  # type: ignore[misc]
    ways[f"boost {CHOSEN}, outlets only"] = lambda scores, mentions: best(
        boosted(scores, [each for each in mentions if each.kind == "outlet"], by_id, CHOSEN)
    )
    ways[f"boost {CHOSEN}, dates only"] = lambda scores, mentions: best(
        boosted(scores, [each for each in mentions if each.kind == "date"], by_id, CHOSEN)
    )
    ways["filter"] = lambda scores, mentions: best(filtered(scores, mentions, by_id))
    ways["filter, outlets only"] = lambda scores, mentions: best(
        filtered(scores, [each for each in mentions if each.kind == "outlet"], by_id)
    )
    ways[f"filter and boost {CHOSEN}"] = lambda scores, mentions: best(
        boosted(filtered(scores, mentions, by_id), mentions, by_id, CHOSEN)
    )
    ways["a place for each outlet"] = lambda scores, mentions: shared(scores, mentions, by_id)
    shares: defaultdict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        create_keyword_index(Path(folder), [("", header.line()) for header in headers])
        index = KeywordIndex(Path(folder))
        for each in asked:
            if not each.evidence:
                continue
            scores = dict.fromkeys(by_id, 0.0)
            scores.update({headers[hit.row].id: hit.score for hit in index.search(each.text, len(headers))})
            mentions = catalogue.mentions(each.text, TODAY)
            for name, rank in ways.items():
                shares[name].append(len(each.evidence.intersection(rank(scores, mentions)[:POOL])) / len(each.evidence))
        del index
    return {
        name: (statistics.mean(each), statistics.mean(share == 1 for share in each)) for name, each in shares.items()
    }


def best(scores: dict[str, float]) -> list[str]:
    """The articles, best first."""
    return sorted(scores, key=lambda each: (-scores[each], each))


def boosted(
    scores: dict[str, float], mentions: Sequence[Mention], headers: dict[str, Header], weight: float
) -> dict[str, float]:
    """The scores with a share of the best one added for each kind of mention that an article meets."""
    most = max(scores.values(), default=0.0)
    return {
        each: score
        + weight
        * most
        * sum(_meets(headers[each], mentions, kind) for kind in ("outlet", "date", "author", "document"))
        for each, score in scores.items()
    }


def shared(scores: dict[str, float], mentions: Sequence[Mention], headers: dict[str, Header]) -> list[str]:
    """The best of each named outlet and the dates said of it in turn, then the rest as boosted."""
    outlets = [mention for mention in mentions if mention.kind == "outlet"]
    ends = [*(mention.start for mention in outlets), math.inf][1:]
    lists = []
    for outlet, end in zip(outlets, ends, strict=False):
        dates = [mention for mention in mentions if mention.kind == "date" and outlet.end <= mention.start < end]
        own = {each: score for each, score in scores.items() if headers[each].outlet in outlet.values}
        lists.append(best(boosted(own, dates, headers, 2 * CHOSEN)))
    rest = best(boosted(scores, mentions, headers, CHOSEN))
    turns = [each for turn in itertools.zip_longest(*lists) for each in turn if each]
    return list(dict.fromkeys([*turns[: POOL // 2], *rest]))


def filtered(scores: dict[str, float], mentions: Sequence[Mention], headers: dict[str, Header]) -> dict[str, float]:
    """The articles that meet a sure mention of every kind there is, or all of them where none does."""
    sure = [mention for mention in mentions if mention.sure]
    kinds = {mention.kind for mention in sure}
    kept = {each: score for each, score in scores.items() if all(_meets(headers[each], sure, kind) for kind in kinds)}
    return kept or scores


def _meets(header: Header, mentions: Sequence[Mention], kind: str) -> bool:
    for mention in mentions:
        first, last = mention.published
        if mention.kind != kind:
            continue
        if kind == "date" and (first or "0") <= header.published <= (last or "9"):
            return True
        if header.outlet in mention.values or header.id in mention.values or set(header.authors) & set(mention.values):
            return True
    return False


# Elsewhere


def unasked(path: Path, catalogue: Catalogue, show: bool) -> Counter[str]:
    """How many questions of another set name an outlet, an author or an article of this one."""
    found: Counter[str] = Counter()
    for row in rows(path):
        found["questions"] += 1
        for mention in catalogue.mentions(row["question"], TODAY):
            found[mention.kind] += 1
            found[f"{mention.kind}, sure"] += mention.sure
            _say(
                show and mention.kind != "date",
                f"{mention.kind} {mention.label}",
                row["question"],
                mention.start,
                mention.end,
            )
    return found


def timed(asked: Sequence[str], size: int, outlets: int) -> dict[str, float]:
    """Milliseconds of processor time of a question against invented headers: the first call, the median and 95 of 100."""
    syllables = ("ba", "de", "fi", "go", "lu", "mar", "ne", "por", "ri", "sto", "tu", "vel", "wen", "zor")

    def word(number: int) -> str:
        return "".join(syllables[number // 14**place % 14] for place in range(3)).capitalize()

    names = [
        f"{word(7 * number)} {word(11 * number + 3)}" if number % 2 else word(13 * number) for number in range(outlets)
    ]
    headers = [
        Header(
            id=f"{number}.md",
            title=" ".join(word(number * 31 + place * 17) for place in range(9)),
            outlet=names[number % outlets],
            authors=(f"{word(number * 3)} {word(number * 5)}",),
            published=f"20{number % 30:02}-0{number % 9 + 1}-1{number % 9}",
        )
        for number in range(size)
    ]
    begin = time.process_time()
    catalogue = Catalogue(headers)
    built = time.process_time() - begin
    spent = []
    for text in asked:
        begin = time.process_time()
        catalogue.mentions(text, TODAY)
        spent.append(1000 * (time.process_time() - begin))
    spent, first = sorted(spent[1:]), spent[0]
    return {
        "building": 1000 * built,
        "first": first,
        "p50": statistics.median(spent),
        "p95": spent[int(0.95 * len(spent))],
        "most": spent[-1],
    }


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--squad", type=Path)
    parser.add_argument("--half", type=int, choices=(0, 1))
    parser.add_argument("--list", action="store_true", help="every mention that differs from the slow reading")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    headers, asked = load(arguments.path)
    catalogue = Catalogue(headers)
    figures: dict[str, Any] = {}
    for half in (0, 1) if arguments.half is None else (arguments.half,):
        some = [each for each in asked if each.half == half]
        print(f"\nhalf {half}: {len(some)} questions\n{'':28} wanted  found   recall  precision")
        scores = recognised(some, catalogue, headers, arguments.list)
        shares = found_share(some, catalogue, headers)
        for name, score in sorted(scores.items()):
            print(score.line(name))
        print(f"\n{'evidence in the first ten':32} share    all of it")
        for name, (share, whole) in shares.items():
            print(f"{name:32} {share:.3f}    {whole:.3f}")
        figures[f"half {half}"] = {"recognised": {name: vars(each) for name, each in scores.items()}, "found": shares}
    if arguments.squad:
        figures["elsewhere"] = dict(unasked(arguments.squad, catalogue, arguments.list))
        print(f"\n{arguments.squad.name}: {figures['elsewhere']}")
    texts = [each.text for each in asked]
    figures["milliseconds"] = {
        "this set": timed_here(catalogue, texts),
        "5,000 headers, 300 outlets": timed(texts, 5000, 300),
    }
    for name, each in figures["milliseconds"].items():
        print(f"\nmilliseconds, {name}: " + ", ".join(f"{key} {value:.2f}" for key, value in each.items()))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1), "utf-8")


def timed_here(catalogue: Catalogue, texts: Sequence[str]) -> dict[str, float]:
    """Milliseconds of processor time of a question against the set's own headers, warm."""
    spent = []
    for text in texts:
        begin = time.process_time()
        catalogue.mentions(text, TODAY)
        spent.append(1000 * (time.process_time() - begin))
    spent.sort()
    return {"p50": statistics.median(spent), "p95": spent[int(0.95 * len(spent))], "most": spent[-1]}


if __name__ == "__main__":
    main()
