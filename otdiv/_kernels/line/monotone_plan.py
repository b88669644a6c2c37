"""The monotone plan of sorted points with its potentials, and the c-transform on the line.

The costs |x_i - y_j|^p, p >= 1, of sorted points form a Monge array, C_ij + C_kl <= C_il + C_kj for
i < k and j < l. So the north-west corner plan is optimal, and the potentials that are tight along
its staircase of cells, one step right or down at a time, are feasible.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .._jit import frozen, kernel
from ..proofs.sums import defect
from ..threads import both
from .distances import Array
from .sorting import sorted_with

_U = 2.0**-53


@kernel
def _power(difference, power):
    """|difference|^power."""
    size = abs(difference)
    if power == 1.0:
        return size
    if power == 2.0:
        return size * size
    return size**power


@kernel
def _rise(start, stop, other, power):
    """|stop - other|^power - |start - other|^power, without cancellation for powers 1 and 2."""
    before, after = start - other, stop - other
    if power == 1.0:
        if before >= 0.0:
            return stop - start
        if after <= 0.0:
            return start - stop
        return after + before
    if power == 2.0:
        return (stop - start) * (before + after)
    return abs(after) ** power - abs(before) ** power


@kernel
def _staircase(
    x, y, a, b, a_defect, b_defect, unit, power, rows, columns, mass, f, g, f_rests, g_rests
):  # fmt: skip
    """Write the north-west corner plan and tight potentials of sorted points; count the entries.

    Masses are in units of `unit`; each side's weights are too small by its defect, a share. Cells
    without mass carry the potentials on but are no entries. What is left of a row and free in a
    column are pairs of floats, so that a light atom after many heavy ones gets its own mass.
    `f_rests` (n,) and `g_rests` (m,) are work space.
    """
    n, m = x.size, y.size
    size = 0
    i = j = 0
    left, left_rest = a[0], a[0] * a_defect
    free, free_rest = b[0], b[0] * b_defect
    row_is_new = True
    # Potentials are cumulated in two parts: n steps would lose log2(n) / 2 bits and more. In the
    # end the one in the middle becomes 0, where most are near: an end may be far away.
    f_main = f_rest = g_rest = 0.0
    g_main = _power(x[0] - y[0], power)
    f[0] = f_rests[0] = g_rests[0] = 0.0
    g[0] = g_main
    while True:
        last_row, last_column = i == n - 1, j == m - 1
        s = left - free
        z = s - left
        e = (left - (s - z)) - (free + z) + (left_rest - free_rest)
        more = s + e
        more_rest = e - (more - s)
        # The last row and column take what rounding left over; at the end, the newer of them.
        if last_row and last_column:
            row_ends = row_is_new
        elif last_row or last_column:
            row_ends = last_column
        else:
            row_ends = more <= 0.0
        moved = left + left_rest if row_ends else free + free_rest
        if moved > 0.0:
            rows[size] = i
            columns[size] = j
            mass[size] = moved * unit
            size += 1
        if last_row and last_column:
            break
        step_row = not last_row and (last_column or more <= 0.0)
        step_column = not last_column and (last_row or more >= 0.0)
        left, left_rest, free, free_rest = more, more_rest, -more, -more_rest
        if step_row:
            rise = _rise(x[i], x[i + 1], y[j], power)
            total = f_main + rise
            z = total - f_main
            f_rest += (f_main - (total - z)) + (rise - z)
            f_main = total
            i += 1
            left, left_rest = a[i], a[i] * a_defect
            f[i], f_rests[i] = f_main, f_rest
        if step_column:
            rise = _rise(y[j], y[j + 1], x[i], power)
            total = g_main + rise
            z = total - g_main
            g_rest += (g_main - (total - z)) + (rise - z)
            g_main = total
            j += 1
            free, free_rest = b[j], b[j] * b_defect
            g[j], g_rests[j] = g_main, g_rest
        row_is_new = step_row
    f_main, f_rest = f[n // 2], f_rests[n // 2]
    for i in range(n):
        f[i] = (f[i] - f_main) + (f_rests[i] - f_rest)
    for j in range(m):
        g[j] = (g[j] + f_main) + (g_rests[j] + f_rest)
    return size


@kernel
def _ranks(x, y, rank):
    """rank_j = number of x <= y_j, of sorted points; without a branch that depends on them."""
    n, m = x.size, y.size
    i = j = 0
    while i < n and j < m:
        rank[j] = i
        passed = np.int64(x[i] <= y[j])
        i += passed
        j += 1 - passed
    while j < m:
        rank[j] = n
        j += 1


@kernel
def _less(s, e, point):
    """Point - (s + e), rounded about once: s and its error e are much larger than what is left."""
    t = point - s
    z = t - point
    return t + ((point - (t - z)) - (s + z) - e)


@kernel
def _distance_transform(x, y, f, rank, best, values):
    """values_j = min_i |x_i - y_j| - f_i by two sweeps over sorted points.

    From the left the best i has the greatest x_i + f_i, from the right the least x_i - f_i. These
    sums are taken and compared exactly, as pairs (rounded sum, its error), so the attaining i is
    exact and its value is rounded about once: by 2 u of itself, however large f_i may be.
    """
    n, m = x.size, y.size
    k, main, rest = 0, -np.inf, 0.0
    for i in range(n):
        s = x[i] + f[i]
        z = s - x[i]
        e = (x[i] - (s - z)) + (f[i] - z)
        if s > main or (s == main and e > rest):
            k, main, rest = i, s, e
        best[i] = k
    for j in range(m):
        k = best[max(rank[j] - 1, 0)]
        s = x[k] + f[k]
        z = s - x[k]
        values[j] = np.inf
        if rank[j] > 0:
            values[j] = _less(s, (x[k] - (s - z)) + (f[k] - z), y[j])
    k, main, rest = n - 1, np.inf, 0.0
    for i in range(n - 1, -1, -1):
        s = x[i] - f[i]
        z = s - x[i]
        e = (x[i] - (s - z)) - (f[i] + z)
        if s < main or (s == main and e < rest):
            k, main, rest = i, s, e
        best[i] = k
    for j in range(m):
        if rank[j] < n:
            k = best[rank[j]]
            s = x[k] - f[k]
            z = s - x[k]
            values[j] = min(values[j], -_less(s, (x[k] - (s - z)) - (f[k] + z), y[j]))


@kernel
def _monge_transform(x, y, f, power, best, values):
    """values_j = min_i |x_i - y_j|^power - f_i of sorted points, level by level of halving strides.

    In a Monge array the attaining i does not fall as j rises, so the minimum of a column lies
    between those of its neighbours one level up: n + m candidates a level.
    """
    n, m = x.size, y.size
    stride = 1
    while stride < m:
        stride *= 2
    while stride >= 1:
        # Columns stride - 1, 3 stride - 1, ...: their neighbours at distance stride are known.
        for j in range(stride - 1, m, 2 * stride):
            first = best[j - stride] if j >= stride else 0
            last = best[j + stride] if j + stride < m else n - 1
            here = y[j]
            least, where = np.inf, first
            for i in range(first, last + 1):
                value = _power(x[i] - here, power) - f[i]
                if value < least:
                    least, where = value, i
            best[j] = where
            values[j] = least
        stride //= 2


Order: TypeAlias = NDArray[np.int64] | slice
Orders: TypeAlias = tuple[Order, Order]


def sort_line(
    x: Array, y: Array, threads: int | None = None
) -> tuple[tuple[Array, NDArray[np.int64]], tuple[Array, NDArray[np.int64]]]:
    """Points x (n,) and y (m,) sorted, each with the stable order that sorts it."""
    return both(sorted_with, (x, None), (y, None), min(x.size, y.size), threads)


def _in_order(values: Array, order: Order) -> Array:
    """Return the values in that order, read-only; a slice says that they are in it."""
    return frozen(values if isinstance(order, slice) else values[order])


def line_transform(
    x: Array,
    y: Array,
    f: Array,
    power: float,
    threads: int | None = None,
    orders: Orders | None = None,
) -> Array:
    """Largest potential that is feasible with `f` on the line: g_j = min_i |x_i - y_j|^power - f_i.

    Takes O(n log n + m log m) time. Exceeds the exact minimum by no more than the rounding of one
    computed cost and one subtraction; for powers above 1 it may stay below it by 4 (1 + log2 m)
    times as much.

    Parameters
    ----------
    x, y : float64 arrays (n,), (m,)
        Finite points in any order.
    f : float64 array (n,)
        Finite potential.
    power : float
        Exponent of the cost, at least 1.
    threads : int, optional
        At most this many threads (2 at most are used).
    orders : pair of int64 arrays (n,), (m,), optional
        Orders that sort the points, where they are known; ``slice(None)`` says that they are
        sorted.

    Returns
    -------
    float64 array (m,)
    """
    if orders is None:
        (x, f), (y, order) = both(sorted_with, (x, f), (y, None), min(x.size, y.size), threads)
        x, f, y = frozen(x), frozen(f), frozen(y)
    else:
        order = orders[1]
        x, f, y = _in_order(x, orders[0]), _in_order(f, orders[0]), _in_order(y, order)
    values = np.empty(y.size)
    if power == 1.0:
        numbers = np.int32 if x.size < 2**31 else np.int64
        rank, best = np.empty(y.size, numbers), np.empty(x.size, numbers)
        _ranks(x, y, rank)
        _distance_transform(x, y, f, rank, best, values)
    else:
        _monge_transform(x, y, f, power, np.zeros(y.size, np.int64), values)
        # A column that rounding sends to the wrong row by d may keep its later neighbours off
        # their rows by d too (Monge), level after level; d is twice the rounding of one candidate,
        # whose cost is at most |value| + |f|.
        largest = float(np.abs(values).max())
        size = largest + float(np.abs(f).max())
        rounding = power + (2.0 if power == 2.0 else 4.0)
        # One more for the pair itself.
        values -= (2.0 * math.ceil(math.log2(y.size) + 1.0) + 1.0) * rounding * _U * size
    if isinstance(order, slice):
        return values
    g = np.empty(y.size)
    g[order] = values
    return g


def monotone_plan(
    x: Array, y: Array, a: Array, b: Array, total_mass: float, power: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], Array, Array, Array]:
    """Rows, columns and mass of the monotone plan of sorted points, with potentials f and g.

    Parameters
    ----------
    x, y : float64 arrays (n,), (m,)
        Finite points in increasing order.
    a, b : float64 arrays (n,), (m,)
        Non-negative weights.
    total_mass : float
        Each side's weights count as shares of it.
    power : float
        Exponent of the cost |x - y|^power, at least 1.

    Returns
    -------
    rows, columns : int64 arrays (k,)
        Both rise along the plan.
    mass : float64 array (k,), k <= n + m - 1
    f, g : float64 arrays (n,), (m,)
    """
    n, m = x.size, y.size
    if a[0] == a.max() == a.min() and b[0] == b.max() == b.min():
        # Even weights are counted in whole units of mass / lcm(n, m): no slivers from rounding.
        common = math.gcd(n, m)
        unit = total_mass / (n * (m // common))
        a, b = np.full(n, float(m // common)), np.full(m, float(n // common))
        defects = 0.0, 0.0
    else:
        unit = 1.0
        a, b = frozen(a), frozen(b)
        defects = defect(a, total_mass)[0], defect(b, total_mass)[0]
    # Allocated here, where NumPy asks for large pages.
    rows, columns = np.empty(n + m, np.int64), np.empty(n + m, np.int64)
    mass, f, g = np.empty(n + m), np.empty(n), np.empty(m)
    inputs = frozen(x), frozen(y), frozen(a), frozen(b)
    outputs = rows, columns, mass, f, g, np.empty(n), np.empty(m)
    size = _staircase(*inputs, *defects, unit, power, *outputs)
    return rows[:size], columns[:size], mass[:size], f, g
