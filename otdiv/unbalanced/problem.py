"""The question: two measures, a cost, and the price of mass that is lost or made."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from .._calling import explains_construction
from .._typing import FloatArray
from .._validation import check_positive
from ..costs import Cost, CostMatrix, PNormCost, SparseCost, as_cost
from ..errors import InvalidInputError
from ..measures import DiscreteMeasure
from ..problems import TransportProblem

__all__ = ["UnbalancedProblem"]


@explains_construction
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class UnbalancedProblem:
    """Move what is worth moving: min <C, P> + reach KL(P 1 | a) + reach KL(P' 1 | b) over P >= 0.

    KL(p | q) = sum p log(p / q) - p + q. Moving a unit of mass between two atoms is worth its price
    while the cost is below about twice the reach.

    Parameters
    ----------
    source, target : DiscreteMeasure
        Measures of n and m atoms; their masses may differ.
    cost : PNormCost or CostMatrix
        Ground cost, non-negative; a matrix has shape (n, m).
    reach : float
        Price of mass that is lost or made, in the unit of the cost. Where others give a length L
        and a cost of power p, it is L ** p.

    Raises
    ------
    InvalidInputError
        If shapes disagree, the reach is not positive and finite, or a cost is negative.
    """

    source: DiscreteMeasure
    _: KW_ONLY
    target: DiscreteMeasure
    cost: Cost
    reach: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "cost", as_cost(self.cost))
        if isinstance(self.cost, SparseCost):
            hint = "(an array with `inf` for the pairs that are forbidden)"
            raise InvalidInputError("cost", "be a PNormCost or a CostMatrix", repr(self.cost), hint)
        if not isinstance(self.cost, PNormCost | CostMatrix):
            hint = "(`CostMatrix(cost.pairwise(x, y))` holds its values)"
            raise InvalidInputError("cost", "be a PNormCost or a CostMatrix", repr(self.cost), hint)
        object.__setattr__(self, "reach", check_positive("reach", self.reach))
        for name in ("source", "target"):
            if not isinstance(getattr(self, name), DiscreteMeasure):
                found = type(getattr(self, name)).__name__
                raise InvalidInputError(name, "be a DiscreteMeasure", found)
        # The shapes and the size of the costs are checked as those of a balanced problem are.
        self.normalized()
        if isinstance(self.cost, CostMatrix) and self.cost.values.min() < 0.0:
            raise InvalidInputError("C", "be non-negative", float(self.cost.values.min()))

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
        return (
            f"UnbalancedProblem(n={self.source.n}, m={self.target.n}, cost={self.cost!r}, "
            f"reach={self.reach:g})"
        )
