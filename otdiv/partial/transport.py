"""The calls: samples, measures or a matrix of costs, and how much of the mass is moved."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from .._calling import explains_calls
from .._kernels.costs import relative_rounding
from .._memory import room_for
from .._monitor import Deadline
from .._validation import (
    as_number,
    check_callback,
    check_positive_integer,
    check_seconds,
    check_tolerance,
)
from ..certificates.partial import prove_partial
from ..certificates.rounding import U
from ..costs import DerivedCost, PNormCost, as_cost_of_points
from ..errors import ConvergenceError, InvalidInputError
from ..measures import DiscreteMeasure, as_measures
from ..partial_problem import PartialProblem
from ..plans import Potentials
from ..problems import TransportProblem
from ..results import Bounds, Callback, SolveOptions, Status
from ..solvers._columns.partial_run import solve_points
from ..solvers.column_generation import memory_estimate
from ..solving import EXACT_RTOL, solve
from .augmented import Augmented
from .derived import of_derived_cost
from .result import PartialResult

__all__ = ["partial_transport", "partial_transport_matrix", "solve_partial"]

# Pairs of points up to which a gap that floats leave is closed by a dense solve in whole numbers.
_FEW_PAIRS = 10**5
# The least float above zero.
_LEAST = 5e-324


@explains_calls("a matrix of costs goes to partial_transport_matrix(C, mass=…)")
def partial_transport(
    x: Any,
    y: Any,
    *,
    mass: float | None = None,
    reach: Any = None,
    x_weights: Any = None,
    y_weights: Any = None,
    cost: Any = "euclidean",
    rtol: float | None = None,
    atol: float | None = None,
    max_seconds: float | None = None,
    max_memory: int | None = None,
    callback: Callback | None = None,
    throw: bool = True,
) -> PartialResult:
    """Transport of the part of the mass that is worth moving, or of a given amount of it.

    With `mass` the cheapest plan of that mass, min <C, P> over P >= 0 with P 1 <= a, P' 1 <= b.
    With `reach` a unit of mass that stays, on either side, costs so much:

        min <C, P> + reach (|a| - |P|) + reach (|b| - |P|),

    which is unbalanced transport whose marginals are penalised by total variation, reach |P 1 - a|
    + reach |P' 1 - b|, and for a metric the norm of Kantorovich and Rubinstein. Then `value`
    includes the price of what stays; `transport_cost` does not. Exact: an extra atom on each side
    takes what stays, and column generation never stores a matrix.

    Parameters
    ----------
    x, y : array_like, shapes (n,) or (n, d) and (m,) or (m, d)
        Points. A `DiscreteMeasure` is taken as it is, with its mass.
    mass : float, optional
        Mass to move. For samples, whose weights are normalised to one, a share of it in (0, 1]; if
        one of both is a `DiscreteMeasure`, mass in its unit, at most the smaller of both.
    reach : float or pair, optional
        Price of a unit that stays, in the unit of the cost: a pair is moved where it costs less
        than twice the reach. A pair (p, q) says it for `x` and `y`, each a number, an array with
        one price a point, or `inf` for a side that is moved wholly. Just one of `mass` and `reach`.
    x_weights, y_weights : array_like, shapes (n,) and (m,), optional
        Relative frequencies, each side normalised to 1; uniform by default.
    cost : PNormCost, another cost of points, or str, default "euclidean"
        Ground cost, as in `transport`. Where it is no norm of a difference in any coordinates, as
        great circles, its matrix of 8 n m bytes is made.
    rtol, atol, max_seconds, callback, throw
        As in `solve`; tolerances are those of `value`.
    max_memory : int, optional
        Bytes that the solver may allocate.

    Returns
    -------
    PartialResult
        With `plan`, `bounds`, what is `moved`, what stays (`source_left`, `target_left`) and the
        `price` of the last unit.

    Raises
    ------
    InvalidInputError
        If not just one of `mass` and `reach` is given, or one is out of its range.
    ConvergenceError
        If the status is not OPTIMAL and `throw` is True; it carries the result.

    References
    ----------
    Caffarelli & McCann (2010), Free boundaries in optimal transport and Monge-Ampère obstacle
    problems, doi:10.4007/annals.2010.171.673. Chapel, Alaya & Gasso (2020), Partial optimal
    transport with applications on positive-unlabeled learning, arXiv:2002.08276.

    Examples
    --------
    An outlier stays where it is when three quarters of the mass are moved:

    >>> from otdiv import partial_transport
    >>> result = partial_transport([0.0, 1.0, 2.0, 100.0], [0.5, 1.5, 2.5, 3.0], mass=0.75)
    >>> result.value, result.source_left.tolist()
    (0.375, [0.0, 0.0, 0.0, 0.25])
    >>> partial_transport([0.0, 100.0], [1.0, 2.0], reach=3.0).value  # 0.5 + 2 * 3 * 0.5
    3.5
    """
    cost = as_cost_of_points(cost)
    source, target, origin = as_measures(x, y, x_weights, y_weights)
    if not (isinstance(x, DiscreteMeasure) or isinstance(y, DiscreteMeasure)):
        mass = _of_share(mass, source, target)
    problem = PartialProblem(source, target=target, cost=cost, mass=mass, reach=reach)
    problem.pairs.counted_from(origin)
    return solve_partial(
        problem,
        rtol=rtol,
        atol=atol,
        max_seconds=max_seconds,
        max_memory=max_memory,
        callback=callback,
        throw=throw,
    )


@explains_calls("points go to partial_transport(x, y, mass=…)")
def partial_transport_matrix(
    C: Any,
    *,
    mass: float | None = None,
    reach: Any = None,
    x_weights: Any = None,
    y_weights: Any = None,
    rtol: float | None = None,
    atol: float | None = None,
    max_seconds: float | None = None,
    max_memory: int | None = None,
    callback: Callback | None = None,
    throw: bool = True,
) -> PartialResult:
    """`partial_transport` for a bare cost matrix `C` (n, m); `inf` forbids a pair.

    With `reach` this is unbalanced transport with total variation as penalty, and `value` includes
    the price of what stays.

    Parameters
    ----------
    C : array_like or scipy.sparse array, shape (n, m)
        Costs of any finite sign, or inf. A sparse array forbids the pairs that it does not store.
    mass : float, optional
        Share of the mass to move, in (0, 1].
    reach : float or pair, optional
        Price of a unit that stays, as in `partial_transport`. No pair may cost less than minus both
        prices.
    x_weights, y_weights : array_like, shapes (n,) and (m,), optional
        Relative frequencies of rows and columns, each normalised to 1; uniform by default.
    rtol, atol, max_seconds, max_memory, callback, throw
        As in `solve`.

    Returns
    -------
    PartialResult

    Raises
    ------
    InvalidInputError
        As `partial_transport`; also if a pair costs less than minus both prices.
    ConvergenceError
        If the status is not OPTIMAL and `throw` is True; INFEASIBLE where forbidden pairs let less
        than the mass through.

    Examples
    --------
    >>> from otdiv import partial_transport_matrix
    >>> result = partial_transport_matrix([[3.0, 1.0], [1.0, 9.0]], mass=0.5)
    >>> result.value, result.moved
    (0.5, 0.5)
    """
    pairs = TransportProblem.from_matrix(C, x_weights, y_weights)
    problem = PartialProblem(
        pairs.source,
        target=pairs.target,
        cost=pairs.cost,
        mass=_of_share(mass, pairs.source, pairs.target),
        reach=reach,
    )
    return solve_partial(
        problem,
        rtol=rtol,
        atol=atol,
        max_seconds=max_seconds,
        max_memory=max_memory,
        callback=callback,
        throw=throw,
    )


def _of_share(mass: float | None, source: DiscreteMeasure, target: DiscreteMeasure) -> float | None:
    """The mass of a share of normalised weights."""
    if mass is None:
        return None
    share = as_number("mass", mass)
    if not 0.0 < share <= 1.0:
        hint = "(masses that differ are those of measures: `DiscreteMeasure(x, weights=a)`)"
        raise InvalidInputError("mass", "be a share above 0 and at most 1", mass, hint)
    return share * min(source.mass, target.mass)


def solve_partial(
    problem: PartialProblem,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    max_seconds: float | None = None,
    max_memory: int | None = None,
    callback: Callback | None = None,
    throw: bool = True,
) -> PartialResult:
    """Solve a partial problem and prove the value; parameters as in `partial_transport`."""
    check_callback(callback)
    max_seconds = check_seconds(max_seconds)
    deadline = None if max_seconds is None else time.perf_counter() + max_seconds
    options = SolveOptions(
        rtol=check_tolerance("rtol", rtol),
        atol=check_tolerance("atol", atol),
        max_memory=None if max_memory is None else check_positive_integer("max_memory", max_memory),
        callback=callback if deadline is None else Deadline(callback, deadline),
        deadline=deadline,
    )
    result = _solved(problem, options)
    if throw and result.status is not Status.OPTIMAL:
        bounds = result.bounds
        raise ConvergenceError(
            f"partial transport ended with {result.status.name}: {result.status.value}; proven so "
            f"far: [{bounds.lower:.9g}, {bounds.upper:.9g}]",
            result,
        )
    return result


def _solved(problem: PartialProblem, options: SolveOptions) -> PartialResult:
    if isinstance(problem.cost, DerivedCost):
        return of_derived_cost(problem, options, _solved)
    if isinstance(problem.cost, PNormCost):
        return _of_points(problem, options)
    return _of_matrix(problem, options)


def _of_points(problem: PartialProblem, options: SolveOptions) -> PartialResult:
    n, m = problem.shape
    way_out = "fewer points would fit"
    with room_for(memory_estimate(n, m), "partial transport", way_out, options.max_memory):
        solution = solve_points(problem, options)
    given = Potentials(f=solution.f, g=solution.g)
    proof = prove_partial(problem, solution.plan, given, solution.price, enough=options.atol or 0.0)
    closed = _is_closed(proof.bounds, options)
    if not closed and solution.status is not Status.STOPPED and n * m <= _FEW_PAIRS:
        return _of_matrix(problem, options)
    status = solution.status
    if closed and (status is Status.OPTIMAL or options.rtol or options.atol):
        status = Status.OPTIMAL
    elif status is Status.OPTIMAL:
        finite = math.isfinite(proof.bounds.upper)
        status = Status.STALLED if finite else Status.NUMERICAL_ERROR
    return PartialResult(
        problem=problem,
        value=proof.value,
        transport_cost=proof.transport_cost,
        bounds=proof.bounds,
        status=status,
        plan=proof.plan,
        potentials=proof.potentials,
        moved=math.fsum(proof.plan.mass),
        price=_price(problem, proof.price),
        n_iterations=solution.n_iterations,
    )


def _is_closed(bounds: Bounds, options: SolveOptions) -> bool:
    """Whether the bounds meet what was asked, or are exact where nothing was."""
    if options.rtol is not None or options.atol is not None:
        return bounds.meets(options.rtol or 0.0, options.atol or 0.0)
    return bounds.meets(EXACT_RTOL, 64.0 * _LEAST)


def _of_matrix(problem: PartialProblem, options: SolveOptions) -> PartialResult:
    """Solve the balanced problem with an extra row and column."""
    augmented = Augmented.of(problem)
    seconds = None
    if options.deadline is not None:
        seconds = max(options.deadline - time.perf_counter(), 1e-3)
    found = solve(
        augmented.balanced,
        rtol=options.rtol,
        atol=options.atol,
        max_seconds=seconds,
        max_memory=options.max_memory,
        callback=options.callback,
        throw=False,
    )
    bounds, plan, potentials, price = found.bounds, None, None, math.nan
    transport_cost, moved = math.inf, 0.0
    if found.plan is not None:
        plan = augmented.plan(problem, found.plan)
        costs = problem.pairs.pair_costs(plan.rows, plan.columns)
        transport_cost, moved = math.fsum(costs * plan.mass), math.fsum(plan.mass)
    if found.potentials is not None:
        potentials, price = augmented.potentials(problem, found.potentials)
    if isinstance(problem.cost, PNormCost):
        # The matrix holds costs that were rounded.
        norm, power = problem.cost.norm, problem.cost.power
        share = (2.0 + relative_rounding(problem.source.d, norm, power)) * U
        lower, upper = bounds.lower, bounds.upper
        lower, upper = lower - share * abs(lower), upper + share * abs(upper)
        bounds = Bounds(max(0.0, lower), upper)
    return PartialResult(
        problem=problem,
        value=found.value,
        transport_cost=transport_cost,
        bounds=bounds,
        status=found.status,
        plan=plan,
        potentials=potentials,
        moved=moved,
        price=_price(problem, price),
        n_iterations=found.n_iterations,
    )


def _price(problem: PartialProblem, found: float) -> float:
    """What one more unit of mass costs."""
    if problem.mass is not None:
        return found
    p, q = problem.prices
    same = p.min() == p.max() and q.min() == q.max()
    return float(p[0] + q[0]) if same and np.isfinite(p[0] + q[0]) else math.nan
