"""Claims about the minimax game: the optimal discriminator, its value, the generator's gradient."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np

from .. import divergences
from .._typing import FloatArray
from ..measures import Gaussian
from .cases import functional, numbers, tuples, vector_pairs, vectors
from .claim import Kind, Topic
from .slacks import at_most, equal
from .sources import GOODFELLOW, PRINCIPLED, QI, READING, WGAN, ZHANG

TOPIC = Topic("gan_game", "The game of discriminator and generator")

_LOG4 = math.log(4.0)


def _value(p: FloatArray, q: FloatArray, d: FloatArray) -> float:
    """V(D) = E_p log D + E_q log(1 - D), with 0 log 0 = 0."""
    total = 0.0
    for mass, share in ((p, d), (q, 1.0 - d)):
        seen = mass > 0.0
        if (share[seen] <= 0.0).any():
            return -math.inf
        total += math.fsum(mass[seen] * np.log(share[seen]))
    return total


def _optimal(p: FloatArray, q: FloatArray) -> FloatArray:
    """D* = p / (p + q), 1/2 where neither has mass."""
    return np.divide(p, p + q, out=np.full_like(p, 0.5), where=p + q > 0.0)


def _optimal_value(p: FloatArray, q: FloatArray) -> float:
    """V(D*), with 1 - D* = q / (p + q) taken as such."""
    d, e = _optimal(p, q), _optimal(q, p)
    real = math.fsum(p[p > 0.0] * np.log(d[p > 0.0]))
    return real + math.fsum(q[q > 0.0] * np.log(e[q > 0.0]))


def _with_discriminator() -> Any:
    def draw_case(draw: Any) -> Any:
        p, q = draw(vector_pairs())
        return p, q, np.array([draw(numbers(0.001, 0.999)) for _ in p])

    return functional(draw_case)


@TOPIC.claim(
    "optimal-discriminator",
    item=7,
    also=(6, 49),
    title="The optimal discriminator",
    statement="V(D) = E_p log D + E_q log(1 - D) <= V(D*) with D* = p / (p + q)",
    source=GOODFELLOW.at("proposition 1"),
    kind=Kind.INEQUALITY,
    cases=_with_discriminator,
    correction="Where p = q = 0 every value of D is optimal.",
)
def _optimal_discriminator(case: Any) -> float:
    p, q, d = case
    return at_most(_value(p, q, d), _optimal_value(p, q), scale=1.0)


@TOPIC.claim(
    "optimal-discriminator-gap",
    item=7,
    title="What a discriminator loses, exactly",
    statement="V(D*) - V(D) = sum (p + q) kl(D*|D), kl between coins",
    source=GOODFELLOW.at("proposition 1, as an identity"),
    kind=Kind.EQUALITY,
    cases=_with_discriminator,
)
def _optimal_gap(case: Any) -> float:
    p, q, d = case
    best, other = _optimal(p, q), _optimal(q, p)
    coins = np.stack([best, other], axis=1)
    lost = (p + q) * divergences.kl_divergence(coins, np.stack([d, 1.0 - d], axis=1))
    gap = _optimal_value(p, q) - _value(p, q, d)
    return equal(gap, math.fsum(lost), scale=20.0)


@TOPIC.claim(
    "optimal-discriminator-as-printed",
    item=49,
    title="The optimal discriminator, as printed",
    statement="D* = P_r / (P_r + P_r) maximises V",
    source=ZHANG.at("(2.3)"),
    kind=Kind.EQUALITY,
    cases=_with_discriminator,
    holds=False,
    correction="A misprint of P_r / (P_r + P_g); as it stands D* = 1/2 everywhere. In (2.1) and "
    "(2.2) D(z) with z ~ P_g should be D(x) with x ~ P_g.",
    witnesses=((np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.array([0.9, 0.1])),),
)
def _optimal_printed(case: Any) -> float:
    p, q, d = case
    return at_most(_value(p, q, d), _value(p, q, np.full_like(p, 0.5)), scale=1.0)


@TOPIC.claim(
    "generator-criterion",
    item=8,
    also=(6, 49),
    title="C(G) = -log 4 + 2 JS",
    statement="max over D of V(D, G) = -log 4 + KL(p|m) + KL(q|m) = -log 4 + 2 JS(p, q)",
    source=GOODFELLOW.at("theorem 1, equations (5) and (6)"),
    kind=Kind.EQUALITY,
    cases=vector_pairs,
)
def _criterion(case: Any) -> float:
    p, q = case
    m = 0.5 * (p + q)
    best = _optimal_value(p, q)
    divergence = divergences.kl_divergence(p, m) + divergences.kl_divergence(q, m)
    return min(
        equal(best, -_LOG4 + 2.0 * divergences.js_divergence(p, q), scale=4.0),
        equal(best, -_LOG4 + divergence, scale=4.0),
    )


@TOPIC.claim(
    "unnormalised-mixture-as-printed",
    item=8,
    title="KL to the sum instead of the mean, read as a divergence",
    statement="KL(p | p + q) + KL(q | p + q) >= 0, like any KL",
    source=QI.at("Nash equilibrium, first display of the proof"),
    kind=Kind.INEQUALITY,
    cases=vector_pairs,
    holds=False,
    correction="p + q has mass two: each term is KL(p|m) - log 2 and may be as low as -log 2.",
    witnesses=((np.array([1.0]), np.array([1.0])),),
)
def _unnormalised(case: Any) -> float:
    return at_most(0.0, _optimal_value(*case))


@TOPIC.claim(
    "unnormalised-mixture",
    item=8,
    title="KL to the sum, corrected",
    statement="KL(p | p + q) = KL(p | (p + q)/2) - log 2, so V(D*) is the sum of two such terms",
    source=QI.at("Nash equilibrium, corrected"),
    kind=Kind.EQUALITY,
    cases=vector_pairs,
)
def _unnormalised_corrected(case: Any) -> float:
    p, q = case
    seen = p > 0.0
    term = math.fsum(p[seen] * np.log(p[seen] / (p + q)[seen]))
    return equal(term, divergences.kl_divergence(p, 0.5 * (p + q)) - math.log(2.0), scale=2.0)


@TOPIC.claim(
    "global-minimum",
    item=9,
    title="The global minimum of the game",
    statement="C(G) >= -log 4, with equality exactly for q = p, where D* = 1/2",
    source=GOODFELLOW.at("theorem 1"),
    kind=Kind.INEQUALITY,
    cases=vector_pairs,
)
def _global_minimum(case: Any) -> float:
    p, q = case
    tv = float(np.abs(p - q).sum()) / 2.0
    # The quantitative form of "only for q = p": 2 JS >= TV^2.
    slack = at_most(-_LOG4 + tv * tv, _optimal_value(p, q), scale=1.0)
    d = _optimal(p, p)
    return min(slack, equal(_value(p, p, d), -_LOG4), equal(float(np.ptp(d)), 0.0))


@TOPIC.claim(
    "criterion-is-convex",
    item=10,
    title="The criterion is convex in the generated law",
    statement="C((q + r) / 2) <= (C(q) + C(r)) / 2",
    source=GOODFELLOW.at("proposition 2"),
    kind=Kind.INEQUALITY,
    cases=lambda: vectors(3),
)
def _convex_criterion(case: Any) -> float:
    p, q, r = case
    middle = divergences.js_divergence(p, 0.5 * (q + r))
    ends = 0.5 * (divergences.js_divergence(p, q) + divergences.js_divergence(p, r))
    return at_most(middle, ends, scale=1.0)


@TOPIC.claim(
    "criterion-subgradient",
    item=10,
    title="The gradient at a fixed optimal discriminator is a subgradient",
    statement="C(r) >= C(q) + sum log(1 - D*_q) (r - q)",
    source=GOODFELLOW.at("proposition 2"),
    kind=Kind.INEQUALITY,
    cases=lambda: vectors(3, zeros=False),
)
def _subgradient(case: Any) -> float:
    p, q, r = case
    slope = np.log(_optimal(q, p))
    linear = _optimal_value(p, q) + math.fsum(slope * (r - q))
    return at_most(linear, _optimal_value(p, r), scale=1.0 + float(np.abs(slope).max()))


def _interior() -> Any:
    def draw_case(draw: Any) -> Any:
        size = draw(numbers(2, 5, whole=True))
        counts = [
            np.array([draw(numbers(3, 9, whole=True)) for _ in range(size)], dtype=float)
            for _ in range(2)
        ]
        return counts[0] / counts[0].sum(), counts[1] / counts[1].sum()

    return functional(draw_case)


@TOPIC.claim(
    "small-steps-converge",
    item=10,
    title="Small steps with an optimal discriminator reach the data",
    statement="projected gradient steps of 0.05 decrease C and bring it to -log 4",
    source=GOODFELLOW.at("proposition 2"),
    kind=Kind.RATE,
    cases=_interior,
    budget=20,
    correction="For masses that stay away from zero. 150 steps leave under 1 % of the excess.",
)
def _small_steps(case: Any) -> float:
    p, q = case
    first = last = _optimal_value(p, q)
    worst = 1.0
    for _ in range(150):
        q = _onto_simplex(q - 0.05 * np.log(_optimal(q, p)))
        value = _optimal_value(p, q)
        worst = min(worst, at_most(value, last, scale=1.0))
        last = value
    return min(worst, at_most(last + _LOG4, 0.01 * (first + _LOG4), tolerance=1e-9, scale=1.0))


def _onto_simplex(q: FloatArray) -> FloatArray:
    """Nearest probability vector: subtract a constant and cut at zero."""
    ordered = np.sort(q)[::-1]
    surplus = (np.cumsum(ordered) - 1.0) / np.arange(1, len(q) + 1)
    used = int(np.flatnonzero(ordered > surplus)[-1])
    return np.maximum(q - surplus[used], 0.0)


@TOPIC.claim(
    "minibatch-gradient-is-unbiased",
    item=11,
    title="Algorithm 1 ascends the gradient of V on average",
    statement="the mean over all minibatches of the batch's gradient in D is the gradient of V",
    source=GOODFELLOW.at("algorithm 1"),
    kind=Kind.EQUALITY,
    cases=lambda: functional(
        lambda draw: (
            *draw(vectors(2, low=2, high=2, zeros=False)),
            [draw(numbers(0.05, 0.95)) for _ in range(2)],
        )
    ),
    correction="All pairs of batches of two are enumerated. W1 has no such property, see "
    "minibatch-w1-minimiser.",
)
def _unbiased(case: Any) -> float:
    p, q, d = case
    exact = [a / s - b / (1.0 - s) for a, b, s in zip(p, q, d, strict=True)]
    mean = [0.0, 0.0]
    for x, y, z, w in product(range(2), repeat=4):
        chance = p[x] * p[y] * q[z] * q[w]
        for real in (x, y):
            mean[real] += chance * 0.5 / d[real]
        for fake in (z, w):
            mean[fake] -= chance * 0.5 / (1.0 - d[fake])
    return min(equal(m, e, scale=40.0) for m, e in zip(mean, exact, strict=True))


@TOPIC.claim(
    "discriminator-cost-at-optimum",
    item=12,
    title="The discriminator's cost at its optimum",
    statement="min over D of -V(D) = 2 log 2 - 2 JS(p, q)",
    source=PRINCIPLED.at("section 1"),
    kind=Kind.EQUALITY,
    cases=vector_pairs,
    correction='The text says "at most"; at D* it is an equality, and every other D costs more. '
    "A better discriminator therefore means a smaller cost and, off overlap, no gradient: see "
    "smooth-perfect-discriminator and vanishing-generator-gradient.",
)
def _cost_at_optimum(case: Any) -> float:
    p, q = case
    return equal(
        -_optimal_value(p, q), 2.0 * (math.log(2.0) - divergences.js_divergence(p, q)), scale=4.0
    )


@TOPIC.claim(
    "js-pointwise-as-printed",
    item=13,
    title="What a point contributes to 2 JS off the overlap, as printed",
    statement="each x with mass under one law only contributes log 2 dx",
    source=QI.at("problems with log(1 - D), the four cases"),
    kind=Kind.EQUALITY,
    cases=lambda: vectors(2, low=2),
    holds=False,
    correction="It contributes p(x) log 2 dx resp. q(x) log 2 dx; without overlap these sum to "
    "2 log 2 = 2 JS, so JS = log 2.",
    witnesses=((np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.5, 0.5])),),
)
def _four_cases_printed(case: Any) -> float:
    p, q = case
    terms = _contributions(p, q)
    alone = (p > 0.0) != (q > 0.0)
    if not alone.any():
        return 1.0
    return min(equal(term, math.log(2.0), tolerance=1e-9) for term in terms[alone])


def _contributions(p: FloatArray, q: FloatArray) -> FloatArray:
    """Pointwise p log(2p / (p + q)) + q log(2q / (p + q))."""
    out = np.zeros_like(p)
    for mass, share in ((p, _optimal(p, q)), (q, _optimal(q, p))):
        seen = mass > 0.0
        out[seen] += mass[seen] * np.log(2.0 * share[seen])
    return out


@TOPIC.claim(
    "js-pointwise",
    item=13,
    title="The four cases of the pointwise decomposition, corrected",
    statement="the contribution is 0 where p = q = 0, p log 2 resp. q log 2 where one is zero, "
    "and all sum to 2 JS",
    source=QI.at("problems with log(1 - D), the four cases, corrected"),
    kind=Kind.EQUALITY,
    cases=vector_pairs,
)
def _four_cases(case: Any) -> float:
    p, q = case
    terms = _contributions(p, q)
    slack = equal(math.fsum(terms), 2.0 * divergences.js_divergence(p, q))
    for term, a, b in zip(terms, p, q, strict=True):
        if a == 0.0 or b == 0.0:
            slack = min(slack, equal(term, (a + b) * math.log(2.0)))
    return slack


@TOPIC.claim(
    "one-shared-atom",
    item=13,
    also=(17,),
    title="Overlap in one point of n",
    statement="uniform laws on n points that share one of them: JS = (1 - 1/n) log 2",
    source=QI.at("problems with log(1 - D)"),
    kind=Kind.EQUALITY,
    cases=lambda: numbers(1, 300, whole=True),
    correction="A finite picture of two curves that cross: the overlap is negligible as n grows.",
)
def _shared_atom(case: Any) -> float:
    n = case
    p, q = np.zeros(2 * n - 1), np.zeros(2 * n - 1)
    p[:n] = q[n - 1 :] = 1.0 / n
    return equal(divergences.js_divergence(p, q), (1.0 - 1.0 / n) * math.log(2.0))



def _location_scale(z: FloatArray, mean: float, scale: float) -> tuple[FloatArray, FloatArray]:
    """Points g(z) = mean + scale z, and l'(g(z)) sigmoid(l(g(z))), l = log(p_g / p_r)."""
    x = mean + scale * z
    log_ratio = -0.5 * z * z - math.log(scale) + 0.5 * x * x
    slope = -(x - mean) / scale**2 + x
    return x, slope / (1.0 + np.exp(-log_ratio))


@TOPIC.claim(
    "non-saturating-gradient-gaussians",
    item=18,
    title="The non-saturating gradient identity, for Gaussians",
    statement="E_z[-grad log D*(g(z))] at a frozen D* = grad [KL(P_g|P_r) - 2 JS(P_g, P_r)], "
    "P_r = N(0, 1), g(z) = mu + s z",
    source=PRINCIPLED.at("theorem 2.5"),
    kind=Kind.EQUALITY,
    cases=lambda: tuples(numbers(-2, 2), numbers(0.6, 1.6)),
    correction="An identity of gradients at the parameter where D* is frozen.",
)
def _non_saturating_gaussians(case: Any) -> float:
    mean, scale = case
    step, real = 1e-4, Gaussian(mean=0.0, covariance=1.0)

    def objective(mu: float, sigma: float) -> float:
        fake = Gaussian(mean=mu, covariance=sigma**2)
        kl = divergences.kl_divergence(fake, real)
        return float(kl - 2.0 * divergences.js_divergence(fake, real))

    # The trapezoidal rule converges geometrically for such integrands.
    z = np.linspace(-9.0, 9.0, 721)
    weight = np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi) * (z[1] - z[0])
    _, slope = _location_scale(z, mean, scale)
    by_mean, by_scale = float(weight @ slope), float(weight @ (slope * z))
    in_mean = (objective(mean + step, scale) - objective(mean - step, scale)) / (2.0 * step)
    in_scale = (objective(mean, scale + step) - objective(mean, scale - step)) / (2.0 * step)
    return min(
        equal(by_mean, in_mean, tolerance=1e-5, scale=1.0 + abs(in_mean)),
        equal(by_scale, in_scale, tolerance=1e-5, scale=1.0 + abs(in_scale)),
    )


def _with_direction() -> Any:
    def draw_case(draw: Any) -> Any:
        size = draw(numbers(2, 6, whole=True))
        counts = [
            np.array([draw(numbers(1, 9, whole=True)) for _ in range(size)], dtype=float)
            for _ in range(2)
        ]
        direction = np.array([draw(numbers(-5, 5, whole=True)) for _ in range(size)], dtype=float)
        return counts[0] / counts[0].sum(), counts[1] / counts[1].sum(), direction

    return functional(draw_case)


def _softmax_path(q: FloatArray, direction: FloatArray, t: float) -> FloatArray:
    """The law proportional to q exp(t direction)."""
    moved = q * np.exp(t * direction)
    return np.asarray(moved / moved.sum())


def _derivative(function: Any) -> float:
    step = 1e-4
    return float(function(step) - function(-step)) / (2.0 * step)


@TOPIC.claim(
    "non-saturating-gradient",
    item=18,
    title="The non-saturating gradient identity, on finite spaces",
    statement="d/dt E_{q_t}[-log D*] with D* of q_0 = d/dt [KL(q_t|p) - 2 JS(q_t, p)] at t = 0",
    source=PRINCIPLED.at("theorem 2.5"),
    kind=Kind.EQUALITY,
    cases=_with_direction,
)
def _non_saturating(case: Any) -> float:
    p, q, direction = case
    frozen = -np.log(_optimal(p, q))
    left = _derivative(lambda t: frozen @ _softmax_path(q, direction, t))
    right = _derivative(lambda t: _kl_minus_js(p, _softmax_path(q, direction, t)))
    return equal(left, right, tolerance=1e-5, scale=1.0 + abs(right))


def _kl_minus_js(p: FloatArray, q: FloatArray) -> float:
    return float(divergences.kl_divergence(q, p) - 2.0 * divergences.js_divergence(q, p))


@TOPIC.claim(
    "non-saturating-objective-as-printed",
    item=18,
    title="The non-saturating objective, as printed",
    statement="with D optimal, minimising E_q[-log D*] is minimising KL(q|p) - 2 JS(p, q)",
    source=QI.at("problems with log(D)"),
    kind=Kind.EQUALITY,
    cases=_with_direction,
    holds=False,
    correction="The identity is one of gradients with D* frozen. If D* follows q the derivatives "
    "differ, by that of E_p[log D*].",
)
def _non_saturating_printed(case: Any) -> float:
    p, q, direction = case

    def objective(t: float) -> float:
        moved = _softmax_path(q, direction, t)
        return float(moved @ -np.log(_optimal(p, moved)))

    right = _derivative(lambda t: _kl_minus_js(p, _softmax_path(q, direction, t)))
    return equal(_derivative(objective), right, tolerance=1e-4, scale=1.0 + abs(right))


@TOPIC.claim(
    "non-saturating-objective",
    item=18,
    title="The non-saturating objective, corrected",
    statement="E_q[-log D*] = KL(q|p) - 2 JS(p, q) + 2 log 2 + E_p[log D*]",
    source=QI.at("problems with log(D), corrected"),
    kind=Kind.EQUALITY,
    cases=lambda: vectors(2, zeros=False),
)
def _non_saturating_objective(case: Any) -> float:
    p, q = case
    logs = np.log(_optimal(p, q))
    left, last = -math.fsum(q * logs), math.fsum(p * logs)
    scale = 2.0 + left
    return equal(left, _kl_minus_js(p, q) + _LOG4 + last, scale=scale)


@TOPIC.claim(
    "generator-collapses-on-a-fixed-discriminator",
    item=44,
    title="The best generator against a fixed discriminator",
    statement="E_q[log(1 - D)] >= min over x of log(1 - D(x)), attained by masses where D is "
    "largest",
    source=WGAN.at("section 3, after algorithm 1"),
    kind=Kind.EQUALITY,
    cases=_with_discriminator,
    correction="That a WGAN cannot collapse is a statement about optimal critics only.",
)
def _collapse(case: Any) -> float:
    _, q, d = case
    costs = np.log1p(-d)
    vertex = np.zeros_like(q)
    vertex[int(np.argmax(d))] = 1.0
    return min(
        at_most(float(costs.min()), math.fsum(q * costs), scale=7.0),
        equal(float(vertex @ costs), float(costs.min())),
    )


@TOPIC.claim(
    "bounded-critics-as-printed",
    item=47,
    title="The integral probability metric of bounded functions, as printed",
    statement="sup over -1 <= f <= 1 of E_p f - E_q f = TV(p, q)",
    source=WGAN.at("section 5, against the definition of section 2"),
    kind=Kind.EQUALITY,
    cases=vector_pairs,
    holds=False,
    correction="It is 2 TV; functions with values in [0, 1] give TV.",
    witnesses=((np.array([1.0, 0.0]), np.array([0.0, 1.0])),),
)
def _bounded_printed(case: Any) -> float:
    p, q = case
    best = float(np.sign(p - q) @ (p - q))
    return equal(best, divergences.total_variation(p, q), tolerance=1e-9)


@TOPIC.claim(
    "bounded-critics",
    item=47,
    title="The integral probability metrics of bounded functions, corrected",
    statement="sup over |f| <= 1 is 2 TV, sup over 0 <= f <= 1 is TV",
    source=WGAN.at("section 5, corrected"),
    kind=Kind.EQUALITY,
    cases=_with_discriminator,
)
def _bounded(case: Any) -> float:
    p, q, d = case
    tv = divergences.total_variation(p, q)
    return min(
        equal(float(np.sign(p - q) @ (p - q)), 2.0 * tv),
        equal(float((p > q) @ (p - q)), tv),
        at_most(float((2.0 * d - 1.0) @ (p - q)), 2.0 * tv, scale=1.0),
    )


@TOPIC.claim(
    "discriminator-bounds-js",
    item=47,
    title="Every discriminator bounds JS from below",
    statement="V(D) / 2 + log 2 <= JS(p, q)",
    source=WGAN.at("section 4.2"),
    kind=Kind.INEQUALITY,
    cases=_with_discriminator,
)
def _discriminator_bound(case: Any) -> float:
    p, q, d = case
    bound = 0.5 * _value(p, q, d) + math.log(2.0)
    return at_most(bound, divergences.js_divergence(p, q), scale=1.0)


@TOPIC.claim(
    "sigmoid-critic-is-bounded",
    item=36,
    title="A critic that ends in a sigmoid cannot measure distance",
    statement="E_p D - E_q D <= TV(p, q) <= 1 for D with values in [0, 1]",
    source=READING.at("algorithm 1, the critic has no sigmoid"),
    kind=Kind.INEQUALITY,
    cases=_with_discriminator,
    correction="Hence the critic of a WGAN ends in a number, not in a probability.",
)
def _sigmoid(case: Any) -> float:
    p, q, d = case
    return at_most(float(d @ (p - q)), divergences.total_variation(p, q), scale=1.0)
