"""Partial transport of point clouds: levels from coarse to fine, and back to the caller's units."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..._kernels.kdtree.tree import build_tree
from ..._kernels.network_flow import spanning_tree
from ..._monitor import EndOfRun, Monitor
from ..._tree_search import LEAF_SIZE, safe_scale
from ..._typing import FloatArray
from ...costs import PNormCost
from ...partial_problem import PartialProblem
from ...plans import SparsePlan
from ...results import SolveOptions, Status
from .levels import Context
from .partial_level import PartialLevel, PartialRestricted, partial_levels
from .restricted import RestrictedProblem, solve_level

__all__ = ["PartialSolution", "solve_points"]

# Points a side below which no coarser level is made; as for balanced problems.
_SMALLEST_LEVEL = 64
# Share of a tolerance that the solver uses up; the rest is for the rounding in the certificate.
_TOLERANCE_SHARE = 0.95
# Limit of pricing rounds at the finest level.
_MOST_ROUNDS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialSolution:
    """What a run hands back, not yet certified."""

    plan: SparsePlan
    f: FloatArray
    """Potentials (n,) and (m,): with a mass, up to price / 2 where mass stays."""
    g: FloatArray
    price: float
    """What the last unit of mass costs; nan with prices."""
    n_iterations: int
    status: Status


def solve_points(problem: PartialProblem, options: SolveOptions) -> PartialSolution:
    """Solve a partial problem of points by column generation in memory O(n + m)."""
    return _Run(problem, options).solve()


class _Run:
    """One solve: support and units, levels, and the answer in the caller's units."""

    def __init__(self, problem: PartialProblem, options: SolveOptions) -> None:
        cost = problem.cost
        assert isinstance(cost, PNormCost)
        self.problem, self.options = problem, options
        self.rows, self.columns = np.flatnonzero(problem.a > 0.0), np.flatnonzero(problem.b > 0.0)
        scale = safe_scale(problem.pairs.x, problem.pairs.y)
        self.cost_unit = scale**-cost.power
        x = build_tree(problem.pairs.x[self.rows] * scale, LEAF_SIZE, 2)
        y = build_tree(problem.pairs.y[self.columns] * scale, LEAF_SIZE, 2)
        self.rows, self.columns = self.rows[x.order], self.columns[y.order]
        a, b = problem.a[self.rows], problem.b[self.columns]
        source, target = problem.source.mass, problem.target.mass
        if problem.mass is None:
            extra, total = (target, source), source + target
        else:
            extra = target - problem.mass, source - problem.mass
            total = extra[0] + source
        a, b = (
            np.append(side, more) if more > 0.0 else side
            for side, more in zip((a, b), extra, strict=True)
        )
        self.whole = spanning_tree.integer_masses(a, b, total)
        self.mass_unit = math.ldexp(self.whole.unit, int(self.whole.exponent))
        self.monitor = Monitor(options.callback, scale=self.mass_unit * self.cost_unit)
        self.context = Context(
            norm=cost.norm,
            power=cost.power,
            n_candidates=None,
            n_threads=1,
            monitor=self.monitor,
        )
        p, q = problem.source_prices[self.rows], problem.target_prices[self.columns]
        p, q = p / self.cost_unit, q / self.cost_unit
        joint = problem.mass is None
        self.finest = PartialLevel(x, y, self.whole.a, self.whole.b, p, q, joint)

    def solve(self) -> PartialSolution:
        """Levels from coarse to fine."""
        state: PartialRestricted | None = None
        done: PartialRestricted | None = None
        n_pivots = useful_k = 0
        status = Status.OPTIMAL
        asked = self.options.rtol is not None or self.options.atol is not None
        try:
            for level in partial_levels(self.finest, _SMALLEST_LEVEL):
                finest = level is self.finest
                state = PartialRestricted(level, self.context, done, least_candidates=useful_k)
                end = solve_level(
                    state,
                    finest=finest,
                    max_rounds=_MOST_ROUNDS,
                    good_enough=self._good_enough if finest and asked else None,
                )
                useful_k = max(useful_k, state.useful_k)
                n_pivots += state.n_pivots
                done = state
                if finest and end == "limit":
                    status = Status.MAX_ITERATIONS
        except EndOfRun:
            status = Status.STOPPED
        return self._solution(state, done, n_pivots, status)

    def _good_enough(self, state: RestrictedProblem) -> bool:
        """Whether bounds meet the tolerance."""
        assert isinstance(state, PartialRestricted)
        monitor, options = self.monitor, self.options
        if state.artificial > 0:
            return False
        monitor.upper = min(monitor.upper, state.plan_cost() * monitor.scale)
        allowed = max(options.atol or 0.0, (options.rtol or 0.0) * abs(monitor.upper))
        return monitor.upper - monitor.lower <= _TOLERANCE_SHARE * allowed

    def _solution(
        self,
        state: PartialRestricted | None,
        done: PartialRestricted | None,
        n_pivots: int,
        status: Status,
    ) -> PartialSolution:
        level = self.finest
        n, m = level.p.size, level.q.size
        if state is not None and state.level is level:
            f, g = state.best_pair()
            rows, columns, mass = spanning_tree.masses(state.tree, self.whole)
            pairs = (rows < n) & (columns < m)
            rows, columns, mass = rows[pairs], columns[pairs], mass[pairs]
        else:
            # Ended before the finest level: its potentials come from the last coarse one.
            rows = columns = np.empty(0, np.int64)
            mass = np.empty(0)
            f, g = np.zeros(level.a.size), np.zeros(level.b.size)
            if done is not None:
                quiet = Context(
                    norm=self.context.norm, power=self.context.power, n_candidates=None,
                    n_threads=1, monitor=Monitor(),
                )  # fmt: skip
                coarse_f, coarse_g = done.best_pair()
                nodes = done.level
                real = np.ascontiguousarray(coarse_g[: done.columns])
                f[:n] = quiet.search(level.x, nodes.y, real, 1)[1][:, 0]
                f[n:], g[m:] = coarse_f[done.rows :], coarse_g[done.columns :]
                real = np.ascontiguousarray(coarse_f[: done.rows])
                g[:m] = quiet.search(level.y, nodes.x, real, 1)[1][:, 0]
        f, g, price = self._shifted(f, g)
        problem = self.problem
        unit = self.cost_unit
        # Atoms without weight take no part: so low that nothing is theirs.
        all_f, all_g = np.full(problem.shape[0], f.min()), np.full(problem.shape[1], g.min())
        bound = problem.largest() / unit
        all_f -= bound + abs(float(g.max()))
        all_g -= bound + abs(float(f.max()))
        all_f[self.rows], all_g[self.columns] = f, g
        plan = SparsePlan(
            rows=self.rows[rows], columns=self.columns[columns], mass=mass, shape=problem.shape
        )
        return PartialSolution(
            plan=plan,
            f=all_f * unit,
            g=all_g * unit,
            price=price * unit,
            n_iterations=n_pivots,
            status=status,
        )

    def _shifted(self, f: FloatArray, g: FloatArray) -> tuple[FloatArray, FloatArray, float]:
        """Potentials of the points whose constant is that of the extra atoms, and the price."""
        level = self.finest
        n, m = level.p.size, level.q.size
        if level.joint:
            shift = float(f[n])
            return f[:n] - shift, g[:m] + shift, math.nan
        # What stays costs nothing, which bounds the potentials of its side.
        top_f = -float(g[m]) if level.has_target else float(f[:n].max())
        top_g = -float(f[n]) if level.has_source else float(g[:m].max())
        price = top_f + top_g
        return f[:n] + (0.5 * price - top_f), g[:m] + (0.5 * price - top_g), price
