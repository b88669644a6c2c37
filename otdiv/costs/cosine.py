"""One less the cosine of the angle between two vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._typing import FloatArray
from ..errors import InvalidInputError
from .derived import DerivedCost, Reduced
from .p_norm import PNormCost

__all__ = ["Cosine"]

_U = 2.0**-53


@dataclass(frozen=True, slots=True)
class Cosine(DerivedCost):
    """Cost 1 - cos(x, y) of two vectors that are not zero, between 0 and 2.

    It is half the squared Euclidean distance of the normalised vectors, and is solved and proven as
    that; its root is a metric of directions. Lengths of the vectors do not count.

    Raises
    ------
    InvalidInputError
        When it is used, for a vector of zeros: it has no direction.

    Notes
    -----
    Normalising rounds: roots of costs count as known to (d + 8) 2**-52, and the bounds are wider by
    what that makes.

    Examples
    --------
    >>> from otdiv import Cosine
    >>> Cosine().pairwise([[2.0, 0.0]], [[0.0, 3.0], [-1.0, 0.0]]).round(12)
    array([[1., 2.]])
    """

    @property
    def order(self) -> float | None:
        """2: the root is a metric of directions."""
        return 2.0

    def reduced(self, x: FloatArray, y: FloatArray) -> Reduced:
        """Vectors of length 1 / sqrt(2), whose squared distances are the costs.

        Each coordinate is rounded by its division by the largest, the norm by (d + 2) / 2 + 1 and
        two more divisions, in units of u: less than (d + 8) u of the length together.
        """
        points = _directions("x", x), _directions("y", y)
        lost = 2.0 * (x.shape[1] + 8.0) * _U + 1e-150
        return Reduced(*points, PNormCost(power=2.0), lost=lost, power=2.0)


def _directions(name: str, points: FloatArray) -> FloatArray:
    largest = np.abs(points).max(axis=1, keepdims=True)
    if points.size and not largest.min() > 0.0:
        i = int(np.argmin(largest))
        raise InvalidInputError(
            name, "hold no vector of zeros, which has no direction", "zeros", f"at row {i}"
        )
    # A power of two at most twice the largest: exact, and safe for subnormal numbers.
    exponents = np.frexp(largest)[1]
    scaled = np.ldexp(points, -exponents)
    lengths = np.sqrt((scaled * scaled).sum(axis=1, keepdims=True))
    return np.ascontiguousarray(scaled / lengths * np.sqrt(0.5))
