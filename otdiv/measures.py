"""Probability laws: atoms with weights, and Gaussians."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import numpy as np

from ._calling import explains_construction
from ._frozen import restore
from ._labels import check_labels, labels_of
from ._typing import FloatArray, IndexArray
from ._validation import as_float_array, as_points, as_points_together, as_weights
from .errors import InvalidInputError

__all__ = ["DiscreteMeasure", "Gaussian", "as_measures"]


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


@explains_construction
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Gaussian:
    """Normal law N(mean, covariance) in d dimensions.

    Parameters
    ----------
    mean : array_like, shape (d,) or scalar
        Centre.
    covariance : array_like, shape (d, d) or scalar
        Symmetric positive semi-definite matrix; a scalar is the variance in one dimension.

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

    __setstate__ = restore

    def __post_init__(self) -> None:
        for labels in labels_of(self.covariance):
            check_labels("covariance", labels, "mean", labels_of(self.mean)[0])
        mean = np.atleast_1d(as_float_array("mean", self.mean))
        covariance = np.atleast_2d(as_float_array("covariance", self.covariance))
        if mean.ndim != 1 or mean.size == 0:
            raise InvalidInputError("mean", "have shape (d,)", f"shape {mean.shape}")
        d = mean.size
        if covariance.shape != (d, d):
            raise InvalidInputError(
                "covariance", f"have shape ({d}, {d})", f"shape {covariance.shape}"
            )
        scale = float(np.abs(covariance).max())
        if not np.allclose(covariance, covariance.T, rtol=0.0, atol=1e-12 * scale):
            raise InvalidInputError("covariance", "be symmetric", "an asymmetric matrix")
        covariance = 0.5 * covariance + 0.5 * covariance.T
        smallest = float(covariance[0, 0]) if d == 1 else float(np.linalg.eigvalsh(covariance)[0])
        # eigvalsh is backward stable: an exactly singular matrix may show -d * eps * scale.
        if smallest < -8.0 * d * np.finfo(np.float64).eps * scale or (d == 1 and smallest < 0.0):
            raise InvalidInputError(
                "covariance", "be positive semi-definite", f"smallest eigenvalue {smallest:g}"
            )
        object.__setattr__(self, "mean", _read_only(mean + 0.0))
        object.__setattr__(self, "covariance", _read_only(covariance))

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
