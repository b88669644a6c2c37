"""Texts as people write them: what is found, what is asked for, what the options do."""

import codecs
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otdiv.cli import main
from otdiv.errors import InvalidInputError
from otdiv.sources import open_table
from otdiv.tables import compare_tables
from otdiv.tables.columns import ColumnError, Kind, decode
from otdiv.tables.reading import read_table


def read(tmp_path, data, **options):
    path = tmp_path / "t.csv"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    source = open_table(path, "a", **options)
    table = read_table(source, "a")
    found = {}
    for name, column in table.columns.items():
        try:
            found[name] = decode(column)
        except ColumnError as error:
            found[name] = str(error)
    return found


def values(column):
    """Numbers of a column, None where they are missing."""
    assert column.kind is Kind.NUMBERS, column
    full = [None] * column.present.size
    for place, value in zip(np.flatnonzero(column.present), column.values, strict=True):
        full[place] = float(value)
    return full


NUMBERS = {
    "decimal commas": (["1,5", "2,25"], [1.5, 2.25]),
    "commas of thousands and points": (["1,234.5", "12"], [1234.5, 12.0]),
    "points of thousands and commas": (["1.234,5", "12"], [1234.5, 12.0]),
    "two commas": (["1,234,567", "1,000"], [1234567.0, 1000.0]),
    "two points": (["1.234.567", "1.000"], [1234567.0, 1000.0]),
    "lakhs": (["12,34,567", "1,000"], [1234567.0, 1000.0]),
    "blanks": (["1 234", "12", "1 234 567"], [1234.0, 12.0, 1234567.0]),
    "narrow blanks": (["1\u202f234,5", "12"], [1234.5, 12.0]),
    "apostrophes": (["1'234.50", "12"], [1234.5, 12.0]),
    "dollars": (["$1,234.50", "-$3", "($4.00)", "$ 5"], [1234.5, -3.0, -4.0, 5.0]),
    "euros": (["1.234,50 €", "-3 €", "0,5€"], [1234.5, -3.0, 0.5]),
    "codes": (["CHF 5", "6.5 CHF"], [5.0, 6.5]),
    "percent": (["12 %", "3.5%", "-1%"], [12.0, 3.5, -1.0]),
    "quoted empties": (["", "1", "2"], [None, 1.0, 2.0]),
    "dashes": (["-", "1.5", "2"], [None, 1.5, 2.0]),
    "errors of Excel": (["#DIV/0!", "1.5", "#N/A"], [None, 1.5, None]),
    "minus signs": (["−5", "+6"], [-5.0, 6.0]),
    "exponents": (["1,5e3", "2E-1"], [1500.0, 0.2]),
    "no digit before": ([",5", "-,25"], [0.5, -0.25]),
}


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_columns_that_are_numbers_to_a_person_are_numbers(tmp_path, name, delimiter):
    cells, expected = NUMBERS[name]
    lines = [f'"k"{delimiter}"x"', *(f'"u"{delimiter}"{cell}"' for cell in cells)]
    assert values(read(tmp_path, "\n".join(lines))["x"]) == expected


TEXTS = {
    "labels": ["u", "1"],
    "addresses": ["192.168.0.1", "10.0.0.1"],
    "versions": ["1.2.3", "1.10.0"],
    "two marks": ["1,5", "1.5"],
    "telephones": ["555-1234", "555-9876"],
    "ranges": ["1-2", "3-4"],
    "clock": ["12h", "13h"],
    "halves of signs": ["(5", "6)"],
    "underscores": ["1_000", "2_000"],
    "groups of two": ["1 23", "4 56"],
}


@pytest.mark.parametrize("name", TEXTS)
def test_columns_that_are_no_numbers_stay_texts(tmp_path, name):
    lines = ["k;x", *(f"u;{cell}" for cell in TEXTS[name])]
    found = read(tmp_path, "\n".join(lines))["x"]
    assert (found.kind, found.labels) == (Kind.CATEGORIES, tuple(sorted(TEXTS[name])))


ASKED = {
    "thousands or fractions": (["1,500", "2,750"], "1,500 may be 1500 or 1.500; say decimal="),
    "percent on some": (["1%", "2"], "some cells with %, others without"),
    "two currencies": (["$5", "€6"], "amounts in $ and €"),
    "day or month": (["01/02/2024", "03/02/2024"], "day or its month first"),
    "one strange cell": ([*map(str, range(40)), "many"], "numbers but for 'many'; say na='many'"),
}


@pytest.mark.parametrize("name", ASKED)
def test_a_column_of_two_meanings_fails_in_its_row_and_names_what_helps(tmp_path, name):
    cells, reason = ASKED[name]
    lines = ["k;x", *(f"u;{cell}" for cell in cells)]
    assert reason in read(tmp_path, "\n".join(lines))["x"]
    row = compare_tables(tmp_path / "t.csv", tmp_path / "t.csv", n_permutations=0)["x"]
    assert reason.partition("; ")[0] in row.error
    kept = {"x": "category"}
    row = compare_tables(tmp_path / "t.csv", tmp_path / "t.csv", n_permutations=0, kinds=kept)["x"]
    assert (row.kind, row.effect, row.error) == ("categories", 0.0, None)


@pytest.mark.parametrize(("decimal", "expected"), [(",", 1.5), (".", 1500.0)])
def test_the_decimal_mark_settles_what_has_two_meanings(tmp_path, decimal, expected):
    found = read(tmp_path, 'x;y\n"1,500";1\n"2,750";2\n', decimal=decimal)
    assert values(found["x"])[0] == expected


def test_other_columns_of_a_file_settle_it_too(tmp_path):
    american = read(tmp_path, 'x,y\n"1,500",0.5\n"2,750",1.25\n')
    assert (values(american["x"]), values(american["y"])) == ([1500.0, 2750.0], [0.5, 1.25])
    german = read(tmp_path, "x;y;z\n1.500;0,5;2\n2.750;1,25;3\n")
    assert (values(german["x"]), values(german["y"])) == ([1500.0, 2750.0], [0.5, 1.25])
    assert values(german["z"]) == [2.0, 3.0]


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("31.12.2024", "2024-12-31"),
        ("1.2.2024", None),
        ("12/31/2024", "2024-12-31"),
        ("31/12/2024", "2024-12-31"),
        ("2024/12/31", "2024-12-31"),
        ("2024-12-31", "2024-12-31"),
        ("31-12-2024", "2024-12-31"),
    ],
)
def test_days_are_found_where_only_one_order_fits(tmp_path, cell, day):
    found = read(tmp_path, f"k;x\nu;{cell}\nv;{cell}\n")["x"]
    if day is None:
        assert "day or its month first" in found
        return
    expected = np.datetime64(day, "us").astype(np.int64)
    assert (found.is_dates, found.values.tolist()) == (True, [expected] * 2)


def test_a_day_that_its_month_has_not_is_no_day(tmp_path):
    for cells in (["31.12.2024", "31.02.2024"], ["2024-12-31", "2024-02-30"]):
        found = read(tmp_path, "k;x\n" + "".join(f"u;{cell}\n" for cell in cells))["x"]
        assert found.kind is Kind.CATEGORIES
    kinds = {"x": "time:%d.%m.%Y"}
    lines = "k;x\nu;31.12.2024\nu;31.02.2024\n"
    (tmp_path / "t.csv").write_text(lines)
    row = compare_tables(tmp_path / "t.csv", tmp_path / "t.csv", kinds=kinds, n_permutations=0)["x"]
    assert "told to be times" in row.error


def test_nanoseconds_of_a_text_count(tmp_path):
    head = "k,x\nu,2024-01-01T00:00:00."
    (tmp_path / "a.csv").write_text(f"{head}000000001\n")
    (tmp_path / "b.csv").write_text(f"{head}000000004\n")
    row = compare_tables(tmp_path / "a.csv", tmp_path / "b.csv", n_permutations=0)["x"]
    assert (row.effect, row.unit) == (3e-9, "s")
    for name, nanosecond in (("a", 1), ("b", 4)):
        line = {"x": f"2024-01-01T00:00:00.00000000{nanosecond}"}
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(line))
    row = compare_tables(tmp_path / "a.jsonl", tmp_path / "b.jsonl", n_permutations=0)["x"]
    assert (row.effect, row.unit) == (3e-9, "s")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_a_byte_order_mark_says_the_encoding(tmp_path, encoding):
    found = read(tmp_path, "größe;s\n1,5;ü\n".encode(encoding))
    assert values(found["größe"]) == [1.5]
    assert found["s"].labels == ("ü",)


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-16-le", "utf-16-be", "shift_jis"])
def test_another_encoding_is_told_or_asked_for(tmp_path, encoding):
    text = "name;x\n値;1,5\n" if encoding == "shift_jis" else "größe;x\nü;1,5\n"
    with pytest.raises(InvalidInputError, match=r"--encoding"):
        read(tmp_path, text.encode(encoding))
    found = read(tmp_path, text.encode(encoding), encoding=encoding)
    assert values(found["x"]) == [1.5]
    assert next(iter(found)) == text.partition(";")[0]


def test_an_encoding_that_it_is_not_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="not ascii: byte 0xc3"):
        read(tmp_path, "größe\n1\n", encoding="ascii")
    text = codecs.BOM_UTF8 + "größe\n1\n".encode()
    assert list(read(tmp_path, text, encoding="UTF8")) == ["größe"]


def test_the_delimiter_is_taken_as_it_is_told(tmp_path):
    found = read(tmp_path, "a, b;c\n1,5;2\n", delimiter=";")
    assert list(found) == ["a, b", "c"]
    assert values(found["a, b"]) == [1.5]
    assert list(read(tmp_path, "x y\n1 2\n", delimiter=" ")) == ["x", "y"]
    assert list(read(tmp_path, "x\ty,z\n1\t2\n", delimiter="tab")) == ["x", "y,z"]
    assert list(read(tmp_path, "x:y\n1:2\n", delimiter=":")) == ["x", "y"]


def test_a_ragged_text_names_the_option(tmp_path):
    with pytest.raises(InvalidInputError, match=r"Expected 1 columns, got 2.*--delimiter"):
        read(tmp_path, "x\n1,5\n2,5\n")


def test_missing_values_are_spelled_as_usual_or_as_told(tmp_path):
    data = "k,x,s\nu,1,a\nv,-999,?\nw,NA,NA\n"
    found = read(tmp_path, data, na=["-999", "?"])
    assert values(found["x"]) == [1.0, None, None]
    assert found["s"].present.tolist() == [True, False, False]
    assert values(read(tmp_path, data, na="?")["x"]) == [1.0, -999.0, None]


def test_quotes_around_everything_say_nothing_about_a_cell(tmp_path):
    found = read(tmp_path, '"s","k"\n"NA","u"\n\n"u","v"\n"",""\n')
    assert found["s"].present.tolist() == [False, True, False]
    some = read(tmp_path, 's,k\n"NA","u"\nu,"v"\n"",""\n')
    assert some["s"].labels == ("", "NA", "u")
    assert read(tmp_path, 's\nu\n""\n')["s"].present.tolist() == [True, False]


def test_truth_values_may_be_missing_in_any_spelling(tmp_path):
    found = read(tmp_path, "s,k\nTRUE,u\n-,v\nfalse,w\n")["s"]
    assert (found.kind, found.values.tolist()) == (Kind.BOOLEANS, [1, 0])
    assert found.present.tolist() == [True, False, True]


def test_points_in_a_file_of_semicolons_may_be_thousands(tmp_path):
    assert "1.500 may be 1500 or 1.500" in read(tmp_path, "x;y\n1.500;1\n2.750;2\n")["x"]
    assert values(read(tmp_path, "x,y\n1.500,1\n2.750,2\n")["x"]) == [1.5, 2.75]
    assert values(read(tmp_path, "x;y\n1.500;0.5\n2.750;2\n")["x"]) == [1.5, 2.75]


def test_texts_keep_their_zeros(tmp_path):
    found = read(tmp_path, "zip,n\n00501,1\n10001,2\n", texts=["zip", "not there"])
    assert found["zip"].labels == ("00501", "10001")
    assert values(found["n"]) == [1.0, 2.0]


@pytest.mark.parametrize(
    "options",
    [
        {"delimiter": ""},
        {"delimiter": ";;"},
        {"delimiter": "x"},
        {"delimiter": '"'},
        {"delimiter": "\n"},
        {"delimiter": "ü"},
        {"delimiter": 3},
        {"decimal": ";"},
        {"decimal": ",", "delimiter": ","},
        {"encoding": "nothing"},
        {"encoding": "base64"},
        {"encoding": 3},
        {"na": [3]},
    ],
    ids=str,
)
def test_options_that_cannot_be_are_refused(tmp_path, options):
    with pytest.raises(InvalidInputError) as caught:
        read(tmp_path, "x\n1\n", **options)
    assert caught.value.argument == next(iter(options))


@pytest.mark.parametrize(
    "options", [{"delimiter": ";"}, {"decimal": ","}, {"encoding": "cp1252"}, {"na": "?"}], ids=str
)
def test_options_that_would_do_nothing_are_refused(options):
    with pytest.raises(InvalidInputError, match="neither table is a text"):
        compare_tables({"x": [1.0]}, {"x": [1.0]}, **options)


def test_percent_on_one_side_only_is_no_comparison(tmp_path):
    (tmp_path / "a.csv").write_text("x;y;z\n12 %;$5;$5\n")
    (tmp_path / "b.csv").write_text("x;y;z\n0.12;6;€6\n")
    report = compare_tables(tmp_path / "a.csv", tmp_path / "b.csv", n_permutations=0)
    assert report["x"].error == "numbers with % in A, without in B"
    assert (report["y"].effect, report["y"].unit) == (1.0, "$")
    assert report["z"].error == "numbers with $ in A, with € in B"


def test_the_options_of_the_command_are_those_of_the_function(tmp_path, capsys):
    text = "zip;größe;id;t\n007;1,500;1;01/02/2024\n008;?;2;02/02/2024\n"
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_bytes(text.encode("cp1252"))
    words = ["compare", f"{tmp_path}/a.csv", f"{tmp_path}/b.csv", "--format", "json"]
    options = ["--delimiter", ";", "--decimal", ",", "--encoding", "cp1252", "--na", "?"]
    kinds = ["--category", "zip", "--ignore", "id", "--time", "t=%d/%m/%Y", "--number", "größe"]
    assert main([*words, *options, *kinds]) == 0
    rows = {row["column"]: row for row in json.loads(capsys.readouterr().out)["columns"]}
    assert {name: (row["kind"], row["effect"]) for name, row in rows.items()} == {
        "zip": ("categories", 0.0),
        "größe": ("numbers", 0.0),
        "t": ("datetimes", 0.0),
    }
    assert (rows["t"]["unit"], rows["größe"]["missing_a"]) == ("d", 1)
    assert main([*words, *options, *kinds, "--number", "zip"]) == 2
    assert "--number` must differ from the columns of another kind" in capsys.readouterr().err


def shown(number, decimal, group, digits):
    whole, _, fraction = f"{abs(number):,.{digits}f}".partition(".")
    text = whole.replace(",", group) + (decimal + fraction if fraction else "")
    return f"-{text}" if number < 0 else text


@given(
    st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=8),
    st.sampled_from([(".", ","), (",", "."), (",", " "), (".", "'"), (",", ""), (".", "")]),
    st.integers(0, 4),
    st.sampled_from([",", ";", "\t", "|"]),
)
def test_written_numbers_are_read_back_or_asked_about(tmp_path_factory, numbers, marks, digits, by):
    cells = [shown(number, *marks, digits) for number in numbers]
    lines = [f"k{by}x", *(f'u{by}"{cell}"' for cell in cells)]
    folder = tmp_path_factory.mktemp("t")
    found = read(folder, "\n".join(lines))["x"]
    expected = [float(f"{number:.{digits}f}") for number in numbers]
    if isinstance(found, str):
        assert "say decimal=" in found
    else:
        point, group = marks
        once = all(cell.count(point) <= 1 and group not in cell for cell in cells)
        plain = (
            found.values.tolist() == [float(cell) for cell in cells]
            if point == "." and once
            else False
        )
        assert plain or values(found) == expected
    told = read(folder, "\n".join(lines), **({"decimal": marks[0]} if by != marks[0] else {}))["x"]
    if by != marks[0]:
        assert values(told) == expected
