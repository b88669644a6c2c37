"""`open_column`: one column of numbers of a table of any size, with its weights, in chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from .._optional import import_optional
from .._typing import FloatArray
from .._validation import as_exact_array
from ..errors import InvalidInputError
from .opening import open_table
from .source import Source, Unreadable

__all__ = ["Chunk", "Column", "open_column"]

Chunk: TypeAlias = tuple[FloatArray, FloatArray | None]
"""Values (n,), NaN where one is missing, and their weights (n,), None where all are alike."""

_PURPOSE = "reading a column"
_NUMBERS = "be a column of numbers"
_TIMES = "(times are numbers in a unit: cast them to it)"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Column:
    """One column of a table, read as often as it is needed.

    Attributes
    ----------
    name : str
        The table's, and the column's where there is one.
    make : callable
        Begins anew, where that is possible, and returns an iterator of chunks.
    make_cells : callable
        The same for batches of the column as they are stored.
    once : bool
        Whether it can be read only once.
    weighted : bool
        Whether rows have weights.
    """

    name: str
    make: Callable[[], Iterator[Chunk]]
    make_cells: Callable[[], Iterator[Any]]
    once: bool = False
    weighted: bool = False

    def chunks(self) -> Iterator[Chunk]:
        """Yield values and weights, in order.

        Raises
        ------
        InvalidInputError
            If a chunk is not of numbers, or holds integers that float64 rounds.
        """
        return self.make()

    def cells(self) -> Iterator[Any]:
        """Yield the column as it is stored, in batches: texts, say."""
        return self.make_cells()


def open_column(
    source: Any,
    column: str | None = None,
    *,
    weights: str | None = None,
    argument: str = "source",
) -> Column:
    """Open one column of a table of any kind and size.

    Parameters
    ----------
    source : path, frame, dataset, reader, relation, array, iterator, function or Source
        What `open_table` takes; or an iterator of arrays (n,), which is read once; or a function
        without arguments that returns a new one, which is read as often as is needed. Arrays of
        pairs (values, weights) have weights. A memory-mapped array is read as it is.
    column : str, optional
        Its name; may be left out where there is only one beside the weights.
    weights : str, optional
        Name of the column of the rows' weights.
    argument : str
        What the caller calls it, for error texts.

    Returns
    -------
    Column

    Raises
    ------
    InvalidInputError
        If the table is unreadable or has no such column.
    MissingDependencyError
        If the library that reads it is not installed.

    Examples
    --------
    >>> from otdiv.sources import open_column
    >>> prices = open_column({"price": [1.0, 2.5, None], "n": [1, 2, 1]}, "price", weights="n")
    >>> for values, masses in prices.chunks():
    ...     print(values, masses)
    [1.  2.5 nan] [1. 2. 1.]
    """
    if callable(source) or (hasattr(source, "__next__") and not hasattr(source, "schema")):
        if column is not None or weights is not None:
            found = "an iterator of arrays"
            raise InvalidInputError("column", "be left out where there are no names", found)
        return _of_iterator(source, argument)
    if isinstance(source, Column):
        return source
    if isinstance(source, list | tuple) and not any(isinstance(row, Mapping) for row in source):
        source = np.asarray(source)
    table = open_table(source, argument)
    name = _only(table, column, weights, argument)
    names = (name,) if weights is None else (name, weights)
    # Names that are not there are told now.
    for each in names:
        table.place(each)
    return Column(
        name=table.name if len(table.columns) == 1 else f"{table.name} {name}",
        make=lambda: _chunks(table, names, argument),
        make_cells=lambda: (batch.columns[0] for batch in table.batches(names[:1])),
        once=table.once,
        weighted=weights is not None,
    )


def _of_iterator(source: Any, argument: str) -> Column:
    def pairs() -> Iterator[Chunk]:
        items = source() if callable(source) else source
        for item in items:
            values, masses = item if isinstance(item, tuple) and len(item) == 2 else (item, None)
            numbers = as_numbers(values, argument)
            yield numbers, None if masses is None else as_numbers(masses, argument)

    def cells() -> Iterator[Any]:
        return iter(source() if callable(source) else source)

    return Column(name=argument, make=pairs, make_cells=cells, once=not callable(source))


def _only(table: Source, column: str | None, weights: str | None, argument: str) -> str:
    if column is not None:
        return column
    others = [name for name in table.columns if name != weights]
    if len(others) != 1:
        listed = ", ".join(others[:8]) + (", …" if others[8:] else "")
        raise InvalidInputError("column", f"name one of the columns of `{argument}`", listed)
    return others[0]


def _chunks(table: Source, names: tuple[str, ...], argument: str) -> Iterator[Chunk]:
    for batch in table.batches(names):
        parts = [
            as_numbers(column, argument, f"in column {name!r}")
            for column, name in zip(batch.columns, names, strict=True)
        ]
        yield parts[0], parts[1] if len(parts) == 2 else None


def as_numbers(column: Any, argument: str, where: str = "") -> FloatArray:
    """Float64 of a column of any library; NaN where a number is missing.

    Raises
    ------
    InvalidInputError
        If it is no column of numbers, or has integers that float64 rounds.
    """
    if isinstance(column, Unreadable):
        raise InvalidInputError(argument, _NUMBERS, column.reason, where)
    if type(column).__module__.partition(".")[0] == "pyarrow":
        return _of_arrow(column, argument, where)
    if isinstance(column, np.ndarray):
        return _of_array(column, argument, where)
    if isinstance(column, list | tuple):
        return _of_array(np.asarray(column), argument, where)
    narwhals = import_optional("narwhals.stable.v2", extra="cli", purpose=_PURPOSE)
    series = narwhals.from_native(column, series_only=True, pass_through=True)
    if series is column and not isinstance(series, narwhals.Series):
        return _of_array(np.asarray(column), argument, where)
    if not (series.dtype.is_numeric() or series.dtype == narwhals.Boolean):
        if series.dtype == narwhals.Object:
            return _of_array(series.to_numpy(), argument, where)
        note = _TIMES if series.dtype.is_temporal() else ""
        raise InvalidInputError(argument, _NUMBERS, str(series.dtype), f"{where} {note}".strip())
    gone = series.is_null()
    if gone.any():
        held = as_exact_array(argument, series.filter(~gone).to_numpy())
        values = np.full(len(series), np.nan)
        values[~gone.to_numpy().astype(bool)] = held
        return values
    return as_exact_array(argument, series.to_numpy())


def _of_arrow(column: Any, argument: str, where: str) -> FloatArray:
    pyarrow = import_optional("pyarrow", extra="cli", purpose=_PURPOSE)
    compute = import_optional("pyarrow.compute", extra="cli", purpose=_PURPOSE)
    kind = column.type
    types = pyarrow.types
    if types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if types.is_null(kind):
        return np.full(len(column), np.nan)
    numeric = types.is_integer(kind) or types.is_floating(kind)
    if not (numeric or types.is_decimal(kind) or types.is_boolean(kind)):
        note = _TIMES if types.is_temporal(kind) else ""
        raise InvalidInputError(argument, _NUMBERS, str(kind), f"{where} {note}".strip())
    if types.is_boolean(kind):
        column = column.cast(pyarrow.int8())
    if types.is_decimal(kind):
        return _of_array(np.array(column.to_pylist(), dtype=object), argument, where)
    if column.null_count == 0:
        return as_exact_array(argument, column.to_numpy())
    present = compute.is_valid(column).to_numpy(zero_copy_only=False)
    held = as_exact_array(argument, compute.drop_null(column).to_numpy())
    values = np.full(len(column), np.nan)
    values[present] = held
    return values


def _of_array(array: Any, argument: str, where: str) -> FloatArray:
    if isinstance(array, np.ma.MaskedArray):
        gone = np.ma.getmaskarray(array)
        values = np.full(array.shape, np.nan)
        values[~gone] = as_exact_array(argument, array.data[~gone])
        return values
    if array.dtype.kind == "O":
        gone = np.array([value is None or value is np.nan for value in array.flat], dtype=bool)
        if gone.any():
            values = np.full(array.shape, np.nan)
            values[~gone] = as_exact_array(argument, array[~gone])
            return values
    if array.dtype.kind in "mM":
        raise InvalidInputError(argument, _NUMBERS, str(array.dtype), f"{where} {_TIMES}".strip())
    return as_exact_array(argument, array)
