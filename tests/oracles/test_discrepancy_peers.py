"""The maximum mean discrepancy against direct double sums and its definition."""

import math

import numpy as np
import pytest
from scipy.spatial.distance import cdist, pdist

from otdiv import (
    DiscreteMeasure,
    Gaussian,
    maximum_mean_discrepancy,
    maximum_mean_discrepancy_result,
)

RNG = np.random.default_rng(11)
X, Y = RNG.normal(size=(60, 2)), RNG.normal(0.5, 1.0, size=(45, 2))
A, B = RNG.random(60), RNG.random(45)


def kernel_matrix(x, y, kernel, h):
    distances = cdist(x, y)
    return np.exp(-(distances**2) / (2 * h * h) if kernel == "gaussian" else -distances / h)


@pytest.mark.parametrize("kernel", ["gaussian", "laplace"])
def test_weighted_square_is_the_double_sum(kernel):
    a, b = A / A.sum(), B / B.sum()
    K = kernel_matrix(np.vstack([X, Y]), np.vstack([X, Y]), kernel, 0.8)
    w = np.concatenate([a, -b])
    result = maximum_mean_discrepancy_result(
        X, Y, x_weights=A, y_weights=B, kernel=kernel, bandwidth=0.8
    )
    assert result.squared == pytest.approx(w @ K @ w, rel=1e-12)
    assert result.value == math.sqrt(result.squared)
    assert (result.bandwidth, result.kernel, result.unbiased) == (0.8, kernel, False)


@pytest.mark.parametrize("kernel", ["gaussian", "laplace"])
def test_unbiased_square_leaves_out_the_diagonal(kernel):
    n, m = len(X), len(Y)
    own_x, own_y = kernel_matrix(X, X, kernel, 1.1), kernel_matrix(Y, Y, kernel, 1.1)
    expected = (
        (own_x.sum() - n) / (n * (n - 1))
        + (own_y.sum() - m) / (m * (m - 1))
        - 2 * kernel_matrix(X, Y, kernel, 1.1).mean()
    )
    result = maximum_mean_discrepancy_result(X, Y, kernel=kernel, bandwidth=1.1, unbiased=True)
    assert result.squared == pytest.approx(expected, abs=1e-15)


def test_unbiased_square_of_equal_laws_has_mean_zero():
    squares = []
    for seed in range(400):
        x = np.random.default_rng(seed).normal(size=(2, 12, 1))
        result = maximum_mean_discrepancy_result(*x, bandwidth=1.0, unbiased=True)
        squares.append(result.squared)
        assert result.value == math.sqrt(max(result.squared, 0.0))
    # Five standard errors; the seeds are fixed.
    assert abs(np.mean(squares)) < 5 * np.std(squares) / math.sqrt(len(squares))
    assert min(squares) < 0.0


def test_default_bandwidth_is_the_median_distance():
    result = maximum_mean_discrepancy_result(X, Y)
    assert result.bandwidth == pytest.approx(np.median(pdist(np.vstack([X, Y]))), rel=1e-14)
    assert maximum_mean_discrepancy_result(Y, X).bandwidth == result.bandwidth


def test_default_bandwidth_of_many_points_is_reproducible_and_near_the_median():
    x, y = RNG.normal(size=(2, 1500, 2))
    first, second = (maximum_mean_discrepancy_result(x, y).bandwidth for _ in range(2))
    assert first == second
    # The median of 500 000 pairs of 1000 points of some 4.5 million.
    assert first == pytest.approx(np.median(pdist(np.vstack([x, y]))), rel=0.05)


def test_default_bandwidth_makes_the_number_free_of_units():
    unit = maximum_mean_discrepancy(X, Y)
    for factor in (1e-300, 1e-9, 1e12, 1e300):
        assert maximum_mean_discrepancy(factor * X, factor * Y) == pytest.approx(unit, rel=1e-9)


def test_far_points_reach_the_largest_value():
    assert maximum_mean_discrepancy([0.0], [1e300], bandwidth=1e-300) == math.sqrt(2.0)


def test_one_common_point_has_distance_zero_with_any_bandwidth():
    assert maximum_mean_discrepancy([[1.0, 2.0]], [[1.0, 2.0]]) == 0.0


def test_repeating_a_sample_does_not_move_its_law():
    assert maximum_mean_discrepancy(X, np.concatenate([X, X[::-1], X])) == 0.0
    assert maximum_mean_discrepancy(X, DiscreteMeasure(points=X)) == 0.0


def test_samples_of_gaussians_approach_the_closed_form():
    p, q = (
        Gaussian(mean=[0.0, 0.0], covariance=np.eye(2)),
        Gaussian(mean=[1.0, 0.0], covariance=np.eye(2)),
    )
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(3000, 2)), rng.normal([1.0, 0.0], 1.0, size=(3000, 2))
    exact = maximum_mean_discrepancy(p, q, bandwidth=1.0)
    result = maximum_mean_discrepancy_result(x, y, bandwidth=1.0, unbiased=True)
    # The standard error at this size is about 0.01; the seed is fixed.
    assert result.value == pytest.approx(exact, abs=0.04)
