"""One comparison under way: what all columns have in common, and one column after the other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from .._typing import FloatArray
from ..errors import OtdivError
from ..inference.bands import neighbour_correlation
from ..sources.source import Spelling
from .columns import (
    SECONDS,
    BoolArray,
    Column,
    ColumnError,
    CommonNumbers,
    Kind,
    common_codes,
    common_numbers,
    common_ranks,
    decode,
)
from .evidence import Kept, Question
from .joint import compare_jointly
from .measuring import compare_categories, compare_missing, compare_numbers
from .reading import Table
from .roles import role
from .rows import ColumnComparison, JointComparison, MissingComparison
from .telling import Told, with_kind
from .tolerances import Tolerances

__all__ = [
    "Pair",
    "Step",
    "common_kind",
    "failed_row",
    "generator_of",
    "number_unit",
    "time_unit",
]


class Pair(NamedTuple):
    """Two tables, the weights of their rows, and what is told of their columns."""

    a: Table
    b: Table
    weights_a: FloatArray | None
    weights_b: FloatArray | None
    told: Mapping[str, Told]
    spelling: Spelling


def failed_row(name: str, reason: str) -> ColumnComparison:
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


def generator_of(seed: int, name: str) -> np.random.Generator:
    """Randomness of one column, the same whatever else is compared."""
    return np.random.default_rng([seed, *name.encode("utf-8", "surrogatepass")])


class Step:
    """Compares the columns of two tables."""

    def __init__(
        self,
        pair: Pair,
        question: Question,
        tolerances: Tolerances,
        seed: int,
    ):
        self.a, self.b, self.weights_a, self.weights_b, self.told, self.spelling = pair
        self.question = question
        self.tolerances = tolerances
        self.seed = seed

    def generator(self, name: str) -> np.random.Generator:
        """Randomness of one column, the same whatever else is compared."""
        return generator_of(self.seed, name)

    def compare(
        self, name: str, unit: str | None
    ) -> tuple[ColumnComparison, tuple[FloatArray, FloatArray] | None]:
        """Return the row of a column, and its standardised numbers, NaN where there are none."""
        try:
            a, b = self._decoded(name)
        except ColumnError as error:
            return failed_row(name, str(error)), None
        row = replace(
            failed_row(name, ""),
            kind_a=a.kind.value,
            kind_b=b.kind.value,
            missing_a=int(np.count_nonzero(~a.present)),
            missing_b=int(np.count_nonzero(~b.present)),
            missing_rate_a=float(np.count_nonzero(~a.present)) / self.a.n_rows,
            missing_rate_b=float(np.count_nonzero(~b.present)) / self.b.n_rows,
        )
        rng = self.generator(name)
        left_out = None if name in self.told else role(a, b)
        try:
            row = replace(row, missing=self._missing(name, a, b))
            if left_out is not None:
                counts = int(a.values.size), int(b.values.size)
                row = replace(row, kind=a.kind.value, n_a=counts[0], n_b=counts[1])
                return replace(row, left_out=left_out, error=None), None
            row, standardized = self._values(row, a, b, unit, rng)
        except (ColumnError, OtdivError) as error:
            return replace(row, error=str(error)), None
        return self._tolerated(row), standardized

    def _missing(self, name: str, a: Column, b: Column) -> MissingComparison | None:
        rng = self.generator(f"{name}\0missing")
        missing = compare_missing(a.present, b.present, self.question, rng)
        if missing is None:
            return None
        evidence = replace(missing.evidence, tolerance=self.tolerances.missing)
        return replace(missing, evidence=evidence)

    def _tolerated(self, row: ColumnComparison) -> ColumnComparison:
        """The row with the effect that does not matter, if one was given."""
        if row.evidence is None:
            return row
        return replace(row, evidence=replace(row.evidence, tolerance=self.tolerances.of(row)))

    def _values(
        self,
        row: ColumnComparison,
        a: Column,
        b: Column,
        unit: str | None,
        rng: np.random.Generator,
    ) -> tuple[ColumnComparison, tuple[FloatArray, FloatArray] | None]:
        """Compare the values that both tables have."""
        seen_a, seen_b = self._compared(a, b)
        kept = Kept(_on_rows(a, seen_a), _on_rows(b, seen_b))
        sides = _chosen(self.weights_a, kept.a), _chosen(self.weights_b, kept.b)
        row = replace(row, n_a=int(np.count_nonzero(seen_a)), n_b=int(np.count_nonzero(seen_b)))
        kind = common_kind(a.kind, b.kind)
        for side, seen in (("A", row.n_a), ("B", row.n_b)):
            if seen == 0:
                raise ColumnError(f"no value of positive weight in {side}")
        row = replace(row, kind=kind.value, error=None)
        if kind.is_unordered:
            p, q, labels = common_codes(a, b)
            row = compare_categories(
                row, p[seen_a], q[seen_b], labels, sides, kept, self.question, rng
            )
            return row, None
        if kind is Kind.ORDERED:
            unit, seconds, numbers = unit or "ranks", 1.0, common_ranks(a, b)
        elif kind.is_time:
            unit, seconds = time_unit(unit, a.is_dates and b.is_dates)
            numbers = common_numbers(a, b)
        else:
            unit, seconds, numbers = (
                number_unit(row.column, unit, self.a, self.b),
                1.0,
                common_numbers(a, b),
            )
        row = replace(row, unit=unit, neighbours=self._neighbours(numbers, seen_a, seen_b))
        row, standardized = compare_numbers(
            row,
            numbers._replace(x=numbers.x[seen_a], y=numbers.y[seen_b]),
            seconds * numbers.ticks,
            sides,
            kept,
            self.question,
            rng,
        )
        if standardized is None or kind is Kind.ORDERED:
            return row, None
        z_a, z_b = standardized
        return row, (_spread(z_a, kept.a), _spread(z_b, kept.b))

    def _compared(self, a: Column, b: Column) -> tuple[BoolArray, BoolArray]:
        """Which of the values present take part: those that weigh, and of pairs both or none."""
        seen = []
        for column, weights, other in ((a, self.weights_a, b), (b, self.weights_b, a)):
            mask = np.ones(column.values.shape, dtype=bool)
            if weights is not None:
                mask &= weights[column.present] > 0.0
            if self.question.exchange.paired:
                whole = other.present
                others = self.weights_b if column is a else self.weights_a
                if others is not None:
                    whole = whole & (others > 0.0)
                mask &= whole[column.present]
            seen.append(mask)
        return seen[0], seen[1]

    def _neighbours(
        self, numbers: CommonNumbers, seen_a: BoolArray, seen_b: BoolArray
    ) -> float | None:
        """Largest correlation of neighbours in either table, where chance does not explain it."""
        exchange = self.question.exchange
        if exchange.blocks is not None:
            return None
        found = (neighbour_correlation(side) for side in (numbers.x[seen_a], numbers.y[seen_b]))
        return max((value for value in found if value is not None), default=None)

    def _decoded(self, name: str) -> tuple[Column, Column]:
        decoded = []
        for side, table in (("A", self.a), ("B", self.b)):
            if name in table.repeated:
                raise ColumnError(f"{table.repeated[name]} columns of {side} have this name")
            try:
                source = table.columns[name]
                column = decode(source)
                if name in self.told and not isinstance(source, Column):
                    column = with_kind(column, self.told[name], self.spelling)
                decoded.append(column)
            except ColumnError as error:
                what, colon, remedy = str(error).partition("; ")
                raise ColumnError(f"{what} in {side}{colon}{remedy}") from error
        return decoded[0], decoded[1]

    def jointly(
        self, numeric: Mapping[str, tuple[FloatArray, FloatArray]]
    ) -> JointComparison | None:
        """Compare the standardised columns together, if there are two."""
        if len(numeric) < 2:
            return None
        sides = self.weights_a, self.weights_b
        return compare_jointly(numeric, sides, self.question, self.generator("\0joint"))


def number_unit(name: str, given: str | None, a: Table, b: Table) -> str | None:
    """Return the unit of a column of numbers, which must not be percent on one side alone."""
    marks = [table.marks.get(name) for table in (a, b)]
    if marks[0] != marks[1] and (None not in marks or not {"%", "‰"}.isdisjoint(marks)):
        shown = [f"with {mark}" if mark else "without" for mark in marks]
        raise ColumnError(f"numbers {shown[0]} in A, {shown[1]} in B")
    stated = (table.units.get(name) for table in (a, b))
    return next((unit for unit in (given, *stated, *marks) if unit is not None), None)


def _on_rows(column: Column, seen: BoolArray) -> BoolArray:
    """Mask of the table's rows for one of the values present."""
    mask = np.zeros(column.present.shape, dtype=bool)
    mask[np.flatnonzero(column.present)[seen]] = True
    return mask


def _chosen(weights: FloatArray | None, kept: BoolArray) -> FloatArray | None:
    return None if weights is None else weights[kept]


def _spread(values: FloatArray, kept: BoolArray) -> FloatArray:
    """Values back on their rows, NaN on the others."""
    full = np.full(kept.shape, np.nan)
    full[kept] = values
    return full


def common_kind(a: Kind, b: Kind) -> Kind:
    """The kind as which two columns are compared.

    Raises
    ------
    ColumnError
        If there is none.
    """
    if Kind.EMPTY in (a, b):
        sides = [side for side, kind in (("A", a), ("B", b)) if kind is Kind.EMPTY]
        raise ColumnError(f"all values are missing in {' and '.join(sides)}")
    if {a, b} == {Kind.ORDERED, Kind.CATEGORIES}:
        return Kind.ORDERED  # the other table's texts, if they stand in the order
    if a is not b:
        raise ColumnError(f"{a} in A, {b} in B")
    return a


def time_unit(unit: str | None, are_dates: bool) -> tuple[str, float]:
    """The unit in which times are shown, and its seconds."""
    if unit is None:
        unit = "d" if are_dates else "s"
    if unit not in SECONDS:
        raise ColumnError(f"times are shown in {', '.join(SECONDS)}, not in {unit!r}")
    return unit, SECONDS[unit]
