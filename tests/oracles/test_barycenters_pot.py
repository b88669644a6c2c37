"""What POT's tests of barycenters ask, asked of otdiv, and its values beside ours."""

from __future__ import annotations

import numpy as np
import pytest

from otdiv import Gaussian, barycenter, transport

ot = pytest.importorskip("ot")
pytestmark = pytest.mark.peers


def histograms(n=60):
    t = np.arange(n)
    bumps = [np.exp(-0.5 * ((t - m) / s) ** 2) for m, s in ((15.0, 4.0), (42.0, 6.0))]
    return [bump / bump.sum() for bump in bumps]


def objective(points, weights, measures):
    return np.mean(
        [
            transport(points, y, x_weights=weights, y_weights=b, cost="sqeuclidean").value
            for y, b in measures
        ]
    )


def test_the_linear_programme_on_a_line():
    """POT: ot.lp.barycenter(A, M, weights)."""
    A = np.stack(histograms(), axis=1)
    t = np.arange(60.0)[:, None]
    M = ot.dist(t, t)
    pot = np.maximum(ot.lp.barycenter(A, M, [0.5, 0.5]), 0.0)
    value = objective(t, pot, [(t, A[:, 0]), (t, A[:, 1])])
    ours = barycenter(list(A.T), support="grid", rtol=1e-8)
    assert ours.value == pytest.approx(value, rel=1e-6)


@pytest.mark.filterwarnings("ignore:Sinkhorn did not converge")
def test_bregman_projections_come_near_from_above():
    """POT: ot.bregman.barycenter and its debiased sibling, of regularised problems."""
    A = np.stack(histograms(), axis=1)
    t = np.arange(60.0)[:, None]
    M = ot.dist(t, t)
    ours = barycenter(list(A.T), support="grid", rtol=1e-6)
    for method in (ot.bregman.barycenter, ot.bregman.barycenter_debiased):
        pot = np.asarray(method(A, M, reg=5.0)).ravel()
        value = objective(t, pot / pot.sum(), [(t, A[:, 0]), (t, A[:, 1])])
        assert ours.bounds.lower <= value * (1.0 + 1e-9)
    name = {True: ot.bregman.barycenter_debiased, False: ot.bregman.barycenter}
    for debiased, method in name.items():
        same = barycenter(
            list(A.T), support="grid", epsilon=5.0, debiased=debiased, max_iterations=300
        )
        pot = np.asarray(method(A, M, reg=5.0, numItermax=20_000, stopThr=1e-9)).ravel()
        assert same.image() == pytest.approx(pot / pot.sum(), abs=2e-4)


@pytest.mark.parametrize("seed", range(4))
def test_free_supports_are_no_worse(seed):
    """POT: ot.lp.free_support_barycenter, from its start and never more than 0.1 % above it."""
    rng = np.random.default_rng(seed)
    centres = 2.0 * rng.normal(size=(3, 3, 2))
    clouds = [c[rng.integers(0, 3, 100)] + 0.4 * rng.normal(size=(100, 2)) for c in centres]
    even = np.full(100, 0.01)
    pot = ot.lp.free_support_barycenter(clouds, [even] * 3, clouds[0].copy(), numItermax=100)
    value = objective(pot, even, [(cloud, even) for cloud in clouds])
    ours = barycenter(clouds)
    assert ours.value <= 1.001 * value
    assert ours.bounds.lower <= value


@pytest.mark.parametrize("kind", ["convolutional_barycenter2d",
                                  "convolutional_barycenter2d_debiased"])  # fmt: skip
def test_images_are_better_than_convolutions(kind):
    rng = np.random.default_rng(0)
    u, v = np.meshgrid(*[np.linspace(-1.0, 1.0, 16)] * 2, indexing="ij")
    images = []
    for _ in range(3):
        (a, b), (c, d) = rng.uniform(0.4, 0.8, 2), rng.uniform(-0.15, 0.15, 2)
        image = (np.abs(np.hypot((u - c) / a, (v - d) / b) - 1.0) < 0.3).astype(float)
        images.append(image / image.sum())
    ours = barycenter(images, support="grid", rtol=1e-2, throw=False)
    pot = np.asarray(getattr(ot.bregman, kind)(np.array(images), reg=1e-2))
    cells = np.stack(np.meshgrid(*[np.arange(16.0)] * 2, indexing="ij"), axis=-1).reshape(-1, 2)
    value = objective(cells, pot.ravel() / pot.sum(), [(cells, image.ravel()) for image in images])
    assert ours.value <= value


@pytest.mark.parametrize("seed", range(4))
def test_gaussians_are_pots(seed):
    rng = np.random.default_rng(seed)
    roots = rng.normal(size=(3, 3, 3))
    means, covariances = rng.normal(size=(3, 3)), roots @ roots.transpose(0, 2, 1) + 0.1 * np.eye(3)
    mean, covariance = ot.gaussian.bures_wasserstein_barycenter(
        means, covariances, np.full(3, 1 / 3), num_iter=2000, eps=1e-12
    )
    laws = [Gaussian(m, covariance=S) for m, S in zip(means, covariances, strict=True)]
    ours = barycenter(laws)
    assert ours.measure.mean == pytest.approx(np.asarray(mean).ravel())
    assert ours.measure.covariance == pytest.approx(np.asarray(covariance), rel=1e-6, abs=1e-6)
