"""What callers may pass as a cost or a metric, and what they mean by it."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

from .._naming import near_names
from .._validation import describe
from ..errors import InvalidInputError
from .cosine import Cosine
from .derived import DerivedCost
from .geodesic import Geodesic
from .matrix import CostMatrix
from .p_norm import PNormCost
from .shaped import ShapedCost
from .sparse import SparseCost

__all__ = [
    "Cost",
    "PointCost",
    "as_any_metric",
    "as_cost",
    "as_cost_of_points",
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

PointCost: TypeAlias = PNormCost | DerivedCost
Cost: TypeAlias = PNormCost | DerivedCost | ShapedCost | CostMatrix | SparseCost

# Derived costs that need no numbers have names as well.
_DERIVED: dict[str, type[Cosine | Geodesic]] = {"cosine": Cosine, "geodesic": Geodesic}

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
    if isinstance(cost, PNormCost | DerivedCost | ShapedCost | CostMatrix | SparseCost):
        return cost
    if type(cost) is str and cost in _NAMED:
        norm, power = _NAMED[cost]
        return PNormCost(norm=norm, power=power)
    if type(cost) is str and cost in _DERIVED:
        return _DERIVED[cost]()
    listed = ", ".join(repr(name) for name in (*_NAMED, *_DERIVED))
    requirement = f"be a PNormCost, a CostMatrix, a SparseCost or one of {listed}"
    raise InvalidInputError("cost", requirement, describe(cost), _way_out("cost", cost))


def as_point_cost(cost: Any) -> PNormCost:
    """Coerce what `as_cost` does to a power of a norm, where nothing else is supported."""
    found = as_cost_of_points(cost)
    if not isinstance(found, PNormCost):
        hint = (
            f"({type(found).__name__} is a cost for `transport`, `wasserstein` and `certify`; its "
            "`pairwise(x, y)` is a matrix of costs for what takes one)"
        )
        raise InvalidInputError("cost", "be a PNormCost here", describe(cost), hint)
    return found


def as_cost_of_points(cost: Any) -> PointCost:
    """Coerce what `as_cost` does to a cost of points: a matrix knows none."""
    if isinstance(cost, CostMatrix | SparseCost | list | tuple) or hasattr(cost, "shape"):
        hint = "(a matrix says it all: `transport_matrix(C, x_weights=…, y_weights=…)`)"
        raise InvalidInputError("cost", "be a cost of points", describe(cost), hint)
    found = as_cost(cost)
    assert isinstance(found, PNormCost | DerivedCost)
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


def as_any_metric(metric: Any) -> PointCost:
    """Coerce a ground metric that may also be a derived cost, such as `Geodesic()`."""
    if type(metric) is str and metric == "geodesic":
        return Geodesic()
    if isinstance(metric, DerivedCost):
        if metric.powered(1.0) is None:
            hint = "(a metric has power 1; `transport` takes any cost)"
            raise InvalidInputError("metric", "be a metric", describe(metric), hint)
        return metric
    return as_metric(metric)


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
