"""A report as one table of texts, for terminals and Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from .._text import display_width
from .formats import (
    DASH,
    format_effect,
    format_interval,
    format_number,
    format_p,
    format_share,
)
from .rows import ColumnComparison, Findings, Verdict

__all__ = ["MISSING_MARK", "Field", "fields_of", "markdown_table", "verdict_words"]

MISSING_MARK = "≠"
"""Behind rates of missing values that differ."""

_WORDS = {
    Verdict.DIFFERS: "differs",
    Verdict.DIFFERS_LITTLE: "differs, < δ",
    Verdict.WITHIN_NOISE: "within noise",
    Verdict.SAME: "same, < δ",
}


class Field(NamedTuple):
    """A column of the table.

    Attributes
    ----------
    key : str
    title : str
    lines : str
        The title on the lines of a narrow table.
    is_text : bool
        Whether it stands at the left.
    rank : int
        Fields of low rank go first where there is no room; 0 for those that stay.
    text : callable
        What stands there for a row.
    """

    key: str
    title: str
    lines: str
    is_text: bool
    rank: int
    text: Callable[[ColumnComparison], str]


def fields_of(report: Findings) -> tuple[Field, ...]:
    """The fields of an escaped report in which some row has something to say."""
    p = "p" if report.correction == "none" else "p (adjusted)"
    level = f"{100.0 * report.level:.6g} %"
    fields = (
        Field("column", "column", "column", True, 0, lambda row: row.column),
        Field("verdict", "verdict", "verdict", True, 0, verdict_words),
        Field("effect", "effect", "effect", False, 8, _effect),
        Field("measure", "measure", "", True, 2, lambda row: row.measure or DASH),
        Field("interval", f"{level} interval", f"{level}\ninterval", False, 6, _interval),
        Field(
            "p",
            p,
            p.replace(" (adjusted)", "\nadj."),
            False,
            5,
            lambda row: format_p(row.p_adjusted),
        ),
        Field("sd", "in sd", "in sd", False, 4, lambda row: format_number(row.standardized, 2)),
        Field("noise", "noise 95 %", "noise\n95 %", False, 3, _noise),
        Field("missing", "missing A → B", "missing\nA → B", False, 7, _missing),
        Field("js", "JS (nats)", "JS\n(nats)", False, 1, _js),
    )
    return tuple(
        field
        for field in fields
        if field.rank in (0, 8) or any(field.text(row) != DASH for row in report.rows)
    )


def verdict_words(row: ColumnComparison) -> str:
    """What is said of a row, in few words; `Verdict` has the whole of them."""
    if row.left_out is not None:
        return row.left_out
    if row.error is not None:
        return "failed"
    return DASH if row.verdict is None else _WORDS[row.verdict]


def _effect(row: ColumnComparison) -> str:
    return format_effect(row.effect, row.measure, row.unit)


def _interval(row: ColumnComparison) -> str:
    if row.evidence is None:
        return DASH
    return format_interval(row.evidence.low, row.evidence.high, row.measure)


def _noise(row: ColumnComparison) -> str:
    if row.noise is None:
        return DASH
    scale = 100.0 if row.measure == "TV" else 1.0
    return format_number(scale * row.noise.percentile_95, 2)


def _missing(row: ColumnComparison) -> str:
    """Both rates, and whether they differ."""
    rates = row.missing_rate_a, row.missing_rate_b
    if not any(rate > 0.0 for rate in rates):
        return DASH
    a, b = map(format_share, rates)
    told = f"{a.removesuffix(' %')} → {b}"
    differs = row.missing is not None and row.missing.verdict in (
        Verdict.DIFFERS,
        Verdict.DIFFERS_LITTLE,
    )
    return f"{told} {MISSING_MARK}" if differs else told


def _js(row: ColumnComparison) -> str:
    return format_number(row.js_divergence, 2)


def markdown_table(fields: Sequence[Field], rows: Sequence[ColumnComparison]) -> list[str]:
    """Lines of a Markdown table of escaped rows, padded so that it also reads as text."""
    table = [[field.title for field in fields]]
    table += [[field.text(row) for field in fields] for row in rows]
    widths = [max(3, *map(display_width, column)) for column in zip(*table, strict=True)]

    def line(texts: Sequence[str]) -> str:
        padded = []
        for text, width, field in zip(texts, widths, fields, strict=True):
            blanks = " " * (width - display_width(text))
            padded.append(f"{text}{blanks}" if field.is_text else f"{blanks}{text}")
        return f"| {' | '.join(padded)} |"

    rule = [
        "-" * width if field.is_text else "-" * (width - 1) + ":"
        for width, field in zip(widths, fields, strict=True)
    ]
    return [line(table[0]), line(rule), *map(line, table[1:])]
