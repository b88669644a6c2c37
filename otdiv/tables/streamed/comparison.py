"""Two tables that are not held in memory: one pass over all columns, more where it takes them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..._typing import FloatArray
from ...errors import InvalidInputError, OtdivError, UnsupportedProblemError
from ...streaming.comparison import compared
from ...streaming.state import SampleState
from ..arguments import check_names, chosen_columns, shared_columns
from ..asking import Asked, check_told
from ..columns import Column, ColumnError, Kind, common_codes, common_ranks
from ..evidence import Question
from ..exchange import Exchange
from ..joint import MOST_ROWS, N_PROJECTIONS, compare_jointly
from ..progress import Pulse, StoppedError
from ..reading import Table, split_names
from ..report import TableReport
from ..roles import IDENTIFIERS, LEAST_ROWS, NEARLY_ALL, role_of_texts
from ..rows import ColumnComparison, JointComparison
from ..step import common_kind, failed_row, generator_of, number_unit, time_unit
from ..telling import IGNORE
from .columns import Clock, Gathered
from .refining import Line, refined
from .road import Opened
from .rows import Moments, category_row, missing_row, moments_of, number_row
from .sample import RowSample

__all__ = ["compared_in_passes"]

MOST_TESTED = 10**9
"""Rows of both tables from which NumPy draws no relabellings."""

_BATCH = 2**17
"""Rows of a batch that are looked at together."""

_SLICE = 2**20
"""Ranks that are put into a state at once: 8 MB."""


def compared_in_passes(pair: tuple[Opened, Opened], asked: Asked, pulse: Pulse) -> TableReport:
    """Compare two tables whose rows come in batches; verdicts are still to come.

    Raises
    ------
    InvalidInputError
        If a table is empty or unreadable, or an option names no column.
    UnsupportedProblemError
        If there are more rows than relabellings are drawn of.
    """
    comparing = _Comparing(pair, asked, pulse)
    with contextlib.suppress(StoppedError):
        comparing.read()
        comparing.look_again()
    return comparing.report()


@dataclass(slots=True)
class _Shared:
    """A column of both tables."""

    name: str
    sides: tuple[Gathered, Gathered]
    row: ColumnComparison
    line: Line | None = None
    moments: Moments | None = None


class _Comparing:
    """One comparison under way."""

    def __init__(self, pair: tuple[Opened, Opened], asked: Asked, pulse: Pulse):
        self.pair, self.asked, self.pulse = pair, asked, pulse
        a, b = self.tables = _named(pair[0]), _named(pair[1])
        check_told(asked.told, asked.spelling, a, b)
        ignored = {name for name, kind in asked.told.items() if kind.kind == IGNORE}
        self.apart = ignored
        self.chosen = chosen_columns(asked.columns, shared_columns(a, b, ignored), "columns")
        known = list(dict.fromkeys([*a.names, *b.names]))
        check_names(asked.units, known, "units")
        check_names(asked.tolerances.columns, known, "tolerance")
        seeds = generator_of(asked.seed, "\0sample").integers(2**63, size=2)
        self.samples = [RowSample(len(self.chosen), int(seed)) for seed in seeds]
        self.n_rows = [0, 0]
        self.n_passes = 1
        self.is_read = False
        self.columns = [self._column(name) for name in self.chosen]
        pulse.total = len(self.chosen) + 1

    def _column(self, name: str) -> _Shared:
        told, clock = self.asked.told.get(name), Clock()
        a, b = (Gathered(told, self.asked.spelling, clock) for _ in "AB")
        return _Shared(name, (a, b), failed_row(name, "stopped by the callback before this column"))

    def read(self) -> None:
        """Pass over both tables once."""
        self.pulse.begin("reading", 0)
        for side, (opened, table) in enumerate(zip(self.pair, self.tables, strict=True)):
            places = [table.columns.get(name) for name in self.chosen]
            for n_rows, cells in _slices(opened, places):
                found = [
                    None if part is None else column.sides[side].add(part)
                    for column, part in zip(self.columns, cells, strict=True)
                ]
                self.samples[side].add(found, n_rows)
                self.n_rows[side] += n_rows
                self.pulse.beat()
            if not self.n_rows[side]:
                raise InvalidInputError(opened.argument, "have at least one row", table.name)
        if self.asked.n_permutations and sum(self.n_rows) >= MOST_TESTED:
            raise UnsupportedProblemError(
                f"relabellings of {sum(self.n_rows):,} rows are not drawn; n_permutations=0 leaves "
                "out tests and verdicts"
            )

    def look_again(self) -> None:
        """Find out what each column is, and read again what its numbers leave undecided."""
        for column in self.columns:
            with contextlib.suppress(ColumnError, OtdivError):
                column.line = self._line(column)
        lines = [column.line for column in self.columns if column.line is not None]
        sources = self.pair[0].source, self.pair[1].source
        self.n_passes += refined(lines, sources, self.pulse.beat)
        self.is_read = True

    def _line(self, column: _Shared) -> Line | None:
        """What is to be read again of a column of numbers or times; None for any other."""
        a, b = column.sides
        self._check(column)
        kind = common_kind(a.kind, b.kind)
        if kind.is_unordered or kind is Kind.ORDERED or self._role(column) is not None:
            return None
        comparison = compared(a.state, b.state)
        column.moments = moments_of((a.moments(), b.moments()), comparison)
        return Line(column.name, (a, b), comparison, column.moments.sd)

    def _check(self, column: _Shared) -> None:
        """Raise if a side is not known."""
        for side, table, gathered in zip("AB", self.tables, column.sides, strict=True):
            name = column.name
            if name in table.repeated:
                raise ColumnError(f"{table.repeated[name]} columns of {side} have this name")
            error, infinite = gathered.error, gathered.state.n_infinite
            if error is None and infinite:
                error = f"{infinite:,} infinite value{'s' if infinite > 1 else ''}"
            if error is not None:
                what, colon, remedy = error.partition("; ")
                raise ColumnError(f"{what} in {side}{colon}{remedy}")

    def _role(self, column: _Shared) -> str | None:
        """What a column is that takes no part, as `roles.role`, from counts."""
        sides = column.sides
        if column.name in self.asked.told or any(side.n_present < LEAST_ROWS for side in sides):
            return None
        if all(side.kind is Kind.CATEGORIES for side in sides):
            if not all(
                side.names_rows or len(side.counts) >= NEARLY_ALL * side.n_present for side in sides
            ):
                return None
            return role_of_texts([text for side in sides for text in sorted(side.counts)[:1000]])
        if all(side.kind is Kind.NUMBERS and side.counts_rows for side in sides):
            return IDENTIFIERS
        return None

    def report(self) -> TableReport:
        """The rows, and all columns together."""
        stopped = not self.is_read
        for index, column in enumerate(self.columns):
            if stopped:
                break
            self.pulse.begin(column.name, index)
            try:
                self.pulse.beat()
                column.row = self._row(column)
            except StoppedError:
                reason = "stopped by the callback within this column"
                column.row, stopped = failed_row(column.name, reason), True
                break
            stopped = self.pulse.end()
        joint = None
        if not stopped:
            self.pulse.begin("joint", len(self.columns))
            with contextlib.suppress(StoppedError):
                joint = self._joint()
                self.pulse.end()
        a, b = self.tables
        asked = self.asked
        return TableReport(
            rows=tuple(column.row for column in self.columns),
            joint=joint,
            name_a=a.name,
            name_b=b.name,
            rows_a=self.n_rows[0],
            rows_b=self.n_rows[1],
            only_a=tuple(name for name in a.names if name not in set(b.names) | self.apart),
            only_b=tuple(name for name in b.names if name not in set(a.names) | self.apart),
            weights=None,
            backend=a.backend,
            level=asked.level,
            correction=asked.correction,
            n_permutations=asked.n_permutations,
            exchanged="rows",
            missing_tolerance=asked.tolerances.missing,
            n_passes=self.n_passes,
        )

    def _question(self, sizes: tuple[int, int]) -> Question:
        exchange = Exchange(sizes=sizes, masses=None, blocks=None, paired=False, words="rows")
        return Question(exchange, self.asked.level, self.asked.n_permutations, self.pulse)

    def _row(self, column: _Shared) -> ColumnComparison:
        try:
            self._check(column)
        except ColumnError as error:
            return failed_row(column.name, str(error))
        a, b = column.sides
        n, m = self.n_rows
        row = replace(
            failed_row(column.name, ""),
            kind_a=a.kind.value,
            kind_b=b.kind.value,
            missing_a=a.n_missing,
            missing_b=b.n_missing,
            missing_rate_a=a.n_missing / n,
            missing_rate_b=b.n_missing / m,
        )
        try:
            row = replace(row, missing=self._missing(column))
            left_out = self._role(column)
            row = replace(row, n_a=a.n_present, n_b=b.n_present)
            if left_out is not None:
                return replace(row, kind=a.kind.value, left_out=left_out, error=None)
            row = self._values(column, row)
        except (ColumnError, OtdivError) as error:
            return replace(row, error=str(error))
        if row.evidence is None:
            return row
        tolerance = self.asked.tolerances.of(row)
        return replace(row, evidence=replace(row.evidence, tolerance=tolerance))

    def _missing(self, column: _Shared):  # type: ignore[no-untyped-def]
        n, m = self.n_rows
        gone = column.sides[0].n_missing, column.sides[1].n_missing
        rng = generator_of(self.asked.seed, f"{column.name}\0missing")
        found = missing_row(gone, (n, m), self._question((n, m)), rng)
        if found is None:
            return None
        evidence = replace(found.evidence, tolerance=self.asked.tolerances.missing)
        return replace(found, evidence=evidence)

    def _values(self, column: _Shared, row: ColumnComparison) -> ColumnComparison:
        """Compare the values that both tables have."""
        a, b = column.sides
        kind = common_kind(a.kind, b.kind)
        row = replace(row, kind=kind.value, error=None)
        question = self._question((a.n_present, b.n_present))
        rng, unit = generator_of(self.asked.seed, column.name), self.asked.units.get(column.name)
        if kind.is_unordered:
            self._check_counted(column)
            x, y, labels = common_codes(_labelled(a), _labelled(b))
            table = np.zeros((2, len(labels)), np.int64)
            for side, codes, gathered in ((0, x, a), (1, y, b)):
                np.add.at(table[side], codes, _counts(gathered))
            return category_row(row, table, labels, question, rng)
        if kind is Kind.ORDERED:
            self._check_counted(column)
            ranks = common_ranks(_labelled(a), _labelled(b))
            states = _of_ranks(ranks.x, _counts(a)), _of_ranks(ranks.y, _counts(b))
            comparison = compared(*states)
            moments = moments_of(((np.nan, np.nan), (np.nan, np.nan)), comparison)
            unit = unit or "ranks"
            return number_row(
                replace(row, unit=unit), comparison, moments, 1.0, 0.0, True, question, rng
            )
        assert column.line is not None
        assert column.moments is not None
        ticks, absolute = 1.0, kind in (Kind.NUMBERS, Kind.DURATIONS)
        if kind.is_time:
            unit, seconds = time_unit(unit, a.is_dates and b.is_dates)
            ticks = seconds * (10**9 // a.clock.tick)
        else:
            unit = number_unit(column.name, unit, *self.tables)
        alike = [side.neighbours for side in column.sides]
        neighbours = max((value for value in alike if value is not None), default=None)
        row = replace(row, unit=unit, neighbours=neighbours)
        rounded = max(a.rounded, b.rounded)
        comparison, moments = column.line.comparison, column.moments
        return number_row(row, comparison, moments, ticks, rounded, absolute, question, rng)

    def _check_counted(self, column: _Shared) -> None:
        for side, gathered in zip("AB", column.sides, strict=True):
            if gathered.names_rows:
                raise ColumnError(f"nearly all texts are distinct in {side}, but not in the other")

    def _joint(self) -> JointComparison | None:
        """The standardised columns together, on a sample of the rows complete in them."""
        places = [place for place, column in enumerate(self.columns) if _is_scaled(column)]
        if len(places) < 2:
            return None
        names = tuple(self.chosen[place] for place in places)
        joint = JointComparison(columns=names, n_a=0, n_b=0, n_projections=N_PROJECTIONS)
        counts = [sample.n_complete(places) for sample in self.samples]
        n, m = counts
        if n is None or m is None:
            error = (
                "values are missing in too many combinations of columns to be counted in batches"
            )
            return replace(joint, error=error)
        joint = replace(joint, n_a=n, n_b=m)
        rows = [sample.complete(places, MOST_ROWS) for sample in self.samples]
        for side, count, sample in zip("AB", (n, m), rows, strict=True):
            if not len(sample):
                few = f"few rows of {side} have all of these columns, and none of those drawn"
                none = f"no row of {side} has all of these columns"
                return replace(joint, error=few if count else none)
        columns: Mapping[str, tuple[FloatArray, FloatArray]] = {
            name: self._standardized(self.columns[place], rows[0][:, at], rows[1][:, at])
            for at, (name, place) in enumerate(zip(names, places, strict=True))
        }
        question = self._question((len(rows[0]), len(rows[1])))
        rng = generator_of(self.asked.seed, "\0joint")
        return replace(compare_jointly(columns, (None, None), question, rng), n_a=n, n_b=m)

    @staticmethod
    def _standardized(
        column: _Shared, x: FloatArray, y: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        assert column.moments is not None
        centre, _, sd = column.moments
        return (x - centre) / sd, (y - centre) / sd


def _named(opened: Opened) -> Table:
    """The names of a table, with places in its batches in place of columns."""
    source = opened.source
    if not source.columns:
        raise InvalidInputError(opened.argument, "have at least one column", source.name)
    once, repeated = split_names(source.columns)
    return Table(
        name=source.name,
        n_rows=0,
        columns={name: place for place, name in once.items()},
        units=source.units,
        repeated=repeated,
        backend=source.backend,
        marks=source.marks,
        spelled=source.spelled,
    )


def _slices(opened: Opened, places: Sequence[int | None]) -> Iterator[tuple[int, list[object]]]:
    """Rows of a table, few enough at a time, and their cells in some columns."""
    for batch in opened.batches():
        cells = [None if place is None else batch.columns[place] for place in places]
        if batch.n_rows <= _BATCH:
            if batch.n_rows:
                yield batch.n_rows, cells
            continue
        for begin in range(0, batch.n_rows, _BATCH):
            n_rows = min(_BATCH, batch.n_rows - begin)
            yield n_rows, [_part(part, begin, begin + n_rows) for part in cells]


def _part(cells: object, begin: int, end: int) -> object:
    """Some rows of a stored column; what stands for one that cannot be read stays."""
    if hasattr(cells, "iloc"):
        return cells.iloc[begin:end]
    return cells[begin:end] if hasattr(cells, "__getitem__") else cells


def _labelled(gathered: Gathered) -> Column:
    """The categories of a column, each once, as `common_codes` takes them."""
    labels = tuple(sorted(gathered.counts))
    places = np.arange(len(labels))
    return Column(
        kind=gathered.kind,
        present=np.ones(len(labels), bool),
        values=places,
        labels=labels,
        order=gathered.order,
    )


def _counts(gathered: Gathered) -> np.ndarray:
    return np.array([gathered.counts[label] for label in sorted(gathered.counts)], np.int64)


def _of_ranks(ranks: FloatArray, counts: np.ndarray) -> SampleState:
    """The state of ranks that occur so often."""
    state = SampleState()
    for rank, count in zip(ranks.tolist(), counts.tolist(), strict=True):
        for begin in range(0, count, _SLICE):
            state.update(np.full(min(_SLICE, count - begin), rank))
    return state


def _is_scaled(column: _Shared) -> bool:
    """Whether numbers were compared that have a scale, on which they are floats."""
    if column.line is None or column.moments is None or column.row.effect is None:
        return False
    cells, (centre, _, sd) = column.line.comparison.cells, column.moments
    if not sd > 0.0:
        return False
    ends = float(cells.left[0]) / cells.unit, float(cells.right[-1]) / cells.unit
    farthest = max(abs(end - centre) for end in ends)
    return bool(farthest / sd <= 0.5 * float(np.finfo(np.float64).max))
