"""Claims about an optimal critic along the segments on which mass travels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import critics, distances
from ..._typing import FloatArray
from ...certificates import LipschitzExtension
from ...costs import PNormCost
from ...plans import SparsePlan
from ...solving import transport
from ..cases import choices, numbers, seeds, tuples
from ..claim import Kind, Topic
from ..slacks import at_most, equal
from .sources import BANACH, WGAN_GP, ZHANG

TOPIC = Topic("transport_rays", "Optimal critics along transport rays")


def _case() -> Any:
    return tuples(
        seeds(),
        numbers(1, 6, whole=True),
        numbers(1, 6, whole=True),
        choices([2, 3, 1]),
        numbers(0.1, 0.9),
    )


def _rays(case: Any) -> tuple[critics.KantorovichPotential, FloatArray, FloatArray, float]:
    """Optimal critic, starts x and ends y of the rays (k, d), and the share t of a ray.

    As in the paper the critic rises from the generated x to the real y.
    """
    seed, n, m, d, t = case
    rng = np.random.default_rng(seed)
    real, fake = rng.normal(size=(m, d)), rng.normal(size=(n, d))
    f = critics.KantorovichPotential(real, fake)
    plan = f.result.plan
    assert isinstance(plan, SparsePlan)
    used = plan.mass > 1e-12
    return f, fake[plan.columns[used]], real[plan.rows[used]], t


@TOPIC.claim(
    "rays-rise-by-their-length",
    item=60,
    title="An optimal critic rises by the length of a ray",
    statement="f*(y) - f*(x) = |y - x| for pairs (x, y) of the optimal plan",
    source=ZHANG.at("theorem 4.1, (4.4); lemma 1 of arXiv:1704.00028, appendix A"),
    kind=Kind.EQUALITY,
    cases=_case,
)
def _rise(case: Any) -> float:
    f, x, y, _ = _rays(case)
    gap = f(y) - f(x) - np.linalg.norm(y - x, axis=1)
    return equal(float(np.abs(gap).max()), 0.0, tolerance=1e-11)


@TOPIC.claim(
    "rays-rise-evenly",
    item=60,
    title="An optimal critic is linear along a ray",
    statement="f*(x_t) = f*(x) + t |y - x| for x_t = (1 - t) x + t y",
    source=ZHANG.at("theorem 4.1, (4.9)"),
    kind=Kind.EQUALITY,
    cases=_case,
    correction="The text defines phi(t) = f*(x, y) - f*(x), for f*(x_t) - f*(x). The paper on the "
    "gradient penalty states x_t = t x + (1 - t) y and proves it for (1 - t) x + t y.",
)
def _even(case: Any) -> float:
    f, x, y, t = _rays(case)
    point = (1.0 - t) * x + t * y
    gap = f(point) - f(x) - t * np.linalg.norm(y - x, axis=1)
    return equal(float(np.abs(gap).max()), 0.0, tolerance=1e-11)


@TOPIC.claim(
    "theorem-4-1",
    item=60,
    title="Theorem 4.1: the gradient of an optimal critic on a ray",
    statement="grad f*(x_t) = (y - x_t) / |y - x_t|, almost surely under the plan, 0 <= t < 1",
    source=ZHANG.at("theorem 4.1; proposition 1 of arXiv:1704.00028"),
    kind=Kind.EQUALITY,
    cases=_case,
    correction="Needs plan(x = y) = 0 and f* differentiable at x_t, which the text omits; inside "
    "the ray the latter is automatic for the Euclidean norm. Tested for both McShane extensions, "
    "0.1 <= t <= 0.9. At t = 1 the right side is 0/0.",
)
def _theorem(case: Any) -> float:
    f, x, y, t = _rays(case)
    point = (1.0 - t) * x + t * y
    unit = (y - x) / np.linalg.norm(y - x, axis=1, keepdims=True)
    worst = 1.0
    for kind in ("upper", "lower"):
        gap = float(np.abs(_slopes(f, point, kind) - unit).max())
        worst = min(worst, equal(gap, 0.0, tolerance=1e-4))
    return worst


def _slopes(f: critics.KantorovichPotential, points: FloatArray, kind: str) -> FloatArray:
    """Gradient by central differences: the function's, not the formula's."""
    # So small that hardly a draw has a kink inside it; rounding leaves some 1e-8.
    step = 1e-8 * float(np.abs(points).max() + 1.0)
    out = np.empty_like(points)
    for axis, unit in enumerate(np.eye(points.shape[1])):
        high, low = (f(points + sign * step * unit, extension=kind) for sign in (1.0, -1.0))
        out[:, axis] = (high - low) / (2.0 * step)
    return out


@TOPIC.claim(
    "pythagoras-on-a-ray",
    item=60,
    title="The last step of Theorem 4.1",
    statement="1 >= |grad f|^2 = <v, grad f>^2 + |grad f - <v, grad f> v|^2 >= 1 for unit v along "
    "the ray, so grad f = v",
    source=ZHANG.at("theorem 4.1, (4.13)"),
    kind=Kind.EQUALITY,
    cases=_case,
    correction="Printed with <v, f*> for <v, grad f*>, the argument x for x_t, and 1 <= … <= 1.",
)
def _pythagoras(case: Any) -> float:
    f, x, y, t = _rays(case)
    point = (1.0 - t) * x + t * y
    v = (y - x) / np.linalg.norm(y - x, axis=1, keepdims=True)
    slopes = _slopes(f, point, "upper")
    along = (slopes * v).sum(axis=1)
    rest = slopes - along[:, None] * v
    total = along**2 + (rest**2).sum(axis=1)
    return min(
        equal(float(np.abs(total - (slopes**2).sum(axis=1)).max()), 0.0, tolerance=1e-9),
        equal(float(np.abs(along - 1.0).max()), 0.0, tolerance=1e-5),
        equal(float(np.abs(rest).max()), 0.0, tolerance=1e-4),
    )


@TOPIC.claim(
    "unit-gradient-at-the-data",
    item=60,
    title="Unit gradients at the data themselves, as printed",
    statement="|grad f*| = 1 almost everywhere under P_r and P_g",
    source=WGAN_GP.at("corollary 1"),
    kind=Kind.COUNTEREXAMPLE,
    cases=_case,
    holds=False,
    correction="Fails at atoms, where an optimal critic may have a kink: the extension "
    "min_j (|z - y_j| - g_j) has one at every y_j. Inside the rays it is true (theorem 4.1).",
)
def _at_the_data(case: Any) -> float:
    f, x, y, _ = _rays(case)
    worst = 1.0
    for points, kind in ((x, "upper"), (y, "lower")):
        lengths = np.linalg.norm(_slopes(f, points, kind), axis=1)
        worst = min(worst, equal(float(np.abs(lengths - 1.0).max()), 0.0, tolerance=1e-3))
    return worst


@TOPIC.claim(
    "gradient-off-the-rays",
    item=60,
    title="Off the rays the gradient is at most one",
    statement="|grad f*| <= 1 at independent interpolates, where a penalty pulls it to 1",
    source=WGAN_GP.at("section 4"),
    kind=Kind.INEQUALITY,
    cases=_case,
    correction="The interpolates of the penalty pair x and y independently; theorem 4.1 speaks of "
    "pairs of the optimal plan only. The mean of both extensions has slopes below one there.",
)
def _off_the_rays(case: Any) -> float:
    f, x, y, t = _rays(case)
    point = (1.0 - t) * x + t * np.roll(y, 1, axis=0)
    lengths = np.linalg.norm(_slopes(f, point, "mean"), axis=1)
    # Central differences: values of a few units, in ulps, over 2e-8.
    return at_most(float(lengths.max()), 1.0, tolerance=1e-6)


@TOPIC.claim(
    "banach-rays",
    item=78,
    title="The same for other norms: the dual norm of the gradient is one",
    statement="for the ground metric |.|_p: |grad f*(x_t)|_q = 1 on the rays, 1/p + 1/q = 1",
    source=BANACH.at("section 3"),
    kind=Kind.EQUALITY,
    cases=lambda: tuples(
        seeds(), numbers(1, 6, whole=True), choices([1.5, 2.0, 3.0, 4.0]), numbers(0.2, 0.8)
    ),
)
def _banach(case: Any) -> float:
    seed, n, norm, t = case
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, n, 2))
    result = transport(y, x, cost=PNormCost(norm=norm))
    assert isinstance(result.plan, SparsePlan)
    assert result.potentials is not None
    f = LipschitzExtension(result.problem, result.potentials, kind="upper")
    used = result.plan.mass > 1e-12
    start, end = x[result.plan.columns[used]], y[result.plan.rows[used]]
    point, step = (1.0 - t) * start + t * end, 1e-8
    slopes = np.stack(
        [(f(point + step * e) - f(point - step * e)) / (2.0 * step) for e in np.eye(2)], axis=1
    )
    dual = np.linalg.norm(slopes, ord=norm / (norm - 1.0), axis=1)
    return equal(float(np.abs(dual - 1.0).max()), 0.0, tolerance=1e-3)


@TOPIC.claim(
    "gradient-bound-gives-lipschitz",
    item=58,
    title="Bounded gradients on a convex set",
    statement="|f(x) - f(y)| <= |x - y| max |grad f| over the segment, for smooth f",
    source=ZHANG.at("section 4.2"),
    kind=Kind.INEQUALITY,
    cases=lambda: tuples(seeds(), choices([1, 2, 3])),
    correction="Needs a convex domain, which holds the segment; on other domains see the next.",
)
def _bounded_gradient(case: Any) -> float:
    seed, d = case
    rng = np.random.default_rng(seed)
    architecture = critics.Architecture(hidden=(6,), activation=critics.Tanh(), dtype="float64")
    network = architecture.build(n_inputs=d, rng=rng)
    x, y = 2.0 * rng.normal(size=(2, 1, d))
    shares = np.linspace(0.0, 1.0, 201)[:, None]
    slopes = np.linalg.norm(network.input_gradient(x + shares * (y - x)), axis=1)
    rise = abs(float(network(x)[0, 0] - network(y)[0, 0]))
    # Between 201 points the largest slope may be missed by a second-order amount.
    return at_most(rise, float(slopes.max()) * float(np.linalg.norm(y - x)), tolerance=1e-3)


@TOPIC.claim(
    "gradient-bound-on-any-domain",
    item=58,
    title="Bounded gradients on any domain, as printed",
    statement="a differentiable f is 1-Lipschitz if and only if |grad f| <= 1 everywhere",
    source=ZHANG.at("section 4.2"),
    kind=Kind.COUNTEREXAMPLE,
    cases=lambda: numbers(0.001, 3.1),
    holds=False,
    correction="The angle on the annulus 1 < |x| < 2, slit along a ray, has |grad f| = 1/|x| < 1 "
    "but jumps by almost 2 pi across the slit. Here: between the angles t and 2 pi - t.",
    witnesses=(0.01,),
)
def _slit(case: Any) -> float:
    rise = 2.0 * math.pi - 2.0 * case
    chord = 2.0 * 1.001 * math.sin(case)
    return at_most(rise, chord)


@TOPIC.claim(
    "critic-value-is-w1",
    item=60,
    also=(26,),
    title="The potential's value is the distance",
    statement="E_y f* - E_x f* = W1(P_r, P_g)",
    source=WGAN_GP.at("appendix A"),
    kind=Kind.EQUALITY,
    cases=_case,
)
def _value(case: Any) -> float:
    f, *_ = _rays(case)
    value = distances.wasserstein1(f.problem.x, f.problem.y)
    return equal(f.raw, value, tolerance=1e-11)
