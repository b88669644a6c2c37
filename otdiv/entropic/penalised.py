"""Potentials of entropic transport with any penalty of the marginals.

The dual worth_F(f) + worth_G(g) - epsilon sum R exp((f + g - C) / epsilon) is concave, and each of
its halves has its maximum in closed form (`Side.best`). Epsilon falls from the size of the costs to
what was asked. At each a round is f, the best shift (f + t, g - t), then g; where rounds are slow,
Newton's method on their fixed point follows, as long as it raises the dual.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .._typing import FloatArray
from ..certificates.penalised import Reference, plan_block, shifted
from ..certificates.penalised_pairs import PenalisedPairs
from ..certificates.penalties import Side

__all__ = ["PenalisedSolve", "PenalisedSolver"]

# Factor between two epsilons, and the error of sums at which one is left for the next; by taste.
_ANNEALING, _COARSE = 4.0, 1e-2
# Atoms of both sides up to which Newton's equations are solved: a second a step.
_MOST_ATOMS = 4000
# Rounds between two of Newton's steps, and the contraction of a round that is good enough.
_ROUNDS, _FAST = 2, 0.3
# Ridge of Newton's equations, which are singular where no potential is clipped: at first, and where
# steps are (not) taken.
_FIRST_RIDGE, _LEAST_RIDGE, _MOST_RIDGE = 1e-8, 1e-12, 1e-4
# Shortenings of a step of Newton's before it is given up.
_SHORTENINGS = 4


class PenalisedSolve(NamedTuple):
    """Potentials, and how far rows are from their conditions."""

    f: FloatArray
    g: FloatArray
    error: float
    """L1 error of the sums over the mass."""
    n_iterations: int
    is_stopped: bool


class PenalisedSolver:
    """Maximises the dual at one epsilon after another.

    Parameters
    ----------
    pairs : PenalisedPairs
        Of which the target is fixed where only one side is.
    rows, columns : arrays (n,), (m,)
        Logarithms of the reference.
    max_iterations : int
        Rounds and steps of all epsilons together.
    asks_to_stop : callable
        Looked at once a round.
    """

    def __init__(
        self,
        pairs: PenalisedPairs,
        rows: FloatArray,
        columns: FloatArray,
        max_iterations: int,
        asks_to_stop: Callable[[int], bool],
    ):
        self.pairs, self.rows, self.columns = pairs, rows, columns
        self.max_iterations, self.asks_to_stop = max_iterations, asks_to_stop
        n, m = pairs.shape
        self.f, self.g = np.zeros(n), np.zeros(m)
        self.n_iterations, self.is_stopped = 0, False
        self._newton = n + m <= _MOST_ATOMS
        self._ridge = _FIRST_RIDGE

    def solve(self, epsilon: float, first: float, tolerance: float) -> PenalisedSolve:
        """Potentials at `epsilon`, coming from `first`, to an error of the sums of `tolerance`."""
        current = max(first, epsilon)
        while current > epsilon and not self._is_over():
            self._stage(current, max(_COARSE, tolerance))
            current = max(current / _ANNEALING, epsilon)
        return self.refine(epsilon, tolerance)

    def refine(self, epsilon: float, tolerance: float) -> PenalisedSolve:
        """Go on at one epsilon."""
        error = self._stage(epsilon, tolerance)
        return PenalisedSolve(self.f, self.g, error, self.n_iterations, self.is_stopped)

    def _is_over(self) -> bool:
        return self.is_stopped or self.n_iterations >= self.max_iterations

    def _stage(self, epsilon: float, tolerance: float) -> float:
        # The first round only says how well the potentials of another epsilon do.
        error, since = self._round(epsilon), 0
        while True:
            before, error = error, self._round(epsilon)
            since += 1
            if error <= tolerance or self._is_over():
                return error
            if self._newton and since > _ROUNDS and error > _FAST * before:
                since = 0
                self._step(epsilon)

    def _round(self, epsilon: float) -> float:
        """One round; the error of the rows before it."""
        source, target = self.pairs.source, self.pairs.target
        logs = self._row_logs(self.g, epsilon)
        found = source.best(logs, epsilon)
        error = _error(self.f, found, logs, epsilon)
        self.f, self.g = shifted(self.pairs, found, self.g)
        self.g = target.best(self._column_logs(self.f, epsilon), epsilon)
        self.n_iterations += 1
        self.is_stopped = self.asks_to_stop(self.n_iterations)
        return error

    # Sums

    def _row_logs(self, g: FloatArray, epsilon: float) -> FloatArray:
        """Logarithms of the sums of rows without f (n,)."""
        logs, over = np.empty_like(self.rows), self.columns + g / epsilon
        for part in self.pairs.parts():
            exponents = over - self.pairs.block(part) / epsilon
            top = exponents.max(axis=1)
            exponents -= top[:, None]
            logs[part] = top + np.log(np.exp(exponents, out=exponents).sum(axis=1))
        return logs + self.rows

    def _column_logs(self, f: FloatArray, epsilon: float) -> FloatArray:
        """Logarithms of the sums of columns without g (m,)."""
        over, m = self.rows + f / epsilon, self.columns.size
        top, total = np.full(m, -math.inf), np.zeros(m)
        for part in self.pairs.parts():
            exponents = over[part, None] - self.pairs.block(part) / epsilon
            higher = np.maximum(top, exponents.max(axis=0))
            total *= np.exp(top - higher)
            exponents -= higher
            total += np.exp(exponents, out=exponents).sum(axis=0)
            top = higher
        return top + np.log(total) + self.columns

    def _dual(self, f: FloatArray, g: FloatArray, logs: FloatArray, epsilon: float) -> float:
        """The dual value, where `logs` are those of the rows at g."""
        pairs = self.pairs
        with np.errstate(over="ignore"):
            mass = float(np.exp(f / epsilon + logs).sum())
        return pairs.source.worth(f) + pairs.target.worth(g) - epsilon * mass

    # Newton's step

    def _step(self, epsilon: float) -> None:
        """One step on f = best(g), g = best(f), shortened until the dual grows."""
        pairs, f, g = self.pairs, self.f, self.g
        source, target = pairs.source, pairs.target
        n, m = pairs.shape
        reference = Reference(self.rows, self.columns, epsilon)
        P = np.empty((n, m))
        for part in pairs.parts():
            P[part] = plan_block(pairs, f, g, reference, part)[1]
        r, c = P.sum(axis=1), P.sum(axis=0)
        logs, others = self._row_logs(g, epsilon), self._column_logs(f, epsilon)
        best_f, best_g = source.best(logs, epsilon), target.best(others, epsilon)
        rest_f, rest_g = best_f - f, best_g - g
        pull_f = source.pull(best_f, logs, epsilon) / np.maximum(r, 1e-300)
        pull_g = target.pull(best_g, others, epsilon) / np.maximum(c, 1e-300)
        rows, columns = P * pull_f[:, None], P * pull_g
        # df + rows dg = rest_f and dg + columns' df = rest_g, reduced to the shorter side.
        if m <= n:
            A = np.eye(m) * (1.0 + self._ridge) - columns.T @ rows
            dg = _solution(A, rest_g - columns.T @ rest_f)
            df = rest_f - rows @ dg
        else:
            A = np.eye(n) * (1.0 + self._ridge) - rows @ columns.T
            df = _solution(A, rest_f - rows @ rest_g)
            dg = rest_g - columns.T @ df
        if not (np.isfinite(df).all() and np.isfinite(dg).all()):
            return
        here = self._dual(f, g, logs, epsilon)
        for _ in range(_SHORTENINGS):
            self.n_iterations += 1
            moved = _inside(source, f + df), _inside(target, g + dg)
            if self._dual(*moved, self._row_logs(moved[1], epsilon), epsilon) > here:
                self.f, self.g = moved
                self._ridge = max(0.1 * self._ridge, _LEAST_RIDGE)
                return
            df, dg = 0.25 * df, 0.25 * dg
        self._ridge = min(100.0 * self._ridge, _MOST_RIDGE)


def _inside(side: Side, f: FloatArray) -> FloatArray:
    """Potentials of "tv" no lower than what is worth a number."""
    if side.penalty == "tv" and not side.is_fixed:
        return np.clip(f, -side.reach, side.reach)
    return f


def _solution(A: FloatArray, b: FloatArray) -> FloatArray:
    try:
        return np.asarray(np.linalg.solve(A, b))
    except np.linalg.LinAlgError:
        return np.full_like(b, math.nan)


def _error(f: FloatArray, found: FloatArray, logs: FloatArray, epsilon: float) -> float:
    """L1 error of the sums that f gives, against those of its best, over the mass."""
    with np.errstate(over="ignore", invalid="ignore"):
        r, aims = np.exp(f / epsilon + logs), np.exp(found / epsilon + logs)
        off, mass = float(np.abs(r - aims).sum()), float(aims.sum())
    if mass == 0.0:  # plans of such costs hold no float
        return 0.0 if off == 0.0 else math.inf
    error = off / mass
    return error if math.isfinite(error) else math.inf
