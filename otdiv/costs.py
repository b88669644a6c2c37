"""Ground costs: powers of p-norms between points, bare matrices, and sparse ones."""

from __future__ import annotations

import math
import sys
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ._calling import explains_construction
from ._frozen import freeze, restore
from ._memory import room_for
from ._naming import near_names
from ._typing import ArrayLike, FloatArray, IndexArray
from ._validation import as_cost_matrix, as_exact_array, as_number, as_points_together, describe
from .errors import InvalidInputError

__all__ = [
    "Cost",
    "CostMatrix",
    "Euclidean",
    "PNormCost",
    "SparseCost",
    "SquaredEuclidean",
    "as_cost",
    "as_metric",
    "as_point_cost",
    "is_sparse",
]

_NAMED = {
    "euclidean": (2.0, 1.0),
    "sqeuclidean": (2.0, 2.0),
    "cityblock": (1.0, 1.0),
    "chebyshev": (math.inf, 1.0),
}
_METRICS = tuple(name for name, (_, power) in _NAMED.items() if power == 1.0)


@explains_construction
@dataclass(frozen=True, slots=True)
class PNormCost:
    """Cost |x - y|_norm ** power of two points.

    Parameters
    ----------
    norm : float, default 2
        Exponent of the norm, at least 1; `inf` is the largest coordinate difference.
    power : float, default 1
        Positive exponent of the cost. Its root is a metric of laws for `power >= 1`.

    Raises
    ------
    InvalidInputError
        If `norm < 1` or `power` is not positive and finite.

    Examples
    --------
    >>> from otdiv import PNormCost
    >>> PNormCost(norm=1).pairwise([[0.0, 0.0]], [[3.0, 4.0]])
    array([[7.]])
    """

    norm: float = 2.0
    _: KW_ONLY
    power: float = 1.0

    def __post_init__(self) -> None:
        for name in ("norm", "power"):
            object.__setattr__(self, name, as_number(name, getattr(self, name)))
        if not self.norm >= 1.0:
            raise InvalidInputError("norm", "be at least 1", self.norm)
        if not (self.power > 0.0 and math.isfinite(self.power)):
            raise InvalidInputError("power", "be positive and finite", self.power)

    @property
    def is_metric(self) -> bool:
        """Whether the cost itself obeys the triangle inequality."""
        return self.power <= 1.0

    def pairwise(self, x: Any, y: Any) -> FloatArray:
        """Cost matrix (n, m) between points `x` (n, d) and `y` (m, d)."""
        from ._kernels import costs as kernels  # Numba is not loaded before it is needed

        x, y = self._points(x, y)
        n, m = len(x), len(y)
        with room_for(8 * n * m, f"the costs of {n} x {m} pairs", "pass fewer rows at a time"):
            return self._finite(kernels.pairwise(x, y, self.norm, self.power))

    def between(self, x: Any, y: Any) -> FloatArray:
        """Costs (n,) between rows of `x` (n, d) and the same rows of `y` (n, d)."""
        from ._kernels import costs as kernels

        x, y = self._points(x, y)
        if x.shape != y.shape:
            raise InvalidInputError("y", f"have the shape {x.shape} of `x`", f"shape {y.shape}")
        return self._finite(kernels.rowwise(x, y, self.norm, self.power))

    @staticmethod
    def _finite(costs: FloatArray) -> FloatArray:
        # A sum of costs, which are not negative, is finite only if they are.
        with np.errstate(over="ignore", invalid="ignore"):
            finite = math.isfinite(costs.sum()) or np.isfinite(costs).all()
        if not finite:
            raise InvalidInputError(
                "x", "be so near to `y` that costs stay within float64", "an overflow (rescale)"
            )
        return np.asarray(costs)

    @staticmethod
    def _points(x: Any, y: Any) -> tuple[FloatArray, FloatArray]:
        (x, y), _ = as_points_together(x=x, y=y)
        if x.shape[1] != y.shape[1]:
            raise InvalidInputError("y", f"have {x.shape[1]} columns like `x`", y.shape[1])
        return x, y


def Euclidean() -> PNormCost:  # noqa: N802  (a named case of a class reads like one)
    """Euclidean distance |x - y|.

    Returns
    -------
    PNormCost
        With norm 2 and power 1.

    Examples
    --------
    >>> from otdiv import Euclidean
    >>> Euclidean()
    PNormCost(norm=2.0, power=1.0)
    """
    return PNormCost(norm=2.0, power=1.0)


def SquaredEuclidean() -> PNormCost:  # noqa: N802  (a named case of a class reads like one)
    """Squared Euclidean distance |x - y|².

    Returns
    -------
    PNormCost
        With norm 2 and power 2.

    Examples
    --------
    >>> from otdiv import SquaredEuclidean
    >>> SquaredEuclidean().between([[0.0, 0.0]], [[3.0, 4.0]])
    array([25.])
    """
    return PNormCost(norm=2.0, power=2.0)


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


Cost: TypeAlias = PNormCost | CostMatrix | SparseCost

# What else people call the named costs, and what scipy.spatial.distance does.
_ALIASES = {
    "manhattan": "cityblock",
    "taxicab": "cityblock",
    "l1": "cityblock",
    "l2": "euclidean",
    "sqeuclidian": "sqeuclidean",
    "squared_euclidean": "sqeuclidean",
    "l_inf": "chebyshev",
    "linf": "chebyshev",
    "max": "chebyshev",
}
_OF_MATRIX = (
    "any other cost of pairs is a matrix: "
    "`transport_matrix(scipy.spatial.distance.cdist(x, y, metric))`"
)


def as_cost(cost: Any) -> Cost:
    """Coerce a cost object or one of a short list of names."""
    if isinstance(cost, PNormCost | CostMatrix | SparseCost):
        return cost
    if type(cost) is str and cost in _NAMED:
        norm, power = _NAMED[cost]
        return PNormCost(norm=norm, power=power)
    listed = ", ".join(repr(name) for name in _NAMED)
    requirement = f"be a PNormCost, a CostMatrix, a SparseCost or one of {listed}"
    raise InvalidInputError("cost", requirement, describe(cost), _way_out("cost", cost))


def as_point_cost(cost: Any) -> PNormCost:
    """Coerce what `as_cost` does to a cost of points: a matrix knows none."""
    if isinstance(cost, CostMatrix | SparseCost | list | tuple) or hasattr(cost, "shape"):
        hint = "(a matrix says it all: `transport_matrix(C, x_weights=…, y_weights=…)`)"
        raise InvalidInputError("cost", "be a cost of points", describe(cost), hint)
    found = as_cost(cost)
    assert isinstance(found, PNormCost)
    return found


def as_metric(metric: Any) -> PNormCost:
    """Coerce a ground metric: a PNormCost of power 1 or one of a short list of names."""
    if type(metric) is str and metric in _METRICS:
        return PNormCost(norm=_NAMED[metric][0], power=1.0)
    if isinstance(metric, PNormCost) and metric.power == 1.0:
        return metric
    listed = ", ".join(repr(name) for name in _METRICS)
    requirement = f"be a PNormCost of power 1 or one of {listed}"
    raise InvalidInputError("metric", requirement, describe(metric), _way_out("metric", metric))


def _way_out(argument: str, value: Any) -> str:
    """What somebody means who names a cost that has another name, or none, here."""
    if isinstance(value, PNormCost) or (isinstance(value, str) and value == "sqeuclidean"):
        return (
            "(a metric has power 1: for a power p call `wasserstein(x, y, p=p)`, or `transport` "
            "with a cost)"
        )
    if not isinstance(value, str):
        return f"({_OF_MATRIX})" if callable(value) or hasattr(value, "shape") else ""
    name = value.lower()
    known = _ALIASES.get(name, name)
    if known == "minkowski":
        return f"(`{argument}=PNormCost(norm=p)`)"
    if known in (_NAMED if argument == "cost" else _METRICS):
        return f"({known!r} here)"
    near = near_names(name, _NAMED if argument == "cost" else _METRICS, most=1)
    return f"(did you mean {near[0]!r}?)" if near else f"({_OF_MATRIX})"
