"""The public call: which method finds a barycenter, and what its answer is."""

from __future__ import annotations

from typing import Any

from .._calling import explains_calls
from .._typing import FloatArray
from .._validation import (
    as_number,
    check_callback,
    check_positive_integer,
    check_seconds,
    check_tolerance,
    describe,
)
from ..costs import PNormCost
from ..errors import ConvergenceError, InvalidInputError, UnsupportedProblemError
from ..measures import Gaussian
from ..results import Bounds, Callback, Status
from ..solving import EXACT_RTOL
from .family import (
    Clock,
    Family,
    Measured,
    as_barycenter_weights,
    as_family,
    as_sequence,
    measured,
    status_of,
)
from .gaussians import check_order, gaussian_barycenter_of
from .line import line_barycenter
from .result import BarycenterResult, BoundsOf

__all__ = ["barycenter"]


@explains_calls(
    "POT's ot.lp.free_support_barycenter(locations, weights, X) is "
    "barycenter(measures, size=len(X))"
)
def barycenter(
    measures: Any,
    *,
    weights: Any = None,
    support: Any = "free",
    size: int | None = None,
    p: float = 2.0,
    rtol: float | None = None,
    max_iterations: int = 100,
    max_seconds: float | None = None,
    callback: Callback | None = None,
    throw: bool = True,
) -> BarycenterResult:
    """Measure a of least sum_k weights[k] W_p^p(a, measures[k]), with bounds of that least.

    On the line and for Gaussians it is exact.

    Parameters
    ----------
    measures : sequence of k samples, DiscreteMeasure or Gaussian
        Samples (n,) or (n, d), of any sizes; discrete measures of one mass; or Gaussians of one
        dimension.
    weights : array_like, shape (k,), optional
        Non-negative, of sum one; even by default.
    support : "free"
        Where the barycenter may have atoms.
    size : int, optional
        Number of atoms of a free support in more than one dimension.
    p : float, default 2
        Order; with a free support 2, on the line also 1.
    rtol : float, optional
        Relative gap of the bounds that is asked for: `ConvergenceError` where it is not reached.
        By default as exact as the method is, and no error.
    max_iterations : int, default 100
        Limit of the method's own iterations.
    max_seconds : float, optional
        Seconds of the clock after which the method stops with what it has.
    callback : callable, optional
        Called with a `Progress` now and then; returning True stops.
    throw : bool, default True
        Raise where `rtol` is given and not met; otherwise return what was found.

    Returns
    -------
    BarycenterResult
        `value` is the objective, a sum of p-th powers: no root is taken.

    Raises
    ------
    InvalidInputError
        For weights that do not sum to one, an empty list, measures of several dimensions.
    MassMismatchError
        For measures of different masses.
    ConvergenceError
        If `rtol` was not proven; it carries the result.
    UnsupportedProblemError
        For an order that no method covers.

    References
    ----------
    Agueh & Carlier (2011), Barycenters in the Wasserstein space, doi:10.1137/100805741.

    Examples
    --------
    >>> from otdiv import barycenter, Gaussian
    >>> result = barycenter([[0.0, 1.0], [2.0, 5.0]])
    >>> result.measure.points.ravel(), result.value
    (array([1., 3.]), 2.5)
    >>> wide = barycenter([Gaussian(0.0, covariance=1.0), Gaussian(0.0, covariance=9.0)])
    >>> round(wide.measure.standard_deviation, 12)
    2.0
    """
    check_callback(callback)
    clock = Clock(callback=callback, max_seconds=check_seconds(max_seconds))
    asked = check_tolerance("rtol", rtol)
    max_iterations = check_positive_integer("max_iterations", max_iterations)
    order = as_number("p", p, "be a real number of at least 1")
    if size is not None:
        size = check_positive_integer("size", size)
    given = as_sequence(measures)
    shares = as_barycenter_weights(weights, len(given))
    if any(isinstance(one, Gaussian) for one in given):
        result = _of_gaussians(given, shares, order, support, size, asked, max_iterations, clock)
    else:
        result = _of_atoms(given, shares, order, support, size, asked, max_iterations, clock)
    if throw and asked is not None and result.status is not Status.OPTIMAL:
        raise ConvergenceError(
            f"barycenter ended with {result.status.name}: {result.status.value}; proven so far: "
            f"[{result.bounds.lower:.9g}, {result.bounds.upper:.9g}], relative gap "
            f"{result.bounds.relative_gap:.2e}, asked rtol={asked:g}",
            result,
        )
    return result


def _of_gaussians(
    given: Any,
    weights: FloatArray,
    p: float,
    support: Any,
    size: int | None,
    rtol: float | None,
    max_iterations: int,
    clock: Clock,
) -> BarycenterResult:
    for index, one in enumerate(given):
        if not isinstance(one, Gaussian):
            requirement = "be a Gaussian like the others"
            raise InvalidInputError(f"measures[{index}]", requirement, describe(one))
    check_order(p)
    if not _is_free(support):
        requirement = 'be "free" for Gaussians, whose barycenter is one'
        raise InvalidInputError("support", requirement, describe(support))
    _check_no_size(size, "for Gaussians")
    return gaussian_barycenter_of(
        given, weights, rtol=rtol, max_iterations=max_iterations, clock=clock
    )


def _of_atoms(
    given: Any,
    weights: FloatArray,
    p: float,
    support: Any,
    size: int | None,
    rtol: float | None,
    max_iterations: int,
    clock: Clock,
) -> BarycenterResult:
    family = Family(as_family(given), weights)
    if not _is_free(support):
        raise InvalidInputError("support", 'be "free"', describe(support))
    if family.d == 1:
        _check_no_size(size, "on the line, where the barycenter has the atoms that it has")
        return _on_line(family, p, rtol, clock)
    raise UnsupportedProblemError("barycenters of samples are found on the line only")


def _is_free(support: Any) -> bool:
    return isinstance(support, str) and support == "free"


def _check_no_size(size: int | None, where: str) -> None:
    if size is not None:
        raise InvalidInputError("size", f"be None {where}", size)


def _on_line(family: Family, p: float, rtol: float | None, clock: Clock) -> BarycenterResult:
    if p not in (1.0, 2.0):
        raise UnsupportedProblemError(
            f"a free support on the line takes p=1 and p=2; got p={p:g}: give the points of a "
            "support for another order"
        )
    measure, slack = line_barycenter(family, p)
    found = measured(measure, family, PNormCost(norm=2.0, power=p), clock)
    lower = max(0.0, found.lower - slack)
    clock.iteration = 1
    return as_result(
        found, lower, "free", family, EXACT_RTOL if rtol is None else rtol, 4.0 * slack, clock
    )


def as_result(
    found: Measured,
    lower: float,
    bounds_of: BoundsOf,
    family: Family,
    rtol: float,
    floor: float,
    clock: Clock,
) -> BarycenterResult:
    """The result of a candidate and a lower bound; gaps up to `floor` are rounding."""
    bounds = Bounds(min(lower, found.value), found.upper)
    return BarycenterResult(
        measure=found.measure,
        value=found.value,
        bounds=bounds,
        bounds_of=bounds_of,
        status=status_of(bounds, rtol, floor, clock),
        weights=family.weights,
        costs=found.costs,
        plans=tuple(transport.plan for transport in found.transports if transport.plan is not None),
        n_iterations=clock.iteration,
    )
