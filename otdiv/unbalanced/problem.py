"""The question: two measures, a cost, and the price of mass that is lost or made."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np

from .._calling import explains_construction
from .._typing import FloatArray
from .._validation import as_number, check_choice, check_positive
from ..certificates.penalties import PENALTIES, Penalty
from ..costs import Cost, CostMatrix, PNormCost, SparseCost, as_cost
from ..errors import InvalidInputError
from ..measures import DiscreteMeasure
from ..problems import TransportProblem

__all__ = ["UnbalancedProblem"]


@explains_construction
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class UnbalancedProblem:
    """Move what is worth moving: min <C, P> + D_p(P 1 | a) + D_q(P' 1 | b) over P >= 0.

    The penalties of a reach p, q on each side are

    ===========  ==========================================================
    penalty      D_p(r | a)
    ===========  ==========================================================
    "kl"         p sum r log(r / a) - r + a
    "tv"         p sum |r - a|, the total variation without a factor 1/2
    "squared"    p sum (r - a)²
    ===========  ==========================================================

    and a side of reach `inf` is kept wholly, r = a. With "kl" moving a unit of mass between two
    atoms is worth its price while the cost is below about p + q, with "tv" just up to there.

    Parameters
    ----------
    source, target : DiscreteMeasure
        Measures of n and m atoms; their masses may differ.
    cost : PNormCost or CostMatrix
        Ground cost; a matrix has shape (n, m) and may be negative. With "tv" no pair may cost less
        than -(p + q): it would be used over and over.
    reach : float or pair of floats
        Price of mass that is lost or made, in the unit of the cost ("squared": of the cost over
        mass), for both sides or as (p, q) for each; `inf` for one of them at most. Where others
        give a length L and a cost of power k, it is L ** k.
    penalty : {"kl", "tv", "squared"}, default "kl"

    Raises
    ------
    InvalidInputError
        If shapes disagree, a reach is not positive, both are infinite, or with "tv" a pair is
        cheaper than minus both prices.

    Examples
    --------
    >>> from otdiv import DiscreteMeasure, UnbalancedProblem
    >>> p, q = DiscreteMeasure(points=[0.0, 1.0]), DiscreteMeasure(points=[0.5])
    >>> UnbalancedProblem(p, target=q, cost="euclidean", reach=(2.0, float("inf")), penalty="tv")
    UnbalancedProblem(n=2, m=1, cost=PNormCost(norm=2.0, power=1.0), reach=(2, inf), penalty='tv')
    """

    source: DiscreteMeasure
    _: KW_ONLY
    target: DiscreteMeasure
    cost: Cost
    reach: float | tuple[float, float]
    penalty: Penalty = "kl"

    def __post_init__(self) -> None:
        object.__setattr__(self, "cost", as_cost(self.cost))
        if isinstance(self.cost, SparseCost):
            hint = "(an array with large costs for the pairs that are forbidden)"
            raise InvalidInputError("cost", "be a PNormCost or a CostMatrix", repr(self.cost), hint)
        if not isinstance(self.cost, PNormCost | CostMatrix):
            hint = "(`CostMatrix(cost.pairwise(x, y))` holds its values)"
            raise InvalidInputError("cost", "be a PNormCost or a CostMatrix", repr(self.cost), hint)
        object.__setattr__(self, "reach", _as_reach(self.reach))
        check_choice("penalty", self.penalty, PENALTIES)
        for name in ("source", "target"):
            if not isinstance(getattr(self, name), DiscreteMeasure):
                found = type(getattr(self, name)).__name__
                raise InvalidInputError(name, "be a DiscreteMeasure", found)
        # The shapes and the size of the costs are checked as those of a balanced problem are.
        self.normalized()
        if self.penalty == "tv" and isinstance(self.cost, CostMatrix):
            self._check_prices(self.cost.values)

    def _check_prices(self, C: FloatArray) -> None:
        """Raise where a pair would be used over and over."""
        p, q = self.reaches
        below = -(p + q) > C
        if below.any():
            i, j = (int(k) for k in np.argwhere(below)[0])
            requirement = f"cost at least minus both prices, {-(p + q):g} (reach {p:g} and {q:g})"
            raise InvalidInputError("C", requirement, float(C[i, j]), f"at index ({i}, {j})")

    @property
    def reaches(self) -> tuple[float, float]:
        """The reach of the source and that of the target."""
        return self.reach if isinstance(self.reach, tuple) else (self.reach, self.reach)

    @property
    def a(self) -> FloatArray:
        """Source weights (n,)."""
        return self.source.weights

    @property
    def b(self) -> FloatArray:
        """Target weights (m,)."""
        return self.target.weights

    def normalized(self) -> TransportProblem:
        """Both measures at mass one, as a balanced problem of the same costs."""
        sides = (
            DiscreteMeasure(points=side.points, weights=side.weights / side.mass)
            for side in (self.source, self.target)
        )
        source, target = sides
        return TransportProblem(source=source, target=target, cost=self.cost)

    def __repr__(self) -> str:
        p, q = self.reaches
        reach = f"({p:g}, {q:g})" if isinstance(self.reach, tuple) else f"{p:g}"
        penalty = "" if self.penalty == "kl" else f", penalty={self.penalty!r}"
        return (
            f"UnbalancedProblem(n={self.source.n}, m={self.target.n}, cost={self.cost!r}, "
            f"reach={reach}{penalty})"
        )


def _as_reach(reach: Any) -> float | tuple[float, float]:
    """One positive finite number, or two of which one may be infinite; equal ones are one."""
    if not isinstance(reach, tuple | list):
        return check_positive("reach", reach)
    if len(reach) != 2:
        raise InvalidInputError("reach", "be one number or a pair of them", f"{len(reach)} numbers")
    p, q = (as_number("reach", given) for given in reach)
    for number in (p, q):
        if not number > 0.0:
            raise InvalidInputError("reach", "be positive", number)
    if p == q == math.inf:
        hint = "(`transport` keeps both sides wholly)"
        raise InvalidInputError("reach", "be finite on one side", (p, q), hint)
    return p if p == q else (p, q)
