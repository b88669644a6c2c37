"""Sort float64 arrays, alone or with eight bytes of payload, by counting cells and by radix.

The order is found in two ways. *Cells*: the map x -> floor((x - lo) * scale) rises with x even in
rounded arithmetic, so two counting passes over its two digits leave every value next to its place
and an insertion pass ends the sort. It is the fast way for data spread over their range. *Radix*:
where the cells are crowded (heavy tails, clusters), the same passes run over 11-bit digits of the
floats' bit patterns, the leading 33 bits first and all 64 only where those still leave crowds.
Every way gives the same sorted values, so threads and thresholds never change a result.

The steps are separate small kernels, strung together in Python: that compiles in half the time of
one nested kernel and costs microseconds on the large arrays that come here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._jit import kernel
from ..threads import both

# Below this size NumPy's vectorised sort is as fast and needs no compilation (measured on AVX-512).
_SMALL = 1500
# Mean number of moves that a value may make in the insertion pass before radix takes over.
_MOVES_PER_VALUE = 6
# 4096 write streams still fit the second cache level; more were slower at every size measured.
_MAX_DIGIT_BITS = 12
_RADIX_BITS = 11
_SIGN = np.uint64(1 << 63)
_ALL = np.uint64((1 << 64) - 1)


@kernel
def _survey(values):
    """Whether `values` are sorted already, and their least and greatest."""
    n = values.size
    i = 1
    while i < n and values[i - 1] <= values[i]:
        i += 1
    if i >= n:
        return True, values[0], values[n - 1]
    lo = hi = values[0]
    for i in range(n):
        lo = min(lo, values[i])
        hi = max(hi, values[i])
    return False, lo, hi


@kernel
def _offsets(counts):
    total = np.int64(0)
    for k in range(counts.size):
        count = counts[k]
        counts[k] = total
        total += count


@kernel
def _count_cells(values, lo, scale, bits, low, high):
    """First positions of each low and high digit; returns the pairs that share a high digit."""
    mask = (1 << bits) - 1
    for i in range(values.size):
        cell = np.int64((values[i] - lo) * scale)
        low[cell & mask] += 1
        high[cell >> bits] += 1
    pairs = 0.0
    for k in range(high.size):
        pairs += float(high[k]) * float(high[k])
    _offsets(low)
    _offsets(high)
    return pairs


@kernel
def _spread(values, buffer, lo, scale, bits, low, high):
    """Counting passes by the low digit into `buffer` and by the high digit back."""
    mask = (1 << bits) - 1
    for i in range(values.size):
        value = values[i]
        digit = np.int64((value - lo) * scale) & mask
        place = low[digit]
        buffer[place] = value
        low[digit] = place + 1
    for i in range(values.size):
        value = buffer[i]
        digit = np.int64((value - lo) * scale) >> bits
        place = high[digit]
        values[place] = value
        high[digit] = place + 1


@kernel
def _spread_with(values, payload, buffer, carried, lo, scale, bits, low, high):
    """The passes of `_spread`, carrying the payload."""
    mask = (1 << bits) - 1
    for i in range(values.size):
        value = values[i]
        digit = np.int64((value - lo) * scale) & mask
        place = low[digit]
        buffer[place] = value
        carried[place] = payload[i]
        low[digit] = place + 1
    for i in range(values.size):
        value = buffer[i]
        digit = np.int64((value - lo) * scale) >> bits
        place = high[digit]
        values[place] = value
        payload[place] = carried[i]
        high[digit] = place + 1


@kernel
def _insert(values, budget):
    """Insertion sort; False, with all values still there, once more than `budget` moves ran."""
    for i in range(1, values.size):
        value = values[i]
        j = i - 1
        if values[j] > value:
            while j >= 0 and values[j] > value:
                values[j + 1] = values[j]
                j -= 1
            values[j + 1] = value
            budget -= i - 1 - j
            if budget < 0:
                return False
    return True


@kernel
def _insert_with(values, payload, budget):
    """The pass of `_insert`, carrying the payload; equal values keep their order."""
    for i in range(1, values.size):
        value = values[i]
        j = i - 1
        if values[j] > value:
            carried = payload[i]
            while j >= 0 and values[j] > value:
                values[j + 1] = values[j]
                payload[j + 1] = payload[j]
                j -= 1
            values[j + 1] = value
            payload[j + 1] = carried
            budget -= i - 1 - j
            if budget < 0:
                return False
    return True


@kernel
def _to_keys(patterns):
    """Turn bit patterns, in place, so that their unsigned order is the order of the floats.

    Returns the bits in which they differ.
    """
    varying = np.uint64(0)
    first = patterns[0] ^ (_ALL if patterns[0] & _SIGN else _SIGN)
    for i in range(patterns.size):
        key = patterns[i] ^ (_ALL if patterns[i] & _SIGN else _SIGN)
        varying |= key ^ first
        patterns[i] = key
    return varying


@kernel
def _from_keys(keys):
    for i in range(keys.size):
        keys[i] ^= _SIGN if keys[i] & _SIGN else _ALL


@kernel
def _count_digit(keys, shift, mask, counts):
    for k in range(counts.size):
        counts[k] = 0
    for i in range(keys.size):
        counts[np.int64((keys[i] >> shift) & mask)] += 1
    _offsets(counts)


@kernel
def _radix_pass(keys, target, shift, mask, counts):
    """One stable counting pass by a digit of the keys."""
    _count_digit(keys, shift, mask, counts)
    for i in range(keys.size):
        key = keys[i]
        digit = np.int64((key >> shift) & mask)
        place = counts[digit]
        target[place] = key
        counts[digit] = place + 1


@kernel
def _radix_pass_with(keys, payload, target, carried, shift, mask, counts):
    """The pass of `_radix_pass`, carrying the payload."""
    _count_digit(keys, shift, mask, counts)
    for i in range(keys.size):
        key = keys[i]
        digit = np.int64((key >> shift) & mask)
        place = counts[digit]
        target[place] = key
        carried[place] = payload[i]
        counts[digit] = place + 1


def _cells(values, lo, hi):
    """Scale, digit bits and tables of the cell map, or None where radix is the better way."""
    bits = min(_MAX_DIGIT_BITS, (values.size.bit_length() + 3) // 2)
    # One less than the number of cells: the rounding of the product cannot reach past the last.
    width = hi - lo
    scale = (4.0**bits - 1.0) / width if 1e-290 < width < 1e300 else 0.0
    if scale == 0.0:
        return None
    low = np.zeros(1 << bits, np.int64)
    high = np.zeros(1 << bits, np.int64)
    pairs = _count_cells(values, lo, scale, bits, low, high)
    # Were values even within a coarse cell, count^2 / (2 * 2^bits) pairs of it would share a fine
    # cell, half of them out of order: as many moves lie ahead.
    if pairs > 4.0 * _MOVES_PER_VALUE * values.size * high.size:
        return None
    return scale, bits, low, high


def _radix(values, payload, buffer, carried, lowest):
    """Sort by the bits of the keys from `lowest` up; return the arrays, which may have swapped."""
    keys, target = values.view(np.uint64), buffer.view(np.uint64)
    varying = int(_to_keys(keys))
    counts = np.empty(1 << _RADIX_BITS, np.int64)
    mask = np.uint64(counts.size - 1)
    for shift in range(lowest, 64, _RADIX_BITS):
        if (varying >> shift) & (counts.size - 1) == 0:
            continue
        if payload is None:
            _radix_pass(keys, target, np.uint64(shift), mask, counts)
        else:
            _radix_pass_with(keys, payload, target, carried, np.uint64(shift), mask, counts)
            payload, carried = carried, payload
        keys, target = target, keys
    _from_keys(keys)
    return keys.view(np.float64), payload, target.view(np.float64), carried


def _sort(values: Any, payload: Any) -> tuple[Any, Any]:
    """Sort fresh arrays, which are overwritten; the sorted ones come back."""
    done, lo, hi = _survey(values)
    if done:
        return values, payload
    budget = _MOVES_PER_VALUE * values.size
    buffer = np.empty_like(values)
    carried = None if payload is None else np.empty_like(payload)
    cells = _cells(values, lo, hi)
    if cells is not None:
        if payload is None:
            _spread(values, buffer, lo, *cells)
            done = _insert(values, budget)
        else:
            _spread_with(values, payload, buffer, carried, lo, *cells)
            done = _insert_with(values, payload, budget)
    for lowest in (64 - 3 * _RADIX_BITS, 0):
        if done:
            break
        values, payload, buffer, carried = _radix(values, payload, buffer, carried, lowest)
        done = _insert(values, budget) if payload is None else _insert_with(values, payload, budget)
    return values, payload


def sorted_values(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a sorted copy of `values` (n,); -0.0 becomes 0.0."""
    fresh = values + 0.0
    if fresh.size < _SMALL:
        fresh.sort()
        return fresh
    ordered: NDArray[np.float64] = _sort(fresh, None)[0]
    return ordered


def sorted_with(
    values: NDArray[np.float64], payload: NDArray[np.float64] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64] | NDArray[np.int64]]:
    """Return `values` (n,) sorted and `payload` (n,) in that order; None asks for the order itself.

    The sort is stable: equal values keep the order of their rows.
    """
    fresh = values + 0.0
    if fresh.size < _SMALL:
        order = fresh.argsort(kind="stable")
        return fresh[order], (order if payload is None else payload[order])
    if payload is None:
        return _sort(fresh, np.arange(fresh.size, dtype=np.int64))
    values, carried = _sort(fresh, payload.copy().view(np.int64))
    return values, carried.view(np.float64)


def sort_pair(
    x: NDArray[np.float64], y: NDArray[np.float64], threads: int | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return sorted copies of two samples, sorted side by side when they are large."""
    return both(sorted_values, (x,), (y,), min(x.size, y.size), threads)
