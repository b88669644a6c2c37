"""Where a further pass looks, and what it keeps of a sample there."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._kernels.streaming.cells import (
    INFINITE,
    N_OCTAVES,
    UNSEEN,
    absorb,
    absorb_weighted,
    count_within,
    gather_within,
    weigh_within,
)
from .._typing import FloatArray, IndexArray
from ..errors import InvalidInputError
from .encoding import packed, refused, unpacked
from .keys import OCTAVE, united
from .state import Rows, as_chunk

__all__ = ["Detail", "Windows"]

_SLICE = 2**20
"""Values of one call of a kernel: some milliseconds."""

_LEAST, _GREATEST = np.int64(2**63 - 1), np.int64(-(2**63))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Windows:
    """Cells that a further pass looks into.

    Attributes
    ----------
    starts : int array (k,)
        First keys, in order.
    shifts : int array (k,)
        Each holds 2^shift keys.
    finer : int array (k,) or None
        Logarithm of the keys of the smaller cells that each is divided into; None where the values
        themselves are kept.
    bits : int
        Bits of the states' cells; no window is larger than one of them.
    n_values : int
        Values of both samples inside.
    """

    starts: IndexArray
    shifts: IndexArray
    finer: IndexArray | None
    bits: int
    n_values: int
    _pages: IndexArray = field(init=False, repr=False)
    _first: IndexArray = field(init=False, repr=False)
    _places: IndexArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        of = self.starts >> OCTAVE
        octaves = united(of)
        numbers = np.searchsorted(octaves, of)
        size = 1 << self.bits
        pages = np.full(N_OCTAVES, UNSEEN, np.int64)
        pages[octaves + N_OCTAVES // 2] = size * np.arange(octaves.size)
        pages[[0, -1]] = INFINITE
        cells = size * numbers + ((self.starts >> (OCTAVE - self.bits)) & (size - 1))
        first = np.searchsorted(cells, np.arange(size * octaves.size + 1)).astype(np.int32)
        object.__setattr__(self, "_pages", pages)
        object.__setattr__(self, "_first", first)
        sizes = np.zeros(0, np.int64) if self.finer is None else 1 << (self.shifts - self.finer)
        object.__setattr__(self, "_places", np.concatenate([[0], np.cumsum(sizes)]))

    def __reduce__(self) -> tuple[Any, ...]:
        # What the rest is made of: much less to send.
        finer = None if self.finer is None else self.finer.astype(np.int8)
        return _windows, (self.starts, self.shifts.astype(np.int8), finer, self.bits, self.n_values)

    @property
    def ends(self) -> IndexArray:
        """Last keys of the windows."""
        return self.starts + ((np.int64(1) << self.shifts) - 1)

    @property
    def route(self) -> tuple[Any, ...]:
        """What the kernels find a value's window by."""
        shift = OCTAVE - self.bits
        return self._pages, shift, self._first, self.starts, self.ends

    @property
    def n_cells(self) -> int:
        """Cells of all windows together."""
        return int(self._places[-1])

    @property
    def places(self) -> IndexArray:
        """Where the cells of each window begin."""
        return self._places[:-1]

    @property
    def digest(self) -> str:
        """What tells these windows from others, in bytes of details."""
        finer = b"" if self.finer is None else self.finer.tobytes()
        text = self.starts.tobytes() + self.shifts.tobytes() + finer
        return hashlib.blake2b(text, digest_size=8).hexdigest()


def _windows(
    starts: IndexArray,
    shifts: NDArray[np.int8],
    finer: NDArray[np.int8] | None,
    bits: int,
    n_values: int,
) -> Windows:
    """Windows as they are sent."""
    return Windows(
        starts=starts,
        shifts=shifts.astype(np.int64),
        finer=None if finer is None else finer.astype(np.int64),
        bits=bits,
        n_values=n_values,
    )


class Detail:
    """What a further pass keeps of one sample inside of windows.

    Parameters
    ----------
    windows : Windows
        As `Comparison.undecided` gives them; every part of a sample takes the same.
    """

    __slots__ = ("_cells", "_high", "_kept", "_sums", "_weighted", "windows")

    def __init__(self, windows: Windows):
        self.windows = windows
        self._weighted: bool | None = None
        self._kept: list[tuple[FloatArray, FloatArray | None]] = []
        n = windows.n_cells
        self._cells = np.zeros((n, 4), np.int64)
        self._cells[:, 2], self._cells[:, 3] = _LEAST, _GREATEST
        self._high = np.zeros(n, np.int64)
        self._sums = np.zeros((0, 4))

    def update(self, values: Any, weights: Any = None) -> Detail:
        """Add rows, as `SampleState.update` does; those outside of the windows are passed over."""
        chunk, masses = as_chunk(values, weights)
        if chunk.size:
            self._settle(masses is not None)
        for begin in range(0, chunk.size, _SLICE):
            part = slice(begin, begin + _SLICE)
            self._look(chunk[part].view(np.int64), None if masses is None else masses[part])
        return self

    def _settle(self, weighted: bool) -> None:
        if self._weighted is None:
            self._weighted = weighted
            self._sums = np.zeros((self._high.size if weighted else 0, 4))
        elif self._weighted != weighted:
            requirement = "be given for all rows of a sample, or for none"
            raise InvalidInputError("weights", requirement, "some rows with and some without")

    def _look(self, patterns: IndexArray, weights: FloatArray | None) -> None:
        route = self.windows.route
        finer = self.windows.finer
        if finer is None:
            kept = np.empty(patterns.size, np.int64)
            masses = None if weights is None else np.empty(patterns.size)
            used = gather_within(patterns, weights, *route, kept, masses)
            if used:
                held = kept[:used].copy().view(np.float64)
                self._kept.append((held, None if masses is None else masses[:used].copy()))
            return
        cells = self.windows.places, finer, self._cells
        if weights is None:
            count_within(patterns, *route, *cells, self._high)
        else:
            weigh_within(patterns, weights, *route, *cells, self._sums)

    def merge(self, other: Detail) -> Detail:
        """Add what another part of the sample has in the same windows.

        Raises
        ------
        InvalidInputError
            If the windows differ, or one has weights and the other has not.
        """
        if not isinstance(other, Detail) or other.windows.digest != self.windows.digest:
            raise InvalidInputError("other", "be a Detail of the same windows", repr(other))
        if other._weighted is not None:
            self._settle(other._weighted)
        self._kept += other._kept
        self._absorb(Rows(other.windows.starts, other._cells, other._high, other._sums))
        return self

    def _absorb(self, rows: Rows) -> None:
        targets, lifts = np.arange(self._high.size), np.zeros(self._high.size, np.int64)
        if self._weighted:
            assert rows.sums is not None
            if rows.sums.size:
                absorb_weighted(rows.cells, rows.sums, targets, lifts, self._cells, self._sums)
        else:
            absorb(rows.cells, rows.high, targets, lifts, self._cells, self._high)

    def values(self) -> tuple[FloatArray, FloatArray | None]:
        """All values that were kept, in order, and their weights."""
        if not self._kept:
            return np.empty(0), np.empty(0) if self._weighted else None
        values = np.concatenate([part for part, _ in self._kept])
        if not self._weighted:
            values.sort()
            return values, None
        weights = np.concatenate([part for _, part in self._kept if part is not None])
        order = np.lexsort((weights, values))
        return values[order], weights[order]

    def rows(self) -> Rows:
        """The smaller cells that hold something, in order."""
        finer = self.windows.finer
        assert finer is not None
        sizes = 1 << (self.windows.shifts - finer)
        of = np.repeat(np.arange(sizes.size), sizes)
        inner = np.arange(of.size) - self.windows.places[of]
        used = self._cells[:, 0] > 0
        of, inner = of[used], inner[used]
        return Rows(
            starts=self.windows.starts[of] + (inner << finer[of]),
            cells=self._cells[used],
            high=self._high[used],
            sums=self._sums[used] if self._weighted else None,
        )

    def to_bytes(self) -> bytes:
        """Bytes that `from_bytes` reads, given the same windows."""
        values, weights = self.values()
        arrays: dict[str, Any] = {"values": values, "cells": self._cells, "high": self._high}
        if weights is not None:
            arrays |= {"weights": weights, "sums": self._sums}
        fields = {"windows": self.windows.digest, "weighted": self._weighted}
        return packed("Detail", fields, arrays)

    @classmethod
    def from_bytes(cls, data: bytes, windows: Windows) -> Detail:
        """Return the detail of `to_bytes`.

        Raises
        ------
        InvalidInputError
            If the bytes are of something else or of other windows, were cut, or were changed.
        """
        fields, arrays = unpacked("Detail", data)
        if fields.get("windows") != windows.digest:
            raise refused("Detail", "those of other windows")
        detail = cls(windows)
        if fields["weighted"] is not None:
            detail._settle(fields["weighted"])
        if arrays["cells"].shape != detail._cells.shape:
            raise refused("Detail", "cells of other windows")
        detail._cells, detail._high = arrays["cells"], arrays["high"]
        detail._sums = arrays.get("sums", detail._sums)
        detail._kept = [(arrays["values"], arrays.get("weights"))]
        return detail

    def __repr__(self) -> str:
        return f"Detail({self.windows.starts.size} windows)"
