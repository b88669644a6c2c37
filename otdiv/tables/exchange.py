"""Which rows could have stood in either table where nothing changed: rows, blocks or pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import FloatArray, IndexArray
from .._validation import check_positive_integer
from ..errors import InvalidInputError
from ..inference.dependence import Units
from ..inference.relabelling import Relabelling
from .columns import BoolArray, ColumnError, decode
from .reading import Table

__all__ = ["Exchange", "as_exchange"]

FEW_BLOCKS = 20
"""Blocks of a side below which a report says that there are few: C(10, 5) = 252 ways to deal ten
blocks give no p-value below 1/252, and fewer than 20 vary much; by taste."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exchange:
    """What is exchanged between tables of n and m rows.

    Attributes
    ----------
    sizes : (n, m)
    masses : pair of float64 arrays (n,) and (m,), or None
        Weights of the rows, with mean one in each table; None where all weigh the same.
    blocks : pair of int64 arrays (n,) and (m,), or None
        Codes of blocks of rows that stay together, apart in both tables.
    paired : bool
        Whether row i of one table and row i of the other are of one kind, and swap.
    words : str
        What the p-values take for granted, for the report.
    """

    sizes: tuple[int, int]
    masses: tuple[FloatArray, FloatArray] | None
    blocks: tuple[IndexArray, IndexArray] | None
    paired: bool
    words: str

    @property
    def is_plain(self) -> bool:
        """Whether rows are exchanged one by one and weigh the same."""
        return self.masses is None and self.blocks is None and not self.paired

    def weights(self, kept_a: BoolArray, kept_b: BoolArray) -> FloatArray | None:
        """Masses of the rows kept of both tables, one below the other."""
        if self.masses is None:
            return None
        return np.concatenate([self.masses[0][kept_a], self.masses[1][kept_b]])

    def units(self, kept_a: BoolArray, kept_b: BoolArray) -> Units | None:
        """What keeps together, for the rows kept; None for single rows.

        The two rows of a pair are of one unit.
        """
        if self.blocks is not None:
            sides = self.blocks
        elif self.paired:
            sides = (np.arange(self.sizes[0]), np.arange(self.sizes[1]))
        else:
            return None
        codes = np.concatenate([sides[0][kept_a], sides[1][kept_b]])
        _, places = np.unique(codes, return_inverse=True)
        places = places.reshape(-1).astype(np.int64)
        n = int(np.count_nonzero(kept_a))
        return Units(places[:n], places[n:])

    def relabelling(self, kept_a: BoolArray, kept_b: BoolArray) -> Relabelling:
        """The equally likely ways to deal the rows kept to the two tables."""
        units = self.units(kept_a, kept_b)
        n, m = int(np.count_nonzero(kept_a)), int(np.count_nonzero(kept_b))
        if self.paired:
            return Relabelling.of_pairs(n, None if units is None else units.x)
        return Relabelling.of_rows((n, m), blocks=None if units is None else np.concatenate(units))


def as_exchange(
    a: Table,
    b: Table,
    weights: tuple[FloatArray | None, FloatArray | None],
    blocks: str | int | None,
    paired: bool,
) -> Exchange:
    """Check `blocks` and `paired` against the tables.

    Raises
    ------
    InvalidInputError
        If a column of blocks is not in both tables or has missing values, if rows are to be paired
        in tables of different lengths, or if a number is not positive.
    """
    sizes = a.n_rows, b.n_rows
    masses = None
    if weights[0] is not None or weights[1] is not None:
        masses = _masses(weights[0], sizes[0]), _masses(weights[1], sizes[1])
    if not isinstance(paired, bool):
        raise InvalidInputError("paired", "be True or False", repr(paired))
    if paired and sizes[0] != sizes[1]:
        found = f"{sizes[0]:,} and {sizes[1]:,} rows"
        raise InvalidInputError("paired", "be left out unless both tables have as many rows", found)
    if blocks is None:
        words = "pairs of rows, row i of A with row i of B" if paired else "rows"
        return Exchange(sizes=sizes, masses=masses, blocks=None, paired=paired, words=words)
    codes, words = _blocks(a, b, blocks, paired)
    return Exchange(sizes=sizes, masses=masses, blocks=codes, paired=paired, words=words)


def _masses(weights: FloatArray | None, n: int) -> FloatArray:
    return np.ones(n) if weights is None else weights * n


def _blocks(
    a: Table, b: Table, blocks: str | int, paired: bool
) -> tuple[tuple[IndexArray, IndexArray], str]:
    if isinstance(blocks, str):
        left, right = _column_blocks(a, "a", blocks), _column_blocks(b, "b", blocks)
        words = f"blocks of rows with one {blocks}"
    else:
        size = check_positive_integer("blocks", blocks)
        left, right = np.arange(a.n_rows) // size, np.arange(b.n_rows) // size
        words = f"blocks of {size:,} rows in their order"
    if not paired:
        right = right + (int(left.max()) + 1)
    elif not np.array_equal(left, right):
        raise InvalidInputError("blocks", "name the same block for both rows of a pair", blocks)
    counts = [np.unique(side).size for side in (left, right)]
    words += f" ({counts[0]:,} and {counts[1]:,})"
    if min(counts) < FEW_BLOCKS:
        words += ", which are few"
    return (left, right), words


def _column_blocks(table: Table, argument: str, name: str) -> IndexArray:
    """Codes of a column's values, in whatever order."""
    if name not in table.columns:
        raise InvalidInputError("blocks", f"name a column of `{argument}`", repr(name))
    try:
        column = decode(table.columns[name])
    except ColumnError as error:
        raise InvalidInputError("blocks", f"be readable in `{argument}`", str(error)) from None
    if not column.present.all():
        missing = int(np.count_nonzero(~column.present))
        where = f"({missing:,} missing values)"
        raise InvalidInputError("blocks", f"have a value in every row of `{argument}`", name, where)
    values: Any = column.values
    return np.unique(values, return_inverse=True)[1].reshape(-1).astype(np.int64)
