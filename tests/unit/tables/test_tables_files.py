"""Files as strangers have them: read for what they are, or refused in one sentence."""

import bz2
import contextlib
import gzip
import io
import os
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

import otdiv
from otdiv.cli import main
from otdiv.cli.app import USAGE
from otdiv.errors import InvalidInputError
from otdiv.tables import compare_tables
from otdiv.tables.columns import Kind, decode
from otdiv.tables.reading import read_table

COMMAS = b"x,name\n1.5,u\n,v\n3.0,\n"
TABS = COMMAS.replace(b",", b"\t")
TABLE = pa.table({"x": pa.array([1.5, None, 3.0]), "name": pa.array(["u", "v", None])})


def zstd(data):
    return pa.compress(data, codec="zstd", asbytes=True)


def in_memory(write):
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()


def arrow_stream(sink):
    with pa.ipc.new_stream(sink, TABLE.schema) as writer:
        writer.write_table(TABLE)


def arrow_file(sink):
    with pa.ipc.new_file(sink, TABLE.schema) as writer:
        writer.write_table(TABLE)


BINARY = {
    "t.parquet": in_memory(lambda sink: pyarrow.parquet.write_table(TABLE, sink)),
    "t.arrow": in_memory(arrow_stream),
    "t.ipc": in_memory(arrow_file),
    "t.feather": in_memory(lambda sink: pyarrow.feather.write_feather(TABLE, sink)),
    "t.npy": in_memory(lambda sink: np.save(sink, np.arange(6.0).reshape(3, 2))),
}
PACKED = {
    "t.csv.gz": gzip.compress(COMMAS, mtime=0),
    "t.csv.bz2": bz2.compress(COMMAS),
    "t.csv.zst": zstd(COMMAS),
}


def put(folder, name, data):
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def refusal(path):
    """The one sentence of a refused file, which is the same in Python and on the command line."""
    with pytest.raises(InvalidInputError) as caught:
        compare_tables(path, {"x": [1.0]})
    sentence = str(caught.value)
    assert sentence.isprintable()
    return sentence


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("t.TSV", TABS),
        ("t.Csv", COMMAS),
        ("t.CSV.GZ", gzip.compress(COMMAS, mtime=0)),
        ("t.tsv.gz", gzip.compress(TABS, mtime=0)),
        ("t.csv.gz", gzip.compress(COMMAS[:8], mtime=0) + gzip.compress(COMMAS[8:], mtime=0)),
        ("t.Tsv.Bz2", bz2.compress(TABS)),
        ("t.csv.zst", zstd(COMMAS)),
        ("t.tsv.ZST", zstd(TABS)),
        ("t.tsv.csv", COMMAS),
        ("t.csv.tsv", TABS),
        ("t.tsv.csv.gz", gzip.compress(COMMAS, mtime=0)),
        ("t.gz.csv", COMMAS),
        *((name.upper(), data) for name, data in BINARY.items() if name != "t.npy"),
    ],
)
def test_the_last_suffixes_decide_in_any_case(tmp_path, name, data):
    table = read_table(put(tmp_path, name, data), "a")
    assert table.names == ("x", "name")
    assert decode(table.columns["x"]).values.tolist() == [1.5, 3.0]


def test_the_folder_has_no_say(tmp_path):
    folder = tmp_path / "x.tsv.d"
    folder.mkdir()
    assert read_table(put(folder, "t.csv", COMMAS), "a").names == ("x", "name")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("t.csv", "x;y\n1;2\n"),
        ("t.csv", "x;y\n1,0;2\n"),
        ("t.csv", "x;y\n1,0;2,0\n1,5;2\n"),
        ("t.csv", '"x";"y"\n"1";"2"\n'),
        ("t.csv", "\n\nx;y\n1;2\n"),
        ("t.csv", b"\xef\xbb\xbfx;y\r\n1;2\r\n"),
        ("t.csv", "sep=;\nx;y\n1;2\n"),
        ("t.csv", "sep=;\r\nx;y\r\n1;2\r\n"),
        ("t.csv", "x|y\n1|2\n"),
        ("t.csv", "x\ty\n1\t2\n"),
        ("t.csv.gz", gzip.compress(b"x;y\n1;2\n", mtime=0)),
        ("t.tsv", "x,y\n1,2\n"),
        ("t.TSV", "x;y\n1;2\n"),
        ("t.txt", "x\ty\n1\t2\n"),
    ],
)
def test_another_delimiter_is_found(tmp_path, name, data):
    table = read_table(put(tmp_path, name, data), "a")
    assert table.names == ("x", "y")
    assert [decode(table.columns[name]).values[0] for name in "xy"] == [1.0, 2.0]


@pytest.mark.parametrize(
    ("data", "word"),
    [
        ("a, b;c\n1,5;2\n", "semicolons"),
        ("a;b;c, d\n1;2;3, 4\n", "semicolons"),
        ("a;b\n1\n2\n", "semicolons"),
        ("x y z\n1 2.5 -3e4\n", "blanks"),
        ("x   y\n1   2\n", "blanks"),
    ],
)
def test_a_delimiter_that_may_be_another_is_asked_for(tmp_path, data, word):
    sentence = refusal(put(tmp_path, "t.csv", data))
    assert word in sentence
    assert "--delimiter" in sentence


@pytest.mark.parametrize(
    ("data", "names"),
    [
        ("x\n1\n", ("x",)),
        ("dep delay\nvery late\n", ("dep delay",)),
        ("dep delay\n12\n", ("dep delay",)),
        ('"a;b"\n1\n', ("a;b",)),
        ("a;b,c,d\n1,2,3\n", ("a;b", "c", "d")),
        ("user|id,x\nann,3\n", ("user|id", "x")),
        ('x,y\n"1;2",3\n', ("x", "y")),
        ("x,,y\n1,2,3\n", ("x", "", "y")),
    ],
)
def test_names_may_hold_other_delimiters(tmp_path, data, names):
    assert read_table(put(tmp_path, "t.csv", data), "a").names == names


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["", "mark of UTF-8"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_line_ends_quotes_and_the_mark_of_utf_8_change_nothing(tmp_path, ending, mark, quote):
    lines = [f"{quote}größe{quote},y", "1,2", "3,4", ""]
    table = read_table(put(tmp_path, "t.csv", mark + ending.join(lines).encode()), "a")
    assert (table.names, table.n_rows) == (("größe", "y"), 2)


def test_line_breaks_in_quotes_belong_to_their_cell_wherever_they_lie(tmp_path):
    # Longer than a block of the reader, so that some break lies at an end of one.
    rows = 200_000
    path = put(tmp_path, "t.csv", "x,text\n" + '1,"a\nb"\n' * rows)
    table = read_table(path, "a")
    assert table.n_rows == rows
    assert decode(table.columns["text"]).labels == ("a\nb",)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("x,y\n1,2\n".encode("utf-16-be"), "a zero at character 1"),
        ("näme,y\n1,2\n".encode("latin-1"), "not UTF-8: byte 0xe4"),
        ("x,y\nü,2\n".encode("cp1252"), "not UTF-8: byte 0xfc"),
        (b"x,y\n1,2\0\n", "a zero at character 8"),
        (b"x,y\n" + b"1,2\n" * 400_000 + b"\xff,1\n", "byte 0xff"),
        (b"x,y\n1,\xc3", "not UTF-8"),
        ("x,y\n1\n", "got 1"),
        ("x,y\n1,2,3\n", "got 3"),
        ("x,y\n1,2\n3\n", "got 1"),
        ('x,y\n"1,2\n', "CSV parse error"),
        ("x,y\n", "at least one row"),
        ("\n\n", "Empty CSV file"),
    ],
)
def test_a_text_that_is_not_a_table_in_utf_8_says_what_it_is(tmp_path, data, reason):
    assert reason in refusal(put(tmp_path, "t.csv", data))


@pytest.mark.parametrize("suffix", [".csv", ".tsv", *(f".{name[2:]}" for name in BINARY)])
def test_a_file_with_the_suffix_of_another_format_is_recognised(tmp_path, suffix):
    words = {"t.parquet": "Parquet", "t.arrow": "Arrow", "t.ipc": "Arrow", "t.feather": "Arrow"}
    for name, data in (BINARY | PACKED).items():
        if name in words and words[name] == "Arrow" and suffix in (".arrow", ".ipc", ".feather"):
            continue  # one family, told apart by its first bytes
        if f"t{suffix}" == name:
            continue
        sentence = refusal(put(tmp_path, f"wrong{suffix}", data))
        word = words.get(name, ".npy" if name == "t.npy" else "archive")
        assert word in sentence


@pytest.mark.parametrize("name", BINARY | PACKED)
def test_no_file_that_was_cut_is_read(tmp_path, name):
    data = (BINARY | PACKED)[name]
    assert read_table(put(tmp_path, name, data), "a").n_rows == 3
    for length in range(len(data)):
        refusal(put(tmp_path, name, data[:length]))


def test_no_stream_of_batches_that_was_cut_between_them_is_read(tmp_path):
    def write(sink):
        with pa.ipc.new_stream(sink, TABLE.schema) as writer:
            for _ in range(3):
                writer.write_table(TABLE)

    data = in_memory(write)
    for length in range(0, len(data), 8):
        assert "without its end" in refusal(put(tmp_path, "t.arrow", data[: length or 4]))


@pytest.mark.parametrize("name", BINARY | PACKED | {"t.csv": COMMAS, "t.tsv": TABS})
def test_damaged_files_are_read_or_refused(tmp_path, name):
    data = (BINARY | PACKED | {"t.csv": COMMAS, "t.tsv": TABS})[name]
    rng = np.random.default_rng(0)
    for _ in range(150):
        damaged = bytearray(data)
        for place in rng.integers(len(data), size=rng.integers(1, 4)):
            damaged[place] = rng.integers(256)
        for tried in (bytes(damaged), data[:12] + rng.bytes(60), rng.bytes(40)):
            with contextlib.suppress(InvalidInputError):
                compare_tables(
                    put(tmp_path, name, tried), {"x": [1.0], "0": [1.0]}, n_permutations=0
                )


def header(descr, shape, body=b"\0" * 64):
    """A .npy file that claims a type and a shape."""
    claim = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode()
    claim += b" " * (63 - (10 + len(claim)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(claim).to_bytes(2, "little") + claim + body


@pytest.mark.parametrize(
    ("descr", "shape"),
    [
        ("<f8", (10**12,)),
        ("<f8", (2**62, 2**62)),
        ("<f8", (10**30,)),
        ("<f8", (-1,)),
        ("<f8", (-2, -4)),
        ("<f8", (0, 10**12)),
        ("<U0", (10**12,)),
        ("<f8", (4,)),
        ("<f8", ()),
        ("<f8", (2, 2, 2)),
        ("|O", (8,)),
        ([("x", "<f8"), ("o", "|O")], (4,)),
        ("<zz", (8,)),
    ],
    ids=str,
)
def test_a_npy_file_that_claims_what_it_has_not_is_refused_at_once(tmp_path, descr, shape):
    body = b"" if 0 in shape or descr == "<U0" else b"\0" * 64
    refusal(put(tmp_path, "t.npy", header(descr, shape, body)))


@pytest.mark.parametrize("order", "<>=")
@pytest.mark.parametrize("code", ["i2", "u8", "f4", "f8", "M8[us]", "m8[ms]", "U3"])
def test_npy_files_of_either_byte_order_are_read(tmp_path, order, code):
    values = np.array([3, 1, 2]).astype(code[:2] if code[0] in "Mm" else code)
    array = values.astype(f"{code[:2]}[{code[3:-1]}]" if "[" in code else code)
    np.save(tmp_path / "t.npy", array.astype(array.dtype.newbyteorder(order)))
    row = compare_tables(tmp_path / "t.npy", {"0": array}, n_permutations=0)["0"]
    assert (row.error, row.effect) == (None, 0.0)


@pytest.mark.parametrize("unit", ["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns"])
def test_datetimes_of_every_unit_of_numpy_are_compared(unit):
    days = np.array(["2001-01-01", "2004-01-01", "NaT"], dtype="datetime64[D]")
    a = days.astype(f"datetime64[{unit}]")
    later = (a + np.timedelta64(1, unit)).astype("datetime64[us]")
    expected = float((later[:2] - a[:2].astype("datetime64[us]")).astype(int).mean()) / 1e6
    if unit == "D":  # days are counted in days
        expected /= 86400.0
    row = compare_tables({"x": a}, {"x": a + np.timedelta64(1, unit)}, n_permutations=0)["x"]
    assert (row.kind, row.missing_a) == ("datetimes", 1)
    if unit == "ns":  # which three years hold too many of for float64
        assert row.effect == pytest.approx(1e-9, abs=2e-8)
        assert 1e-9 in row.bounds
    else:
        assert row.effect == expected
        assert expected in row.bounds


def test_durations_beyond_64_bits_of_seconds_are_not_wrapped():
    days = np.array([10**15, 1], dtype="timedelta64[D]")
    assert "64 bits" in compare_tables({"x": days}, {"x": days}, n_permutations=0)["x"].error


@pytest.fixture
def in_time():
    """Fail a test that waits, for the other end of a pipe say."""

    def stop(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("in_time")
def test_what_is_no_file_is_refused_without_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    (tmp_path / "dangling.csv").symlink_to(tmp_path / "nothing.csv")
    for name, reason in (
        ("pipe.csv", "no regular file"),
        ("folder.csv", "a folder"),
        ("loop.csv", "symbolic links"),
        ("dangling.csv", "No such file"),
        ("nothing\x1b[31m\n.csv", "No such file"),
        ("zero\0.csv", "null byte"),
        (f"{'long' * 100}.csv", "too long"),
        ("-", "a .csv"),
        (".csv", "a .csv"),
        ("t.npz", "No such file"),
        ("t.parquet.gz", "a .csv"),
    ):
        assert reason in refusal(tmp_path / name)


def test_a_file_that_may_not_be_read_is_refused(tmp_path, monkeypatch):
    path = put(tmp_path, "t.parquet", BINARY["t.parquet"])
    path.chmod(0)
    if os.access(path, os.R_OK):  # root reads everything
        monkeypatch.setattr(
            type(path),
            "open",
            lambda *_, **__: (_ for _ in ()).throw(PermissionError(13, "denied")),
        )
    assert "enied" in refusal(path)


def test_a_refused_file_is_one_sentence_on_stderr_and_exit_code_2(tmp_path, capsys):
    good = put(tmp_path, "good.csv", COMMAS)
    for name, data in (
        ("semicolons.csv", b"a, b;c\n1,5;2\n"),
        ("latin.csv", "näme\nü\n".encode("latin-1")),
        ("esc\x1b[31m\n.csv", b"x,y\n1\n"),
        ("t.npy", header("<f8", (10**12,))),
        ("t.csv.gz", gzip.compress(COMMAS, mtime=0)[:-1]),
        ("t.parquet", BINARY["t.parquet"][:-1]),
    ):
        for words in ([good, put(tmp_path, name, data)], [put(tmp_path, name, data), good]):
            assert main(["compare", *map(str, words)]) == USAGE
            captured = capsys.readouterr()
            assert captured.out == ""
            assert captured.err.startswith("otdiv: error: `")
            assert captured.err.count("\n") == 1
            assert captured.err[:-1].isprintable()


@pytest.mark.parametrize(
    "name", ["r.xhtml", "r.xlsx", "r.pdf", "r.csv.gz", "r.parquet", "r.tsv", "-"]
)
def test_an_output_of_an_unknown_format_is_refused_before_the_work(tmp_path, capsys, name):
    good = str(put(tmp_path, "good.csv", COMMAS))
    target = name if name == "-" else str(tmp_path / name)
    assert main(["compare", good, good, "--output", target]) == USAGE
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert name == "-" or ".json, .csv, .md, .markdown, .html, .htm, .txt" in captured.err
    assert not os.path.exists(target)


def test_an_output_that_cannot_be_written_is_one_sentence(tmp_path, capsys):
    good = str(put(tmp_path, "good.csv", COMMAS))
    (tmp_path / "folder.md").mkdir()
    (tmp_path / "loop.md").symlink_to(tmp_path / "loop.md")
    for target in ("folder.md", "loop.md", "no/such.md", "good.csv/t.md", f"{'long' * 100}.md"):
        assert main(["compare", good, good, "--output", str(tmp_path / target)]) == USAGE
        captured = capsys.readouterr()
        assert (captured.out, captured.err.count("\n")) == ("", 1)


@pytest.mark.slow
def test_a_terminal_without_the_letters_shows_their_escapes(tmp_path):
    good = str(put(tmp_path, "good.csv", "größe,y\n1,2\n3,4\n"))
    words = [sys.executable, "-m", "otdiv", "compare", good, good]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(words, capture_output=True, env=environment, timeout=120, check=True)
    text = done.stdout.decode("ascii")
    assert "gr\\xf6\\xdfe" in text
    assert "\\u2022 The same in both tables" in text


def test_texts_that_look_like_numbers_in_a_frame_are_categories():
    row = compare_tables(pd.DataFrame({"x": ["1", "2"]}), pd.DataFrame({"x": ["1", "1"]}))["x"]
    assert (row.kind, row.effect) == (Kind.CATEGORIES, 0.5)
    mixed = compare_tables(pd.DataFrame({"x": ["1", "2"]}), pd.DataFrame({"x": [1, 2]}))["x"]
    assert mixed.error == "categories in A, numbers in B"
    assert otdiv.wasserstein1([1, 2], [1, 1]) == 0.5
