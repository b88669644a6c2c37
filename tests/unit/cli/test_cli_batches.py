"""`otdiv compare` with several tables, --by and --over: what is printed, and exit codes."""

import csv
import io
import json

import numpy as np
import pandas as pd
import pytest

from otdiv.cli import ExitCode, main
from otdiv.cli.terminal_batches import print_batches
from otdiv.tables import compare_batches

rich_console = pytest.importorskip("rich.console")
FEW = ["--permutations", "999"]


@pytest.fixture(autouse=True)
def narrow_terminal(monkeypatch):
    """Eighty characters, and no colour, whatever runs the tests."""
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "PY_COLORS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def days(tmp_path):
    """A CSV of ten days, of which the seventh is another, and two carriers."""
    rng = np.random.default_rng(0)
    day = np.repeat(pd.date_range("2024-01-01", periods=10), 40)
    frame = pd.DataFrame(
        {
            "day": day.strftime("%Y-%m-%d"),
            "carrier": np.tile(["UA", "B6"], 200),
            "delay": rng.normal(size=400) + 3.0 * (day == "2024-01-07"),
        }
    )
    path = tmp_path / "days.csv"
    frame.to_csv(path, index=False)
    return str(path)


@pytest.fixture
def months(tmp_path):
    rng = np.random.default_rng(0)
    paths = []
    for name, shift in (("may", 0.0), ("june", 0.0), ("july", 2.0)):
        frame = pd.DataFrame({"x": rng.normal(shift, size=80), "c": rng.choice(["u", "v"], 80)})
        paths.append(str(tmp_path / f"{name}.csv"))
        frame.to_csv(paths[-1], index=False)
    return paths


def test_several_tables_are_columns_of_a_grid(months, capsys):
    assert main(["compare", *months, *FEW]) == ExitCode.DONE
    shown = capsys.readouterr().out
    assert "june" in shown
    assert "1 of 2 tables differs from A: july." in shown
    line = next(line for line in shown.splitlines() if line.startswith(" x "))
    assert line.split()[1].startswith("(")
    assert not line.split()[2].startswith("(")


def test_groups_are_compared_by_a_column(days, capsys):
    assert main(["compare", days, "--by", "carrier", "--ignore", "day", *FEW]) == ExitCode.DONE
    shown = capsys.readouterr().out
    assert "groups of carrier in days" in shown
    assert "None of 2 groups differs from the others in any column." in shown
    options = ["--by", "carrier", "--reference", "UA", "--format", "json"]
    main(["compare", days, *options, *FEW])
    document = json.loads(capsys.readouterr().out)
    assert document["reference"] == "carrier = UA"
    assert [batch["label"] for batch in document["batches"]] == ["B6"]


def test_chunks_of_time_are_compared_with_a_period(days, capsys):
    options = ["--over", "day", "--every", "1d", "--reference", "2024-01-01..2024-01-04"]
    assert main(["compare", days, *options, *FEW]) == ExitCode.DONE
    shown = capsys.readouterr().out
    assert "delay differs in 2024-01-07" in shown
    assert "days, every 1d of day" in shown


def test_a_stream_is_compared_with_a_reference_table(days, capsys):
    options = ["--over", "day", "--every", "2d", "--format", "csv"]
    assert main(["compare", days, days, *options, *FEW]) == ExitCode.DONE
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert {row["batch"] for row in rows} == {f"2024-01-0{k}" for k in (1, 3, 5, 7, 9)}
    assert {row["column"] for row in rows} == {"carrier", "delay"}


def test_a_report_of_batches_goes_to_a_file(months, tmp_path, capsys):
    target = tmp_path / "report.md"
    assert main(["compare", *months, "--output", str(target), *FEW]) == ExitCode.DONE
    assert capsys.readouterr().out == ""
    assert target.read_text(encoding="utf-8").startswith("| column ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["A"], "arguments are required: B, or --by, or --over"),
        (["A", "--every", "1d"], "--every` must come with --over"),
        (["A", "A", "--reference", "UA"], "come with --by or --over"),
        (["A", "--over", "day"], "come with --every"),
        (["A", "--over", "day", "--every", "1d", "--by", "carrier"], "left out beside --over"),
        (["A", "A", "--by", "carrier"], "compares rows of A"),
        (["A", "A", "A", "--over", "day", "--every", "1d"], "one table at most"),
        (
            ["A", "A", "--over", "day", "--every", "1d", "--reference", "1"],
            "where A is the reference",
        ),
        (["A", "A", "--max-batches", "3"], "come with several tables"),
        (["A", "--by", "delay"], "at most `max_batches` = 200 groups; got delay: 400 values"),
        (["A", "--by", "day", "--max-batches", "9"], "= 9 groups"),
        (["A", "--by", "nothing"], "`by` must name one column"),
    ],
)
def test_what_does_not_go_together_is_a_usage_error(arguments, words, days, capsys):
    arguments = [days if argument == "A" else argument for argument in arguments]
    assert main(["compare", *arguments]) == ExitCode.USAGE
    assert words in capsys.readouterr().err


def test_a_column_that_fails_in_one_batch_is_a_part_that_failed(months, tmp_path, capsys):
    path = tmp_path / "bad.csv"
    path.write_text("x,c\n" + "word,u\nother,v\n" * 5)
    assert main(["compare", *months, str(path), *FEW]) == ExitCode.PART_FAILED
    assert "x could not be compared in 1 batch" in capsys.readouterr().out


def lines_of(report, width):
    stream = io.StringIO()
    print_batches(report, rich_console.Console(file=stream, width=width))
    return stream.getvalue().splitlines()


@pytest.mark.parametrize("width", [40, 50, 80, 120, 200])
@pytest.mark.parametrize("k", [1, 3, 12, 60, 150])
def test_no_line_is_wider_than_the_terminal(width, k):
    cells = pytest.importorskip("rich.cells").cell_len
    x = np.arange(60.0) % 7
    a = {"x": x, "ein sehr langer Name einer Spalte": x, "東京都千代田区" * 3: x, "\x1b[31m": x}
    batches = {f"batch {'東' * (n % 5)} {n}": dict.fromkeys(a, x + n % 3) for n in range(k)}
    report = compare_batches(a, batches, n_permutations=39, correction="none")
    lines = lines_of(report, width)
    assert max(map(cells, lines)) <= width
    assert "\x1b[31m" not in "".join(lines)
    if k == 150 and width == 80:
        assert any("of 150 batches are shown" in line for line in lines)
