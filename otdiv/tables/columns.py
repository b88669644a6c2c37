"""A column of any library -> numbers with NaN or codes with -1, and two of them on one scale."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .._optional import import_optional
from .._typing import FloatArray, IndexArray
from .._validation import as_exact_array, less_common_origin
from ..errors import InvalidInputError
from ..sources.source import Unreadable

__all__ = [
    "SECONDS",
    "BoolArray",
    "Column",
    "ColumnError",
    "CommonNumbers",
    "Kind",
    "common_codes",
    "common_numbers",
    "common_ranks",
    "decode",
    "decode_any",
    "rows_of",
]

SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
"""Units in which datetimes and durations can be shown, in seconds."""

_TICKS = {"ns": 1, "us": 1000}
# Every integer up to this size is a float64.
_EXACT = 2**53
_PURPOSE = "comparing tables"
_PLAIN_NUMBER = re.compile(r"([+-]?)(0|[1-9][0-9]*)(\.[0-9]+)?")
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
    ORDERED = "ordered categories"
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Column:
    """A decoded column.

    Attributes
    ----------
    kind : Kind
        What it holds.
    present : ndarray of bool, shape (n,)
        False where a value is missing (null, NaN, NaT, None).
    values : ndarray, shape (n_present,)
        Numbers: float64, or integers or fractions where float64 would round one. Times: int64
        ticks.
        Categories: int64 codes into `labels`.
    labels : tuple of str
        Category names; empty for other kinds.
    tick : int
        Nanoseconds of a tick of a time.
    order : tuple of str
        All category names from the least to the greatest, also those that do not occur, where
        their library keeps an order.
    is_dates : bool
        Whether datetimes are days without a time of day.
    is_whole : bool
        Whether numbers are of a type of integers.
    role : str or None
        What the column is in a table of which these are some rows, if it names rows.
    """

    kind: Kind
    present: BoolArray
    values: NDArray[Any]
    labels: tuple[str, ...] = ()
    tick: int = 1000
    order: tuple[str, ...] = ()
    is_dates: bool = False
    is_whole: bool = False
    role: str | None = None


def decode(source: Any) -> Column:
    """Decode a narwhals Series or a 1-D NumPy array; an `Unreadable` says why it is none.

    A column that was decoded before is only checked.

    Raises
    ------
    ColumnError
        If the values are neither numbers, times nor categories, or if some are infinite.
    """
    column = source if isinstance(source, Column) else decode_any(source)
    floats = column.kind is Kind.NUMBERS and column.values.dtype == np.float64
    if floats and not np.isfinite(column.values).all():
        count = int(np.count_nonzero(~np.isfinite(column.values)))
        raise ColumnError(f"{count:,} infinite value{'s' if count > 1 else ''}")
    return column


def decode_any(source: Any) -> Column:
    """Decode as `decode` does, infinite numbers as well, which may stand in other rows."""
    if isinstance(source, Unreadable):
        raise ColumnError(source.reason)
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
    array = _arrow_array(source)
    return narwhals.from_native(array, series_only=True)


def _arrow_array(source: Any) -> Any:
    """Chunked array of a NumPy array, a pandas Series or a list; what is masked is null."""
    pyarrow = import_optional("pyarrow", extra="cli", purpose=_PURPOSE)
    mask = None
    if isinstance(source, np.ma.MaskedArray):
        mask, source = np.ma.getmaskarray(source), source.data
    if isinstance(source, np.ndarray):
        source = _known_to_arrow(source)
    if isinstance(source, np.ndarray) and source.dtype.kind == "U":
        source = source.astype(object)  # Arrow ends texts of NumPy at a NUL character
    if isinstance(source, np.ndarray) and source.dtype.kind == "f" and source.dtype.itemsize > 8:
        try:
            source = as_exact_array("", source)
        except InvalidInputError as error:
            raise ColumnError(f"long doubles that float64 would round ({error.value})") from error
    try:
        array = pyarrow.array(source, mask=mask, from_pandas=True)
    except OverflowError:  # Python integers beyond 64 bits
        numbers = [Decimal(value) if isinstance(value, int) else value for value in source]
        array = pyarrow.array(np.array(numbers, dtype=object), mask=mask, from_pandas=True)
    return pyarrow.chunked_array([array])


def _known_to_arrow(array: NDArray[Any]) -> NDArray[Any]:
    """The same values in the machine's byte order; times that Arrow has no unit for in seconds.

    Days stay days, which Arrow counts in 32 bits.
    """
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    units = {"M": ("Y", "M", "W", "D", "h", "m"), "m": ("W", "D", "h", "m")}
    if array.dtype.kind not in units:
        return array
    if np.datetime_data(array.dtype)[0] not in units[array.dtype.kind]:
        return array
    if array.dtype == np.dtype("M8[D]"):
        known = array[~np.isnat(array)].view(np.int64)
        if known.size == 0 or max(-int(known.min()), int(known.max())) < 2**31:
            return array
    seconds = array.astype(f"{array.dtype.kind}8[s]")
    if ((seconds.astype(array.dtype) != array) & ~np.isnat(array)).any():
        raise ColumnError("times that 64 bits do not hold in seconds")
    return seconds


def _decode_series(series: Any, narwhals: Any) -> Column:
    present = ~np.asarray(series.is_null().to_numpy(), dtype=bool)
    kept = series.drop_nulls()
    dtype = series.dtype
    if not present.any():
        return Column(kind=Kind.EMPTY, present=present, values=np.empty(0))
    if dtype.is_numeric():
        if dtype.is_integer() or dtype.is_decimal():
            # NumPy has no integers of 128 bits.
            wide = dtype in (narwhals.Int128, narwhals.UInt128)
            values = _exact_numbers(kept, in_numpy=dtype.is_integer() and not wide)
        else:
            values = _float64(kept.cast(narwhals.Float64))
            known = ~np.isnan(values)
            if not known.all():  # NaN is a value of its own to some libraries, and missing here
                present[present] = known
                values = values[known]
        kind = Kind.NUMBERS if values.size else Kind.EMPTY
        whole = bool(dtype.is_integer())
        return Column(kind=kind, present=present, values=values, is_whole=whole)
    if dtype == narwhals.Datetime:
        kind = Kind.DATETIMES if dtype.time_zone is None else Kind.ZONED_DATETIMES
        unit = "ns" if dtype.time_unit == "ns" else "us"
        ticks = _int64(kept.dt.timestamp(unit))
        return Column(kind=kind, present=present, values=ticks, tick=_TICKS[unit])
    if dtype == narwhals.Date:
        days = _int64(kept.dt.timestamp("us"))
        return Column(kind=Kind.DATETIMES, present=present, values=days, is_dates=True)
    if dtype == narwhals.Duration:
        unit = "ns" if dtype.time_unit == "ns" else "us"
        passed = kept.dt.total_nanoseconds() if unit == "ns" else kept.dt.total_microseconds()
        tick = _TICKS[unit]
        return Column(kind=Kind.DURATIONS, present=present, values=_int64(passed), tick=tick)
    if dtype == narwhals.Boolean:
        codes = np.asarray(kept.to_numpy(), dtype=bool).astype(np.int64)
        return Column(kind=Kind.BOOLEANS, present=present, values=codes, labels=("False", "True"))
    if dtype in (narwhals.String, narwhals.Categorical, narwhals.Enum):
        texts = kept.cast(narwhals.String)
        labels = tuple(sorted(texts.unique().to_list()))
        codes = texts.replace_strict(labels, range(len(labels)), return_dtype=narwhals.Int64)
        order, ordered = _order(series, narwhals)
        return Column(
            kind=Kind.ORDERED if ordered else Kind.CATEGORIES,
            present=present,
            values=_int64(codes),
            labels=labels,
            order=order,
        )
    if dtype == narwhals.Time:
        raise ColumnError("times of day, which run in a circle; a date or a number would do")
    raise ColumnError(f"values of type {dtype}, neither numbers, times nor categories")


def _order(series: Any, narwhals: Any) -> tuple[tuple[str, ...], bool]:
    """Categories in their order, and whether the column says that the order means something.

    pandas and Arrow say so; an Enum of polars has an order, but is also what names are kept in.
    """
    native = series.to_native()
    if narwhals.dependencies.is_pandas_series(native):
        kind = native.dtype
        if getattr(kind, "ordered", False):
            labels = narwhals.from_native(kind.categories.to_series(), series_only=True)
            return tuple(labels.cast(narwhals.String).to_list()), True
        return (), False
    pyarrow = import_optional("pyarrow", extra="cli", purpose=_PURPOSE)
    if isinstance(native, pyarrow.ChunkedArray) and pyarrow.types.is_dictionary(native.type):
        if not native.type.ordered:
            return (), False
        labels = native.unify_dictionaries().chunk(0).dictionary
        return tuple(labels.cast(pyarrow.string()).to_pylist()), True
    if series.dtype == narwhals.Enum:
        return tuple(series.dtype.categories), False
    return (), False


def _float64(series: Any) -> FloatArray:
    return np.ascontiguousarray(series.to_numpy(), dtype=np.float64)


def rows_of(column: Column, chosen: BoolArray) -> Column:
    """Some rows of a column, shape (n,), as they would be decoded without the others."""
    present = column.present[chosen]
    values = column.values[chosen[column.present]]
    if not values.size:
        return Column(kind=Kind.EMPTY, present=present, values=np.empty(0))
    if column.kind is Kind.NUMBERS and values.dtype != np.float64:
        return replace(column, present=present, values=_floats_where_exact(values))
    if column.kind in (Kind.CATEGORIES, Kind.ORDERED):
        occurs = np.bincount(values, minlength=len(column.labels)) > 0
        labels = tuple(column.labels[place] for place in np.flatnonzero(occurs))
        values = (np.cumsum(occurs) - 1)[values]
        return replace(column, present=present, values=values, labels=labels)
    return replace(column, present=present, values=values)


def _exact_numbers(series: Any, *, in_numpy: bool) -> NDArray[Any]:
    """Integers and decimals as float64 where that is exact, or nearest to decimal fractions."""
    raw: NDArray[Any] | None = series.to_numpy() if in_numpy else None
    if raw is None or raw.dtype.kind not in "iu":
        raw = np.array([Fraction(value) for value in series.to_list()], dtype=object)
    return _floats_where_exact(raw)


def _floats_where_exact(raw: NDArray[Any]) -> NDArray[Any]:
    if raw.dtype == object:
        floats: FloatArray = raw.astype(np.float64)
        return floats if np.abs(floats).max() < _EXACT else raw
    if int(raw.min()) >= -_EXACT and int(raw.max()) <= _EXACT:
        return raw.astype(np.float64)
    return np.ascontiguousarray(raw)


def _int64(series: Any) -> IndexArray:
    return np.ascontiguousarray(series.to_numpy(), dtype=np.int64)


class CommonNumbers(NamedTuple):
    """Both columns as float64 on one scale, its ticks a second, and whether none was rounded.

    Numbers, which know no seconds, have one tick. `absolute` is False where values count from the
    least of both tables.
    """

    x: FloatArray
    y: FloatArray
    ticks: int = 1
    exact: bool = True
    absolute: bool = True


def common_numbers(a: Column, b: Column) -> CommonNumbers:
    """Both columns as float64 on one scale; times in ticks of the finer one.

    Dates are counted from the earliest of both tables, in integers: a distance does not see the
    origin, and float64 microseconds since 1970 would lose digits to it. Durations and numbers that
    float64 does not hold exactly are counted from the least.

    Raises
    ------
    ColumnError
        If float64 cannot hold the differences of integers either.
    """
    if not a.kind.is_time:
        return _common_reals(a.values, b.values)
    tick = min(a.tick, b.tick)
    x, y = (_in_ticks(column, tick) for column in (a, b))
    least, most = min(int(x.min()), int(y.min())), max(int(x.max()), int(y.max()))
    if a.kind is Kind.DURATIONS and max(-least, most) <= _EXACT:
        least = 0
    left, right = _since(x, least), _since(y, least)
    exact = most - least <= _EXACT or (_is_exact(left, x, least) and _is_exact(right, y, least))
    return CommonNumbers(left, right, 10**9 // tick, exact, absolute=least == 0)


def _common_reals(x: NDArray[Any], y: NDArray[Any]) -> CommonNumbers:
    if any(isinstance(side.flat[0], Fraction) for side in (x, y)):
        # Decimal fractions: the nearest float64 to each difference.
        left, right = (np.array([Fraction(v) for v in side.tolist()], object) for side in (x, y))
        least = min(left.min(), right.min())
        floats = [(side - least).astype(np.float64) for side in (left, right)]
        return CommonNumbers(floats[0], floats[1], exact=False, absolute=False)
    try:
        (left, right), origin = less_common_origin(("A", x[None]), ("B", y[None]))
    except InvalidInputError as error:
        raise ColumnError(
            f"integers so far apart that float64 does not hold their differences ({error.value} in "
            f"{error.argument})"
        ) from error
    return CommonNumbers(left[0], right[0], absolute=origin is None)


def _in_ticks(column: Column, tick: int) -> NDArray[Any]:
    """Times in ticks of `tick` nanoseconds: int64, or Python's integers where those overflow."""
    ratio = column.tick // tick
    values = column.values
    if ratio == 1:
        return values
    fits = max(-int(values.min()), int(values.max())) < 2**63 // ratio
    return (values if fits else values.astype(object)) * ratio


def _since(ticks: NDArray[Any], origin: int) -> FloatArray:
    """Integers less the least of them, or less 0, as float64: rounded once."""
    return np.asarray(_offsets(ticks, origin) if origin else ticks, dtype=np.float64)


def _offsets(ticks: NDArray[Any], origin: int) -> NDArray[Any]:
    if ticks.dtype == np.int64:
        # Modulo 2**64, in which no difference from the least overflows.
        return ticks.view(np.uint64) - np.array(origin, dtype=np.int64).view(np.uint64)
    return np.asarray(ticks - origin)


def _is_exact(floats: FloatArray, ticks: NDArray[Any], origin: int) -> bool:
    """Whether these are the integers from which `_since` made them."""
    offsets = _offsets(ticks, origin)
    if offsets.dtype == object:
        return all(map(int.__eq__, map(int, floats), offsets))
    return bool(floats.max() < 2.0**64 and (floats.astype(np.uint64) == offsets).all())


def common_codes(a: Column, b: Column) -> tuple[IndexArray, IndexArray, tuple[str, ...]]:
    """Codes of both columns into the union of their labels, in alphabetical order."""
    named = _named_alike(a.labels, b.labels)
    labels = tuple(sorted(set(named.values())))
    return _recode(a, labels, named), _recode(b, labels, named), labels


def _named_alike(a: Sequence[str], b: Sequence[str]) -> dict[str, str]:
    """Labels by themselves; numbers by their shortest form where all are, "1.0" by "1".

    Labels that are different on one side stay so: "1.1" and "1.10" are versions, say.
    """
    shortest = {label: _shortest(label) for label in (*a, *b)}
    numeric = all(short is not None for short in shortest.values())
    if numeric and all(len({shortest[label] for label in side}) == len(side) for side in (a, b)):
        return {label: short or label for label, short in shortest.items()}
    return {label: label for label in shortest}


def _shortest(label: str) -> str | None:
    """A plain number without what does not change it; None for anything else, "007" also."""
    found = _PLAIN_NUMBER.fullmatch(label)
    if found is None:
        return None
    sign, whole, fraction = found.groups()
    fraction = (fraction or "").rstrip("0").rstrip(".")
    return whole if whole + fraction == "0" else f"{sign.strip('+')}{whole}{fraction}"


def _recode(column: Column, labels: Sequence[str], named: Mapping[str, str]) -> IndexArray:
    position = {label: index for index, label in enumerate(labels)}
    places = np.array([position[named[label]] for label in column.labels], dtype=np.int64)
    codes: IndexArray = places[column.values]
    return codes


def common_ranks(a: Column, b: Column) -> CommonNumbers:
    """Ranks of ordered categories in the order that both columns agree on, from 0.

    Raises
    ------
    ColumnError
        If one order does not hold all categories of the other in their order.
    """
    named = _named_alike(a.order or a.labels, b.order or b.labels)
    orders = [tuple(named[label] for label in side.order) for side in (a, b)]
    longest = max(orders, key=len)
    for side, order, column in zip("AB", orders, (a, b), strict=True):
        known = order or tuple(named[label] for label in column.labels)
        strange = [label for label in known if label not in longest]
        if strange:
            raise ColumnError(f"{strange[0]!r} in {side} has no place in the other table's order")
        if order and list(order) != [label for label in longest if label in set(order)]:
            raise ColumnError("categories that stand in different orders in A and B")
    x, y = (_recode(column, longest, named).astype(np.float64) for column in (a, b))
    return CommonNumbers(x, y)
