"""Distances on the line between all pairs of many samples: rows that are sorted once.

Of samples of one size, W_1 is the L1 distance of the sorted rows over their length, and W_2^2 that
of squares; of histograms W_1 is the L1 distance of the cumulated rows times the widths of the
cells. Rows are taken in tiles that stay in the cache, one row against four, in plain sums: all
terms are positive, so that a sum of n of them errs by less than n roundings. Other sizes walk along
both rows.
"""

from __future__ import annotations

import numpy as np

from .._jit import fast_kernel, kernel

__all__ = ["TILE_NUMBERS", "energy_rows", "power_rows", "unequal_rows"]

# Numbers of a tile: 128 KB, half of a usual second-level cache or less.
TILE_NUMBERS = 2**14


@fast_kernel
def power_rows(R, S, squares, first, last, begins, starts, out):
    """Fill ``out[starts[k] + j]`` with the sum of |R_i - S_j| for i = first + k, j >= begins.

    R (N, n), S (M, n); rows i from first to last - 1, columns j from ``begins[k]`` to M - 1.
    With `squares` other than None those are summed.
    """
    n, m = R.shape[1], S.shape[0]
    tile = max(4, TILE_NUMBERS // max(n, 1))
    for low in range(0, m, tile):
        high = min(m, low + tile)
        for i in range(first, last):
            x = R[i]
            start = starts[i - first]
            j = max(low, begins[i - first])
            while j + 4 <= high:
                y0, y1, y2, y3 = S[j], S[j + 1], S[j + 2], S[j + 3]
                s0 = s1 = s2 = s3 = 0.0
                for k in range(n):
                    value = x[k]
                    if squares is None:
                        s0 += abs(value - y0[k])
                        s1 += abs(value - y1[k])
                        s2 += abs(value - y2[k])
                        s3 += abs(value - y3[k])
                    else:
                        s0 += (value - y0[k]) * (value - y0[k])
                        s1 += (value - y1[k]) * (value - y1[k])
                        s2 += (value - y2[k]) * (value - y2[k])
                        s3 += (value - y3[k]) * (value - y3[k])
                out[start + j] = s0
                out[start + j + 1] = s1
                out[start + j + 2] = s2
                out[start + j + 3] = s3
                j += 4
            while j < high:
                y0 = S[j]
                s0 = 0.0
                for k in range(n):
                    if squares is None:
                        s0 += abs(x[k] - y0[k])
                    else:
                        s0 += (x[k] - y0[k]) * (x[k] - y0[k])
                out[start + j] = s0
                j += 1


@fast_kernel
def unequal_rows(
    x, x_starts, x_sizes, y, y_starts, y_sizes, squares, first, last, begins, starts, out
):  # fmt: skip
    """Fill ``out[starts[k] + j]`` with W_1 of the sorted samples i = first + k and j >= begins.

    With `squares` other than None it is W_2^2.

    Sample i are the numbers ``x[x_starts[i]:]``, ``x_sizes[i]`` of them. In units of 1 / (n m) the
    levels are whole numbers: each value of the longer sample spans at most two of the shorter, so
    that the walk needs no branch. One number behind the last sample is read, and weighs nothing.
    """
    for k in range(last - first):
        for j in range(begins[k], y_sizes.size):
            n, m = x_sizes[first + k], y_sizes[j]
            p, q = x_starts[first + k], y_starts[j]
            u, v = x, y
            if n < m:
                n, m, p, q = m, n, q, p
                u, v = y, x
            rest = np.int64(0)  # of the shorter sample's step, that is used up
            total = 0.0
            for i in range(p, p + n):
                inside = min(m, n - rest)
                value = u[i]
                near, far = value - v[q], value - v[q + 1]
                if squares is None:
                    total += inside * abs(near) + (m - inside) * abs(far)
                else:
                    total += inside * (near * near) + (m - inside) * (far * far)
                rest += m
                step = rest >= n
                rest -= n * step
                q += step
            out[starts[k] + j] = total / (np.float64(n) * np.float64(m))


@kernel
def energy_rows(
    x, x_starts, x_sizes, y, y_starts, y_sizes, first, last, begins, starts, out
):  # fmt: skip
    """Fill ``out[starts[k] + j]`` with the integral of (F - G)^2 of the same samples.

    One walk along both: between two values in a row F - G is a whole number over n m.
    """
    for k in range(last - first):
        for j in range(begins[k], y_sizes.size):
            n, m = x_sizes[first + k], y_sizes[j]
            p, q = x_starts[first + k], y_starts[j]
            p_end, q_end = p + n, q + m
            level = np.int64(0)
            before = min(x[p], y[q])
            total = 0.0
            while p < p_end and q < q_end:
                is_x = x[p] <= y[q]
                value = x[p] if is_x else y[q]
                total += (np.float64(level) * np.float64(level)) * (value - before)
                before = value
                level += m if is_x else -n
                p += is_x
                q += not is_x
            while p < p_end:
                total += (np.float64(level) * np.float64(level)) * (x[p] - before)
                before = x[p]
                level += m
                p += 1
            while q < q_end:
                total += (np.float64(level) * np.float64(level)) * (y[q] - before)
                before = y[q]
                level -= n
                q += 1
            out[starts[k] + j] = total / (np.float64(n) * np.float64(m)) ** 2
