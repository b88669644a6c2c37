"""What POT has of Gaussians and their mixtures, beside ours."""

from __future__ import annotations

import numpy as np
import pytest

from otdiv import Gaussian, GaussianMixture, gaussian_mixture_distance, monge_map, wasserstein2

ot = pytest.importorskip("ot")
pytestmark = pytest.mark.peers


def laws(seed, k=1, d=3):
    rng = np.random.default_rng(seed)
    roots = rng.normal(size=(k, d, d))
    means, covariances = rng.normal(size=(k, d)), roots @ roots.transpose(0, 2, 1) + 0.1 * np.eye(d)
    return means, covariances, rng.dirichlet(np.ones(k))


@pytest.mark.parametrize("seed", range(6))
def test_distances_of_gaussians_are_roots_of_pots(seed):
    (m, S, _), (n, T, _) = laws(seed), laws(seed + 100)
    pot = ot.gaussian.bures_wasserstein_distance(m[0], n[0], S[0], T[0])
    ours = wasserstein2(Gaussian(m[0], covariance=S[0]), Gaussian(n[0], covariance=T[0]))
    assert ours == pytest.approx(float(pot), rel=1e-7)


@pytest.mark.parametrize("seed", range(6))
def test_maps_are_pots(seed):
    (m, S, _), (n, T, _) = laws(seed), laws(seed + 100)
    A, b = ot.gaussian.bures_wasserstein_mapping(m[0], n[0], S[0], T[0])
    ours = monge_map(Gaussian(m[0], covariance=S[0]), Gaussian(n[0], covariance=T[0]))
    assert ours.matrix == pytest.approx(np.asarray(A), rel=1e-6, abs=1e-8)
    assert ours.offset == pytest.approx(np.asarray(b).ravel(), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("seed", range(6))
def test_the_distance_of_components_is_the_root_of_pots_loss(seed):
    (m, S, w), (n, T, v) = laws(seed, 4), laws(seed + 100, 3)
    pot = ot.gmm.gmm_ot_loss(m, n, S, T, w, v)
    ours = gaussian_mixture_distance(
        GaussianMixture(m, covariances=S, weights=w), GaussianMixture(n, covariances=T, weights=v)
    )
    assert ours**2 == pytest.approx(float(pot), rel=1e-7)
