"""How well the citation check tells what passages carry from what they do not, and what citing costs.

    python benchmarks/citations.py PATHS... [--articles seeds] [--sample 150] [--wrong] [--json FILE]

Each of PATHS is one of
- statements, JSON lines {"document" (a file name in ``--articles``), "language", "statement", "quotes"}: true statements, and
  what becomes of them when they are corrupted;
- ExpertQA's claims, JSON lines {"claim", "evidence", "support"}: does the check agree with the experts?
- a folder in SummHay's form, subtopics.jsonl and documents.jsonl: insights against an article that holds them and against one
  of the same topic that does not, and corrupted.

``--sample`` is how many insights are read, ``--wrong`` lists what the check gets wrong, ``--json`` keeps every figure. All
choices at random are drawn from a fixed seed.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from rag.cite.checker import THRESHOLD, Checker, Citer, Support
from rag.cite.prose import Prose
from rag.cite.similarity import Similarity
from rag.index.build import load_embedder
from rag.index.keywords import KeywordIndex, create_keyword_index
from rag.read import read, scan
from rag.retrieval.question import Vocabulary
from rag.settings import Settings
from rag.split import split
from rag.text.facts import Evidenced, facts
from rag.text.sentences import sentence_spans
from rag.text.words import words
from rag.types import Document, Hit

THRESHOLDS = tuple(round(step / 20, 2) for step in range(6, 17))
SEED = 20


@dataclass(frozen=True)
class Article:
    """A document and its passages."""

    document: Document
    hits: tuple[Hit, ...]

    @staticmethod
    def of(document: Document) -> Article:
        """The article as it would be indexed."""
        return Article(document, tuple(Hit(passage, document.header, 1.0) for passage, _ in split(document)))


@dataclass(frozen=True)
class Claim:
    """A statement to be checked against an article: ``kind`` says what was done to it and ``spot`` where, if anything was."""

    kind: str
    text: str
    article: Article
    spot: tuple[int, int] | None = None
    quotes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Checked:
    """What the check says of a claim."""

    claim: Claim
    support: Support

    def caught(self, threshold: float) -> bool:
        """Whether the sentence would be marked, or the place in it that was corrupted."""
        spots = [] if self.claim.spot is None else [self.claim.spot]
        touched = any(start < each.end and each.start < end for start, end in spots for each in self.support.missing)
        return self.support.score < threshold or touched

    def marked(self, threshold: float) -> bool:
        """Whether anything in the sentence would be marked."""
        return self.support.score < threshold or bool(self.support.missing)


def main() -> None:
    """Measures everything that was given and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", type=Path, nargs="+")
    parser.add_argument("--articles", type=Path, default=Path("seeds"))
    parser.add_argument("--sample", type=int, default=150)
    parser.add_argument("--wrong", action="store_true")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    similarity = Similarity(load_embedder(Settings()))
    figures: dict[str, Any] = {}
    for path in chosen.paths:
        print(f"\n=== {path}")
        figures[str(path)] = measure(path, chosen.articles, similarity, chosen.sample, chosen.wrong)
    if chosen.json:
        chosen.json.write_text(json.dumps(figures, indent=2), "utf-8")


def measure(path: Path, articles: Path, similarity: Similarity, sample: int, wrong: bool) -> dict[str, Any]:
    """All figures of one path, which are printed as well."""
    if path.is_dir():
        return measure_insights(path, similarity, sample, wrong)
    rows = read_lines(path)
    if "claim" in rows[0]:
        return measure_experts(rows, similarity, wrong)
    return measure_statements(rows, read_articles(articles), similarity, wrong)


# --- Experts' judgements


def measure_experts(rows: Sequence[dict[str, Any]], similarity: Similarity, wrong: bool) -> dict[str, Any]:
    """ExpertQA: complete support is support, incomplete is none."""
    claims, without_text = [], 0
    for number, row in enumerate(rows):
        texts = [text for text in map(evidence_text, row["evidence"]) if text]
        without_text += not texts
        if texts and row["support"] in ("Complete", "Incomplete", "Partial"):
            hits = [
                hit
                for place, text in enumerate(texts)
                for hit in Article.of(Document(id=f"{number}-{place}", text=text)).hits
            ]
            claims.append(Claim(row["support"], plain(row["claim"]), Article(Document(id=str(number)), tuple(hits))))
    with vocabulary_of(hit for claim in claims for hit in claim.article.hits) as vocabulary:
        checked = check_all(claims, similarity, vocabulary)
    groups = by_kind(checked)
    print(f"{len(rows)} claims, {without_text} skipped because their evidence is an address without text")
    figures = {"skipped": without_text, "n": {kind: len(group) for kind, group in groups.items()}}
    figures |= print_curve(groups["Complete"], groups["Incomplete"])
    if groups["Partial"]:
        scores = [each.support.score for each in groups["Partial"]]
        shares = {t: sum(score >= t for score in scores) / len(scores) for t in THRESHOLDS}
        print("partial, share called supported: " + "  ".join(f"{t:.2f} {value:.2f}" for t, value in shares.items()))
        figures["partial"] = shares
    if wrong:
        print_wrong([*groups["Complete"], *groups["Incomplete"]], {"Complete"})
    return figures


def evidence_text(evidence: str) -> str:
    """A passage without its number and address; nothing where there is only an address.

    >>> evidence_text("[2] http://example.org/a\\n\\nIt rained."), evidence_text("[1] http://example.org/b")
    ('It rained.', '')
    """
    return re.sub(r"^\s*(?:\[\d+\]\s*)?(?:https?://\S+)?\s*", "", evidence).strip()


def plain(claim: str) -> str:
    """A claim as our reader shows it, without marks."""
    prose = Prose()
    prose.read(claim, ended=True)
    return " ".join(each.text for each in prose.finished)


# --- Statements and insights, true and corrupted


def measure_statements(
    rows: Sequence[dict[str, Any]], articles: dict[str, Article], similarity: Similarity, wrong: bool
) -> dict[str, Any]:
    """True statements against all passages of their article, the same corrupted, and the time that citing takes."""
    true = [
        Claim(f"true ({row['language']})", row["statement"], articles[row["document"]], quotes=tuple(row["quotes"]))
        for row in rows
    ]
    english = [claim for row, claim in zip(rows, true, strict=True) if row["language"] == "en"]
    everything = list(articles.values())
    claims = [*true, *real_quotations(english), *corrupted(english, everything)]
    with vocabulary_of(hit for article in everything for hit in article.hits) as vocabulary:
        checked = check_all(claims, similarity, vocabulary)
        figures = print_kinds(checked, {"true (en)", "true (ru)", "real quotation"})
        figures |= print_curve_of_kinds(checked, "true (en)")
        figures["quotes"] = print_quotes([each for each in checked if each.claim.quotes])
        figures["latency"] = print_latency(english, vocabulary)
    if wrong:
        print_wrong(checked, {"true (en)", "true (ru)", "real quotation"})
    return figures


def measure_insights(folder: Path, similarity: Similarity, sample: int, wrong: bool) -> dict[str, Any]:
    """SummHay: insights against one article that holds them, one of the same topic that does not, and corrupted."""
    pick = random.Random(SEED)
    rows = read_lines(folder / "documents.jsonl")
    documents = {row["id"]: Article.of(Document(id=row["id"], text=row["text"])) for row in rows}
    topics = {row["id"]: row["topic"] for row in rows}
    insights = [insight for row in read_lines(folder / "subtopics.jsonl") for insight in row["insights"]]
    true, absent = [], []
    for insight in pick.sample(insights, min(sample, len(insights))):
        holding = [each for each in insight["documents"] if each in documents]
        others = [each for each in documents if topics[each] == topics[holding[0]] and each not in insight["documents"]]
        true.append(Claim("true", insight["insight"], documents[pick.choice(holding)]))
        absent.append(Claim("absent", insight["insight"], documents[pick.choice(others)]))
    read_too = [documents[each] for each in pick.sample(sorted(documents), min(60, len(documents)))]
    claims = [*true, *absent, *real_quotations(true), *corrupted(true, read_too)]
    with vocabulary_of(hit for article in documents.values() for hit in article.hits) as vocabulary:
        checked = check_all(claims, similarity, vocabulary)
    figures = print_kinds(checked, {"true", "real quotation"})
    groups = by_kind(checked)
    figures |= print_curve(groups["true"], groups["absent"])
    if wrong:
        print_wrong(checked, {"true", "real quotation"})
    return figures


def corrupted(claims: Sequence[Claim], everything: Sequence[Article]) -> list[Claim]:
    """Every claim in every wrong form that it can take, drawn from a fixed seed."""
    made: list[Claim] = []
    for index, claim in enumerate(claims):
        pick = random.Random(SEED + index)
        others = [each for each in everything if each.document.id != claim.article.document.id]
        made += changed_number(claim, pick)
        made += borrowed_number(claim, pick)
        made += swapped_name(claim, others, pick)
        made += borrowed_name(claim, pick)
        made.append(Claim("other article", claim.text, pick.choice(others)))
        made += invented_quotation(claim)
        made += negated(claim)
        made += turned(claim)
    return made + altered_quotations(claims) + negations_dropped(claims)


def changed_number(claim: Claim, pick: random.Random) -> list[Claim]:
    """A number in digits becomes another of the same length; a year stays near."""
    found = list(re.finditer(r"(?<![\w.,])\d[\d,.]*\d|(?<![\w.,])\d", claim.text))
    if not found:
        return []
    match = pick.choice(found)
    digits = [index for index, character in enumerate(match.group()) if character.isdigit()]
    at = digits[-1] if re.fullmatch(r"(?:19|20)\d\d", match.group()) else pick.choice(digits)
    choices = [each for each in "123456789" if each != match.group()[at]]
    new = match.group()[:at] + pick.choice(choices) + match.group()[at + 1 :]
    return [replaced(claim, "changed number", match.start(), match.end(), new)]


def borrowed_number(claim: Claim, pick: random.Random) -> list[Claim]:
    """A number becomes another number of the same article."""
    own = [each for each in facts(claim.text) if each.kind == "number"]
    known = {
        written
        for hit in claim.article.hits
        for written in re.findall(r"(?<![\w.,])\d+(?![\w.,]*\d)", hit.passage.text)
    }
    new = sorted(each for each in known if not Evidenced([claim.text]).holds(facts(f"It was {each}.")[0]))
    return [
        replaced(claim, "number of the same article", fact.start, fact.end, pick.choice(new)) for fact in own[:1] if new
    ]


def swapped_name(claim: Claim, others: Sequence[Article], pick: random.Random) -> list[Claim]:
    """A name becomes a name that stands in other articles and not in this one."""
    here = Evidenced([claim.article.document.text, *(hit.passage.text for hit in claim.article.hits)])
    near = pick.sample(list(others), min(4, len(others)))
    names = [
        name for article in near for name in names_of(article) if not any(map(here.holds, facts(f"He saw {name}.")))
    ]
    return _renamed(claim, "swapped name", names, pick)


def borrowed_name(claim: Claim, pick: random.Random) -> list[Claim]:
    """A name becomes another name of the same article."""
    said = Evidenced([claim.text])
    names = [name for name in names_of(claim.article) if not any(map(said.holds, facts(f"He saw {name}.")))]
    return _renamed(claim, "name of the same article", names, pick)


def _renamed(claim: Claim, kind: str, names: Sequence[str], pick: random.Random) -> list[Claim]:
    """One name, several words together, becomes one of the given ones with the same number of words and the same capitals."""
    found = [(start, end) for start, end in name_spans(claim.text) if start]
    pick.shuffle(found)
    for start, end in found:
        old = claim.text[start:end]
        alike = sorted(
            {each for each in names if len(each.split()) == len(old.split()) and each.isupper() == old.isupper()}
        )
        if alike:
            return [replaced(claim, kind, start, end, pick.choice(alike))]
    return []


@cache
def names_of(article: Article) -> list[str]:
    """The names in an article, each once, but for those a sentence begins with."""
    found = [
        hit.passage.text[start:end]
        for hit in article.hits
        for start, end in name_spans(hit.passage.text)
        if re.search(r"[^\W\d][,;]?\s$", hit.passage.text[:start])
    ]
    return sorted(set(found))


def name_spans(text: str) -> list[tuple[int, int]]:
    """Where names stand, words with a space between them together."""
    spans: list[tuple[int, int]] = []
    for fact in facts(text):
        if fact.kind == "name" and spans and text[spans[-1][1] : fact.start] == " ":
            spans[-1] = (spans[-1][0], fact.end)
        elif fact.kind == "name":
            spans.append((fact.start, fact.end))
    return spans


def invented_quotation(claim: Claim) -> list[Claim]:
    """The statement itself, which is a paraphrase, is put into quotation marks, as if the article used these words."""
    inside = claim.text.replace('"', "").rstrip(".")
    text = f'As the article puts it, "{inside}".'
    said = any(
        " ".join(words(inside.lower())) in " ".join(words(hit.passage.text.lower())) for hit in claim.article.hits
    )
    return [] if said else [Claim("invented quotation", text, claim.article, (24, len(text) - 1))]


def real_quotations(claims: Sequence[Claim]) -> list[Claim]:
    """For each claim a piece of its article, word for word, in quotation marks."""
    return [
        Claim("real quotation", f'The article says that "{" ".join(piece)}".', claim.article)
        for claim, piece in _pieces(claims)
    ]


def altered_quotations(claims: Sequence[Claim]) -> list[Claim]:
    """The same pieces with one word changed for another of the article."""
    made = []
    for claim, piece in _pieces(claims):
        pick = random.Random(len(piece[0]) + len(claim.text))
        at = max(range(len(piece)), key=lambda index: len(piece[index]))
        known = sorted(
            {word for hit in claim.article.hits for word in words(hit.passage.text) if word.islower() and len(word) > 4}
        )
        new = [*piece[:at], pick.choice([word for word in known if word not in piece[at]]), *piece[at + 1 :]]
        text = f'The article says that "{" ".join(new)}".'
        made.append(Claim("altered quotation", text, claim.article, (23, len(text) - 1)))
    return made


def _pieces(claims: Sequence[Claim]) -> list[tuple[Claim, list[str]]]:
    """Six to twelve words in a row of a sentence that carries the claim, or of any sentence of its article."""
    found = []
    for index, claim in enumerate(claims):
        pick = random.Random(SEED + index)
        texts = claim.quotes or tuple(
            hit.passage.text[start:end] for hit in claim.article.hits for start, end in sentence_spans(hit.passage.text)
        )
        long = [text.replace('"', "").split() for text in texts if len(text.split()) >= 14]
        if long:
            words_of, length = pick.choice(long), pick.randint(6, 12)
            start = pick.randint(0, len(words_of) - length - 1)
            found.append((claim, words_of[start : start + length]))
    return found


_AUXILIARY = re.compile(
    r"\b(?:is|are|was|were|has|have|had|will|would|can|could|must|should|may|might|do|does|did)\b(?P<no> not\b)?"
)
_PAST = re.compile(r"(?<=[a-z] )(?:\w{3,}ed|said|told|came|went|won|left|threw|drew|held|became|saw|led|met)\b")


def negated(claim: Claim) -> list[Claim]:
    """A "not" is put behind the first auxiliary verb, or taken away; else "never" before the first past tense."""
    match = _AUXILIARY.search(claim.text)
    if match is not None:
        new = match.group().removesuffix(" not") if match["no"] else f"{match.group()} not"
        return [replaced(claim, "negation", match.start(), match.end(), new)]
    past = _PAST.search(claim.text)
    return [replaced(claim, "negation", past.start(), past.end(), f"never {past.group()}")] if past else []


def negations_dropped(claims: Sequence[Claim]) -> list[Claim]:
    """For each article its first sentence with a "not", "no" or "never", without that word."""
    made: dict[str, Claim] = {}
    for claim in claims:
        texts = (hit.passage.text[a:b] for hit in claim.article.hits for a, b in sentence_spans(hit.passage.text))
        dropped = next((_NO.sub("", text, count=1) for text in texts if _NO.search(text)), "")
        if dropped:
            made[claim.article.document.id] = Claim("negation dropped", dropped, claim.article, (0, len(dropped)))
    return list(made.values())


_NO = re.compile(
    r"(?<=\b(?:is|do) )not |(?<=\b(?:are|was|has|had|did|can) )not |(?<=\b(?:were|will|have|does) )not |\b(?:no|never) "
)

_OPPOSITES = """
before/after more/fewer more/less most/least increase/decrease increased/decreased increases/decreases increasing/decreasing
higher/lower high/low rose/fell rise/fall rises/falls growth/decline up/down first/last won/lost opened/closed with/without
early/late earlier/later allowed/banned supported/opposed supporters/opponents for/against minority/majority quickly/slowly
always/never all/none many/few large/small larger/smaller young/old near/far best/worst better/worse accepted/rejected
confirmed/denied above/below longer/shorter stronger/weaker strong/weak gain/loss gains/losses improve/worsen enhance/weaken
enhances/weakens enhanced/weakened boost/hamper reduce/raise reducing/raising reduced/raised reduces/raises positive/negative
public/private include/exclude including/excluding expand/shrink success/failure profit/loss began/ended new/old
significant/negligible faster/slower far/near legal/illegal exceeding/missing surpassing/missing open/closed
"""
OPPOSITES: dict[str, str] = {}
for _pair in _OPPOSITES.split():
    _one, _other = _pair.split("/")
    OPPOSITES.setdefault(_one, _other)
    OPPOSITES.setdefault(_other, _one)


def turned(claim: Claim) -> list[Claim]:
    """The first word that has an opposite becomes it."""
    match = next((each for each in re.finditer(r"\b[a-z]+\b", claim.text) if each.group() in OPPOSITES), None)
    return [] if match is None else [replaced(claim, "opposite", match.start(), match.end(), OPPOSITES[match.group()])]


def replaced(claim: Claim, kind: str, start: int, end: int, new: str) -> Claim:
    """The claim with other characters from ``start`` to ``end``."""
    text = claim.text[:start] + new + claim.text[end:]
    return replace(claim, kind=kind, text=text, spot=(start, start + len(new)), quotes=())


# --- Checking


def check_all(claims: Iterable[Claim], similarity: Similarity, vocabulary: Vocabulary) -> list[Checked]:
    """Each claim checked against all passages of its article, one checker for each article."""
    checkers: dict[int, Checker] = {}
    checked = []
    for claim in claims:
        checker = checkers.setdefault(id(claim.article), Checker(claim.article.hits, similarity, vocabulary))
        checked.append(Checked(claim, checker.check(claim.text)))
    return checked


@contextmanager
def vocabulary_of(hits: Iterable[Hit]) -> Iterator[KeywordIndex]:
    """The words of some passages, as an index of them knows them, for the length of a block."""
    with tempfile.TemporaryDirectory() as folder:
        create_keyword_index(Path(folder), ((hit.document.line(), hit.passage.text) for hit in hits))
        yield KeywordIndex(Path(folder))


# --- Tables


def print_kinds(checked: Sequence[Checked], true: set[str]) -> dict[str, Any]:
    """The share of each kind that is caught, or wrongly marked."""
    figures: dict[str, Any] = {}
    print(
        f"\n{'wrongly marked at ' + str(THRESHOLD):32}{'n':>5}{'any':>7}{'unsupported':>13}{'number':>8}"
        f"{'name':>7}{'quotation':>11}{'other':>7}"
    )
    for kind, group in by_kind(checked).items():
        if kind in true:
            row = {"n": len(group), "any": share(group, lambda each: each.marked(THRESHOLD))}
            row["unsupported"] = share(group, lambda each: each.support.score < THRESHOLD)
            row |= {
                name: sum(any(fact.kind == name for fact in each.support.missing) for each in group) / len(group)
                for name in ("number", "name", "quotation")
            }
            row["other"] = share(
                group,
                lambda each: any(fact.kind not in ("number", "name", "quotation") for fact in each.support.missing),
            )
            print(
                f"{kind:32}{row['n']:5}{row['any']:7.2f}{row['unsupported']:13.2f}{row['number']:8.2f}{row['name']:7.2f}{row['quotation']:11.2f}{row['other']:7.2f}"
            )
            figures[kind] = row
    print(f"\n{'caught at ' + str(THRESHOLD):32}{'n':>5}{'caught':>8}{'unsupported':>13}{'the spot':>10}")
    for kind, group in by_kind(checked).items():
        if kind not in true:
            row = {"n": len(group), "caught": share(group, lambda each: each.caught(THRESHOLD))}
            row["unsupported"] = share(group, lambda each: each.support.score < THRESHOLD)
            row["spot"] = share(group, lambda each: each.caught(-1.0))
            print(f"{kind:32}{row['n']:5}{row['caught']:8.2f}{row['unsupported']:13.2f}{row['spot']:10.2f}")
            figures[kind] = row
    return {"kinds": figures}


def print_curve_of_kinds(checked: Sequence[Checked], true: str) -> dict[str, Any]:
    """For each threshold the share of true statements marked as unsupported, and of statements of another article caught."""
    groups = by_kind(checked)
    return print_curve(groups[true], groups["other article"])


def print_curve(supported: Sequence[Checked], unsupported: Sequence[Checked]) -> dict[str, Any]:
    """The area under the curve, and precision, recall and F1 of both verdicts for each threshold."""
    positive, negative = [each.support.score for each in supported], [each.support.score for each in unsupported]
    area = auc(positive, negative)
    print(f"\nAUC {area:.3f} ({len(positive)} supported, {len(negative)} not)")
    print(
        f"{'':10}{'called unsupported':^24}{'called supported':^24}\nthreshold"
        + f"{'prec':>9}{'recall':>8}{'F1':>7}" * 2
    )
    curve = {}
    for threshold in THRESHOLDS:
        low, high = sum(s < threshold for s in negative), sum(s >= threshold for s in positive)
        below, above = low + sum(s < threshold for s in positive), high + sum(s >= threshold for s in negative)
        rows = [verdict(low, below, len(negative)), verdict(high, above, len(positive))]
        print(f"{threshold:9.2f}" + "".join(f"{p:9.2f}{r:8.2f}{f:7.2f}" for p, r, f in rows))
        curve[threshold] = {"unsupported": rows[0], "supported": rows[1]}
    return {"auc": area, "curve": curve}


def auc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """The chance that a positive scores higher than a negative, ties counting a half.

    >>> auc([0.9, 0.5], [0.5, 0.1])
    0.875
    """
    pairs = [(p > n) + (p == n) / 2 for p in positive for n in negative]
    return sum(pairs) / len(pairs) if pairs else float("nan")


def verdict(right: int, called: int, real: int) -> tuple[float, float, float]:
    """Precision, recall and F1."""
    precision, recall = right / max(called, 1), right / max(real, 1)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)


def print_quotes(checked: Sequence[Checked]) -> dict[str, float]:
    """How the quotes found compare with the ones that carry the statement."""
    right, found, wanted, met, first = 0, 0, 0, 0, 0
    for each in checked:
        quotes = [evidence.quote for evidence in each.support.evidence]
        hits = [any(gold in quote for gold in each.claim.quotes) for quote in quotes]
        right, found = right + sum(hits), found + len(quotes)
        met += sum(any(gold in quote for quote in quotes) for gold in each.claim.quotes)
        wanted, first = wanted + len(each.claim.quotes), first + any(hits[:1])
    figures = {
        "precision": right / max(found, 1),
        "recall": met / max(wanted, 1),
        "first": first / max(len(checked), 1),
    }
    print(
        "\nquotes: "
        + "  ".join(f"{name} {value:.2f}" for name, value in figures.items())
        + f"  per statement {found / len(checked):.2f}"
    )
    return figures


def print_latency(claims: Sequence[Claim], vocabulary: Vocabulary) -> dict[str, float]:
    """Milliseconds that citing adds to an answer of ten sentences over eight passages, read in pieces of four characters."""
    embedder = load_embedder(Settings())
    cold, warm, again = [], [], []
    for round_ in range(7):
        text, hits = _answer(claims, random.Random(round_))
        similarity = Similarity(embedder)
        cold.append(_cited_in(text, hits, similarity, vocabulary))
        similarity = Similarity(embedder)
        for hit in hits:
            similarity.vectors([hit.passage.text[start:end] for start, end in sentence_spans(hit.passage.text)])
        warm.append(_cited_in(text, hits, similarity, vocabulary))
        again.append(_cited_in(text, hits, similarity, vocabulary))
    figures = {"cold": statistics.median(cold), "warm": statistics.median(warm), "again": statistics.median(again)}
    print(
        "\nciting ten sentences over eight passages, milliseconds: "
        + "  ".join(f"{k} {v:.0f}" for k, v in figures.items())
    )
    return figures


def _answer(claims: Sequence[Claim], pick: random.Random) -> tuple[str, list[Hit]]:
    """Ten statements with the number of a passage each, nine of ten right, and the eight passages."""
    hits: list[Hit] = []
    sentences: list[str] = []
    for claim in pick.sample(list(claims), len(claims)):
        needed = [hit for hit in claim.article.hits if any(quote in hit.passage.text for quote in claim.quotes)]
        fresh = [hit for hit in needed if hit not in hits]
        if len(sentences) < 10 and needed and len(hits) + len(fresh) <= 8:
            hits += fresh
            number = hits.index(needed[0]) + 1 if pick.random() < 0.9 else pick.randint(1, 8)
            sentences.append(f"{claim.text} [{number}]")
    return " ".join(sentences), hits


def _cited_in(text: str, hits: Sequence[Hit], similarity: Similarity, vocabulary: Vocabulary) -> float:
    started = time.perf_counter()
    citer = Citer(hits, similarity, vocabulary)
    for end in range(4, len(text), 4):
        citer.read(text[:end])
    citer.read(text, ended=True)
    return (time.perf_counter() - started) * 1000


def print_wrong(checked: Sequence[Checked], true: set[str]) -> None:
    """What was wrongly marked, and what was missed."""
    for each in checked:
        kind = each.claim.kind
        if each.marked(THRESHOLD) if kind in true else not each.caught(THRESHOLD):
            missing = [each.claim.text[fact.start : fact.end] for fact in each.support.missing]
            print(f"\n{kind}  {each.support.score:.2f}  missing {missing}\n  {each.claim.text}")
            for evidence in each.support.evidence:
                print(f"    > {evidence.quote}")


def by_kind(checked: Iterable[Checked]) -> dict[str, list[Checked]]:
    """The checked claims by kind, in the order in which kinds come."""
    groups: dict[str, list[Checked]] = defaultdict(list)
    for each in checked:
        groups[each.claim.kind].append(each)
    return groups


def share(group: Sequence[Checked], holds: Callable[[Checked], bool]) -> float:
    """The share of a group of which something holds."""
    return sum(map(holds, group)) / len(group) if group else 0.0


def read_lines(path: Path) -> list[dict[str, Any]]:
    """JSON lines."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def read_articles(folder: Path) -> dict[str, Article]:
    """The articles of a folder by file name."""
    return {document.id: Article.of(document) for document in map(read, scan(folder)[0]) if document.id.endswith(".md")}


if __name__ == "__main__":
    main()
