"""Costs of points that come down to another cost of other points."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .._memory import room_for
from .._typing import FloatArray
from .._validation import as_points_together
from ..errors import InvalidInputError
from .matrix import CostMatrix
from .p_norm import PNormCost
from .shaped import ShapedCost

__all__ = ["LEAST_LENGTH", "DerivedCost", "Reduced", "check_extent", "check_power"]

Ground: TypeAlias = PNormCost | ShapedCost | CostMatrix

LEAST_LENGTH = 1e-150
"""What a length may lose where the square of a difference underflows."""

# Coordinates whose squares, and sums and products of them, are far from overflow.
_LARGEST = 1e100


class Reduced(NamedTuple):
    """Points and a cost of them, such that `factor` times its values are the costs asked for.

    Up to rounding of the points: with d the cost's root of order `power`, |factor^(1/power) d' - d|
    of every pair of different points is at most factor^(1/power) `lost`. Equal points cost 0 in
    both, but for a cost matrix, whose values are the costs.
    """

    x: FloatArray
    y: FloatArray
    cost: Ground
    factor: float = 1.0
    lost: float = 0.0
    power: float = 1.0
    relative: float = 0.0
    """Share of itself that a value of the cost may be off by, where its problem does not know."""

    def as_matrix(self) -> Reduced:
        """The same with all costs written down, in the caller's unit."""
        if isinstance(self.cost, CostMatrix):
            return self
        rounding = self.cost.rounding() + 2.0 if isinstance(self.cost, ShapedCost) else 0.0
        return self._replace(
            cost=CostMatrix(matrix_of(self)),
            factor=1.0,
            lost=self.lost * self.factor ** (1.0 / self.power) * _UP,
            relative=rounding * 2.0**-53 * _UP,
        )

    def widened(self, lower: float, upper: float, mass: float, moved: float) -> tuple[float, float]:
        """Bounds of the optimum of the costs asked for from those of the ground problem.

        By Minkowski's inequality the roots of the costs of a plan differ by at most `lost` times
        the root of the mass that it moves; for powers below 1 a power of a sum is at most the sum
        of powers. `moved` is the mass that the plan behind `upper` moves.
        """
        if self.relative > 0.0:
            lower, upper = lower * (1.0 - self.relative), upper * (1.0 + self.relative)
        if self.lost > 0.0 and math.isfinite(lower):
            lower = _less(lower, self.lost, self.power, mass)
            upper = _more(upper, self.lost, self.power, moved)
        if self.factor != 1.0:
            lower, upper = lower * self.factor, upper * self.factor
            lower, upper = lower * _DOWN, upper * _UP
        return lower, upper


# A few products are rounded by less than this,
_DOWN, _UP = 1.0 - 2.0**-49, 1.0 + 2.0**-49
# and by less than this a root whose order 1 / p is: by u |log x| / p of itself, 745 u at most.
_ROOT = 1.0 + 2.0**-42


def _less(bound: float, lost: float, p: float, mass: float) -> float:
    """(bound^(1/p) - lost mass^(1/p))^p rounded down, for p < 1 bound - lost^p mass."""
    if bound <= 0.0:
        return 0.0
    if p < 1.0:
        return max(bound - _power(lost, p) * mass * _UP, 0.0) * _DOWN
    # Relative to the bound: powers of it would be rounded by its logarithm.
    share = lost * (mass / bound) ** (1.0 / p) * _ROOT
    return bound * _power(1.0 - share, p) * _down(p) if share < 1.0 else 0.0


def _more(bound: float, lost: float, p: float, mass: float) -> float:
    """(bound^(1/p) + lost mass^(1/p))^p rounded up, for p < 1 bound + lost^p mass."""
    if mass <= 0.0:
        return bound
    if p < 1.0 or bound <= 0.0:
        return (max(bound, 0.0) + _power(lost, p) * mass) * _UP
    share = lost * (mass / bound) ** (1.0 / p) * _ROOT
    if share <= 1.0:
        return bound * _power(1.0 + share, p) / _down(p)
    share = (bound / mass) ** (1.0 / p) / lost * _ROOT
    return _power(lost, p) * mass * _power(1.0 + share, p) / _down(p)


def _power(x: float, p: float) -> float:
    try:
        return float(x**p)
    except OverflowError:
        return math.inf


def _down(p: float) -> float:
    """Less than 1 by more than what the power p of a rounded number, and products, are off by."""
    return 1.0 - 2.0**-51 * (p + 8.0)


class DerivedCost(ABC):
    """A cost of points that is another cost of other points: `reduced` says which."""

    __slots__ = ()

    translates = False
    """Whether adding one vector to all points changes no cost."""

    @abstractmethod
    def reduced(self, x: FloatArray, y: FloatArray) -> Reduced:
        """Bring points (n, d) and (m, d), finite, into coordinates in which the cost is simple."""

    @property
    def order(self) -> float | None:
        """The power p of a metric that the cost is, or None where its root is no metric."""
        return None

    def powered(self, p: float) -> DerivedCost | None:
        """The p-th power of this cost, a metric; None where it is not one."""
        return None

    def pairwise(self, x: Any, y: Any) -> FloatArray:
        """Cost matrix (n, m) between points `x` (n, d) and `y` (m, d)."""
        x, y = self._points(x, y)
        n, m = len(x), len(y)
        with room_for(8 * n * m, f"the costs of {n} x {m} pairs", "pass fewer rows at a time"):
            return matrix_of(self.reduced(x, y))

    def _points(self, x: Any, y: Any) -> tuple[FloatArray, FloatArray]:
        (x, y), origin = as_points_together(x=x, y=y)
        if origin is not None and not self.translates:
            check_exact_points(self)
        if x.shape[1] != y.shape[1]:
            raise InvalidInputError("y", f"have {x.shape[1]} columns like `x`", y.shape[1])
        return x, y


def matrix_of(reduced: Reduced) -> FloatArray:
    """Costs (n, m) of all pairs."""
    cost = reduced.cost
    C = cost.values if isinstance(cost, CostMatrix) else cost.pairwise(reduced.x, reduced.y)
    return C if reduced.factor == 1.0 else C * reduced.factor


def check_exact_points(cost: Any) -> None:
    """Raise for points that float64 does not hold, and that were counted from another origin."""
    raise InvalidInputError(
        "x",
        "hold numbers that float64 holds exactly, where a cost is not the same everywhere",
        f"others, with {cost!r}",
        "(round them first)",
    )


def check_extent(x: FloatArray, y: FloatArray) -> None:
    """Raise for coordinates whose squares may overflow."""
    for name, points in (("x", x), ("y", y)):
        size = np.abs(points)
        if size.size and not size.max() < _LARGEST:
            i, k = np.unravel_index(int(np.argmax(size)), size.shape)
            requirement = f"have coordinates below {_LARGEST:g} for this cost"
            raise InvalidInputError(
                name, requirement, float(points[i, k]), f"at index ({i}, {k}) (rescale)"
            )


def check_power(power: float) -> None:
    """Raise unless a power of a cost is positive and finite."""
    if not (power > 0.0 and math.isfinite(power)):
        raise InvalidInputError("power", "be positive and finite", power)
