"""Whether a solver runs at all, and on which shapes: asked once, before any law."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .instances import Instance, kind_of
from .law import Announce, Call, NotApplicableError, Probe, SolverRaisedError
from .loading import SolverUnderTest
from .report import Breach, ConformanceReport, LawResult, LawVerdict, Manner
from .snippets import snippet

__all__ = ["KINDS", "Trial", "failure", "not_running", "refused_breach", "trial"]

_SHAPES = ((3, 3), (2, 4), (4, 2), (1, 3), (3, 1), (1, 1))
"""Ordinary shapes first: what fails on the smallest only is no failure of the solver."""

KINDS = {kind_of(shape): shape for shape in _SHAPES}
"""Kinds of shapes with the shape that is tried of each."""

_STATEMENT = "an ordinary call is answered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What one kind of shape gave: an answer, a failure, or neither where it was declined."""

    kind: str
    answered: bool = False
    breach: Breach | None = None


def _instance(kind: str, power: float) -> Instance:
    """Uniform weights and distinct points on a line, for whatever a solver takes."""
    n, m = KINDS[kind]
    x, y = np.arange(0.0, 2.0 * n, 2.0)[:, None], np.arange(1.0, 3.0 * m + 1.0, 3.0)[:, None]
    return Instance.of_points(np.full(n, 1.0 / n), np.full(m, 1.0 / m), x, y, power)


def trial(
    kind: str,
    subject: SolverUnderTest,
    announce: Announce | None = None,
) -> Trial:
    """Call the solver once on a kind of shape."""
    probe = Probe(solver=subject, announce=announce)
    try:
        probe(_instance(kind, subject.ground.power))
    except NotApplicableError:
        return Trial(kind=kind)
    except SolverRaisedError as error:
        return Trial(kind=kind, breach=failure(subject, probe.calls, str(error), Manner.RAISED))
    return Trial(kind=kind, answered=True)


def failure(
    subject: SolverUnderTest,
    calls: Sequence[Call],
    text: str,
    manner: Manner,
    statement: str = _STATEMENT,
) -> Breach:
    """Say that a call brought no answer, with the code that repeats it."""
    code = snippet(subject, calls, statement=statement, text=text)
    return Breach(text=text, miss=float("inf"), manner=manner, code=code)


def refused_breach(refused: Mapping[str, Breach]) -> Breach:
    """Bundle the failures of several kinds into one: the smallest call, and where else."""
    first = _smallest(refused)
    return Breach(
        text=f"does not run on {', '.join(refused)}: {first.text}",
        miss=first.miss,
        manner=first.manner,
        code=first.code,
    )


def _smallest(refused: Mapping[str, Breach]) -> Breach:
    return refused[min(refused, key=lambda kind: KINDS[kind][0] * KINDS[kind][1])]


def not_running(
    name: str,
    refused: Mapping[str, Breach],
    *,
    regularised: bool,
    tolerance: float,
    seconds: float,
) -> ConformanceReport:
    """Report a solver that answers no ordinary call: one finding instead of a broken law each."""
    row = LawResult(
        law="runs",
        statement=_STATEMENT,
        verdict=LawVerdict.DOES_NOT_RUN,
        miss=float("inf"),
        tolerance=tolerance,
        n_cases=len(refused),
        n_declined=0,
        seconds=seconds,
        breach=_smallest(refused),
    )
    return ConformanceReport(solver=name, regularised=regularised, tolerance=tolerance, rows=(row,))
