"""What each divergence is: one term for masses, the same for log-densities, and how to finish.

A new divergence is one entry here. Every term T(p, q) is homogeneous of degree 1 with T(p, p) = 0,
so that one definition serves masses and densities, and `finish` receives the ratio
sum T(p, q) / sum (p + q), in which a common factor of p and q cancels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._kernels import divergence as kernels
from .._typing import FloatArray
from .._validation import as_real_array
from ..errors import InvalidInputError, UnsupportedProblemError
from . import gaussians
from .vectors import Terms

__all__ = [
    "CHI2",
    "HELLINGER",
    "JEFFREYS",
    "JENSEN_SHANNON",
    "KULLBACK_LEIBLER",
    "TOTAL_VARIATION",
    "Recipe",
    "power_sum",
    "renyi",
    "through_densities",
    "user_function",
    "values_of",
]

LOG_2 = math.log(2.0)
LARGEST_LOG_RATIO = 700.0  # exp of it is a float, and so is its root
LEAST_LOG_MASS = -80.0  # logarithm of a density, times its distance, that nobody will miss
_SMALLEST_ORDER = 2.0**-1000  # its inverse is a float with room for sums


@dataclass(frozen=True, slots=True)
class Recipe:
    """One divergence.

    Attributes
    ----------
    name : str
        As messages show it.
    terms : callable
        Fills an array with T(p, q) for two arrays of masses.
    log_terms : callable
        T(exp(log_p), exp(log_q)) for two arrays of log-densities.
    finish : callable
        The divergence in nats from sum T / sum (p + q).
    gaussian : callable or None
        Closed form for two normal laws, both on the line or both in space.
    """

    name: str
    terms: Terms
    log_terms: Callable[[FloatArray, FloatArray], FloatArray]
    finish: Callable[[FloatArray], FloatArray]
    gaussian: Callable[[gaussians.Normal, gaussians.Normal], float] | None = None


def through_densities(terms: Terms) -> Callable[[FloatArray, FloatArray], FloatArray]:
    """Log-density form of bounded terms: a density that underflows has nothing to add to them."""

    def log_terms(log_p: FloatArray, log_q: FloatArray) -> FloatArray:
        values = np.empty(log_p.size)
        terms(np.exp(log_p), np.exp(log_q), values)
        return values

    return log_terms


def _remainder_series(u: FloatArray) -> FloatArray:
    """Return (exp(u) - 1 - u) / u^2 for |u| < 0.3."""
    series = np.zeros_like(u)
    for k in range(14, 1, -1):  # 0.3^15 / 15! is below 1e-20 of the leading term 1 / 2
        series = series * u + 1.0 / math.factorial(k)
    return series


def _exp_remainder(u: FloatArray) -> FloatArray:
    """Return g(u) = exp(u) - 1 - u >= 0 without cancellation near 0."""
    return np.where(np.abs(u) < 0.3, _remainder_series(u) * u * u, np.expm1(u) - u)


def _log_ratio(log_p: FloatArray, log_q: FloatArray) -> FloatArray:
    """Return log p - log q with 0 where both densities vanish."""
    both_zero = np.isneginf(log_p) & np.isneginf(log_q)
    return np.where(both_zero, 0.0, log_p - np.where(both_zero, 0.0, log_q))


def _kl_log_terms(log_p: FloatArray, log_q: FloatArray) -> FloatArray:
    # p (l - 1 + exp(-l)) for l >= 0 and q (1 + (l - 1) exp(l)) for l < 0: no factor overflows.
    # With g(u) = exp(u) - 1 - u they are p g(-l) and, for l near 0, q (l expm1(l) - g(l)).
    ratio = _log_ratio(log_p, log_q)
    p, q = np.exp(log_p), np.exp(log_q)
    above = p * _exp_remainder(-np.maximum(ratio, 0.0))
    low = np.clip(ratio, -1e4, 0.0)  # exp(-1e4) is 0, and -inf * 0 would be a NaN
    close = low * np.expm1(low) - _exp_remainder(low)
    below = q * np.where(low > -2.0, close, 1.0 + (low - 1.0) * np.exp(low))
    values = np.where(ratio >= 0.0, above, below)
    return np.where(np.isposinf(ratio), np.where(p > 0.0, np.inf, 0.0), values)


def _jeffreys_log_terms(log_p: FloatArray, log_q: FloatArray) -> FloatArray:
    ratio = _log_ratio(log_p, log_q)
    difference = np.exp(log_p) - np.exp(log_q)
    return np.where(difference == 0.0, 0.0, difference * ratio)


def _chi2_log_terms(log_p: FloatArray, log_q: FloatArray) -> FloatArray:
    ratio = _log_ratio(log_p, log_q)
    below = np.exp(log_q) * np.expm1(np.minimum(ratio, 0.0)) ** 2
    finite = np.where(np.isposinf(ratio), 0.0, ratio)
    above = np.exp(log_p + finite) * np.expm1(-np.maximum(finite, 0.0)) ** 2
    values = np.where(ratio > 0.0, above, below)
    return np.where(np.isposinf(ratio), np.where(np.exp(log_p) > 0.0, np.inf, 0.0), values)


KULLBACK_LEIBLER = Recipe(
    "kl_divergence", kernels.kl_terms, _kl_log_terms, lambda u: 2.0 * u, gaussians.kl
)
JEFFREYS = Recipe(
    "jeffreys_divergence",
    kernels.jeffreys_terms,
    _jeffreys_log_terms,
    lambda u: 2.0 * u,
    gaussians.jeffreys,
)
# The ratio of a bounded divergence is at most 1, but a quadrature may end an error above it.
JENSEN_SHANNON = Recipe(
    "js_divergence",
    kernels.js_terms,
    through_densities(kernels.js_terms),
    lambda u: LOG_2 * np.minimum(u, 1.0),
)
TOTAL_VARIATION = Recipe(
    "total_variation",
    kernels.total_variation_terms,
    through_densities(kernels.total_variation_terms),
    lambda u: np.minimum(u, 1.0),
)
HELLINGER = Recipe(
    "hellinger_distance",
    kernels.hellinger_terms,
    through_densities(kernels.hellinger_terms),
    lambda u: np.sqrt(np.minimum(u, 1.0)),
    gaussians.hellinger,
)
CHI2 = Recipe(
    "chi2_divergence", kernels.chi2_terms, _chi2_log_terms, lambda u: 2.0 * u, gaussians.chi2
)


def renyi(alpha: float) -> Recipe:
    """Rényi divergence of order alpha in (0, inf) but 1, to full precision for every order.

    With beta = 1 - alpha and l = log(q / p) the term is that of Kullback and Leibler less what
    the order takes off: (alpha p + beta q - p^alpha q^beta) / beta = p (g(l) - g(beta l) / beta)
    with g(u) = exp(u) - 1 - u. It tends to the former as beta tends to 0, and for alpha > 1 both
    parts are positive. From its sum M the divergence is -log(1 - beta M) / beta.

    Below order 1/2 alpha is the small one of the two. The terms are those of D_beta(q || p), in
    which p and q as well as alpha and beta change places, and the divergence is
    -log(1 - alpha M) / beta.
    """
    exchanged = alpha < 0.5
    small = alpha if exchanged else 1.0 - alpha
    # Masses off the support count (1 - small) / small times. For orders of 1e-308 that would
    # overflow, so that all terms are scaled.
    scale = small if alpha > 1.0 else max(small, _SMALLEST_ORDER)

    def values(
        p: FloatArray, q: FloatArray, ratio: FloatArray, near: FloatArray, power: FloatArray
    ) -> FloatArray:
        """Terms from `ratio` l, Kullback-Leibler terms `near` and `power`, p (exp(small l) - 1)."""
        bend = small * ratio
        mild = np.where(np.abs(bend) < 0.3, bend, 0.0)
        series = p * (_remainder_series(mild) * mild * ratio)
        taken_off = np.where(np.abs(bend) < 0.3, series, (power - p * bend) / small)
        result = np.where(np.abs(ratio) < 1.0, near - taken_off, (q - p) - power / small)
        result *= small / scale
        lost = np.where(p > 0.0, math.inf if alpha > 1.0 else p * ((1.0 - small) / scale), 0.0)
        result = np.where(np.isneginf(ratio), lost, result)
        return np.where(np.isposinf(ratio), q * (small / scale), result)

    def terms(p: FloatArray, q: FloatArray, out: FloatArray) -> None:
        if exchanged:
            p, q = q, p
        near = np.empty_like(p)
        kernels.kl_terms(p, q, near)
        kernels.log_ratios(q, p, out)
        with np.errstate(all="ignore"):
            out[:] = values(p, q, out, near, p * np.expm1(small * out))

    def log_terms(log_p: FloatArray, log_q: FloatArray) -> FloatArray:
        if exchanged:
            log_p, log_q = log_q, log_p
        p = np.exp(log_p)
        ratio = _log_ratio(log_q, log_p)
        exponent = small * ratio
        # exp of the whole exponent: p alone may underflow where p^alpha q^beta does not.
        mild = np.abs(exponent) < 1.0
        power = np.where(mild, p * np.expm1(exponent), np.exp(log_p + exponent) - p)
        return values(p, np.exp(log_q), ratio, _kl_log_terms(log_p, log_q), power)

    def finish(u: FloatArray) -> FloatArray:
        x = np.minimum(scale * (2.0 * u), 1.0)
        # So near to 0 the logarithm is -x, which may lie below the range of floats.
        linear = 2.0 * u * (scale / (1.0 - alpha))
        return np.where(np.abs(x) < 1e-20, linear, -np.log1p(-x) / (1.0 - alpha))

    def closed_form(p: gaussians.Normal, q: gaussians.Normal) -> float:
        return gaussians.renyi(p, q, alpha)

    return Recipe("renyi_divergence", terms, log_terms, finish, closed_form)


def power_sum(alpha: float, shift: float = 0.0) -> Recipe:
    """Rényi divergence from the plain sum of p (p / q)^(alpha - 1): right where that is not near 1.

    The ratio is divided by exp(`shift`) first, so that a large one does not overflow.
    """

    def exponents(log_p: Any, log_q: Any, ratio: FloatArray) -> Any:
        """Logarithms of p^alpha q^(1 - alpha) less the shift, from the factor that is less bent."""
        if alpha < 0.5:
            return log_q + (alpha * ratio - (alpha - 1.0) * shift)
        return log_p + (alpha - 1.0) * (ratio - shift)

    def terms(p: FloatArray, q: FloatArray, out: FloatArray) -> None:
        kernels.log_ratios(p, q, out)
        kept = (p > 0.0) & (q > 0.0) if alpha < 1.0 else p > 0.0
        with np.errstate(all="ignore"):
            factor = q if alpha < 0.5 else p
            out[:] = np.where(kept, factor * np.exp(exponents(0.0, 0.0, out)), 0.0)

    def log_terms(log_p: FloatArray, log_q: FloatArray) -> FloatArray:
        zero = np.isneginf(log_p) | (np.isneginf(log_q) if alpha < 1.0 else False)
        with np.errstate(all="ignore"):
            power = np.exp(exponents(log_p, log_q, log_p - log_q))
        return np.where(zero, 0.0, power)

    def finish(u: FloatArray) -> FloatArray:
        return shift + np.log(2.0 * u) / (alpha - 1.0)

    return Recipe("renyi_divergence", terms, log_terms, finish)


def values_of(f: Callable[[FloatArray], Any], t: FloatArray) -> FloatArray:
    """Return f at ratios t (k,): one real number for each, or an error that names `f`."""
    try:
        with np.errstate(all="ignore"):  # log(0) is an answer
            found = f(t.copy())
    except Exception as error:
        note = f"{type(error).__name__}: {error}"
        requirement = "map an array of ratios t >= 0, 0 included, to an array of its shape"
        raise InvalidInputError("f", requirement, note) from error
    try:
        values = as_real_array("f", found)
    except InvalidInputError as error:
        kind = type(found).__name__
        raise InvalidInputError("f", "give real numbers", f"{error.value} ({kind})") from None
    if values.shape != t.shape:
        requirement = "map an array to an array of its shape"
        raise InvalidInputError("f", requirement, f"shape {values.shape} for {t.shape}")
    values = np.asarray(values, dtype=np.float64)
    if np.isnan(values).any():
        bad = f"NaN at t = {t[np.argmax(np.isnan(values))]:g}"
        raise InvalidInputError("f", "give numbers for every ratio t >= 0, 0 included", bad)
    return values


def user_function(f: Callable[[FloatArray], Any], slope_at_infinity: float | None) -> Recipe:
    """f-divergence of the caller's convex f; `slope_at_infinity` is lim f(t) / t or None."""
    slope = math.nan if slope_at_infinity is None else slope_at_infinity

    def values(
        p: FloatArray, q: FloatArray, ratio: FloatArray, outside: NDArray[np.bool_]
    ) -> FloatArray:
        inside = (q > 0.0) & ~outside
        result = np.zeros(p.size)
        with np.errstate(over="ignore"):
            result[inside] = q[inside] * values_of(f, ratio[inside])
            result[outside] = p[outside] * slope
        return result

    def terms(p: FloatArray, q: FloatArray, out: FloatArray) -> None:
        with np.errstate(over="ignore"):
            out[:] = values(p, q, p / np.where(q > 0.0, q, 1.0), (q == 0.0) & (p > 0.0))

    def log_terms(log_p: FloatArray, log_q: FloatArray) -> FloatArray:
        p = np.exp(log_p)
        log_ratio = _log_ratio(log_p, log_q)
        # f cannot be asked for a ratio beyond the largest float: f(t) / t is at its limit there, or
        # nobody knows it. A density p that small itself has nothing to add.
        huge = (log_ratio > LARGEST_LOG_RATIO) & np.isfinite(log_q)
        if not math.isfinite(slope) and (log_p[huge] > LEAST_LOG_MASS).any():
            raise UnsupportedProblemError(
                "f_divergence needs f(p / q) where p / q is beyond the largest float and `p` has "
                "mass, and f(t) / t has no finite limit `slope_at_infinity` to put in its place"
            )
        outside = np.isneginf(log_q) & (p > 0.0)
        ratio = np.exp(np.where(huge, 0.0, log_ratio))
        result = values(p, np.exp(log_q), ratio, outside)
        result[huge] = p[huge] * slope if math.isfinite(slope) else 0.0
        return result

    return Recipe("f_divergence", terms, log_terms, lambda u: 2.0 * u)
