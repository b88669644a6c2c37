"""Rényi's divergence: the sum that suits each size of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._kernels.divergence import log_ratios
from .._typing import FloatArray
from . import continuous
from .dispatch import as_frozen, evaluate, kind_of, vector_pair
from .recipes import power_sum, renyi
from .vectors import VectorPair, row_ratios

__all__ = ["renyi_in_nats"]

LOG_2 = math.log(2.0)


def renyi_in_nats(p: Any, q: Any, alpha: float, axis: int) -> float | FloatArray:
    """Rényi divergence of order alpha, 0 < alpha < inf and not 1.

    The sum S of p^alpha q^(1 - alpha) - alpha p - (1 - alpha) q is accurate while the divergence
    log(1 + S) / (alpha - 1) is small. Where 1 + S < 1/2 the plain sum is; where it overflows, the
    plain sum of ratios divided by the largest one.
    """
    kinds = {kind_of("p", p), kind_of("q", q)}
    value = evaluate(renyi(alpha), p, q, axis=axis)
    if kinds == {"gaussian"}:
        return value
    large = np.asarray(value) * (1.0 - alpha) > LOG_2
    overflown = np.isposinf(value).any()
    if "continuous" in kinds and kinds <= {"continuous", "gaussian"}:
        if large.any() or overflown:
            first, second = as_frozen(p), as_frozen(q)
            exponent = continuous.largest_exponent(renyi(alpha), first, second, alpha)
            if exponent == -math.inf:  # no place has both
                return math.inf
            if exponent < math.inf:
                return evaluate(power_sum(alpha, exponent / (alpha - 1.0)), p, q)
        return value
    if alpha < 1.0 and large.any():
        plain = evaluate(power_sum(alpha), p, q, axis=axis)
        return plain if isinstance(plain, float) else np.where(large, plain, value)
    if alpha > 1.0 and overflown and kinds in ({"vector"}, {"measure"}):
        return _without_overflow(np.array(value), vector_pair(p, q, axis), alpha)
    return value


def _without_overflow(value: FloatArray, pair: VectorPair, alpha: float) -> float | FloatArray:
    """Replace the infinities that are overflows, pair by pair."""
    for index in zip(*np.nonzero(np.isposinf(np.atleast_1d(value))), strict=True):
        row = index if pair.leading else ()
        sides = [np.array(side[row], dtype=np.float64) for side in (pair.p, pair.q)]
        for side, totals in zip(sides, (pair.p_totals, pair.q_totals), strict=True):
            if totals is not None:
                side /= totals[row]
        logs = np.empty(sides[0].size)
        log_ratios(sides[0], sides[1], logs)
        largest = float(logs[sides[0] > 0.0].max())
        if math.isfinite(largest):
            recipe = power_sum(alpha, largest)
            single = VectorPair(sides[0], sides[1], checked=False)
            value[row] = recipe.finish(row_ratios(recipe.terms, single))
    return float(value) if value.ndim == 0 else value
