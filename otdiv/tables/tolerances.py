"""Effects that do not matter, as they are given and in the unit of an effect."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from ..errors import InvalidInputError
from .rows import ColumnComparison

__all__ = ["ALL_OTHERS", "Tolerance", "Tolerances", "as_tolerances"]

ALL_OTHERS = "*"
"""In a mapping, what stands for every column that has no tolerance of its own."""

_REQUIREMENT = (
    "be a non-negative number in the column's unit, a share of the pooled sd as in '0.1sd', or for "
    "categories a share of the rows as in '2%'"
)


class Tolerance(NamedTuple):
    """A number and what it counts: "" for the column's unit, or a unit, "sd" or "%"."""

    number: float
    counts: str
    text: str

    def of(self, row: ColumnComparison) -> float | None:
        """In the unit of a row's effect; None where it counts what the row does not have.

        Of categories no share of the rows is above 1: a number without a unit that is cannot be
        meant, and "5" would stand for 500 %.
        """
        if row.measure == "TV":
            return self.number if self.counts in ("", "%") and self.number <= 1.0 else None
        if self.counts == "sd":
            return self.number * (row.pooled_sd or 0.0)
        if self.counts not in ("", row.unit):
            return None
        return 100.0 * self.number if self.counts == "%" else self.number


class Tolerances(NamedTuple):
    """Effects that do not matter: by column, for all others, and for missing values."""

    columns: Mapping[str, Tolerance]
    others: tuple[Tolerance, ...]
    missing: float | None

    def of(self, row: ColumnComparison) -> float | None:
        """δ of a row, in the unit of its effect.

        Raises
        ------
        InvalidInputError
            If the column's own tolerance is in a unit that it does not have.
        """
        own = self.columns.get(row.column)
        if own is None:
            found = (given.of(row) for given in self.others if given.counts or row.measure == "W1")
            return next((tolerance for tolerance in found if tolerance is not None), None)
        tolerance = own.of(row)
        if tolerance is None:
            has = (
                "a share of the rows, as in '2%'" if row.measure == "TV" else row.unit or "no unit"
            )
            argument = f"tolerance[{row.column!r}]"
            raise InvalidInputError(argument, f"be in what the column has: {has}", repr(own.text))
        return tolerance


def as_tolerances(
    given: float | str | Mapping[str, float | str] | None,
    missing: float | str | None = None,
) -> Tolerances:
    """Check tolerances by the names of columns, or those for all columns.

    Raises
    ------
    InvalidInputError
        If one is no non-negative number with a unit or without.
    """
    columns: dict[str, Tolerance] = {}
    others: tuple[Tolerance, ...] = ()
    if isinstance(given, Mapping):
        columns = {
            name: _tolerance(f"tolerance[{name!r}]", one)
            for name, one in given.items()
            if name != ALL_OTHERS
        }
        given = given.get(ALL_OTHERS)
    if given is not None:
        parts = given.split(",") if isinstance(given, str) else [given]
        others = tuple(_tolerance("tolerance", part) for part in parts)
    return Tolerances(columns, others, _missing(missing))


def _tolerance(argument: str, value: float | str) -> Tolerance:
    text = str(value).strip()
    if isinstance(value, bool):
        raise InvalidInputError(argument, _REQUIREMENT, repr(value))
    split = len(text)
    while split and not (text[split - 1].isdigit() or text[split - 1] == "."):
        split -= 1
    counts = text[split:].strip()
    try:
        number = float(text[:split])
    except ValueError:
        raise InvalidInputError(argument, _REQUIREMENT, repr(value)) from None
    if not (math.isfinite(number) and number >= 0.0):
        raise InvalidInputError(argument, _REQUIREMENT, repr(value))
    return Tolerance(number / 100.0 if counts == "%" else number, counts, text)


def _missing(value: float | str | None) -> float | None:
    if value is None:
        return None
    found = _tolerance("missing_tolerance", value)
    if found.counts not in ("", "%") or found.number > 1.0:
        requirement = "be a share of the rows, as 0.02 or '2%'"
        raise InvalidInputError("missing_tolerance", requirement, repr(value))
    return found.number
