"""Mass that a plan lacks is placed over allowed pairs only, wherever that is possible."""

import numpy as np
import pytest

from otdiv import (
    CostMatrix,
    DiscreteMeasure,
    Status,
    TransportProblem,
    certificates,
    solve,
    solvers,
    transport_matrix,
)
from otdiv.plans import DensePlan


def masked_problem(n, m, share, seed):
    """Random costs of which a share is forbidden, with a plan along random allowed pairs."""
    rng = np.random.default_rng(seed)
    C = rng.random((n, m))
    flow = rng.random((n, m)) * (rng.random((n, m)) < 2.0 / min(n, m))
    flow[np.arange(n), np.arange(n) % m] += 0.1
    flow[np.arange(m) % n, np.arange(m)] += 0.1
    C[(rng.random((n, m)) < share) & (flow == 0.0)] = np.inf
    measures = [
        DiscreteMeasure(points=np.arange(len(w), dtype=float), weights=w)
        for w in (flow.sum(axis=1), flow.sum(axis=0))
    ]
    return TransportProblem(source=measures[0], target=measures[1], cost=CostMatrix(C))


@pytest.mark.parametrize("share", [0.3, 0.8, 0.97])
@pytest.mark.parametrize("shape", [(12, 12), (9, 20), (25, 8)])
def test_any_plan_becomes_a_feasible_one(share, shape):
    problem = masked_problem(*shape, share, seed=1)
    rough = np.random.default_rng(2).random(shape) * np.isfinite(problem.matrix())
    plan, value, upper = certificates.primal_bound(problem, DensePlan(mass=rough))
    assert np.isfinite(upper)
    assert (plan.mass >= 0.0).all()
    assert (plan.mass[np.isinf(problem.matrix())] == 0.0).all()
    # Each mass is a difference and a sum of at most n + m roundings of numbers up to the total.
    tolerance = 1e-14 * problem.mass * sum(shape)
    np.testing.assert_allclose(plan.row_sums(), problem.a, atol=tolerance)
    np.testing.assert_allclose(plan.column_sums(), problem.b, atol=tolerance)
    assert solve(problem).bounds.lower <= upper
    assert value <= upper


def test_where_no_plan_exists_the_bound_is_infinite():
    C = np.array([[0.0, np.inf], [0.0, np.inf]])
    problem = TransportProblem.from_matrix(C)
    _, _, upper = certificates.primal_bound(problem, DensePlan(mass=np.full((2, 2), 0.25)))
    assert upper == np.inf


@pytest.mark.slow
@pytest.mark.parametrize("max_iterations", [1, 3])
def test_an_unfinished_solve_with_forbidden_pairs_has_finite_bounds(max_iterations):
    problem = masked_problem(30, 30, 0.7, seed=3)
    solver = solvers.Sinkhorn(epsilon=0.02, max_iterations=max_iterations)
    result = solve(problem, solver=solver, throw=False)
    assert result.status is not Status.OPTIMAL
    assert np.isfinite(result.bounds.upper)
    assert solve(problem).value in result.bounds


@pytest.mark.parametrize("epsilon", [0.5, 0.01])
def test_entropic_bounds_with_forbidden_pairs_contain_the_value_of_the_textbook(epsilon):
    C = np.random.default_rng(0).random((20, 25))
    C[C > 0.6] = np.inf
    result = transport_matrix(C, solver=solvers.Sinkhorn(epsilon=epsilon))
    K = np.exp(-C / epsilon) / C.size
    u, v = np.ones(20), np.ones(25)
    for _ in range(20000):
        u = 1.0 / 20 / (K @ v)
        v = 1.0 / 25 / (K.T @ u)
    P = u[:, None] * K * v
    used = P > 0.0
    value = (P[used] * C[used]).sum() + epsilon * (P[used] * np.log(P[used] * C.size)).sum()
    bounds = result.entropic.bounds
    # 20,000 rounds leave marginal errors of some 1e-14.
    assert bounds.lower - 1e-12 <= value <= bounds.upper + 1e-12
    assert bounds.gap < 1e-12
