"""Annealing: stages from large epsilon to small, on levels of clusters from coarse to fine.

A large epsilon makes the problem smooth, and a smooth problem is represented by few clusters. So
epsilon falls from the scale of the costs by equal factors. Each stage works on the centroids of
clusters that are small against its blur, and starts from the potentials of the stage before: these
keep their values in units of the cost, and a finer level takes them over by one soft c-transform
from the coarser measures, at the old epsilon.

References
----------
Schmitzer (2019), Stabilized sparse scaling algorithms for entropy regularized transport problems,
arXiv:1610.06519 (multiscale and epsilon scaling). Chizat (2024), Annealed Sinkhorn for optimal
transport, arXiv:2408.11620.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ..._gibbs.buffers import Buffer
from ..._gibbs.protocols import Kernel
from ..._gibbs.soft_c_transform import soft_c_transform
from ..._typing import FloatArray
from ..geometry.base import FINE, Accuracy, Geometry, Level
from ..geometry.coarse_matrix import CoarseMatrix
from .marginals import Stage, StageRules
from .newton import solve_stage

__all__ = ["AnnealingOptions", "anneal"]

# L1 error of the marginals at which a stage before the last epsilon ends; by taste: it only gives a
# start to the next one.
_STAGE_ERROR = 0.02
# The same of a stage at the last epsilon on a coarser level; by taste.
_COARSE_ERROR = 3e-4
# Iterations of such stages at most; by taste.
_STAGE_ITERATIONS = 20
# Factor by which epsilon falls at most: exponents change by it, and 3 keeps every power of two of a
# stage inside float64.
_ANNEALING = 3.0
# Scale of the costs over the first epsilon: exponents start at 144 bits, far inside float64.
_START = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnealingOptions:
    """Rules of all stages: tolerance (L1, relative to the mass), limits, and who may stop them."""

    tolerance: float
    max_iterations: int
    max_bytes: float
    reach: float = math.inf
    """Penalty of relaxed marginals, in the unit of epsilon."""
    asks_to_stop: Callable[[float, int, float], bool] = lambda epsilon, n_iterations, error: False
    """Called with epsilon, the iteration and the marginal error."""
    buffer: Buffer = field(default_factory=Buffer)
    """Where plans are stored, one after the other."""

    @property
    def truncation(self) -> float:
        """Share of a row that pruning may leave out: far below the tolerance."""
        return self.tolerance / 64.0

    def accuracy(self, epsilon: float) -> Accuracy:
        """Accuracy of the kernels at `epsilon`."""
        return Accuracy(self.truncation, epsilon / self.reach)


def anneal(
    geometry: Geometry,
    epsilon: float,
    options: AnnealingOptions,
    start: tuple[FloatArray, FloatArray] | None = None,
) -> tuple[Kernel, Stage]:
    """Kernel and final stage at `epsilon`; `start` are potentials (bits) of a like problem."""
    if start is not None:
        kernel = geometry.kernel(epsilon, FINE, options.accuracy(epsilon))
        return kernel, _solve(kernel, *start, epsilon, options, final=True)
    current = max(epsilon, geometry.scale / _START)
    # Equal factors: a last stage at almost the final epsilon would be work for nothing.
    n_stages = math.ceil(math.log(current / epsilon) / math.log(_ANNEALING))
    factor = (current / epsilon) ** (1.0 / max(n_stages, 1))
    level = geometry.level(current, rough=current > epsilon)
    kernel = geometry.kernel(current, level, options.accuracy(current))
    u, v = geometry.start(current, level)
    n_iterations = 0
    while True:
        final = current == epsilon and level == FINE
        stage = _solve(kernel, u, v, current, options, final=final, last=current == epsilon)
        n_iterations += stage.n_iterations
        stage.n_iterations = n_iterations
        if final or stage.stopped:
            break
        if current == epsilon:
            return _finish(geometry, level, stage, epsilon, options)
        n_stages -= 1
        following = current / factor if n_stages > 0 else epsilon
        finer = geometry.level(following, rough=following > epsilon).no_coarser_than(level)
        u, v = geometry.refine(stage.u, stage.v, level, finer, current, options.accuracy(current))
        # The next plan takes its memory.
        level, stage.matrix = finer, None
        kernel = geometry.kernel(following, level, options.accuracy(following))
        u, v = _rescaled(kernel, u, v, current / following)
        current = following
    if not final:
        return _unfinished(geometry, level, stage, current, epsilon, options, n_iterations)
    return kernel, stage


def _finish(
    geometry: Geometry, level: Level, coarse: Stage, epsilon: float, options: AnnealingOptions
) -> tuple[Kernel, Stage]:
    """Take the solution of a level at `epsilon` to the points, the level's clusters as columns.

    Clusters are a poor stand-in for columns that far atoms (tails) are linked to. So where that
    stalls, the iteration goes on with the plan itself.
    """
    accuracy = options.accuracy(epsilon)
    u, v = geometry.refine(coarse.u, coarse.v, level, FINE, epsilon, accuracy)
    coarse.matrix = None  # its memory is taken by the next plan
    kernel = geometry.kernel(epsilon, FINE, accuracy)
    matrix = geometry.coarse_columns(level, u, v, epsilon, accuracy, options.max_bytes)
    stage = _solve(kernel, u, v, epsilon, options, final=True, coarse=matrix)
    n_iterations = coarse.n_iterations + stage.n_iterations
    gave_up = stage.stalled and not stage.stopped and not stage.converged
    if matrix is not None and gave_up and np.isfinite(stage.error):
        stage.matrix = None
        stage = _solve(kernel, stage.u, stage.v, epsilon, options, final=True)
        n_iterations += stage.n_iterations
    stage.n_iterations = n_iterations
    return kernel, stage


def _unfinished(
    geometry: Geometry,
    level: Level,
    stage: Stage,
    current: float,
    epsilon: float,
    options: AnnealingOptions,
    n_iterations: int,
) -> tuple[Kernel, Stage]:
    """Potentials of all points at `epsilon`, with exact columns, from a stage that was stopped."""
    u, v = stage.u, stage.v
    if level != FINE:
        u, v = geometry.refine(u, v, level, FINE, current, options.accuracy(current))
    kernel = geometry.kernel(epsilon, FINE, options.accuracy(epsilon))
    u, v = _rescaled(kernel, u, v, current / epsilon)
    v = soft_c_transform(np.log2(kernel.b), *kernel.column_sums(u, v), kernel.tau)
    return kernel, Stage(u, v, n_iterations=n_iterations, stopped=True)


def _rescaled(
    kernel: Kernel, u: FloatArray, v: FloatArray, ratio: float
) -> tuple[FloatArray, FloatArray]:
    """The same potentials in the bits of an epsilon that is smaller by `ratio`."""
    log_a, log_b = np.log2(kernel.a), np.log2(kernel.b)
    return log_a + (u - log_a) * ratio, log_b + (v - log_b) * ratio


def _solve(
    kernel: Kernel,
    u: FloatArray,
    v: FloatArray,
    epsilon: float,
    options: AnnealingOptions,
    *,
    final: bool,
    last: bool = True,
    coarse: CoarseMatrix | None = None,
) -> Stage:
    intermediate = _COARSE_ERROR if last else _STAGE_ERROR
    rules = StageRules(
        tolerance=options.tolerance if final else max(intermediate, options.tolerance),
        max_iterations=options.max_iterations if final else _STAGE_ITERATIONS,
        max_bytes=options.max_bytes,
        truncation=options.truncation,
        buffer=options.buffer,
        coarse=coarse,
        final=final,
        asks_to_stop=lambda n, error: options.asks_to_stop(epsilon, n, error),
    )
    return solve_stage(kernel, u, v, rules)
