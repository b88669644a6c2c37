"""Run the laws in a process of their own, so that a solver may hang or crash."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from .._validation import check_positive
from ..errors import InvalidInputError, OtdivError
from .checking import Conditions, as_conditions, chosen_laws, run_law
from .law import Call, Law
from .loading import SolverUnderTest, under_test
from .report import Breach, ConformanceReport, LawResult, LawVerdict, Manner
from .snippets import snippet

__all__ = ["check_solver_isolated"]

# Allowance for what is not the solver's call: starting an interpreter, importing a large library
# (often within the first call), proving a reference value.
_SLACK_SECONDS = 60.0


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
        After so many seconds without an answer the child is ended, the law counts as broken with
        that call as its snippet, and a new child goes on with the next law. The first call of a
        child, which may import a library, has a minute more.

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
    pending = chosen_laws(laws, regularised)
    rows: list[LawResult] = []
    while pending:
        done, stopped = _run_child(solver, subject, conditions, pending, call_seconds, callback)
        rows += done
        pending = pending[len(done) :]
        if stopped:
            break
    return ConformanceReport(
        solver=subject.name,
        regularised=regularised,
        tolerance=conditions.tolerance,
        rows=tuple(rows),
    )


class _Child:
    """A fresh interpreter that runs laws and sends calls and results, read with patience."""

    def __init__(self, path: str, conditions: Conditions, ids: list[str]):
        code = (
            "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
            f"from {__name__} import serve; serve()"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdin is not None
        # A child that has ended already is noticed by the reader, below.
        with contextlib.suppress(BrokenPipeError):
            pickle.dump((path, conditions, ids), self._process.stdin)
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._messages: queue.Queue[Any] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            while True:
                self._messages.put(pickle.load(self._process.stdout))
        except (EOFError, pickle.UnpicklingError):
            self._messages.put(None)

    def message(self, seconds: float) -> Any:
        """Next message; None where the child has ended. Raises queue.Empty after `seconds`."""
        return self._messages.get(timeout=seconds)

    def end(self) -> int:
        """End the child, however it fares, and return its exit code."""
        if self._process.poll() is None and not self._reader.is_alive():
            self._process.wait(timeout=_SLACK_SECONDS)
        self._process.kill()
        code = self._process.wait()
        self._reader.join()
        if self._process.stdout is not None:
            self._process.stdout.close()
        return code


def serve() -> None:
    """Run the laws that stand on stdin, and write each call and result to stdout.

    What the solver prints goes to stderr instead.
    """
    path, conditions, ids = pickle.load(sys.stdin.buffer)
    with os.fdopen(os.dup(1), "wb") as stream:
        os.dup2(2, 1)

        def send(message: Any) -> None:
            pickle.dump(message, stream)
            stream.flush()

        subject = under_test(path)
        try:
            for law in chosen_laws(ids, conditions.regularised):
                send(run_law(law, subject, conditions, announce=send))
        except BrokenPipeError:  # the parent has ended: nobody reads on
            os._exit(1)


def _run_child(
    path: str,
    subject: SolverUnderTest,
    conditions: Conditions,
    laws: list[Law],
    call_seconds: float,
    callback: Callable[[LawResult], object] | None,
) -> tuple[list[LawResult], bool]:
    """Results of the laws up to the first that ends the child, that one included."""
    child = _Child(path, conditions, [law.id for law in laws])
    rows: list[LawResult] = []
    last: tuple[Any, ...] = ()
    silent, first = True, True
    start, patience = time.perf_counter(), _SLACK_SECONDS
    try:
        while len(rows) < len(laws):
            try:
                message = child.message(patience)
            except queue.Empty:
                text = f"no answer within {patience:g} s"
            else:
                silent = silent and message is None
                if isinstance(message, tuple):  # the arrays of a call, or nothing once it is back
                    last, first = message, first and bool(message)
                    patience = call_seconds if last else _SLACK_SECONDS
                    patience += _SLACK_SECONDS if first else 0.0
                    continue
                if isinstance(message, LawResult):
                    rows.append(message)
                    last, start, patience = (), time.perf_counter(), _SLACK_SECONDS
                    if callback is not None and callback(message) is True:
                        return rows, True
                    continue
                code = child.end()
                if silent:
                    raise OtdivError(
                        f"the process of the solver ended with exit code {code} before its first "
                        "call"
                    )
                text = f"the process ended with exit code {code} during the call"
            seconds = time.perf_counter() - start
            row = _ended(laws[len(rows)], subject, conditions, last, text, seconds)
            rows.append(row)
            return rows, callback is not None and callback(row) is True
    finally:
        child.end()
    return rows, False


def _ended(
    law: Law,
    subject: SolverUnderTest,
    conditions: Conditions,
    last: tuple[Any, ...],
    text: str,
    seconds: float,
) -> LawResult:
    calls = [Call(arrays=last)] if last else []
    code = snippet(subject, calls, statement=law.statement, text=text)
    breach = Breach(text=text, miss=float("inf"), manner=Manner.ENDED, code=code)
    return LawResult(
        law=law.id,
        statement=law.statement,
        verdict=LawVerdict.BROKEN,
        miss=float("inf"),
        tolerance=max(conditions.tolerance, law.tolerance or 0.0),
        n_cases=1,
        n_declined=0,
        seconds=seconds,
        breach=breach,
    )
