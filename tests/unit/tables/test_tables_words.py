"""Words of strangers through every output of a comparison: shown as they are, and inert."""

import csv
import io
import json
import os
import pty
import subprocess
import sys
import unicodedata

import matplotlib
import numpy as np
import pandas as pd
import pytest

from otdiv import plotting
from otdiv._text import for_figure, for_terminal
from otdiv.cli import main
from otdiv.tables import compare_tables

matplotlib.use("Agg")
from matplotlib import pyplot

NAMES = [
    "$a$",
    "$",
    "$\\frac$",
    "_hidden",
    "\\alpha^2_3",
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x9b31m",
    "two\nlines",
    "carriage\rreturn",
    "tab\tbed",
    "[bold]x[/bold]",
    ":smile:",
    "<script>alert(1)</script>",
    "a|b",
    "`code`",
    "*b* _i_ [l](u)",
    "# heading",
    "1. item",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "-1",
    "\u202eright to left",
    "zero\u200bwidth",
    "日本語",
    "",
    "  ",
    "x" * 300,
]


@pytest.fixture(scope="module")
def tables():
    rng = np.random.default_rng(0)
    sides = []
    for shift in (0.0, 1.0):
        columns = {name: rng.normal(shift, size=20) for name in NAMES}
        columns["kinds"] = [NAMES[k % len(NAMES)] for k in rng.integers(100, size=20)]
        columns["bad\x1b"] = ["u"] * 20 if shift else [1.0] * 20
        columns[f"only\x1b{shift}"] = [1.0] * 20
        sides.append(pd.DataFrame(columns))
    return sides


@pytest.fixture(scope="module")
def report(tables):
    return compare_tables(*tables, n_permutations=99, units={"$a$": "$/kg\x1b[0m$", "a|b": "=1+1"})


@pytest.fixture
def files(tables, tmp_path):
    paths = [tmp_path / name for name in ("a\x1b]0;t\x07`.parquet", "b[red]$.parquet")]
    for path, table in zip(paths, tables, strict=True):
        table.to_parquet(path)
    return [str(path) for path in paths]


def is_inert(text):
    return not any(
        unicodedata.category(mark) in ("Cc", "Cf", "Cs", "Zl", "Zp") and mark != "\n"
        for mark in text
    )


def printed(files, capsys, style):
    assert main(["compare", *files, "--permutations", "99", "--format", style]) == 1
    text = capsys.readouterr().out
    assert is_inert(text)
    return text


def test_a_terminal_shows_every_name_and_obeys_none(files, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "500")
    text = printed(files, capsys, "table")
    for name in NAMES:
        assert for_terminal(name).strip() in text
    assert "b[red]$.parquet" in text
    assert "a\\x1b]0;t\\x07`.parquet" in text
    assert "bad\\x1b could not be compared" in text
    assert "only\\x1b0.0" in text


@pytest.mark.slow
def test_the_bar_of_progress_shows_names_as_they_are(files):
    controller, terminal = pty.openpty()
    code = "from otdiv.cli import main; raise SystemExit(main())"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "compare", *files, "--permutations", "0", "--format", "json"],
        stdout=subprocess.DEVNULL,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "200"},
    )
    os.close(terminal)
    shown = b""
    while True:
        try:
            block = os.read(controller, 4096)
        except OSError:  # the program has closed its end
            break
        if not block:
            break
        shown += block
    os.close(controller)
    assert process.wait(timeout=120) == 1
    assert b"\x1b[31mred" not in shown
    assert b"\x1b]0;" not in shown


def test_a_file_of_the_table_is_inert(files, tmp_path):
    target = tmp_path / "t.txt"
    assert main(["compare", *files, "--permutations", "0", "--output", str(target)]) == 1
    assert is_inert(target.read_text(encoding="utf-8"))


def test_markdown_keeps_one_row_a_column_and_holds_no_html(files, capsys):
    text = printed(files, capsys, "markdown")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + len(NAMES) + 2
    (bars,) = {line.replace("\\|", "").count("|") for line in rows}
    assert bars == 10
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert text.startswith("A: ``")


def test_csv_holds_no_formula_and_numbers_stay_numbers(files, capsys):
    rows = list(csv.DictReader(io.StringIO(printed(files, capsys, "csv"))))
    names = {row["column"] for row in rows}
    assert len(rows) == len(NAMES) + 2
    assert "-1" in names
    for name in ("=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)"):
        assert f"'{name}" in names
    for row in rows:
        if row["effect"]:
            assert float(row["effect"]) > 0.0
            if row["mean_difference"]:
                float(row["mean_difference"])


def test_negative_numbers_of_a_csv_stay_numbers(tmp_path, capsys):
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    paths[0].write_text("x\n3\n5\n")
    paths[1].write_text("x\n1\n2\n")
    assert main(["compare", *map(str, paths), "--format", "csv"]) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row["mean_difference"] == "-2.5"


def test_json_holds_the_names_themselves(files, capsys):
    document = json.loads(printed(files, capsys, "json"))
    assert {row["column"] for row in document["columns"]} >= set(NAMES)
    assert document["a"]["name"] == files[0]


def test_json_of_what_is_not_finite_is_valid(tmp_path, capsys):
    huge, tiny = {"x": [1.7e308, -1.7e308], "c": [1.0, 1.0]}, {"x": [1.7e308, 0.0], "c": [2.0, 2.0]}
    text = compare_tables(huge, tiny).to_json()
    json.loads(text, parse_constant=pytest.fail)


def test_names_with_lone_surrogates_can_be_written(tmp_path):
    table = {"caf\udce9": [1.0, 2.0]}
    report = compare_tables(table, table)
    for text in (report.to_json(), report.to_markdown()):
        text.encode()
    assert json.loads(report.to_json())["columns"][0]["column"] == "caf\udce9"


@pytest.mark.filterwarnings("ignore:Glyph")  # no font of a bare machine has Japanese
@pytest.mark.parametrize("name", [*NAMES, "kinds", None], ids=repr)
def test_figures_show_every_name_and_set_no_formula(report, name):
    try:
        if name is None:
            ax = report.plot()
        else:
            ax = plotting.plot_column(report[name], labels=("_a$x$", "$b\n"))
        ax.figure.canvas.draw()
        texts = [text.get_text() for text in (*ax.get_yticklabels(), ax.xaxis.label, *ax.texts)]
        if name is None:
            assert for_figure("$a$") in texts
            assert any("\\$/kg\\x1b[0m\\$" in text for text in texts)
        else:
            legend = [text.get_text() for text in ax.get_legend().get_texts()]
            assert [text.strip() for text in legend[-2:]] == ["_a\\$x\\$", "\\$b\\n"]
            assert ax.get_title(loc="left").startswith(for_figure(name))
    finally:
        pyplot.close("all")


def test_errors_in_python_are_inert_too(tmp_path):
    with pytest.raises(ValueError, match=r"x\\x1b\[31m") as caught:
        compare_tables({"x\x1b[31m": [1.0]}, {"y\n": [1.0]})
    assert is_inert(str(caught.value))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "  "])
def test_a_name_without_a_letter_stands_in_quotes(name):
    table = {name: [1.0, 2.0]}
    assert f'"{name}"' in str(compare_tables(table, table))
