"""What a report of `compare_tables` alarms about: the one place that knows how it says so.

Reports judge by p-values and verdicts. Those of commits before that had a noise floor alone, which
an effect exceeds or not; `python -m benchmarks drift` asks such a commit too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

LEVEL = 0.05
BY_VERDICT = "its verdict, after control of all columns"
BY_NOISE = "effect above the 95th percentile of the noise floor"
VALUES, MISSING = "values", "missing"


@dataclass(frozen=True, slots=True)
class Judgement:
    """One question that a report answers: whether the values, or what is missing, differ.

    `flagged` is the column by itself, without control of the others; `differs` is what the report
    says in the end. `value` exceeds (a distance) or undercuts (a p-value) `threshold` where the
    column is flagged.
    """

    column: str
    part: str
    rule: str
    value: float
    threshold: float
    flagged: bool
    differs: bool


def judgements(report: Any) -> Iterator[Judgement]:
    """All questions of a report; a column that failed is none."""
    for row in report.rows:
        if row.error is not None:
            continue
        if hasattr(row, "verdict"):
            yield from _of_verdicts(row)
        elif row.noise is not None:
            limit = row.noise.percentile_95
            above = row.effect > limit
            yield Judgement(row.column, VALUES, BY_NOISE, row.effect, limit, above, above)


def _of_verdicts(row: Any) -> Iterator[Judgement]:
    for part, found in ((VALUES, row), (MISSING, row.missing)):
        if found is None or found.p_value is None:
            continue
        differs = found.verdict.startswith("differs")  # by however little
        flagged = found.p_value <= LEVEL + 1e-12
        yield Judgement(row.column, part, BY_VERDICT, found.p_value, LEVEL, flagged, differs)
