"""Place the passages of an index as points of a plane, in topics with words that tell them apart."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.index import Index
from rag.lexical import stem
from rag.types import Header, Passage
from rag.words import content_words

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
class PassageMap:
    """Passages as points of the unit square: ``points[i]`` is that of row ``rows[i]``, and ``topic_of[i]`` its topic."""

    rows: tuple[int, ...]
    points: Points
    vectors: Vectors
    passages: tuple[tuple[Passage, Header], ...]
    topics: tuple[Topic, ...]
    topic_of: tuple[int, ...]

    def place(self, vector: Vectors) -> tuple[int, float, float]:
        """Return the topic and the place of a vector that is not among the points: beside its nearest ones."""
        from embeddings.projection import place

        x, y = place(vector, self.vectors, self.points)
        nearest = ((self.points - [x, y]) ** 2).sum(axis=1).argmin()
        return self.topic_of[nearest], x, y


def passage_map(index: Index) -> PassageMap:
    """Return the map of an index: the same one for the same passages."""
    from embeddings.projection import cluster, project, sample

    rows = sample(index.article_numbers(), MOST_POINTS)
    vectors = index.vectors.vectors[rows]
    points = project(vectors)
    topic_of = cluster(points, min(MOST_TOPICS, math.isqrt(len(points) // 2)))
    passages = tuple(index.passages([int(row) for row in rows]))
    words = topic_words([passage.text for passage, _ in passages], topic_of)
    middles = [points[[topic == number for topic in topic_of]].mean(axis=0) for number in range(len(words))]
    topics = (Topic(each, float(x), float(y)) for each, (x, y) in zip(words, middles, strict=True))
    return PassageMap(tuple(map(int, rows)), points, vectors, passages, tuple(topics), tuple(topic_of))


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
        found.append(tuple(forms[term].most_common(1)[0][0] for term in best))
    return found
