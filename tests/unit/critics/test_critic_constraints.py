import numpy as np
import pytest

from otdiv import InvalidInputError
from otdiv.critics import (
    Adam,
    Architecture,
    CriticTrainer,
    CTransform,
    EntropicCTransform,
    GradientPenalty,
    LipschitzPenalty,
    Orthonormal,
    SpectralNormalization,
    WeightClipping,
    lipschitz_bound,
)

CONSTRAINTS = [
    WeightClipping(0.05),
    GradientPenalty(10.0),
    LipschitzPenalty(10.0),
    SpectralNormalization(),
    Orthonormal(),
    CTransform(),
    EntropicCTransform(0.5),
]


def trained(constraint, n_steps=30, dtype="float32", seed=0, state=None):
    network = Architecture((16, 8), constraint.activation, dtype).build(n_inputs=2, rng=seed)
    trainer = CriticTrainer(network, constraint, batch_size=32, rng=seed)
    if state is not None:
        trainer.load_state_dict(state)
    batches = np.random.default_rng(1).standard_normal((n_steps, 2, 32, 2))
    batches[:, 0] += [1.0, 0.0]
    for x, y in batches:
        trainer.step(x, y)
    return trainer


def test_clipping_holds_after_every_step_and_for_biases():
    trainer = trained(WeightClipping(0.05))
    assert np.abs(trainer.network.parameters).max() <= np.float32(0.05)
    assert np.abs(np.concatenate(trainer.network.biases)).max() > 0.0


def test_orthonormal_steps_along_directions_that_keep_it_to_first_order():
    network = Architecture((8, 16, 4), Orthonormal().activation, "float64").build(n_inputs=2, rng=0)
    binding = Orthonormal().bind(network)
    gradient = np.random.default_rng(3).standard_normal(network.parameters.shape)
    biases = [bias.copy() for bias in network.split(gradient)[1]]
    binding.pull_back(gradient)
    blocks, pulled_biases = network.split(gradient)
    for block, weight in zip(blocks, network.weights, strict=True):
        if weight.shape[0] <= weight.shape[1]:
            block, weight = block.T, weight.T
        rate = weight.T @ block
        np.testing.assert_allclose(rate + rate.T, 0.0, atol=1e-13)
        assert np.abs(block).max() > 0.0
    np.testing.assert_array_equal(np.concatenate(pulled_biases), np.concatenate(biases))


@pytest.mark.parametrize("hidden", [(16, 8), (8, 16), (16, 16)])
def test_orthonormal_weights_have_constant_one_in_either_direction(hidden):
    network = Architecture(hidden, Orthonormal().activation).build(n_inputs=2, rng=0)
    trainer = CriticTrainer(network, Orthonormal(), batch_size=32, rng=0)
    rng = np.random.default_rng(2)
    for _ in range(20):
        trainer.step(rng.standard_normal((32, 2)) + 1.0, rng.standard_normal((32, 2)))
    # Two Björck steps after an update of size 1e-3 leave less than float32's rounding.
    assert lipschitz_bound(network.astype(np.float64)) < 1.0 + 1e-5
    trainer.binding.finish()
    assert lipschitz_bound(network.astype(np.float64)) < 1.0 + 1e-6


def test_spectral_normalisation_ends_at_constant_one():
    trainer = trained(SpectralNormalization(), dtype="float64")
    trainer.binding.finish()
    # Power iteration approaches each norm from below, so the constant stays just above one.
    assert 1.0 - 1e-9 < lipschitz_bound(trainer.network) < 1.05


def test_spectral_normalisation_pulls_gradients_back_exactly():
    rng = np.random.default_rng(3)
    network = Architecture((8,), SpectralNormalization().activation, "float64").build(
        n_inputs=4, rng=rng
    )
    binding = SpectralNormalization(n_power_iterations=500).bind(network)
    binding.refresh()
    gradient = rng.standard_normal(network.parameters.size)
    pulled, direction = gradient.copy(), rng.standard_normal(network.parameters.size)
    binding.pull_back(pulled)
    start, values = binding.trainable.copy(), []
    for step in (1e-5, -1e-5):
        binding.trainable[...] = start + step * direction
        binding.refresh()
        values.append(gradient @ network.parameters)
    assert pulled @ direction == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-6)


@pytest.mark.slow
def test_gradient_penalty_pulls_slopes_to_one_from_both_sides():
    def slope_after(constraint, slope):
        network = Architecture((), dtype="float64").build(n_inputs=1, rng=0)
        network.weights[0][...] = slope
        trainer = CriticTrainer(network, constraint, optimizer=Adam(), batch_size=8, rng=0)
        x = np.linspace(0.0, 1.0, 8)[:, None]
        trainer.step(x, x)
        return network.weights[0][0, 0]

    assert slope_after(GradientPenalty(10.0), 0.5) > 0.5
    assert slope_after(GradientPenalty(10.0), 1.5) < 1.5
    assert slope_after(LipschitzPenalty(10.0), 0.5) == 0.5
    assert slope_after(LipschitzPenalty(10.0), 1.5) < 1.5


@pytest.mark.slow
@pytest.mark.parametrize("constraint", CONSTRAINTS, ids=repr)
def test_a_resumed_trainer_continues_bit_for_bit(constraint):
    first = trained(constraint)
    state, rng_state = first.state_dict(), first.rng.bit_generator.state
    network = Architecture((16, 8), constraint.activation).build(n_inputs=2, rng=7)
    second = CriticTrainer(network, constraint, batch_size=32, rng=7)
    second.load_state_dict(state)
    second.rng.bit_generator.state = rng_state
    batches = np.random.default_rng(2).standard_normal((5, 2, 32, 2))
    for x, y in batches:
        np.testing.assert_array_equal(first.step(x, y), second.step(x, y))
    np.testing.assert_array_equal(first.network.parameters, second.network.parameters)


def test_a_broken_step_moves_nothing_and_says_so():
    trainer = trained(LipschitzPenalty())
    before = trainer.network.parameters.copy()
    report = trainer.step(np.full((32, 2), np.nan), np.zeros((32, 2)))
    assert not report.finite
    np.testing.assert_array_equal(trainer.network.parameters, before)


def test_the_safeguard_trains_on_the_difference_while_it_is_smaller():
    rng = np.random.default_rng(4)
    x, y = rng.standard_normal((6, 2)) + 3.0, rng.standard_normal((6, 2))
    coefficients = np.empty(12)
    # A flat critic: L1 = 0 is below both semi-duals, whose optimum is W1 > 0.
    assert CTransform(safeguard=True).objective(x, y, np.zeros(12), coefficients) == 0.0
    np.testing.assert_allclose(coefficients, np.repeat([-1 / 6, 1 / 6], 6))
    # A steep one: its semi-dual is smaller than its difference.
    values = 10.0 * np.concatenate([x[:, 0], y[:, 0]])
    objective = CTransform(safeguard=True).objective(x, y, values, coefficients)
    assert objective < values[:6].mean() - values[6:].mean()


def test_constraints_refuse_senseless_numbers():
    for build in (
        lambda: WeightClipping(0.0),
        lambda: GradientPenalty(-1.0),
        lambda: LipschitzPenalty(float("nan")),
        lambda: EntropicCTransform(0.0),
    ):
        with pytest.raises(InvalidInputError, match="must be positive"):
            build()
    with pytest.raises(InvalidInputError, match="`n_power_iterations` must be at least 1"):
        SpectralNormalization(0)
