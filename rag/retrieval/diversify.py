"""Which of the ranked passages are shown: no near copies, not all from one article, neighbours as one span."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from heapq import heapify, heappop, heappush

from rag.text.facts import facts
from rag.text.words import words
from rag.types import Dropped, Hit, Passage

Shingles = frozenset[tuple[str, ...]]

REPETITION = 0.1
"""What each passage of an article that is already shown takes from the next one's score, unless the question names it."""
LONGEST_SPAN = 3
"""How many neighbouring passages become one span at most."""
# Between two passages of an article stands a blank or an empty line, nothing else.
_GAP = 2
_SHINGLE = 5
MOST_DROPPED = 10
"""How many of the passages that are not shown are reported."""
COPY = "a better passage says nearly the same"
SHARE = "its article has its share already"
PLACE = "its place went to what else the question asks for"
LIMIT = "better passages fill the places"
# Two passages are copies where so much of the shorter one's runs of five words stands in the other.
_COPIED = 0.7


def without_copies(hits: Sequence[Hit], claimed: Collection[str] = ()) -> list[Hit]:
    """Drop hits that nearly repeat a better one of another article, which names them in ``also``.

    ``claimed`` are ids of passages that stay whatever they repeat, such as the best of an outlet that the question names.
    What holds a number, date or name that the better one lacks is no copy: two sources may disagree there. Copies are
    told by their runs of five words (w-shingling: Broder 1997, "On the resemblance and containment of documents").
    """
    kept: list[Hit] = []
    shingles: list[Shingles] = []
    holders: dict[tuple[str, ...], list[int]] = {}  # which of the kept ones hold a run of words
    for hit in hits:
        own = _shingles(hit.passage.text)
        shared = Counter(place for run in own for place in holders.get(run, ()))
        alike = (place for place in sorted(shared) if shared[place] >= _COPIED * min(len(own), len(shingles[place])))
        original = next((place for place in alike if _adds_nothing(hit, kept[place])), None)
        if original is None or hit.passage.id in claimed:
            for run in own:
                holders.setdefault(run, []).append(len(kept))
            kept.append(hit)
            shingles.append(own)
        elif hit.document not in kept[original].also:
            kept[original] = replace(kept[original], also=(*kept[original].also, hit.document))
    return kept


def chosen(
    hits: Sequence[Hit], k: int, places: Sequence[Sequence[str]] = (), named: Collection[str] = ()
) -> list[tuple[Hit, ...]]:
    """``k`` groups of the hits, best first: first what has a claim, then not too many of one article.

    ``places`` are passage ids in order: of each the first that is among the hits is taken, such as the best of an
    outlet that the question names. ``named`` are articles that may repeat freely. The rest is chosen greedily, as in
    maximal marginal relevance (Carbonell and Goldstein 1998), with the article in place of the similarity: each of its
    passages shown already lowers the next one's score. What stands beside a passage that was taken joins its group and
    needs no place of its own.
    """
    by_id = {hit.passage.id: hit for hit in hits}
    groups: dict[str, list[tuple[Hit, ...]]] = {}  # by article
    free = k
    for place in places:
        claimed = next((by_id[id] for id in place if id in by_id), None)
        if claimed is not None and free:
            groups.setdefault(claimed.document.id, []).append((by_id.pop(claimed.passage.id),))
            free -= 1
    left = _Left([hit for hit in hits if hit.passage.id in by_id], groups, named)
    while (best := left.pop()) is not None:
        beside = [group for group in groups.get(best.document.id, ()) if any(_adjacent(best, hit) for hit in group)]
        if sum(map(len, beside)) + 1 > LONGEST_SPAN:
            beside = []
        if not beside and not free:
            break
        free += len(beside) - 1
        kept = [group for group in groups.get(best.document.id, ()) if group not in beside]
        groups[best.document.id] = [*kept, (best, *(hit for group in beside for hit in group))]
    ordered = (tuple(sorted(group, key=lambda hit: hit.passage.start)) for each in groups.values() for group in each)
    rank = {hit.passage.id: place for place, hit in enumerate(hits)}
    return sorted(ordered, key=lambda group: min(rank[hit.passage.id] for hit in group))


class _Left:
    """What is left of ranked hits, to be had one by one: the best after each article's penalty, equal ones by rank.

    A queue for each article, and a heap of the queues' heads: a penalty moves one head only.
    """

    def __init__(
        self, hits: Sequence[Hit], groups: Mapping[str, Sequence[Sequence[Hit]]], named: Collection[str]
    ) -> None:
        self._named = named
        self._taken = Counter({article: sum(map(len, each)) for article, each in groups.items()})
        self._queues: dict[str, deque[tuple[int, Hit]]] = {}
        for rank, hit in enumerate(hits):
            self._queues.setdefault(hit.document.id, deque()).append((rank, hit))
        self._heap = [self._head(article) for article in self._queues]
        heapify(self._heap)

    def pop(self) -> Hit | None:
        if not self._heap:
            return None
        article = heappop(self._heap)[-1]
        _, hit = self._queues[article].popleft()
        self._taken[article] += 1
        if self._queues[article]:
            heappush(self._heap, self._head(article))
        return hit

    def _head(self, article: str) -> tuple[float, int, str]:
        rank, hit = self._queues[article][0]
        penalty = 0.0 if article in self._named else REPETITION * self._taken[article]
        return penalty - hit.score, rank, article


def dropped(hits: Sequence[Hit], kept: Sequence[Hit], groups: Sequence[Sequence[Hit]]) -> tuple[Dropped, ...]:
    """Return the best ``hits`` that are not shown, and why: near copies (not ``kept``), or not in ``groups``.

    >>> from rag.types import Header
    >>> passages = [Passage(id=id, document_id=id, start=0, end=10, text="It rained.") for id in "ab"]
    >>> hit, copy = (Hit(each, Header(each.id), 0.5) for each in passages)
    >>> [(each.hit.document.id, each.reason) for each in dropped([hit, copy], [hit], [(hit,)])]
    [('b', 'a better passage says nearly the same')]
    """
    shown = [hit for group in groups for hit in group]
    ids, articles = {hit.passage.id for hit in shown}, {hit.document.id for hit in shown}
    originals = {hit.passage.id for hit in kept}
    # Only what is better than something that is shown was passed over for the sake of that.
    least = min((max(hit.score for hit in group) for group in groups), default=0.0)

    def reason(hit: Hit) -> str:
        if hit.passage.id not in originals:
            return COPY
        if hit.score <= least:
            return LIMIT
        return SHARE if hit.document.id in articles else PLACE

    left = [hit for hit in hits if hit.passage.id not in ids]
    return tuple(Dropped(hit, reason(hit)) for hit in left[:MOST_DROPPED])


def joined(group: Sequence[Hit], text: str) -> Hit:
    """Neighbouring hits of one article, whose ``text`` is given, as one hit. Its score and why are the best one's.

    >>> from rag.types import Header
    >>> text = "It rained. It snowed."
    >>> one, other = Passage("p", "a.md", 0, 10, text[:10]), Passage("q", "a.md", 11, 21, text[11:])
    >>> hit = joined([Hit(one, Header("a.md"), 0.5), Hit(other, Header("a.md"), 0.7)], text)
    >>> hit.passage.text, hit.score
    ('It rained. It snowed.', 0.7)
    """
    best = max(group, key=lambda hit: hit.score)
    start, end = min(hit.passage.start for hit in group), max(hit.passage.end for hit in group)
    id = "+".join(hit.passage.id for hit in group)
    in_order = sorted(group, key=lambda hit: hit.passage.start)
    places = tuple(dict.fromkeys(each for hit in in_order for each in hit.passage.places))
    matched = dict.fromkeys(word for hit in (best, *group) for word in hit.why.matched)
    return replace(
        best,
        passage=Passage(id, best.document.id, start, end, text[start:end], places),
        why=replace(best.why, matched=tuple(matched)),
        also=tuple(dict.fromkeys(header for hit in group for header in hit.also)),
    )


def _adjacent(one: Hit, other: Hit) -> bool:
    if one.document.id != other.document.id:
        return False
    first, second = sorted((one.passage, other.passage), key=lambda passage: passage.start)
    return second.start - first.end <= _GAP


def _adds_nothing(hit: Hit, better: Hit) -> bool:
    """Tell whether a near copy, of another article, has no fact that the better passage lacks."""
    return hit.document.id != better.document.id and _facts(hit.passage.text) <= _facts(better.passage.text)


def _facts(text: str) -> frozenset[frozenset[str]]:
    return frozenset(fact.forms for fact in facts(text) if fact.kind in ("number", "date", "name"))


def _shingles(text: str) -> Shingles:
    found = [word.lower() for word in words(text)]
    return frozenset(tuple(found[i : i + _SHINGLE]) for i in range(len(found) - _SHINGLE + 1))
