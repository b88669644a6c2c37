"""Linear systems of Newton's steps: conjugate gradients on the Schur complement of a plan."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .._typing import FloatArray
from ._entropic_kernels import PlanMatrix

__all__ = ["conjugate_gradients"]


def conjugate_gradients(
    plan: PlanMatrix,
    r: FloatArray,
    c: FloatArray,
    residual: FloatArray,
    *,
    tau: float,
    damping: float,
    accuracy: float,
    max_iterations: int,
    start: FloatArray | None = None,
    preconditioner: Callable[[FloatArray], FloatArray] | None = None,
) -> tuple[FloatArray, int, bool]:
    """Solve ((1 + damping) diag(r) - P diag(1/c) P^T) delta = residual up to an L1 `accuracy`.

    Both sums are taken 1 + tau times.

    Returns delta (natural units of u), the number of iterations and whether it is accurate. The
    sums must be those of the matrix itself: only then are constants its null space in floating
    point too. `preconditioner` is nearly the inverse; without one the diagonal is divided by.
    """
    # Sums that are nothing belong to rows and columns without an entry, which any number serves.
    r, c = np.where(r > 0.0, r, 1.0) * (1.0 + tau), np.where(c > 0.0, c, 1.0) * (1.0 + tau)
    diagonal = r * (1.0 + damping)

    def apply(w: FloatArray) -> FloatArray:
        return diagonal * w - plan.product(plan.transposed_product(w) / c)

    remaining = residual.copy()
    if tau == 0.0:
        remaining -= residual.sum() * r / r.sum()
    solution = np.zeros_like(residual) if start is None else start.copy()
    if solution.any():
        remaining -= apply(solution)
    scaled = remaining / diagonal if preconditioner is None else preconditioner(remaining)
    direction = scaled.copy()
    energy = float(remaining @ scaled)
    count = 0
    while count < max_iterations:
        count += 1
        image = apply(direction)
        curvature = float(direction @ image)
        if not curvature > 0.0:
            return solution, count, True
        length = energy / curvature
        solution += length * direction
        remaining -= length * image
        if float(np.abs(remaining).sum()) <= accuracy:
            return solution, count, True
        scaled = remaining / diagonal if preconditioner is None else preconditioner(remaining)
        updated = float(remaining @ scaled)
        direction *= updated / energy
        direction += scaled
        energy = updated
    return solution, count, False
