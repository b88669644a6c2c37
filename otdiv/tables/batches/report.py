"""What a comparison of many batches says: a frozen report and its exports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..._frozen import restore
from ..._text import as_json
from ..formats import counted
from ..gate import Gate
from ..reading import Backend
from ..records import as_frame
from ..report import TableReport
from .gate import batch_gate
from .records import BATCH_FIELDS, batch_document, batch_records
from .rows import BatchFindings
from .words import batch_headlines, batch_markdown, batch_summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["BatchReport"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class BatchReport(BatchFindings):
    """How batches differ from a reference; made by `compare_batches`, `_groups` and `_over`.

    Iterating yields the report of each batch in order; ``report[label]`` is that of one.

    Attributes
    ----------
    reports : tuple of TableReport
        One a batch, each with the reference as A. Their verdicts are corrected together.
    labels : tuple of str
        What the batches are called.
    kind : {"tables", "groups", "periods"}
        What the batches are.
    name : str
        The table that was divided; the reference where batches are tables.
    reference : str
        What all are compared with: a table, a group, a period, "the others".
    by : str or None
        Column of groups or of times.
    every : str or None
        Length of periods.
    starts : ndarray of datetime64[us], shape (k,), or None
        When periods begin.
    skipped : tuple of (str, int)
        Groups or periods with too few rows to be compared, and how many they have.
    unassigned : int
        Rows that belong to no batch, for want of a group or time.

    Examples
    --------
    >>> from otdiv.tables import compare_batches
    >>> a = {"delay": [float(k % 50) for k in range(200)]}
    >>> late = {"delay": [float(k % 50) + 25.0 for k in range(200)]}
    >>> report = compare_batches(a, {"monday": a, "tuesday": late})
    >>> report.columns
    ('delay',)
    >>> [float(effect) for effect in report.effects("delay")]
    [0.0, 25.0]
    """

    __setstate__ = restore  # a dataclass with slots makes its own unless the class has one

    def __getitem__(self, label: str) -> TableReport:
        for name, report in zip(self.labels, self.reports, strict=True):
            if name == label:
                return report
        raise KeyError(label)

    def __iter__(self) -> Iterator[TableReport]:
        return iter(self.reports)

    def __len__(self) -> int:
        return len(self.reports)

    def __repr__(self) -> str:
        """One line: how many batches, and in how many something differs."""
        differing = sum(bool(report.differing) for report in self.reports)
        return (
            f"BatchReport({counted(len(self), self.kind[:-1])} against {self.reference!r}, "
            f"{counted(len(self.columns), 'column')}; {differing:,} differ)"
        )

    def __str__(self) -> str:
        return self.to_markdown()

    def gate(self, *checks: str) -> Gate:
        """Say whether every batch is alike enough to the reference for what comes next.

        Parameters
        ----------
        *checks : {"differs", "tolerance", "missing", "schema"}
            As in `TableReport.gate`; one failure in one batch is enough.

        Returns
        -------
        Gate
            With a sentence for each failure, which names the batch.

        Raises
        ------
        InvalidInputError
            If a check is not known, or would pass whatever the batches hold.

        Examples
        --------
        >>> from otdiv.tables import compare_batches
        >>> a = {"x": [1.0, 2.0], "y": [7.0, 8.0]}
        >>> print(compare_batches(a, {"monday": a, "tuesday": {"x": [1.0, 2.0]}}).gate("schema"))
        schema: tuesday: y is a column of A only
        """
        return batch_gate(self, checks)

    def to_records(self) -> list[dict[str, Any]]:
        """One flat dictionary for each column of each batch, with unrounded numbers."""
        return batch_records(self)

    def to_frame(self, backend: Backend | None = None) -> Any:
        """One line for each column of each batch as a data frame.

        Parameters
        ----------
        backend : {"pandas", "polars", "pyarrow"}, optional
            Its library; that of the reference by default, pyarrow for files and arrays.

        Raises
        ------
        InvalidInputError
            If the name is another.
        MissingDependencyError
            If that library is not installed.
        """
        chosen = self.reports[0].backend if backend is None else backend
        return as_frame(self.to_records(), BATCH_FIELDS, chosen)

    def to_json(self) -> str:
        """All of it but the distributions, as JSON; what is not a finite number is null."""
        return as_json(batch_document(self))

    def to_markdown(self) -> str:
        """Return what differs in which batches: sentences, and a table of columns by batches."""
        return batch_markdown(self)

    def to_summary(self, gate: str | None = None) -> str:
        """Return Markdown for a pull request: the outcome, and the table folded below it.

        Parameters
        ----------
        gate : str, optional
            What a gate said, a line of plain text.
        """
        return batch_summary(self, gate)

    def to_html(self, *, gate: Gate | None = None) -> str:
        """Return one page that holds all it shows and loads nothing.

        Sentences, a heat map of columns by batches, and the columns of each batch.

        Parameters
        ----------
        gate : Gate, optional
            What a gate said of the batches; its outcome then stands at the top of the page.

        Raises
        ------
        MissingDependencyError
            If Jinja or matplotlib is not installed.
        """
        from ..html.heat_map import heat_map
        from ..html.page import batch_page

        return batch_page(
            self.reports,
            self.labels,
            title=self._title(),
            sentences=self.headlines(),
            heat_map=heat_map(
                self.columns,
                self.labels,
                self.matrix(),
                caption="Effects in pooled sd; of categories, the share of rows that differ",
                verdicts=self.verdicts(),
            ),
            gate=gate,
        )

    def _title(self) -> str:
        if self.by is None:
            return f"{counted(len(self), 'table')} against {self.name}"
        every = "" if self.every is None else f", every {self.every}"
        return f"{self.name} by {self.by}{every}"

    def headlines(self) -> tuple[str, ...]:
        """Return the findings as sentences, the most telling first."""
        return tuple(batch_headlines(self))

    def plot(self, column: str | None = None, *, ax: Axes | None = None) -> Axes:
        """Draw the report with matplotlib.

        Parameters
        ----------
        column : str, optional
            A column to follow through the batches: its effect with intervals, and the band in which
            95 % of the effects lie where nothing changed. By default a heat map of columns by
            batches.
        ax : matplotlib Axes, optional
            Where to draw; a new figure by default.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        KeyError
            If no batch has this column.
        InvalidInputError
            If it could not be compared anywhere.
        MissingDependencyError
            If matplotlib is not installed.
        """
        from ...plotting import plot_heat_map, plot_series

        if column is None:
            return plot_heat_map(self, ax=ax)
        return plot_series(self, column, ax=ax)
