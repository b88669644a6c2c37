"""Times in chunks of a calendar, and periods as people write them."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..._typing import IndexArray
from ...errors import InvalidInputError
from ..columns import BoolArray
from .labels import distinct

__all__ = ["Chunks", "Every", "as_every", "chunks_of_rows", "chunks_of_times", "within"]

ROWS = "rows"

_MICROSECONDS = {"s": 10**6, "min": 60 * 10**6, "h": 3600 * 10**6, "d": 86400 * 10**6}
_MONTHS = {"mo": 1, "q": 3, "y": 12}
_CYCLES = {"s": 86400, "min": 1440, "h": 24, "d": 1, "w": 1, "mo": 12, "q": 4, "y": 1}
"""Units after which the calendar begins anew: what divides them begins there, 6h at midnight; other
chunks begin with the first one."""

_MONDAY = 3
"""Days from the Monday before it to 1970-01-01, from which weeks are counted."""

_EVERY = re.compile(r"([1-9]\d*)?\s*([a-z]+)")
_REQUIREMENT = "be a number of rows, or of s, min, h, d, w, mo, q or y, as in '1d' or '6h'"
_MOMENT = re.compile(r"\d{4}(-\d\d(-\d\d([T ]\d\d(:\d\d(:\d\d)?)?)?)?)?")
_QUARTER = re.compile(r"(\d{4})-?[Qq]([1-4])")
_PERIOD = (
    "be a period as in '2024-01..2024-02', with both ends, or a number of chunks, the first ones"
)

Times = NDArray[np.datetime64]


class Every(NamedTuple):
    """Length of a chunk: so many units of time, or "rows"."""

    number: int
    unit: str

    @property
    def text(self) -> str:
        """As it is read."""
        return f"{self.number:,} rows" if self.unit == ROWS else f"{self.number}{self.unit}"


class Chunks(NamedTuple):
    """Which chunk each row is in, and what the chunks are.

    Attributes
    ----------
    codes : int64 array (n,)
        Into the chunks that have rows, in the order of time.
    starts : datetime64[us] array (k,)
    labels : tuple of k str
    """

    codes: IndexArray
    starts: Times
    labels: tuple[str, ...]


def as_every(every: str | int) -> Every:
    """Check the length of a chunk.

    Raises
    ------
    InvalidInputError
        If it is no number of rows and no number with a unit of time.
    """
    if isinstance(every, int) and not isinstance(every, bool):
        if every < 2:
            raise InvalidInputError("every", "be two rows or more", every)
        return Every(every, ROWS)
    found = _EVERY.fullmatch(every.strip()) if isinstance(every, str) else None
    if found is None or found[2] not in _CYCLES:
        if isinstance(every, str) and every.strip().isdecimal():
            return as_every(int(every))
        raise InvalidInputError("every", _REQUIREMENT, repr(every))
    return Every(int(found[1] or 1), found[2])


def chunks_of_rows(times: Times, every: Every) -> Chunks:
    """Chunks of so many rows in the order of time; rows of one time keep their order."""
    order = np.argsort(times, kind="stable")
    codes = np.empty(times.size, np.int64)
    codes[order] = np.arange(times.size) // every.number
    starts = times[order][:: every.number]
    labels = np.datetime_as_string(starts, unit="s").tolist()
    return Chunks(codes, starts, tuple(distinct(text.replace("T", " ") for text in labels)))


def chunks_of_times(times: Times, every: Every) -> Chunks:
    """Chunks of the calendar, of times (n,) in microseconds."""
    units = _units(times, every.unit)
    least = int(units.min())
    origin = 0 if _CYCLES[every.unit] % every.number == 0 else least
    numbers, codes = np.unique((units - origin) // every.number, return_inverse=True)
    starts = _starts(numbers * every.number + origin, every.unit)
    labels = tuple(_label(start, every.unit) for start in starts)
    return Chunks(np.asarray(codes, np.int64).reshape(-1), starts, labels)


def _units(times: Times, unit: str) -> IndexArray:
    """Whole units of time since 1970; weeks begin on Mondays."""
    if unit in _MONTHS:
        return times.astype("datetime64[M]").astype(np.int64) // _MONTHS[unit]
    if unit == "w":
        days = times.astype(np.int64) // _MICROSECONDS["d"]
        return (days + _MONDAY) // 7
    return times.astype(np.int64) // _MICROSECONDS[unit]


def _starts(units: IndexArray, unit: str) -> Times:
    if unit in _MONTHS:
        return (units * _MONTHS[unit]).astype("datetime64[M]").astype("datetime64[us]")
    if unit == "w":
        return (units * 7 - _MONDAY).astype("datetime64[D]").astype("datetime64[us]")
    return (units * _MICROSECONDS[unit]).astype("datetime64[us]")


def _label(start: np.datetime64, unit: str) -> str:
    if unit == "q":
        months = int(start.astype("datetime64[M]").astype(np.int64))
        return f"{start.astype('datetime64[Y]')}-Q{months % 12 // 3 + 1}"
    precision = {"y": "Y", "mo": "M", "d": "D", "w": "D", "h": "m", "min": "m", "s": "s"}[unit]
    return str(start.astype(f"datetime64[{precision}]")).replace("T", " ")


def within(times: Times, period: str) -> BoolArray:
    """Which times (n,) lie in a period, "2024-01..2024-02" say, with both ends.

    An end that is left out is open; without ".." it is one day, month, quarter or year.

    Raises
    ------
    InvalidInputError
        If it is none.
    """
    first, dots, last = (part.strip() for part in period.partition(".."))
    if not dots:
        last = first
    if not (first or last):
        raise InvalidInputError("reference", _PERIOD, repr(period))
    kept = np.ones(times.shape, dtype=bool)
    if first:
        kept &= times >= _span(first, period)[0]
    if last:
        kept &= times < _span(last, period)[1]
    return kept


def _span(text: str, period: str) -> tuple[np.datetime64, np.datetime64]:
    """When a moment begins and ends, a month say."""
    try:
        quarter = _QUARTER.fullmatch(text)
        if quarter is not None:
            start = np.datetime64(f"{quarter[1]}-{3 * int(quarter[2]) - 2:02d}", "M")
            return start.astype("datetime64[us]"), (start + 3).astype("datetime64[us]")
        if _MOMENT.fullmatch(text):
            moment = np.datetime64(text.replace(" ", "T"))
            return moment.astype("datetime64[us]"), (moment + 1).astype("datetime64[us]")
    except ValueError:
        pass  # the thirteenth month, say
    raise InvalidInputError("reference", _PERIOD, repr(period))
