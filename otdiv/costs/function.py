"""A cost that somebody else's function computes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np

from .._calling import explains_construction
from .._memory import room_for
from .._typing import FloatArray
from .._validation import as_exact_array, check_positive_integer, describe
from ..errors import InvalidInputError
from .derived import DerivedCost, Reduced
from .matrix import CostMatrix

__all__ = ["FunctionCost"]

# Pairs of a block, if nothing else is said: a megabyte an array.
_BLOCK_PAIRS = 2**17


@explains_construction
@dataclass(frozen=True, slots=True)
class FunctionCost(DerivedCost):
    """Costs that a function computes, a block of rows at a time.

    Its values are data, like those of a cost matrix: bounds are of the optimum for just these
    numbers. It is called once for every block, and the costs are kept: 8 n m bytes.

    Parameters
    ----------
    function : callable
        ``function(x, y)`` of points (k, d) and (m, d) returns costs (k, m): numbers of any finite
        sign, or `inf` for a pair that is forbidden.
    block_size : int, optional
        Rows k of a block at most; by default blocks have about 131,000 pairs.

    Raises
    ------
    InvalidInputError
        If `function` is not callable; when it is used, if it returns another shape, NaN or -inf.

    Examples
    --------
    >>> import numpy as np
    >>> from otdiv import FunctionCost, transport
    >>> cost = FunctionCost(lambda x, y: np.log1p(np.abs(x - y.T)))
    >>> round(transport([0.0, 1.0], [1.0, 3.0], cost=cost).value, 6)
    0.693147
    """

    function: Callable[[FloatArray, FloatArray], Any]
    _: KW_ONLY
    block_size: int | None = None

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise InvalidInputError("function", "be callable", describe(self.function))
        if self.block_size is not None:
            size = check_positive_integer("block_size", self.block_size)
            object.__setattr__(self, "block_size", size)

    def reduced(self, x: FloatArray, y: FloatArray) -> Reduced:
        """The matrix of all costs."""
        n, m = x.shape[0], y.shape[0]
        step = self.block_size or max(1, _BLOCK_PAIRS // m)
        with room_for(8 * n * m, f"the costs of {n} x {m} pairs", "fewer points would fit"):
            C = np.empty((n, m))
            for start in range(0, n, step):
                rows = x[start : start + step]
                C[start : start + step] = self._block(rows, y, start)
        return Reduced(x, y, CostMatrix(C))

    def _block(self, x: FloatArray, y: FloatArray, start: int) -> FloatArray:
        costs = as_exact_array("cost", self.function(x, y))
        shape = (x.shape[0], y.shape[0])
        if costs.shape != shape:
            requirement = f"return shape {shape} for points {x.shape} and {y.shape}"
            raise InvalidInputError("cost", requirement, f"shape {costs.shape}")
        bad = np.isnan(costs) | (costs == -np.inf)
        if bad.any():
            i, j = (int(k) for k in np.argwhere(bad)[0])
            where = f"for the pair ({start + i}, {j})"
            raise InvalidInputError("cost", "return numbers or +inf", float(costs[i, j]), where)
        return costs
