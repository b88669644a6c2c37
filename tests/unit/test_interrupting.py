"""Ctrl-C in a stretch of work that no Python code interrupts."""

import signal
import time

import pytest

from otdiv.solvers._progress import interruptible


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
