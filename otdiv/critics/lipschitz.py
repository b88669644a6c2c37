"""Proofs about a network: a Lipschitz constant, and how far rounding moved its computed values.

Spectral norm. Let V (k, k) hold the computed right singular vectors of M (p, k), and Y = M V. Then
|M| <= |M V| |V^-1|, where |V^-1|^2 <= 1 / (1 - |V'V - I|) and |M V|^2 = |Y'Y|. Both symmetric
matrices are nearly diagonal, so their largest absolute row sums (which no eigenvalue exceeds) lose
next to nothing. Nothing is assumed about the quality of V: a poor one only loosens the bound. Each
matrix product A B of inner length q errs by at most gamma_q |A|_F |B|_F in norm, gamma_q = q u /
(1 - q u), in whatever order it was summed.

Values. If a^ differs from a by at most e componentwise, then z^ = fl(W a^ + b) differs from W a + b
by at most |W| e + gamma_{n+2} (|W| |a^| + |b|); an activation is 1-Lipschitz and adds its own
rounding; a sort is 1-Lipschitz only in the largest component, which e is then replaced by.
"""

from __future__ import annotations

import math

import numpy as np

from .._typing import FloatArray
from .._validation import as_float_array
from .activations import GroupSort
from .networks import MLP

__all__ = ["lipschitz_bound", "spectral_norm_bound", "value_errors"]

_U = 2.0**-53


def _gamma(n: int) -> float:
    return n * _U / (1.0 - n * _U)


def _frobenius(matrix: FloatArray) -> float:
    """Upper bound of the Frobenius norm; the sum of k squares errs by gamma_k."""
    return math.sqrt(float(np.vdot(matrix, matrix))) * (1.0 + _gamma(matrix.size + 4))


def _symmetric_norm(matrix: FloatArray) -> float:
    """Upper bound of the spectral norm of a symmetric matrix: its largest absolute row sum."""
    return float(np.abs(matrix).sum(axis=1).max()) * (1.0 + _gamma(len(matrix) + 4))


def spectral_norm_bound(matrix: FloatArray) -> float:
    """Upper bound of the spectral norm, proven against rounding; about 1e-10 relative above it.

    Parameters
    ----------
    matrix : ndarray, shape (p, k)
        Finite entries.

    Examples
    --------
    >>> import numpy as np
    >>> from otdiv.critics.lipschitz import spectral_norm_bound
    >>> bound = spectral_norm_bound(np.array([[3.0, 0.0], [0.0, -4.0]]))
    >>> 4.0 <= bound < 4.0 + 1e-10
    True
    """
    m = as_float_array("matrix", matrix)
    if m.shape[0] < m.shape[1]:
        m = m.T
    p, k = m.shape
    largest = float(np.abs(m).max())
    if largest == 0.0:
        return 0.0
    # A power of two divides without rounding and keeps squares from over- and underflow.
    scale = 2.0 ** math.frexp(largest)[1]
    m = m / scale
    if k == 1:
        return _frobenius(m) * scale
    v = np.linalg.svd(m, full_matrices=False)[2].T
    y = m @ v
    size_v, size_y = _frobenius(v), _frobenius(y)
    product_error = _gamma(k) * _frobenius(m) * size_v
    square = _symmetric_norm(y.T @ y) + _gamma(p) * size_y**2
    defect = _symmetric_norm(v.T @ v - np.eye(k)) + (_gamma(k) * size_v**2 + k * _U)
    bound = (math.sqrt(square) + product_error) / math.sqrt(1.0 - defect)
    # Eight roundings of positive numbers above.
    return bound * (1.0 + 16.0 * _U) * scale


def lipschitz_bound(network: MLP) -> float:
    """Proven Lipschitz constant in the Euclidean norm: the product of the spectral norms.

    The constant of the exact function that the stored parameters define. Every activation is
    1-Lipschitz.
    """
    product = 1.0
    for weight in network.weights:
        product *= spectral_norm_bound(weight) * (1.0 + 2.0 * _U)
    return product


def value_errors(network: MLP, points: FloatArray, errors: FloatArray) -> FloatArray:
    """Bound (k,) on what rounding did to the float64 values of a scalar network.

    Parameters
    ----------
    network : MLP
        In float64, with one output.
    points : ndarray, shape (k, d)
        Computed inputs.
    errors : ndarray, shape (k, d)
        Bound on the errors of those inputs.
    """
    a, e = points, errors
    act = network.activation
    # Relative inflation that covers the rounding of these bounds themselves (sums of positives).
    inflate = 1.0 + 4.0 * _gamma(max(network.sizes) + 4)
    last = network.depth - 1
    for layer, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        size = np.abs(weight)
        n = weight.shape[1]
        rounding = _gamma(n + 2) * (np.abs(a) @ size.T + np.abs(bias))
        e = (e @ size.T + rounding) * inflate
        z = a @ weight.T
        if layer == last:
            break
        act.apply(z, bias, act.state(*z.shape))
        a = z
        if isinstance(act, GroupSort):
            e = np.broadcast_to(e.max(axis=1, keepdims=True), e.shape)
        # Spacings are at most 2 u |a|; the added number covers subnormal outputs.
        e = e + (2.0 * act.rounding * _U) * np.abs(a) + 1e-300
    return np.asarray(e[:, 0])
