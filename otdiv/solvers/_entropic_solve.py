"""One entropic problem in the caller's units: support, scaling, orientation, value and bounds."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .._kernels.clouds import build_cloud
from .._kernels.exponential import LOG2_E
from .._kernels.point_plan import PointKernel
from .._typing import FloatArray, IndexArray
from ..costs import CostMatrix, PNormCost
from ..errors import UnsupportedProblemError
from ..problems import TransportProblem
from ..results import Bounds, EntropicSummary, Progress, Status
from ._entropic_kernels import DenseKernel, Kernel
from ._entropic_newton import Stage
from ._entropic_path import Geometry, MatrixGeometry, PathOptions, PointGeometry, follow_path
from ._entropic_symmetric import solve_symmetric

__all__ = ["EntropicSolve", "solve_entropic"]

# Bytes that a stored plan may take where the caller sets no limit: more is not faster than
# computing the entries again.
_PLAN_BYTES = 2e8
# An explicit cost matrix is worked on in about this many arrays of its size.
_MATRIX_COPIES = 5
_MATRIX_BYTES = 8e9
# Forbidden pairs cannot be paid for in the repair, so their marginals are solved to rounding.
_FORBIDDEN_TOLERANCE = 2e-14


@dataclass(frozen=True, slots=True, kw_only=True)
class EntropicSolve:
    """Entropic potentials of all atoms with their summary."""

    f: FloatArray
    g: FloatArray
    summary: EntropicSummary
    status: Status
    n_iterations: int
    message: str = ""
    infeasible_rows: IndexArray | None = None
    infeasible_columns: IndexArray | None = None


class _Scaled:
    """The problem on its support, with mass one, costs of size one and a canonical orientation.

    Swapping source and target must give exactly the swapped answer, so the pair is put into an
    order that does not depend on which is which.
    """

    def __init__(self, problem: TransportProblem, max_memory: int | None):
        self.problem = problem
        self.mass = problem.mass
        a, b = problem.a / self.mass, problem.b / self.mass
        self.swapped = _comes_later(problem, a, b)
        self.x, self.y = (problem.y, problem.x) if self.swapped else (problem.x, problem.y)
        self.a, self.b = (b, a) if self.swapped else (a, b)
        self.rows, self.columns = np.flatnonzero(self.a > 0.0), np.flatnonzero(self.b > 0.0)
        self.symmetric = (
            isinstance(problem.cost, PNormCost)
            and np.array_equal(self.a, self.b)
            and np.array_equal(self.x, self.y)
        )
        self.forbidden = False
        cost = problem.cost
        if isinstance(cost, PNormCost) and cost.norm == 2.0 and cost.power in (1.0, 2.0):
            self._points(cost)
        else:
            self._matrix(max_memory)

    def _points(self, cost: PNormCost) -> None:
        points = np.concatenate([self.x[self.rows], self.y[self.columns]])
        low, high = points.min(axis=0), points.max(axis=0)
        length = float(np.linalg.norm(high - low)) or 1.0
        self.unit = length**cost.power
        middle = 0.5 * low + 0.5 * high
        self._shrink = lambda points: (points - middle) / length
        x = build_cloud(self._shrink(self.x[self.rows]), self.a[self.rows])
        y = build_cloud(self._shrink(self.y[self.columns]), self.b[self.columns])
        self.x_order, self.y_order = x.order, y.order
        self.geometry: Geometry = PointGeometry(x, y, root=cost.power == 1.0)

    def _matrix(self, max_memory: int | None) -> None:
        problem = self.problem
        needed = _MATRIX_COPIES * 8 * self.rows.size * self.columns.size
        if needed > (_MATRIX_BYTES if max_memory is None else max_memory):
            raise UnsupportedProblemError(
                f"Sinkhorn needs about {needed:.3g} bytes for a stored cost matrix, more than "
                "`max_memory`; the costs SquaredEuclidean() and Euclidean() need none"
            )
        C = problem.matrix()
        C = (C.T if self.swapped else C)[np.ix_(self.rows, self.columns)]
        finite = np.isfinite(C)
        self.forbidden = not finite.all()
        used = C[finite] if self.forbidden else C
        self.shift = float(used.min()) if used.size else 0.0
        span = float(used.max()) - self.shift if used.size else 0.0
        self.unit = span or 1.0
        C = np.ascontiguousarray((C - self.shift) / self.unit)
        self.x_order, self.y_order = np.arange(self.rows.size), np.arange(self.columns.size)
        self.geometry = MatrixGeometry(C, self.a[self.rows], self.b[self.columns], 1.0)

    def potentials(
        self, kernel: Kernel, stage: Stage, epsilon: float
    ) -> tuple[FloatArray, FloatArray]:
        """Potentials of all atoms in the caller's order and unit, sum a f = sum b g."""
        bit = epsilon * self.unit / LOG2_E
        f, g = np.zeros(self.a.size), np.zeros(self.b.size)
        f[self.rows[self.x_order]] = (stage.u - np.log2(kernel.a)) * bit
        g[self.columns[self.y_order]] = (stage.v - np.log2(kernel.b)) * bit
        dead_rows, dead_columns = self.a == 0.0, self.b == 0.0
        if dead_rows.any():
            f[dead_rows] = self._softmin(dead_rows, kernel, stage, by_column=False) * bit
        if dead_columns.any():
            g[dead_columns] = self._softmin(dead_columns, kernel, stage, by_column=True) * bit
        shift = getattr(self, "shift", 0.0)
        f, g = f + 0.5 * shift, g + 0.5 * shift
        if not self.symmetric:
            surplus = 0.5 * float(self.a @ f - self.b @ g)
            f, g = f - surplus, g + surplus
        return (g, f) if self.swapped else (f, g)

    def _softmin(
        self, dead: FloatArray, kernel: Kernel, stage: Stage, *, by_column: bool
    ) -> FloatArray:
        """Potentials in bits of atoms without weight: what one exact update gives them."""
        if isinstance(kernel, PointKernel):
            if by_column:
                return kernel.transposed().row_softmin(self._shrink(self.y[dead]), stage.u)
            return kernel.row_softmin(self._shrink(self.x[dead]), stage.v)
        C = self.problem.matrix()
        C = C.T if self.swapped else C
        C = C[:, dead].T[:, self.rows] if by_column else C[dead][:, self.columns]
        values = stage.u if by_column else stage.v
        assert isinstance(kernel, DenseKernel)
        shift = getattr(self, "shift", 0.0)
        return kernel.softmin((C - shift) / self.unit, values)


def _comes_later(problem: TransportProblem, a: FloatArray, b: FloatArray) -> bool:
    """Whether source and target are not in canonical order."""
    n, m = problem.shape
    if n != m:
        return n > m
    for first, second in ((a, b), (problem.x, problem.y)):
        if not np.array_equal(first, second):
            different = np.flatnonzero(first.ravel() != second.ravel())[0]
            return bool(first.flat[different] > second.flat[different])
    if isinstance(problem.cost, CostMatrix):
        C = problem.cost.values
        different = np.flatnonzero((C != C.T).ravel())
        if different.size:
            return bool(C.flat[different[0]] > C.T.flat[different[0]])
    return False


def solve_entropic(
    problem: TransportProblem,
    epsilon: float,
    *,
    tolerance: float,
    max_iterations: int,
    max_memory: int | None = None,
    callback: Callable[[Progress], object] | None = None,
    start: tuple[FloatArray, FloatArray] | None = None,
) -> EntropicSolve:
    """Solve min <C, P> + epsilon KL(P | a⊗b) over plans with the problem's marginals.

    `tolerance` is the L1 error of the marginals relative to the mass; `start` are potentials
    (f, g) in the unit of the cost.
    """
    scaled = _Scaled(problem, max_memory)
    # Below this epsilon the exponents, of size scale / epsilon in bits, have rounding errors that
    # show in the marginals: float64 does not tell such a plan from its neighbours.
    floor = scaled.geometry.scale * LOG2_E * 2.0**-50 / tolerance
    wanted = epsilon / scaled.unit
    reachable = max(wanted, floor)
    if scaled.forbidden:
        tolerance = min(tolerance, _FORBIDDEN_TOLERANCE)
    begin = time.perf_counter()

    def monitor(current: float, iteration: int, error: float) -> bool:
        assert callback is not None
        state = Progress(
            iteration=iteration,
            epsilon=current * scaled.unit,
            marginal_error=error * scaled.mass,
            elapsed=time.perf_counter() - begin,
        )
        return callback(state) is True

    options = PathOptions(
        tolerance=tolerance,
        max_iterations=max_iterations,
        max_bytes=_PLAN_BYTES if max_memory is None else min(_PLAN_BYTES, 0.5 * max_memory),
        monitor=None if callback is None else monitor,
    )
    solver = solve_symmetric if scaled.symmetric else follow_path
    kernel, stage = solver(scaled.geometry, reachable, options, _in_bits(scaled, start, reachable))
    f, g = scaled.potentials(kernel, stage, reachable)
    summary = _summary(scaled, kernel, stage, reachable, options.drop)
    status, message = _verdict(stage, wanted, floor, scaled)
    rows, columns = None, None
    if scaled.forbidden and not stage.converged:
        rows, columns = _hall_violation(problem, f)
        if rows is not None:
            status = Status.INFEASIBLE
    return EntropicSolve(
        f=f,
        g=g,
        summary=summary,
        status=status,
        n_iterations=stage.n_iterations,
        message=message,
        infeasible_rows=rows,
        infeasible_columns=columns,
    )


def _in_bits(
    scaled: _Scaled, start: tuple[FloatArray, FloatArray] | None, epsilon: float
) -> tuple[FloatArray, FloatArray] | None:
    if start is None:
        return None
    f, g = (start[1], start[0]) if scaled.swapped else start
    rows, columns = scaled.rows[scaled.x_order], scaled.columns[scaled.y_order]
    bits = LOG2_E / (epsilon * scaled.unit)
    return (
        np.log2(scaled.a[rows]) + f[rows] * bits,
        np.log2(scaled.b[columns]) + g[columns] * bits,
    )


def _summary(
    scaled: _Scaled, kernel: Kernel, stage: Stage, epsilon: float, drop: float
) -> EntropicSummary:
    """Value, terms and bounds of the regularised problem.

    The dual value sum a f + sum b g - epsilon (sum P - 1) is below the optimum for any f, g. Above
    it: scaling row i by alpha_i = min(1, a_i / r_i) leaves a plan P' of mass 1 - lambda whose
    marginals are too small by row_rest and column_rest, and P' plus the product Q of the two rests
    is feasible. The objective is convex, so it is at most (1 - lambda) times that of
    P' / (1 - lambda) plus lambda times that of Q, where KL(P') is a sum of potentials and
    KL(Q | a⊗b) <= 2 log(1 / lambda) because the rests are at most a and b.
    """
    a, b, r = kernel.a, kernel.b, stage.row_sums
    bit = epsilon / LOG2_E
    f, g = (stage.u - np.log2(a)) * bit, (stage.v - np.log2(b)) * bit
    assert r is not None
    error = float(np.abs(a - r).sum())
    sums, costs = kernel.row_costs(stage.u, stage.v, drop)
    transport = float(costs.sum()) * bit
    total = float(r.sum())
    value = float(a @ f + b @ g) - epsilon * (total - 1.0)
    size = float(a @ np.abs(f) + b @ np.abs(g))
    # What pruning may have left out, the rounding of exponents, and that of the two sums.
    rounding = epsilon * (drop + scaled.geometry.scale / epsilon * LOG2_E * 2.0**-49) + 1e-14 * size
    with np.errstate(divide="ignore", invalid="ignore"):
        alpha = np.where(r > a, a / r, 1.0)
    unplaced = float(np.maximum(a - r, 0.0).sum())
    upper = float((alpha * r) @ (f + epsilon * np.log(alpha)) + b @ g)
    if unplaced > 0.0:
        kept = 1.0 - unplaced
        largest = math.inf if scaled.forbidden else scaled.geometry.scale
        upper += unplaced * (largest - float(g.min()) - 2.0 * epsilon * math.log(unplaced))
        upper -= epsilon * kept * math.log(kept) if kept > 0.0 else 0.0
    unit = scaled.unit * scaled.mass
    shift = getattr(scaled, "shift", 0.0) * scaled.mass
    lower = value - rounding
    upper = max(upper + rounding, lower) if math.isfinite(upper) else math.inf
    return EntropicSummary(
        epsilon=epsilon * scaled.unit,
        value=value * unit + shift,
        bounds=Bounds(lower * unit + shift, upper * unit + shift),
        marginal_error=error * scaled.mass,
        terms={"transport": transport * unit + shift, "entropy": (value - transport) * unit},
    )


def _verdict(stage: Stage, wanted: float, floor: float, scaled: _Scaled) -> tuple[Status, str]:
    exact = "NetworkSimplex" if isinstance(scaled.problem.cost, CostMatrix) else "ColumnGeneration"
    if stage.stopped:
        return Status.STOPPED, ""
    if not math.isfinite(stage.error):
        return Status.NUMERICAL_ERROR, ""
    if wanted < floor:
        return Status.STALLED, (
            f"epsilon is below {floor * scaled.unit:.3g}, the least that float64 resolves on costs "
            f"of this size, and that was solved instead; use solvers.{exact}()"
        )
    if stage.converged:
        return Status.OPTIMAL, ""
    message = (
        f"marginal error {stage.error * scaled.mass:.2e}; where epsilon is below the cost of moving "
        f"to the nearest neighbour, solvers.{exact}() is faster, else raise epsilon"
    )
    return Status.STALLED if stage.stalled else Status.MAX_ITERATIONS, message


def _hall_violation(
    problem: TransportProblem, f: FloatArray
) -> tuple[IndexArray | None, IndexArray | None]:
    """Rows that hold more than all columns they may reach, read off diverging potentials.

    Where no plan exists the potentials of such rows grow without end, so they are a set of the
    form f_i > t; each such set is checked against the forbidden pairs.
    """
    allowed = np.isfinite(problem.matrix())
    order = np.argsort(-f, kind="stable")
    reached = np.zeros(problem.shape[1], dtype=bool)
    supply = 0.0
    for k, i in enumerate(order):
        supply += float(problem.a[i])
        reached |= allowed[i]
        if supply - float(problem.b[reached].sum()) > 1e-12 * problem.mass:
            return np.sort(order[: k + 1]), np.flatnonzero(reached)
    return None, None
