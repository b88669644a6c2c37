"""The command line in its process: what is printed where, and exit codes."""

import csv
import io
import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import otdiv
from otdiv.cli import ExitCode, main

USAGE = ExitCode.USAGE


@pytest.fixture(autouse=True)
def narrow_terminal(monkeypatch):
    """Eighty characters, and no colour, whatever runs the tests."""
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "PY_COLORS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def pair(tmp_path):
    """Two small CSV files; the second has no good column `bad`."""
    rng = np.random.default_rng(0)
    paths = []
    for name, shift in (("a.csv", 0.0), ("b.csv", 1.0)):
        frame = pd.DataFrame(
            {
                "x": rng.normal(shift, size=40),
                "y": rng.normal(size=40),
                "c": rng.choice(["u", "v"], 40),
                "w": rng.random(40),
            }
        )
        frame.to_csv(tmp_path / name, index=False)
        paths.append(str(tmp_path / name))
    return paths


@pytest.fixture
def half_bad(tmp_path):
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    paths[0].write_text("x,bad\n1,u\n2,v\n")
    paths[1].write_text("x,bad\n1,3\n2,4\n")
    return [str(path) for path in paths]


def test_the_version_is_the_packages(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"otdiv {otdiv.__version__}\n"


@pytest.mark.parametrize(
    "words", [["--help"], ["compare", "--help"], ["verify", "--help"], ["wgan", "--help"]]
)
def test_help_fits_eighty_columns(capsys, words):
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80


def test_the_exit_codes_are_these_and_stand_in_every_help(capsys):
    codes = {code.name: int(code) for code in ExitCode}
    assert codes == {"DONE": 0, "PART_FAILED": 1, "USAGE": 2, "NEGATIVE": 3, "INTERRUPTED": 130}
    paragraphs = set()
    for words in ([], ["compare"], ["verify"], ["wgan"]):
        assert main([*words, "--help"]) == 0
        paragraphs.add(capsys.readouterr().out.partition("exit codes")[2])
    (paragraph,) = paragraphs
    assert [int(line.split()[0]) for line in paragraph.splitlines() if line[2:3].isdigit()] == [
        0,
        1,
        2,
        3,
        130,
    ]


def test_the_help_of_compare_explains_its_words_and_exit_codes(capsys):
    main(["compare", "--help"])
    text = capsys.readouterr().out
    for word in ("effect", "in sd", "interval", "noise 95 %", "130", "--units", "examples"):
        assert word in text


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nothing"],
        ["compare"],
        ["compare", "a.csv"],
        ["compare", "a.csv", "b.csv", "--format", "xml"],
        ["compare", "a.csv", "b.csv", "--rng", "x"],
        ["compare", "a.csv", "b.csv", "--units", "x"],
        ["compare", "a.csv", "b.csv", "--units", "=m"],
        ["compare", "a.csv", "b.csv", "--columns", "x,,y"],
    ],
    ids=" ".join,
)
def test_wrong_words_are_usage_errors(capsys, words):
    assert main(words) == USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "usage: otdiv" in captured.err


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--columns", "nope"], "`columns` must name columns that both tables have"),
        (["--units", "nope=m"], "`units` must name columns of `a` or `b`"),
        (["--weights", "nope"], "`weights` must name a column"),
        (["--rng", "-1"], "`rng` must"),
        (["--permutations", "-1"], "`n_permutations` must be non-negative"),
        (["--output", "no/such/folder/t.json"], "folder that exists"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_values_are_one_line_on_stderr(capsys, pair, options, reason):
    assert main(["compare", *pair, *options]) == USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("otdiv: error: ")
    assert reason in captured.err


def test_an_unreadable_file_is_one_line_on_stderr(capsys, pair, tmp_path):
    (tmp_path / "t.parquet").write_bytes(b"nothing")
    for path in (tmp_path / "t.parquet", tmp_path / "missing.csv"):
        assert main(["compare", pair[0], str(path)]) == USAGE
        assert capsys.readouterr().err.startswith("otdiv: error: `b` must be a readable file")


def test_the_output_never_overwrites_an_input(capsys, pair):
    before = Path(pair[1]).read_bytes()
    assert main(["compare", *pair, "--output", pair[1]]) == USAGE
    assert "differ from both inputs" in capsys.readouterr().err
    assert Path(pair[1]).read_bytes() == before


def test_units_of_the_command_line_are_printed(capsys, pair):
    words = ["--units", "x=kg,y=mi", "--units", "y=km / h"]
    assert main(["compare", *pair, *words, "--permutations", "0", "--format", "json"]) == 0
    units = {row["column"]: row["unit"] for row in json.loads(capsys.readouterr().out)["columns"]}
    assert (units["x"], units["y"]) == ("kg", "km / h")
    assert main(["compare", *pair, "--units", "x=kg", "--permutations", "0"]) == 0
    assert " kg " in capsys.readouterr().out


def test_columns_may_be_listed_and_repeated(capsys, pair):
    words = ["compare", *pair, "--columns", "x,c", "--columns", "y", "--format", "json"]
    assert main(words) == 0
    columns = json.loads(capsys.readouterr().out)["columns"]
    assert {row["column"] for row in columns} == {"x", "c", "y"}


def test_weights_name_a_column_that_is_not_compared(capsys, pair):
    assert main(["compare", *pair, "--weights", "w", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["weights"] == "w"
    assert "w" not in {row["column"] for row in document["columns"]}


def test_the_seed_reaches_the_noise(capsys, pair):
    printed = []
    for seed in ("1", "1", "2"):
        main(["compare", *pair, "--rng", seed, "--format", "json"])
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1] != printed[2]


def test_csv_has_a_line_a_column(capsys, pair):
    assert main(["compare", *pair, "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert {row["column"] for row in rows} == {"x", "y", "c", "w"}
    assert float(rows[0]["effect"]) > 0.0


def test_markdown_is_that_of_the_report(capsys, pair):
    assert main(["compare", *pair, "--format", "markdown"]) == 0
    assert capsys.readouterr().out == otdiv.tables.compare_tables(*pair).to_markdown()


@pytest.mark.parametrize(
    ("name", "start"),
    [("t.json", "{"), ("t.csv", "column,"), ("t.md", "A: `"), ("t.txt", "\n A  "), ("t", "\n A  ")],
)
def test_the_suffix_of_the_output_chooses_the_format(capsys, pair, tmp_path, name, start):
    target = tmp_path / "out" / name
    target.parent.mkdir()
    assert main(["compare", *pair, "--permutations", "0", "--output", str(target)]) == 0
    assert capsys.readouterr().out == ""
    text = target.read_text(encoding="utf-8")
    assert text.startswith(start)
    assert "\x1b" not in text


def test_an_explicit_format_wins_over_the_suffix(pair, tmp_path):
    target = tmp_path / "t.txt"
    main(["compare", *pair, "--permutations", "0", "--format", "json", "--output", str(target)])
    assert json.loads(target.read_text())["columns"]


def test_a_failed_column_is_exit_code_1_and_the_rest_is_printed(capsys, half_bad):
    assert main(["compare", *half_bad]) == 1
    text = capsys.readouterr().out
    assert "bad could not be compared: categories in A, numbers in B." in text
    assert " failed " in text
    assert " x " in text


def test_an_interrupt_is_130(capsys, monkeypatch, pair):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("otdiv.tables.comparison.compare_tables", interrupted)
    assert main(["compare", *pair]) == ExitCode.INTERRUPTED == 128 + signal.SIGINT
    assert capsys.readouterr().err == "otdiv: interrupted\n"


def run(*words, code="from otdiv.cli import main; raise SystemExit(main())", **options):
    """Run the command line in a fresh process."""
    return subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=120, **options
    )


def without(*modules):
    """Python text that hides modules, then runs the command line."""
    return (
        f"import sys; sys.modules.update(dict.fromkeys({modules!r}));"
        "from otdiv.cli import main; raise SystemExit(main())"
    )


@pytest.mark.slow
@pytest.mark.parametrize("module", ["rich", "narwhals", "pyarrow"])
def test_a_missing_extra_is_named_with_its_pip_line(pair, module):
    done = run("compare", *pair, code=without(module))
    assert done.returncode == USAGE
    assert done.stdout == ""
    assert f"needs the package `{module}`" in done.stderr
    assert "pip install 'otdiv[cli]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_and_version_need_no_extra():
    code = without("rich", "narwhals", "pyarrow", "numba", "scipy")
    for words in (["--version"], ["compare", "--help"]):
        assert run(*words, code=code).returncode == 0


@pytest.mark.slow
def test_the_reader_of_a_pipe_may_leave(pair):
    reader, writer = os.pipe()
    os.close(reader)
    code = "from otdiv.cli import main; raise SystemExit(main())"
    with os.fdopen(writer, "w") as pipe:
        done = subprocess.run(
            [sys.executable, "-c", code, "compare", *pair, "--format", "json"],
            stdout=pipe,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
        )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_progress_is_shown_only_where_stderr_is_a_terminal(pair):
    assert run("compare", *pair).stderr == ""
    controller, terminal = pty.openpty()
    code = "from otdiv.cli import main; raise SystemExit(main())"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "compare", *pair, "--format", "json"],
        stdout=subprocess.PIPE,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(terminal)
    shown = b"".join(iter(lambda: read_terminal(controller), b""))
    os.close(controller)
    printed, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert b"reading" in shown
    assert json.loads(printed)["columns"]


def read_terminal(controller):
    """What the program wrote; nothing once it has closed its end."""
    try:
        return os.read(controller, 4096)
    except OSError:
        return b""


def test_the_package_can_be_run_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "otdiv", "--version"], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == f"otdiv {otdiv.__version__}\n"


HELP, TABLE, JSON = ["--help"], [], ["--format", "json"]


def command(words, pair):
    return words if words == HELP else ["compare", *pair, *words]


@pytest.mark.slow
@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("words", [HELP, TABLE, JSON], ids=" ".join)
def test_a_full_stdout_is_one_sentence_and_an_exit_code(pair, words, unbuffered):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "otdiv.cli", *command(words, pair)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )
    assert done.returncode == USAGE
    assert done.stderr == "otdiv: error: stdout: No space left on device\n"


@pytest.mark.slow
@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("words", [HELP, TABLE, JSON], ids=" ".join)
def test_the_reader_of_a_pipe_may_leave_whatever_is_printed(pair, words, unbuffered):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "otdiv.cli", *command(words, pair)],
            stdout=pipe,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("redirection", "code"),
    [("| true", 1), (">/dev/full", 2), (">&-", 1), ("2>&-", 1), ("2>/dev/full", 1)],
)
def test_of_two_exit_codes_the_higher_is_returned(half_bad, redirection, code):
    words = " ".join([sys.executable, "-m", "otdiv.cli", "compare", *half_bad])
    script = f"set -o pipefail; {words} {redirection}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == code
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_negative_verdict_outweighs_output_that_cannot_be_written(tmp_path):
    (tmp_path / "careless_solver.py").write_text("def solve(a, b, C):\n    return float(a @ C @ b)")
    words = ["verify", "--solver", "careless_solver:solve", "--law", "optimality"]
    for place in ("/dev/full", os.devnull):
        with open(place, "w") as stream:
            done = subprocess.run(
                [sys.executable, "-m", "otdiv.cli", *words], stdout=stream, cwd=tmp_path,
                stderr=subprocess.PIPE, text=True, timeout=120,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )  # fmt: skip
        assert done.returncode == ExitCode.NEGATIVE
        assert done.stderr.count("\n") == (place == "/dev/full")


@pytest.mark.slow
def test_a_terminal_without_unicode_ends_nothing(pair):
    done = subprocess.run(
        [sys.executable, "-m", "otdiv.cli", "compare", *pair],
        capture_output=True,
        timeout=120,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.isascii()
