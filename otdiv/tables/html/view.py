"""What the templates show: texts and figures made of a report, in the order of the page."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any, NamedTuple

from ..._text import for_terminal
from ..formats import DASH, counted, format_number, format_p, format_share, format_value
from ..rows import ColumnComparison, Evidence, Findings, Frequencies, JointComparison, Verdict
from .figures import draw_drivers, draw_ecdfs, draw_frequencies, draw_missing, draw_null, draw_shift
from .svg import shorten
from .words import (
    effect_words,
    in_unit,
    interval_words,
    measure_words,
    missing_moved,
    moved,
    named,
    notes_of,
    unit_of,
    values_moved,
    verdict_class,
    verdict_words,
)

__all__ = ["Card", "Summary", "cards", "joint_view", "summary"]

MOST_CATEGORIES = 20
"""Categories of a column that its card lists, those that moved most."""

MOST_COLUMNS, MOST_LETTERS = 8, 40
"""Columns of the joint comparison that a sentence names, and letters of one; by taste."""


class Chip(NamedTuple):
    """A verdict: its words, and their name in the style sheet."""

    words: str
    kind: str


class Figure(NamedTuple):
    """A drawing, what it is and how it is read."""

    svg: Any
    title: str
    caption: str


class Fact(NamedTuple):
    """A number and what it is called."""

    name: str
    value: str


class Line(NamedTuple):
    """A column in the table of the summary; what is sorted by stands beside the texts."""

    anchor: str
    column: str
    differs: bool
    chip: Chip
    rank: int
    effect: str
    effect_sort: float | None
    interval: str
    low_sort: float | None
    standardized: str
    standardized_sort: float | None
    reach: float
    p: str
    p_sort: float | None
    missing: str
    missing_sort: float | None
    missing_chip: Chip | None


class Summary(NamedTuple):
    """The head of the page.

    `reach` of a line is its share of the longest bar, of 100.
    """

    names: tuple[str, str]
    files: tuple[str, str]
    rows: tuple[str, str]
    headline: str
    chips: tuple[Chip, ...]
    findings: tuple[tuple[str, str, str], ...]
    schema: tuple[str, ...]
    level: str
    lines: tuple[Line, ...]


class Card(NamedTuple):
    """All of one column."""

    anchor: str
    column: str
    kind: str
    chip: Chip
    missing_chip: Chip | None
    is_open: bool
    effect: str
    measure: str
    error: str | None
    moved: tuple[str, ...]
    figures: tuple[Figure, ...]
    missing: Figure | None
    facts: tuple[Fact, ...]
    quantiles: tuple[tuple[str, str, str, str], ...]
    categories: tuple[tuple[str, str, str, str, str], ...]
    more_categories: int
    notes: tuple[str, ...]


class Joint(NamedTuple):
    """The numeric columns together."""

    chip: Chip
    effect: str
    error: str | None
    figures: tuple[Figure, ...]
    facts: tuple[Fact, ...]
    columns: tuple[str, ...]
    more_columns: int


def summary(report: Findings) -> Summary:
    """Return the head of the page."""
    lengths = [
        row.sort_key for row in report.rows if row.effect is not None and row.sort_key < math.inf
    ]
    longest = max(lengths, default=0.0) or 1.0
    return Summary(
        names=_titles(report),
        files=(report.name_a, report.name_b),
        rows=(f"{counted(report.rows_a, 'row')}", f"{counted(report.rows_b, 'row')}"),
        headline=_headline(report),
        chips=tuple(_counts(report)),
        findings=tuple(_findings(report)),
        schema=tuple(_schema(report)),
        level=f"{100.0 * report.level:g} %",
        lines=tuple(_line(row, place, longest) for place, row in enumerate(report.rows)),
    )


def cards(report: Findings, markup: Any) -> Iterator[Card]:
    """Yield a card a column; `markup` marks a text as HTML."""
    for place, row in enumerate(report.rows):
        yield Card(
            anchor=f"column-{place + 1}",
            column=named(row.column),
            kind=row.kind,
            chip=_chip(row),
            missing_chip=_missing_chip(row),
            is_open=row.differs or row.error is not None,
            effect=effect_words(row),
            measure=measure_words(row) if row.effect is not None else "",
            error=row.error,
            moved=tuple(moved(row)),
            figures=tuple(_figures(row, f"c{place + 1}", markup)),
            missing=_missing_figure(row, f"c{place + 1}m", markup),
            facts=tuple(_facts(row, report.level)),
            quantiles=tuple(_quantiles(row)),
            categories=tuple(_categories(row)),
            more_categories=_more_categories(row),
            notes=tuple(notes_of(row)),
        )


def joint_view(joint: JointComparison, markup: Any) -> Joint:
    """Return what is said of the numeric columns together."""
    figures = []
    drivers = draw_drivers(joint.drivers, "joint-drivers")
    if drivers is not None:
        a, b = joint.driver_rows
        figures.append(
            Figure(
                markup(drivers),
                "Which columns drive it",
                "Shares of the joint movement (W2² of standardised rows), which add up to 100 %: "
                f"an optimal plan between {a:,} rows of A and {b:,} rows of B, with proof. Noise "
                "has its part in every column.",
            )
        )
    null = draw_null("joint", joint.effect, joint.noise, "joint-null", unit="sd")
    if null is not None and joint.noise is not None:
        figures.append(Figure(markup(null), "Chance", _chance(joint.noise.n_draws)))
    evidence = joint.evidence
    facts = [
        Fact("Complete rows", f"{joint.n_a:,} and {joint.n_b:,}"),
        Fact("Rows compared", f"{joint.sample_a:,} and {joint.sample_b:,}"),
        Fact("Random projections", f"{joint.n_projections:,}"),
    ]
    if joint.standard_error is not None:
        facts.append(
            Fact("Error of the projections", f"± {format_number(joint.standard_error, 2)}")
        )
    if evidence is not None:
        facts.append(Fact("p-value", format_p(evidence.p_value)))
    if joint.noise is not None:
        facts.append(Fact("95 % of the noise", in_unit(joint.noise.percentile_95, ("sd", 1.0), 3)))
    if joint.w2_squared is not None:
        bounds = joint.w2_squared
        facts.append(
            Fact(
                "W2² of the rows, proven",
                f"{format_number(bounds.lower, 6)} to {format_number(bounds.upper, 6)}",
            )
        )
    verdict = joint.verdict
    return Joint(
        chip=Chip("not tested" if verdict is None else verdict.value, verdict_class(verdict)),
        effect=in_unit(joint.effect, ("sd", 1.0), 3),
        error=joint.error,
        figures=tuple(figures),
        facts=tuple(facts),
        columns=tuple(
            shorten(for_terminal(named(name)), MOST_LETTERS)
            for name in joint.columns[:MOST_COLUMNS]
        ),
        more_columns=max(0, len(joint.columns) - MOST_COLUMNS),
    )


_COUNTED = {
    Verdict.DIFFERS: ("differs", "differ"),
    Verdict.DIFFERS_LITTLE: ("differs, by less than δ", "differ, by less than δ"),
    Verdict.WITHIN_NOISE: ("within noise", "within noise"),
    Verdict.SAME: ("same within δ", "same within δ"),
}
"""A verdict of one column and of several."""


def _titles(report: Findings) -> tuple[str, str]:
    """Stems of the two files, or the whole names where those are one."""
    a, b = (PurePath(name).stem or name for name in (report.name_a, report.name_b))
    return (report.name_a, report.name_b) if a == b else (a, b)


def _headline(report: Findings) -> str:
    tested = [row for row in report.rows if row.evidence is not None or row.missing is not None]
    if not report.n_permutations:
        return f"{counted(len(report.rows), 'column')} compared, without tests."
    if not tested:
        return "No column could be compared."
    found = len(report.differing)
    if not found:
        one = len(tested) == 1
        return "The column was not shown to differ." if one else "No column was shown to differ."
    verb = "differs" if found == 1 else "differ"
    return f"{found} of {counted(len(tested), 'column')} {verb}."


def _counts(report: Findings) -> Iterator[Chip]:
    for verdict, (one, several) in _COUNTED.items():
        count = sum(row.verdict is verdict for row in report.rows)
        if count:
            yield Chip(f"{count} {one if count == 1 else several}", verdict_class(verdict))
    missing = sum(
        row.missing is not None
        and row.missing.verdict is not None
        and row.missing.verdict.is_difference
        for row in report.rows
    )
    if missing:
        verb = "differs" if missing == 1 else "differ"
        yield Chip(f"{missing} {verb} in missing values", "differs")
    left_out = sum(row.left_out is not None for row in report.rows)
    if left_out:
        yield Chip(f"{left_out} left out", "none")
    if report.failed:
        yield Chip(f"{len(report.failed)} failed", "failed")


def _findings(report: Findings) -> Iterator[tuple[str, str, str]]:
    """The largest differences: a column, its effect, how it moved."""
    for row in report.differing[:3]:
        if row.verdict is not None and row.verdict.is_difference:
            yield named(row.column), effect_words(row), next(values_moved(row), "")
        else:
            yield named(row.column), "", next(missing_moved(row), "")


def _schema(report: Findings) -> Iterator[str]:
    for name, columns in (("A", report.only_a), ("B", report.only_b)):
        if columns:
            yield f"Only in {name}: {', '.join(map(named, columns))}."
    for row in report.retyped:
        yield f"{named(row.column)} holds {row.kind_a} in A and {row.kind_b} in B."


def _chip(row: ColumnComparison) -> Chip:
    kind = "failed" if row.error is not None else verdict_class(row.verdict)
    return Chip(verdict_words(row), kind)


def _missing_chip(row: ColumnComparison) -> Chip | None:
    """The verdict of the missing values, where they differ."""
    verdict = None if row.missing is None else row.missing.verdict
    if verdict is None or not verdict.is_difference:
        return None
    return Chip(verdict.value, verdict_class(verdict))


def _line(row: ColumnComparison, place: int, longest: float) -> Line:
    evidence, missing = row.evidence, row.missing
    unit = unit_of(row)
    untold = {"low_sort": None, "p_sort": None}
    told = untold if evidence is None else {"low_sort": evidence.low, "p_sort": evidence.p_adjusted}
    has_length = row.effect is not None and row.sort_key < math.inf
    return Line(
        anchor=f"column-{place + 1}",
        column=named(row.column),
        differs=row.differs,
        chip=_chip(row),
        rank=place,
        effect=effect_words(row),
        effect_sort=row.effect,
        interval=interval_words(evidence, unit),
        standardized=_in_sd(row),
        standardized_sort=None if row.effect is None else row.sort_key,
        reach=0.0 if not has_length else round(100.0 * row.sort_key / longest, 1),
        p=format_p(row.p_adjusted),
        missing=_missing(row),
        missing_sort=None if missing is None else missing.rate_b - missing.rate_a,
        missing_chip=_missing_chip(row),
        **told,
    )


def _in_sd(row: ColumnComparison) -> str:
    """What rows are sorted by: a share of a standard deviation, or of the rows."""
    if row.standardized is None:
        return DASH if row.effect is None else f"{format_number(row.effect, 2)} TV"
    return f"{format_number(row.standardized, 2)} sd"


def _missing(row: ColumnComparison) -> str:
    if math.isnan(row.missing_rate_a):
        return DASH
    if not row.missing_a and not row.missing_b:
        return "none"
    return f"{format_share(row.missing_rate_a)} → {format_share(row.missing_rate_b)}"


def _figures(row: ColumnComparison, prefix: str, markup: Any) -> Iterator[Figure]:
    ecdfs = draw_ecdfs(row, f"{prefix}e")
    if ecdfs is not None:
        yield Figure(
            markup(ecdfs), "Distribution", "Share of rows at or below a value. The area is W1."
        )
    shift = draw_shift(row, f"{prefix}s")
    if shift is not None:
        yield Figure(
            markup(shift),
            "Quantiles",
            "How far each quantile of B lies above that of A. Its area is W1, too.",
        )
    frequencies = draw_frequencies(row, f"{prefix}f")
    if frequencies is not None:
        yield Figure(
            markup(frequencies), "Categories", "Shares in A and B, the largest move first."
        )
    unit, per_unit = unit_of(row)
    null = draw_null(row.column, row.effect, row.noise, f"{prefix}n", unit=unit, per_unit=per_unit)
    if null is not None and row.noise is not None:
        yield Figure(markup(null), "Chance", _chance(row.noise.n_draws))


def _missing_figure(row: ColumnComparison, prefix: str, markup: Any) -> Figure | None:
    drawn = draw_missing(row, prefix)
    return None if drawn is None else Figure(markup(drawn), "Missing values", "Share of the rows.")


def _chance(n_draws: int) -> str:
    return f"The effect in {counted(n_draws, 'relabelling')} of the rows, where nothing changed."


def _facts(row: ColumnComparison, level: float) -> Iterator[Fact]:
    if row.error is not None:
        return
    unit = unit_of(row)
    share = f"{100.0 * level:g} %"
    evidence = row.evidence
    if evidence is not None:
        interval = interval_words(evidence, unit)
        if interval != DASH:
            yield Fact(f"{share} interval", interval)
        yield Fact("p-value", format_p(evidence.p_value))
        yield Fact("corrected p-value", format_p(evidence.p_adjusted))
        if evidence.tolerance is not None:
            yield Fact("Tolerance δ", in_unit(evidence.tolerance, unit))
            yield Fact(f"At most ({share})", in_unit(evidence.at_most, unit))
    if row.noise is not None:
        yield Fact("95 % of the noise", in_unit(row.noise.percentile_95, unit, 3))
    if row.standardized is not None:
        yield Fact("In pooled sd", format_number(row.standardized, 2))
    if row.shift_share is not None:
        yield Fact("Explained by the mean", format_share(row.shift_share))
    if row.js_divergence is not None:
        yield Fact("Jensen–Shannon", f"{format_number(row.js_divergence, 3)} nats")
    yield Fact("Values", f"{row.n_a:,} and {row.n_b:,}")
    if row.missing is not None:
        yield Fact("Missing", _missing(row))
        yield from _missing_facts(row.missing.evidence)


def _missing_facts(evidence: Evidence) -> Iterator[Fact]:
    yield Fact("Missing: corrected p", format_p(evidence.p_adjusted))
    if evidence.tolerance is not None:
        yield Fact("Missing: tolerance δ", format_share(evidence.tolerance))


def _quantiles(row: ColumnComparison) -> Iterator[tuple[str, str, str, str]]:
    for move in row.quantiles:
        sign = "+" if move.difference > 0.0 else ""
        unit = f" {row.unit}" if row.unit else ""
        change = f"{sign}{format_value(move.difference)}{unit}"
        yield f"{100.0 * move.level:g} %", format_value(move.a), format_value(move.b), change


def _categories(row: ColumnComparison) -> Iterator[tuple[str, str, str, str, str]]:
    found = row.distributions
    if not isinstance(found, Frequencies):
        return
    new, vanished = set(row.new), set(row.vanished)
    shown = zip(found.labels[:MOST_CATEGORIES], found.a.tolist(), found.b.tolist(), strict=False)
    for label, a, b in shown:
        mark = "new" if label in new else "vanished" if label in vanished else ""
        change = 100.0 * (b - a)
        points = f"{'+' if change > 0.0 else ''}{format_number(change, 2)} pp"
        yield named(label), mark, format_share(a), format_share(b), points


def _more_categories(row: ColumnComparison) -> int:
    found = row.distributions
    return max(0, len(found.labels) - MOST_CATEGORIES) if isinstance(found, Frequencies) else 0
