"""Clusters of points in tree order: cuts through the balanced tree of `kdtree`.

A cut takes nodes from wherever they are small enough, so that points which lie alone stay alone
while dense regions are taken together. Cuts at smaller radii refine those at larger ones.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from . import kdtree


def node_edges(n: int, level: int) -> np.ndarray:
    """First position of each of the 2**level nodes of n points, and n."""
    return (np.arange((1 << level) + 1, dtype=np.int64) * n) >> level


def squared_radii(points: np.ndarray) -> list[np.ndarray]:
    """Mean squared distance of points (d, n) to the centroid of their node, level by level.

    The last level has nodes of at most two points.
    """
    n = points.shape[1]
    depth = kdtree.depth_for(n, 2)
    edges = node_edges(n, depth)
    sums = np.add.reduceat(points, edges[:-1], axis=1)
    squares = np.add.reduceat(np.square(points).sum(axis=0), edges[:-1])
    radii = []
    for level in range(depth, -1, -1):
        counts = np.diff(node_edges(n, level))
        radii.append(squares / counts - np.square(sums / counts).sum(axis=0))
        if level:
            sums, squares = sums[:, ::2] + sums[:, 1::2], squares[::2] + squares[1::2]
    return radii[::-1]


def highest_nodes(n: int, small: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """First positions (k,) of the highest nodes that are `small`, and their levels (k,).

    `small` has an array of flags a level, from the root on. Points in no such node are taken one
    by one, at level -1.
    """
    starts, levels = [], []
    free, depth = np.ones(1, dtype=bool), 0
    for level, flags in enumerate(small):
        free, depth = np.repeat(free, 2) if level else free, level
        taken = flags & free
        if taken.any():
            starts.append(node_edges(n, level)[:-1][taken])
            levels.append(level)
            free &= ~flags
        if not free.any():
            break
    else:
        starts.append(np.flatnonzero(np.repeat(free, np.diff(node_edges(n, depth)))))
        levels.append(-1)
    found = np.concatenate(starts)
    order = np.argsort(found)
    return found[order], np.repeat(levels, list(map(len, starts)))[order]


def cut(n: int, small: Iterable[np.ndarray]) -> np.ndarray:
    """First position of each of the `highest_nodes`, and n."""
    return np.append(highest_nodes(n, small)[0], n)


def cut_at_radius(radii: list[np.ndarray], n: int, largest: float) -> np.ndarray:
    """`cut` at the highest nodes whose mean squared radius is at most `largest`."""
    return cut(n, (level <= largest for level in radii))


def cut_at_count(starts: np.ndarray, most: int) -> np.ndarray:
    """Groups of at most `most` clusters of a cut that share a node; numbers of the first, and k."""
    n, members = int(starts[-1]), starts[:-1]

    def few(level: int) -> np.ndarray:
        return np.diff(np.searchsorted(members, node_edges(n, level))) <= most

    positions = cut(n, (few(level) for level in range(kdtree.depth_for(n, 2) + 1)))
    return np.unique(np.searchsorted(starts, positions))
