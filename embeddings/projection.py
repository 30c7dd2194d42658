"""Vectors as points of a plane, so that a person can look at them: near ones near, far ones somewhere else.

The method was chosen by looking at plots of news articles: t-distributed stochastic neighbour embedding (van der Maaten and
Hinton 2008) lets articles stand apart as groups, where principal components and multidimensional scaling lay them upon one
another (of a passage's neighbours in the plane, 100 %, 76 % and 79 % are of its own article for the five shipped ones).
2,000 vectors of 384 numbers take 4 seconds on one core, fifty a tenth of a second.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy

from embeddings.in_memory import direction

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from embeddings import Vectors

    Points = NDArray[numpy.float32]

NEIGHBOURS = 5
WARMTH = 0.007
"""A neighbour whose cosine is less by this much counts 1/e as much as the nearest.

Each of 348 passages of news taken out and placed again, median distance from where it had been, of the plane's width:
multilingual-e5-small 1.05 % (1.00 at best, 1.42 with 0.03), all-MiniLM-L6-v2 .83 % (.82 at best).
"""
# Where there are few, the usual steps are too long: points fly apart and groups are torn.
_FEW = 150
_STEP = 10.0
_COPY_DISTANCE = 0.006
_GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))


def project(vectors: Vectors) -> Points:
    """Place each vector in the unit square, shape (n, 2), float32: always at the same point, never NaN.

    Any number of vectors will do; equal ones stand in a small circle around one place. Only who is near whom means anything:
    neither the axes nor long distances do.

    >>> project(numpy.eye(1, 3, dtype=numpy.float32)).tolist()
    [[0.5, 0.5]]
    """
    vectors = numpy.asarray(vectors, dtype=numpy.float32)
    if len(vectors) == 0:
        return numpy.zeros((0, 2), dtype=numpy.float32)
    distinct, place_of = numpy.unique(vectors, axis=0, return_inverse=True)
    points = _fitted(_placed(distinct))[place_of.ravel()]
    return _apart(points, place_of.ravel())


def sample(groups: Sequence[int] | NDArray[numpy.int64], limit: int) -> NDArray[numpy.int64]:
    """Return which rows are shown where there are more than ``limit``, in order: the same ones each time.

    ``groups`` has the number of each row's group; of each group one is shown, if they fit.

    >>> sample([0, 0, 0, 1, 2], limit=3).tolist()
    [0, 3, 4]
    """
    numbers = numpy.asarray(groups, dtype=numpy.int64)
    if len(numbers) <= limit:
        return numpy.arange(len(numbers))
    _, firsts = numpy.unique(numbers, return_index=True)
    rest = numpy.setdiff1d(numpy.arange(len(numbers)), firsts)
    random = numpy.random.default_rng(0)
    return numpy.sort(numpy.concatenate([random.permutation(firsts), random.permutation(rest)])[:limit])


def cluster(points: Points, count: int) -> list[int]:
    """Return the number of each point's cluster, up to ``count`` of them by k-means, counted from 0.

    >>> cluster(numpy.array([[0, 0], [1, 1], [0, 0.1]], dtype=numpy.float32), 2)
    [0, 1, 0]
    """
    distinct = len(numpy.unique(points, axis=0))
    if min(count, distinct) < 2:
        return [0] * len(points)
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        labels = KMeans(min(count, distinct), n_init=4, random_state=0).fit_predict(points)
    number = {label: place for place, label in enumerate(dict.fromkeys(labels.tolist()))}
    return [number[label] for label in labels.tolist()]


def place(vector: Vectors, vectors: Vectors, points: Points) -> tuple[float, float]:
    """Where a new vector belongs among points that are there: the mean of its nearest ones' points, the nearest counting most.

    t-SNE has no formula for a new vector, and fitting anew with it would move all the others, so that a reader who asks twice
    would look at two maps. Its nearest neighbours' places are what is known of its own: openTSNE begins there as well
    (Poličar, Stražar and Zupan 2019, "Embedding to reference t-SNE space addresses batch effects").

    >>> corners = numpy.array([[0, 0], [1, 0]], dtype=numpy.float32)
    >>> place(numpy.array([1, 1], dtype=numpy.float32), numpy.eye(2, dtype=numpy.float32), corners)
    (0.5, 0.0)
    """
    if len(points) == 0:
        return 0.5, 0.5
    cosines = (vectors * direction(vector, vectors.shape[1])).sum(axis=1)
    nearest = numpy.lexsort((numpy.arange(len(cosines)), -cosines))[:NEIGHBOURS]
    weights = numpy.exp((cosines[nearest] - cosines[nearest[0]]) / WARMTH)
    x, y = (weights[:, None] * points[nearest]).sum(axis=0) / weights.sum()
    return float(x), float(y)


def _placed(vectors: Vectors) -> Points:
    """Return distinct vectors as points of any scale."""
    count = len(vectors)
    if count <= 3:
        return _principal(vectors)  # which keeps the distances of three exactly
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    few = count <= _FEW
    model = TSNE(
        perplexity=min(30.0, max(2.0, count / 6)),
        learning_rate=_STEP if few else "auto",
        max_iter=1000 if count <= 1000 else 500,
        init=_principal(vectors) * 1e-4,
        method="exact" if few else "barnes_hut",
        random_state=0,
        n_jobs=1,
    )
    # Several threads add up in any order, and what differs in the last digit becomes another map; and questions need a core.
    with threadpool_limits(limits=1):
        points = model.fit_transform(vectors)
    if not numpy.isfinite(points).all():
        return _principal(vectors)
    return numpy.asarray(points, dtype=numpy.float32)


def _principal(vectors: Vectors) -> Points:
    """Return the two directions in which vectors differ most, the first with a standard deviation of 1."""
    centred = vectors.astype(numpy.float64) - vectors.mean(axis=0)
    _, directions = numpy.linalg.eigh(centred.T @ centred)
    directions = directions[:, ::-1][:, :2]
    directions = directions * numpy.sign(directions[numpy.abs(directions).argmax(axis=0), range(directions.shape[1])])
    points = centred @ directions
    if points.shape[1] < 2:
        points = numpy.pad(points, ((0, 0), (0, 2 - points.shape[1])))
    spread = points[:, 0].std()
    return numpy.asarray(points / spread if spread > 0 else points, dtype=numpy.float32)


def _fitted(points: Points) -> Points:
    """Return the same points in the unit square; where all have one coordinate, it becomes the middle."""
    low, extent = points.min(axis=0), numpy.ptp(points, axis=0)
    fitted = numpy.where(extent > 0, (points - low) / numpy.where(extent > 0, extent, 1), 0.5)
    return numpy.asarray(fitted, dtype=numpy.float32)


def _apart(points: Points, place_of: NDArray[numpy.int64]) -> Points:
    """Copies of one vector a little apart, in a spiral, so that each can be seen."""
    order = numpy.argsort(place_of, kind="stable")
    _, firsts, counts = numpy.unique(place_of[order], return_index=True, return_counts=True)
    turn = numpy.empty(len(points))
    turn[order] = numpy.arange(len(points)) - numpy.repeat(firsts, counts)
    radius = _COPY_DISTANCE * numpy.sqrt(turn)
    angle = turn * _GOLDEN_ANGLE
    offsets = numpy.stack([radius * numpy.cos(angle), radius * numpy.sin(angle)], axis=1)
    return numpy.asarray(numpy.clip(points + offsets, 0, 1), dtype=numpy.float32)
