"""Newton's method for entropic potentials at one epsilon.

With the column potentials exact (column sums c = b), the dual value as a function of u is concave,
its gradient is a - r and its negative Hessian the Schur complement

    S = diag(r) - P diag(1 / c) P^T,

a weighted graph Laplacian: S 1 = 0. Each step solves S delta = a - r by conjugate gradients, only
as accurately as the next step can use, and is kept where the dual value does not fall. The plan in
S may be replaced by one whose columns are clusters of the target (`coarse`): then the steps
converge linearly, by about one digit each, for a small part of the work.

Relaxed marginals (a penalty reach * KL on each) change little: with tau = epsilon / reach rows
aim at a 2**(-tau phi), phi = u - log2 a, instead of a; updates are damped by 1 / (1 + tau), and both
diagonals of S grow by that factor, which makes it definite. Balanced transport is tau = 0.

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
# No entry of u moves by more bits than this in one step.
_LARGEST_STEP = 64.0
# Iterations without a better error (by a tenth) after which the iteration is called stalled.
_PATIENCE = 40
# Rounding of the dual value relative to the sum of its terms; steps within it are accepted.
_ROUNDING = 1e-14
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
    plan: PlanMatrix,
    residual: FloatArray,
    *,
    tau: float,
    rtol: float,
    max_iterations: int,
) -> tuple[FloatArray, int]:
    """Solve (diag(r) - P diag(1/c) P^T) delta = residual with the plan's own sums r and c.

    Both sums are taken 1 + tau times.

    Returns delta (natural units of u) and the number of iterations. The sums must be those of the
    matrix itself: only then are constants its null space in floating point too.
    """
    r, c = plan.row_sums(), plan.column_sums()
    if not (r.min() > 0.0 and c.min() > 0.0):
        return np.zeros_like(residual), 0
    solution = np.zeros_like(residual)
    r, c = r * (1.0 + tau), c * (1.0 + tau)
    remaining = residual.copy()
    if tau == 0.0:
        remaining -= residual.sum() * r / r.sum()
    scaled = remaining / r
    direction = scaled.copy()
    energy = float(remaining @ scaled)
    target = rtol * rtol * energy
    count = 0
    while count < max_iterations:
        count += 1
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
    return solution, count


class _Iteration:
    """The marginals of one kernel, from its stored plan while that is near enough."""

    def __init__(self, kernel: Kernel, stage: Stage):
        self.kernel, self.stage, self.tau = kernel, stage, kernel.tau
        self.log_a, self.log_b = np.log2(kernel.a), np.log2(kernel.b)

    def row_target(self, u: FloatArray) -> FloatArray:
        """What the row sums aim at: a, or what its penalty leaves of it."""
        if self.tau == 0.0:
            return self.kernel.a
        return np.asarray(np.exp2(self.log_a - self.tau * (u - self.log_a)))

    def column_update(self, u: FloatArray, v: FloatArray) -> FloatArray:
        """Return the v that makes the column sums exact."""
        matrix = self.stage.matrix
        if matrix is not None and matrix.exact and matrix.move(u, v):
            shift, sums = v, matrix.column_sums()
        else:
            shift, sums = self.kernel.column_sums(u, v)
        with np.errstate(divide="ignore"):
            return np.asarray(self.log_b - (np.log2(sums) - shift) / (1.0 + self.tau))

    def row_sums(self, u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Shifts and row sums (see `Kernel.row_sums`)."""
        matrix = self.stage.matrix
        if matrix is not None and matrix.exact and matrix.move(u, v):
            return u, matrix.row_sums()
        return self.kernel.row_sums(u, v)

    def row_update(self, shift: FloatArray, sums: FloatArray) -> FloatArray:
        """Return the u that makes the row sums exact."""
        with np.errstate(divide="ignore"):
            return np.asarray(self.log_a - (np.log2(sums) - shift) / (1.0 + self.tau))

    def dual(self, u: FloatArray, v: FloatArray) -> tuple[float, float]:
        """Dual value (bits) where the column sums are exact, and the rounding of it.

        Exact column sums make the mass of the plan that of b, or what its penalty leaves of it.
        """
        a, b, tau = self.kernel.a, self.kernel.b, self.tau
        if tau == 0.0:
            value = float(a @ u + b @ v)
            size = float(a @ np.abs(u) + b @ np.abs(v))
            return value, _ROUNDING * size
        with np.errstate(over="ignore"):
            rows = np.expm1((self.log_a - u) * (tau / LOG2_E))
            columns = np.expm1((self.log_b - v) * (tau / LOG2_E))
        factor = LOG2_E / tau
        value = -factor * float(a @ rows + (1.0 + tau) * (b @ columns))
        size = factor * float(a @ np.abs(rows) + b @ np.abs(columns))
        return value, _ROUNDING * size


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
        target = step.row_target(stage.u)
        stage.error = float(np.abs(target - r).sum()) / float(target.sum())
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
            step, target - r, tolerance, coarse, drop, max_bytes
        ):
            continue
        stage.u = step.row_update(shift, sums)
        stage.v = step.column_update(stage.u, stage.v)


def _direction(
    step: _Iteration,
    residual: FloatArray,
    tolerance: float,
    coarse: PlanMatrix | None,
    drop: float,
    max_bytes: float,
) -> FloatArray:
    stage, kernel, tau = step.stage, step.kernel, step.tau
    if coarse is not None:
        delta, count = conjugate_gradients(
            coarse, residual, tau=tau, rtol=_COARSE_RTOL, max_iterations=200
        )
    else:
        matrix = stage.matrix
        if matrix is None or not matrix.move(stage.u, stage.v):
            matrix = stage.matrix = kernel.matrix(stage.u, stage.v, drop=drop, max_bytes=max_bytes)
        rtol = min(max(0.3 * np.sqrt(stage.error), 1e-3), 0.25)
        rtol = max(rtol, 0.3 * tolerance / stage.error)
        delta, count = conjugate_gradients(
            matrix, residual, tau=tau, rtol=rtol, max_iterations=2000
        )
    stage.n_products += count
    delta *= LOG2_E
    # Where S is nearly singular the model asks for more than any potential can need.
    largest = float(np.abs(delta).max())
    return delta * min(1.0, _LARGEST_STEP / largest) if largest > 0.0 else delta


def _newton_step(
    step: _Iteration,
    residual: FloatArray,
    tolerance: float,
    coarse: PlanMatrix | None,
    drop: float,
    max_bytes: float,
) -> bool:
    stage = step.stage
    delta = _direction(step, residual, tolerance, coarse, drop, max_bytes)
    before, rounding = step.dual(stage.u, stage.v)
    for length in _STEP_LENGTHS:
        u = stage.u + length * delta
        v = step.column_update(u, stage.v)
        after, _ = step.dual(u, v)
        if after >= before - rounding:
            stage.u, stage.v = u, v
            return True
    return False
