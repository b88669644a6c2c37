"""The parser of all commands, and the one place where errors become exit codes."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from .. import __version__
from ..errors import OtdivError
from . import compare, verify, wgan

__all__ = ["INTERRUPTED", "USAGE", "main"]

USAGE = 2
"""A wrong argument or an unreadable input; argparse uses the same code."""

INTERRUPTED = 130
"""128 + SIGINT, as shells report a program that Ctrl-C ended."""

_COMMANDS = (compare, verify, wgan)
"""Modules with `add_parser(commands)`, which sets `run`: the parsed arguments -> exit code.

Importing them must stay cheap: what a command needs is imported when it runs.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words after the program's name; those of the process by default.

    Returns
    -------
    int
        Exit code: 0 done, 1 done in part, 2 usage, 130 interrupted.
    """
    parser = _parser()
    try:
        options = parser.parse_args(arguments)
    except SystemExit as stop:  # argparse has printed help, version or usage
        return stop.code if isinstance(stop.code, int) else USAGE
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe, `head` say, has seen enough. Python would complain when it flushes
        # stdout at exit, so that goes nowhere from now on.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (OtdivError, OSError) as error:
        _say(f"error: {error}")
        return USAGE
    return code


def _say(text: str) -> None:
    sys.stderr.write(f"otdiv: {text}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="otdiv",
        description="Distances between distributions, every number with its proof.",
        epilog="`otdiv COMMAND --help` explains a command.",
    )
    parser.add_argument("--version", action="version", version=f"otdiv {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add_parser(commands)
    return parser
