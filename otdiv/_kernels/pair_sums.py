"""Weighted sums over pairs of points of a distance or a positive-definite kernel, row by row.

For sums the pairs are never stored: a tile of one row lives in the first-level cache. Rows are
given as x (n, d), columns as y (d, m), so that a tile is contiguous in every coordinate.
"""

import math

import numpy as np

from ._jit import fast_kernel, kernel
from .exponential import TILE, power_of_two

# What is summed, r being the distance: r itself, 2**(-r * r), 2**(-r).
DISTANCE = 0
GAUSSIAN = 1
LAPLACE = 2


@fast_kernel
def _fill_squares(x, i, y, start, tile):
    """tile[j] = |x_i - y_{start + j}|^2 in the Euclidean norm."""
    width = tile.size
    for k in range(y.shape[0]):
        other = y[k, start : start + width]
        value = x[i, k]
        if k == 0:
            for j in range(width):
                difference = value - other[j]
                tile[j] = difference * difference
        else:
            for j in range(width):
                difference = value - other[j]
                tile[j] += difference * difference


@fast_kernel
def _fill_norms(x, i, y, start, norm, tile):
    """tile[j] = |x_i - y_{start + j}| in another norm than the Euclidean one."""
    width = tile.size
    tile[:] = 0.0
    for k in range(y.shape[0]):
        other = y[k, start : start + width]
        value = x[i, k]
        if norm == 1.0:
            for j in range(width):
                tile[j] += abs(value - other[j])
        elif norm == np.inf:
            for j in range(width):
                tile[j] = max(tile[j], abs(value - other[j]))
        else:
            for j in range(width):
                tile[j] += abs(value - other[j]) ** norm
    if norm not in (1.0, np.inf):
        for j in range(width):
            tile[j] = tile[j] ** (1.0 / norm)


@fast_kernel
def row_sums(x, y, weights, first, stop, triangle, form, norm, out):
    """out[i - first] = sum_j weights[j] phi(|x_i - y_j|) for first <= i < stop.

    With `triangle`, only the columns j < i are summed.
    """
    scratch = np.empty(TILE)
    for i in range(first, stop):
        total = 0.0
        columns = i if triangle else y.shape[1]
        for start in range(0, columns, TILE):
            width = min(TILE, columns - start)
            tile = scratch[:width]
            factors = weights[start : start + width]
            if norm == 2.0:
                _fill_squares(x, i, y, start, tile)
                if form != GAUSSIAN:
                    for j in range(width):
                        tile[j] = math.sqrt(tile[j])
            else:
                _fill_norms(x, i, y, start, norm, tile)
            if form != DISTANCE:
                for j in range(width):
                    tile[j] = power_of_two(-tile[j])
            part = 0.0
            for j in range(width):
                part += factors[j] * tile[j]
            total += part
        out[i - first] = total


@fast_kernel
def fill_rows(x, y, form, norm, out):
    """out[i, j] = phi(|x_i - y_j|), for those who need the matrix itself."""
    for i in range(x.shape[0]):
        for start in range(0, y.shape[1], TILE):
            width = min(TILE, y.shape[1] - start)
            tile = out[i, start : start + width]
            if norm == 2.0:
                _fill_squares(x, i, y, start, tile)
                if form != GAUSSIAN:
                    for j in range(width):
                        tile[j] = math.sqrt(tile[j])
            else:
                _fill_norms(x, i, y, start, norm, tile)
            if form != DISTANCE:
                for j in range(width):
                    tile[j] = power_of_two(-tile[j])


@kernel
def project(points, direction, out):
    """out[i] = sum_k direction[k] points[k, i]; equal columns give bit-equal results.

    A matrix product would not: it treats the last rows of a block by other instructions.
    """
    out[:] = 0.0
    for k in range(points.shape[0]):
        row = points[k]
        factor = direction[k]
        for i in range(row.size):
            out[i] += factor * row[i]
