"""Images: measures on Cartesian grids are found and solved by passes along the axes."""

import numpy as np
import pytest

from otdiv import (
    DiscreteMeasure,
    SquaredEuclidean,
    Status,
    TransportProblem,
    certificates,
    solve,
    solvers,
    transport,
)
from otdiv._gibbs import grid_kernel
from otdiv._kernels.gibbs import grids


def axes_of(*sizes):
    return [np.sort(np.random.default_rng(size).random(size)) for size in sizes]


def pixels(*axes):
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))


def image_problem(*sizes, seed=0, masked=False, shuffled=False):
    """Random weights on a grid, with a third of the pixels left out or in random order."""
    rng = np.random.default_rng(seed)
    measures = []
    for shift in (0.0, 0.1):
        points = pixels(*(np.linspace(0.0, 1.0, size) + shift for size in sizes))
        weights = rng.random(len(points)) ** 3 + 1e-3
        keep = np.arange(len(points))
        if masked:
            keep = np.flatnonzero(rng.random(len(points)) > 0.33)
        if shuffled:
            keep = rng.permutation(keep)
        points, weights = points[keep], weights[keep]
        measures.append(DiscreteMeasure(points=points, weights=weights / weights.sum()))
    return TransportProblem(source=measures[0], target=measures[1], cost=SquaredEuclidean())


def with_grids_off(monkeypatch):
    monkeypatch.setattr(grids, "_SPARSEST", 0)


@pytest.mark.parametrize("sizes", [(7,), (5, 8), (3, 4, 5)])
def test_a_grid_is_found_in_any_order_of_its_points(sizes):
    axes = axes_of(*sizes)
    points = pixels(*axes)
    order = np.random.default_rng(0).permutation(len(points))
    found = grids.find_grid(points[order])
    for given, axis in zip(axes, found.axes, strict=True):
        np.testing.assert_array_equal(given, axis)
    np.testing.assert_array_equal(found.cells, order)


def test_a_grid_with_pixels_left_out_is_found():
    points = pixels(*axes_of(40, 60))
    kept = np.flatnonzero(np.random.default_rng(0).random(len(points)) < 0.6)
    np.testing.assert_array_equal(grids.find_grid(points[kept]).cells, kept)


@pytest.mark.parametrize("n", [50, 5000])
def test_scattered_points_are_no_grid(n):
    assert grids.find_grid(np.random.default_rng(0).random((n, 2))) is None


def test_repeated_points_are_no_grid():
    points = pixels(*axes_of(6, 6))
    assert grids.find_grid(np.concatenate([points, points[:1]])) is None


@pytest.mark.parametrize("sizes", [(6, 9), (4, 3, 5)])
@pytest.mark.parametrize("steepness", [1.0, 300.0, 5000.0])
def test_passes_are_sums_over_all_pairs(sizes, steepness):
    rng = np.random.default_rng(0)
    x, y = (pixels(*axes_of(*sizes)) + 0.1 * k for k in range(2))
    costs = [
        steepness * np.square(np.unique(x[:, k])[:, None] - np.unique(y[:, k]))
        for k in range(x.shape[1])
    ]
    C = steepness * np.square(x[:, None] - y).sum(-1)
    logs = steepness * rng.normal(size=len(y))
    logs[::5] = -np.inf
    values = rng.normal(size=len(y))
    exponents = logs - C
    top = exponents.max(axis=1, keepdims=True)
    weights = np.exp2(exponents - top)
    found, means = grids.averages(costs, logs, values)
    expected = top[:, 0] + np.log2(weights.sum(axis=1))
    # Exponents of this size are rounded to 2e-16 of it, several times over.
    tolerance = 1e-14 * (1.0 + np.abs(exponents[np.isfinite(exponents)]).max())
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=tolerance)
    np.testing.assert_allclose(
        means, weights @ values / weights.sum(axis=1), rtol=0.0, atol=10.0 * tolerance
    )
    _, mean_costs = grids.averages(costs, logs)
    direct = (weights * C).sum(axis=1) / weights.sum(axis=1)
    np.testing.assert_allclose(mean_costs, direct, rtol=10.0 * tolerance)


@pytest.mark.parametrize("masked", [False, True])
def test_c_transform_of_a_grid_is_that_of_all_pairs_and_not_above_it(masked):
    problem = image_problem(36, 36, masked=masked)
    f = np.random.default_rng(1).normal(size=problem.shape[0])
    g = certificates.c_transform(problem, f)
    brute = (problem.matrix() - f[:, None]).min(axis=0)
    assert (g <= brute).all()
    # The lowering is 4 u (|g| + max|f|), and the pairs one by one err by about as much.
    np.testing.assert_allclose(g, brute, rtol=0.0, atol=20.0 * 2.0**-53 * np.abs(f).max())


@pytest.mark.parametrize("epsilon", [0.3, 1e-2, 1e-3, 1e-4])
@pytest.mark.parametrize("masked", [False, True])
def test_grid_and_scattered_points_have_one_answer(epsilon, masked, monkeypatch):
    solver = solvers.Sinkhorn(epsilon=epsilon, marginal_tolerance=1e-9)
    fast = solve(image_problem(20, 23, masked=masked, shuffled=True), solver=solver)
    with_grids_off(monkeypatch)
    slow = solve(image_problem(20, 23, masked=masked, shuffled=True), solver=solver)
    assert slow.problem.grids() is None
    assert fast.entropic.value == pytest.approx(slow.entropic.value, rel=1e-8)
    assert fast.bounds.lower == pytest.approx(slow.bounds.lower, rel=1e-6, abs=1e-8)
    assert fast.bounds.upper == pytest.approx(slow.bounds.upper, rel=1e-6)
    # Marginals within 1e-9 on both sides, and weights down to 1e-5: potentials agree to 1e-4 eps.
    np.testing.assert_allclose(fast.potentials.f, slow.potentials.f, atol=1e-3 * epsilon)


@pytest.mark.parametrize("sizes", [(300,), (16, 24), (8, 9, 10), (2, 200)])
def test_images_of_any_dimension_and_shape_are_solved(sizes):
    result = solve(image_problem(*sizes), solver=solvers.Sinkhorn(epsilon=0.01))
    assert result.status is Status.OPTIMAL
    assert result.entropic.marginal_error <= 1e-6
    assert solve(result.problem).value in result.bounds


def test_plan_has_the_exact_marginals_also_where_pixels_are_empty():
    x = pixels(np.arange(24.0), np.arange(24.0)) / 24.0
    p, q = (np.square(x - centre).sum(axis=1) < 0.09 for centre in (0.3, 0.7))
    result = transport(
        x,
        x,
        x_weights=p,
        y_weights=q,
        cost="sqeuclidean",
        solver=solvers.Sinkhorn(epsilon=1e-4),
    )
    np.testing.assert_allclose(result.plan.row_sums(), p / p.sum(), atol=1e-12)
    np.testing.assert_allclose(result.plan.column_sums(), q / q.sum(), atol=1e-12)
    assert (result.plan.toarray()[~p] == 0.0).all()
    assert result.problem.shape == (576, 576)


def test_exchanging_two_images_gives_exactly_the_transposed_answer():
    problem = image_problem(20, 18)
    turned = TransportProblem(source=problem.target, target=problem.source, cost=problem.cost)
    solver = solvers.Sinkhorn(epsilon=0.01)
    one, other = solve(problem, solver=solver), solve(turned, solver=solver)
    assert one.entropic == other.entropic


def test_merged_cells_keep_the_mass_of_each_axis():
    axes = axes_of(33, 20)
    weights = np.random.default_rng(0).random(660)
    from otdiv.entropic.geometry.grids import GridGeometry

    fine = grid_kernel.GridMeasure(tuple(axes), np.arange(660), weights)
    for side, _ in GridGeometry(fine, fine)._levels[0].values():
        assert side.weights.sum() == pytest.approx(weights.sum(), rel=1e-13)
        for axis, mass, given, whole in zip(
            side.axes, side.marginals(), axes, fine.marginals(), strict=True
        ):
            assert (np.diff(axis) > 0.0).all()
            assert axis @ mass == pytest.approx(given @ whole, rel=1e-12)


def test_only_grids_that_axes_make_cheaper_are_worked_on_as_such():
    rng = np.random.default_rng(0)

    def grid_of(*sizes):
        axes = [np.sort(rng.random(size)) for size in sizes]
        return grids.find_grid(
            np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(sizes))
        )

    square, line, strip = grid_of(32, 32), grid_of(1024), grid_of(2, 512)
    assert grid_kernel.worthwhile(square, square, 1024, 1024)
    assert not grid_kernel.worthwhile(line, line, 1024, 1024)
    assert not grid_kernel.worthwhile(strip, strip, 1024, 1024)
