"""Laws of every public distance and divergence, drawn from the table in `tests.tables`.

Tolerances. Every value is a sum (or the root of one, `row.power`) of terms no larger than `size`,
rounded to a few hundred machine precisions at these sizes; where terms cancel, the sum itself errs
by that much and its root by the root of it.
"""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from otdiv import wasserstein1, wasserstein2
from tests.tables import ROWS, SUPPORT

EPS = np.finfo(float).eps
# Small numbers and few points collide often, which is where laws break; halves are exact.
COORDINATES = st.integers(-20, 20).map(lambda k: 0.5 * k) | st.floats(-20.0, 20.0, width=32)
FEW = settings(max_examples=25)


def points(columns):
    row = st.tuples(*[COORDINATES] * columns)
    return st.lists(row, min_size=1, max_size=5).map(lambda rows: np.array(rows, dtype=float))


VECTORS = (
    st.lists(st.integers(0, 9), min_size=SUPPORT.size, max_size=SUPPORT.size)
    .filter(any)
    .map(lambda counts: np.array(counts) / sum(counts))
)
DATA = {"points": points(2), "line": points(1).map(lambda x: x[:, 0]), "vectors": VECTORS}


def tolerance(row, size):
    """Rounding of one value of a row whose terms are at most `size`."""
    return (500.0 * EPS) ** (1.0 / row.power) * max(size, 1.0)


def size_of(*arrays):
    return max(float(np.abs(array).max()) for array in arrays) + 1.0


def draw(data, row, count):
    return [data.draw(DATA[row.data]) for _ in range(count)]


def laws(holds):
    return pytest.mark.parametrize("row", [row for row in ROWS if holds(row)], ids=str)


@laws(lambda row: True)
@FEW
@given(data=st.data())
def test_value_is_in_its_range(row, data):
    x, y = draw(data, row, 2)
    value = row.call(x, y)
    assert not math.isnan(value)
    assert 0.0 <= value <= row.upper * (1.0 + 4.0 * EPS)


@laws(lambda row: True)
@FEW
@given(data=st.data())
def test_distance_of_a_law_to_itself_is_exactly_zero(row, data):
    (x,) = draw(data, row, 1)
    assert row.call(x, x) == 0.0


@laws(lambda row: row.data != "vectors")
@FEW
@given(data=st.data())
def test_order_of_the_sample_does_not_matter(row, data):
    (x,) = draw(data, row, 1)
    assert row.call(x, x[::-1].copy()) == 0.0


@laws(lambda row: True)
@FEW
@given(data=st.data())
def test_different_laws_have_a_positive_distance(row, data):
    x, y = draw(data, row, 2)
    if row.data == "vectors":
        # A difference of one part in ten; smaller ones are those of rounding.
        assume(np.abs(x - y).max() > 0.01)
    else:
        assume(abs(x.mean() - y.mean()) > 0.01)
    assert row.call(x, y) > 0.0


@laws(lambda row: row.symmetric)
@FEW
@given(data=st.data())
def test_distance_is_symmetric(row, data):
    x, y = draw(data, row, 2)
    forth, back = row.call(x, y), row.call(y, x)
    if math.isinf(forth):
        assert forth == back
    else:
        assert abs(forth**row.power - back**row.power) <= 500.0 * EPS * size_of(x, y) ** row.power


@laws(lambda row: row.triangle)
@FEW
@given(data=st.data())
def test_triangle_inequality_holds(row, data):
    x, y, z = draw(data, row, 3)
    detour = row.call(x, y) + row.call(y, z)
    assert row.call(x, z) <= detour * (1.0 + 1e-12) + tolerance(row, size_of(x, y, z))


@laws(lambda row: row.translation)
@FEW
@given(data=st.data(), shift=st.integers(-8, 8))
def test_a_common_shift_changes_nothing(row, data, shift):
    x, y = draw(data, row, 2)
    # Thirty-second fractions: the shift itself is exact.
    x, y = np.round(x * 32.0) / 32.0, np.round(y * 32.0) / 32.0
    moved = row.call(x + shift, y + shift)
    assert abs(moved - row.call(x, y)) <= tolerance(row, size_of(x, y) + 8.0)


@laws(lambda row: row.scaling is not None)
@FEW
@given(data=st.data(), factor=st.sampled_from([-3.0, -0.5, 0.1, 4.0, 1e6]))
def test_distance_scales_with_its_unit(row, data, factor):
    x, y = draw(data, row, 2)
    expected = abs(factor) ** row.scaling * row.call(x, y)
    scaled = row.call(factor * x, factor * y)
    allowed = tolerance(row, size_of(x, y)) * abs(factor) ** row.scaling
    if row.function.startswith("sliced") and factor < 0.0:
        # Directions and their opposites give the same distances.
        allowed *= 2.0
    assert abs(scaled - expected) <= allowed


@laws(lambda row: row.scaling is not None)
@pytest.mark.parametrize("unit", [1e-290, 1e-150, 1e150, 1e290])
def test_distance_survives_extreme_units(row, unit):
    x, y = np.array([0.0, 1.0, 5.0]), np.array([0.5, 2.0, 4.0])
    if row.data == "points":
        x, y = np.stack([x, 2.0 - x], axis=1), np.stack([y, y], axis=1)
    expected = row.call(x, y)
    value = row.call(unit * x, unit * y) / unit**row.scaling
    assert value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("scale", [1e-200, 1e-160, 1e140, 1e160, 1e307])
def test_distances_scale_with_the_points_up_to_the_largest_floats(scale):
    x = np.array([[0.0, 0.1], [0.3, 1.0]])
    y = np.array([[0.5, 0.5], [0.2, -0.9]])
    for distance in (wasserstein1, wasserstein2):
        assert distance(scale * x, scale * y) / scale == pytest.approx(distance(x, y), rel=1e-14)
