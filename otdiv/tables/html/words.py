"""Numbers and findings of a column as the page says them; words of others stay as they came."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..rows import ColumnComparison, Evidence, Frequencies, Verdict
from ..wording import DASH, format_number, format_share

__all__ = [
    "DASH",
    "count_words",
    "effect_words",
    "format_number",
    "format_share",
    "in_unit",
    "interval_words",
    "measure_words",
    "missing_moved",
    "moved",
    "named",
    "notes_of",
    "p_words",
    "plain",
    "unit_of",
    "values_moved",
    "verdict_class",
    "verdict_words",
]

ROUNDING = 1e-12
"""Shares that differ from 1 by less do so by rounding: 4000 ulp of a mean over W1."""

MOST_NAMED = 12
"""New or vanished categories that a sentence names."""

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


def p_words(p_value: float | None) -> str:
    """A probability, of which two digits are read."""
    return DASH if p_value is None else format_number(p_value, 2)


def plain(value: float | None) -> str:
    """A value of the data: whole numbers without the zeros of rounding.

    Examples
    --------
    >>> plain(76.0), plain(-2.5), plain(None)
    ('76', '-2.500', '–')
    """
    # Above, an exponent is easier to read.
    if value is not None and abs(value) < 1e7 and value.is_integer():
        return f"{int(value):,}"
    return format_number(value)


def count_words(number: int, noun: str) -> str:
    """A number of things; of one, the singular."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def moved(row: ColumnComparison) -> Iterator[str]:
    """Yield what moved, as sentences; of values within noise nothing did."""
    if row.verdict is None or row.verdict.is_difference:
        yield from values_moved(row)
    yield from missing_moved(row)


def values_moved(row: ColumnComparison) -> Iterator[str]:
    """Yield what moved of the values, the most telling sentence first."""
    unit = f" {row.unit}" if row.unit else ""
    if row.mean_difference is not None and row.shift_share is not None and row.effect:
        direction = "up" if row.mean_difference > 0.0 else "down"
        size = in_unit(abs(row.mean_difference), unit_of(row))
        if row.shift_share > 1.0 - ROUNDING:
            yield f"The mean moved {direction} by {size}: all quantiles went one way."
        else:
            share = format_share(row.shift_share)
            yield f"The mean moved {direction} by {size}, which is {share} of W1."
    if row.quantiles:
        largest = max(row.quantiles, key=lambda move: abs(move.difference))
        name = f"{100.0 * largest.level:g} % quantile"
        if largest.difference and None in (largest.a, largest.b):
            yield f"The {name} moved by {plain(largest.difference)}{unit}."
        elif largest.difference:
            yield f"The {name} went from {plain(largest.a)} to {plain(largest.b)}{unit}."
    if isinstance(row.distributions, Frequencies) and row.effect:
        label = row.distributions.labels[0]
        a, b = (format_share(float(side[0])) for side in (row.distributions.a, row.distributions.b))
        yield f"{named(label)} went from {a} to {b} of the rows."
    for names, word in ((row.new, "New in B"), (row.vanished, "Gone from A")):
        if names:
            more = len(names) - MOST_NAMED
            rest = f" and {more} more" if more > 0 else ""
            yield f"{word}: {', '.join(map(named, names[:MOST_NAMED]))}{rest}."


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
