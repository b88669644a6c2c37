"""Lower bounds of c(x, y) - g(y) on boxes of a tree, safe in floating point.

* Constant: c(gap between the boxes) - max g. Rounding is monotone, so with the same order of
  operations the computed bound never exceeds a computed reduced cost (powers other than 1 and 2 and
  norms other than 2 get a slack).
* Tangent, for convex costs: with g(y) <= s.(y - q) + top about the centre q, delta = x - q and a
  subgradient v of c, convexity gives c(x - y) - g(y) >= c(delta) - top - sum_k |v_k + s_k| h_k for
  half widths h. Its rounding is covered by `SLACK` times the sum of the magnitudes involved.
"""

import math

import numpy as np

from ._jit import helper, kernel

# Relative slack of the tangent bound: some 30 operations on the terms whose magnitudes are summed,
# 30 * 2**-53 = 3.3e-15, taken four times.
SLACK = 1.4e-14

# Codes of the cost: the two common ones have vectorised loops.
SQUARED, EUCLIDEAN, GENERAL = 0, 1, 2


@kernel
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


@helper
def fit_node(points, start, stop, values, lower, upper, node, slope, at, work, gram):
    """Top and offset of one node, its slope written to `slope[:, at]`: see `Field`.

    The slope is a ridge least-squares fit; any slope is valid, since the offset is then taken as a
    maximum over the points.
    """
    d = points.shape[0]
    size = stop - start
    largest = values[start]
    average = 0.0
    for t in range(start, stop):
        largest = max(largest, values[t])
        average += values[t]
    average /= size
    for k in range(d):
        slope[k, at] = 0.0
    # Boxes of many dimensions do not prune, and a few points fit anything.
    if d > 3 or size < d + 2 or not math.isfinite(average):
        return largest, largest
    trace = 0.0
    for k in range(d):
        total = 0.0
        for t in range(start, stop):
            total += points[k, t]
        work[k] = total / size
    right = gram[d]
    for k in range(d):
        total = 0.0
        for t in range(start, stop):
            total += (points[k, t] - work[k]) * (values[t] - average)
        right[k] = total
        for e in range(k + 1):
            total = 0.0
            for t in range(start, stop):
                total += (points[k, t] - work[k]) * (points[e, t] - work[e])
            gram[k, e] = total
        trace += gram[k, k]
    if not (trace > 1e-290 and trace < 1e290):
        return largest, largest
    # Cholesky with a ridge, in place; d <= 3.
    for k in range(d):
        gram[k, k] += 1e-6 * trace
        for e in range(k):
            total = gram[k, e]
            for w in range(e):
                total -= gram[k, w] * gram[e, w]
            gram[k, e] = total / gram[e, e]
        total = gram[k, k]
        for w in range(k):
            total -= gram[k, w] * gram[k, w]
        gram[k, k] = math.sqrt(max(total, 1e-7 * trace))
        for w in range(k):
            right[k] -= gram[k, w] * right[w]
        right[k] /= gram[k, k]
    for k in range(d - 1, -1, -1):
        for w in range(k + 1, d):
            right[k] -= gram[w, k] * right[w]
        right[k] /= gram[k, k]
    for k in range(d):
        work[k] = 0.5 * lower[k, node] + 0.5 * upper[k, node]
    worst = -np.inf
    for t in range(start, stop):
        rest = values[t]
        for k in range(d):
            rest -= right[k] * (points[k, t] - work[k])
        # NaN loses every comparison and must not pass: keep it.
        if not rest <= worst:
            worst = rest
    if not math.isfinite(worst):
        return largest, largest
    for k in range(d):
        slope[k, at] = right[k]
    return largest, worst


@kernel
def fit_field(points, lower, upper, depth, values):
    """Bounds of `values` (n,) on all nodes of a tree: `top`, `slope`, `offset` of a `Field`."""
    d, n = points.shape
    nodes = 2 << depth
    top = np.empty(nodes)
    slope = np.zeros((d, nodes))
    offset = np.empty(nodes)
    gram = np.empty((d + 1, d))
    work = np.empty(d)
    for h in range(depth + 1):
        for q in range(1 << h):
            node = (1 << h) + q
            top[node], offset[node] = fit_node(
                points, (q * n) >> h, ((q + 1) * n) >> h, values, lower, upper, node,
                slope, node, work, gram,
            )  # fmt: skip
    return top, slope, offset


@helper
def box_bound(
    lower_x, upper_x, node_x, top_x, slope_x, offset_x,
    lower, upper, node, top, slope, offset, mode, norm, power, reach, work,
):  # fmt: skip
    """Lower bound of c(x, y) - g(y) - T(x) over x in one box and y in another.

    `reach` bounds all coordinates: the rounding of the tangent bound is counted in it.
    """
    d = work.shape[0]
    total = 0.0
    for k in range(d):
        gap = max(lower[k, node] - upper_x[k, node_x], lower_x[k, node_x] - upper[k, node])
        work[k] = max(gap, 0.0)
        total += work[k] * work[k]
    if mode == SQUARED:
        cost = total
    elif mode == EUCLIDEAN:
        cost = math.sqrt(total)
    else:
        cost = norm_power(work, norm, power) * (1.0 - 1e-13 * (d + 4.0) * (power + 2.0))
    constant = (cost - top[node]) - top_x
    if mode == GENERAL or d > 3 or constant >= 0.0:
        return constant
    total = 0.0
    for k in range(d):
        work[k] = 0.5 * (lower_x[k, node_x] + upper_x[k, node_x] - lower[k, node] - upper[k, node])
        total += work[k] * work[k]
    if mode == SQUARED:
        cost, scale = total, 2.0
    else:
        cost = math.sqrt(total)
        scale = 1.0 / cost if cost > 0.0 else 0.0
    spread, size = 0.0, cost + abs(offset[node]) + abs(offset_x)
    for k in range(d):
        gradient = scale * work[k]
        s, t = slope[k, node], slope_x[k, 0]
        spread += abs(gradient + s) * (0.5 * (upper[k, node] - lower[k, node]))
        spread += abs(gradient - t) * (0.5 * (upper_x[k, node_x] - lower_x[k, node_x]))
        size += 6.0 * reach * (abs(gradient) + abs(s) + abs(t))
    tangent = (cost - offset[node]) - offset_x - spread - SLACK * size
    # A NaN (huge values) must not prune.
    return tangent if tangent > constant else constant


@helper
def sweep(
    x, count, lower, upper, centre, half, slope, top, offset, mode, reach, bounds, lengths,
):  # fmt: skip
    """Lower bounds[:count] of c(x, y) - g(y) on `count` packed boxes; the loops vectorise."""
    d = x.shape[0]
    bounds = bounds[:count]
    lengths = lengths[:count]
    for k in range(d):
        low, high, xk = lower[k, :count], upper[k, :count], x[k]
        if k == 0:
            for t in range(count):
                gap = max(max(low[t] - xk, xk - high[t]), 0.0)
                bounds[t] = gap * gap
        else:
            for t in range(count):
                gap = max(max(low[t] - xk, xk - high[t]), 0.0)
                bounds[t] += gap * gap
    held = top[:count]
    if mode == EUCLIDEAN:
        for t in range(count):
            bounds[t] = math.sqrt(bounds[t]) - held[t]
    else:
        for t in range(count):
            bounds[t] -= held[t]
    if d > 3:
        return
    for t in range(count):
        lengths[t] = 0.0
    for k in range(d):
        middle, xk = centre[k, :count], x[k]
        for t in range(count):
            z = xk - middle[t]
            lengths[t] += z * z
    # `offset` holds the slack of its own box already; that of the gradient is added here.
    held = offset[:count]
    tangent = lengths
    if mode == SQUARED:
        for t in range(count):
            tangent[t] = lengths[t] * (1.0 - SLACK) - held[t]
        for k in range(d):
            middle, width, steep, xk = centre[k, :count], half[k, :count], slope[k, :count], x[k]
            for t in range(count):
                gradient = 2.0 * (xk - middle[t])
                tangent[t] -= abs(gradient + steep[t]) * width[t]
        for t in range(count):
            bounds[t] = max(bounds[t], tangent[t])
    else:
        for t in range(count):
            lengths[t] = math.sqrt(lengths[t])
        spread = half[d, :count]
        for t in range(count):
            spread[t] = 0.0
        for k in range(d):
            middle, width, steep, xk = centre[k, :count], half[k, :count], slope[k, :count], x[k]
            for t in range(count):
                gradient = (xk - middle[t]) / max(lengths[t], 1e-300)
                spread[t] += abs(gradient + steep[t]) * width[t]
        for t in range(count):
            bounds[t] = max(bounds[t], lengths[t] * (1.0 - SLACK) - held[t] - spread[t])
