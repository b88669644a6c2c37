"""Data of Dask as a list of partitions, each of which a task turns into arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from otdiv._optional import import_optional
from otdiv._typing import FloatArray
from otdiv.errors import InvalidInputError
from otdiv.sources.columns import as_numbers

__all__ = ["Partitions", "as_cloud", "as_partitions", "is_array", "numbers_of"]

_KINDS = (
    "be a Dask array (n,), a pair of such (values, weights), a series of dask.dataframe, or a "
    "frame of it with `column=`"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Partitions:
    """One sample in pieces.

    Attributes
    ----------
    argument : str
        What the caller calls it.
    values : list of Delayed
        An array, or a series of pandas, each.
    weights : list of Delayed or None
        Of the same rows.
    """

    argument: str
    values: list[Any]
    weights: list[Any] | None = None


def is_array(data: Any) -> bool:
    """Whether data are a Dask array."""
    array = import_optional("dask.array", extra="dask", purpose="`otdiv.dask`")
    return isinstance(data, array.Array)


def as_partitions(
    argument: str, data: Any, column: str | None = None, weights: str | None = None
) -> Partitions:
    """Pieces of a sample.

    Raises
    ------
    InvalidInputError
        If `data` are none of Dask, or have no such column.
    """
    if isinstance(data, tuple) and len(data) == 2 and all(map(is_array, data)):
        _check_nameless(argument, column, weights)
        values, masses = (_line(argument, part) for part in data)
        return Partitions(
            argument=argument, values=_delayed(values), weights=_beside(values, masses)
        )
    if is_array(data):
        _check_nameless(argument, column, weights)
        return Partitions(argument=argument, values=_delayed(_line(argument, data)))
    frames = import_optional("dask.dataframe", extra="dask", purpose="`otdiv.dask`")
    if isinstance(data, frames.Series | frames.Index):
        _check_nameless(argument, column, weights)
        return Partitions(argument=argument, values=_delayed(data))
    if not isinstance(data, frames.DataFrame):
        raise InvalidInputError(argument, _KINDS, type(data).__name__)
    if column is None and len(data.columns) == 1:
        column = data.columns[0]
    values = _named(argument, data, "column", column)
    if weights is None:
        return Partitions(argument=argument, values=_delayed(values))
    masses = _named(argument, data, "weights", weights)
    return Partitions(argument=argument, values=_delayed(values), weights=_delayed(masses))


def as_cloud(argument: str, data: Any) -> tuple[int, list[Any]]:
    """Dimension of points (n, d), and pieces of them, whole rows each.

    Raises
    ------
    InvalidInputError
        If `data` are no Dask array (n, d).
    """
    if not is_array(data) or data.ndim != 2:
        found = f"shape {data.shape}" if is_array(data) else type(data).__name__
        raise InvalidInputError(argument, "be a Dask array of shape (n, d)", found)
    return int(data.shape[1]), _delayed(data.rechunk({1: -1}))


def numbers_of(part: Any, argument: str) -> FloatArray:
    """Floats of one partition; NaN where a number is missing."""
    return as_numbers(part, argument)


def _line(argument: str, array: Any) -> Any:
    if array.ndim != 1:
        raise InvalidInputError(argument, "have shape (n,)", f"shape {array.shape}")
    return array


def _beside(values: Any, masses: Any) -> list[Any]:
    """Weights in the pieces of their values."""
    sizes = np.array([*values.chunks[0], *masses.chunks[0]], dtype=np.float64)
    if values.chunks != masses.chunks and not np.isnan(sizes).any():
        if values.shape != masses.shape:
            found = f"shapes {values.shape} and {masses.shape}"
            raise InvalidInputError("weights", "have the shape of their values", found)
        masses = masses.rechunk(values.chunks)
    if values.npartitions != masses.npartitions:
        found = f"{masses.npartitions} beside {values.npartitions}"
        raise InvalidInputError("weights", "have the chunks of their values", found)
    return _delayed(masses)


def _named(argument: str, frame: Any, option: str, name: str | None) -> Any:
    names = [str(each) for each in frame.columns]
    listed = ", ".join(names[:8]) + (", …" if names[8:] else "")
    if name is None:
        raise InvalidInputError(option, f"name one of the columns of `{argument}`", listed)
    if list(frame.columns).count(name) != 1:
        found = f"{name!r}, where there are {listed}"
        raise InvalidInputError(option, f"name one of the columns of `{argument}`", found)
    return frame[name]


def _check_nameless(argument: str, column: str | None, weights: str | None) -> None:
    for option, name in (("column", column), ("weights", weights)):
        if name is not None:
            raise InvalidInputError(option, f"be None where `{argument}` is no frame", repr(name))


def _delayed(data: Any) -> list[Any]:
    return list(np.ravel(np.array(data.to_delayed(), dtype=object)))
