"""Newton's method for entropic potentials at one epsilon.

With the column potentials exact (column sums c = b), the dual value as a function of u is concave,
its gradient is a - r and its negative Hessian the Schur complement

    S = diag(r) - P diag(1 / c) P^T,

a weighted graph Laplacian: S 1 = 0. Each step solves S delta = a - r by conjugate gradients, only
as accurately as the next step can use, and is kept where the dual value does not fall. The plan in
S may be replaced by one whose columns are clusters of the target (`coarse`): then the steps
converge linearly, by about one digit each, for a small part of the work.

References
----------
Brauer, Clason, Lorenz & Wirth (2017), A Sinkhorn-Newton method for entropic optimal transport,
arXiv:1710.06635.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .._kernels.exponential import LOG2_E
from .._typing import FloatArray
from ._entropic_kernels import Kernel, PlanMatrix

__all__ = ["Monitor", "Stage", "conjugate_gradients", "solve_stage"]

# Above this L1 error the quadratic model says little and a Sinkhorn update is taken instead.
_NEWTON_REGION = 0.7
# Step lengths that are tried before falling back to a Sinkhorn update.
_STEP_LENGTHS = (1.0, 0.4, 0.16, 0.064, 0.0256)
# Iterations without a better error (by a tenth) after which the iteration is called stalled.
_PATIENCE = 40
# Rows may lose this share in the matrix of the linear system, which need not be exact.
_MATRIX_DROP = 1e-4
# Accuracy of the linear solve where the matrix is an approximation anyway.
_COARSE_RTOL = 1e-2

Monitor = Callable[[int, float], bool]
"""Called with the iteration and the marginal error; True stops."""


@dataclass(slots=True)
class Stage:
    """State of the iteration at one epsilon; potentials in bits."""

    u: FloatArray
    v: FloatArray
    error: float = np.inf
    """L1 error of the row marginal, relative to the mass; the column marginal is exact."""
    row_sums: FloatArray | None = None
    n_iterations: int = 0
    n_products: int = 0
    converged: bool = False
    stopped: bool = False
    stalled: bool = False
    matrix: PlanMatrix | None = None


def conjugate_gradients(
    plan: PlanMatrix, residual: FloatArray, *, rtol: float, max_iterations: int
) -> tuple[FloatArray, int]:
    """Solve (diag(r) - P diag(1/c) P^T) delta = residual with the plan's own sums r and c.

    Returns delta (natural units of u) and the number of iterations. The sums must be those of the
    matrix itself: only then are constants its null space in floating point too.
    """
    r, c = plan.row_sums(), plan.column_sums()
    if not (r.min() > 0.0 and c.min() > 0.0):
        return np.zeros_like(residual), 0
    solution = np.zeros_like(residual)
    remaining = residual - residual.sum() * r / r.sum()
    scaled = remaining / r
    direction = scaled.copy()
    energy = float(remaining @ scaled)
    target = rtol * rtol * energy
    iteration = 0
    for iteration in range(1, max_iterations + 1):
        image = r * direction - plan.product(plan.transposed_product(direction) / c)
        curvature = float(direction @ image)
        if not curvature > 0.0:
            break
        length = energy / curvature
        solution += length * direction
        remaining -= length * image
        scaled = remaining / r
        updated = float(remaining @ scaled)
        if updated <= target:
            break
        direction *= updated / energy
        direction += scaled
        energy = updated
    return solution, iteration


class _Iteration:
    """The marginals of one kernel, from its stored plan while that is near enough."""

    def __init__(self, kernel: Kernel, stage: Stage):
        self.kernel, self.stage = kernel, stage
        self.log_a, self.log_b = np.log2(kernel.a), np.log2(kernel.b)

    def column_update(self, u: FloatArray, v: FloatArray) -> FloatArray:
        """Return the v that makes the column sums exact."""
        matrix = self.stage.matrix
        if matrix is not None and matrix.exact and matrix.move(u, v):
            return np.asarray(self.log_b - np.log2(matrix.column_sums()) + v)
        shift, sums = self.kernel.column_sums(u, v)
        with np.errstate(divide="ignore"):
            return np.asarray(self.log_b - np.log2(sums) + shift)

    def row_sums(self, u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Shifts and row sums (see `Kernel.row_sums`)."""
        matrix = self.stage.matrix
        if matrix is not None and matrix.exact and matrix.move(u, v):
            return u, matrix.row_sums()
        return self.kernel.row_sums(u, v)

    def row_update(self, shift: FloatArray, sums: FloatArray) -> FloatArray:
        """Return the u that makes the row sums exact."""
        with np.errstate(divide="ignore"):
            return np.asarray(self.log_a - np.log2(sums) + shift)

    def dual(self, u: FloatArray, v: FloatArray) -> float:
        """Dual value in bits where the column sums are exact (the plan's mass is then that of b)."""
        return float(self.kernel.a @ u + self.kernel.b @ v)


def solve_stage(
    kernel: Kernel,
    u: FloatArray,
    v: FloatArray,
    *,
    tolerance: float,
    max_iterations: int,
    max_bytes: float,
    drop: float,
    coarse: PlanMatrix | None = None,
    monitor: Monitor | None = None,
) -> Stage:
    """Improve potentials (bits) until the L1 marginal error is at most `tolerance`.

    `drop` is the share of a row that a stored plan may leave out and still serve as the marginal.
    """
    stage = Stage(u, v)
    step = _Iteration(kernel, stage)
    best, since = np.inf, 0
    stage.v = step.column_update(u, v)
    while True:
        shift, sums = step.row_sums(stage.u, stage.v)
        known = shift is stage.u
        r = sums if known else sums * np.exp2(np.minimum(stage.u - shift, 1000.0))
        stage.error = float(np.abs(kernel.a - r).sum())
        stage.row_sums = r
        stage.converged = stage.error <= tolerance
        best, since = (stage.error, 0) if stage.error < 0.9 * best else (best, since + 1)
        stage.stalled = not np.isfinite(stage.error) or since >= _PATIENCE
        if monitor is not None:
            stage.stopped = monitor(stage.n_iterations, stage.error)
        if (
            stage.converged
            or stage.stalled
            or stage.stopped
            or stage.n_iterations >= max_iterations
        ):
            return stage
        stage.n_iterations += 1
        if stage.error < _NEWTON_REGION and _newton_step(
            step, r, tolerance, coarse, drop, max_bytes
        ):
            continue
        stage.u = step.row_update(shift, sums)
        stage.v = step.column_update(stage.u, stage.v)


def _direction(
    step: _Iteration,
    r: FloatArray,
    tolerance: float,
    coarse: PlanMatrix | None,
    drop: float,
    max_bytes: float,
) -> FloatArray:
    stage, kernel = step.stage, step.kernel
    residual = kernel.a - r
    if coarse is not None:
        delta, count = conjugate_gradients(coarse, residual, rtol=_COARSE_RTOL, max_iterations=200)
    else:
        matrix = stage.matrix
        if matrix is None or not matrix.move(stage.u, stage.v):
            matrix = stage.matrix = kernel.matrix(stage.u, stage.v, drop=drop, max_bytes=max_bytes)
        rtol = min(max(0.3 * np.sqrt(stage.error), 1e-3), 0.25)
        rtol = max(rtol, 0.3 * tolerance / stage.error)
        delta, count = conjugate_gradients(matrix, residual, rtol=rtol, max_iterations=2000)
    stage.n_products += count
    return delta * LOG2_E


def _newton_step(
    step: _Iteration,
    r: FloatArray,
    tolerance: float,
    coarse: PlanMatrix | None,
    drop: float,
    max_bytes: float,
) -> bool:
    stage, kernel = step.stage, step.kernel
    delta = _direction(step, r, tolerance, coarse, drop, max_bytes)
    before = step.dual(stage.u, stage.v)
    # Rounding of the two inner products: steps that are equal to it are accepted.
    slack = 1e-14 * (float(kernel.a @ np.abs(stage.u)) + float(kernel.b @ np.abs(stage.v)))
    for length in _STEP_LENGTHS:
        u = stage.u + length * delta
        v = step.column_update(u, stage.v)
        if step.dual(u, v) >= before - slack:
            stage.u, stage.v = u, v
            return True
    return False
