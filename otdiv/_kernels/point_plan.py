"""The entropic plan P_ij = 2**(u_i + v_j - c(x_i, y_j)) of two clouds as an operator.

Everything is in bits: u = log2(a) + f log2(e) / epsilon, v likewise, c = C log2(e) / epsilon, so
that the plan needs one power of two an entry.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import leaf_pruning, point_sums, sparse_plan
from .aggregation import ClusterPreconditioning, cluster_plan
from .buffers import Buffer
from .census import Census
from .clouds import Cloud
from .expanded_products import EXCESS, Expansion
from .exponential import LOG2_E
from .moved_sums import moved_sums
from .pair_ranges import SLICE, Ranges
from .plan_matrices import CompressedPlan, FusedPlan, StoredPlan
from .whole_plan import PairExponents, WholePlan

# A sum this far (in bits) below its marginal was computed with a shift that says too little: digits
# may have been pruned, so it is computed again, with a better shift or from its maximum. One this
# far above may overflow.
_TRUSTED_BITS = 6.0
_LARGEST_EXCESS = 900.0
_ATTEMPTS = 3
# A plan up to this size is assumed to stay in the last-level cache.
_CACHE_BYTES = 1.6e7
# An entry of a compressed row costs about as much as this many entries of a stored range.
_SPARSE_FACTOR = 3
# From this many pairs on a sample tells first whether so few weigh anything, but for this factor.
_MANY_PAIRS, _SAMPLE_MARGIN = 10**7, 1.3
# Leaves of rows that tell how many pairs all of them keep.
_SAMPLED_LEAVES = 128
# What an entry may be before single precision takes it for nothing.
_UNDERFLOW = 2.0**-120
# Where the plan is too large to be stored, Newton's matrix leaves out this share of a row: its
# steps then gain about two digits each.
_ROUGH_DROP = 1e-2
# Sums over clusters of columns that are less than this share of a row do not matter to Newton.
_MERGED_SHARE = 1e-5


class _Side(NamedTuple):
    """One cloud in bits.

    `points` (d, n) bound the leaves; `rows` (n, d), `columns` (d, n) and `lengths` (n,) are what
    sums are computed from: the points themselves for distances; doubled, plain, and their squared
    lengths for squared distances.
    """

    points: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    lengths: np.ndarray
    weights: np.ndarray
    leaves: np.ndarray


def _side(cloud: Cloud, scale: float, root: bool) -> _Side:
    rows = cloud.points * scale
    columns = np.ascontiguousarray(rows.T)
    if root:
        return _Side(columns, rows, columns, np.zeros(cloud.n), cloud.weights, cloud.leaves)
    lengths = np.einsum("ij,ij->i", rows, rows)
    return _Side(columns, 2.0 * rows, columns, lengths, cloud.weights, cloud.leaves)


class PointKernel:
    """Squared or plain Euclidean distance between two clouds, in O(n + m) memory.

    Pairs of leaves whose entries are provably negligible are skipped: what is dropped from a row i
    is at most `drop` a_i in all, and from a column j at most `drop` b_j. With relaxed marginals
    (`tau` = epsilon / reach) a_i and b_j stand for what the penalties leave of them.
    """

    def __init__(
        self, x: Cloud, y: Cloud, epsilon: float, *, root: bool, drop: float, tau: float = 0.0
    ):
        bits = LOG2_E / epsilon
        scale = bits if root else float(np.sqrt(bits))
        self.a, self.b = x.weights, y.weights
        self.root, self.drop, self.scale, self.tau = root, drop, scale, tau
        self._x, self._y = _side(x, scale, root), _side(y, scale, root)
        self._expansion = None if root else Expansion(self._x, self._y)

    @property
    def excess(self) -> float:
        """Share of a row or column by which sums may be too large."""
        used = self._expansion is not None and self._expansion.used
        return EXCESS * self.drop if used else 0.0

    def ranges(
        self, u: np.ndarray, v: np.ndarray, *, drop: float, by_column: bool = False
    ) -> Ranges:
        """Kept ranges of the rows, or of the columns as rows of the transposed plan."""
        x = self._y if by_column else self._x
        return Ranges(x.leaves, *self._kept(u, v, drop, by_column, 1))

    def _kept(self, u, v, drop, by_column, every):
        """Kept ranges of the first of every so many leaves of rows."""
        x, y = (self._y, self._x) if by_column else (self._x, self._y)
        u, v = (v, u) if by_column else (u, v)
        rows = leaf_pruning.leaf_bounds(x.points, u, x.leaves, self.root)
        columns = leaf_pruning.leaf_bounds(y.points, v, y.leaves, self.root)
        budgets = drop * np.minimum.reduceat(self._expected(x, u), x.leaves[:-1])[::every]
        some = tuple(np.ascontiguousarray(part[..., ::every]) for part in rows)
        return leaf_pruning.kept_ranges(some, budgets, columns, y.leaves, self.root)

    def _n_kept(self, u, v, by_column):
        """Number of pairs that sums are taken of, by a sample of the leaves of rows."""
        x = self._y if by_column else self._x
        every = max(1, (x.leaves.size - 1) // _SAMPLED_LEAVES)
        first, starts, stops = self._kept(u, v, self.drop, by_column, every)
        sizes = np.diff(x.leaves)[::every]
        widths = np.diff(np.append(0, np.cumsum(stops - starts))[first])
        return float(sizes @ widths) * x.weights.size / float(sizes.sum())

    def _expected(self, x: _Side, u: np.ndarray) -> np.ndarray:
        """Sums that the rows should have near the solution."""
        if self.tau == 0.0:
            return x.weights
        log = np.log2(x.weights)
        return np.exp2(np.clip(log - self.tau * (u - log), -900.0, 900.0))

    def row_sums(self, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Shifts s and sums r (n,) with sum_j 2**(v_j - c_ij) = r_i 2**(-s_i); s is mostly u."""
        return self._sums(self._x, self._y, u, v, by_column=False)

    def column_sums(self, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Shifts (m,) and sums (m,) of the columns likewise."""
        return self._sums(self._y, self._x, v, u, by_column=True)

    def sums_beside(
        self, plan: object, u: np.ndarray, v: np.ndarray, allowed: float, *, by_column: bool
    ) -> np.ndarray | None:
        """Row or column sums at (u, v) from a plan that was stored elsewhere, or None."""
        return moved_sums(self, plan, u, v, allowed, by_column=by_column)

    def _sums(self, x, y, u, v, by_column):
        expected = self._expected(x, u)
        shift = u
        for _ in range(_ATTEMPTS):
            sums, n_pairs = self._sums_near(x, y, shift, v, expected, by_column)
            with np.errstate(all="ignore"):
                excess = np.log2(sums / expected)
            doubtful = ~((excess > -_TRUSTED_BITS) & (excess < _LARGEST_EXCESS))
            unknown = ~np.isfinite(excess)
            few = 2 * int(doubtful.sum()) * v.size < n_pairs
            if few or unknown.any():
                break
            # Shifts that put every sum near what is expected let the next pass prune rightly.
            shift = shift - np.where(doubtful, excess, 0.0)
        if not doubtful.any():
            return shift, sums
        shift = shift.copy()
        some = x.rows[doubtful], x.lengths[doubtful]
        shift[doubtful], sums[doubtful] = self._sums_from_maxima(*some, y, v)
        return shift, sums

    def _sums_near(self, x, y, u, v, expected, by_column):
        """Row sums where u is a good shift, and the number of pairs that take as long."""
        found = self._expanded(x, y, u, v, np.ones((1, v.size)), expected, by_column)
        if found is not None:
            return found[0][:, 0], found[1]
        ranges = self.ranges(
            *((v, u) if by_column else (u, v)), drop=self.drop, by_column=by_column
        )
        row, column, sums = u - x.lengths, v - y.lengths, np.empty(u.size)
        for part in ranges.slices():
            point_sums.row_sums(x.rows, row, y.columns, column, *part, self.root, sums)
        return sums, float(ranges.entries().sum())

    def _expanded(self, x, y, u, v, weights, expected, by_column):
        """Products (n, k) with weights (k, m) by expansions, where these pay, and their work."""
        if self._expansion is None:
            return None
        return self._expansion.products(
            x,
            y,
            u,
            v,
            weights,
            expected,
            self.drop,
            lambda: self._n_kept(*((v, u) if by_column else (u, v)), by_column),
        )

    def _sums_from_maxima(self, rows, lengths, y, v):
        """Shifts and sums of rows of which nothing is known: two passes over all columns."""
        n, m = rows.shape[0], v.size
        maxima, sums = np.empty(n), np.empty(n)
        column = v - y.lengths
        step = max(1, SLICE // m)
        every = np.array([0, 1]), np.array([0]), np.array([m])
        for i in range(0, n, step):
            j = min(n, i + step)
            point_sums.row_maxima(rows[i:j], y.columns, column, self.root, maxima[i:j])
            leaf = np.array([i, j])
            point_sums.row_sums(rows, -maxima, y.columns, column, leaf, *every, self.root, sums)
        return lengths - maxima, sums

    def preconditioning(self) -> ClusterPreconditioning:
        """What helps conjugate gradients where the diagonal does not."""
        return ClusterPreconditioning(self)

    def transposed(self) -> PointKernel:
        """The same kernel with rows and columns exchanged."""
        other = object.__new__(PointKernel)
        other.__dict__.update(self.__dict__, a=self.b, b=self.a, _x=self._y, _y=self._x)
        return other

    def with_drop(self, drop: float) -> PointKernel:
        """The same kernel, pruned by another share."""
        other = object.__new__(PointKernel)
        other.__dict__.update(self.__dict__, drop=drop)
        return other

    def row_softmin(self, points: np.ndarray, v: np.ndarray) -> np.ndarray:
        """-log2 sum_j 2**(v_j - c(x, y_j)) at new points (k, d) in the caller's unit."""
        rows = points * self.scale
        lengths = np.zeros(len(rows)) if self.root else np.square(rows).sum(axis=1)
        rows = rows if self.root else 2.0 * rows
        shift, sums = self._sums_from_maxima(rows, lengths, self._y, v)
        return np.asarray(shift - np.log2(sums))

    def exact_rows(self, some: np.ndarray, v: np.ndarray) -> np.ndarray:
        """The u that makes the sums of a few rows (k,) their weights: one exact update."""
        # In NumPy: for few rows compiling takes longer than it saves.
        x, y = self._x, self._y
        rows = x.rows[some]
        if self.root:
            squares = np.zeros((len(rows), v.size))
            for coordinate, column in zip(rows.T, y.columns, strict=True):
                squares += np.square(coordinate[:, None] - column)
            exponents = v - np.sqrt(squares)
        else:
            exponents = (v - y.lengths) + (rows @ y.columns - x.lengths[some, None])
        top = exponents.max(axis=1)
        sums = np.exp2(exponents - top[:, None]).sum(axis=1)
        return np.log2(self.a[some]) - top - np.log2(sums)

    def row_costs(self, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sums of the plan (n,) and of the plan times the costs in bits (n,)."""
        x, y = self._x, self._y
        found = None
        if self._expansion is not None and self._expansion.possible:
            # |x - y|² = |x|² - 2 x.y + |y|².
            weights = np.vstack([np.ones(v.size), y.columns, y.lengths])
            found = self._expanded(x, y, u, v, weights, self._expected(x, u), by_column=False)
        if found is not None:
            moments = found[0]
            mixed = np.einsum("ij,ij->i", x.rows, moments[:, 1:-1])
            # A row of nearly no mass may come out below nothing.
            sums = np.maximum(moments[:, 0], 0.0)
            return sums, np.maximum(sums * x.lengths - mixed + moments[:, -1], 0.0)
        row, column = u - x.lengths, v - y.lengths
        sums, costs = np.empty(u.size), np.empty(u.size)
        for part in self.ranges(u, v, drop=self.drop).slices():
            point_sums.row_costs(
                x.rows, row, y.columns, column, *part, self.root, u, v, sums, costs
            )
        return sums, costs

    def row_products(self, u: np.ndarray, v: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """P W^T (n, k) for weights W (k, m)."""
        ranges = self.ranges(u, v, drop=self.drop)
        return self._products(self._x, self._y, u, v, ranges, weights)

    def _products(self, x, y, u, v, ranges, weights):
        out = np.empty((u.size, weights.shape[0]))
        row, column = u - x.lengths, v - y.lengths
        for part in ranges.slices():
            point_sums.row_products(x.rows, row, y.columns, column, *part, self.root, weights, out)
        return out

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
        self, u: np.ndarray, v: np.ndarray, starts: np.ndarray, columns_v: np.ndarray
    ) -> CompressedPlan:
        """The plan at (u, v) with the columns of each cluster of a cut (k + 1,) added up.

        It follows from the column potentials `columns_v` (k,).
        """
        rows, columns, values = self.merged_entries(
            u, v, np.arange(u.size + 1), starts, _MERGED_SHARE
        )
        begins = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=u.size))])
        values = values.astype(np.float32)
        return CompressedPlan(begins, columns, values, u, columns_v, self.drop)

    def merged_entries(
        self,
        u: np.ndarray,
        v: np.ndarray,
        row_starts: np.ndarray,
        column_starts: np.ndarray,
        share: float,
    ) -> list[np.ndarray]:
        """Sums of the plan at (u, v) over clusters of rows (n + 1,) and of columns (m + 1,).

        The row clusters, column clusters and masses of those that are more than `share` of a row.
        """
        x, y = self._x, self._y
        n, m = row_starts.size - 1, column_starts.size - 1
        rows = np.repeat(np.arange(n), np.diff(row_starts))
        columns = np.repeat(np.arange(m), np.diff(column_starts))
        kept = x.rows, u - x.lengths, y.columns, v - y.lengths
        parts = [
            cluster_plan(*kept, *part, self.root, rows, columns, m, share)
            for part in self.ranges(u, v, drop=self.drop).slices()
        ]
        return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]

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

    def whole_cost(self, plan: WholePlan, rows: np.ndarray) -> float:
        """Squared distances in bits times a whole plan with these row sums (n,), columns exact."""
        x, y = self._x, self._y
        mixed = (plan.products(y.columns.T) * x.rows).sum()
        return float(rows @ x.lengths + self.b @ y.lengths - mixed)

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
