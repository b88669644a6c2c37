"""NumPy files, arrays, mappings of columns, lists of rows: one batch."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._optional import import_optional
from ..errors import InvalidInputError
from .files import File, UnreadableFileError, guarded
from .source import Batch, Source

__all__ = ["SUFFIXES", "open_array", "open_mapping", "open_numpy", "open_rows"]

SUFFIXES = (".npy", ".npz")
_PURPOSE = "comparing tables"


def open_numpy(file: File, argument: str) -> Source:
    """Open a .npy file, or the arrays of a .npz file by their names."""
    if file.suffix == ".npz":
        members = guarded(file, argument, lambda: _read_npz(file))
        return open_mapping(members, argument, file.shown)
    array = guarded(file, argument, lambda: _read_npy(file))
    return open_array(array, file.shown, argument)


def _read_npy(file: File) -> Any:
    file.check_beginning(b"\x93NUMPY")
    with warnings.catch_warnings():
        # NumPy warns of headers that Python 2 wrote, which it reads, and of sizes that overflow.
        warnings.simplefilter("ignore")
        # Never a pickle: loading one runs whatever code its author put there.
        if file.path is None:
            with file.open() as stream:
                return np.load(stream, allow_pickle=False)
        # Mapped, since a header may claim more numbers than the file and the memory have.
        mapped = np.load(file.path, mmap_mode="r", allow_pickle=False)
    if mapped.offset + mapped.nbytes != file.size or mapped.itemsize == 0:
        raise UnreadableFileError("not as many bytes as its header claims")
    return np.array(mapped)


def _read_npz(file: File) -> dict[str, Any]:
    file.check_beginning(b"PK\x03\x04")
    with file.open() as stream, np.load(stream, allow_pickle=False) as members:
        return {name: members[name] for name in members.files}


def open_array(array: Any, name: str, argument: str) -> Source:
    """Columns of an array of shape (n,) or (n, d) are called by their position, fields by name."""
    if array.dtype.names:
        return open_mapping({label: array[label] for label in array.dtype.names}, argument, name)
    if array.ndim not in (1, 2):
        raise InvalidInputError(argument, "have shape (n,) or (n, d)", f"shape {array.shape}")
    if len(array) == 0:  # before so many columns are named as it may claim
        raise InvalidInputError(argument, "have at least one row", name)
    columns = array[:, None] if array.ndim == 1 else array
    named = {str(index): columns[:, index] for index in range(columns.shape[1])}
    return open_mapping(named, argument, name)


def open_mapping(source: Mapping[Any, Any], argument: str, name: str | None = None) -> Source:
    """Columns by name: 1-D arrays, Series or lists."""
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
    batch = Batch(n_rows=lengths.pop() if lengths else 0, columns=tuple(columns.values()))
    return Source(name=name or argument, columns=tuple(columns), make=lambda: iter((batch,)))


def open_rows(rows: Sequence[Mapping[Any, Any]], argument: str) -> Source:
    """Rows as dictionaries; a key that a row does not have is missing there."""
    names = dict.fromkeys(str(key) for row in rows for key in row)
    lists: dict[str, list[Any]] = {name: [] for name in names}
    for row in rows:
        named = {str(key): value for key, value in row.items()}
        for name, values in lists.items():
            values.append(named.get(name))
    return open_mapping(lists, argument)


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
        if types == {int, float} or (str in types and types <= {str, type(None), np.str_}):
            # Texts of NumPy end before a NUL character.
            return np.array(values, dtype=object)
    return np.asarray(values)
