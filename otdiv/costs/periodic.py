"""Distances of hours of a day, angles, and points of a torus."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING

import numpy as np

from .._calling import explains_construction
from .._frozen import freeze, restore
from .._typing import ArrayLike, FloatArray
from .._validation import as_exact_array, as_number
from ..errors import InvalidInputError
from .derived import LEAST_LENGTH, DerivedCost, Reduced, check_extent, check_power
from .shaped import POWER, ShapedCost

__all__ = ["Periodic"]

_U = 2.0**-53


@explains_construction
@dataclass(frozen=True, slots=True, eq=False)
class Periodic(DerivedCost):
    """Cost |z|_norm ** power of the shortest difference z of two points where axes go round.

    A circle in one dimension (24 for hours of a day, 360 for degrees), a torus in more. On the
    circle with power 1 or more the optimum takes O((n + m) log(n + m)) time.

    Parameters
    ----------
    period : float or array_like, shape (d,)
        Period of every axis, positive; one number stands for all axes, and `inf` for an axis that
        does not go round.
    norm : {1, 2, inf}, default 2
        Exponent of the norm.
    power : float, default 1
        Positive exponent of the cost.

    Raises
    ------
    InvalidInputError
        If a period is not positive, or norm and power are not as above; when it is used, if points
        have another dimension than the periods.

    Notes
    -----
    Coordinates are brought into one period. What that and differences across its end may lose, 8 u
    of the period an axis (u = 2**-53), makes the bounds wider. An angle in radians has a period
    that float64 does not hold: the period counts as the number that it is.

    Examples
    --------
    >>> from otdiv import Periodic
    >>> Periodic(24).pairwise([[23.0]], [[1.0], [11.0]])
    array([[ 2., 12.]])
    """

    period: FloatArray
    _: KW_ONLY
    norm: float = 2.0
    power: float = 1.0

    translates = True

    if TYPE_CHECKING:  # what is given is coerced

        def __init__(self, period: ArrayLike, *, norm: float = 2.0, power: float = 1.0) -> None: ...

    __setstate__ = restore

    def __post_init__(self) -> None:
        period = as_exact_array("period", self.period)
        if period.ndim > 1 or not period.size:
            raise InvalidInputError(
                "period", "be a number or (d,) numbers", f"shape {period.shape}"
            )
        for k, value in enumerate(period.reshape(-1).tolist()):
            if not value > 0.0:
                where = f"at index {k}" if period.ndim else ""
                raise InvalidInputError("period", "be positive", value, where)
            if not (1e-100 < value < 1e100 or value == math.inf):
                raise InvalidInputError("period", "be from 1e-100 to 1e100, or inf", value)
        norm, power = as_number("norm", self.norm), as_number("power", self.power)
        if norm not in (1.0, 2.0, math.inf):
            raise InvalidInputError("norm", "be 1, 2 or inf", norm)
        check_power(power)
        freeze(self, period=period.copy(), norm=norm, power=power)

    @property
    def order(self) -> float | None:
        """The power: the distance itself is a metric."""
        return self.power if self.power >= 1.0 else 1.0

    def powered(self, p: float) -> DerivedCost | None:
        """The p-th power of the distance, where this is the distance."""
        return Periodic(self.period, norm=self.norm, power=p) if self.power == 1.0 else None

    def reduced(self, x: FloatArray, y: FloatArray) -> Reduced:
        """Points with coordinates in [0, period], or as they are on axes that do not go round."""
        d = x.shape[1]
        if self.period.ndim and self.period.size != d:
            requirement = f"have {self.period.size} columns, one a period"
            raise InvalidInputError("x", requirement, d)
        check_extent(x, y)
        periods = np.ascontiguousarray(np.broadcast_to(self.period, (d,)))
        round_axes = np.isfinite(periods)
        points = []
        for side in (x, y):
            inside = np.array(side, dtype=np.float64)
            # The remainder is exact where it is positive, and rounded once where not.
            inside[:, round_axes] = np.mod(inside[:, round_axes], periods[round_axes])
            points.append(inside)
        lost = 8.0 * d * _U * float(periods[round_axes].max(initial=0.0)) + LEAST_LENGTH
        cost = ShapedCost(code=POWER, periods=periods, norm=self.norm, power=self.power)
        return Reduced(points[0], points[1], cost, lost=lost, power=self.power)

    def __repr__(self) -> str:
        period = self.period.tolist()
        return f"Periodic({period}, norm={self.norm}, power={self.power})"
