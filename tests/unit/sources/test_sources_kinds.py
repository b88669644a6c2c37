"""Each kind of table that people have, from a real file: the same numbers, or what helps."""

import bz2
import contextlib
import datetime as dt
import gzip
import io
import json
import sqlite3
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset
import pyarrow.feather
import pyarrow.orc
import pyarrow.parquet
import pytest

from otdiv.cli import main
from otdiv.errors import InvalidInputError, MissingDependencyError
from otdiv.sources import Source, open_table
from otdiv.tables import compare_tables
from otdiv.tables.columns import decode
from otdiv.tables.reading import read_table

from .workbooks import write_workbook

ROWS = [
    {"x": 1.5, "n": 1, "s": "u", "d": dt.date(2024, 1, 1)},
    {"x": None, "n": 2, "s": "v", "d": dt.date(2024, 1, 3)},
    {"x": 3.0, "n": 3, "s": None, "d": dt.date(2024, 1, 2)},
]
NAMES = ("x", "n", "s", "d")
TABLE = pa.Table.from_pylist(ROWS)
CSV = "x,n,s,d\n1.5,1,u,2024-01-01\n,2,v,2024-01-03\n3.0,3,,2024-01-02\n"
LINES = "".join(json.dumps(row, default=str) + "\n" for row in ROWS)


def sqlite(path):
    with sqlite3.connect(path) as base:
        base.execute("CREATE TABLE t (x REAL, n INTEGER, s TEXT, d TEXT)")
        rows = [(r["x"], r["n"], r["s"], str(r["d"])) for r in ROWS]
        base.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", rows)
    base.close()


def duckdb_file(path):
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed (extra `stream`)")
    with duckdb.connect(str(path)) as base:
        base.execute("CREATE TABLE t (x DOUBLE, n INTEGER, s VARCHAR, d DATE)")
        for row in ROWS:
            base.execute("INSERT INTO t VALUES (?, ?, ?, ?)", list(row.values()))


def workbook(path):
    pytest.importorskip("python_calamine", reason="python-calamine is not installed (extra `cli`)")
    write_workbook(path, {"S": [NAMES, *(row.values() for row in ROWS)], "empty": []})


def zipped(path, name="t.csv", data=CSV):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)


def zstd(data):
    return pa.compress(data.encode(), codec="zstd", asbytes=True)


FILES = {
    "t.csv": lambda path: path.write_text(CSV),
    "t.CSV": lambda path: path.write_text(CSV),
    "t.csv.gz": lambda path: path.write_bytes(gzip.compress(CSV.encode(), mtime=0)),
    "t.csv.bz2": lambda path: path.write_bytes(bz2.compress(CSV.encode())),
    "t.csv.zst": lambda path: path.write_bytes(zstd(CSV)),
    "t.csv.zip": zipped,
    "t.zip": lambda path: zipped(path, "inside/t.jsonl", LINES),
    "t.txt": lambda path: path.write_text(CSV.replace(",", "|")),
    "t.tsv": lambda path: path.write_text(CSV.replace(",", "\t")),
    "t.parquet": lambda path: pyarrow.parquet.write_table(TABLE, path, row_group_size=2),
    "t.feather": lambda path: pyarrow.feather.write_feather(TABLE, path, chunksize=2),
    "t.orc": lambda path: pyarrow.orc.write_table(TABLE, path),
    "t.jsonl": lambda path: path.write_text(LINES),
    "t.ndjson.gz": lambda path: path.write_bytes(gzip.compress(LINES.encode(), mtime=0)),
    "t.xlsx": workbook,
    "t.sqlite": sqlite,
    "t.db": sqlite,
    "t.duckdb": duckdb_file,
    "duck.db": duckdb_file,
}


def check(source):
    """The table of all these tests, whatever it came in."""
    assert source.columns == NAMES
    table = read_table(source, "a")
    assert table.n_rows == 3
    x, n, s, d = (decode(table.columns[name]) for name in NAMES)
    assert (x.present.tolist(), x.values.tolist()) == ([True, False, True], [1.5, 3.0])
    assert n.values.tolist() == [1.0, 2.0, 3.0]
    assert [s.labels[code] for code in s.values] == ["u", "v"]
    assert (d.is_dates, (d.values - d.values[0]).tolist()) == (True, [0, 2 * 86400e6, 86400e6])


@pytest.mark.parametrize("name", FILES)
def test_files_of_every_format_hold_the_same_table(tmp_path, name):
    FILES[name](tmp_path / name)
    check(open_table(tmp_path / name))
    check(open_table(str(tmp_path / name)))


@pytest.mark.parametrize(
    "data",
    [
        CSV.encode(),
        CSV.replace(",", ";").encode(),
        gzip.compress(CSV.encode(), mtime=0),
        zstd(CSV),
        LINES.encode(),
        *("parquet", "feather", "orc", "xlsx", "zip"),
    ],
    ids=lambda data: data if isinstance(data, str) else data[:4].hex(),
)
def test_standard_input_is_what_its_beginning_says(tmp_path, monkeypatch, data):
    if isinstance(data, str):
        path = tmp_path / f"t.{data}"
        FILES[path.name](path)
        data = path.read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    check(open_table("-"))
    with pytest.raises(InvalidInputError, match="read once only"):
        open_table("-")


@pytest.mark.slow
def test_a_pipe_feeds_the_command(tmp_path):
    (tmp_path / "t.csv").write_text(CSV)
    words = [sys.executable, "-m", "otdiv", "compare", "-", str(tmp_path / "t.csv")]
    done = subprocess.run(
        [*words, "--format", "json"], input=CSV.encode(), capture_output=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["a"]["name"] == "-"


def test_standard_input_is_not_compared_with_itself():
    with pytest.raises(InvalidInputError, match="standard input is read once"):
        compare_tables("-", "-")


IN_MEMORY = {
    "rows": lambda: ROWS,
    "columns": lambda: {name: [row[name] for row in ROWS] for name in NAMES},
    "table": lambda: TABLE,
    "batch": lambda: TABLE.to_batches()[0],
    "reader": lambda: pa.RecordBatchReader.from_batches(TABLE.schema, TABLE.to_batches(2)),
    "dataset": lambda: pyarrow.dataset.dataset(TABLE),
    "scanner": lambda: pyarrow.dataset.dataset(TABLE).scanner(),
    "polars": lambda: pl.from_arrow(TABLE),
    "lazy": lambda: pl.from_arrow(TABLE).lazy(),
    "pandas of Arrow": lambda: TABLE.to_pandas(types_mapper=pd.ArrowDtype),
}


@pytest.mark.parametrize("name", IN_MEMORY)
def test_tables_in_memory_hold_the_same_table(name):
    check(open_table(IN_MEMORY[name]()))


def test_relations_of_duckdb_hold_the_same_table(tmp_path):
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed (extra `stream`)")
    with duckdb.connect() as base:
        base.register("given", TABLE)
        check(open_table(base.sql("SELECT * FROM given")))


def test_missing_keys_of_rows_are_missing_values():
    table = read_table([{"x": 1}, {"x": 2, "y": "u"}, {}], "a")
    assert decode(table.columns["x"]).present.tolist() == [True, True, False]
    assert decode(table.columns["y"]).present.tolist() == [False, True, False]


def test_arrays_of_npz_files_are_columns(tmp_path):
    np.savez(tmp_path / "t.npz", x=np.arange(3.0), s=np.array(["u", "v", "w"]))
    table = read_table(tmp_path / "t.npz", "a")
    assert decode(table.columns["x"]).values.tolist() == [0.0, 1.0, 2.0]
    assert decode(table.columns["s"]).labels == ("u", "v", "w")
    np.savez(tmp_path / "bad.npz", x=np.array([object()]))
    with pytest.raises(InvalidInputError, match="must be a readable file"):
        read_table(tmp_path / "bad.npz", "a")


SUFFIXES = ("csv", "parquet", "feather", "orc", "jsonl", "xlsx")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("address", ["", "/*", "/**/*.{}"])
def test_files_of_a_folder_are_one_table(tmp_path, suffix, address):
    folder = tmp_path / "all"
    folder.mkdir()
    for name in ("1", "2"):
        FILES[f"t.{suffix}"](folder / f"{name}.{suffix}")
    (folder / "_SUCCESS").touch()
    if address != "/*":
        (folder / ".hidden.csv").write_text("no table")
    source = open_table(f"{folder}{address.format(suffix)}")
    table = read_table(source, "a")
    assert (source.columns, table.n_rows) == (NAMES, 6)
    assert decode(table.columns["n"]).values.tolist() == [1.0, 2.0, 3.0] * 2


@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl"])
def test_folders_of_hive_are_columns(tmp_path, suffix):
    for year, city in ((2023, "Rom"), (2024, "Bern")):
        folder = tmp_path / f"year={year}" / f"city={city}"
        folder.mkdir(parents=True)
        FILES[f"t.{suffix}"](folder / f"part-0.{suffix}")
    table = read_table(tmp_path, "a")
    assert table.names == (*NAMES, "year", "city")
    assert decode(table.columns["year"]).values.tolist() == [2023.0] * 3 + [2024.0] * 3
    assert decode(table.columns["city"]).labels == ("Bern", "Rom")


def test_files_of_other_columns_or_formats_are_no_part_of_a_table(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "b.csv").write_text("x,z\n1,2\n")
    with pytest.raises(InvalidInputError, match="differ in y, z"):
        open_table(tmp_path)
    (tmp_path / "b.csv").unlink()
    FILES["t.parquet"](tmp_path / "b.parquet")
    with pytest.raises(InvalidInputError, match="parquet and text"):
        open_table(tmp_path)
    pyarrow.parquet.write_table(pa.table({"other": [1]}), tmp_path / "c.parquet")
    with pytest.raises(InvalidInputError, match="differ in the columns d, n, other, s, x"):
        open_table(f"{tmp_path}/*.parquet")


def test_types_of_a_folder_are_those_that_hold_all_files(tmp_path):
    for name, values in (("a", pa.array([1, 2])), ("b", pa.array([0.5])), ("c", pa.nulls(1))):
        pyarrow.parquet.write_table(pa.table({"x": values}), tmp_path / f"{name}.parquet")
    column = decode(read_table(tmp_path, "a").columns["x"])
    assert column.values.tolist() == [1.0, 2.0, 0.5]
    texts = tmp_path / "texts"
    texts.mkdir()
    (texts / "a.csv").write_text("x\n1\n")
    (texts / "b.csv").write_text("x\n0.5\n")
    assert decode(read_table(texts, "a").columns["x"]).values.tolist() == [1.0, 0.5]
    (texts / "c.csv").write_text("x\nu\n")
    row = compare_tables(texts, {"x": [1.0]}, n_permutations=0)["x"]
    assert row.error == "int64 and double and string in different files in A"


@pytest.mark.parametrize(("name", "write"), [("t.sqlite", sqlite), ("t.duckdb", duckdb_file)])
def test_tables_and_queries_of_a_data_base_are_named_after_two_colons(tmp_path, name, write):
    path = tmp_path / name
    write(path)
    for part in ("t", '"t"', "SELECT * FROM t", "with q as (select * from t) select * from q;"):
        check(open_table(f"{path}::{part}"))
    half = read_table(f"{path}::select n, n as n from t where n > 1", "a")
    assert (half.n_rows, half.repeated) in ((2, {"n": 2}), (2, {}))
    for part, reason in (
        ("nope", "no table 'nope'; there are t"),
        ("select * from nope", "nope"),
        ("select", "no table 'select'"),
    ):
        with pytest.raises(InvalidInputError, match=reason):
            open_table(f"{path}::{part}")


def test_data_bases_of_many_tables_ask_for_one_and_stay_as_they_are(tmp_path):
    path = tmp_path / "t.sqlite"
    sqlite(path)
    with sqlite3.connect(path) as base:
        base.execute('CREATE TABLE "my ""table" AS SELECT * FROM t')
    base.close()
    before = path.read_bytes()
    with pytest.raises(InvalidInputError, match='tables my "table, t; name one'):
        open_table(path)
    check(open_table(f'{path}::my "table'))
    with pytest.raises(InvalidInputError, match="must be a readable file"):
        open_table(f"{path}::with q as (select 1) insert into t select 1, 2, 3, 4")
    assert path.read_bytes() == before


def test_values_of_sqlite_that_are_not_of_one_type_are_numbers_or_say_why(tmp_path):
    path = tmp_path / "t.sqlite"
    with sqlite3.connect(path) as base:
        base.execute("CREATE TABLE t (a, b, c, d)")
        rows = [(1, "", "1,5", 1), (2**62 + 1, "NA", 2, "u"), (None, 2.5, 3, 2)]
        base.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", rows)
    base.close()
    report = compare_tables(path, path, n_permutations=0)
    assert [report[name].effect for name in "abc"] == [0.0, 0.0, 0.0]
    assert (report["b"].missing_a, report["b"].kind) == (2, "numbers")
    assert "numbers and texts in one column, 'u' for one in A; CAST it" in report["d"].error


def test_sheets_are_named_after_two_colons(tmp_path):
    pytest.importorskip("python_calamine", reason="python-calamine is not installed (extra `cli`)")
    path = tmp_path / "t.xlsx"
    rows = [NAMES, *(row.values() for row in ROWS)]
    write_workbook(path, {"one": [["z"], [1]], "two sheets": rows})
    check(open_table(f"{path}::two sheets"))
    for address, reason in (
        (str(path), "sheets one, two sheets; name one: FILE::one"),
        (f"{path}::three", "no sheet 'three'; there are one, two sheets"),
    ):
        with pytest.raises(InvalidInputError, match=reason):
            open_table(address)
    write_workbook(path, {"one": [["A title"], [], *rows]})
    with pytest.raises(InvalidInputError, match="delete the rows above"):
        open_table(path)


def test_cells_of_a_sheet_are_what_they_are_there(tmp_path):
    pytest.importorskip("python_calamine", reason="python-calamine is not installed (extra `cli`)")
    noon = dt.datetime(2024, 1, 1, 12)
    rows = [
        ["flag", "time", "gap", "mixed", "zip", 2024.0],
        [True, noon, 1, 1, "007", 1],
        [False, dt.datetime(2024, 1, 2), "n/a", "many", "008", 2],
        [None, None, None, 3, "?", 3],
    ]
    write_workbook(tmp_path / "t.xlsx", {"S": rows})
    report = compare_tables(tmp_path / "t.xlsx", tmp_path / "t.xlsx", n_permutations=0, na="?")
    assert {row.column: row.kind for row in report if row.error is None} == {
        "flag": "booleans",
        "time": "datetimes",
        "gap": "numbers",
        "zip": "categories",
        "2024": "numbers",
    }
    assert (report["gap"].missing_a, report["zip"].missing_a) == (2, 1)
    assert "numbers and texts in one column, 'many' for one in A; say na=" in report["mixed"].error


def test_members_of_an_archive_are_named_after_two_colons(tmp_path):
    path = tmp_path / "t.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", CSV)
        archive.writestr("b/c.csv.gz", gzip.compress(CSV.encode(), mtime=0))
        archive.writestr("empty.csv", "")
        archive.writestr("__MACOSX/._a.csv", b"\0")
    for member in ("a.csv", "b/c.csv.gz"):
        check(open_table(f"{path}::{member}"))
    for address, reason in (
        (str(path), "members a.csv, b/c.csv.gz, empty.csv; name one"),
        (f"{path}::d.csv", "no member 'd.csv'"),
        (f"{path}::empty.csv", "of 0 bytes"),
    ):
        with pytest.raises(InvalidInputError, match=reason):
            open_table(address)
    cut = path.read_bytes()
    for length in range(4, len(cut), 7):
        path.write_bytes(cut[:length])
        with pytest.raises(InvalidInputError, match="must be a readable file"):
            open_table(f"{path}::a.csv")


def test_a_file_of_one_table_has_no_parts(tmp_path):
    (tmp_path / "t.csv").write_text(CSV)
    with pytest.raises(InvalidInputError, match="before `::`"):
        open_table(f"{tmp_path}/t.csv::u")
    (tmp_path / "t.csv::u.csv").write_text(CSV)
    check(open_table(f"{tmp_path}/t.csv::u.csv"))


@pytest.mark.parametrize(
    ("name", "module", "extra"),
    [
        ("t.duckdb", "duckdb", "stream"),
        ("t.xlsx", "python_calamine", "cli"),
        ("t.parquet", "pyarrow", "cli"),
        ("t.csv", "pyarrow", "cli"),
    ],
)
def test_a_missing_engine_is_named_with_its_extra(tmp_path, monkeypatch, name, module, extra):
    (tmp_path / name).write_bytes(b"anything")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingDependencyError, match=rf"otdiv\[{extra}\]"):
        open_table(tmp_path / name)


def test_an_opened_source_is_a_table_and_can_be_read_again(tmp_path):
    FILES["t.parquet"](tmp_path / "t.parquet")
    source = open_table(tmp_path / "t.parquet")
    assert isinstance(source, Source)
    for _ in range(2):
        assert [batch.n_rows for batch in source.batches()] == [3]
        assert compare_tables(source, TABLE, n_permutations=0)["x"].effect == 0.0


def test_batches_come_as_they_are_stored(tmp_path):
    FILES["t.feather"](tmp_path / "t.feather")
    batches = list(open_table(tmp_path / "t.feather").batches())
    assert [batch.n_rows for batch in batches] == [2, 1]
    assert [len(batch.columns) for batch in batches] == [4, 4]


def test_the_command_reads_what_the_function_reads(tmp_path, capsys):
    sqlite(tmp_path / "t.sqlite")
    (tmp_path / "t.csv").write_text(CSV.replace(",", ";"))
    words = ["compare", f"{tmp_path}/t.sqlite::select * from t", f"{tmp_path}/t.csv"]
    assert main([*words, "--format", "json", "--permutations", "0"]) == 0
    columns = json.loads(capsys.readouterr().out)["columns"]
    assert {column["column"]: column["effect"] for column in columns} == dict.fromkeys(NAMES, 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["t.orc", "t.jsonl", "t.xlsx", "t.sqlite", "t.zip", "t.duckdb"])
def test_damaged_and_cut_files_are_read_or_refused(tmp_path, name):
    path = tmp_path / name
    FILES[name](path)
    data = path.read_bytes()
    rng = np.random.default_rng(0)
    for trial in range(60):
        damaged = bytearray(data)
        for place in rng.integers(len(data), size=3):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged if trial % 2 else data[: rng.integers(len(data))])
        with contextlib.suppress(InvalidInputError):
            compare_tables(path, {"x": [1.0]}, n_permutations=0)
