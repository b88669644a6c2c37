"""What training loops use: the loss module, pairings, and perceptrons that travel."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import otdiv  # noqa: E402  (after the check for torch)
from otdiv import InvalidInputError, UnsupportedProblemError  # noqa: E402
from otdiv.critics import (  # noqa: E402
    Architecture,
    Critic,
    GroupSort,
    LeakyReLU,
    ReLU,
    Softplus,
    Tanh,
    certify_critic,
)
from otdiv.torch import (  # noqa: E402
    TransportLoss,
    mlp_from_torch,
    mlp_to_torch,
    pairing,
    plan_entries,
    sinkhorn_divergence,
    transport_cost,
)

pytestmark = pytest.mark.interop


def cloud(seed, *shape, shift=0.0):
    return torch.tensor(np.random.default_rng(seed).normal(size=shape) + shift)


@pytest.mark.parametrize("epsilon", [None, 0.5])
def test_the_loss_is_the_call_reduced_over_the_batch(epsilon):
    x, y = cloud(0, 3, 6, 2), cloud(1, 3, 5, 2, shift=1.0)
    weights = torch.rand(3, 6, dtype=torch.float64) + 0.5
    values = (
        transport_cost(x, y, x_weights=weights, cost="sqeuclidean")
        if epsilon is None
        else sinkhorn_divergence(x, y, x_weights=weights, epsilon=epsilon)
    )
    for reduction, expected in (("none", values), ("mean", values.mean()), ("sum", values.sum())):
        loss = TransportLoss(epsilon=epsilon, reduction=reduction)
        torch.testing.assert_close(loss(x, y, weights), expected)
    assert list(TransportLoss().parameters()) == []


def test_options_of_the_loss_are_checked():
    with pytest.raises(InvalidInputError, match="`reduction` must be one of"):
        TransportLoss(reduction="max")
    with pytest.raises(InvalidInputError, match="`epsilon` must be positive"):
        TransportLoss(epsilon=-1.0)
    with pytest.raises(InvalidInputError, match="`cost` must be"):
        TransportLoss(cost="none")


def test_descent_on_the_loss_moves_a_cloud_onto_another():
    x = cloud(2, 20, 2).requires_grad_()
    y = cloud(3, 20, 2, shift=3.0)
    # Of (1/n) sum |x_i - y_σ(i)|², n/2 is the step that moves every point onto its partner.
    optimizer = torch.optim.SGD([x], lr=5.0)
    loss = TransportLoss()
    for _ in range(40):
        optimizer.zero_grad()
        value = loss(x, y)
        value.backward()
        optimizer.step()
    assert value.item() < 1e-9


@pytest.mark.parametrize("batch", [(), (4,)])
def test_a_pairing_uses_every_point_once_and_is_the_best(batch):
    x, y = cloud(4, *batch, 30, 2), cloud(5, *batch, 30, 2)
    columns = pairing(x.requires_grad_(), y)
    assert columns.dtype is torch.int64
    assert (columns.sort(-1).values == torch.arange(30)).all()
    partners = torch.take_along_dim(y, columns[..., None], -2)
    moved = ((x - partners) ** 2).sum(-1).mean(-1)
    torch.testing.assert_close(moved, transport_cost(x, y, cost="sqeuclidean"))


def test_entries_of_a_plan_are_weighted_pairs_that_keep_every_point():
    x, y = cloud(6, 7, 2, shift=0.5).float().requires_grad_(), cloud(7, 5, 2).float()
    pairs = plan_entries(x, y)
    assert pairs.mass.dtype is torch.float32
    assert len(pairs.mass) <= 11
    sums = torch.zeros(7).index_add_(0, pairs.rows, pairs.mass)
    torch.testing.assert_close(sums, torch.full((7,), 1 / 7))
    cost = (pairs.mass * ((x[pairs.rows] - y[pairs.columns]) ** 2).sum(1)).sum()
    torch.testing.assert_close(cost, transport_cost(x, y, cost="sqeuclidean"))


def test_unequal_counts_have_no_pairing():
    with pytest.raises(InvalidInputError, match="`y` must have 3 points"):
        pairing(cloud(8, 3, 2), cloud(9, 4, 2))


MODULES = {
    "ReLU": (torch.nn.ReLU, ReLU()),
    "LeakyReLU": (lambda: torch.nn.LeakyReLU(0.25), LeakyReLU(0.25)),
    "Tanh": (torch.nn.Tanh, Tanh()),
    "Softplus": (torch.nn.Softplus, Softplus()),
}


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_perceptron_keeps_its_values_there_and_back(name, dtype):
    make, activation = MODULES[name]
    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Linear(3, 8),
        make(),
        torch.nn.Dropout(0.5),
        torch.nn.Sequential(torch.nn.Linear(8, 6, bias=False), make()),
        torch.nn.Linear(6, 2),
    ).to(dtype)
    module.eval()
    network = mlp_from_torch(module)
    assert network.activation == activation
    assert network.sizes == (3, 8, 6, 2)
    x = cloud(10, 20, 3).to(dtype)
    allowed = {"rtol": 1e-5, "atol": 1e-6} if dtype is torch.float32 else {"rtol": 1e-12}
    np.testing.assert_allclose(network(x), module(x).detach().numpy(), **allowed)
    back = mlp_to_torch(network)
    torch.testing.assert_close(back(x), module(x))
    assert next(back.parameters()).dtype is dtype
    again = mlp_from_torch(back)
    np.testing.assert_array_equal(again.parameters, network.parameters)


def test_the_perceptron_that_left_shares_no_memory():
    module = torch.nn.Sequential(torch.nn.Linear(2, 1))
    network = mlp_from_torch(module)
    before = network.parameters.copy()
    with torch.no_grad():
        module[0].weight += 1.0
    np.testing.assert_array_equal(network.parameters, before)


def test_what_is_no_perceptron_of_otdiv_is_told():
    linear, relu, tanh = torch.nn.Linear(2, 2), torch.nn.ReLU(), torch.nn.Tanh()
    for layers, words in (
        ((linear, relu), "ends with a Linear layer"),
        ((linear, linear), "an activation between each two"),
        ((), "an activation between each two"),
        ((linear, torch.nn.GELU(), linear), "an activation of an MLP is ReLU"),
        ((linear, torch.nn.Softplus(beta=2), linear), "an activation of an MLP is ReLU"),
        ((linear, relu, linear, tanh, linear), "all activations of an MLP are the same"),
        ((linear, relu, torch.nn.Dropout(), linear), "an activation between each two"),
    ):
        with pytest.raises(UnsupportedProblemError, match=words):
            mlp_from_torch(torch.nn.Sequential(*layers))
    network = Architecture(hidden=(4,), activation=GroupSort(2)).build(n_inputs=2, rng=0)
    with pytest.raises(UnsupportedProblemError, match="torch has no GroupSort"):
        mlp_to_torch(network)
    with pytest.raises(InvalidInputError, match="`network` must be an MLP"):
        mlp_to_torch(torch.nn.Linear(2, 2))


def test_a_critic_trained_in_torch_gets_its_certified_bounds():
    rng = np.random.default_rng(11)
    x, y = rng.normal(size=(60, 2)), rng.normal(size=(60, 2)) + np.array([2.0, 0.0])
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1))
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-2)
    X, Y = torch.tensor(x).float(), torch.tensor(y).float()
    for _ in range(150):
        optimizer.zero_grad()
        points = torch.cat([X, Y]).requires_grad_()
        slopes = torch.autograd.grad(module(points).sum(), points, create_graph=True)[0].norm(dim=1)
        loss = module(Y).mean() - module(X).mean() + 10.0 * torch.relu(slopes - 1.0).square().mean()
        loss.backward()
        optimizer.step()
    critic = Critic(mlp_from_torch(module).astype(np.float64), np.zeros(2), 1.0)
    laws = (otdiv.DiscreteMeasure.from_samples(z) for z in (x, y))
    _, _, bounds = certify_critic(critic, *laws)
    exact = otdiv.wasserstein1(x, y)
    assert 0.8 * exact < bounds.lower <= exact
