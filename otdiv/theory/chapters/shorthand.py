"""Short ways to write the laws that claims speak of."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..._typing import FloatArray
from ...costs import Euclidean
from ...measures import DiscreteMeasure, Gaussian
from ...problems import TransportProblem

__all__ = ["entropy_of", "euclidean_problem", "extent", "law", "normal"]


def law(points: Any, weights: Any = None) -> DiscreteMeasure:
    """Discrete measure of lists; uniform by default."""
    masses = None if weights is None else np.asarray(weights, dtype=np.float64)
    return DiscreteMeasure(points=np.asarray(points, dtype=np.float64), weights=masses)


def normal(mean: float, deviation: float = 1.0) -> Gaussian:
    """Normal law of the line."""
    return Gaussian(mean=np.array([mean]), covariance=np.array([[deviation**2]]))


def euclidean_problem(p: DiscreteMeasure, q: DiscreteMeasure) -> TransportProblem:
    """Transport of p to q at the Euclidean cost."""
    return TransportProblem(source=p, target=q, cost=Euclidean())


def extent(*laws: DiscreteMeasure) -> float:
    """Unit of the rounding of distances: one plus the largest coordinate."""
    return 1.0 + max(float(np.abs(p.points).max()) for p in laws)


def entropy_of(p: FloatArray) -> float:
    """Shannon entropy of a probability vector, in nats."""
    seen = p[p > 0.0]
    return -math.fsum(seen * np.log(seen))
