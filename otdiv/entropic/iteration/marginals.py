"""One stage of the entropic iteration: its rules, its state and the marginals of its plan.

Row and column sums are taken from a stored plan while the potentials are near those it was made
for, and computed from the kernel where they are not. See `newton` for relaxed marginals (`tau`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..._gibbs.buffers import Buffer
from ..._gibbs.protocols import Kernel, PlanMatrix
from ..._gibbs.soft_c_transform import soft_c_transform
from ..._kernels.exponential import LOG2_E
from ..._typing import FloatArray
from ..geometry.coarse_matrix import CoarseMatrix

__all__ = ["Marginals", "Patience", "Stage", "StageRules", "final_sums", "plan_sums", "sum_errors"]

# Rounding of the dual value relative to the sum of the sizes of its terms: sums taken pairwise or
# in blocks err by less than 90 u.
_ROUNDING = 1e-14
# Bits that count of the growth of a column in one update: further up `PrunedSums` sums it without
# expansions, whose overcount grows with the column.
_MOST_GROWTH = 7.0
# Rounding of an exponent u_i + v_j - c_ij, relative to the largest c_ij and to u and v,
_EXPONENT_ROUNDING = 2.0**-49
# in up to this many dimensions: it grows with the number of terms of c.
_FEW_DIMENSIONS = 16.0
# Rounding of a power of two (1e-15) and of a sum in blocks, besides that of the exponents.
_POWER_ROUNDING = 1e-14
# Unit roundoff of float64: of a sum taken one after the other, each term adds so much.
_TERM_ROUNDING = 2.0**-53
# Share of its marginal that a single row may lack in potentials from which the next stage starts;
# by taste. A few atoms of a tail that weigh nothing in the L1 error may be thousands of bits off,
# which finer stages mend more slowly.
_START_SHARE = 0.2
# Share of the present error that a moved plan may leave out; by taste.
_ALLOWED_SHARE = 0.1
# Tolerance from which a stored plan may be in single precision, which moves a marginal by 6e-8.
_SINGLE_TOLERANCE = 5e-7


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRules:
    """When to stop, and what the plan may cost.

    `truncation` is the share of a row that a stored plan may leave out and still serve as the
    marginal; `coarse` makes the plan whose Schur complement replaces the exact one; `final` says
    that no stage follows, so that the potentials need not be a good start for one.
    """

    tolerance: float
    max_iterations: int
    max_bytes: float
    truncation: float
    buffer: Buffer
    coarse: CoarseMatrix | None = None
    final: bool = True
    asks_to_stop: Callable[[int, float], bool] = lambda n_iterations, error: False
    """Called with the iteration and the marginal error."""


@dataclass(slots=True)
class Stage:
    """State of the iteration at one epsilon; potentials in bits."""

    u: FloatArray
    v: FloatArray
    error: float = np.inf
    """L1 error of the row marginal, relative to the mass; the column marginal is exact."""
    sum_error: float = 0.0
    """Share by which the marginals may be off, up or down, by single precision or by expansions."""
    row_sums: FloatArray | None = None
    cost: float | None = None
    """<C, P> in bits where it is known; the row sums are as exact as bounds need them then."""
    n_iterations: int = 0
    n_products: int = 0
    converged: bool = False
    is_symmetric: bool = False
    """Whether u = v serves both marginals, of which then neither is exact."""
    stopped: bool = False
    stalled: bool = False
    matrix: PlanMatrix | None = None


class Patience:
    """Tells when an iteration has gone long without a better error, by a tenth."""

    def __init__(self, limit: int):
        self._limit, self._best, self._since = limit, np.inf, 0

    def is_over(self, error: float) -> bool:
        """Account for an iteration with this error."""
        self._since += 1
        if error < 0.9 * self._best:
            self._best, self._since = error, 0
        return not np.isfinite(error) or self._since >= self._limit


def plan_sums(potential: FloatArray, shift: FloatArray, sums: FloatArray) -> FloatArray:
    """Row or column sums of the plan itself, of shifts and sums as kernels return them."""
    return np.asarray(sums * np.exp2(np.minimum(potential - shift, 1000.0)))


class _RowSums(NamedTuple):
    """Shifts and row sums (see `Kernel.row_sums`) at (u, v)."""

    u: FloatArray
    v: FloatArray
    shift: FloatArray
    sums: FloatArray


class Marginals:
    """The marginals of one kernel, from its stored plan while that is near enough."""

    def __init__(self, kernel: Kernel, stage: Stage, rules: StageRules):
        self.kernel, self.stage, self.rules, self.tau = kernel, stage, rules, kernel.tau
        self.log_a, self.log_b = np.log2(kernel.a), np.log2(kernel.b)
        self._sums: _RowSums | None = None

    def matrix_at(self, u: FloatArray, v: FloatArray) -> PlanMatrix:
        """Take the matrix of the stage to (u, v), or make a new one there."""
        matrix = self.stage.matrix
        if matrix is not None and matrix.move(u, v, min(self.stage.error, 1.0)):
            return matrix
        del matrix
        return self.store(u, v)

    def store(self, u: FloatArray, v: FloatArray) -> PlanMatrix:
        """Make the plan at (u, v) the matrix of the stage."""
        # The one before lies in the same buffer, which can only grow where nobody holds it.
        self.stage.matrix = None
        self.stage.matrix = matrix = self.kernel.matrix(u, v, **self._storage)
        return matrix

    @property
    def _storage(self) -> dict[str, Any]:
        rules = self.rules
        return {
            "truncation": rules.truncation,
            "max_bytes": rules.max_bytes,
            "buffer": rules.buffer,
            "single": rules.tolerance >= _SINGLE_TOLERANCE,
        }

    @property
    def allowed(self) -> float:
        """Share of a sum that may be missing where it is taken from a stored plan that moved."""
        return _ALLOWED_SHARE * max(min(self.stage.error, 1.0), self.rules.tolerance)

    def near(self, u: FloatArray, v: FloatArray) -> bool:
        """Whether the stored plan is good at (u, v); if so it is moved there."""
        matrix = self.stage.matrix
        return matrix is not None and matrix.exact and matrix.move(u, v, self.allowed)

    def stored_sums(self, u: FloatArray, v: FloatArray, *, by_column: bool) -> FloatArray | None:
        """Row or column sums from the stored plan; None where it is too far or there is none."""
        matrix = self.stage.matrix
        if matrix is None or not self.near(u, v):
            return None
        sums = matrix.column_sums() if by_column else matrix.row_sums()
        return sums if sums.min() > 0.0 and sums.max() < np.inf else None

    def row_target(self, u: FloatArray) -> FloatArray:
        """The row sums that are aimed at: a, or a 2**(-tau phi) where marginals are relaxed."""
        if self.tau == 0.0:
            return self.kernel.a
        return _relaxed(self.log_a, u, self.tau)

    def column_target(self, v: FloatArray) -> FloatArray:
        """The column sums that are aimed at, and reached by `column_update`."""
        if self.tau == 0.0:
            return self.kernel.b
        return _relaxed(self.log_b, v, self.tau)

    def column_update(self, u: FloatArray, v: FloatArray) -> FloatArray:
        """Return the v that makes the column sums exact."""
        shift, sums, matrix = v, self.stored_sums(u, v, by_column=True), self.stage.matrix
        self.stage.sum_error = 0.0 if sums is None or matrix is None else matrix.rounding
        by_kernel = sums is None
        if sums is None:
            shift, sums = self.kernel.column_sums(u, v)
        with np.errstate(divide="ignore"):
            updated = soft_c_transform(self.log_b, shift, sums, self.tau)
        if by_kernel and self.kernel.overcount > 0.0:
            # The overcount is a share of the sum before the update, and grows with the column.
            growth = np.exp2(np.minimum(updated - v, _MOST_GROWTH))
            before, after = self.column_target(v), float(self.column_target(updated).sum())
            self.stage.sum_error = self.kernel.overcount * max(
                float(before @ growth) / after - 1.0, 0.0
            )
        return updated

    def shifted(self, u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the best (u + h, v - h / (1 + tau)), where marginals are relaxed; v is exact.

        Columns stay exact, and both sides then aim at one mass: the direction in which updates are
        slow (Séjourné, Vialard & Peyré 2022, arXiv:2201.00730).
        """
        tau = self.tau
        if tau == 0.0:
            return u, v
        rows = _log_total(self.log_a, u, tau)
        columns = _log_total(self.log_b, v, tau)
        h = (rows - columns) / tau * ((1.0 + tau) / (2.0 + tau))
        return (u + h, v - h / (1.0 + tau)) if np.isfinite(h) else (u, v)

    def row_sums(self, u: FloatArray, v: FloatArray) -> _RowSums:
        """Row sums at (u, v), kept until they are asked for elsewhere."""
        if self._sums is None or self._sums.u is not u or self._sums.v is not v:
            self._sums = self._row_sums(u, v)
        return self._sums

    def _row_sums(self, u: FloatArray, v: FloatArray) -> _RowSums:
        sums = self.stored_sums(u, v, by_column=False)
        if sums is not None:
            return _RowSums(u, v, u, sums)
        return _RowSums(u, v, *self.kernel.row_sums(u, v))

    def rows(self, u: FloatArray, v: FloatArray) -> FloatArray:
        """Row sums of the plan itself."""
        _, _, shift, sums = self.row_sums(u, v)
        return plan_sums(u, shift, sums)

    def error(self, u: FloatArray, v: FloatArray) -> float:
        """L1 error of the row marginal, relative to the mass."""
        target = self.row_target(u)
        total = float(target.sum())
        # Potentials far from any solution may leave nothing of relaxed marginals.
        return float(np.abs(target - self.rows(u, v)).sum()) / total if total > 0.0 else np.inf

    def is_start(self, r: FloatArray) -> bool:
        """Whether every row is near its target, however little it weighs: a start for a stage."""
        target = self.row_target(self.stage.u)
        return bool(np.all(np.abs(target - r) <= _START_SHARE * target))

    def row_update(self, u: FloatArray, v: FloatArray) -> FloatArray:
        """Return the u that makes the row sums exact."""
        _, _, shift, sums = self.row_sums(u, v)
        with np.errstate(divide="ignore"):
            return soft_c_transform(self.log_a, shift, sums, self.tau)

    def dual(self, u: FloatArray, v: FloatArray) -> tuple[float, float]:
        """Dual value (bits) where the column sums are exact, and the rounding of it.

        Exact column sums make the mass of the plan that of b, or what its penalty leaves of it.
        """
        a, b, tau = self.kernel.a, self.kernel.b, self.tau
        if tau == 0.0:
            value = float(a @ u + b @ v)
            size = float(a @ np.abs(u) + b @ np.abs(v))
            return value, _ROUNDING * size
        with np.errstate(over="ignore"):
            rows = np.expm1((self.log_a - u) * (tau / LOG2_E))
            columns = np.expm1((self.log_b - v) * (tau / LOG2_E))
        factor = LOG2_E / tau
        value = -factor * float(a @ rows + (1.0 + tau) * (b @ columns))
        size = factor * float(a @ np.abs(rows) + b @ np.abs(columns))
        return value, _ROUNDING * size


def _relaxed(log_weights: FloatArray, potential: FloatArray, tau: float) -> FloatArray:
    """The marginal that a penalty aims at: w 2**(-tau phi), phi being the potential less log2 w."""
    with np.errstate(over="ignore"):
        return np.asarray(np.exp2(log_weights - tau * (potential - log_weights)))


def _log_total(log_weights: FloatArray, potential: FloatArray, tau: float) -> float:
    """Binary logarithm of the sum of `_relaxed`."""
    logs = log_weights - tau * (potential - log_weights)
    top = float(logs.max())
    return top + float(np.log2(np.exp2(logs - top).sum()))


def plan_cost(
    kernel: Kernel, u: FloatArray, v: FloatArray, *, exact_columns: bool
) -> tuple[FloatArray, float]:
    """Row sums (n,) of a plan and its cost in bits, which exact columns make cheaper.

    The cheaper cost has no proven error. It is only shown: with fixed marginals the bounds follow
    from the sums alone; with relaxed ones (tau > 0) the cost is part of a bound.
    """
    if kernel.tau == 0.0 and exact_columns:
        return kernel.sums_and_cost(u, v, kernel.b)
    sums, costs = kernel.row_costs(u, v)
    return sums, float(costs.sum())


def final_sums(kernel: Kernel, stage: Stage) -> tuple[FloatArray, float]:
    """Row sums of the final plan and its cost <C, P> in bits, as exact as bounds need them."""
    u, v = stage.u, stage.v
    if stage.cost is not None:
        assert stage.row_sums is not None
        return stage.row_sums, stage.cost
    r, cost = plan_cost(kernel, u, v, exact_columns=not stage.is_symmetric)
    if not np.all(np.isfinite(r)):
        r = plan_sums(u, *kernel.row_sums(u, v))
    return r, cost


def sum_errors(kernel: Kernel, stage: Stage, largest: float, d: int) -> float:
    """Share by which sums may be off besides what they leave out.

    Costs are up to `largest` epsilon, in d dimensions.
    """
    a, b = kernel.a, kernel.b
    bits = largest * LOG2_E * max(1.0, d / _FEW_DIMENSIONS)
    bits += float(a @ np.abs(stage.u)) / float(a.sum()) + float(b @ np.abs(stage.v)) / float(
        b.sum()
    )
    rounding = _EXPONENT_ROUNDING * bits + _POWER_ROUNDING + _TERM_ROUNDING * max(a.size, b.size)
    return stage.sum_error + kernel.overcount + rounding
