"""Rényi's divergence of every order against its sum or its closed form in 700 digits."""

import math

import mpmath
import numpy as np
import pytest
from scipy import stats

from otdiv import DiscreteMeasure, UnsupportedProblemError, kl_divergence, renyi_divergence

NEAR_ONE = [1.0 + side * 2.0**-k for k in (4, 9, 20, 30, 40, 48, 52) for side in (1, -1)]
SMALL = [5e-324, 1e-308, 1e-300, 1e-100, 1e-16, 1e-8, 1e-3, 0.1, 0.3]
MIDDLE = [0.499999, 0.5, 0.7, 0.9, 1.1, 1.5, 2.0, 3.0, 10.0]
LARGE = [100.0, 1e5, 1e10, 1e100, 1e300]
ORDERS = [*NEAR_ONE, 1.0 - 2.0**-53, *SMALL, *MIDDLE, *LARGE]
# The logarithm of a ratio of up to 1500 nats and its exponential lose 1500 roundings at most.
PRECISION = 2e-13


def exact(p, q, alpha):
    """The sum over the mean of the two totals, which rounding need not leave at 1."""
    p, q = ([mpmath.mpf(float(mass)) for mass in side] for side in (p, q))
    alpha, mean = mpmath.mpf(alpha), (mpmath.fsum(p) + mpmath.fsum(q)) / 2
    if alpha > 1 and any(x > 0 and y == 0 for x, y in zip(p, q, strict=True)):
        return mpmath.inf
    powers = [
        mpmath.exp(alpha * mpmath.log(x) + (1 - alpha) * mpmath.log(y)) if x > 0 and y > 0 else 0
        for x, y in zip(p, q, strict=True)
    ]
    plain = mpmath.fsum(powers) / mean
    lost = mpmath.fsum(
        alpha * x + (1 - alpha) * y - power for x, y, power in zip(p, q, powers, strict=True)
    )
    if 2 * plain < 1:
        return mpmath.log(plain) / (alpha - 1) if plain > 0 else mpmath.inf
    return mpmath.log1p(-lost / mean) / (alpha - 1)


def agrees(found, expected):
    # Below 1e-307 floats are too far apart for a relative error.
    return found == pytest.approx(float(expected), rel=PRECISION, abs=2e-323)


def vectors():
    rng = np.random.default_rng(0)
    yield "three", ([0.2, 0.3, 0.5], [0.5, 0.25, 0.25])
    for n, spread in ((2, 1.0), (10, 0.05), (50, 10.0)):
        yield f"random{n}", tuple(rng.dirichlet(np.full(n, spread), 2))
    for near in (1e-3, 1e-8, 1e-13):
        p = rng.dirichlet(np.ones(5))
        q = p * (1.0 + near * rng.normal(size=5))
        yield f"near{near}", (p, q / q.sum())
    for tiny in (1e-16, 1e-300, 1e-320):
        yield f"exchanged{tiny}", ([tiny, 1.0], [1.0, tiny])
        yield f"both{tiny}", ([tiny, 1.0], [2 * tiny, 1.0])
        yield f"rare{tiny}", ([0.5, 0.5], [tiny, 1.0 - tiny])
    yield "zero in p", ([0.0, 0.5, 0.5], [0.25, 0.25, 0.5])
    yield "zero in q", ([0.25, 0.25, 0.5], [0.0, 0.5, 0.5])
    yield "zeros", ([0.5, 0.5, 0.0, 0.0], [0.0, 0.25, 0.75, 0.0])
    yield "disjoint", ([1.0, 0.0], [0.0, 1.0])
    yield "equal", ([0.3, 0.7], [0.3, 0.7])


@pytest.mark.parametrize("pair", [pytest.param(pair, id=name) for name, pair in vectors()])
def test_vectors_have_full_precision_at_every_order(pair):
    with mpmath.workdps(700):
        for alpha in ORDERS:
            assert agrees(renyi_divergence(*pair, alpha=alpha), exact(*pair, alpha)), alpha


def test_an_order_next_to_one_is_next_to_kl():
    p, q = [0.2, 0.3, 0.5], [0.5, 0.25, 0.25]
    for alpha in (1.0 - 1e-16, 1.0 + 2.3e-16):
        assert renyi_divergence(p, q, alpha=alpha) == pytest.approx(kl_divergence(p, q), rel=2e-15)


def test_rows_and_measures_are_treated_as_vectors_are():
    p, q = [[0.2, 0.3, 0.5], [0.0, 0.5, 0.5]], [[0.5, 0.25, 0.25], [0.25, 0.25, 0.5]]
    points = [0.0, 1.0, 2.0]
    for alpha in ORDERS:
        each = [renyi_divergence(*pair, alpha=alpha) for pair in zip(p, q, strict=True)]
        assert renyi_divergence(p, q, alpha=alpha).tolist() == each
        first, second = (DiscreteMeasure(points=points, weights=side[0]) for side in (p, q))
        assert renyi_divergence(first, second, alpha=alpha) == each[0]


def exact_exponential(a, b, alpha):
    """Laws of rates a and b: log(a^alpha b^(1 - alpha) / rate) / (alpha - 1)."""
    a, b, alpha = mpmath.mpf(a), mpmath.mpf(b), mpmath.mpf(alpha)
    rate = alpha * a + (1 - alpha) * b
    return mpmath.inf if rate <= 0 else mpmath.log(a**alpha * b ** (1 - alpha) / rate) / (alpha - 1)


@pytest.mark.parametrize("rates", [(1.0, 2.0), (2.0, 1.0), (1.0, 1.001), (1.0, 1e6), (50.0, 1.0)])
def test_laws_with_densities_keep_their_precision_at_every_order(rates):
    """To 1e-11, which is what the quadrature is asked for."""
    p, q = (stats.expon(scale=1.0 / rate) for rate in rates)
    with mpmath.workdps(700):
        a, b = (1 / mpmath.mpf(1.0 / rate) for rate in rates)
        for alpha in (order for order in ORDERS if order <= 1e15):
            found = renyi_divergence(p, q, alpha=alpha)
            expected = float(exact_exponential(a, b, alpha))
            assert found == pytest.approx(expected, rel=1e-11, abs=2e-323), alpha


def test_orders_that_magnify_rounding_are_refused_for_laws_with_densities():
    with pytest.raises(UnsupportedProblemError, match="magnifies the rounding"):
        renyi_divergence(stats.expon(), stats.gamma(2.0), alpha=1e16)


@pytest.mark.parametrize(("n", "a", "b"), [(5, 0.3, 0.31), (5, 0.3, 0.9), (50, 0.1, 0.5)])
def test_binomial_laws_keep_their_precision_at_every_order(n, a, b):
    """n times the divergence of one trial; scipy's logpmf errs by 1e-14 and more."""
    p, q = stats.binom(n, a), stats.binom(n, b)
    with mpmath.workdps(700):
        x, y = mpmath.mpf(a), mpmath.mpf(b)
        for alpha in map(mpmath.mpf, ORDERS):
            trial = x**alpha * y ** (1 - alpha) + (1 - x) ** alpha * (1 - y) ** (1 - alpha)
            expected = float(n * mpmath.log(trial) / (alpha - 1))
            found = renyi_divergence(p, q, alpha=float(alpha))
            assert found == pytest.approx(expected, rel=1e-11, abs=2e-323), alpha


def test_poisson_laws_of_large_order_are_finite():
    """(a^alpha b^(1 - alpha) - alpha a - (1 - alpha) b) / (alpha - 1), and a < b."""
    with mpmath.workdps(700):
        for alpha in map(mpmath.mpf, (1.0 + 2.0**-40, 10.0, 1e3, 1e10, 1e300)):
            expected = (mpmath.exp(-alpha * mpmath.log(10)) * 10 - alpha - (1 - alpha) * 10) / (
                alpha - 1
            )
            found = renyi_divergence(stats.poisson(1), stats.poisson(10), alpha=float(alpha))
            assert found == pytest.approx(float(expected), rel=1e-11)
    assert renyi_divergence(stats.poisson(3), stats.binom(5, 0.5), alpha=1e10) == math.inf
