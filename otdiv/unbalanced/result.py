"""The answer: a plan in factors, the terms of its objective, and bounds of the optimum."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .._frozen import restore, seal
from .._memory import check_room
from .._typing import FloatArray
from ..entropic.unbalanced_form import NormalForm
from ..plans import ArrayLikePlan, as_coo, entries_above
from ..results import Bounds, Status, Valued
from .problem import UnbalancedProblem

if TYPE_CHECKING:
    from scipy.sparse import coo_array

__all__ = ["UnbalancedPlan", "UnbalancedResult"]

# What to do where a plan is too large.
_ROWS = "`block` makes some rows of it"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class UnbalancedPlan(ArrayLikePlan):
    """Plan P_ij = a_i b_j exp((f_i + g_j - C_ij) / epsilon) in factors.

    Pairs that cost `cutoff` or more hold nothing, nor do atoms whose partners all cost as much.
    Without an entropic term f and g are no more than such factors.
    """

    problem: UnbalancedProblem
    f: FloatArray
    g: FloatArray
    epsilon: float
    row_sums: FloatArray
    """Mass that leaves each source atom (n,)."""
    column_sums: FloatArray
    """Mass that arrives at each target atom (m,)."""
    cutoff: float = math.inf
    _form: NormalForm
    _exponents: tuple[FloatArray, FloatArray, float, float]

    __setstate__ = restore

    def __post_init__(self) -> None:
        seal(self)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return self.f.size, self.g.size

    def block(self, start: int, stop: int) -> FloatArray:
        """Rows start..stop-1 of the plan as (stop - start, m)."""
        n, m = self.shape
        form, (rows, columns, epsilon, cutoff) = self._form, self._exponents
        some, every = np.arange(*slice(start, stop).indices(n)), np.arange(m)
        C = form.block(every, some).T if form.swapped else form.block(some, every)
        # Logarithms: products of factors may be out of range where the plan is not.
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            plan = np.exp(rows[start:stop, None] + columns - C / epsilon)
        plan[(cutoff <= C) | np.isnan(plan)] = 0.0
        return plan

    def toarray(self) -> FloatArray:
        """Return the plan as an (n, m) array; 8 n m bytes."""
        n, m = self.shape
        check_room(8 * n * m, "the plan as an array", _ROWS)
        return self.block(0, n)

    def tocoo(self) -> coo_array:
        """Return the entries that are not 0 as a `scipy.sparse.coo_array` (n, m).

        They are found block by block, and are all n m of them unless epsilon is small.

        Raises
        ------
        UnsupportedProblemError
            If memory does not hold them.
        """
        return as_coo(*entries_above(self, 0.0, _ROWS), self.shape)

    def __repr__(self) -> str:
        return f"UnbalancedPlan(shape={self.shape}, epsilon={self.epsilon:g})"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class UnbalancedResult(Valued):
    """An unbalanced transport with both bounds of its own objective.

    Attributes
    ----------
    problem : UnbalancedProblem
    value : float
        Objective of `plan`: the sum of `terms`, never below the optimum. Where the reach is far
        above the costs, of the plan that has `row_sums` and `column_sums` exactly; the entries
        have them up to the marginal tolerance.
    terms : mapping of str to float
        "transport" <C, P>, "source" and "target" (the two penalties), and "entropy",
        epsilon KL(P | a⊗b), 0 where no epsilon was asked. Each is non-negative.
    bounds : Bounds
        Of the optimum of that same objective: dual potentials from below, the plan from above.
    mass : float
        Mass of the plan.
    plan : UnbalancedPlan
    status : Status
    n_iterations : int
    """

    problem: UnbalancedProblem
    value: float
    terms: Mapping[str, float]
    bounds: Bounds
    mass: float
    plan: UnbalancedPlan
    status: Status
    n_iterations: int

    def __repr__(self) -> str:
        return (
            f"UnbalancedResult(value={self.value:.12g}, bounds=[{self.bounds.lower:.12g}, "
            f"{self.bounds.upper:.12g}], mass={self.mass:g}, status={self.status.name})"
        )
