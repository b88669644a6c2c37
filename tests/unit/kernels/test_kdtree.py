"""The implicit tree: every node is a run of the order, and every box is tight."""

import numpy as np
import pytest

from otdiv._kernels.kdtree import tree as kdtree

CLOUDS = {
    "random": lambda rng: rng.random((333, 2)),
    "three dimensions": lambda rng: rng.normal(size=(1000, 3)),
    "one dimension": lambda rng: rng.random((77, 1)),
    "duplicates": lambda rng: np.repeat(rng.random((5, 2)), 41, axis=0),
    "one place": lambda rng: np.full((129, 2), 0.3),
    "outlier": lambda rng: np.vstack([rng.random((200, 2)), [[1e12, -1e12]]]),
    "sorted": lambda rng: np.linspace(0, 1, 300)[:, None] * [1.0, 1.0],
    "single": lambda rng: rng.random((1, 4)),
}


def _nodes(tree):
    n = tree.points.shape[1]
    for h in range(tree.depth + 1):
        for q in range(1 << h):
            yield (1 << h) + q, slice((q * n) >> h, ((q + 1) * n) >> h)


@pytest.mark.parametrize("name", CLOUDS)
def test_order_is_a_permutation_and_points_follow_it(name):
    cloud = CLOUDS[name](np.random.default_rng(1))
    tree = kdtree.build_tree(cloud, 8, 2)
    assert np.array_equal(np.sort(tree.order), np.arange(len(cloud)))
    assert np.array_equal(tree.points.T, cloud[tree.order])


@pytest.mark.parametrize("name", CLOUDS)
def test_boxes_are_the_extremes_of_their_points(name):
    tree = kdtree.build_tree(CLOUDS[name](np.random.default_rng(2)), 8)
    for node, run in _nodes(tree):
        assert np.array_equal(tree.lower[:, node], tree.points[:, run].min(axis=1))
        assert np.array_equal(tree.upper[:, node], tree.points[:, run].max(axis=1))


@pytest.mark.parametrize("n", [1, 2, 3, 31, 32, 33, 64, 1000])
def test_leaves_hold_at_least_one_point_and_at_most_the_leaf_size(n):
    tree = kdtree.build_tree(np.random.default_rng(n).random((n, 2)), 32)
    sizes = np.diff([(q * n) >> tree.depth for q in range((1 << tree.depth) + 1)])
    assert sizes.min() >= 1
    assert sizes.max() <= 33


def test_children_are_separated_at_the_median_of_the_widest_dimension():
    tree = kdtree.build_tree(np.random.default_rng(3).random((512, 2)) * [4.0, 1.0], 256)
    assert tree.upper[0, 2] <= tree.lower[0, 3]


def test_centroids_keep_mass_and_its_centre():
    rng = np.random.default_rng(4)
    tree = kdtree.build_tree(rng.random((300, 3)), 32, 2)
    masses = rng.integers(1, 100, 300)
    points, totals = kdtree.centroids(tree.points, masses, 5)
    assert totals.sum() == masses.sum()
    # Weighted means of numbers in [0, 1]: a few roundings of unit size.
    assert np.allclose(points @ totals, tree.points @ masses, rtol=1e-13)


def test_a_level_of_the_order_is_itself_in_tree_order():
    tree = kdtree.build_tree(np.random.default_rng(5).random((256, 2)), 32, 1)
    points, _ = kdtree.centroids(tree.points, np.ones(256, np.int64), 6)
    coarse = kdtree.box_tree(points, np.arange(64), 16)
    assert (coarse.lower[:, 1] >= tree.lower[:, 1]).all()
    assert (coarse.upper[:, 2] <= tree.upper[:, 2]).all()
