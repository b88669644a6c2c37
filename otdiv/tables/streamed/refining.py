"""Further passes over columns of numbers, where one pass leaves them too little known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ...sources.source import Source
from ...streaming.comparison import Comparison
from ...streaming.windows import Detail, Windows
from .columns import Gathered

__all__ = ["Line", "refined"]

RTOL = 1e-3
"""How close the bounds of an effect are to be: reports print three digits, and its sampling error
is far larger."""

SHARE_OF_NOISE = 1e-3
"""Of the standard error of a mean: closer than this share of it bounds need not be, where nothing
changed."""

CROWDED = 2.0**-9
"""Share of the pooled rows above which a cell is to be narrow, and ..."""

NARROW = 2.0**-8
"""... the share of the standard deviation that is: quantiles and noise know it no better. By
taste."""

MOST_BITS = 16
"""By which a crowded cell is divided at most: that of values far from 0 takes 16 MB; by taste."""

MOST_PASSES = 4
"""Beside the first one; by taste."""

MEMORY = 2**27
"""Bytes of what one pass keeps beside the states."""

_VALUE_BYTES, _CELL_BYTES = 32, 256
"""For each value kept, and each smaller cell of two samples; as in `streaming.passes`."""


@dataclass(slots=True)
class Line:
    """A column of numbers of both tables, and what is proven of it.

    Attributes
    ----------
    name : str
    sides : pair of Gathered
    comparison : Comparison
    sd : float
        Pooled; a scale of the values.
    again : bool
        Whether another pass may look at it.
    """

    name: str
    sides: tuple[Gathered, Gathered]
    comparison: Comparison
    sd: float
    again: bool = True


def refined(lines: Sequence[Line], tables: tuple[Source, Source], beat: Callable[[], None]) -> int:
    """Read again what is undecided; return how many further passes any column took."""
    if any(table.once for table in tables):
        return 0
    for n_passes in range(MOST_PASSES):
        wanted = [(line, windows) for line in lines if (windows := _windows(line)) is not None]
        if not wanted:
            return n_passes
        for group in _groups(wanted):
            _read(group, tables, beat)
    return MOST_PASSES


def _windows(line: Line) -> Windows | None:
    if not line.again:
        return None
    windows = _crowded(line.comparison, NARROW * line.sd)
    if windows is None:
        cells = line.comparison.cells
        n, m = int(cells.counts_x.sum()), int(cells.counts_y.sum())
        windows = line.comparison.undecided(
            rtol=RTOL,
            atol=SHARE_OF_NOISE * line.sd * (1.0 / n + 1.0 / m) ** 0.5,
            max_values=MEMORY // _VALUE_BYTES,
            max_cells=MEMORY // _CELL_BYTES,
        )
    line.again = windows is not None
    return windows


def _crowded(comparison: Comparison, width: float) -> Windows | None:
    """Cells of many rows that are wider than so much, to be divided."""
    cells = comparison.cells
    counts = cells.counts_x + cells.counts_y
    wide = (cells.right - cells.left) / cells.unit > width
    chosen = np.flatnonzero(wide & (counts > CROWDED * float(counts.sum())) & (cells.shifts > 0))
    if chosen.size == 0 or comparison.settled.starts.size:
        return None
    bits = min(max((MEMORY // _CELL_BYTES // chosen.size).bit_length() - 1, 1), MOST_BITS)
    return Windows(
        starts=cells.starts[chosen],
        shifts=cells.shifts[chosen],
        finer=np.maximum(cells.shifts[chosen] - bits, 0),
        bits=comparison.bits,
        n_values=int(counts[chosen].sum()),
    )


def _groups(wanted: list[tuple[Line, Windows]]) -> list[list[tuple[Line, Windows]]]:
    """Columns that are read together, as many as fit."""
    groups: list[list[tuple[Line, Windows]]] = []
    held = MEMORY
    for line, windows in wanted:
        cost = windows.n_cells * _CELL_BYTES
        if windows.finer is None:
            cost = windows.n_values * _VALUE_BYTES
        if not groups or held + cost > MEMORY:
            groups.append([])
            held = 0
        held += cost
        groups[-1].append((line, windows))
    return groups


def _read(
    group: list[tuple[Line, Windows]], tables: tuple[Source, Source], beat: Callable[[], None]
) -> None:
    names = [line.name for line, _ in group]
    details = [(Detail(windows), Detail(windows)) for _, windows in group]
    for side, table in enumerate(tables):
        for batch in table.batches(names):
            for (line, _), pair, cells in zip(group, details, batch.columns, strict=True):
                pair[side].update(line.sides[side].numbers(cells))
            beat()
    for (line, _), pair in zip(group, details, strict=True):
        line.comparison = line.comparison.refined(*pair)
