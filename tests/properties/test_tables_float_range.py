"""Columns anywhere in the range of floats: exact arithmetic is inside the bounds, and all is drawn.

No warning escapes (pytest turns them into errors), and nothing that has a number is NaN.
"""

import math
import sys
from fractions import Fraction

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf

from otdiv.tables import compare_tables

matplotlib.use("Agg")
from matplotlib import pyplot

LARGEST, LEAST = sys.float_info.max, 5e-324
PLACES = st.sampled_from(
    [
        *(0.0, LEAST, 3 * LEAST, 2.3e-308, 1e-300, 1e-200, 1e-101, 1e-99, 1e-16),
        *(1.0, 1.0 + 2.0**-52, 1e9, 1e9 + 1.0, 1e16, 1e20, 1e20 + 2.0**14),
        *(1e99, 1e101, 1e155, 1e300, 8.9e307, LARGEST / 4.0, LARGEST / 2.0, LARGEST),
    ]
).flatmap(lambda value: st.sampled_from([value, -value]))
SAMPLES = st.lists(PLACES, min_size=1, max_size=6)


def exact_w1(x, y):
    left = sorted(x * len(y))
    right = sorted(y * len(x))
    moved = (abs(Fraction(a) - Fraction(b)) for a, b in zip(left, right, strict=True))
    return sum(moved) / len(left)


def variance(x):
    values = [Fraction(value) for value in x]
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / len(values)


@given(SAMPLES, SAMPLES)
def test_exact_arithmetic_agrees_with_every_number_of_a_row(x, y):
    row = compare_tables({"x": x}, {"x": y}, n_permutations=2)["x"]
    w1 = exact_w1(x, y)
    if row.error is not None:
        assert "exceeds the largest float64" in row.error
        assert w1 >= LARGEST * (1.0 - 1e-12)  # up to the rounding of the distance itself
        return
    assert Fraction(row.bounds.lower) <= w1
    assert row.bounds.upper == math.inf or w1 <= Fraction(row.bounds.upper)
    assert row.effect in row.bounds
    assert abs(Fraction(row.mean_difference)) <= LARGEST
    assert row.shift_share is None or 0.0 <= row.shift_share <= 1.0
    mp.prec = 3000  # the squares of the least float beside those of the largest
    mean = (variance(x) + variance(y)) / 2
    sd = mp.sqrt(mpf(mean.numerator) / mpf(mean.denominator))
    # Rounding of a mean is relative to the column's extent, which is some sd.
    # The common unit and the way back from it may each take a small deviation to the next float.
    assert abs(mpf(row.pooled_sd) - sd) <= 2 * mpf(LEAST) + mpf(1e-12) * sd
    assert row.noise is None or 0.0 <= row.noise.median <= row.noise.percentile_95


@pytest.mark.parametrize("scale", [LEAST, 1e-310, 1e-300, 1e-160, 1.0, 1e160, 1e300, LARGEST / 4.0])
def test_ratios_do_not_know_the_scale(scale):
    a, b = np.array([0.0, 1.0, 2.0, 4.0]), np.array([1.0, 2.0, 4.0, 4.0])
    for weights in (None, ([1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0])):
        plain, scaled = (
            compare_tables(
                {"x": unit * a, "y": unit * a[::-1]},
                {"x": unit * b, "y": unit * b},
                weights=weights,
            )
            for unit in (1.0, scale)
        )
        for field in ("standardized", "shift_share"):
            # Powers of two but for the factors 1e±n, of which each number keeps its own rounding.
            expected = pytest.approx(getattr(plain["x"], field), rel=1e-12)
            if scale >= 1e-300 or scale == LEAST:
                assert getattr(scaled["x"], field) == expected
        if scale >= 1e-300 or scale == LEAST:
            assert scaled.joint.effect == pytest.approx(plain.joint.effect, rel=1e-12)


def test_columns_that_differ_below_the_least_float_are_not_called_the_same():
    report = compare_tables({"x": [0.0, LEAST, 2 * LEAST]}, {"x": [0.0, LEAST, LEAST]})
    assert report["x"].effect == LEAST
    assert "The same" not in str(report)


def test_a_joint_comparison_leaves_out_columns_that_it_cannot_hold():
    a = {"x": [0.0, 1e-300], "y": [1.0, 2.0], "z": [1.0, 3.0]}
    b = {"x": [1e300, 1e300], "y": [1.0, 3.0], "z": [1.0, 2.0]}
    report = compare_tables(a, b, n_permutations=2)
    assert report["x"].standardized == math.inf
    assert report.joint.columns == ("y", "z")


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([LARGEST, -LARGEST, 0.0], [LARGEST, LARGEST, -LARGEST]),
        ([LARGEST, LARGEST], [LARGEST]),
        ([1e308, -1e308], [1e308, 1.0]),
        ([LARGEST, LEAST], [1.0, 2.0]),
        ([LEAST, 3 * LEAST], [2 * LEAST, 9 * LEAST]),
        ([LEAST], [LEAST]),
        ([0.0, 1e-300], [1e300, 1e300]),
        ([1e20, 1e20], [1e20]),
        ([1e20, 1e20 + 2.0**14], [1e20]),
        ([1.0, 1.0 + 2.0**-52], [1.0]),
        ([0.0], [0.0, -0.0]),
        (list(np.linspace(-1.0, 1.0, 2000) * LARGEST), list(np.linspace(-1.0, 0.5, 900) * LARGEST)),
    ],
    ids=lambda values: f"{values[0]:.3g}…{values[-1]:.3g}",
)
def test_every_column_that_has_a_number_has_a_picture(x, y):
    report = compare_tables({"x": x, "plain": range(len(x))}, {"x": y, "plain": range(len(y))})
    try:
        for column in (None, "x"):
            ax = report.plot(column)
            ax.figure.canvas.draw()
            assert np.isfinite(ax.get_xlim()).all()
    finally:
        pyplot.close("all")


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        ([LARGEST], [-LARGEST], "W1 exceeds the largest float64"),
        ([math.inf, 1.0], [1.0, 2.0], "1 infinite value in A"),
        ([1.0, 2.0], [-math.inf, math.inf], "2 infinite values in B"),
        ([math.nan, None], [1.0, 2.0], "all values are missing in A"),
        ([-(2**63), 2**63 - 1], [1, 2], "integers so far apart"),
    ],
)
def test_a_column_without_a_number_says_why(x, y, reason):
    report = compare_tables({"x": x}, {"x": y})
    assert reason in report["x"].error
    assert "nan" not in str(report).lower()


@pytest.mark.parametrize(
    ("x", "y", "effect"),
    [
        ([2**63, 2**63 + 1], [2**63, 2**63], 0.5),
        ([2**64, 2**64 + 4], [2**64], 2.0),
        ([-(2**63), 1 - 2**63], [-(2**63)], 0.5),
        ([True, False], [True, True], 0.5),
        ([7], [9], 2.0),
        ([4.0, 4.0], [4.0], 0.0),
    ],
)
def test_integers_booleans_constants_and_single_rows_have_their_number(x, y, effect):
    row = compare_tables({"x": x}, {"x": y})["x"]
    assert (row.error, row.effect) == (None, effect)


@given(
    st.lists(st.integers(0, 2**62), min_size=1, max_size=5),
    st.lists(st.integers(0, 2**62), min_size=1, max_size=5),
    st.sampled_from(["s", "min", "h", "d"]),
)
def test_bounds_of_times_hold_to_the_last_nanosecond(x, y, unit):
    a, b = (np.array(side, dtype="datetime64[ns]") for side in (x, y))
    row = compare_tables({"t": a}, {"t": b}, units={"t": unit}, n_permutations=0)["t"]
    seconds = {"s": 1, "min": 60, "h": 3600, "d": 86400}[unit]
    w1 = exact_w1(x, y) / (seconds * 10**9)
    assert Fraction(row.bounds.lower) <= w1 <= Fraction(row.bounds.upper)
