"""Two samples in canonical form, and sums over all their pairs."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from .._kernels import pair_sums as kernels
from .._labels import labels_of
from .._typing import FloatArray
from .._validation import as_points_together, as_weights
from ..errors import InvalidInputError
from ..measures import DiscreteMeasure

__all__ = [
    "SamplePair",
    "SignedAtoms",
    "as_sample_pair",
    "of_extent_one",
    "pair_sum",
    "triangle_sum",
]

_EPS = float(np.finfo(np.float64).eps)
# Pairs of one slice: some 50 ms of work, so that Ctrl-C is heard.
_SLICE = 2.0**25


class SamplePair(NamedTuple):
    """Points x (n, d), y (m, d) and their relative frequencies; None is uniform."""

    x: FloatArray
    y: FloatArray
    a: FloatArray | None
    b: FloatArray | None

    @property
    def d(self) -> int:
        """Dimension of the space."""
        return int(self.x.shape[1])

    def weights(self) -> tuple[FloatArray, FloatArray]:
        """Relative frequencies (n,) and (m,), uniform ones written out."""
        a = np.full(len(self.x), 1.0 / len(self.x)) if self.a is None else self.a
        b = np.full(len(self.y), 1.0 / len(self.y)) if self.b is None else self.b
        return a, b


class SignedAtoms(NamedTuple):
    """Distinct points z (k, d) in lexicographic order and weights (k,) of P - Q on them."""

    points: FloatArray
    weights: FloatArray

    @classmethod
    def from_pair(cls, pair: SamplePair) -> SignedAtoms:
        """Join equal points of both samples.

        Where the masses of a point agree to the rounding of their sums they cancel: the difference
        of a law with itself, however it is ordered or repeated, is exactly zero.
        """
        a, b = pair.weights()
        z = np.concatenate([pair.x, pair.y]) + 0.0
        order = np.lexsort(z.T[::-1])
        z = z[order]
        fresh = np.ones(len(z), dtype=bool)
        fresh[1:] = (z[1:] != z[:-1]).any(axis=1)
        starts = np.flatnonzero(fresh)
        p = np.add.reduceat(np.concatenate([a, np.zeros(b.size)])[order], starts)
        q = np.add.reduceat(np.concatenate([np.zeros(a.size), b])[order], starts)
        counts = np.diff(np.append(starts, len(z)))
        weights = p - q
        weights[np.abs(weights) <= (counts + 2.0) * _EPS * np.maximum(p, q)] = 0.0
        return cls(z[starts], weights)

    def present(self) -> SignedAtoms:
        """Only the atoms whose weight is not zero."""
        kept = self.weights != 0.0
        return SignedAtoms(self.points[kept], self.weights[kept])


def as_sample_pair(x: Any, y: Any, x_weights: Any, y_weights: Any) -> SamplePair:
    """Coerce two samples with relative frequencies, or discrete measures, of one dimension."""
    given: dict[str, Any] = {}
    masses: dict[str, Any] = {}
    for name, sample, weights in (("x", x, x_weights), ("y", y, y_weights)):
        if isinstance(sample, DiscreteMeasure):
            if weights is not None:
                raise InvalidInputError(
                    f"{name}_weights", "be None, since a DiscreteMeasure has its own", "weights"
                )
            weights = sample.weights
            sample = sample.points
        given[name], masses[name] = sample, weights
    points, _ = as_points_together(**given)
    left, right = (np.ascontiguousarray(side) for side in points)
    a, b = (
        None
        if masses[name] is None
        else as_weights(
            f"{name}_weights",
            masses[name],
            len(side),
            normalize=True,
            of=(name, labels_of(given[name])[0]),
        )
        for name, side in (("x", left), ("y", right))
    )
    if left.shape[1] != right.shape[1]:
        raise InvalidInputError("y", f"have {left.shape[1]} columns like `x`", right.shape[1])
    return SamplePair(left, right, a, b)


def of_extent_one(z: FloatArray) -> tuple[FloatArray, float]:
    """Points of extent near one and the power of two that brings them back: squares must fit."""
    z = z * 0.5
    extent = float((z.max(axis=0) - z.min(axis=0)).max())
    exponent = min(max(math.frexp(extent)[1], -1000), 1000)
    return z * math.ldexp(1.0, -exponent), 2.0 * math.ldexp(1.0, exponent)


def _slices(n: int, m: int) -> range:
    return range(0, n, max(1, int(_SLICE / max(m, 1))))


def pair_sum(
    x: FloatArray, y: FloatArray, a: FloatArray, b: FloatArray, form: int, norm: float
) -> float:
    """sum_ij a_i b_j phi(|x_i - y_j|), in O(n + m) memory."""
    columns = np.ascontiguousarray(y.T)
    steps = _slices(len(x), len(y))
    parts = []
    for first in steps:
        stop = min(len(x), first + steps.step)
        sums = np.empty(stop - first)
        kernels.row_sums(x, columns, b, first, stop, False, form, norm, sums)
        parts.append(math.fsum(a[first:stop] * sums))
    return math.fsum(parts)


def triangle_sum(z: FloatArray, w: FloatArray, form: int, norm: float) -> float:
    """Sum over i < j of w_i w_j phi(|z_i - z_j|), in O(k) memory."""
    columns = np.ascontiguousarray(z.T)
    steps = _slices(len(z), len(z))
    parts = []
    for first in steps:
        stop = min(len(z), first + steps.step)
        sums = np.empty(stop - first)
        kernels.row_sums(z, columns, w, first, stop, True, form, norm, sums)
        parts.append(math.fsum(w[first:stop] * sums))
    return math.fsum(parts)
