"""Barycenters on given supports, of images, and with free supports."""

import numpy as np
import pytest

from otdiv import (
    ConvergenceError,
    DiscreteMeasure,
    InvalidInputError,
    Status,
    UnsupportedProblemError,
    barycenter,
    wasserstein2,
)


def blobs(side, k, seed=0):
    rng = np.random.default_rng(seed)
    axis = np.linspace(-1.0, 1.0, side)
    X, Y = np.meshgrid(axis, axis, indexing="ij")
    images = np.zeros((k, side, side))
    for image in images:
        for _ in range(2):
            (x, y), width = rng.uniform(-0.5, 0.5, 2), rng.uniform(0.1, 0.2)
            image += np.exp(-((X - x) ** 2 + (Y - y) ** 2) / (2 * width**2))
    images[images < 1e-2] = 0.0
    return images


def clouds(k, n, d, seed=0):
    rng = np.random.default_rng(seed)
    return [
        rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d) for _ in range(k)
    ]


def test_images_have_a_barycenter_to_a_percent_without_being_asked():
    result = barycenter(blobs(24, 4), support="grid")
    assert result.status is Status.OPTIMAL
    assert result.bounds_of == "support"
    assert result.bounds.relative_gap <= 1e-2
    image = result.image()
    assert image.shape == (24, 24)
    assert image.sum() == pytest.approx(1.0)


def test_the_unit_of_a_grid_is_that_of_its_axes():
    images = blobs(12, 3)
    axes = (np.linspace(0.0, 22.0, 12),) * 2
    pixels, stretched = (barycenter(images, support=s, rtol=1e-6) for s in ("grid", axes))
    assert stretched.value == pytest.approx(4.0 * pixels.value, rel=1e-5)
    np.testing.assert_allclose(stretched.image(), pixels.image(), atol=1e-3)


@pytest.mark.slow
def test_images_have_an_exact_barycenter_where_it_is_asked():
    result = barycenter(blobs(14, 3), support="grid", rtol=1e-9)
    assert result.bounds.relative_gap <= 1e-9


def test_histograms_on_a_line_have_the_barycenter_of_their_bins():
    bins = np.zeros((2, 9))
    bins[0, 0] = bins[1, 8] = 1.0
    result = barycenter(bins, support="grid", rtol=1e-9)
    np.testing.assert_allclose(result.image(), np.eye(9)[4], atol=1e-9)
    assert result.value == pytest.approx(16.0)


def test_points_of_a_support_may_be_any_and_the_order_too():
    p, q = [[0.0, 0.0]], [[2.0, 0.0]]
    support = [[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [1.0, 5.0]]
    for order in (1.0, 2.0, 3.0):
        result = barycenter([p, q], support=support, p=order, weights=[0.25, 0.75], rtol=1e-9)
        candidates = [0.75 * 2.0**order, 0.25 + 0.75, 0.25 * 2.0**order]
        assert result.value == pytest.approx(min(candidates), rel=1e-9)
        assert result.shape is None


@pytest.mark.parametrize("k", [2, 3])
def test_clouds_of_gaussians_have_a_small_gap(k):
    result = barycenter(clouds(k, 200, 2))
    assert result.bounds_of == "free"
    assert result.bounds.relative_gap <= 0.01
    objective = np.mean([wasserstein2(result.measure, one) ** 2 for one in clouds(k, 200, 2)])
    assert result.value == pytest.approx(objective, rel=1e-9)


def test_two_measures_have_the_exact_barycenter_in_the_middle():
    x, y = clouds(2, 30, 3)
    result = barycenter([x, y[:20]], weights=[0.3, 0.7], size=49, rtol=1e-9)
    assert result.value == pytest.approx(0.21 * wasserstein2(x, y[:20]) ** 2, rel=1e-9)


def test_a_free_support_has_at_most_the_size_that_is_asked():
    few = barycenter(clouds(3, 60, 2), size=7)
    assert few.measure.n <= 7
    assert few.value >= barycenter(clouds(3, 60, 2)).value
    assert few.bounds.lower <= few.value


def test_translated_clouds_have_the_mean_of_the_shifts():
    x = clouds(1, 50, 2)[0]
    shifts = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 3.0]])
    result = barycenter([x + shift for shift in shifts], rtol=1e-9)
    order = np.lexsort(result.measure.points.T)
    expected = x + shifts.mean(axis=0)
    np.testing.assert_allclose(result.measure.points[order], expected[np.lexsort(expected.T)])


def test_weights_of_atoms_and_mass_are_kept():
    rng = np.random.default_rng(0)
    measures = [
        DiscreteMeasure(rng.random((9, 2)), weights=rng.dirichlet(np.ones(9))) for _ in "ab"
    ]
    heavy = [DiscreteMeasure(m.points, weights=5.0 * m.weights) for m in measures]
    assert barycenter(heavy).measure.mass == pytest.approx(5.0)
    assert barycenter(heavy).value == pytest.approx(5.0 * barycenter(measures).value, rel=1e-9)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"support": "pixels"}, InvalidInputError, "support"),
        ({"support": [[0.0, 1.0, 2.0]]}, InvalidInputError, "2 columns"),
        ({"support": "free", "p": 1.0}, UnsupportedProblemError, "p=1"),
        ({"support": [[0.0, 1.0]], "size": 3}, InvalidInputError, "size"),
        ({"support": [[0.0, 1.0]], "p": np.inf}, InvalidInputError, "finite"),
    ],
)
def test_bad_supports_have_their_own_error(change, error, words):
    with pytest.raises(error, match=words):
        barycenter([[[0.0, 1.0]], [[1.0, 1.0]]], **change)


@pytest.mark.parametrize(
    ("images", "support", "words"),
    [
        ([[1.0, 2.0], [1.0]], "grid", "shape"),
        ([[1.0, -2.0]], "grid", "non-negative"),
        ([[0.0, 0.0]], "grid", "positive sum"),
        ([[1.0, 2.0]], ([0.0, 1.0], [0.0]), "1 axes"),
        ([[1.0, 2.0]], ([1.0, 0.0],), "increase"),
        ([[1.0, 2.0]], ([1.0],), r"shape \(2,\)"),
        ([DiscreteMeasure([0.0])], "grid", "array of masses"),
    ],
)
def test_bad_images_have_their_own_error(images, support, words):
    with pytest.raises(InvalidInputError, match=words):
        barycenter(images, support=support)


def test_an_image_of_a_measure_without_a_grid_is_an_error():
    with pytest.raises(InvalidInputError, match="grid"):
        barycenter([[0.0], [1.0]]).image()


def test_what_is_not_proven_raises_only_where_it_was_asked():
    square = [np.random.default_rng(k).random((40, 2)) for k in range(4)]
    assert barycenter(square).status is Status.STALLED
    with pytest.raises(ConvergenceError, match="STALLED"):
        barycenter(square, rtol=1e-3)


def test_time_that_is_over_leaves_bounds():
    result = barycenter(blobs(20, 3), support="grid", rtol=1e-9, max_seconds=1e-3, throw=False)
    assert result.status is Status.STOPPED
    assert 0.0 <= result.bounds.lower <= result.bounds.upper
