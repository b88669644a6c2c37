"""Run contenders on instances in one process: warmed, interleaved, several seeds."""

from __future__ import annotations

import importlib.util
import json
import math
import platform
import statistics
import sys
import threading
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from .answers import Answer, Contender
from .contenders import CONTENDERS
from .entropic import TOLERANCE
from .problems import PROBLEMS, Problem

RESULTS = Path(__file__).parent / "results"

# Below this many seconds a call is repeated until as much time has passed, and the mean counts.
LEAST_SECONDS = 0.02
# A call this long is not repeated: the one that measures memory counts.
LONG_SECONDS = 2.0
# Larger instances are warmed up by one of this size of the same family.
WARM_SIZE = 2000
PEERS = ("POT", "ott-jax", "jax", "geomloss", "torch", "wnet")
PACKAGES = ("otdiv", "numpy", "scipy", "numba", *PEERS)


def calibration_seconds() -> float:
    """Median CPU seconds of a fixed NumPy sort of 1e6 floats: absolute times are read beside it."""
    values = np.random.default_rng(0).random(10**6)
    times = []
    for _ in range(7):
        start = time.process_time()
        np.sort(values)
        times.append(time.process_time() - start)
    return statistics.median(times)


def versions() -> dict[str, str]:
    """Versions of what is installed of us, the peers and what we stand on."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """Processor, versions and calibration, recorded with every run."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return {
        "processor": model,
        "python": platform.python_version(),
        "versions": versions(),
        "calibration_seconds": calibration_seconds(),
    }


class PeakMemory:
    """Largest growth of the resident set during a block, sampled every 2 ms."""

    def __init__(self) -> None:
        self.bytes: float = math.nan

    def __enter__(self) -> PeakMemory:
        if importlib.util.find_spec("psutil") is None:
            self._thread = None
            return self
        import psutil

        process = psutil.Process()
        self._base = process.memory_info().rss
        self._peak = self._base
        self._done = threading.Event()

        def watch() -> None:
            while not self._done.wait(0.002):
                self._peak = max(self._peak, process.memory_info().rss)

        self._thread = threading.Thread(target=watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread is not None:
            self._done.set()
            self._thread.join()
            self.bytes = self._peak - self._base


def timed(contender: Contender, prepared: Any) -> tuple[float, float]:
    """CPU and wall seconds of one call, averaged over repeats where it is short."""
    repeats = 0
    cpu, wall = time.process_time(), time.perf_counter()
    while True:
        contender.call(prepared)
        repeats += 1
        passed = time.perf_counter() - wall
        if passed >= LEAST_SECONDS or repeats >= 1000:
            return (time.process_time() - cpu) / repeats, passed / repeats


def run_instance(problem: Problem, n: int, seed: int, repeats: int) -> list[dict[str, Any]]:
    """All contenders of the suite on one instance, in turn."""
    data = problem.make(np.random.default_rng([seed, n]), n)
    small = data if n <= WARM_SIZE else problem.make(np.random.default_rng([seed, n]), WARM_SIZE)
    rows = []
    alive = []
    for contender in CONTENDERS:
        if contender.suite != problem.suite:
            continue
        row: dict[str, Any] = {
            "suite": problem.suite,
            "problem": problem.name,
            "n": n,
            "seed": seed,
            "solver": contender.name,
        }
        if n > problem.limits.get(contender.name, n):
            rows.append(row | {"status": "not asked: too large"})
            continue
        if importlib.util.find_spec(contender.needs) is None:
            rows.append(row | {"status": "not installed"})
            continue
        try:
            contender.call(contender.prepare(small))  # compiles, loads and fills caches
            prepared = contender.prepare(data)
            cpu, wall = time.process_time(), time.perf_counter()
            with PeakMemory() as memory:
                answer = contender.call(prepared)
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        except Exception as error:  # a failure is a result and stays in the table
            rows.append(row | {"status": f"{type(error).__name__}: {error}"[:200]})
            continue
        row |= {
            "value": answer.value,
            "lower": answer.lower,
            "upper": answer.upper,
            "status": answer.status,
            "peak_bytes": memory.bytes,
        }
        if answer.marginal_error is not None:
            row |= _checked(answer)
        rows.append(row)
        if wall >= LONG_SECONDS:
            row |= {"cpu_seconds": cpu, "wall_seconds": wall}
        elif answer.status != "not applicable":
            alive.append((contender, prepared, row, [], []))
    for _ in range(repeats):
        for contender, prepared, _row, cpu, wall in alive:
            seconds = timed(contender, prepared)
            cpu.append(seconds[0])
            wall.append(seconds[1])
    for _contender, _prepared, row, cpu, wall in alive:
        row["cpu_seconds"] = statistics.median(cpu)
        row["wall_seconds"] = statistics.median(wall)
    return rows


def _checked(answer: Answer) -> dict[str, Any]:
    """Marginal error of an entropic answer, and a status that says where it is too large."""
    assert answer.marginal_error is not None
    error = answer.marginal_error()
    # The last digits of an error that was met exactly depend on the order of summation.
    if error <= 1.01 * TOLERANCE:
        return {"marginal_error": error, "status": answer.status}
    return {"marginal_error": error, "status": f"failed (error {error:.0e}; {answer.status})"}


def _seeds(problem: Problem, n: int, seeds: int) -> int:
    """Fewer instances where a peer's call takes a minute."""
    if problem.suite in ("line", "divergences"):
        return seeds
    return seeds if n <= WARM_SIZE else 1


def run(suite: str | None, quick: bool, seeds: int, largest: int | None) -> list[Path]:
    """Run one suite or all; returns the files that were written."""
    RESULTS.mkdir(exist_ok=True)
    suites = sorted({problem.suite for problem in PROBLEMS}) if suite is None else [suite]
    written = []
    for name in suites:
        path = RESULTS / f"{name}{'-quick' if quick else ''}.jsonl"
        header = {"command": " ".join(["python -m benchmarks", *sys.argv[1:]]), **machine()}
        with path.open("w") as file:
            print(json.dumps(header), file=file)
            for problem in PROBLEMS:
                if problem.suite != name:
                    continue
                for n in problem.quick if quick else problem.sizes:
                    if largest is not None and n > largest:
                        continue
                    # Short calls are repeated inside `timed`; long ones by seeds.
                    for seed in range(1 if quick else _seeds(problem, n, seeds)):
                        for row in run_instance(problem, n, seed, 3 if n <= 2000 else 1):
                            print(json.dumps(row), file=file, flush=True)
                    print(f"{name}: {problem.name}, n={n}", file=sys.stderr, flush=True)
        written.append(path)
    return written
