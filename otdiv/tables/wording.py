"""Findings of a table report as sentences, the most telling first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from .._text import display_width, for_terminal, shortened
from .formats import (
    DASH,
    counted,
    format_effect,
    format_number,
    format_p,
    format_share,
    format_value,
    listed,
)
from .naming import telling_names
from .phrases import movement
from .rows import ColumnComparison, Findings, Frequencies, JointComparison, Verdict

__all__ = ["escaped", "headlines", "outcome", "tolerance_of"]

_ROUNDING = 1e-12
"""A W1 of so few pooled sd is that of equal distributions: 4000 ulp."""

_MOST_SENTENCES = 8
"""Columns that have a sentence of their own; the table has them all."""

_MOST_NAMES = 8
"""Columns that a list names."""

_MOST_PHRASES = 4
"""Columns that a list names with a number."""

_MOST_NOTES = 2
"""Notes on intervals that are told in full."""

_MOST_DRIVERS = 4

_CORRECTIONS = {
    "bh": "corrected for their number (Benjamini-Hochberg)",
    "by": "corrected for their number (Benjamini-Yekutieli)",
    "holm": "corrected for their number (Holm)",
    "none": "not corrected for their number",
}


def escaped(
    report: Findings,
    show: Callable[[str], str],
    width: int | None = None,
    measure: Callable[[str], int] = display_width,
) -> Findings:
    """Return a report in which `show` has passed over every word that came with the tables.

    The tables have the shortest names that tell them apart. Names of columns and categories take at
    most `width` cells, as `measure` counts them before anything is escaped for another medium.
    """

    def name(text: str) -> str:
        quoted = text if text.strip() else f'"{text}"'
        return show(quoted if width is None else shortened(for_terminal(quoted), width, measure))

    def names(texts: Sequence[str]) -> tuple[str, ...]:
        return tuple(map(name, texts))

    def maybe(text: str | None) -> str | None:
        return None if text is None else show(text)

    def row_of(row: ColumnComparison) -> ColumnComparison:
        shares = row.distributions
        if isinstance(shares, Frequencies):
            shares = replace(shares, labels=names(shares.labels))
        return replace(
            row,
            column=name(row.column),
            unit=maybe(row.unit),
            error=maybe(row.error),
            new=names(row.new),
            vanished=names(row.vanished),
            distributions=shares,
        )

    joint = report.joint
    if joint is not None:
        drivers = tuple(replace(one, column=name(one.column)) for one in joint.drivers)
        joint = replace(joint, columns=names(joint.columns), drivers=drivers)
    name_a, name_b = telling_names(report.name_a, report.name_b)
    return replace(
        report,
        rows=tuple(map(row_of, report.rows)),
        joint=joint,
        name_a=name(name_a),
        name_b=name(name_b),
        only_a=names(report.only_a),
        only_b=names(report.only_b),
        weights=maybe(report.weights),
        exchanged=show(report.exchanged),
    )


def headlines(report: Findings) -> Iterator[str]:
    """Yield the findings of an escaped report, one sentence or two each."""
    yield f"{outcome(report)}."
    yield from _moved(report)
    yield from _missing(report)
    yield from _limited(report)
    yield from _quiet(report)
    yield from _apart(report)
    if report.joint is not None:
        yield f"{_joint(report.joint)}."
    yield from _not_compared(report)
    yield from _cautions(report)
    yield from _method(report)


def outcome(report: Findings) -> str:
    """How many columns differ, and which, without a stop at the end."""
    tested = report.tested
    differing = report.differing
    if not tested:
        if any(row.effect is not None for row in report.rows):
            return "No verdicts: no relabelling was drawn"
        return "No column could be compared"
    if len(tested) == 1:
        verb = "differs" if differing else "does not differ"
        return f"The only column compared, {tested[0].column}, {verb}"
    if differing:
        verb = "differs" if len(differing) == 1 else "differ"
        found = listed([row.column for row in differing], _MOST_NAMES)
        if len(differing) == len(tested):
            return f"All {len(tested):,} columns differ: {found}"
        return f"{len(differing):,} of {counted(len(tested), 'column')} {verb}: {found}"
    same = sum(row.verdict is Verdict.SAME for row in tested)
    equal = sum(row.verdict is not Verdict.SAME and _is_same(row) for row in tested)
    parts = [
        f"{number:,} {word}"
        for number, word in (
            (len(tested) - same - equal, "within noise"),
            (same, "the same within the tolerance"),
            (equal, "the same in both tables"),
        )
        if number
    ]
    return f"No column differs: {', '.join(parts)}"


def tolerance_of(row: ColumnComparison) -> str:
    """The effect of a row that does not matter, in its unit."""
    if row.evidence is None or row.evidence.tolerance is None:
        return DASH
    if row.measure == "TV":
        return f"{format_value(100.0 * row.evidence.tolerance)} %"
    return f"{format_value(row.evidence.tolerance)} {row.unit or ''}".rstrip()


def _moved(report: Findings) -> Iterator[str]:
    """What moved in each column that differs, and by how much."""
    rows = [row for row in report.rows if row.verdict is not None and row.verdict.is_difference]
    if not rows and report.n_permutations == 0:
        rows = [row for row in report.rows if row.effect and not _is_same(row)]
    for place, row in enumerate(rows[:_MOST_SENTENCES]):
        subject = f"{row.column} moved most" if place == 0 and len(rows) > 1 else row.column
        if row.verdict is Verdict.DIFFERS_LITTLE:
            verb = "" if subject != row.column else " differs"
            subject += f"{verb}, by less than {tolerance_of(row)}"
        told = movement(row)
        yield f"{subject}: {_effect(row, report.level)}{'; ' if told else ''}{told}."
    rest = [row.column for row in rows[_MOST_SENTENCES:]]
    if rest:
        yield f"Smaller differences: {listed(rest, _MOST_NAMES)}."


def _effect(row: ColumnComparison, level: float) -> str:
    text = f"{row.measure} = {format_effect(row.effect, row.measure, row.unit)}"
    if row.evidence is not None:
        scale = 100.0 if row.measure == "TV" else 1.0
        low, high = (format_number(scale * end, 3) for end in (row.evidence.low, row.evidence.high))
        text += f" ({_percent(level)}: {low} to {high})"
    return text


def _missing(report: Findings) -> Iterator[str]:
    """Rates of missing values that differ, whatever the values do."""
    told = []
    for row in report.rows:
        missing = row.missing
        if missing is None or missing.verdict is None or not missing.verdict.is_difference:
            continue
        text = f"{row.column}: missing {format_share(missing.rate_a)}"
        text += f" → {format_share(missing.rate_b)}"
        if missing.verdict is Verdict.DIFFERS_LITTLE:
            text += f", less than {format_share(missing.evidence.tolerance)} apart"
        told.append(text)
    yield from _phrases(told)


def _limited(report: Findings) -> Iterator[str]:
    """Columns for which the number of relabellings was the limit, not the data."""
    names = [
        name
        for row in report.rows
        for evidence, name in (
            (row.evidence, row.column),
            (
                None if row.missing is None else row.missing.evidence,
                f"missing values of {row.column}",
            ),
        )
        if evidence is not None and evidence.is_limited
    ]
    if names:
        drawn = counted(report.n_permutations, "relabelling")
        yield (
            f"{listed(names, _MOST_NAMES)}: none of {drawn} reached the effect; more"
            " (--permutations) could tell."
        )


def _quiet(report: Findings) -> Iterator[str]:
    """What is the same, and what chance explains."""
    same = [row for row in report.rows if row.verdict is Verdict.SAME]
    told = []
    for row in same:
        assert row.evidence is not None
        most = format_effect(row.evidence.at_most, row.measure, row.unit, 2)
        told.append(f"{row.column}: same within {tolerance_of(row)} (at most {most})")
    yield from _phrases(told)
    others = [row for row in report.rows if row not in same and row.error is None]
    equal = [row for row in others if _is_same(row)]
    if equal:
        yield f"The same in both tables: {_names(equal)}."
    quiet = [
        row
        for row in others
        if row.evidence is not None
        and row.verdict is Verdict.WITHIN_NOISE
        and not (row.evidence.is_limited or _is_same(row))
    ]
    if quiet:
        yield f"Within noise: {_names(quiet)}."


def _apart(report: Findings) -> Iterator[str]:
    """Columns that take no part, and those that hold something else in B."""
    for role in dict.fromkeys(row.left_out for row in report.rows if row.left_out is not None):
        rows = [row for row in report.rows if row.left_out == role]
        yield f"{role.capitalize()}, not compared: {_names(rows)}."
    retyped = [
        f"{row.column} ({row.kind_a} → {row.kind_b})" for row in report.retyped if row.error is None
    ]
    if retyped:
        yield f"Of another kind in B: {listed(retyped, _MOST_PHRASES)}."


def _names(rows: Sequence[ColumnComparison]) -> str:
    return listed([row.column for row in rows], _MOST_NAMES)


def _phrases(told: Sequence[str]) -> Iterator[str]:
    """One sentence of several phrases; of those beyond the first only the number."""
    if not told:
        return
    shown = told[: _MOST_PHRASES if len(told) > _MOST_PHRASES + 1 else None]
    more = len(told) - len(shown)
    yield f"{'; '.join(shown)}{f'; and {more:,} more columns' if more else ''}."


def _is_same(row: ColumnComparison) -> bool:
    """Whether distributions and rates of missing values are equal, up to rounding of the bounds."""
    if row.effect != 0.0 or row.missing_rate_a != row.missing_rate_b:
        return False
    return row.bounds is None or row.bounds.upper <= _ROUNDING * (row.pooled_sd or 0.0)


def _joint(joint: JointComparison) -> str:
    names = ", ".join(joint.columns)
    if len(joint.columns) > _MOST_PHRASES:
        names = f"the {len(joint.columns)} numeric columns"
    if joint.effect is None:
        return f"Jointly ({names}): not compared, {joint.error}"
    text = f"Jointly, sliced W1 of {names}: {format_number(joint.effect, 3)} sd"
    if joint.standard_error is not None:
        text += f" ± {format_number(joint.standard_error, 1)}"
    if joint.verdict is not None:
        text += f", {joint.verdict.value}"
    if joint.evidence is not None:
        text += f" (p = {format_p(joint.evidence.p_value)}"
        if joint.noise is not None:
            text += f", noise 95 % {format_number(joint.noise.percentile_95, 2)}"
        text += ")"
    text += f"; {_rows_compared(joint)}"
    if not joint.drivers:
        return text
    shown = joint.drivers[: _MOST_DRIVERS if len(joint.drivers) > _MOST_DRIVERS + 1 else None]
    shares = ", ".join(f"{one.column} {_whole_percent(one.share)}" for one in shown)
    rest = "" if len(shown) == len(joint.drivers) else ", …"
    n, m = joint.driver_rows
    rows = f"{counted(n, 'row')} each" if n == m else f"{n:,} and {counted(m, 'row')}"
    return f"{text}. Drivers: {shares}{rest} of W2² between {rows}"


def _whole_percent(share: float) -> str:
    return "<1 %" if 0.0 < share < 0.005 else f"{100.0 * share:.0f} %"


def _rows_compared(joint: JointComparison) -> str:
    n, m = joint.sample_a, joint.sample_b
    if (n, m) == (joint.n_a, joint.n_b):
        return f"{n:,} and {m:,} complete rows"
    return f"{n:,} of {joint.n_a:,} and {m:,} of {joint.n_b:,} complete rows"


def _not_compared(report: Findings) -> Iterator[str]:
    reasons = list(dict.fromkeys(row.error for row in report.failed))
    for reason in reasons[:_MOST_PHRASES]:
        names = [row.column for row in report.failed if row.error == reason]
        yield f"{listed(names, _MOST_NAMES)} could not be compared: {reason}."
    rest = [row.column for row in report.failed if row.error in reasons[_MOST_PHRASES:]]
    if rest:
        yield f"{listed(rest, _MOST_NAMES)} could not be compared either."
    for side, table, columns in (
        ("A", report.name_a, report.only_a),
        ("B", report.name_b, report.only_b),
    ):
        if columns:
            where = side if table.upper() == side else f"{side} ({table})"
            yield f"Only in {where}, not compared: {listed(columns, _MOST_NAMES)}."
    if report.weights is not None:
        source = "" if report.weights == "given" else f" by {report.weights}"
        yield f"Rows are weighted{source}; missing rates count rows."


def _cautions(report: Findings) -> Iterator[str]:
    """What p-values and intervals take for granted, where the rows say otherwise."""
    alike = sorted(
        (row for row in report.rows if row.neighbours is not None),
        key=lambda row: -abs(row.neighbours or 0.0),
    )
    if alike and report.n_permutations:
        told = [f"{row.column} ({format_number(row.neighbours, 2)})" for row in alike]
        yield (
            f"Neighbouring rows are alike in {listed(told, 2)}: p-values take rows for"
            " exchangeable; --blocks keeps neighbours together."
        )
    noted: dict[str, list[ColumnComparison]] = {}
    for row in report.rows:
        if row.evidence is not None and row.evidence.notes:
            noted.setdefault("; ".join(row.evidence.notes), []).append(row)
    told_apart = sorted(noted, key=lambda note: -len(noted[note]))
    for note in told_apart[:_MOST_NOTES]:
        noun = "Interval" if len(noted[note]) == 1 else "Intervals"
        yield f"{noun} of {_names(noted[note])}: {note}."
    rest = [row for note in told_apart[_MOST_NOTES:] for row in noted[note]]
    if rest:
        yield f"Intervals with a note of their own (in the HTML report): {_names(rest)}."


def _method(report: Findings) -> Iterator[str]:
    """How it was computed: the last lines."""
    if report.n_passes is not None:
        yield in_passes(report.n_passes)
    if not report.tested:
        return
    yield (
        f"Verdicts at {_percent(report.level)}, {_CORRECTIONS[report.correction]}; noise and"
        f" p-values exchange {report.exchanged};"
        f" {counted(report.n_permutations, 'relabelling')} at most."
    )


def in_passes(n_passes: int) -> str:
    """What a report of rows that were not held in memory says of them."""
    times = "once" if n_passes == 1 else f"up to {n_passes} times"
    return (
        f"Rows were read {times}, in batches: effects are the middles of their bounds, quantiles"
        " those of cells, noise is drawn from cells."
    )


def _percent(level: float) -> str:
    return f"{100.0 * level:.6g} %"
