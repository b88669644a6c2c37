"""Distances between persistence diagrams through the public door."""

from __future__ import annotations

import math

import numpy as np
import pytest

from otdiv import (
    ConvergenceError,
    InvalidInputError,
    bottleneck_distance,
    bottleneck_distance_result,
    pairwise_distances,
    persistence_distance,
    persistence_distance_result,
)

INF = math.inf
X = [[0.0, 4.0], [1.0, 2.0]]


def diagram(n, seed=0):
    rng = np.random.default_rng(seed)
    births = rng.random(n)
    return np.stack([births, births + rng.exponential(0.1, n)], axis=1)


def test_a_matching_with_a_pair_and_a_point_for_the_diagonal():
    result = persistence_distance_result(X, [[0.0, 5.0]])
    assert result.value == 1.5
    assert 1.5 in result.bounds
    assert result.pairs.tolist() == [[0, 0]]
    assert result.x_alone.tolist() == [1]
    assert result.y_alone.tolist() == []


@pytest.mark.parametrize(
    ("metric", "height"), [("chebyshev", 1.0), ("euclidean", math.sqrt(2.0)), ("cityblock", 2.0)]
)
def test_the_way_to_the_diagonal(metric, height):
    assert persistence_distance([[1.0, 3.0]], [], metric=metric) == pytest.approx(height)
    assert bottleneck_distance([], [[1.0, 3.0]], metric=metric) == pytest.approx(height)


def test_orders_are_roots_of_sums_of_powers():
    far = [[0.0, 2.0], [10.0, 14.0]]
    assert persistence_distance(far, [], p=1) == 3.0
    assert persistence_distance(far, [], p=2) == pytest.approx(math.sqrt(5.0))
    assert persistence_distance(far, [], p=math.inf) == 2.0
    assert bottleneck_distance(far, []) == 2.0


def test_empty_diagrams():
    for empty in ([], np.empty((0, 2)), [[3.0, 3.0]]):
        assert persistence_distance(empty, []) == 0.0
        assert bottleneck_distance([], empty) == 0.0
    assert persistence_distance_result([[3.0, 3.0]], []).x_alone.tolist() == [0]


def test_points_at_infinity_are_matched_among_themselves():
    x = [[0.0, INF], [3.0, INF], [-INF, 1.0], [-INF, INF], [0.0, 1.0]]
    y = [[4.0, INF], [0.5, INF], [-INF, 1.25], [0.0, 1.0], [-INF, INF]]
    result = persistence_distance_result(x, y)
    assert result.value == pytest.approx(0.5 + 1.0 + 0.25)
    assert sorted(map(tuple, result.pairs)) == [(0, 1), (1, 0), (2, 2), (3, 4), (4, 3)]
    assert bottleneck_distance(x, y) == 1.0


@pytest.mark.parametrize("distance", [persistence_distance, bottleneck_distance])
def test_other_numbers_of_points_at_infinity_are_infinitely_far(distance):
    assert distance([[0.0, INF]], []) == INF
    assert distance([[0.0, INF]], [[-INF, 0.0]]) == INF


def test_a_large_diagram_and_its_noisy_copy():
    x = diagram(3000)
    y = x[np.random.default_rng(1).permutation(3000)] + 1e-6
    assert bottleneck_distance(x, y) == pytest.approx(1e-6, rel=1e-6)
    result = persistence_distance_result(x, y, p=2)
    assert result.bounds.relative_gap < 1e-5  # floats: 1e-6 beside lengths of 0.1, squared
    assert result.value <= math.sqrt(3000) * 1.001e-6


def test_the_matching_costs_the_distance():
    x, y = diagram(300), diagram(260, seed=1)
    for p in (1.0, 2.0, 3.0):
        result = persistence_distance_result(x, y, p=p)
        i, j = result.pairs.T
        ways = np.concatenate(
            [
                np.abs(x[i] - y[j]).max(axis=1),
                0.5 * np.diff(x[result.x_alone], axis=1).ravel(),
                0.5 * np.diff(y[result.y_alone], axis=1).ravel(),
            ]
        )
        assert (ways**p).sum() ** (1.0 / p) == pytest.approx(result.value, rel=1e-12)
    result = bottleneck_distance_result(x, y)
    i, j = result.pairs.T
    ways = [
        np.abs(x[i] - y[j]).max(initial=0.0),
        0.5 * np.diff(x[result.x_alone], axis=1).max(initial=0.0),
        0.5 * np.diff(y[result.y_alone], axis=1).max(initial=0.0),
    ]
    assert max(ways) == pytest.approx(result.value, rel=1e-15)
    assert len(set(i.tolist())) == len(i)
    assert len(set(j.tolist())) == len(j)


@pytest.mark.parametrize("unit", [1e-250, 1e-12, 1e12, 1e200])
def test_units_do_not_matter(unit):
    x, y = diagram(40), diagram(30, seed=1)
    for p in (1.0, 2.0, 3.0):
        small = persistence_distance(unit * x, unit * y, p=p)
        assert small == pytest.approx(unit * persistence_distance(x, y, p=p), rel=1e-9)
    assert bottleneck_distance(unit * x, unit * y) == pytest.approx(
        unit * bottleneck_distance(x, y), rel=1e-12
    )


def test_matrices_of_diagrams_hold_what_the_pairs_do():
    diagrams = [diagram(20, seed) for seed in range(4)] + [np.empty((0, 2))]
    condensed = pairwise_distances(diagrams, distance="bottleneck_distance")
    assert condensed.shape == (10,)
    assert condensed[0] == bottleneck_distance(diagrams[0], diagrams[1])
    table = pairwise_distances(diagrams, other=diagrams[:2], distance="persistence_distance")
    assert table[4, 1] == persistence_distance([], diagrams[1])
    with pytest.raises(InvalidInputError, match=r"`samples\[1\]` must have no death before"):
        pairwise_distances([[], [[1.0, 0.0]]], distance="bottleneck_distance")


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([[1.0, 0.5]], r"`x` must have no death before its birth; got \(1, 0.5\) in row 0"),
        ([[1.0, np.nan]], r"`x` must hold numbers; got nan at index \(0, 1\)"),
        ([[INF, INF]], r"`x` must have births below inf"),
        ([[-INF, -INF]], r"`x` must have births below inf"),
        ([[0, 0.0, 1.0]], r"`x` must have shape \(n, 2\).*shape \(1, 3\)"),
        ([1.0, 2.0], r"`x` must have shape \(n, 2\).*shape \(2,\)"),
        ([["a", "b"]], "`x` must"),
    ],
)
@pytest.mark.parametrize("distance", [persistence_distance, bottleneck_distance])
def test_bad_diagrams_are_named(distance, x, message):
    with pytest.raises(InvalidInputError, match=message):
        distance(x, [])


def test_bad_orders_are_named():
    with pytest.raises(InvalidInputError, match="`p` must be at least 1"):
        persistence_distance([], [], p=0.5)
    with pytest.raises(InvalidInputError, match="`metric` must be"):
        persistence_distance([], [], metric="sqeuclidean")


@pytest.mark.parametrize("call", [persistence_distance_result, bottleneck_distance_result])
def test_a_callback_stops_with_a_bracket(call):
    x, y = diagram(2000), diagram(2000, seed=1)
    with pytest.raises(ConvergenceError) as caught:
        call(x, y, callback=lambda progress: True)
    result = caught.value.result
    assert result.status.name == "STOPPED"
    assert result.bounds.lower <= call(x, y).value <= result.bounds.upper
