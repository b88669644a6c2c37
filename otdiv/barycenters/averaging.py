"""The public call: which method finds a barycenter, and what its answer is."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, NamedTuple

from .._calling import explains_calls
from .._typing import FloatArray
from .._validation import (
    as_number,
    check_callback,
    check_positive,
    check_positive_integer,
    check_seconds,
    check_tolerance,
    describe,
)
from ..certificates.rounding import U
from ..costs import PNormCost
from ..errors import ConvergenceError, InvalidInputError, UnsupportedProblemError
from ..measures import DiscreteMeasure, Gaussian
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
from .fixed import entropic_barycenter, support_barycenter
from .free import free_barycenter
from .gaussians import check_order, gaussian_barycenter_of
from .line import line_barycenter
from .places import Places, as_images, as_places, cells_of, is_grid
from .result import BarycenterResult, BoundsOf

__all__ = ["barycenter", "barycenter_of"]

# Share of the objective that is aimed at where no tolerance is asked and the exact answer takes
# long; by taste.
_AIM = 1e-2
# Scaling steps for each of `max_iterations`, which counts costlier ones elsewhere; by taste.
_SCALINGS = 100


class _Blur(NamedTuple):
    """An entropic barycenter: its ε, and whether it is debiased."""

    epsilon: float
    debiased: bool


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
    epsilon: float | None = None,
    debiased: bool = True,
    rtol: float | None = None,
    max_iterations: int = 100,
    max_seconds: float | None = None,
    callback: Callback | None = None,
    throw: bool = True,
) -> BarycenterResult:
    """Measure a of least sum_k weights[k] W_p^p(a, measures[k]), with bounds of that least.

    On the line and for Gaussians it is exact, on a given support and for images as near as is
    asked.

    Parameters
    ----------
    measures : sequence of k samples, DiscreteMeasure or Gaussian
        Samples (n,) or (n, d), of any sizes; discrete measures of one mass; Gaussians of one
        dimension; or images, arrays of masses of one shape, each normalised to mass one, with a
        grid as `support`.
    weights : array_like, shape (k,), optional
        Non-negative, of sum one; even by default.
    support : "free", "grid", array_like of shape (n, d), or tuple of axes
        Where the barycenter may have atoms: anywhere; on the cells of the images, at their indices;
        at these points; or on the cells of the images, at these coordinates of each axis.
    size : int, optional
        Number of atoms of a free support in more than one dimension.
    p : float, default 2
        Order; with a free support 2, on the line also 1; on a given one any from 1 on.
    epsilon : float, optional
        On a given support: the entropic barycenter at this ε, in the unit of the cost, instead of
        the best one. `value` is its objective with exact plans, and the bounds are those of the
        best measure on the support, which its plans prove.
    debiased : bool, default True
        With `epsilon`, the barycenter in Sinkhorn divergences, which is sharp; False for that in
        entropic costs, which is spread by about the root of ε.
    rtol : float, optional
        Relative gap of the bounds that is asked for: `ConvergenceError` where it is not reached.
        By default as exact as floats allow on the line and for Gaussians, 1e-2 otherwise, and no
        error. The exact barycenter on a support is a linear programme: `rtol=1e-9` asks for it.
    max_iterations : int, default 100
        Limit of the method's own iterations: rounds of linear programmes, steps of covariances;
        with `epsilon` hundreds of scaling steps.
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
    Agueh & Carlier (2011), Barycenters in the Wasserstein space, doi:10.1137/100805741. Anderes,
    Borgwardt & Miller (2016), Discrete Wasserstein barycenters, doi:10.1007/s00186-016-0549-x.

    Examples
    --------
    >>> from otdiv import barycenter, Gaussian
    >>> result = barycenter([[0.0, 1.0], [2.0, 5.0]])
    >>> result.measure.points.ravel(), round(result.value, 12)
    (array([1., 3.]), 2.5)
    >>> images = [[[1, 0, 0]], [[0, 0, 1]]]
    >>> barycenter(images, support="grid").image()
    array([[0., 1., 0.]])
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
    blur = _as_blur(epsilon, debiased, given, support)
    if any(isinstance(one, Gaussian) for one in given):
        result = _of_gaussians(given, shares, order, support, size, asked, max_iterations, clock)
    else:
        result = _of_atoms(given, shares, order, support, size, asked, blur, max_iterations, clock)
    if throw and asked is not None and result.status is not Status.OPTIMAL:
        raise ConvergenceError(
            f"barycenter ended with {result.status.name}: {result.status.value}; proven so far: "
            f"[{result.bounds.lower:.9g}, {result.bounds.upper:.9g}], relative gap "
            f"{result.bounds.relative_gap:.2e}, asked rtol={asked:g}",
            result,
        )
    return result


def _as_blur(epsilon: Any, debiased: Any, given: Any, support: Any) -> _Blur | None:
    """What is asked of an entropic barycenter, or None."""
    if not isinstance(debiased, bool):
        raise InvalidInputError("debiased", "be True or False", describe(debiased))
    if epsilon is None:
        if not debiased:
            raise InvalidInputError("debiased", "be True without `epsilon`", debiased)
        return None
    if _is_free(support) or any(isinstance(one, Gaussian) for one in given):
        requirement = "be None but on a given support"
        raise InvalidInputError("epsilon", requirement, epsilon, "(`support=` points or a grid)")
    return _Blur(check_positive("epsilon", epsilon), debiased)


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
    blur: _Blur | None,
    max_iterations: int,
    clock: Clock,
) -> BarycenterResult:
    places: Places | None = None
    if is_grid(support):
        measures, places = as_images(given, support)
    else:
        measures = as_family(given)
        if not _is_free(support):
            places = as_places(support, measures[0].d)
    if blur is not None:
        assert places is not None
        family = Family(measures, weights)
        return _on_support(places, family, p, size, rtol, max_iterations, clock, blur)
    return barycenter_of(measures, places, weights, p, size, rtol, max_iterations, clock)


def barycenter_of(
    measures: list[DiscreteMeasure],
    places: Places | None,
    weights: FloatArray,
    p: float,
    size: int | None,
    rtol: float | None,
    max_iterations: int,
    clock: Clock,
) -> BarycenterResult:
    """Barycenter of measures of one mass and dimension, on a support or anywhere."""
    family = Family(measures, weights)
    if places is not None:
        return _on_support(places, family, p, size, rtol, max_iterations, clock)
    if family.d == 1:
        _check_no_size(size, "on the line, where the barycenter has the atoms that it has")
        return _on_line(family, p, rtol, clock)
    if p != 2.0:
        raise UnsupportedProblemError(
            f"a free support in more than one dimension takes p=2; got p={p:g}: give the points of "
            "a support for another order"
        )
    asked = _AIM if rtol is None else rtol
    found, lower = free_barycenter(family, size, asked, max_iterations, clock)
    floor = 64.0 * U * max(result.problem.cost_bound() for result in found.transports) * family.mass
    return as_result(found, lower, "free", family, asked, floor, clock)


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


def _on_support(
    places: Places,
    family: Family,
    p: float,
    size: int | None,
    rtol: float | None,
    max_iterations: int,
    clock: Clock,
    blur: _Blur | None = None,
) -> BarycenterResult:
    if not 1.0 <= p < math.inf:
        raise InvalidInputError("p", "be at least 1 and finite on a given support", p)
    _check_no_size(size, "on a given support")
    cost = PNormCost(norm=2.0, power=p)
    asked = _AIM if rtol is None else rtol
    if blur is None:
        known = support_barycenter(places, family, cost, asked, max_iterations, clock)
    else:
        steps = _SCALINGS * max_iterations
        known = entropic_barycenter(
            places, family, cost, blur.epsilon, steps, clock, debiased=blur.debiased
        )
    assert known.best is not None
    # What costs the longest way is rounded, and so is the share of it that no float resolves.
    floor = 64.0 * U * max(problem.cost_bound() for problem in known.problems) * family.mass
    result = as_result(known.best, known.lower, "support", family, asked, floor, clock)
    if places.axes is None:
        return result
    cells = cells_of(places, known.best.measure)
    return replace(result, shape=places.shape, grid=places.axes, _cells=cells)


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
        measures=tuple(family.measures),
    )
