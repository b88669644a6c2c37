"""A balanced tree over a point cloud: the points in tree order, and one box a node.

The tree is implicit. Node `q` of level `h` (heap index `2**h + q`) holds the points with positions
`q * n >> h` to `(q + 1) * n >> h` of the order, so that levels need no pointers and the nodes of a
level, taken as single points, are again a cloud in tree order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._jit import kernel


class KDTree(NamedTuple):
    """Points in tree order and the boxes of all nodes down to the leaves.

    Attributes
    ----------
    points : (d, n) float64, coordinates in tree order, one row a dimension
    order : (n,) int64, the caller's index of each position
    lower, upper : (d, 2 * n_leaves) float64, corners of the boxes by heap index; column 0 is unused
    boxes : (2 d, 2 * n_leaves) float64, centres and half widths, the latter rounded up
    depth : int, level of the leaves
    """

    points: np.ndarray
    order: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    boxes: np.ndarray
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
    lower, upper = corners(points, depth)
    centres = 0.5 * lower + 0.5 * upper
    # Generous, so that |x - centre| less the half width never exceeds the gap by its own rounding.
    halves = np.maximum(upper - centres, centres - lower) * (1.0 + 2.0**-48)
    return KDTree(points, order, lower, upper, np.concatenate([centres, halves]), depth)


def _starts(n: int, depth: int) -> np.ndarray:
    """First position of each of the 2**depth nodes of a level."""
    return (np.arange(1 << depth) * n) >> depth


def corners(points: np.ndarray, depth: int) -> tuple[np.ndarray, np.ndarray]:
    """Corners (d, 2 * n_leaves) of the boxes of all nodes, by heap index; exact, no rounding."""
    leaves = 1 << depth
    corners = []
    for extreme in (np.minimum, np.maximum):
        found = np.zeros((points.shape[0], 2 * leaves))
        found[:, leaves:] = extreme.reduceat(points, _starts(points.shape[1], depth), axis=1)
        first = leaves
        while first > 1:
            children = found[:, first : 2 * first]
            found[:, first // 2 : first] = extreme(children[:, ::2], children[:, 1::2])
            first //= 2
        corners.append(found)
    return corners[0], corners[1]


def centroids(points: np.ndarray, masses: np.ndarray, depth: int) -> tuple[np.ndarray, np.ndarray]:
    """The nodes of a level as points (d, 2**depth), means of their points, and their masses.

    `masses` (n,) are positive integers: a node without mass has no mean.
    """
    starts = _starts(points.shape[1], depth)
    totals = np.add.reduceat(masses, starts)
    base = points[:, starts]
    offsets = points - np.repeat(base, np.diff(starts, append=points.shape[1]), axis=1)
    return base + np.add.reduceat(offsets * masses, starts, axis=1) / totals, totals


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
                low = value if value < low else low
                high = value if value > high else high
            if high - low > widest:
                widest, widest_dimension = high - low, k
        if not widest > 0.0:
            continue
        for t in range(start, stop):
            keys[t] = points[widest_dimension, order[t]]
        # Quickselect: no key before `middle` is above one from it on.
        middle = ((2 * q + 1) * n) >> (h + 1)
        state = np.uint64(88172645463325252)
        first, last = start, stop - 1
        while first < last:
            # A pseudo-random pivot: no input order can make this quadratic but by bad luck.
            state ^= state << np.uint64(13)
            state ^= state >> np.uint64(7)
            state ^= state << np.uint64(17)
            pivot = keys[first + np.int64(state % np.uint64(last - first + 1))]
            i, j = first, last
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
                last = j
            elif middle >= i:
                first = i
            else:
                break
