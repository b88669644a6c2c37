"""A value with its gradients, and what all of them have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from .._typing import FloatArray

__all__ = ["Gradients", "centred", "each", "each_value", "root_factor", "rooted"]


class Gradients(NamedTuple):
    """A value and its derivatives.

    Attributes
    ----------
    value : array, shape () or (B,)
    x, y : arrays
        With respect to the points, of their shapes.
    a, b : arrays or None
        With respect to the weights, of their shapes; None where the weights are uniform ones that
        nobody gave.
    """

    value: FloatArray
    x: FloatArray
    y: FloatArray
    a: FloatArray | None
    b: FloatArray | None


def centred(potential: FloatArray, weights: FloatArray | None) -> FloatArray | None:
    """Derivative with respect to weights (..., n) that are divided by their sum.

    With shares s = w / sum(w) and a derivative f with respect to the shares, it is
    (f - <s, f>) / sum(w): the constant that f is free to have is gone.
    """
    if weights is None:
        return None
    mass = weights.sum(axis=-1, keepdims=True)
    mean = (weights * potential).sum(axis=-1, keepdims=True) / mass
    return np.asarray((potential - mean) / mass)


def root_factor(value: FloatArray, power: float) -> FloatArray:
    """Derivative of v ** (1 / power) at non-negative values; 0 at v = 0, where there is none."""
    positive = np.where(value > 0.0, value, 1.0)
    return np.where(value > 0.0, positive ** (1.0 / power - 1.0) / power, 0.0)


def rooted(gradients: Gradients, power: float) -> Gradients:
    """Value and gradients of the root v ** (1 / power); all 0 where v is."""
    value = np.maximum(gradients.value, 0.0)
    factor = root_factor(value, power)
    x, y = (factor[..., None, None] * side for side in (gradients.x, gradients.y))
    a, b = (
        None if side is None else factor[..., None] * side for side in (gradients.a, gradients.b)
    )
    return Gradients(np.asarray(value ** (1.0 / power)), x, y, a, b)


def each(
    function: Callable[..., Gradients],
    x: FloatArray,
    y: FloatArray,
    a: FloatArray | None,
    b: FloatArray | None,
) -> Gradients:
    """Call `function(x, y, a, b)` once, or for each pair of clouds of a batch (B, n, d)."""
    if x.ndim < 3:
        return function(x, y, a, b)
    parts = [function(*pair) for pair in _pairs(x, y, a, b)]
    values, xs, ys, *weights = zip(*parts, strict=True)
    stacked = (None if side[0] is None else np.stack(side) for side in weights)
    return Gradients(np.stack(values), np.stack(xs), np.stack(ys), *stacked)


def each_value(
    function: Callable[..., float],
    x: FloatArray,
    y: FloatArray,
    a: FloatArray | None,
    b: FloatArray | None,
) -> FloatArray:
    """As `each`, of a function that returns a number: shape () or (B,)."""
    if x.ndim < 3:
        return np.asarray(function(x, y, a, b))
    return np.array([function(*pair) for pair in _pairs(x, y, a, b)])


def _pairs(
    x: FloatArray, y: FloatArray, a: FloatArray | None, b: FloatArray | None
) -> Iterator[tuple[Any, ...]]:
    weights = ([None] * len(x) if side is None else side for side in (a, b))
    return zip(x, y, *weights, strict=True)
