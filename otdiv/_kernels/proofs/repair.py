"""Kernels of the proofs: marginal repair and the brute-force c-transform.

The c-transform loops run over contiguous columns with a running minimum held in memory, a form that
LLVM vectorises without any licence to reorder arithmetic.
"""

import math

import numpy as np

from .._jit import helper, kernel
from ..costs import point_cost

# Columns per tile: coordinates, minimum and scratch of a tile stay in the first-level cache.
_TILE = 1024


@kernel
def fill(row_rest, column_rest):
    """North-west-corner plan of two deficit vectors: at most n + m - 1 entries."""
    n = row_rest.shape[0]
    m = column_rest.shape[0]
    rows = np.empty(n + m, np.int64)
    columns = np.empty(n + m, np.int64)
    mass = np.empty(n + m)
    size = 0
    i = 0
    j = 0
    left = row_rest[0]
    free = column_rest[0]
    while True:
        moved = min(left, free)
        if moved > 0.0:
            rows[size] = i
            columns[size] = j
            mass[size] = moved
            size += 1
        left -= moved
        free -= moved
        if left <= 0.0:
            i += 1
            if i == n:
                break
            left = row_rest[i]
        else:
            j += 1
            if j == m:
                break
            free = column_rest[j]
    return rows[:size].copy(), columns[:size].copy(), mass[:size].copy()


@kernel
def transform_matrix(C, f, g):
    """Lower g_j to min(g_j, min_i C_ij - f_i) in place for the rows of C (k, m)."""
    for i in range(C.shape[0]):
        row = C[i]
        shift = f[i]
        for j in range(row.shape[0]):
            value = row[j] - shift
            g[j] = value if value < g[j] else g[j]


@kernel
def transform_matrix_columns(C, g):
    """Row minima f_i = min_j C_ij - g_j of C (k, m)."""
    f = np.empty(C.shape[0])
    lanes = np.empty(16)
    for i in range(C.shape[0]):
        row = C[i]
        m = row.shape[0]
        lanes[:] = np.inf
        whole = m - m % 16
        for start in range(0, whole, 16):
            for lane in range(16):
                value = row[start + lane] - g[start + lane]
                lanes[lane] = value if value < lanes[lane] else lanes[lane]
        best = lanes.min()
        for j in range(whole, m):
            best = min(best, row[j] - g[j])
        f[i] = best
    return f


@helper
def _add_squares(out, coordinate, value, first):
    # Two loops: with the choice inside, LLVM reads what it does not need.
    if first:
        for j in range(out.shape[0]):
            difference = value - coordinate[j]
            out[j] = difference * difference
    else:
        for j in range(out.shape[0]):
            difference = value - coordinate[j]
            out[j] += difference * difference


@kernel
def rank_one_cost(x, y, row_mass, column_mass, power):
    """Sum over all pairs of row_mass_i column_mass_j |x_i - y_j|**power, power 1 or 2."""
    d = x.shape[1]
    total = 0.0
    coordinates = np.ascontiguousarray(y.T)
    squares = np.empty(y.shape[0])
    for i in range(x.shape[0]):
        if row_mass[i] == 0.0:
            continue
        for k in range(d):
            _add_squares(squares, coordinates[k], x[i, k], k == 0)
        row = 0.0
        for j in range(squares.shape[0]):
            cost = math.sqrt(squares[j]) if power == 1.0 else squares[j]
            row += column_mass[j] * cost
        total += row_mass[i] * row
    return total


@kernel
def _transform_safely(x, y, f, norm, power, g):
    """Lower g_j (m,) to the c-transform with every cost through the scaled norm."""
    for i in range(x.shape[0]):
        for j in range(y.shape[0]):
            value = point_cost(x, i, y, j, norm, power) - f[i]
            g[j] = value if value < g[j] else g[j]


@kernel
def _transform_plainly(x, coordinates, f, power, g, squares):
    """Lower g_j (m,) to the c-transform, columns as coordinates (d, m), in tiles.

    `squares` (_TILE,) is work space.
    """
    m = g.shape[0]
    for start in range(0, m, _TILE):
        stop = min(m, start + _TILE)
        best = g[start:stop]
        scratch = squares[: stop - start]
        for i in range(x.shape[0]):
            row, value, shift = coordinates[0, start:stop], x[i, 0], f[i]
            for j in range(best.shape[0]):
                difference = value - row[j]
                scratch[j] = difference * difference
            for k in range(1, x.shape[1]):
                row, value = coordinates[k, start:stop], x[i, k]
                for j in range(best.shape[0]):
                    difference = value - row[j]
                    scratch[j] += difference * difference
            if power == 1.0:
                for j in range(best.shape[0]):
                    lowest = math.sqrt(scratch[j]) - shift
                    best[j] = lowest if lowest < best[j] else best[j]
            else:
                for j in range(best.shape[0]):
                    lowest = scratch[j] - shift
                    best[j] = lowest if lowest < best[j] else best[j]


def transform_points(
    x: np.ndarray, y: np.ndarray, f: np.ndarray, norm: float, power: float, safe: bool
) -> np.ndarray:
    """Brute-force c-transform g_j = min_i |x_i - y_j|_norm**power - f_i; x (n, d), y (m, d).

    With `safe`, every cost goes through the scaled norm; without, norms are Euclidean, powers 1 or
    2, and squares neither overflow nor lose digits that matter.
    """
    g = np.full(y.shape[0], np.inf)
    if safe:
        _transform_safely(x, y, f, float(norm), float(power), g)
    else:
        squares = np.empty(_TILE)
        _transform_plainly(x, np.ascontiguousarray(y.T), f, float(power), g, squares)
    return g
