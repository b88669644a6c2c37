"""Costs that are a function of a norm of differences, which may go round a circle.

A difference is z = x - y, on an axis with a period the shortest of its shifts; r is its norm of
exponent 1, 2 or inf. The cost is

    POWER   min(r ** power, cap),
    ARC     min((2 asin(r / 2)) ** power, cap), r being the chord of two unit vectors,
    HUBER   min(r² / 2 up to r = delta, delta (r - delta / 2) from there on, cap).

Everything is computed from q = r². Rounding, in units of u = 2**-53: as in `costs` for r, 1 u of
the square root, 4 u of `half_arc` and 2 u of what is made of it; Huber's second branch subtracts
at most half of r, which doubles what r has. `relative_rounding` adds up more than that. An arc
beyond a right angle is pi less the arc of the other chord |x + y|, which loses no digits near pi.
"""

import math
from typing import NamedTuple

import numpy as np

from ._jit import frozen, helper, kernel

POWER, ARC, HUBER = 0, 1, 2


class Shape(NamedTuple):
    """What a cost of this kind is, in numbers: for kernels."""

    code: int
    norm: float
    power: float
    delta: float
    cap: float
    periods: np.ndarray
    """Period of each axis (d,), inf where there is none."""

    @property
    def is_convex(self) -> bool:
        """Whether the cost is convex in the difference, but for its cap and beyond half periods."""
        return self.norm == 2.0 and self.power >= 1.0

    def steepest(self, extent: float) -> float:
        """Slope of the cost where tangents are taken, up to a length `extent`; generous."""
        longest = math.pi if self.code == ARC else max(extent, 1.0)
        if self.code == HUBER:
            return longest
        return 3.0 * self.power * longest ** max(self.power - 1.0, 0.0)


def relative_rounding(d: int, shape: Shape) -> float:
    """Bound on |computed - exact| / exact of one cost, in units of u = 2**-53."""
    length = d + 8.0
    if shape.code == HUBER:
        return 2.0 * length + 4.0
    return shape.power * length + 4.0


@helper
def wrapped(z, period):
    """The shortest of z and its shifts by a period, |z| being at most one period."""
    half = 0.5 * period
    return z - period if z > half else (z + period if z < -half else z)


@helper
def half_arc(z):
    """asin(sqrt(z)) for 0 <= z <= 1/2.

    The polynomial interpolates asin(sqrt(z)) / sqrt(z) in Chebyshev's points of that interval,
    computed with 60 digits: off by 3.4e-17 of it at most, and by 1.3 u with the rounding of its
    terms (measured at 20,000 points).
    """
    p = 0.8892904367638688
    p = p * z - 3.278933156739812
    p = p * z + 5.7579408313146985
    p = p * z - 6.229299875397985
    p = p * z + 4.6420689099888435
    p = p * z - 2.4908808126226116
    p = p * z + 1.0082016650534187
    p = p * z - 0.2968705430689824
    p = p * z + 0.07871611357002127
    p = p * z - 0.002601537848299688
    p = p * z + 0.013191002571753903
    p = p * z + 0.01380344589589198
    p = p * z + 0.017364281439103527
    p = p * z + 0.022371584779320355
    p = p * z + 0.030381963396751827
    p = p * z + 0.044642856762615
    p = p * z + 0.07500000000401816
    p = p * z + 0.16666666666664987
    p = p * z + 1.0
    return math.sqrt(z) * p


@helper
def value_of(q, other, code, power, delta, cap):
    """Cost of the squared length q; `other` is |x + y|², which ARC alone looks at."""
    if code == 1:
        near = q <= other
        arc = 2.0 * half_arc(0.25 * max(min(q, other), 0.0))
        length = arc if near else math.pi - arc
        if power == 2.0:
            length = length * length
        elif power != 1.0:
            length = length**power
        return min(length, cap)
    if code == 2:
        length = math.sqrt(q)
        return min(0.5 * q if length <= delta else delta * (length - 0.5 * delta), cap)
    if power == 2.0:
        return min(q, cap)
    length = math.sqrt(q)
    return min(length if power == 1.0 else length**power, cap)


@helper
def slope_of(q, cost, code, power, delta):
    """The factor s for which s z is a gradient of the cost without its cap at a difference z."""
    if q < 1e-200:
        return 0.0
    length = math.sqrt(q)
    if code == 2:
        return 1.0 if length <= delta else delta / length
    if code == 1:
        arc = cost if power == 1.0 else cost ** (1.0 / power)
        return power * arc ** (power - 1.0) / (length * math.sqrt(1.0 - 0.25 * q))
    return power * length ** (power - 2.0)


@kernel
def shaped_rows(x, coordinates, code, norm, power, delta, cap, periods, out, others):
    """Fill out (n, m) from x (n, d), coordinates (d, m); `others` (m,) is work space."""
    for i in range(x.shape[0]):
        row = out[i]
        for j in range(row.shape[0]):
            row[j] = 0.0
            others[j] = 0.0
        for k in range(x.shape[1]):
            other, value, period = coordinates[k], x[i, k], periods[k]
            for j in range(row.shape[0]):
                z = wrapped(value - other[j], period)
                total = value + other[j]
                others[j] += total * total
                if norm == 2.0:
                    row[j] += z * z
                elif norm == 1.0:
                    row[j] += abs(z)
                else:
                    row[j] = max(row[j], abs(z))
        if norm != 2.0:
            for j in range(row.shape[0]):
                row[j] = row[j] * row[j]
        for j in range(row.shape[0]):
            row[j] = value_of(row[j], others[j], code, power, delta, cap)


@kernel
def shaped_pairs(x, y, rows, columns, code, norm, power, delta, cap, periods, out):
    """Fill out (k,) with the costs of the pairs (rows[e], columns[e])."""
    for e in range(out.shape[0]):
        i, j = rows[e], columns[e]
        q = 0.0
        other = 0.0
        for k in range(x.shape[1]):
            z = wrapped(x[i, k] - y[j, k], periods[k])
            total = x[i, k] + y[j, k]
            other += total * total
            if norm == 2.0:
                q += z * z
            elif norm == 1.0:
                q += abs(z)
            else:
                q = max(q, abs(z))
        if norm != 2.0:
            q = q * q
        out[e] = value_of(q, other, code, power, delta, cap)


def numbers_of(shape: Shape) -> tuple[int, float, float, float, float, np.ndarray]:
    """The fields of a shape as kernels take them."""
    code, norm, power, delta, cap, periods = shape
    return code, float(norm), float(power), float(delta), float(cap), frozen(periods)


def pairwise(x: np.ndarray, y: np.ndarray, shape: Shape) -> np.ndarray:
    """Cost matrix (n, m) of points x (n, d) and y (m, d)."""
    out = np.empty((x.shape[0], y.shape[0]))
    coordinates = np.ascontiguousarray(y.T)
    shaped_rows(frozen(x), coordinates, *numbers_of(shape), out, np.empty(y.shape[0]))
    return out


def gathered(
    x: np.ndarray, y: np.ndarray, rows: np.ndarray, columns: np.ndarray, shape: Shape
) -> np.ndarray:
    """Costs (k,) of the pairs x[rows[k]], y[columns[k]]."""
    out = np.empty(rows.shape[0])
    shaped_pairs(frozen(x), frozen(y), frozen(rows), frozen(columns), *numbers_of(shape), out)
    return out


def bounding_cost(x: np.ndarray, y: np.ndarray, shape: Shape) -> float:
    """Upper bound on every cost between the two clouds, from their common bounding box."""
    if shape.code == ARC:
        largest = (math.pi * (1.0 + 1e-14)) ** shape.power
    else:
        both = np.concatenate([x, y])
        sides = np.minimum(both.max(axis=0) - both.min(axis=0), 0.5 * shape.periods)
        r = float(np.linalg.norm(sides, ord=shape.norm)) * (1.0 + 1e-14 * (sides.size + 8))
        huber = 0.5 * r * r if r <= shape.delta else shape.delta * (r - 0.5 * shape.delta)
        largest = huber if shape.code == HUBER else r**shape.power
    return min(largest * (1.0 + 1e-14 * (shape.power + 2.0)), shape.cap)
