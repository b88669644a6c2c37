"""Stopping a solve: by its callback, and by Ctrl-C where no Python code runs."""

import signal
import time

import numpy as np
import pytest

from otdiv import Status, solvers, transport
from otdiv._monitor import interruptible


def test_value_and_error_of_the_call_come_back():
    assert interruptible(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        interruptible(lambda: 1 // 0)


def test_an_interrupt_does_not_wait_for_the_end_of_the_stretch():
    def interrupt(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    started = time.perf_counter()
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(KeyboardInterrupt):
            interruptible(lambda: time.sleep(30.0))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
    # The sleep of 30 seconds goes on in its thread; half of it would mean that it was waited for.
    assert time.perf_counter() - started < 15.0


SOLVERS = [
    solvers.Line(),
    solvers.NetworkSimplex(),
    solvers.ColumnGeneration(),
    solvers.Sinkhorn(epsilon=0.01),
    solvers.LinearProgram(),
]


@pytest.mark.parametrize("solver", SOLVERS, ids=lambda solver: type(solver).__name__)
def test_only_true_stops_a_solve(solver):
    """A callback that returns a count, or what a logger returns, does not stop anything."""
    d = 1 if isinstance(solver, solvers.Line) else 2
    x, y = np.random.default_rng(0).random((2, 200, d))
    result = transport(x, y, solver=solver, callback=lambda progress: 1)
    assert result.status is Status.OPTIMAL


@pytest.mark.parametrize("solver", SOLVERS[1:4], ids=lambda solver: type(solver).__name__)
def test_true_stops_a_solve(solver):
    x, y = np.random.default_rng(0).random((2, 200, 2))
    result = transport(x, y, solver=solver, callback=lambda progress: True, throw=False)
    assert result.status is Status.STOPPED
