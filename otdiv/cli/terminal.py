"""A table report in the terminal, with rich."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Literal

from .._optional import import_optional
from .._text import for_terminal
from ..tables.wording import DASH, cells, escaped, headlines, within_noise

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    from ..tables.content import ColumnComparison
    from ..tables.report import TableReport

__all__ = ["print_report"]

# Header, justification, and the places of the cell's text in `cells`: the first that has one.
_COLUMN, _EFFECT, _MEASURE, _SD, _SHIFT, _JS, _NOISE, _NOISE_95, _MISSING_A, _MISSING_B = range(10)
_LAYOUT: tuple[tuple[str, Literal["left", "right"], int], ...] = (
    ("column", "left", _COLUMN),
    ("effect", "right", _EFFECT),
    ("", "left", _MEASURE),
    ("in sd", "right", _SD),
    ("mean\nshift", "right", _SHIFT),
    ("noise\nmedian", "right", _NOISE),
    ("\n95 %", "right", _NOISE_95),
    ("missing\nA", "right", _MISSING_A),
    ("\nB", "right", _MISSING_B),
)
_WIDEST = 10_000
"""Characters that rich may use for the table, whose columns have widths of their own."""

_TEXT_WIDTH = 100
"""Characters a line of the findings, also in a wider terminal."""

_NAME_WIDTH = 12
"""Least characters of a line of a folded name; a still narrower terminal wraps the table."""


def print_report(report: TableReport, console: Console) -> None:
    """Print which tables, the table of columns, and the findings."""
    text = import_optional("rich.text", extra="cli", purpose="the terminal table")
    report = escaped(report, for_terminal)
    console.print()
    for side, name, rows in (
        ("A", report.name_a, report.rows_a),
        ("B", report.name_b, report.rows_b),
    ):
        line = text.Text.assemble((f" {side}  ", "bold"), name, (f"  {rows:,} rows", "dim"))
        console.print(line, overflow="fold")
    _print_uncut(_table(report, console.width), console)
    width = min(console.width - 1, _TEXT_WIDTH)
    for finding in headlines(report):
        lines = textwrap.fill(finding, width=width, initial_indent=" • ", subsequent_indent="   ")
        console.print(text.Text(lines))
    console.print()


def _print_uncut(table: RichTable, console: Console) -> None:
    """Print a table that may be wider than the terminal, without blanks at the ends of lines."""
    segment = import_optional("rich.segment", extra="cli", purpose="the terminal table")
    options = console.options.update(width=_WIDEST)
    for line in console.render_lines(table, options, pad=False):
        while line and not line[-1].text.strip():
            line.pop()
        if line:
            last = line.pop()
            line.append(segment.Segment(last.text.rstrip(), last.style))
        console.print(segment.Segments([*line, segment.Segment.line()]), end="", crop=False)


def _table(report: TableReport, width: int) -> RichTable:
    """Return the table of columns; names fold where `width` is scarce, numbers are never cut."""
    box = import_optional("rich.box", extra="cli", purpose="the terminal table")
    rich_table = import_optional("rich.table", extra="cli", purpose="the terminal table")
    table: RichTable = rich_table.Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    texts = [_texts(row) for row in report.rows]
    shown = [
        (header, justify, place)
        for header, justify, place in _LAYOUT
        # Without numbers there is no sd, without splits no noise, …
        if place == _COLUMN or any(row[place] != DASH for row in texts)
    ]
    widths = _widths([header for header, _, _ in shown], texts, [place for *_, place in shown])
    # Two spaces stand between columns, and one before the first.
    others = sum(widths[1:]) + 2 * len(shown) - 1
    widths[0] = max(min(widths[0], width - others), min(widths[0], _NAME_WIDTH))
    for (header, justify, place), cell_width in zip(shown, widths, strict=True):
        table.add_column(
            header,
            justify=justify,
            width=cell_width,
            no_wrap=place != _COLUMN,
            overflow="fold",
            vertical="bottom",
        )
    for row, contents in zip(report.rows, texts, strict=True):
        table.add_row(*(_styled(contents[place], place, row) for _, _, place in shown))
    return table


def _widths(headers: list[str], texts: list[list[str]], places: list[int]) -> list[int]:
    """Terminal cells that each column needs so that nothing folds."""
    cells_of = import_optional("rich.cells", extra="cli", purpose="the terminal table").cell_len
    return [
        max(cells_of(text) for text in [*header.split("\n"), *(row[place] for row in texts)])
        for header, place in zip(headers, places, strict=True)
    ]


def _texts(row: ColumnComparison) -> list[str]:
    """Texts of the table's cells; categories, which have no mean, show JS in the mean's place."""
    texts = list(cells(row))
    if texts[_JS] != DASH:
        texts[_SHIFT] = f"JS {texts[_JS]}"
    return texts


def _styled(content: str, place: int, row: ColumnComparison) -> Text:
    text = import_optional("rich.text", extra="cli", purpose="the terminal table")
    style = ""
    if row.error is not None:
        style = "red" if place in (_COLUMN, _EFFECT) else "dim"
    elif content == DASH or place in (_MEASURE, _NOISE, _NOISE_95):
        style = "dim"
    elif place in (_COLUMN, _EFFECT, _SD):
        style = "dim" if within_noise(row) else "bold"
    styled: Text = text.Text(content, style=style)
    return styled
