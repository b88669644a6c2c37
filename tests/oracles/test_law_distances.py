"""SciPy's laws whose functions warn, fail, lose tails or take long: distances by closed forms."""

import math

import numpy as np
import pytest
from scipy import stats

from benchmarks.law_distances import sweep
from otdiv import energy_distance, wasserstein1, wasserstein1_result, wasserstein2


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


# Shapes at which a law has no mean, or no variance: SciPy says NaN, or a finite number.
NO_MEAN = {
    "skewcauchy": stats.skewcauchy(0.5),
    "invweibull": stats.invweibull(0.9),
    "genextreme": stats.genextreme(-1.2),
    "burr": stats.burr(1.0, 2.0),
    "kappa4": stats.kappa4(0.0, -1.2),
    "nct": stats.nct(1.0, 0.5),
    "jf_skew_t": stats.jf_skew_t(0.4, 2.0),
    "levy_stable": stats.levy_stable(0.9, 0.3),
    "yulesimon": stats.yulesimon(0.9),
}


@pytest.mark.parametrize("name", NO_MEAN)
def test_a_law_without_a_mean_is_infinitely_far_from_a_sample(name):
    assert wasserstein1(NO_MEAN[name], [-1.0, 0.0, 7.0]) == math.inf
    assert wasserstein2(NO_MEAN[name], [-1.0, 0.0, 7.0]) == math.inf


def test_tails_slower_than_the_square_root_have_infinite_energy_distances():
    # The energy distance is finite where E|X|^(1/2) is: the integral of (1 - F)^2 converges.
    for law in (stats.zipf(1.2), stats.crystalball(1.0, 1.01), stats.pareto(0.4), stats.levy()):
        assert energy_distance(law, stats.norm()) == math.inf
    assert math.isfinite(energy_distance(stats.pareto(0.6), stats.norm()))


@pytest.mark.parametrize("power", [1.1, 1.01, 1.001])
def test_means_of_tails_that_end_beyond_the_floats_are_met(power):
    result = wasserstein1_result(stats.pareto(power), [0.0])
    mean = power / (power - 1.0)
    assert result.bounds.lower <= mean <= result.bounds.upper
    assert result.value == pytest.approx(mean, rel=1e-9)


def test_a_discrete_law_of_slow_tail_has_its_mean_as_distance_to_a_point():
    law = stats.zipf(2.01)
    assert wasserstein1(law, [0.0]) == pytest.approx(float(law.mean()), rel=1e-5)


def test_tails_before_a_finite_end_that_is_far_count():
    a, b = 12.605850479279749, 0.15803527703326714
    # E 1 / (1 + exp((a - Z) / b)) for normal Z: almost all of it is the integral of a lognormal
    # density up to Z = a; the correction is exp(-2 (a - Z) / b), and all is summed in steps.
    z = np.linspace(-5.0, 30.0, 2**17)
    logits = (z - a) / b
    density = np.exp(-0.5 * z * z - np.logaddexp(0.0, -logits)) / math.sqrt(2.0 * math.pi)
    mean = float(density.sum()) * (z[1] - z[0])
    for scale in (1.0, 1e60):
        law = stats.johnsonsb(a, b, scale=scale)
        assert wasserstein1(law, [0.0]) == pytest.approx(scale * mean, rel=1e-8)
    law = stats.johnsonsb(a, b, scale=1e66)
    assert wasserstein1(law, stats.norm()) == pytest.approx(1e66 * mean, rel=1e-8)


@pytest.mark.parametrize("scale", [1e-62, 1e-20])
def test_a_narrow_law_whose_functions_fail_far_out_is_a_point(scale):
    """SciPy's integral of this density misses its mass from far away."""
    law = stats.geninvgauss(1.1178915035226344, 108.85301448392414, scale=scale)
    x = [-1.0, 0.5, 2.0, 7.0]
    assert wasserstein1(law, x) == pytest.approx(wasserstein1([0.0], x), rel=1e-9)
    assert energy_distance(law, x) == pytest.approx(energy_distance([0.0], x), rel=1e-9)


def test_random_shapes_and_units_end_in_bounds_that_hold_or_in_an_error_of_otdiv():
    """Every 29th call of one draw; `python -m benchmarks law_distances --random N` makes more."""
    rows = list(sweep(stride=29, draws=1, seed=1))
    assert [row for row in rows if row.fault] == []
