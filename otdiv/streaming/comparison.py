"""`Comparison`: what two states prove about W1, and where a further pass has to look."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .._kernels.streaming.levels import AREA
from .._typing import FloatArray, IndexArray
from ..results import Bounds
from .joint import JointCells, U, joint_cells
from .sides import Side, side_of
from .state import SampleState

__all__ = ["Comparison", "Settled", "compared"]

_LEAST_FLOAT = 5e-324
_SMALL = 1e-280
"""Below this a sum may have lost digits to underflow."""


class Settled(NamedTuple):
    """Cells all of whose values were seen: their first keys, and `areas` (k, 4) of F - G.

    Of each the integral of |F - G|, of (F - G)^2, the greatest and the least F - G.
    """

    starts: IndexArray
    areas: FloatArray


class CellBounds(NamedTuple):
    """Bounds (k,) of something of each cell, and what rounding may have lost of their sum."""

    lower: FloatArray
    upper: FloatArray
    slack: float


class Comparison(NamedTuple):
    """Two samples in common cells, some of them settled."""

    x: Side
    y: Side
    cells: JointCells
    settled: Settled

    @property
    def wasserstein1(self) -> Bounds:
        """Proven bounds of W1."""
        return _in_units(self.areas(), self.cells.unit)

    def areas(self) -> CellBounds:
        """The integral of |F - G| over each cell and the gap after it.

        Outside of a crossing it is |D|. Where F and G may cross, |D| is a lower bound. Upper ones
        come from |u| <= b + (u + b)(a - b) / (a + b) for -b <= u <= a, and from the same bound of
        |F - c| and |G - c| for any level c, since |F - G| <= |F - c| + |c - G|.
        """
        cells = self.cells
        d, p, q, P, Q = cells.d[:-1], cells.p, cells.q, cells.P, cells.Q
        h = cells.right - cells.left
        D = d * h + (P - Q)
        room = 4.0 * cells.level_error
        a, b = d + p + room, q - d + room
        lower = np.abs(D)
        upper = lower.copy()
        open_ = np.flatnonzero((a > room) & (b > room) & (h > 0.0))
        if open_.size:
            bound = _crossing_bound(*(v[open_] for v in (d, p, q, P, Q, h, D, a, b)))
            upper[open_] = np.maximum(upper[open_], bound)
        size = h * (p + q + np.abs(d))
        places = self._settled_places()
        area = self.settled.areas[:, AREA] / cells.area_unit
        lower[places] = upper[places] = area
        size[places] = area
        gaps = (cells.left[1:] - cells.right[:-1]) * np.abs(cells.d[1:-1])
        lower[:-1] += gaps
        upper[:-1] += gaps
        # P, Q and D take some ten roundings of h (p + q + |d|), the bounds above twenty; all else a
        # few of itself. Levels that err by e change an integral of |F - G| by 8 e of the range.
        slack = 40.0 * U * math.fsum(size) + 12.0 * U * math.fsum(upper)
        slack += 1.01 * math.fsum(cells.moment_errors)
        slack += 8.0 * cells.level_error * float(cells.right[-1] - cells.left[0])
        return CellBounds(lower, upper, slack)

    def _settled_places(self) -> IndexArray:
        return np.searchsorted(self.cells.starts, self.settled.starts)


def compared(x: SampleState, y: SampleState) -> Comparison:
    """Compare two states, in cells of the coarser one.

    Raises
    ------
    InvalidInputError
        If one of them is empty or saw infinity.
    """
    first, second = side_of("x", x), side_of("y", y)
    if x.bits != y.bits:
        bits = min(x.bits, y.bits)
        first, second = (side_of("x", state.coarsened(bits)) for state in (x, y))
    nothing = Settled(np.empty(0, np.int64), np.empty((0, 4)))
    return Comparison(first, second, joint_cells(first, second), nothing)


def _crossing_bound(
    d: FloatArray,
    p: FloatArray,
    q: FloatArray,
    P: FloatArray,
    Q: FloatArray,
    h: FloatArray,
    D: FloatArray,
    a: FloatArray,
    b: FloatArray,
) -> FloatArray:
    """Upper bounds of the integral of |F - G| over cells where F and G may cross."""
    best = h * b + (D + b * h) * ((a - b) / (a + b))
    # Levels above G before the cell: F runs from d to d + p, G from 0 to q.
    mean_F, mean_G = d + P / h, Q / h
    for level in (d, d + p, np.zeros_like(d), q, mean_F, mean_G):
        bound = _off_level(d, p, P, h, level) + _off_level(np.zeros_like(d), q, Q, h, level)
        best = np.minimum(best, bound)
    return best


def _off_level(
    first: FloatArray, mass: FloatArray, moment: FloatArray, h: FloatArray, level: FloatArray
) -> FloatArray:
    """Upper bound of the integral of |F - level| for F from `first` to `first` + `mass`.

    |. - level| is below its chord, of which F - first spends the share moment / (mass h) up.
    """
    most = mass * h
    share = np.minimum(np.divide(moment, most, out=np.zeros_like(h), where=most > 0.0), 1.0)
    low, high = np.abs(first - level), np.abs(first + mass - level)
    return h * ((1.0 - share) * low + share * high)


def _in_units(cells: CellBounds, unit: float) -> Bounds:
    """Sum of bounds of cells, in the caller's unit."""
    lower = max(math.fsum(cells.lower) - cells.slack, 0.0)
    upper = math.fsum(cells.upper) + cells.slack
    n = cells.lower.size
    if 0.0 < upper < _SMALL or unit < 1.0:
        # Each of some ten products may have lost the least float.
        lower, upper = max(lower - 16.0 * n * _LEAST_FLOAT, 0.0), upper + 16.0 * n * _LEAST_FLOAT
    if unit != 1.0:
        lower, upper = lower / unit, upper / unit
        if 0.0 < upper < _SMALL:
            lower, upper = max(lower - _LEAST_FLOAT, 0.0), upper + _LEAST_FLOAT
    return Bounds(lower, upper)
