"""The quadratic start, and the memory that solves of smooth problems share."""

import numpy as np
import pytest

from otdiv import DiscreteMeasure, SquaredEuclidean, TransportProblem, solvers, transport
from otdiv._gibbs.buffers import Buffer
from otdiv._gibbs.clouds import flat_cloud
from otdiv.entropic.geometry.gaussian_start import gaussian_potentials
from otdiv.entropic.geometry.grids import GridGeometry
from otdiv.entropic.geometry.points import PointGeometry
from otdiv.entropic.iteration.annealing import AnnealingOptions
from otdiv.entropic.iteration.smooth import solve_smooth
from otdiv.entropic.scaling import ScaledProblem


def gaussian(mean, covariance, half_width=6.0, side=41):
    """A Gaussian of the plane on a fine grid: quadrature that is exact to about 1e-8."""
    line = np.linspace(-half_width, half_width, side)
    z = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
    weights = np.exp(-0.5 * np.square(z).sum(axis=1))
    return mean + z @ np.linalg.cholesky(covariance).T, weights / weights.sum()


@pytest.mark.parametrize("epsilon", [0.5, 3.0])
def test_potentials_between_gaussians_are_the_entropic_ones(epsilon):
    x, a = gaussian([0.0, 1.0], np.array([[1.0, 0.4], [0.4, 0.7]]))
    y, b = gaussian([2.0, -1.0], np.array([[0.5, -0.2], [-0.2, 1.5]]))
    f, g = gaussian_potentials(x, a, y, b, epsilon)
    exponents = (f[:, None] + g - np.square(x[:, None] - y).sum(axis=-1)) / epsilon
    P = np.exp(exponents - exponents.max()) * a[:, None] * b
    P /= P.sum()
    # Truncation at six standard deviations and the step of the grid leave less than this.
    assert np.abs(P.sum(axis=1) - a).sum() < 1e-6
    assert np.abs(P.sum(axis=0) - b).sum() < 1e-6


@pytest.mark.parametrize("flat", ["x", "both"])
def test_flat_clouds_have_a_finite_start(flat):
    rng = np.random.default_rng(0)
    x, y = rng.random((30, 3)), rng.random((20, 3))
    x[:, 1:] = 0.5
    if flat == "both":
        y[:, :] = 0.25
    f, g = gaussian_potentials(x, np.full(30, 1 / 30), y, np.full(20, 1 / 20), 0.1)
    assert np.isfinite(f).all()
    assert np.isfinite(g).all()


def test_points_in_any_order_have_the_smooth_solution():
    rng = np.random.default_rng(1)
    x, y = rng.random((60, 2)), rng.random((40, 2))
    options = AnnealingOptions(tolerance=1e-9, max_iterations=100, max_bytes=1e8)
    x_cloud, y_cloud = flat_cloud(x, np.full(60, 1 / 60)), flat_cloud(y, np.full(40, 1 / 40))
    found = solve_smooth(PointGeometry(x_cloud, y_cloud, metric=0), 0.1, options)
    assert found is not None
    kernel, stage = found
    shift, sums = kernel.row_sums(stage.u, stage.v)
    assert np.abs(sums * np.exp2(stage.u - shift) - kernel.a).sum() < 2e-9


def test_a_buffer_is_never_given_out_twice():
    first, second = Buffer.of_before(), Buffer.of_before()
    assert first is not second
    first.keep()
    assert Buffer.of_before() is first
    assert Buffer.of_before() is not first


@pytest.mark.parametrize(("epsilon", "kind"), [(0.4, PointGeometry), (0.6, GridGeometry)])
def test_images_are_points_where_the_blur_is_a_part_of_a_cell(epsilon, kind):
    side = 16
    line = np.arange(float(side))
    cells = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
    a = np.full(side**2, 1.0 / side**2)
    b = np.arange(1.0, side**2 + 1.0) / np.arange(1.0, side**2 + 1.0).sum()
    problem = TransportProblem(
        source=DiscreteMeasure(points=cells, weights=a),
        target=DiscreteMeasure(points=cells, weights=b),
        cost=SquaredEuclidean(),
    )
    assert isinstance(ScaledProblem(problem, a, b, None, epsilon=epsilon).geometry, kind)


def test_a_solve_within_a_callback_does_not_disturb_the_outer_one():
    rng = np.random.default_rng(2)
    x, y = rng.random((50, 2)), rng.random((40, 2)) + 0.3
    solver = solvers.Sinkhorn(epsilon=0.1)

    def other(progress):
        transport(y, x, cost="sqeuclidean", solver=solver)

    plain = transport(x, y, cost="sqeuclidean", solver=solver)
    nested = transport(x, y, cost="sqeuclidean", solver=solver, callback=other)
    assert nested.entropic == plain.entropic
