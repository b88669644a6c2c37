"""Claims that bound TV, JS and KL by one another: the strong half of the chain of topologies."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import divergences
from ..._typing import FloatArray
from ..cases import choices, numbers, tuples, vector_pairs, vectors
from ..claim import Kind, Topic
from ..slacks import at_most, condition, equal
from .sources import LIN, TSYBAKOV, WGAN, ZHANG

TOPIC = Topic("divergence_bounds", "Total variation, Jensen-Shannon and Kullback-Leibler")

_THEOREM = "theorem 3.2 (1)"


def _mixture(p: FloatArray, q: FloatArray) -> tuple[FloatArray, FloatArray, float]:
    """P_m = (P_n + P) / 2, the density f_n = dP_n / dP_m, and TV(P_n, P)."""
    m = 0.5 * (p + q)
    density = np.divide(p, m, out=np.zeros_like(p), where=m > 0.0)
    return m, density, float(divergences.total_variation(p, q))


@TOPIC.claim(
    "tv-is-the-largest-difference",
    item=39,
    title="Total variation",
    statement="TV(p, q) = max over sets A of |p(A) - q(A)| = (1/2) sum |p(x) - q(x)| <= 1",
    source=WGAN.at("section 2"),
    kind=Kind.EQUALITY,
    cases=vector_pairs,
)
def _tv_definition(case: Any) -> float:
    p, q = case
    value = float(divergences.total_variation(p, q))
    indices = np.arange(1 << len(p))[:, None] >> np.arange(len(p)) & 1
    largest = float(np.abs(indices @ (p - q)).max())
    return min(equal(value, largest), condition(at_most(value, 1.0)))


@TOPIC.claim(
    "mixture-dominates",
    item=53,
    title="The mixture dominates with factor two",
    statement="P_n <= 2 P_m for P_m = (P_n + P) / 2, so {dP_n/dP_m > c} is null for every c > 2",
    source=ZHANG.at(f"{_THEOREM}, (3.12)"),
    kind=Kind.INEQUALITY,
    cases=vector_pairs,
    correction="Factor 2 is attained where P has no mass.",
)
def _mixture_dominates(case: Any) -> float:
    _, density, _ = _mixture(*case)
    return at_most(float(density.max()), 2.0)


@TOPIC.claim(
    "mixture-halves-tv",
    item=53,
    title="Total variation to the mixture",
    statement="TV(P_m, P_n) = TV(P_m, P) = TV(P_n, P) / 2",
    source=ZHANG.at(f"{_THEOREM}, before (3.12) and (3.14)"),
    kind=Kind.EQUALITY,
    cases=vector_pairs,
    correction="The text writes TV(P_m, P_n) <= TV(P_n, P): true, but half of the right side "
    "is exact.",
)
def _mixture_halves(case: Any) -> float:
    p, q = case
    m, _, tv = _mixture(p, q)
    return min(
        equal(divergences.total_variation(m, p), 0.5 * tv),
        equal(divergences.total_variation(m, q), 0.5 * tv),
    )


def _with_epsilon() -> Any:
    return tuples(vector_pairs(), numbers(0.01, 1.0))


@TOPIC.claim(
    "large-density-is-rare",
    item=53,
    title="Where the density exceeds 1 + epsilon",
    statement="A = {dP_n/dP_m > 1 + e}: P_m(A) <= TV / e and P_n(A) <= (1/e + 1) TV",
    source=ZHANG.at(f"{_THEOREM}, (3.13)-(3.15)"),
    kind=Kind.INEQUALITY,
    cases=_with_epsilon,
)
def _large_density(case: Any) -> float:
    (p, q), epsilon = case
    m, density, tv = _mixture(p, q)
    large = density > 1.0 + epsilon
    return min(
        at_most(float(m[large].sum()), tv / epsilon, scale=1.0),
        at_most(float(p[large].sum()), (1.0 / epsilon + 1.0) * tv, scale=1.0),
    )


@TOPIC.claim(
    "kl-to-the-mixture",
    item=53,
    title="TV controls relative entropy to the mixture",
    statement="KL(P_n|P_m), KL(P|P_m) <= log(1 + e) + log 3 (1/e + 1) TV for every e > 0",
    source=ZHANG.at(f"{_THEOREM}, (3.17) and (3.22)"),
    kind=Kind.INEQUALITY,
    cases=_with_epsilon,
    correction="log 3 may be replaced by log 2, since the density is at most 2: that is tested.",
)
def _kl_mixture(case: Any) -> float:
    (p, q), epsilon = case
    m, _, tv = _mixture(p, q)
    # The sharper bound; log 3 only adds to it.
    bound = math.log1p(epsilon) + math.log(2.0) * (1.0 / epsilon + 1.0) * tv
    return min(
        at_most(divergences.kl_divergence(p, m), bound, scale=1.0),
        at_most(divergences.kl_divergence(q, m), bound, scale=1.0),
    )


@TOPIC.claim(
    "tv-below-root-js",
    item=53,
    title="TV below the root of JS, as printed",
    statement="TV(P_n, P) <= 2 sqrt JS(P_n, P)",
    source=ZHANG.at(f"{_THEOREM}, (3.24)"),
    kind=Kind.INEQUALITY,
    cases=vector_pairs,
    correction="True but loose: sqrt 2 is enough, see tv-below-root-js-sharp.",
)
def _tv_root_js(case: Any) -> float:
    p, q = case
    return at_most(divergences.total_variation(p, q), 2.0 * divergences.js_distance(p, q))


@TOPIC.claim(
    "tv-below-root-js-sharp",
    item=53,
    title="TV below the root of JS, sharp",
    statement="TV <= sqrt(2 JS), which is sqrt(KL(P|M) + KL(Q|M))",
    source=LIN.at("bounds by the variational distance; Pinsker's inequality to the mixture"),
    kind=Kind.INEQUALITY,
    cases=vector_pairs,
    correction="The constant sqrt 2 is approached by neighbours of the fair coin.",
)
def _tv_root_js_sharp(case: Any) -> float:
    p, q = case
    tv = divergences.total_variation(p, q)
    return min(
        at_most(tv, math.sqrt(2.0 * divergences.js_divergence(p, q))),
        at_most(tv, math.sqrt(divergences.js_divergence_unhalved(p, q))),
    )


@TOPIC.claim(
    "tv-below-root-js-smaller-constant",
    item=53,
    title="No constant below sqrt 2 serves",
    statement="TV <= 1.4142 sqrt JS",
    source=LIN.at("bounds by the variational distance"),
    kind=Kind.COUNTEREXAMPLE,
    cases=vector_pairs,
    holds=False,
    correction="sqrt 2 = 1.41421356… is needed: p = (1/2 + t, 1/2 - t) against (1/2 - t, 1/2 + t).",
    witnesses=((np.array([0.501, 0.499]), np.array([0.499, 0.501])),),
)
def _tv_root_js_constant(case: Any) -> float:
    p, q = case
    tv = divergences.total_variation(p, q)
    return at_most(tv, 1.4142 * divergences.js_distance(p, q), tolerance=1e-9)


def _binary_gap(delta: float) -> float:
    """Return log 2 - H_b((1 - delta) / 2), without cancellation."""
    lower = (1.0 - delta) * math.log1p(-delta) if delta < 1.0 else 0.0
    return 0.5 * ((1.0 + delta) * math.log1p(delta) + lower)


@TOPIC.claim(
    "js-between-sharp-bounds",
    item=53,
    title="JS between two sharp functions of TV",
    statement="TV^2 / 2 <= log 2 - H_b((1 - TV) / 2) <= JS <= TV log 2",
    source=LIN.at("bounds by the variational distance"),
    kind=Kind.INEQUALITY,
    cases=vector_pairs,
    correction="H_b is the entropy of a coin in nats; this is the quantitative form of "
    "TV -> 0 if and only if JS -> 0.",
)
def _js_between(case: Any) -> float:
    p, q = case
    tv = min(1.0, float(divergences.total_variation(p, q)))
    value = divergences.js_divergence(p, q)
    # The masses are rounded by ulps of one, so TV is too: 1e-15 is allowed below 1e-6.
    return min(
        at_most(small, large, tolerance=1e-9, scale=1e-6)
        for small, large in (
            (0.5 * tv * tv, _binary_gap(tv)),
            (_binary_gap(tv), value),
            (value, tv * math.log(2.0)),
        )
    )


@TOPIC.claim(
    "js-bounds-are-attained",
    item=53,
    title="Both bounds of JS by TV are attained",
    statement="JS = log 2 - H_b((1 - t) / 2) for mirrored coins, JS = t log 2 for a common part",
    source=LIN.at("bounds by the variational distance"),
    kind=Kind.EQUALITY,
    cases=lambda: numbers(0.0, 1.0),
)
def _js_attained(case: Any) -> float:
    t = case
    coin, mirrored = [0.5 + 0.5 * t, 0.5 - 0.5 * t], [0.5 - 0.5 * t, 0.5 + 0.5 * t]
    left, right = [t, 0.0, 1.0 - t], [0.0, t, 1.0 - t]
    return min(
        equal(divergences.js_divergence(coin, mirrored), _binary_gap(t)),
        equal(divergences.js_divergence(left, right), t * math.log(2.0)),
        equal(divergences.total_variation(coin, mirrored), t),
        equal(divergences.total_variation(left, right), t),
    )


@TOPIC.claim(
    "pinsker",
    item=55,
    title="Pinsker's inequality",
    statement="TV(P, Q) <= sqrt(KL(P|Q) / 2)",
    source=ZHANG.at("theorem 3.2 (3), (3.25)"),
    kind=Kind.INEQUALITY,
    cases=vector_pairs,
)
def _pinsker(case: Any) -> float:
    p, q = case
    return _below_root_kl(p, q, 0.5)


def _below_root_kl(p: FloatArray, q: FloatArray, constant: float) -> float:
    tv = float(divergences.total_variation(p, q))
    slacks = []
    for first, second in ((p, q), (q, p)):
        # The vectors sum to one up to rounding, which a root of KL near zero magnifies.
        value = max(0.0, float(divergences.kl_divergence(first, second)))
        slacks.append(at_most(tv, math.sqrt(constant * value) + 1e-15 * len(p)))
    return min(slacks)


@TOPIC.claim(
    "pinsker-smaller-constant",
    item=55,
    title="Pinsker's constant cannot be improved",
    statement="TV(P, Q) <= sqrt(0.499 KL(P|Q))",
    source=TSYBAKOV.at("lemma 2.5"),
    kind=Kind.COUNTEREXAMPLE,
    cases=vector_pairs,
    holds=False,
    correction="1/2 is needed: a fair coin against one that is nearly fair.",
    witnesses=((np.array([0.5, 0.5]), np.array([0.51, 0.49])),),
)
def _pinsker_constant(case: Any) -> float:
    p, q = case
    return _below_root_kl(p, q, 0.499)


@TOPIC.claim(
    "bretagnolle-huber",
    item=55,
    title="Bretagnolle-Huber inequality",
    statement="TV(P, Q) <= sqrt(1 - exp(-KL(P|Q))): below one, where Pinsker's bound is not",
    source=TSYBAKOV.at("lemma 2.6"),
    kind=Kind.INEQUALITY,
    cases=vector_pairs,
)
def _bretagnolle_huber(case: Any) -> float:
    p, q = case
    tv = float(divergences.total_variation(p, q))
    value = max(0.0, float(divergences.kl_divergence(p, q)))
    return at_most(tv, math.sqrt(-math.expm1(-value)) + 1e-15 * len(p))


@TOPIC.claim(
    "tv-controls-kl",
    item=55,
    title="Convergence in TV or JS does not control KL",
    statement="KL(P_n|P) <= 10 sqrt TV(P_n, P)",
    source=ZHANG.at("theorem 3.2 (3), converse"),
    kind=Kind.COUNTEREXAMPLE,
    cases=vector_pairs,
    holds=False,
    correction="P = (1, 0), P_n = (1 - 1/n, 1/n): TV = 1/n -> 0 and KL(P|P_n) -> 0, but "
    "KL(P_n|P) = inf for every n. The implication of the theorem has no converse.",
    witnesses=((np.array([1.0 - 2.0**-20, 2.0**-20]), np.array([1.0, 0.0])),),
)
def _tv_controls_kl(case: Any) -> float:
    p, q = case
    bound = 10.0 * math.sqrt(divergences.total_variation(p, q))
    return at_most(divergences.kl_divergence(p, q), bound)


@TOPIC.claim(
    "kl-one-way-only",
    item=55,
    title="A sequence that converges in TV, JS and one KL, never in the other",
    statement="P = d_0, P_n = (1 - 1/n) d_0 + (1/n) d_1: TV = 1/n, JS <= log 2 / n, "
    "KL(P|P_n) = -log(1 - 1/n), KL(P_n|P) = inf",
    source=ZHANG.at("theorem 3.2 (3), converse"),
    kind=Kind.EQUALITY,
    cases=lambda: numbers(2, 10**6, whole=True),
)
def _kl_one_way(case: Any) -> float:
    share = 1.0 / case
    p, q = [1.0, 0.0], [1.0 - share, share]
    return min(
        equal(divergences.total_variation(p, q), share),
        condition(at_most(divergences.js_divergence(p, q), share * math.log(2.0))),
        equal(divergences.kl_divergence(p, q), -math.log1p(-share)),
        equal(divergences.kl_divergence(q, p), math.inf),
    )


@TOPIC.claim(
    "both-kl-infinite",
    item=55,
    title="TV may vanish with both relative entropies infinite",
    statement="P = sum 2^-k d_k; P_n has the tail beyond n moved to a new atom: TV = 2^-n, "
    "KL(P|P_n) = KL(P_n|P) = inf",
    source=ZHANG.at("theorem 3.2 (3), converse"),
    kind=Kind.EQUALITY,
    cases=lambda: choices(range(1, 19)),
)
def _both_infinite(case: Any) -> float:
    n, size = case, 20
    p = np.append(0.5 ** np.arange(1, size + 1), 0.0)
    p[size - 1] *= 2.0
    q = p.copy()
    q[n:size] = 0.0
    q[size] = 0.5**n
    return min(
        equal(divergences.total_variation(p, q), 0.5**n),
        equal(divergences.kl_divergence(p, q), math.inf),
        equal(divergences.kl_divergence(q, p), math.inf),
    )


@TOPIC.claim(
    "kl-implies-js",
    item=55,
    title="Relative entropy controls JS and TV",
    statement="JS(P, Q) <= log 2 sqrt(KL(P|Q) / 2), in either direction",
    source=ZHANG.at("theorem 3.2 (3)"),
    kind=Kind.INEQUALITY,
    cases=lambda: vectors(2, zeros=False),
)
def _kl_implies_js(case: Any) -> float:
    p, q = case
    least = min(divergences.kl_divergence(p, q), divergences.kl_divergence(q, p))
    bound = math.log(2.0) * math.sqrt(0.5 * max(0.0, float(least))) + 1e-15 * len(p)
    return at_most(divergences.js_divergence(p, q), bound)
