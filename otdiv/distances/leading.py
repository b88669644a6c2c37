"""Distances of many pairs of clouds in one call: axes before the last two broadcast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._typing import FloatArray
from .._validation import as_float_array, as_real_array, check_finite
from ..errors import InvalidInputError

__all__ = ["has_leading_axes", "over_leading_axes"]


def has_leading_axes(*samples: Any) -> bool:
    """Whether one of the samples has three axes or more."""
    return any(_axes(sample) > 2 for sample in samples)


def _axes(sample: Any) -> int:
    """Number of axes; of nested sequences as their first entries have it."""
    axes = 0
    while isinstance(sample, list | tuple) and sample:
        sample, axes = sample[0], axes + 1
    found = getattr(sample, "ndim", 0)
    return axes + (found if isinstance(found, int) else 0)


def over_leading_axes(
    x: Any,
    y: Any,
    x_weights: Any,
    y_weights: Any,
    measure: Callable[[Any, Any, Any, Any], float],
) -> FloatArray:
    """Call `measure(x, y, x_weights, y_weights)` for every pair of clouds (n, d) and (m, d)."""
    clouds = {name: _stack(name, value) for name, value in (("x", x), ("y", y))}
    weights = {
        name: None if value is None else _weights(name, value, clouds[name[0]].shape[-2])
        for name, value in (("x_weights", x_weights), ("y_weights", y_weights))
    }
    leading = [side.shape[:-2] for side in clouds.values()]
    leading += [side.shape[:-1] for side in weights.values() if side is not None]
    try:
        shape = np.broadcast_shapes(*leading)
    except ValueError:
        found = ", ".join(str(axes) for axes in leading)
        raise InvalidInputError("y", "broadcast with `x` before the last two axes", found) from None
    first, second = (np.broadcast_to(s, shape + s.shape[-2:]) for s in clouds.values())
    a, b = (
        None if side is None else np.broadcast_to(side, shape + side.shape[-1:])
        for side in weights.values()
    )
    values = np.empty(shape)
    for index in np.ndindex(shape):
        try:
            values[index] = measure(
                first[index],
                second[index],
                None if a is None else a[index],
                None if b is None else b[index],
            )
        except InvalidInputError as error:
            name = f"{error.argument}{list(index)}"
            raise InvalidInputError(name, error.requirement, error.value, error.where) from None
    return values


def _stack(name: str, value: Any) -> Any:
    array = as_real_array(name, value)
    check_finite(name, array)
    if array.ndim < 2 or 0 in array.shape:
        requirement = "have shape (..., n, d) where the other sample has leading axes"
        raise InvalidInputError(name, requirement, f"shape {array.shape}")
    return array


def _weights(name: str, value: Any, size: int) -> FloatArray:
    array = as_float_array(name, value)
    if array.ndim == 0 or array.shape[-1] != size:
        requirement = f"have shape (..., {size}), one weight a point"
        raise InvalidInputError(name, requirement, f"shape {array.shape}")
    return array
