"""One sample as a list of cells, with masses and moments as pairs of floats."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .._kernels.streaming.cells import LIMB
from .._kernels.streaming.levels import running_sums
from .._typing import FloatArray, IndexArray
from ..errors import InvalidInputError
from .keys import OCTAVE
from .state import Rows, SampleState
from .windows import Detail

__all__ = ["Pairs", "Side", "changed", "cut_finer", "running", "side_of"]


class Pairs(NamedTuple):
    """Numbers as unevaluated sums of two floats, `high` the nearest one."""

    high: FloatArray
    low: FloatArray


class Side(NamedTuple):
    """The cells of one sample, in order; they may differ in size.

    Attributes
    ----------
    starts, shifts : int arrays (k,)
        First key of each cell, and the logarithm of how many keys it has.
    counts : int array (k,)
        Values.
    masses, moments : Pairs of arrays (k,)
        Weights, counts where there are none, and sums of weight times offset from `starts`, both
        times 2^-exponent.
    least, greatest : int arrays (k,)
        Keys of the least and greatest value.
    exponent : int
        What brings the sum of weights near 1; 0 for counts.
    total : pair of floats
        Sum of the masses.
    weighted : bool
    """

    starts: IndexArray
    shifts: IndexArray
    counts: IndexArray
    masses: Pairs
    moments: Pairs
    least: IndexArray
    greatest: IndexArray
    exponent: int
    total: tuple[float, float]
    weighted: bool


def side_of(name: str, state: SampleState) -> Side:
    """The cells of a state that has values, none of them infinite.

    Raises
    ------
    InvalidInputError
        If it is no state, is empty, or saw infinity.
    """
    if not isinstance(state, SampleState):
        raise InvalidInputError(name, "be a SampleState", type(state).__name__)
    if state.n_infinite:
        requirement = "hold finite values only"
        raise InvalidInputError(name, requirement, f"{state.n_infinite} that are infinite")
    rows = state.rows()
    if rows.high.size == 0:
        raise InvalidInputError(name, "have at least one value", repr(state))
    exponent = 0
    if rows.sums is not None:
        exponent = math.frexp(float(rows.sums[:, 0].sum()))[1]
    shifts = np.full(rows.high.size, OCTAVE - state.bits)
    masses, moments = pairs_of(rows, exponent)
    return Side(
        starts=rows.starts,
        shifts=shifts,
        counts=rows.cells[:, 0],
        masses=masses,
        moments=moments,
        least=rows.cells[:, 2],
        greatest=rows.cells[:, 3],
        exponent=exponent,
        total=total_of(masses),
        weighted=rows.sums is not None,
    )


def cut_finer(name: str, side: Side, detail: Detail) -> Side:
    """The side with the cells of windows divided into those of a detail."""
    rows, windows = detail.rows(), detail.windows
    assert windows.finer is not None
    of = np.searchsorted(windows.starts, rows.starts, side="right") - 1
    held = np.bincount(of, rows.cells[:, 0], minlength=windows.starts.size)
    places = np.minimum(np.searchsorted(windows.starts, side.starts), windows.starts.size - 1)
    divided = windows.starts[places] == side.starts
    known = np.zeros(windows.starts.size)
    known[places[divided]] = side.counts[divided]
    if not np.array_equal(held, known):
        raise changed(name)
    masses, moments = pairs_of(rows, side.exponent)
    added = side._replace(
        starts=rows.starts,
        shifts=windows.finer[of],
        counts=rows.cells[:, 0],
        masses=masses,
        moments=moments,
        least=rows.cells[:, 2],
        greatest=rows.cells[:, 3],
    )
    return _joined(side, ~divided, added)


def changed(name: str) -> InvalidInputError:
    """The error for a sample that is another one in a later pass."""
    found = "other values in a later pass"
    return InvalidInputError(name, "give the same rows whenever it is read", found)


def _joined(side: Side, kept: np.ndarray, added: Side) -> Side:
    """Cells of one side that are kept and others, in order; the total stays."""
    order = np.argsort(np.concatenate([side.starts[kept], added.starts]))

    def both(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return np.concatenate([first[kept], second])[order]

    return side._replace(
        starts=both(side.starts, added.starts),
        shifts=both(side.shifts, added.shifts),
        counts=both(side.counts, added.counts),
        masses=Pairs(*map(both, side.masses, added.masses)),
        moments=Pairs(*map(both, side.moments, added.moments)),
        least=both(side.least, added.least),
        greatest=both(side.greatest, added.greatest),
    )


def pairs_of(rows: Rows, exponent: int) -> tuple[Pairs, Pairs]:
    """Masses and moments of rows times 2^-exponent."""
    if rows.sums is not None:
        parts = [np.ldexp(np.ascontiguousarray(column), -exponent) for column in rows.sums.T]
        return Pairs(parts[0], parts[1]), Pairs(parts[2], parts[3])
    counts = rows.cells[:, 0].astype(np.float64)
    # Below 2^106, as 2^53 offsets are: the pair is exact.
    half = LIMB // 2
    low = rows.cells[:, 1]
    large = np.ldexp(rows.high.astype(np.float64), LIMB)
    upper = np.ldexp((low >> half).astype(np.float64), half)
    lower = (low & ((1 << half) - 1)).astype(np.float64)
    high, rest = _two_sum(large, upper)
    moment, last = _two_sum(high, rest + lower)
    return Pairs(counts, np.zeros_like(counts)), Pairs(moment, last)


def total_of(masses: Pairs) -> tuple[float, float]:
    """Sum of masses as a pair."""
    sums = running(masses)
    return float(sums.high[-1]), float(sums.low[-1])


def running(values: Pairs) -> Pairs:
    """Sums of the first k values, k = 1, 2, ..."""
    sums = Pairs(np.empty(values.high.size), np.empty(values.high.size))
    running_sums(values.high, values.low, *sums)
    return sums


def _two_sum(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Sum of floats and what its rounding lost (Knuth)."""
    s = a + b
    z = s - a
    return s, (a - (s - z)) + (b - z)
