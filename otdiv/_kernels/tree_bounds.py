"""Lower bounds of c(x, y) - g(y) on boxes of a tree, safe in floating point.

* Constant: c(gap between the boxes) - max g, the cost less a relative slack. (Half widths are
  rounded up, so the gap is too large by a few roundings of itself at most.)
* Tangent, for convex costs: with g(y) <= s.(y - q) + top about the centre q, delta = x - q and a
  subgradient v of c, convexity gives c(x - y) - g(y) >= c(delta) - top - sum_k |v_k + s_k| h_k for
  half widths h. Its rounding is covered by `SLACK` times the sum of the magnitudes involved.
"""

import math

import numpy as np

from ._jit import helper, kernel, part

# Relative slack of the tangent bound: some 30 operations on the terms whose magnitudes are summed,
# 30 * 2**-53 = 3.3e-15, taken four times. A gap, which the constant bound takes to a power, has 5.
SLACK = 1.4e-14

# Codes of the cost: the two common ones have vectorised loops.
# The third is told by a norm that is not None: its code is not even compiled where it is.
SQUARED, EUCLIDEAN, GENERAL = 0, 1, 2


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
def fit_planes(points, boxes, first, depth, values):
    """Planes (d + 2, nodes) above `values` (n,) on the nodes of the levels first, ..., depth.

    Rows are slope, top and offset of a `Field`. The slope is a ridge least-squares fit; any slope
    is valid, since the offset is then taken as a maximum over the points.
    """
    d, n = points.shape
    planes = np.zeros((d + 2, 2 << depth))
    # A work row a dimension: the Gram matrix, its right side, and the point that is subtracted.
    gram = np.empty((d, d + 2))
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
                gram[k, e] = total
            trace += gram[k, k]
        if not (trace > 1e-290 and trace < 1e290):
            continue
        # Cholesky with a ridge, in place; the right side becomes the slope. d <= 3.
        for k in range(d):
            gram[k, k] += 1e-6 * trace
            for e in range(k):
                for w in range(e):
                    gram[k, e] -= gram[k, w] * gram[e, w]
                gram[k, e] /= gram[e, e]
                gram[k, k] -= gram[k, e] * gram[k, e]
                gram[k, d] -= gram[k, e] * gram[e, d]
            gram[k, k] = math.sqrt(max(gram[k, k], 1e-7 * trace))
            gram[k, d] /= gram[k, k]
        for k in range(d - 1, -1, -1):
            gram[k, d] /= gram[k, k]
            for e in range(k):
                gram[e, d] -= gram[k, e] * gram[k, d]
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
    return planes


@part
def box_bound(boxes_x, planes_x, p, boxes, planes, q, mode, norm, power, work):
    """Lower bound of c(x, y) - g(y) - T(x) over x in node p of one tree and y in node q of another.

    The rounding of the tangent bound is in the planes' offsets, but for that of the cost.
    """
    d = work.shape[0]
    total = 0.0
    length = 0.0
    for k in range(d):
        z = boxes_x[k, p] - boxes[k, q]
        gap = max(abs(z) - boxes_x[d + k, p] - boxes[d + k, q], 0.0)
        work[k] = gap if norm is not None else z
        total += gap * gap
        length += z * z
    if norm is not None:
        total = norm_power(work, norm, power) * (1.0 - 1e-13 * (d + 4.0) * (power + 2.0))
        return total - planes[d, q] - planes_x[d, p]
    scale = 2.0
    if mode == EUCLIDEAN:
        total = math.sqrt(total)
        length = math.sqrt(length)
        scale = 1.0 / max(length, 1e-300)
    constant = total * (1.0 - SLACK) - planes[d, q] - planes_x[d, p]
    if d > 3 or constant >= 0.0:
        return constant
    tangent = length * (1.0 - SLACK) - planes[d + 1, q] - planes_x[d + 1, p]
    for k in range(d):
        gradient = scale * work[k]
        tangent -= abs(gradient + planes[k, q]) * boxes[d + k, q]
        tangent -= abs(gradient - planes_x[k, p]) * boxes_x[d + k, p]
    # A NaN (huge values) must not prune.
    return tangent if tangent > constant else constant


@part
def sweep(x, count, packed, mode):
    """Lower bounds of c(x, y) - g(y) on `count` packed boxes, in the last row; loops vectorise.

    Rows of `packed`: those of boxes (2 d), those of planes (d + 2), two of work space, the bounds.
    """
    d = x.shape[0]
    top, offset = packed[3 * d, :count], packed[3 * d + 1, :count]
    lengths, scales = packed[3 * d + 2, :count], packed[3 * d + 3, :count]
    bounds = packed[3 * d + 4, :count]
    for t in range(count):
        bounds[t] = 0.0
        lengths[t] = 0.0
    for k in range(d):
        middle, width, xk = packed[k, :count], packed[d + k, :count], x[k]
        for t in range(count):
            z = abs(xk - middle[t])
            gap = max(z - width[t], 0.0)
            bounds[t] += gap * gap
            lengths[t] += z * z
    if mode == EUCLIDEAN:
        for t in range(count):
            bounds[t] = math.sqrt(bounds[t])
            lengths[t] = math.sqrt(lengths[t])
            scales[t] = 1.0 / max(lengths[t], 1e-300)
    for t in range(count):
        bounds[t] = bounds[t] * (1.0 - SLACK) - top[t]
    if d > 3:
        return
    for t in range(count):
        lengths[t] = lengths[t] * (1.0 - SLACK) - offset[t]
        scales[t] = scales[t] if mode == EUCLIDEAN else 2.0
    for k in range(d):
        middle, width, steep, xk = packed[k, :count], packed[d + k], packed[2 * d + k], x[k]
        for t in range(count):
            lengths[t] -= abs((xk - middle[t]) * scales[t] + steep[t]) * width[t]
    for t in range(count):
        bounds[t] = max(bounds[t], lengths[t])
