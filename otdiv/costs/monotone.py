"""Monotone functions of a distance, for data with outliers: truncated, and Huber's."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from typing import Any

import numpy as np

from .._calling import explains_construction
from .._typing import FloatArray
from .._validation import as_number, describe
from ..errors import InvalidInputError
from .derived import LEAST_LENGTH, DerivedCost, Reduced, check_extent
from .p_norm import PNormCost
from .shaped import HUBER, POWER, ShapedCost

__all__ = ["Huber", "Truncated"]


@explains_construction
@dataclass(frozen=True, slots=True)
class Truncated(DerivedCost):
    """Cost min(cost, limit): what is farther counts as if it were just that far.

    With a metric cost it is a metric. Its optimum is that of partial transport where a pair costs
    at most `limit`: what would travel farther is taken off one side and put on the other.

    Parameters
    ----------
    cost : PNormCost, Cosine, Mahalanobis, Periodic or Geodesic
        A `PNormCost` of norm 1, 2 or inf.
    limit : float
        Positive and finite, in the unit of the cost.

    Raises
    ------
    InvalidInputError
        If `cost` is none of these, or `limit` is not positive and finite.

    Examples
    --------
    >>> from otdiv import Euclidean, Truncated
    >>> Truncated(Euclidean(), limit=2.0).pairwise([[0.0]], [[1.0], [50.0]])
    array([[1., 2.]])
    """

    cost: Any
    _: KW_ONLY
    limit: float

    def __post_init__(self) -> None:
        cost = self.cost
        if isinstance(cost, PNormCost):
            if cost.norm not in (1.0, 2.0, np.inf):
                raise InvalidInputError("cost", "have norm 1, 2 or inf to be truncated", cost)
        elif not isinstance(cost, DerivedCost) or cost.order is None:
            requirement = "be a PNormCost, Cosine, Mahalanobis, Periodic or Geodesic"
            raise InvalidInputError("cost", requirement, describe(cost))
        limit = as_number("limit", self.limit)
        if not 1e-250 < limit < 1e250:
            raise InvalidInputError("limit", "be positive and finite, from 1e-250 to 1e250", limit)
        object.__setattr__(self, "limit", limit)

    @property
    def translates(self) -> bool:  # type: ignore[override]
        """As that of the cost."""
        return isinstance(self.cost, PNormCost) or self.cost.translates

    @property
    def order(self) -> float | None:
        """As that of the cost."""
        return max(self.cost.power, 1.0) if isinstance(self.cost, PNormCost) else self.cost.order

    def powered(self, p: float) -> DerivedCost | None:
        """The p-th power, truncated at that of the limit."""
        powered: Any
        if isinstance(self.cost, PNormCost):
            powered = replace(self.cost, power=p) if self.cost.power == 1.0 else None
        else:
            powered = self.cost.powered(p)
        return None if powered is None else Truncated(powered, limit=self.limit**p)

    def reduced(self, x: FloatArray, y: FloatArray) -> Reduced:
        """The points of the cost, with a cap."""
        if isinstance(self.cost, PNormCost):
            check_extent(x, y)
            inner = Reduced(x, y, self.cost, lost=LEAST_LENGTH, power=self.cost.power)
        else:
            inner = self.cost.reduced(x, y)
        cost = inner.cost
        if isinstance(cost, PNormCost):
            periods = np.full(inner.x.shape[1], np.inf)
            cost = ShapedCost(code=POWER, periods=periods, norm=cost.norm, power=cost.power)
        assert isinstance(cost, ShapedCost)
        cap = min(cost.cap, self.limit / inner.factor)
        return inner._replace(cost=replace(cost, cap=cap), lost=inner.lost + LEAST_LENGTH)


@explains_construction
@dataclass(frozen=True, slots=True)
class Huber(DerivedCost):
    """Huber's function of the Euclidean distance r: r² / 2 up to delta, then delta (r - delta / 2).

    Near pairs cost as in W2, far ones as in W1.

    Parameters
    ----------
    delta : float
        Positive distance from which the cost grows like the distance.

    Raises
    ------
    InvalidInputError
        If `delta` is not positive and finite.

    References
    ----------
    Huber (1964), Robust estimation of a location parameter, doi:10.1214/aoms/1177703732.

    Examples
    --------
    >>> from otdiv import Huber
    >>> Huber(2.0).pairwise([[0.0]], [[1.0], [5.0]])
    array([[0.5, 8. ]])
    """

    delta: float

    translates = True

    def __post_init__(self) -> None:
        delta = as_number("delta", self.delta)
        if not 1e-100 < delta < 1e100:
            raise InvalidInputError("delta", "be positive, from 1e-100 to 1e100", delta)
        object.__setattr__(self, "delta", delta)

    def reduced(self, x: FloatArray, y: FloatArray) -> Reduced:
        """The points themselves; a length that underflows changes the cost by delta times it."""
        check_extent(x, y)
        cost = ShapedCost(code=HUBER, periods=np.full(x.shape[1], np.inf), delta=self.delta)
        return Reduced(x, y, cost, lost=self.delta * LEAST_LENGTH)
