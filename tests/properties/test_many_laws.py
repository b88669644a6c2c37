"""Laws of batches, of matrices of distances and of nearest neighbours, on drawn samples."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from otdiv import nearest_neighbors, pairwise_distances, transport, transport_batch
from otdiv.testing import transport_batches


@settings(max_examples=60, deadline=None)
@given(transport_batches())
def test_a_problem_of_a_batch_has_the_bounds_that_it_has_alone(batch):
    X, Y, options = batch
    result = transport_batch(X, Y, n_jobs=1, **options)
    for k in range(len(X)):
        weights = {name: options[name][k] for name in ("x_weights", "y_weights") if name in options}
        alone = transport(X[k], Y[k], cost=options["cost"], **weights)
        assert result.lower[k] <= alone.bounds.upper
        assert alone.bounds.lower <= result.upper[k]
        assert result.lower[k] <= result.values[k] <= result.upper[k]


@settings(max_examples=60, deadline=None)
@given(transport_batches(max_length=12), st.integers(1, 12), st.sampled_from([1, 2]))
def test_the_nearest_are_those_of_a_matrix_of_distances(batch, k, power):
    collection, queries, _ = batch
    k, name = min(k, len(collection)), f"wasserstein{power}"
    found = nearest_neighbors(queries[0], collection, k=k, distance=name, n_jobs=1)
    distances = pairwise_distances([queries[0]], other=collection, distance=name)[0]
    order = np.argsort(distances, kind="stable")[:k]
    if collection[0].shape[1] > 1:
        np.testing.assert_array_equal(found.indices, order)
    size = max(1.0, np.abs(distances).max())
    np.testing.assert_allclose(found.distances, distances[order], rtol=1e-12, atol=1e-13 * size)


@settings(max_examples=60, deadline=None)
@given(transport_batches(max_length=6), st.sampled_from([1, 2]), st.data())
def test_any_of_the_pruning_bounds_is_below_the_optimum(batch, power, data):
    from otdiv import PNormCost
    from otdiv.many.pruning import Measures, Relaxations, projected_bounds

    X, Y, options = batch
    cost = PNormCost(norm=2.0, power=float(power))
    x, a = X[0], np.full(len(X[0]), 1.0 / len(X[0]))
    weights = options.get("y_weights") or [None] * len(Y)
    shares = [
        np.full(len(y), 1.0 / len(y)) if b is None else b for y, b in zip(Y, weights, strict=True)
    ]
    points, sizes = np.concatenate(Y), np.array([len(y) for y in Y])
    others = Measures(
        points, np.arange(len(points)), np.concatenate(shares), sizes, np.zeros(len(Y), bool)
    )
    upper = transport_batch([x] * len(Y), Y, y_weights=shares, cost=cost, n_jobs=1).upper
    everyone = np.arange(len(Y))
    f = np.array(data.draw(st.lists(st.floats(-50, 50), min_size=len(x), max_size=len(x))))
    relaxed = Relaxations(x, a, others, cost)
    assert (projected_bounds(x, a, others, cost) <= upper).all()
    assert (relaxed.nearest(everyone) <= upper).all()
    assert (relaxed.shared(everyone) <= upper).all()
    assert (relaxed.potentials(f, everyone) <= upper).all()
