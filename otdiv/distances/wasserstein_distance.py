"""Wasserstein distances between samples, discrete measures and laws."""

from __future__ import annotations

from typing import Any

from .._arrays import keeps_arrays
from .._calling import explains_calls
from .._validation import check_seconds
from ..costs import PNormCost, as_any_metric
from ..errors import UnsupportedProblemError
from ..results import Solver
from .dispatch import (
    DistanceResult,
    as_order,
    certified_distance,
    checked_tolerance,
    line_result,
    line_samples,
    line_value,
)
from .streamed import is_streamed, streamed_distance

__all__ = ["wasserstein", "wasserstein1", "wasserstein1_result", "wasserstein2"]


@keeps_arrays("wasserstein1")
@explains_calls(
    "SciPy's wasserstein_distance(u, v, u_weights, v_weights) is "
    "wasserstein1(u, v, x_weights=…, y_weights=…)"
)
def wasserstein1(
    x: Any,
    y: Any,
    *,
    x_weights: Any = None,
    y_weights: Any = None,
    metric: Any = "euclidean",
    rtol: float | None = None,
    atol: float | None = None,
    max_seconds: float | None = None,
    solver: Solver | None = None,
    support: Any = None,
) -> float:
    """Wasserstein-1 (earth mover's) distance W1 = min over plans of the mean of |x - y|.

    `x` and `y` are **values**, not frequencies: ``wasserstein1([.2, .8], [.8, .2])`` is 0, since
    both hold the same two values. For frequencies on bins call `wasserstein1_histogram`.

    Parameters
    ----------
    x, y : array_like, shapes (n,) or (n, d) and (m,) or (m, d)
        Samples; or laws: a `DiscreteMeasure`, a 1-D `Gaussian`, a 1-D law of `scipy.stats`; or
        columns of tables of any size, `otdiv.sources.open_column`, read in as many passes as the
        tolerance takes.
    x_weights, y_weights : array_like, shapes (n,) and (m,), optional
        Relative frequencies of samples, each side normalised to 1; uniform by default.
    metric : PNormCost, another metric of points, or str, default "euclidean"
        Ground metric: "euclidean", "cityblock", "chebyshev", "geodesic" (degrees, on the unit
        sphere), or a `PNormCost`, `Geodesic`, `Periodic`, `Mahalanobis` or `Truncated` of power 1.
    rtol, atol : float, optional
        Proven tolerance of the returned number; exact (to rounding) by default. Between laws with
        densities the tolerance may be met by quadrature only: `wasserstein1_result` says which.
    max_seconds : float, optional
        Seconds of the clock after which a solve between samples is stopped, as in `solve`; samples
        on the line need none, and laws take none. The error has the bounds of that moment in its
        `result`, where they do not meet the tolerance that was asked.
    solver : Solver, optional
        An object of `otdiv.solvers`; chosen by the library by default.
    support : None
        Not an option of this call; it only makes the error that points to
        `wasserstein1_histogram`.

    Returns
    -------
    float
        Distance in the unit of the metric.

    Raises
    ------
    InvalidInputError
        For NaN, infinite coordinates, negative weights, empty samples, unequal columns.
    ConvergenceError
        If the asked tolerance could not be proven, or `max_seconds` were over before.

    References
    ----------
    Villani (2009), Optimal transport: old and new, chapter 6, doi:10.1007/978-3-540-71050-9.

    Examples
    --------
    >>> from otdiv import wasserstein1
    >>> wasserstein1([0, 1], [1, 2])
    1.0
    >>> wasserstein1([.2, .8], [.8, .2])
    0.0
    >>> wasserstein1([[0.0, 0.0]], [[3.0, 4.0]])
    5.0
    """
    if support is not None:
        raise UnsupportedProblemError(
            "wasserstein1 takes values with weights and no `support=`; for frequencies on given "
            "positions call wasserstein1_histogram(p, q, support=...)"
        )
    return _distance(x, y, 1.0, x_weights, y_weights, metric, rtol, atol, max_seconds, solver)


@keeps_arrays("wasserstein2")
@explains_calls("POT's emd2_1d(x, y, a, b) is wasserstein2(x, y, x_weights=a, y_weights=b) ** 2")
def wasserstein2(
    x: Any,
    y: Any,
    *,
    x_weights: Any = None,
    y_weights: Any = None,
    metric: Any = "euclidean",
    rtol: float | None = None,
    atol: float | None = None,
    max_seconds: float | None = None,
    solver: Solver | None = None,
) -> float:
    """Wasserstein-2 distance: the root of the least mean squared distance.

    Parameters are those of `wasserstein1`; also between two `Gaussian`s of any dimension.

    Returns
    -------
    float
        Distance in the unit of the metric (the root is taken).

    Raises
    ------
    InvalidInputError, ConvergenceError
        As in `wasserstein1`.

    Examples
    --------
    >>> from otdiv import wasserstein2
    >>> wasserstein2([0.0, 1.0], [0.0, 0.0, 1.0]) ** 2
    0.16666666666666...
    """
    return _distance(x, y, 2.0, x_weights, y_weights, metric, rtol, atol, max_seconds, solver)


@keeps_arrays("transport_cost")
@explains_calls()
def wasserstein(
    x: Any,
    y: Any,
    *,
    p: float,
    x_weights: Any = None,
    y_weights: Any = None,
    metric: Any = "euclidean",
    rtol: float | None = None,
    atol: float | None = None,
    max_seconds: float | None = None,
    solver: Solver | None = None,
) -> float:
    """Wasserstein-p distance (min over plans of the mean of |x - y|^p)^(1/p).

    Parameters
    ----------
    x, y : array_like or law
        As in `wasserstein1`.
    p : float
        Order, at least 1; `inf` only on the line.
    x_weights, y_weights, metric, rtol, atol, max_seconds, solver
        As in `wasserstein1`; `metric` names the norm, whose power is `p`.

    Returns
    -------
    float
        Distance in the unit of the metric (the p-th root is taken).

    Raises
    ------
    InvalidInputError, ConvergenceError
        As in `wasserstein1`.
    UnsupportedProblemError
        For p = inf in more than one dimension, and for laws that no method covers.

    Examples
    --------
    >>> from otdiv import wasserstein
    >>> wasserstein([0.0, 0.0], [1.0, 3.0], p=float("inf"))
    3.0
    """
    return _distance(
        x, y, as_order(p), x_weights, y_weights, metric, rtol, atol, max_seconds, solver
    )


@keeps_arrays("wasserstein1")
@explains_calls()
def wasserstein1_result(
    x: Any,
    y: Any,
    *,
    x_weights: Any = None,
    y_weights: Any = None,
    metric: Any = "euclidean",
    rtol: float | None = None,
    atol: float | None = None,
    max_seconds: float | None = None,
    solver: Solver | None = None,
) -> DistanceResult:
    """`wasserstein1` with bounds, their kind, and the transport where one was solved.

    Parameters are those of `wasserstein1`.

    Returns
    -------
    DistanceResult

    Raises
    ------
    InvalidInputError, ConvergenceError
        As in `wasserstein1`.

    Examples
    --------
    >>> from otdiv import wasserstein1_result
    >>> result = wasserstein1_result([0, 1], [1, 2])
    >>> result.value in result.bounds, result.kind
    (True, 'certified')
    """
    max_seconds = check_seconds(max_seconds)
    if is_streamed(x, y):
        return streamed_distance(
            x, y, 1.0, x_weights, y_weights, metric, rtol, atol, max_seconds, solver
        )
    if solver is None and isinstance(as_any_metric(metric), PNormCost):
        fast = line_samples(x, y, x_weights, y_weights)
        if fast is not None:
            return checked_tolerance(line_result(*fast, 1.0), rtol, atol)
    return certified_distance(
        x, y, 1.0, x_weights, y_weights, metric, rtol, atol, max_seconds, solver
    )


def _distance(
    x: Any,
    y: Any,
    p: float,
    x_weights: Any,
    y_weights: Any,
    metric: Any,
    rtol: float | None,
    atol: float | None,
    max_seconds: float | None,
    solver: Solver | None,
) -> float:
    max_seconds = check_seconds(max_seconds)
    if is_streamed(x, y):
        return streamed_distance(
            x, y, p, x_weights, y_weights, metric, rtol, atol, max_seconds, solver
        ).value
    euclidean = type(metric) is str and metric == "euclidean"
    if solver is None and (euclidean or isinstance(as_any_metric(metric), PNormCost)):
        fast = line_samples(x, y, x_weights, y_weights)
        if fast is not None:
            if rtol is not None or atol is not None:
                return checked_tolerance(line_result(*fast, p), rtol, atol).value
            return line_value(*fast, p)[0]
    return certified_distance(
        x, y, p, x_weights, y_weights, metric, rtol, atol, max_seconds, solver
    ).value
