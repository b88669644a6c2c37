"""What the entropic iteration asks of a cost, and the answer for an explicit matrix.

All potentials are in bits: u = log2(a) + f log2(e) / epsilon, v likewise, so that the plan is
P_ij = 2**(u_i + v_j - c_ij) with c = C log2(e) / epsilon. `_kernels.point_plan.PointKernel` is the
same for points.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from .._kernels.exponential import LOG2_E, exponentiate
from .._typing import FloatArray
from .buffers import Buffer
from .preconditioner import ClusterPreconditioning
from .stored_plans import DensePlanMatrix

__all__ = ["DenseKernel", "Kernel", "NewtonMatrix", "PlanMatrix"]


class PlanMatrix(Protocol):
    """The plan as a matrix, following the potentials while they stay near."""

    exact: bool
    """Whether its sums are accurate enough to serve as marginals."""
    rounding: float
    """Relative rounding of its entries beyond that of double precision."""

    def move(self, u: FloatArray, v: FloatArray, allowed: float) -> bool:
        """Take the plan to (u, v); False where more than `allowed` of a row might be missing."""
        ...

    def row_sums(self) -> FloatArray:
        """Row sums (n,)."""
        ...

    def column_sums(self) -> FloatArray:
        """Column sums (m,)."""
        ...

    def product(self, w: FloatArray) -> FloatArray:
        """P w (n,)."""
        ...

    def transposed_product(self, z: FloatArray) -> FloatArray:
        """P^T z (m,)."""
        ...


class Kernel(Protocol):
    """A cost in bits between atoms of positive weight."""

    a: FloatArray
    b: FloatArray
    tau: float
    """epsilon / reach of relaxed marginals, 0 for fixed ones."""

    @property
    def drop(self) -> float:
        """Share of a row or column that sums may leave out, 0 where nothing is pruned."""
        ...

    @property
    def excess(self) -> float:
        """Share of a row or column by which sums may be too large."""
        ...

    def row_sums(self, u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Shifts s (n,) and sums r (n,) with sum_j 2**(v_j - c_ij) = r_i 2**(-s_i)."""
        ...

    def column_sums(self, u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Shifts (m,) and sums (m,) of the columns likewise."""
        ...

    def sums_beside(
        self, plan: PlanMatrix, u: FloatArray, v: FloatArray, allowed: float, *, by_column: bool
    ) -> FloatArray | None:
        """Sums at (u, v) from a plan that few atoms have moved far from; None if that cannot be.

        At most the share `allowed` of a sum may be missing.
        """
        ...

    def row_costs(self, u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Sums of the plan (n,) and of the plan times the costs in bits (n,)."""
        ...

    def sums_and_cost(
        self, u: FloatArray, v: FloatArray, columns: FloatArray
    ) -> tuple[FloatArray, float]:
        """Row sums (n,), and the cost of the plan in bits where its column sums are `columns`."""
        ...

    def matrix(
        self,
        u: FloatArray,
        v: FloatArray,
        *,
        drop: float,
        max_bytes: float,
        buffer: Buffer,
        single: bool = False,
    ) -> PlanMatrix:
        """Return the plan at (u, v) as a matrix that may leave out the share `drop` of a row."""
        ...

    def stored(
        self,
        u: FloatArray,
        v: FloatArray,
        *,
        drop: float,
        max_bytes: float,
        buffer: Buffer,
        single: bool = False,
    ) -> PlanMatrix | None:
        """Return the same only where it is exact, which takes that it fits into `max_bytes`."""
        ...

    def preconditioning(self) -> ClusterPreconditioning | None:
        """What helps conjugate gradients where the diagonal does not, or None."""
        ...


class NewtonMatrix(NamedTuple):
    """A plan whose Schur complement Newton's steps solve with, and where it was made.

    Its columns may be clusters of those of the kernel; `columns` are their potentials.
    """

    matrix: PlanMatrix
    columns: FloatArray
    kernel: Kernel
    u: FloatArray
    v: FloatArray


class DenseKernel:
    """An explicit matrix of costs (n, m) in the caller's unit; `inf` forbids a pair."""

    drop = 0.0
    excess = 0.0

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

    def sums_beside(
        self, plan: PlanMatrix, u: FloatArray, v: FloatArray, allowed: float, *, by_column: bool
    ) -> FloatArray | None:
        """See `Kernel.sums_beside`: a whole plan moves with all of them."""
        return None

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
        drop: float,
        max_bytes: float,
        buffer: Buffer,
        single: bool = False,
    ) -> PlanMatrix:
        """See `Kernel.matrix`: as large as the costs themselves, so always stored."""
        plan = self._exponents(u, v, buffer.take(self.costs.size).reshape(self.costs.shape))
        exponentiate(plan.reshape(-1))
        return DensePlanMatrix(plan, u, v)

    # It always fits.
    stored = matrix

    def preconditioning(self) -> ClusterPreconditioning | None:
        """See `Kernel.preconditioning`: nothing is known of which rows are near."""


def _finite_shift(maxima: FloatArray) -> FloatArray:
    """Minus the maxima; any number does for a row without an allowed pair, whose sum is 0."""
    return np.where(np.isfinite(maxima), -maxima, 0.0)
