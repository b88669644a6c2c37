"""Passes over two columns: states, then what is not decided yet, until the tolerance is met."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np

from .._validation import check_callback, check_choice, check_positive_integer, check_tolerance
from ..errors import ConvergenceError, InvalidInputError
from ..results import Bounds, Valued, is_stop
from ..sources import Column, open_column
from .comparison import Comparison, compared
from .state import BITS, SampleState
from .windows import Detail

__all__ = ["Missing", "PassProgress", "StreamedDistance", "sample_state", "wasserstein1_result"]

Missing: TypeAlias = Literal["raise", "drop"]

MEMORY = 2**28
"""Bytes that passes use beside what reading takes, by default."""

_VALUE_BYTES, _CELL_BYTES = 32, 256
"""Memory for each value that is kept (it is sorted and joined) and for each smaller cell of two
samples with weights, while they are put in order."""

LEAST_MEMORY = 10**6

EXACT_RTOL = 1e-9
"""What "exact" promises at least, as everywhere in the library; mostly it is 1e-13."""

_SLICE = 2**20
"""Values between two looks at the callback."""

_SILENCE = 0.1
"""Seconds between two reports, by taste."""

T = TypeVar("T", SampleState, Detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class PassProgress:
    """Where passes over two samples are, as `callback` sees it; returning True stops them.

    Attributes
    ----------
    n_passes : int
        The pass that runs, from 1.
    n_rows : int
        Rows of both samples that it has read.
    total : int or None
        Rows that it will read; not known in the first one.
    bounds : Bounds or None
        Proven by the passes before.
    elapsed : float
        Seconds.
    """

    n_passes: int
    n_rows: int
    total: int | None
    bounds: Bounds | None
    elapsed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamedDistance(Valued):
    """A distance of samples that were read in passes.

    Attributes
    ----------
    value : float
        The middle of the bounds.
    bounds : Bounds
        Proven enclosure of the distance of the two samples.
    n_passes : int
        How often both were read.
    n_x, n_y : int
        Values that count.
    n_missing_x, n_missing_y : int
        Rows without a value, which were left out.
    """

    value: float
    bounds: Bounds
    n_passes: int
    n_x: int
    n_y: int
    n_missing_x: int
    n_missing_y: int


class StoppedError(Exception):
    """The callback ends the passes."""


def sample_state(
    source: Any,
    column: str | None = None,
    *,
    weights: str | None = None,
    bits: int = BITS,
    callback: Callable[[int], object] | None = None,
) -> SampleState:
    """Read one column once, into a state.

    Parameters
    ----------
    source, column, weights
        As `otdiv.sources.open_column` takes them.
    bits : int, default 12
        As in `SampleState`.
    callback : callable, optional
        Receives how many rows are read; returning True stops there.

    Returns
    -------
    SampleState

    Raises
    ------
    InvalidInputError
        If the source is unreadable or the column is none of numbers.

    Examples
    --------
    >>> from otdiv.streaming import sample_state
    >>> sample_state({"price": [1.0, 2.0, None]}, "price")
    SampleState(n=2, bits=12, n_missing=1)
    """
    check_callback(callback)
    state, n_rows = SampleState(bits=bits), 0
    for values, masses in sliced(open_column(source, column, weights=weights)):
        state.update(values, masses)
        n_rows += values.size
        if callback is not None and is_stop(callback(n_rows)):
            break
    return state


def sliced(column: Column) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Chunks of a column, none of them long."""
    for values, masses in column.chunks():
        for begin in range(0, values.size, _SLICE):
            part = slice(begin, begin + _SLICE)
            yield values[part], None if masses is None else masses[part]


class Passes:
    """Two samples, read again and again; kinds of it say how they are read.

    Attributes
    ----------
    once : bool
        Whether there is no other pass than the first one.
    n_passes : int
        Passes that were begun.
    comparison : Comparison or None
        What the passes that are over prove.
    states : tuple of two SampleState
        Of the first pass, as far as it is.
    """

    def __init__(
        self,
        *,
        once: bool,
        missing: Missing,
        bits: int = BITS,
        callback: Callable[[PassProgress], object] | None,
        names: tuple[str, str] = ("x", "y"),
    ):
        self.once = once
        self.names = names
        self.missing = missing
        self.callback = callback
        self.n_passes, self.n_rows = 0, 0
        self.total: int | None = None
        self.comparison: Comparison | None = None
        self.states = SampleState(bits=bits), SampleState(bits=bits)
        self._begin = time.perf_counter()
        self._silent_until = 0.0

    @property
    def bounds(self) -> Bounds | None:
        """Proven by the passes that are over."""
        return None if self.comparison is None else self.comparison.wasserstein1

    def first(self) -> None:
        """Read both samples once."""
        self._read(*self.states)
        self.total = self.n_rows
        self.comparison = compared(*self.states)

    def again(self, x: Detail, y: Detail) -> None:
        """Read both samples once more, for what is inside of windows."""
        assert self.comparison is not None
        self._read(x, y)
        self.comparison = self.comparison.refined(x, y)

    def _read(self, x: T, y: T) -> None:
        """Add all rows of both samples to what is kept of each."""
        self.n_passes, self.n_rows = self.n_passes + 1, 0
        self._gather(x, y)

    def _gather(self, x: T, y: T) -> None:
        raise NotImplementedError

    def _check(self, name: str, state: SampleState) -> None:
        if state.n_infinite:
            raise InvalidInputError(name, "have finite values only", "an infinite one")
        if state.n_missing and self.missing == "raise":
            found = f"{state.n_missing} that is missing" if state.n_missing == 1 else ""
            found = found or f"{state.n_missing} that are missing"
            note = "(missing='drop' leaves them out)"
            raise InvalidInputError(name, "have no missing values", found, note)

    def _tell(self) -> None:
        if self.callback is None:
            return
        now = time.perf_counter()
        if now < self._silent_until:
            return
        self._silent_until = now + _SILENCE
        progress = PassProgress(
            n_passes=self.n_passes,
            n_rows=self.n_rows,
            total=self.total,
            bounds=self.bounds,
            elapsed=now - self._begin,
        )
        if is_stop(self.callback(progress)):
            raise StoppedError

    def meets(self, rtol: float | None, atol: float | None) -> bool:
        """Whether the bounds are as close as was asked, or as "exact" promises."""
        bounds = self.bounds
        assert bounds is not None
        if rtol is None and atol is None:
            rtol = EXACT_RTOL
        return bounds.meets(rtol or 0.0, atol or 0.0)

    def result(self) -> StreamedDistance:
        """What is proven so far."""
        bounds = self.bounds
        assert bounds is not None
        x, y = self.states
        return StreamedDistance(
            value=min(max(0.5 * bounds.lower + 0.5 * bounds.upper, bounds.lower), bounds.upper),
            bounds=bounds,
            n_passes=self.n_passes,
            n_x=x.n,
            n_y=y.n,
            n_missing_x=x.n_missing,
            n_missing_y=y.n_missing,
        )


class ColumnPasses(Passes):
    """Two columns of tables, read chunk by chunk.

    Attributes
    ----------
    x, y : Column
    """

    def __init__(
        self,
        x: Column,
        y: Column,
        *,
        missing: Missing,
        bits: int = BITS,
        callback: Callable[[PassProgress], object] | None,
        names: tuple[str, str] = ("x", "y"),
    ):
        once = x.once or y.once
        super().__init__(once=once, missing=missing, bits=bits, callback=callback, names=names)
        self.x, self.y = x, y

    def _gather(self, x: T, y: T) -> None:
        for name, column, kept in zip(self.names, (self.x, self.y), (x, y), strict=True):
            for values, masses in sliced(column):
                kept.update(values, masses)
                if isinstance(kept, SampleState):
                    self._check(name, kept)
                self.n_rows += values.size
                self._tell()


def wasserstein1_result(
    x: Any,
    y: Any,
    *,
    column: str | None = None,
    weights: str | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    missing: Missing = "raise",
    bits: int = BITS,
    max_memory: int | None = None,
    callback: Callable[[PassProgress], object] | None = None,
) -> StreamedDistance:
    """W1 of two columns of any size, read as often as the tolerance takes.

    One pass gives proven bounds, mostly to 1e-6 of the distance where the samples differ; a second
    pass over what is not decided makes them exact to 1e-13, or a third one where that is too much
    to be kept.

    Parameters
    ----------
    x, y : path, frame, dataset, reader, relation, array, iterator, function or Column
        As `otdiv.sources.open_column` takes them.
    column, weights : str, optional
        Names of the column and of the rows' weights, in both tables.
    rtol, atol : float, optional
        Passes end where upper - lower <= max(atol, rtol * upper); exact by default.
    missing : {"raise", "drop"}
        Whether rows without a value are an error, or left out and counted.
    bits : int, default 12
        Cells an octave, as a power of two, in the first pass.
    max_memory : int, optional
        Bytes for further passes, beside those of reading and of the first pass; 2^28 by default.
        Less of it takes more passes.
    callback : callable, optional
        Receives a `PassProgress` some times a second; returning True stops.

    Returns
    -------
    StreamedDistance

    Raises
    ------
    InvalidInputError
        For what cannot be read, infinite values, missing ones unless they are dropped, weights that
        are negative, empty samples, and samples that differ from one pass to the next.
    ConvergenceError
        If the tolerance is not met: a source can be read only once, or the callback stopped. Its
        `result` has what is proven so far, None in the first pass.

    Examples
    --------
    >>> from otdiv.streaming import wasserstein1_result
    >>> result = wasserstein1_result({"v": [0.0, 1.0]}, {"v": [1.0, 2.0]}, column="v")
    >>> result.value, result.n_passes
    (1.0, 1)
    """
    rtol, atol = check_tolerance("rtol", rtol), check_tolerance("atol", atol)
    check_choice("missing", missing, ("raise", "drop"))
    check_callback(callback)
    memory = MEMORY
    if max_memory is not None:
        memory = check_positive_integer("max_memory", max_memory, LEAST_MEMORY)
    sides = (
        open_column(side, None if isinstance(side, Column) else column, weights=weights, argument=n)
        for n, side in (("x", x), ("y", y))
    )
    passes = ColumnPasses(*sides, missing=missing, bits=bits, callback=callback)
    stopped = False
    try:
        passes.first()
        finish(passes, rtol, atol, memory)
    except StoppedError:
        stopped = True
        if passes.comparison is None:
            raise ConvergenceError("the callback stopped in the first pass") from None
    return checked(passes, rtol, atol, stopped)


def finish(passes: Passes, rtol: float | None, atol: float | None, memory: int) -> None:
    """Read on until nothing is left to be decided, as far as both can be read again."""
    while not passes.once:
        assert passes.comparison is not None
        windows = passes.comparison.undecided(
            rtol=rtol,
            atol=atol,
            max_values=memory // _VALUE_BYTES,
            max_cells=memory // _CELL_BYTES,
        )
        if windows is None:
            return
        passes.again(Detail(windows), Detail(windows))


def checked(
    passes: Passes, rtol: float | None, atol: float | None, stopped: bool
) -> StreamedDistance:
    """The result, or the error that says why it is not as close as was asked."""
    result = passes.result()
    if passes.meets(rtol, atol):
        return result
    if stopped:
        why = "the callback stopped"
    elif passes.once:
        why = (
            "one pass does not prove it, and this can be read only once: pass a path, or a "
            "function that returns a new iterator, for more passes"
        )
    else:
        why = "rounding leaves more than that"
    bounds = f"bounds [{result.bounds.lower:.17g}, {result.bounds.upper:.17g}]"
    text = f"rtol={rtol}, atol={atol} could not be proven: {why}; {bounds}"
    raise ConvergenceError(text, result)
