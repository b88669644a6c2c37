"""Intervals and tests of states say what those of the rows say."""

import numpy as np
import pytest

from otdiv import (
    InvalidInputError,
    UnsupportedProblemError,
    confidence_interval,
    two_sample_test,
    wasserstein1,
)
from otdiv.streaming import CategoryState, SampleState

RNG = np.random.default_rng(3)
X, Y = RNG.standard_normal(4000), RNG.standard_normal(3000) + 0.3
STATES = SampleState().update(X), SampleState().update(Y)


@pytest.mark.parametrize("method", ["selective", "triangle"])
def test_the_interval_of_states_is_that_of_the_rows(method):
    rows = confidence_interval(X, Y, method=method, n_replicates=4000, rng=0)
    states = confidence_interval(*STATES, method=method, n_replicates=4000, rng=0)
    assert states.value == pytest.approx(wasserstein1(X, Y), rel=1e-5)
    assert (states.method, states.kind) == (rows.method, rows.kind)
    # Two quantiles of 4000 draws each, which err by some 2 %.
    assert states.length == pytest.approx(rows.length, rel=0.08)


@pytest.mark.slow
def test_intervals_of_states_cover_the_distance_of_the_laws():
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(300):
        states = [SampleState(bits=8).update(rng.standard_normal(200) + m) for m in (0.0, 0.5)]
        covered.append(0.5 in confidence_interval(*states, n_replicates=200, rng=rng))
    assert np.mean(covered) > 0.915


@pytest.mark.parametrize(
    "name", ["wasserstein1", "energy", "kolmogorov_smirnov", "cramer_von_mises"]
)
def test_the_test_of_states_is_that_of_the_rows(name):
    y = Y[:300] - 0.2
    rows = two_sample_test(X, y, statistic=name, n_permutations=2000, rng=0)
    state = SampleState().update(y)
    states = two_sample_test(STATES[0], state, statistic=name, n_permutations=2000, rng=0)
    assert states.value == pytest.approx(rows.value, rel=0.02, abs=1e-3)
    assert states.null_mean == pytest.approx(rows.null_mean, rel=0.08)
    assert abs(states.pvalue - rows.pvalue) < 4.0 * (states.monte_carlo_error + 0.01)
    assert states.sizes == (4000, 300)


@pytest.mark.slow
def test_equal_laws_are_rejected_no_more_often_than_asked():
    rng = np.random.default_rng(1)
    p = []
    for _ in range(300):
        states = [SampleState().update(rng.exponential(size=60)) for _ in range(2)]
        p.append(two_sample_test(*states, n_permutations=99, rng=rng).pvalue)
    # Three standard errors of a share of 300 cases.
    assert np.mean(np.array(p) <= 0.1) < 0.1 + 3.0 * np.sqrt(0.09 / 300)


def test_several_statistics_of_states_share_their_relabellings():
    found = two_sample_test(*STATES, statistic=["wasserstein1", "energy"], n_permutations=19, rng=0)
    assert [result.pvalue for result in found.values()] == [0.05, 0.05]


def test_states_of_categories_have_the_interval_of_their_counts():
    states = [CategoryState().update(["a"] * n + ["b"] * 50) for n in (50, 100)]
    options = {"distance": "total_variation", "rng": 0}
    counts = [{"a": 50, "b": 50}, {"a": 100, "b": 50}]
    expected = confidence_interval(*counts, **options)
    found = confidence_interval(*states, **options)
    assert (found.low, found.high) == (expected.low, expected.high)


def test_what_states_do_not_keep_is_told():
    with pytest.raises(InvalidInputError, match="`y` must be a SampleState"):
        two_sample_test(STATES[0], Y)
    with pytest.raises(InvalidInputError, match="`blocks` must be left out for states"):
        two_sample_test(*STATES, blocks=(X, Y))
    with pytest.raises(InvalidInputError, match="`x_weights` must be None for states"):
        confidence_interval(*STATES, x_weights=X)
    with pytest.raises(UnsupportedProblemError, match="interval of distance='wasserstein1'"):
        confidence_interval(*STATES, distance="energy")
    with pytest.raises(UnsupportedProblemError, match="no test by 'wasserstein2'"):
        two_sample_test(*STATES, statistic="wasserstein2")
    weighted = SampleState().update(Y, np.ones(Y.size))
    with pytest.raises(UnsupportedProblemError, match="weighted rows"):
        confidence_interval(STATES[0], weighted)
