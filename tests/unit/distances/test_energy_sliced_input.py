"""Bad input of the solver-free distances: its own clear error each; good input is never changed."""

import math

import numpy as np
import pytest

from otdiv import (
    DiscreteMeasure,
    Gaussian,
    InvalidInputError,
    UnsupportedProblemError,
    energy_distance,
    maximum_mean_discrepancy,
    sliced_wasserstein,
)

FUNCTIONS = [energy_distance, maximum_mean_discrepancy, sliced_wasserstein]
GOOD = [[0.0, 1.0], [2.0, 3.0]]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("bad", "text"),
    [
        ([[0.0, math.nan]], r"`x` must be finite; got nan at index \(0, 1\)"),
        ([[0.0, math.inf]], r"`x` must be finite; got inf at index \(0, 1\)"),
        ([], "`x` must hold at least one point"),
        (3.0, "`x` must be an array of shape"),
        (np.zeros((2, 0, 2)), "`x` must have shape"),
        ([["a", "b"]], "`x` must hold real numbers"),
        ([[1j, 2.0]], "`x` must hold real numbers"),
        ([[1.0, 2.0, 3.0]], "`y` must have 3 columns like `x`; got 2"),
    ],
)
def test_bad_samples_are_named(function, bad, text):
    with pytest.raises(InvalidInputError, match=text):
        function(bad, GOOD)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("bad", "text"),
    [
        ([1.0, -0.2], "`y_weights` must be non-negative; got -0.2 at index 1"),
        ([0.0, 0.0], "`y_weights` must have a positive sum"),
        ([1.0, math.nan], "`y_weights` must be finite"),
        ([1.0], r"`y_weights` must have shape \(2,\)"),
    ],
)
def test_bad_weights_are_named(function, bad, text):
    with pytest.raises(InvalidInputError, match=text):
        function(GOOD, GOOD, y_weights=bad)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_measure_has_its_own_weights(function):
    with pytest.raises(InvalidInputError, match="x_weights"):
        function(DiscreteMeasure(points=GOOD), GOOD, x_weights=[1.0, 1.0])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_inputs_are_not_modified_and_any_layout_works(function):
    options = {"rng": 0} if function is sliced_wasserstein else {}
    x, y = np.array(GOOD), np.array([[1.0, 1.0], [-0.0, 5.0], [2.0, 0.0]])
    expected = function(x, y, **options)
    kept = x.copy(), y.copy()
    x.flags.writeable = y.flags.writeable = False
    wide = np.zeros((2, 4))
    wide[:, ::2] = x
    for left in (x, np.asfortranarray(x), wide[:, ::2], x.astype(np.float32), x.astype(int), GOOD):
        assert function(left, y, **options) == expected
    assert np.array_equal(x, kept[0])
    assert np.array_equal(y, kept[1])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"p": 0.5}, "`p` must be at least 1"),
        ({"p": math.inf}, "`p` must be at least 1 and finite"),
        ({"p": "one"}, "`p` must be a real number"),
        ({"n_projections": 0}, "`n_projections` must be at least 1"),
        ({"n_projections": 2.5}, "`n_projections` must be an integer"),
        ({"rng": "seed"}, "`rng` must be"),
        ({"rng": -1}, "`rng` must be non-negative"),
    ],
)
def test_bad_options_of_sliced_wasserstein_are_named(options, text):
    with pytest.raises(InvalidInputError, match=text):
        sliced_wasserstein(GOOD, GOOD, **options)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"kernel": "cosine"}, "`kernel` must be one of 'gaussian', 'laplace'"),
        ({"bandwidth": 0.0}, "`bandwidth` must be positive"),
        ({"bandwidth": math.nan}, "`bandwidth` must be positive"),
        ({"unbiased": True, "x_weights": [1.0, 0.0]}, "`x` must hold two points at least"),
    ],
)
def test_bad_options_of_the_discrepancy_are_named(options, text):
    with pytest.raises(InvalidInputError, match=text):
        maximum_mean_discrepancy(GOOD, GOOD, **options)


def test_a_metric_is_named_from_the_short_list():
    with pytest.raises(InvalidInputError, match="`metric` must be a PNormCost of power 1"):
        energy_distance(GOOD, GOOD, metric="sqeuclidean")


def test_discrepancy_of_laws_says_what_it_covers():
    p = Gaussian(mean=0.0, covariance=1.0)
    with pytest.raises(InvalidInputError, match="`bandwidth` must be given for laws"):
        maximum_mean_discrepancy(p, p)
    with pytest.raises(UnsupportedProblemError, match="two Gaussians"):
        maximum_mean_discrepancy(p, [0.0, 1.0], bandwidth=1.0)
    with pytest.raises(UnsupportedProblemError, match="two Gaussians"):
        maximum_mean_discrepancy(p, p, bandwidth=1.0, kernel="laplace")
    with pytest.raises(InvalidInputError, match="have dimension 1"):
        maximum_mean_discrepancy(p, Gaussian(mean=[0.0, 0.0], covariance=np.eye(2)), bandwidth=1.0)
    with pytest.raises(InvalidInputError, match="be None for laws"):
        maximum_mean_discrepancy(p, p, bandwidth=1.0, x_weights=[1.0])


def test_energy_of_a_law_in_space_names_the_way_out():
    p = Gaussian(mean=[0.0, 0.0], covariance=np.eye(2))
    with pytest.raises(UnsupportedProblemError, match="draw samples"):
        energy_distance(p, GOOD)
