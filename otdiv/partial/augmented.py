"""A partial problem as a balanced one, with an extra row and column for what stays.

The extra column takes what stays at the sources, the extra row gives what the targets lack. With
prices both hold the mass of the other side, and what neither needs goes between them for nothing;
with a mass s they hold what must stay, for nothing, and no pair joins them. The balanced problem
has the same value, and bounds of the one are bounds of the other.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from .._typing import FloatArray, IndexArray
from ..costs import Cost, CostMatrix, SparseCost
from ..measures import DiscreteMeasure
from ..partial_problem import PartialProblem
from ..plans import Potentials, SparsePlan
from ..problems import TransportProblem

__all__ = ["Augmented"]


class Augmented(NamedTuple):
    """The balanced problem, and whether it has an extra row and an extra column."""

    balanced: TransportProblem
    has_row: bool
    has_column: bool

    @classmethod
    def of(cls, problem: PartialProblem) -> Augmented:
        """Augment a partial problem; costs of points become a matrix."""
        source, target = problem.source.mass, problem.target.mass
        rest = (target, source)
        if problem.mass is not None:
            rest = target - problem.mass, source - problem.mass
        has_row, has_column = rest[0] > 0.0, rest[1] > 0.0
        a, b = (
            np.append(weights, more) if more > 0.0 else weights
            for weights, more in zip((problem.a, problem.b), rest, strict=True)
        )
        cost = _with_staying(problem, has_row=has_row, has_column=has_column)
        measures = (
            DiscreteMeasure(points=np.arange(weights.size, dtype=np.float64), weights=weights)
            for weights in (a, b)
        )
        p, q = measures
        return cls(TransportProblem(source=p, target=q, cost=cost), has_row, has_column)

    def plan(self, problem: PartialProblem, plan: Any) -> SparsePlan:
        """The part of a plan that moves mass between atoms."""
        n, m = problem.shape
        entries = plan if isinstance(plan, SparsePlan) else plan.tocoo()
        rows, columns, mass = (
            (entries.rows, entries.columns, entries.mass)
            if isinstance(entries, SparsePlan)
            else (entries.row, entries.col, entries.data)
        )
        kept = (rows < n) & (columns < m) & (mass > 0.0)
        return SparsePlan(
            rows=rows[kept], columns=columns[kept], mass=mass[kept], shape=problem.shape
        )

    def potentials(
        self, problem: PartialProblem, potentials: Potentials
    ) -> tuple[Potentials, float]:
        """Potentials of the atoms that are at most the prices, and the price of mass."""
        n, m = problem.shape
        f, g = potentials.f, potentials.g
        if problem.mass is None:
            p, q, price = *problem.prices, math.nan
            shift = float(f[n])
            f, g = f[:n] - shift, g[:m] + shift
        else:
            top_f = -float(g[m]) if self.has_column else float(f[:n].max())
            top_g = -float(f[n]) if self.has_row else float(g[:m].max())
            price = top_f + top_g
            p = q = np.full(1, 0.5 * price)
            f, g = f[:n] + (0.5 * price - top_f), g[:m] + (0.5 * price - top_g)
        return Potentials(f=np.minimum(f, p), g=np.minimum(g, q)), price


def _with_staying(problem: PartialProblem, *, has_row: bool, has_column: bool) -> Cost:
    """Costs with those of the extra row and column."""
    cost, (n, m) = problem.cost, problem.shape
    p, q = problem.prices
    joint = 0.0 if problem.mass is None else math.inf
    if isinstance(cost, SparseCost):
        return _sparse(cost, p, q, joint, has_row=has_row, has_column=has_column)
    C = np.empty((n + has_row, m + has_column))
    C[:n, :m] = cost.values if isinstance(cost, CostMatrix) else problem.pairs.matrix()
    if has_column:
        C[:n, m] = p
    if has_row:
        C[n, :m] = q
    if has_row and has_column:
        C[n, m] = joint
    return CostMatrix(C)


def _sparse(
    cost: SparseCost, p: FloatArray, q: FloatArray, joint: float, *, has_row: bool, has_column: bool
) -> SparseCost:
    (n, m), parts = cost.shape, [(cost.rows, cost.columns, cost.values)]
    if has_column and math.isfinite(p[0]):
        parts.append((np.arange(n), np.full(n, m), p))
    if has_row and math.isfinite(q[0]):
        parts.append((np.full(m, n), np.arange(m), q))
    if has_row and has_column and joint == 0.0:
        parts.append((np.array([n]), np.array([m]), np.zeros(1)))
    rows, columns, values = (np.concatenate(part) for part in zip(*parts, strict=True))
    order: IndexArray = np.lexsort((columns, rows))
    shape = (n + has_row, m + has_column)
    return SparseCost.of_entries(rows[order], columns[order], values[order], shape)
