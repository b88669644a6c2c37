"""Run the laws in a process of their own, so that a solver may hang or crash."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import queue
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import IO, Any, NoReturn

from .._validation import check_positive
from ..errors import InvalidInputError, OtdivError
from ..results import is_stop
from .checking import Conditions, as_conditions, chosen_laws, run_law
from .law import Call, Law
from .loading import SolverUnderTest, under_test
from .report import ConformanceReport, LawResult, LawVerdict, Manner
from .trial import KINDS, Trial, failure, not_running, trial

__all__ = ["check_solver_isolated"]

# Allowance for what is not the solver's call: starting an interpreter, importing the solver, which
# may be a large library, proving a reference value.
_SLACK_SECONDS = 60.0

# What the first call of a child may take longer than others, to import or to compile.
_WARM_UP_SECONDS = 30.0

# For a process that has ended, or was killed, to be seen as such.
_END_SECONDS = 2.0

_HEADER = struct.Struct("<Q")
"""Length of the message that follows."""


def check_solver_isolated(
    solver: str,
    *,
    name: str | None = None,
    tolerance: float | None = None,
    regularised: bool = False,
    examples: int = 50,
    seed: int = 0,
    law_seconds: float = 60.0,
    call_seconds: float = 60.0,
    laws: Iterable[str] | None = None,
    callback: Callable[[LawResult], object] | None = None,
) -> ConformanceReport:
    """Run every law in a child process; a call that hangs or kills the process breaks its law.

    Parameters
    ----------
    solver : str
        Import path `package.module:function`.
    name, tolerance, regularised, examples, seed, law_seconds, laws, callback
        As for `check_solver`.
    call_seconds : float, default 60
        After so many seconds without an answer the child is ended with all processes that it
        started, the law counts as broken with that call as its snippet, and a new child goes on
        with the next law. Only the first call of a child, which comes before any law and may import
        a library or compile, has half a minute more.

    Returns
    -------
    ConformanceReport

    Raises
    ------
    InvalidInputError
        If `solver` is not an import path, or an argument is out of range.
    OtdivError
        If the child does not come as far as the first call.

    Examples
    --------
    >>> from otdiv.conformance import check_solver_isolated
    >>> check_solver_isolated("no.such.module:solve")
    Traceback (most recent call last):
    ...
    otdiv.errors.InvalidInputError: `solver` must name a module that imports; ...
    """
    if not isinstance(solver, str):
        raise InvalidInputError(
            "solver", "be a path package.module:function", type(solver).__name__
        )
    check_positive("call_seconds", call_seconds)
    conditions = as_conditions(
        tolerance=tolerance,
        regularised=regularised,
        examples=examples,
        seed=seed,
        law_seconds=law_seconds,
    )
    subject = under_test(solver, name)  # errors of the path show here, not in a child
    start = time.perf_counter()
    run = _Run(solver, subject, conditions, chosen_laws(laws, regularised), call_seconds, callback)
    while run.pending and not run.stopped:
        run.with_a_child()
        if run.does_not_run:
            return not_running(
                subject.name,
                run.conditions.refused,
                regularised=conditions.regularised,
                tolerance=conditions.tolerance,
                seconds=time.perf_counter() - start,
            )
    return ConformanceReport(
        solver=subject.name,
        regularised=conditions.regularised,
        tolerance=conditions.tolerance,
        rows=tuple(run.rows),
        n_pending=len(run.pending),
    )


class _Child:
    """A fresh interpreter that runs laws and sends calls and results, read with patience.

    It leads a group of processes, which is ended as a whole, and shares none of our pipes: what a
    solver leaves behind can neither run on nor keep a reader waiting.
    """

    def __init__(self, path: str, conditions: Conditions, ids: list[str]):
        code = (
            "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
            f"from {__name__} import serve; serve()"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        self._messages: queue.Queue[Any] = queue.Queue()
        self._readers = [
            threading.Thread(target=target, args=(stream,), daemon=True)
            for target, stream in (
                (self._read, self._process.stdout),
                (_relay, self._process.stderr),
            )
        ]
        for reader in self._readers:
            reader.start()
        assert self._process.stdin is not None
        # A child that has ended already is noticed by the reader. Its stdin stays open: when we
        # end, however that may be, the child sees it closed.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(pickle.dumps((path, conditions, ids)))

    def _read(self, stream: IO[bytes]) -> None:
        with stream:
            while (header := _exactly(stream, _HEADER.size)) is not None:
                body = _exactly(stream, _HEADER.unpack(header)[0])
                if body is None:
                    break
                self._messages.put(pickle.loads(body))
        self._messages.put(None)

    def message(self, seconds: float) -> Any:
        """Next message; None where the child has ended. Raises queue.Empty after `seconds`."""
        return self._messages.get(timeout=seconds)

    def ending(self) -> str:
        """Say how the child ended that sends no more."""
        try:
            code = self._process.wait(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            return "closed its output"
        if code >= 0:
            return f"ended with exit code {code}"
        return f"was ended by {signal.Signals(-code).name}"

    def end(self) -> None:
        """End the child and what it started, however they fare."""
        if os.name == "posix":
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        for reader in self._readers:
            # A process that has left the group may hold the other end for ever.
            reader.join(timeout=_END_SECONDS)


def _exactly(stream: IO[bytes], size: int) -> bytes | None:
    """Read `size` bytes from an unbuffered stream; None where it ends before."""
    content = b""
    while len(content) < size:
        part = stream.read(size - len(content))
        if not part:
            return None
        content += part
    return content


def _relay(stream: IO[bytes]) -> None:
    """Pass on what the solver writes to its terminal."""
    with stream:
        while part := stream.read(2**16):
            # Our own stderr may be closed, or missing.
            with contextlib.suppress(OSError, ValueError, AttributeError):
                sys.stderr.write(part.decode(errors="replace"))
                sys.stderr.flush()


def serve() -> None:
    """Run the laws that stand on stdin, and write each call and result to stdout.

    What the solver prints goes to stderr instead, and it reads from an empty stdin.
    """
    path, conditions, ids = pickle.load(sys.stdin.buffer)
    lifeline = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    with os.fdopen(os.dup(1), "wb") as stream:
        os.dup2(2, 1)

        def send(message: Any) -> None:
            body = pickle.dumps(message)
            stream.write(_HEADER.pack(len(body)) + body)
            stream.flush()

        subject = under_test(path)
        try:
            for kind in KINDS:
                if kind not in conditions.refused:
                    tried = trial(kind, subject, announce=send)
                    send(tried)
                    if tried.breach is not None:
                        conditions = conditions.without(kind, tried.breach)
            for law in chosen_laws(ids, conditions.regularised):
                send(run_law(law, subject, conditions, announce=send))
        except BrokenPipeError:  # the parent has ended: nobody reads on
            os._exit(1)


def _end_with(lifeline: int) -> NoReturn:
    """Wait for the end of the parent, then end this process and what it started."""
    while os.read(lifeline, 1):
        pass
    if os.name == "posix":
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


class _Run:
    """The laws of one solver, by one child after another."""

    def __init__(
        self,
        path: str,
        subject: SolverUnderTest,
        conditions: Conditions,
        laws: list[Law],
        call_seconds: float,
        callback: Callable[[LawResult], object] | None,
    ):
        self.conditions = conditions
        self.pending = laws
        self.rows: list[LawResult] = []
        self.stopped = False
        self._path, self._subject = path, subject
        self._call_seconds, self._callback = call_seconds, callback
        self._untried: list[str] = list(KINDS)
        self._answered = False
        self._n_hung = 0

    @property
    def does_not_run(self) -> bool:
        """Whether no kind of shape is answered; who hangs twice is not asked a third time."""
        all_tried = not self._untried or self._n_hung > 1
        return bool(self.conditions.refused) and not self._answered and all_tried

    def with_a_child(self) -> None:
        """Go on to the first call that ends the child, or to the end."""
        child = _Child(self._path, self.conditions, [law.id for law in self.pending])
        try:
            self._listen(child)
        finally:
            child.end()

    def _listen(self, child: _Child) -> None:
        # Each child tries the shapes anew: its first call imports and compiles.
        self._untried = [kind for kind in KINDS if kind not in self.conditions.refused]
        last: tuple[Call, ...] = ()
        silent, warm = True, False
        start, patience = time.perf_counter(), _SLACK_SECONDS
        while self.pending and not self.stopped and not self.does_not_run:
            try:
                message = child.message(patience)
            except queue.Empty:
                self._n_hung += 1
                text = f"no answer within {patience:g} s"
            else:
                if message is None and silent:
                    raise OtdivError(
                        f"the process of the solver {child.ending()} before its first call"
                    )
                silent = False
                if isinstance(message, tuple):  # a call, or nothing once it is back
                    last, warm = message, warm or not message
                    patience = self._call_seconds if last else _SLACK_SECONDS
                    patience += _WARM_UP_SECONDS if last and not warm else 0.0
                    continue
                if message is not None:
                    self._take(message)
                    start, patience = time.perf_counter(), _SLACK_SECONDS
                    continue
                text = f"the process {child.ending()} {'during the' if last else 'after a'} call"
            if self._untried:
                breach = failure(self._subject, last, text, Manner.ENDED)
                self._take(Trial(kind=self._untried[0], breach=breach))
            else:
                self._take(self._ended(last, text, time.perf_counter() - start))
            return

    def _take(self, message: Trial | LawResult) -> None:
        """Record what a shape or a law has shown."""
        if isinstance(message, LawResult):
            self.rows.append(message)
            self.pending = self.pending[1:]
            self.stopped = self._callback is not None and is_stop(self._callback(message))
            return
        self._untried.remove(message.kind)
        self._answered |= message.answered
        if message.breach is not None:
            self.conditions = self.conditions.without(message.kind, message.breach)

    def _ended(self, last: tuple[Call, ...], text: str, seconds: float) -> LawResult:
        law = self.pending[0]
        return LawResult(
            law=law.id,
            statement=law.statement,
            verdict=LawVerdict.BROKEN,
            miss=float("inf"),
            tolerance=max(self.conditions.tolerance, law.tolerance or 0.0),
            n_cases=1,
            n_declined=0,
            seconds=seconds,
            breach=failure(self._subject, last, text, Manner.ENDED, law.statement),
        )
