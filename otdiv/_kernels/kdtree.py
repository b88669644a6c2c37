"""A balanced tree over a point cloud: the points in tree order, and one box a node.

The tree is implicit. Node `q` of level `h` (heap index `2**h + q`) holds the points with positions
`q * n >> h` to `(q + 1) * n >> h` of the order, so that levels need no pointers and the nodes of a
level, taken as single points, are again a cloud in tree order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ._jit import helper, kernel


class KDTree(NamedTuple):
    """Points in tree order and the boxes of all nodes down to the leaves.

    Attributes
    ----------
    points : (d, n) float64, coordinates in tree order, one row a dimension
    order : (n,) int64, the caller's index of each position
    lower, upper : (d, 2 * n_leaves) float64, corners of the boxes by heap index; column 0 is unused
    depth : int, level of the leaves
    """

    points: np.ndarray
    order: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    depth: int


def depth_for(n: int, leaf_size: int) -> int:
    """Level at which a node holds at most `leaf_size` points (and at least one)."""
    depth = 0
    while (n >> depth) > leaf_size:
        depth += 1
    return depth


def build_tree(points: np.ndarray, leaf_size: int = 32, order_size: int = 32) -> KDTree:
    """Order the rows of `points` (n, d) and box them.

    The order is refined until nodes hold about `order_size` points; boxes stop at `leaf_size`.
    """
    n = points.shape[0]
    coordinates = np.ascontiguousarray(points.T, dtype=np.float64)
    order, keys = np.arange(n), np.empty(n)
    for h in range(depth_for(n, min(order_size, leaf_size))):
        split_level(coordinates, order, keys, h)
    return box_tree(np.ascontiguousarray(coordinates[:, order]), order, leaf_size)


def box_tree(points: np.ndarray, order: np.ndarray, leaf_size: int = 32) -> KDTree:
    """Box a cloud `points` (d, n) that is in tree order already."""
    depth = depth_for(points.shape[1], leaf_size)
    lower, upper = boxes(points, depth)
    return KDTree(points, order, lower, upper, depth)


@helper
def _select(keys, order, start, stop, middle):
    """Permute [start, stop): no key before `middle` is above one from it on (quickselect)."""
    state = np.uint64(88172645463325252)
    low, high = start, stop - 1
    while low < high:
        # A pseudo-random pivot: no input order can make this quadratic but by bad luck.
        state ^= state << np.uint64(13)
        state ^= state >> np.uint64(7)
        state ^= state << np.uint64(17)
        pivot = keys[low + np.int64(state % np.uint64(high - low + 1))]
        i, j = low, high
        while i <= j:
            while keys[i] < pivot:
                i += 1
            while keys[j] > pivot:
                j -= 1
            if i <= j:
                keys[i], keys[j] = keys[j], keys[i]
                order[i], order[j] = order[j], order[i]
                i += 1
                j -= 1
        if middle <= j:
            high = j
        elif middle >= i:
            low = i
        else:
            return


@kernel
def split_level(points, order, keys, h):
    """Split every node of level h of `order` (n,) at the median of its widest dimension.

    `points` (d, n) are in the caller's order; `keys` (n,) is work space.
    """
    d, n = points.shape
    for q in range(1 << h):
        start, stop = (q * n) >> h, ((q + 1) * n) >> h
        widest, widest_dimension = -1.0, 0
        for k in range(d):
            low, high = points[k, order[start]], points[k, order[start]]
            for t in range(start + 1, stop):
                value = points[k, order[t]]
                low = min(low, value)
                high = max(high, value)
            if high - low > widest:
                widest, widest_dimension = high - low, k
        if widest > 0.0:
            for t in range(start, stop):
                keys[t] = points[widest_dimension, order[t]]
            _select(keys, order, start, stop, ((2 * q + 1) * n) >> (h + 1))


@kernel
def boxes(points, depth):
    """Corners (d, 2 * n_leaves) of the boxes of all nodes, by heap index; exact, no rounding."""
    d, n = points.shape
    leaves = 1 << depth
    lower = np.zeros((d, 2 * leaves))
    upper = np.zeros((d, 2 * leaves))
    for k in range(d):
        for q in range(leaves):
            start, stop = (q * n) >> depth, ((q + 1) * n) >> depth
            low, high = points[k, start], points[k, start]
            for t in range(start + 1, stop):
                low = min(low, points[k, t])
                high = max(high, points[k, t])
            lower[k, leaves + q] = low
            upper[k, leaves + q] = high
        for node in range(leaves - 1, 0, -1):
            lower[k, node] = min(lower[k, 2 * node], lower[k, 2 * node + 1])
            upper[k, node] = max(upper[k, 2 * node], upper[k, 2 * node + 1])
    return lower, upper


@kernel
def centroids(points, masses, depth):
    """The nodes of a level as points (d, 2**depth), means of their points, and their masses.

    `masses` (n,) are positive integers: a node without mass has no mean.
    """
    d, n = points.shape
    nodes = 1 << depth
    means = np.empty((d, nodes))
    totals = np.empty(nodes, np.int64)
    for q in range(nodes):
        start, stop = (q * n) >> depth, ((q + 1) * n) >> depth
        mass = np.int64(0)
        for t in range(start, stop):
            mass += masses[t]
        totals[q] = mass
        for k in range(d):
            total = 0.0
            base = points[k, start]
            for t in range(start, stop):
                total += masses[t] * (points[k, t] - base)
            means[k, q] = base + total / mass
    return means, totals
