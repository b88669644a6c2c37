"""Monge maps between Gaussians: the linear map that moves one onto the other at least cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._calling import explains_calls
from ..._frozen import freeze, restore
from ..._typing import FloatArray
from ..._validation import as_points, describe
from ...errors import InvalidInputError, UnsupportedProblemError
from ...measures import Gaussian

__all__ = ["GaussianMap", "monge_map"]

# Share of the covariance that a map may miss: a root of an eigenvalue that is rounding is 1e-8.
_MISSED = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class GaussianMap:
    """The map z -> offset + matrix z, of a symmetric positive semi-definite matrix.

    Attributes
    ----------
    matrix : array (d, d)
    offset : array (d,)
    residual : float
        |A S A - T| over |T|, the largest entries, where A moves the covariance S onto T: rounding.
    """

    matrix: FloatArray
    offset: FloatArray
    residual: float

    __setstate__ = restore

    def __post_init__(self) -> None:
        freeze(self, matrix=self.matrix, offset=self.offset)

    def __call__(self, points: Any) -> FloatArray:
        """Images (n, d) of points (n, d), or (d,) of one point (d,)."""
        z = np.asarray(points, dtype=np.float64)
        if z.ndim == 1 and z.shape == self.offset.shape:
            return np.asarray(self.offset + self.matrix @ z)
        z = as_points("points", points)
        if z.shape[1] != self.offset.size:
            raise InvalidInputError("points", f"have {self.offset.size} columns", z.shape[1])
        return np.asarray(self.offset + z @ self.matrix)

    def push(self, law: Gaussian) -> Gaussian:
        """The law of the image of a point of another Gaussian."""
        if not isinstance(law, Gaussian) or law.d != self.offset.size:
            requirement = f"be a Gaussian of dimension {self.offset.size}"
            raise InvalidInputError("law", requirement, describe(law))
        moved = self.matrix @ law.covariance @ self.matrix
        return Gaussian(self(law.mean), covariance=0.5 * (moved + moved.T))

    def __repr__(self) -> str:
        return f"GaussianMap(d={self.offset.size}, residual={self.residual:.1g})"


@explains_calls()
def monge_map(x: Any, y: Any) -> GaussianMap:
    """The map of least mean square length that moves one Gaussian onto another.

        z -> mean_y + A (z - mean_x),   A = S^-1/2 (S^1/2 T S^1/2)^1/2 S^-1/2

    for covariances S of x and T of y. A is symmetric and positive semi-definite, so the map is the
    gradient of a convex function and optimal (Brenier); it moves S onto T.

    Parameters
    ----------
    x, y : Gaussian
        Of one dimension. Where S is singular there is a map only if T has no more directions.

    Returns
    -------
    GaussianMap
        Call it with points (n, d).

    Raises
    ------
    InvalidInputError
        For other things, or other dimensions.
    UnsupportedProblemError
        If no map moves x onto y: x lies in a smaller space. A plan exists, and `wasserstein2` is
        its cost.

    References
    ----------
    Dowson & Landau (1982), The Fréchet distance between multivariate normal distributions,
    doi:10.1016/0047-259X(82)90077-X. Takatsu (2011), Wasserstein geometry of Gaussian measures.

    Examples
    --------
    >>> from otdiv import Gaussian, monge_map
    >>> moved = monge_map(Gaussian(0.0, covariance=1.0), Gaussian(3.0, covariance=4.0))
    >>> moved([0.0, 1.0]).ravel().tolist()
    [3.0, 5.0]
    """
    for name, law in (("x", x), ("y", y)):
        if not isinstance(law, Gaussian):
            raise InvalidInputError(name, "be a Gaussian", describe(law))
    if x.d != y.d:
        raise InvalidInputError("y", f"have dimension {x.d} like `x`", y.d)
    S, T = x.covariance, y.covariance
    if np.array_equal(S, T):
        A = np.eye(x.d)
    else:
        values, vectors = np.linalg.eigh(S)
        kept = values > values[-1] * x.rounding
        root = np.sqrt(values[kept])
        V = vectors[:, kept]
        inner = (V * root).T @ T @ (V * root)
        sizes, axes = np.linalg.eigh(0.5 * (inner + inner.T))
        middle = (axes * np.sqrt(np.maximum(sizes, 0.0))) @ axes.T
        outer = V / root
        A = outer @ middle @ outer.T
        A = 0.5 * (A + A.T)
    size = float(np.abs(T).max())
    off = float(np.abs(A @ S @ A - T).max())
    residual = off / size if size > 0.0 else off
    if residual > _MISSED:
        raise UnsupportedProblemError(
            "no map moves `x` onto `y`: the covariance of `x` is singular in directions in which "
            f"`y` spreads (the best map misses {residual:.2g} of it); a plan has to split points"
        )
    return GaussianMap(matrix=A, offset=y.mean - A @ x.mean, residual=residual)
