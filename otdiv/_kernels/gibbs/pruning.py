"""Which pairs of leaves carry plan: a rigorous upper bound of P_ij on two boxes.

On a leaf the potential is below an affine function, u_i <= top + slope . (x_i - centre). For the
squared cost the exponent u_i + v_j - |x_i - y_j|² is then bounded, dimension by dimension, by

    max  s p + t q - (delta + p - q)²   over |p| <= h, |q| <= k,

p and q being offsets from the two centres and delta the difference of the centres. Along (1, 1) the
square does not change, so a maximum lies on the edge p = ±h or on the edge q = ±k, the sign being
that of s + t; on each edge the concave parabola has its maximum where clipping puts it. For plain
distances the bound is top + top' - distance of the boxes: in each coordinate points of two boxes
differ by at least max(|delta| - h - k, 0), and every norm grows with the size of each coordinate.
"""

import math

import numpy as np

from .._jit import helper, kernel
from ..exponential import CITYBLOCK, EUCLIDEAN, SQUARED, power_of_two

# Rounding of a sum of 2 d + 2 terms, relative to the sum of their magnitudes, taken generously.
_SLACK = 1e-14
# Bits below the budget that are told apart; lower bounds count as if they were this far below.
_BINS = 63


@kernel
def leaf_bounds(points, values, leaves, flat):
    """Boxes and affine upper bounds of `values` on the leaves of `points` (d, n).

    Returns centres, half widths and slopes (d, L) and tops (L,); `flat` keeps the slopes at zero.
    """
    d = points.shape[0]
    count = leaves.size - 1
    centres = np.empty((d, count))
    halves = np.empty((d, count))
    slopes = np.zeros((d, count))
    tops = np.empty(count)
    for leaf in range(count):
        start, stop = leaves[leaf], leaves[leaf + 1]
        size = stop - start
        mean = 0.0
        finite = True
        for i in range(start, stop):
            mean += values[i] / size
            finite = finite and values[i] > -np.inf
        for k in range(d):
            low, high = points[k, start], points[k, start]
            for i in range(start, stop):
                low = min(low, points[k, i])
                high = max(high, points[k, i])
            centre = 0.5 * (low + high)
            centres[k, leaf] = centre
            # Widened by the rounding of the centre, so that every point is inside.
            halves[k, leaf] = max(high - centre, centre - low) * (1.0 + 1e-15)
            if flat or not finite:
                continue
            # Slope by regression on this coordinate alone: any slope gives a valid bound.
            covariance, variance, average = 0.0, 0.0, 0.0
            for i in range(start, stop):
                average += (points[k, i] - centre) / size
            for i in range(start, stop):
                offset = points[k, i] - centre - average
                covariance += offset * (values[i] - mean)
                variance += offset * offset
            if variance > 0.0:
                slopes[k, leaf] = covariance / variance
        top = -np.inf
        for i in range(start, stop):
            value = values[i]
            magnitude = abs(value)
            for k in range(d):
                term = slopes[k, leaf] * (points[k, i] - centres[k, leaf])
                value -= term
                magnitude += abs(term)
            if value > -np.inf:
                top = max(top, value + _SLACK * magnitude)
        tops[leaf] = top
    return centres, halves, slopes, tops


@helper
def edge_bound(delta, fixed, slope_fixed, half, slope_free):
    """Maximum over |q| <= half of slope_fixed fixed + slope_free q - (delta + fixed - q)²."""
    q = min(max(delta + fixed + 0.5 * slope_free, -half), half)
    gap = delta + fixed - q
    return slope_fixed * fixed + slope_free * q - gap * gap


@helper
def squared_bounds(rows, i, columns, out):
    """out[j] >= u + v - |x - y|² on row leaf i and column leaf j (tuples of `leaf_bounds`)."""
    centres, halves, slopes, tops = rows
    other_centres, other_halves, other_slopes, other_tops = columns
    top = tops[i]
    for j in range(out.size):
        out[j] = top + other_tops[j] + _SLACK * (abs(top) + abs(other_tops[j]))
    for k in range(centres.shape[0]):
        centre, h, s = centres[k, i], halves[k, i], slopes[k, i]
        centre_j, half_j, slope_j = other_centres[k], other_halves[k], other_slopes[k]
        for j in range(out.size):
            delta, other_h, t = centre - centre_j[j], half_j[j], slope_j[j]
            sign = 1.0 if s + t >= 0.0 else -1.0
            best = max(
                edge_bound(delta, sign * h, s, other_h, t),
                edge_bound(-delta, sign * other_h, t, h, s),
            )
            out[j] += best + _SLACK * (abs(best) + abs(s) * h + abs(t) * other_h)


@helper
def _distance_bounds(rows, i, columns, metric, out):
    """out[j] >= u + v - |x - y| likewise: tops and the distance of the boxes."""
    centres, halves, _, tops = rows
    other_centres, other_halves, _, other_tops = columns
    for j in range(out.size):
        out[j] = 0.0
    for k in range(centres.shape[0]):
        centre, h = centres[k, i], halves[k, i]
        centre_j, half_j = other_centres[k], other_halves[k]
        for j in range(out.size):
            gap = max(abs(centre - centre_j[j]) - h - half_j[j], 0.0)
            if metric == EUCLIDEAN:
                out[j] += gap * gap
            elif metric == CITYBLOCK:
                out[j] += gap
            else:
                out[j] = max(out[j], gap)
    top = tops[i]
    for j in range(out.size):
        distance = math.sqrt(out[j]) if metric == EUCLIDEAN else out[j]
        magnitude = abs(top) + abs(other_tops[j]) + distance
        out[j] = top + other_tops[j] - distance + _SLACK * magnitude


@helper
def threshold(bounds, column_leaves, budget):
    """The exponent up to which leaves of columns may be pruned: their mass is within the budget.

    It is a whole number of bits below log2(budget). A pruned leaf of columns takes at most its size
    times 2**bound from each row. These masses are collected by bit and added up from the smallest
    on.
    """
    highest = math.log2(budget)
    bins = np.zeros(_BINS + 1)
    for j in range(bounds.size):
        below = highest - bounds[j]
        if below > 0.0:
            k = min(int(below), _BINS)
            # A mass is taken at its own bound, also in the last bin, which holds all lower ones.
            bins[k] += (column_leaves[j + 1] - column_leaves[j]) * power_of_two(-max(below, 0.0))
    total = 0.0
    for k in range(_BINS, -1, -1):
        total += bins[k]
        if total > 1.0:
            return highest - (k + 1)
    return highest


@helper
def enlarged(values, count, capacity):
    """The first `count` values in an array of `capacity`; a loop compiles faster than slices."""
    larger = np.empty(capacity, dtype=np.int64)
    for k in range(count):
        larger[k] = values[k]
    return larger


@kernel
def kept_ranges(rows, budgets, columns, column_leaves, metric):
    """Ranges of columns that matter to each row leaf, adjacent leaves joined.

    What is left out of any row of a leaf is at most `budgets[leaf]` in all. Returns `first`
    (L + 1,), the first range of each row leaf, and `starts` and `stops` of the ranges.
    """
    n_rows = budgets.size
    n_columns = column_leaves.size - 1
    first = np.zeros(n_rows + 1, dtype=np.int64)
    bounds = np.empty(n_columns)
    capacity = 16 * n_rows + 1024
    starts = np.empty(capacity, dtype=np.int64)
    stops = np.empty(capacity, dtype=np.int64)
    count = 0
    for i in range(n_rows):
        if count + n_columns > capacity:
            capacity = 2 * capacity + n_columns
            starts = enlarged(starts, count, capacity)
            stops = enlarged(stops, count, capacity)
        if metric == SQUARED:
            squared_bounds(rows, i, columns, bounds)
        else:
            _distance_bounds(rows, i, columns, metric, bounds)
        lowest = threshold(bounds, column_leaves, budgets[i])
        opened = False
        for j in range(n_columns):
            keep = bounds[j] > lowest
            if keep and opened:
                stops[count - 1] = column_leaves[j + 1]
            elif keep:
                starts[count] = column_leaves[j]
                stops[count] = column_leaves[j + 1]
                count += 1
            opened = keep
        first[i + 1] = count
    return first, enlarged(starts, count, count), enlarged(stops, count, count)
