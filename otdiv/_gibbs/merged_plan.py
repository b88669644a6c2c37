"""Entropic plans whose columns, or rows and columns, are added up over clusters of points.

Where a plan does not fit into memory, its sums over clusters of columns do, and Newton's method can
use them in its place.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .._kernels.gibbs.cluster_sums import cluster_plan
from .._typing import FloatArray, IndexArray
from .pruned_sums import PrunedSums
from .stored_plans import CompressedPlan

__all__ = ["merged_parts", "merged_plan"]

# Share of a row below which the sum over a cluster of columns is left out: Newton's steps with
# clusters gain about one digit each. By taste.
_MERGED_SHARE = 1e-5
# Factor by which that share grows while the sums do not fit into memory; by taste.
_GROWTH = 2.0
# Pairs that are added up at a time: in the worst case they leave as many sums, 16 bytes each.
_MERGED_PAIRS = 2 * 10**7


def merged_plan(
    kernel: PrunedSums,
    u: FloatArray,
    v: FloatArray,
    starts: IndexArray,
    columns_v: FloatArray,
    max_bytes: float,
) -> CompressedPlan:
    """The plan at (u, v) with the columns of each cluster added up.

    `starts` (k + 1,) are the first column of each cluster, and m; `columns_v` (k,) the potentials
    of the clusters, from which the plan is moved on. Small parts of a row are left out, and larger
    ones where the plan would take more than `max_bytes`.
    """
    share = _MERGED_SHARE
    parts: list[tuple[IndexArray, IndexArray, FloatArray]] = []
    for part in merged_parts(kernel, u, v, np.arange(u.size + 1), starts, share):
        parts.append(_heaviest(*part, share))
        while share < 1.0 and 12 * sum(values.size for *_, values in parts) > max_bytes:
            share *= _GROWTH
            parts = [_heaviest(*part, share) for part in parts]
    counts, total = np.zeros(u.size, dtype=np.int64), sum(part[0].size for part in parts)
    columns, values = np.empty(total, dtype=np.uint32), np.empty(total, dtype=np.float32)
    # Each part is freed before the next is copied: there is no room for all of them twice.
    end = total
    while parts:
        rows, part_columns, masses = parts.pop()
        begin = end - rows.size
        columns[begin:end], values[begin:end] = part_columns, masses
        counts += np.bincount(rows, minlength=u.size)
        end = begin
    begins = np.concatenate([[0], np.cumsum(counts)])
    return CompressedPlan(begins, columns, values, u, columns_v, kernel.truncation)


def merged_parts(
    kernel: PrunedSums,
    u: FloatArray,
    v: FloatArray,
    row_starts: IndexArray,
    column_starts: IndexArray,
    share: float,
) -> Iterator[tuple[IndexArray, IndexArray, FloatArray]]:
    """Yield the sums of the plan at (u, v) over pairs of a row cluster and a column cluster.

    `row_starts` (n + 1,) and `column_starts` (m + 1,) are the first point of each cluster, and the
    number of points. Yields row clusters, column clusters and masses of the sums that are more than
    `share` of their row, in parts of which none takes long or much memory.
    """
    x, y = kernel.x, kernel.y
    n, m = row_starts.size - 1, column_starts.size - 1
    rows = np.repeat(np.arange(n), np.diff(row_starts))
    columns = np.repeat(np.arange(m), np.diff(column_starts))
    pairs = x.rows, u - x.lengths, y.columns, v - y.lengths
    for part in kernel.ranges(u, v, truncation=kernel.truncation).slices(_MERGED_PAIRS):
        yield cluster_plan(*pairs, *part, kernel.metric, rows, columns, m, share)


def _heaviest(
    rows: IndexArray, columns: IndexArray, masses: FloatArray, share: float
) -> tuple[IndexArray, IndexArray, FloatArray]:
    """Entries that are more than `share` of their row, in single precision.

    Entries of one row follow each other; the largest of each row stays in any case.
    """
    if not rows.size:
        return rows, columns, masses.astype(np.float32)
    starts = np.append(0, np.flatnonzero(np.diff(rows)) + 1)
    sizes = np.diff(np.append(starts, rows.size))
    largest, totals = np.maximum.reduceat(masses, starts), np.add.reduceat(masses, starts)
    heavy = masses >= np.repeat(np.minimum(largest, share * totals), sizes)
    return rows[heavy], columns[heavy], masses[heavy].astype(np.float32)
