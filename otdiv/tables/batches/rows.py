"""What a comparison of many batches found: one report a batch, judged together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..._frozen import restore, seal
from ..._typing import FloatArray
from ..report import TableReport
from ..rows import ColumnComparison, Verdict

__all__ = ["BatchFindings"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class BatchFindings:
    """What a report of batches says; its fields are described at `BatchReport`."""

    reports: tuple[TableReport, ...]
    labels: tuple[str, ...]
    kind: Literal["tables", "groups", "periods"]
    name: str
    reference: str
    by: str | None = None
    every: str | None = None
    starts: NDArray[np.datetime64] | None = None
    skipped: tuple[tuple[str, int], ...] = ()
    unassigned: int = 0

    __setstate__ = restore

    def __post_init__(self) -> None:
        seal(self)

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns: those first that differ in the most batches, then by their largest effect.

        Columns that take no part and failed ones come last.
        """
        rows: dict[str, list[ColumnComparison]] = {}
        for report in self.reports:
            for row in report.rows:
                rows.setdefault(row.column, []).append(row)

        def place(name: str) -> tuple[bool, int, float, str]:
            of_column = rows[name]
            silent = all(row.effect is None for row in of_column)
            differing = sum(row.differs for row in of_column)
            return silent, -differing, -max(row.sort_key for row in of_column), name

        return tuple(sorted(rows, key=place))

    @property
    def differing(self) -> tuple[str, ...]:
        """Labels of the batches in which some column differs."""
        return tuple(
            label
            for label, report in zip(self.labels, self.reports, strict=True)
            if report.differing
        )

    @property
    def failed(self) -> tuple[ColumnComparison, ...]:
        """Rows of all batches whose column could not be compared."""
        return tuple(row for report in self.reports for row in report.failed)

    def column(self, column: str) -> tuple[ColumnComparison | None, ...]:
        """Rows of one column, one a batch; None where a batch does not have it.

        Raises
        ------
        KeyError
            If no batch has it.
        """
        found = tuple(
            next((row for row in report.rows if row.column == column), None)
            for report in self.reports
        )
        if all(row is None for row in found):
            raise KeyError(column)
        return found

    def effects(self, column: str) -> FloatArray:
        """Effects of one column in its unit, shape (k,), one a batch; NaN where there is none."""
        found = (None if row is None else row.effect for row in self.column(column))
        return np.array([np.nan if effect is None else effect for effect in found])

    def matrix(self) -> FloatArray:
        """Sizes of the effects, shape (columns, batches), that stand beside each other.

        W1 over the pooled sd, and the total variation of categories; NaN where nothing was
        compared.
        """
        return np.array(
            [
                [
                    np.nan if row is None or row.effect is None else row.sort_key
                    for row in self.column(name)
                ]
                for name in self.columns
            ]
        )

    def missing_matrix(self) -> FloatArray:
        """Missing rates of the batches less that of the reference, shape (columns, batches)."""
        return np.array(
            [
                [
                    np.nan if row is None else row.missing_rate_b - row.missing_rate_a
                    for row in self.column(name)
                ]
                for name in self.columns
            ]
        )

    def verdicts(self) -> tuple[tuple[Verdict | None, ...], ...]:
        """Verdicts of the values, by columns and batches; None where nothing was tested."""
        return tuple(
            tuple(None if row is None else row.verdict for row in self.column(name))
            for name in self.columns
        )

    def missing_verdicts(self) -> tuple[tuple[Verdict | None, ...], ...]:
        """The same of the missing values; None also where there are none on either side."""
        return tuple(
            tuple(
                None if row is None or row.missing is None else row.missing.verdict
                for row in self.column(name)
            )
            for name in self.columns
        )
