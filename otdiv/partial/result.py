"""The answer: what is moved, what stays, what it costs, and bounds of the optimum."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .._frozen import restore
from .._typing import FloatArray
from ..partial_problem import PartialProblem
from ..plans import Potentials, SparsePlan
from ..results import Bounds, Status, Valued

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["PartialResult"]

# Share of a weight up to which what the plan lacks of it is rounding.
_ROUNDING = 2.0**-50


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class PartialResult(Valued):
    """A certified partial transport.

    Attributes
    ----------
    problem : PartialProblem
    value : float
        Objective of `plan`, inside `bounds`: with `reach` its cost and the price of what stays,
        with `mass` the cost alone.
    transport_cost : float
        <C, P>: what moving costs, without any price of what stays.
    bounds : Bounds
        Proven enclosure of the optimum.
    status : Status
        INFEASIBLE where forbidden pairs let less than the mass through.
    plan : SparsePlan
        Its marginals are at most the weights, to rounding.
    potentials : Potentials
        Feasible pair, f_i + g_j <= C_ij, with f and g at most the prices of mass that stays; with
        `mass` those are half of `price` each. The dual value is f.a + g.b, with `mass` less
        ``price * ((a.sum() + b.sum()) / 2 - mass)``.
    moved : float
        Mass of the plan.
    price : float
        What one more unit of mass costs, the slope of the optimum in the mass: with `mass` that of
        the last unit, found with the plan; with one number as `reach` twice that, since a pair is
        used where it costs less; nan with other prices.
    n_iterations : int
        Pivots of the simplex.
    """

    problem: PartialProblem
    value: float
    transport_cost: float
    bounds: Bounds
    status: Status
    plan: SparsePlan | None
    potentials: Potentials | None
    moved: float
    price: float
    n_iterations: int

    __setstate__ = restore

    @property
    def source_left(self) -> FloatArray:
        """Mass that stays at each source atom (n,)."""
        return self._left(by_column=False)

    @property
    def target_left(self) -> FloatArray:
        """Mass that nothing is moved to, at each target atom (m,)."""
        return self._left(by_column=True)

    def _left(self, *, by_column: bool) -> FloatArray:
        weights = self.problem.b if by_column else self.problem.a
        if self.plan is None:
            return weights
        sums = self.plan.column_sums() if by_column else self.plan.row_sums()
        left = weights - sums
        # What is no more than the rounding of a weight has been moved.
        return np.asarray(np.where(left > _ROUNDING * weights, left, 0.0))

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw what is moved and what stays; see `otdiv.plotting.plot_partial`."""
        from ..plotting.partial import plot_partial

        return plot_partial(self, ax=ax)

    def __repr__(self) -> str:
        price = "" if math.isnan(self.price) else f", price={self.price:.6g}"
        return (
            f"PartialResult(value={self.value:.12g}, bounds=[{self.bounds.lower:.12g}, "
            f"{self.bounds.upper:.12g}], moved={self.moved:.6g}{price}, "
            f"status={self.status.name})"
        )
