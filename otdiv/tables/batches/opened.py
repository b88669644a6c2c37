"""Batches that are tables: what they are called, and sources of which no row is read yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..._validation import describe
from ...errors import InvalidInputError
from ...sources.opening import open_spelled
from ...sources.source import Source
from ..asking import Asked
from ..naming import telling_names
from ..reading import TableLike
from .labels import distinct

__all__ = ["opened_batches", "reads_input"]


def reads_input(tables: Any) -> bool:
    """Whether standard input is among them."""
    each = tables.values() if isinstance(tables, Mapping) else tables
    if not isinstance(tables, Mapping | list | tuple):
        return False
    return any(isinstance(one, str) and one == "-" for one in each)


def opened_batches(
    batches: Sequence[TableLike] | Mapping[str, TableLike], most: int, asked: Asked
) -> tuple[list[str], list[Source]]:
    """Labels that differ, and sources of which the names are known and no row is read."""
    if isinstance(batches, Mapping):
        labels, tables = distinct(map(str, batches)), list(batches.values())
    elif isinstance(batches, list | tuple):
        labels, tables = [f"batches[{index}]" for index in range(len(batches))], list(batches)
    else:
        requirement = "be a list of tables, or a mapping of names to them"
        raise InvalidInputError("batches", requirement, describe(batches))
    if not tables:
        raise InvalidInputError("batches", "hold at least one table", "none")
    if len(tables) > most:
        raise InvalidInputError("batches", f"be at most `max_batches` = {most:,}", len(tables))
    if sum(isinstance(one, str) and one == "-" for one in tables) > 1:
        raise InvalidInputError("batches", "hold standard input once", "-")
    sources = [
        open_spelled(one, label, asked.spelling) for label, one in zip(labels, tables, strict=True)
    ]
    if not isinstance(batches, Mapping):
        labels = distinct(telling_names(*(source.name for source in sources)))
    return labels, sources
