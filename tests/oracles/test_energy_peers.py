"""The energy distance against SciPy on the line and direct double sums in the plane."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import cdist

from otdiv import DiscreteMeasure, PNormCost, energy_distance

RNG = np.random.default_rng(7)
X, Y = RNG.normal(size=(70, 3)), RNG.normal(0.3, 1.2, size=(50, 3))
A, B = RNG.random(70), RNG.random(50)


def double_sum(x, y, a, b, **metric):
    a, b = a / a.sum(), b / b.sum()
    squared = (
        2 * a @ cdist(x, y, **metric) @ b
        - a @ cdist(x, x, **metric) @ a
        - b @ cdist(y, y, **metric) @ b
    )
    return math.sqrt(squared)


@settings(max_examples=40)
@given(
    x=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30),
    y=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30),
    seed=st.integers(0, 99),
)
def test_energy_on_the_line_is_scipys(x, y, seed):
    rng = np.random.default_rng(seed)
    a, b = 0.1 + rng.random(len(x)), 0.1 + rng.random(len(y))
    # SciPy's levels err by a few machine precisions a point, and the square root amplifies that.
    allowed = {"rel": 1e-12, "abs": 1e-13 * math.sqrt(1e3)}
    assert energy_distance(x, y) == pytest.approx(stats.energy_distance(x, y), **allowed)
    weighted = stats.energy_distance(x, y, a, b)
    assert energy_distance(x, y, x_weights=a, y_weights=b) == pytest.approx(weighted, **allowed)


@pytest.mark.parametrize("metric", ["euclidean", "cityblock", "chebyshev"])
def test_energy_in_space_is_the_double_sum(metric):
    value = energy_distance(X, Y, x_weights=A, y_weights=B, metric=metric)
    assert value == pytest.approx(double_sum(X, Y, A, B, metric=metric), rel=1e-12)


def test_energy_of_another_norm_is_the_double_sum():
    value = energy_distance(X, Y, metric=PNormCost(norm=3.5))
    ones = np.ones(70), np.ones(50)
    assert value == pytest.approx(double_sum(X, Y, *ones, metric="minkowski", p=3.5), rel=1e-12)


def test_energy_of_a_line_in_space_is_that_of_the_line():
    x, y = X[:, 0], Y[:, 0]
    flat = [np.stack([side, np.zeros_like(side)], axis=1) for side in (x, y)]
    assert energy_distance(*flat) == pytest.approx(energy_distance(x, y), rel=1e-12)


def test_more_points_than_a_slice_give_the_sum_of_the_slices(monkeypatch):
    expected = energy_distance(X, Y)
    monkeypatch.setattr("otdiv.distances.samples._SLICE", 300.0)
    assert energy_distance(X, Y) == pytest.approx(expected, rel=1e-14)


def test_tiles_of_many_columns_are_summed_whole():
    x, y = RNG.normal(size=(700, 2)), RNG.normal(size=(600, 2))
    ones = np.ones(700), np.ones(600)
    assert energy_distance(x, y) == pytest.approx(double_sum(x, y, *ones), rel=1e-10)


def test_energy_is_symmetric_bit_for_bit():
    assert energy_distance(X, Y) == energy_distance(Y, X)


@pytest.mark.parametrize("copies", [1, 2, 3, 7])
def test_repeating_a_sample_does_not_move_its_law(copies):
    repeated = np.concatenate([X[::-1]] * copies)
    assert energy_distance(X, repeated) == 0.0


def test_a_measure_and_its_sample_have_distance_zero():
    assert energy_distance(X, DiscreteMeasure(points=X, weights=np.full(70, 3.0))) == 0.0


def test_atoms_without_mass_do_not_count():
    x = np.vstack([X, [[100.0, 0.0, 0.0]]])
    weights = np.append(np.ones(70), 0.0)
    value = energy_distance(x, Y, x_weights=weights)
    assert value == pytest.approx(energy_distance(X, Y), rel=1e-12)
