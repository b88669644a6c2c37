"""What a running simplex tells its caller, and when it must stop."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .._kernels.threads import started
from ..results import Callback, Progress, Status, is_stop

__all__ = ["InterruptedRunError", "Watch", "interruptible"]

# Pivots of a slice: a small part of a second up to some ten thousand atoms.
SLICE_PIVOTS = 10_000


class InterruptedRunError(Exception):
    """The callback or the iteration limit ends the run; the tree stays valid."""


@dataclass(slots=True)
class Watch:
    """Counts pivots, tells the callback, and knows when to stop."""

    callback: Callback | None = None
    max_pivots: int | None = None
    pivots: int = 0
    status: Status = Status.OPTIMAL
    started: float = field(default_factory=time.perf_counter)
    lower: float = -math.inf
    upper: float = math.inf

    @property
    def slice_pivots(self) -> int:
        """Pivots that the next slice may do."""
        if self.max_pivots is None:
            return SLICE_PIVOTS
        return max(0, min(SLICE_PIVOTS, self.max_pivots - self.pivots))

    def after(self, n_pivots: int) -> None:
        """Account for a slice; raises `InterruptedRunError` where the run must end."""
        self.pivots += n_pivots
        if self.callback is not None:
            progress = Progress(
                iteration=self.pivots,
                lower=self.lower,
                upper=self.upper,
                elapsed=time.perf_counter() - self.started,
            )
            if is_stop(self.callback(progress)):
                self.status = Status.STOPPED
                raise InterruptedRunError
        if self.max_pivots is not None and self.pivots >= self.max_pivots:
            self.status = Status.MAX_ITERATIONS
            raise InterruptedRunError


def interruptible(call: Callable[[], Any]) -> Any:
    """Return `call()`, a long stretch without the interpreter; Ctrl-C does not wait for its end.

    The call runs in a thread beside the main one, which waits where a signal can reach it. What an
    interrupt leaves behind ends by itself and is used by nobody.
    """
    if threading.current_thread() is not threading.main_thread():
        return call()
    return started(call)()
