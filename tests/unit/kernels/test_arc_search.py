"""Searches for costs with a shape find what brute force finds, wherever their bounds are taken."""

import math

import numpy as np
import pytest

from otdiv import Geodesic, Huber, Periodic, SquaredEuclidean, Truncated
from otdiv._kernels import shaped
from otdiv._kernels.kdtree.tree import build_tree
from otdiv._tree_search import shaped_c_transform, shaped_search_all

PLANE = [
    Periodic(1.0),
    Periodic([1.0, math.inf], power=2.0),
    Periodic(0.7, norm=1.0),
    Periodic([0.5, 1.0], norm=math.inf, power=1.5),
    Periodic(1.0, power=0.5),
    Huber(0.1),
    Truncated(Periodic(1.0, power=2.0), limit=0.03),
    Truncated(SquaredEuclidean(), limit=0.3),
]
SPHERE = [
    Geodesic(),
    Geodesic(power=2.0),
    Geodesic(power=1.3),
    Geodesic(power=0.5),
    Truncated(Geodesic(), limit=0.4),
]


def _pieces(rng, sizes, widths, gap):
    """Points around two places that are `gap` degrees apart, across the date line and a pole."""
    place = rng.uniform([-180.0, -60.0], [180.0, 60.0])
    for n, width, shift in zip(sizes, widths, (0.0, gap), strict=True):
        points = place + rng.normal(size=(n, 2)) * width
        latitude, longitude = points[:, 1] + shift, points[:, 0]
        # Over the pole and down on the other side.
        latitude = (latitude + 180.0) % 360.0 - 180.0
        over = np.abs(latitude) > 90.0
        latitude = np.where(over, np.sign(latitude) * 180.0 - latitude, latitude)
        yield np.stack([np.where(over, longitude + 180.0, longitude), latitude], axis=1)


def _same(reduced, g, k=5):
    x, y, shape = reduced.x, reduced.y, reduced.cost.shape
    trees = build_tree(x, 16), build_tree(y, 16)
    values = np.ascontiguousarray(g[trees[1].order])
    C = shaped.pairwise(x, y, shape)[trees[0].order][:, trees[1].order] - values
    columns, found, counts = shaped_search_all(*trees, values, shape, k)
    least = np.sort(C, axis=1)[:, :k]
    # One cost and one subtraction; kernels may fuse products with sums.
    slack = 1e-15 * 8.0 * (np.abs(C).max() + np.abs(g).max())
    # What differences across the end of a period may lose, which the bounds of a solve pay for.
    slack += 4.0 * reduced.lost ** min(shape.power, 1.0)
    assert (counts == least.shape[1]).all()
    np.testing.assert_allclose(found, least, rtol=0.0, atol=slack)
    np.testing.assert_allclose(np.take_along_axis(C, columns, axis=1), found, rtol=0, atol=slack)
    # With bounds: just those below are found.
    limits = np.sort(C, axis=1)[:, 2] + slack
    found, counts = shaped_search_all(*trees, values, shape, k, limits)[1:]
    assert (counts >= 3).all()
    np.testing.assert_allclose(found[:, :3], least[:, :3], rtol=0.0, atol=slack)


def _hardest(x, y, shape, rng):
    """Values that are a c-transform, where pruning is hardest, and others."""
    C = shaped.pairwise(x, y, shape)
    yield (C - rng.normal(size=len(x))[:, None] * 0.01 * C.max()).min(axis=0)
    yield (C - C.min(axis=1)[:, None]).min(axis=0)
    yield rng.normal(size=len(y)) * 0.1 * C.max()
    yield np.zeros(len(y))


@pytest.mark.parametrize("cost", PLANE, ids=repr)
@pytest.mark.parametrize("gap", [0.0, 0.3, 0.5])
def test_pruned_search_is_brute_force_where_axes_go_round(cost, gap):
    rng = np.random.default_rng(1)
    for width in (1.0, 0.05, 1e-6):
        x, y = rng.normal(size=(300, 2)) * width, rng.normal(size=(211, 2)) * width + gap
        reduced = cost.reduced(x, y)
        for g in _hardest(reduced.x, reduced.y, reduced.cost.shape, rng):
            _same(reduced, g)


@pytest.mark.parametrize("cost", SPHERE, ids=repr)
@pytest.mark.parametrize("gap", [0.0, 1e-5, 20.0, 89.0, 91.0, 150.0, 175.0, 180.0])
def test_pruned_search_is_brute_force_on_the_sphere(cost, gap):
    rng = np.random.default_rng(int(gap))
    for widths in ((40.0, 40.0), (3.0, 1.0), (1e-3, 2.0), (1e-7, 1e-7)):
        x, y = _pieces(rng, (300, 211), widths, gap)
        reduced = cost.reduced(x, y)
        for g in _hardest(reduced.x, reduced.y, reduced.cost.shape, rng):
            _same(reduced, g)


@pytest.mark.parametrize("cost", [Geodesic(), Periodic(1.0)], ids=repr)
def test_one_point_and_points_of_one_place(cost):
    rng = np.random.default_rng(3)
    some = rng.uniform(0.0, 40.0, size=(70, 2))
    for x, y in ((some[:1], some), (some, some[:1]), (np.repeat(some[:1], 80, axis=0), some)):
        reduced = cost.reduced(x, y)
        g = rng.normal(size=len(y)) * 0.1
        found = shaped_c_transform(reduced.x, reduced.y, g, reduced.cost.shape)
        C = reduced.cost.pairwise(reduced.x, reduced.y)
        np.testing.assert_allclose(found, (C - g).min(axis=1), rtol=0.0, atol=1e-14)
