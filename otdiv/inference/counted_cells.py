"""Two samples of which only counts in cells are kept, as the cells that noise is drawn from.

A cell of c values between l and r stands for two segments of c / 2 rows with the gap r - l between
them: F - G at its middle, over its width. Between two cells F - G is known. What lies within a cell
is taken to be spread evenly, so that cells have to be narrow beside the noise's own scale wherever
they hold more than a few rows; where all values are in one cell the noise is that of values at its
two ends, which is the largest there is.
"""

from __future__ import annotations

import numpy as np

from .._typing import FloatArray, IndexArray
from ..streaming.joint import JointCells
from .line_cells import LineCells, cell_starts, tail_places
from .pooled_line import PooledLine, tails

__all__ = ["cells_of_counts", "tails_of_cells"]

_CELLS = 1024
"""Segments of the bulk, as in `line_cells`."""

_OUTERMOST = 256
"""Rows at both ends whose cells are not joined, as there."""


def cells_of_counts(cells: JointCells) -> LineCells:
    """Segments and stops of two samples without weights."""
    n, m = int(cells.counts_x.sum()), int(cells.counts_y.sum())
    pooled = cells.counts_x + cells.counts_y
    before = np.cumsum(pooled) - pooled
    half = pooled // 2
    inner = np.where(half > 0, half / pooled, 1.0)
    gaps = np.append(cells.left[1:] - cells.right[:-1], 0.0)
    F, G = (
        _in_turn(
            (np.cumsum(counts) - counts + inner * counts) / size,
            np.cumsum(counts) / size,
        )
        for counts, size in ((cells.counts_x, n), (cells.counts_y, m))
    )
    ends = _in_turn(before + half, before + pooled)
    heights = _in_turn(cells.right - cells.left, gaps)
    stops = heights > 0.0
    stops[::2] &= half > 0
    stops[-1] = True
    ends, heights, F, G = ends[stops], heights[stops], F[stops], G[stops]
    kept, heights = _joined(ends, heights)
    ends, F, G = ends[kept], F[kept], G[kept]
    first, last = tail_places((n, m), None)
    return LineCells(
        sizes=(n, m),
        unit=cells.unit,
        ends=ends,
        gaps=heights,
        F=F,
        G=G,
        squares=np.stack([F / n, G / m]),
        masses=None,
        _tails=(
            int(np.searchsorted(ends, first, side="right")),
            int(np.searchsorted(ends, last, side="right")),
        ),
    )


def _in_turn(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.stack([first, second], axis=1).ravel()


def _joined(ends: IndexArray, gaps: FloatArray) -> tuple[IndexArray, FloatArray]:
    """Which stops stay, and their gaps with those of their neighbours in one range of rows.

    The one that stays of a range is the nearest to the mean place of its gaps.
    """
    n_rows = int(ends[-1])
    starts = cell_starts(n_rows, _CELLS)
    of = np.searchsorted(starts, ends - 1, side="right") - 1
    firsts = np.flatnonzero(np.diff(of, prepend=-1))
    heights = np.add.reduceat(gaps, firsts)
    sizes = np.diff(firsts, append=ends.size)
    moments = np.add.reduceat(gaps * (ends - ends[firsts].repeat(sizes)), firsts)
    means = ends[firsts] + np.divide(
        moments, heights, out=np.zeros_like(heights), where=heights > 0
    )
    after = np.clip(np.searchsorted(ends, means), firsts, firsts + sizes - 1)
    earlier = np.maximum(after - 1, firsts)
    nearest = np.where(means - ends[earlier] < ends[after] - means, earlier, after)
    joined = np.zeros(ends.size)
    joined[nearest] = heights
    alone = (ends <= _OUTERMOST) | (ends > n_rows - _OUTERMOST)
    joined = np.where(alone, gaps, joined)
    # Of a range that is partly kept row by row, the others' gaps go to the stop that stays.
    lost = np.flatnonzero(np.add.reduceat(alone.astype(np.int64), firsts) % sizes != 0)
    for place in lost:
        members = np.arange(firsts[place], firsts[place] + sizes[place])
        others = members[~alone[members]]
        joined[others] = 0.0
        joined[others[others.size // 2]] = gaps[others].sum()
    kept = np.flatnonzero((joined > 0.0) | alone)
    if kept.size == 0 or kept[-1] != ends.size - 1:
        kept = np.append(kept, ends.size - 1)
    return kept, joined[kept]


def tails_of_cells(cells: LineCells) -> tuple[float, float]:
    """What `tails` says of a pooled line, from cells."""
    none = np.empty(0)
    line = PooledLine(
        order=np.empty(0, np.int64),
        steps=none,
        gaps=cells.gaps,
        F=cells.F,
        G=cells.G,
        squares=cells.squares,
        unit=cells.unit,
    )
    return tails(line)
