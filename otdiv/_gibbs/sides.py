"""One cloud of a pair in the form from which sums are computed, with costs in bits."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._kernels.exponential import SQUARED
from .._typing import FloatArray, IndexArray
from .clouds import Cloud

__all__ = ["Side", "side_of"]


class Side(NamedTuple):
    """One cloud, scaled so that costs are in bits.

    `points` (d, n) give the boxes of the leaves. Exponents are computed from `rows` (n, d) of one
    side, `columns` (d, n) of the other, and `lengths` (n,) of both: for the distance the points
    themselves and zeros; for its square 2 x, y and |x|², since -|x - y|² = 2 x.y - |x|² - |y|².
    """

    points: FloatArray
    rows: FloatArray
    columns: FloatArray
    lengths: FloatArray
    weights: FloatArray
    leaves: IndexArray


def side_of(cloud: Cloud, scale: float, metric: int) -> Side:
    rows = cloud.points * scale
    columns = np.ascontiguousarray(rows.T)
    if metric != SQUARED:
        return Side(columns, rows, columns, np.zeros(cloud.n), cloud.weights, cloud.leaves)
    lengths = np.einsum("ij,ij->i", rows, rows)
    return Side(columns, 2.0 * rows, columns, lengths, cloud.weights, cloud.leaves)
