"""Noise of the difference of two empirical laws on the line, by random signs.

Rows of both samples stand in their pooled order. A sign that is + or - with probability 1/2 each,
independent for every row, turns the difference of the distribution functions into

    Z(z) = sum over x_i <= z of a_i e_i - F(z) sum a_i e_i, less the same of y:

given the data, a process with the covariance of the sampling noise (F_n - F) - (G_m - G). The sign
of the rows of y is free, so all rows are added. With bits 0 and 1 instead of signs the same sum is
Z / 2, since what they add to every row is taken off again with the totals. 64 draws lie in the bits
of one word, which is a hash of the key of the block and the number of the row (SplitMix64; Steele,
Lea, Flood 2014, doi:10.1145/2660193.2660195): no draw depends on threads or slices.
"""

from __future__ import annotations

import numpy as np

from .._jit import contracted, helper, kernel

LANES = 64

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_ONE = np.uint64(1)

# Probabilities that a Poisson variable of mean one is at most 0, 1, ..., 20; the next is 1 in
# float64.
_POISSON = np.array(
    [
        float(np.exp(-1.0) * sum(1.0 / np.prod(np.arange(1.0, k + 1.0)) for k in range(top + 1)))
        for top in range(21)
    ]
)


@helper
def _word(key, row):
    """64 random bits of a row."""
    z = key + np.uint64(row + 1) * _GOLDEN
    z = (z ^ (z >> np.uint64(30))) * _FIRST
    z = (z ^ (z >> np.uint64(27))) * _SECOND
    return z ^ (z >> np.uint64(31))


@helper
def _shared_word(key, row):
    """64 random bits of a row, or of row ~r, each the opposite, where a negative r is given."""
    return _word(key, row) if row >= 0 else ~_word(key, ~row)


@contracted
def count_signs(steps, rows, first, last, key, totals):
    """Add sum a_i bit_i to totals[0] and sum b_j bit_j to totals[1], for 64 draws.

    Parameters
    ----------
    steps : (N,) weight of each pooled row, negative for rows of y
    rows : (N,) int64 whose bits each pooled row takes, or None for its place. A negative number ~r
        takes the opposite of the bits of r: rows of x and y with one sign, whose steps are opposite
    first, last : range of the pooled rows
    key : uint64
    totals : (2, 64)
    """
    for k in range(first, last):
        word = _word(key, k) if rows is None else _shared_word(key, rows[k])
        step = steps[k]
        side = totals[0] if step >= 0.0 else totals[1]
        size = abs(step)
        for j in range(LANES):
            side[j] += size * float((word >> np.uint64(j)) & _ONE)


@contracted
def walk_signs(steps, rows, gaps, certain, first, last, key, totals, levels, sums):
    """Integrals of Z / 2 over a range of pooled rows, for 64 draws.

    Parameters
    ----------
    steps, rows, first, last, key : as in `count_signs`
    gaps : (N,) distance to the next pooled value
    certain : (N,) int8, the sign with which Z counts there, or 0 where it counts absolutely
    totals : (2, 64) from `count_signs` over all rows
    levels : (2,) F and G before the range; moved on
    sums : (3, 64) the running sum, the signed and the absolute integral; moved on
    """
    running, signed, absolute = sums[0], sums[1], sums[2]
    of_x, of_y = totals[0], totals[1]
    F, G = levels[0], levels[1]
    for k in range(first, last):
        word = _word(key, k) if rows is None else _shared_word(key, rows[k])
        step = steps[k]
        size = abs(step)
        if step >= 0.0:
            F += size
        else:
            G += size
        gap = gaps[k]
        if gap == 0.0:
            for j in range(LANES):
                running[j] += size * float((word >> np.uint64(j)) & _ONE)
        elif certain[k] == 0:
            for j in range(LANES):
                running[j] += size * float((word >> np.uint64(j)) & _ONE)
                absolute[j] += gap * abs(running[j] - F * of_x[j] - G * of_y[j])
        else:
            gap *= certain[k]
            for j in range(LANES):
                running[j] += size * float((word >> np.uint64(j)) & _ONE)
                signed[j] += gap * (running[j] - F * of_x[j] - G * of_y[j])
    levels[0], levels[1] = F, G


@contracted
def walk_squares(steps, gaps, first, last, key, totals, levels, sums):
    """Integrals of (Z / 2)² over a range of pooled rows, for 64 draws.

    Parameters are those of `walk_signs`; `sums` is (2, 64), the running sum and the integral.
    """
    running, squares = sums[0], sums[1]
    of_x, of_y = totals[0], totals[1]
    F, G = levels[0], levels[1]
    for k in range(first, last):
        word = _word(key, k)
        step = steps[k]
        size = abs(step)
        if step >= 0.0:
            F += size
        else:
            G += size
        gap = gaps[k]
        for j in range(LANES):
            running[j] += size * float((word >> np.uint64(j)) & _ONE)
            z = running[j] - F * of_x[j] - G * of_y[j]
            squares[j] += gap * z * z
    levels[0], levels[1] = F, G


@kernel
def draw_counts(weights, key, start, drawn):
    """Weights times independent Poisson counts of mean one, divided by their sum, in `drawn`.

    The counts are those of a bootstrap whose number of rows is Poisson as well. Where no row is
    drawn, which only a handful of rows can do, the weights themselves are.
    """
    total = 0.0
    for i in range(weights.size):
        uniform = float(_word(key, start + i) >> np.uint64(11)) * 2.0**-53
        count = 0
        while count < _POISSON.size and uniform >= _POISSON[count]:
            count += 1
        drawn[i] = weights[i] * count
        total += drawn[i]
    for i in range(weights.size):
        drawn[i] = drawn[i] / total if total > 0.0 else weights[i]


@kernel
def quantile_noise(x, y, a, b, drawn_a, drawn_b, p):
    """Integral of |(X* - X) - (Y* - Y)|^p over the levels of four quantile functions.

    X and Y are those of sorted samples x (n,) and y (m,) with weights a and b of sum one, X* and Y*
    of the same values with the drawn weights.
    """
    n, m = x.size, y.size
    i = i_new = j = j_new = 0
    top_i, top_new_i, top_j, top_new_j = a[0], drawn_a[0], b[0], drawn_b[0]
    level = 0.0
    total = 0.0
    while True:
        # Steps without mass, and all that ends at this level.
        while top_i <= level and i < n - 1:
            i += 1
            top_i += a[i]
        while top_new_i <= level and i_new < n - 1:
            i_new += 1
            top_new_i += drawn_a[i_new]
        while top_j <= level and j < m - 1:
            j += 1
            top_j += b[j]
        while top_new_j <= level and j_new < m - 1:
            j_new += 1
            top_new_j += drawn_b[j_new]
        # The last step of each ends at 1, whatever rounding made of the sum.
        ends_i = top_i if i < n - 1 else 1.0
        ends_new_i = top_new_i if i_new < n - 1 else 1.0
        ends_j = top_j if j < m - 1 else 1.0
        ends_new_j = top_new_j if j_new < m - 1 else 1.0
        end = min(min(ends_i, ends_new_i), min(min(ends_j, ends_new_j), 1.0))
        noise = abs((x[i_new] - x[i]) - (y[j_new] - y[j]))
        if end > level:
            share = end - level
            total += share * (noise * noise if p == 2.0 else noise**p)
            level = end
        if level >= 1.0:
            return total
