"""Calls beside the calling thread: parts of a job at once, and waits that a signal reaches.

Plain Python, and yet in this room: the kernels of `line/` sort and measure two samples at once.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["beside", "both", "for_each", "started", "thread_limit"]

# Below this size a second thread costs more to start than it saves (measured: about 0.1 ms).
_THREAD_SIZE = 40_000


def thread_limit() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def beside(call: Callable[[], Any]) -> Callable[[], Any] | None:
    """Start `call` in a thread; the returned function waits for it and returns or raises its end.

    None where no thread can be had: a container's limit, an interpreter that shuts down. A plain
    thread per call starts in some 50 microseconds and leaves nothing behind to shut down or to
    break in a forked process. The wait lets signals through.
    """
    outcome: list[tuple[Any, BaseException | None]] = []

    def work() -> None:
        try:
            outcome.append((call(), None))
        except BaseException as error:  # raised again below, in the waiting thread
            outcome.append((None, error))

    thread = threading.Thread(target=work, name="otdiv", daemon=True)
    try:
        thread.start()
    except RuntimeError:
        return None

    def wait() -> Any:
        thread.join()
        value, error = outcome[0]
        if error is not None:
            raise error
        return value

    return wait


def started(call: Callable[[], Any]) -> Callable[[], Any]:
    """`beside`, but where no thread can be had the call is made here and now."""
    wait = beside(call)
    if wait is not None:
        return wait
    value = call()
    return lambda: value


def for_each(
    run: Callable[[int], None],
    items: Iterable[int],
    n_threads: int,
    tick: Callable[[], object] | None = None,
) -> None:
    """Call `run` for every item, on `n_threads` threads of which the calling one is the first.

    `tick` is called on the calling thread after each of its own items, and may raise.
    """
    pending = deque(items)

    def work(tick: Callable[[], object] | None = None) -> None:
        try:
            while pending:
                try:
                    item = pending.popleft()
                except IndexError:  # another thread was faster
                    return
                run(item)
                if tick is not None:
                    tick()
        finally:
            # Ctrl-C, stop or failure: what has not begun is dropped, what runs ends with its item.
            pending.clear()

    helpers = min(n_threads, len(pending)) - 1
    waits = [wait for wait in (beside(work) for _ in range(helpers)) if wait is not None]
    try:
        work(tick)
    except BaseException:
        _wait_quietly(waits)
        raise
    for wait in waits:
        wait()


def _wait_quietly(waits: Iterable[Callable[[], Any]]) -> None:
    """Wait for threads whose failures do not matter any more: the first one is the one to tell."""
    for wait in waits:
        with contextlib.suppress(BaseException):
            wait()


def both(
    function: Callable[..., Any],
    first: tuple[Any, ...],
    second: tuple[Any, ...],
    size: int,
    threads: int | None = None,
) -> tuple[Any, Any]:
    """Return ``function(*first), function(*second)``, the second in a thread where it pays.

    `size` is the number of values of the smaller job; `threads` None takes what the machine has.
    """
    if size < _THREAD_SIZE or (thread_limit() if threads is None else threads) < 2:
        return function(*first), function(*second)
    right = started(lambda: function(*second))
    try:
        left = function(*first)
    except BaseException:
        _wait_quietly([right])
        raise
    return left, right()
