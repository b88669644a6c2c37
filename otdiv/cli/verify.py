"""`otdiv verify`: run the claims of the literature, and show which hold."""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._optional import import_optional
from ..errors import InvalidInputError
from . import conformance
from .exits import EXIT_CODES, ExitCode, output
from .interrupts import heard, raise_if_interrupted

if TYPE_CHECKING:
    from rich.console import Console

    from ..theory.claim import Outcome
    from ..theory.verification import VerificationProgress, VerificationReport

__all__ = ["add_parser", "run"]

_SUFFIXES = {".json": "json", ".md": "markdown", ".markdown": "markdown"}
_FILE_WIDTH = 120
"""Characters a line of a table that is written to a file."""

_DESCRIPTION = """\
Run claims of papers about divergences, Wasserstein distances and GANs on random
cases. A statement that is printed wrongly in its source stands in the list as
it is printed, and has to be refuted; its correction stands beside it.

  cases    How many were drawn.
  slack    How far the worst case was from breaking the statement. Equalities:
           1 - error / tolerance, so 1 is perfect. Inequalities: distance of the
           two sides over the larger one, so 0 is sharp. Negative is broken.
  verdict  held, refuted (a false statement, as expected), not run (no machine
           can test it), or BROKEN: then the counterexample follows, shrunk, as
           a program.

Ctrl-C ends a run with the report of what was finished, marked as partial.
"""

_EPILOG = (
    """\
examples
  otdiv verify
  otdiv verify --topic duality --topic topology --examples 1000
  otdiv verify --claim pinsker --claim theorem-3 --rng 7
  otdiv verify --format markdown --output catalogue.md
  otdiv verify --solver mypackage.ot:emd --tolerance 1e-9

"""
    + EXIT_CODES
)


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "verify",
        help="run the claims of the literature on random cases",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="otdiv verify [options]",
    )
    which = parser.add_argument_group("which claims (all by default)")
    which.add_argument("--claim", metavar="ID", action="append", help="this one (repeatable)")
    which.add_argument("--topic", metavar="NAME", action="append", help="this chapter (repeatable)")
    how = parser.add_argument_group("how")
    how.add_argument(
        "--examples",
        metavar="N",
        type=int,
        help="cases a claim, but for rates and statistics, which have a budget of their own "
        "(default: 200; of a law of solvers: 50)",
    )
    how.add_argument(
        "--rng", metavar="SEED", type=int, default=0, help="seed of the cases (default: 0)"
    )
    written = parser.add_argument_group("output")
    written.add_argument(
        "--format",
        choices=("table", "json", "markdown"),
        help="by default what the suffix of --output says, else a table",
    )
    written.add_argument("--output", metavar="FILE", type=Path, help="write there, not to stdout")
    conformance.add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the claims, print or write the report, and return the exit code."""
    target: Path | None = options.output
    style = options.format
    if style is None:
        style = "table" if target is None else _SUFFIXES.get(target.suffix.lower(), "table")
    _check_target(target)
    if style == "table":
        import_optional("rich", extra="cli", purpose="the terminal table")
    if options.solver is not None:
        return _check_solver(options, style, target)
    _check_solver_options(options)
    report = _verified(options)
    code = ExitCode.DONE if report.all_as_expected else ExitCode.NEGATIVE
    if report.n_pending:
        code = ExitCode.INTERRUPTED
    with output(code):
        text = _render(report, style, target)
        if text is not None and target is None:
            sys.stdout.write(text)
        elif text is not None and target is not None:
            target.write_text(text, encoding="utf-8")
            sys.stderr.write(f"{report.summary()}\n")
    return code


def _verified(options: argparse.Namespace) -> VerificationReport:
    """Run the claims; after an interruption, report on those that had been finished."""
    from ..theory.verification import VerificationReport, verify

    examples = 200 if options.examples is None else options.examples
    outcomes: list[Outcome] = []
    total, start = 0, time.perf_counter()
    try:
        with _progress() as show:

            def callback(progress: VerificationProgress) -> None:
                nonlocal total
                raise_if_interrupted()  # before the outcome, which may be what became of it
                total = progress.total
                if progress.outcome is not None:
                    outcomes.append(progress.outcome)
                if show is not None:
                    show(progress)

            return verify(
                options.claim,
                topics=options.topic,
                examples=examples,
                rng=options.rng,
                callback=callback,
            )
    except KeyboardInterrupt:
        if not outcomes:
            raise
        heard()
        return VerificationReport(
            outcomes=tuple(outcomes),
            examples=examples,
            seconds=time.perf_counter() - start,
            n_pending=total - len(outcomes),
        )


def _check_solver(options: argparse.Namespace, style: str, target: Path | None) -> int:
    """Run the laws of solvers instead of the claims."""
    if options.claim or options.topic:
        raise InvalidInputError("--claim", "be left out with --solver: its laws are run")
    return conformance.run(
        options.solver,
        tolerance=options.tolerance,
        regularised=options.regularised,
        laws=options.law,
        call_seconds=options.call_seconds,
        examples=50 if options.examples is None else options.examples,
        seed=options.rng,
        style=style,
        target=target,
    )


def _check_solver_options(options: argparse.Namespace) -> None:
    for name in ("tolerance", "regularised", "law"):
        if getattr(options, name):
            raise InvalidInputError(f"--{name}", "come with --solver")


def _check_target(target: Path | None) -> None:
    """Refuse a target before the work is done rather than after."""
    if target is not None and (target.is_dir() or not target.parent.is_dir()):
        raise InvalidInputError("--output", "be a file in a folder that exists", str(target))


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[VerificationProgress], object] | None]:
    """Yield a callback that moves a bar on stderr; None where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    rich_console = import_optional("rich.console", extra="cli", purpose="the progress bar")
    rich_progress = import_optional("rich.progress", extra="cli", purpose="the progress bar")
    bar = rich_progress.Progress(
        rich_progress.SpinnerColumn(),
        rich_progress.BarColumn(bar_width=30),
        rich_progress.MofNCompleteColumn(),
        rich_progress.TextColumn("{task.description}"),
        console=rich_console.Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task("", total=None)

        def show(progress: VerificationProgress) -> None:
            name = "" if progress.claim is None else progress.claim.id
            bar.update(task, completed=progress.done, total=progress.total, description=name)

        yield show


def _render(report: VerificationReport, style: str, target: Path | None) -> str | None:
    """Return the text to write; None if it is on the terminal already."""
    if style == "json":
        return report.to_json() + "\n"
    if style == "markdown":
        return report.to_markdown()
    console = import_optional("rich.console", extra="cli", purpose="the terminal table")
    if target is None:
        _print(report, console.Console())
        return None
    stream = io.StringIO()
    _print(report, console.Console(file=stream, width=_FILE_WIDTH))
    return stream.getvalue()


def _print(report: VerificationReport, console: Console) -> None:
    """Print the table, the counterexamples of what is wrong, and the summary."""
    box = import_optional("rich.box", extra="cli", purpose="the terminal table")
    rich_table = import_optional("rich.table", extra="cli", purpose="the terminal table")
    text = import_optional("rich.text", extra="cli", purpose="the terminal table")
    group = import_optional("rich.console", extra="cli", purpose="the terminal table").Group
    indented = import_optional("rich.padding", extra="cli", purpose="the terminal table").Padding
    # One space between columns: with it, the longest name fits into eighty columns.
    table = rich_table.Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False)
    table.add_column("claim", overflow="fold", ratio=1)
    for header in ("cases", "slack"):
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("s", justify="right", no_wrap=True)
    for outcome in report.outcomes:
        word, style = _VERDICTS[outcome.verdict.name]
        skipped = outcome.verdict.name == "SKIPPED"
        table.add_row(
            # One above the other: side by side, eighty columns are too few for either.
            group(
                text.Text(outcome.claim.id, style="dim" if skipped else "bold"),
                indented(text.Text(outcome.claim.statement), (0, 0, 0, 2)),
            ),
            "" if skipped else str(outcome.n_cases),
            "" if skipped else f"{outcome.worst_slack:.2g}",
            text.Text(word, style=style),
            "" if skipped else f"{outcome.seconds:.{int(outcome.seconds < 1000.0)}f}",
        )
    console.print(table)
    for outcome in report.unexpected:
        console.print(text.Text(f"{outcome.claim.id}: {outcome.verdict.value}", style="bold red"))
        console.print(text.Text(outcome.claim.statement), soft_wrap=True)
        if outcome.error:
            console.print(text.Text(outcome.error), soft_wrap=True)
        if outcome.violation is not None:
            # Uncut and unindented: it is there to be copied and run.
            console.print(text.Text(outcome.violation.code), soft_wrap=True)
        console.print()
    console.print(text.Text(report.summary()), soft_wrap=True)


_VERDICTS = {
    "HELD": ("held", "green"),
    "REFUTED": ("refuted", "green"),
    "VIOLATED": ("BROKEN", "bold red"),
    "NOT_REFUTED": ("NOT REFUTED", "bold red"),
    "SKIPPED": ("not run", "dim"),
}
