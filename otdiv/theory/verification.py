"""Run many claims, and the report: a table of verdicts, and the catalogue as a document."""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .._naming import did_you_mean
from .._text import as_json
from .._typing import RngLike
from .._validation import as_generator, check_callback, check_positive_integer
from ..errors import InvalidInputError
from ..results import is_stop
from .catalogue import claims as all_claims
from .catalogue import topics as all_topics
from .claim import Claim, Outcome, Verdict
from .document import markdown
from .running import run_claim

__all__ = ["VerificationProgress", "VerificationReport", "verify"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationProgress:
    """State of a running verification as `callback` sees it; returning True stops.

    Attributes
    ----------
    done, total : int
        Claims that have run, and all of them.
    claim : Claim or None
        The claim that runs next.
    outcome : Outcome or None
        What the last one gave.
    """

    done: int
    total: int
    claim: Claim | None
    outcome: Outcome | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class VerificationReport:
    """Outcomes of a verification.

    Attributes
    ----------
    outcomes : tuple of Outcome
        In reading order.
    examples : int
        Cases for each claim without a budget of its own.
    seconds : float
        Wall time.
    n_pending : int
        Claims that were not reached, since the run was stopped: then the report is partial.
    """

    outcomes: tuple[Outcome, ...]
    examples: int
    seconds: float
    n_pending: int = 0

    @property
    def all_as_expected(self) -> bool:
        """Whether every true statement held and every false one was refuted."""
        return not self.unexpected

    @property
    def unexpected(self) -> tuple[Outcome, ...]:
        """Outcomes that something is wrong with."""
        return tuple(outcome for outcome in self.outcomes if not outcome.as_expected)

    def count(self, verdict: Verdict) -> int:
        """Count the outcomes with this verdict."""
        return sum(outcome.verdict is verdict for outcome in self.outcomes)

    def summary(self) -> str:
        """One sentence: how many held, were refuted, were not run, and what is wrong."""
        items = {n for outcome in self.outcomes for n in (outcome.claim.item, *outcome.claim.also)}
        wrong = len(self.unexpected)
        partial = f"Partial, {self.n_pending} claims not reached: " if self.n_pending else ""
        return (
            f"{partial}{len(self.outcomes)} entries on {len(items)} items: "
            f"{self.count(Verdict.HELD)} held, "
            f"{self.count(Verdict.REFUTED)} false statements refuted, "
            f"{self.count(Verdict.SKIPPED)} not for a machine, "
            f"{f'{wrong} not' if wrong else 'all'} as expected; "
            f"{sum(outcome.n_cases for outcome in self.outcomes):,} cases in {self.seconds:.0f} s."
        )

    def to_records(self) -> list[dict[str, Any]]:
        """Return one dict an outcome, of texts and numbers; None for what is not a number."""
        return [_record(outcome) for outcome in self.outcomes]

    def to_json(self) -> str:
        """Return a JSON text with the summary and the records."""
        content = {
            "all_as_expected": self.all_as_expected,
            "partial": self.n_pending > 0,
            "n_pending": self.n_pending,
            "examples": self.examples,
            "seconds": round(self.seconds, 3),
            "summary": self.summary(),
            "claims": self.to_records(),
        }
        return as_json(content)

    def to_markdown(self) -> str:
        """Return the catalogue as a document: statement, source, correction, worst slack."""
        return markdown(self.outcomes, examples=self.examples, summary=self.summary())

    def __repr__(self) -> str:
        return f"VerificationReport({self.summary()})"


def _record(outcome: Outcome) -> dict[str, Any]:
    claim, violation = outcome.claim, outcome.violation
    slack = outcome.worst_slack
    return {
        "id": claim.id,
        "item": claim.item,
        "also": list(claim.also),
        "topic": claim.topic,
        "title": claim.title,
        "statement": claim.statement,
        "source": str(claim.source),
        "kind": None if claim.kind is None else claim.kind.value,
        "should_hold": claim.holds,
        "correction": claim.correction,
        "reason": claim.reason,
        "verdict": outcome.verdict.value,
        "as_expected": outcome.as_expected,
        "cases": outcome.n_cases,
        "worst_slack": slack if math.isfinite(slack) else None,
        "seconds": round(outcome.seconds, 3),
        "counterexample": None if violation is None else violation.code,
        "error": outcome.error,
    }


def _selected(claims: Iterable[str | Claim] | None, topics: Iterable[str] | None) -> list[Claim]:
    table, chapters = all_claims(), all_topics()
    chosen: dict[str, Claim] = {}
    if claims is None and topics is None:
        return list(table.values())
    for name in _names("topics", topics):
        if name not in chapters:
            near = did_you_mean(name, chapters)
            raise InvalidInputError("topics", f"be among {', '.join(chapters)}{near}", repr(name))
        chosen |= {claim.id: claim for claim in chapters[name].claims}
    for claim in _names("claims", claims):
        if isinstance(claim, Claim):
            chosen[claim.id] = claim
        elif claim in table:
            chosen[claim] = table[claim]
        else:
            raise InvalidInputError("claims", f"be known{did_you_mean(claim, table)}", repr(claim))
    return list(chosen.values())


def _names(argument: str, values: Iterable[Any] | None) -> list[Any]:
    if values is None:
        return []
    if isinstance(values, str):
        raise InvalidInputError(argument, "be a list of names", repr(values))
    return list(values)


def verify(
    claims: Iterable[str | Claim] | None = None,
    *,
    topics: Iterable[str] | None = None,
    examples: int = 200,
    rng: RngLike = 0,
    callback: Callable[[VerificationProgress], object] | None = None,
) -> VerificationReport:
    """Run claims of the literature on random cases.

    Parameters
    ----------
    claims : iterable of str or Claim, optional
        Ids, or claims of your own.
    topics : iterable of str, optional
        Chapters, as "duality"; with neither argument everything runs.
    examples : int, default 200
        Cases for each claim without a budget of its own.
    rng : Generator or int, default 0
        The same seed draws the same cases, whichever claims are chosen.
    callback : callable, optional
        Called with a `VerificationProgress` before each claim and at the end; returning True
        stops, and the report holds what has run.

    Returns
    -------
    VerificationReport
        `all_as_expected`, `outcomes`, `to_json()`, `to_markdown()`.

    Raises
    ------
    InvalidInputError
        For unknown ids or topics.
    MissingDependencyError
        If the package hypothesis is not installed.

    Examples
    --------
    >>> from otdiv.theory import verify
    >>> verify(["pinsker", "kl-is-symmetric"], examples=20).all_as_expected
    True
    """
    chosen = _selected(claims, topics)
    examples = check_positive_integer("examples", examples)
    check_callback(callback)
    root = int(as_generator(rng).integers(2**32))
    outcomes: list[Outcome] = []
    start = time.perf_counter()

    def tell(claim: Claim | None) -> bool:
        progress = VerificationProgress(
            done=len(outcomes),
            total=len(chosen),
            claim=claim,
            outcome=outcomes[-1] if outcomes else None,
        )
        return callback is not None and is_stop(callback(progress))

    for claim in chosen:
        if tell(claim):
            break
        seed = root ^ zlib.crc32(claim.id.encode())
        outcomes.append(run_claim(claim, examples=examples, seed=seed))
    else:
        tell(None)
    return VerificationReport(
        outcomes=tuple(outcomes),
        examples=examples,
        seconds=time.perf_counter() - start,
        n_pending=len(chosen) - len(outcomes),
    )
