"""Two discrete measures on one support: equal atoms are joined exactly, never binned."""

from __future__ import annotations

import numpy as np

from .._typing import FloatArray
from ..errors import InvalidInputError
from ..measures import DiscreteMeasure
from .vectors import VectorPair

__all__ = ["joint_masses", "joint_support"]

# The masses of the two measures must agree to this, as in a transport problem.
_MASS_TOLERANCE = 1e-9


def _order(points: FloatArray) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Return a permutation that puts bit-equal rows next to each other, in O(n log n)."""
    d = points.shape[1]
    if d <= 4:
        return np.lexsort(points.T[::-1]) if d > 1 else np.argsort(points[:, 0], kind="stable")
    # One comparison of d * 8 bytes is cheaper than d sorts; any order serves.
    rows = np.ascontiguousarray(points).view(np.dtype((np.void, 8 * d)))
    return np.argsort(rows[:, 0], kind="stable")


def joint_support(
    p: DiscreteMeasure, q: DiscreteMeasure
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the distinct atoms (k, d) of both measures and the masses (k,) of each on them."""
    if p.d != q.d:
        raise InvalidInputError("q", f"have the dimension of `p` ({p.d})", q.d)
    points = np.concatenate([p.points, q.points])
    order = _order(points)
    in_order = points[order]
    starts = np.empty(len(order), dtype=bool)
    starts[0] = True
    np.any(in_order[1:] != in_order[:-1], axis=1, out=starts[1:])
    label = np.empty(len(order), dtype=np.intp)
    label[order] = np.cumsum(starts) - 1
    k = int(label[order[-1]]) + 1
    first = np.bincount(label[: p.n], weights=p.weights, minlength=k).astype(np.float64)
    second = np.bincount(label[p.n :], weights=q.weights, minlength=k).astype(np.float64)
    return in_order[starts], first, second


def joint_masses(first: FloatArray, second: FloatArray) -> VectorPair:
    """Pair the masses of two measures; they must carry the same mass to 1e-9 relative."""
    totals = float(first.sum()), float(second.sum())
    if abs(totals[0] - totals[1]) > _MASS_TOLERANCE * max(totals):
        requirement = f"carry the mass of `p` ({totals[0]:.17g}) to 1e-9 relative"
        raise InvalidInputError("q", requirement, totals[1])
    return VectorPair(first, second, checked=False)
