"""What a comparison of two tables found: plain data, one row a column."""

from __future__ import annotations

from dataclasses import dataclass

from .._frozen import restore
from .._typing import FloatArray
from ..results import Bounds
from .columns import Kind

__all__ = [
    "ColumnComparison",
    "Ecdfs",
    "Findings",
    "Frequencies",
    "JointComparison",
    "NoiseFloor",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseFloor:
    """The effect between two random halves of table A: what no change at all looks like.

    The halves are smaller than the tables, so the floor lies above the noise of the effect itself.

    Attributes
    ----------
    median, percentile_95 : float
        Over the splits, in the unit of the effect; inf beyond the largest float64.
    n_splits : int
        Number of random splits.
    sizes : tuple of int
        Rows of the two halves.
    """

    median: float
    percentile_95: float
    n_splits: int
    sizes: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ecdfs:
    """Both distribution functions of a numeric column at chosen values, for drawing.

    Attributes
    ----------
    values : ndarray, shape (k,)
        Increasing values of the data; at most 1024 of them. Dates, and integers that float64 does
        not hold exactly, count from the least of both tables.
    a, b : ndarray, shape (k,)
        Share of the weight at or below each value.
    """

    values: FloatArray
    a: FloatArray
    b: FloatArray

    __setstate__ = restore


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frequencies:
    """Relative frequencies of a category column, the category that moved most first.

    Attributes
    ----------
    labels : tuple of str
        Category names.
    a, b : ndarray, shape (k,)
        Shares of the weight; each sums to 1.
    """

    labels: tuple[str, ...]
    a: FloatArray
    b: FloatArray

    __setstate__ = restore


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnComparison:
    """How one column differs between table A and table B.

    Attributes
    ----------
    column : str
        Its name.
    kind : str
        "numbers", "datetimes", "datetimes with a time zone", "durations", "categories",
        "ordered categories", "booleans"; "unknown" where the column failed.
    unit : str or None
        Unit of `effect` for numbers and times.
    n_a, n_b : int
        Values compared: rows less missing values and rows of weight zero.
    missing_a, missing_b : int
        Missing values.
    missing_rate_a, missing_rate_b : float
        Missing values over rows.
    effect : float or None
        For numbers, times and the ranks of ordered categories the Wasserstein distance W1, in the
        column's unit; for other categories and booleans the total variation, a share of the rows.
        None where the column failed.
    bounds : Bounds or None
        Proven enclosure of W1, rounding included; numbers and times only.
    js_divergence : float or None
        Jensen-Shannon divergence of the frequencies in nats; categories and booleans only.
    pooled_sd : float or None
        sqrt((var A + var B) / 2), in the column's unit; numbers and times only.
    standardized : float or None
        `effect` / `pooled_sd`; inf where a constant column changed its value (or the ratio exceeds
        the largest float64), 0 where it did not.
    mean_difference : float or None
        Mean of B less mean of A, in the column's unit; numbers and times only.
    shift_share : float or None
        |mean_difference| / `effect`, between 0 and 1: the share of the distance that a plain shift
        of the mean explains. It is 1 when all quantiles move one way. None where `effect` is 0.
    noise : NoiseFloor or None
        Same-law noise floor; None where A holds fewer than two values or no split was asked for.
    distributions : Ecdfs, Frequencies or None
        What `TableReport.plot` draws.
    error : str or None
        Why the column could not be compared.
    """

    column: str
    kind: str
    n_a: int
    n_b: int
    missing_a: int
    missing_b: int
    missing_rate_a: float
    missing_rate_b: float
    unit: str | None = None
    effect: float | None = None
    bounds: Bounds | None = None
    js_divergence: float | None = None
    pooled_sd: float | None = None
    standardized: float | None = None
    mean_difference: float | None = None
    shift_share: float | None = None
    noise: NoiseFloor | None = None
    distributions: Ecdfs | Frequencies | None = None
    error: str | None = None

    @property
    def measure(self) -> str | None:
        """What `effect` is: "W1" or "TV"; None where the column failed."""
        if self.effect is None:
            return None
        return "TV" if self.kind in (Kind.CATEGORIES, Kind.BOOLEANS) else "W1"

    @property
    def sort_key(self) -> float:
        """`standardized`, or the total variation of categories; -1 where the column failed.

        Total variation is W1 under the cost that is 1 between different labels, so it stands in the
        order as it is: a share of the rows beside a share of a standard deviation.
        """
        if self.effect is None:
            return -1.0
        return self.effect if self.standardized is None else self.standardized


@dataclass(frozen=True, slots=True, kw_only=True)
class JointComparison:
    """Sliced Wasserstein distance (p = 1) of the numeric columns together.

    Every column is standardised first, (value - mean of A) / pooled sd, and only rows with no
    missing value in any of them take part.

    Attributes
    ----------
    columns : tuple of str
        The columns: numbers and times that have a pooled sd above 0, in which no value is further
        away than floats go.
    n_a, n_b : int
        Complete rows.
    effect : float or None
        The distance, in standard deviations; None where there are no complete rows.
    standard_error : float or None
        Monte-Carlo error of the random projections.
    n_projections : int
        Number of projections.
    noise : NoiseFloor or None
        As for a column, with fewer projections.
    error : str or None
        Why there is no value.
    """

    columns: tuple[str, ...]
    n_a: int
    n_b: int
    n_projections: int
    effect: float | None = None
    standard_error: float | None = None
    noise: NoiseFloor | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a report says; its fields are described at `TableReport`."""

    rows: tuple[ColumnComparison, ...]
    joint: JointComparison | None
    name_a: str
    name_b: str
    rows_a: int
    rows_b: int
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    weights: str | None

    @property
    def failed(self) -> tuple[ColumnComparison, ...]:
        """Rows whose column could not be compared."""
        return tuple(row for row in self.rows if row.error is not None)
