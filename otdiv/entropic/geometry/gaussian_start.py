"""Potentials between the Gaussians with the moments of two clouds: a start for smooth problems.

Under the squared Euclidean distance they are quadratic and known in closed form. With centred
points, covariances A A^T and B B^T, S = A^T B B^T A and s = epsilon / 2,

    f(x) = |x|² - x.M x,   M = A^(-T) h(S) A^(-1),   h(t) = 2 t / (sqrt(4 t + s²) + s),

up to a constant, and g likewise; means that differ by w = mean(x) - mean(y) add 2 w.x to f and
-2 w.y to g. As epsilon goes to 0, M becomes the matrix of the optimal linear map.

References
----------
Janati, Muzellec, Peyré & Cuturi (2020), Entropic optimal transport between unbalanced Gaussian
measures has a closed form, arXiv:2006.02572, theorem 1, from which these potentials follow.
"""

from __future__ import annotations

import numpy as np

from ..._gibbs.clouds import Cloud
from ..._kernels.exponential import LOG2_E, SQUARED
from ..._typing import FloatArray

__all__ = ["gaussian_potentials", "gaussian_start"]

# Variance that is added in every direction, as a share of the total: clouds may be flat. By taste.
_FLAT = 1e-10
# Difference from 1 up to which a sum of weights counts as 1: rounding is far below.
_ROUNDING = 1e-9
# Dimensions up to which the matrices take less time than the steps that they save.
_MOST_DIMENSIONS = 32


def gaussian_start(
    x: Cloud, y: Cloud, epsilon: float, *, metric: int
) -> tuple[FloatArray, FloatArray]:
    """First guess of the entropic potentials of two clouds, in bits."""
    u, v = np.log2(x.weights), np.log2(y.weights)
    if metric != SQUARED or x.points.shape[1] > _MOST_DIMENSIONS:
        return u, v
    f, g = gaussian_potentials(x.points, _shares(x.weights), y.points, _shares(y.weights), epsilon)
    return u + f * (LOG2_E / epsilon), v + g * (LOG2_E / epsilon)


def _shares(weights: FloatArray) -> FloatArray:
    """Weights of sum 1: where marginals are relaxed they may have any."""
    mass = float(weights.sum())
    return weights if abs(mass - 1.0) < _ROUNDING else weights / mass


def gaussian_potentials(
    x: FloatArray, a: FloatArray, y: FloatArray, b: FloatArray, epsilon: float
) -> tuple[FloatArray, FloatArray]:
    """Quadratic potentials f (n,) and g (m,) of points (n, d) and (m, d) with weights of sum 1.

    Each has the mean 0 under its weights.
    """
    mean_x, mean_y = a @ x, b @ y
    x, y = x - mean_x, y - mean_y
    shift = 2.0 * (mean_x - mean_y)
    A, B = _root(x.T @ (a[:, None] * x)), _root(y.T @ (b[:, None] * y))
    left, sizes, right = np.linalg.svd(A.T @ B)
    t, s = np.square(sizes), 0.5 * epsilon
    h = 2.0 * t / (np.sqrt(4.0 * t + s * s) + s)
    left, right = np.linalg.solve(A.T, left), np.linalg.solve(B.T, right.T)
    f = _quadratic(x, (left * h) @ left.T, shift)
    g = _quadratic(y, (right * h) @ right.T, -shift)
    return f - float(a @ f), g - float(b @ g)


def _quadratic(x: FloatArray, M: FloatArray, w: FloatArray) -> FloatArray:
    """|x|² - x.M x + w.x of every row x (n, d)."""
    return np.asarray(np.einsum("ij,ij->i", x @ (np.eye(w.size) - M) + w, x))


def _root(A: FloatArray) -> FloatArray:
    """Return L (d, d) with L L^T = A, made definite."""
    d = A.shape[0]
    return np.asarray(np.linalg.cholesky(A + np.eye(d) * max(_FLAT * np.trace(A), 1e-200)))
