"""Linear systems of Newton's steps: conjugate gradients on the Schur complement of a plan."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..._gibbs.preconditioner import ClusterPreconditioning
from ..._gibbs.protocols import NewtonMatrix, PlanMatrix
from ..._typing import FloatArray

__all__ = ["SchurSolver", "conjugate_gradients", "step_accuracy"]

# Products of one linear solve at most where there is no preconditioner; by taste,
_MOST_PRODUCTS = 2000
# and with a new one; by taste.
_MOST_PRECONDITIONED = 500
# Products of the first solve before the cost of a preconditioner is asked for; by taste.
_FEWEST_PRODUCTS = 8
# Products with an old preconditioner before a new one is made, or as many as that costs if those
# are more; by taste.
_WORSE_PRODUCTS = 40


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

    r and c are multiplied by 1 + tau first.

    Returns delta (in nats, not bits), the number of iterations and whether it is accurate. The
    sums must be those of the matrix itself: only then are constants its null space in floating
    point too. `preconditioner` is an approximate inverse; without one it is that of the diagonal.
    """
    # A sum of 0 belongs to a row or column without an entry, for which any divisor does.
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
        with np.errstate(over="ignore", invalid="ignore"):
            curvature = float(direction @ image)
        # Not positive is rounding, and infinite what rounding made of a vector before.
        if not 0.0 < curvature < np.inf:
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


def step_accuracy(error: float, tolerance: float) -> float:
    """Share of the residual that the solve of a step may leave: as much as the step itself leaves.

    A step takes an error e to about e squared, and none needs to go far below the tolerance.
    """
    return float(max(min(max(0.3 * error**0.5, 1e-3), 0.25), 0.3 * tolerance / error))


class SchurSolver:
    """Solves one system after another, with a preconditioner where the diagonal is not enough.

    A preconditioner is made once the products without it have taken as long as making it, and made
    again once those with the old one have.
    """

    def __init__(self) -> None:
        self._preconditioning: ClusterPreconditioning | None = None
        self._preconditioner: Callable[[FloatArray], FloatArray] | None = None
        self._limit = _FEWEST_PRODUCTS

    def solve(
        self,
        system: NewtonMatrix,
        r: FloatArray,
        c: FloatArray,
        residual: FloatArray,
        *,
        tau: float,
        damping: float,
        accuracy: float,
    ) -> tuple[FloatArray, int]:
        """Solution as by `conjugate_gradients`, and the number of products."""
        delta, n_products, limit = np.zeros_like(residual), 0, self._limit
        while True:
            delta, count, done = conjugate_gradients(
                system.matrix,
                r,
                c,
                residual,
                tau=tau,
                damping=damping,
                accuracy=accuracy,
                max_iterations=limit,
                start=delta,
                preconditioner=self._preconditioner,
            )
            n_products += count
            if done or limit >= _MOST_PRECONDITIONED:
                return delta, n_products
            if self._limit == _FEWEST_PRODUCTS:
                made = self._preconditioning = system.kernel.preconditioning()
                cost = _MOST_PRODUCTS if made is None else made.cost
                limit = self._limit = max(round(cost), _FEWEST_PRODUCTS + 1)
            else:
                assert self._preconditioning is not None
                ground = r * ((1.0 + tau) * (1.0 + damping) - 1.0)
                self._preconditioner = self._preconditioning.at(system.u, system.v, r, ground)
                self._limit, limit = max(self._limit, _WORSE_PRODUCTS), _MOST_PRECONDITIONED
