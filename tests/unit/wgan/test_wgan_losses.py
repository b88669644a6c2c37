"""The losses of GANs and WGANs: their values and their gradients."""

import math

import numpy as np
import pytest

from otdiv import InvalidInputError, wasserstein1
from otdiv.critics import (
    Architecture,
    CTransform,
    EntropicCTransform,
    GradientPenalty,
    StepReport,
    Tanh,
    Tape,
)
from otdiv.wgan import MinimaxGAN, NonSaturatingGAN, WassersteinGAN

LOSSES = [
    MinimaxGAN(),
    NonSaturatingGAN(),
    WassersteinGAN(),
    WassersteinGAN(CTransform()),
    WassersteinGAN(CTransform(safeguard=True)),
    WassersteinGAN(EntropicCTransform(0.3, safeguard=False)),
]


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return rng.standard_normal((7, 2)), rng.standard_normal((7, 2)) + 0.5


@pytest.fixture
def critic():
    network = Architecture((8, 8), Tanh(), dtype="float64").build(n_inputs=2, rng=1)
    return Tape(network, 7)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_the_generators_gradient_is_the_derivative_of_its_loss(loss, batch, critic):
    x, y = batch
    gradient = loss.generator_gradient(critic, x, y)[1].copy()
    direction = np.random.default_rng(2).standard_normal(y.shape)
    h = 1e-6
    ahead, behind = (loss.generator_gradient(critic, x, y + s * h * direction)[0] for s in (1, -1))
    # Central differences of smooth functions of size one: h^2 and eps / h.
    assert (ahead - behind) / (2.0 * h) == pytest.approx((gradient * direction).sum(), abs=1e-8)


@pytest.mark.parametrize("loss", LOSSES[:2], ids=repr)
def test_the_discriminators_coefficients_are_minus_the_derivative_of_its_objective(loss):
    rng = np.random.default_rng(0)
    x, y, values = rng.random((4, 2)), rng.random((5, 2)), rng.standard_normal(9)
    rule, coefficients, scratch = loss.critic_rule(), np.empty(9), np.empty(9)
    rule.objective(x, y, values, coefficients)
    h = 1e-6
    for i in range(9):
        step = h * np.eye(9)[i]
        ahead = rule.objective(x, y, values + step, scratch)
        behind = rule.objective(x, y, values - step, scratch)
        assert (ahead - behind) / (2.0 * h) == pytest.approx(-coefficients[i], abs=1e-9)


def test_a_perfect_discriminator_reads_log_two():
    values = np.array([60.0, 60.0, -60.0, -60.0])
    objective = (
        MinimaxGAN().critic_rule().objective(np.zeros((2, 1)), np.ones((2, 1)), values, np.empty(4))
    )
    report = StepReport(120.0, objective, 0.0, math.nan, 0.0)
    assert MinimaxGAN().reading(report) == pytest.approx(math.log(2.0), rel=1e-12)


def test_sure_discriminators_leave_the_minimax_generator_without_gradient():
    """And the non-saturating one with a full gradient."""
    sure = np.full(4, -40.0)
    assert np.abs(MinimaxGAN().generator_values(sure)[1]).max() < 1e-16
    np.testing.assert_allclose(NonSaturatingGAN().generator_values(sure)[1], -0.25)


@pytest.mark.parametrize("value", [-1e4, 1e4])
@pytest.mark.parametrize("loss", LOSSES[:2], ids=repr)
def test_extreme_values_do_not_overflow(loss, value):
    total, slope = loss.generator_values(np.full(3, value))
    assert math.isfinite(total)
    assert np.isfinite(slope).all()


def test_a_perfect_transform_gives_the_generator_the_gradient_of_the_batch_distance(batch):
    """At a Kantorovich potential of the batch the c-transform loss moves y down W1."""
    x, y = batch
    from otdiv import gradient, transport

    result = transport(x, y, cost="euclidean")

    class Potential:
        def forward(self, points):
            np.testing.assert_array_equal(points, x)
            return result.potentials.f[:, None]

    loss, in_points = WassersteinGAN(CTransform()).generator_gradient(Potential(), x, y)
    assert loss + result.potentials.f.mean() == pytest.approx(wasserstein1(x, y), rel=1e-9)
    tight = np.abs(in_points - gradient(result).y).max(axis=1) < 1e-9
    # Rows with two tight pairs may take the other one.
    assert tight.sum() >= 4


def test_gan_losses_refuse_a_semidual():
    for loss in (MinimaxGAN, NonSaturatingGAN):
        with pytest.raises(InvalidInputError, match="constraint"):
            loss(CTransform())


def test_gan_losses_keep_their_constraint():
    rule = MinimaxGAN(GradientPenalty(3.0)).critic_rule()
    assert rule.penalty == 3.0
    assert rule.rescaled(2.0).penalty == 1.5
