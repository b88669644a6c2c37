"""A column of any library -> numbers with NaN or codes with -1, and two of them on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .._optional import import_optional
from .._typing import FloatArray, IndexArray

__all__ = [
    "SECONDS",
    "BoolArray",
    "Column",
    "ColumnError",
    "Kind",
    "common_codes",
    "common_numbers",
    "decode",
]

SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
"""Units in which datetimes and durations can be shown, in seconds."""

_MICROSECOND = 1e-6
_PURPOSE = "comparing tables"
BoolArray: TypeAlias = NDArray[np.bool_]


class ColumnError(Exception):
    """Why one column cannot be compared; it becomes the text of the column's row."""


class Kind(StrEnum):
    """What a column holds; a column is compared only with one of its own kind."""

    NUMBERS = "numbers"
    DATETIMES = "datetimes"
    ZONED_DATETIMES = "datetimes with a time zone"
    DURATIONS = "durations"
    CATEGORIES = "categories"
    BOOLEANS = "booleans"
    EMPTY = "missing values only"

    @property
    def is_time(self) -> bool:
        """Whether values are whole microseconds."""
        return self in (Kind.DATETIMES, Kind.ZONED_DATETIMES, Kind.DURATIONS)

    @property
    def is_unordered(self) -> bool:
        """Whether values are codes of labels without order or distance."""
        return self in (Kind.CATEGORIES, Kind.BOOLEANS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A decoded column.

    Attributes
    ----------
    kind : Kind
        What it holds.
    present : ndarray of bool, shape (n,)
        False where a value is missing (null, NaN, NaT, None).
    values : ndarray, shape (n_present,)
        float64 numbers, int64 microseconds, or int64 codes into `labels`.
    labels : tuple of str
        Category names; empty for other kinds.
    """

    kind: Kind
    present: BoolArray
    values: NDArray[Any]
    labels: tuple[str, ...] = ()


def decode(source: Any) -> Column:
    """Decode a narwhals Series or a 1-D NumPy array.

    Raises
    ------
    ColumnError
        If the values are neither numbers, times nor categories, or if some are infinite.
    """
    narwhals = import_optional("narwhals.stable.v2", extra="cli", purpose=_PURPOSE)
    try:
        series = _as_series(source, narwhals)
        column = _decode_series(series, narwhals)
    except ColumnError:
        raise
    except Exception as error:
        # Each data frame library has its own errors for values that it cannot convert, and one bad
        # column must not stop the others.
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ColumnError(f"values that cannot be read ({reason})") from error
    if column.kind is Kind.NUMBERS and not np.isfinite(column.values).all():
        count = int(np.count_nonzero(~np.isfinite(column.values)))
        raise ColumnError(f"{count:,} infinite value{'s' if count > 1 else ''}")
    return column


def _as_series(source: Any, narwhals: Any) -> Any:
    """Return a Series of a known dtype where Arrow can find one."""
    if not isinstance(source, np.ndarray):
        native = source.to_native()
        is_pandas = narwhals.dependencies.is_pandas_series(native)
        if is_pandas and source.dtype in (narwhals.Object, narwhals.Unknown):
            # Python objects, of which Arrow finds the common type or says why there is none; and
            # time zones with an underscore (America/New_York), which narwhals 2.29 does not parse.
            source = native
        elif source.dtype == narwhals.Object:
            source = source.to_list()
        else:
            return source
    pyarrow = import_optional("pyarrow", extra="cli", purpose=_PURPOSE)
    array = pyarrow.chunked_array([pyarrow.array(source, from_pandas=True)])
    return narwhals.from_native(array, series_only=True)


def _decode_series(series: Any, narwhals: Any) -> Column:
    present = ~np.asarray(series.is_null().to_numpy(), dtype=bool)
    kept = series.drop_nulls()
    dtype = series.dtype
    if not present.any():
        return Column(kind=Kind.EMPTY, present=present, values=np.empty(0))
    if dtype.is_numeric():
        values = _float64(kept.cast(narwhals.Float64))
        known = ~np.isnan(values)
        if not known.all():  # NaN is a value of its own to some libraries, and missing here
            present[present] = known
            values = values[known]
        kind = Kind.NUMBERS if values.size else Kind.EMPTY
        return Column(kind=kind, present=present, values=values)
    if dtype == narwhals.Datetime:
        kind = Kind.DATETIMES if dtype.time_zone is None else Kind.ZONED_DATETIMES
        return Column(kind=kind, present=present, values=_int64(kept.dt.timestamp("us")))
    if dtype == narwhals.Date:
        return Column(kind=Kind.DATETIMES, present=present, values=_int64(kept.dt.timestamp("us")))
    if dtype == narwhals.Duration:
        microseconds = _int64(kept.dt.total_microseconds())
        return Column(kind=Kind.DURATIONS, present=present, values=microseconds)
    if dtype == narwhals.Boolean:
        codes = np.asarray(kept.to_numpy(), dtype=bool).astype(np.int64)
        return Column(kind=Kind.BOOLEANS, present=present, values=codes, labels=("False", "True"))
    if dtype in (narwhals.String, narwhals.Categorical, narwhals.Enum):
        texts = kept.cast(narwhals.String)
        labels = tuple(sorted(texts.unique().to_list()))
        codes = texts.replace_strict(labels, range(len(labels)), return_dtype=narwhals.Int64)
        return Column(kind=Kind.CATEGORIES, present=present, values=_int64(codes), labels=labels)
    if dtype == narwhals.Time:
        raise ColumnError("times of day, which run in a circle; a date or a number would do")
    raise ColumnError(f"values of type {dtype}, neither numbers, times nor categories")


def _float64(series: Any) -> FloatArray:
    return np.ascontiguousarray(series.to_numpy(), dtype=np.float64)


def _int64(series: Any) -> IndexArray:
    return np.ascontiguousarray(series.to_numpy(), dtype=np.int64)


def common_numbers(a: Column, b: Column, seconds: float) -> tuple[FloatArray, FloatArray]:
    """Both columns as float64 on one scale; times in units of `seconds`.

    Dates are counted from the earliest of both tables, in integers: a distance does not see the
    origin, and float64 microseconds since 1970 would lose digits to it.
    """
    if not a.kind.is_time:
        return a.values, b.values
    origin = 0
    if a.kind is not Kind.DURATIONS:
        origin = min(int(a.values.min()), int(b.values.min()))
    unit = seconds / _MICROSECOND
    return (a.values - origin) / unit, (b.values - origin) / unit


def common_codes(a: Column, b: Column) -> tuple[IndexArray, IndexArray, tuple[str, ...]]:
    """Codes of both columns into the union of their labels, in alphabetical order."""
    labels = tuple(sorted({*a.labels, *b.labels}))
    return _recode(a, labels), _recode(b, labels), labels


def _recode(column: Column, labels: Sequence[str]) -> IndexArray:
    position = {label: index for index, label in enumerate(labels)}
    places = np.array([position[label] for label in column.labels], dtype=np.int64)
    codes: IndexArray = places[column.values]
    return codes
