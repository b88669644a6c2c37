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
from ..costs import PNormCost
from ..entropic.unbalanced_form import NormalForm
from ..errors import UnsupportedProblemError
from ..plans import ArrayLikePlan, Potentials, SparsePlan, as_coo, entries_above
from ..results import Bounds, Status, Valued
from .problem import UnbalancedProblem
from .unit_form import BlockCosts

if TYPE_CHECKING:
    from scipy.sparse import coo_array

__all__ = ["UnbalancedPlan", "UnbalancedResult"]

# What to do where a plan is too large.
_ROWS = "`block` makes some rows of it"
# Entries of a plan that are made at a time, 8 MB.
_BLOCK = 2**20
# Share of a weight that is nothing: an atom that keeps it to rounding has no image of its own.
_NOTHING = 1e-14


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class UnbalancedPlan(ArrayLikePlan):
    """Plan P_ij = R_ij exp((f_i + g_j - C_ij) / epsilon) in factors, R = a⊗b or what was given.

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
    _form: NormalForm | BlockCosts
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
        epsilon KL(P | R), 0 where no epsilon was asked. Each is non-negative, but of negative costs
        the first.
    bounds : Bounds
        Of the optimum of that same objective: dual potentials from below, the plan from above.
    mass : float
        Mass of the plan.
    plan : UnbalancedPlan or SparsePlan
        Its positive entries where the optimum without an entropic term was found as such.
    potentials : Potentials
        f (n,) and g (m,), in the unit of the cost: the factors of an `UnbalancedPlan`, and with a
        `SparsePlan` those that the lower bound rests on, f_i + g_j <= C_ij up to rounding.
    status : Status
    n_iterations : int
    """

    problem: UnbalancedProblem
    value: float
    terms: Mapping[str, float]
    bounds: Bounds
    mass: float
    plan: UnbalancedPlan | SparsePlan
    potentials: Potentials
    status: Status
    n_iterations: int

    @property
    def source_left(self) -> FloatArray:
        """Mass of each source atom (n,) that is not moved: it is lost."""
        return np.maximum(self.problem.a - self._sums(by_column=False), 0.0)

    @property
    def source_excess(self) -> FloatArray:
        """Mass that leaves each source atom (n,) beyond its weight: it is made there."""
        return np.maximum(self._sums(by_column=False) - self.problem.a, 0.0)

    @property
    def target_left(self) -> FloatArray:
        """Mass of each target atom (m,) that nothing is moved to: it is made there."""
        return np.maximum(self.problem.b - self._sums(by_column=True), 0.0)

    @property
    def target_excess(self) -> FloatArray:
        """Mass that arrives at each target atom (m,) beyond its weight: it is lost."""
        return np.maximum(self._sums(by_column=True) - self.problem.b, 0.0)

    def _sums(self, *, by_column: bool) -> FloatArray:
        plan = self.plan
        if isinstance(plan, SparsePlan):
            return plan.column_sums() if by_column else plan.row_sums()
        return plan.column_sums if by_column else plan.row_sums

    def barycentric_map(self) -> FloatArray:
        """Where the plan sends source atoms on average, T(x_i) = sum_j P_ij y_j / sum_j P_ij.

        Returns
        -------
        array, shape (n, d)
            Images; an atom of which nothing is moved keeps its place.

        Raises
        ------
        UnsupportedProblemError
            If the cost is a matrix.

        Examples
        --------
        >>> from otdiv import DiscreteMeasure, UnbalancedProblem, unbalanced_transport
        >>> p, q = DiscreteMeasure([0.0, 9.0]), DiscreteMeasure([1.0])
        >>> problem = UnbalancedProblem(p, target=q, cost="euclidean", reach=1.0, penalty="tv")
        >>> unbalanced_transport(problem).barycentric_map().ravel()
        array([1., 9.])
        """
        if not isinstance(self.problem.cost, PNormCost):
            raise UnsupportedProblemError(
                "a cost matrix has no points to average; use plan.toarray() @ your_points"
            )
        x, y = self.problem.source.points, self.problem.target.points
        plan, sums = self.plan, self._sums(by_column=False)
        images = np.zeros(x.shape)
        if isinstance(plan, SparsePlan):
            for k in range(x.shape[1]):
                pulls = plan.mass * y[plan.columns, k]
                images[:, k] = np.bincount(plan.rows, pulls, x.shape[0])
        else:
            step = max(1, _BLOCK // max(1, y.shape[0]))
            for start in range(0, x.shape[0], step):
                images[start : start + step] = plan.block(start, start + step) @ y
        moves = sums > _NOTHING * self.problem.a
        return np.where(moves[:, None], images / np.where(moves, sums, 1.0)[:, None], x)

    def __repr__(self) -> str:
        return (
            f"UnbalancedResult(value={self.value:.12g}, bounds=[{self.bounds.lower:.12g}, "
            f"{self.bounds.upper:.12g}], mass={self.mass:g}, status={self.status.name})"
        )
