"""Example 1 of the WGAN paper: what gradient descent makes of two parallel lines."""

import math

import numpy as np
import pytest

from otdiv import InvalidInputError, js_divergence, wasserstein1
from otdiv.wgan import MinimaxGAN, NonSaturatingGAN, WassersteinGAN, descend_parallel_lines
from otdiv.wgan.example_one import SmoothDiscriminator

STEP = 0.01


def test_the_wasserstein_loss_drives_the_lines_together():
    path = descend_parallel_lines(WassersteinGAN(), theta=1.0, n_steps=1000, step_size=STEP)
    assert abs(path[-1]) < 0.05
    # The slope is the sign of theta, so the way down is a straight line.
    np.testing.assert_allclose(path[:100], 1.0 - STEP * np.arange(100), atol=1e-12)


def test_the_minimax_loss_with_the_optimal_discriminator_does_not_move():
    path = descend_parallel_lines(MinimaxGAN(), theta=1.0, n_steps=1000, step_size=STEP)
    assert abs(path[-1] - 1.0) < 1e-3


@pytest.mark.parametrize("theta", [1.0, -0.3, 1e-6])
def test_the_smooth_discriminator_is_certain_and_flat_on_both_lines(theta):
    heights = np.linspace(0.0, 1.0, 11)
    real = np.column_stack([np.zeros(11), heights])
    generated = np.column_stack([np.full(11, theta), heights])
    discriminator = SmoothDiscriminator(theta)
    np.testing.assert_array_equal(discriminator(real), 1.0)
    np.testing.assert_array_equal(discriminator(generated), 0.0)
    for points in (real, generated):
        np.testing.assert_array_equal(discriminator.gradient(points), 0.0)


def test_the_smooth_discriminator_has_the_gradient_that_it_claims():
    discriminator = SmoothDiscriminator(1.0)
    rng = np.random.default_rng(0)
    points = np.column_stack([rng.uniform(0.4, 0.6, 50), rng.uniform(-0.2, 1.2, 50)])
    h = 1e-6
    for axis in range(2):
        shift = np.zeros(2)
        shift[axis] = h
        slope = (discriminator(points + shift) - discriminator(points - shift)) / (2.0 * h)
        # Central differences: h^2 of a third derivative of some thousands, eps / h of rounding.
        np.testing.assert_allclose(slope, discriminator.gradient(points)[:, axis], atol=1e-7)


def test_the_two_distances_are_those_of_the_example():
    heights = np.linspace(0.0, 1.0, 8)
    real = np.column_stack([np.zeros(8), heights])
    generated = np.column_stack([np.full(8, 0.7), heights])
    assert wasserstein1(generated, real) == pytest.approx(0.7, abs=1e-12)
    p, q = np.repeat([1 / 8, 0.0], 8), np.repeat([0.0, 1 / 8], 8)
    assert js_divergence(p, q) == pytest.approx(math.log(2.0), rel=1e-14)


def test_equal_lines_stay_equal():
    for loss in (WassersteinGAN(), MinimaxGAN()):
        np.testing.assert_array_equal(descend_parallel_lines(loss, theta=0.0, n_steps=3), 0.0)


def test_other_losses_are_refused():
    with pytest.raises(InvalidInputError, match="loss"):
        descend_parallel_lines(NonSaturatingGAN())
