"""Run one claim: draw cases, measure the worst slack, shrink what breaks the statement."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._optional import import_optional
from .._validation import check_positive_integer
from ..errors import InvalidInputError
from .claim import Claim, Outcome, Verdict, Violation
from .rendering import program

__all__ = ["run_claim"]


@dataclass(slots=True)
class _Record:
    """What a run has seen so far; the last violation is the shrunk one."""

    n_cases: int = 0
    worst: float = math.inf
    last: Violation | None = None


def run_claim(
    claim: Claim, *, examples: int = 200, seed: int = 0, stop: Callable[[], object] | None = None
) -> Outcome:
    """Draw cases, measure the worst slack, and shrink what breaks the statement.

    Parameters
    ----------
    claim : Claim
        The statement.
    examples : int, default 200
        Number of cases where the claim has no budget of its own.
    seed : int, default 0
        The same seed draws the same cases.
    stop : callable, optional
        Asked before each case; a true answer ends the run with KeyboardInterrupt.

    Returns
    -------
    Outcome
        A check that raises is a violation with the `error`, not a traceback.

    Raises
    ------
    InvalidInputError
        If `claim` is no Claim or `examples` is not a positive integer.
    MissingDependencyError
        If the package hypothesis is not installed.

    Examples
    --------
    >>> from otdiv.theory import claims, run_claim
    >>> run_claim(claims()["pinsker"], examples=20).verdict.name
    'HELD'
    """
    examples = check_positive_integer("examples", examples)
    if not isinstance(claim, Claim):
        raise InvalidInputError("claim", "be a Claim", type(claim).__name__)
    if claim.cases is None or claim.check is None:
        return Outcome(
            claim=claim, verdict=Verdict.SKIPPED, n_cases=0, worst_slack=math.nan, seconds=0.0
        )
    record = _Record()
    start = time.perf_counter()
    error = _search(claim, claim.cases, _recorded(claim, claim.check, record, stop), examples, seed)
    seconds = time.perf_counter() - start
    if error and record.last is None:
        # The strategy itself failed: nothing was tested.
        verdict = Verdict.VIOLATED if claim.holds else Verdict.NOT_REFUTED
    elif error:
        verdict = Verdict.VIOLATED
    elif claim.holds:
        verdict = Verdict.HELD if record.last is None else Verdict.VIOLATED
    else:
        verdict = Verdict.NOT_REFUTED if record.last is None else Verdict.REFUTED
    return Outcome(
        claim=claim,
        verdict=verdict,
        n_cases=record.n_cases,
        worst_slack=record.worst if record.last is None else record.last.slack,
        seconds=seconds,
        violation=record.last,
        error=error,
    )


def _recorded(
    claim: Claim,
    check: Callable[[Any], float],
    record: _Record,
    stop: Callable[[], object] | None,
) -> Callable[[Any], None]:
    """Return the test of one case: it writes to `record` and fails where the slack is negative."""

    def body(case: Any) -> None:
        if stop is not None and stop():
            raise KeyboardInterrupt
        try:
            # What overflows or divides by zero shows in the slack, not on the terminal.
            with np.errstate(all="ignore"):
                slack = float(check(case))
        except Exception:
            record.last = Violation(case=case, slack=math.nan, code=program(claim.id, case))
            raise
        record.n_cases += 1
        record.worst = min(record.worst, slack)
        if not slack >= 0.0:
            record.last = Violation(case=case, slack=slack, code=program(claim.id, case))
            raise _BrokenError(f"{claim.id}: slack {slack!r}")

    return body


class _BrokenError(AssertionError):
    """A case that breaks the statement: what the search shrinks."""


def _search(
    claim: Claim,
    cases: Callable[[], Any],
    body: Callable[[Any], None],
    examples: int,
    seed: int,
) -> str:
    """Try the witnesses, then drawn cases; return what crashed, or an empty text."""
    hypothesis = import_optional("hypothesis", extra="verify", purpose="otdiv.theory")
    settings = hypothesis.settings(
        max_examples=claim.budget or examples,
        deadline=None,
        database=None,
        print_blob=False,
        verbosity=hypothesis.Verbosity.quiet,
        suppress_health_check=list(hypothesis.HealthCheck),
        report_multiple_bugs=False,
        # No database to reuse; explaining traces every line, which is slow.
        phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
    )
    try:
        broken = False
        for case in claim.witnesses:
            try:
                body(case)
            except _BrokenError:
                broken = True
        # A witness that breaks is as small as a case can be made by hand.
        if not broken:
            settings(hypothesis.seed(seed)(hypothesis.given(cases())(body)))()
    except _BrokenError:
        pass
    except Exception as failure:  # a crash of the code under test is a verdict, not a traceback
        if _interrupted(failure):
            raise KeyboardInterrupt from failure
        return f"{type(failure).__name__}: {failure}"
    return ""


def _interrupted(failure: BaseException | None) -> bool:
    """Tell whether Ctrl-C is behind a failure: its clean-up may stumble over its own assertions."""
    while failure is not None:
        if isinstance(failure, KeyboardInterrupt):
            return True
        failure = failure.__cause__ or failure.__context__
    return False
