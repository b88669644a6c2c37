"""Claims about W as a metric: axioms, units, plans, and rates of empirical laws."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import distances, divergences, solving
from ...measures import DiscreteMeasure
from ..cases import choices, measures, numbers, seeds, tuples
from ..claim import Kind, Topic
from ..slacks import at_most, equal, within
from .shorthand import extent, law
from .sources import FOURNIER, READING, VILLANI

TOPIC = Topic("wasserstein_metric", "The Wasserstein metric")


def _orders(p: DiscreteMeasure, q: DiscreteMeasure) -> tuple[float, float]:
    return distances.wasserstein1(p, q), distances.wasserstein2(p, q)


@TOPIC.claim(
    "wasserstein-symmetry",
    item=20,
    also=(31,),
    title="Symmetry and identity",
    statement="W(P, Q) = W(Q, P), W(P, P) = 0, for orders 1 and 2",
    source=VILLANI.at("definition 6.1"),
    kind=Kind.EQUALITY,
    cases=lambda: measures(2),
    correction="By symmetry it is harmless that the notes on boxes call P_g the real law and P_r "
    "the generated one.",
)
def _symmetry(case: Any) -> float:
    p, q = case
    there, back = _orders(p, q), _orders(q, p)
    # The root of a squared distance magnifies rounding near zero.
    scale = extent(p, q)
    return min(
        equal(there[0], back[0], scale=scale),
        equal(there[1], back[1], tolerance=1e-7, scale=scale),
        *(equal(zero, 0.0, scale=scale, tolerance=1e-7) for zero in _orders(p, p)),
    )


@TOPIC.claim(
    "wasserstein-triangle",
    item=20,
    title="Triangle inequality",
    statement="W(P, R) <= W(P, Q) + W(Q, R), for orders 1 and 2",
    source=VILLANI.at("chapter 6"),
    kind=Kind.INEQUALITY,
    cases=lambda: measures(3),
)
def _triangle(case: Any) -> float:
    p, q, r = case
    scale = extent(p, q, r)
    return min(
        at_most(direct, first + second, scale=scale, tolerance=1e-9)
        for direct, first, second in zip(_orders(p, r), _orders(p, q), _orders(q, r), strict=True)
    )


@TOPIC.claim(
    "squared-w2-is-a-metric",
    item=20,
    title="Without the root there is no metric",
    statement="W2^2(P, R) <= W2^2(P, Q) + W2^2(Q, R)",
    source=VILLANI.at("chapter 6"),
    kind=Kind.COUNTEREXAMPLE,
    cases=lambda: measures(3),
    holds=False,
    correction="Three points on a line at 0, 1, 2: 4 > 1 + 1.",
    witnesses=(tuple(law([float(k)]) for k in range(3)),),
)
def _no_root(case: Any) -> float:
    p, q, r = case
    way = distances.wasserstein2(p, q) ** 2 + distances.wasserstein2(q, r) ** 2
    return at_most(distances.wasserstein2(p, r) ** 2, way, tolerance=1e-6)


@TOPIC.claim(
    "wasserstein-tells-laws-apart",
    item=20,
    also=(45,),
    title="W = 0 only for equal laws",
    statement="W1(P, Q) >= least distance of two atoms times TV(P, Q), so W1 = 0 only if P = Q",
    source=READING.at("after algorithm 1"),
    kind=Kind.INEQUALITY,
    cases=lambda: measures(2),
    correction='The reading says "W is not zero even if the supports meet only in a null set"; '
    "precisely, W is zero if and only if P = Q.",
)
def _tells_apart(case: Any) -> float:
    p, q = case
    points = np.unique(np.concatenate([p.points, q.points]), axis=0)
    gaps = np.linalg.norm(points[:, None] - points, axis=2)
    least = float(gaps[gaps > 0.0].min(initial=math.inf))
    tv = float(divergences.total_variation(p, q))
    # Of one point alone TV is rounding of the masses, and there is no distance to multiply.
    bound = least * tv if math.isfinite(least) else 0.0
    return at_most(bound, distances.wasserstein1(p, q), scale=extent(p, q))


@TOPIC.claim(
    "wasserstein-scales",
    item=20,
    title="W has the unit of the metric",
    statement="W(s P + v, s Q + v) = |s| W(P, Q) and W(P, P + v) = |v|, for orders 1 and 2",
    source=VILLANI.at("chapter 6"),
    kind=Kind.EQUALITY,
    cases=lambda: tuples(measures(2), numbers(-4, 4), numbers(-4, 4)),
)
def _scales(case: Any) -> float:
    (p, q), factor, shift = case
    moved = [r.pushforward(lambda x: factor * x + shift) for r in (p, q)]
    shifted = p.pushforward(lambda x: x + shift)
    scale = 8.0 * extent(p, q)
    length = abs(shift) * math.sqrt(p.d)
    pairs = zip(_orders(*moved), _orders(p, q), strict=True)
    return min(
        *(equal(a, abs(factor) * b, tolerance=1e-7, scale=scale) for a, b in pairs),
        *(equal(a, length, tolerance=1e-7, scale=scale) for a in _orders(p, shifted)),
    )


@TOPIC.claim(
    "plan-marginals",
    item=32,
    title="The constraint of the marginals",
    statement="the plan returned is >= 0 with row sums a and column sums b, and costs the value",
    source=READING.at("definition of the earth mover's distance; the boxes' sum over gamma(x, 10)"),
    kind=Kind.EQUALITY,
    cases=lambda: measures(2),
)
def _marginals(case: Any) -> float:
    p, q = case
    result = solving.transport(p.points, q.points, x_weights=p.weights, y_weights=q.weights)
    assert result.plan is not None
    plan = result.plan.toarray()
    costs = result.problem.matrix()
    off = max(
        float(np.abs(plan.sum(axis=1) - result.problem.a).max()),
        float(np.abs(plan.sum(axis=0) - result.problem.b).max()),
        -float(plan.min()),
    )
    spent = math.fsum((plan * costs).ravel())
    return min(
        equal(off, 0.0, tolerance=1e-14, scale=p.n + q.n),
        equal(spent, result.value, scale=extent(p, q)),
        1.0 if result.value in result.bounds else -1.0,
    )


@TOPIC.claim(
    "empirical-rate-on-the-line",
    item=71,
    title="Rate of empirical laws on the line",
    statement="E W1(P_n, P) falls as n^(-1/2) in one dimension: slope within 0.1, always positive",
    source=FOURNIER.at("theorem 1"),
    kind=Kind.RATE,
    cases=seeds,
    budget=3,
    correction="Two independent samples on [0, 1] stand for sample and law.",
)
def _rate_line(case: Any) -> float:
    rng, means = np.random.default_rng(case), []
    for n in (32, 2048):
        x, y = rng.random((2, 600, n))
        means.append(float(distances.wasserstein1_batch(x, y).mean()))
    slope = math.log(means[1] / means[0]) / math.log(64.0)
    return within(slope, -0.6, -0.4)


@TOPIC.claim(
    "empirical-rate-in-space",
    item=71,
    title="Rate of empirical laws in higher dimension",
    statement="E W1(P_n, P_n') falls as n^(-1/d) for d >= 3: slope within 0.1 for d = 3, 5",
    source=FOURNIER.at("theorem 1"),
    kind=Kind.RATE,
    cases=lambda: tuples(seeds(), choices([3, 5])),
    budget=4,
)
def _rate_space(case: Any) -> float:
    seed, d = case
    rng, means = np.random.default_rng(seed), []
    for n, repetitions in ((32, 60), (256, 12)):
        draws = [distances.wasserstein1(*rng.random((2, n, d))) for _ in range(repetitions)]
        means.append(float(np.mean(draws)))
    slope = math.log(means[1] / means[0]) / math.log(8.0)
    return within(slope, -1.0 / d - 0.1, -1.0 / d + 0.1)
