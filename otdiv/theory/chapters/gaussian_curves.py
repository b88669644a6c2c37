"""Claims about two Gaussians that move apart: which curve flattens, which does not."""

from __future__ import annotations

import math
from typing import Any

from ... import distances, divergences
from ..cases import choices, numbers, tuples
from ..claim import Kind, Topic
from ..slacks import at_most, equal
from .shorthand import normal
from .sources import BOXES, DERIVED, WGAN

TOPIC = Topic("gaussian_curves", "Two Gaussians that move apart")

_PLACE = "KL and JS divergence, figure with means 0 to 35"
# Of N(0, 1) and N(mu, 1), rounded to seven decimals.
_JS_VALUES = (
    (0.0, 0.0),
    (0.5, 0.0303113),
    (1.0, 0.1114215),
    (2.0, 0.3368308),
    (3.0, 0.5267773),
    (5.0, 0.6759426),
    (8.0, 0.6930536),
)


def _hundredths(most: int) -> Any:
    return numbers(0, most, whole=True).map(lambda k: k / 100.0)


def _js(mean: float, deviation: float = 1.0) -> float:
    return float(divergences.js_divergence(normal(0.0, deviation), normal(mean, deviation)))


@TOPIC.claim(
    "gaussian-kl",
    item=34,
    title="Relative entropy of shifted Gaussians",
    statement="KL = mu^2 / (2 s^2) for N(0, s^2) and N(mu, s^2), both ways, also at mu = 35",
    source=BOXES.at(_PLACE),
    kind=Kind.EQUALITY,
    cases=lambda: tuples(numbers(-1000, 1000), numbers(0.1, 10.0)),
    correction="With densities instead of their logarithms the value underflows near mu = 35.",
    witnesses=((35.0, 1.0),),
)
def _gaussian_kl(case: Any) -> float:
    mean, deviation = case
    exact = mean**2 / (2.0 * deviation**2)
    p, q = normal(0.0, deviation), normal(mean, deviation)
    return min(
        equal(divergences.kl_divergence(p, q), exact, scale=1.0 + exact),
        equal(divergences.kl_divergence(q, p), exact, scale=1.0 + exact),
    )


@TOPIC.claim(
    "gaussian-js-values",
    item=34,
    title="Values of the Jensen-Shannon curve",
    statement="JS(N(0, 1), N(mu, 1)) = .0303113 (mu = .5), .1114215 (1), .3368308 (2), "
    ".5267773 (3), .6759426 (5), .6930536 (8)",
    source=BOXES.at(_PLACE),
    kind=Kind.EQUALITY,
    cases=lambda: choices(_JS_VALUES),
    budget=len(_JS_VALUES),
)
def _gaussian_js_values(case: Any) -> float:
    mean, value = case
    return equal(_js(mean), value, tolerance=6e-8)


@TOPIC.claim(
    "gaussian-js-saturates",
    item=34,
    title="The Jensen-Shannon curve saturates",
    statement="log 2 - exp(-mu^2 / (8 s^2)) <= JS <= log 2",
    source=BOXES.at(_PLACE),
    kind=Kind.INEQUALITY,
    cases=lambda: tuples(_hundredths(4000), numbers(0.25, 4.0)),
    correction="The exponential is the Bhattacharyya coefficient; at mu = 20 s nothing of log 2 - "
    "JS is left in double precision.",
)
def _gaussian_js_saturates(case: Any) -> float:
    mean, deviation = case
    overlap = math.exp(-(mean**2) / (8.0 * deviation**2))
    value = _js(mean, deviation)
    return min(
        at_most(math.log(2.0) - overlap, value, tolerance=1e-9),
        at_most(value, math.log(2.0), tolerance=1e-9),
    )


@TOPIC.claim(
    "gaussian-curves-increase",
    item=34,
    title="Both curves increase with the distance of the means",
    statement="0 <= mu < nu implies JS(mu) <= JS(nu) and KL(mu) <= KL(nu)",
    source=BOXES.at(_PLACE),
    kind=Kind.INEQUALITY,
    cases=lambda: tuples(_hundredths(1200), _hundredths(1200)),
)
def _gaussian_increase(case: Any) -> float:
    near, far = sorted(case)
    p = normal(0.0)
    return min(
        at_most(_js(near), _js(far), tolerance=1e-9),
        at_most(
            divergences.kl_divergence(p, normal(near)), divergences.kl_divergence(p, normal(far))
        ),
    )


@TOPIC.claim(
    "gaussian-gradients-vanish-as-printed",
    item=34,
    title="Vanishing gradients of KL and JS, as printed",
    statement="as the mean of q grows KL and JS increase, but the gradients of both vanish",
    source=BOXES.at(f"{_PLACE}, second remark"),
    kind=Kind.INEQUALITY,
    cases=lambda: numbers(2, 30),
    holds=False,
    correction="True of JS only. The derivative of KL is mu / s^2 and grows; a plateau in a figure "
    "is underflow of the density.",
)
def _gradients_printed(case: Any) -> float:
    step, p = 1e-3, normal(0.0)

    def slope(mean: float) -> float:
        high = divergences.kl_divergence(p, normal(mean + step))
        low = divergences.kl_divergence(p, normal(mean - step))
        return float(high - low) / (2.0 * step)

    return at_most(slope(case), slope(0.5 * case))


@TOPIC.claim(
    "gaussian-js-gradient",
    item=34,
    title="The gradient of JS vanishes, with a rate",
    statement="|dJS/dmu| <= exp(-mu^2 / (8 s^2)) (mu / 2 + s sqrt(2/pi)) / (2 s^2)",
    source=DERIVED,
    kind=Kind.INEQUALITY,
    cases=lambda: tuples(numbers(0.1, 8), numbers(0.5, 2.0)),
    correction="At mu = 1, 2, 3, 5 the derivative is .199, .225, .148, .0237; at 20 it is 1e-22.",
)
def _gaussian_js_gradient(case: Any) -> float:
    mean, deviation = case
    step = 1e-3
    slope = (_js(mean + step, deviation) - _js(mean - step, deviation)) / (2.0 * step)

    def bound(mu: float) -> float:
        overlap = math.exp(-(mu**2) / (8.0 * deviation**2))
        return float(
            0.5 * overlap * (0.5 * mu + deviation * math.sqrt(2.0 / math.pi)) / deviation**2
        )

    # The difference quotient is the derivative somewhere in between; quadrature errs by 1e-12.
    return at_most(abs(slope), max(bound(mean - step), bound(mean + step)) + 1e-8)


@TOPIC.claim(
    "gaussian-kl-gradient",
    item=34,
    title="The gradient of KL grows",
    statement="dKL/dmu = mu / s^2",
    source=BOXES.at(f"{_PLACE}, corrected"),
    kind=Kind.EQUALITY,
    cases=lambda: tuples(numbers(0.5, 100), numbers(0.5, 2.0)),
)
def _gaussian_kl_gradient(case: Any) -> float:
    mean, deviation = case
    p, step = normal(0.0, deviation), 1e-3
    high = divergences.kl_divergence(p, normal(mean + step, deviation))
    low = divergences.kl_divergence(p, normal(mean - step, deviation))
    exact = mean / deviation**2
    return equal((high - low) / (2.0 * step), exact, tolerance=1e-6, scale=1.0 + exact * mean)


@TOPIC.claim(
    "gaussian-w1-shift",
    item=34,
    title="W1 of shifted Gaussians keeps its gradient",
    statement="W1(N(0, s^2), N(mu, s^2)) = |mu|, whose derivative is 1 at every distance",
    source=WGAN.at("section 2, by translation"),
    kind=Kind.EQUALITY,
    cases=lambda: tuples(numbers(-50, 50), numbers(0.1, 5.0)),
)
def _gaussian_w1(case: Any) -> float:
    mean, deviation = case
    value = distances.wasserstein1(normal(0.0, deviation), normal(mean, deviation))
    return equal(value, abs(mean), tolerance=1e-9, scale=1.0 + abs(mean))


@TOPIC.claim(
    "gaussian-w1",
    item=34,
    title="W1 of any two Gaussians on the line",
    statement="W1(N(m, s^2), N(n, t^2)) = E|m - n + (s - t) Z| with Z standard normal",
    source=DERIVED,
    kind=Kind.EQUALITY,
    cases=lambda: tuples(numbers(-5, 5), numbers(0.1, 4.0), numbers(-5, 5), numbers(0.1, 4.0)),
    correction="The increasing map between them is affine, hence optimal.",
)
def _gaussian_w1_general(case: Any) -> float:
    m, s, n, t = case
    shift, spread = m - n, abs(s - t)
    if spread == 0.0:
        folded = abs(shift)
    else:
        ratio = shift / spread
        density = math.exp(-0.5 * ratio**2) / math.sqrt(2.0 * math.pi)
        folded = 2.0 * spread * density + shift * math.erf(ratio / math.sqrt(2.0))
    return equal(
        distances.wasserstein1(normal(m, s), normal(n, t)), folded, tolerance=1e-9, scale=10.0
    )
