"""Claims about what the generator minimises, and about discriminators that are not optimal."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import divergences
from ..._typing import FloatArray
from ..cases import functional, numbers, tuples, vector_pairs, vectors
from ..claim import Kind, Topic
from ..slacks import at_most, condition, equal
from .game_values import LOG4, discriminator_cases, game_value, optimal_discriminator
from .shorthand import normal
from .sources import PRINCIPLED, QI, READING, WGAN

TOPIC = Topic("generator_objectives", "Objectives of the generator")


def _location_scale_slope(z: FloatArray, mean: float, scale: float) -> FloatArray:
    """d/dx [-log D*(x)] = l'(x) sigmoid(l(x)) at x = mean + scale z, l = log(p_g / p_r)."""
    x = mean + scale * z
    log_ratio = -0.5 * z * z - math.log(scale) + 0.5 * x * x
    slope = -(x - mean) / scale**2 + x
    return np.asarray(slope / (1.0 + np.exp(-log_ratio)))


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
    step, real = 1e-4, normal(0.0)

    def objective(mu: float, sigma: float) -> float:
        fake = normal(mu, sigma)
        kl = divergences.kl_divergence(fake, real)
        return float(kl - 2.0 * divergences.js_divergence(fake, real))

    # The trapezoidal rule converges geometrically for such integrands.
    z = np.linspace(-9.0, 9.0, 721)
    weight = np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi) * (z[1] - z[0])
    slope = _location_scale_slope(z, mean, scale)
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
    frozen = -np.log(optimal_discriminator(p, q))
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
        return float(moved @ -np.log(optimal_discriminator(p, moved)))

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
    logs = np.log(optimal_discriminator(p, q))
    left, last = -math.fsum(q * logs), math.fsum(p * logs)
    scale = 2.0 + left
    return equal(left, _kl_minus_js(p, q) + LOG4 + last, scale=scale)


@TOPIC.claim(
    "generator-collapses-on-a-fixed-discriminator",
    item=44,
    title="The best generator against a fixed discriminator",
    statement="E_q[log(1 - D)] >= min over x of log(1 - D(x)), attained by masses where D is "
    "largest",
    source=WGAN.at("section 3, after algorithm 1"),
    kind=Kind.EQUALITY,
    cases=discriminator_cases,
    correction="That a WGAN cannot collapse is a statement about optimal critics only.",
)
def _collapse(case: Any) -> float:
    _, q, d = case
    costs = np.log1p(-d)
    vertex = np.zeros_like(q)
    vertex[int(np.argmax(d))] = 1.0
    return min(
        condition(at_most(float(costs.min()), math.fsum(q * costs), scale=7.0)),
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
    cases=discriminator_cases,
)
def _bounded(case: Any) -> float:
    p, q, d = case
    tv = divergences.total_variation(p, q)
    return min(
        equal(float(np.sign(p - q) @ (p - q)), 2.0 * tv),
        equal(float((p > q) @ (p - q)), tv),
        condition(at_most(float((2.0 * d - 1.0) @ (p - q)), 2.0 * tv, scale=1.0)),
    )


@TOPIC.claim(
    "discriminator-bounds-js",
    item=47,
    title="Every discriminator bounds JS from below",
    statement="V(D) / 2 + log 2 <= JS(p, q)",
    source=WGAN.at("section 4.2"),
    kind=Kind.INEQUALITY,
    cases=discriminator_cases,
)
def _discriminator_bound(case: Any) -> float:
    p, q, d = case
    bound = 0.5 * game_value(p, q, d) + math.log(2.0)
    return at_most(bound, divergences.js_divergence(p, q), scale=1.0)


@TOPIC.claim(
    "sigmoid-critic-is-bounded",
    item=36,
    title="A critic that ends in a sigmoid cannot measure distance",
    statement="E_p D - E_q D <= TV(p, q) <= 1 for D with values in [0, 1]",
    source=READING.at("algorithm 1, the critic has no sigmoid"),
    kind=Kind.INEQUALITY,
    cases=discriminator_cases,
    correction="Hence the critic of a WGAN ends in a number, not in a probability.",
)
def _sigmoid(case: Any) -> float:
    p, q, d = case
    return at_most(float(d @ (p - q)), divergences.total_variation(p, q), scale=1.0)
