"""Lower bounds of c(x, y) - g(y) on boxes of a tree, safe in floating point.

* Constant: c(gap between the boxes) - max g, the cost less a relative slack. (Half widths are
  rounded up, so the gap is too large by a few roundings of itself at most.)
* Tangent, for convex costs: with g(y) <= s.(y - q) + top about the centre q, delta = x - q and a
  subgradient v of c, convexity gives c(x - y) - g(y) >= c(delta) - top - sum_k |v_k + s_k| h_k for
  half widths h. Its rounding is covered by `SLACK` times the sum of the magnitudes involved.
"""

import math

import numpy as np

from .._jit import helper, kernel

# Relative slack of the tangent bound: some 30 operations on the terms whose magnitudes are summed,
# 30 * 2**-53 = 3.3e-15, taken four times. A gap, which the constant bound takes to a power, has 5.
SLACK = 1.4e-14

# Codes of the cost: the squared Euclidean distance,
SQUARED = 0
# the Euclidean distance, which both have vectorised loops,
EUCLIDEAN = 1
# and any other power of a norm. That one is told by `norm`: where it is None, the code of the
# general case is not even compiled.
GENERAL = 2


@helper
def norm_power(differences, norm, power):
    """|differences|_norm ** power of one vector (d,), safe from overflow and underflow."""
    d = differences.shape[0]
    largest = 0.0
    for k in range(d):
        largest = max(largest, abs(differences[k]))
    if largest == 0.0 or largest == np.inf:
        return largest
    length = largest
    if d > 1 and norm != np.inf:
        total = 0.0
        for k in range(d):
            ratio = abs(differences[k]) / largest
            if norm == 2.0:
                total += ratio * ratio
            elif norm == 1.0:
                total += ratio
            else:
                total += ratio**norm
        if norm == 2.0:
            length = largest * math.sqrt(total)
        elif norm == 1.0:
            length = largest * total
        else:
            length = largest * total ** (1.0 / norm)
    if power == 1.0:
        return length
    if power == 2.0:
        return length * length
    return length**power


@kernel
def fit_planes(points, boxes, first, depth, values, planes, gram):
    """Fill in planes (d + 2, nodes) above `values` (n,) on the nodes of levels first, ..., depth.

    Rows are slope, top and offset of a `Field`; `gram` (d, d + 2) is work space: the Gram matrix,
    its right side, and the point that is subtracted, a row a dimension. `planes` come filled with
    zeros. The slope is a ridge least-squares fit; any slope
    is valid, since the offset is then taken as a maximum over the points.
    """
    d, n = points.shape
    for node in range(1 << first, 2 << depth):
        h = first
        while node >> (h + 1) > 0:
            h += 1
        q = node - (1 << h)
        start, stop = (q * n) >> h, ((q + 1) * n) >> h
        largest = values[start]
        average = 0.0
        for t in range(start, stop):
            largest = max(largest, values[t])
            average += values[t]
        planes[d, node] = largest
        planes[d + 1, node] = largest
        average /= stop - start
        # Boxes of many dimensions do not prune, and a few points fit anything.
        if d > 3 or stop - start < d + 2 or not math.isfinite(average):
            continue
        trace = 0.0
        for k in range(d):
            total = 0.0
            for t in range(start, stop):
                total += points[k, t]
            mean = total / (stop - start)
            gram[k, d + 1] = mean
            right = 0.0
            for t in range(start, stop):
                right += (points[k, t] - mean) * (values[t] - average)
            gram[k, d] = right
            for e in range(k + 1):
                total = 0.0
                for t in range(start, stop):
                    total += (points[k, t] - mean) * (points[e, t] - gram[e, d + 1])
                gram[k, e] = gram[e, k] = total
            trace += gram[k, k]
        if not (trace > 1e-290 and trace < 1e290):
            continue
        # Elimination with a ridge, in place; the right side becomes the slope. d <= 3.
        for k in range(d):
            pivot = max(gram[k, k] + 1e-6 * trace, 1e-7 * trace)
            gram[k, k] = pivot
            for e in range(k + 1, d):
                factor = gram[e, k] / pivot
                for w in range(k + 1, d + 1):
                    gram[e, w] -= factor * gram[k, w]
        for k in range(d - 1, -1, -1):
            slope = gram[k, d]
            for e in range(k + 1, d):
                slope -= gram[k, e] * gram[e, d]
            gram[k, d] = slope / gram[k, k]
        worst = -np.inf
        for t in range(start, stop):
            rest = values[t]
            for k in range(d):
                rest -= gram[k, d] * (points[k, t] - boxes[k, node])
            # NaN loses every comparison and must not pass: keep it.
            if not rest <= worst:
                worst = rest
        if math.isfinite(worst):
            for k in range(d):
                planes[k, node] = gram[k, d]
            planes[d + 1, node] = worst
