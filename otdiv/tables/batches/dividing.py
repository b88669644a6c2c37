"""What divides the rows of one table: groups of a column, chunks of time, a reference period."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._typing import IndexArray
from ..._validation import check_positive_integer
from ...errors import InvalidInputError
from ..asking import Asked
from ..columns import BoolArray, Column, ColumnError, Kind, decode
from ..formats import listed
from ..reading import Table
from ..telling import label_of
from .periods import Chunks, Every, within
from .splitting import decoded_table

__all__ = [
    "LEAST_ROWS",
    "check_chunks",
    "column_that_divides",
    "group_named",
    "groups_of",
    "reference_rows",
    "times_of",
]

LEAST_ROWS = 2
"""Rows of a group or chunk below which nothing can be told of its spread."""


def column_that_divides(table: Table, name: str, argument: str, asked: Asked) -> Column:
    """Decode the column that divides a table."""
    if name not in table.columns:
        requirement = f"name one column of the table ({listed(table.names)})"
        raise InvalidInputError(argument, requirement, repr(name))
    try:
        alone = decoded_table(table, asked.told, asked.spelling, [name])
        return decode(alone.columns[name])
    except ColumnError as error:
        raise InvalidInputError(argument, "be readable", f"{name}: {error}") from None


def groups_of(column: Column, by: str, most: int) -> tuple[IndexArray, tuple[str, ...]]:
    """Code of each row's group, -1 where it has none, and what the groups are called."""
    codes = np.full(column.present.shape, -1, dtype=np.int64)
    if column.kind is Kind.EMPTY:
        raise InvalidInputError("by", "have a value in some row", by)
    found, places = np.unique(column.values, return_inverse=True)
    if found.size > most:
        requirement = f"make at most `max_batches` = {most:,} groups"
        raise InvalidInputError("by", requirement, f"{by}: {found.size:,} values")
    places = np.asarray(places, np.int64).reshape(-1)
    if column.kind is Kind.ORDERED:
        place_of = {label: place for place, label in enumerate(column.order)}
        ranks = [place_of[column.labels[code]] for code in found.tolist()]
        order = np.argsort(ranks)
        found, places = found[order], np.argsort(order)[places]
    codes[column.present] = places
    return codes, tuple(_value(value, column) for value in found.tolist())


def _value(value: Any, column: Column) -> str:
    """Label of a group."""
    if column.labels:
        return str(column.labels[value])
    if column.kind is Kind.NUMBERS:
        return label_of(value)
    if column.kind is Kind.DURATIONS:
        raise InvalidInputError("by", "hold categories, numbers or times", column.kind.value)
    moment = np.datetime64(int(value), "us" if column.tick == 1000 else "ns")
    return str(np.datetime_as_string(moment, unit="D" if column.is_dates else "auto"))


def group_named(reference: object, values: tuple[str, ...], counts: NDArray[np.int64]) -> int:
    """Place of the group that all others are compared with."""
    text = label_of(reference)
    if text not in values:
        requirement = f"be a value of the column ({listed(values)})"
        raise InvalidInputError("reference", requirement, repr(reference))
    place = values.index(text)
    if counts[place] < LEAST_ROWS:
        requirement = f"be a group of {LEAST_ROWS} rows or more"
        raise InvalidInputError("reference", requirement, repr(reference))
    return place


def times_of(table: Table, name: str, asked: Asked) -> tuple[BoolArray, NDArray[np.datetime64]]:
    """Which rows have a time, and these times in microseconds, by the clock of their zone."""
    column = column_that_divides(table, name, "time", asked)
    if column.kind is Kind.ZONED_DATETIMES:
        source = table.columns[name]
        # Told to be times, it has no clock of its own but UTC.
        with contextlib.suppress(ColumnError, AttributeError):
            column = decode(source.dt.replace_time_zone(None))
    if column.kind not in (Kind.DATETIMES, Kind.ZONED_DATETIMES):
        requirement = "hold times; say so by kinds, --time, where they are texts or numbers"
        raise InvalidInputError("time", requirement, f"{name}: {column.kind.value}")
    return column.present, (column.values // (1000 // column.tick)).astype("datetime64[us]")


def reference_rows(
    reference: str | int | None, times: NDArray[np.datetime64], chunks: Chunks
) -> tuple[BoolArray, str]:
    """Which rows are of the reference period, and what it is called."""
    text = reference.strip() if isinstance(reference, str) else ""
    if text and (not text.isdecimal() or len(text) == len("2024")):
        inside, words = within(times, text), text
    else:
        first = check_positive_integer("reference", 1 if reference is None else int(reference))
        inside = chunks.codes < first
        labels = chunks.labels[:first]
        words = labels[0] if len(labels) == 1 else f"{labels[0]}..{labels[-1]}"
    if np.count_nonzero(inside) < LEAST_ROWS:
        requirement = f"hold {LEAST_ROWS} rows or more"
        span = f"{times.min()} to {times.max()}"
        raise InvalidInputError("reference", requirement, f"{words!r}; times run from {span}")
    return inside, words


def check_chunks(places: Sequence[int], every: Every, most: int) -> None:
    """Refuse to compare no chunk, or very many."""
    if not places:
        requirement = f"leave chunks of {LEAST_ROWS} rows or more beside the reference"
        raise InvalidInputError("every", requirement, every.text)
    if len(places) > most:
        requirement = f"make at most `max_batches` = {most:,} chunks"
        raise InvalidInputError("every", requirement, f"{every.text}: {len(places):,}")
