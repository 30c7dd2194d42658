"""Explain a search as plain data. Why a passage was found, what was searched, what was dropped."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rag.text.one_line import one_line, shortened
from rag.text.stems import stem
from rag.text.words import words
from rag.types import Answer, Hit

MAX_WORDS = 20
"""How many of a question's words are named beside a passage."""
MAX_BEGINNING = 160
"""How many characters are shown of a passage that was dropped."""
MAX_TITLE = 200
MAX_NAMES = 10


def why_data(hit: Hit) -> dict[str, Any]:
    """Explain a hit. Ranks, scores, the words it shares with the question and as which ``forms`` they stand in it.

    ``joined`` is how many neighbouring passages it is made of; the figures are then those of the best one.
    """
    why = hit.why
    return {
        "meaning": {"rank": why.dense_rank, "score": why.dense_score},
        "words": {"rank": why.keyword_rank, "score": why.keyword_score},
        "matched": [one_line(word) for word in why.matched[:MAX_WORDS]],
        "forms": matched_forms(why.matched, hit.passage.text),
        "met": [one_line(label) for label in why.met[:MAX_NAMES]],
        "fused": why.fused,
        "reranked": why.reranked,
        "score": hit.score,
        "joined": hit.passage.id.count("+") + 1,
    }


def matched_forms(matched: Iterable[str], text: str) -> list[str]:
    """Return a text's words that match, as they stand there. Their stem is one of a matched word.

    >>> matched_forms(["bridges"], "One bridge fell. Bridges do.")
    ['bridge', 'Bridges']
    """
    stems = {stem(word) for word in matched} - {""}
    return list(dict.fromkeys(word for word in words(text) if stem(word) in stems)) if stems else []


def search_data(answer: Answer) -> dict[str, Any]:
    """Return what was searched for an answer. The completed question, its parts, the scope, how many passages were
    weighed.
    """
    scope, (first, last) = answer.scope, answer.scope.published
    names = {"outlets": scope.outlets, "authors": (*scope.authors, *scope.names), "articles": scope.documents}
    shown = {kind: [one_line(name) for name in kept[:MAX_NAMES]] for kind, kept in names.items()}
    return {
        "question": one_line(answer.searched or answer.question),
        "parts": [one_line(part) for part in answer.parts],
        "scope": {**shown, "first": first, "last": last},
        "candidates": answer.candidates,
        "shown": len(answer.hits),
        "dropped": [
            {
                "article": each.hit.document.id,
                "title": shortened(each.hit.document.title or each.hit.document.id, MAX_TITLE),
                "text": shortened(each.hit.passage.text, MAX_BEGINNING),
                "start": each.hit.passage.start,
                "end": each.hit.passage.end,
                "reason": each.reason,
            }
            for each in answer.dropped
        ],
    }
