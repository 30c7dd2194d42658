"""Tell what the articles say about a topic over time. One quoted sentence of each article, by date of publication."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from rag.answer.units import units
from rag.cite.similarity import Similarity
from rag.index.store import Index
from rag.retrieval.find import check_question, embed_question
from rag.retrieval.question import Question, understand
from rag.text.stems import stem, stems
from rag.text.words import FUNCTION_WORDS, words
from rag.types import Citation, Header, Hit, Passage, Why

if TYPE_CHECKING:
    from embeddings import Embedder

MENTIONED = 0.6
"""The share of a topic's weight that a passage and its title must hold to mention it; see benchmarks/README.md."""
FLOOR = 0.3
"""The similarity from which a passage is about a topic that it puts in other words; see benchmarks/README.md."""
# The words of a name but the last count half: a person is called by the last one once the whole name has been said.
_BEFORE_THE_LAST = 0.5
# A word is a name where so many of its places, but for the beginnings of sentences, have a capital.
_MOSTLY = 0.7
_LOOKED_AT = 200
_NEAREST = 1000
_BATCH = 500
# Of each article so many passages are read, and so many sentences compared in meaning.
_PASSAGES = 4
_SENTENCES = 4
# Of all articles together no more: each takes some milliseconds, and hundreds of articles may mention a topic.
_COMPARED = 400
_SHORTEST = 5


def timeline(
    topic: str,
    index: Index,
    embedder: Embedder,
    similarity: Similarity,
    *,
    scope: Callable[[Header], bool] = lambda _: True,
) -> tuple[Citation, ...]:
    """Quote each article that mentions a topic once, in order of publication.

    All articles of the index are looked at for which ``scope`` is true. A date that tells the year only comes before the
    exact ones of that year; the same date is ordered by title, articles without a date come last. Citations are numbered
    from 1 in this order. Empty where no article mentions the topic. Raises QuestionError for what is no topic,
    EmbedderError where the model fails.
    """
    asked = understand(check_question(topic), index)
    if not asked.terms or not len(index):
        return ()
    known = [hit.row for hit in index.keywords(asked.terms, _LOOKED_AT)]
    read = _Topic.of(asked, [passage.text for passage, _ in index.passages(known)])
    if not read.asked.names and all(word.lower() in FUNCTION_WORDS for word in words(topic)):
        return ()
    groups = [hits for hits in _mentions(read, index, embedder, similarity) if scope(hits[0].document)]
    chosen = _chosen(read.asked, groups, similarity)
    chosen.sort(key=lambda each: each.hit.document.date_order)
    numbered = enumerate(chosen, start=1)
    return tuple(Citation(number, each.hit, each.text, each.start, each.end) for number, each in numbered)


# --- Which articles


@dataclass(frozen=True, slots=True)
class _Topic:
    """Hold a topic as the articles write it: ``asked.names`` have a capital, ``pairs`` are names of two words."""

    asked: Question
    pairs: tuple[tuple[str, str], ...]

    @staticmethod
    def of(asked: Question, texts: Iterable[str]) -> _Topic:
        """Tell a topic's names by how texts write its words. By itself where none has them."""
        asked = replace(asked, names=_names(asked, texts))
        ordered = [word for word in words(asked.text) if word in asked.terms]
        pairs = tuple(pair for pair in pairwise(ordered) if asked.names.issuperset(pair) and not pair[1].isdigit())
        weights = dict(asked.weights)
        for word, following in reversed(pairs):
            weights[word] = min(weights[word], weights[following]) * _BEFORE_THE_LAST
        return _Topic(replace(asked, weights=weights), pairs)

    def stems(self, passage: Passage, header: Header) -> frozenset[str]:
        """Return the stems of a passage, its title and its date; outlets and authors mention no topic.

        Another's last name is none: where every Union is a Tram Union, the European Union is not mentioned.
        """
        text = f"{header.title} . {header.published} . {passage.text}"
        found = stems(text)
        for first, last in self.pairs:
            terms = self.asked.terms[last].keys()
            if (
                found.isdisjoint(self.asked.terms[first])
                and not found.isdisjoint(terms)
                and not _stands_alone(terms, text)
            ):
                found -= terms
        return found

    def mentioned(self, held: frozenset[str], nearness: float) -> bool:
        """Tell whether a passage of these stems and this nearness mentions the topic.

        A name stands there or does not, whatever is near to it in meaning; all else may be put in other words.
        """
        named = not self.asked.names or self.asked.coverage(held, self.asked.names) >= MENTIONED
        return named and (nearness >= FLOOR or self.asked.coverage(held) >= MENTIONED)


def _mentions(topic: _Topic, index: Index, embedder: Embedder, similarity: Similarity) -> Iterator[list[Hit]]:
    """For each article that mentions the topic its best passages."""
    asked = topic.asked
    vector = embed_question(embedder, asked.text)
    found = {hit.row for hit in index.keywords(_needed(asked), len(index))}
    if not asked.names:
        found |= {hit.row for hit in index.nearest(vector, min(_NEAREST, len(index)))}
    rows = sorted(found)
    cosines = dict(zip(rows, index.cosines(vector, rows), strict=True))
    nearness = dict(zip(rows, similarity.scaled(list(cosines.values())).tolist(), strict=True))
    articles: dict[str, list[Hit]] = {}
    for first in range(0, len(rows), _BATCH):
        some = rows[first : first + _BATCH]
        for row, (passage, header) in zip(some, index.passages(some), strict=True):
            held = topic.stems(passage, header)
            if topic.mentioned(held, nearness[row]):
                score = round(asked.coverage(held) + nearness[row], 6)
                hit = Hit(passage, header, score, Why(dense_score=round(cosines[row], 6)))
                best = sorted([*articles.get(header.id, []), hit], key=lambda each: (-each.score, each.passage.start))
                articles[header.id] = best[:_PASSAGES]
    yield from articles.values()


def _needed(asked: Question) -> dict[str, dict[str, float]]:
    """Return words of which a passage must have one. The topic's names, else its heaviest words."""
    if asked.names:
        return {word: asked.terms[word] for word in asked.names}
    rest = total = sum(asked.weights.values())
    needed: dict[str, dict[str, float]] = {}
    for word in sorted(asked.weights, key=lambda word: (-asked.weights[word], word)):
        if needed and rest < MENTIONED * total:
            break
        needed[word] = asked.terms[word]
        rest -= asked.weights[word]
    return needed


def _names(asked: Question, texts: Iterable[str]) -> frozenset[str]:
    capitals, places = dict.fromkeys(asked.terms, 0), dict.fromkeys(asked.terms, 0)
    word_of = {term: word for word, terms in asked.terms.items() for term in terms}
    for text in texts:
        for match in _WITHIN.finditer(text):
            word = word_of.get(stem(match.group()))
            if word is not None:
                places[word] += 1
                capitals[word] += match.group()[0].isupper()
    return frozenset(
        word
        for word in asked.terms
        if (capitals[word] >= _MOSTLY * places[word] if places[word] else word in asked.names)
    )


# A word that does not begin a sentence.
_WITHIN = re.compile(r"(?<=[^\W_][\s-])[^\W_]+|(?<=[^\W_],\s)[^\W_]+")


def _stands_alone(terms: Collection[str], text: str) -> bool:
    """Tell whether one of these words stands in a text without another name right before it."""
    for match in re.finditer(r"[^\W_]+", text):
        if stem(match.group()) in terms:
            before = re.search(r"([^\W_]+)[\s-]$", text[max(match.start() - 40, 0) : match.start()])
            if before is None or not before[1][0].isupper() or before[1].lower() in FUNCTION_WORDS:
                return True
    return False


# --- Which sentence


def _chosen(asked: Question, groups: Sequence[Sequence[Hit]], similarity: Similarity) -> list[_Said]:
    """Choose from each article the sentence about the topic. Only the few that hold most of its words are embedded."""
    most = max(1, min(_SENTENCES, _COMPARED // max(1, len(groups))))
    shortlists = [_shortlist(asked, hits)[:most] for hits in groups]
    texts = [each.text for found in shortlists if len(found) > 1 for each in found]
    cosines = dict(zip(texts, similarity.to_question(asked.text, texts), strict=True)) if texts else {}
    return [
        max(found, key=lambda each: (_promise(asked, each) + cosines.get(each.text, 0.0), -each.start))
        for found in shortlists
        if found
    ]


@dataclass(frozen=True, slots=True)
class _Said:
    """Hold a sentence of a hit, its stems, and those of neighbours and header; places count in the document."""

    hit: Hit
    start: int
    end: int
    text: str
    stems: frozenset[str]
    context: frozenset[str]

    @staticmethod
    def all_of(hit: Hit) -> Iterator[_Said]:
        """Cut a hit into sentences. Those without a word of weight are left out."""
        text, offset = hit.passage.text, hit.passage.start
        header = stems(hit.document.byline())
        cut = units(text, hit.document.title)
        own = [stems(text[each.start : each.end]) for each in cut]
        for place, unit in enumerate(cut):
            quote = text[unit.start : unit.end]
            if unit.kind == "plain" and any(word.lower() not in FUNCTION_WORDS for word in words(quote)):
                around = header.union(*own[max(0, place - 1) : place + 2])
                yield _Said(hit, offset + unit.start, offset + unit.end, quote, own[place], around)


def _shortlist(asked: Question, hits: Sequence[Hit]) -> list[_Said]:
    found = [each for hit in hits for each in _Said.all_of(hit)]
    return sorted(found, key=lambda each: (-_promise(asked, each), each.start))[:_SENTENCES]


def _promise(asked: Question, each: _Said) -> float:
    """Score what a sentence holds of the topic. Alone and with its neighbours; one of a few words says little."""
    said = min(1.0, math.log1p(len(each.stems)) / math.log1p(3 * _SHORTEST))
    return (asked.coverage(each.stems) + asked.coverage(each.context) / 2) * said


# --- Who asks for one


_ASKS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        r"\b(?:time-?\s?line|chronology)\s(?:of|for|on|about)\s(?P<topic>.+)",
        r"^(?:the\s|a\s)?(?P<topic>.+?)[\s:,-]+(?:time-?line|chronology)$",
        r"\b(?:хронологи\w+|таймлайн\w*)\s(?:событий\s|публикаций\s)?(?:(?:об?|обо|по|про|вокруг)\s)?(?P<topic>.+)",
    )
)
_EDGES = " \t?!.,:;\"'“”«»„‘’()-–—"


def asks_for_timeline(question: str) -> str | None:
    """Return the topic of which a question wants a timeline, ``None`` where it wants none.

    >>> asks_for_timeline("Give me a timeline of Ilse Kramer, please."), asks_for_timeline("Хронология протестов в Оске")
    ('Ilse Kramer', 'протестов в Оске')
    >>> asks_for_timeline("What is the tram's timetable?")
    """
    asked = re.sub(r",?\s(?:please|пожалуйста)$", "", " ".join(question.split()).rstrip(_EDGES), flags=re.IGNORECASE)
    topic = next((match["topic"].strip(_EDGES) for match in (form.search(asked) for form in _ASKS) if match), "")
    return topic if any(word.lower() not in FUNCTION_WORDS for word in words(topic)) else None
