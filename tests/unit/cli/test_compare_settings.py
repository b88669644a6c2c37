"""Options of `otdiv compare` that ask for verdicts, files of options, and the gate."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from otdiv.cli import ExitCode, main
from otdiv.cli.settings import _CHECKS, _CORRECTIONS
from otdiv.tables import TableReport, compare_tables
from otdiv.tables.gate import CHECKS
from otdiv.tables.verdicts import CORRECTIONS

DONE, PART_FAILED = ExitCode.DONE, ExitCode.PART_FAILED
USAGE, NEGATIVE = ExitCode.USAGE, ExitCode.NEGATIVE
FEW = ("--permutations", "199")


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """A folder of its own, which no settings lie above."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def pair(project):
    """B moved by a sd in `x`, lost values in `y`, and is the same in `c`; rows are of days."""
    n = 120
    for name, shift, seed in (("a.csv", 0.0, 0), ("b.csv", 1.0, 1)):
        rng = np.random.default_rng(seed)
        frame = pd.DataFrame(
            {
                "x": rng.normal(shift, size=n),
                "y": rng.normal(size=n),
                "c": ["u", "v"] * (n // 2),
                "day": np.arange(n) // 4 + 100 * seed,
                "n=m": rng.normal(size=n),
            }
        )
        frame.loc[: int(n * shift) // 2 - 1, "y"] = np.nan
        frame.to_csv(project / name, index=False)
    return "a.csv", "b.csv"


def document(capsys, *words):
    """What the command writes as JSON."""
    code = main(["compare", *words, "--format", "json"])
    captured = capsys.readouterr()
    assert code in (DONE, NEGATIVE, PART_FAILED), captured.err
    return json.loads(captured.out)


def rows(found):
    return {row["column"]: row for row in found["columns"]}


def test_names_of_options_are_those_of_the_library():
    assert tuple(CHECKS) == _CHECKS
    assert tuple(CORRECTIONS) == _CORRECTIONS


def test_without_options_the_report_is_that_of_python(capsys, pair):
    main(["compare", *pair, "--format", "json"])
    assert capsys.readouterr().out == compare_tables(*pair).to_json() + "\n"


def test_level_and_correction_are_those_asked_for(capsys, pair):
    found = document(capsys, *pair, *FEW, "--level", "0.9", "--correction", "holm")
    assert (found["level"], found["correction"]) == (0.9, "holm")
    wide = rows(document(capsys, *pair, *FEW, "--level", "0.99"))["x"]
    assert wide["low"] < rows(found)["x"]["low"]


@pytest.mark.parametrize(
    ("words", "x", "y", "other"),
    [
        (["x=5"], 5.0, None, None),
        (["x=5,n=m=0.5"], 5.0, None, 0.5),
        (["x=5", "y=1e-3"], 5.0, 1e-3, None),
        (["2"], 2.0, 2.0, 2.0),
        (["x=5,2"], 5.0, 2.0, 2.0),
        (["x=5", "2,3%"], 5.0, 2.0, 2.0),
        (["x=5", "x = 6"], 6.0, None, None),
    ],
    ids=str,
)
def test_tolerances_are_those_of_their_columns(capsys, pair, words, x, y, other):
    options = [word for each in words for word in ("--tolerance", each)]
    found = rows(document(capsys, *pair, *FEW, *options))
    assert [found[name]["tolerance"] for name in ("x", "y", "n=m")] == [x, y, other]
    assert found["c"]["tolerance"] == (0.03 if "2,3%" in words else None)


def test_a_tolerance_in_sd_is_that_share_of_each_columns_sd(capsys, pair):
    found = rows(document(capsys, *pair, *FEW, "--tolerance", "0.1sd"))
    for name in ("x", "y"):
        assert found[name]["tolerance"] == pytest.approx(0.1 * found[name]["pooled_sd"])
    assert found["c"]["tolerance"] is None


def test_missing_values_have_a_tolerance_of_their_own(capsys, pair):
    assert document(capsys, *pair, *FEW, "--missing-tolerance", "2%")["missing_tolerance"] == 0.02


def test_blocks_are_a_column_or_so_many_rows(capsys, pair):
    by_day = document(capsys, *pair, *FEW, "--blocks", "day")
    assert by_day["exchanged"].startswith("blocks of rows with one day")
    assert "day" not in rows(by_day)
    by_number = document(capsys, *pair, *FEW, "--blocks", "4")
    assert by_number["exchanged"].startswith("blocks of 4 rows")


def test_rows_are_paired_where_asked(capsys, pair):
    assert document(capsys, *pair, *FEW, "--paired")["exchanged"].startswith("pairs of rows")
    assert document(capsys, *pair, *FEW, "--no-paired")["exchanged"] == "rows"


def test_permutations_are_at_most_so_many_and_none_for_0(capsys, pair):
    found = rows(document(capsys, *pair, *FEW))
    assert found["x"]["permutations"] == 199
    found = document(capsys, *pair, "--permutations", "0")
    assert {row["verdict"] for row in found["columns"]} == {None}


@pytest.mark.parametrize(
    "words",
    [
        ["--level", "x"],
        ["--correction", "fdr"],
        ["--tolerance", ""],
        ["--tolerance", "x="],
        ["--tolerance", "=5"],
        ["--tolerance", "5,,6"],
        ["--permutations", "many"],
        ["--fail-on", "drift"],
        ["--fail-on", "differs,"],
        ["--config", "otdiv.toml", "--no-config"],
        ["--format", "short"],
    ],
    ids=" ".join,
)
def test_wrong_words_are_usage_errors(capsys, words):
    assert main(["compare", "a.csv", "b.csv", *words]) == USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "usage: otdiv" in captured.err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--level", "1.5"], "`level` must"),
        (["--tolerance", "x=many"], "`tolerance['x']` must be a non-negative number"),
        (["--tolerance", "nope=5"], "`tolerance` must name columns of `a` or `b`"),
        (["--tolerance", "x=5km"], "`tolerance['x']` must be in what the column has: no unit"),
        (["--missing-tolerance", "x"], "`missing_tolerance` must"),
        (["--blocks", "nope"], "`blocks` must name a column of `a`"),
        (["--blocks", "0"], "`blocks` must"),
        (["--fail-on", "tolerance"], "`--fail-on` must come with --tolerance"),
        (["--fail-on", "tolerance", "--tolerance", "5km"], "a column of the tables can have"),
        (["--fail-on", "schema,differs", "--permutations", "0"], "be schema alone where"),
        (["--config", "no.toml"], "`config` must be a readable file; got no.toml"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_values_are_one_line_on_stderr(capsys, pair, words, reason):
    assert main(["compare", *pair, *words]) == USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("otdiv: error: ")
    assert reason in captured.err


def failed(text):
    """Checks and columns that lines of stderr name."""
    return re.findall(r"^otdiv: --fail-on (\w+): (\S+) ", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (["--fail-on", "differs", "--ignore", "day"], [("differs", "x")]),
        (["--fail-on", "missing"], [("missing", "y")]),
        (["--fail-on", "schema"], []),
        (["--fail-on", "tolerance", "--tolerance", "x=5"], []),
        (["--fail-on", "tolerance", "--tolerance", "x=0.3"], [("tolerance", "x")]),
        (["--fail-on", "missing", "--missing-tolerance", "90%"], []),
        (
            ["--fail-on", "missing,schema", "--fail-on", "differs", "--ignore", "day"],
            [("missing", "y"), ("differs", "x")],
        ),
    ],
    ids=lambda value: " ".join(value) if value and isinstance(value[0], str) else "",
)
def test_the_gate_is_exit_code_3_and_a_line_for_each_failure(capsys, pair, words, lines):
    assert main(["compare", *pair, *FEW, *words]) == (NEGATIVE if lines else DONE)
    captured = capsys.readouterr()
    assert failed(captured.err) == lines
    assert captured.err.count("\n") == len(lines)
    assert " x " in captured.out


def test_columns_added_lost_and_of_another_type_fail_the_schema(capsys, project):
    (project / "a.csv").write_text("x,t,old\n1,1,1\n2,2,2\n")
    (project / "b.csv").write_text("x,t,new\n1,u,1\n2,v,2\n")
    assert main(["compare", "a.csv", "b.csv"]) == PART_FAILED
    assert capsys.readouterr().err == ""
    assert main(["compare", "a.csv", "b.csv", "--fail-on", "differs"]) == PART_FAILED
    assert capsys.readouterr().err == ""
    assert main(["compare", "a.csv", "b.csv", "--fail-on", "schema"]) == NEGATIVE
    assert capsys.readouterr().err == (
        "otdiv: --fail-on schema: old is a column of A only\n"
        "otdiv: --fail-on schema: new is a column of B only\n"
        "otdiv: --fail-on schema: t holds numbers in A and categories in B\n"
    )
    ignored = ["--ignore", "old,new,t"]
    assert main(["compare", "a.csv", "b.csv", "--fail-on", "schema", *ignored]) == DONE


def test_a_lost_column_with_settings_of_its_own_fails_the_schema_not_the_command(capsys, project):
    (project / "a.csv").write_text("x,old\n1,1\n2,2\n")
    (project / "b.csv").write_text("x\n1\n2\n")
    words = ["--units", "old=kg", "--tolerance", "old=5,x=5", "--fail-on", "schema,tolerance"]
    assert main(["compare", "a.csv", "b.csv", *words]) == NEGATIVE
    assert failed(capsys.readouterr().err) == [("schema", "old")]


def test_names_of_others_move_no_cursor(capsys, project):
    (project / "a.csv").write_text("x,\x1b[31mred\n1,1\n")
    (project / "b.csv").write_text("x\n1\n")
    assert main(["compare", "a.csv", "b.csv", "--fail-on", "schema"]) == NEGATIVE
    assert "schema: \\x1b[31mred is a column of A only\n" in capsys.readouterr().err


def test_the_summary_has_the_result_of_the_gate(capsys, pair, monkeypatch):
    given = []
    monkeypatch.setattr(TableReport, "to_summary", lambda _, gate=None: given.append(gate) or "#\n")
    for words in ([], ["--fail-on", "schema"], ["--fail-on", "missing"]):
        main(["compare", *pair, *FEW, "--format", "summary", *words])
        assert capsys.readouterr().out == "#\n"
    assert given == [None, "Gate passed: schema.", "Gate failed: missing (y)."]


def test_the_summary_is_markdown(capsys, pair):
    code = main(["compare", *pair, *FEW, "--format", "summary", "--fail-on", "missing"])
    assert code == NEGATIVE
    out = capsys.readouterr().out
    assert "Gate failed: missing (y)." in out
    assert "| x " in out


CONFIG = """
fail-on = ["missing", "schema"]
tolerance = { x = 5, "*" = "0.1sd" }
units = { x = "kg", y = "m" }
kinds = { c = "ignore", day = "category" }
level = 0.9
permutations = 199
na = ["?"]
"""


def test_a_file_says_options_and_the_command_line_wins(capsys, pair, project):
    (project / "my.toml").write_text(f"[compare]{CONFIG}")
    config = "--config", "my.toml"
    found = document(capsys, *pair, *config)
    assert found["level"] == 0.9
    assert (rows(found)["x"]["tolerance"], rows(found)["x"]["unit"]) == (5.0, "kg")
    assert "c" not in rows(found)
    assert rows(found)["day"]["kind"] == "categories"
    words = ["--level", "0.8", "--tolerance", "x=6", "--units", "x=g", "--number", "day"]
    found = document(capsys, *pair, *config, *words)
    assert found["level"] == 0.8
    assert (rows(found)["x"]["tolerance"], rows(found)["x"]["unit"]) == (6.0, "g")
    y = rows(found)["y"]
    assert y["tolerance"] == pytest.approx(0.1 * y["pooled_sd"])
    assert (y["unit"], y["permutations"]) == ("m", 199)
    assert rows(found)["day"]["kind"] == "numbers"
    assert main(["compare", *pair, *config]) == NEGATIVE
    assert main(["compare", *pair, *config, "--fail-on", "schema"]) == DONE


def test_options_of_the_project_are_found_and_named_on_stderr(capsys, pair, project, monkeypatch):
    (project / ".git").mkdir()
    (project / "pyproject.toml").write_text(f"[tool.otdiv.compare]{CONFIG}")
    assert main(["compare", *pair, "--ignore", "day"]) == NEGATIVE
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "otdiv: options of pyproject.toml, [tool.otdiv.compare]"
    assert failed("\n".join(said)) == [("missing", "y")]
    assert main(["compare", *pair, "--no-config", *FEW]) == DONE
    assert capsys.readouterr().err == ""
    (project / "part").mkdir()
    monkeypatch.chdir(project / "part")
    assert main(["compare", *(f"../{name}" for name in pair)]) == NEGATIVE
    assert capsys.readouterr().err.startswith(f"otdiv: options of ..{os.sep}pyproject.toml, ")
    (project / "part" / "my.toml").write_text("[compare]\nlevel = 0.9\n")
    words = [*(f"../{name}" for name in pair), *FEW, "--config", "my.toml"]
    assert main(["compare", *words]) == DONE
    assert capsys.readouterr().err == "otdiv: options of my.toml, [compare]\n"


def test_an_unknown_setting_is_named_with_its_file_and_the_known_ones(capsys, pair, project):
    (project / "pyproject.toml").write_text("[tool.otdiv.compare]\ntolerence = 5\n")
    assert main(["compare", *pair]) == USAGE
    assert capsys.readouterr().err == (
        "otdiv: error: `tolerence` must be one of blocks, columns, correction, decimal, delimiter, "
        "encoding, fail-on, kinds, level, max-memory, missing-tolerance, na, paired, permutations, "
        "rng, tolerance, units, weights in [tool.otdiv.compare] of pyproject.toml\n"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], DONE),
        (["--fail-on", "schema"], DONE),
        (["--fail-on", "missing"], NEGATIVE),
        (["--fail-on", "missing", "--category", "x", "--number", "c"], NEGATIVE),
        (["--number", "c"], PART_FAILED),
        (["--number", "c", "--fail-on", "schema"], PART_FAILED),
        (["--fail-on", "tolerance"], USAGE),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_process_ends_with_the_code_of_its_gate(pair, words, code):
    done = subprocess.run(
        [sys.executable, "-m", "otdiv.cli", "compare", *pair, *FEW, *words],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert len(failed(done.stderr)) == (code == NEGATIVE)
    assert bool(done.stdout) == (code != USAGE)


@pytest.mark.slow
def test_the_gate_speaks_also_where_the_report_cannot_be_written(pair):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "otdiv.cli", "compare", *pair, *FEW, "--fail-on", "missing"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    assert done.returncode == NEGATIVE
    assert failed(done.stderr) == [("missing", "y")]
    assert done.stderr.endswith("otdiv: error: stdout: No space left on device\n")
