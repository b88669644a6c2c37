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
from .._text import for_csv, for_terminal
from ..errors import InvalidInputError
from . import compare_batches
from .exits import EXIT_CODES, ExitCode, output
from .interrupts import raise_if_interrupted

if TYPE_CHECKING:
    from rich.console import Console

    from ..tables.batch_report import BatchReport
    from ..tables.comparison import TableProgress
    from ..tables.report import TableReport

__all__ = ["add_parser", "run"]

_SUFFIXES = {
    ".json": "json",
    ".csv": "csv",
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "table",
    "": "table",
}
_KINDS = {
    "category": "names, whatever they look like: ZIP codes, 1 to 5",
    "number": "numbers, also where they are texts or booleans",
    "time": "times, by a FORMAT of strptime, or s, ms, us, ns since 1970",
    "ignore": "not to be compared",
}
_FILE_WIDTH = 100
"""Characters a line of a table that is written to a file."""

_DESCRIPTION = """\
How table B differs from table A, one row for each column that both have, the
column that moved most first.

  effect      W1, the Wasserstein distance, for numbers and times: how far a
              value moves on average, in the column's own unit; for ordered
              categories, in ranks. TV, the total variation, for texts, other
              categories and booleans: the share of rows that would have to
              change their category.
  in sd       W1 over the pooled standard deviation. Rows are sorted by it, and
              categories stand among them by their TV.
  mean shift  The share of W1 that a plain shift of the mean explains. 100 %:
              all moved one way; 0 %: only the shape changed.
  JS          Jensen-Shannon divergence of categories, in nats.
  noise       The same effect between random halves of A, where nothing changed:
              median and 95th percentile. An effect below it says nothing.
  missing     Missing values over rows; they take no part in the effect.

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

examples
  otdiv compare january.parquet july.parquet --units dep_delay=min,distance=mi
  otdiv compare train.csv live.csv --columns age,income --format markdown
  otdiv compare survey.csv census.csv --weights weight --output report.json
  otdiv compare 2023.csv 2024.csv --category zip --ignore id --na "?"
  otdiv compare march.csv april.csv may.csv june.csv
  otdiv compare flights.parquet --by carrier --reference UA
  otdiv compare flights.parquet --over day --every 1w --reference 2013-01
  otdiv compare train.parquet live.parquet --over time --every 1d

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
    what = parser.add_argument_group("what to compare")
    what.add_argument(
        "--columns",
        metavar="NAME,…",
        action="append",
        type=_names,
        help="only these columns (may be repeated)",
    )
    what.add_argument(
        "--units",
        metavar="NAME=UNIT,…",
        action="append",
        type=_units,
        help="units of numeric columns, to be printed; times know s, min, h and d",
    )
    what.add_argument(
        "--weights",
        metavar="NAME",
        help="column with the rows' weights; a table without it weighs its rows alike",
    )
    for kind, meaning in _KINDS.items():
        what.add_argument(
            f"--{kind}",
            metavar="NAME[=FORMAT],…" if kind == "time" else "NAME,…",
            action="append",
            type=_names,
            help=meaning,
        )
    written_as = parser.add_argument_group("how texts are written, where it is not to be found")
    written_as.add_argument("--delimiter", metavar="C", help="between cells; tab for a tab")
    written_as.add_argument("--decimal", metavar="C", help="the decimal mark, . or ,")
    written_as.add_argument("--encoding", metavar="NAME", help="such as cp1252 or utf-16-le")
    written_as.add_argument(
        "--na",
        metavar="TEXT",
        action="append",
        default=[],
        help="a missing value is written so (may be repeated); also in workbooks",
    )
    noise = parser.add_argument_group("noise floor")
    noise.add_argument(
        "--permutations",
        metavar="N",
        type=int,
        default=9999,
        help="relabellings of the rows at most (default: 9999)",
    )
    noise.add_argument(
        "--rng",
        metavar="SEED",
        type=int,
        default=0,
        help="seed of the splits and projections (default: 0)",
    )
    written = parser.add_argument_group("output")
    written.add_argument(
        "--format",
        choices=("table", "json", "csv", "markdown"),
        help="by default what the suffix of --output says, else a table; csv puts an apostrophe "
        "before names that a spreadsheet would run as a formula",
    )
    written.add_argument(
        "--output",
        metavar="FILE",
        type=Path,
        help="write there, not to stdout: .json, .csv, .md, .markdown, .txt (a table)",
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
    from ..tables.comparison import compare_tables

    columns = options.columns and [name for names in options.columns for name in names]
    arguments = {
        "columns": columns,
        "weights": options.weights,
        "units": {name: unit for pairs in options.units or () for name, unit in pairs},
        "kinds": _told(options),
        "delimiter": options.delimiter,
        "decimal": options.decimal,
        "encoding": options.encoding,
        "na": options.na,
        "rng": options.rng,
        "n_permutations": options.permutations,
    }
    report: TableReport | BatchReport
    with _progress() as callback:
        if compare_batches.is_asked(options):
            report = compare_batches.compare(options, arguments, callback)
        else:
            report = compare_tables(options.a, options.b[0], callback=callback, **arguments)
    raise_if_interrupted()  # it may have been taken for the failure of a column
    code = ExitCode.PART_FAILED if report.failed else ExitCode.DONE
    with output(code):
        text = _render(report, style, target)
        if text is not None:
            if target is None:
                sys.stdout.write(text)
            else:
                target.write_text(text, encoding="utf-8")
    return code


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise argparse.ArgumentTypeError(f"expected NAME or NAME,NAME, got {text!r}")
    return names


def _told(options: argparse.Namespace) -> dict[str, str]:
    """Kinds by the names of columns; a column may have one only."""
    told: dict[str, str] = {}
    for kind in _KINDS:
        for part in (name for names in getattr(options, kind) or () for name in names):
            name, equals, written = part.rpartition("=") if kind == "time" else (part, "", "")
            if not equals:
                name = part
            if told.setdefault(name, kind) != kind:
                requirement = "differ from the columns of another kind"
                raise InvalidInputError(f"--{kind}", requirement, name)
            if equals:
                told[name] = f"{kind}:{written}"
    return told


def _units(text: str) -> list[tuple[str, str]]:
    pairs = []
    for part in text.split(","):
        name, equals, unit = (piece.strip() for piece in part.rpartition("="))
        if not (name and equals and unit):
            raise argparse.ArgumentTypeError(f"expected NAME=UNIT, got {part!r}")
        pairs.append((name, unit))
    return pairs


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
            name = for_terminal(f"{batch}{progress.column}")
            bar.update(task, completed=progress.done, total=progress.total, description=name)

        yield show


def _render(report: TableReport | BatchReport, style: str, target: Path | None) -> str | None:
    """Return the text to write; None if it is on the terminal already."""
    if style == "json":
        return report.to_json() + "\n"
    if style == "markdown":
        return report.to_markdown()
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
