"""Which of the ranked passages are shown: no near copies, not all from one article, neighbours as one span."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from rag.facts import facts
from rag.types import Header, Hit
from rag.words import words

REPETITION = 0.05
"""What each passage of an article that is already shown takes from the next one's score, unless the question names it."""
_SHINGLE = 5
# Two passages are copies where so much of the shorter one's runs of five words stands in the other.
_COPIED = 0.7


def without_copies(hits: Sequence[Hit]) -> list[Hit]:
    """The hits, best first, without those that nearly repeat a better one of another article; ``also`` names their articles.

    What holds a number that the better one lacks is no copy: two sources may disagree there. Copies are told by their runs of
    five words (w-shingling: Broder 1997, "On the resemblance and containment of documents").
    """
    kept: list[Hit] = []
    shingles: list[frozenset[tuple[str, ...]]] = []
    for hit in hits:
        own = _shingles(hit.passage.text)
        original = next((i for i, other in enumerate(shingles) if _copies(own, other, hit, kept[i])), None)
        if original is None:
            kept.append(hit)
            shingles.append(own)
        elif hit.document not in kept[original].also:
            kept[original] = replace(kept[original], also=(*kept[original].also, hit.document))
    return kept


def chosen(
    hits: Sequence[Hit], k: int, places: Sequence[Callable[[Header], bool]] = (), named: Collection[str] = ()
) -> list[Hit]:
    """``k`` of the hits, best first: a place for the best of each of ``places``, and not too many of one article.

    ``places`` tell whose a place is (an outlet or an article that the question names); ``named`` are articles that may
    repeat freely. The rest is chosen greedily, as in maximal marginal relevance (Carbonell and Goldstein 1998), with the
    article in place of the similarity: each of its passages shown already lowers the next one's score.
    """
    taken: list[Hit] = []
    for belongs in places:
        found = next((hit for hit in hits if hit not in taken and belongs(hit.document)), None)
        if found is not None and len(taken) < k:
            taken.append(found)
    counts = Counter(hit.document.id for hit in taken)
    left = [hit for hit in hits if hit not in taken]
    while left and len(taken) < k:
        best = max(left, key=lambda hit: hit.score - _repetition(counts, hit, named))
        left.remove(best)
        counts[best.document.id] += 1
        taken.append(best)
    return sorted(taken, key=lambda hit: -hit.score)


def _repetition(counts: Counter[str], hit: Hit, named: Collection[str]) -> float:
    return 0.0 if hit.document.id in named else REPETITION * counts[hit.document.id]


def _copies(own: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]], hit: Hit, better: Hit) -> bool:
    if hit.document.id == better.document.id or not own or not other:
        return False
    if not _numbers(hit.passage.text) <= _numbers(better.passage.text):
        return False
    return len(own & other) >= _COPIED * min(len(own), len(other))


def _numbers(text: str) -> frozenset[frozenset[str]]:
    return frozenset(fact.forms for fact in facts(text) if fact.kind in ("number", "date"))


def _shingles(text: str) -> frozenset[tuple[str, ...]]:
    found = [word.lower() for word in words(text)]
    return frozenset(tuple(found[i : i + _SHINGLE]) for i in range(len(found) - _SHINGLE + 1))
