"""Laws of gradients: between one-sided difference quotients whose values are proven.

The value is the least <C, P> over plans P, so it is concave in C and convex in the weights. Hence,
for whatever optimal plan or potentials a gradient was taken at, also where they are not unique, its
directional derivative lies between the difference quotients of either side: exactly for weights,
and for points up to the curvature of the cost, which is bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .._typing import FloatArray
from ..solvers import Sinkhorn
from ..solving import transport_matrix
from .answers import Answer, Gradients
from .dual_laws import potentials_of
from .entropic_laws import regularised_part, solved_at
from .instances import Ground, Instance, composed, instances, st
from .law import FLOOR, Finding, Law, NotOfferedError, Probe, reference

__all__ = ["GRADIENT_LAWS"]

# Step of points, exact on the lattice. Curvature blurs a quotient by about the step, the rounding
# of two values by 1e-16 over it.
_POINT_STEP = 2.0**-20

# Step of weights, as a share of the smallest: there is no curvature, but kinks, which are then
# seldom between. An entropic value is curved, by the step relative to a weight.
_WEIGHT_STEP = 2.0**-10
_ENTROPIC_STEP = 2.0**-20

# Relative rounding of a computed cost |x - y|**power (differences of lattice points are exact):
# squares, their sum, a root and a power, each within an ulp or two.
_COST_ROUNDING = 2.0**-50

# Marginal error to which the values of our own entropic solver are found before they are bounded.
_MARGINAL_TOLERANCE = 1e-13


def _gradients(answer: Answer) -> Gradients:
    if answer.gradients is None:
        raise NotOfferedError("gradients")
    return answer.gradients


def _of_points(answer: Answer) -> tuple[FloatArray, FloatArray]:
    found = _gradients(answer)
    if found.x is None or found.y is None:
        raise NotOfferedError("gradients in the points")
    return found.x, found.y


def _of_weights(answer: Answer) -> tuple[FloatArray, FloatArray]:
    found = _gradients(answer)
    if found.a is None or found.b is None:
        raise NotOfferedError("gradients in the weights")
    return found.a, found.b


def _between(slope: float, low: float, high: float, scale: float, text: str) -> Finding:
    off = float(np.maximum(np.maximum(low - slope, slope - high), 0.0))
    return Finding(off / scale, f"{text} is {slope!r}, outside the proven [{low!r}, {high!r}]")


def _distances(instance: Instance) -> FloatArray:
    assert instance.x is not None
    assert instance.y is not None
    return np.asarray(np.linalg.norm(instance.x[:, None] - instance.y, axis=2))


def _steepest(instance: Instance, power: float) -> float:
    """Largest slope that a unit of mass has: p |x - y|**(p - 1)."""
    lengths = _distances(instance)
    return float((power * lengths ** (power - 1.0)).max())


def _curvature(instance: Instance, power: float, reach: float) -> float:
    """Largest second derivative of |z|**p along a unit vector, for |z| within `reach` of a pair."""
    lengths = _distances(instance)
    ends = np.stack([lengths - reach, lengths + reach]) ** (power - 2.0)
    return float(power * max(1.0, abs(power - 1.0)) * ends.max())


def _points(probe: Probe, case: Any) -> Iterator[Finding]:
    """V(t) <= <C(t), P> = V(0) + t <G, u> + curvature, for t of either sign and optimal P."""
    instance, u, v = case
    power = probe.solver.ground.power
    gradient_x, gradient_y = _of_points(probe(instance))
    slope = float((gradient_x * u).sum() + (gradient_y * v).sum())
    h = _POINT_STEP
    middle, after, before = (
        reference(Instance.of_points(instance.a, instance.b, x, y, power))
        for x, y in ((instance.x + t * u, instance.y + t * v) for t in (0.0, h, -h))
    )
    speed = float(np.linalg.norm(u[:, None] - v, axis=2).max())
    rounding = 2.0 * _COST_ROUNDING * float(instance.C.max())
    slack = (0.5 * (h * speed) ** 2 * _curvature(instance, power, h * speed) + rounding) / h
    yield _between(
        slope,
        (after.lower - middle.upper) / h - slack,
        (middle.upper - before.lower) / h + slack,
        _steepest(instance, power) * max(speed, 1.0),
        f"the slope along {u.tolist()}, {v.tolist()}",
    )


def _translation(probe: Probe, instance: Instance) -> Iterator[Finding]:
    gradient_x, gradient_y = _of_points(probe(instance))
    total = gradient_x.sum(axis=0) + gradient_y.sum(axis=0)
    yield Finding(
        float(np.abs(total).max()) / _steepest(instance, probe.solver.ground.power),
        f"the gradients of all points sum to {total.tolist()}",
    )


def _dilation(probe: Probe, instance: Any) -> Iterator[Finding]:
    """Points times s make the value s**p times as large: Euler's identity at s = 1."""
    gradient_x, gradient_y = _of_points(probe(instance))
    power = probe.solver.ground.power
    terms = [gradient_x * instance.x, gradient_y * instance.y]
    slope = float(sum(term.sum() for term in terms))
    proven = reference(instance)
    scale = proven.scale(FLOOR) + float(sum(np.abs(term).sum() for term in terms))
    low, high = power * proven.lower, power * proven.upper
    text = f"<G_x, x> + <G_y, y>, which is {power:g} times the value,"
    yield _between(slope, low, high, scale, text)


def _weights(probe: Probe, case: Any) -> Iterator[Finding]:
    instance, side, pair = case
    gradient = _of_weights(probe(instance))[side]
    yield _quotients(instance, side, pair, gradient, "the gradient", None)


def _potentials(probe: Probe, case: Any) -> Iterator[Finding]:
    instance, side, pair, epsilon = case
    if not probe.regularised:
        potential = potentials_of(probe(instance))[side]
        yield _quotients(instance, side, pair, potential, "the potential", None)
        return
    answer, epsilon = solved_at(probe, instance, epsilon)
    potential = potentials_of(regularised_part(answer))[side]
    text = f"at epsilon {epsilon!r} the potential"
    yield _quotients(instance, side, pair, potential, text, epsilon)


def _quotients(
    instance: Instance,
    side: int,
    pair: tuple[int, int],
    gradient: FloatArray,
    text: str,
    epsilon: float | None,
) -> Finding:
    """Mass moves from atom k of one side to atom i: V(t) >= V(0) + t (f_i - f_k), either sign of t.

    The regularised value is convex in the weights of one side as well: with the soft c-transform of
    g in the place of f it is a supremum of functions that are linear in them.
    """
    i, k = pair
    weights = (instance.a, instance.b)[side]
    h = (_WEIGHT_STEP if epsilon is None else _ENTROPIC_STEP) * float(weights.min())
    middle, after, before = (
        _value_bounds(_with_weights(instance, side, weights, i, k, t), epsilon)
        for t in (0.0, h, -h)
    )
    spread = float(np.ptp(instance.C)) + (0.0 if epsilon is None else epsilon)
    return _between(
        float(gradient[i] - gradient[k]),
        (middle[0] - before[1]) / h,
        (after[1] - middle[0]) / h,
        spread or 1.0,
        f"{text} from atom {k} to atom {i} of side {side}",
    )


def _with_weights(
    instance: Instance, side: int, weights: FloatArray, i: int, k: int, t: float
) -> Instance:
    moved = weights.copy()
    moved[i] += t
    moved[k] -= t
    a, b = (moved, instance.b) if side == 0 else (instance.a, moved)
    return Instance(a=a, b=b, C=instance.C)


def _value_bounds(instance: Instance, epsilon: float | None) -> tuple[float, float]:
    """Proven bounds of the optimum, or of the optimum of the regularised problem."""
    if epsilon is None:
        proven = reference(instance)
        return proven.lower, proven.upper
    solver = Sinkhorn(epsilon=epsilon, marginal_tolerance=_MARGINAL_TOLERANCE)
    result = transport_matrix(
        instance.C, x_weights=instance.a, y_weights=instance.b, solver=solver, throw=False
    )
    assert result.entropic is not None
    return result.entropic.bounds.lower, result.entropic.bounds.upper


def _apart(instance: Instance) -> bool:
    """No two points of either side meet: |x - y|**p is smooth at each pair."""
    return bool(instance.C.min() > 0.0)


def _separate(ground: Ground) -> Any:
    return instances(ground).filter(_apart) if ground.on_points else None


def _moving(ground: Ground) -> Any:
    """Points that are apart, with a velocity of -1, 0 or 1 in each coordinate."""
    if not ground.on_points:
        return None

    def draw_case(draw: Callable[[Any], Any]) -> Any:
        instance = draw(_separate(ground))

        def velocity(points: FloatArray) -> FloatArray:
            size = points.size
            steps = draw(st.lists(st.integers(-1, 1), min_size=size, max_size=size))
            return np.array(steps, dtype=np.float64).reshape(points.shape)

        return instance, velocity(instance.x), velocity(instance.y)

    return composed(draw_case)


def _exchanging(ground: Ground) -> Any:
    """An instance, a side, two atoms of it, and an epsilon for solvers that take one."""

    def draw_case(draw: Callable[[Any], Any]) -> Any:
        sizes = st.integers(2, 4)
        entries = st.integers(0, 8).map(float)
        instance = draw(instances(ground, entries=entries, shapes=st.tuples(sizes, sizes)))
        side = draw(st.integers(0, 1))
        order = draw(st.permutations(range(instance.shape[side])))
        share = draw(st.sampled_from([0.25, 1.0, 4.0]))
        return instance, side, tuple(order[:2]), share * (float(instance.C.max()) or 1.0)

    return composed(draw_case)


GRADIENT_LAWS = (
    Law(
        id="gradient-points",
        statement="<G_x, u> + <G_y, v> lies between proven difference quotients of the value",
        cases=_moving,
        check=_points,
    ),
    Law(
        id="gradient-translation",
        statement="the gradients of all points sum to 0",
        cases=_separate,
        check=_translation,
    ),
    Law(
        id="gradient-dilation",
        statement="<G_x, x> + <G_y, y> = p value, for the cost |x - y|^p",
        cases=_separate,
        check=_dilation,
    ),
    Law(
        id="gradient-weights",
        statement="the slope in the weights lies between proven difference quotients of the value",
        cases=lambda ground: _exchanging(ground).map(lambda case: case[:3]),
        check=_weights,
    ),
    Law(
        id="potentials-gradient",
        statement="the potentials are a gradient in the weights (entropic: of the regularised one)",
        cases=_exchanging,
        check=_potentials,
        regularised=True,
    ),
)
