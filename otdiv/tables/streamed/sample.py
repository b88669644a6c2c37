"""A sample of whole rows, drawn while batches come by, for the comparison of columns together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..._typing import FloatArray

__all__ = ["RowSample"]

N_ROWS = 20_000
"""Rows that are kept of a table: twice as many as are compared, since some are not complete. By
taste."""

MOST_PATTERNS = 2**16
"""Sets of missing columns that are counted apart; by taste."""


class RowSample:
    """The rows with the least keys, which are drawn from their numbers: batches do not matter.

    It also counts the rows by the columns in which they have no number, so that the rows complete
    in any set of columns are counted once it is known which ones are compared.

    Parameters
    ----------
    n_columns : int
    seed : int
        The same for no two tables.
    """

    def __init__(self, n_columns: int, seed: int):
        self._seed = np.uint64(seed)
        self._n_rows = 0
        self._keys = np.empty(0, np.uint64)
        self._rows = np.empty((0, n_columns))
        self._patterns: Counter[int] | None = Counter()

    def add(self, columns: Sequence[FloatArray | None], n_rows: int) -> None:
        """Look at rows (n,) of all columns, None for those that hold no numbers."""
        keys = _keys(self._n_rows, n_rows, self._seed)
        self._n_rows += n_rows
        self._count(columns, n_rows)
        worst = self._keys[-1] if self._keys.size == N_ROWS else np.uint64(2**64 - 1)
        near = np.flatnonzero(keys < worst)
        if near.size == 0:
            return
        rows = np.full((near.size, len(columns)), np.nan)
        for place, values in enumerate(columns):
            if values is not None:
                rows[:, place] = values[near]
        keys = np.concatenate([self._keys, keys[near]])
        order = np.argsort(keys, kind="stable")[:N_ROWS]
        self._keys, self._rows = keys[order], np.concatenate([self._rows, rows])[order]

    def _count(self, columns: Sequence[FloatArray | None], n_rows: int) -> None:
        if self._patterns is None:
            return
        always, gaps = 0, []
        for place, values in enumerate(columns):
            if values is None:
                always |= 1 << place
                continue
            gone = np.isnan(values)
            if gone.any():
                gaps.append((place, gone))
        for pattern, count in _patterns(gaps, n_rows):
            self._patterns[always | pattern] += count
        if len(self._patterns) > MOST_PATTERNS:
            self._patterns = None

    def n_complete(self, places: Sequence[int]) -> int | None:
        """Rows with a number in all of these columns; None where that was too much to count."""
        if self._patterns is None:
            return None
        wanted = sum(1 << place for place in places)
        return sum(count for pattern, count in self._patterns.items() if not pattern & wanted)

    def complete(self, places: Sequence[int], most: int) -> FloatArray:
        """At most so many of the kept rows, (k, columns), with a number in all of these columns."""
        rows = self._rows[:, list(places)]
        rows = rows[~np.isnan(rows).any(axis=1)]
        return np.asarray(rows[:most])


def _patterns(gaps: list[tuple[int, NDArray[np.bool_]]], n_rows: int) -> list[tuple[int, int]]:
    """Sets of columns that miss a number, as bits, and how many rows miss just these."""
    if not gaps:
        return [(0, n_rows)]
    if len(gaps) == 1:
        count = int(np.count_nonzero(gaps[0][1]))
        return [(1 << gaps[0][0], count), (0, n_rows - count)]
    bits = np.packbits(np.stack([gone for _, gone in gaps], axis=1), axis=1, bitorder="little")
    if bits.shape[1] <= 8:
        wide = np.zeros((n_rows, 8), np.uint8)
        wide[:, : bits.shape[1]] = bits
        found, counts = np.unique(wide.view(np.uint64).ravel(), return_counts=True)
        codes = [int(code) for code in found]
    else:
        rows, counts = np.unique(bits, axis=0, return_counts=True)
        codes = [int.from_bytes(row.tobytes(), "little") for row in rows]
    spread = []
    for code, count in zip(codes, counts.tolist(), strict=True):
        pattern = sum(1 << place for bit, (place, _) in enumerate(gaps) if code >> bit & 1)
        spread.append((pattern, count))
    return spread


def _keys(first: int, count: int, seed: np.uint64) -> NDArray[np.uint64]:
    """Random keys of rows by their numbers: SplitMix64 (Steele, Lea, Flood 2014)."""
    with np.errstate(over="ignore"):
        z = np.arange(first, first + count, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + seed
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> np.uint64(31)))
