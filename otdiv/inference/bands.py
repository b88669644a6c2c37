"""What every way to an interval returns, and the rows that they all start from."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np

from .._laws import is_law
from .._typing import FloatArray
from ..distances.samples import SamplePair, as_sample_pair
from ..errors import InvalidInputError
from ..measures import DiscreteMeasure
from ..results import Callback
from .dependence import Units, as_units

__all__ = [
    "MEASURED_FROM",
    "Band",
    "Draws",
    "Kind",
    "as_rows",
    "as_rows_in_units",
    "correlation_of_sides",
    "effective_size",
    "neighbour_correlation",
    "row_notes",
    "unit_notes",
]

Kind = Literal["proven", "asymptotic", "measured"]

# Rows of a side from which coverage was measured: `python -m benchmarks coverage`.
MEASURED_FROM = 50
# Standard errors of a lag-one correlation that chance does not explain; by taste.
_DEPENDENT = 5.0
# Neighbours on the rarer side that chance alone must give for the correlation to be near normal; by
# taste, after the usual rule for tables of counts.
_LEAST_PAIRS = 5.0


class Band(NamedTuple):
    """An interval on its way to the caller; fields as in `Interval`."""

    value: float
    low: float
    high: float
    method: str
    kind: Kind
    notes: tuple[str, ...] = ()
    tail_share: float | None = None
    central_value: float | None = None


class Draws(NamedTuple):
    """How the noise is drawn."""

    level: float
    n_replicates: int
    rng: np.random.Generator
    n_jobs: int
    callback: Callback | None


def as_rows(x: Any, y: Any, x_weights: Any, y_weights: Any) -> SamplePair:
    """Coerce two samples; rows without weight are left out, and two a side must remain."""
    return as_rows_in_units(x, y, x_weights, y_weights, None, False)[0]


def as_rows_in_units(
    x: Any, y: Any, x_weights: Any, y_weights: Any, blocks: Any, paired: Any
) -> tuple[SamplePair, Units | None]:
    """Coerce two samples, and which of their rows share a sign; None where none do."""
    for name, sample in (("x", x), ("y", y)):
        if isinstance(sample, DiscreteMeasure) or is_law(sample):
            requirement = "be a sample, one row an observation"
            where = "(draw samples of a law; a measure does not say how many rows it was made of)"
            raise InvalidInputError(name, requirement, type(sample).__name__, where)
    pair = as_sample_pair(x, y, x_weights, y_weights)
    units = as_units(blocks, paired, {"x": x, "y": y}, (len(pair.x), len(pair.y)))
    if units is not None:
        units = units.kept(*(weights > 0.0 for weights in pair.weights()))
    rows: list[FloatArray] = []
    weights: list[FloatArray | None] = []
    for name, points, shares in (("x", pair.x, pair.a), ("y", pair.y, pair.b)):
        if shares is not None and not shares.all():
            points, shares = np.ascontiguousarray(points[shares > 0.0]), shares[shares > 0.0]
        if len(points) < 2:
            requirement = "hold at least two rows of positive weight: one has no spread"
            raise InvalidInputError(name, requirement, len(points))
        rows.append(points)
        weights.append(shares)
    return SamplePair(rows[0], rows[1], weights[0], weights[1]), units


def effective_size(n: int, weights: FloatArray | None) -> float:
    """Kish's (sum w)² / sum w², the number of equal rows that have the same noise."""
    return float(n) if weights is None else 1.0 / math.fsum(weights * weights)


class _HasSizes(Protocol):
    @property
    def sizes(self) -> tuple[int, int]: ...


def unit_notes(units: _HasSizes, names: tuple[str, str] = ("`x`", "`y`")) -> list[str]:
    """What the number of units says: the signs of few have few sums."""
    return [
        f"{name} has {count} block{'' if count == 1 else 's'}; coverage was measured from "
        f"{MEASURED_FROM} on"
        for name, count in zip(names, units.sizes, strict=True)
        if count < MEASURED_FROM
    ]


def row_notes(pair: SamplePair, units: Units | None = None) -> tuple[str, ...]:
    """What the rows say of the conditions: how many, how even, and whether they follow each other.

    Independence cannot be seen in general. What can is whether neighbours in the order given lie on
    one side of the median more often than chance allows. Rows of one unit may.
    """
    notes = [] if units is None else unit_notes(units)
    for name, points, weights in (("x", pair.x, pair.a), ("y", pair.y, pair.b)):
        n = len(points)
        size = effective_size(n, weights)
        if size < MEASURED_FROM:
            counted = f"{n} rows" if weights is None else f"weights worth {size:.0f} equal rows"
            notes.append(f"`{name}` has {counted}; coverage was measured from {MEASURED_FROM} on")
        if (points == points[0]).all():
            notes.append(
                f"all rows of `{name}` are equal and show no noise, which the laws may have"
            )
            continue
        if units is not None:
            continue
        for column in points.T:
            correlation = neighbour_correlation(column)
            if correlation is not None:
                notes.append(
                    f"neighbouring rows of `{name}` lie on one side of the median together "
                    f"(correlation {correlation:.2f}): if that is the order in which they were "
                    "observed, they are not exchangeable and the interval is too short; a sorted "
                    "sample is harmless"
                )
                break
    return tuple(notes)


def neighbour_correlation(column: FloatArray) -> float | None:
    """Correlation of the sides of the median on which neighbours (n,) lie.

    None where chance explains it, or where there are too few rows to tell.
    """
    n = column.size
    if n < MEASURED_FROM:
        return None
    # An order statistic, and comparisons: means and differences of the largest floats overflow.
    middle = np.partition(column, n // 2)[n // 2]
    sides = (column > middle).astype(np.int8) - (column < middle)
    products = sides[1:] * sides[:-1]
    return correlation_of_sides(
        n,
        int(np.count_nonzero(sides > 0)),
        int(np.count_nonzero(sides < 0)),
        2 * int(np.count_nonzero(products > 0)) - int(np.count_nonzero(products)),
        (int(sides[0]), int(sides[-1])),
    )


def correlation_of_sides(
    n: int, above: int, below: int, products: int, ends: tuple[int, int]
) -> float | None:
    """Correlation of neighbours' sides of a value, +1, 0 and -1, from their counts.

    `products` is the sum over neighbours of the products of their sides, and `ends` are the sides
    of the first and the last of n rows. None as in `neighbour_correlation`.
    """
    if n < MEASURED_FROM:
        return None
    # Where nearly all rows are on one side (a pixel that is mostly 0), one more pair of neighbours
    # is a large correlation.
    rare = n - max(above, below, n - above - below)
    if rare * rare < _LEAST_PAIRS * n:
        return None
    # Where many rows lie at the median itself the sides are not even: of zeros and larger values
    # none is below. About their mean, neighbours without order still have 0.
    total = above - below
    mean = total / n
    covariance = (products - mean * (2 * total - sum(ends))) / (n - 1) + mean * mean
    correlation = covariance / ((above + below) / n - mean * mean)
    return correlation if abs(correlation) * math.sqrt(n - 1.0) > _DEPENDENT else None
