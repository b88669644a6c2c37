"""A claim of a paper as an object, and what running it gave."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

__all__ = ["Claim", "Kind", "Outcome", "Source", "Topic", "Verdict", "Violation"]

Check: TypeAlias = Callable[[Any], float]


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


@dataclass(frozen=True, slots=True)
class Source:
    """Where a reader finds the claim.

    Parameters
    ----------
    text : str
        Author, year, title, identifier.
    place : str, optional
        Section, theorem or equation.
    short : str, optional
        Author and year, for documents that list the full texts once.

    Examples
    --------
    >>> from otdiv.theory import Source
    >>> print(Source("Villani (2009), doi:10.1007/978-3-540-71050-9").at("theorem 5.10"))
    Villani (2009), doi:10.1007/978-3-540-71050-9, theorem 5.10
    """

    text: str
    place: str = ""
    short: str = ""

    def at(self, place: str) -> Source:
        """Return the same source with a place in it."""
        return Source(self.text, place, self.short)

    def __str__(self) -> str:
        return f"{self.text}, {self.place}" if self.place else self.text

    @property
    def brief(self) -> str:
        """The short name with the place."""
        name = self.short or self.text
        return f"{name}, {self.place}" if self.place else name


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
    also : tuple of int
        Further numbers that say the same.
    topic : str
        File of `otdiv.theory` in which it stands.
    kind : Kind
    cases : callable or None
        Returns the Hypothesis strategy of cases; called when the claim runs.
    check : callable or None
        Case -> slack: non-negative where the statement holds. Of an equality it is 1 - error /
        tolerance, so 1 is perfect; of an inequality it is the distance of the two sides over the
        larger one, plus the rounding allowed, so 0 is sharp.
    holds : bool
        False for a statement that is false, as a source prints it or as one might believe it: then
        a violating case must be found.
    correction : str
        What the source should say, where it errs, or what is true instead.
    witnesses : tuple
        Cases tried before any is drawn.
    budget : int or None
        Number of cases of its own (rates and statistics); None takes what the caller asks.
    reason : str
        For an item that no machine can test: why. Then `cases` and `check` are None.
    """

    id: str
    title: str
    statement: str
    source: Source
    item: int
    topic: str
    kind: Kind | None
    also: tuple[int, ...] = ()
    cases: Callable[[], Any] | None = None
    check: Check | None = None
    holds: bool = True
    correction: str = ""
    witnesses: tuple[Any, ...] = ()
    budget: int | None = None
    reason: str = ""

    def __repr__(self) -> str:
        return f"Claim({self.id!r}, item={self.item}, topic={self.topic!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """The smallest case found that breaks a statement."""

    case: Any
    slack: float
    code: str
    """Lines of Python that show it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one run of a claim gave.

    `worst_slack` is the smallest slack of all cases or, where the statement broke, that of the
    shrunk counterexample in `violation`.
    """

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


class Topic:
    """Collects the claims of one file, in the order in which they stand there.

    Parameters
    ----------
    name, title : str
        As `gan_game`, and the heading of its chapter.
    """

    def __init__(self, name: str, title: str) -> None:
        self.name = name
        self.title = title
        self.claims: list[Claim] = []

    def claim(
        self,
        id: str,  # noqa: A002  (the field's name)
        *,
        item: int,
        title: str,
        statement: str,
        source: Source,
        kind: Kind,
        cases: Callable[[], Any],
        also: tuple[int, ...] = (),
        holds: bool = True,
        correction: str = "",
        witnesses: tuple[Any, ...] = (),
        budget: int | None = None,
    ) -> Callable[[Check], Check]:
        """Return the decorator that makes a function case -> slack the check of a claim."""

        def register(check: Check) -> Check:
            self.claims.append(
                Claim(
                    id=id,
                    title=title,
                    statement=statement,
                    source=source,
                    item=item,
                    also=also,
                    topic=self.name,
                    kind=kind,
                    cases=cases,
                    check=check,
                    holds=holds,
                    correction=correction,
                    witnesses=witnesses,
                    budget=budget,
                )
            )
            return check

        return register

    def untestable(
        self,
        id: str,  # noqa: A002  (the field's name)
        *,
        item: int,
        title: str,
        statement: str,
        source: Source,
        reason: str,
        also: tuple[int, ...] = (),
    ) -> None:
        """List an item that no machine can test, with the reason why."""
        self.claims.append(
            Claim(
                id=id,
                title=title,
                statement=statement,
                source=source,
                item=item,
                also=also,
                topic=self.name,
                kind=None,
                reason=reason,
            )
        )
