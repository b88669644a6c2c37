"""From p-values and intervals to a verdict a column, with control over how many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.stats import false_discovery_control

from .._typing import FloatArray
from .rows import ColumnComparison, Evidence, JointComparison, Verdict

__all__ = ["CORRECTIONS", "adjusted", "judged"]


def _holm(p: FloatArray) -> FloatArray:
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate((p.size - np.arange(p.size)) * p[order])
    found = np.empty_like(p)
    found[order] = np.minimum(steps, 1.0)
    return found


CORRECTIONS: dict[str, Callable[[FloatArray], Any]] = {
    "bh": false_discovery_control,
    "by": lambda p: false_discovery_control(p, method="by"),
    "holm": _holm,
    "none": lambda p: p,
}
"""Ways to adjust p-values of several tests, each at least the one given.

Benjamini and Hochberg (1995) bound the share of false differences among those found, for
independent or positively dependent tests; Benjamini and Yekutieli (2001), doi:10.1214/aos/
1013699998, for all; Holm (1979) the probability of a single false one."""


def adjusted(p_values: Sequence[float], correction: str) -> FloatArray:
    """p-values after the correction for how many there are."""
    p = np.asarray(p_values, dtype=np.float64)
    return np.asarray(CORRECTIONS[correction](p), dtype=np.float64) if p.size else p


def judged(
    reports: Iterable[tuple[Sequence[ColumnComparison], JointComparison | None]],
    *,
    level: float,
    correction: str,
) -> list[tuple[tuple[ColumnComparison, ...], JointComparison | None]]:
    """Adjust the p-values of all reports together, and give every test its verdict.

    One family holds the values and the missing values of every column, so that the share of false
    differences is bounded in all that is said. The joint number, which looks at the same rows once
    more, stands by itself.
    """
    reports = [(list(rows), joint) for rows, joint in reports]
    tests = [test for rows, _ in reports for row in rows for test in _tests(row)]
    alpha = 1.0 - level
    p = [test.p_value for test in tests]
    after = adjusted(p, correction)
    # What the verdicts would be if those that no draw reached had a p-value of 0.
    hopeful = adjusted([0.0 if _unreached(test) else test.p_value for test in tests], correction)
    told = iter(
        _told(test, float(value), alpha, limited=bool(value > alpha >= hope))
        for test, value, hope in zip(tests, after, hopeful, strict=True)
    )
    found = []
    for rows, joint in reports:
        done = []
        for row in rows:
            if row.evidence is not None:
                row = replace(row, evidence=next(told))
            if row.missing is not None:
                row = replace(row, missing=replace(row.missing, evidence=next(told)))
            done.append(row)
        if joint is not None and joint.evidence is not None:
            alone = joint.evidence
            joint = replace(joint, evidence=_told(alone, alone.p_value, alpha, limited=False))
        found.append((tuple(done), joint))
    return found


def _tests(row: ColumnComparison) -> list[Evidence]:
    """In the order in which `judged` gives them back."""
    return [
        evidence
        for evidence in (row.evidence, None if row.missing is None else row.missing.evidence)
        if evidence is not None
    ]


def _unreached(test: Evidence) -> bool:
    """Whether no relabelling reached the effect: the p-value is the least that so many give."""
    return test.n_draws > 0 and test.p_value <= 1.0 / (1.0 + test.n_draws)


def _told(test: Evidence, p_adjusted: float, alpha: float, *, limited: bool) -> Evidence:
    small = test.tolerance is not None and test.at_most <= test.tolerance
    if p_adjusted <= alpha:
        verdict = Verdict.DIFFERS_LITTLE if small else Verdict.DIFFERS
    else:
        verdict = Verdict.SAME if small else Verdict.WITHIN_NOISE
    return replace(test, p_adjusted=p_adjusted, verdict=verdict, is_limited=limited)
