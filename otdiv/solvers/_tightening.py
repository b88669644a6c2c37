"""Unregularised transport to a tolerance by way of entropic potentials.

Entropic potentials tell which pairs an optimal plan uses: those whose reduced cost C - f - g is
small. At each epsilon the pairs with the smallest ones get a sparse simplex; its plan bounds the
optimum from above, and its duals or the entropic ones, made feasible for all pairs, from below.
Epsilon falls until the two meet. A cost matrix has no lists of near pairs: there the plan is the
entropic one itself, repaired.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import certificates
from .._monitor import EndOfRun
from ..costs import PNormCost
from ..entropic.solve import EntropicSolve, solve_entropic
from ..errors import InvalidInputError
from ..plans import Plan, Potentials, SparsePlan
from ..problems import TransportProblem
from ..results import EntropicSummary, Solution, SolveOptions, Status
from ._columns.restricted import RestrictedProblem
from ._columns.run import ColumnRun

__all__ = ["solve_to_tolerance"]

# First epsilon over the mean cost. Measured at n = 1e4 with squared costs: it closes the bounds to
# 1e-5, in 2 and in 10 dimensions.
_FIRST_SHARE = 1e-2
# Factor by which epsilon falls; by taste.
_TIGHTENING = 4.0
# Share of the largest cost below which epsilon is less than the rounding of potentials.
_LEAST_SHARE = 2.0**-60
# L1 error of the marginals that is good enough for potentials as guides; by taste.
_GUIDE_ERROR = 1e-2
# Rounds of simplex and pricing at one epsilon; by taste.
_ROUNDS = 3
# Rows, and columns, whose pairs are the sample for the mean cost.
_SAMPLE = 256
# Part of a tolerance that is used up here; the rest is for the rounding in the certificate.
_TOLERANCE_SHARE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """Bounds at one epsilon with what proves them."""

    plan: Plan
    potentials: Potentials
    lower: float
    upper: float
    optimal: bool = False
    """Whether no pair violates the duals, so that only rounding is left of the gap."""


def solve_to_tolerance(
    problem: TransportProblem,
    options: SolveOptions,
    *,
    marginal_tolerance: float,
    max_iterations: int,
) -> Solution:
    """Lower epsilon until the bounds of unregularised transport meet the tolerance asked."""
    if options.rtol is None and options.atol is None:
        raise InvalidInputError("epsilon", "be given where no rtol or atol is asked", None)
    if isinstance(problem.cost, PNormCost):
        marginal_tolerance = max(marginal_tolerance, _GUIDE_ERROR)
    epsilon = _FIRST_SHARE * _mean_cost(problem)
    start = None
    n_iterations = 0
    best: _Attempt | None = None
    while True:
        solved = solve_entropic(
            problem,
            epsilon,
            tolerance=marginal_tolerance,
            max_iterations=max_iterations,
            max_memory=options.max_memory,
            callback=options.callback,
            start=start,
        )
        n_iterations += solved.n_iterations
        if solved.status is Status.INFEASIBLE:
            return Solution(
                plan=None,
                potentials=None,
                n_iterations=n_iterations,
                status=solved.status,
                infeasible_rows=solved.infeasible_rows,
                infeasible_columns=solved.infeasible_columns,
            )
        status = solved.status
        attempt = None
        if status is not Status.STOPPED:
            try:
                attempt = _attempt(problem, solved, options)
            except EndOfRun:
                status = Status.STOPPED
        if attempt is None and best is not None:
            # What an earlier epsilon proved is closer than the entropic plan and potentials.
            return _solution(best.plan, best.potentials, n_iterations, status, solved.summary)
        if attempt is None:
            potentials = Potentials(f=solved.f, g=solved.g)
            plan = solved.transport_plan(problem)
            return _solution(plan, potentials, n_iterations, status, solved.summary)
        if best is None or attempt.upper - attempt.lower < best.upper - best.lower:
            best = attempt
        closed = _is_closed(options, attempt)
        done = closed or attempt.optimal
        if done or status is not Status.OPTIMAL or epsilon <= _LEAST_SHARE * problem.cost_bound():
            # Without progress of the entropic solve a smaller epsilon has none either.
            status = Status.OPTIMAL if done else Status.STALLED
            return _solution(attempt.plan, attempt.potentials, n_iterations, status, solved.summary)
        start = solved.f, solved.g
        epsilon /= _TIGHTENING


def _solution(
    plan: Plan,
    potentials: Potentials,
    n_iterations: int,
    status: Status,
    summary: EntropicSummary,
) -> Solution:
    return Solution(
        plan=plan,
        potentials=potentials,
        n_iterations=n_iterations,
        status=status,
        entropic=summary,
        message=f"epsilon was tightened to {summary.epsilon:.3g}",
    )


def _is_closed(options: SolveOptions, attempt: _Attempt) -> bool:
    allowed = max(options.atol or 0.0, (options.rtol or 0.0) * abs(attempt.upper))
    return attempt.upper - attempt.lower <= _TOLERANCE_SHARE * allowed


def _mean_cost(problem: TransportProblem) -> float:
    """Mean size of the costs above the smallest, from some of the pairs; 1 where all are equal."""
    n, m = problem.shape
    rows = np.arange(0, n, max(1, n // _SAMPLE))
    columns = np.arange(0, m, max(1, m // _SAMPLE))
    pairs = np.repeat(rows, columns.size), np.tile(columns, rows.size)
    costs = problem.pair_costs(*pairs)
    costs = costs[np.isfinite(costs)]
    lowest = 0.0 if isinstance(problem.cost, PNormCost) else float(costs.min(initial=np.inf))
    mean = float((costs - lowest).mean()) if costs.size else 0.0
    return mean or problem.cost_bound() or 1.0


def _attempt(problem: TransportProblem, solved: EntropicSolve, options: SolveOptions) -> _Attempt:
    potentials = Potentials(f=solved.f, g=solved.g)
    if not isinstance(problem.cost, PNormCost):
        plan = solved.transport_plan(problem)
        proof = certificates.certify(problem, plan, potentials)
        return _Attempt(
            plan=plan,
            potentials=potentials,
            lower=proof.bounds.lower,
            upper=proof.bounds.upper,
        )
    # The lower bound of the entropic potentials themselves is that of the first candidates' duals.
    return _sparse_attempt(problem, solved, options)


def _sparse_attempt(
    problem: TransportProblem, solved: EntropicSolve, options: SolveOptions
) -> _Attempt:
    """Simplex on the pairs of least reduced cost under the entropic potentials."""
    run = ColumnRun(problem, options, n_candidates=None, max_iterations=_ROUNDS, n_jobs=1)
    unit = run.monitor.scale
    state = RestrictedProblem(
        run.finest, run.context, solved.f[run.rows] / run.cost_unit, run.finest
    )
    rounds = 0
    while True:
        state.pivot_to_optimum(0.0)
        arcs = state.plan() if state.artificial == 0 else run.complete_plan(state)
        upper = float(run.context.costs(run.finest.x, run.finest.y, *arcs[:2]) @ arcs[2]) * unit
        n_new = state.price()
        rounds += 1
        f, g = run.extended_potentials(*state.best_pair())
        assert state.best is not None
        attempt = _Attempt(
            plan=SparsePlan(
                rows=run.rows[arcs[0]],
                columns=run.columns[arcs[1]],
                mass=np.asarray(arcs[2] * run.mass_unit, dtype=np.float64),
                shape=problem.shape,
            ),
            potentials=Potentials(f=f, g=g),
            lower=state.best[0] * unit,
            upper=upper,
            optimal=n_new == 0 and state.artificial == 0,
        )
        if attempt.optimal or _is_closed(options, attempt) or rounds == _ROUNDS:
            return attempt
