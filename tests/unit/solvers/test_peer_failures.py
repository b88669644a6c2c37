"""Failures of entropic solvers that users of other libraries report, each a test that passes here.

The reports: geomloss #24, #25, #58, #61, #80, #83; ott #5, #6, #496; POT #34, #54, #221, #311,
#314, #383, #417, #421, #429, #667, #748.
"""

import math

import numpy as np
import pytest

from otdiv import (
    ConvergenceError,
    Status,
    UnbalancedProblem,
    sinkhorn_divergence,
    sinkhorn_divergence_result,
    solvers,
    transport,
    transport_matrix,
    unbalanced_transport,
)
from otdiv.measures import DiscreteMeasure


def clouds(n, m, d=2, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((n, d)), 0.5 + 0.2 * rng.normal(size=(m, d))


def entropic(x, y, epsilon, **options):
    return transport(x, y, cost="sqeuclidean", solver=solvers.Sinkhorn(epsilon=epsilon), **options)


@pytest.mark.parametrize("epsilon", [1e-3, 1e-2, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_divergence_of_two_samples_of_one_law_is_not_negative(epsilon, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, 120, 2))
    result = sinkhorn_divergence_result(x, y, epsilon=epsilon)
    assert result.value >= 0.0
    # Nor is it made so by clipping: the terms themselves say so, up to the proven rounding.
    cross, source, target = (result.terms[name] for name in ("cross", "source", "target"))
    assert cross - 0.5 * (source + target) >= -result.bounds.gap


def test_divergence_of_a_sample_to_itself_is_zero_where_the_plain_value_is_not():
    x, _ = clouds(60, 1)
    assert sinkhorn_divergence(x, x, epsilon=0.1) == 0.0
    assert entropic(x, x, 0.1).entropic.value > 0.0


def test_an_unconverged_divergence_raises_instead_of_being_any_number():
    x, y = clouds(200, 200)
    with pytest.raises(ConvergenceError):
        sinkhorn_divergence(x, y, epsilon=1e-4, max_iterations=1)


@pytest.mark.parametrize("bad", [math.nan, -math.inf])
def test_a_cost_that_is_no_number_is_refused(bad):
    C = np.ones((3, 3))
    C[1, 2] = bad
    with pytest.raises(ValueError, match="C"):
        transport_matrix(C, solver=solvers.Sinkhorn(epsilon=0.1))


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
@pytest.mark.parametrize("epsilon", [1e-12, 1e-6, 1e-3, 1e3, 1e12])
def test_no_epsilon_and_scale_end_in_nan_or_in_silence(scale, epsilon):
    x, y = clouds(30, 25)
    result = entropic(scale * x, scale * y, epsilon, throw=False)
    for number in (result.value, result.bounds.lower, result.bounds.upper, result.entropic.value):
        assert math.isfinite(number)
    assert result.bounds.lower <= result.value <= result.bounds.upper
    if result.status is Status.OPTIMAL:
        assert result.entropic.marginal_error <= 1e-6
    else:
        assert result.message


def test_small_epsilon_converges_where_scalings_underflow():
    x, y = clouds(200, 200)
    result = entropic(x, y + 30.0, 1e-2)  # exp(-C / epsilon) is 0 for every pair
    assert result.status is Status.OPTIMAL
    assert result.entropic.marginal_error <= 1e-6
    assert transport(x, y + 30.0, cost="sqeuclidean").value in result.bounds


def test_weights_of_zero_give_neither_nan_nor_mass():
    x, y = clouds(40, 30)
    a, b = np.ones(40), np.ones(30)
    a[:7], b[::4] = 0.0, 0.0
    result = entropic(x, y, 0.01, x_weights=a, y_weights=b)
    plan = result.plan.toarray()
    assert np.isfinite(plan).all()
    assert plan[:7].sum() == plan[:, ::4].sum() == 0.0
    assert np.isfinite(result.potentials.f).all()
    assert np.isfinite(result.potentials.g).all()


def test_a_plan_of_the_result_has_the_marginals_also_after_one_iteration():
    x, y = clouds(100, 90)
    solver = solvers.Sinkhorn(epsilon=1e-4, max_iterations=1)
    result = transport(x, y, cost="sqeuclidean", solver=solver, throw=False)
    assert result.status is not Status.OPTIMAL
    plan = result.plan.toarray()
    assert (plan >= 0.0).all()
    np.testing.assert_allclose(plan.sum(axis=1), 1.0 / 100, atol=1e-12)
    np.testing.assert_allclose(plan.sum(axis=0), 1.0 / 90, atol=1e-12)
    # So its cost is one of a transport: an infeasible plan may cost less than the optimum.
    assert result.value >= transport(x, y, cost="sqeuclidean").bounds.lower


def test_an_unmet_limit_raises_without_being_asked_to_warn():
    x, y = clouds(200, 200)
    with pytest.raises(ConvergenceError, match="MAX_ITERATIONS"):
        transport(x, y, cost="sqeuclidean", solver=solvers.Sinkhorn(epsilon=1e-4, max_iterations=1))


def test_tolerance_of_the_marginals_reaches_the_solver():
    x, y = clouds(80, 80)
    for tolerance in (1e-2, 1e-6, 1e-10):
        solver = solvers.Sinkhorn(epsilon=0.01, marginal_tolerance=tolerance)
        result = transport(x, y, cost="sqeuclidean", solver=solver)
        assert result.entropic.marginal_error <= tolerance


def test_float32_and_integers_are_solved_like_float64():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 20, (40, 2)), rng.integers(0, 20, (30, 2))
    value = entropic(x.astype(float), y.astype(float), 5.0).entropic.value
    for kind in (np.int64, np.float32):
        assert entropic(x.astype(kind), y.astype(kind), 5.0).entropic.value == value


def test_primal_and_dual_values_agree_at_a_small_blur():
    x, y = clouds(150, 150)
    bounds = entropic(x, y, 1e-4).entropic.bounds
    # What a marginal error of 1e-6 can cost: a few times the largest cost each way.
    assert bounds.gap <= 1e-5


def test_unbalanced_value_has_the_sign_of_its_terms():
    x, y = clouds(50, 40)
    problem = UnbalancedProblem(
        source=DiscreteMeasure(points=x), target=DiscreteMeasure(points=y + 9.0),
        cost="sqeuclidean", reach=0.1,
    )  # fmt: skip
    result = unbalanced_transport(problem, epsilon=0.1)
    assert min(result.terms.values()) >= 0.0
    assert result.value == pytest.approx(sum(result.terms.values()), rel=1e-12)
    assert math.isfinite(result.plan.toarray().sum())
