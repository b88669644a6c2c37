"""Nearest neighbours: those of brute force, for a few of its exact solves."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.spatial.distance import cdist

from benchmarks.documents import topic_model
from otdiv import (
    InvalidInputError,
    Status,
    nearest_neighbors,
    pairwise_distances,
    transport,
    transport_batch,
    wasserstein,
)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def by_force(query, collection, k, **options):
    distances = pairwise_distances([query], other=collection, **options)[0]
    best = np.argsort(distances, kind="stable")[:k]
    return best, distances[best]


@pytest.mark.parametrize("distance", ["wasserstein1", "wasserstein2"])
@pytest.mark.parametrize("d", [2, 5])
@pytest.mark.parametrize("scale", [1e-300, 1e-100, 1.0, 1e100])
def test_the_nearest_clouds_are_those_of_all_distances(rng, distance, d, scale):
    collection = [
        scale * (rng.normal(size=(n, d)) + rng.normal(size=d)) for n in rng.integers(1, 12, 60)
    ]
    query = collection[7] + 0.1 * scale
    found = nearest_neighbors(query, collection, k=9, distance=distance)
    indices, distances = by_force(query, collection, 9, distance=distance)
    np.testing.assert_array_equal(found.indices, indices)
    if scale == 1.0:
        np.testing.assert_array_equal(found.distances, distances)
    np.testing.assert_allclose(found.distances, distances, rtol=1e-13)
    assert (found.lower <= found.distances).all()
    assert (found.distances <= found.upper).all()
    assert found.status is Status.OPTIMAL
    assert found.n_exact < 60


def test_of_equal_distances_the_first_is_nearer(rng):
    cloud, shift = rng.integers(0, 3, (4, 2)).astype(float), np.array([1.0, -1.0])
    collection = [cloud, cloud + 1.0, cloud[::-1], cloud - 1.0, cloud, cloud + shift] * 5
    found = nearest_neighbors(cloud, collection, k=20)
    np.testing.assert_array_equal(found.indices, by_force(cloud, collection, 20)[0])
    assert set(found.indices[:15]) == {j for j in range(30) if j % 6 in (0, 2, 4)}


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("distance", ["wasserstein1", "wasserstein2"])
def test_documents_are_weights_of_common_words(rng, sparse, distance):
    words = rng.normal(size=(30, 4))
    rows = rng.poisson(0.3, (80, 30)).astype(float)
    rows[:, 0] += 1.0
    found = nearest_neighbors(
        rows[3], csr_array(rows) if sparse else rows, k=6, support=words, distance=distance
    )
    power = 1.0 if distance == "wasserstein1" else 2.0
    expected = [wasserstein(words, words, x_weights=rows[3], y_weights=r, p=power) for r in rows]
    np.testing.assert_allclose(found.distances, np.sort(expected)[:6], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(np.array(expected)[found.indices], found.distances, atol=1e-12)


def test_a_fifth_of_the_solves_finds_the_nearest_documents_of_a_topic_model():
    words, documents = topic_model(rng=0, size=2000)
    queries = (3, 77)
    for q in queries:
        row = documents[[q]].toarray()[0]
        found = nearest_neighbors(row, documents, k=10, support=words)
        parts = [slice(*documents.indptr[j : j + 2]) for j in range(2000)]
        clouds = [words[documents.indices[part]] for part in parts]
        weights = [documents.data[part] for part in parts]
        values = transport_batch(
            [clouds[q]] * 2000, clouds, x_weights=[weights[q]] * 2000, y_weights=weights
        ).values
        np.testing.assert_array_equal(found.indices, np.argsort(values, kind="stable")[:10])
        assert found.n_exact <= 400


def test_images_are_histograms_on_a_grid(rng):
    side = np.arange(10.0)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    places = rng.uniform(2.0, 7.0, (150, 3, 2))
    images = np.exp(-cdist(places.reshape(-1, 2), grid, "sqeuclidean")).reshape(150, 3, 100).sum(1)
    images[images < 0.05] = 0.0
    found = nearest_neighbors(images[0], images, k=5, support=grid)
    values = [transport(grid, grid, x_weights=images[0], y_weights=i).value for i in images]
    np.testing.assert_array_equal(found.indices, np.argsort(values)[:5])
    assert found.n_exact < 75


def test_weights_of_clouds_and_atoms_that_weigh_nothing(rng):
    collection, weights = rng.normal(size=(40, 6, 2)), rng.random((40, 6))
    weights[:, 2] = 0.0
    query, own = rng.normal(size=(5, 2)), np.array([1.0, 0.0, 2.0, 3.0, 0.0])
    found = nearest_neighbors(query, collection, k=4, query_weights=own, collection_weights=weights)
    pairs = zip(collection, weights, strict=True)
    expected = [wasserstein(query, y, x_weights=own, y_weights=b, p=1) for y, b in pairs]
    np.testing.assert_array_equal(found.indices, np.argsort(expected)[:4])
    np.testing.assert_allclose(found.distances, np.sort(expected)[:4], rtol=1e-12)


@pytest.mark.parametrize("distance", ["wasserstein1", "wasserstein2"])
def test_on_the_line_all_distances_are_computed(rng, distance):
    collection = [rng.normal(size=n) for n in (1, 3, 3, 5, 2)]
    found = nearest_neighbors(collection[2], collection, k=3, distance=distance)
    indices, distances = by_force(collection[2], collection, 3, distance=distance)
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_allclose(found.distances, distances, rtol=1e-14)
    assert (found.lower <= found.distances).all()
    assert found.n_exact == 5


def test_any_other_distance_is_computed_for_all():
    found = nearest_neighbors("aa", ["bbbb", "cc", "d"], k=2, distance=lambda x, y: len(y))
    np.testing.assert_array_equal(found.indices, [2, 1])
    assert np.isnan(found.lower).all()
    rows = [[0.5, 0.5], [0.9, 0.1], [0.1, 0.9]]
    found = nearest_neighbors(rows[1], rows, k=2, distance="total_variation")
    np.testing.assert_array_equal(found.indices, [1, 0])


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_the_answer_does_not_depend_on_threads_or_blocks(rng, n_jobs, monkeypatch):
    from otdiv.many import pruning

    collection = rng.normal(size=(90, 20, 3)) + rng.normal(size=(90, 1, 3))
    first = nearest_neighbors(collection[0], collection, k=5, n_jobs=2)
    monkeypatch.setattr(pruning, "_KEPT_COSTS", 0)
    monkeypatch.setattr(pruning, "_COSTS_AT_ONCE", 2000)
    other = nearest_neighbors(collection[0], collection, k=5, n_jobs=n_jobs)
    np.testing.assert_array_equal(first.indices, other.indices)
    np.testing.assert_array_equal(first.distances, other.distances)
    assert first.n_exact == other.n_exact


def test_a_callback_stops_a_search_with_what_was_found(rng):
    collection = rng.normal(size=(60, 5, 2))
    found = nearest_neighbors(collection[0], collection, k=3, callback=lambda progress: True)
    assert found.status is Status.STOPPED
    assert len(found) == 3
    assert found.n_exact < 60
    on_line = nearest_neighbors(
        collection[0, :, 0], collection[:, :, 0], k=3, callback=lambda progress: True
    )
    assert (on_line.status, len(on_line)) == (Status.STOPPED, 3)


@pytest.mark.parametrize(
    ("query", "collection", "options", "words"),
    [
        ([[0.0, 1.0]], [[[0.0, 1.0]]], {"k": 2}, "`k` must be at most 1"),
        ([[0.0, 1.0]], [[[0.0, 1.0]]], {"k": 0}, "`k` must be"),
        ([[0.0, np.nan]], [[[0.0, 1.0]]], {"k": 1}, "`query` must be finite"),
        ([[0.0, 1.0]], [[[0.0, 1.0]], [[0.0, np.inf]]], {"k": 1}, r"`collection\[1\]` must be"),
        ([[0.0, 1.0]], [[[0.0]]], {"k": 1}, r"`collection\[0\]` must have 2 columns"),
        ([[0.0, 1.0]], 3.0, {"k": 1}, "`collection` must be a sequence"),
        ([1.0, 1.0], [[1.0, -1.0]], {"k": 1, "support": np.eye(2)}, r"`collection\[0\]` must be"),
        ([1.0], [[1.0, 1.0]], {"k": 1, "support": np.eye(2)}, r"`query` must have shape \(2,\)"),
        ([1.0, 1.0], [[0.0, 0.0]], {"k": 1, "support": np.eye(2)}, r"`collection\[0\]` must have"),
        ([1.0, 1.0], csr_array((2, 2)), {"k": 1, "support": np.eye(2)}, r"`collection\[0\]`"),
        ([1.0, 1.0], csr_array((2, 3)), {"k": 1, "support": np.eye(2)}, "have 2 columns"),
        ([1.0], [[1.0]], {"k": 1, "support": [0.0], "query_weights": [1.0]}, "`query_weights`"),
        ([1.0], [[1.0]], {"k": 1, "distance": len, "support": [0.0]}, "`support` must be None"),
        ([1.0], [[1.0]], {"k": 1, "distance": "cosine"}, "`distance` must be callable or one"),
        ([[0.0, 1.0]], [[[0.0, 1.0]]], {"k": 1, "collection_weights": []}, "hold 1 arrays"),
        (
            [[0.0, -1.7e308]],
            [[[0.0, 1.7e308]], [[0.0, 1.5e308]]],
            {"k": 1},
            r"`query` must be so near to `collection\[1\]`",
        ),
    ],
)
def test_errors_name_the_sample(query, collection, options, words):
    with pytest.raises(InvalidInputError, match=words):
        nearest_neighbors(query, collection, **options)
