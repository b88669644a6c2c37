"""Barycenters in W2 whose atoms may lie anywhere: glued plans, then alternation.

A plan of all measures at once, glued from the optimal plans of one of them (the reference) to the
others, sends each tuple of atoms to its mean: a candidate whose objective is known before it is
solved for. The best reference is the start. Then each atom moves to the mean of where its plans
send it, which never costs more, until nothing moves: a local optimum (Cuturi & Doucet, 2014,
arXiv:1310.4375, algorithm 2; Álvarez-Esteban et al., 2016, arXiv:1511.05355).

The lower bound holds over all measures: sum_{i<j} λ_i λ_j W2²(b_i, b_j), by the multi-marginal
identity (`certificates.barycenters.pairwise_bound`). It is attained on the line and where the maps
between the measures commute; otherwise the gap does not close.
"""

from __future__ import annotations

import heapq
import math
from typing import NamedTuple

import numpy as np

from .._typing import FloatArray, IndexArray
from ..certificates.barycenters import pairwise_bound
from ..costs import SquaredEuclidean
from ..measures import DiscreteMeasure
from ..plans import Plan
from ..problems import TransportProblem
from ..results import TransportResult
from ..solving import solve
from .family import Clock, Family, Measured, measured

__all__ = ["free_barycenter"]

# Share of its objective that an alternation gains at least, or it is the last; by taste.
_GAIN = 1e-6
# References whose glued plans are followed by alternation: the best ones.
_FOLLOWED = 2
# Share of an even piece below which a piece is what rounding left of a level.
_DUST = 1e-9


class _Glued(NamedTuple):
    """Candidate of a reference: its atoms' means and masses, and what the glued plan costs."""

    points: FloatArray
    weights: FloatArray
    objective: float


def free_barycenter(
    family: Family, size: int | None, rtol: float, max_iterations: int, clock: Clock
) -> tuple[Measured, float]:
    """The best candidate with its plans, and the lower bound over all measures."""
    plans, lower = _all_pairs(family, rtol, clock)
    clock.lower = lower
    glued = [_glue(family, plans[r], r, size) for r in range(len(family.measures)) if r in plans]
    glued.sort(key=lambda one: one.objective)
    best: Measured | None = None
    for one in glued[:_FOLLOWED]:
        found = _alternate(one, family, rtol, max_iterations, clock)
        if best is None or found.upper < best.upper:
            best = found
            clock.upper = best.upper
        if best.upper - lower <= rtol * best.upper or clock.asks_to_stop():
            break
    assert best is not None
    return best, lower


def _all_pairs(
    family: Family, rtol: float, clock: Clock
) -> tuple[dict[int, dict[int, Plan]], float]:
    """Plans between all pairs, by reference and target, and the bound that they add up to."""
    k = len(family.measures)
    squares = np.zeros((k, k))
    plans: dict[int, dict[int, Plan]] = {r: {} for r in range(k)}
    for i in range(k):
        for j in range(i + 1, k):
            result = _between(family, i, j, clock)
            squares[i, j] = result.bounds.lower
            if result.plan is not None:
                plans[i][j] = plans[j][i] = result.plan
        clock.asks_to_stop()
    return plans, pairwise_bound(family.weights, squares, family.mass)


def _between(family: Family, i: int, j: int, clock: Clock) -> TransportResult:
    problem = TransportProblem(
        source=family.measures[i], target=family.measures[j], cost=SquaredEuclidean()
    )
    left = clock.left()
    return solve(
        problem,
        max_seconds=None if left is None else max(1e-3, left),
        callback=clock.asks_to_stop if clock.callback is not None else None,
        throw=False,
    )


class _Line(NamedTuple):
    """The mass of a reference laid out on a line: atoms that weigh something, in order."""

    atoms: IndexArray
    mass: FloatArray
    ends: FloatArray


def _glue(family: Family, plans: dict[int, Plan], r: int, size: int | None) -> _Glued:
    """Glue the plans of reference r; of at most `size` atoms, or as many as the largest measure.

    An atom of the reference that a plan splits is split in the order of the targets, so that the
    pieces of all plans fit together; where there are more pieces than atoms are wanted, those of
    one atom are joined at their mean, the cheapest first.
    """
    reference = family.measures[r]
    atoms = np.flatnonzero(reference.weights > 0.0)
    line = _Line(atoms, reference.weights[atoms], np.cumsum(reference.weights[atoms]))
    pieces = {k: _pieces(plan, r > k, line) for k, plan in plans.items()}
    levels = np.unique(np.concatenate([line.ends, *(reached for reached, _ in pieces.values())]))
    weights = np.diff(levels, prepend=0.0)
    kept = weights > _DUST * family.mass / levels.size
    levels, weights = levels[kept], weights[kept]
    owners = np.minimum(np.searchsorted(line.ends, levels), atoms.size - 1)
    points = {r: reference.points[atoms[owners]]}
    for k, (reached, columns) in pieces.items():
        found = np.minimum(np.searchsorted(reached, levels), columns.size - 1)
        points[k] = family.measures[k].points[columns[found]]
    shares = {k: float(family.weights[k]) for k in points}
    total = math.fsum(shares.values())
    mean = np.zeros((levels.size, family.d))
    for k, share in shares.items():
        mean += (share / total if total > 0.0 else 1.0 / len(shares)) * points[k]
    spread = np.zeros(levels.size)
    for k, share in shares.items():
        spread += share * np.square(points[k] - mean).sum(axis=1)
    wanted = size if size is not None else max(measure.n for measure in family.measures)
    return _Glued(*_joined(mean, weights, owners, wanted), float(weights @ spread))


def _pieces(plan: Plan, flipped: bool, line: _Line) -> tuple[FloatArray, IndexArray]:
    """Where the pieces of a plan end on the line of its reference, and their target atoms."""
    entries = plan.tocoo()
    rows, columns = (entries.col, entries.row) if flipped else (entries.row, entries.col)
    used = entries.data > 0.0
    rows, columns, moved = rows[used], columns[used], entries.data[used]
    order = np.lexsort((columns, rows))
    rows, columns, moved = rows[order], columns[order], moved[order]
    index = np.minimum(np.searchsorted(line.atoms, rows), line.atoms.size - 1)
    # Each atom's pieces fill it, whatever rounding left of its mass.
    cumulated = np.cumsum(moved)
    first = np.searchsorted(rows, rows, side="left")
    before = np.where(first > 0, cumulated[first - 1], 0.0)
    sums = np.bincount(index, weights=moved, minlength=line.atoms.size)
    share = np.minimum((cumulated - before) / sums[index], 1.0)
    reached = line.ends[index] - line.mass[index] * (1.0 - share)
    last = np.append(rows[1:] != rows[:-1], True)
    reached[last] = line.ends[index[last]]
    return reached, columns.astype(np.int64)


def _joined(
    points: FloatArray, weights: FloatArray, owners: IndexArray, wanted: int
) -> tuple[FloatArray, FloatArray]:
    """At most `wanted` atoms: pieces of one owner are joined at their mean, then the nearest."""
    if len(weights) <= wanted:
        return points, weights
    # Neighbouring pieces in the order of their owners; the cheapest joins are made first.
    same = np.flatnonzero(owners[1:] == owners[:-1])
    cost = weights[same] * weights[same + 1] / (weights[same] + weights[same + 1])
    cost = cost * np.square(points[same] - points[same + 1]).sum(axis=1)
    n_joins = min(len(weights) - wanted, same.size)
    joined = same[np.argsort(cost, kind="stable")[:n_joins]]
    starts = np.ones(len(weights), dtype=np.int64)
    starts[joined + 1] = 0
    points, weights = _merged(points, weights, np.cumsum(starts) - 1)
    if len(weights) > wanted:
        points, weights = _merged(points, weights, _nearest_groups(points, wanted))
    return points, weights


def _merged(
    points: FloatArray, weights: FloatArray, group: IndexArray
) -> tuple[FloatArray, FloatArray]:
    mass = np.asarray(np.bincount(group, weights=weights), dtype=np.float64)
    columns = [np.bincount(group, weights=weights * column) / mass for column in points.T]
    return np.stack(columns, axis=1), mass


def _nearest_groups(points: FloatArray, wanted: int) -> IndexArray:
    """Groups (n,) of points by halving the longest box until there are as many as are wanted."""

    def entry(rows: IndexArray) -> tuple[float, int, IndexArray]:
        extent = np.ptp(points[rows], axis=0)
        return -float(extent.max()), int(rows[0]), rows

    heap = [entry(np.arange(len(points)))]
    while len(heap) < wanted:
        _, _, rows = heapq.heappop(heap)
        axis = int(np.ptp(points[rows], axis=0).argmax())
        order = rows[np.argsort(points[rows, axis], kind="stable")]
        middle = len(order) // 2
        if middle == 0:
            heapq.heappush(heap, (0.0, int(rows[0]), rows))
            break
        heapq.heappush(heap, entry(np.sort(order[:middle])))
        heapq.heappush(heap, entry(np.sort(order[middle:])))
    group = np.empty(len(points), dtype=np.int64)
    for number, (_, _, rows) in enumerate(heap):
        group[rows] = number
    return group


def _alternate(
    start: _Glued, family: Family, rtol: float, max_iterations: int, clock: Clock
) -> Measured:
    """Move atoms to the means of where their plans send them, until that gains nothing."""
    weights = start.weights * (family.mass / math.fsum(start.weights))
    candidate = DiscreteMeasure(points=start.points, weights=weights)
    best = measured(candidate, family, SquaredEuclidean(), clock)
    for _ in range(max_iterations):
        clock.iteration += 1
        if clock.asks_to_stop():
            break
        points = _means(best, family)
        candidate = DiscreteMeasure(points=points, weights=weights)
        found = measured(candidate, family, SquaredEuclidean(), clock, start=best)
        gained = best.upper - found.upper
        if gained > 0.0:
            best = found
        if not gained > _GAIN * best.upper:
            break
    return best


def _means(found: Measured, family: Family) -> FloatArray:
    """Weighted means (n, d) of where the plans send each atom."""
    points = found.measure.points
    mean = np.zeros_like(points)
    for weight, measure, transport in zip(
        family.weights, family.measures, found.transports, strict=True
    ):
        if transport.plan is None:
            return points
        entries = transport.plan.tocoo()
        sums = np.bincount(entries.row, weights=entries.data, minlength=len(points))
        safe = np.where(sums > 0.0, sums, 1.0)
        for axis in range(points.shape[1]):
            moved = entries.data * measure.points[entries.col, axis]
            image = np.bincount(entries.row, weights=moved, minlength=len(points)) / safe
            mean[:, axis] += weight * np.where(sums > 0.0, image, points[:, axis])
    return np.asarray(mean / family.weights.sum())
