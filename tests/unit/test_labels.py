"""Labels of series and frames: the same in one order on both sides, or an error that says how."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import otdiv
from otdiv import InvalidInputError

DIVERGENCES = {
    "kl": otdiv.kl_divergence,
    "kl_result": lambda p, q, axis=-1: otdiv.kl_divergence_result(p, q, axis=axis).value,
    "jeffreys": otdiv.jeffreys_divergence,
    "js": otdiv.js_divergence,
    "js_distance": otdiv.js_distance,
    "js_unhalved": otdiv.js_divergence_unhalved,
    "tv": otdiv.total_variation,
    "hellinger": otdiv.hellinger_distance,
    "chi2": otdiv.chi2_divergence,
    "psi": otdiv.population_stability_index,
    "renyi": lambda p, q, axis=-1: otdiv.renyi_divergence(p, q, alpha=0.5, axis=axis),
    "f": lambda p, q, axis=-1: otdiv.f_divergence(p, q, lambda t: (t - 1.0) ** 2, axis=axis),
}
each = pytest.mark.parametrize("divergence", DIVERGENCES.values(), ids=DIVERGENCES)
P = [[0.5, 0.25, 0.25], [0.125, 0.375, 0.5]]
Q = [[0.25, 0.25, 0.5], [0.25, 0.5, 0.25]]


@each
def test_series_of_masses_are_compared_by_place_where_labels_agree(divergence):
    expected = divergence(P[0], Q[0])
    labels = ["a", "b", "c"]
    for index in (None, labels, pd.CategoricalIndex(labels), pd.interval_range(0, 3)):
        p, q = (pd.Series(side[0], index=index) for side in (P, Q))
        assert divergence(p, q) == divergence(p, Q[0]) == divergence(P[0], q) == expected
    for series in (pl.Series, pa.array, pa.chunked_array):
        sides = [[side[0]] if series is pa.chunked_array else side[0] for side in (P, Q)]
        assert divergence(*map(series, sides)) == expected


@each
def test_frames_are_rows_of_masses(divergence):
    expected = divergence(P, Q)
    frames = [pd.DataFrame(side, columns=["a", "b", "c"]) for side in (P, Q)]
    np.testing.assert_array_equal(divergence(*frames), expected)
    np.testing.assert_array_equal(divergence(*(f.T for f in frames), axis=0), expected)
    np.testing.assert_array_equal(divergence(frames[0], frames[1].iloc[0]), divergence(P, Q[0]))
    np.testing.assert_array_equal(divergence(*map(pl.from_pandas, frames)), expected)
    np.testing.assert_array_equal(divergence(*map(pa.Table.from_pandas, frames)), expected)


@each
def test_value_counts_of_two_tables_are_not_compared_rank_by_rank(divergence):
    """Each is sorted by frequency: its first entry is another category than that of the other."""
    p, q = (pd.Series(list(text)).value_counts(normalize=True) for text in ("aabc", "abbc"))
    message = r"`q` must have the labels of `p` in their order; got 'b' where `p` has 'a'.*reindex"
    with pytest.raises(InvalidInputError, match=message):
        divergence(p, q)
    assert divergence(p, q.reindex(p.index)) == divergence([0.5, 0.25, 0.25], [0.25, 0.5, 0.25])


@each
def test_categories_that_one_side_lacks_name_the_union(divergence):
    p, q = (pd.Series(list(text)).value_counts().sort_index() for text in ("aabc", "aab"))
    with pytest.raises(InvalidInputError, match=r"index\.union.*fill_value=0"):
        divergence(p, q)
    union = p.index.union(q.index)
    aligned = (side.reindex(union, fill_value=0) for side in (q, p))
    assert divergence(*aligned) == divergence([2, 1, 0], [2, 1, 1])


@each
def test_columns_and_rows_of_frames_must_agree(divergence):
    p = pd.DataFrame(P, columns=["a", "b", "c"], index=["u", "v"])
    with pytest.raises(InvalidInputError, match="got 'c' where `p` has 'a'"):
        divergence(p, pd.DataFrame(Q, columns=["c", "b", "a"], index=["u", "v"]))
    with pytest.raises(InvalidInputError, match="got 'v' where `p` has 'u'"):
        divergence(p, pd.DataFrame(Q, columns=["a", "b", "c"], index=["v", "u"]))
    with pytest.raises(InvalidInputError, match="got 'x' where `p` has 'a'"):
        divergence(p, pd.Series(Q[0], index=["x", "y", "z"]))
    with pytest.raises(InvalidInputError, match=r"`q\.select\(p\.columns\)`"):
        divergence(
            pl.DataFrame(P, orient="row"), pl.DataFrame(Q, schema=["c", "b", "a"], orient="row")
        )
    # One row is broadcast over both of the other side.
    one = pd.DataFrame(Q[:1], columns=["a", "b", "c"], index=["w"])
    np.testing.assert_array_equal(divergence(p, one), divergence(P, Q[0]))


SAMPLE_CALLS = {
    "wasserstein1": otdiv.wasserstein1,
    "wasserstein1_result": otdiv.wasserstein1_result,
    "wasserstein2": otdiv.wasserstein2,
    "energy": otdiv.energy_distance,
    "mmd": otdiv.maximum_mean_discrepancy,
    "sliced": lambda x, y, **options: otdiv.sliced_wasserstein(x, y, rng=0, **options),
    "transport": otdiv.transport,
    "sinkhorn": lambda x, y, **options: otdiv.sinkhorn_divergence(x, y, epsilon=1.0, **options),
}
samples = pytest.mark.parametrize("distance", SAMPLE_CALLS.values(), ids=SAMPLE_CALLS)


@samples
def test_columns_of_two_samples_must_agree(distance):
    x, y = np.array([[0.0, 1.0], [2.0, 5.0]]), np.array([[1.0, 0.0], [4.0, 3.0]])
    for frame, names in ((pd.DataFrame, ["a", "b"]), (pl.DataFrame, ["a", "b"])):
        first, second = (frame(dict(zip(names, side.T.tolist(), strict=True))) for side in (x, y))
        found, expected = distance(first, second), distance(x, y)
        assert getattr(found, "value", found) == getattr(expected, "value", expected)
        with pytest.raises(InvalidInputError, match="`y` must have the labels of `x`"):
            distance(first, second[["b", "a"]])


@samples
def test_weights_must_have_the_labels_of_what_they_weigh(distance):
    x = pd.Series([3.0, 1.0, 2.0], index=[2, 0, 1])
    weights = pd.Series([1.0, 2.0, 4.0], index=[0, 1, 2])
    with pytest.raises(InvalidInputError, match="`x_weights` must have the labels of `x`"):
        distance(x, [0.0], x_weights=weights)
    with pytest.raises(InvalidInputError, match="`y_weights` must have the labels of `y`"):
        distance([0.0], x, y_weights=weights)
    found = distance(x, [0.0], x_weights=weights.reindex(x.index))
    expected = distance([3.0, 1.0, 2.0], [0.0], x_weights=[4.0, 1.0, 2.0])
    assert getattr(found, "value", found) == getattr(expected, "value", expected)


def test_measures_histograms_costs_and_batches_check_labels_too():
    labelled, other = (
        pd.Series([1.0, 2.0], index=["a", "b"]),
        pd.Series([1.0, 2.0], index=["b", "a"]),
    )
    frame = pd.DataFrame(np.eye(2), index=["a", "b"], columns=["c", "d"])
    turned = frame.iloc[::-1]
    for name, call in {
        "weights": lambda: otdiv.DiscreteMeasure(labelled, weights=other),
        "q": lambda: otdiv.wasserstein1_histogram(labelled, other, support=[0, 1]),
        "p": lambda: otdiv.wasserstein1_histogram(labelled, [1, 1], support=other),
        "x_weights": lambda: otdiv.transport_matrix(frame, x_weights=other),
        "y_weights": lambda: otdiv.transport_matrix(frame, y_weights=labelled),
        "y": lambda: otdiv.wasserstein1_batch(frame, turned),
        "covariance": lambda: otdiv.Gaussian(other, covariance=frame),
    }.items():
        with pytest.raises(InvalidInputError, match=f"`{name}` must have the labels of"):
            call()
    with pytest.raises(InvalidInputError, match="`weights` must have the labels of `x`"):
        otdiv.DiscreteMeasure.from_samples(labelled, other)
    with pytest.raises(InvalidInputError, match="`x_weights` must have the labels of `x`"):
        otdiv.wasserstein1_batch(frame, frame, x_weights=turned)
    expected = otdiv.transport_matrix(np.eye(2), x_weights=[1.0, 2.0]).value
    assert otdiv.transport_matrix(frame, x_weights=labelled).value == expected
