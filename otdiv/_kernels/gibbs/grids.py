"""Points of a Cartesian grid, and passes along its axes.

Where points are products of axes and the cost is a sum over them, C = sum_k c_k(x_k, y_k), a
minimum or a sum over all pairs of n-cell grids is one pass along each axis in turn: n times the
sum of the sides in place of n².
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .._jit import fast_kernel, kernel
from ..exponential import power_of_two

# Cells of a grid for each of its points at most: with more, trees of points are cheaper.
_SPARSEST = 4
# Columns that are treated together; by taste.
_TILE = 64
# Bits below the largest term from which on 2**12 terms together change no digit of a sum.
_NEGLIGIBLE = 70.0


class Grid(NamedTuple):
    """Where points lie on a Cartesian grid.

    Attributes
    ----------
    axes : tuple of (n_k,) float64
        Coordinates that occur in each dimension, increasing.
    cells : (n,) int64
        Cell of each point in C order; no two share one.
    """

    axes: tuple[np.ndarray, ...]
    cells: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of cells along each axis."""
        return tuple(axis.size for axis in self.axes)

    @property
    def size(self) -> int:
        """Number of cells."""
        return int(np.prod(self.shape))


def find_grid(points: np.ndarray) -> Grid | None:
    """Return the grid whose cells are the points (n, d), or None where there is no such grid."""
    n, d = points.shape
    limit = _SPARSEST * n
    # This many points in general position have too many different coordinates already.
    n_telling = 2 * math.ceil(max(limit, 1) ** (1.0 / d))
    if n > 2 * n_telling:
        sample = points[:: n // n_telling]
        if math.prod(len(set(column)) for column in sample.T.tolist()) > limit:
            return None
    axes = []
    cells = np.zeros(n, dtype=np.int64)
    size = 1
    for k in range(d):
        axis, index = np.unique(points[:, k], return_inverse=True)
        size *= axis.size
        if size > limit:
            return None
        axes.append(axis)
        cells = cells * axis.size + index.reshape(-1)
    taken = np.zeros(size, dtype=bool)
    taken[cells] = True
    return Grid(tuple(axes), cells) if np.count_nonzero(taken) == n else None


def apply(factors: list[np.ndarray], values: np.ndarray) -> np.ndarray:
    """Apply factors (n_k, m_k) along the axes of values, given and returned flat in C order."""
    for factor in factors:
        # Each product turns the axes by one, so that after all of them they are in place again.
        values = values.reshape(factor.shape[1], -1).T @ factor.T
    return values.reshape(-1)


def transform(costs: list[np.ndarray], values: np.ndarray) -> np.ndarray:
    """min_j c_ij - values_j over a grid, both flat in C order; -inf leaves a cell out."""
    values = -values
    for cost in costs:
        values = values.reshape(cost.shape[1], -1)
        out = np.empty((cost.shape[0], values.shape[1]))
        _minimum_pass(cost, np.ascontiguousarray(values), out)
        values = np.ascontiguousarray(out.T)
    return values.reshape(-1)


def log_sums(costs: list[np.ndarray], values: np.ndarray) -> np.ndarray:
    """log2 sum_j 2**(values_j - c_ij) over a grid, both flat in C order, whatever their size."""
    return averages(costs, values)[0]


def averages(
    costs: list[np.ndarray], logs: np.ndarray, values: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """`log_sums`, and with weights 2**(logs_j - c_ij) the means of values_j.

    Without values the means are those of the costs c_ij themselves.
    """
    means = np.zeros_like(logs) if values is None else values
    for cost in costs:
        logs, means = (
            np.ascontiguousarray(array.reshape(cost.shape[1], -1)) for array in (logs, means)
        )
        shape = (cost.shape[0], logs.shape[1])
        new_logs, new_means = np.empty(shape), np.empty(shape)
        _average_pass(cost, logs, means, values is None, new_logs, new_means)
        logs, means = new_logs.T, new_means.T
    return (np.ascontiguousarray(logs).reshape(-1), np.ascontiguousarray(means).reshape(-1))


@kernel
def _minimum_pass(cost, values, out):
    """out[i, r] = min_j cost[i, j] + values[j, r]."""
    width = values.shape[1]
    for i in range(cost.shape[0]):
        best = out[i]
        best[:] = np.inf
        for j in range(values.shape[0]):
            shift = cost[i, j]
            row = values[j]
            for r in range(width):
                value = shift + row[r]
                best[r] = value if value < best[r] else best[r]


@fast_kernel
def _average_pass(cost, logs, means, of_costs, new_logs, new_means):
    """Sums of 2**(logs[j, r] - cost[i, j]) over j as logarithms, and the weighted means.

    Columns are treated in tiles; a row of a tile is left out where its largest term is below all
    sums of the tile by _NEGLIGIBLE bits.
    """
    n, width = new_logs.shape
    m = logs.shape[0]
    top = np.empty(_TILE)
    total = np.empty(_TILE)
    moment = np.empty(_TILE)
    highest = np.empty(m)
    for start in range(0, width, _TILE):
        stop = min(width, start + _TILE)
        count = stop - start
        for j in range(m):
            best = -np.inf
            row = logs[j, start:stop]
            for r in range(count):
                best = row[r] if row[r] > best else best
            highest[j] = best
        for i in range(n):
            first = 0
            for j in range(m):
                if highest[j] - cost[i, j] > highest[first] - cost[i, first]:
                    first = j
            row = logs[first, start:stop]
            for r in range(count):
                top[r] = row[r] - cost[i, first]
            for r in range(count):
                if top[r] == -np.inf:  # an empty cell, perhaps the first of an empty column
                    for j in range(m):
                        top[r] = max(top[r], logs[j, start + r] - cost[i, j])
            floor = _least(top[:count])
            for j in range(m):
                if j != first and highest[j] - cost[i, j] > floor:
                    row = logs[j, start:stop]
                    for r in range(count):
                        value = row[r] - cost[i, j]
                        top[r] = value if value > top[r] else top[r]
            for r in range(count):
                top[r] = top[r] if top[r] > -np.inf else 0.0
            floor = _least(top[:count]) - _NEGLIGIBLE
            total[:count] = 0.0
            moment[:count] = 0.0
            for j in range(m):
                if highest[j] - cost[i, j] > floor:
                    extra = cost[i, j] if of_costs else 0.0
                    row = logs[j, start:stop]
                    mean = means[j, start:stop]
                    for r in range(count):
                        weight = power_of_two((row[r] - cost[i, j]) - top[r])
                        total[r] += weight
                        moment[r] += weight * (mean[r] + extra)
            for r in range(count):
                new_logs[i, start + r] = top[r] + np.log2(total[r])
                new_means[i, start + r] = moment[r] / total[r] if total[r] > 0.0 else 0.0


@fast_kernel
def _least(values):
    """Smallest value above -inf, or -inf."""
    least = np.inf
    for r in range(values.size):
        value = values[r] if values[r] > -np.inf else np.inf
        least = value if value < least else least
    return least if least < np.inf else -np.inf
