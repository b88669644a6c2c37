"""Sources -> `Table`: named columns, units that a file states, a row count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from .._optional import import_optional
from ..errors import InvalidInputError
from ..sources.opening import open_spelled
from ..sources.source import Backend, Batch, Source, Spelling, Unreadable

__all__ = ["Backend", "Table", "TableLike", "as_series", "read_table", "split_names", "table_of"]

TableLike: TypeAlias = Any
"""A path, a frame, dataset, reader or relation, an array, a mapping, rows, or a `Source`."""

_PURPOSE = "comparing tables"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """Columns by name, not yet decoded.

    Attributes
    ----------
    name : str
        The path, or the argument's name where there is none.
    n_rows : int
        Number of rows.
    columns : Mapping of str to object
        A narwhals Series, a 1-D NumPy array or an `Unreadable` per name.
    units : Mapping of str to str
        Units that the file states, from the key `units` of an Arrow field's metadata.
    repeated : Mapping of str to int
        How often each name occurs that occurs more than once; such columns are ambiguous and are
        not in `columns`.
    backend : {"pandas", "polars", "pyarrow"}
        The library of the frame; "pyarrow" for files and arrays.
    marks : Mapping of str to str
        "%" or a currency that all numbers of a text column carry.
    spelled : frozenset of str
        Options of texts that have a meaning for this table.
    """

    name: str
    n_rows: int
    columns: Mapping[str, Any]
    units: Mapping[str, str]
    repeated: Mapping[str, int]
    backend: Backend
    marks: Mapping[str, str] = field(default_factory=dict)
    spelled: frozenset[str] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        """All names, the repeated ones once and last."""
        return (*self.columns, *self.repeated)


def read_table(source: TableLike, argument: str, spelling: Spelling | None = None) -> Table:
    """Read all rows of a table of any kind.

    Parameters
    ----------
    source : path, data frame, array, mapping or Source
        See `otdiv.sources.open_table`.
    argument : str
        What the caller calls it, for error texts.
    spelling : Spelling, optional
        How its texts are written.

    Raises
    ------
    InvalidInputError
        If it is unreadable, of a type or a format that is not known, or has no rows or no columns.
    MissingDependencyError
        If narwhals or the library that reads it is not installed.
    """
    opened = open_spelled(source, argument, spelling or Spelling())
    return table_of(opened, list(opened.batches()), argument)


def table_of(opened: Source, batches: Sequence[Batch], argument: str) -> Table:
    """The table of a source of which all batches are read.

    Raises
    ------
    InvalidInputError
        If it has no rows or no columns.
    """
    if not opened.columns:
        raise InvalidInputError(argument, "have at least one column", opened.name)
    n_rows = sum(batch.n_rows for batch in batches)
    if n_rows == 0:
        raise InvalidInputError(argument, "have at least one row", opened.name)
    batches = [batch for batch in batches if batch.n_rows]
    once, repeated = split_names(opened.columns)
    return Table(
        name=opened.name,
        n_rows=n_rows,
        columns={name: _column(batches, place) for place, name in once.items()},
        units=opened.units,
        repeated=repeated,
        backend=opened.backend,
        marks=opened.marks,
        spelled=opened.spelled,
    )


def _column(batches: Sequence[Batch], place: int) -> Any:
    """One column of all batches, as `decode` takes it."""
    parts = [batch.columns[place] for batch in batches]
    for part in parts:
        if isinstance(part, Unreadable):
            return part
    return as_series(parts[0] if len(parts) == 1 else _joined(parts))


def as_series(column: Any) -> Any:
    """A stored column as `decode` takes it: a narwhals Series, an array, or an `Unreadable`."""
    if isinstance(column, np.ndarray | Unreadable):
        return column
    narwhals = import_optional("narwhals.stable.v2", extra="cli", purpose=_PURPOSE)
    pyarrow = import_optional("pyarrow", extra="cli", purpose=_PURPOSE)
    if isinstance(column, pyarrow.Array):
        column = pyarrow.chunked_array([column])
    return narwhals.from_native(column, series_only=True)


def _joined(parts: Sequence[Any]) -> Any:
    """Parts of one column; files of one folder may differ in its type."""
    pyarrow = import_optional("pyarrow", extra="cli", purpose=_PURPOSE)
    if any(isinstance(part, np.ndarray) for part in parts):
        return np.concatenate([np.asarray(part, dtype=object) for part in parts])
    types = [part.type for part in parts]
    if len(set(types)) == 1:
        chunks = [c for part in parts for c in getattr(part, "chunks", [part])]
        return pyarrow.chunked_array(chunks, type=types[0])
    tables = [pyarrow.table({"x": part}) for part in parts]
    try:
        return pyarrow.concat_tables(tables, promote_options="permissive").column(0)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError):
        listed = " and ".join(dict.fromkeys(map(str, types)))
        return Unreadable(f"{listed} in different files")


def split_names(names: Sequence[str]) -> tuple[dict[int, str], dict[str, int]]:
    """Positions of the names that occur once, and the counts of the others."""
    counts = Counter(names)
    once = {position: name for position, name in enumerate(names) if counts[name] == 1}
    return once, {name: count for name, count in counts.items() if count > 1}
