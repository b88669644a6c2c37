"""The plan of two samples that are the same: all mass stays where it is.

Weights that are summed in another order agree to rounding only. Moving that little is a problem
whose optimum floats can seldom prove; but marginals within 4 u of their weights count as met, and
so they are if each place is emptied and filled with what both samples have there in the mean.
"""

from __future__ import annotations

import numpy as np

from .._kernels.line.whole_numbers import whole_numbers
from .._typing import IndexArray
from ..costs import CostMatrix, PNormCost, ShapedCost, SparseCost
from ..plans import SparsePlan
from ..problems import TransportProblem

__all__ = ["resting_plan"]

# Share by which weights of a place may differ in floats, before they are compared exactly.
_ROUGHLY = 1e-12
# Two sides that differ by this part of either have a mean within 4 u = 2**-51 of both, with room
# for the rounding of the entries.
_APART = 2**51
# Pairs of a cost matrix that are looked at together (10 MB).
_MOST_PAIRS = 10**7


def resting_plan(problem: TransportProblem) -> SparsePlan | None:
    """Plan on pairs that cost nothing, if both samples have the same mass at each place.

    Parameters
    ----------
    problem : TransportProblem
        Problem of n and m atoms.

    Returns
    -------
    SparsePlan or None
        Every mass is rounded once, and both marginals are within 4 u of the weights.
    """
    places = _places(problem)
    if places is None:
        return None
    rows, columns = places
    count = 1 + max(int(rows.max()), int(columns.max()))
    supply, demand = np.bincount(rows, problem.a, count), np.bincount(columns, problem.b, count)
    if (np.abs(supply - demand) > _ROUGHLY * np.minimum(supply, demand)).any():
        return None
    plan = _filled(problem, rows, columns)
    if plan is None or problem.pair_costs(plan.rows, plan.columns).any():
        return None
    return plan


def _places(problem: TransportProblem) -> tuple[IndexArray, IndexArray] | None:
    """Number of the place of each row and each column; pairs cost nothing within a place."""
    n, m = problem.shape
    cost = problem.cost
    if isinstance(cost, PNormCost | ShapedCost):
        points = np.concatenate([problem.x, problem.y]) + 0.0  # of -0.0 and 0.0 one number
        labels = np.unique(points, axis=0, return_inverse=True)[1].ravel()
        return labels[:n], labels[n:]
    assert isinstance(cost, CostMatrix | SparseCost)
    if cost.values.size > _MOST_PAIRS:
        return None
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if isinstance(cost, SparseCost):
        free = cost.kept(cost.values == 0.0)
        i, j = free.rows, free.columns
    else:
        i, j = np.nonzero(cost.values == 0.0)
    links = coo_array((np.ones(i.size, np.int8), (i, j + n)), shape=(n + m, n + m))
    labels = connected_components(links, directed=False)[1]
    return labels[:n], labels[n:]


def _filled(problem: TransportProblem, rows: IndexArray, columns: IndexArray) -> SparsePlan | None:
    """Fill each place in turn, in whole numbers; None where its two sides differ too much."""
    a, b = whole_numbers(problem.a), whole_numbers(problem.b)
    total_a, total_b = sum(a), sum(b)
    numerator, denominator = problem.mass.as_integer_ratio()
    entries: list[tuple[int, int, float]] = []
    by_row, by_column = np.argsort(rows, kind="stable"), np.argsort(columns, kind="stable")
    kinds = np.arange(1 + max(int(rows.max()), int(columns.max())))
    starts = np.searchsorted(rows[by_row], kinds), np.searchsorted(columns[by_column], kinds)
    sources = [part.tolist() for part in np.split(by_row, starts[0][1:])]
    targets = [part.tolist() for part in np.split(by_column, starts[1][1:])]
    for ours, theirs in zip(sources, targets, strict=True):
        # In the unit in which the totals of both samples are equal.
        supply = total_b * sum(a[i] for i in ours)
        demand = total_a * sum(b[j] for j in theirs)
        if abs(supply - demand) * _APART > max(supply, demand):
            return None
        if supply == 0:
            continue
        # Each side as shares of the mean of both.
        unit = total_a * total_b * (supply + demand) * denominator
        left = [2 * demand * total_b * a[i] for i in ours]
        right = [2 * supply * total_a * b[j] for j in theirs]
        i = j = 0  # each step ends a row, a column or both
        while i < len(left) and j < len(right):
            mass = min(left[i], right[j])
            if mass:
                entries.append((ours[i], theirs[j], mass * numerator / unit))
            left[i], right[j] = left[i] - mass, right[j] - mass
            i, j = i + (left[i] == 0), j + (right[j] == 0)
    pairs = (np.array(part) for part in zip(*entries, strict=True))
    i_all, j_all, masses = pairs
    return SparsePlan(rows=i_all, columns=j_all, mass=masses, shape=problem.shape)
