"""Whether two tables are compared in memory, or as their rows come by in batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..._memory import available_bytes
from ..._validation import check_positive_integer
from ...errors import UnsupportedProblemError
from ...sources.opening import open_spelled
from ...sources.source import Batch, Source
from ..asking import Asked
from ..reading import TableLike

__all__ = ["Opened", "opened_pair"]

ROW_BYTES, CELL_BYTES = 100, 30
"""What a comparison in memory takes for each row of both tables and for each of its cells, beside
tables that are frames already: measured at 1e6 and 1e7 rows of ten columns."""

SHARE = 0.5
"""Of the memory that is left, how much a comparison takes before rows are read in batches; by
taste."""


class Opened(NamedTuple):
    """A table of which the first batches are read.

    Attributes
    ----------
    source : Source
    held : list of Batch
        Those that were read, in order.
    rest : iterator of Batch
        Those that follow.
    argument : str
        What the caller calls it.
    """

    source: Source
    held: list[Batch]
    rest: Iterator[Batch]
    argument: str

    def batches(self) -> Iterator[Batch]:
        """All rows; what was held is let go as it is read."""
        while self.held:
            yield self.held.pop(0)
        yield from self.rest


def opened_pair(
    a: TableLike, b: TableLike, asked: Asked, max_memory: int | None
) -> tuple[tuple[Opened, Opened], bool]:
    """Open two tables and read them as far as they fit; whether all of both does.

    Raises
    ------
    InvalidInputError
        If a table is unreadable, or `max_memory` is no positive number.
    UnsupportedProblemError
        If they do not fit and what is asked needs all rows at once.
    """
    if max_memory is not None:
        max_memory = check_positive_integer("max_memory", max_memory)
    opened = []
    for table, argument in ((a, "a"), (b, "b")):
        source = open_spelled(table, argument, asked.spelling)
        opened.append(Opened(source, [], source.batches(), argument))
    pair = opened[0], opened[1]
    needs_rows = _needing_rows(asked)
    most = _most(max_memory, needs_rows is not None)
    if most is None or not _exceeds(pair, most):
        return pair, True
    if needs_rows is None:
        return pair, False
    limit = f"the {most:,} that are left"
    if max_memory is not None:
        limit = f"`max_memory`={max_memory}"
    raise UnsupportedProblemError(
        f"`{needs_rows}` needs all rows in memory, some {_forecast(pair):,} bytes, more than "
        f"{limit}; leave it out to have the rows read in batches, or compare a part of the rows"
    )


def _needing_rows(asked: Asked) -> str | None:
    """An option that rows in batches do not give."""
    wanted = {
        "weights": asked.weights is not None,
        "blocks": asked.blocks is not None,
        "paired": asked.paired,
    }
    return next((name for name, is_wanted in wanted.items() if is_wanted), None)


def _most(max_memory: int | None, needs_rows: bool) -> int | None:
    """Bytes of a comparison in memory, at most; None where nobody knows."""
    if max_memory is not None:
        return max_memory
    available = available_bytes()
    if available is None:
        return None
    return available if needs_rows else int(SHARE * available)


def _exceeds(pair: tuple[Opened, Opened], most: int) -> bool:
    """Read on until both tables are read, or would take more than so many bytes."""
    for table in pair:
        while _forecast(pair) <= most:
            batch = next(table.rest, None)
            if batch is None:
                break
            table.held.append(batch)
        else:
            return True
    return False


def _forecast(pair: tuple[Opened, Opened]) -> int:
    """Bytes of a comparison in memory, by the rows known of or read so far."""
    total = 0
    for table in pair:
        n_rows = max(table.source.n_rows or 0, sum(batch.n_rows for batch in table.held))
        total += n_rows * (ROW_BYTES + CELL_BYTES * len(table.source.columns))
    return total
