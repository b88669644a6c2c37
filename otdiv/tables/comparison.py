"""`compare_tables`: each shared column by itself, then the numeric columns together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._calling import explains_calls
from .._typing import FloatArray, RngLike
from .._validation import as_generator, check_callback
from ..errors import InvalidInputError, OtdivError
from ..results import is_stop
from ..sources.source import Spelling, spelling_of
from .arguments import chosen_columns, row_weights, shared_columns
from .columns import (
    SECONDS,
    BoolArray,
    Column,
    ColumnError,
    Kind,
    common_codes,
    common_numbers,
    common_ranks,
    decode,
)
from .measuring import compare_categories, compare_jointly, compare_numbers
from .reading import Table, TableLike, read_table
from .report import TableReport
from .rows import ColumnComparison, JointComparison
from .telling import IGNORE, Told, kept_as_texts, told_kinds, with_kind

__all__ = ["TableProgress", "compare_tables"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableProgress:
    """What a callback of `compare_tables` sees after each column.

    Attributes
    ----------
    column : str
        The column just done; "joint" for the joint comparison.
    done, total : int
        Steps done and to do.
    """

    column: str
    done: int
    total: int


@explains_calls()
def compare_tables(
    a: TableLike,
    b: TableLike,
    *,
    columns: Iterable[str] | None = None,
    weights: str | tuple[Any, Any] | None = None,
    units: Mapping[str, str] | None = None,
    kinds: Mapping[str, str] | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    na: str | Iterable[str] = (),
    rng: RngLike = 0,
    n_splits: int = 20,
    callback: Callable[[TableProgress], object] | None = None,
) -> TableReport:
    r"""Tell how table `b` differs from table `a`, column by column and jointly.

    Numbers are compared by the Wasserstein distance W1 = \int |F - G| in the column's own unit:
    the mean distance that a row's value has to move. Datetimes and durations are numbers, in
    seconds unless `units` says "min", "h" or "d", and dates in days. Ordered categoricals are
    compared by W1 over their ranks. Texts, other categoricals and booleans have no order to move
    along and are compared by the total variation, the share of rows that would have to change their
    category, and the Jensen-Shannon divergence.

    Missing values are dropped column by column, and counted. A column that cannot be compared has
    the reason in its row and does not stop the others.

    Parameters
    ----------
    a, b : path, data frame, array, mapping or Source
        A file, folder, pattern or "-" that `otdiv.sources.open_table` reads: texts, Parquet, Arrow,
        ORC, JSON lines, workbooks, data bases, NumPy files, archives, named by the last suffix in
        any case. A pandas, polars (also lazy) or pyarrow frame, an Arrow dataset or reader, a
        DuckDB relation; a NumPy array of shape (n,), (n, d) or with named fields (columns are
        called "0", "1", …); a mapping of names to 1-D arrays; a list of dictionaries. No pickle is
        ever loaded.
    columns : iterable of str, optional
        Columns to compare, of those that both tables have; all of them by default.
    weights : str or pair of array_like, optional
        Name of the column that holds the rows' weights (where only one table has it, the other's
        rows weigh the same), or the weights of `a` and of `b` (None in the pair: all the same).
        They are relative, each side by itself.
    units : mapping of str to str, optional
        Units of numeric columns, to be printed; they win over those that a Parquet or Arrow file
        states in a field's metadata under the key "units", and over "%" or a currency that stands
        in the cells of a text. Categories have none.
    kinds : mapping of str to str, optional
        What columns are, where it is not what it looks like: "category" (a ZIP code; text files
        keep "007"), "number" (1 and 0 for booleans), "ordered" (a polars Enum), "time" or
        "time:FORMAT" (of strptime; s, ms, us, ns count from 1970), "ignore".
    delimiter, decimal, encoding : str, optional
        How text files are written; found by default, and asked for where that is not possible.
    na : str or iterable of str
        Spellings of missing values in text files and workbooks, beside the usual ones.
    rng : numpy.random.Generator, int or None
        Draws the half-splits and the projections. A column's noise depends on the seed and the
        column's name, not on the other columns.
    n_splits : int
        Random half-splits of `a` for the noise floor; 0 leaves it out.
    callback : callable, optional
        Called with a `TableProgress` after each column; returning True leaves the remaining
        columns uncompared.

    Returns
    -------
    TableReport
        Rows sorted by W1 over the pooled standard deviation; categories stand among them by their
        total variation, and failed columns last.

    Raises
    ------
    InvalidInputError
        If a table is unreadable, damaged, of another format or delimiter than its suffix says, or
        empty; if no column is shared, a name is not that of a shared column, or the weights are not
        finite, non-negative and of positive sum.
    MissingDependencyError
        If narwhals or the library that reads a table is not installed.

    References
    ----------
    Ramdas, Garcia Trillos, Cuturi (2017), On Wasserstein two-sample testing and related families
    of nonparametric tests, Entropy 19(2):47, arXiv:1509.02237.

    Examples
    --------
    >>> from otdiv.tables import compare_tables
    >>> a = {"delay": [0.0, 5.0, 10.0, None], "carrier": ["UA", "UA", "B6", "B6"]}
    >>> b = {"delay": [3.0, 8.0, 13.0, 18.0], "carrier": ["UA", "B6", "B6", "B6"]}
    >>> report = compare_tables(a, b, units={"delay": "min"})
    >>> row = report.rows[0]
    >>> row.column, row.effect, row.unit, row.missing_a
    ('delay', 5.5, 'min', 1)
    """
    check_callback(callback)
    if n_splits < 0:
        raise InvalidInputError("n_splits", "be non-negative", n_splits)
    told = told_kinds(kinds)
    spelling = spelling_of(
        delimiter=delimiter, decimal=decimal, encoding=encoding, na=na, texts=kept_as_texts(told)
    )
    if all(isinstance(side, str) and side == "-" for side in (a, b)):
        raise InvalidInputError("b", "differ from `a`: standard input is read once", "-")
    table_a, table_b = read_table(a, "a", spelling), read_table(b, "b", spelling)
    _check_told(told, spelling, table_a, table_b)
    ignored = {name for name, kind in told.items() if kind.kind == IGNORE}
    weights_a, weights_b = row_weights(weights, table_a, table_b)
    names = shared_columns(table_a, table_b, weights if isinstance(weights, str) else None, ignored)
    chosen = chosen_columns(columns, names, "columns")
    named = dict(units or {})
    chosen_columns(named, names, "units")
    seed = int(as_generator(rng).integers(2**63))

    step = _Step(table_a, table_b, weights_a, weights_b, seed, n_splits, told, spelling)
    rows: list[ColumnComparison] = []
    numeric: dict[str, tuple[FloatArray, FloatArray]] = {}
    stopped = False
    for index, name in enumerate(chosen):
        if stopped:
            rows.append(step.failed(name, "stopped by the callback before this column"))
            continue
        row, standardized = step.compare(name, named.get(name))
        rows.append(row)
        if standardized is not None:
            numeric[name] = standardized
        if callback is not None:
            progress = TableProgress(column=name, done=index + 1, total=len(chosen) + 1)
            stopped = is_stop(callback(progress))
    joint = None if stopped else step.jointly(numeric)
    if callback is not None and not stopped:
        total = len(chosen) + 1
        callback(TableProgress(column="joint", done=total, total=total))
    order = sorted(range(len(rows)), key=lambda i: (-rows[i].sort_key, i))
    known_a, known_b = set(table_a.names), set(table_b.names)
    left_out = ignored | ({weights} if isinstance(weights, str) else set())
    return TableReport(
        rows=tuple(rows[index] for index in order),
        joint=joint,
        name_a=table_a.name,
        name_b=table_b.name,
        rows_a=table_a.n_rows,
        rows_b=table_b.n_rows,
        only_a=tuple(name for name in table_a.names if name not in known_b | left_out),
        only_b=tuple(name for name in table_b.names if name not in known_a | left_out),
        weights=weights if weights is None or isinstance(weights, str) else "given",
        backend=table_a.backend,
    )


def _check_told(told: Mapping[str, Told], spelling: Spelling, a: Table, b: Table) -> None:
    """Refuse kinds of columns that do not exist, and options that would do nothing."""
    used = a.spelled | b.spelled
    if any(kind.kind in ("number", "time") for kind in told.values()):
        used |= {"decimal", "na"}  # of texts in frames
    for name, value in spelling.given.items():
        if name not in used:
            raise InvalidInputError(name, "be left out: neither table is a text", repr(value))
    known = {*a.names, *b.names}
    for name in told:
        if name not in known:
            raise InvalidInputError("kinds", "name columns of `a` or `b`", repr(name))


class _Step:
    """One comparison under way: what all columns have in common."""

    def __init__(
        self,
        a: Table,
        b: Table,
        weights_a: FloatArray | None,
        weights_b: FloatArray | None,
        seed: int,
        n_splits: int,
        told: Mapping[str, Told],
        spelling: Spelling,
    ):
        self.a, self.b = a, b
        self.told, self.spelling = told, spelling
        self.weights_a, self.weights_b = weights_a, weights_b
        self.seed = seed
        self.n_splits = n_splits

    def generator(self, name: str) -> np.random.Generator:
        """Randomness of one column, the same whatever else is compared."""
        return np.random.default_rng([self.seed, *name.encode("utf-8", "surrogatepass")])

    def failed(self, name: str, reason: str) -> ColumnComparison:
        """Return the row of a column of which nothing is known."""
        return ColumnComparison(
            column=name,
            kind="unknown",
            n_a=0,
            n_b=0,
            missing_a=0,
            missing_b=0,
            missing_rate_a=math.nan,
            missing_rate_b=math.nan,
            error=reason,
        )

    def compare(
        self, name: str, unit: str | None
    ) -> tuple[ColumnComparison, tuple[FloatArray, FloatArray] | None]:
        """Return the row of a column, and its standardised numbers, NaN where there are none."""
        try:
            a, b = self._decoded(name)
        except ColumnError as error:
            return self.failed(name, str(error)), None
        seen_a, weights_a = _compared(a, self.weights_a)
        seen_b, weights_b = _compared(b, self.weights_b)
        row = replace(
            self.failed(name, ""),
            n_a=int(np.count_nonzero(seen_a)),
            n_b=int(np.count_nonzero(seen_b)),
            missing_a=int(np.count_nonzero(~a.present)),
            missing_b=int(np.count_nonzero(~b.present)),
            missing_rate_a=float(np.count_nonzero(~a.present)) / self.a.n_rows,
            missing_rate_b=float(np.count_nonzero(~b.present)) / self.b.n_rows,
        )
        try:
            kind = _common_kind(a, b)
            for side, seen in (("A", row.n_a), ("B", row.n_b)):
                if seen == 0:
                    raise ColumnError(f"no value of positive weight in {side}")
            row = replace(row, kind=kind.value, error=None)
            rng = self.generator(name)
            if kind.is_unordered:
                p, q, labels = common_codes(a, b)
                row = compare_categories(
                    row, p[seen_a], q[seen_b], labels, weights_a, weights_b, self.n_splits, rng
                )
                return row, None
            if kind is Kind.ORDERED:
                unit, seconds, numbers = unit or "ranks", 1.0, common_ranks(a, b)
            elif kind.is_time:
                unit, seconds = _time_unit(unit, a.is_dates and b.is_dates)
                numbers = common_numbers(a, b)
            else:
                unit, seconds, numbers = self._unit(name, unit), 1.0, common_numbers(a, b)
            row, standardized = compare_numbers(
                replace(row, unit=unit),
                numbers._replace(x=numbers.x[seen_a], y=numbers.y[seen_b]),
                seconds * numbers.ticks,
                weights_a,
                weights_b,
                self.n_splits,
                rng,
            )
            if standardized is None or kind is Kind.ORDERED:
                return row, None
            z_a, z_b = standardized
            return row, (_spread(z_a, a.present, seen_a), _spread(z_b, b.present, seen_b))
        except (ColumnError, OtdivError) as error:
            return replace(row, error=str(error)), None

    def _decoded(self, name: str) -> tuple[Column, Column]:
        decoded = []
        for side, table in (("A", self.a), ("B", self.b)):
            if name in table.repeated:
                raise ColumnError(f"{table.repeated[name]} columns of {side} have this name")
            try:
                column = decode(table.columns[name])
                if name in self.told:
                    column = with_kind(column, self.told[name], self.spelling)
                decoded.append(column)
            except ColumnError as error:
                what, colon, remedy = str(error).partition("; ")
                raise ColumnError(f"{what} in {side}{colon}{remedy}") from error
        return decoded[0], decoded[1]

    def _unit(self, name: str, given: str | None) -> str | None:
        """Return the unit of a column of numbers, which must not be percent on one side alone."""
        marks = [table.marks.get(name) for table in (self.a, self.b)]
        if marks[0] != marks[1] and (None not in marks or not {"%", "‰"}.isdisjoint(marks)):
            shown = [f"with {mark}" if mark else "without" for mark in marks]
            raise ColumnError(f"numbers {shown[0]} in A, {shown[1]} in B")
        stated = (table.units.get(name) for table in (self.a, self.b))
        return next((unit for unit in (given, *stated, *marks) if unit is not None), None)

    def jointly(
        self, numeric: Mapping[str, tuple[FloatArray, FloatArray]]
    ) -> JointComparison | None:
        """Compare the standardised columns together, if there are two."""
        if len(numeric) < 2:
            return None
        return compare_jointly(
            tuple(numeric),
            np.column_stack([pair[0] for pair in numeric.values()]),
            np.column_stack([pair[1] for pair in numeric.values()]),
            self.weights_a,
            self.weights_b,
            self.n_splits,
            self.generator("\0joint"),
        )


def _compared(column: Column, weights: FloatArray | None) -> tuple[BoolArray, FloatArray | None]:
    """Which of a column's values carry weight, and how much; None is the same for all."""
    if weights is None:
        return np.ones(column.values.shape, dtype=bool), None
    present = weights[column.present]
    kept = present > 0.0
    return kept, present[kept]


def _spread(values: FloatArray, present: BoolArray, seen: BoolArray) -> FloatArray:
    """Values back on their rows, NaN where they are missing or weigh nothing."""
    full = np.full(present.shape, np.nan)
    full[np.flatnonzero(present)[seen]] = values
    return full


def _common_kind(a: Column, b: Column) -> Kind:
    if Kind.EMPTY in (a.kind, b.kind):
        sides = [side for side, column in (("A", a), ("B", b)) if column.kind is Kind.EMPTY]
        raise ColumnError(f"all values are missing in {' and '.join(sides)}")
    if {a.kind, b.kind} == {Kind.ORDERED, Kind.CATEGORIES}:
        return Kind.ORDERED  # the other table's texts, if they stand in the order
    if a.kind is not b.kind:
        raise ColumnError(f"{a.kind} in A, {b.kind} in B")
    return a.kind


def _time_unit(unit: str | None, are_dates: bool) -> tuple[str, float]:
    if unit is None:
        unit = "d" if are_dates else "s"
    if unit not in SECONDS:
        raise ColumnError(f"times are shown in {', '.join(SECONDS)}, not in {unit!r}")
    return unit, SECONDS[unit]
