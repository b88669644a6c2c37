"""`compare_tables`: each shared column by itself, then the numeric columns together."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from .._calling import explains_calls
from .._typing import FloatArray, RngLike
from .._validation import check_callback
from ..errors import InvalidInputError
from .arguments import check_names, chosen_columns, row_weights, shared_columns
from .asking import Asked, as_asked, check_told
from .evidence import Question
from .exchange import as_exchange
from .progress import Pulse, StoppedError, TableProgress
from .reading import Table, TableLike, table_of
from .report import TableReport
from .rows import ColumnComparison
from .step import Pair, Step, failed_row
from .streamed.comparison import compared_in_passes
from .streamed.road import opened_pair
from .telling import IGNORE
from .verdicts import judged

__all__ = ["compare_tables", "compared", "judged_reports"]


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
    level: float = 0.95,
    correction: str = "bh",
    tolerance: float | str | Mapping[str, float | str] | None = None,
    missing_tolerance: float | str | None = None,
    blocks: str | int | None = None,
    paired: bool = False,
    n_permutations: int = 9999,
    rng: RngLike = 0,
    max_memory: int | None = None,
    callback: Callable[[TableProgress], object] | None = None,
) -> TableReport:
    r"""Tell how table `b` differs from table `a`, column by column and jointly.

    Numbers are compared by the Wasserstein distance W1 = \int |F - G| in the column's own unit:
    the mean distance that a row's value has to move. Datetimes and durations are numbers, in
    seconds unless `units` says "min", "h" or "d", and dates in days. Ordered categoricals are
    compared by W1 over their ranks. Texts, other categoricals and booleans have no order to move
    along and are compared by the total variation, the share of rows that would have to change their
    category, and the Jensen-Shannon divergence.

    Each effect has a p-value, an interval and a verdict. The p-value is the share of random deals
    of the pooled rows, in parts of the sizes of `a` and `b`, whose effect is as large: it takes for
    granted that rows are exchangeable where nothing changed, and nothing about their law. The
    verdicts of all columns together are corrected for their number.

    Missing values are dropped column by column, and their shares compared like a category. A column
    that cannot be compared has the reason in its row and does not stop the others.

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
    level : float
        Of the intervals, each by itself, and of the verdicts: "differs" is said where the corrected
        p-value is at most 1 - `level`.
    correction : {"bh", "by", "holm", "none"}
        For the number of tests, values and missing values of all columns: Benjamini-Hochberg and
        Benjamini-Yekutieli bound the expected share of false differences among those named,
        Holm the probability of any.
    tolerance : float, str or mapping of str to them, optional
        The largest effect that does not matter, δ: a number in the column's unit (5, "5min"), a
        share of the pooled sd ("0.1sd"), for categories a share of the rows ("2%"). By column, or
        one for all columns that have its unit; several of those are separated by commas. In a
        mapping "*" stands for all columns without one of their own.
    missing_tolerance : float or str, optional
        The same for missing values, a share of the rows.
    blocks : str or int, optional
        Rows that are not exchangeable one by one: a column whose equal values are a block (a day, a
        customer), or the number of successive rows of one (of rows in time, longer than their
        memory). Blocks are exchanged as wholes.
    paired : bool
        Row i of `a` and row i of `b` are of one kind: the two rows of a pair swap.
    n_permutations : int
        Relabellings at most. A column stops as soon as its p-value is settled; 0 leaves out the
        noise, p-values, intervals and verdicts.
    rng : numpy.random.Generator, int or None
        Draws relabellings, noise and projections. What a column shows depends on the seed and the
        column's name, not on the other columns.
    max_memory : int, optional
        Bytes that a comparison in memory may take by its forecast, half of what the machine has
        left by default. Above that rows are read in batches, as `otdiv.streaming` does: once, and
        again only in columns whose bounds are apart by more than a thousandth. `weights`, `blocks`
        and `paired` need all rows in memory.
    callback : callable, optional
        Called with a `TableProgress` after each column, and about every half second within one that
        takes long; returning True leaves the remaining columns uncompared.

    Returns
    -------
    TableReport
        First the columns that differ, by W1 over the pooled standard deviation; categories stand
        among them by their total variation. What is within noise comes after them, then columns
        that take no part (identifiers, free text), and failed ones last.

    Raises
    ------
    InvalidInputError
        If a table is unreadable, damaged, of another format or delimiter than its suffix says, or
        empty; if no column is shared, a name is not that of a shared column, or the weights are not
        finite, non-negative and of positive sum; if an option is not of its kind.
    UnsupportedProblemError
        If `weights`, `blocks` or `paired` are asked for and the tables do not fit into memory.
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
    asked = as_asked(
        columns=columns,
        weights=weights,
        units=units,
        kinds=kinds,
        delimiter=delimiter,
        decimal=decimal,
        encoding=encoding,
        na=na,
        level=level,
        correction=correction,
        tolerance=tolerance,
        missing_tolerance=missing_tolerance,
        blocks=blocks,
        paired=paired,
        n_permutations=n_permutations,
        rng=rng,
    )
    if all(isinstance(side, str) and side == "-" for side in (a, b)):
        raise InvalidInputError("b", "differ from `a`: standard input is read once", "-")
    pulse = Pulse(callback)  # whose first beat may follow the reading of large tables
    pair, fits = opened_pair(a, b, asked, max_memory)
    if not fits:
        return judged_reports([compared_in_passes(pair, asked, pulse)])[0]
    table_a, table_b = (table_of(each.source, each.held, each.argument) for each in pair)
    check_told(asked.told, asked.spelling, table_a, table_b)
    return judged_reports([compared(table_a, table_b, asked, pulse)])[0]


def compared(
    table_a: Table,
    table_b: Table,
    asked: Asked,
    pulse: Pulse,
    *,
    jointly: bool = True,
    stopped: bool = False,
) -> TableReport:
    """Compare two tables that are read; verdicts, which look at all columns, are still to come.

    Where it is `stopped` before it began, every row says so.
    """
    told, spelling = asked.told, asked.spelling
    ignored = {name for name, kind in told.items() if kind.kind == IGNORE}
    weights_a, weights_b = row_weights(asked.weights, table_a, table_b)
    sides = weights_a, weights_b
    exchange = as_exchange(table_a, table_b, sides, asked.blocks, asked.paired)
    apart = {name for name in (asked.weights, asked.blocks) if isinstance(name, str)} | ignored
    names = shared_columns(table_a, table_b, apart)
    chosen = chosen_columns(asked.columns, names, "columns")
    # What is said of a column that one table has lost is no mistake of the caller's.
    known = list(dict.fromkeys([*table_a.names, *table_b.names]))
    check_names(asked.units, known, "units")
    check_names(asked.tolerances.columns, known, "tolerance")

    pulse.total = len(chosen) + int(jointly)
    question = Question(exchange, asked.level, asked.n_permutations, pulse)
    pair = Pair(table_a, table_b, weights_a, weights_b, told, spelling)
    step = Step(pair, question, asked.tolerances, asked.seed)
    rows: list[ColumnComparison] = []
    numeric: dict[str, tuple[FloatArray, FloatArray]] = {}
    for index, name in enumerate(chosen):
        if stopped:
            rows.append(failed_row(name, "stopped by the callback before this column"))
            continue
        pulse.begin(name, index)
        try:
            pulse.beat()
            row, standardized = step.compare(name, asked.units.get(name))
        except StoppedError:
            rows.append(failed_row(name, "stopped by the callback within this column"))
            stopped = True
            continue
        rows.append(row)
        if standardized is not None:
            numeric[name] = standardized
        stopped = pulse.end()
    joint = None
    if jointly and not stopped:
        pulse.begin("joint", len(chosen))
        with contextlib.suppress(StoppedError):
            joint = step.jointly(numeric)
            pulse.end()
    known_a, known_b = set(table_a.names), set(table_b.names)
    return TableReport(
        rows=tuple(rows),
        joint=joint,
        name_a=table_a.name,
        name_b=table_b.name,
        rows_a=table_a.n_rows,
        rows_b=table_b.n_rows,
        only_a=tuple(name for name in table_a.names if name not in known_b | apart),
        only_b=tuple(name for name in table_b.names if name not in known_a | apart),
        weights=asked.weights if isinstance(asked.weights, str | None) else "given",
        backend=table_a.backend,
        level=asked.level,
        correction=asked.correction,
        n_permutations=asked.n_permutations,
        exchanged=exchange.words,
        missing_tolerance=asked.tolerances.missing,
    )


def judged_reports(reports: Iterable[TableReport]) -> list[TableReport]:
    """Give the columns of several reports, corrected together, their verdicts and their order."""
    reports = list(reports)
    if not reports:
        return []
    level, correction = reports[0].level, reports[0].correction
    found = judged(
        ((report.rows, report.joint) for report in reports), level=level, correction=correction
    )
    return [
        replace(report, rows=tuple(sorted(rows, key=_place)), joint=joint)
        for report, (rows, joint) in zip(reports, found, strict=True)
    ]


def _place(row: ColumnComparison) -> tuple[int, float]:
    """Where a row stands: what differs first, then by size; what took no part and failed last."""
    if row.error is not None:
        return 3, 0.0
    if row.left_out is not None and not row.differs:
        return 2, 0.0
    quiet = row.evidence is not None and not row.differs
    return int(quiet), -row.sort_key
