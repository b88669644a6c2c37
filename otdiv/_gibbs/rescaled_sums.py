"""Sums of a stored plan after most potentials have moved a little and a few have moved far.

Near the solution Newton's steps move nearly all potentials by a fraction of a bit, and a few that
are weakly linked by dozens of bits. The stored entries, rescaled, still give the sums over all
pairs of atoms that moved little. Pairs with an atom that moved far are summed from the points,
which takes a small part of the time of new sums.
"""

from __future__ import annotations

import numpy as np

from .._kernels.gibbs import point_sums
from .._typing import FloatArray, IndexArray
from .pruned_sums import PrunedSums
from .sides import Side
from .stored_plans import CompressedPlan

# Parts into which the allowed growth of the truncation, in bits, is divided: what was left out
# grows by the moves of row and column, and its share of the sum as much again if they shrink that.
_MOVES = 4.0
# Least bits of a part: with less room the plan is stored again soon in any case. By taste.
_LEAST_BITS = 0.25
# Pairs that may be summed for each stored entry: about half the time of new sums.
_MOST_PAIRS = 12.0


def rescaled_sums(
    kernel: PrunedSums,
    plan: object,
    u: FloatArray,
    v: FloatArray,
    allowed: float,
    *,
    by_column: bool,
) -> FloatArray | None:
    """Row sums (n,) or column sums (m,) at (u, v), of which at most the share `allowed` is missing.

    None where too many atoms have moved too far, or the plan is not stored in compressed rows.
    """
    if not isinstance(plan, CompressedPlan):
        return None
    bits = np.log2(max(allowed, 1e-300) / plan.truncation) / _MOVES
    if not bits >= _LEAST_BITS:
        return None
    du, dv = plan.moves(u, v)
    far_rows, far_columns = ~(np.abs(du) <= bits), ~(np.abs(dv) <= bits)
    n_far = int(far_rows.sum()) * v.size + int(far_columns.sum()) * u.size
    if n_far > _MOST_PAIRS * plan.n_entries:
        return None
    rows, columns = (
        np.exp2(np.where(far, -np.inf, move))
        for far, move in zip((far_rows, far_columns), (du, dv), strict=True)
    )
    sums = plan.scaled_sums(rows, columns, by_column=by_column)
    x, y, far, other = kernel.x, kernel.y, far_rows, far_columns
    if by_column:
        x, y, u, v, far, other = y, x, v, u, other, far
    sums += _pairs(x, y, u, v, slice(None), np.flatnonzero(other), kernel.metric)
    # In a sum that has lost most of its mass, what was left out counts for more: sum it again too.
    with np.errstate(invalid="ignore"):
        far |= ~(sums >= 2.0 ** (-2.0 * bits) * kernel.expected(x, u))
    again = np.flatnonzero(far)
    if again.size * v.size > _MOST_PAIRS * plan.n_entries:
        return None
    sums[again] = _pairs(x, y, u, v, again, slice(None), kernel.metric)
    return sums


def _pairs(
    x: Side,
    y: Side,
    u: FloatArray,
    v: FloatArray,
    rows: IndexArray | slice,
    columns: IndexArray | slice,
    metric: int,
) -> FloatArray:
    """Sums of the given rows over the given columns, without pruning."""
    points = np.ascontiguousarray(y.columns[:, columns])
    row, column = (u - x.lengths)[rows], (v - y.lengths)[columns]
    sums = np.zeros(row.size)
    if sums.size and column.size:
        leaf = np.array([0, sums.size]), np.array([0, 1]), np.array([0]), np.array([column.size])
        point_sums.row_sums(
            np.ascontiguousarray(x.rows[rows]), row, points, column, *leaf, metric, sums
        )
    return sums
