"""Wasserstein distances between samples, discrete measures and laws."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .._kernels import line as line_kernels
from .._typing import FloatArray
from .._validation import as_float_array, as_sample, as_weights, check_tolerance
from ..costs import PNormCost, as_metric
from ..errors import ConvergenceError, InvalidInputError, UnsupportedProblemError
from ..measures import DiscreteMeasure, Gaussian
from ..plans import SparsePlan
from ..results import Bounds, Solver, TransportResult

__all__ = [
    "DistanceResult",
    "wasserstein",
    "wasserstein1",
    "wasserstein1_batch",
    "wasserstein1_histogram",
    "wasserstein1_result",
    "wasserstein2",
]

Kind = Literal["certified", "quadrature", "monte_carlo"]

# Below this mean power some of its terms may have left the range of floats.
_UNDERFLOW = 1e-250


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class DistanceResult:
    """A distance with its proof.

    Attributes
    ----------
    value : float
        The distance, in the unit of the metric.
    bounds : Bounds
        Enclosure of the exact distance, proven where `kind` is "certified".
    kind : {"certified", "quadrature", "monte_carlo"}
        How the bounds were made: proven up to stated rounding, estimated by quadrature, or sampled.
    transport : TransportResult or None
        Plan and potentials where a transport problem was solved.
    """

    value: float
    bounds: Bounds
    kind: Kind
    transport: TransportResult | None = None

    def __repr__(self) -> str:
        return (
            f"DistanceResult(value={self.value:.12g}, bounds=[{self.bounds.lower:.12g}, "
            f"{self.bounds.upper:.12g}], kind={self.kind!r})"
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
    solver: Solver | None = None,
    support: Any = None,
) -> float:
    """Wasserstein-1 (earth mover's) distance W1 = min over plans of the mean of |x - y|.

    `x` and `y` are **values**, not frequencies: ``wasserstein1([.2, .8], [.8, .2])`` is 0, since
    both hold the same two values. For frequencies on bins call `wasserstein1_histogram`.

    Parameters
    ----------
    x, y : array_like, shapes (n,) or (n, d) and (m,) or (m, d)
        Samples; or laws: a `DiscreteMeasure`, a 1-D `Gaussian`, a frozen 1-D `scipy.stats` law.
    x_weights, y_weights : array_like, shapes (n,) and (m,), optional
        Relative frequencies of samples, each side normalised to 1; uniform by default.
    metric : PNormCost or str, default "euclidean"
        Ground metric: "euclidean", "cityblock", "chebyshev" or a PNormCost of power 1.
    rtol, atol : float, optional
        Proven tolerance of the returned number; exact (to rounding) by default.
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
        If the asked tolerance could not be proven.

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
    return wasserstein(
        x,
        y,
        p=1.0,
        x_weights=x_weights,
        y_weights=y_weights,
        metric=metric,
        rtol=rtol,
        atol=atol,
        solver=solver,
    )


def wasserstein2(
    x: Any,
    y: Any,
    *,
    x_weights: Any = None,
    y_weights: Any = None,
    metric: Any = "euclidean",
    rtol: float | None = None,
    atol: float | None = None,
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
    return wasserstein(
        x,
        y,
        p=2.0,
        x_weights=x_weights,
        y_weights=y_weights,
        metric=metric,
        rtol=rtol,
        atol=atol,
        solver=solver,
    )


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
    solver: Solver | None = None,
) -> float:
    """Wasserstein-p distance (min over plans of the mean of |x - y|^p)^(1/p).

    Parameters
    ----------
    x, y : array_like or law
        As in `wasserstein1`.
    p : float
        Order, at least 1; `inf` only on the line.
    x_weights, y_weights, metric, rtol, atol, solver
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
    if solver is None:
        fast = _line_samples(x, y, x_weights, y_weights)
        if fast is not None:
            if metric != "euclidean":
                as_metric(metric)
            if rtol is not None or atol is not None:
                return _checked_tolerance(_line_result(*fast, _as_order(p)), rtol, atol).value
            return _line_value(*fast, _as_order(p))[0]
    return _result(x, y, _as_order(p), x_weights, y_weights, metric, rtol, atol, solver).value


def wasserstein1_result(
    x: Any,
    y: Any,
    *,
    x_weights: Any = None,
    y_weights: Any = None,
    metric: Any = "euclidean",
    rtol: float | None = None,
    atol: float | None = None,
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
    if solver is None:
        fast = _line_samples(x, y, x_weights, y_weights)
        if fast is not None:
            as_metric(metric)
            return _checked_tolerance(_line_result(*fast, 1.0), rtol, atol)
    return _result(x, y, 1.0, x_weights, y_weights, metric, rtol, atol, solver)


def _as_order(p: Any) -> float:
    try:
        order = float(p)
    except (TypeError, ValueError):
        raise InvalidInputError("p", "be a real number of at least 1, or inf", repr(p)) from None
    if not order >= 1.0:
        raise InvalidInputError("p", "be at least 1", p)
    return order


def _is_law(value: Any) -> bool:
    """Whether `value` is a law without samples: a Gaussian or a frozen scipy.stats law."""
    return isinstance(value, Gaussian) or (hasattr(value, "cdf") and hasattr(value, "ppf"))


_LineSamples = tuple[FloatArray, FloatArray, FloatArray | None, FloatArray | None]


def _line_samples(x: Any, y: Any, x_weights: Any, y_weights: Any) -> _LineSamples | None:
    """Both samples and weights in canonical form if both are on the line, else None."""
    sides = []
    for name, sample, weights in (("x", x, x_weights), ("y", y, y_weights)):
        if isinstance(sample, DiscreteMeasure):
            if sample.d != 1 or weights is not None:
                return None
            weights = sample.weights
            sample = sample.points
        elif _is_law(sample):
            return None
        points = as_sample(name, sample)
        if points.ndim != 1:
            return None
        if weights is not None:
            weights = as_weights(f"{name}_weights", weights, points.size, normalize=True)
        sides.append((points, weights))
    (x, x_weights), (y, y_weights) = sides
    return x, y, x_weights, y_weights


def _line_value(
    x: FloatArray, y: FloatArray, x_weights: Any, y_weights: Any, p: float
) -> tuple[float, float]:
    """W_p on the line and the slack of its rounding."""
    value, slack = line_kernels.wasserstein_line(x, y, x_weights, y_weights, p)
    return float(value), float(slack)


def _line_result(
    x: FloatArray, y: FloatArray, x_weights: Any, y_weights: Any, p: float
) -> DistanceResult:
    value, slack = _line_value(x, y, x_weights, y_weights, p)
    bounds = Bounds(max(0.0, value - slack), value + slack)
    return DistanceResult(value=value, bounds=bounds, kind="certified")


def _checked_tolerance(
    result: DistanceResult, rtol: float | None, atol: float | None
) -> DistanceResult:
    """Raise unless the bounds meet the tolerance that was asked."""
    rtol, atol = check_tolerance("rtol", rtol), check_tolerance("atol", atol)
    asked = rtol is not None or atol is not None
    if asked and not result.bounds.meets(rtol or 0.0, atol or 0.0):
        raise ConvergenceError(
            f"rtol={rtol}, atol={atol} could not be proven: bounds "
            f"[{result.bounds.lower:.17g}, {result.bounds.upper:.17g}]",
            result,
        )
    return result


def _result(
    x: Any,
    y: Any,
    p: float,
    x_weights: Any,
    y_weights: Any,
    metric: Any,
    rtol: float | None,
    atol: float | None,
    solver: Solver | None,
) -> DistanceResult:
    ground = as_metric(metric)
    if _is_law(x) or _is_law(y):
        for name, value in (("x", x_weights), ("y", y_weights)):
            if value is not None and _is_law(x if name == "x" else y):
                raise InvalidInputError(f"{name}_weights", "be None for a law", "weights")
        if solver is not None:
            raise InvalidInputError("solver", "be None for laws", repr(solver))
        from .laws import law_distance

        left, right = _as_law_side("x", x, x_weights), _as_law_side("y", y, y_weights)
        value, lower, upper, kind = law_distance(left, right, p, rtol=rtol, atol=atol)
        result = DistanceResult(value=value, bounds=Bounds(lower, upper), kind=kind)
        return _checked_tolerance(result, rtol, atol)
    return _solved(x, y, p, x_weights, y_weights, ground, rtol, atol, solver)


def _as_law_side(name: str, value: Any, weights: Any) -> Any:
    """Pass a law through; make a discrete measure of a sample."""
    if _is_law(value) or isinstance(value, DiscreteMeasure):
        return value
    points = as_sample(name, value)
    weights = as_weights(f"{name}_weights", weights, len(points), normalize=True)
    return DiscreteMeasure(points=points, weights=weights)


def _solved(
    x: Any,
    y: Any,
    p: float,
    x_weights: Any,
    y_weights: Any,
    ground: PNormCost,
    rtol: float | None,
    atol: float | None,
    solver: Solver | None,
) -> DistanceResult:
    """Distance by a transport problem whose cost is the p-th power of the metric."""
    from ..solving import as_measure, solve

    if p == math.inf:
        raise UnsupportedProblemError(
            "p=inf is solved on the line only; in more dimensions use a large finite p"
        )
    rtol, atol = check_tolerance("rtol", rtol), check_tolerance("atol", atol)
    source, target = as_measure("x", x, x_weights), as_measure("y", y, y_weights)
    if source.d != target.d:
        raise InvalidInputError("y", f"have {source.d} columns like `x`", target.d)
    scale = _power_of_two_scale(source.points, target.points, p)
    if scale != 1.0:
        source = DiscreteMeasure(points=source.points / scale, weights=source.weights)
        target = DiscreteMeasure(points=target.points / scale, weights=target.weights)
    from ..problems import TransportProblem

    problem = TransportProblem(
        source=source, target=target, cost=PNormCost(norm=ground.norm, power=p)
    )
    # (U^(1/p) - t)^p + t^p <= U, so a cost gap of t^p proves the root to t.
    cost_rtol = None if rtol is None else 1.0 - max(0.0, 1.0 - rtol) ** p
    cost_atol = None if atol is None else (atol / scale) ** p
    transport = solve(problem, solver=solver, rtol=cost_rtol, atol=cost_atol)
    mass = problem.mass
    value = scale * _mean_power(transport, p)
    lower = scale * _root(max(transport.bounds.lower, 0.0) / mass, p)
    upper = max(value, scale * _root(transport.bounds.upper / mass, p))
    if p != 1.0 or mass != 1.0:
        # The division and the root are rounded once each.
        lower, upper = lower * (1.0 - 2.0**-51), upper * (1.0 + 2.0**-51)
    result = DistanceResult(
        value=value, bounds=Bounds(lower, upper), kind="certified", transport=transport
    )
    return _checked_tolerance(result, rtol, atol)


def _mean_power(transport: TransportResult, p: float) -> float:
    """(<C, P> / mass)^(1/p), from scaled distances where p-th powers of small ones underflow."""
    mean = transport.value / transport.problem.mass
    if p == 1.0 or mean > _UNDERFLOW or not isinstance(transport.plan, SparsePlan):
        return _root(mean, p)
    plan, problem = transport.plan, transport.problem
    assert isinstance(problem.cost, PNormCost)
    metric = PNormCost(norm=problem.cost.norm)
    moved = metric.between(problem.x[plan.rows], problem.y[plan.columns])[plan.mass > 0.0]
    longest = float(moved.max(initial=0.0))
    if longest == 0.0:
        return 0.0
    share = plan.mass[plan.mass > 0.0] / problem.mass
    return longest * _root(float(share @ (moved / longest) ** p), p)


def _root(value: float, p: float) -> float:
    if p == 1.0:
        return value
    return math.sqrt(value) if p == 2.0 else value ** (1.0 / p)


def _power_of_two_scale(x: FloatArray, y: FloatArray, p: float) -> float:
    """1, or the power of two that scales the clouds to extent one if p-th powers would not fit."""
    extent = max(float(np.abs(x).max()), float(np.abs(y).max()))
    # p-th powers between 1e-200 and 1e200 leave room for sums and for small differences.
    if extent == 0.0 or abs(p * math.log10(extent)) < 200.0:
        return 1.0
    return math.ldexp(1.0, math.frexp(extent)[1])


def wasserstein1_batch(
    x: Any, y: Any, *, axis: int = -1, x_weights: Any = None, y_weights: Any = None
) -> FloatArray:
    """W1 of many pairs of 1-D samples at once; the other axes broadcast.

    Parameters
    ----------
    x, y : array_like, shapes (..., n) and (..., m)
        Samples along `axis`.
    axis : int, default -1
        Axis of the samples in both arrays.
    x_weights, y_weights : array_like, optional
        Relative frequencies that broadcast to `x` and `y`; each sample is normalised to 1.

    Returns
    -------
    array
        Distances, of the broadcast shape of the other axes.

    Raises
    ------
    InvalidInputError
        If shapes do not broadcast or an input is invalid.

    Examples
    --------
    >>> from otdiv import wasserstein1_batch
    >>> wasserstein1_batch([[0.0, 1.0], [0.0, 3.0]], [1.0, 2.0])
    array([1., 1.])
    """
    left, left_weights = _batch_side("x", x, axis, x_weights)
    right, right_weights = _batch_side("y", y, axis, y_weights)
    try:
        shape = np.broadcast_shapes(left.shape[:-1], right.shape[:-1])
    except ValueError:
        found = f"shapes {left.shape[:-1]} and {right.shape[:-1]}"
        raise InvalidInputError("y", "broadcast with `x` beside `axis`", found) from None
    out = np.empty(shape)
    for index in np.ndindex(shape):
        row = _broadcast_row(left, left_weights, index)
        other = _broadcast_row(right, right_weights, index)
        out[index] = _line_value(row[0], other[0], row[1], other[1], 1.0)[0]
    return out


def _batch_side(
    name: str, sample: Any, axis: int, weights: Any
) -> tuple[FloatArray, FloatArray | None]:
    array = as_float_array(name, sample)
    if array.ndim == 0:
        raise InvalidInputError(name, "have at least one axis", "a scalar")
    try:
        array = np.moveaxis(array, axis, -1)
    except ValueError:
        raise InvalidInputError("axis", f"be an axis of `{name}`", axis) from None
    if array.shape[-1] == 0:
        raise InvalidInputError(name, "hold at least one value along `axis`", array.shape)
    if weights is None:
        return np.ascontiguousarray(array), None
    values = as_float_array(f"{name}_weights", weights)
    values = np.moveaxis(values, axis, -1) if values.ndim == array.ndim else values
    try:
        values = np.broadcast_to(values, array.shape)
    except ValueError:
        raise InvalidInputError(
            f"{name}_weights", f"broadcast to the shape {array.shape} of `{name}`", values.shape
        ) from None
    flat = values.reshape(-1, array.shape[-1])
    rows = [as_weights(f"{name}_weights", row, row.size, normalize=True) for row in flat]
    return np.ascontiguousarray(array), np.array(rows).reshape(array.shape)


def _broadcast_row(
    array: FloatArray, weights: FloatArray | None, index: tuple[int, ...]
) -> tuple[FloatArray, FloatArray | None]:
    own = index[len(index) - (array.ndim - 1) :]
    own = tuple(0 if size == 1 else i for i, size in zip(own, array.shape[:-1], strict=True))
    return array[own], None if weights is None else weights[own]


def wasserstein1_histogram(p: Any, q: Any, *, support: Any) -> float:
    """W1 between two histograms on common positions: the integral of |F - G|.

    Parameters
    ----------
    p, q : array_like, shape (k,)
        Relative frequencies (each normalised to 1).
    support : array_like, shape (k,) or (k, d)
        Position of each bin, in any order; repeated positions add up.

    Returns
    -------
    float
        Distance in the unit of `support`.

    Raises
    ------
    InvalidInputError
        If a frequency is negative or the shapes disagree.

    Examples
    --------
    >>> from otdiv import wasserstein1_histogram
    >>> wasserstein1_histogram([.2, .8], [.8, .2], support=[0.0, 1.0])
    0.6000000000000001
    """
    positions = as_sample("support", support)
    weights = [
        as_weights(name, value, len(positions), normalize=True)
        for name, value in (("p", p), ("q", q))
    ]
    return wasserstein1(positions, positions, x_weights=weights[0], y_weights=weights[1])
