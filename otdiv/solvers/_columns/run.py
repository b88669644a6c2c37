"""One run of column generation: levels from coarse to fine, early stop, and the caller's units."""

from __future__ import annotations

import dataclasses
import math
import time
from typing import TypeAlias

import numpy as np

from ..._kernels.kdtree.tree import box_tree, build_tree
from ..._kernels.network_flow import candidates, spanning_tree
from ..._monitor import Deadline, EndOfRun, Monitor
from ..._tree_search import LEAF_SIZE, safe_scale
from ..._typing import FloatArray, IndexArray
from ...certificates.dual import kept_dual_bound
from ...costs import PNormCost, ShapedCost
from ...costs.shaped import ARC
from ...errors import InvalidInputError
from ...plans import Potentials, SparsePlan
from ...problems import TransportProblem
from ...results import Solution, SolveOptions, Status
from ..network_simplex import memory_needed
from .levels import Context, Level, WarmStart, coarse_levels
from .on_grid import GridAnswer, solve_on_grid
from .restricted import RestrictedProblem, solve_level
from .unplaced import plan_of_unplaced

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
# Targets that tell what potentials of a coarse level will prove; by taste.
_SAMPLE = 500
# Share of the time so far that a proof for the callback's sake may take; by taste.
_PROOF_SHARE = 0.1
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
        cost = problem.cost
        assert isinstance(cost, PNormCost | ShapedCost)
        shape = cost.shape if isinstance(cost, ShapedCost) else None
        self.problem, self.options, self.max_iterations = problem, options, max_iterations
        norm, power = cost.norm, cost.power
        self.rows, self.columns = np.flatnonzero(problem.a > 0.0), np.flatnonzero(problem.b > 0.0)
        # A power of two: scaled coordinates, and costs of powers 1 and 2, are exact.
        # A shape has a unit of its own.
        self.scale = safe_scale(problem.x, problem.y) if shape is None else 1.0
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
            shape=shape,
        )
        self.on_sphere = shape is not None and shape.code == ARC
        self.finest = Level(x, y, self.whole.a, self.whole.b)
        # The cheapest complete plan so far that is no tree's: repaired, or spread from coarse ones.
        self.spare: _PlanArrays | None = None
        # The last coarse level that was solved, with potentials g of its nodes,
        self.coarse: tuple[Level, FloatArray] | None = None
        # and the best potentials of all atoms that came from one, with what they prove.
        self.proven: tuple[float, Potentials] | None = None
        self.proof_seconds = 0.0
        self.begun = time.perf_counter()
        self.asked = options.rtol is not None or options.atol is not None
        # Whether the run may end early, and whether somebody looks at its bounds before.
        self.watched = self.asked or options.callback is not None
        callback = options.callback
        self.shown = (callback.callback if isinstance(callback, Deadline) else callback) is not None

    def solve(self) -> Solution:
        """Levels from coarse to fine, or on from the warm start; then plan and potentials."""
        earlier = self._warm_start()
        f: FloatArray | None = None
        previous: Level | None = None
        state: RestrictedProblem | None = None
        n_pivots = useful_k = 0
        status, message = Status.OPTIMAL, ""
        end = ""
        try:
            if earlier is None:
                masses = self.whole.a, self.whole.b
                answer = solve_on_grid(
                    self.problem, self.rows, self.columns, masses, self.scale, self.monitor
                )
                if answer is not None:
                    return self._of_grid(answer)
            if earlier is not None:
                state = RestrictedProblem(self.finest, self.context, None, None, earlier)
                if not _is_near(state):
                    state = None
            levels = [self.finest]
            if state is None:
                levels = coarse_levels(self.finest, _SMALLEST_LEVEL, on_sphere=self.on_sphere)
            for level in levels:
                finest = level is self.finest
                if state is None or state.level is not level:
                    state = RestrictedProblem(
                        level, self.context, f, previous, least_candidates=useful_k
                    )
                end = solve_level(
                    state,
                    finest=finest,
                    max_rounds=self.max_iterations,
                    good_enough=self._good_enough if finest and self.asked else None,
                )
                useful_k = max(useful_k, state.useful_k)
                n_pivots += state.n_pivots
                f, previous = state.f, level
                if not finest:
                    self.coarse = level, state.best_pair()[1]
                    if self.watched and self._answers_early(state):
                        break
                if finest and end == "limit":
                    status = Status.MAX_ITERATIONS
                elif finest and end == "stuck":
                    status = Status.NUMERICAL_ERROR
                    message = "mass is left that no arc of finite reduced cost can move"
        except EndOfRun:
            status = Status.STOPPED
        return self._solution(state, n_pivots, status, message)

    def _of_grid(self, answer: GridAnswer) -> Solution:
        """The answer of a flow on a grid, in the caller's order and unit."""
        rows, columns, mass = spanning_tree.masses(answer.tree, self.whole)
        rows, columns = self.rows[rows], self.columns[columns]
        return Solution(
            plan=SparsePlan(rows=rows, columns=columns, mass=mass, shape=self.problem.shape),
            potentials=_pair((answer.f * self.cost_unit, answer.g * self.cost_unit)),
            n_iterations=answer.n_pivots,
            status=Status.OPTIMAL,
        )

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
            not isinstance(warm.problem.cost, PNormCost | ShapedCost)
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

    def _answers_early(self, state: RestrictedProblem) -> bool:
        """Bounds from the answer of a coarse level; whether they meet the tolerance.

        Its plan is spread over the atoms. Its potentials are extended to the sources by one search
        among few nodes, and to the targets by one among all sources, for the proof: that one is
        slow, so some targets tell first whether it can be worth it.
        """
        monitor, level = self.monitor, state.level
        nodes = state.plan() if state.artificial == 0 else self.complete_plan(state, exact=False)
        plan = candidates.spread(nodes, level.shape, self.finest.a, self.finest.b)
        cost = self._cost(plan)
        if cost * monitor.scale < monitor.upper:
            monitor.upper, self.spare = cost * monitor.scale, plan
        f, g = state.best_pair()
        fine_f = self.context.search(self.finest.x, level.y, g, 1)[1][:, 0].copy()
        if self._is_worth_a_proof(level, f, fine_f):
            self._prove(level, g, fine_f)
            self.coarse = None
        monitor.tick(force=True)
        return self.asked and self._is_closed()

    def _is_worth_a_proof(self, level: Level, f: FloatArray, fine_f: FloatArray) -> bool:
        """Whether potentials of a coarse level are likely to prove enough.

        That is what was asked, or, for the callback only, anything at all at first, and then half
        of the gap in a small part of the time so far.
        """
        monitor, x, y = self.monitor, self.finest.x, self.finest.y
        if not self.asked and (not self.shown or monitor.lower == -math.inf):
            return self.shown
        # What the nodes say of all targets, put right by what the sources say of some of them.
        rough = self.context.search(y, level.x, f, 1)[1][:, 0].copy()
        step = -(-rough.size // _SAMPLE)
        some = box_tree(np.ascontiguousarray(y.points[:, ::step]), np.arange(0), LEAF_SIZE)
        exact = self.context.search(some, x, fine_f, 1)[1][:, 0]
        shares = np.add.reduceat(self.finest.b, np.arange(0, rough.size, step))
        lower = float(fine_f @ self.finest.a) + float(rough @ self.finest.b)
        lower += float((exact - rough[::step]) @ shares)
        gap = monitor.upper - lower * monitor.scale
        if self.asked:
            return gap <= self._tolerance(monitor.upper)
        elapsed = time.perf_counter() - self.begun
        halved = gap <= 0.5 * (monitor.upper - monitor.lower)
        return halved and self.proof_seconds <= _PROOF_SHARE * elapsed

    def _prove(self, level: Level, g: FloatArray, fine_f: FloatArray) -> None:
        """Prove what the potentials g of nodes and `fine_f` of the sources are worth."""
        begin = time.perf_counter()
        n, m = self.problem.shape
        f_all = np.empty(n)
        f_all[self.rows] = fine_f
        dead = np.flatnonzero(self.problem.a <= 0.0)
        if dead.size:
            tree = build_tree(self.problem.x[dead] * self.scale, LEAF_SIZE)
            f_all[dead[tree.order]] = self._quiet().search(tree, level.y, g, 1)[1][:, 0]
        given = Potentials(f=f_all * self.cost_unit, g=np.zeros(m))
        potentials, lower = kept_dual_bound(self.problem, given)
        self.proof_seconds = time.perf_counter() - begin
        if self.proven is None or lower > self.proven[0]:
            self.proven = lower, potentials
        self.monitor.lower = max(self.monitor.lower, lower)

    def _is_closed(self) -> bool:
        """Whether the bounds so far meet the tolerance, with room for rounding in the proof."""
        gap = self.monitor.upper - self.monitor.lower
        return gap <= _TOLERANCE_SHARE * self._tolerance(self.monitor.upper)

    def _cost(self, plan: _PlanArrays) -> float:
        """Cost of a plan between atoms, in scaled units."""
        rows, columns, mass = plan
        return float(self.context.costs(self.finest.x, self.finest.y, rows, columns) @ mass)

    def _good_enough(self, state: RestrictedProblem) -> bool:
        """Whether bounds meet the tolerance, unplaced mass being moved by a plan of its own."""
        monitor = self.monitor
        if self._is_closed():
            return True
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
            cost = self._cost(plan)
            if cost * monitor.scale < monitor.upper:
                monitor.upper, self.spare = cost * monitor.scale, plan
        else:
            monitor.upper = min(monitor.upper, state.plan_cost() * monitor.scale)
        return self._is_closed()

    def complete_plan(self, state: RestrictedProblem, exact: bool = True) -> _PlanArrays:
        """The tree's plan with a plan of the unplaced mass: nearly optimal if `exact`, or any."""
        rows, columns, mass = state.plan()
        a, b = state.unplaced()
        rest_rows, rest_columns = np.flatnonzero(a), np.flatnonzero(b)
        if exact and self._fits_dense(rest_rows.size, rest_columns.size):
            # The plan so far moves nearly all mass, so its cost stands for the optimum's.
            scale = self.monitor.scale
            tolerance = _REST_SHARE * self._tolerance(state.plan_cost() * scale) / scale
            options = SolveOptions(atol=tolerance)
            rest = plan_of_unplaced(self.finest, self.context, a, b, options)
        else:
            rest = candidates.corner_fill(a, b)
        return (
            np.concatenate([rows, rest[0]]),
            np.concatenate([columns, rest[1]]),
            np.concatenate([mass, rest[2]]),
        )

    def _solution(
        self,
        state: RestrictedProblem | None,
        n_pivots: int,
        status: Status,
        message: str,
    ) -> Solution:
        level = self.finest
        if state is not None and state.level is level:
            # A plan of an earlier round or level may still be the better one.
            complete = state.artificial == 0
            better = complete and state.plan_cost() * self.monitor.scale <= self.monitor.upper
            if better or (complete and self.spare is None):
                plan = spanning_tree.masses(state.tree, self.whole)
            else:
                plan = self._in_units_of_mass(self._cheapest(state))
            assert state.best is not None
            if self.proven is not None and self.proven[0] > state.best[0] * self.monitor.scale:
                potentials = self.proven[1]
            else:
                potentials = _pair(self.extended_potentials(*state.best_pair()))
        else:
            # Ended before the finest level: its duals come from the coarse ones.
            plan = self._in_units_of_mass(self.spare or candidates.corner_fill(level.a, level.b))
            if self.coarse is not None:
                nodes, node_g = self.coarse
                fine_f = self._quiet().search(level.x, nodes.y, node_g, 1)[1][:, 0].copy()
                self._prove(nodes, node_g, fine_f)
            potentials = self.proven[1] if self.proven is not None else self._zeros()
        rows, columns, mass = plan
        return Solution(
            plan=SparsePlan(
                rows=self.rows[rows],
                columns=self.columns[columns],
                mass=mass,
                shape=self.problem.shape,
            ),
            potentials=potentials,
            n_iterations=n_pivots,
            status=status,
            message=message,
        )

    def _cheapest(self, state: RestrictedProblem) -> _PlanArrays:
        """The spare plan, or that of an unfinished tree with its unplaced mass moved anyhow."""
        if self.spare is not None and (state.artificial == 0 or self._is_closed()):
            return self.spare
        plan = self.complete_plan(state, exact=False)
        if self.spare is not None and self._cost(self.spare) <= self._cost(plan):
            return self.spare
        return plan

    def _zeros(self) -> Potentials:
        """Potentials that the proof makes something of."""
        return Potentials(f=np.zeros(self.problem.shape[0]), g=np.zeros(self.problem.shape[1]))

    def _in_units_of_mass(self, plan: _PlanArrays) -> tuple[IndexArray, IndexArray, FloatArray]:
        rows, columns, mass = plan
        return rows, columns, np.asarray(mass * self.mass_unit, dtype=np.float64)

    def _quiet(self) -> Context:
        return dataclasses.replace(self.context, monitor=Monitor())

    def extended_potentials(self, f: FloatArray, g: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Feasible potentials of all atoms, in the caller's order and unit.

        An atom without weight takes the largest value that no pair forbids.
        """
        context, y = self._quiet(), self.finest.y
        problem, scale = self.problem, self.scale
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


def _pair(potentials: tuple[FloatArray, FloatArray]) -> Potentials:
    return Potentials(f=potentials[0], g=potentials[1])


def _is_near(state: RestrictedProblem) -> bool:
    """Whether a warm start is good enough to go on from."""
    if state.artificial > _WARM_SHARE * state.mass:
        return False
    cost = state.plan_cost() * (state.mass / (state.mass - state.artificial))
    return cost - state.lower <= _WARM_SHARE * cost
