"""The examples with which the texts explain transport: boxes, warehouses, two segments."""

from __future__ import annotations

import math
from itertools import permutations
from typing import Any

import numpy as np

from ... import distances, divergences, solving
from ..._typing import FloatArray
from ...measures import DiscreteMeasure
from ..cases import choices, functional, numbers, seeds, tuples
from ..claim import Kind, Topic
from ..slacks import at_most, equal, within
from .sources import BOXES, QI, READING, WGAN, ZHANG

TOPIC = Topic("transport_examples", "Boxes, warehouses and two parallel segments")


@TOPIC.claim(
    "warehouse",
    item=21,
    title="The warehouse example",
    statement="one unit from Beijing to Tibet (cost 100) or to Tianjin (cost 10): optimal costs "
    "100 and 10, though the stocks differ from the demand by the same vector up to order",
    source=QI.at("Wasserstein distance"),
    kind=Kind.EQUALITY,
    cases=lambda: tuples(choices([("Tibet", 100.0), ("Tianjin", 10.0)]), numbers(0, 9, whole=True)),
    correction="Costs of the pair Tibet-Tianjin are not in the text; 105 is used.",
)
def _warehouse(case: Any) -> float:
    (city, cost), stock = case
    costs = np.array([[0.0, 100.0, 10.0], [100.0, 0.0, 105.0], [10.0, 105.0, 0.0]])
    supply = np.array([stock + 1.0, stock, stock])
    demand = np.array([stock, stock, stock], dtype=float)
    demand[1 if city == "Tibet" else 2] += 1.0
    problem = solving.transport_matrix(costs, x_weights=supply, y_weights=demand)
    difference = np.sort(np.abs(supply - demand))
    return min(
        equal(problem.value * supply.sum(), cost, scale=100.0),
        equal(float(np.abs(difference - [0.0, 1.0, 1.0]).max()), 0.0),
    )


@TOPIC.claim(
    "warehouse-norm-as-printed",
    item=21,
    title="The norm in the warehouse example, as printed",
    statement="||X - Y|| = 1 for the Euclidean norm of stock minus demand",
    source=QI.at("Wasserstein distance"),
    kind=Kind.EQUALITY,
    cases=lambda: numbers(0, 9, whole=True),
    holds=False,
    correction="X - Y = (1, -1): the norm is 1 only as the largest entry (or as half the sum, the "
    "total variation times the mass); the Euclidean norm is sqrt 2, the sum 2.",
    witnesses=(1,),
)
def _warehouse_norm(case: Any) -> float:
    stock = float(case)
    x, y = np.array([stock + 1.0, stock]), np.array([stock, stock + 1.0])
    return equal(float(np.linalg.norm(x - y)), 1.0)


_FIRST = ((1, 1, 1, 2, 2, 3), (7, 8, 8, 9, 10, 10))
_SECOND = ((1, 1, 1, 2, 2, 2), (7, 7, 8, 9, 10, 10))


@TOPIC.claim(
    "six-boxes",
    item=29,
    title="The six boxes",
    statement="all 720 assignments of the six boxes cost 42, so W = 42, or 7 with mass one; "
    "1 -> 7 costs 6, two boxes 1 -> 10 cost 18",
    source=BOXES.at("definition, first example"),
    kind=Kind.EQUALITY,
    cases=lambda: choices([_FIRST, _SECOND]),
    budget=2,
    correction="The figure with the positions is missing; both reconstructions agree with the text "
    "and with the total.",
)
def _six_boxes(case: Any) -> float:
    start, end = case
    costs = {
        sum(abs(a - b) for a, b in zip(start, order, strict=True))
        for order in set(permutations(end))
    }
    if costs != {42} or start.count(1) != 3 or end.count(10) != 2:
        return -1.0
    return equal(6.0 * distances.wasserstein1(start, end), 42.0, scale=42.0)


def _separated_line() -> Any:
    def draw_case(draw: Any) -> Any:
        n = draw(numbers(1, 6, whole=True))
        left = [draw(numbers(-40, 0, whole=True)) / 4.0 for _ in range(n)]
        right = [draw(numbers(0, 40, whole=True)) / 4.0 for _ in range(n)]
        return left, right, draw(seeds())

    return functional(draw_case)


@TOPIC.claim(
    "separated-on-the-line",
    item=29,
    title="Why both plans of the first example cost the same",
    statement="on the line, if max x <= min y then every plan costs E y - E x = W1",
    source=BOXES.at("definition, first example, explained"),
    kind=Kind.EQUALITY,
    cases=_separated_line,
)
def _separated(case: Any) -> float:
    x, y, seed = np.array(case[0]), np.array(case[1]), case[2]
    n, rng = len(x), np.random.default_rng(seed)
    # A random plan: a mixture of permutations.
    shares = rng.dirichlet(np.ones(4))
    cost = sum(share * float(np.abs(x - y[rng.permutation(n)]).mean()) for share in shares)
    exact = float(y.mean() - x.mean())
    return min(
        equal(cost, exact, scale=20.0), equal(distances.wasserstein1(x, y), exact, scale=20.0)
    )


@TOPIC.claim(
    "two-boxes",
    item=30,
    title="The second example of boxes",
    statement="{1, 4} -> {2, 3}: the two plans cost 2 and 4, so W = 2 boxes (1 with mass one)",
    source=BOXES.at("definition, second example"),
    kind=Kind.EQUALITY,
    cases=lambda: numbers(-10, 10, whole=True),
    correction="The figure is missing: a reconstruction, tested at any place on the line.",
)
def _two_boxes(case: Any) -> float:
    x, y = [case + 1, case + 4], [case + 2, case + 3]
    plans = sorted(
        sum(abs(a - b) for a, b in zip(x, order, strict=True)) for order in permutations(y)
    )
    if plans != [2, 4]:
        return -1.0
    return equal(2.0 * distances.wasserstein1(x, y), 2.0)


@TOPIC.claim(
    "plans-differ-in-cost",
    item=30,
    title="Not every plan is optimal",
    statement="on the line every assignment of two pairs of boxes costs the same",
    source=BOXES.at("definition, first example, overgeneralised"),
    kind=Kind.COUNTEREXAMPLE,
    cases=lambda: tuples(*(numbers(-10, 10, whole=True) for _ in range(4))),
    holds=False,
    correction="Only if the two sides are separated; otherwise see the second example.",
    witnesses=((1, 4, 2, 3),),
)
def _all_equal(case: Any) -> float:
    a, b, c, d = case
    return 1.0 if abs(a - c) + abs(b - d) == abs(a - d) + abs(b - c) else -1.0


def _segment(theta: float, z: FloatArray) -> DiscreteMeasure:
    """Example 1: the law of (theta, Z)."""
    return DiscreteMeasure(points=np.stack([np.full_like(z, theta), z], axis=1))


def _grid(n: int) -> FloatArray:
    return (np.arange(n) + 0.5) / n


def _thetas() -> Any:
    return tuples(
        numbers(1, 12, whole=True),
        choices([0.0, -0.0, 1e-300, -1e-300, 1e-9, -0.25, 0.5, 1.0, 3.0, 1e6]),
        numbers(-1, 1),
    )


def _theta(case: Any) -> tuple[FloatArray, float]:
    n, theta, other = case
    return _grid(n), (theta if n % 2 else other)


@TOPIC.claim(
    "example-1-w1",
    item=41,
    also=(23, 40),
    title="Example 1, the distance that sees",
    statement="P_theta the law of (theta, Z), Z uniform on [0, 1]: W1(P_0, P_theta) = |theta|",
    source=WGAN.at("example 1"),
    kind=Kind.EQUALITY,
    cases=_thetas,
)
def _example_w1(case: Any) -> float:
    z, theta = _theta(case)
    value = distances.wasserstein1(_segment(0.0, z), _segment(theta, z))
    return equal(value, abs(theta), tolerance=1e-14, scale=abs(theta) or 1.0)


@TOPIC.claim(
    "example-1-js-tv-kl",
    item=41,
    also=(23, 22),
    title="Example 1, the divergences that do not",
    statement="JS = log 2, TV = 1, KL = reverse KL = inf for theta != 0, and all 0 for theta = 0",
    source=ZHANG.at("example 3.1; example 1 of arXiv:1701.07875"),
    kind=Kind.EQUALITY,
    cases=_thetas,
)
def _example_divergences(case: Any) -> float:
    z, theta = _theta(case)
    p, q = _segment(0.0, z), _segment(theta, z)
    apart = theta != 0.0
    return min(
        equal(divergences.js_divergence(p, q), math.log(2.0) if apart else 0.0, tolerance=1e-14),
        equal(divergences.total_variation(p, q), 1.0 if apart else 0.0),
        equal(divergences.kl_divergence(p, q), math.inf if apart else 0.0),
        equal(divergences.kl_divergence(q, p), math.inf if apart else 0.0),
    )


@TOPIC.claim(
    "example-1-kl-gradient-as-printed",
    item=22,
    title="KL in Example 1, as printed",
    statement="without overlap the gradient of KL tends to infinity and explodes",
    source=QI.at("advantages of WD"),
    kind=Kind.COUNTEREXAMPLE,
    cases=lambda: numbers(0.01, 1.0),
    holds=False,
    correction="KL is the constant +inf for theta != 0; inf - inf has no gradient at all.",
)
def _kl_gradient(case: Any) -> float:
    z, step = _grid(5), 1e-3
    p = _segment(0.0, z)
    high = float(divergences.kl_divergence(p, _segment(case + step, z)))
    low = float(divergences.kl_divergence(p, _segment(case - step, z)))
    quotient = (high - low) / (2.0 * step) if math.isfinite(high) else math.nan
    return 1.0 if quotient > 1.0 else -1.0


@TOPIC.claim(
    "example-1-gradients",
    item=23,
    also=(43,),
    title="Gradients in Example 1",
    statement="for theta != 0: d JS / d theta = 0 and d W1 / d theta = sign(theta)",
    source=QI.at("advantages of WD"),
    kind=Kind.EQUALITY,
    cases=lambda: tuples(numbers(0.01, 100.0), choices([1.0, -1.0])),
)
def _example_gradients(case: Any) -> float:
    theta, step, z = case[0] * case[1], 1e-3, _grid(4)
    p, low, high = (_segment(t, z) for t in (0.0, theta - step, theta + step))
    js = divergences.js_divergence(p, high) - divergences.js_divergence(p, low)
    w1 = distances.wasserstein1(p, high) - distances.wasserstein1(p, low)
    return min(
        equal(js, 0.0, tolerance=1e-14),
        equal(w1 / (2.0 * step), case[1], tolerance=1e-9 * (1.0 + abs(theta))),
    )


@TOPIC.claim(
    "example-1-js-is-continuous",
    item=51,
    also=(40,),
    title="Statements 1 and 2 of Theorem 1 for JS",
    statement="theta_t -> 0 implies JS(P_0, P_theta_t) -> 0 in Example 1",
    source=WGAN.at("theorem 1 (3): false for JS and the KLs"),
    kind=Kind.COUNTEREXAMPLE,
    cases=lambda: numbers(0, 60, whole=True),
    holds=False,
    correction="JS stays log 2 and KL infinite on the whole way, while W1 = |theta_t| -> 0.",
    witnesses=(40,),
)
def _js_continuous(case: Any) -> float:
    theta, z = 0.5**case, _grid(4)
    p, q = _segment(0.0, z), _segment(theta, z)
    distance = distances.wasserstein1(p, q)
    return at_most(divergences.js_divergence(p, q), 10.0 * math.sqrt(distance))


def _samples() -> Any:
    return tuples(seeds(), numbers(2, 20, whole=True), numbers(-1, 1))


@TOPIC.claim(
    "example-1-samples",
    item=41,
    title="Example 1 with independent samples",
    statement="|theta| <= W1(P_0^n, P_theta^n) <= |theta| + W1(z, z') for independent z, z'",
    source=READING.at("example 1, with samples"),
    kind=Kind.INEQUALITY,
    cases=_samples,
    correction="Projection on the first axis and the triangle inequality. With other sample points "
    "KL is infinite even at theta = 0.",
)
def _example_samples(case: Any) -> float:
    seed, n, theta = case
    z, other = np.random.default_rng(seed).random((2, n))
    value = distances.wasserstein1(_segment(0.0, z), _segment(theta, other))
    extra = distances.wasserstein1(z, other)
    return min(at_most(abs(theta), value), at_most(value, abs(theta) + extra))


@TOPIC.claim(
    "example-1-bias",
    item=41,
    title="The bias of samples in Example 1",
    statement="E W1(P_0^n, P_0^n') falls as n^(-1/2): slope between n = 16 and 1024 within 0.1",
    source=READING.at("example 1, with samples"),
    kind=Kind.RATE,
    cases=seeds,
    budget=3,
    correction="1000 repetitions leave a standard error of some 0.005 in the slope.",
)
def _example_bias(case: Any) -> float:
    rng = np.random.default_rng(case)
    means = []
    for n in (16, 1024):
        pairs = np.sort(rng.random((2, 1000, n)), axis=2)
        means.append(float(distances.wasserstein1_batch(pairs[0], pairs[1]).mean()))
    return within(math.log(means[1] / means[0]) / math.log(64.0), -0.6, -0.4)
