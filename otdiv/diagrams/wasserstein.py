"""Wasserstein distances between persistence diagrams."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._calling import explains_calls
from .._validation import as_number
from ..certificates.rounding import U
from ..costs import PNormCost, as_metric
from ..errors import ConvergenceError, InvalidInputError
from ..measures import DiscreteMeasure
from ..partial.transport import solve_partial
from ..partial_problem import PartialProblem
from ..results import Bounds, Callback, Status
from .bottleneck import bottleneck_of
from .reading import Diagram, as_diagram
from .result import DiagramResult, infinitely_far, matched_forever, result_of

__all__ = ["persistence_distance", "persistence_distance_result"]


@explains_calls(
    "GUDHI's wasserstein_distance(X, Y, order=q, internal_p=inf) is persistence_distance(X, Y, p=q)"
)
def persistence_distance(x: Any, y: Any, *, p: float = 1.0, metric: Any = "chebyshev") -> float:
    """Wasserstein distance of order p between two persistence diagrams.

        (min over matchings of sum d(u, v)^p over pairs + sum d(u, diagonal)^p over others)^(1/p)

    Exact, in memory proportional to the number of points. `persistence_distance_result` has the
    bounds and the matching. A matrix of distances is ``pairwise_distances(diagrams,
    distance="persistence_distance")``.

    Parameters
    ----------
    x, y : array_like, shapes (n, 2) and (m, 2)
        A birth and a death a row, deaths not before births; empty diagrams are diagrams. Points at
        infinity, with death inf or birth -inf, are matched among themselves, and the distance is
        infinite where their numbers differ.
    p : float, default 1
        Order, at least 1; `inf` is the bottleneck distance.
    metric : str or PNormCost, default "chebyshev"
        Distance d in the plane.

    Returns
    -------
    float
        In the unit of the filtration.

    Raises
    ------
    InvalidInputError
        For other shapes, NaN, or a death before its birth.

    References
    ----------
    Cohen-Steiner, Edelsbrunner, Harer & Mileyko (2010), Lipschitz functions have L_p-stable
    persistence, doi:10.1007/s10208-010-9060-6. Divol & Lacombe (2021), Understanding the topology
    and the geometry of the space of persistence diagrams via optimal partial transport,
    arXiv:1901.03048.

    Examples
    --------
    >>> from otdiv import persistence_distance
    >>> persistence_distance([[0.0, 4.0], [1.0, 2.0]], [[0.0, 5.0]])
    1.5
    >>> persistence_distance([[0.0, float("inf")]], [])
    inf
    """
    return persistence_distance_result(x, y, p=p, metric=metric).value


@explains_calls()
def persistence_distance_result(
    x: Any,
    y: Any,
    *,
    p: float = 1.0,
    metric: Any = "chebyshev",
    max_seconds: float | None = None,
    max_memory: int | None = None,
    callback: Callback | None = None,
) -> DiagramResult:
    """`persistence_distance` with its bounds and its matching.

    Parameters
    ----------
    x, y, p, metric
        As in `persistence_distance`.
    max_seconds, max_memory, callback
        As in `solve`.

    Returns
    -------
    DiagramResult
        STALLED, with the bounds that floats can prove, where a matching is millions of times
        shorter than the diagrams are far from the diagonal.

    Raises
    ------
    InvalidInputError
        As `persistence_distance`.
    ConvergenceError
        If a callback or the clock stopped the call; it carries what was proven.

    Examples
    --------
    >>> from otdiv import persistence_distance_result
    >>> result = persistence_distance_result([[0.0, 4.0], [1.0, 2.0]], [[0.0, 5.0]])
    >>> result.pairs.tolist(), result.x_alone.tolist()
    ([[0, 0]], [1])
    """
    order = as_number("p", p, "be a real number of at least 1, or inf")
    if not order >= 1.0:
        raise InvalidInputError("p", "be at least 1, or inf", p)
    norm = as_metric(metric).norm
    left, right = as_diagram("x", x), as_diagram("y", y)
    if order == math.inf:
        return bottleneck_of(left, right, norm, callback=callback, max_seconds=max_seconds)
    return _of_order(left, right, order, norm, max_seconds, max_memory, callback)


def _of_order(
    x: Diagram,
    y: Diagram,
    p: float,
    norm: float,
    max_seconds: float | None,
    max_memory: int | None,
    callback: Callback | None,
) -> DiagramResult:
    matched = matched_forever(x, y)
    if matched is None:
        return infinitely_far(x, y)
    forever, lengths = matched
    unit = _unit(x, y, lengths)
    bounds, total, pairs, status = _finite(x, y, p, norm, unit, max_seconds, max_memory, callback)
    apart = np.concatenate(lengths) / unit
    terms = apart**p
    beyond = math.fsum(terms)
    # Powers of differences: (p + 2) u each, and the sum.
    slack = (2.0 * p + 8.0) * U
    lower = bounds.lower + beyond * (1.0 - slack)
    upper = bounds.upper + beyond * (1.0 + slack)
    root = 8.0 * U
    ends = [
        max(0.0, sum_of_powers) ** (1.0 / p) * unit
        for sum_of_powers in (lower, total + beyond, upper)
    ]
    low, high = ends[0] * (1.0 - root), ends[2] * (1.0 + root)
    value = min(max(ends[1], low), high)
    result = result_of(x, y, pairs, forever, value, Bounds(low, high), status)
    if status not in (Status.OPTIMAL, Status.STALLED):
        raise ConvergenceError(
            f"persistence_distance ended with {status.name}: {status.value}; proven so far: "
            f"[{low:.9g}, {high:.9g}]",
            result,
        )
    return result


def _unit(x: Diagram, y: Diagram, lengths: list[Any]) -> float:
    """A power of two near the longest way there may be: no p-th power overflows."""
    longest = [float(side.halves.max()) for side in (x, y) if side.halves.size]
    longest += [float(length.max()) for length in lengths if length.size]
    largest = max(longest, default=0.0)
    if largest == math.inf:
        raise InvalidInputError("x", "stay within float64", "an overflow (rescale the diagrams)")
    return math.ldexp(1.0, math.frexp(largest)[1]) if largest > 0.0 else 1.0


def _finite(
    x: Diagram,
    y: Diagram,
    p: float,
    norm: float,
    unit: float,
    max_seconds: float | None,
    max_memory: int | None,
    callback: Callback | None,
) -> tuple[Bounds, float, Any, Status]:
    """The sum of p-th powers over the finite points, in the p-th power of the unit."""
    # Both coordinates of the nearest point of the diagonal are half the persistence away.
    across = 2.0 ** (0.0 if norm == math.inf else 1.0 / norm)
    prices = [(side.halves / unit * across) ** p for side in (x, y)]
    # Half the difference, a division, a product, a power of each.
    rounding = (4.0 * p + 8.0) * U
    nothing = np.empty((0, 2), np.int64)
    if not (prices[0].size and prices[1].size):
        total = math.fsum(np.concatenate(prices))
        slack = rounding * total
        return Bounds(total - slack, total + slack), total, nothing, Status.OPTIMAL
    sides = (
        DiscreteMeasure(diagram.points / unit, weights=np.ones(diagram.rows.size))
        for diagram in (x, y)
    )
    source, target = sides
    problem = PartialProblem(
        source,
        target=target,
        cost=PNormCost(norm, power=p),
        reach=(prices[0], prices[1]),
    )
    found = solve_partial(
        problem, max_seconds=max_seconds, max_memory=max_memory, callback=callback, throw=False
    )
    pairs = nothing
    if found.plan is not None:
        whole = found.plan.mass > 0.5
        pairs = np.stack([found.plan.rows[whole], found.plan.columns[whole]], axis=1)
    bounds = found.bounds
    lower, upper = bounds.lower * (1.0 - rounding), bounds.upper * (1.0 + rounding)
    return Bounds(lower, upper), found.value, pairs, found.status
