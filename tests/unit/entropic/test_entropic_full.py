"""Entropic plans that are stored whole or as the entries that weigh anything."""

import numpy as np
import pytest

from otdiv import DiscreteMeasure, SquaredEuclidean, TransportProblem
from otdiv._gibbs.buffers import Buffer
from otdiv._gibbs.clouds import build_cloud
from otdiv._gibbs.point_kernel import PointKernel
from otdiv._gibbs.stored_plans import CompressedPlan
from otdiv._kernels.exponential import LOG2_E
from otdiv.entropic.geometry.base import FINE, Accuracy
from otdiv.entropic.geometry.points import PointGeometry
from otdiv.entropic.iteration.annealing import AnnealingOptions, anneal
from otdiv.entropic.iteration.smooth import solve_smooth
from otdiv.entropic.solve import solve_entropic


def clouds(n, m, seed=0, d=2):
    rng = np.random.default_rng(seed)
    a, b = rng.random(n) + 0.1, rng.random(m) + 0.1
    x, y = rng.random((n, d)), 0.3 + 0.5 * rng.random((m, d))
    return build_cloud(x, a / a.sum()), build_cloud(y, b / b.sum())


def options(**more):
    return AnnealingOptions(tolerance=1e-9, max_iterations=100, max_bytes=1e8, **more)


@pytest.mark.parametrize("root", [False, True])
def test_the_short_way_and_the_path_give_the_same_potentials(root):
    geometry = PointGeometry(*clouds(300, 200), metric=int(root))
    found = solve_smooth(geometry, 0.05, options())
    assert found is not None
    _, stage = found
    other_kernel, other = anneal(geometry, 0.05, options())
    assert stage.converged
    # The plan at both has the same marginals up to the tolerance, so the potentials agree up to a
    # constant, by about the tolerance over the smallest weight.
    assert np.ptp(stage.u - other.u) < 1e-5
    assert stage.cost == pytest.approx(other_kernel.row_costs(other.u, other.v)[1].sum(), rel=1e-7)


@pytest.mark.parametrize("seed", [8, 30, 35, 68])
def test_single_numbers_are_not_trusted_beyond_their_range(seed):
    """Light atoms far from heavy ones: potentials move by more bits than a stored plan can."""
    rng = np.random.default_rng(seed)
    x, y = rng.random((60, 2)), rng.random((40, 2))
    x, y = (build_cloud(z, rng.dirichlet(np.full(len(z), 0.1))) for z in (x, y))
    rules = AnnealingOptions(tolerance=0.1, max_iterations=100, max_bytes=1e8)
    found = solve_smooth(PointGeometry(x, y, metric=0), 0.003, rules)
    if found is None:
        return
    kernel, stage = found
    rows, columns, _ = kernel.whole_sums(stage.u, stage.v)
    assert np.abs(rows - kernel.a).sum() == pytest.approx(stage.error, abs=1e-6)
    np.testing.assert_allclose(columns, kernel.b, rtol=1e-6, atol=1e-20)


@pytest.mark.parametrize("root", [False, True])
@pytest.mark.parametrize("d", [1, 3, 7])
def test_whole_plans_are_summed_in_double_precision(root, d):
    x, y = clouds(70, 45, d=d)
    epsilon = 0.05
    kernel = PointGeometry(x, y, metric=int(root)).kernel(epsilon, FINE, Accuracy(1e-9, 0.0))
    u, v = np.log2(x.weights) + 1.0, np.log2(y.weights)
    costs = np.square(x.points[:, None] - y.points).sum(axis=-1)
    bits = (np.sqrt(costs) if root else costs) * (LOG2_E / epsilon)
    P = np.exp2(u[:, None] + v - bits)
    rows, columns, column_costs = kernel.whole_sums(u, v)
    np.testing.assert_allclose(rows, P.sum(axis=1), rtol=1e-13)
    np.testing.assert_allclose(columns, P.sum(axis=0), rtol=1e-13)
    np.testing.assert_allclose(column_costs, (P * bits).sum(axis=0), rtol=1e-11)
    plan = kernel.whole(u, v, Buffer())
    np.testing.assert_allclose(plan.row_sums(), rows, rtol=1e-6)
    assert plan.move(u + 3.0, v - 5.0)
    np.testing.assert_allclose(plan.column_sums(), columns / 4.0, rtol=1e-6)
    assert not plan.move(u + 100.0, v)


@pytest.mark.parametrize("tolerance", [3e-2, 1e-2, 1e-3])
@pytest.mark.parametrize("d", [2, 7])
def test_single_sums_bound_the_value_where_the_tolerance_is_loose(tolerance, d):
    rng = np.random.default_rng(d)
    x, y = rng.normal(size=(300, d)), rng.normal(0.4, 1.3, (250, d))
    problem = TransportProblem(
        source=DiscreteMeasure(points=x), target=DiscreteMeasure(points=y), cost=SquaredEuclidean()
    )
    loose, tight = (
        solve_entropic(problem, 3.0 * d, tolerance=t, max_iterations=100).summary
        for t in (tolerance, 1e-10)
    )
    assert loose.marginal_error <= tolerance
    assert loose.bounds.lower <= tight.bounds.upper
    assert tight.bounds.lower <= loose.bounds.upper
    allowed = 10.0 * tolerance * tight.terms["transport"]
    assert abs(loose.terms["transport"] - tight.terms["transport"]) <= allowed


def test_potentials_far_from_the_start_are_reached():
    # Moments of few far points say little: the start is hundreds of bits off.
    rng = np.random.default_rng(3)
    x, y = rng.random((200, 2)), rng.random((150, 2))
    y[:30] += 8.0
    x, y = (build_cloud(z / 12.0, np.full(len(z), 1.0 / len(z))) for z in (x, y))
    found = solve_smooth(PointGeometry(x, y, metric=0), 2e-2, options())
    assert found is not None
    kernel, stage = found
    rows, columns, _ = kernel.whole_sums(stage.u, stage.v)
    assert np.abs(rows - x.weights).sum() <= 1e-9
    np.testing.assert_allclose(columns, y.weights, rtol=1e-9)


def test_a_small_epsilon_is_left_to_the_path():
    assert solve_smooth(PointGeometry(*clouds(30, 20), metric=0), 2e-4, options()) is None


def test_relaxed_marginals_are_left_to_the_path():
    geometry = PointGeometry(*clouds(30, 20), metric=0)
    assert solve_smooth(geometry, 0.1, options(reach=1.0)) is None


def test_the_monitor_stops_the_short_way():
    geometry = PointGeometry(*clouds(30, 20), metric=0)
    seen = []

    def monitor(epsilon, iteration, error):
        seen.append((epsilon, iteration, error))
        return True

    found = solve_smooth(geometry, 0.1, options(asks_to_stop=monitor))
    assert found is not None
    assert found[1].stopped
    assert len(seen) == 1


@pytest.mark.slow
@pytest.mark.parametrize("root", [False, True])
def test_compressed_rows_miss_at_most_the_share_that_may_be_dropped(root):
    x, y = clouds(2000, 1500)
    epsilon, truncation = (2e-4, 1e-6) if not root else (1e-3, 1e-6)
    options_ = AnnealingOptions(tolerance=1e-4, max_iterations=100, max_bytes=1e8)
    kernel, stage = anneal(PointGeometry(x, y, metric=int(root)), epsilon, options_)
    assert isinstance(kernel, PointKernel)
    plan = kernel.matrix(stage.u, stage.v, truncation=truncation, max_bytes=1e8, buffer=Buffer())
    assert isinstance(plan, CompressedPlan)
    costs = np.square(x.points[:, None] - y.points).sum(axis=-1)
    costs = np.sqrt(costs) if root else costs
    P = np.exp2(stage.u[:, None] + stage.v - costs * (LOG2_E / epsilon))
    # 1e-10: rounding of exponents of some thousand bits.
    missing = P.sum(axis=1) - plan.row_sums()
    assert np.all(missing <= (truncation + 1e-10) * x.weights)
    w, z = np.linspace(0.0, 1.0, y.n), np.linspace(0.0, 1.0, x.n)
    np.testing.assert_allclose(plan.product(w), P @ w, atol=2.0 * truncation * x.weights.max())
    np.testing.assert_allclose(plan.transposed_product(z), P.T @ z, atol=2.0 * truncation)
    moved = plan.move(stage.u + 0.5, stage.v - 0.25, truncation)
    assert moved
    np.testing.assert_allclose(plan.row_sums(), 2.0**0.25 * (P.sum(axis=1) - missing), rtol=1e-12)
