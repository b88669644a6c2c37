"""A table report in the terminal, with rich: no line is wider than the console."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from .._optional import import_optional
from .._text import for_terminal, shortened, wrapped
from ..tables.formats import DASH, counted
from ..tables.outline import MISSING_MARK, Field, fields_of
from ..tables.rows import Verdict
from ..tables.wording import escaped, headlines

if TYPE_CHECKING:
    from rich.console import Console

    from ..tables.rows import ColumnComparison, Findings

__all__ = ["print_report"]

_TEXT_WIDTH = 100
"""Cells of a line of the findings, also in a wider terminal."""

_NAME_WIDTH = 16
"""Cells of a column's name down to which names are shortened before fields are left out."""

_LEAST_NAME = 8
"""Cells of a name where nothing is left to be left out."""

_UNIT_WIDTH = 12
"""Cells of a unit in the table, whose number is never shortened."""

_QUOTED_WIDTH = 40
"""Cells of a name or category in a sentence."""

_GAP = "  "

_QUIET = (Verdict.WITHIN_NOISE, Verdict.SAME, None)


def print_report(report: Findings, console: Console) -> None:
    """Print which tables, the table of columns, and the findings.

    Names are shortened where there is no room for them, then fields left out: the Jensen-Shannon
    divergence first, then the name of the measure, the noise, the effect in sd, the p-value, the
    interval, the missing values, and last the effect. What was left out is said below.
    """
    cells: Callable[[str], int] = import_optional(
        "rich.cells", extra="cli", purpose="the terminal table"
    ).cell_len
    lines = _Lines(console, cells)
    lines.add()
    for side, name, rows in (
        ("A", report.name_a, report.rows_a),
        ("B", report.name_b, report.rows_b),
    ):
        count = f"  {counted(rows, 'row')}"
        room = max(_LEAST_NAME, console.width - 4 - cells(count))
        name = shortened(for_terminal(name), room, cells)
        lines.add((f" {side}  ", "bold"), (name, ""), (count, "dim"))
    lines.add()
    table = escaped(report, for_terminal)
    fields = fields_of(table)
    shown = _Grid(fields, table.rows, console.width, cells)
    for line in shown.lines():
        lines.add(*line)
    lines.add()
    if any(MISSING_MARK in text for text in shown.texts_of("missing")):
        lines.paragraph(f"{MISSING_MARK} the missing rates differ", " ", "dim")
    left_out = [field.title for field in fields if field not in shown.fields]
    if left_out:
        text = f"not shown at this width: {', '.join(left_out)}; --format markdown or a wider"
        lines.paragraph(f"{text} terminal has them", " ", "dim")
    short = escaped(report, for_terminal, _QUOTED_WIDTH, cells)
    *findings, last = headlines(short)
    for finding in findings:
        lines.paragraph(finding, " • ")
    # How it was computed, where anything was tested.
    lines.paragraph(last, " • ", "dim" if report.tested else "")
    lines.add()


class _Lines:
    """Styled lines on a console, which wraps none of them."""

    def __init__(self, console: Console, cells: Callable[[str], int]):
        self.console, self.cells = console, cells
        self.text = import_optional("rich.text", extra="cli", purpose="the terminal table").Text

    def add(self, *parts: tuple[str, str]) -> None:
        """Print one line of texts with their styles, without blanks at its end."""
        line = self.text.assemble(*parts)
        line.rstrip()
        self.console.print(line, no_wrap=True, overflow="ignore", crop=False)

    def paragraph(self, text: str, mark: str, style: str = "") -> None:
        """Print a text, broken at blanks, behind a mark."""
        width = max(_LEAST_NAME, min(self.console.width, _TEXT_WIDTH) - len(mark))
        for place, line in enumerate(wrapped(text, width, self.cells)):
            self.add((mark if place == 0 else " " * len(mark), style), (line, style))


class _Grid:
    """The table of columns in so many cells of a line.

    Attributes
    ----------
    fields : list of Field
        Those for which there is room.
    """

    def __init__(
        self,
        fields: Sequence[Field],
        rows: Sequence[ColumnComparison],
        width: int,
        cells: Callable[[str], int],
    ):
        self.cells = cells
        self.rows = rows
        self.fields = list(fields)
        self.texts = {field.key: [self._text(field, row) for row in rows] for field in fields}
        self.widths = {field.key: self._width(field) for field in fields}
        name = self.widths["column"]
        for least in (_NAME_WIDTH, _LEAST_NAME):
            while self._others() + min(name, least) > width and self._drop(least):
                pass
        room = max(width - self._others(), min(name, _LEAST_NAME))
        self.widths["column"] = min(name, room)
        self.texts["column"] = [shortened(text, room, cells) for text in self.texts["column"]]

    def texts_of(self, key: str) -> list[str]:
        """What stands in a field; nothing where it was left out."""
        return self.texts[key] if any(field.key == key for field in self.fields) else []

    def _text(self, field: Field, row: ColumnComparison) -> str:
        text = field.text(row)
        number, blank, unit = text.partition(" ")
        if field.key == "effect" and blank:
            return f"{number} {shortened(unit, _UNIT_WIDTH, self.cells)}"
        return text

    def _width(self, field: Field) -> int:
        texts = [*field.lines.split("\n"), *self.texts[field.key]]
        return max(map(self.cells, texts))

    def _others(self) -> int:
        """Cells of all but the names: a blank at the left, and gaps."""
        others = sum(self.widths[field.key] for field in self.fields[1:])
        return 1 + others + len(_GAP) * (len(self.fields) - 1)

    def _drop(self, least: int) -> bool:
        """Leave out the field that is missed least; whether there was one.

        The effect goes only where names are as short as can be.
        """
        places = [field for field in self.fields if field.rank]
        if least > _LEAST_NAME:
            places = [field for field in places if field.key != "effect"]
        if not places:
            return False
        self.fields.remove(min(places, key=lambda field: field.rank))
        return True

    def lines(self) -> Iterator[list[tuple[str, str]]]:
        """Lines of texts with their styles: two of titles at most, a rule, one a row."""
        titles = [field.lines.split("\n") for field in self.fields]
        height = max(map(len, titles))
        for place in range(height):
            at = place - height
            texts = [title[at] if len(title) >= -at else "" for title in titles]
            yield self._line(texts, ["bold"] * len(texts))
        rule = sum(self.widths[field.key] for field in self.fields)
        yield [(f" {'─' * (rule + len(_GAP) * (len(self.fields) - 1))}", "dim")]
        for place, row in enumerate(self.rows):
            texts = [self.texts[field.key][place] for field in self.fields]
            styles = [
                _style(field.key, text, row) for field, text in zip(self.fields, texts, strict=True)
            ]
            yield self._line(texts, styles)

    def _line(self, texts: Sequence[str], styles: Sequence[str]) -> list[tuple[str, str]]:
        parts = [(" ", "")]
        for field, text, style in zip(self.fields, texts, styles, strict=True):
            blanks = " " * (self.widths[field.key] - self.cells(text))
            parts += (
                [(text, style), (blanks, "")] if field.is_text else [(blanks, ""), (text, style)]
            )
            parts.append((_GAP, ""))
        return parts


def _style(key: str, text: str, row: ColumnComparison) -> str:
    """What differs stands out, and what is within noise steps back."""
    if row.error is not None:
        return "red" if key in ("column", "verdict") else "dim"
    if key == "missing":
        return "bold red" if MISSING_MARK in text else "dim"
    if key == "column":
        return "bold" if row.differs else "dim" if row.evidence is not None else ""
    if text == DASH or row.left_out is not None:
        return "dim"
    if row.evidence is not None and row.verdict in _QUIET:
        return "dim"
    if key == "verdict":
        return "bold red" if row.verdict is Verdict.DIFFERS else "red"
    return "bold" if key == "effect" else "dim" if key in ("noise", "js", "measure") else ""
