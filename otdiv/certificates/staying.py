"""The unbalanced plan that moves nothing, where atoms of both measures coincide."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from .._typing import FloatArray, IndexArray
from ..costs import CostMatrix
from ..problems import TransportProblem
from .plan_sums import PlanSums, Shares
from .rounding import U
from .unbalanced import LEAST_SHARE

__all__ = ["Stay", "stay_put"]

# Rounding of a share: of the masses of a place, their logarithms and an exponential.
_SHARE = 64.0 * U


class Stay(NamedTuple):
    """Potentials (f, g), and the plan a_i b_j exp(p_i + q_j) on pairs without cost."""

    f: FloatArray
    g: FloatArray
    p: FloatArray
    q: FloatArray
    sums: PlanSums


def stay_put(problem: TransportProblem, reach: float) -> Stay | None:
    """The plan that moves nothing, where atoms of both sides coincide; None where none do.

    A place with the masses A and B keeps sqrt(A B), which belongs to the potentials f = reach / 2
    log(A / B) and g = -f there. It is optimal where these are feasible, as between equal measures.
    """
    places = _places(problem)
    if places is None:
        return None
    rows, columns = places
    k = 1 + int(max(rows.max(), columns.max()))
    A, B = _masses(rows, problem.a, k), _masses(columns, problem.b, k)
    shared = (A > 0.0) & (B > 0.0)
    if not shared.any():
        return None
    with np.errstate(all="ignore"):
        ratio = np.where(np.abs(B - A) < 0.5 * A, np.log1p((B - A) / A), np.log(B) - np.log(A))
        factor = np.where(shared, -0.25 * (np.log(A) + np.log(B)), 0.0)
    # One atom each, of equal weights: then the sums are exact.
    pairs = np.bincount(rows, minlength=k) + np.bincount(columns, minlength=k) == 2
    f, row_shares, row_errors = _kept(rows, 0.5 * ratio, shared, pairs, reach)
    g, column_shares, column_errors = _kept(columns, -0.5 * ratio, shared, pairs, reach)
    mass = math.fsum(problem.a * row_shares.share)
    sums = PlanSums(
        rows=row_shares,
        row_errors=row_errors,
        columns=column_shares,
        column_errors=column_errors,
        transport=0.0,
        entropy=0.0,
        entropy_error=0.0,
        mass=mass,
        above=mass - 1.0,
        above_error=0.0,
        forbidden=1.0,
        rounding=0.0,
    )
    return Stay(f, g, factor[rows], factor[columns], sums)


def _kept(
    places: IndexArray,
    changes: FloatArray,
    shared: np.ndarray,
    pairs: np.ndarray,
    reach: float,
) -> tuple[FloatArray, Shares, FloatArray]:
    """Potentials of the atoms of a side, the shares that they keep, and what these may be off by.

    Of each place: the logarithm of the share that stays, whether it has atoms of both sides, and
    whether it has one of each.
    """
    stays = shared[places]
    change = np.where(stays, changes[places], 0.0)
    shares = Shares(np.where(stays, np.exp(change), 0.0), np.where(stays, np.expm1(change), -1.0))
    exact = ~stays | ((change == 0.0) & pairs[places])
    potentials = reach * np.where(stays, -change, LEAST_SHARE)
    return potentials, shares, np.where(exact, 0.0, _SHARE * shares.share)


def _masses(places: IndexArray, weights: FloatArray, k: int) -> FloatArray:
    """Mass of each of k places (k,): the same whatever the order of the atoms."""
    order = np.lexsort((weights, places))
    sums = np.zeros(k)
    np.add.at(sums, places[order], weights[order])
    return sums


def _places(problem: TransportProblem) -> tuple[IndexArray, IndexArray] | None:
    """Number of the place of every atom: those without cost between them share one.

    None where a matrix has costs of 0 that do not make places.
    """
    n, m = problem.shape
    if not isinstance(problem.cost, CostMatrix):
        both = np.concatenate([problem.x, problem.y])
        _, places = np.unique(both, axis=0, return_inverse=True)
        places = places.reshape(-1)
        return places[:n], places[n:]
    rows, columns = np.nonzero(problem.cost.values == 0.0)
    graph = coo_array((np.ones(rows.size), (rows, columns + n)), shape=(n + m, n + m))
    k, places = connected_components(graph, directed=False)
    places = places.astype(np.int64)
    sizes = np.bincount(places[:n], minlength=k) * np.bincount(places[n:], minlength=k)
    if not np.array_equal(sizes, np.bincount(places[rows], minlength=k)):
        return None
    return places[:n], places[n:]
