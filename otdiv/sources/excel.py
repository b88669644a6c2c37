"""Sheets of a workbook, by python-calamine: the first row that holds anything names the columns."""

from __future__ import annotations

from typing import Any

from .._optional import import_optional
from .files import File, UnreadableFileError, guarded
from .rows import column_of
from .source import Batch, Source, Spelling

__all__ = ["SUFFIXES", "open_sheet"]

SUFFIXES = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
_REMEDY = "say na= (--na) for what is missing"
_SHOWN = 8
"""Sheets that an error lists."""


def open_sheet(file: File, argument: str, spelling: Spelling) -> Source:
    """Open the only sheet with contents, or the one named after "::"."""
    calamine = import_optional("python_calamine", extra="cli", purpose="reading workbooks")
    rows = guarded(file, argument, lambda: _rows(file, calamine))
    header, body = rows[0], rows[1:]
    # Columns without a name and without contents lie beside the table.
    kept = [
        place
        for place, name in enumerate(header)
        if name != "" or any(row[place] != "" for row in body)
    ]
    names = tuple(_name(header[place]) for place in kept)
    columns = tuple(
        column_of(
            [None if row[place] == "" else row[place] for row in body],
            remedy=_REMEDY,
            na=spelling.na,
        )
        for place in kept
    )
    batch = Batch(n_rows=len(body), columns=columns)
    return Source(
        name=file.shown, columns=names, make=lambda: iter((batch,)), spelled=frozenset({"na"})
    )


def _rows(file: File, calamine: Any) -> list[list[Any]]:
    with file.open() as stream:
        book = calamine.CalamineWorkbook.from_filelike(stream)
        names = list(book.sheet_names)
        if file.part is not None:
            if file.part not in names:
                raise UnreadableFileError(f"no sheet {file.part!r}; there are {_listing(names)}")
            rows = book.get_sheet_by_name(file.part).to_python(skip_empty_area=True)
        else:
            sheets = {
                name: book.get_sheet_by_name(name).to_python(skip_empty_area=True) for name in names
            }
            full = [name for name, found in sheets.items() if found]
            if len(full) > 1:
                raise UnreadableFileError(f"sheets {_listing(full)}; name one: FILE::{full[0]}")
            rows = sheets[full[0]] if full else []
    rows = [row for row in rows if any(cell != "" for cell in row)]
    if not rows:
        raise UnreadableFileError("no sheet with contents")
    named = sum(cell != "" for cell in rows[0])
    if named < max(sum(cell != "" for cell in row) for row in rows) / 2:
        raise UnreadableFileError(
            f"its first row names {named} columns only; delete the rows above the names"
        )
    return rows


def _name(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():  # 2024 as a name is a number to Excel
        return str(int(cell))
    return str(cell)


def _listing(names: list[str]) -> str:
    more = f", … ({len(names)})" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
