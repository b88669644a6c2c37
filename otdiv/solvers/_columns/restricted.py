"""One level of column generation: a simplex on a list of arcs, and pricing that extends the list.

Everything here is in tree order and scaled units, with integer masses; `run` goes through the
levels.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..._kernels.network_flow import candidates, spanning_tree
from ..._monitor import interruptible
from ..._typing import FloatArray, IndexArray
from ...results import SolveOptions
from .levels import MOST_CANDIDATES, Context, Level, WarmStart
from .unplaced import plan_of_unplaced

# Share of the magnitudes that a reduced cost is computed from, below which it counts as 0:
# potentials are sums along tree paths, whose rounding mostly stays below a few 2**-53.
_REDUCED_RTOL = 2.0**-49
# On long paths it does not, and ties (collinear points: all pairs are tight) could then be pivoted
# on without end. Pivots an atom after which this share grows; 2 to 5 are usual.
_PIVOTS_PER_ATOM = 16
# The factor by which it grows; by taste.
_RTOL_GROWTH = 4.0

# Penalty of artificial arcs, on top of the estimated dual, in 0.9-quantiles of the candidates'
# reduced costs: measured best between 4 and 64.
_PENALTY_QUANTILES = 32.0
# Factor by which the penalty grows; by taste.
_PENALTY_GROWTH = 4.0
# Share of its cap that the penalty starts with at least, where ties make the quantile meaningless;
# by taste.
_LEAST_PENALTY = 1e-6
# Share of the artificial mass that may be left after a round for the penalty to stay; by taste.
_REQUIRED_FALL = 0.7

# Pairs of unplaced atoms up to which their plan is a solved one (0.1 s),
_BRIDGED_PAIRS = 4_000_000
# and that many an atom of the level, which take no more memory than the lists do (2 kB),
_BRIDGED_SHARE = 200
# and its tolerance: only its arcs are of use. By taste.
_BRIDGE_RTOL = 1e-2

# Large Euclidean problems move mass along rays on which nearly all pairs are nearly tight. There
# the first rounds pivot only on reduced costs below minus this share of the 0.9-quantile: far fewer
# pivots than optima of lists that still change. By taste,
_ROUGH_SHARE = 0.1
# as are the factor of that share from one round to the next,
_ROUGH_DECAY = 0.1
# the number of such rounds
_ROUGH_ROUNDS = 5
# and the number of atoms from which a problem is large.
_ROUGH_SIZE = 10_000

# Reduced cost, as a share of the 0.9-quantile, below which a pair of an earlier plan is tried
# before all others: looser ones (points moved by about their spacing) make a worse start than the
# best candidates do. Measured between 0 and 300.
_TIGHT_SHARE = 0.1

# Between clouds that lie apart, tens of pairs of an atom have reduced costs that differ by less
# than the estimated duals err, and the shortest of them are no better than any others: too few of
# them leave lists in which most mass finds no way. Lists are doubled while more than this share of
# the mass is artificial at their first optimum.
_NARROW_SHARE = 0.05
# Atoms of a side over the length of lists below which they are most of all pairs anyway; by taste.
_LEAST_RATIO = 4
# Share of the artificial mass that longer lists may leave, for finer levels to have them too; by
# taste.
_HELPED_SHARE = 0.8

# Rounds after which a coarse level is good enough, once it has no artificial mass, counted from
# when that was bridged; by taste,
_COARSE_ROUNDS = 3
# if the last of them added at most so many arcs an atom: worse potentials cost the finer levels
# several times what more rounds do.
_COARSE_SHARE = 0.1
# Rounds that are enough in any case; by taste.
_MOST_COARSE_ROUNDS = 12

# Pivots between looks at the clock: 20 microseconds each at n = 1e5.
_PIVOTS = 8192
# Atoms from which a slice of pivots may take over a second,
_LONG_SLICES = 500_000
# and candidates from which sorting them may.
_LONG_SORT = 4_000_000


class RestrictedProblem:
    """The transportation problem on a growing list of arcs, with its simplex tree."""

    def __init__(
        self,
        level: Level,
        context: Context,
        start: FloatArray | None,
        previous: Level | None,
        earlier: WarmStart | None = None,
        *,
        least_candidates: int = 0,
    ):
        self.level, self.context, self.earlier = level, context, earlier
        self.n, self.m = level.shape
        self.position = 0
        self.n_pivots = 0
        self.rtol = _REDUCED_RTOL
        self.mass = int(level.a.sum())
        self.best: tuple[float, FloatArray, FloatArray] | None = None
        self.k = context.candidates_for(max(self.n, self.m))
        if context.n_candidates is None:
            self.k = max(self.k, least_candidates)
        # The length that finer levels should have.
        self.useful_k = self.k
        # The coarsest level has no estimated duals: its lists are of nearest atoms, which place
        # little mass at any length. Only costs of power 1 need longer ones on finer levels too.
        self.tells_length = context.power <= 1.0 or earlier is not None or start is not None
        self._begin(earlier.g if earlier is not None else self._estimate(start, previous))

    def costs(self, rows: IndexArray, columns: IndexArray) -> FloatArray:
        """Costs of arcs."""
        return self.context.costs(self.level.x, self.level.y, rows, columns)

    def _estimate(self, start: FloatArray | None, previous: Level | None) -> FloatArray:
        """Estimated duals g (m,), from those of the sources of the level before."""
        if start is None or previous is None:
            return np.zeros(self.m)
        return self.context.search(self.level.y, previous.x, start, 1)[1][:, 0].copy()

    def _candidates(
        self, g: FloatArray
    ) -> tuple[FloatArray, FloatArray, IndexArray, IndexArray, int]:
        """Feasible f, g from estimated duals g, arcs, and how many of them a search found."""
        level, context, k = self.level, self.context, self.k
        row_columns, values, row_counts = context.search(level.x, level.y, g, k)
        f = values[:, 0].copy()
        column_rows, values, column_counts = context.search(level.y, level.x, f, k)
        g = values[:, 0].copy()
        rows, columns = candidates.merge_lists(row_columns, row_counts, column_rows, column_counts)
        n_found = rows.size
        if self.earlier is not None:
            rows = np.concatenate([rows, self.earlier.rows])
            columns = np.concatenate([columns, self.earlier.columns])
        return f, g, rows, columns, n_found

    def _ranked(self, order: IndexArray) -> IndexArray:
        """The order in which the first basis tries arcs, from that of their reduced costs."""
        return order

    def _begin(self, g: FloatArray) -> None:
        """Candidate arcs of estimated duals g, and a first basis."""
        level, context, earlier = self.level, self.context, self.earlier
        f, g, rows, columns, n_found = self._candidates(g)
        self.f, self.g = f, g
        self.first_f, self.first_g = f, g
        self.note_lower(f, g)
        self.cost = self.costs(rows, columns)
        self.source = rows.astype(np.uint32)
        self.target = (columns + self.n).astype(np.uint32)
        reduced = self.cost - f[rows] - g[columns]
        share = int(0.9 * (n_found - 1))
        scale = float(np.partition(reduced[:n_found], share)[share])
        # No artificial arc needs to cost more than a detour over everything there is.
        self.penalty_cap = 4.0 * (
            float(self.cost.max()) + float(np.abs(f).max()) + float(np.abs(g).max())
        )
        if self.penalty_cap == 0.0:
            self.penalty_cap = 1.0  # every candidate is free
        rough = context.power <= 1.0 and min(self.n, self.m) >= _ROUGH_SIZE
        self.floor = _ROUGH_SHARE * scale if rough else 0.0
        self.penalty = min(
            max(_PENALTY_QUANTILES * scale, _LEAST_PENALTY * self.penalty_cap), self.penalty_cap
        )
        eligible = np.flatnonzero(reduced <= 2.0 * self.penalty)
        keys = reduced[eligible]
        large = keys.size > _LONG_SORT
        order = self._ranked(eligible[interruptible(keys.argsort) if large else keys.argsort()])
        if earlier is not None:
            tight = n_found + np.flatnonzero(reduced[n_found:] <= _TIGHT_SHARE * scale)
            order = np.concatenate([tight, order])
        self.tree = spanning_tree.new_tree(self.n, self.m)
        spanning_tree.start_basis(
            self.tree, level.a, level.b, f, g, self.source, self.target, self.cost, order,
            self.penalty,
        )  # fmt: skip
        self.artificial = int(spanning_tree.artificial_flow(self.tree, self.n))

    def widen(self) -> bool:
        """Begin again with lists of twice the length; False where they are as long as can help."""
        narrow = self.k < MOST_CANDIDATES and _LEAST_RATIO * self.k < min(self.n, self.m)
        if self.context.n_candidates is not None or not narrow:
            return False
        self.k = min(2 * self.k, MOST_CANDIDATES)
        self.position = 0
        self._begin(self.first_g)
        return True

    def note_lower(self, f: FloatArray, g: FloatArray) -> None:
        """Note the dual value of a feasible pair, and keep the pair if it is the best so far."""
        self.lower = float(f @ self.level.a) + float(g @ self.level.b)
        # Equal but for rounding: the later pair belongs to the plan.
        if self.best is None or self.lower >= self.best[0] - 1e-12 * abs(self.best[0]):
            self.best = max(self.lower, self.best[0] if self.best else self.lower), f, g

    def best_pair(self) -> tuple[FloatArray, FloatArray]:
        """Feasible potentials of the best dual value; rounds in between may have worse ones."""
        assert self.best is not None
        return self.best[1:]

    def _slice(self, floor: float) -> tuple[int, int, int]:
        """Pivot for a slice: its code, number of pivots, and where the next one resumes."""

        def pivots() -> tuple[int, int, int]:
            return spanning_tree.sparse_simplex(
                self.tree, self.n, self.source, self.target, self.cost, self.position, floor,
                self.rtol, _PIVOTS,
            )  # fmt: skip

        return interruptible(pivots) if self.n + self.m > _LONG_SLICES else pivots()

    def pivot_to_optimum(
        self, floor: float, good_enough: Callable[[RestrictedProblem], bool] | None = None
    ) -> bool:
        """Simplex on the list, in slices; True when `good_enough` ended it early.

        It is asked whenever the artificial mass has halved.
        """
        asked_at = self.artificial
        limit = self.n_pivots + _PIVOTS_PER_ATOM * (self.n + self.m)
        while True:
            code, n_pivots, self.position = self._slice(floor)
            self.n_pivots += n_pivots
            if self.n_pivots > limit:
                self.rtol *= _RTOL_GROWTH
                limit += _PIVOTS_PER_ATOM * (self.n + self.m)
            self.context.monitor.tick()
            self.artificial = int(spanning_tree.artificial_flow(self.tree, self.n))
            if code == spanning_tree.OPTIMAL:
                break
            if good_enough is not None and 2 * self.artificial < asked_at:
                asked_at = self.artificial
                if good_enough(self):
                    return True
        if self.artificial == 0 and self.penalty != 0.0:
            self._change_penalty(0.0)
        f, g = spanning_tree.potentials(self.tree, self.n)
        self.f, self.g = f.copy(), g.copy()
        return False

    def _change_penalty(self, penalty: float) -> None:
        spanning_tree.raise_penalty(self.tree, self.n, penalty - self.penalty)
        self.penalty = penalty

    def raise_penalty(self) -> bool:
        """Make artificial arcs dearer; False where they are as dear as can help."""
        penalty = min(_PENALTY_GROWTH * self.penalty, self.penalty_cap)
        if penalty <= self.penalty:
            return False
        self._change_penalty(penalty)
        return True

    def bridge(self) -> None:
        """List the arcs of a plan of the unplaced mass, and make artificial arcs dearer than they.

        Pricing lists the same few targets for all rows that lack one, and wins as little as a
        percent of the mass a round. This places all of it at once; where it should not stay, pivots
        without a penalty move it.
        """
        a, b = self.unplaced()
        pairs = np.count_nonzero(a) * np.count_nonzero(b)
        if pairs > min(_BRIDGED_PAIRS, _BRIDGED_SHARE * (self.n + self.m)):
            rows, columns, _ = candidates.corner_fill(a, b)
        else:
            options = SolveOptions(rtol=_BRIDGE_RTOL)
            rows, columns, _ = plan_of_unplaced(self.level, self.context, a, b, options)
        self._dearer_than(rows, columns)

    def _dearer_than(self, rows: IndexArray, columns: IndexArray) -> None:
        """List arcs, and make artificial ones dearer than they are."""
        reduced = self._list(rows, columns) - self.first_f[rows] - self.first_g[columns]
        penalty = min(_PENALTY_GROWTH * float(reduced.max()), self.penalty_cap)
        if penalty > self.penalty:
            self._change_penalty(penalty)

    def _list(self, rows: IndexArray, columns: IndexArray) -> FloatArray:
        """Add arcs to the list; their costs."""
        cost = self.costs(rows, columns)
        self.cost = np.concatenate([self.cost, cost])
        self.source = np.concatenate([self.source, rows.astype(np.uint32)])
        self.target = np.concatenate([self.target, (columns + self.n).astype(np.uint32)])
        return cost

    def price(self) -> int:
        """Compare all pairs with the duals; list what violates them and make `f` feasible."""
        level, context = self.level, self.context
        f, g = self.f, self.g
        # Twice the share of the simplex, so that every priced arc is eligible there.
        rtol = 2.0 * self.rtol
        bounds = f - rtol * np.abs(f)
        columns, differences, counts = context.search(level.x, level.y, g, self.k, bounds)
        new_rows, new_columns = candidates.violating_arcs(columns, differences, counts, f, g, rtol)
        # The smallest c - g of a row, or a bound below it: (f, g) is feasible up to rounding.
        self.f = np.where(counts > 0, differences[:, 0], bounds)
        self.note_lower(self.f, g)
        if new_rows.size:
            self._list(new_rows, new_columns)
        return int(new_rows.size)

    def plan(self) -> tuple[IndexArray, IndexArray, IndexArray]:
        """Rows, columns and integer masses of the tree's real arcs."""
        rows, columns, mass = spanning_tree.flows(self.tree, self.n)
        return rows, columns, mass

    def plan_cost(self) -> float:
        """Cost of `plan`."""
        rows, columns, mass = self.plan()
        return float(self.costs(rows, columns) @ mass)

    def unplaced(self) -> tuple[IndexArray, IndexArray]:
        """Masses (n,), (m,) that no real arc moves yet."""
        a, b = candidates.artificial_masses(self.tree, self.n)
        return a, b


def solve_level(
    problem: RestrictedProblem,
    *,
    finest: bool,
    max_rounds: int,
    good_enough: Callable[[RestrictedProblem], bool] | None = None,
) -> str:
    """Pivot and price in turn; returns "optimal", "tolerance", "limit" or "stuck".

    Optimal means that no artificial mass is left and that a pricing pass over all pairs, with the
    final potentials, found nothing. `good_enough` is asked after every round of the finest level,
    and within.
    """
    monitor = problem.context.monitor
    before, bridged = problem.artificial, 0
    floor = problem.floor
    if finest:
        monitor.lower = max(monitor.lower, problem.lower * monitor.scale)
    if good_enough is not None and good_enough(problem):
        return "tolerance"
    for rounds in range(1, max_rounds + 1):
        if problem.pivot_to_optimum(floor, good_enough):
            return "tolerance"
        if rounds == 1:
            if _lengthened(problem, floor, good_enough):
                return "tolerance"
            before = max(before, problem.artificial)
        n_new = problem.price()
        if finest:
            monitor.iteration += 1
            monitor.lower = max(monitor.lower, problem.lower * monitor.scale)
            if problem.artificial == 0:
                monitor.upper = min(monitor.upper, problem.plan_cost() * monitor.scale)
            monitor.tick(force=True)
        rough, floor = floor > 0.0, floor * _ROUGH_DECAY
        if n_new == 0 or rounds >= _ROUGH_ROUNDS:
            floor = 0.0
        if problem.artificial == 0:
            if n_new == 0 and not rough:
                return "optimal"
            since = rounds - bridged
            few = n_new < _COARSE_SHARE * max(problem.level.shape)
            if not finest and (since >= _MOST_COARSE_ROUNDS or (few and since >= _COARSE_ROUNDS)):
                return "limit"
        if good_enough is not None and good_enough(problem):
            return "tolerance"
        if problem.artificial > 0:
            stalled = problem.artificial > _REQUIRED_FALL * before or n_new == 0
            if stalled and not bridged:
                problem.bridge()
                bridged = rounds
            elif stalled and not problem.raise_penalty() and n_new == 0 and not rough:
                return "stuck"
        before = problem.artificial
    return "limit"


def _lengthened(
    problem: RestrictedProblem,
    floor: float,
    good_enough: Callable[[RestrictedProblem], bool] | None,
) -> bool:
    """Lengthen lists that place too little of the mass; True when `good_enough` ended it early."""
    while problem.artificial > _NARROW_SHARE * problem.mass:
        before = problem.artificial
        if not problem.widen():
            break
        if problem.pivot_to_optimum(floor, good_enough):
            return True
        if problem.tells_length and problem.artificial <= _HELPED_SHARE * before:
            problem.useful_k = problem.k
    return False
