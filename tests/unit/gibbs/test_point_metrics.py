"""City-block and Chebyshev distances of points: as right as a matrix, without one."""

import tracemalloc

import numpy as np
import pytest

from otdiv import (
    PNormCost,
    Status,
    certificates,
    sinkhorn_divergence_result,
    solvers,
    transport,
    transport_matrix,
)
from otdiv._gibbs.clouds import build_cloud
from otdiv._gibbs.metrics import metric_of
from otdiv._gibbs.point_kernel import PointKernel

NAMES = ("cityblock", "chebyshev", "euclidean")
COSTS = {
    "cityblock": PNormCost(norm=1),
    "chebyshev": PNormCost(norm=np.inf),
    "euclidean": PNormCost(norm=2),
}


def clouds(n, m, d, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), 0.4 + 1.2 * rng.normal(size=(m, d))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("d", [1, 2, 3, 7])
@pytest.mark.parametrize("epsilon", [0.05, 1.0])
def test_plan_and_bounds_are_those_of_the_matrix(name, d, epsilon):
    x, y = clouds(130, 110, d)
    solver = solvers.Sinkhorn(epsilon=epsilon, marginal_tolerance=1e-9)
    result = transport(x, y, cost=name, solver=solver)
    C = COSTS[name].pairwise(x, y)
    matrix = transport_matrix(C, solver=solver)
    # Near the solution a plan moves by a multiple of the error of its marginals.
    assert np.abs(result.plan.toarray() - matrix.plan.toarray()).sum() < 1e-6
    for mine, other in ((result.entropic.bounds, matrix.entropic.bounds),):
        assert mine.lower <= other.upper
        assert other.lower <= mine.upper
    assert result.entropic.value == pytest.approx(matrix.entropic.value, rel=1e-7)
    optimum = transport_matrix(C, solver=solvers.NetworkSimplex()).value
    assert result.bounds.lower <= optimum * (1.0 + 1e-12)
    assert optimum * (1.0 - 1e-12) <= result.bounds.upper


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("d", [1, 2, 3, 6])
def test_pruned_sums_leave_out_no_more_than_they_say(name, d):
    x, y = clouds(700, 600, d, seed=d)
    a, b, epsilon = np.full(700, 1.0 / 700), np.full(600, 1.0 / 600), 0.05
    left, right = build_cloud(x, a), build_cloud(y, b)
    metric = metric_of(COSTS[name], d)
    kernel = PointKernel(left, right, epsilon, metric=metric, truncation=1e-6)
    C = COSTS[name].pairwise(left.points, right.points) * np.log2(np.e) / epsilon
    # Columns are exact at the c-transform of rows without a potential, as in an iteration.
    u = np.log2(a) + C.min(axis=1)
    exponents = u[:, None] - C
    v = np.log2(b) - np.log2(np.exp2(exponents).sum(axis=0))
    P = np.exp2(exponents + v)
    for shift, sums, potential, weights, whole in (
        (*kernel.row_sums(u, v), u, a, P.sum(axis=1)),
        (*kernel.column_sums(u, v), v, b, P.sum(axis=0)),
    ):
        found = sums * np.exp2(potential - shift)
        # Exponents of some thousand bits are rounded by 1e-12 of themselves.
        assert np.all(found <= whole * (1.0 + 1e-9))
        assert np.all(found >= whole * (1.0 - 1e-9) - 1e-6 * weights)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cityblock", "chebyshev"])
def test_many_points_take_no_memory_of_a_matrix(name):
    n = 8000
    x, y = clouds(n, n, 2)
    solver = solvers.Sinkhorn(epsilon=0.3)
    transport(x[:50], y[:50], cost=name, solver=solver)
    tracemalloc.start()
    result = transport(x, y, cost=name, solver=solver, max_memory=40_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert result.status is Status.OPTIMAL
    # The costs alone would take 512 MB; what is held of the plan is limited, not what makes it.
    assert peak < 200e6


@pytest.mark.parametrize("name", NAMES)
def test_a_plan_that_lacks_mass_is_completed_at_its_cost(name):
    x, y = clouds(80, 90, 3)
    loose = solvers.Sinkhorn(epsilon=0.3, marginal_tolerance=1e-2)
    result = transport(x, y, cost=name, solver=loose)
    plan = result.plan.toarray()
    np.testing.assert_allclose(plan.sum(axis=1), 1.0 / 80.0, rtol=1e-9)
    np.testing.assert_allclose(plan.sum(axis=0), 1.0 / 90.0, rtol=1e-9)
    assert float((plan * COSTS[name].pairwise(x, y)).sum()) == pytest.approx(result.value, rel=1e-9)
    again = certificates.prove(result.problem, result.plan, result.potentials)
    assert again.bounds.lower <= result.bounds.upper
    assert result.bounds.lower <= again.bounds.upper


@pytest.mark.parametrize("norm", [1.0, 1.5, 3.0, np.inf])
@pytest.mark.parametrize("power", [1.0, 2.0])
def test_on_the_line_all_norms_are_one(norm, power):
    x, y = clouds(40, 50, 1)
    solver = solvers.Sinkhorn(epsilon=0.2)
    plain, other = (
        transport(x, y, cost=PNormCost(norm=n, power=power), solver=solver) for n in (2.0, norm)
    )
    assert other.entropic.value == pytest.approx(plain.entropic.value, rel=1e-7)


@pytest.mark.parametrize("norm", [1.0, 2.0, np.inf])
@pytest.mark.parametrize("power", [1.0, 3.0])
def test_self_terms_of_single_atoms_have_no_absolute_floor(norm, power):
    cost = PNormCost(norm=norm, power=power)
    expected = cost.pairwise([[0.0, 0.0]], [[1e-4, 2e-4]])[0, 0]
    result = sinkhorn_divergence_result(
        [[0.0, 0.0]], [[1e-4, 2e-4]], epsilon=1e-3 * expected, cost=cost
    )
    assert result.terms["source"] == result.terms["target"] == 0.0
    assert result.value == pytest.approx(expected, rel=1e-12)
