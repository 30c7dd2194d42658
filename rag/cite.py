"""From text to quotes: every citation is found in an article, checked letter for letter and numbered by us.

What a chat model wrote is never trusted: each of its sentences is compared with the passages it was given, and either gets
the quotes that carry it or is marked as unsupported. The passages it names are only a hint where to look first.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from rag.facts import Evidenced, Fact, facts
from rag.lexical import stem
from rag.prose import Prose, Statement
from rag.question import Vocabulary
from rag.sentences import sentence_spans
from rag.similarity import Similarity, expected_cosine, meaningful_words
from rag.types import Citation, Header, Hit, Sentence, spoken_date
from rag.words import content_words, words

THRESHOLD = 0.55
"""A sentence with less support, 0 to 1, is marked as unsupported; see benchmarks/README.md for the curve."""
MOST_QUOTES = 3
_SHORTLIST = 12
# How many candidates are compared word by word, which is slow; twelve did no better.
_COMPARED = 2
# A further quote must carry this much of the sentence's weight, or a fact that no other quote holds.
_WORTH_QUOTING = 0.15
# A further quote stands next to another, or carries as much in words that are no facts, or is nearly as close in meaning as
# the first. Otherwise a number or a name from anywhere in the article would do.
_AS_NEAR = 0.85
# How much facts count in the choice of the first quote; with 1, a wrong name chooses the quote that holds it.
_FACTS_FIRST = 0.3
# What a sentence says of its matter, rather than what it is about; looked for in all quotes together.
_SENSE = ("negation", "direction")
# Experts' judgements follow the cosine more, planted facts the words; the middle does well on both (benchmarks/README.md).
_MEANING = 0.6


class Evidence(NamedTuple):
    """A span of a found passage that bears on the question; a higher ``score`` is better.

    ``start`` and ``end`` count characters of the document's text.
    """

    hit: Hit
    start: int
    end: int
    score: float

    @property
    def quote(self) -> str:
        """The span's text."""
        passage = self.hit.passage
        return passage.text[self.start - passage.start : self.end - passage.start]


@dataclass(frozen=True, slots=True)
class Support:
    """What carries a sentence: its evidence, best first, how well (0 to 1), and the facts that stand in none of it."""

    evidence: tuple[Evidence, ...]
    score: float
    missing: tuple[Fact, ...]


def cite(evidence: Iterable[Evidence]) -> tuple[Sentence, ...]:
    """A sentence for each piece of evidence, word for word, with its citation; numbers count from 1 in order of appearance.

    Raises CitationError where a span does not lie inside its passage.
    """
    return tuple(
        Sentence(" ".join(each.quote.split()), (Citation(number, each.hit, each.quote, each.start, each.end),))
        for number, each in enumerate(evidence, start=1)
    )


def dated(citation: Citation) -> Sentence:
    """A quote as an item of a list, after its date, in bold, and its outlet: for answers that follow the time."""
    header = citation.hit.document
    date = spoken_date(header.published) or "undated"
    source = header.outlet or header.title or header.id
    text = f"{date}, {source}: {' '.join(citation.quote.split())}"
    return Sentence(text, (citation,), lead="\n- ", bold=((0, len(date)),))


class Citer:
    """Cites what a chat model writes about some passages, while it writes; numbers once given stay.

    ``passages[n - 1]`` is what the model knows as [n]; ``vocabulary`` tells which words are rare.
    """

    def __init__(self, passages: Sequence[Hit], similarity: Similarity, vocabulary: Vocabulary) -> None:
        self._checker = Checker(passages, similarity, vocabulary)
        self._prose = Prose()
        self._sentences: list[Sentence] = []
        self._numbers: dict[tuple[str, int, int], int] = {}

    def read(self, text: str, ended: bool = False) -> tuple[Sentence, ...]:
        """The sentences of the whole text so far; the last one has no citations while it is still being written.

        Raises EmbedderError.
        """
        self._prose.read(text, ended)
        for statement in self._prose.finished[len(self._sentences) :]:
            self._sentences.append(self._cited(statement))
        pending = self._prose.pending
        if pending is None:
            return tuple(self._sentences)
        return (*self._sentences, Sentence(pending.text, lead=pending.lead, bold=pending.bold))

    def prepare(self) -> None:
        """Embeds the passages' sentences, which the first sentence of an answer would wait for; takes a second."""
        self._checker.prepare()

    def _cited(self, statement: Statement) -> Sentence:
        if statement.heading and not facts(statement.text):
            return Sentence(statement.text, lead=statement.lead, bold=statement.bold)
        support = self._checker.check(statement.text, statement.labels)
        supported = support.score >= THRESHOLD
        citations = tuple(self._citation(each) for each in support.evidence) if supported else ()
        return Sentence(
            statement.text,
            tuple(sorted(citations, key=lambda each: each.number)),
            supported or claims_nothing(statement.text),
            statement.lead,
            tuple((fact.start, fact.end) for fact in support.missing) if supported else (),
            statement.bold,
        )

    def _citation(self, evidence: Evidence) -> Citation:
        place = (evidence.hit.passage.document_id, evidence.start, evidence.end)
        number = self._numbers.setdefault(place, len(self._numbers) + 1)
        return Citation(number, evidence.hit, evidence.quote, evidence.start, evidence.end)


class Checker:
    """Finds what carries a sentence in some passages."""

    def __init__(self, passages: Sequence[Hit], similarity: Similarity, vocabulary: Vocabulary) -> None:
        self._passages = [_Candidate.all_of(hit) for hit in passages]
        self._similarity = similarity
        self._vocabulary = vocabulary

    def prepare(self) -> None:
        """Embeds all sentences once; raises EmbedderError."""
        for passage in self._passages:
            self._similarity.vectors([each.text for each in passage])

    def check(self, sentence: str, labels: Sequence[int] = ()) -> Support:
        """The support of a sentence: from the passages it names, numbered from 1, else from the best of all.

        Labels that name no passage are ignored. Raises EmbedderError.
        """
        named = [self._passages[label - 1] for label in labels if 1 <= label <= len(self._passages)]
        claim = _Claim.of(sentence, self._vocabulary)
        support = self._search(claim, [each for passage in named for each in passage])
        if support.score >= THRESHOLD and not support.missing:
            return support
        others = self._search(claim, [each for passage in self._passages for each in passage])
        return max(support, others, key=lambda each: (each.score >= THRESHOLD, -len(each.missing), each.score))

    def _search(self, claim: _Claim, candidates: Sequence[_Candidate]) -> Support:
        found = sorted(candidates, key=lambda each: -claim.promise(each))[:_SHORTLIST]
        if not found or not claim.weights:
            return Support((), 0.0, claim.facts)
        carried = [_Carried(claim, *each) for each in zip(found, self._cosines(claim, found), strict=True)]
        support = _chosen(claim, carried)
        carries = support.score >= THRESHOLD and not support.missing
        if carries or support_score(1.0, max(each.cosine for each in carried)) < THRESHOLD:
            return support
        self._compare_words(claim, sorted(carried, key=lambda each: -each.promise)[:_COMPARED])
        return _chosen(claim, carried)

    def _cosines(self, claim: _Claim, candidates: Sequence[_Candidate]) -> list[float]:
        """How near each candidate is in meaning; where the model does not know the words, as their spelling tells."""
        texts = [each.text for each in candidates]
        read, *known = self._similarity.reads([claim.text, *texts])
        measured = map(float, self._similarity.between([claim.text], texts)[0])
        return [
            cosine if read and candidate_read else expected_cosine(claim.promise(each) / claim.total)
            for each, cosine, candidate_read in zip(candidates, measured, known, strict=True)
        ]

    def _compare_words(self, claim: _Claim, carried: Sequence[_Carried]) -> None:
        """What the best candidates say in other words; only where it matters, since embedding words takes the most time."""
        if not all(self._similarity.reads([claim.text])):
            return  # two words of an unknown language are near because of their letters
        known = {word for each in carried for word, share in each.shares.items() if share}
        asked = [word for word in claim.plain_words if word not in known]
        for each, near in zip(
            carried, self._similarity.near(asked, [each.candidate.words for each in carried]), strict=True
        ):
            each.shares |= near


def citations_of(sentences: Iterable[Sentence]) -> tuple[Citation, ...]:
    """All citations of an answer, each once, by number."""
    return tuple(sorted({each for sentence in sentences for each in sentence.citations}, key=lambda each: each.number))


def marked_text(sentences: Iterable[Sentence]) -> str:
    """The sentences as one text, each followed by the numbers of its citations in brackets.

    >>> marked_text([Sentence("It rained."), Sentence("It was cold.", lead="\\n- ")])
    'It rained.\\n- It was cold.'
    """
    parts = []
    for sentence in sentences:
        marks = "".join(f" [{citation.number}]" for citation in sentence.citations)
        parts.append(f"{sentence.lead}{sentence.text}{marks}")
    return "".join(parts).strip()


def claims_nothing(sentence: str) -> bool:
    """Whether a sentence says only that the articles do not say something, or leads over to what follows.

    >>> claims_nothing("The articles do not mention the price."), claims_nothing("Here is what they say:")
    (True, True)
    >>> claims_nothing("The passages show that the price rose.")
    False
    """
    return bool(_SAYS_NOT.search(sentence)) or (sentence.rstrip().endswith(":") and not facts(sentence))


_SAYS_NOT = re.compile(
    r"\b(articles?|passages?|sources?|texts?|documents?|excerpts?|reports?|context|information)\b.{0,60}"
    r"\b(do|does|did|is|are|was|were|has|have|can)(n['’]t| not| no)\b.{0,40}"
    r"\b(say|said|mention\w*|state\w*|tell|specif\w+|provide\w*|contain\w*|give\w*|answer\w*|address\w*|discuss\w*|include\w*|"
    r"indicat\w+|describe\w*|name\w*|explain\w*|available|report\w*|cover\w*|clear)\b"
    r"|\b(статьи|статьях|источник\w*|текст\w*|отрыв\w+)\b.{0,60}\bне\b.{0,30}\b(сообща\w+|говор\w+|упомина\w+|указ\w+|содерж\w+|отвеча\w+)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Candidate:
    """A sentence of a passage; ``start`` and ``end`` count characters of the document's text."""

    hit: Hit
    position: int
    start: int
    end: int

    @staticmethod
    def all_of(hit: Hit) -> tuple[_Candidate, ...]:
        offset = hit.passage.start
        spans = enumerate(sentence_spans(hit.passage.text))
        return tuple(_Candidate(hit, position, offset + start, offset + end) for position, (start, end) in spans)

    @cached_property
    def text(self) -> str:
        passage = self.hit.passage
        return passage.text[self.start - passage.start : self.end - passage.start]

    @cached_property
    def stems(self) -> frozenset[str]:
        return frozenset(map(stem, words(self.text)))

    @cached_property
    def words(self) -> frozenset[str]:
        return meaningful_words(self.text)

    @cached_property
    def evidenced(self) -> Evidenced:
        return Evidenced([self.text], header_texts(self.hit.document))


@dataclass(frozen=True)
class _Claim:
    """A sentence to be supported: the weights of its content words (inverse document frequency) and its facts."""

    text: str
    weights: Mapping[str, float]
    facts: tuple[Fact, ...]

    @staticmethod
    def of(sentence: str, vocabulary: Vocabulary) -> _Claim:
        size = len(vocabulary)
        asked = dict.fromkeys(word.lower() for word in content_words(sentence))
        weights = {
            word: math.log(1 + size / (max(vocabulary.frequency(stem(word)), 1) + 0.5)) for word in asked if stem(word)
        }
        return _Claim(sentence, weights, tuple(facts(sentence)))

    @cached_property
    def plain_words(self) -> list[str]:
        """What may be said in other words: neither names nor numbers."""
        named = {form for fact in self.facts if fact.kind == "name" for form in fact.forms}
        return [word for word in self.weights if word.isalpha() and word not in named]

    @cached_property
    def matter(self) -> list[str]:
        """The words that are not part of a fact."""
        checked = {word.lower() for fact in self.facts for word in words(self.text[fact.start : fact.end])}
        return [word for word in self.weights if word not in checked]

    @cached_property
    def total(self) -> float:
        return sum(self.weights.values()) or 1.0

    def promise(self, candidate: _Candidate) -> float:
        return sum(weight for word, weight in self.weights.items() if stem(word) in candidate.stems)


class _Carried:
    """How a candidate carries a claim: each word's share, 0 to 1, the cosine, and the facts it holds."""

    def __init__(self, claim: _Claim, candidate: _Candidate, cosine: float) -> None:
        self.candidate = candidate
        self.cosine = cosine
        self.shares = {word: float(stem(word) in candidate.stems) for word in claim.weights}
        self.promise = claim.promise(candidate) / claim.total + cosine
        self.held = frozenset(
            fact for fact in claim.facts if fact.kind not in _SENSE and candidate.evidenced.holds(fact)
        )


def _chosen(claim: _Claim, carried: Sequence[_Carried]) -> Support:
    """The best candidate, and up to two more that carry what it does not."""
    chosen: list[_Carried] = []
    shares = dict.fromkeys(claim.weights, 0.0)
    held: frozenset[Fact] = frozenset()
    while len(chosen) < MOST_QUOTES:
        rest = [each for each in carried if each not in chosen]
        rest = [each for each in rest if not chosen or _same_matter(claim, shares, each, chosen)]
        best = max(rest, key=lambda each: _gain(claim, shares, held, each, chosen), default=None)
        if best is None or (chosen and not _worth_quoting(claim, shares, held, best)):
            break
        held |= best.held
        chosen.append(best)
        shares = {word: max(share, best.shares[word]) for word, share in shares.items()}
    coverage = sum(weight * shares[word] for word, weight in claim.weights.items()) / claim.total
    score = support_score(coverage, max((each.cosine for each in chosen), default=0.0))
    evidence = _joined([each.candidate for each in chosen], score)
    return Support(evidence, score, _missing(claim, held, evidence))


def _missing(claim: _Claim, held: frozenset[Fact], evidence: Sequence[Evidence]) -> tuple[Fact, ...]:
    """The facts that no quote holds: a quotation may run over two sentences, and what is denied depends on all of them."""
    open_ = [fact for fact in claim.facts if fact not in held]
    together = Evidenced([each.quote for each in evidence]) if open_ else Evidenced([])
    return tuple(fact for fact in open_ if fact.kind not in ("quotation", *_SENSE) or not together.holds(fact))


def support_score(coverage: float, cosine: float) -> float:
    """How well a sentence is supported, 0 to 1, by the share of its words that is found and by the nearness in meaning."""
    return max(0.0, (1 - _MEANING) * coverage + _MEANING * cosine)


def _gain(
    claim: _Claim, shares: Mapping[str, float], held: frozenset[Fact], each: _Carried, chosen: Sequence[_Carried]
) -> float:
    more = sum(weight * max(0.0, each.shares[word] - shares[word]) for word, weight in claim.weights.items())
    new_facts = len(each.held - held) / max(len(claim.facts), 1)
    near = any(_follow(each.candidate, other.candidate) for other in chosen)
    new_facts *= 1.0 if chosen else _FACTS_FIRST
    return more / claim.total + new_facts + (0.0 if chosen else each.cosine) + 0.1 * near


def _worth_quoting(claim: _Claim, shares: Mapping[str, float], held: frozenset[Fact], each: _Carried) -> bool:
    more = sum(weight * max(0.0, each.shares[word] - shares[word]) for word, weight in claim.weights.items())
    return more / claim.total >= _WORTH_QUOTING or bool(each.held - held)


def _same_matter(claim: _Claim, shares: Mapping[str, float], each: _Carried, chosen: Sequence[_Carried]) -> bool:
    """Whether a further quote is about the sentence's matter, and does not only hold a number or a name of it."""
    if any(_follow(each.candidate, other.candidate) for other in chosen):
        return True
    more = sum(claim.weights[word] * max(0.0, each.shares[word] - shares[word]) for word in claim.matter)
    return each.cosine >= _AS_NEAR * chosen[0].cosine or more / claim.total >= _WORTH_QUOTING


def _follow(one: _Candidate, other: _Candidate) -> bool:
    return one.hit.passage.id == other.hit.passage.id and abs(one.position - other.position) == 1


def _joined(candidates: Sequence[_Candidate], score: float) -> tuple[Evidence, ...]:
    """The candidates as evidence; neighbours of one passage become one quote."""
    joined: list[Evidence] = []
    ordered = sorted(candidates, key=lambda each: candidates.index(each))
    for each in ordered:
        for index, other in enumerate(joined):
            together = [
                one for one in candidates if one.hit is other.hit and other.start <= one.start and one.end <= other.end
            ]
            if any(_follow(each, one) for one in together):
                joined[index] = Evidence(other.hit, min(other.start, each.start), max(other.end, each.end), score)
                break
        else:
            joined.append(Evidence(each.hit, each.start, each.end, score))
    return tuple(joined)


def header_texts(header: Header) -> tuple[str, ...]:
    """What stands above a quote, so that an answer may say it: title, outlet, authors, and the date in words."""
    return (header.byline(), spoken_date(header.published))
