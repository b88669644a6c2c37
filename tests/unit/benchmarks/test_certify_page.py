"""The page of the peers' true errors: what it counts, and that failures stay in it."""

import importlib.util
import json
import math

import numpy as np
import pytest

from benchmarks import certify as command
from benchmarks.certify_cases import CASES, MAKERS, make_case
from benchmarks.certify_page import errors_of, lines_of, optimum, signed_error
from benchmarks.certify_peers import PEERS

LIMITS = {"seconds": 20.0, "memory": 4_000_000_000}


def row(peer, share=None, **rest):
    task = {"case": "clouds, d = 2", "n": 200, "peer": peer, "share": share, **LIMITS}
    return task | {"status": "certified", **rest}


ROWS = [
    row("otdiv transport", number=2.0, bounds=[2.0, 2.0]),
    row("OTT low rank, 10", number=3.0, bounds=[0.0, 3.0], converged=True, cpu_seconds=0.5),
    row(
        *("POT sinkhorn", 0.05),
        plan_cost=2.5,
        bounds=[1.9, 2.5],
        entropic_bounds=[4.0, 4.0],
        entropic_dual_value=3.0,
        cpu_seconds=2.0,
        load=7.0,
    ),
    row("POT sinkhorn_log", 0.05, status="over 20 s of CPU time"),
]


def test_errors_are_those_against_what_all_certificates_leave():
    assert optimum(ROWS) == (2.0, 2.0)
    assert errors_of(ROWS[1], ROWS) == ((0.5, 0.5), (0.5, 0.5))
    # The plan's cost against W, the potentials' dual value against the regularised optimum.
    assert errors_of(ROWS[2], ROWS) == ((0.25, 0.25), (-0.25, -0.25))
    assert errors_of(ROWS[3], ROWS) == (None, None)
    low, high = signed_error(3.0, (2.0, 4.0))
    assert (low, high) == (-0.25, 0.5)
    assert signed_error(1.0, (0.0, 1.0)) is None
    assert signed_error(1.0, (1.0, math.inf)) is None


def test_the_page_keeps_failures_and_says_the_load():
    page = "\n".join(lines_of("certify", ROWS))
    assert "over 20 s of CPU time" in page
    assert "Load average while they ran: 7" in page
    line = next(line for line in page.splitlines() if line.startswith("| OTT low rank, 10 "))
    assert "+50 %" in line
    assert "converged" in line
    assert "one side" in line


def test_every_task_has_its_case_and_a_peer():
    every = list(command.tasks(quick=False))
    assert {task["case"] for task in every} == set(MAKERS) == {case.name for case in CASES}
    assert {task["peer"] for task in every} == {peer.name for peer in PEERS}
    keys = {command._key(task) for task in every}
    assert len(keys) == len(every)


@pytest.mark.parametrize("name", MAKERS)
def test_cases_are_measures(name):
    data, epsilon = make_case(name, 256, 0.05)
    for points, weights in (("x", "a"), ("y", "b")):
        assert len(data[points]) == len(data[weights])
        assert np.isfinite(data[points]).all()
        assert data[weights].min() >= 0.0
        assert data[weights].sum() == pytest.approx(1.0)
    assert epsilon > 0.0


@pytest.mark.slow
@pytest.mark.parametrize("peer", ["POT emd", "POT sinkhorn", "POT BSP-OT"])
def test_a_peer_is_certified_in_a_process_of_its_own(peer):
    if importlib.util.find_spec("ot") is None:
        pytest.skip("POT is not installed")
    share = 0.05 if peer == "POT sinkhorn" else None
    found = command.run_task(row(peer, share))
    assert found["status"] == "certified", json.dumps(found)
    assert found["cpu_seconds"] >= 0.0
    low, high = signed_error(found.get("number") or found["plan_cost"], tuple(found["bounds"])) or (
        0.0,
        0.0,
    )
    assert low <= 1e-9
    assert high >= -1e-9


@pytest.mark.slow
def test_limits_and_refusals_are_rows():
    task = row("POT BSP-OT") | {"case": "words, d = 50"}
    assert command.run_task(task)["status"].startswith("not applicable")
    task = row("SciPy linear_sum_assignment") | {"n": 20_000, "memory": 600_000_000}
    assert "MemoryError" in command.run_task(task)["status"]
    task = row("SciPy linear_sum_assignment") | {"n": 3000, "seconds": 0.1}
    assert command.run_task(task)["status"] == "over 0.1 s of CPU time"
    assert command.run_task(row("no such") | {"peer": "POT emd", "case": "no such"})[
        "status"
    ].startswith("KeyError")
