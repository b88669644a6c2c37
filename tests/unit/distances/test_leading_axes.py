"""Distances of many clouds at once are those of one pair after the other."""

import numpy as np
import pytest

from otdiv import (
    InvalidInputError,
    energy_distance,
    maximum_mean_discrepancy,
    sliced_wasserstein,
)

CALLS = {
    "energy": energy_distance,
    "cityblock": lambda x, y, **k: energy_distance(x, y, metric="cityblock", **k),
    "discrepancy": maximum_mean_discrepancy,
    "unbiased": lambda x, y, **k: maximum_mean_discrepancy(x, y, unbiased=True, bandwidth=1.0, **k),
    "sliced": lambda x, y, **k: sliced_wasserstein(x, y, n_projections=70, rng=3, **k),
    "sliced 2": lambda x, y, **k: sliced_wasserstein(x, y, n_projections=70, rng=3, p=2, **k),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("d", [1, 3])
def test_many_clouds_at_once_have_the_distances_of_one_pair_each(name, d):
    rng, call = np.random.default_rng(0), CALLS[name]
    x, y = rng.normal(size=(4, 1, 5, d)), rng.normal(size=(2, 6, d))
    found = call(x, y)
    assert found.shape == (4, 2)
    np.testing.assert_allclose(found, [[call(i[0], j) for j in y] for i in x], rtol=1e-14)
    assert call(x.tolist(), y.tolist()).tolist() == found.tolist()


@pytest.mark.parametrize("name", CALLS)
def test_weights_broadcast_with_the_clouds(name):
    rng, call = np.random.default_rng(1), CALLS[name]
    x, y = rng.normal(size=(3, 5, 2)), rng.normal(size=(6, 2))
    a, b = rng.random((3, 5)), rng.random(6)
    found = call(x, y, x_weights=a, y_weights=b)
    one_by_one = [call(i, y, x_weights=w, y_weights=b) for i, w in zip(x, a, strict=True)]
    np.testing.assert_allclose(found, one_by_one, rtol=1e-14)


def test_directions_are_common_to_many_clouds():
    x = np.random.default_rng(2).normal(size=(1, 8, 3))
    found = sliced_wasserstein(np.repeat(x, 5, axis=0), x + 1.0, n_projections=3)
    assert np.unique(found).size == 1


@pytest.mark.parametrize(
    ("x", "y", "options", "words"),
    [
        (np.zeros((2, 3, 1)), np.zeros((3, 3, 1)), {}, "`y` must broadcast with `x`"),
        (np.zeros((2, 3, 1)), np.zeros((3, 2)), {}, r"`y\[0\]` must have 1 columns"),
        (np.zeros((2, 3, 1)), np.zeros(3), {}, r"`y` must have shape \(\.\.\., n, d\)"),
        (np.full((2, 3, 1), np.nan), np.zeros((3, 1)), {}, "`x` must be finite"),
        (np.zeros((2, 0, 1)), np.zeros((3, 1)), {}, r"`x` must have shape \(\.\.\., n, d\)"),
        (
            np.zeros((2, 3, 1)),
            np.zeros((3, 1)),
            {"x_weights": [1.0]},
            r"`x_weights` must have shape \(\.\.\., 3\)",
        ),
        (
            np.zeros((2, 3, 1)),
            np.zeros((3, 1)),
            {"x_weights": [[1, 1, 1], [1, 1, -1]]},
            r"`x_weights\[1\]` must be non-negative",
        ),
    ],
)
def test_errors_name_the_cloud(x, y, options, words):
    for call in (energy_distance, maximum_mean_discrepancy, sliced_wasserstein):
        with pytest.raises(InvalidInputError, match=words):
            call(x, y, **options)
