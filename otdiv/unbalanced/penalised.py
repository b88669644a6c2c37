"""Problems with unequal reaches, other penalties, negative costs or a reference of their own."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .._memory import room_for
from .._typing import FloatArray
from ..certificates.penalised import PenalisedEnclosure, entropic_enclosure
from ..costs import CostMatrix
from ..entropic.penalised import PenalisedSolver
from ..plans import Potentials, SparsePlan
from ..results import Bounds, Status
from .plain import MATRICES, PlainSearch
from .problem import UnbalancedProblem
from .result import UnbalancedPlan, UnbalancedResult
from .unit_form import UnitForm
from .variation import solve_variation
from .watching import Watch

__all__ = ["plain_bytes", "solve_entropic", "solve_plain"]

# Annealing begins at this share of the largest cost.
_FIRST_EPSILON = 0.5
# Where the bounds are not met, the tolerance falls by this factor, as far as rounding allows.
_FINER, _FINEST = 1e-2, 1e-14
# The entropic problem that a plain one starts from: epsilon as a share of the largest cost, the
# error of its sums and its rounds; by taste.
_START_EPSILON, _START_ERROR, _START_ROUNDS = 0.02, 0.03, 60
# A value this far below the terms that make it up is zero but for rounding.
_ZERO = 2.0**-46


def solve_entropic(
    problem: UnbalancedProblem,
    epsilon: float,
    reference: tuple[FloatArray, FloatArray] | None,
    rtol: float,
    tolerance: float,
    max_iterations: int,
    watch: Watch,
) -> UnbalancedResult:
    """The optimum of the entropic objective."""
    form = UnitForm(problem, epsilon, reference)
    assert form.reference is not None
    assert form.epsilon is not None
    pairs, unit = form.pairs, form.reference
    solver = PenalisedSolver(
        pairs, unit.rows, unit.columns, max_iterations, _asking(watch, form.epsilon, form)
    )
    first = max(_FIRST_EPSILON * form.largest, form.epsilon)
    solve = solver.solve(form.epsilon, first, tolerance)
    best: PenalisedEnclosure | None = None
    f, g = solve.f, solve.g
    while True:
        found = entropic_enclosure(pairs, solve.f, solve.g, unit)
        if best is None or found.upper - found.lower <= best.upper - best.lower:
            best, f, g = found, solve.f, solve.g
        bounds = _bounds(form, best)
        watch.knows(bounds.lower, bounds.upper)
        if _meets(form, bounds, rtol):
            status = Status.OPTIMAL
            break
        if solve.is_stopped:
            status = Status.STOPPED
            break
        if solve.n_iterations >= max_iterations:
            status = Status.MAX_ITERATIONS
            break
        if tolerance <= _FINEST:
            status = Status.STALLED
            break
        tolerance *= _FINER
        solve = solver.refine(form.epsilon, tolerance)
    plan = _factors(form, f, g, best)
    rows, columns = form.in_order(best.rows, best.columns)
    terms = _terms(form, best, rows, columns)
    return _result(
        form, plan, Potentials(f=plan.f, g=plan.g), terms, bounds, status, solve.n_iterations, best
    )


def solve_plain(
    problem: UnbalancedProblem,
    rtol: float,
    max_iterations: int,
    max_memory: int | None,
    watch: Watch,
) -> UnbalancedResult:
    """The optimum without an entropic term."""
    if problem.penalty == "tv":
        return _variation(problem, rtol, max_memory, watch)
    form = UnitForm(problem, None, None)
    pairs = form.pairs
    needed = plain_bytes(*pairs.shape)
    way_out = "an `epsilon` needs no matrices of plans"
    with room_for(needed, "unbalanced transport without epsilon", way_out, max_memory):
        start = _start(form, watch)

        def is_met(lower: float, upper: float) -> bool:
            bounds = Bounds(form.value_from_unit(lower), form.value_from_unit(upper))
            watch.knows(bounds.lower, bounds.upper)
            return _meets(form, bounds, rtol)

        asks = _asking(watch, None, form)
        search = PlainSearch(pairs, start, is_met, max_iterations, asks)
        search.run(form.largest or 1.0)
    enclosure = search.enclosure
    assert enclosure is not None
    lower = max(search.lower, 0.0) if _is_non_negative(form) else search.lower
    bounds = Bounds(form.value_from_unit(lower), form.value_from_unit(enclosure.upper))
    if _meets(form, bounds, rtol):
        status = Status.OPTIMAL
    elif search.is_stopped:
        status = Status.STOPPED
    else:
        at_limit = search.n_iterations >= max_iterations
        status = Status.MAX_ITERATIONS if at_limit else Status.STALLED
    rows, columns = form.in_order(enclosure.rows, enclosure.columns)
    terms = _terms(form, enclosure, rows, columns)
    f, g = form.potentials(*search.feasible)
    plan = _sparse(form, search.best_plan)
    potentials = Potentials(f=f, g=g)
    return _result(form, plan, potentials, terms, bounds, status, search.n_iterations, enclosure)


def plain_bytes(n: int, m: int) -> int:
    """Bytes that `solve_plain` takes for n and m atoms, but for total variation."""
    return 8 * n * m * (MATRICES + 1)


def _start(form: UnitForm, watch: Watch) -> tuple[FloatArray, FloatArray]:
    """Potentials of a coarse entropic solve."""
    pairs = form.pairs
    with np.errstate(divide="ignore"):
        # A reference gives atoms without weight something too.
        logs = [
            np.log(np.maximum(side.weights, 1e-3 * side.weights.mean()))
            for side in (pairs.source, pairs.target)
        ]
    largest = form.largest or 1.0
    solver = PenalisedSolver(pairs, logs[0], logs[1], _START_ROUNDS, _asking(watch, None, form))
    solve = solver.solve(_START_EPSILON * largest, _FIRST_EPSILON * largest, _START_ERROR)
    good = np.isfinite(solve.f).all() and np.isfinite(solve.g).all()
    return (solve.f, solve.g) if good else (np.zeros_like(solve.f), np.zeros_like(solve.g))


def _asking(watch: Watch, epsilon: float | None, form: UnitForm) -> Callable[[int], bool]:
    facts = {}
    if epsilon is not None:
        facts["epsilon"] = float(form.costs_from_unit(np.array(epsilon)))
    return lambda iteration: watch.asks_to_stop(iteration, **facts)


def _variation(
    problem: UnbalancedProblem, rtol: float, max_memory: int | None, watch: Watch
) -> UnbalancedResult:
    """Total variation through partial transport."""
    solve = solve_variation(problem, watch, max_memory)
    p, q = problem.reaches
    left = np.abs(solve.plan.row_sums() - problem.a), np.abs(solve.plan.column_sums() - problem.b)
    terms = {
        "transport": solve.transport,
        "source": p * math.fsum(left[0]) if p < math.inf else 0.0,
        "target": q * math.fsum(left[1]) if q < math.inf else 0.0,
        "entropy": 0.0,
    }
    value = math.fsum(terms.values())
    bounds = Bounds(min(solve.bounds.lower, value), max(solve.bounds.upper, value))
    least = 2.0**-49 * (problem.source.mass + problem.target.mass) * min(p, q)
    status = solve.status
    if status is not Status.STOPPED:
        status = Status.OPTIMAL if bounds.meets(rtol, least) else Status.STALLED
    return UnbalancedResult(
        problem=problem,
        value=value,
        terms=terms,
        bounds=bounds,
        mass=math.fsum(solve.plan.mass),
        plan=solve.plan,
        potentials=solve.potentials,
        status=status,
        n_iterations=solve.n_iterations,
    )


# Results in the caller's units


def _is_non_negative(form: UnitForm) -> bool:
    cost = form.problem.cost
    return not isinstance(cost, CostMatrix) or float(cost.values.min()) >= 0.0


def _bounds(form: UnitForm, enclosure: PenalisedEnclosure) -> Bounds:
    """Bounds of the caller's entropic problem."""
    # What is left out is a sum of products of sums.
    lower = enclosure.lower + form.apart * (1.0 - 1e-13)
    upper = enclosure.upper + form.apart * (1.0 + 1e-13)
    if _is_non_negative(form):
        lower = max(lower, 0.0)
    return Bounds(form.value_from_unit(lower), form.value_from_unit(upper))


def _meets(form: UnitForm, bounds: Bounds, rtol: float) -> bool:
    """Whether the bounds are close enough: also where they hold zero, but for rounding."""
    if bounds.meets(rtol, 0.0):
        return True
    if not bounds.lower <= 0.0 <= bounds.upper:
        return False
    source, target = form.pairs.source, form.pairs.target
    masses = float(source.weights.sum()) + float(target.weights.sum())
    size = masses * form.largest + form.apart
    if form.reference is not None:
        size += form.reference.epsilon * form.reference.mass
    return bounds.gap <= form.value_from_unit(_ZERO * size)


def _terms(
    form: UnitForm, enclosure: PenalisedEnclosure, rows: FloatArray, columns: FloatArray
) -> dict[str, float]:
    """Terms of the objective of the plan, in the caller's unit."""
    first, second = form.pairs.source, form.pairs.target
    source, target = (second, first) if form.swapped else (first, second)
    terms = {
        "transport": enclosure.transport,
        "source": source.price(rows),
        "target": target.price(columns),
        "entropy": enclosure.entropy + form.apart,
    }
    return {name: form.value_from_unit(term) for name, term in terms.items()}


def _result(
    form: UnitForm,
    plan: UnbalancedPlan | SparsePlan,
    potentials: Potentials,
    terms: dict[str, float],
    bounds: Bounds,
    status: Status,
    n_iterations: int,
    enclosure: PenalisedEnclosure,
) -> UnbalancedResult:
    value = math.fsum(terms.values())
    if not (math.isfinite(value) and math.isfinite(bounds.upper)):
        bounds, status = Bounds(bounds.lower, math.inf), Status.NUMERICAL_ERROR
    return UnbalancedResult(
        problem=form.problem,
        value=value,
        terms=terms,
        bounds=Bounds(min(bounds.lower, value), max(bounds.upper, value)),
        mass=float(form.masses_from_unit(np.array(math.fsum(enclosure.rows)))),
        plan=plan,
        potentials=potentials,
        status=status,
        n_iterations=n_iterations,
    )


def _factors(
    form: UnitForm, f: FloatArray, g: FloatArray, best: PenalisedEnclosure
) -> UnbalancedPlan:
    """The plan of entropic potentials."""
    assert form.epsilon is not None
    epsilon = form.epsilon
    exponents, sums = [], []
    given, totals = form.in_order(f, g), form.in_order(best.rows, best.columns)
    for which in (0, 1):
        logs = form.log_reference(which)[form.kept[which]]
        exponents.append(form.spread(which, given[which] / epsilon + logs, -math.inf))
        sums.append(form.spread(which, form.masses_from_unit(totals[which]), 0.0))
    potentials = form.potentials(f, g)
    return UnbalancedPlan(
        problem=form.problem,
        f=potentials[0],
        g=potentials[1],
        epsilon=float(form.costs_from_unit(np.array(epsilon))),
        row_sums=sums[0],
        column_sums=sums[1],
        _form=form.costs,
        _exponents=(exponents[0], exponents[1], epsilon, math.inf),
    )


def _sparse(form: UnitForm, plan: FloatArray) -> SparsePlan:
    """The positive entries of a plan between kept atoms, among the caller's."""
    if form.swapped:
        plan = plan.T
    rows, columns = np.nonzero(plan > 0.0)
    mass = form.masses_from_unit(plan[rows, columns])
    shape = form.problem.source.n, form.problem.target.n
    return SparsePlan(
        rows=form.kept[0][rows], columns=form.kept[1][columns], mass=mass, shape=shape
    )
