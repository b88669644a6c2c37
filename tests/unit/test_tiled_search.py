"""Tiles in single precision find exactly the pairs that double precision finds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otdiv import solvers, transport
from otdiv._kernels.kdtree.lower_bounds import EUCLIDEAN, SQUARED
from otdiv._kernels.kdtree.tiled_search import LARGEST_POTENTIAL, search_tiles
from otdiv._kernels.kdtree.tree import build_tree
from otdiv._tree_search import LEAF_SIZE, search_all

MODES = {1.0: EUCLIDEAN, 2.0: SQUARED}


def _tree(points):
    return build_tree(np.ascontiguousarray(points), LEAF_SIZE, 2)


def _reduced(x, y, g, power):
    """All c - g, with sums over the dimensions in the order of the kernels."""
    total = 0.0
    for p, q in zip(x.points, y.points, strict=True):
        total = total + np.square(p[:, None] - q)
    return (np.sqrt(total) if power == 1.0 else total) - g


def _check(x, y, g, power, k, limits):
    columns, found, counts = search_tiles(x, y, g, MODES[power], limits, k)
    every = _reduced(x, y, g, power)
    sizes = np.abs(every) + 2.0 * np.abs(g)
    for i in range(limits.size):
        below = every[i] < limits[i]
        kept = columns[i, : counts[i]]
        assert np.unique(kept).size == kept.size
        # Products of the two ways may be fused or not: a rounding of the terms.
        rounding = 2.0**-50 * sizes[i].max()
        least = np.sort(every[i][below])[:k]
        sure = np.count_nonzero(every[i] < limits[i] - rounding)
        assert min(sure, k) <= counts[i] <= k
        values = found[i, : counts[i]]
        assert (np.diff(values) >= 0.0).all()
        assert (values < limits[i]).all()
        assert np.abs(values - every[i, kept]).max(initial=0.0) <= rounding
        both = min(least.size, counts[i])
        assert np.abs(values[:both] - least[:both]).max(initial=0.0) <= rounding


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    d=st.integers(1, 40),
    power=st.sampled_from([1.0, 2.0]),
    k=st.integers(1, 20),
    offset=st.sampled_from([0.0, 1.0, 1e3, 1e7]),
    scale=st.sampled_from([1e-30, 1e-3, 1.0, 1e25]),
    spread=st.sampled_from([0.0, 1.0, 1e3]),
    ties=st.booleans(),
)
def test_every_row_keeps_its_least_reduced_costs(seed, d, power, k, offset, scale, spread, ties):
    rng = np.random.default_rng(seed)
    n, m = (int(size) for size in rng.integers(k, 150, 2))
    x, y = rng.normal(size=(n, d)), rng.normal(size=(m, d)) + rng.normal()
    if ties:
        x, y = np.round(x), np.round(y)
    x, y = _tree((x + offset) * scale), _tree((y + offset) * scale)
    g = spread * scale**power * rng.normal(size=m)
    every = _reduced(x, y, g, power)
    for q in (0.02, 0.5, 1.0):
        limits = np.nextafter(np.quantile(every, q, axis=1), np.inf)
        _check(x, y, g, power, k, limits)


def test_more_than_one_tile_and_two_threads_give_the_same():
    rng = np.random.default_rng(0)
    x, y = _tree(rng.normal(size=(700, 8))), _tree(rng.normal(size=(5000, 8)))
    g = rng.normal(size=5000)
    one = search_all(x, y, g, 2.0, 1.0, 7)
    two = search_all(x, y, g, 2.0, 1.0, 7, None, 2)
    assert all(np.array_equal(p, q) for p, q in zip(one, two, strict=True))
    least = np.sort(_reduced(x, y, g, 1.0), axis=1)[:, :7]
    assert one[1] == pytest.approx(least, abs=1e-14)


def test_potentials_beyond_single_precision_are_left_to_the_boxes():
    rng = np.random.default_rng(1)
    x, y = _tree(rng.random((50, 6))), _tree(rng.random((60, 6)))
    g = np.full(60, 10.0 * LARGEST_POTENTIAL)
    limits = np.full(50, 10.0)
    assert search_tiles(x, y, g, EUCLIDEAN, limits, 3) is None
    assert search_all(x, y, g, 2.0, 1.0, 3)[2].tolist() == [3] * 50
    same = _tree(np.zeros((50, 6)))
    assert search_tiles(same, same, np.zeros(50), EUCLIDEAN, limits, 3) is None


@pytest.mark.parametrize("cost", ["euclidean", "sqeuclidean"])
@pytest.mark.parametrize("d", [6, 30])
def test_many_dimensions_have_the_value_of_the_dense_simplex(cost, d):
    rng = np.random.default_rng(d)
    x, y = rng.normal(size=(500, d)), rng.normal(size=(600, d)) + 0.3
    dense = transport(x, y, cost=cost, solver=solvers.NetworkSimplex())
    tiled = transport(x, y, cost=cost, solver=solvers.ColumnGeneration())
    assert tiled.value == pytest.approx(dense.value, rel=1e-12)
    assert tiled.bounds.relative_gap <= 1e-9
