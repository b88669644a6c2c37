"""A problem with any penalties at unit scale, and the way back.

Costs and masses are multiplied by powers of two, which is exact; penalties of the square of a mass
have a reach in units of cost over mass. Atoms that hold nothing in any plan are left out: those
without weight where the penalty is kl or the side is kept, or where the reference has nothing.
The sides are in canonical order, so that exchanging them exchanges the answer bit by bit; but a
side that is kept wholly comes last, since what was updated last has exact sums.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .._typing import FloatArray, IndexArray
from ..certificates.penalised import Reference
from ..certificates.penalised_pairs import PenalisedPairs
from ..certificates.penalties import Side
from ..costs import CostMatrix, PNormCost
from ..entropic.scaling import comes_later
from ..errors import InvalidInputError
from .problem import UnbalancedProblem

__all__ = ["BlockCosts", "UnitForm"]

# Exponents of powers of two beyond which a reach or an epsilon is as good as there.
_MOST_BITS = 900


@dataclass(frozen=True, slots=True, eq=False)
class BlockCosts:
    """Costs between some atoms of the caller's, in the unit of the form."""

    points: tuple[FloatArray, FloatArray]
    cost: PNormCost | CostMatrix
    bits: int
    swapped: bool = False

    def block(self, rows: IndexArray, columns: IndexArray) -> FloatArray:
        """Costs (k, l) of some rows and columns."""
        if isinstance(self.cost, CostMatrix):
            return np.ldexp(self.cost.values[np.ix_(rows, columns)], self.bits)
        x, y = self.points
        return np.ldexp(self.cost.pairwise(x[rows], y[columns]), self.bits)


class UnitForm:
    """The kept atoms of a problem in units in which its costs and masses are about one.

    Attributes
    ----------
    pairs : PenalisedPairs
    epsilon : float or None
    reference : Reference or None
    largest : float
        Upper bound of the sizes of the costs.
    apart : float
        epsilon times the reference of the atoms left out, which every plan pays.
    """

    pairs: PenalisedPairs
    reference: Reference | None

    def __init__(
        self,
        problem: UnbalancedProblem,
        epsilon: float | None,
        reference: tuple[FloatArray, FloatArray] | None,
    ):
        self.problem = problem
        balanced = problem.normalized()
        cost = problem.cost
        assert isinstance(cost, PNormCost | CostMatrix)  # no others are made
        if isinstance(cost, CostMatrix):
            largest = float(np.abs(cost.values).max())
        else:
            largest = balanced.cost_bound()
        finite = [reach for reach in problem.reaches if reach < math.inf]
        unit = largest if largest > 0.0 else finite[0]
        self.bits = -math.frexp(unit)[1]
        self.mass_bits = -math.frexp(max(problem.a.max(), problem.b.max()))[1]
        self.largest = _ldexp(largest, self.bits)
        self.swapped = comes_later(balanced, problem.a, problem.b)
        if math.inf in problem.reaches:
            self.swapped = problem.reaches[0] == math.inf
        self.costs = BlockCosts((problem.source.points, problem.target.points), cost, self.bits)
        self.epsilon = None if epsilon is None else self._scaled(epsilon, self.bits)
        self._set_reference(reference)
        sides = [self._side(0), self._side(1)]
        self.kept = [side[0] for side in sides]
        self.left_out = any(
            kept.size < weights.size
            for kept, weights in zip(self.kept, (problem.a, problem.b), strict=True)
        )
        self.apart, self.reference = self._apart(), None
        self.pairs = self._pairs(sides[0][1], sides[1][1])
        if self.epsilon is not None:
            rows, columns = (logs[kept] for logs, kept in zip(self._logs, self.kept, strict=True))
            if self.swapped:
                rows, columns = columns, rows
            rows = rows + self.mass_bits * math.log(2.0)
            self.reference = Reference(rows, columns, self.epsilon)

    # Units

    def _scaled(self, value: float, bits: int) -> float:
        return max(min(_ldexp(value, bits), 2.0**_MOST_BITS), 2.0**-_MOST_BITS)

    def value_from_unit(self, value: float) -> float:
        """A cost times a mass in the caller's units: infinite where that overflows."""
        return _ldexp(value, -(self.bits + self.mass_bits))

    def costs_from_unit(self, values: FloatArray) -> FloatArray:
        """Costs in the caller's unit."""
        with np.errstate(over="ignore", under="ignore"):
            return np.ldexp(values, -self.bits)

    def masses_from_unit(self, values: FloatArray) -> FloatArray:
        """Masses in the caller's unit."""
        with np.errstate(over="ignore", under="ignore"):
            return np.ldexp(values, -self.mass_bits)

    # Sides

    def _set_reference(self, reference: tuple[FloatArray, FloatArray] | None) -> None:
        """Logarithms of the reference in the caller's units, and which atoms it is zero at."""
        weights = reference or (self.problem.a, self.problem.b)
        with np.errstate(divide="ignore"):
            self._logs = [np.log(w) for w in weights]
        self._masses = [math.fsum(w) for w in weights]

    def _side(self, which: int) -> tuple[IndexArray, Side]:
        problem = self.problem
        weights, reach = (problem.a, problem.b)[which], problem.reaches[which]
        must_weigh = problem.penalty == "kl" or reach == math.inf
        kept = np.ones(weights.size, dtype=bool)
        if must_weigh:
            kept &= weights > 0.0
        if self.epsilon is not None:
            kept &= self._logs[which] > -np.inf
        index = np.flatnonzero(kept)
        if reach < math.inf:
            bits = self.bits - (self.mass_bits if problem.penalty == "squared" else 0)
            reach = self._scaled(reach, bits)
        return index, Side(np.ldexp(weights[index], self.mass_bits), reach, problem.penalty)

    def _pairs(self, source: Side, target: Side) -> PenalisedPairs:
        cost, (rows, columns) = self.costs.cost, self.kept
        points = None
        if isinstance(cost, CostMatrix):
            if self.left_out:
                cost = CostMatrix(cost.values[np.ix_(rows, columns)])
        else:
            points = self.costs.points[0][rows], self.costs.points[1][columns]
        pairs = PenalisedPairs(source, target, points, cost, self.bits)
        return pairs.transposed() if self.swapped else pairs

    def _apart(self) -> float:
        """Entropy and penalties of the atoms that are left out."""
        if self.epsilon is None:
            return 0.0
        whole = self._masses[0] * self._masses[1]
        if not math.isfinite(whole):
            raise InvalidInputError(
                "epsilon",
                "keep its product with both masses within float64",
                "an overflow (rescale the masses)",
            )
        outside = [
            math.fsum(np.exp(np.delete(logs, some)))
            for logs, some in zip(self._logs, self.kept, strict=True)
        ]
        missing = outside[0] * self._masses[1] + outside[1] * (self._masses[0] - outside[0])
        return self.epsilon * _ldexp(missing, self.mass_bits)

    # The caller's atoms

    def spread(self, which: int, values: FloatArray, rest: float) -> FloatArray:
        """Values of the kept atoms among those of all atoms of a side."""
        size = (self.problem.a, self.problem.b)[which].size
        out = np.full(size, rest)
        out[self.kept[which]] = values
        return out

    def in_order(self, first: FloatArray, second: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Values of the form's sides as those of the caller's source and target."""
        return (second, first) if self.swapped else (first, second)

    def potentials(self, f: FloatArray, g: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Potentials of all atoms in the caller's order and unit: c-transforms where none were."""
        given = self.in_order(f, g)
        full = []
        for which, own in enumerate(given):
            values, other = self.spread(which, own, 0.0), given[1 - which]
            rest = np.setdiff1d(np.arange(values.size), self.kept[which], assume_unique=True)
            if rest.size and other.size:
                partners = self.kept[1 - which]
                if which == 0:
                    values[rest] = (self.costs.block(rest, partners) - other).min(axis=1)
                else:
                    values[rest] = (self.costs.block(partners, rest) - other[:, None]).min(axis=0)
            full.append(self.costs_from_unit(values))
        return full[0], full[1]

    def log_reference(self, which: int) -> FloatArray:
        """Logarithms of one side of the reference in the caller's units, of all atoms."""
        return np.asarray(self._logs[which])


def _ldexp(value: float, bits: int) -> float:
    try:
        return math.ldexp(value, bits)
    except OverflowError:
        return math.inf
