"""Gradients of POT and GeomLoss: ours where they are right, and how they differ where not."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pot = pytest.importorskip("ot")
geomloss = pytest.importorskip("geomloss")

from otdiv.torch import (  # noqa: E402  (after the checks for the peers)
    energy_distance,
    maximum_mean_discrepancy,
    sinkhorn_divergence,
    sliced_wasserstein,
    transport_cost,
    transport_matrix_cost,
    wasserstein1,
)

pytestmark = pytest.mark.peers


def clouds(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(0.5, 2.0, 6), rng.uniform(0.5, 2.0, 5)
    arrays = rng.normal(size=(6, 2)), rng.normal(size=(5, 2)) + 0.5, a / a.sum(), b / b.sum()
    return [torch.tensor(array).requires_grad_() for array in arrays]


def gradients(value, *tensors):
    return torch.autograd.grad(value, tensors)


@pytest.mark.parametrize("seed", range(3))
def test_gradients_in_points_and_costs_are_those_of_pot(seed):
    x, y, a, b = clouds(seed)
    a, b = a.detach(), b.detach()
    expected = gradients(pot.emd2(a, b, pot.dist(x, y)), x, y)
    found = gradients(transport_cost(x, y, x_weights=a, y_weights=b, cost="sqeuclidean"), x, y)
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs)
    C = torch.cdist(x, y).detach().requires_grad_()
    (plan,) = gradients(transport_matrix_cost(C, x_weights=a, y_weights=b), C)
    torch.testing.assert_close(plan, gradients(pot.emd2(a, b, C), C)[0])


def test_slices_are_those_of_pot():
    x, y, a, b = clouds(3)
    a, b = a.detach(), b.detach()
    axes = torch.tensor(np.random.default_rng(4).normal(size=(9, 2)))
    axes = axes / axes.norm(dim=1, keepdim=True)
    theirs = pot.sliced_wasserstein_distance(x, y, a, b, projections=axes.T, p=2)
    mine = sliced_wasserstein(x, y, x_weights=a, y_weights=b, directions=axes, p=2.0)
    torch.testing.assert_close(mine, theirs)
    torch.testing.assert_close(gradients(mine, x)[0], gradients(theirs, x)[0])


def test_pot_centres_potentials_by_their_plain_mean():
    """Equal along the simplex; ours does not change with the mass, and so is 0 along a itself."""
    x, y, a, b = clouds(5)
    b = b.detach()
    (theirs,) = gradients(pot.emd2(a, b, pot.dist(x, y).detach()), a)
    value = transport_cost(x, y, x_weights=a, y_weights=b, cost="sqeuclidean")
    (mine,) = gradients(value, a)
    assert float(mine @ a.detach()) == pytest.approx(0.0, abs=1e-12)
    assert abs(float(theirs @ a.detach())) > 1e-3
    assert float(theirs.mean()) == pytest.approx(0.0, abs=1e-12)
    torch.testing.assert_close(mine - mine.mean(), theirs - theirs.mean())


def test_the_value_of_pot_grows_with_the_mass_and_so_does_its_gradient():
    """Its weights are masses; those of otdiv are relative frequencies (a DiscreteMeasure's not)."""
    x, y, a, b = clouds(6)
    a, b = a.detach(), b.detach()
    theirs = pot.emd2(3.0 * a, 3.0 * b, pot.dist(x, y))
    mine = transport_cost(x, y, x_weights=3.0 * a, y_weights=3.0 * b, cost="sqeuclidean")
    torch.testing.assert_close(theirs, 3.0 * mine)
    torch.testing.assert_close(gradients(theirs, x)[0], 3.0 * gradients(mine, x)[0])


def rise(a, b, C, k):
    """What a little mass at an atom costs, of weights that are normalised."""
    more = a.detach().clone()
    more[k] += 1e-7
    values = [transport_matrix_cost(C, x_weights=w, y_weights=b) for w in (a.detach(), more)]
    return float(values[1] - values[0]) / 1e-7


def test_the_potential_of_pot_at_a_weight_of_zero_is_no_derivative():
    x, y, a, b = clouds(1)
    C, b = pot.dist(x, y).detach(), b.detach()
    a = a.detach().clone()
    a[2] = 0.0
    a = (a / a.sum()).requires_grad_()
    (theirs,) = gradients(pot.emd2(a, b, C), a)
    (mine,) = gradients(transport_matrix_cost(C, x_weights=a, y_weights=b), a)
    expected = rise(a, b, C, 2)
    assert float(mine[2]) == pytest.approx(expected, abs=1e-4)
    centred = theirs - theirs @ a.detach()
    live = a.detach() > 0.0
    torch.testing.assert_close(centred[live], mine[live])
    assert abs(float(centred[2]) - expected) > 1.0


def test_matched_points_that_coincide_are_nan_in_pot():
    x = clouds(7)[0]
    even = torch.full((6,), 1 / 6, dtype=torch.float64)
    distances = pot.dist(x, x.detach(), metric="euclidean")
    assert gradients(pot.emd2(even, even, distances), x)[0].isnan().any()
    assert not gradients(wasserstein1(x, x.detach()), x)[0].any()


KERNELS = {"energy": None, "gaussian": "gaussian", "laplacian": "laplace"}


@pytest.mark.parametrize("name", KERNELS)
def test_kernel_losses_of_geomloss_are_half_squares_with_weights_not_centred(name):
    x, y, a, b = clouds(8)
    theirs = geomloss.SamplesLoss(name, blur=1.3, backend="tensorized")(a, x, b, y)
    mine = (
        energy_distance(x, y, x_weights=a, y_weights=b)
        if name == "energy"
        else maximum_mean_discrepancy(
            x, y, x_weights=a, y_weights=b, bandwidth=1.3, kernel=KERNELS[name]
        )
    )
    expected, found = gradients(theirs, x, y, a), gradients(0.5 * mine**2, x, y, a)
    # GeomLoss blurs distances near 0 by 1e-8 under a root, so that the value is off by 1e-4.
    assert theirs.item() == pytest.approx(0.5 * mine.item() ** 2, rel=1e-3)
    for k in range(2):
        torch.testing.assert_close(found[k], expected[k], rtol=1e-3, atol=1e-4)
    difference = expected[2] - found[2]
    torch.testing.assert_close(difference, difference.mean().expand(6), rtol=1e-3, atol=1e-3)
    assert abs(float(difference.mean())) > 0.05


def test_the_sinkhorn_loss_of_geomloss_is_half_of_ours_and_not_converged():
    """Its cost is |x - y|²/2 of blur² = ε/2, and its gradients err by what its annealing leaves."""
    x, y, a, b = clouds(9)
    loss = geomloss.SamplesLoss("sinkhorn", p=2, blur=0.5**0.5, scaling=0.9, backend="tensorized")
    theirs = 2.0 * loss(a, x, b, y)
    options = {"epsilon": 1.0, "marginal_tolerance": 1e-11}
    mine = sinkhorn_divergence(x, y, x_weights=a, y_weights=b, **options)
    expected, found = gradients(theirs, x, a), gradients(mine, x, a)
    assert theirs.item() == pytest.approx(mine.item(), rel=2e-2)
    torch.testing.assert_close(expected[0], found[0], rtol=0.2, atol=0.1)
    # Ours is the derivative: of a step of 1e-5 in one coordinate.
    moved = [x.detach().clone() for _ in range(2)]
    for sign, cloud in zip((1.0, -1.0), moved, strict=True):
        cloud[0, 0] += sign * 1e-5
    values = [sinkhorn_divergence(z, y, x_weights=a, y_weights=b, **options).item() for z in moved]
    slope = (values[0] - values[1]) / 2e-5
    assert float(found[0][0, 0]) == pytest.approx(slope, abs=1e-7)
    assert abs(float(expected[0][0, 0]) - slope) > 1e-5
    assert float(found[1] @ a.detach()) == pytest.approx(0.0, abs=1e-10)
    assert abs(float(expected[1] @ a.detach())) > 0.1
