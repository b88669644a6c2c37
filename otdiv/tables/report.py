"""What a comparison of two tables says: a frozen report and its exports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._text import as_json, code_span, for_markdown, for_terminal, shortened
from ..errors import MissingDependencyError
from .formats import counted, format_effect
from .gate import Gate, gate
from .naming import telling_names
from .outline import fields_of, markdown_table
from .reading import Backend
from .records import FIELDS, as_frame, document, record
from .rows import ColumnComparison, Findings
from .summary import markdown_summary
from .wording import escaped, headlines

if TYPE_CHECKING:
    from matplotlib.axes import Axes


__all__ = ["TableReport"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TableReport(Findings):
    """How table B differs from table A; made by `compare_tables`.

    Attributes
    ----------
    rows : tuple of ColumnComparison
        The shared columns: those that differ, by `sort_key`, then those within noise; columns that
        take no part and failed ones come last.
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
    level : float
        Of intervals and verdicts.
    correction : {"bh", "by", "holm", "none"}
        For the number of tests.
    n_permutations : int
        Relabellings at most; 0 where nothing was tested.
    exchanged : str
        What p-values take for exchangeable: rows, pairs or blocks.
    missing_tolerance : float or None
        The largest difference of missing rates that does not matter.
    n_passes : int or None
        How often rows were read, in batches, where they were not held in memory; None where they
        were.
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

    def __repr__(self) -> str:
        return f"TableReport({_sides(self)}; {_result(self)})"

    def __str__(self) -> str:
        return self.to_markdown()

    def gate(self, *checks: str) -> Gate:
        """Say whether the tables are alike enough for what comes next.

        Parameters
        ----------
        *checks : {"differs", "tolerance", "missing", "schema"}
            What must not be; one or more of them.

            - "differs": a column's verdict is "differs"; one that differs by less than its
              tolerance passes. The joint number, which is none of a column, is not looked at.
            - "tolerance": the lower end of a column's interval is above its tolerance.
            - "missing": the shares of missing values differ; where `missing_tolerance` was given,
              the lower end of their interval is above it.
            - "schema": a column is in one table only, or holds another kind of values.

        Returns
        -------
        Gate
            With a sentence for each failure; it is true where there is none. Columns that could
            not be compared are in `not_judged`.

        Raises
        ------
        InvalidInputError
            If a check is not known, or would pass whatever the tables hold: "tolerance" where no
            column has one, any but "schema" where no relabelling was asked for.

        Examples
        --------
        >>> from otdiv.tables import compare_tables
        >>> report = compare_tables({"x": [1.0, 2.0], "id": [7, 8]}, {"x": [1.0, 2.0]})
        >>> gate = report.gate("differs", "schema")
        >>> gate.passed
        False
        >>> print(gate)
        schema: id is a column of A only
        """
        return gate(self, checks)

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
        return as_frame(self.to_records(), FIELDS, chosen)

    def to_json(self) -> str:
        """All of it but the distributions, as JSON; what is not a finite number is null."""
        return as_json(document(self))

    def to_markdown(self) -> str:
        """Return a padded Markdown table, rounded for reading, and what stands out below it."""
        shown = escaped(self, for_markdown)
        sides = (
            f"{side}: {code_span(name)} ({counted(rows, 'row')})"
            for side, name, rows in (
                ("A", self.name_a, self.rows_a),
                ("B", self.name_b, self.rows_b),
            )
        )
        lines = [
            ", ".join(sides),
            "",
            *markdown_table(fields_of(shown), shown.rows),
            "",
            *(f"- {line}" for line in headlines(shown)),
        ]
        return "\n".join(lines) + "\n"

    def to_summary(self, gate: str | None = None) -> str:
        """Return Markdown for a pull request: the outcome, what differs, and the rest folded.

        Parameters
        ----------
        gate : str, optional
            What a gate said, a line of plain text that stands below the outcome.
        """
        return markdown_summary(self, gate)

    def to_html(self, *, gate: Gate | None = None) -> str:
        """Return one page that holds all it shows and loads nothing.

        Words, tables, figures and their style stand in one text: write it to a file, in UTF-8, and
        any browser opens it, with or without a network; it follows the system's light or dark
        theme, folds for a telephone and prints.

        Parameters
        ----------
        gate : Gate, optional
            What a gate said of the report; its outcome then stands at the top of the page.

        Raises
        ------
        MissingDependencyError
            If Jinja or matplotlib is not installed.
        """
        from .html.page import page

        return page(self, gate=gate)

    def _repr_html_(self) -> str | None:
        """Headline and table for notebooks; None, so that they show the text, without Jinja."""
        from .html.page import fragment

        try:
            return fragment(self)
        except MissingDependencyError:
            return None

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
        name_a, name_b = telling_names(self.name_a, self.name_b)
        return plot_column(self[column], labels=(name_a, name_b), ax=ax)


_NAME_WIDTH = 40
"""Characters of a name in a line that describes a report."""


def _sides(report: Findings) -> str:
    """Both tables with their rows."""
    names = telling_names(report.name_a, report.name_b)
    return ", ".join(
        f"{side}: {_quoted(name)} {counted(rows, 'row')}"
        for side, name, rows in zip("AB", names, (report.rows_a, report.rows_b), strict=True)
    )


def _result(report: Findings) -> str:
    """How many columns differ, and the first of them."""
    tested, differing = len(report.tested), report.differing
    if not tested:
        return f"{counted(len(report.rows), 'column')}, nothing tested"
    if not differing:
        return f"none of {counted(tested, 'column')} differs"
    verb = "differs" if len(differing) == 1 else "differ"
    text = f"{len(differing):,} of {counted(tested, 'column')} {verb}"
    for row in differing:
        if row.verdict is not None and row.verdict.is_difference:
            effect = format_effect(row.effect, row.measure, row.unit)
            return f"{text}, largest {_shown(row.column)} {row.measure} = {for_terminal(effect)}"
    return f"{text} in missing values, first {_shown(differing[0].column)}"


def _shown(name: str) -> str:
    return shortened(for_terminal(name), _NAME_WIDTH)


def _quoted(name: str) -> str:
    return f"'{_shown(name)}'"
