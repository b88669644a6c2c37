"""Laws of a table report that hold for any data."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from otdiv.tables import compare_tables

NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30)
LABELS = st.lists(st.sampled_from(["u", "v", "w", ""]), min_size=1, max_size=30)


def row(a, b, **options):
    return compare_tables({"x": a}, {"x": b}, n_permutations=0, **options)["x"]


@given(NUMBERS, NUMBERS)
def test_the_effect_does_not_know_which_table_comes_first(x, y):
    there, back = row(x, y), row(y, x)
    assert there.effect == pytest.approx(back.effect, rel=1e-12, abs=1e-9)
    # Rounding of means of values up to 1e6.
    assert there.mean_difference == pytest.approx(-back.mean_difference, rel=1e-9, abs=1e-9)


@given(LABELS, LABELS)
def test_categories_do_not_know_which_table_comes_first(x, y):
    there, back = row(x, y), row(y, x)
    # Sums of at most four terms of at most 1, in another order.
    assert there.effect == pytest.approx(back.effect, rel=1e-14, abs=1e-15)
    assert there.js_divergence == pytest.approx(back.js_divergence, rel=1e-12, abs=1e-15)


@given(NUMBERS, NUMBERS)
def test_a_mean_never_moves_more_than_the_distance(x, y):
    found = row(x, y)
    # Means of values up to 1e6 carry a rounding of about 1e6 * 30 * eps.
    assert abs(found.mean_difference) <= found.effect + 1e-8
    assert found.shift_share is None or 0.0 <= found.shift_share <= 1.0


@given(NUMBERS, NUMBERS, st.sampled_from([2.0**-20, 0.5, 4.0, 2.0**20]))
def test_a_change_of_unit_scales_the_effect_and_keeps_the_standardised_one(x, y, scale):
    # Powers of two: the scaling itself rounds nothing, but for what underflows.
    assume(all(scale * value / scale == value for value in (*x, *y)))
    first = row(x, y)
    second = row(scale * np.array(x), scale * np.array(y))
    assert second.effect == pytest.approx(scale * first.effect, rel=1e-12, abs=1e-300)
    assert second.standardized == pytest.approx(first.standardized, rel=1e-9, abs=1e-300)


@given(LABELS, LABELS)
def test_jensen_shannon_and_total_variation_agree_on_zero_and_bound_each_other(x, y):
    found = row(x, y)
    assert 0.0 <= found.effect <= 1.0
    assert (found.effect == 0.0) == (found.js_divergence == 0.0)
    assert found.js_divergence <= math.log(2.0) * found.effect * (1.0 + 1e-12)


@given(NUMBERS, NUMBERS, st.randoms(use_true_random=False))
def test_the_order_of_rows_and_missing_rows_change_nothing(x, y, random):
    shuffled = [*x, math.nan, math.nan]
    random.shuffle(shuffled)
    first, second = row(x, y), row(shuffled, y)
    assert second.missing_a == 2
    assert second.effect == pytest.approx(first.effect, rel=1e-12, abs=1e-9)


@given(st.lists(st.floats(-1e3, 1e3), min_size=4, max_size=40))
def test_noise_of_a_constant_is_zero_and_of_anything_else_finite(x):
    noise = compare_tables({"x": x}, {"x": x}, n_permutations=5)["x"].noise
    assert 0.0 <= noise.median <= noise.percentile_95 < math.inf
    if len(set(x)) == 1:
        assert noise.percentile_95 == 0.0
