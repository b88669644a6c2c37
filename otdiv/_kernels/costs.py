"""Costs |x - y|_norm ** power, safe from overflow and underflow of intermediate powers.

Rounding (u is half the spacing of floats at one): a difference of two floats carries one u, its
norm-th power `norm` u and 2 u of the power itself, the sum d u, the root 1/norm of all that and
2 u, the outer power `power` times the total and 2 u. `relative_rounding` adds that up.
"""

import math

import numpy as np

from ._jit import frozen, helper, kernel

# Sums of squares outside this range lose digits to underflow or overflow and are scaled first.
_SMALL = 1e-280
_LARGE = 1e280
# Lengths that have lost digits to underflow, and a power of two that brings them back.
_SUBNORMAL, _UNIT = 1e-307, 2.0**600


def relative_rounding(d: int, norm: float, power: float) -> float:
    """Bound on |computed - exact| / exact of one cost, in units of u = 2**-53."""
    if d == 1:
        norm_error = 1.0
    elif norm == 2.0:
        norm_error = 0.5 * (d + 2.0) + 1.0
    elif norm == 1.0:
        norm_error = 1.0 * d
    elif norm == np.inf:
        norm_error = 1.0
    else:
        norm_error = (norm + d + 4.0) / norm + 4.0
    if power == 1.0:
        return norm_error
    if power == 2.0 and norm == 2.0:
        return d + 2.0
    return power * norm_error + 4.0


@helper
def scaled_norm(x, i, y, j, norm, unit):
    """`unit` times the norm of x[i] - y[j], which is divided by its largest coordinate first.

    No intermediate overflows, and with a large unit nothing underflows.
    """
    d = x.shape[1]
    largest = 0.0
    for k in range(d):
        largest = max(largest, abs(x[i, k] - y[j, k]))
    if largest == 0.0:
        return 0.0
    if norm == np.inf or d == 1:
        return unit * largest
    total = 0.0
    for k in range(d):
        ratio = abs(x[i, k] - y[j, k]) / largest
        if norm == 2.0:
            total += ratio * ratio
        elif norm == 1.0:
            total += ratio
        else:
            total += ratio**norm
    if norm == 2.0:
        return unit * largest * math.sqrt(total)
    if norm == 1.0:
        return unit * largest * total
    return unit * largest * total ** (1.0 / norm)


@helper
def point_cost(x, i, y, j, norm, power):
    """Cost between x[i] and y[j]; x (n, d), y (m, d)."""
    if norm == 2.0:
        total = 0.0
        for k in range(x.shape[1]):
            difference = x[i, k] - y[j, k]
            total += difference * difference
        if _SMALL < total < _LARGE:
            if power == 2.0:
                return total
            length = math.sqrt(total)
        else:
            length = scaled_norm(x, i, y, j, norm, 1.0)
            if power == 2.0:
                return length * length
    else:
        length = scaled_norm(x, i, y, j, norm, 1.0)
    if power == 1.0:
        return length
    if power == 2.0:
        return length * length
    if power < 1.0 and 0.0 < length < _SUBNORMAL:
        # The root of a subnormal length has more digits than the length.
        return scaled_norm(x, i, y, j, norm, _UNIT) ** power * _UNIT**-power
    return length**power


@kernel
def euclidean_rows(x, coordinates, power, out, flawed):
    """Fill out (n, m) from x (n, d), coordinates (d, m); power 1 or 2.

    ``flawed[i]`` says whether a sum of squares in row i lost digits to underflow or overflow.
    """
    for i in range(x.shape[0]):
        row, other, value = out[i], coordinates[0], x[i, 0]
        for j in range(row.shape[0]):
            difference = value - other[j]
            row[j] = difference * difference
        for k in range(1, x.shape[1]):
            other, value = coordinates[k], x[i, k]
            for j in range(row.shape[0]):
                difference = value - other[j]
                row[j] += difference * difference
        outside = 0
        for j in range(row.shape[0]):
            outside += not _SMALL < row[j] < _LARGE
        flawed[i] = outside
        if power == 1.0:
            for j in range(row.shape[0]):
                row[j] = math.sqrt(row[j])


@kernel
def _safe_rows(x, y, norm, power, rows, out):
    """Fill out[i] for i in `rows`, any norm and power, one pair after the other."""
    for e in range(rows.shape[0]):
        i = rows[e]
        for j in range(y.shape[0]):
            out[i, j] = point_cost(x, i, y, j, norm, power)


def pairwise(x: np.ndarray, y: np.ndarray, norm: float, power: float) -> np.ndarray:
    """Cost matrix (n, m) of points x (n, d) and y (m, d)."""
    n = x.shape[0]
    x, y = frozen(x), frozen(y)
    out = np.empty((n, y.shape[0]))
    rows = None
    if norm == 2.0 and power in (1.0, 2.0):
        flawed = np.empty(n, np.int64)
        euclidean_rows(x, np.ascontiguousarray(y.T), float(power), out, flawed)
        if not flawed.any():
            return out
        rows = np.flatnonzero(flawed)
    # What is rarely needed is compiled when it is.
    rows = np.arange(n) if rows is None else rows
    _safe_rows(x, y, float(norm), float(power), rows, out)
    return out


@kernel
def _euclidean_pairs(x, y, rows, columns, power, out):
    """Fill out (k,) where power is 1 or 2; returns for how many squares lost digits."""
    flawed = 0
    for e in range(out.shape[0]):
        i, j = rows[e], columns[e]
        total = 0.0
        moved = False
        for k in range(x.shape[1]):
            difference = x[i, k] - y[j, k]
            total += difference * difference
            moved |= difference != 0.0
        flawed += moved and not _SMALL < total < _LARGE
        out[e] = total if power == 2.0 else math.sqrt(total)
    return flawed


@kernel
def _safe_pairs(x, y, rows, columns, norm, power, out):
    for e in range(out.shape[0]):
        out[e] = point_cost(x, rows[e], y, columns[e], norm, power)


@kernel
def _line_pairs(x, y, rows, columns, out):
    for e in range(out.shape[0]):
        out[e] = abs(x[rows[e], 0] - y[columns[e], 0])


def gathered(
    x: np.ndarray, y: np.ndarray, rows: np.ndarray, columns: np.ndarray, norm: float, power: float
) -> np.ndarray:
    """Costs (k,) of the pairs x[rows[k]], y[columns[k]]."""
    out = np.empty(rows.shape[0])
    x, y, rows, columns = frozen(x), frozen(y), frozen(rows), frozen(columns)
    if x.shape[1] == 1 and power == 1.0:
        _line_pairs(x, y, rows, columns, out)
        return out
    plain = norm == 2.0 and power in (1.0, 2.0)
    if not plain or _euclidean_pairs(x, y, rows, columns, float(power), out):
        _safe_pairs(x, y, rows, columns, float(norm), float(power), out)
    return out


def rowwise(x: np.ndarray, y: np.ndarray, norm: float, power: float) -> np.ndarray:
    """Costs (n,) of the pairs x[i], y[i]."""
    rows = np.arange(x.shape[0])
    return gathered(x, y, rows, rows, norm, power)


def bounding_cost(x: np.ndarray, y: np.ndarray, norm: float, power: float) -> float:
    """Upper bound on every cost between the two clouds, from their common bounding box."""
    both = np.concatenate([x, y])
    highs, lows = both.max(axis=0).tolist(), both.min(axis=0).tolist()
    # Floats of Python: an overflow is an infinity, without a warning.
    sides = [high - low for high, low in zip(highs, lows, strict=True)]
    d = len(sides)
    length = max(sides)
    if 0.0 < length < math.inf and norm < math.inf and d > 1:
        length *= math.fsum((side / length) ** norm for side in sides) ** (1.0 / norm)
    if 0.0 < length < _SUBNORMAL:
        length += 5e-324 * (d + 2)
    try:
        cost = length**power
    except OverflowError:
        return math.inf
    return cost * (1.0 + 1e-14 * (d + 8) * power)
