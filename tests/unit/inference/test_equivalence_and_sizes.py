"""Equivalence within a margin, and the rows that tests need."""

import math

import numpy as np
import pytest
from scipy import stats

from otdiv import (
    ConvergenceError,
    InvalidInputError,
    UnsupportedProblemError,
    confidence_interval,
    equivalence_test,
    required_size,
    wasserstein1,
)

RNG = np.random.default_rng(11)
X, Y = RNG.normal(size=800), RNG.normal(0.1, 1.0, size=700)


def test_what_is_ruled_out_is_the_one_sided_end_of_the_triangle_band():
    result = equivalence_test(X, Y, margin=0.5, rng=3)
    band = confidence_interval(X, Y, method="triangle", level=0.95, rng=3)
    assert result.ruled_out == band.high
    assert result.value == pytest.approx(wasserstein1(X, Y), rel=1e-12)


def test_the_verdict_is_that_of_the_margin_and_of_the_pvalue():
    ruled_out = equivalence_test(X, Y, margin=1.0, rng=3).ruled_out
    for margin in (0.5 * ruled_out, 0.999 * ruled_out, 1.001 * ruled_out, 2.0 * ruled_out):
        result = equivalence_test(X, Y, margin=margin, rng=3)
        assert result.equivalent == (margin > ruled_out) == (result.pvalue <= 0.05)


def test_a_larger_margin_has_a_smaller_pvalue():
    values = [equivalence_test(X, Y, margin=m, rng=3).pvalue for m in (0.05, 0.15, 0.2, 0.3, 1.0)]
    assert values == sorted(values, reverse=True)
    assert values[0] == 1.0
    assert values[-1] == 1.0 / 1001.0


def test_threads_change_nothing():
    assert equivalence_test(X, Y, margin=0.3, rng=3) == equivalence_test(
        X, Y, margin=0.3, rng=3, n_jobs=3
    )


@pytest.mark.slow
def test_laws_at_the_margin_pass_rarely():
    rng = np.random.default_rng(12)
    passed = sum(
        equivalence_test(
            rng.normal(size=200), rng.normal(0.3, 1.0, 200), margin=0.3, rng=rng, n_replicates=199
        ).equivalent
        for _ in range(300)
    )
    # 5 % and five standard errors.
    assert passed <= 300 * (0.05 + 5.0 * math.sqrt(0.05 * 0.95 / 300))


def test_points_and_bad_margins_are_refused():
    with pytest.raises(UnsupportedProblemError, match="a column at a time"):
        equivalence_test(np.zeros((5, 2)), np.ones((5, 2)), margin=1.0)
    for margin in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(InvalidInputError, match="`margin` must be positive"):
            equivalence_test(X, Y, margin=margin)


def shift_rows(shift, power=0.8):
    """Rows a side of Student's two-sided test at 5 %."""
    for n in range(2, 10_000):
        reach = stats.t.ppf(0.975, 2 * n - 2)
        centre = shift * math.sqrt(0.5 * n)
        if stats.nct.sf(reach, 2 * n - 2, centre) >= power:
            return n
    raise AssertionError


@pytest.mark.parametrize("statistic", ["wasserstein1", "energy"])
def test_a_shift_takes_nearly_the_rows_of_students_test(statistic):
    found = required_size(0.5, statistic=statistic, rng=0)
    # These have some 95 % of the efficiency of Student's test, which is the best for normal laws.
    assert shift_rows(0.5) * 0.93 < found.n < shift_rows(0.5) * 1.25
    assert found.power >= 0.8
    assert found.standard_error < 0.01
    assert found.curve == tuple(sorted(found.curve))


def test_kolmogorov_smirnov_takes_more_rows_for_a_shift():
    sizes = [required_size(0.5, statistic=s, rng=0).n for s in ("energy", "kolmogorov_smirnov")]
    assert sizes[0] < sizes[1]


def test_the_level_of_the_simulated_test_is_kept():
    """Two draws of one law: the share of rejections is alpha."""
    law = stats.norm()
    with pytest.raises(ConvergenceError, match="was not reached") as caught:
        required_size(law, alpha=0.1, power=0.5, max_rows=100, rng=0)
    best = float(str(caught.value).split()[-1])
    assert best < 0.1 + 5.0 * math.sqrt(0.09 / 2000)


def test_rounded_pilot_data_and_unequal_sizes_are_simulated():
    pilot = np.round(np.random.default_rng(0).normal(size=300), 0)
    for statistic in ("wasserstein1", "cramer_von_mises", "kolmogorov_smirnov"):
        found = required_size(1.0, reference=pilot, ratio=2.0, statistic=statistic, rng=0)
        assert found.m == 2 * found.n
        assert 5 <= found.n < 60


def test_the_same_seed_finds_the_same_size():
    assert required_size(0.8, rng=5) == required_size(0.8, rng=5)


def test_more_power_takes_more_rows():
    assert required_size(0.8, power=0.5, rng=0).n < required_size(0.8, power=0.95, rng=0).n


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"effect": 0.0}, "`effect` must be finite and not 0"),
        ({"effect": 0.5, "power": 0.01}, "`power` must lie in"),
        ({"effect": 0.5, "alpha": 0.7}, "`alpha` must lie in"),
        ({"effect": 0.5, "statistic": "t"}, "`statistic` must be one of"),
        ({"effect": 0.5, "ratio": 0.0}, "`ratio` must be positive"),
        ({"effect": 0.5, "n_simulations": 10}, "`n_simulations` must be at least 40"),
        ({"effect": 0.5, "reference": [1.0]}, "`reference` must be a law"),
        ({"effect": [[1.0, 2.0], [3.0, 4.0]]}, "`effect` must be a law"),
    ],
)
def test_what_does_not_fit_is_told(arguments, words):
    with pytest.raises(InvalidInputError, match=words):
        required_size(**arguments)


def test_a_callback_ends_the_search():
    with pytest.raises(ConvergenceError, match="callback"):
        required_size(0.5, rng=0, callback=lambda progress: True)
