"""A claim of a paper as an object that runs: cases, a slack, a verdict."""

from __future__ import annotations

import enum
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from .._optional import import_optional
from .._validation import check_positive_integer
from ..errors import InvalidInputError

__all__ = ["Claim", "Kind", "Outcome", "Source", "Verdict", "Violation", "run_claim"]


class Kind(enum.Enum):
    """What a claim says."""

    EQUALITY = "equality"
    INEQUALITY = "inequality"
    RATE = "rate"
    STATISTICAL = "statistical"
    COUNTEREXAMPLE = "counterexample"


class Verdict(enum.Enum):
    """What running a claim showed."""

    HELD = "held"
    REFUTED = "refuted, as it should be"
    VIOLATED = "violated"
    NOT_REFUTED = "not refuted, though it should be"
    SKIPPED = "not run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a reader finds the claim: author, year, place, and the number in the text."""

    text: str
    place: str = ""

    def __str__(self) -> str:
        return f"{self.text}, {self.place}" if self.place else self.text


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Claim:
    """One statement with the means to test it.

    Attributes
    ----------
    id : str
        Short name, as `pinsker`.
    title, statement : str
        A title, and the statement in one line of plain mathematics.
    source : Source
        Where it is found.
    item : int
        Number in the catalogue of claims; entries that correct one another share it.
    topic : str
        File of `otdiv.theory` in which it stands.
    kind : Kind
    cases : callable
        Returns the Hypothesis strategy of cases; called when the claim runs.
    check : callable
        Case -> slack: non-negative where the statement holds, in units of the stated tolerance for
        equalities (1 - error / tolerance) and of the larger side for inequalities.
    holds : bool
        False for a statement as it is printed wrongly: then a violating case must be found.
    correction : str
        What the source should say, where it errs.
    budget : int or None
        Number of cases of its own (rates and statistics); None takes what the caller asks.
    reason : str
        For an item that no machine can test: why. Then `cases` and `check` are not used.
    """

    id: str
    title: str
    statement: str
    source: Source
    item: int
    topic: str
    kind: Kind
    cases: Callable[[], Any] | None = None
    check: Callable[[Any], float] | None = None
    holds: bool = True
    correction: str = ""
    budget: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """The smallest case found that breaks a statement."""

    case: Any
    slack: float
    code: str
    """Lines of Python that show it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one run of a claim gave."""

    claim: Claim
    verdict: Verdict
    n_cases: int
    worst_slack: float
    seconds: float
    violation: Violation | None = None
    error: str = ""

    @property
    def as_expected(self) -> bool:
        """Whether nothing is wrong: a true statement held, a false one was refuted."""
        return self.verdict in (Verdict.HELD, Verdict.REFUTED, Verdict.SKIPPED)


@dataclass(slots=True)
class _Record:
    """What a run has seen so far; the last violation is the shrunk one."""

    n_cases: int = 0
    worst: float = math.inf
    last: Violation | None = None
    stopped: bool = field(default=False)


def _code(claim: Claim, case: Any) -> str:
    return (
        "from numpy import array\n"
        "from otdiv.theory import claims\n"
        f"print(claims()[{claim.id!r}].check({case!r}))"
    )


def run_claim(
    claim: Claim, *, examples: int = 200, seed: int = 0, stop: Callable[[], bool] | None = None
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
        Asked before each case; True ends the run early.

    Returns
    -------
    Outcome

    Raises
    ------
    InvalidInputError
        If `examples` is not a positive integer.
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
    hypothesis = import_optional("hypothesis", extra="verify", purpose="otdiv.theory")
    record = _Record()
    check = claim.check

    def body(case: Any) -> None:
        if stop is not None and stop():
            raise KeyboardInterrupt
        slack = float(check(case))
        record.n_cases += 1
        record.worst = min(record.worst, slack)
        if not slack >= 0.0:
            record.last = Violation(case=case, slack=slack, code=_code(claim, case))
            raise AssertionError(f"{claim.id}: slack {slack!r}")

    budget = claim.budget or examples
    settings = hypothesis.settings(
        max_examples=budget,
        deadline=None,
        database=None,
        print_blob=False,
        verbosity=hypothesis.Verbosity.quiet,
        suppress_health_check=list(hypothesis.HealthCheck),
        report_multiple_bugs=False,
    )
    test = settings(hypothesis.seed(seed)(hypothesis.given(claim.cases())(body)))
    start = time.perf_counter()
    error = ""
    try:
        test()
    except AssertionError as failure:
        if record.last is None:
            error = str(failure)
    except Exception as failure:  # a crash of the code under test is a verdict, not a traceback
        error = f"{type(failure).__name__}: {failure}"
    seconds = time.perf_counter() - start
    if error:
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


def by_id(claims: Iterable[Claim]) -> dict[str, Claim]:
    """Claims by their ids, which must be distinct."""
    table: dict[str, Claim] = {}
    for claim in claims:
        if claim.id in table:
            raise InvalidInputError("id", "be used once", claim.id)
        table[claim.id] = claim
    return table
