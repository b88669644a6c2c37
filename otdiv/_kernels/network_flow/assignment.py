"""The assignment problem, n rows to n columns, by shortest augmenting paths (Jonker & Volgenant).

Column minima and two rounds of bids assign most rows; each row that is left looks for the shortest
path to a free column (Dijkstra on reduced costs) and is assigned along it. Every scan of a row is
vector instructions: a column that is done has a potential of -inf in the scan, so that nothing
there is ever shorter, and needs no list. Jonker & Volgenant (1987), A shortest augmenting path
algorithm for dense and sparse linear assignment problems, doi:10.1007/BF02278710.
"""

import numpy as np

from .._jit import helper
from .dense_pricing import block_minimum, minimum

__all__ = ["UNSOLVED", "assign", "bid", "reduce_to_columns"]

UNSOLVED = -1
"""Code of a run that its limit of scans has ended."""


@helper
def reduce_to_columns(C, v, column_of, row_of, nearest):
    """Column minima v (n,), and every row assigned to the first column whose minimum it holds.

    `column_of`, `row_of` (n,) are filled in, -1 where free; `nearest` (n,) is work space.
    """
    n = v.size
    for j in range(n):
        v[j] = C[0, j]
        nearest[j] = 0
        column_of[j] = row_of[j] = -1
    for i in range(1, n):
        row = C[i]
        for j in range(n):
            value, low = row[j], v[j]
            nearest[j] = i if value < low else nearest[j]
            v[j] = value if value < low else low
    for j in range(n):
        i = nearest[j]
        if column_of[i] < 0:
            column_of[i] = j
            row_of[j] = i


@helper
def _place(row, v, value):
    """First column with row_j - v_j = value."""
    j = 0
    while row[j] - v[j] != value:
        j += 1
    return j


@helper
def bid(C, v, column_of, row_of, free, count, most):
    """Let the `count` rows in `free` bid for their best column, at most `most` times in all.

    A bid lowers the potential of the column until the second best is as good, and frees the row
    that held it, which bids at once. Returns how many rows are still free, in `free`.
    """
    n = v.size
    k = left = np.int64(0)
    while k < count:
        i = free[k]
        k += 1
        row = C[i]
        least = block_minimum(row, v)
        j = _place(row, v, least)
        second = np.inf
        if j > 0:
            second = block_minimum(row[:j], v[:j])
        if j + 1 < n:
            second = minimum(second, block_minimum(row[j + 1 :], v[j + 1 :]))
        other = row_of[j]
        lowered = v[j] - (second - least)
        if lowered < v[j] and second < np.inf:
            v[j] = lowered
        elif other >= 0:
            # A tie with the second best: that may be free.
            if second < np.inf:
                j2 = j
                for t in range(j + 1, n):
                    if row[t] - v[t] == second:
                        j2 = t
                        break
                if j2 != j and row_of[j2] < 0:
                    j, other = j2, np.int64(-1)
            if other >= 0:
                free[left] = i
                left += 1
                continue
        column_of[i] = j
        row_of[j] = i
        if other >= 0:
            column_of[other] = -1
            most -= 1
            if most > 0:
                k -= 1
                free[k] = other
            else:
                free[left] = other
                left += 1
    return left


@helper
def assign(C, v, column_of, row_of, free, count, distance, reached, scan, before, done, most):
    """Assign the `count` rows in `free` along shortest paths; v (n,) stays feasible and tight.

    `distance`, `reached`, `scan` (n,) are floats, `before` and `done` (n,) integers of work space.
    Returns the number of rows scanned, or UNSOLVED where that would be more than `most`.
    """
    n = v.size
    scans = np.int64(0)
    for k in range(count):
        start = free[k]
        for j in range(n):
            scan[j] = v[j]
            distance[j] = np.inf
            before[j] = start
        i = start
        offset = 0.0  # the length of the path to row i, less its potential
        n_done = 0
        while True:
            scans += 1
            if scans > most:
                return np.int64(UNSOLVED)
            row = C[i]
            for j in range(n):
                length = (row[j] - scan[j]) + offset
                shorter = length < distance[j]
                distance[j] = length if shorter else distance[j]
                before[j] = i if shorter else before[j]
            low = distance[0]
            for j in range(n):
                low = minimum(low, distance[j])
            j = 0
            while distance[j] != low:
                j += 1
            # Of columns at the same distance a free one ends the search.
            if row_of[j] >= 0:
                for t in range(j + 1, n):
                    if distance[t] == low and row_of[t] < 0:
                        j = t
                        break
            if row_of[j] < 0:
                break
            done[n_done] = j
            reached[n_done] = low
            n_done += 1
            i = row_of[j]
            offset = low - (C[i, j] - v[j])
            scan[j] = -np.inf
            distance[j] = np.inf
        for t in range(n_done):
            v[done[t]] += reached[t] - low
        while True:
            i = before[j]
            row_of[j] = i
            j, column_of[i] = column_of[i], j
            if i == start:
                break
    return scans
