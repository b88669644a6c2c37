"""How a Wasserstein distance is computed: on the line, by a transport problem, or between laws."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from .._labels import labels_of
from .._laws import as_law, is_law
from .._typing import FloatArray
from .._validation import as_number, as_samples_together, as_weights, check_tolerance
from ..costs import DerivedCost, PNormCost, as_any_metric
from ..errors import (
    ConvergenceError,
    InvalidInputError,
    MassMismatchError,
    UnsupportedProblemError,
)
from ..measures import DiscreteMeasure, Gaussian, as_measures
from ..plans import SparsePlan
from ..problems import MASS_RTOL, TransportProblem
from ..results import Bounds, Solver, TransportResult, Valued
from .laws.line import as_line_law

__all__ = [
    "DistanceResult",
    "as_order",
    "certified_distance",
    "checked_tolerance",
    "line_result",
    "line_samples",
    "line_value",
]

Kind = Literal["certified", "quadrature", "monte_carlo"]

# Up to this size NumPy's sort is as fast as the kernels'.
_SHORT = 1500
_LARGE = 1e300
_SMALL = 1e-280

# Below this mean power some of its terms may have left the range of floats.
_UNDERFLOW = 1e-250
# Powers of distances beyond this are taken for it where all that is moved is near one.
_CAP = 2.0**900
# Units that are tried, each that of the plan before; and pairs whose distances are stored for it.
_UNITS = 6
# What a second solve is left of `max_seconds` that are over.
_LEAST_SECONDS = 1e-3
_FEW_PAIRS = 10**7


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class DistanceResult(Valued):
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


def as_order(p: Any) -> float:
    """Coerce the order of a Wasserstein distance: a number of at least 1, or inf."""
    order = as_number("p", p, "be a real number of at least 1, or inf")
    if not order >= 1.0:
        raise InvalidInputError("p", "be at least 1", p)
    return order


_LineSamples = tuple[FloatArray, FloatArray, FloatArray | None, FloatArray | None]


def line_samples(x: Any, y: Any, x_weights: Any, y_weights: Any) -> _LineSamples | None:
    """Both samples and weights in canonical form if both are on the line, else None."""
    if isinstance(x, np.ndarray) and x.ndim == 2 and x.shape[1] > 1:
        return None
    sides: list[tuple[Any, Any]] = []
    masses = []
    for sample, weights in ((x, x_weights), (y, y_weights)):
        mass = 1.0
        if isinstance(sample, DiscreteMeasure):
            if sample.d != 1 or weights is not None:
                return None
            weights, mass = sample.weights, sample.mass
            sample = sample.points
        elif is_law(sample):
            return None
        sides.append((sample, weights))
        masses.append(mass)
    (first, a), (second, b) = sides
    left, right = as_samples_together(x=first, y=second)
    if left.ndim != 1 or right.ndim != 1:
        return None
    # The kernel divides by the totals itself.
    if a is not None:
        rows = ("x", labels_of(first)[0])
        a = as_weights("x_weights", a, left.size, normalize=False, only_ratios=True, of=rows)
    if b is not None:
        rows = ("y", labels_of(second)[0])
        b = as_weights("y_weights", b, right.size, normalize=False, only_ratios=True, of=rows)
    if abs(masses[0] - masses[1]) > MASS_RTOL * max(masses):
        raise MassMismatchError(*masses)
    return left, right, a, b


def line_value(
    x: FloatArray, y: FloatArray, x_weights: Any, y_weights: Any, p: float
) -> tuple[float, float]:
    """W_p on the line and the slack of its rounding."""
    if p == 1.0 and x_weights is None and y_weights is None and x.size == y.size <= _SHORT:
        short = _short_line_value(x, y)
        if short is not None:
            return short
    from .._kernels.line import distances as line_kernels

    value, slack = line_kernels.wasserstein_line(x, y, x_weights, y_weights, p)
    return float(value), float(slack)


def _short_line_value(x: FloatArray, y: FloatArray) -> tuple[float, float] | None:
    """W1 of two short samples of one size by NumPy alone, or None for the largest floats.

    Loading Numba takes longer than any sum of this size. Differences and the division err by one
    rounding each, the pairwise sum (blocks of at most 128 numbers in eight lanes) by at most 24 and
    one more for every doubling of the blocks.
    """
    x, y = np.sort(x), np.sort(y)
    if max(-x[0], x[-1], -y[0], y[-1]) > _LARGE:
        return None
    total = float(np.add.reduce(np.abs(x - y)))
    value = total / x.size
    slack = (30.0 + math.log2(x.size)) * 2.0**-53 * value
    if 0.0 < total < _SMALL:
        # The division and the product of the slack may each lose half of the least float.
        slack += math.ulp(0.0)
    return value, slack


def line_result(
    x: FloatArray, y: FloatArray, x_weights: Any, y_weights: Any, p: float
) -> DistanceResult:
    """W_p on the line with its bounds."""
    value, slack = line_value(x, y, x_weights, y_weights, p)
    bounds = Bounds(max(0.0, value - slack), value + slack)
    return DistanceResult(value=value, bounds=bounds, kind="certified")


def checked_tolerance(
    result: DistanceResult, rtol: float | None, atol: float | None
) -> DistanceResult:
    """Raise unless the bounds (estimates, if `kind` is "quadrature") meet the tolerance asked."""
    rtol, atol = check_tolerance("rtol", rtol), check_tolerance("atol", atol)
    asked = rtol is not None or atol is not None
    if asked and not result.bounds.meets(rtol or 0.0, atol or 0.0):
        raise ConvergenceError(
            f"rtol={rtol}, atol={atol} could not be proven: bounds "
            f"[{result.bounds.lower:.17g}, {result.bounds.upper:.17g}]",
            result,
        )
    return result


def certified_distance(
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
) -> DistanceResult:
    """W_p with bounds that meet the tolerance, whatever the two sides are."""
    ground = as_any_metric(metric)
    if isinstance(ground, DerivedCost):
        return _of_derived_metric(
            x, y, p, x_weights, y_weights, ground, rtol, atol, max_seconds, solver
        )
    if is_law(x) or is_law(y):
        x, y = as_law("x", x), as_law("y", y)
        if solver is not None:
            raise InvalidInputError("solver", "be None for laws", repr(solver))
        if max_seconds is not None:
            raise InvalidInputError("max_seconds", "be None for laws", max_seconds)
        if ground.norm != 2.0 and isinstance(x, Gaussian) and x.d > 1:
            raise UnsupportedProblemError(
                "Gaussians of more than one dimension are compared in the Euclidean metric only; "
                "draw samples from them for another one"
            )
        from .laws.distance import law_distance

        left, right = (
            side
            if isinstance(side, Gaussian) and weights is None
            else as_line_law(name, side, weights)
            for name, side, weights in (("x", x, x_weights), ("y", y, y_weights))
        )
        value, lower, upper, kind = law_distance(left, right, p, rtol=rtol, atol=atol)
        result = DistanceResult(value=value, bounds=Bounds(lower, upper), kind=kind)
        return checked_tolerance(result, rtol, atol)
    return _solved(x, y, p, x_weights, y_weights, ground, rtol, atol, max_seconds, solver)


def _solved(
    x: Any,
    y: Any,
    p: float,
    x_weights: Any,
    y_weights: Any,
    ground: PNormCost,
    rtol: float | None,
    atol: float | None,
    max_seconds: float | None,
    solver: Solver | None,
) -> DistanceResult:
    """Distance by a transport problem whose cost is the p-th power of the metric."""
    from ..solving import EXACT_RTOL

    if p == math.inf:
        raise UnsupportedProblemError(
            "p=inf is solved on the line only; in more dimensions use a large finite p"
        )
    rtol, atol = check_tolerance("rtol", rtol), check_tolerance("atol", atol)
    deadline = None if max_seconds is None else time.perf_counter() + max_seconds
    source, target, origin = as_measures(x, y, x_weights, y_weights)
    if source.d != target.d:
        raise InvalidInputError("y", f"have {source.d} columns like `x`", target.d)

    def at(scale: float) -> tuple[DistanceResult, float]:
        left = None if deadline is None else max(deadline - time.perf_counter(), _LEAST_SECONDS)
        return _at_scale(source, target, origin, scale, p, ground, rtol, atol, left, solver)

    scale = 1.0
    if not _fits(source.points, target.points, p):
        scale = _power_of_two_scale(source.points, target.points, ground.norm, p)
    result, doubt = at(scale)
    if doubt and scale == 1.0:
        scale = _power_of_two_scale(source.points, target.points, ground.norm, p)
        if scale != 1.0:
            result, doubt = at(scale)
    if doubt and solver is None and source.n * target.n <= _FEW_PAIRS:
        result = _of_capped_costs(source, target, p, ground, result)
    if rtol is None and atol is None and doubt:
        rtol = EXACT_RTOL
    return checked_tolerance(result, rtol, atol)


def _of_derived_metric(
    x: Any,
    y: Any,
    p: float,
    x_weights: Any,
    y_weights: Any,
    ground: DerivedCost,
    rtol: float | None,
    atol: float | None,
    max_seconds: float | None,
    solver: Solver | None,
) -> DistanceResult:
    """Distance in a metric such as that of a sphere, whose p-th power is the cost."""
    from ..solving import solve

    if is_law(x) or is_law(y):
        raise UnsupportedProblemError(
            f"laws are compared in norms and not in {type(ground).__name__}; draw samples of them"
        )
    if p == math.inf:
        raise UnsupportedProblemError("p=inf is solved on the line only; use a large finite p")
    rtol, atol = check_tolerance("rtol", rtol), check_tolerance("atol", atol)
    source, target, origin = as_measures(x, y, x_weights, y_weights)
    cost = ground.powered(p)
    assert cost is not None
    problem = TransportProblem(source=source, target=target, cost=cost).counted_from(origin)
    # As in `_at_scale`.
    cost_rtol = None if rtol is None else 1.0 - max(0.0, 1.0 - rtol) ** p
    cost_atol = None if atol is None else _power(atol, p)
    transport = solve(
        problem, solver=solver, rtol=cost_rtol, atol=cost_atol, max_seconds=max_seconds
    )
    ends = transport.bounds.lower, transport.value, transport.bounds.upper
    lower, value, upper = (_root(end / problem.mass, p) for end in ends)
    # The division and the root are rounded once each.
    bounds = Bounds(lower * (1.0 - 2.0**-51), max(value, upper * (1.0 + 2.0**-51)))
    result = DistanceResult(value=value, bounds=bounds, kind="certified", transport=transport)
    return checked_tolerance(result, rtol, atol)


def _of_capped_costs(
    source: DiscreteMeasure,
    target: DiscreteMeasure,
    p: float,
    ground: PNormCost,
    before: DistanceResult,
) -> DistanceResult:
    """Distance in units of what is moved, whose powers fade in units of the coordinates.

    Powers of the other distances may leave floats there: they are capped. That makes no lower bound
    larger, nor the cost of a plan that has no such pair. `before` comes back where there is none.
    """
    from ..solving import solve

    distances = ground.pairwise(source.points, target.points)
    plan = before.transport.plan if before.transport is not None else None
    for _ in range(_UNITS):
        if not isinstance(plan, SparsePlan):
            return before
        used = plan.mass > 0.0
        longest = float(distances[plan.rows[used], plan.columns[used]].max(initial=0.0))
        if longest == 0.0:
            return before
        unit = math.ldexp(1.0, max(math.frexp(longest)[1], -1022))
        with np.errstate(over="ignore", under="ignore"):
            C = np.minimum((distances / unit) ** p, _CAP)
        problem = TransportProblem.from_matrix(C, source.weights, target.weights)
        transport = solve(problem, throw=False)
        plan = transport.plan
        if not isinstance(plan, SparsePlan) or transport.value < _UNDERFLOW:
            continue
        if C[plan.rows, plan.columns].max(initial=0.0) >= _CAP:
            return before
        # Distances err by one rounding a coordinate and few more, the root by less than its power.
        share = (source.d + 8.0) * 2.0**-52
        value = unit * _root(transport.value, p)
        lower = unit * _root(max(transport.bounds.lower, 0.0), p) * (1.0 - share) - 5e-324
        upper = unit * _root(transport.bounds.upper, p) * (1.0 + share) + 5e-324
        bounds = Bounds(max(lower, 0.0), upper)
        return DistanceResult(value=value, bounds=bounds, kind="certified", transport=transport)
    return before


def _at_scale(
    source: DiscreteMeasure,
    target: DiscreteMeasure,
    origin: tuple[Any, ...] | None,
    scale: float,
    p: float,
    ground: PNormCost,
    rtol: float | None,
    atol: float | None,
    max_seconds: float | None,
    solver: Solver | None,
) -> tuple[DistanceResult, bool]:
    """Distance of the points in units of `scale`, and whether underflow puts it in doubt."""
    from ..solving import solve

    lost = 0.0
    if scale != 1.0:
        scaled = [side.points / scale for side in (source, target)]
        if any(
            (z * scale != side.points).any()
            for z, side in zip(scaled, (source, target), strict=True)
        ):
            # Small coordinates beside huge ones lose half of the least float, before scaling back.
            lost = 2.0 * source.d * 5e-324 * scale
        source, target = (
            DiscreteMeasure(points=z, weights=side.weights)
            for z, side in zip(scaled, (source, target), strict=True)
        )
    cost = ground if p == 1.0 else PNormCost(norm=ground.norm, power=p)
    problem = TransportProblem(source=source, target=target, cost=cost).counted_from(
        None if origin is None else tuple(o / Fraction(scale) for o in origin)
    )
    # (U^(1/p) - t)^p + t^p <= U, so a cost gap of t^p proves the root to t.
    cost_rtol = None if rtol is None else 1.0 - max(0.0, 1.0 - rtol) ** p
    cost_atol = None if atol is None else _power(atol / scale, p)
    transport = solve(
        problem, solver=solver, rtol=cost_rtol, atol=cost_atol, max_seconds=max_seconds
    )
    mass = problem.mass
    value = scale * _mean_power(transport, p)
    lower = scale * _root(max(transport.bounds.lower, 0.0) / mass, p)
    upper = max(value, scale * _root(transport.bounds.upper / mass, p))
    if p != 1.0 or mass != 1.0:
        # The division and the root are rounded once each.
        lower, upper = lower * (1.0 - 2.0**-51), upper * (1.0 + 2.0**-51)
    # Where the powers of what is moved fade away, the solver saw no difference between plans.
    faded = p != 1.0 and value > 0.0 and transport.bounds.upper / mass < _UNDERFLOW
    doubt = lost > 0.0 or faded
    if scale != 1.0 and upper < _UNDERFLOW:
        lost += 5e-324
    lower, upper = max(0.0, lower - lost), upper + lost
    result = DistanceResult(
        value=value, bounds=Bounds(lower, upper), kind="certified", transport=transport
    )
    return result, doubt


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


def _power(value: float, p: float) -> float:
    """value**p, or a large number where that overflows."""
    return value**p if p * math.log10(max(value, 1.0)) < 300.0 else 1e300


def _root(value: float, p: float) -> float:
    if p == 1.0:
        return value
    return math.sqrt(value) if p == 2.0 else value ** (1.0 / p)


def _fits(x: FloatArray, y: FloatArray, p: float) -> bool:
    """Whether the coordinates alone show that no p-th power overflows, nor those of them fade."""
    size = x.size + y.size
    squares = float(np.vdot(x, x)) + float(np.vdot(y, y))
    if not 1e-300 < squares < 1e300:
        return False
    # No distance in any norm is longer than the sum of the sizes of its coordinates, whose square
    # is at most the first of these; the largest coordinate squared is at least the second. p-th
    # powers between 1e-200 and 1e200 leave room for sums and for small differences.
    return p * math.log10(2.0 * size * squares) < 400.0 and p * math.log10(squares / size) > -400.0


def _power_of_two_scale(x: FloatArray, y: FloatArray, norm: float, p: float) -> float:
    """1, or the power of two that brings the longest distance near one if its power is extreme."""
    from .._kernels.costs import bounding_cost  # Numba is not loaded before it is needed

    reach = bounding_cost(x, y, norm, 1.0)
    # p-th powers between 1e-200 and 1e200 leave room for sums and for small differences.
    if reach == 0.0 or abs(p * math.log10(reach)) < 200.0:
        return 1.0
    # Steep powers of the longest distance may come to 1e75, so that shorter ones count as well.
    fitting = min(reach, 1.7e308) / min(2.0, 10.0 ** (75.0 / p))
    # Coordinates may be far larger than the distances, and must stay within floats.
    extent = max(float(np.abs(x).max()), float(np.abs(y).max()))
    return math.ldexp(1.0, max(math.frexp(fitting)[1], math.frexp(extent)[1] - 1000))
