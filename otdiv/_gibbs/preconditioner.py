"""A plan between clusters, and the preconditioner that comes of it.

Points nearer to each other than the blur of an entropic plan have nearly the same row in it. What
distinguishes them is settled by the diagonal, and the rest by a graph of clusters, which has far
fewer edges. Points that lie alone stay alone, with every link that they have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from .._kernels._jit import fast_kernel, helper
from .._kernels.exponential import TILE, fill_exponents, power_of_two
from .._kernels.gibbs import laplacian_factor
from .._kernels.kdtree import cuts as clusters

if TYPE_CHECKING:
    from .point_kernel import PointKernel

# Mean squared radius of the clusters, in squared bits; that of an entry's Gaussian is 0.72 d.
_RADIUS = 0.8
# A link between clusters that is lighter than this share of its row does not matter: Newton's
# damping is of that order.
_LINK_SHARE = 1e-9
# An edge costs the factor about as much as this many entries cost a product.
_EDGE_COST = 100.0


class ClusterPreconditioning:
    """Nearly the inverse of S = D - P diag(1/c) P^T for the plan of a kernel.

    That is the block of the rows in the inverse of the Laplacian of the plan's bipartite graph.
    The graph of clusters stands for its smooth part, the diagonal for the rest.
    """

    def __init__(self, kernel: PointKernel):
        self._kernel = kernel
        self._starts = [
            clusters.cut_at_radius(clusters.squared_radii(side.points), side.weights.size, _RADIUS)
            for side in (kernel._x, kernel._y)
        ]

    @property
    def cost(self) -> float:
        """What `at` costs in products with the plan, about."""
        shares = [(starts.size - 1) / starts[-1] for starts in self._starts]
        return _EDGE_COST * shares[0] * shares[1]

    def at(
        self, u: np.ndarray, v: np.ndarray, r: np.ndarray, row_ground: np.ndarray
    ) -> Callable[[np.ndarray], np.ndarray]:
        """The function of a vector (n,) for the plan at (u, v) with row sums r (n,).

        Its diagonal grows by the ground (n,).
        """
        row_starts, column_starts = self._starts
        n, m = row_starts.size - 1, column_starts.size - 1
        parts = self._kernel.merged_parts(u, v, row_starts, column_starts, _LINK_SHARE)
        edges = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
        rows = np.repeat(np.arange(n), np.diff(row_starts))
        grounds = (
            np.add.reduceat(row_ground, row_starts[:-1]),
            np.add.reduceat(self._kernel.column_ground(v), column_starts[:-1]),
        )
        factor = laplacian_factor.factorise(*edges, n, np.concatenate(grounds))
        diagonal = r + row_ground
        diagonal[diagonal == 0.0] = 1.0

        def apply(z: np.ndarray) -> np.ndarray:
            both = np.zeros(n + m)
            both[:n] = np.add.reduceat(z, row_starts[:-1])
            laplacian_factor.solve_factor(*factor, both)
            # Rows of nearly no mass may overflow, which conjugate gradients find out.
            with np.errstate(over="ignore", invalid="ignore"):
                return z / diagonal + both[rows]

        return apply


@helper
def _grown(values, count, capacity):
    """Copy of the first values in an array that holds more."""
    grown = np.empty(capacity, values.dtype)
    for k in range(count):
        grown[k] = values[k]
    return grown


@fast_kernel
def cluster_plan(
    x, u, y, v, leaves, first, starts, stops, root, row_clusters, column_clusters, n_columns, share
):
    """Sum the plan of `point_sums` over clusters of rows (n,) and of columns (m,).

    Cluster numbers do not fall. Returns the row clusters, column clusters and masses of the sums
    that are more than `share` of their row.
    """
    capacity = 1024
    rows, columns = np.empty(capacity, np.uint32), np.empty(capacity, np.uint32)
    masses = np.empty(capacity)
    count = 0
    sums, touched, n_touched = np.zeros(n_columns), np.empty(n_columns, np.uint32), 0
    tile, total = np.empty(TILE), np.empty(TILE)
    for leaf in range(leaves.size - 1):
        begin = leaves[leaf]
        while begin < leaves[leaf + 1]:
            cluster = row_clusters[begin]
            end = begin + 1
            while end < leaves[leaf + 1] and row_clusters[end] == cluster:
                end += 1
            for e in range(first[leaf], first[leaf + 1]):
                for start in range(starts[e], stops[e], TILE):
                    width = min(TILE, stops[e] - start)
                    exponents, part = tile[:width], total[:width]
                    for j in range(width):
                        part[j] = 0.0
                    for i in range(begin, end):
                        fill_exponents(x, i, u[i], y, v, start, root, exponents)
                        for j in range(width):
                            part[j] += power_of_two(exponents[j])
                    for j in range(width):
                        if part[j] > 0.0:
                            column = column_clusters[start + j]
                            if sums[column] == 0.0:
                                touched[n_touched] = column
                                n_touched += 1
                            sums[column] += part[j]
            begin = end
            last = leaf == leaves.size - 2 and begin == leaves[leaf + 1]
            if not last and row_clusters[begin] == cluster:
                continue
            if count + n_touched > capacity:
                capacity = 2 * capacity + n_touched
                rows, columns = _grown(rows, count, capacity), _grown(columns, count, capacity)
                masses = _grown(masses, count, capacity)
            mass = 0.0
            for k in range(n_touched):
                mass += sums[touched[k]]
            for k in range(n_touched):
                column = touched[k]
                if sums[column] > share * mass:
                    rows[count], columns[count], masses[count] = cluster, column, sums[column]
                    count += 1
                sums[column] = 0.0
            n_touched = 0
    return rows[:count].copy(), columns[:count].copy(), masses[:count].copy()
