"""`decode`: what each dtype of each library becomes."""

import datetime as dt
import decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from otdiv.tables.columns import ColumnError, Kind, common_codes, common_numbers, decode
from otdiv.tables.reading import read_table


def column(values):
    """Decode a series of any library."""
    if isinstance(values, pd.Series | pl.Series):
        values = values.to_frame("x")
    elif isinstance(values, pa.Array):
        values = pa.table({"x": values})
    else:
        values = {"x": values}
    return decode(read_table(values, "a").columns["x"])


@pytest.mark.parametrize(
    "values",
    [
        np.array([1, 2, 3], dtype=np.int8),
        np.array([1, 2, 3], dtype=np.uint64),
        np.array([1, 2, 3], dtype=np.float32),
        pd.Series([1, 2, 3]),
        pd.Series([1, 2, 3], dtype="Int64"),
        pd.Series([1, 2, 3], dtype="Float32"),
        pd.Series([1, 2, 3], dtype="int64[pyarrow]"),
        pd.Series([1, 2.0, 3], dtype=object),
        pl.Series([1, 2, 3], dtype=pl.UInt8),
        pa.array([1, 2, 3], pa.int16()),
        pa.array([decimal.Decimal(i) for i in (1, 2, 3)]),
        pl.Series([decimal.Decimal(i) for i in (1, 2, 3)]),
    ],
    ids=lambda values: f"{type(values).__module__.split('.')[0]}-{getattr(values, 'dtype', '')}",
)
def test_integers_floats_and_decimals_are_numbers(values):
    found = column(values)
    assert found.kind is Kind.NUMBERS
    assert found.values.dtype == np.float64
    assert found.values.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    "values",
    [
        np.array([np.nan, 2.0]),
        pd.Series([None, 2.0]),
        pd.Series([pd.NA, 2], dtype="Int64"),
        pd.Series([None, 2], dtype="int64[pyarrow]"),
        pd.Series([None, 2.0], dtype=object),
        pl.Series([None, 2]),
        pl.Series([float("nan"), 2.0]),
        pa.array([None, 2]),
        pa.array([float("nan"), 2.0]),
    ],
    ids=lambda values: f"{type(values).__module__.split('.')[0]}-{getattr(values, 'dtype', '')}",
)
def test_null_and_nan_are_both_missing(values):
    found = column(values)
    assert found.present.tolist() == [False, True]
    assert found.values.tolist() == [2.0]


@pytest.mark.parametrize(
    "values",
    [
        np.array(["v", "u", "v"]),
        np.array(["v", "u", "v"], dtype=object),
        pd.Series(["v", "u", "v"]),
        pd.Series(["v", "u", "v"], dtype="category"),
        pd.Series(["v", "u", "v"], dtype=object),
        pd.Series(["v", "u", "v"], dtype="string[pyarrow]"),
        pl.Series(["v", "u", "v"], dtype=pl.Categorical),
        pl.Series(["v", "u", "v"], dtype=pl.Enum(["v", "u", "w"])),
        pa.array(["v", "u", "v"]).dictionary_encode(),
        pa.array(["v", "u", "v"], pa.large_string()),
    ],
    ids=lambda values: f"{type(values).__module__.split('.')[0]}-{getattr(values, 'dtype', '')}",
)
def test_texts_and_categoricals_are_categories(values):
    found = column(values)
    assert found.kind is Kind.CATEGORIES
    assert [found.labels[code] for code in found.values] == ["v", "u", "v"]


@pytest.mark.parametrize(
    "values",
    [
        np.array([True, False]),
        pd.Series([True, False]),
        pd.Series([True, False], dtype="boolean"),
        pl.Series([True, False]),
        pa.array([True, False]),
    ],
)
def test_booleans_are_their_own_kind(values):
    found = column(values)
    assert found.kind is Kind.BOOLEANS
    assert [found.labels[code] for code in found.values] == ["True", "False"]


DAY = dt.datetime(2013, 7, 1)
NEXT = dt.datetime(2013, 7, 2)


@pytest.mark.parametrize(
    "values",
    [
        np.array([DAY, NEXT], dtype="datetime64[ns]"),
        np.array([DAY, NEXT], dtype="datetime64[s]"),
        pd.Series([DAY, NEXT]),
        pl.Series([DAY, NEXT]),
        pl.Series([DAY.date(), NEXT.date()]),
        pa.array([DAY, NEXT], pa.timestamp("ms")),
        pa.array([DAY.date(), NEXT.date()]),
    ],
    ids=lambda values: f"{type(values).__module__.split('.')[0]}-{getattr(values, 'dtype', '')}",
)
def test_dates_of_any_resolution_are_the_same_numbers(values):
    found = column(values)
    assert found.kind is Kind.DATETIMES
    x, y, ticks, exact, _ = common_numbers(found, column(pl.Series([DAY])))
    assert (x.tolist(), y.tolist(), exact) == ([0.0, 86400.0 * ticks], [0.0], True)


def test_zoned_times_are_instants():
    zones = ["UTC", "America/New_York"]
    at = [pd.Series([pd.Timestamp("2013-07-01 12:00", tz=zone)]) for zone in zones]
    first, second = map(column, at)
    assert first.kind is Kind.ZONED_DATETIMES
    x, y, ticks, *_ = common_numbers(first, second)
    assert (y[0] - x[0]) / ticks == 4.0 * 3600.0


def test_durations_keep_their_zero():
    found = column(pd.Series([dt.timedelta(hours=1), dt.timedelta(hours=3)]))
    assert found.kind is Kind.DURATIONS
    x, _, ticks, *_ = common_numbers(found, found)
    assert (x / ticks).tolist() == [3600.0, 3.0 * 3600.0]


def test_microseconds_survive_beside_recent_dates():
    moments = np.array(["2013-07-01T00:00:00.000000", "2013-07-01T00:00:00.000001"], "M8[us]")
    x, _, ticks, *_ = common_numbers(column(moments), column(moments))
    assert (x / ticks).tolist() == [0.0, 1e-6]


@pytest.mark.parametrize(
    "values",
    [pa.nulls(2), pa.array([None, None], pa.float64()), pa.array([None, None], pa.string())],
)
def test_a_column_without_a_value_is_empty(values):
    found = column(values)
    assert found.kind is Kind.EMPTY
    assert not found.present.any()


def test_a_column_of_nan_only_is_empty():
    assert column(np.array([np.nan, np.nan])).kind is Kind.EMPTY


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (pa.array([[1], [2]]), "neither numbers, times nor categories"),
        (pa.array([{"u": 1}]), "neither numbers, times nor categories"),
        (pa.array([b"u"]), "neither numbers, times nor categories"),
        (pa.array([dt.time(12, 30)]), "times of day"),
        (np.array([1.0, np.inf, -np.inf]), "2 infinite values"),
        (np.array([1.0 + 1.0j]), "cannot be read"),
        (pd.Series(["u", 1, None]), "cannot be read"),
        (pd.Series([object()]), "cannot be read"),
    ],
)
def test_values_of_no_known_kind_say_why(values, reason):
    with pytest.raises(ColumnError, match=reason):
        column(values)


def test_codes_refer_to_the_union_of_both_labels():
    p, q, labels = common_codes(column(["b", "a"]), column(["c", "b"]))
    assert labels == ("a", "b", "c")
    assert (p.tolist(), q.tolist()) == ([1, 0], [2, 1])
