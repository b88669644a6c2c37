"""Costs of some pairs: all others are forbidden."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._frozen import freeze, restore
from .._typing import FloatArray, IndexArray
from .._validation import as_exact_array, describe
from ..errors import InvalidInputError

__all__ = ["SparseCost", "is_sparse"]

# Formats of SciPy that keep what was stored. A diagonal or a block also holds numbers that nobody
# put there, and a zero of these is no cost.
_STORED = ("coo", "csc", "csr", "dok", "lil")


@dataclass(frozen=True, slots=True, eq=False, repr=False, init=False)
class SparseCost:
    """Costs of some pairs of two index sets: what is not stored is forbidden.

    A stored zero is a cost of 0, and a stored `inf` forbids its pair like one that is not stored.
    The array is copied, to entries ordered by row and column: 24 bytes each.

    Parameters
    ----------
    C : scipy.sparse array or matrix, shape (n, m)
        Costs of any finite sign, in the formats COO, CSC, CSR, DOK or LIL.

    Attributes
    ----------
    shape : tuple of int
        Numbers of rows and columns (n, m).
    rows, columns : array, shape (k,)
        The allowed pairs.
    values : array, shape (k,)
        What they cost.
    starts : array, shape (n + 1,)
        Row i has the entries ``starts[i]`` to ``starts[i + 1] - 1``.

    Raises
    ------
    InvalidInputError
        If it is no sparse array of real numbers, holds NaN or -inf, or a pair twice: SciPy would
        add the two costs up, and of parallel arcs one means the cheaper.

    Examples
    --------
    >>> from scipy.sparse import coo_array
    >>> from otdiv import SparseCost
    >>> SparseCost(coo_array(([0.0, 2.0], ([0, 1], [1, 0])), shape=(2, 2)))
    SparseCost(shape=(2, 2), n_entries=2)
    """

    rows: IndexArray = field(init=False)
    columns: IndexArray = field(init=False)
    values: FloatArray = field(init=False)
    shape: tuple[int, int] = field(init=False)
    starts: IndexArray = field(init=False)

    __setstate__ = restore

    def __init__(self, C: Any) -> None:
        self._hold(*_stored_entries(C))

    def _hold(
        self, rows: IndexArray, columns: IndexArray, values: FloatArray, shape: tuple[int, int]
    ) -> None:
        starts = np.searchsorted(rows, np.arange(shape[0] + 1))
        freeze(self, rows=rows, columns=columns, values=values, shape=shape, starts=starts)

    @classmethod
    def of_entries(
        cls, rows: IndexArray, columns: IndexArray, values: FloatArray, shape: tuple[int, int]
    ) -> SparseCost:
        """Costs of distinct pairs (k,) that are ordered by row and column; nothing is checked."""
        cost = object.__new__(cls)
        cost._hold(rows, columns, values, shape)
        return cost

    @property
    def n_entries(self) -> int:
        """Number of allowed pairs."""
        return int(self.values.size)

    def at(self, rows: IndexArray, columns: IndexArray) -> FloatArray:
        """Costs (k,) of the pairs (rows[e], columns[e]), `inf` where they are forbidden."""
        places, found = self.places(rows, columns)
        costs = np.full(rows.shape, np.inf)
        costs[found] = self.values[places[found]]
        return costs

    def places(self, rows: IndexArray, columns: IndexArray) -> tuple[IndexArray, np.ndarray]:
        """Entries (k,) that hold the pairs (rows[e], columns[e]), and which of these there are."""
        m = self.shape[1]
        keys, wanted = self.rows * m + self.columns, np.asarray(rows) * m + columns
        places = np.searchsorted(keys, wanted)
        found = places < keys.size
        found[found] = keys[places[found]] == wanted[found]
        return places, found

    def block(self, start: int, stop: int) -> FloatArray:
        """Costs (stop - start, m) of the rows start..stop-1, with `inf` for forbidden pairs."""
        stop = min(stop, self.shape[0])
        C = np.full((max(stop - start, 0), self.shape[1]), np.inf)
        part = slice(self.starts[start], self.starts[max(start, stop)])
        C[self.rows[part] - start, self.columns[part]] = self.values[part]
        return C

    def least_of_rows(self, g: FloatArray) -> FloatArray:
        """min_j C_ij - g_j of every row (n,), `inf` where all pairs are forbidden."""
        least = np.full(self.shape[0], np.inf)
        filled = np.flatnonzero(self.starts[1:] > self.starts[:-1])
        if filled.size:
            differences = self.values - g[self.columns]
            least[filled] = np.minimum.reduceat(differences, self.starts[filled])
        return least

    def least_of_columns(self, f: FloatArray) -> FloatArray:
        """min_i C_ij - f_i of every column (m,), `inf` where all pairs are forbidden."""
        least = np.full(self.shape[1], np.inf)
        np.minimum.at(least, self.columns, self.values - f[self.rows])
        return least

    def kept(self, entries: np.ndarray) -> SparseCost:
        """The same with only these entries, a mask (k,) or increasing numbers."""
        pairs = self.rows[entries], self.columns[entries]
        return SparseCost.of_entries(*pairs, self.values[entries], self.shape)

    def times(self, factor: float) -> SparseCost:
        """The same pairs at `factor` times their costs."""
        return SparseCost.of_entries(self.rows, self.columns, self.values * factor, self.shape)

    def __repr__(self) -> str:
        return f"SparseCost(shape={self.shape}, n_entries={self.n_entries})"


def is_sparse(value: Any) -> bool:
    """Whether `value` is a sparse array or matrix of SciPy, which is not loaded to find out."""
    sparse = sys.modules.get("scipy.sparse")
    return sparse is not None and bool(sparse.issparse(value))


def _stored_entries(C: Any) -> tuple[IndexArray, IndexArray, FloatArray, tuple[int, int]]:
    """Rows, columns and costs of the allowed pairs, ordered by row and column, and the shape."""
    if not is_sparse(C):
        hint = "(`CostMatrix` holds an array; `scipy.sparse.coo_array((costs, (i, j)), shape)`)"
        raise InvalidInputError("C", "be a sparse array of SciPy", describe(C), hint)
    if C.format not in _STORED:
        raise InvalidInputError(
            "C",
            f"have one of the formats {', '.join(_STORED)}",
            C.format,
            "(whose zeros may be costs or nothing: `scipy.sparse.coo_array` of the pairs tells)",
        )
    shape = tuple(int(size) for size in C.shape)
    if len(shape) != 2:
        raise InvalidInputError("C", "have shape (n, m)", f"shape {shape}")
    if 0 in shape:
        raise InvalidInputError("C", "have at least one row and one column", f"shape {shape}")
    stored = C.tocoo()
    values = as_exact_array("C", stored.data)
    rows, columns = stored.row.astype(np.int64), stored.col.astype(np.int64)
    inside = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    if not inside.all():
        e = int(np.argmin(inside))
        pair = f"the pair {(int(rows[e]), int(columns[e]))}"
        raise InvalidInputError("C", f"hold pairs of its shape {shape}", pair)
    bad = np.isnan(values) | (values == -np.inf)
    if bad.any():
        requirement = "hold numbers or +inf (a forbidden pair)"
        e = int(np.argmax(bad))
        where = f"at the pair {(int(rows[e]), int(columns[e]))}"
        raise InvalidInputError("C", requirement, float(values[e]), where)
    keys = rows * shape[1] + columns
    if not (keys[1:] > keys[:-1]).all():
        order = np.argsort(keys, kind="stable")
        rows, columns, values, keys = rows[order], columns[order], values[order], keys[order]
        again = np.flatnonzero(keys[1:] == keys[:-1])
        if again.size:
            e = int(again[0])
            hint = "(`C.sum_duplicates()` adds them up; of parallel arcs keep the cheaper)"
            pair = f"the pair {(int(rows[e]), int(columns[e]))} twice"
            raise InvalidInputError("C", "hold every pair once", pair, hint)
    allowed = values < np.inf
    if not allowed.all():
        rows, columns, values = rows[allowed], columns[allowed], values[allowed]
    return rows, columns, values.copy(), (shape[0], shape[1])
