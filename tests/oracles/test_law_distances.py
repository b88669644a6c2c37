"""SciPy's laws whose functions warn, fail, lose tails or take long: distances by closed forms."""

import math

import numpy as np
import pytest
from scipy import stats

from benchmarks.law_distances import sweep
from otdiv import wasserstein1, wasserstein1_result, wasserstein2


def test_the_sweep_of_scipys_laws_ends_in_bounds_that_hold_or_in_an_error_of_otdiv():
    """Every 61st call here; `python -m benchmarks law_distances` makes all of them."""
    rows = list(sweep(stride=61, judged=True))
    assert [row for row in rows if row.fault] == []
    assert sum(bool(row.error) for row in rows) <= 0.05 * len(rows)


def test_a_narrow_law_against_a_wide_one_is_a_number():
    p = stats.invgauss(0.14546264555347513, loc=-3, scale=0.1)
    q = stats.rdist(1.6, scale=1e6)
    result = wasserstein1_result(p, q)
    # P is all but a point at its mean to the scale of Q, which is symmetric: Q alone moves.
    # E|X| of rdist(c) is Γ((c + 1) / 2) / (√π Γ(c / 2 + 1)).
    c = 1.6
    expected = (
        1e6 * math.exp(math.lgamma((c + 1) / 2) - math.lgamma(c / 2 + 1)) / math.sqrt(math.pi)
    )
    assert result.value == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e200, 1e300])
def test_distances_keep_the_unit_where_squares_leave_the_floats(scale):
    p, q = stats.gamma(2.0), stats.norm()
    moved = stats.gamma(2.0, scale=scale), stats.norm(scale=scale)
    assert wasserstein1(*moved) == pytest.approx(scale * wasserstein1(p, q), rel=1e-12)
    assert wasserstein2(*moved) == pytest.approx(scale * wasserstein2(p, q), rel=1e-12)


def test_a_variance_beyond_the_floats_is_not_an_infinite_distance():
    # The normal law is a point to that scale: W2² = E X² = 6 s².
    value = wasserstein2(stats.gamma(2.0, scale=1e200), stats.norm())
    assert value == pytest.approx(math.sqrt(6.0) * 1e200, rel=1e-9)


@pytest.mark.parametrize("width", [1e-15, 1e-17])
def test_laws_narrower_than_floats_can_place_are_compared_from_their_location(width):
    beta = stats.beta(2, 2, loc=1.0, scale=width)
    assert wasserstein1(beta, stats.uniform(1.0, width)) == pytest.approx(width / 16, rel=1e-9)
    assert wasserstein1(beta, stats.uniform(1.0, 1.0)) == pytest.approx(0.5, rel=1e-12)


STEEP = {
    "gamma": (stats.gamma(0.04), 0.04, 0.04 + 0.04**2),
    "beta": (stats.beta(0.03, 0.03), 0.5, 0.25 + 0.25 / 1.06),
    "powerlaw": (stats.powerlaw(0.05), 0.05 / 1.05, 0.05 / 2.05),
    # A second moment of 1e300 times the mean is no float.
    "loguniform": (stats.loguniform(1e-300, 1e300), 1e300 / (600 * math.log(10)), None),
}


@pytest.mark.parametrize("name", STEEP)
def test_steep_ends_and_long_ranges_have_their_moments_as_distance_to_a_point(name):
    law, mean, second = STEEP[name]
    assert wasserstein1(law, [0.0]) == pytest.approx(mean, rel=1e-9)
    if second is not None:
        assert wasserstein2(law, [0.0]) == pytest.approx(math.sqrt(second), rel=1e-9)


GRAINY = {
    "burr": stats.burr(10.5, 4.3),
    "fisk": stats.fisk(3.085754862225318),
    "mielke": stats.mielke(10.4, 4.6),
    "geninvgauss": stats.geninvgauss(2.3, 1.5),
    "rice": stats.rice(0.775),
    "crystalball": stats.crystalball(2.0, 4.0),
    "moyal": stats.moyal(),
    "jf_skew_t": stats.jf_skew_t(8, 4),
    "f": stats.f(29, 18),
    "genlogistic": stats.genlogistic(0.412),
    "vonmises": stats.vonmises(3.99390425810714),
    "rel_breitwigner": stats.rel_breitwigner(36.545206797050334),
}


@pytest.mark.parametrize("name", GRAINY)
def test_tails_that_scipy_subtracts_have_the_second_moment_as_distance_to_a_point(name):
    law = GRAINY[name]
    mean, variance = (float(moment) for moment in law.stats("mv"))
    value = wasserstein2(law, [0.0])
    assert value == pytest.approx(math.sqrt(variance + mean * mean), rel=1e-8)


def test_a_law_known_by_its_density_alone_is_compared_to_all_digits():
    """SciPy's own integral of the density errs by 1e-8."""

    class Density(stats.rv_continuous):
        def _pdf(self, x):
            return np.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)

    result = wasserstein1_result(Density()(), stats.norm(1.0))
    assert result.bounds.lower <= 1.0 <= result.bounds.upper
    assert result.value == pytest.approx(1.0, rel=1e-10)
    assert wasserstein2(Density()(), stats.norm(1.0)) == pytest.approx(1.0, rel=1e-9)


def test_a_law_known_by_its_distribution_function_alone_has_honest_tails():
    class Function(stats.rv_continuous):
        def _cdf(self, x):
            return 1.0 - np.exp(-x)

    result = wasserstein1_result(Function(a=0.0)(), stats.expon(1.0))
    assert result.bounds.lower <= 1.0 <= result.bounds.upper
    assert result.value == pytest.approx(1.0, rel=1e-9)


DISCRETE = {
    "yulesimon": (stats.yulesimon(2.5), 2.5 / 1.5),
    "zipf": (stats.zipf(6.6), None),
    "zipf of infinite variance": (stats.zipf(2.5), None),
    "logser": (stats.logser(1.0 - 1e-7), None),
    "planck": (stats.planck(1e-9), None),
    "nbinom": (stats.nbinom(10**5, 1e-3), 99_900_000.0),
    "poisson": (stats.poisson(1e12), 1e12),
    "randint": (stats.randint(0, 10**8), (10**8 - 1) / 2),
}


@pytest.mark.parametrize("name", DISCRETE)
def test_bounds_of_discrete_laws_with_more_atoms_than_can_be_listed_contain_the_mean(name):
    """W1 of a law on non-negative numbers to a point at 0 is its mean."""
    law, mean = DISCRETE[name]
    mean = float(law.mean()) if mean is None else mean
    bounds = wasserstein1_result(law, [0.0]).bounds
    room = 1e-10 * mean
    assert bounds.lower - room <= mean <= bounds.upper + room
    assert bounds.upper - bounds.lower <= 1e-2 * mean


def test_moments_that_are_infinite_make_infinite_distances():
    for law in (stats.zipf(1.2), stats.levy(), stats.pareto(0.9), stats.halfcauchy()):
        assert wasserstein1(law, stats.norm()) == math.inf
    assert wasserstein2(stats.pareto(1.5), stats.norm()) == math.inf
    assert wasserstein1(stats.pareto(1.5), [0.0]) == pytest.approx(3.0, rel=1e-10)


def test_a_law_too_slow_for_its_distance_ends_in_time():
    law = stats.studentized_range(3, 10)
    result = wasserstein1_result(law, [0.0])
    assert result.bounds.lower - 1e-9 <= float(law.mean()) <= result.bounds.upper + 1e-9
