"""Without an epsilon, Sinkhorn finds one at which the bounds meet the tolerance asked."""

import numpy as np
import pytest

from otdiv import (
    ConvergenceError,
    DiscreteMeasure,
    Euclidean,
    InvalidInputError,
    Status,
    TransportProblem,
    preflight,
    solvers,
    transport,
    transport_matrix,
    wasserstein1,
    wasserstein2,
)
from otdiv.plans import SparsePlan


def clouds(n, m, d=2, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((n, d)), 0.5 + 0.2 * rng.normal(size=(m, d))


@pytest.mark.parametrize("cost", ["sqeuclidean", "euclidean", "cityblock"])
@pytest.mark.parametrize("rtol", [1e-1, 1e-3, 1e-6])
def test_bounds_meet_the_tolerance_and_contain_the_exact_value(cost, rtol):
    x, y = clouds(200, 170)
    result = transport(x, y, cost=cost, solver=solvers.Sinkhorn(), rtol=rtol)
    assert result.status is Status.OPTIMAL
    assert result.bounds.relative_gap <= rtol
    exact = transport(x, y, cost=cost, solver=solvers.NetworkSimplex())
    assert result.bounds.lower <= exact.bounds.upper
    assert exact.bounds.lower <= result.bounds.upper


@pytest.mark.parametrize("d", [1, 3, 10])
def test_dimension_does_not_matter(d):
    x, y = clouds(150, 150, d)
    result = transport(x, y, cost="sqeuclidean", solver=solvers.Sinkhorn(), rtol=1e-4)
    assert result.bounds.relative_gap <= 1e-4


def test_distances_pass_their_tolerance_on():
    x, y = clouds(120, 130)
    for distance in (wasserstein1, wasserstein2):
        near = distance(x, y, rtol=1e-3, solver=solvers.Sinkhorn())
        assert near == pytest.approx(distance(x, y), rel=1e-3)


def test_an_absolute_tolerance_is_enough():
    x, y = clouds(100, 100)
    result = transport(x, y, solver=solvers.Sinkhorn(), atol=1e-3)
    assert result.bounds.gap <= 1e-3


def test_plan_is_sparse_and_the_message_names_epsilon():
    x, y = clouds(100, 90)
    result = transport(x, y, solver=solvers.Sinkhorn(), rtol=1e-3)
    assert isinstance(result.plan, SparsePlan)
    assert f"{result.entropic.epsilon:.3g}" in result.message


@pytest.mark.parametrize("rtol", [1e-1, 1e-3])
def test_a_cost_matrix_lowers_epsilon_until_its_own_plan_is_good_enough(rtol):
    C = np.random.default_rng(0).random((30, 40))
    result = transport_matrix(C, solver=solvers.Sinkhorn(), rtol=rtol)
    assert result.bounds.relative_gap <= rtol
    assert transport_matrix(C).value == pytest.approx(result.value, rel=rtol)


def test_atoms_without_weight_change_nothing():
    x, y = clouds(80, 90)
    a = np.ones(80)
    a[::3] = 0.0
    result = transport(x, y, x_weights=a, solver=solvers.Sinkhorn(), rtol=1e-6)
    assert result.value == pytest.approx(transport(x[a > 0.0], y).value, rel=1e-6)
    assert (result.plan.row_sums()[a == 0.0] == 0.0).all()


def test_equal_clouds_are_nothing_apart():
    x, _ = clouds(100, 1)
    assert transport(x, x, solver=solvers.Sinkhorn(), rtol=1e-3).value == 0.0


def test_without_epsilon_and_tolerance_there_is_nothing_to_aim_at():
    x, y = clouds(20, 20)
    with pytest.raises(InvalidInputError, match="rtol"):
        transport(x, y, solver=solvers.Sinkhorn())


def test_callback_can_stop_it():
    x, y = clouds(300, 300)
    result = transport(
        x, y, solver=solvers.Sinkhorn(), rtol=1e-3, callback=lambda _: True, throw=False
    )
    assert result.status is Status.STOPPED
    assert np.isfinite(result.bounds.upper)


@pytest.mark.slow
def test_a_tolerance_that_a_matrix_cannot_reach_is_not_claimed():
    C = np.random.default_rng(0).random((30, 40))
    with pytest.raises(ConvergenceError) as caught:
        transport_matrix(C, solver=solvers.Sinkhorn(), rtol=1e-17)
    assert caught.value.result.status is Status.STALLED
    assert "epsilon" in str(caught.value)


def test_with_a_tolerance_it_is_a_candidate_after_the_faster_exact_solvers():
    x, y = clouds(700, 700)
    p, q = DiscreteMeasure(points=x), DiscreteMeasure(points=y)
    problem = TransportProblem(source=p, target=q, cost=Euclidean())
    names = [type(choice.solver).__name__ for choice in preflight(problem, rtol=1e-2)]
    assert names[-1] == "Sinkhorn"
    assert "Sinkhorn" not in [type(choice.solver).__name__ for choice in preflight(problem)]
    assert preflight(problem, rtol=1e-2)[-1].seconds > preflight(problem, rtol=1e-2)[0].seconds
