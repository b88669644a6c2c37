"""Newton's method for entropic potentials at one epsilon.

With the column potentials exact (column sums c = b), the dual value as a function of u is concave,
its gradient is a - r and its negative Hessian the Schur complement

    S = diag(r) - P diag(1 / c) P^T,

a weighted graph Laplacian: S 1 = 0. Each step solves S delta = a - r by conjugate gradients, only
as accurately as the next step can use, and is accepted where the dual value does not fall. The plan
in S may be replaced by one whose columns are clusters of the target (`coarse`): then the steps
converge linearly, by about one digit each, for a small part of the work.

Relaxed marginals (a penalty reach * KL on each) change little: with tau = epsilon / reach rows
aim at a 2**(-tau phi), phi = u - log2 a, instead of a; updates are damped by 1 / (1 + tau), and
both diagonals, r and c, are multiplied by 1 + tau, which makes S definite. It is hardly so along a
common shift (h, -h), of which every update takes the best. Balanced transport is tau = 0.

References
----------
Brauer, Clason, Lorenz & Wirth (2017), A Sinkhorn-Newton method for entropic optimal transport,
arXiv:1710.06635.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..._gibbs.protocols import Kernel, NewtonMatrix
from ..._kernels.exponential import LOG2_E
from ..._typing import FloatArray
from .marginals import Marginals, Patience, Stage, StageRules
from .schur import SchurSolver, step_accuracy

__all__ = ["solve_stage"]

# Numbers without another source in this list are chosen by taste.

# L1 error above which the quadratic model says little and a Sinkhorn update is taken instead.
_NEWTON_REGION = 0.7
# L1 error below which no row is expected to be far off.
_SMOOTH_ERROR = 1e-3
# First damping of S, as a multiple of the error: parts that are weakly linked to the rest are
# nearly free to move, and damped they move no further than the model holds.
_DAMPING = 0.01
# Factor of the damping after a full step that succeeded,
_LESS_DAMPING = 0.25
# and after one that failed.
_MORE_DAMPING = 8.0
# Least damping, as a multiple of the tolerance: parts whose links weigh less do not matter, and
# rounding would decide where they go.
_LEAST_DAMPING = 0.01
# Step lengths that are tried where a full step fails, before falling back to a Sinkhorn update.
_STEP_LENGTHS = (0.3, 0.09)
# With a coarse matrix a few atoms in the tails may move by dozens of bits, which spoils the step of
# all others. Changes are clipped to this many bits where the full step fails,
_CLIPPED_STEP = 4.0
# and at once where the longest is more than this.
_SPOILING_STEP = 8.0
# Multiple of its own sum that a row lacks from which it counts as empty.
_EMPTY_SHARE = 1e6
# Stands for a row sum of 0 where that is divided by.
_LEAST_SUM = 1e-300
# Least relative change of a row, -1 but for one rounding: no row loses all its mass.
_LEAST_SHARE = -1.0 + 2.0**-52
# Bits by which an entry of u moves at most in one step.
_LARGEST_STEP = 64.0
# Iterations without a better error (by a tenth) after which the iteration is called stalled,
_PATIENCE = 40
# and with a coarse matrix, from which there is another way to go on.
_COARSE_PATIENCE = 3
# Iterations within the tolerance that a stage before the last may spend on rows that are far off.
_START_PATIENCE = 4
# Accuracy of the linear solve with a coarse matrix, which is an approximation anyway.
_COARSE_RTOL = 0.05


def solve_stage(kernel: Kernel, u: FloatArray, v: FloatArray, rules: StageRules) -> Stage:
    """Improve potentials (bits) until the L1 marginal error is at most `rules.tolerance`."""
    stage = Stage(u, v)
    plan = Marginals(kernel, stage, rules)
    newton = _Newton(plan)
    patience = Patience(_PATIENCE if rules.coarse is None else _COARSE_PATIENCE)
    within = 0
    # Where steps are taken with a coarse matrix, the plan itself is summed a few times, perhaps
    # once.
    if rules.coarse is None:
        plan.store(u, v)
    stage.u, stage.v = plan.shifted(u, plan.column_update(u, v))
    while True:
        r = plan.rows(stage.u, stage.v)
        stage.error = plan.error(stage.u, stage.v)
        stage.row_sums = r
        within = within + 1 if stage.error <= rules.tolerance else 0
        may_end = rules.final or within > _START_PATIENCE
        stage.converged = within > 0 and (may_end or plan.is_start(r))
        stage.stalled = patience.is_over(stage.error)
        stage.stopped = rules.asks_to_stop(stage.n_iterations, stage.error)
        done = stage.converged or stage.stalled or stage.stopped
        if done or stage.n_iterations >= rules.max_iterations:
            return stage
        stage.n_iterations += 1
        taken = stage.error < _NEWTON_REGION and newton.take(r)
        if taken and (rules.coarse is not None or stage.error < _SMOOTH_ERROR):
            continue
        # Newton's model is one of small relative errors; rows far from that are put right by a
        # Sinkhorn update.
        stage.u = plan.row_update(stage.u, stage.v)
        stage.u, stage.v = plan.shifted(stage.u, plan.column_update(stage.u, stage.v))


class _Newton:
    """Steps with the plan's Schur complement, or with that of a coarse plan.

    S is damped by `_damping` times the error.
    """

    def __init__(self, plan: Marginals):
        self.plan, self.stage, self.rules = plan, plan.stage, plan.rules
        self._damping = _DAMPING
        self._linear = SchurSolver()

    def take(self, r: FloatArray) -> bool:
        """Take a step that does not lower the dual value, or that meets the tolerance.

        False where no step does, or where a Sinkhorn update should follow it.
        """
        plan, stage, rules = self.plan, self.stage, self.rules
        residual = plan.row_target(stage.u) - r
        delta = self._direction(r, residual)
        before, rounding = plan.dual(stage.u, stage.v)
        changes = _changes(delta, plan.kernel.a, coarse=rules.coarse is not None)
        for number, change in enumerate(changes):
            u, full = stage.u + change, change is delta
            u, v = plan.shifted(u, plan.column_update(u, stage.v))
            after, _ = plan.dual(u, v)
            # A full step may send a few weakly linked atoms of no weight far off, which lowers the
            # dual value, and meet the tolerance all the same.
            may_end = rules.final and full and after < before
            if after >= before - rounding or (may_end and plan.error(u, v) <= rules.tolerance):
                stage.u, stage.v = u, v
                if full:
                    self._damping *= _LESS_DAMPING
                elif number > 0:
                    self._damping *= _MORE_DAMPING
                return full or rules.coarse is None
        self._damping *= _MORE_DAMPING
        return False

    def _direction(self, r: FloatArray, residual: FloatArray) -> FloatArray:
        """Newton's step in bits, where r are the row sums."""
        plan, stage, rules = self.plan, self.stage, self.rules
        share = np.maximum(residual / np.maximum(r, _LEAST_SUM), _LEAST_SHARE)
        change = np.log1p(share)
        # A row of nearly no mass has no links: it moves by itself.
        empty = share > _EMPTY_SHARE
        alone = change[empty] / (1.0 + plan.tau)
        if rules.coarse is not None:
            system, r, c = rules.coarse.near(stage.u)
            rtol = _COARSE_RTOL
        else:
            near = plan.near(stage.u, stage.v)
            matrix = plan.matrix_at(stage.u, stage.v)
            if near:
                # The last update made the column sums of this very matrix exact.
                c = plan.column_target(stage.v)
            else:
                r, c = matrix.row_sums(), matrix.column_sums()
            rtol = step_accuracy(stage.error, rules.tolerance)
            system = NewtonMatrix(matrix, stage.v, plan.kernel, stage.u, stage.v)
        damping = max(self._damping * stage.error, _LEAST_DAMPING * rules.tolerance)
        delta, count = self._linear.solve(
            system,
            r,
            c,
            residual,
            tau=plan.tau,
            damping=damping,
            accuracy=rtol * float(np.abs(residual).sum()),
        )
        stage.n_products += count
        # S delta = residual says delta = residual / diag(r) + (smooth part). The first term is the
        # linear model of log(target / r). The logarithm itself is exact for a row that moves by
        # itself, however far off it is, and takes its place.
        diagonal = np.maximum(r, _LEAST_SUM) * (1.0 + plan.tau) * (1.0 + damping)
        delta += change / ((1.0 + plan.tau) * (1.0 + damping)) - residual / diagonal
        delta[empty] = alone
        delta *= LOG2_E
        # Where S is nearly singular the model asks for more than any potential can need; clipping
        # those entries keeps them from spoiling the step of the others.
        return np.clip(delta, -_LARGEST_STEP, _LARGEST_STEP)


def _changes(delta: FloatArray, weights: FloatArray, *, coarse: bool) -> Iterator[FloatArray]:
    """Yield the changes of u to try in turn: the full step if it may succeed, clipped, shorter."""
    middle = float(weights @ delta) / float(weights.sum())
    longest = np.abs(delta - middle).max() if coarse else 0.0
    if longest <= _SPOILING_STEP:
        yield delta
    if longest > _CLIPPED_STEP:
        delta = np.clip(delta, middle - _CLIPPED_STEP, middle + _CLIPPED_STEP)
        yield delta
    for length in _STEP_LENGTHS:
        yield length * delta
