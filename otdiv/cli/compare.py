"""`otdiv compare A B`: how two tables differ, column by column."""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._optional import import_optional
from .._text import for_csv, for_terminal, shortened
from ..errors import InvalidInputError
from . import compare_batches
from .exits import EXIT_CODES, ExitCode, output, say
from .interrupts import raise_if_interrupted
from .settings import add_settings, read_settings

if TYPE_CHECKING:
    from rich.console import Console

    from ..tables.batches.report import BatchReport
    from ..tables.gate import Gate
    from ..tables.progress import TableProgress
    from ..tables.report import TableReport

__all__ = ["add_parser", "run"]

_SUFFIXES = {
    ".json": "json",
    ".csv": "csv",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".txt": "table",
    "": "table",
}
_BAR_NAME = 24
"""Cells of a column's name beside the bar of progress."""

_FILE_WIDTH = 100
"""Characters a line of a table that is written to a file."""

_DESCRIPTION = """\
How table B differs from table A, one row for each column that both have: what
differs first, the column that moved most at the top.

  effect      W1, the Wasserstein distance, for numbers and times: how far a
              value moves on average, in the column's own unit; for ordered
              categories, in ranks. TV, the total variation, for texts, other
              categories and booleans: the share of rows that would have to
              change their category.
  in sd       W1 over the pooled standard deviation. Rows are sorted by it, and
              categories stand among them by their TV.
  interval    Where the effect between the laws behind the tables lies, for
              each column by itself.
  JS          Jensen-Shannon divergence of categories, in nats.
  noise 95 %  The same effect between random parts of the pooled rows, of the
              tables' sizes, where nothing changed: 95 % of the parts are below.
  p           How often chance alone goes as far: the share of such parts, whose
              rows are taken to be exchangeable, after a correction for the
              number of columns. The verdict looks at it, and at the tolerance.
  missing     Missing values over rows; they take no part in the effect, and
              have a verdict of their own.

The numeric columns, standardised, are also compared jointly, by the sliced W1.

Several B, --by or --over make many comparisons with one reference: a grid of
columns by batches, whose verdicts are corrected for the number of all of them.
"""

_EPILOG = (
    """\
tables
  .csv, .tsv, .txt (also .gz, .bz2, .zst, .zip): delimiter, decimal mark and
    encoding are found, or asked for
  .parquet, .arrow, .feather, .orc, .jsonl, .npy, .npz; never a pickle
  .xlsx, .xlsb, .xls, .ods, and the sheet after "::"       book.xlsx::2024
  .sqlite, .db, .duckdb, and a table or query after "::"   f.db::"select …"
  a folder or a pattern of files of one format; folders name=value are columns
  -, standard input
  The last suffix counts. A Parquet or Arrow file may state a unit in a field's
  metadata, key "units".

gate
  differs      a verdict is "differs", not by less than the tolerance
  tolerance    the lower end of an interval is above the tolerance
  missing      the same of the shares of missing values: their verdict, or, with
               --missing-tolerance, the lower end of their interval
  schema       a column is added, lost or of another type

examples
  otdiv compare january.parquet july.parquet --units dep_delay=min,distance=mi
  otdiv compare train.csv live.csv --columns age,income --format markdown
  otdiv compare survey.csv census.csv --weights weight --output report.json
  otdiv compare 2023.csv 2024.csv --category zip --ignore id --na "?"
  otdiv compare may.csv june.csv --tolerance delay=5min,0.1sd --blocks day
  otdiv compare main.csv new.csv --fail-on differs,missing,schema \\
    --format summary >> "$GITHUB_STEP_SUMMARY"
  otdiv compare march.csv april.csv may.csv june.csv
  otdiv compare flights.parquet --by carrier --reference UA
  otdiv compare flights.parquet --over day --every 1w --reference 2013-01
  otdiv compare train.parquet live.parquet --over time --every 1d

config, in pyproject.toml
  [tool.otdiv.compare]
  fail-on = ["tolerance", "missing", "schema"]
  tolerance = { delay = "5min", "*" = "0.1sd" }    # "*": all other columns
  missing-tolerance = "2%"
  kinds = { zip = "category", id = "ignore", day = "time:%d.%m.%Y" }
  units = { delay = "min" }

"""
    + EXIT_CODES
)


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "compare",
        help="how two tables differ, column by column, in the columns' own units",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="otdiv compare A B [B …] [options]",
    )
    tables = parser.add_argument_group("tables")
    tables.add_argument("a", metavar="A", help="the reference table")
    tables.add_argument(
        "b",
        metavar="B",
        nargs="*",
        help="the table to compare with it, or several; none beside --by",
    )
    compare_batches.add_arguments(parser)
    add_settings(parser)
    written = parser.add_argument_group("output")
    written.add_argument(
        "--format",
        choices=("table", "json", "csv", "markdown", "summary", "html"),
        help="by default what the suffix of --output says, else a table; summary is short "
        "Markdown for a pull request; csv puts an apostrophe before names that a spreadsheet "
        "would run as a formula",
    )
    written.add_argument(
        "--output",
        metavar="FILE",
        type=Path,
        help="write there, not to stdout: .json, .csv, .md, .markdown, .html, .txt (a table)",
    )
    parser.set_defaults(run=run, usage_error=parser.error)


def run(options: argparse.Namespace) -> int:
    """Compare, print or write the report, and return the exit code."""
    target: Path | None = options.output
    compare_batches.check_arguments(options)
    _check_target(target, (options.a, *options.b))
    style = options.format or _style(target)
    if style == "table":
        import_optional("rich", extra="cli", purpose="the terminal table")
    if style == "html":  # before the work is done rather than after
        import_optional("jinja2", extra="report", purpose="the HTML report")
        import_optional("matplotlib", extra="report", purpose="the HTML report")
    settings = read_settings(options)
    from ..tables.comparison import compare_tables

    report: TableReport | BatchReport
    with _progress() as callback:
        if compare_batches.is_asked(options):
            report = compare_batches.compare(options, settings.arguments, callback)
        else:
            b = options.b[0]
            report = compare_tables(options.a, b, callback=callback, **settings.arguments)
    raise_if_interrupted()  # it may have been taken for the failure of a column
    gate = report.gate(*settings.fail_on) if settings.fail_on else None
    code = _code(report, gate)
    try:
        with output(code):
            text = _render(report, gate, style, target)
            if text is not None:
                if target is None:
                    sys.stdout.write(text)
                else:
                    target.write_text(text, encoding="utf-8")
    finally:
        _say_failures(gate)
    return code


def _code(report: TableReport | BatchReport, gate: Gate | None) -> ExitCode:
    if gate is not None and not gate.passed:
        return ExitCode.NEGATIVE
    return ExitCode.PART_FAILED if report.failed else ExitCode.DONE


def _say_failures(gate: Gate | None) -> None:
    """A line on stderr for each check that a column fails."""
    for failure in () if gate is None else gate.failures:
        say(f"--fail-on {failure.check}: {failure.sentence}")


def _style(target: Path | None) -> str:
    """Return the format that the suffix of the target names."""
    if target is None:
        return "table"
    style = _SUFFIXES.get(target.suffix.lower())
    if style is None:
        known = ", ".join(filter(None, _SUFFIXES))
        requirement = f"end in {known}, or come with --format"
        raise InvalidInputError("--output", requirement, str(target))
    return style


def _check_target(target: Path | None, inputs: Sequence[str]) -> None:
    """Refuse a target before the work is done rather than after."""
    if target is None:
        return
    if target.name == "-":
        raise InvalidInputError("--output", "be a file; without it all goes to stdout", "-")
    if not target.parent.is_dir():
        raise InvalidInputError("--output", "lie in a folder that exists", str(target))
    if target.is_dir():
        raise InvalidInputError("--output", "be a file", str(target))
    if not os.access(target if target.exists() else target.parent, os.W_OK):
        raise InvalidInputError("--output", "be writable", str(target))
    if target.exists() and any(target.samefile(path) for path in inputs if Path(path).exists()):
        raise InvalidInputError("--output", "differ from both inputs", str(target))


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[TableProgress], None] | None]:
    """Yield a callback that moves a bar on stderr; None where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    rich_console = import_optional("rich.console", extra="cli", purpose="the progress bar")
    rich_progress = import_optional("rich.progress", extra="cli", purpose="the progress bar")
    bar = rich_progress.Progress(
        rich_progress.SpinnerColumn(),
        rich_progress.TextColumn("{task.description}", markup=False),
        rich_progress.BarColumn(bar_width=30),
        rich_progress.MofNCompleteColumn(),
        console=rich_console.Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task("reading", total=None)

        def show(progress: TableProgress) -> None:
            batch = "" if progress.batch is None else f"{progress.batch}: "
            name = shortened(for_terminal(f"{batch}{progress.column}"), _BAR_NAME)
            if progress.draws:
                name += f", {progress.draws:,} relabellings"
            bar.update(task, completed=progress.done, total=progress.total, description=name)

        yield show


def _render(
    report: TableReport | BatchReport, gate: Gate | None, style: str, target: Path | None
) -> str | None:
    """Return the text to write; None if it is on the terminal already."""
    if style == "json":
        return report.to_json() + "\n"
    if style == "markdown":
        return report.to_markdown()
    if style == "summary":
        return report.to_summary(None if gate is None else gate.summary)
    if style == "html":
        return report.to_html(gate=gate)
    if style == "csv":
        return _csv(report)
    console = import_optional("rich.console", extra="cli", purpose="the terminal table")
    if target is None:
        _print(report, console.Console())
        return None
    stream = io.StringIO()
    _print(report, console.Console(file=stream, width=_FILE_WIDTH))
    return stream.getvalue()


def _print(report: TableReport | BatchReport, console: Console) -> None:
    """A table of columns, or a grid of columns by batches."""
    from ..tables.report import TableReport

    if isinstance(report, TableReport):
        from .terminal import print_report

        print_report(report, console)
    else:
        from .terminal_batches import print_batches

        print_batches(report, console)


def _csv(report: TableReport | BatchReport) -> str:
    records = report.to_records()
    stream = io.StringIO()
    writer = csv.DictWriter(stream, fieldnames=list(records[0]), lineterminator="\n")
    writer.writeheader()
    for record in records:
        texts = {name: for_csv(value) for name, value in record.items() if isinstance(value, str)}
        writer.writerow(record | texts)
    return stream.getvalue()
