"""The public calls: coerce a problem and what is to be certified of it."""

from __future__ import annotations

import math
from typing import Any

from .._calling import explains_calls
from .._derived import on_ground
from .._memory import room_for
from .._monitor import Monitor
from .._rescaling import moderate_callback
from .._validation import check_callback, check_positive, check_positive_integer
from ..costs import CostMatrix, DerivedCost, PNormCost, as_cost_of_points
from ..errors import InvalidInputError
from ..measures import as_measures
from ..problems import TransportProblem
from ..results import Callback
from .derived import brought_from_ground
from .record import Certificate
from .units import brought_back, brought_down
from .witnesses import as_given_plan, as_given_potentials
from .work import needed_bytes, proven

__all__ = ["certify", "certify_matrix"]

# Pairs up to which the costs of a derived cost are written down: 32 MB.
_MATRIX_PAIRS = 2**22


@explains_calls("costs that are a matrix go to certify_matrix(C, plan=…, potentials=…)")
def certify(
    x: Any,
    y: Any,
    *,
    plan: Any = None,
    potentials: Any = None,
    cost: Any = "euclidean",
    x_weights: Any = None,
    y_weights: Any = None,
    epsilon: float | None = None,
    max_memory: int | None = None,
    callback: Callback | None = None,
) -> Certificate:
    """How wrong an answer is that somebody else found: proven bounds of the optimum.

    The plan is measured, repaired to the exact marginals and priced, which bounds the optimum from
    above; the potentials are measured, made feasible and summed, which bounds it from below. So
    either may be of any quality: what is wrong with it is said, and makes the bounds wider.

    Parameters
    ----------
    x, y : array_like, shapes (n,) or (n, d) and (m,) or (m, d)
        Points, as for `transport`.
    plan : optional
        An array of shape (n, m); a SciPy sparse array; ``(rows, columns, mass)``; a permutation,
        as a 1-D array of integers: row i, with its weight, goes to column plan[i]; a plan of otdiv;
        a `TransportResult`; or a function ``blocks(start, stop)`` that returns the rows
        start..stop-1 as an array (stop - start, m), which is called several times and needs O(m)
        memory.
    potentials : optional
        ``(f, g)`` of n and m numbers in the unit of the cost, or one of them and None, of any float
        type, and of any problem near this one; or a `TransportResult`, whose entropic potentials
        are taken where `epsilon` is that of its own problem.
    cost : PNormCost, another cost of points, or str, default "euclidean"
        Ground cost, as for `transport`.
    x_weights, y_weights : array_like, shapes (n,) and (m,), optional
        Relative frequencies, each side normalised to 1; uniform by default.
    epsilon : float, optional
        Regularisation of the problem that was solved, in the unit of the cost. The regularised
        optimum is then bounded too, and potentials without a plan are taken for those of the plan
        P_ij = a_i exp((f_i + g_j - C_ij) / epsilon) b_j / m, m being the mass.
    max_memory : int, optional
        Bytes that may be allocated beside what was given.
    callback : callable, optional
        Called with a `Progress` between parts of the work; returning True stops.

    Returns
    -------
    Certificate
        `bounds`, what plan and potentials miss, and both of them repaired.

    Raises
    ------
    InvalidInputError
        Without plan and potentials; for shapes that do not fit the problem; for entries that are
        not finite, with their index. Negative entries and wrong sums are no errors: they are
        measured.
    UnsupportedProblemError
        If the work does not fit `max_memory`, or the machine.

    Examples
    --------
    >>> from otdiv import certify
    >>> x, y = [[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]], [[1.0, 0.0], [1.0, 2.0], [3.0, 1.0]]
    >>> plan = [[0.3, 0.03, 0.0], [0.0, 0.0, 0.33], [0.03, 0.3, 0.0]]
    >>> certificate = certify(x, y, plan=plan, potentials=([0.2, 0.3, 0.2], [0.8, 0.8, 1.1]))
    >>> print(certificate)
    The optimum lies between 1.138 and 1.212, a gap of 6.12 %. The given plan misses 0.01 of ...
    >>> round(certificate.row_error, 6), round(certificate.infeasibility, 6)
    (0.01, 0.1)
    """
    point_cost = as_cost_of_points(cost)
    source, target, origin = as_measures(x, y, x_weights, y_weights)
    problem = TransportProblem(source=source, target=target, cost=point_cost).counted_from(origin)
    return _certified(problem, plan, potentials, epsilon, max_memory, callback)


@explains_calls(
    "points go to certify(x, y, plan=…, potentials=…); weights are x_weights=a, y_weights=b"
)
def certify_matrix(
    C: Any,
    *,
    plan: Any = None,
    potentials: Any = None,
    x_weights: Any = None,
    y_weights: Any = None,
    epsilon: float | None = None,
    cost: Any = None,
    max_memory: int | None = None,
    callback: Callback | None = None,
) -> Certificate:
    """`certify` for a bare cost matrix `C` (n, m); `inf` forbids a pair.

    Parameters
    ----------
    C : array_like, shape (n, m)
        Costs of any finite sign, or inf.
    plan, potentials, x_weights, y_weights, epsilon, max_memory, callback
        As in `certify`.
    cost : PNormCost or str, optional
        The cost of points that `C` holds, which ``**answer`` says where an adapter knows it: its
        potentials are in the unit of that cost. Then `C` must be finite and not negative.

    Returns
    -------
    Certificate

    Raises
    ------
    InvalidInputError, UnsupportedProblemError
        As in `certify`.

    Examples
    --------
    >>> from otdiv import certify_matrix
    >>> C = [[3.0, 1.0], [1.0, 3.0]]
    >>> certificate = certify_matrix(C, plan=[1, 0], potentials=([0, 0], [1, 0.5]))
    >>> certificate.value, certificate.dual_value
    (1.0, 0.75)
    >>> 1.0 in certificate.bounds
    True
    """
    problem = TransportProblem.from_matrix(C, x_weights, y_weights)
    if cost is not None:
        _check_costs_of_points(problem, as_cost_of_points(cost))
    return _certified(problem, plan, potentials, epsilon, max_memory, callback)


def _check_costs_of_points(problem: TransportProblem, cost: PNormCost | DerivedCost) -> None:
    """Raise where a matrix holds what no cost of points is."""
    assert isinstance(problem.cost, CostMatrix)
    values = problem.cost.values
    for found in (float(values.min()), float(values.max())):
        if not 0.0 <= found < math.inf:
            requirement = "be left out where `C` is no matrix of costs of points"
            raise InvalidInputError("cost", requirement, repr(cost), f"(`C` holds {found:g})")


def _certified(
    problem: TransportProblem,
    plan: Any,
    potentials: Any,
    epsilon: Any,
    max_memory: Any,
    callback: Callback | None,
) -> Certificate:
    """Coerce what is to be certified, and do it in a unit in which sums of costs are finite."""
    if plan is None and potentials is None:
        raise InvalidInputError("plan", "be given, or else potentials", None)
    if isinstance(problem.cost, DerivedCost):
        return _of_derived_cost(problem, plan, potentials, epsilon, max_memory, callback)
    epsilon = None if epsilon is None else check_positive("epsilon", epsilon)
    limit = None if max_memory is None else check_positive_integer("max_memory", max_memory)
    check_callback(callback)
    given = None if plan is None else as_given_plan(plan, problem)
    pair = None if potentials is None else as_given_potentials(potentials, problem, epsilon)
    monitor = Monitor(callback=callback)
    needed = needed_bytes(problem, given, epsilon)
    way_out = "a plan with few entries needs less as (rows, columns, mass)"
    with room_for(needed, "a certificate", way_out, limit):
        if not problem.is_huge:
            return proven(problem, given, pair, epsilon, monitor)
        moderate, factor = problem.scaled_down()
        found = proven(moderate, given, *brought_down(pair, epsilon, factor), monitor)
        return brought_back(found, problem, factor)


def _of_derived_cost(
    problem: TransportProblem,
    plan: Any,
    potentials: Any,
    epsilon: Any,
    max_memory: Any,
    callback: Callback | None,
) -> Certificate:
    """The certificate of the problem that the cost comes down to, its bounds widened."""
    n, m = problem.shape
    takes_shapes = epsilon is None and n * m > _MATRIX_PAIRS
    ground, reduced = on_ground(problem, takes_shapes=takes_shapes)
    factor = 1.0 / reduced.factor
    if potentials is not None and factor != 1.0:
        pair = as_given_potentials(potentials, ground, None)
        potentials = brought_down(pair, None, factor)[0]
    callback = callback if factor == 1.0 else moderate_callback(callback, factor)
    found = _certified(ground, plan, potentials, epsilon, max_memory, callback)
    if factor != 1.0:
        found = brought_back(found, problem, factor)
    return brought_from_ground(found, problem, reduced)
