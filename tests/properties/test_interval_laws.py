"""Laws of intervals: what moves, exchanges and scales the samples does so to the interval."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otdiv import confidence_interval, equivalence_test, wasserstein, wasserstein1

# Whole numbers, so that moving them rounds nothing; repeated ones are ties.
VALUES = st.lists(st.integers(-50, 50).map(float), min_size=2, max_size=30)
ON_LINE = ["wasserstein1", "wasserstein2", "energy"]


def ends(x, y, distance, **options):
    options = {"n_replicates": 64, "rng": 0} | options
    found = confidence_interval(x, y, distance=distance, **options)
    return np.array([found.low, found.value, found.high])


@pytest.mark.parametrize("distance", ON_LINE)
@settings(max_examples=40, deadline=None)
@given(x=VALUES, y=VALUES, shift=st.integers(-1000, 1000))
def test_moving_both_samples_moves_no_interval(distance, x, y, shift):
    x, y = np.array(x), np.array(y)
    np.testing.assert_array_equal(ends(x + shift, y + shift, distance), ends(x, y, distance))


@pytest.mark.parametrize("distance", ON_LINE)
@settings(max_examples=40, deadline=None)
@given(x=VALUES, y=VALUES, power=st.integers(-20, 20))
def test_other_units_scale_the_interval(distance, x, y, power):
    x, y = np.array(x), np.array(y)
    factor = 4.0**power
    expected = ends(x, y, distance) * (2.0**power if distance == "energy" else factor)
    found = ends(factor * x, factor * y, distance)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12 * max(expected[2], 1e-30))


@settings(max_examples=40, deadline=None)
@given(x=VALUES, y=VALUES)
def test_rows_in_another_order_are_the_same_sample(x, y):
    for distance in ("wasserstein1", "energy"):
        np.testing.assert_allclose(
            ends(sorted(x), sorted(y), distance), ends(x, y, distance), rtol=1e-12, atol=1e-12
        )


@settings(max_examples=60, deadline=None)
@given(x=VALUES, y=VALUES, seed=st.integers(0, 2**32))
def test_the_interval_is_the_value_and_the_same_width_on_both_sides(x, y, seed):
    found = confidence_interval(x, y, rng=seed, n_replicates=32)
    assert found.low == max(0.0, 2.0 * found.value - found.high) or found.low == pytest.approx(
        2.0 * found.value - found.high, rel=1e-9, abs=1e-9
    )
    assert found.value == pytest.approx(wasserstein1(x, y), rel=1e-12, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(x=VALUES, y=VALUES)
def test_w1_between_central_quantiles_is_at_most_w1(x, y):
    found = confidence_interval(x, y, rng=0, n_replicates=32)
    assert 0.0 <= found.central_value <= found.value * (1.0 + 1e-12) + 1e-12
    assert 0.0 <= found.tail_share <= 1.0


@settings(max_examples=40, deadline=None)
@given(x=VALUES, y=VALUES, p=st.sampled_from([1.0, 1.5, 2.0, 4.0]))
def test_the_interval_of_any_order_holds_its_distance(x, y, p):
    found = confidence_interval(x, y, distance="wasserstein", p=p, rng=0, n_replicates=32)
    assert found.value == pytest.approx(wasserstein(x, y, p=p), rel=1e-12, abs=1e-12)
    assert found.low <= found.value <= found.high


@settings(max_examples=60, deadline=None)
@given(x=VALUES, y=VALUES, margin=st.floats(0.01, 200.0))
def test_equivalence_is_what_the_ruled_out_difference_says(x, y, margin):
    result = equivalence_test(x, y, margin=margin, rng=0, n_replicates=32)
    assert result.equivalent == (result.ruled_out <= margin)
    assert result.value <= result.ruled_out
    assert 0.0 < result.pvalue <= 1.0


LABELS = st.lists(st.integers(0, 6), min_size=2, max_size=60)


@settings(max_examples=60, deadline=None)
@given(x=LABELS, y=LABELS, method=st.sampled_from(["selective", "triangle", "concentration"]))
def test_total_variation_is_between_0_and_1_with_its_interval(x, y, method):
    if len(set(x) | set(y)) < 2 or len(x) + len(y) < 2 * len(set(x) | set(y)):
        return
    found = confidence_interval(x, y, distance="total_variation", method=method, rng=0)
    assert 0.0 <= found.low <= found.value <= found.high <= 1.0


@settings(max_examples=40, deadline=None)
@given(x=LABELS, y=LABELS)
def test_jensen_shannon_is_between_0_and_log_2_with_its_interval(x, y):
    if len(set(x) | set(y)) < 2 or len(x) + len(y) < 2 * len(set(x) | set(y)):
        return
    found = confidence_interval(x, y, distance="jensen_shannon", rng=0, n_replicates=100)
    assert 0.0 <= found.low <= found.high <= np.log(2.0)
