"""The one place that coerces and checks what a caller typed."""

from __future__ import annotations

import math
import operator
import reprlib
import sys
from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._arrays import read
from ._labels import Labels, check_columns, check_labels, labels_of
from ._typing import FloatArray, IndexArray
from .errors import InvalidInputError

__all__ = [
    "HUGE_COST",
    "LEAST_WEIGHT",
    "as_axis",
    "as_cost_matrix",
    "as_exact_array",
    "as_float_array",
    "as_generator",
    "as_indices",
    "as_nearest_array",
    "as_number",
    "as_points",
    "as_points_from",
    "as_points_together",
    "as_real_array",
    "as_sample",
    "as_samples_together",
    "as_weights",
    "check_callback",
    "check_choice",
    "check_exact",
    "check_finite",
    "check_positive",
    "check_positive_integer",
    "check_seconds",
    "check_tolerance",
    "describe",
    "first_index",
    "less_common_origin",
]


_FEW = 4096
# The least positive float with all its digits: a share of the mass that is smaller becomes it.
LEAST_WEIGHT = 2.0**-1022

# Every integer up to this size is a float64; beyond it only multiples of powers of two are.
_EXACT = 2**53

# The one that arrays have in memory order of this machine, so that `is` finds it.
_FLOAT64 = np.dtype(np.float64)
_ALL_FLOAT64 = {_FLOAT64}
_INT64 = np.dtype(np.int64)

# An object with one of these draws samples or has densities: it is a law, not an array.
LAW_METHODS = ("rvs", "sample", "resample", "cdf", "logpdf", "logpmf", "log_prob")

# What lists are mostly made of, and what cannot be masked.
_PLAIN = {float, int, bool, np.float64, np.int64}

# Sums and differences of a few costs of this size stay within float64.
HUGE_COST = 2.0**1000

# Decimals of more digits before or behind the point are infinity or 0 as floats.
_MOST_DIGITS = 400

# NumPy allows no deeper nesting.
_MOST_AXES = 64

_MASKED = "hold data only, and masked entries are not data"
_WAY_OUT = (
    "(`.compressed()` leaves masked entries out; leave out whole rows of points, and the weights "
    "of points that are left out)"
)
_HELD = "hold numbers that float64 holds exactly"
# Numbers of Python that NumPy keeps as objects, alone or among others.
_TYPED = (int, float, Decimal, Fraction)

_SHORT = reprlib.Repr()
_SHORT.maxother = 200  # the address of an object is seen, and the object shown by its type
_REAL = "hold real numbers"
# What to do about arrays of other things than real numbers, by the kind of their dtype.
_TIMES = (
    '(times are numbers once they count from an origin: `(t - origin) / np.timedelta64(1, "D")` '
    "has days)"
)
_WORDS = "(words have no distance; numbers that are typed as text: `.astype(float)`)"
_CONVERSIONS = {
    "M": _TIMES,
    "m": '(durations are numbers in a unit: `t / np.timedelta64(1, "s")` has seconds)',
    "c": "(real and imaginary part as two columns: `np.column_stack([z.real, z.imag])`)",
    "U": _WORDS,
    "S": _WORDS,
    "T": _WORDS,
    "V": "(fields as columns: `np.lib.recfunctions.structured_to_unstructured`)",
}
_SHIFT = (
    "(integers beyond 2**53 and long doubles are not rounded in silence: take a common origin or "
    "factor off, or round them yourself with `.astype(float)`)"
)


def first_index(mask: Any) -> str:
    """Where a boolean array is first True, as error texts show it: "at index 3"."""
    flat = int(np.argmax(mask))
    index = tuple(int(i) for i in np.unravel_index(flat, mask.shape))
    return f"at index {index[0] if len(index) == 1 else index}"


def _check_unmasked(name: str, value: Any) -> None:
    """Raise if a masked array, or a sequence that holds one at any depth, hides an entry."""
    masked_arrays = sys.modules.get("numpy.ma")
    if masked_arrays is None:  # then nobody can have made one
        return
    kind = masked_arrays.MaskedArray
    level, depth = (value, 1) if type(value) is list else ([value], 0)
    while depth < _MOST_AXES:
        types = set(map(type, level))
        if types <= _PLAIN:
            return
        if any(issubclass(found, kind) for found in types):
            for index, item in enumerate(level):
                mask = masked_arrays.getmask(item) if isinstance(item, kind) else None
                # The mask of a structured array has fields; its numbers are refused as such.
                if mask is None or mask.dtype != bool or not mask.any():
                    continue
                places = {0: first_index(np.atleast_1d(mask)), 1: f"at index {index}"}
                where = f"{places.get(depth, '')} {_WAY_OUT}".strip()
                raise InvalidInputError(name, _MASKED, "a masked entry", where)
        nested = types == {list}  # rows, of which there may be millions
        level = list(chain.from_iterable(level if nested else map(_parts, level)))
        depth += 1


def _parts(item: Any) -> Iterable[Any]:
    """What a sequence or an array of Python objects holds; nothing for a number."""
    if isinstance(item, np.ndarray):
        return item.flat if item.dtype.kind == "O" and item.ndim else ()
    return item if isinstance(item, list | tuple) else ()


def as_real_array(name: str, value: Any) -> NDArray[Any]:
    """Coerce to an array of real numbers that are those of the caller, none of them rounded.

    Its dtype is floating, integer or boolean, or object where Python integers fit no other.
    Masked entries are refused; a masked array that hides nothing is the plain array. Arrays of
    torch, JAX, CuPy and the array API are read (`_arrays`). Decimals and fractions are read as
    typed numbers are: whole ones exactly, others to the nearest float.
    """
    given = value if type(value) is np.ndarray else None
    if given is not None and given.dtype is _FLOAT64:
        return given
    plain = given is not None and given.dtype.kind != "O"
    if given is None:
        value = read(name, value)
    if not plain:
        _check_unmasked(name, value)
    array = given if given is not None else _as_array(name, value)
    kind = array.dtype.kind
    if kind == "O":
        return _as_numbers(name, array)
    if kind not in "fiub":
        raise InvalidInputError(name, _REAL, f"dtype {array.dtype}", _CONVERSIONS.get(kind, ""))
    if not plain and array.dtype is _FLOAT64 and array.size:
        return _as_written(name, value, array)
    return array


def _as_array(name: str, value: Any) -> NDArray[Any]:
    """What NumPy makes of an object, or an error that says what the object is."""
    if isinstance(value, str | bytes):
        raise InvalidInputError(name, _REAL, describe(value))
    try:
        array = np.asarray(value)
    except Exception as error:  # of any kind: it is the object's own code that runs
        if isinstance(value, list | tuple) and "inhomogeneous" in str(error):
            found = "ragged rows"
            raise InvalidInputError(name, "be a rectangular array of numbers", found) from None
        found = f"{describe(value)} that cannot be read"
        where = f"({type(error).__name__}: {error})"
        raise InvalidInputError(name, "be an array of real numbers", found, where) from error
    if array.dtype.kind == "O" and array.ndim == 0 and not isinstance(array.item(), _TYPED):
        requirement = "be an array of real numbers"
        raise InvalidInputError(name, requirement, describe(value), _way_out(value))
    return array


def _way_out(value: Any) -> str:
    """How an object that is no array becomes one, or nothing."""
    if hasattr(value, "toarray"):
        return "(`.toarray()` makes it dense)"
    if hasattr(value, "collect"):
        return "(`.collect()` it first)"
    if isinstance(value, Mapping):
        return "(`list(d.values())` has its values in order)"
    if isinstance(value, set | frozenset):
        return "(a set has no order and no repeats: pass a list)"
    if isinstance(value, Iterable):
        return "(make a list of it first: `list(...)`)"
    if any(hasattr(value, method) for method in LAW_METHODS):
        return "(a law is no array: draw samples from it)"
    return ""


def describe(value: Any) -> str:
    """What was found, in a few words: a short value as it is typed, another by its type."""
    if isinstance(value, np.number):
        return str(value)
    try:
        text = _SHORT.repr(value)
    except ValueError:  # Python writes out no integer of thousands of digits
        text = ""
    if text and len(text) <= 80 and not (hasattr(value, "shape") or "\n" in text or "0x" in text):
        return text
    if isinstance(value, type):
        return f"the class {value.__name__}"
    kind = "array" if isinstance(value, np.ndarray) else type(value).__name__
    article = "an" if kind[0] in "AEIOaeio" else "a"
    shape = getattr(value, "shape", None)
    return f"{article} {kind}" + (f" of shape {shape}" if isinstance(shape, tuple) else "")


def _as_numbers(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """Give an object array of Python and NumPy numbers the dtype that holds them all exactly."""
    types = set(map(type, array.flat))
    if any(issubclass(found, Decimal | Fraction) for found in types):
        numbers = [_typed(v) if isinstance(v, Decimal | Fraction) else v for v in array.flat]
        array = _objects(numbers, array.shape)
        types = set(map(type, numbers))
    integers = {found for found in types if issubclass(found, int | np.integer | np.bool_)}
    floats = {found for found in types if issubclass(found, float | np.floating)}
    others = types - integers - floats - {Fraction}
    if others:
        index, item = next((i, v) for i, v in enumerate(array.flat) if type(v) in others)
        where = first_index(np.arange(array.size).reshape(array.shape) == index)
        raise InvalidInputError(name, _REAL, "dtype object", f"({_stray(item, where)})")
    if types <= floats:
        return array.astype(np.result_type(np.float64, *(floats - {float})))
    if types <= integers:
        for dtype in (np.int64, np.uint64):
            try:
                return array.astype(dtype)
            except OverflowError:
                pass
    plain = _objects([int(v) if type(v) in integers else v for v in array.flat], array.shape)
    # Whole numbers among floats are floats too, unless some would be rounded.
    return _nearest_floats(plain) if floats and _rounded(plain) is None else plain


def _objects(values: list[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    return np.fromiter(values, dtype=object, count=len(values)).reshape(shape)


def _stray(item: Any, where: str) -> str:
    """What an entry is that is no number, and what to do about it."""
    if item is None or type(item).__name__ in ("NAType", "NaTType"):
        return f"a missing value {where}: drop or fill it"
    note = f"{describe(item)} {where}"
    if isinstance(item, str | bytes):
        return f"{note}; {_WORDS.strip('()')}"
    if hasattr(item, "isoformat") or hasattr(item, "total_seconds"):
        return f"{note}; {_TIMES[1:-1]}"
    return note


def _typed(value: Decimal | Fraction) -> Any:
    """Read a decimal or a fraction as a program's text is read.

    Whole numbers stay exact. Others are the nearest float, as a literal is: that of Decimal("0.1")
    is 0.1. Beyond 2**53, where floats keep no fractions, they stay as they are, for an error.
    """
    if isinstance(value, Decimal):
        if value.is_nan():
            return math.nan
        if value.is_infinite() or abs(value.adjusted()) > _MOST_DIGITS:
            return float(value)  # infinity or 0, without whole numbers of as many digits
    exact = Fraction(value)
    if exact.denominator == 1:
        return int(exact)
    return float(exact) if abs(exact) < _EXACT else exact


def _as_written(name: str, value: Any, array: FloatArray) -> NDArray[Any]:
    """Undo what NumPy and data frames do to large integers beside floats: round them.

    `array` (any shape) is what they made of `value`.
    """
    # For few numbers a sum of squares is the quickest to tell that none is large.
    if array.size <= _FEW and np.vdot(array, array) < _EXACT**2:
        return array
    if not max(array.max(), -array.min()) >= _EXACT:
        return array
    if isinstance(value, list | tuple):
        written = np.array(value, dtype=object)
        if any(issubclass(found, int) for found in set(map(type, written.flat))):
            return _as_numbers(name, written)
        return array
    types = getattr(value, "dtypes", None)
    if types is None:
        types = getattr(getattr(value, "schema", None), "types", ())
    if array.ndim == 2 and isinstance(types, Iterable):
        large = np.abs(array).max(axis=0) >= _EXACT
        for column, dtype in enumerate(types):
            if str(dtype).lower().startswith(("int", "uint")) and large[column]:
                where = f"in column {column} {_SHIFT}"
                largest = float(array[np.abs(array[:, column]).argmax(), column])
                found = f"integers that the frame rounded to {largest!r}"
                raise InvalidInputError(name, _HELD, found, where)
    return array


def as_exact_array(name: str, value: Any) -> FloatArray:
    """Coerce to a float64 array of any shape; NaN and infinity pass, rounding does not."""
    array = as_real_array(name, value)
    if array.dtype is _FLOAT64:
        return array
    check_exact(name, array)
    return _nearest_floats(array)


def check_exact(name: str, array: NDArray[Any]) -> None:
    """Raise if float64 cannot hold an entry of an array of real numbers."""
    rounded = _rounded(array)
    if rounded is not None:
        raise _inexact(name, _HELD, array, rounded)


def _inexact(
    name: str, requirement: str, array: NDArray[Any], rounded: NDArray[np.bool_]
) -> InvalidInputError:
    value = array.flat[int(np.argmax(rounded))]
    place = first_index(np.atleast_1d(rounded))
    return InvalidInputError(name, requirement, describe(value), f"{place} {_SHIFT}")


def _rounded(array: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Where float64 would round a number; None where it holds all of them."""
    dtype = array.dtype
    if dtype is _FLOAT64 or dtype.itemsize < 8 or array.size == 0:
        return None
    if dtype.kind in "iu":
        if int(array.min()) >= -_EXACT and int(array.max()) <= _EXACT:
            return None
        # Magnitudes, in arithmetic modulo 2**64: an integer is a float64 if it is an odd number
        # below 2**53 times a power of two.
        bits = array.astype(np.uint64)
        size = np.where(array < 0, ~bits + np.uint64(1), bits)
        power = np.maximum(size & (~size + np.uint64(1)), np.uint64(1))
        rounded = size // power > _EXACT
    else:
        # Python compares its own numbers exactly, and NumPy long doubles; NumPy's float64 would
        # round an integer first.
        floats = _nearest_floats(array)
        nearest = floats.astype(object) if dtype.kind == "O" else floats
        rounded = np.asarray((array != nearest) & ~np.isnan(floats), dtype=bool)
    return rounded if rounded.any() else None


def as_nearest_array(name: str, value: Any) -> FloatArray:
    """Coerce to a float64 array of finite numbers, rounded where they must be.

    For what is repaired and measured all the same: plans and potentials of others.
    """
    array = _nearest_floats(as_real_array(name, value))
    check_finite(name, array)
    return array


def _nearest_floats(array: NDArray[Any]) -> FloatArray:
    """An array of real numbers as float64; beyond its range, infinity."""
    if array.dtype is _FLOAT64:
        return array
    with np.errstate(over="ignore"):
        try:
            return array.astype(np.float64, copy=False)
        except OverflowError:
            return np.array([_nearest_float(v) for v in array.flat]).reshape(array.shape)


def _nearest_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def less_common_origin(
    *sides: tuple[str, NDArray[Any]],
) -> tuple[list[FloatArray], tuple[Any, ...] | None]:
    """Rows (k, n) of several arrays as float64, less one origin a row where they do not fit.

    What depends on differences alone is right for these as for the numbers given. A row that
    float64 holds exactly stays as it is; from another the least number of all sides is subtracted
    in exact arithmetic.

    Parameters
    ----------
    *sides : pairs of str and array, shapes (k, n), (k, m), ...
        What the caller calls them, for error texts, and real numbers of any dtype.

    Returns
    -------
    arrays : list of float64 arrays
    origin : tuple of k integers or fractions, or None where all are 0

    Raises
    ------
    InvalidInputError
        If float64 cannot hold a difference from the origin either.
    """
    floats = [_nearest_floats(array) for _, array in sides]
    inexact = [_rounded(array) for _, array in sides]
    found = [rounded for rounded in inexact if rounded is not None]
    if not found:
        return floats, None
    # The caller's own floats stay as they are.
    floats = [
        copy.copy() if copy is array else copy
        for copy, (_, array) in zip(floats, sides, strict=True)
    ]
    origin: list[Any] = [0] * len(floats[0])
    for row in np.flatnonzero(np.any([rounded.any(axis=-1) for rounded in found], axis=0)):
        differences, origin[row] = _differences([array[row] for _, array in sides])
        for side, exact in zip(floats, differences, strict=True):
            side[row] = _nearest_floats(exact)
            if _rounded(exact) is None:
                continue
            for (name, array), rounded in zip(sides, inexact, strict=True):
                if rounded is not None and rounded[row].any():
                    requirement = "differ from the least of all by what float64 holds exactly"
                    raise _inexact(name, requirement, array[row], rounded[row])
    return floats, tuple(origin)


def _differences(parts: list[NDArray[Any]]) -> tuple[list[NDArray[Any]], Any]:
    """Differences of finite numbers (n,), (m,), ... from the least of all, exactly; and that."""
    for kind, dtype in (("i", np.int64), ("u", np.uint64)):
        if all(part.dtype.kind == kind for part in parts):
            least = min(int(part.min()) for part in parts)
            # Modulo 2**64, in which no difference from the least overflows.
            lowest = np.array(least, dtype=dtype).view(np.uint64)
            return [part.astype(dtype).view(np.uint64) - lowest for part in parts], least
    exact = [_fractions(part) for part in parts]
    least = min(side.min() for side in exact)
    return [side - least for side in exact], least


def _fractions(array: NDArray[Any]) -> NDArray[Any]:
    """Finite numbers (n,) as Python's exact fractions."""
    ratios = [Fraction(*value.as_integer_ratio()) for value in _numbers(array)]
    return np.array(ratios, dtype=object)


def _numbers(array: NDArray[Any]) -> Iterable[Any]:
    """Entries (n,) that know their integer ratio: Python's, which long doubles are not."""
    return array if array.dtype.kind == "f" else array.tolist()


def as_float_array(name: str, value: Any) -> FloatArray:
    """Coerce to a finite float64 C-order array of any shape, copying only if needed."""
    return _finite_floats(name, as_real_array(name, value))


def _finite_floats(name: str, array: NDArray[Any]) -> FloatArray:
    if array.dtype is not _FLOAT64:
        check_exact(name, array)
        array = _nearest_floats(array)
    # ascontiguousarray would make a 0-d array 1-d; asarray with an order does not.
    array = np.asarray(array, order="C")
    check_finite(name, array)
    return array


def as_indices(name: str, value: Any) -> IndexArray:
    """Coerce to an int64 array of any shape; floats that are no whole numbers are refused."""
    if type(value) is np.ndarray and value.dtype is _INT64:
        return value
    array = as_real_array(name, value)
    if array.dtype.kind in "iu" and array.dtype != np.uint64:
        return array.astype(np.int64, copy=False)
    # Whole numbers up to 2**53 are indices whatever their dtype.
    check_exact(name, array)
    numbers = _nearest_floats(array)
    whole = np.abs(numbers) <= _EXACT
    whole &= numbers == np.trunc(np.where(whole, numbers, 0.0))
    if not whole.all():
        bad = numbers[~whole][0]
        raise InvalidInputError(name, "hold whole numbers", float(bad), first_index(~whole))
    return numbers.astype(np.int64)


def check_finite(name: str, array: NDArray[Any]) -> None:
    """Raise unless all entries are finite; one pass and no temporary where they are float64."""
    if array.dtype is _FLOAT64:
        # A finite sum proves finite entries; the converse needs the second look, since sums
        # overflow. Dot products raise no floating-point warnings, which take longer to silence than
        # to sum few.
        if array.size <= _FEW:
            total = np.vdot(array, array)
        else:
            with np.errstate(all="ignore"):
                total = np.add.reduce(array, axis=None)
        if math.isfinite(total):
            return
    if array.dtype.kind == "O":
        # Python compares integers of any size with infinity.
        bad = np.array([not abs(v) < math.inf for v in array.flat], bool).reshape(array.shape)
    else:
        bad = ~np.isfinite(array)
    if bad.any():
        value = array.flat[int(np.argmax(bad))]
        raise InvalidInputError(name, "be finite", float(value), first_index(np.atleast_1d(bad)))


def _check_sample(name: str, array: NDArray[Any]) -> None:
    """Raise unless an array has the shape of a sample."""
    if array.ndim == 0:
        raise InvalidInputError(name, "be an array of shape (n,) or (n, d)", "a scalar")
    if array.ndim > 2:
        raise InvalidInputError(name, "have shape (n,) or (n, d)", f"shape {array.shape}")
    if array.shape[0] == 0:
        raise InvalidInputError(name, "hold at least one point", f"shape {array.shape}")
    if array.ndim == 2 and array.shape[1] == 0:
        raise InvalidInputError(name, "have at least one column", f"shape {array.shape}")


def as_sample(name: str, value: Any) -> FloatArray:
    """Coerce a sample: shape (n,), or (n, d); (n, 1) becomes (n,)."""
    return _sample(name, as_real_array(name, value))


def _sample(name: str, array: NDArray[Any]) -> FloatArray:
    array = _finite_floats(name, array)
    if array.ndim != 1 or not array.size:
        _check_sample(name, array)
        return array[:, 0].copy() if array.shape[1] == 1 else array
    return array


def as_points(name: str, value: Any) -> FloatArray:
    """Coerce points to shape (n, d); a 1-D array becomes one column."""
    array = as_float_array(name, value)
    _check_sample(name, array)
    return array[:, None] if array.ndim == 1 else array


def as_samples_together(**values: Any) -> list[FloatArray]:
    """Coerce samples as `as_sample` does, for what depends on differences of coordinates alone.

    Coordinates that float64 cannot hold exactly (integers beyond 2**53, long doubles) are counted
    from the least of all samples, axis by axis; that needs equal numbers of columns.
    """
    arrays, _ = _together(values)
    return [_sample(name, array) for name, array in arrays.items()]


def as_points_together(**values: Any) -> tuple[list[FloatArray], tuple[Any, ...] | None]:
    """Coerce points as `as_samples_together` does, to shapes (n, d); and the origin taken off."""
    arrays, origin = _together(values)
    return [as_points(name, array) for name, array in arrays.items()], origin


def _together(values: dict[str, Any]) -> tuple[dict[str, NDArray[Any]], tuple[Any, ...] | None]:
    arrays = {name: as_real_array(name, value) for name, value in values.items()}
    check_columns(values)
    if {array.dtype for array in arrays.values()} == _ALL_FLOAT64:
        return arrays, None
    for name, array in arrays.items():
        _check_sample(name, array)
        check_finite(name, array)
    columns = {name: np.atleast_2d(array.T) for name, array in arrays.items()}
    if len({len(column) for column in columns.values()}) > 1:
        return arrays, None  # an error of the caller's, who knows what to say
    rows, origin = less_common_origin(*columns.items())
    return dict(zip(columns, (row.T for row in rows), strict=True)), origin


def as_points_from(origin: tuple[Any, ...] | None, name: str, value: Any) -> FloatArray:
    """Coerce points (n, d) to coordinates that are counted from an origin (d,)."""
    if origin is None:
        return as_points(name, value)
    array = as_real_array(name, value)
    _check_sample(name, array)
    check_finite(name, array)
    columns = np.atleast_2d(array.T)
    if len(columns) == len(origin):
        moved = np.stack([_fractions(row) - o for row, o in zip(columns, origin, strict=True)])
        check_exact(name, moved.T)
        array = _nearest_floats(moved.T)
    return as_points(name, array)


def as_weights(
    name: str,
    value: Any,
    n: int,
    *,
    normalize: bool,
    only_ratios: bool = False,
    of: tuple[str, Labels] | None = None,
) -> FloatArray:
    """Coerce n non-negative weights of positive sum; None is uniform of mass one.

    `normalize` divides by the sum (relative frequencies); otherwise the mass is kept, unless
    `only_ratios` count and the sum would overflow. `of` names what is weighed, with the labels of
    its rows: labels of the weights must be the same.
    """
    if value is None:
        return np.full(n, 1.0 / n)
    if of is not None:
        check_labels(name, labels_of(value)[0], *of)
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
        if largest <= 8e307 / n:
            return array
        if only_ratios:
            return np.ldexp(array, -math.frexp(largest)[1])
        with np.errstate(over="ignore"):
            if not math.isfinite(float(array.sum())):
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
    array = as_exact_array(name, value)
    if array.ndim != 2:
        raise InvalidInputError(name, "have shape (n, m)", f"shape {array.shape}")
    if 0 in array.shape:
        raise InvalidInputError(
            name, "have at least one row and one column", f"shape {array.shape}"
        )
    array = np.ascontiguousarray(array)
    # A finite sum of squares proves finite entries, in the shortest time.
    if array.size <= _FEW and math.isfinite(np.vdot(array, array)):
        return array
    # min is NaN if any entry is, and -inf if any entry is.
    with np.errstate(invalid="ignore"):
        smallest = float(array.min())
    if math.isnan(smallest) or smallest == -math.inf:
        bad = np.isnan(array) | (array == -np.inf)
        requirement = "hold numbers or +inf (a forbidden pair)"
        raise InvalidInputError(name, requirement, smallest, first_index(bad))
    return array


def is_huge(costs: FloatArray) -> bool:
    """Whether sums of some of the finite costs (n, m) may overflow."""
    # A finite sum of squares proves that no entry is anywhere near, in the shortest time.
    if costs.size <= _FEW and math.isfinite(np.vdot(costs, costs)):
        return False
    largest = float(costs.max())
    if largest == math.inf:
        largest = float(np.max(costs, where=costs < math.inf, initial=0.0))
    smallest = float(costs.min())
    return max(largest, -smallest if smallest < math.inf else 0.0) > HUGE_COST


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


def as_number(name: str, value: Any, requirement: str = "be a real number") -> float:
    """Coerce to a float, or raise with the requirement."""
    if type(value) is float:
        return value
    _check_unmasked(name, value)
    kind = getattr(getattr(value, "dtype", None), "kind", "f")
    try:
        # Text, an array of one entry and a duration are numbers to `float`, but not here.
        if isinstance(value, str | bytes) or getattr(value, "ndim", None) or kind not in "fiub":
            raise TypeError
        return float(value)
    except OverflowError:
        raise InvalidInputError(name, "stay within float64", describe(value)) from None
    except Exception:  # of any kind: it is the object's own code that runs
        raise InvalidInputError(name, requirement, describe(value)) from None


def check_positive(name: str, value: Any) -> float:
    """Return a finite positive float or raise."""
    number = as_number(name, value)
    if not (number > 0.0 and math.isfinite(number)):
        raise InvalidInputError(name, "be positive and finite", value)
    return number


def check_positive_integer(name: str, value: Any, minimum: int = 1) -> int:
    """Return an int of at least `minimum` or raise."""
    try:
        number = operator.index(value)
    except TypeError:
        raise InvalidInputError(name, "be an integer", describe(value)) from None
    if number < minimum:
        raise InvalidInputError(name, f"be at least {minimum}", number)
    return number


def as_axis(axis: Any) -> int:
    """Return an axis as an int, or raise; True and False are no axes."""
    try:
        if isinstance(axis, bool):
            raise TypeError
        return operator.index(axis)
    except TypeError:
        raise InvalidInputError("axis", "be an integer", repr(axis)) from None


def check_tolerance(name: str, value: Any) -> float | None:
    """Return None or a finite non-negative float, or raise."""
    if value is None:
        return None
    number = as_number(name, value)
    if not (number >= 0.0 and math.isfinite(number)):
        raise InvalidInputError(name, "be non-negative and finite", value)
    return number


def check_seconds(value: Any) -> float | None:
    """Return the argument `max_seconds`: None or a finite positive float, or raise."""
    return None if value is None else check_positive("max_seconds", value)


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> str:
    """Return `value` if it is one of `choices`, or raise with the list."""
    if not isinstance(value, str) or value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise InvalidInputError(name, f"be one of {listed}", describe(value))
    return value


def check_callback(callback: Any) -> None:
    """Raise unless `callback` is None or callable."""
    if callback is not None and not callable(callback):
        raise InvalidInputError("callback", "be callable", type(callback).__name__)
