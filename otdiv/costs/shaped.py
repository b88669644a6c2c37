"""The cost that the derived ones come down to: a function of the length of a difference."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .._frozen import freeze, restore
from .._typing import FloatArray

if TYPE_CHECKING:
    from .._kernels.shaped import Shape

__all__ = ["ARC", "HUBER", "POWER", "ShapedCost"]

POWER, ARC, HUBER = 0, 1, 2
"""Codes of `otdiv._kernels.shaped`, which loads Numba and is not imported before it is needed."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShapedCost:
    """min(h(|z|_norm), cap) of the difference z of two points, the shortest where axes go round.

    It is what solvers and proofs see of `Geodesic`, `Periodic`, `Truncated` and `Huber`: those say
    how points are brought into the coordinates of this cost, and what that may lose.

    Attributes
    ----------
    code : int
        h(r) is r**power for POWER, (2 asin(r / 2))**power for ARC, and for HUBER r² / 2 up to
        delta, from there on delta (r - delta / 2).
    norm, power, delta, cap : float
    periods : array, shape (d,)
        Of each axis; inf where it does not go round.
    """

    code: int
    periods: FloatArray
    norm: float = 2.0
    power: float = 1.0
    delta: float = math.inf
    cap: float = math.inf

    __setstate__ = restore

    def __post_init__(self) -> None:
        freeze(self, periods=self.periods)

    @property
    def is_circle(self) -> bool:
        """Whether it is a convex cost on a circle, without a cap."""
        round_once = self.periods.size == 1 and math.isfinite(self.periods[0])
        return round_once and self.code == POWER and self.power >= 1.0 and self.cap == math.inf

    @property
    def shape(self) -> Shape:
        """The same for kernels."""
        from .._kernels.shaped import Shape

        return Shape(self.code, self.norm, self.power, self.delta, self.cap, self.periods)

    def pairwise(self, x: Any, y: Any) -> FloatArray:
        """Cost matrix (n, m) between points `x` (n, d) and `y` (m, d) in its own coordinates."""
        from .._kernels import shaped as kernels

        return np.asarray(kernels.pairwise(x, y, self.shape))

    def gathered(self, x: Any, y: Any, rows: Any, columns: Any) -> FloatArray:
        """Costs (k,) of the pairs x[rows[k]], y[columns[k]]."""
        from .._kernels import shaped as kernels

        return np.asarray(kernels.gathered(x, y, rows, columns, self.shape))

    def rounding(self) -> float:
        """Relative rounding of one computed cost, in units of u = 2**-53."""
        from .._kernels import shaped as kernels

        return float(kernels.relative_rounding(self.periods.size, self.shape))

    def bound(self, x: FloatArray, y: FloatArray) -> float:
        """Upper bound on every cost between the two clouds."""
        from .._kernels import shaped as kernels

        return float(kernels.bounding_cost(x, y, self.shape))
