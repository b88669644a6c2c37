"""A heat map as an HTML table: columns by batches, each cell with its number for those who read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from ..._typing import FloatArray
from ..rows import Verdict
from .words import DASH, format_number, named, verdict_class

__all__ = ["HeatCell", "HeatMap", "heat_map"]


class HeatCell(NamedTuple):
    """A number as text, its colour's strength of 100, and what the verdict is called."""

    text: str
    strength: float
    kind: str
    verdict: str


class HeatMap(NamedTuple):
    """What `heat_map.html` shows."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[HeatCell, ...]], ...]


def heat_map(
    rows: Sequence[str],
    columns: Sequence[str],
    matrix: FloatArray,
    *,
    caption: str,
    verdicts: Sequence[Sequence[Verdict | None]] | None = None,
) -> HeatMap:
    """Return a heat map of a matrix.

    Parameters
    ----------
    rows, columns : sequence of str
        Names of the k rows and the l columns.
    matrix : ndarray, shape (k, l)
        Sizes, at least 0; NaN where there is none. The largest finite one has the full colour.
    caption : str
        What the numbers are.
    verdicts : k sequences of l verdicts, optional
        Cells that were not shown to differ are pale.
    """
    finite = [value for line in matrix.tolist() for value in line if math.isfinite(value)]
    largest = max(finite, default=0.0) or 1.0
    lines = []
    for place, name in enumerate(rows):
        said = [None] * len(columns) if verdicts is None else verdicts[place]
        cells = tuple(
            _cell(value, verdict, largest)
            for value, verdict in zip(matrix[place].tolist(), said, strict=True)
        )
        lines.append((named(name), cells))
    return HeatMap(caption, tuple(map(named, columns)), tuple(lines))


def _cell(value: float, verdict: Verdict | None, largest: float) -> HeatCell:
    if math.isnan(value):
        return HeatCell(DASH, 0.0, "none", "not compared")
    strength = 100.0 if math.isinf(value) else round(100.0 * value / largest, 1)
    words = "not tested" if verdict is None else verdict.value
    return HeatCell(format_number(value, 2), strength, verdict_class(verdict), words)
