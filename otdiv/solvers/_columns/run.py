"""One run of column generation: levels from coarse to fine, early stop, and the caller's units."""

from __future__ import annotations

import dataclasses
import math
from typing import TypeAlias

import numpy as np

from ..._kernels.kdtree.tree import build_tree
from ..._kernels.network_flow import candidates, spanning_tree
from ..._monitor import EndOfRun, Monitor
from ..._tree_search import LEAF_SIZE, safe_scale
from ..._typing import FloatArray, IndexArray
from ...costs import PNormCost
from ...errors import InvalidInputError
from ...measures import DiscreteMeasure
from ...plans import Potentials, SparsePlan
from ...problems import TransportProblem
from ...results import Solution, SolveOptions, Status
from ..network_simplex import NetworkSimplex, memory_needed
from .levels import Context, Level, WarmStart, coarse_levels
from .restricted import RestrictedProblem, solve_level

__all__ = ["ColumnRun"]

# Rows, columns, mass: whole multiples of a unit, but for mass that a repair moves.
_PlanArrays: TypeAlias = tuple[IndexArray, IndexArray, FloatArray | IndexArray]

# Points a side below which no coarser level is made; the coarsest has up to four times as many.
_SMALLEST_LEVEL = 64

# Share of a tolerance that the solver uses up; the rest is for the rounding in the certificate.
_TOLERANCE_SHARE = 0.95

# Scaled coordinates and potentials of a warm start above which it is of no use to a problem of
# about unit size; by taste.
_FAR = 1e6
# Spread of its potentials, over the largest cost, above which it is not either: their digits are
# elsewhere. By taste.
_FAR_POTENTIALS = 1e3

# Share of the mass that a warm start may leave unplaced, and of the cost of the rest that it may
# leave as a gap to its duals: points moved by one per cent and weights changed by 20 leave less
# than a tenth, unrelated problems a third. The coarse start is faster than the detour from a bad
# one.
_WARM_SHARE = 0.2

# Share of the mass above which unplaced mass is not worth repairing: moving it costs more than any
# tolerance. By taste.
_REPAIRABLE = 0.05
# Pairs, of the unplaced mass or of all, whose costs may be stored (200 MB).
_DENSE_PAIRS = 25_000_000
# Share of the tolerance that the plan of the unplaced mass may cost too much; by taste.
_REST_SHARE = 0.2


class ColumnRun:
    """One solve: support and units, levels, early stop, and the answer in the caller's units."""

    def __init__(
        self,
        problem: TransportProblem,
        options: SolveOptions,
        *,
        n_candidates: int | None,
        max_iterations: int,
        n_jobs: int,
    ) -> None:
        assert isinstance(problem.cost, PNormCost)
        self.problem, self.options, self.max_iterations = problem, options, max_iterations
        norm, power = problem.cost.norm, problem.cost.power
        self.rows, self.columns = np.flatnonzero(problem.a > 0.0), np.flatnonzero(problem.b > 0.0)
        # A power of two: scaled coordinates, and costs of powers 1 and 2, are exact.
        self.scale = safe_scale(problem.x, problem.y)
        self.cost_unit = self.scale**-power
        x = build_tree(problem.x[self.rows] * self.scale, LEAF_SIZE, 2)
        y = build_tree(problem.y[self.columns] * self.scale, LEAF_SIZE, 2)
        # Positions in tree order to the caller's rows and columns.
        self.rows, self.columns = self.rows[x.order], self.columns[y.order]
        self.whole = spanning_tree.integer_masses(
            problem.a[self.rows], problem.b[self.columns], problem.mass
        )
        self.mass_unit = math.ldexp(self.whole.unit, int(self.whole.exponent))
        self.monitor = Monitor(options.callback, scale=self.mass_unit * self.cost_unit)
        self.context = Context(
            norm=norm,
            power=power,
            n_candidates=n_candidates,
            n_threads=n_jobs,
            monitor=self.monitor,
        )
        self.finest = Level(x, y, self.whole.a, self.whole.b)
        self.repaired: _PlanArrays | None = None

    def solve(self) -> Solution:
        """Levels from coarse to fine, or on from the warm start; then plan and potentials."""
        earlier = self._warm_start()
        f: FloatArray | None = None
        previous: Level | None = None
        state: RestrictedProblem | None = None
        n_pivots = 0
        status, message = Status.OPTIMAL, ""
        end = ""
        asked = self.options.rtol is not None or self.options.atol is not None
        try:
            if earlier is not None:
                state = RestrictedProblem(self.finest, self.context, None, None, earlier)
                if not _is_near(state):
                    state = None
            levels = [self.finest]
            if state is None:
                levels = coarse_levels(self.finest, _SMALLEST_LEVEL)
            for level in levels:
                finest = level is self.finest
                if state is None or state.level is not level:
                    state = RestrictedProblem(level, self.context, f, previous)
                end = solve_level(
                    state,
                    finest=finest,
                    max_rounds=self.max_iterations,
                    good_enough=self._good_enough if finest and asked else None,
                    may_give_up=finest and self._fits_dense(*self.problem.shape),
                )
                if end == "slow":
                    options = dataclasses.replace(self.options, warm_start=None)
                    solution = NetworkSimplex().run(self.problem, options=options)
                    message = "lists of candidates were slow, so all pairs were stored"
                    return dataclasses.replace(solution, message=solution.message or message)
                n_pivots += state.n_pivots
                f, previous = state.f, level
                if finest and end == "limit":
                    status = Status.MAX_ITERATIONS
                elif finest and end == "stuck":
                    status = Status.NUMERICAL_ERROR
                    message = "mass is left that no arc of finite reduced cost can move"
        except EndOfRun:
            status = Status.STOPPED
        return self._solution(state, f, previous, n_pivots, status, message)

    def _fits_dense(self, n: int, m: int) -> bool:
        """Whether the costs of n x m pairs may be stored, where lists of candidates are slow."""
        limit = self.options.max_memory
        return n * m <= _DENSE_PAIRS and (limit is None or memory_needed(n, m) <= limit)

    def _warm_start(self) -> WarmStart | None:
        """Potentials and plan of the warm start, in tree order; None where it is of no use.

        A potential is a function on space: its c-transform from the earlier atoms gives it at any
        others. Pairs of the plan mean something only between the same numbers of atoms.
        """
        warm, problem = self.options.warm_start, self.problem
        if warm is None or warm.potentials is None:
            return None
        if (
            not isinstance(warm.problem.cost, PNormCost)
            or warm.problem.source.d != problem.source.d
        ):
            found = repr(warm.problem.cost), warm.problem.source.d
            raise InvalidInputError(
                "warm_start", f"be of points in {problem.source.d} dimensions", found
            )
        with np.errstate(over="ignore", invalid="ignore"):
            points, f = warm.problem.x * self.scale, warm.potentials.f / self.cost_unit
            # From zero: an offset would cost the potentials of the other side digits.
            f = f - f.min()
        widest = min(_FAR, _FAR_POTENTIALS * problem.cost_bound() / self.cost_unit)
        if not (np.abs(points).max() < _FAR and f.max() <= widest):
            return None
        tree = build_tree(points, LEAF_SIZE, 2)
        g = self.context.search(self.finest.y, tree, f[tree.order], 1)[1][:, 0].copy()
        rows = columns = np.empty(0, np.int64)
        if isinstance(warm.plan, SparsePlan) and warm.problem.shape == problem.shape:
            row_place, column_place = (np.full(size, -1) for size in problem.shape)
            row_place[self.rows] = np.arange(self.rows.size)
            column_place[self.columns] = np.arange(self.columns.size)
            rows, columns = warm.plan.rows, warm.plan.columns
            n, m = problem.shape
            inside = (rows >= 0) & (rows < n) & (columns >= 0) & (columns < m)
            rows, columns = row_place[rows[inside]], column_place[columns[inside]]
            live = (rows >= 0) & (columns >= 0)
            rows, columns = rows[live], columns[live]
            order = spanning_tree.leaf_order(rows, columns, self.rows.size, self.columns.size)
            rows, columns = rows[order], columns[order]
        return WarmStart(g, rows, columns)

    def _tolerance(self, upper: float) -> float:
        return max(self.options.atol or 0.0, (self.options.rtol or 0.0) * abs(upper))

    def _good_enough(self, state: RestrictedProblem) -> bool:
        """Whether bounds meet the tolerance, unplaced mass being moved by a plan of its own."""
        monitor = self.monitor
        if state.artificial > _REPAIRABLE * state.mass:
            return False
        if state.artificial > 0:
            base = state.plan_cost() * monitor.scale
            # The plan so far may be too dear already; what the rest costs, only a plan of it tells.
            n_rows, n_columns = (int(np.count_nonzero(mass)) for mass in state.unplaced())
            too_dear = base - monitor.lower > self._tolerance(base)
            if too_dear or not self._fits_dense(n_rows, n_columns):
                return False
            plan = self.complete_plan(state)
            rows, columns, mass = plan
            cost = float(self.context.costs(self.finest.x, self.finest.y, rows, columns) @ mass)
            if cost * monitor.scale < monitor.upper:
                monitor.upper = cost * monitor.scale
                self.repaired = plan
        else:
            monitor.upper = min(monitor.upper, state.plan_cost() * monitor.scale)
        gap = monitor.upper - monitor.lower
        return gap <= _TOLERANCE_SHARE * self._tolerance(monitor.upper)

    def complete_plan(self, state: RestrictedProblem, exact: bool = True) -> _PlanArrays:
        """The tree's plan with a plan of the unplaced mass: nearly optimal if `exact`, or any."""
        rows, columns, mass = state.plan()
        a, b = state.unplaced()
        rest_rows, rest_columns = np.flatnonzero(a), np.flatnonzero(b)
        if exact and self._fits_dense(rest_rows.size, rest_columns.size):
            # The plan so far moves nearly all mass, so its cost stands for the optimum's.
            scale = self.monitor.scale
            tolerance = _REST_SHARE * self._tolerance(state.plan_cost() * scale) / scale
            rest = self._plan_of_rest(rest_rows, rest_columns, a, b, tolerance)
        else:
            rest = candidates.corner_fill(a[rest_rows], b[rest_columns])
        return (
            np.concatenate([rows, rest_rows[rest[0]]]),
            np.concatenate([columns, rest_columns[rest[1]]]),
            np.concatenate([mass, rest[2]]),
        )

    def _plan_of_rest(
        self, rows: IndexArray, columns: IndexArray, a: IndexArray, b: IndexArray, tolerance: float
    ) -> tuple[IndexArray, IndexArray, FloatArray]:
        """A plan between these atoms that costs at most `tolerance` too much, numbered among them.

        Mass that is left unplaced travels far. At such distances nearly all pairs are nearly tight,
        and a simplex that sees all of them needs a tenth of the pivots.
        """
        points = self.finest.x.points[:, rows].T, self.finest.y.points[:, columns].T
        problem = TransportProblem(
            source=DiscreteMeasure(points=points[0], weights=a[rows].astype(np.float64)),
            target=DiscreteMeasure(points=points[1], weights=b[columns].astype(np.float64)),
            cost=PNormCost(norm=self.context.norm, power=self.context.power),
        )
        plan = NetworkSimplex().run(problem, options=SolveOptions(atol=tolerance)).plan
        assert isinstance(plan, SparsePlan)
        return plan.rows, plan.columns, plan.mass

    def _solution(
        self,
        state: RestrictedProblem | None,
        f: FloatArray | None,
        previous: Level | None,
        n_pivots: int,
        status: Status,
        message: str,
    ) -> Solution:
        level = self.finest
        if state is not None and state.level is level:
            best_f, g = state.best_pair()
            # A repaired plan of an earlier round may still be the better one.
            complete = state.artificial == 0
            better = complete and state.plan_cost() * self.monitor.scale <= self.monitor.upper
            if better or (complete and self.repaired is None):
                plan = spanning_tree.masses(state.tree, self.whole)
            elif self.repaired is not None:
                plan = self._in_units_of_mass(self.repaired)
            else:
                plan = self._in_units_of_mass(self.complete_plan(state, exact=False))
        else:
            # Stopped before the finest level: its duals come from the last one that was solved.
            plan = self._in_units_of_mass(candidates.corner_fill(level.a, level.b))
            best_f, g = None, np.zeros(level.b.size)
            if f is not None and previous is not None:
                g = self._quiet().search(level.y, previous.x, f, 1)[1][:, 0].copy()
        f_all, g_all = self.extended_potentials(best_f, g)
        rows, columns, mass = plan
        return Solution(
            plan=SparsePlan(
                rows=self.rows[rows],
                columns=self.columns[columns],
                mass=mass,
                shape=self.problem.shape,
            ),
            potentials=Potentials(f=f_all, g=g_all),
            n_iterations=n_pivots,
            status=status,
            message=message,
        )

    def _in_units_of_mass(self, plan: _PlanArrays) -> tuple[IndexArray, IndexArray, FloatArray]:
        rows, columns, mass = plan
        return rows, columns, np.asarray(mass * self.mass_unit, dtype=np.float64)

    def _quiet(self) -> Context:
        return dataclasses.replace(self.context, monitor=Monitor())

    def extended_potentials(
        self, f: FloatArray | None, g: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Feasible potentials of all atoms, in the caller's order and unit.

        An atom without weight takes the largest value that no pair forbids.
        """
        context, x, y = self._quiet(), self.finest.x, self.finest.y
        problem, scale = self.problem, self.scale
        if f is None:
            f = context.search(x, y, g, 1)[1][:, 0]
        f_all, g_all = np.empty(problem.shape[0]), np.empty(problem.shape[1])
        f_all[self.rows], g_all[self.columns] = f, g
        dead_rows, dead_columns = np.flatnonzero(problem.a <= 0.0), np.flatnonzero(problem.b <= 0.0)
        if dead_rows.size:
            dead = build_tree(problem.x[dead_rows] * scale, LEAF_SIZE)
            f_all[dead_rows[dead.order]] = context.search(dead, y, g, 1)[1][:, 0]
        if dead_columns.size:
            every = build_tree(problem.x * scale, LEAF_SIZE)
            dead = build_tree(problem.y[dead_columns] * scale, LEAF_SIZE)
            values = context.search(dead, every, f_all[every.order], 1)[1][:, 0]
            g_all[dead_columns[dead.order]] = values
        return f_all * self.cost_unit, g_all * self.cost_unit


def _is_near(state: RestrictedProblem) -> bool:
    """Whether a warm start is good enough to go on from."""
    if state.artificial > _WARM_SHARE * state.mass:
        return False
    cost = state.plan_cost() * (state.mass / (state.mass - state.artificial))
    return cost - state.lower <= _WARM_SHARE * cost
