"""The objective of two spaces at a plan: its value, its gradient, and a proof of the value."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from .._typing import FloatArray
from ..certificates.rounding import U, blocks
from ..plans import SparsePlan
from .losses import Separated, losses_between, separated

__all__ = ["Objective", "as_plan", "defect_of", "least_above"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """(1 - alpha) <M, P> + alpha sum_ijkl L(Cx_ik, Cy_jl) P_ij P_kl.

    Attributes
    ----------
    Cx, Cy : arrays (n, n) and (m, m)
    loss : str
        One of `LOSSES`.
    M : array (n, m) or None
        Costs of pairs.
    alpha : float
        Share of the structure; 1 where there is no M.
    parts : Separated
    symmetric : bool
        Whether both matrices are.
    """

    Cx: FloatArray
    Cy: FloatArray
    loss: str
    M: FloatArray | None
    alpha: float
    parts: Separated
    symmetric: bool

    @classmethod
    def of(
        cls, Cx: FloatArray, Cy: FloatArray, loss: str, M: FloatArray | None, alpha: float
    ) -> Objective:
        """Take the loss to its parts."""
        symmetric = np.array_equal(Cx, Cx.T) and np.array_equal(Cy, Cy.T)
        parts = separated(Cx, Cy, loss)
        return cls(Cx=Cx, Cy=Cy, loss=loss, M=M, alpha=alpha, parts=parts, symmetric=symmetric)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of points (n, m)."""
        return self.Cx.shape[0], self.Cy.shape[0]

    def image(self, plan: csr_array) -> FloatArray:
        """Half the gradient (n, m) of the sum over two plans: sum_kl L P_kl, made symmetric.

        The value of that sum is <image, P>.
        """
        f1, h1, f2, h2 = self.parts
        p, q = plan.sum(axis=1), plan.sum(axis=0)
        crossed: FloatArray = h1 @ (plan @ np.ascontiguousarray(h2.T))
        rows, columns = f1 @ p, f2 @ q
        if not self.symmetric:
            crossed = 0.5 * (crossed + h1.T @ (plan @ h2))
            rows, columns = 0.5 * (rows + f1.T @ p), 0.5 * (columns + f2.T @ q)
        np.subtract(columns, crossed, out=crossed)
        crossed += rows[:, None]
        return crossed

    def product_image(self, a: FloatArray, b: FloatArray) -> FloatArray:
        """`image` at the plan that couples everything with everything, a_i b_j."""
        f1, h1, f2, h2 = self.parts
        spread = f1 @ a * b.sum(), f2 @ b * a.sum()
        image = spread[0][:, None] + spread[1] - np.outer(h1 @ a, h2 @ b)
        if not self.symmetric:
            spread = f1.T @ a * b.sum(), f2.T @ b * a.sum()
            turned = spread[0][:, None] + spread[1] - np.outer(h1.T @ a, h2.T @ b)
            image = 0.5 * (image + turned)
        return np.asarray(image)

    def gradient(self, image: FloatArray) -> FloatArray:
        """Gradient (n, m) of the objective."""
        if self.M is None:
            return 2.0 * image
        return 2.0 * self.alpha * image + (1.0 - self.alpha) * self.M

    def bounds_at(self, plan: SparsePlan) -> tuple[float, float]:
        """Enclosure of the objective at a plan, entry by entry: losses do not cancel.

        The sum over K entries has K^2 terms of relative error 3 u and the loss's own; a row of them
        is summed with an error of (K - 1) u, the rows exactly.
        """
        rows, columns, mass = plan.rows, plan.columns, plan.mass
        totals, slacks = [], []
        for start in blocks(mass.size, mass.size):
            part = slice(start, start + blocks(mass.size, mass.size).step)
            u = self.Cx[rows[part, None], rows]
            v = self.Cy[columns[part, None], columns]
            losses, off = losses_between(u, v, self.loss)
            totals += list(mass[part] * (losses @ mass))
            slacks += list(mass[part] * (off @ mass))
        value = math.fsum(totals)
        slack = 1.01 * math.fsum(slacks) + (mass.size + 4) * U * value
        value, slack = self.alpha * value, self.alpha * slack * (1.0 + 4.0 * U) + U * value
        if self.M is not None:
            terms = (1.0 - self.alpha) * self.M[rows, columns] * mass
            value += math.fsum(terms)
            slack += 4.0 * U * math.fsum(np.abs(terms)) + U * abs(value)
        return value - slack, value + slack

    def largest(self) -> float:
        """Upper bound of the sizes of losses and costs of pairs."""
        most = 1.01 * self.parts.scale()
        if self.M is None:
            return most
        return self.alpha * most + (1.0 - self.alpha) * float(np.abs(self.M).max())

    def turning(self, image: FloatArray, other: FloatArray, plan: csr_array) -> float:
        """<other - image, P> over the entries of a plan."""
        rows, columns = entries(plan)
        return float((other[rows, columns] - image[rows, columns]) @ plan.data)

    def at(self, matrix: FloatArray, plan: csr_array) -> float:
        """<matrix, P> over the entries of a plan."""
        return float(matrix[entries(plan)] @ plan.data)


def entries(plan: csr_array) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the entries, in the order of `plan.data`."""
    return np.repeat(np.arange(plan.shape[0]), np.diff(plan.indptr)), plan.indices


def as_plan(plan: csr_array) -> SparsePlan:
    """The entries that hold mass."""
    rows, columns = entries(plan)
    held = plan.data > 0.0
    n, m = plan.shape
    return SparsePlan(
        rows[held].astype(np.int64),
        columns=columns[held].astype(np.int64),
        mass=plan.data[held],
        shape=(int(n), int(m)),
    )


def least_above(objective: Objective, plan: SparsePlan, defect: float) -> float:
    """Upper bound of the optimum by a plan whose marginals are off by `defect` in all.

    A plan P' that meets them is at a distance d <= 2 defect in the sum of absolute entries, and
    changes the sum over two plans by at most (|P| + |P'|) d largest, the linear part by d largest.
    """
    _, above = objective.bounds_at(plan)
    if defect == 0.0:
        return above
    moved = 2.0 * defect
    return above + (2.0 * (1.0 + moved) + 1.0) * moved * objective.largest()


def defect_of(
    plan: SparsePlan,
    a: FloatArray,
    b: FloatArray,
    *,
    mass: float | None = None,
    free: bool = False,
) -> float:
    """How far the marginals of a plan are from what they must be, in all; rounding of sums counts.

    Both must be the weights; or at most the weights, with a mass in all; or only the first one must
    be, where the second is free.
    """
    sums = plan.row_sums(), plan.column_sums()
    counts = np.bincount(plan.rows, minlength=a.size), np.bincount(plan.columns, minlength=b.size)
    rounding = [
        float(np.maximum(count - 1, 0) @ total) * U
        for count, total in zip(counts, sums, strict=True)
    ]
    off = sums[0] - a, sums[1] - b
    if free:
        return float(np.abs(off[0]).sum()) + rounding[0]
    if mass is None:
        return float(np.abs(off[0]).sum() + np.abs(off[1]).sum()) + sum(rounding)
    above = sum(float(np.maximum(side, 0.0).sum()) for side in off)
    return above + abs(math.fsum(plan.mass) - mass) + sum(rounding)
