"""The exact barycenter on a support: a linear programme over the pairs that are nearly tight.

With the weights a of the barycenter among its variables the problem is one linear programme,

    min sum_k λ_k <C_k, P_k>   with   P_k 1 = a,   P_k' 1 = b_k,   a >= 0,

whose rows P_k 1 = a have the duals λ_k F_k. Of its n (n_1 + … + n_K) columns only those whose
reduced cost C_k - F_k - G_k is small at the best potentials known can matter: a thousandth of them
or less. They are solved by HiGHS's dual simplex, the others are priced afterwards.

A programme of few columns has wild duals: where no column says otherwise, F may be anything. So F
is kept within a box around the best potentials, which is a pair of slack columns for each row. The
primal is optimal long before the dual: potentials are taken over, and the box moved to them, only
where they prove more.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._monitor import interruptible
from .._typing import FloatArray, IndexArray
from ..certificates.transforms import c_transform
from .known import FixedSupport

__all__ = ["RestrictedProgramme"]

# Share of the squared extent below which a pair counts as nearly tight at first, the columns for
# each atom that are wanted of it, and the share of it that a column must come below to join later.
_TIGHT, _WANTED, _JOINS = 4e-4, (3.0, 12.0), 0.05
# Half-width of the box in units of the same, and what it grows by where it binds.
_BOX, _GROWTH = 1.0, 4.0
# Shares of mass on slack columns below which a programme counts as solved without them.
_SLACK = 1e-9
# Pairs of a block of reduced costs: 64 MB.
_BLOCK = 2**23
# Pairs that are priced in a round, one or two seconds: no programme of more is started.
_MOST_PAIRS = 2 * 10**8
# The least feasibility tolerance that HiGHS takes: duals of 1e-7 leave a gap of some 1e-6.
_FEASIBLE = 1e-10
# What the last programme is left of `max_seconds` that are over.
_LEAST_SECONDS = 0.05
# A round that gains less than this share of the gap, with nothing left to add, is the last.
_GAIN = 1e-3


class _Columns(NamedTuple):
    """Pairs of one measure in the programme: atoms of the support and of the measure."""

    rows: IndexArray
    columns: IndexArray


class RestrictedProgramme:
    """Rounds of programmes that close the gap of what is known."""

    def __init__(self, known: FixedSupport):
        self.known = known
        self.live = np.flatnonzero(known.family.weights > 0.0)
        self.n = len(known.places.points)
        points = known.places.points
        extent = max(
            float(np.ptp(np.concatenate([points, measure.points]), axis=0).max())
            for measure in known.family.measures
        )
        self.unit = (extent or 1.0) ** known.cost.power
        self.tight, self.radius = _TIGHT * self.unit, _BOX * _TIGHT * self.unit
        self.columns = [np.zeros(0, dtype=np.int64) for _ in self.live]

    def run(self, rtol: float, max_rounds: int) -> None:
        """Solve and price until the gap is at most `rtol` or a round gains nothing."""
        known = self.known
        if self.n * sum(known.family.measures[k].n for k in self.live) > _MOST_PAIRS:
            return
        self._add_plans()
        self._add_tight(self._first_threshold())
        for _ in range(max_rounds):
            if known.meets(rtol) or known.clock.asks_to_stop():
                return
            gap = known.upper - known.lower
            solved = self._solve()
            if solved is None:
                return
            weights, potentials, column_duals, slack = solved
            known.try_weights(weights, rtol)
            improved = known.try_potentials(potentials)
            n_added = self._add_tight(_JOINS * self.tight, potentials, column_duals)
            if slack > _SLACK:
                self.radius *= _GROWTH
            elif not improved:
                # The duals of an optimal programme are many, and those near the best are sought.
                self.radius /= _GROWTH
            known.clock.iteration += 1
            gained = gap - (known.upper - known.lower) > _GAIN * gap
            if not (gained or improved or n_added or slack > _SLACK):
                return

    # Columns

    def _pairs(self, k: int, rows: IndexArray, columns: IndexArray) -> IndexArray:
        return rows * self.known.family.measures[k].n + columns

    def _add_plans(self) -> None:
        """The plans of the best candidate: with them the programme has a solution."""
        best = self.known.best
        assert best is not None
        atoms = _index_of(best.measure.points, self.known.places.points)
        for position, k in enumerate(map(int, self.live)):
            plan = best.transports[k].plan
            assert plan is not None
            entries = plan.tocoo()
            pairs = self._pairs(k, atoms[entries.row], entries.col.astype(np.int64))
            self.columns[position] = np.unique(pairs)

    def _reduced(self, k: int, F: FloatArray, start: int, stop: int) -> FloatArray:
        """C - F of rows start..stop-1."""
        return self.known.problems[k].block(start, stop) - F[start:stop, None]

    def _least(self, k: int, F: FloatArray) -> FloatArray:
        return c_transform(self.known.problems[k], F)

    def _add_tight(
        self,
        threshold: float,
        potentials: FloatArray | None = None,
        column_duals: list[FloatArray] | None = None,
    ) -> int:
        """Add pairs whose reduced cost is at most the threshold; return how many were new."""
        known = self.known
        F = known.potentials if potentials is None else potentials
        assert F is not None
        added = 0
        for position, k in enumerate(map(int, self.live)):
            G = self._least(k, F[k]) if column_duals is None else column_duals[position]
            step = max(1, _BLOCK // G.size)
            found = [self.columns[position]]
            for start in range(0, self.n, step):
                stop = min(self.n, start + step)
                near = self._reduced(k, F[k], start, stop) - G <= threshold
                rows, columns = np.nonzero(near)
                found.append(self._pairs(k, rows + start, columns))
            before = self.columns[position].size
            self.columns[position] = np.unique(np.concatenate(found))
            added += self.columns[position].size - before
        return added

    def _first_threshold(self) -> float:
        """A threshold with some columns for each atom of the first measure."""
        k = int(self.live[0])
        F = self.known.potentials
        assert F is not None
        G = self._least(k, F[k])
        # Some rows tell, where all would be too many.
        rows = np.arange(0, self.n, -(-self.n * G.size // _BLOCK))
        pairs = (part.ravel() for part in np.meshgrid(rows, np.arange(G.size), indexing="ij"))
        block = self.known.problems[k].pair_costs(*pairs).reshape(rows.size, -1)
        block = block - F[k][rows, None] - G
        share = len(block) / self.n
        fewest, most = (wanted * (self.n + G.size) * share for wanted in _WANTED)
        n_near = np.count_nonzero(block <= self.tight)
        if n_near > most or n_near < fewest:
            wanted = min(block.size - 1, int(most if n_near > most else fewest))
            self.tight = float(np.partition(block.ravel(), wanted)[wanted])
        return float(self.tight)

    # The programme

    def _solve(self) -> tuple[FloatArray, FloatArray, list[FloatArray], float] | None:
        """Weights (n,), potentials (k, n), those of the columns, and the mass on the slack."""
        known = self.known
        assert known.potentials is not None
        sizes = [known.family.measures[k].n for k in self.live]
        entries = [
            _Columns(*np.divmod(pairs, m)) for pairs, m in zip(self.columns, sizes, strict=True)
        ]
        # An atom that no measure reaches has neither weight nor a say. One that some do not reach
        # has no weight, and its potentials still bound those of the columns.
        reached = np.zeros(self.n, dtype=bool)
        for part in entries:
            reached[part.rows] = True
        atoms = np.flatnonzero(reached)
        place = np.full(self.n, -1)
        place[atoms] = np.arange(atoms.size)
        matrix, costs, right = self._matrix(entries, place, atoms, sizes)
        from scipy.optimize import linprog

        left = known.clock.left()
        options = {
            "dual_feasibility_tolerance": _FEASIBLE,
            "primal_feasibility_tolerance": _FEASIBLE,
            **({} if left is None else {"time_limit": max(_LEAST_SECONDS, left)}),
        }

        def solved() -> Any:
            return linprog(
                costs, A_eq=matrix, b_eq=right, bounds=(0, None), method="highs-ds", options=options
            )

        answer = interruptible(solved)
        if answer.x is None or answer.status != 0:
            return None
        n_pairs = sum(part.rows.size for part in entries)
        weights = np.zeros(self.n)
        weights[atoms] = np.maximum(answer.x[n_pairs : n_pairs + atoms.size], 0.0)
        slack = float(answer.x[n_pairs + atoms.size :].sum())
        potentials = known.potentials.copy()
        duals = answer.eqlin.marginals[: len(self.live) * atoms.size].reshape(-1, atoms.size)
        for position, k in enumerate(map(int, self.live)):
            potentials[k, atoms] = duals[position] * self.unit / known.family.weights[k]
        if not weights.any():
            return None
        ends = np.cumsum([len(self.live) * atoms.size, *sizes])
        column_duals = [
            answer.eqlin.marginals[start:stop] * self.unit / known.family.weights[k]
            for k, start, stop in zip(self.live, ends[:-1], ends[1:], strict=True)
        ]
        return weights, potentials, column_duals, slack

    def _matrix(
        self, entries: list[_Columns], place: IndexArray, atoms: IndexArray, sizes: list[int]
    ) -> tuple[Any, FloatArray, FloatArray]:
        """Equality constraints, costs in units of the squared extent, and right-hand sides."""
        from scipy.sparse import coo_array

        known, m = self.known, atoms.size
        assert known.potentials is not None
        K = len(self.live)
        row_parts, column_parts, value_parts, costs = [], [], [], []
        n_pairs, offset = 0, K * m
        for position, (k, part) in enumerate(zip(self.live, entries, strict=True)):
            index = np.arange(part.rows.size) + n_pairs
            row_parts += [position * m + place[part.rows], offset + part.columns]
            column_parts += [index, index]
            value_parts += [np.ones(index.size)] * 2
            cost = known.problems[k].pair_costs(part.rows, part.columns)
            costs.append(known.family.weights[k] * cost / self.unit)
            n_pairs += index.size
            offset += sizes[position]
        # The weights of the barycenter, and both sides of the box for every row.
        every = np.arange(K * m)
        row_parts += [every, every, every]
        column_parts += [n_pairs + every % m, n_pairs + m + every, n_pairs + m + K * m + every]
        value_parts += [np.full(K * m, -1.0), np.ones(K * m), np.full(K * m, -1.0)]
        centre = known.potentials[self.live][:, atoms] / self.unit
        share = known.family.weights[self.live][:, None]
        costs += [
            np.zeros(m),
            (share * (centre + self.radius / self.unit)).ravel(),
            (share * (self.radius / self.unit - centre)).ravel(),
        ]
        shape = (offset, n_pairs + m + 2 * K * m)
        positions = np.concatenate(row_parts), np.concatenate(column_parts)
        matrix = coo_array((np.concatenate(value_parts), positions), shape=shape).tocsc()
        b = [known.family.measures[k].weights for k in self.live]
        right = np.concatenate([np.zeros(K * m), *(side / side.sum() for side in b)])
        return matrix, np.concatenate(costs), right


def _index_of(points: FloatArray, places: FloatArray) -> IndexArray:
    """Index of each point (m, d) among the places (n, d), all of which differ."""
    known = {row.tobytes(): index for index, row in enumerate(np.ascontiguousarray(places))}
    return np.array([known[row.tobytes()] for row in np.ascontiguousarray(points)])
