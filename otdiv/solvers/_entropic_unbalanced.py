"""Entropic transport with penalised marginals, by the same path and the same Newton steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._kernels.exponential import LOG2_E
from .._typing import FloatArray
from ..problems import TransportProblem
from ._entropic_path import PathOptions, follow_path
from ._entropic_scaled import ScaledProblem
from ._entropic_stage import final_sums, sum_errors

__all__ = ["UnbalancedSolve", "solve_unbalanced"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnbalancedSolve:
    """Potentials, marginals and transport cost of the plan they give, in the caller's units."""

    f: FloatArray
    g: FloatArray
    row_sums: FloatArray
    column_sums: FloatArray
    transport: float
    epsilon: float
    drop: float
    """Share of what a marginal aims at that its sums may leave out."""
    errors: float
    """Share of a marginal that its sums may be off by besides."""
    floor: float
    """Smallest epsilon that float64 resolves."""
    converged: bool
    n_iterations: int


def solve_unbalanced(
    problem: TransportProblem,
    a: FloatArray,
    b: FloatArray,
    epsilon: float,
    reach: float,
    *,
    tolerance: float,
    max_iterations: int,
    max_memory: int | None = None,
    start: tuple[FloatArray, FloatArray] | None = None,
) -> UnbalancedSolve:
    """Minimise <C, P> + reach (KL(P 1 | a) + KL(P' 1 | b)) + epsilon KL(P | a⊗b).

    `problem` holds points and costs; a (n,) and b (m,) are the weights with their own masses.
    """
    scaled = ScaledProblem(problem, a, b, max_memory, shift_costs=False)
    floor = scaled.floor(tolerance)
    current = max(epsilon / scaled.unit, floor)
    options = PathOptions(
        tolerance=tolerance,
        max_iterations=max_iterations,
        max_bytes=scaled.plan_bytes(max_memory),
        reach=reach / scaled.unit,
    )
    kernel, stage = follow_path(scaled.geometry, current, options, scaled.in_bits(start, current))
    tau = current / options.reach
    log_b = np.log2(kernel.b)
    # The last exact update was that of the columns, so their sums follow from the penalty.
    columns = np.exp2(log_b - tau * (stage.v - log_b))
    rows, cost = final_sums(kernel, stage)
    f, g = scaled.potentials(kernel, stage.u, stage.v, current, tau)
    row_sums, column_sums = scaled.marginals(rows, columns)
    return UnbalancedSolve(
        f=f,
        g=g,
        row_sums=row_sums,
        column_sums=column_sums,
        transport=cost * current / LOG2_E * scaled.unit,
        epsilon=current * scaled.unit,
        drop=kernel.drop,
        errors=sum_errors(kernel, stage, scaled.geometry.scale / current, problem.source.d),
        floor=floor * scaled.unit,
        converged=stage.converged,
        n_iterations=stage.n_iterations,
    )
