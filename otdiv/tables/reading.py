"""Files and data frames -> `Table`: named columns, units that a file states, a row count."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from .._optional import import_optional
from ..errors import InvalidInputError
from .files import read_file

__all__ = ["Backend", "Table", "TableLike", "read_table"]

Backend: TypeAlias = Literal["pandas", "polars", "pyarrow"]
TableLike: TypeAlias = Any
"""A path, a pandas, polars or pyarrow frame, a NumPy array, or a mapping of 1-D arrays."""

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
        A narwhals Series or a 1-D NumPy array per name.
    units : Mapping of str to str
        Units that the file states, from the key `units` of an Arrow field's metadata.
    repeated : Mapping of str to int
        How often each name occurs that occurs more than once; such columns are ambiguous and are
        not in `columns`.
    backend : {"pandas", "polars", "pyarrow"}
        The library of the frame; "pyarrow" for files and arrays.
    """

    name: str
    n_rows: int
    columns: Mapping[str, Any]
    units: Mapping[str, str]
    repeated: Mapping[str, int]
    backend: Backend

    @property
    def names(self) -> tuple[str, ...]:
        """All names, the repeated ones once and last."""
        return (*self.columns, *self.repeated)


def read_table(source: TableLike, argument: str) -> Table:
    """Read a path or wrap a frame.

    Parameters
    ----------
    source : path, data frame, array or mapping
        See `compare_tables`.
    argument : str
        What the caller calls it, for error texts.

    Raises
    ------
    InvalidInputError
        If it is unreadable, of a type or a format that is not known, or has no rows or no columns.
    MissingDependencyError
        If narwhals or pyarrow is not installed.
    """
    if isinstance(source, str | os.PathLike):
        found = read_file(Path(source), argument)
        if isinstance(found, np.ndarray):
            table = _from_array(found, str(source), argument)
        else:
            table = _from_arrow(found, str(source))
    elif isinstance(source, np.ndarray):
        table = _from_array(source, argument, argument)
    elif isinstance(source, Mapping):
        table = _from_mapping(source, argument)
    else:
        table = _from_frame(source, argument, argument)
    if not table.names:
        raise InvalidInputError(argument, "have at least one column", table.name)
    if table.n_rows == 0:
        raise InvalidInputError(argument, "have at least one row", table.name)
    return table


def _from_arrow(frame: Any, name: str) -> Table:
    narwhals = import_optional("narwhals.stable.v2", extra="cli", purpose=_PURPOSE)
    names, repeated = _split_names(frame.schema.names)
    units = {}
    for field in frame.schema:
        stated = (field.metadata or {}).get(b"units")
        if stated:
            units[field.name] = stated.decode("utf-8", "replace")
    columns = {
        label: narwhals.from_native(frame.column(position), series_only=True)
        for position, label in names.items()
    }
    return Table(
        name=name,
        n_rows=frame.num_rows,
        columns=columns,
        units=units,
        repeated=repeated,
        backend="pyarrow",
    )


def _from_frame(source: Any, name: str, argument: str) -> Table:
    narwhals = import_optional("narwhals.stable.v2", extra="cli", purpose=_PURPOSE)
    if narwhals.dependencies.is_pyarrow_table(source):
        return _from_arrow(source, name)
    repeated: dict[str, int] = {}
    if narwhals.dependencies.is_pandas_dataframe(source):
        labels, repeated = _split_names([str(label) for label in source.columns])
        source = source.iloc[:, list(labels)].set_axis(list(labels.values()), axis="columns")
    try:
        frame = narwhals.from_native(source, eager_only=True)
    except TypeError:
        requirement = (
            "be a path, a pandas, polars or pyarrow frame (a lazy one collected), "
            "a NumPy array or a mapping of 1-D arrays"
        )
        raise InvalidInputError(argument, requirement, type(source).__name__) from None
    backend = frame.implementation.value
    return Table(
        name=name,
        n_rows=len(frame),
        columns={label: frame[label] for label in frame.columns},
        units={},
        repeated=repeated,
        backend=backend if backend in ("pandas", "polars") else "pyarrow",
    )


def _from_array(array: Any, name: str, argument: str) -> Table:
    if array.dtype.names:
        return _from_mapping({label: array[label] for label in array.dtype.names}, argument, name)
    if array.ndim not in (1, 2):
        raise InvalidInputError(argument, "have shape (n,) or (n, d)", f"shape {array.shape}")
    if len(array) == 0:  # before so many columns are named as it may claim
        raise InvalidInputError(argument, "have at least one row", name)
    columns = array[:, None] if array.ndim == 1 else array
    named = {str(index): columns[:, index] for index in range(columns.shape[1])}
    return _from_mapping(named, argument, name)


def _from_mapping(source: Mapping[Any, Any], argument: str, name: str | None = None) -> Table:
    columns = {}
    for label, values in source.items():
        array = _as_column(values)
        if len(array.shape) != 1:
            place = f"in column {label!r}"
            raise InvalidInputError(argument, "hold 1-D columns", f"shape {array.shape}", place)
        columns[str(label)] = array
    lengths = {array.shape[0] for array in columns.values()}
    if len(lengths) > 1:
        raise InvalidInputError(argument, "hold columns of one length", sorted(lengths))
    return Table(
        name=name or argument,
        n_rows=lengths.pop() if lengths else 0,
        columns=columns,
        units={},
        repeated={},
        backend="pyarrow",
    )


def _as_column(values: Any) -> Any:
    """A narwhals Series of what a data frame library made, a NumPy array of anything else.

    Masks stay, and integers beside floats stay integers.
    """
    if isinstance(values, np.ndarray):
        return values
    narwhals = import_optional("narwhals.stable.v2", extra="cli", purpose=_PURPOSE)
    series = narwhals.from_native(values, series_only=True, pass_through=True)
    if series is not values:
        return series
    if isinstance(values, list | tuple):
        types = set(map(type, values))
        if any(issubclass(found, np.ma.MaskedArray) for found in types):
            cells = [None if np.ma.is_masked(value) else value for value in values]
            return np.array(cells, dtype=object)
        if types == {int, float}:
            return np.array(values, dtype=object)
    return np.asarray(values)


def _split_names(names: Sequence[str]) -> tuple[dict[int, str], dict[str, int]]:
    """Positions of the names that occur once, and the counts of the others."""
    counts = Counter(names)
    once = {position: name for position, name in enumerate(names) if counts[name] == 1}
    return once, {name: count for name, count in counts.items() if count > 1}
