"""Values counted into cells of their bit patterns.

The pattern of a float64, with the patterns of negative ones mirrored, is a whole number that grows
with the float: its *key*. A *cell* is all keys with the same leading bits and lies in one octave,
so that its floats are equally spaced: with the key s of its first float and the spacing e (below
zero the spacing counts down), the float of key k is that of s plus (k - s) e. What is summed
are the offsets k - s: whole numbers, exact in two limbs, low + 2^62 high.

A row of `cells` holds count, low limb, least key and greatest key; the high limbs stand apart,
since they are hardly ever touched. Weighted values add w and w (k - s) as pairs of floats, whose
relative error is below 2^-104 for each value.

`pages` gives the first row of an octave's cells, `UNSEEN`, or `INFINITE` for the octaves that hold
infinity and NaN.
"""

from __future__ import annotations

import numpy as np

from .._jit import helper, kernel

N_OCTAVES = 4096
"""Exponents of float64 with both signs."""
UNSEEN, INFINITE = -1, -2
LIMB = 62
"""Bits of the low limb; one is left for a carry, and one for the sign."""

# Places in `tallies`: values that are no number, minus and plus infinity.
MISSING, BELOW, ABOVE = 0, 1, 2
N_TALLIES = 3

_LARGEST = np.int64(2**62)
_MAGNITUDE = np.int64(2**63 - 1)
_EXPONENT = np.int64(2047 << 52)
_NEGATIVE_ZERO = np.int64(-(2**63))
_HALF_LIMB = np.int64(2**31 - 1)


@helper
def _key(pattern):
    """The key of a float's bit pattern; both zeros are one."""
    if pattern == _NEGATIVE_ZERO:
        return np.int64(0)
    return pattern ^ ((pattern >> 63) & _MAGNITUDE)


@helper
def _tally(pattern, tallies):
    """Count a pattern of infinity or of no number."""
    if pattern & _MAGNITUDE != _EXPONENT:
        tallies[0] += 1
    elif pattern < 0:
        tallies[1] += 1
    else:
        tallies[2] += 1


@kernel
def count_values(patterns, pages, shift, cells, high, tallies):
    """Count values until one falls into an octave without cells; return how many."""
    within = (np.int64(1) << shift) - 1
    for i in range(patterns.size):
        pattern = patterns[i]
        key = _key(pattern)
        page = pages[(key >> 52) + 2048]
        if page < 0:
            if page == -1:
                return i
            _tally(pattern, tallies)
            continue
        row = page + ((key >> shift) & ((np.int64(1) << (52 - shift)) - 1))
        cells[row, 0] += 1
        low = cells[row, 1] + (key & within)
        if low >= _LARGEST:
            low -= _LARGEST
            high[row] += 1
        cells[row, 1] = low
        if key < cells[row, 2]:
            cells[row, 2] = key
        if key > cells[row, 3]:
            cells[row, 3] = key
    return patterns.size


@helper
def _add_pair(high, low, more_high, more_low):
    """Sum of two pairs of floats that are not negative, off by less than 2^-104 of it."""
    t = high + more_high
    z = t - high
    e = (high - (t - z)) + (more_high - z)
    e += low + more_low
    s = t + e
    return s, e - (s - t)


@helper
def _product(a, b):
    """The product of two floats and what its rounding lost (Dekker 1971)."""
    product = a * b
    t = 134217729.0 * a
    a1 = t - (t - a)
    a2 = a - a1
    t = 134217729.0 * b
    b1 = t - (t - b)
    b2 = b - b1
    return product, ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2


@helper
def _weigh(cells, sums, row, key, weight, offset):
    """Add a weighted value to a row."""
    cells[row, 0] += 1
    if key < cells[row, 2]:
        cells[row, 2] = key
    if key > cells[row, 3]:
        cells[row, 3] = key
    sums[row, 0], sums[row, 1] = _add_pair(sums[row, 0], sums[row, 1], weight, 0.0)
    moment, rest = _product(weight, float(offset))
    sums[row, 2], sums[row, 3] = _add_pair(sums[row, 2], sums[row, 3], moment, rest)


@kernel
def count_weighted(patterns, weights, pages, shift, cells, sums, tallies):
    """Like `count_values` for values with weights; those of weight 0 are not there."""
    within = (np.int64(1) << shift) - 1
    for i in range(patterns.size):
        weight = weights[i]
        if weight == 0.0:
            continue
        pattern = patterns[i]
        key = _key(pattern)
        page = pages[(key >> 52) + 2048]
        if page < 0:
            if page == -1:
                return i
            _tally(pattern, tallies)
            continue
        row = page + ((key >> shift) & ((np.int64(1) << (52 - shift)) - 1))
        _weigh(cells, sums, row, key, weight, key & within)
    return patterns.size


@helper
def _among(key, low, high, starts, ends):
    """Which of the windows `low` to `high` - 1 holds a key, or -1."""
    while high - low > 1:
        middle = (low + high) >> 1
        if starts[middle] <= key:
            low = middle
        else:
            high = middle
    if starts[low] <= key and key <= ends[low]:
        return low
    return np.int64(-1)


@kernel
def count_within(patterns, pages, shift, first, starts, ends, rows, shifts, cells, high):
    """Count the values inside of windows into the finer cells of each.

    `first` are the windows of each coarse cell, most of which have none.
    """
    for i in range(patterns.size):
        key = _key(patterns[i])
        page = pages[(key >> 52) + 2048]
        if page < 0:
            continue
        row = page + ((key >> shift) & ((np.int64(1) << (52 - shift)) - 1))
        if first[row] == first[row + 1]:
            continue
        w = _among(key, np.int64(first[row]), np.int64(first[row + 1]), starts, ends)
        if w < 0:
            continue
        row = rows[w] + ((key - starts[w]) >> shifts[w])
        cells[row, 0] += 1
        low = cells[row, 1] + (key & ((np.int64(1) << shifts[w]) - 1))
        if low >= _LARGEST:
            low -= _LARGEST
            high[row] += 1
        cells[row, 1] = low
        if key < cells[row, 2]:
            cells[row, 2] = key
        if key > cells[row, 3]:
            cells[row, 3] = key


@kernel
def weigh_within(patterns, weights, pages, shift, first, starts, ends, rows, shifts, cells, sums):
    """Like `count_within` for values with weights."""
    for i in range(patterns.size):
        if weights[i] == 0.0:
            continue
        key = _key(patterns[i])
        page = pages[(key >> 52) + 2048]
        if page < 0:
            continue
        row = page + ((key >> shift) & ((np.int64(1) << (52 - shift)) - 1))
        if first[row] == first[row + 1]:
            continue
        w = _among(key, np.int64(first[row]), np.int64(first[row + 1]), starts, ends)
        if w < 0:
            continue
        row = rows[w] + ((key - starts[w]) >> shifts[w])
        _weigh(cells, sums, row, key, weights[i], key & ((np.int64(1) << shifts[w]) - 1))


@kernel
def gather_within(patterns, weights, pages, shift, first, starts, ends, kept, kept_weights):
    """Copy the values inside of windows, with their weights unless these are None.

    Returns how many there are; those that do not fit are counted and not copied.
    """
    used = 0
    for i in range(patterns.size):
        if weights is not None and weights[i] == 0.0:
            continue
        pattern = patterns[i]
        if pattern == _NEGATIVE_ZERO:
            pattern = np.int64(0)
        key = _key(pattern)
        page = pages[(key >> 52) + 2048]
        if page < 0:
            continue
        row = page + ((key >> shift) & ((np.int64(1) << (52 - shift)) - 1))
        if first[row] == first[row + 1]:
            continue
        w = _among(key, np.int64(first[row]), np.int64(first[row + 1]), starts, ends)
        if w < 0:
            continue
        if used < kept.size:
            kept[used] = pattern
            if weights is not None:
                kept_weights[used] = weights[i]
        used += 1
    return used


@kernel
def absorb(added, added_high, targets, lifts, cells, high):
    """Add rows to the rows `targets`, whose cells begin `lifts` keys before theirs."""
    for i in range(targets.size):
        count = added[i, 0]
        if count == 0:
            continue
        row, lift = targets[i], lifts[i]
        cells[row, 0] += count
        cells[row, 2] = min(cells[row, 2], added[i, 2])
        cells[row, 3] = max(cells[row, 3], added[i, 3])
        # count * lift in two limbs, from halves of 31 bits.
        c1, c0 = count >> 31, count & _HALF_LIMB
        l1, l0 = lift >> 31, lift & _HALF_LIMB
        middle = c1 * l0 + c0 * l1
        low = c0 * l0 + ((middle & _HALF_LIMB) << 31)
        carried = c1 * l1 + (middle >> 31) + added_high[i]
        for part in (low, added[i, 1]):
            carried += part >> 62
            total = cells[row, 1] + (part & (_LARGEST - 1))
            carried += total >> 62
            cells[row, 1] = total & (_LARGEST - 1)
        high[row] += carried


@kernel
def absorb_weighted(added, added_sums, targets, lifts, cells, sums):
    """Like `absorb` for rows with weights."""
    for i in range(targets.size):
        if added[i, 0] == 0:
            continue
        row = targets[i]
        cells[row, 0] += added[i, 0]
        cells[row, 2] = min(cells[row, 2], added[i, 2])
        cells[row, 3] = max(cells[row, 3], added[i, 3])
        w, rest = added_sums[i, 0], added_sums[i, 1]
        moment, low = _product(w, float(lifts[i]))
        moment, low = _add_pair(
            added_sums[i, 2], added_sums[i, 3], moment, low + rest * float(lifts[i])
        )
        sums[row, 0], sums[row, 1] = _add_pair(sums[row, 0], sums[row, 1], w, rest)
        sums[row, 2], sums[row, 3] = _add_pair(sums[row, 2], sums[row, 3], moment, low)
