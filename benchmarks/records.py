"""Recorded rows of a part of the benchmarks, and their table."""

from __future__ import annotations

import json
import os
from typing import Any

from .run import RESULTS, machine


def load(name: str) -> list[dict[str, Any]]:
    """Read the recorded rows; the first line is the machine."""
    path = RESULTS / f"{name}.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()][1:]


def save(name: str, rows: list[dict[str, Any]], lines: list[str]) -> None:
    """Write the rows, under a header that describes the machine, and their table."""
    RESULTS.mkdir(exist_ok=True)
    header = machine() | {"threads": os.environ.get("OPENBLAS_NUM_THREADS", "default")}
    path = RESULTS / f"{name}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [header, *rows]))
    path.with_suffix(".md").write_text("\n".join(lines) + "\n")
