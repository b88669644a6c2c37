"""A table report in the terminal, with rich."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Literal

from .._optional import import_optional
from ..tables.wording import DASH, cells, headlines, within_noise

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    from ..tables.report import ColumnComparison, TableReport

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
_TEXT_WIDTH = 100
"""Characters a line of the findings, also in a wider terminal."""

_NAME_WIDTH = 18
"""Characters of a name before it is folded, where the terminal is too narrow for all."""


def print_report(report: TableReport, console: Console) -> None:
    """Print which tables, the table of columns, and the findings."""
    text = import_optional("rich.text", extra="cli", purpose="the terminal table")
    console.print()
    for side, name, rows in (
        ("A", report.name_a, report.rows_a),
        ("B", report.name_b, report.rows_b),
    ):
        line = text.Text.assemble((f" {side}  ", "bold"), name, (f"  {rows:,} rows", "dim"))
        console.print(line, overflow="fold")
    console.print(_table(report))
    width = min(console.width - 1, _TEXT_WIDTH)
    for finding in headlines(report):
        lines = textwrap.fill(finding, width=width, initial_indent=" • ", subsequent_indent="   ")
        console.print(text.Text(lines))
    console.print()


def _table(report: TableReport) -> RichTable:
    box = import_optional("rich.box", extra="cli", purpose="the terminal table")
    rich_table = import_optional("rich.table", extra="cli", purpose="the terminal table")
    table: RichTable = rich_table.Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    longest = max(len(row.column) for row in report.rows)
    texts = [_texts(row) for row in report.rows]
    shown = [
        (header, justify, place)
        for header, justify, place in _LAYOUT
        # Without numbers there is no sd, without splits no noise, …
        if any(row[place] != DASH for row in texts)
    ]
    for header, justify, place in shown:
        is_name = place == _COLUMN
        table.add_column(
            header,
            justify=justify,
            no_wrap=not is_name,
            min_width=min(longest, _NAME_WIDTH) if is_name else None,
            overflow="fold" if is_name else "ellipsis",
            vertical="bottom",
        )
    for row, contents in zip(report.rows, texts, strict=True):
        table.add_row(*(_styled(contents[place], place, row) for _, _, place in shown))
    return table


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
