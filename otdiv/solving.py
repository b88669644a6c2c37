"""The driver: choose a solver, run it, repair and certify what it returns, decide the status."""

from __future__ import annotations

import dataclasses
import math
import time
from typing import Any

import numpy as np

from . import certificates
from ._arrays import keeps_arrays
from ._calling import explains_calls
from ._derived import brought_to_ground, on_ground, result_of
from ._monitor import Deadline
from ._validation import (
    check_callback,
    check_positive_integer,
    check_seconds,
    check_tolerance,
    describe,
)
from .costs import DerivedCost, PNormCost, ShapedCost, as_cost_of_points
from .errors import ConvergenceError, InvalidInputError
from .measures import as_measures
from .plans import Potentials, SparsePlan
from .problems import PROBLEM_OF_SAMPLES, TransportProblem, check_problem
from .results import (
    Bounds,
    Callback,
    Solution,
    SolveOptions,
    Solver,
    Status,
    TransportResult,
)
from .selection import select_solver
from .solvers._resting import resting_plan
from .solvers._settling import settled

__all__ = ["EXACT_RTOL", "solve", "transport", "transport_matrix"]

# What "exact" means where no tolerance is asked: the gap is at most this share of the value, or of
# the sum of P|C| with costs of both signs.
EXACT_RTOL = 1e-9
# Pairs of a problem that is solved anew in whole numbers where the solver's answer does not help.
_FEW_PAIRS = 10**5
# The least float above zero.
_LEAST = 5e-324
# Share of the value up to which the gap of a plan that had to be repaired is taken for rounding.
_ROUNDING = 1e-11
# What atoms that are the same but for the rounding of their weights cost, as a share of the mass
# times the largest cost, at most.
_DUST = 2.0**-48


@explains_calls(PROBLEM_OF_SAMPLES)
def solve(
    problem: TransportProblem,
    *,
    solver: Solver | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    max_seconds: float | None = None,
    max_memory: int | None = None,
    callback: Callback | None = None,
    warm_start: TransportResult | None = None,
    throw: bool = True,
) -> TransportResult:
    """Solve a transport problem and prove the value: lower <= optimum <= value <= upper.

    Parameters
    ----------
    problem : TransportProblem
        n source atoms, m target atoms, a cost.
    solver : Solver, optional
        An object of `otdiv.solvers`; None asks `select_solver`.
    rtol, atol : float, optional
        Tolerances of the cost: met when upper - lower <= max(atol, rtol |upper|). Without either,
        exact solvers close the gap to rounding, and entropic ones meet their own rule.
    max_seconds : float, optional
        Seconds of the clock after which the solver is stopped, at its next look: the result has the
        status STOPPED, and the plan and bounds of that moment, whose proof is made after it.
        `LinearProgram` has only a plan and bounds of no use then; `Line` and `PotNetworkSimplex`
        run to their end.
    max_memory : int, optional
        Bytes that the solver may allocate.
    callback : callable, optional
        Called with a `Progress` between slices of work; returning True stops.
    warm_start : TransportResult, optional
        Result of a like problem (moved points, changed weights) to start from; the answer is right
        for any. `NetworkSimplex`, `ColumnGeneration` and `Sinkhorn` use it, the other solvers start
        afresh. The shapes must agree; `ColumnGeneration` takes any numbers of points.
    throw : bool, default True
        Raise where the status is not OPTIMAL; otherwise return it.

    Returns
    -------
    TransportResult
        Feasible plan and potentials, `value`, `bounds`, `status`.

    Raises
    ------
    ConvergenceError
        If the status is not OPTIMAL and `throw` is True; it carries the result.
    UnsupportedProblemError
        If the solver cannot treat this problem, or none fits `max_memory`.

    Examples
    --------
    >>> from otdiv import TransportProblem, solve
    >>> result = solve(TransportProblem.from_matrix([[0.0, 2.0], [2.0, 1.0]]))
    >>> result.value, result.status.name
    (0.5, 'OPTIMAL')
    """
    check_problem(problem)
    check_callback(callback)
    max_seconds = check_seconds(max_seconds)
    deadline = None if max_seconds is None else time.perf_counter() + max_seconds
    options = SolveOptions(
        rtol=check_tolerance("rtol", rtol),
        atol=check_tolerance("atol", atol),
        max_memory=None if max_memory is None else check_positive_integer("max_memory", max_memory),
        callback=callback if deadline is None else Deadline(callback, deadline),
        warm_start=_checked_warm_start(warm_start),
        deadline=deadline,
    )
    if solver is None:
        solver = select_solver(
            problem, rtol=options.rtol, atol=options.atol, max_memory=options.max_memory
        ).solver
    elif isinstance(solver, str | type) or not hasattr(solver, "run"):
        requirement = "be a solver object, as solvers.NetworkSimplex()"
        raise InvalidInputError("solver", requirement, describe(solver))
    if isinstance(problem.cost, DerivedCost):
        result = _of_derived_cost(problem, solver, options)
    else:
        result = _run(problem, solver, options)
    if throw and result.status is not Status.OPTIMAL:
        raise ConvergenceError(_complaint(result, options), result)
    return result


def _run(problem: TransportProblem, solver: Solver, options: SolveOptions) -> TransportResult:
    try:
        return _certified(problem, solver, solver.run(problem, options=options), options)
    finally:
        problem.forget()


def _of_derived_cost(
    problem: TransportProblem, solver: Solver, options: SolveOptions
) -> TransportResult:
    """Solve the problem that the cost comes down to, and widen its bounds by what that loses.

    Where nothing was asked it is exact if the problem on the ground was solved exactly: no
    algorithm closes what rounding of the points leaves.
    """
    ground, reduced = on_ground(problem, takes_shapes=getattr(solver, "takes_shapes", False))
    found = _run(ground, solver, brought_to_ground(options, ground, reduced))
    result = result_of(found, problem, reduced)
    asked = options.rtol is not None or options.atol is not None
    if asked and result.status is Status.OPTIMAL and not _is_closed_to(result.bounds, options):
        return dataclasses.replace(result, status=Status.STALLED)
    return result


def _is_closed_to(bounds: Bounds, options: SolveOptions) -> bool:
    return bounds.meets(options.rtol or 0.0, options.atol or 0.0)


def _checked_warm_start(warm_start: Any) -> TransportResult | None:
    if warm_start is not None and not isinstance(warm_start, TransportResult):
        raise InvalidInputError("warm_start", "be a TransportResult", describe(warm_start))
    return warm_start


def _certified(
    problem: TransportProblem, solver: Solver, solution: Solution, options: SolveOptions
) -> TransportResult:
    if solution.status is Status.INFEASIBLE:
        return _infeasible(problem, solver, solution)
    if solution.plan is None or solution.potentials is None:
        return _unproven(problem, solver, solution)
    given = problem.sorted_line() if solution.sorted_line else problem
    proof = certificates.prove(
        given,
        solution.plan,
        solution.potentials,
        rtol=options.rtol or 0.0,
        atol=options.atol or 0.0,
    )
    status = solution.status
    if status is Status.OPTIMAL and solution.entropic is None:
        # The solver met its own rule, in floats: light atoms and long sums may need more.
        found = _tightened(proof, solution, options)
        if isinstance(found, Solution):
            return _infeasible(problem, solver, found)
        proof = found
    asked = options.rtol is not None or options.atol is not None
    closed = _is_closed(proof, options)
    if solution.sorted_line:
        proof = certificates.in_caller_order(proof, problem)
    if status is Status.OPTIMAL and not closed and (asked or solution.entropic is None):
        status = Status.STALLED
    if status is Status.STOPPED and asked and closed and options.deadline is not None:
        # What was asked is proven, if only now.
        status = Status.OPTIMAL
    if not math.isfinite(proof.bounds.upper):
        status = Status.NUMERICAL_ERROR if status is Status.OPTIMAL else status
    return TransportResult(
        problem=problem,
        plan=proof.plan,
        potentials=proof.potentials,
        value=proof.value,
        bounds=proof.bounds,
        status=status,
        n_iterations=solution.n_iterations,
        solver=solver,
        entropic=solution.entropic,
        message=solution.message,
    )


def _tightened(
    proof: certificates.Proof, solution: Solution, options: SolveOptions
) -> certificates.Proof | Solution:
    """The proof, or a tighter one where it does not close; or what shows that there is no plan."""
    problem, plan = proof.problem, solution.plan
    if _is_exact(proof, solution, options):
        return proof
    if not _is_closed(proof, options):
        # Where each atom goes to its nearest neighbour, no potentials are better than none.
        nothing = Potentials(f=np.zeros(problem.shape[0]), g=np.zeros(problem.shape[1]))
        proof = _better(proof, dataclasses.replace(solution, potentials=nothing), options)
        if proof.value <= _DUST * problem.cost_bound() * problem.mass:
            resting = dataclasses.replace(solution, plan=resting_plan(problem), potentials=nothing)
            proof = _better(proof, resting, options)
        if _is_exact(proof, solution, options):
            return proof
    again = settled(problem, plan, proof.potentials)
    if again is not None and again.plan is None and proof.bounds.upper == math.inf:
        return again
    proof = _better(proof, again, options)
    if not _is_closed(proof, options) and problem.shape[0] * problem.shape[1] <= _FEW_PAIRS:
        proof = _better(proof, settled(problem), options)
    if not _is_closed(proof, options) and solution.potentials is not None:
        proof = _exactly(proof, solution.potentials)
    return proof


def _better(
    proof: certificates.Proof, again: Solution | None, options: SolveOptions
) -> certificates.Proof:
    """The proof with the smaller gap, of this one and that of another plan with its potentials."""
    if again is None or again.plan is None or again.potentials is None:
        return proof
    second = certificates.prove(proof.problem, again.plan, again.potentials)
    if not _is_closed(second, options) and not _is_closed(proof, options):
        second = _exactly(second, again.potentials)
    return second if second.bounds.gap < proof.bounds.gap else proof


def _exactly(proof: certificates.Proof, potentials: Potentials) -> certificates.Proof:
    """The proof with what the potentials prove in exact arithmetic, where that is more."""
    feasible, lower = certificates.exact_lower(proof.problem, potentials)
    # A plan may be below the exact optimum, as its marginals count as met where they nearly are.
    if not proof.bounds.lower < lower <= proof.value:
        return proof
    bounds = Bounds(lower, proof.bounds.upper)
    return dataclasses.replace(proof, potentials=feasible, bounds=bounds)


def _is_exact(proof: certificates.Proof, solution: Solution, options: SolveOptions) -> bool:
    """Whether the bounds close, and where nothing was asked by a plan that needed no repair."""
    if not _is_closed(proof, options):
        return False
    if options.rtol is not None or options.atol is not None or proof.plan is solution.plan:
        return True
    return proof.bounds.meets(_ROUNDING, 0.0)


def _is_closed(proof: certificates.Proof, options: SolveOptions) -> bool:
    """Whether the bounds meet what was asked, or are exact where nothing was."""
    bounds, problem = proof.bounds, proof.problem
    if options.rtol is not None or options.atol is not None:
        return bounds.meets(options.rtol or 0.0, options.atol or 0.0)
    if bounds.meets(EXACT_RTOL, 0.0):
        return True
    # Where floats end, costs and masses keep no digits that could be told apart.
    if bounds.gap <= _LEAST * (64.0 + 2.0 * sum(problem.shape)):
        return True
    # Costs of both signs may cancel: what is paid and what is earned is the measure then.
    of_points = isinstance(problem.cost, PNormCost | ShapedCost)
    if of_points or not isinstance(proof.plan, SparsePlan):
        return False
    plan = proof.plan
    paid = float(np.abs(problem.pair_costs(plan.rows, plan.columns)) @ plan.mass)
    return bounds.gap <= EXACT_RTOL * paid


def _infeasible(problem: TransportProblem, solver: Solver, solution: Solution) -> TransportResult:
    rows, columns = solution.infeasible_rows, solution.infeasible_columns
    proven = (
        rows is not None
        and columns is not None
        and certificates.infeasibility_holds(problem, rows, columns)
    )
    if not proven:
        return _unproven(problem, solver, solution)
    return TransportResult(
        problem=problem,
        plan=None,
        potentials=None,
        value=math.inf,
        bounds=Bounds(math.inf, math.inf),
        status=Status.INFEASIBLE,
        n_iterations=solution.n_iterations,
        solver=solver,
        message=solution.message,
        infeasible_rows=rows,
        infeasible_columns=columns,
    )


def _unproven(problem: TransportProblem, solver: Solver, solution: Solution) -> TransportResult:
    """Result without plan or proof: nothing is known but that the value is some number."""
    failed = solution.status in (Status.OPTIMAL, Status.INFEASIBLE)
    lower = 0.0 if isinstance(problem.cost, PNormCost | ShapedCost) else -math.inf
    return TransportResult(
        problem=problem,
        plan=None,
        potentials=None,
        value=math.inf,
        bounds=Bounds(lower, math.inf),
        status=Status.NUMERICAL_ERROR if failed else solution.status,
        n_iterations=solution.n_iterations,
        solver=solver,
        message=solution.message,
    )


def _complaint(result: TransportResult, options: SolveOptions) -> str:
    parts = [
        f"{type(result.solver).__name__} ended with {result.status.name}: {result.status.value}"
    ]
    if result.message:
        parts.append(result.message)
    bounds = result.bounds
    if result.status is Status.INFEASIBLE:
        assert result.infeasible_rows is not None
        rows = ", ".join(str(int(i)) for i in result.infeasible_rows[:8])
        more = ", …" if result.infeasible_rows.size > 8 else ""
        parts.append(f"rows {rows}{more} hold too much mass")
    else:
        asked = f", asked rtol={options.rtol}, atol={options.atol}" if options.rtol else ""
        parts.append(
            f"proven so far: [{bounds.lower:.9g}, {bounds.upper:.9g}], relative gap "
            f"{bounds.relative_gap:.2e}{asked}"
        )
    return "; ".join(parts)


@keeps_arrays("transport_cost")
@explains_calls("a matrix of costs goes to transport_matrix(C, x_weights=…, y_weights=…)")
def transport(
    x: Any,
    y: Any,
    *,
    x_weights: Any = None,
    y_weights: Any = None,
    cost: Any = "euclidean",
    solver: Solver | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    max_seconds: float | None = None,
    max_memory: int | None = None,
    callback: Callback | None = None,
    warm_start: TransportResult | None = None,
    throw: bool = True,
) -> TransportResult:
    """Optimal transport between two samples, with plan, potentials and proof.

    Parameters
    ----------
    x, y : array_like, shapes (n,) or (n, d) and (m,) or (m, d)
        Points. A `DiscreteMeasure` is taken as it is, with its mass. Integers beyond 2**53 and
        long doubles are counted from the least of both samples, exactly, which changes no cost:
        `result.problem.origin` is what was taken off.
    x_weights, y_weights : array_like, shapes (n,) and (m,), optional
        Relative frequencies, each side normalised to 1; uniform by default.
    cost : PNormCost, another cost of points, or str, default "euclidean"
        Ground cost: also `Cosine`, `Mahalanobis`, `Periodic`, `Geodesic`, `Truncated`, `Huber` and
        `FunctionCost`; or one of "euclidean", "sqeuclidean", "cityblock", "chebyshev", "cosine",
        "geodesic".
    solver, rtol, atol, max_seconds, max_memory, callback, warm_start, throw
        As in `solve`; tolerances are those of the cost.

    Returns
    -------
    TransportResult
        Plan indices are rows of `x` and `y`; `value` is in the unit of the cost.

    Raises
    ------
    InvalidInputError, ConvergenceError, UnsupportedProblemError
        As in `solve`.

    Examples
    --------
    >>> from otdiv import transport
    >>> result = transport([[0.0, 0.0], [1.0, 0.0]], [[1.0, 1.0], [0.0, 1.0]])
    >>> result.value
    1.0
    >>> 1.0 in result.bounds
    True
    """
    cost = as_cost_of_points(cost)
    source, target, origin = as_measures(x, y, x_weights, y_weights)
    problem = TransportProblem(source=source, target=target, cost=cost).counted_from(origin)
    return solve(
        problem,
        solver=solver,
        rtol=rtol,
        atol=atol,
        max_seconds=max_seconds,
        max_memory=max_memory,
        callback=callback,
        warm_start=warm_start,
        throw=throw,
    )


@keeps_arrays("transport_matrix_cost")
@explains_calls(
    "points go to transport(x, y); POT's emd(a, b, M) is "
    "transport_matrix(M, x_weights=a, y_weights=b)"
)
def transport_matrix(
    C: Any,
    *,
    x_weights: Any = None,
    y_weights: Any = None,
    solver: Solver | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    max_seconds: float | None = None,
    max_memory: int | None = None,
    callback: Callback | None = None,
    warm_start: TransportResult | None = None,
    throw: bool = True,
) -> TransportResult:
    """Optimal transport for a bare cost matrix `C` (n, m); `inf` forbids a pair.

    Parameters
    ----------
    C : array_like or scipy.sparse array, shape (n, m)
        Costs of any finite sign, or inf. A sparse array forbids the pairs that it does not store,
        and a zero that it stores is a cost (`SparseCost`); memory is proportional to the entries.
    x_weights, y_weights : array_like, shapes (n,) and (m,), optional
        Relative frequencies of rows and columns, each normalised to 1; uniform by default.
    solver, rtol, atol, max_seconds, max_memory, callback, warm_start, throw
        As in `solve`.

    Returns
    -------
    TransportResult

    Raises
    ------
    InvalidInputError, ConvergenceError, UnsupportedProblemError
        As in `solve`.

    Examples
    --------
    >>> from otdiv import transport_matrix
    >>> transport_matrix([[3.0, 1.0], [1.0, 3.0]]).value
    1.0
    >>> from scipy.sparse import coo_array
    >>> C = coo_array(([2.0, 0.0, 5.0], ([0, 1, 1], [1, 0, 1])), shape=(2, 2))
    >>> transport_matrix(C).value
    1.0
    """
    return solve(
        TransportProblem.from_matrix(C, x_weights, y_weights),
        solver=solver,
        rtol=rtol,
        atol=atol,
        max_seconds=max_seconds,
        max_memory=max_memory,
        callback=callback,
        warm_start=warm_start,
        throw=throw,
    )
