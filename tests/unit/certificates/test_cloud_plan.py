"""Repaired plans between large clouds: feasible, of the cost that is said, above the optimum."""

import numpy as np
import pytest

from otdiv import solvers, transport


@pytest.mark.slow
@pytest.mark.parametrize(("tolerance", "epsilon"), [(1e-2, 0.05), (1e-5, 0.05), (1e-6, 0.005)])
@pytest.mark.parametrize("cost", ["sqeuclidean", "euclidean"])
def test_the_plan_behind_an_upper_bound_is_feasible_and_costs_as_much(cost, tolerance, epsilon):
    # More than 4e6 pairs: passes are long then, and are saved where little is lost.
    rng = np.random.default_rng(5)
    x, y = rng.normal(0.0, 1.0, (2100, 2)), rng.normal(0.3, 1.2, (2000, 2))
    solver = solvers.Sinkhorn(epsilon=epsilon, marginal_tolerance=tolerance)
    result = transport(x, y, cost=cost, solver=solver)
    P = result.plan.toarray()
    assert P.min() >= 0.0
    # Pruning may have left out a ten millionth of a row or column.
    np.testing.assert_allclose(P.sum(axis=1), 1.0 / 2100, rtol=1.1e-7)
    np.testing.assert_allclose(P.sum(axis=0), 1.0 / 2000, rtol=1.1e-7)
    C = np.square(x[:, None] - y).sum(axis=-1)
    C = C if cost == "sqeuclidean" else np.sqrt(C)
    paid = float((P * C).sum())
    # Above what is paid by what that may cost.
    assert paid <= result.bounds.upper <= paid + 1e-2 * epsilon
    exact = transport(x, y, cost=cost)
    assert result.bounds.lower <= exact.bounds.upper
    assert exact.bounds.lower <= result.bounds.upper
