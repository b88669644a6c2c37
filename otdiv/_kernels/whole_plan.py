"""A plan of two clouds stored whole: in single precision, with its sums in double beside it.

Steps of Newton and Sinkhorn need few digits, and half the bytes are half the time of a product.
What the steps arrive at is summed once in double precision, without being stored.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ._jit import fast_kernel
from .exponential import TILE, fill_exponents, power_of_two
from .plan_matrices import ScaledPlan

# Factors move a plan by at most this many bits: entries that weigh anything stay normal numbers.
_LARGEST_MOVE = 40.0
# Rows of a block of exponents, which stays in the second-level cache.
_BLOCK = 32


class WholePlan(ScaledPlan):
    """All entries of a plan in single precision.

    Attributes
    ----------
    stored_sums : (n,) float64, row sums where it was stored, in double precision
    """

    def __init__(self, values: np.ndarray, sums: np.ndarray, u: np.ndarray, v: np.ndarray):
        super().__init__(u, v, 1e-300)
        self._plan, self.stored_sums = values, sums

    def move(self, u: np.ndarray, v: np.ndarray, allowed: float = 0.0) -> bool:
        """See `_MovedPlan.move`: only the range of the numbers is a limit here."""
        du, dv = self.moves(u, v)
        if not np.abs(du).max() + np.abs(dv).max() <= _LARGEST_MOVE:
            return False
        self._follow(u, v, du, dv)
        return True

    def _multiply(self, w):
        return self._plan @ w.astype(np.float32)

    def _multiply_transposed(self, z):
        return z.astype(np.float32) @ self._plan


class PairExponents:
    """Exponents u_i + v_j - c_ij of all pairs, a block of rows at a time.

    Points are in the form that `fill_exponents` describes, and so are the potentials row, column.
    """

    def __init__(self, x, row, y, column, root):
        self.n, self.m, self.root = row.size, column.size, root
        if root:
            self._pairs = x, row, y, column
        else:
            self._rows = np.column_stack([x, row, np.ones(self.n)])
            self._columns = np.vstack([y, np.ones(self.m), column])

    def store(self, values: np.ndarray) -> np.ndarray:
        """Write all of the plan to (n, m); return its row sums before they were rounded."""
        sums = np.empty(self.n)
        for some, exponents in self._blocks():
            _store_powers(exponents, values[some], sums[some])
        return sums

    def sums(self, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Sums over rows (n,) and columns (m,), and of the plan times the costs over columns (m,).

        The cost of a pair is what its exponent is below the potentials u (n,), v (m,).
        """
        rows, columns, costs = np.empty(self.n), np.zeros(self.m), np.zeros(self.m)
        for some, exponents in self._blocks():
            _sum_powers(exponents, u[some], v, rows[some], columns, costs)
        return rows, columns, costs

    def _blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        memory = np.empty((_BLOCK, self.m))
        for first in range(0, self.n, _BLOCK):
            some = slice(first, min(first + _BLOCK, self.n))
            exponents = memory[: some.stop - first]
            if self.root:
                x, row, y, column = self._pairs
                _fill_rows(x[some], row[some], y, column, exponents)
            else:
                np.matmul(self._rows[some], self._columns, out=exponents)
            yield some, exponents


@fast_kernel
def _fill_rows(x, row, y, column, out):
    """out[i] = row[i] + column - |x_i - y|."""
    for i in range(row.size):
        for start in range(0, column.size, TILE):
            stop = min(start + TILE, column.size)
            fill_exponents(x, i, row[i], y, column, start, True, out[i, start:stop])


@fast_kernel
def _store_powers(exponents, values, sums):
    """Write 2**exponents (k, m), rounded, and the sums (k,) of the rows before that."""
    for i in range(sums.size):
        total = 0.0
        source, target = exponents[i], values[i]
        for j in range(source.size):
            power = power_of_two(source[j])
            target[j] = power
            total += power
        sums[i] = total


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
