"""Entropic transport of a measure to itself: one potential, updated by averaging.

With u = v the averaged update u <- u + log2(a / r) / 2 contracts by half at least for kernels that
are positive definite, at any epsilon, so no annealing is needed and u = v holds bit by bit.

References
----------
Feydy, Séjourné, Vialard, Amari, Trouvé & Peyré (2019), Interpolating between optimal transport and
MMD using Sinkhorn divergences, arXiv:1810.08278, section 3.1.
"""

from __future__ import annotations

import numpy as np

from ..._gibbs.protocols import Kernel, PlanMatrix
from ..._gibbs.soft_c_transform import soft_c_transform
from ..._typing import FloatArray
from ..geometry.base import FINE, Geometry
from .annealing import AnnealingOptions
from .marginals import Patience, Stage, plan_sums

__all__ = ["solve_symmetric"]

# Averaged updates without a better error (by a tenth) after which it is called stalled; by taste.
_PATIENCE = 60


def solve_symmetric(
    geometry: Geometry,
    epsilon: float,
    options: AnnealingOptions,
    start: tuple[FloatArray, FloatArray] | None = None,
) -> tuple[Kernel, Stage]:
    """Kernel and final stage; source and target of `geometry` must be the same measure."""
    kernel = geometry.kernel(epsilon, FINE, options.accuracy(epsilon))
    a, log_a = kernel.a, np.log2(kernel.a)
    u = log_a if start is None else start[0]
    stage = Stage(u, u, is_symmetric=True)
    patience = Patience(_PATIENCE)
    matrix: PlanMatrix | None = None
    while True:
        if matrix is not None and matrix.exact and matrix.move(u, u, 0.1 * options.tolerance):
            shift, sums = u, matrix.row_sums()
        else:
            matrix = None
            shift, sums = kernel.row_sums(u, u)
        r = plan_sums(u, shift, sums)
        stage.u = stage.v = u
        stage.row_sums = r
        stage.error = float(np.abs(a - r).sum())
        stage.converged = stage.error <= options.tolerance
        stage.stalled = patience.is_over(stage.error)
        stage.stopped = options.asks_to_stop(epsilon, stage.n_iterations, stage.error)
        done = stage.converged or stage.stalled or stage.stopped
        if done or stage.n_iterations >= options.max_iterations:
            return kernel, stage
        stage.n_iterations += 1
        stage.matrix = matrix
        if stage.error < 0.3 and matrix is None:
            matrix = kernel.matrix(
                u,
                u,
                truncation=options.truncation,
                max_bytes=options.max_bytes,
                buffer=options.buffer,
            )
        u = 0.5 * (u + soft_c_transform(log_a, shift, sums))
