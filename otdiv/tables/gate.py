"""A gate: which of the checks that a pipeline asks for a report fails, column by column."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ..errors import InvalidInputError
from .formats import format_number, format_share
from .rows import ColumnComparison, Findings, Verdict

__all__ = ["CHECKS", "Gate", "GateFailure", "as_checks", "gate"]


_NAMED = 6
"""Columns of a check that a line names; by taste."""


class GateFailure(NamedTuple):
    """A check that one column fails, or that had nothing to look at.

    Attributes
    ----------
    check : str
        "differs", "tolerance", "missing" or "schema".
    column : str
        Its name; "no column" where the tables have none that could be compared.
    sentence : str
        What was found, with its numbers; the name of the column stands in it as it is.
    """

    check: str
    column: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Whether a report passes some checks; made by `TableReport.gate`, and true where it does.

    Attributes
    ----------
    checks : tuple of str
        What was asked for.
    failures : tuple of GateFailure
        By check, in the order of the report's columns.
    not_judged : tuple of str
        Columns that could not be compared, of which the checks know nothing but their types.
    """

    checks: tuple[str, ...]
    failures: tuple[GateFailure, ...]
    not_judged: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether there is no failure.

        Columns that were not judged have none, but a check that judged no column at all fails.
        """
        return not self.failures

    @property
    def summary(self) -> str:
        """One line: what passed, or which columns failed what."""
        if self.passed:
            return f"Gate passed: {', '.join(self.checks)}."
        failed = []
        for check in self.checks:
            names = [failure.column for failure in self.failures if failure.check == check]
            if names:
                more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
                failed.append(f"{check} ({', '.join(names[:_NAMED])}{more})")
        return f"Gate failed: {', '.join(failed)}."

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        lines = [f"{failure.check}: {failure.sentence}" for failure in self.failures]
        lines = lines or [f"passed: {', '.join(self.checks)}"]
        if self.not_judged:
            lines.append(f"not judged: {', '.join(self.not_judged)}")
        return "\n".join(lines)


def gate(report: Findings, checks: Iterable[str]) -> Gate:
    """Look at every column of a report; the checks are described at `TableReport.gate`.

    Raises
    ------
    InvalidInputError
        If a check is not known, or asks what the report was not made to say.
    """
    asked = as_checks(checks)
    _check_verdicts(report, asked)
    failures = tuple(
        GateFailure(check, column, sentence)
        for check in asked
        for column, sentence in _failing(report, check)
    )
    return Gate(
        checks=asked,
        failures=failures,
        not_judged=tuple(row.column for row in report.failed),
    )


def _failing(report: Findings, check: str) -> Iterator[tuple[str, str]]:
    """What fails a check: a gate that is closed by nothing would pass where nothing was read."""
    if check != "schema" and not _judged(report, check):
        yield "no column", "no column could be compared"
    else:
        yield from CHECKS[check](report)


def _judged(report: Findings, check: str) -> bool:
    """Whether a column has what a check looks at; missing rates are known of failed ones too."""
    rows = [row for row in report.rows if row.left_out is None]
    return any(check == "missing" or row.error is None for row in rows)


def as_checks(checks: Iterable[str]) -> tuple[str, ...]:
    """Names of checks, each once.

    Raises
    ------
    InvalidInputError
        If there is none, or one is not known.
    """
    asked = tuple(dict.fromkeys([checks] if isinstance(checks, str) else checks))
    requirement = f"be of {', '.join(CHECKS)}"
    if not asked:
        raise InvalidInputError("checks", requirement, "none")
    for check in asked:
        if check not in CHECKS:
            raise InvalidInputError("checks", requirement, repr(check))
    return asked


def _check_verdicts(report: Findings, asked: tuple[str, ...]) -> None:
    """Refuse checks that would pass whatever the tables hold."""
    wanting = [check for check in asked if check != "schema"]
    if wanting and not report.n_permutations:
        requirement = "be schema alone: without relabellings (n_permutations=0) there is no verdict"
        raise InvalidInputError("checks", requirement, repr(wanting[0]))
    has_tolerance = any(
        row.evidence is not None and row.evidence.tolerance is not None for row in report.rows
    )
    # A column that failed may be the one whose tolerance was given.
    if "tolerance" in asked and not has_tolerance and not report.failed:
        requirement = "come with a `tolerance` (--tolerance) that a column of the tables can have"
        raise InvalidInputError("checks", requirement, "'tolerance'")


def _differs(report: Findings) -> Iterator[tuple[str, str]]:
    for row in report.rows:
        if row.verdict is Verdict.DIFFERS:
            size = f"{row.measure} = {_amount(row, row.effect)}"
            yield row.column, f"{row.column} differs by {size}{_chance(report, row.p_adjusted)}"


def _tolerance(report: Findings) -> Iterator[tuple[str, str]]:
    for row in report.rows:
        evidence = row.evidence
        if evidence is None or evidence.tolerance is None or evidence.low <= evidence.tolerance:
            continue
        least = _amount(row, evidence.low)
        most = _amount(row, evidence.tolerance, as_given=True)
        said = f"{row.column} differs by {row.measure} = {least} or more"
        yield row.column, f"{said}, above the tolerance of {most}"


def _missing(report: Findings) -> Iterator[tuple[str, str]]:
    for row in report.rows:
        if row.missing is None:
            continue
        evidence = row.missing.evidence
        said = (
            f"{row.column} is missing in {format_share(row.missing.rate_a)} of A and "
            f"{format_share(row.missing.rate_b)} of B"
        )
        if evidence.tolerance is None:
            if evidence.verdict is Verdict.DIFFERS:
                yield row.column, f"{said}{_chance(report, evidence.p_adjusted)}"
        elif evidence.low > evidence.tolerance:
            least, most = format_share(evidence.low), format_share(evidence.tolerance)
            yield row.column, f"{said}, {least} or more apart, above the tolerance of {most}"


def _schema(report: Findings) -> Iterator[tuple[str, str]]:
    for side, columns in (("A", report.only_a), ("B", report.only_b)):
        for column in columns:
            yield column, f"{column} is a column of {side} only"
    for row in report.retyped:
        yield row.column, f"{row.column} holds {row.kind_a} in A and {row.kind_b} in B"


CHECKS: dict[str, Callable[[Findings], Iterator[tuple[str, str]]]] = {
    "differs": _differs,
    "tolerance": _tolerance,
    "missing": _missing,
    "schema": _schema,
}
"""Each yields the columns that fail it, with a sentence."""


def _amount(row: ColumnComparison, value: float | None, *, as_given: bool = False) -> str:
    """An effect with its unit; a total variation is a share of the rows."""
    if row.measure == "TV":
        return format_share(value)
    number = f"{value:.4g}" if as_given else format_number(value)
    return number + (f" {row.unit}" if row.unit else "")


def _chance(report: Findings, p_adjusted: float | None) -> str:
    name = "p" if report.correction == "none" else "corrected p"
    return "" if p_adjusted is None else f" ({name} = {p_adjusted:.2g})"
