"""The entropic plan of two clouds as an operator: its sums, and the ways to store it."""

from __future__ import annotations

import numpy as np

from .._kernels.gibbs import point_sums, sparse_sums
from .._typing import FloatArray, IndexArray
from .buffers import Buffer
from .merged_plan import merged_plan
from .preconditioner import ClusterPreconditioning
from .protocols import PlanMatrix
from .pruned_sums import PrunedSums
from .ranges import Ranges
from .rescaled_sums import rescaled_sums
from .stored_plans import CompressedPlan, FusedPlan, StoredPlan
from .whole_plan import PairExponents, WholePlan

# A plan up to this size is assumed to stay in the last-level cache.
_CACHE_BYTES = 1.6e7
# An entry of a compressed row costs about as much as this many entries of a stored range.
_SPARSE_FACTOR = 3
# From this many pairs on a sample tells first whether so few weigh anything, but for this factor.
_MANY_PAIRS, _SAMPLE_MARGIN = 10**7, 1.3
# What an entry may be before single precision takes it for nothing.
_UNDERFLOW = 2.0**-120
# Where the plan is too large to be stored, Newton's matrix leaves out this share of a row: its
# steps then gain about two digits each.
_ROUGH_TRUNCATION = 1e-2


class _EntryCount:
    """The entries of a plan that weigh more than the share `truncation` of their row, counted.

    Attributes
    ----------
    counts : (n,) int64, entries of each row of the ranges that were counted
    floors : (n,) float64, exponents that these are above
    kept : what `sparse_sums` computes entries from
    """

    def __init__(self, kernel: PrunedSums, u: FloatArray, v: FloatArray, truncation: float):
        x, y = kernel.x, kernel.y
        self.kept = x.rows, u - x.lengths, y.columns, v - y.lengths
        self.counts, self.floors = np.empty(u.size, dtype=np.int64), np.empty(u.size)
        self._metric, self._budgets = kernel.metric, 0.5 * truncation * kernel.expected(x, u)

    def count(self, ranges: Ranges) -> int:
        """Number of entries in some ranges."""
        sparse_sums.count_entries(
            *self.kept, *ranges, self._metric, self._budgets, self.floors, self.counts
        )
        return int(self.counts[ranges.leaves[0] : ranges.leaves[-1]].sum())

    def share(self, ranges: Ranges) -> float:
        """Their share of all pairs of the ranges, by a sample."""
        sample = ranges.sample()
        n_pairs = sum(int(part.entries().sum()) for part in sample)
        return sum(map(self.count, sample)) / max(n_pairs, 1)


class PointKernel(PrunedSums):
    """Squared or plain distance between two clouds, as the entropic iteration asks it."""

    def rescaled_sums(
        self, plan: object, u: FloatArray, v: FloatArray, allowed: float, *, by_column: bool
    ) -> FloatArray | None:
        """Row or column sums at (u, v) from a plan that was stored elsewhere, or None."""
        return rescaled_sums(self, plan, u, v, allowed, by_column=by_column)

    def preconditioning(self) -> ClusterPreconditioning:
        """What helps conjugate gradients where the diagonal does not."""
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
        """The plan as a matrix: `stored`, or computed each time where that does not fit."""
        kept = self.stored(
            u, v, truncation=truncation, max_bytes=max_bytes, buffer=buffer, single=single
        )
        if kept is not None:
            return kept
        # Ranges do not fit, so rows pay wherever they do.
        rough = self.ranges(u, v, truncation=0.5 * _ROUGH_TRUNCATION)
        sparse = self._sparse(u, v, rough, _ROUGH_TRUNCATION, max_bytes, buffer, single, factor=1)
        if sparse is not None:
            sparse.exact = False
            return sparse
        by_row, by_column = (
            self.ranges(u, v, truncation=truncation, by_column=k) for k in (False, True)
        )
        return FusedPlan(self, by_row, by_column, u, v)

    def stored(
        self,
        u: FloatArray,
        v: FloatArray,
        *,
        truncation: float,
        max_bytes: float,
        buffer: Buffer,
        single: bool = False,
    ) -> StoredPlan | CompressedPlan | None:
        """The plan by entries or by ranges, or None where neither fits into `max_bytes`.

        With `single` a large one is stored in single precision: its entries are rounded by 6e-8,
        its sums are still taken in double precision.
        """
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
            # Nothing was left out but what underflows.
            truncation = _UNDERFLOW
        return StoredPlan(values, ranges, offsets, u, v, truncation)

    def fits(self, u: FloatArray, v: FloatArray, *, max_bytes: float, truncation: float) -> bool:
        """Whether the plan at (u, v) in single precision takes at most `max_bytes`, by a sample."""
        ranges = self.ranges(u, v, truncation=0.5 * truncation)
        census = _EntryCount(self, u, v, truncation)
        return _SAMPLE_MARGIN * census.share(ranges) * int(ranges.entries().sum()) <= max_bytes / 8

    def merged(
        self,
        u: FloatArray,
        v: FloatArray,
        starts: IndexArray,
        columns_v: FloatArray,
        max_bytes: float,
    ) -> CompressedPlan:
        """The plan at (u, v) with columns added up; see `merged_plan`."""
        return merged_plan(self, u, v, starts, columns_v, max_bytes)

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
        factor: int = _SPARSE_FACTOR,
    ) -> CompressedPlan | None:
        """The entries above a share of their row, where they are few of the kept pairs."""
        census = _EntryCount(self, u, v, truncation)
        n_pairs = int(ranges.entries().sum())
        # In single precision an entry takes eight bytes, else twelve.
        fitting = max_bytes / (8 if single else 12)
        most = min(n_pairs / factor, fitting)
        if n_pairs > _MANY_PAIRS and census.share(ranges) * n_pairs > _SAMPLE_MARGIN * most:
            return None
        total = sum(map(census.count, ranges.slices()))
        if total > most:
            return None
        begins = np.concatenate([[0], np.cumsum(census.counts)])
        # Out of the cache a product waits for memory, and fewer bytes are less time.
        width = 4 if single and 12 * total > _CACHE_BYTES else 8
        memory = buffer.take((width + 4) * total, np.int8)
        values, columns = memory[: width * total], memory[width * total :].view(np.uint32)
        values = values.view(np.float32 if width == 4 else np.float64)
        for part in ranges.slices():
            sparse_sums.store_entries(
                *census.kept, *part, self.metric, census.floors, begins, columns, values
            )
        return CompressedPlan(begins, columns, values, u, v, truncation)
