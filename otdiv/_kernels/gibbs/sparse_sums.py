"""Compressed rows of an entropic plan: only the entries that weigh anything, with their columns.

Pairs of leaves are kept or pruned as a whole. At a small epsilon most entries of the pairs that are
kept weigh nothing, and products with the few that do are many times cheaper. Arguments are those of
`point_sums`.
"""

import math

import numpy as np

from .._jit import fast_kernel
from ..exponential import TILE, fill_exponents, power_of_two

# Entries just below the higher floor that use up the budget of a row; by taste.
_FEW = 16.0


@fast_kernel
def count_entries(x, u, y, v, leaves, first, starts, stops, metric, budgets, floors, counts):
    """Count the entries of each row that must be kept, and find the exponent above which they are.

    Entries of row i with exponents up to floors[i] weigh at most budgets[i] in all; counts[i] are
    above. Two floors are tried: the lower one is right for any entries, the higher one where few
    entries lie between them, as in most plans.
    """
    tile = np.empty(TILE)
    for leaf in range(leaves.size - 1):
        total = _FEW
        for e in range(first[leaf], first[leaf + 1]):
            total += stops[e] - starts[e]
        for i in range(leaves[leaf], leaves[leaf + 1]):
            high, low = math.log2(budgets[i] / _FEW), math.log2(0.5 * budgets[i] / total)
            above, between = 0, 0
            for e in range(first[leaf], first[leaf + 1]):
                for start in range(starts[e], stops[e], TILE):
                    width = min(TILE, stops[e] - start)
                    exponents = tile[:width]
                    fill_exponents(x, i, u[i], y, v, start, metric, exponents)
                    for j in range(width):
                        above += np.int64(exponents[j] > high)
                        between += np.int64(exponents[j] > low)
            between -= above
            # Those below the lower floor weigh at most half of the budget.
            if between <= 0.5 * _FEW:
                floors[i], counts[i] = high, above
            else:
                floors[i], counts[i] = low, above + between


@fast_kernel
def store_entries(
    x, u, y, v, leaves, first, starts, stops, metric, floors, begins, columns, values
):
    """Write the entries that `count_entries` counted; those of row i start at begins[i]."""
    tile = np.empty(TILE)
    longest = 0
    for i in range(leaves[0], leaves[-1]):
        longest = max(longest, begins[i + 1] - begins[i])
    row = np.empty(longest)
    for leaf in range(leaves.size - 1):
        for i in range(leaves[leaf], leaves[leaf + 1]):
            floor = floors[i]
            begin, size, count = begins[i], begins[i + 1] - begins[i], 0
            for e in range(first[leaf], first[leaf + 1]):
                for start in range(starts[e], stops[e], TILE):
                    width = min(TILE, stops[e] - start)
                    exponents = tile[:width]
                    fill_exponents(x, i, u[i], y, v, start, metric, exponents)
                    for j in range(width):
                        if exponents[j] > floor and count < size:
                            columns[begin + count] = start + j
                            row[count] = exponents[j]
                            count += 1
            for k in range(size):
                values[begin + k] = power_of_two(row[k])


@fast_kernel
def products(begins, columns, values, w, out):
    """out[i] = sum_j P_ij w[j]."""
    for i in range(out.size):
        row = values[begins[i] : begins[i + 1]]
        indices = columns[begins[i] : begins[i + 1]]
        total = 0.0
        for k in range(row.size):
            total += row[k] * w[indices[k]]
        out[i] = total


@fast_kernel
def transposed_products(begins, columns, values, z, out):
    """out[j] = sum_i P_ij z[i]."""
    for j in range(out.size):
        out[j] = 0.0
    for i in range(z.size):
        row = values[begins[i] : begins[i + 1]]
        indices = columns[begins[i] : begins[i + 1]]
        factor = z[i]
        for k in range(row.size):
            out[indices[k]] += row[k] * factor
