"""Single columns of tables of any kind: read alone, in parts, as often as is needed."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pytest

from otdiv import ConvergenceError, InvalidInputError, UnsupportedProblemError, wasserstein1
from otdiv import wasserstein1_result as in_memory
from otdiv.sources import open_column, open_table
from otdiv.streaming import wasserstein1_result

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal(5000), RNG.standard_normal(3000) * 1.1
TRUTH = wasserstein1(X, Y)


def numbers(column):
    return np.concatenate([values for values, _ in column.chunks()])


def kinds_of_source(tmp_path, values):
    """The same column in every kind of source, by name."""
    import duckdb
    import pandas
    import polars
    import pyarrow.dataset

    table = pyarrow.table({"other": np.arange(values.size), "v": values})
    path = tmp_path / "t.parquet"
    parquet.write_table(table, path, row_group_size=700)
    folder = tmp_path / "folder"
    folder.mkdir()
    for part in range(2):
        half = table.slice(part * values.size // 2, (values.size + 1) // 2)
        parquet.write_table(half, folder / f"{part}.parquet")
    base = tmp_path / "t.duckdb"
    with duckdb.connect(str(base)) as connection:
        connection.execute(f"CREATE TABLE t AS FROM read_parquet('{path}')")
    text = tmp_path / "t.csv"
    pandas.DataFrame({"other": 1, "v": values}).to_csv(text, index=False)
    memory = np.lib.format.open_memmap(tmp_path / "m.npy", "w+", np.float64, values.shape)
    memory[:] = values
    return {
        "parquet": path,
        "folder": folder,
        "pattern": folder / "*.parquet",
        "duckdb": base,
        "csv": text,
        "table": table,
        "dataset": pyarrow.dataset.dataset(path),
        "scanner": pyarrow.dataset.dataset(path).scanner(),
        "reader": pyarrow.RecordBatchReader.from_batches(table.schema, table.to_batches(500)),
        "relation": duckdb.sql(f"FROM read_parquet('{path}')"),
        "pandas": table.to_pandas(),
        "polars": polars.from_arrow(table),
        "lazy": polars.scan_parquet(path),
        "mapping": {"other": np.zeros(values.size), "v": list(values)},
        "memmap": memory,
        "iterator": iter(np.split(values, 4)),
        "function": lambda: iter(np.split(values, 4)),
    }


KINDS = [
    *("parquet", "folder", "pattern", "duckdb", "csv", "table", "dataset", "scanner", "reader"),
    *("relation", "pandas", "polars", "lazy", "mapping", "memmap", "iterator", "function"),
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_of_any_source_has_its_numbers(tmp_path, kind):
    source = kinds_of_source(tmp_path, X)[kind]
    nameless = kind in ("memmap", "iterator", "function")
    column = open_column(source, None if nameless else "v")
    assert np.array_equal(np.sort(numbers(column)), np.sort(X))
    if not column.once:
        assert numbers(column).size == X.size


@pytest.mark.parametrize("kind", ["parquet", "duckdb", "relation", "lazy", "csv", "function"])
def test_the_distance_of_columns_is_that_of_samples_in_memory(tmp_path, kind):
    sides = [kinds_of_source(folder, v)[kind] for folder, v in _folders(tmp_path)]
    name = None if kind == "function" else "v"
    result = wasserstein1_result(*sides, column=name)
    assert pytest.approx(result.value, rel=1e-12) == TRUTH
    assert result.bounds.lower <= in_memory(X, Y).bounds.upper
    assert in_memory(X, Y).bounds.lower <= result.bounds.upper
    columns = [open_column(side, name) for side in sides]
    assert wasserstein1(*columns) == result.value
    assert wasserstein1(columns[0], list(Y)) == pytest.approx(TRUTH, rel=1e-12)
    assert in_memory(*columns, rtol=1e-2).bounds.relative_gap <= 1e-2


def _folders(tmp_path):
    for name, values in (("x", X), ("y", Y)):
        folder = tmp_path / name
        folder.mkdir()
        yield folder, values


@pytest.mark.parametrize("max_memory", [10**6, None])
def test_little_memory_takes_more_passes_to_the_same_number(max_memory):
    rng = np.random.default_rng(5)
    sides = rng.standard_normal((2, 100_000))
    functions = [lambda side=side: iter(np.split(side, 10)) for side in sides]
    result = wasserstein1_result(*functions, bits=2, max_memory=max_memory)
    assert result.value == pytest.approx(wasserstein1(*sides), rel=1e-12)
    assert (result.n_passes > 2) == (max_memory is not None)


def test_weights_are_another_column():
    table = {"v": X, "w": np.arange(1.0, 5001.0)}
    column = open_column(table, "v", weights="w")
    truth = wasserstein1(X, Y, x_weights=table["w"])
    assert wasserstein1(column, Y) == pytest.approx(truth, rel=1e-12)
    assert open_column(table, weights="w").name == "source v"
    with pytest.raises(InvalidInputError, match=r"open_column\(…, weights=NAME\)"):
        wasserstein1(column, Y, y_weights=np.ones(Y.size))


def test_what_is_read_once_gives_the_bounds_of_one_pass():
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal((2, 10_000))
    result = wasserstein1_result(iter([x]), iter([y]), rtol=0.5)
    assert (result.n_passes, result.n_x) == (1, 10_000)
    with pytest.raises(ConvergenceError, match="pass a path, or a function") as caught:
        wasserstein1_result(iter([x]), iter([y]), rtol=1e-9)
    assert wasserstein1(x, y) in caught.value.result.bounds


def test_missing_values_are_an_error_or_left_out_and_counted():
    table = pyarrow.table({"v": pyarrow.array([1.0, None, float("nan"), 3.0])})
    with pytest.raises(InvalidInputError, match="`x` must have no missing values; got 2"):
        wasserstein1_result(table, {"v": [1.0]}, column="v")
    result = wasserstein1_result(table, {"v": [1.0]}, column="v", missing="drop")
    assert (result.value, result.n_x, result.n_missing_x) == (1.0, 2, 2)
    with pytest.raises(InvalidInputError, match="`y` must have finite values"):
        wasserstein1_result({"v": [1.0]}, {"v": [np.inf]}, column="v")


@pytest.mark.parametrize(
    ("column", "held"),
    [
        (pyarrow.array([1, None, 3]), [1.0, np.nan, 3.0]),
        (pyarrow.array([True, False]), [1.0, 0.0]),
        (pyarrow.array([Decimal("1.5"), None]), [1.5, np.nan]),
        (pyarrow.array([1.5, 1.5]).dictionary_encode(), [1.5, 1.5]),
        (pyarrow.nulls(2), [np.nan, np.nan]),
        (np.ma.masked_array([1.0, 2.0], [False, True]), [1.0, np.nan]),
        (np.array([1, None], dtype=object), [1.0, np.nan]),
        (np.float32([0.1]), [float(np.float32(0.1))]),
    ],
)
def test_missing_numbers_of_any_kind_are_nan(column, held):
    assert np.array_equal(numbers(open_column(_table(column))), held, equal_nan=True)


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (pyarrow.array(["a"]), "be a column of numbers; got string"),
        (pyarrow.array([dt.date(2020, 1, 1)]), "times are numbers in a unit"),
        (np.array(["2020-01-01"], "M8[D]"), "times are numbers in a unit"),
        (pyarrow.array([2**53 + 1]), "float64"),
    ],
)
def test_columns_of_something_else_are_refused(column, words):
    with pytest.raises(InvalidInputError, match=words):
        numbers(open_column(_table(column)))


def _table(column):
    arrow = isinstance(column, pyarrow.Array)
    return pyarrow.table({"v": column}) if arrow else {"v": column}


def test_names_that_are_not_there_are_told_at_once():
    with pytest.raises(InvalidInputError, match="`column` must name one of a, b; got 'c'"):
        open_column({"a": [1], "b": [2]}, "c")
    with pytest.raises(InvalidInputError, match="`column` must name one of the columns"):
        open_column({"a": [1], "b": [2]})
    with pytest.raises(InvalidInputError, match="several times"):
        _repeated().place("a")
    with pytest.raises(InvalidInputError, match="be left out where there are no names"):
        open_column(iter([[1.0]]), "v")


def _repeated():
    rows = pyarrow.record_batch([pyarrow.array([1]), pyarrow.array([2])], names=["a", "a"])
    return open_table(rows)


def test_only_the_columns_that_are_asked_for_are_read(tmp_path):
    path = tmp_path / "t.parquet"
    parquet.write_table(pyarrow.table({"a": [1, 2], "b": ["u", "v"], "c": [3, 4]}), path)
    source = open_table(path)
    assert [len(batch.columns) for batch in source.batches(["c", "a"])] == [2]
    (batch,) = source.batches(("c", "a"))
    assert [column.to_pylist() for column in batch.columns] == [[3, 4], [1, 2]]
    (batch,) = open_table({"a": [1], "b": [2]}).batches(["b"])
    assert list(batch.columns[0]) == [2]


def test_orders_and_solvers_that_passes_do_not_have_are_told():
    from otdiv import wasserstein2
    from otdiv.solvers import NetworkSimplex

    column = open_column({"v": X})
    with pytest.raises(UnsupportedProblemError, match="wasserstein_bounds"):
        wasserstein2(column, column)
    with pytest.raises(InvalidInputError, match="`solver` must be None for columns"):
        wasserstein1(column, column, solver=NetworkSimplex())


def test_a_callback_stops_with_the_bounds_of_that_moment():
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal((2, 10_000))
    sides = [lambda side=side: iter([side]) for side in (x, y)]
    with pytest.raises(ConvergenceError, match="stopped in the first pass"):
        wasserstein1_result(*sides, callback=lambda progress: True)

    def slow(side):
        import time

        time.sleep(0.2)  # the callback hears nothing more often
        return iter([side])

    sides = [lambda side=side: slow(side) for side in (x, y)]
    with pytest.raises(ConvergenceError, match="the callback stopped") as caught:
        wasserstein1_result(*sides, callback=lambda progress: progress.n_passes == 2)
    assert wasserstein1(x, y) in caught.value.result.bounds
