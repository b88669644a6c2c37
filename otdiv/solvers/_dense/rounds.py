"""The rounds of the dense network simplex: duals of a coarse problem, candidate arcs, pricing.

Duals come from a coarser problem, recursively (see `clustering`). Extended by c-transforms they
are near the optimum. The simplex runs on the pairs of least reduced cost, and full scans of the
matrix add violated pairs until there are none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from ..._kernels._jit import frozen
from ..._kernels.network_flow import dense_pricing, spanning_tree
from ..._kernels.network_flow.dense_pricing import PATH_ROUNDING, PIVOTS_A_NODE, ROUNDING
from ..._kernels.network_flow.spanning_tree import Tree
from ..._monitor import EndOfRun, Monitor
from ..._typing import FloatArray, IndexArray
from ...results import Status
from .arcs import Arcs, joined, merged
from .clustering import clustered

__all__ = ["Run"]

# Rows and columns up to which the direct simplex is faster (measured, 2-D and 10-D clouds).
DIRECT_SIZE = 600
# Pairs listed for every row and every column, at the start and by each scan (measured, 8 ... 24).
N_BEST = 12
# First penalty of artificial arcs over the 0.9 quantile of the candidates' reduced costs; by taste.
FIRST_PENALTY = 16.0
# Size of potentials over the mean cost paid that would lose three digits of the value.
LARGE_ESTIMATE = 1e3
# Scans with mass on artificial arcs after which the simplex on all pairs takes over; by taste.
PATIENCE = 12
# Matrix entries of a slice, a small part of a second.
SLICE_ENTRIES = 2**26


Triples: TypeAlias = tuple[IndexArray, IndexArray, IndexArray]


@dataclass(slots=True)
class Run:
    """One dense problem: costs C (n, m), integer masses a, b with b > 0, and its tree.

    Artificial flow of at most `rounding_mass` units counts as rounding of the weights. `extent` is
    that of the kernel of this name. `start` replaces the duals of the clustered problem: an
    estimate of g (m,) and the rows and columns of the pairs of an earlier plan, in leaf order.
    `tolerance` is a pair (rtol, atol), atol for masses in units, that allows to stop early, and
    `scale` turns units into the caller's for the callback.
    """

    C: FloatArray
    a: IndexArray
    b: IndexArray
    monitor: Monitor
    extent: tuple[float, float, bool, bool] | None = None
    rounding_mass: int = 0
    start: tuple[FloatArray, IndexArray, IndexArray] | None = None
    tolerance: tuple[float, float] | None = None
    scale: float = 0.0
    infeasible: np.ndarray | None = None
    """Where there is no plan: the proof, nodes (n + m,) of components joined to the root by a
    source."""
    repair: Triples | None = None
    """Pairs and masses that complete the flows of the tree after an early stop."""
    best: tuple[FloatArray, FloatArray] | None = None
    """Best feasible potentials seen, where the run did not end with those of the tree."""
    tree: Tree = field(init=False)
    penalty: float = field(init=False, default=0.0)
    estimate: FloatArray = field(init=False)
    unit: float = field(init=False)
    forbidden: bool = field(init=False)
    spread: bool = field(init=False)
    rounding: float = field(init=False, default=ROUNDING)
    share: float = field(init=False, default=PATH_ROUNDING)
    patience: int = field(init=False)
    checked: int = field(init=False, default=2**62)
    lower: float = field(init=False, default=-math.inf)

    def __post_init__(self) -> None:
        self.C = frozen(self.C)
        self.tree = spanning_tree.new_tree(*self.C.shape)
        least, largest, self.forbidden, self.spread = self.extent or dense_pricing.extent(self.C)
        # A penalty scale that is positive for any costs, also where all are equal or 0.
        width = largest - least if least < math.inf else 0.0
        self.unit = max(width, 2.0**-40 * abs(least)) if math.isfinite(width) else 0.0
        self.unit = self.unit or 1.0
        if self.spread:
            # Sizes differ too much for one floor; the tolerance is local alone.
            self.share = 0.0
        self.patience = self.monitor.iteration + PIVOTS_A_NODE * (sum(self.C.shape) + 100)

    def solve(self) -> Run:
        """Run to the optimum, to a proof of infeasibility, or until interrupted."""
        n, m = self.C.shape
        try:
            if self.spread:
                self._attach_reduced()
                self._finish_directly()
            elif self.forbidden or (
                self.start is None and (max(n, m) <= DIRECT_SIZE or min(n, m) < 32)
            ):
                self._attach(np.zeros(n), np.zeros(m), self.unit)
                self._finish_directly()
            else:
                self._solve_by_rounds()
            self.best = None
        except EndOfRun:
            spanning_tree.recompute_potentials(self.tree, n)
            self.repair = self.repair or self._repaired()
        return self

    def _attach_reduced(self) -> None:
        """Start from row and column minima, and from the pairs that attain them."""
        C = self.C
        f = C.min(axis=1, initial=math.inf)
        f[~np.isfinite(f)] = 0.0
        g = np.full(C.shape[1], np.inf)
        dense_pricing.reduce_columns(C, np.arange(len(C)), f, g)
        g[~np.isfinite(g)] = 0.0
        arcs = Arcs(*dense_pricing.best_per_row_and_column(C, f, g, 2))
        reduced = self._reduced(arcs, f, g)
        positive = reduced[reduced > 0.0]
        penalty = float(positive.min()) if positive.size else self.unit
        self._attach(f, g, penalty, arcs)

    def _attach(
        self,
        f: FloatArray,
        g: FloatArray,
        penalty: float,
        arcs: Arcs | None = None,
        earlier: Arcs | None = None,
    ) -> None:
        """Build the first tree: greedily from the arcs by reduced cost, `earlier` ones first."""
        self.penalty = penalty
        self.estimate = f
        if arcs is None:
            none = np.empty(0, np.uint32)
            arcs = Arcs(none, none, np.empty(0))
            order = np.empty(0, np.int64)
        else:
            reduced = self._reduced(arcs, f, g)
            if earlier is not None:
                preferred = np.flatnonzero(self._reduced(earlier, f, g) <= penalty)
                preferred += len(reduced)
                arcs = joined(arcs, earlier)
            order = np.argsort(reduced)
            order = order[: np.searchsorted(reduced[order], 2.0 * penalty)]
            if earlier is not None:
                order = np.concatenate([preferred, order])
        spanning_tree.start_basis(
            self.tree, self.a, self.b, f, g, arcs.source, arcs.target, arcs.cost, order, penalty
        )

    def _reduced(self, arcs: Arcs, f: FloatArray, g: FloatArray) -> FloatArray:
        return np.asarray(arcs.cost - f[arcs.source] - g[arcs.target - len(f)])

    def _artificial(self) -> int:
        left = int(spanning_tree.artificial_flow(self.tree, self.C.shape[0]))
        return left if left > self.rounding_mass else 0

    def _raise_penalty(self, *, has_eligible: bool = False) -> bool:
        """Raise the penalty until some pair is eligible; False proves infeasibility.

        `has_eligible` says that some pair is eligible already.
        """
        gap = 0.0
        if not has_eligible:
            gap, by_source = dense_pricing.hanging_gap(self.tree, self.C)
            if gap == math.inf:
                self.infeasible = by_source
                return False
        increase = max(3.0 * self.penalty, gap)
        spanning_tree.raise_penalty(self.tree, self.C.shape[0], increase)
        self.penalty += increase
        return True

    def _drop_penalty(self) -> None:
        """Drop the penalty; more pivots may follow, since potentials without it have more digits.

        Estimates far larger than the costs that are paid would cost digits of the potentials: then
        row minima stand in for them.
        """
        n = self.C.shape[0]
        self.penalty = 0.0
        if self.rounding_mass > 0 and spanning_tree.artificial_flow(self.tree, n) > 0:
            return
        if self.estimate.any():
            i, j, mass = spanning_tree.flows(self.tree, n)
            paid = float(np.abs(self.C[i, j]) @ mass) / float(self.a.sum())
            if float(np.abs(self.estimate).max()) > LARGE_ESTIMATE * paid:
                lowest = self.C.min(axis=1)
                if np.abs(lowest).max() < np.abs(self.estimate).max():
                    self.estimate = lowest
        spanning_tree.release(self.tree, n, self.estimate)

    def _spend(self, n_pivots: int) -> None:
        """Account for pivots; far more than any run needs mean that rounding keeps it going."""
        self.monitor.spend(n_pivots)
        if self.monitor.iteration > self.patience:
            self.patience += PIVOTS_A_NODE * (sum(self.C.shape) + 100)
            self.rounding *= 16.0
            self.share = max(16.0 * self.share, PATH_ROUNDING)
            if self.rounding > 2.0**-20:
                self.monitor.end(Status.STALLED)

    def _floor(self) -> float:
        """Reduced cost that the rounding of potentials, sums along tree paths, may fake."""
        return self.share * float(np.abs(self.tree.pi).max())

    def _repaired(self) -> Triples | None:
        """Move mass on artificial arcs to where it is needed, at least cost; None if it is much."""
        n, m = self.C.shape
        hangs = (self.tree.parent[:-1] == n + m) & (self.tree.flow[:-1] > 0)
        sources, targets = np.flatnonzero(hangs[:n]), np.flatnonzero(hangs[n:])
        if self.forbidden or not sources.size or sources.size * targets.size > n * m / 4:
            return None
        flow = self.tree.flow
        left = Run(self.C[np.ix_(sources, targets)], flow[sources], flow[n + targets], Monitor())
        i, j, mass = spanning_tree.flows(left.solve().tree, sources.size)
        return sources[i], targets[j], mass

    def _check(self, f: FloatArray | None = None, g: FloatArray | None = None) -> None:
        """Bound the value from feasible potentials and the repaired plan; stop if close enough."""
        if f is not None and g is not None:
            value = float(self.a @ f) + float(self.b @ g)
            if value > self.lower:
                self.lower, self.best = value, (f, g)
                self.monitor.lower = value * self.scale
        left = spanning_tree.artificial_flow(self.tree, self.C.shape[0])
        if 0 < left > 0.8 * self.checked and f is None:
            return
        self.checked = left
        repair = self._repaired() if left and self.tolerance is not None else None
        if left and repair is None:
            return
        i, j, mass = spanning_tree.flows(self.tree, self.C.shape[0])
        upper = float(self.C[i, j] @ mass)
        if repair is not None:
            upper += float(self.C[repair[0], repair[1]] @ repair[2])
        self.monitor.upper = min(self.monitor.upper, upper * self.scale)
        if self.tolerance is not None:
            rtol, atol = self.tolerance
            # A tenth of the tolerance is left for the slack of the proof.
            if upper - self.lower <= 0.9 * max(atol, rtol * abs(upper)):
                self.repair = repair
                raise EndOfRun

    def _finish_directly(self) -> None:
        """Simplex on all pairs from the present tree; the penalty grows while mass is left."""
        row = 0
        while True:
            code, k, row = dense_pricing.dense_simplex(
                self.tree, self.C, row, self.share, self.rounding, self.monitor.slice_pivots
            )
            self._spend(k)
            if code != spanning_tree.OPTIMAL:
                continue
            if self._artificial():
                if not self._raise_penalty():
                    return
            elif self.penalty > 0.0:
                self._drop_penalty()
            else:
                return

    def _solve_by_rounds(self) -> None:
        C = self.C
        n = len(C)
        f, g = self._first_duals() if self.start is None else self._extended(self.start[0])
        arcs = Arcs(*dense_pricing.best_per_row_and_column(C, f, g, N_BEST))
        reduced = self._reduced(arcs, f, g)
        penalty = max(FIRST_PENALTY * float(np.quantile(reduced, 0.9)), 1e-9 * self.unit)
        if self.start is None:
            self._attach(f, g, penalty, arcs)
        else:
            _, rows, columns = self.start
            ends = rows.astype(np.uint32), (columns + n).astype(np.uint32)
            earlier = Arcs(*ends, C[rows, columns])
            self._attach(f, g, penalty, arcs, earlier)
            arcs = merged(arcs, earlier)
        watched = self.tolerance is not None or self.monitor.callback is not None
        if watched:
            self._check(f, g)
        left = self._artificial()
        for scan in range(10**6):
            self._pivot_on(arcs)
            f, g = spanning_tree.potentials(self.tree, n)
            violated, least = self._price(f, g)
            if watched:
                self._check(f + least, g)
            before, left = left, self._artificial()
            if left and scan >= PATIENCE:
                self._finish_directly()
                return
            if left:
                if violated is None or left > 0.7 * before:
                    self._raise_penalty(has_eligible=violated is not None)
            elif self.penalty > 0.0:
                self._drop_penalty()
            elif violated is None:
                return
            if violated is not None:
                arcs = merged(arcs, violated)

    def _pivot_on(self, arcs: Arcs) -> None:
        n = self.C.shape[0]
        position, code = 0, spanning_tree.PIVOT_LIMIT
        while code != spanning_tree.OPTIMAL:
            limit = self.monitor.slice_pivots
            if self.tolerance is not None:
                limit = min(limit, max(1000, n))
            code, k, position = spanning_tree.sparse_simplex(
                self.tree, n, arcs.source, arcs.target, arcs.cost, position,
                self._floor(), self.rounding, limit,
            )  # fmt: skip
            self._spend(k)
            if self.tolerance is not None and code != spanning_tree.OPTIMAL:
                self._check()

    def _price(self, f: FloatArray, g: FloatArray) -> tuple[Arcs | None, FloatArray]:
        """Scan all pairs: the violated ones, or None, and corrections of f.

        Corrections (n,) are at most 0; f plus them is feasible up to rounding.
        """
        n, m = self.C.shape
        rows, least = np.arange(n), np.zeros(n)
        floor = self._floor()
        step = max(1, SLICE_ENTRIES // m)
        found = []
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            *arcs, least[part] = dense_pricing.price_rows(
                self.C, f, g, part, floor, self.rounding, N_BEST
            )
            found.append(arcs)
        source, target, cost = (np.concatenate(pieces) for pieces in zip(*found, strict=True))
        return (Arcs(source, target, cost) if source.size else None), least

    def _extended(self, g: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Feasible potentials (f, g) from any estimate of g, by c-transforms."""
        f, improved = np.empty(len(self.C)), np.full(self.C.shape[1], np.inf)
        dense_pricing.reduce_rows(self.C, g, f, improved)
        return f, improved

    def _first_duals(self) -> tuple[FloatArray, FloatArray]:
        """Feasible potentials: row and column minima, or those of the clustered problem if better.

        Costs without geometry (independent entries, many ties) are better served by the former.
        """
        f, g = self._extended(np.zeros(self.C.shape[1]))
        coarse_f, coarse_g = self._coarse_duals()
        gained = self.a @ (coarse_f - f) + self.b @ (coarse_g - g)
        return (coarse_f, coarse_g) if gained > 0.0 else (f, g)

    def _coarse_duals(self) -> tuple[FloatArray, FloatArray]:
        """Feasible potentials from the duals of the clustered problem."""
        merged, C, a, b = clustered(self.C, self.a, self.b)
        coarse = Run(C, a, b, self.monitor).solve()
        if self.monitor.status is not Status.OPTIMAL:
            n, m = self.C.shape
            self._attach(np.zeros(n), np.zeros(m), self.unit)
            raise EndOfRun
        f, _ = spanning_tree.potentials(coarse.tree, len(C))
        g = np.full(self.C.shape[1], np.inf)
        dense_pricing.reduce_columns(frozen(merged), np.arange(len(merged)), f, g)
        return self._extended(g)
