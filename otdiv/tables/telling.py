"""What a caller says that a column is: a category, a number, a time, nothing to compare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from .._optional import import_optional
from ..errors import InvalidInputError
from ..sources.source import Spelling, Unreadable
from ..sources.spelling import numbers, times, times_by
from .columns import Column, ColumnError, Kind, decode

__all__ = ["IGNORE", "Told", "kept_as_texts", "label_of", "told_kinds", "with_kind"]

IGNORE = "ignore"
_KINDS = ("category", "ordered", "number", "time", IGNORE)
_EPOCHS = {"s": (10**6, 1000), "ms": (10**3, 1000), "us": (1, 1000), "ns": (1, 1)}
"""Units since 1970: ticks of one, and the nanoseconds of a tick."""

_REQUIREMENT = (
    "map column names to category, ordered, number, ignore, time or time:FORMAT (of strptime, or "
    "s, ms, us, ns since 1970)"
)


class Told(NamedTuple):
    """A kind, and the format of a time."""

    kind: str
    written: str | None = None


def told_kinds(kinds: Mapping[str, str] | None) -> dict[str, Told]:
    """Check kinds as they are given.

    Raises
    ------
    InvalidInputError
        If one is not known.
    """
    if kinds is None:
        return {}
    if not isinstance(kinds, Mapping):
        raise InvalidInputError("kinds", _REQUIREMENT, type(kinds).__name__)
    found = {}
    for name, text in kinds.items():
        kind, colon, written = text.partition(":") if isinstance(text, str) else (text, "", "")
        formatted = bool(colon) and bool(written)
        if kind not in _KINDS or bool(colon) != formatted or (formatted and kind != "time"):
            raise InvalidInputError("kinds", _REQUIREMENT, f"{text!r} for {name!r}")
        found[name] = Told(kind, written or None)
    return found


def kept_as_texts(kinds: Mapping[str, Told]) -> frozenset[str]:
    """Columns that text files are to be read of as they are written."""
    return frozenset(
        name
        for name, told in kinds.items()
        if told.kind == "category" or (told.written is not None and told.written not in _EPOCHS)
    )


def with_kind(column: Column, told: Told, spelling: Spelling) -> Column:
    """Make of a decoded column what it is told to be.

    Raises
    ------
    ColumnError
        If its values do not allow that.
    """
    if column.kind is Kind.EMPTY:
        return column
    if told.kind == "category":
        return _category(column)
    if told.kind == "ordered":
        if not column.order:
            raise ColumnError("told to be ordered, but no order of its categories is stated")
        return replace(column, kind=Kind.ORDERED)
    if told.kind == "number":
        return _number(column, spelling)
    return _time(column, told.written, spelling)


def _category(column: Column) -> Column:
    if column.kind is Kind.NUMBERS:
        found, codes = np.unique(column.values, return_inverse=True)
        labels = tuple(map(label_of, found.tolist()))
        codes = np.asarray(codes, dtype=np.int64).reshape(-1)
        return replace(column, kind=Kind.CATEGORIES, labels=labels, values=codes)
    if column.kind in (Kind.CATEGORIES, Kind.BOOLEANS, Kind.ORDERED):
        return replace(column, kind=Kind.CATEGORIES, order=())
    raise ColumnError(f"told to be a category, but holds {column.kind}")


def label_of(value: Any) -> str:
    """A number as the name of a category."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, Fraction) and value.denominator != 1:
        return repr(float(value))
    return str(value)


def _number(column: Column, spelling: Spelling) -> Column:
    if column.kind is Kind.NUMBERS:
        return column
    if column.kind is Kind.BOOLEANS:
        return replace(column, kind=Kind.NUMBERS, labels=(), values=column.values.astype(float))
    if column.kind.is_time:
        raise ColumnError(f"told to be numbers, but holds {column.kind}")
    found = numbers(_texts(column), decimal=spelling.decimal, na=spelling.na)
    if isinstance(found, Unreadable):
        raise ColumnError(found.reason)
    if found is None:
        raise ColumnError(f"told to be numbers, but holds {_strange(column, spelling)}")
    return _decoded(found.values)


def _strange(column: Column, spelling: Spelling) -> str:
    """The first label that is no number."""
    pyarrow = import_optional("pyarrow", extra="cli", purpose="comparing tables")
    for label in column.labels:
        alone = numbers(pyarrow.chunked_array([[label]]), decimal=spelling.decimal)
        if alone is None:
            return f"{label!r}; say na={label!r} (--na) if that is missing"
    return "several ways to write them; say decimal= (--decimal)"


def _time(column: Column, written: str | None, spelling: Spelling) -> Column:
    if column.kind.is_time and written is None:
        return column
    if column.kind is Kind.NUMBERS:
        return _since_1970(column, written)
    if column.kind is not Kind.CATEGORIES:
        raise ColumnError(f"told to be times, but holds {column.kind}")
    text = _texts(column)
    if written is None:
        found = times(text, na=spelling.na)
    else:
        found = times_by(text, written, na=spelling.na)
    if isinstance(found, Unreadable):
        raise ColumnError(found.reason)
    if found is None:
        wanted = "as ISO 8601 writes them; say time:FORMAT" if written is None else f"as {written}"
        raise ColumnError(
            f"told to be times, but some, {column.labels[0]!r} for one, are not {wanted}"
        )
    return _decoded(found)


def _since_1970(column: Column, written: str | None) -> Column:
    if written not in _EPOCHS:
        raise ColumnError(
            "told to be times, but holds numbers; say time:s, time:ms, time:us or time:ns"
        )
    ticks, tick = _EPOCHS[written]
    whole = [int(value) for value in column.values.tolist()]
    if any(value != number for value, number in zip(whole, column.values.tolist(), strict=True)):
        raise ColumnError(f"told to be times in {written}, but some are no whole numbers")
    if max(map(abs, whole)) * ticks >= 2**63:
        raise ColumnError(f"times that 64 bits do not hold; are they in {written}?")
    values = np.array(whole, dtype=np.int64) * ticks
    return replace(column, kind=Kind.DATETIMES, values=values, tick=tick)


def _texts(column: Column) -> Any:
    """The labels of all rows as Arrow texts, null where a value is missing."""
    pyarrow = import_optional("pyarrow", extra="cli", purpose="comparing tables")
    codes = np.full(column.present.shape, -1, dtype=np.int64)
    codes[column.present] = column.values
    places = pyarrow.array(codes, mask=~column.present)
    labels = pyarrow.array(column.labels, pyarrow.string())
    return pyarrow.chunked_array([labels.take(places)])


def _decoded(values: Any) -> Column:
    narwhals = import_optional("narwhals.stable.v2", extra="cli", purpose="comparing tables")
    pyarrow = import_optional("pyarrow", extra="cli", purpose="comparing tables")
    if isinstance(values, pyarrow.Array):
        values = pyarrow.chunked_array([values])
    return decode(narwhals.from_native(values, series_only=True))
