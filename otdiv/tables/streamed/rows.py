"""The row of a column of which states are kept: as `measuring`, from cells and counts."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..._typing import FloatArray, IndexArray
from ...divergences import js_divergence, total_variation
from ...inference.counted_cells import cells_of_counts
from ...results import Bounds
from ...streaming.comparison import Comparison
from ...streaming.keys import values_of
from ...streaming.sides import Side
from ..columns import ColumnError
from ..evidence import Question, cells_evidence, counted_evidence
from ..measuring import N_DRAWN, effects_in_unit
from ..moves import LEVELS, appeared
from ..rows import (
    ColumnComparison,
    Ecdfs,
    Frequencies,
    MissingComparison,
    QuantileMove,
)

__all__ = ["Moments", "category_row", "missing_row", "moments_of", "number_row"]

_LARGEST = 1.7976931348623157e308


class Moments(NamedTuple):
    """Means of both tables and the pooled standard deviation, of values in ticks."""

    mean_a: float
    mean_b: float
    sd: float


def moments_of(
    sides: tuple[tuple[float, float], tuple[float, float]], cells: Comparison
) -> Moments:
    """Moments from running sums, or from the cells where these left the floats."""
    usable = all(math.isfinite(value) for side in sides for value in side)
    least, most = float(cells.cells.left[0]), float(cells.cells.right[-1])
    if not usable or (most > least and max(sides[0][1], sides[1][1]) < 1e-140):
        sides = _from_cells(cells.x), _from_cells(cells.y)
    (mean_a, sd_a), (mean_b, sd_b) = sides
    return Moments(mean_a, mean_b, float(np.hypot(sd_a, sd_b)) / 2.0**0.5)


def _from_cells(side: Side) -> tuple[float, float]:
    """Mean and standard deviation of values put to the middles of their cells."""
    middles = 0.5 * values_of(side.least) + 0.5 * values_of(side.greatest)
    shares = side.masses.high / side.total[0]
    scale = float(np.abs(middles).max())
    if scale == 0.0:
        return 0.0, 0.0
    z = middles / scale
    mean = float(shares @ z)
    return scale * mean, scale * float(shares @ (z - mean) ** 2) ** 0.5


def number_row(
    row: ColumnComparison,
    comparison: Comparison,
    moments: Moments,
    ticks: float,
    rounded: float,
    absolute: bool,
    question: Question,
    rng: np.random.Generator,
) -> ColumnComparison:
    """Fill the row of a numeric column whose values count ticks, `ticks` of them to its unit.

    No number stands for one that is further away than 2^-52 of `rounded`.

    Raises
    ------
    ColumnError
        If W1 exceeds the largest float64.
    """
    bounds = comparison.wasserstein1
    if rounded:
        # Either side moves by half of this on average, at most.
        lost = 2.0**-51 * rounded
        bounds = Bounds(max(0.0, bounds.lower - lost), bounds.upper + lost)
    if not math.isfinite(bounds.upper) or bounds.upper / ticks > _LARGEST:
        raise ColumnError("values so far apart that W1 exceeds the largest float64, 1.8e308")
    effect = min(max(0.5 * bounds.lower + 0.5 * bounds.upper, bounds.lower), bounds.upper)
    difference = moments.mean_b - moments.mean_a
    constant = math.inf if effect > 0.0 else 0.0
    evidence = noise = None
    if question.n_permutations:
        cells = cells_of_counts(comparison.cells)
        evidence, noise = effects_in_unit(*cells_evidence(cells, bounds, question, rng), ticks)
    return replace(
        row,
        effect=effect / ticks,
        bounds=_in_unit(bounds, ticks),
        pooled_sd=moments.sd / ticks,
        standardized=effect / moments.sd if moments.sd > 0.0 else constant,
        mean_difference=difference / ticks,
        shift_share=min(1.0, abs(difference) / effect) if effect > 0.0 else None,
        noise=noise,
        evidence=evidence,
        quantiles=_quantiles(comparison, ticks, absolute),
        distributions=_ecdfs(comparison, ticks, absolute),
    )


def _in_unit(bounds: Bounds, ticks: float) -> Bounds:
    if ticks == 1.0:
        return bounds
    lower = math.nextafter(bounds.lower / ticks, -math.inf) if bounds.lower > 0.0 else 0.0
    upper = math.nextafter(bounds.upper / ticks, math.inf) if bounds.upper > 0.0 else 0.0
    return Bounds(max(0.0, lower), upper)


def _quantiles(comparison: Comparison, ticks: float, absolute: bool) -> tuple[QuantileMove, ...]:
    """The middles of the cells that hold the quantiles."""
    a, b = (_quantiles_of(side) for side in (comparison.x, comparison.y))
    return tuple(
        QuantileMove(
            level=level,
            a=float(left) / ticks if absolute else None,
            b=float(right) / ticks if absolute else None,
            difference=float(right - left) / ticks,
        )
        for level, left, right in zip(LEVELS, a, b, strict=True)
    )


def _quantiles_of(side: Side) -> FloatArray:
    shares = np.cumsum(side.counts) / side.counts.sum()
    at = np.minimum(np.searchsorted(shares, LEVELS), shares.size - 1)
    return np.asarray(0.5 * values_of(side.least[at]) + 0.5 * values_of(side.greatest[at]))


def _ecdfs(comparison: Comparison, ticks: float, absolute: bool) -> Ecdfs:
    """Both distribution functions where they are exact: at the last values of cells."""
    cells = comparison.cells
    F, G = (np.cumsum(counts) / counts.sum() for counts in (cells.counts_x, cells.counts_y))
    ends = cells.right
    kept = np.arange(ends.size)
    if ends.size > 2 * N_DRAWN:
        levels = np.linspace(0.0, 1.0, N_DRAWN // 2)
        even = 4.0 * np.linspace(0.25 * cells.left[0], 0.25 * ends[-1], N_DRAWN)
        places = [np.searchsorted(F, levels), np.searchsorted(G, levels)]
        kept = np.unique(np.concatenate([*places, np.searchsorted(ends, even)]))
        kept = kept[kept < ends.size]
    origin = 0.0 if absolute else float(cells.left[0])
    values = (ends[kept] - origin) / cells.unit / ticks
    first = np.empty(0)
    if cells.left[0] < ends[0]:
        first = np.array([(cells.left[0] - origin) / cells.unit / ticks])
    found = [np.concatenate([np.zeros(first.size), level[kept]]) for level in (F, G)]
    return Ecdfs(
        values=_read_only(np.concatenate([first, values])),
        a=_read_only(found[0]),
        b=_read_only(found[1]),
    )


def category_row(
    row: ColumnComparison,
    table: IndexArray,
    labels: tuple[str, ...],
    question: Question,
    rng: np.random.Generator,
) -> ColumnComparison:
    """Fill the row of a category column with counts (2, k) of `labels`."""
    p, q = table / table.sum(axis=1, keepdims=True)
    evidence = noise = None
    if question.n_permutations:
        evidence, noise = counted_evidence(table, question, rng)
    new, vanished = appeared(labels, p, q)
    moved_most = np.argsort(-np.abs(p - q), kind="stable")
    return replace(
        row,
        unit=None,
        effect=float(total_variation(p, q)),
        js_divergence=float(js_divergence(p, q)),
        noise=noise,
        evidence=evidence,
        new=new,
        vanished=vanished,
        distributions=Frequencies(
            labels=tuple(labels[index] for index in moved_most),
            a=_read_only(p[moved_most]),
            b=_read_only(q[moved_most]),
        ),
    )


def missing_row(
    missing: tuple[int, int],
    rows: tuple[int, int],
    question: Question,
    rng: np.random.Generator,
) -> MissingComparison | None:
    """Compare the shares of missing values, as `compare_missing`."""
    if not question.n_permutations or missing == (0, 0):
        return None
    table = np.array([[n - gone, gone] for n, gone in zip(rows, missing, strict=True)])
    evidence, _ = counted_evidence(table, question, rng)
    return MissingComparison(
        rate_a=missing[0] / rows[0], rate_b=missing[1] / rows[1], evidence=evidence
    )


def _read_only(array: FloatArray) -> FloatArray:
    array.flags.writeable = False
    return array
