"""Levels as pairs of floats: their running sums, and the areas between two of them.

A level of one sample is taken times the total of the other, so that both have one unit; a
difference of levels is exact for counts and off by some 2^-100 of the totals' product for weights.
"""

from __future__ import annotations

from .._jit import helper, kernel

# Columns of what `window_areas` writes.
AREA, SQUARE, HIGHEST, LOWEST = 0, 1, 2, 3
N_AREAS = 4


@helper
def _add(high, low, more_high, more_low):
    """Sum of two pairs of floats of any sign, off by 2^-104 of the larger."""
    t = high + more_high
    z = t - high
    e = (high - (t - z)) + (more_high - z)
    e += low + more_low
    s = t + e
    return s, e - (s - t)


@helper
def _times(a, high, low):
    """A float times a pair of floats, off by 2^-104 of the product."""
    product = a * high
    t = 134217729.0 * a
    a1 = t - (t - a)
    a2 = a - a1
    t = 134217729.0 * high
    h1 = t - (t - high)
    h2 = high - h1
    return product, ((a1 * h1 - product) + a1 * h2 + a2 * h1) + a2 * h2 + a * low


@kernel
def running_sums(high, low, sums, rests):
    """Write the sums of the first k pairs, k = 1, 2, ...; all are non-negative."""
    s = c = 0.0
    for k in range(high.size):
        s, c = _add(s, c, high[k], low[k])
        sums[k], rests[k] = s, c


@kernel
def level_differences(F, F_low, G, G_low, total_x, total_y, out, out_low):
    """Write F times the total of y minus G times the total of x, all of them pairs."""
    for k in range(F.size):
        a, a_low = _times(F[k], total_y[0], total_y[1])
        b, b_low = _times(G[k], total_x[0], total_x[1])
        a_low += F_low[k] * total_y[0]
        b_low += G_low[k] * total_x[0]
        out[k], out_low[k] = _add(a, a_low, -b, -b_low)


@kernel
def window_areas(x, y, a, b, cuts_x, cuts_y, before, before_low, total_x, total_y, out):
    """Integrals of |D|, of D^2, and the greatest and least D, of D = F - G inside of windows.

    `x` and `y` are sorted, and window w holds x[cuts_x[w]:cuts_x[w + 1]] and the like of y, with
    the weights `a`, `b`, or None for counts. D is in the unit of `level_differences`, and the pair
    `before` is its value at the left end of each window. Outside of the data of a window nothing
    is integrated.
    """
    for w in range(cuts_x.size - 1):
        i, j = cuts_x[w], cuts_y[w]
        end_x, end_y = cuts_x[w + 1], cuts_y[w + 1]
        d, d_low = before[w], before_low[w]
        area = area_low = square = 0.0
        most = least = d + d_low
        last = 0.0
        begun = False
        while i < end_x or j < end_y:
            here = x[i] if j >= end_y or (i < end_x and x[i] <= y[j]) else y[j]
            if begun:
                level = d + d_low
                width = here - last
                term = abs(level) * width
                t = area + term
                z = t - area
                area_low += (area - (t - z)) + (term - z)
                area = t
                square += level * level * width
            begun = True
            while i < end_x and x[i] == here:
                m, m_low = _times(1.0 if a is None else a[i], total_y[0], total_y[1])
                d, d_low = _add(d, d_low, m, m_low)
                i += 1
            while j < end_y and y[j] == here:
                m, m_low = _times(1.0 if b is None else b[j], total_x[0], total_x[1])
                d, d_low = _add(d, d_low, -m, -m_low)
                j += 1
            level = d + d_low
            most, least = max(most, level), min(least, level)
            last = here
        out[w, 0] = area + area_low
        out[w, 1] = square
        out[w, 2] = most
        out[w, 3] = least
