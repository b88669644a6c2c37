"""Costs of all pairs as an array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .._frozen import freeze, restore
from .._typing import ArrayLike, FloatArray
from .._validation import as_cost_matrix

__all__ = ["CostMatrix"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CostMatrix:
    """Explicit costs (n, m) between two index sets: any finite sign, `inf` forbids a pair.

    The matrix is not copied when it is a C-order float64 array already; do not change it while a
    problem holds it.

    Parameters
    ----------
    values : array_like, shape (n, m)
        Costs in the caller's unit.

    Raises
    ------
    InvalidInputError
        If it is not a 2-D array of real numbers, or holds NaN or -inf.
    """

    values: FloatArray

    if TYPE_CHECKING:  # what is given is coerced

        def __init__(self, values: ArrayLike) -> None: ...

    __setstate__ = restore

    def __post_init__(self) -> None:
        freeze(self, values=as_cost_matrix("C", self.values))

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return (int(self.values.shape[0]), int(self.values.shape[1]))

    def __repr__(self) -> str:
        return f"CostMatrix(shape={self.shape})"
