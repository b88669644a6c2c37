"""Sliced Wasserstein distance: the mean over directions of the distance of the projections."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._arrays import keeps_arrays
from .._calling import explains_calls
from .._kernels.line import distances as line_kernels
from .._kernels.pair_sums import project
from .._typing import FloatArray, RngLike
from .._validation import as_generator, as_number, check_positive_integer
from ..errors import InvalidInputError
from ..results import Valued
from .leading import has_leading_axes, over_leading_axes
from .samples import SamplePair, as_sample_pair

__all__ = ["SlicedResult", "directions", "sliced_wasserstein", "sliced_wasserstein_result"]

# Directions drawn at once: the draw is the same whatever this is, and memory stays small.
_BLOCK = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class SlicedResult(Valued):
    """A sliced distance with its Monte-Carlo error.

    Attributes
    ----------
    value : float
        Distance estimated from the directions drawn, in the unit of the points.
    standard_error : float
        Standard error of `value` over the draw of directions (delta method); 0 on the line, NaN
        for a single direction. It says nothing of the sampling of `x` and `y`.
    n_projections : int
        Directions used; 1 on the line, where there is only one.
    """

    value: float
    standard_error: float
    n_projections: int


@keeps_arrays("sliced_wasserstein")
@explains_calls(
    "POT's sliced_wasserstein_distance(X, Y, a, b, n, p) is "
    "sliced_wasserstein(X, Y, x_weights=a, y_weights=b, n_projections=n, p=p)"
)
def sliced_wasserstein(
    x: Any,
    y: Any,
    *,
    x_weights: Any = None,
    y_weights: Any = None,
    p: float = 1.0,
    n_projections: int = 200,
    rng: RngLike = None,
) -> Any:
    """Sliced Wasserstein distance (mean over directions θ of W_p(θ·x, θ·y)^p)^(1/p).

    Parameters
    ----------
    x, y : array_like, shapes (n,) or (n, d) and (m,) or (m, d)
        Samples or `DiscreteMeasure`s. Arrays (..., n, d) and (..., m, d) are many clouds, whose
        first axes broadcast.
    x_weights, y_weights : array_like, shapes (n,) and (m,), optional
        Relative frequencies, each side normalised to 1; uniform by default. Those of many clouds
        may have first axes too.
    p : float, default 1
        Order, at least 1 and finite. The default is that of `wasserstein1`, with which it agrees on
        the line, and which outliers move least; POT's default is 2.
    n_projections : int, default 200
        Directions, uniform on the sphere. The relative Monte-Carlo error is some
        1 / sqrt(n_projections) or less; `sliced_wasserstein_result` reports it.
    rng : numpy.random.Generator or int, optional
        Source of the directions; None draws other ones in each call, as numpy does. Pass an int,
        and the number is reproducible and directions are common to all calls. Those of one
        call are common to all its clouds.

    Returns
    -------
    float or array
        Distance in the unit of the points, an array where there are many clouds; exactly 0 for the
        same rows in any order. On the line it is `wasserstein(x, y, p=p)`. In d dimensions it is at
        most that, and smaller by a factor near sqrt(2 / (π d)) for shifted samples and p = 1.

    Raises
    ------
    InvalidInputError
        For bad samples or weights, unequal columns, p < 1 or infinite, or fewer than one direction.

    References
    ----------
    Rabin, Peyré, Delon, Bernot (2011), *Wasserstein barycenter and its application to texture
    mixing*, doi:10.1007/978-3-642-24785-9_37. Bonneel, Rabin, Peyré, Pfister (2015), *Sliced and
    Radon Wasserstein barycenters of measures*, doi:10.1007/s10851-014-0506-3.

    Examples
    --------
    >>> from otdiv import sliced_wasserstein
    >>> sliced_wasserstein([0.0, 1.0], [1.0, 2.0])
    1.0
    >>> sliced_wasserstein([[0.0, 0.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, 0.0]])
    0.0
    """
    if has_leading_axes(x, y):
        return _of_many(x, y, x_weights, y_weights, p, n_projections, rng)
    return sliced_wasserstein_result(
        x, y, x_weights=x_weights, y_weights=y_weights, p=p, n_projections=n_projections, rng=rng
    ).value


@keeps_arrays("sliced_wasserstein")
@explains_calls()
def sliced_wasserstein_result(
    x: Any,
    y: Any,
    *,
    x_weights: Any = None,
    y_weights: Any = None,
    p: float = 1.0,
    n_projections: int = 200,
    rng: RngLike = None,
) -> SlicedResult:
    """`sliced_wasserstein` with its Monte-Carlo standard error.

    Parameters are those of `sliced_wasserstein`.

    Returns
    -------
    SlicedResult

    Raises
    ------
    InvalidInputError
        As in `sliced_wasserstein`.

    Examples
    --------
    >>> from otdiv import sliced_wasserstein_result
    >>> result = sliced_wasserstein_result([[0.0, 0.0]], [[3.0, 4.0]], n_projections=2000, rng=0)
    >>> abs(result.value - 5.0 * 2.0 / 3.141592653589793) < 4.0 * result.standard_error
    True
    """
    order = _as_finite_order(p)
    n_projections = check_positive_integer("n_projections", n_projections)
    generator = as_generator(rng)
    pair = as_sample_pair(x, y, x_weights, y_weights)
    return _of_pair(pair, order, n_projections, _drawn(generator, n_projections, pair.d))


def _of_many(
    x: Any, y: Any, x_weights: Any, y_weights: Any, p: Any, n_projections: Any, rng: RngLike
) -> FloatArray:
    """Distances of many pairs of clouds along the same directions."""
    order = _as_finite_order(p)
    n_projections = check_positive_integer("n_projections", n_projections)
    generator = as_generator(rng)
    blocks: list[FloatArray] = []

    def measure(x: Any, y: Any, a: Any, b: Any) -> float:
        pair = as_sample_pair(x, y, a, b)
        if not blocks and pair.d > 1:
            blocks.extend(_drawn(generator, n_projections, pair.d))
        return _of_pair(pair, order, n_projections, blocks).value

    return over_leading_axes(x, y, x_weights, y_weights, measure)


def _of_pair(
    pair: SamplePair, order: float, n_projections: int, blocks: Iterable[FloatArray]
) -> SlicedResult:
    if pair.d == 1:
        value, _ = line_kernels.wasserstein_line(pair.x[:, 0], pair.y[:, 0], pair.a, pair.b, order)
        return SlicedResult(value=float(value), standard_error=0.0, n_projections=1)
    x_rows, y_rows, scale = _centred(pair.x, pair.y)
    left, right = np.empty(len(pair.x)), np.empty(len(pair.y))
    distances, start = np.empty(n_projections), 0
    for block in blocks:
        for k, direction in enumerate(block, start):
            project(x_rows, direction, left)
            project(y_rows, direction, right)
            distances[k] = line_kernels.wasserstein_line(left, right, pair.a, pair.b, order)[0]
        start += len(block)
    value, error = _power_mean(distances, order)
    return SlicedResult(
        value=value * scale, standard_error=error * scale, n_projections=n_projections
    )


def _drawn(rng: np.random.Generator, n_projections: int, d: int) -> Iterator[FloatArray]:
    """All directions, block by block as they are drawn."""
    for start in range(0, n_projections, _BLOCK):
        yield directions(rng, min(_BLOCK, n_projections - start), d)


def _as_finite_order(p: Any) -> float:
    order = as_number("p", p, "be a real number of at least 1")
    if not 1.0 <= order < math.inf:
        raise InvalidInputError("p", "be at least 1 and finite", p)
    return order


def directions(rng: np.random.Generator, k: int, d: int) -> FloatArray:
    """Unit vectors (k, d), uniform on the sphere."""
    vectors = rng.standard_normal((k, d))
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    # A zero vector has probability zero; it stands for any direction.
    vectors[lengths[:, 0] == 0.0, 0] = 1.0
    return np.asarray(vectors / np.where(lengths == 0.0, 1.0, lengths))


def _centred(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray, float]:
    """Coordinates (d, n), (d, m) from the corner of both clouds, and the unit that they are in.

    A common shift moves no distance, but a far origin would cost digits; a power of two keeps the
    sums of coordinates finite.
    """
    x, y = 0.5 * x, 0.5 * y
    corner = np.minimum(x.min(axis=0), y.min(axis=0))
    x, y = x - corner, y - corner
    exponent = min(max(math.frexp(max(float(x.max()), float(y.max())))[1], -1000), 1000)
    unit = math.ldexp(1.0, -exponent)
    x_rows, y_rows = np.ascontiguousarray((unit * x).T), np.ascontiguousarray((unit * y).T)
    return x_rows, y_rows, 2.0 * math.ldexp(1.0, exponent)


def _power_mean(distances: FloatArray, p: float) -> tuple[float, float]:
    """M = (mean of w^p)^(1/p) and its standard error (1/p) M^(1-p) s / sqrt(k), s that of w^p."""
    top = float(distances.max())
    if top == 0.0:
        return 0.0, 0.0
    powers = (distances / top) ** p
    mean = math.fsum(powers) / powers.size
    value = mean ** (1.0 / p)
    if powers.size == 1:
        return top * value, math.nan
    spread = float(np.std(powers, ddof=1)) / math.sqrt(powers.size)
    return top * value, top * value / (p * mean) * spread
