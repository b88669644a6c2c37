"""The one place that coerces and checks what a caller typed."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ._typing import FloatArray
from .errors import InvalidInputError

__all__ = [
    "LEAST_WEIGHT",
    "as_cost_matrix",
    "as_float_array",
    "as_generator",
    "as_points",
    "as_sample",
    "as_weights",
    "check_callback",
    "check_choice",
    "check_positive",
    "check_positive_integer",
    "check_tolerance",
    "first_index",
]


_FEW = 4096
# The least positive float with all its digits: a share of the mass that is smaller becomes it.
LEAST_WEIGHT = 2.0**-1022


def first_index(mask: Any) -> str:
    """Where a boolean array is first True, as error texts show it: "at index 3"."""
    flat = int(np.argmax(mask))
    index = tuple(int(i) for i in np.unravel_index(flat, mask.shape))
    return f"at index {index[0] if len(index) == 1 else index}"


def as_float_array(name: str, value: Any) -> FloatArray:
    """Coerce to a finite float64 C-order array of any shape, copying only if needed."""
    try:
        array = np.asarray(value)
    except ValueError:
        raise InvalidInputError(name, "be a rectangular array of numbers", "ragged rows") from None
    if array.dtype != np.float64:
        if array.dtype.kind not in "fiub":
            raise InvalidInputError(name, "hold real numbers", f"dtype {array.dtype}")
        with np.errstate(over="ignore"):
            array = array.astype(np.float64)
    # ascontiguousarray would make a 0-d array 1-d; asarray with an order does not.
    array = np.asarray(array, order="C")
    check_finite(name, array)
    return array


def check_finite(name: str, array: FloatArray) -> None:
    """Raise unless all entries are finite; one pass and no temporary where they are."""
    # A finite sum proves finite entries; the converse needs the second look, since sums overflow.
    # Dot products raise no floating-point warnings, which take longer to silence than to sum few.
    if array.size <= _FEW:
        total = np.vdot(array, array)
    else:
        with np.errstate(all="ignore"):
            total = np.add.reduce(array, axis=None)
    if math.isfinite(total):
        return
    bad = ~np.isfinite(array)
    if bad.any():
        value = array[np.unravel_index(int(np.argmax(bad)), array.shape)] if array.ndim else array
        raise InvalidInputError(name, "be finite", float(value), first_index(np.atleast_1d(bad)))


def _checked_sample(name: str, value: Any) -> FloatArray:
    array = as_float_array(name, value)
    if array.ndim == 0:
        raise InvalidInputError(name, "be an array of shape (n,) or (n, d)", "a scalar")
    if array.ndim > 2:
        raise InvalidInputError(name, "have shape (n,) or (n, d)", f"shape {array.shape}")
    if array.shape[0] == 0:
        raise InvalidInputError(name, "hold at least one point", f"shape {array.shape}")
    if array.ndim == 2 and array.shape[1] == 0:
        raise InvalidInputError(name, "have at least one column", f"shape {array.shape}")
    return array


def as_sample(name: str, value: Any) -> FloatArray:
    """Coerce a sample: shape (n,), or (n, d); (n, 1) becomes (n,)."""
    array = _checked_sample(name, value)
    return array[:, 0].copy() if array.ndim == 2 and array.shape[1] == 1 else array


def as_points(name: str, value: Any) -> FloatArray:
    """Coerce points to shape (n, d); a 1-D array becomes one column."""
    array = _checked_sample(name, value)
    return array[:, None] if array.ndim == 1 else array


def as_weights(name: str, value: Any, n: int, *, normalize: bool) -> FloatArray:
    """Coerce n non-negative weights of positive sum; None is uniform of mass one.

    `normalize` divides by the sum (relative frequencies); otherwise the mass is kept.
    """
    if value is None:
        return np.full(n, 1.0 / n)
    array = as_float_array(name, value)
    if array.shape != (n,):
        raise InvalidInputError(
            name, f"have shape ({n},), one weight a point", f"shape {array.shape}"
        )
    if np.minimum.reduce(array) < 0.0:
        index = int(np.argmax(array < 0.0))
        raise InvalidInputError(name, "be non-negative", float(array[index]), f"at index {index}")
    largest = float(np.maximum.reduce(array))
    if largest == 0.0:
        raise InvalidInputError(name, "have a positive sum", 0.0)
    if not normalize:
        # Half of the range of floats over n: no sum of such weights overflows.
        if largest > 8e307 / n and not math.isfinite(float(array.sum())):
            raise InvalidInputError(name, "have a finite sum", "inf")
        return array
    # A power of two keeps sums of 1e300 finite and sums of 1e-320 accurate, and rounds nothing.
    scaled = np.ldexp(array, -math.frexp(largest)[1])
    shares = np.asarray(scaled / scaled.sum())
    if float(np.minimum.reduce(shares)) < LEAST_WEIGHT:
        # Nothing that weighs anything is lost; proofs count such atoms as not exact.
        shares[(array > 0.0) & (shares < LEAST_WEIGHT)] = LEAST_WEIGHT
    return shares


def as_cost_matrix(name: str, value: Any) -> FloatArray:
    """Coerce an (n, m) cost matrix: any finite sign, +inf forbids a pair."""
    try:
        array = np.asarray(value)
    except ValueError:
        raise InvalidInputError(name, "be a rectangular array of numbers", "ragged rows") from None
    if array.dtype.kind not in "fiub":
        raise InvalidInputError(name, "hold real numbers", f"dtype {array.dtype}")
    if array.ndim != 2:
        raise InvalidInputError(name, "have shape (n, m)", f"shape {array.shape}")
    if 0 in array.shape:
        raise InvalidInputError(
            name, "have at least one row and one column", f"shape {array.shape}"
        )
    array = np.ascontiguousarray(array, dtype=np.float64)
    # min is NaN if any entry is, and -inf if any entry is.
    with np.errstate(invalid="ignore"):
        smallest = float(array.min())
    if math.isnan(smallest) or smallest == -math.inf:
        bad = np.isnan(array) | (array == -np.inf)
        requirement = "hold numbers or +inf (a forbidden pair)"
        raise InvalidInputError(name, requirement, smallest, first_index(bad))
    return array


def as_generator(rng: Any) -> np.random.Generator:
    """Coerce None, a non-negative int or a Generator; no global state is touched."""
    if isinstance(rng, np.random.Generator):
        return rng
    if rng is None:
        return np.random.default_rng()
    try:
        seed = operator.index(rng)
    except TypeError:
        raise InvalidInputError(
            "rng", "be a numpy.random.Generator, an int or None", type(rng).__name__
        ) from None
    if seed < 0:
        raise InvalidInputError("rng", "be non-negative when it is an int", seed)
    return np.random.default_rng(seed)


def _as_real(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise InvalidInputError(name, "be a real number", repr(value)) from None


def check_positive(name: str, value: Any) -> float:
    """Return a finite positive float or raise."""
    number = _as_real(name, value)
    if not (number > 0.0 and math.isfinite(number)):
        raise InvalidInputError(name, "be positive and finite", value)
    return number


def check_positive_integer(name: str, value: Any, minimum: int = 1) -> int:
    """Return an int of at least `minimum` or raise."""
    try:
        number = operator.index(value)
    except TypeError:
        raise InvalidInputError(name, "be an integer", repr(value)) from None
    if number < minimum:
        raise InvalidInputError(name, f"be at least {minimum}", number)
    return number


def check_tolerance(name: str, value: Any) -> float | None:
    """Return None or a finite non-negative float, or raise."""
    if value is None:
        return None
    number = _as_real(name, value)
    if not (number >= 0.0 and math.isfinite(number)):
        raise InvalidInputError(name, "be non-negative and finite", value)
    return number


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> str:
    """Return `value` if it is one of `choices`, or raise with the list."""
    if not isinstance(value, str) or value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise InvalidInputError(name, f"be one of {listed}", repr(value))
    return value


def check_callback(callback: Any) -> None:
    """Raise unless `callback` is None or callable."""
    if callback is not None and not callable(callback):
        raise InvalidInputError("callback", "be callable", type(callback).__name__)
