"""Closed forms between Gaussians, in any dimension, any units and with singular covariances.

With covariance B = L L^T of q, z = L^-1 (x - mean of q) makes q the standard normal law, and a
rotation makes the covariance A of p diagonal. Then p is a product of N(shift_i, 1 + excess_i) and q
a product of N(0, 1), so each divergence is a sum over coordinates. The excess is the eigenvalue of
the whitened *difference* of the covariances, which keeps its relative accuracy near p = q. Far from
there an eigenvalue is lost beside a much larger one, but a determinant is not.

Every matrix is factorised in units of its own standard deviations, powers of two, so that nothing
depends on the units of the coordinates, bit by bit. Coordinates that others determine are left out:
an injective linear map changes no divergence.

References
----------
Gil, Alajaji, Linder (2013), Rényi divergence measures for commonly used univariate continuous
distributions, Information Sciences 249, 124-131, doi:10.1016/j.ins.2013.06.018.
Pardo (2006), Statistical inference based on divergence measures, section 1.2, ISBN 978-1584886006.
Higham (2002), Accuracy and stability of numerical algorithms, section 10.1, ISBN 978-0898715218.
"""

from __future__ import annotations

import contextlib
import math
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._kernels.logarithm import atanh_remainder
from .._typing import FloatArray
from ..errors import InvalidInputError
from ..measures import Gaussian, in_units, unit_exponents

__all__ = [
    "Normal",
    "NormalOnLine",
    "chi2",
    "degenerate",
    "hellinger",
    "jeffreys",
    "kl",
    "mutually_singular",
    "renyi",
]

_LOG_2 = math.log(2.0)
_NOTHING = -(2**20)  # exponent of a coefficient that is multiplied by 0
# Means that determined coordinates may miss, relative to the means; by taste.
_MISSED = 1e-12


class NormalOnLine(NamedTuple):
    """NormalOnLine law on the line, exactly: scipy's has a deviation, whose square is no float."""

    mean: Fraction
    variance: Fraction


Normal = Gaussian | NormalOnLine


class _Pair(NamedTuple):
    """Covariances A of p and B of q (r, r), of full rank, and mean of p less that of q (r,)."""

    A: FloatArray
    B: FloatArray
    step: FloatArray

    def exchanged(self) -> _Pair:
        return _Pair(self.B, self.A, -self.step)


class _Factor(NamedTuple):
    """Covariance D L G Gᵀ Lᵀ D, D = 2**exponents: L is its Cholesky factor in these units, rounded.

    G is that of I + L⁻¹ E L⁻ᵀ, where E is what rounding left out of L Lᵀ. Nearly singular matrices
    keep some twice as many digits for it.
    """

    exponents: NDArray[np.int32]
    lower: FloatArray
    repair: FloatArray


def _residual(scaled: FloatArray, lower: FloatArray) -> FloatArray:
    """S - L Lᵀ in about 80 bits, for |L| of about 1.

    The leading 24 bits of L make exact products, and all that float64 rounds is small beside them.
    """
    grid = math.ldexp(1.5, 28)
    leading = (lower + grid) - grid
    rest = lower - leading
    mixed = leading @ rest.T
    return ((scaled - leading @ leading.T) - (mixed + mixed.T)) - rest @ rest.T


def _solve(lower: FloatArray, right: FloatArray, *, transposed: bool = False) -> FloatArray:
    """Return L⁻¹ R, or L⁻ᵀ R, for a lower triangular L and columns R (d, k)."""
    from scipy.linalg.blas import dtrsm

    if not right.size:
        return right
    return np.asarray(dtrsm(1.0, lower, right, lower=1, trans_a=int(transposed)))


def _factorise(covariance: FloatArray, rest: FloatArray | None = None) -> _Factor | None:
    """Factor of a covariance (d, d), or of its sum with a small rest; None where it is singular."""
    exponents = unit_exponents(covariance)
    scaled = in_units(covariance, exponents)
    try:
        lower = np.asarray(np.linalg.cholesky(scaled), dtype=np.float64)
    except np.linalg.LinAlgError:
        return None
    left = _residual(scaled, lower)
    if rest is not None:
        left += in_units(rest, exponents)
    error = _solve(lower, _solve(lower, left).T)
    repair = np.eye(len(lower))
    with contextlib.suppress(np.linalg.LinAlgError):  # singular to rounding: nothing to repair
        repair[...] = np.linalg.cholesky(repair + 0.5 * (error + error.T))
    return _Factor(exponents, lower, repair)


def _whiten(factor: _Factor, right: FloatArray) -> FloatArray:
    """Return (L G)⁻¹ times columns (d, k) that are in the units of the factor."""
    return _solve(factor.repair, _solve(factor.lower, right))


def _whitened_step(factor: _Factor, step: FloatArray) -> FloatArray:
    """Whitened difference of means (d,); it may overflow."""
    with np.errstate(over="ignore"):
        scaled = np.ldexp(step, -factor.exponents)
    if not np.isfinite(scaled).all():
        return np.full(step.shape, math.inf)
    return _whiten(factor, scaled[:, None])[:, 0]


def _square(shift: FloatArray) -> float:
    """Squared length; infinity where a coordinate is infinite, whatever the others became."""
    if not np.isfinite(shift).all():
        return math.inf
    with np.errstate(over="ignore"):
        return float((shift * shift).sum())


def _log_volume(first: _Factor, second: _Factor) -> float:
    """Half the logarithm of the ratio of the determinants."""
    roots = [
        float(np.log(np.diagonal(part.lower)).sum() + np.log(np.diagonal(part.repair)).sum())
        for part in (first, second)
    ]
    steps = int(first.exponents.sum()) - int(second.exponents.sum())
    return roots[0] - roots[1] + _LOG_2 * steps


def _product(c: Any, S: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return c S rounded, and what rounding took off (Dekker 1971)."""
    splitter = 2.0**27 + 1.0
    parts: list[tuple[Any, Any]] = []
    for factor in (c, S):
        high = splitter * factor - (splitter * factor - factor)
        parts.append((high, factor - high))
    (c_high, c_low), (S_high, S_low) = parts
    product = c * S
    error = ((c_high * S_high - product) + c_high * S_low + c_low * S_high) + c_low * S_low
    return product, error


def _sum(x: Any, y: Any) -> tuple[Any, Any]:
    """Return x + y rounded, and what rounding took off (Knuth)."""
    total = x + y
    back = total - x
    return total, (x - (total - back)) + (y - back)


def _mixture(pair: _Pair, beta: float, units: NDArray[np.int32]) -> _Factor | None:
    """Factor of beta A + (1 - beta) B, which may be far smaller than either; None if indefinite."""
    A, B = in_units(pair.A, units), in_units(pair.B, units)
    alpha, alpha_error = _sum(1.0, -beta)
    first, first_error = _product(beta, A)
    second, second_error = _product(alpha, B)
    mixture, error = _sum(first, second)
    factor = _factorise(mixture, error + first_error + second_error + alpha_error * B)
    return None if factor is None else factor._replace(exponents=factor.exponents + units)


def _combination(T: FloatArray, units: NDArray[np.int32]) -> FloatArray:
    """Rows (T, I) 2**units, T (k, r) and units (r + k,), each divided by a power of two.

    No row overflows, and what underflows is nothing beside the rest of it.
    """
    mantissas, exponents = np.frexp(np.hstack([T, np.eye(len(T))]))
    exponents = exponents + units
    exponents -= np.where(mantissas == 0.0, 2 * _NOTHING, exponents).max(axis=1, keepdims=True)
    return np.asarray(np.ldexp(mantissas, exponents))


def _on_common_support(p: Gaussian, q: Gaussian) -> _Pair | None:
    """Restrict both laws to coordinates that determine the others, the same way under both.

    Returns None where the affine subspaces that carry p and q differ. With independent coordinates
    J of q and determined ones K, x_K = T x_J + constant on the subspace of q: the residual
    x_K - T x_J must have no variance under p either, and its mean must be that under q.
    """
    if p.d != q.d:
        raise InvalidInputError("q", f"have the dimension of `p` ({p.d})", q.d)
    if p.independent.size != q.independent.size:
        return None
    with np.errstate(over="ignore"):
        step = p.mean - q.mean
    J = q.independent
    pair = _Pair(p.covariance[np.ix_(J, J)], q.covariance[np.ix_(J, J)], step[J])
    if not degenerate(q):
        return pair
    K = np.setdiff1d(np.arange(q.d), J)
    order = np.concatenate([J, K])
    units = unit_exponents(q.covariance)
    scaled = in_units(q.covariance, units)
    lower = np.asarray(np.linalg.cholesky(scaled[np.ix_(J, J)]), dtype=np.float64)
    T = _solve(lower, _solve(lower, scaled[np.ix_(J, K)]), transposed=True).T
    tolerance = p.rounding + q.rounding
    # The residuals of coordinates of which each is divided by its unit under p, 2**own.
    own = unit_exponents(p.covariance)
    known = np.diagonal(p.covariance) > 0.0
    rows = _combination(-T, np.where(known, own - units, _NOTHING)[order])
    scaled = in_units(p.covariance, own)[np.ix_(order, order)]
    variances = ((rows @ scaled) * rows).sum(axis=1)
    sizes = np.abs(rows) @ np.sqrt(np.diagonal(scaled))
    if (np.abs(variances) > tolerance * sizes * sizes).any():
        return None
    reach = np.maximum(np.abs(p.mean), np.abs(q.mean))[order]
    exponents = np.frexp(reach)[1]
    rows = _combination(-T, np.where(reach > 0.0, exponents - units[order], _NOTHING))
    steps = rows @ (np.ldexp(p.mean[order], -exponents) - np.ldexp(q.mean[order], -exponents))
    sizes = np.abs(rows) @ np.ldexp(reach, -exponents)
    if (np.abs(steps) > max(tolerance, _MISSED) * sizes).any():
        return None
    return pair


def degenerate(law: Gaussian) -> bool:
    """Whether some coordinates of the law determine another."""
    return law.independent.size < law.d


def mutually_singular(p: Gaussian, q: Gaussian) -> bool:
    """Whether the laws live on different affine subspaces, so that no set carries both."""
    return _on_common_support(p, q) is None


def _log1p_remainder(x: float) -> float:
    """Return x - log(1 + x) >= 0 for x >= -1, without cancellation near 0.

    With r = x / (2 + x), log(1 + x) = 2 atanh(r) and x - 2 r = x^2 / (2 + x).
    """
    if x <= -1.0:
        return math.inf
    if abs(x) > 0.5:
        return x - math.log1p(x)
    r = x / (2.0 + x)
    return float(x * x / (2.0 + x) - 2.0 * r * r * r * atanh_remainder(r * r))


def renyi(p: Normal, q: Normal, alpha: float) -> float:
    """Rényi divergence of order alpha, 0 < alpha < inf (1 is Kullback-Leibler), nats.

    With beta = 1 - alpha a coordinate adds half of alpha shift^2 / v + log(v) / beta - log(1 + e),
    v = 1 + beta e and e the excess; it is infinite for v <= 0. The logarithms are
    g(e) - g(beta e) / beta with g(x) = x - log(1 + x). Below order 1/2 they would cancel, and
    alpha / beta D_beta(q || p) is the same.
    """
    if isinstance(p, NormalOnLine) and isinstance(q, NormalOnLine):
        order = Fraction(alpha)
        if alpha >= 0.5:
            return _renyi_on_line(p, q, order, 1 - order, order)
        return _renyi_on_line(q, p, 1 - order, order, order)
    if isinstance(p, NormalOnLine) or isinstance(q, NormalOnLine):
        sizes = [1 if isinstance(law, NormalOnLine) else law.d for law in (p, q)]
        raise InvalidInputError("q", f"have the dimension of `p` ({sizes[0]})", sizes[1])
    pair = _on_common_support(p, q)
    if pair is None:
        return math.inf
    if alpha >= 0.5:
        return _renyi_in_space(pair, alpha, 1.0 - alpha, alpha)
    return _renyi_in_space(pair.exchanged(), 1.0 - alpha, alpha, alpha)


def _nearest(number: Fraction) -> float:
    """The float nearest to a number; infinity beyond the range."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _log(ratio: Fraction) -> float:
    """Logarithm of a positive number to full relative precision, also near 1 and out of range."""
    if abs(ratio - 1) <= Fraction(1, 2):
        return math.log1p(float(ratio - 1))
    shift = ratio.numerator.bit_length() - ratio.denominator.bit_length()
    return math.log(float(ratio / Fraction(2) ** shift)) + shift * _LOG_2


def _renyi_on_line(
    p: NormalOnLine, q: NormalOnLine, alpha: Fraction, beta: Fraction, order: Fraction
) -> float:
    """Rényi divergence of order alpha = 1 - beta >= 1/2, times order / alpha.

    All but the logarithms is exact arithmetic.
    """
    if p == q:
        return 0.0
    if p.variance == 0 or q.variance == 0:
        reach = max(abs(p.mean), abs(q.mean))
        same = abs(p.mean - q.mean) <= Fraction(_MISSED) * reach
        return 0.0 if p.variance == q.variance and same else math.inf
    mixture = beta * p.variance + alpha * q.variance
    if mixture <= 0:
        return math.inf
    moved = _nearest(order * (p.mean - q.mean) ** 2 / (2 * mixture))
    excess = (p.variance - q.variance) / q.variance
    spread = beta * excess
    if max(abs(excess), abs(spread)) <= Fraction(1, 2):
        shape = 0.5 * _log1p_remainder(float(excess))
        if beta != 0:
            shape -= 0.5 * _log1p_remainder(float(spread)) / float(beta)
    else:
        first = _log(mixture / q.variance) / float(2 * beta) if beta != 0 else _nearest(excess / 2)
        shape = first - 0.5 * _log(p.variance / q.variance)
    return moved + float(order / alpha) * max(shape, 0.0)


def _renyi_in_space(pair: _Pair, alpha: float, beta: float, order: float) -> float:
    """Rényi divergence of order alpha = 1 - beta >= 1/2, times order / alpha, at full rank."""
    A, B, step = pair
    if step.size == 0:
        return 0.0
    p, q = _factorise(A), _factorise(B)
    if p is None or q is None:
        return math.inf
    difference = in_units(A, q.exponents) - in_units(B, q.exponents)
    excess, rotation = np.full(len(A), math.inf), np.eye(len(A))
    if np.isfinite(difference).all():
        with np.errstate(over="ignore", invalid="ignore"):
            whitened = _whiten(q, _whiten(q, difference).T)
        if np.isfinite(whitened).all():
            excess, rotation = np.linalg.eigh(0.5 * whitened + 0.5 * whitened.T)
    if beta <= 0.0 and not np.isfinite(excess).all():
        return math.inf  # beyond the largest float, or the order has no mixture
    alike = bool(np.abs(excess).max() <= 0.5)
    spreads = beta * excess
    if spreads.min() < -0.5 or (beta > 0.0 and spreads.max() > 0.5):
        mixture = _mixture(pair, beta, np.maximum(p.exponents, q.exponents))
        if mixture is None:
            return math.inf
        total = _square(math.sqrt(order) * _whitened_step(mixture, step))
        second = 0.5 * float(np.log1p(excess).sum()) if alike else _log_volume(p, q)
        shape = _log_volume(mixture, q) / beta - second
    else:
        shift = _whitened_step(q, step)
        if np.isfinite(shift).all():
            shift = rotation.T @ shift
        total = _square(np.sqrt(order / (1.0 + spreads)) * shift)
        rest = math.fsum(map(_log1p_remainder, spreads.tolist())) / beta if beta != 0.0 else 0.0
        if alike:
            shape = 0.5 * (math.fsum(map(_log1p_remainder, excess.tolist())) - rest)
        else:
            with np.errstate(over="ignore"):
                shape = 0.5 * (float(excess.sum()) - rest) - _log_volume(p, q)
    return 0.5 * total + order / alpha * max(shape, 0.0)


def kl(p: Normal, q: Normal) -> float:
    """D(p || q) = (sum of g(excess) + |shift|^2) / 2, nats."""
    return renyi(p, q, 1.0)


def jeffreys(p: Normal, q: Normal) -> float:
    """D(p || q) + D(q || p), nats."""
    return kl(p, q) + kl(q, p)


def hellinger(p: Normal, q: Normal) -> float:
    """Root of 1 - exp(-D_1/2 / 2), because D_1/2 is -2 log of the Bhattacharyya coefficient."""
    return math.sqrt(-math.expm1(-0.5 * renyi(p, q, 0.5)))


def chi2(p: Normal, q: Normal) -> float:
    """exp(D_2) - 1; infinite where a variance of p is at least twice that of q."""
    exponent = renyi(p, q, 2.0)
    return math.inf if exponent > 709.78 else math.expm1(exponent)
