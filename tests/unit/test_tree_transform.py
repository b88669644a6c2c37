"""Branch and bound finds what brute force finds, on boxes made to mislead it."""

import numpy as np
import pytest

from otdiv import _tree_search
from otdiv._kernels import costs
from otdiv._kernels.kdtree import tree as kdtree
from otdiv._tree_search import pruned_c_transform, search_all

COSTS = [(2.0, 1.0), (2.0, 2.0), (1.0, 1.0), (3.0, 1.5), (np.inf, 2.0), (2.0, 0.5)]


def _clouds(rng, d):
    x, y = rng.random((300, d)), rng.normal(size=(411, d))
    outlier_x, outlier_y = x.copy(), y.copy()
    outlier_x[7], outlier_y[3] = 1e9, -1e12
    flat = np.eye(1, d)
    tiny = x * 1e-150
    tiny[7] = 1.0
    return {
        "random": (x, y),
        "duplicates": (np.repeat(x[:5], 50, axis=0), np.repeat(y[:7], 60, axis=0)),
        "outliers": (outlier_x, outlier_y),
        "huge": (x * 1e150, y * 1e150),
        "minute": (x * 1e-150, y * 1e-150),
        "minute beside an outlier": (tiny, tiny.copy()),
        "collinear": (x * flat, y * flat),
        "identical": (x, x.copy()),
        "far from the origin": (x + 1e8, x + 1e8 + 1e-7),
        "one place": (np.zeros((40, d)), np.zeros((90, d))),
        "single": (x[:1], y[:1]),
    }


def _brute(x, y, g, norm, power):
    return (costs.pairwise(x, y, norm, power) - g).min(axis=1)


@pytest.mark.parametrize("d", [1, 2, 3, 6])
@pytest.mark.parametrize(("norm", "power"), COSTS)
def test_pruned_transform_is_the_brute_minimum_up_to_one_evaluation(d, norm, power):
    rng = np.random.default_rng(d)
    for name, (x, y) in _clouds(rng, d).items():
        scale = costs.bounding_cost(x, y, norm, power)
        for g in (np.zeros(len(y)), rng.normal(size=len(y)) * 0.1 * scale):
            brute = _brute(x, y, g, norm, power)
            pruned = pruned_c_transform(x, y, g, norm, power)
            # One cost and one subtraction, each side: relative to the terms of the difference.
            slack = 2e-15 * (d + power + 4) * (np.abs(brute) + 2 * np.abs(g).max())
            assert (np.abs(pruned - brute) <= slack).all(), name


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_pruned_transform_equals_the_brute_minimum_bit_for_bit_at_common_scales(power):
    rng = np.random.default_rng(0)
    x, y = rng.random((500, 2)), rng.random((700, 2))
    # Near a c-transform itself: the potentials of a solve, where pruning is hardest.
    g = _brute(y, x, rng.normal(size=500) * 0.01, 2.0, power)
    assert np.array_equal(pruned_c_transform(x, y, g, 2.0, power), _brute(x, y, g, 2.0, power))


@pytest.mark.parametrize(("norm", "power"), COSTS)
@pytest.mark.parametrize("d", [1, 2, 3, 5])
def test_k_best_lists_hold_the_k_smallest_reduced_costs(d, norm, power):
    rng = np.random.default_rng(d)
    x = kdtree.build_tree(rng.random((200, d)))
    y = kdtree.build_tree(rng.normal(size=(350, d)))
    g = rng.normal(size=350) * 0.1
    columns, found, counts = search_all(x, y, g, norm, power, 12)
    reduced = costs.pairwise(x.points.T.copy(), y.points.T.copy(), norm, power) - g
    assert (counts == 12).all()
    assert np.allclose(found, np.sort(reduced, axis=1)[:, :12], rtol=1e-13, atol=1e-13)
    assert all(np.unique(row).size == 12 for row in columns)
    assert np.allclose(np.take_along_axis(reduced, columns, 1), found, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("power", [1.0, 2.0, 3.0])
def test_pricing_finds_every_row_with_a_pair_below_its_bound(power):
    rng = np.random.default_rng(5)
    x, y = kdtree.build_tree(rng.random((400, 2))), kdtree.build_tree(rng.random((300, 2)))
    g = rng.normal(size=300) * 0.05
    reduced = costs.pairwise(x.points.T.copy(), y.points.T.copy(), 2.0, power) - g
    bounds = reduced.min(axis=1) + rng.choice([-0.01, 0.0, 0.01], 400)
    _, found, counts = search_all(x, y, g, 2.0, power, 4, bounds)
    below = (reduced < bounds[:, None]).sum(axis=1)
    if power != 3.0:  # powers differ in the last place between the two evaluations
        assert np.array_equal(counts, np.minimum(below, 4))
    rows = counts > 0
    assert np.allclose(found[rows, 0], reduced.min(axis=1)[rows], rtol=1e-13, atol=1e-13)


def test_fewer_columns_than_k_give_all_of_them():
    rng = np.random.default_rng(6)
    x, y = kdtree.build_tree(rng.random((50, 2))), kdtree.build_tree(rng.random((3, 2)))
    columns, _, counts = search_all(x, y, np.zeros(3), 2.0, 1.0, 12)
    assert columns.shape == (50, 3)
    assert (np.sort(columns, axis=1) == [0, 1, 2]).all()
    assert (counts == 3).all()


def test_two_threads_give_the_bits_of_one():
    rng = np.random.default_rng(7)
    x, y = rng.random((20_000, 2)), rng.random((15_000, 2))
    g = rng.normal(size=15_000) * 0.01
    one = pruned_c_transform(x, y, g, 2.0, 1.0, n_threads=1)
    assert np.array_equal(one, pruned_c_transform(x, y, g, 2.0, 1.0, n_threads=2))


def test_every_node_bounds_the_values_of_its_points():
    rng = np.random.default_rng(8)
    tree = kdtree.build_tree(rng.random((500, 3)), 16)
    values = np.sin(7 * tree.points[0]) + rng.normal(size=500) * 0.01
    field = _tree_search.field(tree, values)
    for h in range(tree.depth + 1):
        for q in range(1 << h):
            node, run = (1 << h) + q, slice((q * 500) >> h, ((q + 1) * 500) >> h)
            centre = 0.5 * (tree.lower[:, node] + tree.upper[:, node])
            plane = field.slope[:, node] @ (tree.points[:, run] - centre[:, None])
            assert field.top[node] == values[run].max()
            # Three products and four sums of numbers of size one.
            assert (values[run] <= plane + field.offset[node] + 1e-14).all()
