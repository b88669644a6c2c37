"""Ctrl-C and SIGTERM end a command soon and quietly, whatever it is doing.

Python turns a signal into a KeyboardInterrupt at the line that happens to run. Modules that are
just being imported, callbacks of C code and of the garbage collector, `__del__` and bare `except:`
lose it, print it, or turn it into an error of their own. So the signal is remembered, which alone
decides the exit code; it is sent again until the command hears it; and a process of our own that
still does not end is ended.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time

from .exits import ExitCode

TYPE_CHECKING = False  # as in `otdiv._lazy`
if TYPE_CHECKING:
    from types import FrameType, TracebackType
    from typing import Any

__all__ = ["Watch", "heard", "raise_if_interrupted"]

_REPEAT_SECONDS = 0.25
"""Between the signal and its repetitions: long enough for `finally` blocks; chosen by taste."""

_PATIENCE_SECONDS = 1.0
"""After which a process of our own is ended from outside the main thread; chosen by taste."""


_HANDLED, _STOP = b"\xff", b"\x00"
"""Written beside the numbers of signals: the handler has run; the thread is to end."""


class Watch:
    """Listens to signals while a command runs, as a context manager.

    Parameters
    ----------
    own_process : bool
        Whether the process runs for the command alone: then SIGTERM is listened to as well, and
        the process may be ended. Otherwise (a notebook, a test) everything is restored at the end.
    """

    def __init__(self, *, own_process: bool) -> None:
        self.code: int = ExitCode.DONE
        self._own = own_process
        self._asked = 0
        self._heard = 0
        self._repeating = False
        self._inside = False
        self._said = False

    def __enter__(self) -> Watch:
        global _current
        self._outer, _current = _current, self
        self._handlers: dict[int, Any] = {}
        self._unraisable, self._excepthook = sys.unraisablehook, sys.excepthook
        self._listening = threading.current_thread() is threading.main_thread()
        if not self._listening:  # signals go to the main thread, which is not ours
            return self
        sys.unraisablehook = self._report_unraisable
        if self._own:
            sys.excepthook = self._report_escaped
        if os.name == "posix":
            # Signals come through a pipe too, since a handler waits for C code to return.
            self._reader, self._writer = os.pipe()
            os.set_blocking(self._writer, False)
            self._wakeup = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM) if self._own else (signal.SIGINT,):
            # A signal that the parent process has switched off, as `nohup` does, stays so.
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._handlers[number] = signal.signal(number, self._hear)
        if os.name == "posix":
            self._thread = threading.Thread(target=self._insist, daemon=True)
            self._thread.start()
        self._inside = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        global _current
        self._inside = False
        # Whatever comes out of an interrupted import or callback is the interruption.
        interrupted = self._asked > 0 or kind is KeyboardInterrupt
        interrupted |= self.code == ExitCode.INTERRUPTED
        if interrupted:
            self._heard = self._asked
            self.code = ExitCode.INTERRUPTED
            self._say()
            if self._own and self._listening:
                self._end()
        if self._own and self._listening:
            # What is left is Python's own end, at which KeyboardInterrupt would be printed.
            for number in self._handlers:
                signal.signal(number, self._leave)
            return interrupted
        self._restore()
        _current = self._outer
        return interrupted

    def _restore(self) -> None:
        if not self._listening:
            return
        if os.name == "posix":
            signal.set_wakeup_fd(self._wakeup)
            os.write(self._writer, _STOP)
            self._thread.join()
        # Only now, when no repetition can come any more.
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        sys.unraisablehook, sys.excepthook = self._unraisable, self._excepthook
        if os.name == "posix":
            os.close(self._writer)
            os.close(self._reader)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal, in the main thread."""
        repeated, self._repeating = self._repeating, False
        if repeated and 0 < self._asked == self._heard:
            return  # it was heard meanwhile
        self._asked += 1
        if os.name == "posix":
            os.write(self._writer, _HANDLED)
        raise KeyboardInterrupt

    def _leave(self, number: int, frame: FrameType | None) -> None:
        self._say()
        self._end()

    def _insist(self) -> None:
        """Repeat a signal until it is heard, and end the process where it never is."""
        main = threading.main_thread().ident
        assert main is not None
        awaited = {*self._handlers, *_HANDLED}
        while _STOP not in (arrived := os.read(self._reader, 64)):
            if awaited.isdisjoint(arrived):
                continue
            deadline = time.monotonic() + _PATIENCE_SECONDS
            while not 0 < self._asked == self._heard:
                ready, _, _ = select.select([self._reader], [], [], _REPEAT_SECONDS)
                if ready and _STOP in os.read(self._reader, 64):
                    return
                if ready or 0 < self._asked == self._heard:
                    continue
                if self._own and time.monotonic() > deadline:
                    self._say()
                    self._end()
                self._repeating = True
                signal.pthread_kill(main, signal.SIGINT)

    def _say(self) -> None:
        """Print the one line, whichever thread comes first."""
        if self._said:
            return
        self._said = True
        try:
            if self._own:
                # A bar may have hidden the cursor and left its line.
                clear = b"\r\x1b[K\x1b[?25h" if os.isatty(2) else b""
                os.write(2, clear + b"otdiv: interrupted\n")
            else:
                sys.stderr.write("otdiv: interrupted\n")
        except OSError:  # nobody reads stderr
            pass

    def _end(self) -> None:
        os._exit(ExitCode.INTERRUPTED)

    def _report_unraisable(self, unraisable: Any) -> None:
        if not self._asked:
            self._unraisable(unraisable)

    def _report_escaped(
        self, kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        """Print an error that C code prints, or that ends the process."""
        if not self._asked:
            self._excepthook(kind, error, traceback)
        elif not self._inside:  # the signal came as the watch began or ended
            self._leave(signal.SIGINT, None)


_current: Watch | None = None


def heard() -> None:
    """Say that the interruption was caught: what follows, a partial report, is not to be broken."""
    if _current is not None:
        _current._heard = _current._asked


def raise_if_interrupted() -> None:
    """Raise the KeyboardInterrupt that came before and was swallowed."""
    if _current is not None and _current._asked > _current._heard:
        raise KeyboardInterrupt
