"""`CategoryState`: how often each category occurs, in one pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import numpy as np

from .._optional import import_optional
from .._typing import IndexArray
from .._validation import describe
from ..errors import InvalidInputError, UnsupportedProblemError
from ..sources.columns import Column, open_column
from ..sources.source import Unreadable
from .encoding import packed, refused, unpacked

__all__ = ["Category", "CategoryState", "category_counts", "category_state"]

Category: TypeAlias = str | int | bool

_MOST = 2**22
"""Categories of a state; a column of more is one of names, none of which occurs twice."""

_KINDS: dict[str, type] = {"bool": bool, "int": int, "str": str}
_REQUIREMENT = "hold texts, whole numbers or truth values"


class CategoryState:
    """Counts of the categories of one column: texts, whole numbers, truth values.

    States that saw the same rows are equal, whatever the order and the merging.

    Attributes
    ----------
    n : int
        Rows with a category.
    n_missing : int
        Rows without one.

    Examples
    --------
    >>> from otdiv.streaming import CategoryState
    >>> state = CategoryState().update(["a", "b", "a", None])
    >>> state.counts, state.n_missing
    ({'a': 2, 'b': 1}, 1)
    >>> CategoryState.from_bytes(state.to_bytes()) == state
    True
    """

    __slots__ = ("_counts", "n_missing")
    __hash__ = None  # type: ignore[assignment]  # a state grows

    def __init__(self) -> None:
        # True and 1 are equal in Python: the kind tells them apart.
        self._counts: Counter[tuple[str, Category]] = Counter()
        self.n_missing = 0

    @property
    def n(self) -> int:
        """Rows with a category."""
        return sum(self._counts.values())

    @property
    def counts(self) -> dict[Category, int]:
        """Counts by category, in order."""
        return {category: self._counts[kind, category] for kind, category in sorted(self._counts)}

    def update(self, values: Any) -> CategoryState:
        """Add rows.

        Parameters
        ----------
        values : sequence, array, Series or Arrow array (n,)
            None and NaN are missing.

        Returns
        -------
        CategoryState
            The state itself.

        Raises
        ------
        InvalidInputError
            If an entry is no category.
        UnsupportedProblemError
            If there are more than four million categories.
        """
        for value, count in _counted(values):
            self._add(value, count)
        if len(self._counts) > _MOST:
            raise UnsupportedProblemError(
                f"a column of more than {_MOST} categories; group them, or compare numbers"
            )
        return self

    def _add(self, value: Any, count: int) -> None:
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or value != value:
            self.n_missing += count
            return
        kind = type(value).__name__
        if kind not in _KINDS:
            raise InvalidInputError("values", _REQUIREMENT, describe(value))
        self._counts[kind, value] += count

    def merge(self, other: CategoryState) -> CategoryState:
        """Add the rows of another state, which stays as it is."""
        if not isinstance(other, CategoryState):
            raise InvalidInputError("other", "be a CategoryState", type(other).__name__)
        # A copy, since a state may be merged with itself.
        for key, count in list(other._counts.items()):
            self._counts[key] += count
        self.n_missing += other.n_missing
        return self

    def to_bytes(self) -> bytes:
        """Return the state as bytes; equal states have equal ones."""
        keys = sorted(self._counts)
        fields = {
            "kinds": [kind for kind, _ in keys],
            # Whole numbers as texts: JSON of other languages has none beyond 53 bits.
            "categories": [str(value) for _, value in keys],
            "n_missing": self.n_missing,
        }
        counts = np.array([self._counts[key] for key in keys], dtype=np.int64)
        return packed("CategoryState", fields, {"counts": counts})

    @classmethod
    def from_bytes(cls, data: bytes) -> CategoryState:
        """Return the state of `to_bytes`.

        Raises
        ------
        InvalidInputError
            If the bytes are of something else or of another version, were cut, or were changed.
        """
        fields, arrays = unpacked("CategoryState", data)
        state = cls()
        state.n_missing = fields["n_missing"]
        read: dict[str, Callable[[str], Category]] = {
            "bool": lambda text: text == "True",
            "int": int,
            "str": str,
        }
        rows = zip(fields["kinds"], fields["categories"], arrays["counts"], strict=True)
        for kind, text, count in rows:
            if count <= 0:
                raise refused("CategoryState", "counts that no column has")
            state._counts[kind, read[kind](text)] = int(count)
        return state

    def __reduce__(self) -> tuple[Any, ...]:
        return CategoryState.from_bytes, (self.to_bytes(),)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CategoryState):
            return NotImplemented
        return self._counts == other._counts and self.n_missing == other.n_missing

    def __repr__(self) -> str:
        missing = f", n_missing={self.n_missing}" if self.n_missing else ""
        return f"CategoryState(n={self.n}, {len(self._counts)} categories{missing})"


def category_state(source: Any, column: str | None = None) -> CategoryState:
    """Read one column of categories once, into a state.

    Parameters
    ----------
    source, column
        As `otdiv.sources.open_column` takes them.

    Returns
    -------
    CategoryState

    Raises
    ------
    InvalidInputError
        If the source is unreadable, or its entries are no categories.

    Examples
    --------
    >>> from otdiv.streaming import category_state
    >>> category_state({"state": ["NY", "CA", "NY"]}, "state").counts
    {'CA': 1, 'NY': 2}
    """
    opened = open_column(source, column)
    if opened.weighted:
        raise InvalidInputError("source", "have no weights where categories are counted", "some")
    state = CategoryState()
    for cells in opened.cells():
        state.update(cells)
    return state


def category_counts(
    x: CategoryState | Column, y: CategoryState | Column
) -> tuple[IndexArray, IndexArray, tuple[Category, ...]]:
    """Counts of two columns over the categories of both, as the divergences take them.

    Parameters
    ----------
    x, y : CategoryState or Column

    Returns
    -------
    p, q : int arrays (k,)
        Counts.
    categories : tuple
        In order.

    Raises
    ------
    InvalidInputError
        As in `category_state`, or if a column has no category.

    Examples
    --------
    >>> from otdiv import js_divergence
    >>> from otdiv.streaming import CategoryState, category_counts
    >>> x, y = CategoryState().update("aab"), CategoryState().update("bbc")
    >>> p, q, categories = category_counts(x, y)
    >>> categories, p, js_divergence(p, q)
    (('a', 'b', 'c'), array([2, 1, 0]), 0.3748...)
    """
    states = []
    for name, side in (("x", x), ("y", y)):
        state = side if isinstance(side, CategoryState) else category_state(side)
        if not state.n:
            raise InvalidInputError(name, "have at least one category", repr(state))
        states.append(state)
    keys = sorted({*states[0]._counts, *states[1]._counts})
    p, q = (np.array([state._counts[key] for key in keys], dtype=np.int64) for state in states)
    return p, q, tuple(category for _, category in keys)


def _counted(values: Any) -> Iterable[tuple[Any, int]]:
    """Distinct entries of a column of any library, with their counts."""
    if isinstance(values, Unreadable):
        raise InvalidInputError("values", _REQUIREMENT, values.reason)
    if type(values).__module__.partition(".")[0] == "pyarrow":
        pairs = values.value_counts()
        entries, numbers = pairs.field("values"), pairs.field("counts")
        return zip(entries.to_pylist(), numbers.to_pylist(), strict=True)
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuSU" and values.ndim == 1:
        if values.dtype.kind == "S":
            raise InvalidInputError("values", _REQUIREMENT, "bytes")
        entries, numbers = np.unique(values, return_counts=True)
        return zip(entries.tolist(), numbers.tolist(), strict=True)
    if not isinstance(values, np.ndarray | list | tuple | str):
        narwhals = import_optional("narwhals.stable.v2", extra="cli", purpose="counting categories")
        series = narwhals.from_native(values, series_only=True, pass_through=True)
        if isinstance(series, narwhals.Series):
            # What libraries have for a missing entry does not even compare with itself.
            values = series.drop_nulls().to_list()
            values += [None] * (len(series) - len(values))
        else:
            values = np.asarray(values)
    if isinstance(values, np.ndarray):
        if values.ndim != 1:
            raise InvalidInputError("values", "have shape (n,)", f"shape {values.shape}")
        values = values.tolist()
    try:
        # True and 1 are equal in Python: their types tell them apart.
        counts = Counter((type(value), value) for value in values)
    except TypeError:
        raise InvalidInputError("values", _REQUIREMENT, "entries that are no such thing") from None
    return ((value, count) for (_, value), count in counts.items())
