"""What a comparison of two tables found: plain data, one row a column."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from .._frozen import restore
from .._text import for_terminal, shortened
from .._typing import FloatArray
from ..results import Bounds
from .columns import Kind
from .formats import counted, format_effect, format_number

__all__ = [
    "ColumnComparison",
    "Driver",
    "Ecdfs",
    "Evidence",
    "Findings",
    "Frequencies",
    "JointComparison",
    "MissingComparison",
    "NoiseFloor",
    "QuantileMove",
    "Verdict",
]


class Verdict(StrEnum):
    """What a comparison says of a column at the report's level."""

    DIFFERS = "differs"
    DIFFERS_LITTLE = "differs, by less than δ"
    WITHIN_NOISE = "within noise"
    SAME = "same within δ"

    @property
    def is_difference(self) -> bool:
        """Whether the tables were shown to differ, by however little."""
        return self in (Verdict.DIFFERS, Verdict.DIFFERS_LITTLE)


_NAME_WIDTH = 40
"""Cells of a name in a line that describes what it names."""


def _named(name: str) -> str:
    return f"'{shortened(for_terminal(name), _NAME_WIDTH)}'"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class NoiseFloor:
    """The effect between random parts of the pooled rows: what no change at all looks like.

    The parts have the sizes of the two tables, and rows keep their weights, so that the floor is
    that of the effect itself, whichever table is the larger one.

    Attributes
    ----------
    median, percentile_95 : float
        Over the draws, in the unit of the effect; inf beyond the largest float64.
    values : ndarray, shape (k,)
        The draws that were kept, in the order drawn; at most 1024 of them.
    n_draws : int
        Relabellings drawn.
    sizes : tuple of int
        Rows of the two parts.
    method : {"rows", "cells"}
        Whether rows were relabelled one by one, or counts in cells of the pooled order drawn, which
        is what large tables get.
    """

    median: float
    percentile_95: float
    values: FloatArray
    n_draws: int
    sizes: tuple[int, int]
    method: Literal["rows", "cells"] = "rows"

    __setstate__ = restore

    def __repr__(self) -> str:
        median, high = format_number(self.median), format_number(self.percentile_95)
        return f"NoiseFloor(median={median}, percentile_95={high}, n_draws={self.n_draws})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the rows say about an effect: how likely by chance, how large at least and at most.

    Attributes
    ----------
    p_value : float
        Probability of an effect as large between tables of one law; by relabelling rows, or exact.
    n_draws : int
        Relabellings behind it; 0 where it was computed without any.
    low, high : float
        Interval of the effect between the laws, at the report's level, in the effect's unit.
    at_most : float
        One-sided upper end at the same level, by the triangle inequality.
    p_adjusted : float or None
        After the correction for the number of tests; `verdict` looks at this one.
    verdict : Verdict or None
        None before all columns are known.
    tolerance : float or None
        The largest effect that does not matter, δ, in the effect's unit.
    is_limited : bool
        Whether the number of draws, not the data, kept the verdict from being a difference.
    notes : tuple of str
        What the interval needs and these rows may not give.
    """

    p_value: float
    n_draws: int
    low: float
    high: float
    at_most: float
    p_adjusted: float | None = None
    verdict: Verdict | None = None
    tolerance: float | None = None
    is_limited: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantileMove:
    """Where a quantile stands in A and in B.

    Attributes
    ----------
    level : float
        Share of the weight below it.
    a, b : float or None
        The quantiles in the column's unit; None for dates, and for numbers that float64 does not
        hold, of which only differences are known.
    difference : float
        That of B less that of A.
    """

    level: float
    a: float | None
    b: float | None
    difference: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingComparison:
    """How the shares of missing values differ.

    Attributes
    ----------
    rate_a, rate_b : float
        Missing values over rows.
    evidence : Evidence
        Of the difference |rate_b - rate_a|, a share of the rows.
    """

    rate_a: float
    rate_b: float
    evidence: Evidence

    @property
    def effect(self) -> float:
        """|`rate_b` - `rate_a`|."""
        return abs(self.rate_b - self.rate_a)

    @property
    def verdict(self) -> Verdict | None:
        """As for the values."""
        return self.evidence.verdict

    @property
    def p_value(self) -> float:
        """Probability of such a difference by chance, of this column alone."""
        return self.evidence.p_value

    @property
    def p_adjusted(self) -> float | None:
        """The same after the correction for the number of tests."""
        return self.evidence.p_adjusted


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
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

    def __repr__(self) -> str:
        return f"Ecdfs({counted(self.values.size, 'value')})"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
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

    def __repr__(self) -> str:
        return f"Frequencies({counted(len(self.labels), 'category', 'categories')})"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
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
        The effect where nothing changed; None where no relabelling was asked for.
    evidence : Evidence or None
        p-value, interval and verdict of the effect; None where nothing was tested.
    missing : MissingComparison or None
        The same of the missing values; None where neither table has any.
    quantiles : tuple of QuantileMove
        Of numbers and times, at 5, 25, 50, 75 and 95 %.
    new, vanished : tuple of str
        Categories that only B has, and only A, the commonest first.
    left_out : str or None
        "identifiers" or "free text" where nearly all values are distinct: such a column takes no
        part. None for the others.
    kind_a, kind_b : str
        What each table holds; they differ where the column's type was changed.
    neighbours : float or None
        Correlation of neighbouring rows, in the order of the tables, where it is more than chance:
        then rows are not exchangeable.
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
    evidence: Evidence | None = None
    missing: MissingComparison | None = None
    quantiles: tuple[QuantileMove, ...] = ()
    new: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()
    left_out: str | None = None
    kind_a: str = "unknown"
    kind_b: str = "unknown"
    neighbours: float | None = None
    distributions: Ecdfs | Frequencies | None = None
    error: str | None = None

    def __repr__(self) -> str:
        told = [self.kind]
        if self.left_out is not None:
            told = [self.left_out]
        elif self.error is not None:
            told.append("failed")
        elif self.effect is not None:
            effect = format_effect(self.effect, self.measure, self.unit)
            told.append(f"{self.measure} = {for_terminal(effect)}")
        if self.verdict is not None:
            told.append(self.verdict.value)
        return f"ColumnComparison({_named(self.column)}: {', '.join(told)})"

    @property
    def verdict(self) -> Verdict | None:
        """What is said of the values; None where nothing was tested."""
        return None if self.evidence is None else self.evidence.verdict

    @property
    def p_value(self) -> float | None:
        """Probability of such an effect by chance, of this column alone."""
        return None if self.evidence is None else self.evidence.p_value

    @property
    def p_adjusted(self) -> float | None:
        """The same after the correction for the number of tests."""
        return None if self.evidence is None else self.evidence.p_adjusted

    @property
    def differs(self) -> bool:
        """Whether values or missing values were shown to differ, by however little."""
        said = (self.verdict, None if self.missing is None else self.missing.verdict)
        return any(verdict is not None and verdict.is_difference for verdict in said)

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
class Driver:
    """Part that one column has in the joint movement.

    Attributes
    ----------
    column : str
        Its name.
    share : float
        Of W2² of the standardised rows; the shares of all columns add up to 1.
    """

    column: str
    share: float


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
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
    sample_a, sample_b : int
        Rows that were drawn of them and compared; all of them where tables are small.
    effect : float or None
        The distance, in standard deviations; None where there are no complete rows.
    standard_error : float or None
        Monte-Carlo error of the random projections.
    n_projections : int
        Number of projections.
    noise, evidence : NoiseFloor, Evidence or None
        As for a column.
    drivers : tuple of Driver
        Columns by their part in an optimal plan between samples of rows, the largest first: the
        squares of the distances that the plan moves rows along each coordinate, over their sum.
        Noise has its part in every column.
    driver_rows : tuple of int
        Rows of both tables that the plan pairs.
    w2_squared : Bounds or None
        Proven enclosure of the W2² that the shares divide, in squared standard deviations.
    error : str or None
        Why there is no value.
    """

    columns: tuple[str, ...]
    n_a: int
    n_b: int
    n_projections: int
    sample_a: int = 0
    sample_b: int = 0
    effect: float | None = None
    standard_error: float | None = None
    noise: NoiseFloor | None = None
    evidence: Evidence | None = None
    drivers: tuple[Driver, ...] = ()
    driver_rows: tuple[int, int] = (0, 0)
    w2_squared: Bounds | None = None
    error: str | None = None

    def __repr__(self) -> str:
        told = counted(len(self.columns), "column")
        told += "; failed" if self.effect is None else f"; {format_number(self.effect)} sd"
        if self.verdict is not None:
            told += f", {self.verdict.value}"
        return f"JointComparison({told})"

    @property
    def verdict(self) -> Verdict | None:
        """What is said of the columns together; None where nothing was tested."""
        return None if self.evidence is None else self.evidence.verdict


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
    level: float
    correction: str
    n_permutations: int
    exchanged: str
    missing_tolerance: float | None
    n_passes: int | None = None

    @property
    def tested(self) -> tuple[ColumnComparison, ...]:
        """Rows whose values were tested."""
        return tuple(row for row in self.rows if row.evidence is not None)

    @property
    def differing(self) -> tuple[ColumnComparison, ...]:
        """Rows whose values or missing values were shown to differ."""
        return tuple(row for row in self.rows if row.differs)

    @property
    def retyped(self) -> tuple[ColumnComparison, ...]:
        """Rows whose column holds another kind of values in B than in A; no value has no kind."""
        return tuple(
            row
            for row in self.rows
            if row.kind_a != row.kind_b and Kind.EMPTY not in (row.kind_a, row.kind_b)
        )

    @property
    def failed(self) -> tuple[ColumnComparison, ...]:
        """Rows whose column could not be compared; columns left out are none of them."""
        return tuple(row for row in self.rows if row.error is not None)
