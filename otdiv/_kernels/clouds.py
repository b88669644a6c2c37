"""Point clouds in tree order, with the hierarchy of their centroids."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import kdtree

# Pairs of leaves are kept or dropped as a whole: smaller leaves prune better and cost more tests.
# Measured in the plane: 32 is best at 4e3 to 2e4 points, 64 from about 5e4 on.
_LEAF_SIZE, _LARGE_LEAF_SIZE = 32, 64
_LARGE = 40_000


class Cloud(NamedTuple):
    """Weighted points in the order of a balanced tree.

    Attributes
    ----------
    points : (n, d) float64, tree order
    weights : (n,) float64, positive
    order : (n,) int64, the caller's index of each position
    leaves : (L + 1,) int64, first position of each leaf, and n
    """

    points: np.ndarray
    weights: np.ndarray
    order: np.ndarray
    leaves: np.ndarray

    @property
    def n(self) -> int:
        """Number of points."""
        return int(self.points.shape[0])

    @property
    def depth(self) -> int:
        """Deepest level whose nodes hold at most two points each."""
        return kdtree.depth_for(self.n, 2)

    def nodes(self, depth: int) -> np.ndarray:
        """First position of each of the 2**depth nodes, and n."""
        return (np.arange((1 << depth) + 1, dtype=np.int64) * self.n) >> depth

    def parents(self, depth: int) -> np.ndarray:
        """Node at `depth` of each position (n,)."""
        return np.repeat(np.arange(1 << depth), np.diff(self.nodes(depth)))

    def coarse(self, depth: int) -> Cloud:
        """The nodes at `depth` as points: their centroids with their masses."""
        starts, count = self.nodes(depth)[:-1], 1 << depth
        masses = np.add.reduceat(self.weights, starts)
        moments = np.add.reduceat(self.points * self.weights[:, None], starts, axis=0)
        return Cloud(moments / masses[:, None], masses, np.arange(count), _leaves(count))

    def spread(self, depth: int) -> float:
        """Mean squared distance of the points to the centroid of their node at `depth`."""
        centres = self.coarse(depth).points[self.parents(depth)]
        squares = np.square(self.points - centres).sum(axis=1)
        return float(squares @ self.weights) / float(self.weights.sum())


def flat_cloud(points: np.ndarray, weights: np.ndarray) -> Cloud:
    """Points in the order given, as a single leaf: for sums over all pairs."""
    n = points.shape[0]
    return Cloud(np.ascontiguousarray(points), weights, np.arange(n), np.array([0, n]))


def build_cloud(points: np.ndarray, weights: np.ndarray) -> Cloud:
    """Order points (n, d) with positive weights (n,) down to nodes of one or two points."""
    n = points.shape[0]
    columns, order, keys = np.ascontiguousarray(points.T), np.arange(n), np.empty(n)
    for level in range(kdtree.depth_for(n, 2)):
        kdtree.split_level(columns, order, keys, level)
    return Cloud(np.ascontiguousarray(points[order]), weights[order], order, _leaves(n))


def _leaves(n: int) -> np.ndarray:
    depth = kdtree.depth_for(n, _LEAF_SIZE if n <= _LARGE else _LARGE_LEAF_SIZE)
    return (np.arange((1 << depth) + 1, dtype=np.int64) * n) >> depth
