"""Labels of data frames and series: numbers are matched by place, so the labels must agree.

A series has an index and a frame has an index and columns, and two of them that hold the same
labels in another order would be compared entry by entry as if they did not. Nothing is aligned in
silence: labels on both sides that differ are an error that says how to align them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from .errors import InvalidInputError

__all__ = ["BARE", "Labels", "check_columns", "check_labels", "labels_of"]

# An index of pandas, a list of column names, or None where an axis has no labels.
Labels: TypeAlias = Any

# Most inputs, which have no labels.
BARE = frozenset({list, tuple, float, int, np.ndarray})


def labels_of(value: Any) -> tuple[Labels, Labels]:
    """Labels of the rows and of the columns of a series or a frame; None where there are none."""
    if type(value) in BARE or not hasattr(value, "__array__"):
        return None, None
    # Those of pandas and its like; polars and Arrow have names of columns alone.
    rows, columns = getattr(value, "index", None), getattr(value, "columns", None)
    columns = getattr(value, "column_names", columns)
    return (
        rows if hasattr(rows, "equals") else None,
        columns if isinstance(columns, list) or hasattr(columns, "equals") else None,
    )


def check_labels(name: str, labels: Labels, other: str, expected: Labels, note: str = "") -> None:
    """Raise unless two sets of labels are the same in the same order, or one is None."""
    if labels is None or expected is None:
        return
    if hasattr(labels, "equals") and hasattr(expected, "equals"):
        same = labels.equals(expected)
    else:
        same = list(labels) == list(expected)
    if same:
        return
    found = f"{len(labels)} labels against {len(expected)}"
    for mine, theirs in zip(map(repr, labels), map(repr, expected), strict=False):
        if mine != theirs:
            found = f"{mine} where `{other}` has {theirs}"
            break
    requirement = f"have the labels of `{other}` in their order"
    where = f"{_reindexing(name, other, labels)} {note}"
    raise InvalidInputError(name, requirement, found, where.strip())


def check_columns(values: Mapping[str, Any]) -> None:
    """Raise unless the frames among named values have the same columns in the same order."""
    if BARE.issuperset(map(type, values.values())):
        return
    (first, reference), *rest = values.items()
    for name, value in rest:
        check_labels(name, labels_of(value)[1], first, labels_of(reference)[1])


def _reindexing(name: str, other: str, labels: Labels) -> str:
    """How to align two sides with labels."""
    if isinstance(labels, list):
        return f"(`{name}.select({other}.columns)` puts columns in one order)"
    return (
        f"(align them with `{name}.reindex({other}.index)` or, columns of a frame, "
        f"`{name}[{other}.columns]`; where one side lacks labels, both with "
        f"`.reindex({other}.index.union({name}.index), fill_value=0)`; `.to_numpy()` goes by place)"
    )
