"""The sliced Wasserstein distance along given directions, with gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._kernels.line.monotone_plan import monotone_plan
from .._typing import FloatArray
from .record import Gradients, centred, each, each_value, rooted

__all__ = ["sliced_gradients", "sliced_values", "unit_directions"]

# Numbers of projected points in a block of directions (8 MB).
_BLOCK = 2**20


def unit_directions(directions: FloatArray) -> FloatArray:
    """Directions (k, d) of length 1; a zero vector stands for the first axis."""
    lengths = np.linalg.norm(directions, axis=1, keepdims=True)
    units = directions / np.where(lengths > 0.0, lengths, 1.0)
    units[lengths[:, 0] == 0.0, 0] = 1.0
    return np.asarray(units)


def sliced_values(
    x: FloatArray,
    y: FloatArray,
    a: FloatArray | None,
    b: FloatArray | None,
    directions: FloatArray,
    p: float,
) -> FloatArray:
    """(mean over directions of W_p^p of the projections)^(1/p): (), or (B,)."""
    return each_value(lambda *pair: float(_of_one(pair, directions, p).value), x, y, a, b)


def sliced_gradients(
    x: FloatArray,
    y: FloatArray,
    a: FloatArray | None,
    b: FloatArray | None,
    directions: FloatArray,
    p: float,
) -> Gradients:
    """`sliced_values` with gradients, of fixed directions (k, d)."""
    return each(lambda *pair: _of_one(pair, directions, p), x, y, a, b)


def _of_one(pair: tuple[Any, ...], directions: FloatArray, p: float) -> Gradients:
    x, y, a, b = pair
    directions = unit_directions(directions)
    even = a is None and b is None and len(x) == len(y)
    find = _even_powers if even else _weighted_powers
    step = max(1, _BLOCK // max(len(x), len(y)))
    total, x_sum, y_sum = 0.0, np.zeros_like(x), np.zeros_like(y)
    f_sum, g_sum = np.zeros(len(x)), np.zeros(len(y))
    for start in range(0, len(directions), step):
        block = directions[start : start + step]
        value, x_pull, y_pull, f, g = find(x @ block.T, y @ block.T, a, b, p)
        total += value
        x_sum += x_pull @ block
        y_sum += y_pull @ block
        f_sum += f
        g_sum += g
    size = len(directions)
    found = Gradients(
        value=np.asarray(total / size),
        x=x_sum / size,
        y=y_sum / size,
        a=centred(f_sum / size, a),
        b=centred(g_sum / size, b),
    )
    return rooted(found, p) if p != 1.0 else found


_Powers = tuple[float, FloatArray, FloatArray, FloatArray, FloatArray]


def _slope(difference: FloatArray, p: float) -> FloatArray:
    """Derivative of |z|^p, 0 at z = 0."""
    if p == 1.0:
        return np.sign(difference)
    return np.asarray(p * np.abs(difference) ** (p - 1.0) * np.sign(difference))


def _even_powers(
    x: FloatArray, y: FloatArray, a: FloatArray | None, b: FloatArray | None, p: float
) -> _Powers:
    """Sum of W_p^p of the columns of x (n, k) and y (n, k), with derivatives of their entries."""
    n = len(x)
    x_order, y_order = np.argsort(x, axis=0), np.argsort(y, axis=0)
    difference = np.take_along_axis(x, x_order, 0) - np.take_along_axis(y, y_order, 0)
    slope = _slope(difference, p) / n
    x_pull, y_pull = np.empty_like(x), np.empty_like(y)
    np.put_along_axis(x_pull, x_order, slope, 0)
    np.put_along_axis(y_pull, y_order, -slope, 0)
    none = np.zeros(n)  # nobody gave weights
    return float((np.abs(difference) ** p).sum()) / n, x_pull, y_pull, none, none


def _weighted_powers(
    x: FloatArray, y: FloatArray, a: FloatArray | None, b: FloatArray | None, p: float
) -> _Powers:
    """The same of columns (n, k) and (m, k) with weights, and sums of the potentials."""
    shares = [
        np.full(len(z), 1.0 / len(z)) if w is None else w / w.sum() for z, w in ((x, a), (y, b))
    ]
    x_pull, y_pull = np.zeros_like(x), np.zeros_like(y)
    f_sum, g_sum, total = np.zeros(len(x)), np.zeros(len(y)), 0.0
    for k in range(x.shape[1]):
        rows, columns = np.argsort(x[:, k]), np.argsort(y[:, k])
        left, right = x[rows, k], y[columns, k]
        i, j, mass, f, g = monotone_plan(left, right, shares[0][rows], shares[1][columns], 1.0, p)
        difference = left[i] - right[j]
        slope = _slope(difference, p) * mass
        x_pull[rows, k] = np.bincount(i, slope, len(left))
        y_pull[columns, k] = -np.bincount(j, slope, len(right))
        f_sum[rows] += f
        g_sum[columns] += g
        total += float(np.abs(difference) ** p @ mass)
    return total, x_pull, y_pull, f_sum, g_sum
