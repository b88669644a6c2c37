"""What every source offers: names, and batches of columns; and how its texts are to be read."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from ..errors import InvalidInputError

__all__ = ["Backend", "Batch", "Source", "Spelling", "Unreadable", "spelling_of"]

_SHOWN = 8
"""Columns that an error lists."""

Backend: TypeAlias = Literal["pandas", "polars", "pyarrow"]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands for a column whose cells have no one meaning.

    Attributes
    ----------
    reason : str
        Why, and the option that helps.
    """

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """Some rows of a table.

    Attributes
    ----------
    n_rows : int
        How many.
    columns : tuple
        One for each name of the source, in its order: an Arrow array, a Series of the frame's
        library, a 1-D NumPy array, or an `Unreadable`.
    """

    n_rows: int
    columns: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Source:
    """A table that is read by column, in batches of rows.

    Attributes
    ----------
    name : str
        The path, or the argument's name where there is none.
    columns : tuple of str
        Names in order, repeated ones as often as they occur.
    make : callable
        Begins anew, where that is possible, and returns an iterator of batches.
    units : mapping of str to str
        Units that a file states: the key `units` of an Arrow field's metadata.
    marks : mapping of str to str
        "%" or a currency that all numbers of a text column carry.
    backend : {"pandas", "polars", "pyarrow"}
        The library of a frame; "pyarrow" for all else.
    spelled : frozenset of str
        Those of "delimiter", "decimal", "encoding", "na" that have a meaning for this source.
    once : bool
        Whether it can be read only once.
    make_some : callable or None
        Like `make`, for the columns of given names alone, where that takes less than all of them.
    n_rows : int or None
        Rows, where that is known before they are read.
    """

    name: str
    columns: tuple[str, ...]
    make: Callable[[], Iterator[Batch]]
    units: Mapping[str, str] = field(default_factory=dict)
    marks: Mapping[str, str] = field(default_factory=dict)
    backend: Backend = "pyarrow"
    spelled: frozenset[str] = frozenset()
    once: bool = False
    make_some: Callable[[tuple[str, ...]], Iterator[Batch]] | None = None
    n_rows: int | None = None

    def batches(self, columns: Iterable[str] | None = None) -> Iterator[Batch]:
        """Yield the rows, in order.

        Parquet, Arrow, ORC, DuckDB and whatever streams Arrow come in batches as they are stored.
        What is in memory already, and text, workbooks and SQLite, where only the last row settles
        what a column holds, are one batch.

        Parameters
        ----------
        columns : iterable of str, optional
            Only these, in this order; each is the name of one column.

        Raises
        ------
        InvalidInputError
            If the rows that follow cannot be read, or a name is that of no column or of several.
        """
        if columns is None:
            return self.make()
        names = tuple(columns)
        places = [self.place(name) for name in names]
        if self.make_some is not None and len(set(names)) == len(names):
            return self.make_some(names)
        return (
            replace(batch, columns=tuple(batch.columns[place] for place in places))
            for batch in self.make()
        )

    def place(self, name: str) -> int:
        """Position of the column of a name; raise unless there is one."""
        if self.columns.count(name) != 1:
            listed = ", ".join(self.columns[:_SHOWN]) + (", …" if self.columns[_SHOWN:] else "")
            times = "several times" if name in self.columns else f"no column of {self.name}"
            requirement = f"name one of {listed}"
            raise InvalidInputError("column", requirement, f"{name!r}, {times}")
        return self.columns.index(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """How texts are written, where that is not to be found.

    Attributes
    ----------
    delimiter : str or None
        One character between cells.
    decimal : {".", ","} or None
        The decimal mark of numbers.
    encoding : str or None
        A text encoding of Python's.
    na : tuple of str
        Further spellings of missing values.
    texts : frozenset of str
        Columns whose cells stay as they are written, "007" say.
    """

    delimiter: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    na: tuple[str, ...] = ()
    texts: frozenset[str] = frozenset()

    @property
    def given(self) -> dict[str, object]:
        """The options that are not left to be found."""
        named = {name: getattr(self, name) for name in ("delimiter", "decimal", "encoding", "na")}
        return {name: value for name, value in named.items() if value}


def spelling_of(
    *,
    delimiter: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    na: str | Iterable[str] = (),
    texts: Iterable[str] = (),
) -> Spelling:
    """Check the options of a text.

    Raises
    ------
    InvalidInputError
        If one of them cannot be what it says.
    """
    if delimiter in ("\\t", "tab"):  # as shells leave it
        delimiter = "\t"
    if delimiter is not None and (
        not isinstance(delimiter, str)
        or len(delimiter) != 1
        or not delimiter.isascii()
        or delimiter.isalnum()
        or delimiter in '"\r\n\0'
    ):
        requirement = (
            'be one character of ASCII, no letter, digit, quote or line end ("tab" is one)'
        )
        raise InvalidInputError("delimiter", requirement, repr(delimiter))
    if decimal not in (None, ".", ","):
        raise InvalidInputError("decimal", 'be "." or ","', repr(decimal))
    if decimal is not None and decimal == delimiter:
        raise InvalidInputError("decimal", "differ from `delimiter`", repr(decimal))
    if encoding is not None:
        try:
            if "a".encode(encoding).decode(encoding) != "a" or not isinstance(encoding, str):
                raise LookupError
            encoding = codecs.lookup(encoding).name
        except (LookupError, TypeError, ValueError):
            requirement = "be a text encoding that Python knows, such as utf-8 or cp1252"
            raise InvalidInputError("encoding", requirement, repr(encoding)) from None
    spellings = (na,) if isinstance(na, str) else tuple(na)
    for value in spellings:
        if not isinstance(value, str):
            raise InvalidInputError("na", "be texts as they stand in a cell", repr(value))
    return Spelling(
        delimiter=delimiter,
        decimal=decimal,
        encoding=encoding,
        na=spellings,
        texts=frozenset(texts),
    )
