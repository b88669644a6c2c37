"""Entropic plans with the points of every cluster added up."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .._kernels.gibbs.cluster_sums import cluster_plan
from .._typing import FloatArray, IndexArray
from .pruned_sums import PrunedSums
from .stored_plans import CompressedPlan

__all__ = ["merged_parts", "merged_plan"]

# Sums over clusters of columns that are less than this share of a row do not matter to Newton.
_MERGED_SHARE = 1e-5
# Where there are too many that do, that share grows by this factor. So many pairs are added up at a
# time: they may be as many sums.
_FEWER, _MERGED_PAIRS = 2.0, 2 * 10**7


def merged_plan(
    kernel: PrunedSums,
    u: FloatArray,
    v: FloatArray,
    starts: IndexArray,
    columns_v: FloatArray,
    max_bytes: float,
) -> CompressedPlan:
    """The plan at (u, v) with the columns of each cluster of a cut (k + 1,) added up.

    It follows from the column potentials `columns_v` (k,). What is a small part of a row is
    left out, and more of it where the rest would take more than `max_bytes`.
    """
    share = _MERGED_SHARE
    parts: list[tuple[IndexArray, IndexArray, FloatArray]] = []
    for part in merged_parts(kernel, u, v, np.arange(u.size + 1), starts, share):
        parts.append(_heaviest(*part, share))
        while share < 1.0 and 12 * sum(values.size for *_, values in parts) > max_bytes:
            share *= _FEWER
            parts = [_heaviest(*part, share) for part in parts]
    counts, total = np.zeros(u.size, dtype=np.int64), sum(part[0].size for part in parts)
    columns, values = np.empty(total, dtype=np.uint32), np.empty(total, dtype=np.float32)
    # Each part is given back before the next is copied: there is no room for all of them twice.
    end = total
    while parts:
        rows, some, masses = parts.pop()
        begin = end - rows.size
        columns[begin:end], values[begin:end] = some, masses
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
    """Sums of the plan at (u, v) over clusters of rows (n + 1,) and of columns (m + 1,).

    The row clusters, column clusters and masses of those that are more than `share` of a row,
    in parts of which none takes long or much memory.
    """
    x, y = kernel.x, kernel.y
    n, m = row_starts.size - 1, column_starts.size - 1
    rows = np.repeat(np.arange(n), np.diff(row_starts))
    columns = np.repeat(np.arange(m), np.diff(column_starts))
    kept = x.rows, u - x.lengths, y.columns, v - y.lengths
    for part in kernel.ranges(u, v, truncation=kernel.truncation).slices(_MERGED_PAIRS):
        yield cluster_plan(*kept, *part, kernel.metric, rows, columns, m, share)


def _heaviest(
    rows: IndexArray, columns: IndexArray, masses: FloatArray, share: float
) -> tuple[IndexArray, IndexArray, FloatArray]:
    """Entries of some rows that are more than `share` of their row, in single precision.

    The largest of each row, whose entries follow each other, stays in any case.
    """
    if not rows.size:
        return rows, columns, masses.astype(np.float32)
    starts = np.append(0, np.flatnonzero(np.diff(rows)) + 1)
    sizes = np.diff(np.append(starts, rows.size))
    largest, totals = np.maximum.reduceat(masses, starts), np.add.reduceat(masses, starts)
    kept = masses >= np.repeat(np.minimum(largest, share * totals), sizes)
    return rows[kept], columns[kept], masses[kept].astype(np.float32)
