"""Vectors as points of a plane: groups stay groups, the same vectors the same points, and nothing is too odd to draw."""

from __future__ import annotations

from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.projection import NEIGHBOURS, WARMTH, place, project, sample

RANDOM = numpy.random.default_rng(7)


def unit(vectors: Any) -> Any:
    vectors = numpy.asarray(vectors, dtype=numpy.float32)
    return vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)


def grouped(groups: int, of_each: int, dimension: int = 32) -> tuple[Any, Any]:
    """Vectors around as many directions as there are groups, in mixed order, with the number of each one's group."""
    numbers = RANDOM.permutation(numpy.repeat(numpy.arange(groups), of_each))
    middles = RANDOM.normal(size=(groups, dimension))
    return unit(middles[numbers] + 0.35 * RANDOM.normal(size=(len(numbers), dimension))), numbers


def test_what_belongs_together_lies_together() -> None:
    for groups, of_each in ((5, 6), (12, 20)):
        vectors, numbers = grouped(groups, of_each)
        points = project(vectors)
        assert points.dtype == numpy.float32
        assert points.min() == 0
        assert points.max() == 1
        distances = numpy.linalg.norm(points[:, None] - points[None], axis=2)
        numpy.fill_diagonal(distances, numpy.inf)
        nearest = numpy.argsort(distances, axis=1)[:, : of_each - 1]
        same = (numbers[nearest] == numbers[:, None]).mean()
        assert same > 0.95, "a passage's nearest points are those of its own article"


def test_the_same_vectors_are_the_same_points() -> None:
    vectors, _ = grouped(9, 20)
    assert numpy.array_equal(project(vectors), project(vectors.copy()))


@pytest.mark.parametrize("count", range(14))
def test_any_number_of_vectors_will_do(count: int) -> None:
    points = project(unit(RANDOM.normal(size=(count, 8))) if count else numpy.zeros((0, 8), dtype=numpy.float32))
    assert points.shape == (count, 2)
    assert numpy.isfinite(points).all()
    assert ((points >= 0) & (points <= 1)).all()
    assert len(numpy.unique(points, axis=0)) == count


@pytest.mark.parametrize("count", [1, 2, 3, 4, 40])
def test_equal_vectors_stand_in_a_small_circle(count: int) -> None:
    points = project(numpy.repeat(unit([[0.6, 0.8, 0.0]]), count, axis=0))
    assert len(numpy.unique(points, axis=0)) == count
    assert numpy.abs(points - 0.5).max() < 0.05


def test_copies_among_others_lie_beside_one_another() -> None:
    vectors, _ = grouped(4, 8)
    points = project(numpy.concatenate([vectors, vectors[:2], vectors[:1]]))
    for copy, original in ((32, 0), (33, 1), (34, 0)):
        assert 0 < numpy.linalg.norm(points[copy] - points[original]) < 0.03


@pytest.mark.parametrize("dimension", [1, 2])
def test_vectors_of_few_numbers_have_places_too(dimension: int) -> None:
    vectors = unit(RANDOM.normal(size=(20, dimension)))
    points = project(vectors)
    assert points.shape == (20, 2)
    assert numpy.isfinite(points).all()


def test_of_many_rows_the_same_ones_are_shown_each_time_and_every_article() -> None:
    groups = numpy.sort(RANDOM.integers(0, 300, size=4000))
    rows = sample(groups, 1000)
    assert len(rows) == 1000
    assert list(rows) == sorted(set(rows))
    assert set(groups[rows]) == set(groups)
    assert list(sample(groups, 1000)) == list(rows)


def test_of_more_articles_than_there_is_room_for_each_has_one_passage() -> None:
    groups = numpy.repeat(numpy.arange(300), 3)
    rows = sample(groups, 100)
    assert len(set(groups[rows])) == len(rows) == 100
    assert max(groups[rows]) > 200, "not only the first ones"


@settings(max_examples=60, deadline=None)
@given(groups=st.lists(st.integers(0, 5), max_size=30), limit=st.integers(0, 30))
def test_a_sample_is_as_large_as_it_may_be(groups: list[int], limit: int) -> None:
    rows = [int(row) for row in sample(groups, limit)]
    assert len(rows) == min(limit, len(groups))
    shown = {groups[row] for row in rows}
    assert len(shown) == min(len(set(groups)), limit) or len(rows) == len(groups)


def test_a_new_vector_lies_where_its_nearest_ones_are() -> None:
    vectors, _ = grouped(6, 10)
    points = project(vectors)
    vector = unit([vectors[3] + 0.2 * vectors[4]])[0]
    cosines = {row: float(vectors[row].astype(float) @ vector.astype(float)) for row in range(len(vectors))}
    nearest = sorted(cosines, key=lambda row: -cosines[row])[:NEIGHBOURS]
    weights = [numpy.exp((cosines[row] - cosines[nearest[0]]) / WARMTH) for row in nearest]
    for axis in (0, 1):
        expected = sum(weight * float(points[row][axis]) for weight, row in zip(weights, nearest, strict=True))
        assert place(vector, vectors, points)[axis] == pytest.approx(expected / sum(weights), abs=1e-5)


def test_a_passage_that_is_there_is_placed_near_itself() -> None:
    vectors, numbers = grouped(6, 10)
    points = project(vectors)
    for row in range(0, 60, 7):
        x, y = place(vectors[row], vectors, points)
        nearest = numpy.argmin(numpy.linalg.norm(points - [x, y], axis=1))
        assert numbers[nearest] == numbers[row]


def test_without_points_a_question_stands_in_the_middle() -> None:
    empty = numpy.zeros((0, 4), dtype=numpy.float32)
    assert place(numpy.ones(4, dtype=numpy.float32), empty, empty[:, :2]) == (0.5, 0.5)
