"""Claims about convexity, relative entropy, likelihood and total variation."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np

from ... import divergences
from ..._typing import FloatArray
from ..cases import choices, functional, numbers, seeds, tuples, vector_pairs, vectors
from ..claim import Kind, Topic
from ..slacks import at_most, equal, within
from .shorthand import entropy_of
from .sources import BOXES, COVER, QI, READING, WGAN

TOPIC = Topic("entropy", "Convexity, relative entropy and likelihood")

_CONVEX: dict[str, Callable[[float], float]] = {
    "exp": math.exp,
    "square": lambda x: x * x,
    "-log": lambda x: -math.log(abs(x) + 0.01),
    "abs": abs,
    "logsumexp": lambda x: max(x, 0.0) + math.log1p(math.exp(-abs(x))),
}


def _point(name: str, x: float) -> float:
    """-log lives on the positive numbers only."""
    return abs(x) + 0.01 if name == "-log" else x


def _convex(name: str, x: float) -> float:
    return -math.log(x) if name == "-log" else float(_CONVEX[name](x))


def _jensen_cases() -> Any:
    def draw_case(draw: Any) -> Any:
        (weights,) = draw(vectors(1))
        points = [draw(numbers(-20, 20)) for _ in weights]
        return draw(choices(_CONVEX)), points, weights

    return functional(draw_case)


@TOPIC.claim(
    "jensen-two-points",
    item=1,
    title="Jensen's inequality at two points",
    statement="f(t x + (1 - t) y) <= t f(x) + (1 - t) f(y) for convex f",
    source=QI.at("Jensen's inequality"),
    kind=Kind.INEQUALITY,
    cases=lambda: tuples(choices(_CONVEX), numbers(-20, 20), numbers(-20, 20), numbers(0, 1)),
)
def _jensen_two_points(case: Any) -> float:
    name, x, y, t = case
    x, y = _point(name, x), _point(name, y)
    fx, fy = _convex(name, x), _convex(name, y)
    middle = _convex(name, t * x + (1.0 - t) * y)
    return at_most(middle, t * fx + (1.0 - t) * fy, scale=abs(fx) + abs(fy))


@TOPIC.claim(
    "jensen-finite",
    item=1,
    title="Jensen's inequality for finite mixtures",
    statement="f(sum_i l_i x_i) <= sum_i l_i f(x_i) for convex f and weights l",
    source=QI.at("Jensen's inequality"),
    kind=Kind.INEQUALITY,
    cases=_jensen_cases,
)
def _jensen_finite(case: Any) -> float:
    name, points, weights = case
    xs = [_point(name, x) for x in points]
    values = [_convex(name, x) for x in xs]
    middle = _convex(name, math.fsum(weights * xs) / math.fsum(weights))
    largest = max(map(abs, values))
    return at_most(middle, math.fsum(weights * values), scale=largest)


@TOPIC.claim(
    "jensen-gap-of-the-square",
    item=1,
    title="The exact gap of Jensen's inequality for the square",
    statement="sum l_i x_i^2 - (sum l_i x_i)^2 = sum_{i<j} l_i l_j (x_i - x_j)^2, in fractions",
    source=QI.at("Jensen's inequality"),
    kind=Kind.EQUALITY,
    cases=lambda: functional(
        lambda draw: [
            (draw(numbers(1, 50, whole=True)), draw(numbers(-20, 20, whole=True)))
            for _ in range(draw(numbers(1, 6, whole=True)))
        ]
    ),
    correction="So the inequality is strict as soon as two points of positive weight differ.",
)
def _jensen_square(case: Any) -> float:
    total = sum(count for count, _ in case)
    atoms = [(Fraction(count, total), x) for count, x in case]
    gap = sum(w * x * x for w, x in atoms) - sum(w * x for w, x in atoms) ** 2
    spread = sum(v * w * (x - y) ** 2 for (v, x), (w, y) in combinations(atoms, 2))
    return 1.0 if gap == spread else -1.0


@TOPIC.claim(
    "kl-definition",
    item=2,
    also=(33,),
    title="Relative entropy of finite laws",
    statement="KL(p|q) = sum over p(x) > 0 of p(x) log(p(x) / q(x))",
    source=BOXES.at("KL and JS divergence"),
    kind=Kind.EQUALITY,
    cases=vector_pairs,
)
def _kl_definition(case: Any) -> float:
    p, q = case
    if ((p > 0.0) & (q == 0.0)).any():
        return equal(divergences.kl_divergence(p, q), math.inf)
    terms = [a * (math.log(a) - math.log(b)) for a, b in zip(p, q, strict=True) if a > 0.0]
    size = 1.0 + math.fsum(abs(term) for term in terms)
    return equal(divergences.kl_divergence(p, q), math.fsum(terms), scale=size)


@TOPIC.claim(
    "kl-is-symmetric",
    item=2,
    title="Relative entropy has a direction",
    statement="KL(p|q) = KL(q|p)",
    source=READING.at("section 2, on the asymmetry of KL"),
    kind=Kind.COUNTEREXAMPLE,
    cases=lambda: vectors(2, zeros=False),
    holds=False,
    correction="For p = (1/2, 1/2), q = (1/4, 3/4): KL(p|q) = log(4/3) / 2 = 0.1438 and "
    "KL(q|p) = log(27/16) / 4 = 0.1308.",
    witnesses=((np.array([0.5, 0.5]), np.array([0.25, 0.75])),),
)
def _kl_symmetric(case: Any) -> float:
    p, q = case
    return equal(divergences.kl_divergence(p, q), divergences.kl_divergence(q, p), tolerance=1e-9)


@TOPIC.claim(
    "kl-asymmetry-values",
    item=2,
    title="Relative entropy of a fair coin and a biased one, both ways",
    statement="KL((1/2, 1/2) | (1/4, 3/4)) = log(4/3) / 2, the other way log(27/16) / 4",
    source=COVER.at("example 2.3.1, in nats"),
    kind=Kind.EQUALITY,
    cases=lambda: choices([(0.5, 0.25, math.log(4 / 3) / 2), (0.25, 0.5, math.log(27 / 16) / 4)]),
    budget=2,
)
def _kl_values(case: Any) -> float:
    p, q, value = case
    return equal(divergences.kl_divergence([p, 1 - p], [q, 1 - q]), value, tolerance=1e-14)


@TOPIC.claim(
    "gibbs",
    item=3,
    title="Gibbs' inequality",
    statement="KL(p|q) >= 0, and = 0 exactly for p = q",
    source=QI.at("KL divergence, property 1"),
    kind=Kind.INEQUALITY,
    cases=vector_pairs,
)
def _gibbs(case: Any) -> float:
    p, q = case
    value = float(divergences.kl_divergence(p, q))
    if np.array_equal(p, q):
        return equal(value, 0.0)
    # Below the rounding of the sums to one, unequal vectors may be equal laws.
    different = bool(np.abs(p - q).max() > 1e-7)
    return at_most(0.0, value) if value > 0.0 or not different else -1.0


@TOPIC.claim(
    "kl-proof-as-printed",
    item=3,
    title="The last step of the printed proof of Gibbs' inequality",
    statement="E_p[q(x) / p(x)] = 1, so that KL(p|q) >= -log(1)",
    source=QI.at("KL divergence, property 1, last line of the proof"),
    kind=Kind.EQUALITY,
    cases=vector_pairs,
    holds=False,
    correction="The expectation sees q only where p has mass: E_p[q / p] = q(p > 0) <= 1.",
    witnesses=((np.array([1.0, 0.0]), np.array([0.5, 0.5])),),
)
def _kl_proof(case: Any) -> float:
    p, q = case
    seen = p > 0.0
    return equal(math.fsum(p[seen] * (q[seen] / p[seen])), 1.0, tolerance=1e-9)


@TOPIC.claim(
    "kl-support-bound",
    item=3,
    title="Gibbs' inequality, corrected and sharper",
    statement="KL(p|q) >= -log q(p > 0) >= 0",
    source=QI.at("KL divergence, property 1, corrected"),
    kind=Kind.INEQUALITY,
    cases=vector_pairs,
    correction="Equality holds where q / p is constant on the support of p.",
    witnesses=((np.array([1.0, 0.0]), np.array([0.5, 0.5])),),
)
def _kl_support(case: Any) -> float:
    p, q = case
    seen = math.fsum(q[p > 0.0])
    bound = -math.log(seen) if seen > 0.0 else math.inf
    return at_most(bound, divergences.kl_divergence(p, q), scale=1.0)


@TOPIC.claim(
    "kl-pointwise-as-printed",
    item=3,
    title="Where the pointwise loss of KL vanishes, as printed",
    statement="p(x) log(p(x) / q(x)) = 0 only where p(x) = q(x)",
    source=QI.at("KL divergence, intuition"),
    kind=Kind.COUNTEREXAMPLE,
    cases=vector_pairs,
    holds=False,
    correction="It also vanishes where p(x) = 0 < q(x), and it is negative where p(x) < q(x).",
    witnesses=((np.array([1.0, 0.0]), np.array([0.5, 0.5])),),
)
def _kl_pointwise(case: Any) -> float:
    p, q = case
    return -1.0 if ((p == 0.0) & (q > 0.0)).any() else 1.0


@TOPIC.claim(
    "kl-pointwise-corrected",
    item=3,
    title="Pointwise terms of KL that do vanish only where the laws agree",
    statement="p log(p / q) - p + q >= 0 at every point, and these terms sum to KL(p|q)",
    source=QI.at("KL divergence, intuition, corrected"),
    kind=Kind.INEQUALITY,
    cases=vector_pairs,
)
def _kl_terms(case: Any) -> float:
    from scipy.special import kl_div

    p, q = case
    terms = kl_div(p, q)
    if np.isinf(terms).any():
        return equal(divergences.kl_divergence(p, q), math.inf)
    size = 1.0 + float(np.abs(terms).max())
    total = equal(divergences.kl_divergence(p, q), math.fsum(terms), scale=size)
    return min(total, *(at_most(0.0, t, scale=s) for t, s in zip(terms, p + q, strict=True)))


def _likelihood_cases() -> Any:
    def draw_case(draw: Any) -> Any:
        q, other = draw(vectors(2, zeros=False))
        counts = [draw(numbers(0, 20, whole=True)) for _ in q]
        counts[0] += not any(counts)
        return np.array(counts), q, other

    return functional(draw_case)


def _log_likelihood(counts: Any, q: FloatArray) -> float:
    return math.fsum(counts * np.log(q)) / float(counts.sum())


@TOPIC.claim(
    "kl-is-likelihood",
    item=4,
    title="Least relative entropy is greatest likelihood",
    statement="KL(p^|q) = -H(p^) - (1/N) sum_i log q(x_i) for the empirical law p^ of x_1 … x_N",
    source=QI.at("KL divergence, property 2"),
    kind=Kind.EQUALITY,
    cases=_likelihood_cases,
    correction="Minus the entropy does not depend on q: both have the same minimisers.",
)
def _kl_likelihood(case: Any) -> float:
    counts, q, _ = case
    empirical = counts / counts.sum()
    seen = empirical[empirical > 0.0]
    entropy = -math.fsum(seen * np.log(seen))
    right = -entropy - _log_likelihood(counts, q)
    scale = 2.0 + abs(_log_likelihood(counts, q))
    return equal(divergences.kl_divergence(empirical, q), right, scale=scale)


@TOPIC.claim(
    "likelihood-as-printed",
    item=4,
    title="The likelihood as printed",
    statement="(1/N) sum_i log q(x_i) and (1/N) prod_i q(x_i) differ by the same amount between "
    "two models q",
    source=QI.at("KL divergence, property 2, last two lines"),
    kind=Kind.EQUALITY,
    cases=_likelihood_cases,
    holds=False,
    correction="Only the maximiser is the same; the factor 1/N before the product is meaningless.",
)
def _likelihood_printed(case: Any) -> float:
    counts, q, other = case
    n = float(counts.sum())
    logs = _log_likelihood(counts, q) - _log_likelihood(counts, other)
    products = float(np.prod(q**counts) - np.prod(other**counts)) / n
    return equal(logs, products, tolerance=1e-9)


@TOPIC.claim(
    "likelihood-orders-models",
    item=4,
    title="Both criteria order models alike",
    statement="KL(p^|q) - KL(p^|r) = (1/N) log(prod r(x_i) / prod q(x_i))",
    source=QI.at("KL divergence, property 2, corrected"),
    kind=Kind.EQUALITY,
    cases=_likelihood_cases,
)
def _likelihood_order(case: Any) -> float:
    counts, q, other = case
    empirical = counts / counts.sum()
    left = divergences.kl_divergence(empirical, q) - divergences.kl_divergence(empirical, other)
    right = _log_likelihood(counts, other) - _log_likelihood(counts, q)
    scale = 2.0 + abs(_log_likelihood(counts, q)) + abs(_log_likelihood(counts, other))
    return equal(left, right, scale=scale)


_DRAWS = 10_000
# Hoeffding: P(|mean - E| > t) <= 2 exp(-2 N t^2 / range^2); this t makes it 1e-6.
_HOEFFDING = math.sqrt(math.log(2e6) / (2 * _DRAWS))


@TOPIC.claim(
    "likelihood-tends-to-kl",
    item=38,
    title="Mean log-likelihood estimates relative entropy",
    statement="-(1/N) sum log q(x_i) -> H(p) + KL(p|q) for x_i drawn from p",
    source=WGAN.at("section 1"),
    kind=Kind.STATISTICAL,
    cases=seeds,
    budget=30,
    correction="Tested by Hoeffding's inequality: 1e-6 false alarms a case, 3e-5 a run.",
)
def _likelihood_limit(case: Any) -> float:
    rng = np.random.default_rng(case)
    p, q = rng.dirichlet(np.ones(5)), rng.dirichlet(np.ones(5)) * 0.9 + 0.02
    counts = rng.multinomial(_DRAWS, p)
    mean = -_log_likelihood(counts, q)
    spread = float(np.ptp(np.log(q)))
    limit = entropy_of(p) + float(divergences.kl_divergence(p, q))
    return 1.0 - abs(mean - limit) / (_HOEFFDING * spread)


@TOPIC.claim(
    "likelihood-rate",
    item=38,
    title="Rate of the mean log-likelihood",
    statement="root mean square error of -(1/N) sum log q(x_i) falls as N^(-1/2): slope within 0.1",
    source=WGAN.at("section 1"),
    kind=Kind.RATE,
    cases=seeds,
    budget=3,
    correction="400 repetitions leave a standard error of 0.006 in the slope: 16 of them allowed.",
)
def _likelihood_rate(case: Any) -> float:
    rng = np.random.default_rng(case)
    p, q = rng.dirichlet(np.ones(5)) * 0.9 + 0.02, rng.dirichlet(np.ones(5)) * 0.9 + 0.02
    limit = entropy_of(p) + float(divergences.kl_divergence(p, q))
    errors = []
    for n in (10**2, 10**4, 10**6):
        means = -rng.multinomial(n, p, size=400) @ np.log(q) / n
        errors.append(math.sqrt(float(np.mean((means - limit) ** 2))))
    slope = math.log(errors[2] / errors[0]) / math.log(10**4)
    return within(slope, -0.6, -0.4)


@TOPIC.claim(
    "kl-off-the-support",
    item=38,
    also=(39,),
    title="Relative entropy off the support",
    statement="KL(p|q) = inf exactly where q(A) = 0 < p(A) for some set A",
    source=WGAN.at("sections 1 and 2"),
    kind=Kind.EQUALITY,
    cases=vector_pairs,
    correction='The text says "when there are points with q(x) = 0 < p(x)"; such points must have '
    "positive mass under p, a single point of a density does not count.",
)
def _kl_infinite(case: Any) -> float:
    p, q = case
    uncovered = bool(((p > 0.0) & (q == 0.0)).any())
    return 1.0 if math.isinf(divergences.kl_divergence(p, q)) == uncovered else -1.0
