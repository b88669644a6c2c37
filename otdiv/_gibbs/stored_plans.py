"""Entropic plans as matrices that follow the potentials while these stay near.

A plan is made once and moved to other potentials by factors of its rows and columns. It is stored
in ranges of columns, in compressed rows or as a whole, or not at all (`FusedPlan`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .._kernels.gibbs import point_sums, sparse_sums
from .._typing import FloatArray, IndexArray
from .pruned_sums import PrunedSums
from .ranges import Ranges

# Bits by which potentials may move in any case; by taste: what is left out grows fourfold then.
_FREE_BITS = 2.0
# Bits by which they may move at most: products of factors and entries must not overflow, at 1024.
_LARGEST_MOVE = 200.0
# Stands for a truncation of 0, whose logarithm is taken.
_NOTHING = 1e-300
# Relative rounding of an entry in single precision.
_SINGLE_ROUNDING = 2.0**-24


class _MovedPlan(ABC):
    """A plan that follows the potentials while they stay near those it was made for."""

    exact = False
    """Whether its sums can serve as marginals."""
    rounding = 0.0
    """Relative rounding of its entries beyond that of double precision."""

    def __init__(self, u: FloatArray, v: FloatArray, truncation: float):
        self._u, self._v, self.truncation = u.copy(), v.copy(), truncation

    def moves(self, u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Differences of (u, v) from the potentials that the plan was made for."""
        return u - self._u, v - self._v

    def move(self, u: FloatArray, v: FloatArray, allowed: float) -> bool:
        """Take the plan to (u, v); False, and nothing happens, where that is too far.

        What was left out of a row grows with the potentials; `allowed` is the share that may be
        missing there, or what was left out in the first place if that is more.
        """
        du, dv = self.moves(u, v)
        growth = max(float(du.max()), 0.0) + max(float(dv.max()), 0.0)
        shrinkage = max(-float(du.min()), 0.0) + max(-float(dv.min()), 0.0)
        # Rows and columns that shrink make what is missing from them a larger share of them.
        bits = growth + shrinkage
        limit = max(np.log2(max(allowed, _NOTHING) / self.truncation), _FREE_BITS)
        if not bits <= min(limit, _LARGEST_MOVE):
            return False
        self._follow(u, v, du, dv)
        return True

    @abstractmethod
    def _follow(self, u: FloatArray, v: FloatArray, du: FloatArray, dv: FloatArray) -> None: ...


class ScaledPlan(_MovedPlan):
    """A stored matrix with row and column factors."""

    exact = True

    def __init__(self, u: FloatArray, v: FloatArray, truncation: float, *, single: bool = False):
        super().__init__(u, v, truncation)
        self.rounding = _SINGLE_ROUNDING if single else 0.0
        self._rows, self._columns = np.ones(u.size), np.ones(v.size)

    def _follow(self, u: FloatArray, v: FloatArray, du: FloatArray, dv: FloatArray) -> None:
        self._rows, self._columns = np.exp2(du), np.exp2(dv)

    @abstractmethod
    def _multiply(self, w: FloatArray) -> FloatArray: ...

    @abstractmethod
    def _multiply_transposed(self, z: FloatArray) -> FloatArray: ...

    def row_sums(self) -> FloatArray:
        """Row sums (n,) at the current potentials."""
        return self._rows * self._multiply(self._columns)

    def column_sums(self) -> FloatArray:
        """Column sums (m,) at the current potentials."""
        return self._columns * self._multiply_transposed(self._rows)

    def product(self, w: FloatArray) -> FloatArray:
        """P w (n,)."""
        return self._rows * self._multiply(self._columns * w)

    def transposed_product(self, z: FloatArray) -> FloatArray:
        """P^T z (m,)."""
        return self._columns * self._multiply_transposed(self._rows * z)


class StoredPlan(ScaledPlan):
    """The kept ranges of a plan between clouds."""

    def __init__(
        self,
        values: NDArray[Any],
        ranges: Ranges,
        offsets: IndexArray,
        u: FloatArray,
        v: FloatArray,
        truncation: float,
    ):
        super().__init__(u, v, truncation, single=values.dtype == np.float32)
        self._values, self._ranges, self._offsets = values, ranges, offsets

    def _multiply(self, w: FloatArray) -> FloatArray:
        out = np.empty(self._u.size)
        point_sums.stored_products(self._values, *self._ranges, self._offsets, w, out)
        return out

    def _multiply_transposed(self, z: FloatArray) -> FloatArray:
        out = np.empty(self._v.size)
        point_sums.stored_transposed_products(self._values, *self._ranges, self._offsets, z, out)
        return out


class CompressedPlan(ScaledPlan):
    """The entries of a plan between clouds that weigh anything, as compressed rows."""

    def __init__(
        self,
        begins: IndexArray,
        columns: NDArray[np.uint32],
        values: NDArray[Any],
        u: FloatArray,
        v: FloatArray,
        truncation: float,
    ):
        super().__init__(u, v, truncation, single=values.dtype == np.float32)
        self._entries = begins, columns, values
        self.n_entries = values.size

    def _multiply(self, w: FloatArray) -> FloatArray:
        out = np.empty(self._u.size)
        sparse_sums.products(*self._entries, w, out)
        return out

    def _multiply_transposed(self, z: FloatArray) -> FloatArray:
        out = np.empty(self._v.size)
        sparse_sums.transposed_products(*self._entries, z, out)
        return out


class CompletePlan(ScaledPlan):
    """A plan as a full (n, m) array."""

    most_bits: ClassVar[float]
    """Bits by which potentials may move from where it was made."""

    def __init__(self, plan: NDArray[Any], u: FloatArray, v: FloatArray):
        super().__init__(u, v, _NOTHING)
        self._plan = plan

    def move(self, u: FloatArray, v: FloatArray, allowed: float = 0.0) -> bool:
        """See `_MovedPlan.move`: only the range of the numbers is a limit here."""
        du, dv = self.moves(u, v)
        if not np.abs(du).max() + np.abs(dv).max() <= self.most_bits:
            return False
        self._follow(u, v, du, dv)
        return True


class DensePlanMatrix(CompletePlan):
    """All entries of a plan in double precision."""

    most_bits = 2.0 * _LARGEST_MOVE

    def _multiply(self, w: FloatArray) -> FloatArray:
        return np.asarray(self._plan @ w)

    def _multiply_transposed(self, z: FloatArray) -> FloatArray:
        return np.asarray(z @ self._plan)


class FusedPlan(_MovedPlan):
    """Products that compute every entry when it is needed: no memory, about as fast as reading."""

    def __init__(
        self,
        kernel: PrunedSums,
        by_row: Ranges,
        by_column: Ranges,
        u: FloatArray,
        v: FloatArray,
    ):
        super().__init__(u, v, kernel.truncation)
        self._kernel, self._by_row, self._by_column = kernel, by_row, by_column
        self._now = u, v

    def _follow(self, u: FloatArray, v: FloatArray, du: FloatArray, dv: FloatArray) -> None:
        self._now = u, v

    def row_sums(self) -> FloatArray:
        """Row sums (n,) at the current potentials."""
        return self.product(np.ones(self._v.size))

    def column_sums(self) -> FloatArray:
        """Column sums (m,) at the current potentials."""
        return self.transposed_product(np.ones(self._u.size))

    def product(self, w: FloatArray) -> FloatArray:
        """P w (n,)."""
        u, v = self._now
        kernel = self._kernel
        weights = np.ascontiguousarray(w)[None, :]
        return kernel.products(kernel.x, kernel.y, u, v, self._by_row, weights)[:, 0]

    def transposed_product(self, z: FloatArray) -> FloatArray:
        """P^T z (m,)."""
        u, v = self._now
        kernel = self._kernel
        weights = np.ascontiguousarray(z)[None, :]
        return kernel.products(kernel.y, kernel.x, v, u, self._by_column, weights)[:, 0]
