"""Diagrams as callers have them: pairs (birth, death), some of them at infinity."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._typing import FloatArray, IndexArray
from .._validation import as_real_array, first_index
from ..errors import InvalidInputError

__all__ = ["Diagram", "as_diagram"]


class Diagram(NamedTuple):
    """The points of a diagram by kind, with their rows in what the caller gave.

    Points on the diagonal are left out: they go to the diagonal for nothing.
    """

    points: FloatArray
    """Finite points (k, 2) above the diagonal."""
    rows: IndexArray
    """Their rows (k,)."""
    given: FloatArray
    """All rows (n, 2)."""
    forever: tuple[tuple[FloatArray, IndexArray], ...]
    """Points (birth, inf), (-inf, death) and (-inf, inf): the finite coordinate, or 0, and rows."""

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.given)

    @property
    def halves(self) -> FloatArray:
        """Half the persistence (k,) of the finite points, once rounded."""
        return np.asarray(0.5 * self.points[:, 1] - 0.5 * self.points[:, 0])


def as_diagram(name: str, value: Any) -> Diagram:
    """Coerce an array (n, 2) of births and deaths, n = 0 included.

    Raises
    ------
    InvalidInputError
        For another shape, NaN, a death before its birth, or a point that is infinitely late.
    """
    array = as_real_array(name, value)
    if array.size == 0 and array.ndim <= 2:
        array = np.empty((0, 2))
    if array.ndim != 2 or array.shape[1] != 2:
        requirement = "have shape (n, 2): a birth and a death a row"
        hint = "(GUDHI's pairs with their dimension: take those of one dimension)"
        raise InvalidInputError(name, requirement, f"shape {array.shape}", hint)
    array = np.asarray(array, dtype=np.float64)
    if np.isnan(array).any():
        raise InvalidInputError(name, "hold numbers", "nan", first_index(np.isnan(array)))
    births, deaths = array[:, 0], array[:, 1]
    early = deaths < births
    if early.any():
        i = int(np.argmax(early))
        found = f"({births[i]:g}, {deaths[i]:g}) in row {i}"
        hint = "(of a filtration that falls, give minus both numbers, in the other order)"
        raise InvalidInputError(name, "have no death before its birth", found, hint)
    late = (births == np.inf) | (deaths == -np.inf)
    if late.any():
        i = int(np.argmax(late))
        found = f"({births[i]:g}, {deaths[i]:g}) in row {i}"
        raise InvalidInputError(name, "have births below inf and deaths above -inf", found)
    from_ever, for_ever = births == -np.inf, deaths == np.inf
    finite = ~(from_ever | for_ever) & (deaths > births)
    rows = np.flatnonzero(finite)
    forever = []
    for mask, column in ((for_ever & ~from_ever, 0), (from_ever & ~for_ever, 1)):
        found_rows = np.flatnonzero(mask)
        forever.append((array[found_rows, column], found_rows))
    both = np.flatnonzero(from_ever & for_ever)
    forever.append((np.zeros(both.size), both))
    return Diagram(np.ascontiguousarray(array[rows]), rows, array, tuple(forever))
