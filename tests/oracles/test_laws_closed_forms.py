"""Distances between laws against closed forms, SciPy's quadrature and large samples."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.linalg import sqrtm

from otdiv import (
    DiscreteMeasure,
    Gaussian,
    energy_distance,
    maximum_mean_discrepancy,
    wasserstein,
    wasserstein1,
    wasserstein1_result,
    wasserstein2,
)
from otdiv.distances.laws.distance import law_distance

NORMAL = stats.norm


def folded(mean, deviation):
    """E|N(mean, deviation^2)|."""
    return float(stats.foldnorm(abs(mean) / deviation, scale=deviation).mean())


W1_CASES = {
    "normal shift": (NORMAL(0, 2), NORMAL(3, 2), 3.0),
    "normal": (NORMAL(0, 1), NORMAL(1, 3), folded(1, 2)),
    "exponential": (stats.expon(scale=0.5), stats.expon(scale=1 / 3), 0.5 - 1 / 3),
    "Laplace scale": (stats.laplace(1, 2), stats.laplace(1, 0.5), 1.5),
    "Poisson": (stats.poisson(3), stats.poisson(5), 2.0),
    "uniform": (stats.uniform(0, 1), stats.uniform(0, 10), 4.5),
    "gamma above a normal with its mean less three": (stats.gamma(3), NORMAL(0, 1), 3.0),
    "geometric against its cell's start": (stats.geom(0.3), stats.geom(0.3, loc=-1), 1.0),
    "Cauchy shift": (stats.cauchy(), stats.cauchy(2), 2.0),
    "Cauchy shift as a Student law": (stats.cauchy(), stats.t(1, loc=1), 1.0),
    "Bernoulli": (stats.bernoulli(0.25), stats.bernoulli(0.75), 0.5),
    "point to a uniform": (DiscreteMeasure(points=[0.5]), stats.uniform(), 0.25),
    "point to a normal": (Gaussian(mean=1.0, covariance=0.0), NORMAL(), folded(1, 1)),
    "measure of mass three": (DiscreteMeasure(points=[0.0], weights=[3.0]), stats.expon(), 1.0),
}


@pytest.mark.parametrize("case", W1_CASES.values(), ids=W1_CASES)
def test_w1_is_the_closed_form_and_lies_in_its_bounds(case):
    p, q, expected = case
    value, lower, upper, _ = law_distance(p, q, 1.0)
    assert value == pytest.approx(expected, rel=1e-12)
    assert lower * (1 - 4e-16) <= expected <= upper * (1 + 4e-16)
    assert lower <= value <= upper
    assert law_distance(q, p, 1.0).value == pytest.approx(value, rel=1e-13)


W2_CASES = {
    "normal": (NORMAL(0, 1), NORMAL(3, 5), 5.0),
    "exponential": (stats.expon(scale=0.5), stats.expon(scale=1 / 3), math.sqrt(2) / 6),
    "uniform to a point": (stats.uniform(), DiscreteMeasure(points=[0.0]), math.sqrt(1 / 3)),
    "uniform to a coin": (stats.uniform(), stats.bernoulli(0.5), math.sqrt(1 / 12)),
    "normal to a coin": (  # E (|Z| - 1)^2
        NORMAL(),
        DiscreteMeasure(points=[-1.0, 1.0]),
        math.sqrt(2.0 - 2.0 * math.sqrt(2.0 / math.pi)),
    ),
    "normal to a uniform": (  # 1 + 1/12 - 2 E[Z Phi(Z)] with E[Z Phi(Z)] = E phi(Z)
        NORMAL(),
        stats.uniform(-0.5, 1),
        math.sqrt(1 + 1 / 12 - 1 / math.sqrt(math.pi)),
    ),
}


@pytest.mark.parametrize("case", W2_CASES.values(), ids=W2_CASES)
def test_w2_is_the_closed_form_and_lies_in_its_bounds(case):
    p, q, expected = case
    value, lower, upper, _ = law_distance(p, q, 2.0)
    assert value == pytest.approx(expected, rel=1e-9)
    assert lower <= expected * (1 + 4e-16)
    assert expected <= upper * (1 + 4e-16)


@pytest.mark.parametrize("p", [1.5, 3.0, 4.0])
def test_other_orders_agree_with_scipys_quadrature_of_the_quantiles(p):
    first, second = stats.gamma(2.0), NORMAL(1.0, 0.7)
    expected, _ = integrate.quad(
        lambda u: abs(first.ppf(u) - second.ppf(u)) ** p, 0, 1, limit=400, epsabs=1e-11
    )
    assert wasserstein(first, second, p=p) == pytest.approx(expected ** (1 / p), rel=1e-7)


@pytest.mark.parametrize("p", [1.5, 2.0, 2.9, 50.0, 200.0, 1000.0])
def test_moments_of_every_order_are_distances_to_a_point(p):
    """E|Z|^p of a normal and, for p < 3, of a Student law, which needs a far tail."""
    origin = DiscreteMeasure(points=[0.0])
    normal = 0.5 * p * math.log(2) + math.lgamma((p + 1) / 2) - math.lgamma(0.5)
    assert wasserstein(NORMAL(), origin, p=p) == pytest.approx(math.exp(normal / p), rel=1e-9)
    if p < 3:
        student = 0.5 * p * math.log(3) + math.lgamma((p + 1) / 2) + math.lgamma((3 - p) / 2)
        student -= math.lgamma(0.5) + math.lgamma(1.5)
        value = wasserstein(stats.t(3), origin, p=p)
        assert value == pytest.approx(math.exp(student / p), rel=1e-9)
    else:
        assert wasserstein(stats.t(3), origin, p=p) == math.inf


def test_a_kink_that_both_rules_miss_by_the_same_amount_is_found():
    """On one cell of these two laws the two rules agree to 5e-11 and are wrong by 4e-5."""
    p, q = stats.logistic(3.75, 4.5), stats.gamma(1.0, scale=0.375)
    value, lower, upper, _ = law_distance(p, q, 1.0)
    pieces = [-400.0, 0.0, *np.linspace(0.13, 0.15, 201), 2.0, 40.0, 400.0]
    expected = sum(
        integrate.quad(lambda t: abs(p.cdf(t) - q.cdf(t)), a, b, limit=200, epsabs=1e-13)[0]
        for a, b in pairwise(pieces)
    )
    assert value == pytest.approx(expected, rel=1e-9)
    assert lower * (1 - 1e-9) <= expected <= upper * (1 + 1e-9)


def test_crossing_laws_are_integrated_on_both_sides_of_their_crossing():
    """Beta(2, 3) against a uniform: F - t = 6 t² - 8 t³ + 3 t⁴ - t, zero at (5 - sqrt 13) / 6."""

    def primitive(t):
        return 2 * t**3 - 2 * t**4 + 0.6 * t**5 - t * t / 2

    expected = primitive(1.0) - 2 * primitive((5 - math.sqrt(13)) / 6)
    assert wasserstein1(stats.beta(2, 3), stats.uniform()) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("p", "q", "order"),
    [
        (stats.cauchy(), NORMAL(), 1),
        (stats.cauchy(), stats.cauchy(0, 2), 1),
        (stats.pareto(1), stats.pareto(3), 1),
        (stats.t(2), NORMAL(), 2),
        (stats.t(3), NORMAL(), 3),
        (stats.levy(), NORMAL(), 1),
        (stats.zipf(1.9), stats.expon(), 1),
        (NORMAL(0, 1), NORMAL(0, 2), math.inf),
        (NORMAL(), stats.uniform(), math.inf),
        (stats.poisson(1), stats.uniform(), math.inf),
    ],
)
def test_an_infinite_distance_is_infinity(p, q, order):
    assert wasserstein(p, q, p=order) == math.inf


def test_w_infinity_of_bounded_laws_and_of_shifts_is_exact():
    assert wasserstein(NORMAL(0, 1), NORMAL(2, 1), p=math.inf) == 2.0
    assert wasserstein(stats.uniform(0, 1), stats.uniform(1, 4), p=math.inf) == 4.0
    grid = DiscreteMeasure(points=[0.25, 0.75])
    assert wasserstein(grid, stats.uniform(), p=math.inf) == pytest.approx(0.25, rel=1e-9)
    # u against sqrt(u): largest at u = 1/4.
    assert wasserstein(stats.beta(2, 1), stats.uniform(), p=math.inf) == pytest.approx(
        0.25, rel=1e-8
    )


def test_sample_against_its_law_is_the_integral_between_the_atoms():
    x = np.random.default_rng(1).normal(size=40)
    cuts = np.concatenate([[-9.0], np.sort(x), [9.0]])
    expected = sum(
        integrate.quad(
            lambda t, k=k: abs(k / x.size - NORMAL.cdf(t)),
            a,
            b,
            limit=200,
            epsabs=1e-12,
            points=[min(max(NORMAL.ppf(k / x.size), a), b)] if 0 < k < x.size else None,
        )[0]
        for k, (a, b) in enumerate(pairwise(cuts))
    )
    assert wasserstein1(x, NORMAL()) == pytest.approx(expected, rel=1e-9)


def test_weights_of_a_sample_are_relative_frequencies():
    x, weights = [0.0, 1.0, 2.0], [1.0, 0.0, 3.0]
    law = stats.gamma(2.0)
    repeated = wasserstein1([0.0, 2.0, 2.0, 2.0], law)
    assert wasserstein1(x, law, x_weights=weights) == pytest.approx(repeated, rel=1e-10)
    assert wasserstein1(law, x, y_weights=weights) == pytest.approx(repeated, rel=1e-10)


@pytest.mark.parametrize("q", [stats.gamma(3), stats.expon(1, 2), stats.poisson(2), stats.t(3)])
def test_asked_tolerance_is_met_by_proven_bounds_that_contain_the_value(q):
    sharp = law_distance(NORMAL(), q, 1.0).value
    result = wasserstein1_result(NORMAL(), q, rtol=1e-3)
    assert result.kind == "certified"
    assert result.bounds.meets(1e-3, 0.0)
    assert sharp in result.bounds
    assert result.value in result.bounds


def test_estimated_bounds_say_that_they_are_estimated():
    assert wasserstein1_result(NORMAL(), stats.gamma(3)).kind == "quadrature"
    assert wasserstein1_result(NORMAL(), NORMAL(1, 2)).kind == "certified"


@pytest.mark.parametrize("d", [1, 2, 5])
def test_w2_of_gaussians_is_the_trace_formula(d):
    rng = np.random.default_rng(d)
    A, B = (root @ root.T for root in rng.normal(size=(2, d, d)))
    p = Gaussian(mean=rng.normal(size=d), covariance=A)
    q = Gaussian(mean=rng.normal(size=d), covariance=B)
    root = sqrtm(A)
    squared = ((p.mean - q.mean) ** 2).sum() + np.trace(A + B - 2 * sqrtm(root @ B @ root)).real
    assert wasserstein2(p, q) == pytest.approx(math.sqrt(squared), rel=1e-10)
    assert wasserstein2(q, p) == pytest.approx(wasserstein2(p, q), rel=1e-12)
    assert wasserstein2(p, p) == 0.0


def test_w2_of_nearly_equal_gaussians_keeps_its_digits():
    """sqrt(tr A) (sqrt(1 + h) - 1) for A and (1 + h) A; the trace formula gives noise."""
    A = np.array([[2.0, 0.5, 0.0], [0.5, 1.0, 0.3], [0.0, 0.3, 4.0]])
    mean = np.zeros(3)
    for h in (1e-3, 1e-6, 1e-9):
        value = wasserstein2(
            Gaussian(mean=mean, covariance=A), Gaussian(mean=mean, covariance=(1 + h) * A)
        )
        expected = math.sqrt(np.trace(A)) * h / (math.sqrt(1 + h) + 1)
        # Entries of the two matrices are rounded, and their roots err by a few machine precisions.
        assert value == pytest.approx(expected, abs=1e-14)


def test_w2_of_singular_gaussians_lies_in_its_bounds():
    """N(0, s² 1 1ᵀ) is one normal variable on the diagonal: the distance is sqrt(d) |s - t|."""
    ones = np.ones((3, 3))
    p, q = (Gaussian(mean=np.zeros(3), covariance=c * ones) for c in (1.0, 4.0))
    value, lower, upper, kind = law_distance(p, q, 2.0)
    assert value == pytest.approx(math.sqrt(3.0), rel=1e-14)
    assert lower <= math.sqrt(3.0) <= upper
    assert kind == "certified"


@pytest.mark.parametrize("scale", [1e-140, 1e140])
def test_w2_of_gaussians_survives_extreme_units(scale):
    A, B = np.diag([1.0, 4.0]), np.array([[3.0, 1.0], [1.0, 2.0]])
    one, two = (
        wasserstein2(
            Gaussian(mean=[0.0, 0.0], covariance=unit**2 * A),
            Gaussian(mean=[0.0, unit], covariance=unit**2 * B),
        )
        for unit in (1.0, scale)
    )
    assert two / scale == pytest.approx(one, rel=1e-13)


def test_energy_distance_of_laws_is_the_closed_form():
    """2 E|N(m, s² + t²)| - 2 (s + t) / sqrt(pi) for normal laws."""
    squared = 2 * folded(1, math.sqrt(5)) - 2 * 3 / math.sqrt(math.pi)
    p, q = Gaussian(mean=0.0, covariance=1.0), Gaussian(mean=1.0, covariance=4.0)
    assert energy_distance(p, q) == pytest.approx(math.sqrt(squared), rel=1e-13)
    assert energy_distance(NORMAL(0, 1), NORMAL(1, 2)) == pytest.approx(
        math.sqrt(squared), rel=1e-13
    )
    # Exponential laws of rates a and b: the integral of (e^(-at) - e^(-bt))².
    a, b = 2.0, 3.0
    integral = 1 / (2 * a) + 1 / (2 * b) - 2 / (a + b)
    value = energy_distance(stats.expon(scale=1 / a), stats.expon(scale=1 / b))
    assert value == pytest.approx(math.sqrt(2 * integral), rel=1e-9)


def test_energy_distance_of_nearly_equal_normal_laws_keeps_its_digits():
    """For a shift h: 2 ∫ (F - G)² is 2 h² ∫ phi² = h² / sqrt(pi) to first order."""
    h = 1e-6
    expected = h / math.pi**0.25
    assert energy_distance(NORMAL(0, 1), NORMAL(h, 1)) == pytest.approx(expected, rel=1e-6)


def test_discrepancy_of_gaussians_is_the_closed_form():
    def mean_kernel(m, v, h=1.3):
        return h / math.sqrt(h * h + v) * math.exp(-m * m / (2 * (h * h + v)))

    squared = mean_kernel(0, 2) + mean_kernel(0, 8) - 2 * mean_kernel(1, 5)
    p, q = Gaussian(mean=0.0, covariance=1.0), Gaussian(mean=1.0, covariance=4.0)
    assert maximum_mean_discrepancy(p, q, bandwidth=1.3) == pytest.approx(
        math.sqrt(squared), rel=1e-13
    )
    # Independent coordinates: means of the kernel multiply.
    p2 = Gaussian(mean=[0.0, 0.0], covariance=np.eye(2))
    q2 = Gaussian(mean=[1.0, 1.0], covariance=4 * np.eye(2))
    squared = mean_kernel(0, 2) ** 2 + mean_kernel(0, 8) ** 2 - 2 * mean_kernel(1, 5) ** 2
    assert maximum_mean_discrepancy(p2, q2, bandwidth=1.3) == pytest.approx(
        math.sqrt(squared), rel=1e-13
    )
