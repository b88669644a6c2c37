"""Clouds cut into boxes that are small against the blur, and on which a potential is nearly affine.

On such boxes the plan is smooth enough for the interpolation of `expansions`.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .._kernels.gibbs import chebyshev_errors, pruning
from .._kernels.kdtree import cuts, tree
from .._typing import FloatArray, IndexArray

__all__ = ["BoxBounds", "Boxes", "Nodes"]

# Points of a node below which it is not split: so few cost about as much one by one as in a box.
_FEW = 16
# Bits that a potential may fall below the affine function of its box; the interpolation error of a
# pair is relative to its upper bound, which says little of points further below. By taste.
_SPREAD = 6.0
# Least half width of a box in every dimension, as a share of the largest that is allowed: across an
# interval of no width the slope of a polynomial would not be known. By taste.
_LEAST_WIDTH = 0.05


BoxBounds: TypeAlias = tuple[FloatArray, FloatArray, FloatArray, FloatArray]
"""Centres, half widths, slopes and tops of boxes, as `leaf_bounds` returns them."""


class Boxes(NamedTuple):
    """A cloud as boxes, each a run of points in tree order.

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
    """The tree nodes of a cloud (d, n) in tree order, with their widths."""

    def __init__(self, points: FloatArray):
        self.points, self.n = points, points.shape[1]
        depth = tree.depth_for(self.n, _FEW)
        lower, upper = tree.corners(points, depth)
        self._halves = 0.5 * (upper - lower).max(axis=0)

    def _flags(self, half: float) -> NDArray[np.bool_]:
        """Whether each node has a half width of at most `half`, by heap index; leaves always do."""
        flags: NDArray[np.bool_] = self._halves <= half
        flags[flags.size // 2 :] = True
        return flags

    def count(self, half: float) -> int:
        """Number of boxes of half width at most `half`."""
        return cuts.cut(self.n, self._flags(half)).size - 1

    def boxes(self, values: FloatArray, half: float) -> Boxes:
        """Largest nodes of half width at most `half` on which the values (n,) are nearly affine."""
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
