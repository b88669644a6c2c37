"""Clouds in boxes that are small against the blur, and on which a potential is nearly affine."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .._kernels.gibbs import chebyshev_errors, pruning
from .._kernels.kdtree import cuts, tree
from .._typing import FloatArray, IndexArray

__all__ = ["BoxBounds", "Boxes", "Nodes"]

# Nodes of so many points are not split: one by one these cost about as much as together.
_FEW = 16
# Bits that a potential may fall below the affine function of its box: the larger the error is then.
_SPREAD = 6.0
# Boxes are taken to be at least this part as wide as they may be in every dimension: the slope of a
# polynomial would not be known across an interval of no width.
_LEAST_WIDTH = 0.05


BoxBounds: TypeAlias = tuple[FloatArray, FloatArray, FloatArray, FloatArray]
"""Centres, half widths, slopes and tops of boxes, as `leaf_bounds` returns them."""


class Boxes(NamedTuple):
    """A cloud in runs of points in tree order.

    Attributes
    ----------
    edges : (L + 1,) int64, first position of each box, and n
    bounds : the tuple of `leaf_bounds` of a potential
    """

    edges: IndexArray
    bounds: BoxBounds

    @property
    def n_boxes(self) -> int:
        """Number of boxes."""
        return int(self.edges.size - 1)

    @property
    def sizes(self) -> IndexArray:
        """Number of points of each (L,)."""
        return np.diff(self.edges)


class Nodes:
    """The nodes of a cloud (d, n) in tree order, by their widths."""

    def __init__(self, points: FloatArray):
        self.points, self.n = points, points.shape[1]
        depth = tree.depth_for(self.n, _FEW)
        lower, upper = tree.corners(points, depth)
        self._halves = 0.5 * (upper - lower).max(axis=0)

    def _flags(self, half: float) -> NDArray[np.bool_]:
        """Which nodes are at most so wide, by heap index; those of few points all are."""
        flags: NDArray[np.bool_] = self._halves <= half
        flags[flags.size // 2 :] = True
        return flags

    def count(self, half: float) -> int:
        """Number of the highest nodes at most so wide."""
        return cuts.cut(self.n, self._flags(half)).size - 1

    def boxes(self, values: FloatArray, half: float) -> Boxes:
        """Highest nodes at most so wide on which the values (n,) are nearly affine."""
        flags = self._flags(half)
        while True:
            starts, nodes = cuts.highest_nodes(self.n, flags)
            edges = np.append(starts, self.n)
            bounds = pruning.leaf_bounds(self.points, values, edges, False)
            uneven = chebyshev_errors.spreads(self.points, values, edges, bounds) > _SPREAD
            uneven &= nodes < flags.size // 2
            if not uneven.any():
                centres, halves, slopes, tops = bounds
                return Boxes(
                    edges, (centres, np.maximum(halves, _LEAST_WIDTH * half), slopes, tops)
                )
            flags[nodes[uneven]] = False
