"""Rényi's divergence: the sum that suits each size of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._kernels.divergence import log_ratios
from .._laws import as_law
from .._typing import FloatArray, FloatOrArray
from ..errors import UnsupportedProblemError
from . import continuous, integers
from .dispatch import (
    as_frozen,
    check_axis,
    closed_form,
    counted,
    evaluate,
    kind_of,
    vector_pair,
)
from .recipes import Recipe, power_sum, renyi
from .vectors import VectorPair, row_ratios

__all__ = ["renyi_in_nats"]

_LARGEST_ORDER = 1e15  # of laws with densities: orders times 2^-52 are an error in nats

LOG_2 = math.log(2.0)
_ROUNDING = 1e-12  # of differences of log-densities, generously


def renyi_in_nats(p: Any, q: Any, alpha: float, axis: int) -> FloatOrArray:
    """Rényi divergence of order alpha, 0 < alpha < inf and not 1.

    The logarithm of 1 less a sum is accurate while the sum is below 1/2. Where it is larger, the
    plain sum of p^alpha q^(1 - alpha) is; where that overflows, the plain sum of ratios divided by
    the largest one.
    """
    p, q = counted(p, q)
    p, q = as_law("p", p), as_law("q", q)
    axis = check_axis(p, q, axis)
    recipe = renyi(alpha)
    known = closed_form(recipe, p, q)
    if known is not None:
        return known
    kinds = {kind_of("p", p), kind_of("q", q)}
    if "continuous" in kinds and alpha > _LARGEST_ORDER:
        raise UnsupportedProblemError(
            f"an order of {alpha:g} magnifies the rounding of log-densities beyond use; orders of "
            f"laws with densities are at most {_LARGEST_ORDER:g}, where nearly the limit is reached"
        )
    value = evaluate(recipe, p, q, axis=axis)
    large = np.asarray(value) * (1.0 - alpha) > LOG_2
    overflown = np.isposinf(value).any()
    if "continuous" in kinds and kinds <= {"continuous", "gaussian"}:
        if large.any() or overflown:
            first, second = as_frozen(p), as_frozen(q)
            with np.errstate(over="ignore", invalid="ignore"):
                peak = continuous.largest_exponent(recipe, first, second, alpha)
            if math.isinf(peak.exponent):  # no place has both, or no place has the largest
                return math.inf

            def ratio(plain: Recipe) -> float:
                return continuous.ratio_of_densities(plain, first, second, peak)

            return _from_largest(peak.exponent, ratio, alpha, value)
        return value
    if alpha < 1.0 and large.any():
        plain = evaluate(power_sum(alpha), p, q, axis=axis)
        return plain if isinstance(plain, float) else np.where(large, plain, value)
    if alpha > 1.0 and overflown and kinds in ({"vector"}, {"measure"}):
        return _without_overflow(np.array(value), vector_pair(p, q, axis), alpha)
    if alpha > 1.0 and overflown and kinds == {"discrete"}:
        exponent = integers.largest_exponent(p, q, alpha)

        def ratio_of_masses(plain: Recipe) -> float:
            return integers.ratio_of_masses(plain, p, q)

        return _from_largest(exponent, ratio_of_masses, alpha, value)
    return value


def _from_largest(
    exponent: float, ratio: Callable[[Recipe], float], alpha: float, value: FloatOrArray
) -> FloatOrArray:
    """The plain sum divided by its largest term exp(exponent); `value` where that is no help."""
    shift = exponent / (alpha - 1.0)
    if not math.isfinite(shift):
        return value
    # Orders of 1e12 and more would turn the rounding of a shift into an overflow. A little above it
    # they underflow, and what would be added to the shift has no weight.
    above = shift + _ROUNDING * (1.0 + abs(shift))
    plain = power_sum(alpha, above)
    with np.errstate(divide="ignore"):
        found = float(plain.finish(np.asarray(ratio(plain))))
    return shift if found == -math.inf else found


def _without_overflow(value: FloatArray, pair: VectorPair, alpha: float) -> FloatOrArray:
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
