"""A report of batches in the terminal: columns by batches, as numbers or as shades."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from .._optional import import_optional
from .._text import display_width, for_terminal, shortened, wrapped
from ..tables.batches.heat import SHADE_ENDS, SHADES, HeatLine, heat_lines
from ..tables.batches.words import batch_headlines, shown_batches
from ..tables.formats import counted
from ..tables.naming import telling_names

if TYPE_CHECKING:
    from rich.console import Console

    from ..tables.batches.heat import Cell
    from ..tables.batches.rows import BatchFindings

__all__ = ["print_batches"]

_TEXT_WIDTH = 100
"""Cells of a line of the findings, also in a wider terminal."""

_NAME_WIDTH = 24
"""Cells of a column's name at most; by taste."""

_LABEL_WIDTH = 10
"""Cells of a batch's label at most, where numbers are shown."""

_QUOTED_WIDTH = 40
"""Cells of a name in a sentence."""

_MEANINGS = {"·": "within noise", "=": "same within δ", "<": "less than δ"}
_MEANINGS |= {"!": "failed", "-": "takes no part"}

_Parts = list[tuple[str, str]]


def print_batches(report: BatchFindings, console: Console) -> None:
    """Print what is compared with what, the grid of columns by batches, and the findings.

    Where the numbers of all batches have room they are shown; otherwise one shade a batch, and
    below it how many batches have no room.
    """
    text = import_optional("rich.text", extra="cli", purpose="the terminal table").Text

    def put(parts: _Parts) -> None:
        line = text.assemble(*parts)
        line.rstrip()
        console.print(line, no_wrap=True, overflow="ignore", crop=False)

    width = console.width
    put([])
    for parts in _heads(report, width):
        put(parts)
    put([])
    lines = heat_lines(report)
    names = [_name(line, min(_NAME_WIDTH, max(8, width // 3))) for line in lines]
    grid = _numbers(report, lines, names, width) or _shades(report, lines, names, width)
    for parts in grid:
        put(parts)
    put([])

    def show(name: str) -> str:
        return shortened(for_terminal(name), _QUOTED_WIDTH)

    *findings, last = batch_headlines(report, show)
    room = min(width, _TEXT_WIDTH) - 3
    for sentence in findings:
        for place, line in enumerate(wrapped(sentence, room)):
            put([(" • " if place == 0 else "   ", ""), (line, "")])
    for place, line in enumerate(wrapped(last, room)):
        put([(" • " if place == 0 else "   ", "dim"), (line, "dim")])
    put([])


def _heads(report: BatchFindings, width: int) -> Iterator[_Parts]:
    """Lines that say what is compared with what."""
    (name,) = telling_names(report.name)
    what, against = f"groups of {report.by} in {name}", report.reference
    if report.kind == "tables":
        what, against = counted(len(report.reports), "table"), f"A, {name}"
    elif report.kind == "periods":
        what = f"{name}, every {report.every} of {report.by}"
    for word, told in (("compared", what), ("with", against)):
        room = max(8, width - 12)
        yield [(f" {word:8}  ", "bold"), (shortened(for_terminal(told), room), "")]


def _name(line: HeatLine, width: int) -> str:
    """Name of a line, of at most so many cells."""
    ending = ", missing" if line.is_missing else ""
    name = for_terminal(line.column)
    return shortened(name if name.strip() else f'"{name}"', max(3, width - len(ending))) + ending


def _numbers(
    report: BatchFindings, lines: Sequence[HeatLine], names: Sequence[str], width: int
) -> list[_Parts] | None:
    """The grid with its numbers; None where there is no room for all batches."""
    labels = [shortened(for_terminal(label), _LABEL_WIDTH) for label in report.labels]
    widths = [
        max(display_width(label), *(display_width(line.cells[place].text) for line in lines))
        for place, label in enumerate(labels)
    ]
    first = max(map(display_width, names))
    if 1 + first + sum(2 + each for each in widths) > width:
        return None
    grid: list[_Parts] = [[(_padded("", first + 1), "")]]
    grid[0] += [
        (f"  {_at_right(label, each)}", "bold") for label, each in zip(labels, widths, strict=True)
    ]
    for name, line in zip(names, lines, strict=True):
        parts: _Parts = [(f" {_padded(name, first)}", _name_style(line))]
        for cell, each in zip(line.cells, widths, strict=True):
            parts.append((f"  {_at_right(cell.text, each)}", _style(cell)))
        grid.append(parts)
    note = "in pooled sd, categories in shares of rows"
    if any(cell.text.startswith("(") for line in lines for cell in line.cells):
        note += "; (in brackets): does not differ"
    grid += [[(f" {part}", "dim")] for part in wrapped(note, width - 1)]
    return grid


def _shades(
    report: BatchFindings, lines: Sequence[HeatLine], names: Sequence[str], width: int
) -> list[_Parts]:
    """The grid with one mark a batch, and what the marks are."""
    first = max(map(display_width, names))
    room = max(1, width - first - 3)
    places = shown_batches(report, room)
    labels = [for_terminal(report.labels[place]) for place in places]
    widest = max(map(display_width, labels))
    if (widest + 1) * len(places) - 1 <= room:
        gap = " " * widest
        title = "".join(_padded(label, widest + 1) for label in labels)
    else:
        gap = " " if 2 * len(places) - 1 <= room else ""
        title = _ends(labels[0], labels[-1], len(places) + len(gap) * (len(places) - 1))
    grid: list[_Parts] = [[(_padded("", first + 3), ""), (title, "bold")]]
    for name, line in zip(names, lines, strict=True):
        parts: _Parts = [(f" {_padded(name, first)}  ", _name_style(line))]
        for place in places:
            cell = line.cells[place]
            parts.append((f"{cell.mark}{gap}", _style(cell)))
        grid.append(parts)
    marks = {line.cells[place].mark for line in lines for place in places}
    for part in wrapped(_legend(marks), width - 1):
        grid.append([(f" {part}", "dim")])
    if len(places) < len(report.reports):
        which = "the latest" if report.kind == "periods" else "those in which most columns differ"
        told = f"{len(places)} of {len(report.reports):,} batches are shown: {which}"
        for part in wrapped(f"{told}; --format markdown, json or csv", width - 1):
            grid.append([(f" {part}", "dim")])
    return grid


def _ends(first: str, last: str, across: int) -> str:
    """Labels of the first and the last batch, above them, as far as there is room."""
    if display_width(first) + display_width(last) + 3 <= across:
        return first + _at_right(last, across - display_width(first))
    return shortened(f"{first} to {last}", max(across, 8))


def _legend(marks: set[str]) -> str:
    steps = ["", *(f"{end:g}" for end in SHADE_ENDS)]
    told = []
    for place, shade in enumerate(SHADES):
        if shade in marks:
            last = place == len(SHADES) - 1
            told.append(f"{shade} {'≥' if last else '<'} {steps[place if last else place + 1]}")
    if told:
        told[-1] += " sd (of categories, shares of rows)"
    told += [f"{mark} {meaning}" for mark, meaning in _MEANINGS.items() if mark in marks]
    return "  ".join(told)


def _name_style(line: HeatLine) -> str:
    return "bold" if any(cell.differs for cell in line.cells) else "dim"


def _style(cell: Cell) -> str:
    if cell.mark == "!":
        return "red"
    return "bold" if cell.differs else "dim"


def _padded(text: str, width: int) -> str:
    return text + " " * (width - display_width(text))


def _at_right(text: str, width: int) -> str:
    return " " * (width - display_width(text)) + text
