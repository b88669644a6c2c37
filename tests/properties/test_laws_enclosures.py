"""Distances between random laws: metric axioms, scaling, and bounds that hold."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from otdiv import DiscreteMeasure, Gaussian, energy_distance, wasserstein, wasserstein1
from otdiv.distances.laws.distance import law_distance
from otdiv.distances.laws.gaussians import bures_distance

FEW = settings(max_examples=30)
LOCATIONS = st.floats(-5.0, 5.0)
SCALES = st.floats(0.1, 5.0)
LAWS = st.one_of(
    st.builds(lambda m, s: stats.norm(m, s), LOCATIONS, SCALES),
    st.builds(lambda m, s: stats.uniform(m, s), LOCATIONS, SCALES),
    st.builds(lambda m, s: stats.expon(m, s), LOCATIONS, SCALES),
    st.builds(lambda m, s: stats.logistic(m, s), LOCATIONS, SCALES),
    st.builds(lambda k, s: stats.gamma(k, scale=s), st.floats(0.3, 9.0), SCALES),
    st.builds(lambda k, m: stats.t(k, loc=m), st.floats(3.0, 30.0), LOCATIONS),
    st.builds(lambda rate: stats.poisson(rate), st.floats(0.1, 9.0)),
    st.builds(
        lambda x: DiscreteMeasure(points=x), st.lists(st.floats(-9.0, 9.0), min_size=1, max_size=6)
    ),
)


def mean_of(law):
    return float(law.points.mean()) if isinstance(law, DiscreteMeasure) else float(law.mean())


@FEW
@given(p=LAWS, q=LAWS)
def test_value_lies_in_its_bounds_above_the_difference_of_the_means(p, q):
    value, lower, upper, _ = law_distance(p, q, 1.0)
    assert lower <= value <= upper
    assert upper - lower <= 1e-9 * upper + 1e-12
    assert value >= abs(mean_of(p) - mean_of(q)) - 1e-9


@FEW
@given(p=LAWS, q=LAWS)
def test_proven_bounds_contain_the_sharp_value(p, q):
    sharp = law_distance(p, q, 1.0).value
    value, lower, upper, kind = law_distance(p, q, 1.0, 1e-2, 1e-4)
    if kind == "certified":
        assert lower <= sharp * (1 + 1e-9) + 1e-12
        assert sharp <= upper * (1 + 1e-9) + 1e-12
    assert value == pytest.approx(sharp, rel=1e-2, abs=1e-4)


@FEW
@given(p=LAWS, q=LAWS)
def test_distances_grow_with_the_order_and_are_symmetric(p, q):
    first, second = (wasserstein(p, q, p=order) for order in (1, 2))
    assert first <= second * (1 + 1e-9) + 1e-12
    assert wasserstein(q, p, p=2) == pytest.approx(second, rel=1e-9, abs=1e-12)


@FEW
@given(p=LAWS, q=LAWS, r=LAWS)
def test_triangle_inequality_holds_between_laws(p, q, r):
    assert wasserstein1(p, r) <= (wasserstein1(p, q) + wasserstein1(q, r)) * (1 + 1e-9) + 1e-12


@FEW
@given(p=LAWS, q=LAWS)
def test_energy_distance_is_below_the_root_of_twice_w1(p, q):
    """2 ∫ (F - G)² <= 2 ∫ |F - G|."""
    assert energy_distance(p, q) <= math.sqrt(2.0 * wasserstein1(p, q)) * (1 + 1e-9) + 1e-12


@FEW
@given(p=LAWS)
def test_distance_of_a_law_to_itself_is_zero(p):
    assert wasserstein1(p, p) == 0.0
    assert wasserstein(p, p, p=2) == 0.0
    assert energy_distance(p, p) == 0.0


@FEW
@given(mean=LOCATIONS, variance=SCALES, factor=st.sampled_from([1e-200, 1e-9, 1e9, 1e150]))
def test_distance_to_a_sample_scales_with_the_unit(mean, variance, factor):
    x = np.array([-1.0, 0.5, 4.0])
    p = Gaussian(mean=mean, covariance=variance)
    q = stats.norm(factor * mean, factor * math.sqrt(variance))
    for order in (1, 2, 3):
        expected = factor * wasserstein(p, x, p=order)
        assert wasserstein(q, factor * x, p=order) == pytest.approx(expected, rel=1e-8)


@settings(max_examples=60)
@given(
    d=st.integers(1, 4),
    rank=st.integers(1, 4),
    seed=st.integers(0, 10**6),
    close=st.sampled_from([1.0, 1e-4, 1e-9]),
)
def test_bures_bounds_contain_the_distance_of_commuting_matrices(d, rank, seed, close):
    """In one eigenbasis the distance is that of the roots of the eigenvalues."""
    rng = np.random.default_rng(seed)
    basis, _ = np.linalg.qr(rng.normal(size=(d, d)))
    a = rng.random(d) * (np.arange(d) < rank)
    b = a * (1.0 + close * rng.random(d))
    A, B = (basis * values @ basis.T for values in (a, b))
    value, lower, upper = bures_distance(0.5 * (A + A.T), 0.5 * (B + B.T))
    expected = float(np.linalg.norm(np.sqrt(a) - np.sqrt(b)))
    # Forming A and B rounds them by d machine precisions, which moves the roots of a singular
    # matrix by the root of that, and the others by no more.
    moved = 2.0 * math.sqrt(d * d * np.finfo(float).eps)
    assert lower - moved <= expected <= upper + moved
    assert lower <= value <= upper
