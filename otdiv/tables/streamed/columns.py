"""What one pass keeps of one column of one table: a state of numbers, or counts of categories."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._kernels.streaming.rows import (
    ABOVE,
    BELOW,
    COUNTING,
    FIRST_SIDE,
    LAST_SIDE,
    LOST,
    N_SIGNS,
    N_SUMS,
    PRODUCTS,
    SEEN,
    SQUARES,
    SUM,
    follow_rows,
)
from ..._optional import import_optional
from ..._typing import FloatArray
from ...errors import InvalidInputError
from ...inference.bands import correlation_of_sides
from ...sources.columns import as_numbers
from ...sources.source import Spelling
from ...streaming.state import SampleState
from ..columns import Column, ColumnError, Kind, decode_any
from ..reading import as_series
from ..roles import NEARLY_ALL
from ..telling import Told, with_kind

__all__ = ["Clock", "Gathered"]

MOST_CATEGORIES = 2**18
"""Categories that are counted of one table, some 40 MB; a column of more is one of names, or is not
compared. By taste."""

_CUT_ROWS = 2**12
"""First values whose median is the cut on whose sides neighbours are looked at: half of all values
to one or two percent, which is as good as the median itself."""

_EXACT = 2**53
_PURPOSE = "comparing tables"


@dataclass(slots=True)
class Clock:
    """Where the values of a column of times begin in both tables, and nanoseconds of a tick.

    The first time that is seen says both, so that no pass before the first is needed.
    """

    origin: int | None = None
    tick: int = 1


class Gathered:
    """One column of one table as its batches come by.

    Parameters
    ----------
    told : Told or None
        What the caller says that it is.
    spelling : Spelling
    clock : Clock
        That of both tables.

    Attributes
    ----------
    kind : Kind
        EMPTY before the first value.
    n_present, n_missing : int
    state : SampleState
        Of numbers and times.
    counts : Counter of str
        Of categories.
    order : tuple of str
        Of ordered categories.
    is_dates, is_whole : bool
        Whether all times are days, and all numbers are stored as whole ones.
    rounded : float
        Largest number that float64 does not hold and stands for another; 0 where there is none.
    names_rows : bool
        Whether nearly all texts were distinct, up to as many as are counted.
    error : str or None
        Why nothing more is kept.
    """

    __slots__ = (
        "_cut",
        "_first",
        "_signs",
        "_sums",
        "clock",
        "counts",
        "error",
        "is_dates",
        "is_whole",
        "kind",
        "n_missing",
        "n_present",
        "names_rows",
        "order",
        "rounded",
        "spelling",
        "state",
        "told",
    )

    def __init__(self, told: Told | None, spelling: Spelling, clock: Clock):
        self.told, self.spelling, self.clock = told, spelling, clock
        self.kind = Kind.EMPTY
        self.n_present = self.n_missing = 0
        self.state = SampleState()
        self.counts: Counter[str] = Counter()
        self.order: tuple[str, ...] = ()
        self.is_dates = self.is_whole = True
        self.rounded = 0.0
        self.names_rows = False
        self.error: str | None = None
        self._cut: float | None = None
        self._first: list[FloatArray] = []
        self._sums = np.zeros(N_SUMS)
        self._signs = np.zeros(N_SIGNS, np.int64)
        self._signs[COUNTING] = 1

    def add(self, cells: Any) -> FloatArray | None:
        """Keep some rows; return their numbers (n,), NaN where there is none, if it holds them."""
        if self.error is not None:
            return None
        try:
            return self._added(cells)
        except ColumnError as error:
            self.error = str(error)
            self.state, self.counts = SampleState(), Counter()
            return None

    def _added(self, cells: Any) -> FloatArray | None:
        if self.told is None:
            quick = quick_numbers(cells)
            if quick is not None:
                missing = int(np.count_nonzero(np.isnan(quick)))
                self._settle(Kind.NUMBERS, quick.size - missing, missing)
                self.is_whole &= missing == quick.size or _is_stored_whole(cells)
                self._follow(quick)
                return quick
            counted = _quick_counts(cells)
            if counted is not None:
                kind, found, missing = counted
                self._settle(kind, sum(found.values()), missing)
                self._count(found)
                return None
        column = self._decoded(cells)
        n_present = column.values.shape[0]
        self._settle(column.kind, n_present, column.present.size - n_present)
        if column.kind is Kind.EMPTY:
            return None
        if column.labels:
            self._count_codes(column)
            return None
        self.is_dates &= column.is_dates
        self.is_whole &= column.is_whole
        values = self._on_rows(column)
        self._follow(values)
        return values

    def numbers(self, cells: Any) -> FloatArray:
        """The numbers (n,) that `add` took of these rows, in a later pass."""
        quick = quick_numbers(cells) if self.told is None else None
        if quick is not None:
            return quick
        column = self._decoded(cells)
        if column.kind is Kind.EMPTY:
            return np.full(column.present.size, np.nan)
        return self._on_rows(column)

    def _decoded(self, cells: Any) -> Column:
        column = decode_any(as_series(cells))
        return column if self.told is None else with_kind(column, self.told, self.spelling)

    def _settle(self, kind: Kind, n_present: int, n_missing: int) -> None:
        self.n_missing += n_missing
        if n_present == 0:
            return
        self.n_present += n_present
        if self.kind is Kind.EMPTY:
            self.kind = kind
        elif self.kind is not kind:
            raise ColumnError(f"{self.kind} in some rows and {kind} in others")

    def _count_codes(self, column: Column) -> None:
        if column.kind is Kind.ORDERED:
            if self.order and column.order != self.order:
                raise ColumnError("categories whose order changes between batches of rows")
            self.order = column.order
        counts = np.bincount(column.values, minlength=len(column.labels)).tolist()
        self._count(
            {label: n for label, n in zip(column.labels, counts, strict=True) if n},
        )

    def _count(self, found: dict[str, int]) -> None:
        if self.names_rows:
            return
        for label, count in found.items():
            self.counts[label] += count
        if len(self.counts) <= MOST_CATEGORIES:
            return
        if self.told is None and len(self.counts) >= NEARLY_ALL * self.n_present:
            self.names_rows = True
            self.counts = Counter(dict(sorted(self.counts.items())[:1000]))
            return
        raise ColumnError(
            f"more than {MOST_CATEGORIES:,} categories, which are counted no further where rows "
            "come in batches"
        )

    def _on_rows(self, column: Column) -> FloatArray:
        """Numbers on their rows; times in ticks since the clock's origin."""
        values = column.values
        if column.kind.is_time:
            held = self._on_clock(column)
        elif values.dtype == np.float64:
            held = np.asarray(values)
        else:
            try:
                held = np.asarray(values, dtype=np.float64)
            except OverflowError:
                raise ColumnError("numbers beyond the largest float64, 1.8e308") from None
            self._note_rounding(float(np.abs(held).max(initial=0.0)))
        if held.size == column.present.size:
            return held
        full = np.full(column.present.shape, np.nan)
        full[column.present] = held
        return full

    def _on_clock(self, column: Column) -> FloatArray:
        clock = self.clock
        if clock.origin is None:
            clock.origin = 0 if column.kind is Kind.DURATIONS else int(column.values[0])
            clock.tick = column.tick
        finer = max(clock.tick // column.tick, 1)
        coarser = max(column.tick // clock.tick, 1)
        ticks = _offsets(column.values, coarser, clock.origin * finer)
        largest = float(np.abs(ticks).max(initial=0.0))
        if largest > _EXACT or (finer > 1 and np.any(ticks % finer)):
            self._note_rounding(largest / finer)
        return ticks / finer if finer > 1 else ticks

    def _note_rounding(self, largest: float) -> None:
        self.rounded = max(self.rounded, largest)

    def _follow(self, values: FloatArray) -> None:
        """Add numbers (n,) to the state, and to what is known of their order."""
        self.state.update(values)
        if self._cut is not None:
            follow_rows(values, self._cut, self._sums, self._signs)
            return
        self._first.append(values)
        if self.n_present >= _CUT_ROWS:
            self._begin()

    def _begin(self) -> None:
        """Take the median of the first values, as many whatever the batches, for the cut."""
        first = np.concatenate([np.empty(0), *self._first])
        self._first = []
        known = first[np.isfinite(first)][:_CUT_ROWS]
        self._cut = float(
            np.partition(known, known.size // 2)[known.size // 2] if known.size else 0
        )
        follow_rows(first, self._cut, self._sums, self._signs)

    def _followed(self) -> None:
        if self._cut is None:
            self._begin()

    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation of the numbers; not finite, or 0, where floats do not do."""
        self._followed()
        assert self._cut is not None
        n = int(self._signs[SEEN])
        mean = float(self._sums[SUM] + self._sums[LOST]) / n
        with np.errstate(over="ignore", invalid="ignore"):
            variance = float(self._sums[SQUARES] / n - mean * mean)
        return self._cut + mean, max(variance, 0.0) ** 0.5

    @property
    def neighbours(self) -> float | None:
        """Correlation of the sides of the cut on which neighbours lie, if chance is not enough."""
        self._followed()
        signs = self._signs
        return correlation_of_sides(
            int(signs[SEEN]),
            int(signs[ABOVE]),
            int(signs[BELOW]),
            int(signs[PRODUCTS]),
            (int(signs[FIRST_SIDE]), int(signs[LAST_SIDE])),
        )

    @property
    def counts_rows(self) -> bool:
        """Whether every number is the one before and 1, and whole by its type."""
        self._followed()
        return (
            self.is_whole
            and bool(self._signs[COUNTING])
            and not self.n_missing
            and not self.rounded
        )


def quick_numbers(cells: Any) -> FloatArray | None:
    """Float64 of a column that is stored as numbers which it holds; None for any other."""
    if isinstance(cells, np.ndarray):
        plain = type(cells) is np.ndarray and cells.dtype == np.float64
        return np.ascontiguousarray(cells) if plain else None
    if not _is_arrow(cells):
        return None
    types = import_optional("pyarrow", extra="cli", purpose=_PURPOSE).types
    if not (types.is_floating(cells.type) or types.is_integer(cells.type)):
        return None
    try:
        return np.ascontiguousarray(as_numbers(cells, "column"))
    except InvalidInputError:
        return None  # integers that float64 rounds


def _quick_counts(cells: Any) -> tuple[Kind, dict[str, int], int] | None:
    """Kind, counts by label and missing values of texts and booleans that are stored as such."""
    if not _is_arrow(cells):
        return None
    types = import_optional("pyarrow", extra="cli", purpose=_PURPOSE).types
    kind, missing = cells.type, int(cells.null_count)
    if types.is_boolean(kind):
        compute = import_optional("pyarrow.compute", extra="cli", purpose=_PURPOSE)
        n_true = compute.sum(cells).as_py() or 0
        found = {"False": len(cells) - missing - n_true, "True": n_true}
        return Kind.BOOLEANS, found, missing
    if types.is_dictionary(kind) and not kind.ordered:
        kind = kind.value_type
    if not (types.is_string(kind) or types.is_large_string(kind)):
        return None
    pairs = cells.value_counts()
    counted = zip(pairs.field("values").to_pylist(), pairs.field("counts").to_pylist(), strict=True)
    texts: dict[str, int] = {}
    missing = 0
    for label, count in counted:
        if label is None:
            missing += count
        else:
            # A dictionary may hold one text twice.
            texts[label] = texts.get(label, 0) + count
    return Kind.CATEGORIES, texts, missing


def _is_stored_whole(cells: Any) -> bool:
    """Whether a column of numbers has a type of whole ones; one of NumPy's floats has not."""
    types = import_optional("pyarrow", extra="cli", purpose=_PURPOSE).types
    return _is_arrow(cells) and bool(types.is_integer(cells.type))


def _is_arrow(cells: Any) -> bool:
    return type(cells).__module__.partition(".")[0] == "pyarrow"


def _offsets(values: NDArray[Any], factor: int, origin: int) -> FloatArray:
    """Integers times a factor less an origin, rounded once."""
    least, most = int(values.min()), int(values.max())
    ends = least * factor, most * factor, least * factor - origin, most * factor - origin
    fits = all(-(2**63) <= end < 2**63 for end in ends) and -(2**63) <= origin < 2**63
    if not fits:
        values = values.astype(object)
    return np.asarray(values * factor - origin, dtype=np.float64)
