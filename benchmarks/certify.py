"""`python -m benchmarks certify`: how wrong the numbers of the peers are, by `certify`.

Each call of a peer runs in a process of its own, under a limit of CPU seconds and one of memory.
What it returned goes through `otdiv.adapters` to `certify`. Failures, time-outs and refusals stay
in the record.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .certify_cases import CASES
from .certify_page import draw, lines_of
from .certify_peers import PEERS
from .records import load, save

NAME = "certify"
# Wall seconds of a process in multiples of the CPU seconds of a solve, and beside that: a machine
# with other work gives a process a share of its time.
_WALL, _START = 12.0, 300.0
# Rows between savings.
_OFTEN = 20
# One thread each: CPU seconds are then those of one core, whoever counts.
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
}


def tasks(
    quick: bool,
    only: str = "",
    case: str = "",
    smallest: int = 0,
    largest: int = sys.maxsize,
    seconds: float = 0.0,
    memory: float = 0.0,
) -> Iterator[dict[str, Any]]:
    """What there is to run: every peer on every case, size and epsilon."""
    for family in CASES:
        for n in family.quick if quick else family.sizes:
            if not smallest <= n <= largest or case not in family.name:
                continue
            for peer in PEERS:
                if only not in peer.name:
                    continue
                shares = family.shares[: 1 if quick else None] if peer.entropic else (None,)
                for share in shares:
                    yield {
                        "case": family.name,
                        "n": n,
                        "peer": peer.name,
                        "share": share,
                        "seconds": seconds,
                        "memory": int(memory * 1e9),
                    }


def run_task(task: dict[str, Any]) -> dict[str, Any]:
    """One row: what a process of its own printed before it ended or was ended."""
    needs = next(peer.needs for peer in PEERS if peer.name == task["peer"])
    if importlib.util.find_spec(needs) is None:
        return task | {"status": "not installed"}
    command = [sys.executable, "-m", "benchmarks.certify_one", json.dumps(task)]
    wall = _WALL * task["seconds"] + _START
    environment = os.environ | ONE_THREAD
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=wall, env=environment, check=False
        )
        printed, code, errors = done.stdout, done.returncode, done.stderr
    except subprocess.TimeoutExpired as expired:
        printed, code, errors = _text(expired.stdout), -signal.SIGKILL, f"over {wall:g} s"
    row = dict(task)
    for line in printed.splitlines():
        if line.startswith("{"):
            row |= json.loads(line)
    if code not in (0, -signal.SIGXCPU):
        row["status"] = f"ended by {_ending(code)}: {last_line(errors)}"[:200]
    return row


def _text(printed: Any) -> str:
    return printed.decode() if isinstance(printed, bytes) else printed or ""


def _ending(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def last_line(errors: str) -> str:
    """The last line that a process wrote, without the paths of this machine."""
    lines = [line for line in errors.splitlines() if line.strip()] or [""]
    return lines[-1].partition("site-packages/")[2] or lines[-1]


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["case"], row["n"], row["peer"], row["share"]


def certify_peers(
    *,
    quick: bool = False,
    only: str = "",
    case: str = "",
    smallest: int = 0,
    largest: int = 10_000,
    seconds: float = 30.0,
    memory: float = 4.0,
    jobs: int = 1,
) -> None:
    """Run, record and write the page; rows that are not run keep their last results."""
    name = f"{NAME}-quick" if quick else NAME
    wanted = list(tasks(quick, only, case, smallest, largest, seconds, memory))
    rows = {_key(row): row for row in load(name)}
    with ThreadPoolExecutor(jobs) as pool:
        for place, row in enumerate(pool.map(run_task, wanted), 1):
            rows[_key(row)] = row
            share = "" if row["share"] is None else f", {row['share']:g}"
            print(f"{row['case']}, n = {row['n']}, {row['peer']}{share}: {row['status']}")
            sys.stdout.flush()
            if place % _OFTEN == 0 or place == len(wanted):
                write(name, rows)
    draw(name, list(rows.values()))


def write(name: str, rows: dict[tuple[Any, ...], dict[str, Any]]) -> None:
    """Save the rows in the order of the cases, and their page."""
    order = {_key(task): place for place, task in enumerate(tasks(quick=False))}
    kept = sorted(rows.values(), key=lambda row: order.get(_key(row), 0))
    save(name, kept, lines_of(name, kept))


def redraw() -> None:
    """Draw the picture of the recorded rows, where there are any."""
    rows = load(NAME)
    if rows:
        draw(NAME, rows)
