"""`Comparison`: what two states prove about W1, and where a further pass has to look."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .._kernels.streaming.levels import AREA, N_AREAS, window_areas
from .._typing import FloatArray, IndexArray
from ..errors import InvalidInputError
from ..results import Bounds
from .joint import JointCells, U, joint_cells
from .keys import values_of
from .sides import Side, changed, cut_finer, side_of
from .state import SampleState
from .windows import Detail, Windows

__all__ = [
    "NOTHING_SETTLED",
    "CellBounds",
    "Comparison",
    "Settled",
    "areas_of",
    "compared",
    "in_units",
]

MAX_VALUES = 2**23
"""Values of both samples that a further pass keeps: 64 MB; by taste."""

MAX_CELLS = 2**20
"""Cells of a further pass where it keeps no values, 40 MB a sample; by taste."""

MAX_STEP = 12
"""Bits by which a pass makes a cell finer, at most: one wide cell is not worth more memory."""

LEAST_STEP = 4
"""Bits of a step that is worth a pass; by taste."""

EXACT = 2.0**-43
"""Share of the value that rounding may lose where no tolerance is asked: 1e-13."""

_LEAST_FLOAT = 5e-324
_SMALL = 1e-280
"""Below this a sum may have lost digits to underflow."""


class Settled(NamedTuple):
    """Cells all of whose values were seen: their first keys, and `areas` (k, 4) of F - G.

    Of each the integral of |F - G|, of (F - G)^2, the greatest and the least F - G.
    """

    starts: IndexArray
    areas: FloatArray


NOTHING_SETTLED = Settled(np.empty(0, np.int64), np.empty((0, N_AREAS)))


class CellBounds(NamedTuple):
    """Bounds (k,) of something of each cell, and what rounding may have lost.

    `roundings` (k,) are those that smaller cells would not lose, `rest` is the other ones' sum.
    """

    lower: FloatArray
    upper: FloatArray
    roundings: FloatArray
    rest: float

    @property
    def slack(self) -> float:
        """All that rounding may have lost of the sum."""
        return 1.01 * math.fsum(self.roundings) + self.rest


class Comparison(NamedTuple):
    """What two states prove, and what further passes add.

    `compared` makes one of two states. As long as `undecided` returns windows, each part of both
    samples is looked through once more by a `Detail` of these windows, the details of a sample are
    merged, and `refined` returns the comparison that knows them.

    Attributes
    ----------
    x, y : Side
        The cells of each sample.
    cells : JointCells
        Those of both.
    settled : Settled
        What is known of cells all of whose values were seen.
    bits : int
        Of the first pass.

    Examples
    --------
    >>> import numpy as np
    >>> from otdiv.streaming import Detail, SampleState, compared
    >>> x, y = np.random.default_rng(0).standard_normal((2, 10_000))
    >>> comparison = compared(SampleState().update(x), SampleState().update(y))
    >>> while (windows := comparison.undecided()) is not None:
    ...     parts = [Detail(windows).update(half) for half in np.split(x, 2)]
    ...     comparison = comparison.refined(parts[0].merge(parts[1]), Detail(windows).update(y))
    >>> comparison.wasserstein1.relative_gap < 1e-12
    True
    """

    x: Side
    y: Side
    cells: JointCells
    settled: Settled
    bits: int

    @property
    def wasserstein1(self) -> Bounds:
        """Proven bounds of W1."""
        return in_units(self.areas(), self.cells.unit)

    def areas(self) -> CellBounds:
        """The integral of |F - G| over each cell and the gap after it."""
        return areas_of(self.cells, self.settled)

    def undecided(
        self,
        *,
        rtol: float | None = None,
        atol: float | None = None,
        max_values: int = MAX_VALUES,
        max_cells: int = MAX_CELLS,
    ) -> Windows | None:
        """Where the next pass has to look, None where nothing is left to be decided.

        The cells with the largest gaps, as many as bring the rest below half of the tolerance.
        Their values are kept where these are at most `max_values`, and counted into smaller cells
        otherwise. Where that would be too many cells, as of two samples that are nearly the same,
        every pass settles as many values as fit.

        Parameters
        ----------
        rtol, atol : float, optional
            Of W1; without either until it is exact to 1e-13.
        max_values, max_cells : int
            What a pass may keep: values of both samples, and smaller cells of each.

        Returns
        -------
        Windows or None
        """
        bounds = self.areas()
        gaps = bounds.upper - bounds.lower
        lower, upper = math.fsum(bounds.lower), math.fsum(bounds.upper)
        asked = max((rtol or 0.0) * upper, (atol or 0.0) * self.cells.unit)
        if asked > 0.0 and math.fsum(gaps) + 2.0 * bounds.slack <= asked:
            return None
        # What is below the rounding of the sum needs no other look.
        chosen = _largest(gaps, max(0.25 * asked, U * lower))
        lost = _largest(2.0 * bounds.roundings, max(0.25 * asked, EXACT * lower))
        chosen = np.concatenate([np.setdiff1d(lost, chosen), chosen])
        if chosen.size == 0:
            return None
        cells, counts = self.cells, self.cells.counts_x + self.cells.counts_y
        bits = 0
        if int(counts[chosen].sum()) > max_values:
            bits = min((max_cells // chosen.size).bit_length() - 1, MAX_STEP)
            if bits < LEAST_STEP:
                # So many cells hardly become fewer by that; the worst of them are settled.
                worth = np.argsort(-((gaps + bounds.roundings) / counts)[chosen], kind="stable")
                chosen = chosen[worth]
                fits = int(np.searchsorted(np.cumsum(counts[chosen]), max_values, side="right"))
                bits = 0 if fits else LEAST_STEP
                chosen = chosen[: fits or max(max_cells >> LEAST_STEP, 1)]
        chosen = np.sort(chosen)
        shifts = cells.shifts[chosen]
        finer = np.maximum(shifts - bits, 0) if bits else None
        return Windows(
            starts=cells.starts[chosen],
            shifts=shifts,
            finer=finer,
            bits=self.bits,
            n_values=int(counts[chosen].sum()),
        )

    def refined(self, x: Detail, y: Detail) -> Comparison:
        """Use what a pass over both samples found inside of the same windows.

        Parameters
        ----------
        x, y : Detail
            Of all rows of each sample.

        Returns
        -------
        Comparison

        Raises
        ------
        InvalidInputError
            If the windows are others, or hold other values than in the pass before.
        """
        windows = x.windows
        if y.windows.digest != windows.digest:
            raise InvalidInputError("y", "be a Detail of the same windows as `x`", repr(y))
        if windows.finer is not None:
            first, second = cut_finer("x", self.x, x), cut_finer("y", self.y, y)
            cells = joint_cells(first, second)
            return Comparison(first, second, cells, self.settled, self.bits)
        return self._replace(settled=self._settled_with(x, y))

    def _settled_with(self, x: Detail, y: Detail) -> Settled:
        windows, cells = x.windows, self.cells
        places = np.searchsorted(cells.starts, windows.starts)
        # The key below zero's is that of -0.0, which no value has and floats do not tell from zero.
        ends = values_of(np.where(windows.ends == -1, -2, windows.ends))
        samples, cuts = [], []
        named = (("x", x, self.x, cells.counts_x), ("y", y, self.y, cells.counts_y))
        for name, detail, side, counts in named:
            values, weights = detail.values()
            cut = np.searchsorted(values, ends, side="right")
            cut = np.concatenate([[0], cut])
            if not np.array_equal(np.diff(cut), counts[places]):
                raise changed(name)
            if weights is not None:
                weights = np.ldexp(weights, -side.exponent)
            samples.append((values * cells.unit, weights))
            cuts.append(cut)
        areas = np.empty((windows.starts.size, N_AREAS))
        (first, a), (second, b) = samples
        before = [np.ascontiguousarray(part[places]) for part in cells.before]
        window_areas(first, second, a, b, *cuts, *before, *cells.totals[::-1], areas)
        starts = np.concatenate([self.settled.starts, windows.starts])
        order = np.argsort(starts)
        return Settled(starts[order], np.concatenate([self.settled.areas, areas])[order])


def compared(x: SampleState, y: SampleState) -> Comparison:
    """Compare two states, in cells of the coarser one.

    Parameters
    ----------
    x, y : SampleState
        With values, none of them infinite.

    Returns
    -------
    Comparison

    Raises
    ------
    InvalidInputError
        If one of them is empty or saw infinity.
    """
    first, second = side_of("x", x), side_of("y", y)
    bits = x.bits
    if x.bits != y.bits:
        bits = min(x.bits, y.bits)
        first, second = (side_of("x", state.coarsened(bits)) for state in (x, y))
    return Comparison(first, second, joint_cells(first, second), NOTHING_SETTLED, bits)


def areas_of(cells: JointCells, settled: Settled) -> CellBounds:
    """The integral of |F - G| over each cell and the gap after it.

    Outside of a crossing it is |D|. Where F and G may cross, |D| is a lower bound. Upper ones come
    from |u| <= b + (u + b)(a - b) / (a + b) for -b <= u <= a, and from the same bound of |F - c|
    and |G - c| for any level c, since |F - G| <= |F - c| + |c - G|.
    """
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
    places = np.searchsorted(cells.starts, settled.starts)
    area = settled.areas[:, AREA] / cells.area_unit
    lower[places] = upper[places] = area
    size[places] = 0.0
    gaps = (cells.left[1:] - cells.right[:-1]) * np.abs(cells.d[1:-1])
    lower[:-1] += gaps
    upper[:-1] += gaps
    # P, Q and D take some ten roundings of h (p + q + |d|), the bounds above twenty; all else a
    # few of itself. Levels that err by e change an integral of |F - G| by 8 e of the range.
    roundings = 40.0 * U * size + np.where(size > 0.0, cells.moment_errors, 0.0)
    rest = 12.0 * U * math.fsum(upper)
    rest += 8.0 * cells.level_error * float(cells.right[-1] - cells.left[0])
    return CellBounds(lower, upper, roundings, rest)


def _largest(values: FloatArray, spared: float) -> IndexArray:
    """Where the largest of some values are, in order, those left out not above `spared` in sum."""
    order = np.argsort(values, kind="stable")
    kept = order[int(np.searchsorted(np.cumsum(values[order]), spared, side="right")) :]
    return kept[values[kept] > 0.0]


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
    return np.asarray(h * ((1.0 - share) * low + share * high))


def in_units(cells: CellBounds, unit: float) -> Bounds:
    """Sum of bounds of cells, in the caller's unit."""
    lower = max(math.fsum(cells.lower) - cells.slack, 0.0)
    upper = math.fsum(cells.upper) + cells.slack
    n = cells.lower.size
    if 0.0 < upper < _SMALL or unit < 1.0:
        # Each of some ten products may have lost the least float.
        lower, upper = max(lower - 16.0 * n * _LEAST_FLOAT, 0.0), upper + 16.0 * n * _LEAST_FLOAT
    if unit != 1.0 and upper > 0.0:
        lower, upper = lower / unit, upper / unit
        if upper < _SMALL:
            lower, upper = max(lower - _LEAST_FLOAT, 0.0), upper + _LEAST_FLOAT
    return Bounds(lower, upper)
