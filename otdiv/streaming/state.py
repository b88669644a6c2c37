"""`SampleState`: what one pass keeps of one sample, whatever its size."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._kernels.streaming.cells import (
    ABOVE,
    BELOW,
    INFINITE,
    MISSING,
    N_OCTAVES,
    N_TALLIES,
    UNSEEN,
    absorb,
    absorb_weighted,
    count_values,
    count_weighted,
)
from .._typing import FloatArray, IndexArray
from .._validation import as_exact_array, first_index
from ..errors import InvalidInputError
from .encoding import packed, refused, unpacked
from .keys import OCTAVE, united

__all__ = ["BITS", "MAX_BITS", "Rows", "SampleState", "as_chunk", "check_bits"]

BITS = 12
"""Cells an octave, as a power of two: bounds to some 1e-6 of a shift, 160 kB an octave."""

MAX_BITS = 20
"""At most so many bits; finer cells come from a second pass."""

_MOST_CELLS = 2**20
"""Cells of a state, 40 MB. More octaves than fit make all of them coarser; by taste."""

_SLICE = 2**20
"""Values of one call of a kernel: some milliseconds."""

_LEAST, _GREATEST = np.int64(2**63 - 1), np.int64(-(2**63))

LIGHTEST, HEAVIEST = 2.0**-900, 2.0**900
"""Weights between these have no product that loses digits, and no sum that overflows."""


class Rows(NamedTuple):
    """The cells of a state that hold something, in the order of their keys.

    `cells` (k, 4) has count, low limb of the offsets' sum, least and greatest key; `high` (k,) the
    high limbs; `sums` (k, 4) the weights and their sum of offsets as pairs, None for counts.
    """

    starts: IndexArray
    cells: IndexArray
    high: IndexArray
    sums: FloatArray | None


class SampleState:
    """Counts and sums of one sample in cells of floats: one pass, any size, mergeable.

    Every octave of floats is divided into 2^bits cells. A cell holds its weight, the exact mean and
    the least and greatest of its values: enough to integrate the distribution function over it
    exactly. Without weights all of it are whole numbers, so that states which saw the same rows
    are equal to the bit, whatever the order and the merging; with weights they are pairs of floats.

    Parameters
    ----------
    bits : int, default 12
        Bits of the cells of an octave, 0 to 20. A state takes 40 bytes a cell (64 with weights)
        for each octave in which it has values. Beyond 2^20 cells all become coarser.

    Attributes
    ----------
    bits : int
        Of the cells now.
    n : int
        Finite values, those of weight 0 left out.
    n_missing, n_infinite : int
        Rows that are NaN, and those of plus or minus infinity; no cell holds them.
    weighted : bool or None
        None before the first row.

    See Also
    --------
    otdiv.streaming.wasserstein1_bounds : bounds of W1 from two states.

    Examples
    --------
    >>> import numpy as np
    >>> from otdiv.streaming import SampleState, wasserstein1_bounds
    >>> x, y = SampleState(), SampleState()
    >>> x.update([0.0, 1.0]).update([3.0])
    SampleState(n=3, bits=12)
    >>> y.update([5.0, 6.0, 8.0])
    SampleState(n=3, bits=12)
    >>> 5.0 in wasserstein1_bounds(x, y)
    True
    >>> SampleState.from_bytes(x.to_bytes()) == x
    True
    """

    __slots__ = ("_cells", "_high", "_pages", "_sums", "_tallies", "_used", "_weighted", "bits")
    __hash__ = None  # type: ignore[assignment]  # a state grows

    def __init__(self, *, bits: int = BITS):
        self.bits = check_bits(bits)
        self._weighted: bool | None = None
        self._tallies = np.zeros(N_TALLIES, np.int64)
        self._clear()

    def _clear(self) -> None:
        self._pages = np.full(N_OCTAVES, UNSEEN, np.int64)
        self._pages[[0, -1]] = INFINITE
        self._cells = np.empty((0, 4), np.int64)
        self._high = np.empty(0, np.int64)
        self._sums = np.empty((0, 4))
        self._used = 0

    @property
    def n(self) -> int:
        """Finite values."""
        return int(self._cells[:, 0].sum())

    @property
    def n_missing(self) -> int:
        """Rows that are NaN."""
        return int(self._tallies[MISSING])

    @property
    def n_infinite(self) -> int:
        """Rows of plus or minus infinity."""
        return int(self._tallies[BELOW] + self._tallies[ABOVE])

    @property
    def weighted(self) -> bool | None:
        """Whether its rows have weights; None before the first one."""
        return self._weighted

    def update(self, values: Any, weights: Any = None) -> SampleState:
        """Add rows.

        Parameters
        ----------
        values : array_like (n,)
            NaN is counted as missing; integers that float64 does not hold are refused.
        weights : array_like (n,), optional
            Relative weights, finite and not negative; all rows of a state have them, or none.

        Returns
        -------
        SampleState
            The state itself.

        Raises
        ------
        InvalidInputError
            If an array is not of this kind; the state is as before.
        """
        chunk, masses = as_chunk(values, weights)
        self._settle(masses is not None, chunk.size)
        for begin in range(0, chunk.size, _SLICE):
            part = slice(begin, begin + _SLICE)
            self._count(chunk[part], None if masses is None else masses[part])
        return self

    def _settle(self, weighted: bool, n: int) -> None:
        """Refuse rows with weights beside rows without."""
        if self._weighted is None:
            if n:
                self._weighted = weighted
        elif n and self._weighted != weighted:
            requirement = "be given for all rows of a state, or for none"
            raise InvalidInputError("weights", requirement, "some rows with and some without")

    def _count(self, values: FloatArray, weights: FloatArray | None) -> None:
        patterns, shift = values.view(np.int64), OCTAVE - self.bits
        done = 0
        while True:
            if weights is None:
                done += count_values(
                    patterns[done:], self._pages, shift, self._cells, self._high, self._tallies
                )
            else:
                done += count_weighted(
                    patterns[done:],
                    weights[done:],
                    self._pages,
                    shift,
                    self._cells,
                    self._sums,
                    self._tallies,
                )
            if done == values.size:
                return
            pattern = int(patterns[done])
            # The octave of the pattern's key; that of -0.0 is zero's.
            key = pattern if pattern >= 0 else -1 - (pattern & (2**63 - 1))
            self._open(np.array([0 if values[done] == 0.0 else key >> OCTAVE]) + N_OCTAVES // 2)
            shift = OCTAVE - self.bits

    def _open(self, octaves: IndexArray) -> None:
        """Make cells for octaves that have none, after making all coarser where it is too many."""
        wanted = octaves[self._pages[octaves] == UNSEEN]
        n_octaves = int((self._pages >= 0).sum()) + wanted.size
        bits = self.bits
        while bits and n_octaves << bits > _MOST_CELLS:
            bits -= 1
        self._coarsen(bits)
        size = 1 << self.bits
        self._pages[wanted] = self._used + size * np.arange(wanted.size)
        self._used += size * wanted.size
        if self._used > self._high.size:
            self._grow(max(self._used, min(2 * self._high.size, _MOST_CELLS)))

    def _grow(self, n: int) -> None:
        """Make room for n cells, so that octaves that come one by one are not copied each time."""
        more = n - self._high.size
        cells = np.zeros((more, 4), np.int64)
        cells[:, 2], cells[:, 3] = _LEAST, _GREATEST
        self._cells = np.concatenate([self._cells, cells])
        self._high = np.concatenate([self._high, np.zeros(more, np.int64)])
        if self._weighted:
            self._sums = np.concatenate([self._sums, np.zeros((more, 4))])

    def _coarsen(self, bits: int) -> None:
        if bits == self.bits:
            return
        rows, tallies = self.rows(), self._tallies
        self._clear()
        self.bits, self._tallies = bits, tallies
        self._absorb(rows)

    def _absorb(self, rows: Rows) -> None:
        """Add the cells of another state, which are as fine or finer."""
        octaves = (rows.starts >> OCTAVE) + N_OCTAVES // 2
        shift, before = OCTAVE - self.bits, self.bits
        self._open(united(octaves))
        if self.bits != before:
            shift = OCTAVE - self.bits
        targets = self._pages[octaves] + ((rows.starts >> shift) & ((1 << self.bits) - 1))
        lifts = rows.starts & ((1 << shift) - 1)
        if rows.sums is None:
            absorb(rows.cells, rows.high, targets, lifts, self._cells, self._high)
        else:
            absorb_weighted(rows.cells, rows.sums, targets, lifts, self._cells, self._sums)

    def rows(self) -> Rows:
        """Cells that hold something, in order; copies."""
        octaves = np.flatnonzero(self._pages >= 0)
        size = 1 << self.bits
        places = (self._pages[octaves][:, None] + np.arange(size)).ravel()
        firsts = (octaves - N_OCTAVES // 2) << OCTAVE
        starts = (firsts[:, None] + (np.arange(size) << (OCTAVE - self.bits))).ravel()
        used = self._cells[places, 0] > 0
        places = places[used]
        return Rows(
            starts=starts[used],
            cells=self._cells[places],
            high=self._high[places],
            sums=self._sums[places] if self._weighted else None,
        )

    def merge(self, other: SampleState) -> SampleState:
        """Add the rows of another state, which stays as it is; cells become those of the coarser.

        Raises
        ------
        InvalidInputError
            If it is no state, or one has weights and the other has not.
        """
        if not isinstance(other, SampleState):
            raise InvalidInputError("other", "be a SampleState", type(other).__name__)
        if other is self:
            other = other.copy()
        if other._weighted is not None:
            self._settle(other._weighted, 1)
        self._tallies = self._tallies + other._tallies
        self._coarsen(min(self.bits, other.bits))
        self._absorb(other.rows())
        return self

    def coarsened(self, bits: int) -> SampleState:
        """Return the state that cells of so many bits, at most those of now, would have given."""
        result = SampleState(bits=bits)
        if result.bits > self.bits:
            raise InvalidInputError("bits", f"be at most {self.bits}, those of the state", bits)
        return result.merge(self)

    def copy(self) -> SampleState:
        """Return a state that grows by itself."""
        return SampleState(bits=self.bits).merge(self)

    def to_bytes(self) -> bytes:
        """Return the state as bytes: equal states have equal ones, on every machine.

        `from_bytes` reads those of this version and refuses any that were cut or changed.
        """
        rows = self.rows()
        fields = {
            "bits": self.bits,
            "weighted": self._weighted,
            "tallies": [int(count) for count in self._tallies],
        }
        arrays: dict[str, NDArray[Any]] = {
            "starts": rows.starts,
            "cells": rows.cells,
            "high": rows.high,
        }
        if rows.sums is not None:
            arrays["sums"] = rows.sums
        return packed("SampleState", fields, arrays)

    @classmethod
    def from_bytes(cls, data: bytes) -> SampleState:
        """Return the state of `to_bytes`.

        Raises
        ------
        InvalidInputError
            If the bytes are of something else or of another version, were cut, or were changed.
        """
        fields, arrays = unpacked("SampleState", data)
        try:
            state = cls(bits=fields["bits"])
            state._weighted = fields["weighted"]
            state._tallies[:] = fields["tallies"]
            sums = arrays["sums"] if state._weighted else None
            rows = Rows(arrays["starts"], arrays["cells"], arrays["high"], sums)
            if not _is_sound(rows, state.bits):
                raise ValueError
        except (KeyError, ValueError, TypeError, IndexError):
            raise refused("SampleState", "cells that no sample has") from None
        state._absorb(rows)
        return state

    def __reduce__(self) -> tuple[Any, ...]:
        return SampleState.from_bytes, (self.to_bytes(),)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SampleState) and self.to_bytes() == other.to_bytes()

    def __repr__(self) -> str:
        counted = {"n_missing": self.n_missing, "n_infinite": self.n_infinite}
        parts = [f"n={self.n}", f"bits={self.bits}"]
        parts += [f"{name}={count}" for name, count in counted.items() if count]
        if self._weighted:
            parts.append("weighted")
        return f"SampleState({', '.join(parts)})"


def check_bits(bits: Any) -> int:
    """Return the bits of cells as an int of the right range."""
    if isinstance(bits, bool) or not isinstance(bits, int | np.integer):
        raise InvalidInputError("bits", "be an int", type(bits).__name__)
    if not 0 <= bits <= MAX_BITS:
        raise InvalidInputError("bits", f"be between 0 and {MAX_BITS}", bits)
    return int(bits)


def as_chunk(values: Any, weights: Any) -> tuple[FloatArray, FloatArray | None]:
    """Rows of one update: floats in one stretch, and weights that are fit to be summed."""
    chunk = np.ascontiguousarray(as_exact_array("values", values))
    if chunk.ndim != 1:
        raise InvalidInputError("values", "have shape (n,)", f"shape {chunk.shape}")
    if weights is None:
        return chunk, None
    masses = np.ascontiguousarray(as_exact_array("weights", weights))
    if masses.shape != chunk.shape:
        raise InvalidInputError("weights", f"have shape {chunk.shape}", f"shape {masses.shape}")
    fit = ((masses >= LIGHTEST) & (masses <= HEAVIEST)) | (masses == 0.0)
    if not fit.all():
        place = int(np.argmin(fit))
        requirement = "be finite, not negative, and 0 or between 2^-900 and 2^900"
        raise InvalidInputError("weights", requirement, float(masses[place]), first_index(~fit))
    return chunk, masses


def _is_sound(rows: Rows, bits: int) -> bool:
    """Whether rows are in order, each with something inside of its own cell."""
    starts, (n,) = rows.starts, rows.high.shape
    if rows.cells.shape != (n, 4) or starts.shape != (n,):
        return False
    if rows.sums is not None and (rows.sums.shape != (n, 4) or not np.isfinite(rows.sums).all()):
        return False
    shift = OCTAVE - bits
    count, low, least, greatest = rows.cells.T
    return bool(
        (starts[1:] > starts[:-1]).all()
        and (starts & ((1 << shift) - 1) == 0).all()
        and (count > 0).all()
        and (low >= 0).all()
        and (low < 2**62).all()
        and (rows.high >= 0).all()
        and (least <= greatest).all()
        and ((least >> shift) << shift == starts).all()
        and ((greatest >> shift) << shift == starts).all()
        and (n == 0 or (starts[0] >= -(2047 << OCTAVE) and greatest[-1] < 2047 << OCTAVE))
    )
