"""Integers and times of tables keep their digits on every road; masked cells are missing."""

import datetime as dt
import decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest

from otdiv import compare_tables
from otdiv.tables.columns import ColumnError, Kind, common_numbers, decode
from otdiv.tables.reading import read_table

FAR = 1702878157125929600
X, Y = [FAR + 18, FAR + 4], [FAR, FAR + 2]  # 18 - 2 and 4 - 0 apart: 10 in the mean


def parquet(values, folder, name):
    path = folder / f"{name}.parquet"
    pa.parquet.write_table(pa.table({"id": values}), path)
    return path


def text(values, folder, name, suffix="csv"):
    path = folder / f"{name}.{suffix}"
    path.write_text("id,other\n" + "".join(f"{value},1.5\n" for value in values))
    return path


def npy(values, folder, name):
    path = folder / f"{name}.npy"
    np.save(path, np.array(values, dtype=[("id", np.int64)]))
    return path


ROADS = {
    "numpy": lambda v, *_: {"id": np.array(v)},
    "numpy uint64": lambda v, *_: {"id": np.array(v, dtype=np.uint64)},
    "numpy object": lambda v, *_: {"id": np.array(v, dtype=object)},
    "numpy masked": lambda v, *_: {"id": np.ma.array([*v, 7], mask=[False, False, True])},
    "structured": lambda v, *_: np.array([(i,) for i in v], dtype=[("id", np.int64)]),
    "list": lambda v, *_: {"id": v},
    "list with None": lambda v, *_: {"id": [*v, None]},
    "list with masked": lambda v, *_: {"id": [*v, np.ma.masked]},
    "pandas": lambda v, *_: pd.DataFrame({"id": v}),
    "pandas nullable": lambda v, *_: pd.DataFrame({"id": pd.Series([*v, None], dtype="Int64")}),
    "pandas uint64": lambda v, *_: pd.DataFrame({"id": pd.Series(v, dtype="UInt64")}),
    "pandas arrow": lambda v, *_: pd.DataFrame(
        {"id": pd.Series([*v, None], dtype="int64[pyarrow]")}
    ),
    "pandas object": lambda v, *_: pd.DataFrame({"id": pd.Series([*v, None], dtype=object)}),
    "pandas series": lambda v, *_: {"id": pd.Series([*v, None], dtype="Int64")},
    "polars": lambda v, *_: pl.DataFrame({"id": [*v, None]}),
    "polars int128": lambda v, *_: pl.DataFrame({"id": pl.Series(v, dtype=pl.Int128)}),
    "polars series": lambda v, *_: {"id": pl.Series([*v, None])},
    "polars decimal": lambda v, *_: pl.DataFrame({"id": [decimal.Decimal(i) for i in v]}),
    "arrow": lambda v, *_: pa.table({"id": pa.array([*v, None])}),
    "arrow decimal": lambda v, *_: pa.table({"id": [decimal.Decimal(i) for i in v]}),
    "parquet": parquet,
    "csv": text,
    "npy": npy,
}


@pytest.mark.parametrize("road", ROADS)
def test_every_road_gives_the_exact_distance(road, tmp_path):
    a, b = ROADS[road](X, tmp_path, "a"), ROADS[road](Y, tmp_path, "b")
    row = next(row for row in compare_tables(a, b, n_permutations=0).rows if row.column == "id")
    assert row.error is None
    assert row.effect == 10.0
    assert row.mean_difference == -10.0
    assert (row.n_a, row.n_b) == (2, 2)


def test_two_roads_meet(tmp_path):
    frames = [make(X if i % 2 else Y, tmp_path, str(i)) for i, make in enumerate(ROADS.values())]
    for a, b in zip(frames[1::2], frames[::2], strict=False):
        row = next(row for row in compare_tables(a, b, n_permutations=0).rows if row.column == "id")
        assert (row.error, row.effect) == (None, 10.0)


def test_integers_of_a_csv_file_beyond_64_bits_are_not_rounded(tmp_path):
    a = text([2**64 + 7, 2**64 + 9], tmp_path, "a")
    b = text([2**64 + 1, 2**64 + 2], tmp_path, "b")
    row = next(row for row in compare_tables(a, b, n_permutations=0).rows if row.column == "id")
    assert row.effect == 6.5
    floats = text([1e20, 2.5e20], tmp_path, "c")
    row = next(
        row for row in compare_tables(floats, floats, n_permutations=0).rows if row.column == "id"
    )
    assert row.effect == 0.0


def test_integers_beyond_64_bits_in_lists_are_read():
    a, b = {"id": [2**70 + 5, None]}, {"id": [2**70]}
    assert compare_tables(a, b, n_permutations=0).rows[0].effect == 5.0


def test_integers_too_far_apart_are_an_error_of_their_column():
    a, b = {"id": [2**53 + 1], "n": [1]}, {"id": [0], "n": [3]}
    by_name = {row.column: row for row in compare_tables(a, b, n_permutations=0).rows}
    assert "float64 does not hold their differences (9007199254740993 in A)" in by_name["id"].error
    assert by_name["n"].effect == 2.0


def test_weights_of_large_integers_are_exact_or_refused():
    table = {"n": [1.0, 2.0], "w": [2**54, 2**54]}
    assert compare_tables(table, table, weights="w", n_permutations=0).rows[0].effect == 0.0
    table["w"] = [2**53 + 1, 1]
    with pytest.raises(ValueError, match=r"`weights` must hold numbers.*9007199254740993"):
        compare_tables(table, table, weights="w", n_permutations=0)


def test_large_decimal_fractions_keep_their_differences():
    a = pa.table({"v": [decimal.Decimal("1702878157125929618.25")]})
    b = pa.table({"v": [decimal.Decimal("1702878157125929600.00")]})
    assert compare_tables(a, b, n_permutations=0).rows[0].effect == 18.25


NANOSECONDS = {
    "numpy": lambda v: {"t": np.array(v, dtype="datetime64[ns]")},
    "pandas": lambda v: pd.DataFrame({"t": pd.to_datetime(v, unit="ns")}),
    "zoned": lambda v: pd.DataFrame({"t": pd.to_datetime(v, unit="ns", utc=True)}),
    "polars": lambda v: pl.DataFrame({"t": pl.Series(v).cast(pl.Datetime("ns"))}),
    "arrow": lambda v: pa.table({"t": pa.array(v, pa.timestamp("ns"))}),
    "durations": lambda v: {"t": np.array(v, dtype="timedelta64[ns]")},
    "integers": lambda v: {"t": np.array(v)},
}


@pytest.mark.parametrize("road", NANOSECONDS)
def test_nanoseconds_are_not_cut_off(road):
    a, b = NANOSECONDS[road](X), NANOSECONDS[road](Y)
    unit = 1.0 if road == "integers" else 1e-9
    row = compare_tables(a, b, n_permutations=0).rows[0]
    assert row.effect == pytest.approx(10.0 * unit, rel=1e-15)


def column(values):
    return decode(read_table({"x": values}, "a").columns["x"])


def test_ticks_of_two_sizes_are_compared_in_the_finer():
    micro = np.array(["1677-10-01", "9999-01-01"], dtype="datetime64[us]")
    nano = np.array(["2000-01-01T00:00:00.000000001"], dtype="datetime64[ns]")
    x, y, ticks, exact, _ = common_numbers(column(micro), column(nano))
    assert (ticks, exact) == (10**9, False)
    days = int((np.datetime64("9999-01-01") - np.datetime64("1677-10-01")).astype(int))
    assert x.tolist() == [0.0, float(days * 86400 * 10**9)]
    between = (np.datetime64("2000-01-01") - np.datetime64("1677-10-01")).astype(int)
    assert y[0] / ticks == pytest.approx(between * 86400, rel=1e-15)
    near = np.array(["2000-01-01"], dtype="datetime64[us]")
    x, y, _, exact, _ = common_numbers(column(near), column(nano))
    assert (y[0] - x[0], exact) == (1.0, True)


def test_the_whole_range_of_nanoseconds_is_within_reach():
    ends = np.array([-(2**63) + 1, 2**63 - 1], dtype="datetime64[ns]")
    x, _, ticks, exact, _ = common_numbers(column(ends), column(ends))
    assert (x.tolist(), ticks, exact) == ([0.0, 2.0**64], 10**9, False)


@pytest.mark.parametrize(
    "values",
    [
        np.ma.masked_equal([1.0, 2.0, -9999.0], -9999.0),
        np.ma.masked_equal([1, 2, -9999], -9999),
        np.ma.array([1.0, 2.0, np.nan], mask=[False, False, True]),
        np.ma.array([dt.date(2020, 1, 1)] * 3, mask=[0, 0, 1]).astype("datetime64[s]"),
        np.ma.array(["u", "v", "w"], mask=[False, False, True]),
        np.ma.array([True, False, True], mask=[False, False, True]),
        [1.0, 2.0, np.ma.masked],
    ],
    ids=["floats", "integers", "nan", "dates", "texts", "booleans", "list"],
)
def test_masked_cells_are_missing(values):
    found = column(values)
    assert found.present.tolist() == [True, True, False]
    assert found.values.size == 2


def test_masked_tables_keep_their_masks():
    table = np.ma.array([[1.0, 5.0], [2.0, 6.0]], mask=[[False, False], [True, False]])
    rows = {row.column: row for row in compare_tables(table, table, n_permutations=0).rows}
    assert (rows["0"].missing_a, rows["1"].missing_a) == (1, 0)
    records = np.ma.array(
        [(1, 2.0), (3, 4.0)], mask=[(True, False), (False, False)], dtype=[("i", int), ("v", float)]
    )
    rows = {row.column: row for row in compare_tables(records, records, n_permutations=0).rows}
    assert (rows["i"].missing_a, rows["v"].missing_a) == (1, 0)


def test_masked_weights_are_refused():
    table = {"n": [1.0, 2.0], "w": np.ma.array([1.0, 2.0], mask=[False, True])}
    with pytest.raises(ValueError, match="`weights` must have no missing value in `a`"):
        compare_tables(table, table, weights="w", n_permutations=0)
    with pytest.raises(ValueError, match=r"`weights\[0\]` must hold data only"):
        compare_tables(table, table, weights=(table["w"], None), n_permutations=0)


@pytest.mark.skipif(np.finfo(np.longdouble).nmant <= 52, reason="long doubles are float64 here")
def test_long_doubles_are_exact_or_refused():
    assert column(np.array([1.0, 2.0], dtype=np.longdouble)).kind is Kind.NUMBERS
    with pytest.raises(ColumnError, match="long doubles that float64 would round"):
        column(np.array([np.longdouble(1) + np.ldexp(np.longdouble(1), -60)]))
