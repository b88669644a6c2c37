"""The c-transform of Euclidean costs in many dimensions, most of it in single precision.

The minimum g_j = min_i c(x_i, y_j) - f_i takes two operations a coordinate of each pair. Here
|x - y|² = |x|² + |y|² - 2 x.y of centred points takes one, of half the width, and says which pairs
may be the minimum of their column. These alone are computed again, in double precision and as
`repair.transform_points` does it, so that the result is the same to the bit.

Which pairs may be. Let v = 2**-24, points be centred and scaled by a power of two to at most one in
norm, x' and y' their coordinates in single precision, X = |x|, Y = |y|, S = X + Y, D = |x - y|².

1. |x' - x| <= v X and likewise y, so |x' - y'|² <= D + 2 |x - y| v S + v² S² <= D + 2.01 v S².
2. p = |x'|² and q = |y'|² are rounded to single precision: they are off by 1.01 v S² together.
3. p + q - 2 x'.y' is a sum of d + 2 terms, some of them products, whose sizes add up to 1.01 S² at
   most. In any order it is off by at most 1.01 (d + 2) v S².

So the computed sum is at most D + v (5.1 + 1.01 d) S², and S² <= 2 X² + 2 Y². With

    k = v (6 + 1.1 d),     p' = (1 - 2 k) |x'|²,     q' = (1 - 2 k) |y'|²

the computed p' + q' - 2 x'.y' is at most D. A pair that improves on the present g_j has
D < g_j + f_i for squared distances, and g_j + f_i > 0 and D < (g_j + f_i)² for distances. In single
precision g_j and f_i are raised by 2**-22 of themselves, which is more than the rounding of their
sum and of the cost in both precisions, the square by 2**-20 of itself, and either limit by 1e-30
for what underflow may take. So no pair is missed whose computed value would be the minimum.
"""

import math
from collections.abc import Callable

import numpy as np

from .._jit import kernel
from ..exponential import EUCLIDEAN, SQUARED, fill_exponents
from ..threads import for_each
from .repair import TILE, transform_plainly

__all__ = ["MOST_RATIO", "tiled_transform"]

# Rows and columns of a tile: coordinates and sums of one row stay in the first-level cache.
_ROWS, _COLUMNS = 512, 512
# Pairs that are looked at together before one of them is computed again.
_CHUNK = 64
# Unit roundoff of single precision.
_V = 2.0**-24
# Share by which potentials are raised, factor for squares of their sums, and what is added.
_RAISED = 2.0**-22
_SQUARE_RAISED, _FLOOR, _NOTHING = np.float32(1.0 + 2.0**-20), np.float32(1e-30), np.float32(0.0)
# Share of the pairs that may be computed again; beyond it plain loops are faster. Measured.
_MOST_AGAIN = 0.02

MOST_RATIO = 1e12
"""Potentials up to so many times the largest cost are within single precision."""


@kernel
def _lower(rows, p, shifts, columns, q, limits, x, coordinates, f, squared, unit, sums, tops, g):
    """Lower g (c,) to the c-transform over the rows of a tile; return how many costs that took.

    In single precision and the unit of the tile: doubled `rows` (r, d), -p' in `p` (r,), raised
    potentials in `shifts` (r,), `columns` (d, c), -q' in `q` (c,), raised minima in `limits` (c,);
    `sums` and `tops` (c,) are work space. `x` (r, d), `coordinates` (d, c) and `f` (r,) are exact,
    and costs times `unit` are in that unit.
    """
    again = 0
    d = x.shape[1]
    for i in range(x.shape[0]):
        fill_exponents(rows, i, p[i], columns, q, 0, SQUARED, sums)
        shift = shifts[i]
        if squared:
            for j in range(g.shape[0]):
                tops[j] = limits[j] + shift + _FLOOR
        else:
            for j in range(g.shape[0]):
                w = limits[j] + shift
                w = w if w > _NOTHING else _NOTHING
                tops[j] = w * w * _SQUARE_RAISED + _FLOOR
        for start in range(0, g.shape[0], _CHUNK):
            stop = min(start + _CHUNK, g.shape[0])
            some, others = sums[start:stop], tops[start:stop]
            found = np.int32(0)
            for j in range(some.shape[0]):
                found += np.int32(some[j] + others[j] > _NOTHING)
            if found == 0:
                continue
            for j in range(start, stop):
                if sums[j] + tops[j] > _NOTHING:
                    again += 1
                    total = 0.0
                    for k in range(d):
                        difference = x[i, k] - coordinates[k, j]
                        total += difference * difference
                    value = (total if squared else math.sqrt(total)) - f[i]
                    if value < g[j]:
                        g[j] = value
                        limits[j] = np.float32(unit * (value + _RAISED * abs(value)))
    return again


def tiled_transform(
    x: np.ndarray,
    y: np.ndarray,
    f: np.ndarray,
    metric: int,
    *,
    threads: int = 1,
    tick: Callable[[], object] | None = None,
) -> np.ndarray:
    """g_j = min_i c(x_i, y_j) - f_i for points x (n, d), y (m, d): as `transform_points`.

    Parameters
    ----------
    x, y, f : arrays (n, d), (m, d), (n,)
        Points whose squares neither overflow nor underflow where it matters, and potentials of at
        most `MOST_RATIO` times the largest cost.
    metric : int
        EUCLIDEAN or SQUARED.
    threads : int
        Among which the columns are divided; the result does not depend on it.
    tick : callable, optional
        Called between tiles; may raise.
    """
    n, m, squared = x.shape[0], y.shape[0], metric != EUCLIDEAN
    # The largest potentials are the likeliest minima: then few pairs improve on what is known.
    order = np.argsort(-f, kind="stable")
    x, f = np.ascontiguousarray(x[order]), np.ascontiguousarray(f[order])
    middle = x.mean(axis=0)
    longest = max(float(np.square(part - middle).sum(axis=1).max()) for part in (x, y))
    scale = 2.0 ** -math.frexp(math.sqrt(longest) or 1.0)[1]
    unit = scale * scale if squared else scale
    rows, columns = ((scale * (part - middle)).astype(np.float32) for part in (x, y))
    kept = 2.0 * _V * (6.0 + 1.1 * x.shape[1]) - 1.0
    p, q = (
        (kept * np.square(part, dtype=np.float64).sum(axis=1)).astype(np.float32)
        for part in (rows, columns)
    )
    rows *= np.float32(2.0)
    shifts = (unit * (f + _RAISED * np.abs(f))).astype(np.float32)
    coordinates = np.ascontiguousarray(y.T)
    g = np.full(m, np.inf)

    def run(start: int) -> None:
        part = slice(start, min(m, start + _COLUMNS))
        there = np.ascontiguousarray(columns[part].T)
        exact = np.ascontiguousarray(coordinates[:, part])
        lowest = g[part]
        limits, sums, tops = np.full((3, lowest.size), np.inf, dtype=np.float32)
        again = 0
        for first in range(0, n, _ROWS):
            some = slice(first, min(n, first + _ROWS))
            again += _lower(
                rows[some], p[some], shifts[some], there, q[part], limits, x[some], exact, f[some],
                squared, unit, sums, tops, lowest,
            )  # fmt: skip
            # The first rows improve on nothing at all.
            if again > (8 + _MOST_AGAIN * some.stop) * lowest.size:
                if some.stop < n:
                    rest = slice(some.stop, n)
                    transform_plainly(x[rest], exact, f[rest], metric, lowest, np.empty(TILE))
                return

    for_each(run, range(0, m, _COLUMNS), threads, tick)
    return g
