"""`python -m benchmarks tables --rows N`: two large tables compared in batches and in memory.

Two Parquet files of eight columns of numbers, one of 20 categories and one of booleans, 52 bytes a
row, are written to a temporary folder and taken away again. Each way runs in a process of its own,
whose peak memory is that above its imports and a small comparison.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from .records import save

_GROUP = 10**6
_SMALL = 20_000
_WAYS = {
    "in batches, columns": (1, False),
    "in batches, columns and jointly": (1, True),
    "in memory, columns": (2**60, False),
    "in memory, columns and jointly": (2**60, True),
}
"""`max_memory`, and whether the columns are compared together."""


def tables(rows: int, *, write: bool = True) -> int:
    """Measure every way, print the table, and keep it."""
    found = []
    with tempfile.TemporaryDirectory(prefix="otdiv-tables-") as folder:
        for seed, side in enumerate("ab"):
            _write(Path(folder, f"{side}.parquet"), rows, seed)
            _write(Path(folder, f"small_{side}.parquet"), _SMALL, seed)
        for way in _WAYS:
            program = [sys.executable, "-m", "benchmarks.tables", way, folder]
            done = subprocess.run(program, capture_output=True, text=True, check=False)
            line = done.stdout.strip().splitlines()[-1] if done.returncode == 0 else None
            failed = (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1]
            found.append({"way": way, **(json.loads(line) if line else {"failed": failed})})
            print(found[-1], flush=True)
    lines = _table(found, rows, f"python -m benchmarks tables --rows {rows}")
    print("\n".join(lines))
    if write:
        save("tables", found, lines)
    return int(any("failed" in each for each in found))


def _write(path: Path, rows: int, seed: int) -> None:
    import pyarrow
    from pyarrow import parquet

    rng, shift = np.random.default_rng(seed), 0.02 * seed
    writer = None
    labels = pyarrow.array([f"category {place}" for place in range(20)])
    for begin in range(0, rows, _GROUP):
        n = min(_GROUP, rows - begin)
        codes = np.minimum(rng.integers(0, 20 + seed, n), 19)
        table = pyarrow.table(
            {
                "normal": rng.standard_normal(n) + shift,
                "exponential": rng.exponential(1.0, n),
                "lognormal": rng.lognormal(0.0, 1.0 + shift, n),
                "t3": rng.standard_t(3, n),
                "uniform": rng.random(n),
                "price": np.round(rng.lognormal(3.0, 1.0, n), 2),
                "count": rng.poisson(4.0, n),
                "far": 1e6 + rng.standard_normal(n) + shift,
                "category": labels.take(pyarrow.array(codes)),
                "flag": rng.random(n) < 0.3,
            }
        )
        writer = writer or parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()


def _table(found: list[dict[str, Any]], rows: int, command: str) -> list[str]:
    names = ("otdiv", "numpy", "numba", "pyarrow")
    lines = [
        "# Large tables",
        "",
        f"Two Parquet tables of {rows:,} rows: eight columns of numbers (normal, lognormal and one "
        "far from 0 that moved; exponential, Student's t, uniform, prices and counts of one law), "
        "20 categories, a boolean. CPU seconds of the process, reading included, compiling not; "
        f"memory is the peak above that of the process when it had compared {_SMALL:,} rows.",
        "",
        f"Made by `{command}` with {', '.join(f'{name} {version(name)}' for name in names)}.",
        "",
        "| way | CPU s | memory, MB | widest relative gap | passes | named |",
        "|---|---|---|---|---|---|",
    ]
    for each in found:
        if "failed" in each:
            lines.append(f"| {each['way']} | failed: {each['failed']} | | | | |")
            continue
        lines.append(
            f"| {each['way']} | {each['cpu']:.1f} | {each['memory']:.0f} | {each['gap']:.1e} | "
            f"{each['passes'] or ''} | {', '.join(each['named'])} |"
        )
    return lines


def _work(way: str, folder: str) -> None:
    """Run one way, and print what it took."""
    from otdiv.tables import compare_tables

    most, jointly = _WAYS[way]

    def compared(prefix: str) -> Any:
        a, b = (Path(folder, f"{prefix}{side}.parquet") for side in "ab")

        def stop(progress: Any) -> bool:
            return not jointly and progress.done == 10

        return compare_tables(a, b, max_memory=most, callback=stop)

    compared("small_")
    before, begin = _peak(), time.process_time()
    report = compared("")
    record = {
        "cpu": time.process_time() - begin,
        "memory": _peak() - before,
        "gap": max(row.bounds.relative_gap for row in report if row.bounds is not None),
        "passes": report.n_passes,
        "named": sorted(row.column for row in report.differing),
        "joint": None if report.joint is None else report.joint.effect,
    }
    print(json.dumps(record))


def _peak() -> float:
    """Peak memory of the process in MB; Linux counts it in kilobytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    _work(sys.argv[1], sys.argv[2])
