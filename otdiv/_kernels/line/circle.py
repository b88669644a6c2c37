"""Optimal transport on a circle: two orders, and by how much mass one is turned against the other.

Both sides are sorted positions on [0, period] with integer masses of one total M, which go on
around: atom i + k n lies at x_i + k period. With a turn t, the mass at u of the first side (counted
from its first atom) goes to the mass at u + t of the second. Among those plans is an optimal one
for every convex cost (Delon, Salomon & Sobolevski 2010, Fast transport optimization for Monge costs
on the circle, arXiv:0902.3527), and their cost is a convex function of t.
"""

import numpy as np

from .._jit import frozen, helper, kernel


@helper
def _power(z, power):
    z = abs(z)
    return z if power == 1.0 else (z * z if power == 2.0 else z**power)


@kernel
def slope(x, y, before_x, before_y, total, period, power, turn):
    """What one unit more of `turn` adds to the cost; `before_x` (n,), `before_y` (m,) are masses.

    At each border of the second side's atoms the unit of mass just before it moves on to the next.
    """
    n, m = x.shape[0], y.shape[0]
    u = before_y[0] - turn - 1
    lap = u // total
    i = np.searchsorted(before_x, u - lap * total, side="right") - 1
    change = 0.0
    for j in range(m):
        u = before_y[j] - turn - 1
        if u - lap * total >= total:
            lap += 1
            i = 0
        while i + 1 < n and before_x[i + 1] <= u - lap * total:
            i += 1
        place = x[i] + lap * period
        previous = y[j - 1] if j > 0 else y[m - 1] - period
        change += _power(place - y[j], power) - _power(place - previous, power)
    return change


@kernel
def walk(x, y, a, b, period, power, start, column_first, rows, columns, flow, f, g):
    """Go round once along the plan of a turn, from a border of both sides.

    Parameters
    ----------
    start : (row, column, laps of the column)
        The atoms that begin together there.
    column_first : bool
        Where both sides end an atom, whether the next column or the next row comes first.
    rows, columns, flow : (n + m,) int64
        Filled with the plan.
    f, g : (n,), (m,)
        Filled with potentials that are tight on the way.

    Returns
    -------
    number of entries, what the potential f has gained after one lap
    """
    n, m = x.shape[0], y.shape[0]
    i, j, laps = start
    offset_x, offset_y = 0.0, laps * period
    first_i, first_j, first_offset = i, j, offset_y
    f[i] = 0.0
    g[j] = _power(x[i] - y[j] - offset_y, power)
    left, free = a[i], b[j]
    size = 0
    seen_i, seen_j = 1, 1
    while True:
        moved = min(left, free)
        if moved > 0:
            rows[size] = i
            columns[size] = j
            flow[size] = moved
            size += 1
            left -= moved
            free -= moved
        if left == 0 and free == 0 and seen_i == n and seen_j == m:
            break
        if free == 0 and (left > 0 or (column_first and seen_j < m) or seen_i == n):
            j += 1
            if j == m:
                j = 0
                offset_y += period
            seen_j += 1
            free = b[j]
            g[j] = _power(x[i] + offset_x - y[j] - offset_y, power) - f[i]
        else:
            i += 1
            if i == n:
                i = 0
                offset_x += period
            seen_i += 1
            left = a[i]
            f[i] = _power(x[i] + offset_x - y[j] - offset_y, power) - g[j]
    if column_first:
        place = y[first_j] + first_offset + period
        gain = g[first_j] - (_power(x[i] + offset_x - place, power) - f[i])
    else:
        gain = _power(x[first_i] + period - y[j] - offset_y, power) - g[j]
    return size, gain


def best_turn(
    x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray, period: float, power: float
) -> tuple[int, tuple[int, int, int]]:
    """The least turn that no further one improves, and the atoms that begin together there.

    Bisection of the whole numbers from -2 M to 2 M by the sign of the slope: at most 63 sweeps.
    """
    before_x, before_y = (frozen(np.cumsum(side) - side) for side in (a, b))
    total = int(a.sum())
    x, y = frozen(x), frozen(y)
    low, high = -2 * total, 2 * total
    while high - low > 1:
        middle = (low + high) // 2
        if slope(x, y, before_x, before_y, total, period, power, middle) >= 0.0:
            high = middle
        else:
            low = middle
    # The slope changes there, so a border of the one side meets one of the other.
    u = before_y - high
    laps = u // total
    rest = u - laps * total
    i = np.searchsorted(before_x, rest)
    meets = np.flatnonzero((i < x.size) & (before_x[np.minimum(i, x.size - 1)] == rest))
    if not meets.size:
        return high, (-1, -1, 0)
    j = int(meets[0])
    return high, (int(i[j]), j, -int(laps[j]))
