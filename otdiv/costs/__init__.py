"""Ground costs: functions of points, bare matrices, and sparse ones."""

from .coercion import (
    Cost,
    PointCost,
    as_any_metric,
    as_cost,
    as_cost_of_points,
    as_metric,
    as_point_cost,
)
from .cosine import Cosine
from .derived import DerivedCost, Reduced, check_exact_points
from .function import FunctionCost
from .geodesic import Geodesic
from .mahalanobis import Mahalanobis
from .matrix import CostMatrix
from .monotone import Huber, Truncated
from .p_norm import Euclidean, PNormCost, SquaredEuclidean
from .periodic import Periodic
from .shaped import ShapedCost
from .sparse import SparseCost, is_sparse

__all__ = [
    "Cosine",
    "Cost",
    "CostMatrix",
    "DerivedCost",
    "Euclidean",
    "FunctionCost",
    "Geodesic",
    "Huber",
    "Mahalanobis",
    "PNormCost",
    "Periodic",
    "PointCost",
    "Reduced",
    "ShapedCost",
    "SparseCost",
    "SquaredEuclidean",
    "Truncated",
    "as_any_metric",
    "as_cost",
    "as_cost_of_points",
    "as_metric",
    "as_point_cost",
    "check_exact_points",
    "is_sparse",
]
