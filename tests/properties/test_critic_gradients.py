"""Laws of the sweeps: every gradient equals its definition, for random shapes and activations."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from otdiv.critics import (
    Architecture,
    CriticPass,
    FullSort,
    GroupSort,
    LeakyReLU,
    MaxMin,
    ReLU,
    Softplus,
    Tanh,
    Tape,
)

SMOOTH = [Tanh(), Softplus()]
PIECEWISE = [ReLU(), LeakyReLU(0.2), LeakyReLU(0.5), MaxMin(), GroupSort(4), FullSort()]


def values_and_slopes(network, parameters, x):
    """Outputs, input gradients and the distance to the next kink, in plain complex-safe NumPy."""
    weights, biases = network.split(parameters)
    act = network.activation
    a, derivatives, margin = x.astype(parameters.dtype), [], np.inf
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        z = a @ weight.T + bias
        if isinstance(act, Tanh):
            a = np.tanh(z)
            derivatives.append(1.0 - a**2)
        elif isinstance(act, Softplus):
            a = np.log(1.0 + np.exp(z))
            derivatives.append(1.0 / (1.0 + np.exp(-z)))
        elif isinstance(act, GroupSort):
            groups = z.reshape(len(z), -1, act.size or z.shape[1])
            order = np.argsort(groups.real, axis=2)
            a = np.take_along_axis(groups, order, 2)
            margin = min(margin, np.diff(a.real, axis=2).min(initial=np.inf))
            a = a.reshape(z.shape)
            derivatives.append(order)
        else:
            slope = getattr(act, "slope", 0.0)
            derivatives.append(np.where(z.real > 0.0, 1.0, slope))
            a = z * derivatives[-1]
            margin = min(margin, np.abs(z.real).min())
    out = a @ weights[-1].T + biases[-1]
    g = np.repeat(weights[-1], len(x), axis=0)
    for weight, derivative in zip(weights[-2::-1], derivatives[::-1], strict=True):
        if isinstance(act, GroupSort):
            unsorted = np.empty_like(g.reshape(derivative.shape))
            np.put_along_axis(unsorted, derivative, g.reshape(derivative.shape), 2)
            g = unsorted.reshape(g.shape)
        else:
            g = g * derivative
        g = g @ weight
    return out[:, 0], g, margin


def penalty(slopes, weight, one_sided):
    excess = np.sqrt((slopes**2).sum(axis=1)) - 1.0
    if one_sided:
        excess = np.where(excess.real > 0.0, excess, 0.0)
    return weight * (excess**2).mean()


def loss(network, parameters, rows, points, coefficients, weight, one_sided):
    out, _, margin_rows = values_and_slopes(network, parameters, rows)
    _, slopes, margin = values_and_slopes(network, parameters, points)
    total = (coefficients * out).sum() + penalty(slopes, weight, one_sided)
    return total, min(margin, margin_rows)


@st.composite
def cases(draw, activations):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    hidden = draw(st.lists(st.sampled_from([4, 8]), min_size=0, max_size=3))
    act = draw(st.sampled_from(activations))
    network = Architecture(hidden, act, "float64").build(n_inputs=draw(st.integers(1, 4)), rng=rng)
    network.parameters += 0.2 * rng.standard_normal(network.parameters.size)
    # Slopes on both sides of one, so that the one-sided penalty is neither all nor nothing.
    network.weights[-1][...] *= draw(st.sampled_from([0.3, 1.0, 3.0]))
    rows = rng.standard_normal((draw(st.integers(1, 5)), network.n_inputs))
    points = rng.standard_normal((draw(st.integers(1, 5)), network.n_inputs))
    coefficients = rng.standard_normal(len(rows))
    return (
        network,
        rows,
        points,
        coefficients,
        draw(st.sampled_from([0.1, 10.0])),
        draw(st.booleans()),
    )


def computed_gradient(network, rows, points, coefficients, weight, one_sided):
    step = CriticPass(network, len(rows), len(points))
    out = step.forward(rows, points).copy()
    gradient = np.full_like(network.parameters, np.nan)
    value, _ = step.backward(coefficients, gradient, weight=weight, one_sided=one_sided)
    return float(coefficients @ out) + value, gradient


@given(cases(SMOOTH))
@settings(max_examples=30, deadline=None)
def test_second_backward_of_smooth_networks_is_the_complex_step_derivative(case):
    network, rows, points, coefficients, weight, one_sided = case
    value, gradient = computed_gradient(*case)
    expected = np.empty_like(gradient)
    for k in range(gradient.size):
        shifted = network.parameters.astype(complex)
        shifted[k] += 1e-100j
        expected[k] = (
            loss(network, shifted, rows, points, coefficients, weight, one_sided)[0].imag / 1e-100
        )
    reference = loss(network, network.parameters, *case[1:])[0]
    assert value == pytest.approx(reference, rel=1e-10, abs=1e-10)
    assert np.linalg.norm(gradient - expected) <= 1e-8 * np.linalg.norm(expected)


@given(cases(PIECEWISE))
@settings(max_examples=30, deadline=None)
def test_second_backward_of_piecewise_linear_networks_is_the_central_difference(case):
    network, rows, points, coefficients, weight, one_sided = case
    _, gradient = computed_gradient(*case)
    step = 1e-6
    expected = np.empty_like(gradient)
    for k in range(gradient.size):
        sides = []
        for sign in (step, -step):
            shifted = network.parameters.copy()
            shifted[k] += sign
            total, margin = loss(network, shifted, rows, points, coefficients, weight, one_sided)
            # Points within reach of a kink have no derivative to compare with.
            assume(margin > 1e-4)
            sides.append(total)
        expected[k] = (sides[0] - sides[1]) / (2.0 * step)
    slopes = np.linalg.norm(values_and_slopes(network, network.parameters, points)[1], axis=1)
    assume(slopes.min() > 1e-2 and np.abs(slopes - 1.0).min() > 1e-3)
    scale = max(float(np.linalg.norm(expected)), 1e-2)
    assert np.linalg.norm(gradient - expected) <= 1e-6 * scale


@given(cases(SMOOTH + PIECEWISE))
@settings(max_examples=30, deadline=None)
def test_input_gradient_is_the_backward_sweep_of_the_definition(case):
    network, _, points, *_ = case
    slopes = values_and_slopes(network, network.parameters, points)[1]
    np.testing.assert_allclose(network.input_gradient(points), slopes, rtol=1e-10, atol=1e-12)


@given(cases(SMOOTH + PIECEWISE))
@settings(max_examples=30, deadline=None)
def test_tape_and_critic_pass_agree_without_a_penalty(case):
    network, rows, _, coefficients, *_ = case
    tape, step = Tape(network, len(rows)), CriticPass(network, len(rows))
    by_tape, by_pass = np.empty_like(network.parameters), np.empty_like(network.parameters)
    np.testing.assert_allclose(tape.forward(rows)[:, 0], step.forward(rows), rtol=1e-12)
    tape.backward(coefficients[:, None], by_tape)
    step.backward(coefficients, by_pass)
    scale = np.abs(by_tape).max()
    np.testing.assert_allclose(by_pass, by_tape, rtol=1e-10, atol=1e-12 * scale)


@given(st.integers(0, 2**32 - 1), st.sampled_from(SMOOTH), st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_backward_of_vector_outputs_is_the_complex_step_derivative(seed, act, n_outputs):
    rng = np.random.default_rng(seed)
    network = Architecture((8, 4), act, "float64").build(n_inputs=3, n_outputs=n_outputs, rng=rng)
    x, cotangent = rng.standard_normal((4, 3)), rng.standard_normal((4, n_outputs))
    tape, gradient = Tape(network, 4), np.empty_like(network.parameters)
    tape.forward(x)
    tape.backward(cotangent, gradient)

    def inner(parameters):
        weights, biases = network.split(parameters)
        a = x.astype(complex)
        for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            a = a @ weight.T + bias
            if layer < 2:
                a = np.tanh(a) if isinstance(act, Tanh) else np.log(1.0 + np.exp(a))
        return (cotangent * a).sum()

    for k in range(gradient.size):
        shifted = network.parameters.astype(complex)
        shifted[k] += 1e-100j
        expected = inner(shifted).imag / 1e-100
        assert gradient[k] == pytest.approx(expected, rel=1e-9, abs=1e-11)
