"""Point clouds in tree order, with the hierarchy of their centroids."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._kernels.kdtree import cuts, tree
from .._typing import FloatArray, IndexArray

# Points of a leaf. Pairs of leaves are kept or pruned as a whole: smaller leaves prune better and
# cost more tests. Measured in the plane: 32 is best at 4e3 to 2e4 points,
_LEAF_SIZE = 32
# and this many from about 5e4 points on.
_LARGE_LEAF_SIZE = 64
# Points of a cloud from which its leaves are large; between the two measurements.
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

    points: FloatArray
    weights: FloatArray
    order: IndexArray
    leaves: IndexArray

    @property
    def n(self) -> int:
        """Number of points."""
        return int(self.points.shape[0])

    def coarse(self, starts: IndexArray) -> Cloud:
        """The clusters of a cut (k + 1,) as points: their centroids with their masses."""
        masses = np.add.reduceat(self.weights, starts[:-1])
        moments = np.add.reduceat(self.points * self.weights[:, None], starts[:-1], axis=0)
        leaves = cuts.cut_at_count(starts, _LEAF_SIZE)
        return Cloud(moments / masses[:, None], masses, np.arange(masses.size), leaves)


def flat_cloud(points: FloatArray, weights: FloatArray) -> Cloud:
    """Points in the order given, as a single leaf: for sums over all pairs."""
    n = points.shape[0]
    return Cloud(np.ascontiguousarray(points), weights, np.arange(n), np.array([0, n]))


def build_cloud(points: FloatArray, weights: FloatArray) -> Cloud:
    """Order points (n, d) with positive weights (n,) down to nodes of one or two points."""
    n = points.shape[0]
    columns, order, keys = np.ascontiguousarray(points.T), np.arange(n), np.empty(n)
    for level in range(tree.depth_for(n, 2)):
        tree.split_level(columns, order, keys, level)
    return Cloud(np.ascontiguousarray(points[order]), weights[order], order, _leaves(n))


def _leaves(n: int) -> IndexArray:
    depth = tree.depth_for(n, _LEAF_SIZE if n <= _LARGE else _LARGE_LEAF_SIZE)
    return np.asarray(cuts.node_edges(n, depth))
