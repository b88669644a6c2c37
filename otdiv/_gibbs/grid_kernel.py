"""The entropic plan P_ij = 2**(u_i + v_j - c_ij) between two grids as an operator.

The cost is a sum over axes, so its kernel is a product of small matrices, one an axis. Powers of
two of the potentials alone would leave float64 where epsilon is small, so each axis first takes
the potentials alpha_k, beta_k of the transport of its own marginals out of the cost: what remains
of cost and potentials is small for most pairs of measures. Where it is not, sums are computed from
their maxima, which is exact at any epsilon and some ten times slower.
"""

from __future__ import annotations

import numpy as np

from .._kernels.exponential import LOG2_E
from .._kernels.gibbs import grids
from .._typing import FloatArray, IndexArray
from .buffers import Buffer

# Least sum, the largest factor being 1, that underflow cannot have spoilt: a cell whose term
# underflows leaves out less than 2**-1022.
_SMALLEST_SUM = 2.0**-800


# Pairs of atoms from which grids are worked on as such: below, a pass takes well under a
# millisecond either way.
_FEWEST_PAIRS = 256**2
# Least share of the cells that carry weight; by taste: passes over empty cells are lost work.
_LEAST_SHARE = 0.125
# Least factor that passes along the axes save over all pairs of cells; by taste: a line of points
# is pruned better than it is passed over.
_LEAST_SAVING = 4


def worthwhile(source: grids.Grid, target: grids.Grid, n: int, m: int) -> bool:
    """Whether passes over all cells pay where n and m of them carry weight."""
    is_filled = min(n / source.size, m / target.size) >= _LEAST_SHARE
    saves_work = all(
        g.size >= _LEAST_SAVING * sum(axis.size for axis in g.axes) for g in (source, target)
    )
    return is_filled and saves_work and n * m >= _FEWEST_PAIRS


class GridMeasure:
    """Positive weights (n,) on cells of a grid, in the order of the cells."""

    def __init__(self, axes: tuple[FloatArray, ...], cells: IndexArray, weights: FloatArray):
        self.axes, self.weights = axes, weights
        self.shape = tuple(axis.size for axis in axes)
        self.size = int(np.prod(self.shape))
        self.cells = None if cells.size == self.size else cells

    @classmethod
    def of(
        cls,
        grid: grids.Grid,
        atoms: IndexArray,
        weights: FloatArray,
        middle: FloatArray,
        length: float,
    ) -> GridMeasure:
        """Measure of `atoms`, sorted by their cells, at (x - middle) / length.

        `weights` are those of all atoms.
        """
        axes = tuple(
            (axis - centre) / length for axis, centre in zip(grid.axes, middle, strict=True)
        )
        return cls(axes, grid.cells[atoms], weights[atoms])

    @property
    def n(self) -> int:
        """Number of cells that carry weight."""
        return int(self.weights.size)

    def spread_out(self, values: FloatArray, empty: float) -> FloatArray:
        """Values (n,) on all cells, `empty` where there is no weight."""
        if self.cells is None:
            return values
        out = np.full(self.size, empty)
        out[self.cells] = values
        return out

    def gathered(self, values: FloatArray) -> FloatArray:
        """Values of all cells at those that carry weight (n,)."""
        return values if self.cells is None else values[self.cells]

    def marginals(self) -> list[FloatArray]:
        """Weights of each axis alone."""
        weights = self.spread_out(self.weights, 0.0).reshape(self.shape)
        d = len(self.shape)
        return [weights.sum(axis=tuple(range(k)) + tuple(range(k + 1, d))) for k in range(d)]

    def outer_sum(self, parts: list[FloatArray]) -> FloatArray:
        """Sum over axes of parts (n_k,), at the cells that carry weight."""
        total = np.zeros(self.shape)
        for k, part in enumerate(parts):
            total += part.reshape([-1 if k == j else 1 for j in range(len(self.shape))])
        return self.gathered(total.reshape(-1))


def axis_costs(x: GridMeasure, y: GridMeasure) -> list[FloatArray]:
    """Squared differences (n_k, m_k) of the coordinates of each axis."""
    return [np.square(p[:, None] - q) for p, q in zip(x.axes, y.axes, strict=True)]


def monotone_potentials(
    cost: FloatArray, p: FloatArray, q: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Potentials of the transport of p (n,) to q (m,) on the line under a convex cost."""
    n, m = cost.shape
    alpha, beta = np.zeros(n), np.zeros(m)
    beta[0] = cost[0, 0]
    # The monotone plan goes through the cells in the order of the cumulated masses.
    left, right = np.cumsum(p / p.sum()), np.cumsum(q / q.sum())
    i = j = 0
    while i + j < n + m - 2:
        if j == m - 1 or (i < n - 1 and left[i] < right[j]):
            i += 1
            alpha[i] = cost[i, j] - beta[j]
        else:
            j += 1
            beta[j] = cost[i, j] - alpha[i]
    return alpha, beta


class GridKernel:
    """The operator of the squared Euclidean distance between two grids; see `protocols.Kernel`."""

    truncation = 0.0
    """Nothing is left out of a row."""
    overcount = 0.0
    """Nor added to it."""

    def __init__(self, x: GridMeasure, y: GridMeasure, epsilon: float, tau: float = 0.0):
        self.a, self.b, self.tau = x.weights, y.weights, tau
        self.x, self.y = x, y
        bits = LOG2_E / epsilon
        self.costs = [bits * cost for cost in axis_costs(x, y)]
        taken = [
            monotone_potentials(cost, p, q)
            for cost, p, q in zip(self.costs, x.marginals(), y.marginals(), strict=True)
        ]
        # What remains of the costs; non-negative up to rounding.
        self.rest = [
            cost - alpha[:, None] - beta
            for cost, (alpha, beta) in zip(self.costs, taken, strict=True)
        ]
        self.factors = [np.exp2(-rest) for rest in self.rest]
        self.alpha = x.outer_sum([alpha for alpha, _ in taken])
        self.beta = y.outer_sum([beta for _, beta in taken])

    def transposed(self) -> GridKernel:
        """The same kernel with rows and columns exchanged."""
        other = object.__new__(GridKernel)
        other.a, other.b, other.tau = self.b, self.a, self.tau
        other.x, other.y, other.alpha, other.beta = self.y, self.x, self.beta, self.alpha
        other.costs = [np.ascontiguousarray(cost.T) for cost in self.costs]
        other.rest = [np.ascontiguousarray(rest.T) for rest in self.rest]
        other.factors = [factor.T for factor in self.factors]
        return other

    def row_sums(self, u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Shifts s and sums r (n,) with sum_j 2**(v_j - c_ij) = r_i 2**(-s_i)."""
        rest = v - self.beta
        top = float(rest.max())
        weights = np.exp2(rest - top)
        sums = self.x.gathered(grids.apply(self.factors, self.y.spread_out(weights, 0.0)))
        if sums.min() >= _SMALLEST_SUM:
            return self.alpha - top, sums
        return self.alpha - self.x.gathered(self.rest_log_sums(rest)), np.ones(u.size)

    def column_sums(self, u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Shifts (m,) and sums (m,) of the columns likewise."""
        return self.transposed().row_sums(v, u)

    def log_sums(self, v: FloatArray) -> FloatArray:
        """log2 sum_j 2**(v_j - c_ij) for every cell of the source, empty or not."""
        return grids.log_sums(self.costs, self.y.spread_out(v, -np.inf))

    def rest_log_sums(self, rest: FloatArray) -> FloatArray:
        """log2 sum_j 2**(rest_j - c'_ij) for every cell, where c' is what remains of the cost."""
        return grids.log_sums(self.rest, self.y.spread_out(rest, -np.inf))

    def row_costs(self, u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Sums of the plan (n,) and of the plan times the costs in bits (n,)."""
        plan = GridPlan(self, u, v)
        return plan.row_sums(), plan.row_costs()

    def sums_and_cost(
        self, u: FloatArray, v: FloatArray, columns: FloatArray
    ) -> tuple[FloatArray, float]:
        """Row sums (n,) and the cost in bits of the whole plan."""
        sums, costs = self.row_costs(u, v)
        return sums, float(costs.sum())

    def matrix(
        self,
        u: FloatArray,
        v: FloatArray,
        *,
        truncation: float,
        max_bytes: float,
        buffer: Buffer | None = None,
        single: bool = False,
    ) -> GridPlan:
        """The plan as a matrix; nothing is stored and nothing is left out."""
        return GridPlan(self, u, v)

    # It always fits.

    def preconditioning(self) -> None:
        """Return None: nothing is known here that is better than the diagonal."""


class _Side:
    """One potential with its powers of two, and their sums under the kernel once they are known."""

    def __init__(self, potential: FloatArray, taken: FloatArray):
        self.potential = potential
        rest = potential - taken
        self.rest, self.top = rest, float(rest.max())
        self.powers = np.exp2(rest - self.top)
        self.sums: FloatArray | None = None


class GridPlan:
    """Products with the plan at any potentials, by passes along the axes; nothing is stored."""

    exact = True
    rounding = 0.0

    def __init__(self, kernel: GridKernel, u: FloatArray, v: FloatArray):
        self._kernel, self._transposed = kernel, kernel.transposed()
        self._u, self._v = _Side(u, kernel.alpha), _Side(v, kernel.beta)

    def move(self, u: FloatArray, v: FloatArray, allowed: float) -> bool:
        """Take the plan to (u, v); always possible."""
        if u is not self._u.potential:
            self._u = _Side(u, self._kernel.alpha)
        if v is not self._v.potential:
            self._v = _Side(v, self._kernel.beta)
        return True

    def row_sums(self) -> FloatArray:
        """Row sums (n,) at the current potentials."""
        sums = self._sums(self._kernel, self._v)
        if sums is not None:
            return self._outer(self._u, self._v) * sums
        logs = self._kernel.x.gathered(self._kernel.rest_log_sums(self._v.rest))
        return np.exp2(np.minimum(self._u.rest + logs, 1000.0))

    def column_sums(self) -> FloatArray:
        """Column sums (m,) at the current potentials."""
        sums = self._sums(self._transposed, self._u)
        if sums is not None:
            return self._outer(self._v, self._u) * sums
        logs = self._kernel.y.gathered(self._transposed.rest_log_sums(self._u.rest))
        return np.exp2(np.minimum(self._v.rest + logs, 1000.0))

    def product(self, w: FloatArray) -> FloatArray:
        """P w (n,)."""
        return self._product(self._kernel, self._u, self._v, w)

    def transposed_product(self, z: FloatArray) -> FloatArray:
        """P^T z (m,)."""
        return self._product(self._transposed, self._v, self._u, z)

    def row_costs(self) -> FloatArray:
        """Sums of the plan times the costs (n,), in bits."""
        kernel, v = self._kernel, self._v
        if self._sums(kernel, v) is None:
            logs, means = grids.averages(kernel.costs, kernel.y.spread_out(v.potential, -np.inf))
            rows = self._u.potential + kernel.x.gathered(logs)
            return np.exp2(rows) * kernel.x.gathered(means)
        powers = kernel.y.spread_out(v.powers, 0.0)
        total = np.zeros(kernel.a.size)
        for k, cost in enumerate(kernel.costs):
            factors = list(kernel.factors)
            factors[k] = factors[k] * cost
            total += kernel.x.gathered(grids.apply(factors, powers))
        return self._outer(self._u, v) * total

    @staticmethod
    def _outer(outer: _Side, inner: _Side) -> FloatArray:
        return np.exp2(np.minimum(outer.rest + inner.top, 1000.0))

    @staticmethod
    def _sums(kernel: GridKernel, inner: _Side) -> FloatArray | None:
        """K 2**inner, or None where it is not in the range of floats."""
        if inner.sums is None:
            powers = kernel.y.spread_out(inner.powers, 0.0)
            inner.sums = kernel.x.gathered(grids.apply(kernel.factors, powers))
        return inner.sums if inner.sums.min() >= _SMALLEST_SUM else None

    def _product(
        self, kernel: GridKernel, outer: _Side, inner: _Side, values: FloatArray
    ) -> FloatArray:
        if self._sums(kernel, inner) is not None:
            powers = kernel.y.spread_out(inner.powers * values, 0.0)
            sums = kernel.x.gathered(grids.apply(kernel.factors, powers))
            return self._outer(outer, inner) * sums
        logs, means = grids.averages(
            kernel.rest,
            kernel.y.spread_out(inner.rest, -np.inf),
            kernel.y.spread_out(values, 0.0),
        )
        rows = outer.rest + kernel.x.gathered(logs)
        return np.exp2(np.minimum(rows, 1000.0)) * kernel.x.gathered(means)
