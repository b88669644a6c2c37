"""The interfaces of this package: a kernel between two measures, and its plan as a matrix.

All potentials are in bits: u = log2(a) + f log2(e) / epsilon, v likewise, so that the plan is
P_ij = 2**(u_i + v_j - c_ij) with c = C log2(e) / epsilon.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from .._typing import FloatArray
from .buffers import Buffer
from .preconditioner import ClusterPreconditioning

__all__ = ["Kernel", "NewtonMatrix", "PlanMatrix"]


class PlanMatrix(Protocol):
    """The plan as a matrix that follows the potentials while they stay near where it was made."""

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
    """K = exp(-C / epsilon) between two measures, with the cost in bits; weights are positive."""

    a: FloatArray
    b: FloatArray
    tau: float
    """epsilon / reach of relaxed marginals, 0 for fixed ones."""

    @property
    def truncation(self) -> float:
        """Share of a row or column that sums may leave out, 0 where nothing is pruned."""
        ...

    @property
    def overcount(self) -> float:
        """Share of a row or column by which sums may be too large."""
        ...

    def row_sums(self, u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Shifts s (n,) and sums r (n,) with sum_j 2**(v_j - c_ij) = r_i 2**(-s_i)."""
        ...

    def column_sums(self, u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Shifts (m,) and sums (m,) of the columns likewise."""
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
        truncation: float,
        max_bytes: float,
        buffer: Buffer,
        single: bool = False,
    ) -> PlanMatrix:
        """Return the plan at (u, v) as a matrix that may lack the share `truncation` of a row."""
        ...

    def preconditioning(self) -> ClusterPreconditioning | None:
        """Return a preconditioner better than the diagonal, or None where there is none."""
        ...


class NewtonMatrix(NamedTuple):
    """The plan whose Schur complement S Newton's steps solve with, and where it was made.

    Its columns may be clusters of the kernel's columns; `columns` are their potentials.
    """

    matrix: PlanMatrix
    columns: FloatArray
    kernel: Kernel
    u: FloatArray
    v: FloatArray
