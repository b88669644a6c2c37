"""The parser of all commands, and the one place where errors become exit codes."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

from .. import __version__
from ..errors import OtdivError
from . import certify, compare, distance, verify, warmup, wgan
from .exits import EXIT_CODES, ExitCode, UnwrittenError, drop_output, reason, say

__all__ = ["INTERRUPTED", "USAGE", "run"]

USAGE = ExitCode.USAGE
INTERRUPTED = ExitCode.INTERRUPTED

_COMMANDS = (compare, distance, certify, verify, warmup, wgan)
"""Modules with `add_parser(commands)`, which sets `run`: the parsed arguments -> exit code.

Importing them must stay cheap: what a command needs is imported when it runs.
"""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; an interruption is left to `otdiv.cli.main`."""
    if arguments is None:
        _prepare_streams()
    code, sentence = _outcome(arguments)
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        drop_output()
    except OSError as error:
        drop_output()
        code, sentence = max(code, USAGE), sentence or reason(error)
    if sentence:
        say(f"error: {sentence}")
    return code


def _prepare_streams() -> None:
    """Let no terminal, and no shell that has closed a stream by `>&-`, end the command."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115  (for the rest of the process)
        elif hasattr(stream, "reconfigure"):
            # What a terminal without Unicode cannot show is shown by its number.
            stream.reconfigure(errors="backslashreplace")


def _outcome(arguments: Sequence[str] | None) -> tuple[int, str]:
    """Exit code of a command, and the sentence about its error, if there was one."""
    try:
        options = _parser().parse_args(arguments)
        return options.run(options), ""
    except SystemExit as stop:  # argparse has printed help, version or usage
        return stop.code if isinstance(stop.code, int) else USAGE, ""
    except BrokenPipeError:
        return ExitCode.DONE, ""
    except UnwrittenError as error:
        return max(error.code, USAGE), str(error)
    except OtdivError as error:
        return USAGE, str(error)
    except OSError as error:
        return USAGE, reason(error)


class _Parser(argparse.ArgumentParser):
    """A parser that says so when its help cannot be written."""

    def _print_message(self, message: str, file: Any = None) -> None:
        stream = sys.stderr if file is None else file
        stream.write(message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
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
