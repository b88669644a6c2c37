"""Sums over the entropic plan P_ij = 2**(u_i + v_j - c(x_i, y_j)) of two clouds, never stored.

Everything is in bits: u = log2(a) + f log2(e) / epsilon, v likewise, c = C log2(e) / epsilon, so
that the plan needs one power of two an entry.
"""

from __future__ import annotations

from typing import Self

import numpy as np

from .._kernels.exponential import LOG2_E, SQUARED
from .._kernels.gibbs import point_sums, pruning
from .._typing import FloatArray, IndexArray
from .clouds import Cloud
from .expansions import OVERCOUNT, Expansion, PlanProduct
from .metrics import cost_of_sides, distances
from .ranges import SLICE, Ranges
from .sides import Side, side_of

# Bits that a sum may be below its marginal. Pruning leaves out a share of the marginal, so of a sum
# far below it digits may be missing: it is computed again, with a better shift or from its maximum.
# By taste.
_TRUSTED_BITS = 6.0
# Bits that a sum may be above its marginal: further up its terms may overflow, beyond 1023 bits.
_MOST_BITS_ABOVE = 900.0
# Passes over all rows before the doubtful ones are summed one by one; by taste.
_ATTEMPTS = 3
# Leaves of rows in the sample that estimates how many pairs pruning leaves; by taste.
_SAMPLED_LEAVES = 128


class PrunedSums:
    """Squared or plain distance (a code of `metrics`) between two clouds, in O(n + m) memory.

    Pairs of leaves whose entries are provably negligible are skipped: what is left out of a row i
    is at most `truncation` a_i in all, and of a column j at most `truncation` b_j. With relaxed
    marginals (`tau` = epsilon / reach) a_i and b_j stand for what the penalties leave of them.
    """

    def __init__(
        self,
        x: Cloud,
        y: Cloud,
        epsilon: float,
        *,
        metric: int,
        truncation: float,
        tau: float = 0.0,
    ):
        bits = LOG2_E / epsilon
        scale = float(np.sqrt(bits)) if metric == SQUARED else bits
        self.a, self.b = x.weights, y.weights
        self.metric, self.truncation, self.scale, self.tau = metric, truncation, scale, tau
        self.x, self.y = side_of(x, scale, metric), side_of(y, scale, metric)
        self._expansion = Expansion(self.x, self.y) if metric == SQUARED else None

    @property
    def largest(self) -> float:
        """Largest cost in bits that the box of both clouds allows."""
        ends = [(side.points.min(axis=1), side.points.max(axis=1)) for side in (self.x, self.y)]
        (low, high), (other_low, other_high) = ends
        sides = np.maximum(high, other_high) - np.minimum(low, other_low)
        return cost_of_sides(sides, self.metric)

    @property
    def overcount(self) -> float:
        """Share of a row or column by which sums may be too large."""
        used = self._expansion is not None and self._expansion.used
        return OVERCOUNT * self.truncation if used else 0.0

    def row_sums(self, u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Shifts s and sums r (n,) with sum_j 2**(v_j - c_ij) = r_i 2**(-s_i); s is mostly u."""
        return self._sums(self.x, self.y, u, v, by_column=False)

    def column_sums(self, u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Shifts (m,) and sums (m,) of the columns likewise."""
        return self._sums(self.y, self.x, v, u, by_column=True)

    def row_costs(self, u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Sums of the plan (n,) and of the plan times the costs in bits (n,)."""
        x, y = self.x, self.y
        found = None
        if self._expansion is not None and self._expansion.possible:
            # |x - y|² = |x|² - 2 x.y + |y|².
            weights = np.vstack([np.ones(v.size), y.columns, y.lengths])
            found = self._expanded(x, y, u, v, weights, self.expected(x, u), by_column=False)
        if found is not None:
            moments = found[0]
            mixed = np.einsum("ij,ij->i", x.rows, moments[:, 1:-1])
            # Interpolation may make the sum of a row of nearly no mass negative.
            sums = np.maximum(moments[:, 0], 0.0)
            return sums, np.maximum(sums * x.lengths - mixed + moments[:, -1], 0.0)
        return self._direct_costs(u, v)

    def _direct_costs(self, u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        x, y = self.x, self.y
        row, column = u - x.lengths, v - y.lengths
        sums, costs = np.empty(u.size), np.empty(u.size)
        for part in self.ranges(u, v, truncation=self.truncation).slices():
            point_sums.row_costs(
                x.rows, row, y.columns, column, *part, self.metric, u, v, sums, costs
            )
        return sums, np.maximum(costs, 0.0)

    def sums_and_cost(
        self, u: FloatArray, v: FloatArray, columns: FloatArray
    ) -> tuple[FloatArray, float]:
        """Row sums (n,) of the plan, and its cost in bits where its column sums are `columns` (m,).

        Unlike that of `row_costs`, the error of the cost has no bound.
        """
        x, y, found = self.x, self.y, None
        if self._expansion is not None:
            product = self._product(x, y, u, v, self.expected(x, u), 1, 1 + x.points.shape[0])
            found = self._expansion.mixed(product, v, lambda: self._n_kept(u, v, False))
        if found is None:
            sums, costs = self._direct_costs(u, v)
            return sums, float(costs.sum())
        sums = np.maximum(found[:, 0], 0.0)
        # |x - y|² = |x|² - 2 x.y + |y|².
        cost = float(sums @ x.lengths + found[:, 1].sum() + columns @ y.lengths)
        return sums, max(cost, 0.0)

    def row_products(self, u: FloatArray, v: FloatArray, weights: FloatArray) -> FloatArray:
        """P W^T (n, k) for weights W (k, m)."""
        ranges = self.ranges(u, v, truncation=self.truncation)
        return self.products(self.x, self.y, u, v, ranges, weights)

    def products(
        self,
        x: Side,
        y: Side,
        u: FloatArray,
        v: FloatArray,
        ranges: Ranges,
        weights: FloatArray,
    ) -> FloatArray:
        """P W^T (n, k) of one side's rows for weights W (k, m), over the pairs of the ranges."""
        out = np.empty((u.size, weights.shape[0]))
        row, column = u - x.lengths, v - y.lengths
        for part in ranges.slices():
            point_sums.row_products(
                x.rows, row, y.columns, column, *part, self.metric, weights, out
            )
        return out

    def row_softmin(self, points: FloatArray, v: FloatArray) -> FloatArray:
        """-log2 sum_j 2**(v_j - c(x, y_j)) at new points (k, d) in the caller's unit."""
        rows = points * self.scale
        lengths = np.zeros(len(rows))
        if self.metric == SQUARED:
            lengths, rows = np.square(rows).sum(axis=1), 2.0 * rows
        shift, sums = self._sums_from_maxima(rows, lengths, self.y, v)
        return np.asarray(shift - np.log2(sums))

    def exact_rows(self, chosen: IndexArray, v: FloatArray) -> FloatArray:
        """Soft c-transform of v at a few rows (k,): the u at which their sums are their weights."""
        # In NumPy: for few rows compiling takes longer than it saves.
        x, y = self.x, self.y
        rows = x.rows[chosen]
        if self.metric != SQUARED:
            columns = y.columns.T
            exponents = v - np.stack([distances(row - columns, self.metric) for row in rows])
        else:
            exponents = (v - y.lengths) + (rows @ y.columns - x.lengths[chosen, None])
        top = exponents.max(axis=1)
        sums = np.exp2(exponents - top[:, None]).sum(axis=1)
        return np.asarray(np.log2(self.a[chosen]) - top - np.log2(sums))

    def transposed(self) -> Self:
        """The same kernel with rows and columns exchanged."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__, a=self.b, b=self.a, x=self.y, y=self.x)
        return other

    def with_truncation(self, truncation: float) -> Self:
        """The same kernel that may leave another share of a row out."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__, truncation=truncation)
        return other

    def ranges(
        self, u: FloatArray, v: FloatArray, *, truncation: float, by_column: bool = False
    ) -> Ranges:
        """Kept ranges of the rows, or of the columns as rows of the transposed plan."""
        x = self.y if by_column else self.x
        return Ranges(x.leaves, *self._kept(u, v, truncation, by_column, 1))

    def _kept(
        self, u: FloatArray, v: FloatArray, truncation: float, by_column: bool, every: int
    ) -> tuple[IndexArray, IndexArray, IndexArray]:
        """Kept ranges of the first of every `every` leaves of rows."""
        x, y = (self.y, self.x) if by_column else (self.x, self.y)
        u, v = (v, u) if by_column else (u, v)
        is_plain = self.metric != SQUARED
        rows = pruning.leaf_bounds(x.points, u, x.leaves, is_plain)
        columns = pruning.leaf_bounds(y.points, v, y.leaves, is_plain)
        budgets = truncation * np.minimum.reduceat(self.expected(x, u), x.leaves[:-1])[::every]
        sample = tuple(np.ascontiguousarray(part[..., ::every]) for part in rows)
        kept: tuple[IndexArray, IndexArray, IndexArray] = pruning.kept_ranges(
            sample, budgets, columns, y.leaves, self.metric
        )
        return kept

    def _n_kept(self, u: FloatArray, v: FloatArray, by_column: bool) -> float:
        """Number of pairs that pruning leaves, estimated from a sample of the leaves of rows."""
        x = self.y if by_column else self.x
        every = max(1, (x.leaves.size - 1) // _SAMPLED_LEAVES)
        first, starts, stops = self._kept(u, v, self.truncation, by_column, every)
        sizes = np.diff(x.leaves)[::every]
        widths = np.diff(np.append(0, np.cumsum(stops - starts))[first])
        return float(sizes @ widths) * x.weights.size / float(sizes.sum())

    def expected(self, x: Side, u: FloatArray) -> FloatArray:
        """Sums that the rows should have near the solution."""
        if self.tau == 0.0:
            return x.weights
        log = np.log2(x.weights)
        return np.exp2(np.clip(log - self.tau * (u - log), -900.0, 900.0))

    def _sums(
        self, x: Side, y: Side, u: FloatArray, v: FloatArray, by_column: bool
    ) -> tuple[FloatArray, FloatArray]:
        expected = self.expected(x, u)
        shift = u
        for _ in range(_ATTEMPTS):
            sums, n_pairs = self._sums_near(x, y, shift, v, expected, by_column)
            with np.errstate(all="ignore"):
                ratio_bits = np.log2(sums / expected)
            is_doubtful = ~((ratio_bits > -_TRUSTED_BITS) & (ratio_bits < _MOST_BITS_ABOVE))
            unknown = ~np.isfinite(ratio_bits)
            few = 2 * int(is_doubtful.sum()) * v.size < n_pairs
            if few or unknown.any():
                break
            # With shifts that put every sum near its marginal the next pass prunes rightly.
            shift = shift - np.where(is_doubtful, ratio_bits, 0.0)
        if not is_doubtful.any():
            return shift, sums
        shift = shift.copy()
        doubtful = x.rows[is_doubtful], x.lengths[is_doubtful]
        shift[is_doubtful], sums[is_doubtful] = self._sums_from_maxima(*doubtful, y, v)
        return shift, sums

    def _sums_near(
        self,
        x: Side,
        y: Side,
        u: FloatArray,
        v: FloatArray,
        expected: FloatArray,
        by_column: bool,
    ) -> tuple[FloatArray, float]:
        """Row sums where u is a good shift, and their work as a number of pairs."""
        expanded = self._expanded(x, y, u, v, np.ones((1, v.size)), expected, by_column)
        if expanded is not None:
            return expanded[0][:, 0], expanded[1]
        ranges = self.ranges(
            *((v, u) if by_column else (u, v)), truncation=self.truncation, by_column=by_column
        )
        row, column, sums = u - x.lengths, v - y.lengths, np.empty(u.size)
        for part in ranges.slices():
            point_sums.row_sums(x.rows, row, y.columns, column, *part, self.metric, sums)
        return sums, float(ranges.entries().sum())

    def _expanded(
        self,
        x: Side,
        y: Side,
        u: FloatArray,
        v: FloatArray,
        weights: FloatArray,
        expected: FloatArray,
        by_column: bool,
    ) -> tuple[FloatArray, float] | None:
        """Products (n, k) with weights (k, m) by expansions, and their work; None if slower."""
        if self._expansion is None:
            return None
        k = weights.shape[0]
        return self._expansion.products(
            self._product(x, y, u, v, expected, k, k),
            v,
            weights,
            lambda: self._n_kept(*((v, u) if by_column else (u, v)), by_column),
        )

    def _product(
        self,
        x: Side,
        y: Side,
        u: FloatArray,
        v: FloatArray,
        expected: FloatArray,
        n_weights: int,
        n_row_weights: int,
    ) -> PlanProduct:
        """What `expansions` needs to know of sums over the rows of x; see `PlanProduct`."""
        phi, psi = u - np.log2(x.weights), v - np.log2(y.weights)
        return PlanProduct(
            x, y, phi, psi, expected / x.weights, self.truncation, n_weights, n_row_weights
        )

    def _sums_from_maxima(
        self, rows: FloatArray, lengths: FloatArray, y: Side, v: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Shifts and sums of rows for which no shift is known: two passes over all columns."""
        n, m = rows.shape[0], v.size
        maxima, sums = np.empty(n), np.empty(n)
        column = v - y.lengths
        step = max(1, SLICE // m)
        every = np.array([0, 1]), np.array([0]), np.array([m])
        for i in range(0, n, step):
            j = min(n, i + step)
            point_sums.row_maxima(rows[i:j], y.columns, column, self.metric, maxima[i:j])
            leaf = np.array([i, j])
            point_sums.row_sums(rows, -maxima, y.columns, column, leaf, *every, self.metric, sums)
        return lengths - maxima, sums
