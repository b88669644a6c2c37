"""Potentials of entropic transport with penalised marginals.

With t = epsilon / reach the conditions are, s being the `reference` mass of a⊗b,

    f_i / epsilon = -(log s + log sum_j b_j exp((g_j - C_ij) / epsilon)) / (1 + t)

and the same of g. Taking them in turn contracts by 1 / (1 + t) squared a round at worst, which is
slow in one direction only where the costs are at most epsilon: (f, g) + (h, -h). Of all h the best
is known in closed form, so one shift a round settles it (Séjourné, Vialard & Peyré 2022,
arXiv:2201.00730). Where epsilon is smaller, Newton's steps along a path do the rest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .._kernels.exponential import LOG2_E
from .._typing import FloatArray
from ..certificates.rounding import blocks
from ..certificates.unbalanced import PlanSums, Shares, log_mean, sum_plan
from ..costs import CostMatrix
from ..problems import TransportProblem
from ._entropic_kernels import Kernel
from ._entropic_path import PathOptions, follow_path
from ._entropic_scaled import ScaledProblem
from ._entropic_stage import Stage, final_sums, sum_errors

__all__ = ["FEW_PAIRS", "UnbalancedSolve", "UnbalancedSolver"]

FEW_PAIRS = 2**20
"""Up to so many pairs a plan is summed entry by entry, in a hundredth of a second."""
# Up to so many it is summed carefully in some milliseconds also where epsilon is small.
_CAREFUL_PAIRS = 2**16
# Rounds in turn, and the change of a potential, in units of epsilon, that ends them; from this
# ratio of epsilon to costs or reach on they contract by 4 or more each.
_MOST_ROUNDS = 400
_LEAST_CHANGE = 2.0**-52
# Where the reach is this many times all that potentials can be, marginals are as good as fixed.
_FIXED = 1e10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UnbalancedSolve:
    """Potentials, and the sums of the plan they give."""

    f: FloatArray
    g: FloatArray
    sums: PlanSums
    epsilon: float
    floor: float
    """Smallest epsilon that float64 resolves."""
    converged: bool
    n_iterations: int
    explicit: bool
    """Whether the sums were taken entry by entry, and forbidden pairs left out."""


class UnbalancedSolver:
    """Minimises <C, P> + reach (KL(P 1 | a) + KL(P' 1 | b)) + epsilon KL(P | s a⊗b).

    Both weights add up to one and are positive.
    """

    def __init__(
        self,
        problem: TransportProblem,
        reach: float,
        log_reference: float,
        largest: float,
        max_iterations: int,
        max_memory: int | None,
    ):
        self.problem, self.reach, self.log_reference = problem, reach, log_reference
        self.largest, self.max_iterations, self.max_memory = largest, max_iterations, max_memory
        n, m = problem.shape
        self.few = n * m <= FEW_PAIRS or isinstance(problem.cost, CostMatrix)
        self._single = min(n, m) == 1
        self._scale = largest

    def floor(self, tolerance: float) -> float:
        """Smallest epsilon that float64 resolves to a marginal error of `tolerance`.

        Exponents have the size of the costs over epsilon, in bits.
        """
        return self._scale * LOG2_E * 2.0**-50 / tolerance

    def look_closer(self, solve: UnbalancedSolve) -> None:
        """Let the floor follow the terms of the exponents that hold mass, from now on.

        Costs far above these are none that rounding spoils, if they are stored one by one.
        """
        a, b, sums = self.problem.a, self.problem.b, solve.sums
        held = float(a @ (sums.rows.share * np.abs(solve.f)))
        held += float(b @ (sums.columns.share * np.abs(solve.g))) + sums.transport
        if self.few and 0.0 < sums.mass and math.isfinite(held):
            self._scale = min(self.largest, held / sums.mass)

    def solve(
        self, epsilon: float, tolerance: float, start: tuple[FloatArray, FloatArray] | None = None
    ) -> UnbalancedSolve:
        """Potentials at `epsilon`, or at the floor where that is above it and matters."""
        floor = self.floor(tolerance)
        smooth = epsilon >= self.largest or epsilon >= self.reach
        with np.errstate(all="ignore"):
            if self._single or (smooth and self.few):
                return self._in_turn(epsilon, tolerance, floor)
            return self._on_path(max(epsilon, floor), tolerance, start, floor)

    def _in_turn(self, epsilon: float, tolerance: float, floor: float) -> UnbalancedSolve:
        """Both conditions in turn, in potentials themselves: exact however large epsilon is."""
        problem = self.problem
        a, b, t = problem.a, problem.b, epsilon / self.reach
        f, g, count, converged = np.zeros(a.size), np.zeros(b.size), 0, False
        while count < self.max_iterations and count < _MOST_ROUNDS and not converged:
            count += 1
            before = f
            f = self._update(g, epsilon, by_column=False)
            g = self._update(f, epsilon, by_column=True)
            shift = _shift(log_mean(a, -t * f), log_mean(b, -t * g), t)
            f, g = f + shift, g - shift / (1.0 + t)
            size = float(np.abs(f).max())
            converged = float(np.abs(f - before).max()) <= _LEAST_CHANGE * max(size, 1.0 / (1.0 + t))
        f, g = f * epsilon, g * epsilon
        sums = sum_plan(problem, f, g, epsilon, self.log_reference)
        return UnbalancedSolve(
            f=f,
            g=g,
            sums=sums,
            epsilon=epsilon,
            floor=floor,
            converged=converged or _is_met(problem.a, sums, f, self.reach, tolerance),
            n_iterations=count,
            explicit=True,
        )

    def _update(self, other: FloatArray, epsilon: float, *, by_column: bool) -> FloatArray:
        """The potential over epsilon that makes the sums of rows, or columns, what they aim at."""
        problem = self.problem
        n, m = problem.shape
        parts = []
        starts = blocks(n, m)
        if by_column:
            top, total = np.full(m, -np.inf), np.zeros(m)
        for start in starts:
            part = slice(start, min(start + starts.step, n))
            exponents = problem.block(part.start, part.stop) / -epsilon
            if not by_column:
                exponents += other
                parts.append(_log_means(exponents, problem.b))
                continue
            exponents += other[part, None]
            if starts.step >= n:
                return self._damped(_log_means(exponents.T, problem.a), epsilon)
            new_top = np.maximum(top, exponents.max(axis=0))
            kept = np.where(np.isfinite(new_top), new_top, 0.0)
            total *= np.exp(np.where(np.isfinite(top), top - kept, -np.inf))
            total += problem.a[part] @ np.exp(exponents - kept)
            top = new_top
        logs = np.concatenate(parts) if not by_column else top + np.log(total)
        return self._damped(logs, epsilon)

    def _damped(self, logs: FloatArray, epsilon: float) -> FloatArray:
        return -(self.log_reference + logs) / (1.0 + epsilon / self.reach)

    def _on_path(
        self,
        epsilon: float,
        tolerance: float,
        start: tuple[FloatArray, FloatArray] | None,
        floor: float,
    ) -> UnbalancedSolve:
        problem, reach = self.problem, self.reach
        if reach > _FIXED * (self.largest + epsilon * abs(self.log_reference)):
            reach = math.inf
        # In bits u = log a' + phi the plan has no reference: a' takes what is left of it where
        # marginals are relaxed.
        t = epsilon / reach
        half = 0.5 * self.log_reference / (1.0 + t)
        weight = math.exp(half * t)
        a, b = problem.a * weight, problem.b * weight
        scaled = ScaledProblem(problem, a, b, self.max_memory, shift_costs=False)
        options = PathOptions(
            tolerance=tolerance,
            max_iterations=self.max_iterations,
            max_bytes=scaled.plan_bytes(self.max_memory),
            reach=reach / scaled.unit,
        )
        current = epsilon / scaled.unit
        lifted = None
        if start is not None:
            lifted = start[0] + epsilon * half, start[1] + epsilon * half
        kernel, stage = follow_path(
            scaled.geometry, current, options, scaled.in_bits(lifted, current)
        )
        f, g = scaled.potentials(kernel, stage.u, stage.v, current, current / options.reach)
        f, g = f - epsilon * half, g - epsilon * half
        converged = stage.converged
        if not (np.isfinite(f).all() and np.isfinite(g).all()):
            f, g, converged = np.zeros(a.size), np.zeros(b.size), False
        if self.few:
            careful = a.size * b.size <= _CAREFUL_PAIRS
            sums = sum_plan(problem, f, g, epsilon, self.log_reference, careful=careful)
        else:
            sums = self._kernel_sums(scaled, kernel, stage, f, g, current, weight)
        return UnbalancedSolve(
            f=f,
            g=g,
            sums=sums,
            epsilon=epsilon,
            floor=floor,
            converged=converged,
            n_iterations=stage.n_iterations,
            explicit=self.few,
        )

    def _kernel_sums(
        self,
        scaled: ScaledProblem,
        kernel: Kernel,
        stage: Stage,
        f: FloatArray,
        g: FloatArray,
        current: float,
        weight: float,
    ) -> PlanSums:
        """Sums as the last stage took them, with what they may have missed."""
        a, b, epsilon = self.problem.a, self.problem.b, current * scaled.unit
        rows, cost = final_sums(kernel, stage)
        # The last exact update was that of the columns, so their sums follow from the penalty.
        log_b = np.log2(kernel.b)
        columns = np.exp2(log_b - kernel.tau * (stage.v - log_b))
        r, c = scaled.marginals(rows, columns)
        total, other = math.fsum(r), math.fsum(c)
        transport = cost * current / LOG2_E * scaled.unit
        aims = (float(w @ np.exp(-h / self.reach)) for w, h in ((a, f), (b, g)))
        errors = sum_errors(kernel, stage, scaled.geometry.scale / current, self.problem.source.d)
        missing = (kernel.drop + 2.0 * errors) * max(*aims, total, other)
        reference = math.exp(min(self.log_reference, 700.0))
        moved = float(r @ f + c @ g)
        entropy = (moved - transport) / epsilon - (total - reference)
        return PlanSums(
            rows=Shares(r / a, r / a - 1.0),
            row_errors=np.zeros(a.size),
            columns=Shares(c / b, c / b - 1.0),
            column_errors=np.zeros(b.size),
            transport=transport,
            entropy=max(entropy, 0.0),
            entropy_error=0.0,
            mass=total,
            excess=total - 1.0,
            size=total + 1.0,
            forbidden=0.0,
            rounding=1e-14,
            missing=missing,
        )


def _log_means(exponents: FloatArray, weights: FloatArray) -> FloatArray:
    """log sum_j w_j exp(e_ij) of every row (n,), to full digits also where all e are small."""
    top = exponents.max(axis=1)
    if float(np.abs(exponents).max()) < 1.0:
        return np.asarray(np.log1p(np.expm1(exponents) @ weights))
    top = np.where(np.isfinite(top), top, 0.0)
    return np.asarray(top + np.log(np.exp(exponents - top[:, None]) @ weights))


def _shift(rows: float, columns: float, t: float) -> float:
    """The best h of f + h, g - h / (1 + t), which keeps columns exact; all over epsilon.

    `rows` and `columns` are the logarithms of the masses that both sides aim at; they are to be
    equal.
    """
    return (rows - columns) / t * ((1.0 + t) / (2.0 + t))


def _is_met(
    a: FloatArray, sums: PlanSums, f: FloatArray, reach: float, tolerance: float
) -> bool:
    aims = np.exp(-f / reach)
    return bool(a @ np.abs(sums.rows.share - aims) <= tolerance * float(a @ aims))
