"""Closed forms of Wasserstein distances between Gaussians, with the rounding of each."""

from __future__ import annotations

import math

import numpy as np

from ..._typing import FloatArray
from ...measures import Gaussian

__all__ = ["bures_distance", "folded_mean", "gaussian_wasserstein1", "gaussian_wasserstein2"]

_EPS = float(np.finfo(np.float64).eps)


def folded_mean(mean: float, standard_deviation: float) -> float:
    """E|Z| of a normal Z: every term is positive, so that no digit cancels."""
    m, s = abs(mean), standard_deviation
    if s == 0.0:
        return m
    z = m / s / math.sqrt(2.0)
    return m * math.erf(z) + s * math.sqrt(2.0 / math.pi) * math.exp(-z * z)


def _gap(first: float, second: float) -> float:
    """Difference of the standard deviations of unequal variances, rounded five times."""
    return abs(first - second) / (math.sqrt(first) + math.sqrt(second))


def _shift(p: Gaussian, q: Gaussian) -> float:
    """Distance of the means, rounded d + 1 times; infinity beyond the largest float."""
    with np.errstate(over="ignore"):
        return math.hypot(*(p.mean - q.mean).tolist())


def _root(covariance: FloatArray) -> tuple[FloatArray, float, float]:
    """Factor L with L Lᵀ near S, a bound on the Bures distance of the two, and |L|_F.

    With E = S - L Lᵀ and s the smallest eigenvalue, the distance is at most the Frobenius distance
    of the positive roots, hence at most sqrt(|E|_1) (Powers and Størmer 1970) and at most
    |E|_F / sqrt(s); the residual is computed, and its own rounding is at most 2 d eps |L|².
    """
    d = len(covariance)
    values, vectors = np.linalg.eigh(covariance)
    values = np.maximum(values, 0.0)
    root = vectors * np.sqrt(values)
    size = float(np.linalg.norm(root))
    residual = float(np.linalg.norm(covariance - root @ root.T)) + 2.0 * d * _EPS * size * size
    smallest = float(values[0]) - residual
    slack = math.sqrt(math.sqrt(d) * residual)
    if smallest > 0.0:
        slack = min(slack, residual / math.sqrt(smallest))
    return root, slack, size


def bures_distance(A: FloatArray, B: FloatArray) -> tuple[float, float, float]:
    """Bures distance of two covariances (d, d): value, lower and upper bound.

    With A = K Kᵀ and B = L Lᵀ, the squared distance tr A + tr B - 2 |Lᵀ K|_* (nuclear norm) is
    min |K - L U|_F² over orthogonal U. The minimiser is the polar factor of Lᵀ K, and the norm of
    that difference loses no digits where A and B are close, as the trace formula would.

    Rounding. Let M = Lᵀ K with singular values s_i. The computed U is orthogonal, and U Σ Vᵀ equals
    M, to e = 4 d eps |M|_F. It misses the maximum of tr(Uᵀ M) by at most about d e, and by at most
    e² / (2 min s_i) to second order, where that is smaller.

    References
    ----------
    Dowson, Landau (1982), *The Fréchet distance between multivariate normal distributions*,
    doi:10.1016/0047-259X(82)90077-X. Bhatia, Jain, Lim (2017), *On the Bures–Wasserstein distance
    between positive definite matrices*, arXiv:1712.01504, Theorem 1.
    """
    if np.array_equal(A, B):
        return 0.0, 0.0, 0.0
    if len(A) == 1:
        value = _gap(float(A[0, 0]), float(B[0, 0]))
        return value, value * (1.0 - 4.0 * _EPS), value * (1.0 + 4.0 * _EPS)
    scale = max(float(np.abs(A).max()), float(np.abs(B).max()))
    d = len(A)
    K, slack_a, size_a = _root(A / scale)
    L, slack_b, size_b = _root(B / scale)
    M = L.T @ K
    left, sizes, right = np.linalg.svd(M)
    value = float(np.linalg.norm(K - L @ (left @ right)))
    error = 4.0 * d * _EPS * float(np.linalg.norm(sizes))
    deficit = 2.0 * d * error
    if sizes[-1] > error:
        deficit = min(deficit, error * error / float(sizes[-1]))
    rounding = 8.0 * d * _EPS * (size_a + size_b) + slack_a + slack_b
    lower = max(0.0, math.sqrt(max(0.0, value * value - deficit)) - rounding)
    unit = math.sqrt(scale)
    return unit * value, unit * lower, unit * (value + rounding)


def gaussian_wasserstein1(p: Gaussian, q: Gaussian) -> tuple[float, float, float]:
    """W1 of two Gaussians on the line of unequal variances: value, lower and upper bound."""
    gap = _gap(float(p.covariance[0, 0]), float(q.covariance[0, 0]))
    value = folded_mean(_shift(p, q), gap)
    return value, value * (1.0 - 16.0 * _EPS), value * (1.0 + 16.0 * _EPS)


def gaussian_wasserstein2(p: Gaussian, q: Gaussian) -> tuple[float, float, float]:
    """W2 of two Gaussians of one dimension d: value, lower and upper bound."""
    shift = _shift(p, q)
    value, lower, upper = bures_distance(p.covariance, q.covariance)
    slack = (p.d + 2.0) * _EPS
    return (
        math.hypot(shift, value),
        math.hypot(shift, lower) * (1.0 - slack),
        math.hypot(shift, upper) * (1.0 + slack),
    )
