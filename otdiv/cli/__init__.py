"""The command line: `otdiv COMMAND …`; each command is one file of this package."""

from __future__ import annotations

from .exits import ExitCode, end_process
from .interrupts import Watch

TYPE_CHECKING = False  # as in `otdiv._lazy`: until `main` is called, Ctrl-C is Python's
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

__all__ = ["ExitCode", "console", "main"]


def console() -> NoReturn:
    """Run the command line as a process, and end the process."""
    end_process(main())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words after the program's name. By default those of the process, which is then taken to
        run for nothing else: once interrupted it ends here, and is not left to its libraries.

    Returns
    -------
    int
        An `ExitCode`: 0 done, 1 a part failed, 2 usage, 3 negative verdict, 130 interrupted.
    """
    # The watch begins before anything heavy is imported: this file must stay light.
    with Watch(own_process=arguments is None) as watch:
        from .app import run

        watch.code = run(arguments)
    return watch.code
