"""Closed forms between Gaussians, in any dimension and with singular covariances.

With covariance of q = L L^T, z = L^-1 (x - mean of q) makes q the standard normal law, and a
rotation makes the covariance of p diagonal. Then p is a product of N(shift_i, 1 + excess_i) and q
a product of N(0, 1), so each divergence is a sum over coordinates. The excess is the eigenvalue of
the whitened *difference* of the covariances, which keeps its relative accuracy near p = q.

References
----------
Gil, Alajaji, Linder (2013), Rényi divergence measures for commonly used univariate continuous
distributions, Information Sciences 249, 124-131, doi:10.1016/j.ins.2013.06.018.
Pardo (2006), Statistical inference based on divergence measures, section 1.2, ISBN 978-1584886006.
"""

from __future__ import annotations

import math

import numpy as np

from .._kernels.logarithm import atanh_remainder
from .._typing import FloatArray
from ..errors import InvalidInputError
from ..measures import Gaussian

__all__ = ["chi2", "hellinger", "jeffreys", "kl", "mutually_singular", "renyi"]


def _support_basis(law: Gaussian) -> FloatArray:
    """Orthonormal columns (d, rank) that span the range of the covariance."""
    values, vectors = np.linalg.eigh(law.covariance)
    # An exactly singular matrix shows eigenvalues up to d * eps * largest (backward stability).
    threshold = 8.0 * law.d * np.finfo(np.float64).eps * max(float(values[-1]), 0.0)
    return np.ascontiguousarray(vectors[:, values > threshold])


def _coordinates(p: Gaussian, q: Gaussian) -> tuple[FloatArray, FloatArray] | None:
    """Return shift and excess (rank,), or None where the affine supports differ."""
    if p.d != q.d:
        raise InvalidInputError("q", f"have the dimension of `p` ({p.d})", q.d)
    step = p.mean - q.mean
    difference = p.covariance - q.covariance
    covariance = q.covariance
    basis = _support_basis(q)
    if basis.shape[1] != _support_basis(p).shape[1]:
        return None
    if basis.shape[1] < q.d:
        inside = basis @ basis.T
        scale = max(float(np.abs(p.covariance).max()), float(np.abs(q.covariance).max()))
        leak = p.covariance - inside @ p.covariance @ inside
        if np.abs(leak).max(initial=0.0) > 1e-12 * scale:
            return None
        reach = max(float(np.abs(p.mean).max()), float(np.abs(q.mean).max()))
        if np.abs(step - inside @ step).max() > 1e-12 * reach:
            return None
        step = basis.T @ step
        difference = basis.T @ difference @ basis
        covariance = basis.T @ covariance @ basis
    if step.size == 0:
        return np.empty(0), np.empty(0)
    lower = np.linalg.cholesky(covariance)
    half = np.linalg.solve(lower, difference)
    whitened = np.linalg.solve(lower, half.T)
    moved = np.linalg.solve(lower, step)
    if not (np.isfinite(whitened).all() and np.isfinite(moved).all()):
        requirement = "have variances that are not too small for float64 beside `p`"
        raise InvalidInputError("q", requirement, f"a least root of {np.diag(lower).min():g}")
    excess, rotation = np.linalg.eigh(0.5 * whitened + 0.5 * whitened.T)
    shift = rotation.T @ moved
    return shift, np.maximum(excess, -1.0)


def mutually_singular(p: Gaussian, q: Gaussian) -> bool:
    """Whether the laws live on different affine subspaces, so that no set carries both."""
    return _coordinates(p, q) is None


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


def renyi(p: Gaussian, q: Gaussian, alpha: float) -> float:
    """Rényi divergence of order alpha, 0 < alpha < inf (1 is Kullback-Leibler), nats.

    A coordinate adds alpha shift^2 / (2 v) + (g(e) - g((1 - alpha) e) / (1 - alpha)) / 2 with
    v = 1 + (1 - alpha) e, e the excess and g(x) = x - log(1 + x); it is infinite for v <= 0.
    """
    both = _coordinates(p, q)
    if both is None:
        return math.inf
    total = 0.0
    for shift, excess in zip(*(part.tolist() for part in both), strict=True):
        spread = (1.0 - alpha) * excess
        if 1.0 + spread <= 0.0:
            return math.inf
        entropy = _log1p_remainder(excess)
        if alpha != 1.0:
            entropy -= _log1p_remainder(spread) / (1.0 - alpha)
        total += 0.5 * (alpha * shift * shift / (1.0 + spread) + max(entropy, 0.0))
    return total


def kl(p: Gaussian, q: Gaussian) -> float:
    """D(p || q) = (sum of g(excess) + |shift|^2) / 2, nats."""
    return renyi(p, q, 1.0)


def jeffreys(p: Gaussian, q: Gaussian) -> float:
    """D(p || q) + D(q || p), nats."""
    return kl(p, q) + kl(q, p)


def hellinger(p: Gaussian, q: Gaussian) -> float:
    """Root of 1 - exp(-D_1/2 / 2), because D_1/2 is -2 log of the Bhattacharyya coefficient."""
    return math.sqrt(-math.expm1(-0.5 * renyi(p, q, 0.5)))


def chi2(p: Gaussian, q: Gaussian) -> float:
    """exp(D_2) - 1; infinite where a variance of p is at least twice that of q."""
    exponent = renyi(p, q, 2.0)
    return math.inf if exponent > 709.78 else math.expm1(exponent)
