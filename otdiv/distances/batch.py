"""W1 of many pairs of samples at once, and of histograms on common positions."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .._arrays import keeps_arrays
from .._calling import explains_calls
from .._kernels.line.distances import wasserstein_line
from .._kernels.line.histogram import histogram_rows, wasserstein1_rows
from .._labels import check_labels, labels_of
from .._typing import FloatArray
from .._validation import (
    as_float_array,
    as_real_array,
    as_samples_together,
    as_weights,
    check_finite,
    first_index,
    less_common_origin,
)
from ..errors import InvalidInputError
from .dispatch import as_order
from .wasserstein_distance import wasserstein1

__all__ = ["wasserstein1_batch", "wasserstein1_histogram", "wasserstein_batch"]

# Samples (r, n), (r, m), and their weights or None.
_Rows: TypeAlias = tuple[FloatArray, FloatArray, FloatArray | None, FloatArray | None]


@keeps_arrays("wasserstein1")
@explains_calls()
def wasserstein1_batch(
    x: Any, y: Any, *, axis: int = -1, x_weights: Any = None, y_weights: Any = None
) -> FloatArray:
    """W1 of many pairs of 1-D samples at once; the other axes broadcast.

    Parameters
    ----------
    x, y : array_like, shapes (..., n) and (..., m)
        Samples along `axis`.
    axis : int, default -1
        Axis of the samples in both arrays.
    x_weights, y_weights : array_like, optional
        Relative frequencies that broadcast to `x` and `y`; each sample is normalised to 1.

    Returns
    -------
    array
        Distances, of the broadcast shape of the other axes.

    Raises
    ------
    InvalidInputError
        If shapes do not broadcast or an input is invalid.

    Examples
    --------
    >>> from otdiv import wasserstein1_batch
    >>> wasserstein1_batch([[0.0, 1.0], [0.0, 3.0]], [1.0, 2.0])
    array([1., 1.])
    """
    rows, shape = _paired_rows(x, y, axis, x_weights, y_weights)
    return wasserstein1_rows(*rows).reshape(shape)


@keeps_arrays()
@explains_calls()
def wasserstein_batch(
    x: Any, y: Any, *, p: float, axis: int = -1, x_weights: Any = None, y_weights: Any = None
) -> FloatArray:
    """W_p of many pairs of 1-D samples at once; the other axes broadcast.

    Parameters
    ----------
    x, y : array_like, shapes (..., n) and (..., m)
        Samples along `axis`.
    p : float
        Order, at least 1; `inf` is the largest distance that any mass moves.
    axis : int, default -1
        Axis of the samples in both arrays.
    x_weights, y_weights : array_like, optional
        Relative frequencies that broadcast to `x` and `y`; each sample is normalised to 1.

    Returns
    -------
    array
        Distances, of the broadcast shape of the other axes.

    Raises
    ------
    InvalidInputError
        If shapes do not broadcast, `p` is below 1 or an input is invalid.

    Examples
    --------
    >>> from otdiv import wasserstein_batch
    >>> wasserstein_batch([[0.0, 1.0], [0.0, 3.0]], [1.0, 4.0], p=2)
    array([2.23606798, 1.        ])
    """
    order = as_order(p)
    (left, right, a, b), shape = _paired_rows(x, y, axis, x_weights, y_weights)
    if order == 1.0:
        return wasserstein1_rows(left, right, a, b).reshape(shape)
    every = (None,) * len(left)
    sides = zip(left, right, every if a is None else a, every if b is None else b, strict=True)
    values = np.array([wasserstein_line(*row, order)[0] for row in sides])
    return values.reshape(shape)


def _paired_rows(
    x: Any, y: Any, axis: int, x_weights: Any, y_weights: Any
) -> tuple[_Rows, tuple[int, ...]]:
    """Samples (r, n), (r, m) with their weights or None, and the shape of the other axes."""
    left, left_weights = _batch_side("x", x, axis, x_weights)
    right, right_weights = _batch_side("y", y, axis, y_weights)
    if left.shape[:-1] == right.shape[:-1] and left.ndim == 2:
        pairs = 0 if axis in (-1, 1) else 1  # the axis along which samples are paired
        check_labels("y", labels_of(y)[pairs], "x", labels_of(x)[pairs])
    try:
        shape = np.broadcast_shapes(left.shape[:-1], right.shape[:-1])
    except ValueError:
        found = f"shapes {left.shape[:-1]} and {right.shape[:-1]}"
        raise InvalidInputError("y", "broadcast with `x` beside `axis`", found) from None
    rows = {"x": _rows(left, shape), "y": _rows(right, shape)}
    (left, right), _ = less_common_origin(*rows.items())
    left_weights, right_weights = (
        None if weights is None else _rows(weights, shape)
        for weights in (left_weights, right_weights)
    )
    return (left, right, left_weights, right_weights), shape


def _rows(array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Broadcast the leading axes to `shape` and join them: (r, n) in C order."""
    k = array.shape[-1]
    return np.ascontiguousarray(np.broadcast_to(array, (*shape, k)).reshape(-1, k))


def _batch_side(
    name: str, sample: Any, axis: int, weights: Any
) -> tuple[NDArray[Any], FloatArray | None]:
    array = as_real_array(name, sample)
    check_finite(name, array)
    if array.ndim == 0:
        raise InvalidInputError(name, "have at least one axis", "a scalar")
    try:
        array = np.moveaxis(array, axis, -1)
    except ValueError:
        raise InvalidInputError("axis", f"be an axis of `{name}`", axis) from None
    if array.shape[-1] == 0:
        raise InvalidInputError(name, "hold at least one value along `axis`", array.shape)
    if weights is None:
        return np.ascontiguousarray(array), None
    values = as_float_array(f"{name}_weights", weights)
    if values.shape == np.shape(sample):
        for mine, theirs in zip(labels_of(weights), labels_of(sample), strict=True):
            check_labels(f"{name}_weights", mine, name, theirs)
    values = np.moveaxis(values, axis, -1) if values.ndim == array.ndim else values
    try:
        values = np.broadcast_to(values, array.shape)
    except ValueError:
        raise InvalidInputError(
            f"{name}_weights", f"broadcast to the shape {array.shape} of `{name}`", values.shape
        ) from None
    if values.min() < 0.0:
        raise InvalidInputError(
            f"{name}_weights", "be non-negative", float(values.min()), first_index(values < 0.0)
        )
    empty = values.max(axis=-1) == 0.0
    if empty.any():
        where = first_index(np.atleast_1d(empty))
        raise InvalidInputError(f"{name}_weights", "have a positive sum along `axis`", 0.0, where)
    return np.ascontiguousarray(array), np.ascontiguousarray(values)


@keeps_arrays("wasserstein1_histogram")
@explains_calls()
def wasserstein1_histogram(p: Any, q: Any, *, support: Any) -> Any:
    """W1 between two histograms on common positions: the integral of |F - G|.

    Parameters
    ----------
    p, q : array_like, shapes (..., k)
        Relative frequencies, each histogram normalised to 1; the other axes broadcast, as for one
        histogram against many.
    support : array_like, shape (k,) or (k, d)
        Position of each bin, in any order; repeated positions add up.

    Returns
    -------
    float or array
        Distance in the unit of `support`; an array of the broadcast shape of the other axes, if
        there are any.

    Raises
    ------
    InvalidInputError
        If a frequency is negative or the shapes disagree.

    Examples
    --------
    >>> from otdiv import wasserstein1_histogram
    >>> wasserstein1_histogram([.2, .8], [.8, .2], support=[0.0, 1.0])
    0.6000000000000001
    >>> wasserstein1_histogram([1.0, 0.0], [[1.0, 0.0], [0.5, 0.5]], support=[0.0, 1.0])
    array([0. , 0.5])
    """
    (positions,) = as_samples_together(support=support)
    check_labels("q", labels_of(q)[-1], "p", labels_of(p)[-1])
    rows = ("support", labels_of(support)[0])
    given = as_float_array("p", p), as_float_array("q", q)
    if max(array.ndim for array in given) <= 1:
        check_labels("q", labels_of(q)[0], "p", labels_of(p)[0])
        weights = [
            as_weights(name, value, len(positions), normalize=True, of=rows)
            for name, value in (("p", p), ("q", q))
        ]
        return float(_histogram_distances(weights[0][None], weights[1][None], positions)[0])
    pairs = zip(("p", "q"), given, strict=True)
    sides = [_histograms(name, array, len(positions)) for name, array in pairs]
    try:
        shape = np.broadcast_shapes(*(side.shape[:-1] for side in sides))
    except ValueError:
        found = f"shapes {sides[0].shape[:-1]} and {sides[1].shape[:-1]}"
        raise InvalidInputError("q", "broadcast with `p` beside the bins", found) from None
    left, right = (_rows(side, shape) for side in sides)
    return _histogram_distances(left, right, positions).reshape(shape)


def _histogram_distances(p: FloatArray, q: FloatArray, positions: FloatArray) -> FloatArray:
    """Distances (r,) of rows of shares (r, k)."""
    if positions.ndim == 1:
        values: FloatArray = histogram_rows(p, q, positions)[0]
        return values
    return np.array(
        [
            wasserstein1(positions, positions, x_weights=first, y_weights=second)
            for first, second in zip(p, q, strict=True)
        ]
    )


def _histograms(name: str, array: FloatArray, size: int) -> FloatArray:
    """Shares (..., k) of one or many histograms."""
    if array.ndim == 0 or array.shape[-1] != size:
        requirement = f"have shape (..., {size}), one weight a point"
        raise InvalidInputError(name, requirement, f"shape {array.shape}")
    if array.ndim == 1:
        return as_weights(name, array, size, normalize=True)
    flat = array.reshape(-1, size)
    shares = [as_weights(f"{name}[{k}]", row, size, normalize=True) for k, row in enumerate(flat)]
    return np.array(shares).reshape(array.shape)
