"""W1 of many pairs of samples at once, and of histograms on common positions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._calling import explains_calls
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
from .wasserstein_distance import wasserstein1

__all__ = ["wasserstein1_batch", "wasserstein1_histogram"]


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
    return wasserstein1_rows(left, right, left_weights, right_weights).reshape(shape)


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


@explains_calls()
def wasserstein1_histogram(p: Any, q: Any, *, support: Any) -> float:
    """W1 between two histograms on common positions: the integral of |F - G|.

    Parameters
    ----------
    p, q : array_like, shape (k,)
        Relative frequencies (each normalised to 1).
    support : array_like, shape (k,) or (k, d)
        Position of each bin, in any order; repeated positions add up.

    Returns
    -------
    float
        Distance in the unit of `support`.

    Raises
    ------
    InvalidInputError
        If a frequency is negative or the shapes disagree.

    Examples
    --------
    >>> from otdiv import wasserstein1_histogram
    >>> wasserstein1_histogram([.2, .8], [.8, .2], support=[0.0, 1.0])
    0.6000000000000001
    """
    (positions,) = as_samples_together(support=support)
    check_labels("q", labels_of(q)[0], "p", labels_of(p)[0])
    rows = ("support", labels_of(support)[0])
    weights = [
        as_weights(name, value, len(positions), normalize=True, of=rows)
        for name, value in (("p", p), ("q", q))
    ]
    if positions.ndim == 1:
        values, _ = histogram_rows(weights[0][None], weights[1][None], positions)
        return float(values[0])
    return wasserstein1(positions, positions, x_weights=weights[0], y_weights=weights[1])
