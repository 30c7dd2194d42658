"""Explain a search as plain data. Why a passage was found, what was searched, what was dropped."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rag.text.one_line import one_line, shortened
from rag.text.stems import stem
from rag.text.words import words
from rag.types import Answer, Hit
from rag.web.language import decimal, phrase, told
from rag.web.narrow import labels

MAX_WORDS = 20
"""How many of a question's words are named beside a passage."""
MAX_BEGINNING = 160
"""How many characters are shown of a passage that was dropped."""
MAX_TITLE = 200
MAX_NAMES = 10


def why_data(hit: Hit) -> dict[str, Any]:
    """Explain a hit in ``rows`` of a term and what is known of it; ``forms`` are how the question's words stand in it.

    Where neighbouring passages were joined the figures are those of the best one, and a ``hint`` says so.
    """
    why, joined = hit.why, hit.passage.id.count("+") + 1
    cosine, bm25 = _figure(why.dense_score), _figure(why.keyword_score)
    near = phrase("number {rank}, cosine {score}", rank=why.dense_rank, score=cosine)
    far = phrase("not among the nearest, cosine {score}", score=cosine) if cosine else ""
    found = phrase("number {rank}, BM25 {score}", rank=why.keyword_rank, score=bm25)
    rows = (
        (phrase("Meaning"), near if why.dense_rank else far),
        (phrase("Words"), found if why.keyword_rank else phrase("not among the best")),
        (phrase("Words shared"), ", ".join(map(one_line, why.matched[:MAX_WORDS])) or phrase("none")),
        (phrase("The article meets"), ", ".join(map(one_line, why.met[:MAX_NAMES]))),
        (phrase("Both together"), _figure(why.fused)),
        (phrase("Reranked"), _figure(why.reranked)),
        # Below what a reranker has read, scores only keep an order.
        (phrase("Score in the end"), phrase("behind what was reranked") if hit.score < 0 else _figure(hit.score)),
    )
    hint = phrase("{count} neighbouring passages; the figures are the best one’s.", count=joined) if joined > 1 else ""
    return {"rows": _known(rows), "forms": matched_forms(why.matched, hit.passage.text), "hint": hint}


def _known(rows: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Leave out what there is nothing to say of."""
    return [[term, said] for term, said in rows if said]


def _figure(number: float | None) -> str:
    return "" if number is None else decimal(number, pattern="0.00")


def matched_forms(matched: Iterable[str], text: str) -> list[str]:
    """Return a text's words that match, as they stand there. Their stem is one of a matched word.

    >>> matched_forms(["bridges"], "One bridge fell. Bridges do.")
    ['bridge', 'Bridges']
    """
    stems = {stem(word) for word in matched} - {""}
    return list(dict.fromkeys(word for word in words(text) if stem(word) in stems)) if stems else []


def search_data(answer: Answer) -> dict[str, Any]:
    """Return what was searched for an answer, and what was left out of what was found."""
    weighed = phrase("{candidates} weighed, {shown} shown", candidates=answer.candidates, shown=len(answer.hits))
    narrowed = ", ".join(one_line(each) for each in labels(answer.scope)[:MAX_NAMES])
    rows = (
        (phrase("Searched for"), one_line(answer.searched or answer.question)),
        (phrase("Each part by itself"), " · ".join(map(one_line, answer.parts))),
        (phrase("Narrowed to"), narrowed or phrase("nothing: all articles")),
        (phrase("Passages"), weighed if answer.candidates else ""),
    )
    return {
        "rows": _known(rows),
        "candidates": answer.candidates,
        "shown": len(answer.hits),
        "dropped": [
            {
                "article": each.hit.document.id,
                "title": shortened(each.hit.document.title or each.hit.document.id, MAX_TITLE),
                "text": shortened(each.hit.passage.text, MAX_BEGINNING),
                "start": each.hit.passage.start,
                "end": each.hit.passage.end,
                "reason": phrase("Left out: {reason}", reason=told(each.reason)),
            }
            for each in answer.dropped
        ],
    }
