"""What POT's tests of partial transport ask, asked of otdiv, and its values beside ours."""

from __future__ import annotations

import numpy as np
import pytest

from otdiv import InvalidInputError, partial_transport, partial_transport_matrix

ot = pytest.importorskip("ot")
pytestmark = pytest.mark.peers


def problem(seed, n=25, m=30, even=False):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, 2)), rng.normal(size=(m, 2)) + 0.5
    a = np.full(n, 1.0 / n) if even else rng.dirichlet(np.ones(n))
    b = np.full(m, 1.0 / m) if even else rng.dirichlet(np.ones(m))
    return x, y, a, b, ot.dist(x, y)


@pytest.mark.parametrize("mass", [-1.0, 2.0])
def test_masses_that_are_not_there_are_errors_as_in_pot(mass):
    _, _, a, b, M = problem(0)
    with pytest.raises(ValueError):  # noqa: PT011  (POT's own)
        ot.partial.partial_wasserstein(a, b, M, m=mass)
    with pytest.raises(InvalidInputError, match="`mass` must be a share"):
        partial_transport_matrix(M, x_weights=a, y_weights=b, mass=mass)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("mass", [0.2, 0.5, 0.9])
def test_costs_are_pots(seed, mass):
    x, y, a, b, M = problem(seed, even=seed % 2 == 0)
    plan = ot.partial.partial_wasserstein(a, b, M, m=mass, nb_dummies=5)
    ours = partial_transport(x, y, x_weights=a, y_weights=b, mass=mass, cost="sqeuclidean")
    assert ours.value == pytest.approx(float((plan * M).sum()), rel=1e-10)
    assert ours.moved == pytest.approx(mass)
    assert (ours.plan.row_sums() <= a * (1.0 + 1e-12)).all()
    assert (ours.plan.column_sums() <= b * (1.0 + 1e-12)).all()


@pytest.mark.parametrize("seed", range(4))
def test_the_lagrangian_is_a_price_of_two_reaches(seed):
    """POT: minimise <P, M> - reg_m |P|: what is moved costs less than reg_m."""
    _, _, a, b, M = problem(seed)
    price = 2.0
    plan = ot.partial.partial_wasserstein_lagrange(a, b, M, reg_m=price)
    pot = float((plan * M).sum() - price * plan.sum())
    ours = partial_transport_matrix(M, x_weights=a, y_weights=b, reach=0.5 * price)
    assert ours.value - price == pytest.approx(pot, rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_entropic_plans_are_not_cheaper(seed):
    """POT's partial optimal transport with an entropy has a plan of the same mass."""
    _, _, a, b, M = problem(seed)
    plan = ot.partial.entropic_partial_wasserstein(a, b, M, reg=0.5, m=0.6)
    ours = partial_transport_matrix(M, x_weights=a, y_weights=b, mass=0.6)
    assert ours.bounds.lower <= float((plan * M).sum()) * (1.0 + 1e-6)
