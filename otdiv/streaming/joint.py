"""Two samples in common cells: what is known of F - G in each, and what rounding may have lost.

In a cell with the least value l and the greatest value r of both samples let h = r - l, p and q
the masses of the two, d = F - G just before l. The integral of F over the cell is F(l-) h + P with

    P = sum of weight (r - value),

which the state holds exactly, and likewise G with Q. So D = d h + P - Q is the integral of F - G
over the cell, and F - G lies between -b and a there, a = d + p and b = q - d.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._kernels.streaming.levels import level_differences
from .._typing import FloatArray, IndexArray
from .keys import spacings, united, values_of
from .sides import Pairs, Side, running

__all__ = ["JointCells", "U", "joint_cells", "unit_of"]

U = 2.0**-53
_PAIR = 2.0**-102
"""Relative error of a few operations on pairs of floats, with room."""

_WIDEST, _NARROWEST = 2.0**1000, 2.0**-600
"""Ranges beyond which a power of two moves all values, so that no product leaves the floats."""

_LEAST, _GREATEST = np.int64(2**63 - 1), np.int64(-(2**63))


class JointCells(NamedTuple):
    """Cells that hold a value of x or of y; shares are of each sample's mass, values times `unit`.

    Attributes
    ----------
    starts, shifts, counts_x, counts_y : int arrays (k,)
    left, right : float arrays (k,)
        Least and greatest value of both samples.
    single : bool array (k,)
        Whether they are the same float, before it is multiplied with `unit`.
    p, q : float arrays (k,)
        Shares of x and y.
    P, Q : float arrays (k,)
        Sums of share times distance from `right`.
    d : float array (k + 1,)
        F - G before each cell, and after the last.
    before : Pairs of arrays (k,)
        The same in whole units, `area_unit` of them to 1.
    totals : pair of pairs of floats
        What a value's weight is multiplied with to be in these units: x's, then y's.
    area_unit : float
    level_error : float
        F - G errs by this, beside its own rounding.
    moment_errors : float array (k,)
        P and Q together err by this, beside 2 U of p h and q h.
    unit : float
        A power of two.
    """

    starts: IndexArray
    shifts: IndexArray
    counts_x: IndexArray
    counts_y: IndexArray
    left: FloatArray
    right: FloatArray
    single: NDArray[np.bool_]
    p: FloatArray
    q: FloatArray
    P: FloatArray
    Q: FloatArray
    d: FloatArray
    before: Pairs
    totals: tuple[tuple[float, float], tuple[float, float]]
    area_unit: float
    level_error: float
    moment_errors: FloatArray
    unit: float


def joint_cells(x: Side, y: Side) -> JointCells:
    """Common cells of two samples that were cut alike."""
    starts = united(x.starts, y.starts)
    spread_x, spread_y = _spread(x, starts), _spread(y, starts)
    shifts = np.maximum(spread_x.shifts, spread_y.shifts)
    least = np.minimum(spread_x.least, spread_y.least)
    greatest = np.maximum(spread_x.greatest, spread_y.greatest)
    unit = unit_of(float(values_of(least[:1])[0]), float(values_of(greatest[-1:])[0]))
    left, right = values_of(least) * unit, values_of(greatest) * unit
    # Where all values are one, their moments are known to be 0.
    width = np.where(least < greatest, spacings(starts) * unit, 0.0)
    reach = (greatest - starts).astype(np.float64)
    masses, moments, errors = [], [], np.zeros(starts.size)
    for side in (spread_x, spread_y):
        share = side.masses.high / side.total[0]
        moment = _beyond(side, reach) / side.total[0] * width
        masses.append(share)
        moments.append(moment)
        n_roundings = 8.0 + (side.counts if side.weighted else 0)
        errors += n_roundings * _PAIR * share * reach * width
    before, totals, area_unit, level_error = _levels(spread_x, spread_y)
    return JointCells(
        starts=starts,
        shifts=shifts,
        counts_x=spread_x.counts,
        counts_y=spread_y.counts,
        left=left,
        right=right,
        single=least == greatest,
        p=masses[0],
        q=masses[1],
        P=moments[0],
        Q=moments[1],
        d=np.append((before.high + before.low) / area_unit, 0.0),
        before=before,
        totals=totals,
        area_unit=area_unit,
        level_error=level_error,
        moment_errors=errors,
        unit=unit,
    )


def unit_of(least: float, greatest: float) -> float:
    """A power of two that keeps products of an extreme range within the floats, mostly 1."""
    width = greatest - least  # infinite where it is beyond the floats
    if width > _WIDEST:
        return 2.0**-40
    if 0.0 < width < _NARROWEST:
        return math.ldexp(1.0, min(-math.frexp(width)[1], 1000))
    return 1.0


def _spread(side: Side, starts: IndexArray) -> Side:
    """A side on more cells, those that it lacks empty."""
    if side.starts.size == starts.size:
        return side
    places = np.searchsorted(starts, side.starts)

    def filled(values: FloatArray | IndexArray, empty: int = 0) -> np.ndarray:
        result = np.full(starts.size, empty, values.dtype)
        result[places] = values
        return result

    return side._replace(
        starts=starts,
        shifts=filled(side.shifts),
        counts=filled(side.counts),
        masses=Pairs(*map(filled, side.masses)),
        moments=Pairs(*map(filled, side.moments)),
        least=filled(side.least, int(_LEAST)),
        greatest=filled(side.greatest, int(_GREATEST)),
    )


def _beyond(side: Side, reach: FloatArray) -> FloatArray:
    """Sum of weight (reach - offset), from pairs: all digits, though it may be far smaller."""
    mass, rest = side.masses
    product = mass * reach
    # Halves of 26 bits, whose products are exact (Dekker 1971).
    m, r = 134217729.0 * mass, 134217729.0 * reach
    m1, r1 = m - (m - mass), r - (r - reach)
    m2, r2 = mass - m1, reach - r1
    lost = ((m1 * r1 - product) + m1 * r2 + m2 * r1) + m2 * r2
    moment, low = side.moments
    t = product - moment
    z = t - product
    e = (product - (t - z)) - (moment + z)
    return np.maximum(t + ((e + lost) + (rest * reach - low)), 0.0)


def _levels(
    x: Side, y: Side
) -> tuple[Pairs, tuple[tuple[float, float], tuple[float, float]], float, float]:
    """F - G before each cell in whole units, what makes these of weights, and their error."""
    total_x, total_y = x.total, y.total
    exact = not (x.weighted or y.weighted)
    if exact:
        common = math.gcd(int(total_x[0]), int(total_y[0]))
        total_x, total_y = (total_x[0] / common, 0.0), (total_y[0] / common, 0.0)
    F, G = running(x.masses), running(y.masses)
    after = Pairs(np.empty(x.starts.size), np.empty(x.starts.size))
    level_differences(F.high, F.low, G.high, G.low, total_x, total_y, *after)
    before = Pairs(*(np.concatenate([[0.0], part[:-1]]) for part in after))
    area_unit = x.total[0] * total_y[0]
    if exact and area_unit < 2.0**62:
        error = 0.0
    else:
        n_sums = x.starts.size + 64 + (0 if exact else int(x.counts.sum() + y.counts.sum()))
        error = n_sums * _PAIR
    return before, (total_y, total_x), area_unit, error
