"""Where the distances of all pairs of samples stand: condensed, or in a rectangle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._typing import FloatArray, IndexArray

__all__ = ["PairLayout"]

# Numbers that are read or cleared at once, 32 MB.
_READ = 2**22


@dataclass(frozen=True, slots=True)
class PairLayout:
    """Which pairs are wanted: all i < j of N samples, condensed, or N against M others."""

    n: int
    m: int
    condensed: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array of all distances."""
        return (self.n * (self.n - 1) // 2,) if self.condensed else (self.n, self.m)

    def begins(self, first: int, last: int) -> IndexArray:
        """First column of each row."""
        rows = np.arange(first, last)
        return rows + 1 if self.condensed else np.zeros_like(rows)

    def size(self, first: int, last: int) -> int:
        """Pairs of these rows."""
        if not self.condensed:
            return (last - first) * self.m
        return int((self.n - 1 - np.arange(first, last)).sum())

    def starts(self, first: int, last: int) -> IndexArray:
        """Where column 0 of each row would be in an array of the pairs of these rows alone."""
        sizes = self.m - self.begins(first, last)
        return np.cumsum(sizes) - sizes - self.begins(first, last)

    def tasks(
        self, row: float, most: float, wanted: NDArray[np.bool_] | None = None
    ) -> list[tuple[int, int]]:
        """Ranges of rows (all, or those wanted) with about `most` of work; a pair is `row`."""
        tasks, first, work = [], 0, 0.0
        for i in range(self.n):
            if wanted is not None and not wanted[i]:
                if first < i:
                    tasks.append((first, i))
                first, work = i + 1, 0.0
                continue
            work += row * self.size(i, i + 1)
            if work >= most or i + 1 == self.n:
                tasks.append((first, i + 1))
                first, work = i + 1, 0.0
        return tasks

    def rows_with_nan(self, out: Any) -> NDArray[np.bool_]:
        """Which rows (n,) of an array hold a NaN; it is read some rows at a time."""
        found = np.zeros(self.n, bool)
        for first, last in self.tasks(1.0, _READ):
            sizes = self.m - self.begins(first, last)
            values = np.isnan(np.asarray(out[self._place(first, last)])).reshape(-1)
            rows = np.repeat(np.arange(first, last), sizes)
            found |= np.bincount(rows[values], minlength=self.n) > 0
        return found

    def clear(self, out: Any) -> None:
        """Fill an array with NaN, some rows at a time."""
        for first, last in self.tasks(1.0, _READ):
            self.write(out, first, last, np.full(self.size(first, last), np.nan))

    def _place(self, first: int, last: int) -> slice:
        """Where these rows are in an array of all distances."""
        if not self.condensed:
            return slice(first, last)
        start = self.size(0, first)
        return slice(start, start + self.size(first, last))

    def write(self, out: Any, first: int, last: int, values: FloatArray) -> None:
        """Put the values of these rows in their place in an array, in memory or not."""
        if not self.condensed:
            values = values.reshape(last - first, self.m)
        out[self._place(first, last)] = values
