"""Smooth problems of points that fit into the cache: one stored kernel, scalings, Newton.

Where epsilon is not small against the costs, 2**-c is far from underflow, so that the kernel is
computed once and the plan is diag(alpha) K diag(beta) throughout: no levels, no annealing, no
pruning. The steps are those of `_entropic_newton`.
"""

from __future__ import annotations

import numpy as np

from .._kernels.exponential import LOG2_E
from .._kernels.plan_matrices import DensePlanMatrix
from .._kernels.point_plan import PointKernel
from .._typing import FloatArray
from ._conjugate_gradients import conjugate_gradients
from ._entropic_geometry import FINE, Geometry, PointGeometry
from ._entropic_newton import Stage
from ._entropic_path import PathOptions

__all__ = ["solve_full"]

# A kernel of this many numbers stays in the last-level cache (12 MB).
_MOST_PAIRS = 1.5e6
# Costs of more bits than this need annealing, and scalings would leave the range of float64.
_MOST_BITS = 1300.0
# Above this L1 error a Sinkhorn update is taken instead of a Newton step, and above the second one
# after it too.
_NEWTON_REGION, _SMOOTH_ERROR = 0.3, 1e-2
_MOST_ITERATIONS = 30
# Updates that may be taken before the first Newton step.
_FIRST_ITERATIONS = 10
# Products of a linear solve: problems that need more are better annealed.
_MOST_PRODUCTS = 30
_ROUNDING = 1e-14


def solve_full(
    geometry: Geometry, epsilon: float, options: PathOptions
) -> tuple[PointKernel, Stage] | None:
    """Kernel and final stage at `epsilon`, or None where this is not the way or did not succeed."""
    if not isinstance(geometry, PointGeometry) or not np.isinf(options.reach):
        return None
    if geometry.x.n * geometry.y.n > _MOST_PAIRS:
        return None
    if geometry.scale * LOG2_E / epsilon > _MOST_BITS:
        return None
    kernel = geometry.kernel(epsilon, FINE, options.accuracy(epsilon))
    # What leaves the range of floats on the way is found out by the checks of every step.
    with np.errstate(all="ignore"):
        stage = _solved(geometry, kernel, epsilon, options)
    return None if stage is None else (kernel, stage)


def _solved(
    geometry: PointGeometry, kernel: PointKernel, epsilon: float, options: PathOptions
) -> Stage | None:
    a, b = kernel.a, kernel.b
    log_a, log_b = np.log2(a), np.log2(b)
    u, v = geometry.start(epsilon, FINE)
    plan = kernel.full(u, v, options.buffer)
    stage = Stage(u, v, matrix=plan)
    if not _update_columns(stage, plan, u, log_b):
        return None
    while True:
        r = plan.row_sums()
        stage.row_sums = r
        stage.error = float(np.abs(a - r).sum())
        stage.converged = stage.error <= options.tolerance
        if options.monitor is not None:
            stage.stopped = options.monitor(epsilon, stage.n_iterations, stage.error)
        if stage.converged or stage.stopped:
            return stage
        limit = min(_MOST_ITERATIONS, options.max_iterations)
        far = stage.n_iterations >= _FIRST_ITERATIONS and stage.error >= _NEWTON_REGION
        hopeless = far or stage.stalled or not np.isfinite(stage.error)
        if hopeless or stage.n_iterations >= limit:
            return None
        stage.n_iterations += 1
        if stage.error < _NEWTON_REGION and _newton_step(stage, plan, a, b, log_b, options):
            if stage.error < _SMOOTH_ERROR:
                continue
            r = plan.row_sums()
        if not _update_columns(stage, plan, stage.u + (log_a - np.log2(r)), log_b):
            return None


def _update_columns(stage: Stage, plan: DensePlanMatrix, u: FloatArray, log_b: FloatArray) -> bool:
    """Set u, and the v that makes the column sums exact; False where they leave their range."""
    if not plan.move(u, stage.v, 0.0):
        return False
    stage.u = u
    stage.v = stage.v + (log_b - np.log2(plan.column_sums()))
    return bool(np.all(np.isfinite(stage.v))) and plan.move(stage.u, stage.v, 0.0)


def _newton_step(
    stage: Stage,
    plan: DensePlanMatrix,
    a: FloatArray,
    b: FloatArray,
    log_b: FloatArray,
    options: PathOptions,
) -> bool:
    r = stage.row_sums
    assert r is not None
    residual = a - r
    rtol = max(min(max(0.3 * stage.error**0.5, 1e-3), 0.25), 0.3 * options.tolerance / stage.error)
    # Its sums must be its own for constants to be in the null space. They are, but for rounding by
    # 1e-7, far below the accuracy that is asked for.
    delta, count, done = conjugate_gradients(
        plan.single(),
        r,
        b,
        residual,
        tau=0.0,
        damping=0.0,
        accuracy=rtol * stage.error,
        max_iterations=_MOST_PRODUCTS,
    )
    stage.n_products += count
    stage.stalled = not done
    # See `_entropic_newton._direction`: the part of a row by itself is known exactly.
    delta += np.log1p(residual / r) - residual / r
    u, v = stage.u, stage.v
    before = float(a @ u + b @ v)
    moved = _update_columns(stage, plan, u + delta * LOG2_E, log_b)
    size = float(a @ np.abs(u) + b @ np.abs(v))
    if moved and float(a @ stage.u + b @ stage.v) >= before - _ROUNDING * size:
        return True
    stage.u, stage.v = u, v
    plan.move(u, v, 0.0)
    return False
