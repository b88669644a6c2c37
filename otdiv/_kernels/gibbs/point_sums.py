"""Sums over the plan P_ij = 2**(u_i + v_j - c(x_i, y_j)) of two point clouds, entry by entry.

Entries are computed when they are needed, or stored in ranges (`store_plan`, `stored_products`).
Rows come in leaves; each leaf has a list of column ranges outside of which its plan is negligible
(see `pruning`). Points x are (n, d), points y are (d, m) so that a range of columns is contiguous
in every coordinate; coordinates, u and v are in bits, for the squared distance in the form that
`fill_exponents` describes.
"""

import numpy as np

from .._jit import fast_kernel
from ..exponential import TILE, fill_exponents, power_of_two


@fast_kernel
def row_products(x, u, y, v, leaves, first, starts, stops, metric, weights, out):
    """out[i, k] = sum_j P_ij weights[k, j] over the kept ranges of the leaf of row i."""
    tile = np.empty(TILE)
    n_products = weights.shape[0]
    second = min(1, n_products - 1)
    for leaf in range(leaves.size - 1):
        for i in range(leaves[leaf], leaves[leaf + 1]):
            for k in range(n_products):
                out[i, k] = 0.0
            for e in range(first[leaf], first[leaf + 1]):
                for start in range(starts[e], stops[e], TILE):
                    stop = min(start + TILE, stops[e])
                    exponents = tile[: stop - start]
                    fill_exponents(x, i, u[i], y, v, start, metric, exponents)
                    # Two sums while an entry is at hand: it is as dear as several of them.
                    w0, w1 = weights[0, start:stop], weights[second, start:stop]
                    sum0, sum1 = 0.0, 0.0
                    for j in range(exponents.size):
                        entry = power_of_two(exponents[j])
                        exponents[j] = entry
                        sum0 += entry * w0[j]
                        sum1 += entry * w1[j]
                    out[i, 0] += sum0
                    if n_products > 1:
                        out[i, 1] += sum1
                    for k in range(2, n_products):
                        factors = weights[k, start:stop]
                        total = 0.0
                        for j in range(exponents.size):
                            total += exponents[j] * factors[j]
                        out[i, k] += total


@fast_kernel
def row_sums(x, u, y, v, leaves, first, starts, stops, metric, out):
    """out[i] = sum_j P_ij over the kept ranges of the leaf of row i."""
    tile = np.empty(TILE)
    for leaf in range(leaves.size - 1):
        for i in range(leaves[leaf], leaves[leaf + 1]):
            row = 0.0
            for e in range(first[leaf], first[leaf + 1]):
                for start in range(starts[e], stops[e], TILE):
                    width = min(TILE, stops[e] - start)
                    exponents = tile[:width]
                    fill_exponents(x, i, u[i], y, v, start, metric, exponents)
                    total = 0.0
                    for j in range(width):
                        total += power_of_two(exponents[j])
                    row += total
            out[i] = row


@fast_kernel
def row_maxima(x, y, v, metric, out):
    """out[i] = max_j v_j - c(x_i, y_j) over all columns: where no shift is known yet."""
    tile = np.empty(TILE)
    best = np.empty(TILE)
    shift = 0.0
    for i in range(x.shape[0]):
        for j in range(TILE):
            best[j] = -np.inf
        for start in range(0, v.size, TILE):
            width = min(TILE, v.size - start)
            exponents = tile[:width]
            fill_exponents(x, i, shift, y, v, start, metric, exponents)
            for j in range(width):
                best[j] = max(best[j], exponents[j])
        largest = -np.inf
        for j in range(TILE):
            largest = max(largest, best[j])
        out[i] = largest


@fast_kernel
def store_plan(x, u, y, v, leaves, first, starts, stops, metric, offsets, values):
    """Write the kept ranges of P, row by row within a leaf.

    The rows of a leaf start at `offsets[leaf]` and are as long as its ranges together.
    """
    tile = np.empty(TILE)
    for leaf in range(leaves.size - 1):
        position = offsets[leaf]
        for i in range(leaves[leaf], leaves[leaf + 1]):
            for e in range(first[leaf], first[leaf + 1]):
                for start in range(starts[e], stops[e], TILE):
                    width = min(TILE, stops[e] - start)
                    exponents = tile[:width]
                    fill_exponents(x, i, u[i], y, v, start, metric, exponents)
                    target = values[position : position + width]
                    for j in range(width):
                        target[j] = power_of_two(exponents[j])
                    position += width


@fast_kernel
def stored_products(values, leaves, first, starts, stops, offsets, w, out):
    """out[i] = sum_j P_ij w[j] with the stored ranges, four rows at a time."""
    for leaf in range(leaves.size - 1):
        begin, end = leaves[leaf], leaves[leaf + 1]
        length = 0
        for e in range(first[leaf], first[leaf + 1]):
            length += stops[e] - starts[e]
        i = begin
        while i + 4 <= end:
            base = offsets[leaf] + (i - begin) * length
            r0, r1, r2, r3 = 0.0, 0.0, 0.0, 0.0
            for e in range(first[leaf], first[leaf + 1]):
                width = stops[e] - starts[e]
                factors = w[starts[e] : stops[e]]
                p0 = values[base : base + width]
                p1 = values[base + length : base + length + width]
                p2 = values[base + 2 * length : base + 2 * length + width]
                p3 = values[base + 3 * length : base + 3 * length + width]
                t0, t1, t2, t3 = 0.0, 0.0, 0.0, 0.0
                for j in range(width):
                    factor = factors[j]
                    t0 += p0[j] * factor
                    t1 += p1[j] * factor
                    t2 += p2[j] * factor
                    t3 += p3[j] * factor
                r0 += t0
                r1 += t1
                r2 += t2
                r3 += t3
                base += width
            out[i], out[i + 1], out[i + 2], out[i + 3] = r0, r1, r2, r3
            i += 4
        while i < end:
            base = offsets[leaf] + (i - begin) * length
            r0 = 0.0
            for e in range(first[leaf], first[leaf + 1]):
                width = stops[e] - starts[e]
                factors = w[starts[e] : stops[e]]
                p0 = values[base : base + width]
                t0 = 0.0
                for j in range(width):
                    t0 += p0[j] * factors[j]
                r0 += t0
                base += width
            out[i] = r0
            i += 1


@fast_kernel
def stored_transposed_products(values, leaves, first, starts, stops, offsets, z, out):
    """out[j] = sum_i P_ij z[i] with the stored ranges, four rows at a time."""
    for j in range(out.size):
        out[j] = 0.0
    for leaf in range(leaves.size - 1):
        begin, end = leaves[leaf], leaves[leaf + 1]
        length = 0
        for e in range(first[leaf], first[leaf + 1]):
            length += stops[e] - starts[e]
        i = begin
        while i + 4 <= end:
            base = offsets[leaf] + (i - begin) * length
            z0, z1, z2, z3 = z[i], z[i + 1], z[i + 2], z[i + 3]
            for e in range(first[leaf], first[leaf + 1]):
                width = stops[e] - starts[e]
                sums = out[starts[e] : stops[e]]
                p0 = values[base : base + width]
                p1 = values[base + length : base + length + width]
                p2 = values[base + 2 * length : base + 2 * length + width]
                p3 = values[base + 3 * length : base + 3 * length + width]
                for j in range(width):
                    sums[j] += (p0[j] * z0 + p1[j] * z1) + (p2[j] * z2 + p3[j] * z3)
                base += width
            i += 4
        while i < end:
            base = offsets[leaf] + (i - begin) * length
            z0 = z[i]
            for e in range(first[leaf], first[leaf + 1]):
                width = stops[e] - starts[e]
                sums = out[starts[e] : stops[e]]
                p0 = values[base : base + width]
                for j in range(width):
                    sums[j] += p0[j] * z0
                base += width
            i += 1


@fast_kernel
def row_costs(x, u, y, v, leaves, first, starts, stops, metric, row_bits, column_bits, sums, costs):
    """sums[i] = sum_j P_ij and costs[i] = sum_j P_ij c(x_i, y_j) in bits, over the kept ranges.

    The cost of a pair is what its exponent is below the potentials row_bits (n,), column_bits (m,).
    """
    tile = np.empty(TILE)
    for leaf in range(leaves.size - 1):
        for i in range(leaves[leaf], leaves[leaf + 1]):
            row_sum, row_cost = 0.0, 0.0
            for e in range(first[leaf], first[leaf + 1]):
                for start in range(starts[e], stops[e], TILE):
                    width = min(TILE, stops[e] - start)
                    exponents = tile[:width]
                    values = column_bits[start : start + width]
                    fill_exponents(x, i, u[i], y, v, start, metric, exponents)
                    total, cost = 0.0, 0.0
                    for j in range(width):
                        power = power_of_two(exponents[j])
                        total += power
                        cost += power * ((row_bits[i] + values[j]) - exponents[j])
                    row_sum += total
                    row_cost += cost
            sums[i], costs[i] = row_sum, row_cost
