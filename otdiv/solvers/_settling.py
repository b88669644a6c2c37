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

import heapq
import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from .._kernels.line.whole_numbers import whole_numbers
from .._typing import FloatArray, IndexArray
from ..certificates import c_transform
from ..certificates.rounding import blocks
from ..costs import CostMatrix, PNormCost, ShapedCost, SparseCost
from ..plans import Plan, Potentials, SparsePlan
from ..problems import TransportProblem
from ..results import Solution, Status

__all__ = ["settled"]

# Nodes that may be visited, some seconds,
_MOST_VISITS = 4 * 10**6
# and pairs whose reduced costs may be compared, likewise.
_MOST_PAIRS = 4 * 10**9
# Mass of a component over the imbalance that it may have where pairs are forbidden: marginals
# within 4 u of the weights, 2**-51, count as met on either side.
_BALANCED = 2**51
# Share of the sizes of its three terms up to which a reduced cost counts as 0: a pair of the
# solver's plan is tight then. By taste.
_TIGHT = 1e-9
# Rounding of a reduced cost, as a share of the same.
_NOISE = 2.0**-50
# Share of the mean cost paid by which costs are lowered at most to break ties: far above rounding
# and far below any tolerance. By taste.
_SHARE = 2.0**-40
# Irrational numbers, the roots of 3 and 5, whose multiples say by how much the cost of which pair
# is.
_STRIDES = (3.0**0.5, 5.0**0.5)
# Joins, each of about a millisecond, after which no end is in sight.
_MOST_JOINS = 5000


class _GivenUpError(Exception):
    """Finding the plan takes too long."""


class _NoPlanError(Exception):
    """There is no plan: these `rows` reach only these `columns`, and hold more mass than they."""

    def __init__(self, rows: IndexArray, columns: IndexArray):
        super().__init__()
        self.rows, self.columns = rows, columns


def settled(
    problem: TransportProblem, plan: Plan | None = None, potentials: Potentials | None = None
) -> Solution | None:
    """Plan with exact marginals and potentials to it, from those of a solver that met its own rule.

    Parameters
    ----------
    problem : TransportProblem
        Problem of n and m atoms.
    plan : SparsePlan, optional
        Nearly optimal.
    potentials : Potentials, optional
        Nearly feasible f (n,), g (m,). Without both, the least costs of the columns are the start.

    Returns
    -------
    Solution or None
        Every mass of its plan is the exact one, rounded once; or it says and proves that forbidden
        pairs leave no plan. None where there is too much to do.
    """
    if problem.is_huge:
        moderate, factor = problem.scaled_down()
        scaled = None if potentials is None else _times(potentials, factor)
        solution = settled(moderate, plan, scaled)
        if solution is None or solution.potentials is None:
            return solution
        return replace(solution, potentials=_times(solution.potentials, 1.0 / factor))
    if not isinstance(plan, SparsePlan) or potentials is None or not _are_finite(potentials):
        none, f = np.empty(0, np.int64), np.zeros(problem.shape[0])
        g = c_transform(problem, f)
        plan = SparsePlan(rows=none, columns=none, mass=np.empty(0), shape=problem.shape)
        potentials = Potentials(f=f, g=np.where(np.isfinite(g), g, 0.0))
    # Potentials of atoms far away may be near the ends of float64, and forbidden pairs beyond.
    with np.errstate(over="ignore", invalid="ignore"):
        return _settled(_Forest(problem, plan, potentials))


def _settled(forest: _Forest) -> Solution | None:
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


def _times(potentials: Potentials, factor: float) -> Potentials:
    with np.errstate(over="ignore"):
        return Potentials(f=potentials.f * factor, g=potentials.g * factor)


def _are_finite(potentials: Potentials) -> bool:
    return bool(np.isfinite(potentials.f).all() and np.isfinite(potentials.g).all())


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
        self.component = np.full(n + m, -1)
        self.members: dict[int, list[int]] = {}
        self.visits = self.pairs = self.joins = 0
        # A cost of the size of what is paid in the mean, or if that is nothing of the largest.
        nearest = c_transform(problem, np.zeros(n))
        paid = float(np.abs(nearest[nearest < math.inf]) @ problem.b[nearest < math.inf])
        self.typical = paid / problem.mass or problem.cost_bound()
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
        """Dual pivots until no component has a surplus and no pair a negative flow."""
        for node, supply in enumerate(self.supply):
            if supply and self.component[node] < 0:
                order, _ = self._walk(node)
                self._tighten(max(order, key=lambda x: abs(self.supply[x])))
                self._call(order, node)
        # The smallest component first: its pairs are soon compared.
        waiting = [(len(nodes), name) for name, nodes in self.members.items()]
        heapq.heapify(waiting)
        while waiting:
            size, root = heapq.heappop(waiting)
            if size != len(self.members.get(root, ())):
                continue  # it has changed since, and is in the queue again
            part = self._wrong_part(root)
            if part is None:
                continue
            self.joins += 1
            if self.joins > _MOST_JOINS:
                raise _GivenUpError
            pair = self._best_pair(part)
            whole = len(part) == len(self.members[root])
            if pair is None:
                # No allowed pair: it stays alone, and may be nearly in balance.
                if not whole:
                    self._call(part, part[0])
                    self._call(self._walk(root)[0], root)
                    heapq.heappush(waiting, (len(self.members[root]), root))
                continue
            i, j, cost = pair
            inside = set(part)
            other = int(self.component[j if i in inside else i])
            if whole:
                del self.members[root]
            self.near[i][j] = self.near[j][i] = cost
            # What is out of balance moves on to the root of the other component.
            for name in {other} | ({root} if not whole else set()):
                self._call(self._walk(name)[0], name)
                heapq.heappush(waiting, (len(self.members[name]), name))
        return self._result()

    def _call(self, nodes: list[int], name: int) -> None:
        """Give a component its name, that of its root."""
        self.members[name] = nodes
        self.component[nodes] = name

    def _wrong_part(self, root: int) -> list[int] | None:
        """Nodes behind the most negative flow, which is cut; else all, where out of balance.

        Flows are those that leave what is out of balance at the root.
        """
        order, parent = self._walk(root)
        net = {node: self.supply[node] for node in order}
        worst, least = -1, 0
        for node in reversed(order[1:]):
            flow = net[node] if node < self.n else -net[node]
            if flow < least:
                worst, least = node, flow
            net[parent[node]] += net[node]
        if worst < 0:
            return order if net[root] != 0 else None
        del self.near[worst][parent[worst]], self.near[parent[worst]][worst]
        return self._walk(worst)[0]

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

    def _best_pair(self, part: list[int]) -> tuple[int, int, float] | None:
        """Pair of least reduced cost that takes the surplus out or the need in; made tight."""
        nodes = np.array(part)
        inside = np.zeros(self.component.size, dtype=np.bool_)
        inside[nodes] = True
        surplus = sum(self.supply[node] for node in part) > 0
        sources, targets = (inside, ~inside) if surplus else (~inside, inside)
        best, least, shift, cost = (-1, -1), math.inf, 0.0, math.inf
        for rows, columns, costs in self._pairs((sources & self.live), (targets & self.live)):
            self.pairs += costs.size
            if self.pairs > _MOST_PAIRS:
                raise _GivenUpError
            if not costs.size:
                continue
            f, g = self.potential[rows], self.potential[self.n + columns]
            # Rounding counts as cost: otherwise a light atom far away, whose reduced costs are all
            # rounding, would look cheap to every component.
            noise = _NOISE * (np.abs(costs) + np.abs(f) + np.abs(g))
            reduced = costs - f - g
            e = np.unravel_index(int((reduced + noise).argmin()), costs.shape)
            if reduced[e] + noise[e] < least:
                least = float(reduced[e] + noise[e])
                i, j = (int(np.broadcast_to(side, costs.shape)[e]) for side in (rows, columns))
                best, shift, cost = (i, j), float(reduced[e]), float(costs[e])
        i, j = best
        if i < 0:
            return None
        # Rows rise and columns fall, or the other way round, until the pair is tight.
        rise = shift if surplus else -shift
        self.potential[nodes] += np.where(nodes < self.n, rise, -rise)
        return i, j + self.n, cost

    def _pairs(
        self, sources: np.ndarray, targets: np.ndarray
    ) -> Iterator[tuple[IndexArray, IndexArray, FloatArray]]:
        """Rows, columns and costs of all pairs from one set of nodes (n + m,) to another, in parts.

        Of a sparse cost they are lists (k,); of any other (r, 1), (c,) and (r, c).
        """
        cost, n = self.problem.cost, self.n
        if isinstance(cost, SparseCost):
            some = cost.kept(sources[cost.rows] & targets[n + cost.columns])
            yield some.rows, some.columns, self._untied(some.rows, some.columns, some.values)
            return
        columns = np.flatnonzero(targets[n:])
        for part in _parts(np.flatnonzero(sources[:n]), columns.size):
            if isinstance(cost, PNormCost | ShapedCost):
                costs = cost.pairwise(self.problem.x[part], self.problem.y[columns])
            else:
                assert isinstance(cost, CostMatrix)
                costs = cost.values[np.ix_(part, columns)]
            rows = part[:, None]
            yield rows, columns, self._untied(rows, columns, costs)

    def _untied(self, rows: IndexArray, columns: IndexArray, costs: FloatArray) -> FloatArray:
        """The costs, each lowered by a little of its own to break ties.

        Without it, ties between pairs that cost nothing more would send joins round in circles; and
        since no cost is larger than the true one, potentials below these costs are feasible.
        """
        shares = _SHARE * ((rows * _STRIDES[0] + columns * _STRIDES[1]) % 1.0)
        return np.asarray(costs - shares * np.minimum(np.abs(costs), self.typical))

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
        """Return the proof that there is no plan, from a component that no allowed pair leaves."""
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
        f[~self.live[: self.n]] = math.inf
        a, b = self.problem.a, self.problem.b
        for rows, columns, costs in self._pairs(np.ones_like(self.live), self.live):
            lowest = np.where(b[columns] < a[rows], math.inf, costs - g[columns])
            if costs.ndim == 2:
                rows, lowest = rows[:, 0], lowest.min(axis=1)
            np.minimum.at(f, rows, lowest)
        f[f == math.inf] = 0.0


def _parts(rows: IndexArray, width: int) -> Iterator[IndexArray]:
    """The rows in parts whose pairs with `width` columns fit into little memory."""
    starts = blocks(rows.size, width)
    return (rows[start : start + starts.step] for start in starts)
