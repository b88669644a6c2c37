"""What a running solve tells its caller, and how it is stopped."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ._kernels.threads import started
from .results import Callback, Progress, Status, is_stop

__all__ = ["Deadline", "EndOfRun", "Monitor", "interruptible"]

# Pivots of a slice between two looks at the callback: a small part of a second up to some ten
# thousand atoms.
SLICE_PIVOTS = 10_000

# Seconds between two reports of `tick`, by taste.
_SILENCE = 0.1


class EndOfRun(Exception):  # noqa: N818  (control flow, not an error)
    """The callback or the limit of iterations ends the run; what was found stays valid."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A callback that asks the caller's, and stops at a moment of `time.perf_counter` besides."""

    callback: Callback | None
    moment: float

    def __call__(self, progress: Progress) -> bool:
        asked = self.callback is not None and is_stop(self.callback(progress))
        return asked or time.perf_counter() >= self.moment


@dataclass(slots=True)
class Monitor:
    """Counts iterations, keeps the best proven bounds, and talks to the callback.

    Attributes
    ----------
    callback : callable, optional
        Receives a `Progress`; the run stops where it returns True.
    max_iterations : int, optional
        Limit that `spend` keeps.
    scale : float
        The caller's cost per unit of cost and mass of the solver.
    iteration : int
        In the solver's own count (pivots, rounds, Newton steps).
    lower, upper : float
        Proven so far, in the caller's units.
    status : Status
        Why the run ended, where it did not end by itself.
    """

    callback: Callback | None = None
    max_iterations: int | None = None
    scale: float = 1.0
    iteration: int = 0
    lower: float = -math.inf
    upper: float = math.inf
    status: Status = Status.OPTIMAL
    _begin: float = field(default_factory=time.perf_counter)
    _silent_until: float = 0.0

    def asks_to_stop(self, **facts: float) -> bool:
        """Tell the callback, with what else of a `Progress` is known; whether it wants to stop."""
        if self.callback is None:
            return False
        progress = Progress(
            iteration=self.iteration,
            lower=self.lower,
            upper=self.upper,
            elapsed=time.perf_counter() - self._begin,
            **facts,
        )
        return is_stop(self.callback(progress))

    def tick(self, *, force: bool = False) -> None:
        """Report, at most ten times a second unless forced; raise `EndOfRun` where asked to."""
        if self.callback is None:
            return
        now = time.perf_counter()
        if force or now >= self._silent_until:
            self._silent_until = now + _SILENCE
            if self.asks_to_stop():
                self.end(Status.STOPPED)

    def spend(self, n_iterations: int) -> None:
        """Account for a slice of work and report; raise `EndOfRun` where the run must end."""
        self.iteration += n_iterations
        if self.asks_to_stop():
            self.end(Status.STOPPED)
        if self.max_iterations is not None and self.iteration >= self.max_iterations:
            self.end(Status.MAX_ITERATIONS)

    def end(self, status: Status) -> None:
        """Raise `EndOfRun` with this reason."""
        self.status = status
        raise EndOfRun

    @property
    def slice_pivots(self) -> int:
        """Pivots that the next slice may do."""
        if self.max_iterations is None:
            return SLICE_PIVOTS
        return max(0, min(SLICE_PIVOTS, self.max_iterations - self.iteration))


def interruptible(call: Callable[[], Any]) -> Any:
    """Return `call()`, a long stretch without the interpreter; Ctrl-C does not wait for its end.

    The call runs in a thread beside the main one, which waits where a signal can reach it. What an
    interrupt leaves behind ends by itself and is used by nobody.
    """
    if threading.current_thread() is not threading.main_thread():
        return call()
    return started(call)()
