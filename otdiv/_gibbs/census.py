"""How many entries of a plan weigh anything, before they are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._kernels.gibbs import sparse_sums as sparse_plan
from .ranges import Ranges

if TYPE_CHECKING:
    from .point_kernel import PointKernel


class Census:
    """The entries of a plan that weigh more than the share `drop` of their row, counted.

    Attributes
    ----------
    counts : (n,) int64, entries of each row of the ranges that were counted
    floors : (n,) float64, exponents that these are above
    kept : what `sparse_plan` computes entries from
    """

    def __init__(self, kernel: PointKernel, u: np.ndarray, v: np.ndarray, drop: float):
        x, y = kernel._x, kernel._y
        self.kept = x.rows, u - x.lengths, y.columns, v - y.lengths
        self.counts, self.floors = np.empty(u.size, dtype=np.int64), np.empty(u.size)
        self._root, self._budgets = kernel.root, 0.5 * drop * kernel._expected(x, u)

    def count(self, ranges: Ranges) -> int:
        """Number of entries in some ranges."""
        sparse_plan.count_entries(
            *self.kept, *ranges, self._root, self._budgets, self.floors, self.counts
        )
        return int(self.counts[ranges.leaves[0] : ranges.leaves[-1]].sum())

    def share(self, ranges: Ranges) -> float:
        """Their share of all pairs of the ranges, by a sample."""
        sample = ranges.sample()
        n_pairs = sum(int(part.entries().sum()) for part in sample)
        return sum(map(self.count, sample)) / max(n_pairs, 1)
