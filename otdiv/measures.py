"""Probability laws: atoms with weights, and Gaussians."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ._calling import explains_construction
from ._frozen import freeze, restore
from ._labels import check_labels, labels_of
from ._typing import ArrayLike, FloatArray, IndexArray
from ._validation import (
    as_float_array,
    as_points,
    as_points_together,
    as_real_array,
    as_weights,
    first_index,
)
from .errors import InvalidInputError

__all__ = [
    "DiscreteMeasure",
    "Gaussian",
    "as_measures",
    "in_units",
    "unit_exponents",
]


# math.fsum takes about 30 ns a number: below this size nobody notices.
_EXACT_SUM_SIZE = 1000
# Numbers whose temporary copies stay in the cache.
_CACHED = 2**14


def _total(weights: FloatArray) -> float:
    """Sum of non-negative weights, rounded about once, whatever their order."""
    if weights.size <= _EXACT_SUM_SIZE:
        return math.fsum(weights)
    if weights[0] == weights[-1] and (weights == weights[0]).all():
        return weights.size * float(weights[0])
    # Whole multiples of one unit add up without rounding; what they leave is 2**-50 of the whole.
    exponent = math.frexp(float(weights.max()))[1] + weights.size.bit_length()
    grid = math.ldexp(1.5, max(-1000, min(1022, exponent)))
    total = rest = 0.0
    for start in range(0, weights.size, _CACHED):
        part = weights[start : start + _CACHED]
        whole = (part + grid) - grid
        total += float(whole.sum())
        rest += float((part - whole).sum())
    return total + rest


def _read_only(array: FloatArray) -> FloatArray:
    view = array[...]
    view.setflags(write=False)
    return view


@explains_construction
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DiscreteMeasure:
    """Finitely many atoms with non-negative weights: sum_i weights[i] δ(points[i]).

    Two atoms are the same when their coordinates are bit-equal; -0.0 is stored as 0.0.

    Parameters
    ----------
    points : array_like, shape (n, d) or (n,)
        Positions; one column when 1-D.
    weights : array_like, shape (n,), optional
        Masses, kept as they are; uniform of total mass one by default.

    Raises
    ------
    InvalidInputError
        For points that are not finite numbers in rows, and weights that are negative, not finite,
        of another length, or sum to zero.

    Examples
    --------
    >>> from otdiv import DiscreteMeasure
    >>> p = DiscreteMeasure([[0.0, 0.0], [1.0, 0.0]], weights=[3.0, 1.0])
    >>> p.mass, p.n, p.d
    (4.0, 2, 2)
    """

    points: FloatArray
    _: KW_ONLY
    weights: FloatArray = None  # type: ignore[assignment]  # replaced in __post_init__

    if TYPE_CHECKING:  # what is given is coerced, so that it may be more than what is kept

        def __init__(self, points: ArrayLike, *, weights: ArrayLike | None = None) -> None: ...

    mass: float = field(init=False)
    """Total mass."""

    __setstate__ = restore

    def __post_init__(self) -> None:
        points = as_points("points", self.points)
        rows = ("points", labels_of(self.points)[0])
        weights = as_weights("weights", self.weights, points.shape[0], normalize=False, of=rows)
        self._fill(points, weights)

    def _fill(self, points: FloatArray, weights: FloatArray) -> None:
        # Adding +0.0 turns -0.0 into 0.0 and takes the copy that makes the measure immutable.
        points, weights = points + 0.0, weights + 0.0
        points.setflags(write=False)
        weights.setflags(write=False)
        mass = _total(weights)
        for name, value in (("points", points), ("weights", weights), ("mass", mass)):
            object.__setattr__(self, name, value)

    @classmethod
    def _canonical(cls, points: FloatArray, weights: FloatArray) -> DiscreteMeasure:
        """Measure of arrays that `_validation` made: they are not checked again."""
        measure = object.__new__(cls)
        measure._fill(points, weights)
        return measure

    @classmethod
    def from_samples(cls, x: Any, weights: Any = None) -> DiscreteMeasure:
        """Empirical law of samples `x` (n,) or (n, d); `weights` are relative frequencies."""
        points = as_points("x", x)
        rows = ("x", labels_of(x)[0])
        return cls._canonical(
            points, as_weights("weights", weights, len(points), normalize=True, of=rows)
        )

    @property
    def n(self) -> int:
        """Number of atoms."""
        return int(self.points.shape[0])

    @property
    def d(self) -> int:
        """Dimension of the space."""
        return int(self.points.shape[1])

    def pushforward(self, g: Callable[[FloatArray], Any]) -> DiscreteMeasure:
        """Law of g(X): `g` maps points (n, d) to points (n, k); atoms and weights stay in order."""
        image = as_points("g(points)", g(self.points))
        if image.shape[0] != self.n:
            raise InvalidInputError("g", f"return {self.n} points", f"{image.shape[0]} points")
        return DiscreteMeasure(points=image, weights=self.weights)

    def _reordered(self, order: IndexArray, points: FloatArray) -> DiscreteMeasure:
        """Return the same law with its atoms in `order` (n,), where they are at `points` (n, d)."""
        other = object.__new__(DiscreteMeasure)
        even = self.weights.min() == self.weights.max()
        weights = self.weights if even else _read_only(self.weights[order])
        for name, value in (("points", _read_only(points)), ("weights", weights)):
            object.__setattr__(other, name, value)
        object.__setattr__(other, "mass", self.mass)
        return other

    def merged(self) -> DiscreteMeasure:
        """Return the same law with equal atoms joined, in lexicographic order of their points."""
        support, inverse = np.unique(self.points, axis=0, return_inverse=True)
        weights = np.bincount(inverse.ravel(), weights=self.weights, minlength=len(support))
        return DiscreteMeasure(points=support, weights=np.asarray(weights, dtype=np.float64))

    def __repr__(self) -> str:
        return f"DiscreteMeasure(n={self.n}, d={self.d}, mass={self.mass:g})"


# A sample covariance of fewer samples than dimensions leaves residual variances of up to some
# 3 sqrt(d) units in the last place of its dtype where exact arithmetic leaves 0 (measured: d up to
# 2000, float16 to float64).
_NOISE = 16.0
_EPS = float(np.finfo(np.float64).eps)
# Asymmetry that is rounding, of covariances that were products of matrices in float64.
_ASYMMETRY = 1e-12


def unit_exponents(covariance: FloatArray) -> NDArray[np.int32]:
    """Integers k (d,) such that 2**k is a standard deviation to a factor of sqrt(2), or 0 for 0."""
    return np.asarray(np.frexp(np.diagonal(covariance))[1] // 2, dtype=np.int32)


def in_units(covariance: FloatArray, exponents: NDArray[np.int32]) -> FloatArray:
    """Covariance (d, d) of the coordinates divided by 2**exponents (d,): exact within float64."""
    with np.errstate(over="ignore"):
        return np.asarray(np.ldexp(covariance, -(exponents[:, None] + exponents)))


def _symmetric(given: FloatArray, rounding: float) -> FloatArray:
    """Return a copy of a matrix (d, d), without an asymmetry that is rounding; raise for more."""
    scaled = in_units(given, unit_exponents(given))
    with np.errstate(invalid="ignore"):  # two infinities, which no covariance has here, are equal
        gaps = np.where(scaled == scaled.T, 0.0, np.abs(scaled - scaled.T))
    if not gaps.max() <= max(rounding, _ASYMMETRY):
        raise InvalidInputError(
            "covariance", "be symmetric", "an asymmetric matrix", first_index(gaps == gaps.max())
        )
    return 0.5 * given + 0.5 * given.T if gaps.any() else given + 0.0


def _independent(covariance: FloatArray, rounding: float) -> IndexArray:
    """Return coordinates (rank,) that do not determine each other, and determine all others.

    That is Cholesky's factorisation with pivots, in units of the standard deviations. What it
    leaves of the others is nothing but `rounding`, or the matrix is not positive semi-definite.
    """
    requirement = "be positive semi-definite"
    variances = np.diagonal(covariance)
    if variances.min() < 0.0:
        i = int(np.argmin(variances))
        found = f"a variance of {variances[i]:g}"
        raise InvalidInputError("covariance", requirement, found, f"at index {i}")
    if len(covariance) == 1:
        return np.flatnonzero(variances)
    constant = variances == 0.0
    if covariance[constant].any():
        i, j = np.argwhere((covariance != 0.0) & constant[:, None])[0].tolist()
        found = f"a covariance of {covariance[i, j]:g} with a coordinate of variance 0"
        raise InvalidInputError("covariance", requirement, found, f"at index ({i}, {j})")
    from scipy.linalg.lapack import dpstrf

    scaled = in_units(covariance, unit_exponents(covariance))
    smallest = "far below 0"
    # Beyond any correlation the factorisation might overflow.
    if np.abs(scaled).max() <= 4.0:
        factor, order, rank, _ = dpstrf(scaled, tol=rounding, lower=1)
        below = factor[rank:, :rank]
        rest = order[rank:] - 1
        left = scaled[np.ix_(rest, rest)] - below @ below.T
        if np.abs(left).max(initial=0.0) <= 2.0 * rounding:
            return np.asarray(order[:rank] - 1, dtype=np.intp)
        smallest = f"{np.linalg.eigvalsh(scaled)[0]:.3g}"
    where = "(in units of the standard deviations)"
    raise InvalidInputError("covariance", requirement, f"smallest eigenvalue {smallest}", where)


@explains_construction
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Gaussian:
    """Normal law N(mean, covariance) in d dimensions.

    Parameters
    ----------
    mean : array_like, shape (d,) or scalar
        Centre.
    covariance : array_like, shape (d, d) or scalar
        Symmetric positive semi-definite matrix, to the rounding of its dtype; a scalar is the
        variance in one dimension.

    Raises
    ------
    InvalidInputError
        If the shapes disagree or the covariance is not symmetric positive semi-definite.

    Examples
    --------
    >>> from otdiv import Gaussian
    >>> Gaussian(mean=0.0, covariance=4.0).standard_deviation
    2.0
    """

    mean: FloatArray
    _: KW_ONLY
    covariance: FloatArray
    rounding: float = field(init=False)
    """Share of a variance that counts as rounding, from the dtype of the covariance and d."""
    independent: IndexArray = field(init=False)
    """Coordinates (rank,) that determine all others and not each other, freest first."""

    if TYPE_CHECKING:

        def __init__(self, mean: ArrayLike, *, covariance: ArrayLike) -> None: ...

    __setstate__ = restore

    def __post_init__(self) -> None:
        for labels in labels_of(self.covariance):
            check_labels("covariance", labels, "mean", labels_of(self.mean)[0])
        mean = np.atleast_1d(as_float_array("mean", self.mean))
        given = np.atleast_2d(as_real_array("covariance", self.covariance))
        covariance = as_float_array("covariance", given)
        if mean.ndim != 1 or mean.size == 0:
            raise InvalidInputError("mean", "have shape (d,)", f"shape {mean.shape}")
        d = mean.size
        if covariance.shape != (d, d):
            raise InvalidInputError(
                "covariance", f"have shape ({d}, {d})", f"shape {covariance.shape}"
            )
        precision = np.finfo(given.dtype if given.dtype.kind == "f" else np.float64).eps
        rounding = _NOISE * math.sqrt(d) * max(float(precision), _EPS)
        covariance = _symmetric(covariance, rounding)
        independent = _independent(covariance, rounding)
        freeze(
            self, mean=mean + 0.0, covariance=covariance, rounding=rounding, independent=independent
        )

    @property
    def d(self) -> int:
        """Dimension of the space."""
        return int(self.mean.size)

    @property
    def standard_deviation(self) -> float:
        """Root of the variance; only in one dimension."""
        if self.d != 1:
            raise InvalidInputError(
                "self", "be one-dimensional for a standard deviation", f"d={self.d}"
            )
        return math.sqrt(float(self.covariance[0, 0]))

    def __repr__(self) -> str:
        if self.d == 1:
            return f"Gaussian(mean={self.mean[0]:g}, covariance={self.covariance[0, 0]:g})"
        return f"Gaussian(d={self.d})"


def as_measures(
    x: Any, y: Any, x_weights: Any = None, y_weights: Any = None
) -> tuple[DiscreteMeasure, DiscreteMeasure, tuple[Any, ...] | None]:
    """Coerce two samples with relative frequencies; a `DiscreteMeasure` passes through.

    Coordinates that float64 cannot hold exactly are counted from the least of both samples, which
    no distance sees; that origin (d,) is the third thing returned, or None where none is taken off.
    """
    sides = (("x", x, x_weights), ("y", y, y_weights))
    given = {}
    for name, sample, weights in sides:
        given[name] = sample
        if isinstance(sample, DiscreteMeasure):
            given[name] = sample.points
            if weights is not None:
                raise InvalidInputError(
                    f"{name}_weights", "be None, since a DiscreteMeasure has its own", "weights"
                )
    both, origin = as_points_together(**given)
    measures = []
    for points, (name, sample, weights) in zip(both, sides, strict=True):
        if not isinstance(sample, DiscreteMeasure):
            rows = (name, labels_of(sample)[0])
            weights = as_weights(f"{name}_weights", weights, len(points), normalize=True, of=rows)
            measures.append(DiscreteMeasure._canonical(points, weights))
        elif origin is None:
            measures.append(sample)
        else:
            measures.append(DiscreteMeasure._canonical(points, sample.weights))
    return measures[0], measures[1], origin
