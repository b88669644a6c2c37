"""A bar on the terminal for calls that count what they have done."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from .._optional import import_optional
from .._validation import check_positive_integer
from ..results import Progress

__all__ = ["progress_bar"]


@contextlib.contextmanager
def progress_bar(
    total: int, *, description: str = "pairs"
) -> Iterator[Callable[[Progress], None] | None]:
    """A `callback` that moves a bar on stderr, for as long as the block lasts.

    Parameters
    ----------
    total : int
        What the call will count: pairs of `pairwise_distances`, problems of `transport_batch`.
    description : str, default "pairs"
        Word before the bar.

    Returns
    -------
    context manager of a callable, or of None
        None where stderr is no terminal: nothing is written to logs.

    Raises
    ------
    MissingDependencyError
        If stderr is a terminal and rich is not installed (extra `cli`).

    Examples
    --------
    >>> from otdiv import pairwise_distances, progress_bar
    >>> with progress_bar(total=3) as callback:
    ...     distances = pairwise_distances([[0.0], [1.0], [3.0]], callback=callback)
    """
    total = check_positive_integer("total", total, 0)
    if not sys.stderr.isatty():
        yield None
        return
    rich_console = import_optional("rich.console", extra="cli", purpose="the progress bar")
    rich_progress = import_optional("rich.progress", extra="cli", purpose="the progress bar")
    bar = rich_progress.Progress(
        rich_progress.TextColumn("{task.description}", markup=False),
        rich_progress.BarColumn(bar_width=30),
        rich_progress.MofNCompleteColumn(),
        rich_progress.TimeRemainingColumn(),
        console=rich_console.Console(stderr=True),
    )
    with bar:
        task = bar.add_task(description, total=total)

        def show(progress: Progress) -> None:
            bar.update(task, completed=progress.iteration)

        yield show
