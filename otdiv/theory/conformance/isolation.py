"""Run the laws in a process of their own, so that a solver may hang or crash."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection
from typing import Any

from ..._validation import check_positive
from ...errors import InvalidInputError
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

    Notes
    -----
    The child is started afresh ("spawn"): a script that calls this needs the usual
    `if __name__ == "__main__":`.
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


def _child(path: str, conditions: Conditions, ids: list[str], pipe: Connection) -> None:
    """Run laws and tell the parent of each call before it is made, and of each result."""
    subject = under_test(path)
    for law in chosen_laws(ids, conditions.regularised):
        pipe.send(run_law(law, subject, conditions, announce=pipe.send))


def _run_child(
    path: str,
    subject: SolverUnderTest,
    conditions: Conditions,
    laws: list[Law],
    call_seconds: float,
    callback: Callable[[LawResult], object] | None,
) -> tuple[list[LawResult], bool]:
    """Results of the laws up to the first that ends the child, that one included."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    ids = [law.id for law in laws]
    child = context.Process(target=_child, args=(path, conditions, ids, sender), daemon=True)
    child.start()
    sender.close()
    rows: list[LawResult] = []
    last: tuple[Any, ...] = ()
    start, patience, first = time.perf_counter(), _SLACK_SECONDS, True
    try:
        while len(rows) < len(laws):
            try:
                message = receiver.recv() if receiver.poll(patience) else None
            except EOFError:
                child.join()
                end = f"the process ended with exit code {child.exitcode} during the call"
            else:
                if isinstance(message, tuple):  # the arrays of a call, or nothing once it is back
                    last = message
                    patience = call_seconds if last and not first else _SLACK_SECONDS
                    first = first and bool(last)
                    patience += call_seconds if first else 0.0
                    continue
                end = f"no answer within {patience:g} s"
                if isinstance(message, LawResult):
                    rows.append(message)
                    last, start, patience = (), time.perf_counter(), _SLACK_SECONDS
                    if callback is not None and callback(message) is True:
                        return rows, True
                    continue
            seconds = time.perf_counter() - start
            rows.append(_ended(laws[len(rows)], subject, conditions, last, end, seconds))
            return rows, callback is not None and callback(rows[-1]) is True
    finally:
        if child.is_alive():
            child.kill()
        child.join()
        receiver.close()
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
