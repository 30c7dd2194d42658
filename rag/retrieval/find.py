"""A question finds passages: by meaning and by words, the two fused and reranked; each step is a small function."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from rag.errors import EmbedderError, QuestionError
from rag.index.keywords import matched_words
from rag.index.store import Index
from rag.retrieval.diversify import LONGEST_SPAN, chosen, dropped, joined, without_copies
from rag.retrieval.mentions import Catalogue, Mention
from rag.retrieval.parts import each_outlet
from rag.retrieval.parts import parts as parts_of
from rag.retrieval.question import Question, understand
from rag.text.normalize import normalize
from rag.text.sentences import sentence_spans
from rag.text.stems import stems
from rag.types import Dropped, Header, Hit, Passage, Scope, Why

if TYPE_CHECKING:
    from embeddings import Embedder, Reranker, Vectors

EVERYTHING = Scope()
LONGEST_QUESTION = 2000
"""Characters; a longer text is not a question."""
DENSE_WEIGHT = 0.7
"""The share of meaning in the fused score; the rest is keywords. Chosen on three sets, see benchmarks/README.md."""
SENTENCE_WEIGHT = 0.3
"""How much the best sentence's share of the question's words counts beside the fused score."""
MENTION_WEIGHT = 0.15
"""What each outlet, author, article or date adds that the question names and an article meets."""
MOST_OUTLETS = 6
"""How many outlets are searched where a question asks each of them; k passages must hold all."""
_POOL = 50
_PLACED = 8
# What meaning alone names gets its score by words too, if it is among so many: a passage is not worth less for being 51st.
_SCORED = 300
_RERANKED = 24
_LOOSENED = "No article meets all that was asked for; more were searched."


@dataclass(frozen=True, slots=True)
class Found:
    """What a question found: ``hits`` best first, what it ``mentions``, the ``scope`` that was searched, and a ``notice``.

    The scope is empty where all articles were searched; ``notice`` says so where a narrower one held nothing.
    ``parts`` are the questions that it consists of, each searched for by itself too, empty where it is one.
    """

    hits: tuple[Hit, ...]
    mentions: tuple[Mention, ...] = ()
    scope: Scope = EVERYTHING
    notice: str = ""
    parts: tuple[str, ...] = ()
    candidates: int = 0
    dropped: tuple[Dropped, ...] = ()


@dataclass(frozen=True, slots=True)
class _Query:
    """Hold a question or a part of one, ready to be searched for within a ``scope`` (empty: all)."""

    asked: Question
    vector: Vectors
    mentions: tuple[Mention, ...]
    scope: Scope
    notice: str

    @property
    def within(self) -> tuple[Scope, ...]:
        return (self.scope,) if self.scope else ()


def retrieve(
    index: Index, embedder: Embedder, question: str, k: int, scope: Scope | None = None, today: date | None = None
) -> list[Hit]:
    """Return the ``k`` best passages for a question, best first, fewer where there are fewer. See ``find``."""
    return list(find(index, embedder, question, k, scope, today).hits)


def find(
    index: Index,
    embedder: Embedder,
    question: str,
    k: int,
    scope: Scope | None = None,
    today: date | None = None,
    ignored: Collection[str] = (),
    parts: Sequence[str] | None = None,
    reranker: Reranker | None = None,
) -> Found:
    """Return the ``k`` best passages for a question, and what was understood of it.

    Without a ``scope`` the outlets, authors, articles and dates that the question names narrow the search where its form asks
    for that, and raise what meets them elsewhere; an empty ``Scope()`` searches all articles alike. ``ignored`` are labels of
    mentions that shall count for nothing; ``today`` (by default the day it is) is what "last week" counts from.
    ``parts`` are the questions it consists of, by default what its form tells; each of them, and each outlet or
    article that is named beside another, has a place among the hits. Neighbouring passages are joined into one. A
    ``reranker`` orders the best anew.

    Both halves of the index name candidates; every candidate then gets both scores, each scaled to 0–1 over the candidates,
    and their weighted sum ranks it. Raises QuestionError for a question or a ``k`` that cannot be used.
    """
    question, k = check_question(question), check_k(k)
    today = today or date.today()
    whole = _query(index, embedder, question, scope, today, ignored)
    named = [each for each in whole.mentions if each.kind != "date"]
    if parts is None:
        parts = parts_of(question)
    within = whole.scope or None if scope is None else scope
    of_parts = [_order_of_part(index, embedder, part, within, today, ignored) for part in parts]
    # The rows nearest to the question of each that is named beside another may be none of the nearest of all.
    scopes = [(*whole.within, _scope_of(each)) for each in named] if len(named) > 1 else []
    of_scopes = [[hit.row for hit in index.nearest(whole.vector, _PLACED, each)] for each in scopes]
    orders = [order for order in (*of_parts, *of_scopes) if order]
    ranked, candidates = _ranked(index, whole, k, {row for order in orders for row in order})
    if reranker is not None:
        ranked = _reranked(reranker, question, ranked)
    places = [[ranked[row].passage.id for row in order] for order in orders]
    repeated = {value for each in whole.mentions if each.kind == "document" for value in each.values}
    weighed = list(ranked.values())
    # An outlet that is named speaks for itself, also where another says nearly the same.
    kept = without_copies(weighed, {ranked[order[0]].passage.id for order in of_scopes if order})
    groups = chosen(kept, k, places, repeated)
    hits = tuple(_shared(_one_hit(index, group)) for group in groups)
    left = tuple(replace(each, hit=_shared(each.hit)) for each in dropped(weighed, kept, groups))
    return Found(hits, whole.mentions, whole.scope, whole.notice, tuple(parts), candidates, left)


_same: Callable[[Any], Any] = lru_cache(maxsize=4096)(lambda value: value)
"""Gives the equal value that was seen before: conversations that are open keep the same passages."""


def _shared(hit: Hit) -> Hit:
    return replace(hit, passage=_same(hit.passage), document=_same(hit.document))


def _one_hit(index: Index, group: Sequence[Hit]) -> Hit:
    return group[0] if len(group) == 1 else joined(group, index.document(group[0].document.id).text)


def _query(
    index: Index, embedder: Embedder, question: str, scope: Scope | None, today: date, ignored: Collection[str]
) -> _Query:
    understood = catalogue(index).mentions(question, today) if scope is None else ()
    mentions = tuple(each for each in understood if each.label not in ignored)
    wanted, notice = _narrowed(index, sure_scope(mentions)) if scope is None else _kept(index, scope)
    vector = embed_question(embedder, question)
    if scope is None and (span := each_outlet(question)) and not any(each.kind == "outlet" for each in mentions):
        mentions += _each_outlet(index, vector, span)
    return _Query(understand(question, index), vector, mentions, wanted, notice)


def _each_outlet(index: Index, vector: Vectors, span: tuple[int, int]) -> tuple[Mention, ...]:
    """Name the outlets nearest to a question that asks each of them. None where there is one."""
    near = index.passages([hit.row for hit in index.nearest(vector, _SCORED)])
    outlets = list(dict.fromkeys(header.outlet for _, header in near if header.outlet))[:MOST_OUTLETS]
    named = tuple(Mention("outlet", *span, outlet, (outlet,), sure=True) for outlet in outlets)
    return named if len(named) > 1 else ()


def _order_of_part(
    index: Index, embedder: Embedder, part: str, scope: Scope | None, today: date, ignored: Collection[str]
) -> list[int]:
    """Return the best rows for a part of a question, best first."""
    ranked, _ = _ranked(index, _query(index, embedder, part, scope, today, ignored), _PLACED)
    return list(ranked)[:_PLACED]


def _ranked(index: Index, query: _Query, k: int, also: Collection[int] = ()) -> tuple[dict[int, Hit], int]:
    """Rank the candidates for a query by row, enough for ``k`` spans, ``also`` among them, and count them all."""
    terms, pool = query.asked.terms, max(_POOL, LONGEST_SPAN * k)
    dense = index.nearest(query.vector, pool, query.within)
    keywords = index.keywords(terms, max(pool, _SCORED), query.within)
    by_words = {hit.row: hit.score for hit in keywords}
    keywords = keywords[:pool]
    rows = sorted({hit.row for hit in dense} | {hit.row for hit in keywords}.union(also))
    cosines = dict(zip(rows, index.cosines(query.vector, rows), strict=True))
    fused = fuse(cosines, {row: by_words[row] for row in rows if row in by_words})
    first = sorted(rows, key=lambda row: (-fused[row], row))[: max(_RERANKED, LONGEST_SPAN * k)]
    first += sorted(set(also).difference(first))
    passages = dict(zip(first, index.passages(first), strict=True))
    scores = rerank(query.asked, {row: fused[row] for row in first}, passages)
    met = {row: _met(query.mentions, header) for row, (_, header) in passages.items()}
    scores = {row: round(score + MENTION_WEIGHT * len(met[row]), 6) for row, score in scores.items()}
    ranked = sorted(first, key=lambda row: (-scores[row], row))
    dense_ranks = {hit.row: rank for rank, hit in enumerate(dense, start=1)}
    keyword_ranks = {hit.row: rank for rank, hit in enumerate(keywords, start=1)}
    hits = {}
    for row in ranked:
        passage, header = passages[row]
        why = Why(
            dense_ranks.get(row),
            round(cosines[row], 6),
            keyword_ranks.get(row),
            round(by_words[row], 6) if row in keyword_ranks else None,
            matched_words(terms, f"{header.byline()}\n{passage.text}"),
            met[row],
            fused[row],
        )
        hits[row] = Hit(passage, header, scores[row], why)
    return hits, len(rows)


def _reranked(reranker: Reranker, question: str, ranked: Mapping[int, Hit]) -> dict[int, Hit]:
    """Order the best candidates by a reranker, with its scores; the others follow as they were."""
    first = list(ranked.items())[:_RERANKED]
    with EmbedderError.translated():
        scores = reranker.scores(question, [f"{hit.document.line()}\n{hit.passage.text}" for _, hit in first])
    # What it did not read keeps its order under what it did: its scores say nothing about the reranker's.
    rest = [(row, replace(hit, score=hit.score - 2)) for row, hit in list(ranked.items())[_RERANKED:]]
    new = [round(score, 6) for score in scores]
    pairs = zip(first, new, strict=True)
    read = [(row, replace(hit, score=score, why=replace(hit.why, reranked=score))) for (row, hit), score in pairs]
    return dict(sorted(read, key=lambda each: -each[1].score) + rest)


def catalogue(index: Index) -> Catalogue:
    """Return what the index can be asked by. Made once for each index."""
    with _making:
        if index not in _catalogues:
            _catalogues[index] = Catalogue(index.headers())
        return _catalogues[index]


_catalogues: WeakKeyDictionary[Index, Catalogue] = WeakKeyDictionary()
_making = threading.Lock()


def sure_scope(mentions: Sequence[Mention]) -> Scope:
    """Return the scope that a question's form asks for; several outlets or articles narrow nothing.

    Only what is sure narrows, and a date only where no more than one outlet is named: measured on questions about several
    reports, filters lost more evidence than they gained (benchmarks/README.md).
    """

    def one(kind: str) -> tuple[str, ...]:
        found = [each for each in mentions if each.kind == kind]
        return found[0].values if len(found) == 1 and found[0].sure else ()

    outlets, dates = one("outlet"), [each.published for each in mentions if each.kind == "date"]
    several = sum(each.kind == "outlet" for each in mentions) > 1
    sure_date = [each.published for each in mentions if each.kind == "date" and each.sure]
    published = sure_date[0] if len(dates) == len(sure_date) == 1 and not several else ("", "")
    return Scope(outlets, one("author"), one("document"), published)


def _narrowed(index: Index, scope: Scope) -> tuple[Scope, str]:
    """Return the scope that holds anything, and what to say where it had to be loosened."""
    looser = [scope, replace(scope, published=("", "")), Scope(documents=scope.documents)]
    for each in looser:
        if each and index.holds(each):
            return each, "" if each == scope else _LOOSENED
    return EVERYTHING, _LOOSENED if scope and len(index) else ""


def _kept(index: Index, scope: Scope) -> tuple[Scope, str]:
    """Return a scope that was given by hand as it is, also where it holds nothing."""
    if not scope or index.holds(scope):
        return scope, ""
    return scope, "No article lies within what the search was narrowed to; rag status lists them all."


def _met(mentions: Sequence[Mention], header: Header) -> tuple[str, ...]:
    """Return the labels of what a question names and an article meets."""
    return tuple(dict.fromkeys(each.label for each in mentions if _scope_of(each).holds(header)))


def _scope_of(mention: Mention) -> Scope:
    return Scope(
        outlets=mention.values if mention.kind == "outlet" else (),
        authors=mention.values if mention.kind == "author" else (),
        documents=mention.values if mention.kind == "document" else (),
        published=mention.published,
    )


def rerank(
    question: Question, scores: Mapping[int, float], passages: Mapping[int, tuple[Passage, Header]]
) -> dict[int, float]:
    """Return the same rows with scores, 0 to 1, that also count what one sentence has of the question.

    A passage that holds the question's words near one another answers it more often than one that holds them apart; this
    moved the right passage up on every set we measured, and needs no model.
    """
    most = 1 + SENTENCE_WEIGHT
    return {
        row: round((score + SENTENCE_WEIGHT * sentence_coverage(question, *passages[row])) / most, 6)
        for row, score in scores.items()
    }


def sentence_coverage(question: Question, passage: Passage, header: Header) -> float:
    """Return the most that one sentence covers, 0 to 1: half alone, half with neighbours and header."""
    of_header = stems(header.byline())
    owns = [stems(passage.text[start:end]) for start, end in sentence_spans(passage.text)]
    return max(
        (question.coverage(own) + question.coverage(of_header.union(*owns[max(0, i - 1) : i + 2]))) / 2
        for i, own in enumerate(owns)
    )


def embed_question(embedder: Embedder, question: str) -> Vectors:
    """Return the question's vector; raises EmbedderError where the model fails."""
    with EmbedderError.translated():
        return embedder.embed_query(question)


def fuse(cosines: dict[int, float], keywords: dict[int, float], weight: float = DENSE_WEIGHT) -> dict[int, float]:
    """For each row of ``cosines`` a score from 0 to 1: the weighted sum of both halves, each scaled to its best and worst.

    Scaled scores ranked better than reciprocal ranks on every set we measured, because a rank forgets by how much.

    >>> fuse({1: 0.8, 2: 0.4, 3: 0.6}, {2: 5.0}, weight=0.5)
    {1: 0.5, 2: 0.5, 3: 0.25}
    """
    low, high = min(cosines.values(), default=0.0), max(cosines.values(), default=0.0)
    most = max(keywords.values(), default=0.0)
    scores = {}
    for row, cosine in cosines.items():
        dense = (cosine - low) / (high - low) if high > low else 1.0
        words = keywords.get(row, 0.0) / most if most else 0.0
        scores[row] = round(weight * dense + (1 - weight) * words, 6)
    return scores


def check_question(question: object) -> str:
    """Return the question in NFC without invisible characters. Raises QuestionError for what is none.

    >>> check_question(" Who\\x00 voted\\u200b? ")
    'Who voted?'
    """
    if not isinstance(question, str):
        raise QuestionError("a question is text, not {kind}; ask with a string", kind=type(question).__name__)
    if len(question) > 10 * LONGEST_QUESTION:  # whatever of it is seen
        raise _too_long(len(question))
    known = normalize(question.encode("utf-8", "replace").decode("utf-8"))
    # Articles hold neither: controls part words, invisible marks (zero-width, bidirectional) stand inside them.
    kinds = {character: unicodedata.category(character) for character in set(known)}
    shown = (
        " " if kinds[character] in ("Cc", "Zl", "Zp") else character for character in known if kinds[character] != "Cf"
    )
    text = " ".join("".join(shown).split())
    if not text:
        raise QuestionError("the question is empty; type what you want to know")
    if len(text) > LONGEST_QUESTION:
        raise _too_long(len(text))
    return text


def _too_long(length: int) -> QuestionError:
    return QuestionError(
        "a question may have {most:,} characters, this one has {length:,}; ask a shorter one",
        most=LONGEST_QUESTION,
        length=length,
    )


def check_k(k: object) -> int:
    """Return the number of passages wanted, as it is. Raises QuestionError unless it is a whole number from 1 to 1,000."""
    if not isinstance(k, int) or isinstance(k, bool) or not 1 <= k <= 1000:
        raise QuestionError(
            "k is how many passages to find, a whole number from 1 to 1000, not {k}; leave it out for 8", k=repr(k)
        )
    return k


def check_scope(
    outlets: Sequence[str] = (),
    published: tuple[str, str] = ("", ""),
    documents: Sequence[str] = (),
    names: Sequence[str] = (),
) -> Scope:
    """Return the scope that these make. Raises QuestionError for what is no list of names or no day.

    >>> check_scope(published=("2031-03", ""))
    Traceback (most recent call last):
    rag.errors.QuestionError: '2031-03' is no day; write it as 2031-03-04
    """
    for values in (outlets, documents, names):
        if (
            not isinstance(values, Collection)
            or isinstance(values, str)
            or not all(isinstance(each, str) for each in values)
        ):
            raise QuestionError("outlets, documents and names are lists of texts; put a single one in a list")
    if not isinstance(published, Sequence) or len(published) != 2:
        raise QuestionError("published is the first and the last day; leave one open with an empty string")
    for day in published:
        try:
            # Newer Pythons read 20310304 too, which does not compare with the articles' dates as text.
            known = not day or date.fromisoformat(day).isoformat() == day
        except (TypeError, ValueError):
            known = False
        if not known:
            raise QuestionError("{day} is no day; write it as 2031-03-04", day=repr(day))
    first, last = published
    if first and last and first > last:
        raise QuestionError("{first} lies after {last}; write the first day first", first=first, last=last)
    return Scope(tuple(outlets), documents=tuple(documents), published=(first, last), names=tuple(names))
