"""Which of the ranked passages are shown: no near copies, not all from one article, neighbours as one span."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

from rag.facts import facts
from rag.types import Hit, Passage
from rag.words import words

REPETITION = 0.1
"""What each passage of an article that is already shown takes from the next one's score, unless the question names it."""
LONGEST_SPAN = 3
"""How many neighbouring passages become one span at most."""
# Between two passages of an article stands a blank or an empty line, nothing else.
_GAP = 2
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
    hits: Sequence[Hit], k: int, places: Sequence[Sequence[str]] = (), named: Collection[str] = ()
) -> list[tuple[Hit, ...]]:
    """``k`` groups of the hits, best first: a place for each that has a claim, not too many of one article,
    neighbours together.

    ``places`` are passage ids in order: of each the first that is among the hits is taken, such as the best of an
    outlet that the question names. ``named`` are articles that may repeat freely. The rest is chosen greedily, as in
    maximal marginal relevance (Carbonell and Goldstein 1998), with the article in place of the similarity: each of its
    passages shown already lowers the
    next one's score. What stands beside a passage that was taken joins its group and needs no place of its own.
    """
    groups: list[tuple[Hit, ...]] = []
    left = list(hits)
    by_id = {hit.passage.id: hit for hit in hits}
    for place in places:
        claimed = next((by_id[id] for id in place if id in by_id and by_id[id] in left), None)
        if claimed is not None and len(groups) < k:
            left.remove(claimed)
            groups.append((claimed,))
    counts = Counter(hit.document.id for group in groups for hit in group)
    while left:
        best = max(left, key=lambda hit: hit.score - _repetition(counts, hit, named))
        beside = [group for group in groups if any(_adjacent(best, hit) for hit in group)]
        if sum(map(len, beside)) + 1 > LONGEST_SPAN:
            beside = []
        if not beside and len(groups) >= k:
            break
        left.remove(best)
        counts[best.document.id] += 1
        groups = [group for group in groups if group not in beside]
        groups.append((best, *(hit for group in beside for hit in group)))
    ordered = [tuple(sorted(group, key=lambda hit: hit.passage.start)) for group in groups]
    return sorted(ordered, key=lambda group: -max(hit.score for hit in group))


def joined(group: Sequence[Hit], text: str) -> Hit:
    """Neighbouring hits of one article, whose ``text`` is given, as one hit; its score and why are the best one's.

    >>> from rag.types import Header
    >>> text = "It rained. It snowed."
    >>> one, other = Passage("p", "a.md", 0, 10, text[:10]), Passage("q", "a.md", 11, 21, text[11:])
    >>> hit = joined([Hit(one, Header("a.md"), 0.5), Hit(other, Header("a.md"), 0.7)], text)
    >>> hit.passage.text, hit.score
    ('It rained. It snowed.', 0.7)
    """
    if len(group) == 1:
        return group[0]
    best = max(group, key=lambda hit: hit.score)
    start, end = min(hit.passage.start for hit in group), max(hit.passage.end for hit in group)
    id = "+".join(hit.passage.id for hit in group)
    matched = dict.fromkeys(word for hit in (best, *group) for word in hit.why.matched)
    return replace(
        best,
        passage=Passage(id=id, document_id=best.document.id, start=start, end=end, text=text[start:end]),
        why=replace(best.why, matched=tuple(matched)),
        also=tuple(dict.fromkeys(header for hit in group for header in hit.also)),
    )


def _adjacent(one: Hit, other: Hit) -> bool:
    if one.document.id != other.document.id:
        return False
    first, second = sorted((one.passage, other.passage), key=lambda passage: passage.start)
    return second.start - first.end <= _GAP


def _repetition(counts: Counter[str], hit: Hit, named: Collection[str]) -> float:
    return 0.0 if hit.document.id in named else REPETITION * counts[hit.document.id]


def _copies(own: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]], hit: Hit, better: Hit) -> bool:
    if hit.document.id == better.document.id or not own or not other:
        return False
    if len(own & other) < _COPIED * min(len(own), len(other)):
        return False
    # Reading numbers takes a thousand times as long, so it comes last: few passages get here.
    return _numbers(hit.passage.text) <= _numbers(better.passage.text)


def _numbers(text: str) -> frozenset[frozenset[str]]:
    return frozenset(fact.forms for fact in facts(text) if fact.kind in ("number", "date"))


def _shingles(text: str) -> frozenset[tuple[str, ...]]:
    found = [word.lower() for word in words(text)]
    return frozenset(tuple(found[i : i + _SHINGLE]) for i in range(len(found) - _SHINGLE + 1))
