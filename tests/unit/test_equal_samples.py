"""Samples that are the same but for the rounding of their weights: a number, never an error."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otdiv import (
    certificates,
    transport,
    transport_matrix,
    wasserstein,
    wasserstein1,
    wasserstein2,
)

U = 2.0**-53


def split(seed, n, d, parts, layout):
    """Points (n, d) with weights, and the same ones with each weight in some parts."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    if layout == "clusters":
        x += 1e4 * rng.integers(0, 3, size=(n, 1))
    elif layout == "grid":  # several atoms at one place
        x = rng.integers(0, 3, size=(n, d)).astype(float)
    elif layout == "far":
        x[0] += 1e9
    elif layout == "scales":
        x *= 10.0 ** rng.integers(-8, 9, size=(n, 1))
    counts = rng.integers(1, parts + 1, size=n)
    b = rng.random(counts.sum()) ** rng.choice([1, 6])
    a = np.bincount(np.repeat(np.arange(n), counts), weights=b)
    order = rng.permutation(b.size)
    return x, np.repeat(x, counts, axis=0)[order], a, b[order]


LAYOUTS = ["plain", "clusters", "grid", "far", "scales"]
problems = st.builds(
    split,
    st.integers(0, 2**32),
    st.integers(1, 20),
    st.integers(1, 5),
    st.integers(1, 3),
    st.sampled_from(LAYOUTS),
)


def test_a_weight_in_two_parts_is_no_distance():
    x, y = [[0.0, 0.0], [1.0, 0.0]], [[0.0, 0.0], [0.0, 0.0], [1.0, 0.0]]
    # 0.1 + 0.2 is 0.30000000000000004.
    assert wasserstein1(x, y, x_weights=[0.1 + 0.2, 0.4], y_weights=[0.1, 0.2, 0.4]) == 0.0


@given(problem=problems, p=st.sampled_from([1.0, 2.0, 3.0]))
@settings(max_examples=60, deadline=None)
def test_weights_in_up_to_three_parts_are_no_distance(problem, p):
    x, y, a, b = problem
    # Three parts are added with an error of 2 u, and each side is divided by its sum: what is left
    # to move is this share of the mass at most, over the diameter.
    diameter = float(np.linalg.norm(np.ptp(x, axis=0)))
    value = wasserstein(x, y, x_weights=a, y_weights=b, p=p)
    assert 0.0 <= value <= diameter * (8.0 * U) ** (1.0 / p)


@given(problem=problems, squared=st.booleans(), as_matrix=st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_proof_for_equal_samples_stands_an_audit(problem, squared, as_matrix):
    x, y, a, b = problem
    if as_matrix:
        C = np.linalg.norm(x[:, None] - y, axis=2)
        C = C**2 if squared else C
        result = transport_matrix(C, x_weights=a, y_weights=b)
    else:
        cost = "sqeuclidean" if squared else "euclidean"
        result = transport(x, y, x_weights=a, y_weights=b, cost=cost)
    assert certificates.audit(result).verdict.name == "CONFIRMED"


@pytest.mark.parametrize("distance", [wasserstein1, wasserstein2])
def test_equal_samples_of_many_atoms_are_no_distance(distance):
    x, y, a, b = split(0, 1000, 2, 3, "plain")
    assert distance(x, y, x_weights=a, y_weights=b) == 0.0


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("layout", ["plain", "clusters", "grid"])
def test_sums_of_many_parts_have_a_proven_distance(seed, layout):
    x, y, a, b = split(seed, 6, 3, 50, layout)
    result = transport(x, y, x_weights=a, y_weights=b)
    assert result.bounds.meets(1e-9, 0.0)
    diameter = float(np.linalg.norm(np.ptp(x, axis=0)))
    # The sum of 50 parts errs by 49 u at most, and so does that of all weights.
    assert 0.0 <= result.value <= 100.0 * U * diameter


def test_a_true_difference_far_above_rounding_is_not_swept_away():
    x = [[0.0, 0.0], [1.0, 0.0]]
    share = 2.0**-46
    value = wasserstein1(x, x, x_weights=[0.5 + share, 0.5 - share], y_weights=[0.5, 0.5])
    assert value == pytest.approx(share, rel=1e-9)


def test_a_true_difference_of_a_light_atom_is_not_swept_away():
    # Far below the rounding of the mass, but half of the light atom.
    x = [[0.0, 0.0], [1.0, 0.0]]
    value = wasserstein1(x, x, x_weights=[1.0, 1e-20], y_weights=[1.0, 2e-20])
    assert value == pytest.approx(1e-20, rel=1e-9)
