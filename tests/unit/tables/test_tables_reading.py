"""`read_table`: every supported container, and a clear error for each unusable one."""

import gzip
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest

from otdiv.errors import InvalidInputError
from otdiv.tables.columns import Kind, decode
from otdiv.tables.reading import read_table

TABLE = pa.table({"x": pa.array([1.5, None, 3.0]), "name": pa.array(["u", "v", None])})


def write_csv(path):
    pyarrow.csv.write_csv(TABLE, path)


def write_csv_gz(path):
    text = "x,name\n1.5,u\n,v\n3.0,\n"
    with gzip.open(path, "wt") as stream:
        stream.write(text)


def write_tsv(path):
    path.write_text("x\tname\n1.5\tu\n\tv\n3.0\t\n")


def write_parquet(path):
    pyarrow.parquet.write_table(TABLE, path)


def write_feather(path):
    pyarrow.feather.write_feather(TABLE, path)


def write_ipc_file(path):
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, TABLE.schema) as writer:
        writer.write_table(TABLE)


def write_ipc_stream(path):
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, TABLE.schema) as writer:
        writer.write_table(TABLE)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("t.csv", write_csv),
        ("t.CSV", write_csv),
        ("t.csv.gz", write_csv_gz),
        ("t.tsv", write_tsv),
        ("t.parquet", write_parquet),
        ("t.pq", write_parquet),
        ("t.feather", write_feather),
        ("t.arrow", write_ipc_file),
        ("t.arrow", write_ipc_stream),
    ],
)
@pytest.mark.parametrize("as_text", [False, True])
def test_files_of_every_format_give_the_same_columns(tmp_path, name, write, as_text):
    path = tmp_path / name
    write(path)
    table = read_table(str(path) if as_text else path, "a")
    x, names = decode(table.columns["x"]), decode(table.columns["name"])
    assert (table.n_rows, table.names, table.name) == (3, ("x", "name"), str(path))
    assert x.kind is Kind.NUMBERS
    assert x.present.tolist() == [True, False, True]
    assert x.values.tolist() == [1.5, 3.0]
    assert names.kind is Kind.CATEGORIES
    assert names.present.tolist() == [True, True, False]
    assert [names.labels[code] for code in names.values] == ["u", "v"]


@pytest.mark.parametrize(
    ("frame", "backend"),
    [(TABLE, "pyarrow"), (pl.from_arrow(TABLE), "polars"), (TABLE.to_pandas(), "pandas")],
    ids=["pyarrow", "polars", "pandas"],
)
def test_frames_of_every_library_give_the_same_columns(frame, backend):
    table = read_table(frame, "a")
    assert (table.backend, table.name, table.n_rows) == (backend, "a", 3)
    x, names = decode(table.columns["x"]), decode(table.columns["name"])
    assert x.present.tolist() == [True, False, True]
    assert x.values.tolist() == [1.5, 3.0]
    assert [names.labels[code] for code in names.values] == ["u", "v"]


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_a_plain_array_is_one_column_called_0(shape):
    assert read_table(np.zeros(shape), "a").names == ("0",)


def test_arrays_name_columns_by_position_and_records_by_field():
    assert read_table(np.zeros((4, 3)), "a").names == ("0", "1", "2")
    records = np.array([(1.0, "u"), (2.0, "v")], dtype=[("x", float), ("name", "U1")])
    assert read_table(records, "a").names == ("x", "name")


def test_a_file_of_an_array_reads_like_the_array(tmp_path):
    array = np.arange(6.0).reshape(3, 2)
    np.save(tmp_path / "t.npy", array)
    table = read_table(tmp_path / "t.npy", "a")
    assert table.names == ("0", "1")
    assert decode(table.columns["1"]).values.tolist() == [1.0, 3.0, 5.0]


class Bomb:
    """Raises when it is unpickled."""

    def __reduce__(self):
        return pytest.fail, ("a pickle was loaded",)


@pytest.mark.parametrize(
    "save", [np.save, lambda path, array: path.write_bytes(pickle.dumps(array))]
)
def test_a_pickle_is_never_loaded(tmp_path, save):
    path = tmp_path / "t.npy"
    save(path, np.array([Bomb()], dtype=object))
    with pytest.raises(InvalidInputError, match="must be a readable file"):
        read_table(path, "a")


@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "t.arrow", "t.feather", "t.npy"])
def test_an_empty_file_says_that_it_has_no_bytes(tmp_path, name):
    path = tmp_path / name
    path.touch()
    with pytest.raises(InvalidInputError, match=r"`b` must be a file with contents; .* 0 bytes"):
        read_table(path, "b")


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow", "t.feather", "t.npy"])
def test_a_file_of_another_format_is_unreadable_and_named(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"neither this nor that, but long enough to hold a footer" * 4)
    with pytest.raises(InvalidInputError, match="`a` must be a readable file") as caught:
        read_table(path, "a")
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_unreadable(tmp_path):
    with pytest.raises(InvalidInputError, match="No such file"):
        read_table(tmp_path / "t.parquet", "a")


def test_a_ragged_csv_is_unreadable(tmp_path):
    (tmp_path / "t.csv").write_text("x,y\n1,2\n1,2,3\n")
    with pytest.raises(InvalidInputError, match="must be a readable file"):
        read_table(tmp_path / "t.csv", "a")


@pytest.mark.parametrize("name", ["t.html", "t", "t.pkl", "t.gz"])
def test_an_unknown_suffix_lists_the_known_ones(tmp_path, name):
    (tmp_path / name).write_text("x\n1\n")
    with pytest.raises(InvalidInputError, match=r"\.csv, \.tsv, \.parquet"):
        read_table(tmp_path / name, "a")


def test_tables_without_rows_or_columns_are_refused(tmp_path):
    (tmp_path / "t.csv").write_text("x,y\n")
    with pytest.raises(InvalidInputError, match="at least one row"):
        read_table(tmp_path / "t.csv", "a")
    with pytest.raises(InvalidInputError, match="at least one row"):
        read_table(pd.DataFrame({"x": []}), "a")
    with pytest.raises(InvalidInputError, match="at least one column"):
        read_table(pd.DataFrame(), "a")


@pytest.mark.parametrize("thing", [3, None, object(), [1, 2], [], [{}, 1], pa.array([1])])
def test_a_thing_that_is_no_table_is_refused(thing):
    with pytest.raises(InvalidInputError, match="`a` must be a path, a pandas"):
        read_table(thing, "a")


def test_mappings_of_unequal_or_nested_columns_are_refused():
    with pytest.raises(InvalidInputError, match="columns of one length"):
        read_table({"x": [1.0], "y": [1.0, 2.0]}, "a")
    with pytest.raises(InvalidInputError, match="1-D columns"):
        read_table({"x": [[1.0]]}, "a")
    with pytest.raises(InvalidInputError, match=r"have shape \(n,\) or \(n, d\)"):
        read_table(np.zeros((2, 2, 2)), "a")


def test_repeated_names_are_kept_apart_from_the_columns(tmp_path):
    (tmp_path / "t.csv").write_text("x,y,x\n1,2,3\n")
    frame = pd.DataFrame([[1, 2, 3]], columns=["x", "y", "x"])
    for source in (tmp_path / "t.csv", frame, pa.table([[1], [2], [3]], names=["x", "y", "x"])):
        table = read_table(source, "a")
        assert list(table.columns) == ["y"]
        assert table.repeated == {"x": 2}


def test_units_come_from_the_metadata_of_arrow_fields(tmp_path):
    schema = pa.schema([pa.field("x", pa.float64(), metadata={"units": "km"}), ("y", pa.int64())])
    table = pa.table([[1.0], [2]], schema=schema)
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet", "a").units == {"x": "km"}
    assert read_table(table, "a").units == {"x": "km"}


def test_only_unquoted_empty_texts_and_na_are_missing_in_a_csv(tmp_path):
    (tmp_path / "t.csv").write_text('name\nu\nNA\n"NA"\n')
    column = decode(read_table(tmp_path / "t.csv", "a").columns["name"])
    assert column.present.tolist() == [True, False, True]
    assert column.labels == ("NA", "u")
