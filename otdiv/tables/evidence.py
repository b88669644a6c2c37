"""p-value, noise floor and interval of one effect, from the rows that were compared."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np

from .._typing import FloatArray, IndexArray
from ..estimators.counts import Counts
from ..inference.bands import MEASURED_FROM, Draws, effective_size, unit_notes
from ..inference.category_bands import total_variation_band
from ..inference.category_units import CategoryUnits
from ..inference.counted_cells import tails_of_cells
from ..inference.dependence import Units
from ..inference.line_bands import SIGNS_CERTAIN, tail_notes
from ..inference.line_cells import ROW_BUDGET, LineCells
from ..inference.pooled_line import PooledLine, pool, tails
from ..inference.replicates import upper_quantile
from ..results import Bounds
from .columns import BoolArray
from .exchange import Exchange
from .formats import counted
from .nulls import KEPT, Null, category_null, cells_null, line_null, share_null, table_null
from .progress import SILENT, Pulse
from .rows import Evidence, NoiseFloor

__all__ = [
    "Kept",
    "Question",
    "category_evidence",
    "cells_evidence",
    "counted_evidence",
    "line_evidence",
    "noise_floor",
]

_SIDES = ("A", "B")

N_REPLICATES = 1000
"""Draws of the noise behind an interval."""

MOST_DRAWN = 2 * 10**7
"""Draws times categories above which an interval is the proven one of concentration, in closed
form: 160 MB of draws."""


class Question(NamedTuple):
    """What is asked of every column.

    Attributes
    ----------
    exchange : Exchange
    level : float
        Of intervals and verdicts.
    n_permutations : int
        Relabellings at most.
    pulse : Pulse
        Hears that a long column goes on.
    """

    exchange: Exchange
    level: float
    n_permutations: int
    pulse: Pulse = SILENT


class Kept(NamedTuple):
    """Rows of both tables that a column compares: masks (n,) and (m,)."""

    a: BoolArray
    b: BoolArray


def noise_floor(
    null: Null, sizes: tuple[int, int], *, method: Literal["rows", "cells"] = "rows"
) -> NoiseFloor:
    """What a report says of the draws."""
    median, high = np.percentile(null.values, [50.0, 95.0])
    values = null.values[:KEPT].copy()
    values.flags.writeable = False
    return NoiseFloor(
        median=float(median),
        percentile_95=float(high),
        values=values,
        n_draws=null.n_draws,
        sizes=sizes,
        method=method,
    )


def line_evidence(
    x: FloatArray,
    y: FloatArray,
    effect: float,
    kept: Kept,
    question: Question,
    rng: np.random.Generator,
) -> tuple[Evidence, NoiseFloor]:
    """Of W1 between numbers x (n,) and y (m,), the rows kept of both tables, in their unit."""
    question.pulse.beat()
    exchange = question.exchange
    weights = exchange.weights(kept.a, kept.b)
    units = exchange.units(kept.a, kept.b)
    seed = int(rng.integers(2**63))
    sizes = (x.size, y.size)
    limit, beat = question.n_permutations, question.pulse.beat
    if min(sizes) >= 2 and sum(sizes) > ROW_BUDGET and units is None:
        line = _pooled(x, y, weights, None)
        masses = None if weights is None else weights[line.order]
        cells = LineCells.of_line(line, masses)
        null = cells_null(cells, effect, limit, seed, beat)
        ends = _line_ends(line, cells, effect, question, rng)
        ends = ends._replace(notes=(*_row_notes((x, y), weights, None), *ends.notes))
        return _evidence(null, ends), noise_floor(null, sizes, method="cells")
    relabelling = exchange.relabelling(kept.a, kept.b)
    null = line_null(x, y, weights, relabelling, limit, seed, beat)
    if min(sizes) < 2:
        ends = _NO_SPREAD
    elif units is not None and min(units.sizes) < 2:
        ends = _Ends(0.0, math.inf, math.inf, ("one block has no spread: there is no interval",))
    else:
        line = _pooled(x, y, weights, units)
        ends = _line_ends(line, line, effect, question, rng)
        ends = ends._replace(notes=(*_row_notes((x, y), weights, units), *ends.notes))
    return _evidence(null, ends), noise_floor(null, sizes)


class _Ends(NamedTuple):
    """Ends of an interval, the one-sided upper end, and what they need."""

    low: float
    high: float
    at_most: float
    notes: tuple[str, ...]


_NO_SPREAD = _Ends(0.0, math.inf, math.inf, ("one row has no spread: there is no interval",))


def _evidence(null: Null, ends: _Ends) -> Evidence:
    n_draws = null.n_draws if null.counted else 0
    return Evidence(p_value=null.p_value, n_draws=n_draws, **ends._asdict())


def _pooled(
    x: FloatArray, y: FloatArray, weights: FloatArray | None, units: Units | None
) -> PooledLine:
    if weights is None:
        return pool(x, y, None, None, units)
    a, b = weights[: x.size], weights[x.size :]
    return pool(x, y, a / a.sum(), b / b.sum(), units)


def _line_ends(
    line: PooledLine,
    source: PooledLine | LineCells,
    effect: float,
    question: Question,
    rng: np.random.Generator,
) -> _Ends:
    """Selective band and one-sided triangle, from the rows or from cells of them."""
    return _noise_ends(source, effect, tail_notes(*tails(line)), question, rng)


def _noise_ends(
    source: PooledLine | LineCells,
    effect: float,
    notes: tuple[str, ...],
    question: Question,
    rng: np.random.Generator,
) -> _Ends:
    level = question.level
    draws = Draws(level, N_REPLICATES, rng, 1, lambda _: question.pulse.beat())
    choices = [source.decided(SIGNS_CERTAIN), source.undecided()]
    signed, absolute, _, everywhere = source.signed_noise(choices, draws)
    half = upper_quantile(np.abs(signed) + absolute, level)
    at_most = effect + upper_quantile(everywhere, level)
    return _Ends(max(0.0, effect - half), effect + half, at_most, notes)


def _row_notes(
    values: tuple[FloatArray, FloatArray], weights: FloatArray | None, units: Units | None
) -> tuple[str, ...]:
    """What the rows of both tables say of the conditions of an interval of numbers."""
    notes = [] if units is None else unit_notes(units, _SIDES)
    n = values[0].size
    sides = (None, None) if weights is None else (weights[:n], weights[n:])
    for name, side, masses in zip(_SIDES, values, sides, strict=True):
        size = effective_size(side.size, None if masses is None else masses / masses.sum())
        if size < MEASURED_FROM:
            told = counted(side.size, "row")
            if masses is not None:
                told = f"weights worth {size:.0f} equal rows"
            notes.append(f"{name} has {told}; coverage was measured from {MEASURED_FROM} on")
        if (side == side[0]).all():
            notes.append(f"all rows of {name} are equal and show no noise, which the law may have")
    return tuple(notes)


def category_evidence(
    x: IndexArray,
    y: IndexArray,
    n_categories: int,
    kept: Kept,
    question: Question,
    rng: np.random.Generator,
    *,
    weighted: bool = True,
) -> tuple[Evidence, NoiseFloor]:
    """Of the total variation between codes x (n,) and y (m,), the rows kept of both tables.

    Missing values, whose rates count rows, are such codes without weights.
    """
    exchange = question.exchange
    weights = exchange.weights(kept.a, kept.b) if weighted else None
    units = exchange.units(kept.a, kept.b)
    if weights is None and units is None:
        table = np.array([np.bincount(side, minlength=n_categories) for side in (x, y)])
        return counted_evidence(table, question, rng)
    seed = int(rng.integers(2**63))
    sizes = (x.size, y.size)
    relabelling = exchange.relabelling(kept.a, kept.b)
    limit = question.n_permutations
    beat = question.pulse.beat
    null = category_null(x, y, n_categories, weights, relabelling, limit, seed, beat)
    sides: list[FloatArray | None] = [None, None]
    if weights is not None:
        sides = [side / side.sum() for side in (weights[: x.size], weights[x.size :])]
    counts = _counts((x, y), (sides[0], sides[1]), n_categories)
    dependent = None
    if units is not None:
        k = counts.n_categories
        dependent = CategoryUnits.of_codes((x, y), (sides[0], sides[1]), units, k)
    ends = _category_ends(counts, dependent, question, rng)
    return _evidence(null, ends), noise_floor(null, sizes)


def counted_evidence(
    table: IndexArray, question: Question, rng: np.random.Generator
) -> tuple[Evidence, NoiseFloor]:
    """Of the total variation between counts (2, k) of rows that are exchanged one by one."""
    seed = int(rng.integers(2**63))
    n, m = (int(side.sum()) for side in table)
    if table.shape[1] == 2:
        null = share_null((int(table[0, 1]), int(table[1, 1])), (n, m), seed)
    else:
        null = table_null(table, question.n_permutations, seed, question.pulse.beat)
    k = max(table.shape[1], 2)
    shares = np.zeros((2, k))
    shares[:, : table.shape[1]] = table / np.array([[n], [m]])
    sizes = np.array([float(n), float(m)])
    counts = Counts(shares, sizes, shares / sizes[:, None], False)
    ends = _category_ends(counts, None, question, rng)
    return _evidence(null, ends), noise_floor(null, (n, m))


def cells_evidence(
    cells: LineCells, proven: Bounds, question: Question, rng: np.random.Generator
) -> tuple[Evidence, NoiseFloor]:
    """Of W1 of which there are proven bounds, from cells of the pooled order.

    Between the bounds the verdict is the more careful one: the p-value is that of the lower one,
    and the interval reaches beyond both.
    """
    seed = int(rng.integers(2**63))
    null = cells_null(cells, proven.lower, question.n_permutations, seed, question.pulse.beat)
    floor = noise_floor(null, cells.sizes, method="cells")
    if min(cells.sizes) < 2:
        return _evidence(null, _NO_SPREAD), floor
    notes = tail_notes(*tails_of_cells(cells))
    least = _noise_ends(cells, proven.lower, notes, question, rng)
    wider = proven.upper - proven.lower
    ends = least._replace(high=least.high + wider, at_most=least.at_most + wider)
    return _evidence(null, ends), floor


def _category_ends(
    counts: Counts, units: CategoryUnits | None, question: Question, rng: np.random.Generator
) -> _Ends:
    draws = Draws(question.level, N_REPLICATES, rng, 1, lambda _: question.pulse.beat())
    if counts.n_categories * N_REPLICATES > MOST_DRAWN and units is None:
        band = total_variation_band(counts._replace(weighted=False), "concentration", draws)
        return _Ends(band.low, band.high, band.high, band.notes)
    band = total_variation_band(counts, "selective", draws, units=units, names=_SIDES)
    above = total_variation_band(counts, "triangle", draws, units=units, names=_SIDES)
    return _Ends(band.low, band.high, max(band.value, above.high), band.notes)


def _counts(
    codes: tuple[IndexArray, IndexArray],
    sides: tuple[FloatArray | None, FloatArray | None],
    n_categories: int,
) -> Counts:
    """Counts of codes with weights of sum 1 a side; a constant column has a second, empty one."""
    k = max(n_categories, 2)
    shares: list[FloatArray] = []
    squares: list[FloatArray] = []
    sizes: list[float] = []
    for side, w in zip(codes, sides, strict=True):
        if w is None:
            share = np.asarray(np.bincount(side, minlength=k) / side.size)
            squares.append(share / side.size)
            sizes.append(float(side.size))
        else:
            share = np.asarray(np.bincount(side, weights=w, minlength=k), np.float64)
            squares.append(np.asarray(np.bincount(side, w * w, k), np.float64))
            sizes.append(1.0 / float(w @ w))
        shares.append(share)
    weighted = any(side is not None for side in sides)
    return Counts(np.array(shares), np.array(sizes), np.array(squares), weighted)
