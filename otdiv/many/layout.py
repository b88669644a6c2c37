"""Where the distances of all pairs of samples stand: condensed, or in a rectangle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import FloatArray, IndexArray

__all__ = ["PairLayout"]


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

    def tasks(self, row: float, most: float) -> list[tuple[int, int]]:
        """Ranges of rows with about `most` of work, of which a pair is `row`."""
        tasks, first, work = [], 0, 0.0
        for i in range(self.n):
            work += row * self.size(i, i + 1)
            if work >= most or i + 1 == self.n:
                tasks.append((first, i + 1))
                first, work = i + 1, 0.0
        return tasks

    def write(self, out: Any, first: int, last: int, values: FloatArray) -> None:
        """Put the values of these rows in their place in an array, in memory or not."""
        if self.condensed:
            start = self.size(0, first)
            out[start : start + values.size] = values
        else:
            out[first:last] = values.reshape(last - first, self.m)
