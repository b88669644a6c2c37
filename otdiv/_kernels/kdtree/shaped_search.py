"""`search` for the costs of `otdiv._kernels.shaped` but arcs: other bounds, the same walk."""

import math

import numpy as np

from .._jit import helper, kernel
from ..shaped import slope_of, value_of, wrapped

# Leaves that are looked at in the order of their bounds, before all others; by taste.
_FRONT = 12


@helper
def _raise_all(q, count, code, power, delta, cap):
    """Put costs in the place of `count` squared lengths; loops without branches are vectorised."""
    if code == 0 and power == 1.0:
        for t in range(count):
            q[t] = math.sqrt(q[t])
    elif code != 0 or power != 2.0:
        for t in range(count):
            q[t] = value_of(q[t], np.inf, code, power, delta, cap)


@kernel
def shaped_search(
    first, last, points_x, boxes_x, planes_x, limits, points, boxes, planes, depth, values,
    code, norm, power, delta, cap, periods, convex,
    columns, found, counts, packed, listed, near,
):  # fmt: skip
    """The K smallest reduced costs below T_i for rows in leaves [first, last) of the tree of x.

    Lower bounds on boxes: the cost of the gap, axes with a period going round; and, if `convex`,
    the tangent bound of `lower_bounds` wherever no axis reaches beyond half a period from the
    centre, as the cost is a convex function of one shift there. A cap bounds both.

    Parameters are those of `search`, and

    code, norm, power, delta, cap, periods : see `Shape`
    packed : (3 d + 7, leaves)
    near : (3, d + points in a leaf + 2)
    """
    d, n = points_x.shape
    m = points.shape[1]
    leaves, leaves_x = listed.size // 2, boxes_x.shape[1] // 2
    size = columns.shape[1]
    x, work = near[0], near[1, :d]
    lower = packed[3 * d + 4]
    bounding = 1.0 - 1e-13 * (d + 4.0) * (power + 2.0)
    for p in range(leaves_x + first, leaves_x + last):
        n_listed = 0
        pointer = listed.size - 1
        listed[pointer] = 1
        while pointer < listed.size:
            node = listed[pointer]
            pointer += 1
            q = 0.0
            length = 0.0
            straight = True
            for k in range(d):
                z = wrapped(boxes_x[k, p] - boxes[k, node], periods[k])
                width = boxes_x[d + k, p] + boxes[d + k, node]
                gap = max(abs(z) - width, 0.0)
                straight = straight and abs(z) + width <= 0.5 * periods[k]
                work[k] = z
                length += z * z
                if norm == 2.0:
                    q += gap * gap
                elif norm == 1.0:
                    q += gap
                else:
                    q = max(q, gap)
            if norm != 2.0:
                q = q * q
            q = q * (1.0 - 1e-13)
            cost = value_of(q, np.inf, code, power, delta, cap)
            bound = cost * bounding - planes[d, node] - planes_x[d, p]
            if convex and straight and bound < 0.0:
                cost = value_of(length, np.inf, code, power, delta, cap)
                if cost < cap:
                    scale = slope_of(length, cost, code, power, delta)
                    tangent = cost * bounding - planes[d + 1, node] - planes_x[d + 1, p]
                    for k in range(d):
                        gradient = scale * work[k]
                        tangent -= abs(gradient + planes[k, node]) * boxes[d + k, node]
                        tangent -= abs(gradient - planes_x[k, p]) * boxes_x[d + k, p]
                    tangent = min(tangent, cap * bounding - planes[d, node] - planes_x[d, p])
                    bound = tangent if tangent > bound else bound
            if bound >= 0.0:
                continue
            if node < leaves:
                pointer -= 2
                listed[pointer] = 2 * node + 1
                listed[pointer + 1] = 2 * node
            else:
                listed[n_listed] = node
                lower[n_listed] = bound
                n_listed += 1
        for t in range(min(_FRONT, n_listed)):
            least = t
            for e in range(t + 1, n_listed):
                if lower[e] < lower[least]:
                    least = e
            listed[t], listed[least] = listed[least], listed[t]
            lower[least] = lower[t]
        for t in range(n_listed):
            node = listed[t]
            listed[t] = node - leaves
            for k in range(2 * d):
                packed[k, t] = boxes[k, node]
            for k in range(d + 2):
                packed[2 * d + k, t] = planes[k, node]
        bounds, top, offset = packed[3 * d + 4, :n_listed], packed[3 * d], packed[3 * d + 1]
        lengths, bent = packed[3 * d + 2], packed[3 * d + 3]
        slopes, losses = packed[3 * d + 5], packed[3 * d + 6]
        for i in range((p - leaves_x) * n // leaves_x, (p - leaves_x + 1) * n // leaves_x):
            for k in range(d):
                x[k] = points_x[k, i]
            for t in range(n_listed):
                bounds[t] = 0.0
                lengths[t] = 0.0
                bent[t] = 0.0
            for k in range(d):
                middle, width, xk, period = packed[k], packed[d + k], x[k], periods[k]
                for t in range(n_listed):
                    z = abs(wrapped(xk - middle[t], period))
                    gap = max(z - width[t], 0.0)
                    bent[t] = max(bent[t], z + width[t] - 0.5 * period)
                    lengths[t] += z * z
                    if norm == 2.0:
                        bounds[t] += gap * gap
                    elif norm == 1.0:
                        bounds[t] += gap
                    else:
                        bounds[t] = max(bounds[t], gap)
            if norm != 2.0:
                for t in range(n_listed):
                    bounds[t] = bounds[t] * bounds[t]
            for t in range(n_listed):
                bounds[t] = bounds[t] * (1.0 - 1e-13)
            _raise_all(bounds, n_listed, code, power, delta, cap)
            for t in range(n_listed):
                bounds[t] = min(bounds[t], cap) * bounding - top[t]
            threshold = limits[i]
            if convex:
                if code == 0 and power == 1.0:
                    for t in range(n_listed):
                        slopes[t] = 1.0 / math.sqrt(max(lengths[t], 1e-200))
                else:
                    for t in range(n_listed):
                        cost = value_of(lengths[t], np.inf, code, power, delta, np.inf)
                        slopes[t] = slope_of(lengths[t], cost, code, power, delta)
                for t in range(n_listed):
                    losses[t] = 0.0
                for k in range(d):
                    middle, width, xk, period = packed[k], packed[d + k], x[k], periods[k]
                    tilt = packed[2 * d + k]
                    for t in range(n_listed):
                        gradient = slopes[t] * wrapped(xk - middle[t], period)
                        losses[t] += abs(gradient + tilt[t]) * width[t]
                _raise_all(lengths, n_listed, code, power, delta, np.inf)
                for t in range(n_listed):
                    tangent = lengths[t] * bounding - offset[t] - losses[t]
                    tangent = min(tangent, cap * bounding - top[t])
                    bounds[t] = max(bounds[t], -np.inf if bent[t] > 0.0 else tangent)
            count = 0
            best_values, best_columns = found[i], columns[i]
            for e in range(n_listed):
                if bounds[e] >= threshold:
                    continue
                start, stop = (listed[e] * m) >> depth, ((listed[e] + 1) * m) >> depth
                out, held = near[2, : stop - start], values[start:stop]
                hits = 0
                for t in range(out.size):
                    out[t] = 0.0
                for k in range(d):
                    row, xk, period = points[k, start:stop], x[k], periods[k]
                    for t in range(out.size):
                        z = wrapped(xk - row[t], period)
                        if norm == 2.0:
                            out[t] += z * z
                        elif norm == 1.0:
                            out[t] += abs(z)
                        else:
                            out[t] = max(out[t], abs(z))
                if norm != 2.0:
                    for t in range(out.size):
                        out[t] = out[t] * out[t]
                _raise_all(out, out.size, code, power, delta, cap)
                for t in range(out.size):
                    out[t] = min(out[t], cap) - held[t]
                    hits += out[t] < threshold
                if hits == 0:
                    continue
                for t in range(out.size):
                    value = out[t]
                    if value < threshold:
                        # Insert into an ascending list of at most K.
                        at = min(count, size - 1)
                        while at > 0 and best_values[at - 1] > value:
                            best_values[at] = best_values[at - 1]
                            best_columns[at] = best_columns[at - 1]
                            at -= 1
                        best_values[at] = value
                        best_columns[at] = start + t
                        count = min(count + 1, size)
                        if count == size:
                            threshold = best_values[size - 1]
            counts[i] = count
