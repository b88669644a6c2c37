"""Numbers and findings of a table report as a person reads them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from .rows import ColumnComparison, Findings, JointComparison

__all__ = [
    "DASH",
    "HEADERS",
    "cells",
    "escaped",
    "format_number",
    "format_share",
    "headlines",
    "markdown_table",
    "within_noise",
]

DASH = "–"

_MAX_NAMES = 6
"""Columns of the joint comparison that a sentence names."""

_ROUNDING = 1e-12
"""Shares that differ from 0 or 1 by less do so by rounding: 4000 ulp of a mean over W1."""

HEADERS = (
    "column",
    "effect",
    "measure",
    "in sd",
    "mean shift",
    "JS (nats)",
    "noise",
    "noise 95 %",
    "missing A",
    "missing B",
)


def escaped(report: Findings, show: Callable[[str], str]) -> Findings:
    """Return a report in which `show` has passed over every word that came with the tables."""

    def name(text: str) -> str:
        return show(text) if text.strip() else f'"{show(text)}"'

    def maybe(text: str | None) -> str | None:
        return None if text is None else show(text)

    joint = report.joint
    if joint is not None:
        joint = replace(joint, columns=tuple(map(name, joint.columns)))
    return replace(
        report,
        rows=tuple(
            replace(row, column=name(row.column), unit=maybe(row.unit), error=maybe(row.error))
            for row in report.rows
        ),
        joint=joint,
        name_a=show(report.name_a),
        name_b=show(report.name_b),
        only_a=tuple(map(name, report.only_a)),
        only_b=tuple(map(name, report.only_b)),
        weights=maybe(report.weights),
    )


def format_number(value: float | None, digits: int = 4) -> str:
    """Round to significant digits, without an exponent between 1e-4 and 1e7.

    Examples
    --------
    >>> [format_number(v) for v in (11.749269, 0.0243173, 52.48448, 0.0, 1234567.8, 3e-7, None)]
    ['11.75', '0.02432', '52.48', '0', '1,234,568', '3e-07', '–']
    """
    if value is None:
        return DASH
    if value == 0.0:
        return "0"
    if not math.isfinite(value):
        return "∞" if value > 0.0 else "-∞" if value < 0.0 else DASH
    exponent = math.floor(math.log10(abs(value)))
    if exponent < -4 or exponent >= 7:
        return f"{value:.{digits}g}"
    return f"{value:,.{max(0, digits - 1 - exponent)}f}"


def format_share(share: float | None) -> str:
    """Percent with two or three digits; neither 0 % nor 100 % unless it is so.

    Examples
    --------
    >>> [format_share(v) for v in (0.0, 1e-6, 0.01929, 0.9951, 0.99999, 1.0 - 1e-14, None)]
    ['0 %', '<0.1 %', '1.9 %', '99.5 %', '>99.9 %', '100 %', '–']
    """
    if share is None or math.isnan(share):
        return DASH
    if share < _ROUNDING:
        return "0 %"
    if share > 1.0 - _ROUNDING:
        return "100 %"
    if share < 0.0005:
        return "<0.1 %"
    if share > 0.9995:
        return ">99.9 %"
    return f"{100.0 * share:.1f} %"


def with_unit(value: float | None, unit: str | None, digits: int = 4) -> str:
    """Return a rounded number and its unit."""
    text = format_number(value, digits)
    return text if unit is None or value is None else f"{text} {unit}"


def within_noise(row: ColumnComparison | JointComparison) -> bool:
    """Whether the effect is at most the 95th percentile of the same-law noise."""
    known = row.effect is not None and row.noise is not None
    return known and row.effect <= row.noise.percentile_95  # type: ignore[operator, union-attr]


def cells(row: ColumnComparison) -> tuple[str, ...]:
    """Return the texts of a row under `HEADERS`."""
    noise = row.noise
    return (
        row.column,
        "failed" if row.effect is None else with_unit(_scaled(row, row.effect), _unit(row)),
        row.measure or DASH,
        format_number(row.standardized, 2),
        format_share(row.shift_share),
        format_number(row.js_divergence, 2),
        DASH if noise is None else format_number(_scaled(row, noise.median), 2),
        DASH if noise is None else format_number(_scaled(row, noise.percentile_95), 2),
        format_share(row.missing_rate_a),
        format_share(row.missing_rate_b),
    )


def _unit(row: ColumnComparison) -> str | None:
    """Return the unit in which an effect is shown: a total variation is a share of the rows."""
    return "%" if row.measure == "TV" else row.unit


def _scaled(row: ColumnComparison, value: float) -> float:
    return 100.0 * value if row.measure == "TV" else value


def markdown_table(report: Findings) -> list[str]:
    """Lines of a Markdown table of an escaped report, padded so that it also reads as text."""
    table = [HEADERS, *map(cells, report.rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    left = {0, 2}

    def line(texts: Sequence[str]) -> str:
        padded = (
            text.ljust(width) if index in left else text.rjust(width)
            for index, (text, width) in enumerate(zip(texts, widths, strict=True))
        )
        return f"| {' | '.join(padded)} |"

    rule = (
        ("-" * width) if index in left else ("-" * (width - 1) + ":")
        for index, width in enumerate(widths)
    )
    return [line(table[0]), f"| {' | '.join(rule)} |", *map(line, table[1:])]


def headlines(report: Findings) -> Iterator[str]:
    """Yield the findings of an escaped report, one sentence or two each."""
    yield from _largest(report)
    equal = [row.column for row in report.rows if _is_same(row)]
    if equal:
        yield f"The same in both tables: {', '.join(equal)}."
    quiet = [row.column for row in report.rows if row.effect and within_noise(row)]
    if quiet:
        yield f"Within the noise of A itself (effect at most noise 95 %): {', '.join(quiet)}."
    if report.joint is not None:
        yield _joint(report.joint)
    for row in report.failed:
        yield f"{row.column} could not be compared: {row.error}."
    for name, columns in (("A", report.only_a), ("B", report.only_b)):
        if columns:
            yield f"Only in {name}, not compared: {', '.join(columns)}."
    if report.weights is not None:
        source = "" if report.weights == "given" else f" by {report.weights}"
        yield f"Rows are weighted{source}; missing rates count rows."
    yield from _noise(report)


def _is_same(row: ColumnComparison) -> bool:
    """Whether a column's distributions are equal, for numbers up to the rounding of the bounds."""
    if row.effect != 0.0 or row.bounds is None:
        return row.effect == 0.0
    return row.bounds.upper <= _ROUNDING * (row.pooled_sd or 0.0)


def _largest(report: Findings) -> Iterator[str]:
    """Name the column that moved most, in each unit that several columns share, or else in all."""
    groups: dict[str, list[ColumnComparison]] = {}
    for row in report.rows:
        if row.effect is not None and row.unit is not None:
            groups.setdefault(row.unit, []).append(row)
    shared = {unit: rows for unit, rows in groups.items() if len(rows) > 1}
    for unit, rows in shared.items():
        row = max(rows, key=lambda row: row.effect or 0.0)
        yield f"In {unit}, {row.column} moved most: {_finding(row)}."
    if not shared and len(report.rows) > 1 and report.rows[0].effect:
        row = report.rows[0]
        yield f"{row.column} moved most: {_finding(row)}."


def _finding(row: ColumnComparison) -> str:
    effect = math.nan if row.effect is None else row.effect
    text = f"{row.measure} = {with_unit(_scaled(row, effect), _unit(row))}"
    times = row.effect / row.noise.median if row.effect and row.noise and row.noise.median else 0.0
    if 0.0 < times < math.inf:
        text += f", {format_number(times, 2)} times the median noise"
    if row.mean_difference is not None and row.shift_share is not None:
        direction = "up" if row.mean_difference > 0.0 else "down"
        size = with_unit(abs(row.mean_difference), row.unit)
        text += f"; its mean moved {direction} by {size}, {format_share(row.shift_share)} of W1"
    return text


def _joint(joint: JointComparison) -> str:
    names = ", ".join(joint.columns)
    if len(joint.columns) > _MAX_NAMES:
        names = f"the {len(joint.columns)} numeric columns"
    if joint.effect is None:
        return f"Jointly ({names}): not compared, {joint.error}."
    text = f"Jointly, sliced W1 of {names} in sd: {format_number(joint.effect, 3)}"
    if joint.standard_error is not None:
        text += f" ± {format_number(joint.standard_error, 1)}"
    if joint.noise is not None:
        low, high = joint.noise.median, joint.noise.percentile_95
        text += f" (noise {format_number(low, 2)}, 95 % {format_number(high, 2)})"
    return (
        f"{text}, from {joint.n_a:,} and {joint.n_b:,} complete rows"
        f" and {joint.n_projections} projections."
    )


def _noise(report: Findings) -> Iterator[str]:
    floors = [row.noise for row in report.rows if row.noise is not None]
    if not floors:
        return
    sizes = [size for floor in floors for size in floor.sizes]
    low, high = min(sizes), max(sizes)
    rows = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    yield (
        f"Noise: the same measure between random parts of the pooled rows, of the tables' sizes"
        f" ({rows} rows)."
    )
