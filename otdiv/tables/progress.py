"""What a callback hears while tables are compared, also within a long column."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ..results import is_stop

__all__ = ["SILENT", "Pulse", "StoppedError", "TableProgress"]

SECONDS = 0.5
"""Between two calls within a column: so often a person looks whether anything goes on; by taste."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableProgress:
    """What a callback of `compare_tables` sees after each column, and within one that takes long.

    Attributes
    ----------
    column : str
        The column just done, or under way; "joint" for the joint comparison.
    done, total : int
        Steps done and to do.
    draws : int
        Relabellings drawn so far of the column under way; 0 where it is done.
    batch : str or None
        Label of the batch that is compared; None where there are two tables.
    """

    column: str
    done: int
    total: int
    draws: int = 0
    batch: str | None = None


class StoppedError(Exception):
    """The callback returned True within a column."""


class Pulse:
    """Tells a callback how far a comparison is.

    Parameters
    ----------
    callback : callable, optional
        Is called with a `TableProgress`.

    Attributes
    ----------
    total : int
        Steps in all.
    """

    def __init__(self, callback: Callable[[TableProgress], object] | None = None):
        self.total = 0
        self._callback = callback
        self._column, self._done = "", 0
        self._silent_until = time.perf_counter() + SECONDS

    def begin(self, column: str, done: int) -> None:
        """Name the column that is under way, after so many others."""
        self._column, self._done = column, done

    def beat(self, draws: int = 0) -> None:
        """Tell that the column goes on, now and then.

        Raises
        ------
        StoppedError
            If the callback asks to stop.
        """
        if self._callback is None or time.perf_counter() < self._silent_until:
            return
        if self._tell(draws):
            raise StoppedError

    def end(self) -> bool:
        """Tell that the column is done; whether the callback asks to stop."""
        self._done += 1
        return self._callback is not None and self._tell(0)

    def _tell(self, draws: int) -> bool:
        assert self._callback is not None
        told = self._callback(
            TableProgress(column=self._column, done=self._done, total=self.total, draws=draws)
        )
        self._silent_until = time.perf_counter() + SECONDS
        return is_stop(told)


SILENT = Pulse()
"""Nobody listens."""
