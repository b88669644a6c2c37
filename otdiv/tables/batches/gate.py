"""The checks of a pipeline on every batch: a gate that one failure in one of them closes."""

from __future__ import annotations

from collections.abc import Iterable

from ..gate import Gate, GateFailure, as_checks, gate
from ..report import TableReport
from .rows import BatchFindings

__all__ = ["batch_gate"]


def batch_gate(report: BatchFindings, checks: Iterable[str]) -> Gate:
    """Look at every column of every batch; failures name the batch beside the column.

    Raises
    ------
    InvalidInputError
        As `gate`; of tolerances only where no batch has a column with one.
    """
    asked = as_checks(checks)
    toleranced = [_has_tolerance(one) for one in report.reports]
    failures: list[GateFailure] = []
    not_judged: list[str] = []
    for label, one, has_tolerance in zip(report.labels, report.reports, toleranced, strict=True):
        # A batch that lacks the one column with a tolerance is no mistake of the caller's.
        mine = asked
        if any(toleranced) and not has_tolerance:
            mine = tuple(check for check in asked if check != "tolerance")
        if not mine:
            continue
        found = gate(one, mine)
        failures += [
            GateFailure(each.check, f"{each.column} in {label}", f"{label}: {each.sentence}")
            for each in found.failures
        ]
        not_judged += [f"{column} in {label}" for column in found.not_judged]
    failures.sort(key=lambda each: asked.index(each.check))
    return Gate(checks=asked, failures=tuple(failures), not_judged=tuple(not_judged))


def _has_tolerance(report: TableReport) -> bool:
    return any(
        row.evidence is not None and row.evidence.tolerance is not None for row in report.rows
    )
