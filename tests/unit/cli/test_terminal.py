"""A report in the terminal: what stands where, at any width, and what was left out."""

import io
from pathlib import Path

import pandas as pd
import pytest
from rich.cells import cell_len
from rich.console import Console

from otdiv.cli import main
from otdiv.cli.terminal import print_report
from otdiv.tables import NoiseFloor, Verdict
from tests.reports import category, evidence, missing, report, row

NOISE = Verdict.WITHIN_NOISE
DATA = Path(__file__).parents[3] / "examples" / "data"
JANUARY, JULY = str(DATA / "flights_2013_01.parquet"), str(DATA / "flights_2013_07.parquet")
NOISE_FLOOR = NoiseFloor(
    median=0.4, percentile_95=0.84, values=evidence().notes, n_draws=999, sizes=(100, 100)
)


def printed(whole, width, **options):
    stream = io.StringIO()
    print_report(whole, Console(file=stream, width=width, **options))
    lines = stream.getvalue().split("\n")
    assert max(map(cell_len, lines)) <= width or options
    return lines


def table_of(lines):
    """Title and cells of the table by lines, which begin below the rule."""
    rule = next(place for place, line in enumerate(lines) if line.startswith(" ──"))
    end = lines.index("", rule)
    return lines[rule - 2 : rule], lines[rule + 1 : end]


def flights():
    """Columns as those of the flights."""
    fields = {"unit": "min", "standardized": 0.26, "noise": NOISE_FLOOR}
    return report(
        row("dep_delay", effect=11.75, **fields, **missing(0.019, 0.032)),
        category("carrier", effect=0.0243, js_divergence=0.00076),
        row("air_time", NOISE, effect=0.2, **fields, **missing(0.022, 0.023, NOISE)),
        row("id", None, effect=None, left_out="identifiers"),
        row("bad", None, effect=None, error="of lists in A"),
    )


def test_the_verdict_stands_after_the_name_and_rows_keep_their_order():
    titles, cells = table_of(printed(flights(), 200))
    assert titles[1].split()[:3] == ["column", "verdict", "effect"]
    assert [line.split()[0] for line in cells] == ["dep_delay", "carrier", "air_time", "id", "bad"]
    assert cells[0].split()[1:4] == ["differs", "11.75", "min"]
    assert "1.9 → 3.2 % ≠" in cells[0]
    assert "≠" not in cells[2]
    assert cells[3].split()[1] == "identifiers"
    assert cells[4].split()[1] == "failed"


def test_a_wide_terminal_leaves_nothing_out():
    text = "\n".join(printed(flights(), 200))
    assert "not shown" not in text
    for title in ("interval", "adj.", "in sd", "noise", "missing", "JS"):
        assert title in text


@pytest.mark.parametrize(
    ("width", "left_out"),
    [
        (96, None),
        (95, "JS (nats);"),
        (86, "measure, JS (nats);"),
        (80, "measure, noise 95 %, JS (nats);"),
        (75, "measure, in sd, noise 95 %, JS (nats);"),
        (64, "measure, p (adjusted), in sd, noise 95 %, JS (nats);"),
        (51, "measure, 95 % interval, p (adjusted), in sd, noise 95 %, JS (nats);"),
        (50, "measure, 95 % interval, p (adjusted), in sd, noise 95 %, missing A → B, JS (nats);"),
        (30, "effect, measure, 95 %"),
    ],
)
def test_fields_are_left_out_in_their_order_and_it_is_said(width, left_out):
    text = " ".join(" ".join(printed(flights(), width)).split())
    if left_out is None:
        assert "not shown" not in text
        return
    assert f"not shown at this width: {left_out}" in text
    assert "--format markdown or a wider terminal has them" in text


@pytest.mark.parametrize("width", [50, 80, 120])
def test_long_names_keep_both_ends_and_numbers_all_digits(width):
    whole = report(row("abcdefghijklmnopqrstuvwxyz" * 10, unit="furlongs per fortnight" * 9))
    _, (line,) = table_of(printed(whole, width))
    name = line.split()[0]
    assert name.startswith("abc")
    assert name.endswith("xyz")
    assert "…" in name
    assert " 2.000 furlon…" in line


def test_wide_characters_count_double():
    whole = report(row("日本語の列の名前" * 5), row("🙂" * 40), row("é" * 9))
    for width in range(50, 90):
        _, cells = table_of(printed(whole, width))
        assert len({cell_len(line[: line.index("differs")]) for line in cells}) == 1


def test_a_mark_is_explained_only_where_it_stands():
    assert " ≠ the missing rates differ" in printed(flights(), 80)
    assert "≠" not in "".join(printed(report(row("x")), 80))


def test_what_differs_stands_out_and_noise_steps_back():
    lines = printed(flights(), 200, force_terminal=True, color_system="standard")
    _, (differs, _, quiet, *_, failed) = table_of([strip_dim(line) for line in lines])
    assert "\x1b[1;31mdiffers" in differs
    assert "\x1b[1mdep_delay" in differs
    assert "\x1b[2mair_time" in quiet
    assert "\x1b[2mwithin noise" in quiet
    assert "\x1b[31mbad" in failed


def strip_dim(line):
    """A rule without its colour, so that it is found."""
    return line.replace("\x1b[2m ─", " ─").removesuffix("\x1b[0m") if "──" in line else line


def test_one_row_is_a_row():
    lines = printed(report(row("x"), rows_a=1), 80)
    assert " A  a  1 row" in lines
    assert " B  b  100 rows" in lines


def test_a_long_path_is_shortened_in_its_middle():
    path = f"{'folder/' * 40}january.parquet"
    line = printed(report(row("x"), name_a=path), 60)[1]
    assert line.startswith(" A  folder/")
    assert line.endswith("january.parquet  100 rows")
    assert cell_len(line) == 60


def test_sentences_keep_percent_signs_beside_numbers():
    whole = report(*(row(f"x{k}", **missing(0.1, 0.2)) for k in range(5)))
    for width in range(50, 110):
        assert not any(line.split()[:1] in (["%"], ["%;"]) for line in printed(whole, width))


@pytest.mark.slow
@pytest.mark.parametrize("columns", ["50", "80", "100", "200"])
def test_the_flights_fit_every_terminal_and_name_the_departure_delay(capsys, monkeypatch, columns):
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "PY_COLORS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", columns)
    assert main(["compare", JANUARY, JULY, "--permutations", "99"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    lines = captured.out.splitlines()
    assert max(map(len, lines)) <= int(columns)
    _, cells = table_of(lines)
    assert cells[0].split()[:4] == ["dep_delay", "differs", "11.75", "min"]
    assert "dep_delay moved most: W1 = 11.75 min" in " ".join(captured.out.split())


def test_names_are_printed_as_they_are(capsys, tmp_path):
    paths = [str(tmp_path / name) for name in ("a.csv", "b.csv")]
    for path in paths:
        pd.DataFrame({"[bold]x :smile:": [1.0, 2.0]}).to_csv(path, index=False)
    assert main(["compare", *paths]) == 0
    assert " [bold]x :smile: " in capsys.readouterr().out
