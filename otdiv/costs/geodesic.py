"""Distances along great circles of a sphere."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass

import numpy as np

from .._calling import explains_construction
from .._typing import FloatArray
from .._validation import as_number, check_choice
from ..errors import InvalidInputError
from .derived import DerivedCost, Reduced, check_power
from .shaped import ARC, ShapedCost

__all__ = ["Geodesic"]

_U = 2.0**-53
# What an arc of the unit sphere may be off by, from the rounding of the unit vectors. A vector is
# off by less than 20 u: 2.3 u from two reduced angles (2 u of at most pi / 4 each), and 17 u of
# each coordinate from sines and cosines (4 units in the last place each, which NumPy's stay below)
# and a product. The chord of two is off by 40 u, and the arc of a chord of at most sqrt(2), with
# 1 / cos(pi / 4), by 57 u. Twice that, for the choice between the two chords at a right angle.
_LOST = 128.0 * _U


@explains_construction
@dataclass(frozen=True, slots=True)
class Geodesic(DerivedCost):
    """Cost (radius · angle) ** power of the shortest way between two points on a sphere.

    Points have the columns **longitude, latitude**, in this order: that of x and y on a map.

    Parameters
    ----------
    unit : {"degrees", "radians"}, default "degrees"
        Of longitudes and latitudes.
    radius : float, default 1
        Positive; 6371.0 for kilometres on the Earth as a sphere. With radius 1 distances are
        angles in radians.
    power : float, default 1
        Positive exponent of the distance.

    Raises
    ------
    InvalidInputError
        For another unit, or a radius or power that is not positive; when it is used, for points
        that have not two columns, or latitudes beyond the poles.

    Notes
    -----
    Points become unit vectors. Boxes of these prune pairs by their chords, and an arc is that of
    the haversine formula, taken from the antipode where it is beyond a right angle, so that it is
    accurate everywhere. What the vectors may lose, 1.5e-14 of the radius a pair (90 nanometres on
    the Earth), makes the bounds wider. Longitudes may be any numbers: 190 and -170 degrees are one.

    Examples
    --------
    >>> from otdiv import Geodesic
    >>> rome, sydney = [[12.5, 41.9]], [[151.2, -33.9]]
    >>> Geodesic(radius=6371.0).pairwise(rome, sydney).round(-1)
    array([[16320.]])
    """

    unit: str = "degrees"
    _: KW_ONLY
    radius: float = 1.0
    power: float = 1.0

    def __post_init__(self) -> None:
        check_choice("unit", self.unit, ("degrees", "radians"))
        for name in ("radius", "power"):
            object.__setattr__(self, name, as_number(name, getattr(self, name)))
        if not 1e-100 < self.radius < 1e100:
            raise InvalidInputError("radius", "be positive, from 1e-100 to 1e100", self.radius)
        check_power(self.power)
        if not 1e-290 < self.radius**self.power < 1e290:
            raise InvalidInputError("power", "keep radius ** power within float64", self.power)

    @property
    def order(self) -> float | None:
        """The power: the distance itself is a metric."""
        return self.power if self.power >= 1.0 else 1.0

    def powered(self, p: float) -> DerivedCost | None:
        """The p-th power of the distance, where this is the distance."""
        if self.power != 1.0:
            return None
        return Geodesic(self.unit, radius=self.radius, power=p)

    def reduced(self, x: FloatArray, y: FloatArray) -> Reduced:
        """Unit vectors (n, 3) and (m, 3), with the arcs between them."""
        points = self._vectors("x", x), self._vectors("y", y)
        cost = ShapedCost(code=ARC, periods=np.full(3, np.inf), power=self.power)
        factor = self.radius**self.power
        return Reduced(*points, cost, factor=factor, lost=_LOST, power=self.power)

    def _vectors(self, name: str, points: FloatArray) -> FloatArray:
        if points.shape[1] != 2:
            requirement = "have two columns, longitude and latitude"
            raise InvalidInputError(name, requirement, points.shape[1])
        pole = 90.0 if self.unit == "degrees" else 0.5 * math.pi
        beyond = np.abs(points[:, 1]) > pole
        if beyond.any():
            i = int(np.argmax(beyond))
            requirement = f"have latitudes from -{pole:g} to {pole:g} in the second column"
            hint = f"at row {i} (columns are longitude, latitude)"
            raise InvalidInputError(name, requirement, float(points[i, 1]), hint)
        (c0, s0), (c1, s1) = (self._cosine_and_sine(points[:, k]) for k in (0, 1))
        return np.stack([c1 * c0, c1 * s0, s1], axis=1)

    def _cosine_and_sine(self, angles: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Both of angles (n,); degrees first lose whole quarters, exactly."""
        if self.unit == "radians":
            return np.cos(angles), np.sin(angles)
        rest = np.fmod(angles, 360.0)
        quarters = np.rint(rest / 90.0)
        rest = np.deg2rad(rest - 90.0 * quarters)
        c, s = np.cos(rest), np.sin(rest)
        turn = quarters.astype(np.int64) % 4
        return np.choose(turn, [c, -s, -c, s]) + 0.0, np.choose(turn, [s, c, -s, -c]) + 0.0
