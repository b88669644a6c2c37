"""Laws of entropic transport on random small problems."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from otdiv import (
    DiscreteMeasure,
    Status,
    TransportProblem,
    UnbalancedProblem,
    sinkhorn_divergence_result,
    solve,
    solvers,
    transport,
    transport_matrix,
    unbalanced_transport,
)
from otdiv.entropic.solve import solve_entropic

epsilons = st.sampled_from([1e-2, 0.1, 1.0, 30.0])


@st.composite
def samples(draw, largest=12):
    """Two samples on a coarse lattice, so that ties and repeats are common."""
    d = draw(st.integers(1, 3))
    sizes = draw(st.tuples(st.integers(1, largest), st.integers(1, largest)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return [rng.integers(0, 6, size=(n, d)) / 4.0 for n in sizes]


@st.composite
def measures(draw):
    """Two clouds, or twice the same one, of which some atoms may weigh next to nothing."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    d = draw(st.integers(1, 4))
    sizes = draw(st.tuples(st.integers(1, 300), st.integers(1, 300)))
    spread = draw(st.sampled_from([0.05, 1.0, 10.0]))
    shapes = [
        lambda n: rng.random((n, d)),
        lambda n: rng.normal(1.0, 0.5, (n, d)),
        lambda n: rng.standard_t(2, (n, d)),
    ]
    first, second = (
        DiscreteMeasure(
            points=draw(st.sampled_from(shapes))(n), weights=rng.dirichlet(np.full(n, spread))
        )
        for n in sizes
    )
    return first, (first if draw(st.booleans()) and draw(st.booleans()) else second)


costs = st.sampled_from(["sqeuclidean", "euclidean", "cityblock"])
shares = st.sampled_from([1.0, 0.1, 0.01, 0.003])
tolerances = st.sampled_from([0.3, 0.1, 1e-2, 1e-4, 1e-6, 1e-8])


def entropic_solve(problem, epsilon, tolerance, **options):
    solver = solvers.Sinkhorn(epsilon=epsilon, marginal_tolerance=tolerance, **options)
    return solve(problem, solver=solver, throw=False)


@settings(max_examples=150, deadline=None)
@given(measures(), costs, shares, tolerances, st.sampled_from([1, 2, 1000]))
def test_loose_solves_enclose_the_regularised_optimum(pair, cost, share, tolerance, limit):
    problem = TransportProblem(source=pair[0], target=pair[1], cost=cost)
    epsilon = share * float(problem.matrix().mean()) or share
    loose = entropic_solve(problem, epsilon, tolerance, max_iterations=limit).entropic
    tight = entropic_solve(problem, epsilon, 1e-11)
    # The smaller the tolerance the larger the least epsilon that float64 resolves.
    assume(loose.epsilon == tight.entropic.epsilon)
    assert loose.bounds.lower <= tight.entropic.bounds.upper
    assert tight.entropic.bounds.lower <= loose.bounds.upper
    assert loose.value in loose.bounds


@settings(max_examples=100, deadline=None)
@given(measures(), costs, shares, tolerances)
def test_marginal_errors_are_those_of_the_potentials(pair, cost, share, tolerance):
    """The error that is reported is one of the plan that the potentials stand for."""
    problem = TransportProblem(source=pair[0], target=pair[1], cost=cost)
    epsilon = share * float(problem.matrix().mean()) or share
    found = solve_entropic(problem, epsilon, tolerance=tolerance, max_iterations=1000)
    assume(found.summary.epsilon == pytest.approx(epsilon, rel=1e-12))
    with np.errstate(divide="ignore"):
        logs = np.log(problem.a)[:, None] + np.log(problem.b)
    plan = np.exp(logs + (found.f[:, None] + found.g - problem.matrix()) / epsilon)
    errors = [np.abs(plan.sum(axis=k) - w).sum() for k, w in ((1, problem.a), (0, problem.b))]
    # Sums may miss a sixty-fourth of the tolerance, and a tenth where a stored plan has moved.
    assert max(errors) <= 1.01 * found.summary.marginal_error + 0.12 * tolerance + 1e-9


@settings(max_examples=100, deadline=None)
@given(measures(), costs, shares, tolerances, st.sampled_from([0.03, 0.3, 3.0]))
def test_loose_unbalanced_solves_enclose_the_optimum(pair, cost, share, tolerance, reach):
    scale = float(TransportProblem(source=pair[0], target=pair[1], cost=cost).matrix().mean()) or 1
    problem = UnbalancedProblem(source=pair[0], target=pair[1], cost=cost, reach=reach * scale)
    loose, tight = (
        unbalanced_transport(
            problem, epsilon=share * scale, marginal_tolerance=some, rtol=1.0, throw=False
        )
        for some in (tolerance, 1e-10)
    )
    assume(loose.plan.epsilon == tight.plan.epsilon)
    assert loose.bounds.lower <= tight.bounds.upper
    assert tight.bounds.lower <= loose.bounds.upper
    assert loose.value in loose.bounds


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
