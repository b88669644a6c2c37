"""`otdiv distance A B --column NAME`: W1 of one column of two tables of any size."""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from .._text import for_terminal
from ..errors import InvalidInputError
from .exits import EXIT_CODES, ExitCode, output
from .interrupts import heard, raise_if_interrupted

if TYPE_CHECKING:
    from ..streaming.passes import Passes, PassProgress

__all__ = ["add_parser", "run"]

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", re.IGNORECASE)

_DESCRIPTION = """\
W1, the Wasserstein distance, of one column of numbers of two tables that need
not fit into memory: how far a value moves on average, in the column's own unit.

The first pass over both gives proven bounds. Further passes look only where the
bounds are not decided yet, until these meet --rtol or --atol; without either
until the number is exact. Missing values take no part and are counted.
"""

_EPILOG = (
    """\
tables are those of `otdiv compare`; Parquet, Arrow, ORC and DuckDB are read in
parts, of Parquet and DuckDB this column alone; texts and workbooks as a whole

examples
  otdiv distance january.parquet july.parquet --column dep_delay
  otdiv distance "2023/*.parquet" "2024/*.parquet" --column price --rtol 1e-3
  otdiv distance base.duckdb::old base.duckdb::new --column amount --json

"""
    + EXIT_CODES
)


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "distance",
        help="the distance of one column of two tables of any size, with proven bounds",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="otdiv distance A B --column NAME [options]",
    )
    parser.add_argument("a", metavar="A", help="a table")
    parser.add_argument("b", metavar="B", help="another one, with a column of the same name")
    parser.add_argument(
        "--column", metavar="NAME", help="the column; may be left out where there is only one"
    )
    parser.add_argument("--weights", metavar="NAME", help="column with the rows' weights")
    parser.add_argument(
        "--rtol",
        metavar="R",
        type=float,
        help="bounds may be apart by R times the upper one; exit with 3 where they are farther",
    )
    parser.add_argument(
        "--atol", metavar="D", type=float, help="or by D, in the unit of the column"
    )
    parser.add_argument(
        "--max-memory",
        metavar="SIZE",
        type=_size,
        help="for further passes, beside what reading takes: 500M or 2G (default: 256M)",
    )
    parser.add_argument("--json", action="store_true", help="numbers as JSON")
    parser.set_defaults(run=run)


def _size(text: str) -> int:
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise argparse.ArgumentTypeError(f"expected a size such as 500M, got {text!r}")
    return int(float(found[1]) * _UNITS[found[2].upper()])


def run(options: argparse.Namespace) -> int:
    """Read, print, and return the exit code."""
    from .._validation import check_positive_integer, check_tolerance
    from ..sources.columns import open_column
    from ..streaming.passes import LEAST_MEMORY, MEMORY, ColumnPasses, finish

    rtol = check_tolerance("--rtol", options.rtol)
    atol = check_tolerance("--atol", options.atol)
    memory = MEMORY
    if options.max_memory is not None:
        memory = check_positive_integer("--max-memory", options.max_memory, LEAST_MEMORY)
    if options.a == options.b == "-":
        raise InvalidInputError("B", "differ from A where it is standard input", "-")
    sides = (
        open_column(path, options.column, weights=options.weights, argument=name)
        for name, path in (("A", options.a), ("B", options.b))
    )
    with _progress() as callback:
        passes = ColumnPasses(*sides, missing="drop", callback=callback, names=("A", "B"))
        try:
            passes.first()
            finish(passes, rtol, atol, memory)
            raise_if_interrupted()
        except KeyboardInterrupt:
            if passes.comparison is None:
                raise
            heard()
    code = ExitCode.DONE if passes.meets(rtol, atol) else ExitCode.NEGATIVE
    with output(code):
        _print(passes, options)
    return code


def _print(passes: Passes, options: argparse.Namespace) -> None:
    result = passes.result()
    bounds = result.bounds
    if options.json:
        record = {
            "distance": "wasserstein1",
            "value": result.value,
            "lower": bounds.lower,
            "upper": bounds.upper,
            "relative_gap": bounds.relative_gap,
            "passes": result.n_passes,
            "n_a": result.n_x,
            "n_b": result.n_y,
            "missing_a": result.n_missing_x,
            "missing_b": result.n_missing_y,
        }
        sys.stdout.write(json.dumps(record, indent=2) + "\n")
        return
    passed = "1 pass" if result.n_passes == 1 else f"{result.n_passes} passes"
    lines = [
        f"W1            {result.value:.12g}",
        f"at least      {bounds.lower:.17g}",
        f"at most       {bounds.upper:.17g}",
        f"relative gap  {bounds.relative_gap:.1e} after {passed}",
    ]
    sides = (options.a, result.n_x, result.n_missing_x), (options.b, result.n_y, result.n_missing_y)
    for letter, (name, n, missing) in zip("AB", sides, strict=True):
        without = f", {missing:,} rows without one" if missing else ""
        lines.append(f"{letter}             {n:,} values{without} in {for_terminal(name)}")
    sys.stdout.write("\n".join(lines) + "\n")


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[PassProgress], object] | None]:
    """Yield a callback that keeps a line on stderr; None where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    try:
        yield _show
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


def _show(progress: PassProgress) -> None:
    share = f" {100 * progress.n_rows // progress.total} %," if progress.total else ""
    line = f"pass {progress.n_passes},{share} {progress.n_rows:,} rows"
    if progress.bounds is not None:
        line += f", between {progress.bounds.lower:.6g} and {progress.bounds.upper:.6g}"
    sys.stderr.write(f"\r\x1b[K{line}")
    sys.stderr.flush()
