"""`python -m benchmarks streaming --rows N --times K`: distances of columns read in passes.

Three Parquet files of lognormal columns, 8 bytes a value, are written to a temporary folder
and taken away again. Each way runs in a process of its own, whose peak memory is that above its
imports.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from .records import save

_GROUP = 10**6
_SCALES = {"x": 1.0, "y": 1.1, "z": 1.0}
"""Log standard deviations; z has the law of x."""


def streaming(rows: int, times: int, *, write: bool = True) -> int:
    """Measure every way, print the table, and keep it."""
    found = []
    with tempfile.TemporaryDirectory(prefix="otdiv-streaming-") as folder:
        for seed, (name, scale) in enumerate(_SCALES.items()):
            _write(Path(folder, f"{name}.parquet"), rows, scale, seed)
        for way in _WAYS:
            program = [sys.executable, "-m", "benchmarks.streaming", way, folder, str(times)]
            done = subprocess.run(program, capture_output=True, text=True, check=False)
            line = done.stdout.strip().splitlines()[-1] if done.returncode == 0 else None
            failed = (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1]
            found.append({"way": way, **(json.loads(line) if line else {"failed": failed})})
            print(found[-1], flush=True)
    lines = _table(found, rows, f"python -m benchmarks streaming --rows {rows} --times {times}")
    print("\n".join(lines))
    if write:
        save("streaming", found, lines)
    return int(any("failed" in each for each in found))


def _write(path: Path, rows: int, scale: float, seed: int) -> None:
    import pyarrow
    from pyarrow import parquet

    rng = np.random.default_rng(seed)
    schema = pyarrow.schema([("v", pyarrow.float64())])
    settings: dict[str, Any] = {"compression": "NONE", "use_dictionary": False}
    with parquet.ParquetWriter(path, schema, **settings) as writer:
        for begin in range(0, rows, _GROUP):
            values = rng.lognormal(0.0, scale, min(_GROUP, rows - begin))
            writer.write_table(pyarrow.table({"v": values}, schema=schema))


def _table(found: list[dict[str, Any]], rows: int, command: str) -> list[str]:
    names = ("otdiv", "numpy", "numba", "pyarrow", "duckdb")
    lines = [
        "# Columns read in passes",
        "",
        f"Two Parquet columns of {rows:,} lognormal values, log standard deviations 1 and 1.1 (of "
        "one law where it says so), and the same files read several times over for more rows. CPU "
        "seconds of the process, reading included, compiling not; memory is the peak above that of "
        "the process when it had read a few rows.",
        "",
        f"Made by `{command}` with {', '.join(f'{name} {version(name)}' for name in names)}.",
        "",
        "| way | rows a side | CPU s | memory, MB | relative gap | passes | W1 |",
        "|---|---|---|---|---|---|---|",
    ]
    for each in found:
        if "failed" in each:
            lines.append(f"| {each['way']} | failed: {each['failed']} | | | | | |")
            continue
        passes = each.get("passes") or ""
        lines.append(
            f"| {each['way']} | {each['rows']:,} | {each['cpu']:.2f} | {each['memory']:.0f} | "
            f"{each['gap']:.1e} | {passes} | {each['value']:.12g} |"
        )
    return lines


def _passes(rtol: float | None, names: str = "xy", repeated: bool = False) -> Any:
    def measured(folder: Path, times: int) -> tuple[int, Any, int]:
        from otdiv.streaming import wasserstein1_result

        count = times if repeated else 1
        result = wasserstein1_result(*(_read(folder, name, count) for name in names), rtol=rtol)
        return result.n_x, result, result.n_passes

    return measured


def _read(folder: Path, name: str, times: int) -> Any:
    from otdiv.sources import open_column

    path = folder / f"{name}.parquet"
    if times == 1:
        return open_column(path, "v")

    def chunks() -> Iterator[Any]:
        for _ in range(times):
            yield from (values for values, _ in open_column(path, "v").chunks())

    return chunks


def _sql(resolution: float) -> Any:
    def measured(folder: Path, times: int) -> tuple[int, Any, int]:
        import duckdb

        from otdiv.streaming import bounds_from_cells, cells_query

        base = duckdb.connect()
        base.execute("SET memory_limit='500MB'")
        rows = [
            base.sql(
                cells_query(f"read_parquet('{folder}/{name}.parquet')", "v", resolution=resolution)
            ).fetchall()
            for name in "xy"
        ]
        return sum(int(row[1]) for row in rows[0]), bounds_from_cells(*rows), 1

    return measured


def _in_memory(folder: Path, times: int) -> tuple[int, Any, int]:
    from otdiv import wasserstein1_result

    sides = [np.concatenate([v for v, _ in _read(folder, name, 1).chunks()]) for name in "xy"]
    return sides[0].size, wasserstein1_result(*sides), 0


_WAYS: dict[str, Callable[[Path, int], tuple[int, Any, int]]] = {
    "passes, rtol=1e-4": _passes(1e-4),
    "passes, exact": _passes(None),
    "passes, exact, one law": _passes(None, "xz"),
    "passes, rtol=1e-4, files repeated": _passes(1e-4, repeated=True),
    "passes, exact, files repeated": _passes(None, repeated=True),
    "DuckDB with 500 MB, 40 cells an octave": _sql(40.0),
    "DuckDB with 500 MB, 600 cells an octave": _sql(600.0),
    "in memory": _in_memory,
}


def _work(way: str, folder: str, times: int) -> None:
    """Run one way, and print what it took."""
    import pyarrow
    from pyarrow import parquet

    with tempfile.TemporaryDirectory(prefix="otdiv-streaming-") as small:
        for name in _SCALES:
            values = np.random.default_rng(0).standard_normal(2000)
            parquet.write_table(pyarrow.table({"v": values}), Path(small, f"{name}.parquet"))
        _WAYS[way](Path(small), 2)
    before, begin = _peak(), time.process_time()
    rows, result, passes = _WAYS[way](Path(folder), times)
    seconds = time.process_time() - begin
    bounds = getattr(result, "bounds", result)
    record = {
        "rows": rows,
        "cpu": seconds,
        "memory": _peak() - before,
        "gap": bounds.relative_gap,
        "passes": passes,
        "value": 0.5 * (bounds.lower + bounds.upper),
    }
    print(json.dumps(record))


def _peak() -> float:
    """Peak memory of the process in MB; Linux counts it in kilobytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    _work(sys.argv[1], sys.argv[2], int(sys.argv[3]))
