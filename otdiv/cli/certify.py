"""`otdiv certify FILE.npz`: how wrong the plan and the potentials in a file are."""

from __future__ import annotations

import argparse
import json
import math
import sys
import textwrap
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._optional import import_optional
from .._text import for_terminal
from ..errors import InvalidInputError
from .exits import EXIT_CODES, ExitCode, output
from .interrupts import raise_if_interrupted

if TYPE_CHECKING:
    from ..certifying import Certificate
    from ..results import Progress

__all__ = ["add_parser", "run"]

_COSTS = ("euclidean", "sqeuclidean", "cityblock", "chebyshev")
_POINTS, _ENTRIES = ("x", "y"), ("rows", "columns", "mass")
_NAMES = (*_POINTS, "C", "plan", *_ENTRIES, "f", "g", "x_weights", "y_weights", "epsilon")
_TEXT_WIDTH = 100
"""Characters a line of the sentences, also in a wider terminal."""

_DESCRIPTION = """\
Bounds of an optimal transport cost from a plan, from potentials, or from both,
whoever found them and however good they are. The plan is measured, repaired and
priced, which bounds the optimum from above; the potentials are measured, made
feasible and summed, which bounds it from below.

arrays in FILE
  x, y                  points (n, d) and (m, d), or C, costs (n, m)
  plan                  (n, m), or a permutation (n,) of integers; or instead of
  rows, columns, mass   it the entries (k,) of a sparse plan
  f, g                  potentials (n,) and (m,), or one of them
  x_weights, y_weights  (n,) and (m,), uniform where they are missing
  epsilon               of a regularised problem, which is then bounded too
"""

_EPILOG = (
    """\
examples
  otdiv certify answer.npz --cost sqeuclidean
  otdiv certify answer.npz --rtol 1e-3 --json

"""
    + EXIT_CODES
)


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "certify",
        help="how wrong a transport plan or potentials are, by proven bounds of the optimum",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="otdiv certify FILE [options]",
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="an .npz file with these arrays")
    parser.add_argument(
        "--cost", choices=_COSTS, help="ground cost of points (default: euclidean); C needs none"
    )
    parser.add_argument(
        "--rtol",
        metavar="R",
        type=float,
        help="exit with 3 where the bounds are farther apart than R times the upper one",
    )
    parser.add_argument("--json", action="store_true", help="numbers as JSON, null for infinity")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Certify, print, and return the exit code."""
    from .._validation import check_tolerance

    rtol = check_tolerance("--rtol", options.rtol)
    if not options.json:
        import_optional("rich", extra="cli", purpose="the terminal table")
    certificate = _certificate(_arrays(options.file), options.cost)
    raise_if_interrupted()
    closed = rtol is None or certificate.bounds.meets(rtol, 0.0)
    code = ExitCode.DONE if closed else ExitCode.NEGATIVE
    with output(code):
        if options.json:
            sys.stdout.write(json.dumps(_record(certificate), indent=2) + "\n")
        else:
            _print_table(certificate)
    return code


def _arrays(path: Path) -> dict[str, Any]:
    """The arrays of a file by name, none of them a pickle."""
    import numpy as np

    requirement = "be an .npz file, as `numpy.savez` writes it"
    try:
        with path.open("rb") as stream:
            loaded = np.load(stream, allow_pickle=False)
            if not isinstance(loaded, np.lib.npyio.NpzFile):
                raise InvalidInputError("FILE", requirement, str(path))
            arrays = {name: loaded[name] for name in loaded.files}
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, InvalidInputError):
            raise
        raise InvalidInputError("FILE", requirement, str(path), f"({error})") from None
    unknown = [name for name in arrays if name not in _NAMES]
    if unknown:
        raise InvalidInputError("FILE", f"hold arrays of the names {', '.join(_NAMES)}", unknown[0])
    return arrays


def _certificate(arrays: dict[str, Any], cost: str | None) -> Certificate:
    from ..certifying import certify, certify_matrix

    entries = [name for name in _ENTRIES if name in arrays]
    if entries and (len(entries) < len(_ENTRIES) or "plan" in arrays):
        raise InvalidInputError("FILE", "hold rows, columns and mass, or plan instead", entries)
    shared: dict[str, Any] = {
        "plan": tuple(arrays[name] for name in _ENTRIES) if entries else arrays.get("plan"),
        "x_weights": arrays.get("x_weights"),
        "y_weights": arrays.get("y_weights"),
        "epsilon": arrays.get("epsilon"),
        "callback": _interruptible,
    }
    if "f" in arrays or "g" in arrays:
        shared["potentials"] = arrays.get("f"), arrays.get("g")
    if shared["plan"] is None and "potentials" not in shared:
        raise InvalidInputError("FILE", "hold plan (or rows, columns, mass), f or g", list(arrays))
    points = [name for name in _POINTS if name in arrays]
    if "C" in arrays and not points:
        if cost is not None:
            raise InvalidInputError("--cost", "be left out where FILE holds the costs C", cost)
        return certify_matrix(arrays["C"], **shared)
    if "C" in arrays or len(points) < len(_POINTS):
        raise InvalidInputError("FILE", "hold x and y, or C instead", list(arrays))
    return certify(arrays["x"], arrays["y"], cost=cost or "euclidean", **shared)


def _interruptible(progress: Progress) -> None:
    raise_if_interrupted()


def _record(certificate: Certificate) -> dict[str, Any]:
    """All numbers by name; what is infinite or not known is None."""
    bounds, entropic = certificate.bounds, certificate.entropic
    record: dict[str, Any] = {
        "value": certificate.value,
        "lower": bounds.lower,
        "upper": bounds.upper,
        "relative_gap": bounds.relative_gap,
        "plan_cost": certificate.plan_cost,
        "plan_cost_error": certificate.plan_cost_error,
        "row_error": certificate.row_error,
        "column_error": certificate.column_error,
        "negative_mass": certificate.negative_mass,
        "dual_value": certificate.dual_value,
        "infeasibility": certificate.infeasibility,
    }
    record = {name: _finite(value) for name, value in record.items()}
    record["entropic"] = None
    if entropic is not None:
        record["entropic"] = {
            "epsilon": entropic.epsilon,
            "lower": _finite(entropic.bounds.lower),
            "upper": _finite(entropic.bounds.upper),
            "dual_value": _finite(entropic.dual_value),
        }
    record["summary"] = str(certificate)
    return record


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


_LABELS = {
    "lower": "optimum, at least",
    "upper": "optimum, at most",
    "relative_gap": "relative gap",
    "plan_cost": "cost of the plan as given",
    "plan_cost_error": "off the optimum by, at most",
    "row_error": "row sums missed (L1)",
    "column_error": "column sums missed (L1)",
    "negative_mass": "negative mass",
    "value": "cost of the repaired plan",
    "dual_value": "dual value as given",
    "infeasibility": "largest f + g - C",
}
"""What the table says, in its order."""


def _print_table(certificate: Certificate) -> None:
    """Print the numbers that are known, and the sentences."""
    rich_console = import_optional("rich.console", extra="cli", purpose="the terminal table")
    rich_box = import_optional("rich.box", extra="cli", purpose="the terminal table")
    rich_table = import_optional("rich.table", extra="cli", purpose="the terminal table")
    rich_text = import_optional("rich.text", extra="cli", purpose="the terminal table")
    console = rich_console.Console()
    n, m = certificate.problem.shape
    record = _record(certificate)
    table = rich_table.Table(box=rich_box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(f"{n:,} x {m:,} atoms")
    table.add_column("", justify="right", no_wrap=True)
    for name, label in _LABELS.items():
        if record[name] is not None:
            table.add_row(label, f"{record[name]:.12g}")
    if record["entropic"] is not None:
        for name, label in (("epsilon", "epsilon"), ("lower", "at least"), ("upper", "at most")):
            label = label if name == "epsilon" else f"regularised optimum, {label}"
            if record["entropic"][name] is not None:
                table.add_row(label, f"{record['entropic'][name]:.12g}")
    console.print(table)
    width = min(console.width - 1, _TEXT_WIDTH)
    console.print(rich_text.Text(textwrap.fill(for_terminal(str(certificate)), width=width)))
