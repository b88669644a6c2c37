"""Costs |x - y|_norm ** power, safe from overflow and underflow of intermediate powers.

Rounding (u is half the spacing of floats at one): a difference of two floats carries one u, its
norm-th power `norm` u and 2 u of the power itself, the sum d u, the root 1/norm of all that and
2 u, the outer power `power` times the total and 2 u. `relative_rounding` adds that up.
"""

import math

import numpy as np

from ._jit import kernel

# Sums of squares outside this range lose digits to underflow or overflow and are scaled first.
_SMALL = 1e-280
_LARGE = 1e280


@kernel
def relative_rounding(d, norm, power):
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


@kernel
def scaled_norm(x, i, y, j, norm):
    """Norm of x[i] - y[j] after division by its largest coordinate: no intermediate overflows."""
    d = x.shape[1]
    largest = 0.0
    for k in range(d):
        largest = max(largest, abs(x[i, k] - y[j, k]))
    if largest == 0.0 or norm == np.inf or d == 1:
        return largest
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
        return largest * math.sqrt(total)
    if norm == 1.0:
        return largest * total
    return largest * total ** (1.0 / norm)


@kernel
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
            length = scaled_norm(x, i, y, j, norm)
            if power == 2.0:
                return length * length
    else:
        length = scaled_norm(x, i, y, j, norm)
    if power == 1.0:
        return length
    if power == 2.0:
        return length * length
    return length**power


@kernel
def _squared_row(point, coordinates, out):
    """Squared distances of one point (d,) to points (d, m): loops over j, which vectorise."""
    first = point[0]
    row = coordinates[0]
    for j in range(out.shape[0]):
        difference = first - row[j]
        out[j] = difference * difference
    for k in range(1, point.shape[0]):
        value = point[k]
        row = coordinates[k]
        for j in range(out.shape[0]):
            difference = value - row[j]
            out[j] += difference * difference


@kernel
def _plain(squares):
    """Whether no sum of squares lost digits to underflow or overflow."""
    outside = 0
    for j in range(squares.shape[0]):
        outside += not _SMALL < squares[j] < _LARGE
    return outside == 0


@kernel
def _root_row(squares):
    for j in range(squares.shape[0]):
        squares[j] = math.sqrt(squares[j])


@kernel
def _euclidean(x, y, power):
    n = x.shape[0]
    m = y.shape[0]
    out = np.empty((n, m))
    coordinates = np.ascontiguousarray(y.T)
    for i in range(n):
        row = out[i]
        _squared_row(x[i], coordinates, row)
        if not _plain(row):
            for j in range(m):
                row[j] = point_cost(x, i, y, j, 2.0, power)
        elif power == 1.0:
            _root_row(row)
    return out


@kernel
def pairwise(x, y, norm, power):
    """Cost matrix (n, m) of points x (n, d) and y (m, d)."""
    n = x.shape[0]
    m = y.shape[0]
    if norm == 2.0 and (power == 1.0 or power == 2.0):
        return _euclidean(x, y, power)
    out = np.empty((n, m))
    for i in range(n):
        for j in range(m):
            out[i, j] = point_cost(x, i, y, j, norm, power)
    return out


@kernel
def rowwise(x, y, norm, power):
    """Costs (n,) of the pairs x[i], y[i]."""
    n = x.shape[0]
    out = np.empty(n)
    for i in range(n):
        out[i] = point_cost(x, i, y, i, norm, power)
    return out


@kernel
def gathered(x, y, rows, columns, norm, power):
    """Costs (k,) of the pairs x[rows[k]], y[columns[k]]."""
    k = rows.shape[0]
    out = np.empty(k)
    if x.shape[1] == 1 and power == 1.0:
        for e in range(k):
            out[e] = abs(x[rows[e], 0] - y[columns[e], 0])
        return out
    for e in range(k):
        out[e] = point_cost(x, rows[e], y, columns[e], norm, power)
    return out


@kernel
def bounding_cost(x, y, norm, power):
    """Upper bound on every cost between the two clouds, from their common bounding box."""
    d = x.shape[1]
    low = np.empty((1, d))
    high = np.empty((1, d))
    for k in range(d):
        low[0, k] = min(x[:, k].min(), y[:, k].min())
        high[0, k] = max(x[:, k].max(), y[:, k].max())
    return point_cost(low, 0, high, 0, norm, power) * (1.0 + 1e-14 * (d + 8) * power)
