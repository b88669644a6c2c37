"""Values of one-dimensional distances: sort, then one walk along the two quantile functions.

With levels F_i = a_1 + ... + a_i and G_j = b_1 + ... + b_j of the sorted samples, the monotone
coupling moves the mass between two neighbouring levels from one x to one y, so that

    W_p^p = sum over pieces k of (t_k - t_{k-1}) |x_i - y_j|^p,   t = all F_i and G_j in order.

Levels without weights are integers in the unit 1 / lcm(n, m) and exact. Weights are cumulated with
compensation and cross-multiplied, F_i B against G_j A, so that whole-number weights stay exact too.

Every function returns the value and its slack: a derived bound on |value - exact value| for the
float64 numbers given. `U` is the unit roundoff; terms of order n U^2 are below 1e-8 U for every
array that fits in memory and are covered by rounding the small factors up.
"""

from __future__ import annotations

import math
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .._jit import frozen, kernel
from ..proofs.sums import defect
from ..threads import both
from .sorting import sort_pair, sorted_with
from .whole_numbers import exact_distance, exact_energy

Array: TypeAlias = NDArray[np.float64]

U = 2.0**-53
# Relative error of the levels, to the total: cumulated sum U, times the other total U, total of
# one's own U, product of the totals U.
_LEVEL_ERROR = 4.0 * U
# Where rounding may cost a larger share of the distance, masses are taken as pairs of floats, and
# where that does not help as whole numbers.
EXACT = 1e-9
# Share of the heaviest atom below which products lose digits to underflow.
_LIGHTEST = 2.0**-450
# Outside these ranges the samples are moved by a power of two, so that no product of a mass with
# a difference can overflow or lose digits.
LEAST_RANGE, GREATEST_RANGE = 2.0**-600, 2.0**600


@kernel
def _equal_gaps(x, y):
    """Sum and maximum of |x_i - y_i|; four compensated lanes, so that additions overlap."""
    n = x.size
    s0 = s1 = s2 = s3 = 0.0
    c0 = c1 = c2 = c3 = 0.0
    top = 0.0
    for i in range(0, n - 3, 4):
        d0, d1 = abs(x[i] - y[i]), abs(x[i + 1] - y[i + 1])
        d2, d3 = abs(x[i + 2] - y[i + 2]), abs(x[i + 3] - y[i + 3])
        t0, t1, t2, t3 = s0 + d0, s1 + d1, s2 + d2, s3 + d3
        z0, z1, z2, z3 = t0 - s0, t1 - s1, t2 - s2, t3 - s3
        c0 += (s0 - (t0 - z0)) + (d0 - z0)
        c1 += (s1 - (t1 - z1)) + (d1 - z1)
        c2 += (s2 - (t2 - z2)) + (d2 - z2)
        c3 += (s3 - (t3 - z3)) + (d3 - z3)
        s0, s1, s2, s3 = t0, t1, t2, t3
        top = max(top, max(max(d0, d1), max(d2, d3)))
    for i in range(n - n % 4, n):
        d0 = abs(x[i] - y[i])
        t0 = s0 + d0
        z0 = t0 - s0
        c0 += (s0 - (t0 - z0)) + (d0 - z0)
        s0 = t0
        top = max(top, d0)
    return ((s0 + c0) + (s1 + c1)) + ((s2 + c2) + (s3 + c3)), top


@kernel
def _equal_powers(x, y, power, scale):
    """Sum of (|x_i - y_i| / scale)^power."""
    s = c = 0.0
    for i in range(x.size):
        r = abs(x[i] - y[i]) / scale
        term = r * r if power == 2.0 else r**power
        t = s + term
        z = t - s
        c += (s - (t - z)) + (term - z)
        s = t
    return s + c


@kernel
def cumulate(weights, scale, levels):
    """Write the running sums of weights * scale; each is its exact sum, rounded about once."""
    s = c = last = 0.0
    for i in range(weights.size):
        w = weights[i] * scale
        t = s + w
        z = t - s
        c += (s - (t - z)) + (w - z)
        s = t
        last = max(last, s + c)
        levels[i] = last


@kernel
def _walk(x, y, F, G, tolerance):
    """Sum over the pieces of mass * |x_i - y_j|, and the largest difference of a piece with mass.

    Levels closer than `tolerance` count as one.
    """
    n, m = x.size, y.size
    i = j = 0
    s = c = last = top = 0.0
    while i < n and j < m:
        level = min(F[i], G[j])
        gap = abs(x[i] - y[j])
        if level > last and gap > top:
            top = gap
        term = (level - last) * gap
        t = s + term
        z = t - s
        c += (s - (t - z)) + (term - z)
        s = t
        last = level
        reached = level + tolerance
        step_x, step_y = np.int64(F[i] <= reached), np.int64(G[j] <= reached)
        i += step_x
        j += step_y
    return s + c, top


@kernel
def _walk_powers(x, y, F, G, power, scale):
    """Sum over the pieces of mass * (|x_i - y_j| / scale)^power."""
    n, m = x.size, y.size
    i = j = 0
    s = c = last = 0.0
    while i < n and j < m:
        level = min(F[i], G[j])
        # Pieces without mass may be far longer than `scale`, which would make infinity times 0.
        if level > last:
            r = abs(x[i] - y[j]) / scale
            term = (level - last) * (r * r if power == 2.0 else r**power)
            t = s + term
            z = t - s
            c += (s - (t - z)) + (term - z)
            s = t
            last = level
        step_x, step_y = np.int64(F[i] <= level), np.int64(G[j] <= level)
        i += step_x
        j += step_y
    return s + c


@kernel
def _pair(weight, high, low):
    """Weight * (high + low) as a rounded product and what the rounding lost."""
    product = weight * high
    # Halves of 26 bits, whose products are exact (Dekker 1971).
    t = 134217729.0 * weight
    w1 = t - (t - weight)
    w2 = weight - w1
    t = 134217729.0 * high
    h1 = t - (t - high)
    h2 = high - h1
    return product, ((w1 * h1 - product) + w1 * h2 + w2 * h1) + w2 * h2 + weight * low


@kernel
def _weighted_walk(x, y, a, b, total_a, total_b, power, scale):
    """Sum over the pieces of mass * (|x_i - y_j| / scale)^power, and the largest difference.

    The unit of mass is the product of the totals, which are pairs of floats, as what is left of x_i
    and free at y_j is: a piece errs by its own rounding, and by 2**-102 of the largest weight.
    """
    n, m = x.size, y.size
    i = j = 0
    s = c = top = 0.0
    left, left_rest = _pair(a[0], total_b[0], total_b[1])
    free, free_rest = _pair(b[0], total_a[0], total_a[1])
    while True:
        t = left - free
        z = t - left
        e = (left - (t - z)) - (free + z) + (left_rest - free_rest)
        more = t + e
        more_rest = e - (more - t)
        moved = left + left_rest if more <= 0.0 else free + free_rest
        gap = abs(x[i] - y[j])
        if moved > 0.0:
            top = max(top, gap)
            r = gap / scale
            term = moved * (r if power == 1.0 else r * r if power == 2.0 else r**power)
            t = s + term
            z = t - s
            c += (s - (t - z)) + (term - z)
            s = t
        if more <= 0.0:
            i += 1
        if more >= 0.0:
            j += 1
        # What rounding leaves over at the end is 2**-102 of the total.
        if i == n or j == m:
            break
        if more <= 0.0:
            left, left_rest = _pair(a[i], total_b[0], total_b[1])
            if more < 0.0:
                free, free_rest = -more, -more_rest
        if more >= 0.0:
            free, free_rest = _pair(b[j], total_a[0], total_a[1])
            if more > 0.0:
                left, left_rest = more, more_rest
    return s + c, top


@kernel
def _cdf_gaps(x, y, F, G):
    """Integrals of |F - G| and of (F - G)^2 over the line, in the levels' unit."""
    n, m = x.size, y.size
    i = j = 0
    below_x = below_y = 0.0
    s = c = first = 0.0
    last = min(x[0], y[0])
    while i < n or j < m:
        if j >= m or (i < n and x[i] <= y[j]):
            here = x[i]
            level_x, level_y = F[i], below_y
            i += 1
        else:
            here = y[j]
            level_x, level_y = below_x, G[j]
            j += 1
        gap = abs(below_x - below_y)
        width = here - last
        first += gap * width
        term = gap * gap * width
        t = s + term
        z = t - s
        c += (s - (t - z)) + (term - z)
        s = t
        last = here
        below_x, below_y = level_x, level_y
    return first, s + c


def counting_levels(n: int, m: int) -> tuple[Array, Array, float]:
    """Levels F (n,), G (m,) of two unweighted samples as exact whole numbers, and their total."""
    common = math.gcd(n, m)
    total = float(n // common * m)
    return (
        np.arange(m // common, total + 1.0, m // common, dtype=np.float64)[:n],
        np.arange(n // common, total + 1.0, n // common, dtype=np.float64)[:m],
        total,
    )


def weighted_levels(a: Array, b: Array) -> tuple[Array, Array, float]:
    """Levels F (n,), G (m,) of weights in sorted order, in one unit, and their common total."""
    F, G = np.empty(a.size), np.empty(b.size)
    for weights, levels in ((a, F), (b, G)):
        # A power of two brings the largest weight to [0.5, 1): exact, and no sum can overflow.
        _, exponent = math.frexp(float(weights.max()))
        cumulate(weights, math.ldexp(1.0, max(-1000, min(1000, -exponent))), levels)
    total_a, total_b = float(F[-1]), float(G[-1])
    if total_a == total_b:
        return F, G, total_a
    F *= total_b
    G *= total_a
    # Trailing atoms without mass share the last level.
    total = total_a * total_b
    np.minimum(F, total, out=F)
    np.minimum(G, total, out=G)
    F[-1] = G[-1] = total
    return F, G, total


def _with_mass(x, a):
    """Drop atoms without mass, which must not set the scale; None weighs every atom 1."""
    if a is None:
        return x, np.ones(x.size)
    if a.min() > 0.0:
        return x, a
    keep = a > 0.0
    return x[keep], a[keep]


def _sorted_with_weights(x, y, a, b, threads):
    """Sorted samples and their weights, of the atoms with mass."""
    first, second = _with_mass(x, a), _with_mass(y, b)
    (x, a), (y, b) = both(sorted_with, first, second, min(x.size, y.size), threads)
    return x, y, a, b


class _Levels(NamedTuple):
    """Levels F (n,), G (m,) of two samples in one unit."""

    F: Array
    G: Array


class _Masses(NamedTuple):
    """Weights a (n,), b (m,) and their totals, as pairs of floats."""

    a: Array
    b: Array
    total_a: tuple[float, float]
    total_b: tuple[float, float]


# Equal counts need neither: every x_(i) goes to y_(i).
_Coupling: TypeAlias = _Levels | _Masses | None


def _counted(x, y, threads):
    """Sorted samples, their levels (None for equal counts), total, error of the levels."""
    x, y = sort_pair(x, y, threads)
    if x.size == y.size:
        return x, y, None, float(x.size), 0.0
    F, G, total = counting_levels(x.size, y.size)
    return x, y, _Levels(F, G), total, (0.0 if total <= 2.0**53 else U)


def _levelled(x, y, a, b):
    """The same for sorted samples with weights."""
    F, G, total = weighted_levels(a, b)
    return x, y, _Levels(F, G), total, _LEVEL_ERROR


def _paired(x, y, a, b):
    """The same for a walk that takes the weights themselves, is slower and loses far less."""
    a, b = _scaled(a), _scaled(b)
    total_a, total_b = _total(a), _total(b)
    # What is left and free is carried on in pairs of floats from one piece to the next.
    error = (x.size + y.size) * 2.0**-102
    return x, y, _Masses(a, b, total_a, total_b), total_a[0] * total_b[0], error


def _are_paired(weights):
    """Whether products of these weights have a float's digits beyond their own."""
    return weights.min() > _LIGHTEST * weights.max()


def _scaled(weights):
    """Weights over the power of two at the largest: exact, and no sum can overflow."""
    _, exponent = math.frexp(float(weights.max()))
    return frozen(np.ldexp(weights, -exponent))


def _total(weights):
    """Sum of weights as a pair of floats."""
    high = 1.0 - defect(weights, 1.0)[0]
    return high, -defect(weights, high)[0] * high


def range_unit(lo: float, hi: float) -> float:
    """Power of two that brings an extreme range hi - lo near 1; 1.0 where the range is moderate."""
    width = hi - lo
    if LEAST_RANGE < width < GREATEST_RANGE or width == 0.0:
        return 1.0
    # A range beyond float64 is taken in quarters.
    shift = 0 if width < math.inf else 2
    exponent = math.frexp(width if shift == 0 else 0.25 * hi - 0.25 * lo)[1] + shift
    return math.ldexp(1.0, max(-1020, min(1020, -exponent)))


def _range(x, y):
    """Least and greatest of two sorted samples."""
    return min(float(x[0]), float(y[0])), max(float(x[-1]), float(y[-1]))


def wasserstein_line(
    x: Array,
    y: Array,
    a: Array | None = None,
    b: Array | None = None,
    p: float = 1.0,
    threads: int | None = None,
) -> tuple[float, float]:
    """Wasserstein distance W_p of two samples on the line and the slack of its rounding.

    Parameters
    ----------
    x, y : float64 arrays (n,), (m,)
        Finite samples, in any order; never written to.
    a, b : float64 arrays (n,), (m,), optional
        Relative weights: finite, non-negative, of positive sum; each side is divided by its sum.
    p : float
        Exponent >= 1; `inf` gives the largest distance that mass moves. There, levels of weighted
        samples that agree within rounding count as equal, since W_inf jumps where they part.
    threads : int, optional
        At most this many threads (2 at most are used); the value does not depend on it.

    Returns
    -------
    value, slack : float
    """
    if a is None and b is None:
        return _sorted_distance(_counted(x, y, threads), p)
    sample = _sorted_with_weights(x, y, a, b, threads)
    # Levels are enough for most first powers; p-th ones lose more, and start with the pairs.
    if p in (1.0, math.inf):
        value, slack = _sorted_distance(_levelled(*sample), p)
        if slack <= EXACT * value:
            return value, slack
    # The rounding of weights cannot part a sample from itself.
    if np.array_equal(x, y) and _same_weights(a, b):
        return 0.0, 0.0
    if p == math.inf:
        return value, slack
    # Pairs of floats keep no digits of the very lightest.
    if _are_paired(sample[2]) and _are_paired(sample[3]):
        value, slack = _sorted_distance(_paired(*sample), p)
        if slack <= EXACT * value:
            return value, slack
    x, y, a, b = sample
    return exact_distance(x, y, a, b, p)


def _same_weights(a, b):
    return a is b or (a is not None and b is not None and np.array_equal(a, b))


def _sorted_distance(sample, p):
    """W_p and slack of what `_counted`, `_levelled` or `_paired` return."""
    x, y, coupling, total, level_error = sample
    lo, hi = _range(x, y)
    if lo == hi:
        return 0.0, 0.0
    unit = range_unit(lo, hi)
    underflow = 0.0
    if unit != 1.0:
        # Values far below a large range may underflow: by 2^-1074 at most, the range being near 1.
        equal = coupling is None and np.array_equal(x, y)
        underflow = 2.0**-1000 if unit < 1.0 and not equal else 0.0
        x, y, lo, hi = x * unit, y * unit, lo * unit, hi * unit
    width = hi - lo
    # Moving a level by e moves the quantile function by at most e * range in the mean, so both
    # levels' errors change W_1 by at most this; only atoms within the range matter.
    spread = level_error * ((float(x[-1]) - float(x[0])) + (float(y[-1]) - float(y[0])))
    tolerance = 2.0 * _LEVEL_ERROR * total if p == math.inf and level_error > 0.0 else 0.0
    value, top = _first_powers(x, y, coupling, tolerance)
    if p == 1.0:
        # Difference of levels U, of points U, product U, compensated sum 2 U, total and quotient
        # 2 U, the conversion of `spread` 1 U.
        value /= total
        slack = 9.0 * U * value + 1.01 * spread
    elif p == math.inf:
        value, slack = top, U * top
    elif top == 0.0:
        value, slack = 0.0, 2.0 * width * (1.01 * spread / width) ** (1.0 / p)
    else:
        value, slack = _powers(x, y, coupling, total, p, top, width, spread)
    # Each product and the result lose up to half the least subnormal, felt only in tiny results.
    if (top > 0.0 or spread > 0.0) and value / unit < 1e-290:
        underflow += (x.size + y.size) * 5e-324
    return value / unit, slack / unit + underflow / min(unit, 1.0)


def _first_powers(x, y, coupling: _Coupling, tolerance: float) -> tuple[float, float]:
    """Sum of mass * |x_i - y_j| and the largest difference."""
    if coupling is None:
        return _equal_gaps(x, y)
    if isinstance(coupling, _Masses):
        return _weighted_walk(x, y, *coupling, 1.0, 1.0)
    return _walk(x, y, *coupling, tolerance)


def _sum_of_powers(x, y, coupling: _Coupling, p: float, top: float) -> float:
    """Sum of mass * (|x_i - y_j| / top)^p."""
    if coupling is None:
        return _equal_powers(x, y, p, top)
    if isinstance(coupling, _Masses):
        return _weighted_walk(x, y, *coupling, p, top)[0]
    return _walk_powers(x, y, *coupling, p, top)


def _powers(x, y, coupling, total, p, top, width, spread):
    """W_p and slack for 1 < p < inf, computed in units of the largest difference `top`."""
    mean = min(_sum_of_powers(x, y, coupling, p, top) / total, 1.0)
    value = top * mean ** (1.0 / p)
    # Relative: each ratio 3 U (two differences and a quotient) taken to the power p, pow 2 U, the
    # rest as for p = 1.
    relative = (3.0 * p + 11.0) * U
    rounding = value * (relative / p + 8.0 * U) * 1.01 if relative < 0.01 else width
    # Levels: |s^p - t^p| <= p w^(p-1) |s - t| for s, t <= w, integrated; or, where that is weak,
    # the triangle inequality with W_p^p <= w^(p-1) W_1 on both sides.
    growth = p * (math.log(width) - math.log(top))
    moved = p * spread / width * math.exp(growth) if growth < 700.0 else math.inf
    triangle = 2.0 * width * (1.01 * spread / width) ** (1.0 / p)
    upper = top * (mean + moved) ** (1.0 / p)
    lower = top * max(mean - moved, 0.0) ** (1.0 / p)
    parted = 0.0 if spread == 0.0 else min(triangle, 1.01 * max(upper - value, value - lower))
    return value, rounding + parted


def energy_line(
    x: Array,
    y: Array,
    a: Array | None = None,
    b: Array | None = None,
    threads: int | None = None,
) -> tuple[float, float]:
    """Energy distance sqrt(2 * integral of (F - G)^2) on the line, and its slack.

    Arguments as in `wasserstein_line`; the unit is the square root of that of the samples.
    """
    weighted = a is not None or b is not None
    sample = _sorted_with_weights(x, y, a, b, threads) if weighted else ()
    coupled = _levelled(*sample) if weighted else _counted(x, y, threads)
    x, y, levels, total, level_error = coupled
    if levels is None:
        levels = _Levels(*[np.arange(1.0, x.size + 1.0)] * 2)
    lo, hi = _range(x, y)
    if lo == hi:
        return 0.0, 0.0
    unit = range_unit(lo, hi)
    if unit != 1.0:
        # An even power of two, since its root comes back.
        unit = unit if math.frexp(unit)[1] % 2 else unit * 0.5
        x, y, lo, hi = x * unit, y * unit, lo * unit, hi * unit
    width = hi - lo
    first, second = _cdf_gaps(x, y, *levels)
    first, second = first / total, second / total / total
    # |(F - G)^2 - exact| <= 2 |F - G| e + e^2 with e the error of both levels; then the widths,
    # squares, products, sum and quotients.
    error = 2.0 * level_error
    moved = 2.02 * first * error + error * error * width + 12.0 * U * second
    value = math.sqrt(2.0 * second)
    slack = math.sqrt(2.0 * (second + moved)) - value + 4.0 * U * value
    root = math.sqrt(unit)
    if slack > EXACT * value and weighted:
        return exact_energy(*sample)
    return value / root, slack / root
