"""What POT's tests of its gromov module ask, asked of otdiv, and its values beside ours."""

from __future__ import annotations

import numpy as np
import pytest

from otdiv.gromov import gromov_barycenter, gromov_wasserstein_matrix

ot = pytest.importorskip("ot")
pytestmark = pytest.mark.peers


def gauss(n, seed, d=2):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ np.array([[1.0, 0.0], [0.8, 1.0]])[:d, :d]


def spaces(n, m, seed):
    x, y = gauss(n, seed), gauss(m, seed + 100)
    return ot.dist(x, x), ot.dist(y, y)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("loss", ["square", "kl"])
def test_values_are_not_above_pots(seed, loss):
    Cx, Cy = spaces(30, 25, seed)
    if loss == "kl":
        Cx, Cy = Cx + 0.1, Cy + 0.1
    p, q = np.full(30, 1.0 / 30), np.full(25, 1.0 / 25)
    name = {"square": "square_loss", "kl": "kl_loss"}[loss]
    pot = ot.gromov.gromov_wasserstein2(Cx, Cy, p, q, name)
    ours = gromov_wasserstein_matrix(Cx, Cy, loss=loss)
    assert ours.value <= pot * (1.0 + 1e-6)
    assert ours.bounds.lower <= pot * (1.0 + 1e-9)


def test_a_space_in_reverse_order_is_found_as_pots_test_asks():
    x = gauss(20, 0)
    C, D = ot.dist(x, x), ot.dist(x[::-1], x[::-1])
    result = gromov_wasserstein_matrix(C / C.max(), D / D.max())
    assert result.plan.toarray() == pytest.approx(np.flipud(np.eye(20) / 20))
    assert result.value == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_matrices_need_not_be_symmetric(seed):
    rng = np.random.default_rng(seed)
    Cx, Cy = rng.random((20, 20)), rng.random((15, 15))
    p, q = np.full(20, 0.05), np.full(15, 1.0 / 15)
    pot = ot.gromov.gromov_wasserstein2(Cx, Cy, p, q, "square_loss", symmetric=False)
    assert gromov_wasserstein_matrix(Cx, Cy).value <= pot * (1.0 + 1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_fused_values_are_not_above_pots(seed):
    Cx, Cy = spaces(25, 30, seed)
    rng = np.random.default_rng(seed)
    M = ot.dist(rng.normal(size=(25, 3)), rng.normal(size=(30, 3)))
    p, q = rng.dirichlet(np.ones(25)), np.full(30, 1.0 / 30)
    pot = ot.gromov.fused_gromov_wasserstein2(M, Cx, Cy, p, q, "square_loss", alpha=0.3)
    ours = gromov_wasserstein_matrix(Cx, Cy, x_weights=p, feature_costs=M, alpha=0.3)
    assert ours.value <= pot * (1.0 + 1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_semi_relaxed_values_are_not_above_pots(seed):
    Cx, Cy = spaces(25, 20, seed)
    p = np.full(25, 1.0 / 25)
    pot = ot.gromov.semirelaxed_gromov_wasserstein2(Cx, Cy, p, "square_loss")
    ours = gromov_wasserstein_matrix(Cx, Cy, relax="y", n_starts=6)
    assert ours.value <= pot * (1.0 + 1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_partial_values_are_not_above_pots(seed):
    Cx, Cy = spaces(20, 20, seed)
    p = np.full(20, 0.05)
    pot = ot.gromov.partial_gromov_wasserstein2(Cx, Cy, p, p, m=0.7)
    ours = gromov_wasserstein_matrix(Cx, Cy, relax=0.7, n_starts=6)
    assert ours.value <= float(pot) * (1.0 + 1e-6)


def test_barycenters_are_not_above_pots():
    matrices = [spaces(15, 15, seed)[0] for seed in range(3)]
    p = np.full(15, 1.0 / 15)
    C = ot.gromov.gromov_barycenters(
        12, matrices, [p] * 3, np.full(12, 1.0 / 12), [1 / 3] * 3, "square_loss", random_state=42
    )
    pot = np.mean([gromov_wasserstein_matrix(C, D, n_starts=6).value for D in matrices])
    assert gromov_barycenter(matrices, size=12).value <= pot * (1.0 + 1e-6)
