"""The search on two trees behind every question of the geometric solver: see `tree_transform`."""

import math

import numpy as np

from ._jit import helper, kernel
from .tree_bounds import (
    EUCLIDEAN,
    GENERAL,
    SLACK,
    box_bound,
    fit_node,
    norm_power,
    sweep,
)

# Leaves that are looked at in the order of their bounds.
_FRONT = 12


@helper
def _hits(points, start, stop, x, values, mode, norm, power, threshold, out, work):
    """out[t] = c(x, points[:, start + t]) - values[start + t]; returns how many are < threshold.

    The loops vectorise; the two common dimensions have one loop each.
    """
    d = points.shape[0]
    size = stop - start
    out = out[:size]
    held = values[start:stop]
    first = points[0, start:stop]
    second = points[min(1, d - 1), start:stop]
    third = points[min(2, d - 1), start:stop]
    x0, x1, x2 = x[0], x[min(1, d - 1)], x[min(2, d - 1)]
    hits = 0
    if mode == GENERAL:
        for t in range(size):
            for k in range(d):
                work[k] = x[k] - points[k, start + t]
            out[t] = norm_power(work, norm, power) - held[t]
            hits += out[t] < threshold
        return hits
    if d == 2:
        if mode == EUCLIDEAN:
            for t in range(size):
                z0, z1 = x0 - first[t], x1 - second[t]
                out[t] = math.sqrt(z0 * z0 + z1 * z1) - held[t]
                hits += out[t] < threshold
        else:
            for t in range(size):
                z0, z1 = x0 - first[t], x1 - second[t]
                out[t] = (z0 * z0 + z1 * z1) - held[t]
                hits += out[t] < threshold
        return hits
    if d == 3:
        for t in range(size):
            z0, z1, z2 = x0 - first[t], x1 - second[t], x2 - third[t]
            out[t] = z0 * z0 + z1 * z1 + z2 * z2
    else:
        for t in range(size):
            z0 = x0 - first[t]
            out[t] = z0 * z0
        for k in range(1, d):
            row = points[k, start:stop]
            xk = x[k]
            for t in range(size):
                zk = xk - row[t]
                out[t] += zk * zk
    if mode == EUCLIDEAN:
        for t in range(size):
            out[t] = math.sqrt(out[t]) - held[t]
            hits += out[t] < threshold
    else:
        for t in range(size):
            out[t] -= held[t]
            hits += out[t] < threshold
    return hits


@helper
def _one(points, at, x, values, mode, norm, power, work):
    """c(x, points[:, at]) - values[at]; the same operations as in `_hits`."""
    total = 0.0
    for k in range(points.shape[0]):
        work[k] = x[k] - points[k, at]
        total += work[k] * work[k]
    if mode == EUCLIDEAN:
        total = math.sqrt(total)
    elif mode == GENERAL:
        total = norm_power(work, norm, power)
    return total - values[at]


@helper
def _insert(best_values, best_columns, count, value, column):
    """Insert into an ascending list of at most its length; returns the new count."""
    size = best_values.shape[0]
    t = count if count < size else size - 1
    while t > 0 and best_values[t - 1] > value:
        best_values[t] = best_values[t - 1]
        best_columns[t] = best_columns[t - 1]
        t -= 1
    best_values[t] = value
    best_columns[t] = column
    return count + 1 if count < size else count


@helper
def _nearest_to(
    x, points, lower, upper, depth, values, top, mode, norm, power,
    best_values, best_columns, stack, stack_bounds, reduced, work,
):  # fmt: skip
    """Fill the list with the smallest c(x, y_j) - g_j for one point; depth first, nearer first."""
    n = points.shape[1]
    d = points.shape[0]
    leaves = 1 << depth
    size = best_values.shape[0]
    count = 0
    pointer = 1
    stack[0] = 1
    stack_bounds[0] = -np.inf
    threshold = np.inf
    while pointer > 0:
        pointer -= 1
        if stack_bounds[pointer] >= threshold:
            continue
        node = stack[pointer]
        while node < leaves:
            near, far = 2 * node, 2 * node + 1
            bound_near, bound_far = 0.0, 0.0
            for child in range(2):
                total = 0.0
                at = near if child == 0 else far
                for k in range(d):
                    gap = max(max(lower[k, at] - x[k], x[k] - upper[k, at]), 0.0)
                    work[k] = gap
                    total += gap * gap
                if mode == EUCLIDEAN:
                    total = math.sqrt(total)
                elif mode == GENERAL:
                    total = norm_power(work, norm, power) * (
                        1.0 - 1e-13 * (d + 4.0) * (power + 2.0)
                    )
                if child == 0:
                    bound_near = total - top[at]
                else:
                    bound_far = total - top[at]
            if bound_far < bound_near:
                near, far = far, near
                bound_near, bound_far = bound_far, bound_near
            if bound_near >= threshold:
                node = 0
                break
            if bound_far < threshold:
                stack[pointer] = far
                stack_bounds[pointer] = bound_far
                pointer += 1
            node = near
        if node == 0:
            continue
        q = node - leaves
        start, stop = (q * n) >> depth, ((q + 1) * n) >> depth
        hits = _hits(points, start, stop, x, values, mode, norm, power, threshold, reduced, work)
        if hits == 0:
            continue
        for t in range(stop - start):
            if reduced[t] < threshold:
                count = _insert(best_values, best_columns, count, reduced[t], start + t)
                if count == size:
                    threshold = best_values[size - 1]
    return count


@kernel
def search(
    first, last, guess,
    points_x, lower_x, upper_x, depth_x, bounds,
    points, lower, upper, depth, values, top, slope, offset,
    mode, norm, power, reach, columns, found, counts,
):  # fmt: skip
    """The K smallest reduced costs below T_i for rows in leaves [first, last) of the tree of x.

    Parameters
    ----------
    guess : bool; True finds T_i from a search at the leaf's centre (then `bounds` is overwritten,
        and every row finds min(K, m) columns); False takes T_i = `bounds`[i].
    reach : float, at least the absolute value of every coordinate
    columns : (n, K) int64, found : (n, K), counts : (n,) int64
        Filled with positions in the tree of y and reduced costs, ascending.

    Returns
    -------
    The number of reduced costs computed.
    """
    d, n = points_x.shape
    m = points.shape[1]
    leaves = 1 << depth
    size = columns.shape[1]
    x = np.empty(d)
    work = np.empty(d)
    gram = np.empty((d + 1, d))
    slope_x = np.zeros((d, 1))
    stack = np.empty(4 * depth + 8, np.int64)
    stack_bounds = np.empty(4 * depth + 8)
    listed = np.empty(leaves, np.int64)
    box_bounds = np.empty(leaves)
    lengths = np.empty(leaves)
    packed_lower = np.empty((d, leaves))
    packed_upper = np.empty((d, leaves))
    packed_centre = np.empty((d, leaves))
    packed_half = np.empty((d + 1, leaves))
    packed_slope = np.empty((d, leaves))
    packed_top = np.empty(leaves)
    packed_offset = np.empty(leaves)
    reduced = np.empty((m >> depth) + 2)
    seeds = np.empty(size, np.int64)
    seed_values = np.empty(size)
    evaluated = 0
    for p in range(first, last):
        node_x = (1 << depth_x) + p
        begin, end = (p * n) >> depth_x, ((p + 1) * n) >> depth_x
        if guess:
            for k in range(d):
                x[k] = 0.5 * lower_x[k, node_x] + 0.5 * upper_x[k, node_x]
            n_seeds = _nearest_to(
                x, points, lower, upper, depth, values, top, mode, norm, power,
                seed_values, seeds, stack, stack_bounds, reduced, work,
            )  # fmt: skip
            for i in range(begin, end):
                for k in range(d):
                    x[k] = points_x[k, i]
                worst = -np.inf
                for t in range(n_seeds):
                    value = _one(points, seeds[t], x, values, mode, norm, power, work)
                    worst = max(worst, value)
                # Just above, so that ties with the last seed still count.
                bounds[i] = np.nextafter(worst, np.inf)
        top_x, offset_x = fit_node(
            points_x, begin, end, bounds, lower_x, upper_x, node_x, slope_x, 0, work, gram
        )
        # One descent for the group of rows.
        n_listed = 0
        pointer = 1
        stack[0] = 1
        while pointer > 0:
            pointer -= 1
            node = stack[pointer]
            bound = box_bound(
                lower_x, upper_x, node_x, top_x, slope_x, offset_x,
                lower, upper, node, top, slope, offset, mode, norm, power, reach, work,
            )  # fmt: skip
            if bound >= 0.0:
                continue
            if node < leaves:
                stack[pointer] = 2 * node
                stack[pointer + 1] = 2 * node + 1
                pointer += 2
                continue
            listed[n_listed] = node
            box_bounds[n_listed] = bound
            n_listed += 1
        # The most promising leaves first: they bring the thresholds down.
        for t in range(min(_FRONT, n_listed)):
            least = t
            for e in range(t + 1, n_listed):
                if box_bounds[e] < box_bounds[least]:
                    least = e
            listed[t], listed[least] = listed[least], listed[t]
            box_bounds[t], box_bounds[least] = box_bounds[least], box_bounds[t]
        for t in range(n_listed):
            node = listed[t]
            listed[t] = node - leaves
            slack = abs(offset[node])
            for k in range(d):
                packed_lower[k, t] = lower[k, node]
                packed_upper[k, t] = upper[k, node]
                packed_centre[k, t] = 0.5 * lower[k, node] + 0.5 * upper[k, node]
                packed_half[k, t] = 0.5 * (upper[k, node] - lower[k, node])
                packed_slope[k, t] = slope[k, node]
                steepest = 1.0 if mode == EUCLIDEAN else 4.0 * reach
                slack += 6.0 * reach * (steepest + abs(slope[k, node]))
            packed_top[t] = top[node]
            packed_offset[t] = offset[node] + SLACK * slack
        for i in range(begin, end):
            for k in range(d):
                x[k] = points_x[k, i]
            if mode == GENERAL:
                for t in range(n_listed):
                    for k in range(d):
                        work[k] = max(
                            max(packed_lower[k, t] - x[k], x[k] - packed_upper[k, t]), 0.0
                        )
                    cost = norm_power(work, norm, power)
                    box_bounds[t] = cost * (1.0 - 1e-13 * (d + 4.0) * (power + 2.0)) - packed_top[t]
            else:
                sweep(
                    x, n_listed, packed_lower, packed_upper, packed_centre, packed_half,
                    packed_slope, packed_top, packed_offset, mode, reach, box_bounds, lengths,
                )  # fmt: skip
            threshold = bounds[i]
            count = 0
            best_values, best_columns = found[i], columns[i]
            for t in range(n_listed):
                if box_bounds[t] >= threshold:
                    continue
                start, stop = (listed[t] * m) >> depth, ((listed[t] + 1) * m) >> depth
                hits = _hits(
                    points, start, stop, x, values, mode, norm, power, threshold, reduced, work
                )
                evaluated += stop - start
                if hits == 0:
                    continue
                for e in range(stop - start):
                    if reduced[e] < threshold:
                        count = _insert(best_values, best_columns, count, reduced[e], start + e)
                        if count == size:
                            threshold = best_values[size - 1]
            counts[i] = count
    return evaluated
