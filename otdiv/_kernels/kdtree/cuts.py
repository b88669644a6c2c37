"""Clusters of points in tree order, as cuts through the balanced k-d tree of `tree`.

A cut takes nodes from wherever they are small enough, so that points which lie alone stay alone
while dense regions are taken together. Cuts at smaller radii refine those at larger ones.

Values of nodes are arrays by heap index (see `tree`), of which entry 0 is unused.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .._jit import kernel
from . import tree


def node_edges(n: int, level: int) -> np.ndarray:
    """First position of each of the 2**level nodes of n points, and n."""
    return (np.arange((1 << level) + 1, dtype=np.int64) * n) >> level


def by_heap(leaves: np.ndarray, parent: Callable[[np.ndarray, np.ndarray], np.ndarray]):
    """Values of all nodes (2 L,) from those of the L leaves, a parent's from its two children."""
    levels = [leaves]
    while levels[-1].size > 1:
        levels.append(parent(levels[-1][::2], levels[-1][1::2]))
    return np.concatenate([np.zeros(1, dtype=leaves.dtype), *levels[::-1]])


def squared_radii(points: np.ndarray) -> np.ndarray:
    """Mean squared distance of points (d, n) to the centroid of their node, by heap index.

    The last level has nodes of at most two points.
    """
    n = points.shape[1]
    depth = tree.depth_for(n, 2)
    edges = node_edges(n, depth)
    sums = np.add.reduceat(points, edges[:-1], axis=1)
    squares = np.add.reduceat(np.square(points).sum(axis=0), edges[:-1])
    radii = []
    for level in range(depth, -1, -1):
        counts = np.diff(node_edges(n, level))
        # Of points in one place the difference is rounding, of either sign.
        mean = np.square(sums / counts).sum(axis=0)
        radii.append(np.maximum(squares / counts - mean, 0.0))
        if level:
            sums, squares = sums[:, ::2] + sums[:, 1::2], squares[::2] + squares[1::2]
    return np.concatenate([np.zeros(1), *radii[::-1]])


def highest_nodes(n: int, small: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First positions (k,) of the highest nodes that are `small`, and their heap indices (k,).

    `small` has a flag for each node down to some level. Points in no such node are taken one by
    one, with the index 0.
    """
    starts, nodes = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    count = _walk(np.int64(n), small, starts, nodes)
    return starts[:count].copy(), nodes[:count].copy()


@kernel
def _walk(n, small, starts, nodes):
    """Write what `highest_nodes` returns, in tree order; the number of it."""
    count, node, level = np.int64(0), np.int64(1), np.int64(0)
    while True:
        q = node - (np.int64(1) << level)
        if not small[node] and 2 * node < small.size:
            node, level = 2 * node, level + 1
            continue
        start = (q * n) >> level
        stop = start + 1 if small[node] else ((q + 1) * n) >> level
        for i in range(start, stop):
            starts[count], nodes[count] = i, node if small[node] else 0
            count += 1
        # The next node in tree order that is not below this one.
        while node & 1:
            if node == 1:
                return count
            node, level = node >> 1, level - 1
        node += 1


def cut(n: int, small: np.ndarray) -> np.ndarray:
    """First position of each of the `highest_nodes`, and n."""
    return np.append(highest_nodes(n, small)[0], n)


def cut_at_radius(radii: np.ndarray, n: int, largest: float) -> np.ndarray:
    """`cut` at the highest nodes whose mean squared radius is at most `largest`."""
    return cut(n, radii <= largest)


def cut_at_count(starts: np.ndarray, most: int) -> np.ndarray:
    """Groups of at most `most` clusters of a cut that share a node; numbers of the first, and k."""
    n = int(starts[-1])
    edges = node_edges(n, tree.depth_for(n, 2))
    counts = by_heap(np.diff(np.searchsorted(starts[:-1], edges)), np.add)
    return np.unique(np.searchsorted(starts, cut(n, counts <= most)))
