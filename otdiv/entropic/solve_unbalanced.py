"""Potentials of entropic transport with penalised marginals.

With k = reach / (reach + epsilon) the conditions are, s being the `reference` mass of a⊗b,

    f_i = -k epsilon (log s + log sum_j b_j exp((g_j - C_ij) / epsilon))

and the same of g. Taking them in turn contracts by k squared a round at worst, which is slow in one
direction only where the costs are at most epsilon: (f, g) + (h, -h). Of all h the best is known in
closed form, so one shift a round settles it (Séjourné, Vialard & Peyré 2022, arXiv:2201.00730).
Where epsilon is smaller, Newton's steps along a path do the rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .._gibbs.protocols import Kernel
from .._kernels.exponential import LOG2_E
from .._typing import FloatArray
from ..certificates.plan_sums import PlanSums, Shares, log_mean, sum_plan
from ..certificates.rounding import blocks
from ..costs import CostMatrix
from ..problems import TransportProblem
from ..results import EntropicSummary
from .bounds import summarise
from .iteration.annealing import AnnealingOptions, anneal
from .iteration.marginals import Stage, final_sums, sum_errors
from .scaling import ScaledProblem

__all__ = ["FEW_PAIRS", "UnbalancedSolve", "UnbalancedSolver"]

FEW_PAIRS = 2**20
"""Pairs up to which a plan is summed entry by entry, in a hundredth of a second."""
# Pairs up to which it is summed carefully, in some milliseconds, also where epsilon is small.
_CAREFUL_PAIRS = 2**16
# Alternating updates at most; by taste: where they are used each contracts by 4 or more.
_MOST_ROUNDS = 400
# Relative change of a potential that ends them: two roundings.
_LEAST_CHANGE = 2.0**-52
# Reach over all that potentials can be from which marginals are as good as fixed; by taste.
_FIXED = 1e10
# Epsilon over the costs from which the rounding of annealing is more than they are; by taste.
_SMOOTHEST = 1e6


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
    fixed: EntropicSummary | None = None
    """Of the problem with fixed marginals, where the reach is so large that it was solved."""
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
        asks_to_stop: Callable[[float, int, float], bool] = lambda epsilon, n, error: False,
    ):
        self.asks_to_stop = asks_to_stop
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
        return self.least_tolerance(1.0) / tolerance

    def least_tolerance(self, epsilon: float) -> float:
        """Marginal error that float64 resolves at `epsilon`."""
        return self._scale * LOG2_E * 2.0**-50 / epsilon

    def _is_fixed(self, epsilon: float) -> bool:
        """Whether marginals are as good as fixed."""
        return self.reach > _FIXED * (self.largest + epsilon * (1.0 + abs(self.log_reference)))

    def look_closer(self, solve: UnbalancedSolve) -> None:
        """From now on take the floor from the terms of those exponents that hold mass.

        Costs far above these hold no mass that rounding could spoil, where each is stored itself.
        """
        a, b, sums = self.problem.a, self.problem.b, solve.sums
        held = float(a @ (sums.rows.share * np.abs(solve.f)))
        held += float(b @ (sums.columns.share * np.abs(solve.g))) + sums.transport
        if self.few and sums.mass > 0.0 and math.isfinite(held):
            self._scale = min(self.largest, held / sums.mass)

    def solve(
        self, epsilon: float, tolerance: float, start: tuple[FloatArray, FloatArray] | None = None
    ) -> UnbalancedSolve:
        """Potentials at `epsilon`, or at the floor where that is above it and matters."""
        floor = self.floor(tolerance)
        smooth = self._single or epsilon >= self.largest or epsilon >= self.reach
        # Fixed marginals are left to annealing, which proves them, where costs and epsilon allow.
        fixed = self._is_fixed(epsilon) and epsilon < _SMOOTHEST * self.largest
        with np.errstate(all="ignore"):
            if smooth and not fixed and (self.few or self._single):
                return self._in_turn(epsilon, tolerance, floor)
            return self._on_path(max(epsilon, floor), tolerance, start, floor)

    def _in_turn(self, epsilon: float, tolerance: float, floor: float) -> UnbalancedSolve:
        """Both conditions in turn, on the potentials themselves: exact however large epsilon is."""
        problem, reach = self.problem, self.reach
        a, b = problem.a, problem.b
        # Neither ratio of epsilon and reach need be a number, but these are.
        kept = reach / (reach + epsilon)
        unit = kept * epsilon
        f, g, count, converged = np.zeros(a.size), np.zeros(b.size), 0, False
        while count < self.max_iterations and count < _MOST_ROUNDS and not converged:
            count += 1
            if self.asks_to_stop(epsilon, count, math.nan):
                break
            before = f
            f = unit * self._update(g, epsilon, by_column=False)
            g = unit * self._update(f, epsilon, by_column=True)
            # The best f + h, g - kept h: columns stay exact, and both sides aim at one mass.
            shift = (log_mean(a, -f / reach) - log_mean(b, -g / reach)) * reach / (1.0 + kept)
            f, g = f + shift, g - kept * shift
            size = max(float(np.abs(f).max()), unit)
            converged = float(np.abs(f - before).max()) <= _LEAST_CHANGE * size
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
        """Minus the logarithms of the sums of rows, or columns, without their own potential."""
        problem = self.problem
        n, m = problem.shape
        starts = blocks(n, m)
        parts, top, total = [], np.full(m, -np.inf), np.zeros(m)
        for start in starts:
            part = slice(start, min(start + starts.step, n))
            C = problem.block(part.start, part.stop)
            if not by_column:
                parts.append(_log_means((other - C) / epsilon, problem.b))
                continue
            exponents = (other[part, None] - C) / epsilon
            if starts.step >= n:
                parts.append(_log_means(exponents.T, problem.a))
                break
            higher = np.maximum(top, exponents.max(axis=0))
            base = np.where(np.isfinite(higher), higher, 0.0)
            total *= np.exp(np.where(np.isfinite(top), top - base, -np.inf))
            total += problem.a[part] @ np.exp(exponents - base)
            top = higher
        logs = np.concatenate(parts) if parts else top + np.log(total)
        return -(self.log_reference + logs)

    def _on_path(
        self,
        epsilon: float,
        tolerance: float,
        start: tuple[FloatArray, FloatArray] | None,
        floor: float,
    ) -> UnbalancedSolve:
        problem, reach = self.problem, self.reach
        if self._is_fixed(epsilon):
            reach = math.inf
        # In bits u = log a' + phi the plan has no reference: a' takes what is left of it where
        # marginals are relaxed.
        relaxed = epsilon / (epsilon + reach) if reach < math.inf else 0.0
        half = 0.5 * self.log_reference * (1.0 - relaxed)
        weight = math.exp(0.5 * self.log_reference * relaxed)
        a, b = problem.a * weight, problem.b * weight
        scaled = ScaledProblem(problem, a, b, self.max_memory, shift_costs=False)
        options = AnnealingOptions(
            tolerance=tolerance,
            max_iterations=self.max_iterations,
            max_bytes=scaled.plan_bytes(self.max_memory),
            reach=reach / scaled.unit,
            asks_to_stop=lambda bits, n, error: self.asks_to_stop(bits * scaled.unit, n, error),
        )
        current = epsilon / scaled.unit
        lifted = None
        if start is not None:
            lifted = start[0] + epsilon * half, start[1] + epsilon * half
        kernel, stage = anneal(scaled.geometry, current, options, scaled.in_bits(lifted, current))
        f, g = scaled.potentials(kernel, stage.u, stage.v, current, current / options.reach)
        f, g = f - epsilon * half, g - epsilon * half
        converged = stage.converged
        if not (np.isfinite(f).all() and np.isfinite(g).all()):
            f, g, converged = np.zeros(a.size), np.zeros(b.size), False
        if self.few:
            careful = a.size * b.size <= _CAREFUL_PAIRS
            sums = sum_plan(problem, f, g, epsilon, self.log_reference, careful=careful)
        else:
            sums = self._kernel_sums(scaled, kernel, stage, f, g, current)
        fixed = None
        if reach == math.inf and converged and not scaled.forbidden:
            fixed = summarise(scaled, 1.0, kernel, stage, current)
        return UnbalancedSolve(
            f=f,
            g=g,
            sums=sums,
            epsilon=epsilon,
            floor=floor,
            converged=converged,
            n_iterations=stage.n_iterations,
            fixed=fixed,
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
        missing = (kernel.truncation + 2.0 * errors) * max(*aims, total, other)
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
            above=total - reference,
            above_error=1e-14 * (total + reference),
            forbidden=0.0,
            rounding=1e-14,
            missing=missing,
        )


def _log_means(exponents: FloatArray, weights: FloatArray) -> FloatArray:
    """Return log sum_j w_j exp(e_ij) of every row (n,), also where all e are small."""
    top = exponents.max(axis=1)
    if float(np.abs(exponents).max()) < 1.0:
        return np.asarray(np.log1p(np.expm1(exponents) @ weights))
    top = np.where(np.isfinite(top), top, 0.0)
    return np.asarray(top + np.log(np.exp(exponents - top[:, None]) @ weights))


def _is_met(a: FloatArray, sums: PlanSums, f: FloatArray, reach: float, tolerance: float) -> bool:
    aims = np.exp(-f / reach)
    return bool(a @ np.abs(sums.rows.share - aims) <= tolerance * float(a @ aims))
