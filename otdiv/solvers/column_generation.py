"""Exact transport between point clouds in memory O(n K): column generation from coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .._kernels.kdtree.lower_bounds import GENERAL
from .._memory import room_for
from .._rescaling import in_moderate_units
from .._tree_search import cost_mode
from .._validation import check_positive_integer
from ..costs import PNormCost, ShapedCost
from ..errors import UnsupportedProblemError
from ..problems import TransportProblem
from ..results import Forecast, Solution, SolveOptions
from ._columns.levels import MOST_CANDIDATES
from ._columns.run import ColumnRun

__all__ = ["ColumnGeneration"]

# Boxes prune pairs in up to so many dimensions.
_PRUNED_DIMENSIONS = 3
# Seconds of any solve: trees, levels and their rounds.
_SECONDS = 7e-3
# Seconds are the first number times the atoms of a side to the second, in few dimensions, where the
# cost is convex (power 2) and where it is a distance (power 1): measured on one core of a 2023
# server, n = 200 to 100,000.
_CONVEX = (5e-7, 1.4)
_RAYS = (2.2e-8, 1.83)
# Seconds of a pair of atoms in many dimensions, likewise: in general, and where all pairs are
# compared in single precision (n = 1500 to 20,000 in 6, 10 and 30 dimensions).
_PAIR_SECONDS = 2.5e-8
_TILED_PAIR_SECONDS = 1.6e-8
# Dimensions from which that is done.
_TILED_DIMENSIONS = 6
# Share of the time after which a proof to 1e-3 ended the solve (W1 of 2e4 points).
_EARLY_SHARE = 0.7

# Bytes for a pair of atoms, one of each side, measured at n = 1e5;
_BYTES_PER_ATOM = 700
# and for every candidate of them.
_BYTES_PER_CANDIDATE = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnGeneration:
    """Exact optimal transport of point clouds without a cost matrix.

    Duals of a coarse problem (nodes of a k-d tree) give candidate arcs to the finer one; a network
    simplex solves the problem on the candidates; branch and bound over the trees finds the pairs
    that violate its duals, among **all** n·m, and adds the worst; the end is reached when there are
    none. Boxes prune well in up to three dimensions; in more than five, pricing compares all pairs,
    in single precision where that can tell them apart, still without storing them. Clouds that lie
    apart, where nearly all pairs are nearly tight, need longer lists than others: the coarse
    problems, where trying costs little, find out how long. They also answer early, with a plan
    spread over the atoms and extended potentials: a tolerance may end there.

    Points on Cartesian grids (images, also with pixels left out) under the sum of absolute
    differences are solved as a flow between neighbouring cells. One that a callback or a limit of
    time stops before its end leaves wide bounds.

    A warm start may have any numbers of points in the same dimension: its potentials are extended
    to the new points, and the pairs of its plan are tried first where the numbers agree. One that
    turns out to be far from the problem is dropped. At n = 5000 in 2-D the same problem takes half
    of the time, weights changed by 1 % two thirds or less, points moved by 0.1 % two thirds; points
    moved by 1 %, which is their spacing, gain a tenth.

    Attributes
    ----------
    n_candidates : int or None
        Arcs K that each atom starts with, and may gain in a round; None chooses from 12 to 48.
    max_iterations : int
        Limit of pricing rounds at the finest level.
    n_jobs : int
        Threads for searches and pricing. The result is the same for any number.

    References
    ----------
    Gerber & Maggioni (2017), Multiscale strategies for computing optimal transport,
    arXiv:1708.02469. Schmitzer (2016), A sparse multiscale algorithm for dense optimal transport,
    arXiv:1510.05466.

    Examples
    --------
    >>> import numpy as np
    >>> from otdiv import solvers, transport
    >>> x = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]])
    >>> transport(x, x + [0.0, 1.0], solver=solvers.ColumnGeneration()).value
    1.0
    """

    n_candidates: int | None = None
    max_iterations: int = 10_000
    n_jobs: int = 1

    takes_shapes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.n_candidates is not None:
            check_positive_integer("n_candidates", self.n_candidates)
        check_positive_integer("max_iterations", self.max_iterations)
        check_positive_integer("n_jobs", self.n_jobs)

    def forecast(self, problem: TransportProblem, *, early: bool) -> Forecast | None:
        """Time and memory for points; None for a cost matrix, which has no boxes."""
        if not isinstance(problem.cost, PNormCost | ShapedCost):
            return None
        # Atoms without weight take no part in a solve.
        n, m = int(np.count_nonzero(problem.a)), int(np.count_nonzero(problem.b))
        d, power = problem.source.d, problem.cost.power
        if d > _PRUNED_DIMENSIONS:
            plain = isinstance(problem.cost, PNormCost)
            tiled = (
                plain and d >= _TILED_DIMENSIONS and cost_mode(problem.cost.norm, power) != GENERAL
            )
            seconds = (_TILED_PAIR_SECONDS if tiled else _PAIR_SECONDS) * n * m
            reason = f"{n} and {m} points: pairs are compared without storing them"
        else:
            factor, exponent = _CONVEX if power > 1.0 else _RAYS
            seconds = factor * max(n, m) ** exponent
            reason = f"{n} and {m} points in {d} dimensions: boxes prune the pairs"
        return Forecast(
            reason=reason,
            seconds=_SECONDS + (_EARLY_SHARE if early else 1.0) * seconds,
            bytes=memory_estimate(n, m, self.n_candidates),
        )

    def run(self, problem: TransportProblem, *, options: SolveOptions) -> Solution:
        """Solve the problem on the support of the weights and extend the potentials to the rest."""
        if not isinstance(problem.cost, PNormCost | ShapedCost):
            raise UnsupportedProblemError(
                "ColumnGeneration computes costs from points; use NetworkSimplex for a cost matrix"
            )
        needed = memory_estimate(*problem.shape, self.n_candidates)
        way_out = "a smaller `n_candidates` or fewer points would fit"
        with room_for(needed, "ColumnGeneration", way_out, options.max_memory):
            if isinstance(problem.cost, ShapedCost):
                return self._solved(problem, options)  # its points are moderate
            return in_moderate_units(problem, options, self._solved)

    def _solved(self, problem: TransportProblem, options: SolveOptions) -> Solution:
        run = ColumnRun(
            problem,
            options,
            n_candidates=self.n_candidates,
            max_iterations=self.max_iterations,
            n_jobs=self.n_jobs,
        )
        return run.solve()


def memory_estimate(n: int, m: int, n_candidates: int | None = None) -> int:
    """Peak bytes for n and m atoms with the longest lists that there may be, by measurement."""
    n_candidates = n_candidates or MOST_CANDIDATES
    return (n + m) * (_BYTES_PER_ATOM + _BYTES_PER_CANDIDATE * n_candidates) // 2
