"""Entropic values against closed forms and peers."""

import math

import numpy as np
import pytest

from otdiv import (
    DiscreteMeasure,
    UnbalancedProblem,
    sinkhorn_divergence,
    solvers,
    transport,
    unbalanced_transport,
)


def gaussian_grid(mean, deviation, points=161, width=6.0):
    """A normal law by the rule of equal steps, exact to rounding for smooth decaying integrands."""
    z = np.linspace(-width, width, points)
    weights = np.exp(-0.5 * z * z)
    return mean + deviation * z, weights / weights.sum()


def entropic_gaussian(s, t, shift, epsilon):
    """min E|x - y|² + epsilon KL between N(0, s²) and N(shift, t²).

    Janati, Muzellec, Peyré & Cuturi (2020), arXiv:2006.02572, theorem 1, with epsilon = 2 sigma².
    """
    sigma2 = epsilon / 2.0
    d = math.sqrt(4.0 * s * s * t * t + sigma2 * sigma2)
    value = shift**2 + s * s + t * t - d + sigma2 * (1.0 - math.log(2.0 * sigma2))
    return value + sigma2 * math.log(d + sigma2)


@pytest.mark.parametrize("epsilon", [0.3, 1.0, 10.0])
def test_gaussians_have_their_closed_form(epsilon):
    x, a = gaussian_grid(0.0, 1.0)
    y, b = gaussian_grid(1.5, 0.7)
    result = transport(
        x,
        y,
        x_weights=a,
        y_weights=b,
        cost="sqeuclidean",
        solver=solvers.Sinkhorn(epsilon=epsilon, marginal_tolerance=1e-10),
    )
    # Cutting at six deviations leaves 2e-9 of the mass and 4e-8 of the second moment.
    assert result.entropic.value == pytest.approx(
        entropic_gaussian(1.0, 0.7, 1.5, epsilon), rel=1e-6
    )


def test_divergence_of_gaussians_has_its_closed_form():
    x, a = gaussian_grid(0.0, 1.0)
    y, b = gaussian_grid(1.5, 0.7)
    epsilon = 0.8
    value = sinkhorn_divergence(x, y, x_weights=a, y_weights=b, epsilon=epsilon)
    own = entropic_gaussian(1.0, 1.0, 0.0, epsilon) + entropic_gaussian(0.7, 0.7, 0.0, epsilon)
    expected = entropic_gaussian(1.0, 0.7, 1.5, epsilon) - 0.5 * own
    assert value == pytest.approx(expected, rel=1e-6)


def test_entropic_plan_of_gaussians_in_the_plane_is_a_product():
    """A product of laws with a separable cost is solved coordinate by coordinate."""
    x, a = gaussian_grid(0.0, 1.0, points=31, width=4.0)
    y, b = gaussian_grid(1.0, 0.5, points=29, width=4.0)
    epsilon = 0.5
    plane_x = np.stack(np.meshgrid(x, x), axis=-1).reshape(-1, 2)
    plane_y = np.stack(np.meshgrid(y, y), axis=-1).reshape(-1, 2)
    solver = solvers.Sinkhorn(epsilon=epsilon, marginal_tolerance=1e-9)
    options = {"cost": "sqeuclidean", "solver": solver}
    line = transport(x, y, x_weights=a, y_weights=b, **options)
    plane = transport(
        plane_x,
        plane_y,
        x_weights=np.outer(a, a).ravel(),
        y_weights=np.outer(b, b).ravel(),
        **options,
    )
    assert plane.entropic.value == pytest.approx(2.0 * line.entropic.value, rel=1e-7)


def test_plan_agrees_with_pot():
    ot = pytest.importorskip("ot")
    rng = np.random.default_rng(0)
    x, y = rng.random((120, 3)), rng.random((100, 3))
    epsilon = 0.05
    result = transport(
        x,
        y,
        cost="sqeuclidean",
        solver=solvers.Sinkhorn(epsilon=epsilon, marginal_tolerance=1e-9),
    )
    C = result.problem.matrix()
    expected = ot.sinkhorn(result.problem.a, result.problem.b, C, epsilon, stopThr=1e-12)
    assert np.abs(result.plan.toarray() - expected).sum() < 1e-7


def test_unbalanced_plan_agrees_with_pot():
    ot = pytest.importorskip("ot")
    rng = np.random.default_rng(0)
    p = DiscreteMeasure(points=rng.random((60, 2)), weights=2.0 * rng.dirichlet(np.ones(60)))
    q = DiscreteMeasure(points=rng.random((50, 2)) + 0.3, weights=rng.dirichlet(np.ones(50)))
    problem = UnbalancedProblem(source=p, target=q, cost="sqeuclidean", reach=0.2)
    result = unbalanced_transport(problem, epsilon=0.05, marginal_tolerance=1e-9)
    C = problem.normalized().matrix()
    expected = ot.unbalanced.sinkhorn_unbalanced(
        p.weights, q.weights, C, 0.05, 0.2, reg_type="kl", stopThr=1e-13, numItermax=10**5
    )
    assert np.abs(result.plan.toarray() - expected).sum() < 1e-6
