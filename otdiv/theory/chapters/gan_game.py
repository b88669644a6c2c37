"""Claims about the minimax game: the optimal discriminator, its value, the generator's gradient."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np

from ... import divergences
from ..._typing import FloatArray
from ..cases import functional, numbers, vector_pairs, vectors
from ..claim import Kind, Topic
from ..slacks import at_most, condition, equal
from .game_values import (
    LOG4,
    discriminator_cases,
    game_value,
    optimal_discriminator,
    optimal_value,
)
from .sources import GOODFELLOW, PRINCIPLED, QI, ZHANG

TOPIC = Topic("gan_game", "The game of discriminator and generator")


@TOPIC.claim(
    "optimal-discriminator",
    item=7,
    also=(6, 49),
    title="The optimal discriminator",
    statement="V(D) = E_p log D + E_q log(1 - D) <= V(D*) with D* = p / (p + q)",
    source=GOODFELLOW.at("proposition 1"),
    kind=Kind.INEQUALITY,
    cases=discriminator_cases,
    correction="Where p = q = 0 every value of D is optimal.",
)
def _optimal_discriminator(case: Any) -> float:
    p, q, d = case
    return at_most(game_value(p, q, d), optimal_value(p, q), scale=1.0)


@TOPIC.claim(
    "optimal-discriminator-gap",
    item=7,
    title="What a discriminator loses, exactly",
    statement="V(D*) - V(D) = sum (p + q) kl(D*|D), kl between coins",
    source=GOODFELLOW.at("proposition 1, as an identity"),
    kind=Kind.EQUALITY,
    cases=discriminator_cases,
)
def _optimal_gap(case: Any) -> float:
    p, q, d = case
    best, other = optimal_discriminator(p, q), optimal_discriminator(q, p)
    coins = np.stack([best, other], axis=1)
    lost = (p + q) * divergences.kl_divergence(coins, np.stack([d, 1.0 - d], axis=1))
    gap = optimal_value(p, q) - game_value(p, q, d)
    return equal(gap, math.fsum(lost), scale=20.0)


@TOPIC.claim(
    "optimal-discriminator-as-printed",
    item=49,
    title="The optimal discriminator, as printed",
    statement="D* = P_r / (P_r + P_r) maximises V",
    source=ZHANG.at("(2.3)"),
    kind=Kind.EQUALITY,
    cases=discriminator_cases,
    holds=False,
    correction="A misprint of P_r / (P_r + P_g); as it stands D* = 1/2 everywhere. In (2.1) and "
    "(2.2) D(z) with z ~ P_g should be D(x) with x ~ P_g.",
    witnesses=((np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.array([0.9, 0.1])),),
)
def _optimal_printed(case: Any) -> float:
    p, q, d = case
    return at_most(game_value(p, q, d), game_value(p, q, np.full_like(p, 0.5)), scale=1.0)


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
    best = optimal_value(p, q)
    divergence = divergences.kl_divergence(p, m) + divergences.kl_divergence(q, m)
    return min(
        equal(best, -LOG4 + 2.0 * divergences.js_divergence(p, q), scale=4.0),
        equal(best, -LOG4 + divergence, scale=4.0),
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
    return at_most(0.0, optimal_value(*case))


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
    slack = at_most(-LOG4 + tv * tv, optimal_value(p, q), scale=1.0)
    d = optimal_discriminator(p, p)
    return min(slack, equal(game_value(p, p, d), -LOG4), equal(float(np.ptp(d)), 0.0))


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
    slope = np.log(optimal_discriminator(q, p))
    linear = optimal_value(p, q) + math.fsum(slope * (r - q))
    return at_most(linear, optimal_value(p, r), scale=1.0 + float(np.abs(slope).max()))


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
    first = last = optimal_value(p, q)
    worst = 1.0
    for _ in range(150):
        q = _onto_simplex(q - 0.05 * np.log(optimal_discriminator(q, p)))
        value = optimal_value(p, q)
        worst = min(worst, condition(at_most(value, last, scale=1.0)))
        last = value
    return min(worst, at_most(last + LOG4, 0.01 * (first + LOG4), tolerance=1e-9, scale=1.0))


def _onto_simplex(q: FloatArray) -> FloatArray:
    """Nearest probability vector: subtract a constant and cut at zero."""
    ordered = np.sort(q)[::-1]
    surplus = (np.cumsum(ordered) - 1.0) / np.arange(1, len(q) + 1)
    used = int(np.flatnonzero(ordered > surplus)[-1])
    return np.asarray(np.maximum(q - surplus[used], 0.0))


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
    source=PRINCIPLED.at("introduction"),
    kind=Kind.EQUALITY,
    cases=vector_pairs,
    correction='The text says "at most"; at D* it is an equality, and every other D costs more. '
    "A better discriminator therefore means a smaller cost and, off overlap, no gradient: see "
    "smooth-perfect-discriminator and vanishing-generator-gradient.",
)
def _cost_at_optimum(case: Any) -> float:
    p, q = case
    return equal(
        -optimal_value(p, q), 2.0 * (math.log(2.0) - divergences.js_divergence(p, q)), scale=4.0
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
    for mass, share in ((p, optimal_discriminator(p, q)), (q, optimal_discriminator(q, p))):
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
