"""The network simplex on the entries of a sparse cost: they are the arcs, and there are no others.

The penalty of artificial arcs grows while they carry mass and some entry could take it; where none
can, Hall's condition fails, and the rows and columns that show it are the answer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from ..._kernels.network_flow import spanning_tree
from ..._kernels.network_flow.dense_pricing import (
    PATH_ROUNDING,
    PIVOTS_A_NODE,
    ROUNDING,
    extent,
)
from ..._kernels.network_flow.first_basis import IntegerMasses
from ..._kernels.network_flow.spanning_tree import Tree
from ..._monitor import EndOfRun, Monitor
from ..._typing import FloatArray, IndexArray
from ...costs import SparseCost
from ...errors import InvalidInputError
from ...plans import Potentials, SparsePlan
from ...problems import TransportProblem
from ...results import Solution, SolveOptions, Status
from .._dense.rounds import LARGE_ESTIMATE

__all__ = ["solve_sparse", "sparse_memory"]

# Sum of costs along a path of n + m arcs above which costs are scaled by a power of two, and
# largest cost below which they are: as for all pairs.
_LARGEST_SUM, _SMALLEST = 2.0**900, 2.0**-900
# Share of a tolerance that the run uses up; the rest is for the rounding in the proof. By taste.
_TOLERANCE_SHARE = 0.9
# First penalty of artificial arcs over the 0.9 quantile of reduced costs, and the factor by which
# it grows: trees stay short while mass is placed, which on random entries takes an eighth of the
# pivots' time that a sufficient penalty from the start does (1e5 atoms, 1e6 entries).
_FIRST_PENALTY, _GROWTH = 0.1, 1.5
# Spread of the potentials of a warm start over that of the costs above which it is not used; by
# taste.
_FAR = 1e3
# Bytes of an atom and of an entry at the peak, measured on 1e5 x 1e5 atoms with 1e6 entries.
_ATOM_BYTES, _ENTRY_BYTES = 400, 150


def sparse_memory(cost: SparseCost) -> int:
    """Bytes that a solve takes beside the problem."""
    return _ATOM_BYTES * sum(cost.shape) + _ENTRY_BYTES * cost.n_entries


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Live:
    """The atoms of positive weight and the entries between them."""

    rows: IndexArray
    """Their numbers in the problem (n,)."""
    columns: IndexArray
    a: FloatArray
    b: FloatArray
    cost: SparseCost
    """Of shape (n, m), times 2**shift."""
    shift: int

    @classmethod
    def of(cls, problem: TransportProblem) -> _Live:
        cost, a, b = problem.cost, problem.a, problem.b
        assert isinstance(cost, SparseCost)
        rows, columns = np.flatnonzero(a > 0.0), np.flatnonzero(b > 0.0)
        if rows.size < a.size or columns.size < b.size:
            cost = cost.kept((a > 0.0)[cost.rows] & (b > 0.0)[cost.columns])
            pairs = np.searchsorted(rows, cost.rows), np.searchsorted(columns, cost.columns)
            cost = SparseCost.of_entries(*pairs, cost.values, (rows.size, columns.size))
            a, b = a[rows], b[columns]
        shift = _shift(cost)
        if shift:
            values = np.ldexp(cost.values, shift)
            cost = SparseCost.of_entries(cost.rows, cost.columns, values, cost.shape)
        return cls(rows=rows, columns=columns, a=a, b=b, cost=cost, shift=shift)


def _shift(cost: SparseCost) -> int:
    """Exponent k such that path sums of costs times 2**k stay within float64; mostly 0."""
    top = float(np.abs(cost.values).max(initial=0.0))
    limit = _LARGEST_SUM / sum(cost.shape)
    if top == 0.0 or _SMALLEST < top < limit:
        return 0
    return math.frexp(limit)[1] - 1 - math.frexp(top)[1]


def solve_sparse(
    problem: TransportProblem, options: SolveOptions, max_iterations: int | None
) -> Solution:
    """Solve a problem of a sparse cost on its atoms of positive weight; extend the potentials."""
    live = _Live.of(problem)
    monitor = Monitor(callback=options.callback, max_iterations=max_iterations)
    cut_off = _cut_off(live.cost)
    if cut_off is not None:
        return _infeasible(live, *cut_off, 0)
    masses = spanning_tree.integer_masses(live.a, live.b, problem.mass)
    run = _Run(live.cost, masses, monitor)
    exponent = masses.exponent - live.shift
    if -900 < exponent < 900:
        run.scale = math.ldexp(masses.unit, exponent)
        if options.rtol is not None or options.atol is not None:
            run.tolerance = (options.rtol or 0.0, (options.atol or 0.0) / run.scale)
    run.solve(_start(problem, options, live))
    if run.infeasible is not None:
        n = live.rows.size
        proof = np.flatnonzero(run.infeasible[:n]), np.flatnonzero(run.infeasible[n:])
        return _infeasible(live, *proof, monitor.iteration)
    rows, columns, mass = spanning_tree.masses(run.tree, masses)
    plan = SparsePlan(
        rows=live.rows[rows], columns=live.columns[columns], mass=mass, shape=problem.shape
    )
    return Solution(
        plan=plan,
        potentials=_extended(problem, live, run),
        n_iterations=monitor.iteration,
        status=monitor.status,
    )


def _cut_off(cost: SparseCost) -> tuple[IndexArray, IndexArray] | None:
    """Rows and the columns that they reach, where an atom has no entry at all."""
    n, m = cost.shape
    none = np.empty(0, np.int64)
    empty = np.flatnonzero(cost.starts[1:] == cost.starts[:-1])
    if empty.size:
        return empty, none
    reached = np.zeros(m, np.bool_)
    reached[cost.columns] = True
    return None if reached.all() else (np.arange(n), np.flatnonzero(reached))


def _infeasible(live: _Live, rows: IndexArray, columns: IndexArray, n_iterations: int) -> Solution:
    """No plan: the rows hold more than the columns, and reach no others."""
    return Solution(
        plan=None,
        potentials=None,
        n_iterations=n_iterations,
        status=Status.INFEASIBLE,
        infeasible_rows=live.rows[rows],
        infeasible_columns=live.columns[columns],
    )


@dataclass(slots=True)
class _Run:
    """Integer masses, positive on both sides, the entries as arcs, and the tree.

    `tolerance` is a pair (rtol, atol), atol for masses in units, that allows to stop early, and
    `scale` turns units into the caller's for the callback.
    """

    cost: SparseCost
    masses: IntegerMasses
    monitor: Monitor
    tolerance: tuple[float, float] | None = None
    scale: float = 0.0
    infeasible: np.ndarray | None = None
    """Where there is no plan: nodes (n + m,) of components joined to the root by a source."""
    best: tuple[FloatArray, FloatArray] | None = None
    """Best feasible potentials seen, where the run did not end with those of the tree."""
    tree: Tree = field(init=False)
    source: np.ndarray = field(init=False)
    target: np.ndarray = field(init=False)
    estimate: FloatArray = field(init=False)
    unit: float = field(init=False)
    share: float = field(init=False, default=PATH_ROUNDING)
    rounding: float = field(init=False, default=ROUNDING)
    penalty: float = field(init=False, default=0.0)
    rounding_mass: int = field(init=False, default=0)
    patience: int = field(init=False)
    lower: float = field(init=False, default=-math.inf)

    def __post_init__(self) -> None:
        n, m = self.cost.shape
        self.tree = spanning_tree.new_tree(n, m)
        self.source = self.cost.rows.astype(np.uint32)
        self.target = (self.cost.columns + n).astype(np.uint32)
        least, largest, _, spread = extent(self.cost.values[None, :])
        width = largest - least
        self.unit = max(width, 2.0**-40 * abs(least)) or 1.0
        if spread:
            # Sizes differ too much for one floor; the tolerance is local alone.
            self.share = 0.0
        if self.masses.a_rest.size:
            # Rounded masses may disagree by about 2**8 units an atom; counts are exact.
            self.rounding_mass = 2**8 * (n + m)
        self.patience = PIVOTS_A_NODE * (n + m + 100)

    def solve(self, start: tuple[FloatArray, IndexArray] | None) -> None:
        """Run to the optimum, to a proof that there is no plan, or until interrupted.

        `start` is an estimate of g (m,) and the entries of an earlier plan, in leaf order.
        """
        n = self.cost.shape[0]
        try:
            self._attach(start)
            while self._pivot_to_optimum():
                pass
            self.best = None
        except EndOfRun:
            spanning_tree.recompute_potentials(self.tree, n)

    def _attach(self, start: tuple[FloatArray, IndexArray] | None) -> None:
        """Build the first tree: greedily by reduced cost, the entries of an earlier plan first."""
        cost = self.cost
        f = cost.least_of_rows(np.zeros(cost.shape[1]) if start is None else start[0])
        g = cost.least_of_columns(f)
        reduced = cost.values - f[cost.rows] - g[cost.columns]
        self.estimate = f
        quantile = float(np.quantile(reduced, 0.9))
        self.penalty = max(_FIRST_PENALTY * quantile, 2.0**-30 * self.unit)
        order = np.argsort(reduced)
        order = order[: np.searchsorted(reduced[order], 2.0 * self.penalty)]
        if start is not None:
            earlier = start[1][reduced[start[1]] <= self.penalty]
            order = np.concatenate([earlier, order])
        spanning_tree.start_basis(
            self.tree, self.masses.a, self.masses.b, f, g, self.source, self.target, cost.values,
            order, self.penalty,
        )  # fmt: skip
        self._note(f, g)

    def _pivot_to_optimum(self) -> bool:
        """Pivot until no entry is eligible, then change the penalty; False at the end."""
        n = self.cost.shape[0]
        position, code = 0, spanning_tree.PIVOT_LIMIT
        while code != spanning_tree.OPTIMAL:
            floor = self.share * float(np.abs(self.tree.pi).max())
            code, k, position = spanning_tree.sparse_simplex(
                self.tree, n, self.source, self.target, self.cost.values, position,
                floor, self.rounding, self.monitor.slice_pivots,
            )  # fmt: skip
            self._spend(k)
        if self._artificial():
            return self._raise_penalty()
        if self.penalty > 0.0:
            self._drop_penalty()
            return True
        return False

    def _spend(self, n_pivots: int) -> None:
        """Account for pivots; far more than any run needs mean that rounding keeps it going."""
        if self.tolerance is not None or self.monitor.callback is not None:
            self._check()
        self.monitor.spend(n_pivots)
        if self.monitor.iteration > self.patience:
            self.patience += PIVOTS_A_NODE * (sum(self.cost.shape) + 100)
            self.rounding *= 16.0
            self.share = max(16.0 * self.share, PATH_ROUNDING)
            if self.rounding > 2.0**-20:
                self.monitor.end(Status.STALLED)

    def _artificial(self) -> int:
        left = int(spanning_tree.artificial_flow(self.tree, self.cost.shape[0]))
        return left if left > self.rounding_mass else 0

    def _raise_penalty(self) -> bool:
        """Raise the penalty until some entry is eligible; False proves that there is no plan."""
        n = self.cost.shape[0]
        by_source = _joined_by_source(self.tree, n)
        leaving = by_source[self.source] & ~by_source[self.target]
        if not leaving.any():
            self.infeasible = by_source
            return False
        f, g = spanning_tree.potentials(self.tree, n)
        rows, columns = self.cost.rows[leaving], self.cost.columns[leaving]
        gap = float((self.cost.values[leaving] - f[rows] - g[columns]).min())
        # Raising both sides by half of the gap makes the first such entry eligible.
        increase = max((_GROWTH - 1.0) * self.penalty, gap)
        spanning_tree.raise_penalty(self.tree, n, increase)
        self.penalty += increase
        return True

    def _drop_penalty(self) -> None:
        """Drop the penalty; more pivots may follow, since potentials without it have more digits.

        Estimates far larger than the costs that are paid would cost digits of the potentials: then
        row minima stand in for them.
        """
        n = self.cost.shape[0]
        self.penalty = 0.0
        if self.rounding_mass > 0 and spanning_tree.artificial_flow(self.tree, n) > 0:
            return
        paid = self._paid(absolute=True) / float(self.masses.a.sum())
        largest = float(np.abs(self.estimate).max())
        if largest > LARGE_ESTIMATE * paid:
            lowest = self.cost.least_of_rows(np.zeros(self.cost.shape[1]))
            if np.abs(lowest).max() < largest:
                self.estimate = lowest
        spanning_tree.release(self.tree, n, self.estimate)

    def _paid(self, *, absolute: bool = False) -> float:
        """Cost of the plan so far, or of the sizes of its costs."""
        rows, columns, mass = spanning_tree.flows(self.tree, self.cost.shape[0])
        costs = self.cost.at(rows, columns)
        return float((np.abs(costs) if absolute else costs) @ mass)

    def _note(self, f: FloatArray, g: FloatArray) -> None:
        """Keep a feasible pair of potentials, if its dual value is the best so far."""
        value = float(self.masses.a @ f) + float(self.masses.b @ g)
        if value > self.lower:
            self.lower, self.best = value, (f, g)
            self.monitor.lower = value * self.scale

    def _check(self) -> None:
        """Bound the value where no mass is artificial; stop if that is close enough."""
        if self._artificial():
            return
        _, g = spanning_tree.potentials(self.tree, self.cost.shape[0])
        self._note(self.cost.least_of_rows(g), g)
        upper = self._paid()
        self.monitor.upper = min(self.monitor.upper, upper * self.scale)
        if self.tolerance is not None:
            rtol, atol = self.tolerance
            if upper - self.lower <= _TOLERANCE_SHARE * max(atol, rtol * abs(upper)):
                raise EndOfRun


def _joined_by_source(tree: Tree, n: int) -> np.ndarray:
    """Whether the component of each node (n + m,) hangs from the root by a source."""
    root = tree.parent.size - 1
    above = tree.parent.astype(np.int64)
    top = np.where(above == root, np.arange(root + 1), above)
    while True:
        higher = top[top]
        if np.array_equal(higher, top):
            return np.asarray(top[:root] < n)
        top = higher


def _extended(problem: TransportProblem, live: _Live, run: _Run) -> Potentials:
    """Potentials of all atoms: those without weight take what feasibility allows."""
    cost = problem.cost
    assert isinstance(cost, SparseCost)
    n, m = problem.shape
    f, g = spanning_tree.potentials(run.tree, live.rows.size) if run.best is None else run.best
    rows, columns, _ = spanning_tree.flows(run.tree, live.rows.size)
    if not live.cost.values.min() < 0.0 and not live.cost.at(rows, columns).any():
        f, g = np.zeros_like(f), np.zeros_like(g)  # nothing moves: these prove it without rounding
    with np.errstate(over="ignore"):
        f, g = np.ldexp(f, -live.shift), np.ldexp(g, -live.shift)
    if (live.rows.size, live.columns.size) == (n, m):
        return Potentials(f=f, g=g)
    all_f, all_g = np.full(n, -np.inf), np.full(m, np.inf)
    all_f[live.rows] = f
    # Rows without weight have no say yet.
    all_g = _below(cost.least_of_columns(all_f), f)
    all_g[live.columns] = g
    all_f = _below(cost.least_of_rows(all_g), all_g)
    all_f[live.rows] = f
    return Potentials(f=all_f, g=all_g)


def _below(least: FloatArray, others: FloatArray) -> FloatArray:
    """Minima of C - others, less some roundings; 0 where all pairs are forbidden."""
    least = np.where(np.isfinite(least), least, 0.0)
    return np.asarray(least - 2.0**-50 * (np.abs(least) + np.abs(others).max()))


def _start(
    problem: TransportProblem, options: SolveOptions, live: _Live
) -> tuple[FloatArray, IndexArray] | None:
    """Potentials g and entries of the plan of an earlier result, among atoms of positive weight.

    None where its potentials are of no use here: what differs by far more than costs do is of a
    problem of another scale.
    """
    warm = options.warm_start
    if warm is None:
        return None
    if warm.problem.shape != problem.shape:
        raise InvalidInputError(
            "warm_start", f"have the shape {problem.shape} of the problem", warm.problem.shape
        )
    if warm.potentials is None:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        g = np.ldexp(warm.potentials.g[live.columns], live.shift)
        # From zero: an offset would cost the potentials of the other side digits.
        g = g - g.min()
    values = live.cost.values
    if not g.max() <= _FAR * (values.max() - values.min()):
        return None
    if not isinstance(warm.plan, SparsePlan):
        return g, np.empty(0, np.int64)
    places = [np.full(size, -1) for size in problem.shape]
    places[0][live.rows], places[1][live.columns] = np.arange(live.rows.size), np.arange(g.size)
    rows, columns = places[0][warm.plan.rows], places[1][warm.plan.columns]
    kept = (rows >= 0) & (columns >= 0)
    rows, columns = rows[kept], columns[kept]
    entries, found = live.cost.places(rows, columns)
    rows, columns, entries = rows[found], columns[found], entries[found]
    order = spanning_tree.leaf_order(rows, columns, live.rows.size, live.columns.size)
    return g, entries[order]
