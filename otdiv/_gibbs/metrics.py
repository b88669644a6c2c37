"""Costs of points whose plans are summed without a matrix: codes that compiled functions know."""

from __future__ import annotations

import math

import numpy as np

from .._kernels.exponential import CHEBYSHEV, CITYBLOCK, EUCLIDEAN, SQUARED
from .._typing import FloatArray
from ..costs import PNormCost

__all__ = ["cost_of_sides", "distances", "metric_of", "steepness"]

_PLAIN = {2.0: EUCLIDEAN, 1.0: CITYBLOCK, math.inf: CHEBYSHEV}


def metric_of(cost: PNormCost, d: int) -> int | None:
    """Code of a cost of points in d dimensions, None where it has none.

    On the line all norms are one.
    """
    if cost.power == 2.0 and (cost.norm == 2.0 or d == 1):
        return SQUARED
    if cost.power == 1.0:
        return _PLAIN.get(cost.norm, CITYBLOCK if d == 1 else None)
    return None


def distances(differences: FloatArray, metric: int) -> FloatArray:
    """Plain distances (…) of differences (…, d) by a code other than SQUARED."""
    if metric == EUCLIDEAN:
        return np.asarray(np.sqrt(np.square(differences).sum(axis=-1)))
    sizes = np.abs(differences)
    return np.asarray(sizes.sum(axis=-1) if metric == CITYBLOCK else sizes.max(axis=-1))


def cost_of_sides(sides: FloatArray, metric: int) -> float:
    """Cost between opposite corners of a box with the sides (d,): the largest within it."""
    if metric == SQUARED:
        return float(np.square(sides).sum())
    return float(distances(sides, metric))


def steepness(metric: int, d: int) -> float:
    """Most that a plain distance changes where a point moves by one (Euclidean) in d dimensions."""
    return math.sqrt(d) if metric == CITYBLOCK else 1.0
