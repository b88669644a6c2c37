"""The partial transport problem: some of the mass is moved, and the rest stays where it is."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import numpy as np

from ._calling import explains_construction
from ._frozen import freeze, restore
from ._typing import FloatArray
from ._validation import as_exact_array, as_number, first_index
from .costs import Cost, CostMatrix, DerivedCost, PNormCost, SparseCost, as_cost
from .errors import InvalidInputError
from .measures import DiscreteMeasure
from .problems import TransportProblem

__all__ = ["PartialProblem"]

# Share of the smaller mass within which a mass is all of it: sums of weights are rounded.
_ALL = 2.0**-49


@explains_construction
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PartialProblem:
    """Move a part of `source` to `target`: min <C, P> over plans P >= 0 with P 1 <= a, P' 1 <= b.

    With `mass` the plan has that mass. With `reach` a unit that stays costs so much, on either
    side, and the objective is

        <C, P> + sum_i p_i (a - P 1)_i + sum_j q_j (b - P' 1)_j.

    As a pair that is worth moving costs at most p_i + q_j, this is the optimum of transport whose
    marginals are penalised by total variation, <C, P> + sum p |a - P 1| + sum q |b - P' 1|.

    Parameters
    ----------
    source, target : DiscreteMeasure
        Measures of n and m atoms; their masses may differ.
    cost : PNormCost, another cost of points, CostMatrix or SparseCost
        Ground cost; the latter two have shape (n, m).
    mass : float, optional
        Mass to move, at most the smaller of both masses.
    reach : float or pair, optional
        Price of a unit of mass that stays, in the unit of the cost; a pair (p, q) says it for
        source and target, each a number, an array with one price an atom, or `inf` where that side
        has to be moved wholly.

    Raises
    ------
    InvalidInputError
        If not just one of `mass` and `reach` is given, or one is out of its range; if dimensions or
        shapes disagree; if a pair costs less than minus the two prices, so that the total
        variation would make mass of it without end.
    """

    source: DiscreteMeasure
    _: KW_ONLY
    target: DiscreteMeasure
    cost: Cost
    mass: float | None = None
    reach: Any = None
    source_prices: FloatArray = field(init=False)
    """Price of a unit that stays at each source atom (n,); 0 with `mass`."""
    target_prices: FloatArray = field(init=False)
    """The same of the target (m,)."""
    pairs: TransportProblem = field(init=False)
    """A balanced problem of the same costs, both masses one: it tells costs of pairs."""

    __setstate__ = restore

    def __post_init__(self) -> None:
        for name in ("source", "target"):
            value = getattr(self, name)
            if not isinstance(value, DiscreteMeasure):
                raise InvalidInputError(name, "be a DiscreteMeasure", type(value).__name__)
        object.__setattr__(self, "cost", as_cost(self.cost))
        if not isinstance(self.cost, PNormCost | DerivedCost | CostMatrix | SparseCost):
            raise InvalidInputError("cost", "be a cost of points or a CostMatrix", repr(self.cost))
        if (self.mass is None) == (self.reach is None):
            found = "neither" if self.mass is None else "both"
            raise InvalidInputError("mass", "be given, or else `reach`", found)
        normalized = (
            DiscreteMeasure(points=side.points, weights=side.weights / side.mass)
            for side in (self.source, self.target)
        )
        source, target = normalized
        pairs = TransportProblem(source=source, target=target, cost=self.cost)
        object.__setattr__(self, "pairs", pairs)
        if self.mass is not None:
            self._set_mass(as_number("mass", self.mass))
        else:
            self._set_prices()

    def _set_mass(self, mass: float) -> None:
        most = min(self.source.mass, self.target.mass)
        if not 0.0 < mass <= most * (1.0 + _ALL):
            requirement = f"be positive and at most {most!r}, the smaller of both masses"
            raise InvalidInputError("mass", requirement, mass)
        # Mass that all but rounding moves is all of it.
        object.__setattr__(self, "mass", most if mass >= most * (1.0 - _ALL) else mass)
        freeze(self, source_prices=np.zeros(self.source.n), target_prices=np.zeros(self.target.n))

    def _set_prices(self) -> None:
        reach = self.reach
        pair = reach if isinstance(reach, tuple) and len(reach) == 2 else (reach, reach)
        p, q = (
            _prices("reach", given, side.n)
            for given, side in zip(pair, (self.source, self.target), strict=True)
        )
        freeze(self, source_prices=p, target_prices=q)
        free = np.isfinite(p[0]), np.isfinite(q[0])
        if not any(free):
            hint = "(`transport` moves all mass of both sides)"
            raise InvalidInputError("reach", "be finite on one side", reach, hint)
        source, target = self.source.mass, self.target.mass
        for name, must, may in (("source", source, target), ("target", target, source)):
            if not free[name == "target"] and must > may * (1.0 + _ALL):
                requirement = f"be finite for the {name}, which has more mass ({must!r}) than there"
                raise InvalidInputError("reach", f"{requirement} is room for", may)
        self._check_costs(p, q)

    def _check_costs(self, p: FloatArray, q: FloatArray) -> None:
        """Raise where a pair would be used over and over."""
        cost = self.cost
        if isinstance(cost, DerivedCost):
            cost = self.pairs.ground()[0].cost
        if not isinstance(cost, CostMatrix | SparseCost) or cost.values.min(initial=0.0) >= 0.0:
            return
        if isinstance(cost, CostMatrix):
            below = cost.values < -(p[:, None] + q)
            if not below.any():
                return
            i, j = (int(k) for k in np.argwhere(below)[0])
            found = float(cost.values[i, j])
        else:
            below = cost.values < -(p[cost.rows] + q[cost.columns])
            if not below.any():
                return
            e = int(np.argmax(below))
            i, j = int(cost.rows[e]), int(cost.columns[e])
            found = float(cost.values[e])
        requirement = f"cost at least minus both prices, {-(p[i] + q[j]):g}"
        raise InvalidInputError("C", requirement, found, f"at index ({i}, {j})")

    @property
    def a(self) -> FloatArray:
        """Source weights (n,)."""
        return self.source.weights

    @property
    def b(self) -> FloatArray:
        """Target weights (m,)."""
        return self.target.weights

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of source and target atoms (n, m)."""
        return (self.source.n, self.target.n)

    def largest(self) -> float:
        """Upper bound of the sizes of costs and prices that are finite."""
        prices = [np.max(p, where=np.isfinite(p), initial=0.0) for p in self.prices]
        return max(self.pairs.cost_bound(), *(float(price) for price in prices))

    @property
    def prices(self) -> tuple[FloatArray, FloatArray]:
        """`source_prices` and `target_prices`."""
        return self.source_prices, self.target_prices

    def __repr__(self) -> str:
        n, m = self.shape
        asked = f"mass={self.mass:g}" if self.mass is not None else f"reach={self.reach!r}"
        return f"PartialProblem(n={n}, m={m}, cost={self.cost!r}, {asked})"


def _prices(name: str, given: Any, n: int) -> FloatArray:
    """Prices (n,) from one number or an array of them; all are finite, or none is."""
    if np.ndim(given) == 0:
        number = as_number(name, given)
        if not number >= 0.0:
            raise InvalidInputError(name, "be non-negative", given)
        return np.full(n, number)
    prices = as_exact_array(name, given)
    if prices.shape != (n,):
        raise InvalidInputError(name, f"have shape ({n},), one price an atom", prices.shape)
    bad = ~((prices >= 0.0) & (prices < math.inf))
    if bad.any():
        found = float(prices[np.argmax(bad)])
        raise InvalidInputError(name, "be non-negative and finite", found, first_index(bad))
    return prices
