"""One cloud of a pair in bits, as its sums are computed from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._kernels.exponential import SQUARED
from .._typing import FloatArray, IndexArray
from .clouds import Cloud

__all__ = ["Side", "side_of"]


class Side(NamedTuple):
    """One cloud in bits.

    `points` (d, n) bound the leaves; `rows` (n, d), `columns` (d, n) and `lengths` (n,) are what
    sums are computed from: the points themselves for distances; doubled, plain, and their squared
    lengths for squared distances.
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
