"""A plan of two clouds stored whole: in single precision, and summed in double without that.

Steps of Newton and Sinkhorn need few digits, and half the bytes are half the time of a product.
What the steps arrive at is summed once in double precision, without being stored.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .._kernels._jit import fast_kernel
from .._kernels.exponential import TILE, fill_exponents, power_of_two, single_power_of_two
from .stored_plans import CompletePlan

# Rows of a block of exponents, which stays in the second-level cache.
_BLOCK = 32
# Singles that are added up one after the other where that must not err by more than 2e-5.
_RUN = 256
# Up to so many dimensions adding up coordinates is faster than a product of matrices.
_FEW_DIMENSIONS = 4


class WholePlan(CompletePlan):
    """All entries of a plan in single precision."""

    # Entries that weigh anything stay normal numbers.
    most_bits = 40.0

    def careful_product(self, w: np.ndarray) -> np.ndarray:
        """P w (n,) where no more than some hundreds of singles are added up as such."""
        out, w = np.zeros(self._rows.size), (self._columns * w).astype(np.float32)
        for first in range(0, w.size, _RUN):
            out += self._plan[:, first : first + _RUN] @ w[first : first + _RUN]
        return self._rows * out

    def _multiply(self, w):
        return self._plan @ w.astype(np.float32)

    def _multiply_transposed(self, z):
        return z.astype(np.float32) @ self._plan


class PairExponents:
    """Exponents u_i + v_j - c_ij of all pairs, a block of rows at a time.

    Points x (n, d), y (d, m) are in the form that `fill_exponents` describes, and so are the
    potentials row (n,), column (m,).
    """

    def __init__(self, x, row, y, column, root):
        self.n, self.m = row.size, column.size
        self._pairs = x, row, y, column, root
        self._multiplied = not root and x.shape[1] > _FEW_DIMENSIONS

    def store(self, values: np.ndarray) -> None:
        """Write all of the plan to (n, m) singles."""
        for some, exponents in self._blocks():
            _store_powers(exponents, values[some])

    def sums(self, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Sums over rows (n,) and columns (m,), and of the plan times the costs over columns (m,).

        The cost of a pair is what its exponent is below the potentials u (n,), v (m,).
        """
        rows, columns, costs = np.empty(self.n), np.zeros(self.m), np.zeros(self.m)
        for some, exponents in self._blocks():
            _sum_powers(exponents, u[some], v, rows[some], columns, costs)
        return rows, columns, costs

    def _blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        x, row, y, column, root = self._pairs
        memory = np.empty((_BLOCK, self.m))
        if self._multiplied:
            rows = np.column_stack([x, row, np.ones(self.n)])
            columns = np.vstack([y, np.ones(self.m), column])
        for first in range(0, self.n, _BLOCK):
            some = slice(first, min(first + _BLOCK, self.n))
            exponents = memory[: some.stop - first]
            if self._multiplied:
                np.matmul(rows[some], columns, out=exponents)
            else:
                _fill_rows(x[some], row[some], y, column, root, exponents)
            yield some, exponents


@fast_kernel
def _fill_rows(x, row, y, column, root, out):
    """Exponents (k, m) of all pairs of x (k, d) and y (d, m)."""
    for i in range(row.size):
        for start in range(0, column.size, TILE):
            stop = min(start + TILE, column.size)
            fill_exponents(x, i, row[i], y, column, start, root, out[i, start:stop])


@fast_kernel
def _store_powers(exponents, values):
    """Write 2**exponents (k, m), rounded."""
    for i in range(exponents.shape[0]):
        source, target = exponents[i], values[i]
        for j in range(source.size):
            target[j] = single_power_of_two(source[j])


@fast_kernel
def _sum_powers(exponents, row_bits, column_bits, rows, columns, costs):
    """Sums of 2**exponents over the rows (k,), added to those of the columns; costs likewise."""
    for i in range(rows.size):
        total, bits = 0.0, row_bits[i]
        source = exponents[i]
        for j in range(source.size):
            power = power_of_two(source[j])
            total += power
            columns[j] += power
            costs[j] += power * ((bits + column_bits[j]) - source[j])
        rows[i] = total
