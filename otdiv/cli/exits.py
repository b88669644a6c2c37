"""Exit codes of every command, lines on stderr, and output that nobody takes."""

from __future__ import annotations

import atexit
import contextlib
import enum
import os
import sys

TYPE_CHECKING = False  # as in `otdiv._lazy`
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn

__all__ = [
    "EXIT_CODES",
    "ExitCode",
    "UnwrittenError",
    "drop_output",
    "end_process",
    "output",
    "reason",
    "say",
]


class ExitCode(enum.IntEnum):
    """What a command tells the shell; of two, the higher."""

    DONE = 0
    PART_FAILED = 1
    """A column could not be compared, a training diverged, a solver does not run."""
    USAGE = 2
    """A wrong argument, unreadable input, output that cannot be written; argparse uses it too."""
    NEGATIVE = 3
    """A broken claim or law, a false claim not refuted, bounds farther apart than `--rtol`, tables
    that fail a check of `--fail-on`."""
    INTERRUPTED = 130
    """Ctrl-C or SIGTERM: 128 + SIGINT, as shells report a program that Ctrl-C ended."""


EXIT_CODES = """\
exit codes (of two, the higher)
  0    done
  1    a part failed: a column that could not be compared, a training that
       diverged, a solver that does not run
  2    usage, unreadable input, output that cannot be written
  3    negative verdict: a broken claim or law, a false claim not refuted, a gap
       above --rtol, a check of --fail-on
  130  interrupted, by Ctrl-C or SIGTERM
"""
"""The paragraph that ends every help text."""


class UnwrittenError(Exception):
    """A report could not be written; `code` is what the command had found until then."""

    def __init__(self, reason: str, code: ExitCode):
        self.code = code
        super().__init__(reason)


@contextlib.contextmanager
def output(code: ExitCode) -> Iterator[None]:
    """Write a report, which changes the exit code only where it cannot be written.

    That the reader of a pipe, `head` say, has seen enough changes nothing.
    """
    try:
        yield
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):  # rich ends the program at a broken pipe
        drop_output()
    except OSError as error:
        drop_output()
        raise UnwrittenError(reason(error), code) from error


def say(text: str) -> None:
    """Write a line to stderr, which may be closed, or missing."""
    # Imported here: this file is read before Ctrl-C is heard.
    from .._text import for_terminal

    with contextlib.suppress(OSError, AttributeError):
        sys.stderr.write(f"otdiv: {for_terminal(text)}\n")
        sys.stderr.flush()


def reason(error: OSError) -> str:
    """The error of the system without its number."""
    if error.strerror is None:
        return str(error)
    place = "stdout" if error.filename is None else error.filename
    return f"{place}: {error.strerror}"


def drop_output() -> None:
    """Send what is still to be written to stdout nowhere: Python would complain at exit."""
    with contextlib.suppress(OSError, ValueError):  # a stand-in for stdout may have no descriptor
        descriptor = os.open(os.devnull, os.O_WRONLY)
        os.dup2(descriptor, sys.stdout.fileno())
        os.close(descriptor)


def end_process(code: int) -> NoReturn:
    """End the process at once, after what was registered for its end.

    Python would first take a tenth of a second to unload every module, deaf to signals.
    """
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)
