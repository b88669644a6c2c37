"""Ground costs: powers of p-norms between points, and bare matrices."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ._calling import explains_construction
from ._frozen import freeze, restore
from ._memory import room_for
from ._naming import near_names
from ._typing import ArrayLike, FloatArray
from ._validation import as_cost_matrix, as_number, as_points_together, describe
from .errors import InvalidInputError

__all__ = [
    "Cost",
    "CostMatrix",
    "Euclidean",
    "PNormCost",
    "SquaredEuclidean",
    "as_cost",
    "as_metric",
    "as_point_cost",
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


Cost: TypeAlias = PNormCost | CostMatrix

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
    if isinstance(cost, PNormCost | CostMatrix):
        return cost
    if type(cost) is str and cost in _NAMED:
        norm, power = _NAMED[cost]
        return PNormCost(norm=norm, power=power)
    listed = ", ".join(repr(name) for name in _NAMED)
    requirement = f"be a PNormCost, a CostMatrix or one of {listed}"
    raise InvalidInputError("cost", requirement, describe(cost), _way_out("cost", cost))


def as_point_cost(cost: Any) -> PNormCost:
    """Coerce what `as_cost` does to a cost of points: a matrix knows none."""
    if isinstance(cost, CostMatrix | list | tuple) or hasattr(cost, "shape"):
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
