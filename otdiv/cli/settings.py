"""What is asked of a comparison: options of the command line, over those of a file."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import InvalidInputError
from .exits import say

__all__ = ["Settings", "add_settings", "read_settings"]

_CHECKS = ("differs", "tolerance", "missing", "schema")
_CORRECTIONS = ("bh", "by", "holm", "none")
_ALL_OTHERS = "*"
_KINDS = {
    "category": "names, whatever they look like: ZIP codes, 1 to 5",
    "number": "numbers, also where they are texts or booleans",
    "time": "times, by a FORMAT of strptime, or s, ms, us, ns since 1970",
    "ignore": "not to be compared",
}
_PLAIN = (
    *("weights", "delimiter", "decimal", "encoding", "level", "correction"),
    *("missing_tolerance", "blocks", "paired", "rng", "max_memory"),
)
"""Options that are arguments of `compare_tables` as they are."""


class Settings(NamedTuple):
    """What is asked for.

    Attributes
    ----------
    arguments : dict
        Keyword arguments of `compare_tables`.
    fail_on : tuple of str
        Checks of the report.
    """

    arguments: dict[str, Any]
    fail_on: tuple[str, ...]


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add the options; None is the default of each, so that a file may say another."""
    _add_what(parser.add_argument_group("what to compare"))
    _add_texts(parser.add_argument_group("how texts are written, where it is not to be found"))
    _add_verdicts(parser.add_argument_group("verdicts"))
    _add_gate(parser.add_argument_group("gate, for pipelines"))


def _add_what(group: Any) -> None:
    group.add_argument(
        "--columns",
        metavar="NAME,…",
        action="append",
        type=_names,
        help="only these columns (may be repeated)",
    )
    group.add_argument(
        "--units",
        metavar="NAME=UNIT,…",
        action="append",
        type=_units,
        help="units of numeric columns, to be printed; times know s, min, h and d",
    )
    group.add_argument(
        "--weights",
        metavar="NAME",
        help="column with the rows' weights; a table without it weighs its rows alike",
    )
    for kind, meaning in _KINDS.items():
        group.add_argument(
            f"--{kind}",
            metavar="NAME[=FORMAT],…" if kind == "time" else "NAME,…",
            action="append",
            type=_names,
            help=meaning,
        )


def _add_texts(group: Any) -> None:
    group.add_argument("--delimiter", metavar="C", help="between cells; tab for a tab")
    group.add_argument("--decimal", metavar="C", help="the decimal mark, . or ,")
    group.add_argument("--encoding", metavar="NAME", help="such as cp1252 or utf-16-le")
    group.add_argument(
        "--na",
        metavar="TEXT",
        action="append",
        help="a missing value is written so (may be repeated); also in workbooks",
    )


def _add_verdicts(group: Any) -> None:
    group.add_argument(
        "--level", metavar="L", type=float, help="of intervals and verdicts (default: 0.95)"
    )
    group.add_argument(
        "--correction",
        choices=_CORRECTIONS,
        help="for the number of tests: bh and by bound the share of false differences, holm the "
        "probability of any (default: bh)",
    )
    group.add_argument(
        "--tolerance",
        metavar="[NAME=]T,…",
        action="append",
        type=_tolerances,
        help="largest effect that does not matter, of a column or of all others: 5 in its unit, "
        "5min, 0.1sd, or 2%% of the rows for categories",
    )
    group.add_argument(
        "--missing-tolerance", metavar="T", help="the same for missing values: 2%% of the rows"
    )
    group.add_argument(
        "--blocks",
        metavar="NAME|N",
        type=_blocks,
        help="rows that belong together: those with one value of a column, such as a day or a "
        "customer, or each N rows in a row; for rows in time, which are not exchangeable alone",
    )
    group.add_argument(
        "--paired",
        action=argparse.BooleanOptionalAction,
        help="row i of A and row i of B are of one kind",
    )
    group.add_argument(
        "--permutations",
        metavar="N",
        type=int,
        help="relabellings at most; 0 leaves out noise and verdicts (default: 9999)",
    )
    group.add_argument(
        "--rng", metavar="SEED", type=int, help="of relabellings and projections (default: 0)"
    )
    group.add_argument(
        "--max-memory",
        metavar="BYTES",
        type=int,
        help="tables that would take more, by forecast, are read in batches (default: half of what "
        "the machine has left)",
    )


def _add_gate(group: Any) -> None:
    group.add_argument(
        "--fail-on",
        metavar="CHECK,…",
        action="append",
        type=_checks,
        help=f"exit with 3, and a line on stderr for each column that fails: {', '.join(_CHECKS)}",
    )
    files = group.add_mutually_exclusive_group()
    files.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="options in [compare] of a TOML file; by default in [tool.otdiv.compare] of the "
        "project's pyproject.toml. Those of the command line win",
    )
    files.add_argument("--no-config", action="store_true", help="read no such file")


def read_settings(options: argparse.Namespace) -> Settings:
    """Merge parsed options with those of a file, which is named on stderr.

    Raises
    ------
    InvalidInputError
        If the file is not one of settings, or a check of `--fail-on` has nothing to look at.
    """
    arguments, fail_on = _of_file(options)
    for name in _PLAIN:
        if getattr(options, name) is not None:
            arguments[name] = getattr(options, name)
    if options.permutations is not None:
        arguments["n_permutations"] = options.permutations
    if options.na is not None:
        arguments["na"] = options.na
    if options.columns is not None:
        arguments["columns"] = [name for names in options.columns for name in names]
    by_column = {
        "units": dict(pair for pairs in options.units or () for pair in pairs),
        "kinds": _told(options),
        "tolerance": _by_column(options.tolerance),
    }
    for name, given in by_column.items():
        if given:
            arguments[name] = {**arguments.get(name, {}), **given}
    if options.fail_on is not None:
        fail_on = tuple(dict.fromkeys(check for checks in options.fail_on for check in checks))
    _check_gate(arguments, fail_on)
    return Settings(arguments, fail_on)


def _of_file(options: argparse.Namespace) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What a file says, if there is one."""
    if options.no_config:
        return {}, ()
    from ..tables.config import find_config, read_config

    path = options.config
    if path is None:
        found = find_config(Path.cwd())
        if found is None:
            return {}, ()
        path = Path(os.path.relpath(found))
    config = read_config(path)
    say(f"options of {config.path}, [{config.table}]")
    return dict(config.arguments), config.fail_on


def _check_gate(arguments: Mapping[str, Any], fail_on: tuple[str, ...]) -> None:
    """Refuse checks that would pass whatever the tables hold, before any work is done."""
    if "tolerance" in fail_on and not arguments.get("tolerance"):
        raise InvalidInputError("--fail-on", "come with --tolerance", "tolerance")
    tested = [check for check in fail_on if check != "schema"]
    if tested and arguments.get("n_permutations") == 0:
        requirement = "be schema alone where --permutations is 0, which leaves out verdicts"
        raise InvalidInputError("--fail-on", requirement, tested[0])


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


def _tolerances(text: str) -> list[tuple[str, str]]:
    """Pairs of a column, or what stands for all others, and its tolerance."""
    pairs = []
    for part in text.split(","):
        name, equals, tolerance = (piece.strip() for piece in part.rpartition("="))
        if not tolerance or bool(name) != bool(equals):
            raise argparse.ArgumentTypeError(f"expected T or NAME=T, got {part!r}")
        pairs.append((name or _ALL_OTHERS, tolerance))
    return pairs


def _by_column(given: list[list[tuple[str, str]]] | None) -> dict[str, str]:
    """Tolerances by column; several for all others are one text, each for the columns it fits."""
    found: dict[str, str] = {}
    for name, tolerance in (pair for pairs in given or () for pair in pairs):
        earlier = found.get(name) if name == _ALL_OTHERS else None
        found[name] = tolerance if earlier is None else f"{earlier},{tolerance}"
    return found


def _blocks(text: str) -> str | int:
    return int(text) if text.isdecimal() else text


def _checks(text: str) -> list[str]:
    checks = [check.strip() for check in text.split(",")]
    for check in checks:
        if check not in _CHECKS:
            known = ", ".join(_CHECKS)
            raise argparse.ArgumentTypeError(f"expected {known}, got {check!r}")
    return checks
