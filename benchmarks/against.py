"""Two commits of the project, each in its own installation, asked the same solves in turn.

The commit named and the working tree are installed side by side (without their dependencies, which
they share), and each answers from a process of its own: the data of a solve are made, a first call
warms up, a second is measured for memory, then both sides are timed alternately. Ratios are of CPU
seconds, the named commit's over the working tree's: above 1, the working tree is faster.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from .solves import LARGE, SMALL, Solve

ROOT = Path(__file__).parents[1]
SOLVES = {"small": SMALL, "large": LARGE}

# A call is repeated for as long, and its mean counts.
LEAST_SECONDS = 0.05


def against(revision: str, which: str, *, only: str = "", repeats: int = 5) -> int:
    """Print a table of ratios, and whether the answers are the same to the bit.

    Returns the number of solves that differ or fail on one side.
    """
    solves = [(which, index) for index, solve in enumerate(SOLVES[which]) if only in solve.name]
    print("| solve | speed | from, to | memory | s before, now | same bits |")
    print("|---|---|---|---|---|---|")
    n_changed = 0
    with tempfile.TemporaryDirectory() as folder:
        before = _install(Path(folder) / "before", revision)
        now = _install(Path(folder) / "now", None)
        with _process(before) as old, _process(now) as new:
            for solve in solves:
                n_changed += not _compare(solve, (old, new), repeats)
    return n_changed


def _install(folder: Path, revision: str | None) -> Path:
    """Install a commit, or the working tree, into a folder of its own; return that folder."""
    source = ROOT
    if revision is not None:
        source = folder / "source"
        source.mkdir(parents=True)
        archive = subprocess.run(
            ["git", "archive", revision], cwd=ROOT, check=True, stdout=subprocess.PIPE
        )
        subprocess.run(["tar", "-x", "-C", str(source)], input=archive.stdout, check=True)
    target = folder / "installed"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    subprocess.run([*command, str(target), str(source)], check=True)
    return target


@contextlib.contextmanager
def _process(installed: Path) -> Iterator[subprocess.Popen[str]]:
    """Run `serve` with the library of that folder and the solves of this one."""
    path = [str(installed), str(ROOT)]
    code = f"import sys; sys.path[:0] = {path!r}; from benchmarks.against import serve; serve()"
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=installed,
        env=os.environ | threads,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _ask(process: subprocess.Popen[str], question: list[Any]) -> Any:
    assert process.stdin is not None
    assert process.stdout is not None
    print(json.dumps(question), file=process.stdin, flush=True)
    answer = process.stdout.readline()
    if not answer:
        raise RuntimeError(f"the process of one commit ended at {question}")
    return json.loads(answer)


def _compare(
    solve: tuple[str, int], processes: tuple[subprocess.Popen[str], ...], repeats: int
) -> bool:
    """Print the row of one solve; return whether both answered, and the same."""
    which, index = solve
    name = SOLVES[which][index].name
    first = [_ask(process, ["prepare", which, index]) for process in processes]
    errors = [answer["error"] for answer in first if "error" in answer]
    if errors:
        print(f"| {name} | – | – | – | – | {'; '.join(errors)} |", flush=True)
        return False
    times: list[tuple[float, ...]] = []
    for turn in range(repeats):
        # Each is first in every other turn.
        order = (0, 1) if turn % 2 else (1, 0)
        seconds = {side: _ask(processes[side], ["time"]) for side in order}
        times.append((seconds[0], seconds[1]))
    ratios = sorted(old / new for old, new in times)
    old, new = (statistics.median(side) for side in zip(*times, strict=True))
    memory = (first[0]["bytes"] + 2**20) / (first[1]["bytes"] + 2**20)
    same = first[0]["bits"] == first[1]["bits"]
    print(
        f"| {name} | {statistics.median(ratios):.2f} | {ratios[0]:.2f}, {ratios[-1]:.2f} "
        f"| {memory:.2f} | {old:.3g}, {new:.3g} "
        f"| {'yes' if same else 'no: {} and {}'.format(*(a['value'] for a in first))} |",
        flush=True,
    )
    return same


def serve() -> None:
    """Answer questions from stdin, one JSON line each, until it is closed."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever prints must not meet the answers
    solve: Solve | None = None
    data: dict[str, Any] = {}
    for line in sys.stdin:
        question, *place = json.loads(line)
        if question == "time":
            assert solve is not None
            _reply(answers, _seconds(solve, data))
            continue
        which, index = place
        solve = SOLVES[which][index]
        data = solve.prepare()
        _reply(answers, _first_call(solve, data))


def _reply(answers: IO[str], answer: Any) -> None:
    print(json.dumps(answer), file=answers, flush=True)


def _first_call(solve: Solve, data: dict[str, Any]) -> dict[str, Any]:
    from .run import PeakMemory

    try:
        solve.call(data)  # compiles, or loads what was compiled
        with PeakMemory() as memory:
            result = solve.call(data)
    except Exception as error:  # an old commit may lack the call
        return {"error": f"{type(error).__name__}: {error}"}
    return {"value": result.value, "bytes": memory.bytes, "bits": bits(result)}


def _seconds(solve: Solve, data: dict[str, Any]) -> float:
    n_calls, cpu, wall = 0, time.process_time(), time.perf_counter()
    while n_calls == 0 or time.perf_counter() - wall < LEAST_SECONDS:
        solve.call(data)
        n_calls += 1
    return (time.process_time() - cpu) / n_calls


def bits(result: Any) -> str:
    """A digest of all numbers that a result of the library holds, by the names of its fields."""
    digest = hashlib.sha256()
    _digest(digest, result)
    return digest.hexdigest()


# The problem, whose caches depend on the road, and what is said in words.
_LEFT_OUT = {"problem", "reason", "summary", "solver"}


def _digest(digest: Any, value: Any) -> None:
    if isinstance(value, np.ndarray):
        digest.update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, (bool, int, float, np.generic)):
        digest.update(repr(float(value)).encode())
    elif isinstance(value, tuple | list):
        for item in value:
            _digest(digest, item)
    elif dataclasses.is_dataclass(value):
        for field in sorted(dataclasses.fields(value), key=lambda field: field.name):
            if field.name not in _LEFT_OUT:
                digest.update(field.name.encode())
                _digest(digest, getattr(value, field.name))
