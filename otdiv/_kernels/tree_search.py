"""The search on two trees behind every question of the geometric solver: see `tree_transform`."""

import math

import numpy as np

from ._jit import kernel, part
from .tree_bounds import EUCLIDEAN, box_bound, norm_power, sweep

# Leaves that are looked at in the order of their bounds.
_FRONT = 12


@part
def _hits(points, start, stop, x, values, mode, norm, power, threshold, out, work):
    """out[t] = c(x, points[:, start + t]) - values[start + t]; returns how many are < threshold.

    The loops vectorise; the first two dimensions share one.
    """
    d = points.shape[0]
    hits = 0
    out = out[: stop - start]
    held = values[start:stop]
    if norm is not None:
        for t in range(out.size):
            for k in range(d):
                work[k] = x[k] - points[k, start + t]
            out[t] = norm_power(work, norm, power) - held[t]
            hits += out[t] < threshold
        return hits
    first, second = points[0, start:stop], points[min(1, d - 1), start:stop]
    x0, x1 = x[0], x[min(1, d - 1)]
    both = 1.0 if d > 1 else 0.0
    for t in range(out.size):
        z0, z1 = x0 - first[t], both * (x1 - second[t])
        out[t] = z0 * z0 + z1 * z1
    for k in range(2, d):
        row, xk = points[k, start:stop], x[k]
        for t in range(out.size):
            z = xk - row[t]
            out[t] += z * z
    if mode == EUCLIDEAN:
        for t in range(out.size):
            out[t] = math.sqrt(out[t]) - held[t]
            hits += out[t] < threshold
    else:
        for t in range(out.size):
            out[t] -= held[t]
            hits += out[t] < threshold
    return hits


@part
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


@part
def _list_leaves(boxes_x, planes_x, node_x, boxes, planes, mode, norm, power, work, listed, packed):
    """List the leaves of a tree that may matter to a node of another, the most promising first.

    Writes them, numbered from 0, to `listed` and their data to `packed` (see `sweep`).
    """
    leaves = listed.size // 2
    bounds = packed[packed.shape[0] - 1]
    # The list grows from the left, the stack of nodes to look at from the right.
    count = 0
    pointer = listed.size - 1
    listed[pointer] = 1
    while pointer < listed.size:
        node = listed[pointer]
        pointer += 1
        bound = box_bound(boxes_x, planes_x, node_x, boxes, planes, node, mode, norm, power, work)
        if bound >= 0.0:
            continue
        if node < leaves:
            pointer -= 2
            listed[pointer] = 2 * node + 1
            listed[pointer + 1] = 2 * node
        else:
            listed[count] = node
            bounds[count] = bound
            count += 1
    # Leaves early in the list bring the thresholds down.
    for t in range(min(_FRONT, count)):
        least = t
        for e in range(t + 1, count):
            if bounds[e] < bounds[least]:
                least = e
        listed[t], listed[least] = listed[least], listed[t]
        bounds[least] = bounds[t]
    for t in range(count):
        node = listed[t]
        listed[t] = node - leaves
        for k in range(boxes.shape[0]):
            packed[k, t] = boxes[k, node]
        for k in range(planes.shape[0]):
            packed[boxes.shape[0] + k, t] = planes[k, node]
    return count


@kernel
def search(
    first, last, points_x, boxes_x, planes_x, limits, points, boxes, planes, depth, values,
    mode, norm, power, columns, found, counts,
):  # fmt: skip
    """The K smallest reduced costs below T_i for rows in leaves [first, last) of the tree of x.

    Parameters
    ----------
    points_x, boxes_x : see `KDTree`
    limits : (n,) T_i; planes_x : planes above them on the leaves
    points, boxes, depth, values, planes : the tree of y, g on its points, planes above g
    norm : float, or None for the modes SQUARED and EUCLIDEAN
    columns : (n, K) int64, found : (n, K), counts : (n,) int64
        Filled with positions in the tree of y and reduced costs, ascending.

    Returns
    -------
    The number of reduced costs computed.
    """
    d, n = points_x.shape
    m = points.shape[1]
    leaves_x = boxes_x.shape[1] // 2
    size = columns.shape[1]
    x = np.empty(d)
    work = np.empty(d)
    listed = np.empty(2 << depth, np.int64)
    packed = np.empty((3 * d + 5, 1 << depth))
    bounds = packed[3 * d + 4]
    reduced = np.empty((m >> depth) + 2)
    evaluated = 0
    for p in range(first, last):
        n_listed = _list_leaves(
            boxes_x, planes_x, leaves_x + p, boxes, planes, mode, norm, power, work, listed, packed
        )
        for i in range(p * n // leaves_x, (p + 1) * n // leaves_x):
            for k in range(d):
                x[k] = points_x[k, i]
            if norm is not None:
                for t in range(n_listed):
                    for k in range(d):
                        work[k] = max(abs(x[k] - packed[k, t]) - packed[d + k, t], 0.0)
                    cost = norm_power(work, norm, power)
                    bounds[t] = cost * (1.0 - 1e-13 * (d + 4.0) * (power + 2.0)) - packed[3 * d, t]
            else:
                sweep(x, n_listed, packed, mode)
            threshold = limits[i]
            count = np.int64(0)
            best_values, best_columns = found[i], columns[i]
            for t in range(n_listed):
                if bounds[t] >= threshold:
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
