"""What a marginal that differs from its weights costs, and what potentials are worth against it.

A side has weights a and a reach; its plan has the sums r there. With u = r - a the penalty is

    kl       reach sum r log(r / a) - r + a        worth  reach sum a (1 - exp(-f / reach))
    tv       reach sum |u|                         worth  sum a min(f, reach)   where f >= -reach
    squared  reach sum u²                          worth  sum h a - h² / (4 reach)
    fixed    0, but u must be 0                    worth  sum a f

with h = min(f, 2 reach a). The worth of f is inf over r >= 0 of penalty(r) + f.r: what a plan with
these sums pays at least once f.r is part of its costs (Chizat et al. 2018, arXiv:1607.05816,
table 1). It is concave in f.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
from scipy.special import wrightomega

from .._typing import FloatArray
from .plan_sums import Shares, divergence_of_share
from .rounding import U

__all__ = ["PENALTIES", "Penalty", "Side"]

Penalty: TypeAlias = Literal["kl", "tv", "squared"]
PENALTIES: tuple[Penalty, ...] = ("kl", "tv", "squared")

# Rounding of sums of up to 1e9 numbers taken pairwise and of the few operations of a term.
_SUM = 64.0 * U


@dataclass(frozen=True, eq=False)
class Side:
    """One marginal: its weights (n,), the price of what differs from them, and how it is counted.

    Attributes
    ----------
    weights : array (n,)
        Positive where the penalty is "kl" or the reach infinite.
    reach : float
        `inf` where the sums must be the weights.
    penalty : {"kl", "tv", "squared"}
    """

    weights: FloatArray
    reach: float
    penalty: Penalty

    @property
    def is_fixed(self) -> bool:
        """Whether the sums must be the weights."""
        return self.reach == math.inf

    @cached_property
    def logs(self) -> FloatArray:
        """Logarithms of the weights (n,)."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.weights))

    # Potentials

    def capped(self, f: FloatArray) -> FloatArray:
        """Potentials no higher than what is worth more: from there on worth is constant."""
        if self.is_fixed or self.penalty == "kl":
            return f
        cap = self.reach if self.penalty == "tv" else 2.0 * self.reach * self.weights
        return np.minimum(f, cap)

    def worth(self, f: FloatArray) -> float:
        """What potentials f (n,) are worth; of "tv" without the condition f >= -reach."""
        return math.fsum(self._terms(f))

    def _terms(self, f: FloatArray) -> FloatArray:
        a, reach = self.weights, self.reach
        if self.is_fixed:
            return a * f
        if self.penalty == "kl":
            with np.errstate(over="ignore"):
                return np.asarray(-reach * a * np.expm1(-f / reach))
        h = self.capped(f)
        if self.penalty == "tv":
            return a * h
        return h * a - h * h / (4.0 * reach)

    def worth_error(self, f: FloatArray) -> float:
        """What the computed `worth` may be off by."""
        a, reach = self.weights, self.reach
        if self.penalty == "kl" and not self.is_fixed:
            with np.errstate(over="ignore", invalid="ignore"):
                grown = np.exp(-f / reach)
                size = a * (reach * np.abs(np.expm1(-f / reach)) + np.abs(f) * grown)
        else:
            h = self.capped(f)
            size = a * np.abs(h)
            if self.penalty == "squared" and not self.is_fixed:
                size = size + h * h / (4.0 * reach)
        return _SUM * float(size.sum())

    def short(self, f: FloatArray) -> float:
        """By how much a potential is below the least that is worth a number."""
        if self.penalty != "tv" or self.is_fixed or f.size == 0:
            return 0.0
        return max(-self.reach - float(f.min()), 0.0)

    def aim(self, f: FloatArray) -> FloatArray:
        """Sums (n,) at which the worth of f is attained: its derivative."""
        a, reach = self.weights, self.reach
        if self.is_fixed:
            return a
        if self.penalty == "kl":
            with np.errstate(over="ignore"):
                return a * np.exp(-f / reach)
        if self.penalty == "tv":
            return np.where(f < reach, a, 0.0)
        return np.maximum(a - f / (2.0 * reach), 0.0)

    def bend(self, f: FloatArray) -> FloatArray:
        """Minus the derivative of `aim` (n,)."""
        if self.is_fixed or self.penalty == "tv":
            return np.zeros_like(f)
        if self.penalty == "kl":
            return self.aim(f) / self.reach
        return np.where(f < 2.0 * self.reach * self.weights, 0.5 / self.reach, 0.0)

    def best(self, logs: FloatArray, epsilon: float) -> FloatArray:
        """The f that makes worth(f) - epsilon sum exp(f / epsilon + logs) largest (n,)."""
        reach = self.reach
        free = epsilon * (self.logs - logs)
        if self.is_fixed:
            return free
        if self.penalty == "kl":
            return free * (reach / (reach + epsilon))
        if self.penalty == "tv":
            return np.clip(free, -reach, reach)
        # Of r + epsilon / (2 reach) log r = a + epsilon / (2 reach) logs, by w + log w = z.
        scale = 2.0 * reach / epsilon
        w = wrightomega(math.log(scale) + logs + scale * self.weights)
        with np.errstate(divide="ignore"):
            far = 2.0 * reach * (self.weights - w / scale)
            near = epsilon * (np.log(w) - math.log(scale) - logs)
        return np.asarray(np.where(w > 0.0, near, far))

    def pull(self, f: FloatArray, logs: FloatArray, epsilon: float) -> FloatArray:
        """How much of a change of the others' softmin `best` follows, in [0, 1] (n,)."""
        if self.is_fixed:
            return np.ones_like(f)
        if self.penalty == "kl":
            return np.full_like(f, self.reach / (self.reach + epsilon))
        if self.penalty == "tv":
            return np.where(np.abs(f) < self.reach, 1.0, 0.0)
        with np.errstate(over="ignore"):
            s = 2.0 * self.reach / epsilon * np.exp(f / epsilon + logs)
        return np.where(np.isfinite(s), s / (1.0 + s), 1.0)

    # Sums

    def price(self, sums: FloatArray) -> float:
        """The penalty of the sums r (n,); 0 where they must be the weights."""
        return math.fsum(self._prices(sums))

    def _prices(self, sums: FloatArray) -> FloatArray:
        a, reach = self.weights, self.reach
        if self.is_fixed:
            return np.zeros_like(a)
        if self.penalty == "kl":
            share = sums / a
            return reach * a * divergence_of_share(Shares(share, (sums - a) / a))
        if self.penalty == "tv":
            return reach * np.abs(sums - a)
        return reach * (sums - a) ** 2

    def price_error(self, sums: FloatArray, relative: float) -> float:
        """What the computed price may be off by where sums are off by the share `relative`."""
        a, reach = self.weights, self.reach
        if self.is_fixed:
            return 0.0
        off = relative * sums
        if self.penalty == "kl":
            share = np.where(sums > 0.0, sums / a, 1.0)
            change = off * np.abs(np.log(share)) + 2.0 * relative * off
        elif self.penalty == "tv":
            change = off
        else:
            change = (2.0 * np.abs(sums - a) + off) * off
        return reach * float(change.sum()) * (1.0 + _SUM) + _SUM * float(self._prices(sums).sum())
