"""An unbalanced problem put into a normal form, and the way back.

In the normal form both measures are probability measures and costs are about one. Four things are
done, none of which moves the optimum by more than the bounds include.

Units. Costs (points, so that no cost underflows) and masses are multiplied by powers of two, which
is exact.

Masses. Let a, b have the masses A, B and their geometric mean mu. A plan of mu times P has sums
whose KL to a and to b adds up to mu (KL(r | a / A) + KL(c | b / B)) + (sqrt A - sqrt B)², r and c
being those of P, since both have the same total. So the problem of masses A and B is mu times that
of probability weights, plus reach (sqrt A - sqrt B)²; potentials differ by the shift (h, -h) with
h = reach / 2 log(A / B). The entropic term mu KL(P | mu a⊗b / (A B)) keeps mu as the mass of its
reference.

Far pairs. What costs 2 L reach or more holds no mass worth a digit (`certificates.unbalanced`), so
such pairs are forbidden, and atoms that have no others are taken away: they are lost at the price
reach. The entropic term makes room for L + log mu more epsilon.

Orientation. Source and target are exchanged where they are not in canonical order, so that
exchanging them exchanges the answer, bit by bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy.spatial import cKDTree

from .._kernels.costs import bounding_cost, pairwise, relative_rounding
from .._typing import FloatArray, IndexArray
from ..certificates.rounding import U, cost_rounding
from ..certificates.transforms import point_transform
from ..certificates.unbalanced import LEAST_SHARE
from ..costs import Cost, CostMatrix, PNormCost
from ..errors import InvalidInputError
from ..measures import DiscreteMeasure
from ..problems import TransportProblem
from .scaling import comes_later
from .solve_unbalanced import FEW_PAIRS

__all__ = ["NormalForm"]

# Pairs up to which far ones are forbidden one by one, in a cost matrix of 128 MB; by taste.
_FEW_FAR_PAIRS = 2**24
# Arrays of that size that this needs, about.
_COPIES = 5
# Largest cost over the cutoff up to which no digits that matter are lost; by taste.
_MODERATE = 16.0
# Exponent of the power of two below which coordinates and the reach are kept: float64 ends at 1024,
# and the sums of a few of them stay finite.
_MOST_BITS = 1000
# Natural logarithm of epsilon times the mean mass at most, likewise (float64 ends at 709): the
# entropic term is of that size.
_MOST_LOG = 690.0
# Exponent of the power of two below which costs may have lost digits to underflow, which begins at
# -1022,
_LEAST_BITS = -960
# and more than what such a cost may be off by.
_COST_ERROR = 2.0**-950


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """Weights of one measure: those of the atoms that are kept, and the mass of the others."""

    kept: IndexArray
    weights: FloatArray
    """Of the kept atoms, in units of 2**bits."""
    shares: FloatArray
    """The same over their sum."""
    mass: float
    """Of the kept atoms, in units of 2**bits."""
    lost: float
    """Mass of the others, in units of 2**bits."""
    bits: int

    @property
    def log_mass(self) -> float:
        """Natural logarithm of the kept mass in the caller's unit."""
        mass = _ldexp(self.mass, self.bits)
        if 1e-300 < mass < math.inf:
            return math.log(mass)
        return math.log(self.mass) + self.bits * math.log(2.0)


class NormalForm:
    """The problem at unit scale.

    Attributes
    ----------
    problem : TransportProblem or None
        Kept atoms with probability weights; None where no pair is worth moving.
    reach, epsilon : float
        In the unit of its costs.
    largest : float
        Upper bound of its finite costs.
    cutoff : float
        From this cost on pairs hold nothing.
    rows, columns : arrays
        Numbers of the kept atoms among the caller's.
    swapped : bool
        Whether rows are the caller's target.
    log_reference, reference_error : float
        Logarithm of the geometric mean of both masses in the caller's unit, and its rounding.
    """

    problem: TransportProblem | None

    def __init__(
        self,
        balanced: TransportProblem,
        measures: tuple[DiscreteMeasure, DiscreteMeasure],
        reach: float,
        epsilon: float | None,
        max_memory: int | None,
    ):
        self._most_pairs = _FEW_FAR_PAIRS
        if max_memory is not None:
            self._most_pairs = min(_FEW_FAR_PAIRS, max_memory // (8 * _COPIES))
        source, target = measures
        cost = balanced.cost
        assert isinstance(cost, PNormCost | CostMatrix)  # no others are made
        self.cost: PNormCost | CostMatrix = cost
        self.swapped = comes_later(balanced, source.weights, target.weights)
        if self.swapped:
            source, target = target, source
            if isinstance(self.cost, CostMatrix):
                self.cost = CostMatrix(np.ascontiguousarray(self.cost.values.T))
        sides = [_at_unit(measure.weights) for measure in (source, target)]
        live = [np.flatnonzero(weights) for weights, _ in sides]
        masses = [math.fsum(w) for w, _ in sides]
        logs = [
            math.log(mass) + bits * math.log(2.0)
            for mass, (_, bits) in zip(masses, sides, strict=True)
        ]
        more = LEAST_SHARE + max(0.5 * math.fsum(logs), 0.0)
        largest_bits = self._largest_bits(source, target, live)
        cap_bits = 1.0 + math.log2(2.0 * LEAST_SHARE) + math.log2(reach)
        if epsilon is not None:
            cap_bits = max(cap_bits, 1.0 + math.log2(more) + math.log2(epsilon))
        size = min(largest_bits, cap_bits)
        self._choose_unit(source, target, size if size > -math.inf else math.log2(reach))
        self.reach = self.to_unit(reach)
        self.epsilon = None if epsilon is None else self.to_unit(epsilon)
        cap = 2.0 * LEAST_SHARE * self.reach + more * (self.epsilon or 0.0)
        # Bits of an upper bound: a little more is no harm.
        far = largest_bits + self._shift > math.log2(cap) - 1e-9
        self.cutoff = cap
        self._take_points(source, target)
        kept = self._with_partner(live) if far else live
        if self.epsilon is not None and more + math.log(self.epsilon) > _MOST_LOG:
            raise InvalidInputError(
                "epsilon",
                "keep its product with both masses within float64",
                "an overflow (rescale the masses)",
            )
        far = far and self._is_scattered(kept)
        self.cutoff = cap if far else math.inf
        self.source, self.target = (
            _side(weights, bits, some) for (weights, bits), some in zip(sides, kept, strict=True)
        )
        self._kept = kept
        self._finish(far)

    # Units

    def _largest_bits(
        self, source: DiscreteMeasure, target: DiscreteMeasure, live: list[IndexArray]
    ) -> float:
        """Binary logarithm of an upper bound of the costs between atoms of positive weight."""
        if isinstance(self.cost, CostMatrix):
            values = self.cost.values
            if live[0].size < values.shape[0] or live[1].size < values.shape[1]:
                values = values[np.ix_(*live)]
            largest = float(values.max())
            return math.log2(largest) if largest > 0.0 else -math.inf
        x, y = source.points[live[0]], target.points[live[1]]
        low = np.minimum(x.min(axis=0), y.min(axis=0))
        high = np.maximum(x.max(axis=0), y.max(axis=0))
        side = float((0.5 * high - 0.5 * low).max())
        if side == 0.0:
            # Halves of subnormal numbers may vanish.
            side = float((high - low).max())
        if side == 0.0:
            return -math.inf
        return self.cost.power * (math.log2(side) + 1.0 + math.log2(x.shape[1]) / self.cost.norm)

    def _choose_unit(self, source: DiscreteMeasure, target: DiscreteMeasure, size: float) -> None:
        """Find the power of two that makes costs of 2**size about one."""
        if isinstance(self.cost, CostMatrix):
            self._bits = -round(size)
            self._shift = float(self._bits)
            self._whole, self._factor = self._bits, 1.0
            return
        power = self.cost.power
        most = max(float(np.abs(side.points).max()) for side in (source, target))
        room = _MOST_BITS - math.ceil(math.log2(most)) if most > 0.0 else _MOST_BITS
        # Even, so that the unit of the power 1/2 is a power of two as well.
        self._bits = min(2 * round(-0.5 * size / power), room - room % 2)
        exact = Fraction(power) * self._bits
        self._whole = math.floor(exact)
        self._factor = 2.0 ** float(exact - self._whole)
        self._shift = float(exact)

    def to_unit(self, value: float) -> float:
        """A cost of the caller's in the unit of the form, as far as that is finite."""
        try:
            return max(min(math.ldexp(value * self._factor, self._whole), 2.0**_MOST_BITS), 5e-324)
        except OverflowError:
            return 2.0**_MOST_BITS

    def from_unit(self, values: FloatArray) -> FloatArray:
        """Costs of the form in the caller's unit."""
        with np.errstate(over="ignore", under="ignore"):
            return np.ldexp(values / self._factor, -self._whole)

    def costs_to_unit(self, values: FloatArray) -> FloatArray:
        """Costs of the caller's in the unit of the form."""
        with np.errstate(over="ignore", under="ignore"):
            return np.ldexp(values * self._factor, self._whole)

    def value_from_unit(self, value: float) -> float:
        """A cost times a mass in the caller's units: infinite where that overflows."""
        try:
            return math.ldexp(value / self._factor, self.mass_bits - self._whole)
        except OverflowError:
            return math.inf

    # Far pairs

    def _take_points(self, source: DiscreteMeasure, target: DiscreteMeasure) -> None:
        if isinstance(self.cost, CostMatrix):
            self._x = self._y = np.empty((0, 0))
            return
        with np.errstate(under="ignore"):
            self._x, self._y = (np.ldexp(side.points, self._bits) for side in (source, target))

    def block(self, rows: IndexArray, columns: IndexArray) -> FloatArray:
        """Costs between some atoms of the caller's, in the unit of the form."""
        if isinstance(self.cost, CostMatrix):
            return self.costs_to_unit(self.cost.values[np.ix_(rows, columns)])
        cost = self.cost
        values = pairwise(self._x[rows], self._y[columns], cost.norm, cost.power)
        return np.asarray(values)

    def _is_explicit(self, kept: list[IndexArray]) -> bool:
        few = kept[0].size * kept[1].size <= self._most_pairs
        return few or isinstance(self.cost, CostMatrix)

    def _is_scattered(self, kept: list[IndexArray]) -> bool:
        """Whether far pairs of these atoms must be forbidden for near ones to keep their digits."""
        pairs = kept[0].size * kept[1].size
        if isinstance(self.cost, CostMatrix) or pairs <= FEW_PAIRS:
            return pairs > 0
        x, y = self._x[kept[0]], self._y[kept[1]]
        bound = bounding_cost(x, y, self.cost.norm, self.cost.power)
        return float(bound) > _MODERATE * self.cutoff

    def _with_partner(self, live: list[IndexArray]) -> list[IndexArray]:
        """Atoms that have a partner nearer than the cutoff."""
        if isinstance(self.cost, CostMatrix) or live[0].size * live[1].size <= FEW_PAIRS:
            near = self.block(*live) < self.cutoff
            has_partner = [near.any(axis=1), near.any(axis=0)]
        else:
            length = self.cutoff ** (1.0 / self.cost.power)
            clouds = self._x[live[0]], self._y[live[1]]
            trees = [cKDTree(cloud) for cloud in clouds]
            # A little further: what is near is kept.
            limit = length * (1.0 + 1e-9)
            has_partner = [
                np.isfinite(tree.query(cloud, p=self.cost.norm, distance_upper_bound=limit)[0])
                for tree, cloud in zip(trees[::-1], clouds, strict=True)
            ]
        return [some[mask] for some, mask in zip(live, has_partner, strict=True)]

    def _finish(self, far: bool) -> None:
        a, b = self.source, self.target
        self.rows, self.columns = a.kept, b.kept
        self.mass_bits = max(a.bits, b.bits)
        self.cost_error, self.rounding, self.problem = 0.0, 0.0, None
        self.log_reference, self.reference_error, self.largest = 0.0, 0.0, 0.0
        if a.kept.size == 0 or b.kept.size == 0:
            return
        logs = a.log_mass, b.log_mass
        self.log_reference = 0.5 * math.fsum(logs)
        self.reference_error = 4.0 * U * (1.0 + abs(logs[0]) + abs(logs[1]))
        if isinstance(self.cost, CostMatrix) or (far and self._is_explicit(self._kept)):
            C = self.block(a.kept, b.kept)
            if far:
                C[self.cutoff <= C] = np.inf
            cost: Cost = CostMatrix(C)
            source, target = (np.arange(float(side.kept.size)) for side in (a, b))
            self.largest = float(np.max(C, where=np.isfinite(C), initial=0.0))
        else:
            cost, source, target = self.cost, self._x[a.kept], self._y[b.kept]
        self.problem = TransportProblem(
            source=DiscreteMeasure(points=source, weights=a.shares),
            target=DiscreteMeasure(points=target, weights=b.shares),
            cost=cost,
        )
        if isinstance(cost, PNormCost):
            self.largest = self.problem.cost_bound()
            if a.kept.size * b.kept.size <= FEW_PAIRS:
                self.problem.matrix()  # keeps it
        if isinstance(self.cost, PNormCost):
            x, y = self._x[a.kept], self._y[b.kept]
            self.rounding = float(relative_rounding(x.shape[1], self.cost.norm, self.cost.power))
            if self.cost.power * _least_gap_bits(np.concatenate([x, y])) < _LEAST_BITS:
                self.cost_error = _COST_ERROR
        else:
            self.rounding = cost_rounding(self.problem)

    # Masses

    @property
    def masses(self) -> tuple[float, float]:
        """Kept masses of both sides in units of 2**mass_bits; one of them may vanish beside 1."""
        return (
            math.ldexp(self.source.mass, self.source.bits - self.mass_bits),
            math.ldexp(self.target.mass, self.target.bits - self.mass_bits),
        )

    @property
    def lost(self) -> tuple[float, float]:
        """Masses of both sides that have no partner, in the same unit."""
        return (
            math.ldexp(self.source.lost, self.source.bits - self.mass_bits),
            math.ldexp(self.target.lost, self.target.bits - self.mass_bits),
        )

    def lost_pairs(self) -> float:
        """Mass of a⊗b on pairs with an atom that has no partner, over 2**mass_bits."""
        a, b = self.source, self.target
        pairs = a.lost * (b.mass + b.lost) + a.mass * b.lost
        return _ldexp(pairs, a.bits + b.bits - self.mass_bits)

    def mean_mass(self) -> float:
        """Geometric mean of the kept masses in the same unit."""
        bits = self.source.bits + self.target.bits - 2 * self.mass_bits
        root = math.sqrt(self.source.mass * self.target.mass * (2.0 if bits % 2 else 1.0))
        return math.ldexp(root, (bits - bits % 2) // 2)

    def log_ratio(self) -> float:
        """Half the logarithm of target mass over source mass, to full digits near 0."""
        a, b = self.source, self.target
        if a.bits == b.bits or abs(a.bits - b.bits) == 1:
            first, second = self.masses
            if 0.5 < second / first < 2.0:
                return 0.5 * math.log1p(self.mass_difference() / first)
        return 0.5 * (b.log_mass - a.log_mass)

    def mass_difference(self) -> float:
        """Target mass less source mass, of the kept atoms, correctly rounded."""
        parts = [
            np.ldexp(side.weights, side.bits - self.mass_bits) * sign
            for side, sign in ((self.target, 1.0), (self.source, -1.0))
        ]
        return math.fsum(np.concatenate(parts))

    # Potentials of the rest

    def extended(self, h: FloatArray, other: FloatArray, *, by_column: bool) -> FloatArray:
        """Potentials of all atoms of one side: min_j C_ij - g_j for those that are not kept.

        At most L reach, where that is less than pairs may cost.
        """
        mine = self.columns if by_column else self.rows
        partners = self.rows if by_column else self.columns
        n = self.size(by_column=by_column)
        values = np.zeros(n)
        values[mine] = h
        rest = np.setdiff1d(np.arange(n), mine, assume_unique=True)
        if rest.size and partners.size:
            values[rest] = self._transform(rest, partners, other, by_column)
        elif rest.size:
            values[rest] = LEAST_SHARE * self.reach
        return values

    def _transform(
        self, rest: IndexArray, partners: IndexArray, g: FloatArray, by_column: bool
    ) -> FloatArray:
        limit = LEAST_SHARE * self.reach if self.cutoff < math.inf else np.inf
        with np.errstate(all="ignore"):
            if isinstance(self.cost, CostMatrix):
                C = self.block(partners, rest).T if by_column else self.block(rest, partners)
                found = (C - g).min(axis=1)
            else:
                mine, others = (self._y, self._x) if by_column else (self._x, self._y)
                found = point_transform(others[partners], mine[rest], g, self.cost)
        return np.minimum(np.where(np.isnan(found), limit, found), limit)

    def size(self, *, by_column: bool) -> int:
        """Number of the caller's atoms of one side."""
        if isinstance(self.cost, CostMatrix):
            return self.cost.shape[1 if by_column else 0]
        return (self._y if by_column else self._x).shape[0]


def _at_unit(weights: FloatArray) -> tuple[FloatArray, int]:
    """Weights that add up to at most one, and the power of two that makes them the caller's."""
    bits = math.frexp(float(weights.max()))[1] + math.ceil(math.log2(weights.size))
    with np.errstate(under="ignore"):
        return np.ldexp(weights, -bits), bits


def _side(weights: FloatArray, bits: int, kept: IndexArray) -> _Side:
    rest = np.delete(weights, kept)
    weights = weights[kept]
    mass = math.fsum(weights)
    shares = weights / mass if kept.size else weights
    return _Side(kept, weights, shares, mass, math.fsum(rest), bits)


def _least_gap_bits(points: FloatArray) -> float:
    """Binary logarithm of the least positive difference of coordinates."""
    gaps = np.diff(np.sort(points, axis=0), axis=0)
    gaps = gaps[gaps > 0.0]
    return math.log2(float(gaps.min())) if gaps.size else 0.0


def _ldexp(value: float, bits: int) -> float:
    try:
        return math.ldexp(value, bits)
    except OverflowError:
        return math.inf
