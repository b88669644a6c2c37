"""Laws of entropic transport on random small problems."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from otdiv import Status, sinkhorn_divergence_result, solvers, transport, transport_matrix

epsilons = st.sampled_from([1e-2, 0.1, 1.0, 30.0])


@st.composite
def samples(draw, largest=12):
    """Two samples on a coarse lattice, so that ties and repeats are common."""
    d = draw(st.integers(1, 3))
    sizes = draw(st.tuples(st.integers(1, largest), st.integers(1, largest)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return [rng.integers(0, 6, size=(n, d)) / 4.0 for n in sizes]


@settings(max_examples=30)
@given(samples(), epsilons, st.sampled_from(["sqeuclidean", "euclidean", "cityblock"]))
def test_bounds_contain_the_exact_optimum(pair, epsilon, cost):
    x, y = pair
    exact = transport(x, y, cost=cost).bounds
    result = transport(x, y, cost=cost, solver=solvers.Sinkhorn(epsilon=epsilon), throw=False)
    assert result.bounds.lower <= exact.upper
    assert exact.lower <= result.bounds.upper
    assert np.isfinite(result.value)


@settings(max_examples=30)
@given(samples(), epsilons)
def test_marginals_are_met_or_the_status_says_otherwise(pair, epsilon):
    x, y = pair
    result = transport(
        x, y, cost="sqeuclidean", solver=solvers.Sinkhorn(epsilon=epsilon), throw=False
    )
    assert (result.entropic.marginal_error <= 1e-6) == (result.status is Status.OPTIMAL)


@settings(max_examples=30)
@given(samples(), epsilons, st.sampled_from(["sqeuclidean", "euclidean"]))
def test_divergence_is_non_negative_and_symmetric(pair, epsilon, cost):
    x, y = pair
    one = sinkhorn_divergence_result(x, y, epsilon=epsilon, cost=cost)
    other = sinkhorn_divergence_result(y, x, epsilon=epsilon, cost=cost)
    assert one.value >= 0.0
    assert one.value == other.value
    assert one.bounds.lower <= one.value <= one.bounds.upper


@settings(max_examples=30)
@given(st.integers(1, 8), st.integers(1, 8), st.integers(0, 2**32 - 1), epsilons)
def test_a_matrix_and_its_transpose_have_one_value(n, m, seed, epsilon):
    C = np.random.default_rng(seed).normal(size=(n, m))
    solver = solvers.Sinkhorn(epsilon=epsilon)
    one = transport_matrix(C, solver=solver, throw=False)
    other = transport_matrix(C.T, solver=solver, throw=False)
    assert one.entropic.value == other.entropic.value
