"""Find the quotes that support a model's sentences. Every citation is checked letter for letter and numbered by us.

A model is never trusted: each of its sentences is compared with the passages it was given, and either gets the quotes that
support it or is marked as unsupported. The passages it names are only a hint where to look first. Words are compared where
both are in one language, meanings always.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from rag.cite.antecedents import SENTENCES, antecedents, somebody_else
from rag.cite.attribution import misattributed
from rag.cite.orders import learn, orders_within
from rag.cite.prose import Prose, Statement
from rag.cite.quotation import nearest
from rag.cite.similarity import Similarity
from rag.errors import EmbedderError
from rag.retrieval.question import Vocabulary, rarity
from rag.text.facts import Evidenced, Fact, facts
from rag.text.names import plain, transcribed
from rag.text.sentences import sentence_spans
from rag.text.stems import stem
from rag.text.words import FUNCTION_WORDS, content_words, words
from rag.types import Citation, Hit, Sentence, spoken_date

if TYPE_CHECKING:
    from embeddings import SupportCheck

THRESHOLD = 0.45
"""A sentence with less support, 0 to 1, is marked as unsupported; see benchmarks/README.md for the curve."""
SUPPORTED_FROM = 0.03
"""A sentence that the support check calls supported with less, 0 to 1, is marked; see benchmarks/README.md."""
SUPPORTED_SURELY = 0.5
"""A denial in another language is taken as right from this on."""
MOST_QUOTES = 3
_SHORTLIST = 12
# A further quote must carry this much of the sentence's weight, or a fact that no other quote holds.
_WORTH_QUOTING = 0.15
# A further quote stands next to another, or carries as much in words that are no facts, or is nearly as close in meaning as
# the first. Otherwise a number or a name from anywhere in the article would do.
_AS_NEAR = 0.85
# Facts that are looked for in all quotes together.
_SENSE = ("negation", "direction")
# Experts' judgements follow the cosine more, planted facts the words; the middle does well on both (benchmarks/README.md).
_MEANING = 0.5
# A sentence of no more content words stands in one place; "Ana grows beets" does not follow from what two others do.
_FEW_WORDS = 4
# A sentence is in another language than a passage where less than this share of its pairs of letters occurs there.
_SHARED = 0.5
# Texts in one language are nearer to each other than to their translations, with most models by this factor.
_TRANSLATION = 0.75


class Evidence(NamedTuple):
    """A span of a found passage that bears on the question. A higher ``score`` is better.

    ``start`` and ``end`` count characters of the document's text.
    """

    hit: Hit
    start: int
    end: int
    score: float

    @property
    def quote(self) -> str:
        """Return the span's text."""
        passage = self.hit.passage
        return passage.text[self.start - passage.start : self.end - passage.start]


@dataclass(frozen=True, slots=True)
class Support:
    """Hold a sentence's evidence, best first; ``score`` (0 to 1) says how good, ``missing`` facts stand in none."""

    evidence: tuple[Evidence, ...]
    score: float
    missing: tuple[Fact, ...]


class Numbers:
    """Number the cited articles from 1, in order of appearance."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def of(self, hit: Hit) -> int:
        """Return the number of a passage's article."""
        return self._numbers.setdefault(hit.passage.document_id, len(self._numbers) + 1)

    def cite(self, evidence: Evidence) -> Citation:
        """Make the citation of a piece of evidence. Raises CitationError where it does not lie inside its passage."""
        return Citation(self.of(evidence.hit), evidence.hit, evidence.quote, evidence.start, evidence.end)


def dated(citation: Citation) -> Sentence:
    """Make a quote an item of a list, after its date, in bold, and its outlet."""
    header = citation.hit.document
    date = spoken_date(header.published) or "undated"
    source = header.outlet or header.title or header.id
    text = f"{date}, {source}: {' '.join(citation.quote.split())}"
    return Sentence(text, (citation,), lead="\n- ", bold=((0, len(date)),))


class Citer:
    """Cites what a chat model writes about some passages, while it writes. Numbers once given stay.

    ``passages[n - 1]`` is what the model knows as [n]; ``vocabulary`` tells which words are rare.
    """

    def __init__(
        self,
        passages: Sequence[Hit],
        similarity: Similarity,
        vocabulary: Vocabulary,
        support_check: Callable[[], SupportCheck] | None = None,
    ) -> None:
        self._checker = Checker(passages, similarity, vocabulary, support_check, orders=True)
        self._passages = len(passages)
        self._begin()

    def _begin(self) -> None:
        self._text = ""
        self._prose = Prose(self._passages)
        self._sentences: list[Sentence] = []
        self._numbers = Numbers()
        self._lead: tuple[Statement, Sentence] | None = None  # what the items that follow stand under

    def read(self, text: str, ended: bool = False) -> tuple[Sentence, ...]:
        """Cite the whole text so far. Its last sentence has no citations while it is still being written.

        A text that does not begin with the last one is a new one. Raises EmbedderError.
        """
        if not text.startswith(self._text):
            self._begin()
        self._text = text
        self._prose.read(text, ended)
        for statement in self._prose.finished[len(self._sentences) :]:
            sentence = self._cited(statement)
            self._sentences.append(sentence)
            if not (statement.item or statement.heading):
                self._lead = (statement, sentence) if sentence.citations else None
        pending = self._prose.pending
        if pending is None:
            return tuple(self._sentences)
        return (*self._sentences, Sentence(pending.text, lead=pending.lead, bold=pending.bold))

    def prepare(self) -> None:
        """Embed the passages' sentences, which the first sentence of an answer would wait for. Takes a second."""
        self._checker.prepare()

    def _cited(self, statement: Statement) -> Sentence:
        no_claim = all(word.lower() in _NO_CLAIM for word in words(statement.text))  # "Yes."
        if no_claim or (statement.heading and not facts(statement.text)):
            return Sentence(statement.text, lead=statement.lead, bold=statement.bold)
        lead, above = self._lead if self._lead and statement.item else (None, None)
        labels = statement.labels or (lead.labels if lead else ())
        # A number alone stands in many sentences, so only what the model names can be its source.
        is_number = _is_number(statement.text)
        support = self._checker.check(statement.text, labels, elsewhere=not is_number)
        mended = _repaired(statement, support)
        if repaired := mended != statement:
            again = self._checker.check(mended.text, labels)
            if repaired := again.score >= THRESHOLD:  # nothing is replaced in what stays unsupported
                statement, support = mended, again
        supported = support.score >= THRESHOLD and not (is_number and (support.missing or not statement.labels))
        citations = tuple(map(self._numbers.cite, support.evidence)) if supported else ()
        missing = support.missing if supported else ()
        if not supported and above and _is_carried(statement.text, above):
            supported, citations = True, () if is_number else above.citations
        return Sentence(
            statement.text,
            tuple(sorted(citations, key=lambda each: each.number)),
            supported or claims_nothing(statement.text),
            statement.lead,
            tuple((fact.start, fact.end) for fact in missing),
            statement.bold,
            doubts=tuple(fact.kind for fact in missing),
            repaired=repaired,
        )


def _repaired(statement: Statement, support: Support) -> Statement:
    """Put the article's own words for a quotation that is nearly like them."""
    for fact in reversed(support.missing):
        inside = statement.text[fact.start + 1 : fact.end - 1]
        if fact.kind != "quotation" or re.search(r"\.\.\.|…|\[", inside):  # of parts, each a fact of its own
            continue
        texts = [each.hit.passage.text for each in support.evidence]
        found = [(place.alike, text[place.start : place.end]) for text in texts if (place := nearest(inside, text))]
        if found:
            _, words_ = max(found)
            words_ += inside[len(inside.rstrip(".,!?…")) :]
            text = f"{statement.text[: fact.start + 1]}{words_}{statement.text[fact.end - 1 :]}"
            longer = len(words_) - len(inside)
            apart = ((start, end) for start, end in statement.bold if end <= fact.start or start >= fact.end)
            bold = tuple((a + longer * (a >= fact.end), b + longer * (a >= fact.end)) for a, b in apart)
            statement = replace(statement, text=text, bold=bold)
    return statement


class Checker:
    """Finds evidence for sentences in some passages; with ``orders`` it marks what rests on an order to a model."""

    def __init__(
        self,
        passages: Sequence[Hit],
        similarity: Similarity,
        vocabulary: Vocabulary,
        support_check: Callable[[], SupportCheck] | None = None,
        orders: bool = False,
    ) -> None:
        self._passages = [_Candidate.all_of(hit) for hit in passages]
        self._labels = {hit.passage.id: label for label, hit in enumerate(passages, 1)}
        self._similarity = similarity
        self._vocabulary = vocabulary
        self._support_check = support_check
        self._orders = orders

    def add(self, passages: Iterable[Hit]) -> list[int]:
        """Add passages, those that are there already not again; return their labels, from 1."""
        found = []
        for hit in passages:
            if hit.passage.id not in self._labels:
                self._passages.append(_Candidate.all_of(hit))
                self._labels[hit.passage.id] = len(self._passages)
            found.append(self._labels[hit.passage.id])
        return found

    def prepare(self) -> None:
        """Open the support check and embed all sentences once; raises EmbedderError."""
        if self._support_check is not None:
            self._support_check()
        if self._orders:
            learn(self._similarity)
        for passage in self._passages:
            self._similarity.vectors([each.text for each in passage])

    def check(
        self, sentence: str, labels: Sequence[int] = (), *, elsewhere: bool = True, before: Sequence[str] | None = None
    ) -> Support:
        """Find support for a sentence in the passages it names, else in all if ``elsewhere``.

        Labels that name no passage are ignored. With the sentences ``before`` it, nearest last, its subject is compared with
        that of the evidence, also where either is a pronoun. Raises EmbedderError.
        """
        named = [self._passages[label - 1] for label in labels if 1 <= label <= len(self._passages)]
        claim = _Claim.of(sentence, self._vocabulary)
        support = self._search(claim, [each for passage in named for each in passage])
        if elsewhere and (support.score < THRESHOLD or support.missing):
            others = self._search(claim, [each for passage in self._passages for each in passage])
            support = max(support, others, key=lambda each: (each.score >= THRESHOLD, -len(each.missing), each.score))
        return self._doubted(claim, support, before) if support.score >= THRESHOLD else support

    def _doubted(self, claim: _Claim, support: Support, before: Sequence[str] | None) -> Support:
        """Add what speaks against the first quote: an order to the model, another speaker or subject, the support check."""
        found: list[Fact] = []
        evidence = support.evidence[0]
        cut = self._passages[self._labels[evidence.hit.passage.id] - 1]
        sentences, place = [each.text for each in cut], _nearest(claim, evidence, cut).position
        header = evidence.hit.document
        if self._orders and orders_within(evidence.hit.passage.text, self._similarity)[place]:
            found.append(Fact("order", 0, len(claim.text), frozenset()))
        spoken = misattributed(claim.text, sentences, place, (header.outlet, *header.authors))
        if spoken is not None:
            found.append(Fact(spoken.kind, spoken.start, spoken.end, frozenset()))
        elif before is not None and not any(fact.kind == "name" for fact in support.missing):
            place_of_subject = somebody_else(claim.text, before, sentences[place], sentences[:place], self._is_name)
            if place_of_subject is not None:
                found.append(Fact("name", *place_of_subject, frozenset()))
        quoted = sum(fact.end - fact.start for fact in claim.facts if fact.kind == "quotation")  # letter for letter
        # "Was not let in" is "was banned" in another language: of a denial alone the support check decides.
        foreign = claim.is_foreign_to(_letter_pairs(evidence.hit.passage.text))
        missing = tuple(fact for fact in support.missing if not foreign or fact.kind != "negation")
        if self._support_check is not None and not missing and quoted < len(claim.text) / 2:
            first, *others = support.evidence
            texts = [_with_context(first, cut), *(each.quote for each in others if each.hit is not first.hit)]
            with EmbedderError.translated():
                (judged,) = self._support_check().judge([(claim.text, " ".join(texts))])
            if judged.supported < SUPPORTED_FROM:
                found.append(Fact("meaning", 0, len(claim.text), frozenset()))
            if support.missing and judged.supported >= SUPPORTED_SURELY:
                support = replace(support, missing=())
        return replace(support, missing=(*support.missing, *found))

    def _is_name(self, word: str) -> bool:
        """Tell whether a word is a name inside a sentence of the passages."""
        return any(plain(word) in each.names for passage in self._passages for each in passage)

    def _search(self, claim: _Claim, candidates: Sequence[_Candidate]) -> Support:
        if not candidates or not claim.weights:
            return Support((), 0.0, claim.facts)
        cosines = self._similarity.between([claim.text], [each.text for each in candidates])[0]
        found = zip(candidates, map(float, cosines), strict=True)
        best = sorted(found, key=lambda each: -claim.promise(each[0]) - each[1])[:_SHORTLIST]
        return _chosen(claim, [_Carried(claim, *each) for each in best])


def citations_of(sentences: Iterable[Sentence]) -> tuple[Citation, ...]:
    """List the citations of an answer, each once: by number, those of one article in order of appearance."""
    found = dict.fromkeys(each for sentence in sentences for each in sentence.citations)
    return tuple(sorted(found, key=lambda each: each.number))


def marked_text(sentences: Iterable[Sentence]) -> str:
    """Join sentences into one text. Each has its label and context before it, its numbers in brackets after it.

    >>> marked_text([Sentence("It rained."), Sentence("It was cold.", lead="\\n- ")])
    'It rained.\\n- It was cold.'
    >>> marked_text([Sentence("She won.", label="Courier", context="Ana Reed ran.")])
    'Courier: (Context: Ana Reed ran.) She won.'
    """
    parts = []
    for sentence in sentences:
        marks = "".join(f" [{number}]" for number in dict.fromkeys(each.number for each in sentence.citations))
        label = f"{sentence.label}: " if sentence.label else ""
        context = f"(Context: {sentence.context}) " if sentence.context else ""
        parts.append(f"{sentence.lead}{label}{context}{sentence.text}{marks}")
    return "".join(parts).strip()


def claims_nothing(sentence: str) -> bool:
    """Tell whether a sentence says only that the articles do not say something, or introduces what follows.

    >>> claims_nothing("The articles do not mention the price."), claims_nothing("Here is what they say:")
    (True, True)
    >>> claims_nothing("The passages show that the price rose.")
    False
    """
    return bool(_SAYS_NOT.search(sentence)) or (sentence.rstrip().endswith(":") and not facts(sentence))


def _is_carried(item: str, above: Sentence) -> bool:
    """Tell whether the quotes above hold all facts of a short item ("Against | 12")."""
    found = facts(item)
    other = set(content_words(item)) - _words_in(item, found)
    evidence = Evidenced(each.quote for each in above.citations)
    return bool(found) and len(other) <= 1 and all(map(evidence.holds, found))


def _is_number(sentence: str) -> bool:
    """Tell whether a sentence holds nothing but numbers.

    >>> [_is_number(each) for each in ("40,000.", "Three.", "12.5 %", "40,000 crowns", "On 3 May")]
    [True, True, True, False, False]
    """
    numbers = [fact for fact in facts(sentence) if fact.kind == "number"]
    return set(words(sentence)) <= _words_in(sentence, numbers)


def _words_in(sentence: str, found: Iterable[Fact]) -> set[str]:
    return {word for fact in found for word in words(sentence[fact.start : fact.end])}


# Words of assent, as a model puts them in front of what it says.
_ASSENT = """
both certainly correct exactly false incorrect indeed none right sure true wrong
верно именно конечно неверно правильно
"""
_NO_CLAIM = FUNCTION_WORDS.union(_ASSENT.split())

_SAYS_NOT = re.compile(
    r"\b(articles?|passages?|sources?|texts?|documents?|excerpts?|reports?|context|information)\b.{0,60}"
    r"\b(do|does|did|is|are|was|were|has|have|can)(n['’]t| not| no)\b.{0,40}"
    r"\b(say|said|mention\w*|state\w*|tell|specif\w+|provide\w*|contain\w*|give\w*|answer\w*|address\w*|discuss\w*|include\w*|"
    r"indicat\w+|describe\w*|name\w*|explain\w*|available|report\w*|cover\w*|clear)\b"
    r"|\b(статьи|статьях|источник\w*|текст\w*|отрыв\w+)\b.{0,60}\bне\b.{0,30}\b(сообща\w+|говор\w+|упомина\w+|указ\w+|содерж\w+|отвеча\w+)",
    re.IGNORECASE,
)


def _letter_pairs(text: str) -> frozenset[str]:
    return frozenset(one + other for word in words(text.lower()) for one, other in pairwise(word) if word.isalpha())


@dataclass(frozen=True)
class _Candidate:
    """A sentence of a passage; ``start`` and ``end`` count characters of the document's text, ``letter_pairs`` are those of
    the whole passage, ``before`` are the sentences in front of it."""

    hit: Hit
    position: int
    start: int
    end: int
    letter_pairs: frozenset[str]
    before: tuple[str, ...]

    @staticmethod
    def all_of(hit: Hit) -> tuple[_Candidate, ...]:
        text, offset = hit.passage.text, hit.passage.start
        pairs, spans = _letter_pairs(text), sentence_spans(text)
        sentences = [text[start:end] for start, end in spans]
        return tuple(
            _Candidate(
                hit, place, offset + start, offset + end, pairs, tuple(sentences[max(0, place - SENTENCES) : place])
            )
            for place, (start, end) in enumerate(spans)
        )

    @cached_property
    def text(self) -> str:
        passage = self.hit.passage
        return passage.text[self.start - passage.start : self.end - passage.start]

    @cached_property
    def stems(self) -> frozenset[str]:
        return frozenset(map(stem, words(self.text)))

    @cached_property
    def evidenced(self) -> Evidenced:
        header = self.hit.document  # what stands above a quote, so that an answer may say it
        return Evidenced([self.text], (header.byline(), spoken_date(header.published)))

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset(plain(self.text[fact.start : fact.end]) for fact in facts(self.text) if fact.kind == "name")

    @cached_property
    def antecedents(self) -> Evidenced:
        return Evidenced(antecedents(self.text, self.before))

    def holds(self, fact: Fact) -> bool:
        """Tell whether a fact stands here, a name also behind a pronoun."""
        return self.evidenced.holds(fact) or (fact.kind == "name" and self.antecedents.holds(fact))


@dataclass(frozen=True)
class _Claim:
    """A sentence to be supported: the weights of its content words (inverse document frequency) and its facts."""

    text: str
    weights: Mapping[str, float]
    facts: tuple[Fact, ...]

    @staticmethod
    def of(sentence: str, vocabulary: Vocabulary) -> _Claim:
        asked = dict.fromkeys(word.lower() for word in content_words(sentence))
        weights = {word: rarity(vocabulary, stem(word)) for word in asked if stem(word)}
        return _Claim(sentence, weights, tuple(facts(sentence)))

    def words_in(self, facts_: Iterable[Fact]) -> set[str]:
        return {word.lower() for fact in facts_ for word in words(self.text[fact.start : fact.end])}

    @cached_property
    def matter(self) -> set[str]:
        """Return the content words that are not part of a fact."""
        return self.weights.keys() - self.words_in(self.facts)

    @cached_property
    def letter_pairs(self) -> frozenset[str]:
        return _letter_pairs(self.text)

    def is_foreign_to(self, letter_pairs: frozenset[str]) -> bool:
        """Tell whether a passage is in another language: in another alphabet, or Russian beside Kazakh."""
        return len(self.letter_pairs & letter_pairs) < _SHARED * len(self.letter_pairs)

    @cached_property
    def total(self) -> float:
        return sum(self.weights.values()) or 1.0

    def promise(self, candidate: _Candidate) -> float:
        """Weigh the words that stand in a candidate, from 0 to 1."""
        return sum(weight for word, weight in self.weights.items() if stem(word) in candidate.stems) / self.total


class _Carried:
    """Weigh a candidate's support of a claim: each word's share, 0 to 1, nearness in meaning, facts it holds."""

    def __init__(self, claim: _Claim, candidate: _Candidate, cosine: float) -> None:
        self.candidate = candidate
        self.foreign = claim.is_foreign_to(candidate.letter_pairs)
        self.cosine = min(1.0, cosine / _TRANSLATION) if self.foreign else cosine
        self.held = frozenset(fact for fact in claim.facts if fact.kind not in _SENSE and candidate.holds(fact))
        in_facts = claim.words_in(self.held)
        # Words of two languages cannot be compared; what the sentence means stands for them.
        other = self.cosine if self.foreign else 0.0
        self.shares = {
            word: 1.0 if stem(word) in candidate.stems or word in in_facts else other for word in claim.weights
        }


def _chosen(claim: _Claim, carried: Sequence[_Carried]) -> Support:
    """Choose the best candidate, and up to two more that support what it does not."""
    chosen: list[_Carried] = []
    shares = dict.fromkeys(claim.weights, 0.0)
    held: frozenset[Fact] = frozenset()
    while len(chosen) < MOST_QUOTES:
        rest = [each for each in carried if each not in chosen]
        rest = [each for each in rest if not chosen or _same_matter(claim, shares, each, chosen)]
        best = max(rest, key=lambda each: _gain(claim, shares, held, each, not chosen), default=None)
        if best is None:
            break
        if chosen and best.held <= held and _added(claim, claim.weights, shares, best) < _WORTH_QUOTING:
            break
        held |= best.held
        chosen.append(best)
        shares = {word: max(share, best.shares[word]) for word, share in shares.items()}
    coverage = sum(weight * shares[word] for word, weight in claim.weights.items()) / claim.total
    score = (1 - _MEANING) * coverage + _MEANING * max((each.cosine for each in chosen), default=0.0)
    evidence = _joined([each.candidate for each in chosen], score)
    if any(each.foreign for each in chosen):
        held = held.union(*(run for run in _runs_of_names(claim) if not held.isdisjoint(run)))
    missing = _missing(claim, held, evidence)
    if any(each.foreign for each in chosen):
        missing = tuple(fact for fact in missing if not _is_named(claim, fact, evidence))
    return Support(evidence, score, missing)


def _nearest(claim: _Claim, evidence: Evidence, cut: Sequence[_Candidate]) -> _Candidate:
    """Tell which quoted sentence of a passage is nearest to a claim in words."""
    quoted = [each for each in cut if evidence.start <= each.start and each.end <= evidence.end] or cut[:1]
    matter, all_words = ({stem(word) for word in each} for each in (claim.matter, claim.weights))
    return max(quoted, key=lambda each: (len(matter & each.stems), len(all_words & each.stems)))


def _with_context(evidence: Evidence, cut: Sequence[_Candidate]) -> str:
    """Return a quote with its neighbours. Two sentences before and one after, as far as its passage has them."""
    passage = evidence.hit.passage
    starts = [each.start for each in cut if each.start < evidence.start] or [evidence.start]
    ends = [each.end for each in cut if each.end > evidence.end] or [evidence.end]
    return passage.text[starts[-2:][0] - passage.start : ends[0] - passage.start]


def _is_named(claim: _Claim, fact: Fact, evidence: Sequence[Evidence]) -> bool:
    """Tell whether a quotation is a name in marks that another alphabet writes without them."""
    return fact.kind == "quotation" and transcribed(
        claim.text[fact.start : fact.end], " ".join(each.quote for each in evidence)
    )


def _runs_of_names(claim: _Claim) -> list[list[Fact]]:
    """Group names with a space between them. Of these, some are often translated and others only respelt."""
    runs: list[list[Fact]] = []
    for fact in claim.facts:
        if fact.kind == "name" and runs and claim.text[runs[-1][-1].end : fact.start] in (" ", "-"):
            runs[-1].append(fact)
        elif fact.kind == "name":
            runs.append([fact])
    return runs


def _missing(claim: _Claim, held: frozenset[Fact], evidence: Sequence[Evidence]) -> tuple[Fact, ...]:
    """List facts that no quote holds. Quotations may run over two sentences, and denials depend on all of them."""
    together = Evidenced(each.quote[start:end] for each in evidence for start, end in sentence_spans(each.quote))
    open_ = [fact for fact in claim.facts if fact not in held]
    missing = [fact for fact in open_ if fact.kind not in ("quotation", *_SENSE) or not together.holds(fact)]
    return (*missing, *(fact for fact in together.denied(claim.text) if claim.words_in([fact]) <= claim.matter))


def _gain(claim: _Claim, shares: Mapping[str, float], held: frozenset[Fact], each: _Carried, first: bool) -> float:
    """Score a quote by the words it adds and by meaning. A further one by the facts it adds instead."""
    new_facts = len(each.held - held) / max(len(claim.facts), 1)
    return _added(claim, claim.weights, shares, each) + (each.cosine if first else new_facts)


def _added(claim: _Claim, among: Iterable[str], shares: Mapping[str, float], each: _Carried) -> float:
    """Weigh the words that a quote adds to those before it, from 0 to 1."""
    return sum(claim.weights[word] * max(0.0, each.shares[word] - shares[word]) for word in among) / claim.total


def _same_matter(claim: _Claim, shares: Mapping[str, float], each: _Carried, chosen: Sequence[_Carried]) -> bool:
    """Tell whether a further quote is about the same. A number or a name alone does not count."""
    if any(_follow(each.candidate, other.candidate) for other in chosen):
        return True
    if len(claim.weights) <= _FEW_WORDS:
        return False
    added = _added(claim, claim.matter, shares, each)
    return each.cosine >= _AS_NEAR * chosen[0].cosine or added >= _WORTH_QUOTING


def _follow(one: _Candidate, other: _Candidate) -> bool:
    return one.hit.passage.id == other.hit.passage.id and abs(one.position - other.position) == 1


def _joined(candidates: Sequence[_Candidate], score: float) -> tuple[Evidence, ...]:
    """Make candidates evidence; neighbours of one passage become one quote."""
    joined: list[Evidence] = []
    for each in candidates:
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
