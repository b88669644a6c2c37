"""The options of a comparison of tables, checked: what is asked of each pair of tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from .._typing import RngLike
from .._validation import as_generator, check_choice
from ..errors import InvalidInputError
from ..inference.replicates import check_level
from ..sources.source import Source, Spelling, spelling_of
from .reading import Table
from .telling import Told, kept_as_texts, told_kinds
from .tolerances import Tolerances, as_tolerances
from .verdicts import CORRECTIONS

__all__ = ["Asked", "as_asked", "check_told", "names_of"]


class Asked(NamedTuple):
    """The options of `compare_tables`, checked as far as they can be without tables.

    Attributes
    ----------
    columns : tuple of str or None
    weights : str, pair of array_like or None
    units : mapping of str to str
    told : mapping of str to Told
        Kinds of columns.
    spelling : Spelling
        Of texts.
    level : float
    correction : str
    tolerances : Tolerances
    blocks : str, int or None
    paired : bool
    n_permutations : int
    seed : int
        One for all columns and tables.
    """

    columns: tuple[str, ...] | None
    weights: str | tuple[Any, Any] | None
    units: Mapping[str, str]
    told: Mapping[str, Told]
    spelling: Spelling
    level: float
    correction: str
    tolerances: Tolerances
    blocks: str | int | None
    paired: bool
    n_permutations: int
    seed: int


def as_asked(
    *,
    columns: Iterable[str] | None,
    weights: str | tuple[Any, Any] | None,
    units: Mapping[str, str] | None,
    kinds: Mapping[str, str] | None,
    delimiter: str | None,
    decimal: str | None,
    encoding: str | None,
    na: str | Iterable[str],
    level: float,
    correction: str,
    tolerance: float | str | Mapping[str, float | str] | None,
    missing_tolerance: float | str | None,
    blocks: str | int | None,
    paired: bool,
    n_permutations: int,
    rng: RngLike,
) -> Asked:
    """Check the options of `compare_tables`.

    Raises
    ------
    InvalidInputError
        If one is not of its kind.
    """
    check_level(level)
    check_choice("correction", correction, tuple(CORRECTIONS))
    if n_permutations < 0:
        raise InvalidInputError("n_permutations", "be non-negative", n_permutations)
    tolerances = as_tolerances(tolerance, missing_tolerance)
    told = told_kinds(kinds)
    spelling = spelling_of(
        delimiter=delimiter, decimal=decimal, encoding=encoding, na=na, texts=kept_as_texts(told)
    )
    if columns is not None:
        columns = (columns,) if isinstance(columns, str) else tuple(dict.fromkeys(columns))
    return Asked(
        columns=columns,
        weights=weights,
        units=dict(units or {}),
        told=told,
        spelling=spelling,
        level=level,
        correction=correction,
        tolerances=tolerances,
        blocks=blocks,
        paired=paired,
        n_permutations=n_permutations,
        seed=int(as_generator(rng).integers(2**63)),
    )


def check_told(told: Mapping[str, Told], spelling: Spelling, *tables: Table | Source) -> None:
    """Refuse kinds of columns that do not exist, and options that would do nothing."""
    used = {name for table in tables for name in table.spelled}
    if any(kind.kind in ("number", "time") for kind in told.values()):
        used |= {"decimal", "na"}  # of texts in frames
    for name, value in spelling.given.items():
        if name not in used:
            none = "neither table is a text" if len(tables) == 2 else "no table is a text"
            raise InvalidInputError(name, f"be left out: {none}", repr(value))
    known = {name for table in tables for name in names_of(table)}
    for name in told:
        if name not in known:
            where = "`a` or `b`" if len(tables) == 2 else "the tables"
            raise InvalidInputError("kinds", f"name columns of {where}", repr(name))


def names_of(table: Table | Source) -> tuple[str, ...]:
    """Columns of a table, whether it is read or not."""
    return table.columns if isinstance(table, Source) else table.names
