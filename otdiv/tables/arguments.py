"""The arguments of `compare_tables` against the tables: which columns, which weights."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np

from .._typing import FloatArray
from .._validation import as_weights
from ..errors import InvalidInputError
from .columns import ColumnError, Kind, decode
from .reading import Table

__all__ = ["check_names", "chosen_columns", "row_weights", "shared_columns"]


def row_weights(
    weights: str | tuple[Any, Any] | None, a: Table, b: Table
) -> tuple[FloatArray | None, FloatArray | None]:
    """Return the weights of both tables' rows, summing to 1; None where all weigh the same."""
    if weights is None:
        return None, None
    if isinstance(weights, str):
        if weights not in a.columns and weights not in b.columns:
            raise InvalidInputError("weights", "name a column of `a` or `b`", repr(weights))
        return _weight_column(weights, a, "a"), _weight_column(weights, b, "b")
    try:
        given_a, given_b = weights
    except (TypeError, ValueError):
        requirement = "be a column name or a pair: weights of `a`, weights of `b`"
        raise InvalidInputError("weights", requirement, type(weights).__name__) from None
    return (
        None if given_a is None else as_weights("weights[0]", given_a, a.n_rows, normalize=True),
        None if given_b is None else as_weights("weights[1]", given_b, b.n_rows, normalize=True),
    )


def _weight_column(name: str, table: Table, side: str) -> FloatArray | None:
    if name not in table.columns:
        return None
    try:
        column = decode(table.columns[name])
    except ColumnError as error:
        raise InvalidInputError("weights", f"be numbers in `{side}`", str(error)) from None
    if column.kind is not Kind.NUMBERS:
        raise InvalidInputError("weights", f"be numbers in `{side}`", column.kind.value)
    missing = int(np.count_nonzero(~column.present))
    if missing:
        raise InvalidInputError("weights", f"have no missing value in `{side}`", f"{missing:,}")
    return as_weights("weights", column.values, table.n_rows, normalize=True)


def shared_columns(a: Table, b: Table, apart: Collection[str] = ()) -> list[str]:
    """Return the columns of both tables in the order of `a`, without those set apart."""
    others = set(b.names).difference(apart)
    shared = [name for name in a.names if name in others]
    if not shared and apart and set(a.names) & set(b.names):
        requirement = "have a column beside those of weights, blocks and kinds 'ignore' (--ignore)"
        raise InvalidInputError("b", requirement, _listing(b.names))
    if not shared:
        found = f"{_listing(b.names)} against {_listing(a.names)}"
        raise InvalidInputError("b", "share a column name with `a`", found)
    return shared


def _listing(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:8]) + (f", … ({len(names)} columns)" if len(names) > 8 else "")


def chosen_columns(columns: Iterable[str] | None, shared: list[str], argument: str) -> list[str]:
    """Check names against the shared ones; None means all of them."""
    if columns is None:
        return shared
    wanted = [columns] if isinstance(columns, str) else list(dict.fromkeys(columns))
    for name in wanted:
        if name not in shared:
            requirement = f"name columns that both tables have ({_listing(shared)})"
            raise InvalidInputError(argument, requirement, repr(name))
    if not wanted and argument == "columns":
        raise InvalidInputError(argument, "name at least one column", "none")
    return wanted


def check_names(named: Iterable[str], known: list[str], argument: str) -> None:
    """Raise unless every name is that of a column."""
    for name in named:
        if name not in known:
            requirement = f"name columns of `a` or `b` ({_listing(known)})"
            raise InvalidInputError(argument, requirement, repr(name))
