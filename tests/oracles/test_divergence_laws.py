"""Divergences of Gaussians and frozen laws against closed forms and each other.

Closed forms: Gil, Alajaji, Linder (2013), Rényi divergence measures for commonly used univariate
continuous distributions, doi:10.1016/j.ins.2013.06.018, and elementary integrals.
"""

import math

import numpy as np
import pytest
from scipy import stats
from scipy.special import betaln, digamma, gammaln

from otdiv import (
    DiscreteMeasure,
    Gaussian,
    UnsupportedProblemError,
    chi2_divergence,
    f_divergence,
    hellinger_distance,
    jeffreys_divergence,
    js_divergence,
    kl_divergence,
    renyi_divergence,
    total_variation,
)
from otdiv.divergences import recipes
from otdiv.divergences.continuous import ratio_of_densities

LOG_2 = math.log(2.0)
# Smooth log-densities settle to the rounding of logpdf, some 1e-15 of numbers of order 10.
SMOOTH = 1e-12


def normal(mean, deviation):
    return Gaussian(mean=mean, covariance=deviation**2)


def random_gaussian(rng, d):
    root = rng.standard_normal((d, d))
    return Gaussian(mean=rng.standard_normal(d), covariance=root @ root.T + 0.3 * np.eye(d))


JS_OF_NORMALS = [
    (0.5, 1.0, 0.030311300521),
    (1.0, 1.0, 0.111421482185),
    (2.0, 1.0, 0.336830820347),
    (3.0, 1.0, 0.526777306521),
    (0.0, 2.0, 0.092733381666),
    (1.0, 2.0, 0.128174973054),
]


@pytest.mark.parametrize(("mean", "deviation", "expected"), JS_OF_NORMALS)
def test_js_of_normals_has_its_tabulated_value(mean, deviation, expected):
    found = js_divergence(normal(0.0, 1.0), normal(mean, deviation))
    assert found == pytest.approx(expected, abs=1e-12)
    assert found == js_divergence(stats.norm(0, 1), stats.norm(mean, deviation))


@pytest.mark.parametrize("mean", [0.0, 1.0, 5.0, 10.0, 20.0, 35.0, 1e3])
def test_js_of_shifted_normals_saturates_at_its_rate(mean):
    """log 2 - exp(-mean^2 / 8) <= JS <= log 2, from 1 - sum sqrt(p q) <= JS / log 2 and its kin."""
    found = js_divergence(normal(0.0, 1.0), normal(mean, 1.0))
    assert LOG_2 - math.exp(-mean * mean / 8) - 1e-12 <= found <= LOG_2 + 1e-12


def test_kl_of_normals_grows_where_js_saturates():
    for mean in (1.0, 20.0, 35.0, 1e3):
        assert kl_divergence(normal(0.0, 1.0), normal(mean, 1.0)) == mean * mean / 2
        found = 2.0 * ratio_of_densities(
            recipes.KULLBACK_LEIBLER, stats.norm(0, 1), stats.norm(mean, 1)
        )
        assert found == pytest.approx(mean * mean / 2, rel=SMOOTH)


PAIRS_OF_NORMALS = [((0.0, 1.0), (1.0, 2.0)), ((3.0, 2.0), (0.0, 1.7)), ((0.0, 1.0), (0.1, 0.9))]


@pytest.mark.parametrize(("first", "second"), PAIRS_OF_NORMALS)
@pytest.mark.parametrize(
    "recipe",
    [
        recipes.KULLBACK_LEIBLER,
        recipes.JEFFREYS,
        recipes.HELLINGER,
        recipes.CHI2,
        recipes.renyi(0.3),
        recipes.renyi(1.4),
    ],
    ids=lambda recipe: recipe.name,
)
def test_quadrature_agrees_with_the_closed_form_of_normals(recipe, first, second):
    ratio = ratio_of_densities(recipe, stats.norm(*first), stats.norm(*second))
    expected = recipe.gaussian(normal(*first), normal(*second))
    assert float(recipe.finish(np.asarray(ratio))) == pytest.approx(expected, rel=1e-11)


def test_closed_forms_of_normals_are_the_textbook_ones():
    d, s1, s2 = 1.0, 1.5, 1.3
    p, q = normal(d, s1), normal(0.0, s2)
    kl = math.log(s2 / s1) + (s1**2 + d**2) / (2 * s2**2) - 0.5
    overlap = math.sqrt(2 * s1 * s2 / (s1**2 + s2**2)) * math.exp(-(d**2) / (4 * (s1**2 + s2**2)))
    spread = 2 * s2**2 - s1**2
    chi2 = s2**2 / (s1 * math.sqrt(spread)) * math.exp(d**2 / spread) - 1
    assert kl_divergence(p, q) == pytest.approx(kl, rel=1e-14)
    assert hellinger_distance(p, q) ** 2 == pytest.approx(1 - overlap, rel=1e-13)
    assert chi2_divergence(p, q) == pytest.approx(chi2, rel=1e-13)
    assert renyi_divergence(p, q, alpha=2) == pytest.approx(math.log1p(chi2), rel=1e-13)
    assert jeffreys_divergence(p, q) == kl_divergence(p, q) + kl_divergence(q, p)


def test_total_variation_of_normals_with_one_variance_is_an_error_function():
    for d, s in ((1e-6, 1.0), (0.3, 2.0), (1.0, 1.0), (7.0, 1.0)):
        found = total_variation(normal(0.0, s), normal(d, s))
        # log-densities of order 1 carry 1e-16, so a difference of order d carries 1e-16 / d.
        assert found == pytest.approx(math.erf(d / (2 * math.sqrt(2) * s)), rel=1e-12 + 1e-15 / d)


def test_chi2_of_a_law_twice_as_wide_is_infinite():
    assert chi2_divergence(normal(0.0, 2.0), normal(0.0, 1.0)) == math.inf
    assert renyi_divergence(normal(0.0, 2.0), normal(0.0, 1.0), alpha=2) == math.inf
    assert math.isfinite(renyi_divergence(normal(0.0, 2.0), normal(0.0, 1.0), alpha=1.3))
    assert chi2_divergence(stats.laplace(0, 2.0), stats.laplace(0, 1.0)) == math.inf


@pytest.mark.parametrize("d", [1, 2, 5])
def test_kl_of_gaussians_is_the_textbook_formula(d):
    rng = np.random.default_rng(d)
    for _ in range(5):
        p, q = random_gaussian(rng, d), random_gaussian(rng, d)
        inverse = np.linalg.inv(q.covariance)
        step = q.mean - p.mean
        expected = 0.5 * (
            np.trace(inverse @ p.covariance)
            + step @ inverse @ step
            - d
            + np.linalg.slogdet(q.covariance)[1]
            - np.linalg.slogdet(p.covariance)[1]
        )
        assert kl_divergence(p, q) == pytest.approx(expected, rel=1e-11)
        middle = 0.5 * (p.covariance + q.covariance)
        log_overlap = (
            0.25 * np.linalg.slogdet(p.covariance)[1]
            + 0.25 * np.linalg.slogdet(q.covariance)[1]
            - 0.5 * np.linalg.slogdet(middle)[1]
            - 0.125 * step @ np.linalg.solve(middle, step)
        )
        assert hellinger_distance(p, q) ** 2 == pytest.approx(-math.expm1(log_overlap), rel=1e-11)


def test_gaussians_that_differ_in_the_last_digits_keep_their_precision():
    """KL = (e - log(1 + e)) / 2 for variances 1 + e and 1: e^2 / 4 to first order."""
    for e in (1e-3, 2.0**-30, 2.0**-50):
        p, q = Gaussian(mean=0.0, covariance=1.0 + e), Gaussian(mean=0.0, covariance=1.0)
        assert kl_divergence(p, q) == pytest.approx(e * e / 4 - e**3 / 6 + e**4 / 8, rel=1e-11)
    assert kl_divergence(normal(1e-100, 1.0), normal(0.0, 1.0)) == pytest.approx(5e-201, rel=1e-15)
    p = random_gaussian(np.random.default_rng(0), 4)
    for divergence in (kl_divergence, hellinger_distance, chi2_divergence, jeffreys_divergence):
        assert divergence(p, p) == 0.0


def test_singular_gaussians_compare_on_their_common_subspace():
    line = np.outer([1.0, 1.0], [1.0, 1.0])
    p, q = Gaussian(mean=[0, 0], covariance=line), Gaussian(mean=[1, 1], covariance=2 * line)
    assert kl_divergence(p, q) == pytest.approx(
        kl_divergence(normal(0.0, 1.0), Gaussian(mean=1.0, covariance=2.0)), rel=1e-13
    )


@pytest.mark.parametrize(
    ("mean", "covariance"),
    [([1.0, 0.0], [[2.0, 2.0], [2.0, 2.0]]), ([0, 0], np.eye(2)), ([0, 0], np.zeros((2, 2)))],
    ids=["parallel line", "plane", "point"],
)
def test_gaussians_on_different_subspaces_are_mutually_singular(mean, covariance):
    p = Gaussian(mean=[0, 0], covariance=np.ones((2, 2)))
    q = Gaussian(mean=mean, covariance=covariance)
    for first, second in ((p, q), (q, p)):
        assert kl_divergence(first, second) == math.inf
        assert chi2_divergence(first, second) == math.inf
        assert renyi_divergence(first, second, alpha=0.5) == math.inf
        assert hellinger_distance(first, second) == 1.0
        assert js_divergence(first, second) == LOG_2
        assert total_variation(first, second) == 1.0


@pytest.mark.parametrize(
    "spread", [stats.norm(), stats.gamma(2.0), Gaussian(mean=[0.0, 1.0], covariance=np.eye(2))]
)
def test_atoms_and_densities_are_mutually_singular(spread):
    points = [[0.0, 1.0]] if isinstance(spread, Gaussian) else [0.0, 1.0]
    atoms = DiscreteMeasure(points=points)
    for first, second in ((atoms, spread), (spread, atoms)):
        assert js_divergence(first, second) == LOG_2
        assert total_variation(first, second) == 1.0
        assert kl_divergence(first, second) == math.inf
        assert renyi_divergence(first, second, alpha=2) == math.inf


def test_exponential_laws_have_their_closed_forms():
    a, b = 2.0, 3.0
    p, q = stats.expon(scale=1 / a), stats.expon(scale=1 / b)
    crossing = math.log(a / b) / (a - b)
    assert kl_divergence(p, q) == pytest.approx(math.log(a / b) + b / a - 1, rel=SMOOTH)
    assert hellinger_distance(p, q) ** 2 == pytest.approx(
        1 - 2 * math.sqrt(a * b) / (a + b), rel=SMOOTH
    )
    assert chi2_divergence(p, q) == pytest.approx(a * a / (b * (2 * a - b)) - 1, rel=SMOOTH)
    assert total_variation(p, q) == pytest.approx(
        math.exp(-a * crossing) - math.exp(-b * crossing), rel=SMOOTH
    )
    assert chi2_divergence(stats.expon(scale=1.0), q) == math.inf


def test_laplace_laws_have_their_closed_forms():
    p, q = stats.laplace(0, 1), stats.laplace(1, 2)
    kl = math.log(2) + (math.exp(-1) + 1) / 2 - 1
    assert kl_divergence(p, q) == pytest.approx(kl, rel=SMOOTH)
    d = 0.7
    tv = total_variation(stats.laplace(0, 1), stats.laplace(d, 1))
    assert tv == pytest.approx(1 - math.exp(-d / 2), rel=SMOOTH)
    mixed = math.log(2) + math.sqrt(2 / math.pi) - 0.5 * math.log(2 * math.pi * math.e)
    assert kl_divergence(stats.norm(), stats.laplace()) == pytest.approx(mixed, rel=SMOOTH)


def test_gamma_and_beta_laws_have_their_closed_forms():
    a, b = 3.2, 2.0
    kl = (a - b) * digamma(a) - gammaln(a) + gammaln(b)
    assert kl_divergence(stats.gamma(a), stats.gamma(b)) == pytest.approx(kl, rel=SMOOTH)
    a, b, c, d = 2.0, 3.0, 4.0, 1.5
    kl = (
        betaln(c, d)
        - betaln(a, b)
        + (a - c) * digamma(a)
        + (b - d) * digamma(b)
        + (c - a + d - b) * digamma(a + b)
    )
    assert kl_divergence(stats.beta(a, b), stats.beta(c, d)) == pytest.approx(kl, rel=SMOOTH)


def test_a_density_that_grows_without_bound_at_an_end_keeps_its_digits():
    """1 is not resolved below 1e-16, where the arcsine law still has 1e-8 of its mass."""
    for law in (stats.beta(0.5, 0.5), stats.arcsine()):
        found = kl_divergence(law, stats.uniform())
        assert found == pytest.approx(math.log(4 / math.pi), rel=SMOOTH)


def test_uniform_laws_are_infinitely_far_off_their_support():
    narrow, wide = stats.uniform(0, 1), stats.uniform(0, 10)
    assert kl_divergence(narrow, wide) == pytest.approx(math.log(10), rel=SMOOTH)
    assert kl_divergence(wide, narrow) == math.inf
    assert total_variation(narrow, wide) == pytest.approx(0.9, rel=SMOOTH)
    assert js_divergence(stats.uniform(0, 1), stats.uniform(2, 1)) == pytest.approx(LOG_2)


def test_a_hole_in_a_density_is_off_its_support():
    holed = stats.rv_histogram(np.histogram([1.0, 2.0, 2.0, 3.0, 5.0], bins=5))
    assert kl_divergence(stats.uniform(1, 4), holed) == math.inf
    masses = np.array([1, 2, 1, 0, 1]) / 5
    expected = kl_divergence(masses, np.full(5, 0.2))
    assert kl_divergence(holed, stats.uniform(1, 4)) == pytest.approx(expected, rel=SMOOTH)


def test_heavy_tails_decide_between_finite_and_infinite():
    assert kl_divergence(stats.t(2), stats.norm()) == math.inf
    assert kl_divergence(stats.cauchy(), stats.norm()) == math.inf
    for nu in (2.01, 2.1, 3.0):  # E x^2 = nu / (nu - 2)
        expected = nu / (nu - 2) / 2 + 0.5 * math.log(2 * math.pi) - float(stats.t(nu).entropy())
        assert kl_divergence(stats.t(nu), stats.norm()) == pytest.approx(expected, rel=1e-9)
    assert kl_divergence(stats.lognorm(3.0), stats.gumbel_l()) == math.inf  # E exp(x)
    # KL((m, s), (m', s')) = log(((s + s')^2 + (m - m')^2) / (4 s s')), Chyzak, Nielsen (2019).
    found = kl_divergence(stats.cauchy(0, 1), stats.cauchy(2, 3))
    assert found == pytest.approx(math.log(20 / 12), rel=SMOOTH)


def test_distant_and_narrow_modes_are_found():
    assert js_divergence(stats.norm(0, 1e-3), stats.norm(1e6, 1)) == pytest.approx(LOG_2, rel=1e-12)
    assert js_divergence(stats.norm(1e8, 1), stats.norm(1e8 + 1, 1)) == pytest.approx(
        0.111421482185, abs=1e-11
    )
    found = renyi_divergence(stats.logistic(0, 1), stats.logistic(500, 1), alpha=0.5)
    # The overlap integral of sqrt(p q) is exp(-250) times its length, 500, plus a constant.
    assert 480 < found < 500


def test_a_large_renyi_divergence_does_not_overflow():
    """With u = exp(-x) the integral of p^2 / q is exp(shift) times that of u^2 / (1 + u)^4, 1/3."""
    for shift in (50.0, 800.0, 5000.0):
        found = renyi_divergence(stats.logistic(0, 1), stats.logistic(shift, 1), alpha=2)
        assert found == pytest.approx(shift - math.log(3), rel=1e-12)


def test_discrete_laws_have_their_closed_forms():
    for a, b in ((3.0, 5.0), (1e-3, 2e-3), (400.0, 300.0)):
        p, q = stats.poisson(a), stats.poisson(b)
        kl = a * math.log(a / b) + b - a
        assert kl_divergence(p, q) == pytest.approx(kl, rel=1e-10)
        h2 = -math.expm1(-((math.sqrt(a) - math.sqrt(b)) ** 2) / 2)
        assert hellinger_distance(p, q) ** 2 == pytest.approx(h2, rel=1e-10)
    a, b = 0.3, 0.2
    kl = math.log(a / b) + (1 - a) / a * math.log((1 - a) / (1 - b))
    assert kl_divergence(stats.geom(a), stats.geom(b)) == pytest.approx(kl, rel=SMOOTH)
    assert kl_divergence(stats.poisson(3), stats.binom(5, 0.5)) == math.inf
    assert js_divergence(stats.bernoulli(0.3), stats.bernoulli(0.6)) == pytest.approx(
        js_divergence([0.7, 0.3], [0.4, 0.6]), rel=SMOOTH
    )


def test_discrete_laws_on_shifted_lattices_are_refused():
    with pytest.raises(UnsupportedProblemError, match="shifted lattices"):
        js_divergence(stats.poisson(3), stats.poisson(3, loc=0.5))


def test_f_divergence_of_laws_agrees_with_the_named_one():
    def half_distance(t):
        return abs(t - 1) / 2

    p, q = stats.logistic(), stats.norm(1)
    found = f_divergence(p, q, half_distance, slope_at_infinity=0.5)
    assert found == pytest.approx(total_variation(p, q), rel=SMOOTH)


def test_equal_laws_are_at_distance_zero():
    for law in (stats.gamma(0.3), stats.t(2), stats.poisson(7), stats.zipf(3.0)):
        assert js_divergence(law, law) == 0.0
        assert kl_divergence(law, law) == 0.0


@pytest.mark.parametrize("shift", [0.0, 1e-18, 2e-16, 2e-13, 1e-9])
def test_js_of_normals_that_almost_coincide_is_their_squared_shift_over_eight(shift):
    p, q = (Gaussian(mean=mean, covariance=1.0) for mean in (0.0, shift))
    # Below 1e-26 the densities cannot be told apart; above, the series of JS is quadratic.
    assert js_divergence(p, q) == pytest.approx(shift**2 / 8.0, rel=1e-5, abs=1e-26)
