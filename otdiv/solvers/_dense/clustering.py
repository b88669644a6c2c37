"""A coarser transport problem made from a bare cost matrix, without coordinates.

Rows are embedded by their costs to a few columns (landmarks) and split at medians into clusters of
three to six, columns likewise by their costs to a few rows. Mean costs of clusters and their masses
are a transport problem of about a sixteenth of the pairs. For costs of points this is close to what
centroids would give, and its duals are near those of the full problem.
"""

from __future__ import annotations

import math

import numpy as np

from ..._kernels.kdtree.tree import split_level
from ..._kernels.network_flow import dense_pricing
from ..._typing import FloatArray, IndexArray

__all__ = ["clustered"]

# Columns that embed a row, and rows that embed a column: enough for clouds in a few dimensions.
LANDMARKS = 6


def clustered(
    C: FloatArray, a: IndexArray, b: IndexArray
) -> tuple[FloatArray, FloatArray, IndexArray, IndexArray]:
    """Mean rows of clusters (p, m), costs between clusters (p, q), and their masses (p,), (q,)."""
    n, m = C.shape
    rng = np.random.default_rng(0)
    row_depth, column_depth = _depth(n), _depth(m)
    row_order = _clusters(C[:, rng.permutation(m)[:LANDMARKS]].T, row_depth)
    column_order = _clusters(C[rng.permutation(n)[:LANDMARKS]], column_depth)
    merged = dense_pricing.merge_rows(C, row_order, row_depth)
    coarse = dense_pricing.merge_columns(merged, column_order, column_depth)
    masses = _sums(a, row_order, row_depth), _sums(b, column_order, column_depth)
    return merged, coarse, *masses


def _depth(n: int) -> int:
    """Level at which clusters hold 3 to 6 of n rows."""
    return max(0, math.floor(math.log2(n / 3.0)))


def _clusters(features: FloatArray, depth: int) -> IndexArray:
    """Order (n,) of the columns of `features` (k, n) in which clusters are runs of equal length."""
    features = np.ascontiguousarray(features)
    order = np.arange(features.shape[1])
    keys = np.empty(features.shape[1])
    for level in range(depth):
        split_level(features, order, keys, level)
    return order


def _sums(masses: IndexArray, order: IndexArray, depth: int) -> IndexArray:
    starts = (np.arange(1 << depth) * len(order)) >> depth
    return np.asarray(np.add.reduceat(masses[order], starts))
