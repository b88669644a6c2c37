"""A plan of two clouds with all its entries: stored in single precision, or summed in double.

Steps of Newton and Sinkhorn need few digits, and half the bytes are half the time of a product. The
sums of the plan that they arrive at are taken once in double precision, without storing it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .._kernels.exponential import SQUARED
from .._kernels.gibbs import pair_exponents
from .._typing import FloatArray
from .stored_plans import CompletePlan

# Rows of a block of exponents, so that it stays in the second-level cache: 1 MB at 4000 columns.
_BLOCK = 32
# Numbers that are added up in single precision one after the other where the sum must not err by
# more than 256 * 2**-24 = 1.5e-5.
_RUN = 256
# Dimensions up to which a loop over coordinates is faster than a product of matrices.
_FEW_DIMENSIONS = 4


class WholePlan(CompletePlan):
    """All entries of a plan in single precision."""

    # Entries of 2**-86 and more stay normal numbers.
    most_bits = 40.0

    def careful_product(self, w: FloatArray) -> FloatArray:
        """P w (n,), in single precision only within runs of columns, in double between them."""
        out, w = np.zeros(self._rows.size), (self._columns * w).astype(np.float32)
        for first in range(0, w.size, _RUN):
            out += self._plan[:, first : first + _RUN] @ w[first : first + _RUN]
        return self._rows * out

    def _multiply(self, w: FloatArray) -> FloatArray:
        return np.asarray(self._plan @ w.astype(np.float32))

    def _multiply_transposed(self, z: FloatArray) -> FloatArray:
        return np.asarray(z.astype(np.float32) @ self._plan)


class PairExponents:
    """Exponents u_i + v_j - c_ij of all pairs, a block of rows at a time.

    Points x (n, d), y (d, m) are in the form that `fill_exponents` describes, and so are the
    potentials row (n,), column (m,).
    """

    def __init__(
        self, x: FloatArray, row: FloatArray, y: FloatArray, column: FloatArray, metric: int
    ):
        self.n, self.m = row.size, column.size
        self._pairs = x, row, y, column, metric
        self._multiplied = metric == SQUARED and x.shape[1] > _FEW_DIMENSIONS

    def store(self, values: NDArray[np.float32]) -> None:
        """Write the whole plan to `values` (n, m)."""
        for block, exponents in self._blocks():
            pair_exponents.store_powers(exponents, values[block])

    def sums(self, u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Row sums (n,), column sums (m,), and column sums (m,) of the plan times the costs.

        The cost of a pair is u_i + v_j less its exponent.
        """
        rows, columns, costs = np.empty(self.n), np.zeros(self.m), np.zeros(self.m)
        for block, exponents in self._blocks():
            pair_exponents.sum_powers(exponents, u[block], v, rows[block], columns, costs)
        return rows, columns, costs

    def _blocks(self) -> Iterator[tuple[slice, FloatArray]]:
        x, row, y, column, metric = self._pairs
        memory = np.empty((_BLOCK, self.m))
        if self._multiplied:
            rows = np.column_stack([x, row, np.ones(self.n)])
            columns = np.vstack([y, np.ones(self.m), column])
        for first in range(0, self.n, _BLOCK):
            block = slice(first, min(first + _BLOCK, self.n))
            exponents = memory[: block.stop - first]
            if self._multiplied:
                np.matmul(rows[block], columns, out=exponents)
            else:
                pair_exponents.fill_rows(x[block], row[block], y, column, metric, exponents)
            yield block, exponents
