"""Adaptive Gauss quadrature of several functions at once, on many pieces at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .._typing import FloatArray, IndexArray

__all__ = ["Integrals", "integrate"]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(20)
_RELATIVE = 1e-13  # error allowed to one piece, relative to the whole
_EMPTY = 1e-17  # share of the whole that needs no second look
_CROWD = 500  # pieces alive at once, beyond which rounding is to blame
_ROUNDS = 400  # halvings; 60 exhaust the digits of a piece, the rest is for singular places


class Integrals(NamedTuple):
    """Integrals of k functions over each of the pieces, and the sum of the errors left."""

    parts: FloatArray  # (k, pieces)
    errors: FloatArray  # (k,)


def integrate(
    function: Callable[[FloatArray, IndexArray], FloatArray], left: FloatArray, right: FloatArray
) -> Integrals:
    """Integrate over pieces from `left` to `right`, halving each until its halves agree with it.

    `function` maps places (n,) and the pieces that they belong to (n,) to values (k, n).
    """

    def gauss(left: FloatArray, right: FloatArray, piece: IndexArray) -> FloatArray:
        half = 0.5 * right - 0.5 * left
        x = (left + half)[:, None] + half[:, None] * _NODES
        owners = np.repeat(piece, _NODES.size)
        values = function(x.ravel(), owners).reshape(-1, *x.shape)
        with np.errstate(invalid="ignore", over="ignore"):
            means = values @ _WEIGHTS
            # A piece between two neighbouring numbers has no width: nothing, even of infinity.
            sums: FloatArray = np.where(half > 0.0, means, 0.0) * half
        return sums

    piece = np.arange(left.size)
    whole = gauss(left, right, piece)
    parts = np.zeros(whole.shape)
    errors = np.zeros(whole.shape[0])
    if not np.isfinite(whole).all():
        return Integrals(whole, np.full(whole.shape[0], math.inf))
    tolerance = _RELATIVE
    for _ in range(_ROUNDS):
        scale = np.abs(parts.sum(axis=1) + whole.sum(axis=1))[:, None]
        empty = (np.abs(whole) <= _EMPTY * scale).all(axis=0)
        _add(parts, piece[empty], whole[:, empty])
        left, right, piece, whole = left[~empty], right[~empty], piece[~empty], whole[:, ~empty]
        if piece.size == 0:
            return Integrals(parts, errors)
        middle = 0.5 * left + 0.5 * right
        halves = gauss(np.append(left, middle), np.append(middle, right), np.append(piece, piece))
        lower, upper = np.split(halves, 2, axis=1)
        refined = lower + upper
        if not np.isfinite(refined).all():
            _add(parts, piece, refined)
            return Integrals(parts, np.full(errors.size, math.inf))
        # A gap is about the error of the coarse value; the refined one is far better.
        gap = np.abs(refined - whole)
        flat = (middle <= left) | (middle >= right)
        # A kink or a singular place keeps a few pieces alive. Rounding of the log-densities keeps
        # all of them: halving does not help there, so the tolerance gives way.
        if piece.size > _CROWD:
            tolerance *= 10.0
        scale = np.abs(parts.sum(axis=1) + refined.sum(axis=1))[:, None]
        done = ((gap <= tolerance * scale) | (gap <= 1e-300)).all(axis=0) | flat
        _add(parts, piece[done], refined[:, done])
        errors += gap[:, done].sum(axis=1)
        rest = ~done
        left, right = np.append(left[rest], middle[rest]), np.append(middle[rest], right[rest])
        whole = np.append(lower[:, rest], upper[:, rest], axis=1)
        piece = np.append(piece[rest], piece[rest])
        if piece.size == 0:
            return Integrals(parts, errors)
    _add(parts, piece, whole)
    return Integrals(parts, np.full(errors.size, math.inf))


def _add(parts: FloatArray, piece: IndexArray, values: FloatArray) -> None:
    for row, value in zip(parts, values, strict=True):
        np.add.at(row, piece, value)
