"""The entropic plan of two clouds as an operator: its sums, and the ways to store it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .._kernels.gibbs import point_sums
from .._kernels.gibbs import sparse_sums as sparse_plan
from .buffers import Buffer
from .census import Census
from .preconditioner import ClusterPreconditioning, cluster_plan
from .pruned_sums import PrunedSums
from .rescaled_sums import moved_sums
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
_ROUGH_DROP = 1e-2
# Sums over clusters of columns that are less than this share of a row do not matter to Newton.
_MERGED_SHARE = 1e-5
# Where there are too many that do, that share grows by this factor. So many pairs are added up at a
# time: they may be as many sums.
_FEWER, _MERGED_PAIRS = 2.0, 2 * 10**7


class PointKernel(PrunedSums):
    """Squared or plain Euclidean distance between two clouds, as the entropic iteration asks it."""

    def sums_beside(
        self, plan: object, u: np.ndarray, v: np.ndarray, allowed: float, *, by_column: bool
    ) -> np.ndarray | None:
        """Row or column sums at (u, v) from a plan that was stored elsewhere, or None."""
        return moved_sums(self, plan, u, v, allowed, by_column=by_column)

    def preconditioning(self) -> ClusterPreconditioning:
        """What helps conjugate gradients where the diagonal does not."""
        return ClusterPreconditioning(self)

    def matrix(
        self,
        u: np.ndarray,
        v: np.ndarray,
        *,
        drop: float,
        max_bytes: float,
        buffer: Buffer,
        single: bool = False,
    ):
        """The plan as a matrix: `stored`, or computed each time where that does not fit."""
        kept = self.stored(u, v, drop=drop, max_bytes=max_bytes, buffer=buffer, single=single)
        if kept is not None:
            return kept
        # Ranges do not fit, so rows pay wherever they do.
        rough = self.ranges(u, v, drop=0.5 * _ROUGH_DROP)
        sparse = self._sparse(u, v, rough, _ROUGH_DROP, max_bytes, buffer, single, factor=1)
        if sparse is not None:
            sparse.exact = False
            return sparse
        by_row, by_column = (self.ranges(u, v, drop=drop, by_column=k) for k in (False, True))
        return FusedPlan(self, by_row, by_column, u, v)

    def stored(
        self,
        u: np.ndarray,
        v: np.ndarray,
        *,
        drop: float,
        max_bytes: float,
        buffer: Buffer,
        single: bool = False,
    ) -> StoredPlan | CompressedPlan | None:
        """The plan by entries or by ranges, or None where neither fits into `max_bytes`.

        With `single` a large one is stored in single precision: its entries are rounded by 6e-8,
        its sums are still taken in double precision.
        """
        ranges = self.ranges(u, v, drop=0.5 * drop)
        entries = ranges.entries()
        total = int(entries.sum())
        sparse = self._sparse(u, v, ranges, drop, max_bytes, buffer, single)
        if sparse is not None:
            return sparse
        # Out of the cache a product waits for memory, and half the bytes are half the time.
        dtype = np.float32 if single and 8.0 * total > _CACHE_BYTES else np.float64
        if np.dtype(dtype).itemsize * total > max_bytes:
            return None
        offsets = np.concatenate([[0], np.cumsum(entries)[:-1]])
        values = buffer.take(total, dtype)
        x, y = self._x, self._y
        row, column = u - x.lengths, v - y.lengths
        for part in ranges.slices():
            first = int(np.searchsorted(ranges.leaves, part.leaves[0]))
            point_sums.store_plan(
                x.rows, row, y.columns, column, *part, self.root, offsets[first:], values
            )
        if total == u.size * v.size:
            # Nothing was left out but what underflows.
            drop = _UNDERFLOW
        return StoredPlan(values, ranges, offsets, u, v, drop)

    def fits(self, u: np.ndarray, v: np.ndarray, *, max_bytes: float, drop: float) -> bool:
        """Whether the plan at (u, v) in single precision takes at most `max_bytes`, by a sample."""
        ranges = self.ranges(u, v, drop=0.5 * drop)
        census = Census(self, u, v, drop)
        return _SAMPLE_MARGIN * census.share(ranges) * int(ranges.entries().sum()) <= max_bytes / 8

    def merged(
        self,
        u: np.ndarray,
        v: np.ndarray,
        starts: np.ndarray,
        columns_v: np.ndarray,
        max_bytes: float,
    ) -> CompressedPlan:
        """The plan at (u, v) with the columns of each cluster of a cut (k + 1,) added up.

        It follows from the column potentials `columns_v` (k,). What is a small part of a row is
        left out, and more of it where the rest would take more than `max_bytes`.
        """
        share = _MERGED_SHARE
        parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        for part in self.merged_parts(u, v, np.arange(u.size + 1), starts, share):
            parts.append(_heaviest(*part, share))
            while share < 1.0 and 12 * sum(values.size for *_, values in parts) > max_bytes:
                share *= _FEWER
                parts = [_heaviest(*part, share) for part in parts]
        counts, total = np.zeros(u.size, dtype=np.int64), sum(part[0].size for part in parts)
        columns, values = np.empty(total, dtype=np.uint32), np.empty(total, dtype=np.float32)
        # Each part is given back before the next is copied: there is no room for all of them twice.
        end = total
        while parts:
            rows, some, masses = parts.pop()
            begin = end - rows.size
            columns[begin:end], values[begin:end] = some, masses
            counts += np.bincount(rows, minlength=u.size)
            end = begin
        begins = np.concatenate([[0], np.cumsum(counts)])
        return CompressedPlan(begins, columns, values, u, columns_v, self.drop)

    def merged_parts(
        self,
        u: np.ndarray,
        v: np.ndarray,
        row_starts: np.ndarray,
        column_starts: np.ndarray,
        share: float,
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Sums of the plan at (u, v) over clusters of rows (n + 1,) and of columns (m + 1,).

        The row clusters, column clusters and masses of those that are more than `share` of a row,
        in parts of which none takes long or much memory.
        """
        x, y = self._x, self._y
        n, m = row_starts.size - 1, column_starts.size - 1
        rows = np.repeat(np.arange(n), np.diff(row_starts))
        columns = np.repeat(np.arange(m), np.diff(column_starts))
        kept = x.rows, u - x.lengths, y.columns, v - y.lengths
        for part in self.ranges(u, v, drop=self.drop).slices(_MERGED_PAIRS):
            yield cluster_plan(*kept, *part, self.root, rows, columns, m, share)

    def column_ground(self, v: np.ndarray) -> np.ndarray:
        """What relaxed marginals add to the column sums of Newton's matrix (m,)."""
        return self.tau * self._expected(self._y, v)

    def whole(self, u: np.ndarray, v: np.ndarray, buffer: Buffer) -> WholePlan:
        """The whole plan in single precision, nothing left out."""
        n, m = u.size, v.size
        values = buffer.take(n * m, np.float32).reshape(n, m)
        self._pair_exponents(u, v).store(values)
        return WholePlan(values, u, v)

    def whole_sums(self, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Row sums (n,), column sums (m,) and costs in bits of every column (m,).

        In double precision, nothing left out, in one pass.
        """
        return self._pair_exponents(u, v).sums(u, v)

    def _pair_exponents(self, u: np.ndarray, v: np.ndarray) -> PairExponents:
        x, y = self._x, self._y
        return PairExponents(x.rows, u - x.lengths, y.columns, v - y.lengths, self.root)

    def _sparse(self, u, v, ranges, drop, max_bytes, buffer, single, factor=_SPARSE_FACTOR):
        """The entries above a share of their row, where they are few of the kept pairs."""
        census = Census(self, u, v, drop)
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
            sparse_plan.store_entries(
                *census.kept, *part, self.root, census.floors, begins, columns, values
            )
        return CompressedPlan(begins, columns, values, u, v, drop)


def _heaviest(
    rows: np.ndarray, columns: np.ndarray, masses: np.ndarray, share: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Entries of some rows that are more than `share` of their row, in single precision.

    The largest of each row, whose entries follow each other, stays in any case.
    """
    if not rows.size:
        return rows, columns, masses.astype(np.float32)
    starts = np.append(0, np.flatnonzero(np.diff(rows)) + 1)
    sizes = np.diff(np.append(starts, rows.size))
    largest, totals = np.maximum.reduceat(masses, starts), np.add.reduceat(masses, starts)
    kept = masses >= np.repeat(np.minimum(largest, share * totals), sizes)
    return rows[kept], columns[kept], masses[kept].astype(np.float32)
