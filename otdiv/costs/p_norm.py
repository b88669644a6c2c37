"""Powers of p-norms between points."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np

from .._calling import explains_construction
from .._memory import room_for
from .._typing import FloatArray
from .._validation import as_number, as_points_together
from ..errors import InvalidInputError

__all__ = ["Euclidean", "PNormCost", "SquaredEuclidean"]


@explains_construction
@dataclass(frozen=True, slots=True)
class PNormCost:
    """Cost |x - y|_norm ** power of two points.

    Parameters
    ----------
    norm : float, default 2
        Exponent of the norm, at least 1; `inf` is the largest coordinate difference.
    power : float, default 1
        Positive exponent of the cost. Its root is a metric of laws for `power >= 1`.

    Raises
    ------
    InvalidInputError
        If `norm < 1` or `power` is not positive and finite.

    Examples
    --------
    >>> from otdiv import PNormCost
    >>> PNormCost(norm=1).pairwise([[0.0, 0.0]], [[3.0, 4.0]])
    array([[7.]])
    """

    norm: float = 2.0
    _: KW_ONLY
    power: float = 1.0

    def __post_init__(self) -> None:
        for name in ("norm", "power"):
            object.__setattr__(self, name, as_number(name, getattr(self, name)))
        if not self.norm >= 1.0:
            raise InvalidInputError("norm", "be at least 1", self.norm)
        if not (self.power > 0.0 and math.isfinite(self.power)):
            raise InvalidInputError("power", "be positive and finite", self.power)

    @property
    def is_metric(self) -> bool:
        """Whether the cost itself obeys the triangle inequality."""
        return self.power <= 1.0

    def pairwise(self, x: Any, y: Any) -> FloatArray:
        """Cost matrix (n, m) between points `x` (n, d) and `y` (m, d)."""
        from .._kernels import costs as kernels  # Numba is not loaded before it is needed

        x, y = self._points(x, y)
        n, m = len(x), len(y)
        with room_for(8 * n * m, f"the costs of {n} x {m} pairs", "pass fewer rows at a time"):
            return self._finite(kernels.pairwise(x, y, self.norm, self.power))

    def between(self, x: Any, y: Any) -> FloatArray:
        """Costs (n,) between rows of `x` (n, d) and the same rows of `y` (n, d)."""
        from .._kernels import costs as kernels

        x, y = self._points(x, y)
        if x.shape != y.shape:
            raise InvalidInputError("y", f"have the shape {x.shape} of `x`", f"shape {y.shape}")
        return self._finite(kernels.rowwise(x, y, self.norm, self.power))

    @staticmethod
    def _finite(costs: FloatArray) -> FloatArray:
        # A sum of costs, which are not negative, is finite only if they are.
        with np.errstate(over="ignore", invalid="ignore"):
            finite = math.isfinite(costs.sum()) or np.isfinite(costs).all()
        if not finite:
            raise InvalidInputError(
                "x", "be so near to `y` that costs stay within float64", "an overflow (rescale)"
            )
        return np.asarray(costs)

    @staticmethod
    def _points(x: Any, y: Any) -> tuple[FloatArray, FloatArray]:
        (x, y), _ = as_points_together(x=x, y=y)
        if x.shape[1] != y.shape[1]:
            raise InvalidInputError("y", f"have {x.shape[1]} columns like `x`", y.shape[1])
        return x, y


def Euclidean() -> PNormCost:  # noqa: N802  (a named case of a class reads like one)
    """Euclidean distance |x - y|.

    Returns
    -------
    PNormCost
        With norm 2 and power 1.

    Examples
    --------
    >>> from otdiv import Euclidean
    >>> Euclidean()
    PNormCost(norm=2.0, power=1.0)
    """
    return PNormCost(norm=2.0, power=1.0)


def SquaredEuclidean() -> PNormCost:  # noqa: N802  (a named case of a class reads like one)
    """Squared Euclidean distance |x - y|².

    Returns
    -------
    PNormCost
        With norm 2 and power 2.

    Examples
    --------
    >>> from otdiv import SquaredEuclidean
    >>> SquaredEuclidean().between([[0.0, 0.0]], [[3.0, 4.0]])
    array([25.])
    """
    return PNormCost(norm=2.0, power=2.0)
