"""Sums of divergence terms over the rows of two arrays, block by block."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._kernels.divergence import PIECE, accumulate
from .._labels import BARE, check_labels, labels_of
from .._typing import FloatArray
from .._validation import as_real_array, check_exact
from ..errors import InvalidInputError

__all__ = ["Terms", "VectorPair", "as_vector_pair", "row_ratios"]

# Fills its third argument with the terms of the pairs in the first two; all three have one shape.
Terms = Callable[[FloatArray, FloatArray, FloatArray], object]

# Elements handled at once: 128 KiB an array, so p, q and the terms stay in a level-2 cache.
_BLOCK = 16 * PIECE
# What to do with samples, which are no masses: their values would be taken for probabilities.
_SAMPLES = (
    "(`p` and `q` are masses of common atoms; samples go to wasserstein1, energy_distance or "
    "maximum_mean_discrepancy, and as DiscreteMeasure.from_samples to a divergence if their "
    "values repeat)"
)
# Probabilities in float64 or float32 sum to 1 within this; float16 carries only 3 digits.
_SUM_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class VectorPair:
    """Two arrays of any real dtype, broadcast to one shape (..., n), and what each row sums to.

    `p_totals` and `q_totals` (...,) are set where rows are to be divided by them (counts).
    `checked` says that the sums of the rows must be 1.
    """

    p: NDArray[Any]
    q: NDArray[Any]
    p_totals: FloatArray | None = None
    q_totals: FloatArray | None = None
    checked: bool = True

    @property
    def leading(self) -> tuple[int, ...]:
        """Shape of the result."""
        return self.p.shape[:-1]


def _as_real_array(name: str, value: Any) -> NDArray[Any]:
    array = as_real_array(name, value)
    check_exact(name, array)
    if array.dtype.kind == "O":
        largest = max(array.flat, key=abs)
        raise InvalidInputError(name, "hold probabilities, or counts below 2**64", largest)
    if array.ndim == 0:
        raise InvalidInputError(name, "be a vector of masses or a law", "a scalar")
    return array


def _totals(name: str, array: NDArray[Any]) -> FloatArray:
    """Sum the rows of counts (..., n); raise on negative ones and on rows without any."""
    if array.size and array.min() < 0:
        raise _first_bad(name, array, array < 0, "be non-negative", _SAMPLES)
    totals = np.asarray(array.sum(axis=-1, dtype=np.float64))
    if not totals.all():
        index = np.unravel_index(int(np.argmin(totals)), totals.shape)
        raise InvalidInputError(name, "have a positive sum", 0.0, _row(index))
    return totals


def as_vector_pair(p: Any, q: Any, axis: int = -1, *, normalize: bool = False) -> VectorPair:
    """Coerce two array-likes of masses along `axis`, without a copy of either array.

    Integer arrays are counts, divided by their totals when they are read; floating-point rows are
    taken as they are and must sum to 1, unless `normalize` divides them as well.
    """
    arrays = []
    for name, value in (("p", p), ("q", q)):
        array = _as_real_array(name, value)
        try:
            # moveaxis costs more than a small divergence; most calls have nothing to move.
            moved = array if axis == -1 else np.moveaxis(array, axis, -1)
        except (np.exceptions.AxisError, OverflowError):
            place = f"(its shape is {array.shape})"
            raise InvalidInputError("axis", f"be an axis of `{name}`", axis, place) from None
        if moved.shape[-1] == 0:
            raise InvalidInputError(name, "hold at least one mass", f"shape {array.shape}")
        arrays.append(moved)
    first, second = arrays
    if not BARE.issuperset((type(p), type(q))):
        _check_alignment(p, first, q, second, axis)
    if first.shape[-1] != second.shape[-1]:
        requirement = f"have as many masses as `p` ({first.shape[-1]}) along axis {axis}"
        raise InvalidInputError("q", requirement, second.shape[-1], _SAMPLES)
    if first.shape != second.shape:
        try:
            first, second = np.broadcast_arrays(first, second)
        except ValueError:
            shapes = f"shape {np.shape(q)} against {np.shape(p)}"
            raise InvalidInputError("q", "broadcast against `p`", shapes, _SAMPLES) from None
    totals: list[FloatArray | None] = []
    for name, array in (("p", first), ("q", second)):
        if array.dtype.kind == "f" and not normalize:
            totals.append(None)
            continue
        if array.dtype.kind == "f":
            _check_masses(name, array)
        totals.append(_totals(name, array))
    return VectorPair(first, second, totals[0], totals[1])


def _check_alignment(p: Any, first: NDArray[Any], q: Any, second: NDArray[Any], axis: int) -> None:
    """Raise where series or frames, which became arrays with `axis` last, differ in labels."""
    sides = []
    for value, array in ((p, first), (q, second)):
        labels = list(labels_of(value)[: array.ndim])
        if len(labels) == array.ndim:  # no frame has more than two axes
            labels.append(labels.pop(axis))
        sides.append(list(zip(reversed(labels), reversed(array.shape), strict=False)))
    with np.errstate(all="ignore"):
        masses = first.dtype.kind != "f" or bool((np.abs(first.sum(axis=-1) - 1.0) < 1e-2).all())
    for k, ((theirs, size), (mine, length)) in enumerate(zip(*sides, strict=False)):
        # Rows of one side may be broadcast over those of the other; masses may not.
        if k == 0 or size == length:
            check_labels("q", mine, "p", theirs, "" if masses else _SAMPLES)


def _blocks(pair: VectorPair) -> Iterator[tuple[slice, FloatArray, FloatArray]]:
    """Yield (rows, p, q): float64 C-order blocks (rows, columns) that cover every row in order.

    Columns are cut at multiples of `PIECE`, so the result of a row does not depend on the block in
    which it was computed.
    """
    n = pair.p.shape[-1]
    rows = math.prod(pair.leading)
    height = max(1, _BLOCK // n)
    width = n if n <= _BLOCK else _BLOCK
    sides = []
    for array, totals in ((pair.p, pair.p_totals), (pair.q, pair.q_totals)):
        # Only a contiguous array is reshaped, because reshape would copy any other in full.
        flat = array.reshape(rows, n) if array.flags.c_contiguous else None
        sides.append((array, flat, None if totals is None else totals.reshape(rows)))
    for top in range(0, rows, height):
        window = slice(top, min(rows, top + height))
        index: tuple[Any, ...] = ()
        if pair.leading:
            index = np.unravel_index(np.arange(window.start, window.stop), pair.leading)
        for left in range(0, n, width):
            columns = slice(left, min(n, left + width))
            block = []
            for array, flat, totals in sides:
                if flat is not None:
                    part = flat[window, columns]
                else:
                    part = array[..., columns][index].reshape(-1, columns.stop - left)
                part = np.ascontiguousarray(part, dtype=np.float64)
                block.append(part if totals is None else part / totals[window, None])
            yield window, block[0], block[1]


def row_ratios(terms: Terms, pair: VectorPair) -> FloatArray:
    """Return (...,): the sum of the terms over the sum of all masses, sum(p + q), for each row.

    Raises
    ------
    InvalidInputError
        For a negative or non-finite mass, with its index, and for rows that do not sum to 1.
    """
    rows = math.prod(pair.leading)
    if rows == 0:
        return np.empty(pair.leading)
    sums = np.zeros((rows, 4))
    lost = np.zeros((rows, 4))
    scratch = np.empty(min(rows * pair.p.shape[-1], _BLOCK))
    negatives = 0
    for window, p, q in _blocks(pair):
        values = scratch[: p.size]
        terms(p.reshape(-1), q.reshape(-1), values)
        negatives += accumulate(values.reshape(p.shape), p, q, sums[window], lost[window])
    sums += lost
    if negatives or not np.isfinite(sums[:, 2:]).all():
        _check_masses("p", pair.p)
        _check_masses("q", pair.q)
        raise InvalidInputError("p", "have a finite sum", "inf")
    _check_sums("p", pair, pair.p.dtype, sums[:, 2])
    _check_sums("q", pair, pair.q.dtype, sums[:, 3])
    return (sums[:, 0] / sums[:, 1]).reshape(pair.leading)


def _check_sums(name: str, pair: VectorPair, dtype: np.dtype[Any], totals: FloatArray) -> None:
    if not pair.checked:
        return
    tolerance = _SUM_TOLERANCE
    if dtype.itemsize == 2:  # half precision; integers were divided by their totals
        tolerance = max(tolerance, 4.0 * float(np.finfo(np.float16).eps))
    if totals.min() < 1.0 - tolerance or totals.max() > 1.0 + tolerance:
        wrong = np.abs(totals - 1.0) > tolerance
        row = int(np.argmax(wrong))
        requirement = "sum to 1 within 1e-6 (divide by the sum, or pass integer counts)"
        place = f"{_row(np.unravel_index(row, pair.leading))} {_SAMPLES}"
        raise InvalidInputError(name, requirement, float(totals[row]), place.strip())


def _row(index: tuple[Any, ...]) -> str:
    numbers = [int(i) for i in index]
    if not numbers:
        return ""
    return f"in row {numbers[0] if len(numbers) == 1 else tuple(numbers)}"


def _first_bad(
    name: str, array: NDArray[Any], bad: NDArray[Any], text: str, hint: str = ""
) -> InvalidInputError:
    index = np.unravel_index(int(np.argmax(bad)), array.shape)
    shown = tuple(int(i) for i in index)
    place = f"at index {shown[0] if len(shown) == 1 else shown} {hint}"
    return InvalidInputError(name, text, array[index].item(), place.strip())


def _check_masses(name: str, array: NDArray[Any]) -> None:
    """Raise for the first mass that is negative or not finite: the slow look."""
    bad = ~np.isfinite(array)
    if bad.any():
        raise _first_bad(name, array, bad, "be finite")
    bad = array < 0
    if bad.any():
        raise _first_bad(name, array, bad, "be non-negative", _SAMPLES)
