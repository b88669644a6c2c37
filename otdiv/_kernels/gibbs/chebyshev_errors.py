"""Which pairs of boxes may be expanded (see `chebyshev`): rigorous bounds of the error.

On a pair of boxes the plan is a product over the dimensions of

    F(p, q) = 2**(s p + t q - (delta + p - q)²)   for |p| <= h, |q| <= k.

F is entire. On the ellipse with foci -k, k whose half axes are k (r + 1/r) / 2 and k (r - 1/r) / 2
it is at most some M in size, and interpolation in q at P Chebyshev points errs by at most
4 M r**(1 - P) / (r - 1), for any r > 1; likewise in p. With q = x + i y on the ellipse
|F| = 2**(s p + t x - (delta + p - x)² + y²), and y² is a constant less a multiple of x²: the
exponent is a concave parabola in p and x, whose maximum on a box is known in closed form.
Interpolation in the other variable enlarges the error by at most the Lebesgue constant.

References
----------
Trefethen (2013), Approximation Theory and Approximation Practice, chapter 8 (geometric convergence
on ellipses; both kinds of Chebyshev points) and chapter 15 (Lebesgue constants).
"""

import math

import numpy as np

from .._jit import helper, kernel
from .chebyshev import P
from .pruning import edge_bound, enlarged, squared_bounds, threshold

# Lebesgue constant of interpolation at P Chebyshev points, from above.
_LEBESGUE = 2.0 / math.pi * math.log(P) + 1.0
# Radii r of the ellipses that are tried, of which the best bound counts; by taste.
_RADII = np.array([1.5, 2.0, 2.8, 4.0, 5.6, 8.0, 11.0, 16.0])
# Their half axes, for an interval of half width 1,
_MAJOR = 0.5 * (_RADII + 1.0 / _RADII)
_MINOR = 0.5 * (_RADII - 1.0 / _RADII)
# and the bits of 4 r**(1 - P) / (r - 1).
_DECAY = np.log2(4.0 / (_RADII - 1.0)) + (1 - P) * np.log2(_RADII)
# Rounding of moments and of sums over nodes, relative to the largest entry: the root of some
# hundred thousand terms, Lebesgue's constant, P terms.
_ROUNDING = 1e-13
# Share of the error that one pair of boxes may take, in equal parts of it: most err far less. By
# taste.
_LARGEST_PART = 8.0


@kernel
def spreads(points, values, edges, boxes):
    """Largest distance (L,), in bits, of the values below the affine functions of their boxes."""
    centres, _, slopes, tops = boxes
    out = np.empty(edges.size - 1)
    for box in range(out.size):
        lowest = 0.0
        for i in range(edges[box], edges[box + 1]):
            value = values[i] - tops[box]
            for k in range(points.shape[0]):
                value -= slopes[k, box] * (points[k, i] - centres[k, box])
            lowest = min(lowest, value)
        out[box] = -lowest
    return out


@helper
def _largest(delta, h, k, s, t, c):
    """Maximum of s p + t q - (delta + p - q)² - c q² over |p| <= h, |q| <= k, for c > 0."""
    q = (s + t) / (2.0 * c)
    p = 0.5 * s - delta + q
    if abs(q) <= k and abs(p) <= h:
        return s * p + t * q - 0.25 * s * s - c * q * q
    best = -np.inf
    for side in range(2):
        p = h if side else -h
        q = min(max((0.5 * t + delta + p) / (1.0 + c), -k), k)
        gap = delta + p - q
        best = max(best, s * p + t * q - gap * gap - c * q * q)
        q = k if side else -k
        p = min(max(0.5 * s - delta + q, -h), h)
        gap = delta + p - q
        best = max(best, s * p + t * q - gap * gap - c * q * q)
    return best


@helper
def _error_bits(delta, h, k, s, t):
    """Bound of the error of interpolation in q, in bits."""
    best = np.inf
    for e in range(_RADII.size):
        major, minor = k * _MAJOR[e], k * _MINOR[e]
        ratio = _MINOR[e] / _MAJOR[e]
        largest = _largest(delta, h, major, s, t, ratio * ratio)
        best = min(best, _DECAY[e] + largest + minor * minor)
    return best


@helper
def _pair_errors(rows, i, columns, j, out):
    """Bounds of the error of an entry on two boxes, relative to the bound of the entry itself.

    With expansions of both boxes, of the rows' alone, and of the columns' alone.
    """
    centres, halves, slopes, _ = rows
    other_centres, other_halves, other_slopes, _ = columns
    # The product over dimensions of 1 + errors relative to the largest entry, less one.
    both, left, right = 1.0, 1.0, 1.0
    for k in range(centres.shape[0]):
        delta = centres[k, i] - other_centres[k, j]
        h, other_h = halves[k, i], other_halves[k, j]
        s, t = slopes[k, i], other_slopes[k, j]
        sign = 1.0 if s + t >= 0.0 else -1.0
        top = max(
            edge_bound(delta, sign * h, s, other_h, t), edge_bound(-delta, sign * other_h, t, h, s)
        )
        in_p = 2.0 ** min(_error_bits(-delta, other_h, h, t, s) - top, 900.0) + _ROUNDING
        in_q = 2.0 ** min(_error_bits(delta, h, other_h, s, t) - top, 900.0) + _ROUNDING
        both *= 1.0 + _LEBESGUE * in_q + in_p
        left *= 1.0 + in_p
        right *= 1.0 + in_q
    out[0], out[1], out[2] = both - 1.0, left - 1.0, right - 1.0


@kernel
def pair_lists(
    rows,
    row_sizes,
    budgets,
    columns,
    column_edges,
    masses,
    pair_cost,
    column_cost,
    row_cost,
    share,
):
    """The pairs of boxes that are not negligible: which to expand and which to sum directly.

    `rows` and `columns` are tuples of `leaf_bounds` of potentials without weights; `masses`
    (M + 1,) are the cumulated weights of the columns up to each box. What is left out of any row of
    a box is at most `budgets[box]` in all, and expansions err by at most the `share` of that. A
    pair of boxes costs `pair_cost` with expansions of both, or `column_cost` for each point of its
    columns with an expansion of the rows alone, or `row_cost` for each of its rows with one of the
    columns, or 1 for each pair of points. Returns `first` (L + 1,), `partners` and `kinds` of the
    pairs that are expanded, the ranges of columns of the others as `kept_ranges` does, and the cost
    of all.
    """
    n_rows, n_columns = row_sizes.size, column_edges.size - 1
    bounds, errors, costs = np.empty(n_columns), np.empty(3), np.empty(3)
    first, near = np.zeros(n_rows + 1, dtype=np.int64), np.zeros(n_rows + 1, dtype=np.int64)
    capacity = 64 * n_rows + 1024
    partners, kinds = np.empty(capacity, dtype=np.int64), np.empty(capacity, dtype=np.int64)
    starts, stops = np.empty(capacity, dtype=np.int64), np.empty(capacity, dtype=np.int64)
    count, n_near, work = 0, 0, 0.0
    for i in range(n_rows):
        if max(count, n_near) + n_columns > capacity:
            capacity = 2 * capacity + n_columns
            partners, kinds = enlarged(partners, count, capacity), enlarged(kinds, count, capacity)
            starts, stops = enlarged(starts, n_near, capacity), enlarged(stops, n_near, capacity)
        squared_bounds(rows, i, columns, bounds)
        lowest = threshold(bounds, masses, budgets[i])
        n_kept = 0
        for j in range(n_columns):
            n_kept += bounds[j] > lowest
        # Most pairs err by far less than their part.
        left = share * budgets[i]
        allowed = _LARGEST_PART * left / max(n_kept, 1)
        size = row_sizes[i]
        opened = False
        for j in range(n_columns):
            if not bounds[j] > lowest:
                opened = False
                continue
            other_size = column_edges[j + 1] - column_edges[j]
            cheapest, kind = float(size * other_size), -1
            costs[0], costs[1], costs[2] = pair_cost, column_cost * other_size, row_cost * size
            if min(costs[0], min(costs[1], costs[2])) < cheapest:
                _pair_errors(rows, i, columns, j, errors)
                mass = (masses[j + 1] - masses[j]) * 2.0 ** min(bounds[j], 900.0)
                for k in range(3):
                    if costs[k] < cheapest and errors[k] * mass <= min(allowed, left):
                        cheapest, kind = costs[k], k
            work += cheapest
            if kind >= 0:
                left -= errors[kind] * mass
                partners[count], kinds[count] = j, kind
                count += 1
                opened = False
                continue
            if opened:
                stops[n_near - 1] = column_edges[j + 1]
            else:
                starts[n_near], stops[n_near] = column_edges[j], column_edges[j + 1]
                n_near += 1
            opened = True
        first[i + 1], near[i + 1] = count, n_near
    pairs = first, enlarged(partners, count, count), enlarged(kinds, count, count)
    ranges = near, enlarged(starts, n_near, n_near), enlarged(stops, n_near, n_near)
    return pairs, ranges, work
