"""Bounds of distances from two states, and of levels and quantiles from one."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from .._kernels.streaming.levels import HIGHEST, LOWEST, SQUARE
from .._typing import FloatArray
from .._validation import as_number
from ..errors import InvalidInputError
from ..results import Bounds
from .comparison import Comparison, compared
from .joint import U, unit_of
from .keys import keys_of, values_of
from .sides import Side, running, side_of
from .state import SampleState

__all__ = [
    "cdf_bounds",
    "cramer_von_mises_bounds",
    "energy_distance_bounds",
    "kolmogorov_smirnov_bounds",
    "quantile_bounds",
    "wasserstein1_bounds",
    "wasserstein_bounds",
]

_LEAST_FLOAT = 5e-324
_SMALL = 1e-280
"""Below this a result may have lost digits to underflow."""


def wasserstein1_bounds(x: SampleState, y: SampleState) -> Bounds:
    """Proven bounds of W1 from the states of two samples.

    The integral of |F - G| is exact wherever F and G do not cross within a cell: where the samples
    differ, all but a few cells. `Comparison` makes these exact in further passes.

    Parameters
    ----------
    x, y : SampleState
        With values, none of them infinite; missing ones are left out.

    Returns
    -------
    Bounds
        In the unit of the values, rounding included.

    Raises
    ------
    InvalidInputError
        If a state is empty or saw infinity.

    Examples
    --------
    >>> import numpy as np
    >>> from otdiv.streaming import SampleState, wasserstein1_bounds
    >>> z = np.linspace(0.0, 1.0, 1001)
    >>> bounds = wasserstein1_bounds(SampleState().update(z), SampleState().update(2.0 * z))
    >>> 0.5 in bounds, bounds.relative_gap < 1e-6
    (True, True)
    """
    return compared(x, y).wasserstein1


def kolmogorov_smirnov_bounds(x: SampleState, y: SampleState) -> Bounds:
    """Proven bounds of the largest |F - G|, the two-sample Kolmogorov-Smirnov statistic.

    Parameters and errors are those of `wasserstein1_bounds`.

    Returns
    -------
    Bounds
        Apart by at most the largest share of both samples in one cell.

    Examples
    --------
    >>> from otdiv.streaming import SampleState, kolmogorov_smirnov_bounds
    >>> x, y = SampleState().update([0.0, 1.0]), SampleState().update([1.0, 2.0])
    >>> kolmogorov_smirnov_bounds(x, y)
    Bounds(lower=0.5, upper=0.5)
    """
    return smirnov_bounds(compared(x, y))


def smirnov_bounds(comparison: Comparison) -> Bounds:
    """Bounds of the largest |F - G| from a comparison.

    At the last value of a cell F - G is known; before, it is between -b and a (see `joint`), and
    between its ends where only one sample has values.
    """
    cells, settled = comparison.cells, comparison.settled
    d, after = cells.d[:-1], np.abs(cells.d[1:])
    a, b = d + cells.p, cells.q - d
    upper = np.where(cells.single, after, np.maximum(a, b))
    alone = (cells.counts_x == 0) | (cells.counts_y == 0)
    upper = np.where(alone, np.maximum(np.abs(d), after), upper)
    places = np.searchsorted(cells.starts, settled.starts)
    ends = settled.areas[:, [HIGHEST, LOWEST]] / cells.area_unit
    upper[places] = np.abs(ends).max(axis=1, initial=0.0)
    lower = after
    lower[places] = np.maximum(lower[places], upper[places])
    low, high = float(lower.max()), float(max(upper.max(), lower.max()))
    # A level of counts is a whole number of units, which the float of it may be exactly.
    whole = (Fraction(low) * Fraction(cells.area_unit)).denominator == 1
    exact = low == high and cells.level_error == 0.0 and cells.area_unit < 2.0**53 and whole
    slack = 0.0 if exact else 2.0 * cells.level_error + 4.0 * U
    return Bounds(max(low - slack, 0.0), min(high + slack, 1.0))


def energy_distance_bounds(x: SampleState, y: SampleState) -> Bounds:
    """Proven bounds of the energy distance sqrt(2 * integral of (F - G)^2).

    Parameters and errors are those of `wasserstein1_bounds`.

    Returns
    -------
    Bounds
        In the root of the values' unit. Of a cell of the width h with the shares p and q,
        the squares are known to h (p + q)^2 / 4.

    Examples
    --------
    >>> from otdiv.streaming import SampleState, energy_distance_bounds
    >>> x, y = SampleState().update([0.0]), SampleState().update([2.0])
    >>> 2.0 in energy_distance_bounds(x, y)
    True
    """
    comparison = compared(x, y)
    cells, settled = comparison.cells, comparison.settled
    d, p, q = cells.d[:-1], cells.p, cells.q
    h = cells.right - cells.left
    D = d * h + (cells.P - cells.Q)
    a, b = d + p, q - d
    # Of u between -b and a with the integral D: Jensen below, and u^2 <= (a - b) u + a b above.
    lower = np.divide(D, h, out=np.zeros_like(h), where=h > 0.0) * D
    upper = np.maximum((a - b) * D + a * b * h, lower)
    size = h * (p + q + np.abs(d)) ** 2
    places = np.searchsorted(cells.starts, settled.starts)
    lower[places] = upper[places] = settled.areas[:, SQUARE] / cells.area_unit**2
    gaps = (cells.left[1:] - cells.right[:-1]) * cells.d[1:-1] ** 2
    range_ = float(cells.right[-1] - cells.left[0])
    least, most = math.fsum(lower) + math.fsum(gaps), math.fsum(upper) + math.fsum(gaps)
    slack = 60.0 * U * math.fsum(size) + 16.0 * U * most
    slack += 4.0 * math.fsum(cells.moment_errors) + 16.0 * cells.level_error * range_
    slack += 16.0 * h.size * _LEAST_FLOAT
    low, high = 2.0 * max(least - slack, 0.0), 2.0 * (most + slack)
    # Roots of powers of two are not all powers of two; root and quotient err by 3 U.
    low, high = math.sqrt(low) / math.sqrt(cells.unit), math.sqrt(high) / math.sqrt(cells.unit)
    if most == 0.0 and cells.level_error == 0.0:
        return Bounds(0.0, 0.0)
    return Bounds(low * (1.0 - 8.0 * U), high * (1.0 + 8.0 * U))


def cramer_von_mises_bounds(x: SampleState, y: SampleState) -> Bounds:
    """Proven bounds of the Cramér-von Mises statistic n m / N ∫ (F - G)² dH.

    H is the law of all N = n + m rows, as in `two_sample_test`. Parameters and errors are those of
    `wasserstein1_bounds`; rows have no weights.

    Returns
    -------
    Bounds
        Apart by at most the largest share of both samples in one cell, times the values in there.

    Examples
    --------
    >>> from otdiv.streaming import SampleState, cramer_von_mises_bounds
    >>> x, y = SampleState().update([0.0]), SampleState().update([2.0])
    >>> 0.25 in cramer_von_mises_bounds(x, y)
    True
    """
    if x.weighted or y.weighted:
        raise InvalidInputError("x", "have no weights for this statistic", "a weighted sample")
    cells = compared(x, y).cells
    d, after = cells.d[:-1], cells.d[1:]
    alone = (cells.counts_x == 0) | (cells.counts_y == 0)
    top = np.where(alone, np.maximum(d, after), d + cells.p)
    bottom = np.where(alone, np.minimum(d, after), d - cells.q)
    top = np.where(cells.single, after, top)
    bottom = np.where(cells.single, after, bottom)
    least = np.maximum(np.maximum(bottom, -top), 0.0)
    most = np.maximum(top, -bottom)
    counts = (cells.counts_x + cells.counts_y).astype(np.float64)
    n, m = float(cells.counts_x.sum()), float(cells.counts_y.sum())
    factor = n / (n + m) * (m / (n + m))
    low = factor * math.fsum(counts * least * least)
    high = factor * math.fsum(counts * most * most)
    # Levels of a few U against 1, squared and summed over all rows.
    slack = 32.0 * U * high + 32.0 * U * factor * math.fsum(counts * (most + 2.0 * U))
    return Bounds(max(low - slack, 0.0), high + slack)


def wasserstein_bounds(x: SampleState, y: SampleState, *, p: float) -> Bounds:
    """Proven bounds of W_p from the states of two samples.

    Each value is known to lie in the range of its cell, and to go to one in the range of another:
    the bounds are apart by at most some two widths of cells, 2^-bits of the values' size.

    Parameters
    ----------
    x, y : SampleState
        As in `wasserstein1_bounds`.
    p : float
        Finite order of at least 1; of order 1 `wasserstein1_bounds` is far closer.

    Returns
    -------
    Bounds
        In the unit of the values.

    Raises
    ------
    InvalidInputError
        As in `wasserstein1_bounds`, and for other orders.

    Examples
    --------
    >>> from otdiv.streaming import SampleState, wasserstein_bounds
    >>> x, y = SampleState().update([0.0, 1.0]), SampleState().update([3.0, 4.0])
    >>> 3.0 in wasserstein_bounds(x, y, p=2)
    True
    """
    order = as_number("p", p, "be a finite number of at least 1")
    if not 1.0 <= order < math.inf:
        raise InvalidInputError("p", "be a finite number of at least 1", p)
    first, second = side_of("x", x), side_of("y", y)
    levels, ends = [], []
    for side in (first, second):
        sums = running(side.masses)
        level = (sums.high + sums.low) / side.total[0]
        level[-1] = 1.0
        levels.append(level)
        ends.append((values_of(side.least), values_of(side.greatest)))
    cuts = np.sort(np.concatenate(levels))
    before = np.concatenate([[0.0], cuts[:-1]])
    inside = cuts > before
    middles = 0.5 * (before[inside] + cuts[inside])
    mass = cuts[inside] - before[inside]
    at = [np.minimum(np.searchsorted(level, middles), level.size - 1) for level in levels]
    lowest = min(float(ends[0][0][0]), float(ends[1][0][0]))
    unit = unit_of(lowest, max(float(ends[0][1][-1]), float(ends[1][1][-1])))
    (low_x, high_x), (low_y, high_y) = (
        (low[place] * unit, high[place] * unit) for (low, high), place in zip(ends, at, strict=True)
    )
    near = np.maximum(np.maximum(low_y - high_x, low_x - high_y), 0.0)
    far = np.maximum(high_y - low_x, high_x - low_y)
    longest = float(far.max())
    if longest == 0.0:
        return Bounds(0.0, 0.0)
    # A level that errs by 4 U moves that much between the pieces beside it.
    powers = (far / longest) ** order
    moved = 8.0 * U * (2.0 * math.fsum(powers))
    least = math.fsum(mass * (near / longest) ** order) - moved
    most = math.fsum(mass * powers) + moved
    share = (3.0 * order + 16.0) * U
    low = longest * (max(least, 0.0) * (1.0 - share)) ** (1.0 / order) * (1.0 - 8.0 * U)
    high = longest * (most * (1.0 + share)) ** (1.0 / order) * (1.0 + 8.0 * U)
    low, high = low / unit, high / unit + _LEAST_FLOAT
    return Bounds(max(low - _LEAST_FLOAT, 0.0) if low < _SMALL else low, high)


def cdf_bounds(state: SampleState, values: Any) -> tuple[FloatArray, FloatArray]:
    """Proven bounds of the share of a sample at or below some values.

    Parameters
    ----------
    state : SampleState
    values : array_like (k,)

    Returns
    -------
    lower, upper : arrays (k,)
        Equal where a value is outside of the range of every cell's values. Each is a quotient of
        counts, rounded once; with weights they are a few roundings apart.

    Raises
    ------
    InvalidInputError
        If the state is empty or saw infinity.

    Examples
    --------
    >>> from otdiv.streaming import SampleState, cdf_bounds
    >>> cdf_bounds(SampleState().update([1.0, 2.0, 4.0, 8.0]), [3.0])
    (array([0.5]), array([0.5]))
    """
    side = side_of("state", state)
    points = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if not np.isfinite(points).all():
        raise InvalidInputError("values", "be finite", repr(values))
    level = _levels(side)
    keys = keys_of(points)
    lower = level[np.searchsorted(side.greatest, keys, side="right")]
    upper = level[np.searchsorted(side.least, keys, side="right")]
    slack = _level_slack(side)
    return np.maximum(lower - slack, 0.0), np.minimum(upper + slack, 1.0)


def quantile_bounds(state: SampleState, levels: Any) -> tuple[FloatArray, FloatArray]:
    """Proven bounds of quantiles: the least value with a share of at least `levels` at or below it.

    Parameters
    ----------
    state : SampleState
    levels : array_like (k,)
        Between 0 and 1; that of 0 is the least value. Of counts, one that is the float nearest to
        a share counts as that share.

    Returns
    -------
    lower, upper : arrays (k,)
        The range of one cell, so relatively 2^-bits apart.

    Raises
    ------
    InvalidInputError
        If the state is empty or saw infinity, or a level is not between 0 and 1.

    Examples
    --------
    >>> from otdiv.streaming import SampleState, quantile_bounds
    >>> quantile_bounds(SampleState().update([1.0, 2.0, 4.0, 8.0]), [0.5, 1.0])
    (array([2., 8.]), array([2., 8.]))
    """
    side = side_of("state", state)
    asked = np.atleast_1d(np.asarray(levels, dtype=np.float64))
    if not ((asked >= 0.0) & (asked <= 1.0)).all():
        raise InvalidInputError("levels", "be between 0 and 1", repr(levels))
    level, slack = _levels(side)[1:], _level_slack(side)
    first = np.searchsorted(level, asked - slack)
    last = np.searchsorted(level, asked + slack)
    n = side.starts.size - 1
    return (
        values_of(side.least[np.minimum(first, n)]),
        values_of(side.greatest[np.minimum(last, n)]),
    )


def _levels(side: Side) -> FloatArray:
    """Shares before the first cell, and up to each."""
    sums = running(side.masses)
    level = np.concatenate([[0.0], (sums.high + sums.low) / side.total[0]])
    level[-1] = 1.0
    return level


def _level_slack(side: Side) -> float:
    """What levels err by: counts below 2^53 are divided once."""
    if not side.weighted:
        return 0.0
    return 4.0 * U
