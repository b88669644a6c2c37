"""Minima of c(x_i, y_j) - g_j over j by branch and bound on trees of both clouds.

Every question of the geometric solver is one search: for each row i, the (at most) K columns with
the smallest c(x_i, y_j) - g_j below a bound T_i. With K = 1 it is the c-transform, with T = f it is
pricing, with T from a first guess it is the list of candidates. Rows are treated one leaf of the
tree of x at a time: one descent of the tree of y lists the leaves that may matter to any row of the
group, then each row tests that list in one vectorised sweep.

Two lower bounds on a box Y of columns are used, and each is safe in floating point:

* constant: c(gap between the boxes) - max g. Rounding is monotone, so with the same order of
  operations the computed bound never exceeds a computed reduced cost (powers other than 1 and 2 and
  norms other than 2 get a slack);
* tangent, for convex costs: with g(y) <= s.(y - q) + top about the centre q, delta = x - q and a
  subgradient v of c, convexity gives c(x - y) - g(y) >= c(delta) - top - sum_k |v_k + s_k| h_k for
  half widths h. Its rounding is covered by `_SLACK` times the sum of the magnitudes involved.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from . import costs
from ._jit import helper, kernel
from .kdtree import KDTree, build_tree

# Relative slack of the tangent bound: some 30 operations on the terms whose magnitudes are summed,
# 30 * 2**-53 = 3.3e-15, taken four times.
_SLACK = 1.4e-14

SQUARED, EUCLIDEAN, GENERAL = 0, 1, 2

# Leaves that are looked at in the order of their bounds.
_FRONT = 12

# Rows of a leaf share one descent, and its columns one vectorised loop: the fastest of 8 to 64.
LEAF_SIZE = 32

# Differences of nonzero coordinates above this one have squares far from underflow.
_TINY = 1e-120


class Field(NamedTuple):
    """Values on the points of a tree with upper bounds on every node (heap index).

    Attributes
    ----------
    values : (n,) in tree order
    top : (2 * n_leaves,) largest value of the node
    slope : (d, 2 * n_leaves), offset : (2 * n_leaves,)
        value(y) <= slope . (y - centre) + offset for every point y of the node
    """

    values: np.ndarray
    top: np.ndarray
    slope: np.ndarray
    offset: np.ndarray


def cost_mode(norm: float, power: float) -> int:
    """Code of the cost: the two common ones have vectorised loops."""
    if norm == 2.0 and power == 2.0:
        return SQUARED
    if norm == 2.0 and power == 1.0:
        return EUCLIDEAN
    return GENERAL


@helper
def _fit_node(points, start, stop, values, lower, upper, node, slope, at, work, gram):
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
            top[node], offset[node] = _fit_node(
                points, (q * n) >> h, ((q + 1) * n) >> h, values, lower, upper, node,
                slope, node, work, gram,
            )  # fmt: skip
    return top, slope, offset


@kernel
def _norm_power(differences, norm, power):
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
            out[t] = _norm_power(work, norm, power) - held[t]
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
        total = _norm_power(work, norm, power)
    return total - values[at]


@helper
def _box_bound(
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
        cost = _norm_power(work, norm, power) * (1.0 - 1e-13 * (d + 4.0) * (power + 2.0))
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
    tangent = (cost - offset[node]) - offset_x - spread - _SLACK * size
    # A NaN (huge values) must not prune.
    return tangent if tangent > constant else constant


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
                    total = _norm_power(work, norm, power) * (
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


@helper
def _sweep(
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
            tangent[t] = lengths[t] * (1.0 - _SLACK) - held[t]
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
            bounds[t] = max(bounds[t], lengths[t] * (1.0 - _SLACK) - held[t] - spread[t])


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
        top_x, offset_x = _fit_node(
            points_x, begin, end, bounds, lower_x, upper_x, node_x, slope_x, 0, work, gram
        )
        # One descent for the group of rows.
        n_listed = 0
        pointer = 1
        stack[0] = 1
        while pointer > 0:
            pointer -= 1
            node = stack[pointer]
            bound = _box_bound(
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
            packed_offset[t] = offset[node] + _SLACK * slack
        for i in range(begin, end):
            for k in range(d):
                x[k] = points_x[k, i]
            if mode == GENERAL:
                for t in range(n_listed):
                    for k in range(d):
                        work[k] = max(
                            max(packed_lower[k, t] - x[k], x[k] - packed_upper[k, t]), 0.0
                        )
                    cost = _norm_power(work, norm, power)
                    box_bounds[t] = cost * (1.0 - 1e-13 * (d + 4.0) * (power + 2.0)) - packed_top[t]
            else:
                _sweep(
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


def field(tree: KDTree, values: np.ndarray) -> Field:
    """Bound `values` (n,), given in tree order, on all nodes of `tree`."""
    return Field(values, *fit_field(tree.points, tree.lower, tree.upper, tree.depth, values))


def search_all(
    tree_x: KDTree,
    tree_y: KDTree,
    values: np.ndarray,
    norm: float,
    power: float,
    k: int,
    bounds: np.ndarray | None = None,
    n_threads: int = 1,
    tick: Callable[[], object] | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`search` over all rows, in slices of well under a second, on `n_threads` threads.

    Everything is in tree order. `bounds` (n,) are the T_i; None asks for the k best of every row.
    Returns (columns (n, k), reduced costs (n, k) ascending, counts (n,)); entries beyond a row's
    count are not set. The result does not depend on the number of threads. `tick` is called between
    slices, on the calling thread, and may raise.
    """
    n, m = tree_x.points.shape[1], tree_y.points.shape[1]
    k = min(k, m)
    guess = bounds is None
    limits = np.empty(n) if bounds is None else np.ascontiguousarray(bounds, dtype=np.float64)
    columns = np.empty((n, k), np.int64)
    found = np.empty((n, k))
    counts = np.zeros(n, np.int64)
    bounded = field(tree_y, values)
    reach = max(
        float(np.abs(box[:, 1]).max())
        for box in (tree_x.lower, tree_x.upper, tree_y.lower, tree_y.upper)
    )
    leaves = 1 << tree_x.depth
    # Rows of a slice: 50 microseconds a row is slow, and 20 million pairs take about 20 ms.
    rows = max(1, min(4096, 200_000_000 // m))
    step = max(1, rows * leaves // n)
    mode = cost_mode(norm, power)
    if mode != GENERAL and min(_least_magnitude(tree_x), _least_magnitude(tree_y)) < _TINY:
        mode = GENERAL

    def run(first: int) -> None:
        search(
            first, min(first + step, leaves), guess,
            tree_x.points, tree_x.lower, tree_x.upper, tree_x.depth, limits,
            tree_y.points, tree_y.lower, tree_y.upper, tree_y.depth,
            bounded.values, bounded.top, bounded.slope, bounded.offset,
            mode, norm, power, reach, columns, found, counts,
        )  # fmt: skip

    for_each(run, range(0, leaves, step), n_threads, tick)
    return columns, found, counts


def _least_magnitude(tree: KDTree) -> float:
    """Smallest absolute value of the coordinates that are not zero."""
    magnitudes = np.abs(tree.points)
    return float(np.min(magnitudes, where=magnitudes > 0.0, initial=np.inf))


def safe_scale(x: np.ndarray, y: np.ndarray) -> float:
    """Power of two that brings clouds x (n, d), y (m, d) to where squares are safe; mostly 1."""
    with np.errstate(over="ignore"):
        low = np.minimum(x.min(axis=0), y.min(axis=0))
        extent = float((np.maximum(x.max(axis=0), y.max(axis=0)) - low).max())
    if extent == 0.0 or 1e-60 < extent < 1e60:
        return 1.0
    exponent = math.frexp(min(extent, 1.7e308))[1]
    return math.ldexp(1.0, min(-exponent, 1000))


def for_each(
    run: Callable[[int], None],
    items: Iterable[int],
    n_threads: int,
    tick: Callable[[], object] | None = None,
) -> None:
    """Call `run` for every item, on threads where more than one is asked for."""
    if n_threads <= 1:
        for item in items:
            run(item)
            if tick is not None:
                tick()
        return
    with ThreadPoolExecutor(n_threads) as pool:
        try:
            for future in [pool.submit(run, item) for item in items]:
                future.result()
                if tick is not None:
                    tick()
        except BaseException:
            # Ctrl-C or stop: what has not begun is dropped, what runs ends within its slice.
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def pruned_c_transform(
    x: np.ndarray, y: np.ndarray, g: np.ndarray, norm: float, power: float, n_threads: int = 1
) -> np.ndarray:
    """min_j |x_i - y_j|_norm ** power - g_j for every row i: (n,) values.

    x is (n, d), y (m, d), g (m,). Bounds are conservative in floating point: each value is the
    computed c(x_i, y_j) - g_j of some j, and no j has a smaller one beyond the rounding of that
    one evaluation.
    """
    x = np.ascontiguousarray(x, dtype=np.float64)
    y = np.ascontiguousarray(y, dtype=np.float64)
    g = np.asarray(g, dtype=np.float64)
    scale = safe_scale(x, y)
    unit = scale**power
    tree_x, tree_y = build_tree(x * scale, LEAF_SIZE), build_tree(y * scale, LEAF_SIZE)
    values = np.ascontiguousarray(g[tree_y.order]) * unit
    columns, _, _ = search_all(tree_x, tree_y, values, norm, power, 1, None, n_threads)
    best = np.empty(x.shape[0], np.int64)
    best[tree_x.order] = tree_y.order[columns[:, 0]]
    rows = np.arange(x.shape[0])
    return costs.gathered(x, y, rows, best, norm, power) - g[best]
