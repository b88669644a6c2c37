"""The smooth road: problems of points whose whole kernel is stored once, without levels.

Where epsilon is not small against the costs the plan is diag(alpha) K diag(beta) with one kernel K
throughout: no levels, no annealing, no pruning. K is stored in single precision, which is enough
for steps towards the solution; the marginals that they arrive at are summed in double precision.
The steps are those of `newton`.
"""

from __future__ import annotations

import math

import numpy as np

from ..._gibbs.point_kernel import PointKernel
from ..._gibbs.soft_c_transform import soft_c_transform
from ..._gibbs.whole_plan import WholePlan
from ..._kernels.exponential import LOG2_E, SQUARED
from ..._typing import FloatArray
from ..geometry.base import FINE, Geometry
from ..geometry.points import PointGeometry
from .annealing import AnnealingOptions
from .marginals import Stage
from .schur import conjugate_gradients, step_accuracy

__all__ = ["solve_smooth"]

# Numbers without another source in this list are chosen by taste.

# Pairs of points up to which the kernel, 6 MB in single precision, stays in the last-level cache.
_CACHED_PAIRS = 1.5e6
# Bits of the largest cost up to which such a problem needs no annealing.
_MOST_BITS = 3000.0
# The same for larger kernels, with which products are slower: the smoother the problem, the fewer.
_SMOOTH_BITS = 400.0
# Pairs, by dimension, from which clusters and pruning are faster; in more than four dimensions
# they gain nothing.
_SMOOTH_PAIRS = {1: 2e7, 2: 2e7, 3: 2e7, 4: 2e7}
# The same where expansions may be used (squared distances).
_EXPANDED_PAIRS = {1: 1.5e6, 2: 8e6}
# Weight of an atom below which its entries may be too small for single precision.
_LEAST_WEIGHT = 1e-25
# L1 error above which a Sinkhorn update is taken instead of a Newton step,
_NEWTON_REGION = 0.3
# and above which one follows after the step.
_SMOOTH_ERROR = 1e-2
# Steps after which the problem is left to annealing.
_MOST_ITERATIONS = 30
# Steps without coming near enough for Newton after which it is, too.
_FIRST_ITERATIONS = 10
# Products of a linear solve: problems that need more of them are better annealed.
_MOST_PRODUCTS = 30
# Steps that lower the dual value: likewise.
_MOST_FAILURES = 1
# Relative error of an entry in single precision, taken generously: 1e-7 of the power of two, and
# the factors of its row and column.
_ENTRY_ERROR = 5e-7
# Relative error that each further entry adds to a sum in single precision, at most.
_ADDED_ERROR = 2.0**-24
# Relative error of the sum of a run of 256 entries.
_RUN_ERROR = 5e-7 + 2.0**-16
# L1 error below which sums in single precision are not trusted.
_SINGLE_ERROR = 5e-7
# Rounding, in bits, of the dual value at potentials from such sums.
_SINGLE_ROUNDING = 3e-7


def solve_smooth(
    geometry: Geometry, epsilon: float, options: AnnealingOptions
) -> tuple[PointKernel, Stage] | None:
    """Kernel and final stage at `epsilon`, or None where the problem is not of this kind."""
    if not isinstance(geometry, PointGeometry) or not np.isinf(options.reach):
        return None
    bits = geometry.scale * LOG2_E / epsilon
    if not _is_smooth(geometry, bits, options.max_bytes):
        return None
    kernel = geometry.kernel(epsilon, FINE, options.accuracy(epsilon))
    # Numbers that leave the range of floats on the way are caught by the checks of every step.
    with np.errstate(all="ignore"):
        run = _SmoothSolve(kernel, Stage(*geometry.start(epsilon, FINE)), options)
        solved = run.iterate(epsilon)
    return (kernel, run.stage) if solved else None


def _is_smooth(geometry: PointGeometry, bits: float, max_bytes: float) -> bool:
    """Whether the kernel may be stored and few products will be enough, for costs up to `bits`."""
    n_pairs = geometry.x.n * geometry.y.n
    if min(geometry.x.weights.min(), geometry.y.weights.min()) < _LEAST_WEIGHT:
        return False
    if n_pairs > max_bytes / np.dtype(np.float32).itemsize:
        return False
    if n_pairs <= _CACHED_PAIRS:
        return bits <= _MOST_BITS
    limits = _SMOOTH_PAIRS if geometry.metric != SQUARED else _SMOOTH_PAIRS | _EXPANDED_PAIRS
    most = limits.get(geometry.x.points.shape[1], math.inf)
    return bits <= _SMOOTH_BITS and n_pairs <= most


class _SmoothSolve:
    """The iteration: potentials with exact column sums and their plan."""

    plan: WholePlan

    def __init__(self, kernel: PointKernel, stage: Stage, options: AnnealingOptions):
        self.kernel, self.stage, self.options = kernel, stage, options
        self.log_a, self.log_b = np.log2(kernel.a), np.log2(kernel.b)
        self.n_failures = 0
        self.is_lost = False  # whether the plan could not follow the potentials

    def iterate(self, epsilon: float) -> bool:
        """Iterate until the tolerance is met; False where that is not in sight."""
        stage, options = self.stage, self.options
        self.store()
        self.move(stage.u, stage.v)
        limit = min(_MOST_ITERATIONS, options.max_iterations)
        while True:
            self.measure()
            stage.converged = stage.error <= options.tolerance
            stage.stopped = options.asks_to_stop(epsilon, stage.n_iterations, stage.error)
            if stage.converged or stage.stopped:
                return True
            far = stage.n_iterations >= _FIRST_ITERATIONS and stage.error >= _NEWTON_REGION
            is_out_of_sight = (
                far or self.n_failures > _MOST_FAILURES or not np.isfinite(stage.error)
            )
            if is_out_of_sight or stage.n_iterations >= limit:
                return False
            stage.n_iterations += 1
            newton = stage.error < _NEWTON_REGION and self.newton_step()
            if not newton or stage.error >= _SMOOTH_ERROR:
                self.move(soft_c_transform(self.log_a, stage.u, self.plan.row_sums()), stage.v)

    def store(self) -> None:
        """Store the plan with exact rows, but for rounding, for the column potentials."""
        stage = self.stage
        plan = self.kernel.whole(stage.u, stage.v, self.options.buffer)
        u = soft_c_transform(self.log_a, stage.u, plan.row_sums())
        if not plan.move(u, stage.v):
            u = soft_c_transform(self.log_a, *self.kernel.row_sums(stage.u, stage.v))
            plan = self.kernel.whole(u, stage.v, self.options.buffer)
        stage.u, self.plan = u, plan

    def move(self, u: FloatArray, v: FloatArray) -> None:
        """Take the plan to u, and to the v near the one given that makes the column sums exact."""
        stage = self.stage
        if self.plan.move(u, v):
            better = soft_c_transform(self.log_b, v, self.plan.column_sums())
            if self.plan.move(u, better):
                stage.u, stage.v = u, better
                return
        stage.u = u
        stage.v = soft_c_transform(self.log_b, *self.kernel.column_sums(u, v))
        self.store()
        stage.v = soft_c_transform(self.log_b, stage.v, self.plan.column_sums())
        self.is_lost = not self.plan.move(stage.u, stage.v)

    def measure(self) -> None:
        """Row sums and their L1 error; in double precision, and with the cost, where final.

        The error is infinite where the plan could not follow the potentials.
        """
        stage, options, a, b = self.stage, self.options, self.kernel.a, self.kernel.b
        r, stage.cost = self.plan.row_sums(), None
        stage.error = np.inf if self.is_lost else float(np.abs(a - r).sum())
        stage.sum_error = _ENTRY_ERROR + _ADDED_ERROR * max(a.size, b.size)
        if stage.error <= max(options.tolerance, _SINGLE_ERROR):
            r, c, costs = self.kernel.whole_sums(stage.u, stage.v)
            # The rounded entries made the column sums b, up to some 1e-7: what this changes in the
            # rows is needed to few digits.
            stage.v = soft_c_transform(self.log_b, stage.v, c)
            missing = b / c - 1.0
            r += self.plan.careful_product(missing)
            self.plan.move(stage.u, stage.v)
            stage.cost = float(costs @ (b / c))
            stage.sum_error = _RUN_ERROR * float(b @ np.abs(missing))
            stage.error = float(np.abs(a - r).sum())
        stage.row_sums = r

    def newton_step(self) -> bool:
        """Take a Newton step; False, at the old potentials, where the dual value would fall."""
        stage, a, b = self.stage, self.kernel.a, self.kernel.b
        r = stage.row_sums
        assert r is not None
        residual = a - r
        rtol = step_accuracy(stage.error, self.options.tolerance)
        # The row and column sums must be those of the matrix itself for constants to be in its null
        # space. They are, but for rounding by 1e-7, far below the accuracy that is asked for.
        delta, count, done = conjugate_gradients(
            self.plan,
            r,
            b,
            residual,
            tau=0.0,
            damping=0.0,
            accuracy=rtol * stage.error,
            max_iterations=_MOST_PRODUCTS,
        )
        stage.n_products += count
        # A system that took too many products takes too many the next time: count as lost.
        self.n_failures += 0 if done else _MOST_FAILURES + 1
        # As in `newton`: the logarithm in place of its linear model.
        delta += np.log1p(residual / r) - residual / r
        u, v = stage.u, stage.v
        before = float(a @ u + b @ v)
        self.move(u + delta * LOG2_E, v)
        if float(a @ stage.u + b @ stage.v) >= before - _SINGLE_ROUNDING:
            return True
        self.move(u, v)
        self.n_failures += 1
        return False
