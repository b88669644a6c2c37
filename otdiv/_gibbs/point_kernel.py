"""The entropic plan of two clouds as an operator: its sums, and the choice of how to store it.

`docs/entropic.md` has the choices of this file in one table.
"""

from __future__ import annotations

import numpy as np

from .._kernels.gibbs import point_sums, sparse_sums
from .._typing import FloatArray
from .buffers import Buffer
from .preconditioner import ClusterPreconditioning
from .protocols import PlanMatrix
from .pruned_sums import PrunedSums
from .ranges import Ranges
from .stored_plans import CompressedPlan, FusedPlan, StoredPlan
from .whole_plan import PairExponents, WholePlan

# Bytes of a plan up to which it is assumed to stay in the last-level cache.
_CACHE_BYTES = 1.6e7
# Entries of a stored range that cost as much as one entry of a compressed row, about.
_SPARSE_FACTOR = 3
# Pairs from which a sample estimates the number of entries before all of them are counted.
_MANY_PAIRS = 10**7
# Factor by which that estimate may be too large; by taste.
_SAMPLE_MARGIN = 1.3
# Entries below this may become 0 in single precision, whose least normal number is 2**-126.
_UNDERFLOW = 2.0**-120


class _EntryCount:
    """The entries of a plan that weigh more than the share `truncation` of their row, counted.

    Attributes
    ----------
    counts : (n,) int64, entries of each row of the ranges that were counted
    floors : (n,) float64, exponents that these are above
    pairs : points and potentials, from which `sparse_sums` computes entries
    """

    def __init__(self, kernel: PrunedSums, u: FloatArray, v: FloatArray, truncation: float):
        x, y = kernel.x, kernel.y
        self.pairs = x.rows, u - x.lengths, y.columns, v - y.lengths
        self.counts, self.floors = np.empty(u.size, dtype=np.int64), np.empty(u.size)
        self._metric, self._budgets = kernel.metric, 0.5 * truncation * kernel.expected(x, u)

    def count(self, ranges: Ranges) -> int:
        """Number of entries in these ranges."""
        sparse_sums.count_entries(
            *self.pairs, *ranges, self._metric, self._budgets, self.floors, self.counts
        )
        return int(self.counts[ranges.leaves[0] : ranges.leaves[-1]].sum())

    def share(self, ranges: Ranges) -> float:
        """Estimate, from a sixteenth of the leaves, the share of the ranges' pairs that count."""
        sample = ranges.sample()
        n_pairs = sum(int(part.entries().sum()) for part in sample)
        return sum(map(self.count, sample)) / max(n_pairs, 1)


class PointKernel(PrunedSums):
    """Squared or plain distance between two clouds, as the entropic iteration asks it."""

    def preconditioning(self) -> ClusterPreconditioning:
        """Return the preconditioner for systems on which the diagonal is not enough."""
        return ClusterPreconditioning(self)

    def matrix(
        self,
        u: FloatArray,
        v: FloatArray,
        *,
        truncation: float,
        max_bytes: float,
        buffer: Buffer,
        single: bool = False,
    ) -> PlanMatrix:
        """The plan as a matrix, stored or, where that does not fit, computed at each product.

        With `single` a large one is stored in single precision: its entries are rounded by 6e-8,
        its sums are still taken in double precision.
        """
        plan = self._stored(
            u, v, truncation=truncation, max_bytes=max_bytes, buffer=buffer, single=single
        )
        if plan is not None:
            return plan
        by_row, by_column = (
            self.ranges(u, v, truncation=truncation, by_column=k) for k in (False, True)
        )
        return FusedPlan(self, by_row, by_column, u, v)

    def _stored(
        self,
        u: FloatArray,
        v: FloatArray,
        *,
        truncation: float,
        max_bytes: float,
        buffer: Buffer,
        single: bool = False,
    ) -> StoredPlan | CompressedPlan | None:
        """The plan in compressed rows or in ranges, or None where neither fits into `max_bytes`."""
        ranges = self.ranges(u, v, truncation=0.5 * truncation)
        entries = ranges.entries()
        total = int(entries.sum())
        sparse = self._sparse(u, v, ranges, truncation, max_bytes, buffer, single)
        if sparse is not None:
            return sparse
        # Out of the cache a product waits for memory, and half the bytes are half the time.
        dtype = np.float32 if single and 8.0 * total > _CACHE_BYTES else np.float64
        if np.dtype(dtype).itemsize * total > max_bytes:
            return None
        offsets = np.concatenate([[0], np.cumsum(entries)[:-1]])
        values = buffer.take(total, dtype)
        x, y = self.x, self.y
        row, column = u - x.lengths, v - y.lengths
        for part in ranges.slices():
            first = int(np.searchsorted(ranges.leaves, part.leaves[0]))
            point_sums.store_plan(
                x.rows, row, y.columns, column, *part, self.metric, offsets[first:], values
            )
        if total == u.size * v.size:
            # Only entries that underflow are left out.
            truncation = _UNDERFLOW
        return StoredPlan(values, ranges, offsets, u, v, truncation)

    def whole(self, u: FloatArray, v: FloatArray, buffer: Buffer) -> WholePlan:
        """The whole plan in single precision, nothing left out."""
        n, m = u.size, v.size
        values = buffer.take(n * m, np.float32).reshape(n, m)
        self._pair_exponents(u, v).store(values)
        return WholePlan(values, u, v)

    def whole_sums(self, u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Row sums (n,), column sums (m,) and costs in bits of every column (m,).

        In double precision, nothing left out, in one pass.
        """
        return self._pair_exponents(u, v).sums(u, v)

    def _pair_exponents(self, u: FloatArray, v: FloatArray) -> PairExponents:
        x, y = self.x, self.y
        return PairExponents(x.rows, u - x.lengths, y.columns, v - y.lengths, self.metric)

    def _sparse(
        self,
        u: FloatArray,
        v: FloatArray,
        ranges: Ranges,
        truncation: float,
        max_bytes: float,
        buffer: Buffer,
        single: bool,
    ) -> CompressedPlan | None:
        """The plan in compressed rows, where few of the pairs in the ranges weigh anything."""
        counted = _EntryCount(self, u, v, truncation)
        n_pairs = int(ranges.entries().sum())
        # In single precision an entry takes eight bytes, else twelve.
        fitting = max_bytes / (8 if single else 12)
        most = min(n_pairs / _SPARSE_FACTOR, fitting)
        if n_pairs > _MANY_PAIRS and counted.share(ranges) * n_pairs > _SAMPLE_MARGIN * most:
            return None
        total = sum(map(counted.count, ranges.slices()))
        if total > most:
            return None
        begins = np.concatenate([[0], np.cumsum(counted.counts)])
        # Out of the cache a product waits for memory, and fewer bytes are less time.
        width = 4 if single and 12 * total > _CACHE_BYTES else 8
        memory = buffer.take((width + 4) * total, np.int8)
        values, columns = memory[: width * total], memory[width * total :].view(np.uint32)
        values = values.view(np.float32 if width == 4 else np.float64)
        for part in ranges.slices():
            sparse_sums.store_entries(
                *counted.pairs, *part, self.metric, counted.floors, begins, columns, values
            )
        return CompressedPlan(begins, columns, values, u, v, truncation)
