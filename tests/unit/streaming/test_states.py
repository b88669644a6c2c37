"""States of samples and of categories: what they count, refuse and send."""

import copy
import pickle

import numpy as np
import pytest

from otdiv import InvalidInputError, js_divergence, population_stability_index, total_variation
from otdiv.sources import open_column
from otdiv.streaming import (
    CategoryState,
    Detail,
    SampleState,
    bounds_from_cells,
    category_counts,
    cdf_bounds,
    cells_query,
    compared,
    sample_state,
    wasserstein1_bounds,
)


def test_missing_and_infinite_values_are_counted_apart():
    state = SampleState().update([1.0, np.nan, np.inf, -np.inf, -0.0, 5e-324])
    assert (state.n, state.n_missing, state.n_infinite) == (3, 1, 2)
    with pytest.raises(InvalidInputError, match="2 that are infinite"):
        wasserstein1_bounds(state, SampleState().update([1.0]))


def test_an_empty_state_has_no_distance():
    with pytest.raises(InvalidInputError, match="`y` must have at least one value"):
        wasserstein1_bounds(SampleState().update([1.0]), SampleState().update([np.nan]))


def test_both_zeros_are_one_value():
    x, y = SampleState().update([-0.0]), SampleState().update([0.0])
    assert wasserstein1_bounds(x, y).upper == 0.0
    assert x == y


@pytest.mark.parametrize(
    ("values", "weights", "words"),
    [
        ([[1.0]], None, r"shape \(n,\)"),
        ([2**53 + 1], None, "held exactly|exact"),
        ([1.0], [-1.0], "not negative"),
        ([1.0], [np.nan], "finite"),
        ([1.0], [1e300], "between 2"),
        ([1.0], [1.0, 2.0], r"shape \(1,\)"),
        (["a"], None, "numbers"),
    ],
)
def test_bad_rows_are_refused_and_change_nothing(values, weights, words):
    state = SampleState().update([1.0], None if weights is None else [1.0])
    before = state.to_bytes()
    with pytest.raises(InvalidInputError, match=words):
        state.update(values, weights)
    assert state.to_bytes() == before


def test_rows_with_weights_and_rows_without_are_not_mixed():
    with pytest.raises(InvalidInputError, match="for all rows of a state, or for none"):
        SampleState().update([1.0]).update([1.0], [2.0])
    with pytest.raises(InvalidInputError, match="for all rows of a state, or for none"):
        SampleState().update([1.0]).merge(SampleState().update([1.0], [2.0]))


@pytest.mark.parametrize("bits", [-1, 21, 1.5, True])
def test_bits_are_a_small_int(bits):
    with pytest.raises(InvalidInputError, match="`bits` must be"):
        SampleState(bits=bits)


@pytest.mark.parametrize("weights", [None, np.arange(1.0, 1001.0)], ids=["counts", "weights"])
def test_bytes_pickles_and_copies_are_the_state(weights):
    state = SampleState().update(np.linspace(-3.0, 5.0, 1000), weights)
    for other in (
        SampleState.from_bytes(state.to_bytes()),
        pickle.loads(pickle.dumps(state)),
        copy.deepcopy(state),
        state.copy(),
    ):
        assert other == state
        assert other.update([1.0], None if weights is None else [1.0]) != state


def test_cut_changed_and_foreign_bytes_are_refused():
    data = SampleState().update([1.0, 2.0, 4.0]).to_bytes()
    assert all(not _is_read(data[:cut]) for cut in range(len(data)))
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(data), 200):
        changed = bytearray(data)
        changed[place] ^= 1 << int(rng.integers(8))
        assert not _is_read(bytes(changed))
    for foreign in (b"", b"PAR1", pickle.dumps([1]), CategoryState().to_bytes(), "text"):
        assert not _is_read(foreign)


def test_what_pandas_has_for_a_missing_category_is_counted_as_missing():
    pandas = pytest.importorskip("pandas")
    for column in (
        pandas.Series(["a", pandas.NA, "a"], dtype="string"),
        pandas.Series([1, None, 1], dtype="Int64"),
        pandas.Series(["a", None, "a"], dtype="category"),
    ):
        state = CategoryState().update(column)
        assert (state.n, state.n_missing) == (2, 1)


def _is_read(data):
    try:
        SampleState.from_bytes(data)
    except InvalidInputError as error:
        assert "`data` must be the bytes of a SampleState" in str(error)  # noqa: PT017
        return False
    return True


def test_bytes_of_another_version_are_told():
    from otdiv.streaming import encoding

    data = encoding.packed("SampleState", {}, {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding, "_VERSION", 2)
        with pytest.raises(InvalidInputError, match="version 1, where this release reads 2"):
            SampleState.from_bytes(data)


def test_cells_that_no_sample_has_are_refused():
    from otdiv.streaming.encoding import packed

    fields = {"bits": 12, "weighted": False, "tallies": [0, 0, 0]}
    sound = {
        "starts": np.array([0]),
        "cells": np.array([[1, 3, 3, 3]]),
        "high": np.array([0]),
    }
    assert SampleState.from_bytes(packed("SampleState", fields, sound)).n == 1
    for name, value in (
        ("starts", np.array([1])),
        ("cells", np.array([[0, 3, 3, 3]])),
        ("cells", np.array([[1, 3, 4, 3]])),
        ("cells", np.array([[1, 3, 3, 2**41]])),
        ("high", np.array([-1])),
    ):
        with pytest.raises(InvalidInputError, match="cells that no sample has"):
            SampleState.from_bytes(packed("SampleState", fields, sound | {name: value}))


def test_sums_of_offsets_beyond_one_limb_stay_exact():
    largest = np.nextafter(2.0, 1.0)
    values = np.full(5000, largest)
    state = SampleState(bits=0).update(values).update([1.0])
    assert state.rows().high[0] > 0
    twice = state.copy().merge(state)
    whole = 5000 * (2**52 - 1)
    rows = twice.rows()
    assert int(rows.cells[0, 1]) + (int(rows.high[0]) << 62) == 2 * whole


def test_a_sample_that_is_another_one_in_a_later_pass_is_told():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 1000))
    for max_values in (0, 10**6):
        comparison = compared(SampleState(bits=4).update(x), SampleState(bits=4).update(y))
        windows = comparison.undecided(max_values=max_values)
        details = Detail(windows).update(x[:-1]), Detail(windows).update(y[::2])
        with pytest.raises(InvalidInputError, match="must give the same rows whenever it is read"):
            comparison.refined(*details)


def test_details_of_other_windows_are_not_mixed():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 1000))
    comparison = compared(SampleState(bits=4).update(x), SampleState(bits=4).update(y))
    windows = comparison.undecided(), comparison.undecided(max_values=0)
    details = [Detail(each).update(x) for each in windows]
    with pytest.raises(InvalidInputError, match="Detail of the same windows"):
        details[0].merge(details[1])
    with pytest.raises(InvalidInputError, match="those of other windows"):
        Detail.from_bytes(details[0].to_bytes(), windows[1])


def test_levels_are_known_to_the_share_of_one_cell():
    values = np.random.default_rng(0).standard_normal(10_000)
    state = SampleState().update(values)
    points = np.linspace(-4.0, 4.0, 200)
    low, high = cdf_bounds(state, points)
    known = np.searchsorted(np.sort(values), points, side="right") / values.size
    assert ((low <= known) & (known <= high)).all()
    assert (high - low).max() < 2e-3


def test_categories_of_different_types_are_different():
    state = CategoryState().update([True, 1, "1", None, float("nan")])
    assert (state.n, state.n_missing, len(state._counts)) == (3, 2, 3)
    again = CategoryState.from_bytes(state.to_bytes())
    assert again == state
    assert again.merge(state).n == 6
    with pytest.raises(InvalidInputError, match="texts, whole numbers or truth values"):
        CategoryState().update([1.5])
    with pytest.raises(InvalidInputError, match="bytes of a CategoryState"):
        CategoryState.from_bytes(state.to_bytes()[:-1])


def test_divergences_count_columns_of_categories():
    x = open_column({"c": list("aabbbc")}, "c")
    y = open_column(lambda: iter([["a", "b"], ["b", "d", None]]))
    p, q = [2, 3, 1, 0], [1, 2, 0, 1]
    assert category_counts(x, y)[2] == ("a", "b", "c", "d")
    assert js_divergence(x, y) == js_divergence(p, q)
    assert total_variation(x, y) == total_variation(p, q)
    index = population_stability_index(x, y, pseudocount=0.5)
    assert index == population_stability_index(p, q, pseudocount=0.5)
    with pytest.raises(InvalidInputError, match="`q` must be a Column"):
        js_divergence(x, q)


@pytest.mark.parametrize("kind", ["arrow", "dictionary", "polars", "pandas", "numpy"])
def test_categories_are_counted_in_columns_of_any_library(kind):
    values = ["b", "a", "b"]
    if kind == "numpy":
        column = np.array(values)
    elif kind in ("polars", "pandas"):
        library = pytest.importorskip(kind)
        column = library.Series(values)
    else:
        arrow = pytest.importorskip("pyarrow")
        column = arrow.array(values)
        column = column.dictionary_encode() if kind == "dictionary" else column
    assert CategoryState().update(column).counts == {"a": 1, "b": 2}


def test_rows_of_sql_enclose_the_distance_with_little_memory(tmp_path):
    duckdb = pytest.importorskip("duckdb")
    base = duckdb.connect()
    base.execute("SET memory_limit='500MB'")
    base.execute("SELECT setseed(.5)")
    normal = "sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random())"
    base.execute(f"CREATE TABLE x AS SELECT exp({normal}) AS v FROM range(300000)")
    base.execute(f"CREATE TABLE y AS SELECT exp(1.2 * {normal}) AS v FROM range(200000)")
    columns = [base.sql(f"FROM {name}").fetchnumpy()["v"] for name in ("x", "y")]
    truth = wasserstein1_bounds(*(SampleState(bits=16).update(column) for column in columns))
    for resolution, gap in ((45.0, 1e-2), (700.0, 1e-4)):
        queries = (cells_query(name, "v", resolution=resolution) for name in ("x", "y"))
        rows = [base.sql(query).fetchall() for query in queries]
        bounds = bounds_from_cells(*rows)
        assert bounds.lower <= truth.lower
        assert truth.upper <= bounds.upper
        assert bounds.relative_gap < gap
        assert max(map(len, rows)) < 15 * resolution * 2


def test_rows_of_sql_leave_out_what_is_missing_and_refuse_infinity():
    duckdb = pytest.importorskip("duckdb")
    values = '(SELECT unnest([1, NULL, \'NaN\'::DOUBLE, -3, 0]) AS "a ""b")'
    rows = duckdb.sql(cells_query(values, 'a "b')).fetchall()
    assert sum(row[1] for row in rows) == 3
    assert 1.0 in bounds_from_cells(rows, [(row[0], row[1], row[2], *row[3:]) for row in SHIFTED])
    with pytest.raises(duckdb.Error, match="infinite"):
        duckdb.sql(cells_query("(SELECT 'inf'::DOUBLE AS v)", "v")).fetchall()


SHIFTED = [(-1, 1, -2.0, -2.0, -2.0), (1, 2, 3.0, 1.0, 2.0)]


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [(1, 1, 1.0)],
        [(1, 0, 0.0, 1.0, 1.0)],
        [(1, 2, 9.0, 1.0, 2.0)],
        [(1, 1, 1.0, 2.0, 1.0)],
        [(1, 1, float("nan"), 1.0, 1.0)],
        [("a", 1, 1.0, 1.0, 1.0)],
    ],
)
def test_rows_of_no_sample_are_refused(rows):
    with pytest.raises(InvalidInputError, match="`x` must"):
        bounds_from_cells(rows, SHIFTED)


def test_cells_of_sql_that_overlap_are_joined():
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((2, 400))
    tables = []
    for values in (x, y):
        cells = np.floor(values * 5.0).astype(int) + rng.integers(0, 2, values.size)
        tables.append(
            [
                (cell, len(part), part.sum(), part.min(), part.max())
                for cell in np.unique(cells)
                for part in [values[cells == cell]]
            ]
        )
    truth = wasserstein1_bounds(SampleState(bits=20).update(x), SampleState(bits=20).update(y))
    bounds = bounds_from_cells(*tables)
    assert bounds.lower <= truth.lower
    assert truth.upper <= bounds.upper


def test_a_callback_ends_a_state_early():
    chunks = [np.zeros(10)] * 5
    assert sample_state(lambda: iter(chunks), callback=lambda n: n >= 20).n == 20
