"""Columns that name rows and do not describe them: identifiers and free text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .columns import Column, Kind

__all__ = ["FREE_TEXT", "IDENTIFIERS", "role", "role_of_texts"]

IDENTIFIERS = "identifiers"
FREE_TEXT = "free text"

NEARLY_ALL = 0.9
"""Share of distinct values above which texts name rows; by taste. In samples of a column of
thousands of categories it is less."""

LEAST_ROWS = 20
"""Rows below which nothing is said: few rows may well be distinct."""

WORDS = 3.0
"""Words that a free text has at least, on average; by taste."""


def role(a: Column, b: Column) -> str | None:
    """Name what two columns are that take no part in a comparison; None for the others.

    Texts of which nearly all are distinct, and integers that count rows: up by one from each row to
    the next.
    """
    sides = (a, b)
    if a.role is not None and a.role == b.role:
        return a.role  # some rows of counted ones are no longer counted
    if any(np.count_nonzero(side.present) < LEAST_ROWS for side in sides):
        return None
    if all(side.kind is Kind.CATEGORIES for side in sides):
        if not all(len(side.labels) >= NEARLY_ALL * side.values.size for side in sides):
            return None
        return role_of_texts([label for side in sides for label in side.labels[:1000]])
    if all(side.kind is Kind.NUMBERS and _counts_rows(side) for side in sides):
        return IDENTIFIERS
    return None


def role_of_texts(labels: Sequence[str]) -> str:
    """What texts are that name rows, by some of them."""
    words = np.mean([len(label.split()) for label in labels])
    return FREE_TEXT if words >= WORDS else IDENTIFIERS


def _counts_rows(column: Column) -> bool:
    if not column.is_whole or not column.present.all() or column.values.dtype != np.float64:
        return False
    with np.errstate(over="ignore"):  # of the largest floats
        return bool((np.diff(column.values) == 1.0).all())
