"""The parser of all commands, and the one place where errors become exit codes."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence

from .. import __version__
from ..errors import OtdivError
from . import compare, main, verify, wgan
from .exits import EXIT_CODES, ExitCode, drop_output

__all__ = ["INTERRUPTED", "USAGE", "main", "run"]

USAGE = ExitCode.USAGE
INTERRUPTED = ExitCode.INTERRUPTED

_COMMANDS = (compare, verify, wgan)
"""Modules with `add_parser(commands)`, which sets `run`: the parsed arguments -> exit code.

Importing them must stay cheap: what a command needs is imported when it runs.
"""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; an interruption is left to `main`."""
    if sys.stdout is None:  # closed by the shell, as by `>&-`
        sys.stdout = open(os.devnull, "w")
    code, sentence = _outcome(arguments)
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        drop_output()
    except OSError as error:
        drop_output()
        code, sentence = max(code, USAGE), sentence or f"stdout: {_reason(error)}"
    if sentence:
        _say(f"error: {sentence}")
    return code


def _outcome(arguments: Sequence[str] | None) -> tuple[int, str]:
    """Exit code of a command, and the sentence about its error, if there was one."""
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as stop:  # argparse has printed help, version or usage
        return stop.code if isinstance(stop.code, int) else USAGE, ""
    try:
        return options.run(options), ""
    except BrokenPipeError:
        return ExitCode.DONE, ""
    except OtdivError as error:
        return USAGE, str(error)
    except OSError as error:
        return USAGE, _reason(error)


def _reason(error: OSError) -> str:
    """The error of the system without its number."""
    if error.strerror is None:
        return str(error)
    place = "" if error.filename is None else f": {error.filename}"
    return f"{error.strerror}{place}"


def _say(text: str) -> None:
    with contextlib.suppress(OSError, AttributeError):  # stderr may be closed, or missing
        sys.stderr.write(f"otdiv: {text}\n")
        sys.stderr.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="otdiv",
        description="Distances between distributions, every number with its proof.",
        epilog=f"`otdiv COMMAND --help` explains a command.\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"otdiv {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add_parser(commands)
    return parser
