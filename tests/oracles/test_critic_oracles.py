"""Critics against values known in closed form and against verified arithmetic."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest

from otdiv.critics import (
    Architecture,
    Critic,
    GradientPenalty,
    LipschitzPenalty,
    ReLU,
    Softplus,
    Tanh,
    fit_critic,
    lipschitz_bound,
    spectral_norm_bound,
)


@pytest.mark.parametrize("kind", [GradientPenalty, LipschitzPenalty])
@pytest.mark.parametrize("weight", [1.0, 10.0])
def test_penalised_critics_of_two_atoms_overestimate_by_distance_squared_over_twice_the_weight(
    kind, weight
):
    # On the segment of length a: slope 1 + a / (2 weight), difference a + a^2 / (2 weight).
    a = 2.0
    fit = fit_critic(
        [[a, 0.0]],
        [[0.0, 0.0]],
        constraint=kind(weight),
        network=Architecture((32, 32)),
        batch_size=64,
        max_iterations=1200,
        rng=0,
    )
    assert fit.raw == pytest.approx(a + a**2 / (2.0 * weight), rel=0.02)
    assert 0.98 * a <= fit.bounds.lower <= a * (1.0 + 1e-12)


@pytest.mark.parametrize("kind", [GradientPenalty, LipschitzPenalty])
def test_penalised_critics_of_two_normals_reach_the_biased_optimum(kind):
    # W1 + (1 / (2 weight)) ∫ h^2 / rho is 1.0545 for N(0, 1), N(1, 1), weight 10; 4 % of it.
    y = np.random.default_rng(0).standard_normal((4000, 1))
    fit = fit_critic(
        y + 1.0,
        y,
        constraint=kind(10.0),
        network=Architecture((64, 64)),
        max_iterations=1500,
        rng=0,
    )
    assert fit.raw == pytest.approx(1.0545, rel=0.04)
    assert 0.98 <= fit.bounds.lower <= 1.0 + 1e-12


def test_spectral_norm_bound_encloses_the_value_of_high_precision():
    rng = np.random.default_rng(1)
    with mpmath.workdps(40):
        for shape in ((5, 3), (3, 5), (6, 6), (4, 1)):
            matrix = rng.standard_normal(shape)
            gram = mpmath.matrix(matrix.tolist()) * mpmath.matrix(matrix.tolist()).T
            exact = mpmath.sqrt(max(mpmath.eigsy(gram, eigvals_only=True)))
            bound = spectral_norm_bound(matrix)
            assert exact <= bound <= exact * (1 + mpmath.mpf("1e-12"))


def test_value_errors_cover_rational_arithmetic():
    rng = np.random.default_rng(2)
    network = Architecture((6, 5), ReLU(), "float64").build(n_inputs=3, rng=rng)
    network.parameters += rng.standard_normal(network.parameters.size)
    critic = Critic(network, np.array([0.1, -0.7, 1e3]), 0.3)
    points = rng.standard_normal((8, 3)) + critic.centre
    computed, errors = critic(points), critic.value_errors(points)

    def exact(point):
        a = [
            (Fraction(p) - Fraction(c)) / Fraction(0.3)
            for p, c in zip(point, critic.centre, strict=True)
        ]
        for layer, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
            a = [
                sum((Fraction(w) * v for w, v in zip(row, a, strict=True)), Fraction(b))
                for row, b in zip(weight, bias, strict=True)
            ]
            if layer < 2:
                a = [max(value, Fraction(0)) for value in a]
        return Fraction(0.3) * a[0]

    for point, value, error in zip(points, computed, errors, strict=True):
        gap = abs(exact(point.tolist()) - Fraction(float(value)))
        assert gap <= Fraction(float(error))
    # The bound is a proof, not a guess, but still near rounding.
    assert errors.max() < 1e-10


@pytest.mark.parametrize("act", [Tanh(), Softplus()], ids=repr)
def test_value_errors_cover_high_precision_of_smooth_activations(act):
    rng = np.random.default_rng(3)
    network = Architecture((6, 5), act, "float64").build(n_inputs=2, rng=rng)
    network.parameters += rng.standard_normal(network.parameters.size)
    critic = Critic(network, np.zeros(2), 1.0)
    points = 3.0 * rng.standard_normal((8, 2))
    computed, errors = critic(points), critic.value_errors(points)
    with mpmath.workdps(40):
        for point, value, error in zip(points, computed, errors, strict=True):
            a = mpmath.matrix(point.tolist())
            for layer, (weight, bias) in enumerate(
                zip(network.weights, network.biases, strict=True)
            ):
                a = mpmath.matrix(weight.tolist()) * a + mpmath.matrix(bias.tolist())
                if layer < 2:
                    one = (
                        mpmath.tanh
                        if isinstance(act, Tanh)
                        else (lambda z: mpmath.log1p(mpmath.exp(z)))
                    )
                    a = a.apply(one)
            assert abs(a[0] - mpmath.mpf(float(value))) <= mpmath.mpf(float(error))


@pytest.mark.parametrize("c", [0.001, 0.01, 0.1])
def test_all_weights_at_the_clip_bound_attain_its_lipschitz_constant(c):
    # 2-512-512-512-1 ReLU: c^4 512^3 sqrt(2), attained in the direction (1, 1).
    network = Architecture((512, 512, 512), ReLU(), "float64").build(n_inputs=2, rng=0)
    network.parameters[...] = c
    expected = c**4 * 512**3 * np.sqrt(2.0)
    assert lipschitz_bound(network) == pytest.approx(expected, rel=1e-9)
    assert np.linalg.norm(network.input_gradient([[1.0, 1.0]])) == pytest.approx(expected)
