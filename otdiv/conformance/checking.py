"""Run the laws against a solver: draw cases, measure misses, shrink what breaks a law."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .._naming import did_you_mean
from .._optional import import_optional
from .._validation import check_positive, check_positive_integer
from ..errors import InvalidInputError
from ..results import is_stop
from .law import (
    Announce,
    Law,
    NotApplicableError,
    NotOfferedError,
    Probe,
    RefusedShapeError,
    SolverRaisedError,
)
from .lawbook import solver_laws
from .loading import SolverUnderTest, under_test
from .report import Breach, ConformanceReport, LawResult, LawVerdict, Manner
from .snippets import snippet
from .trial import KINDS, not_running, refused_breach, trial

__all__ = ["EXACT_TOLERANCE", "REGULARISED_TOLERANCE", "Conditions", "check_solver", "run_law"]

EXACT_TOLERANCE = 1e-9
"""Largest relative miss of an exact solver."""

REGULARISED_TOLERANCE = 1e-6
"""Largest relative miss of an entropic solver, which stops at some marginal error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """How the laws are run; see `check_solver`."""

    tolerance: float = EXACT_TOLERANCE
    regularised: bool = False
    examples: int = 50
    seed: int = 0
    law_seconds: float = 60.0
    refused: Mapping[str, Breach] = field(default_factory=dict)
    """Kinds of shapes on which the solver does not run, each with a call that shows it."""

    def without(self, kind: str, breach: Breach) -> Conditions:
        """Return the same conditions, where the solver does not run on a further kind."""
        return replace(self, refused={**self.refused, kind: breach})


def check_solver(
    solver: Callable[..., Any] | str,
    *,
    name: str | None = None,
    tolerance: float | None = None,
    regularised: bool = False,
    examples: int = 50,
    seed: int = 0,
    law_seconds: float = 60.0,
    laws: Iterable[str] | None = None,
    callback: Callable[[LawResult], object] | None = None,
) -> ConformanceReport:
    """Run every law against a solver in this process.

    Parameters
    ----------
    solver : callable or str
        Function of (a, b, C), a `PointSolver`, a solver object of otdiv, or the import path
        `package.module:function` of one. What it may return stands in the docstring of
        `otdiv.conformance`.
    name : str, optional
        What to call it in the report.
    tolerance : float, optional
        Largest relative miss: 1e-9, or 1e-6 where `regularised`.
    regularised : bool, default False
        Run the laws of entropic solvers: instead of the optimum, the form of the plan and what
        follows from it, and at several epsilons where the solver takes one.
    examples : int, default 50
        Cases of each law.
    seed : int, default 0
        The same seed draws the same cases.
    law_seconds : float, default 60
        After so many seconds of one law, counted from its first answer, no further case is run;
        the result then is not `complete`.
    laws : iterable of str, optional
        Ids of the laws to run; all by default.
    callback : callable, optional
        Called with each result; returning True stops.

    Returns
    -------
    ConformanceReport

    Raises
    ------
    InvalidInputError
        If an argument is out of range or a law is unknown.
    MissingDependencyError
        If the package hypothesis is not installed.

    Notes
    -----
    Before the laws the solver is called once on each kind of shape: an ordinary one, n != m, n or
    m = 1, and 1 × 1. Where it answers none of these the report says "does not run", once; kinds
    that it does not answer break the law `shapes`, and the other laws do without them. Where the
    solver never returns what a law speaks of (potentials, gradients), or does not take the epsilon
    that it varies, the verdict is "not offered".

    A solver that never returns is not interrupted here; `check_solver_isolated` does that.

    Examples
    --------
    >>> from otdiv.conformance import check_solver
    >>> def careless(a, b, C):
    ...     return float(a @ C @ b)
    >>> report = check_solver(careless, laws=["known-answers", "marginals"], examples=20)
    >>> [row.verdict.value for row in report.rows]
    ['not offered', 'broken']
    """
    conditions = as_conditions(
        tolerance=tolerance,
        regularised=regularised,
        examples=examples,
        seed=seed,
        law_seconds=law_seconds,
    )
    subject = under_test(solver, name)
    pending = chosen_laws(laws, regularised)
    start = time.perf_counter()
    trials = [trial(kind, subject) for kind in KINDS]
    refused = {tried.kind: tried.breach for tried in trials if tried.breach is not None}
    if refused and not any(tried.answered for tried in trials):
        return not_running(
            subject.name,
            refused,
            regularised=conditions.regularised,
            tolerance=conditions.tolerance,
            seconds=time.perf_counter() - start,
        )
    conditions = replace(conditions, refused=refused)
    rows = []
    for law in pending:
        rows.append(run_law(law, subject, conditions))
        if callback is not None and is_stop(callback(rows[-1])):
            break
    return ConformanceReport(
        solver=subject.name,
        regularised=conditions.regularised,
        tolerance=conditions.tolerance,
        rows=tuple(rows),
        n_pending=len(pending) - len(rows),
    )


def as_conditions(
    *,
    tolerance: float | None,
    regularised: bool,
    examples: int,
    seed: int,
    law_seconds: float = 60.0,
) -> Conditions:
    """Check the options of a run and fill in the tolerance."""
    if tolerance is None:
        tolerance = REGULARISED_TOLERANCE if regularised else EXACT_TOLERANCE
    return Conditions(
        tolerance=check_positive("tolerance", tolerance),
        regularised=bool(regularised),
        examples=check_positive_integer("examples", examples),
        seed=check_positive_integer("seed", seed, minimum=0),
        law_seconds=check_positive("law_seconds", law_seconds),
    )


def chosen_laws(ids: Iterable[str] | None, regularised: bool) -> list[Law]:
    """The laws to run, in the order of the book."""
    book = solver_laws()
    if ids is None:
        return list(book.values())
    wanted = list(ids)
    for law in wanted:
        if law not in book:
            near = did_you_mean(law, book) or f": {', '.join(book)}"
            raise InvalidInputError("laws", f"name laws of solvers{near}", repr(law))
    return [law for law in book.values() if law.id in wanted]


# Cases after which a solver that never returned what a law speaks of is not asked again; by taste.
_ASKED = 10


class _SilentError(AssertionError):
    """A wrong answer without a word."""


class _WarnedError(AssertionError):
    """A wrong answer with a warning."""


class _RaisedError(AssertionError):
    """An exception instead of an answer."""


_ERRORS = {
    Manner.SILENT: _SilentError,
    Manner.WARNED: _WarnedError,
    Manner.RAISED: _RaisedError,
}


@dataclass(slots=True, kw_only=True)
class _Record:
    """What the cases of one law have shown so far."""

    n_cases: int = 0
    n_measured: int = 0
    n_declined: int = 0
    n_not_offered: int = 0
    worst: float = 0.0
    reason: str = ""
    deadline: float = math.inf
    complete: bool = True
    breaches: dict[Manner, Breach] = field(default_factory=dict)

    def worsen(self, miss: float) -> None:
        """NaN counts as the worst there is."""
        self.worst = max(self.worst, math.inf if math.isnan(miss) else miss)


def run_law(
    law: Law,
    subject: SolverUnderTest,
    conditions: Conditions,
    announce: Announce | None = None,
) -> LawResult:
    """Run one law; `announce` is told of every call before it is made."""
    start = time.perf_counter()
    tolerance = max(conditions.tolerance, law.tolerance or 0.0)
    record = _Record()

    def result(verdict: LawVerdict, reason: str = "", breach: Breach | None = None) -> LawResult:
        return LawResult(
            law=law.id,
            statement=law.statement,
            verdict=verdict,
            miss=record.worst,
            tolerance=tolerance,
            n_cases=record.n_cases,
            n_declined=record.n_declined,
            seconds=time.perf_counter() - start,
            complete=record.complete,
            reason=reason,
            breach=breach,
        )

    if not (law.regularised if conditions.regularised else law.exact):
        kind = "exact" if conditions.regularised else "entropic"
        return result(LawVerdict.NOT_APPLICABLE, f"a law of {kind} solvers")
    if law.id == "shapes" and conditions.refused:
        record.n_cases, record.worst = len(conditions.refused), math.inf
        return result(LawVerdict.BROKEN, breach=refused_breach(conditions.refused))
    cases = law.cases(subject.ground)
    if cases is None:
        takes, other = "points", "bare cost matrices"
        if not subject.ground.on_points:
            takes, other = "a cost matrix", takes
        reason = f"a law of {other}; this solver takes {takes}"
        return result(LawVerdict.NOT_APPLICABLE, reason)
    body = _body(law, subject, conditions, tolerance, record, announce)
    _draw(cases, body, law.examples or conditions.examples, conditions.seed)
    if record.n_measured == 0 and record.n_declined:  # no answer ever had what the law measures
        record.n_cases = 0
        if record.n_not_offered:  # whichever cases it declined, it answered some without
            return result(LawVerdict.NOT_OFFERED, record.reason)
        return result(LawVerdict.NOT_APPLICABLE, record.reason)
    for manner in Manner:  # the worst manner first
        if manner in record.breaches:
            return result(LawVerdict.BROKEN, breach=record.breaches[manner])
    return result(LawVerdict.HELD)


def _body(
    law: Law,
    subject: SolverUnderTest,
    conditions: Conditions,
    tolerance: float,
    record: _Record,
    announce: Announce | None,
) -> Callable[[Any], None]:
    """Make the function that Hypothesis calls with each case."""

    def body(case: Any) -> None:
        if time.perf_counter() > record.deadline:
            record.complete = False
            return
        if record.n_measured == 0 and record.n_not_offered >= _ASKED:
            return
        try:
            measure(case)
        finally:  # the first case may import a library or compile: the clock starts after it
            limit = time.perf_counter() + conditions.law_seconds
            record.deadline = min(record.deadline, limit)

    def measure(case: Any) -> None:
        probe = Probe(
            solver=subject,
            regularised=conditions.regularised,
            refused=conditions.refused,
            announce=announce,
        )
        miss, text, raised = 0.0, "", False
        try:
            for finding in law.check(probe, case):
                record.worsen(finding.miss)
                if not finding.miss <= max(tolerance, miss):
                    miss, text = finding.miss, finding.text
                if math.isnan(finding.miss):
                    break
        except NotApplicableError as declined:
            record.n_declined += 1
            record.n_not_offered += isinstance(declined, NotOfferedError)
            if isinstance(declined, NotOfferedError) or not record.n_not_offered:
                record.reason = str(declined)
            if isinstance(declined, RefusedShapeError):
                _hypothesis().reject()
            return
        except SolverRaisedError as error:
            miss, text, raised = math.inf, str(error), True
            record.worst = math.inf
        else:
            record.n_measured += 1
        record.n_cases += 1
        if not text:
            return
        manner = Manner.WARNED if probe.warned else Manner.SILENT
        if raised:
            manner = Manner.RAISED
        record.breaches[manner] = Breach(
            text=text,
            miss=miss,
            manner=manner,
            warning=probe.warned[0] if probe.warned else "",
            code=snippet(subject, probe.calls, statement=law.statement, text=text),
        )
        raise _ERRORS[manner](text)

    return body


def _draw(cases: Any, body: Callable[[Any], None], examples: int, seed: int) -> None:
    """Let Hypothesis draw and shrink; what was found is in the record, not in the exception."""
    hypothesis = _hypothesis()
    settings = hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        print_blob=False,
        derandomize=False,
        verbosity=hypothesis.Verbosity.quiet,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
        report_multiple_bugs=True,
    )
    test = settings(hypothesis.seed(seed)(hypothesis.given(cases)(body)))
    try:
        test()
    except _leaves() as failure:
        for leaf in _flat(failure):
            # Unsatisfiable: the solver runs on none of the shapes that the law has.
            harmless = (hypothesis.errors.Flaky, hypothesis.errors.Unsatisfiable)
            if not isinstance(leaf, (*_ERRORS.values(), *harmless)):
                raise


def _hypothesis() -> Any:
    return import_optional("hypothesis", extra="verify", purpose="otdiv.conformance")


def _leaves() -> tuple[type[BaseException], ...]:
    return (Exception, BaseExceptionGroup)


def _flat(failure: BaseException) -> Iterator[BaseException]:
    if isinstance(failure, BaseExceptionGroup):
        for inner in failure.exceptions:
            yield from _flat(inner)
    else:
        yield failure
