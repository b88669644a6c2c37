"""Numbers and findings of a column as the page says them; words of others stay as they came."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..formats import DASH, format_number, format_share
from ..phrases import movements
from ..rows import ColumnComparison, Evidence, Verdict

__all__ = [
    "effect_words",
    "in_unit",
    "interval_words",
    "measure_words",
    "missing_moved",
    "moved",
    "named",
    "notes_of",
    "unit_of",
    "values_moved",
    "verdict_class",
    "verdict_words",
]

_CLASSES = {
    Verdict.DIFFERS: "differs",
    Verdict.DIFFERS_LITTLE: "little",
    Verdict.WITHIN_NOISE: "noise",
    Verdict.SAME: "same",
}


def verdict_class(verdict: Verdict | None) -> str:
    """Name of a verdict in the style sheet."""
    return "none" if verdict is None else _CLASSES[verdict]


def verdict_words(row: ColumnComparison) -> str:
    """The verdict of a column's values, or why there is none."""
    if row.left_out is not None:
        return row.left_out
    if row.error is not None:
        return "failed"
    return "not tested" if row.verdict is None else row.verdict.value


def named(text: str) -> str:
    """A name as it came; one of nothing but blanks in quotes, so that it is seen."""
    return text if text.strip() else f'"{text}"'


def unit_of(row: ColumnComparison) -> tuple[str | None, float]:
    """The unit in which an effect is shown, and what one of it is in the effect's own."""
    return ("%", 0.01) if row.measure == "TV" else (row.unit, 1.0)


def in_unit(value: float | None, unit: tuple[str | None, float], digits: int = 4) -> str:
    """Return a rounded number and its unit."""
    if value is None:
        return DASH
    text = format_number(value / unit[1], digits)
    return text if unit[0] is None else f"{text} {unit[0]}"


def effect_words(row: ColumnComparison) -> str:
    """The effect in the unit in which it is shown."""
    return in_unit(row.effect, unit_of(row))


def measure_words(row: ColumnComparison) -> str:
    """What the effect is, in words."""
    if row.measure == "TV":
        return "of the rows would have to change their category (TV)"
    return "is the mean distance that a value moves (W1)"


def interval_words(evidence: Evidence | None, unit: tuple[str | None, float]) -> str:
    """Both ends; a dash where they say nothing."""
    if evidence is None or (evidence.low <= 0.0 and math.isinf(evidence.high)):
        return DASH
    low = format_number(evidence.low / unit[1])
    if math.isinf(evidence.high):
        return f"at least {in_unit(evidence.low, unit)}"
    return f"{low} to {in_unit(evidence.high, unit)}"


def moved(row: ColumnComparison) -> Iterator[str]:
    """Yield what moved, as sentences; of values within noise nothing did."""
    if row.verdict is None or row.verdict.is_difference:
        yield from values_moved(row)
    yield from missing_moved(row)


def values_moved(row: ColumnComparison) -> Iterator[str]:
    """Yield what moved of the values, a sentence each."""
    for part in movements(row):
        yield f"{part[0].upper()}{part[1:]}."


def missing_moved(row: ColumnComparison) -> Iterator[str]:
    """Yield what became of the missing values."""
    if row.missing is not None and row.missing.effect:
        rates = f"{format_share(row.missing_rate_a)} to {format_share(row.missing_rate_b)}"
        verdict = row.missing.verdict
        yield f"Missing values went from {rates}{'' if verdict is None else f': {verdict.value}'}."


def notes_of(row: ColumnComparison) -> Iterator[str]:
    """Yield what a reader of the numbers has to know, as sentences."""
    if row.kind_a != row.kind_b and row.error is None:
        yield f"A holds {row.kind_a}, B holds {row.kind_b}."
    for evidence, what in (
        (row.evidence, "the effect"),
        (None if row.missing is None else row.missing.evidence, "the difference of missing rates"),
    ):
        if evidence is not None and evidence.is_limited:
            yield (
                f"None or few of {evidence.n_draws:,} relabellings reached {what}: their number, "
                "not the data, kept the verdict from being a difference. More could tell."
            )
    if row.neighbours is not None:
        yield (
            f"Neighbouring rows are alike (correlation {format_number(row.neighbours, 2)}): the "
            "p-value takes rows for exchangeable, and says too little of chance where they are "
            "not. Blocks of rows would keep together what belongs together."
        )
    if row.evidence is not None:
        for note in row.evidence.notes:
            yield f"Of the interval: {note}."
