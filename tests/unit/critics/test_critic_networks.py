import numpy as np
import pytest

from otdiv import InvalidInputError
from otdiv.critics import (
    MLP,
    Adam,
    Architecture,
    FullSort,
    GroupSort,
    LeakyReLU,
    MaxMin,
    ReLU,
    RMSProp,
    Softplus,
    Tanh,
    layer_gradient_norms,
)

ACTIVATIONS = [ReLU(), LeakyReLU(0.3), Tanh(), Softplus(), MaxMin(), GroupSort(4), FullSort()]


@pytest.mark.parametrize("act", ACTIVATIONS, ids=repr)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_saved_network_is_loaded_bit_for_bit(act, dtype, tmp_path):
    network = Architecture((8, 4), act, dtype).build(n_inputs=3, n_outputs=2, rng=0)
    network.save(tmp_path / "network.npz")
    loaded = MLP.load(tmp_path / "network.npz")
    assert loaded.activation == act
    assert loaded.dtype == network.dtype
    np.testing.assert_array_equal(loaded.parameters, network.parameters)
    x = np.random.default_rng(1).standard_normal((5, 3))
    np.testing.assert_array_equal(loaded(x), network(x))


def test_a_file_with_pickled_objects_is_refused(tmp_path):
    network = Architecture((4,)).build(n_inputs=1, rng=0)
    state = network.state_dict() | {"parameters": np.array([{}], dtype=object)}
    np.savez(tmp_path / "bad.npz", **state)
    with pytest.raises(ValueError, match="pickle"):
        MLP.load(tmp_path / "bad.npz")


def test_weights_are_views_of_the_parameters():
    network = Architecture((4, 3), dtype="float64").build(n_inputs=2, rng=0)
    network.parameters[:] = np.arange(network.parameters.size)
    np.testing.assert_array_equal(network.weights[0], np.arange(8).reshape(4, 2))
    np.testing.assert_array_equal(network.biases[0], np.arange(8, 12))


def test_he_initialisation_has_the_variance_of_its_gain():
    network = Architecture((400, 400), ReLU()).build(n_inputs=100, rng=0)
    # Relative standard deviation of a variance of k normals is sqrt(2 / k); five of them.
    for weight, gain in zip(network.weights, (2.0, 2.0, 1.0), strict=True):
        expected = gain / weight.shape[1]
        assert abs(weight.var() / expected - 1.0) < 5.0 * np.sqrt(2.0 / weight.size) + 0.01
    assert all((bias == 0.0).all() for bias in network.biases)


@pytest.mark.parametrize("act", ACTIVATIONS, ids=repr)
def test_float32_values_are_those_of_float64_to_single_precision(act):
    network = Architecture((16, 16), act, "float32").build(n_inputs=3, rng=0)
    x = np.random.default_rng(2).standard_normal((50, 3)).astype(np.float32)
    exact = network.astype(np.float64)(x)
    np.testing.assert_allclose(network(x), exact, atol=64 * np.finfo(np.float32).eps)


@pytest.mark.parametrize("act", [ReLU(), LeakyReLU(), MaxMin(), FullSort()], ids=repr)
def test_activations_do_not_hide_nan(act):
    z = np.array([[np.nan, 1.0, 2.0, -1.0]])
    act.apply(z, np.zeros(4), act.state(1, 4))
    assert np.isnan(z).any()


def test_softplus_neither_overflows_nor_cancels():
    z = np.array([[1e3, -1e3, 0.0, -40.0]])
    Softplus().apply(z, np.zeros(4), Softplus().state(1, 4))
    np.testing.assert_allclose(z[0], [1e3, 0.0, np.log(2.0), np.exp(-40.0)], rtol=1e-15)


def test_group_sort_of_two_is_the_sorted_pairs_of_general_group_sort():
    x = np.random.default_rng(3).standard_normal((6, 8))
    pairs, whole = x.copy(), x.copy()
    MaxMin().apply(pairs, np.zeros(8), MaxMin().state(6, 8))
    FullSort().apply(whole, np.zeros(8), FullSort().state(6, 8))
    np.testing.assert_array_equal(pairs, np.sort(x.reshape(6, 4, 2), axis=2).reshape(6, 8))
    np.testing.assert_array_equal(whole, np.sort(x, axis=1))


def test_groups_must_fill_the_layers():
    with pytest.raises(InvalidInputError, match="multiples of the group size 4"):
        Architecture((6,), GroupSort(4))


def test_inputs_are_checked_by_name():
    network = Architecture((4,)).build(n_inputs=2, rng=0)
    with pytest.raises(InvalidInputError, match="`x` must have 2 columns"):
        network(np.zeros((3, 5)))
    with pytest.raises(InvalidInputError, match="`dtype` must be one of"):
        Architecture(dtype="float16")
    with pytest.raises(InvalidInputError, match="`beta2` must lie in"):
        Adam(beta2=1.0)


def test_adam_is_its_published_recursion():
    rng = np.random.default_rng(4)
    w = rng.standard_normal(50)
    expected, m, v = w.copy(), np.zeros(50), np.zeros(50)
    state = Adam(learning_rate=0.01, beta1=0.9, beta2=0.99).start(w)
    for t in range(1, 6):
        g = rng.standard_normal(50)
        m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
        expected -= 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.99**t)) + 1e-8)
        state.step(w, g)
    np.testing.assert_allclose(w, expected, rtol=1e-12)


@pytest.mark.parametrize("optimizer", [Adam(beta1=0.5), RMSProp()], ids=repr)
def test_a_resumed_optimizer_continues_bit_for_bit(optimizer):
    rng = np.random.default_rng(5)
    gradients = rng.standard_normal((10, 7)).astype(np.float32)
    w = np.ones(7, dtype=np.float32)
    state = optimizer.start(w)
    for g in gradients[:5]:
        state.step(w, g)
    stored, resumed = state.state_dict(), w.copy()
    for g in gradients[5:]:
        state.step(w, g)
    other = optimizer.start(resumed)
    other.load_state_dict(stored)
    for g in gradients[5:]:
        other.step(resumed, g)
    np.testing.assert_array_equal(resumed, w)


def test_gradients_of_a_deep_clipped_network_vanish_exponentially():
    network = Architecture((32,) * 8, ReLU()).build(n_inputs=2, rng=0)
    np.clip(network.parameters, -1e-3, 1e-3, out=network.parameters)
    norms = layer_gradient_norms(network, np.random.default_rng(6).standard_normal((50, 2)) + 3.0)
    # Each of the layers between scales a gradient by at most 1e-3 * width.
    ratios = norms[1:-2] / norms[2:-1]
    assert (ratios <= 1e-3 * 32).all()


def test_layer_gradients_start_with_the_input_gradient():
    network = Architecture((8, 8), Tanh(), "float64").build(n_inputs=2, rng=0)
    z = np.random.default_rng(7).standard_normal((5, 2))
    expected = np.sqrt((network.input_gradient(z) ** 2).sum(axis=1).mean())
    assert layer_gradient_norms(network, z)[0] == pytest.approx(expected, rel=1e-12)
