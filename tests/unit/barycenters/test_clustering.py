"""Clusters of measures."""

import numpy as np
import pytest

from otdiv import InvalidInputError, Status, barycenter, wasserstein2, wasserstein_kmeans


def groups(d=1, n=15, per_group=4, seed=0):
    rng = np.random.default_rng(seed)
    shape = (n,) if d == 1 else (n, d)
    return [rng.normal(size=shape) + 10.0 * g for g in range(3) for _ in range(per_group)]


@pytest.mark.parametrize("d", [1, 2])
def test_groups_that_lie_apart_are_found(d):
    result = wasserstein_kmeans(groups(d), 3, rng=0)
    assert result.status is Status.OPTIMAL
    found = result.labels.reshape(3, 4)
    assert (found == found[:, :1]).all()
    assert len(set(found[:, 0])) == 3


def test_the_value_is_the_mean_squared_distance_to_the_centres():
    samples = groups()
    result = wasserstein_kmeans(samples, 3, rng=0)
    squares = [
        wasserstein2(x, result.centers[label].measure) ** 2
        for x, label in zip(samples, result.labels, strict=True)
    ]
    assert result.value == pytest.approx(np.mean(squares), rel=1e-12)
    assert result.value in result.bounds
    assert result.bounds.relative_gap < 1e-9


# Weights of a barycenter on the line are differences of levels: they are rounded.
def test_one_cluster_is_the_barycenter_and_as_many_as_measures_cost_nothing():
    samples = groups(per_group=2)
    one = wasserstein_kmeans(samples, 1)
    assert one.value == pytest.approx(barycenter(samples).value, rel=1e-12)
    assert wasserstein_kmeans(samples, 6, rng=1).value == pytest.approx(0.0, abs=1e-13)


def test_the_same_seed_gives_the_same_clusters():
    first, second = (wasserstein_kmeans(groups(seed=3), 4, rng=7) for _ in range(2))
    np.testing.assert_array_equal(first.labels, second.labels)
    assert first.value == second.value


def test_equal_measures_fill_all_clusters():
    result = wasserstein_kmeans([[0.0, 1.0]] * 4, 3, rng=0)
    assert set(result.labels) == {0, 1, 2}
    assert result.bounds.upper == pytest.approx(0.0, abs=1e-13)


def test_images_have_images_as_centres():
    images = np.zeros((4, 6, 6))
    for image, (i, j) in zip(images, [(0, 0), (0, 1), (5, 5), (5, 4)], strict=True):
        image[i, j] = 1.0
    result = wasserstein_kmeans(images, 2, support="grid", rng=0)
    assert result.labels[0] == result.labels[1] != result.labels[2] == result.labels[3]
    assert result.centers[0].image().shape == (6, 6)


def test_more_clusters_than_measures_are_an_error():
    with pytest.raises(InvalidInputError, match="at most 2"):
        wasserstein_kmeans([[0.0], [1.0]], 3)
