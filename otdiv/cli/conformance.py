"""`otdiv verify --solver package.module:function`: the laws of solvers on the command line."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._optional import import_optional
from .._text import for_terminal
from .exits import ExitCode, output
from .interrupts import heard, raise_if_interrupted

if TYPE_CHECKING:
    from ..conformance.report import ConformanceReport, LawResult

__all__ = ["add_options", "run"]

_DESCRIPTION = """\
Instead of the claims, run every law that a solver must obey. The solver is a
callable (a, b, C) of weights (n,), (m,) and costs (n, m). A number it returns
is the value, an (n, m) matrix the plan, two vectors in a tuple the potentials
f and g; a tuple bundles them, a mapping or an object names them value, plan,
f, g. Three more names are asked where they are offered: gradients (of x, y,
a, b), epsilon, and entropic (value, f, g and epsilon of the regularised
problem). A parameter epsilon is varied. `python -m pydoc otdiv.conformance`
has the rules.
It runs in processes of its own, and whatever they start ends with them.
"""

_STYLES = {
    "held": "green",
    "broken": "bold red",
    "not applicable": "dim",
    "not offered": "dim",
    "does not run": "bold red",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that speak of a solver to the parser of `otdiv verify`."""
    group = parser.add_argument_group(
        "a solver of your own",
        _DESCRIPTION,
    )
    group.add_argument("--solver", metavar="MODULE:FUNCTION", help="where it is imported from")
    group.add_argument(
        "--tolerance",
        metavar="T",
        type=float,
        help="largest relative miss (default: 1e-9, or 1e-6 with --regularised)",
    )
    group.add_argument(
        "--regularised",
        action="store_true",
        help="the solver is entropic: instead of the optimum, ask for the form of its plan",
    )
    group.add_argument(
        "--law", metavar="ID", action="append", help="run this law only; may be repeated"
    )
    group.add_argument(
        "--call-seconds",
        metavar="S",
        type=float,
        default=60.0,
        help="a call without an answer after so long breaks its law (default: 60)",
    )


def run(
    solver: str,
    *,
    tolerance: float | None = None,
    regularised: bool = False,
    laws: list[str] | None = None,
    call_seconds: float = 60.0,
    examples: int = 50,
    seed: int = 0,
    style: str = "table",
    target: Path | None = None,
) -> int:
    """Run the laws, write the report, and return the exit code."""
    from ..conformance.checking import as_conditions, chosen_laws
    from ..conformance.isolation import check_solver_isolated
    from ..conformance.report import ConformanceReport

    # A solver under development lies in the current folder, as for `python -m`.
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    shown = sys.stderr.isatty()
    rows: list[LawResult] = []

    def tell(row: LawResult) -> None:
        raise_if_interrupted()  # before the row: it may be what became of the interruption
        rows.append(row)
        if shown:
            sys.stderr.write(f"\r\x1b[K{row.law}: {row.verdict.value}")
            sys.stderr.flush()

    how: dict[str, Any] = {
        "tolerance": tolerance,
        "regularised": regularised,
        "examples": examples,
        "seed": seed,
    }
    code = ExitCode.DONE
    try:
        report = check_solver_isolated(
            solver, laws=laws, call_seconds=call_seconds, callback=tell, **how
        )
    except KeyboardInterrupt:
        if not rows:
            raise
        heard()
        code = ExitCode.INTERRUPTED
        report = ConformanceReport(
            solver=solver,
            regularised=regularised,
            tolerance=as_conditions(**how).tolerance,
            rows=tuple(rows),
            n_pending=len(chosen_laws(laws, regularised)) - len(rows),
        )
    if shown:
        sys.stderr.write("\r\x1b[K")
    if report.broken:
        code = max(code, ExitCode.NEGATIVE)
    elif not report.runs:
        code = max(code, ExitCode.PART_FAILED)
    with output(code):
        if target is not None:
            target.write_text(_text(report, style), encoding="utf-8")
        elif style == "table":
            _print_table(report)
        else:
            sys.stdout.write(_text(report, style))
    return code


def _text(report: ConformanceReport, style: str) -> str:
    if style == "json":
        return report.to_json() + "\n"
    if style == "markdown":
        return report.to_markdown()
    return f"{report}\n"


def _print_table(report: ConformanceReport) -> None:
    """Print the laws as a table, then the smallest case of each broken one."""
    report = report.escaped(for_terminal)
    console = import_optional("rich.console", extra="cli", purpose="the terminal table").Console()
    box = import_optional("rich.box", extra="cli", purpose="the terminal table")
    rich_table = import_optional("rich.table", extra="cli", purpose="the terminal table")
    rich_text = import_optional("rich.text", extra="cli", purpose="the terminal table")
    table = rich_table.Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name, justify in (
        ("law", "left"),
        ("statement", "left"),
        ("cases", "right"),
        ("verdict", "left"),
        ("s", "right"),
    ):
        table.add_column(name, justify=justify, no_wrap=name in ("law", "cases", "s"))
    for row in report.rows:
        table.add_row(
            row.law,
            rich_text.Text(row.statement),
            str(row.n_cases),
            rich_text.Text(row.summary, style=_STYLES[row.verdict.value]),
            f"{row.seconds:.1f}",
        )
    console.print(table)
    console.print(rich_text.Text(report.headline, style="bold"))
    for row in report.findings:
        if row.breach is not None:
            console.print(rich_text.Text(f"\n{row.law}: {row.statement}", style="bold red"))
            # Written past rich: code is copied, so it must not be folded or marked up.
            console.file.write(f"{row.breach.code}\n")
