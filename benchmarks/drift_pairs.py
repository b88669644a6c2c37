"""Pairs of tables for `python -m benchmarks drift`, as files that NumPy reads without help.

The flights of January and July, and pairs of which nothing differs: rows of January dealt at
random to two halves, or 200 of them against all others. Shuffled, so that chunks of rows are alike
too, and of whole tens, since nannyml cuts tables into ten chunks and would have one more of a few
rows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).parents[1] / "examples" / "data"
FLIGHTS, HALVES, FEW = "flights", "halves", "few"
N_NULLS = 10
# Rows of the smaller table of an unequal pair.
N_FEW = 200
# Both halves of a pair are whole multiples of it.
TEN = 10

Arrays = dict[str, Any]


def month(number: int) -> Arrays:
    """The columns of a month: floats with NaN where values are missing, integers, texts."""
    import pyarrow.parquet as pq

    table = pq.read_table(DATA / f"flights_2013_{number:02d}.parquet")
    return {name: table[name].to_pandas().to_numpy() for name in table.column_names}


def null_pair(
    table: Arrays, sizes: tuple[int, int], rng: np.random.Generator
) -> tuple[Arrays, Arrays]:
    """Deal rows of a table to two of these sizes, at random."""
    order = rng.permutation(len(next(iter(table.values()))))
    sides = np.split(order, np.cumsum(sizes))[:2]
    first, second = ({name: x[rows] for name, x in table.items()} for rows in sides)
    return first, second


def write_pairs(folder: Path, seed: int) -> list[str]:
    """Write `NAME_a.npz` and `NAME_b.npz` of every pair; return the names, the flights first."""
    january = month(1)
    n = len(january["distance"]) // (2 * TEN) * 2 * TEN
    pairs = {FLIGHTS: (january, month(7))}
    rng = np.random.default_rng(seed)
    for number in range(N_NULLS):
        pairs[f"{HALVES} {number}"] = null_pair(january, (n // 2, n // 2), rng)
    for number in range(N_NULLS):
        pairs[f"{FEW} {number}"] = null_pair(january, (n - N_FEW, N_FEW), rng)
    for name, sides in pairs.items():
        for side, table in zip("ab", sides, strict=True):
            plain = {key: x.astype(str) if x.dtype.kind in "OT" else x for key, x in table.items()}
            np.savez(folder / f"{name}_{side}.npz", **plain)
    return list(pairs)
