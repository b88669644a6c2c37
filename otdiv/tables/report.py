"""What a comparison of two tables says: a frozen report and its exports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from .._optional import import_optional
from .._text import as_json, code_span, for_markdown
from ..errors import InvalidInputError, MissingDependencyError
from .reading import Backend
from .records import FIELDS, document, record
from .rows import ColumnComparison, Findings
from .wording import escaped, headlines, markdown_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .html.view import Outcome

__all__ = ["TableReport"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableReport(Findings):
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

    def to_html(self, *, gate: Outcome | None = None) -> str:
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
        labels = (_short_name(self.name_a), _short_name(self.name_b))
        return plot_column(self[column], labels=labels, ax=ax)


def _short_name(name: str) -> str:
    """Stem of a path; an argument's name as it is."""
    return PurePath(name).stem or name
