"""Drift reports beside the peers: what is counted, and that failures stay in the record."""

import os
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import drift
from benchmarks.drift_page import DELAY, false_alarms, page
from benchmarks.drift_pairs import FEW, FLIGHTS, HALVES, N_FEW, N_NULLS, null_pair, write_pairs
from benchmarks.drift_tools import TOOLS, otdiv, peak_bytes, run
from benchmarks.verdicts import MISSING, VALUES, judgements

ABOUT = {"asked": "as it is", "source": "", "because": ""}


def pair(*flags):
    names = [DELAY, *map(str, range(1, len(flags)))]
    columns = {
        name: {"flagged": flag, "method": "KS p", "value": 0.01, "threshold": 0.05}
        for name, flag in zip(names, flags, strict=True)
    }
    return {"columns": columns, "whole": None, "cpu_seconds": 1.0, "wall_seconds": 1.0}


ANSWERED = ABOUT | {
    "name": "a tool",
    "version": "1.2",
    "load": 0.5,
    "bytes": 2e6,
    "started_bytes": 3e6,
    "pairs": {
        FLIGHTS: pair(True, True, False),
        f"{HALVES} 0": pair(False, False, False),
        f"{HALVES} 1": pair(True, True, False),
        f"{FEW} 0": pair(True, False, False),
    },
}
FAILED = ABOUT | {"name": "another", "error": "No matching distribution found"}


def test_flags_are_counted_by_column_and_by_report():
    assert false_alarms(ANSWERED, HALVES) == (2, 6, 1, 2)
    assert false_alarms(ANSWERED, FEW) == (1, 3, 1, 1)


def test_the_page_keeps_who_did_not_answer():
    lines = page([ANSWERED, FAILED])
    assert "| a tool | 2 of 6 | 1 of 3 | 1 of 2 | 1 of 1 | – | – |" in lines
    assert "- another: No matching distribution found" in lines
    assert page([FAILED])


def test_a_command_that_fails_says_its_last_line():
    command = [sys.executable, "-c", "raise ImportError('no such name')"]
    with pytest.raises(drift._ToolError, match="ImportError: no such name"):
        drift._output(command, dict(os.environ))


def test_every_peer_has_its_tool():
    assert {peer.tool for peer in drift.PEERS} == set(TOOLS)
    assert len({peer.name for peer in drift.PEERS}) == len(drift.PEERS)


def test_rows_of_a_null_pair_are_rows_of_the_table_once():
    table = {"x": np.arange(105), "y": np.arange(105) * 2.0}
    a, b = null_pair(table, (60, 40), np.random.default_rng(0))
    assert (len(a["x"]), len(b["x"])) == (60, 40)
    assert len({*a["x"], *b["x"]}) == 100
    np.testing.assert_array_equal(a["y"], 2.0 * a["x"])


@pytest.mark.slow
def test_memory_is_not_that_of_who_started_the_process():
    block = np.ones(20_000_000)
    code = "from benchmarks.drift_tools import peak_bytes; print(peak_bytes())"
    told = drift._output([sys.executable, "-c", code], os.environ | {"PYTHONPATH": str(drift.ROOT)})
    assert 1e6 < int(told) < block.nbytes < peak_bytes()


@pytest.mark.slow
def test_our_reports_are_read_from_the_files(tmp_path):
    pytest.importorskip("pyarrow")
    pytest.importorskip("pandas")
    names = write_pairs(tmp_path, seed=0)
    assert len(names) == 1 + 2 * N_NULLS
    found = run("otdiv", tmp_path, [FLIGHTS, f"{HALVES} 0"])
    assert set(found["pairs"][FLIGHTS]["columns"]) >= {DELAY, "carrier"}
    assert found["pairs"][FLIGHTS]["columns"][DELAY]["flagged"]
    with np.load(tmp_path / f"{FEW} 0_b.npz") as table:
        assert len(table["carrier"]) == N_FEW


@pytest.mark.slow
def test_what_is_missing_counts_for_its_column(monkeypatch):
    pytest.importorskip("pandas")
    missing = SimpleNamespace(p_value=0.001, verdict="differs")
    rows = [
        SimpleNamespace(
            column="x", error=None, p_value=0.3, verdict="within noise", missing=missing
        )
    ]
    monkeypatch.setattr("otdiv.compare_tables", lambda a, b: SimpleNamespace(rows=rows))
    _, compare = otdiv()
    columns, whole = compare(None, None)
    assert columns["x"]["flagged"]
    assert whole


def test_verdicts_are_read_with_those_of_missing_values():
    def found(p, verdict):
        return SimpleNamespace(p_value=p, verdict=verdict)

    rows = [
        SimpleNamespace(
            column="x",
            error=None,
            missing=found(0.05, "within noise"),
            **vars(found(0.001, "differs, by less than δ")),
        ),
        SimpleNamespace(column="y", error=None, missing=None, **vars(found(0.2, "same within δ"))),
        SimpleNamespace(column="z", error="no values"),
    ]
    told = [
        (one.column, one.part, one.flagged, one.differs)
        for one in judgements(SimpleNamespace(rows=rows))
    ]
    assert told == [
        ("x", VALUES, True, True),
        ("x", MISSING, True, False),
        ("y", VALUES, False, False),
    ]


def test_reports_without_verdicts_are_read_by_their_noise():
    def row(column, effect, noise=0.5):
        floor = None if noise is None else SimpleNamespace(percentile_95=noise)
        return SimpleNamespace(column=column, error=None, effect=effect, noise=floor)

    rows = [row("x", 0.6), row("y", 0.5), row("z", 1.0, None)]
    told = [(one.column, one.differs) for one in judgements(SimpleNamespace(rows=rows))]
    assert told == [("x", True), ("y", False)]
