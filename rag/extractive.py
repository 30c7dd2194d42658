"""The answerer that needs no model: it reads the found passages and takes the sentences that answer, word for word.

A learned reader can take its place behind the same seam: question and passages in, spans and a support score out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Protocol

from rag.cite import Evidence
from rag.lexical import stem
from rag.question import GROUPS, Question, Vocabulary, answers_kind, over_time, understand
from rag.sentences import sentence_spans
from rag.similarity import Similarity, expected_cosine, meaningful_words
from rag.types import Hit
from rag.words import FUNCTION_WORDS, words

MOST_SENTENCES = 4
# A further sentence is shown only if it is this likely next to the best one, and says something else.
_WORTH_ADDING = 0.35
_REPETITION = 0.6


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader found: the evidence in the order it is to be read, and how well it is supported (0 to 1).

    The evidence is empty where ``support`` is too weak to answer at all. ``by_date`` says that it runs from the oldest
    article to the newest, else the best comes first. ``begins`` are the places in it, from 0, where what answers another
    part of the question begins.
    """

    evidence: tuple[Evidence, ...]
    support: float
    by_date: bool = False
    begins: tuple[int, ...] = ()


class Reader(Protocol):
    """Reads found passages for an answer."""

    def read(self, question: str, hits: Sequence[Hit], vocabulary: Vocabulary) -> Reading:
        """The spans of the hits that answer the question, none where they do not answer it."""
        ...


@dataclass(frozen=True)
class Candidate:
    """A sentence of a hit, its neighbours' text and the stems of its passage and header.

    ``start`` and ``end`` count characters of the document's text.
    """

    hit: Hit
    rank: int
    start: int
    end: int
    text: str
    around: str
    passage: frozenset[str]

    @cached_property
    def stems(self) -> frozenset[str]:
        """The stems of its words."""
        return frozenset(map(stem, words(self.text)))

    @cached_property
    def context(self) -> frozenset[str]:
        """The stems of its own, its neighbours' and its article's header's words."""
        return self.stems | set(map(stem, words(f"{self.around} {self.hit.document.byline()}")))

    @cached_property
    def words(self) -> frozenset[str]:
        """Its words in small letters, without function words."""
        return meaningful_words(self.text)

    @cached_property
    def context_words(self) -> frozenset[str]:
        """Its own, its neighbours' and its article's header's words, as ``words``."""
        return self.words | meaningful_words(f"{self.around} {self.hit.document.byline()}")

    @cached_property
    def sequence(self) -> list[str]:
        """The stems of its words without function words, in order."""
        return [stem(word) for word in words(self.text) if word.lower() not in FUNCTION_WORDS]


@dataclass(frozen=True, slots=True)
class Scorer:
    """Two linear models: ``rank`` orders sentences by ``sentence_features``, ``support`` says from ``support_features``
    how well the best one answers.

    ``support`` is the logit of the probability that the articles answer; below ``threshold`` (a probability) is a refusal.
    Learned by benchmarks/train_sentence_scorer.py on SQuAD 1.1's training questions, half of them with the answering
    paragraph taken away.
    """

    rank: Mapping[str, float]
    support: Mapping[str, float]
    bias: float
    threshold: float

    @staticmethod
    @lru_cache(maxsize=1)
    def shipped() -> Scorer:
        """The weights that come with the program."""
        return Scorer(**json.loads(files("rag").joinpath("sentence_scorer.json").read_text("utf-8")))

    def order(self, features: Mapping[str, float]) -> float:
        """How likely a sentence answers, compared with the question's other sentences only."""
        return sum(weight * features[name] for name, weight in self.rank.items())

    def probability(self, features: Mapping[str, float]) -> float:
        """How likely it is, from 0 to 1, that the articles answer, seen from ``support_features``."""
        logit = self.bias + sum(weight * features[name] for name, weight in self.support.items())
        return 1 / (1 + math.exp(-logit))


class SentenceReader:
    """Scores every sentence of the found passages by meaning, words, names and the kind of answer expected."""

    def __init__(self, similarity: Similarity, scorer: Scorer | None = None) -> None:
        self._similarity = similarity
        self._scorer = scorer or Scorer.shipped()

    def read(self, question: str, hits: Sequence[Hit], vocabulary: Vocabulary) -> Reading:
        """One to four sentences, none twice; none where the support is below the threshold.

        The most relevant comes first; they are ordered by date where the question asks for a course of events and they are
        of different dates.
        """
        asked = understand(question, vocabulary)
        found = [each for each in candidates(hits) if could_answer(asked, each.text)]
        if not found:
            return Reading((), 0.0)
        features = self.features(asked, found)
        orders = [self._scorer.order(each) for each in features]
        best = max(range(len(found)), key=lambda i: (orders[i], -i))
        support = self._scorer.probability(support_features(features, best))
        if support < self._scorer.threshold:
            return Reading((), support)
        chosen = self._chosen(found, orders)
        if over_time(question) and len({each.hit.document.published for each in chosen}) > 1:
            return Reading(_by_date(chosen), support, by_date=True)
        return Reading(_best_first(chosen), support)

    def features(self, question: Question, found: Sequence[Candidate]) -> list[dict[str, float]]:
        """What is known of each candidate with respect to the question, by feature name."""
        asked, *known = self._similarity.reads([question.text, *(each.text for each in found)])
        if not asked:
            return [sentence_features(question, each, None, {}, {}) for each in found]
        cosines = self._similarity.to_question(question.text, [each.text for each in found])
        near = self._near(question, [each.words for each in found])
        near_context = self._near(question, [each.context_words for each in found])
        return [
            sentence_features(question, *each) if read else sentence_features(question, each[0], None, {}, {})
            for each, read in zip(zip(found, cosines, near, near_context, strict=True), known, strict=True)
        ]

    def _near(self, question: Question, texts: Sequence[frozenset[str]]) -> list[dict[str, float]]:
        """For each set of words how near, from 0 to 1, each of the question's words comes to one of them in meaning.

        Names and numbers are left out: two countries are near in meaning, and yet not the same.
        """
        asked = [word for word in question.weights if word not in question.names]
        return self._similarity.near(asked, texts)

    def _chosen(self, found: Sequence[Candidate], orders: Sequence[float]) -> list[Evidence]:
        ranked = sorted(range(len(found)), key=lambda i: (-orders[i], i))
        chosen: list[int] = []
        for i in ranked:
            likely = math.exp(orders[i] - orders[ranked[0]])
            if len(chosen) == MOST_SENTENCES or likely < _WORTH_ADDING:
                break
            if not any(_repeats(found[i].stems, found[j].stems) for j in chosen):
                chosen.append(i)
        return [
            Evidence(found[i].hit, found[i].start, found[i].end, round(math.exp(orders[i] - orders[ranked[0]]), 6))
            for i in chosen
        ]


def candidates(hits: Sequence[Hit]) -> list[Candidate]:
    """The sentences of the hits that could answer, best hit first, without headings."""
    found = []
    for rank, hit in enumerate(hits):
        text, offset = hit.passage.text, hit.passage.start
        spans = sentence_spans(text)
        passage = frozenset(map(stem, words(f"{text} {hit.document.byline()}")))
        for i, (start, end) in enumerate(spans):
            around = " ".join(text[a:b] for a, b in (*spans[max(0, i - 1) : i], *spans[i + 1 : i + 2]))
            if not _is_heading(text[start:end], hit.document.title):
                found.append(Candidate(hit, rank, offset + start, offset + end, text[start:end], around, passage))
    return found


def could_answer(question: Question, sentence: str) -> bool:
    """Whether a sentence may answer at all: no sentence without a height answers how tall something is.

    Holds for quantities only. In SQuAD 1.1 (dev) 85 % of the sentences that answer such a question hold one as we read
    them; with dates, numbers and names, more answers are put in other words.
    """
    return GROUPS.get(question.expects) != "quantity" or answers_kind(question, sentence)


def sentence_features(
    question: Question,
    candidate: Candidate,
    cosine: float | None,
    near: Mapping[str, float],
    near_context: Mapping[str, float],
) -> dict[str, float]:
    """The features of one candidate; all are 0 to 1 but the cosines and the two logarithms.

    ``near`` and ``near_context`` say how near each word of the question comes to one of the sentence's, or its context's.
    ``cosine`` is ``None`` where the embedding model does not know the words of both texts: then spelling alone counts.
    """
    coverage, passage_coverage = question.coverage(candidate.stems), question.coverage(candidate.passage)
    holds_kind = answers_kind(question, candidate.text)
    new = [each for each in candidate.sequence if each not in question.stems]
    features = {
        "cosine": expected_cosine(coverage) if cosine is None else cosine,
        "passage_cosine": expected_cosine(passage_coverage) if cosine is None else candidate.hit.why.dense_score or 0.0,
        "passage_score": candidate.hit.score,
        "rank": 1 / (1 + candidate.rank),
        "coverage": coverage,
        "context_coverage": question.coverage(candidate.context),
        "passage_coverage": passage_coverage,
        "near_coverage": question.coverage(candidate.stems, near=near),
        "near_context_coverage": question.coverage(candidate.context, near=near_context),
        "name_coverage": question.coverage(candidate.stems, question.names),
        "context_name_coverage": question.coverage(candidate.context, question.names),
        "pairs": _pairs(question, candidate.sequence),
        "length": math.log1p(len(candidate.sequence)),
        "new": math.log1p(len(new)),
        "asks": float(candidate.text.rstrip().endswith("?")),
    }
    expected = GROUPS.get(question.expects)
    for group in sorted(set(GROUPS.values())):
        features[f"has_{group}"] = float(expected == group and holds_kind)
        features[f"lacks_{group}"] = float(expected == group and not holds_kind)
    return features


def support_features(features: Sequence[Mapping[str, float]], best: int) -> dict[str, float]:
    """What tells whether the best sentence answers: some of its own features, and the best cosine that any sentence reaches.

    Features that compare sentences with one another are left out, as are those that rather describe the corpus: with all of
    them the model did better on what it was learned from and worse on news.
    """
    kinds = [f"{has}_{group}" for has in ("has", "lacks") for group in sorted(set(GROUPS.values()))]
    names = ["cosine", "near_coverage", "near_context_coverage", "context_name_coverage", "pairs", *kinds]
    return {
        **{name: features[best][name] for name in names},
        "best_cosine": max(each["cosine"] for each in features),
    }


def _pairs(question: Question, sequence: Sequence[str]) -> float:
    asked = [stem(word) for word in words(question.text) if word.lower() not in FUNCTION_WORDS]
    pairs = set(zip(asked, asked[1:], strict=False))
    return len(pairs & set(zip(sequence, sequence[1:], strict=False))) / len(pairs) if pairs else 0.0


def _repeats(one: frozenset[str], other: frozenset[str]) -> bool:
    return len(one & other) >= _REPETITION * min(len(one), len(other))


def _is_heading(text: str, title: str) -> bool:
    if text == title:
        return True
    closed = text.rstrip("”\"'’»)] ").endswith((".", "!", "?", "…", ":", ";"))
    return not closed and len(words(text)) < 7 and ":" not in text


def _best_first(chosen: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """The best first; what follows from one passage stands together, as it was written."""
    first: dict[str, int] = {}
    for position, each in enumerate(chosen):
        first.setdefault(each.hit.passage.id, position)
    return (chosen[0], *sorted(chosen[1:], key=lambda each: (first[each.hit.passage.id], each.start)))


def _by_date(chosen: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """The oldest article first, undated ones last; each as it was written."""
    return tuple(sorted(chosen, key=lambda each: (*each.hit.document.date_order, each.start)))
