"""Laws of distances between persistence diagrams, against all matchings in exact arithmetic."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otdiv import bottleneck_distance_result, persistence_distance_result


@st.composite
def diagrams(draw, most: int = 4):
    """Few points on a coarse lattice, with ties, or anywhere."""
    n = draw(st.integers(0, most))
    lattice = draw(st.booleans())
    numbers = (
        st.integers(-3, 6).map(float) if lattice else st.floats(-1e3, 1e3, allow_subnormal=False)
    )
    lengths = st.integers(0, 5).map(float) if lattice else st.floats(0.0, 1e3)
    births = np.array(draw(st.lists(numbers, min_size=n, max_size=n)))
    spans = np.array(draw(st.lists(lengths, min_size=n, max_size=n)))
    return np.stack([births, births + spans], axis=1).reshape(-1, 2)


def ways(x, y):
    """Chebyshev distances of all pairs, and to the diagonal, as rationals."""
    X = [[Fraction(float(c)) for c in row] for row in x]
    Y = [[Fraction(float(c)) for c in row] for row in y]
    pairs = [[max(abs(u[0] - v[0]), abs(u[1] - v[1])) for v in Y] for u in X]
    return pairs, [(u[1] - u[0]) / 2 for u in X], [(v[1] - v[0]) / 2 for v in Y]


def matchings(n, m):
    """All partial matchings of n and m points, as lists of pairs."""
    for k in range(min(n, m) + 1):
        for left in itertools.combinations(range(n), k):
            for right in itertools.permutations(range(m), k):
                yield list(zip(left, right, strict=True))


def lengths_of(matching, pairs, left, right):
    used = [pairs[i][j] for i, j in matching]
    used += [h for i, h in enumerate(left) if i not in {i for i, _ in matching}]
    return used + [h for j, h in enumerate(right) if j not in {j for _, j in matching}]


@settings(max_examples=150, deadline=None)
@given(x=diagrams(), y=diagrams(), p=st.sampled_from([1, 2, 3]))
def test_the_least_sum_of_powers_lies_within_the_bounds(x, y, p):
    pairs, left, right = ways(x, y)
    least = min(
        sum(length**p for length in lengths_of(matching, pairs, left, right))
        for matching in matchings(len(x), len(y))
    )
    result = persistence_distance_result(x, y, p=p)
    assert Fraction(result.bounds.lower) ** p <= least <= Fraction(result.bounds.upper) ** p
    assert result.value == pytest.approx(float(least) ** (1.0 / p), rel=1e-9, abs=1e-300)


@settings(max_examples=150, deadline=None)
@given(x=diagrams(), y=diagrams())
def test_the_least_longest_way_lies_within_the_bounds(x, y):
    pairs, left, right = ways(x, y)
    least = min(
        max(lengths_of(matching, pairs, left, right), default=Fraction(0))
        for matching in matchings(len(x), len(y))
    )
    result = bottleneck_distance_result(x, y)
    assert Fraction(result.bounds.lower) <= least <= Fraction(result.bounds.upper)
    assert result.value == pytest.approx(float(least), rel=1e-15)


@settings(max_examples=60, deadline=None)
@given(x=diagrams(8), y=diagrams(8), z=diagrams(8), p=st.sampled_from([1.0, 2.0, math.inf]))
def test_it_is_a_metric(x, y, z, p):
    def distance(u, v):
        return persistence_distance_result(u, v, p=p).value

    assert distance(x, x) == 0.0
    assert distance(x, y) == pytest.approx(distance(y, x), rel=1e-9, abs=1e-300)
    way = distance(x, y) + distance(y, z)
    assert distance(x, z) <= way * (1.0 + 1e-9)


@settings(max_examples=60, deadline=None)
@given(x=diagrams(6), y=diagrams(6))
def test_higher_orders_come_down_to_the_bottleneck(x, y):
    values = [persistence_distance_result(x, y, p=p).value for p in (1.0, 2.0, 8.0, math.inf)]
    for high, low in itertools.pairwise(values):
        assert low <= high * (1.0 + 1e-9)
    assert values[2] <= values[3] * (len(x) + len(y)) ** 0.125 * (1.0 + 1e-9)


@settings(max_examples=60, deadline=None)
@given(x=diagrams(6), y=diagrams(6), seed=st.integers(0, 2**32))
def test_order_and_points_of_the_diagonal_do_not_matter(x, y, seed):
    rng = np.random.default_rng(seed)
    more = np.concatenate([x, np.repeat(rng.random((3, 1)), 2, axis=1)])
    shuffled = more[rng.permutation(len(more))]
    for call in (persistence_distance_result, bottleneck_distance_result):
        result = call(shuffled, y)
        assert result.value == pytest.approx(call(x, y).value, rel=1e-12, abs=1e-300)
        rows = np.concatenate([result.pairs[:, 0], result.x_alone])
        assert sorted(rows.tolist()) == list(range(len(shuffled)))


def persistence_of_path(values):
    """Pairs of the components of sublevel sets of a function on a path, by union and find."""
    order = np.argsort(values, kind="stable")
    parent, birth, pairs = {}, {}, []

    def root(i):
        while parent[i] != i:
            i = parent[i]
        return i

    for i in order.tolist():
        parent[i], birth[i] = i, float(values[i])
        for other in (i - 1, i + 1):
            if other in parent:
                a, b = root(i), root(other)
                if a != b:
                    old, young = sorted((a, b), key=lambda k: birth[k])
                    pairs.append((birth[young], float(values[i])))
                    parent[young] = old
    pairs.append((float(np.min(values)), math.inf))
    return np.array(pairs)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), n=st.integers(1, 40), size=st.floats(0.0, 2.0))
def test_diagrams_move_no_farther_than_the_function_does(seed, n, size):
    rng = np.random.default_rng(seed)
    f = rng.normal(size=n).cumsum()
    g = f + rng.uniform(-size, size, n)
    moved = bottleneck_distance_result(persistence_of_path(f), persistence_of_path(g)).value
    assert moved <= np.abs(f - g).max() * (1.0 + 1e-12) + 1e-300
