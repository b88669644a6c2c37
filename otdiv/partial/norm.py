"""The norm of Kantorovich and Rubinstein: W1 of laws whose masses may differ."""

from __future__ import annotations

from typing import Any

from .._calling import explains_calls
from .._validation import check_positive
from ..costs import as_any_metric
from ..results import Callback
from .result import PartialResult
from .transport import partial_transport

__all__ = ["kantorovich_rubinstein", "kantorovich_rubinstein_result"]


@explains_calls()
def kantorovich_rubinstein(
    x: Any,
    y: Any,
    *,
    reach: float,
    x_weights: Any = None,
    y_weights: Any = None,
    metric: Any = "euclidean",
    rtol: float | None = None,
    atol: float | None = None,
) -> float:
    """Distance of two measures whose masses may differ: move mass, or make and destroy it.

        min over plans P with P 1 <= a, P' 1 <= b of
            <d, P> + reach (|a| - |P|) + reach (|b| - |P|)
        = max of  sum a f - sum b f  over |f| <= reach with |f(x) - f(y)| <= d(x, y)

    A pair is moved where it is nearer than twice the reach; a unit made or destroyed costs the
    reach. It is a metric of measures, between min(W1, 2 reach) and W1 for laws of one mass, and
    one with `partial_transport(x, y, reach=reach)`: transport whose marginals are penalised by
    total variation.

    Parameters
    ----------
    x, y : array_like, shapes (n,) or (n, d) and (m,) or (m, d), or DiscreteMeasure
        Samples have mass one; measures of other masses are `DiscreteMeasure(points, weights=a)`.
    reach : float
        Price of a unit that is made or destroyed, positive, in the unit of the metric.
    x_weights, y_weights : array_like, shapes (n,) and (m,), optional
        Relative frequencies of samples, each side normalised to 1.
    metric : PNormCost, another metric, or str, default "euclidean"
        As in `wasserstein1`.
    rtol, atol : float, optional
        Tolerances of the value; exact by default.

    Returns
    -------
    float
        In the unit of the metric times mass. `kantorovich_rubinstein_result` has bounds, the plan
        and what is left.

    Raises
    ------
    InvalidInputError
        If `reach` is not positive and finite, or `metric` is none.
    ConvergenceError
        If the tolerance is not proven.

    References
    ----------
    Hanin (1992), Kantorovich-Rubinstein norm and its application in the theory of Lipschitz
    spaces, doi:10.1090/S0002-9939-1992-1097344-5. Piccoli & Rossi (2014), Generalized Wasserstein
    distance and its application to transport equations with source, doi:10.1007/s00205-013-0669-x.

    Examples
    --------
    One unit goes a way of 1, the other is destroyed:

    >>> from otdiv import DiscreteMeasure, kantorovich_rubinstein
    >>> x = DiscreteMeasure([[0.0], [9.0]], weights=[1.0, 1.0])
    >>> kantorovich_rubinstein(x, DiscreteMeasure([[1.0]]), reach=2.0)
    3.0
    """
    return kantorovich_rubinstein_result(
        x,
        y,
        reach=reach,
        x_weights=x_weights,
        y_weights=y_weights,
        metric=metric,
        rtol=rtol,
        atol=atol,
    ).value


@explains_calls()
def kantorovich_rubinstein_result(
    x: Any,
    y: Any,
    *,
    reach: float,
    x_weights: Any = None,
    y_weights: Any = None,
    metric: Any = "euclidean",
    rtol: float | None = None,
    atol: float | None = None,
    max_seconds: float | None = None,
    max_memory: int | None = None,
    callback: Callback | None = None,
    throw: bool = True,
) -> PartialResult:
    """`kantorovich_rubinstein` with bounds, the plan, and what is made and destroyed.

    Parameters
    ----------
    x, y, reach, x_weights, y_weights, metric, rtol, atol
        As in `kantorovich_rubinstein`.
    max_seconds, max_memory, callback, throw
        As in `solve`.

    Returns
    -------
    PartialResult
        `value` includes what is made and destroyed, `transport_cost` does not.

    Raises
    ------
    InvalidInputError, ConvergenceError
        As `kantorovich_rubinstein`.

    Examples
    --------
    >>> from otdiv import kantorovich_rubinstein_result
    >>> result = kantorovich_rubinstein_result([0.0, 9.0], [1.0, 1.0], reach=2.0)
    >>> result.value, result.transport_cost, result.source_left.tolist()
    (2.5, 0.5, [0.0, 0.5])
    """
    price = check_positive("reach", reach)
    return partial_transport(
        x,
        y,
        reach=price,
        x_weights=x_weights,
        y_weights=y_weights,
        cost=as_any_metric(metric),
        rtol=rtol,
        atol=atol,
        max_seconds=max_seconds,
        max_memory=max_memory,
        callback=callback,
        throw=throw,
    )
