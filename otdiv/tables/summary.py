"""A report as a comment on a pull request: the outcome, what differs, and the rest folded."""

from __future__ import annotations

from .._text import code_span, for_markdown, for_terminal, shortened
from .formats import counted
from .naming import telling_names
from .outline import fields_of, markdown_table
from .rows import Findings
from .wording import escaped, headlines, outcome

__all__ = ["markdown_summary"]

_MOST_ROWS = 10
"""Columns that differ in the table that is not folded."""

_SHOWN = ("column", "verdict", "effect", "interval", "p", "missing")
"""Fields of that table, which is to fit beside a discussion."""

_NAME_WIDTH = 60
"""Characters of a name, where the column beside it is to be seen as well; by taste."""


def markdown_summary(report: Findings, gate: str | None = None) -> str:
    """Short Markdown of a report, with a gate's result if there is one."""
    shown = escaped(report, for_markdown, _NAME_WIDTH)
    fields = fields_of(shown)
    differing = shown.differing
    lines = [f"**{outcome(shown)}**", "", _tables(report)]
    if gate is not None:
        lines += ["", for_markdown(gate)]
    if differing:
        short = [field for field in fields if field.key in _SHOWN]
        lines += ["", *markdown_table(short, differing[:_MOST_ROWS])]
        more = len(differing) - _MOST_ROWS
        if more > 0:
            verb = "differs" if more == 1 else "differ"
            lines += ["", f"{counted(more, 'more column', 'more columns')} {verb}; they are below."]
    folded = f"{counted(len(shown.rows), 'column')} in full, and how they were compared"
    lines += [
        "",
        f"<details><summary>{folded}</summary>",
        "",
        *markdown_table(fields, shown.rows),
        "",
        *(f"- {line}" for line in headlines(shown)),
        "",
        "</details>",
    ]
    return "\n".join(lines) + "\n"


def _tables(report: Findings) -> str:
    names = telling_names(report.name_a, report.name_b)
    a, b = (code_span(shortened(for_terminal(name), _NAME_WIDTH)) for name in names)
    rows = counted(report.rows_a, "row"), counted(report.rows_b, "row")
    return f"A: {a} ({rows[0]}), B: {b} ({rows[1]})"
