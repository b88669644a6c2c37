"""Some rows of a table that is read: its columns are decoded once, whatever is made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ...sources.source import Spelling, Unreadable
from ..columns import BoolArray, Column, ColumnError, decode, decode_any, rows_of
from ..reading import Table
from ..roles import role
from ..telling import IGNORE, Told, with_kind

__all__ = ["decoded_table", "part_of"]


def decoded_table(
    table: Table,
    told: Mapping[str, Told],
    spelling: Spelling,
    names: Iterable[str] | None = None,
) -> Table:
    """The same table with decoded columns, of the kinds that they are told to be.

    A column that is unreadable keeps its reason; those not in `names` are as they were.
    """
    columns: dict[str, Any] = dict(table.columns)
    for name in columns if names is None else set(names) & set(columns):
        if name in told and told[name].kind == IGNORE:
            continue
        columns[name] = _decoded(columns[name], told.get(name), spelling)
    return replace(table, columns=columns)


def _decoded(source: Any, told: Told | None, spelling: Spelling) -> Column | Unreadable:
    try:
        if told is None:
            column = decode_any(source)
            return replace(column, role=role(column, column))
        return with_kind(decode(source), told, spelling)
    except ColumnError as error:
        return Unreadable(str(error))


def part_of(table: Table, chosen: BoolArray, name: str) -> Table:
    """The rows chosen of a decoded table, shape (n,), as a table with a name of its own."""
    columns = {
        each: rows_of(column, chosen) if isinstance(column, Column) else column
        for each, column in table.columns.items()
    }
    return replace(table, name=name, n_rows=int(chosen.sum()), columns=columns)
