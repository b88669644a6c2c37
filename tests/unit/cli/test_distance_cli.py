"""`otdiv distance`: bounds of a column of two tables, and what is left of an interrupted run."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from otdiv import wasserstein1
from otdiv.cli import ExitCode, main

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

DATA = Path(__file__).parents[3] / "examples" / "data"
MONTHS = [str(DATA / f"flights_2013_0{month}.parquet") for month in (1, 7)]


def delays(path):
    column = parquet.read_table(path, columns=["dep_delay"]).column(0)
    return column.drop_null().to_numpy().astype(float)


def test_the_number_is_that_of_the_columns_in_memory(capsys):
    assert main(["distance", *MONTHS, "--column", "dep_delay", "--json"]) == ExitCode.DONE
    found = json.loads(capsys.readouterr().out)
    truth = wasserstein1(*map(delays, MONTHS))
    assert found["lower"] <= truth * (1.0 + 1e-14)
    assert truth * (1.0 - 1e-14) <= found["upper"]
    assert found["value"] == pytest.approx(truth, rel=1e-13)
    assert found["missing_a"] > 0


def test_the_text_has_bounds_passes_and_rows(capsys):
    assert main(["distance", *MONTHS, "--column", "dep_delay"]) == ExitCode.DONE
    text = capsys.readouterr().out
    assert re.search(r"W1 +11\.749", text)
    assert "rows without one" in text
    assert "after 1 pass" in text


def test_bounds_that_miss_the_tolerance_are_a_negative_verdict(tmp_path, capsys):
    # A spread of 1e-300 beside one of 1e300: no float64 tells the small one's share apart.
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    paths[0].write_text("v,w\n0,1\n1e300,1e-9\n1e-300,3\n")
    paths[1].write_text("v,w\n0,1\n1e300,1e-9\n2e-300,3\n")
    words = ["distance", *map(str, paths), "--column", "v", "--weights", "w", "--rtol", "1e-3"]
    assert main(words) == ExitCode.NEGATIVE
    assert "at least      0\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["--column", "nothing"],
        ["--column", "carrier"],
        [],
        ["--column", "dep_delay", "--rtol", "-1"],
        ["--column", "dep_delay", "--max-memory", "much"],
        ["--column", "dep_delay", "--max-memory", "1K"],
    ],
)
def test_usage_errors_are_told(words, capsys):
    assert main(["distance", *MONTHS, *words]) == ExitCode.USAGE
    assert capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX has them")
def test_ctrl_c_in_a_later_pass_prints_the_bounds_so_far(tmp_path):
    # The same column twice takes very many passes where little memory is given.
    values = np.random.default_rng(0).standard_normal(8_000_000)
    path = tmp_path / "t.parquet"
    parquet.write_table(pyarrow.table({"v": values}), path)
    words = ["distance", str(path), str(path), "--max-memory", "1M"]
    head = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code = head + "from otdiv.cli import console; console()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    time.sleep(8.0)
    process.send_signal(signal.SIGINT)
    begin = time.perf_counter()
    out, err = process.communicate(timeout=30)
    assert time.perf_counter() - begin < 2.0
    assert (process.returncode, err) == (130, b"otdiv: interrupted\n")
    assert b"at least      0\n" in out
