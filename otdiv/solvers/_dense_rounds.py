"""The rounds of the dense network simplex: duals of a coarse problem, candidate arcs, pricing.

Duals come from a coarser problem, recursively: rows are embedded by their costs to a few columns
(landmarks) and split at medians into clusters of about four, columns likewise, and the mean costs
of clusters are a transport problem of a sixteenth of the pairs. This needs no coordinates. Its
duals, extended by c-transforms, are near the optimum; the simplex runs on the pairs of least
reduced cost, and full scans of the matrix add violated pairs until there are none.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

import numpy as np

from .._kernels import dense_columns as dense
from .._kernels import tree_simplex as simplex
from .._kernels.kdtree import split_level
from .._kernels.tree_simplex import Tree
from .._typing import FloatArray, IndexArray
from ..results import Callback, Progress, Status

__all__ = ["Watch", "solve_dense"]

# Below this many rows and columns the direct simplex is faster (measured, 2-D and 10-D clouds).
DIRECT_SIZE = 600
# Pairs listed for every row and every column, at the start and by each scan (measured, 8 ... 24).
N_BEST = 12
# Columns that embed a row, rows that embed a column: enough for any cloud in a few dimensions.
LANDMARKS = 6
# A reduced cost within this share of the sizes of its three terms is rounding.
ROUNDING = 2.0**-47
# First penalty of artificial arcs over the 0.9 quantile of the candidates' reduced costs.
FIRST_PENALTY = 16.0
# Largest cost over the median beyond which the direct simplex starts from small penalties.
WIDE_SPREAD = 1e9
# Scans with mass still untransported after which the dense simplex takes over.
PATIENCE = 12
# Pivots and matrix entries of a slice: a small part of a second.
SLICE_PIVOTS = 10_000
SLICE_ENTRIES = 2**26


class InterruptedRunError(Exception):
    """The callback or the iteration limit ends the run; the tree stays valid."""


@dataclass(slots=True)
class Watch:
    """Counts pivots, tells the callback, and knows when to stop."""

    callback: Callback | None = None
    max_pivots: int | None = None
    pivots: int = 0
    status: Status = Status.OPTIMAL
    started: float = field(default_factory=time.perf_counter)
    lower: float = -math.inf
    upper: float = math.inf

    @property
    def slice_pivots(self) -> int:
        """Pivots that the next slice may do."""
        if self.max_pivots is None:
            return SLICE_PIVOTS
        return max(0, min(SLICE_PIVOTS, self.max_pivots - self.pivots))

    def after(self, n_pivots: int) -> None:
        """Account for a slice; raises `InterruptedRunError` where the run must end."""
        self.pivots += n_pivots
        if self.callback is not None:
            progress = Progress(
                iteration=self.pivots,
                lower=self.lower,
                upper=self.upper,
                elapsed=time.perf_counter() - self.started,
            )
            if self.callback(progress) is True:
                self.status = Status.STOPPED
                raise InterruptedRunError
        if self.max_pivots is not None and self.pivots >= self.max_pivots:
            self.status = Status.MAX_ITERATIONS
            raise InterruptedRunError


@dataclass(slots=True)
class Arcs:
    """Candidate arcs ordered by source: nodes of both ends and costs."""

    source: np.ndarray
    target: np.ndarray
    cost: FloatArray


def solve_dense(
    C: FloatArray,
    a: IndexArray,
    b: IndexArray,
    watch: Watch,
    *,
    dust: int = 0,
    extent: tuple[float, float, bool] | None = None,
) -> Run:
    """Solve for costs C (n, m) and integer masses with b > 0; see `Run` for what is known then.

    Artificial flow of at most `dust` units counts as rounding of the weights. `extent` is that of
    the kernel of this name, where it is known.
    """
    extent = dense.extent(C) if extent is None else extent
    run = Run(C=C, a=a, b=b, watch=watch, dust=dust, extent=extent)
    run.solve()
    return run


@dataclass(slots=True)
class Run:
    """One dense problem and its tree; `tree` and `infeasible` hold the answer."""

    C: FloatArray
    a: IndexArray
    b: IndexArray
    watch: Watch
    dust: int
    extent: tuple[float, float, bool]
    tree: Tree = field(init=False)
    penalty: float = 0.0
    estimate: FloatArray = field(init=False)
    unit: float = field(init=False)
    forbidden: bool = field(init=False)
    infeasible: np.ndarray | None = None

    def __post_init__(self) -> None:
        self.tree = simplex.new_tree(*self.C.shape)
        least, largest, self.forbidden = self.extent
        # A penalty scale that is positive for any costs, also where all are equal or 0.
        spread = largest - least if least < math.inf else 0.0
        self.unit = max(spread, 2.0**-40 * abs(least)) if math.isfinite(spread) else 0.0
        self.unit = self.unit or 1.0

    def solve(self) -> None:
        """Run to the optimum, to a proof of infeasibility, or until interrupted."""
        n, m = self.C.shape
        try:
            # Costs so different that a penalty above them all would drown the small ones.
            if dense.is_spread(self.C, self.unit / WIDE_SPREAD):
                self._hang_reduced()
                self._finish_directly()
            elif max(n, m) <= DIRECT_SIZE or min(n, m) < 32 or self.forbidden:
                self._hang(np.zeros(n), np.zeros(m), self.unit)
                self._finish_directly()
            else:
                self._solve_by_rounds()
        except InterruptedRunError:
            simplex.recompute_potentials(self.tree, n)

    def _hang_reduced(self) -> None:
        """Start from row and column minima, and from the pairs that attain them."""
        C = self.C
        f = C.min(axis=1, initial=math.inf)
        f[~np.isfinite(f)] = 0.0
        g = np.full(C.shape[1], np.inf)
        dense.reduce_columns(C, np.arange(len(C)), f, g)
        g[~np.isfinite(g)] = 0.0
        arcs = Arcs(*dense.best_per_row_and_column(C, f, g, 2))
        reduced = self._reduced(arcs, f, g)
        positive = reduced[reduced > 0.0]
        penalty = float(positive.min()) if positive.size else self.unit
        self._hang(f, g, penalty, arcs)

    def _hang(self, f: FloatArray, g: FloatArray, penalty: float, arcs: Arcs | None = None) -> None:
        self.penalty = penalty
        self.estimate = f
        if arcs is None:
            none = np.empty(0, np.uint32)
            arcs = Arcs(none, none, np.empty(0))
            order = np.empty(0, np.int64)
        else:
            reduced = self._reduced(arcs, f, g)
            order = np.argsort(reduced)
            order = order[: np.searchsorted(reduced[order], 2.0 * penalty)]
        simplex.start_basis(
            self.tree, self.a, self.b, f, g, arcs.source, arcs.target, arcs.cost, order, penalty
        )

    def _reduced(self, arcs: Arcs, f: FloatArray, g: FloatArray) -> FloatArray:
        return np.asarray(arcs.cost - f[arcs.source] - g[arcs.target - len(f)])

    def _artificial(self) -> int:
        left = int(simplex.artificial_flow(self.tree, self.C.shape[0]))
        return left if left > self.dust else 0

    def _raise_penalty(self) -> bool:
        """Raise the penalty until some pair is eligible; False proves infeasibility."""
        gap, by_source = dense.hanging_gap(self.tree, self.C)
        if gap == math.inf:
            self.infeasible = by_source
            return False
        increase = max(3.0 * self.penalty, gap)
        simplex.raise_penalty(self.tree, self.C.shape[0], increase)
        self.penalty += increase
        return True

    def _release(self) -> None:
        """Drop the penalty; the optimum for it may be slightly off at the finer rounding."""
        if self.dust == 0 or simplex.artificial_flow(self.tree, self.C.shape[0]) == 0:
            simplex.release(self.tree, self.C.shape[0], self.estimate)
        self.penalty = 0.0

    def _finish_directly(self) -> None:
        """Dense simplex from the present tree, raising the penalty while mass is left."""
        row = 0
        while True:
            code, k, row = dense.dense_simplex(
                self.tree, self.C, row, 0.0, ROUNDING, self.watch.slice_pivots
            )
            self.watch.after(k)
            if code != simplex.OPTIMAL:
                continue
            if self._artificial():
                if not self._raise_penalty():
                    return
            elif self.penalty > 0.0:
                self._release()
            else:
                return

    def _solve_by_rounds(self) -> None:
        C = self.C
        n = len(C)
        f, g = self._coarse_duals()
        arcs = Arcs(*dense.best_per_row_and_column(C, f, g, N_BEST))
        reduced = self._reduced(arcs, f, g)
        penalty = max(FIRST_PENALTY * float(np.quantile(reduced, 0.9)), 1e-9 * self.unit)
        self._hang(f, g, penalty, arcs)
        left = self._artificial()
        for scan in range(10**6):
            self._pivot_on(arcs)
            f, g = simplex.potentials(self.tree, n)
            found = self._price(f, g)
            before, left = left, self._artificial()
            if left and scan >= PATIENCE:
                self._finish_directly()
                return
            if left:
                if found is None or left > 0.7 * before:
                    self._raise_penalty()
            elif self.penalty > 0.0:
                self._release()
            elif found is None:
                return
            if found is not None:
                arcs = _merged(arcs, found)

    def _pivot_on(self, arcs: Arcs) -> None:
        n = self.C.shape[0]
        position, code = 0, simplex.PIVOT_LIMIT
        while code != simplex.OPTIMAL:
            code, k, position = simplex.sparse_simplex(
                self.tree, n, arcs.source, arcs.target, arcs.cost, position, 0.0, ROUNDING,
                self.watch.slice_pivots,
            )  # fmt: skip
            self.watch.after(k)

    def _price(self, f: FloatArray, g: FloatArray) -> Arcs | None:
        """Scan all pairs; None where no pair is violated."""
        n, m = self.C.shape
        source = np.empty(n * N_BEST, np.uint32)
        target = np.empty(n * N_BEST, np.uint32)
        cost = np.empty(n * N_BEST)
        count = 0
        step = max(1, SLICE_ENTRIES // m)
        for start in range(0, n, step):
            stop = min(n, start + step)
            count, _ = dense.price_rows(
                self.C, f, g, start, stop, 0.0, ROUNDING, N_BEST, source, target, cost, count
            )
        if count == 0:
            return None
        return Arcs(source[:count], target[:count], cost[:count])

    def _coarse_duals(self) -> tuple[FloatArray, FloatArray]:
        """Feasible potentials from the duals of the clustered problem."""
        C = self.C
        n, m = C.shape
        rng = np.random.default_rng(0)
        row_depth, column_depth = _depth(n), _depth(m)
        row_order = _clusters(C[:, rng.permutation(m)[:LANDMARKS]].T, row_depth)
        column_order = _clusters(C[rng.permutation(n)[:LANDMARKS]], column_depth)
        merged = dense.merge_rows(C, row_order, row_depth)
        coarse = solve_dense(
            dense.merge_columns(merged, column_order, column_depth),
            _sums(self.a, row_order, row_depth),
            _sums(self.b, column_order, column_depth),
            self.watch,
        )
        if self.watch.status is not Status.OPTIMAL:
            self._hang(np.zeros(n), np.zeros(m), self.unit)
            raise InterruptedRunError
        coarse_f, _ = simplex.potentials(coarse.tree, len(merged))
        start = np.full(m, np.inf)
        dense.reduce_columns(merged, np.arange(len(merged)), coarse_f, start)
        f, g = np.empty(n), np.full(m, np.inf)
        dense.reduce_rows(C, start, f, g)
        return f, g


def _depth(n: int) -> int:
    """Level at which clusters hold 3 to 6 of n rows."""
    return max(0, math.floor(math.log2(n / 3.0)))


def _clusters(features: FloatArray, depth: int) -> IndexArray:
    """Order (n,) of the columns of `features` (k, n) whose equal parts are clusters."""
    features = np.ascontiguousarray(features)
    order = np.arange(features.shape[1])
    keys = np.empty(features.shape[1])
    for level in range(depth):
        split_level(features, order, keys, level)
    return order


def _sums(masses: IndexArray, order: IndexArray, depth: int) -> IndexArray:
    starts = (np.arange(1 << depth) * len(order)) >> depth
    return np.asarray(np.add.reduceat(masses[order], starts))


def _merged(arcs: Arcs, more: Arcs) -> Arcs:
    source = np.concatenate([arcs.source, more.source])
    order = np.argsort(source, kind="stable")
    target = np.concatenate([arcs.target, more.target])[order]
    return Arcs(source[order], target, np.concatenate([arcs.cost, more.cost])[order])
