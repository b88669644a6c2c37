"""`compare_batches`, `compare_groups`, `compare_over`: many tables against one reference."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..._calling import explains_calls
from ..._typing import RngLike
from ..._validation import check_callback, check_positive_integer
from ...errors import InvalidInputError
from ...results import is_stop
from ...sources.source import Source
from ..asking import Asked, as_asked, check_told, names_of
from ..columns import BoolArray
from ..comparison import compared, judged_reports
from ..formats import listed
from ..progress import Pulse, TableProgress
from ..reading import Table, TableLike, read_table
from ..report import TableReport
from ..telling import IGNORE
from .dividing import (
    LEAST_ROWS,
    check_chunks,
    column_that_divides,
    group_named,
    groups_of,
    reference_rows,
    times_of,
)
from .opened import opened_batches, reads_input
from .periods import ROWS, as_every, chunks_of_rows, chunks_of_times
from .report import BatchReport
from .splitting import decoded_table, part_of

__all__ = ["compare_batches", "compare_groups", "compare_over"]

MOST_BATCHES = 200
"""Batches that are compared unless told otherwise: more are rarely meant (a column of identifiers),
and no picture shows them; by taste."""

Callback = Callable[[TableProgress], object]


class _Pair(NamedTuple):
    """A batch and its reference."""

    label: str
    a: Table
    b: Table


@explains_calls()
def compare_batches(
    a: TableLike,
    batches: Sequence[TableLike] | Mapping[str, TableLike],
    *,
    columns: Iterable[str] | None = None,
    weights: str | None = None,
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
    jointly: bool = False,
    n_permutations: int = 9999,
    max_batches: int = MOST_BATCHES,
    rng: RngLike = 0,
    callback: Callback | None = None,
) -> BatchReport:
    """Tell how each of several tables differs from table `a`.

    The verdicts are corrected for the number of all columns of all batches together, so that
    twenty batches of the same law do not differ twenty times as often as one.

    Parameters
    ----------
    a : path, data frame, array, mapping or Source
        The reference, as `compare_tables` takes it. It is read once.
    batches : sequence of tables, or mapping of str to tables
        Each as `compare_tables` takes it; read one after the other. The keys of a mapping are the
        labels; otherwise they are as much of the paths as tells them apart.
    columns, units, kinds, delimiter, decimal, encoding, na, level, correction, tolerance, \
missing_tolerance, blocks, paired, n_permutations, rng
        As in `compare_tables`. A column that a batch does not have is not compared there. One seed
        serves all batches: a batch shows the same whatever the others are, but for the correction.
    weights : str, optional
        Name of the column that holds the rows' weights.
    jointly : bool
        Whether the numeric columns of each batch are compared together as well, which takes
        seconds a batch.
    max_batches : int
        Batches above which nothing is compared: an error says how many there are.
    callback : callable, optional
        Called with a `TableProgress` after each column of each batch; returning True leaves the
        rest uncompared.

    Returns
    -------
    BatchReport

    Raises
    ------
    InvalidInputError, MissingDependencyError
        As `compare_tables`; if there is no batch, or more than `max_batches`.

    Examples
    --------
    >>> from otdiv.tables import compare_batches
    >>> a = {"delay": [float(k % 50) for k in range(200)]}
    >>> late = {"delay": [float(k % 50) + 30.0 for k in range(200)]}
    >>> report = compare_batches(a, {"monday": a, "tuesday": late})
    >>> [str(one["delay"].verdict) for one in report]
    ['within noise', 'differs']
    """
    check_callback(callback)
    most = check_positive_integer("max_batches", max_batches)
    asked = as_asked(
        columns=columns,
        weights=_weights(weights),
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
    if reads_input([a]) and reads_input(batches):
        raise InvalidInputError("batches", "not hold what `a` is: standard input is read once", "-")
    labels, sources = opened_batches(batches, most, asked)
    table = read_table(a, "a", asked.spelling)
    check_told(asked.told, asked.spelling, table, *sources)
    shared = [
        _shared(table, source, label, asked) for label, source in zip(labels, sources, strict=True)
    ]
    _check_named(asked, shared, [table, *sources])
    decoded = _decoded(table, asked)

    def pairs() -> Iterator[_Pair]:
        for label, source in zip(labels, sources, strict=True):
            yield _Pair(label, decoded, read_table(source, label, asked.spelling))

    reports = _reports(pairs(), shared, asked, callback, jointly)
    return BatchReport(
        reports=tuple(reports), labels=tuple(labels), kind="tables", name=table.name, reference="A"
    )


@explains_calls()
def compare_groups(
    table: TableLike,
    *,
    by: str,
    reference: object = None,
    columns: Iterable[str] | None = None,
    weights: str | None = None,
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
    jointly: bool = False,
    n_permutations: int = 9999,
    max_batches: int = MOST_BATCHES,
    rng: RngLike = 0,
    callback: Callback | None = None,
) -> BatchReport:
    """Tell how each group of a table's rows differs from all others, or from one group.

    Parameters
    ----------
    table : path, data frame, array, mapping or Source
        As `compare_tables` takes it.
    by : str
        Column whose equal values are a group: categories, booleans, numbers, dates. Rows where it
        is missing belong to no group and take no part; groups of one row are not compared.
    reference : optional
        Value of the group that all others are compared with; by default each group is compared
        with all rows that are in another one.
    columns, units, kinds, delimiter, decimal, encoding, na, level, correction, tolerance, \
missing_tolerance, blocks, n_permutations, rng
        As in `compare_tables`.
    weights, jointly, max_batches, callback
        As in `compare_batches`.

    Returns
    -------
    BatchReport
        Groups in the order of their values.

    Raises
    ------
    InvalidInputError, MissingDependencyError
        As `compare_tables`; if `by` is no column that makes groups, if there are more than
        `max_batches` or fewer than two of them, or if none has the value `reference`.

    Examples
    --------
    >>> from otdiv.tables import compare_groups
    >>> carriers = ["UA", "B6", "AA"] * 100
    >>> delays = [k % 40 + 30.0 * (name == "B6") for k, name in enumerate(carriers)]
    >>> report = compare_groups({"carrier": carriers, "delay": delays}, by="carrier")
    >>> report.labels
    ('AA', 'B6', 'UA')
    >>> str(report["B6"]["delay"].verdict)
    'differs'
    """
    check_callback(callback)
    most = check_positive_integer("max_batches", max_batches)
    asked = as_asked(
        columns=columns,
        weights=_weights(weights),
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
        paired=False,
        n_permutations=n_permutations,
        rng=rng,
    )
    whole = read_table(table, "table", asked.spelling)
    check_told(asked.told, asked.spelling, whole)
    column = column_that_divides(whole, by, "by", asked)
    codes, values = groups_of(column, by, most)
    counts = np.bincount(codes[codes >= 0], minlength=len(values))
    chosen = None if reference is None else group_named(reference, values, counts)
    shared = _shared(whole, whole, "table", asked, but=by)
    _check_named(asked, [shared], [whole])
    decoded = _decoded(whole, asked, but=by)
    compared_ones = [
        place
        for place, count in enumerate(counts.tolist())
        if place != chosen and count >= LEAST_ROWS
    ]
    n_others = int(counts.sum()) - counts  # rows of all other groups
    if len(values) < 2 or not compared_ones or (chosen is None and n_others.min() < LEAST_ROWS):
        requirement = f"make two groups of {LEAST_ROWS} rows or more"
        raise InvalidInputError("by", requirement, f"{by}: {listed(values)}")

    def pairs() -> Iterator[_Pair]:
        fixed = None
        if chosen is not None:
            fixed = part_of(decoded, codes == chosen, f"{by} = {values[chosen]}")
        for place in compared_ones:
            inside = codes == place
            others = fixed
            if others is None:
                others = part_of(decoded, (codes >= 0) & ~inside, f"{by}: the others")
            yield _Pair(values[place], others, part_of(decoded, inside, f"{by} = {values[place]}"))

    reports = _reports(pairs(), [shared] * len(compared_ones), asked, callback, jointly)
    return BatchReport(
        reports=tuple(reports),
        labels=tuple(values[place] for place in compared_ones),
        kind="groups",
        name=whole.name,
        reference="the others" if chosen is None else f"{by} = {values[chosen]}",
        by=by,
        skipped=tuple(
            (values[place], count)
            for place, count in enumerate(counts.tolist())
            if place != chosen and count < LEAST_ROWS
        ),
        unassigned=int(np.count_nonzero(codes < 0)),
    )


@explains_calls()
def compare_over(
    table: TableLike,
    *,
    time: str,
    every: str | int,
    reference: str | int | None = None,
    against: TableLike | None = None,
    columns: Iterable[str] | None = None,
    weights: str | None = None,
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
    jointly: bool = False,
    n_permutations: int = 9999,
    max_batches: int = MOST_BATCHES,
    rng: RngLike = 0,
    callback: Callback | None = None,
) -> BatchReport:
    """Tell how a table changes over time: chunk after chunk against a reference period.

    Beside each effect stands what it would be where nothing changed, for chunks of that size: the
    band of `BatchReport.plot`. It takes rows for exchangeable. Rows of one day have much in common;
    with `blocks` on a column of days whole days are exchanged.

    Parameters
    ----------
    table : path, data frame, array, mapping or Source
        As `compare_tables` takes it.
    time : str
        Column of dates or datetimes; in the clock of their zone where they have one. Texts and
        numbers become times by `kinds`. Rows where it is missing take no part.
    every : str or int
        Length of a chunk: "6h", "1d", "1w" (from Monday), "1mo", "1q", "1y", or s and min, of the
        calendar where the number divides its unit and from the first row otherwise; an int is a
        number of rows in the order of time. Chunks without rows are left out, and those of one row
        are not compared.
    reference : str or int, optional
        The period that all other chunks are compared with, with both ends: "2024-01..2024-02",
        "2024-01-15", "2024-Q1", "..2024-06"; an int k is the first k chunks, by default one.
    against : path, data frame, array, mapping or Source, optional
        A table to compare all chunks with, in place of a reference period. It needs no time.
    columns, units, kinds, delimiter, decimal, encoding, na, level, correction, tolerance, \
missing_tolerance, blocks, n_permutations, rng
        As in `compare_tables`.
    weights, jointly, max_batches, callback
        As in `compare_batches`.

    Returns
    -------
    BatchReport
        Chunks in the order of time, with their `starts`.

    Raises
    ------
    InvalidInputError, MissingDependencyError
        As `compare_tables`; if `time` holds no times, `every` or `reference` is none of these, the
        reference has fewer than two rows, nothing is left to compare with it, or there are more
        than `max_batches` chunks.

    Examples
    --------
    >>> import numpy as np
    >>> from otdiv.tables import compare_over
    >>> days = np.repeat(np.arange("2024-01-01", "2024-01-06", dtype="datetime64[D]"), 100)
    >>> delays = np.tile(np.arange(100.0), 5) + 40.0 * (days == np.datetime64("2024-01-04"))
    >>> report = compare_over({"day": days, "delay": delays}, time="day", every="1d", reference=2)
    >>> [label for label, one in zip(report.labels, report) if one.differing]
    ['2024-01-04']
    """
    check_callback(callback)
    most = check_positive_integer("max_batches", max_batches)
    length = as_every(every)
    if against is not None and reference is not None:
        raise InvalidInputError("reference", "be left out where `against` is given", reference)
    asked = as_asked(
        columns=columns,
        weights=_weights(weights),
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
        paired=False,
        n_permutations=n_permutations,
        rng=rng,
    )
    if against is not None and reads_input([table]) and reads_input([against]):
        requirement = "differ from `table`: standard input is read once"
        raise InvalidInputError("against", requirement, "-")
    whole = read_table(table, "table", asked.spelling)
    base = whole if against is None else read_table(against, "against", asked.spelling)
    check_told(asked.told, asked.spelling, *((whole,) if against is None else (base, whole)))
    known, times = times_of(whole, time, asked)
    chunks = (
        chunks_of_rows(times, length) if length.unit == ROWS else chunks_of_times(times, length)
    )
    is_base = np.zeros(times.size, dtype=bool)
    words = base.name
    if against is None:
        is_base, words = reference_rows(reference, times, chunks)
    codes = np.where(is_base, -1, chunks.codes)
    counts = np.bincount(codes[codes >= 0], minlength=len(chunks.labels))
    compared_ones = np.flatnonzero(counts >= LEAST_ROWS).tolist()
    check_chunks(compared_ones, length, most)
    shared = _shared(base, whole, "table", asked, but=time)
    _check_named(asked, [shared], [base, whole])
    decoded = _decoded(whole, asked, but=time)

    def rows(chosen: BoolArray) -> BoolArray:
        """Of the whole table, for rows that have a time."""
        mask = np.zeros(whole.n_rows, dtype=bool)
        mask[np.flatnonzero(known)[chosen]] = True
        return mask

    def pairs() -> Iterator[_Pair]:
        if against is None:
            fixed = part_of(decoded, rows(is_base), words)
        else:
            fixed = _decoded(base, asked, but=time)
        for place in compared_ones:
            label = chunks.labels[place]
            yield _Pair(label, fixed, part_of(decoded, rows(codes == place), label))

    reports = _reports(pairs(), [shared] * len(compared_ones), asked, callback, jointly)
    return BatchReport(
        reports=tuple(reports),
        labels=tuple(chunks.labels[place] for place in compared_ones),
        kind="periods",
        name=whole.name,
        reference=words,
        by=time,
        every=length.text,
        starts=chunks.starts[compared_ones],
        skipped=tuple(
            (chunks.labels[place], int(counts[place])) for place in np.flatnonzero(counts == 1)
        ),
        unassigned=int(np.count_nonzero(~known)),
    )


def _weights(weights: object) -> str | None:
    if weights is None or isinstance(weights, str):
        return weights
    raise InvalidInputError("weights", "name a column", type(weights).__name__)


def _shared(
    a: Table, b: Table | Source, label: str, asked: Asked, but: str | None = None
) -> tuple[str, ...]:
    """Columns to compare with one batch."""
    apart = {name for name in (asked.weights, asked.blocks, but) if isinstance(name, str)}
    apart |= {name for name, told in asked.told.items() if told.kind == IGNORE}
    names = names_of(b)
    others = {*names} - apart
    shared = tuple(name for name in a.names if name in others)
    if asked.columns is not None:
        shared = tuple(name for name in asked.columns if name in shared)
    if not shared:
        requirement = "share a column to compare with the reference"
        raise InvalidInputError(label, requirement, listed(names, 8))
    return shared


def _check_named(
    asked: Asked, shared: Sequence[Iterable[str]], tables: Sequence[Table | Source]
) -> None:
    """Refuse names of columns that nothing is compared in, and of columns that no table has."""
    compared_ones = {name for names in shared for name in names}
    known = {name for table in tables for name in names_of(table)}
    for argument, names, among, what in (
        ("columns", asked.columns or (), compared_ones, "columns that are compared"),
        ("units", asked.units, known, "columns of the tables"),
        ("tolerance", asked.tolerances.columns, known, "columns of the tables"),
    ):
        for name in names:
            if name not in among:
                raise InvalidInputError(argument, f"name {what}", repr(name))


def _decoded(table: Table, asked: Asked, but: str | None = None) -> Table:
    """A table whose columns are decoded once, without the column that divides it."""
    names = None
    if asked.columns is not None:
        others = (name for name in (asked.weights, asked.blocks) if isinstance(name, str))
        names = [*asked.columns, *others]
    decoded = decoded_table(table, asked.told, asked.spelling, names)
    divides = {but} - {asked.weights, asked.blocks}
    kept = {name: column for name, column in decoded.columns.items() if name not in divides}
    return replace(decoded, columns=kept)


def _within(asked: Asked, shared: Iterable[str]) -> Asked:
    """What is asked of one batch, which may have fewer columns than others."""
    names = tuple(shared)
    tolerances = asked.tolerances
    known = {name: one for name, one in tolerances.columns.items() if name in names}
    return asked._replace(
        columns=names,
        units={name: unit for name, unit in asked.units.items() if name in names},
        tolerances=tolerances._replace(columns=known),
    )


def _reports(
    pairs: Iterator[_Pair],
    shared: Sequence[tuple[str, ...]],
    asked: Asked,
    callback: Callback | None,
    jointly: bool,
) -> list[TableReport]:
    """Compare pair after pair, and judge all of them together."""
    per_batch = [len(names) + int(jointly) for names in shared]
    done = 0
    stopped = False
    found = []
    for pair, names, steps in zip(pairs, shared, per_batch, strict=True):
        offset = done

        def tell(progress: TableProgress, pair: _Pair = pair, offset: int = offset) -> object:
            nonlocal stopped
            assert callback is not None
            answer = callback(
                replace(
                    progress,
                    batch=pair.label,
                    done=offset + progress.done,
                    total=sum(per_batch),
                )
            )
            stopped = is_stop(answer)
            return answer

        found.append(
            compared(
                pair.a,
                pair.b,
                _within(asked, names),
                Pulse(None if callback is None else tell),
                jointly=jointly,
                stopped=stopped,
            )
        )
        done += steps
    return judged_reports(found)
