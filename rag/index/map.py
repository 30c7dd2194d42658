"""Place the passages of an index as points of a plane, in topics with words that tell them apart."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.index.store import Index
from rag.text.stems import stem
from rag.text.words import content_words
from rag.types import Header, Passage

if TYPE_CHECKING:
    from embeddings import Vectors
    from embeddings.projection import Points

MOST_POINTS = 2000
"""Passages that are placed; of more, a sample. One core takes four seconds, and a browser draws them without lag."""
MOST_TOPICS = 12
"""More cannot be told apart by colour, nor their words read side by side."""
_TOPIC_WORDS = 3


@dataclass(frozen=True, slots=True)
class Topic:
    """A part of the plane with the words that its passages have more often than the others; ``x``, ``y`` its middle."""

    words: tuple[str, ...]
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Point:
    """A passage in the unit square, with the number of its topic."""

    passage: Passage
    header: Header
    x: float
    y: float
    topic: int


@dataclass(frozen=True, eq=False)
class PassageMap:
    """Hold passages as points, and their topics; of a large index a fixed sample, if it can of each article."""

    index: Index
    points: tuple[Point, ...]
    topics: tuple[Topic, ...]
    vectors: Vectors
    places: Points

    def points_with(self, ids: Iterable[str]) -> tuple[Point, ...]:
        """Return the points, and those of some passages that are not among them, each beside its nearest."""
        from embeddings.projection import place

        shown = {point.passage.id for point in self.points}
        rows = list(self.index.rows_of_passages([id for id in ids if id not in shown]).values())
        others = []
        for row, (passage, header) in zip(rows, self.index.passages(rows), strict=True):
            x, y = place(self.index.vectors.fetch([row])[0], self.vectors, self.places)
            nearest = ((self.places - [x, y]) ** 2).sum(axis=1).argmin()
            others.append(Point(passage, header, x, y, self.points[nearest].topic))
        return (*self.points, *others)


def passage_map(index: Index) -> PassageMap:
    """Return the map of an index: the same one for the same passages."""
    from embeddings.projection import cluster, project, sample

    rows = sample(index.article_numbers(), MOST_POINTS)
    vectors = index.vectors.fetch([int(row) for row in rows])
    places = project(vectors)
    topic_of = cluster(places, min(MOST_TOPICS, math.isqrt(len(places) // 2)))
    passages = index.passages([int(row) for row in rows])
    points = tuple(
        Point(passage, header, float(x), float(y), topic)
        for (passage, header), (x, y), topic in zip(passages, places, topic_of, strict=True)
    )
    words = topic_words([point.passage.text for point in points], topic_of)
    topics = []
    for number, each in enumerate(words):
        x, y = places[[topic == number for topic in topic_of]].mean(axis=0)
        topics.append(Topic(each, float(x), float(y)))
    return PassageMap(index, points, tuple(topics), vectors, places)


def topic_words(texts: Sequence[str], topic_of: Sequence[int]) -> list[tuple[str, ...]]:
    """Return for each topic the words that count most by class-based TF-IDF (Grootendorst 2022, "BERTopic").

    A word counts with all its forms, and is written as most of them are.

    >>> topic_words(["Ferries sail. The ferry is late.", "Frost took the pears.", "A frost."], [0, 1, 1])[1][0]
    'frost'
    """
    counts: defaultdict[int, Counter[str]] = defaultdict(Counter)
    forms: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for text, topic in zip(texts, topic_of, strict=True):
        for word in content_words(text):
            if word.isalpha() and len(word) > 2 and (term := stem(word)):
                counts[topic][term] += 1
                forms[term][word] += 1
    total = sum(counts.values(), Counter())
    average = total.total() / max(1, len(counts))

    def weight(topic: int, term: str) -> tuple[float, str]:
        return -counts[topic][term] * math.log(1 + average / total[term]), term

    found = []
    for topic in sorted(set(topic_of)):
        best = sorted(counts[topic], key=lambda term: weight(topic, term))[:_TOPIC_WORDS]
        found.append(tuple(max(forms[term], key=lambda form: (forms[term][form], form.islower())) for term in best))
    return found
