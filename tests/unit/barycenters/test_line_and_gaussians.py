"""Barycenters that are exact: on the line quantile by quantile, and of Gaussians."""

import numpy as np
import pytest

from otdiv import (
    ConvergenceError,
    DiscreteMeasure,
    Gaussian,
    InvalidInputError,
    MassMismatchError,
    Status,
    UnsupportedProblemError,
    barycenter,
    wasserstein2,
)


def covariances(k, d, seed=0):
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(k, d, 2 * d))
    return factors @ factors.transpose(0, 2, 1) / d


def test_the_mean_of_sorted_samples_is_the_barycenter_on_the_line():
    samples = np.random.default_rng(0).normal(size=(4, 50))
    weights = np.array([0.1, 0.2, 0.3, 0.4])
    result = barycenter(samples, weights=weights)
    mean = weights @ np.sort(samples, axis=1)
    np.testing.assert_allclose(result.measure.points[:, 0], mean, rtol=1e-14)
    variance = weights @ np.square(np.sort(samples, axis=1) - mean).mean(axis=1)
    assert result.value == pytest.approx(variance, rel=1e-13)
    assert result.status is Status.OPTIMAL
    assert result.bounds_of == "free"


def test_the_median_of_sorted_samples_is_the_barycenter_of_order_one():
    samples = np.random.default_rng(1).normal(size=(3, 40))
    result = barycenter(samples, p=1)
    np.testing.assert_array_equal(
        result.measure.points[:, 0], np.median(np.sort(samples, axis=1), axis=0)
    )
    assert result.bounds.relative_gap < 1e-12


def test_plans_go_from_the_barycenter_to_each_measure():
    p = DiscreteMeasure([0.0, 1.0, 5.0], weights=[1.0, 2.0, 1.0])
    q = DiscreteMeasure([2.0, 3.0], weights=[3.0, 1.0])
    result = barycenter([p, q], weights=[0.25, 0.75])
    assert result.measure.mass == pytest.approx(4.0)
    for plan, measure, cost in zip(result.plans, (p, q), result.costs, strict=True):
        np.testing.assert_allclose(plan.row_sums(), result.measure.weights)
        np.testing.assert_allclose(plan.column_sums(), measure.weights)
        distance = wasserstein2(result.measure, measure)
        assert cost == pytest.approx(4.0 * distance**2, rel=1e-12)


def test_one_measure_is_its_own_barycenter():
    result = barycenter([[3.0, 1.0, 2.0]])
    np.testing.assert_array_equal(result.measure.points[:, 0], [1.0, 2.0, 3.0])
    assert result.value == 0.0


def test_measures_without_weight_change_nothing_and_have_their_plan():
    result = barycenter([[0.0, 2.0], [4.0, 6.0], [100.0]], weights=[0.5, 0.5, 0.0])
    np.testing.assert_array_equal(result.measure.points[:, 0], [2.0, 4.0])
    assert len(result.plans) == 3
    assert result.costs[2] == pytest.approx(np.mean([98.0**2, 96.0**2]))


def test_gaussians_on_the_line_have_the_mean_of_deviations():
    given = [Gaussian(m, covariance=s * s) for m, s in ((0.0, 1.0), (2.0, 3.0), (7.0, 0.5))]
    weights = np.array([0.5, 0.25, 0.25])
    result = barycenter(given, weights=weights)
    deviations, means = np.array([1.0, 3.0, 0.5]), np.array([0.0, 2.0, 7.0])
    assert result.measure.standard_deviation == pytest.approx(weights @ deviations, rel=1e-14)
    value = sum(weights @ np.square(v - weights @ v) for v in (deviations, means))
    assert value in result.bounds
    assert result.bounds.relative_gap < 1e-13


@pytest.mark.parametrize("d", [2, 5, 20])
def test_gaussians_are_averaged_to_the_last_digits(d):
    given = [Gaussian(np.full(d, k), covariance=S) for k, S in enumerate(covariances(4, d))]
    result = barycenter(given, rtol=1e-12)
    assert result.bounds.relative_gap < 1e-12
    objective = np.mean([wasserstein2(result.measure, one) ** 2 for one in given])
    assert result.value == pytest.approx(objective, rel=1e-12)


@pytest.mark.parametrize("scale", [1e-80, 1e-3, 1e7, 1e80])
def test_gaussians_are_averaged_in_any_unit(scale):
    given = [Gaussian(np.zeros(3), covariance=S) for S in covariances(3, 3)]
    scaled = [Gaussian(np.zeros(3), covariance=S * scale**2) for S in covariances(3, 3)]
    value = barycenter(given).value
    assert barycenter(scaled).value == pytest.approx(scale**2 * value, rel=1e-10)
    assert barycenter(scaled).bounds.relative_gap < 1e-11


def test_singular_gaussians_have_bounds_that_nearly_close():
    factors = np.random.default_rng(3).normal(size=(3, 5, 2))
    given = [Gaussian(np.zeros(5), covariance=A @ A.T) for A in factors]
    assert barycenter(given).bounds.relative_gap < 1e-4


def test_gaussians_of_a_common_plane_stay_on_it():
    flat = [np.diag([1.0, 0.0]), np.diag([4.0, 0.0])]
    result = barycenter([Gaussian([0, 0], covariance=S) for S in flat])
    np.testing.assert_allclose(result.measure.covariance, np.diag([2.25, 0.0]), atol=1e-9)
    assert result.bounds.lower == pytest.approx(0.25, rel=1e-6)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"weights": [0.5, 0.6]}, InvalidInputError, "`weights` must sum to 1; got 1.1"),
        ({"weights": [1.5, -0.5]}, InvalidInputError, "non-negative"),
        ({"weights": [1.0]}, InvalidInputError, r"shape \(2,\)"),
        ({"measures": []}, InvalidInputError, "at least one measure; got none"),
        ({"measures": [[0.0], [[1.0, 2.0]]]}, InvalidInputError, r"measures\[1\].*1 columns"),
        ({"measures": [[0.0], [np.nan]]}, InvalidInputError, r"measures\[1\]"),
        ({"measures": "ab"}, InvalidInputError, "sequence of measures"),
        ({"measures": [[0.0], [1e120]]}, InvalidInputError, "rescale"),
        ({"p": 3.0}, UnsupportedProblemError, "p=3"),
        ({"size": 5}, InvalidInputError, "size"),
        ({"rtol": -1.0}, InvalidInputError, "rtol"),
    ],
)
def test_bad_input_has_its_own_error(change, error, words):
    options = {"measures": [[0.0, 1.0], [2.0]], **change}
    with pytest.raises(error, match=words):
        barycenter(options.pop("measures"), **options)


def test_unequal_masses_are_an_error():
    measures = [DiscreteMeasure([0.0], weights=[w]) for w in (1.0, 2.0)]
    with pytest.raises(MassMismatchError):
        barycenter(measures)


def test_gaussians_among_samples_are_an_error():
    with pytest.raises(InvalidInputError, match=r"measures\[1\]"):
        barycenter([Gaussian(0.0, covariance=1.0), [0.0]])


def test_a_tolerance_that_is_not_reached_raises_with_the_result():
    factors = np.random.default_rng(3).normal(size=(3, 5, 2))
    given = [Gaussian(np.zeros(5), covariance=A @ A.T) for A in factors]
    with pytest.raises(ConvergenceError, match="asked rtol=1e-12") as caught:
        barycenter(given, rtol=1e-12)
    assert caught.value.result.bounds.lower > 0.0
    assert barycenter(given, rtol=1e-12, throw=False).status is not Status.OPTIMAL


def test_a_callback_that_returns_true_stops():
    given = [Gaussian(np.zeros(8), covariance=S) for S in covariances(5, 8)]
    result = barycenter(given, callback=lambda progress: True)
    assert result.status is Status.STOPPED
    assert result.n_iterations == 1
