"""The debiased divergence: zero, symmetric, non-negative, with right gradients."""

import numpy as np
import pytest

from otdiv import (
    ConvergenceError,
    DiscreteMeasure,
    energy_distance,
    sinkhorn_divergence,
    sinkhorn_divergence_result,
    wasserstein2,
)

COSTS = ["sqeuclidean", "euclidean"]


def clouds(n, m, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((n, 2)), 0.4 + 0.3 * rng.normal(size=(m, 2))


@pytest.mark.parametrize("cost", COSTS)
def test_equal_samples_are_exactly_zero_apart_in_any_order(cost):
    x, _ = clouds(50, 1)
    assert sinkhorn_divergence(x, x, epsilon=0.1, cost=cost) == 0.0
    assert sinkhorn_divergence(x, x[::-1], epsilon=0.1, cost=cost) == 0.0


def test_repeated_points_are_the_same_law_as_weights():
    x, y = clouds(20, 15)
    repeated = np.concatenate([x, x[:10]])
    weights = np.r_[np.full(10, 2.0), np.ones(10)]
    assert sinkhorn_divergence(repeated, y, epsilon=0.1) == pytest.approx(
        sinkhorn_divergence(x, y, epsilon=0.1, x_weights=weights), rel=1e-9
    )


@pytest.mark.parametrize("cost", COSTS)
def test_exchanging_the_samples_changes_no_bit(cost):
    x, y = clouds(60, 50)
    assert sinkhorn_divergence(x, y, epsilon=0.05, cost=cost) == sinkhorn_divergence(
        y[::-1], x, epsilon=0.05, cost=cost
    )


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("epsilon", [1e-3, 1e-1, 10.0])
def test_samples_of_one_law_are_never_a_negative_distance_apart(cost, epsilon):
    rng = np.random.default_rng(5)
    x = rng.random((100, 2))
    result = sinkhorn_divergence_result(
        x, x + 1e-5 * rng.normal(size=x.shape), epsilon=epsilon, cost=cost
    )
    assert result.value >= 0.0
    assert result.bounds.lower <= result.value <= result.bounds.upper


def test_value_is_the_cross_term_less_half_the_others():
    x, y = clouds(60, 50)
    result = sinkhorn_divergence_result(x, y, epsilon=0.05)
    terms = result.terms
    assert result.value == terms["cross"] - 0.5 * (terms["source"] + terms["target"])


def test_a_shift_costs_its_squared_length():
    """S(p, p + t) = |t|² for the squared cost: the plans agree up to the shift."""
    x, _ = clouds(80, 1)
    value = sinkhorn_divergence(x, x + np.array([3.0, 4.0]), epsilon=0.1, marginal_tolerance=1e-9)
    assert value == pytest.approx(25.0, rel=1e-9)


def test_small_epsilon_is_the_squared_wasserstein_distance():
    x, y = clouds(40, 40)
    value = sinkhorn_divergence(x, y, epsilon=1e-4)
    # Each of the three terms is within 2 epsilon log n of its transport cost.
    assert value == pytest.approx(wasserstein2(x, y) ** 2, abs=4e-4 * np.log(40))


def test_large_epsilon_is_half_the_energy_distance():
    """As epsilon grows the plans become products: E|x-y| - (E|x-x'| + E|y-y'|) / 2."""
    x, y = clouds(40, 30)
    value = sinkhorn_divergence(x, y, epsilon=1e4, cost="euclidean")

    def mean(p, q):
        return np.linalg.norm(p[:, None] - q, axis=-1).mean()

    assert value == pytest.approx(mean(x, y) - 0.5 * (mean(x, x) + mean(y, y)), abs=1e-4)
    assert energy_distance(x, y) >= 0.0


@pytest.mark.parametrize("cost", COSTS)
def test_gradient_in_the_points_is_the_difference_quotient(cost):
    x, y = clouds(12, 9)
    options = {"epsilon": 0.1, "cost": cost, "marginal_tolerance": 1e-12}
    gradient = sinkhorn_divergence_result(x, y, **options).gradient()
    step = 1e-5
    for i, k in ((0, 0), (5, 1), (11, 0)):
        up, down = x.copy(), x.copy()
        up[i, k] += step
        down[i, k] -= step
        quotient = sinkhorn_divergence(up, y, **options) - sinkhorn_divergence(down, y, **options)
        # Central differences err by step² times the third derivative, here below 1e3.
        assert quotient / (2 * step) == pytest.approx(gradient.x[i, k], abs=1e-6)
    up, down = y.copy(), y.copy()
    up[3, 1] += step
    down[3, 1] -= step
    quotient = sinkhorn_divergence(x, up, **options) - sinkhorn_divergence(x, down, **options)
    assert quotient / (2 * step) == pytest.approx(gradient.y[3, 1], abs=1e-6)


def test_gradient_in_the_weights_is_the_difference_quotient():
    x, y = clouds(12, 9)
    weights = np.full(12, 1 / 12)
    direction = np.zeros(12)
    direction[2], direction[7] = 1e-4, -1e-4
    options = {"epsilon": 0.1, "marginal_tolerance": 1e-12}
    gradient = sinkhorn_divergence_result(x, y, **options).gradient()
    up = sinkhorn_divergence(x, y, x_weights=weights + direction, **options)
    down = sinkhorn_divergence(x, y, x_weights=weights - direction, **options)
    assert (up - down) / 2 == pytest.approx(gradient.a @ direction, abs=1e-10)


def test_gradient_of_repeated_points_is_shared_by_weight():
    x, y = clouds(10, 9)
    single = sinkhorn_divergence_result(x, y, epsilon=0.1, x_weights=[2.0] + [1.0] * 9).gradient()
    double = sinkhorn_divergence_result(np.r_[x[:1], x], y, epsilon=0.1).gradient()
    assert np.allclose(double.x[0], double.x[1])
    assert np.allclose(double.x[0] + double.x[1], single.x[0], atol=1e-9)


def test_measures_keep_their_mass():
    x, y = clouds(20, 15)
    p, q = (DiscreteMeasure(points=z, weights=np.full(len(z), 2.0 / len(z))) for z in (x, y))
    assert sinkhorn_divergence(p, q, epsilon=0.1) == pytest.approx(
        2.0 * sinkhorn_divergence(x, y, epsilon=0.1), rel=1e-9
    )


def test_an_unconverged_term_raises():
    x, y = clouds(60, 50)
    with pytest.raises(ConvergenceError, match="cross term"):
        sinkhorn_divergence(x, y, epsilon=1e-4, max_iterations=1)
