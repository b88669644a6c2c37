"""Optimal plans without an entropic term, by the method of multipliers.

The dual is max worth_F(f) + worth_G(g) over f + g <= C. With P for the multipliers of f + g <= C
one step makes worth_F(f) + worth_G(g) - |(P + s (f + g - C))+|² / (2 s) largest, by Newton's method
on its sparse second derivatives, and takes (P + s (f + g - C))+ for the next P. For kl and squared
penalties that converges faster than linearly (Rockafellar 1976, doi:10.1137/0314056; Li, Sun & Toh
2020, arXiv:1903.09546 do so for linear programmes).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse.linalg import splu

from .._typing import FloatArray
from ..certificates.penalised import PenalisedEnclosure, plain_lower, plain_upper, shifted
from ..certificates.penalised_pairs import PenalisedPairs

__all__ = ["MATRICES", "PlainSearch"]

MATRICES = 5
"""Matrices (n, m) of floats that are held at a time."""
# First s over (1 / atoms) / (largest cost), its growth from step to step and its end; by taste.
_FIRST, _GROWTH, _LARGEST = 10.0, 3.0, 1e9
# Newton steps of one step of multipliers, and halvings of one of them.
_STEPS, _HALVINGS = 40, 12
# Error of the sums over the mass, at first and its fall.
_ERROR, _FALL, _LEAST_ERROR = 1e-2, 0.2, 1e-15
# Atoms up to which Newton's equations are solved as a dense matrix.
_DENSE_ATOMS = 300
# Steps of multipliers without a better gap before the search ends.
_PATIENCE = 5
# Shares of the diagonal, and of its largest entry, that are added to it, where a side is fixed and
# hardly anything is active.
_RIDGE, _LEAST = 1e-12, 1e-9
# Steps shorter than this ask for more of it.
_SHORT = 1e-2


class PlainSearch:
    """The search for a plan, its potentials and their bounds.

    Parameters
    ----------
    pairs : PenalisedPairs
    start : pair of arrays (n,), (m,)
        Potentials, of an entropic problem say.
    is_met : callable
        Whether bounds (lower, upper) are what was asked for.
    max_iterations : int
        Newton steps.
    asks_to_stop : callable
        Looked at once a Newton step.
    """

    def __init__(
        self,
        pairs: PenalisedPairs,
        start: tuple[FloatArray, FloatArray],
        is_met: Callable[[float, float], bool],
        max_iterations: int,
        asks_to_stop: Callable[[int], bool],
    ):
        self.pairs, self.is_met = pairs, is_met
        self.max_iterations, self.asks_to_stop = max_iterations, asks_to_stop
        n, m = pairs.shape
        self.plan = np.zeros((n, m))
        self.f, self.g = start
        self.lower, self.feasible = -math.inf, (self.f, self.g)
        self.enclosure: PenalisedEnclosure | None = None
        self.best_plan = self.plan
        self.n_iterations, self.is_stopped = 0, False
        self._mass = max(float(pairs.source.weights.sum()), float(pairs.target.weights.sum()))

    def run(self, largest: float) -> None:
        """Search until the bounds are met, the limits are, or no step makes them better."""
        n, m = self.pairs.shape
        s = _FIRST * self._mass / ((n + m) * largest)
        error, worse, gap = _ERROR, 0, math.inf
        self._look()
        while not (self._is_done() or worse >= _PATIENCE):
            self._maximise(s, error)
            self._look()
            assert self.enclosure is not None
            found = self.enclosure.upper - self.lower
            worse = 0 if found < 0.9 * gap else worse + 1
            gap = min(gap, found)
            error = max(error * _FALL, _LEAST_ERROR)
            s = min(s * _GROWTH, _LARGEST * self._mass / largest)

    def _is_done(self) -> bool:
        assert self.enclosure is not None
        met = self.is_met(self.lower, self.enclosure.upper)
        return met or self.is_stopped or self.n_iterations >= self.max_iterations

    # One step of multipliers

    def _maximise(self, s: float, error: float) -> None:
        """Make the augmented dual largest up to `error`, and take its multipliers."""
        pairs = self.pairs
        source, target = pairs.source, pairs.target
        f, g = self.f, self.g
        Z = self._multipliers(f, g, s)
        value, damping = self._value(f, g, Z, s), _LEAST
        for _ in range(_STEPS):
            r, c = Z.sum(axis=1), Z.sum(axis=0)
            up_f, up_g = source.aim(f) - r, target.aim(g) - c
            if float(np.abs(up_f).sum() + np.abs(up_g).sum()) <= error * self._mass:
                break
            self.n_iterations += 1
            self.is_stopped = self.asks_to_stop(self.n_iterations)
            if self.is_stopped or self.n_iterations >= self.max_iterations:
                break
            df, dg = self._newton(f, g, Z > 0.0, s, up_f, up_g, damping)
            slope, length = float(up_f @ df + up_g @ dg), 1.0
            for _ in range(_HALVINGS):
                moved = f + length * df, g + length * dg
                new = self._multipliers(*moved, s)
                grown = self._value(*moved, new, s)
                if grown >= value + 1e-4 * length * slope:
                    break
                length *= 0.5
            if length < _SHORT:
                damping *= 100.0
                if grown < value:
                    continue
            elif length == 1.0:
                damping = max(0.1 * damping, _LEAST)
            (f, g), Z, value = moved, new, grown
        self.f, self.g = shifted(pairs, f, g)
        self.plan = Z

    def _multipliers(self, f: FloatArray, g: FloatArray, s: float) -> FloatArray:
        Z = (f[:, None] + g) - self.pairs.matrix()
        Z *= s
        Z += self.plan
        return np.maximum(Z, 0.0, out=Z)

    def _value(self, f: FloatArray, g: FloatArray, Z: FloatArray, s: float) -> float:
        worth = self.pairs.source.worth(f) + self.pairs.target.worth(g)
        value = worth - float(np.vdot(Z, Z)) / (2.0 * s)
        return value if math.isfinite(value) else -math.inf

    def _newton(
        self,
        f: FloatArray,
        g: FloatArray,
        active: np.ndarray,
        s: float,
        up_f: FloatArray,
        up_g: FloatArray,
        damping: float,
    ) -> tuple[FloatArray, FloatArray]:
        n = f.size
        d = np.concatenate(
            [
                self.pairs.source.bend(f) + s * active.sum(axis=1),
                self.pairs.target.bend(g) + s * active.sum(axis=0),
            ]
        )
        # Atoms of a fixed side without an active pair have nothing: they move until they have one.
        d += _RIDGE * d + damping * max(s, float(d.max()))
        b = np.concatenate([up_f, up_g])
        if b.size <= _DENSE_ATOMS:
            A = np.diag(d)
            A[:n, n:] = s * active
            A[n:, :n] = A[:n, n:].T
            try:
                step = cho_solve(cho_factor(A, check_finite=False), b, check_finite=False)
            except np.linalg.LinAlgError:
                step = b / d
        else:
            step = _sparse_solution(active, s, d, b)
        return step[:n], step[n:]

    # Bounds

    def _look(self) -> None:
        """Bounds of what was found, the best of both kept."""
        lower, *feasible = plain_lower(self.pairs, self.f)
        if lower > self.lower or self.enclosure is None:
            self.lower, self.feasible = lower, (feasible[0], feasible[1])
        plan = _with_fixed_sums(self.pairs, self.plan, *self.feasible)
        found = plain_upper(self.pairs, plan)
        if self.enclosure is None or found.upper < self.enclosure.upper:
            self.enclosure, self.best_plan = found, plan


def _sparse_solution(active: np.ndarray, s: float, d: FloatArray, b: FloatArray) -> FloatArray:
    """Solve with the Schur complement of the longer side, whose block is diagonal."""
    n, m = active.shape
    S = sparse.csr_array(active, dtype=np.float64) * s
    if m > n:
        step = _sparse_solution_of(S.T.tocsr(), d[n:], d[:n], b[n:], b[:n])
        return np.concatenate([step[m:], step[:m]])
    return _sparse_solution_of(S, d[:n], d[n:], b[:n], b[n:])


def _sparse_solution_of(
    S: sparse.csr_array, long: FloatArray, short: FloatArray, b: FloatArray, c: FloatArray
) -> FloatArray:
    scaled = S.multiply(1.0 / long[:, None]).tocsr()
    A = sparse.diags_array(short) - (S.T @ scaled)
    y = splu(A.tocsc()).solve(c - scaled.T @ b)
    return np.concatenate([(b - S @ y) / long, y])


def _with_fixed_sums(
    pairs: PenalisedPairs, plan: FloatArray, f: FloatArray, g: FloatArray
) -> FloatArray:
    """The plan with its rows (columns) scaled to weights that they must have."""
    source, target = pairs.source, pairs.target
    if target.is_fixed:
        return _with_fixed_sums(pairs.transposed(), plan.T, g, f).T
    if not source.is_fixed:
        return plan
    plan, r, a = plan.copy(), plan.sum(axis=1), source.weights
    # What holds less than half of its weight is filled where pairs cost least.
    lacking = np.flatnonzero(r < 0.5 * a)
    if lacking.size:
        nearest = (pairs.matrix()[lacking] - g).argmin(axis=1)
        plan[lacking, nearest] += a[lacking] - r[lacking]
        r = plan.sum(axis=1)
    plan *= (a / r)[:, None]
    return plan
