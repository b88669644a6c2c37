"""Kernels of the proofs: marginal repair and the brute-force c-transform.

The c-transform loops run over contiguous columns with a running minimum held in memory, a form that
LLVM vectorises without any licence to reorder arithmetic.
"""

import math

import numpy as np

from .._jit import helper, kernel
from ..costs import point_cost
from ..exponential import CHEBYSHEV, CITYBLOCK, EUCLIDEAN, SQUARED

# Columns per tile: coordinates, minimum and scratch of a tile stay in the first-level cache.
TILE = 1024


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
def _add_coordinate(out, coordinate, value, metric):
    """Account for one more coordinate: squares and sizes are added up, of others the larger stays.

    The choice stands outside of the loops, which LLVM vectorises.
    """
    if metric == CITYBLOCK:
        for j in range(out.shape[0]):
            out[j] += abs(value - coordinate[j])
    elif metric == CHEBYSHEV:
        for j in range(out.shape[0]):
            size = abs(value - coordinate[j])
            out[j] = size if size > out[j] else out[j]
    else:
        for j in range(out.shape[0]):
            difference = value - coordinate[j]
            out[j] += difference * difference


@kernel
def rank_one_cost(x, y, row_mass, column_mass, metric):
    """Sum over all pairs of row_mass_i column_mass_j times the cost with the code `metric`."""
    d = x.shape[1]
    total = 0.0
    coordinates = np.ascontiguousarray(y.T)
    costs = np.empty(y.shape[0])
    for i in range(x.shape[0]):
        if row_mass[i] == 0.0:
            continue
        costs[:] = 0.0
        for k in range(d):
            _add_coordinate(costs, coordinates[k], x[i, k], metric)
        row = 0.0
        for j in range(costs.shape[0]):
            cost = math.sqrt(costs[j]) if metric == EUCLIDEAN else costs[j]
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
def transform_plainly(x, coordinates, f, metric, g, costs):
    """Lower g_j (m,) to the c-transform, columns as coordinates (d, m), in tiles.

    `costs` (TILE,) is work space.
    """
    m = g.shape[0]
    for start in range(0, m, TILE):
        stop = min(m, start + TILE)
        best = g[start:stop]
        scratch = costs[: stop - start]
        for i in range(x.shape[0]):
            row, value, shift = coordinates[0, start:stop], x[i, 0], f[i]
            if metric in (SQUARED, EUCLIDEAN):
                for j in range(best.shape[0]):
                    difference = value - row[j]
                    scratch[j] = difference * difference
            else:
                for j in range(best.shape[0]):
                    scratch[j] = abs(value - row[j])
            for k in range(1, x.shape[1]):
                _add_coordinate(scratch, coordinates[k, start:stop], x[i, k], metric)
            if metric == EUCLIDEAN:
                for j in range(best.shape[0]):
                    lowest = math.sqrt(scratch[j]) - shift
                    best[j] = lowest if lowest < best[j] else best[j]
            else:
                for j in range(best.shape[0]):
                    lowest = scratch[j] - shift
                    best[j] = lowest if lowest < best[j] else best[j]


def transform_points(
    x: np.ndarray,
    y: np.ndarray,
    f: np.ndarray,
    norm: float,
    power: float,
    metric: int | None,
    g: np.ndarray | None = None,
) -> np.ndarray:
    """Brute-force c-transform g_j = min_i |x_i - y_j|_norm**power - f_i; x (n, d), y (m, d).

    What `g` (m,) holds of other rows is lowered in place. Without the code `metric` of a cost every
    one goes through the scaled norm; with it, squares must neither overflow nor lose digits that
    matter.
    """
    g = np.full(y.shape[0], np.inf) if g is None else g
    if metric is None:
        _transform_safely(x, y, f, float(norm), float(power), g)
    else:
        costs = np.empty(TILE)
        transform_plainly(x, np.ascontiguousarray(y.T), f, metric, g, costs)
    return g
