"""How often sources that agree are said to differ, and how often sources that differ are.

    python benchmarks/disagreement.py [--insights FOLDER] [--paragraphs FILE] [--sample 150] [--show]

``--insights`` is a folder in SummHay's form, subtopics.jsonl and documents.jsonl: an insight stands in several articles, so
two of them agree on it; with another number, date or name put into one they differ. Each pair is read among six other passages
that the question finds, and is asked for by what the insight says without its value, and by its query alone.
``--paragraphs`` is a file in SQuAD's form, NAME_paragraphs.jsonl with NAME_questions.jsonl beside it: paragraphs of an
encyclopedia hardly contradict one another, so what is said to differ is a false alarm. ``--show`` prints what was found.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is loaded

from citations import vocabulary_of

from rag import disagreement
from rag.build import load_embedder
from rag.disagreement import Disagreement, disagreements, told
from rag.evaluate import percentile
from rag.facts import Evidenced, Fact, facts
from rag.lexical import KeywordIndex, stem
from rag.question import expected_kind
from rag.sentences import sentence_spans
from rag.settings import Settings
from rag.similarity import Similarity
from rag.split import split
from rag.types import Document, Header, Hit, Passage
from rag.words import words

SEED = 20
HITS = 8
THRESHOLDS = (0.5, 0.6, 0.7, 0.8)


@dataclass(frozen=True)
class Case:
    """A question, the passages it finds, and the two values that are to be found, empty where the sources agree."""

    kind: str
    question: str
    hits: tuple[Hit, ...]
    values: frozenset[str] = frozenset()


def main() -> None:
    """Reads the sets and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--insights", type=Path)
    parser.add_argument("--paragraphs", type=Path)
    parser.add_argument("--sample", type=int, default=150)
    parser.add_argument("--show", action="store_true")
    chosen = parser.parse_args()
    similarity = Similarity(load_embedder(Settings()))
    if chosen.insights:
        hits = articles(chosen.insights)
        with vocabulary_of(hits) as vocabulary:
            for name, cases in insight_cases(chosen.insights, hits, vocabulary, chosen.sample).items():
                print(f"\n{name}: {len(cases)} cases")
                curve(cases, similarity, vocabulary, chosen.show)
    if chosen.paragraphs:
        hits = paragraphs(chosen.paragraphs)
        with vocabulary_of(hits) as vocabulary:
            cases = paragraph_cases(chosen.paragraphs, hits, vocabulary, chosen.sample)
            print(f"\nparagraphs: {len(cases)} cases")
            curve(cases, similarity, vocabulary, chosen.show)


def curve(cases: Sequence[Case], similarity: Similarity, vocabulary: KeywordIndex, show: bool) -> None:
    """Precision and recall for each threshold, then in detail at the one that is set."""
    usual = disagreement.NEAR, disagreement.NEARER
    for threshold in sorted({*THRESHOLDS, *usual}):
        disagreement.NEAR = disagreement.NEARER = threshold
        print(f"{threshold:6.2f} {row([ask(case, similarity, vocabulary) for case in cases], cases)}")
    disagreement.NEAR, disagreement.NEARER = usual
    seconds, found = [], []
    for case in cases:
        started = time.perf_counter()
        found.append(ask(case, similarity, vocabulary))
        seconds.append(time.perf_counter() - started)
    print(f"as set {row(found, cases)}")
    for kind in sorted({case.kind for case in cases}):
        some = [index for index, case in enumerate(cases) if case.kind == kind]
        print(f"  {kind:18} {row([found[index] for index in some], [cases[index] for index in some])}")
    print(
        f"milliseconds, embedded before: p50 {1000 * percentile(seconds, 50):.1f}, p95 {1000 * percentile(seconds, 95):.1f}"
    )
    if show:
        for case, each in zip(cases, found, strict=True):
            missed = bool(case.values) and not any(is_right(one, case) for one in each)
            for one in each:
                if not is_right(one, case):
                    print(f"\nFALSE {case.question}", *(sentence.text for sentence in told(one)), sep="\n  ")
            if missed:
                texts = [
                    text for hit in case.hits[:2] for text in sentences(hit) if any(v in text for v in case.values)
                ]
                print(f"\nMISSED {case.question} {sorted(case.values)}", *texts, sep="\n  ")


def row(found: Sequence[Sequence[Disagreement]], cases: Sequence[Case]) -> str:
    """One line of figures."""
    counts: Counter[str] = Counter()
    for case, each in zip(cases, found, strict=True):
        right = any(is_right(one, case) for one in each)
        counts["right"] += right
        counts["false"] += any(not is_right(one, case) for one in each)
        counts["differ"] += bool(case.values)
        counts["alarm"] += not case.values and bool(each)
    agree = len(cases) - counts["differ"]
    precision = counts["right"] / max(counts["right"] + counts["false"], 1)
    recall = f"{counts['right'] / counts['differ']:.3f}" if counts["differ"] else "    -"
    alarms = f"{counts['alarm'] / agree:.3f}" if agree else "    -"
    return f"precision {precision:.3f} recall {recall} ({counts['differ']}) false alarms {alarms} ({agree})"


def is_right(found: Disagreement, case: Case) -> bool:
    """Whether both values stand among the sides."""
    texts = {side.value for side in found.sides}
    return bool(case.values) and all(any(value in text or text in value for text in texts) for value in case.values)


def ask(case: Case, similarity: Similarity, vocabulary: KeywordIndex) -> tuple[Disagreement, ...]:
    """What is said to differ."""
    return disagreements(case.question, case.hits, similarity, vocabulary)


# --- Insights that stand in several articles


def articles(folder: Path) -> list[Hit]:
    """Every passage of a folder's articles."""
    rows = [json.loads(line) for line in (folder / "documents.jsonl").read_text("utf-8").splitlines()]
    documents = [Document(each["id"], title=each["topic"], text=each["text"]) for each in rows]
    return [Hit(passage, document.header, 1.0) for document in documents for passage, _ in split(document)]


def insight_cases(folder: Path, hits: Sequence[Hit], vocabulary: KeywordIndex, sample: int) -> dict[str, list[Case]]:
    """Agreeing and differing pairs, asked for by the insight without its value, and by its query."""
    by_article: dict[str, list[Hit]] = {}
    for hit in hits:
        by_article.setdefault(hit.document.id, []).append(hit)
    subtopics = [json.loads(line) for line in (folder / "subtopics.jsonl").read_text("utf-8").splitlines()]
    insights = [(each["query"], insight) for each in subtopics for insight in each["insights"]]
    random.Random(SEED).shuffle(insights)
    asked: list[Case] = []
    by_query: list[Case] = []
    for number, (query, insight) in enumerate(insights[:sample]):
        pick = random.Random(SEED + number)
        for fact in _values(insight["insight"]):
            pair = _pair(insight, fact, by_article, pick)
            question = _question(insight["insight"], fact)
            if pair is None or question is None:
                continue
            changed = _changed(pair[1], fact, pick)
            for kind, text, cases in ((fact.kind, question, asked), (fact.kind, query, by_query)):
                others = _others(text, set(insight["documents"]), hits, vocabulary)
                cases.append(Case(kind, text, (*pair, *others)))
                if changed is not None:
                    hit, old, new = changed
                    cases.append(Case(kind, text, (pair[0], hit, *others), frozenset({old, new})))
    return {"asked for the value": asked, "asked by the query": by_query}


def _values(insight: str) -> list[Fact]:
    """The numbers and dates of an insight that stand alone, and the name of two words that it begins with."""
    found = facts(insight)
    plain = [each for each in found if each.kind in ("number", "date")]
    plain = [each for each in plain if not re.search(r"[A-Z]\w*[ -]$|-$", insight[: each.start])]
    plain = [each for each in plain if re.fullmatch(r"[\d.,]+|[A-Z]?[a-z]+|.*\d{4}", insight[each.start : each.end])]
    if (
        [each.kind for each in found[:2]] == ["name", "name"]
        and found[0].start == 0
        and found[1].start == found[0].end + 1
    ):
        name = insight[: found[1].end]
        plain.insert(0, Fact("name", 0, len(name), frozenset({found[1].forms}.pop())))
    return plain[:3]


def _pair(
    insight: dict[str, Any], fact: Fact, by_article: dict[str, list[Hit]], pick: random.Random
) -> tuple[Hit, Hit] | None:
    """Passages of two articles with a sentence that holds the fact and half of the insight's words."""
    about = {stem(word) for word in words(insight["insight"]) if len(word) > 3}
    found: list[Hit] = []
    for id_ in pick.sample(insight["documents"], len(insight["documents"])):
        for hit in by_article[id_]:
            best = max(sentences(hit), key=lambda text: len(about & {stem(word) for word in words(text)}))
            shared = len(about & {stem(word) for word in words(best)})
            if shared >= len(about) / 2 and Evidenced([best]).holds(fact) and len(found) < 2:
                found.append(hit)
                break
    return (found[0], found[1]) if len(found) == 2 else None


def _question(insight: str, fact: Fact) -> str | None:
    """The insight without its value, as a question for it."""
    rest = f"{insight[: fact.start]}{insight[fact.end :]}".strip(" .")
    rest = re.sub(r"\s+", " ", re.sub(r"[$€£%]", "", rest))
    if fact.kind == "date" or re.fullmatch(r"(?:19|20)\d\d", insight[fact.start : fact.end]):
        return f"When: {rest}?"
    if fact.kind == "name":
        return f"What is the name of the one who {rest}?"
    if any(form.endswith("%") for form in fact.forms):
        return f"What percentage: {rest}?"
    return f"How many: {rest}?"


_OTHER_NAMES = ("Brevik", "Osgard", "Telmann", "Quillon", "Varsova")
_OTHER_WORDS = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]


def _changed(hit: Hit, fact: Fact, pick: random.Random) -> tuple[Hit, str, str] | None:
    """The passage with another value wherever the fact stands in it, the old value and the new one."""
    same = [each for each in facts(hit.passage.text) if each.kind == fact.kind and each.forms & fact.forms]
    if fact.kind == "name":
        return _renamed(hit, same, pick)
    if not same:
        return None
    old = hit.passage.text[same[0].start : same[0].end]
    new = _other(old, fact.kind, pick)
    if new is None or new == old:
        return None
    text = re.sub(rf"(?<![\w.,]){re.escape(old)}(?!\w|[.,]\d)", new, hit.passage.text)
    if text == hit.passage.text:
        return None
    passage = Passage(hit.passage.id, hit.document.id, 0, len(text), text)
    return replace(hit, passage=passage), old, new


def _renamed(hit: Hit, same: Sequence[Fact], pick: random.Random) -> tuple[Hit, str, str] | None:
    if not same:
        return None
    text, old, new = hit.passage.text, hit.passage.text[same[0].start : same[0].end], pick.choice(_OTHER_NAMES)
    text = re.sub(rf"(?:[A-Z][a-z]+ )?\b{re.escape(old)}\b", f"Anders {new}", text)
    passage = Passage(hit.passage.id, hit.document.id, 0, len(text), text)
    return replace(hit, passage=passage), old, new


def _other(old: str, kind: str, pick: random.Random) -> str | None:
    """Another value of the same form."""
    digits = re.search(r"\d+(?:,\d{3})*", old)
    if digits is None:
        return pick.choice([word for word in _OTHER_WORDS if word != old.lower()]) if kind == "number" else None
    value = int(digits.group().replace(",", ""))
    if (kind == "date" and value > 31) or re.fullmatch(r"(?:19|20)\d\d", old):
        other = value - pick.randint(2, 5)
    elif kind == "date":
        other = value + pick.randint(2, 5) if value < 20 else value - pick.randint(2, 5)
    else:
        other = max(round(value * pick.choice((0.4, 0.6, 1.5, 1.8))), 2)
    return old.replace(digits.group(), f"{other:,}" if "," in digits.group() else str(other), 1)


def _others(question: str, besides: set[str], hits: Sequence[Hit], vocabulary: KeywordIndex) -> tuple[Hit, ...]:
    found = (hits[each.row] for each in vocabulary.search(question, 5 * HITS))
    return tuple([hit for hit in found if hit.document.id not in besides][: HITS - 2])


# --- Paragraphs that hardly disagree


def paragraphs(path: Path) -> list[Hit]:
    """Every paragraph as an article of its own."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    found = []
    for number, each in enumerate(rows):
        text = each.get("text") or each.get("context") or each["paragraph"]
        header = Header(str(each.get("id", number)), title=str(each.get("title", "")).replace("_", " "))
        found.append(Hit(Passage(f"p{number}", header.id, 0, len(text), text), header, 1.0))
    return found


def paragraph_cases(path: Path, hits: Sequence[Hit], vocabulary: KeywordIndex, sample: int) -> list[Case]:
    """Questions for a number, a date or a name with the paragraphs that their words find."""
    beside = path.with_name(path.name.replace("paragraphs", "questions"))
    questions = [json.loads(line)["question"] for line in beside.read_text("utf-8").splitlines()]
    random.Random(SEED).shuffle(questions)
    asked = list(_of_kinds(questions))[:sample]
    return [
        Case(
            expected_kind(question) or "any",
            question,
            tuple(hits[each.row] for each in vocabulary.search(question, HITS)),
        )
        for question in asked
    ]


def _of_kinds(questions: Sequence[str]) -> Iterator[str]:
    for question in questions:
        if expected_kind(question) != "reason":
            yield question


def sentences(hit: Hit) -> list[str]:
    """The sentences of a passage."""
    return [hit.passage.text[start:end] for start, end in sentence_spans(hit.passage.text)]


if __name__ == "__main__":
    main()
