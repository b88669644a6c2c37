"""One entropic problem from the caller's units to potentials, bounds and a status.

The problem is scaled and put in order (`scaling`), solved on one of three roads
(`iteration.smooth`, `iteration.symmetric`, `iteration.annealing`), and bounded (`bounds`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from .._frozen import restore, seal
from .._gibbs.buffers import Buffer
from .._gibbs.dense_kernel import DenseKernel
from .._gibbs.protocols import Kernel
from .._monitor import Monitor
from .._rescaling import in_callers_units, moderate_callback, moderate_problem
from .._typing import FloatArray, IndexArray
from ..costs import CostMatrix
from ..plans import DensePlan, Plan
from ..problems import TransportProblem
from ..results import Bounds, EntropicSummary, Progress, Status
from .bounds import rerouted_plan, summarise
from .iteration.annealing import AnnealingOptions, anneal
from .iteration.marginals import Stage
from .iteration.smooth import solve_smooth
from .iteration.symmetric import solve_symmetric
from .plan import DENSE_PAIRS, entropic_plan, plan_in_factors
from .scaling import ScaledProblem

__all__ = ["EntropicSolve", "solve_entropic"]

# Tolerance where pairs are forbidden: the repair of missing mass may take dear detours, so
# marginals are solved to rounding if possible.
_FORBIDDEN_TOLERANCE = 2e-14
# Times that potentials are taken off the costs. Each time epsilon may be some 1e7 times smaller;
# after two times what float64 loses of the potentials themselves is more than that.
_MOST_ABSORBED = 2
# Epsilon beside which costs of moderate size change no digit; larger ones are solved as this one.
_LARGEST_EPSILON = 1e150
# Epsilon that costs of moderate size do not resolve.
_LEAST_EPSILON = 1e-300


@dataclass(frozen=True, slots=True, kw_only=True)
class EntropicSolve:
    """A summary with its potentials of all atoms, and how the solve ended."""

    summary: EntropicSummary
    status: Status
    n_iterations: int
    plan: FloatArray | None = None
    """The plan (n, m) where factors of it would lose digits, or hold what was left out."""
    message: str = ""
    infeasible_rows: IndexArray | None = None
    infeasible_columns: IndexArray | None = None

    __setstate__ = restore

    def __post_init__(self) -> None:
        seal(self)

    def transport_plan(self, problem: TransportProblem) -> Plan:
        """Plan of the problem that was solved."""
        if self.plan is not None:
            return DensePlan(mass=self.plan)
        return entropic_plan(problem, self.summary)

    @property
    def f(self) -> FloatArray:
        """Entropic potentials (n,) of the source."""
        return self.summary.f

    @property
    def g(self) -> FloatArray:
        """Entropic potentials (m,) of the target."""
        return self.summary.g


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
    """Solve min <C, P> + epsilon KL(P | a⊗b / m) over plans with the problem's marginals.

    `tolerance` is the L1 error of the marginals relative to the mass; `start` are potentials
    (f, g) in the unit of the cost.
    """
    moderate, factor = moderate_problem(problem)
    if factor != 1.0 and start is not None:
        with np.errstate(over="ignore"):
            start = start[0] * factor, start[1] * factor
    scaled_epsilon = min(max(epsilon * factor, _LEAST_EPSILON), _LARGEST_EPSILON)
    if moderate.cost_bound() == 0.0:
        # Any epsilon has the same plan, and one of a moderate size finds it without underflow.
        scaled_epsilon = max(scaled_epsilon, 1.0 / _LARGEST_EPSILON)
    # Rows without an allowed pair divide by 0; the way back to tiny units may underflow.
    with np.errstate(all="ignore"):
        solved = _solved(
            moderate,
            scaled_epsilon,
            tolerance=tolerance,
            max_iterations=max_iterations,
            max_memory=max_memory,
            callback=callback if factor == 1.0 else moderate_callback(callback, factor),
            start=start,
            factor=factor,
        )
        if moderate is problem:
            return solved
        plan = solved.plan
        if plan is None and solved.status is not Status.INFEASIBLE and _is_small(problem):
            # Near the ends of float64 the potentials lose digits in the caller's unit.
            plan = plan_in_factors(moderate, solved.summary).toarray()
        return replace(solved, plan=plan, summary=in_callers_units(solved.summary, factor))


def _is_small(problem: TransportProblem) -> bool:
    n, m = problem.shape
    return n * m <= DENSE_PAIRS


def _solved(
    problem: TransportProblem,
    epsilon: float,
    *,
    tolerance: float,
    max_iterations: int,
    max_memory: int | None,
    callback: Callable[[Progress], object] | None,
    start: tuple[FloatArray, FloatArray] | None,
    factor: float,
) -> EntropicSolve:
    """`solve_entropic` in moderate units, in which costs are `factor` times the caller's."""
    # The masses may differ by rounding; treating them alike keeps the answer symmetric.
    source, target = problem.source, problem.target
    mass = 0.5 * (source.mass + target.mass)
    a, b = source.weights / source.mass, target.weights / target.mass
    scaled = ScaledProblem(problem, a, b, max_memory, sort=False, epsilon=epsilon)
    if scaled.forbidden:
        is_out_of_sight = _isolated(problem)
        if is_out_of_sight is not None:
            return _infeasible(problem, epsilon, *is_out_of_sight)
    solving = _Solving(
        scaled, epsilon, mass, tolerance, start, Monitor(callback), max_iterations, max_memory
    )
    found = solving.with_absorbed_potentials(solving.with_felt_costs())
    summary = summarise(scaled, mass, found.kernel, found.stage, found.epsilon, found.repaired)
    status, message = _verdict(found, tolerance, epsilon, scaled, mass, factor)
    rows, columns = None, None
    if scaled.forbidden and scaled.ignored is None and not found.stage.converged:
        rows, columns = _hall_violation(problem, summary.f)
        if rows is not None:
            status = Status.INFEASIBLE
    return EntropicSolve(
        summary=summary,
        plan=_written_plan(scaled, found, mass),
        status=status,
        n_iterations=found.stage.n_iterations,
        message=message,
        infeasible_rows=rows,
        infeasible_columns=columns,
    )


def _written_plan(scaled: ScaledProblem, found: _Attempt, mass: float) -> FloatArray | None:
    """The plan (n, m) where factors of it would lose digits, or hold what was left out."""
    if not scaled.reduced and scaled.ignored is None:
        return None
    assert isinstance(found.kernel, DenseKernel)
    plan = found.repaired
    if plan is None:
        plan = found.kernel.plan(found.stage.u, found.stage.v)
    return scaled.scattered(plan) * mass


class _Attempt(NamedTuple):
    """The last stage at an epsilon and a limit of costs (scaled)."""

    kernel: Kernel
    stage: Stage
    epsilon: float
    floor: float
    repaired: FloatArray | None
    """Plan of a matrix on its allowed pairs, where some are forbidden."""
    holds: bool
    """Whether no pair above the limit is missed."""


class _Solving:
    """Attempts at one scaled problem: with fewer costs, then with potentials off the costs."""

    def __init__(
        self,
        scaled: ScaledProblem,
        epsilon: float,
        mass: float,
        tolerance: float,
        start: tuple[FloatArray, FloatArray] | None,
        monitor: Monitor,
        max_iterations: int,
        max_memory: int | None,
    ):
        self.scaled, self.epsilon, self.mass, self.tolerance = scaled, epsilon, mass, tolerance
        self.start, self.monitor = start, monitor
        self.max_iterations, self.max_memory = max_iterations, max_memory

    def with_felt_costs(self) -> _Attempt:
        """Costs above a limit are ignored, and the limit is raised until none is missed."""
        scaled = self.scaled
        for limit in scaled.cost_limits(self.tolerance):
            if limit < math.inf or scaled.ignored is not None:
                scaled.limit_costs(limit)
            found = self._attempt()
            if found.holds:
                break
        return found

    def with_absorbed_potentials(self, found: _Attempt) -> _Attempt:
        """Where epsilon is below what float64 resolves: potentials are taken off the costs."""
        scaled = self.scaled
        for _ in range(_MOST_ABSORBED if isinstance(found.kernel, DenseKernel) else 0):
            done = found.stage.stopped or not found.stage.error <= self.tolerance
            if done or self.epsilon >= found.floor * scaled.unit:
                break
            scaled.absorb(found.kernel, found.stage, found.epsilon)
            found = self._attempt()
            if not found.holds:
                scaled.limit_costs(math.inf)
                found = self._attempt()
        return found

    def _attempt(self) -> _Attempt:
        scaled = self.scaled
        floor = scaled.floor(self.tolerance)
        options = self._options()
        epsilon = max(self.epsilon / scaled.unit, floor)
        kernel, stage = _final_stage(scaled, epsilon, options, self.start)
        options.buffer.keep()
        repaired = rerouted_plan(scaled, kernel, stage) if scaled.forbidden else None
        holds = repaired is not None and stage.error <= self.tolerance
        holds = holds or scaled.ignored is None or stage.stopped
        return _Attempt(kernel, stage, epsilon, floor, repaired, holds)

    def _options(self) -> AnnealingOptions:
        tolerance = self.tolerance
        if self.scaled.forbidden:
            # With pairs that are left out only what is nearly met can be repaired.
            tolerance = min(tolerance, _FORBIDDEN_TOLERANCE)
        return AnnealingOptions(
            tolerance=tolerance,
            max_iterations=self.max_iterations,
            max_bytes=self.scaled.plan_bytes(self.max_memory),
            asks_to_stop=self._asks_to_stop,
            buffer=Buffer.of_before(),
        )

    def _asks_to_stop(self, epsilon: float, iteration: int, error: float) -> bool:
        self.monitor.iteration = iteration
        return self.monitor.asks_to_stop(
            epsilon=epsilon * self.scaled.unit, marginal_error=error * self.mass
        )


def _final_stage(
    scaled: ScaledProblem,
    epsilon: float,
    options: AnnealingOptions,
    start: tuple[FloatArray, FloatArray] | None,
) -> tuple[Kernel, Stage]:
    """Kernel and last stage at a scaled epsilon, by the way that suits the problem."""
    if not scaled.symmetric and start is None:
        solved = solve_smooth(scaled.geometry, epsilon, options)
        if solved is not None:
            return solved
    scaled.sort()
    bits = scaled.in_bits(start, epsilon)
    solver = solve_symmetric if scaled.symmetric else anneal
    return solver(scaled.geometry, epsilon, options, bits)


def _verdict(
    found: _Attempt,
    asked: float,
    epsilon: float,
    scaled: ScaledProblem,
    mass: float,
    factor: float,
) -> tuple[Status, str]:
    """Status of an attempt at `epsilon` to the marginal error `asked`, and what may help."""
    stage, floor = found.stage, found.floor
    exact = "NetworkSimplex" if isinstance(scaled.problem.cost, CostMatrix) else "ColumnGeneration"
    if stage.stopped:
        return Status.STOPPED, ""
    if not math.isfinite(stage.error):
        return Status.NUMERICAL_ERROR, ""
    if epsilon / scaled.unit < floor:
        least = floor * scaled.unit / factor
        return Status.STALLED, (
            f"epsilon is below {least:.3g}, the least that float64 resolves on costs "
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
        summary=EntropicSummary(
            epsilon=epsilon,
            value=math.inf,
            bounds=Bounds(math.inf, math.inf),
            marginal_error=math.inf,
            terms={},
            f=np.zeros(n),
            g=np.zeros(m),
        ),
        status=Status.INFEASIBLE,
        n_iterations=0,
        infeasible_rows=rows,
        infeasible_columns=columns,
    )


def _isolated(problem: TransportProblem) -> tuple[IndexArray, IndexArray] | None:
    """Atoms with mass and no allowed partner that has any, as rows and the columns they reach."""
    allowed = np.isfinite(problem.matrix())
    rows, columns = problem.a > 0.0, problem.b > 0.0
    isolated = rows & ~allowed[:, columns].any(axis=1)
    if isolated.any():
        return np.flatnonzero(isolated), np.flatnonzero(allowed[isolated].any(axis=0))
    unreached = columns & ~allowed[rows].any(axis=0)
    if unreached.any():
        return np.flatnonzero(rows), np.flatnonzero(allowed[rows].any(axis=0))
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
