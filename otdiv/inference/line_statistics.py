"""Statistics of samples on the line, for 64 relabellings at a time.

Two samples differ by F - G along the pooled order. Of k samples each is held against all others
together: with F_g the law of sample g, H that of the pool and π_g its share,
F_g - H = (1 - π_g)(F_g - F_rest), so that the same walk serves one sample after the other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .._kernels.line.distances import range_unit
from .._kernels.line.sorting import sorted_with
from .._kernels.resampling import permutations as kernels
from .._typing import FloatArray, IndexArray
from .pooling import Pool
from .relabelling import LANES, Planes

__all__ = ["WALKED", "OrderedPool", "PowerStatistic", "WalkStatistics", "tail_ratio"]

# In the order of the kernel's sums.
WALKED = ("wasserstein1", "energy", "cramer_von_mises", "kolmogorov_smirnov")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OrderedPool:
    """Rows on the line in the order of their values.

    Attributes
    ----------
    values : float64 array (N,), sorted, times `unit`
    order : int64 array (N,), row of each position
    weights : float64 array (N,) or None, in that order
    sizes : tuple of int
    unit : float, the power of two that keeps squares of differences within floats
    """

    values: FloatArray
    order: IndexArray
    weights: FloatArray | None
    sizes: tuple[int, ...]
    unit: float

    @classmethod
    def of(cls, pool: Pool) -> OrderedPool:
        """Sort the rows of a pool on the line."""
        values, order = sorted_with(pool.points)
        unit = range_unit(float(values[0]), float(values[-1]))
        return cls(
            values=values * unit if unit != 1.0 else values,
            order=order.astype(np.int64, copy=False),
            weights=None if pool.weights is None else pool.weights[order],
            sizes=pool.sizes,
            unit=unit,
        )

    def gaps(self) -> FloatArray:
        """From each value to the next (N,), 0 at the end."""
        return np.append(np.diff(self.values), 0.0)

    def ends(self) -> FloatArray:
        """Mass of each value at its last occurrence (N,), 0 at the others."""
        last = np.append(self.values[1:] != self.values[:-1], True)
        places = np.flatnonzero(last)
        if self.weights is None:
            masses = np.diff(places, prepend=-1).astype(np.float64)
        else:
            masses = np.add.reduceat(self.weights, np.append(0, places[:-1] + 1))
        ends = np.zeros(last.size)
        ends[places] = masses
        return ends


class WalkStatistics:
    """W1, energy, Cramér-von Mises and Kolmogorov-Smirnov from one walk.

    `evaluate` returns what is compared, in the order of `names`; `finish` makes the reported
    number of it, in the unit of the rows.
    """

    batch = 1

    def __init__(self, names: tuple[str, ...], pool: OrderedPool, *, sizes_vary: bool) -> None:
        self.names = names
        self.order: IndexArray | None = pool.order
        self._pool = pool
        self._gaps, self._ends = pool.gaps(), pool.ends()
        self._weights = pool.weights
        if sizes_vary and self._weights is None:
            self._weights = np.ones(pool.values.size)

    def evaluate(self, planes: Planes) -> FloatArray:
        """Statistics (s, 64) of one block of relabellings."""
        sizes = self._pool.sizes
        total = sum(sizes)
        if len(sizes) == 2:
            sums, factor, _ = self._walk(planes[0, :, 0], sizes[0])
            n, m = sizes
            mass = self._ends_total()
            scales = {
                "wasserstein1": factor,
                "energy": 2.0 * factor * factor,
                "cramer_von_mises": n * m / total * factor * factor / mass,
                "kolmogorov_smirnov": factor,
            }
            return np.array([sums[name] * scales[name] for name in self.names])
        out = np.zeros((len(self.names), LANES))
        for g, n in enumerate(sizes):
            sums, factor, share = self._walk(planes[g, :, 0], n)
            rest = 1.0 - share
            for row, name in zip(out, self.names, strict=True):
                if name == "wasserstein1":
                    row += share * rest * factor * sums[name]
                elif name == "energy":
                    row += 2.0 * share * (rest * factor) ** 2 * sums[name]
                elif name == "cramer_von_mises":
                    row += n * (rest * factor) ** 2 * sums[name] / self._ends_total()
                else:
                    np.maximum(row, np.sqrt(share) * rest * factor * sums[name], out=row)
        return out

    def _ends_total(self) -> float:
        return float(self._ends.sum())

    def _walk(self, words: Planes, n: int) -> tuple[dict[str, FloatArray], FloatArray, FloatArray]:
        """Sums of the kernel by name, and per lane what c is to be multiplied by and the share."""
        sums = {name: np.zeros(LANES) for name in WALKED if name in self.names}
        into = [sums.get(name) for name in WALKED]
        words = np.ascontiguousarray(words)
        if self._weights is None:
            m = words.size - n
            kernels.walk_counts(words, float(m), -float(n), self._gaps, self._ends, *into)
            factor = np.full(LANES, 1.0 / (float(n) * float(m)))
            return sums, factor, np.full(LANES, n / words.size)
        masses = np.empty(LANES)
        kernels.walk_masses(words, self._weights, self._gaps, self._ends, masses, *into)
        total = float(self._weights.sum())
        return sums, total / (masses * (total - masses)), masses / total

    def finish(self, name: str, values: FloatArray) -> FloatArray:
        """Reported numbers of compared ones."""
        if name == "energy":
            return np.asarray(np.sqrt(values) / math.sqrt(self._pool.unit))
        return values / self._pool.unit if name == "wasserstein1" else values

    def rounding(self, observed: FloatArray) -> FloatArray:
        """Counts are whole numbers; running sums of weights are off by an ulp a row at most."""
        rows = 0 if self._weights is None else self._weights.size
        return observed * rows * 2.0**-52


class PowerStatistic:
    """W_p of two samples on the line, by the monotone coupling of each relabelling."""

    batch = 1

    def __init__(self, name: str, p: float, pool: OrderedPool) -> None:
        self.names: tuple[str, ...] = (name,)
        self.order: IndexArray | None = pool.order
        self._p, self._weights = p, pool.weights
        # Powers of differences as shares of the range: none overflows.
        self._width = float(pool.values[-1] - pool.values[0]) or 1.0
        self._unit = pool.unit
        self._points = np.ascontiguousarray((pool.values - pool.values[0])[:, None] / self._width)

    def evaluate(self, planes: Planes) -> FloatArray:
        """W_p^p (1, 64) in units of the range."""
        words = np.ascontiguousarray(planes[0, :, 0])
        n, out = words.size, np.zeros(LANES)
        work = np.empty(n, np.int64), np.empty(n, np.int64)
        kernels.couple_in_order(words, self._points, self._weights, 2.0, self._p, *work, out)
        return out[None]

    def finish(self, name: str, values: FloatArray) -> FloatArray:
        """W_p in the unit of the rows."""
        return np.asarray(values ** (1.0 / self._p) * self._width / self._unit)

    def rounding(self, observed: FloatArray) -> FloatArray:
        """Weighted masses leave crumbs of their rounding at the ends of levels."""
        return np.full_like(observed, 0.0 if self._weights is None else 1e-15)


def tail_ratio(pool: OrderedPool) -> float:
    """Spread of the central 99 % over that of the central half; NaN where the half is constant."""
    levels = np.array([0.005, 0.25, 0.75, 0.995]) * (pool.values.size - 1)
    low, first, third, high = pool.values[np.rint(levels).astype(np.int64)]
    with np.errstate(over="ignore"):
        return float((high - low) / (third - first)) if third > first else math.nan
