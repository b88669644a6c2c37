"""One entropic problem in the caller's units: support, scaling, orientation, value and bounds."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .._kernels.buffers import Buffer
from .._kernels.exponential import LOG2_E
from .._kernels.rerouting import reroute
from .._typing import FloatArray, IndexArray
from ..costs import CostMatrix
from ..problems import TransportProblem
from ..results import Bounds, EntropicSummary, Progress, Status
from ._entropic_full import solve_full
from ._entropic_kernels import DenseKernel, Kernel
from ._entropic_path import PathOptions, follow_path
from ._entropic_scaled import ScaledProblem
from ._entropic_stage import Stage, final_sums, missing_share
from ._entropic_symmetric import solve_symmetric

__all__ = ["EntropicSolve", "solve_entropic"]

# With forbidden pairs the repair may take detours, so marginals are solved to rounding if possible.
_FORBIDDEN_TOLERANCE = 2e-14
# Pairs that may be looked at to lead missing mass over allowed ones, and the share of the mass that
# is no more than rounding of the two totals.
_MOST_VISITS = 10**9
_ROUNDING_MASS = 1e-14


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
    # The masses may differ by rounding; treating them alike keeps the answer symmetric.
    source, target = problem.source, problem.target
    mass = 0.5 * (source.mass + target.mass)
    a, b = source.weights / source.mass, target.weights / target.mass
    scaled = ScaledProblem(problem, a, b, max_memory, sort=False, epsilon=epsilon)
    floor = scaled.floor(tolerance)
    wanted = epsilon / scaled.unit
    reachable = max(wanted, floor)
    asked = tolerance
    if scaled.forbidden:
        tolerance = min(tolerance, _FORBIDDEN_TOLERANCE)
    begin = time.perf_counter()

    def monitor(current: float, iteration: int, error: float) -> bool:
        assert callback is not None
        state = Progress(
            iteration=iteration,
            epsilon=current * scaled.unit,
            marginal_error=error * mass,
            elapsed=time.perf_counter() - begin,
        )
        return callback(state) is True

    options = PathOptions(
        tolerance=tolerance,
        max_iterations=max_iterations,
        max_bytes=scaled.plan_bytes(max_memory),
        monitor=None if callback is None else monitor,
        buffer=Buffer.of_before(),
    )
    hopeless = _isolated(problem) if scaled.forbidden else None
    if hopeless is not None:
        return _infeasible(problem, epsilon, *hopeless)
    solved: tuple[Kernel, Stage] | None = None
    if not scaled.symmetric and start is None:
        solved = solve_full(scaled.geometry, reachable, options)
    if solved is None:
        scaled.sort()
        bits = scaled.in_bits(start, reachable)
        solver = solve_symmetric if scaled.symmetric else follow_path
        solved = solver(scaled.geometry, reachable, options, bits)
    kernel, stage = solved
    f, g = scaled.potentials(kernel, stage.u, stage.v, reachable)
    dropped = options.drop + missing_share(stage, options.tolerance)
    summary = _summary(scaled, mass, kernel, stage, reachable, dropped)
    options.buffer.keep()
    status, message = _verdict(stage, asked, wanted, floor, scaled, mass)
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


def _summary(
    scaled: ScaledProblem, mass: float, kernel: Kernel, stage: Stage, epsilon: float, drop: float
) -> EntropicSummary:
    """Value, terms and bounds of the regularised problem.

    The dual value sum a f + sum b g - epsilon (sum P - 1) is below the optimum for any f, g. Above
    it: scaling row i by alpha_i = min(1, a_i / r_i) leaves a plan P' of mass 1 - lambda whose
    marginals are too small by row_rest and column_rest, and P' plus the product Q of the two rests
    is feasible. The objective is convex, so it is at most (1 - lambda) times that of
    P' / (1 - lambda) plus lambda times that of Q, where KL(P') is a sum of potentials and
    KL(Q | a⊗b) <= 2 log(1 / lambda) because the rests are at most a and b. Where Q would use
    forbidden pairs, the rests go over allowed ones and the objective of that plan is summed up.

    The slack of both bounds: every sum here has positive terms or terms of the size of a |f| and
    b |g|, taken pairwise or in blocks, so that it errs by less than 90 u = 1e-14 of that size. An
    exponent u_i + v_j - c_ij errs by 4 u of the largest c_ij = scale / epsilon bits, and with it
    the total mass of the plan, which enters with the factor epsilon; pruning, and sums of a stored
    plan that moved, leave out at most `drop` of it.
    """
    a, b = kernel.a, kernel.b
    r, cost = final_sums(kernel, stage)
    bit = epsilon / LOG2_E
    f, g = (stage.u - np.log2(a)) * bit, (stage.v - np.log2(b)) * bit
    error = float(np.abs(a - r).sum())
    transport = cost * bit
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
        largest = scaled.geometry.scale
        upper += unplaced * (largest - float(g.min()) - 2.0 * epsilon * math.log(unplaced))
        upper -= epsilon * kept * math.log(kept) if kept > 0.0 else 0.0
    if kernel.excess > 0.0:
        # So much less than the row and column sums say may be placed, and has to move somewhere.
        far = scaled.geometry.scale - float(f.min()) - float(g.min())
        upper += 2.0 * kernel.excess * (far - 2.0 * epsilon * math.log(kernel.excess))
    if scaled.forbidden:
        upper = _rerouted_value(kernel, stage, epsilon)
    unit = scaled.unit * mass
    shift = scaled.shift * mass
    lower = value - rounding
    upper = max(upper + rounding, lower) if math.isfinite(upper) else math.inf
    return EntropicSummary(
        epsilon=epsilon * scaled.unit,
        value=value * unit + shift,
        bounds=Bounds(lower * unit + shift, upper * unit + shift),
        marginal_error=error * mass,
        terms={"transport": transport * unit + shift, "entropy": (value - transport) * unit},
    )


def _rerouted_value(kernel: Kernel, stage: Stage, epsilon: float) -> float:
    """Objective (scaled) of the plan repaired over allowed pairs; inf where that did not succeed.

    Its marginals agree with a and b to rounding, which the caller's slack covers like that of sums.
    """
    assert isinstance(kernel, DenseKernel)
    a, b, C = kernel.a, kernel.b, kernel.costs
    plan = kernel.plan(stage.u, stage.v)
    with np.errstate(divide="ignore"):
        plan *= np.minimum(1.0, a / plan.sum(axis=1))[:, None]
        plan *= np.minimum(1.0, b / plan.sum(axis=0))
    row_rest = np.maximum(a - plan.sum(axis=1), 0.0)
    column_rest = np.maximum(b - plan.sum(axis=0), 0.0)
    reroute(plan, C, row_rest, column_rest, _MOST_VISITS)
    if min(float(row_rest.sum()), float(column_rest.sum())) > _ROUNDING_MASS:
        return math.inf
    used = plan > 0.0
    mass = plan[used]
    product = (a[:, None] * b)[used]
    return float(mass @ C[used]) + epsilon * float(mass @ np.log(mass / product))


def _verdict(
    stage: Stage, asked: float, wanted: float, floor: float, scaled: ScaledProblem, mass: float
) -> tuple[Status, str]:
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
    if stage.converged or stage.error <= asked:
        return Status.OPTIMAL, ""
    message = (
        f"marginal error {stage.error * mass:.2e}; where epsilon is below the cost of moving "
        f"to the nearest neighbour, solvers.{exact}() is faster, else raise epsilon"
    )
    return Status.STALLED if stage.stalled else Status.MAX_ITERATIONS, message


def _infeasible(
    problem: TransportProblem, epsilon: float, rows: IndexArray, columns: IndexArray
) -> EntropicSolve:
    n, m = problem.shape
    return EntropicSolve(
        f=np.zeros(n),
        g=np.zeros(m),
        summary=EntropicSummary(
            epsilon=epsilon,
            value=math.inf,
            bounds=Bounds(math.inf, math.inf),
            marginal_error=math.inf,
            terms={},
        ),
        status=Status.INFEASIBLE,
        n_iterations=0,
        infeasible_rows=rows,
        infeasible_columns=columns,
    )


def _isolated(problem: TransportProblem) -> tuple[IndexArray, IndexArray] | None:
    """An atom with mass and no allowed partner, as rows and the columns that they reach."""
    allowed = np.isfinite(problem.matrix())
    lonely = (problem.a > 0.0) & ~allowed.any(axis=1)
    if lonely.any():
        return np.flatnonzero(lonely), np.empty(0, dtype=np.int64)
    unreached = (problem.b > 0.0) & ~allowed.any(axis=0)
    if unreached.any():
        return np.arange(problem.shape[0]), np.flatnonzero(allowed.any(axis=0))
    return None


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
