"""The levels of column generation: both clouds in tree order, at several resolutions."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..._kernels import shaped
from ..._kernels.costs import gathered
from ..._kernels.kdtree.tree import KDTree, box_tree, centroids
from ..._monitor import Monitor
from ..._tree_search import LEAF_SIZE, search_all, shaped_search_all
from ..._typing import FloatArray, IndexArray

__all__ = [
    "MOST_CANDIDATES",
    "Context",
    "Level",
    "WarmStart",
    "coarse_levels",
    "default_candidates",
]


# Length up to which lists of candidates grow where they turn out to be too short: 64 and 128 were
# never faster.
MOST_CANDIDATES = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Cost and resources shared by all levels."""

    norm: float
    power: float
    n_candidates: int | None
    n_threads: int
    monitor: Monitor
    shape: shaped.Shape | None = None
    """Of a cost that is no power of a norm; `norm` and `power` are its own then."""

    def candidates_for(self, n: int) -> int:
        """Arcs that each of n atoms starts with and may gain in a round; by default measured.

        Costs of power 1, which move mass along rays, need more than convex ones, the more the
        larger the problem.
        """
        if self.n_candidates is not None:
            return self.n_candidates
        return default_candidates(n, self.power)

    def costs(self, x: KDTree, y: KDTree, rows: IndexArray, columns: IndexArray) -> FloatArray:
        """Costs of arcs, positions in tree order."""
        if self.shape is not None:
            left, right = (np.ascontiguousarray(side.points.T) for side in (x, y))
            return shaped.gathered(left, right, rows, columns, self.shape)
        return gathered(
            np.ascontiguousarray(x.points.T), np.ascontiguousarray(y.points.T), rows, columns,
            self.norm, self.power,
        )  # fmt: skip

    def search(
        self, x: KDTree, y: KDTree, g: FloatArray, k: int, bounds: FloatArray | None = None
    ) -> tuple[IndexArray, FloatArray, IndexArray]:
        """The k smallest c - g of every row, below its bound if there is one; see `search_all`."""
        if self.shape is not None:
            options = self.n_threads, self.monitor.tick
            return shaped_search_all(x, y, g, self.shape, k, bounds, *options)
        return search_all(
            x, y, g, self.norm, self.power, k, bounds, self.n_threads, self.monitor.tick
        )


def default_candidates(n: int, power: float) -> int:
    """The fastest number of candidates of those tried (8 to 32) at sizes from 500 to 100,000."""
    if power > 1.0 or n < 5_000:
        return 12
    return 16 if n < 16_000 else 24 if n < 64_000 else 32


@dataclass(frozen=True, slots=True)
class WarmStart:
    """What an earlier result says about a level: estimates g (m,), and the pairs of its plan.

    The pairs are in leaf order: each is the last that one of its ends still needs.
    """

    g: FloatArray
    rows: IndexArray
    columns: IndexArray


@dataclass(frozen=True, slots=True)
class Level:
    """Two clouds in tree order with integer masses of equal total."""

    x: KDTree
    y: KDTree
    a: IndexArray
    b: IndexArray

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of sources and targets."""
        return self.a.size, self.b.size


def coarse_levels(finest: Level, smallest: int, *, on_sphere: bool = False) -> list[Level]:
    """The problem at several resolutions, coarsest first: nodes of the trees taken as points.

    Levels have a quarter of the points of the next. In up to three dimensions a node becomes its
    centroid; in more, where nodes are wide, one of its points stands for it. With `on_sphere`
    centroids of unit vectors are brought back to length 1.
    """
    levels = [finest]
    depths = [max(0, math.ceil(math.log2(size / 4.0))) if size > 1 else 0 for size in finest.shape]
    while max(1 << depth for depth in depths) >= smallest:
        sides = []
        for tree, masses, depth in zip(
            (finest.x, finest.y), (finest.a, finest.b), depths, strict=True
        ):
            n = masses.size
            if (1 << depth) >= n:
                sides.append((tree, masses))
                continue
            points, totals = centroids(tree.points, masses, depth)
            starts = (np.arange(1 << depth) * n) >> depth
            if tree.points.shape[0] > 3:
                points = np.ascontiguousarray(tree.points[:, starts])
            elif on_sphere:
                lengths = np.sqrt((points * points).sum(axis=0))
                points = points / np.where(lengths > 0.0, lengths, 1.0)
            sides.append((box_tree(points, np.arange(1 << depth), LEAF_SIZE), totals))
        (x, a), (y, b) = sides
        levels.append(Level(x, y, a, b))
        depths = [max(0, depth - 2) for depth in depths]
    return levels[::-1]
