"""A preconditioner for Newton's systems, from the plan summed over clusters of points.

Points nearer to each other than the blur of an entropic plan have nearly the same row in it. The
diagonal settles what distinguishes them, and a graph of clusters, which has far fewer edges, the
rest. A point without near neighbours is a cluster by itself and keeps all its edges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from .._kernels.gibbs import laplacian_factor
from .._kernels.gibbs.cluster_sums import cluster_plan
from .._kernels.kdtree import cuts
from .._typing import FloatArray, IndexArray
from .pruned_sums import PrunedSums

# Largest mean squared radius of a cluster, in bits; that of the Gaussian 2**-|z|² is 0.72 d. By
# taste.
_RADIUS = 0.8
# Share of its row below which an edge between clusters is left out: Newton's damping is of that
# order.
_LINK_SHARE = 1e-9
# Entries of a product that take as long as one edge of the factor, about.
_EDGE_COST = 100.0
# Pairs that are added up at a time: in the worst case they leave as many sums, 16 bytes each.
_MERGED_PAIRS = 2 * 10**7


class ClusterPreconditioning:
    """Approximate inverses of S = D - P diag(1/c) P^T for the plans of one kernel.

    The inverse of S is the rows' block in the inverse of the Laplacian of the plan's bipartite
    graph. The graph of clusters stands for its smooth part, the diagonal for the rest.
    """

    def __init__(self, kernel: PrunedSums):
        self._kernel = kernel
        self._starts = [
            cuts.cut_at_radius(cuts.squared_radii(side.points), side.weights.size, _RADIUS)
            for side in (kernel.x, kernel.y)
        ]

    @property
    def cost(self) -> float:
        """Estimated time of `at`, in products with the plan."""
        shares = [(starts.size - 1) / starts[-1] for starts in self._starts]
        return float(_EDGE_COST * shares[0] * shares[1])

    def at(
        self, u: FloatArray, v: FloatArray, r: FloatArray, row_ground: FloatArray
    ) -> Callable[[FloatArray], FloatArray]:
        """Return the approximate inverse for the plan at (u, v), a function of a vector (n,).

        `r` (n,) are the row sums, and `row_ground` (n,) what damping and relaxed marginals add to
        the diagonal D: in the graph, edges to a common ground.
        """
        row_starts, column_starts = self._starts
        n, m = row_starts.size - 1, column_starts.size - 1
        parts = _cluster_masses(self._kernel, u, v, row_starts, column_starts, _LINK_SHARE)
        edges = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
        rows = np.repeat(np.arange(n), np.diff(row_starts))
        # What relaxed marginals add to the column sums of Newton's matrix.
        columns = self._kernel.expected(self._kernel.y, v)
        grounds = (
            np.add.reduceat(row_ground, row_starts[:-1]),
            np.add.reduceat(self._kernel.tau * columns, column_starts[:-1]),
        )
        factor = laplacian_factor.factorise(*edges, n, np.concatenate(grounds))
        diagonal = r + row_ground
        diagonal[diagonal == 0.0] = 1.0

        def apply(z: FloatArray) -> FloatArray:
            both = np.zeros(n + m)
            both[:n] = np.add.reduceat(z, row_starts[:-1])
            laplacian_factor.solve_factor(*factor, both)
            # Rows of nearly no mass may overflow; conjugate gradients check for that.
            with np.errstate(over="ignore", invalid="ignore"):
                return z / diagonal + both[rows]

        return apply


def _cluster_masses(
    kernel: PrunedSums,
    u: FloatArray,
    v: FloatArray,
    row_starts: IndexArray,
    column_starts: IndexArray,
    share: float,
) -> Iterator[tuple[IndexArray, IndexArray, FloatArray]]:
    """Yield the sums of the plan at (u, v) over pairs of a row cluster and a column cluster.

    `row_starts` (n + 1,) and `column_starts` (m + 1,) are the first point of each cluster, and the
    number of points. Yields row clusters, column clusters and masses of the sums that are more than
    `share` of their row, in parts of which none takes long or much memory.
    """
    x, y = kernel.x, kernel.y
    n, m = row_starts.size - 1, column_starts.size - 1
    rows = np.repeat(np.arange(n), np.diff(row_starts))
    columns = np.repeat(np.arange(m), np.diff(column_starts))
    pairs = x.rows, u - x.lengths, y.columns, v - y.lengths
    for part in kernel.ranges(u, v, truncation=kernel.truncation).slices(_MERGED_PAIRS):
        yield cluster_plan(*pairs, *part, kernel.metric, rows, columns, m, share)
