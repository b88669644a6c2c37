"""Bounds of W1 from SQL alone: a query that a data base runs, and what its rows prove.

The query groups one column into cells of floats and returns of each the count, the sum, the least
and the greatest value. DuckDB does so out of memory and beside the data, so that only some hundred
or thousand rows come back.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .._typing import FloatArray, IndexArray
from .._validation import as_number
from ..errors import InvalidInputError
from ..results import Bounds
from .comparison import NOTHING_SETTLED, areas_of, in_units
from .joint import JointCells, U, unit_of
from .sides import Pairs

__all__ = ["bounds_from_cells", "cells_query"]

_OCTAVES = 1075
"""Below 2^-1075 is no float but 0."""

_LARGEST = 2**53
"""Counts, and their products with totals, are whole floats below this; as pairs far beyond."""


def cells_query(table: str, column: str, *, resolution: float = 40.0) -> str:
    """The query of DuckDB whose rows `bounds_from_cells` takes.

    Parameters
    ----------
    table : str
        What stands after FROM: a table, a subquery in brackets, ``read_parquet('*.parquet')``.
        It is not quoted.
    column : str
        Name of a column of numbers, which is quoted; NULL and NaN are left out, infinity is an
        error.
    resolution : float, default 40
        Cells an octave: some 20 octaves of data have bounds within about 1 % of a distance where
        the samples differ, and of some 1e-4 with 500.

    Returns
    -------
    str

    Raises
    ------
    InvalidInputError
        If `resolution` is not a number of at least 1.

    Examples
    --------
    >>> import duckdb
    >>> from otdiv.streaming import bounds_from_cells, cells_query
    >>> queries = [cells_query(f"range({n})", "range") for n in (10, 20)]
    >>> 5.0 in bounds_from_cells(*(duckdb.sql(query).fetchall() for query in queries))
    True
    """
    cells = as_number("resolution", resolution, "be a number of at least 1")
    if not 1.0 <= cells < math.inf:
        raise InvalidInputError("resolution", "be a number of at least 1", resolution)
    name = '"' + column.replace('"', '""') + '"'
    octave = f"floor((log2(abs(v)) + {_OCTAVES}) * {cells!r}) + 1"
    return (
        "SELECT CASE WHEN isinf(v) THEN error('infinite values') WHEN v = 0 THEN 0 "
        f"WHEN v > 0 THEN {octave} ELSE -({octave}) END AS cell, "
        "count(*) AS n, sum(v) AS total, min(v) AS least, max(v) AS greatest "
        f"FROM (SELECT CAST({name} AS DOUBLE) AS v FROM {table}) "
        "WHERE v IS NOT NULL AND NOT isnan(v) GROUP BY cell"
    )


def bounds_from_cells(x: Iterable[Sequence[Any]], y: Iterable[Sequence[Any]]) -> Bounds:
    """Proven bounds of W1 from the rows of `cells_query`, or of any query like it.

    Nothing is taken from a cell but what its row says: cells whose values overlap, as those of
    another function or of a data base that rounds the logarithm may, are joined.

    Parameters
    ----------
    x, y : iterable of (cell, n, total, least, greatest)
        Of each sample: number of the cell, in the order of the values; count, sum, least and
        greatest value. The sum may be added up in any order, in float64.

    Returns
    -------
    Bounds
        In the unit of the values; the rounding of the sums included.

    Raises
    ------
    InvalidInputError
        If there are no rows, or rows of no sample.
    """
    sides = [_rows(name, rows) for name, rows in (("x", x), ("y", y))]
    cells = _joint(*sides)
    return in_units(areas_of(cells, NOTHING_SETTLED), cells.unit)


def _rows(name: str, rows: Iterable[Sequence[Any]]) -> FloatArray:
    """Rows in the order of their cells, all of them numbers of a sample."""
    requirement = "be rows (cell, n, total, least, greatest) of a sample's values"
    try:
        table = np.array([tuple(map(float, row)) for row in rows], dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInputError(name, requirement, "other rows") from None
    if table.size == 0:
        raise InvalidInputError(name, "have at least one cell", "no rows")
    if table.ndim != 2 or table.shape[1] != 5:
        raise InvalidInputError(name, requirement, f"shape {table.shape}")
    _, n, total, least, greatest = table.T
    sound = np.isfinite(table).all() and (n >= 1.0).all() and (n == np.floor(n)).all()
    if not (sound and n.sum() < _LARGEST and (least <= greatest).all()):
        raise InvalidInputError(name, requirement, "counts or ranges of no sample")
    # A sum that is not that of as many values in the range would give bounds of nothing.
    size = np.maximum(np.abs(least), np.abs(greatest))
    with np.errstate(over="ignore"):
        room = (n + 4.0) * U * n * size
        fits = (total >= n * least - room) & (total <= n * greatest + room)
    if not fits.all():
        raise InvalidInputError(name, requirement, "a total outside of the range of its values")
    return table[np.argsort(table[:, 0], kind="stable")]


def _joint(x: FloatArray, y: FloatArray) -> JointCells:
    """Common cells of two samples, those that overlap joined."""
    rows = np.concatenate([x, y])
    of_x = np.arange(len(rows)) < len(x)
    order = np.argsort(rows[:, 0], kind="stable")
    rows, of_x = rows[order], of_x[order]
    least, greatest = rows[:, 3], rows[:, 4]
    # A new cell begins where the number is another, and all values before are below all after.
    before = np.maximum.accumulate(greatest)[:-1]
    after = np.minimum.accumulate(least[::-1])[::-1][1:]
    starts = np.concatenate([[True], (rows[1:, 0] > rows[:-1, 0]) & (before < after)])
    group = np.cumsum(starts) - 1
    first = np.flatnonzero(starts)
    left, right = np.minimum.reduceat(least, first), np.maximum.reduceat(greatest, first)
    unit = unit_of(float(left[0]), float(right[-1]))
    shares, moments, counts = [], [], []
    errors = np.zeros(left.size)
    for side in (of_x, ~of_x):
        chosen, where = rows[side], group[side]
        n = np.bincount(where, chosen[:, 1], minlength=left.size)
        total = math.fsum(chosen[:, 1])
        # What the values of a row are below the right end of the cell.
        beyond = chosen[:, 1] * (right[where] * unit) - chosen[:, 2] * unit
        size = np.maximum(np.abs(chosen[:, 3]), np.abs(right[where])) * unit
        moment = np.bincount(where, beyond, minlength=left.size) / total
        error = (chosen[:, 1] + 12.0) * U * chosen[:, 1] * size
        errors += 1.01 * np.bincount(where, error, minlength=left.size) / total
        counts.append(n.astype(np.int64))
        shares.append(n / total)
        moments.append(np.maximum(moment, 0.0))
    d, area_unit, level_error = _levels(*counts)
    single = left == right
    for moment in moments:
        moment[single] = 0.0
    errors[single] = 0.0
    return JointCells(
        starts=np.arange(left.size),
        shifts=np.zeros(left.size, np.int64),
        counts_x=counts[0],
        counts_y=counts[1],
        left=left * unit,
        right=right * unit,
        single=single,
        p=shares[0],
        q=shares[1],
        P=moments[0],
        Q=moments[1],
        d=d,
        before=Pairs(d[:-1] * area_unit, np.zeros(left.size)),
        totals=((1.0, 0.0), (1.0, 0.0)),
        area_unit=area_unit,
        level_error=level_error,
        moment_errors=errors,
        unit=unit,
    )


def _levels(n: IndexArray, m: IndexArray) -> tuple[FloatArray, float, float]:
    """F - G before each cell and after the last, its unit, and its error beside rounding."""
    total_x, total_y = int(n.sum()), int(m.sum())
    F, G = np.cumsum(n), np.cumsum(m)
    common = math.gcd(total_x, total_y)
    unit = total_x // common * total_y
    if unit < 2**62:
        difference = (F * (total_y // common) - G * (total_x // common)).astype(np.float64)
        return np.concatenate([[0.0], difference / float(unit)]), float(unit), 0.0
    return np.concatenate([[0.0], F / total_x - G / total_y]), float(unit), 4.0 * U
