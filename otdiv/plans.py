"""Transport plans, stored as sparsely as they are, and dual potentials."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

import numpy as np

from ._arrays import to_like
from ._frozen import restore
from ._memory import check_room
from ._typing import FloatArray, IndexArray
from ._validation import as_exact_array, as_indices
from .costs import Cost, CostMatrix
from .errors import UnsupportedProblemError
from .problems import TransportProblem

if TYPE_CHECKING:
    from scipy.sparse import coo_array

__all__ = [
    "ArrayLikePlan",
    "BlockPlan",
    "DensePlan",
    "Plan",
    "PlanEntries",
    "PotentialArrays",
    "Potentials",
    "ScaledKernelPlan",
    "SparsePlan",
    "as_coo",
    "entries_above",
]

# Bytes of an array that `np.asarray` makes of a plan unasked: a stray call with a plan of a million
# atoms should not take the machine's memory. By taste.
_UNASKED_BYTES = 10**9
# Entries of a block of rows (32 MB).
_BLOCK = 2**22
# Bytes of one entry: row, column and mass.
_ENTRY_BYTES = 24
# What to do where even the entries of a plan in factors are too many.
_ROWS = "`block` makes some rows of it"


class PlanEntries(NamedTuple):
    """Entries of a plan as arrays of somebody's library: mass[e] from rows[e] to columns[e]."""

    rows: Any
    columns: Any
    mass: Any
    shape: tuple[int, int]


class PotentialArrays(NamedTuple):
    """Potentials f (n,), g (m,) as arrays of somebody's library."""

    f: Any
    g: Any


class _Whole(Protocol):
    """A plan that makes an array of itself."""

    @property
    def shape(self) -> tuple[int, int]: ...

    def toarray(self) -> FloatArray: ...

    def tocoo(self) -> coo_array: ...


class ArrayLikePlan:
    """NumPy's manners: ``np.asarray(plan)`` is ``plan.toarray()`` where that is below 1 GB."""

    __slots__ = ()

    def to(self: _Whole, *, like: Any) -> PlanEntries:
        """Return the entries as arrays of the library, floating dtype and device of `like`.

        Parameters
        ----------
        like : array
            A torch tensor, JAX or CuPy array, one of the array API, or NumPy's.

        Returns
        -------
        PlanEntries
            rows, columns and mass (k,) with the plan's shape; copies, from which no gradient flows.
        """
        if isinstance(self, SparsePlan):
            rows, columns, mass = self.rows, self.columns, self.mass
        else:
            entries = self.tocoo()
            rows, columns, mass = (
                entries.row.astype(np.int64),
                entries.col.astype(np.int64),
                entries.data,
            )
        rows, columns, mass = (to_like(array, like) for array in (rows, columns, mass))
        return PlanEntries(rows, columns, mass, self.shape)

    def __array__(self: _Whole, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("a plan that is not stored as an array cannot be one without a copy")
        n, m = self.shape
        needed = 8 * n * m
        if needed > _UNASKED_BYTES:
            way_out = f"{_ROWS}, "
            if isinstance(self, SparsePlan):
                # Where few pairs are left out the entries take no less.
                smaller = _ENTRY_BYTES * self.n_entries < needed
                way_out = "`tocoo()` holds its entries alone, " if smaller else ""
            raise UnsupportedProblemError(
                f"np.asarray of a plan of shape ({n}, {m}) makes {needed} bytes, more than the "
                f"{_UNASKED_BYTES} that are taken unasked; {way_out}`toarray()` makes it by name"
            )
        return np.asarray(self.toarray(), dtype=dtype)


class _Blocks(Protocol):
    """A plan that makes some of its rows."""

    @property
    def shape(self) -> tuple[int, int]: ...

    def block(self, start: int, stop: int) -> FloatArray: ...


def entries_above(
    plan: _Blocks, threshold: float, way_out: str
) -> tuple[IndexArray, IndexArray, FloatArray]:
    """Rows, columns and masses (k,) of the entries above `threshold`, found in blocks of rows.

    `way_out` says what to do where memory does not hold them.
    """
    n, m = plan.shape
    parts = []
    n_entries = 0
    step = max(1, _BLOCK // m)
    for start in range(0, n, step):
        block = plan.block(start, min(n, start + step))
        rows, columns = np.nonzero(block > threshold)
        n_entries += rows.size
        # Twice, while they are joined.
        check_room(2 * _ENTRY_BYTES * n_entries, "the entries of the plan", way_out)
        parts.append((rows + start, columns, block[rows, columns]))
    rows, columns, mass = (np.concatenate(part) for part in zip(*parts, strict=True))
    return rows, columns, mass


def as_coo(
    rows: IndexArray, columns: IndexArray, mass: FloatArray, shape: tuple[int, int]
) -> coo_array:
    """Entries as SciPy's sparse array, which owns them."""
    from scipy.sparse import coo_array  # SciPy is not loaded before it is needed

    return coo_array((mass, (rows, columns)), shape=shape)


def _freeze(instance: object, **arrays: np.ndarray) -> None:
    for name, array in arrays.items():
        view = np.ascontiguousarray(array)[...]
        view.setflags(write=False)
        object.__setattr__(instance, name, view)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SparsePlan(ArrayLikePlan):
    """Plan with mass[e] moved from rows[e] to columns[e]; a pair may occur repeatedly.

    Arrays of the right type in C order are not copied: leave them as they are while it is in use.
    """

    rows: IndexArray
    _: KW_ONLY
    columns: IndexArray
    mass: FloatArray
    shape: tuple[int, int]

    __setstate__ = restore

    def __post_init__(self) -> None:
        _freeze(
            self,
            rows=as_indices("rows", self.rows),
            columns=as_indices("columns", self.columns),
            mass=as_exact_array("mass", self.mass),
        )

    @property
    def n_entries(self) -> int:
        """Number of stored entries."""
        return int(self.mass.size)

    def row_sums(self) -> FloatArray:
        """Source marginal (n,)."""
        sums = np.bincount(self.rows, weights=self.mass, minlength=self.shape[0])
        return np.asarray(sums, dtype=np.float64)

    def column_sums(self) -> FloatArray:
        """Target marginal (m,)."""
        sums = np.bincount(self.columns, weights=self.mass, minlength=self.shape[1])
        return np.asarray(sums, dtype=np.float64)

    def toarray(self) -> FloatArray:
        """Return the plan as an (n, m) array."""
        check_room(
            8 * self.shape[0] * self.shape[1],
            "the plan as an array",
            "`tocoo()` holds the same entries",
        )
        out = np.zeros(self.shape)
        np.add.at(out, (self.rows, self.columns), self.mass)
        return out

    def tocoo(self) -> coo_array:
        """Return the plan as a `scipy.sparse.coo_array` (n, m) of copies of its entries.

        Pairs that occur repeatedly stay so; SciPy's `sum_duplicates()` joins them.
        """
        return as_coo(self.rows.copy(), self.columns.copy(), self.mass.copy(), self.shape)

    def __repr__(self) -> str:
        return f"SparsePlan(shape={self.shape}, n_entries={self.n_entries})"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DensePlan(ArrayLikePlan):
    """Plan as an (n, m) array.

    Arrays of the right type in C order are not copied: leave them as they are while it is in use.
    """

    mass: FloatArray

    __setstate__ = restore

    def __post_init__(self) -> None:
        _freeze(self, mass=as_exact_array("mass", self.mass))

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return (int(self.mass.shape[0]), int(self.mass.shape[1]))

    def block(self, start: int, stop: int) -> FloatArray:
        """Rows start..stop-1 of the plan."""
        return self.mass[start:stop]

    def row_sums(self) -> FloatArray:
        """Source marginal (n,)."""
        return np.asarray(self.mass.sum(axis=1))

    def column_sums(self) -> FloatArray:
        """Target marginal (m,)."""
        return np.asarray(self.mass.sum(axis=0))

    def toarray(self) -> FloatArray:
        """Return the plan as an (n, m) array: `mass` itself, read-only."""
        return self.mass

    def tocoo(self) -> coo_array:
        """Return the entries that are not 0 as a `scipy.sparse.coo_array` (n, m)."""
        needed = 2 * _ENTRY_BYTES * int(np.count_nonzero(self.mass))
        check_room(needed, "the entries of the plan", _ROWS)
        rows, columns = np.nonzero(self.mass)
        return as_coo(rows, columns, self.mass[rows, columns], self.shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        # None copies where the dtype asks for it; False raises there, also in NumPy 1.
        if copy is False and dtype is not None and np.dtype(dtype) != self.mass.dtype:
            raise ValueError(f"a plan of float64 numbers cannot be {np.dtype(dtype)} uncopied")
        return np.array(self.mass, dtype=dtype) if copy else np.asarray(self.mass, dtype=dtype)

    def __repr__(self) -> str:
        return f"DensePlan(shape={self.shape})"


def _block_sums(plan: ScaledKernelPlan | BlockPlan) -> tuple[FloatArray, FloatArray]:
    """Row sums (n,) and column sums (m,) of a plan that is made in blocks of rows."""
    n, m = plan.shape
    rows, columns = np.empty(n), np.zeros(m)
    step = max(1, _BLOCK // m)
    for start in range(0, n, step):
        block = plan.block(start, min(n, start + step))
        rows[start : start + step] = block.sum(axis=1)
        columns += block.sum(axis=0)
    return rows, columns


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ScaledKernelPlan(ArrayLikePlan):
    """Entropic plan in factors, never stored as n·m numbers.

    P_ij = row_scale_i a_i exp((f_i + g_j - C_ij) / epsilon) b_j column_scale_j
           + row_rest_i column_rest_j,

    the rank-one rest being what repair to the exact marginals adds.
    """

    problem: TransportProblem
    _: KW_ONLY
    f: FloatArray
    g: FloatArray
    epsilon: float
    row_scale: FloatArray
    column_scale: FloatArray
    row_rest: FloatArray
    column_rest: FloatArray

    __setstate__ = restore

    @classmethod
    def from_potentials(
        cls, problem: TransportProblem, f: FloatArray, g: FloatArray, epsilon: float
    ) -> ScaledKernelPlan:
        """Unrepaired plan of entropic potentials f (n,), g (m,)."""
        n, m = problem.shape
        return cls(
            problem=problem,
            f=f,
            g=g,
            epsilon=epsilon,
            row_scale=np.ones(n),
            column_scale=np.ones(m),
            row_rest=np.zeros(n),
            column_rest=np.zeros(m),
        )

    def __post_init__(self) -> None:
        names = ("f", "g", "row_scale", "column_scale", "row_rest", "column_rest")
        _freeze(self, **{name: as_exact_array(name, getattr(self, name)) for name in names})

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return self.problem.shape

    @property
    def cost(self) -> Cost:
        """Ground cost of the kernel."""
        return self.problem.cost

    def block(self, start: int, stop: int) -> FloatArray:
        """Rows start..stop-1 of the plan as (stop - start, m)."""
        with np.errstate(invalid="ignore", over="ignore"):
            exponent = self.f[start:stop, None] + self.g - self.problem.block(start, stop)
        if isinstance(self.cost, CostMatrix):
            # Potentials of atoms that forbidden pairs cut off may be infinite as well.
            exponent[np.isnan(exponent)] = -np.inf
        # Between atoms without weight nothing bounds the exponent.
        with np.errstate(over="ignore"):
            out = np.exp(np.minimum(exponent / self.epsilon, 700.0))
        out *= (self.row_scale[start:stop] * self.problem.a[start:stop])[:, None]
        out *= self.column_scale * self.problem.b
        out += self.row_rest[start:stop, None] * self.column_rest
        return np.asarray(out)

    def rows(self, i: int) -> FloatArray:
        """Row i of the plan (m,)."""
        return np.asarray(self.block(i, i + 1)[0])

    def to_sparse(self, threshold: float) -> SparsePlan:
        """Entries above `threshold`, found in blocks of rows."""
        rows, columns, mass = entries_above(self, threshold, "raise `threshold`")
        return SparsePlan(rows=rows, columns=columns, mass=mass, shape=self.shape)

    def row_sums(self) -> FloatArray:
        """Source marginal (n,)."""
        return _block_sums(self)[0]

    def column_sums(self) -> FloatArray:
        """Target marginal (m,)."""
        return _block_sums(self)[1]

    def toarray(self) -> FloatArray:
        """Return the plan as an (n, m) array; 8 n m bytes."""
        n, m = self.shape
        check_room(8 * n * m, "the plan as an array", _ROWS)
        return self.block(0, n)

    def tocoo(self) -> coo_array:
        """Return the entries that are not 0 as a `scipy.sparse.coo_array` (n, m).

        They are found block by block, and are all n m of them unless epsilon is small:
        ``to_sparse(threshold).tocoo()`` leaves out what weighs next to nothing.

        Raises
        ------
        UnsupportedProblemError
            If memory does not hold them.
        """
        way_out = f"`to_sparse(threshold).tocoo()` holds the larger ones, {_ROWS}"
        return as_coo(*entries_above(self, 0.0, way_out), self.shape)

    def __repr__(self) -> str:
        return f"ScaledKernelPlan(shape={self.shape}, epsilon={self.epsilon:g})"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class BlockPlan(ArrayLikePlan):
    """Plan that somebody else makes, some rows at a time, never stored as n·m numbers.

    P_ij = row_scale_i max(given_ij, 0) column_scale_j + row_rest_i column_rest_j,

    where ``blocks(start, stop)`` returns the rows start..stop-1 of what is given. Scales and rests
    are what repair to the exact marginals makes of it.
    """

    blocks: Callable[[int, int], FloatArray]
    _: KW_ONLY
    shape: tuple[int, int]
    row_scale: FloatArray
    column_scale: FloatArray
    row_rest: FloatArray
    column_rest: FloatArray

    __setstate__ = restore

    @classmethod
    def from_blocks(
        cls, blocks: Callable[[int, int], FloatArray], shape: tuple[int, int]
    ) -> BlockPlan:
        """Unrepaired plan (n, m) of the rows that `blocks` returns."""
        n, m = shape
        return cls(
            blocks=blocks,
            shape=shape,
            row_scale=np.ones(n),
            column_scale=np.ones(m),
            row_rest=np.zeros(n),
            column_rest=np.zeros(m),
        )

    def __post_init__(self) -> None:
        names = ("row_scale", "column_scale", "row_rest", "column_rest")
        _freeze(self, **{name: as_exact_array(name, getattr(self, name)) for name in names})

    def block(self, start: int, stop: int) -> FloatArray:
        """Rows start..stop-1 of the plan as (stop - start, m)."""
        out = np.maximum(self.blocks(start, stop), 0.0)
        out *= self.row_scale[start:stop, None]
        out *= self.column_scale
        if self.row_rest.any():
            out += self.row_rest[start:stop, None] * self.column_rest
        return np.asarray(out)

    def row_sums(self) -> FloatArray:
        """Source marginal (n,)."""
        return _block_sums(self)[0]

    def column_sums(self) -> FloatArray:
        """Target marginal (m,)."""
        return _block_sums(self)[1]

    def toarray(self) -> FloatArray:
        """Return the plan as an (n, m) array; 8 n m bytes."""
        n, m = self.shape
        check_room(8 * n * m, "the plan as an array", _ROWS)
        return self.block(0, n)

    def tocoo(self) -> coo_array:
        """Return the entries that are not 0 as a `scipy.sparse.coo_array` (n, m).

        They are found block by block.

        Raises
        ------
        UnsupportedProblemError
            If memory does not hold them.
        """
        return as_coo(*entries_above(self, 0.0, _ROWS), self.shape)

    def __repr__(self) -> str:
        return f"BlockPlan(shape={self.shape})"


Plan: TypeAlias = SparsePlan | DensePlan | ScaledKernelPlan


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Potentials:
    """Dual variables f (n,), g (m,), feasible when f_i + g_j <= C_ij for every pair.

    Arrays of the right type in C order are not copied: leave them as they are while it is in use.
    """

    f: FloatArray
    _: KW_ONLY
    g: FloatArray

    __setstate__ = restore

    def __post_init__(self) -> None:
        _freeze(self, f=as_exact_array("f", self.f), g=as_exact_array("g", self.g))

    def to(self, *, like: Any) -> PotentialArrays:
        """Return f and g as arrays of the library, floating dtype and device of `like`."""
        return PotentialArrays(f=to_like(self.f, like), g=to_like(self.g, like))

    def __repr__(self) -> str:
        return f"Potentials(n={self.f.size}, m={self.g.size})"
