"""Many one-dimensional distances at once: rows of histograms on one support, rows of samples."""

from __future__ import annotations

import numpy as np

from .._jit import kernel
from ..threads import both
from .distances import (
    EXACT,
    GREATEST_RANGE,
    LEAST_RANGE,
    Array,
    U,
    counting_levels,
    cumulate,
    range_unit,
    wasserstein_line,
)

# Rows longer than this are worth the radix sort and a call each.
_LONG_ROW = 1500
# Numbers in a batch from which a second thread pays (a sort of them takes about a millisecond).
_THREAD_NUMBERS = 50_000


@kernel
def _histogram_rows(p, q, widths, values, slacks):
    """Integral of |P - Q| for each row of masses p, q (r, k) over the k - 1 cells `widths`."""
    k = p.shape[1]
    length = 0.0
    for i in range(k - 1):
        length += widths[i]
    for row in range(p.shape[0]):
        total_p = total_q = rest_p = rest_q = 0.0
        for i in range(k):
            t = total_p + p[row, i]
            z = t - total_p
            rest_p += (total_p - (t - z)) + (p[row, i] - z)
            total_p = t
            t = total_q + q[row, i]
            z = t - total_q
            rest_q += (total_q - (t - z)) + (q[row, i] - z)
            total_q = t
        total_p += rest_p
        total_q += rest_q
        below_p = below_q = rest_p = rest_q = 0.0
        s = c = 0.0
        for i in range(k - 1):
            t = below_p + p[row, i]
            z = t - below_p
            rest_p += (below_p - (t - z)) + (p[row, i] - z)
            below_p = t
            t = below_q + q[row, i]
            z = t - below_q
            rest_q += (below_q - (t - z)) + (q[row, i] - z)
            below_q = t
            # Cross-multiplied like the levels of `line`: whole-number counts stay exact.
            gap = abs((below_p + rest_p) * total_q - (below_q + rest_q) * total_p)
            term = gap * widths[i]
            t = s + term
            z = t - s
            c += (s - (t - z)) + (term - z)
            s = t
        values[row] = (s + c) / (total_p * total_q)
        # Each level is within 4 U of the exact one (see `line`) on the whole length.
        slacks[row] = 9.0 * U * values[row] + 8.1 * U * length
        if values[row] == 0.0 and np.all(p[row] == q[row]):
            slacks[row] = 0.0


@kernel
def _sorted_rows(x, y, F, G, values):
    """W1 in the levels' unit of sorted rows x (r, n), y (r, m), whose levels are common."""
    n, m = x.shape[1], y.shape[1]
    for row in range(x.shape[0]):
        i = j = 0
        s = c = last = 0.0
        while i < n and j < m:
            level = min(F[i], G[j])
            term = (level - last) * abs(x[row, i] - y[row, j])
            t = s + term
            z = t - s
            c += (s - (t - z)) + (term - z)
            s = t
            last = level
            step_x, step_y = np.int64(F[i] <= level), np.int64(G[j] <= level)
            i += step_x
            j += step_y
        values[row] = s + c


@kernel
def _weighted_rows(x, y, a, b, F, G, values):
    """W1 of sorted rows x (r, n), y (r, m) with weights a, b; F (n,), G (m,) are scratch."""
    for row in range(x.shape[0]):
        cumulate(a[row], 1.0, F)
        cumulate(b[row], 1.0, G)
        total_a, total_b = F[-1], G[-1]
        for i in range(F.size):
            F[i] = F[i] * total_b if F[i] < total_a else total_a * total_b
        for j in range(G.size):
            G[j] = G[j] * total_a if G[j] < total_b else total_a * total_b
        _sorted_rows(x[row : row + 1], y[row : row + 1], F, G, values[row : row + 1])
        values[row] /= total_a * total_b


def _scaled_rows(weights):
    """Rows over the power of two at their largest entry: exact, and no sum can overflow."""
    _, exponents = np.frexp(weights.max(axis=1))
    return np.ldexp(weights, -exponents[:, None])


def histogram_rows(p: Array, q: Array, support: Array) -> tuple[Array, Array]:
    """W1 between rows of histograms on one support, and the slack of its rounding.

    Parameters
    ----------
    p, q : float64 arrays (r, k)
        Non-negative masses of positive finite-precision sums; each row is divided by its sum.
    support : float64 array (k,)
        Finite positions, in any order; equal positions add up.

    Returns
    -------
    values, slacks : float64 arrays (r,)
        In the unit of the support.
    """
    if (support[1:] < support[:-1]).any():
        order = support.argsort(kind="stable")
        support, p, q = support[order], p[:, order], q[:, order]
    unit = range_unit(float(support[0]), float(support[-1]))
    widths = np.diff(support * unit)
    values, slacks = np.empty(p.shape[0]), np.empty(p.shape[0])
    _histogram_rows(_scaled_rows(p), _scaled_rows(q), widths, values, slacks)
    open_rows = np.flatnonzero(slacks > EXACT * values)
    # As in `line`: what products and results lose to underflow, felt only in tiny results.
    slacks = slacks / unit + np.where(
        (slacks > 0.0) & (values / unit < 1e-290),
        2.0**-1000 / unit if unit < 1.0 else 5e-324 * support.size,
        0.0,
    )
    values = values / unit
    for row in open_rows:
        values[row], slacks[row] = wasserstein_line(support, support, p[row], q[row])
    return values, slacks


def _short_rows(X: Array, Y: Array, A: Array | None, B: Array | None) -> Array:
    """W1 of rows by NumPy's sort of rows and one kernel call."""
    values = np.empty(X.shape[0])
    if A is None and B is None:
        X, Y = np.sort(X, axis=1), np.sort(Y, axis=1)
        F, G, total = counting_levels(X.shape[1], Y.shape[1])
        _sorted_rows(X, Y, F, G, values)
        values /= total
    else:
        X, A = _sorted_with_weights(X, A)
        Y, B = _sorted_with_weights(Y, B)
        _weighted_rows(X, Y, A, B, np.empty(X.shape[1]), np.empty(Y.shape[1]), values)
        # What `wasserstein_line` would say of the levels' rounding.
        slacks = 9.0 * U * values + 4.1 * U * (np.ptp(X, axis=1) + np.ptp(Y, axis=1))
        for row in np.flatnonzero(slacks > EXACT * values):
            values[row] = wasserstein_line(X[row], Y[row], A[row], B[row])[0]
    return values


def _sorted_with_weights(X, A):
    if A is None:
        return np.sort(X, axis=1), np.ones_like(X)
    order = X.argsort(axis=1, kind="stable")
    return np.take_along_axis(X, order, 1), np.take_along_axis(_scaled_rows(A), order, 1)


def _each(weights, rows):
    return weights if weights is not None else [None] * len(rows)


def wasserstein1_rows(
    X: Array,
    Y: Array,
    A: Array | None = None,
    B: Array | None = None,
    threads: int | None = None,
) -> Array:
    """W1 between the samples in rows of X (r, n) and Y (r, m).

    Parameters
    ----------
    X, Y : float64 arrays (r, n), (r, m)
        Finite samples in any order.
    A, B : float64 arrays (r, n), (r, m), optional
        Relative weights: finite, non-negative, of positive row sums.
    threads : int, optional
        At most this many threads (2 at most are used); the values do not depend on it.

    Returns
    -------
    float64 array (r,)
        Each within the slack that `wasserstein_line` derives.
    """
    longest = max(X.shape[1], Y.shape[1])
    extent = max(np.abs(X).max(initial=0.0), np.abs(Y).max(initial=0.0))
    if longest > _LONG_ROW or not LEAST_RANGE < extent < GREATEST_RANGE:
        rows = zip(X, Y, _each(A, X), _each(B, X), strict=True)
        return np.array([wasserstein_line(x, y, a, b, 1.0, threads)[0] for x, y, a, b in rows])
    half = X.shape[0] // 2
    if half == 0 or X.size + Y.size < _THREAD_NUMBERS:
        return _short_rows(X, Y, A, B)
    first, second = (
        tuple(None if rows is None else rows[part] for rows in (X, Y, A, B))
        for part in (slice(None, half), slice(half, None))
    )
    # The size was tested above; `both` has a threshold of its own, meant for one long sample.
    return np.concatenate(both(_short_rows, first, second, X.size + Y.size, threads))
