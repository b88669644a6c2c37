"""Example 1 of Arjovsky, Chintala & Bottou (2017), arXiv:1701.07875: parallel lines.

Z is uniform on [0, 1], P_θ the law of (θ, Z): W1(P_0, P_θ) = |θ|, while JS = log 2, TV = 1 and
KL = ∞ for every θ != 0.
"""

import math

import numpy as np
import pytest

from otdiv import DiscreteMeasure, wasserstein, wasserstein1, wasserstein2
from otdiv.divergences import js_divergence, kl_divergence, total_variation

Z = np.linspace(0.0, 1.0, 41)
THETAS = [1e-300, 1e-160, 1e-20, 1e-9, 0.3, 1.0, 35.0, 1e3, 1e6]


def line_at(theta):
    return DiscreteMeasure(points=np.column_stack([np.full_like(Z, theta), Z]))


@pytest.mark.parametrize("theta", [sign * theta for theta in THETAS for sign in (1.0, -1.0)])
def test_w1_sees_the_shift_and_the_divergences_do_not(theta):
    p, q = line_at(0.0), line_at(theta)
    assert wasserstein1(p, q) == pytest.approx(abs(theta), rel=1e-12, abs=0.0)
    assert wasserstein2(p, q) == pytest.approx(abs(theta), rel=1e-12, abs=0.0)
    assert abs(js_divergence(p, q) - math.log(2.0)) <= math.ulp(math.log(2.0))
    assert total_variation(p, q) == 1.0
    assert kl_divergence(p, q) == math.inf
    assert kl_divergence(q, p) == math.inf


@pytest.mark.parametrize("theta", [0.0, -0.0])
def test_everything_is_zero_at_zero(theta):
    p, q = line_at(0.0), line_at(theta)
    distances = (wasserstein1, wasserstein2, js_divergence, total_variation, kl_divergence)
    for distance in distances:
        assert distance(p, q) == 0.0


@pytest.mark.parametrize("p", [1.5, 2.0, 3.0])
def test_small_moves_beside_large_coordinates_are_seen_at_every_order(p):
    """Squares of 1e-200 are nothing beside those of one, and still the nearest are to be found."""
    x = np.array([[0.0, 1.0], [3e-200, 1.0], [0.0, 2.0]])
    y = np.array([[2e-200, 1.0], [1e-200, 1.0], [0.0, 2.0]])
    right = 1e-200 * (2.0 / 3.0) ** (1.0 / p)
    assert wasserstein(x, y, p=p) == pytest.approx(right, rel=1e-12, abs=0.0)
