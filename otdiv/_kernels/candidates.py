"""Lists of candidate arcs for the sparse simplex, and other bookkeeping on arcs."""

import math

import numpy as np

from ._jit import kernel
from .tree_bounds import norm_power


@kernel
def merge_lists(row_columns, row_counts, column_rows, column_counts):
    """Arcs (rows, columns) of both K-best lists without repetition, sorted by row.

    row_columns (n, K), row_counts (n,): columns listed by rows; column_rows (m, L),
    column_counts (m,): rows listed by columns.
    """
    n, m = row_columns.shape[0], column_rows.shape[0]
    starts = np.zeros(n + 1, np.int64)
    for i in range(n):
        starts[i + 1] = row_counts[i]
    for j in range(m):
        for t in range(column_counts[j]):
            i = column_rows[j, t]
            known = False
            for e in range(row_counts[i]):
                known |= row_columns[i, e] == j
            if not known:
                starts[i + 1] += 1
    for i in range(n):
        starts[i + 1] += starts[i]
    rows = np.empty(starts[n], np.int64)
    columns = np.empty(starts[n], np.int64)
    place = starts[:n].copy()
    for i in range(n):
        for e in range(row_counts[i]):
            rows[place[i]] = i
            columns[place[i]] = row_columns[i, e]
            place[i] += 1
    for j in range(m):
        for t in range(column_counts[j]):
            i = column_rows[j, t]
            known = False
            for e in range(row_counts[i]):
                known |= row_columns[i, e] == j
            if not known:
                rows[place[i]] = i
                columns[place[i]] = j
                place[i] += 1
    return rows, columns


@kernel
def arc_costs(points_x, points_y, rows, columns, norm, power):
    """Costs of arcs between columns of points_x (d, n) and of points_y (d, m)."""
    d = points_x.shape[0]
    work = np.empty(d)
    out = np.empty(rows.shape[0])
    plain = norm == 2.0 and (power == 1.0 or power == 2.0)
    for e in range(rows.shape[0]):
        total = 0.0
        for k in range(d):
            work[k] = points_x[k, rows[e]] - points_y[k, columns[e]]
            total += work[k] * work[k]
        # Squares below this lose digits.
        if plain and (total > 1e-280 or total == 0.0):
            out[e] = total if power == 2.0 else math.sqrt(total)
        else:
            out[e] = norm_power(work, norm, power)
    return out


@kernel
def violating_arcs(columns, found, counts, f, g, relative):
    """Arcs whose reduced cost c - f - g is negative beyond rounding; `found` holds c - g.

    Returns (rows, columns) of those below -relative (|c| + |f| + |g|).
    """
    n = counts.shape[0]
    total = 0
    for i in range(n):
        total += counts[i]
    out_rows = np.empty(total, np.int64)
    out_columns = np.empty(total, np.int64)
    size = 0
    for i in range(n):
        for t in range(counts[i]):
            j = columns[i, t]
            reduced = found[i, t] - f[i]
            local = abs(found[i, t] + g[j]) + abs(f[i]) + abs(g[j])
            if reduced < -relative * local:
                out_rows[size] = i
                out_columns[size] = j
                size += 1
    return out_rows[:size].copy(), out_columns[:size].copy()


@kernel
def corner_fill(a, b):
    """Plan (rows, columns, integer mass) of equal total masses in the order of the atoms."""
    n, m = a.shape[0], b.shape[0]
    rows = np.empty(n + m, np.int64)
    columns = np.empty(n + m, np.int64)
    mass = np.empty(n + m, np.int64)
    size, i, j = 0, 0, 0
    left_a, left_b = np.int64(0), np.int64(0)
    while True:
        while left_a == 0 and i < n:
            left_a = a[i]
            i += 1
        while left_b == 0 and j < m:
            left_b = b[j]
            j += 1
        moved = min(left_a, left_b)
        if moved == 0:
            return rows[:size].copy(), columns[:size].copy(), mass[:size].copy()
        rows[size] = i - 1
        columns[size] = j - 1
        mass[size] = moved
        size += 1
        left_a -= moved
        left_b -= moved


@kernel
def artificial_masses(tree, n, m):
    """Integer masses (n,), (m,) that sources send to the root and targets receive from it."""
    root = tree.parent.size - 1
    a = np.zeros(n, np.int64)
    b = np.zeros(m, np.int64)
    for x in range(n + m):
        if tree.parent[x] == root:
            if x < n:
                a[x] = tree.flow[x]
            else:
                b[x - n] = tree.flow[x]
    return a, b
