"""A report of batches as a grid: a line for each column, a cell for each batch."""

from __future__ import annotations

from typing import NamedTuple

from ..formats import format_number
from ..rows import ColumnComparison, Verdict
from .rows import BatchFindings

__all__ = ["SHADES", "SHADE_ENDS", "Cell", "HeatLine", "heat_lines"]

SHADES = "░▒▓█"
"""Marks of effects that differ, by their size."""

SHADE_ENDS = (0.2, 0.5, 1.0)
"""Sizes, in pooled sd or shares of the rows, between the shades: small, medium, large effects in
the custom of Cohen (1988) are 0.2, 0.5 and 0.8 sd of the mean; the last by taste."""

_QUIET = {Verdict.WITHIN_NOISE: "·", Verdict.SAME: "=", Verdict.DIFFERS_LITTLE: "<"}


class Cell(NamedTuple):
    """One column in one batch.

    Attributes
    ----------
    size : float or None
        In pooled sd; of categories a share of the rows, as of missing values; None where nothing
        was compared.
    mark : str
        One character: a shade of what differs, or of anything where nothing was tested; "·" within
        noise, "=" the same within δ, "<" less than δ, "!" failed, "-" no part, " " not there.
    text : str
        The size as it is read, in brackets where it does not differ.
    differs : bool
    """

    size: float | None
    mark: str
    text: str
    differs: bool


class HeatLine(NamedTuple):
    """A column, or its missing values, through all batches."""

    column: str
    is_missing: bool
    cells: tuple[Cell, ...]


def heat_lines(report: BatchFindings) -> list[HeatLine]:
    """Return a line for each column, and one below it where its missing rates differ somewhere."""
    lines = []
    for name in report.columns:
        rows = report.column(name)
        lines.append(HeatLine(name, False, tuple(map(_cell, rows))))
        missing = HeatLine(name, True, tuple(map(_missing_cell, rows)))
        if any(cell.differs for cell in missing.cells):
            lines.append(missing)
    return lines


def _cell(row: ColumnComparison | None) -> Cell:
    if row is None:
        return Cell(None, " ", "", False)
    if row.left_out is not None:
        return Cell(None, "-", "–", False)
    if row.effect is None:
        return Cell(None, "!", "failed", False)
    return _sized(row.sort_key, row.verdict, _text(row.sort_key))


def _text(size: float) -> str:
    if size >= 100.0:
        return format_number(size, 3)
    return f"{size:.2f}" if size < 9.995 else f"{size:.1f}"


def _missing_cell(row: ColumnComparison | None) -> Cell:
    if row is None or row.missing is None:
        return Cell(None, " ", "", False)
    change = row.missing.rate_b - row.missing.rate_a
    return _sized(abs(change), row.missing.verdict, f"{100.0 * change:+.2g} %")


def _sized(size: float, verdict: Verdict | None, text: str) -> Cell:
    quiet = None if verdict is None else _QUIET.get(verdict)
    differs = verdict is not None and verdict.is_difference
    shade = SHADES[sum(size >= end for end in SHADE_ENDS)]
    shown = text if differs or verdict is None else f"({text})"
    return Cell(size, quiet or shade, shown, differs)
