"""Exact masses for the pairs that a solver found: where floats leave the proof open.

Solvers compute flows in floating point or in multiples of 2**-60 of the mass. That is not enough
for atoms lighter than that, or for light atoms so far away that their rounding costs more than all
the rest. Here the weights are whole numbers of any length. A solver's plan and potentials are close
to a basis: pairs that form a forest, tight under the potentials. Its exact flows follow from the
leaves. A pair with a negative flow is cut, and a component whose supply and demand differ is joined
to another one by the pair of least reduced cost that carries its surplus out, or its need in. Each
join keeps the potentials feasible and raises the dual value: the dual simplex, warm-started.

References
----------
Ahuja, Magnanti, Orlin (1993), Network Flows, chapter 11 (parametric and dual network simplex).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from .._kernels.line_exact import whole_numbers
from .._typing import FloatArray, IndexArray
from ..certificates.rounding import blocks
from ..costs import CostMatrix
from ..plans import Plan, Potentials, SparsePlan
from ..problems import TransportProblem
from ..results import Solution, Status

__all__ = ["settled"]

# Nodes looked at, and pairs whose reduced costs are compared: some seconds of each.
_MOST_VISITS, _MOST_PAIRS = 4 * 10**6, 4 * 10**9
# Where pairs are forbidden, a component may be out of balance by its mass over this: marginals
# within 4 u of the weights, 2**-51, count as met on either side.
_BALANCED = 2**51
# Reduced costs within this share of the three numbers that they are made of count as 0.
_TIGHT = 1e-9
# Rounding of a reduced cost, as a share of the same.
_NOISE = 2.0**-50
# Largest share that costs are lowered by, far above rounding and far below any tolerance, and two
# irrational numbers (the roots of 3 and 5) whose multiples say how much of it for which pair.
_SHARE, _STRIDES = 2.0**-40, (3.0**0.5, 5.0**0.5)
# Joins, each of about a millisecond, after which there is no end in sight.
_MOST_JOINS = 5000


class _GivenUpError(Exception):
    """Finding the plan takes too long."""


class _NoPlanError(Exception):
    """Some rows reach only some columns and hold more mass; numbers of both."""

    def __init__(self, rows: IndexArray, columns: IndexArray):
        super().__init__()
        self.rows, self.columns = rows, columns


def settled(
    problem: TransportProblem, plan: Plan | None, potentials: Potentials | None
) -> Solution | None:
    """Plan with exact marginals and potentials to it, from those of a solver that met its own rule.

    Parameters
    ----------
    problem : TransportProblem
        Problem of n and m atoms.
    plan : SparsePlan
        Nearly optimal; an empty one will do where time does not matter.
    potentials : Potentials
        Nearly feasible f (n,), g (m,).

    Returns
    -------
    Solution or None
        Every mass of its plan is the exact one, rounded once; or it says and proves that forbidden
        pairs leave no plan. None where there is nothing to start from, or too much to do.
    """
    if not isinstance(plan, SparsePlan) or potentials is None:
        return None
    if not (np.isfinite(potentials.f).all() and np.isfinite(potentials.g).all()):
        return None
    forest = _Forest(problem, plan, potentials)
    try:
        plan, potentials = forest.settle()
    except _GivenUpError:
        return None
    except _NoPlanError as proof:
        return Solution(
            plan=None,
            potentials=None,
            n_iterations=forest.joins,
            status=Status.INFEASIBLE,
            infeasible_rows=proof.rows,
            infeasible_columns=proof.columns,
        )
    return Solution(
        plan=plan, potentials=potentials, n_iterations=forest.joins, status=Status.OPTIMAL
    )


class _Forest:
    """Components of tight pairs among the atoms with weight; nodes are rows, then columns."""

    def __init__(self, problem: TransportProblem, plan: SparsePlan, potentials: Potentials):
        n, m = problem.shape
        self.problem, self.n = problem, n
        a, b = whole_numbers(problem.a), whole_numbers(problem.b)
        total_a, total_b = sum(a), sum(b)
        # Both sides in the unit in which their totals are equal.
        self.supply = [w * total_b for w in a] + [-w * total_a for w in b]
        numerator, denominator = problem.mass.as_integer_ratio()
        self.unit = numerator, total_a * total_b * denominator
        self.potential = np.concatenate([potentials.f, potentials.g])
        self.near: list[dict[int, float]] = [{} for _ in range(n + m)]
        self.live = np.array([supply != 0 for supply in self.supply])
        self.component = np.arange(n + m)
        self.members: dict[int, list[int]] = {}
        self.visits = self.pairs = self.joins = 0
        self._plant(plan)

    def _plant(self, plan: SparsePlan) -> None:
        """Take the tight ones of the plan's pairs, largest mass first, that close no cycle."""
        leader = list(range(len(self.supply)))

        def find(node: int) -> int:
            while leader[node] != node:
                leader[node] = leader[leader[node]]
                node = leader[node]
            return node

        costs = self.problem.pair_costs(plan.rows, plan.columns)
        f, g = self.potential[plan.rows], self.potential[plan.columns + self.n]
        sizes = np.abs(costs) + np.abs(f) + np.abs(g)
        tight = np.flatnonzero((costs < math.inf) & (np.abs(costs - f - g) <= _TIGHT * sizes))
        tight = tight[np.argsort(-plan.mass[tight], kind="stable")]
        ends = plan.rows[tight].tolist(), (plan.columns[tight] + self.n).tolist()
        for i, j, cost in zip(*ends, costs[tight].tolist(), strict=True):
            first, second = find(i), find(j)
            if first != second and self.supply[i] and self.supply[j]:
                leader[first] = second
                self.near[i][j] = self.near[j][i] = cost

    def settle(self) -> tuple[SparsePlan, Potentials]:
        """Cut and join until no component has a surplus and no pair a negative flow."""
        waiting: list[int] = []
        seen: set[int] = set()
        for node, supply in enumerate(self.supply):
            if supply and node not in seen:
                order, parent = self._walk(node)
                seen.update(order)
                self._tighten(max(order, key=lambda x: abs(self.supply[x])))
                waiting.extend(self._split(order, parent))
        while self.joins < _MOST_JOINS:
            waiting = [name for name in set(waiting) if name in self.members]
            if not waiting:
                break
            # The smallest component first: its pairs are soon compared.
            name = min(waiting, key=lambda node: (len(self.members[node]), node))
            waiting.remove(name)
            pair = self._best_pair(name)
            if pair is None:
                continue
            i, j, cost = pair
            self.joins += 1
            self.near[i][j] = self.near[j][i] = cost
            # What is out of balance is moved on, to the root of the other component.
            root = int(self.component[i]) + int(self.component[j]) - name
            del self.members[name], self.members[root]
            waiting.extend(self._split(*self._walk(root)))
        else:
            raise _GivenUpError
        return self._result()

    def _walk(self, start: int) -> tuple[list[int], dict[int, int]]:
        """The nodes of a component from one of them on, and the parent of each."""
        order, parent = [start], {start: -1}
        for node in order:
            for other in self.near[node]:
                if other not in parent:
                    parent[other] = node
                    order.append(other)
        self.visits += len(order)
        if self.visits > _MOST_VISITS:
            raise _GivenUpError
        return order, parent

    def _tighten(self, start: int) -> None:
        """Make a component's pairs tight from its heaviest atom on, which keeps its digits."""
        order, parent = self._walk(start)
        for node in order[1:]:
            above = parent[node]
            self.potential[node] = self.near[node][above] - self.potential[above]

    def _split(self, order: list[int], parent: dict[int, int]) -> list[int]:
        """Cut the pairs of negative flow; return the names of components out of balance."""
        net = {node: self.supply[node] for node in order}
        starts = [order[0]]
        for node in reversed(order[1:]):
            flow = net[node] if node < self.n else -net[node]
            if flow < 0:
                del self.near[node][parent[node]], self.near[parent[node]][node]
                starts.append(node)
            else:
                net[parent[node]] += net[node]
        for start in starts:
            nodes = order if len(starts) == 1 else self._walk(start)[0]
            self.members[start] = nodes
            self.component[nodes] = start
        return [start for start in starts if net[start] != 0]

    def _best_pair(self, name: int) -> tuple[int, int, float] | None:
        """Pair of least reduced cost that takes the surplus out or the need in; made tight."""
        nodes = np.array(self.members[name])
        inside = np.zeros(self.component.size, dtype=np.bool_)
        inside[nodes] = True
        surplus = sum(self.supply[node] for node in self.members[name]) > 0
        sources, targets = (inside, ~inside) if surplus else (~inside, inside)
        rows = np.flatnonzero((sources & self.live)[: self.n])
        columns = np.flatnonzero((targets & self.live)[self.n :])
        self.pairs += rows.size * columns.size
        if self.pairs > _MOST_PAIRS:
            raise _GivenUpError
        best, least, shift = (-1, -1), math.inf, 0.0
        g = self.potential[self.n :]
        for part in _parts(rows, columns.size):
            if columns.size == 0:
                break
            costs, f = self._costs(part, columns), self.potential[part][:, None]
            # Rounding counts as cost, or a light atom far away, whose reduced costs are all noise,
            # would seem to be on the way of everybody.
            noise = _NOISE * (np.abs(costs) + np.abs(f) + np.abs(g[columns]))
            reduced = costs - f - g[columns]
            i, j = divmod(int((reduced + noise).argmin()), columns.size)
            if reduced[i, j] + noise[i, j] < least:
                least = float(reduced[i, j] + noise[i, j])
                best, shift = (int(part[i]), int(columns[j])), float(reduced[i, j])
        i, j = best
        if i < 0:
            return None
        # Rows rise and columns fall, or the other way round, until the pair is tight.
        rise = shift if surplus else -shift
        self.potential[nodes] += np.where(nodes < self.n, rise, -rise)
        return i, j + self.n, float(self._costs(np.array([i]), np.array([j]))[0, 0])

    def _costs(self, rows: IndexArray, columns: IndexArray) -> FloatArray:
        """Costs between some rows and some columns, less a share that no two of them have alike.

        Without it, ties between pairs that cost nothing more would send joins round in circles; and
        since no cost is larger than the true one, potentials below these costs are feasible.
        """
        cost = self.problem.cost
        if isinstance(cost, CostMatrix):
            costs = cost.values[np.ix_(rows, columns)]
        else:
            costs = cost.pairwise(self.problem.x[rows], self.problem.y[columns])
        shares = _SHARE * ((rows[:, None] * _STRIDES[0] + columns * _STRIDES[1]) % 1.0)
        lower = costs.copy()
        np.subtract(costs, shares * np.abs(costs), out=lower, where=costs < math.inf)
        return lower

    def _result(self) -> tuple[SparsePlan, Potentials]:
        """Masses and potentials, where all components are in balance."""
        numerator, denominator = self.unit
        entries: list[tuple[int, int, float]] = []
        for members in self.members.values():
            order, parent = self._walk(members[0])
            supply = sum(self.supply[node] for node in order if node < self.n)
            demand = -sum(self.supply[node] for node in order if node >= self.n)
            if abs(supply - demand) * _BALANCED > max(supply, demand):
                raise self._no_plan(members, surplus=supply > demand)
            # Each side as shares of what both have in the mean; equal totals are left as they are.
            shares = (1, 1) if supply == demand else (2 * demand, 2 * supply)
            whole = denominator if supply == demand else denominator * (supply + demand)
            net = {node: self.supply[node] * shares[node >= self.n] for node in order}
            for node in reversed(order[1:]):
                above = parent[node]
                net[above] += net[node]
                mass = abs(net[node]) * numerator / whole
                if mass > 0.0 and (net[node] > 0) == (node < self.n):
                    entries.append((min(node, above), max(node, above) - self.n, mass))
        rows, columns, masses = (np.array(part) for part in zip(*entries, strict=True))
        f, g = self.potential[: self.n].copy(), self.potential[self.n :].copy()
        self._fit(f, g)
        plan = SparsePlan(rows=rows, columns=columns, mass=masses, shape=self.problem.shape)
        return plan, Potentials(f=f, g=g)

    def _no_plan(self, members: list[int], *, surplus: bool) -> _NoPlanError:
        """What is wrong with a component that no allowed pair joins to the others."""
        inside = np.zeros(self.live.size, dtype=np.bool_)
        inside[members] = True
        # Nobody else reaches the columns of one in need, so all others have too much.
        nodes = inside if surplus else self.live & ~inside
        return _NoPlanError(np.flatnonzero(nodes[: self.n]), np.flatnonzero(nodes[self.n :]))

    def _fit(self, f: FloatArray, g: FloatArray) -> None:
        """Lower rows where they and a heavier column, up to rounding, are too much for their pair.

        The proof then lowers the columns; a heavy atom does not have to give way to a light one,
        where that would cost. Rows without weight get what feasibility allows.
        """
        columns = np.flatnonzero(self.live[self.n :])
        f[~self.live[: self.n]] = math.inf
        a, b = self.problem.a, self.problem.b[columns]
        for part in _parts(np.arange(self.n), columns.size):
            lowest = self._costs(part, columns) - g[columns]
            lowest[b < a[part, None]] = math.inf
            f[part] = np.minimum(f[part], lowest.min(axis=1))
        f[f == math.inf] = 0.0


def _parts(rows: IndexArray, width: int) -> Iterator[IndexArray]:
    """The rows in parts whose pairs with so many columns fit into little memory."""
    starts = blocks(rows.size, width)
    return (rows[start : start + starts.step] for start in starts)
