"""What a comparison of two tables says: a frozen report, its rows, and its exports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from .._frozen import restore
from .._optional import import_optional
from .._text import as_json, code_span, for_markdown
from .._typing import FloatArray
from ..errors import InvalidInputError
from ..results import Bounds
from .columns import Kind
from .reading import Backend
from .records import FIELDS, document, record
from .wording import escaped, headlines, markdown_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "ColumnComparison",
    "Ecdfs",
    "Frequencies",
    "JointComparison",
    "NoiseFloor",
    "TableReport",
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
        "booleans"; "unknown" where the column failed.
    unit : str or None
        Unit of `effect` for numbers and times.
    n_a, n_b : int
        Values compared: rows less missing values and rows of weight zero.
    missing_a, missing_b : int
        Missing values.
    missing_rate_a, missing_rate_b : float
        Missing values over rows.
    effect : float or None
        For numbers and times the Wasserstein distance W1, in the column's unit; for categories and
        booleans the total variation, a share of the rows. None where the column failed.
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
class TableReport:
    """How table B differs from table A; made by `compare_tables`.

    Attributes
    ----------
    rows : tuple of ColumnComparison
        The shared columns, the largest `sort_key` first, failed ones last.
    joint : JointComparison or None
        The numeric columns together; None where there are fewer than two.
    name_a, name_b : str
        Paths or argument names.
    rows_a, rows_b : int
        Rows of the tables.
    only_a, only_b : tuple of str
        Columns that only one table has; they are not compared.
    weights : str or None
        Name of the weight column, "given" for arrays, None without weights.
    backend : {"pandas", "polars", "pyarrow"}
        Library of table A, and of `to_frame`.

    Examples
    --------
    >>> from otdiv.tables import compare_tables
    >>> a = {"delay": [0.0, 5.0, 10.0, 15.0], "carrier": ["UA", "UA", "B6", "B6"]}
    >>> b = {"delay": [3.0, 8.0, 13.0, 18.0], "carrier": ["UA", "B6", "B6", "B6"]}
    >>> report = compare_tables(a, b, units={"delay": "min"})
    >>> row = report["delay"]
    >>> row.measure, row.effect, row.unit, row.shift_share
    ('W1', 3.0, 'min', 1.0)
    >>> report["carrier"].measure, report["carrier"].effect
    ('TV', 0.25)
    """

    rows: tuple[ColumnComparison, ...]
    joint: JointComparison | None
    name_a: str
    name_b: str
    rows_a: int
    rows_b: int
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    weights: str | None
    backend: Backend

    def __getitem__(self, column: str) -> ColumnComparison:
        for row in self.rows:
            if row.column == column:
                return row
        raise KeyError(column)

    def __iter__(self) -> Iterator[ColumnComparison]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        return self.to_markdown()

    @property
    def failed(self) -> tuple[ColumnComparison, ...]:
        """Rows whose column could not be compared."""
        return tuple(row for row in self.rows if row.error is not None)

    def to_records(self) -> list[dict[str, Any]]:
        """One flat dictionary a row, in order, with unrounded numbers."""
        return [record(row) for row in self.rows]

    def to_frame(self, backend: Backend | None = None) -> Any:
        """One line a column as a data frame.

        Parameters
        ----------
        backend : {"pandas", "polars", "pyarrow"}, optional
            Its library; that of table A by default, pyarrow for files and arrays.

        Raises
        ------
        InvalidInputError
            If the name is another.
        MissingDependencyError
            If that library is not installed.
        """
        chosen = self.backend if backend is None else backend
        if chosen not in ("pandas", "polars", "pyarrow"):
            raise InvalidInputError("backend", 'be "pandas", "polars" or "pyarrow"', repr(chosen))
        narwhals = import_optional("narwhals.stable.v2", extra="cli", purpose="`to_frame`")
        import_optional(chosen, extra="cli", purpose="`to_frame`")
        records = self.to_records()
        columns = {name: [record[name] for record in records] for name in records[0]}
        types = {str: narwhals.String, int: narwhals.Int64, float: narwhals.Float64}
        schema = {name: types[FIELDS[name]] for name in columns}
        return narwhals.from_dict(columns, schema=schema, backend=chosen).to_native()

    def to_json(self) -> str:
        """All of it but the distributions, as JSON; what is not a finite number is null."""
        return as_json(document(self))

    def to_markdown(self) -> str:
        """Return a padded Markdown table, rounded for reading, and what stands out below it."""
        names = code_span(self.name_a), code_span(self.name_b)
        shown = escaped(self, for_markdown)
        lines = [
            f"A: {names[0]} ({self.rows_a:,} rows), B: {names[1]} ({self.rows_b:,} rows)",
            "",
            *markdown_table(shown),
            "",
            *(f"- {line}" for line in headlines(shown)),
        ]
        return "\n".join(lines) + "\n"

    def plot(self, column: str | None = None, *, ax: Axes | None = None) -> Axes:
        """Draw the report with matplotlib.

        Parameters
        ----------
        column : str, optional
            A column to look into: both ECDFs with the area between them, which is W1, shaded; the
            frequencies of the categories that moved most. By default all effects as sorted bars.
        ax : matplotlib Axes, optional
            Where to draw; a new figure by default.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        KeyError
            If no row has this name.
        InvalidInputError
            If the column failed.
        MissingDependencyError
            If matplotlib is not installed.
        """
        from ..plotting import plot_column, plot_effects

        if column is None:
            return plot_effects(self, ax=ax)
        labels = (_short_name(self.name_a), _short_name(self.name_b))
        return plot_column(self[column], labels=labels, ax=ax)


def _short_name(name: str) -> str:
    """Stem of a path; an argument's name as it is."""
    return PurePath(name).stem or name
