"""Newton's method for entropic potentials at one epsilon.

With the column potentials exact (column sums c = b), the dual value as a function of u is concave,
its gradient is a - r and its negative Hessian the Schur complement

    S = diag(r) - P diag(1 / c) P^T,

a weighted graph Laplacian: S 1 = 0. Each step solves S delta = a - r by conjugate gradients, only
as accurately as the next step can use, and is kept where the dual value does not fall. The plan in
S may be replaced by one whose columns are clusters of the target (`coarse`): then the steps
converge linearly, by about one digit each, for a small part of the work.

Relaxed marginals (a penalty reach * KL on each) change little: with tau = epsilon / reach rows
aim at a 2**(-tau phi), phi = u - log2 a, instead of a; updates are damped by 1 / (1 + tau), and
both diagonals of S grow by that factor, which makes it definite. Balanced transport is tau = 0.

References
----------
Brauer, Clason, Lorenz & Wirth (2017), A Sinkhorn-Newton method for entropic optimal transport,
arXiv:1710.06635.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .._kernels.exponential import LOG2_E
from .._kernels.point_plan import Buffer
from .._typing import FloatArray
from ._conjugate_gradients import SchurSolver
from ._entropic_coarse import CoarseMatrix
from ._entropic_kernels import Kernel, NewtonMatrix, PlanMatrix

__all__ = [
    "Monitor",
    "Stage",
    "StageRules",
    "final_sums",
    "missing_share",
    "solve_stage",
]

# Above this L1 error the quadratic model says little and a Sinkhorn update is taken instead.
_NEWTON_REGION = 0.7
# Below this error no row is expected to be far off.
_SMOOTH_ERROR = 1e-3
# S is damped by this many times the error at first, and by less or more as steps succeed or fail:
# modes that are nearly free (weakly connected parts) then move no further than the model holds.
_DAMPING = 0.01
_LESS_DAMPING, _MORE_DAMPING = 0.25, 8.0
# Parts whose links weigh less than this share of the tolerance do not matter, and rounding would
# decide where they go.
_LEAST_DAMPING = 0.01
# Step lengths that are tried where a full step fails, before falling back to a Sinkhorn update.
_STEP_LENGTHS = (0.3, 0.09)
# With a coarse matrix a few atoms in the tails move by dozens of bits, which spoils the step of all
# others: changes longer than the second number are clipped without a try, at the first one.
_CLIPPED_STEP, _SPOILING_STEP = 4.0, 8.0
# Changes of a potential by more bits than this are beyond Newton's model, near the solution and far
# from it; the share of the slope that may be left of it; what they are multiplied by in search of a
# better length.
_MODEL_STEP, _FAR_STEP = 1.0, 32.0
_FLAT = 0.1
_LONGER, _SHORTER = (2.0, 4.0, 8.0, 16.0), (0.5, 0.25, 0.125, 0.0625)
# A row lacks nearly all of its mass where it lacks so many times what it has; none loses all of it.
_EMPTY_SHARE, _LEAST_SUM = 1e6, 1e-300
_LEAST_SHARE = -1.0 + 2.0**-52
# No entry of u moves by more bits than this in one step.
_LARGEST_STEP = 64.0
# Iterations without a better error (by a tenth) after which the iteration is called stalled.
_PATIENCE = 40
_COARSE_PATIENCE = 3
# Rounding of the dual value relative to the sum of its terms; steps within it are accepted.
_ROUNDING = 1e-14
# With the matrix of a cluster plan a step gains about a digit. Sums with costs are some more work
# than sums, and save a pass where they are the last; they are not computed for rows without mass.
_LAST_GAIN, _LEAST_SHARE_OF_ROW = 20.0, 2.0**-6
# Accuracy of the linear solve where the matrix is an approximation anyway.
_COARSE_RTOL = 0.05

# What one row may lack of itself in potentials that a next stage starts from. A few atoms of a tail
# that weigh nothing in the L1 error may be thousands of bits off, which finer stages are worse at.
_START_SHARE = 0.2

# Share of the present error that a moved plan may leave out.
_ALLOWED_SHARE = 0.1
# With a coarse matrix few fine products follow, and only a plan that stays in the cache pays.
_CACHE_BYTES = 1.6e7

# From this tolerance on a stored plan may be in single precision: that moves a marginal by 6e-8.
_SINGLE_TOLERANCE = 5e-7

Monitor = Callable[[int, float], bool]
"""Called with the iteration and the marginal error; True stops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRules:
    """When to stop, and what the plan may cost.

    `drop` is the share of a row that a stored plan may leave out and still serve as the marginal;
    `coarse` is the plan whose Schur complement replaces the exact one; `final` potentials need not
    be a good start for anything.
    """

    tolerance: float
    max_iterations: int
    max_bytes: float
    drop: float
    buffer: Buffer
    coarse: CoarseMatrix | None = None
    final: bool = True
    monitor: Monitor | None = None


@dataclass(slots=True)
class Stage:
    """State of the iteration at one epsilon; potentials in bits."""

    u: FloatArray
    v: FloatArray
    error: float = np.inf
    """L1 error of the row marginal, relative to the mass; the column marginal is exact."""
    row_sums: FloatArray | None = None
    cost: float | None = None
    """<C, P> in bits where it is known; the row sums are in double precision then."""
    n_iterations: int = 0
    n_products: int = 0
    converged: bool = False
    stopped: bool = False
    stalled: bool = False
    matrix: PlanMatrix | None = None


class _RowSums(NamedTuple):
    """Shifts and row sums (see `Kernel.row_sums`) at (u, v), and <C, P> in bits if it is known."""

    u: FloatArray
    v: FloatArray
    shift: FloatArray
    sums: FloatArray
    cost: float | None = None


class _Iteration:
    """The marginals of one kernel, from its stored plan while that is near enough."""

    def __init__(self, kernel: Kernel, stage: Stage, rules: StageRules):
        self.kernel, self.stage, self.rules, self.tau = kernel, stage, rules, kernel.tau
        self.log_a, self.log_b = np.log2(kernel.a), np.log2(kernel.b)
        self.damping = _DAMPING
        self.linear = SchurSolver()
        self._sums: _RowSums | None = None
        self.max_bytes = rules.max_bytes
        if rules.coarse is not None:
            self.max_bytes = min(rules.max_bytes, _CACHE_BYTES)

    def matrix_at(self, u: FloatArray, v: FloatArray) -> PlanMatrix:
        """Take the matrix of the stage to (u, v), or make it anew there."""
        matrix = self.stage.matrix
        if matrix is not None and matrix.move(u, v, min(self.stage.error, 1.0)):
            return matrix
        del matrix
        return self.store(u, v)

    def store(self, u: FloatArray, v: FloatArray) -> PlanMatrix:
        """Make the plan at (u, v) the matrix of the stage."""
        rules = self.rules
        # The one before lies in the same buffer, which can only grow where nobody holds it.
        self.stage.matrix = None
        self.stage.matrix = self.kernel.matrix(
            u,
            v,
            drop=rules.drop,
            max_bytes=self.max_bytes,
            buffer=rules.buffer,
            single=rules.tolerance >= _SINGLE_TOLERANCE,
        )
        return self.stage.matrix

    def settle(self) -> None:
        """Store the plan anew where the next Newton step will need it: it has the sums as well."""
        stage = self.stage
        newton = self.rules.coarse is None and stage.error < _NEWTON_REGION
        exact = stage.matrix is not None and stage.matrix.exact
        if newton and exact and not self.near(stage.u, stage.v):
            self.store(stage.u, stage.v)

    @property
    def allowed(self) -> float:
        """Share of a sum that may be missing."""
        return missing_share(self.stage, self.rules.tolerance)

    def near(self, u: FloatArray, v: FloatArray) -> bool:
        """Whether the stored plan is good at (u, v); if so it is moved there."""
        matrix = self.stage.matrix
        return matrix is not None and matrix.exact and matrix.move(u, v, self.allowed)

    def stored_sums(self, u: FloatArray, v: FloatArray, *, by_column: bool) -> FloatArray | None:
        """Row or column sums from the stored plan; None where they have to be taken anew."""
        matrix, sums = self.stage.matrix, None
        if self.near(u, v):
            assert matrix is not None
            sums = matrix.column_sums() if by_column else matrix.row_sums()
        elif matrix is not None and matrix.exact:
            sums = self.kernel.sums_beside(matrix, u, v, self.allowed, by_column=by_column)
        if sums is None or not (sums.min() > 0.0 and sums.max() < np.inf):
            return None
        return sums

    def row_target(self, u: FloatArray) -> FloatArray:
        """What the row sums aim at: a, or what its penalty leaves of it."""
        if self.tau == 0.0:
            return self.kernel.a
        return np.asarray(np.exp2(self.log_a - self.tau * (u - self.log_a)))

    def column_target(self, v: FloatArray) -> FloatArray:
        """What the column sums aim at, and are after `column_update`."""
        if self.tau == 0.0:
            return self.kernel.b
        return np.asarray(np.exp2(self.log_b - self.tau * (v - self.log_b)))

    def column_update(self, u: FloatArray, v: FloatArray) -> FloatArray:
        """Return the v that makes the column sums exact."""
        shift, sums = v, self.stored_sums(u, v, by_column=True)
        if sums is None:
            shift, sums = self.kernel.column_sums(u, v)
        with np.errstate(divide="ignore"):
            return np.asarray(self.log_b - (np.log2(sums) - shift) / (1.0 + self.tau))

    def row_sums(self, u: FloatArray, v: FloatArray) -> _RowSums:
        """Row sums at (u, v), kept until they are asked for elsewhere."""
        if self._sums is None or self._sums.u is not u or self._sums.v is not v:
            self._sums = self._row_sums(u, v)
        return self._sums

    def _row_sums(self, u: FloatArray, v: FloatArray) -> _RowSums:
        sums = self.stored_sums(u, v, by_column=False)
        if sums is not None:
            return _RowSums(u, v, u, sums)
        if self.is_nearly_done:
            sums, costs = self.kernel.row_costs(u, v)
            if np.all((sums > _LEAST_SHARE_OF_ROW * self.row_target(u)) & (sums < np.inf)):
                return _RowSums(u, v, u, sums, float(costs.sum()))
        return _RowSums(u, v, *self.kernel.row_sums(u, v))

    @property
    def is_nearly_done(self) -> bool:
        """Whether the next error may be the last one that is asked for."""
        rules, stage = self.rules, self.stage
        near = stage.n_iterations == 0 or stage.error <= _LAST_GAIN * rules.tolerance
        return rules.final and rules.coarse is not None and near

    def rows(self, u: FloatArray, v: FloatArray) -> FloatArray:
        """Row sums of the plan itself."""
        _, _, shift, sums, _ = self.row_sums(u, v)
        return sums if shift is u else sums * np.exp2(np.minimum(u - shift, 1000.0))

    def error(self, u: FloatArray, v: FloatArray) -> float:
        """L1 error of the row marginal, relative to the mass."""
        target = self.row_target(u)
        return float(np.abs(target - self.rows(u, v)).sum()) / float(target.sum())

    def is_start(self, r: FloatArray) -> bool:
        """Whether no row by itself is far off, however little it weighs."""
        target = self.row_target(self.stage.u)
        return bool(np.all(np.abs(target - r) <= _START_SHARE * target))

    def row_update(self, u: FloatArray, v: FloatArray) -> FloatArray:
        """Return the u that makes the row sums exact."""
        _, _, shift, sums, _ = self.row_sums(u, v)
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


def solve_stage(kernel: Kernel, u: FloatArray, v: FloatArray, rules: StageRules) -> Stage:
    """Improve potentials (bits) until the L1 marginal error is at most `rules.tolerance`."""
    stage = Stage(u, v)
    step = _Iteration(kernel, stage, rules)
    best, since = np.inf, 0
    # Few sums will be taken of a plan whose steps are with another: perhaps none after the first.
    if rules.coarse is None:
        step.store(u, v)
    stage.v = step.column_update(u, v)
    while True:
        step.settle()
        r = step.rows(stage.u, stage.v)
        stage.error = step.error(stage.u, stage.v)
        stage.row_sums = r
        stage.converged = stage.error <= rules.tolerance and (rules.final or step.is_start(r))
        best, since = (stage.error, 0) if stage.error < 0.9 * best else (best, since + 1)
        patience = _PATIENCE if rules.coarse is None else _COARSE_PATIENCE
        stage.stalled = not np.isfinite(stage.error) or since >= patience
        if rules.monitor is not None:
            stage.stopped = rules.monitor(stage.n_iterations, stage.error)
        done = stage.converged or stage.stalled or stage.stopped
        if done or stage.n_iterations >= rules.max_iterations:
            stage.cost = step.row_sums(stage.u, stage.v).cost
            return stage
        if stage.matrix is None:
            step.store(stage.u, stage.v)
        stage.n_iterations += 1
        newton = stage.error < _NEWTON_REGION and _newton_step(step, r)
        if newton and (rules.coarse is not None or stage.error < _SMOOTH_ERROR):
            continue
        # Newton's model is one of small relative errors; rows far from that are put right by a
        # Sinkhorn update.
        stage.u = step.row_update(stage.u, stage.v)
        stage.v = step.column_update(stage.u, stage.v)


def missing_share(stage: Stage, tolerance: float) -> float:
    """Share of a sum that may be missing where it was taken from a stored plan that moved."""
    return _ALLOWED_SHARE * max(min(stage.error, 1.0), tolerance)


def final_sums(kernel: Kernel, stage: Stage) -> tuple[FloatArray, float]:
    """Row sums of the final plan in double precision, and its cost <C, P> in bits."""
    u, v = stage.u, stage.v
    if stage.cost is not None:
        assert stage.row_sums is not None
        return stage.row_sums, stage.cost
    r, costs = kernel.row_costs(u, v)
    if not np.all(np.isfinite(r)):
        shift, sums = kernel.row_sums(u, v)
        r = sums * np.exp2(np.minimum(u - shift, 1000.0))
    return r, float(costs.sum())


def _direction(step: _Iteration, r: FloatArray, residual: FloatArray) -> FloatArray:
    """Newton's step in bits, where r are the row sums."""
    stage, rules = step.stage, step.rules
    share = np.maximum(residual / np.maximum(r, _LEAST_SUM), _LEAST_SHARE)
    change = np.log1p(share)
    # A row without any mass is by itself altogether.
    empty = share > _EMPTY_SHARE
    alone = change[empty] / (1.0 + step.tau)
    if rules.coarse is not None:
        system, r, c = rules.coarse.near(stage.u)
        rtol = _COARSE_RTOL
    else:
        near = step.near(stage.u, stage.v)
        matrix = step.matrix_at(stage.u, stage.v)
        if near:
            # The last update made the column sums of this very matrix exact.
            c = step.column_target(stage.v)
        else:
            r, c = matrix.row_sums(), matrix.column_sums()
        rtol = min(max(0.3 * np.sqrt(stage.error), 1e-3), 0.25)
        rtol = max(rtol, 0.3 * rules.tolerance / stage.error)
        system = NewtonMatrix(matrix, stage.v, step.kernel, stage.u, stage.v)
    damping = max(step.damping * stage.error, _LEAST_DAMPING * rules.tolerance)
    delta, count = step.linear.solve(
        system,
        r,
        c,
        residual,
        tau=step.tau,
        damping=damping,
        accuracy=rtol * float(np.abs(residual).sum()),
    )
    stage.n_products += count
    # S delta = residual says delta = residual / diag(r) + (smooth part). The first term is the
    # linear model of log(target / r), which is exact for a row by itself however far off it is.
    diagonal = np.maximum(r, _LEAST_SUM) * (1.0 + step.tau) * (1.0 + damping)
    delta += change / ((1.0 + step.tau) * (1.0 + damping)) - residual / diagonal
    delta[empty] = alone
    delta *= LOG2_E
    # Where S is nearly singular the model asks for more than any potential can need. The others
    # must not be held back by that.
    return np.clip(delta, -_LARGEST_STEP, _LARGEST_STEP)


def _bend(
    step: _Iteration, start: FloatArray, delta: FloatArray, residual: FloatArray, value: float
) -> None:
    """Search a better length of the long changes of an accepted step from `start`.

    A few atoms that are linked to the rest by little mass w and lack the mass D need a change of
    log(1 + D / w) nats, and Newton's model says D / w. Beyond the right value their mass grows
    exponentially, and the model says one or two nats for the way back, however long it is. The
    slope of the dual value along these changes, (a - r) @ long, tells which it is.
    """
    stage = step.stage
    if step.rules.coarse is not None:
        return
    middle = float(step.kernel.a @ delta) / float(step.kernel.a.sum())
    least = _MODEL_STEP if stage.error <= _SMOOTH_ERROR else _FAR_STEP
    long = np.where(np.abs(delta - middle) > least, delta - middle, 0.0)
    if not long.any():
        return
    slope = float((step.row_target(stage.u) - step.rows(stage.u, stage.v)) @ long)
    if abs(slope) <= _FLAT * abs(float(residual @ long)):
        return
    for length in _LONGER if slope > 0.0 else _SHORTER:
        u = start + delta + (length - 1.0) * long
        v = step.column_update(u, stage.v)
        after, _ = step.dual(u, v)
        if not after > value:
            return
        stage.u, stage.v, value = u, v, after


def _changes(delta: FloatArray, weights: FloatArray, coarse: bool) -> Iterator[FloatArray]:
    """Yield the step and what is tried where it fails, the shorter the later."""
    middle = float(weights @ delta) / float(weights.sum())
    longest = np.abs(delta - middle).max() if coarse else 0.0
    if longest <= _SPOILING_STEP:
        yield delta
    if longest > _CLIPPED_STEP:
        yield np.clip(delta, middle - _CLIPPED_STEP, middle + _CLIPPED_STEP)
    for length in _STEP_LENGTHS:
        yield length * delta


def _newton_step(step: _Iteration, r: FloatArray) -> bool:
    """Take a step if the dual value does not fall; False where a Sinkhorn update should follow."""
    stage, rules = step.stage, step.rules
    residual = step.row_target(stage.u) - r
    delta = _direction(step, r, residual)
    before, rounding = step.dual(stage.u, stage.v)
    for change in _changes(delta, step.kernel.a, rules.coarse is not None):
        u, full = stage.u + change, change is delta
        v = step.column_update(u, stage.v)
        after, _ = step.dual(u, v)
        # At a full step a few weakly linked atoms may go astray that weigh nothing.
        enough = rules.final and full and after < before
        if after >= before - rounding or (enough and step.error(u, v) <= rules.tolerance):
            start, stage.u, stage.v = stage.u, u, v
            if full:
                _bend(step, start, delta, residual, after)
            step.damping *= _LESS_DAMPING if full else _MORE_DAMPING
            return full or rules.coarse is None
    step.damping *= _MORE_DAMPING
    return False
