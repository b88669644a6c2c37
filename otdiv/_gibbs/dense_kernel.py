"""The entropic plan of an explicit cost matrix as an operator; see `protocols` for its units."""

from __future__ import annotations

import numpy as np

from .._kernels.exponential import LOG2_E, exponentiate
from .._typing import FloatArray
from .buffers import Buffer
from .preconditioner import ClusterPreconditioning
from .protocols import PlanMatrix
from .stored_plans import DensePlanMatrix

__all__ = ["DenseKernel"]


class DenseKernel:
    """An explicit matrix of costs (n, m) in the caller's unit; `inf` forbids a pair."""

    truncation = 0.0
    overcount = 0.0

    def __init__(
        self, C: FloatArray, a: FloatArray, b: FloatArray, epsilon: float, tau: float = 0.0
    ):
        self.a, self.b, self.tau = a, b, tau
        self.costs, self._bits = C, LOG2_E / epsilon

    def _exponents(self, u: FloatArray, v: FloatArray, out: FloatArray | None = None) -> FloatArray:
        exponents = np.multiply(self.costs, -self._bits, out=out)
        exponents += u[:, None]
        exponents += v
        return exponents

    def plan(self, u: FloatArray, v: FloatArray) -> FloatArray:
        """Return the plan at (u, v) as an array (n, m)."""
        plan = self._exponents(u, v)
        exponentiate(plan.reshape(-1))
        return plan

    def row_sums(self, u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        """See `Kernel.row_sums`."""
        exponents = self._exponents(np.zeros_like(u), v)
        shift = _finite_shift(exponents.max(axis=1))
        exponents += shift[:, None]
        exponentiate(exponents.reshape(-1))
        return shift, exponents.sum(axis=1)

    def column_sums(self, u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        """See `Kernel.column_sums`."""
        exponents = self._exponents(u, np.zeros_like(v))
        shift = _finite_shift(exponents.max(axis=0))
        exponents += shift
        exponentiate(exponents.reshape(-1))
        return shift, exponents.sum(axis=0)

    def softmin(self, C: FloatArray, v: FloatArray) -> FloatArray:
        """-log2 sum_j 2**(v_j - c_ij) for other rows of costs (k, m) in the caller's unit."""
        exponents = v - C * self._bits
        shift = _finite_shift(exponents.max(axis=1))
        exponents += shift[:, None]
        with np.errstate(divide="ignore"):
            values = shift - np.log2(np.exp2(exponents).sum(axis=1))
        # A row without an allowed pair is bound by nothing.
        return np.where(np.isfinite(values), values, 0.0)

    def row_costs(self, u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        """See `Kernel.row_costs`."""
        plan = self.plan(u, v)
        sums = plan.sum(axis=1)
        plan *= np.where(np.isfinite(self.costs), self.costs, 0.0)
        return sums, plan.sum(axis=1) * self._bits

    def sums_and_cost(
        self, u: FloatArray, v: FloatArray, columns: FloatArray
    ) -> tuple[FloatArray, float]:
        """See `Kernel.sums_and_cost`."""
        sums, costs = self.row_costs(u, v)
        return sums, float(costs.sum())

    def matrix(
        self,
        u: FloatArray,
        v: FloatArray,
        *,
        truncation: float,
        max_bytes: float,
        buffer: Buffer,
        single: bool = False,
    ) -> PlanMatrix:
        """See `Kernel.matrix`: as large as the costs themselves, so always stored."""
        plan = self._exponents(u, v, buffer.take(self.costs.size).reshape(self.costs.shape))
        exponentiate(plan.reshape(-1))
        return DensePlanMatrix(plan, u, v)

    # It always fits.

    def preconditioning(self) -> ClusterPreconditioning | None:
        """See `Kernel.preconditioning`: nothing is known of which rows are near."""


def _finite_shift(maxima: FloatArray) -> FloatArray:
    """Minus the maxima; any number does for a row without an allowed pair, whose sum is 0."""
    return np.where(np.isfinite(maxima), -maxima, 0.0)
