"""When a search has to stop: the caller's callback, and `max_seconds`."""

from __future__ import annotations

import time
from typing import Any

from .._monitor import Deadline, Monitor
from .._validation import check_callback, check_seconds
from ..results import Callback

__all__ = ["Watch"]


class Watch:
    """Tells the caller how a search goes; once it was asked to stop, that stays so.

    Attributes
    ----------
    seconds_left : float or None
        Until `max_seconds` are over.
    """

    def __init__(self, callback: Callback | None, max_seconds: float | None):
        check_callback(callback)
        max_seconds = check_seconds(max_seconds)
        self.callback: Callback | None = callback
        self.deadline: float | None = None
        if max_seconds is not None:
            self.deadline = time.perf_counter() + max_seconds
            self.callback = Deadline(callback, self.deadline)
        self._monitor = Monitor(self.callback)
        self.is_stopped = False

    @property
    def seconds_left(self) -> float | None:
        """Seconds that remain, or None where nothing limits them."""
        return None if self.deadline is None else max(self.deadline - time.perf_counter(), 1e-3)

    def knows(self, lower: float, upper: float) -> None:
        """Bounds in the caller's unit that were proven."""
        self._monitor.lower = max(self._monitor.lower, lower)
        self._monitor.upper = min(self._monitor.upper, upper)

    def asks_to_stop(self, iteration: int, **facts: Any) -> bool:
        """Tell the callback; whether the search has to end."""
        self._monitor.iteration = iteration
        if not self.is_stopped:
            self.is_stopped = self._monitor.asks_to_stop(**facts)
        return self.is_stopped
