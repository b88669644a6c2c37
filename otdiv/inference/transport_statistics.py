"""Exact Wasserstein distances of relabelled samples in space, solved only as far as they must be.

A test asks of most relabellings only on which side of the observed value they lie. Three things
answer sooner than a solve to the end: the cost of a plan along the order of a k-d tree, which is an
upper bound; the solver's own proven bounds, through its callback; and the sequential rule of
Besag and Clifford, which ends the test at the tenth relabelling that reaches the observed value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._kernels.kdtree.tree import build_tree
from .._kernels.resampling import permutations as kernels
from .._kernels.threads import for_each
from .._monitor import EndOfRun, Monitor
from .._typing import FloatArray, IndexArray
from ..costs import PNormCost
from ..measures import DiscreteMeasure
from ..problems import TransportProblem
from ..results import Bounds, Progress
from ..solving import solve
from .cloud_statistics import unit_points
from .nulls import TIES, Null, show
from .pooling import Pool
from .relabelling import LANES, Planes, Relabelling, unpacked

__all__ = ["ENOUGH", "SOLVED", "TransportStatistic", "transport_null"]

ENOUGH = 10
"""Relabellings at or above the observed value after which a sequential test ends: the standard
error of its p-value is at most a third of it (Besag and Clifford 1991, doi:10.1093/biomet/78.2.301,
who recommend 10 to 20)."""

SOLVED = 100
"""Relabellings that are solved to the end, for the mean and quantiles of the null; by taste."""

# Rows from which a solve talks to a callback: below, that costs more than an early end saves.
_WATCHED = 600
# What a sum of positive costs may be off by, generously.
_SLACK = 1e-9
# Share of the mass that rounding may leave without a partner, generously.
_CRUMBS = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TransportStatistic:
    """W_p of two samples in space.

    Attributes
    ----------
    name : str
    p : float
    cost : PNormCost
    points : float64 array (N, d), in the order of a k-d tree
    weights : float64 array (N,) or None, in that order
    order : int64 array (N,), row of each position
    scale : float, unit of the points
    """

    name: str
    p: float
    cost: PNormCost
    points: FloatArray
    weights: FloatArray | None
    order: IndexArray
    scale: float

    @classmethod
    def of(cls, name: str, pool: Pool, p: float, metric: PNormCost) -> TransportStatistic:
        """Order the rows so that neighbours in space are mostly neighbours in the order."""
        points, scale = unit_points(pool)
        order = build_tree(points, leaf_size=1, order_size=1).order
        return cls(
            name=name,
            p=p,
            cost=PNormCost(norm=metric.norm, power=p),
            points=np.ascontiguousarray(points[order]),
            weights=None if pool.weights is None else pool.weights[order],
            order=order,
            scale=scale,
        )

    def solved(
        self, labels: NDArray[np.bool_], decides: Callable[[Bounds], bool] | None = None
    ) -> tuple[float, Bounds]:
        """Mean cost of the labels (N,) and its bounds, which `decides` may end early."""
        sides = []
        for held in (labels, ~labels):
            weights = None if self.weights is None else self.weights[held]
            if weights is not None:
                weights = weights / weights.sum()
            sides.append(DiscreteMeasure(self.points[held], weights=weights))
        problem = TransportProblem(source=sides[0], target=sides[1], cost=self.cost)
        if decides is None or len(labels) < _WATCHED:
            result = solve(problem)
        else:

            def ends(progress: Progress) -> bool:
                mass = problem.mass
                return decides(Bounds(progress.lower / mass, progress.upper / mass))

            result = solve(problem, callback=ends, throw=False)
        mass = problem.mass
        bounds = Bounds(result.bounds.lower / mass, result.bounds.upper / mass)
        return result.value / mass, bounds

    def upper_bounds(self, planes: Planes) -> FloatArray:
        """Costs (64,) of plans along the order, which no optimum exceeds."""
        norm, power = self.cost.norm, self.cost.power
        n, d = self.points.shape
        words = np.ascontiguousarray(planes[0])
        out = np.zeros(LANES)
        kernels.couple_last(
            words,
            self.points,
            self.weights,
            norm,
            power,
            np.empty(n, np.int64),
            np.empty(n),
            out,
        )
        # Rounding of weights may leave crumbs of mass without a partner; no cost is beyond d^p.
        return out * (1.0 + _SLACK) + (0.0 if self.weights is None else _CRUMBS * d**power)

    def finish(self, values: FloatArray) -> FloatArray:
        """W_p in the unit of the rows."""
        return np.asarray(values ** (1.0 / self.p) * self.scale)


class _Relabellings:
    """Labels by number, drawn or written down 64 at a time."""

    def __init__(self, relabelling: Relabelling, seed: int, every: bool) -> None:
        self._relabelling, self._seed = relabelling, seed
        self._written = relabelling.enumerated() if every else None
        self._block = -1
        self.planes = relabelling.observed()
        self._labels = np.empty((0, 0), np.uint8)

    def turn_to(self, number: int) -> bool:
        """Make the block of a relabelling the present one; whether it is another than before."""
        block = number // LANES
        if block == self._block:
            return False
        self._block = block
        if self._written is None:
            self.planes = self._relabelling.drawn(self._seed, block)
        else:
            self.planes = self._written[block]
        self._labels = unpacked(self.planes[0][:, None])
        return True

    def labels(self, number: int) -> NDArray[np.bool_]:
        """The first sample (N,) of a relabelling of the present block."""
        return self._labels[:, number % LANES].astype(bool)


def transport_null(
    statistic: TransportStatistic,
    relabelling: Relabelling,
    *,
    n_permutations: int,
    seed: int,
    n_jobs: int,
    monitor: Monitor,
    every: bool,
    to_the_end: bool = False,
) -> Null:
    """Solve relabellings until the test is decided; `to_the_end` solves all of them."""
    relabelling = relabelling.in_order(statistic.order)
    value, bounds = statistic.solved(relabelling.labels == 0)
    # What is not proven to lie below counts as having reached the observed value.
    threshold = bounds.lower * (1.0 - TIES)
    source = _Relabellings(relabelling, seed, every)
    n_full = n_permutations if to_the_end else min(SOLVED, n_permutations)
    values = np.full(n_full, np.nan)
    reached = np.zeros(n_permutations, bool)
    cheap = np.empty(0)

    def decides(found: Bounds) -> bool:
        return found.upper < threshold or found.lower >= threshold

    def settle(number: int) -> None:
        if number >= n_full and cheap[number % LANES] < threshold:
            return
        early = None if number < n_full else decides
        solved, found = statistic.solved(source.labels(number), early)
        if number < n_full:
            values[number] = solved
        reached[number] = found.upper >= threshold

    done, sequential = 0, False
    try:
        while done < n_permutations:
            if source.turn_to(done):
                cheap = statistic.upper_bounds(source.planes)
            # A group ends with its block, so that all of it has the same words.
            stop = min(n_permutations, done + n_jobs, (done // LANES + 1) * LANES)
            for_each(settle, range(done, stop), n_jobs)
            done = stop
            count = int(np.count_nonzero(reached[:done]))
            if count >= ENOUGH and not every and not to_the_end and done < n_permutations:
                sequential = True
                break
            show(monitor, done, count, n_permutations)
    except EndOfRun:
        pass
    if sequential:
        done = int(np.flatnonzero(reached)[ENOUGH - 1]) + 1
    null = values[: min(done, n_full)]
    return Null(
        observed=np.array([value]),
        values=null[None],
        n_reached=np.array([int(np.count_nonzero(reached[:done]))]),
        n_permutations=done,
        asked=n_permutations,
        every=every,
        sequential=sequential,
    )
