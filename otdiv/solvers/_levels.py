"""What `ColumnGeneration` works on: clouds in tree order at several resolutions, and their cost."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

import numpy as np

from .._kernels import kdtree
from .._kernels.costs import gathered
from .._kernels.kdtree import KDTree
from .._kernels.tree_transform import LEAF_SIZE, search_all
from .._typing import FloatArray, IndexArray
from ..results import Callback, Progress, is_stop

__all__ = [
    "Earlier",
    "Ground",
    "Level",
    "Monitor",
    "Stopped",
    "coarse_levels",
    "default_candidates",
]


class Stopped(Exception):  # noqa: N818  (control flow, not an error)
    """The callback asked to stop."""


@dataclass(slots=True)
class Monitor:
    """Counts slices of work, keeps the best proven bounds and talks to the callback."""

    callback: Callback | None
    scale: float = 1.0
    """Transport cost of one scaled unit of cost times one unit of integer mass."""
    iteration: int = 0
    lower: float = -math.inf
    upper: float = math.inf
    started: float = field(default_factory=time.perf_counter)
    silent_until: float = 0.0

    def tick(self, *, force: bool = False) -> None:
        """Report progress, at most ten times a second; raises `Stopped` when asked to."""
        if self.callback is None:
            return
        now = time.perf_counter()
        if force or now >= self.silent_until:
            self.silent_until = now + 0.1
            report = Progress(
                iteration=self.iteration,
                lower=self.lower,
                upper=self.upper,
                elapsed=now - self.started,
            )
            if is_stop(self.callback(report)):
                raise Stopped


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Cost and resources shared by all levels."""

    norm: float
    power: float
    n_candidates: int | None
    n_threads: int
    monitor: Monitor

    def candidates_for(self, n: int) -> int:
        """Arcs that each of n atoms starts with and may gain in a round: the caller's, or measured.

        Rays (power 1) need more than convex costs, the more the larger the problem.
        """
        if self.n_candidates is not None:
            return self.n_candidates
        return default_candidates(n, self.power)

    def costs(self, x: KDTree, y: KDTree, rows: IndexArray, columns: IndexArray) -> FloatArray:
        """Costs of arcs, positions in tree order."""
        return gathered(
            np.ascontiguousarray(x.points.T), np.ascontiguousarray(y.points.T), rows, columns,
            self.norm, self.power,
        )  # fmt: skip

    def search(
        self, x: KDTree, y: KDTree, g: FloatArray, k: int, bounds: FloatArray | None = None
    ) -> tuple[IndexArray, FloatArray, IndexArray]:
        """The k smallest c - g of every row (below its bound); see `tree_transform.search_all`."""
        return search_all(
            x, y, g, self.norm, self.power, k, bounds, self.n_threads, self.monitor.tick
        )


def default_candidates(n: int, power: float) -> int:
    """The fastest number of candidates of those tried (8 to 32) at sizes from 500 to 100,000."""
    if power > 1.0 or n < 5_000:
        return 12
    return 16 if n < 16_000 else 24 if n < 64_000 else 32


@dataclass(frozen=True, slots=True)
class Earlier:
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


def coarse_levels(finest: Level, smallest: int) -> list[Level]:
    """The problem at several resolutions, coarsest first: nodes of the trees taken as points.

    Levels have a quarter of the points of the next. In up to three dimensions a node becomes its
    centroid; in more, where nodes are wide, one of its points stands for it.
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
            points, totals = kdtree.centroids(tree.points, masses, depth)
            starts = (np.arange(1 << depth) * n) >> depth
            if tree.points.shape[0] > 3:
                points = np.ascontiguousarray(tree.points[:, starts])
            sides.append((kdtree.box_tree(points, np.arange(1 << depth), LEAF_SIZE), totals))
        (x, a), (y, b) = sides
        levels.append(Level(x, y, a, b))
        depths = [max(0, depth - 2) for depth in depths]
    return levels[::-1]
