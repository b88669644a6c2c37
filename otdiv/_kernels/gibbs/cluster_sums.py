"""The plan of two clouds summed over clusters of rows and of columns."""

import numpy as np

from .._jit import fast_kernel, helper
from ..exponential import TILE, fill_exponents, power_of_two

__all__ = ["cluster_plan"]


@helper
def _grown(values, count, capacity):
    """Copy of the first values in an array that holds more."""
    grown = np.empty(capacity, values.dtype)
    for k in range(count):
        grown[k] = values[k]
    return grown


@fast_kernel
def cluster_plan(
    x,
    u,
    y,
    v,
    leaves,
    first,
    starts,
    stops,
    metric,
    row_clusters,
    column_clusters,
    n_columns,
    share,
):
    """Sum the plan of `point_sums` over clusters of rows (n,) and of columns (m,).

    Cluster numbers do not fall. Returns the row clusters, column clusters and masses of the sums
    that are more than `share` of their row.
    """
    capacity = 1024
    rows, columns = np.empty(capacity, np.uint32), np.empty(capacity, np.uint32)
    masses = np.empty(capacity)
    count = 0
    sums, touched, n_touched = np.zeros(n_columns), np.empty(n_columns, np.uint32), 0
    tile, total = np.empty(TILE), np.empty(TILE)
    for leaf in range(leaves.size - 1):
        begin = leaves[leaf]
        while begin < leaves[leaf + 1]:
            cluster = row_clusters[begin]
            end = begin + 1
            while end < leaves[leaf + 1] and row_clusters[end] == cluster:
                end += 1
            for e in range(first[leaf], first[leaf + 1]):
                for start in range(starts[e], stops[e], TILE):
                    width = min(TILE, stops[e] - start)
                    exponents, part = tile[:width], total[:width]
                    for j in range(width):
                        part[j] = 0.0
                    for i in range(begin, end):
                        fill_exponents(x, i, u[i], y, v, start, metric, exponents)
                        for j in range(width):
                            part[j] += power_of_two(exponents[j])
                    for j in range(width):
                        if part[j] > 0.0:
                            column = column_clusters[start + j]
                            if sums[column] == 0.0:
                                touched[n_touched] = column
                                n_touched += 1
                            sums[column] += part[j]
            begin = end
            last = leaf == leaves.size - 2 and begin == leaves[leaf + 1]
            if not last and row_clusters[begin] == cluster:
                continue
            if count + n_touched > capacity:
                capacity = 2 * capacity + n_touched
                rows, columns = _grown(rows, count, capacity), _grown(columns, count, capacity)
                masses = _grown(masses, count, capacity)
            mass = 0.0
            for k in range(n_touched):
                mass += sums[touched[k]]
            for k in range(n_touched):
                column = touched[k]
                if sums[column] > share * mass:
                    rows[count], columns[count], masses[count] = cluster, column, sums[column]
                    count += 1
                sums[column] = 0.0
            n_touched = 0
    return rows[:count].copy(), columns[:count].copy(), masses[:count].copy()
