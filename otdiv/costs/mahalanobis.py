"""Distances in the unit that a covariance gives every direction."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING

import numpy as np

from .._calling import explains_construction
from .._frozen import freeze, restore
from .._typing import ArrayLike, FloatArray
from .._validation import as_exact_array, as_number
from ..errors import InvalidInputError
from .derived import DerivedCost, Reduced, check_extent, check_power
from .p_norm import PNormCost

__all__ = ["Mahalanobis"]

_U = 2.0**-53
# Condition of a covariance beyond which rounding may make it singular.
_MOST_CONDITION = 1e14


@explains_construction
@dataclass(frozen=True, slots=True, eq=False)
class Mahalanobis(DerivedCost):
    """Cost ((x - y)' S⁻¹ (x - y)) ** (power / 2) of two points, S a covariance.

    Parameters
    ----------
    covariance : array_like, shape (d, d)
        Symmetric and positive definite, in squared units of the coordinates.
    power : float, default 1
        Positive exponent of the distance.

    Raises
    ------
    InvalidInputError
        If the matrix is not square, symmetric and positive definite; when it is used, if points
        have another dimension.

    Notes
    -----
    Axes are brought to units of about one deviation, powers of two, so that different units cost no
    digits. Then points are brought to L⁻¹ x with S = L L', from their common centre, and the rest
    is Euclidean. What the factor and the solve with it may lose (Higham, Accuracy and Stability of
    Numerical Algorithms, 2nd ed., theorems 8.5 and 10.3) makes the bounds wider: about
    d² 2**-52 times the condition of S, relative to the farthest of the points.

    Examples
    --------
    >>> from otdiv import Mahalanobis
    >>> Mahalanobis([[4.0, 0.0], [0.0, 1.0]]).pairwise([[0.0, 0.0]], [[2.0, 0.0], [0.0, 2.0]])
    array([[1., 2.]])
    """

    covariance: FloatArray
    _: KW_ONLY
    power: float = 1.0

    translates = True

    if TYPE_CHECKING:  # what is given is coerced

        def __init__(self, covariance: ArrayLike, *, power: float = 1.0) -> None: ...

    __setstate__ = restore

    def __post_init__(self) -> None:
        S = as_exact_array("covariance", self.covariance)
        if S.ndim != 2 or S.shape[0] != S.shape[1] or not S.size:
            raise InvalidInputError("covariance", "have shape (d, d)", f"shape {S.shape}")
        if not np.isfinite(S).all():
            raise InvalidInputError("covariance", "be finite", "NaN or inf")
        if (S != S.T).any():
            i, j = np.argwhere(S != S.T)[0]
            pair = f"{float(S[i, j])!r} and {float(S[j, i])!r} at ({i}, {j}) and ({j}, {i})"
            raise InvalidInputError("covariance", "be symmetric", pair)
        if not (np.diagonal(S) > 0.0).all():
            k = int(np.argmin(np.diagonal(S)))
            requirement = "be positive definite"
            raise InvalidInputError("covariance", requirement, float(S[k, k]), f"at ({k}, {k})")
        least, largest = np.linalg.eigvalsh(_scaled(S)[1])[[0, -1]].tolist()
        if not least * _MOST_CONDITION > largest:
            requirement = f"be positive definite, with a condition below {_MOST_CONDITION:g}"
            found = f"the eigenvalues {least}, {largest} in units of its axes"
            raise InvalidInputError("covariance", requirement, found)
        power = as_number("power", self.power)
        check_power(power)
        freeze(self, covariance=S.copy(), power=power)

    @property
    def order(self) -> float | None:
        """The power: the distance itself is a metric."""
        return self.power if self.power >= 1.0 else 1.0

    def powered(self, p: float) -> DerivedCost | None:
        """The p-th power of the distance, where this is the distance."""
        return Mahalanobis(self.covariance, power=p) if self.power == 1.0 else None

    def reduced(self, x: FloatArray, y: FloatArray) -> Reduced:
        """Points L⁻¹ (x - centre) with S = L L'.

        The computed z solves (L + E) z = x with |E| <= d u |L|, and the computed factor is that of
        S + F with |F| <= (d + 1) u |L||L'| (1 + small): lengths are off by at most
        (d + 2)² d u condition(S) of the longest, with room for the rounding of sums.
        """
        from scipy.linalg import solve_triangular

        unit, S = _scaled(self.covariance)
        d = S.shape[0]
        if x.shape[1] != d:
            requirement = f"have {d} columns like the covariance"
            raise InvalidInputError("x", requirement, x.shape[1])
        check_extent(x, y)
        x, y = x / unit, y / unit
        check_extent(x, y)
        both = np.concatenate([x, y])
        centre = 0.5 * both.min(axis=0) + 0.5 * both.max(axis=0)
        L = np.linalg.cholesky(S)
        z = np.ascontiguousarray(solve_triangular(L, (both - centre).T, lower=True).T)
        longest = float(np.sqrt((z * z).sum(axis=1).max()))
        values = np.linalg.eigvalsh(S)
        condition = float(values[-1] / values[0]) * 1.01
        # Subtracting the centre rounds each coordinate by u of itself, and S⁻¹ᐟ² makes of that
        # what its norm does.
        shift = float(np.abs(both - centre).max()) * np.sqrt(d) * _U / np.sqrt(values[0])
        lost = 2.0 * (d * (d + 2.0) ** 2 * _U * condition * longest + 1.01 * float(shift)) + 1e-150
        n = x.shape[0]
        cost = PNormCost(power=self.power)
        return Reduced(z[:n], z[n:], cost, lost=lost, power=self.power)

    def __repr__(self) -> str:
        d = self.covariance.shape[0]
        return f"Mahalanobis(covariance=<{d} x {d}>, power={self.power})"


def _scaled(S: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Units of the axes (d,), powers of two, and the covariance in them: exact but for underflow.

    Its diagonal is at least a quarter and below one.
    """
    unit = np.ldexp(1.0, np.frexp(np.sqrt(np.diagonal(S)))[1])
    return unit, S / unit[:, None] / unit
